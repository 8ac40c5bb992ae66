"""Boot statuses made for a test: components as BL2 would have published them."""

from collections.abc import Sequence

import cbor2

from tfm_sim.interface.tfm.boot_status import BootStatusEntry, Claim, TlvMajor, encode_area, tlv_type


def boot_record(kind: str, version: str) -> bytes:
    """A boot record with zeros for signer and measurement, as imgtool lays it out."""
    return cbor2.dumps({1: kind, 4: version, 5: bytes(32), 6: "SHA256", 2: bytes(32)})


def boot_status_of(records: Sequence[bytes]) -> bytes:
    """The shared data area with one boot record an image, image 0 first."""
    return encode_area(
        [
            BootStatusEntry(tlv_type(TlvMajor.IAS, module, Claim.SW_BOOT_RECORD), record)
            for module, record in enumerate(records)
        ]
    )


def two_component_boot_status() -> bytes:
    """A secure and a non-secure image whose versions are as long as TF-M's own."""
    return boot_status_of([boot_record("SPE", "2.2.2"), boot_record("NSPE", "0.0.0")])
