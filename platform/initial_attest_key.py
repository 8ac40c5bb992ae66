"""The initial attestation key as the platform of 2019 gave it away (TF-M 2019, tfm_plat_crypto_keys.h).

That platform kept the private key, the point's two coordinates and their hash side by side. This OTP keeps
the private key alone, so the rest is computed from it.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from .plat_err import PlatError, TfmPlatErr

COSE_CURVE_P_256: Final = 1
"""``enum ecc_curve_t`` of 2019 has the numbers of COSE."""
UEID_TYPE_GUID: Final = b"\x01"
INSTANCE_ID_MAX_SIZE: Final = 33
_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class EccKey:
    """``struct ecc_key_t`` and its curve: private scalar and coordinates, 32 bytes each, big endian."""

    curve: int
    priv_key: bytes = field(repr=False)
    pubx_key: bytes
    puby_key: bytes


def ecc_key(scalar: bytes) -> EccKey:
    """The key pair of a P-256 private key. Raises PlatError SYSTEM_ERR for what is none."""
    try:
        if len(scalar) != _SIZE:
            raise ValueError(f"{len(scalar)} bytes")
        public = ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()).public_key()
    except ValueError as error:
        found = f"initial attestation key: {error}"
        raise PlatError(TfmPlatErr.SYSTEM_ERR, f"{found}; legal: a P-256 private key of 32 bytes") from error
    point = public.public_numbers()
    x, y = (coordinate.to_bytes(_SIZE, "big") for coordinate in (point.x, point.y))
    return EccKey(COSE_CURVE_P_256, scalar, x, y)


def instance_id(key: EccKey) -> bytes:
    """The type byte of a GUID, and SHA-256 of X and Y without the 04 before them: 33 bytes."""
    return UEID_TYPE_GUID + hashlib.sha256(key.pubx_key + key.puby_key).digest()
