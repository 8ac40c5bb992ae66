"""A booted device behind its HTTP interface, without sockets."""

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.challenge_response import START, expect_problem
from support.device_programs import BREAK, KEEPER_HANDLE, keeper, word

import tfm_sim
from tfm_sim.device import Device
from tfm_sim.firmware_build import Build
from tfm_sim.interface.psa.status import PsaError, PsaStatus
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.spm.panic import DevicePanic, PanicReport
from tfm_sim.tools.challenge_response.device_api import ATTEST, DESCRIPTION, DeviceApi
from tfm_sim.tools.challenge_response.messages import Request, Response
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

LEGACY = 'application/eat+cwt; eat_profile="tag:psacertified.org,2019:psa#legacy"'
JSON = (("Content-Type", "application/json"),)
BYTES = (("Content-Type", "application/octet-stream"),)


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    with tfm_sim.boot() as booted:
        yield booted


@pytest.fixture(scope="module")
def api(device: Device) -> DeviceApi:
    return DeviceApi(device.psa.initial_attestation.get_token, {"profile": "psa-iot-1"})


def post(api: DeviceApi, body: bytes, headers: tuple[tuple[str, str], ...] = BYTES) -> Response:
    return api.handle(Request("POST", ATTEST, headers, body), START)


def as_json(nonce: bytes, encode: object = base64.urlsafe_b64encode) -> bytes:
    assert callable(encode)
    return json.dumps({"nonce": encode(nonce).decode()}).encode()


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("form", ["bytes", "json"])
def test_evidence_over_the_nonce(device: Device, api: DeviceApi, size: int, form: str) -> None:
    nonce = bytes(range(size))
    answer = post(api, nonce) if form == "bytes" else post(api, as_json(nonce), JSON)
    assert answer.status == 200
    assert answer.header("Content-Type") == LEGACY, "RFC 9783"
    assert answer.header("Cache-Control") == "no-store"
    key = load_key(iak_verification_key(device.hardware))
    assert verify(answer.body, key, challenge=nonce).ok
    assert not verify(answer.body, key, challenge=b"\1" * size).ok


@pytest.mark.parametrize(
    ("variant", "media_type"),
    [
        (TokenVariant.RFC_9783, 'application/eat+cwt; eat_profile="tag:psacertified.org,2023:psa#tfm"'),
        (TokenVariant.PSA_2_0_0, 'application/eat-cwt; profile="http://arm.com/psa/2.0.0"'),
        (TokenVariant.CCA_2023, 'application/eat+cwt; eat_profile="tag:arm.com,2023:cca_platform#1.0.0"'),
        (TokenVariant.CCA_1_0_0, 'application/eat+cwt; eat_profile="http://arm.com/CCA-SSD/1.0.0"'),
    ],
)
def test_the_media_type_names_the_profile(variant: TokenVariant, media_type: str) -> None:
    with Device(build=Build(attestation=AttestationConfig(variant=variant))) as device:
        flash_demo_firmware(device)
        device.power_on()
        answer = post(DeviceApi(device.psa.initial_attestation.get_token, {}), b"\0" * 32)
    assert answer.header("Content-Type") == media_type


@pytest.mark.parametrize("size", [0, 31, 33, 65, 256])
def test_the_service_itself_judges_the_challenge(api: DeviceApi, size: int) -> None:
    data = expect_problem(
        post(api, b"\0" * size), 400, "PSA_ERROR_INVALID_ARGUMENT (-135)", f"this one {size}"
    )
    assert (data["psa_status"], data["psa_status_name"]) == (-135, "PSA_ERROR_INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{}", JSON, 400, '{"nonce": "base64url"}'),
        (b"[]", JSON, 400, "nonce"),
        (b"\xff", JSON, 400, "nonce"),
        (b'{"nonce": 7}', JSON, 400, "nonce"),
        (b'{"nonce": "AAAA", "more": 1}', JSON, 400, "nonce"),
        (b'{"nonce": "!"}', JSON, 400, "base64url"),
        (b"[" * 60000, JSON, 400, "nonce"),
        (b"\0" * 257, BYTES, 400, "found 257 bytes"),
        (b"\0" * 32, (("Content-Type", "text/plain"),), 415, "legal: application/json"),
        (b"\0" * 32, (("Content-Type", "?"),), 400, "media type"),
        (b"\0" * 32, (*BYTES, ("Accept", "text/html")), 406, "legal: application/eat+cwt"),
    ],
)
def test_requests_that_never_reach_the_service(
    api: DeviceApi, body: bytes, headers: tuple[tuple[str, str], ...], status: int, words: str
) -> None:
    data = expect_problem(post(api, body, headers), status, words)
    assert "psa_status" not in data


