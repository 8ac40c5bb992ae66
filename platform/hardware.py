"""One device's hardware: a board come alive, with its memory, flash, OTP, counters and random source."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from .board import AreaRole, Board, FlashAreaDescription, SlotName
from .bus import Bus
from .chip_secrets import ChipSecrets
from .claims import claim_named, claim_range
from .clock import VirtualClock
from .flash import Flash, FlashArea
from .hal import PlatformHal
from .hal_esp32 import Esp32Parts
from .hal_stm32 import Stm32Parts
from .interrupts import InterruptController
from .its_encryption import ItsEncryption
from .kmu import Kmu
from .memory import Access, Memory, Region, RegionKind
from .ns_flash import NonSecureFlash
from .nv_counters import NvCounters
from .otp import Otp, OtpError, OtpField
from .peripheral import PeripheralModel
from .peripheral_models import peripheral_models
from .power import PowerSupply, SystemReset
from .provisioning import DUMMY, Provisioning, dummy_notice, provisioned_otp
from .random_source import RandomSource
from .state import StateDirectory, StateError

OTP_FILE: Final = "otp.bin"
SLOT_NUMBERS: Final[dict[SlotName, int]] = {"primary": 0, "secondary": 1}
"""MCUboot's numbers of an image's slots."""
_COUNTERS: Final = frozenset(otp_field for otp_field in OtpField if otp_field.name.startswith("NV_COUNTER"))


class Hardware:
    """The hardware of one device; two of them share nothing.

    ``clock``, ``interrupts`` and ``bus`` are what their names say; ``cpu1_interrupts`` are those of the other
    core, which on most boards nobody runs; ``peripherals`` are the models of those
    that have one, by their name on the board.

    ``chip`` are the secrets of an STM32 with a CCB and the engines that use them, None on other boards.
    ``ns_flash`` is the flash as the non-secure side reaches it.

    ``power`` numbers the writes and erases of flash and OTP, and can be cut at each.

    ``provisioning`` is burnt into a new device; without one ``dummy`` is, which a build may vary. ``seed``
    makes the random source repeat. ``state`` is None for a device in memory, or the path of a state directory
    that keeps flash, OTP and counters between runs; then call ``close``, or use the device in a ``with``
    statement.

    Raises StateError for a directory that cannot be used, or whose device was provisioned with other values
    than an explicit ``provisioning``; ProvisioningError for values that do not fit the board's OTP.
    """

    def __init__(
        self,
        board: Board,
        provisioning: Provisioning | None = None,
        seed: int = 0,
        state: str | Path | None = None,
        dummy: Provisioning = DUMMY,
    ) -> None:
        self.board = board
        self.seed = seed
        self.resets = 0
        self.on_reset: Callable[[str], None] | None = None
        self.power = PowerSupply()
        self.state = StateDirectory(state, board.name, _image_files(board)) if state is not None else None
        try:
            images = self.state.images() if self.state is not None else None
            self.flash: dict[str, Flash] = {
                f.name: Flash(
                    f.name,
                    f.size,
                    f.erase_block,
                    f.write_size,
                    f.erased_value,
                    None if images is None else images[f"{f.name}.bin"],
                    self.power,
                    factory_only=f.factory_only,
                )
                for f in board.flash
            }
            self.otp = self._otp(provisioning, dummy, None if images is None else images[OTP_FILE])
            self.otp.power = self.power
        except BaseException:
            if self.state is not None:
                self.state.close()
            raise
        self.areas: dict[str, FlashArea] = {area.name: self._area(area) for area in board.flash_areas}
        self.nv_counters = NvCounters(self.otp)
        self.rng = RandomSource(self.otp.read(OtpField.ENTROPY_SEED), seed)
        self.memory = self._memory()
        self.ns_flash = NonSecureFlash(self.memory, self.flash)
        self.clock = VirtualClock()
        self.interrupts = InterruptController()
        self.cpu1_interrupts = InterruptController()
        self.peripherals: dict[str, PeripheralModel] = peripheral_models(
            board.peripherals, self.clock, self.interrupts, self._watchdog_reset, self.cpu1_interrupts
        )
        self.bus = Bus(self.memory, self.peripherals)
        self.its_encryption = ItsEncryption(self.otp, self.rng)
        self.kmu = Kmu()
        self.chip = self._chip_secrets()
        slots = {
            (area.image, SLOT_NUMBERS[area.slot]): self.areas[area.name]
            for area in board.flash_areas
            if area.image is not None and area.slot is not None
        }
        self.hal = PlatformHal(
            self.otp,
            self.nv_counters,
            self.rng,
            self.area_with_role(AreaRole.ITS),
            self.area_with_role(AreaRole.PS),
            self._reset_requested,
            slots,
            self.its_encryption,
            board.ioctl,
            self.kmu,
            Esp32Parts(self.flash[board.flash[0].name], self.memory, slots, board.rom_chip_id),
            None if self.chip is None else Stm32Parts(self.chip, self.area_with_role(AreaRole.WRAPPED_KEYS)),
        )

    def slot(self, image: int, slot: SlotName) -> FlashArea:
        """The slot of an image. Raises BoardError where the board has none."""
        return self.areas[self.board.slot(image, slot).name]

    def area_with_role(self, role: AreaRole) -> FlashArea | None:
        """The area for scratch, PS, ITS or OTP; None where the board has none."""
        description = self.board.area_with_role(role)
        return None if description is None else self.areas[description.name]

    @property
    def dummy_notice(self) -> str | None:
        """The warning that this device carries TF-M's dummy keys, None where it does not."""
        return dummy_notice(self.otp)

    def claim(self, name: str, owner: str, access: Access = Access.READ | Access.WRITE) -> Region:
        """Make what a manifest calls ``name`` secure and ``owner``'s, until ``memory.restore``.

        A peripheral moves from its non-secure address to its secure one. ``access`` is READ for a READ-ONLY
        region. Returns its region. Raises BoardError for a name that the board does not know, a peripheral
        without a secure address, and one that is claimed already.
        """
        return claim_named(self.board, self.memory, name, owner, access)

    def claim_range(
        self, base: int, size: int, owner: str, access: Access = Access.READ | Access.WRITE
    ) -> Region:
        """The same for a numbered MMIO region: ``size`` bytes at the secure address ``base``.

        Raises BoardError where no single secure region holds them, where they are claimed already, and for
        write access to what the board has as read-only.
        """
        return claim_range(self.board, self.memory, base, size, owner, access)

    def reset(self) -> None:
        """A reset: RAM forgets; flash, OTP and counters stay, and are saved to the state directory."""
        self.resets += 1
        self.clear()
        self.save()

    def reseed(self) -> None:
        """The random source takes the ENTROPY_SEED that was burnt since it was made."""
        self.rng.reseed(self.otp.read(OtpField.ENTROPY_SEED), self.seed)

    def clear(self) -> None:
        """What a reset and a power-on do to volatile state: RAM, peripherals, interrupts and the clock."""
        self.power.restore()
        self.memory.clear_ram()
        self.interrupts.reset()
        self.cpu1_interrupts.reset()
        self.clock.reset()
        self.its_encryption.reset()
        self.kmu.reset()
        for model in self.peripherals.values():
            model.reset()

    def save(self) -> None:
        """Bring flash and OTP into the state directory. Raises StateError; does nothing in memory."""
        if self.state is not None:
            images = {f"{name}.bin": bytes(flash.cells) for name, flash in self.flash.items()}
            self.state.save({**images, OTP_FILE: bytes(self.otp)}, self.seed)

    def close(self) -> None:
        """Save, and let the state directory go. A second call does nothing."""
        if self.state is not None:
            try:
                self.save()
            finally:
                self.state.close()
                self.state = None

    def __enter__(self) -> "Hardware":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _reset_requested(self, why: str) -> None:
        if self.on_reset is not None:
            self.on_reset(why)

    def _watchdog_reset(self, name: str) -> None:
        why = f"watchdog {name}: second timeout, for nobody fed it in time"
        self._reset_requested(why)
        raise SystemReset(why)

    def _otp(self, provisioning: Provisioning | None, dummy: Provisioning, image: bytes | None) -> Otp:
        layout, size = self.board.otp.layout, self.board.otp.size
        if image is None:
            return provisioned_otp(provisioning or dummy, layout, size)
        assert self.state is not None
        try:
            otp = Otp.from_bytes(image, layout)
        except OtpError as error:
            raise StateError(f"state directory {self.state.path}: {OTP_FILE}: {error}") from error
        if provisioning is not None:
            wanted = provisioned_otp(provisioning, layout, size)
            for otp_field in layout.fields:
                value = wanted.read(otp_field)
                if otp_field in _COUNTERS or otp_field is OtpField.LCS or not any(value):
                    continue
                if otp.read(otp_field) != value:
                    raise StateError(
                        f"state directory {self.state.path}: its device was provisioned with another "
                        f"{otp_field.name}; legal: the same values, or none for a device that exists"
                    )
        return otp

    def _area(self, area: FlashAreaDescription) -> FlashArea:
        address = self.board.address_of(area)
        return FlashArea(area.id, area.name, self.flash[area.flash], area.offset, area.size, address)

    def _chip_secrets(self) -> ChipSecrets | None:
        area = self.area_with_role(AreaRole.CHIP_SECRETS)
        if area is None:
            return None
        return ChipSecrets(area, self.rng, self.otp.read(OtpField.ENTROPY_SEED), self.seed)

    def _memory(self) -> Memory:
        backing = {f.name: memoryview(f.cells) for f in self.flash.values()}
        backing |= {ram.name: memoryview(bytearray(ram.size)) for ram in self.board.ram}
        backing["otp"] = memoryview(self.otp.cells)
        memory = Memory()
        for region in self.board.regions:
            memory.add(region, backing[region.device][region.offset : region.offset + region.size])
        for p in self.board.peripherals:
            page = Region(
                p.name,
                p.base,
                p.size,
                p.security,
                Access.READ | Access.WRITE,
                kind=RegionKind.PERIPHERAL,
                device=p.name,
            )
            memory.add(page, bytearray(p.size))
        return memory


def _image_files(board: Board) -> dict[str, int]:
    return {**{f"{flash.name}.bin": flash.size for flash in board.flash}, OTP_FILE: board.otp.size}
