"""The image of BL2 that BL1_2 checks (TF-M bl1_2/lib/interface/image_layout_bl1_2.h), packed, little endian.

``[ctr_iv] signatures[N] | version security_counter {[decrypt_magic] code}``: the part behind the bar is what
is signed and measured, in plain; the braces are what is encrypted. The size is the build's.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from construct import Array, Bytes, Int32ul, Struct

from ..interface.errors import TfmSimError
from ..interface.mcuboot.image import ImageVersion, ImageVersionLayout
from ..platform.board import BL2_HEADER_MAX_SIZE

IV_SIZE: Final = 16
ROTPK_MAX_SIZE: Final = 120
SIG_MAX_SIZE: Final = 1452
DECRYPT_MAGIC: Final = 0xDEADBEEF
"""TFM_BL1_2_IMAGE_DECRYPT_MAGIC_EXPECTED."""


class Bl2ImageError(TfmSimError):
    """An image of BL2 cannot be laid out as a build of BL1 wants it."""


@dataclass(frozen=True)
class Bl2ImageLayout:
    """``struct bl1_2_image_t`` of one build; ``code_size`` is IMAGE_BL2_CODE_SIZE in bytes."""

    code_size: int
    signers: int = 1
    encryption: bool = True
    embed_rotpk: bool = False

    def __post_init__(self) -> None:
        if self.code_size < 1:
            raise Bl2ImageError(f"BL2 image: {self.code_size} bytes of code; legal: 1 and up")
        if self.header_size > BL2_HEADER_MAX_SIZE:
            raise Bl2ImageError(
                f"BL2 image: a header of {self.header_size:#x} bytes for {self.signers} signers; "
                f"legal: up to {BL2_HEADER_MAX_SIZE:#x}"
            )

    @cached_property
    def signature(self) -> Struct:
        """``struct tfm_bl1_image_signature_t``."""
        rotpk = ("rotpk" / Bytes(ROTPK_MAX_SIZE), "rotpk_len" / Int32ul) if self.embed_rotpk else ()
        return Struct(*rotpk, "sig" / Bytes(SIG_MAX_SIZE), "sig_len" / Int32ul)

    @cached_property
    def header(self) -> Struct:
        iv = ("ctr_iv" / Bytes(IV_SIZE),) if self.encryption else ()
        return Struct(*iv, "sigs" / Array(self.signers, self.signature))

    @cached_property
    def encrypted(self) -> Struct:
        magic = ("decrypt_magic" / Int32ul,) if self.encryption else ()
        return Struct(*magic, "data" / Bytes(self.code_size))

    @cached_property
    def protected(self) -> Struct:
        """What comes before the encrypted part of the protected values."""
        return Struct("version" / ImageVersionLayout, "security_counter" / Int32ul)

    @cached_property
    def size(self) -> int:
        """Bytes of a whole image."""
        return self.protected_offset + int(self.protected.sizeof() + self.encrypted.sizeof())

    @cached_property
    def protected_offset(self) -> int:
        return int(self.header.sizeof())

    @cached_property
    def header_size(self) -> int:
        """Bytes before BL2's code (TF-M BL1_2_HEADER_SIZE)."""
        return self.protected_offset + int(self.protected.sizeof()) + (4 if self.encryption else 0)

    def decode(self, raw: bytes) -> "Bl2Image":
        """The image in the first ``size`` bytes, whatever they are. Raises Bl2ImageError for fewer."""
        if len(raw) < self.size:
            raise Bl2ImageError(f"BL2 image: {len(raw)} bytes; legal: {self.size}")
        header = self.header.parse(raw[: self.protected_offset])
        protected = self.protected.parse(raw[self.protected_offset :])
        version = ImageVersion.decode(ImageVersionLayout.build(protected.version))
        signatures = tuple(_signature(entry) for entry in header.sigs)
        start = self.size - int(self.encrypted.sizeof())
        iv = header.ctr_iv if self.encryption else b""
        return Bl2Image(iv, signatures, version, int(protected.security_counter), raw[start : self.size])

    def encode(self, image: "Bl2Image") -> bytes:
        """The bytes of an image. Raises Bl2ImageError for a part that its field does not hold."""
        if len(image.signatures) > self.signers:
            raise Bl2ImageError(f"BL2 image: {len(image.signatures)} signatures; legal: {self.signers}")
        unsigned = [ImageSignature()] * (self.signers - len(image.signatures))
        fields: dict[str, Any] = {"sigs": [s.fields() for s in (*image.signatures, *unsigned)]}
        if self.encryption:
            fields["ctr_iv"] = image.iv
        header: bytes = self.header.build(fields)
        return header + self.encode_protected(image)

    def encode_protected(self, image: "Bl2Image") -> bytes:
        """What is signed, where ``image`` holds plain code. Raises Bl2ImageError."""
        if len(image.encrypted) != self.encrypted.sizeof():
            raise Bl2ImageError(
                f"BL2 image: {len(image.encrypted)} bytes of code with its magic; legal: "
                f"{self.encrypted.sizeof()}"
            )
        values = {
            "version": ImageVersionLayout.parse(image.version.encode()),
            "security_counter": image.security_counter,
        }
        protected: bytes = self.protected.build(values)
        return protected + image.encrypted

    def plain(self, code: bytes) -> bytes:
        """What an image encrypts: the magic and the code, padded with zeros. Raises Bl2ImageError."""
        if len(code) > self.code_size:
            raise Bl2ImageError(f"BL2 image: {len(code)} bytes of code; legal: at most {self.code_size}")
        magic = DECRYPT_MAGIC.to_bytes(4, "little") if self.encryption else b""
        return magic + code.ljust(self.code_size, b"\0")


@dataclass(frozen=True, slots=True)
class ImageSignature:
    """One entry of the array: the bytes of both fields as they are, and the lengths that the image states."""

    signature: bytes = b""
    sig_len: int = 0
    rotpk: bytes = b""
    rotpk_len: int = 0

    def fields(self) -> dict[str, bytes | int]:
        """For construct. Raises Bl2ImageError for a signature or key that is longer than its field."""
        for name, value, size in (
            ("signature", self.signature, SIG_MAX_SIZE),
            ("ROTPK", self.rotpk, ROTPK_MAX_SIZE),
        ):
            if len(value) > size:
                raise Bl2ImageError(f"BL2 image: a {name} of {len(value)} bytes; legal: at most {size}")
        return {
            "sig": self.signature.ljust(SIG_MAX_SIZE, b"\0"),
            "sig_len": self.sig_len,
            "rotpk": self.rotpk.ljust(ROTPK_MAX_SIZE, b"\0"),
            "rotpk_len": self.rotpk_len,
        }


@dataclass(frozen=True, slots=True)
class Bl2Image:
    """``encrypted`` is the magic and the code, as they are in flash or decrypted."""

    iv: bytes
    signatures: tuple[ImageSignature, ...]
    version: ImageVersion
    security_counter: int
    encrypted: bytes


def _signature(entry: Any) -> ImageSignature:
    rotpk, rotpk_len = (entry.rotpk, entry.rotpk_len) if "rotpk" in entry else (b"", 0)
    return ImageSignature(entry.sig, int(entry.sig_len), rotpk, int(rotpk_len))
