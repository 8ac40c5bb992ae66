"""STM_SP_CKS: the DAC private key of an STM32WB, kept and used where the Cortex-M4 has no access.

On the device this is code of the Cortex-M0+, FUS's key store beneath it. Here the keys are write-once objects
of internal trusted storage, this partition's own, and the crypto service stands for the M0+'s Mbed TLS.
"""

from typing import Final

from ...interface.psa.crypto import (
    psa_destroy_key,
    psa_export_public_key,
    psa_import_key,
    psa_sign_message,
)
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_USAGE_SIGN_MESSAGE,
)
from ...interface.psa.internal_trusted_storage import psa_its_get, psa_its_get_info, psa_its_set
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_WRITE_ONCE
from ...interface.stm32.cks import (
    CKS_DAC_PRIVATE_KEY_SET,
    CKS_DAC_SIGNATURE,
    DAC_PRIVATE_KEY_SIZE,
    DAC_PUBLIC_KEY_SIZE,
    DAC_SIGNATURE_SIZE,
    OT_ERROR_SIZE,
    OtError,
)
from ...spm.partition_api import PartitionApi, read_all
from .config import CksConfig

_ES256: Final = PSA_ALG_ECDSA(PSA_ALG_SHA_256)
_ATTRIBUTES: Final = KeyAttributes(
    PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), 256, usage=PSA_KEY_USAGE_SIGN_MESSAGE, alg=_ES256
)
_BASE_CONFIG: Final = CksConfig()


class CksPartition:
    """The program of Customer Key Storage."""

    def __init__(self, psa: PartitionApi, config: CksConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._user_keys = config.user_keys

    def stm_cks_sfn(self, msg: psa_msg_t) -> int:
        """STM_CKS: the request is answered with an OtError, which is no psa_status_t."""
        if msg.type not in (CKS_DAC_PRIVATE_KEY_SET, CKS_DAC_SIGNATURE):
            return PSA_ERROR_NOT_SUPPORTED
        if msg.out_size[0] != OT_ERROR_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        error = self._initialize(msg) if msg.type == CKS_DAC_PRIVATE_KEY_SET else self._signature(msg)
        self._psa.psa_write(msg.handle, 0, error.to_bytes(OT_ERROR_SIZE, "little"))
        return PSA_SUCCESS

    def _initialize(self, msg: psa_msg_t) -> OtError:
        """STM32 otCksDacInitialize: a key goes to the next free index, from 1 on."""
        if msg.in_size[0] != DAC_PRIVATE_KEY_SIZE:
            return OtError.OT_ERROR_INVALID_ARGS
        private_key = read_all(self._psa, msg, 0)
        error, key = self._load(private_key)
        if error != OtError.OT_ERROR_NONE:
            return error
        psa_destroy_key(self._psa, key)
        index = self._last_index() + 1
        # STM32 CKS: 100 user keys, and what is stored can be neither changed nor removed (AN5185 5.1).
        if index > self._user_keys:
            return OtError.OT_ERROR_NO_BUFS
        status = psa_its_set(self._psa, index, private_key, PSA_STORAGE_FLAG_WRITE_ONCE)
        if status == PSA_ERROR_INSUFFICIENT_STORAGE:
            return OtError.OT_ERROR_NO_BUFS
        return OtError.OT_ERROR_NONE if status == PSA_SUCCESS else OtError.OT_ERROR_FAILED

    def _signature(self, msg: psa_msg_t) -> OtError:
        """STM32 otCksDacSignature: the key of the last index, if the public key is its own."""
        if msg.in_size[1] != DAC_PUBLIC_KEY_SIZE or msg.out_size[1] < DAC_SIGNATURE_SIZE:
            return OtError.OT_ERROR_INVALID_ARGS
        message, public_key = read_all(self._psa, msg, 0), read_all(self._psa, msg, 1)
        index = self._last_index()
        if not index:
            return OtError.OT_ERROR_NOT_FOUND
        status, private_key = psa_its_get(self._psa, index, 0, DAC_PRIVATE_KEY_SIZE)
        if status != PSA_SUCCESS:
            return OtError.OT_ERROR_FAILED
        error, key = self._load(private_key)
        if error != OtError.OT_ERROR_NONE:
            return error
        status, own = psa_export_public_key(self._psa, key, DAC_PUBLIC_KEY_SIZE)
        signature = b""
        if status == PSA_SUCCESS and own == public_key:
            status, signature = psa_sign_message(self._psa, key, _ES256, message, DAC_SIGNATURE_SIZE)
        psa_destroy_key(self._psa, key)
        if status != PSA_SUCCESS:
            return OtError.OT_ERROR_FAILED
        if not signature:
            return OtError.OT_ERROR_SECURITY
        self._psa.psa_write(msg.handle, 1, signature)
        return OtError.OT_ERROR_NONE

    def _load(self, private_key: bytes) -> tuple[OtError, int]:
        """(error, id of a volatile key)."""
        status, key = psa_import_key(self._psa, _ATTRIBUTES, private_key)
        if status == PSA_ERROR_INVALID_ARGUMENT:
            return OtError.OT_ERROR_INVALID_ARGS, 0
        return (OtError.OT_ERROR_NONE if status == PSA_SUCCESS else OtError.OT_ERROR_FAILED), key

    def _last_index(self) -> int:
        """The index of the newest key, 0 where there is none."""
        index = 0
        while index < self._user_keys and psa_its_get_info(self._psa, index + 1)[0] == PSA_SUCCESS:
            index += 1
        return index
