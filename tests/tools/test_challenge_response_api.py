"""Veraison's challenge-response API without sockets (veraison/docs api/challenge-response; its service)."""

import base64
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.challenge_response import ACCEPT, START, Verifier, expect_problem, nonce_of
from support.token_parts import load_recording

from tfm_sim.interface.errors import TfmSimError
from tfm_sim.tools.challenge_response.media_types import ACCEPT as EVIDENCE_TYPES
from tfm_sim.tools.challenge_response.messages import Request, Response
from tfm_sim.tools.challenge_response.nonce_text import NonceForm, plain
from tfm_sim.tools.challenge_response.verification_api import (
    DISCOVERY_TYPE,
    NEW_SESSION,
    SESSION_TYPE,
    VERAISON_NONCE_SIZES,
    WELL_KNOWN,
    Service,
)

PSA_TOKEN = "application/psa-attestation-token"
RFC_9783 = 'application/eat+cwt; eat_profile="tag:psacertified.org,2023:psa#tfm"'
LEGACY = 'application/eat+cwt; eat_profile="tag:psacertified.org,2019:psa#legacy"'
PSA_2 = 'application/eat-cwt; profile="http://arm.com/psa/2.0.0"'
CCA = 'application/eat-collection; profile="http://arm.com/CCA-SSD/1.0.0"'
TOKENS = {
    profile: next(
        bytes.fromhex(entry["token_hex"])
        for entry in load_recording("attestation-vectors.json")["vectors"]
        if entry["name"] == name
    )
    for profile, name in (
        ("PSA_IOT_PROFILE_1", "derived-p1"),
        ("http://arm.com/psa/2.0.0", "psatoken-tfm-p2-sign1"),
        ("tag:psacertified.org,2023:psa#tfm", "derived-p2_268"),
        ("tag:arm.com,2023:cca_platform#1.0.0", "derived-cca_plat"),
        ("CCA collection", "ccatoken-testGoodCCAToken"),
    )
}
UNKNOWN = "/challenge-response/v1/session/3f2504e0-4f89-41d3-9a0c-0305e82c3301"
KEY = {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"}


def judge(evidence: bytes, media_type: str, nonce: bytes, now: float) -> str:
    assert media_type in EVIDENCE_TYPES
    if evidence == b"broken":
        raise TfmSimError("no such key")
    if evidence == b"bug":
        raise ZeroDivisionError
    return f"ear {len(evidence)} {nonce.hex()} {now:.0f}"


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(judge, Service(public_key=KEY, version="9.9"))


def submit(verifier: Verifier, path: str, body: bytes = b"token", media_type: str = PSA_TOKEN) -> Response:
    return verifier("POST", path, body, Content_Type=media_type)


@pytest.mark.parametrize(
    ("query", "size"), [("nonceSize=32", 32), ("nonceSize=48", 48), ("nonceSize=64", 64), ("", 32)]
)
def test_new_session(verifier: Verifier, query: str, size: int) -> None:
    answer = verifier("POST", f"{NEW_SESSION}?{query}" if query else NEW_SESSION)
    assert answer.status == 201
    assert answer.header("Content-Type") == SESSION_TYPE
    assert re.fullmatch("session/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.header("Location") or "")
    assert answer.header("Cache-Control") == "no-store"
    data = answer.data()
    assert list(data) == ["status", "nonce", "expiry", "accept"]
    assert data["status"] == "waiting"
    assert len(nonce_of(answer)) == size
    assert datetime.fromisoformat(data["expiry"]).timestamp() == START + 150, "Veraison's 2m30s"
    assert set(data["accept"]) >= {PSA_TOKEN, RFC_9783, LEGACY, PSA_2, CCA}, "Veraison's PSA_IOT and ARM_CCA"


def test_a_drawn_nonce_reads_alike_in_both_alphabets_of_base64() -> None:
    draws = iter([b"\xff" * 32, b"\xfb" * 32, b"\x00" * 32])
    assert plain(lambda _: next(draws))(32) == b"\x00" * 32


def test_the_clients_own_nonce(verifier: Verifier) -> None:
    nonce = bytes(range(0xE0, 0x100))
    text = base64.urlsafe_b64encode(nonce).decode().replace("=", "%3D")
    answer = verifier("POST", f"{NEW_SESSION}?nonce={text}")
    assert answer.status == 201
    assert nonce_of(answer) == nonce
    unpadded = base64.urlsafe_b64encode(nonce).decode().rstrip("=")
    expect_problem(verifier("POST", f"{NEW_SESSION}?nonce={unpadded}"), 409, "used before")


def test_the_nonce_in_the_form_of_veraisons_service_of_july_2026() -> None:
    verifier = Verifier(judge, Service(nonce_form=NonceForm.BASE64URL))
    text = base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")
    assert verifier("POST", f"{NEW_SESSION}?nonce={text}").data()["nonce"] == text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("nonceSize=32&nonce=AAAA", "mutually exclusive"),
        ("nonceSize=33", "legal: 32, 48 or 64"),
        ("nonceSize=8", "legal: 32, 48 or 64"),
        ("nonceSize=-32", "found '-32'"),
        ("nonceSize=99999999999999999999", "nonceSize"),
        ("nonceSize=%D9%A3%D9%A2", "nonceSize"),
        ("nonceSize=", "nonceSize"),
        ("nonce=", "found 0 bytes"),
        ("nonce=^^^^", "base64url"),
        ("nonce=A", "base64url"),
        ("nonce=AAAA", "found 3 bytes"),
        ("nonceSize=32&nonceSize=32", "each once"),
        ("size=32", "legal: nonce, nonceSize"),
        ("nonceSize", "name=value"),
    ],
)
def test_nonce_requests_that_are_refused(verifier: Verifier, query: str, words: str) -> None:
    expect_problem(verifier("POST", f"{NEW_SESSION}?{query}"), 400, words)


