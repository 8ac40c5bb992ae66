"""What a key says about a device: its instance id in each era, and whether everybody knows the key."""

import hashlib
from enum import StrEnum
from functools import lru_cache

from .keys import EcKey, Key, MacKey


class InstanceRule(StrEnum):
    """How TF-M derived the 32 bytes behind the leading 0x01 of the instance id."""

    COSE_KEY = "SHA-256(COSE_Key), TF-M since October 2024"
    POINT = "SHA-256(04||X||Y), TF-M from November 2019 to October 2024"
    COORDINATES = "SHA-256(X||Y), TF-M of 2019"
    SYMMETRIC = "SHA-256(SHA-256(key)), symmetric IAK"


# SHA-256 of the COSE_Key encoding (or, symmetric, H(H(key))) of keys whose private half is published: those
# that TF-M ships for development, and the test keys of public verifiers.
WELL_KNOWN = {
    bytes.fromhex(digest): name
    for digest, name in (
        ("078c18f110f432ff780cd8dae58069a2a0d82277cbc66450c8581dd47d96a22e", "TF-M's dummy IAK"),
        ("afc587e15d2cf0732c218efccede5c79fe590da34b887fbab51c369173cff61b", "TF-M's dummy IAK of 2019"),
        ("bfe8a99b25d95ca842256bef147a5922b69fbc78faa9ef9f94113d182aaf7c6f", "TF-M's dummy symmetric IAK"),
        (
            "bd243fa7ab221ec69505edaccfaf4a8adb2f0f595bde9230264b2b8f3330258c",
            "a test key of iat-verifier (key.pem)",
        ),
        (
            "fb819acfa6591ed551806fef1652bfa1b86d52b73bfffa766c288cba59f6f510",
            "a test key of iat-verifier (key-alt.pem)",
        ),
        (
            "f2d13a70e5b291019a28883bd3e0959ae001b24cdee13f95485cf7321131bd87",
            "a test key of iat-verifier (hmac.key)",
        ),
        (
            "fba6cc97bb80f282c866463920df8b6b648ab072e4f0f01497b3d40ef42688b5",
            "the test platform key of TF-RMM (cca_platform.pem)",
        ),
        (
            "0d22e08a98469058486318283489bdb36f09dbefeb1864df433fa6e54ea2d711",
            "a test key of iat-verifier (cca_realm.pem)",
        ),
        (
            "00e1688373124a36f7c3204ef20f73c37be4bb0f34e72f45d7d38ee8dffa4c43",
            "a test key of ccatoken (testIAK)",
        ),
        (
            "c57cab92b9ebf15d9b2a94f18a8bb4d157d37bd5245f2e51ee7c023c46412358",
            "a test key of ccatoken (testAltIAK)",
        ),
        (
            "9d3c52782c7067f7796375e807e6084e6c01cc5830e7dc18c61f711e84c14701",
            "a test key of ccatoken and iat-verifier (cca_realm2.pem)",
        ),
    )
}
# TF-M attest_core: the kid that the short-circuit test mode puts in place of a hash.
SHORT_CIRCUIT_KID = bytes.fromhex("ef954b4bd9bdf670d0336082f5ef152af8f35b6a6c00efa6a9a71f49517e18c6")


def cose_key(key: EcKey) -> bytes:
    """The COSE_Key that TF-M hashes: {1: 2, -1: curve, -2: X, -3: Y} in this order, shortest heads."""
    size = bytes([0x58, key.curve.size])
    return b"\xa4\x01\x02\x20" + bytes([key.curve.cose_id]) + b"\x21" + size + key.x + b"\x22" + size + key.y


def instance_hashes(key: Key) -> dict[InstanceRule, bytes]:
    """The instance id of this key without its leading 0x01, by rule."""
    if isinstance(key, MacKey):
        return {InstanceRule.SYMMETRIC: _sha256(_sha256(key.secret))}
    return _instance_hashes(key)


@lru_cache(maxsize=1024)  # of public keys only: a verifier sees the same ones again
def _instance_hashes(key: EcKey) -> dict[InstanceRule, bytes]:
    return {
        InstanceRule.COSE_KEY: _sha256(cose_key(key)),
        InstanceRule.POINT: _sha256(key.point()),
        InstanceRule.COORDINATES: _sha256(key.x + key.y),
    }


def matching_rule(instance_id: bytes, key: Key) -> InstanceRule | None:
    """The rule by which this instance id (33 bytes) names this key, if there is one."""
    for rule, digest in instance_hashes(key).items():
        if instance_id == b"\x01" + digest:
            return rule
    return None


def well_known(key: Key) -> str | None:
    """The name of the published key that this is, or None."""
    for digest in instance_hashes(key).values():
        if digest in WELL_KNOWN:
            return WELL_KNOWN[digest]
    return None


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
