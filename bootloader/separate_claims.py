"""The boot status of 2019: an entry a claim for each software module (TF-M bl2/src/boot_record.c).

All else of the loader is today's, so that images of today can be told of in the old way.
"""

from collections.abc import Iterator
from typing import Final

from ..interface.mcuboot.image import ImageError, ImageHeader, ImageSource
from ..interface.mcuboot.tlv import Tlv, TlvType, iter_tlvs, load_tlv, tlv_areas
from ..interface.tfm.boot_status import BootStatusEra, Claim, SwModule
from .config import Bl2Config
from .keys import key_hash

MEASURE_TYPE: Final = b"SHA256"
EPOCH: Final = bytes(4)
"""Images have none: TF-M wrote a fixed 0 of 4 bytes."""
_SW_TYPE: Final = {SwModule.SPE: b"SPE", SwModule.NSPE: b"NSPE", SwModule.S_NS: b"NSPE_SPE"}
_SHA256_SIZE: Final = 32


def sw_module(config: Bl2Config, image: int) -> SwModule:
    """The module that an image is: one image holds S and NS; of several the first is S, all others NS."""
    if config.image_number == 1:
        return SwModule.S_NS
    return SwModule.SPE if image == 0 else SwModule.NSPE


def separate_claims(
    config: Bl2Config, module: SwModule, header: ImageHeader, area: ImageSource
) -> Iterator[tuple[Claim, bytes]]:
    """The claims of an image in the order in which they are written; type and version lead.

    TF-M boot_save_sw_measurements: value, its type and signer id follow in the order of the image's TLVs.
    Raises ImageError for TLVs that cannot be read, and for a hash or key that has not the size it must have.
    """
    yield Claim.SW_TYPE, _SW_TYPE[module]
    version = header.version
    yield Claim.SW_VERSION, f"{version.major}.{version.minor}.{version.revision}".encode()
    if config.boot_status is BootStatusEra.TFM_2019_02:
        yield Claim.SW_EPOCH, EPOCH
    for tlv in iter_tlvs(header, area, tlv_areas(header, area)):
        if tlv.type == TlvType.SHA256:
            yield Claim.SW_MEASURE_VALUE, _hash_sized(tlv, area)
            yield Claim.SW_MEASURE_TYPE, MEASURE_TYPE
        elif tlv.type == TlvType.KEYHASH and config.key_tlv is not TlvType.PUBKEY:
            yield Claim.SW_SIGNER_ID, _hash_sized(tlv, area)
        elif tlv.type == TlvType.PUBKEY and config.key_tlv is TlvType.PUBKEY:
            if tlv.length > config.key_buffer_size:
                raise _wrong_size(tlv, f"the loader takes at most {config.key_buffer_size}")
            yield Claim.SW_SIGNER_ID, key_hash(load_tlv(area, tlv))


def _hash_sized(tlv: Tlv, area: ImageSource) -> bytes:
    if tlv.length != _SHA256_SIZE:
        raise _wrong_size(tlv, f"wanted {_SHA256_SIZE}")
    return load_tlv(area, tlv)


def _wrong_size(tlv: Tlv, wanted: str) -> ImageError:
    return ImageError("boot_save_sw_measurements", tlv.name, f"{tlv.length} bytes", wanted)
