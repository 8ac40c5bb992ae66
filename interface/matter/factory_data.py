"""Factory data of ST's Matter devices: tags, the TLV form in flash, and the reader that the device has.

An entry is id, length (u32 each, little-endian) and value; entries are sorted by id, but for those that a
device adds behind the others, and end with the marker 0xACACACAC, a u32 without a length. Numbers are
little-endian, strings UTF-8 without a terminator.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from io import BytesIO
from types import MappingProxyType
from typing import Final, Self

from construct import Bytes, ConstructError, Int32ul, Struct, this

from ..errors import TfmSimError

END_MARKER: Final = 0xACACACAC
MAX_VALUE: Final = 602
"""Bytes of the longest value that the device reads; certificates have 600 at most."""
HEADER_SIZE: Final = 8
ENTRY: Final = Struct("id" / Int32ul, "length" / Int32ul, "value" / Bytes(this.length))


class FactoryDataError(TfmSimError):
    """Factory data that cannot be: a value of the wrong form, or bytes that are no entries."""


class FactoryDataTag(IntEnum):
    """FACTORYDATA_TagId of the device's firmware; the names are those of the JSON form."""

    CERTIFICATION_DECLARATION = 1
    FIRMWARE_INFORMATION = 2
    DEVICE_ATTESTATION_CERTIFICATE = 3
    PAI_CERTIFICATE = 4
    DEVICE_ATTESTATION_PRIV_KEY = 5
    DEVICE_ATTESTATION_PUB_KEY = 6
    SETUP_DISCRIMINATOR = 11
    SPAKE2_ITERATION_COUNT = 12
    SPAKE2_SALT = 13
    SPAKE2_VERIFIER = 14
    SPAKE2_SETUP_PASSCODE = 15
    VENDOR_NAME = 21
    VENDOR_ID = 22
    PRODUCT_NAME = 23
    PRODUCT_ID = 24
    SERIAL_NUMBER = 25
    MANUFACTURING_DATE = 26
    HARDWARE_VERSION = 27
    HARDWARE_VERSION_STRING = 28
    ROTATING_DEVICE_ID = 29
    TAG_ID_ENABLE_KEY = 41


class ValueType(Enum):
    """How a value is written; the two numbers have a fixed size."""

    UINT16 = "u16"
    UINT32 = "u32"
    STRING = "string"
    BYTES = "bytes"

    @property
    def size(self) -> int | None:
        """Bytes of a number, None for what has a length of its own."""
        return {ValueType.UINT16: 2, ValueType.UINT32: 4}.get(self)


_NUMBERS: Final = {
    FactoryDataTag.SETUP_DISCRIMINATOR: ValueType.UINT16,
    FactoryDataTag.SPAKE2_ITERATION_COUNT: ValueType.UINT32,
    FactoryDataTag.SPAKE2_SETUP_PASSCODE: ValueType.UINT32,
    FactoryDataTag.VENDOR_ID: ValueType.UINT16,
    FactoryDataTag.PRODUCT_ID: ValueType.UINT16,
    FactoryDataTag.HARDWARE_VERSION: ValueType.UINT16,
}
_STRINGS: Final = (
    FactoryDataTag.VENDOR_NAME,
    FactoryDataTag.PRODUCT_NAME,
    FactoryDataTag.SERIAL_NUMBER,
    FactoryDataTag.MANUFACTURING_DATE,
    FactoryDataTag.HARDWARE_VERSION_STRING,
    FactoryDataTag.ROTATING_DEVICE_ID,
    FactoryDataTag.TAG_ID_ENABLE_KEY,
)
VALUE_TYPES: Final[Mapping[FactoryDataTag, ValueType]] = MappingProxyType(
    {
        tag: _NUMBERS.get(tag, ValueType.STRING if tag in _STRINGS else ValueType.BYTES)
        for tag in FactoryDataTag
    }
)
CREDENTIALS: Final = (
    FactoryDataTag.DEVICE_ATTESTATION_CERTIFICATE,
    FactoryDataTag.PAI_CERTIFICATE,
    FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY,
    FactoryDataTag.DEVICE_ATTESTATION_PUB_KEY,
)
"""What provisioning brings: the file in front of it must not have them."""
_FIXED_SIZES: Final = {
    FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY: 32,
    FactoryDataTag.DEVICE_ATTESTATION_PUB_KEY: 65,
}


