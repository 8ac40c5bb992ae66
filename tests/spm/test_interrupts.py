"""Interrupts of partitions: second- and first-level handling, and the four calls (FF-M 1.1, interrupts)."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import SECURE_RAM, Echo, a_manifest, a_service, start_bench

from tfm_sim import DevicePanic
from tfm_sim.interface.psa.service import (
    PSA_BLOCK,
    PSA_DOORBELL,
    PSA_FLIH_NO_SIGNAL,
    PSA_FLIH_SIGNAL,
    PSA_POLL,
    PSA_WAIT_ANY,
    psa_msg_t,
)

HANDLE, ALARM_HANDLE = 0x40000100, 0x40000101
SLOW, FAST, SERVICE = 0x80000000, 0x40000000, 0x10
BOTH, FOREIGN = SLOW | FAST, 1 << 29
SLOW_LINE, FAST_LINE = 5, 6
IRQS = "[{source: 5, name: SLOW, handling: SLIH}, {source: 6, name: FAST, handling: FLIH}]"
DRIVER = a_manifest(
    "DRIVER",
    [a_service("DRIVER_SERVICE", 0x1001, connection_based=False, stateless_handle=1)],
    type="PSA-ROT",
    irqs=IRQS,
)
Action = Callable[[Any, Any], object]


class Driver(Echo):
    """Serves requests only, so that its interrupt signals stay for them to look at."""

    flih: Callable[[], int] = staticmethod(lambda: PSA_FLIH_NO_SIGNAL)

    def main(self) -> None:
        while True:
            self.psa.psa_wait(SERVICE, PSA_BLOCK)
            self.take(SERVICE)

    def fast_flih(self) -> int:
        return self.flih()


def serve(action: Action, manifest: str = DRIVER) -> Any:
    """The driver does ``action(psa, bench)`` while it serves a request."""
    bench: Any = start_bench((manifest, Driver))
    driver = bench.programs["DRIVER"]
    driver.answers[5] = lambda msg: (action(driver.psa, bench) and 0) or 0
    assert bench.ns.psa_call(HANDLE, 5) == 0
    return bench


def panics(action: Action, rule: str) -> None:
    with pytest.raises(DevicePanic) as panic:
        serve(action)
    assert panic.value.report.culprit == "DRIVER"
    assert panic.value.report.rule.startswith(rule), panic.value.report


def polled(psa: Any) -> int:
    """The interrupt signals as they are."""
    return int(psa.psa_wait(SLOW | FAST, PSA_POLL))


def pulse(bench: Any, line: int) -> None:
    """A device asks and lets go again."""
    bench.interrupts.set_level(line, True)
    bench.interrupts.set_level(line, False)


# After boot.


def test_the_lines_of_a_1_1_manifest_are_disabled_after_boot() -> None:
    bench: Any = start_bench((DRIVER, Driver))
    assert not bench.interrupts.is_enabled(SLOW_LINE)
    assert not bench.interrupts.is_enabled(FAST_LINE)


def test_the_line_of_a_1_0_manifest_is_enabled_after_boot_and_may_be_enabled_again() -> None:
    """FF-M 1.0 has second-level handling only, and the manifest names the signal itself."""
    manifest = "\n".join(
        (
            "psa_framework_version: 1.0",
            "name: DRIVER",
            "type: PSA-ROT",
            "priority: NORMAL",
            "entry_point: main",
            "stack_size: 1024",
            "services: [{name: DRIVER_SERVICE, sid: '0x1001', non_secure_clients: true}]",
            "irqs: [{source: 5, signal: SLOW_SIGNAL}]",
        )
    )
    bench: Any = start_bench((manifest, Driver))
    driver = bench.programs["DRIVER"]
    assert bench.interrupts.is_enabled(SLOW_LINE)
    bench.interrupts.set_level(SLOW_LINE, True)
    seen: list[int] = []

    def look(msg: psa_msg_t) -> int:
        seen.append(driver.psa.psa_wait(SLOW, PSA_POLL))
        driver.psa.psa_irq_enable(SLOW)
        return 0

    driver.answers[5] = look
    bench.ns.psa_call(bench.ns.psa_connect(0x1001, 1), 5)
    assert seen == [SLOW]


# Second-level handling.


def test_slih_masks_the_line_and_asserts_the_signal_until_psa_eoi() -> None:
    def handle(psa: Any, bench: Any) -> None:
        psa.psa_irq_enable(SLOW)
        assert polled(psa) == 0
        bench.interrupts.set_level(SLOW_LINE, True)
        assert polled(psa) == SLOW
        assert not bench.interrupts.is_enabled(SLOW_LINE), "masked while the signal stands"
        bench.interrupts.set_level(SLOW_LINE, False)
        assert polled(psa) == SLOW, "whatever the device does meanwhile"
        psa.psa_eoi(SLOW)
        assert polled(psa) == 0
        assert bench.interrupts.is_enabled(SLOW_LINE)

    serve(handle)


def test_slih_a_device_that_still_asks_interrupts_again_after_psa_eoi() -> None:
    def handle(psa: Any, bench: Any) -> None:
        psa.psa_irq_enable(SLOW)
        bench.interrupts.set_level(SLOW_LINE, True)
        psa.psa_eoi(SLOW)
        assert polled(psa) == SLOW
        assert not bench.interrupts.is_enabled(SLOW_LINE)

    serve(handle)


def test_slih_interrupts_while_the_signal_stands_are_one() -> None:
    def handle(psa: Any, bench: Any) -> None:
        psa.psa_irq_enable(SLOW)
        for _ in range(3):
            pulse(bench, SLOW_LINE)
        assert polled(psa) == SLOW
        psa.psa_eoi(SLOW)
        assert polled(psa) == 0

    serve(handle)


def test_an_interrupt_before_psa_irq_enable_waits_for_it() -> None:
    def handle(psa: Any, bench: Any) -> None:
        pulse(bench, SLOW_LINE)
        assert polled(psa) == 0
        assert bench.interrupts.is_pending(SLOW_LINE)
        psa.psa_irq_enable(SLOW)
        assert polled(psa) == SLOW

    serve(handle)


def test_psa_wait_sees_interrupts_beside_services_and_consumes_neither() -> None:
    def handle(psa: Any, bench: Any) -> None:
        psa.psa_irq_enable(SLOW)
        pulse(bench, SLOW_LINE)
        for timeout in (PSA_BLOCK, PSA_POLL):
            assert psa.psa_wait(PSA_WAIT_ANY, timeout) == SLOW

    serve(handle)


class Alarm(Echo):
    """Waits for its interrupt, and notes it."""

    def __init__(self, psa: Any) -> None:
        super().__init__(psa)
        self.log: list[int] = []

    def main(self) -> None:
        psa: Any = self.psa
        psa.psa_irq_enable(SLOW)
        while True:
            signals = psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            self.log.append(signals)
            if signals & SLOW:
                psa.psa_eoi(SLOW)
            else:
                self.take(SERVICE)


def alarm(priority: str) -> tuple[str, Any]:
    service = a_service("ALARM_SERVICE", 0x1002, connection_based=False, stateless_handle=2)
    return a_manifest(
        "ALARM", [service], priority=priority, irqs="[{source: 7, name: A, handling: SLIH}]"
    ), Alarm


@pytest.mark.parametrize(("priority", "when"), [("HIGH", [SLOW]), ("LOW", [])])
def test_an_interrupt_wakes_its_partition_at_once_if_it_is_ahead(priority: str, when: list[int]) -> None:
    """A partition runs when the line rises; the owner preempts it with the next exit of an SPM call, or has
    its turn later. (The bench drives the line from outside; a partition would by a store, which is an exit.)
    """
    bench: Any = start_bench((DRIVER, Driver), alarm(priority))
    log = bench.programs["ALARM"].log
    seen: list[list[int]] = []

    def fire(msg: psa_msg_t) -> int:
        pulse(bench, 7)
        driver.psa.psa_wait(SERVICE, PSA_POLL)
        seen.append(list(log))
        return 0

    driver = bench.programs["DRIVER"]
    driver.answers[5] = fire
    assert bench.ns.psa_call(HANDLE, 5) == 0
    assert seen == [when]
    assert log == [SLOW], "before the non-secure side goes on, in any case"


def test_an_interrupt_over_the_non_secure_side_is_served_at_the_next_secure_call() -> None:
    """TF-M, CONFIG_TFM_SCHEDULE_WHEN_NS_INTERRUPTED off: the signal is asserted, nobody is switched to."""
    bench: Any = start_bench((DRIVER, Driver), alarm("HIGH"))
    pulse(bench, 7)
    assert bench.programs["ALARM"].log == []
    assert bench.ns.psa_call(HANDLE, 5) == 0
    assert bench.programs["ALARM"].log == [SLOW]


# First-level handling.


def flih(result: int, then: Action) -> Action:
    """The handler quiets its device and answers ``result``; ``then`` follows with the line enabled."""

    def action(psa: Any, bench: Any) -> None:
        runs: list[int] = []

        def handler() -> int:
            runs.append(1)
            bench.interrupts.set_level(FAST_LINE, False)
            return result

        bench.programs["DRIVER"].flih = handler
        bench.programs["DRIVER"].runs = runs
        psa.psa_irq_enable(FAST)
        then(psa, bench)

    return action


def test_flih_runs_at_once_and_asserts_nothing_unless_it_says_so() -> None:
    def interrupt(psa: Any, bench: Any) -> None:
        bench.interrupts.set_level(FAST_LINE, True)
        assert bench.programs["DRIVER"].runs == [1]
        assert polled(psa) == 0
        assert bench.interrupts.is_enabled(FAST_LINE)

    serve(flih(PSA_FLIH_NO_SIGNAL, interrupt))


def test_flih_asserts_its_signal_until_psa_reset_signal_and_leaves_the_line_enabled() -> None:
    def interrupt(psa: Any, bench: Any) -> None:
        for _ in range(3):
            bench.interrupts.set_level(FAST_LINE, True)
            assert polled(psa) == FAST, "interrupts while the signal stands are one"
            assert bench.interrupts.is_enabled(FAST_LINE)
        assert bench.programs["DRIVER"].runs == [1, 1, 1]
        psa.psa_reset_signal(FAST)
        assert polled(psa) == 0

    serve(flih(PSA_FLIH_SIGNAL, interrupt))


@pytest.mark.parametrize("result", [2, -1, None])
def test_flih_answers_one_of_two_values(result: Any) -> None:
    interrupt = flih(result, lambda psa, bench: bench.interrupts.set_level(FAST_LINE, True))
    panics(interrupt, "fast_flih: a psa_flih_result_t")


CALLS_IN_A_HANDLER: dict[str, tuple[int, ...]] = {
    "psa_wait": (SERVICE, PSA_POLL),
    "psa_notify": (256,),
    "psa_irq_disable": (FAST,),
    "psa_reset_signal": (FAST,),
    "psa_call": (HANDLE, 0),
    "psa_framework_version": (),
    "psa_rot_lifecycle_state": (),
}


@pytest.mark.parametrize("call", CALLS_IN_A_HANDLER)
def test_flih_may_call_nothing(call: str) -> None:
    """TF-M: every secure API call from exception context panics."""

    def interrupt(psa: Any, bench: Any) -> None:
        def handler() -> int:
            getattr(psa, call)(*CALLS_IN_A_HANDLER[call])
            return PSA_FLIH_NO_SIGNAL

        bench.programs["DRIVER"].flih = handler
        psa.psa_irq_enable(FAST)
        pulse(bench, FAST_LINE)

    panics(interrupt, f"{call}: not in a first-level interrupt handler")


def test_flih_comes_to_its_end_before_a_more_urgent_partition_runs() -> None:
    """A load in the handler is no exit of the SPM, although the interrupt before has woken somebody."""
    log: list[str] = []

    class Urgent(Alarm):
        def main(self) -> None:
            psa: Any = self.psa
            psa.psa_irq_enable(SLOW)
            psa.psa_wait(SLOW, PSA_BLOCK)
            log.append("urgent")
            psa.psa_eoi(SLOW)
            super().main()

    bench: Any = start_bench((DRIVER, Driver), (alarm("HIGH")[0], Urgent))
    driver = bench.programs["DRIVER"]

    def handler() -> int:
        log.append("handler begins")
        driver.psa.cpu.load(SECURE_RAM, 4)
        log.append("handler ends")
        bench.interrupts.set_level(FAST_LINE, False)
        return PSA_FLIH_NO_SIGNAL

    def fire(msg: psa_msg_t) -> int:
        driver.psa.psa_irq_enable(FAST)
        pulse(bench, 7)
        bench.interrupts.set_level(FAST_LINE, True)
        log.append("driver goes on")
        return 0

    driver.flih = handler
    driver.answers[5] = fire
    assert bench.ns.psa_call(HANDLE, 5) == 0
    assert log == ["handler begins", "handler ends", "driver goes on", "urgent"]


# psa_irq_enable, psa_irq_disable.


def test_psa_irq_disable_tells_the_state_before() -> None:
    def toggle(psa: Any, bench: Any) -> None:
        assert psa.psa_irq_disable(SLOW) == 0
        psa.psa_irq_enable(SLOW)
        assert psa.psa_irq_disable(SLOW) == 1
        assert psa.psa_irq_disable(SLOW) == 0
        assert not bench.interrupts.is_enabled(SLOW_LINE)

    serve(toggle)


def test_psa_irq_disable_leaves_an_asserted_signal() -> None:
    def disable(psa: Any, bench: Any) -> None:
        psa.psa_irq_enable(SLOW)
        pulse(bench, SLOW_LINE)
        psa.psa_irq_disable(SLOW)
        assert polled(psa) == SLOW

    serve(disable)


def test_psa_irq_disable_keeps_a_later_interrupt_back() -> None:
    def disable(psa: Any, bench: Any) -> None:
        psa.psa_irq_enable(SLOW)
        psa.psa_irq_disable(SLOW)
        pulse(bench, SLOW_LINE)
        assert polled(psa) == 0

    serve(disable)


# What is refused.


def assert_both(psa: Any, bench: Any) -> None:
    """Both interrupt signals stand, and the doorbell."""

    def quiet() -> int:
        bench.interrupts.set_level(FAST_LINE, False)
        return PSA_FLIH_SIGNAL

    bench.programs["DRIVER"].flih = quiet
    psa.psa_irq_enable(SLOW)
    psa.psa_irq_enable(FAST)
    bench.interrupts.set_level(SLOW_LINE, True)
    bench.interrupts.set_level(FAST_LINE, True)
    psa.psa_notify(256)
    assert psa.psa_wait(PSA_WAIT_ANY, PSA_POLL) == SLOW | FAST | PSA_DOORBELL


ONE, OWN = "exactly one signal", "the signal of an own interrupt"


@pytest.mark.parametrize("call", ["psa_irq_enable", "psa_irq_disable", "psa_eoi", "psa_reset_signal"])
@pytest.mark.parametrize(
    ("signal", "rule"),
    [
        (0, ONE),
        (SLOW | FAST, ONE),
        (SLOW | SERVICE, ONE),
        (SERVICE, OWN),
        (PSA_DOORBELL, OWN),
        (FOREIGN, OWN),
    ],
)
def test_row_exactly_one_signal_and_of_an_own_interrupt(call: str, signal: int, rule: str) -> None:
    def use(psa: Any, bench: Any) -> None:
        assert_both(psa, bench)
        getattr(psa, call)(signal)

    panics(use, f"{call}: {rule}")


@pytest.mark.parametrize(("call", "signal"), [("psa_eoi", FAST), ("psa_reset_signal", SLOW)])
@pytest.mark.parametrize("is_asserted", [True, False])
def test_row_the_other_handling_comes_before_not_asserted(call: str, signal: int, is_asserted: bool) -> None:
    def use(psa: Any, bench: Any) -> None:
        if is_asserted:
            assert_both(psa, bench)
        getattr(psa, call)(signal)

    panics(use, f"{call}: an interrupt handled ")


@pytest.mark.parametrize(("call", "signal"), [("psa_eoi", SLOW), ("psa_reset_signal", FAST)])
def test_row_not_asserted(call: str, signal: int) -> None:
    panics(lambda psa, bench: getattr(psa, call)(signal), f"{call}: a signal that is asserted")


@pytest.mark.parametrize("signal", [SLOW, FAST])
def test_psa_get_of_an_asserted_interrupt_panics(signal: int) -> None:
    def use(psa: Any, bench: Any) -> None:
        assert_both(psa, bench)
        psa.psa_get(signal, psa_msg_t())

    panics(use, "psa_get: the signal of an RoT Service")


def test_psa_wait_for_a_bit_that_is_no_interrupt_of_its_own_panics() -> None:
    panics(lambda psa, bench: psa.psa_wait(FOREIGN, PSA_POLL), "psa_wait: a signal that is assigned")
