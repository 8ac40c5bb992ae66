"""The Veraison-compatible mode: each step of vts and its two schemes, and each quirk, one line a case."""

from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.appraisal_cases import (
    CHALLENGE,
    COSE_KEY,
    DROP,
    IAK,
    IMPLEMENTATION,
    NSPE,
    OTHER,
    P1,
    P2,
    PLATFORM_LEGACY,
    POINT,
    PROFILES,
    RAK,
    REALM_2023,
    REALM_2024,
    REALM_CHALLENGE,
    RFC,
    RIM,
    SPE,
    anchor,
    cca_endorsed,
    cca_token,
    endorsed,
    psa_token,
    realm_reference,
    reference,
    sign1,
)

from tfm_sim.tools.appraisal import (
    Appraisal,
    AppraisalError,
    Member,
    Mode,
    Policy,
    Tier,
    appraise,
)
from tfm_sim.tools.appraisal.evidence import Evidence
from tfm_sim.tools.appraisal.veraison import CCA_TOKEN, LEGACY_TOKEN, PSA_TOKEN, appraise_realm
from tfm_sim.tools.endorsements.model import ClassNames, Digest, Endorsements, PlatformConfig
from tfm_sim.tools.verifier import decode

ALL = list(Member)
II, CONF, EXE, HW, RT, ST = (
    Member.INSTANCE_IDENTITY,
    Member.CONFIGURATION,
    Member.EXECUTABLES,
    Member.HARDWARE,
    Member.RUNTIME_OPAQUE,
    Member.STORAGE_OPAQUE,
)
GOOD = {II: 2, EXE: 2, HW: 2, RT: 2, ST: 2}
IDENTITY = "could not establish identity from evidence"
INTEGRITY = "integrity validation failed: bad evidence: "


def veraison(
    token: bytes,
    endorsements: Endorsements | None = None,
    challenge: bytes = CHALLENGE,
    media_type: str | None = None,
) -> Appraisal:
    return appraise(
        token,
        endorsed() if endorsements is None else endorsements,
        mode=Mode.VERAISON,
        challenge=challenge,
        media_type=media_type,
    )


def said(appraisal: Appraisal) -> tuple[str, str, dict[Member, int], object]:
    """Name, status, vector and problem of the only submod."""
    (part,) = appraisal.submods
    return part.name, part.status.label, part.vector.values(), part.policy_claims.get("problem")


def failed(problem: str, scheme: str = "PSA_IOT") -> tuple[str, str, dict[Member, int], object]:
    return scheme, "contraindicated", dict.fromkeys(ALL, 99), problem


@pytest.mark.parametrize("era", [P1, P2])
def test_good_tokens(era: int) -> None:
    appraisal = veraison(psa_token(era))
    assert said(appraisal) == ("PSA_IOT", "affirming", GOOD, None)
    assert appraisal.submods[0].policy_ids == ("policy:PSA_IOT",)
    assert appraisal.submods[0].vector[CONF].value == 0  # never touched by the PSA scheme


MAC0 = cbor2.dumps(cbor2.CBORTag(17, cbor2.loads(psa_token()).value))


UNSIGNED = cbor2.dumps(cbor2.CBORTag(18, [*cbor2.loads(psa_token()).value[:3], b""]))


def damaged(token: bytes) -> bytes:
    return token[:-1] + bytes([token[-1] ^ 1])


@pytest.mark.parametrize(
    "token",
    [
        psa_token(RFC),  # accepted by media type, but the pinned psatoken does not know its profile
        MAC0,
        b"no token",
        psa_token() + b"\x00",
        psa_token(profile="PSA_IOT_PROFILE_1"),
        psa_token(P1, profile="PSA_IOT_PROFILE_2"),
        psa_token(profile=1),
        psa_token(client=0x80000000),
        psa_token(client=DROP),
        psa_token(lifecycle=0x3100),
        psa_token(lifecycle=0x10000),
        psa_token(lifecycle=DROP),
        psa_token(implementation=b"\x20" * 31),
        psa_token(instance=b"\x02" + b"\x40" * 32),
        psa_token(instance=b"\x01" * 32),
        psa_token(nonce=b"\x2a" * 33),
        psa_token(seed=b"\x0b" * 33),
        psa_token(seed=b"\x0b" * 7),
        psa_token(P1, seed=b"\x0b" * 8),
        psa_token(P1, seed=DROP),
        psa_token(certificate="0604565272829"),
        psa_token(P1, certificate="060456527282"),
        psa_token(service=""),
        psa_token(components=[]),
        psa_token(components=DROP),
        psa_token(components=[{1: "SPE", 4: "1", 5: SPE[5]}]),
        psa_token(components=[{**SPE, 2: b"\x11" * 31}]),
        psa_token(components=[{1: "SPE", 2: SPE[2], 4: "1"}]),
        psa_token(P1, components=DROP),
        psa_token(P1, none=1),
        UNSIGNED,
    ],
)
def test_what_psatoken_does_not_decode_or_validate(token: bytes) -> None:
    assert said(veraison(token)) == failed(IDENTITY)


