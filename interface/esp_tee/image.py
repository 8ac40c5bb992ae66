"""ESP-IDF application images (esp_app_format.h, esp_image_format.h, esp_app_desc.h), little endian.

``header | segments | zeros | checksum | SHA-256``: each segment is a header of 8 bytes and its data, in whole
words; the checksum is one byte, the last of a block of 16, and the hash, where the header says that there is
one, covers everything before it. The description of what the image is lies at the start of the first
segment's data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from construct import Bytes, Int8ul, Int16ul, Int32ul, Struct

from ..errors import TfmSimError

ESP_IMAGE_HEADER_MAGIC: Final = 0xE9
ESP_IMAGE_MAX_SEGMENTS: Final = 16
ESP_APP_DESC_MAGIC_WORD: Final = 0xABCD5432
ESP_BOOTLOADER_DESC_MAGIC_BYTE: Final = 80
ESP_CHIP_ID_ESP32C6: Final = 13
CHECKSUM_SEED: Final = 0xEF
CHECKSUM_ALIGNMENT: Final = 16
HASH_SIZE: Final = 32
VERSION_SIZE: Final = 32
FLASH_SECTOR_SIZE: Final = 0x1000
MMU_PAGE_SIZE: Final = 0x10000
MMU_PAGE_BITS: Final = range(13, 17)
"""Sizes of a page as a description gives them, 2^13 to 2^16 bytes; any other stands for `MMU_PAGE_SIZE`."""
MMU_PAGE_BITS_UNVERIFIED: Final = range(1, 17)
MAPPED: Final = range(0x42000000, 0x43000000)
"""Addresses where an ESP32-C6 sees its flash: a segment for them is mapped and not loaded."""
SEGMENT_ALIGNMENT: Final = 4
MAX_FLASH_SIZE: Final = 0x1000000
"""ESP_IMAGE_MAX_FLASH_ADDR_SIZE: a segment is smaller."""

EspImageHeader: Final = Struct(
    "magic" / Int8ul,
    "segment_count" / Int8ul,
    "spi_mode" / Int8ul,
    "spi_speed_size" / Int8ul,
    "entry_addr" / Int32ul,
    "wp_pin" / Int8ul,
    "spi_pin_drv" / Bytes(3),
    "chip_id" / Int16ul,
    "min_chip_rev" / Int8ul,
    "min_chip_rev_full" / Int16ul,
    "max_chip_rev_full" / Int16ul,
    "reserved" / Bytes(4),
    "hash_appended" / Int8ul,
)
"""``esp_image_header_t``, 24 bytes."""
EspSegmentHeader: Final = Struct("load_addr" / Int32ul, "data_len" / Int32ul)
"""``esp_image_segment_header_t``, 8 bytes."""
EspAppDescLayout: Final = Struct(
    "magic_word" / Int32ul,
    "secure_version" / Int32ul,
    "reserv1" / Bytes(8),
    "version" / Bytes(VERSION_SIZE),
    "project_name" / Bytes(32),
    "time" / Bytes(16),
    "date" / Bytes(16),
    "idf_ver" / Bytes(VERSION_SIZE),
    "app_elf_sha256" / Bytes(32),
    "min_efuse_blk_rev_full" / Int16ul,
    "max_efuse_blk_rev_full" / Int16ul,
    "mmu_page_size" / Int8ul,
    "spi_flash_mode" / Int8ul,
    "reserv3" / Bytes(2),
    "reserv2" / Bytes(72),
)
"""``esp_app_desc_t``, 256 bytes."""
EspBootloaderDescLayout: Final = Struct(
    "magic_byte" / Int8ul,
    "reserved" / Bytes(2),
    "secure_version" / Int8ul,
    "version" / Int32ul,
    "idf_ver" / Bytes(VERSION_SIZE),
    "date_time" / Bytes(24),
    "reserved2" / Bytes(16),
)
"""``esp_bootloader_desc_t``, 80 bytes."""

HEADER_SIZE: Final = int(EspImageHeader.sizeof())
SEGMENT_HEADER_SIZE: Final = int(EspSegmentHeader.sizeof())
APP_DESC_SIZE: Final = int(EspAppDescLayout.sizeof())
BOOTLOADER_DESC_SIZE: Final = int(EspBootloaderDescLayout.sizeof())
DESC_OFFSET: Final = HEADER_SIZE + SEGMENT_HEADER_SIZE

Read = Callable[[int, int], bytes]
"""``length`` bytes at ``offset`` of an image."""


class EspImageError(TfmSimError):
    """Bytes are no image of ESP-IDF's, or not the one that they should be."""


class EspAppDescMissing(EspImageError):
    """An application's first segment does not begin with its description."""


