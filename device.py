"""One device, assembled from a board: power on, boot, the non-secure side's APIs, reset, power off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .bootloader.bl1_1 import Bl1_1
from .bootloader.bl1_2 import Bl1_2, Bl1_2Outcome
from .bootloader.bl1_stage import Bl1Ports, provision
from .bootloader.bl2 import Bl2, BootOutcome
from .bootloader.ports import SECONDARY, SLOTS, Ports
from .bootloader.swap_geometry import image_offset
from .firmware_build import (
    Build,
    agent_partitions,
    bl1_config_for,
    bl2_config_for,
    bundle_layout,
    dummy_provisioning,
    its_config_for,
    ps_config_for,
    standard_partitions,
    with_boot_status,
    with_firmware_update,
    with_token_variant,
)
from .firmware_checks import check_build
from .interface.apis import PsaApis, TfmApis
from .interface.errors import TfmSimError
from .interface.esp_tee.api import EspTeeApi
from .interface.esp_tee.ree_memory import ReeMemory
from .interface.mcuboot.trailer import write_image
from .interface.trace import Event, Listener, Trace
from .platform.board import AreaRole, Board, BoardError, SlotName, load_board
from .platform.flash import FlashArea
from .platform.hardware import Hardware
from .platform.ns_flash import NonSecureFlash
from .platform.power import Cut
from .platform.provisioning import Provisioning
from .platform.provisioning_bundle import BundleLayout, Bundles
from .platform.provisioning_stages import BundleSource, is_required, provision_in_bl2, provision_in_firmware
from .platform.slot_windows import exchange_slots
from .spm.boot_data import BootData
from .spm.door import ClientDoor
from .spm.firmware import load_firmware, start_firmware
from .spm.kernel import Kernel
from .spm.load import LoadError
from .spm.ns_ids import NsClientContexts
from .spm.ns_tasks import NsTask, join, start_task
from .spm.other_core import OtherCore
from .spm.partition_memory import Arena, non_secure_arena
from .spm.process.host import Launcher, groups_of
from .spm.service import Service

REE_BUFFERS: Final = 0x4000
"""Bytes of non-secure RAM for the buffers of ESP-TEE's service calls."""


class DeviceOff(TfmSimError):
    """The device was asked for something that only a running one can do."""


@dataclass(frozen=True, slots=True)
class Stage(Event):
    """The device entered a stage of its way from power to the non-secure side."""

    name: str
    text: str


