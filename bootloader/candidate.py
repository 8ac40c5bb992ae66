"""What an upgrade writes to the primary slot: the candidate plain, wherever its slot holds it otherwise."""

from dataclasses import dataclass
from typing import Protocol

from ..interface.mcuboot.image import ImageHeader, load_image_data
from .config import Bl2Config
from .decompression import compressed_payload, decompress_image, is_compressed, plain_unprotected
from .encryption import EncKey
from .ports import Slot


class Candidate(Protocol):
    """The bytes for the primary slot, ``size`` of them from its start."""

    @property
    def header(self) -> ImageHeader:
        """As it will stand there."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Copy:
    """The slot as it is, its trailer too, but for an encrypted payload."""

    header: ImageHeader
    size: int
    slot: Slot
    enc_key: EncKey | None
    start: int

    def read(self, offset: int, length: int) -> bytes:
        data = self.slot.area.read(self.start + offset, length)
        return data if self.enc_key is None else self.enc_key.crypt_image(self.header, data, offset)


@dataclass(frozen=True, slots=True)
class _Plain:
    """What a compressed image stands for; it has no trailer."""

    header: ImageHeader
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def candidate(
    slot: Slot, header: ImageHeader, config: Bl2Config, enc_key: EncKey | None, start: int = 0
) -> Candidate:
    """The candidate in a secondary slot, which is valid (MCUboot boot_copy_region's two ways).

    ``start`` is where its image begins in the slot. Raises ImageError where it is not valid.
    """
    if not (config.decompression and is_compressed(header)):
        return _Copy(header, slot.area.size, slot, enc_key, start)
    payload = load_image_data(slot.area, header.hdr_size, header.img_size, "payload")
    if enc_key is not None:
        payload = compressed_payload(header, slot.area, enc_key.crypt(payload, 0))
    plain = decompress_image(header, slot.area, payload)
    data = plain.hashed + plain_unprotected(header, slot.area, config)
    fill = -len(data) % slot.area.write_size
    return _Plain(plain.header, data + bytes([slot.area.erased_value]) * fill)