@pytest.mark.parametrize(
    "token",
    [
        psa_token(client=0),
        psa_token(seed=DROP),
        psa_token(seed=b"\x0b" * 8),
        psa_token(certificate=DROP),
        psa_token(service=DROP),
        psa_token(P1, certificate="0604565272829"),
        psa_token(components=[{**SPE, 3: -1, 99: "extra"}, NSPE]),
        psa_token(P1, components=DROP, none=7),
        psa_token(P1, components=[], none=1),
        psa_token(P1, client=0),
    ],
)
def test_what_psatoken_takes(token: bytes) -> None:
    assert said(veraison(token))[:2] == ("PSA_IOT", "affirming")


SPE_66 = reference(SPE, signer_id=b"\x66" * 32)
VENDOR = ClassNames(vendor="ACME")
STEPS = [
    # step 3: the trust anchor
    (psa_token(), Endorsements(), failed("no trust anchor for evidence")),
    (psa_token(instance=b"\x01" + b"\x41" * 32), endorsed(), failed("no trust anchor for evidence")),
    (psa_token(implementation=b"\x21" * 32), endorsed(), failed("no trust anchor for evidence")),
    (
        psa_token(),
        Endorsements(trust_anchors=(anchor(), anchor(OTHER))),
        ("PSA_IOT", "none", dict.fromkeys(ALL, -1), None),
    ),
    # step 5: the nonce before the signature
    (
        damaged(psa_token(nonce=b"\x2b" * 32)),
        endorsed(),
        failed(f"{INTEGRITY}freshness: psa-nonce ({'2b' * 32}) does not match session nonce ({'2a' * 32})"),
    ),
    (
        damaged(psa_token()),
        endorsed(),
        failed(f"{INTEGRITY}signature verification failed: verification error"),
    ),
    (
        psa_token(P2, OTHER),
        endorsed(),
        failed(f"{INTEGRITY}signature verification failed: verification error"),
    ),
    # step 6 and 7: components
    (psa_token(), endorsed(SPE_66, reference(NSPE)), ("PSA_IOT", "affirming", GOOD, None)),
    (psa_token(components=[SPE]), endorsed(), ("PSA_IOT", "affirming", GOOD, None)),  # subset test
    (psa_token(components=[SPE, SPE]), endorsed(), ("PSA_IOT", "affirming", GOOD, None)),
    (psa_token(), endorsed(reference(SPE)), ("PSA_IOT", "warning", {**GOOD, EXE: 33}, None)),
    (
        psa_token(),
        replace(endorsed(), reference_values=()),
        ("PSA_IOT", "warning", {**GOOD, EXE: 33}, None),
    ),
    (
        psa_token(),
        endorsed(reference(SPE, type="BL"), reference(NSPE)),
        ("PSA_IOT", "warning", {**GOOD, EXE: 33}, None),
    ),
    (
        psa_token(),
        endorsed(reference(SPE, version="9"), reference(NSPE)),
        ("PSA_IOT", "warning", {**GOOD, EXE: 33}, None),
    ),
    (
        psa_token(),
        endorsed(reference(SPE, type=None, version=None), reference(NSPE)),
        ("PSA_IOT", "affirming", GOOD, None),
    ),
    # of two references with one digest the last stays
    (
        psa_token(),
        endorsed(reference(SPE, version="9"), reference(SPE), reference(NSPE)),
        ("PSA_IOT", "affirming", GOOD, None),
    ),
    (
        psa_token(),
        endorsed(reference(SPE), reference(SPE, version="9"), reference(NSPE)),
        ("PSA_IOT", "warning", {**GOOD, EXE: 33}, None),
    ),
    # no digest, two digests: an error of the verifier, even if the rest would match
    (
        psa_token(),
        endorsed(reference(SPE), reference(NSPE), reference(SPE, digests=())),
        ("PSA_IOT", "none", dict.fromkeys(ALL, -1), None),
    ),
    (
        psa_token(),
        endorsed(reference(SPE, digests=(Digest("sha-256", SPE[2]),) * 2), reference(NSPE)),
        ("PSA_IOT", "none", dict.fromkeys(ALL, -1), None),
    ),
    # a component without type or version: bad evidence, which leaves no claim at all and no problem
    (psa_token(components=[{2: SPE[2], 4: "2.1.0", 5: SPE[5]}]), endorsed(), ("PSA_IOT", "none", {}, None)),
    (psa_token(components=[{1: "SPE", 2: SPE[2], 5: SPE[5]}]), endorsed(), ("PSA_IOT", "none", {}, None)),
    # but one that does not match ends the comparison before
    (
        psa_token(components=[{**SPE, 2: b"\x99" * 32}, {2: SPE[2], 5: SPE[5]}]),
        endorsed(),
        ("PSA_IOT", "warning", {**GOOD, EXE: 33}, None),
    ),
    # a profile 1 token without profile claim: its JSON has null there, which matches no profile
    (psa_token(P1, profile=DROP), endorsed(), ("PSA_IOT", "none", {}, None)),
]