def test_the_description_says_nothing_that_only_a_factory_or_a_token_can_say(api: DeviceApi) -> None:
    answer = api.handle(Request("GET", DESCRIPTION), START)
    assert answer.status == 200
    assert answer.data() == {
        "profile": "psa-iot-1",
        "challenge-sizes": [32, 48, 64],
        "service-state": "READY",
        "api-endpoints": {"token": ATTEST},
    }


def test_another_status_is_the_devices_fault() -> None:
    def short(_challenge: bytes) -> bytes:
        raise PsaError(PsaStatus.PSA_ERROR_BUFFER_TOO_SMALL, "psa_initial_attest_get_token")

    data = expect_problem(post(DeviceApi(short, {}), b"\0" * 32), 500, "BUFFER_TOO_SMALL")
    assert data["psa_status"] == -138


def test_a_panic_is_told_and_the_device_stays_down() -> None:
    calls = []

    def panic(challenge: bytes) -> bytes:
        calls.append(challenge)
        raise DevicePanic(PanicReport("TFM_SP_X", "psa_call: a handle", "7", "its own"))

    api = DeviceApi(panic, {})
    for _ in range(2):
        data = expect_problem(post(api, b"\0" * 32), 503, "the device panicked", "TFM_SP_X broke a rule")
        assert (data["culprit"], data["rule"]) == ("TFM_SP_X", "psa_call: a handle")
    assert len(calls) == 1
    assert api.handle(Request("GET", DESCRIPTION), START).data()["service-state"] == "DOWN"
    assert api.panic is not None


def test_a_device_that_panicked_for_another_reason_answers_nobody() -> None:
    with tfm_sim.boot(build=Build(partitions=(keeper(),))) as device:
        api = DeviceApi(device.psa.initial_attestation.get_token, {})
        assert post(api, b"\0" * 32).status == 200
        with pytest.raises(DevicePanic):
            device.ns.psa_call(KEEPER_HANDLE, BREAK, [word(1)])
        expect_problem(post(api, b"\0" * 32), 503, "the device panicked", "TEST_KEEPER")


def test_methods_and_paths(api: DeviceApi) -> None:
    expect_problem(api.handle(Request("GET", ATTEST), START), 405, "legal: POST")
    expect_problem(api.handle(Request("POST", "/"), START), 404, ATTEST)
    expect_problem(api.handle(Request("POST", f"{ATTEST}?nonce=AA", BYTES, b"\0" * 32), START), 400, "query")


@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "X"]),
    target=st.one_of(st.sampled_from([ATTEST, DESCRIPTION]), st.text(max_size=40)),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Content-Type", "Accept"]),
            st.one_of(st.sampled_from(["application/json", "*/*"]), st.text(max_size=40)),
        ),
        max_size=3,
    ),
    body=st.one_of(st.binary(max_size=300), st.builds(as_json, st.binary(max_size=80))),
)
def test_any_request_gets_a_response(
    api: DeviceApi, method: str, target: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    answer = api.handle(Request(method, target, tuple(headers), body), START)
    assert answer.status in {200, 400, 404, 405, 406, 415}
    if answer.status >= 400:
        expect_problem(answer, answer.status)
