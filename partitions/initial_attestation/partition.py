"""TFM_SP_INITIAL_ATTESTATION: entry functions, and requests of today (TF-M tfm_attest_req_mngr)."""

from typing import Final

from ...interface.psa.initial_attestation import (
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32,
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48,
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64,
)
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from ...interface.tfm.attestation import (
    TFM_ATTEST_GET_TOKEN,
    TFM_ATTEST_GET_TOKEN_SIZE,
    TFM_ATTEST_SIZE_LENGTH,
)
from ...spm.partition_api import PartitionApi, read_all
from .config import AttestationConfig, TokenVariant
from .errors import STATUS_OF, AttestFailure
from .service_2019 import Service2019
from .token_maker import TokenMaker

_CHALLENGE_SIZES: Final = frozenset(
    {
        PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32,
        PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48,
        PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64,
    }
)
_BASE_CONFIG: Final = AttestationConfig()


class InitialAttestationPartition:
    """The program of the attestation partition."""

    def __init__(self, psa: PartitionApi, config: AttestationConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._service_2019: Service2019 | None = None

    def attest_partition_init(self) -> int:
        """entry_init: take the attestation's part of the boot status."""
        try:
            self._maker = TokenMaker(self._psa, self._config)
        except AttestFailure as failure:
            return STATUS_OF[failure.error]
        if self._config.variant is TokenVariant.TFM_2019:
            self._service_2019 = Service2019(self._psa, self._config, self._maker)
        return PSA_SUCCESS

    def tfm_attestation_service_sfn(self, msg: psa_msg_t) -> int:
        """TFM_ATTESTATION_SERVICE."""
        if self._service_2019 is not None:
            return self._service_2019.serve(msg)
        try:
            if msg.type == TFM_ATTEST_GET_TOKEN:
                return self._get_token(msg)
            if msg.type == TFM_ATTEST_GET_TOKEN_SIZE:
                return self._get_token_size(msg)
        except AttestFailure as failure:
            return STATUS_OF[failure.error]
        return PSA_ERROR_NOT_SUPPORTED

    def _get_token(self, msg: psa_msg_t) -> int:
        # TF-M psa_attest_get_token: the vectors' sizes, then the three lengths that a challenge can have.
        if msg.in_size[0] not in _CHALLENGE_SIZES or msg.out_size[0] == 0:
            return PSA_ERROR_INVALID_ARGUMENT
        if self._config.mm_iovec:
            return self._get_token_in_place(msg)
        capacity = min(msg.out_size[0], self._config.max_token_size)
        draft = self._maker.draft(read_all(self._psa, msg, 0), msg.client_id)
        self._psa.psa_write(msg.handle, 0, self._maker.finish(draft, capacity))
        return PSA_SUCCESS

    def _get_token_in_place(self, msg: psa_msg_t) -> int:
        """TF-M psa_attest_get_token with MM-IOVEC: in the caller's buffer, and so is a failure's."""
        challenge = self._psa.psa_map_invec(msg.handle, 0)
        token = self._psa.psa_map_outvec(msg.handle, 0)
        try:
            draft = self._maker.draft(bytes(challenge), msg.client_id)
            made = self._maker.finish(draft, len(token))
        except AttestFailure as failure:
            if failure.begun is not None:
                left = failure.begun.left_in(len(token))
                token[: len(left)] = left
            raise
        token[: len(made)] = made
        self._psa.psa_unmap_outvec(msg.handle, 0, len(made))
        self._psa.psa_unmap_invec(msg.handle, 0)
        return PSA_SUCCESS

    def _get_token_size(self, msg: psa_msg_t) -> int:
        """The whole token is made but for the signature, whose length is known without the key's use."""
        if msg.in_size[0] != TFM_ATTEST_SIZE_LENGTH or msg.out_size[0] != TFM_ATTEST_SIZE_LENGTH:
            return PSA_ERROR_INVALID_ARGUMENT
        challenge_size = int.from_bytes(read_all(self._psa, msg, 0), "little")
        if challenge_size not in _CHALLENGE_SIZES:
            return PSA_ERROR_INVALID_ARGUMENT
        size = self._maker.size(challenge_size, msg.client_id)
        self._psa.psa_write(msg.handle, 0, size.to_bytes(TFM_ATTEST_SIZE_LENGTH, "little"))
        return PSA_SUCCESS
