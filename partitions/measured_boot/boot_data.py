"""What boot stages measured, out of the boot status (tf-m-extras collect_shared_measurements)."""

from collections.abc import Iterator
from typing import Final

from ...interface.mcuboot.image import ImageVersion
from ...interface.tfm.boot_measurement import (
    MEASUREMENT_VALUE_MAX_SIZE,
    MEASUREMENT_VALUE_MIN_SIZE,
    METADATA_SIZE,
    SIGNER_ID_MAX_SIZE,
    SIGNER_ID_MIN_SIZE,
    MeasurementMetadata,
)
from ...interface.tfm.boot_status import BootStatusEntry, BootStatusError, Claim, decode_area
from ...interface.tfm.measured_boot import NUM_OF_MEASUREMENT_SLOTS, VERSION_MAX_SIZE, Measurement

_VALUE_CLAIMS: Final = (Claim.SW_MEASURE_VALUE, Claim.SW_MEASURE_VALUE_NON_EXTENDABLE)


class MalformedBootData(Exception):
    """The boot status is not what boot stages write; it never leaves the partition."""


def shared_measurements(area: bytes, *, digits_reversed: bool) -> Iterator[tuple[int, Measurement]]:
    """(slot, measurement) for each pair of entries in an area, as they come.

    A pair is metadata, then a value; the value's own slot number counts. Raises MalformedBootData for any
    other row of entries, sizes out of range, a version text without room, or a slot past 31.
    """
    try:
        entries = iter(decode_area(area))
    except BootStatusError as error:
        raise MalformedBootData from error
    for first in entries:
        metadata = _metadata(first)
        value = next(entries, None)
        if value is None or value.claim not in _VALUE_CLAIMS:
            raise MalformedBootData
        if not (
            SIGNER_ID_MIN_SIZE <= metadata.signer_id_size <= SIGNER_ID_MAX_SIZE
            and MEASUREMENT_VALUE_MIN_SIZE <= len(value.data) <= MEASUREMENT_VALUE_MAX_SIZE
        ):
            raise MalformedBootData
        version = version_text(metadata.version, digits_reversed=digits_reversed)
        # The real partition does not look at the number: past 31 it writes behind its slots.
        if len(version) >= VERSION_MAX_SIZE or value.module >= NUM_OF_MEASUREMENT_SLOTS:
            raise MalformedBootData
        yield (
            value.module,
            Measurement(
                signer_id=metadata.signer_id[: metadata.signer_id_size],
                version=version,
                measurement_algo=metadata.measurement_type,
                sw_type=metadata.sw_type,
                measurement_value=value.data,
                is_locked=value.claim == Claim.SW_MEASURE_VALUE_NON_EXTENDABLE,
            ),
        )


def _metadata(entry: BootStatusEntry) -> MeasurementMetadata:
    if entry.claim != Claim.SW_MEASURE_METADATA or len(entry.data) != METADATA_SIZE:
        raise MalformedBootData
    return MeasurementMetadata.decode(entry.data)


def version_text(version: ImageVersion, *, digits_reversed: bool) -> bytes:
    """``major.minor.revision+build``; TF-M's format_uint puts out the last digit of a number first."""
    numbers = [str(n) for n in (version.major, version.minor, version.revision, version.build)]
    major, minor, revision, build = (n[::-1] if digits_reversed else n for n in numbers)
    return f"{major}.{minor}.{revision}+{build}".encode()
