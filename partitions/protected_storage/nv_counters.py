"""The counters that vouch for the object table, through the platform service (TF-M ps_nv_counters.c)."""

from enum import IntEnum

from ...interface.psa.client import PsaClient
from ...interface.psa.platform import tfm_platform_nv_counter_increment, tfm_platform_nv_counter_read
from ...interface.psa.status import PSA_ERROR_GENERIC_ERROR
from ...interface.tfm.platform import TfmPlatformErr
from .refusal import PsRefused


class PsNvc(IntEnum):
    """TFM_PS_NV_COUNTER_1 to 3; the values are the platform's PLAT_NV_COUNTER_PS_0 to 2."""

    NVC_1 = 0
    NVC_2 = 1
    NVC_3 = 2


class PsNvCounters:
    """The three counters. A counter at its end is an error like any other: nothing vouches from then on."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def read(self, counter: PsNvc) -> int:
        """Raises PsRefused GENERIC_ERROR."""
        error, value = tfm_platform_nv_counter_read(self._client, counter)
        if error != TfmPlatformErr.TFM_PLATFORM_ERR_SUCCESS:
            raise PsRefused(PSA_ERROR_GENERIC_ERROR, f"{counter.name} cannot be read: {error}")
        return value

    def increment(self, counter: PsNvc) -> None:
        """Raises PsRefused GENERIC_ERROR."""
        error = tfm_platform_nv_counter_increment(self._client, counter)
        if error != TfmPlatformErr.TFM_PLATFORM_ERR_SUCCESS:
            raise PsRefused(PSA_ERROR_GENERIC_ERROR, f"{counter.name} cannot be raised: {error}")

    def align(self, nvc_1: int) -> None:
        """Raise NVC2, then NVC3, to NVC1's value (TF-M ps_object_table_align_nv_counters)."""
        for counter in (PsNvc.NVC_2, PsNvc.NVC_3):
            for _ in range(self.read(counter), nvc_1):
                self.increment(counter)
