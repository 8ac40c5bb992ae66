"""Policies: each rule broken and kept, and each mistake in a file told by its line."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.appraisal_cases import (
    CERTIFICATE,
    CHALLENGE,
    DROP,
    IMPLEMENTATION,
    INSTANCE,
    NSPE,
    NSPE_SIGNER,
    P1,
    P2,
    PROFILES,
    RFC,
    SPE,
    SPE_SIGNER,
    cca_endorsed,
    cca_token,
    endorsed,
    psa_token,
    reference,
)
from support.token_parts import load_recording

import tfm_sim
from tfm_sim.tools.appraisal import (
    DEFAULT_POLICY,
    Match,
    Member,
    Policy,
    PolicyError,
    Rule,
    Tier,
    appraise,
    load_policy,
)
from tfm_sim.tools.appraisal.evidence import Evidence
from tfm_sim.tools.appraisal.policy import NON_SECURE, SECURE, IdRange
from tfm_sim.tools.appraisal.versions import Version
from tfm_sim.tools.endorsements.model import Certification, Endorsements, TrustAnchor
from tfm_sim.tools.verifier import decode, load_key

II, CONF, EXE, HW = (
    Member.INSTANCE_IDENTITY,
    Member.CONFIGURATION,
    Member.EXECUTABLES,
    Member.HARDWARE,
)
SIGNERS = f"signers: [{SPE_SIGNER.hex()}, {NSPE_SIGNER.hex()}]"
RULES: list[tuple[str, dict[str, Any], Member, int]] = [
    # a policy, changes to the token, member, its value
    ("lifecycles: [secured]", {}, II, 2),
    ("lifecycles: [secured]", {"lifecycle": 0x4000}, II, 96),
    ("lifecycles: [assembly-and-test]", {"lifecycle": 0x1000}, II, 2),
    ("{lifecycles: [secured], tiers: {lifecycles: warning}}", {"lifecycle": 0x4000}, II, 32),
    (SIGNERS, {}, EXE, 2),
    (f"signers: [{SPE_SIGNER.hex()}]", {}, EXE, 96),
    (f"{{signers: [{SPE_SIGNER.hex()}], tiers: {{signers: warning}}}}", {}, EXE, 32),
    ("minimum_versions: {SPE: 2.1.0, NSPE: 1.0.0}", {}, EXE, 2),
    ("minimum_versions: {SPE: 2.1.0+1}", {}, EXE, 32),
    ("minimum_versions: {SPE: '2.2'}", {}, EXE, 32),
    ("minimum_versions: {SPE: 2.0.9}", {}, EXE, 2),
    ("minimum_versions: {SPE: 10.0.0}", {}, EXE, 32),
    ("minimum_versions: {APP: 10.0.0}", {}, EXE, 2),
    ("{minimum_versions: {SPE: 2.2.0}, tiers: {minimum_versions: contraindicated}}", {}, EXE, 96),
    ("required_claims: [certification-reference, boot-seed]", {}, CONF, 0),
    ("required_claims: [certification-reference]", {"certificate": DROP}, CONF, 96),
    ("required_claims: [verification-service]", {"service": DROP}, CONF, 96),
    ("required_claims: [platform-config]", {}, CONF, 96),
    ("{required_claims: [boot-seed], tiers: {required_claims: warning}}", {"seed": DROP}, CONF, 32),
    ("required_components: [SPE, NSPE]", {}, EXE, 2),
    ("required_components: [BL2]", {}, EXE, 33),
    ("{required_components: [BL2], tiers: {required_components: contraindicated}}", {}, EXE, 96),
    ("profiles: ['http://arm.com/psa/2.0.0']", {}, CONF, 0),
    ("profiles: [PSA_IOT_PROFILE_1]", {}, CONF, 96),
    ("client_ids: [secure]", {}, CONF, 0),
    ("client_ids: [secure]", {"client": -1}, CONF, 32),
    ("client_ids: [non-secure]", {"client": -1}, CONF, 0),
    ("client_ids: [-3..-1, 7]", {"client": -2}, CONF, 0),
    ("client_ids: [-3..-1, 7]", {"client": 7}, CONF, 0),
    ("client_ids: [-3..-1, 7]", {"client": 6}, CONF, 32),
    (f"instance_ids: [{INSTANCE.hex()}]", {}, II, 2),
    (f"instance_ids: [{'01' + 'ff' * 32}]", {}, II, 96),
    (f"certification: [{CERTIFICATE}]", {}, HW, 2),
    (f"certification: [{CERTIFICATE}]", {"certificate": "0604565272829-10011"}, HW, 32),
    (f"certification: [{CERTIFICATE}]", {"certificate": DROP}, HW, 32),
    ("{certification: ['0604565272829'], tiers: {certification: contraindicated}}", {}, HW, 96),
]


@pytest.mark.parametrize("text, changes, member, value", RULES)
def test_rules(text: str, changes: dict[str, Any], member: Member, value: int) -> None:
    appraisal = appraise(
        psa_token(P2, **changes), endorsed(), load_policy(text.encode()), challenge=CHALLENGE
    )
    assert appraisal.value(member) == value
    if value not in (0, 2):
        reasons = appraisal.submods[0].policy_claims["reasons"]
        assert isinstance(reasons, dict)
        assert member.label in reasons


@pytest.mark.parametrize("version", ["new", DROP], ids=["no version of MCUboot's", "no version"])
def test_what_has_no_version_is_not_late_enough(version: object) -> None:
    component = {key: value for key, value in {**SPE, 4: version}.items() if value is not DROP}
    endorsements = endorsed(reference({**SPE, 4: None}), reference(NSPE))
    policy = load_policy(b"minimum_versions: {SPE: 0.0.0}")
    appraisal = appraise(psa_token(P2, components=[component, NSPE]), endorsements, policy)
    assert appraisal.value(EXE) == 32
    assert appraise(psa_token(P2, components=[component, NSPE]), endorsements).value(EXE) == 2


@pytest.mark.parametrize(
    "text, challenge, value",
    [
        ("challenge: required", CHALLENGE, 2),
        ("challenge: required", None, 32),
        ("challenge: optional", None, 2),
        ("{challenge: required, tiers: {challenge: contraindicated}}", None, 96),
    ],
)
def test_challenge(text: str, challenge: bytes | None, value: int) -> None:
    assert (
        appraise(psa_token(), endorsed(), load_policy(text.encode()), challenge=challenge).value(II) == value
    )


@pytest.mark.parametrize(
    "certifications, value",
    [
        ((), 32),
        ((Certification(IMPLEMENTATION, CERTIFICATE),), 2),
        ((Certification(b"\x21" * 32, CERTIFICATE),), 32),
        ((Certification(IMPLEMENTATION, "0604565272829-10011"),), 32),
        ((Certification(IMPLEMENTATION, CERTIFICATE, (reference(SPE), reference(NSPE))),), 2),
        ((Certification(IMPLEMENTATION, CERTIFICATE, (reference(SPE, version="2.0.0"),)),), 32),
    ],
)
def test_endorsed_certification(certifications: tuple[Certification, ...], value: int) -> None:
    endorsements = endorsed(certifications=certifications)
    assert appraise(psa_token(), endorsements, load_policy(b"certification: endorsed")).value(HW) == value


def dummy_device() -> tuple[bytes, Endorsements]:
    """A token by TF-M's published attestation key, endorsed like any other."""
    key = load_key(load_recording("attestation-vectors.json")["keys"]["tfm-dummy-iak"]["pem_private"])
    token = bytes.fromhex(
        next(
            vector["token_hex"]
            for vector in load_recording("attestation-vectors.json")["vectors"]
            if vector["name"] == "derived-p1"
        )
    )
    evidence = Evidence.of(decode(token).parts[0])
    implementation, instance = evidence.octets("implementation-id"), evidence.octets("instance-id")
    assert implementation is not None and instance is not None
    references = []
    for component in evidence.components():
        assert component.value is not None
        values = {1: component.type, 2: component.value, 4: component.version, 5: component.signer_id}
        references.append(reference(values, implementation_id=implementation))
    return token, Endorsements(tuple(references), (TrustAnchor(implementation, instance, key),))


