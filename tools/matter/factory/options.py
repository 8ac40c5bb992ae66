"""The options of ST's genFactoryData.py, their rules, and the plan that they come to.

The options are those of ST's provisioning guide, which has more of them than the script that ST published.
Where the guide contradicts itself the rule here goes by security level and platform, and says so.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ....interface.errors import ExitCode, TfmSimError
from .plan import FactoryPlan, Step, StepKind, Target


class FactoryOptionsError(TfmSimError):
    """Options that contradict each other, or one that is missing."""

    exit_code = ExitCode.USAGE


class Platform(Enum):
    """--platform: which of ST's script pairs, regression and provisioning, the secure levels run."""

    WBA = "wba"
    U5 = "u5"


class Mode(Enum):
    """--mode: where the provisioning firmware of an STM32WB55 puts the DAC private key."""

    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class FactoryOptions:
    """One value an option; files by their names, addresses as numbers, None where it is not given."""

    provisioning: int
    flash_addr: int
    json: str | None = None
    binary: str | None = None
    provisioning_script: str | None = None
    programmer_path: str | None = None
    external_loader: str | None = None
    flash_co_fw: str | None = None
    flash_provisioning_fw: str | None = None
    flash_app_fw: str | None = None
    co_fw_addr: int | None = None
    app_fw_addr: int | None = None
    mode: Mode | None = None
    security: int | None = None
    platform: Platform | None = None
    flash_magic_trailer: str | None = None
    flash_magic_trailer_addr: int | None = None


NAMES: Final = {
    "json": "--json",
    "binary": "--binary",
    "provisioning_script": "--provisioning_script",
    "flash_co_fw": "--flashCoFW",
    "flash_provisioning_fw": "--flashProvisioningFW",
    "flash_app_fw": "--flashAppFW",
    "co_fw_addr": "--CoFwAddr",
    "app_fw_addr": "--AppFwAddr",
    "mode": "--mode",
    "security": "--security",
    "platform": "--platform",
    "flash_magic_trailer": "--flashMagicTrailer",
    "flash_magic_trailer_addr": "--flashMagicTrailerAddr",
}
"""The options that a rule is about, by their fields."""
_SCRIPT_AND_APP: Final = ("provisioning_script", "flash_app_fw", "app_fw_addr")
_MAGIC: Final = ("flash_magic_trailer", "flash_magic_trailer_addr")
_COPROCESSOR: Final = ("flash_co_fw", "co_fw_addr")
_NEEDS: Final = {
    Target.RECONFIGURE: (),
    Target.STM32WB55: (*_SCRIPT_AND_APP, "flash_provisioning_fw", *_COPROCESSOR, "mode"),
    Target.LEVEL_0: (*_SCRIPT_AND_APP, "flash_provisioning_fw"),
    Target.LEVEL_1_WBA: (*_SCRIPT_AND_APP, *_MAGIC),
    Target.LEVEL_1_U5: (*_SCRIPT_AND_APP, *_MAGIC),
    Target.LEVEL_2: (*_SCRIPT_AND_APP, *_MAGIC),
}
"""STM32 genFactoryData: what each kind of run cannot do without.

The guide calls --flashProvisioningFW required whenever --provisioning is 1; its own examples of levels 1 and
2 leave it out, for provisioning.sh programs that firmware. So it may be left out there.
"""
_REFUSES: Final = {
    Target.RECONFIGURE: ("mode", "security", "platform", *_MAGIC),
    Target.STM32WB55: ("platform", *_MAGIC),
    Target.LEVEL_0: ("mode", *_COPROCESSOR, *_MAGIC),
    Target.LEVEL_1_WBA: ("mode", *_COPROCESSOR),
    Target.LEVEL_1_U5: ("mode", *_COPROCESSOR),
    Target.LEVEL_2: ("mode", *_COPROCESSOR),
}
"""STM32 genFactoryData: what has no meaning in each kind of run, and so is a mistake."""
ADDRESS_SPACE: Final = 1 << 32


def plan_of(options: FactoryOptions) -> FactoryPlan:
    """The steps that the options ask for, in their order. Raises FactoryOptionsError."""
    _check_input(options)
    target = target_of(options)
    _check_needs(options, target)
    _check_pairs(options)
    _check_addresses(options)
    return FactoryPlan(target, tuple(_steps(options, target)))


