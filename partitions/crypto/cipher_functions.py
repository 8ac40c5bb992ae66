"""Group CIPHER (TF-M crypto_cipher, PSA Crypto 1.2 section 10.4)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_values import (
    PSA_ALG_CMAC,
    PSA_ALG_CTR,
    PSA_ALG_IS_AEAD,
    PSA_ALG_IS_CIPHER,
    PSA_KEY_USAGE_DECRYPT,
    PSA_KEY_USAGE_ENCRYPT,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function
from .ciphers import KEY_TYPES, CipherKind, CipherStream, find_cipher
from .config import CryptoConfig
from .keys import Key, KeyStore
from .operation_group import OperationGroup, lost_by_an_error
from .operations import OperationTable
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request

_KEY_TYPE_SIZE: Final = 2
_USAGE: Final = {True: PSA_KEY_USAGE_ENCRYPT, False: PSA_KEY_USAGE_DECRYPT}


class CipherOperation:
    """A multi-part cipher. Without ``kind`` it is inactive or in the error state; ``stream`` needs the IV."""

    __slots__ = ("alg", "encrypt", "key", "kind", "stream")

    def __init__(self, *, encrypt: bool) -> None:
        self.encrypt = encrypt
        self.alg = 0
        self.kind: CipherKind | None = None
        self.key = b""
        self.stream: CipherStream | None = None

    def abort(self) -> None:
        self.kind = self.stream = None
        self.key = b""

    def start(self, alg: int, kind: CipherKind, key: bytes) -> None:
        self.alg, self.kind, self.key = alg, kind, key
        if kind.iv == 0:
            self.set_iv(b"")

    def needs_iv(self) -> CipherKind:
        """The kind of an active operation whose IV is still to come, else BAD_STATE."""
        if self.kind is None or self.stream is not None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        return self.kind

    def set_iv(self, iv: bytes) -> None:
        self.stream = self.needs_iv().start(self.key, iv, encrypt=self.encrypt)
        self.key = b""

    def ready(self) -> CipherStream:
        """The stream of an operation that is active and has its IV, if it needs one; else BAD_STATE."""
        if self.stream is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        return self.stream


def _fit(data: bytes, room: int) -> bytes:
    if len(data) > room:
        raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
    return data


def _update(stream: CipherStream, data: bytes, room: int) -> bytes:
    # Mbed TLS mbedtls_psa_cipher_update: the buffer is looked at before anything is done.
    if stream.room(len(data)) > room:
        raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
    return stream.update(data)


def _whole(
    key: Key, kind: CipherKind, alg: int, iv: bytes, data: bytes, room: int, *, encrypt: bool
) -> bytes:
    """Where calls for whole messages meet a key: its material, or the driver that has it."""
    if key.driver is not None:
        code = key.driver.cipher_encrypt if encrypt else key.driver.cipher_decrypt
        return _fit(code(key.driver_key, alg, iv, data), room)
    stream = kind.start(key.material.data, iv, encrypt=encrypt)
    first = _update(stream, data, room)
    return first + _fit(stream.finish(), room - len(first))


class CipherFunctions(OperationGroup[CipherOperation]):
    """Single-part and multi-part encryption and decryption without authentication."""

    def __init__(
        self,
        keys: KeyStore,
        operations: OperationTable,
        random: Callable[[int], bytes],
        config: CryptoConfig,
    ) -> None:
        super().__init__(operations, CipherOperation)
        self._offer = config.offer()
        self._keys = keys
        self._random = random
        self._short_counters = config.ctr_short_iv

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.CIPHER_ENCRYPT: self._encrypt,
            Function.CIPHER_DECRYPT: self._decrypt,
            Function.CIPHER_ENCRYPT_SETUP: self._setup,
            Function.CIPHER_DECRYPT_SETUP: self._setup,
            Function.CIPHER_GENERATE_IV: self._generate_iv,
            Function.CIPHER_SET_IV: self._set_iv,
            Function.CIPHER_UPDATE: self._update,
            Function.CIPHER_FINISH: self._finish,
            Function.CIPHER_ABORT: self._abort,
            Function.CAN_DO_CIPHER: self._can_do,
        }

    def _can_do(self, request: Request) -> int:
        """TF-M tfm_crypto_can_do_cipher: both are in the build; whether they go together is not asked."""
        if request.room(0) < TFM_CRYPTO_HANDLE_SIZE or len(request.input(1)) < _KEY_TYPE_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        key_type = int.from_bytes(request.input(1)[:_KEY_TYPE_SIZE], "little")
        alg = request.iovec.alg
        ciphers = PSA_ALG_IS_CIPHER(alg) or PSA_ALG_IS_AEAD(alg) or alg == PSA_ALG_CMAC
        offered = self._offer.key_type(key_type) and self._offer.alg(alg)
        can = ciphers and key_type in KEY_TYPES and offered
        request.put(0, int(can).to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little"))
        return PSA_SUCCESS

    def _key(self, request: Request, *, encrypt: bool) -> Key:
        """Mbed TLS psa_cipher_setup: not a cipher is INVALID_ARGUMENT; then key and policy."""
        alg = request.iovec.alg
        if not PSA_ALG_IS_CIPHER(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, _USAGE[encrypt], alg)
        return key

    def _kind(self, key: Key, alg: int) -> CipherKind:
        """Mbed TLS mbedtls_cipher_info_from_psa: what does not go together is NOT_SUPPORTED."""
        key_type = key.attributes.type
        kind = find_cipher(key_type, alg)
        if kind is None or not self._offer.alg(alg) or not self._offer.key_type(key_type):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if not self._offer.key_bits(key_type, key.attributes.bits):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if key.driver is None:
            kind.check_key(key.material.data)
        return kind

    def _encrypt(self, request: Request) -> int:
        """A random IV, where the algorithm has one, and the ciphertext behind it."""
        request.put(0, b"")
        key = self._key(request, encrypt=True)
        kind = self._kind(key, request.iovec.alg)
        room = request.room(0) - kind.iv
        if room < 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        iv = self._random(kind.iv) if kind.iv else b""
        request.put(0, iv + _whole(key, kind, request.iovec.alg, iv, request.input(1), room, encrypt=True))
        return PSA_SUCCESS

    def _decrypt(self, request: Request) -> int:
        """The input is the IV, of the default length, and the ciphertext behind it."""
        request.put(0, b"")
        key = self._key(request, encrypt=False)
        kind = self._kind(key, request.iovec.alg)
        iv, data = request.input(1)[: kind.iv], request.input(1)[kind.iv :]
        if len(iv) < kind.iv:
            return PSA_ERROR_INVALID_ARGUMENT
        request.put(0, _whole(key, kind, request.iovec.alg, iv, data, request.room(0), encrypt=False))
        return PSA_SUCCESS

    def _setup(self, request: Request) -> int:
        encrypt = request.iovec.function_id == Function.CIPHER_ENCRYPT_SETUP
        operation = CipherOperation(encrypt=encrypt)

        def start() -> None:
            key = self._key(request, encrypt=encrypt)
            if key.driver is not None:
                key.driver.setup_in_parts(key.driver_key, request.iovec.alg)
            kind = self._kind(key, request.iovec.alg)
            operation.start(request.iovec.alg, kind, key.material.data)

        return self._begin(request, operation, start, request.iovec.key_id)

    def _generate_iv(self, request: Request) -> int:
        operation = self._lookup(request)
        request.put(0, b"")
        with lost_by_an_error(operation):
            kind = operation.needs_iv()
            # PSA Crypto 1.2 psa_cipher_generate_iv: for encryption only; Mbed TLS does not ask.
            if not operation.encrypt:
                raise Refusal(PSA_ERROR_BAD_STATE)
            if request.room(0) < kind.iv:
                raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
            iv = self._random(kind.iv)
            operation.set_iv(iv)
        request.put(0, iv)
        return PSA_SUCCESS

    def _set_iv(self, request: Request) -> int:
        operation = self._lookup(request)
        with lost_by_an_error(operation):
            kind = operation.needs_iv()
            iv = request.input(1)
            if len(iv) not in kind.ivs:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
            # Mbed TLS mbedtls_psa_cipher_set_iv: CTR takes a whole block alone, and Arm's suite wants that.
            if operation.alg == PSA_ALG_CTR and len(iv) != kind.iv and not self._short_counters:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
            operation.set_iv(iv)
        return PSA_SUCCESS

    def _update(self, request: Request) -> int:
        # TF-M's service gives the slot of a failed update away; here it waits for the abort, as any other.
        operation = self._lookup(request)
        request.put(0, b"")
        with lost_by_an_error(operation):
            output = _update(operation.ready(), request.input(1), request.room(0))
        request.put(0, output)
        return PSA_SUCCESS

    def _finish(self, request: Request) -> int:
        self._echo_handle(request)
        operation = self._lookup(request)
        request.put(1, b"")
        with lost_by_an_error(operation):
            output = _fit(operation.ready().finish(), request.room(1))
        request.put(1, output)
        return self._end(request)
