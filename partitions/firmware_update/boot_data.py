"""The running versions, as BL2 left them in the boot status (TF-M get_active_image_version)."""

from ...interface.mcuboot.image import IMAGE_VERSION_SIZE, ImageVersion
from ...interface.psa.status import PSA_SUCCESS
from ...interface.tfm.boot_status import (
    SHARED_DATA_ENTRY_HEADER_SIZE,
    SHARED_DATA_HEADER_SIZE,
    BootStatusEntry,
    BootStatusError,
    Claim,
    TlvMajor,
    decode_area,
)
from ...spm.partition_api import PartitionApi


def fetch_boot_data(psa: PartitionApi, images: int) -> list[BootStatusEntry] | None:
    """The entries for this service, with room for one version an image; None where the SPM gives none."""
    size = SHARED_DATA_HEADER_SIZE + images * (IMAGE_VERSION_SIZE + SHARED_DATA_ENTRY_HEADER_SIZE)
    status, area = psa.tfm_core_get_boot_data(TlvMajor.FWU, size)
    if status != PSA_SUCCESS:
        return None
    try:
        return decode_area(area)
    except BootStatusError:
        return None


def active_version(entries: list[BootStatusEntry], image: int) -> ImageVersion | None:
    """The first version of an image counts; None without one, or where it has not the 8 bytes of one."""
    for entry in entries:
        if entry.claim == Claim.SW_VERSION and entry.module == image:
            return ImageVersion.decode(entry.data) if len(entry.data) == IMAGE_VERSION_SIZE else None
    return None
