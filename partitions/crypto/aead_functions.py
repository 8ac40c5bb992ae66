"""Group AEAD (TF-M crypto_aead, PSA Crypto 1.2 section 10.5)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_AEAD_GET_TAG_LENGTH,
    PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG,
    PSA_ALG_CHACHA20_POLY1305,
    PSA_ALG_IS_AEAD,
    PSA_ALG_IS_WILDCARD,
    PSA_KEY_USAGE_DECRYPT,
    PSA_KEY_USAGE_ENCRYPT,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import TFM_CRYPTO_MAX_NONCE_LENGTH, Function
from .aead import ALGORITHMS, Aead, WholeAead, key_aead
from .aead_operation import AeadMessage, AeadOperation
from .config import CryptoConfig
from .drivers import DriverKey, OpaqueDriver
from .keys import Key, KeyStore
from .operation_group import OperationGroup, lost_by_an_error
from .operations import OperationTable
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request

_CHACHA_ORIGINAL_NONCE: Final = 8
"""The nonce of ChaCha20-Poly1305's older variant, optional in PSA Crypto and left out here, in bytes."""


class AeadFunctions(OperationGroup[AeadOperation]):
    """Single-part and multi-part authenticated encryption."""

    def __init__(
        self,
        keys: KeyStore,
        operations: OperationTable,
        random: Callable[[int], bytes],
        config: CryptoConfig,
    ) -> None:
        super().__init__(operations, AeadOperation)
        self._offer = offer = config.offer()
        self._offered = {
            alg: replace(algorithm, key_types=frozenset(filter(offer.key_type, algorithm.key_types)))
            for alg, algorithm in ALGORITHMS.items()
            if offer.alg(alg)
        }
        self._keys = keys
        self._random = random
        self._lengths_after_nonce = config.aead_lengths_after_nonce

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.AEAD_ENCRYPT: self._encrypt,
            Function.AEAD_DECRYPT: self._decrypt,
            Function.AEAD_ENCRYPT_SETUP: self._setup,
            Function.AEAD_DECRYPT_SETUP: self._setup,
            Function.AEAD_GENERATE_NONCE: self._generate_nonce,
            Function.AEAD_SET_NONCE: self._set_nonce,
            Function.AEAD_SET_LENGTHS: self._set_lengths,
            Function.AEAD_UPDATE_AD: self._update_ad,
            Function.AEAD_UPDATE: self._update,
            Function.AEAD_FINISH: self._finish,
            Function.AEAD_VERIFY: self._verify,
            Function.AEAD_ABORT: self._abort,
        }

    def _key(self, request: Request, usage: int) -> Key:
        """Mbed TLS psa_aead_check_algorithm, then key and policy."""
        alg = request.iovec.alg
        if not PSA_ALG_IS_AEAD(alg) or PSA_ALG_IS_WILDCARD(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, usage, alg)
        return key

    def _find(self, alg: int) -> Aead:
        """The algorithm, whatever tag length ``alg`` names; NOT_SUPPORTED for one that the build lacks."""
        algorithm = self._offered.get(PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg))
        if algorithm is None:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return algorithm

    def _check_key(self, algorithm: Aead, attributes: KeyAttributes) -> None:
        # Mbed TLS mbedtls_cipher_values_from_psa: a key of another algorithm is NOT_SUPPORTED.
        if attributes.type not in algorithm.key_types:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if not self._offer.key_bits(attributes.type, attributes.bits):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def _single(self, request: Request, usage: int) -> tuple[Aead, Key, bytes]:
        """What encryption and decryption in one call check first, in Mbed TLS's order; the nonce with it."""
        request.put(0, b"")
        iovec = request.iovec
        if iovec.nonce_length > TFM_CRYPTO_MAX_NONCE_LENGTH:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        key = self._key(request, usage)
        algorithm = self._find(iovec.alg)
        _check_nonce_length(algorithm, iovec.alg, iovec.nonce_length)
        self._check_key(algorithm, key.attributes)
        return algorithm, key, iovec.nonce[: iovec.nonce_length]

    def _encrypt(self, request: Request) -> int:
        algorithm, key, nonce = self._single(request, PSA_KEY_USAGE_ENCRYPT)
        plaintext, ad = request.input(1), request.input(2)
        tag_length = PSA_ALG_AEAD_GET_TAG_LENGTH(request.iovec.alg)
        _check_only_tag(algorithm, tag_length)
        if request.room(0) < len(plaintext) + tag_length:
            return PSA_ERROR_BUFFER_TOO_SMALL
        _check_lengths(algorithm, tag_length, len(nonce), len(ad), len(plaintext))
        request.put(0, _whole(request.iovec.alg, key).seal(nonce, ad, plaintext))
        return PSA_SUCCESS

    def _decrypt(self, request: Request) -> int:
        algorithm, key, nonce = self._single(request, PSA_KEY_USAGE_DECRYPT)
        sealed, ad = request.input(1), request.input(2)
        tag_length = PSA_ALG_AEAD_GET_TAG_LENGTH(request.iovec.alg)
        _check_only_tag(algorithm, tag_length)
        # Mbed TLS psa_aead_unpadded_locate_tag: no room for a tag is an argument's fault, no forgery.
        length = len(sealed) - tag_length
        if length < 0:
            return PSA_ERROR_INVALID_ARGUMENT
        if request.room(0) < length:
            return PSA_ERROR_BUFFER_TOO_SMALL
        _check_lengths(algorithm, tag_length, len(nonce), len(ad), length)
        plaintext = _whole(request.iovec.alg, key).open_sealed(nonce, ad, sealed)
        if plaintext is None:
            return PSA_ERROR_INVALID_SIGNATURE
        request.put(0, plaintext)
        return PSA_SUCCESS

    def _setup(self, request: Request) -> int:
        operation = AeadOperation()

        def start() -> None:
            operation.message = self._start(request)

        return self._begin(request, operation, start, request.iovec.key_id)

    def _start(self, request: Request) -> AeadMessage:
        """Mbed TLS psa_aead_setup: algorithm, key and policy, tag length, key type."""
        alg = request.iovec.alg
        is_encrypt = request.iovec.function_id == Function.AEAD_ENCRYPT_SETUP
        key = self._key(request, PSA_KEY_USAGE_ENCRYPT if is_encrypt else PSA_KEY_USAGE_DECRYPT)
        algorithm = self._find(alg)
        tag_length = PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
        if tag_length not in algorithm.tags:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if key.driver is not None:
            key.driver.setup_in_parts(key.driver_key, alg)
        self._check_key(algorithm, key.attributes)
        return AeadMessage(
            algorithm,
            key_aead(alg, key.attributes.type, key.material.data),
            tag_length,
            is_encrypt=is_encrypt,
            lengths_after_nonce=self._lengths_after_nonce,
        )

    def _on_operation(self, request: Request, act: Callable[[AeadMessage], None]) -> int:
        """A call on an operation under way."""
        operation = self._lookup(request)
        if operation.message is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        with lost_by_an_error(operation):
            act(operation.message)
        return PSA_SUCCESS

    def _generate_nonce(self, request: Request) -> int:
        def act(message: AeadMessage) -> None:
            request.put(0, b"")
            length = message.nonce_to_generate()
            if request.room(0) < length:
                raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
            nonce = self._random(length)
            message.set_nonce(nonce)
            request.put(0, nonce)

        return self._on_operation(request, act)

    def _set_nonce(self, request: Request) -> int:
        return self._on_operation(request, lambda message: message.set_nonce(request.input(1)))

    def _set_lengths(self, request: Request) -> int:
        lengths = request.iovec.ad_length, request.iovec.plaintext_length
        return self._on_operation(request, lambda message: message.set_lengths(*lengths))

    def _update_ad(self, request: Request) -> int:
        return self._on_operation(request, lambda message: message.update_ad(request.input(1)))

    def _update(self, request: Request) -> int:
        def act(message: AeadMessage) -> None:
            request.put(0, b"")
            message.check_update(len(request.input(1)))
            # Mbed TLS mbedtls_psa_aead_update: each of the algorithms emits what it takes.
            if request.room(0) < len(request.input(1)):
                raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
            request.put(0, message.update(request.input(1)))

        return self._on_operation(request, act)

    def _finish(self, request: Request) -> int:
        def act(message: AeadMessage) -> None:
            # The ciphertext's vector stays empty: nothing is held back until the end.
            request.put(1, b"")
            request.put(2, b"")
            message.check_finish(is_encrypt=True)
            if request.room(1) < message.tag_length:
                raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
            request.put(1, message.finish())

        return self._end_by(request, act)

    def _verify(self, request: Request) -> int:
        def act(message: AeadMessage) -> None:
            request.put(1, b"")
            message.check_finish(is_encrypt=False)
            if not message.verify(request.input(1)):
                raise Refusal(PSA_ERROR_INVALID_SIGNATURE)

        return self._end_by(request, act)

    def _end_by(self, request: Request, act: Callable[[AeadMessage], None]) -> int:
        self._echo_handle(request)
        self._on_operation(request, act)
        return self._end(request)


