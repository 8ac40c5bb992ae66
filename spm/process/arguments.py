"""Arguments of a partition's calls, on its own side of the wire: C's integers, and vectors."""

from collections.abc import Sequence
from typing import Any, Final

from ...interface.psa.client import InVec, psa_invec, psa_outvec
from ...interface.wire.payloads import InVector, Kind

UINT32: Final = 0xFFFFFFFF
_INT32_SIGN: Final = 0x80000000


def int32(value: int) -> int:
    """The value that a C int32_t keeps."""
    return ((value & UINT32) ^ _INT32_SIGN) - _INT32_SIGN


def vector_count(which: str, vectors: Sequence[object] | int, given: int | None) -> int:
    if isinstance(vectors, int):
        if given is None:
            raise TypeError(f"psa_call: {which}_vec is an address and needs {which}_len")
        return int32(given)
    if given is not None and given != len(vectors):
        raise TypeError(f"psa_call: {which}_len {given} for {len(vectors)} vectors; legal: leave it out")
    return len(vectors)


def array_at(address: int) -> tuple[int, int, list[Any]]:
    return Kind.ADDRESS, address & UINT32, []


def in_vector(item: InVec) -> InVector:
    if not isinstance(item, psa_invec):
        return bytes(item)
    base, length = item.base, item.len
    if isinstance(base, int):
        return psa_invec(base, _length("psa_invec", base, length))
    if length > len(base):
        raise ValueError(f"psa_invec: len {length} over a buffer of {len(base)} bytes")
    return bytes(base if length < 0 else base[:length])


def out_vector(item: psa_outvec) -> psa_outvec:
    base, length = item.base, item.len
    if isinstance(base, int):
        return psa_outvec(base, _length("psa_outvec", base, length))
    if not isinstance(base, bytearray) and (not isinstance(base, memoryview) or base.readonly):
        raise TypeError(
            f"psa_outvec: base is a {type(base).__name__}; legal: a writable buffer or an address"
        )
    if length > len(base):
        raise ValueError(f"psa_outvec: len {length} over a buffer of {len(base)} bytes")
    return psa_outvec(base, len(base) if length < 0 else length)


def _length(what: str, base: int, length: int) -> int:
    if length < 0 and base:
        raise ValueError(f"{what}: address {base:#x} without a len")
    return max(length, 0)
