"""What boot stages tell of an image that they measured (TF-M boot_hal.h, tfm_boot_measurement.h).

One measurement is a pair of entries of major MBS in the boot status: the metadata, then the value. The
metadata is a C structure of the 32-bit ABI: 92 bytes, little endian.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from construct import Bytes, Int32ul, Padding, Struct

from ..mcuboot.image import ImageVersion, ImageVersionLayout
from .boot_status import BootStatusError

MEASUREMENT_VALUE_MIN_SIZE: Final = 32
MEASUREMENT_VALUE_MAX_SIZE: Final = 64
SIGNER_ID_MIN_SIZE: Final = MEASUREMENT_VALUE_MIN_SIZE
SIGNER_ID_MAX_SIZE: Final = MEASUREMENT_VALUE_MAX_SIZE
SW_TYPE_LEN: Final = 10
"""Bytes of the software type in the metadata; a shorter one ends with NUL."""

BootMeasurementMetadata: Final = Struct(
    "measurement_type" / Int32ul,
    "signer_id" / Bytes(SIGNER_ID_MAX_SIZE),
    "signer_id_size" / Int32ul,
    "sw_type" / Bytes(SW_TYPE_LEN),
    Padding(2),
    "sw_version" / ImageVersionLayout,
)
"""``struct boot_measurement_metadata``."""

METADATA_SIZE: Final = int(BootMeasurementMetadata.sizeof())


class MeasurementSlot(IntEnum):
    """``enum boot_measurement_slot_t``: who is measured where."""

    BL1_2 = 0
    BL2 = 1
    RT_0 = 2
    RT_1 = 3
    RT_2 = 4
    RT_3 = 5
    CM_ROTPK_0 = 6
    CM_ROTPK_1 = 7
    CM_ROTPK_2 = 8
    CM_ROTPK_3 = 9
    DM_ROTPK_0 = 10
    DM_ROTPK_1 = 11
    DM_ROTPK_2 = 12
    DM_ROTPK_3 = 13


NO_VERSION: Final = ImageVersion()
BOOT_MEASUREMENT_SLOT_MAX: Final = 32
"""Slots of the measured boot partition; an entry's type has room for 64."""


@dataclass(frozen=True, slots=True)
class MeasurementMetadata:
    """Who made what was measured, and how: the first entry of the pair.

    ``measurement_type`` is a PSA hash algorithm. ``signer_id_size`` in bytes is told apart from
    ``signer_id``, which is the hash of the signer's public key: boot stages state the size of their buffer.
    """

    measurement_type: int
    signer_id: bytes
    signer_id_size: int
    sw_type: bytes
    version: ImageVersion = NO_VERSION

    def encode(self) -> bytes:
        """The 92 bytes. Raises BootStatusError for a signer id or type that is longer than its field."""
        for name, value, limit in (
            ("signer id", self.signer_id, SIGNER_ID_MAX_SIZE),
            ("software type", self.sw_type, SW_TYPE_LEN),
        ):
            if len(value) > limit:
                raise BootStatusError(
                    f"measurement metadata: {name} of {len(value)} bytes; legal: up to {limit}"
                )
        encoded: bytes = BootMeasurementMetadata.build(
            {
                "measurement_type": self.measurement_type,
                "signer_id": self.signer_id.ljust(SIGNER_ID_MAX_SIZE, b"\0"),
                "signer_id_size": self.signer_id_size,
                "sw_type": self.sw_type.ljust(SW_TYPE_LEN, b"\0"),
                "sw_version": ImageVersionLayout.parse(self.version.encode()),
            }
        )
        return encoded

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 92 bytes: the whole signer id field, the software type up to its first NUL.

        Raises BootStatusError for another length. The sizes inside are told as they are, not judged.
        """
        if len(data) != METADATA_SIZE:
            raise BootStatusError(
                f"measurement metadata: {len(data)} bytes; legal: {METADATA_SIZE}, its structure's size"
            )
        raw = BootMeasurementMetadata.parse(data)
        version = ImageVersion.decode(ImageVersionLayout.build(raw.sw_version))
        sw_type = raw.sw_type.split(b"\0", 1)[0]
        return cls(raw.measurement_type, raw.signer_id, raw.signer_id_size, sw_type, version)
