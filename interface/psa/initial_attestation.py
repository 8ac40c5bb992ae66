"""PSA Initial Attestation API, client side (psa/initial_attestation.h)."""

from enum import Enum
from typing import Final

from ..tfm.attestation import TFM_ATTEST_GET_TOKEN, TFM_ATTEST_GET_TOKEN_SIZE, TFM_ATTEST_SIZE_LENGTH
from ..tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from .client import BytesLike, InVec, PsaClient, psa_outvec
from .initial_attestation_2019 import AttestError, PsaAttestErr
from .status import PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS, PsaError

PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE: Final = 0x250
PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32: Final = 32
PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48: Final = 48
PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64: Final = 64
_ROT_SIZE_MAX: Final = 0xFFFFFFFF
_TOO_SMALL: Final = (PSA_ERROR_BUFFER_TOO_SMALL, PsaAttestErr.TOKEN_BUFFER_OVERFLOW)


class ClientLibrary(Enum):
    """Whose client library is modelled where they differ."""

    TFM_2_1 = "2.1"
    TFM_2_2 = "2.2"


def psa_initial_attest_get_token(
    client: PsaClient, auth_challenge: InVec, capacity: int
) -> tuple[int, bytes]:
    """(status, token) for a challenge of 32, 48 or 64 bytes and a token buffer of ``capacity`` bytes.

    The token is empty unless the status is PSA_SUCCESS.
    """
    token = bytearray(capacity)
    out_vec = psa_outvec(token)
    status = client.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN, [auth_challenge], [out_vec]
    )
    return status, bytes(token[: out_vec.len]) if status == PSA_SUCCESS else b""


def psa_initial_attest_get_token_size(
    client: PsaClient,
    challenge_size: int,
    token_size: int = 0,
    library: ClientLibrary = ClientLibrary.TFM_2_2,
) -> tuple[int, int]:
    """(status, ``*token_size`` after the call) for a challenge of ``challenge_size`` bytes.

    ``token_size`` is what ``*token_size`` held before. TF-M 2.2 writes 0 when the service refuses;
    TF-M 2.1 lets the service write to the caller's variable, so that a refusal leaves it as it was.
    """
    if not 0 <= challenge_size <= _ROT_SIZE_MAX:
        return PSA_ERROR_INVALID_ARGUMENT, token_size
    before = token_size if library is ClientLibrary.TFM_2_1 else 0
    size = bytearray(before.to_bytes(TFM_ATTEST_SIZE_LENGTH, "little"))
    status = client.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE,
        TFM_ATTEST_GET_TOKEN_SIZE,
        [challenge_size.to_bytes(TFM_ATTEST_SIZE_LENGTH, "little")],
        [psa_outvec(size)],
    )
    return status, int.from_bytes(size, "little")


class InitialAttestation:
    """Initial attestation for Python callers: values back, PsaError raised.

    A service of 2019 has errors of its own: AttestError.
    """

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def get_token(self, challenge: BytesLike, capacity: int | None = None) -> bytes:
        """The token over ``challenge``, in a buffer of ``capacity`` bytes.

        Without a capacity it is PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE, or what the service says it needs.
        """
        room = PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE if capacity is None else capacity
        status, token = psa_initial_attest_get_token(self._client, challenge, room)
        if status in _TOO_SMALL and capacity is None:
            room = self.get_token_size(len(challenge))
            status, token = psa_initial_attest_get_token(self._client, challenge, room)
        _demand(status, "psa_initial_attest_get_token")
        return token

    def get_token_size(self, challenge_size: int) -> int:
        """The exact size in bytes of a token over a challenge of that size."""
        status, size = psa_initial_attest_get_token_size(self._client, challenge_size)
        _demand(status, "psa_initial_attest_get_token_size")
        return size


def _demand(status: int, call: str) -> None:
    """A service of 2019 answers with its own errors, which are positive."""
    if status > PSA_SUCCESS:
        raise AttestError(PsaAttestErr(status), call)
    if status != PSA_SUCCESS:
        raise PsaError(status, call)
