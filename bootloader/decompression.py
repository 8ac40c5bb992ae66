"""Compressed images: an image whose payload is LZMA2 data, and the plain image that it stands for.

MCUboot defines the flags and TLVs and leaves the loader's part to its ports; this follows the one that has it
(nRF Connect SDK, boot/zephyr/decompression.c). The payload is a header of 2 bytes (dictionary code, lc/lp/pb)
and raw LZMA2. Protected TLVs tell size, digest and signature of the plain image, which has the same header
and the same TLVs, but for sizes, flags and these.
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from ..interface.mcuboot.image import COMPRESSED_FLAGS, ImageError, ImageFlag, ImageHeader, ImageSource
from ..interface.mcuboot.tlv import (
    IMAGE_TLV_INFO_MAGIC,
    IMAGE_TLV_PROT_INFO_MAGIC,
    TLV_HEADER_SIZE,
    Tlv,
    TlvHeader,
    TlvInfo,
    TlvType,
    find_protected,
    iter_tlvs,
    load_tlv,
    tlv_areas,
    tlv_name,
)
from .config import Bl2Config

LZMA2_HEADER_SIZE: Final = 2
_MAX_DICTIONARY_CODE: Final = 40
_SMALLEST_DICTIONARY: Final = 0x1000
INNER_TLVS: Final = frozenset(
    {TlvType.DECOMP_SIZE, TlvType.DECOMP_SHA, TlvType.DECOMP_SIGNATURE, TlvType.COMP_DEC_SIZE}
)
"""What tells about the plain image and is not a part of it."""


@dataclass(frozen=True, slots=True)
class PlainImage:
    """What a compressed image stands for."""

    header: ImageHeader
    hashed: bytes
    """Header with its padding, payload and protected TLVs: what the inner digest covers."""


def is_compressed(header: ImageHeader) -> bool:
    """MCUboot IS_COMPRESSED: any of the three flags."""
    return bool(header.flags & COMPRESSED_FLAGS)


def decompressed_size(header: ImageHeader, area: ImageSource) -> int:
    """Bytes of the plain payload (bootutil_get_img_decomp_size). Raises ImageError."""
    return _protected_u32(header, area, TlvType.DECOMP_SIZE)


def _protected_u32(header: ImageHeader, area: ImageSource, type_: TlvType) -> int:
    rule = "bootutil_get_img_decomp_size"
    tlv = find_protected(header, area, type_) if header.protect_tlv_size else None
    if tlv is None:
        raise ImageError(rule, type_.name, "none", "a compressed image has it among its protected TLVs")
    if tlv.length != 4:
        raise ImageError(rule, type_.name, f"{tlv.length} bytes", "wanted 4")
    return int.from_bytes(load_tlv(area, tlv), "little")


def plain_header(header: ImageHeader, area: ImageSource) -> ImageHeader:
    """The header of the plain image: its sizes, and no flag of compression. Raises ImageError."""
    size = decompressed_size(header, area)
    kept = sum(TLV_HEADER_SIZE + tlv.length for tlv in _kept_protected(header, area))
    return replace(
        header,
        img_size=size,
        flags=header.flags & ~COMPRESSED_FLAGS,
        protect_tlv_size=kept + TLV_HEADER_SIZE if kept else 0,
    )


def check_fits(header: ImageHeader, area: ImageSource, room: int) -> None:
    """The gate before hashing (boot_is_compressed_header_valid); ``room`` is the primary slot's size.

    Raises ImageError.
    """
    plain = plain_header(header, area)
    total = plain.hdr_size + plain.img_size + plain.protect_tlv_size
    if total >= room:
        raise ImageError(
            "boot_is_compressed_header_valid",
            "decompressed size",
            f"{total:#x} bytes of header, payload and protected TLVs",
            f"they must be fewer than the primary slot's {room:#x}",
        )


def check_inner_tlvs(header: ImageHeader, area: ImageSource, config: Bl2Config) -> None:
    """Size, digest and signature of the plain image must be there, each of its length.

    bootutil_img_validate does this before it hashes. Raises ImageError.
    """
    signature = config.signature
    lengths: dict[int, tuple[int, bool]] = {
        TlvType.DECOMP_SIZE: (4, True),
        TlvType.DECOMP_SHA: (config.image_hash.size, True),
        TlvType.DECOMP_SIGNATURE: (signature.buffer_size, signature.exact_length),
    }
    seen = set()
    for tlv in iter_tlvs(header, area, tlv_areas(header, area), protected_only=True):
        if tlv.type not in lengths:
            continue
        limit, exact = lengths[tlv.type]
        if tlv.length > limit or (exact and tlv.length != limit):
            wanted = f"wanted {'exactly' if exact else 'at most'} {limit}"
            raise ImageError("bootutil_img_validate", tlv.name, f"{tlv.length} bytes", wanted)
        seen.add(tlv.type)
    for type_ in lengths:
        if type_ not in seen:
            raise ImageError(
                "bootutil_img_validate",
                tlv_name(type_),
                "none",
                "a compressed image has it among its protected TLVs",
            )


def decompress_image(header: ImageHeader, area: ImageSource, payload: bytes) -> PlainImage:
    """The plain image (bootutil_img_hash_decompress, boot_copy_region_decompress).

    ``payload`` is the compressed image's, decrypted. Raises ImageError.
    """
    inner = plain_header(header, area)
    encoded = inner.encode()
    padding = area.read(len(encoded), max(0, header.hdr_size - len(encoded)))
    data = decompress_payload(header, payload, inner.img_size)
    kept = [(tlv.type, load_tlv(area, tlv)) for tlv in _kept_protected(header, area)]
    protected = tlv_area(IMAGE_TLV_PROT_INFO_MAGIC, kept) if kept else b""
    return PlainImage(inner, b"".join((encoded, padding, data, protected)))


def compressed_payload(header: ImageHeader, area: ImageSource, payload: bytes) -> bytes:
    """The payload without what encryption filled it up with (bootutil_get_img_decrypted_comp_size)."""
    size = _protected_u32(header, area, TlvType.COMP_DEC_SIZE)
    if size > len(payload):
        found = f"{size} bytes"
        raise ImageError("bootutil_get_img_decrypted_comp_size", "COMP_DEC_SIZE", found, f"of {len(payload)}")
    return payload[:size]


def decompress_payload(header: ImageHeader, payload: bytes, size: int) -> bytes:
    """``size`` bytes out of LZMA2 data with its header of 2 bytes. Raises ImageError."""
    rule = "bootutil_img_hash_decompress"
    if ImageFlag.COMPRESSED_LZMA2 not in header.flags:
        raise ImageError(rule, "compression", "no COMPRESSED_LZMA2", "this loader decompresses LZMA2 only")
    if len(payload) < LZMA2_HEADER_SIZE or payload[0] > _MAX_DICTIONARY_CODE:
        raise ImageError(rule, "compressed payload", "no LZMA2 header", "wanted a dictionary code of 0 to 40")
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(header, payload[0], size))
    try:
        data = decoder.decompress(memoryview(payload)[LZMA2_HEADER_SIZE:], size + 1)
        whole = decoder.eof or (not decoder.needs_input and not decoder.decompress(b"", 1) and decoder.eof)
    except (lzma.LZMAError, EOFError) as error:
        raise ImageError(
            rule, "compressed payload", "bytes that are no LZMA2 data", f"the decoder says {error}"
        ) from None
    if len(data) != size or not whole:
        found = f"{len(data)} bytes" if len(data) <= size else "more bytes"
        raise ImageError(rule, "decompressed size", found, f"DECOMP_SIZE says {size}, to the stream's end")
    if decoder.unused_data:
        found = f"{len(decoder.unused_data)} bytes behind the end of the LZMA2 data"
        raise ImageError(rule, "compressed payload", found, "they decompress to nothing")
    return data


def _filters(header: ImageHeader, code: int, size: int) -> list[dict[str, Any]]:
    # No match reaches back farther than to the start, so a dictionary need not be larger than the output.
    declared = (2 | code & 1) << (code // 2 + 11)
    dictionary = max(_SMALLEST_DICTIONARY, min(declared, size))
    chain: list[dict[str, Any]] = [{"id": lzma.FILTER_LZMA2, "dict_size": dictionary}]
    if ImageFlag.COMPRESSED_ARM_THUMB in header.flags:
        chain.insert(0, {"id": lzma.FILTER_ARMTHUMB})
    return chain


def _kept_protected(header: ImageHeader, area: ImageSource) -> Iterator[Tlv]:
    for tlv in iter_tlvs(header, area, tlv_areas(header, area), protected_only=True):
        if tlv.type not in INNER_TLVS:
            yield tlv


def plain_unprotected(header: ImageHeader, area: ImageSource, config: Bl2Config) -> bytes:
    """The unprotected TLV area of the plain image, with its own digest and signature.

    boot_copy_unprotected_tlvs: each digest or signature of the compressed image gives way to the last one of
    the plain image. Raises ImageError.
    """
    areas = tlv_areas(header, area)
    tlvs = list(iter_tlvs(header, area, areas))
    inner = {tlv.type: load_tlv(area, tlv) for tlv in tlvs if tlv.protected}
    instead = {
        config.image_hash.tlv: inner.get(TlvType.DECOMP_SHA),
        config.signature.tlv: inner.get(TlvType.DECOMP_SIGNATURE),
    }
    entries = []
    for tlv in tlvs:
        if not tlv.protected:
            value = instead.get(TlvType(tlv.type)) if tlv.type in instead else None
            entries.append((tlv.type, load_tlv(area, tlv) if value is None else value))
    return tlv_area(IMAGE_TLV_INFO_MAGIC, entries)


def tlv_area(magic: int, entries: list[tuple[int, bytes]]) -> bytes:
    """An area's bytes: its header, whose total counts itself, and the entries."""
    body = b"".join(
        TlvHeader.build({"it_type": type_, "it_len": len(value)}) + value for type_, value in entries
    )
    header: bytes = TlvInfo.build({"it_magic": magic, "it_tlv_tot": TLV_HEADER_SIZE + len(body)})
    return header + body
