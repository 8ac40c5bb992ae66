"""Benches for firmware update: the service over a library in memory, and the partition over slots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from support.partition_bench import make_hal, start_partitions

from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.psa.firmware_update import (
    PSA_SUCCESS_REBOOT,
    FirmwareUpdate,
    PsaFwuState,
    psa_fwu_component_info_t,
    psa_fwu_image_version_t,
)
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, Claim, TlvMajor, encode_area, tlv_type
from tfm_sim.partitions.firmware_update.bootloader import ActiveImage, FwuRefused
from tfm_sim.partitions.firmware_update.config import FwuBuild, FwuConfig
from tfm_sim.partitions.firmware_update.service import FwuService
from tfm_sim.partitions.firmware_update.states import ComponentKind
from tfm_sim.platform.flash import Flash, FlashArea, FlashError
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp

CALLS = ("start", "write", "finish", "cancel", "clean", "install", "reject", "accept")
CLIENTS_ERROR = -4321
"""What a client passes to psa_fwu_reject."""


@dataclass
class MemoryLib:
    """Staging areas are byte strings. ``fails`` maps a function's name to the status that it refuses with."""

    kind: ComponentKind
    components: int = 1
    staging: dict[int, bytes] = field(default_factory=dict)
    on_trial: set[int] = field(default_factory=set)
    pending: set[int] = field(default_factory=set)
    fails: dict[str, int] = field(default_factory=dict)

    def staging_area_init(self, component: int) -> None:
        self._may_fail("staging_area_init")
        self.staging[component] = b""

    def load_image(self, component: int, offset: int, block: bytes) -> None:
        self._may_fail("load_image")
        self.staging[component] = self.staging[component][:offset].ljust(offset, b"\xff") + block

    def install_images(self, candidates: Sequence[int]) -> int:
        self._may_fail("install_images")
        if self.kind.needs_reboot:
            self.pending |= set(candidates)
            return PSA_SUCCESS_REBOOT
        return PSA_SUCCESS

    def mark_images_accepted(self, trials: Sequence[int]) -> None:
        self._may_fail("mark_images_accepted")
        self.on_trial -= set(trials)

    def reject_staged_image(self, component: int) -> None:
        self._may_fail("reject_staged_image")
        self.pending.discard(component)

    def reject_trial_image(self, component: int) -> int:
        self._may_fail("reject_trial_image")
        return PSA_SUCCESS_REBOOT if self.kind.needs_reboot else PSA_SUCCESS

    def clean_component(self, component: int) -> None:
        self._may_fail("clean_component")
        self.staging[component] = b""

    def is_on_trial(self, component: int) -> bool:
        return component in self.on_trial

    def active_image(self, component: int) -> ActiveImage:
        return ActiveImage(psa_fwu_image_version_t(1, 2, 3, 4), 0x2000, 1 + component)

    def candidate_digest(self, component: int) -> bytes:
        self._may_fail("candidate_digest")
        return bytes([component + 1]) * 32

    def facts(self) -> tuple[dict[int, bytes], set[int], set[int]]:
        return dict(self.staging), set(self.on_trial), set(self.pending)

    def _may_fail(self, name: str) -> None:
        if name in self.fails:
            raise FwuRefused(self.fails[name])


class ServiceBench:
    """The service with a library in memory; a call answers its status, and nothing is raised."""

    def __init__(self, lib: MemoryLib, config: FwuConfig | None = None) -> None:
        self.lib = lib
        self.config = config or FwuConfig()
        self.service = FwuService(lib, self.config)

    def call(self, name: str, component: int = 0) -> int:
        service = self.service
        calls: dict[str, Callable[[], int]] = {
            "start": lambda: service.start(component, 0),
            "write": lambda: service.write(component, 0, b"image"),
            "finish": lambda: service.finish(component),
            "cancel": lambda: service.cancel(component),
            "clean": lambda: service.clean(component),
            "install": service.install,
            "reject": lambda: service.reject(CLIENTS_ERROR),
            "accept": service.accept,
        }
        return self.answer(calls[name])

    @staticmethod
    def answer(call: Callable[[], int]) -> int:
        try:
            return call()
        except FwuRefused as refused:
            return refused.status

    def state(self, component: int = 0) -> PsaFwuState:
        return self.service.state(component)

    def error(self, component: int = 0) -> int:
        return self.service.query(component).error

    def reset(self, *, refused: bool = False) -> None:
        """What a boot loader with volatile staging does: install or refuse what is pending, roll back."""
        trial = self.lib.kind.has_trial
        if self.lib.kind.needs_reboot:
            self.lib.on_trial = set() if refused or not trial else set(self.lib.pending)
        self.lib.pending = set()
        self.service = FwuService(self.lib, self.config)


