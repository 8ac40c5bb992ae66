"""A software component of a token or of a boot state: one measured slot as CBOR (RFC 9783, 4.4.1)."""

from typing import Final

import cbor2

from ..psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512
from .cbor_items import encode_text, join_map
from .measured_boot import Measurement

# Labels of the map; 3 was the security epoch.
TYPE, VALUE, EPOCH, VERSION, SIGNER_ID, DESCRIPTION = (cbor2.dumps(label) for label in range(1, 7))
_DESCRIPTION_OF: Final = {
    PSA_ALG_SHA_256: b"sha-256",
    PSA_ALG_SHA_384: b"sha-384",
    PSA_ALG_SHA_512: b"sha-512",
}


def encode_measurement(measurement: Measurement) -> bytes | None:
    """The map of a slot, which does not say its number; None where the algorithm has no name.

    TF-M attest_encode_sw_component, encode_firmware_measurement: signer, version, type, name of the hash,
    value.
    """
    description = _DESCRIPTION_OF.get(measurement.measurement_algo)
    if description is None:
        return None
    return join_map(
        [
            *(SIGNER_ID, cbor2.dumps(measurement.signer_id)),
            *(VERSION, encode_text(measurement.version)),
            *(TYPE, encode_text(measurement.sw_type)),
            *(DESCRIPTION, encode_text(description)),
            *(VALUE, cbor2.dumps(measurement.measurement_value)),
        ]
    )
