"""COSE messages and claims sets made field by field, with keys of our own: what a forger can do, and more.

Nothing here is the product's: the verifier must not be tested with its own notion of a token.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tfm_sim.tools.verifier.profiles import RFC_9783, Profile

P256 = ec.derive_private_key(0x1234567, ec.SECP256R1())
P384 = ec.derive_private_key(0x1234567, ec.SECP384R1())
P521 = ec.derive_private_key(0x1234567, ec.SECP521R1())
SECRET = bytes(range(32))
ES256, ES384, ES512, HMAC256, HMAC384, HMAC512 = -7, -35, -36, 5, 6, 7
HASH: dict[int, hashes.HashAlgorithm] = {
    ES256: hashes.SHA256(),
    ES384: hashes.SHA384(),
    ES512: hashes.SHA512(),
}
Pairs = list[tuple[Any, Any]]
DROP = object()


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


COMPONENT = {1: "SPE", 4: "2.2.2", 5: bytes(32), 6: "sha-256", 2: bytes(32)}
VALUES: dict[str, Any] = {
    "nonce": bytes(range(32)),
    "instance-id": b"\x01" + hashlib.sha256(point_of(P256)).digest(),
    "boot-seed": bytes(32),
    "client-id": -1,
    "security-lifecycle": 0x3000,
    "implementation-id": bytes(32),
    "certification-reference": "0604565272829-10010",
    "platform-config": bytes(4),
    "platform-hash-algorithm": "sha-256",
    "hardware-version": "060456527282910010",
    "software-components": [COMPONENT],
    "verification-service": "www.trustedfirmware.org",
}


def claims_of(profile: Profile, /, **changes: Any) -> Pairs:
    """A legal claims set of the profile; changes by claim name with _ for -, DROP takes a claim away."""
    values = VALUES | {"profile": profile.strings[0]}
    values |= {name.replace("_", "-"): value for name, value in changes.items()}
    return [
        (claim.key, values[claim.name])
        for claim in profile.claims
        if values.get(claim.name, DROP) is not DROP
    ]


def encode_map(pairs: Iterable[tuple[Any, Any]]) -> bytes:
    """Order and repetition as given; up to 23 pairs."""
    items = list(pairs)
    return bytes([0xA0 + len(items)]) + b"".join(
        cbor2.dumps(key) + cbor2.dumps(value) for key, value in items
    )


def protect(alg: int) -> bytes:
    return cbor2.dumps({1: alg})


def sign(key: ec.EllipticCurvePrivateKey, alg: int, protected: bytes, payload: bytes) -> bytes:
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(HASH[alg])))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def mac(secret: bytes, protected: bytes, payload: bytes, digest: str = "sha256") -> bytes:
    return hmac.digest(secret, cbor2.dumps(["MAC0", protected, b"", payload]), digest)


def token_of(
    payload: bytes | Pairs | None = None,
    *,
    tag: int = 18,
    protected: bytes = protect(ES256),
    unprotected: dict[Any, Any] | None = None,
    signature: bytes | None = None,
) -> bytes:
    """A COSE message signed with P256 and ES256, if no signature is given."""
    claims = claims_of(RFC_9783) if payload is None else payload
    body = claims if isinstance(claims, bytes) else encode_map(claims)
    last = sign(P256, ES256, protected, body) if signature is None else signature
    return cbor2.dumps(cbor2.CBORTag(tag, [protected, unprotected or {}, body, last]))


GOOD = token_of()
GOOD_PAYLOAD = encode_map(claims_of(RFC_9783))