@pytest.mark.parametrize(
    "policy, value, status",
    [
        (DEFAULT_POLICY, 96, Tier.CONTRAINDICATED),
        (Policy(tiers={**DEFAULT_POLICY.tiers, Rule.WELL_KNOWN_KEYS: Tier.WARNING}), 32, Tier.WARNING),
        (Policy(well_known_keys=True), 2, Tier.AFFIRMING),
    ],
)
def test_well_known_keys(policy: Policy, value: int, status: Tier) -> None:
    token, endorsements = dummy_device()
    appraisal = appraise(token, endorsements, policy)
    assert (appraisal.value(II), appraisal.status) == (value, status)


@pytest.mark.parametrize("era, name", [(P1, PROFILES[P1]), (P2, PROFILES[P2]), (RFC, PROFILES[RFC])])
def test_profiles_by_name(era: int, name: str) -> None:
    text = f"profiles: ['{name}']".encode()
    for token_era in (P1, P2, RFC):
        value = appraise(psa_token(token_era), endorsed(), load_policy(text)).value(CONF)
        assert value == (0 if token_era == era else 96)


@pytest.mark.parametrize(
    "text, platform, realm",
    [
        ("profiles: ['tag:arm.com,2023:cca_platform#1.0.0']", {}, {CONF: 96}),
        ("profiles: ['tag:arm.com,2023:cca_platform#1.0.0', 'tag:arm.com,2023:realm#1.0.0']", {}, {}),
        ("required_claims: [personalization-value]", {}, {}),  # one of the two tokens has it
        ("required_claims: [client-id]", {CONF: 96}, {}),
        ("client_ids: [7]", {}, {}),  # a platform token has no client id
        (f"instance_ids: [{'01' + 'ff' * 32}]", {II: 96}, {}),
        ("minimum_versions: {SPE: 9.0.0}", {EXE: 32}, {}),
        ("certification: endorsed", {}, {}),
    ],
)
def test_rules_for_collections(text: str, platform: dict[Member, int], realm: dict[Member, int]) -> None:
    appraisal = appraise(cca_token(), cca_endorsed(), load_policy(text.encode()))
    found = {part.name: part.vector.values() for part in appraisal.submods}
    good = {II: 2, CONF: 2, EXE: 2, HW: 2, Member.RUNTIME_OPAQUE: 2, Member.STORAGE_OPAQUE: 2}
    assert found == {"CCA_SSD_PLATFORM": {**good, **platform}, "CCA_REALM": {II: 2, EXE: 2, **realm}}
    assert {part.policy_ids for part in appraisal.submods} == {("policy:ARM_CCA/unnamed",)}


