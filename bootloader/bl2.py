"""BL2: TF-M's main around MCUboot's boot_go, from the first console line to the jump."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..interface.mcuboot.image import ImageFlag, ImageHeader, ImageVersion
from ..interface.trace import Trace
from .config import Bl2Config, Bl2ConfigError, KeyMode, UpgradeStrategy
from .direct_xip import DirectXip
from .events import BootStarted, JumpPrepared
from .loader import BootLoader, BootRefused, Strategy
from .overwrite import OverwriteOnly
from .ports import Ports
from .ram_load import RamLoad
from .swap_move import SwapUsingMove
from .swap_offset import SwapUsingOffset
from .swap_scratch import SwapUsingScratch
from .validate import PlatformRefusal, Refusal, role_of
from .vectors import VectorTable, read_vectors, run_address

STRATEGIES: Final[dict[UpgradeStrategy, Callable[[BootLoader], Strategy]]] = {
    UpgradeStrategy.OVERWRITE_ONLY: OverwriteOnly,
    UpgradeStrategy.SWAP_USING_SCRATCH: SwapUsingScratch,
    UpgradeStrategy.SWAP_USING_MOVE: SwapUsingMove,
    UpgradeStrategy.SWAP_USING_OFFSET: SwapUsingOffset,
    UpgradeStrategy.DIRECT_XIP: partial(DirectXip, revert=False),
    UpgradeStrategy.DIRECT_XIP_REVERT: partial(DirectXip, revert=True),
    UpgradeStrategy.RAM_LOAD: partial(RamLoad, revert=False),
    UpgradeStrategy.RAM_LOAD_REVERT: partial(RamLoad, revert=True),
}


@dataclass(frozen=True, slots=True)
class BootedImage:
    """An image that will run: the slot that it is from, and the address that its header is at then."""

    image: int
    role: str
    slot: str
    address: int
    header: ImageHeader

    @property
    def runs_in_place(self) -> bool:
        """It runs from its slot, not from RAM."""
        return ImageFlag.RAM_LOAD not in self.header.flags

    @property
    def version(self) -> ImageVersion:
        return self.header.version


@dataclass(frozen=True, slots=True)
class BootOutcome:
    """What BL2 leaves behind beside the bytes in flash, OTP and shared memory.

    ``images`` are in the order in which they were booted; ``refusals`` are candidates that did not make it
    and did not stop the boot; ``vectors`` is the table that BL2 jumps through.
    """

    images: tuple[BootedImage, ...]
    refusals: tuple[Refusal, ...]
    vectors: VectorTable


class Bl2:
    """One boot of BL2."""

    def __init__(self, ports: Ports, config: Bl2Config, trace: Trace) -> None:
        if config.strategy.loads_to_ram and not ports.executable_ram:
            raise Bl2ConfigError(
                f"BL2: strategy {config.strategy.value} on a board without executable RAM; "
                "legal: a board that says where images may be loaded (executable_ram)"
            )
        self._ports = ports
        self._config = config
        self._trace = trace

    def run(self) -> BootOutcome:
        """Boot all images; raises BootRefused where TF-M would end in its error state."""
        config = self._config
        order = tuple(range(config.image_number))
        groups = [list(order)] if config.single_boot_go else [[image] for image in reversed(order)]
        self._greet(groups)
        loader = BootLoader(self._ports, config, self._trace)
        self._post_init(loader)
        strategy = STRATEGIES[config.strategy](loader)
        booted: list[BootedImage] = []
        for active in groups:
            try:
                # TF-M boot_go_for_image_id: the last image first, so that S is the one jumped to.
                loader.boot_go(strategy, active)
            except BootRefused as refused:
                self._log("[ERR] Unable to find bootable image")
                raise BootRefused([*loader.refusals, *refused.refusals]) from refused
            booted += [self._booted(loader, image, strategy.slot_of(image)) for image in active]
        return BootOutcome(tuple(booted), tuple(loader.refusals), self._jump(booted))

    def _log(self, text: str) -> None:
        self._trace.log("BL2", text)

    def _greet(self, groups: list[list[int]]) -> None:
        config = self._config
        self._log("[INF] Starting bootloader")
        if self._ports.has_dummy_keys():
            self._log("[WRN] This device was provisioned with dummy keys. This device is NOT SECURE")
        builtin = ", using builtin keys" if config.key_mode is KeyMode.BUILTIN_KEY else ""
        self._log(f"[INF] PSA Crypto init done, sig_type: {config.signature_type.value}{builtin}")
        if self._trace.listeners:
            order = tuple(image for active in groups for image in active)
            text = f"{config.strategy.value}, images in the order {', '.join(map(str, order))}"
            self._trace.emit(BootStarted(None, "bl2_main", text, order))

    def _post_init(self, loader: BootLoader) -> None:
        # TF-M boot_platform_post_init: the RSE measures its ROTPKs there.
        rotpks = self._config.rse_rotpks
        if rotpks is None or loader.shared_data.store_rotpks(rotpks) == 0:
            return
        self._log("[ERR] Platform post init failed")
        found, wanted = loader.shared_data.problem
        address = self._ports.shared_data[0]
        rule, check = "boot_platform_post_init", "ROTPK measurements"
        raise BootRefused([PlatformRefusal(0, "", "", address, rule, check, found, wanted)])

    def _booted(self, loader: BootLoader, image: int, name: str) -> BootedImage:
        header = loader.images[image].headers[name]
        assert header is not None
        address = run_address(header, self._ports.slot(image, name))
        return BootedImage(image, role_of(self._config, image), name, address, header)

    def _jump(self, booted: list[BootedImage]) -> VectorTable:
        first = next(image for image in booted if image.image == 0)
        slot = self._ports.slot(0, first.slot)
        version = first.version
        self._log(f"[INF] Bootloader chainload address offset: {slot.area.offset:#x}")
        self._log(f"[INF] Image version: v{version.major}.{version.minor}.{version.revision}")
        self._log("[INF] Jumping to the first image slot")
        vectors = read_vectors(self._ports, first.header, slot)
        for warning in vectors.warnings:
            self._trace.log("tfm-sim", f"vector table at {vectors.address:#010x}: {warning}")
        if self._trace.listeners:
            text = f"vector table at {vectors.address:#010x}: " + (
                "; ".join(vectors.warnings) or f"MSP {vectors.msp:#010x}, reset {vectors.reset:#010x}"
            )
            self._trace.emit(JumpPrepared(0, "boot_platform_start_next_image", text, vectors))
        return vectors
