"""Tokens and endorsements for the tests of appraisal, from a few claims, each of which can be changed."""

import hashlib
from dataclasses import replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tfm_sim.tools.endorsements.model import (
    Digest,
    Endorsements,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
    TrustAnchor,
)
from tfm_sim.tools.verifier import load_key

IAK = ec.derive_private_key(0x5EED_0001, ec.SECP256R1())
RAK = ec.derive_private_key(0x5EED_0002, ec.SECP384R1())
OTHER = ec.derive_private_key(0x5EED_0003, ec.SECP256R1())
VERIFIER = ec.derive_private_key(0x5EED_0004, ec.SECP256R1())
IMPLEMENTATION, INSTANCE = b"\x20" * 32, b"\x01" + b"\x40" * 32
CHALLENGE = b"\x2a" * 32
SPE_SIGNER, NSPE_SIGNER = b"\x05" * 32, b"\x06" * 32
SPE: dict[int, Any] = {1: "SPE", 2: b"\x11" * 32, 4: "2.1.0", 5: SPE_SIGNER}
NSPE: dict[int, Any] = {1: "NSPE", 2: b"\x22" * 32, 4: "1.0.0", 5: NSPE_SIGNER}
CERTIFICATE = "0604565272829-10010"
DROP = object()

# Claim names of these tests to the keys of profile 1, of 2.0.0 and of RFC 9783.
KEYS: dict[str, tuple[int, int, int]] = {
    "profile": (-75000, 265, 265),
    "client": (-75001, 2394, 2394),
    "lifecycle": (-75002, 2395, 2395),
    "implementation": (-75003, 2396, 2396),
    "seed": (-75004, 2397, 268),
    "certificate": (-75005, 2398, 2398),
    "components": (-75006, 2399, 2399),
    "none": (-75007, 99999, 99999),
    "nonce": (-75008, 10, 10),
    "instance": (-75009, 256, 256),
    "service": (-75010, 2400, 2400),
}
PROFILES = ("PSA_IOT_PROFILE_1", "http://arm.com/psa/2.0.0", "tag:psacertified.org,2023:psa#tfm")
P1, P2, RFC = range(3)


def sign1(key: ec.EllipticCurvePrivateKey, claims: dict[int, Any]) -> bytes:
    """A COSE_Sign1 over the claims that are not DROP."""
    p256 = key.curve.name == "secp256r1"
    protected = cbor2.dumps({1: -7 if p256 else -35})
    payload = cbor2.dumps({name: value for name, value in claims.items() if value is not DROP})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256() if p256 else hashes.SHA384())))
    size = key.key_size // 8
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def psa_token(era: int = P2, key: ec.EllipticCurvePrivateKey = IAK, /, **changes: Any) -> bytes:
    """A token that appraises well, but for the changes by name."""
    claims: dict[str, Any] = {
        "profile": PROFILES[era],
        "client": 1,
        "lifecycle": 0x3000,
        "implementation": IMPLEMENTATION,
        "seed": b"\x0b" * 32,
        "certificate": CERTIFICATE,
        "components": [SPE, NSPE],
        "nonce": CHALLENGE,
        "instance": INSTANCE,
        "service": "https://verifier.example",
        **changes,
    }
    return sign1(key, {KEYS[name][era]: value for name, value in claims.items()})


def anchor(
    key: ec.EllipticCurvePrivateKey = IAK, implementation: bytes = IMPLEMENTATION, instance: bytes = INSTANCE
) -> TrustAnchor:
    """The device's trust anchor."""
    return TrustAnchor(implementation, instance, load_key(key))


def reference(component: dict[int, Any], **changes: Any) -> ReferenceValue:
    """A reference value that says all of a component."""
    value = ReferenceValue(
        implementation_id=IMPLEMENTATION,
        digests=(Digest("sha-256", component[2]),),
        signer_id=component[5],
        type=component[1],
        version=component[4],
    )
    return replace(value, **changes)


def endorsed(*references: ReferenceValue, **more: Any) -> Endorsements:
    """The device's anchor with these reference values; without any, those of SPE and NSPE."""
    return Endorsements(
        reference_values=references or (reference(SPE), reference(NSPE)), trust_anchors=(anchor(),), **more
    )


# CCA: one realm on one platform.
PLATFORM_2023, PLATFORM_LEGACY = "tag:arm.com,2023:cca_platform#1.0.0", "http://arm.com/CCA-SSD/1.0.0"
REALM_2023, REALM_2024 = "tag:arm.com,2023:realm#1.0.0", "tag:arm.com,2024:realm#2.0.0"
RIM, RPV, REM = b"\x71" * 32, b"\x72" * 64, b"\x73" * 32
CONFIG = b"\xc0\xff\xee\x01"
REALM_CHALLENGE = b"\x2b" * 64
_NUMBERS = RAK.public_key().public_numbers()
COSE_POINT = _X, _Y = tuple(number.to_bytes(48, "big") for number in (_NUMBERS.x, _NUMBERS.y))
COSE_KEY = cbor2.dumps({1: 2, -1: 2, -2: _X, -3: _Y})
POINT = b"\x04" + _X + _Y


def cca_token(
    platform: dict[int, Any] | None = None,
    realm: dict[int, Any] | None = None,
    *,
    keys: tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey] = (IAK, RAK),
    tag: int = 907,
) -> bytes:
    """A collection that appraises well, but for the changed claims, by key."""
    realm_claims: dict[int, Any] = {
        10: REALM_CHALLENGE,
        265: REALM_2023,
        44235: RPV,
        44236: "sha-256",
        44237: COSE_KEY,
        44238: RIM,
        44239: [REM] * 4,
        44240: "sha-256",
        **(realm or {}),
    }
    platform_claims: dict[int, Any] = {
        10: hashlib.sha256(realm_claims[44237]).digest(),
        256: INSTANCE,
        265: PLATFORM_2023,
        2395: 0x3000,
        2396: IMPLEMENTATION,
        2399: [SPE, NSPE],
        2401: CONFIG,
        2402: "sha-256",
        **(platform or {}),
    }
    tokens = {44234: sign1(keys[0], platform_claims), 44241: sign1(keys[1], realm_claims)}
    records = {name: [263, token] if tag == 907 else token for name, token in tokens.items()}
    return cbor2.dumps(cbor2.CBORTag(tag, records))


def realm_reference(rim: bytes = RIM, rem: bytes | None = REM, rpv: bytes | None = RPV) -> RealmReference:
    """A reference to the realm; ``rem`` stands for all four."""
    rems = (Digest("sha-256", rem) if rem is not None else None,) * 4
    return RealmReference(Digest("sha-256", rim), rems, rpv)


def cca_endorsed(*realms: RealmReference, config: bytes | None = CONFIG) -> Endorsements:
    """The platform's anchor, components and configuration, and these realms."""
    configs = () if config is None else (PlatformConfig(IMPLEMENTATION, config),)
    return endorsed(platform_configs=configs, realms=realms or (realm_reference(),))
