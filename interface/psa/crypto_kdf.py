"""PSA Crypto API, client side: key derivation and key agreement."""

from ..tfm.crypto import Function, pack_iovec
from .client import BytesLike, PsaClient
from .crypto_calls import call, call_for_data, call_for_handle, call_for_key
from .crypto_types import KeyAttributes, psa_custom_key_parameters_t, psa_key_derivation_operation_t
from .status import PSA_ERROR_INVALID_ARGUMENT

_CAPACITY_SIZE = 4
_CAPACITY_MAX = 0xFFFFFFFF


def psa_raw_key_agreement(
    client: PsaClient, alg: int, private_key: int, peer_key: BytesLike, output_size: int
) -> tuple[int, bytes]:
    """(status, the shared secret)."""
    iovec = pack_iovec(Function.RAW_KEY_AGREEMENT, private_key, alg)
    return call_for_data(client, iovec, output_size, peer_key)


def psa_key_agreement(
    client: PsaClient, private_key: int, peer_key: BytesLike, alg: int, attributes: KeyAttributes
) -> tuple[int, int]:
    """(status, id of the shared secret as a key). Not in TF-M's service."""
    iovec = pack_iovec(Function.KEY_AGREEMENT, private_key, alg)
    return call_for_key(client, iovec, peer_key, attributes.encode())


def psa_key_derivation_setup(client: PsaClient, operation: psa_key_derivation_operation_t, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.KEY_DERIVATION_SETUP, alg=alg, op_handle=operation.handle)
    )


def psa_key_derivation_get_capacity(
    client: PsaClient, operation: psa_key_derivation_operation_t
) -> tuple[int, int]:
    """(status, bytes that can still be had); 0 unless the status is PSA_SUCCESS."""
    iovec = pack_iovec(Function.KEY_DERIVATION_GET_CAPACITY, op_handle=operation.handle)
    status, capacity = call_for_data(client, iovec, _CAPACITY_SIZE)
    return status, int.from_bytes(capacity, "little")


def psa_key_derivation_set_capacity(
    client: PsaClient, operation: psa_key_derivation_operation_t, capacity: int
) -> int:
    """Lower the capacity, in bytes; more than 32 bits cannot be said, so it is INVALID_ARGUMENT here."""
    if capacity > _CAPACITY_MAX:
        return PSA_ERROR_INVALID_ARGUMENT
    iovec = pack_iovec(Function.KEY_DERIVATION_SET_CAPACITY, op_handle=operation.handle, value=capacity)
    return call(client, iovec)


def psa_key_derivation_input_bytes(
    client: PsaClient, operation: psa_key_derivation_operation_t, step: int, data: BytesLike
) -> int:
    iovec = pack_iovec(Function.KEY_DERIVATION_INPUT_BYTES, op_handle=operation.handle, step=step)
    return call(client, iovec, data)


def psa_key_derivation_input_integer(
    client: PsaClient, operation: psa_key_derivation_operation_t, step: int, value: int
) -> int:
    """``value`` has at most 64 bits."""
    iovec = pack_iovec(
        Function.KEY_DERIVATION_INPUT_INTEGER, op_handle=operation.handle, step=step, value=value
    )
    return call(client, iovec)


def psa_key_derivation_input_key(
    client: PsaClient, operation: psa_key_derivation_operation_t, step: int, key: int
) -> int:
    iovec = pack_iovec(Function.KEY_DERIVATION_INPUT_KEY, key, op_handle=operation.handle, step=step)
    return call(client, iovec)


def psa_key_derivation_key_agreement(
    client: PsaClient,
    operation: psa_key_derivation_operation_t,
    step: int,
    private_key: int,
    peer_key: BytesLike,
) -> int:
    iovec = pack_iovec(
        Function.KEY_DERIVATION_KEY_AGREEMENT, private_key, op_handle=operation.handle, step=step
    )
    return call(client, iovec, peer_key)


def psa_key_derivation_output_bytes(
    client: PsaClient, operation: psa_key_derivation_operation_t, output_length: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.KEY_DERIVATION_OUTPUT_BYTES, op_handle=operation.handle)
    return call_for_data(client, iovec, output_length)


def psa_key_derivation_output_key(
    client: PsaClient, attributes: KeyAttributes, operation: psa_key_derivation_operation_t
) -> tuple[int, int]:
    """(status, key id)."""
    iovec = pack_iovec(Function.KEY_DERIVATION_OUTPUT_KEY, op_handle=operation.handle)
    return call_for_key(client, iovec, attributes.encode())


def psa_key_derivation_output_key_custom(
    client: PsaClient,
    attributes: KeyAttributes,
    operation: psa_key_derivation_operation_t,
    custom: psa_custom_key_parameters_t,
    custom_data: BytesLike = b"",
) -> tuple[int, int]:
    """(status, key id). Not in TF-M's service."""
    iovec = pack_iovec(
        Function.KEY_DERIVATION_OUTPUT_KEY_CUSTOM, op_handle=operation.handle, value=custom.flags
    )
    return call_for_key(client, iovec, attributes.encode(), custom_data)


def psa_key_derivation_verify_bytes(
    client: PsaClient, operation: psa_key_derivation_operation_t, expected: BytesLike
) -> int:
    """Not in TF-M's service: its client library answers NOT_SUPPORTED, as does a build without extensions."""
    iovec = pack_iovec(Function.KEY_DERIVATION_VERIFY_BYTES, op_handle=operation.handle)
    return call(client, iovec, expected)


def psa_key_derivation_verify_key(
    client: PsaClient, operation: psa_key_derivation_operation_t, expected: int
) -> int:
    """``expected`` is the id of a PASSWORD_HASH key. Not in TF-M's service, as verify_bytes is not."""
    iovec = pack_iovec(Function.KEY_DERIVATION_VERIFY_KEY, expected, op_handle=operation.handle)
    return call(client, iovec)


def psa_key_derivation_abort(client: PsaClient, operation: psa_key_derivation_operation_t) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.KEY_DERIVATION_ABORT, op_handle=operation.handle)
    )
