"""What the loader asks of the platform: its flash map, security counters, keys and memory.

TF-M keeps the same seam between MCUboot and the platform (flash_map.c, security_cnt.c, keys.c,
shared_data.c).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..platform.flash import FlashArea
from ..platform.memory import Memory, MemoryFault, RegionKind
from ..platform.nv_counters import NvCounter, NvCounterError, NvCounters
from ..platform.otp import Otp, OtpError, OtpField
from ..platform.provisioning import dummy_notice

PRIMARY: Final = "primary"
SECONDARY: Final = "secondary"
SLOTS: Final = (PRIMARY, SECONDARY)


class SecurityCounterError(Exception):
    """An NV counter cannot take a value; the text says why."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of one image."""

    image: int
    name: str
    area: FlashArea

    @property
    def address(self) -> int:
        """Of its first byte, in the secure memory map."""
        return self.area.address


@dataclass(frozen=True, slots=True)
class Ports:
    """All that BL2 touches of a device.

    ``slots`` by image index and slot name; ``shared_data`` is the area's address and size in bytes;
    ``executable_ram`` those of the RAM into which BL2 may load each image (MCUboot
    boot_get_image_exec_ram_info); ``scratch`` serves the swaps of all images, None where the board has none.
    """

    slots: Mapping[tuple[int, str], FlashArea]
    otp: Otp
    nv_counters: NvCounters
    memory: Memory
    shared_data: tuple[int, int]
    executable_ram: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    scratch: FlashArea | None = None

    def slot(self, image: int, name: str) -> Slot:
        return Slot(image, name, self.slots[image, name])

    def ram(self, address: int, size: int) -> memoryview:
        """RAM as BL2 sees it, before the MPU is set: whatever the rights of the region that is there later.

        Raises MemoryFault where no single region holds the range.
        """
        region = self.memory.find_range(address, size)
        if region is None or region.kind is not RegionKind.RAM:
            raise MemoryFault(address, size, f"{size:#x} bytes at {address:#010x} are not in one RAM region")
        return region.backing[address - region.base : address - region.base + size]

    def security_counter(self, image: int) -> int:
        """NV counter BL2_n of an image index (TF-M boot_nv_security_counter_get)."""
        return self.nv_counters.read(NvCounter.BL2_0 + image)

    def set_security_counter(self, image: int, value: int) -> None:
        """Raise the NV counter (TF-M boot_nv_security_counter_update); raises SecurityCounterError."""
        try:
            self.nv_counters.set(NvCounter(NvCounter.BL2_0 + image), value)
        except NvCounterError as error:
            raise SecurityCounterError(str(error)) from error

    def can_reach(self, image: int, value: int) -> bool:
        """Whether the NV counter could be raised so far (boot_nv_security_counter_is_update_possible)."""
        return value <= self.nv_counters.limit(NvCounter.BL2_0 + image)

    def rotpk(self, image: int, length: int) -> bytes:
        """OTP's BL2_ROTPK of an image index, at most ``length`` bytes; empty where OTP has no such field."""
        try:
            return self.otp.read(OtpField(OtpField.BL2_ROTPK_0 + image), length)
        except OtpError:
            return b""

    def has_dummy_keys(self) -> bool:
        """TF-M tfm_plat_provisioning_check_for_dummy_keys: the IAK's first 8 bytes tell."""
        return dummy_notice(self.otp) is not None

    def is_ram(self, address: int) -> bool:
        """Whether a stack that begins at this address, and grows down, lies in RAM."""
        region = self.memory.find(address - 1)
        return region is not None and region.kind is RegionKind.RAM
