"""`tfm-sim demo matter`: a device from the factory to its commissioner, and what imitates it."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import click

from ...interface.errors import ExitCode
from ...interface.matter.factory_data import FactoryDataTag
from ..matter.commissioner.results import Verdict
from ..matter.device_machine import DacKeyPlace
from ..matter.factory_floor import PASSCODE
from ..matter.matter_demo import Demonstration, RuleTrial, Trial, demonstrate
from .matter_options import chosen_platform, outcome_lines, platform_options
from .output import Styles, print_lines

STYLES: Final[Styles] = (
    (r"^== \w+.*", "bold"),
    (r"\bACCEPTED\b", "bold green"),
    (r"\bREFUSED\b", "bold red"),
    (r"NOT SECURE", "bold red"),
)
_PLACES: Final = {
    DacKeyPlace.FLASH: "in the factory data, in flash: NOT SECURE",
    DacKeyPlace.ITS: "in TF-M's internal trusted storage; the program has its id alone",
    DacKeyPlace.CKS: "in Customer Key Storage, behind the Cortex-M0+",
}


@click.command("matter")
@platform_options
@click.option(
    "--isolation",
    type=click.Choice(["1", "2", "3"]),
    default="1",
    show_default=True,
    help="TF-M's isolation level.",
)
@click.option("--all", "show_all", is_flag=True, help="Print each forgery, not their number by result.")
@click.option("--seed", type=int, default=0, show_default=True, help="Makes everything repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def matter(
    platform: str,
    security: int | None,
    mode: str | None,
    isolation: str,
    show_all: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Matter from the factory to commissioning.

    A device gets factory data, makes its DAC key, asks a PKI for its certificate, and is commissioned. Then
    come imitations of it, on the wire, in its flash and as other devices, and a forgery for each rule of the
    commissioner's. Exit 1 if any is judged otherwise than it deserves.
    """
    chosen = chosen_platform(platform, security, mode)
    if isolation != "1" and chosen.key_place is DacKeyPlace.FLASH:
        raise click.UsageError(
            f"--isolation {isolation} with the DAC private key in flash, where no TF-M is; legal: --platform "
            "wba at --security 2, or wb55 in --mode production"
        )
    shown = demonstrate(chosen, seed=seed, isolation_level=int(isolation))
    if as_json:
        click.echo(json.dumps(as_data(shown), indent=2))
    else:
        print_lines(lines(shown, show_all=show_all), STYLES)
    if not shown.ok:
        sys.exit(int(ExitCode.NO))


def lines(shown: Demonstration, *, show_all: bool = False) -> Iterator[str]:
    """The story for a reader."""
    yield f"== Factory: {shown.platform.board}, the provisioning firmware runs"
    yield from (f"warning: {notice}" for notice in shown.notices)
    for line in shown.serial_lines:
        text = line.decode("ascii", "replace")
        yield f"serial line     {text if len(text) < 60 else text[:57] + '...'}"
    for tag, value in shown.factory_data.values.items():
        if tag in (FactoryDataTag.DEVICE_ATTESTATION_CERTIFICATE, FactoryDataTag.PAI_CERTIFICATE):
            yield f"factory data    {tag.name}, {len(value)} bytes"
    yield f"DAC private key {_PLACES[shown.platform.key_place]}"
    yield f"== Commissioner: has the passcode {PASSCODE}, trusts one PAA and one signer of declarations"
    yield from outcome_lines(shown.genuine.outcome)
    if shown.genuine.outcome.attestation is not None:
        for number, rule in enumerate(shown.genuine.outcome.attestation.passed, 1):
            yield f"  {number:2}  {rule}"
    yield "== Imitations: of this device, or by another one"
    for trial in shown.imitations:
        yield f"{trial.name}: {trial.text}"
        yield f"  {_head(trial.outcome.ok, trial.as_wanted)}  {_why(trial)}"
    yield f"== Forgeries: {len(shown.forgeries)}, each breaks one rule and keeps all others"
    yield from _each(shown) if show_all else _counted(shown)


def _head(accepted: bool, as_wanted: bool) -> str:
    return ("ACCEPTED" if accepted else "REFUSED") + ("" if as_wanted else ", AND SHOULD NOT BE")


def _why(trial: Trial) -> str:
    if trial.warning:
        return trial.warning
    verdict = trial.outcome.attestation
    name = f"{verdict.result.sdk_name}: " if verdict is not None and not verdict.ok else ""
    return f"{name}{trial.outcome.reason}"


def _name(trial: RuleTrial) -> str:
    verdict = trial.verdict
    return verdict.result.sdk_name if isinstance(verdict, Verdict) else str(verdict.result)


def _counted(shown: Demonstration) -> Iterator[str]:
    counts = Counter(_name(trial) for trial in shown.forgeries)
    yield from (f"{count:4} REFUSED  {name}" for name, count in counts.items())
    for trial in shown.forgeries:
        if not trial.as_wanted:
            yield f"{trial.name}: {_head(trial.verdict.ok, False)}  {trial.verdict.reason}"


def _each(shown: Demonstration) -> Iterator[str]:
    for trial in shown.forgeries:
        yield f"{trial.name}: {trial.text}"
        yield f"  {_head(trial.verdict.ok, trial.as_wanted)}  {_name(trial)}: {trial.verdict.reason}"


def as_data(shown: Demonstration) -> dict[str, Any]:
    """The same as data; an outcome is what `tfm-sim matter commission --json` prints."""
    return {
        "ok": shown.ok,
        "board": shown.platform.board,
        "key_place": shown.platform.key_place.value,
        "warnings": list(shown.notices),
        "serial_line": [line.decode("ascii", "replace") for line in shown.serial_lines],
        "factory_data": {tag.name: value.hex() for tag, value in shown.factory_data.values.items()},
        "genuine": shown.genuine.outcome.as_json(),
        "imitations": [
            {
                "name": trial.name,
                "text": trial.text,
                "wanted": "accepted" if trial.wanted else "refused",
                "outcome": trial.outcome.as_json(),
            }
            for trial in shown.imitations
        ],
        "forgeries": [
            {
                "name": trial.name,
                "text": trial.text,
                "as_wanted": trial.as_wanted,
                "verdict": trial.verdict.as_json(),
            }
            for trial in shown.forgeries
        ],
    }