@pytest.mark.parametrize(("size", "status"), [(7, 400), (8, 201), (33, 201), (64, 201), (65, 400)])
def test_veraisons_own_nonce_sizes_by_a_switch(size: int, status: int) -> None:
    service = Service(nonce_sizes=VERAISON_NONCE_SIZES, nonce_sizes_text="8 to 64 bytes")
    assert Verifier(judge, service)("POST", f"{NEW_SESSION}?nonceSize={size}").status == status


def test_evidence_completes_the_session(verifier: Verifier) -> None:
    path, nonce = verifier.new_session()
    verifier.now += 10
    answer = submit(verifier, path)
    assert answer.status == 200
    data = answer.data()
    assert data["status"] == "complete"
    assert data["evidence"] == {"type": PSA_TOKEN, "value": base64.b64encode(b"token").decode()}
    assert data["result"] == f"ear 5 {nonce.hex()} {START + 10:.0f}"
    assert datetime.fromisoformat(data["expiry"]).timestamp() == START + 160
    shown = verifier("GET", path)
    assert (shown.status, shown.data()) == (200, data)


def test_delete_and_what_is_left_then(verifier: Verifier) -> None:
    path, _ = verifier.new_session()
    answer = verifier("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    for method, body in (("GET", b""), ("DELETE", b""), ("POST", b"token")):
        expect_problem(verifier(method, path, body, Content_Type=PSA_TOKEN), 410, "was deleted")


def test_an_expired_session(verifier: Verifier) -> None:
    path, _ = verifier.new_session()
    verifier.now += 150
    for method, body in (("POST", b"token"), ("GET", b""), ("DELETE", b"")):
        expect_problem(verifier(method, path, body, Content_Type=PSA_TOKEN), 410, "has expired")


def test_second_evidence(verifier: Verifier) -> None:
    path, _ = verifier.new_session()
    first = submit(verifier, path).data()
    expect_problem(submit(verifier, path, b"other"), 409, "is complete", "evidence once")
    assert verifier("GET", path).data() == first


def test_replayed_evidence(verifier: Verifier) -> None:
    path, _ = verifier.new_session()
    submit(verifier, path)
    other, _ = verifier.new_session()
    expect_problem(submit(verifier, other), 409, "submitted before, to another session")
    assert verifier("GET", other).data()["status"] == "waiting"


def test_an_unknown_session(verifier: Verifier) -> None:
    for method, body in (("POST", b"token"), ("GET", b""), ("DELETE", b"")):
        expect_problem(verifier(method, UNKNOWN, body, Content_Type=PSA_TOKEN), 404, "no session")
    expect_problem(verifier("GET", UNKNOWN[:-1]), 400, "legal: a UUID")


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("text/plain", 415),
        ("application/cbor", 415),
        ("application/eat+cwt", 415),
        ('application/eat+cwt; eat_profile="tag:example.org,2024:x"', 415),
        ("application/cmw+cbor", 415),
        ("", 400),
        ("nonsense", 400),
        ('application/eat+cwt; eat_profile="', 400),
        ("application/psa-attestation-token; a=b; a=c", 400),
        (PSA_TOKEN, 200),
        ("Application/PSA-Attestation-Token", 200),
        (RFC_9783, 200),
        (RFC_9783.replace("; ", ";").replace("eat_profile", "EAT_Profile"), 200),
        (LEGACY, 200),
        (PSA_2, 200),
        (CCA, 200),
    ],
)
def test_media_types_of_evidence(verifier: Verifier, media_type: str, status: int) -> None:
    path, _ = verifier.new_session()
    answer = submit(verifier, path, media_type=media_type)
    assert answer.status == status
    if status != 200:
        expect_problem(answer, status, "media type")
        assert verifier("GET", path).data()["status"] == "waiting"
    if status == 415:
        assert answer.header("Accept") == ", ".join(EVIDENCE_TYPES)


