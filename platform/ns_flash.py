"""The flash driver of the non-secure side: what a program there may read, erase and program by address.

It is the flash controller as the non-secure world reaches it. A page belongs to the world that the board's
memory map gives it to; the secure one's refuses. Writes and erases are numbered like all others (`power`).
"""

from collections.abc import Iterator, Mapping

from .flash import Flash, FlashError
from .memory import Memory, RegionKind


class NonSecureFlashError(FlashError):
    """An address that is no flash of the non-secure side: unmapped, secure, or no flash at all."""


class NonSecureFlash:
    """Flash of the non-secure side by its CPU addresses; addresses and sizes are bytes.

    A range may run over neighbouring regions of one flash device, and must not leave it.
    """

    __slots__ = ("_flash", "_memory")

    def __init__(self, memory: Memory, flash: Mapping[str, Flash]) -> None:
        self._memory = memory
        self._flash = flash

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes from ``address``. Raises NonSecureFlashError for what is not non-secure flash."""
        flash, offset = self._find("read", address, size)
        return flash.read(offset, size)

    def erase(self, address: int, size: int) -> None:
        """Set whole erase blocks to the erased value.

        Raises NonSecureFlashError as read does, FlashError for a range that is not whole blocks of the
        device, PowerCut where power goes away.
        """
        flash, offset = self._find("erase", address, size)
        flash.erase(offset, size)

    def program(self, address: int, data: bytes) -> None:
        """Program ``data``, in whole program units of the device.

        Raises NonSecureFlashError as read does, FlashError for a range that is not whole program units or
        whose bits were programmed already, PowerCut where power goes away.
        """
        flash, offset = self._find("program", address, len(data))
        flash.write(offset, data)

    def erase_block(self, address: int) -> int:
        """Bytes of an erase block there. Raises NonSecureFlashError as read does."""
        return self._find("erase", address, 1)[0].erase_block

    def write_size(self, address: int) -> int:
        """Bytes of a program unit there. Raises NonSecureFlashError as read does."""
        return self._find("program", address, 1)[0].write_size

    def erased_value(self, address: int) -> int:
        """What an erased byte reads there. Raises NonSecureFlashError as read does."""
        return self._find("read", address, 1)[0].erased_value

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Address and size of every region of non-secure flash, by ascending address."""
        for region in self._memory.regions:
            if region.non_secure and region.kind is RegionKind.FLASH:
                yield region.base, region.size

    def _find(self, what: str, address: int, size: int) -> tuple[Flash, int]:
        """The device and the offset in it of a range that the non-secure side owns."""
        at, end, start = address, address + size, None
        while at < end or start is None:
            region = self._memory.find(at) if size >= 0 else None
            if region is None or region.kind is not RegionKind.FLASH or not region.non_secure:
                found = "nothing" if region is None else f"{region.security.value} {region}"
                raise NonSecureFlashError(
                    f"flash {what} of {size} bytes at {address:#010x} by the non-secure side: found {found} "
                    f"at {at:#010x}; legal: {self._legal()}"
                )
            place = (region.device, region.offset + at - region.base)
            if start is None:
                start = place
            elif place != (start[0], start[1] + at - address):
                raise NonSecureFlashError(
                    f"flash {what} of {size} bytes at {address:#010x}: {region.name} at {at:#010x} is not "
                    f"the continuation; legal: a range of one flash device"
                )
            at = region.end
        return self._flash[start[0]], start[1]

    def _legal(self) -> str:
        ranges = ", ".join(f"{base:#010x}..{base + size - 1:#010x}" for base, size in self.ranges())
        return ranges or "none, the board gives it no flash"
