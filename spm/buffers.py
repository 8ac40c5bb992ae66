"""Python buffers as the vectors of a call: placed in the caller's own simulated memory while it takes.

So the SPM checks them like any address of the caller's.
"""

from collections.abc import Sequence
from typing import NoReturn

from ..interface.errors import TfmSimError
from ..interface.psa.client import InVec, psa_invec, psa_outvec
from ..platform.memory import Memory
from .c_types import uint32
from .client import Client
from .client_api import DescriptorArray, Vectors
from .connection import Vector

VECTOR_ALIGNMENT = 8
NULL_VECTOR: Vector = (0, 0)


class BuffersDoNotFit(TfmSimError):
    """The Python buffers of one call are larger than the caller's simulated memory."""


class CallBuffers:
    """A caller's memory for its Python buffers: ``arena`` is its address, ``arena_size`` its bytes."""

    __slots__ = ("_arena_end", "_arena_top", "_client", "_view", "_view_base")

    def __init__(self, memory: Memory, client: Client, arena: int, arena_size: int) -> None:
        self._client = client
        self._arena_top = arena
        self._arena_end = arena + arena_size
        region = memory.find_range(arena, arena_size)
        assert region is not None  # the caller's own region, made by the loader
        self._view = region.view
        self._view_base = region.base

    def _inputs(self, in_vec: Sequence[InVec] | int, in_len: int | None) -> Vectors:
        if isinstance(in_vec, int):
            return _array("in", in_vec, in_len)
        if in_len is not None:
            _check_length("in", in_vec, in_len)
        vectors = []
        for item in in_vec:
            if item.__class__ is bytes:
                data: bytes | bytearray | memoryview = item
            elif isinstance(item, psa_invec):
                base, length = item.base, item.len
                if isinstance(base, int):
                    vectors.append(_address("psa_invec", base, length))
                    continue
                if length > len(base):
                    raise ValueError(f"psa_invec: len {length} over a buffer of {len(base)} bytes")
                data = base if length < 0 else base[:length]
            else:
                data = item
            size = len(data)
            if not size:
                vectors.append(NULL_VECTOR)
                continue
            base = self._arena_top
            self._arena_top = top = base + size + VECTOR_ALIGNMENT - 1 & -VECTOR_ALIGNMENT
            if top > self._arena_end:
                self._no_room(base, size)
            start = base - self._view_base
            self._view[start : start + size] = data
            vectors.append((base, size))
        return vectors

    def _outputs(self, out_vec: Sequence[psa_outvec] | int, out_len: int | None) -> Vectors:
        if isinstance(out_vec, int):
            return _array("out", out_vec, out_len)
        if out_len is not None:
            _check_length("out", out_vec, out_len)
        vectors = []
        for item in out_vec:
            buffer, length = item.base, item.len
            if isinstance(buffer, int):
                vectors.append(_address("psa_outvec", buffer, length))
                continue
            if not isinstance(buffer, bytearray) and (not isinstance(buffer, memoryview) or buffer.readonly):
                kind = type(buffer).__name__
                raise TypeError(f"psa_outvec: base is a {kind}; legal: a writable buffer or an address")
            if length < 0:
                length = len(buffer)
            elif length > len(buffer):
                raise ValueError(f"psa_outvec: len {length} over a buffer of {len(buffer)} bytes")
            if not length:
                vectors.append(NULL_VECTOR)
                continue
            base = self._arena_top
            self._arena_top = top = base + length + VECTOR_ALIGNMENT - 1 & -VECTOR_ALIGNMENT
            if top > self._arena_end:
                self._no_room(base, length)
            # A service that maps the vector finds the client's own bytes there, and may leave them.
            start = base - self._view_base
            self._view[start : start + length] = buffer if len(buffer) == length else buffer[:length]
            vectors.append((base, length))
        return vectors

    def _take_outputs(self, out_vec: Sequence[psa_outvec], outputs: list[Vector], written: list[int]) -> None:
        """FF-M 1.1, psa_call: each output vector that had room now says how many bytes were written."""
        for index, item in enumerate(out_vec):
            base, room = outputs[index]
            if not room:
                continue
            item.len = count = written[index]
            if count and not isinstance(item.base, int):
                start = base - self._view_base
                item.base[:count] = self._view[start : start + count]

    def _no_room(self, base: int, size: int) -> NoReturn:
        raise BuffersDoNotFit(
            f"{self._client.name}: {size} bytes of vectors do not fit in its memory: "
            f"{self._arena_end - base} bytes are left at {base:#010x}"
        )


def _array(which: str, address: int, count: int | None) -> DescriptorArray:
    """Descriptors in memory; only their length has to be told."""
    if count is None:
        raise TypeError(f"psa_call: {which}_vec is an address and needs {which}_len")
    return DescriptorArray(address, uint32(count))


def _check_length(which: str, vectors: Sequence[object], given: int) -> None:
    if given != len(vectors):
        raise TypeError(f"psa_call: {which}_len {given} for {len(vectors)} vectors; legal: leave it out")


def _address(what: str, base: int, length: int) -> Vector:
    """A vector over addresses; only the null one may leave its length out."""
    if length < 0 and base:
        raise ValueError(f"{what}: address {base:#x} without a len")
    return uint32(base), max(length, 0)


def vector_sizes(vectors: Sequence[InVec] | Sequence[psa_outvec] | int) -> tuple[int, ...]:
    if isinstance(vectors, int):
        return ()
    return tuple(
        (len(v.base) if v.len < 0 and not isinstance(v.base, int) else v.len)
        if isinstance(v, psa_invec | psa_outvec)
        else len(v)
        for v in vectors
    )
