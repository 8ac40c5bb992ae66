"""PSA Crypto for Python callers: bytes and key ids back, PsaError raised, buffers sized by themselves."""

from . import crypto
from .client import PsaClient
from .crypto_sizes import (
    PSA_EXPORT_KEY_OUTPUT_SIZE,
    PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE,
    PSA_HASH_LENGTH,
    PSA_MAC_MAX_SIZE,
    PSA_SIGN_OUTPUT_SIZE,
)
from .crypto_types import KeyAttributes, psa_hash_operation_t
from .status import PSA_ERROR_INVALID_SIGNATURE, PSA_SUCCESS, PsaError


def _check(status: int, call: str) -> None:
    if status != PSA_SUCCESS:
        raise PsaError(status, call)


class Hash:
    """A multi-part hash in the manner of hashlib; ``close`` frees the service's slot when it is given up."""

    def __init__(self, client: PsaClient, alg: int) -> None:
        self._client = client
        self._alg = alg
        self._operation = psa_hash_operation_t()
        _check(crypto.psa_hash_setup(client, self._operation, alg), "psa_hash_setup")

    def update(self, data: bytes) -> None:
        _check(crypto.psa_hash_update(self._client, self._operation, data), "psa_hash_update")

    def finish(self) -> bytes:
        status, digest = crypto.psa_hash_finish(self._client, self._operation, PSA_HASH_LENGTH(self._alg))
        _check(status, "psa_hash_finish")
        return digest

    def close(self) -> None:
        _check(crypto.psa_hash_abort(self._client, self._operation), "psa_hash_abort")


class CryptoApi:
    """The crypto service of one client; every call raises PsaError for what the service refuses."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def generate_random(self, size: int) -> bytes:
        """``size`` random bytes."""
        status, data = crypto.psa_generate_random(self._client, size)
        _check(status, "psa_generate_random")
        return data

    def hash_compute(self, alg: int, data: bytes) -> bytes:
        """The digest of ``data`` by a PSA_ALG_* hash."""
        status, digest = crypto.psa_hash_compute(self._client, alg, data, PSA_HASH_LENGTH(alg))
        _check(status, "psa_hash_compute")
        return digest

    def hash_compare(self, alg: int, data: bytes, digest: bytes) -> bool:
        """False for another digest; PsaError for anything else."""
        return self._verdict(crypto.psa_hash_compare(self._client, alg, data, digest), "psa_hash_compare")

    def hash_operation(self, alg: int) -> Hash:
        """A multi-part hash; close it, or finish it."""
        return Hash(self._client, alg)

    def import_key(self, attributes: KeyAttributes, data: bytes) -> int:
        """The id of a new volatile key of these attributes; ``data`` is in PSA export format."""
        status, key = crypto.psa_import_key(self._client, attributes, data)
        _check(status, "psa_import_key")
        return key

    def generate_key(self, attributes: KeyAttributes) -> int:
        """The id of a new random key of these attributes."""
        status, key = crypto.psa_generate_key(self._client, attributes)
        _check(status, "psa_generate_key")
        return key

    def destroy_key(self, key: int) -> None:
        """Destroy a key; id 0 has no effect."""
        _check(crypto.psa_destroy_key(self._client, key), "psa_destroy_key")

    def get_key_attributes(self, key: int) -> KeyAttributes:
        """Type, bits, lifetime and policy of a key, with the usage that this client has."""
        status, attributes = crypto.psa_get_key_attributes(self._client, key)
        _check(status, "psa_get_key_attributes")
        return attributes

    def export_key(self, key: int) -> bytes:
        """A key in PSA export format; the policy must allow it."""
        attributes = self.get_key_attributes(key)
        size = PSA_EXPORT_KEY_OUTPUT_SIZE(attributes.type, attributes.bits)
        status, data = crypto.psa_export_key(self._client, key, size)
        _check(status, "psa_export_key")
        return data

    def export_public_key(self, key: int) -> bytes:
        """The public key; for EC the uncompressed point 04, X, Y."""
        attributes = self.get_key_attributes(key)
        size = PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(attributes.type, attributes.bits)
        status, data = crypto.psa_export_public_key(self._client, key, size)
        _check(status, "psa_export_public_key")
        return data

    def mac_compute(self, key: int, alg: int, data: bytes) -> bytes:
        """The MAC of ``data``."""
        status, mac = crypto.psa_mac_compute(self._client, key, alg, data, PSA_MAC_MAX_SIZE)
        _check(status, "psa_mac_compute")
        return mac

    def mac_verify(self, key: int, alg: int, data: bytes, mac: bytes) -> bool:
        """False for another MAC; PsaError for anything else."""
        return self._verdict(crypto.psa_mac_verify(self._client, key, alg, data, mac), "psa_mac_verify")

    def sign_hash(self, key: int, alg: int, digest: bytes) -> bytes:
        """The signature over a digest; for ECDSA r and s, each as long as the curve's order."""
        size = self._signature_size(key, alg)
        status, signature = crypto.psa_sign_hash(self._client, key, alg, digest, size)
        _check(status, "psa_sign_hash")
        return signature

    def sign_message(self, key: int, alg: int, message: bytes) -> bytes:
        """The signature over ``message``, hashed by the algorithm's own hash."""
        size = self._signature_size(key, alg)
        status, signature = crypto.psa_sign_message(self._client, key, alg, message, size)
        _check(status, "psa_sign_message")
        return signature

    def verify_hash(self, key: int, alg: int, digest: bytes, signature: bytes) -> bool:
        """False for a signature that does not fit; PsaError for anything else."""
        return self._verdict(
            crypto.psa_verify_hash(self._client, key, alg, digest, signature), "psa_verify_hash"
        )

    def verify_message(self, key: int, alg: int, message: bytes, signature: bytes) -> bool:
        """False for a signature that does not fit; PsaError for anything else."""
        return self._verdict(
            crypto.psa_verify_message(self._client, key, alg, message, signature), "psa_verify_message"
        )

    def _signature_size(self, key: int, alg: int) -> int:
        attributes = self.get_key_attributes(key)
        return PSA_SIGN_OUTPUT_SIZE(attributes.type, attributes.bits, alg)

    @staticmethod
    def _verdict(status: int, call: str) -> bool:
        if status == PSA_ERROR_INVALID_SIGNATURE:
            return False
        _check(status, call)
        return True
