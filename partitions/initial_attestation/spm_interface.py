"""What the service asks of the SPM (TF-M tfm_attestation.c; the integration guide's SPM interface of 2019).

In April 2019 TF-M had the library model: a client called a secure function through a veneer, with pointers to
a vector of input and one of output, and the function ran in the caller's stead and went through the pointers
itself. This SPM knows messages alone, so here a message of such a call (``TFM_ATTEST_*_VENEER``) carries the
two vector structures as they lie in C, addresses and lengths. The SPM does not look behind them; the service
does, with the checks and by the loads and stores below, under the rights of its own isolation domain and of
the client that called. What differs from the library model: the call is still a message to a partition with
a domain of its own, so it is served one after the other, and a caller's buffers must lie where that domain
may go (at isolation level 3 in non-secure memory). That SPM also had looked at the vectors before the
function was called, and answered TFM_ERROR_INVALID_PARAMETER, which a client reads as
PSA_ATTEST_ERR_CLAIM_UNAVAILABLE, for it has that number; here the service's own answer stands,
as the guide has it.
"""

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_SUCCESS
from ...interface.tfm.library_model import TfmMemoryAccess, TfmStatus
from ...spm.partition_api import PartitionApi
from .errors import AttestErr, AttestFailure


def attest_get_boot_data(psa: PartitionApi, major_type: int, length: int) -> bytes:
    """The boot status entries of ``major_type``, a header before them, at most ``length`` bytes.

    Raises AttestFailure INIT_FAILED where the SPM does not give them. A build without a boot loader gets a
    bare header.
    """
    status, area = psa.tfm_core_get_boot_data(major_type, length)
    if status != PSA_SUCCESS:
        raise AttestFailure(AttestErr.INIT_FAILED)
    return area


def attest_get_caller_client_id(msg: psa_msg_t) -> int:
    """Who called: positive for a partition, negative for the non-secure side."""
    return msg.client_id


def attest_check_memory_access(
    psa: PartitionApi, msg: psa_msg_t, address: int, size: int, access: TfmMemoryAccess
) -> None:
    """That a buffer is there for the caller and for the service. Raises AttestFailure INVALID_INPUT."""
    if psa.tfm_core_memory_permission_check(msg.handle, address, size, access) != TfmStatus.TFM_SUCCESS:
        raise AttestFailure(AttestErr.INVALID_INPUT)
