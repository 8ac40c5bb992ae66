"""The DAC private key in TF-M's internal trusted storage: STM32WBA6 with OEMiROT and TF-M (level 2)."""

from typing import Final

from ....interface.psa.client import PsaClient
from ....interface.psa.crypto import (
    psa_close_key,
    psa_crypto_init,
    psa_destroy_key,
    psa_import_key,
    psa_open_key,
    psa_sign_message,
)
from ....interface.psa.crypto_types import KeyAttributes
from ....interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION,
    PSA_KEY_LOCATION_LOCAL_STORAGE,
    PSA_KEY_PERSISTENCE_DEFAULT,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_USAGE_SIGN_MESSAGE,
)
from ....interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_HANDLE,
    PSA_SUCCESS,
    PsaStatus,
)
from .dac_key_store import DAC_PRIVATE_KEY_SIZE, DAC_SIGNATURE_SIZE, DacKeyError, Entries

PSA_ECDSA_KEY_ID_USER: Final = 0x1FFF0001
"""ST's DEVICE_ATTESTATION_PRIVATE_KEY_ID_USER: the same key by the name that the application has for it."""
ES256: Final = PSA_ALG_ECDSA(PSA_ALG_SHA_256)
DAC_KEY_ATTRIBUTES: Final = KeyAttributes(
    type=PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
    bits=8 * DAC_PRIVATE_KEY_SIZE,
    lifetime=PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(
        PSA_KEY_PERSISTENCE_DEFAULT, PSA_KEY_LOCATION_LOCAL_STORAGE
    ),
    usage=PSA_KEY_USAGE_SIGN_MESSAGE,
    alg=ES256,
    id=PSA_ECDSA_KEY_ID_USER,
)
"""X-CUBE-MATTER, storing the DAC private key in ITS: it signs messages and does nothing else."""


class ItsKeyStore:
    """The key by its fixed id; the non-secure side never holds more than the handle."""

    def __init__(self, ns: PsaClient) -> None:
        self._ns = ns

    def store(self, private_key: bytes) -> Entries:
        _demand("psa_crypto_init", psa_crypto_init(self._ns))
        status, _ = psa_import_key(self._ns, DAC_KEY_ATTRIBUTES, private_key)
        _demand("psa_import_key", status)
        return ()

    def sign(self, message: bytes, public_key: bytes) -> bytes:
        del public_key
        status, handle = psa_open_key(self._ns, PSA_ECDSA_KEY_ID_USER)
        _demand("psa_open_key", status)
        status, signature = psa_sign_message(self._ns, handle, ES256, message, DAC_SIGNATURE_SIZE)
        _demand("psa_close_key", psa_close_key(self._ns, handle))
        _demand("psa_sign_message", status)
        return signature

    def erase(self) -> None:
        status = psa_destroy_key(self._ns, PSA_ECDSA_KEY_ID_USER)
        if status not in (PSA_ERROR_INVALID_HANDLE, PSA_ERROR_DOES_NOT_EXIST):
            _demand("psa_destroy_key", status)


def _demand(call: str, status: int) -> None:
    if status != PSA_SUCCESS:
        raise DacKeyError(call, status, f"{PsaStatus(status).name} ({status})")