def test_the_name_of_a_policy_stands_in_the_result() -> None:
    appraisal = appraise(psa_token(), endorsed(), load_policy(b"name: factory 7"))
    assert appraisal.submods[0].policy_ids == ("policy:PSA_IOT/factory 7",)


def test_a_whole_policy() -> None:
    text = f"""
name: fleet
lifecycles: [secured]
match: subset
profiles: [PSA_IOT_PROFILE_1]
{SIGNERS}
minimum_versions:
  SPE: 2.1.0
  NSPE: 1.0
required_claims: [boot-seed]
required_components: [SPE]
client_ids: [non-secure, secure, 5]
instance_ids: [{INSTANCE.hex()}]
certification: [{CERTIFICATE}, 0604565272829]
well_known_keys: allowed
challenge: required
tiers: {{minimum_versions: contraindicated}}
"""
    assert load_policy(text.encode()) == Policy(
        name="fleet",
        lifecycles=frozenset({0x30}),
        match=Match.SUBSET,
        profiles=frozenset({"PSA_IOT_PROFILE_1"}),
        signers=frozenset({SPE_SIGNER, NSPE_SIGNER}),
        minimum_versions={"SPE": Version(2, 1), "NSPE": Version(1, 0)},
        required_claims=("boot-seed",),
        required_components=("SPE",),
        client_ids=(NON_SECURE, SECURE, IdRange(5, 5)),
        instance_ids=frozenset({INSTANCE}),
        certification=frozenset({CERTIFICATE, "0604565272829"}),
        well_known_keys=True,
        challenge_required=True,
        tiers={**DEFAULT_POLICY.tiers, Rule.MINIMUM_VERSIONS: Tier.CONTRAINDICATED},
    )