def _whole(alg: int, key: Key) -> WholeAead:
    """Where calls for whole messages meet a key: its material, or the driver that has it."""
    if key.driver is not None:
        return _DriverAead(key.driver, key.driver_key, alg)
    return key_aead(alg, key.attributes.type, key.material.data)


class _DriverAead:
    """A key that only its driver has. Messages in parts are NOT_SUPPORTED there."""

    def __init__(self, driver: OpaqueDriver, key: DriverKey, alg: int) -> None:
        self._driver = driver
        self._key = key
        self._alg = alg

    def seal(self, nonce: bytes, ad: bytes, plaintext: bytes) -> bytes:
        return self._driver.aead_encrypt(self._key, self._alg, nonce, ad, plaintext)

    def open_sealed(self, nonce: bytes, ad: bytes, sealed: bytes) -> bytes:
        return self._driver.aead_decrypt(self._key, self._alg, nonce, ad, sealed)


def _check_nonce_length(algorithm: Aead, alg: int, length: int) -> None:
    """Mbed TLS psa_aead_check_nonce_length: NOT_SUPPORTED is for what PSA Crypto has and this lacks."""
    if length in algorithm.nonces:
        return
    base = PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg)
    if base == PSA_ALG_CHACHA20_POLY1305 and length == _CHACHA_ORIGINAL_NONCE:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _check_only_tag(algorithm: Aead, tag_length: int) -> None:
    # Mbed TLS psa_aead_setup: for ChaCha20-Poly1305 another tag length is one that is not supported.
    if len(algorithm.tags) == 1 and tag_length not in algorithm.tags:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)


def _check_lengths(
    algorithm: Aead, tag_length: int, nonce_length: int, ad_length: int, plaintext_length: int
) -> None:
    """PSA Crypto 1.2 PSA_ALG_GCM, PSA_ALG_CCM: the tags and lengths that an algorithm has."""
    if tag_length not in algorithm.tags:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if not algorithm.takes_lengths(nonce_length, ad_length, plaintext_length):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