def target_of(options: FactoryOptions) -> Target:
    """Which kind of run the options mean. Raises FactoryOptionsError where they mean none."""
    if options.provisioning not in (0, 1):
        raise FactoryOptionsError(f"--provisioning: found {options.provisioning}; legal: 0 or 1")
    if options.provisioning == 0:
        return Target.RECONFIGURE
    security, platform = options.security, options.platform
    if security is None:
        # STM32 genFactoryData: only the examples of STM32WB55 go without --security.
        return Target.STM32WB55
    if security not in (0, 1, 2):
        raise FactoryOptionsError(f"--security: found {security}; legal: 0, 1 or 2")
    if security == 0:
        if platform is Platform.U5:
            raise FactoryOptionsError("--security 0 --platform u5; legal for u5: --security 1")
        return Target.LEVEL_0
    if platform is None:
        raise FactoryOptionsError(f"--security {security} without --platform; legal: --platform wba or u5")
    if platform is Platform.U5:
        if security == 2:
            raise FactoryOptionsError("--security 2 --platform u5, without TF-M; legal for u5: --security 1")
        return Target.LEVEL_1_U5
    return Target.LEVEL_1_WBA if security == 1 else Target.LEVEL_2


def _check_input(options: FactoryOptions) -> None:
    if (options.json is None) == (options.binary is None):
        found = "both --json and --binary" if options.json is not None else "neither --json nor --binary"
        raise FactoryOptionsError(f"{found}; legal: exactly one of them")


def _check_needs(options: FactoryOptions, target: Target) -> None:
    missing = [NAMES[field] for field in _NEEDS[target] if getattr(options, field) is None]
    if missing:
        raise FactoryOptionsError(f"{target.value} without {', '.join(missing)}; legal: with them")
    useless = [NAMES[field] for field in _REFUSES[target] if getattr(options, field) is not None]
    if useless:
        raise FactoryOptionsError(f"{target.value} with {', '.join(useless)}; legal: without")


def _check_pairs(options: FactoryOptions) -> None:
    """A firmware file has an address, and an address a file."""
    application = options.flash_app_fw is not None or options.flash_provisioning_fw is not None
    for files, given, address, value in (
        ("--flashCoFW", options.flash_co_fw is not None, "--CoFwAddr", options.co_fw_addr),
        ("--flashAppFW or --flashProvisioningFW", application, "--AppFwAddr", options.app_fw_addr),
    ):
        if given and value is None:
            raise FactoryOptionsError(f"{files} without {address}; legal: with it")
        if value is not None and not given:
            raise FactoryOptionsError(f"{address} without {files}; legal: with it")


def _check_addresses(options: FactoryOptions) -> None:
    for name, value in (
        ("--flashAddr", options.flash_addr),
        ("--CoFwAddr", options.co_fw_addr),
        ("--AppFwAddr", options.app_fw_addr),
        ("--flashMagicTrailerAddr", options.flash_magic_trailer_addr),
    ):
        if value is not None and not 0 <= value < ADDRESS_SPACE:
            # The guide's example of level 1 has 0x700060000, which is 0x70006000 with a zero too many.
            raise FactoryOptionsError(f"{name}: found {value:#x}; legal: an address of 32 bits")


def _steps(options: FactoryOptions, target: Target) -> list[Step]:
    """STM32 genFactoryData: coprocessor, provisioning firmware, factory data, script, application, trailer.

    The guide writes factory data ahead of the regression script, which then erases it; here it comes after.
    """
    steps: list[Step] = []

    def add(kind: StepKind, file: str | None = None, address: int | None = None) -> None:
        steps.append(Step(kind, file, address))

    if target.is_secure:
        add(StepKind.REGRESSION)
        add(StepKind.PROVISIONING_SCRIPTS, options.flash_provisioning_fw)
    if options.flash_co_fw is not None:
        add(StepKind.COPROCESSOR_FIRMWARE, options.flash_co_fw, options.co_fw_addr)
    if options.flash_provisioning_fw is not None and not target.is_secure:
        add(StepKind.PROVISIONING_FIRMWARE, options.flash_provisioning_fw, options.app_fw_addr)
    add(StepKind.FACTORY_DATA, options.json or options.binary, options.flash_addr)
    if target is not Target.RECONFIGURE:
        add(StepKind.PROVISIONING, options.provisioning_script)
    if options.flash_app_fw is not None:
        add(StepKind.APPLICATION_FIRMWARE, options.flash_app_fw, options.app_fw_addr)
    if options.flash_magic_trailer is not None:
        add(StepKind.MAGIC_TRAILER, options.flash_magic_trailer, options.flash_magic_trailer_addr)
    return steps
