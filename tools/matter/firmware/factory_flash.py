"""Factory data as a program on the device has it: items read one by one, and written all at once."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ....interface.matter.factory_data import (
    END_MARKER,
    HEADER_SIZE,
    MAX_VALUE,
    FactoryDataReader,
    FactoryDataStatus,
    FactoryDataTag,
)
from .machine import NsFlash

_ERASED: Final = 0xFF


class FactoryItem(IntEnum):
    """The items that the programs of this folder ask for."""

    DAC = FactoryDataTag.DEVICE_ATTESTATION_CERTIFICATE
    PAI = FactoryDataTag.PAI_CERTIFICATE
    PRIVATE = FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY
    PUBLIC = FactoryDataTag.DEVICE_ATTESTATION_PUB_KEY
    VENDOR_ID = FactoryDataTag.VENDOR_ID
    PRODUCT_ID = FactoryDataTag.PRODUCT_ID
    SERIAL_NUMBER = FactoryDataTag.SERIAL_NUMBER


class FactoryDataFull(Exception):
    """The items do not fit into their area. ``status`` is DATAFACTORY_BUFFER_TOO_SMALL."""

    status = FactoryDataStatus.DATAFACTORY_BUFFER_TOO_SMALL


class FactoryFlash:
    """The area of the factory data: ``size`` bytes from ``start`` on, whole erase blocks."""

    def __init__(self, flash: NsFlash, start: int, size: int) -> None:
        self._flash = flash
        self._start = start
        self._size = size
        self._reader = FactoryDataReader(flash.read, start, start + size - 1)

    def read(self, tag: int) -> bytes | None:
        """An item's value; None where the device's reader does not find it."""
        status, value = self._reader.get_value(tag, MAX_VALUE)
        return value if status is FactoryDataStatus.DATAFACTORY_OK else None

    def write(self, items: Mapping[int, bytes | None]) -> None:
        """Put items in, or with None take them out; the others stay. Sorted by id, the marker behind them.

        The area is erased and then programmed: where power goes away in between, the factory data are gone,
        and the factory has to write them again. Raises FactoryDataFull.
        """
        found: dict[int, bytes | None] = {**self._items(), **items}
        image = b"".join(
            tag.to_bytes(4, "little") + len(value).to_bytes(4, "little") + value
            for tag, value in sorted(found.items())
            if value is not None
        )
        image += END_MARKER.to_bytes(4, "little")
        image += bytes((_ERASED,)) * (-len(image) % self._flash.write_size(self._start))
        if len(image) > self._size:
            raise FactoryDataFull
        self._flash.erase(self._start, self._size)
        self._flash.program(self._start, image)

    def _items(self) -> dict[int, bytes]:
        """All items as far as they can be read; ids that this program does not know among them."""
        items: dict[int, bytes] = {}
        at, end = self._start, self._start + self._size
        while at + HEADER_SIZE <= end:
            header = self._flash.read(at, HEADER_SIZE)
            tag, length = int.from_bytes(header[:4], "little"), int.from_bytes(header[4:], "little")
            at += HEADER_SIZE
            if tag == END_MARKER or not 1 <= length <= min(MAX_VALUE, end - at):
                break
            items.setdefault(tag, self._flash.read(at, length))
            at += length
        return items
