"""What TF-M's SPM of 2019 said in the library model (tfm_api.h, tfm_secure_api.h of April 2019)."""

from enum import IntEnum


class TfmStatus(IntEnum):
    """``enum tfm_status_e``, as far as it is used here."""

    TFM_SUCCESS = 0
    TFM_ERROR_INVALID_PARAMETER = 3


class TfmMemoryAccess(IntEnum):
    """What a service asks of a caller's memory: TFM_MEMORY_ACCESS_RO and _RW."""

    RO = 1
    RW = 2
