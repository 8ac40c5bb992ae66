"""MCUboot images: the 32-byte header, versions and flags.

An image is ``header | payload | protected TLVs | unprotected TLVs``, all integers little endian. The header
proper takes 32 bytes of ``ih_hdr_size``; the rest of that room is padding. TLVs are in `tlv`.
"""

from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache
from typing import Final, Protocol

from construct import Int8ul, Int16ul, Int32ul, Struct

from ..errors import TfmSimError

IMAGE_MAGIC: Final = 0x96F3B83D
IMAGE_MAGIC_V1: Final = 0x96F3B83C
IMAGE_HEADER_SIZE: Final = 32
IMAGE_VERSION_SIZE: Final = 8
U32_MAX: Final = 0xFFFFFFFF

ImageVersionLayout: Final = Struct(
    "iv_major" / Int8ul, "iv_minor" / Int8ul, "iv_revision" / Int16ul, "iv_build_num" / Int32ul
)
ImageHeaderLayout: Final = Struct(
    "ih_magic" / Int32ul,
    "ih_load_addr" / Int32ul,
    "ih_hdr_size" / Int16ul,
    "ih_protect_tlv_size" / Int16ul,
    "ih_img_size" / Int32ul,
    "ih_flags" / Int32ul,
    "ih_ver" / ImageVersionLayout,
    "pad1" / Int32ul,
)


class ImageFlag(IntFlag):
    """``ih_flags``. Unknown bits are kept."""

    PIC = 0x1
    ENCRYPTED_AES128 = 0x4
    ENCRYPTED_AES256 = 0x8
    NON_BOOTABLE = 0x10
    RAM_LOAD = 0x20
    ROM_FIXED = 0x100
    COMPRESSED_LZMA1 = 0x200
    COMPRESSED_LZMA2 = 0x400
    COMPRESSED_ARM_THUMB = 0x800


NO_FLAGS: Final = ImageFlag(0)
ENCRYPTED_FLAGS: Final = ImageFlag.ENCRYPTED_AES128 | ImageFlag.ENCRYPTED_AES256
COMPRESSED_FLAGS: Final = (
    ImageFlag.COMPRESSED_LZMA1 | ImageFlag.COMPRESSED_LZMA2 | ImageFlag.COMPRESSED_ARM_THUMB
)


class ImageSource(Protocol):
    """Where an image is read from: a flash slot, or a file that reads as erased flash behind its end."""

    @property
    def size(self) -> int: ...

    @property
    def erased_value(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; raises a TfmSimError where they pass the end of the source."""


class ImageError(TfmSimError):
    """An image breaks a rule of the format or of the loader.

    ``rule`` names MCUboot's function that holds the rule, ``check`` what was looked at; ``found`` and
    ``wanted`` are complete phrases.
    """

    def __init__(self, rule: str, check: str, found: str, wanted: str) -> None:
        super().__init__(f"{check}: found {found}; {wanted}")
        self.rule = rule
        self.check = check
        self.found = found
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class ImageVersion:
    """``major.minor.revision+build`` (u8, u8, u16, u32)."""

    major: int = 0
    minor: int = 0
    revision: int = 0
    build: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.revision}+{self.build}"

    @property
    def comparable(self) -> tuple[int, int, int]:
        """What boot_compare_version looks at: the build number does not count."""
        return self.major, self.minor, self.revision

    def encode(self) -> bytes:
        encoded: bytes = ImageVersionLayout.build(
            {
                "iv_major": self.major,
                "iv_minor": self.minor,
                "iv_revision": self.revision,
                "iv_build_num": self.build,
            }
        )
        return encoded

    @classmethod
    def decode(cls, data: bytes) -> "ImageVersion":
        """From the 8 bytes of a ``struct image_version``."""
        v = ImageVersionLayout.parse(data)
        return cls(int(v.iv_major), int(v.iv_minor), int(v.iv_revision), int(v.iv_build_num))


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The 32 bytes at the start of an image, as they are; `check_header` in `validate` judges them."""

    magic: int = 0
    load_addr: int = 0
    hdr_size: int = 0
    protect_tlv_size: int = 0
    img_size: int = 0
    flags: ImageFlag = NO_FLAGS
    version: ImageVersion = ImageVersion()
    pad: int = 0

    @property
    def tlv_offset(self) -> int:
        """Where the TLV areas begin, with the wrap of the loader's 32-bit arithmetic."""
        return (self.hdr_size + self.img_size) & U32_MAX

    @property
    def hashed_size(self) -> int:
        """Bytes from the image's start that the digest covers: header, payload, protected TLVs."""
        return (self.hdr_size + self.img_size + self.protect_tlv_size) & U32_MAX

    def encode(self) -> bytes:
        """The 32 bytes."""
        encoded: bytes = ImageHeaderLayout.build(
            {
                "ih_magic": self.magic,
                "ih_load_addr": self.load_addr,
                "ih_hdr_size": self.hdr_size,
                "ih_protect_tlv_size": self.protect_tlv_size,
                "ih_img_size": self.img_size,
                "ih_flags": int(self.flags),
                "ih_ver": ImageVersionLayout.parse(self.version.encode()),
                "pad1": self.pad,
            }
        )
        return encoded

    @classmethod
    def decode(cls, data: bytes) -> "ImageHeader":
        """From 32 bytes, whatever they hold."""
        return _decode_header(bytes(data))

    @classmethod
    def _decode(cls, data: bytes) -> "ImageHeader":
        h = ImageHeaderLayout.parse(data)
        return cls(
            magic=int(h.ih_magic),
            load_addr=int(h.ih_load_addr),
            hdr_size=int(h.ih_hdr_size),
            protect_tlv_size=int(h.ih_protect_tlv_size),
            img_size=int(h.ih_img_size),
            flags=ImageFlag(int(h.ih_flags)),
            version=ImageVersion(
                int(h.ih_ver.iv_major),
                int(h.ih_ver.iv_minor),
                int(h.ih_ver.iv_revision),
                int(h.ih_ver.iv_build_num),
            ),
            pad=int(h.pad1),
        )


_decode_header = lru_cache(64)(ImageHeader._decode)


def read_header(source: ImageSource) -> ImageHeader:
    """The header at the start of ``source``; raises ImageError where the source is too small to hold one."""
    return ImageHeader.decode(load_image_data(source, 0, IMAGE_HEADER_SIZE, "image header"))


def load_image_data(source: ImageSource, offset: int, length: int, what: str) -> bytes:
    """MCUboot LOAD_IMAGE_DATA: a read that fails is an error of the image, not of the loader."""
    try:
        return source.read(offset, length)
    except TfmSimError as error:
        raise ImageError(
            "LOAD_IMAGE_DATA",
            what,
            f"bytes {offset:#x} to {offset + length:#x}",
            f"the area ends at {source.size:#x}",
        ) from error


def flag_names(flags: ImageFlag) -> list[str]:
    """Names of the set flags; bits without a name as hex."""
    names = [flag.name for flag in ImageFlag if flag in flags and flag.name]
    known = 0
    for flag in ImageFlag:
        known |= flag
    unknown = int(flags) & ~known
    return names + ([f"{unknown:#x}"] if unknown else [])
