"""TFM_SP_INITIAL_ATTESTATION: entry functions and the making of a token (TF-M attest_core)."""

from typing import Final

import cbor2

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
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi, read_all
from .boot_data import boot_data_of
from .claims import Claims
from .config import AttestationConfig
from .cose import Envelope, make_envelope
from .errors import STATUS_OF, AttestErr, AttestFailure
from .iak import AsymmetricIak, CoseAlgorithm, Iak, SymmetricIak
from .profiles import select_profile

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
        self._envelopes: dict[tuple[int, bytes], Envelope] = {}
        self._iak: Iak
        if config.symmetric:
            self._iak = SymmetricIak(psa, psa.hal.tfm_plat_get_symmetric_iak_id)
        else:
            self._iak = AsymmetricIak(psa, config.variant)

    def attest_partition_init(self) -> int:
        """entry_init: take the attestation's part of the boot status."""
        try:
            boot_data = boot_data_of(self._psa, self._config)
        except AttestFailure as failure:
            return STATUS_OF[failure.error]
        self._claims = Claims(self._psa, select_profile(self._config), boot_data, self._iak)
        return PSA_SUCCESS

    def tfm_attestation_service_sfn(self, msg: psa_msg_t) -> int:
        """TFM_ATTESTATION_SERVICE."""
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
        challenge_size = msg.in_size[0]
        capacity = min(msg.out_size[0], self._config.max_token_size)
        if challenge_size not in _CHALLENGE_SIZES or capacity == 0:
            return PSA_ERROR_INVALID_ARGUMENT
        challenge = read_all(self._psa, msg, 0)
        algorithm, envelope, payload = self._unsigned_token(challenge, msg.client_id)
        size = envelope.message_size(payload, algorithm.length)
        if capacity < size:
            raise AttestFailure(self._too_small(algorithm, capacity, size))
        signature = self._iak.sign(algorithm, envelope.to_be_signed(payload))
        self._psa.psa_write(msg.handle, 0, envelope.message(payload, signature))
        return PSA_SUCCESS

    def _get_token_size(self, msg: psa_msg_t) -> int:
        """The whole token is made but for the signature, whose length is known without the key's use."""
        if msg.in_size[0] != TFM_ATTEST_SIZE_LENGTH or msg.out_size[0] != TFM_ATTEST_SIZE_LENGTH:
            return PSA_ERROR_INVALID_ARGUMENT
        challenge_size = int.from_bytes(read_all(self._psa, msg, 0), "little")
        if challenge_size not in _CHALLENGE_SIZES:
            return PSA_ERROR_INVALID_ARGUMENT
        algorithm, envelope, payload = self._unsigned_token(bytes(challenge_size), msg.client_id)
        size = envelope.message_size(payload, algorithm.length)
        self._psa.psa_write(msg.handle, 0, size.to_bytes(TFM_ATTEST_SIZE_LENGTH, "little"))
        return PSA_SUCCESS

    def _unsigned_token(self, challenge: bytes, client_id: int) -> tuple[CoseAlgorithm, Envelope, bytes]:
        """Algorithm, headers and wrapped payload; the first failure wins (TF-M attest_create_token)."""
        algorithm = self._iak.algorithm()
        key_id = b""
        if self._config.cose_key_id:
            try:
                key_id = self._iak.key_id()
            except PlatError as error:
                raise AttestFailure(AttestErr.GENERAL) from error
        headers = algorithm.cose_id, key_id
        envelope = self._envelopes.get(headers)
        if envelope is None:
            envelope = make_envelope(*headers, symmetric=self._config.symmetric)
            self._envelopes[headers] = envelope
        return algorithm, envelope, cbor2.dumps(self._claims.encode(challenge, client_id))

    def _too_small(self, algorithm: CoseAlgorithm, capacity: int, size: int) -> AttestErr:
        """What a buffer of ``capacity`` bytes gets for a token of ``size``.

        TF-M 2.2.2 maps the failing signature to a general error when about the signature's room is missing:
        recorded from ``size`` - 67 to ``size`` - 4 with a 64-byte signature.
        """
        slips = self._config.tfm_2_2_signature_room_slip and not self._config.symmetric
        if slips and size - algorithm.length - 3 <= capacity <= size - 4:
            return AttestErr.GENERAL
        return AttestErr.BUFFER_OVERFLOW
