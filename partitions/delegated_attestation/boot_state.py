"""What a delegated key is bound to: the measurements of the boot, as CBOR (TF-M get_platform_boot_state)."""

from collections.abc import Iterator
from typing import Final

import cbor2

from ...interface.psa.client import PsaClient
from ...interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512
from ...interface.tfm.boot_measurement import MEASUREMENT_VALUE_MAX_SIZE, SIGNER_ID_MAX_SIZE
from ...interface.tfm.measured_boot import (
    NUM_OF_MEASUREMENT_SLOTS,
    SW_TYPE_MAX_SIZE,
    VERSION_MAX_SIZE,
    Measurement,
    tfm_measured_boot_read_measurement,
)

# Labels of a software component's map, as in the platform token.
_TYPE, _VALUE, _VERSION, _SIGNER_ID, _DESCRIPTION = (cbor2.dumps(label) for label in (1, 2, 4, 5, 6))
_NAME_OF: Final = {
    PSA_ALG_SHA_256: b"sha-256",
    PSA_ALG_SHA_384: b"sha-384",
    PSA_ALG_SHA_512: b"sha-512",
}
_ARRAY, _MAP, _TEXT = 0x80, 0xA0, 0x60


class UnknownMeasurement(Exception):
    """A slot was measured by an algorithm without a name; it never leaves the partition."""


def encode_boot_state(client: PsaClient, *, shrinking_buffers: bool) -> bytes:
    """An array with a map for each populated slot, by slot number; empty without any.

    Raises UnknownMeasurement.
    """
    maps = [_encode(measurement) for measurement in _measurements(client, shrinking=shrinking_buffers)]
    return _head(_ARRAY, len(maps)) + b"".join(maps) if maps else b""


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
    # TF-M encode_firmware_measurement: signer, version, type, hash name, value; no number of the slot.
    name = _NAME_OF.get(measurement.measurement_algo)
    if name is None:
        raise UnknownMeasurement
    items = (
        (_SIGNER_ID, cbor2.dumps(measurement.signer_id)),
        (_VERSION, _text(measurement.version)),
        (_TYPE, _text(measurement.sw_type)),
        (_DESCRIPTION, _text(name)),
        (_VALUE, cbor2.dumps(measurement.measurement_value)),
    )
    return _head(_MAP, len(items)) + b"".join(label + value for label, value in items)


def _text(text: bytes) -> bytes:
    """A text string of these bytes, UTF-8 or not: nobody looks."""
    return _head(_TEXT, len(text)) + text


def _head(major: int, count: int) -> bytes:
    encoded = cbor2.dumps(count)
    return bytes((encoded[0] | major,)) + encoded[1:]
