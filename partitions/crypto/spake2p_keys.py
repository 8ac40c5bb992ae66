"""Keys of SPAKE2+: w0, w1 of the Prover and w0, L of the Verifier (PSA_KEY_TYPE_SPAKE2P_*)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR,
    PSA_KEY_TYPE_SPAKE2P_GET_FAMILY,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .refusal import Refusal
from .spake2p import RegistrationRecord
from .weierstrass import NIST_BITS, Group, nist_group

_EXTRA: Final = 8
"""RFC 9383, 3.2: so many bytes more than the order has make the reduction's bias vanish."""


def load(key_type: int, bits: int, data: bytes) -> int:
    """The size in bits of an imported key; ``bits`` is the one wanted, 0 for any.

    NOT_SUPPORTED for a curve that is not there, INVALID_ARGUMENT for data that is no key.
    """
    _check_family(key_type)
    if bits and bits not in NIST_BITS:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    is_pair = PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR(key_type)
    for size in NIST_BITS:
        group = nist_group(size)
        length = 2 * group.width if is_pair else 3 * group.width + 1
        if len(data) == length and bits in (0, size):
            record(group, key_type, data)
            return size
    raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def record(group: Group, key_type: int, data: bytes) -> RegistrationRecord:
    """The values of a key; INVALID_ARGUMENT for a scalar out of range or a point off the curve."""
    w0, rest = int.from_bytes(data[: group.width], "big"), data[group.width :]
    if not 0 < w0 < group.order:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR(key_type):
        w1 = int.from_bytes(rest, "big")
        if not 0 < w1 < group.order:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return RegistrationRecord(w0, w1 * group.generator, w1)
    try:
        return RegistrationRecord(w0, group.point(rest))
    except ValueError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error


def public_bytes(key_type: int, bits: int, data: bytes) -> bytes:
    """PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY: w0 and the point L, 04, X, Y."""
    group = nist_group(bits)
    made = record(group, key_type, data)
    return group.scalar(made.w0) + made.big_l.encode()


def derive(key_type: int, bits: int, read: Callable[[int], bytes]) -> bytes:
    """PSA_KEY_TYPE_SPAKE2P_KEY_PAIR, key derivation: w0 and w1, each from 8 bytes more than the order has.

    ``read`` gives the next bytes of the derivation.
    """
    _check_family(key_type)
    if bits not in NIST_BITS:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    group = nist_group(bits)
    scalars = [int.from_bytes(read(group.width + _EXTRA), "big") % group.order for _ in range(2)]
    if 0 in scalars:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return b"".join(group.scalar(scalar) for scalar in scalars)


def _check_family(key_type: int) -> None:
    if PSA_KEY_TYPE_SPAKE2P_GET_FAMILY(key_type) != PSA_ECC_FAMILY_SECP_R1:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