@pytest.mark.parametrize("token, endorsements, expected", STEPS)
def test_steps(token: bytes, endorsements: Endorsements, expected: object) -> None:
    appraisal = veraison(token, endorsements)
    assert said(appraisal) == expected
    assert appraisal.submods[0].policy_ids == ("policy:PSA_IOT",)


@pytest.mark.parametrize(
    "anchor_names, reference_names, executables",
    [
        (VENDOR, VENDOR, 2),
        (VENDOR, ClassNames(), 33),  # found inexactly, but then looked up exactly
        (ClassNames(), VENDOR, 33),
        (VENDOR, ClassNames(vendor="ACME", model="RoadRunner"), 33),
    ],
)
def test_reference_values_are_those_of_the_anchors_own_class(
    anchor_names: ClassNames, reference_names: ClassNames, executables: int
) -> None:
    references = (reference(SPE, names=reference_names), reference(NSPE, names=reference_names))
    endorsements = replace(endorsed(*references), anchor_names=(anchor_names,))
    assert veraison(psa_token(), endorsements).value(EXE) == executables


@pytest.mark.parametrize(
    "lifecycle, value",
    [(0x3000, 2), (0x40FF, 2), (0, 96), (0x1000, 96), (0x2000, 96), (0x5000, 96), (0x6000, 96)],
)
def test_lifecycle(lifecycle: int, value: int) -> None:
    found = veraison(psa_token(lifecycle=lifecycle)).submods[0].vector.values()
    assert found == {**GOOD, II: value, RT: value, ST: value}


@pytest.mark.parametrize(
    "token, media_type, expected",
    [
        (psa_token(), LEGACY_TOKEN, ("PSA_IOT", "affirming", GOOD, None)),  # the content decides
        (psa_token(), CCA_TOKEN, failed(IDENTITY, "ARM_CCA")),
        (cca_token(), PSA_TOKEN, failed(IDENTITY)),
        (psa_token(), "text/html", ("ERROR", "none", dict.fromkeys(ALL, 1), "could not resolve media type")),
        (b"", "", ("ERROR", "none", dict.fromkeys(ALL, 1), "could not resolve media type")),
    ],
)
def test_the_media_type_chooses_the_scheme(token: bytes, media_type: str, expected: object) -> None:
    assert said(veraison(token, media_type=media_type)) == expected


def test_before_the_scheme_is_known_there_is_no_policy() -> None:
    assert veraison(psa_token(), media_type="text/html").submods[0].policy_ids == ()


def test_the_nonce_goes_back_and_evidence_is_annotated() -> None:
    appraisal = veraison(psa_token())
    assert appraisal.nonce == CHALLENGE
    shown = appraisal.submods[0].evidence
    assert shown["eat-profile"] == PROFILES[P2]
    assert shown["psa-security-lifecycle"] == 0x3000
    assert shown["psa-nonce"] == "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio="
    assert shown["psa-software-components"] == [
        {
            "measurement-type": "SPE",
            "measurement-value": "ERERERERERERERERERERERERERERERERERERERERERE=",
            "signer-id": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=",
            "version": "2.1.0",
        },
        {
            "measurement-type": "NSPE",
            "measurement-value": "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI=",
            "signer-id": "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=",
            "version": "1.0.0",
        },
    ]