class Device:
    """A simulated device. Two of them share nothing, not even in one process.

    ``board`` is a packaged board's name, the path of a YAML file, or a Board. ``build`` None is the default
    build for that board. ``provisioning`` None is TF-M's dummy data (NOT SECURE). ``seed`` makes the random
    source repeat. ``state`` is a directory that keeps flash, OTP and counters between runs, None keeps them
    in memory. ``listeners`` hear every trace event.

    Raises BoardError, StateError, ProvisioningError and ManifestError for what they name, Bl2ConfigError for
    a boot loader built for another number of images than the board has, Bl1ConfigError for a BL1 that the
    board has no place for, LoadError for a build that a board with two cores cannot have, TypeError for
    other arguments.
    """

    def __init__(
        self,
        board: str | Path | Board = "an521",
        *,
        build: Build | None = None,
        provisioning: Provisioning | None = None,
        seed: int = 0,
        state: str | Path | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        _expect("board", board, str, Path, Board)
        _expect("build", build, Build, type(None))
        _expect("seed", seed, int)
        _expect("state", state, str, Path, type(None))
        loaded = board if isinstance(board, Board) else load_board(board)
        default = Build(
            bl2=bl2_config_for(loaded),
            bl1=bl1_config_for(loaded),
            its=its_config_for(loaded),
            ps=ps_config_for(loaded),
        )
        self.build = with_firmware_update(with_token_variant(build or default))
        check_build(self.build, loaded)
        agents = agent_partitions(loaded)
        self._partitions = (*standard_partitions(self.build, loaded), *agents, *self.build.partitions)
        self.trace = Trace()
        self.trace.listeners.extend(listeners)
        dummy = dummy_provisioning(self.build)
        self.hardware = Hardware(loaded, provisioning, seed, state, dummy)
        if self.hardware.chip is not None:
            self.hardware.chip.traced_by(self.trace)
        self._memory_map = self.hardware.memory.regions
        self._kernel: Kernel | None = None
        self._launcher = Launcher()
        self._let_go = False
        self.trace.now = lambda: self.hardware.clock.now
        self._ns: ClientDoor | None = None
        self._other_core: OtherCore | None = None
        self.boot_outcome: BootOutcome | None = None
        self.bl1_outcome: Bl1_2Outcome | None = None

    def flash_image(self, image: int, data: bytes, slot: SlotName = "primary") -> None:
        """Write a signed image to a slot, as a programmer does: ``image`` 0 is secure, 1 non-secure.

        It goes where this device's BL2 looks for it: to the start of the slot, but for a candidate of
        SWAP_USING_OFFSET, which lies one erase block up. Raises BoardError for a slot that is not there,
        TrailerError for an image that does not fit.
        """
        _expect("image", image, int)
        _expect("data", data, bytes, bytearray, memoryview)
        area = self.hardware.slot(image, slot)
        offset = 0 if self.build.bl2 is None else image_offset(self.build.bl2.strategy, slot, area)
        with self.hardware.power.programmer():
            write_image(area, data, offset)

    def flash_bl2(self, data: bytes, slot: SlotName = "primary") -> None:
        """Write an image of BL2, as BL1 checks it, to one of its two slots; behind it the slot is erased.

        Raises BoardError for a board without such slots, and for an image that is larger.
        """
        _expect("data", data, bytes, bytearray, memoryview)
        role = AreaRole.BL2_PRIMARY if slot == "primary" else AreaRole.BL2_SECONDARY
        self._program(role, bytes(data))

    def load_bundles(self, bundles: Bundles) -> None:
        """Leave provisioning bundles where a factory does: the first in the first half of the area, the other
        in the second (TF-M PROVISIONING_DATA_START).

        A virgin device burns them at its next power-on. Raises BoardError for a board without such an area,
        and for a bundle that is larger than half of it.
        """
        _expect("bundles", bundles, Bundles)
        area = self._area(AreaRole.PROVISIONING)
        half = area.size // 2
        for name, bundle in (
            ("assembly-and-test", bundles.assembly_and_test),
            ("PSA RoT", bundles.psa_rot),
        ):
            if len(bundle) > half:
                raise BoardError(f"{name} bundle: {len(bundle)} bytes; legal: up to {half} on this board")
        data = bundles.assembly_and_test.ljust(half, bytes([area.erased_value])) + bundles.psa_rot
        self._program(AreaRole.PROVISIONING, data)

    @property
    def bundle_layout(self) -> BundleLayout:
        """The structures of provisioning bundles for this board and build."""
        return bundle_layout(self.build, self.hardware.board)

    def cut_power(self, cut: Cut | str | int) -> None:
        """Take power away at a write or erase of lasting memory: N, "N:before", "N:after" or "N:torn".

        Operations are numbered from 1 at each power-on and reset, across flash and OTP. Whoever is using the
        device by then gets PowerCut; `power_on` boots it again from what flash and OTP hold. Raises CutError.
        """
        self.hardware.power.cut_at(cut if isinstance(cut, Cut) else Cut.parse(str(cut)))

    def power_on(self) -> Self:
        """Boot to the non-secure side.

        Raises BootRefused where a boot loader or provisioning stops, PowerCut where `cut_power` asked for
        one, LoadError and ManifestError for partitions that do not fit together, DevicePanic where a
        partition fails to start, DeviceOff for a device whose state directory was let go.
        """
        if self._let_go:
            raise DeviceOff("the device let go of its state directory; legal: a new Device on it")
        self._stop()
        if groups_of(self._partitions, self.build.spm.process_level):
            self._launcher.start()
        hardware = self.hardware
        hardware.clear()
        shared = hardware.board.shared_data
        if self.build.bl2 is not None:
            self._map_running_slots(self.run_boot_loaders())
        elif self.build.bl1 is not None:
            self.run_bl1()
        self._stage("SPM", "validates the boot status and loads the partitions")
        self.trace.log("SPM", "[INF] Booting TF-M (tfm-sim)")
        if hardware.dummy_notice:
            self.trace.log("SPM", f"[WRN] {hardware.dummy_notice}")
        self.trace.log("SPM", "[INF] [Sec Thread] Secure image initializing!")
        self._provision_firmware()
        available = self.build.spm.boot_data_available
        if available is None:
            available = self.build.bl2 is not None
        area = (shared.base, shared.size) if available else None
        boot_data = BootData(hardware.memory, area, self.build.spm.boot_status)
        # Two cores: an interrupt of the secure one interrupts nobody of the other.
        at_once = self.build.spm.schedule_when_ns_interrupted or hardware.board.dual_core is not None
        spm = replace(self.build.spm, schedule_when_ns_interrupted=at_once)
        kernel = load_firmware(hardware, boot_data, self.trace, spm, self._partitions, self._launcher)
        self._kernel = kernel
        start_firmware(hardware, kernel)
        whole = non_secure_arena(hardware.memory)
        if hardware.board.dual_core is not None:
            self._other_core = OtherCore(kernel, hardware.cpu1_interrupts, hardware.board.dual_core)
        client = self._other_core.client if self._other_core is not None else kernel.ns_client
        self._ns = client(Arena(whole.base, whole.size // 2))
        self._task_memory = Arena(whole.base + whole.size // 2, whole.size // 2)
        if self.build.esp_tee is not None:
            self._ree_memory = Arena(self._task_memory.base, REE_BUFFERS)
            self._task_memory = Arena(
                self._task_memory.base + REE_BUFFERS, self._task_memory.size - REE_BUFFERS
            )
        self._stage("NS", "the non-secure side runs")
        return self

    def run_boot_loaders(self) -> BootOutcome:
        """All boot loaders of the build, one after the other. Raises as run_bl1 and run_bl2 do."""
        if self.build.bl1 is not None:
            self.run_bl1()
        return self.run_bl2()

    def run_bl1(self) -> Bl1_2Outcome:
        """BL1_1, then BL1_2: it leaves BL2's code in RAM and would jump to it.

        Raises BootRefused where one of them stops, DeviceOff for a build without BL1.
        """
        config, bl2 = self.build.bl1, self.build.bl2
        if config is None:
            raise DeviceOff("this build has no BL1; legal: a Build with bl1")
        # TF-M TFM_MEASURED_BOOT_API: one option for all boot stages.
        measures = config.measured_boot and (bl2 is None or bl2.measured_boot_api)
        config = replace(config, measured_boot=measures)
        ports = self._bl1_ports()
        self._stage("BL1_1", "provisions a virgin device and checks BL1_2 in OTP")
        rom = Bl1_1(ports, config, self.trace).run()
        self._stage("BL1_2", "decrypts and checks BL2")
        self.bl1_outcome = Bl1_2(ports, config, self.trace, rom.bl1_2_hash).run()
        return self.bl1_outcome

    def run_bl2(self) -> BootOutcome:
        """Only the boot loader: it leaves the boot status in shared memory and would jump to the SPM.

        Raises BootRefused where it stops, DeviceOff for a build without a boot loader.
        """
        if self.build.bl2 is None:
            raise DeviceOff("this build has no boot loader; legal: a Build with bl2")
        self._stage("BL2", "checks the images and writes the boot status")
        provision("BL2", self.hardware.otp, self._bundles(), provision_in_bl2, self.trace)
        self.boot_outcome = Bl2(self._ports(), self.build.bl2, self.trace).run()
        return self.boot_outcome

    def reset(self) -> Self:
        """Reset: RAM forgets, flash, OTP and counters stay; then boot again. Raises as power_on does."""
        self._stop()
        self.hardware.reset()
        return self.power_on()

    def power_off(self) -> None:
        """Take power away; a state directory is saved and let go, and the device is of no more use then."""
        self._stop()
        self._launcher.close()
        self._let_go = self.hardware.state is not None or self._let_go
        self.hardware.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.power_off()

    @property
    def kernel(self) -> Kernel:
        """The running SPM. Raises DeviceOff before power_on."""
        if self._kernel is None:
            raise DeviceOff("the device is off; legal: power_on() first")
        return self._kernel

    @property
    def ns(self) -> ClientDoor:
        """The FF-M client API of the non-secure side, exactly as in C. Raises DeviceOff before power_on.

        On a board with two cores it goes over the mailbox.
        """
        if self._ns is None:
            raise DeviceOff("the device is off; legal: power_on() first")
        return self._ns

    @property
    def ns_flash(self) -> NonSecureFlash:
        """The flash that non-secure programs read, erase and program. Raises DeviceOff before power_on."""
        if self._ns is None:
            raise DeviceOff("the device is off; legal: power_on() first")
        return self.hardware.ns_flash

    @property
    def nsce(self) -> NsClientContexts:
        """TFM_NS_MANAGE_NSID: the tfm_nsce calls of an RTOS. Raises DeviceOff for a build without it."""
        contexts = self.kernel.ns_contexts
        if contexts is None:
            raise DeviceOff("this build has no tfm_nsce calls; legal: SpmConfig(ns_manage_nsid=True)")
        return contexts

    @property
    def psa(self) -> PsaApis:
        """The PSA APIs for the non-secure side. Raises DeviceOff before power_on."""
        return PsaApis(self.ns)

    @property
    def tfm(self) -> TfmApis:
        """The APIs of TF-M's own services for the non-secure side. Raises DeviceOff before power_on."""
        return TfmApis(self.ns)

    @property
    def esp_tee(self) -> EspTeeApi:
        """The services of ESP-TEE for the REE. Raises DeviceOff before power_on, and for a build without."""
        if self.build.esp_tee is None:
            raise DeviceOff("this build has no ESP-TEE; legal: with_esp_tee(build)")
        ns, memory = self.ns, self._ree_memory
        return EspTeeApi(ns, ReeMemory(ns, memory.base, memory.size))

    def service(self, name: str) -> Service:
        """An RoT Service by its manifest's name: what TF-M's tool writes to sid.h, and more.

        Its ``sid``, ``version``, ``handle`` (that of a stateless service, 0 for a connection-based one) and
        ``signal``. Raises LoadError for a name that no partition has, DeviceOff before power_on.
        """
        services = {service.name: service for service in self.kernel.services_by_sid.values()}
        if name not in services:
            raise LoadError(f"service: found {name!r:.60}; legal: {', '.join(sorted(services))}")
        return services[name]

    def start_task(
        self,
        code: Callable[[ClientDoor], object],
        name: str,
        *,
        ns_id: int = -1,
        priority: int = 0,
        memory: int = 0x4000,
    ) -> NsTask:
        """A task of the non-secure side beside the caller: ``code(ns)`` runs when the caller joins it.

        ``ns_id`` is its non-secure client id, -1 and down; a larger ``priority`` is more urgent, and with one
        above 0 it starts at once; ``memory`` is the room in bytes for the vectors of its calls. On a board
        with two cores its requests go over the mailbox. Raises ValueError for an id out of range (on two
        cores its requests are answered with an error instead), DeviceOff where no memory is left or before
        power_on, DevicePanic and SystemReset when the device is down.
        """
        kernel, left = self.kernel, self._task_memory
        if memory > left.size:
            raise DeviceOff(f"task {name}: {memory} bytes of non-secure RAM; legal: up to {left.size}")
        self._task_memory = Arena(left.base + memory, left.size - memory)
        client = self._other_core.client if self._other_core is not None else None
        return start_task(kernel, code, name, Arena(left.base, memory), ns_id, priority, client)

    def join(self, *tasks: NsTask) -> None:
        """Let the tasks run until they have ended; what one raises comes out here, at once."""
        join(self.kernel, tasks)

    def idle(self, microseconds: int) -> None:
        """The non-secure side waits for interrupts so long; partitions that they wake run."""
        self.kernel.ns_idle(microseconds)

    def shared_data(self) -> bytes:
        """The bytes of the shared data area as they are now; the SPM scrubs it before NS runs."""
        shared = self.hardware.board.shared_data
        return self.hardware.memory.read(shared.base, shared.size)

    def _ports(self) -> Ports:
        hardware, shared = self.hardware, self.hardware.board.shared_data
        slots = {
            (image, slot): hardware.slot(image, slot)
            for image in range(hardware.board.image_count)
            for slot in SLOTS
        }
        return Ports(
            slots,
            hardware.otp,
            hardware.nv_counters,
            hardware.memory,
            (shared.base, shared.size),
            hardware.board.executable_ram,
            hardware.area_with_role(AreaRole.SCRATCH),
        )

    def _map_running_slots(self, outcome: BootOutcome) -> None:
        hardware = self.hardware
        for booted in outcome.images:
            if booted.runs_in_place and booted.slot == SECONDARY:
                slots = (hardware.slot(booted.image, "primary"), hardware.slot(booted.image, "secondary"))
                paged = hardware.board.flash_named(slots[0].flash.name).secure_base is None
                exchange_slots(hardware.memory, *slots, paged=paged)

    def _bl1_ports(self) -> Bl1Ports:
        hardware, layout, shared = self.hardware, self.hardware.board.bl1, self.hardware.board.shared_data
        assert layout is not None  # the build's check
        images = self._area(AreaRole.BL2_PRIMARY), self._area(AreaRole.BL2_SECONDARY)
        return Bl1Ports(
            hardware.otp,
            hardware.nv_counters,
            hardware.memory,
            (shared.base, shared.size),
            layout,
            images,
            self._bundles(),
            hardware.kmu,
        )

    def _bundles(self) -> BundleSource | None:
        """What lies in the provisioning area; None on a board without one."""
        area = self.hardware.area_with_role(AreaRole.PROVISIONING)
        if area is None:
            return None
        half = area.size // 2
        return BundleSource(area.read(0, half), area.read(half, area.size - half), self.bundle_layout)

    def _provision_firmware(self) -> None:
        """TF-M's runtime firmware provisions first of all; the random source has its seed from OTP then."""
        otp, bundles = self.hardware.otp, self._bundles()
        if bundles is not None and is_required(otp):
            provision("SPM", otp, bundles, provision_in_firmware, self.trace)
            self.hardware.reseed()

    def _area(self, role: AreaRole) -> FlashArea:
        area = self.hardware.area_with_role(role)
        if area is None:
            raise BoardError(f"board {self.hardware.board.name}: no flash area with role {role.value}")
        return area

    def _program(self, role: AreaRole, data: bytes) -> None:
        """Erase an area and write to it, as a programmer does."""
        area = self._area(role)
        data += bytes([area.erased_value]) * (-len(data) % area.write_size)
        if len(data) > area.size:
            raise BoardError(f"flash area {area.name}: {len(data)} bytes; legal: up to {area.size}")
        with self.hardware.power.programmer():
            area.erase(0, area.size)
            area.write(0, data)

    def _stage(self, name: str, text: str) -> None:
        if self.trace.listeners:
            self.trace.emit(Stage(name, text))

    def _stop(self) -> None:
        if self._kernel is not None:
            self._kernel.stop()
        self._kernel = None
        self._ns = None
        self._other_core = None
        self.boot_outcome = None
        self.bl1_outcome = None
        self.hardware.memory.restore(self._memory_map)


def _expect(name: str, value: object, *types: type) -> None:
    if not isinstance(value, types):
        legal = ", ".join("None" if t is type(None) else t.__name__ for t in types)
        raise TypeError(f"{name}: found {value!r:.60}; legal: {legal}")


__all__ = [
    "Build",
    "Device",
    "DeviceOff",
    "PsaApis",
    "Stage",
    "TfmApis",
    "bl1_config_for",
    "bl2_config_for",
    "with_boot_status",
]
