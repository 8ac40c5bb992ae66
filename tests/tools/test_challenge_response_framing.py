"""Bodies of HTTP/1.1 requests (RFC 9112 6, 7.1), media types (RFC 9110 8.3.1), nonces as text, addresses."""

import base64
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.tools.challenge_response.framing import read_body
from tfm_sim.tools.challenge_response.loopback import NotLoopback, host_of, is_loopback, parse_listen
from tfm_sim.tools.challenge_response.media_types import MediaTypeError, accepts, parse_media_type
from tfm_sim.tools.challenge_response.messages import Refused
from tfm_sim.tools.challenge_response.nonce_text import (
    NonceForm,
    NonceTextError,
    decode_nonce,
    encode_nonce,
)

CHUNKED = ("Transfer-Encoding", "chunked")


def length(value: str) -> tuple[str, str]:
    return "Content-Length", value


@pytest.mark.parametrize(
    ("headers", "sent", "body"),
    [
        ((), b"GET / HTTP/1.1", b""),
        ((length("0"),), b"rest", b""),
        ((length("4"),), b"bodyrest", b"body"),
        ((length("4"), length("4")), b"bodyrest", b"body"),
        ((length(" 4 "),), b"body", b"body"),
        ((CHUNKED,), b"4\r\nbody\r\n0\r\n\r\nrest", b"body"),
        (
            (("transfer-encoding", "Chunked"),),
            b"2\r\nbo\r\nA;x=y\r\n0123456789\r\n00\r\nT: v\r\n\r\n",
            b"bo0123456789",
        ),
        ((length("32"),), b"x" * 32, b"x" * 32),
    ],
)
def test_bodies(headers: tuple[tuple[str, str], ...], sent: bytes, body: bytes) -> None:
    source = BytesIO(sent)
    assert read_body(headers, source, 32) == body
    assert source.read() in (b"", b"rest", b"GET / HTTP/1.1"), "the next request is left alone"


