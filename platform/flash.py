"""Flash devices with erase blocks and program units, and windows into them.

The model is NOR flash: erasing sets a whole block to the erased value, programming only moves bits away
from it. Every program and erase operation has a number at which power can be cut (`power`).
"""

from dataclasses import dataclass

from ..interface.errors import TfmSimError
from .power import CutMode, OperationKind, PowerSupply, torn_write


class FlashError(TfmSimError):
    """An access that the flash device cannot do: out of range, misaligned, or setting programmed bits."""


class Flash:
    """One flash device. Offsets and sizes are bytes, counted from the start of the device.

    ``contents`` are the initial bytes (exactly ``size``); without them the device is all erased.
    ``power`` numbers its writes and erases; without one it has a supply of its own. ``factory_only``: it is
    written and erased with a programmer's power and by no software.
    """

    __slots__ = (
        "_cells",
        "erase_block",
        "erased_value",
        "factory_only",
        "name",
        "power",
        "size",
        "write_size",
    )

    def __init__(
        self,
        name: str,
        size: int,
        erase_block: int,
        write_size: int,
        erased_value: int = 0xFF,
        contents: bytes | None = None,
        power: PowerSupply | None = None,
        *,
        factory_only: bool = False,
    ) -> None:
        if erased_value not in (0x00, 0xFF):
            raise FlashError(f"flash {name}: erased value {erased_value:#x}; legal: 0x00 or 0xff")
        if min(size, erase_block, write_size) < 1 or size % erase_block or erase_block % write_size:
            raise FlashError(
                f"flash {name}: size {size:#x}, erase block {erase_block:#x}, write size {write_size:#x}; "
                "legal: a whole number of erase blocks, each a whole number of program units"
            )
        if contents is not None and len(contents) != size:
            raise FlashError(f"flash {name}: {len(contents)} bytes of contents; legal: its size, {size}")
        self.name = name
        self.size = size
        self.erase_block = erase_block
        self.write_size = write_size
        self.erased_value = erased_value
        self.power = power or PowerSupply()
        self.factory_only = factory_only
        self._cells = bytearray(bytes((erased_value,)) * size if contents is None else contents)

    @property
    def cells(self) -> bytearray:
        """The live cells, for a memory map. A store through it is no numbered operation and obeys no rule."""
        return self._cells

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``. Raises FlashError where the range leaves the device."""
        self._check_range("read", offset, length)
        return bytes(memoryview(self._cells)[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        """Program ``data`` at ``offset``; both in whole program units.

        Raises FlashError where the range leaves the device, is not aligned to ``write_size``, where a
        programmed bit would have to return to its erased state, and for ``factory_only``; PowerCut where
        power goes away.
        """
        self._check_range("write", offset, len(data))
        self._check_alignment("write", offset, len(data), self.write_size)
        self._check_factory("write", offset)
        old = memoryview(self._cells)[offset : offset + len(data)]
        if self._cells.count(self.erased_value, offset, offset + len(data)) != len(data):
            self._check_programmable(offset, bytes(old), data)
        cut = self.power.start(self.name, OperationKind.WRITE, offset, len(data), data)
        old[:] = torn_write(bytes(old), bytes(data)) if cut is CutMode.TORN else data
        if cut is not None:
            self.power.fail(self.name, OperationKind.WRITE, offset, len(data))

    def erase(self, offset: int, length: int) -> None:
        """Set whole erase blocks to the erased value.

        Raises FlashError on a range that is not such and for ``factory_only``, PowerCut where power goes
        away.
        """
        self._check_range("erase", offset, length)
        self._check_alignment("erase", offset, length, self.erase_block)
        self._check_factory("erase", offset)
        cut = self.power.start(self.name, OperationKind.ERASE, offset, length)
        done = length // 2 if cut is CutMode.TORN else length
        self._cells[offset : offset + done] = bytes((self.erased_value,)) * done
        if cut is not None:
            self.power.fail(self.name, OperationKind.ERASE, offset, length)

    def _check_range(self, what: str, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(
                f"flash {self.name}: {what} of {length} bytes at {offset:#x}; legal: inside 0..{self.size:#x}"
            )

    def _check_factory(self, what: str, offset: int) -> None:
        if self.factory_only and not self.power.programming:
            raise FlashError(
                f"flash {self.name}: {what} at {offset:#x} by software; legal: by the factory, nobody else"
            )

    def _check_alignment(self, what: str, offset: int, length: int, unit: int) -> None:
        if offset % unit or length % unit:
            raise FlashError(
                f"flash {self.name}: {what} of {length} bytes at {offset:#x}; "
                f"legal: offset and length in multiples of {unit}"
            )

    def _check_programmable(self, offset: int, old: bytes, new: bytes) -> None:
        """Programming moves bits away from the erased value only: 1 to 0 where erased is 0xff."""
        before, after = int.from_bytes(old, "little"), int.from_bytes(new, "little")
        back = ~before & after if self.erased_value else before & ~after
        if back:
            at = ((back & -back).bit_length() - 1) // 8
            raise FlashError(
                f"flash {self.name}: write at {offset + at:#x} of {new[at]:#04x} over {old[at]:#04x}; "
                f"legal: only bits that are still erased change (erase the block first)"
            )


@dataclass(frozen=True, slots=True)
class FlashArea:
    """A window into a flash device, like MCUboot's ``flash_area``. Offsets are relative to its start.

    ``address`` is where a secure CPU access sees the first byte (0 where the device is not mapped).
    """

    id: int
    name: str
    flash: Flash
    offset: int
    size: int
    address: int = 0

    @property
    def erase_block(self) -> int:
        return self.flash.erase_block

    @property
    def write_size(self) -> int:
        return self.flash.write_size

    @property
    def erased_value(self) -> int:
        return self.flash.erased_value

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``. Raises FlashError outside the area."""
        self._check_range("read", offset, length)
        return self.flash.read(self.offset + offset, length)

    def write(self, offset: int, data: bytes) -> None:
        """Program ``data`` at ``offset``. Raises FlashError outside the area and as Flash.write does."""
        self._check_range("write", offset, len(data))
        self.flash.write(self.offset + offset, data)

    def erase(self, offset: int, length: int) -> None:
        """Erase whole blocks. Raises FlashError outside the area and as Flash.erase does."""
        self._check_range("erase", offset, length)
        self.flash.erase(self.offset + offset, length)

    def _check_range(self, what: str, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(
                f"flash area {self.name}: {what} of {length} bytes at {offset:#x}; "
                f"legal: inside 0..{self.size:#x}"
            )
