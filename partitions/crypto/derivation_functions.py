"""Group KEY_DERIVATION (TF-M crypto_key_derivation, PSA Crypto 1.2 section 10.6)."""

import hmac
from contextlib import AbstractContextManager
from typing import Final

from ...interface.psa.crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_IS_KEY_AGREEMENT,
    PSA_ALG_IS_KEY_DERIVATION,
    PSA_ALG_IS_STANDALONE_KEY_AGREEMENT,
    PSA_ALG_KEY_AGREEMENT_GET_BASE,
    PSA_ALG_KEY_AGREEMENT_GET_KDF,
    PSA_ALG_SP800_108_COUNTER_CMAC,
    PSA_ALG_TLS12_ECJPAKE_TO_PMS,
    PSA_KEY_DERIVATION_INPUT_PASSWORD,
    PSA_KEY_DERIVATION_INPUT_SECRET,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
    PSA_KEY_TYPE_PASSWORD_HASH,
    PSA_KEY_USAGE_DERIVE,
    PSA_KEY_USAGE_VERIFY_DERIVATION,
)
from ...interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_DATA,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .agreement_functions import AgreementFunctions
from .derivation import DerivationOperation
from .derived_keys import derive_material
from .kdf_algorithms import KdfAlgorithms
from .keys import Key, KeyStore
from .operation_group import OperationGroup, lost_by_an_error
from .operations import OperationTable
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request

CAPACITY_SIZE: Final = 4
"""A capacity is the service's own size_t: u32, little endian."""
_NO_AGREED_SECRET: Final = (PSA_ALG_TLS12_ECJPAKE_TO_PMS, PSA_ALG_SP800_108_COUNTER_CMAC)
"""A point of P-256 and a block cipher key: secrets that no key agreement makes."""
_MAIN_STEPS: Final = (PSA_KEY_DERIVATION_INPUT_SECRET, PSA_KEY_DERIVATION_INPUT_PASSWORD)


def _fails(operation: DerivationOperation) -> AbstractContextManager[None]:
    """PSA Crypto 1.2 psa_key_derivation_output_bytes: too little left to read is no error state."""
    return lost_by_an_error(operation, but_for=PSA_ERROR_INSUFFICIENT_DATA)


