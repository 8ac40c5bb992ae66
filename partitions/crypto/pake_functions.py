"""Group PAKE, which TF-M's service does not have (PSA Crypto 1.2 PAKE Extension, 2.3)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_pake import (
    PSA_ALG_IS_JPAKE,
    PSA_ALG_IS_SPAKE2P_CMAC,
    PSA_PAKE_CONFIRMED_KEY,
    PSA_PAKE_PRIMITIVE_GET_BITS,
    PSA_PAKE_PRIMITIVE_GET_FAMILY,
    PSA_PAKE_PRIMITIVE_GET_TYPE,
    PSA_PAKE_PRIMITIVE_TYPE_ECC,
    PSA_PAKE_UNCONFIRMED_KEY,
)
from ...interface.psa.crypto_sizes import PSA_BYTES_TO_BITS
from ...interface.psa.crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_IS_PAKE,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_512,
    PSA_ALG_SPAKE2P_MATTER,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_CAMELLIA,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_IS_SPAKE2P,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PASSWORD_HASH,
    PSA_KEY_TYPE_SPAKE2P_GET_FAMILY,
    PSA_KEY_USAGE_DERIVE,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from . import key_formats, spake2p_keys
from .config import CryptoConfig
from .hashing import CRYPTOGRAPHY_HASH, Hashes, hash_of
from .jpake import JPake
from .keys import Key, KeyStore
from .operation_group import OperationGroup, lost_by_an_error
from .operations import OperationTable
from .pake import PakeProtocol, Random
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request
from .spake2p import Mac, Spake2p, Suite, cmac_aes_128
from .weierstrass import NIST_BITS, Group, nist_group

_SUITES: Final = {
    256: (PSA_ALG_SHA_256, PSA_ALG_SHA_512),
    384: (PSA_ALG_SHA_256, PSA_ALG_SHA_512),
    521: (PSA_ALG_SHA_512,),
}
"""RFC 9383, 4: the hashes of the cipher suites by curve; those with CMAC have P-256 alone."""
_AES_128_KEY: Final = 16
_ANY_SECRET: Final = (PSA_KEY_TYPE_DERIVE, PSA_KEY_TYPE_HMAC)
_BLOCK_CIPHERS: Final = (PSA_KEY_TYPE_AES, PSA_KEY_TYPE_CAMELLIA)
_CONFIRMATION_SHIFT: Final = 32


class PakeOperation:
    """A multi-part exchange; ``protocol`` is None in the error state. ``done`` names the calls made once."""

    __slots__ = ("done", "protocol")

    def __init__(self, protocol: PakeProtocol | None = None) -> None:
        self.protocol = protocol
        self.done: set[int] = set()

    def abort(self) -> None:
        self.protocol = None


_STEPS: Final = frozenset({Function.PAKE_OUTPUT, Function.PAKE_INPUT})


class PakeFunctions(OperationGroup[PakeOperation]):
    """J-PAKE and SPAKE2+ over the NIST curves."""

    def __init__(
        self,
        hashes: Hashes,
        keys: KeyStore,
        operations: OperationTable,
        random: Random,
        config: CryptoConfig,
    ) -> None:
        super().__init__(operations, PakeOperation)
        self._hashes = hashes
        self._keys = keys
        self._offer = config.offer()
        self._random = random
        self._max_id = config.pake_max_id
        self._foreign_step_is_harmless = config.pake_foreign_step_is_harmless

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.PAKE_SETUP: self._setup,
            Function.PAKE_SET_ROLE: self._set_role,
            Function.PAKE_SET_USER: self._set_user,
            Function.PAKE_SET_PEER: self._set_peer,
            Function.PAKE_SET_CONTEXT: self._set_context,
            Function.PAKE_OUTPUT: self._output,
            Function.PAKE_INPUT: self._input,
            Function.PAKE_GET_SHARED_KEY: self._get_shared_key,
            Function.PAKE_ABORT: self._abort,
        }

    def _setup(self, request: Request) -> int:
        operation = PakeOperation()

        def start() -> None:
            operation.protocol = self._protocol(request)

        return self._begin(request, operation, start, request.iovec.key_id)

    def _protocol(self, request: Request) -> PakeProtocol:
        """PSA Crypto psa_pake_setup: algorithm, key and policy; hash, primitive, confirmation, key type."""
        alg = request.iovec.alg
        if not PSA_ALG_IS_PAKE(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, PSA_KEY_USAGE_DERIVE, alg)
        if not self._offer.alg(alg):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        self._hashes.check(hash_of(alg))
        group = self._group(request.iovec.value & 0xFFFFFFFF)
        wanted = PSA_PAKE_UNCONFIRMED_KEY if PSA_ALG_IS_JPAKE(alg) else PSA_PAKE_CONFIRMED_KEY
        if request.iovec.value >> _CONFIRMATION_SHIFT != wanted:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return self._jpake(alg, group, key) if PSA_ALG_IS_JPAKE(alg) else self._spake2p(alg, group, key)

    def _group(self, primitive: int) -> Group:
        bits = PSA_PAKE_PRIMITIVE_GET_BITS(primitive)
        is_nist = (
            PSA_PAKE_PRIMITIVE_GET_TYPE(primitive) == PSA_PAKE_PRIMITIVE_TYPE_ECC
            and PSA_PAKE_PRIMITIVE_GET_FAMILY(primitive) == PSA_ECC_FAMILY_SECP_R1
            and bits in NIST_BITS
            and self._offer.curve(PSA_ECC_FAMILY_SECP_R1, bits)
        )
        if not is_nist:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return nist_group(bits)

    def _jpake(self, alg: int, group: Group, key: Key) -> PakeProtocol:
        if key.attributes.type not in (PSA_KEY_TYPE_PASSWORD, PSA_KEY_TYPE_PASSWORD_HASH):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        hash_alg = hash_of(alg)
        return JPake(
            group,
            key.material.data,
            lambda data: self._hashes.new(hash_alg, data),
            self._random,
            self._max_id,
        )

    def _spake2p(self, alg: int, group: Group, key: Key) -> PakeProtocol:
        kind, hash_alg = key.attributes.type, hash_of(alg)
        is_key = PSA_KEY_TYPE_IS_SPAKE2P(kind) and key.attributes.bits == group.bits
        if not is_key or PSA_KEY_TYPE_SPAKE2P_GET_FAMILY(kind) != PSA_ECC_FAMILY_SECP_R1:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        p256_only = PSA_ALG_IS_SPAKE2P_CMAC(alg) or alg == PSA_ALG_SPAKE2P_MATTER
        if hash_alg not in _SUITES[group.bits] or (p256_only and group.bits != min(NIST_BITS)):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return Spake2p(
            group, spake2p_keys.record(group, kind, key.material.data), self._suite(alg), self._random
        )

    def _suite(self, alg: int) -> Suite:
        hash_alg = hash_of(alg)
        algorithm = CRYPTOGRAPHY_HASH[hash_alg]
        is_cmac, is_matter = PSA_ALG_IS_SPAKE2P_CMAC(alg), alg == PSA_ALG_SPAKE2P_MATTER
        return Suite(
            new_hash=lambda data: self._hashes.new(hash_alg, data),
            hash_algorithm=algorithm,
            mac=cmac_aes_128 if is_cmac else self._hmac_with(hash_alg),
            mac_key_length=_AES_128_KEY if is_cmac or is_matter else algorithm.digest_size,
            is_matter=is_matter,
        )

    def _hmac_with(self, hash_alg: int) -> Mac:
        def mac(key: bytes, message: bytes) -> bytes:
            state = self._hashes.hmac(hash_alg, key)
            state.update(message)
            return state.digest()

        return mac

    def _set_role(self, request: Request) -> int:
        return self._once(request, lambda protocol: protocol.set_role(request.iovec.value & 0xFF))

    def _set_user(self, request: Request) -> int:
        return self._once(request, lambda protocol: protocol.set_user(request.input(1)))

    def _set_peer(self, request: Request) -> int:
        return self._once(request, lambda protocol: protocol.set_peer(request.input(1)))

    def _set_context(self, request: Request) -> int:
        return self._once(request, lambda protocol: protocol.set_context(request.input(1)))

    def _once(self, request: Request, act: Callable[[PakeProtocol], None]) -> int:
        """PSA Crypto psa_pake_set_*: each once, and before every input and output."""
        operation = self._lookup(request)
        function = request.iovec.function_id
        with lost_by_an_error(operation):
            if operation.protocol is None or operation.done & {function, *_STEPS}:
                raise Refusal(PSA_ERROR_BAD_STATE)
            act(operation.protocol)
        operation.done.add(function)
        return PSA_SUCCESS

    def _output(self, request: Request) -> int:
        request.put(0, b"")
        operation = self._lookup(request)
        self._check_harmless_step(operation, request.iovec.step)
        with lost_by_an_error(operation):
            request.put_whole(0, self._begin_step(operation, request).output(request.iovec.step))
        return PSA_SUCCESS

    def _input(self, request: Request) -> int:
        operation = self._lookup(request)
        self._check_harmless_step(operation, request.iovec.step)
        with lost_by_an_error(operation):
            self._begin_step(operation, request).input(request.iovec.step, request.input(1))
        return PSA_SUCCESS

    def _check_harmless_step(self, operation: PakeOperation, step: int) -> None:
        # PSA Crypto psa_pake_output: every error is the error state; Arm's suite spares a foreign step.
        protocol = operation.protocol
        if self._foreign_step_is_harmless and protocol is not None and step not in protocol.steps:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)

    def _begin_step(self, operation: PakeOperation, request: Request) -> PakeProtocol:
        if operation.protocol is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        operation.done.add(request.iovec.function_id)
        return operation.protocol

    def _get_shared_key(self, request: Request) -> int:
        self._echo_handle(request)
        operation = self._lookup(request)
        with lost_by_an_error(operation):
            key_id = self._make_key(operation, request)
        request.put(1, key_id.to_bytes(4, "little").ljust(request.room(1), b"\0"))
        return self._end(request)

    def _make_key(self, operation: PakeOperation, request: Request) -> int:
        if operation.protocol is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        if len(request.input(1)) != PSA_KEY_ATTRIBUTES_SIZE or request.room(1) < 4:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        attributes = KeyAttributes.decode(request.input(1))
        secret = operation.protocol.shared_secret()
        legal = (*_ANY_SECRET, *(_BLOCK_CIPHERS if operation.protocol.is_pseudorandom else ()))
        # PSA Crypto psa_pake_get_shared_key: the size, where one is given, is that of the secret.
        if attributes.type not in legal or attributes.bits not in (0, PSA_BYTES_TO_BITS(len(secret))):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._keys.check_new(attributes)
        bits, material = key_formats.load(attributes, secret)
        return self._keys.add(request.client_id, replace(attributes, bits=bits), material)
