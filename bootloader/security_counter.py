"""The security counter that an image carries, where an update or a comparison of images asks for it."""

from ..interface.mcuboot.image import ImageError, ImageHeader, ImageSource
from ..interface.mcuboot.tlv import TlvType, find_protected, load_tlv


def image_security_counter(source: ImageSource, header: ImageHeader | None, check: str) -> int:
    """The image's *protected* SEC_CNT, a u32 in little endian (MCUboot bootutil_get_img_security_cnt).

    An unprotected one does not count. ``check`` is what the refusal says was being done. Raises ImageError
    where there is none, or one of another length.
    """
    # The update logs BOOT_EBADIMAGE for two of these and -1 for the one in the middle, by their rules.
    rule, wanted = "bootutil_get_img_security_cnt", "only a protected SEC_CNT counts here"
    if header is None or header.protect_tlv_size == 0:
        raise ImageError(rule, check, "no protected TLVs", wanted)
    tlv = find_protected(header, source, TlvType.SEC_CNT)
    if tlv is None:
        raise ImageError("bootutil_tlv_iter_next", check, "no SEC_CNT among the protected TLVs", wanted)
    if tlv.length != 4:
        raise ImageError(rule, check, f"a SEC_CNT of {tlv.length} bytes", "wanted 4")
    return int.from_bytes(load_tlv(source, tlv), "little")
