"""What BL2 shares of a booted image beside its boot record (MCUBOOT_DATA_SHARING, TF-M shared_data.c).

The two writers of the area do not know of each other. Where both are in a build, MCUboot's first entry of a
boot zeroes the area: what BL1 measured is lost then.
"""

from collections.abc import Iterable
from typing import Final

from ..interface.mcuboot.image import ImageError, ImageHeader
from ..interface.mcuboot.tlv import TlvType, iter_tlvs, load_tlv, tlv_areas
from ..interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384
from ..interface.tfm.boot_measurement import (
    SIGNER_ID_MIN_SIZE,
    MeasurementMetadata,
    MeasurementSlot,
)
from ..interface.tfm.boot_status import TlvMajor
from ..interface.trace import Trace
from .boot_info import boot_info_entries
from .boot_measurement import BootMeasurements
from .boot_status_writer import BootStatusWriter
from .config import Bl2Config, HashAlgorithm, KeyMode, SignatureType
from .keys import key_hash
from .ports import Ports, Slot
from .shared_data_config import RseRotpks

_MEASUREMENT_HASH: Final = {
    HashAlgorithm.SHA256: PSA_ALG_SHA_256,
    HashAlgorithm.SHA384: PSA_ALG_SHA_384,
}
SW_TYPES: Final = {
    MeasurementSlot.RT_0: b"RT_0",
    MeasurementSlot.RT_1: b"RT_1",
    MeasurementSlot.RT_2: b"RT_2",
    MeasurementSlot.RT_3: b"",
}
"""TF-M boot_measurement_sw_type: its table ends before RT_3, and its check lets that slot through."""
_KEY_BUFFER: Final = {
    SignatureType.RSA_2048: 256 + 24,
    SignatureType.RSA_3072: 384 + 24,
    SignatureType.EC_P256: 64 + 32,
    SignatureType.EC_P384: 96 + 48,
    SignatureType.ED25519: 64 + 24,
}
"""Bytes of the longest public key that becomes a signer id; for Ed25519, which TF-M has not, MCUboot's."""


class SharedData:
    """The sharing of one boot."""

    def __init__(self, writer: BootStatusWriter, ports: Ports, config: Bl2Config, trace: Trace) -> None:
        self._writer = writer
        self._measurements = BootMeasurements(ports.memory, *ports.shared_data, trace)
        self._ports = ports
        self._config = config
        self._saved_boot_info = False
        self.problem = ("", "")
        """Of the last call that failed: what was found, and what was wanted."""

    def boot_save_shared_data(self, slot: Slot, header: ImageHeader) -> int:
        """Whatever the build shares of an image: firmware update, measurement or boot info; 0 or an error.

        MCUboot and TF-M have a function of this name each; a build has one of them.
        """
        code = 0
        if self._config.boot_info is not None:
            return self._told(self._save_boot_info(slot), self._writer)
        if self._config.fwu_boot_data:
            code = self._told(self._writer.boot_save_shared_data(slot.image, header.version), self._writer)
        if code == 0 and self._config.measured_boot_api:
            code = self._store_measurement(slot, header)
        return code

    def store_rotpks(self, rotpks: RseRotpks) -> int:
        """Measure the RSE's ROTPKs before any image (TF-M boot_platform_post_init); 0 or an error.

        TF-M add_rotpk_hash_to_shared_area: each is locked and *is* the key's hash; its type tells revocation
        counter and index. The CM's counter stands in both.
        """
        for letter, first, hashes in (
            ("C", MeasurementSlot.CM_ROTPK_0, rotpks.cm),
            ("D", MeasurementSlot.DM_ROTPK_0, rotpks.dm),
        ):
            for index, rotpk in enumerate(hashes):
                algorithm = PSA_ALG_SHA_384 if len(rotpk) == HashAlgorithm.SHA384.size else PSA_ALG_SHA_256
                sw_type = f"{letter}M_{rotpks.reprovisioning}_{index}".encode()
                metadata = MeasurementMetadata(algorithm, b"", SIGNER_ID_MIN_SIZE, sw_type)
                code = self._measurements.boot_store_measurement(first + index, rotpk, metadata, lock=True)
                if code:
                    return self._told(code, self._measurements)
        return 0

    def _told(self, code: int, by: BootStatusWriter | BootMeasurements) -> int:
        if code:
            self.problem = by.problem
        return code

    def _save_boot_info(self, slot: Slot) -> int:
        """Once a boot (MCUboot boot_save_shared_data)."""
        info = self._config.boot_info
        if info is None or self._saved_boot_info:
            return 0
        for minor, data in boot_info_entries(self._config, info, self._ports, slot):
            code = self._writer.boot_add_data_to_shared_area(TlvMajor.BLINFO, 0, minor, data)
            if code:
                return code
        self._saved_boot_info = True
        return 0

    def _store_measurement(self, slot: Slot, header: ImageHeader) -> int:
        """The image's hash and metadata, for slot RT_0 + image; not locked (TF-M boot_save_shared_data)."""
        where = MeasurementSlot.RT_0 + slot.image
        if where not in SW_TYPES:
            self.problem = (f"image {slot.image}", f"measurements go up to image {len(SW_TYPES) - 1}")
            return 1
        try:
            tlvs = iter_tlvs(header, slot.area, tlv_areas(header, slot.area))
            bare = ((tlv.type, load_tlv(slot.area, tlv)) for tlv in tlvs)
            metadata, value = collect_image_measurement(self._config, where, header, bare)
        except ImageError as error:
            self.problem = (f"{error.check} {error.found}", error.wanted)
            return -1
        code = self._measurements.boot_store_measurement(where, value, metadata, lock=False)
        return self._told(code, self._measurements)


