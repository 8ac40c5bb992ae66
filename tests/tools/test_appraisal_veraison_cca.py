"""The Veraison-compatible mode for CCA collections: decoding, failures, platform, realm, one line a case."""

from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.appraisal_cases import (
    COSE_KEY,
    DROP,
    IAK,
    IMPLEMENTATION,
    NSPE,
    OTHER,
    PLATFORM_LEGACY,
    POINT,
    RAK,
    REALM_2023,
    REALM_2024,
    REALM_CHALLENGE,
    RIM,
    SPE,
    cca_endorsed,
    cca_token,
    realm_reference,
    reference,
    sign1,
)
from support.veraison_cases import (
    ALL,
    CONF,
    EXE,
    GOOD,
    IDENTITY,
    II,
    INTEGRITY,
    failed,
    said,
    veraison,
)

from tfm_sim.tools.appraisal import (
    Member,
    Tier,
)
from tfm_sim.tools.appraisal.evidence import Evidence
from tfm_sim.tools.appraisal.veraison import CCA_TOKEN, appraise_realm
from tfm_sim.tools.endorsements.model import Endorsements, PlatformConfig
from tfm_sim.tools.verifier import decode

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


RECORDS = cbor2.loads(cca_token()).value
WITH_INDICATOR = cbor2.dumps(cbor2.CBORTag(907, {**RECORDS, 44234: [*RECORDS[44234], 4]}))
WIDE_HEADS = cbor2.dumps(cbor2.CBORTag(907, {**RECORDS, 44241: [263, b"\xd8\x12" + RECORDS[44241][1][1:]]}))


@pytest.mark.parametrize(
    "token",
    [
        WITH_INDICATOR,
        WIDE_HEADS,
        cca_token(realm={265: "realm"}),  # any URI passes here
        cca_token(realm={265: 1}),
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


OFF_CURVE = cbor2.dumps({**cbor2.loads(COSE_KEY), -3: bytes(48)})

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
        f"{INTEGRITY}binding verification failed: computing binder: mapping RAK hash algorithm: hash "
        'algorithm "md5" not known',
    ),
    (  # the pinned ccatoken ends with the realm profile of 2023, and looks when it verifies
        cca_token(realm={265: REALM_2024}),
        f'{INTEGRITY}extracting realm profile: wrong profile: expecting "{REALM_2023}", got "{REALM_2024}"',
    ),
    (
        cca_token(realm={265: REALM_2024}, keys=(OTHER, RAK)),
        f"{INTEGRITY}unable to verify platform token: verification error",
    ),
    (
        cca_token(realm={44237: OFF_CURVE}),
        f"{INTEGRITY}unable to verify realm token: unable to instantiate verifier: ES384: invalid public "
        "key: P384 point not on curve",
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
