"""The SPM's side of the boot status: validation at start, and handing out entries by major."""

from typing import Final

from ..interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS
from ..interface.tfm.boot_status import (
    SHARED_DATA_HEADER_SIZE,
    BootStatusError,
    TlvMajor,
    decode_area,
    encode_area,
)
from ..platform.memory import Memory

BOOT_DATA_ACCESS: Final = {
    261: TlvMajor.IAS,  # TFM_SP_INITIAL_ATTESTATION
    271: TlvMajor.FWU,  # TFM_SP_FWU
    275: TlvMajor.MBS,  # TFM_SP_MEASURED_BOOT
}
"""TF-M access policy: which partition, by its id, may fetch which major."""


class BootData:
    """The shared data area between BL2 and the SPM, at ``base`` with ``size`` bytes.

    Without a boot loader (``size`` 0) the area counts as valid and empty.
    """

    def __init__(self, memory: Memory, base: int, size: int) -> None:
        self._memory = memory
        self._base = base
        self._size = size
        try:
            self._entries = decode_area(memory.read(base, size)) if size else []
            self.problem = ""
        except BootStatusError as error:
            self._entries = []
            self.problem = str(error)

    def get(self, partition_id: int, major: int, size: int) -> tuple[int, bytes]:
        """TF-M tfm_core_get_boot_data: a header and the entries of one major, as (status, bytes).

        INVALID_ARGUMENT for an area that is not valid, a partition that the major does not belong to, or
        a buffer of ``size`` bytes that is too small. No entry of that major is a success with a bare header.
        """
        if self.problem or BOOT_DATA_ACCESS.get(partition_id) != major or size < SHARED_DATA_HEADER_SIZE:
            return PSA_ERROR_INVALID_ARGUMENT, b""
        area = encode_area([entry for entry in self._entries if entry.major == major])
        if len(area) > size:
            return PSA_ERROR_INVALID_ARGUMENT, b""
        return PSA_SUCCESS, area

    def scrub(self) -> None:
        """On hardware the area overlaps the SPM's stack and is gone once that is in use."""
        if self._size:
            self._memory.write(self._base, bytes(self._size))
            self.problem = "the area is in use as a stack"
        self._entries = []