class DerivationFunctions(OperationGroup[DerivationOperation]):
    """Key derivation operations; each belongs to the client that set it up."""

    def __init__(
        self,
        algorithms: KdfAlgorithms,
        agreement: AgreementFunctions,
        keys: KeyStore,
        operations: OperationTable,
    ) -> None:
        super().__init__(operations, DerivationOperation)
        self._algorithms = algorithms
        self._agreement = agreement
        self._keys = keys

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.KEY_DERIVATION_SETUP: self._setup,
            Function.KEY_DERIVATION_GET_CAPACITY: self._get_capacity,
            Function.KEY_DERIVATION_SET_CAPACITY: self._set_capacity,
            Function.KEY_DERIVATION_INPUT_BYTES: self._input_bytes,
            Function.KEY_DERIVATION_INPUT_INTEGER: self._input_integer,
            Function.KEY_DERIVATION_INPUT_KEY: self._input_key,
            Function.KEY_DERIVATION_KEY_AGREEMENT: self._key_agreement,
            Function.KEY_DERIVATION_OUTPUT_BYTES: self._output_bytes,
            Function.KEY_DERIVATION_OUTPUT_KEY: self._output_key,
            Function.KEY_DERIVATION_OUTPUT_KEY_CUSTOM: self._output_key,
            Function.KEY_DERIVATION_VERIFY_BYTES: self._verify_bytes,
            Function.KEY_DERIVATION_VERIFY_KEY: self._verify_key,
            Function.KEY_DERIVATION_ABORT: self._abort,
        }

    def _setup(self, request: Request) -> int:
        operation = DerivationOperation()
        return self._begin(request, operation, lambda: self._set_up(operation, request.iovec.alg))

    def _set_up(self, operation: DerivationOperation, alg: int) -> None:
        """PSA Crypto 1.2 psa_key_derivation_setup: what derives no keys is INVALID_ARGUMENT.

        So is an agreement combined with an algorithm whose secret cannot come from one (Mbed TLS).
        """
        kdf_alg = alg
        if PSA_ALG_IS_KEY_AGREEMENT(alg) and not PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(alg):
            self._algorithms.require(PSA_ALG_KEY_AGREEMENT_GET_BASE(alg))
            kdf_alg = PSA_ALG_KEY_AGREEMENT_GET_KDF(alg)
            if kdf_alg in _NO_AGREED_SECRET:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        elif not PSA_ALG_IS_KEY_DERIVATION(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        operation.set_up(alg, self._algorithms.find(kdf_alg))

    def _get_capacity(self, request: Request) -> int:
        operation = self._lookup(request)
        # TF-M tfm_crypto_key_derivation_interface: exactly a size_t, else PROGRAMMER_ERROR.
        if request.room(0) != CAPACITY_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        operation.active()
        request.put(0, operation.capacity.to_bytes(CAPACITY_SIZE, "little"))
        return PSA_SUCCESS

    def _set_capacity(self, request: Request) -> int:
        capacity = request.iovec.value & 0xFFFFFFFF
        self._lookup(request).set_capacity(capacity)
        return PSA_SUCCESS

    def _input_bytes(self, request: Request) -> int:
        operation = self._lookup(request)
        with _fails(operation):
            operation.input(request.iovec.step, request.input(1))
        return PSA_SUCCESS

    def _input_integer(self, request: Request) -> int:
        operation = self._lookup(request)
        with _fails(operation):
            operation.input_number(request.iovec.step, request.iovec.value)
        return PSA_SUCCESS

    def _input_key(self, request: Request) -> int:
        operation = self._lookup(request)
        with _fails(operation):
            self._feed_key(operation, request)
        return PSA_SUCCESS

    def _feed_key(self, operation: DerivationOperation, request: Request) -> None:
        """PSA Crypto 1.2 psa_key_derivation_input_key: key, state, policy, then step and type.

        A key that is only for comparison (VERIFY_DERIVATION) is an input too, but then nothing comes out.
        """
        step = request.iovec.step
        key = self._keys.get(request.client_id, request.iovec.key_id)
        operation.active()
        derives = key.attributes.usage & PSA_KEY_USAGE_DERIVE
        verifies = key.attributes.usage & PSA_KEY_USAGE_VERIFY_DERIVATION
        usage = PSA_KEY_USAGE_DERIVE if derives or not verifies else PSA_KEY_USAGE_VERIFY_DERIVATION
        check_policy(key.attributes, usage, operation.alg)
        self._algorithms.require_bits(key.attributes.type, key.attributes.bits)
        operation.input(step, _key_data(key, operation.alg, step), key.attributes.type)
        operation.may_output &= bool(derives)
        operation.may_output_key |= step in _MAIN_STEPS

    def _key_agreement(self, request: Request) -> int:
        operation = self._lookup(request)
        with _fails(operation):
            self._feed_secret(operation, request)
        return PSA_SUCCESS

    def _feed_secret(self, operation: DerivationOperation, request: Request) -> None:
        """PSA Crypto 1.2 psa_key_derivation_key_agreement: key, state, policy, agreement, then the step.

        What two sides agree on counts as a key of type DERIVE (Mbed TLS psa_key_agreement_internal).
        A key that is none is told even of an operation in its error state, as Arm's suite wants.
        """
        step = request.iovec.step
        key = self._keys.get(request.client_id, request.iovec.key_id)
        operation.active()
        if not PSA_ALG_IS_KEY_AGREEMENT(operation.alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        check_policy(key.attributes, PSA_KEY_USAGE_DERIVE, operation.alg)
        base = PSA_ALG_KEY_AGREEMENT_GET_BASE(operation.alg)
        operation.input(step, self._agreement.secret(key, base, request.input(1)), PSA_KEY_TYPE_DERIVE)
        operation.may_output_key |= step in _MAIN_STEPS

    def _output_bytes(self, request: Request) -> int:
        operation = self._lookup(request)
        request.put(0, b"")
        with _fails(operation):
            operation.active()
            if not operation.may_output:
                raise Refusal(PSA_ERROR_NOT_PERMITTED)
            request.put(0, operation.read(request.room(0)))
        return PSA_SUCCESS

    def _output_key(self, request: Request) -> int:
        """output_key, and output_key_custom with flags and data beside the attributes."""
        operation = self._lookup(request)
        request.require_handle_room()
        if len(request.input(1)) != PSA_KEY_ATTRIBUTES_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        with _fails(operation):
            attributes = KeyAttributes.decode(request.input(1))
            has_parameters = request.iovec.value != 0 or request.input(2) != b""
            custom = request.iovec.function_id == Function.KEY_DERIVATION_OUTPUT_KEY_CUSTOM and has_parameters
            request.put_handle(self._derive_key(operation, request.client_id, attributes, custom=custom))
        return PSA_SUCCESS

    def _derive_key(
        self, operation: DerivationOperation, owner: int, attributes: KeyAttributes, *, custom: bool
    ) -> int:
        """The id of a new key; checks in the order of Mbed TLS psa_key_derivation_output_key_custom.

        No key type that can be derived has custom parameters, so any are INVALID_ARGUMENT. So is a
        PASSWORD_HASH for another algorithm than the operation's (PSA Crypto 1.2).
        """
        if attributes.bits == 0 or custom:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        operation.active()
        if not (operation.may_output and operation.may_output_key):
            raise Refusal(PSA_ERROR_NOT_PERMITTED)
        if attributes.type == PSA_KEY_TYPE_PASSWORD_HASH and attributes.alg != operation.alg:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._keys.check_new(attributes)
        if PSA_KEY_TYPE_IS_PUBLIC_KEY(attributes.type):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._algorithms.require_key(attributes.type, attributes.bits)
        material = derive_material(attributes, operation.read)
        return self._keys.add(owner, attributes, material)

    def _verify_bytes(self, request: Request) -> int:
        operation = self._lookup(request)
        with _fails(operation):
            _compare(operation, request.input(1))
        return PSA_SUCCESS

    def _verify_key(self, request: Request) -> int:
        """PSA Crypto 1.2 psa_key_derivation_verify_key: the expected key first, then the stream."""
        operation = self._lookup(request)
        with _fails(operation):
            expected = self._keys.get(request.client_id, request.iovec.key_id)
            operation.active()
            if expected.attributes.type != PSA_KEY_TYPE_PASSWORD_HASH:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
            check_policy(expected.attributes, PSA_KEY_USAGE_VERIFY_DERIVATION, operation.alg)
            _compare(operation, expected.material.data)
        return PSA_SUCCESS


def _key_data(key: Key, alg: int, step: int) -> bytes:
    """The bytes of an input key; of one in a driver's location what the driver gives for this step."""
    if key.driver is not None:
        return key.driver.key_derivation_input_key(key.driver_key, alg, step)
    return key.material.data


def _compare(operation: DerivationOperation, expected: bytes) -> None:
    """PSA Crypto 1.2 psa_key_derivation_verify_bytes: the bytes are consumed whether they match or not."""
    if not hmac.compare_digest(operation.read(len(expected)), expected):
        raise Refusal(PSA_ERROR_INVALID_SIGNATURE)