@pytest.mark.parametrize(
    "options, said",
    [
        ({"challenge": CHALLENGE, "policy": Policy(name="x")}, "found a policy"),
        ({"challenge": None}, "found no challenge"),
    ],
)
def test_what_does_not_fit_the_mode(options: dict[str, Any], said: str) -> None:
    with pytest.raises(AppraisalError, match=said):
        appraise(psa_token(), endorsed(), mode=Mode.VERAISON, **options)


# The CCA scheme

PLATFORM_GOOD = {**GOOD, CONF: 2}
REALM_GOOD = {II: 2, EXE: 2}


def cca(token: bytes, endorsements: Endorsements | None = None) -> dict[str, dict[Member, int]]:
    found = cca_endorsed() if endorsements is None else endorsements
    return {part.name: part.vector.values() for part in veraison(token, found, REALM_CHALLENGE).submods}


@pytest.mark.parametrize(
    "token",
    [
        cca_token(),
        cca_token(tag=399),
        cca_token({265: PLATFORM_LEGACY}),
        cca_token(realm={265: DROP, 44237: POINT}),
        cca_token({2399: [{k: v for k, v in SPE.items() if k != 4}, NSPE]}),  # the version is optional here
        cca_token({2402: "shake256"}),
        cca_token(realm={44239: [b"\x73" * 32] * 4, 44236: "any name"}),
    ],
)
def test_good_collections(token: bytes) -> None:
    loose = cca_endorsed()
    loose = replace(loose, reference_values=(reference(SPE, version=None), reference(NSPE)))
    assert cca(token, loose) == {"CCA_SSD_PLATFORM": PLATFORM_GOOD, "CCA_REALM": REALM_GOOD}
    (platform, realm) = veraison(token, loose, REALM_CHALLENGE).submods
    assert platform.policy_ids == realm.policy_ids == ("policy:ARM_CCA",)
    assert realm.evidence["cca-realm-profile"] == REALM_2023  # of the legacy realm too


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def nested_realm() -> bytes:
    """A realm token that nests its platform token: good to our verifier, no collection to ccatoken."""
    tokens = {label: record[1] for label, record in cbor2.loads(cca_token()).value.items()}
    claims = cbor2.loads(cbor2.loads(tokens[44241]).value[2])
    return sign1(RAK, {**claims, 266: {"platform": tokens[44234]}})


@pytest.mark.parametrize(
    "token",
    [
        cca_token(realm={265: REALM_2024}),  # the pinned ccatoken ends with the realm profile of 2023
        cca_token({265: "tag:arm.com,2024:cca_platform#1.0.0"}),
        cca_token({2402: "SHA256"}),
        cca_token({2401: DROP}),
        cca_token(realm={265: DROP, 44237: COSE_KEY}),
        cca_token(realm={44237: POINT}),
        cca_token(realm={44239: []}),
        cca_token(realm={44235: bytes(63)}),
        cca_token(realm={10: bytes(63)}),
        cca_token(realm={44236: ""}),
        cbor2.dumps(cbor2.CBORTag(907, {44234: cbor2.loads(cca_token()).value[44234]})),
        cca_token()[:-1],
        cca_token() + b"\x00",
        cca_token({2395: 0x3100}),
        cca_token(realm={265: DROP, 44237: point_of(OTHER)}, keys=(IAK, OTHER)),
        nested_realm(),
    ],
)
def test_what_ccatoken_does_not_decode_or_validate(token: bytes) -> None:
    assert said(veraison(token, cca_endorsed(), REALM_CHALLENGE, CCA_TOKEN)) == failed(IDENTITY, "ARM_CCA")


CCA_STEPS = [
    (
        cca_token(keys=(OTHER, RAK)),
        f"{INTEGRITY}unable to verify platform token: verification error",
    ),
    (cca_token(keys=(IAK, OTHER)), f"{INTEGRITY}unable to verify realm token: verification error"),
    (
        cca_token({10: bytes(32)}),
        f"{INTEGRITY}binding verification failed: platform nonce does not match RAK hash",
    ),
    (
        cca_token(realm={44240: "md5"}),
        f"{INTEGRITY}binding verification failed: platform nonce does not match RAK hash",
    ),
    (
        cca_token(realm={10: bytes(64)}, keys=(OTHER, OTHER)),  # the nonce is first here too
        f"{INTEGRITY}freshness: realm challenge ({'00' * 64}) does not match session nonce ({'2b' * 64})",
    ),
    (cca_token({256: b"\x01" + bytes(32)}), "no trust anchor for evidence"),
]


