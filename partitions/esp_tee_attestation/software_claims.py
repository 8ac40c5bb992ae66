"""Software claims of boot loader, TEE and REE application (esp_att_utils_part_info.c)."""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.image import (
    APP_DESC_SIZE,
    BOOTLOADER_DESC_SIZE,
    DESC_OFFSET,
    VERSION_SIZE,
    EspAppDesc,
    EspAppDescMissing,
    EspBootloaderDesc,
    EspImageError,
    EspImageInfo,
    check_magic,
    read_image_info,
)
from .config import EspTeeAttestationConfig, TokenForm
from .failure import AttFailure
from .json_text import JsonObject
from .measured_images import MeasuredImages, RunningImage


class PartType(IntEnum):
    """``esp_att_part_type_t``."""

    BOOTLOADER = 0
    TEE = 1
    APP = 2


DIGEST_TYPE_SHA256 = 0
NOT_APPLICABLE = 0xFFFFFFFF
"""Prints as -1."""
_Numbers: Final = Struct("<IHHI")
"""Secure version, chip revisions and type of digest behind the texts."""


@dataclass(frozen=True, slots=True)
class SoftwareClaim:
    """``esp_att_part_metadata_t``."""

    type: PartType
    ver: bytes
    idf_ver: bytes
    secure_ver: int
    chip_revs: tuple[int, int]
    calc_digest: bytes
    digest_validated: bool
    sign_verified: bool
    secure_padding: bool

    def json(self) -> JsonObject:
        """ESP-TEE part_metadata_to_json: the padding of a boot loader is nobody's concern."""
        minimum, maximum = self.chip_revs
        ver, idf_ver = self._texts()
        digest = JsonObject().integer("type", DIGEST_TYPE_SHA256).hex("calc_digest", self.calc_digest)
        digest.boolean("digest_validated", self.digest_validated)
        digest.boolean("sign_verified", self.sign_verified)
        if self.type is not PartType.BOOTLOADER:
            digest.boolean("secure_padding", self.secure_padding)
        claim = JsonObject().integer("type", self.type).string("ver", ver)
        claim.string("idf_ver", idf_ver).integer("secure_ver", self.secure_ver)
        claim.member("part_chip_rev", JsonObject().integer("min", minimum).integer("max", maximum))
        return claim.member("part_digest", digest)

    def _texts(self) -> tuple[bytes, bytes]:
        """ESP-TEE esp_att_part_metadata_t: a text of 32 bytes has no NUL and runs on into what is behind."""
        numbers = _Numbers.pack(self.secure_ver, *self.chip_revs, DIGEST_TYPE_SHA256)
        behind = self.idf_ver.ljust(VERSION_SIZE, b"\0") + numbers
        texts = self.ver.ljust(VERSION_SIZE, b"\0") + behind, behind
        ver, idf_ver = (text.split(b"\0", 1)[0] for text in texts)
        return ver, idf_ver


class SoftwareClaims:
    """Read from flash anew for each token."""

    def __init__(self, images: MeasuredImages, config: EspTeeAttestationConfig) -> None:
        self._images = images
        self._config = config

    @property
    def _verifies_headers(self) -> bool:
        """ESP-IDF process_image_header: since June 2026."""
        return self._config.esp_tee.form is TokenForm.CHALLENGE

    def boot_loader(self) -> SoftwareClaim:
        """ESP-TEE esp_att_utils_get_btl_claim_data. Raises AttFailure.

        ESP-IDF's page has no versions of it, its code the number as the hex digits of four bytes in memory.
        """
        image = self._images.boot_loader(self._config.boot_loader)
        info = self._info(image)
        try:
            raw = self._images.read(image.offset + DESC_OFFSET, BOOTLOADER_DESC_SIZE)
            desc = EspBootloaderDesc.decode(raw)
            # ESP-TEE get_part_chip_rev: behind the description, for boot loader, application and TEE.
            check_magic(info.magic)
        except EspImageError as error:
            raise AttFailure(EspErr.ESP_ERR_NOT_FOUND) from error
        if self._config.esp_tee.form is TokenForm.DOCUMENT:
            return self._claim(PartType.BOOTLOADER, image, info, b"", b"", NOT_APPLICABLE)
        version = desc.version.to_bytes(4, "little").hex().encode()
        return self._claim(PartType.BOOTLOADER, image, info, version, desc.idf_ver, desc.secure_version)

    def app(self) -> SoftwareClaim:
        """ESP-TEE esp_att_utils_get_app_claim_data. Raises AttFailure."""
        return self._firmware(PartType.APP, self._images.app(self._config.app_size))

    def tee(self) -> SoftwareClaim:
        """ESP-TEE esp_att_utils_get_tee_claim_data. Raises AttFailure."""
        return self._firmware(PartType.TEE, self._images.tee(self._config.tee_size))

    def _firmware(self, type_: PartType, image: RunningImage) -> SoftwareClaim:
        info = self._info(image, app=True)
        try:
            desc = EspAppDesc.decode(self._images.read(image.offset + DESC_OFFSET, APP_DESC_SIZE))
            check_magic(info.magic)
        except EspImageError as error:
            raise AttFailure(EspErr.ESP_ERR_NOT_FOUND) from error
        return self._claim(type_, image, info, desc.version, desc.idf_ver, desc.secure_version)

    def _info(self, image: RunningImage, *, app: bool = False) -> EspImageInfo:
        def read(offset: int, size: int) -> bytes:
            return self._images.read(image.offset + offset, size)

        # ESP-TEE get_part_digest: an image that cannot be read. One that can is longer than a hash.
        try:
            return read_image_info(read, image.size, app=app, verify=self._verifies_headers)
        except EspAppDescMissing as error:
            raise AttFailure(EspErr.ESP_FAIL) from error
        except EspImageError as error:
            raise AttFailure(EspErr.ESP_ERR_IMAGE_INVALID) from error

    def _claim(
        self,
        type_: PartType,
        image: RunningImage,
        info: EspImageInfo,
        ver: bytes,
        idf_ver: bytes,
        secure_ver: int,
    ) -> SoftwareClaim:
        digest = self._images.sha256(image.offset, info.hashed_len)
        secure_boot = self._config.secure_boot
        return SoftwareClaim(
            type_,
            ver,
            idf_ver,
            secure_ver,
            (info.min_chip_rev, info.max_chip_rev),
            digest,
            digest == info.image_digest,
            # ESP-TEE get_part_digest: without secure boot nobody looks at signature and padding. The
            # signature is the one that the stage before checked, so it counts for what that one measured.
            secure_boot and image.as_measured,
            secure_boot and info.secure_padding,
        )
