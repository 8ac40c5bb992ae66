"""The lines of the provisioning link: ST's own, and those that carry CSR and certificates."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.matter.provisioning_link import (
    DER_LIMIT,
    INIT,
    LINE_LIMIT,
    START_PROVISIONING,
    TIME_LIMIT,
    LineReader,
    LinkError,
    LinkMessage,
    ProvisioningMode,
    ProvisioningStatus,
    TooLong,
    finish_line,
    is_message,
    message_line,
    mode_line,
    read_finish,
    read_message,
    read_mode,
)

DER = bytes(range(40))
CRC = f"{zlib.crc32(DER):08x}".encode()
B64 = base64.b64encode(DER)


@pytest.mark.parametrize(
    "status, message",
    [
        (0x0000, "Provisioning Done"),
        (0x0001, "Data not found"),
        (0x0002, "Buffer too small"),
        (0x0003, "Parameter error"),
        (0x0004, "STM32 not init or fail in synchronization"),
        (0x0005, "Provisioning completed with unknown error"),
        (0x03E7, "Provisioning completed with unknown error"),
        (0xFFFE, "Provisioning completed with unknown error"),
        (0xFFFF, "Provisioning interrupted by user"),
    ],
)
def test_statuses_have_sts_words(status: int, message: str) -> None:
    assert ProvisioningStatus(status).message == message


@pytest.mark.parametrize(
    "status, line", [(0, b"finish:000\r\n"), (4, b"finish:004\r\n"), (999, b"finish:999\r\n")]
)
def test_a_result_has_three_digits(status: int, line: bytes) -> None:
    assert finish_line(status) == line
    assert read_finish(line) == status


@pytest.mark.parametrize("status", [-1, 1000, 0xFFFE, 0xFFFF])
def test_results_of_the_pc_do_not_fit_on_the_line(status: int) -> None:
    with pytest.raises(LinkError, match="0 to 999"):
        finish_line(status)


@pytest.mark.parametrize(
    "line, status", [(b"log: finish:003 at 12", 3), (b"finish:12", None), (b"Finish:000", None), (b"", None)]
)
def test_a_result_is_found_anywhere_in_a_line(line: bytes, status: int | None) -> None:
    assert read_finish(line) == status


@pytest.mark.parametrize("name", list(LinkMessage))
def test_a_message_there_and_back(name: LinkMessage) -> None:
    line = message_line(name, DER)
    assert line == b"%s:40:%s:%s\r\n" % (name.encode(), CRC, B64)
    assert is_message(line)
    assert read_message(line) == (name, DER)


@pytest.mark.parametrize("size", [0, 1, DER_LIMIT])
def test_sizes_that_go(size: int) -> None:
    line = message_line(LinkMessage.DAC, bytes(size))
    assert read_message(line) == (LinkMessage.DAC, bytes(size))
    assert len(line) <= LINE_LIMIT


def test_a_certificate_is_600_bytes_at_most() -> None:
    with pytest.raises(TooLong, match="found 601 bytes of DER; legal: up to 600"):
        message_line(LinkMessage.PAI, bytes(DER_LIMIT + 1))


@pytest.mark.parametrize(
    "line, says",
    [
        (b"", "no CSR, PAI or DAC"),
        (INIT, "no CSR, PAI or DAC"),
        (START_PROVISIONING, "no CSR, PAI or DAC"),
        (b"DAC:40:%s:%s:" % (CRC, B64), "no CSR, PAI or DAC"),
        (b"dac:40:%s:%s" % (CRC, B64), "no CSR, PAI or DAC"),
        (b"DAC:40:%s:%s" % (CRC.upper(), B64), "no CSR, PAI or DAC"),
        (b"DAC:0x28:%s:%s" % (CRC, B64), "no CSR, PAI or DAC"),
        (b"DAC:41:%s:%s" % (CRC, B64), "found 40 bytes of DER; legal: 41"),
        (b"DAC:40:00000000:%s" % B64, "legal: 00000000, as the line says"),
        (b"DAC:40:%s:%s" % (CRC, B64[:-1]), "base64"),
        (b"DAC:601:%s:%s" % (CRC, B64), "found 601 bytes of DER; legal: up to 600"),
    ],
)
def test_lines_refused(line: bytes, says: str) -> None:
    with pytest.raises(LinkError, match=says):
        read_message(line)


@given(st.binary(max_size=80) | st.from_regex(rb"(CSR|PAI|DAC):[0-9]{1,4}:[0-9a-f]{8}:[A-Za-z0-9+/=]{0,40}"))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    try:
        name, der = read_message(line)
    except LinkError:
        return
    assert message_line(name, der).strip() == line.strip().replace(
        line.split(b":")[1], str(len(der)).encode(), 1
    )


@pytest.mark.parametrize(
    "data, lines, dropped",
    [
        ([b"a\nb\n"], [b"a", b"b"], 0),
        ([b"In", b"it\r\n"], [b"Init"], 0),
        ([b"\r\n\n\r\n"], [], 0),
        ([b"no end"], [], 0),
        ([b"x" * LINE_LIMIT + b"\n"], [b"x" * LINE_LIMIT], 0),
        ([b"x" * (LINE_LIMIT + 1) + b"\nInit\n"], [b"Init"], 1),
        ([b"x" * 5 * LINE_LIMIT, b"tail\n", b"Init\n"], [b"Init"], 1),
        ([b"\x00\xff\n"], [b"\x00\xff"], 0),
    ],
)
def test_lines(data: list[bytes], lines: list[bytes], dropped: int) -> None:
    reader = LineReader()
    assert [line for part in data for line in reader.feed(part)] == lines
    assert reader.dropped == dropped


def test_limits() -> None:
    """docs/matter-firmware.md has them for who writes the other end."""
    assert (LINE_LIMIT, DER_LIMIT, TIME_LIMIT) == (1024, 600, 30)


@pytest.mark.parametrize(
    "data, rest",
    [(b"a\nfinish:0", b"finish:0"), (b"a\n", b""), (b"x" * (LINE_LIMIT + 1) + b"finish:000", b"")],
)
def test_an_unfinished_line(data: bytes, rest: bytes) -> None:
    reader = LineReader()
    reader.feed(data)
    assert reader.rest == rest


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_how_bytes_are_cut_up_does_not_matter(parts: list[bytes]) -> None:
    pieces, whole = LineReader(16), LineReader(16)
    assert [line for part in parts for line in pieces.feed(part)] == whole.feed(b"".join(parts))
    assert pieces.dropped == whole.dropped


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        (b"MODE:test", ProvisioningMode.TEST),
        (b"MODE:production\r", ProvisioningMode.PRODUCTION),
        (b"MODE:", None),
        (b"MODE:Test", None),
        (b"xMODE:test", None),
        (b"MODE:test production", None),
        (b"\xff", None),
    ],
)
def test_modes(line: bytes, mode: ProvisioningMode | None) -> None:
    """genFactoryData --mode, as the script forwards it."""
    assert read_mode(line) is mode


@pytest.mark.parametrize("mode", ProvisioningMode)
def test_a_mode_there_and_back(mode: ProvisioningMode) -> None:
    line = mode_line(mode)
    assert line.endswith(b"\n")
    assert read_mode(line) is mode
