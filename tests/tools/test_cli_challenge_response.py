"""`tfm-sim attest` and `verify` over HTTP: two processes, signals, exit codes, what is refused."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.command_line import CommandLine
from support.device_programs import BREAK, KEEPER_HANDLE, keeper, word

from tfm_sim.device import Device
from tfm_sim.interface.trace import Listener
from tfm_sim.tools.appraisal import Tier, check_ear
from tfm_sim.tools.challenge_response.client import Ask, CannotAsk, converse, http_transport
from tfm_sim.tools.challenge_response.conversations import discover
from tfm_sim.tools.challenge_response.judges import point_of_jwk, public_jwk
from tfm_sim.tools.challenge_response.messages import Response
from tfm_sim.tools.cli import device_options
from tfm_sim.tools.cli.device_options import DeviceOptions
from tfm_sim.tools.demo_firmware import flash_demo_firmware

POLICY = "name: demo\nwell_known_keys: allowed\n"
SIGNER = ec.derive_private_key(7, ec.SECP256R1())
CHALLENGE = "00" * 32
NONCE = bytes(32)
EVCLI = os.environ.get("EVCLI") or shutil.which("evcli")
CLAIMS = {
    "eat-profile": "http://arm.com/psa/2.0.0",
    "psa-client-id": 1,
    "psa-security-lifecycle": 0x3000,
    "psa-implementation-id": base64.b64encode(b"i" * 32).decode(),
    "psa-boot-seed": base64.b64encode(b"s" * 32).decode(),
    "psa-instance-id": base64.b64encode(b"\x01" + b"u" * 32).decode(),
    "psa-software-components": [
        {
            "measurement-type": "BL",
            "measurement-value": base64.b64encode(b"m" * 32).decode(),
            "signer-id": base64.b64encode(b"k" * 32).decode(),
        }
    ],
}
"""A device of evcli's making, in psatoken's JSON."""


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    run = CommandLine(monkeypatch, capsys)
    assert run("attest", "--challenge", CHALLENGE, "-o", "token.cbor", "--key-out", "iak.pem") == 0
    Path("policy.yaml").write_text(POLICY)
    Path("sign.pem").write_bytes(SIGNER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    Path("sign_pub.pem").write_bytes(
        SIGNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return run


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """`tfm-sim` in a process of its own, and the URL that it prints."""
    code = "import sys; from tfm_sim.tools.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:[0-9]+$", line.strip())
        assert url, (line, process.stderr.read() if process.stderr and not line else "")
        yield url[0], process
    finally:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> str:
    """Wait for a clean end; what it said on standard error."""
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("endorsements", ["corim.cbor", "endorsements.yaml"])
def test_a_verifier_and_a_device_in_two_processes(tfm_sim: CommandLine, endorsements: str) -> None:
    assert tfm_sim("endorse", "-o", "factory") == 0
    verifier = ("verify", "--serve", "--endorsements", f"factory/{endorsements}", "--policy", "policy.yaml")
    with serving(*verifier, "--sign-key", "sign.pem", "--requests", "9") as (url, process):
        assert tfm_sim("attest", "--verifier", url, "--ear-key", "sign_pub.pem") == 0
        assert tfm_sim.out.startswith("affirming: attestation result by tfm-sim")
        assert tfm_sim("attest", "--verifier", url, "--nonce-size", "64", "-o", "t.cbor", "--json") == 0
        report = json.loads(tfm_sim.out)
        assert report["status"] == "affirming"
        assert bytes.fromhex(report["token"]) == Path("t.cbor").read_bytes()
        assert len(report["nonce"]) == 128
        assert report["ear"].count(".") == 2
        assert tfm_sim("verify", "t.cbor", "--key", "iak.pem", "--challenge", report["nonce"]) == 0
        # Three requests, then three and the verifier's key, and one more.
        assert tfm_sim("attest", "--verifier", url, "--ear-key", "iak.pem") == 4
        err = ended(process)
    assert len(re.findall("newSession 201", err)) == 3


def test_a_device_without_reference_values_gets_a_warning(tfm_sim: CommandLine) -> None:
    with serving("verify", "--serve", "--key", "iak.pem", "--policy", "policy.yaml") as (url, process):
        assert tfm_sim("attest", "--verifier", f"{url}/challenge-response/v1/newSession") == 1
        assert tfm_sim.out.startswith("warning: ")
        assert "its measurement is not endorsed" in tfm_sim.out
        process.send_signal(signal.SIGTERM)
        ended(process)


def test_the_default_policy_refuses_published_keys(tfm_sim: CommandLine) -> None:
    with serving("verify", "--serve", "--key", "iak.pem") as (url, process):
        assert tfm_sim("attest", "--verifier", url) == 1
        assert tfm_sim.out.startswith("contraindicated: ")
        assert tfm_sim("attest", "--verifier", url, "--ear-key", "sign_pub.pem") == 1
        assert "signature" in tfm_sim.err
        process.send_signal(signal.SIGINT)
        ended(process)


def test_a_device_answers_a_relying_party(tfm_sim: CommandLine) -> None:
    with serving("attest", "--serve", "--profile", "rfc9783", "--requests", "3") as (url, process):
        assert tfm_sim("verify", "--device", url, "--key", "iak.pem") == 0
        assert "ACCEPTED" in tfm_sim.out
        assert (
            tfm_sim("verify", "--device", url, "--key", "sign_pub.pem", "--nonce-size", "48", "--json") == 1
        )
        verdict = json.loads(tfm_sim.out)
        assert verdict["profile"] == "tag:psacertified.org,2023:psa#tfm"
        assert {reason["kind"] for reason in verdict["reasons"]} == {"signature-invalid"}
        assert tfm_sim("verify", "--device", url, "--key", "iak.pem", "--lifetime", "0.000001") == 1
        assert "late" in tfm_sim.err
        err = ended(process)
    assert "NOT SECURE" in err
    assert tfm_sim("verify", "--device", url, "--key", "iak.pem") == 4
    assert "legal: a service that answers" in tfm_sim.err


def test_a_device_whose_service_refuses(tfm_sim: CommandLine) -> None:
    """The PSA status goes over the wire."""
    with serving("attest", "--serve", "--once") as (url, process):
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), 5) as connection:
            head = "POST /attestation/v1/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 31\r\n\r\n"
            connection.sendall(head.encode() + b"\0" * 31)
            answer = connection.makefile("rb").read()
        assert b"400 Bad Request" in answer
        assert b'"psa_status": -135' in answer
        ended(process)


@pytest.mark.skipif(EVCLI is None, reason="no evcli: neither EVCLI nor PATH has it")
def test_evcli(tfm_sim: CommandLine) -> None:
    """Veraison's own client: as a relying party that has a token, and as an attester with a key."""
    numbers = SIGNER.private_numbers()
    private = base64.urlsafe_b64encode(numbers.private_value.to_bytes(32)).rstrip(b"=").decode()
    Path("key.json").write_text(json.dumps({**public_jwk(SIGNER), "d": private}))
    Path("claims.json").write_text(json.dumps(CLAIMS))

    def evcli(*arguments: str) -> "subprocess.CompletedProcess[str]":
        assert EVCLI is not None
        return subprocess.run([EVCLI, *arguments], capture_output=True, text=True, timeout=30, check=False)

    for key, modes in (("iak.pem", ["relying-party"]), ("sign_pub.pem", ["32", "48", "64"])):
        with serving("verify", "--serve", "--key", key, "--policy", "policy.yaml") as (url, process):
            # Its --api-server and --nonce-size reach one of its commands only; a configuration reaches all.
            api = f"api_server: {url}/challenge-response/v1/newSession\n"
            for mode in modes:
                Path("evcli.yaml").write_text(api + (f"nonce_size: {mode}\n" if mode.isdigit() else ""))
                command = ["--config", "evcli.yaml", "psa", "verify-as"]
                if mode.isdigit():
                    done = evcli(*command, "attester", "-c", "claims.json", "-k", "key.json")
                else:
                    done = evcli(*command, "relying-party", "-t", "token.cbor")
                assert done.returncode == 0, done.stderr
                ear = check_ear(json.loads(done.stdout.splitlines()[-1]), verifier_key(url))
                assert ear.status is Tier.WARNING, "known and genuine, not endorsed"
            if modes == ["relying-party"]:
                assert "409 Conflict" in evcli(*command, "relying-party", "-t", "token.cbor").stderr, (
                    "a replay"
                )
            process.send_signal(signal.SIGTERM)
            ended(process)


