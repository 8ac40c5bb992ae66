"""The signing side of compressed images: the plain image signed, then its payload compressed and signed."""

import lzma
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from support.image_builder import ImageParts, Signer, Tlvs

from tfm_sim.interface.mcuboot.tlv import TlvType

LZMA2, ARM_THUMB = 0x400, 0x800
HEADER = bytes([0x0A, (2 * 5 + 1) * 9 + 3])
"""A dictionary of 128 KiB; lc 3, lp 1, pb 2."""
PAYLOAD = bytes(range(64)) * 40 + b"".join(
    (0xF800F000 | n << 24).to_bytes(4, "little") + bytes(8) for n in range(7)
)
"""Repetitive, with what the filter takes for branches at its end."""


def compress(data: bytes, *, thumb: bool = False) -> bytes:
    """As imgtool compresses: a header of two bytes, then raw LZMA2."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 131072, "lp": 1, "lc": 3}]
    if thumb:
        filters.insert(0, {"id": lzma.FILTER_ARMTHUMB})
    return HEADER + lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters)


@dataclass(frozen=True)
class Compressed:
    """A compressed image and the plain one that it stands for."""

    signer: Signer
    plain: ImageParts = field(default_factory=lambda: ImageParts(payload=PAYLOAD))
    thumb: bool = False

    def inner_tlvs(self) -> list[tuple[int, bytes]]:
        return [
            (TlvType.DECOMP_SIZE, len(self.plain.payload).to_bytes(4, "little")),
            (TlvType.DECOMP_SHA, self.signer.hash_tlv(self.plain)[1]),
            (TlvType.DECOMP_SIGNATURE, self.signer.signature_tlv(self.plain)[1]),
        ]

    def parts(self, inner: Tlvs | None = None, payload: bytes | None = None, flags: int = 0) -> ImageParts:
        """The outer image's; each of its facts can be another one."""
        inner = self.inner_tlvs() if inner is None else inner
        payload = compress(self.plain.payload, thumb=self.thumb) if payload is None else payload
        default = LZMA2 | (ARM_THUMB if self.thumb else 0)
        protected: Sequence[tuple[int, bytes]] = [*self.plain.protected, *inner]
        return replace(
            self.plain, payload=payload, flags=self.plain.flags | (flags or default), protected=protected
        )

    def image(self, inner: Tlvs | None = None, payload: bytes | None = None, flags: int = 0) -> bytes:
        return self.signer.image(self.parts(inner, payload, flags))
