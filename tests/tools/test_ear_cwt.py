"""Attestation results as CWT: labels and values of draft-ietf-rats-ear -03, and a signature that holds."""

from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.appraisal_cases import (
    CHALLENGE,
    DROP,
    P1,
    REALM_CHALLENGE,
    VERIFIER,
    cca_endorsed,
    cca_token,
    endorsed,
    psa_token,
)

from tfm_sim.tools.appraisal import Appraisal, AppraisalError, Mode, VerifierId, appraise
from tfm_sim.tools.appraisal.ear_cwt import ear_cwt_claims, sign_ear_cwt
from tfm_sim.tools.verifier import SignatureState, decode, load_key
from tfm_sim.tools.verifier.cose import judge_signature

IAT = 1_790_000_000
GOOD = appraise(psa_token(), endorsed(), challenge=CHALLENGE)


def test_the_claims_of_a_good_device() -> None:
    claims = ear_cwt_claims(GOOD, iat=IAT, verifier=VerifierId("lab", "1.0"), exp=IAT + 9, raw_evidence=b"x")
    part = claims[266]["PSA_IOT"]
    assert part.pop(-70000)["psa-client-id"] == 1
    assert claims == {
        4: IAT + 9,
        6: IAT,
        10: CHALLENGE,
        265: "tag:ietf.org,2026:rats/ear#03",
        266: {
            "PSA_IOT": {
                10: CHALLENGE,
                265: "http://arm.com/psa/2.0.0",
                1000: 2,
                1001: {0: 2, 2: 2, 4: 2, 5: 2, 6: 2},
                1003: ["policy:PSA_IOT/default"],
            }
        },
        1000: 2,
        1002: b"x",
        1004: {0: "lab", 1: "1.0"},
    }


REFUSED = appraise(psa_token(nonce=bytes(32)), endorsed(), challenge=CHALLENGE)
COLLECTION = appraise(cca_token(), cca_endorsed(), challenge=REALM_CHALLENGE)
EMPTY = appraise(psa_token(P1, profile=DROP), endorsed(), mode=Mode.VERAISON, challenge=CHALLENGE)


@pytest.mark.parametrize(
    "appraisal, statuses, vectors",
    [
        (REFUSED, [96, 96], [dict.fromkeys(range(8), 99)]),
        (COLLECTION, [2, 2, 2], [{0: 2, 1: 2, 2: 2, 4: 2, 5: 2, 6: 2}, {0: 2, 2: 2}]),
        (EMPTY, [0, 0], [dict.fromkeys(range(8), 0)]),  # never an empty map
    ],
)
def test_tiers_are_integers(appraisal: Appraisal, statuses: list[int], vectors: list[Any]) -> None:
    claims = ear_cwt_claims(appraisal, iat=IAT)
    assert [claims[1000], *(part[1000] for part in claims[266].values())] == statuses
    assert [part[1001] for part in claims[266].values()] == vectors
    assert all(type(status) is int for status in statuses)


@pytest.mark.parametrize(
    "curve, name", [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")]
)
def test_the_signature_holds(curve: ec.EllipticCurve, name: str) -> None:
    key = ec.derive_private_key(0xABCDEF, curve)
    claims = ear_cwt_claims(GOOD, iat=IAT)
    token = sign_ear_cwt(claims, key)
    (part,) = decode(token).parts
    verdict = judge_signature(part.envelope, load_key(key))
    assert (verdict.state, verdict.algorithm and verdict.algorithm.name) == (SignatureState.VALID, name)
    assert cbor2.loads(part.envelope.payload) == claims
    changed = token[:-1] + bytes([token[-1] ^ 1])
    (part,) = decode(changed).parts
    assert judge_signature(part.envelope, load_key(key)).state is SignatureState.INVALID


def test_the_encoding_is_deterministic() -> None:
    claims = ear_cwt_claims(GOOD, iat=IAT)
    backwards = dict(reversed(claims.items()))
    tokens = [sign_ear_cwt(order, VERIFIER) for order in (claims, backwards)]
    assert len({decode(token).parts[0].envelope.payload for token in tokens}) == 1


@pytest.mark.parametrize("options, said", [({"iat": 1.5}, "iat"), ({"iat": 1, "exp": -1}, "exp")])
def test_times_are_whole_seconds(options: dict[str, Any], said: str) -> None:
    with pytest.raises(AppraisalError, match=said):
        ear_cwt_claims(GOOD, **options)


def test_a_challenge_that_is_no_eat_nonce_cannot_be_echoed() -> None:
    with pytest.raises(AppraisalError, match="7 bytes"):
        ear_cwt_claims(appraise(psa_token(), endorsed(), challenge=bytes(7)), iat=IAT)
