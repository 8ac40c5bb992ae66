"""Time on a serial line: one virtual time for both ends, or the wall clock; every wait has an end."""

import threading
import time
from typing import Any

import pytest
from support.serial_device import TICK, SerialDevice, program

from tfm_sim.tools import line_ends
from tfm_sim.tools.line_ends import HostEnd, run_both_ends
from tfm_sim.tools.line_time import HostClock, LineStuck, SerialPort, SharedTime
from tfm_sim.tools.serial_line import SerialLine


def read_all(port: SerialPort, clock: HostClock, seconds: float) -> bytes:
    data = b""
    for _ in range(round(seconds / 0.1)):
        clock.sleep(0.1)
        data += port.read(4096)
    return data


def clockwork(device: SerialDevice) -> None:
    """Says what time it is, ten times a second; answers each byte with the time of its arrival."""
    while True:
        device.wait(TICK)
        for byte in device.receive():
            device.send(b"<%c %d>" % (byte, device.now // TICK))
        if not device.now % 100_000:
            device.send(b"%d " % (device.now // 100_000))


def test_the_device_runs_as_long_as_the_host_sleeps() -> None:
    def host(end: HostEnd) -> bytes:
        port = end.open_port(end.port)
        data = read_all(port, end.clock, 1)
        port.write(b"a")
        data += read_all(port, end.clock, 0.5)
        port.close()
        assert end.clock.now() == pytest.approx(1.5)
        return data

    ends = run_both_ends(program(clockwork), host)
    assert ends.host == b"1 2 3 4 5 6 7 8 9 10 <a 101>11 12 13 14 15 "
    assert ends.device_error is None


@pytest.mark.parametrize("seconds", [0.0, 0.001, 3600.0])
def test_time_goes_on_when_the_device_is_over(seconds: float) -> None:
    def host(end: HostEnd) -> float:
        end.clock.sleep(seconds)
        return end.clock.now()

    assert run_both_ends(program(lambda device: None), host).host == seconds


def test_what_a_device_said_last_is_read_after_its_end() -> None:
    def host(end: HostEnd) -> bytes:
        port = end.open_port(end.port)
        data = read_all(port, end.clock, 1)
        port.close()
        return data

    def last_words(device: SerialDevice) -> None:
        device.wait(1)
        device.send(b"bye")

    assert run_both_ends(program(last_words), host).host == b"bye"


def test_a_host_that_ends_switches_the_device_off() -> None:
    over: list[int] = []

    def code(device: SerialDevice) -> None:
        try:
            device.sleep()
        except Exception:  # a program cannot catch it
            over.append(0)
        finally:
            over.append(1)

    run_both_ends(program(code), lambda end: end.clock.sleep(0.5))
    assert over == [1]


def test_a_host_that_fails_switches_the_device_off_too() -> None:
    def host(end: HostEnd) -> None:
        raise ValueError("host")

    with pytest.raises(ValueError, match="host"):
        run_both_ends(program(SerialDevice.sleep), host)
    assert not any(thread.name.startswith("device at") for thread in threading.enumerate())


def test_a_device_that_never_waits_is_given_up() -> None:
    release = threading.Event()

    def busy(device: SerialDevice) -> None:
        release.wait(20)

    with SerialLine() as line:
        shared = SharedTime(line, real_limit=0.05)
        thread = threading.Thread(target=lambda: busy(SerialDevice(line, shared)))
        thread.start()
        with pytest.raises(LineStuck, match="did not wait for 0"):
            shared.sleep(1)
        release.set()
        thread.join(20)


def test_a_device_that_does_not_stop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_ends, "REAL_LIMIT", 0.05)
    release = threading.Event()

    def busy(device: SerialDevice) -> None:
        release.wait(20)

    with pytest.raises(LineStuck, match="does not stop"):
        run_both_ends(program(busy), lambda end: None)
    release.set()


def test_a_host_that_vanished_is_given_up() -> None:
    """The device's end of the same: nobody grants it time."""
    ended: list[Any] = []

    def run(line: SerialLine, shared: SharedTime) -> None:
        try:
            SerialDevice(line, shared).sleep()
        except BaseException as error:
            ended.append(type(error).__name__)

    with SerialLine() as line:
        thread = threading.Thread(target=run, args=(line, SharedTime(line, real_limit=0.05)))
        thread.start()
        thread.join(20)
    assert ended == ["Halted"]


def test_a_flushed_port_holds_nobody_up() -> None:
    """Opening a port throws away what lies there: neither end waits for those bytes longer than a second."""

    def host(end: HostEnd) -> bytes:
        first, second = end.open_port(end.port), None
        end.clock.sleep(1)
        first.close()
        second = end.open_port(end.port)
        data = read_all(second, end.clock, 0.3)
        second.close()
        return data

    assert run_both_ends(program(clockwork), host).host == b"11 12 13 "


# The wall clock.


def test_real_time() -> None:
    def host(end: HostEnd) -> tuple[bytes, float]:
        began = time.monotonic()
        port = end.open_port(end.port)
        data = b""
        while b"3 " not in data and time.monotonic() < began + 20:
            end.clock.sleep(0.01)
            data += port.read(4096)
        port.close()
        return data, time.monotonic() - began

    data, seconds = run_both_ends(program(clockwork), host, real_time=True).host
    assert data.endswith(b"3 ")
    assert seconds > 0.25


def test_a_device_in_real_time_stops_in_the_middle_of_its_wait() -> None:
    began = time.monotonic()
    ends = run_both_ends(program(lambda device: device.wait(10**9)), lambda end: None, real_time=True)
    assert ends.device_error is None
    assert time.monotonic() - began < 10


def test_a_pulled_cable_in_real_time() -> None:
    def code(device: SerialDevice) -> None:
        device.line.close()
        device.wait(20_000)
        raise ValueError("time passed")

    def host(end: HostEnd) -> None:
        time.sleep(0.2)

    assert isinstance(run_both_ends(program(code), host, real_time=True).device_error, ValueError)
