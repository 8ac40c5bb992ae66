"""Firmware for a device with ESP-TEE: boot loader, TEE and application as images of ESP-IDF's, signed.

Each is an image of ESP-IDF's own form, which says what it is; what TF-M's boot loaders check is wrapped
around it. The keys are MCUboot's and TF-M's public development keys (NOT SECURE). Nothing of it is run.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from struct import Struct
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from ..bootloader.bl1_config import Bl1Config
from ..device import Device
from ..interface.esp_tee.image import (
    CHECKSUM_ALIGNMENT,
    DESC_OFFSET,
    HASH_SIZE,
    MMU_PAGE_SIZE,
    EspAppDesc,
    EspBootloaderDesc,
    encode_image,
)
from ..interface.mcuboot.image import IMAGE_MAGIC, ImageHeader, ImageVersion
from ..interface.mcuboot.tlv import IMAGE_TLV_INFO_MAGIC, IMAGE_TLV_PROT_INFO_MAGIC, TlvType
from ..platform.board import Board
from .bl2_image import Randomness, make_bl2_image
from .lms_key import dummy_key

KEYS: Final = Path(__file__).parent / "demo" / "keys"
KEY_FILES: Final = ("root-EC-P256.pem", "root-EC-P256_1.pem")
"""Of the TEE and of the application."""
HEADER_SIZE: Final = 0x400
IDF_VERSION: Final = b"v5.5-tfm-sim"
TEE_VERSION: Final = ImageVersion(1, 0, 0)
APP_VERSION: Final = ImageVersion(0, 1, 0)
_TLV: Final = Struct("<HH")
_NOT_RUN: Final = b"tfm-sim: %s stands here; its code is not run."
_TEE_ENTRY: Final = 0x40800400
_APP_ENTRY: Final = 0x40830000
_IDF_TEXTS: Final = (0x42000020, 0x42040020)
"""Where the first segments lie: behind the headers, in the flash of TEE and REE."""


@dataclass(frozen=True, slots=True)
class EspTeeFirmware:
    """What the three images say of themselves. ``chip_revs`` as in `encode_image`.

    ``secure_padding``: TEE and application end with a page of the MMU, as signed images do.
    ``tee_version`` and ``app_version`` are those of the containers that the boot loader compares, and
    ``security_counter`` the one that it never lets fall.
    """

    boot_loader: EspBootloaderDesc = field(default_factory=lambda: EspBootloaderDesc(1, IDF_VERSION))
    tee: EspAppDesc = field(default_factory=lambda: EspAppDesc(b"1.0.0", IDF_VERSION, 0, b"esp_tee"))
    app: EspAppDesc = field(default_factory=lambda: EspAppDesc(b"v0.1.0", IDF_VERSION, 0, b"tee_attestation"))
    chip_revs: tuple[int, int] = (0, 99)
    secure_padding: bool = True
    tee_version: ImageVersion = TEE_VERSION
    app_version: ImageVersion = APP_VERSION
    security_counter: int = 1

    def boot_loader_image(self) -> bytes:
        """ESP-IDF's image of the boot loader."""
        data = self.boot_loader.encode() + _NOT_RUN % b"the boot loader"
        return encode_image([(0x4086E610, data)], entry=0x4086E6B0, chip_revs=self.chip_revs)

    def tee_image(self) -> bytes:
        """ESP-IDF's image of the TEE."""
        return self._padded(_IDF_TEXTS[0], self.tee.encode() + _NOT_RUN % b"the TEE", _TEE_ENTRY)

    def app_image(self) -> bytes:
        """ESP-IDF's image of the REE application."""
        return self._padded(_IDF_TEXTS[1], self.app.encode() + _NOT_RUN % b"the application", _APP_ENTRY)

    def _padded(self, address: int, data: bytes, entry: int) -> bytes:
        if self.secure_padding:
            behind = CHECKSUM_ALIGNMENT + HASH_SIZE
            data = data.ljust(MMU_PAGE_SIZE - behind - DESC_OFFSET, b"\0")
        return encode_image([(address, data)], entry=entry, chip_revs=self.chip_revs)

    def signed_tee(self) -> bytes:
        """The TEE as the boot loader takes it: image 0."""
        return sign_container(self.tee_image(), 0, self.tee_version, self.security_counter)

    def signed_app(self) -> bytes:
        """The application as the boot loader takes it: image 1."""
        return sign_container(self.app_image(), 1, self.app_version, self.security_counter)

    def signed_boot_loader(self, board: Board) -> bytes:
        """The boot loader as the ROM loader takes it. Raises Bl2ImageError for one that is too large."""
        memory = board.bl1
        assert memory is not None  # a board with ESP-TEE has one
        layout = Bl1Config(image_encryption=False).image_layout(memory.bl2_code_size)
        code = self.boot_loader_image()
        fixed = Randomness(bytes(16), hashlib.sha256(b"C" + code).digest())
        return make_bl2_image(code, layout, [dummy_key()], b"", randomness=fixed)


DEMO: Final = EspTeeFirmware()


def flash_esp_tee_firmware(device: Device, firmware: EspTeeFirmware = DEMO) -> None:
    """Write all three images to their first partitions, as ``idf.py flash`` does."""
    device.flash_bl2(firmware.signed_boot_loader(device.hardware.board))
    device.flash_image(0, firmware.signed_tee())
    device.flash_image(1, firmware.signed_app())


@cache
def sign_container(payload: bytes, image: int, version: ImageVersion, security_counter: int) -> bytes:
    """An MCUboot image around ``payload``, signed by ECDSA P-256 with the development key of ``image``."""
    key = load_pem_private_key((KEYS / KEY_FILES[image]).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    protected = _area(IMAGE_TLV_PROT_INFO_MAGIC, [(TlvType.SEC_CNT, security_counter.to_bytes(4, "little"))])
    header = ImageHeader(
        magic=IMAGE_MAGIC,
        hdr_size=HEADER_SIZE,
        protect_tlv_size=len(protected),
        img_size=len(payload),
        version=version,
    )
    hashed = header.encode().ljust(HEADER_SIZE, b"\xff") + payload + protected
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    tlvs = [
        (TlvType.SHA256, hashlib.sha256(hashed).digest()),
        (TlvType.PUBKEY, public),
        (TlvType.ECDSA_SIG, key.sign(hashed, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))),
    ]
    return hashed + _area(IMAGE_TLV_INFO_MAGIC, tlvs)


def _area(magic: int, entries: list[tuple[TlvType, bytes]]) -> bytes:
    body = b"".join(_TLV.pack(type_, len(value)) + value for type_, value in entries)
    return _TLV.pack(magic, _TLV.size + len(body)) + body
