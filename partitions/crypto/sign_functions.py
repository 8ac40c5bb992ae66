"""Group ASYM_SIGN (TF-M crypto_asymmetric, PSA Crypto 1.2 section 10.7)."""

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES, PSA_HASH_LENGTH, PSA_SIGN_OUTPUT_SIZE
from ...interface.psa.crypto_values import (
    PSA_ALG_IS_DETERMINISTIC_ECDSA,
    PSA_ALG_IS_ECDSA,
    PSA_ALG_IS_HASH_AND_SIGN,
    PSA_ALG_IS_SIGN,
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
from . import ecdsa
from .hashing import Hashes
from .keys import Key, KeyStore
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request


class SignFunctions:
    """Signing and verifying messages and hashes; ECDSA is the one scheme so far."""

    def __init__(self, hashes: Hashes, keys: KeyStore, *, deterministic: bool) -> None:
        self._hashes = hashes
        self._keys = keys
        self._deterministic = deterministic

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
        alg = request.iovec.alg
        _check_alg(alg, is_message=is_message)
        if request.room(0) == 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        key = self._key(request, usage)
        kind, bits = key.attributes.type, key.attributes.bits
        if not PSA_KEY_TYPE_IS_KEY_PAIR(kind):
            return PSA_ERROR_INVALID_ARGUMENT
        digest = self._digest(request, alg, is_message=is_message)
        if not PSA_ALG_IS_ECDSA(alg):
            return PSA_ERROR_INVALID_ARGUMENT
        if request.room(0) < PSA_SIGN_OUTPUT_SIZE(kind, bits, alg):
            return PSA_ERROR_BUFFER_TOO_SMALL
        deterministic = self._deterministic or PSA_ALG_IS_DETERMINISTIC_ECDSA(alg)
        request.put(0, ecdsa.sign(key.material.private(kind, bits), digest, deterministic=deterministic))
        return PSA_SUCCESS

    def _verify(self, request: Request, usage: int, *, is_message: bool) -> int:
        alg = request.iovec.alg
        _check_alg(alg, is_message=is_message)
        key = self._key(request, usage)
        kind, bits = key.attributes.type, key.attributes.bits
        if not PSA_KEY_TYPE_IS_ASYMMETRIC(kind):
            return PSA_ERROR_INVALID_ARGUMENT if is_message else PSA_ERROR_NOT_SUPPORTED
        digest = self._digest(request, alg, is_message=is_message)
        if not PSA_ALG_IS_ECDSA(alg):
            return PSA_ERROR_INVALID_ARGUMENT
        if len(request.input(2)) != 2 * PSA_BITS_TO_BYTES(bits):
            return PSA_ERROR_INVALID_SIGNATURE
        fits = ecdsa.verify(key.material.public(kind, bits), digest, request.input(2))
        return PSA_SUCCESS if fits else PSA_ERROR_INVALID_SIGNATURE

    def _key(self, request: Request, usage: int) -> Key:
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, usage, request.iovec.alg)
        return key

    def _digest(self, request: Request, alg: int, *, is_message: bool) -> bytes:
        hash_alg = PSA_ALG_SIGN_GET_HASH(alg)
        if is_message:
            return self._hashes.digest(hash_alg, request.input(1))
        # PSA Crypto psa_sign_hash: the hash has the length of the algorithm's hash, if it names one.
        if hash_alg and len(request.input(1)) != PSA_HASH_LENGTH(hash_alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return request.input(1)


def _check_alg(alg: int, *, is_message: bool) -> None:
    """PSA Crypto psa_sign_message, psa_sign_hash: INVALID_ARGUMENT for what cannot sign such an input."""
    if not PSA_ALG_IS_SIGN(alg) or not PSA_ALG_IS_HASH_AND_SIGN(alg):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if is_message and not PSA_ALG_SIGN_GET_HASH(alg):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
