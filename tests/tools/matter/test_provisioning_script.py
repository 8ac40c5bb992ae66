"""The provisioning script against devices that behave and devices that do not (ST's document, 2.3.2)."""

from collections.abc import Callable
from typing import Any

import pytest
import serial
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from support.serial_device import SerialDevice, program

from tfm_sim.interface.matter.provisioning_link import (
    START_PROVISIONING,
    LinkMessage,
    ProvisioningStatus,
    finish_line,
    message_line,
    read_message,
)
from tfm_sim.tools.line_ends import BothEnds, HostEnd, run_both_ends
from tfm_sim.tools.line_time import SerialPort
from tfm_sim.tools.matter.factory.provisioning_script import (
    START_MESSAGE,
    ProvisioningScript,
    ScriptResult,
    ScriptStep,
)
from tfm_sim.tools.matter.pki.server import PkiServer
from tfm_sim.tools.serial_line import SerialLine

Code = Callable[[SerialDevice], object]


class Run:
    """A script against a device: its result, what it printed, its steps, how many seconds it took."""

    def __init__(self, code: Code, baud_rate: int = 115200, **options: Any) -> None:
        self.said: list[str] = []
        self.steps: list[ScriptStep] = []
        self.seconds = 0.0
        self._options = options
        ends: BothEnds[ScriptResult] = run_both_ends(program(code, baud_rate), self._script)
        self.result = ends.host
        self.device_error = ends.device_error

    def _script(self, end: HostEnd) -> ScriptResult:
        options = {"clock": end.clock, "open_port": end.open_port, **self._options}
        script = ProvisioningScript(end.port, say=self.said.append, progress=self.steps.append, **options)
        result = script.run()
        self.seconds = end.clock.now()
        return result


def finishing(status: int) -> Code:
    def code(device: SerialDevice) -> None:
        device.synchronise()
        device.send(finish_line(status))

    return code


def a_csr(seed: int = 1) -> bytes:
    key = ec.derive_private_key(seed, ec.SECP256R1())
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, SHA256()).public_bytes(Encoding.DER)


CSR = a_csr()


@pytest.mark.parametrize(
    ("status", "ok", "printed"),
    [
        (0, True, "Provisioning Done"),
        (1, False, "Data not found"),
        (2, False, "Buffer too small"),
        (3, False, "Parameter error"),
        (4, False, "STM32 not init or fail in synchronization"),
        (5, False, "Provisioning completed with unknown error : status 005"),
        (999, False, "Provisioning completed with unknown error : status 999"),
    ],
)
def test_status_of_the_device(status: int, ok: bool, printed: str) -> None:
    run = Run(finishing(status), header="COM7/..0042> ")
    assert (run.result.status, run.result.ok) == (status, ok)
    assert run.said == [f"COM7/..0042> {START_MESSAGE}", f"COM7/..0042> {printed}"]
    assert run.device_error is None


def chatting(*lines: bytes) -> Code:
    def code(device: SerialDevice) -> None:
        device.line_with(b"Init")
        for line in lines:
            device.send(line)
            device.wait(100_000)

    return code


FINISH = b"finish:000\r\n"
DONE, UNKNOWN = ProvisioningStatus.DONE, ProvisioningStatus.UNKNOWN_ERROR
NOT_INIT = ProvisioningStatus.NOT_INIT
ARABIC_ZERO = "\N{ARABIC-INDIC DIGIT ZERO}"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((START_PROVISIONING, FINISH), DONE),
        ((START_PROVISIONING + FINISH,), DONE),
        ((b"Start_prov", b"isioning\nfini", b"sh:000\n"), DONE),
        ((b"[boot] Start_provisioning now\n", b"[prov] finish:000 bye\n"), DONE),
        ((START_PROVISIONING, START_PROVISIONING, FINISH), DONE),
        ((b"\x00\xff\xfe\n" * 20, START_PROVISIONING, b"\xc3\x28finish:0x0\n", FINISH), DONE),
        ((START_PROVISIONING, b"finish:" + b"9" * 2000 + b"\n", FINISH), DONE),
        ((b"x" * 3000, b"\n", START_PROVISIONING, FINISH), DONE),
        ((FINISH, START_PROVISIONING, b"finish:003\n"), ProvisioningStatus.PARAM_ERROR),
        ((START_PROVISIONING, b"finish:00\n"), UNKNOWN),
        ((START_PROVISIONING, b"finish:0000\n"), UNKNOWN),
        ((START_PROVISIONING, b"finish:000"), DONE),
        # sizeof(msg) bytes of ST's STM_Provisioning for the STM32WB5MM-DK, again every three seconds.
        ((START_PROVISIONING, b"finish:003\0\x80\x20\0\x08\xff" * 2), ProvisioningStatus.PARAM_ERROR),
        ((b"Start_provisioning",), UNKNOWN),
        ((START_PROVISIONING, b"finish:00"), UNKNOWN),
        ((START_PROVISIONING, b"finish:000", b"7\n", FINISH), DONE),
        ((START_PROVISIONING, f"finish:{3 * ARABIC_ZERO}\n".encode()), UNKNOWN),
        ((START_PROVISIONING, b"FINISH:000\n"), UNKNOWN),
        ((b"start_provisioning\r\n", FINISH), NOT_INIT),
        ((FINISH,), NOT_INIT),
    ],
)
def test_what_the_device_says(lines: tuple[bytes, ...], status: ProvisioningStatus) -> None:
    assert Run(chatting(*lines)).result.status is status


