"""What a delegated key is bound to: the measurements of the boot, as CBOR (TF-M get_platform_boot_state)."""

from collections.abc import Iterator

from ...interface.psa.client import PsaClient
from ...interface.tfm.boot_measurement import MEASUREMENT_VALUE_MAX_SIZE, SIGNER_ID_MAX_SIZE
from ...interface.tfm.cbor_items import join_array
from ...interface.tfm.measured_boot import (
    NUM_OF_MEASUREMENT_SLOTS,
    SW_TYPE_MAX_SIZE,
    VERSION_MAX_SIZE,
    Measurement,
    tfm_measured_boot_read_measurement,
)
from ...interface.tfm.software_component import encode_measurement


class UnknownMeasurement(Exception):
    """A slot was measured by an algorithm without a name; it never leaves the partition."""


def encode_boot_state(client: PsaClient, *, shrinking_buffers: bool) -> bytes:
    """An array with a map for each populated slot, by slot number; empty without any.

    Raises UnknownMeasurement.
    """
    maps = [_encode(measurement) for measurement in _measurements(client, shrinking=shrinking_buffers)]
    return join_array(maps) if maps else b""


def _measurements(client: PsaClient, *, shrinking: bool) -> Iterator[Measurement]:
    room = (SIGNER_ID_MAX_SIZE, VERSION_MAX_SIZE, SW_TYPE_MAX_SIZE, MEASUREMENT_VALUE_MAX_SIZE)
    for slot in range(NUM_OF_MEASUREMENT_SLOTS):
        # TF-M get_platform_boot_state: whatever the refusal, the next slot is read.
        _, found = tfm_measured_boot_read_measurement(client, slot, *room)
        if found is None:
            continue
        if shrinking:
            fields = (found.signer_id, found.version, found.sw_type, found.measurement_value)
            room = (len(fields[0]), len(fields[1]), len(fields[2]), len(fields[3]))
        yield found


def _encode(measurement: Measurement) -> bytes:
    component = encode_measurement(measurement)
    if component is None:
        raise UnknownMeasurement
    return component
