"""`tfm-sim boot`: BL2 alone, decision by decision."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from ...bootloader.events import BootDecision, SharedDataAdded
from ...bootloader.loader import BootRefused
from ...device import Device
from ...interface.errors import ExitCode
from ...interface.trace import Event
from ..console import STYLES, story
from ..device_report import boot_status, boot_status_lines, counter_lines, counters, slot_lines, slots
from .device_options import DeviceOptions, device_options, make_device
from .output import hex_dump, print_lines

HELP = "Enter: next decision; s slots, c counters, m shared memory, t boot status, g go on, q quit"


class Stepper:
    """Tells BL2's story; with ``step`` it stops at each decision, to look around, while a person is there."""

    def __init__(self, *, step: bool, quiet: bool) -> None:
        self.device: Device | None = None
        self.decisions: list[dict[str, Any]] = []
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
                yield from slot_lines(self.device)
            case "c":
                yield from counter_lines(self.device)
            case "m":
                yield from self.memory_lines()
            case "t":
                yield from boot_status_lines(self.device.shared_data())
            case _:
                yield HELP

    def memory_lines(self) -> Iterator[str]:
        """The written part of the shared data area in hex."""
        assert self.device is not None
        area = self.device.shared_data()
        used = max(int.from_bytes(area[2:4], "little"), 4)
        yield from hex_dump(area[:used], self.device.hardware.board.shared_data.base)


@click.command()
@click.option("--step", is_flag=True, help="Stop at each decision and show what it was about.")
@click.option("--json", "as_json", is_flag=True, help="Print decisions, slots and boot status as JSON.")
@device_options
def boot(options: DeviceOptions, step: bool, as_json: bool) -> None:
    """Run BL2 and show how it decides: slots, TLVs, counters, shared memory.

    Exit 0 if BL2 boots, 1 if it refuses, with the check, what was found and what was wanted. On a terminal
    --step asks at each decision: Enter goes on, h tells the other keys, q quits with exit 4.
    """
    stepper = Stepper(step=step, quiet=as_json)
    device = make_device(options, [stepper])
    stepper.device = device
    refusal: BootRefused | None = None
    before = slots(device)
    try:
        if not as_json:
            print_lines(
                ["== before", *(f"  {line}" for line in (*slot_lines(device), *counter_lines(device)))],
                STYLES,
            )
        try:
            device.run_bl2()
        except BootRefused as error:
            refusal = error
        if as_json:
            _print_json(device, stepper, before, refusal)
        else:
            _print_end(device, refusal)
    finally:
        device.power_off()
    if refusal is not None:
        if not as_json:
            raise refusal
        sys.exit(int(ExitCode.NO))


def _print_end(device: Device, refusal: BootRefused | None) -> None:
    lines = ["== after", *(f"  {line}" for line in (*slot_lines(device), *counter_lines(device)))]
    if refusal is None:
        lines += [f"  {line}" for line in boot_status_lines(device.shared_data())]
    print_lines(lines, STYLES)


def _print_json(
    device: Device, stepper: Stepper, before: list[dict[str, Any]], refusal: BootRefused | None
) -> None:
    report = {
        "booted": refusal is None,
        "warning": device.hardware.dummy_notice,
        "refusals": [str(r) for r in refusal.refusals] if refusal else [],
        "decisions": stepper.decisions,
        "slots_before": before,
        "slots": slots(device),
        "counters": counters(device),
        "boot_status": boot_status(device.shared_data()),
    }
    click.echo(json.dumps(report, indent=2))
