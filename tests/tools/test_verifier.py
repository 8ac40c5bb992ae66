"""The verifier on real tokens: public verifiers' vectors and what the real TF-M issued."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tfm_sim.tools.verifier import InstanceRule, Kind, SignatureState, cbor, decode, verify

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
VECTORS: dict[str, Any] = json.loads((RECORDINGS / "attestation-vectors.json").read_text())
TFM: dict[str, Any] = json.loads((RECORDINGS / "tfm-2.2.2.json").read_text())


def key_of(name: str) -> bytes:
    entry = VECTORS["keys"][name]
    return bytes.fromhex(entry["pub_uncompressed_hex"] if entry["kind"] == "EC" else entry["hex"])


def vector(name: str) -> tuple[bytes, bytes]:
    """Token and key; a vector without a key is refused under any."""
    found = next(entry for entry in VECTORS["vectors"] if entry["name"] == name)
    return bytes.fromhex(found["token_hex"]), key_of("iatv-p256" if found["key"] == "none" else found["key"])


ACCEPTED = (
    "iatv-profile1-sign1",
    "iatv-profile1-mac0",
    "iatv-cca-2024",
    "iatv-cca-platform-only",
    "psatoken-tfm-p2-sign1",
    "ccatoken-testGoodCCAToken",
    "ccatoken-testGoodLegacyCCAToken",
    "derived-p2_268",
    "derived-p1",
    "derived-p1_nosw",
    "derived-p1_mac",
    "derived-cca_plat",
)
REFUSED = {
    "iatv-p2-empty-protected": {Kind.ALG_MISSING},
    "iatv-invalid-profile-type": {Kind.ALG_MISSING, Kind.PROFILE_NOT_TEXT},
    "psatoken-tfm-p2-mac0-shortcircuit": {Kind.SHORT_CIRCUIT},
}
# These tokens were made with ids that are made up, so that no rule of TF-M leads to them from the key.
STRICT_REFUSES = {
    "iatv-profile1-sign1": {Kind.PROFILE_STRING, Kind.INSTANCE_ID},
    "iatv-profile1-mac0": {Kind.PROFILE_STRING, Kind.INSTANCE_ID},
    "iatv-cca-2024": {Kind.INSTANCE_ID},
    "iatv-cca-platform-only": {Kind.INSTANCE_ID},
    "ccatoken-testGoodCCAToken": {Kind.INSTANCE_ID},
    "ccatoken-testGoodLegacyCCAToken": {Kind.INSTANCE_ID},
    "derived-p1_mac": {Kind.INSTANCE_ID},
}


def test_verifier_imports_nothing_of_the_device() -> None:
    """It shares no encoder with the device: of this package it imports its own files and the errors."""
    folder = Path(cbor.__file__).parent
    imports = [
        node
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level > 1
    ]
    assert {(node.level, node.module) for node in imports} == {(3, "interface.errors")}


def test_every_vector_has_a_verdict_here() -> None:
    assert {entry["name"] for entry in VECTORS["vectors"]} == {*ACCEPTED, *REFUSED}


@pytest.mark.parametrize("name", ACCEPTED)
def test_positive_vector_verifies(name: str) -> None:
    verdict = verify(*vector(name))
    assert verdict.reasons == ()
    assert verdict.ok
    assert verdict.signature is SignatureState.VALID
    assert all(result.ok for part in (verdict, *verdict.parts) for result in part.claims)


@pytest.mark.parametrize("name", sorted(set(ACCEPTED) - set(STRICT_REFUSES)))
def test_positive_vector_verifies_strictly(name: str) -> None:
    assert verify(*vector(name), strict=True).ok


@pytest.mark.parametrize("name, kinds", REFUSED.items())
def test_negative_vector_is_refused_for_its_reason(name: str, kinds: set[Kind]) -> None:
    verdict = verify(*vector(name))
    assert not verdict.ok
    assert verdict.kinds() == kinds


@pytest.mark.parametrize("name, kinds", STRICT_REFUSES.items())
def test_what_warns_is_refused_strictly(name: str, kinds: set[Kind]) -> None:
    token, key = vector(name)
    assert kinds <= {warning.kind for warning in verify(token, key).warnings}
    assert verify(token, key, strict=True).kinds() == kinds


def test_short_circuit_passes_only_when_asked_for_and_warns() -> None:
    token, key = vector("psatoken-tfm-p2-mac0-shortcircuit")
    verdict = verify(token, key, allow_short_circuit=True)
    assert verdict.ok
    assert verdict.signature is SignatureState.SHORT_CIRCUIT
    assert any("NOT SECURE" in warning.text for warning in verdict.warnings)


@pytest.mark.parametrize(
    "name, rule",
    [
        ("derived-p2_268", InstanceRule.COSE_KEY),
        ("psatoken-tfm-p2-sign1", InstanceRule.POINT),
        ("psatoken-tfm-p2-mac0-shortcircuit", InstanceRule.SYMMETRIC),
        ("iatv-profile1-sign1", None),
    ],
)
def test_instance_id_rule_of_each_era(name: str, rule: InstanceRule | None) -> None:
    verdict = verify(*vector(name))
    assert verdict.instance_id_rule is rule
    assert (Kind.INSTANCE_ID in {warning.kind for warning in verdict.warnings}) == (rule is None)


@pytest.mark.parametrize(
    "name, warns",
    [
        ("derived-p1", True),
        ("derived-p1_mac", True),
        ("iatv-profile1-sign1", True),
        ("iatv-profile1-mac0", True),
    ],
)
def test_well_known_key_is_not_secure(name: str, warns: bool) -> None:
    warnings = [w for w in verify(*vector(name)).warnings if w.kind is Kind.WELL_KNOWN_KEY]
    assert [("NOT SECURE" in warning.text) for warning in warnings] == ([True] if warns else [])


RECORDED = [
    pytest.param(variant, call, id=f"{variant}-{index}")
    for variant, entry in TFM["variants"].items()
    for index, call in enumerate(entry["token_calls"])
    if call.get("token")
]


@pytest.mark.parametrize("variant, call", RECORDED)
def test_recorded_token_of_the_real_tfm(variant: str, call: dict[str, Any]) -> None:
    token = bytes.fromhex(call["token"]["hex"])
    challenge = bytes.fromhex(call["challenge_hex"])
    verdict = verify(token, key_of("tfm-dummy-iak"), challenge=challenge, strict=True)
    assert verdict.signature is SignatureState.VALID
    rule = InstanceRule.POINT if "216" in variant else InstanceRule.COSE_KEY
    assert verdict.instance_id_rule is rule
    if variant.startswith("tok_cca"):
        # TF-M 2.2.2's CCA build puts the bytes of a pointer into this claim.
        assert verdict.kinds() == {Kind.INVALID_UTF8}
        assert [result.name for result in verdict.claims if not result.ok] == ["platform-hash-algorithm"]
    else:
        assert verdict.ok


@pytest.mark.parametrize("variant, call", RECORDED)
def test_decode_shows_what_was_recorded(variant: str, call: dict[str, Any]) -> None:
    recorded = call["token"]
    (part,) = decode(bytes.fromhex(recorded["hex"])).parts
    shown = part.as_json()
    assert shown["tags"] == [recorded["cose_tag"]]
    assert shown["size"] == recorded["len"]
    assert part.envelope.payload.hex() == recorded["payload_hex"]
    assert part.envelope.signature.hex() == recorded["signature_or_tag_hex"]
    claims = part.envelope.claims
    assert claims is not None
    assert [cbor.plain(key) for key, _ in claims.pairs] == [
        claim["key"] for claim in recorded["claims_in_order"]
    ]


def test_two_recorded_challenges_do_not_answer_each_other() -> None:
    first, second = (call for call in TFM["variants"]["bench_l1"]["token_calls"][:2])
    verdict = verify(
        bytes.fromhex(first["token"]["hex"]),
        key_of("tfm-dummy-iak"),
        challenge=bytes.fromhex(second["challenge_hex"]),
    )
    assert verdict.kinds() == {Kind.NONCE_MISMATCH}


def test_realm_challenge_answers_a_shorter_nonce_padded_with_zeros() -> None:
    token, key = vector("iatv-cca-2024")
    realm = verify(token, key).parts[1].claim("nonce")
    assert realm is not None
    assert isinstance(realm.value, bytes)
    assert verify(token, key, challenge=realm.value).ok
    refused = verify(token, key, challenge=realm.value[:32])
    assert refused.kinds() == {Kind.NONCE_MISMATCH}
