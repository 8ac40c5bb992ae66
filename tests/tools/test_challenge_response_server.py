"""The server on real loopback sockets: hygiene, slow and many clients, a clean end."""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse

import pytest
from support.challenge_response import START, counting_random
from support.token_parts import load_recording

from tfm_sim.tools.challenge_response.client import Ask, CannotAsk, converse, http_transport
from tfm_sim.tools.challenge_response.connection import Limits
from tfm_sim.tools.challenge_response.conversations import attest_to
from tfm_sim.tools.challenge_response.loopback import Address
from tfm_sim.tools.challenge_response.messages import Request, Response
from tfm_sim.tools.challenge_response.server import CannotListen, LoopbackServer
from tfm_sim.tools.challenge_response.sessions import Sessions
from tfm_sim.tools.challenge_response.verification_api import NEW_SESSION, Service, VerificationApi

TOKEN = next(
    bytes.fromhex(entry["token_hex"])
    for entry in load_recording("attestation-vectors.json")["vectors"]
    if entry["name"] == "derived-p1"
)
LOOPBACK = Address("127.0.0.1", 0)
LIMITS = Limits(body=100, request_seconds=0.6, write_seconds=1, connections=4)


class Echo:
    """Answers with what it was asked; on one thread alone."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.busy: Callable[[], None] = lambda: None

    def handle(self, request: Request, now: float) -> Response:
        self.threads.add(threading.get_ident())
        self.busy()
        if request.target == "/bug":
            raise ZeroDivisionError("a secret of the server's")
        seen = {"method": request.method, "target": request.target, "body": request.body.decode(), "now": now}
        return Response(200, (("Content-Type", "application/json"),), json.dumps(seen).encode())


class Running:
    """A server in a thread of its own."""

    def __init__(self, api: object, requests: int | None = None, limits: Limits = LIMITS) -> None:
        self.lines: list[str] = []
        self.server = LoopbackServer(
            api,  # type: ignore[arg-type]
            LOOPBACK,
            clock=lambda: START,
            log=self.lines.append,
            requests=requests,
            limits=limits,
        )
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()

    @property
    def port(self) -> int:
        return self.server.address.port

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def raw(self, data: bytes) -> bytes:
        """What comes back for bytes on a connection of their own, until it is closed."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request(method, target, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        connection.close()
        return answer


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def running(echo: Echo) -> Iterator[Running]:
    server = Running(echo)
    yield server
    server.stop()


def head(**headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(["", *lines, "", ""]).encode()


def test_a_request_and_its_answer(running: Running) -> None:
    answer = running.raw(
        b"POST /x?y=1 HTTP/1.1" + head(Host="localhost", Content_Length="4", Connection="close") + b"body"
    )
    top, _, body = answer.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert b"\r\nConnection: close" in top
    assert json.loads(body) == {"method": "POST", "target": "/x?y=1", "body": "body", "now": START}
    assert running.lines == ["POST /x 200"]


def test_requests_one_after_another_on_one_connection(running: Running) -> None:
    one = b"POST /1 HTTP/1.1" + head(Host="127.0.0.1", Transfer_Encoding="chunked") + b"2\r\nab\r\n0\r\n\r\n"
    last = b"HEAD http://localhost/2 HTTP/1.1" + head(Host="[::1]:1", Connection="close")
    answer = running.raw(one + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b'"body": "ab"' in answer
    assert answer.endswith(b"\r\n\r\n"), "nothing behind the head of an answer to HEAD"
    assert running.lines == ["POST /1 200", "HEAD /2 200"]


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"GET / HTTP/1.1" + head(), 400, b"Host: found 0"),
        (b"GET / HTTP/1.1" + head(Host="localhost", host="localhost"), 400, b"Host: found 2"),
        (b"GET / HTTP/1.1" + head(Host="evil.example"), 421, b"evil.example"),
        (b"GET / HTTP/1.1" + head(Host="localhost", Origin="http://evil.example"), 403, b"Origin"),
        (b"POST / HTTP/1.1" + head(Host="localhost", Content_Length="101"), 413, b"at most 100"),
        (b"POST / HTTP/1.1" + head(Host="localhost", Content_Length="x"), 400, b"Content-Length"),
        (
            b"POST / HTTP/1.1" + head(Host="localhost", Content_Length="1", Transfer_Encoding="chunked"),
            400,
            b"one of",
        ),
        (b"POST / HTTP/1.1" + head(Host="localhost", Transfer_Encoding="gzip"), 501, b"chunked"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n", 400, b"malformed"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400, b"malformed"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1" + head(Host="localhost"), 414, b"8192"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431, b""),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70000 + b"\r\n\r\n", 431, b""),
        (b"GET / HTTP/2.0" + head(Host="localhost"), 505, b""),
        (b"GET /\r\n\r\n", 400, b"2 words"),
        (b"GET /\r\n", 400, b"2 words"),  # HTTP/0.9, whose request ends here
        (b"GET http://evil.example/ HTTP/1.1" + head(Host="localhost"), 421, b"evil.example"),
        (b"GET http://localhost@evil.example/ HTTP/1.1" + head(Host="localhost"), 421, b"evil.example"),
        (b"GET http://[::1 HTTP/1.1" + head(Host="localhost"), 421, b"[::1"),
        (b"GET http://[x]/ HTTP/1.1" + head(Host="localhost"), 421, b"[x]"),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil\r\n\r\n",
            403,
            b"http://evil",
        ),
        (b"POST / HTTP/1.0" + head(Transfer_Encoding="chunked") + b"0\r\n\r\n", 400, b"HTTP/1.0"),
        (b"POST / HTTP/1.1" + head(Host="localhost", Transfer_Encoding="\x0bchunked"), 501, b"chunked"),
        (b"nonsense\r\n\r\n", 400, b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, b""),
    ],
)
def test_what_is_no_request_to_this_server(running: Running, data: bytes, status: int, words: bytes) -> None:
    answer = running.raw(data)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in top
    assert b"Connection: close" in top
    assert json.loads(body)["status"] == status
    assert words in body
    assert b"Traceback" not in answer
    assert running.ask("GET", "/there").status == 200


