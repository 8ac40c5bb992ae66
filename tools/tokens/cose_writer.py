"""COSE_Sign1 and COSE_Mac0 (RFC 9052) over given payload bytes, with every field open to choice.

What the device's own encoder would never write (a wrong tag, an algorithm that is not the key's, headers of
any bytes, no signature) is a choice here like any other: demonstrations, `token compile` and the attacks
share this writer.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ...interface.errors import TfmSimError
from ..verifier.cose import ALGORITHMS, Algorithm
from ..verifier.envelope import HEADER_ALG, HEADER_KID, CoseKind
from .cbor_writer import join_array, join_map, wrap_tag, write_bytes, write_int, write_text

SigningKey = ec.EllipticCurvePrivateKey | bytes
"""A private key for signatures, or the raw secret of a MAC."""
KEY_LEGAL: Final = (
    "legal: a PEM private key on P-256, P-384 or P-521, or a secret of 32, 48 or 64 bytes (raw or hex)"
)
SCALAR_CURVES: Final[dict[int, ec.EllipticCurve]] = {
    32: ec.SECP256R1(),
    48: ec.SECP384R1(),
    66: ec.SECP521R1(),
}
"""The curve of a bare private scalar, by its length in bytes."""
_DIGESTS: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class SigningKeyUnusable(TfmSimError):
    """The bytes offered are no key that a token can be signed with, or not one for what is asked of it."""


def load_signing_key(data: bytes) -> SigningKey:
    """A private key from PEM without password, or a secret, raw or as hex text. Raises SigningKeyUnusable."""
    if b"-----BEGIN" not in data:
        compact = b"".join(data.split())
        if len(compact) % 2 == 0 and re.fullmatch(rb"[0-9A-Fa-f]+", compact):
            data = bytes.fromhex(compact.decode("ascii"))
        if not any(algorithm.kind is CoseKind.MAC0 and algorithm.size == len(data) for algorithm in _rows()):
            raise SigningKeyUnusable(f"signing key: found {len(data)} bytes; {KEY_LEGAL}")
        return data
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
        raise SigningKeyUnusable(
            f"signing key: a PEM file without a private key that can be read; {KEY_LEGAL}"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or _own_algorithm(key) is None:
        found = f"curve {key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else "another kind"
        raise SigningKeyUnusable(f"signing key: a private key of {found}; {KEY_LEGAL}")
    return key


def load_private_key(data: bytes) -> ec.EllipticCurvePrivateKey:
    """A private key from PEM without password, or the bare scalar as OTP holds it.

    The scalar is big endian, raw or as hex text; its length of 32, 48 or 66 bytes says which curve. Raises
    SigningKeyUnusable.
    """
    compact = b"".join(data.split())
    octets = bytes.fromhex(compact.decode()) if re.fullmatch(rb"([0-9A-Fa-f]{2})+", compact) else data
    if b"-----BEGIN" not in data and len(octets) in SCALAR_CURVES:
        try:
            return ec.derive_private_key(int.from_bytes(octets, "big"), SCALAR_CURVES[len(octets)])
        except ValueError:
            raise SigningKeyUnusable("signing key: a scalar out of range; legal: 1 to n - 1") from None
    key = load_signing_key(data)
    if isinstance(key, bytes):
        raise SigningKeyUnusable(
            f"signing key: found {len(key)} bytes; legal: a PEM private key, or 32, 48 or 66 bytes of scalar"
        )
    return key


def algorithm_of(key: SigningKey) -> Algorithm:
    """The one COSE algorithm of this key's curve or size. Raises SigningKeyUnusable if there is none."""
    found = _own_algorithm(key)
    if found is None:
        what = f"a secret of {len(key)} bytes" if isinstance(key, bytes) else f"a key on {key.curve.name}"
        raise SigningKeyUnusable(f"signing key: no algorithm belongs to {what}; {KEY_LEGAL}, or name one")
    return found


def write_cose(
    payload: bytes,
    key: SigningKey | None,
    *,
    kind: CoseKind | None = None,
    alg: int | None = None,
    kid: bytes | None = None,
    tags: Sequence[int] | None = None,
    protected: bytes | None = None,
    unprotected: bytes | None = None,
    signature: bytes | None = None,
) -> bytes:
    """A COSE message around ``payload``, the encoded claims, signed or MACed with ``key``.

    Left alone it is what TF-M writes: kind and ``alg`` by the key, {1: alg} protected, a ``kid`` unprotected,
    the kind's own tag. Choices: ``kind`` (the context string and the default tag), ``alg`` (the number in the
    header and the hash), ``tags`` (outermost first, () for none), ``protected`` (the bytes inside the byte
    string), ``unprotected`` (an encoded map), ``signature`` (as it is; then ``key`` may be None).
    Raises SigningKeyUnusable where a key is missing or chooses no algorithm.
    """
    if key is None and signature is None:
        raise SigningKeyUnusable(f"signing key: none; {KEY_LEGAL}, or a signature given")
    if kind is None:
        kind = CoseKind.MAC0 if isinstance(key, bytes) else CoseKind.SIGN1
    if alg is None and key is not None:
        alg = algorithm_of(key).id
    if protected is None:
        protected = protected_header(alg)
    if unprotected is None:
        unprotected = join_map([(write_int(HEADER_KID), write_bytes(kid))] if kid is not None else [])
    if signature is None and key is not None:
        signature = authenticate(key, alg, to_be_authenticated(kind, protected, payload))
    message = join_array(
        (write_bytes(protected), unprotected, write_bytes(payload), write_bytes(signature or b""))
    )
    for tag in reversed((kind.tag,) if tags is None else tags):
        message = wrap_tag(tag, message)
    return message


def protected_header(alg: int | None) -> bytes:
    """The encoded map {1: alg}; without an algorithm no bytes at all (RFC 9052 3)."""
    return b"" if alg is None else join_map([(write_int(HEADER_ALG), write_int(alg))])


def to_be_authenticated(kind: CoseKind, protected: bytes, payload: bytes) -> bytes:
    """Sig_structure or MAC_structure without external data (RFC 9052 4.4, 6.3)."""
    return join_array(
        (write_text(kind.context), write_bytes(protected), write_bytes(b""), write_bytes(payload))
    )


def authenticate(key: SigningKey, alg: int | None, data: bytes) -> bytes:
    """The signature r || s, or the tag, over ``data``, with the hash of ``alg`` or else the key's own.

    Signatures are the deterministic ones of RFC 6979 where the backend has them, so that the same input gives
    the same token. Raises SigningKeyUnusable if neither ``alg`` nor the key names a hash.
    """
    algorithm = ALGORITHMS.get(alg) if alg is not None else None
    digest = (algorithm or algorithm_of(key)).digest
    if isinstance(key, bytes):
        return hmac.digest(key, data, digest)
    try:
        encoded = key.sign(data, ec.ECDSA(_DIGESTS[digest], deterministic_signing=True))
    except UnsupportedAlgorithm:  # an OpenSSL of the system's own, older than 3.2
        encoded = key.sign(data, ec.ECDSA(_DIGESTS[digest]))
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(encoded))


def _rows() -> Sequence[Algorithm]:
    return tuple(ALGORITHMS.values())


def _own_algorithm(key: SigningKey) -> Algorithm | None:
    for row in _rows():
        if isinstance(key, bytes):
            if row.kind is CoseKind.MAC0 and row.size == len(key):
                return row
        elif row.curve is not None and row.curve.curve.name == key.curve.name:
            return row
    return None
