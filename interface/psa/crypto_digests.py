"""PSA Crypto API, client side: hashes and message authentication codes."""

from ..tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function, pack_iovec
from .client import BytesLike, PsaClient
from .crypto_calls import call, call_for_data, call_for_handle, call_for_last_data
from .crypto_types import psa_hash_operation_t, psa_mac_operation_t
from .status import PSA_ERROR_BAD_STATE, PSA_SUCCESS

_INT_SIZE = 4


def psa_can_do_hash(client: PsaClient, hash_alg: int) -> bool:
    """Whether the service can hash so; False also when it does not answer."""
    status, answer = call_for_data(client, pack_iovec(Function.CAN_DO_HASH, alg=hash_alg), _INT_SIZE)
    return status == PSA_SUCCESS and any(answer)


def psa_hash_compute(client: PsaClient, alg: int, input_: BytesLike, hash_size: int) -> tuple[int, bytes]:
    return call_for_data(client, pack_iovec(Function.HASH_COMPUTE, alg=alg), hash_size, input_)


def psa_hash_compare(client: PsaClient, alg: int, input_: BytesLike, hash_: BytesLike) -> int:
    return call(client, pack_iovec(Function.HASH_COMPARE, alg=alg), input_, hash_)


def psa_hash_setup(client: PsaClient, operation: psa_hash_operation_t, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.HASH_SETUP, alg=alg, op_handle=operation.handle)
    )


def psa_hash_update(client: PsaClient, operation: psa_hash_operation_t, input_: BytesLike) -> int:
    return call(client, pack_iovec(Function.HASH_UPDATE, op_handle=operation.handle), input_)


def psa_hash_finish(client: PsaClient, operation: psa_hash_operation_t, hash_size: int) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.HASH_FINISH, op_handle=operation.handle)
    return call_for_last_data(client, operation, iovec, hash_size)


def psa_hash_verify(client: PsaClient, operation: psa_hash_operation_t, hash_: BytesLike) -> int:
    iovec = pack_iovec(Function.HASH_VERIFY, op_handle=operation.handle)
    return call_for_handle(client, operation, iovec, hash_)


def psa_hash_abort(client: PsaClient, operation: psa_hash_operation_t) -> int:
    return call_for_handle(client, operation, pack_iovec(Function.HASH_ABORT, op_handle=operation.handle))


def psa_hash_clone(
    client: PsaClient, source_operation: psa_hash_operation_t, target_operation: psa_hash_operation_t
) -> int:
    # TF-M tfm_crypto_api psa_hash_clone: a target in use is refused without a call.
    if target_operation.handle != 0:
        return PSA_ERROR_BAD_STATE
    iovec = pack_iovec(Function.HASH_CLONE, op_handle=source_operation.handle)
    target = target_operation.handle.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little")
    return call_for_handle(client, target_operation, iovec, target)


def psa_hash_suspend(
    client: PsaClient, operation: psa_hash_operation_t, hash_state_size: int
) -> tuple[int, bytes]:
    """(status, the state for psa_hash_resume). Not in TF-M's service."""
    iovec = pack_iovec(Function.HASH_SUSPEND, op_handle=operation.handle)
    return call_for_last_data(client, operation, iovec, hash_state_size)


def psa_hash_resume(client: PsaClient, operation: psa_hash_operation_t, hash_state: BytesLike) -> int:
    """Go on with a suspended hash. Not in TF-M's service."""
    iovec = pack_iovec(Function.HASH_RESUME, op_handle=operation.handle)
    return call_for_handle(client, operation, iovec, hash_state)


def psa_mac_compute(
    client: PsaClient, key: int, alg: int, input_: BytesLike, mac_size: int
) -> tuple[int, bytes]:
    return call_for_data(client, pack_iovec(Function.MAC_COMPUTE, key, alg), mac_size, input_)


def psa_mac_verify(client: PsaClient, key: int, alg: int, input_: BytesLike, mac: BytesLike) -> int:
    return call(client, pack_iovec(Function.MAC_VERIFY, key, alg), input_, mac)


def psa_mac_sign_setup(client: PsaClient, operation: psa_mac_operation_t, key: int, alg: int) -> int:
    return call_for_handle(client, operation, pack_iovec(Function.MAC_SIGN_SETUP, key, alg, operation.handle))


def psa_mac_verify_setup(client: PsaClient, operation: psa_mac_operation_t, key: int, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.MAC_VERIFY_SETUP, key, alg, operation.handle)
    )


def psa_mac_update(client: PsaClient, operation: psa_mac_operation_t, input_: BytesLike) -> int:
    return call(client, pack_iovec(Function.MAC_UPDATE, op_handle=operation.handle), input_)


def psa_mac_sign_finish(
    client: PsaClient, operation: psa_mac_operation_t, mac_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.MAC_SIGN_FINISH, op_handle=operation.handle)
    return call_for_last_data(client, operation, iovec, mac_size)


def psa_mac_verify_finish(client: PsaClient, operation: psa_mac_operation_t, mac: BytesLike) -> int:
    iovec = pack_iovec(Function.MAC_VERIFY_FINISH, op_handle=operation.handle)
    return call_for_handle(client, operation, iovec, mac)


def psa_mac_abort(client: PsaClient, operation: psa_mac_operation_t) -> int:
    return call_for_handle(client, operation, pack_iovec(Function.MAC_ABORT, op_handle=operation.handle))
