"""One device's way through the factory: flashed, provisioned over its serial line, made operational."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Final

from ....device import Device
from ....interface.errors import TfmSimError
from ....interface.matter.factory_data import FactoryData, FactoryDataTag
from ....interface.matter.provisioning_link import ProvisioningMode, ProvisioningStatus
from ....interface.mcuboot.image import IMAGE_HEADER_SIZE, IMAGE_MAGIC, ImageHeader
from ....interface.mcuboot.trailer import boot_img_magic
from ....interface.psa.status import PsaError
from ...demo_firmware import IMAGES
from ...line_ends import HostEnd, run_both_ends
from ...line_time import Idle, LineTime
from ...serial_line import SerialLine
from ..device_machine import DacKeyPlace, DeviceMachine, MatterPlatform
from ..firmware.dac_key_pair import verify
from ..firmware.dac_key_store import DacKeyError
from ..firmware.factory_flash import FactoryFlash, FactoryItem
from ..firmware.provisioning import DevelopmentCredentials
from .line_machine import run_provisioning_firmware
from .plan import FactoryPlan, Step, StepKind
from .provisioning_script import Certify, ProvisioningScript, ScriptResult, ScriptStep
from .steps import carry_out

PROVISIONING_FIRMWARE: Final = "STM_Provisioning.bin"
APPLICATION_FIRMWARE: Final = "Lighting-App.bin"
COPROCESSOR_FIRMWARE: Final = "Coprocessor.bin"
MAGIC_TRAILER: Final = "MagicTrailerValue.bin"
_CHECK_MESSAGE: Final = b"tfm-sim factory"


def packaged_files(image_count: int) -> Mapping[str, bytes]:
    """The files of a factory by ST's names: the demo firmware 1.0.0 provisions, 1.1.0 is the application.

    NOT SECURE: signed with MCUboot's public development keys. The board's last image is the application's.
    """
    whose = "non_secure" if image_count > 1 else "secure"
    return {
        PROVISIONING_FIRMWARE: (IMAGES / f"{whose}_1.0.0.bin").read_bytes(),
        APPLICATION_FIRMWARE: (IMAGES / f"{whose}_1.1.0.bin").read_bytes(),
        COPROCESSOR_FIRMWARE: (IMAGES / "secure_1.0.0.bin").read_bytes(),
        MAGIC_TRAILER: boot_img_magic(),
    }


class Fault(Enum):
    """What can be wrong with a device or its place in the factory."""

    DEAD = "dead"
    UNPLUGGED = "unplugged"
    POWER_CUT = "power-cut"
    NO_DATA = "no-data"
    BAD_IMAGE = "bad-image"

    @property
    def text(self) -> str:
        return _FAULTS[self]


_FAULTS: Final = {
    Fault.DEAD: "it has no power",
    Fault.UNPLUGGED: "its serial cable is pulled when its certificates have come",
    Fault.POWER_CUT: "its power goes away while it writes key and certificates",
    Fault.NO_DATA: "its factory data have no vendor and product",
    Fault.BAD_IMAGE: "one bit of its application is flashed wrong",
}


class UnitStep(StrEnum):
    """How far a device has come; the last but one is the result that counts."""

    FLASHING = "flashing"
    SYNCHRONISING = "sending Init"
    WAITING = "waiting for the device"
    CERTIFIED = "certificates sent"
    INSTALLING = "installing the application"
    DONE = "done"


_STEPS: Final = {
    ScriptStep.SYNCHRONISING: UnitStep.SYNCHRONISING,
    ScriptStep.WAITING: UnitStep.WAITING,
    ScriptStep.CERTIFIED: UnitStep.CERTIFIED,
}
ThirdPartyScript = Callable[[int, str, str], tuple[str, int]]
"""``Provisioning(mode, header, port)`` of a script like ST's: a message, and 0 for success."""


