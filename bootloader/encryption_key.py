"""The key that unwraps image keys: a loader holds one, of the kind that it was built for.

An asymmetric key is a private key in DER without password (PKCS#8; RSA also PKCS#1, as MCUboot compiles it
in); AES-KW has the 16 or 32 bytes of its key encryption key.
"""

from enum import Enum
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from ..interface.errors import TfmSimError
from ..interface.mcuboot.tlv import TlvType

EncryptionKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | bytes
MAX_KEY_FILE: Final = 1 << 16


class EncryptionKeyError(TfmSimError):
    """Bytes or a file that do not hold the key which a loader unwraps image keys with."""


class EncryptionType(Enum):
    """MCUboot MCUBOOT_ENCRYPT_*: how image keys are wrapped. A loader knows exactly one way."""

    RSA = "RSA"
    """RSA-OAEP with SHA-256, a key of 2048 bits."""
    KW = "KW"
    """AES key wrap (RFC 3394)."""
    EC256 = "EC256"
    """ECIES over P-256."""
    X25519 = "X25519"
    """ECIES over X25519."""

    def tlv(self, hmac_sha512: bool = False) -> TlvType:
        """MCUboot BOOT_ENC_TLV: the TLV that holds the wrapped key."""
        if self is EncryptionType.X25519 and hmac_sha512:
            return TlvType.ENC_X25519_SHA512
        return _TLVS[self]


_TLVS: Final = {
    EncryptionType.RSA: TlvType.ENC_RSA2048,
    EncryptionType.KW: TlvType.ENC_KW,
    EncryptionType.EC256: TlvType.ENC_EC256,
    EncryptionType.X25519: TlvType.ENC_X25519,
}
_LEGAL: Final = {
    EncryptionType.RSA: "an RSA private key of 2048 bits",
    EncryptionType.KW: "the 16 or 32 bytes of a key encryption key",
    EncryptionType.EC256: "a P-256 private key",
    EncryptionType.X25519: "an X25519 private key",
}


LEGAL_FILE: Final = "a PEM private key without password (RSA-2048, P-256 or X25519), or 16 or 32 raw bytes"


def decode_encryption_key(encryption: EncryptionType, data: bytes) -> EncryptionKey:
    """The key in ``data``; raises EncryptionKeyError where it is not one of the kind."""
    if encryption is EncryptionType.KW:
        if len(data) not in (16, 32):
            raise EncryptionKeyError(f"found {len(data)} bytes; legal: {_LEGAL[encryption]}")
        return data
    try:
        key: object = load_der_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptionKeyError(f"found no DER private key; legal: {_LEGAL[encryption]}") from None
    match encryption, key:
        case EncryptionType.RSA, rsa.RSAPrivateKey(key_size=2048):
            return key
        case EncryptionType.EC256, ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return key
        case EncryptionType.X25519, x25519.X25519PrivateKey():
            return key
    raise EncryptionKeyError(f"found {type(key).__name__}; legal: {_LEGAL[encryption]}")


def load_encryption_key(path: Path) -> tuple[EncryptionType, bytes]:
    """What a key file is good for, and its key as a loader holds it.

    A PEM private key (RSA-2048, P-256, X25519), or the 16 or 32 raw bytes of a key encryption key. Raises
    EncryptionKeyError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise EncryptionKeyError(
            f"{path}: cannot read the key: {error.strerror}; legal: {LEGAL_FILE}"
        ) from error
    except ValueError as error:  # a path with a NUL in it
        raise EncryptionKeyError(f"{str(path)!r}: cannot read the key: {error}") from error
    if len(data) in (16, 32):
        return EncryptionType.KW, data
    try:
        key = load_pem_private_key(data, None)
        encoded = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptionKeyError(f"{path}: no such key; legal: {LEGAL_FILE}") from None
    for encryption in (EncryptionType.RSA, EncryptionType.EC256, EncryptionType.X25519):
        try:
            decode_encryption_key(encryption, encoded)
        except EncryptionKeyError:
            continue
        return encryption, encoded
    raise EncryptionKeyError(f"{path}: found {type(key).__name__}; legal: {LEGAL_FILE}")
