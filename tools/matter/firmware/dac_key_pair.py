"""The key pair that a device makes for its DAC, while it is on its way to the key store."""

from typing import Final

from ....interface.psa.client import PsaClient
from ....interface.psa.crypto import (
    psa_destroy_key,
    psa_export_key,
    psa_export_public_key,
    psa_generate_key,
    psa_import_key,
    psa_sign_message,
    psa_verify_message,
)
from ....interface.psa.crypto_types import KeyAttributes
from ....interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_TYPE_ECC_PUBLIC_KEY,
    PSA_KEY_USAGE_EXPORT,
    PSA_KEY_USAGE_SIGN_MESSAGE,
    PSA_KEY_USAGE_VERIFY_MESSAGE,
)
from ....interface.psa.status import PSA_SUCCESS, PsaStatus
from .dac_key_store import DAC_PRIVATE_KEY_SIZE, DAC_PUBLIC_KEY_SIZE, DAC_SIGNATURE_SIZE, DacKeyError

_ES256: Final = PSA_ALG_ECDSA(PSA_ALG_SHA_256)
_PAIR: Final = KeyAttributes(
    PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
    256,
    usage=PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_EXPORT,
    alg=_ES256,
)
_PUBLIC: Final = KeyAttributes(
    PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1),
    256,
    usage=PSA_KEY_USAGE_VERIFY_MESSAGE,
    alg=_ES256,
)


class DacKeyPair:
    """A new volatile key: a reset forgets it. Raises DacKeyError where the crypto service refuses."""

    def __init__(self, ns: PsaClient) -> None:
        self._ns = ns
        status, self._key = psa_generate_key(ns, _PAIR)
        _demand("psa_generate_key", status)
        status, self.public_key = psa_export_public_key(ns, self._key, DAC_PUBLIC_KEY_SIZE)
        _demand("psa_export_public_key", status)

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256: r and s, 64 bytes."""
        status, signature = psa_sign_message(self._ns, self._key, _ES256, message, DAC_SIGNATURE_SIZE)
        _demand("psa_sign_message", status)
        return signature

    def export(self) -> bytes:
        """The private key, 32 bytes, for the key store."""
        status, private_key = psa_export_key(self._ns, self._key, DAC_PRIVATE_KEY_SIZE)
        _demand("psa_export_key", status)
        return private_key

    def destroy(self) -> None:
        """The key is in its store, or nobody wants it."""
        psa_destroy_key(self._ns, self._key)


def sign_once(ns: PsaClient, private_key: bytes, message: bytes) -> bytes:
    """A signature by a key that the program itself holds. Raises DacKeyError."""
    status, key = psa_import_key(ns, _PAIR, private_key)
    _demand("psa_import_key", status)
    status, signature = psa_sign_message(ns, key, _ES256, message, DAC_SIGNATURE_SIZE)
    psa_destroy_key(ns, key)
    _demand("psa_sign_message", status)
    return signature


def verify(ns: PsaClient, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is the one of this key over this message."""
    status, key = psa_import_key(ns, _PUBLIC, public_key)
    if status != PSA_SUCCESS:
        return False
    status = psa_verify_message(ns, key, _ES256, message, signature)
    psa_destroy_key(ns, key)
    return status == PSA_SUCCESS


def _demand(call: str, status: int) -> None:
    if status != PSA_SUCCESS:
        raise DacKeyError(call, status, f"{PsaStatus(status).name} ({status})")
