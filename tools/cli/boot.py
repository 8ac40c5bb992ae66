"""`tfm-sim boot`: BL2 alone, decision by decision."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from ...bootloader.events import BootDecision, SharedDataAdded
from ...bootloader.loader import BootRefused
from ...device import Device
from ...interface.errors import ExitCode
from ...interface.trace import Event
from ...platform.power import Cut, Operation, PowerCut
from ..boot_status_report import Reading, boot_status, boot_status_lines
from ..console import STYLES, story
from ..device_report import booted_images, booted_lines, counter_lines, counters, slot_lines, slots
from .device_options import DeviceCommand, DeviceOptions, device_options, make_device, tell_uncut
from .output import hex_dump, print_lines

Failure = BootRefused | PowerCut
HELP = "Enter: next decision; s slots, c counters, m shared memory, t boot status, g go on, q quit"


class Stepper:
    """Tells BL2's story; with ``step`` it stops at each decision, to look around, while a person is there."""

    def __init__(self, *, step: bool, quiet: bool, operations: bool) -> None:
        self.device: Device | None = None
        self.decisions: list[dict[str, Any]] = []
        self.operations: list[str] = []
        self.cuts: list[str] = []
        self._tells_operations = operations
        self._step = step
        self._asks = step and sys.stdin is not None and sys.stdin.isatty()
        self._quiet = quiet
        self._told_help = False

    def __call__(self, event: Event) -> None:
        if isinstance(event, BootDecision):
            self.decisions.append({"image": event.image, "rule": event.rule, "text": event.text})
        if self._quiet:
            return
        print_lines(story(event, decisions=True), STYLES)
        if isinstance(event, BootDecision) and self._step and self.device is not None:
            if isinstance(event, SharedDataAdded):
                print_lines(f"      {line}" for line in self.memory_lines())
            if self._asks:
                if not self._told_help:
                    print_lines([f"      {HELP}"])
                    self._told_help = True
                self._look_around()

    def operation(self, operation: Operation) -> None:
        """A write or erase of lasting memory, with the flash area that it is in."""
        assert self.device is not None
        text = str(operation)
        for area in self.device.hardware.areas.values():
            offset = operation.offset - area.offset
            if area.flash.name == operation.memory and 0 <= offset < area.size:
                text += f" ({area.name} + {offset:#x})"
        self.operations.append(text)
        if self._tells_operations:
            self.tell(f"    # {text}")

    def tell(self, *lines: str) -> None:
        if not self._quiet:
            print_lines(lines, STYLES)

    def _look_around(self) -> None:
        while True:
            answer = click.prompt("step", default="", show_default=False, prompt_suffix="> ").strip().lower()
            match answer:
                case "":
                    return
                case "g":
                    self._asks = False
                    return
                case "q":
                    raise click.Abort
                case _:
                    print_lines(f"      {line}" for line in self._view(answer))

    def _view(self, what: str) -> Iterator[str]:
        assert self.device is not None
        match what:
            case "s":
                yield from slot_lines(self.device.hardware, self.device.build.bl2)
            case "c":
                yield from counter_lines(self.device.hardware)
            case "m":
                yield from self.memory_lines()
            case "t":
                yield from boot_status_lines(self.device.shared_data(), Reading.of(self.device.build.bl2))
            case _:
                yield HELP

    def memory_lines(self) -> Iterator[str]:
        """The written part of the shared data area in hex."""
        assert self.device is not None
        area = self.device.shared_data()
        used = max(int.from_bytes(area[2:4], "little"), 4)
        yield from hex_dump(area[:used], self.device.hardware.board.shared_data.base)


@click.command(cls=DeviceCommand)
@click.option("--step", is_flag=True, help="Stop at each decision and show what it was about.")
@click.option("--operations", is_flag=True, help="Show each write and erase with its number.")
@click.option("--again", is_flag=True, help="After a --cut, power on again and show how the boot goes on.")
@click.option("--json", "as_json", is_flag=True, help="Print decisions, slots and boot status as JSON.")
@device_options
def boot(options: DeviceOptions, step: bool, operations: bool, again: bool, as_json: bool) -> None:
    """Run the boot loaders and show how they decide: slots, TLVs, counters, shared memory.

    Exit 0 if BL2 boots, 1 if it refuses, with the check, what was found and what was wanted; 1 too where
    --cut took power away. On a terminal --step asks at each decision: Enter goes on, h tells the other keys,
    q quits with exit 4.
    """
    stepper = Stepper(step=step, quiet=as_json, operations=operations)
    device = make_device(options, [stepper])
    stepper.device = device
    device.hardware.power.on_operation = stepper.operation
    before = slots(device.hardware, device.build.bl2)
    try:
        stepper.tell("== before", *_state_lines(device))
        failure = _boot(device, stepper, options.cuts[1:], again=again)
        if as_json:
            _print_json(device, stepper, before, failure)
        else:
            _print_end(device, failure)
        if not stepper.cuts:
            tell_uncut(options, device)
    finally:
        device.power_off()
    if failure is not None:
        if not as_json:
            raise failure
        sys.exit(int(ExitCode.NO))


def _boot(device: Device, stepper: Stepper, cuts: Sequence[Cut], *, again: bool) -> Failure | None:
    """Boot, with ``again`` once more after each power cut, the next one of ``cuts`` armed; what ended it."""
    left = list(cuts)
    while True:
        try:
            device.run_boot_loaders()
        except BootRefused as error:
            return error
        except PowerCut as error:
            stepper.cuts.append(str(error))
            if not again:
                return error
            stepper.tell(f"== {error}", *_state_lines(device), "== power on again")
            device.hardware.power.cut_at(left.pop(0) if left else None)
            device.hardware.clear()
        else:
            return None


def _state_lines(device: Device) -> Iterator[str]:
    for line in (*slot_lines(device.hardware, device.build.bl2), *counter_lines(device.hardware)):
        yield f"  {line}"


def _print_end(device: Device, failure: Failure | None) -> None:
    lines = ["== after", *_state_lines(device)]
    if failure is None:
        told = boot_status_lines(device.shared_data(), Reading.of(device.build.bl2))
        lines += [f"  {line}" for line in (*booted_lines(device), *told)]
    print_lines(lines, STYLES)


def _print_json(
    device: Device, stepper: Stepper, before: list[dict[str, Any]], failure: Failure | None
) -> None:
    report = {
        "booted": failure is None,
        "warning": device.hardware.dummy_notice,
        "refusals": [str(r) for r in failure.refusals] if isinstance(failure, BootRefused) else [],
        "power_cuts": stepper.cuts,
        "operations": stepper.operations,
        "decisions": stepper.decisions,
        "images": booted_images(device) if failure is None else [],
        "slots_before": before,
        "slots": slots(device.hardware, device.build.bl2),
        "counters": counters(device.hardware),
        "boot_status": boot_status(device.shared_data(), Reading.of(device.build.bl2)),
    }
    click.echo(json.dumps(report, indent=2))