def test_an_empty_line_before_a_request_is_nothing(running: Running) -> None:
    """RFC 9112 2.2."""
    answer = running.raw(
        b"\r\nGET http://localhost:1?y HTTP/1.1" + head(Host="localhost", Connection="close")
    )
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"target": "/?y"' in answer


def test_http_1_0(running: Running) -> None:
    answer = running.raw(b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in answer


def test_a_bug_of_the_api_stays_inside(running: Running) -> None:
    answer = running.raw(b"GET /bug HTTP/1.1" + head(Host="localhost", Connection="close"))
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"secret" not in answer
    assert b"Traceback" not in answer


def test_a_slow_client_keeps_nobody_waiting_and_is_cut_off(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 5) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n")
        started = time.monotonic()
        assert running.ask("GET", "/quick").status == 200
        assert time.monotonic() - started < 0.5
        answer = b""
        for _ in range(40):  # a byte each 50 ms: every single wait is short, the whole is not
            try:
                slow.sendall(b"x")
            except OSError:
                break
            slow.settimeout(0.05)
            try:
                answer += slow.recv(4096)
            except TimeoutError:
                continue
            break
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert time.monotonic() - started < 3


def test_an_idle_connection_is_closed_without_a_word(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 5) as idle:
        assert idle.recv(100) == b""


def test_too_many_connections(running: Running) -> None:
    held = [socket.create_connection(("127.0.0.1", running.port), 5) for _ in range(4)]
    time.sleep(0.2)
    answer = running.raw(b"")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1" in answer
    for connection in held:
        connection.close()
    deadline = time.monotonic() + 5
    while running.raw(b"GET / HTTP/1.0\r\n\r\n")[9:12] != b"200":
        assert time.monotonic() < deadline


def test_the_api_is_called_by_one_thread(running: Running, echo: Echo) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: running.ask("GET", f"/{n}").status, range(20)))
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= 10
    assert echo.threads == {running.thread.ident}


def test_concurrent_clients_have_sessions_of_their_own() -> None:
    def judge(evidence: bytes, _media_type: str, nonce: bytes, _now: float) -> str:
        return f"{nonce.hex()} {evidence.hex()}"

    tokens = iter(range(1000))
    lock = threading.Lock()

    def attester(_nonce: bytes) -> bytes:
        with lock:
            return TOKEN[:-2] + next(tokens).to_bytes(2)

    server = Running(VerificationApi(Sessions(counting_random()), judge, Service()), limits=Limits())
    try:
        transport = http_transport(time.sleep)
        with ThreadPoolExecutor(8) as pool:
            done = list(
                pool.map(lambda _: converse(attest_to(server.server.url, 32, attester), transport), range(24))
            )
    finally:
        server.stop()
    assert len({one.nonce for one in done}) == 24
    assert all(one.result == f"{one.nonce.hex()} {one.evidence.hex()}" for one in done)


def test_so_many_requests_and_the_end(echo: Echo) -> None:
    server = Running(echo, requests=2)
    assert server.ask("GET", "/1").status == 200
    last = server.ask("GET", "/2")
    assert (last.status, last.getheader("Connection")) == (200, "close")
    server.thread.join(5)
    assert not server.thread.is_alive()
    with pytest.raises(CannotAsk, match="legal: a service that answers"):
        http_transport(time.sleep)(Ask("GET", server.server.url))


