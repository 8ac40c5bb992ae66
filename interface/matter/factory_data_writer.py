"""How ST's provisioning firmware adds entries to factory data: in place of the end marker."""

from collections.abc import Sequence
from typing import Final

from .factory_data import CREDENTIALS, END_MARKER, HEADER_SIZE, FactoryDataStatus, FactoryDataTag

FACTORY_DATA_LENGTH: Final = 16384
"""Bytes of the area that the firmware reads, erases and writes."""
_NO_LENGTH: Final = 0xFFFFFFFF
_PROVISIONED: Final = tuple(
    tag for tag in CREDENTIALS if tag is not FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY
)


def append_entries(area: bytes, entries: Sequence[tuple[int, bytes]]) -> tuple[FactoryDataStatus, bytes]:
    """FACTORYDATA_Write: the area with ``entries`` where its end marker was, in the order given.

    ``area`` is what the flash holds from the start of the factory data on, at most FACTORY_DATA_LENGTH bytes
    of it count. ST's order is DAC, PAI, public key and, where it is kept in flash, private key; a marker
    with the length 0xFFFFFFFF follows. DATA_NOT_FOUND stands for no marker, for one without an entry ahead of
    it, and for credentials that are there already; BUFFER_TOO_SMALL for entries that do not fit, where ST's
    firmware writes behind its buffer. Then the area comes back as it was.
    """
    at = _marker(area[:FACTORY_DATA_LENGTH])
    if at is None:
        return FactoryDataStatus.DATAFACTORY_DATA_NOT_FOUND, area
    added = b"".join(_header(tag, len(value)) + value for tag, value in entries)
    image = area[:at] + added + _header(END_MARKER, _NO_LENGTH)
    if len(image) > min(len(area), FACTORY_DATA_LENGTH):
        return FactoryDataStatus.DATAFACTORY_BUFFER_TOO_SMALL, area
    return FactoryDataStatus.DATAFACTORY_OK, image + area[len(image) :]


def _marker(area: bytes) -> int | None:
    """Get_MagicKeyWordLocation: where the end marker is, None where the firmware does not find it."""
    at = 0
    while at + HEADER_SIZE <= len(area):
        tag = int.from_bytes(area[at : at + 4], "little")
        length = int.from_bytes(area[at + 4 : at + 8], "little")
        # STM32 FACTORYDATA_Write: erased flash, and any credential but the private key, end the search.
        if tag == length == _NO_LENGTH or tag in _PROVISIONED:
            return None
        if tag == END_MARKER:
            return at or None
        at += HEADER_SIZE + length
    return None


def _header(tag: int, length: int) -> bytes:
    return tag.to_bytes(4, "little") + length.to_bytes(4, "little")
