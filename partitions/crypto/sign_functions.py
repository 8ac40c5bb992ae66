"""Group ASYM_SIGN (TF-M crypto_asymmetric, PSA Crypto 1.2 section 10.7)."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from ...interface.psa.crypto_sizes import PSA_HASH_LENGTH, PSA_SIGN_OUTPUT_SIZE
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ANY_HASH,
    PSA_ALG_DETERMINISTIC_ECDSA,
    PSA_ALG_ECDSA,
    PSA_ALG_IS_ECDSA,
    PSA_ALG_IS_SIGN_MESSAGE,
    PSA_ALG_PURE_EDDSA,
    PSA_ALG_SIGN_GET_HASH,
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_KEY_PAIR,
    PSA_KEY_USAGE_SIGN_HASH,
    PSA_KEY_USAGE_SIGN_MESSAGE,
    PSA_KEY_USAGE_VERIFY_HASH,
    PSA_KEY_USAGE_VERIFY_MESSAGE,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .config import CryptoConfig
from .driver_fallback import exported_public_key, or_else
from .hashing import Hashes
from .keys import Key, KeyStore
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request
from .signatures import Signatures, check_key

REMEMBERED: Final = 64
"""Keys and algorithms whose checks are remembered."""


class SignFunctions:
    """Signing and verifying messages and hashes."""

    def __init__(
        self, hashes: Hashes, keys: KeyStore, random: Callable[[int], bytes], config: CryptoConfig
    ) -> None:
        self._hashes = hashes
        self._keys = keys
        self._offer = config.offer()
        self._signatures = Signatures(hashes, random, deterministic=config.deterministic_ecdsa)
        # What these two pass, they pass in every call of the build.
        self._check_alg = lru_cache(REMEMBERED)(self._check_alg_of_build)
        self._signature_size = lru_cache(REMEMBERED)(self._signature_size_of_key)

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.SIGN_HASH: self._sign_hash,
            Function.SIGN_MESSAGE: self._sign_message,
            Function.VERIFY_HASH: self._verify_hash,
            Function.VERIFY_MESSAGE: self._verify_message,
        }

    def _sign_hash(self, request: Request) -> int:
        return self._sign(request, PSA_KEY_USAGE_SIGN_HASH, is_message=False)

    def _sign_message(self, request: Request) -> int:
        return self._sign(request, PSA_KEY_USAGE_SIGN_MESSAGE, is_message=True)

    def _verify_hash(self, request: Request) -> int:
        return self._verify(request, PSA_KEY_USAGE_VERIFY_HASH, is_message=False)

    def _verify_message(self, request: Request) -> int:
        return self._verify(request, PSA_KEY_USAGE_VERIFY_MESSAGE, is_message=True)

    def _sign(self, request: Request, usage: int, *, is_message: bool) -> int:
        # Mbed TLS psa_sign_internal: algorithm, empty buffer, key and policy, key pair, then the primitive.
        request.put(0, b"")
        alg, room = request.iovec.alg, request.room(0)
        self._check_alg(alg, is_message)
        if room == 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        key = self._keys.get(request.client_id, request.iovec.key_id)
        size = self._signature_size(key.attributes, usage, alg)
        if not is_message:
            _check_hash_length(alg, request.input(1))
        if room < size:
            return PSA_ERROR_BUFFER_TOO_SMALL
        request.put_whole(0, self._make(key, alg, request.input(1), is_message=is_message))
        return PSA_SUCCESS

    def _verify(self, request: Request, usage: int, *, is_message: bool) -> int:
        """Mbed TLS psa_verify_internal: algorithm, key and policy, then the primitive."""
        alg = request.iovec.alg
        self._check_alg(alg, is_message)
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, usage, alg)
        if is_message and not PSA_KEY_TYPE_IS_ASYMMETRIC(key.attributes.type):
            return PSA_ERROR_INVALID_ARGUMENT
        self._check_key(key.attributes, alg, *_verified_alike(alg))
        if not is_message:
            _check_hash_length(alg, request.input(1))
        fits = self._fits(key, alg, request.input(1), request.input(2), is_message=is_message)
        return PSA_SUCCESS if fits else PSA_ERROR_INVALID_SIGNATURE

    def _check_alg_of_build(self, alg: int, is_message: bool) -> None:
        """Mbed TLS psa_sign_verify_check_alg.

        INVALID_ARGUMENT for what cannot sign such an input and for the wildcard of hashes, NOT_SUPPORTED for
        a hash that is not in the build. What is no signature algorithm at all is left to the key's policy.
        """
        hash_alg = PSA_ALG_SIGN_GET_HASH(alg)
        if is_message and (not PSA_ALG_IS_SIGN_MESSAGE(alg) or not (hash_alg or alg == PSA_ALG_PURE_EDDSA)):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if not is_message and alg == PSA_ALG_PURE_EDDSA:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if hash_alg == PSA_ALG_ANY_HASH:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if hash_alg:
            self._hashes.check(hash_alg)

    def _signature_size_of_key(self, attributes: KeyAttributes, usage: int, alg: int) -> int:
        """In bytes, of a key that may sign so: policy, key pair, scheme."""
        check_policy(attributes, usage, alg)
        if not PSA_KEY_TYPE_IS_KEY_PAIR(attributes.type):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._check_key(attributes, alg)
        return PSA_SIGN_OUTPUT_SIZE(attributes.type, attributes.bits, alg)

    def _check_key(self, attributes: KeyAttributes, alg: int, *alike: int) -> None:
        check_key(attributes.type, attributes.bits, alg)
        if not any(map(self._offer.alg, (alg, *alike))):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def _make(self, key: Key, alg: int, data: bytes, *, is_message: bool) -> bytes:
        """The signature of a message or a hash; a driver's key is the driver's to use."""
        driver = key.driver
        if driver is None:
            data = self._to_sign(alg, data, is_message=is_message)
            return self._signatures.sign(key.material, key.attributes, alg, data)
        driver_key = key.driver_key
        if is_message and alg == PSA_ALG_PURE_EDDSA:
            return driver.sign_message(driver_key, alg, data)
        if is_message:
            return or_else(
                lambda: driver.sign_message(driver_key, alg, data),
                lambda: driver.sign_hash(driver_key, alg, self._to_sign(alg, data, is_message=True)),
            )
        return driver.sign_hash(driver_key, alg, data)

    def _fits(self, key: Key, alg: int, data: bytes, signature: bytes, *, is_message: bool) -> bool:
        """Whether a signature is that of a message or hash; the public key tells where a driver does not."""
        driver = key.driver
        if driver is None:
            data = self._to_sign(alg, data, is_message=is_message)
            return self._signatures.verify(key.material, key.attributes, alg, data, signature)
        driver_key, to_sign = key.driver_key, self._to_sign(alg, data, is_message=is_message)

        def by_public_key() -> bool:
            attributes, material = exported_public_key(driver, driver_key)
            return self._signatures.verify(material, attributes, alg, to_sign, signature)

        def by_hash() -> bool:
            if alg == PSA_ALG_PURE_EDDSA:
                return by_public_key()
            return or_else(lambda: driver.verify_hash(driver_key, alg, to_sign, signature), by_public_key)

        if is_message:
            return or_else(lambda: driver.verify_message(driver_key, alg, data, signature), by_hash)
        return by_hash()

    def _to_sign(self, alg: int, data: bytes, *, is_message: bool) -> bytes:
        """What the scheme signs of a message, which is its hash but for PSA_ALG_PURE_EDDSA, or of a hash."""
        if is_message and alg != PSA_ALG_PURE_EDDSA:
            return self._hashes.digest(PSA_ALG_SIGN_GET_HASH(alg), data)
        return data


def _verified_alike(alg: int) -> tuple[int, ...]:
    """Mbed TLS psa_verify_hash_builtin: either ECDSA in the build verifies the signatures of both."""
    if not PSA_ALG_IS_ECDSA(alg):
        return ()
    hash_alg = PSA_ALG_SIGN_GET_HASH(alg)
    return PSA_ALG_ECDSA(hash_alg), PSA_ALG_DETERMINISTIC_ECDSA(hash_alg)


def _check_hash_length(alg: int, digest: bytes) -> None:
    """PSA Crypto psa_sign_hash: the hash has the length of the algorithm's hash, if it names one."""
    hash_alg = PSA_ALG_SIGN_GET_HASH(alg)
    if hash_alg and len(digest) != PSA_HASH_LENGTH(hash_alg):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