def test_a_silent_device_is_given_up_after_thirty_seconds() -> None:
    inits: list[int] = []

    def code(device: SerialDevice) -> None:
        while True:
            inits.extend(device.now for line in device.lines() if line == b"Init")
            device.wait(10_000)

    run = Run(code)
    assert run.result.status is ProvisioningStatus.NOT_INIT
    assert str(run.result) == "STM32 not init or fail in synchronization : no Start_provisioning in 30 s"
    assert 30 <= run.seconds < 30.1
    assert len(inits) == 60, "twice a second"


def test_a_result_is_waited_for_thirty_seconds() -> None:
    def code(device: SerialDevice) -> None:
        device.wait(20_000_000)
        device.synchronise()
        device.sleep()

    run = Run(code)
    assert run.result == ScriptResult(
        UNKNOWN, "Provisioning completed with unknown error", "no finish:XYZ in 30 s"
    )
    assert 50 <= run.seconds < 50.2


@pytest.mark.parametrize(
    ("synchronised", "finished", "status"),
    [(29.9, 29.8, DONE), (30.1, 1, NOT_INIT), (1, 30.1, UNKNOWN)],
)
def test_time_limits(synchronised: float, finished: float, status: ProvisioningStatus) -> None:
    """Each of both waits has thirty seconds of its own."""

    def code(device: SerialDevice) -> None:
        device.wait(round(synchronised * 1e6))
        device.send(START_PROVISIONING)
        device.wait(round(finished * 1e6))
        device.send(FINISH)

    assert Run(code).result.status is status


def test_a_result_without_a_line_feed_is_taken_after_a_second_of_silence() -> None:
    run = Run(chatting(START_PROVISIONING, b"finish:", b"000"))
    assert run.result.ok
    assert 1.1 <= run.seconds < 1.4


def test_a_device_that_was_off_is_found_by_the_repeated_init() -> None:
    def code(device: SerialDevice) -> None:
        device.line.leave()
        device.wait(3_000_000)
        device.line.join(device.usart)
        finishing(0)(device)

    run = Run(code)
    assert run.result.ok
    assert run.seconds >= 3


# Certificates.


def test_certificates_for_a_request() -> None:
    pki = PkiServer.development()
    got: list[tuple[LinkMessage, bytes]] = []

    def code(device: SerialDevice) -> None:
        device.synchronise()
        device.send(message_line(LinkMessage.CSR, CSR))
        got.append(read_message(device.line_with(b"PAI:")))
        got.append(read_message(device.line_with(b"DAC:")))
        device.send(FINISH)

    run = Run(code, certify=pki.certify)
    assert run.result.ok
    (issued,) = pki.issued
    assert got == [(LinkMessage.PAI, issued.pai), (LinkMessage.DAC, issued.dac)]
    assert run.steps == list(ScriptStep)


def test_a_request_that_comes_again_gets_the_same_certificates() -> None:
    """The PKI gives a key one certificate only; a device that missed the answer asks again."""
    pki = PkiServer.development()
    got: list[bytes] = []

    def code(device: SerialDevice) -> None:
        device.synchronise()
        for _ in range(2):
            device.send(message_line(LinkMessage.CSR, CSR))
            got.append(device.line_with(b"DAC:"))
        device.send(FINISH)

    assert Run(code, certify=pki.certify).result.ok
    assert got[0] == got[1]
    assert len(pki.issued) == 1


def asking(csr: bytes) -> Code:
    def code(device: SerialDevice) -> None:
        device.synchronise()
        device.send(csr)
        device.sleep()

    return code


def unreachable(csr: bytes) -> Any:
    raise ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize(
    ("line", "certify", "detail"),
    [
        (message_line(LinkMessage.CSR, CSR), None, "a CSR came, and there is no PKI to ask"),
        (message_line(LinkMessage.CSR, b"\x30\x00"), PkiServer.development().certify, "PKI: CSR of 2 bytes"),
        (message_line(LinkMessage.CSR, CSR), unreachable, "PKI: [Errno 111] Connection refused"),
        (
            message_line(LinkMessage.CSR, CSR).replace(b":", b":0", 1),
            PkiServer.development().certify,
            "no finish:XYZ in 30 s",
        ),
        (b"CSR:2:00000000:MAA=\n", PkiServer.development().certify, "a damaged line: CSR: CRC-32"),
        (b"CSR:601:00000000:MAA=\n", PkiServer.development().certify, "a damaged line: CSR: found 601 bytes"),
        (b"DAC:2:35b9b43f:MAA=\n", PkiServer.development().certify, "no finish:XYZ in 30 s"),
    ],
)
def test_requests_that_get_nothing(line: bytes, certify: Any, detail: str) -> None:
    result = Run(asking(line), certify=certify).result
    assert result.status is UNKNOWN
    assert detail in result.detail


