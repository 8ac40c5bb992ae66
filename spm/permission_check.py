"""What the SPM of 2019 told a service about a buffer whose address a client had named."""

from typing import TYPE_CHECKING

from ..interface.tfm.library_model import TfmMemoryAccess, TfmStatus
from ..platform.memory import Access, RegionKind
from .c_types import UINT32_MASK
from .client import Partition
from .memory_check import accessible_region
from .outcome import Fault, Outcome
from .service_api import message_of

if TYPE_CHECKING:
    from .kernel import Kernel


def tfm_core_memory_permission_check(
    spm: "Kernel", caller: Partition, msg_handle: int, address: int, size: int, access: int
) -> Outcome:
    """TF-M tfm_core_memory_permission_check: TFM_SUCCESS or TFM_ERROR_INVALID_PARAMETER (April 2019).

    An empty range is refused, as are a range that the client of the message or the partition itself may not
    access, and one in a device's registers; what is only read may lie in code.
    """
    connection = message_of(spm, caller, msg_handle, "psa_set_rhandle")  # legal for every message
    if isinstance(connection, Fault):
        return connection
    address, size, write = address & UINT32_MASK, size & UINT32_MASK, access == TfmMemoryAccess.RW
    if size == 0:
        return TfmStatus.TFM_ERROR_INVALID_PARAMETER
    for who in (connection.client, caller):
        region = accessible_region(spm.memory, who, address, size, write=write)
        if region is None:
            return TfmStatus.TFM_ERROR_INVALID_PARAMETER
        code = not write and Access.EXECUTE in region.access
        if region.kind is not RegionKind.RAM and not code:
            return TfmStatus.TFM_ERROR_INVALID_PARAMETER
    return TfmStatus.TFM_SUCCESS
