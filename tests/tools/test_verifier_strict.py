"""What a receiver must tolerate (RFC 9783 4 and 5, RFC 9052 3, RFC 9711) and what strict refuses beside.

Each row of the table in docs/verifier.md is a row here: the token is accepted with a warning, and refused
with the same finding by ``strict``.
"""

import hashlib

import cbor2
import pytest
from support.forged_tokens import (
    COMPONENT,
    ES256,
    GOOD,
    GOOD_PAYLOAD,
    P256,
    claims_of,
    point_of,
    protect,
    token_of,
)

from tfm_sim.tools.verifier import Kind, verify
from tfm_sim.tools.verifier.profiles import PSA_IOT_PROFILE_1, RFC_9783

LONG_NONCE_LABEL = GOOD_PAYLOAD[:1] + b"\x18\x0a" + GOOD_PAYLOAD[2:]
DERIVED = "tag:psacertified.org,2023:psa#mine"


@pytest.mark.parametrize(
    "token, warns, strict",
    [
        pytest.param(
            token_of([*claims_of(RFC_9783), (99999, 1)]), None, Kind.CLAIM_UNKNOWN, id="unknown claim"
        ),
        pytest.param(
            token_of([*claims_of(RFC_9783), ("x", 1)]), None, Kind.CLAIM_UNKNOWN, id="unknown text claim"
        ),
        pytest.param(
            token_of([*claims_of(RFC_9783), (2397, bytes(32))]),
            Kind.CLAIM_FOREIGN,
            Kind.CLAIM_UNKNOWN,
            id="claim of another profile",
        ),
        pytest.param(
            token_of(claims_of(RFC_9783, software_components=[COMPONENT | {7: 1}])),
            None,
            Kind.CLAIM_UNKNOWN,
            id="unknown key of a component",
        ),
        pytest.param(token_of(unprotected={99: 1}), Kind.HEADER_UNKNOWN, Kind.HEADER_UNKNOWN, id="header"),
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, "x": 1})),
            Kind.HEADER_UNKNOWN,
            Kind.HEADER_UNKNOWN,
            id="protected header",
        ),
        pytest.param(
            token_of(LONG_NONCE_LABEL), Kind.NON_PREFERRED, Kind.NON_PREFERRED, id="long head in the payload"
        ),
        pytest.param(
            b"\xd8\x12" + GOOD[1:], Kind.NON_PREFERRED, Kind.NON_PREFERRED, id="long head of the tag"
        ),
        pytest.param(
            token_of(protected=b"\xa1\x01\x38\x06"),
            Kind.NON_PREFERRED,
            Kind.NON_PREFERRED,
            id="long head of alg",
        ),
        pytest.param(
            token_of(claims_of(RFC_9783, profile=DERIVED)),
            Kind.PROFILE_STRING,
            Kind.PROFILE_UNKNOWN,
            id="derived profile",
        ),
        pytest.param(
            token_of(claims_of(PSA_IOT_PROFILE_1, profile="PSA_IOT_PROFILE_9")),
            Kind.PROFILE_STRING,
            Kind.PROFILE_STRING,
            id="foreign string of a profile 1 token",
        ),
        pytest.param(
            token_of(claims_of(RFC_9783, instance_id=b"\x01" + bytes(32))),
            Kind.INSTANCE_ID,
            Kind.INSTANCE_ID,
            id="instance id by no rule",
        ),
        pytest.param(token_of(unprotected={4: b"kid"}), Kind.KEY_ID, Kind.KEY_ID, id="kid of another key"),
        pytest.param(token_of(unprotected={4: 1}), Kind.KEY_ID, Kind.KEY_ID, id="kid is no byte string"),
        pytest.param(
            token_of(
                unprotected={
                    4: bytes.fromhex("ef954b4bd9bdf670d0336082f5ef152af8f35b6a6c00efa6a9a71f49517e18c6")
                }
            ),
            Kind.KEY_ID,
            Kind.KEY_ID,
            id="kid of the short-circuit mode",
        ),
    ],
)
def test_tolerated_with_a_warning_and_refused_strictly(
    token: bytes, warns: Kind | None, strict: Kind
) -> None:
    verdict = verify(token, P256)
    assert verdict.reasons == ()
    assert {warning.kind for warning in verdict.warnings} == ({warns} if warns else set())
    assert verify(token, P256, strict=True).kinds() == {strict}


NUMBERS = P256.public_key().public_numbers()
COSE_KEY = cbor2.dumps({1: 2, -1: 1, -2: NUMBERS.x.to_bytes(32, "big"), -3: NUMBERS.y.to_bytes(32, "big")})
KID = hashlib.sha256(COSE_KEY).digest()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param(token_of(unprotected={4: KID}), id="kid is the hash of the COSE_Key"),
        pytest.param(token_of(protected=cbor2.dumps({1: ES256, 4: KID})), id="kid protected"),
        pytest.param(token_of(unprotected={33: b"certificate"}), id="x5chain"),
        pytest.param(token_of(protected=cbor2.dumps({1: ES256, 33: b""})), id="x5chain protected"),
        *(
            pytest.param(
                token_of(claims_of(RFC_9783, instance_id=b"\x01" + hashlib.sha256(data).digest())), id=name
            )
            for name, data in (
                ("COSE_Key", COSE_KEY),
                ("point", point_of(P256)),
                ("coordinates", point_of(P256)[1:]),
            )
        ),
    ],
)
def test_accepted_strictly_without_a_warning(token: bytes) -> None:
    verdict = verify(token, P256, strict=True)
    assert verdict.reasons == ()
    assert verdict.warnings == ()


def test_certificate_chain_is_noted_and_never_used() -> None:
    verdict = verify(token_of(unprotected={33: b"certificate"}), P256)
    assert Kind.X5CHAIN in {note.kind for note in verdict.notes}


def test_protected_header_is_what_was_signed() -> None:
    """The same headers in another order or form are other bytes, and the signature is over those."""
    token = token_of(protected=protect(ES256))
    assert verify(token.replace(b"\x43\xa1\x01\x26", b"\x44\xa1\x01\x38\x06"), P256).kinds() == {
        Kind.SIGNATURE_INVALID
    }