def verifier_key(url: str) -> bytes:
    return point_of_jwk(converse(discover(url), http_transport(time.sleep))["ear-verification-key"])


def test_a_device_that_panics_says_so_and_exits_with_3(
    tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It panics for a reason of its own; here a partition beside it breaks a rule just before the token."""
    real = device_options.make_device

    def with_keeper(options: DeviceOptions, listeners: Sequence[Listener]) -> Device:
        device = real(options, listeners)
        broken = Device(build=replace(device.build, partitions=(keeper(),)))
        flash_demo_firmware(broken)

        def get_token(_challenge: bytes) -> bytes:
            broken.ns.psa_call(KEEPER_HANDLE, BREAK, [word(1)])
            raise AssertionError("the device goes on")

        monkeypatch.setattr(
            "tfm_sim.interface.psa.initial_attestation.InitialAttestation.get_token",
            lambda _self, challenge: get_token(challenge),
        )
        return broken

    monkeypatch.setattr("tfm_sim.tools.cli.attest.make_device", with_keeper)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers: list[Response] = []

    def ask() -> None:
        transport = http_transport(time.sleep)
        challenge = Ask("POST", f"http://127.0.0.1:{port}/attestation/v1/token", (), NONCE)
        for _ in range(400):
            try:
                answers.append(transport(challenge))
            except CannotAsk:
                time.sleep(0.05)
            if len(answers) == 2:
                return

    thread = threading.Thread(target=ask)
    thread.start()
    code = tfm_sim("attest", "--serve", "--listen", f"127.0.0.1:{port}", "--requests", "2")
    thread.join(10)
    assert code == 3
    assert "the device panicked: TEST_KEEPER" in tfm_sim.err
    assert [answer.status for answer in answers] == [503, 503]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["attest"], 2, "Missing option '--challenge'"),
        (["attest", "--serve", "--challenge", CHALLENGE], 2, "--challenge and --serve"),
        (
            ["attest", "--verifier", "http://127.0.0.1:1", "--challenge", CHALLENGE],
            2,
            "--challenge and --verifier",
        ),
        (["attest", "--serve", "--verifier", "http://127.0.0.1:1"], 2, "--serve and --verifier"),
        (["attest", "--serve", "-o", "x"], 2, "-o with --serve"),
        (["attest", "--serve", "--json"], 2, "--json with --serve"),
        (["attest", "--serve", "--listen", "0.0.0.0:0"], 2, "which other machines could reach"),
        (["attest", "--serve", "--once", "--requests", "2"], 2, "--once and --requests"),
        (["attest", "--challenge", CHALLENGE, "--listen", "127.0.0.1:0"], 2, "--listen without --serve"),
        (["attest", "--challenge", CHALLENGE, "--once"], 2, "--once without --serve"),
        (["attest", "--serve", "--remote"], 2, "--remote without --verifier"),
        (["attest", "--verifier", "http://192.0.2.1"], 4, "legal: this machine, or with --remote any"),
        (["attest", "--verifier", "ftp://127.0.0.1"], 4, "URL: found"),
        (["verify", "--key", "iak.pem"], 2, "Missing argument 'FILE'"),
        (["verify", "--serve", "--key", "iak.pem", "token.cbor"], 2, "FILE and --serve"),
        (
            ["verify", "--device", "http://127.0.0.1:1", "token.cbor", "--key", "iak.pem"],
            2,
            "FILE and --device",
        ),
        (["verify", "--serve"], 2, "--serve without --key, --trust or --endorsements"),
        (["verify", "--serve", "--key", "iak.pem", "--trust", "x"], 2, "--key and --trust"),
        (["verify", "--serve", "--key", "iak.pem", "--challenge", CHALLENGE], 2, "--challenge with --serve"),
        (["verify", "--serve", "--key", "iak.pem", "--json"], 2, "--json with --serve"),
        (["verify", "--serve", "--key", "iak.pem", "--strict"], 2, "--strict"),
        (["verify", "--serve", "--key", "iak.pem", "--lifetime", "0"], 2, "--lifetime"),
        (["verify", "--serve", "--key", "iak.pem", "--lifetime", "nan"], 2, "--lifetime"),
        (["verify", "--serve", "--key", "iak.pem", "--lifetime", "inf"], 2, "--lifetime"),
        (
            ["verify", "--serve", "--key", "iak.pem", "--mode", "veraison", "--policy", "policy.yaml"],
            2,
            "veraison",
        ),
        (["verify", "--serve", "--key", "iak.pem", "--policy", "iak.pem"], 4, "iak.pem"),
        (["verify", "--serve", "--key", "iak.pem", "--sign-key", "iak.pem"], 4, "iak.pem: signing key"),
        (["verify", "--serve", "--key", "no.pem"], 4, "no.pem"),
        (["verify", "--serve", "--endorsements", "policy.yaml"], 4, "policy.yaml"),
        (
            ["verify", "token.cbor", "--key", "iak.pem", "--policy", "policy.yaml"],
            2,
            "--policy without --serve",
        ),
        (["verify", "token.cbor", "--key", "iak.pem", "--lifetime", "3"], 2, "--lifetime without --serve or"),
        (["verify", "--device", "http://192.0.2.1", "--key", "iak.pem"], 4, "--remote"),
    ],
)
def test_what_does_not_go_together(
    tfm_sim: CommandLine, arguments: Sequence[str], code: int, words: str
) -> None:
    assert tfm_sim(*arguments) == code
    assert words in tfm_sim.err


def test_a_port_that_is_taken(tfm_sim: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert tfm_sim("verify", "--serve", "--key", "iak.pem", "--listen", where) == 4
    assert f"--listen: {where}: " in tfm_sim.err
