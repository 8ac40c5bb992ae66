"""Software components from the boot status (TF-M attest_boot_data)."""

from typing import Final

from ...interface.psa.status import PSA_SUCCESS
from ...interface.tfm.boot_status import (
    SHARED_DATA_HEADER_SIZE,
    BootStatusEntry,
    BootStatusError,
    Claim,
    SwModule,
    TlvMajor,
    decode_area,
)
from ...spm.partition_api import PartitionApi
from .config import Release
from .encoding import join_array
from .errors import AttestErr, AttestFailure

MAX_BOOT_STATUS: Final = 512
_BUDGET: Final = {
    Release.TFM_2_1: SHARED_DATA_HEADER_SIZE + MAX_BOOT_STATUS,
    Release.TFM_2_2: MAX_BOOT_STATUS,
}
"""TF-M keeps header and 512 bytes; 2.2 asks the SPM for 512 in all, 2.1 for the whole of it."""


class BootData:
    """The attestation entries of the boot status, fetched once at start."""

    def __init__(self, psa: PartitionApi, release: Release) -> None:
        status, self._area = psa.tfm_core_get_boot_data(TlvMajor.IAS, _BUDGET[release])
        if status != PSA_SUCCESS:
            raise AttestFailure(AttestErr.INIT_FAILED)
        self._components: bytes | None = None

    def software_components(self) -> bytes:
        """The boot records as they were stored, by ascending module, in a CBOR array; empty without any.

        TF-M attest_encode_sw_components_array: of each module below SW_MAX the first entry counts, and only
        if it is a boot record. Raises AttestFailure CLAIM_UNAVAILABLE for an area that cannot be read.
        """
        if self._components is None:
            try:
                entries = decode_area(self._area)
            except BootStatusError as error:
                raise AttestFailure(AttestErr.CLAIM_UNAVAILABLE) from error
            first: dict[int, BootStatusEntry] = {}
            for entry in entries:
                first.setdefault(entry.module, entry)
            records = [
                first[module].data
                for module in range(SwModule.MAX)
                if module in first and first[module].claim == Claim.SW_BOOT_RECORD
            ]
            self._components = join_array(records) if records else b""
        return self._components
