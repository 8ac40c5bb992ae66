"""Whether the image in a slot may boot: MCUboot's checks, in MCUboot's order.

`no_image` and `check_header` are the gate before anything is hashed; an encrypted candidate's key comes next,
then `image_validate` hashes, walks the TLVs and judges.
"""

from dataclasses import dataclass

from ..interface.mcuboot.image import (
    COMPRESSED_FLAGS,
    ENCRYPTED_FLAGS,
    IMAGE_MAGIC,
    U32_MAX,
    ImageError,
    ImageFlag,
    ImageHeader,
    ImageSource,
    ImageVersion,
    flag_names,
)
from ..interface.trace import Trace
from .config import Bl2Config
from .decompression import check_fits, is_compressed
from .encryption import EncKey, boot_enc_load, is_encrypted
from .image_validate import validate_image
from .ports import PRIMARY, SECONDARY, Ports, Slot

IMAGE_ROLES = {0: "secure", 1: "non-secure"}
LZMA_FLAGS = ImageFlag.COMPRESSED_LZMA1 | ImageFlag.COMPRESSED_LZMA2


@dataclass(frozen=True, slots=True)
class ImageOk:
    """An image that may boot."""

    image: int
    slot: str
    version: ImageVersion
    enc_key: EncKey | None = None
    """What decrypted it; None where it was plain."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An image, or a later step of its boot, that BL2 refused.

    ``rule`` is the MCUboot function that holds the rule; ``role`` is "secure", "non-secure" or empty.
    """

    image: int
    role: str
    slot: str
    address: int
    rule: str
    check: str
    found: str
    wanted: str

    def __str__(self) -> str:
        role = f" ({self.role})" if self.role else ""
        return (
            f"BL2 refused image {self.image}{role} in the {self.slot} slot at {self.address:#010x}\n"
            f"  {self.check}: found {self.found}; {self.wanted}"
        )


@dataclass(frozen=True, slots=True)
class PlatformRefusal(Refusal):
    """A step of the platform's own that failed, about no image."""

    def __str__(self) -> str:
        return f"BL2 stops in {self.rule}\n  {self.check}: found {self.found}; {self.wanted}"


def role_of(config: Bl2Config, image: int) -> str:
    """TF-M's use of two images; with one image, S and NS share it."""
    return IMAGE_ROLES.get(image, "") if config.image_number > 1 else ""


def is_erased(header: ImageHeader, area: ImageSource) -> bool:
    """MCUboot boot_check_header_erased: the magic word alone tells."""
    return header.magic == int.from_bytes(bytes([area.erased_value]) * 4, "little")


def no_image(slot: Slot, header: ImageHeader | None, config: Bl2Config) -> Refusal | None:
    """MCUboot boot_validate_slot: an erased header, or the NON_BOOTABLE flag, means that there is no image.

    The loader says nothing about such a slot and leaves it as it is.
    """
    rule = "boot_validate_slot"
    if header is None:
        error = ImageError(rule, "header", "none", "the slot cannot hold the 32 bytes of one")
    elif is_erased(header, slot.area):
        error = ImageError(rule, "image magic", "erased flash", f"an image starts with {IMAGE_MAGIC:#010x}")
    elif ImageFlag.NON_BOOTABLE in header.flags:
        error = ImageError(rule, "flags", "NON_BOOTABLE", "a bootable image has this flag clear")
    else:
        return None
    return refuse(slot, config, error)


def validate_slot(
    slot: Slot,
    header: ImageHeader,
    config: Bl2Config,
    ports: Ports,
    trace: Trace,
    source: ImageSource | None = None,
) -> ImageOk | Refusal:
    """Header gate and image validation (MCUboot boot_validate_slot, the second half).

    ``source`` is where the image is read, None in the slot itself.
    """
    source = slot.area if source is None else source
    try:
        check_header(header, slot, config, ports)
        key = _load_key(slot, header, config, source)
        validate_image(slot, header, config, ports, trace, key, source)
    except ImageError as error:
        return refuse(slot, config, error)
    return ImageOk(slot.image, slot.name, header.version, key)


def _load_key(slot: Slot, header: ImageHeader, config: Bl2Config, source: ImageSource) -> EncKey | None:
    # MCUboot boot_check_image: MUST_DECRYPT asks for the secondary slot and a flag; RAM_LOAD has decrypted by
    # now. Without a TLV the key stays unset, which bootutil_img_hash finds.
    if slot.name != SECONDARY or not is_encrypted(header) or config.strategy.loads_to_ram:
        return None
    key = boot_enc_load(source, header, config)
    if key is None:
        wanted = "an encrypted image carries its key, wrapped for this loader"
        found = f"no {config.enc_tlv.name if config.enc_tlv else 'key'} TLV"
        raise ImageError("bootutil_img_hash", "image key", found, wanted)
    return key


def refuse(slot: Slot, config: Bl2Config, error: ImageError) -> Refusal:
    """The refusal that an error in a slot means."""
    return Refusal(
        image=slot.image,
        role=role_of(config, slot.image),
        slot=slot.name,
        address=slot.address,
        rule=error.rule,
        check=error.check,
        found=error.found,
        wanted=error.wanted,
    )


def check_header(header: ImageHeader, slot: Slot, config: Bl2Config, ports: Ports) -> None:
    """The gate before hashing (MCUboot boot_check_header_valid). Raises ImageError."""
    rule = "boot_check_header_valid"
    if header.magic != IMAGE_MAGIC:
        raise ImageError(rule, "image magic", f"{header.magic:#010x}", f"wanted {IMAGE_MAGIC:#010x}")
    decompress = config.decompression and slot.name == SECONDARY and is_compressed(header)
    total, parts = header.hdr_size + header.img_size, "header and payload"
    if total <= U32_MAX and not decompress:
        total, parts = total + header.protect_tlv_size, "header, payload and protected TLVs"
    if total > U32_MAX:
        raise ImageError(
            rule, "image size", f"{total:#x} bytes", "header, payload and protected TLVs must fit 32 bits"
        )
    if total >= slot.area.size:
        raise ImageError(
            rule,
            "image size",
            f"{total:#x} bytes of {parts}",
            f"they must be fewer than the slot's {slot.area.size:#x}",
        )
    _check_flags(header, slot, config)
    if decompress:
        check_fits(header, slot.area, ports.slot(slot.image, PRIMARY).area.size)


def _check_flags(header: ImageHeader, slot: Slot, config: Bl2Config) -> None:
    encrypted, compressed = header.flags & ENCRYPTED_FLAGS, header.flags & COMPRESSED_FLAGS
    both = "an image has one of the two at most"
    if encrypted and config.encryption is None:
        raise _flags(encrypted, "this loader is built without encryption and takes plain images only")
    if encrypted == ENCRYPTED_FLAGS:
        raise _flags(encrypted, both)
    if compressed and not config.decompression:
        raise _flags(compressed, "this loader is built without decompression and takes plain images only")
    if LZMA_FLAGS in compressed:
        raise _flags(compressed & LZMA_FLAGS, both)
    if compressed and slot.name == PRIMARY:
        # To MCUboot it would be a plain image here, with compressed code to jump to.
        raise _flags(compressed, "an image that runs in place cannot be compressed")


def _flags(flags: ImageFlag, wanted: str) -> ImageError:
    return ImageError("boot_check_header_valid", "flags", ", ".join(flag_names(flags)), wanted)
