"""How signatures are forged: other numbers, other keys, other bytes, or no key at all."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ..tokens.cbor_writer import join_array, write_bytes, write_int, write_text
from ..tokens.cose_writer import authenticate, protected_header, to_be_authenticated, write_cose
from ..verifier.cose import ALGORITHMS
from ..verifier.envelope import CoseKind
from .anatomy import Message, NoToken
from .subject import Target, public_octets

ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16
    ),
    "ES512": int(
        "01" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
        16,
    ),
}
"""The orders n of P-256, P-384 and P-521 (SEC 2)."""


def with_signature(message: Message, signature: bytes) -> bytes:
    """The message with this signature."""
    return replace(message, signature=signature).encode()


def halves(target: Target) -> tuple[int, int]:
    signature = target.message.signature
    half = len(signature) // 2
    return int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")


def numbers(target: Target, r: int, s: int) -> bytes:
    size = target.algorithm.size // 2
    return with_signature(target.message, r.to_bytes(size, "big") + s.to_bytes(size, "big"))


def order(target: Target) -> int:
    return ORDERS[target.algorithm.name]


def malleable(target: Target) -> bytes:
    r, s = halves(target)
    return numbers(target, r, order(target) - s)


def halves_swapped(target: Target) -> bytes:
    r, s = halves(target)
    return numbers(target, s, r)


def little_endian(target: Target) -> bytes:
    half = target.algorithm.size // 2
    signature = target.message.signature
    return with_signature(target.message, signature[half - 1 :: -1] + signature[: half - 1 : -1])


def der(target: Target) -> bytes:
    return with_signature(target.message, encode_dss_signature(*halves(target)))


def random(target: Target) -> bytes:
    return with_signature(target.message, target.means.material("signature", len(target.message.signature)))


def signed_bytes(target: Target) -> bytes:
    """Sig_structure or MAC_structure of the message as it is."""
    return to_be_authenticated(target.kind, target.message.protected, target.message.payload)


def hash_signature(kind: CoseKind, data: bytes, size: int) -> bytes:
    """TF-M's test mode: SHA-256 repeated to the signature's size, or once in place of a MAC."""
    digest = hashlib.sha256(data).digest()
    return (digest * 5)[:size] if kind is CoseKind.SIGN1 else digest


def short_circuit(target: Target) -> bytes:
    size = target.algorithm.size
    return with_signature(target.message, hash_signature(target.kind, signed_bytes(target), size))


SHORT_CIRCUIT_KID = bytes.fromhex("ef954b4bd9bdf670d0336082f5ef152af8f35b6a6c00efa6a9a71f49517e18c6")
"""The key id that t_cose gives a short-circuit signature."""


def short_circuit_with_kid(target: Target) -> bytes:
    """The hash in place of the signature, under the kid that says so."""
    headers = target.message.headers.put(4, write_bytes(SHORT_CIRCUIT_KID))
    return short_circuit(replace(target, message=target.message.with_headers(headers)))


def short_circuit_forged(target: Target) -> bytes:
    claims = target.claims.put(target.label("client-id"), write_int(1))
    forged = replace(target.message, payload=claims.encode())
    data = to_be_authenticated(target.kind, forged.protected, forged.payload)
    return with_signature(forged, hash_signature(target.kind, data, target.algorithm.size))


def structure(target: Target, context: str, aad: bytes = b"") -> bytes:
    message = target.message
    parts = (
        write_text(context),
        write_bytes(message.protected),
        write_bytes(aad),
        write_bytes(message.payload),
    )
    return target.signed(data=join_array(parts)).encode()


def other_context(target: Target) -> bytes:
    return structure(target, "Signature1" if target.is_mac else "MAC0")


def cose_sign_context(target: Target) -> bytes:
    """COSE_Sign's structure has a fifth part, the signer's own header."""
    message = target.message
    header, payload = write_bytes(message.protected), write_bytes(message.payload)
    parts = (write_text("Signature"), write_bytes(b""), header, write_bytes(b""), payload)
    return target.signed(data=join_array(parts)).encode()


def hashed_twice(target: Target) -> bytes:
    digest = hashlib.new(target.algorithm.digest, signed_bytes(target)).digest()
    return target.signed(data=digest).encode()


def mac_with_public_key(target: Target) -> bytes:
    """RFC 8725 2.1's old trick: the verifier's public key as the secret of an HMAC."""
    key = target.means.verification_key
    secret = public_octets(key) if key is not None else b""
    header = protected_header(5)
    tag = authenticate(secret, 5, to_be_authenticated(CoseKind.MAC0, header, target.message.payload))
    return write_cose(target.message.payload, None, kind=CoseKind.MAC0, protected=header, signature=tag)


def mac_with_x(target: Target) -> bytes:
    key = target.means.verification_key
    secret = public_octets(key)[1:33] if key is not None else b""
    return write_cose(target.message.payload, secret, alg=5)


def mac_with_no_secret(target: Target) -> bytes:
    header = protected_header(5)
    tag = authenticate(b"", 5, to_be_authenticated(CoseKind.MAC0, header, target.message.payload))
    return write_cose(target.message.payload, None, kind=CoseKind.MAC0, protected=header, signature=tag)


def sign_with_own(target: Target) -> bytes:
    return write_cose(target.message.payload, target.means.own_key(ALGORITHMS[-7]))


def own_key_and_id(target: Target) -> bytes:
    """The whole story is the attacker's: own key, and the instance id and kid of that key."""
    key = target.own_key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = key.public_key().public_numbers()
        size = target.algorithm.size // 2
        seed = b"\x04" + numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")
        digest = hashlib.sha256(seed).digest()
    else:
        digest = hashlib.sha256(hashlib.sha256(key).digest()).digest()
    claims = target.claims.put(target.label("instance-id"), write_bytes(b"\x01" + digest))
    message = target.signed(claims.encode(), key=key)
    return message.with_headers(message.headers.put(4, write_bytes(digest))).encode()


def signed_with_certificate(target: Target) -> bytes:
    """The attacker's signature, and a self-signed certificate of its key in the unprotected header."""
    key = target.own_key
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoToken("a certificate wants a public key")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Initial Attestation Key")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 12, 31, tzinfo=UTC))
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    message = target.signed(key=key)
    chain = write_bytes(certificate.public_bytes(Encoding.DER))
    return message.with_headers(message.headers.put(33, chain)).encode()
