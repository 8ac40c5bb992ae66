"""The Veraison-compatible mode: each step of vts and its two schemes, and each quirk, one line a case."""

from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from support.appraisal_cases import (
    CERTIFICATE,
    CHALLENGE,
    DROP,
    IAK,
    IMPLEMENTATION,
    NSPE,
    OTHER,
    P1,
    P2,
    PROFILES,
    RFC,
    SPE,
    anchor,
    cca_token,
    endorsed,
    psa_token,
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
    RT,
    ST,
    failed,
    said,
    veraison,
)

from tfm_sim.tools.appraisal import (
    AppraisalError,
    Mode,
    Policy,
    appraise,
)
from tfm_sim.tools.appraisal.veraison import CCA_TOKEN, LEGACY_TOKEN, PSA_TOKEN
from tfm_sim.tools.endorsements.model import Certification, ClassNames, Digest, Endorsements


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


def of_algorithm(algorithm: object, digest: hashes.HashAlgorithm | None = None) -> bytes:
    """The good token with another alg in its header, signed anew over it by the device (P-256)."""
    _, _, payload, _ = cbor2.loads(psa_token()).value
    protected = cbor2.dumps({1: algorithm})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(IAK.sign(signed, ec.ECDSA(digest or hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


NO_VERIFIER = f"{INTEGRITY}unable to instantiate verifier: "
UNKNOWN = f"{NO_VERIFIER}can't create new Verifier for "
VERIFIED = ("PSA_IOT", "affirming", GOOD, None)


@pytest.mark.parametrize(
    "token, expected",
    [
        (of_algorithm(-35, hashes.SHA384()), VERIFIED),  # the hash of ES384, the curve of the key
        (of_algorithm(-36, hashes.SHA512()), VERIFIED),
        (of_algorithm(-35), failed(f"{INTEGRITY}signature verification failed: verification error")),
        (of_algorithm(-37), failed(f"{NO_VERIFIER}PS256: invalid public key")),
        (of_algorithm(-8), failed(f"{NO_VERIFIER}EdDSA: invalid public key")),
        (of_algorithm(0), failed(f"{UNKNOWN}Reserved: can't be implemented: algorithm not supported")),
        (
            of_algorithm(-257),
            failed(f"{UNKNOWN}RS256: no built-in implementation available: algorithm not supported"),
        ),
        (of_algorithm(-16), failed(f"{UNKNOWN}SHA-256: unknown algorithm: algorithm not supported")),
        (of_algorithm(5), failed(f"{UNKNOWN}Algorithm(5): unknown algorithm: algorithm not supported")),
        (
            of_algorithm("ES256"),
            failed(
                f'{INTEGRITY}unable to get verification algorithm: Algorithm("ES256"): '
                "algorithm not supported"
            ),
        ),
        (of_algorithm(None), failed(IDENTITY)),
    ],
)
def test_the_words_of_go_cose(token: bytes, expected: object) -> None:
    assert said(veraison(token)) == expected


@pytest.mark.parametrize("head, wide", [(b"\xd2\x84", b"\xd8\x12\x84"), (b"\xd2\x84", b"\xd2\x98\x04")])
def test_go_cose_knows_a_token_by_its_first_two_bytes(head: bytes, wide: bytes) -> None:
    token = psa_token()
    assert token.startswith(head)
    assert said(veraison(wide + token[2:])) == failed(IDENTITY)
    assert (
        not appraise(wide + token[2:], endorsed(), challenge=CHALLENGE)
        .submods[0]
        .policy_claims.get("problem")
    )


def test_the_profile_of_265_may_be_the_first_one() -> None:
    """psatoken reads the labels of PSA_IOT_PROFILE_1 then, whatever our own table says of 265."""
    claims = cbor2.loads(cbor2.loads(psa_token(P1)).value[2])
    assert said(veraison(sign1(IAK, {**claims, 265: PROFILES[P1]}))) == VERIFIED


def test_an_endorsed_certificate_is_found_as_a_reference_value_without_digest() -> None:
    """corim-store GetActiveValueTriples does not ask of which kind a triple is."""
    of_all = Certification(IMPLEMENTATION, CERTIFICATE)
    appraisal = veraison(psa_token(), endorsed(certifications=(of_all,)))
    assert said(appraisal) == ("PSA_IOT", "none", dict.fromkeys(ALL, -1), None)
    conditional = replace(of_all, components=(reference(SPE),))
    assert said(veraison(psa_token(), endorsed(certifications=(conditional,)))) == VERIFIED
    other = replace(of_all, implementation_id=bytes(32))
    assert said(veraison(psa_token(), endorsed(certifications=(other,)))) == VERIFIED


@pytest.mark.parametrize("token, endorsements, expected", STEPS)
def test_steps(token: bytes, endorsements: Endorsements, expected: object) -> None:
    appraisal = veraison(token, endorsements)
    assert said(appraisal) == expected
    assert appraisal.submods[0].policy_ids == ("policy:PSA_IOT",)


@pytest.mark.parametrize(
    "anchor_names, reference_names, executables",
    [
        (VENDOR, VENDOR, 2),
        (VENDOR, ClassNames(), 33),  # found inexactly, but then looked up by all of its names
        (VENDOR, ClassNames(vendor="Other"), 33),
        (ClassNames(), VENDOR, 2),  # what the anchor does not name is not asked for
        (VENDOR, ClassNames(vendor="ACME", model="RoadRunner"), 2),
        (ClassNames(vendor="ACME", model="RoadRunner"), VENDOR, 33),
        (ClassNames(layer=0), ClassNames(layer=0), 2),
        (ClassNames(layer=0), ClassNames(layer=1), 33),
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
        (psa_token(), "text/html", ("ERROR", "none", dict.fromkeys(ALL, -1), "could not resolve media type")),
        (b"", "", ("ERROR", "none", dict.fromkeys(ALL, -1), "could not resolve media type")),
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