def value_problem(tag: FactoryDataTag, value: bytes) -> str | None:
    """Why the device cannot take ``value`` for ``tag``, what was found and what is legal; None if it can."""
    kind = VALUE_TYPES[tag]
    size = kind.size or _FIXED_SIZES.get(tag)
    if size is not None:
        return None if len(value) == size else f"found {len(value)} bytes; legal: {size}"
    if not 1 <= len(value) <= MAX_VALUE:
        # STM32 FACTORYDATA_GetValue: an entry of another length ends every search that reaches it.
        return f"found {len(value)} bytes; legal: 1 to {MAX_VALUE}"
    if kind is ValueType.STRING:
        try:
            value.decode()
        except UnicodeDecodeError as error:
            return f"found no UTF-8 at byte {error.start}; legal: UTF-8 text"
        if 0 in value:
            return f"found a NUL at byte {value.index(0)}; legal: text without one"
    return None


@dataclass(frozen=True, slots=True)
class FactoryData:
    """The values of one device by their tags, in the form that they have in flash.

    Raises FactoryDataError for a value that the device cannot take.
    """

    values: Mapping[FactoryDataTag, bytes]

    def __post_init__(self) -> None:
        ordered = {tag: bytes(self.values[tag]) for tag in sorted(self.values)}
        for tag, value in ordered.items():
            if problem := value_problem(tag, value):
                raise FactoryDataError(f"factory data {tag.name} (id {int(tag)}): {problem}")
        object.__setattr__(self, "values", MappingProxyType(ordered))

    def get(self, tag: FactoryDataTag) -> bytes | None:
        """The value's bytes, None where there is none."""
        return self.values.get(tag)

    def number(self, tag: FactoryDataTag) -> int | None:
        """A u16 or u32 as a number, None where there is none."""
        value = self.values.get(tag)
        return None if value is None else int.from_bytes(value, "little")

    def text(self, tag: FactoryDataTag) -> str | None:
        """A string, None where there is none."""
        value = self.values.get(tag)
        return None if value is None else value.decode()

    def with_values(self, values: Mapping[FactoryDataTag, bytes]) -> Self:
        """The same data with these values added or replaced. Raises FactoryDataError."""
        return type(self)({**self.values, **values})

    def without(self, tags: Iterable[FactoryDataTag]) -> Self:
        """The same data without these tags."""
        gone = set(tags)
        return type(self)({tag: value for tag, value in self.values.items() if tag not in gone})

    def encode(self) -> bytes:
        """The TLV form with its end marker."""
        entries = (
            ENTRY.build({"id": int(tag), "length": len(value), "value": value})
            for tag, value in self.values.items()
        )
        return b"".join(entries) + END_MARKER.to_bytes(4, "little")

    @classmethod
    def decode(cls, data: bytes, skipped: list[int] | None = None) -> Self:
        """Read the TLV form up to its marker; without one, up to the end of ``data``.

        What follows the marker is not looked at. Ids that nobody knows are passed over, as ST's tool does,
        and appended to ``skipped``. Raises FactoryDataError for entries that leave the data, for an id that
        comes twice, and for values that the device cannot take.
        """
        values: dict[FactoryDataTag, bytes] = {}
        for at, number, value in entries(data):
            if number not in VALUE_TYPES:
                if skipped is not None:
                    skipped.append(number)
            elif (tag := FactoryDataTag(number)) in values:
                raise FactoryDataError(
                    f"factory data at byte {at}: {tag.name} (id {number}) for a second time"
                )
            else:
                values[tag] = value
        return cls(values)


