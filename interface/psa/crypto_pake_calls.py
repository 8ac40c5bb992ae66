"""PSA Crypto API, client side: the PAKE extension, which TF-M's service lacks."""

from ..tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function, pack_iovec
from .client import BytesLike, PsaClient
from .crypto_calls import call, call_for_data, call_for_handle, call_for_last_data
from .crypto_types import KeyAttributes, psa_pake_cipher_suite_t, psa_pake_operation_t


def psa_pake_setup(
    client: PsaClient,
    operation: psa_pake_operation_t,
    password_key: int,
    cipher_suite: psa_pake_cipher_suite_t,
) -> int:
    value = cipher_suite.key_confirmation << 32 | cipher_suite.primitive
    iovec = pack_iovec(
        Function.PAKE_SETUP, password_key, cipher_suite.algorithm, operation.handle, value=value
    )
    return call_for_handle(client, operation, iovec)


def psa_pake_set_role(client: PsaClient, operation: psa_pake_operation_t, role: int) -> int:
    return call(client, pack_iovec(Function.PAKE_SET_ROLE, op_handle=operation.handle, value=role))


def psa_pake_set_user(client: PsaClient, operation: psa_pake_operation_t, user_id: BytesLike) -> int:
    return call(client, pack_iovec(Function.PAKE_SET_USER, op_handle=operation.handle), user_id)


def psa_pake_set_peer(client: PsaClient, operation: psa_pake_operation_t, peer_id: BytesLike) -> int:
    return call(client, pack_iovec(Function.PAKE_SET_PEER, op_handle=operation.handle), peer_id)


def psa_pake_set_context(client: PsaClient, operation: psa_pake_operation_t, context: BytesLike) -> int:
    return call(client, pack_iovec(Function.PAKE_SET_CONTEXT, op_handle=operation.handle), context)


def psa_pake_output(
    client: PsaClient, operation: psa_pake_operation_t, step: int, output_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.PAKE_OUTPUT, op_handle=operation.handle, step=step)
    return call_for_data(client, iovec, output_size)


def psa_pake_input(client: PsaClient, operation: psa_pake_operation_t, step: int, input_: BytesLike) -> int:
    return call(client, pack_iovec(Function.PAKE_INPUT, op_handle=operation.handle, step=step), input_)


def psa_pake_get_shared_key(
    client: PsaClient, operation: psa_pake_operation_t, attributes: KeyAttributes
) -> tuple[int, int]:
    """(status, key id); the operation ends with success."""
    iovec = pack_iovec(Function.PAKE_GET_SHARED_KEY, op_handle=operation.handle)
    status, key = call_for_last_data(client, operation, iovec, TFM_CRYPTO_HANDLE_SIZE, attributes.encode())
    return status, int.from_bytes(key, "little")


def psa_pake_abort(client: PsaClient, operation: psa_pake_operation_t) -> int:
    return call_for_handle(client, operation, pack_iovec(Function.PAKE_ABORT, op_handle=operation.handle))
