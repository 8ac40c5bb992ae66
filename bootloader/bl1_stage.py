"""What both halves of BL1 share: the platform as they see it, refusals, provisioning, the error state."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..interface.mcuboot.image import ImageError
from ..interface.trace import Trace
from ..platform.board import Bl1Memory
from ..platform.flash import FlashArea
from ..platform.kmu import Kmu
from ..platform.memory import Memory
from ..platform.nv_counters import NvCounters
from ..platform.otp import Otp, OtpError, OtpField
from ..platform.plat_err import PlatError
from ..platform.provisioning import NOT_SECURE_NOTICE
from ..platform.provisioning_stages import BundleError, BundleSource, Provisioned, is_required
from .bl1_config import Bl1Config
from .bl1_events import Bl2Refused, ProvisioningDone, RecoveryTried
from .loader import BootRefused
from .ports import PRIMARY, SECONDARY
from .validate import Refusal

RECOVERY_LIMIT: Final = 16
"""TF-M tries again for as long as the recovery hook says so; a model must come to an end."""
DUMMY_GUK_PREFIX: Final = bytes(range(8))
IMAGES: Final = (PRIMARY, SECONDARY)


@dataclass(frozen=True, slots=True)
class Bl1Ports:
    """All that BL1 touches of a device.

    ``bl2_images`` are the flash areas by image id: 0 the primary one, 1 the other. ``bundles`` are those that
    a factory left, None on a board without a place for them. ``kmu`` takes the keys that an RSE derives.
    """

    otp: Otp
    nv_counters: NvCounters
    memory: Memory
    shared_data: tuple[int, int]
    layout: Bl1Memory
    bl2_images: tuple[FlashArea, FlashArea]
    bundles: BundleSource | None = None
    kmu: Kmu = field(default_factory=Kmu)

    def read_otp(self, field: OtpField, length: int | None = None) -> bytes | None:
        """A field of the OTP, None where the board has no such field."""
        try:
            return self.otp.read(field, length)
        except OtpError:
            return None


@dataclass(frozen=True, slots=True)
class StageRefusal(Refusal):
    """What BL1, or provisioning in a later stage, refused: ``what`` at ``where``."""

    stage: str
    what: str
    where: str

    def __str__(self) -> str:
        what = f"{self.stage} refused {self.what} {self.where}"
        return f"{what}\n  {self.check}: found {self.found}; {self.wanted}"


def stage_refusal(
    stage: str, what: str, where: str, error: ImageError, *, image: int = 0, slot: str = "", address: int = 0
) -> StageRefusal:
    """The refusal that an error means."""
    return StageRefusal(
        image, "", slot, address, error.rule, error.check, error.found, error.wanted, stage, what, where
    )


class Stage:
    """One half of BL1 while it runs. ``name`` is what its console lines begin with."""

    name = "BL1"

    def __init__(self, ports: Bl1Ports, config: Bl1Config, trace: Trace) -> None:
        self.ports = ports
        self.config = config
        self.trace = trace
        self.refusals: list[Refusal] = []

    def log(self, text: str) -> None:
        self.trace.log(self.name, text)

    def refuse(self, refusal: StageRefusal, image: int | None) -> None:
        """Note a refusal that does not yet stop the boot."""
        self.refusals.append(refusal)
        if self.trace.listeners:
            self.trace.emit(Bl2Refused(image, refusal.rule, str(refusal)))

    def recover(self, attempt: int) -> None:
        """Ask the platform for help (TF-M boot_initiate_recovery_mode); raises BootRefused without any."""
        hook = self.config.recovery
        recovered = hook is not None and attempt < RECOVERY_LIMIT and bool(hook(0))
        if self.trace.listeners:
            text = f"{self.name}: recovery: " + (
                "the platform repaired something; try again"
                if recovered
                else "nothing was done, so it failed"
            )
            self.trace.emit(RecoveryTried(None, "boot_initiate_recovery_mode", text, recovered))
        if not recovered:
            self.log("[ERR] Fatal boot error")
            raise BootRefused(self.refusals)


def provision(
    stage: str,
    otp: Otp,
    bundles: BundleSource | None,
    burn: Callable[[Otp, BundleSource], Provisioned],
    trace: Trace,
) -> None:
    """Provisioning in one boot stage, where the lifecycle asks for it and the board has a place for bundles.

    Raises BootRefused for a bundle that is missing or wrong: TF-M's stage ends in its error state.
    """
    if bundles is None or not is_required(otp):
        return
    rule = "tfm_plat_provisioning_perform"
    trace.log(stage, f"[INF] Beginning {stage} provisioning")
    try:
        report = burn(otp, bundles)
    except PlatError as error:
        trace.log(stage, f"[ERR] {stage} provisioning failed")
        found, wanted = (
            (error.found, error.wanted)
            if isinstance(error, BundleError)
            else (str(error), "a bundle that fits what is burnt")
        )
        check = f"provisioning data ({error.reason.name})"
        where = "in the provisioning area"
        refusal = stage_refusal(stage, "the bundle", where, ImageError(rule, check, found, wanted))
        if trace.listeners:
            trace.emit(Bl2Refused(None, rule, str(refusal)))
        raise BootRefused([refusal]) from error
    if trace.listeners:
        names = ", ".join(field.name for field in report.fields) or "nothing"
        text = f"{stage} provisioning: lifecycle {report.before:#x} -> {report.after:#x}; burnt: {names}"
        trace.emit(ProvisioningDone(None, rule, text, stage, report.before, report.after, report.fields))


def warn_of_dummy_guk(stage: Stage) -> None:
    """TF-M bl1_1 tfm_plat_provisioning_check_for_dummy_keys: by the GUK's first 8 bytes; only a warning."""
    if stage.ports.read_otp(OtpField.GUK, 8) == DUMMY_GUK_PREFIX:
        stage.log(f"[WRN] {NOT_SECURE_NOTICE}")
