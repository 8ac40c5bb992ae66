"""What a board is: flash, RAM, slots, memory map, peripherals, and which HAL functions a partition may use.

A board is data. The packaged ones lie in ``platform/boards``; a user's own is a YAML file of the same form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, Literal

from ..interface.errors import TfmSimError
from .interrupts import LINES
from .ioctl import IoctlHandler, no_requests
from .memory import Region, Security
from .otp import OtpLayout
from .yaml_source import read_file

SlotName = Literal["primary", "secondary"]
BOARDS_DIRECTORY: Final = Path(__file__).parent / "boards"


BL2_HEADER_MAX_SIZE: Final = 0xD00
"""TF-M TFM_BL1_2_HEADER_MAX_SIZE: room in front of BL2's code for the header of its image."""


class BoardError(TfmSimError):
    """A board description is wrong, or the board lacks what is asked of it."""


class AreaRole(Enum):
    """What a flash area that is no image slot is for."""

    SCRATCH = "scratch"
    PS = "ps"
    ITS = "its"
    OTP = "otp"
    BL2_PRIMARY = "bl2_primary"
    BL2_SECONDARY = "bl2_secondary"
    PROVISIONING = "provisioning"
    """Where the factory leaves provisioning bundles."""
    WRAPPED_KEYS = "wrapped_keys"
    """STM32: the blobs that RSSe-KW wrapped for this chip."""
    CHIP_CERTIFICATES = "chip_certificates"
    """STM32: the parts of the certificates of the chip's keys, in system flash (CERT_CHIP_PACK2)."""
    CHIP_SECRETS = "chip_secrets"
    """STM32: the root key and the authentication keys, which no CPU reads. A board with it has a CCB."""
    FACTORY_DATA = "factory_data"
    """Where a Matter device has its factory data; the non-secure side reads it at its address."""


@dataclass(frozen=True, slots=True)
class FlashDescription:
    """A flash device.

    ``cpu_writable``: a CPU store changes its cells, as on a board that emulates flash in SRAM. The bases are
    where the CPU sees offset 0, None where it does not.
    """

    name: str
    size: int
    erase_block: int
    write_size: int
    erased_value: int = 0xFF
    secure_base: int | None = None
    non_secure_base: int | None = None
    cpu_writable: bool = False
    factory_only: bool = False
    """No software writes or erases it, whatever the memory map says: the maker's own flash of a chip."""


@dataclass(frozen=True, slots=True)
class RamDescription:
    """A RAM device; the bases are where the CPU sees offset 0."""

    name: str
    size: int
    secure_base: int | None = None
    non_secure_base: int | None = None


@dataclass(frozen=True, slots=True)
class FlashAreaDescription:
    """A part of a flash device: an image slot (``image`` and ``slot`` set), an area with a role, or BL2."""

    id: int
    name: str
    flash: str
    offset: int
    size: int
    image: int | None = None
    slot: SlotName | None = None
    role: AreaRole | None = None


@dataclass(frozen=True, slots=True)
class OtpDescription:
    """The OTP: the size of the sector that holds it, and the fields in it."""

    size: int = 0x1000
    layout: OtpLayout = field(default_factory=OtpLayout)


@dataclass(frozen=True, slots=True)
class SharedData:
    """Where BL2 leaves the boot status: address and size in bytes."""

    base: int
    size: int


@dataclass(frozen=True, slots=True)
class Bl1Memory:
    """Where BL1 puts what it runs next: addresses of secure RAM (TF-M region_defs.h), sizes in bytes.

    BL1_2 is as large as the OTP's field for it. In front of ``bl2_code`` lies the header of BL2's image.
    """

    bl1_2_code: int
    bl2_code: int
    bl2_code_size: int


