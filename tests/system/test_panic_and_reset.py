"""How a whole device goes down, by a panic or by a watchdog, and what a reset keeps (spm.md 1.2, 7.2, 8)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.device_programs import (
    ARM,
    BREAK,
    COUNT,
    FEED,
    HOLD,
    KEEPER_HANDLE,
    MISUSES,
    POLL,
    WATCHDOG_NS,
    arm,
    guard,
    keeper,
    word,
)

import tfm_sim
from tfm_sim import Build, Device, DevicePanic, SpmConfig
from tfm_sim.interface.trace import Event
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.events import Panicked
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

NS_RAM = 0x28100000
PRESET = NvCounter.BL2_0
LEVELS = pytest.mark.parametrize("level", [1, 2, 3])


def boot(level: int = 1, **options: object) -> Device:
    spm = SpmConfig(isolation_level=level, ns_programmer_error_panics=bool(options.pop("strict", False)))
    return tfm_sim.boot(build=Build(spm=spm, partitions=(keeper(),)), **options)  # type: ignore[arg-type]


def ask(device: Device, request: int, number: int = 0) -> int:
    return device.ns.psa_call(KEEPER_HANDLE, request, [word(number)])


# ---- Watchdogs ----


@pytest.fixture
def device() -> Iterator[Device]:
    with boot() as made:
        yield made


def test_the_watchdog_of_the_nspe_interrupts_twice_and_resets_nothing_by_itself(device: Device) -> None:
    """SSE-200: its reset request is an interrupt, for whoever has it enabled."""
    arm(device.ns.cpu, WATCHDOG_NS, 1000)
    interrupts = device.hardware.interrupts
    seen = []
    for microseconds in (999, 1, 999, 2):
        device.idle(microseconds)
        seen.append((interrupts.level(1), interrupts.level(0)))
    assert seen == [(False, False), (True, False), (True, False), (True, True)]
    assert ask(device, COUNT) == 1


@LEVELS
def test_a_partition_that_owns_its_reset_request_resets_the_device(level: int) -> None:
    build = Build(spm=SpmConfig(isolation_level=level), partitions=(guard(),))
    with tfm_sim.boot(build=build) as device:
        arm(device.ns.cpu, WATCHDOG_NS, 1000)
        device.idle(1999)
        with pytest.raises(DevicePanic, match="TEST_GUARD broke a rule: psa_panic"):
            device.idle(2)
        device.reset()
        device.idle(5000)


@pytest.mark.parametrize("period", [1, 499, 500])
def test_a_watchdog_that_is_fed_after_its_first_timeout_is_content(device: Device, period: int) -> None:
    ask(device, ARM, 500)
    for _ in range(20):
        device.idle(period)
        assert ask(device, FEED) == 0
    with pytest.raises(SystemReset, match="WATCHDOG_S"):
        device.idle(1001)


@LEVELS
def test_a_watchdog_of_a_partition_resets_the_device_that_idles(level: int) -> None:
    with boot(level) as device:
        assert ask(device, ARM, 500) == 0
        device.idle(900)
        assert ask(device, FEED) == 0
        device.idle(1000)
        with pytest.raises(SystemReset, match="watchdog WATCHDOG_S: second timeout, for nobody fed it"):
            device.idle(1)


@LEVELS
def test_time_passes_and_the_watchdog_barks_when_everybody_is_blocked(level: int) -> None:
    """A request that is never answered would be a deadlock; the watchdog ends it, as on the board."""
    with boot(level) as device:
        assert ask(device, ARM, 500) == 0
        with pytest.raises(SystemReset, match="WATCHDOG_S"):
            ask(device, HOLD)
        assert device.hardware.clock.now == 1001


@LEVELS
def test_a_partition_that_polls_for_ever_is_ended_by_the_watchdog(level: int) -> None:
    with boot(level) as device:
        assert ask(device, ARM, 50) == 0
        with pytest.raises(SystemReset, match="WATCHDOG_S"):
            ask(device, POLL)


def test_without_a_watchdog_a_request_that_is_never_answered_is_reported(device: Device) -> None:
    with pytest.raises(DevicePanic, match="TEST_KEEPER broke a rule: somebody can run"):
        ask(device, HOLD)


def test_the_secure_watchdog_is_not_the_nspes(device: Device) -> None:
    with pytest.raises(DevicePanic, match=r"NS client -1 broke a rule: CPU store"):
        arm(device.ns.cpu, 0x50081000, 1)


# ---- What a reset keeps ----


def by_watchdog(device: Device) -> None:
    ask(device, ARM, 10)
    with pytest.raises(SystemReset):
        device.idle(21)


def by_panic(device: Device) -> None:
    with pytest.raises(DevicePanic):
        ask(device, BREAK, 1)


def by_request(device: Device) -> None:
    with pytest.raises(SystemReset, match="reset"):
        device.psa.platform.system_reset()


DOWN = {"watchdog": by_watchdog, "panic": by_panic, "tfm_platform_system_reset": by_request}
each_way_down = pytest.mark.parametrize("go_down", DOWN.values(), ids=DOWN)


@pytest.mark.parametrize(
    ("go_down", "level"),
    [(by_watchdog, 1), (by_watchdog, 3), (by_panic, 1), (by_panic, 2), (by_request, 1)],
)
def test_a_reset_forgets_ram_clock_interrupts_and_partitions_and_keeps_flash_otp_and_counters(
    go_down: Callable[[Device], None], level: int
) -> None:
    with boot(level) as device:
        hardware = device.hardware
        slot = hardware.slot(1, "secondary")
        slot.write(0, b"kept")
        hardware.nv_counters.set(NvCounter.BL2_3, 5)
        otp = {field: hardware.otp.read(field) for field in hardware.otp.layout.fields}
        hardware.memory.write(NS_RAM, b"gone")
        hardware.interrupts.enable(7)
        hardware.interrupts.pend(8)
        assert [ask(device, COUNT) for _ in range(3)] == [1, 2, 3]
        device.idle(123)
        go_down(device)

        device.reset()
        assert hardware.resets == 1
        assert slot.read(0, 4) == b"kept"
        assert hardware.nv_counters.read(NvCounter.BL2_3) == 5
        assert {field: hardware.otp.read(field) for field in hardware.otp.layout.fields} == otp
        assert hardware.memory.read(NS_RAM, 4) == bytes(4)
        assert (hardware.clock.now, hardware.clock.next_event()) == (0, None)
        assert not hardware.interrupts.is_enabled(7)
        assert not hardware.interrupts.is_pending(8)
        assert ask(device, COUNT) == 1
        token = device.psa.initial_attestation.get_token(bytes(32))
        assert verify(token, load_key(iak_verification_key(hardware)), challenge=bytes(32)).ok


def test_a_watchdog_reset_is_kept_in_the_state_directory(tmp_path: Path) -> None:
    with boot(state=tmp_path / "state") as device:
        device.hardware.nv_counters.set(NvCounter.BL2_3, 5)
        by_watchdog(device)
        device.reset()
    with boot(state=tmp_path / "state") as again:
        assert again.hardware.nv_counters.read(NvCounter.BL2_3) == 5


@each_way_down
def test_a_device_goes_down_again_and_again(go_down: Callable[[Device], None]) -> None:
    with boot() as device:
        for resets in range(1, 4):
            go_down(device)
            device.reset()
            assert (device.hardware.resets, ask(device, COUNT)) == (resets, 1)


# ---- While it is down ----

CALLS: dict[str, Callable[[Device], object]] = {
    "psa_framework_version": lambda device: device.ns.psa_framework_version(),
    "psa_version": lambda device: device.ns.psa_version(0xF301),
    "psa_connect": lambda device: device.ns.psa_connect(0xF301, 1),
    "psa_call": lambda device: ask(device, COUNT),
    "psa_close": lambda device: device.ns.psa_close(0),
    "load": lambda device: device.ns.cpu.load(NS_RAM, 4),
    "store": lambda device: device.ns.cpu.store(NS_RAM, b"x"),
    "execute": lambda device: device.ns.cpu.execute(0x100000),
    "idle": lambda device: device.idle(1),
    "start_task": lambda device: device.start_task(lambda ns: None, "late"),
    "join": lambda device: device.join(),
    "PSA API": lambda device: device.psa.crypto.generate_random(4),
}


@each_way_down
def test_every_call_says_why_the_device_is_down_until_a_reset(go_down: Callable[[Device], None]) -> None:
    with boot() as device:
        go_down(device)
        texts = set()
        for _ in range(2):
            for call in CALLS.values():
                with pytest.raises(DevicePanic if go_down is by_panic else SystemReset) as down:
                    call(device)
                texts.add(str(down.value))
        assert len(texts) == 1
        device.reset()
        for call in CALLS.values():
            call(device)


# ---- The report ----

REPORTS = {
    1: ("psa_panic", "a call of psa_panic", "nothing"),
    2: ("psa_notify: an existing partition", "200", "3100 TEST_KEEPER"),
    3: ("psa_clear: PSA_DOORBELL asserted", "signals 0x0", "after psa_notify"),
    4: ("psa_get: the signal of an RoT Service", "0x8", "0x10 KEEPER"),
    5: ("psa_wait: a signal that is assigned", "0x80000000", "bits of 0x00000018"),
    6: ("psa_reply: a message handle of the partition's own", "0x0", "0x"),
    7: ("psa_connect: an RoT Service with this SID", "0xdead", "0x80 TFM_CRYPTO"),
    8: ("psa_call: a handle of the caller's own", "0x1234dead", "none is open"),
    9: ("psa_close: a handle of the caller's own", "0x1234dead", "none is open"),
    10: ("psa_irq_enable: the signal of an own interrupt", "0x80000000", "none"),
    11: ("psa_read: a message handle of the partition's own", "0x1234dead", "0x"),
    12: ("psa_eoi: the signal of an own interrupt", "0x8", "none"),
    13: ("CPU store: memory of the caller's domain", "4 bytes at 0x10080000", "may write"),
    14: ("CPU load: an access that the bus carries", "4 bytes at 0x50081002", "aligned"),
}


@pytest.mark.parametrize(
    ("number", "level"),
    [(number, level) for number in MISUSES for level in (1, 3) if level == 1 or number in (2, 8, 13)],
)
def test_the_report_names_caller_rule_found_and_legal(number: int, level: int) -> None:
    events: list[Event] = []
    rule, found, legal = REPORTS[number]
    with boot(level, listeners=[events.append]) as device:
        with pytest.raises(DevicePanic) as panic:
            ask(device, BREAK, number)
        report = panic.value.report
        assert (report.culprit, report.rule) == ("TEST_KEEPER", rule)
        assert found in report.found
        assert legal in report.legal
        assert [event.report for event in events if isinstance(event, Panicked)] == [report]
        assert (
            str(report) == f"TEST_KEEPER broke a rule: {rule}\n  found {report.found}; legal: {report.legal}"
        )


def test_a_programmer_error_of_the_nspe_panics_where_the_build_says_so() -> None:
    with boot(strict=True) as device:
        with pytest.raises(DevicePanic) as panic:
            device.ns.psa_call(0x1234DEAD, 0)
        report = panic.value.report
        assert (report.culprit, report.rule) == ("NS client -1", "psa_call: a handle of the caller's own")
        assert (report.found, report.legal) == ("0x1234dead", "none is open")