def test_the_end_lets_the_request_at_hand_finish_and_idle_connections_go(echo: Echo) -> None:
    server = Running(echo, limits=Limits(request_seconds=30))
    idle = socket.create_connection(("127.0.0.1", server.port), 5)
    entered, leave = threading.Event(), threading.Event()

    def busy() -> None:
        entered.set()
        leave.wait(5)

    echo.busy = busy
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.ask, "GET", "/1")
        assert entered.wait(5)
        second = pool.submit(server.ask, "GET", "/2")
        time.sleep(0.2)
        server.server._jobs.put(None)
        leave.set()
        assert first.result(5).status == 200
        assert second.result(5).status in (200, 503)
    started = time.monotonic()
    server.thread.join(5)
    assert not server.thread.is_alive()
    assert time.monotonic() - started < 3, "an idle connection is not waited for"
    assert idle.recv(10) == b""
    idle.close()


SIGNALLED = """
import signal, threading
from tfm_sim.tools.challenge_response.loopback import Address
from tfm_sim.tools.cli.over_http import HttpOptions, serve

class Deaf:
    def handle(self, request, now):
        raise AssertionError

threading.Timer(1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
serve(Deaf(), HttpOptions(True, Address("127.0.0.1", 0), None, None, False), what="nothing")
print("ended")
"""


def test_a_signal_that_another_thread_gets_ends_the_server() -> None:
    """The system may choose any thread; one that waits on a lock for ever would not hear of it."""
    run = subprocess.run(
        [sys.executable, "-c", SIGNALLED], check=False, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("ended\n")


def test_an_address_that_is_taken(running: Running) -> None:
    with pytest.raises(CannotListen, match=r"--listen: 127\.0\.0\.1:"):
        LoopbackServer(Echo(), running.server.address, clock=lambda: 0.0, log=print)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6() -> None:
    try:
        server = LoopbackServer(Echo(), Address("::1", 0), clock=lambda: 0.0, log=lambda _: None, requests=1)
    except CannotListen:
        pytest.skip("no ::1 on this machine")
    thread = threading.Thread(target=server.serve)
    thread.start()
    assert server.url.startswith("http://[::1]:")
    assert http_transport(time.sleep)(Ask("GET", f"{server.url}/x")).status == 200
    thread.join(5)
    assert not thread.is_alive()


def test_the_client_gives_up_on_what_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = http_transport(time.sleep, timeout=0.2)
        with pytest.raises(CannotAsk, match="timed out"):
            transport(Ask("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/"))
    with pytest.raises(CannotAsk, match="this machine"):
        transport(Ask("GET", "http://192.0.2.1/"))


@pytest.mark.parametrize(
    "drip",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000,
    ],
    ids=["body", "header", "interim answers", "chunks", "until the end"],
)
def test_the_client_does_not_wait_for_an_answer_that_drips(drip: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                for place in range(0, len(drip), 8):
                    connection.sendall(drip[place : place + 8])
                    time.sleep(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        started = time.monotonic()
        with pytest.raises(CannotAsk, match="timed out"):
            http_transport(time.sleep, timeout=0.5)(
                Ask("GET", f"http://127.0.0.1:{server.getsockname()[1]}/")
            )
        assert time.monotonic() - started < 3
        thread.join(10)


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", b""]
)
def test_the_client_takes_any_answer(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(CannotAsk, match="legal: a service that answers"):
            http_transport(time.sleep, timeout=5)(Ask("GET", f"http://127.0.0.1:{server.getsockname()[1]}/"))
        thread.join(5)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl() -> None:
    api = VerificationApi(Sessions(counting_random()), lambda *_: "an EAR", Service())
    server = Running(api, limits=Limits())

    def curl(*arguments: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-i", *arguments], input=data, capture_output=True, check=True
        )
        return done.stdout

    try:
        created = curl("-X", "POST", f"{server.server.url}{NEW_SESSION}?nonceSize=32")
        assert created.startswith(b"HTTP/1.1 201 Created\r\n")
        location = re.search(r"Location: (\S+)", created.decode())
        assert location is not None
        url = f"{server.server.url}/challenge-response/v1/{location[1]}"
        kind = ("-H", "Content-Type: application/psa-attestation-token")
        done = curl(
            "-X", "POST", *kind, "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", url, data=TOKEN
        )
        assert done.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b'"result": "an EAR"' in done
        assert curl("-X", "DELETE", url).startswith(b"HTTP/1.1 204 No Content\r\n")
        assert curl(url).startswith(b"HTTP/1.1 410 Gone\r\n")
        large = curl("-X", "POST", *kind, "--data-binary", "@-", url, data=b"x" * 2_000_000)
        assert b"HTTP/1.1 413 " in large, "and curl reads it, though it is still sending"
    finally:
        server.stop()


def test_what_the_other_side_says_is_cut_short() -> None:
    said = Response(400, (), json.dumps({"detail": "x" * 100_000}).encode()).detail
    assert len(said) < 600
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"x" * 60_000 + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(CannotAsk) as caught:
            http_transport(time.sleep)(Ask("GET", f"http://127.0.0.1:{server.getsockname()[1]}/"))
        thread.join(10)
    assert len(str(caught.value)) < 400
