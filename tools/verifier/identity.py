"""What a key says about a device: its instance id in each era, and whether everybody knows the key."""

import hashlib
from enum import StrEnum

from .keys import EcKey, Key, MacKey


class InstanceRule(StrEnum):
    """How TF-M derived the 32 bytes behind the leading 0x01 of the instance id."""

    COSE_KEY = "SHA-256(COSE_Key), TF-M since October 2024"
    POINT = "SHA-256(04||X||Y), TF-M from November 2019 to October 2024"
    COORDINATES = "SHA-256(X||Y), TF-M of 2019"
    SYMMETRIC = "SHA-256(SHA-256(key)), symmetric IAK"


# SHA-256 of the COSE_Key encoding (or, symmetric, H(H(key))) of the keys that TF-M ships for development.
WELL_KNOWN = {
    bytes.fromhex("078c18f110f432ff780cd8dae58069a2a0d82277cbc66450c8581dd47d96a22e"): "TF-M's dummy IAK",
    bytes.fromhex(
        "afc587e15d2cf0732c218efccede5c79fe590da34b887fbab51c369173cff61b"
    ): "TF-M's dummy IAK of 2019",
    bytes.fromhex("bfe8a99b25d95ca842256bef147a5922b69fbc78faa9ef9f94113d182aaf7c6f"): (
        "TF-M's dummy symmetric IAK"
    ),
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
    """The name of the published development key that this is, or None."""
    for digest in instance_hashes(key).values():
        if digest in WELL_KNOWN:
            return WELL_KNOWN[digest]
    return None


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