def collect_image_measurement(
    config: Bl2Config, slot: int, header: ImageHeader, tlvs: Iterable[tuple[int, bytes]]
) -> tuple[MeasurementMetadata, bytes]:
    """An image's metadata and hash from its TLVs, (type, value) in file order.

    TF-M collect_image_measurement_and_metadata: the signer id is zeros where no TLV of the build's key mode
    gives one, and one of the wrong size is passed over. Raises ImageError for an image hash longer than the
    build's.
    """
    measured = HashAlgorithm.SHA384 if config.image_hash is HashAlgorithm.SHA384 else HashAlgorithm.SHA256
    signer, signer_size, value = b"", SIGNER_ID_MIN_SIZE, bytes(measured.size)
    for type_, data in tlvs:
        if type_ == config.image_hash.tlv:
            value = _fitting(data, config.image_hash.name, measured.size)
        else:
            found = _signer_id(config, measured, type_, data)
            if found is not None:
                signer, signer_size = found, measured.size
    sw_type = SW_TYPES[MeasurementSlot(slot)]
    return MeasurementMetadata(
        _MEASUREMENT_HASH[measured], signer, signer_size, sw_type, header.version
    ), value


def _fitting(data: bytes, name: str, size: int) -> bytes:
    # TF-M boot_save_shared_data: SHA-384 for EC-P384, else SHA-256; SHA-512 images cannot be measured.
    if len(data) > size:
        raise ImageError(
            "collect_image_measurement_and_metadata",
            name,
            f"{len(data)} bytes",
            f"a measurement has at most {size}",
        )
    return data.ljust(size, b"\0")


def _signer_id(config: Bl2Config, measured: HashAlgorithm, type_: int, data: bytes) -> bytes | None:
    """The hash of the signer's key, if the TLV gives it."""
    if config.key_mode is KeyMode.HW_KEY:
        fits = len(data) <= _KEY_BUFFER[config.signature_type]
        return key_hash(data, measured) if type_ == TlvType.PUBKEY and fits else None
    return data if type_ == TlvType.KEYHASH and len(data) == measured.size else None
