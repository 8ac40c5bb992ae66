"""The service's own errors and what the client sees of them (TF-M attest.h, attest_core).

They are the numbers that the API of 2019 gave back as they are.
"""

from typing import Final

from ...interface.psa.initial_attestation_2019 import PsaAttestErr as AttestErr
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_SERVICE_FAILURE,
    PSA_SUCCESS,
    PsaStatus,
)
from .output_buffer import Begun

STATUS_OF: Final[dict[AttestErr, PsaStatus]] = {
    AttestErr.SUCCESS: PSA_SUCCESS,
    AttestErr.INIT_FAILED: PSA_ERROR_SERVICE_FAILURE,
    AttestErr.TOKEN_BUFFER_OVERFLOW: PSA_ERROR_BUFFER_TOO_SMALL,
    AttestErr.CLAIM_UNAVAILABLE: PSA_ERROR_GENERIC_ERROR,
    AttestErr.INVALID_INPUT: PSA_ERROR_INVALID_ARGUMENT,
    AttestErr.GENERAL: PSA_ERROR_GENERIC_ERROR,
}


__all__ = ["STATUS_OF", "AttestErr", "AttestFailure", "demand"]


class AttestFailure(Exception):
    """A token cannot be made; it never leaves the partition. ``begun`` is how far it came."""

    def __init__(self, error: AttestErr, begun: Begun | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.begun = begun


def demand(status: int, error: AttestErr = AttestErr.GENERAL) -> None:
    """That another service succeeded. Raises AttestFailure with ``error``."""
    if status != PSA_SUCCESS:
        raise AttestFailure(error)
