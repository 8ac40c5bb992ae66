"""The service's own errors and what the client sees of them (TF-M attest.h, attest_core)."""

from enum import IntEnum
from typing import Final

from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_SERVICE_FAILURE,
    PSA_SUCCESS,
    PsaStatus,
)


class AttestErr(IntEnum):
    """``enum psa_attest_err_t``."""

    SUCCESS = 0
    INIT_FAILED = 1
    BUFFER_OVERFLOW = 2
    CLAIM_UNAVAILABLE = 3
    INVALID_INPUT = 4
    GENERAL = 5


STATUS_OF: Final[dict[AttestErr, PsaStatus]] = {
    AttestErr.SUCCESS: PSA_SUCCESS,
    AttestErr.INIT_FAILED: PSA_ERROR_SERVICE_FAILURE,
    AttestErr.BUFFER_OVERFLOW: PSA_ERROR_BUFFER_TOO_SMALL,
    AttestErr.CLAIM_UNAVAILABLE: PSA_ERROR_GENERIC_ERROR,
    AttestErr.INVALID_INPUT: PSA_ERROR_INVALID_ARGUMENT,
    AttestErr.GENERAL: PSA_ERROR_GENERIC_ERROR,
}


class AttestFailure(Exception):
    """A token cannot be made; it never leaves the partition."""

    def __init__(self, error: AttestErr) -> None:
        super().__init__(error)
        self.error = error