@pytest.mark.parametrize(
    ("profile", "legal"),
    [
        ("PSA_IOT_PROFILE_1", {PSA_TOKEN, LEGACY}),
        ("http://arm.com/psa/2.0.0", {PSA_TOKEN, PSA_2}),
        ("tag:psacertified.org,2023:psa#tfm", {PSA_TOKEN, RFC_9783}),
        ("tag:arm.com,2023:cca_platform#1.0.0", set()),
        ("CCA collection", {CCA}),
    ],
)
def test_a_media_type_that_names_another_profile_than_the_token(
    verifier: Verifier, profile: str, legal: set[str]
) -> None:
    token = TOKENS[profile]
    for media_type in (PSA_TOKEN, RFC_9783, LEGACY, PSA_2, CCA):
        path, _ = verifier.new_session()
        answer = submit(verifier, path, token, media_type)
        if media_type not in legal:
            expect_problem(answer, 400, f"found profile '{profile}'")
            assert verifier("GET", path).data()["status"] == "waiting"
            continue
        assert answer.status == 200
        token += b"\0"  # other evidence, or it would be a replay


def test_no_evidence(verifier: Verifier) -> None:
    path, _ = verifier.new_session()
    expect_problem(submit(verifier, path, b""), 400, "empty body")


@pytest.mark.parametrize(
    ("evidence", "words"), [(b"broken", ": no such key"), (b"bug", "processing evidence")]
)
def test_a_judge_that_fails_fails_the_session(verifier: Verifier, evidence: bytes, words: str) -> None:
    path, _ = verifier.new_session()
    problem = expect_problem(submit(verifier, path, evidence), 500, words)
    assert "ZeroDivision" not in str(problem)
    shown = verifier("GET", path).data()
    assert shown["status"] == "failed"
    assert "result" not in shown
    expect_problem(submit(verifier, path), 409, "is failed")


def test_too_many_sessions() -> None:
    verifier = Verifier(judge, capacity=2)
    verifier.new_session()
    path, _ = verifier.new_session()
    answer = verifier("POST", NEW_SESSION)
    expect_problem(answer, 503, "2 sessions are open")
    assert answer.header("Retry-After") == "60"
    verifier("DELETE", path)
    assert verifier("POST", NEW_SESSION).status == 201


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 201),
        ("*/*", 201),
        ("application/*", 201),
        (f"text/html, {SESSION_TYPE};q=0.5", 201),
        (f"{SESSION_TYPE};q=0", 406),
        ("application/json", 406),
        ("application/unsupported+ber", 406),
    ],
)
def test_accept(verifier: Verifier, accept: str | None, status: int) -> None:
    headers = (("accept", accept),) if accept is not None else ()
    answer = verifier("POST", NEW_SESSION, headers=headers)
    assert answer.status == status
    if status == 406:
        expect_problem(answer, 406, SESSION_TYPE)