# The user and the port.


def test_ctrl_c() -> None:
    """KeyboardInterrupt comes out of whatever the script is doing."""

    class Interrupted:
        def now(self) -> float:
            return 0

        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    run = Run(SerialDevice.sleep, clock=Interrupted())
    assert run.result.status is ProvisioningStatus.INTERRUPTED
    assert run.said[-1] == "Provisioning interrupted by user"


def test_ctrl_c_in_another_thread() -> None:
    looks = iter([False] * 5 + [True] * 100)
    run = Run(SerialDevice.sleep, cancelled=lambda: next(looks))
    assert run.result.status is ProvisioningStatus.INTERRUPTED
    assert run.seconds < 1


def test_a_cable_that_is_pulled() -> None:
    def code(device: SerialDevice) -> None:
        device.synchronise()
        device.wait(1_000_000)
        device.line.close()

    result = Run(code).result
    assert result.status is UNKNOWN
    assert result.detail.startswith("serial port: ")


def test_a_port_that_is_not_there(tmp_path: Any) -> None:
    result = ProvisioningScript(str(tmp_path / "ttyACM9"), say=lambda line: None).run()
    assert str(result).startswith("Failed to open COM port : [Errno 2] could not open port")
    assert not result.ok


def test_a_port_that_is_no_serial_port(tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = ProvisioningScript(str(tmp_path / "file"), say=lambda line: None).run()
    assert result.message == "Failed to open COM port"


def test_a_port_that_another_program_has() -> None:
    with SerialLine() as line, serial.Serial(line.name, exclusive=True):
        result = ProvisioningScript(line.name, say=lambda text: None).run()
    assert result.message == "Failed to open COM port"
    assert "exclusively lock" in result.detail


@pytest.mark.parametrize("error", [serial.SerialTimeoutException("Write timeout"), OSError(5, "I/O error")])
def test_a_port_that_fails(error: OSError) -> None:
    closed: list[bool] = []

    class Broken:
        def read(self, size: int = 1, /) -> bytes:
            return b""

        def write(self, data: bytes, /) -> int:
            raise error

        def close(self) -> None:
            closed.append(True)

    def broken(name: str) -> SerialPort:
        return Broken()

    result = ProvisioningScript("COM1", open_port=broken, say=lambda line: None).run()
    assert result == ScriptResult(UNKNOWN, UNKNOWN.message, f"serial port: {error}")
    assert closed == [True]


class Talking:
    """A port at which these pieces arrive, one at a time, and a clock that only the script's sleep moves."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._now = 0.0
        self.closed = False

    def open(self, name: str) -> SerialPort:
        return self

    def read(self, size: int = 1, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def write(self, data: bytes, /) -> int:
        return len(data)

    def close(self) -> None:
        self.closed = True

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([START_PROVISIONING, FINISH, b"finish:", b"017\n", b"CSR:", b"\n", b"finish:1234\n"]),
    st.binary(max_size=40).map(lambda der: message_line(LinkMessage.CSR, der)),
)


@given(st.lists(PIECES, max_size=30))
def test_whatever_arrives_there_is_a_result_in_time(pieces: list[bytes]) -> None:
    port = Talking(pieces)
    pki = PkiServer.development()
    script = ProvisioningScript("COM1", pki.certify, clock=port, open_port=port.open, say=lambda line: None)
    result = script.run()
    assert result.message
    assert port.closed
    assert port.now() < 60.2
    assert result.ok is (result.status == 0)


@pytest.mark.parametrize("baud_rate", [9600, 230400])
def test_a_device_at_another_speed_never_synchronises(baud_rate: int) -> None:
    heard: list[bytes] = []

    def code(device: SerialDevice) -> None:
        while True:
            device.wait(100_000)
            heard.append(device.receive())
            device.send(START_PROVISIONING)

    run = Run(code, baud_rate=baud_rate)
    assert run.result.status is ProvisioningStatus.NOT_INIT
    assert b"Init" not in b"".join(heard)


def test_a_device_that_crashes_is_silent() -> None:
    def code(device: SerialDevice) -> None:
        device.synchronise()
        raise ValueError("crash")

    run = Run(code)
    assert run.result.status is UNKNOWN
    assert isinstance(run.device_error, ValueError)