def test_the_policy_of_the_documentation_is_one() -> None:
    page = (Path(tfm_sim.__file__).parent / "docs" / "appraisal.md").read_text()
    (text,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    policy = load_policy(text.encode())
    assert (policy.name, policy.certification, policy.challenge_required) == ("fleet", frozenset(), True)
    assert set(yaml.safe_load(text)) | {"instance_ids"} == {
        *(rule.value for rule in Rule),
        "name",
        "match",
        "tiers",
    }


BAD_FILES = [
    ("", "p.yaml:1: empty file"),
    ("- 1", "wrong type; found a sequence; legal: a mapping"),
    ("{}", "no rules"),
    ("colour: red", "unknown key; found 'colour'; legal: name, lifecycles, match"),
    ("name: a\nname: b", "p.yaml:2: duplicate key 'name'"),
    ("name: ''", "name: wrong type"),
    ("lifecycles: []", "wrong number of items; found 0"),
    ("lifecycles: [locked]", "lifecycles[0]: not legal; found 'locked'; legal: unknown, assembly-and-test"),
    ("match: some", "match: not legal; found 'some'; legal: exact, subset"),
    ("profiles: [psa]", "profiles[0]: not legal; found 'psa'; legal: psa-tfm-profile-1.md, PSA_IOT"),
    ("signers: [00]", "signers[0]: wrong length; found 1 bytes; legal: 32, 48 or 64 bytes"),
    ("signers: [xyz]", "signers[0]: not hex"),
    ("minimum_versions: 1", "minimum_versions: wrong type"),
    ("minimum_versions: {SPE: new}", "minimum_versions.SPE: not a version; found 'new'; legal: MAJOR.MINOR"),
    ("minimum_versions: {SPE: 256.0.0}", "not a version"),
    ("minimum_versions: {SPE: 1.0.65536}", "not a version"),
    ("minimum_versions: {SPE: 1.0.0+4294967296}", "not a version"),
    ("minimum_versions: {SPE: [1]}", "minimum_versions.SPE: wrong type"),
    ("required_claims: [nonsense]", "required_claims[0]: not legal"),
    ("client_ids: [0]", "client_ids[0]: no client ids; found 0; legal: non-secure, secure"),
    ("client_ids: [-1..1]", "no client ids"),
    ("client_ids: [5..3]", "no client ids"),
    ("client_ids: [2147483648]", "no client ids"),
    ("instance_ids: [0140]", "instance_ids[0]: wrong length; found 2 bytes; legal: 33 bytes"),
    ("certification: yes", "certification: not legal; found yes; legal: endorsed, or a list"),
    ("certification: [123]", "certification[0]: not a certification reference"),
    ("well_known_keys: perhaps", "legal: refused, allowed"),
    ("challenge: 1", "legal: optional, required"),
    ("tiers: {speed: warning}", "tiers: unknown key; found 'speed'"),
    ("tiers: {signers: none}", "tiers.signers: not legal; found 'none'; legal: warning, contraindicated"),
    ("name: !!python/object:os.system x", "a tag"),
    ("name: &a x", "an anchor or alias"),
    ("a: [", "not YAML"),
]


@pytest.mark.parametrize("text, said", BAD_FILES)
def test_one_clear_error_for_a_bad_file(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(text.encode(), "p.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("p.yaml:")
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(st.binary(max_size=80) | st.sampled_from([text for text, _ in BAD_FILES]).map(str.encode))
def test_any_bytes_end_in_a_policy_or_its_error(data: bytes) -> None:
    with suppress(PolicyError):
        assert isinstance(load_policy(data), Policy)


@pytest.mark.parametrize(
    "text, version",
    [
        ("2.1.0", Version(2, 1, 0)),
        ("2.1", Version(2, 1)),
        ("2.1.0+7", Version(2, 1, 0, 7)),
        ("2.1.0.7", Version(2, 1, 0, 7)),
        ("255.255.65535+4294967295", Version(255, 255, 65535, 4294967295)),
        ("256.0", None),
        ("2", None),
        ("2.1.0-rc1", None),
        ("v2.1.0", None),
        ("", None),
        ("2.1.\u0660", None),
    ],
)
def test_versions(text: str, version: Version | None) -> None:
    assert Version.parse(text) == version


def test_versions_compare_number_by_number() -> None:
    texts = ["1.9.9", "1.10", "1.10.0+1", "1.10.1", "2.0", "10.0"]
    versions = [Version.parse(text) for text in texts]
    assert versions == sorted(versions, key=lambda version: version or Version(0, 0))
