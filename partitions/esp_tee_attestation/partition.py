"""TFM_SP_ESP_TEE_ATTESTATION: attestation for the REE (esp_tee_attestation.c, esp_attestation.c)."""

from collections.abc import Callable
from typing import Final

from ...interface.esp_tee.attestation import CHALLENGE_SIZES, PSA_CERT_REF_CHECKED, PSA_CERT_REF_SIZE
from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.service_calls import U32_MAX, SecureService, unpack_arguments
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_SUCCESS,
)
from ...spm.partition_api import PartitionApi, read_all
from ..ree_pointers import ReePointers
from .config import EspTeeAttestationConfig, TokenForm
from .failure import AttFailure
from .token import Request, Token

_BASE_CONFIG: Final = EspTeeAttestationConfig()
_STATUS_OF: Final = {
    EspErr.ESP_OK: PSA_SUCCESS,
    EspErr.ESP_ERR_INVALID_ARG: PSA_ERROR_INVALID_ARGUMENT,
    EspErr.ESP_ERR_INVALID_SIZE: PSA_ERROR_BUFFER_TOO_SMALL,
}
"""ESP-TEE esp_err_to_psa_status: any other is a GENERIC_ERROR."""


_SIZE_T: Final = 4


class EspTeeAttestationPartition:
    """The program of the attestation partition."""

    def __init__(self, psa: PartitionApi, config: EspTeeAttestationConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._form = config.esp_tee.form

    def esp_tee_attestation_sfn(self, msg: psa_msg_t) -> int:
        """ESP_TEE_ATTESTATION. FAIL for a service that this build has not, and for other arguments."""
        arguments = unpack_arguments(read_all(self._psa, msg, 0)) or ()
        ree = ReePointers(self._psa, msg)
        match msg.type, len(arguments), self._form.with_challenge:
            case SecureService.ATT_GENERATE_TOKEN, 6, False:
                return self._generate_token(ree, *arguments)
            case SecureService.PSA_INITIAL_ATTEST_GET_TOKEN, 5, True:
                return _status(self._get_token(ree, *arguments))
            case SecureService.PSA_INITIAL_ATTEST_GET_TOKEN_SIZE, 2, True:
                return _status(self._get_token_size(ree, *arguments))
        return EspErr.ESP_FAIL

    def _generate_token(
        self,
        ree: ReePointers,
        nonce: int,
        client_id: int,
        psa_cert_ref: int,
        token_buf: int,
        token_buf_size: int,
        token_len: int,
    ) -> int:
        # ESP-TEE _ss_esp_tee_att_generate_token: the three pointers, then the ends of reference and buffer.
        # An end is the address behind it, so a buffer that ends with the REE's memory is refused.
        pointers = (psa_cert_ref, token_buf, token_len)
        ends = (psa_cert_ref + PSA_CERT_REF_CHECKED, token_buf + token_buf_size)
        if not all(map(ree.ptr, (*pointers, *ends))):
            return EspErr.ESP_ERR_INVALID_ARG
        # ESP-TEE esp_tee_att_generate_token: its page has INVALID_ARG for no room; the code has INVALID_SIZE.
        if not token_buf_size and not self._config.esp_tee.errors_of_the_code:
            return EspErr.ESP_ERR_INVALID_ARG
        # ESP-TEE esp_att_generate_token: the least room, whatever the token takes; then all the rest.
        if token_buf_size < self._form.min_size:
            return EspErr.ESP_ERR_INVALID_SIZE

        def request() -> Request:
            # It copies 32 bytes from where the text begins, and looks at 20 of them only.
            reference = ree.load(psa_cert_ref, PSA_CERT_REF_SIZE).split(b"\0", 1)[0]
            return Request(nonce, client_id, reference)

        return self._issue(ree, request, token_buf, token_buf_size, token_len)

    def _get_token(
        self,
        ree: ReePointers,
        auth_challenge: int,
        challenge_size: int,
        token_buf: int,
        token_buf_size: int,
        token_size: int,
    ) -> int:
        buffers = ((auth_challenge, challenge_size), (token_buf, token_buf_size), (token_size, _SIZE_T))
        if self._form is TokenForm.PSA:
            # ESP-TEE esp_tee_ptr_in_ree: until April 2026 the addresses of buffers, and those behind them.
            ends = (address + size for address, size in buffers[:2])
            legal = all(map(ree.ptr, (auth_challenge, token_buf, token_size, *ends))) and token_buf_size > 0
        else:
            # ESP-TEE _ss_psa_initial_attest_get_token: challenge, token and length, each as a whole range.
            legal = all(ree.buf(*buffer) for buffer in buffers)
        if not legal:
            return EspErr.ESP_ERR_INVALID_ARG
        # ESP-TEE esp_att_generate_token: the challenge's size before the token's room.
        if challenge_size not in CHALLENGE_SIZES:
            return EspErr.ESP_ERR_INVALID_ARG
        if token_buf_size < self._form.min_size:
            return EspErr.ESP_ERR_INVALID_SIZE

        def request() -> Request:
            reference = self._config.esp_tee.psa_cert_ref.encode()
            # It keeps the address, and reads when the token's buffer has been cleared and begun.
            return Request(cert_ref=reference, challenge=lambda: ree.load(auth_challenge, challenge_size))

        return self._issue(ree, request, token_buf, token_buf_size, token_size)

    def _get_token_size(self, ree: ReePointers, challenge_size: int, token_size: int) -> int:
        # ESP-TEE esp_att_get_token_size: the constant; for another challenge 2^32 - 1 and an error.
        # Until April 2026 nobody looked where the pointer pointed, but that it was not NULL.
        legal = token_size != 0 if self._form is TokenForm.PSA else ree.buf(token_size, _SIZE_T)
        if not legal:
            return EspErr.ESP_ERR_INVALID_ARG
        legal = challenge_size in CHALLENGE_SIZES
        size = self._form.min_size if legal else U32_MAX
        ree.store(token_size, size.to_bytes(_SIZE_T, "little"))
        return EspErr.ESP_OK if legal else EspErr.ESP_ERR_INVALID_ARG

    def _issue(
        self, ree: ReePointers, request: Callable[[], Request], buffer: int, size: int, length: int
    ) -> int:
        """Claims and key first; from then on the buffer is the token's, zeros behind what is written."""
        token = Token(self._psa, self._config)
        try:
            token.collect()
            asked = request()
            ree.clear(buffer, size)
            end = buffer
            for piece in token.pieces(asked):
                ree.store(end, piece)
                end += len(piece)
        except AttFailure as failure:
            return failure.error
        # ESP-TEE json_gen_str_end: the length counts the NUL.
        ree.store(length, (end - buffer + 1).to_bytes(_SIZE_T, "little"))
        return EspErr.ESP_OK


def _status(error: int) -> int:
    return _STATUS_OF.get(EspErr(error), PSA_ERROR_GENERIC_ERROR)
