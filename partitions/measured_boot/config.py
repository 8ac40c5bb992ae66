"""Build options of the measured boot partition."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512


class MeasurementHash(Enum):
    """MEASURED_BOOT_HASH_ALG: what slots are extended with; the value is TF-M's name."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"

    @property
    def algorithm(self) -> int:
        """The PSA algorithm."""
        return _ALGORITHM[self]

    @property
    def size(self) -> int:
        """MEASUREMENT_VALUE_SIZE in bytes."""
        return _SIZE[self]


_ALGORITHM: Final = {
    MeasurementHash.SHA256: PSA_ALG_SHA_256,
    MeasurementHash.SHA384: PSA_ALG_SHA_384,
    MeasurementHash.SHA512: PSA_ALG_SHA_512,
}
_SIZE: Final = {MeasurementHash.SHA256: 32, MeasurementHash.SHA384: 48, MeasurementHash.SHA512: 64}


@dataclass(frozen=True, slots=True)
class MeasuredBootConfig:
    """The options of one build; the defaults are TF-M's.

    ``store_measurements`` is CONFIG_TFM_BOOT_STORE_MEASUREMENTS: slots are filled from the boot status.
    ``max_boot_data`` in bytes is the partition's room for that, on AN521 four times the shared data area.
    ``version_digits_reversed`` brings back a slip of TF-M: the version text of a boot stage has the digits of
    each number from the last to the first, "21.0.0+0" for version 12.0.0. ``longer_values`` lets a slot be
    extended by a value that is longer than the build's hash; TF-M does so on purpose, its own tests try it.
    """

    hash: MeasurementHash = MeasurementHash.SHA256
    store_measurements: bool = True
    max_boot_data: int = 0x1000
    version_digits_reversed: bool = False
    longer_values: bool = True