def test_well_known(verifier: Verifier) -> None:
    answer = verifier("GET", WELL_KNOWN, headers=())
    assert answer.status == 200
    assert answer.header("Content-Type") == DISCOVERY_TYPE
    assert answer.header("Cache-Control") == "max-age=60"
    assert answer.data() == {
        "ear-verification-key": KEY,
        "media-types": list(EVIDENCE_TYPES),
        "version": "9.9",
        "service-state": "READY",
        "api-endpoints": {"newChallengeResponseSession": NEW_SESSION},
    }
    assert verifier("GET", WELL_KNOWN, headers=(("Accept", "application/json"),)).status == 200
    expect_problem(verifier("GET", WELL_KNOWN), 406, DISCOVERY_TYPE)


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", NEW_SESSION, "POST"),
        ("PUT", UNKNOWN, "POST, GET, DELETE, HEAD"),
        ("OPTIONS", WELL_KNOWN, "GET, HEAD"),
        ("post", NEW_SESSION, "POST"),
    ],
)
def test_methods(verifier: Verifier, method: str, target: str, allow: str) -> None:
    answer = verifier(method, target)
    expect_problem(answer, 405, repr(method))
    assert answer.header("Allow") == allow


def test_head_is_answered_as_get(verifier: Verifier) -> None:
    """RFC 9110 9.3.2."""
    accept = (("Accept", DISCOVERY_TYPE),)
    assert verifier("HEAD", WELL_KNOWN, headers=accept) == verifier("GET", WELL_KNOWN, headers=accept)


@pytest.mark.parametrize(
    "path", ["/", "", "/challenge-response/v1", "/challenge-response/v1/session/", NEW_SESSION + "/"]
)
def test_unknown_paths(verifier: Verifier, path: str) -> None:
    expect_problem(verifier("POST", path), 404, "path: found")


FIELDS = st.sampled_from(["Accept", "Content-Type", "accept", "Host", "X"])
TEXT = st.one_of(
    st.text(max_size=60), st.sampled_from([SESSION_TYPE, PSA_TOKEN, RFC_9783, "*/*", DISCOVERY_TYPE])
)
TARGETS = st.one_of(
    st.text(max_size=80),
    st.builds(
        lambda path, query: f"{path}?{query}",
        st.sampled_from([NEW_SESSION, UNKNOWN, WELL_KNOWN, "/", "/challenge-response/v1/session/x"]),
        st.one_of(
            st.text(max_size=40), st.from_regex("(nonce|nonceSize)=[A-Za-z0-9_%-]{0,90}", fullmatch=True)
        ),
    ),
)


@given(
    method=st.one_of(st.sampled_from(["GET", "POST", "DELETE", "HEAD", "PUT"]), st.text(max_size=8)),
    target=TARGETS,
    headers=st.lists(st.tuples(FIELDS, TEXT), max_size=4),
    body=st.one_of(st.binary(max_size=200), st.sampled_from(list(TOKENS.values()))),
    now=st.floats(min_value=0, max_value=2**31),
    own=st.booleans(),
)
def test_any_request_gets_a_response(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes, now: float, own: bool
) -> None:
    verifier = Verifier(judge)
    if own:
        target = verifier.new_session()[0]
    answer = verifier.api.handle(Request(method, target, tuple(headers), body), now)
    assert answer.status in {200, 201, 204, 400, 404, 405, 406, 409, 410, 415, 500, 503}
    if answer.status >= 400:
        expect_problem(answer, answer.status)
    assert all("\r" not in value and "\n" not in value for _, value in answer.headers)


def test_what_evcli_calls(verifier: Verifier) -> None:
    """The requests of veraison/apiclient's ChallengeResponseConfig, in its order, and what it reads of them.

    It decodes the nonce as Go's []byte (standard base64 with padding), resolves Location against the
    newSession URL, wants 200 and "complete", and takes result as raw JSON: a string in quotes.
    """
    for query in (
        "nonceSize=48",
        "nonce=" + base64.urlsafe_b64encode(b"n" * 32).decode().replace("=", "%3D"),
    ):
        created = verifier("POST", f"{NEW_SESSION}?{query}", headers=ACCEPT)
        assert created.status == 201
        session = created.data()
        base64.b64decode(session["nonce"], validate=True)
        assert PSA_TOKEN in session["accept"], "evcli psa sends nothing else"
        path = NEW_SESSION.rpartition("/")[0] + "/" + str(created.header("Location"))
        done = verifier(
            "POST", path, f"token {query}".encode(), headers=(("Content-Type", PSA_TOKEN), *ACCEPT)
        )
        assert (done.status, done.data()["status"]) == (200, "complete")
        assert isinstance(done.data()["result"], str)
        assert verifier("DELETE", path, headers=()).status in (200, 202, 204)
