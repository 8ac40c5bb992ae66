"""Public keys as images and OTP hold them.

RSA keys are encoded as PKCS#1 ``RSAPublicKey`` DER, EC and Ed25519 keys as SubjectPublicKeyInfo DER; a key
hash is the image digest algorithm over that encoding.
"""

import hashlib
from pathlib import Path
from typing import Final, TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from ..interface.errors import TfmSimError
from .config import HashAlgorithm, SignatureType

ImageKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


MAX_KEY_FILE: Final = 1 << 20


class KeyFileError(TfmSimError):
    """A file does not hold a key that can sign images."""


def load_public_key(path: Path) -> ImageKey:
    """The public key of a PEM file that holds a private or a public key.

    Raises KeyFileError where the file cannot be read, holds no PEM key, or a key of another kind.
    """
    try:
        with path.open("rb") as file:
            pem = file.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot read the key: {error.strerror}; legal: a PEM file") from error
    except ValueError as error:  # a path with a NUL in it
        raise KeyFileError(f"{str(path)!r}: cannot read the key: {error}") from error
    if len(pem) > MAX_KEY_FILE:
        raise KeyFileError(f"{path}: too long for a key; legal: at most {MAX_KEY_FILE} bytes")
    if b"ENCRYPTED" in pem:  # PKCS#8 says it in the label, the older form in a Proc-Type header
        raise KeyFileError(f"{path}: an encrypted PEM key; legal: a key without password")
    try:
        key: object = (
            load_pem_private_key(pem, None).public_key()
            if b"PRIVATE KEY" in pem
            else load_pem_public_key(pem)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path}: not a PEM key; legal: a public or private one without password"
        ) from error
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return key
    raise KeyFileError(f"{path}: found {type(key).__name__}; legal: RSA, EC or Ed25519")


def public_key_encoding(key: ImageKey) -> bytes:
    """The bytes of a PUBKEY TLV, over which KEYHASH and ROTPK hashes are taken."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_hash(encoding: bytes, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    """KEYHASH of a public key encoding; also what OTP's BL2_ROTPK holds in HW_KEY mode."""
    return hashlib.new(algorithm.value, encoding).digest()


def rotpk_hash(path: Path, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    """The ROTPK to provision for images signed by the key in a PEM file."""
    return key_hash(public_key_encoding(load_public_key(path)), algorithm)


def decode_public_key(encoding: bytes, signature_type: SignatureType) -> ImageKey | None:
    """The key of a PUBKEY TLV or of one compiled in; None where it is no key of the loader's one type."""
    try:
        key: object = load_der_public_key(encoding)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if _fits(key, signature_type) else None


def decode_builtin_key(rotpk: bytes, signature_type: SignatureType) -> ImageKey | None:
    """The key behind a built-in key id: OTP holds the raw uncompressed EC point, zeros behind it."""
    curves: dict[SignatureType, tuple[ec.EllipticCurve, int]] = {
        SignatureType.EC_P256: (ec.SECP256R1(), 65),
        SignatureType.EC_P384: (ec.SECP384R1(), 97),
    }
    if signature_type not in curves:
        return None
    curve, size = curves[signature_type]
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, rotpk[:size])
    except ValueError:
        return None


def _fits(key: object, signature_type: SignatureType) -> TypeGuard[ImageKey]:
    match signature_type:
        case SignatureType.RSA_2048:
            return isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048
        case SignatureType.RSA_3072:
            return isinstance(key, rsa.RSAPublicKey) and key.key_size == 3072
        case SignatureType.EC_P256:
            return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        case SignatureType.EC_P384:
            return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)
        case SignatureType.ED25519:
            return isinstance(key, ed25519.Ed25519PublicKey)