@pytest.mark.parametrize("token, problem", CCA_STEPS)
def test_failures_stand_under_the_schemes_name(token: bytes, problem: str) -> None:
    assert said(veraison(token, cca_endorsed(), REALM_CHALLENGE)) == failed(problem, "ARM_CCA")


@pytest.mark.parametrize("size", [32, 48, 64])
def test_a_shorter_nonce_is_padded_with_zeros(size: int) -> None:
    token = cca_token(realm={10: (b"\x2c" * size).ljust(64, b"\x00")})
    assert veraison(token, cca_endorsed(), b"\x2c" * size).status is Tier.AFFIRMING
    padded = veraison(token, cca_endorsed(), (b"\x2c" * size).ljust(64, b"\x00"))
    assert padded.status is Tier.AFFIRMING
    assert veraison(token, cca_endorsed(), b"\x2c" * (size - 8)).status is Tier.CONTRAINDICATED


@pytest.mark.parametrize(
    "configs, value",
    [
        ((b"\xc0\xff\xee\x01",), 2),
        ((b"\xc0\xff\xee\x02",), 32),
        ((), 32),
        ((b"\x00", b"\xc0\xff\xee\x01"), 2),  # the last one wins
        ((b"\xc0\xff\xee\x01", b"\x00"), 32),
    ],
)
def test_platform_configuration(configs: tuple[bytes, ...], value: int) -> None:
    entries = tuple(PlatformConfig(IMPLEMENTATION, config) for config in configs)
    found = cca(cca_token(), replace(cca_endorsed(), platform_configs=entries))
    assert found["CCA_SSD_PLATFORM"] == {**PLATFORM_GOOD, CONF: value}


def test_a_platform_component_without_type_is_bad_evidence() -> None:
    token = cca_token({2399: [{2: SPE[2], 4: "2.1.0", 5: SPE[5]}]})
    assert said(veraison(token, cca_endorsed(), REALM_CHALLENGE)) == ("ARM_CCA", "none", {}, None)


def test_a_reference_without_digest_is_a_malfunction() -> None:
    endorsements = replace(cca_endorsed(), reference_values=(reference(SPE, digests=()),))
    appraisal = veraison(cca_token(), endorsements, REALM_CHALLENGE)
    assert said(appraisal) == ("ARM_CCA", "none", dict.fromkeys(ALL, -1), None)


REALMS = [
    ((realm_reference(),), 2),
    ((realm_reference(rem=None),), 2),
    ((realm_reference(rpv=None),), 2),
    ((realm_reference(rem=b"\x74" * 32),), 3),
    ((realm_reference(rem=b"\x74" * 32), realm_reference()), 3),  # the first that fits RIM and RPV ends it
    ((realm_reference(rpv=b"\x75" * 64),), 96),
    ((realm_reference(rpv=b"\x75" * 64), realm_reference()), 2),
    ((realm_reference(), realm_reference(rpv=b"\x75" * 64)), 2),
    ((realm_reference(rim=b"\x76" * 32),), 33),  # the look-up by RIM finds none
]


@pytest.mark.parametrize("realms, executables", REALMS)
def test_realms(realms: tuple[Any, ...], executables: int) -> None:
    assert cca(cca_token(), cca_endorsed(*realms))["CCA_REALM"] == {II: 2, EXE: executables}


def test_three_extensible_measurements_never_match_four() -> None:
    token = cca_token(realm={44239: [b"\x73" * 32] * 3})
    assert cca(token)["CCA_REALM"] == {II: 2, EXE: 3}


@pytest.mark.parametrize(
    "realms, values",
    [
        ((realm_reference(rim=b"\x76" * 32),), dict.fromkeys(ALL, -1)),
        ((realm_reference(rpv=b"\x75" * 64), realm_reference(rim=b"\x76" * 32)), dict.fromkeys(ALL, -1)),
        ((realm_reference(), realm_reference(rim=b"\x76" * 32)), {II: 2, EXE: 2}),
    ],
)
def test_a_reference_of_another_realm_in_the_loop_sets_every_claim_to_minus_one(
    realms: tuple[Any, ...], values: dict[Member, int]
) -> None:
    evidence = Evidence.of(decode(cca_token()).parts[1])
    assert evidence.octets("initial-measurement") == RIM
    result = appraise_realm(("policy:ARM_CCA",), evidence, realms)
    assert result.vector.values() == values
    assert result.status is (Tier.NONE if -1 in values.values() else Tier.AFFIRMING)