@dataclass(frozen=True, slots=True)
class EspAppDesc:
    """What an application says of itself. Texts are up to 32 bytes, cut at the first NUL."""

    version: bytes
    idf_ver: bytes
    secure_version: int = 0
    project_name: bytes = b""

    def encode(self) -> bytes:
        """The 256 bytes; longer texts are cut, as ESP-IDF's build does."""
        encoded: bytes = EspAppDescLayout.build(
            {
                "magic_word": ESP_APP_DESC_MAGIC_WORD,
                "secure_version": self.secure_version,
                "reserv1": bytes(8),
                "version": _field(self.version),
                "project_name": _field(self.project_name),
                "time": bytes(16),
                "date": bytes(16),
                "idf_ver": _field(self.idf_ver),
                "app_elf_sha256": bytes(32),
                "min_efuse_blk_rev_full": 0,
                "max_efuse_blk_rev_full": 99,
                "mmu_page_size": 16,
                "spi_flash_mode": 0,
                "reserv3": bytes(2),
                "reserv2": bytes(72),
            }
        )
        return encoded

    @classmethod
    def decode(cls, raw: bytes) -> "EspAppDesc":
        """From 256 bytes. Raises EspImageError for another magic word."""
        desc = EspAppDescLayout.parse(_enough(raw, APP_DESC_SIZE, "app description"))
        if desc.magic_word != ESP_APP_DESC_MAGIC_WORD:
            raise EspImageError(
                f"app description: magic word {int(desc.magic_word):#010x}; "
                f"legal: {ESP_APP_DESC_MAGIC_WORD:#010x}"
            )
        return cls(
            _text(desc.version), _text(desc.idf_ver), int(desc.secure_version), _text(desc.project_name)
        )


@dataclass(frozen=True, slots=True)
class EspBootloaderDesc:
    """The same for the boot loader, whose version is a number."""

    version: int
    idf_ver: bytes
    secure_version: int = 0

    def encode(self) -> bytes:
        """The 80 bytes."""
        encoded: bytes = EspBootloaderDescLayout.build(
            {
                "magic_byte": ESP_BOOTLOADER_DESC_MAGIC_BYTE,
                "reserved": bytes(2),
                "secure_version": self.secure_version,
                "version": self.version,
                "idf_ver": _field(self.idf_ver),
                "date_time": bytes(24),
                "reserved2": bytes(16),
            }
        )
        return encoded

    @classmethod
    def decode(cls, raw: bytes) -> "EspBootloaderDesc":
        """From 80 bytes. Raises EspImageError for another magic byte."""
        desc = EspBootloaderDescLayout.parse(_enough(raw, BOOTLOADER_DESC_SIZE, "boot loader description"))
        if desc.magic_byte != ESP_BOOTLOADER_DESC_MAGIC_BYTE:
            raise EspImageError(
                f"boot loader description: magic byte {int(desc.magic_byte)}; "
                f"legal: {ESP_BOOTLOADER_DESC_MAGIC_BYTE}"
            )
        return cls(int(desc.version), _text(desc.idf_ver), int(desc.secure_version))


@dataclass(frozen=True, slots=True)
class EspImageInfo:
    """What esp_image_get_metadata finds: ``image_len`` in bytes with the hash, which is empty without one."""

    magic: int
    chip_id: int
    min_chip_rev: int
    max_chip_rev: int
    image_len: int
    image_digest: bytes

    @property
    def hashed_len(self) -> int:
        """Bytes that the digest covers."""
        return self.image_len - HASH_SIZE

    @property
    def secure_padding(self) -> bool:
        """Whether a secure boot signature may follow on the image's last page of the MMU."""
        signed = self.image_len + -self.image_len % FLASH_SECTOR_SIZE
        return signed % MMU_PAGE_SIZE == 0


