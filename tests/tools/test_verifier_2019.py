"""Tokens of TF-M of 2019: profile psa-tfm-profile-1.md, hardware version, security epoch, fake signatures."""

import hashlib
from typing import Any

import cbor2
import pytest
from support.forged_tokens import (
    COMPONENT,
    DROP,
    ES256,
    P256,
    claims_of,
    encode_map,
    point_of,
    protect,
    token_of,
)

from tfm_sim.tools.verifier import InstanceRule, Kind, SignatureState, verify
from tfm_sim.tools.verifier.profiles import PSA_IOT_PROFILE_1, TFM_2019

IDENTITY = b"\x01" + hashlib.sha256(point_of(P256)[1:]).digest()


def token_2019(**changes: Any) -> bytes:
    return token_of(claims_of(TFM_2019, **{"instance_id": IDENTITY, **changes}))


def test_the_string_chooses_the_profile() -> None:
    verdict = verify(token_2019(), P256, strict=True)
    assert (verdict.reasons, verdict.profile) == ((), "psa-tfm-profile-1.md")
    assert verdict.instance_id_rule is InstanceRule.COORDINATES


@pytest.mark.parametrize("name", ["instance-id", "boot-seed", "client-id", "security-lifecycle", "nonce"])
def test_mandatory_claims(name: str) -> None:
    assert verify(token_2019(**{name: DROP}), P256).kinds() == {Kind.CLAIM_MISSING}


@pytest.mark.parametrize(
    "version, ok",
    [
        ("060456527282910010", True),
        ("0604565272829", True),
        ("0604565272829-10010", True),
        ("06045652728291001", False),
        ("", False),
        (60456527282910010, False),
    ],
)
def test_hardware_version(version: object, ok: bool) -> None:
    """A dash came later; the 18 digits of 2019 are no certification reference of any later profile."""
    assert verify(token_2019(hardware_version=version), P256).ok == ok
    later = claims_of(PSA_IOT_PROFILE_1, certification_reference=version)
    assert verify(token_of(later), P256).ok == (ok and version != "060456527282910010")


@pytest.mark.parametrize(
    "component, kinds",
    [
        ({2: bytes(32), 3: 0}, set()),
        ({2: bytes(32)}, set()),
        (COMPONENT | {3: 2**32 - 1}, set()),
        (COMPONENT | {3: -1}, {Kind.CLAIM_VALUE}),
        (COMPONENT | {3: "1"}, {Kind.CLAIM_TYPE}),
        ({3: 0}, {Kind.CLAIM_MISSING}),
    ],
)
def test_components_have_a_security_epoch(component: dict[int, Any], kinds: set[Kind]) -> None:
    assert verify(token_2019(software_components=[component]), P256, strict=True).kinds() == kinds


PAYLOAD = encode_map(claims_of(TFM_2019, instance_id=IDENTITY))
FAKE = hashlib.sha256(cbor2.dumps(["Signature1", protect(ES256), b"", PAYLOAD])).digest()


@pytest.mark.parametrize(
    "signature, said",
    [(FAKE + FAKE, "repeated"), (FAKE, "once")],
    ids=["as the document has it", "as it was coded"],
)
def test_fake_signature_is_called_so(signature: bytes, said: str) -> None:
    verdict = verify(token_of(PAYLOAD, signature=signature), P256)
    assert verdict.kinds() == {Kind.SHORT_CIRCUIT}
    assert verdict.signature is SignatureState.SHORT_CIRCUIT
    assert said in verdict.reasons[0].text
