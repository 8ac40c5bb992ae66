"""Initial Attestation API 1.0-beta-0, client side (TF-M of 2019, psa_initial_attestation_api.h).

It gives back the service's own errors, and the room for a token and its length share one variable. A buffer
is given as Python bytes, or by its address. Bytes go by vectors, as the client of May 2019 sent them by
psa_call. Addresses go as they are, as the library model's veneer took them, and the service finds out whether
there is anything behind them.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from ..errors import TfmSimError
from ..tfm.attestation import (
    TFM_ATTEST_GET_TOKEN,
    TFM_ATTEST_GET_TOKEN_SIZE,
    TFM_ATTEST_GET_TOKEN_VENEER,
    TFM_ATTEST_SIZE_LENGTH,
)
from ..tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from .client import BytesLike, PsaClient, psa_outvec

_SIGNATURE_LENGTH: Final = 64
_IOVEC: Final = Struct("<II")
"""A psa_invec or psa_outvec: u32 base, u32 length, little endian."""


class PsaAttestErr(IntEnum):
    """``enum psa_attest_err_t``."""

    SUCCESS = 0
    INIT_FAILED = 1
    TOKEN_BUFFER_OVERFLOW = 2
    CLAIM_UNAVAILABLE = 3
    INVALID_INPUT = 4
    GENERAL = 5
    FORCE_INT_SIZE = 0x7FFFFFFF
    """No error: it makes the enumeration as wide as an integer."""


class AttestError(TfmSimError):
    """The attestation service of 2019 refused. ``error`` is the PsaAttestErr, ``call`` the function."""

    def __init__(self, error: PsaAttestErr, call: str) -> None:
        super().__init__(f"{call}: PSA_ATTEST_ERR_{error.name}")
        self.error = error
        self.call = call


def psa_initial_attest_get_token(
    client: PsaClient,
    challenge_obj: BytesLike | int,
    challenge_size: int,
    token: bytearray | int,
    token_size: int,
) -> tuple[PsaAttestErr, int]:
    """(error, ``*token_size`` after the call): the token's length, or what it was before.

    The token comes to lie in ``token``, which has room for ``token_size`` bytes. Challenge and token are both
    Python buffers or both addresses. Raises ValueError for sizes that pass a Python buffer, TypeError for one
    of each kind.
    """
    if isinstance(challenge_obj, int) != isinstance(token, int):
        raise TypeError("challenge_obj and token: an address and a buffer; legal: two of a kind")
    if isinstance(challenge_obj, int) or isinstance(token, int):
        assert isinstance(challenge_obj, int) and isinstance(token, int)
        return _by_veneer(client, (challenge_obj, challenge_size), (token, token_size))
    if challenge_size > len(challenge_obj):
        raise ValueError(f"challenge_size {challenge_size} over a buffer of {len(challenge_obj)} bytes")
    out_vec = psa_outvec(token, token_size)
    status = client.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE,
        TFM_ATTEST_GET_TOKEN,
        [bytes(challenge_obj[:challenge_size])],
        [out_vec],
    )
    return _error(status), out_vec.len if status == PsaAttestErr.SUCCESS else token_size


def _by_veneer(
    client: PsaClient, challenge: tuple[int, int], token: tuple[int, int]
) -> tuple[PsaAttestErr, int]:
    """tfm_initial_attest_get_token_veneer: one vector of each kind, whose structures the service reads."""
    out_vec = bytearray(_IOVEC.pack(*token))
    status = client.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE,
        TFM_ATTEST_GET_TOKEN_VENEER,
        [_IOVEC.pack(*challenge), bytes(out_vec)],
        [psa_outvec(out_vec)],
    )
    return _error(status), _IOVEC.unpack(out_vec)[1] if status == PsaAttestErr.SUCCESS else token[1]


def psa_initial_attest_get_token_size(
    client: PsaClient, challenge_size: int, token_size: int = 0
) -> tuple[PsaAttestErr, int]:
    """(error, ``*token_size`` after the call), which is ``token_size`` where the service refuses."""
    size = bytearray(TFM_ATTEST_SIZE_LENGTH)
    status = client.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE,
        TFM_ATTEST_GET_TOKEN_SIZE,
        [(challenge_size & 0xFFFFFFFF).to_bytes(TFM_ATTEST_SIZE_LENGTH, "little")],
        [psa_outvec(size)],
    )
    error = _error(status)
    return error, int.from_bytes(size, "little") if error is PsaAttestErr.SUCCESS else token_size


def _error(status: int) -> PsaAttestErr:
    """TF-M of 2019: a refusal of the SPM's own is no more than a general error to the client."""
    return PsaAttestErr(status) if 0 <= status <= PsaAttestErr.GENERAL else PsaAttestErr.GENERAL


class InitialAttestation2019:
    """The API of 2019 for Python callers: values back, AttestError raised."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def get_token(self, challenge: BytesLike, capacity: int | None = None) -> bytes:
        """The token over ``challenge``, in a buffer of ``capacity`` bytes, by default a sufficient one."""
        if capacity is None:
            # A challenge with an option word asks for less, or for a key id of the same size.
            capacity = self.get_token_size(len(challenge)) + _SIGNATURE_LENGTH
        token = bytearray(capacity)
        error, size = psa_initial_attest_get_token(self._client, challenge, len(challenge), token, len(token))
        if error is not PsaAttestErr.SUCCESS:
            raise AttestError(error, "psa_initial_attest_get_token")
        return bytes(token[:size])

    def get_token_size(self, challenge_size: int) -> int:
        """The size in bytes of a token over a challenge of that size."""
        error, size = psa_initial_attest_get_token_size(self._client, challenge_size)
        if error is not PsaAttestErr.SUCCESS:
            raise AttestError(error, "psa_initial_attest_get_token_size")
        return size
