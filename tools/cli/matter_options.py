"""What `matter commission` and `demo matter` share: which platform, and how a verdict is printed."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import click

from ..matter.commissioner.commission import Commissioning
from ..matter.commissioner.csr import CsrVerdict
from ..matter.commissioner.results import Verdict
from ..matter.device_machine import MatterPlatform, PlatformError, matter_platform

Command = TypeVar("Command", bound=Callable[..., Any])
PLATFORMS: Final = ("wba", "u5", "wb55")
_LEVELS: Final = {"wba": 2, "u5": 1, "wb55": 0}

_OPTIONS = (
    click.option(
        "--platform", type=click.Choice(PLATFORMS), default="wba", show_default=True, help="Which STM32."
    ),
    click.option(
        "--security",
        type=click.IntRange(0, 2),
        default=None,
        help="0 no boot loader, 1 OEMiROT, 2 OEMiROT and TF-M; by default the highest of the platform.",
    ),
    click.option(
        "--mode",
        type=click.Choice(["test", "production"]),
        default=None,
        help="STM32WB55: the DAC private key in flash or in CKS (production, the default).",
    ),
)


def platform_options(command: Command) -> Command:
    """--platform, --security and --mode."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_platform(platform: str, security: int | None, mode: str | None) -> MatterPlatform:
    """Raises click.UsageError for what ST does not have."""
    if mode is not None and platform != "wb55":
        raise click.UsageError(f"--mode with --platform {platform}; legal: with wb55")
    level = _LEVELS[platform] if security is None else security
    try:
        return matter_platform(platform, level, mode or "production")
    except PlatformError as error:
        raise click.UsageError(str(error)) from None


def platform_of_board(board: str) -> tuple[str, int] | None:
    """The --platform and --security of a board; None for one that is not ST's for Matter."""
    for platform, highest in _LEVELS.items():
        for level in range(highest + 1):
            try:
                if matter_platform(platform, level).board == board:
                    return platform, level
            except PlatformError:
                continue
    return None


def verdict_line(verdict: Verdict | CsrVerdict) -> str:
    """The result as the SDK names it, and how many rules held."""
    name = (
        f"{verdict.result.sdk_name} ({int(verdict.result)})"
        if isinstance(verdict, Verdict)
        else verdict.result
    )
    if verdict.ok:
        return f"ACCEPTED {name}: all {len(verdict.passed)} rules hold"
    return f"REFUSED {name}: rule {len(verdict.passed) + 1}, {verdict.rule}"


def outcome_lines(outcome: Commissioning) -> Iterator[str]:
    """How a commissioning went, for a reader."""
    if outcome.device is not None:
        yield f"device      VID 0x{outcome.device.vendor_id:04X}, PID 0x{outcome.device.product_id:04X}"
    for name, verdict in (("attestation", outcome.attestation), ("CSR", outcome.csr)):
        if verdict is not None:
            yield f"{name:<12}{verdict_line(verdict)}"
            if not verdict.ok:
                yield f"  because {verdict.reason}"
    if outcome.failed:
        yield f"REFUSED     {outcome.failed}"