@pytest.mark.parametrize(
    ("headers", "sent", "status", "words"),
    [
        ((length("33"),), b"x" * 33, 413, "at most 32"),
        ((length("999999999999999999"),), b"", 413, "at most 32"),
        ((length("9" * 19),), b"", 400, "one decimal number"),
        ((length("4"), length("5")), b"body", 400, "one decimal number"),
        ((length("4, 4"),), b"body", 400, "one decimal number"),
        ((length("-1"),), b"", 400, "one decimal number"),
        ((length("+4"),), b"body", 400, "one decimal number"),
        ((length("0x4"),), b"body", 400, "one decimal number"),
        ((length("\u0664"),), b"body", 400, "one decimal number"),
        ((length("\x0b4"),), b"body", 400, "one decimal number"),
        ((length("4\xa0"),), b"body", 400, "one decimal number"),
        ((("Transfer-Encoding", "\x0bchunked"),), b"0\r\n\r\n", 501, "legal: chunked"),
        ((("Transfer-Encoding", "chunked\xa0"),), b"0\r\n\r\n", 501, "legal: chunked"),
        ((CHUNKED,), b"\x0b0\r\n\r\n", 400, "size in hex"),
        ((length("5"),), b"body", 400, "its end after 4 of 5"),
        ((length("4"), CHUNKED), b"0\r\n\r\n", 400, "one of them"),
        ((("Transfer-Encoding", "gzip, chunked"),), b"", 501, "legal: chunked"),
        ((CHUNKED, CHUNKED), b"0\r\n\r\n", 501, "legal: chunked"),
        ((("Transfer-Encoding", "\x0bchunked"),), b"0\r\n\r\n", 501, "legal: chunked"),
        ((("Transfer-Encoding", "chunked\x85"),), b"0\r\n\r\n", 501, "legal: chunked"),
        ((CHUNKED,), b"x\r\n", 400, "size in hex"),
        ((CHUNKED,), b"4\r;x\r\nbody\r\n0\r\n\r\n", 400, "size in hex"),
        ((CHUNKED,), b"\x0c4\r\nbody\r\n0\r\n\r\n", 400, "size in hex"),
        ((CHUNKED,), b"-1\r\n", 400, "size in hex"),
        ((CHUNKED,), b"123456789\r\n", 400, "size in hex"),
        ((CHUNKED,), b"4\nbody\r\n0\r\n\r\n", 400, "CR LF"),
        ((CHUNKED,), b"4\r\nbodyX\r\n0\r\n\r\n", 400, "CR LF behind them"),
        ((CHUNKED,), b"4\r\nbo", 400, "its end after 2 of 4"),
        ((CHUNKED,), b"4\r\nbody\r\n", 400, "CR LF"),
        ((CHUNKED,), b"20\r\n" + b"x" * 32 + b"\r\n1\r\ny\r\n0\r\n\r\n", 413, "more than 32"),
        ((CHUNKED,), b"ffffffff\r\n", 413, "more than 32"),
        ((CHUNKED,), b"0\r\n" + b"T: v\r\n" * 17, 400, "trailers"),
        ((CHUNKED,), b"0" * 300, 400, "at most 256 bytes"),
    ],
)
def test_bodies_that_are_refused(
    headers: tuple[tuple[str, str], ...], sent: bytes, status: int, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        read_body(headers, BytesIO(sent), 32)
    assert refused.value.status == status
    assert words in str(refused.value)


@given(st.lists(st.sampled_from([length("3"), length("x"), CHUNKED, ("Host", "x")]), max_size=3), st.binary())
def test_any_bytes_are_a_body_or_refused(headers: list[tuple[str, str]], sent: bytes) -> None:
    try:
        assert len(read_body(tuple(headers), BytesIO(sent), 32)) <= 32
    except Refused as refused:
        assert refused.status in (400, 413, 501)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("text/plain", "text/plain"),
        (
            ' Application/EAT+CWT ; EAT_Profile="tag:x,2023:Y" ',
            'application/eat+cwt; eat_profile="tag:x,2023:Y"',
        ),
        (r'a/b;c="d\"\;e";;', 'a/b; c="d";e"'),
        ("a/b; y=2; x=1", 'a/b; x="1"; y="2"'),
    ],
)
def test_media_types(text: str, shown: str) -> None:
    assert str(parse_media_type(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "a", "a/", "/b", "a/b; c", "a/b; c=", 'a/b; c="d', "a/b c=d", "a/b; c=1; C=2"]
)
def test_no_media_types(text: str) -> None:
    with pytest.raises(MediaTypeError, match="legal: "):
        parse_media_type(text)


@given(st.text(), st.text())
def test_any_text_is_a_media_type_or_refused(text: str, offered: str) -> None:
    accepts(text, offered)
    with suppress(MediaTypeError):
        parse_media_type(text)


@given(st.binary(max_size=64), st.sampled_from(NonceForm))
def test_nonces_as_text_come_back(nonce: bytes, form: NonceForm) -> None:
    assert decode_nonce(encode_nonce(nonce, form)) == nonce
    assert decode_nonce(base64.urlsafe_b64encode(nonce).decode()) == nonce


@given(st.text(max_size=20))
def test_any_text_is_a_nonce_or_refused(text: str) -> None:
    with suppress(NonceTextError):
        decode_nonce(text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("127.9.9.9:0", "127.9.9.9", 0),
        ("localhost:1", "127.0.0.1", 1),
        ("[::1]:65535", "::1", 65535),
    ],
)
def test_listen(text: str, host: str, port: int) -> None:
    address = parse_listen(text)
    assert (address.host, address.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:80",
        "[::]:80",
        "192.168.0.1:80",
        "example.org:80",
        "[::ffff:127.0.0.1]:80",
        "127.1:80",
        ":80",
        "80",
        "127.0.0.1",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "::1:80",
        "",
    ],
)
def test_listen_elsewhere(text: str) -> None:
    with pytest.raises(NotLoopback, match=r"legal: 127\.0\.0\.1:PORT"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("authority", "local"),
    [
        ("localhost", True),
        ("LOCALHOST:80", True),
        ("127.0.0.1:8080", True),
        ("[::1]:1", True),
        ("[::1]", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:80", False),
        ("evil.example", False),
        ("", False),
        ("user@localhost", False),
        ("localhost:80:90", False),
    ],
)
def test_hosts(authority: str, local: bool) -> None:
    assert is_loopback(host_of(authority)) is local
