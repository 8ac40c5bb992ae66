"""Factory data as a program on the device has it: items read one by one, credentials added all at once."""

from enum import IntEnum
from typing import Final

from ....interface.matter.factory_data import (
    MAX_VALUE,
    FactoryDataReader,
    FactoryDataStatus,
    FactoryDataTag,
)
from ....interface.matter.factory_data_writer import FACTORY_DATA_LENGTH, append_entries
from .boards import BoardSupport
from .machine import NsFlash

PAGE: Final = 256
"""Bytes that ST's drivers program at once: a page of the STM32WB5MM-DK's external flash."""


class FactoryItem(IntEnum):
    """The items that the programs of this folder ask for."""

    DAC = FactoryDataTag.DEVICE_ATTESTATION_CERTIFICATE
    PAI = FactoryDataTag.PAI_CERTIFICATE
    PRIVATE = FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY
    PUBLIC = FactoryDataTag.DEVICE_ATTESTATION_PUB_KEY
    VENDOR_ID = FactoryDataTag.VENDOR_ID
    PRODUCT_ID = FactoryDataTag.PRODUCT_ID
    SERIAL_NUMBER = FactoryDataTag.SERIAL_NUMBER


class FactoryDataRefused(Exception):
    """FACTORYDATA_Write fails with ``status``, and the flash is as it was."""

    def __init__(self, status: FactoryDataStatus) -> None:
        super().__init__(status)
        self.status = status


class FactoryUpdate:
    """The factory data in RAM, as FACTORYDATA_Write has them: entries come in place of their marker.

    Raises FactoryDataRefused: DATA_NOT_FOUND where there is no place for entries, or credentials already.
    """

    def __init__(self, flash: NsFlash, board: BoardSupport) -> None:
        self._flash = flash
        self._start = board.factory_data
        self._size = board.factory_data_size
        self._before = flash.read(self._start, FACTORY_DATA_LENGTH)
        self._entries: list[tuple[int, bytes]] = []
        self._image = self._appended()

    def append(self, tag: int, value: bytes) -> None:
        """One more entry. Raises FactoryDataRefused: BUFFER_TOO_SMALL where it does not fit."""
        self._entries.append((tag, value))
        self._image = self._appended()

    def write(self) -> None:
        """To flash: whole erase blocks first, then all 16 KiB, page by page.

        STM32 FACTORYDATA_Write: nothing keeps the old data meanwhile. Where power goes away in here the
        factory data are gone, and the factory has to write them again.
        """
        self._flash.erase(self._start, self._size)
        for at in range(0, len(self._image), PAGE):
            self._flash.program(self._start + at, self._image[at : at + PAGE])

    def _appended(self) -> bytes:
        status, image = append_entries(self._before, self._entries)
        if status is not FactoryDataStatus.DATAFACTORY_OK:
            raise FactoryDataRefused(status)
        return image


class FactoryFlash:
    """A board's area of the factory data."""

    def __init__(self, flash: NsFlash, board: BoardSupport) -> None:
        self._flash = flash
        self._board = board
        self._reader = FactoryDataReader(flash.read, board.factory_data, board.factory_data_end)

    def read(self, tag: int) -> bytes | None:
        """An item's value; None where the device's reader does not find it."""
        status, value = self._reader.get_value(tag, MAX_VALUE)
        return value if status is FactoryDataStatus.DATAFACTORY_OK else None

    def update(self) -> FactoryUpdate:
        """For credentials to be added. Raises FactoryDataRefused."""
        return FactoryUpdate(self._flash, self._board)
