"""What a factory hands to verifiers about a device: the public half of its initial attestation key."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..interface.errors import TfmSimError
from ..interface.psa.crypto_values import PSA_KEY_TYPE_HMAC
from ..platform.hardware import Hardware

_CURVES: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}


class NoEndorsement(TfmSimError):
    """The device has no attestation key whose verification key could be handed out."""


def iak_verification_key(hardware: Hardware) -> bytes:
    """PEM of the IAK's public key; for a symmetric IAK the shared key itself, as it lies in OTP."""
    iak = hardware.hal.tfm_plat_get_iak()
    if iak.type == PSA_KEY_TYPE_HMAC:
        return iak.data
    if iak.bits not in _CURVES:
        raise NoEndorsement(f"IAK of {iak.bits} bits; legal: {', '.join(map(str, _CURVES))}")
    key = ec.derive_private_key(int.from_bytes(iak.data), _CURVES[iak.bits]())
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