WAYS: dict[PsaFwuState, tuple[str, ...]] = {
    PsaFwuState.READY: (),
    PsaFwuState.WRITING: ("start",),
    PsaFwuState.CANDIDATE: ("start", "write", "finish"),
    PsaFwuState.STAGED: ("start", "write", "finish", "install"),
    PsaFwuState.FAILED: ("start", "cancel"),
}


def bench_in(state: PsaFwuState, kind: ComponentKind) -> ServiceBench:
    """Component 0 in that state; TRIAL, REJECTED and UPDATED as a component of that kind gets there."""
    bench = ServiceBench(MemoryLib(kind))
    for call in WAYS.get(state, WAYS[PsaFwuState.CANDIDATE]):
        assert bench.call(call) >= 0
    if state in WAYS:
        return bench
    bench.call("install")
    if kind.needs_reboot and kind.has_trial:
        bench.reset()
    if state is PsaFwuState.REJECTED:
        assert bench.call("reject") == PSA_SUCCESS_REBOOT
    if state is PsaFwuState.UPDATED and kind.has_trial:
        assert bench.call("accept") == PSA_SUCCESS
    return bench


SLOT_SIZE = 0x1000
ERASE_BLOCK = 0x400
WRITE_SIZE = 4
RUNNING = ImageVersion(1, 2, 3, 4)


class FragileFlash(Flash):
    """Refuses what it is told to: erases, or writes at an offset."""

    refuse_erase = False
    refuse_write_at: int | None = None

    def erase(self, offset: int, length: int) -> None:
        if self.refuse_erase:
            raise FlashError("worn out")
        super().erase(offset, length)

    def write(self, offset: int, data: bytes) -> None:
        if self.refuse_write_at is not None and offset <= self.refuse_write_at < offset + len(data):
            raise FlashError("worn out")
        super().write(offset, data)


class FwuBench:
    """The partition on the kernel, over slots of 4 KiB; each slot is a flash device of its own."""

    def __init__(
        self,
        build: FwuBuild,
        versions: Sequence[ImageVersion] | None = None,
        further: Sequence[BootStatusEntry] = (),
    ) -> None:
        """``further`` are entries of the boot status before those of the versions."""
        self.build = build
        self.further = further
        keys = [(image, slot) for image in range(build.components) for slot in (0, 1)]
        self.flash = {
            key: FragileFlash(f"slot{key[1]}_{key[0]}", SLOT_SIZE, ERASE_BLOCK, WRITE_SIZE) for key in keys
        }
        self.areas = {
            key: FlashArea(1 + n, flash.name, flash, 0, SLOT_SIZE)
            for n, (key, flash) in enumerate(self.flash.items())
        }
        self.versions = versions if versions is not None else [RUNNING] * build.components
        self.reset()

    def reset(self) -> None:
        """Everything anew but the flash; BL2 does nothing here."""
        entries = [
            BootStatusEntry(tlv_type(TlvMajor.FWU, image, Claim.SW_VERSION), version.encode())
            for image, version in enumerate(self.versions)
        ]
        bench = start_partitions(
            hal=make_hal(provisioned_otp(DUMMY), slots=self.areas),
            boot_status=encode_area([*self.further, *entries]),
            firmware_update=self.build,
        )
        self.ns = bench.ns
        self.kernel = bench.kernel

    def primary(self, image: int = 0) -> FlashArea:
        return self.areas[image, 0]

    def secondary(self, image: int = 0) -> FlashArea:
        return self.areas[image, 1]

    def cells(self) -> dict[tuple[int, int], bytes]:
        return {key: bytes(flash.cells) for key, flash in self.flash.items()}

    def stage(self, image: int, data: bytes) -> None:
        """Start, write, finish; each succeeds."""
        FirmwareUpdate(self.ns).stage(image, data)

    def info(self, image: int = 0) -> psa_fwu_component_info_t:
        return FirmwareUpdate(self.ns).query(image)