class DeviceModel(Enum):
    """Which registers a peripheral has; each says what its interrupt lines are, in their order.

    ``cmsdk_timer``: its interrupt. ``cmsdk_uart``: receive, transmit, combined; or the combined one alone.
    ``cmsdk_watchdog``: reset request, interrupt; or the interrupt alone: its reset request resets the device
    then. ``sse200_mhu``: that of its two which reaches the secure core, CPU 0; CPU 1 has the same number.
    ``stm32_usart``: its one interrupt.
    """

    CMSDK_TIMER = "cmsdk_timer"
    CMSDK_UART = "cmsdk_uart"
    CMSDK_WATCHDOG = "cmsdk_watchdog"
    SSE200_MHU = "sse200_mhu"
    STM32_USART = "stm32_usart"


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A device on the bus.

    ``mmio_name`` is what a manifest calls it; ``irqs`` maps its interrupt lines' names to their numbers.
    ``model`` None is a page of plain RAM; ``clock`` is the frequency at which a model counts, in hertz, 0
    for one that does not.
    """

    name: str
    size: int
    security: Security
    secure_base: int | None = None
    non_secure_base: int | None = None
    mmio_name: str = ""
    irqs: Mapping[str, int] = field(default_factory=dict)
    model: DeviceModel | None = None
    clock: int = 0

    @property
    def base(self) -> int:
        """The address at which it is reached after boot, by its security state."""
        base = self.secure_base if self.security is Security.SECURE else self.non_secure_base
        assert base is not None  # the board's check
        return base

    @property
    def irq(self) -> int | None:
        """The number of its only or last named line (for AN521's UARTs the combined one)."""
        return list(self.irqs.values())[-1] if self.irqs else None


@dataclass(frozen=True, slots=True)
class DualCore:
    """How the secure core, CPU 0, and the non-secure one, CPU 1, of a board talk to each other.

    ``mhu`` interrupts either for the other; in ``mailbox``, which both may touch, lies the mailbox queue.
    """

    mhu: Peripheral
    mailbox: Region


@dataclass(frozen=True, slots=True)
class Board:
    """One board. Addresses, sizes and offsets are bytes; flash areas are in order of their offset.

    ``mmio_regions`` are the ranges of memory, base and size, that a manifest may claim by a name.
    ``dual_core`` is None where the non-secure side runs on the secure core, in TrustZone's other state.
    ``executable_ram`` is the RAM, base and size, into which BL2 may load each image by its index.
    ``bl1`` is None on a board that boots straight into BL2. ``ioctl`` is code and stands in no YAML file: it
    answers the requests to the platform service that the board has of its own. ``rom_chip_id`` is what the
    ROM of an ESP32 says that it is. The chip boots from the first device in ``flash``.
    """

    name: str
    description: str
    flash: tuple[FlashDescription, ...]
    ram: tuple[RamDescription, ...]
    flash_areas: tuple[FlashAreaDescription, ...]
    max_image_sectors: int
    otp: OtpDescription
    regions: tuple[Region, ...]
    shared_data: SharedData
    peripherals: tuple[Peripheral, ...]
    irq_sources: Mapping[str, int]
    hal_grants: Mapping[str, tuple[str, ...]]
    mmio_regions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    dual_core: DualCore | None = None
    executable_ram: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    bl1: Bl1Memory | None = None
    ioctl: IoctlHandler = no_requests
    rom_chip_id: int = 0

    @property
    def image_count(self) -> int:
        """How many images BL2 boots (MCUBOOT_IMAGE_NUMBER)."""
        return 1 + max(area.image for area in self.flash_areas if area.image is not None)

    def area(self, name: str) -> FlashAreaDescription:
        """The flash area of that name. Raises BoardError where there is none."""
        for area in self.flash_areas:
            if area.name == name:
                return area
        names = ", ".join(area.name for area in self.flash_areas)
        raise BoardError(f"board {self.name}: no flash area {name!r}; legal: {names}")

    def area_with_role(self, role: AreaRole) -> FlashAreaDescription | None:
        """The flash area for scratch, PS, ITS or OTP; None where the board has none."""
        return next((area for area in self.flash_areas if area.role is role), None)

    def slot(self, image: int, slot: SlotName) -> FlashAreaDescription:
        """The slot of an image. Raises BoardError where there is none."""
        for area in self.flash_areas:
            if area.image == image and area.slot == slot:
                return area
        raise BoardError(
            f"board {self.name}: image {image} has no {slot} slot; legal: images 0..{self.image_count - 1}"
        )

    def flash_named(self, name: str) -> FlashDescription:
        """The flash device of that name. Raises BoardError where there is none."""
        for flash in self.flash:
            if flash.name == name:
                return flash
        raise BoardError(f"board {self.name}: no flash {name!r}")

    def address_of(self, area: FlashAreaDescription) -> int:
        """Where a secure CPU access sees the area's first byte; 0 where it is not mapped.

        Flash that is mapped page by page, and so has no base, is seen through the windows of the memory map.
        """
        base = self.flash_named(area.flash).secure_base
        if base is not None:
            return base + area.offset
        for region in self.regions:
            if region.device == area.flash and region.offset <= area.offset < region.offset + region.size:
                return region.base + area.offset - region.offset
        return 0

    def non_secure_address_of(self, area: FlashAreaDescription) -> int:
        """Where a non-secure CPU access, and a programmer, see the area's first byte.

        Raises BoardError where its flash has no such address.
        """
        base = self.flash_named(area.flash).non_secure_base
        if base is None:
            raise BoardError(f"board {self.name}: flash {area.flash} has no non-secure address")
        return base + area.offset

    def peripheral(self, name: str) -> Peripheral | None:
        """The peripheral of that name or manifest name, None where there is none."""
        return next((p for p in self.peripherals if name in (p.name, p.mmio_name)), None)

    @property
    def named_mmio(self) -> dict[str, tuple[int, int]]:
        """Address and size in bytes of everything that a manifest's mmio_regions may name."""
        secure = [(p, p.secure_base) for p in self.peripherals if p.secure_base is not None]
        named = {name: (base, p.size) for p, base in secure for name in (p.name, p.mmio_name) if name}
        return {**named, **self.mmio_regions}

    def irq_number(self, source: str | int) -> int | None:
        """The line behind an interrupt's source in a manifest, None where there is none.

        A source is a name of the board's or an alias for one, or a line's number, whatever is behind it.
        """
        if isinstance(source, int):
            return source if 0 <= source < LINES else None
        return self.irq_sources.get(source)

    def irq_name(self, line: int) -> str:
        """What the board calls a line; its number as text where no peripheral drives it."""
        names = (name for p in self.peripherals for name, number in p.irqs.items() if number == line)
        return next(names, str(line))


def packaged_boards() -> tuple[str, ...]:
    """The names of the boards that come with the package."""
    return tuple(sorted(path.stem for path in BOARDS_DIRECTORY.glob("*.yaml")))


def load_board(name_or_path: str | Path) -> Board:
    """A packaged board by its name, or a user's by the path of its YAML file.

    A text with a path separator or a YAML suffix is a path; so is any other that names no packaged board but
    a file. Raises BoardError with FILE:LINE for whatever is wrong with the description.
    """
    # board_yaml builds the classes above; importing it here keeps the description free of its parser.
    from .board_yaml import parse_board  # noqa: PLC0415

    path = Path(name_or_path)
    if isinstance(name_or_path, str) and "/" not in name_or_path and path.suffix not in (".yaml", ".yml"):
        if name_or_path in packaged_boards():
            path = BOARDS_DIRECTORY / f"{name_or_path}.yaml"
        elif "\0" in name_or_path or not path.is_file():
            raise BoardError(
                f"board {name_or_path!r}: not known; legal: {', '.join(packaged_boards())}, "
                "or the path of a board's YAML file"
            )
    return parse_board(read_file(path, BoardError), str(path))
