"""The manager of a factory: many devices at once, each in a thread of its own, none in another's way."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from typing import Any, Final

from ....interface.matter.provisioning_link import ProvisioningMode, ProvisioningStatus
from .provisioning_script import Certify, ProvisioningScript, ScriptResult
from .unit import FactoryRun, Unit, UnitLine, UnitReport, UnitStep

AT_ONCE: Final = 16
"""How many devices stand on the bench at the same time."""
Progress = Callable[[Unit, UnitStep], None]


def provision_all(
    run: FactoryRun,
    units: Sequence[Unit],
    *,
    at_once: int = AT_ONCE,
    progress: Progress = lambda unit, step: None,
    say: Callable[[str], None] = lambda line: None,
    on_report: Callable[[UnitReport], None] = lambda report: None,
) -> list[UnitReport]:
    """Take all devices through a run; their reports in the devices' order.

    A device that fails is a report like any other. Ctrl+C interrupts those that are under way and starts no
    further one; their reports say so. ``progress``, ``say`` and ``on_report`` are called by one thread at a
    time. What is no fault of a device but an error of a program comes out, after the others have ended.
    """
    cancelled, lock = Event(), Lock()

    def one(unit: Unit) -> UnitReport:
        def tell(step: UnitStep) -> None:
            with lock:
                progress(unit, step)

        def say_one(line: str) -> None:
            with lock:
                say(line)

        if cancelled.is_set():
            return interrupted(unit)
        report = UnitLine(run, unit, tell, say_one, cancelled.is_set).run()
        with lock:
            on_report(report)
        return report

    futures: list[Future[UnitReport]] = []
    with ThreadPoolExecutor(max_workers=max(1, min(at_once, len(units)))) as pool:
        try:
            for unit in units:
                futures.append(pool.submit(one, unit))
            _wait(futures)
        except KeyboardInterrupt:
            cancelled.set()
    never = [interrupted(unit) for unit in units[len(futures) :]]
    return [future.result() for future in futures] + never


def provision_ports(
    ports: Sequence[str],
    certify: Certify | None,
    *,
    mode: ProvisioningMode | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[tuple[str, ScriptResult]]:
    """Run the provisioning script at each port, all at once and by the wall clock.

    Ctrl+C interrupts all of them; their results say so.
    """
    cancelled, lock = Event(), Lock()

    def one(port: str) -> ScriptResult:
        def say_one(line: str) -> None:
            with lock:
                say(line)

        script = ProvisioningScript(
            port, certify, f"{port}> ", say=say_one, cancelled=cancelled.is_set, mode=mode
        )
        return script.run()

    with ThreadPoolExecutor(max_workers=len(ports)) as pool:
        futures = [pool.submit(one, port) for port in ports]
        try:
            _wait(futures)
        except KeyboardInterrupt:
            cancelled.set()
    return [(port, future.result()) for port, future in zip(ports, futures, strict=True)]


def interrupted(unit: Unit) -> UnitReport:
    """The report of a device whose turn never came."""
    status = ProvisioningStatus.INTERRUPTED
    return UnitReport(unit, UnitStep.FLASHING, status.message, status)


def _wait(futures: Sequence[Future[Any]]) -> None:
    for future in futures:
        future.exception()
