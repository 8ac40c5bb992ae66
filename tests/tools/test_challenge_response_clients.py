"""The asking sides against the cores, without sockets: passport and background check (RFC 9334 5)."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from support.challenge_response import Verifier, transport_to
from support.token_parts import load_recording

import tfm_sim
from tfm_sim.device import Device
from tfm_sim.interface.errors import ExitCode, TfmSimError
from tfm_sim.spm.panic import DevicePanic, PanicReport
from tfm_sim.tools.appraisal import EarInvalid, Mode, Policy, Tier
from tfm_sim.tools.challenge_response.client import Ask, CannotAsk, check_url, converse
from tfm_sim.tools.challenge_response.conversations import (
    Attested,
    DeviceDown,
    DeviceRefused,
    EvidenceRefused,
    ask_device,
    attest_to,
    discover,
    new_session_url,
)
from tfm_sim.tools.challenge_response.device_api import DeviceApi
from tfm_sim.tools.challenge_response.judges import EarJudge, JwkUnusable, point_of_jwk, public_jwk
from tfm_sim.tools.challenge_response.messages import Response, json_response
from tfm_sim.tools.challenge_response.nonce_text import NonceForm
from tfm_sim.tools.challenge_response.results import read_result
from tfm_sim.tools.challenge_response.verification_api import SESSION_TYPE, Service
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

BASE = "http://127.0.0.1:8080"
SIGNER = ec.derive_private_key(7, ec.SECP256R1())
DEMO = Policy(well_known_keys=True)
LEGACY = 'application/eat+cwt; eat_profile="tag:psacertified.org,2019:psa#legacy"'
RECORDED = next(
    bytes.fromhex(entry["token_hex"])
    for entry in load_recording("attestation-vectors.json")["vectors"]
    if entry["name"] == "derived-p1"
)


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    with tfm_sim.boot() as booted:
        yield booted


def attester(device: Device) -> Callable[[bytes], bytes]:
    return device.psa.initial_attestation.get_token


def verifier_of(device: Device, policy: Policy = DEMO, **options: Any) -> Verifier:
    key = load_key(iak_verification_key(device.hardware))
    judge = EarJudge(SIGNER, trusted=key, policy=policy)
    return Verifier(judge, Service(public_jwk(SIGNER), **options))


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("form", NonceForm)
def test_passport(device: Device, size: int, form: NonceForm) -> None:
    verifier = verifier_of(device, nonce_form=form)
    attested = converse(attest_to(BASE, size, attester(device)), verifier.transport())
    assert len(attested.nonce) == size
    ear = read_result(attested, BASE, verifier.transport())
    assert ear.nonce == attested.nonce
    assert ear.iat == int(verifier.now)
    assert ear.status is Tier.WARNING, "the key is known, its measurements are not endorsed"
    vector = ear.submods[0].vector
    assert vector is not None
    assert {member.label: claim.value for member, claim in vector}["executables"] == 33
    assert len(verifier.api._sessions) == 0, "the session was deleted"


def test_the_default_policy_refuses_a_device_with_published_keys(device: Device) -> None:
    verifier = verifier_of(device, Policy())
    attested = converse(attest_to(BASE, 32, attester(device)), verifier.transport())
    assert read_result(attested, BASE, verifier.transport()).status is Tier.CONTRAINDICATED


def test_evidence_over_another_nonce_is_appraised_as_such(device: Device) -> None:
    verifier = verifier_of(device)
    stale = attester(device)(b"\0" * 32)
    attested = converse(attest_to(BASE, 32, lambda _nonce: stale), verifier.transport())
    ear = read_result(attested, BASE, verifier.transport())
    assert ear.status is Tier.CONTRAINDICATED
    assert "nonce" in json.dumps(dict(ear.submods[0].extensions))


def test_the_same_evidence_in_two_sessions_is_a_replay(device: Device) -> None:
    verifier = verifier_of(device)
    attested = converse(attest_to(BASE, 32, attester(device)), verifier.transport())
    with pytest.raises(EvidenceRefused, match=r"409.*submitted before") as refused:
        converse(attest_to(BASE, 32, lambda _nonce: attested.evidence), verifier.transport())
    assert refused.value.exit_code is ExitCode.NO


def test_an_attester_that_is_slower_than_the_session(device: Device) -> None:
    verifier = verifier_of(device)

    def slow(nonce: bytes) -> bytes:
        verifier.now += 151
        return attester(device)(nonce)

    with pytest.raises(EvidenceRefused, match=r"410.*has expired"):
        converse(attest_to(BASE, 32, slow), verifier.transport())


def test_a_result_by_another_key_or_over_another_nonce(device: Device) -> None:
    verifier = verifier_of(device)
    attested = converse(attest_to(BASE, 32, attester(device)), verifier.transport())
    other = ec.derive_private_key(8, ec.SECP256R1()).public_key()
    with pytest.raises(EarInvalid, match="signature"):
        read_result(attested, BASE, verifier.transport(), other)
    again = converse(attest_to(BASE, 32, attester(device)), verifier.transport())
    swapped = type(again)(again.nonce, again.evidence, again.media_type, attested.result)
    with pytest.raises(EarInvalid, match="eat_nonce"):
        read_result(swapped, BASE, verifier.transport())


def test_veraisons_mode_answers_too(device: Device) -> None:
    key = load_key(iak_verification_key(device.hardware))
    verifier = Verifier(EarJudge(SIGNER, trusted=key, mode=Mode.VERAISON), Service(public_jwk(SIGNER)))
    attested = converse(attest_to(BASE, 32, attester(device)), verifier.transport())
    assert read_result(attested, BASE, verifier.transport()).status is Tier.WARNING


def scripted(*answers: Response) -> tuple[Callable[[Ask], Response], list[Ask]]:
    asked: list[Ask] = []

    def transport(ask: Ask) -> Response:
        asked.append(ask)
        return answers[len(asked) - 1]

    return transport, asked


def session(status: int, state: str, location: str | None = None, **more: object) -> Response:
    data = {
        "nonce": "AAAA",
        "status": state,
        "accept": ["x/y; q", "application/psa-attestation-token"],
        **more,
    }
    headers = (("Location", location),) if location is not None else ()
    return json_response(status, data, SESSION_TYPE, headers)


GONE = Response(204)


def test_a_verifier_that_needs_time_is_polled(device: Device) -> None:
    token = attester(device)(b"\0" * 32)
    waiting = session(202, "processing")
    transport, asked = scripted(
        session(201, "waiting", "session/1"),
        waiting,
        session(200, "processing"),
        session(200, "complete", result="r"),
        GONE,
    )
    attested = converse(attest_to(f"{BASE}/api/newSession", 32, lambda _: token), transport)
    assert attested.result == "r"
    assert [(ask.method, ask.url, ask.after) for ask in asked] == [
        ("POST", f"{BASE}/api/newSession?nonceSize=32", 0),
        ("POST", f"{BASE}/api/session/1", 0),
        ("GET", f"{BASE}/api/session/1", 1),
        ("GET", f"{BASE}/api/session/1", 1),
        ("DELETE", f"{BASE}/api/session/1", 0),
    ]
    assert dict(asked[1].headers)["Content-Type"] == "application/psa-attestation-token", "what its list has"


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ((Response(500),), CannotAsk, "500: Internal Server Error"),
        ((session(201, "waiting"),), CannotAsk, "found no Location"),
        ((session(201, "waiting", "http://evil.example/x"),), CannotAsk, "legal: a path of"),
        ((session(201, "waiting", "//evil.example/x"),), CannotAsk, "legal: a path of"),
        ((session(201, "waiting", "s", nonce=7),), CannotAsk, "nonce"),
        ((session(201, "waiting", "s", nonce="!"),), CannotAsk, "nonce"),
        (
            (session(201, "waiting", "s", accept=["text/plain"]),),
            CannotAsk,
            "the verifier accepts text/plain",
        ),
        ((session(201, "waiting", "s", accept=7),), CannotAsk, "accept: found 7"),
        ((Response(201, (("Location", "s"),), b"[]"),), CannotAsk, "legal: application/vnd.veraison"),
        ((session(201, "waiting", "s"), session(200, "failed"), GONE), EvidenceRefused, "'failed'"),
        ((session(201, "waiting", "s"), session(200, "complete"), GONE), EvidenceRefused, "with a result"),
        ((session(201, "waiting", "s"), Response(415), GONE), EvidenceRefused, "415: Unsupported Media Type"),
        (
            (session(201, "waiting", "s"), *[session(202, "processing")] * 11, GONE),
            EvidenceRefused,
            "'processing'",
        ),
    ],
)
def test_verifiers_that_are_none(
    device: Device, answers: tuple[Response, ...], error: type[TfmSimError], words: str
) -> None:
    token = attester(device)(b"\0" * 32)
    transport, _ = scripted(*answers, *[Response(404)] * 3)
    with pytest.raises(error, match=words):
        converse(attest_to(BASE, 32, lambda _: token), transport)


def test_a_token_of_no_known_profile_has_no_media_type() -> None:
    transport, _ = scripted(session(201, "waiting", "s"))
    with pytest.raises(CannotAsk, match="its profile is unknown"):
        converse(attest_to(BASE, 32, lambda _: b"no token"), transport)


def test_discovery(device: Device) -> None:
    transport = verifier_of(device).transport()
    key = converse(discover(f"{BASE}/challenge-response/v1/newSession"), transport)["ear-verification-key"]
    point = point_of_jwk(key)
    assert load_key(point) == load_key(SIGNER.public_key())
    with pytest.raises(CannotAsk, match="404"):
        converse(discover(BASE), scripted(Response(404))[0])


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_jwk_there_and_back(curve: ec.EllipticCurve) -> None:
    key = ec.derive_private_key(3, curve)
    assert load_key(point_of_jwk(public_jwk(key))) == load_key(key)


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        {},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "X", "x": "", "y": ""},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": 2},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": [], "x": "AA", "y": "AA"},
    ],
)
def test_no_jwk(jwk: object) -> None:
    with pytest.raises(JwkUnusable, match="legal: an EC key"):
        point_of_jwk(jwk)


def test_background_check(device: Device) -> None:
    api = DeviceApi(attester(device), {})
    nonce = bytes(range(32))
    token = converse(ask_device(BASE, nonce), transport_to(api))
    assert verify(token, iak_verification_key(device.hardware), challenge=nonce).ok


def test_a_device_that_refuses_or_is_down(device: Device) -> None:
    api = DeviceApi(attester(device), {})
    with pytest.raises(DeviceRefused, match="INVALID_ARGUMENT") as refused:
        converse(ask_device(BASE, b"\0" * 33), transport_to(api))
    assert refused.value.exit_code is ExitCode.NO

    def panic(_challenge: bytes) -> bytes:
        raise DevicePanic(PanicReport("TFM_SP_X", "a rule", "7", "8"))

    with pytest.raises(DeviceDown, match="the device panicked") as down:
        converse(ask_device(BASE, b"\0" * 32), transport_to(DeviceApi(panic, {})))
    assert down.value.exit_code is ExitCode.PANIC


@pytest.mark.parametrize(
    "answer",
    [
        Response(404),
        Response(503),
        Response(301, (("Location", "/elsewhere"),)),
        Response(200, (("Content-Type", "?"),), b""),
        Response(500, (), b"[" * 100_000),
    ],
)
def test_devices_that_are_none(answer: Response) -> None:
    with pytest.raises(CannotAsk):
        converse(ask_device(BASE, b"\0" * 32), scripted(answer)[0])


def test_evidence_under_another_profiles_media_type(device: Device) -> None:
    token = attester(device)(b"\0" * 32)
    wrong = 'application/eat+cwt; eat_profile="tag:psacertified.org,2023:psa#tfm"'
    with pytest.raises(CannotAsk, match="found evidence sent as"):
        converse(ask_device(BASE, b"\0" * 32), scripted(Response(200, (("Content-Type", wrong),), token))[0])


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
SESSIONS = st.fixed_dictionaries(
    {},
    optional={
        "nonce": st.one_of(st.just("AAAA"), JSON_VALUES),
        "accept": st.one_of(st.just([LEGACY]), st.lists(st.text(max_size=20), max_size=3), JSON_VALUES),
        "status": st.one_of(st.sampled_from(["waiting", "processing", "complete", "failed"]), JSON_VALUES),
        "result": st.one_of(st.just("a.b.c"), JSON_VALUES),
        "ear-verification-key": JSON_VALUES,
    },
)
ANSWERS = st.builds(
    Response,
    st.sampled_from([200, 201, 202, 204, 301, 404, 500, 503, 999]),
    st.lists(
        st.one_of(
            st.tuples(st.just("Content-Type"), st.one_of(st.just(SESSION_TYPE), st.text(max_size=20))),
            st.tuples(st.just("Location"), st.one_of(st.just("session/1"), st.text(max_size=20))),
        ),
        max_size=3,
    ).map(tuple),
    st.one_of(st.binary(max_size=40), st.builds(lambda data: json.dumps(data).encode(), SESSIONS)),
)


@given(st.lists(ANSWERS, min_size=16, max_size=16))
def test_any_answers_end_in_an_error_of_ours(answers: list[Response]) -> None:
    token = RECORDED
    for conversation in (attest_to(BASE, 32, lambda _: token), discover(BASE), ask_device(BASE, b"\0" * 32)):
        with suppress(TfmSimError):
            converse(conversation, scripted(*answers)[0])
    attested = Attested(b"\0" * 32, token, LEGACY, "a.b.c")
    with pytest.raises(TfmSimError):
        read_result(attested, BASE, scripted(*answers)[0])


def test_where_new_session_is() -> None:
    whole = f"{BASE}/challenge-response/v1/newSession"
    assert new_session_url(BASE) == new_session_url(f"{BASE}/") == new_session_url(whole) == whole
    assert new_session_url(f"{BASE}/other/newSession") == f"{BASE}/other/newSession"


@pytest.mark.parametrize(
    ("url", "remote", "legal"),
    [
        ("http://127.0.0.1:1", False, True),
        ("http://localhost", False, True),
        ("http://[::1]:80/x", False, True),
        ("https://127.0.0.1", False, True),
        ("https://veraison.example", True, True),
        ("https://veraison.example", False, False),
        ("http://127.0.0.1.evil.example", False, False),
        ("http://127.0.0.1:x", False, False),
        ("http://127.0.0.1:0", False, False),
        ("http://user@127.0.0.1", False, False),
        ("http://[::1", False, False),
        ("ftp://127.0.0.1", True, False),
        ("file:///etc/passwd", True, False),
        ("127.0.0.1:80", True, False),
        ("", True, False),
    ],
)
def test_urls(url: str, remote: bool, legal: bool) -> None:
    if legal:
        assert check_url(url, remote=remote) == url
        return
    with pytest.raises(CannotAsk, match="legal: "):
        check_url(url, remote=remote)