def entries(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Offset, id and value of each entry of the TLV form, in the order in which they lie there.

    It ends at the marker or, without one, where ``data`` does. Raises FactoryDataError for an entry that
    leaves the data.
    """
    at, stream = 0, BytesIO(data)  # slices of all that is left would take quadratic time
    while at < len(data) and data[at : at + 4] != END_MARKER.to_bytes(4, "little"):
        try:
            entry = ENTRY.parse_stream(stream)
        except ConstructError as error:
            left = len(data) - at
            raise FactoryDataError(
                f"factory data at byte {at}: found {left} bytes that are no whole entry; legal: id and "
                f"length of 4 bytes each and the value, or the end marker {END_MARKER:#x}"
            ) from error
        yield at, entry.id, entry.value
        at += HEADER_SIZE + entry.length


def number_value(tag: FactoryDataTag, number: int) -> bytes:
    """The bytes of a u16 or u32 value. Raises FactoryDataError for one that does not fit."""
    size = VALUE_TYPES[tag].size
    if size is None or not 0 <= number < 1 << 8 * size:
        legal = "a number only for u16 and u32" if size is None else f"0 to {(1 << 8 * size) - 1:#x}"
        raise FactoryDataError(f"factory data {tag.name} (id {int(tag)}): found {number:#x}; legal: {legal}")
    return number.to_bytes(size, "little")


class FactoryDataStatus(IntEnum):
    """FACTORYDATA_StatusTypeDef; the provisioning firmware sends these numbers as its result.

    The last one is the provisioning firmware's of an STM32WB55; ST's guide has "STM32 not init or fail in
    synchronization" for that number.
    """

    DATAFACTORY_OK = 0
    DATAFACTORY_DATA_NOT_FOUND = 1
    DATAFACTORY_BUFFER_TOO_SMALL = 2
    DATAFACTORY_PARAM_ERROR = 3
    DATAFACTORY_WRITE_IN_CKS_ERROR = 4


@dataclass(frozen=True, slots=True)
class FactoryDataReader:
    """The device's reader (stm32_factorydata.c): it walks the entries from ``start`` on, each time anew.

    ``read`` gives so many bytes at an address, and raises a TfmSimError where it cannot. ``end`` is the last
    address of the area. The reader of X-CUBE-MATTER 1.4 ``knows_marker``: an absent tag ends there as
    DATA_NOT_FOUND. The one before did not: what follows the marker, erased, has a length that no entry has,
    so an absent tag ended as PARAM_ERROR.
    """

    read: Callable[[int, int], bytes]
    start: int
    end: int
    knows_marker: bool = True

    def get_value(self, tag: int, size: int | None) -> tuple[FactoryDataStatus, bytes]:
        """FACTORYDATA_GetValue into a buffer of ``size`` bytes; None is a null pointer.

        Returns the status and, with DATAFACTORY_OK, the value.
        """
        # STM32 FACTORYDATA_GetValue: null pointers first, then the search, then the room.
        if size is None:
            return FactoryDataStatus.DATAFACTORY_PARAM_ERROR, b""
        status, address, length = self._locate(tag)
        if status is not FactoryDataStatus.DATAFACTORY_OK:
            return status, b""
        if length > size:
            return FactoryDataStatus.DATAFACTORY_BUFFER_TOO_SMALL, b""
        value = self._try_read(address, length) if length else b""
        if value is None:
            return FactoryDataStatus.DATAFACTORY_PARAM_ERROR, b""
        return FactoryDataStatus.DATAFACTORY_OK, value

    def _locate(self, tag: int) -> tuple[FactoryDataStatus, int, int]:
        """Get_TagLocation: status, address and length of the value."""
        at = self.start
        while at < self.end:
            header = self._try_read(at, HEADER_SIZE)
            if header is None:
                return FactoryDataStatus.DATAFACTORY_PARAM_ERROR, 0, 0
            found, length = (int.from_bytes(half, "little") for half in (header[:4], header[4:]))
            # STM32 Get_TagLocation: in X-CUBE-MATTER 1.4 the marker ends the search.
            if self.knows_marker and found == END_MARKER:
                return FactoryDataStatus.DATAFACTORY_DATA_NOT_FOUND, 0, 0
            # STM32 Get_TagLocation: the length is judged before the tag is.
            if not 1 <= length <= MAX_VALUE:
                return FactoryDataStatus.DATAFACTORY_PARAM_ERROR, 0, 0
            if found == tag:
                return FactoryDataStatus.DATAFACTORY_OK, at + HEADER_SIZE, length
            at += HEADER_SIZE + length
        # STM32 Get_TagLocation: entries that end exactly at the last address leave the status OK, and place
        # and length unset. In 1.4 both are 0, before that anything; there the model finds nothing.
        if at == self.end and self.knows_marker:
            return FactoryDataStatus.DATAFACTORY_OK, 0, 0
        return FactoryDataStatus.DATAFACTORY_DATA_NOT_FOUND, 0, 0

    def _try_read(self, address: int, size: int) -> bytes | None:
        try:
            return self.read(address, size)
        except TfmSimError:
            return None
