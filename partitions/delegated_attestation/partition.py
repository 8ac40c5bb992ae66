"""TFM_SP_DELEGATED_ATTESTATION: a key, and the platform token bound to it (delegated_attest_req_mngr.c)."""

from typing import Final

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from ...interface.psa.crypto_values import PSA_ECC_FAMILY_SECP_R1
from ...interface.psa.initial_attestation import psa_initial_attest_get_token
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from ...interface.tfm.delegated_attestation import (
    DELEGATED_ATTEST_GET_DELEGATED_KEY,
    DELEGATED_ATTEST_GET_PLATFORM_TOKEN,
    DELEGATED_ATTEST_KEY_MAX_SIZE,
    ECC_CURVE_SIZE,
    HASH_ALGO_SIZE,
    KEY_BITS_SIZE,
)
from ...spm.partition_api import PartitionApi, read_all
from .config import DelegatedAttestationConfig
from .delegated_key import DelegatedKey

_BASE_CONFIG: Final = DelegatedAttestationConfig()
_KEY_SIZES: Final = (256, 384, 521)
"""RFC 9053: ECDSA in COSE has P-256, P-384 and P-521."""
_HASH_SIZES: Final = (32, 48, 64)
"""What the challenge of a platform token may be long, in bytes."""


class DelegatedAttestationPartition:
    """The program of the delegated attestation partition."""

    def __init__(self, psa: PartitionApi, config: DelegatedAttestationConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._key = DelegatedKey(psa, config)

    def tfm_delegated_attestation_sfn(self, msg: psa_msg_t) -> int:
        """TFM_DELEGATED_ATTESTATION."""
        if msg.type == DELEGATED_ATTEST_GET_DELEGATED_KEY:
            return self._get_delegated_key(msg)
        if msg.type == DELEGATED_ATTEST_GET_PLATFORM_TOKEN:
            return self._get_platform_token(msg)
        return PSA_ERROR_NOT_SUPPORTED

    def _get_delegated_key(self, msg: psa_msg_t) -> int:
        # TF-M get_delegated_attestation_key: sizes of the inputs, curve, bits, room; then all the rest.
        if msg.in_size[:3] != (ECC_CURVE_SIZE, KEY_BITS_SIZE, HASH_ALGO_SIZE):
            return PSA_ERROR_INVALID_ARGUMENT
        curve, bits, hash_alg = (
            int.from_bytes(read_all(self._psa, msg, vector), "little") for vector in range(3)
        )
        if curve != PSA_ECC_FAMILY_SECP_R1:
            return PSA_ERROR_INVALID_ARGUMENT
        if bits not in _KEY_SIZES:
            return PSA_ERROR_INVALID_ARGUMENT
        if msg.out_size[0] < PSA_BITS_TO_BYTES(bits):
            return PSA_ERROR_BUFFER_TOO_SMALL
        room = min(msg.out_size[0], DELEGATED_ATTEST_KEY_MAX_SIZE)
        status, scalar = self._key.make(curve, bits, room, hash_alg)
        if status == PSA_SUCCESS:
            self._psa.psa_write(msg.handle, 0, scalar)
        return status

    def _get_platform_token(self, msg: psa_msg_t) -> int:
        # TF-M delegated_attest_get_platform_token: length, key, hash; only then the token is asked for.
        if msg.in_size[0] not in _HASH_SIZES:
            return PSA_ERROR_INVALID_ARGUMENT
        public_hash = read_all(self._psa, msg, 0)
        status = self._key.compare(public_hash)
        if status != PSA_SUCCESS:
            return status
        room = min(msg.out_size[0], self._config.max_token_size)
        status, token = psa_initial_attest_get_token(self._psa, public_hash, room)
        if status == PSA_SUCCESS:
            self._psa.psa_write(msg.handle, 0, token)
        return status
