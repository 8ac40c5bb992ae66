"""A public key as both sides of delegated attestation hash it: COSE_Key (RFC 9053, 7.1.1)."""

from typing import Final

import cbor2

_CURVE: Final = {32: 1, 48: 2, 66: 3}
"""RFC 9053, table 18: P-256, P-384 and P-521 by the size of a coordinate in bytes."""


def encode_cose_key(point: bytes) -> bytes:
    """COSE_Key of an uncompressed SEC 1 point of 65, 97 or 133 bytes: 75, 107 or 143 bytes.

    TF-M t_cose_key_encode: key type EC2, curve, X, Y, in that order.
    """
    width = len(point) // 2
    return cbor2.dumps({1: 2, -1: _CURVE[width], -2: point[1 : 1 + width], -3: point[1 + width :]})
