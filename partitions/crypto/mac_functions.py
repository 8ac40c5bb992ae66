"""Group MAC (TF-M crypto_mac, PSA Crypto 1.2 section 10.3)."""

import hmac

from ...interface.psa.crypto_sizes import PSA_MAC_LENGTH
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_FULL_LENGTH_MAC,
    PSA_ALG_IS_MAC,
    PSA_KEY_USAGE_SIGN_MESSAGE,
    PSA_KEY_USAGE_VERIFY_MESSAGE,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .config import CryptoConfig
from .hashing import Hashes
from .keys import Key, KeyStore
from .macs import MacState, start_mac
from .operation_group import OperationGroup
from .operations import OperationTable
from .policy import check_policy, mac_key_can_do
from .refusal import Refusal
from .request import Handler, Request

_SHORTEST_MAC = 4


class MacOperation:
    """A multi-part MAC; ``state`` is None while inactive. ``length`` is the MAC's length in bytes."""

    __slots__ = ("is_sign", "length", "state")

    def __init__(self, *, is_sign: bool) -> None:
        self.is_sign = is_sign
        self.length = 0
        self.state: MacState | None = None

    def abort(self) -> None:
        self.state = None

    def finish(self, *, is_sign: bool) -> bytes:
        """The MAC; whatever happens, the operation is inactive afterwards (Mbed TLS psa_mac_*_finish)."""
        state, self.state = self.state, None
        if state is None or self.is_sign is not is_sign:
            raise Refusal(PSA_ERROR_BAD_STATE)
        return state.digest()[: self.length]


def mac_length(attributes: KeyAttributes, alg: int) -> int:
    """The length in bytes of a MAC with this key.

    Mbed TLS psa_mac_finalize_alg_and_key_validation: not a MAC, or one for another key type, or longer than
    the full MAC: INVALID_ARGUMENT; below 4 bytes: NOT_SUPPORTED.
    """
    if not PSA_ALG_IS_MAC(alg) or not mac_key_can_do(alg, attributes.type):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    length = PSA_MAC_LENGTH(attributes.type, attributes.bits, alg)
    if length < _SHORTEST_MAC:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if length > PSA_MAC_LENGTH(attributes.type, attributes.bits, PSA_ALG_FULL_LENGTH_MAC(alg)):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return length


class MacFunctions(OperationGroup[MacOperation]):
    """Single-part and multi-part MACs."""

    def __init__(
        self, hashes: Hashes, keys: KeyStore, operations: OperationTable, config: CryptoConfig
    ) -> None:
        super().__init__(operations, MacOperation)
        self._offer = config.offer()
        self._hashes = hashes
        self._keys = keys

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.MAC_COMPUTE: self._compute,
            Function.MAC_VERIFY: self._verify,
            Function.MAC_SIGN_SETUP: self._setup,
            Function.MAC_VERIFY_SETUP: self._setup,
            Function.MAC_UPDATE: self._update,
            Function.MAC_SIGN_FINISH: self._sign_finish,
            Function.MAC_VERIFY_FINISH: self._verify_finish,
            Function.MAC_ABORT: self._abort,
        }

    def _key(self, request: Request, usage: int) -> tuple[Key, int]:
        """The key and the MAC's length: handle, policy, then algorithm and key."""
        alg = request.iovec.alg
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, usage, alg)
        return key, mac_length(key.attributes, alg)

    def _start(self, key: Key, alg: int) -> MacState:
        """Where a MAC meets a key: its material, or the driver that has it.

        What the build leaves out is NOT_SUPPORTED.
        """
        if key.driver is not None:
            return key.driver.mac_setup(key.driver_key, alg)
        key_type = key.attributes.type
        if not self._offer.alg(alg) or not self._offer.key_type(key_type):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if not self._offer.key_bits(key_type, key.attributes.bits):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return start_mac(self._hashes, key_type, key.material.data, alg)

    def _compute(self, request: Request) -> int:
        request.put(0, b"")
        key, length = self._key(request, PSA_KEY_USAGE_SIGN_MESSAGE)
        if request.room(0) < length:
            return PSA_ERROR_BUFFER_TOO_SMALL
        state = self._start(key, request.iovec.alg)
        state.update(request.input(1))
        request.put(0, state.digest()[:length])
        return PSA_SUCCESS

    def _verify(self, request: Request) -> int:
        key, length = self._key(request, PSA_KEY_USAGE_VERIFY_MESSAGE)
        state = self._start(key, request.iovec.alg)
        state.update(request.input(1))
        if not hmac.compare_digest(state.digest()[:length], request.input(2)):
            return PSA_ERROR_INVALID_SIGNATURE
        return PSA_SUCCESS

    def _setup(self, request: Request) -> int:
        is_sign = request.iovec.function_id == Function.MAC_SIGN_SETUP
        operation = MacOperation(is_sign=is_sign)

        def start() -> None:
            usage = PSA_KEY_USAGE_SIGN_MESSAGE if is_sign else PSA_KEY_USAGE_VERIFY_MESSAGE
            key, operation.length = self._key(request, usage)
            operation.state = self._start(key, request.iovec.alg)

        return self._begin(request, operation, start, request.iovec.key_id)

    def _update(self, request: Request) -> int:
        operation = self._lookup(request)
        if operation.state is None:
            return PSA_ERROR_BAD_STATE
        operation.state.update(request.input(1))
        return PSA_SUCCESS

    def _sign_finish(self, request: Request) -> int:
        self._echo_handle(request)
        operation = self._lookup(request)
        request.put(1, b"")
        request.put_whole(1, operation.finish(is_sign=True))
        return self._end(request)

    def _verify_finish(self, request: Request) -> int:
        self._echo_handle(request)
        operation = self._lookup(request)
        if not hmac.compare_digest(operation.finish(is_sign=False), request.input(1)):
            return PSA_ERROR_INVALID_SIGNATURE
        return self._end(request)