@dataclass(frozen=True, slots=True)
class FactoryRun:
    """What all devices of a run have in common.

    ``mode`` is forwarded to the devices. ``script`` takes the place of ours, in real time.
    """

    plan: FactoryPlan
    platform: MatterPlatform
    files: Mapping[str, bytes]
    certify: Certify | None
    development: DevelopmentCredentials | None = None
    real_time: bool = False
    mode: ProvisioningMode | None = None
    script: ThirdPartyScript | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One device. ``state`` is its directory, None keeps it in memory for the run."""

    number: int
    data: FactoryData
    seed: int = 0
    state: Path | None = None
    fault: Fault | None = None

    @property
    def serial_number(self) -> str:
        return self.data.text(FactoryDataTag.SERIAL_NUMBER) or f"device {self.number}"


@dataclass(frozen=True, slots=True)
class UnitReport:
    """What became of a device. ``status`` is None where it never came to the provisioning script.

    ``step`` is the one at which it failed; ``dac`` its certificate, DER, b"" without one.
    """

    unit: Unit
    step: UnitStep
    message: str
    status: ProvisioningStatus | None = None
    port: str = ""
    dac: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        return self.step is UnitStep.DONE


class _Failed(Exception):
    """The device is out."""


class UnitLine:
    """Takes one device through a run. ``progress`` is told each step, ``say`` what the script prints."""

    def __init__(
        self,
        run: FactoryRun,
        unit: Unit,
        progress: Callable[[UnitStep], None],
        say: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._run = run
        self._unit = unit
        self._progress = progress
        self._say = say
        self._cancelled = cancelled
        self._step = UnitStep.FLASHING
        self._status: ProvisioningStatus | None = None
        self._port = ""
        self._dac = b""
        self._kept: Device | None = None

    def run(self) -> UnitReport:
        """All of it. Errors of the device, the line and the files are in the report."""
        try:
            message = self._take_through()
        except _Failed as failed:
            message = str(failed)
        except (TfmSimError, PsaError, OSError) as error:
            message = str(error)
        if self._step is not UnitStep.DONE and self._cancelled():
            self._status = ProvisioningStatus.INTERRUPTED
        return UnitReport(self._unit, self._step, message, self._status, self._port, self._dac)

    def _take_through(self) -> str:
        self._at(UnitStep.FLASHING)
        with self._device() as device:
            for step in self._run.plan.before_provisioning:
                self._flash(device, step)
        result = self._provision()
        self._status = result.status
        if not result.ok:
            raise _Failed(str(result))
        self._at(UnitStep.INSTALLING)
        with self._device() as device:
            for step in self._run.plan.after_provisioning:
                self._flash(device, step)
            device.power_on()
            self._check_application(device)
        self._at(UnitStep.DONE)
        return str(result)

    def _flash(self, device: Device, step: Step) -> None:
        """What a programmer does; the provisioning scripts of the secure levels write both images."""
        if self._cancelled():
            raise _Failed(ProvisioningStatus.INTERRUPTED.message)
        files = self._run.files
        if step.kind is StepKind.PROVISIONING_SCRIPTS:
            last = device.hardware.board.image_count - 1
            if last:
                device.flash_image(0, files[COPROCESSOR_FIRMWARE])
            device.flash_image(last, files[step.file or PROVISIONING_FIRMWARE])
            return
        list(carry_out([step], device.hardware, self._data().encode(), self._file))

    def _file(self, name: str) -> bytes:
        data = self._run.files[name]
        if self._unit.fault is not Fault.BAD_IMAGE or self._step is not UnitStep.INSTALLING:
            return data
        middle = len(data) // 2
        return data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :]

    def _data(self) -> FactoryData:
        if self._unit.fault is not Fault.NO_DATA:
            return self._unit.data
        return self._unit.data.without((FactoryDataTag.VENDOR_ID, FactoryDataTag.PRODUCT_ID))

    def _provision(self) -> ScriptResult:
        run = self._run
        real_time = run.real_time or run.script is not None
        ends = run_both_ends(self._device_end, self._host_end, real_time=real_time)
        error = ends.device_error
        if error is not None and not isinstance(error, (TfmSimError, PsaError)):
            raise error
        if ends.host.ok or error is None:
            return ends.host
        detail = f"{ends.host.detail}; the device: {error}"
        return ScriptResult(ends.host.status, ends.host.message, detail)

    def _host_end(self, end: HostEnd) -> ScriptResult:
        self._port = end.port
        header = f"{end.port}/..{self._unit.serial_number[-4:]}> "
        if self._run.script is not None:
            return self._third_party(self._run.script, header, end.port)
        script = ProvisioningScript(
            end.port,
            self._run.certify,
            header,
            end.clock,
            end.open_port,
            self._say,
            lambda step: self._at(_STEPS.get(step, self._step)),
            self._cancelled,
            self._run.mode,
        )
        return script.run()

    def _third_party(self, script: ThirdPartyScript, header: str, port: str) -> ScriptResult:
        # STM32 STM32_provisioning.py: 0 for test, 1 for production.
        mode = int(self._run.mode is not ProvisioningMode.TEST)
        try:
            message, code = script(mode, header, port)
        except (Exception, SystemExit) as error:
            # STM32 provisioning script: whatever goes wrong in it is 0xFFFE, and no other device's matter.
            status = ProvisioningStatus.UNKNOWN_ERROR
            detail = f"the script: {type(error).__name__}: {error}; legal: it returns a message and a number"
            return ScriptResult(status, status.message, detail)
        status = ProvisioningStatus.DONE if code == 0 else ProvisioningStatus.UNKNOWN_ERROR
        return ScriptResult(status, str(message))

    def _device_end(self, line: SerialLine, time: LineTime) -> None:
        fault = self._unit.fault
        if fault is Fault.DEAD:
            return
        device = self._new_device()
        if fault is Fault.UNPLUGGED:
            time = _Mishap(line, time, line.close)
        elif fault is Fault.POWER_CUT:
            time = _Mishap(line, time, lambda: device.cut_power(device.hardware.power.operations + 2))
        run = self._run
        run_provisioning_firmware(device, run.platform, line, time, run.development)

    @contextmanager
    def _device(self) -> Iterator[Device]:
        """The device on the programmer's bench; it loses power at the end."""
        with self._new_device() as device:
            yield device

    def _new_device(self) -> Device:
        """One that lives in memory stays the same; one with a directory comes out of that."""
        if self._kept is not None:
            return self._kept
        unit, platform = self._unit, self._run.platform
        device = Device(platform.board, build=platform.build(), seed=unit.seed, state=unit.state)
        if unit.state is None:
            self._kept = device
        return device

    def _check_application(self, device: Device) -> None:
        """The application runs, and finds in the device what it attests itself with."""
        machine = DeviceMachine(device)
        platform = self._run.platform
        application = self._run.files[self._file_of(StepKind.APPLICATION_FIRMWARE)]
        signed = application[: _signed_size(application)]
        last = device.hardware.board.image_count - 1
        if device.hardware.slot(last, "primary").read(0, len(signed)) != signed:
            raise _Failed("the boot loader did not install the application")
        factory = FactoryFlash(machine.flash, platform.support)
        dac, public_key = factory.read(FactoryItem.DAC), factory.read(FactoryItem.PUBLIC)
        if dac is None or public_key is None:
            raise _Failed("the device has no certificate")
        self._dac = dac
        in_flash = factory.read(FactoryItem.PRIVATE) is not None
        if in_flash is not (platform.key_place is DacKeyPlace.FLASH):
            raise _Failed(f"the private key {'is' if in_flash else 'is not'} in the factory data")
        try:
            signature = platform.key_store(machine).sign(_CHECK_MESSAGE, public_key)
        except DacKeyError as error:
            raise _Failed(str(error)) from None
        if not verify(machine.ns, public_key, _CHECK_MESSAGE, signature):
            raise _Failed("the device signs with another key than its certificate's")

    def _file_of(self, kind: StepKind) -> str:
        return next(step.file for step in self._run.plan.steps if step.kind is kind and step.file is not None)

    def _at(self, step: UnitStep) -> None:
        self._step = step
        self._progress(step)


def _signed_size(image: bytes) -> int:
    """Bytes that the digest of an image covers; a padded one ends in a trailer, which the loader rewrites."""
    header = ImageHeader.decode(image[:IMAGE_HEADER_SIZE].ljust(IMAGE_HEADER_SIZE, b"\xff"))
    return header.hashed_size if header.magic == IMAGE_MAGIC else len(image)


class _Mishap:
    """A line's time in which something happens once the device has got its certificates."""

    LONG: Final = 600
    """Bytes: what the PC says before is shorter."""

    def __init__(self, line: SerialLine, time: LineTime, happen: Callable[[], None]) -> None:
        self._line = line
        self._time = time
        self._happen = happen
        self._happened = False

    def wait(self, microseconds: int, idle: Idle) -> None:
        self._time.wait(microseconds, idle)
        if self._line.received > self.LONG and not self._happened:
            self._happened = True
            self._happen()