def read_image_info(read: Read, room: int, *, app: bool = False, verify: bool = True) -> EspImageInfo:
    """Header and segment headers of an image that has ``room`` bytes at most and lies at the start of a page.

    Raises EspImageError for another magic, too many segments, those that are no whole words, as large as
    flash, mapped where they do not lie or past the room; EspAppDescMissing for an ``app`` without; and what
    ``read`` raises. Until June 2026 ESP-IDF did not ``verify`` the magic, nor that a description is whole.
    """
    header = EspImageHeader.parse(_enough(read(0, HEADER_SIZE), HEADER_SIZE, "image header"))
    count = int(header.segment_count)
    too_many = EspImageError(f"image: {count} segments; legal: up to {ESP_IMAGE_MAX_SEGMENTS}")
    if verify:
        check_magic(int(header.magic))
        if count > ESP_IMAGE_MAX_SEGMENTS:
            raise too_many
    offset = HEADER_SIZE
    page = MMU_PAGE_SIZE
    for index in range(count):
        if index == ESP_IMAGE_MAX_SEGMENTS:
            raise too_many
        if offset + SEGMENT_HEADER_SIZE > room:
            raise EspImageError(f"image: segment {index} at {offset:#x}; legal: inside {room:#x} bytes")
        raw = _enough(read(offset, SEGMENT_HEADER_SIZE), SEGMENT_HEADER_SIZE, "segment header")
        segment = EspSegmentHeader.parse(raw)
        load_addr, length = int(segment.load_addr), int(segment.data_len)
        offset += SEGMENT_HEADER_SIZE
        if length % SEGMENT_ALIGNMENT or length >= MAX_FLASH_SIZE:
            raise EspImageError(
                f"image: segment {index} of {length:#x} bytes; legal: whole words, below {MAX_FLASH_SIZE:#x}"
            )
        if app and index == 0:
            size = min(length, APP_DESC_SIZE) if verify else APP_DESC_SIZE
            page = _app_page_size(read(offset, size), MMU_PAGE_BITS if verify else MMU_PAGE_BITS_UNVERIFIED)
        if load_addr in MAPPED and (load_addr - offset) % page:
            raise EspImageError(
                f"image: segment {index} at {offset:#x} for {load_addr:#x}; legal: the same place in a page"
            )
        offset += length
    end = offset + 1
    end += -end % CHECKSUM_ALIGNMENT
    hash_size = HASH_SIZE if header.hash_appended else 0
    if end + hash_size > room:
        raise EspImageError(f"image: {end + hash_size:#x} bytes; legal: up to {room:#x}")
    return EspImageInfo(
        int(header.magic),
        int(header.chip_id),
        int(header.min_chip_rev_full),
        int(header.max_chip_rev_full),
        end + hash_size,
        _enough(read(end, HASH_SIZE), HASH_SIZE, "image hash") if hash_size else b"",
    )


def check_magic(magic: int) -> None:
    """Raises EspImageError for a header's first byte that is another."""
    if magic != ESP_IMAGE_HEADER_MAGIC:
        raise EspImageError(f"image: magic {magic:#04x}; legal: {ESP_IMAGE_HEADER_MAGIC:#x}")


def _app_page_size(raw: bytes, legal: range) -> int:
    """ESP-IDF verify_segment_header: a segment too short for a description, then one without its magic."""
    desc = EspAppDescLayout.parse(_enough(raw, APP_DESC_SIZE, "first segment"))
    if desc.magic_word != ESP_APP_DESC_MAGIC_WORD:
        found = f"magic word {int(desc.magic_word):#010x}"
        raise EspAppDescMissing(f"app description: {found}; legal: {ESP_APP_DESC_MAGIC_WORD:#010x}")
    return 1 << int(desc.mmu_page_size) if desc.mmu_page_size in legal else MMU_PAGE_SIZE


def encode_image(
    segments: Sequence[tuple[int, bytes]],
    *,
    entry: int,
    chip_id: int = ESP_CHIP_ID_ESP32C6,
    chip_revs: tuple[int, int] = (0, 99),
) -> bytes:
    """An image of (load address, data) segments with its checksum and hash, as esptool's elf2image has it.

    Zeros fill the last word of each segment.
    ``chip_revs`` are the least and the greatest revision that it runs on, major * 100 + minor.
    """
    image: bytes = EspImageHeader.build(
        {
            "magic": ESP_IMAGE_HEADER_MAGIC,
            "segment_count": len(segments),
            "spi_mode": 2,
            "spi_speed_size": 0x20,
            "entry_addr": entry,
            "wp_pin": 0xEE,
            "spi_pin_drv": bytes(3),
            "chip_id": chip_id,
            "min_chip_rev": chip_revs[0] // 100,
            "min_chip_rev_full": chip_revs[0],
            "max_chip_rev_full": chip_revs[1],
            "reserved": bytes(4),
            "hash_appended": 1,
        }
    )
    checksum = CHECKSUM_SEED
    for address, code in segments:
        data = code + bytes(-len(code) % SEGMENT_ALIGNMENT)
        image += EspSegmentHeader.build({"load_addr": address, "data_len": len(data)}) + data
        for byte in data:
            checksum ^= byte
    image += bytes(-(len(image) + 1) % CHECKSUM_ALIGNMENT) + bytes([checksum])
    return image + sha256(image).digest()


def _field(text: bytes) -> bytes:
    return text[: VERSION_SIZE - 1].ljust(VERSION_SIZE, b"\0")


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _enough(raw: bytes, size: int, what: str) -> bytes:
    if len(raw) < size:
        raise EspImageError(f"{what}: {len(raw)} bytes; legal: {size}")
    return raw[:size]
