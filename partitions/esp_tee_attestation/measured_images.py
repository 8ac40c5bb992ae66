"""The images that run, in flash, beside what the boot stages measured: whether they are still the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...interface.esp_tee.errors import EspErr
from ...interface.mcuboot.image import IMAGE_HEADER_SIZE, IMAGE_MAGIC, ImageHeader
from ...interface.psa.crypto import psa_hash_compute, psa_hash_finish, psa_hash_setup, psa_hash_update
from ...interface.psa.crypto_types import psa_hash_operation_t
from ...interface.psa.crypto_values import PSA_ALG_SHA_256
from ...interface.psa.status import PSA_SUCCESS
from ...interface.tfm.boot_measurement import MeasurementSlot
from ...interface.tfm.measured_boot import tfm_measured_boot_read_measurement
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi
from .config import BootLoaderPart
from .failure import AttFailure

_CHUNK: Final = 0x1000
_HASH_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class RunningImage:
    """ESP-IDF's image of a part that runs: offset in flash and room, in bytes.

    ``as_measured``: what lies around it in flash is what the stage before it checked and measured at boot.
    """

    offset: int
    size: int
    as_measured: bool


class MeasuredImages:
    """Flash through the platform, hashes from the crypto service, measurements from measured boot."""

    def __init__(self, psa: PartitionApi) -> None:
        self._psa = psa

    def read(self, offset: int, size: int) -> bytes:
        """ESP-TEE esp_tee_flash_read: bytes of flash. Raises AttFailure FLASH_OP_FAIL past its end."""
        try:
            return self._psa.hal.esp_tee_flash_read(offset, size)
        except PlatError as error:
            raise AttFailure(EspErr.ESP_ERR_FLASH_OP_FAIL) from error

    def sha256(self, offset: int, size: int) -> bytes:
        """ESP-TEE get_flash_contents_sha256, piece by piece. Raises AttFailure FAIL."""
        operation = psa_hash_operation_t()
        status = psa_hash_setup(self._psa, operation, PSA_ALG_SHA_256)
        at = offset
        while status == PSA_SUCCESS and at < offset + size:
            piece = self.read(at, min(_CHUNK, offset + size - at))
            status = psa_hash_update(self._psa, operation, piece)
            at += len(piece)
        if status == PSA_SUCCESS:
            status, digest = psa_hash_finish(self._psa, operation, _HASH_SIZE)
        if status != PSA_SUCCESS:
            raise AttFailure(EspErr.ESP_FAIL)
        return digest

    def boot_loader(self, part: BootLoaderPart | None) -> RunningImage:
        """The boot loader, which the ROM loader measured. Raises AttFailure."""
        if part is None:
            raise AttFailure(EspErr.ESP_ERR_NOT_FOUND)
        digest = self.sha256(part.offset + part.measured_offset, part.measured_size)
        size = part.size - part.image_offset
        same = self._extended(digest) == self._measured(MeasurementSlot.BL2)
        return RunningImage(part.offset + part.image_offset, size, same)

    def tee(self, size: int) -> RunningImage:
        """The TEE in its partition of ``size`` bytes, which the boot loader measured. Raises AttFailure."""
        where = self._psa.hal.bootloader_utility_tee_get_boot_partition
        return self._firmware(where, size, MeasurementSlot.RT_0)

    def app(self, size: int) -> RunningImage:
        """The same of the application."""
        where = self._psa.hal.esp_tee_flash_get_running_ree_partition
        return self._firmware(where, size, MeasurementSlot.RT_1)

    def _firmware(self, where: Callable[[], int], size: int, slot: MeasurementSlot) -> RunningImage:
        """The image in the partition that runs, whatever lies in the other one. Raises AttFailure NOT_FOUND.

        What booted from there may have changed since: it is told by the measurement in ``slot``.
        """
        try:
            offset = where()
        except PlatError as error:
            raise AttFailure(EspErr.ESP_ERR_NOT_FOUND) from error
        header = ImageHeader.decode(self.read(offset, IMAGE_HEADER_SIZE))
        # The boot loader's container: it would not have booted one that passes its partition.
        if header.magic != IMAGE_MAGIC or header.hashed_size > size:
            raise AttFailure(EspErr.ESP_ERR_NOT_FOUND)
        same = self._extended(self.sha256(offset, header.hashed_size)) == self._measured(slot)
        return RunningImage(offset + header.hdr_size, header.img_size, same)

    def _extended(self, digest: bytes) -> bytes:
        """What a slot holds that took this measurement and none after it."""
        # TF-M measured_boot_extend_measurement: an empty slot is zeros, and is extended like any other.
        status, value = psa_hash_compute(self._psa, PSA_ALG_SHA_256, bytes(_HASH_SIZE) + digest, _HASH_SIZE)
        if status != PSA_SUCCESS:
            raise AttFailure(EspErr.ESP_FAIL)
        return value

    def _measured(self, slot: MeasurementSlot) -> bytes | None:
        status, found = tfm_measured_boot_read_measurement(self._psa, slot)
        if found is None or status != PSA_SUCCESS or found.measurement_algo != PSA_ALG_SHA_256:
            return None
        return found.measurement_value
