"""Group ASYM_ENCRYPT (TF-M crypto_asymmetric, PSA Crypto 1.2 section 10.8); RSA is the one kind of key."""

from collections.abc import Callable

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_IS_RSA_OAEP,
    PSA_ALG_RSA_OAEP_GET_HASH,
    PSA_ALG_RSA_PKCS1V15_CRYPT,
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_KEY_PAIR,
    PSA_KEY_TYPE_IS_RSA,
    PSA_KEY_USAGE_DECRYPT,
    PSA_KEY_USAGE_ENCRYPT,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .config import CryptoConfig
from .driver_fallback import exported_public_key, or_else
from .hashing import Hashes
from .keys import Key, KeyStore
from .material import Material
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request
from .rsa_schemes import RsaSchemes


class AsymEncryptFunctions:
    """Encryption to a public key and decryption with its pair; the salt is the label of RSA OAEP."""

    def __init__(
        self, hashes: Hashes, keys: KeyStore, random: Callable[[int], bytes], config: CryptoConfig
    ) -> None:
        self._hashes = hashes
        self._keys = keys
        self._rsa = RsaSchemes(hashes, random)
        self._offer = config.offer()

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.ASYMMETRIC_ENCRYPT: self._encrypt,
            Function.ASYMMETRIC_DECRYPT: self._decrypt,
        }

    def _encrypt(self, request: Request) -> int:
        """Mbed TLS psa_asymmetric_encrypt: salt, key and policy, kind of key, buffer, algorithm, message."""
        request.put(0, b"")
        alg, data, salt = request.iovec.alg, request.input(1), request.input(2)
        key = self._key(request, PSA_KEY_USAGE_ENCRYPT)
        if not PSA_KEY_TYPE_IS_ASYMMETRIC(key.attributes.type):
            return PSA_ERROR_INVALID_ARGUMENT
        request.put_whole(0, self._encrypt_by(key, alg, data, salt, request.room(0)))
        return PSA_SUCCESS

    def _decrypt(self, request: Request) -> int:
        """Mbed TLS psa_asymmetric_decrypt: salt, key and policy, key pair, kind, length, algorithm."""
        request.put(0, b"")
        alg, data, salt = request.iovec.alg, request.input(1), request.input(2)
        key = self._key(request, PSA_KEY_USAGE_DECRYPT)
        if not PSA_KEY_TYPE_IS_KEY_PAIR(key.attributes.type):
            return PSA_ERROR_INVALID_ARGUMENT
        if key.driver is None:
            data = self._decrypt_clear(key, alg, data, salt)
        else:
            data = key.driver.asymmetric_decrypt(key.driver_key, alg, data, salt)
        request.put_whole(0, data)
        return PSA_SUCCESS

    def _key(self, request: Request, usage: int) -> Key:
        alg = request.iovec.alg
        # PSA Crypto psa_asymmetric_encrypt: only RSA OAEP has a salt, which is its label.
        if not PSA_ALG_IS_RSA_OAEP(alg) and request.input(2):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, usage, alg)
        return key

    def _encrypt_by(self, key: Key, alg: int, message: bytes, label: bytes, room: int) -> bytes:
        """Encryption by the public key, be it the service's or a driver's; ``room`` in bytes for it."""
        driver = key.driver
        if driver is None:
            return self._encrypt_clear(key.attributes, key.material, alg, message, label, room)
        driver_key = key.driver_key

        def by_public_key() -> bytes:
            attributes, material = exported_public_key(driver, driver_key)
            return self._encrypt_clear(attributes, material, alg, message, label, room)

        return or_else(lambda: driver.asymmetric_encrypt(driver_key, alg, message, label), by_public_key)

    def _encrypt_clear(
        self, attributes: KeyAttributes, material: Material, alg: int, message: bytes, label: bytes, room: int
    ) -> bytes:
        _check_rsa(attributes.type)
        public = material.rsa_public(attributes.type)
        if room < public.size:
            raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
        self._check_alg(alg)
        return self._rsa.encrypt(public, alg, message, label)

    def _decrypt_clear(self, key: Key, alg: int, data: bytes, label: bytes) -> bytes:
        _check_rsa(key.attributes.type)
        pair = key.material.rsa_pair()
        if len(data) != pair.public.size:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._check_alg(alg)
        return self._rsa.decrypt(pair, alg, data, label)

    def _check_alg(self, alg: int) -> None:
        """INVALID_ARGUMENT for what is no encryption with RSA, NOT_SUPPORTED for what the build lacks."""
        if alg != PSA_ALG_RSA_PKCS1V15_CRYPT and not PSA_ALG_IS_RSA_OAEP(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if not self._offer.alg(alg):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if PSA_ALG_IS_RSA_OAEP(alg):
            self._hashes.check(PSA_ALG_RSA_OAEP_GET_HASH(alg))


def _check_rsa(key_type: int) -> None:
    """Mbed TLS mbedtls_psa_asymmetric_encrypt: no other key encrypts."""
    if not PSA_KEY_TYPE_IS_RSA(key_type):
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
