"""The key of a device that verifies its tokens, as its factory knows it."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...interface.psa.crypto_values import PSA_KEY_TYPE_HMAC
from ...platform.hardware import Hardware
from .model import EndorsementError

_CURVES: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}


class NoEndorsement(EndorsementError):
    """The device has no attestation key whose verification key could be handed out."""


def iak_verification_key(hardware: Hardware) -> bytes:
    """PEM of the IAK's public key; for a symmetric IAK the shared key itself, as it lies in OTP.

    Raises NoEndorsement for a device without an IAK, or with one that nobody verifies.
    """
    iak = hardware.hal.tfm_plat_get_iak()
    if not any(iak.data):
        raise NoEndorsement("no IAK in OTP; legal: a device that was provisioned")
    if iak.type == PSA_KEY_TYPE_HMAC:
        return iak.data
    if iak.bits not in _CURVES:
        raise NoEndorsement(f"IAK of {iak.bits} bits; legal: {', '.join(map(str, _CURVES))}")
    key = ec.derive_private_key(int.from_bytes(iak.data), _CURVES[iak.bits]())
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
