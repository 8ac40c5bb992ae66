"""PSA Crypto API, client side: every function packs a request as TF-M's client library does and calls.

Functions with an output buffer take its size and return (status, bytes written), the bytes empty unless the
status is PSA_SUCCESS; the others return the status. Operation objects keep the service's handle.
"""

from collections.abc import Sequence

from ..tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function, pack_iovec
from ..tfm.services import TFM_CRYPTO_HANDLE
from .client import PSA_IPC_CALL, PsaClient, psa_outvec
from .crypto_types import (
    PSA_KEY_ATTRIBUTES_SIZE,
    KeyAttributes,
    psa_hash_operation_t,
    psa_mac_operation_t,
)
from .status import PSA_ERROR_BAD_STATE, PSA_SUCCESS

_Operation = psa_hash_operation_t | psa_mac_operation_t


def _call(client: PsaClient, iovec: bytes, inputs: Sequence[bytes] = ()) -> int:
    """A call without output vectors."""
    return client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs))


def _call_for_data(
    client: PsaClient, iovec: bytes, size: int, inputs: Sequence[bytes] = ()
) -> tuple[int, bytes]:
    """A call whose only output vector is a buffer of ``size`` bytes."""
    buffer = bytearray(size)
    out = psa_outvec(buffer)
    status = client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs), (out,))
    return status, bytes(buffer[: out.len]) if status == PSA_SUCCESS else b""


def _call_for_key(client: PsaClient, iovec: bytes, inputs: Sequence[bytes]) -> tuple[int, int]:
    """A call that makes a key; its id is 0 unless the status is PSA_SUCCESS."""
    status, key = _call_for_data(client, iovec, TFM_CRYPTO_HANDLE_SIZE, inputs)
    return status, int.from_bytes(key, "little")


def _call_for_handle(
    client: PsaClient,
    operation: _Operation,
    iovec: bytes,
    inputs: Sequence[bytes] = (),
    size: int | None = None,
) -> tuple[int, bytes]:
    """A call whose first output vector is the handle; ``size`` asks for a data buffer behind it."""
    handle = bytearray(operation.handle.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little"))
    out_vec = [psa_outvec(handle)]
    data = bytearray(size or 0)
    if size is not None:
        out_vec.append(psa_outvec(data))
    status = client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs), out_vec)
    operation.handle = int.from_bytes(handle, "little")
    if size is None or status != PSA_SUCCESS:
        return status, b""
    return status, bytes(data[: out_vec[1].len])


def psa_crypto_init(client: PsaClient) -> int:
    """Nothing to do: the service starts with the device."""
    del client
    return PSA_SUCCESS


def psa_generate_random(client: PsaClient, output_size: int) -> tuple[int, bytes]:
    if output_size == 0:
        return PSA_SUCCESS, b""
    return _call_for_data(client, pack_iovec(Function.GENERATE_RANDOM), output_size)


def psa_get_key_attributes(client: PsaClient, key: int) -> tuple[int, KeyAttributes]:
    """(status, attributes); all zero unless the status is PSA_SUCCESS."""
    status, data = _call_for_data(
        client, pack_iovec(Function.GET_KEY_ATTRIBUTES, key), PSA_KEY_ATTRIBUTES_SIZE
    )
    if status != PSA_SUCCESS:
        return status, KeyAttributes()
    return status, KeyAttributes.decode(data)


def psa_import_key(client: PsaClient, attributes: KeyAttributes, data: bytes) -> tuple[int, int]:
    """(status, key id)."""
    return _call_for_key(client, pack_iovec(Function.IMPORT_KEY), (attributes.encode(), data))


def psa_generate_key(client: PsaClient, attributes: KeyAttributes) -> tuple[int, int]:
    """(status, key id)."""
    return _call_for_key(client, pack_iovec(Function.GENERATE_KEY), (attributes.encode(),))


def psa_copy_key(client: PsaClient, source_key: int, attributes: KeyAttributes) -> tuple[int, int]:
    """(status, key id)."""
    return _call_for_key(client, pack_iovec(Function.COPY_KEY, source_key), (attributes.encode(),))


def psa_destroy_key(client: PsaClient, key: int) -> int:
    return _call(client, pack_iovec(Function.DESTROY_KEY, key))


def psa_purge_key(client: PsaClient, key: int) -> int:
    return _call(client, pack_iovec(Function.PURGE_KEY, key))


def psa_export_key(client: PsaClient, key: int, data_size: int) -> tuple[int, bytes]:
    return _call_for_data(client, pack_iovec(Function.EXPORT_KEY, key), data_size)


def psa_export_public_key(client: PsaClient, key: int, data_size: int) -> tuple[int, bytes]:
    return _call_for_data(client, pack_iovec(Function.EXPORT_PUBLIC_KEY, key), data_size)


def psa_hash_compute(client: PsaClient, alg: int, input_: bytes, hash_size: int) -> tuple[int, bytes]:
    return _call_for_data(client, pack_iovec(Function.HASH_COMPUTE, alg=alg), hash_size, (input_,))


def psa_hash_compare(client: PsaClient, alg: int, input_: bytes, hash_: bytes) -> int:
    return _call(client, pack_iovec(Function.HASH_COMPARE, alg=alg), (input_, hash_))


def psa_hash_setup(client: PsaClient, operation: psa_hash_operation_t, alg: int) -> int:
    iovec = pack_iovec(Function.HASH_SETUP, alg=alg, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec)[0]


def psa_hash_update(client: PsaClient, operation: psa_hash_operation_t, input_: bytes) -> int:
    return _call(client, pack_iovec(Function.HASH_UPDATE, op_handle=operation.handle), (input_,))


def psa_hash_finish(client: PsaClient, operation: psa_hash_operation_t, hash_size: int) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.HASH_FINISH, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec, size=hash_size)


def psa_hash_verify(client: PsaClient, operation: psa_hash_operation_t, hash_: bytes) -> int:
    iovec = pack_iovec(Function.HASH_VERIFY, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec, (hash_,))[0]


def psa_hash_abort(client: PsaClient, operation: psa_hash_operation_t) -> int:
    iovec = pack_iovec(Function.HASH_ABORT, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec)[0]


def psa_hash_clone(
    client: PsaClient, source_operation: psa_hash_operation_t, target_operation: psa_hash_operation_t
) -> int:
    # TF-M tfm_crypto_api psa_hash_clone: a target in use is refused without a call.
    if target_operation.handle != 0:
        return PSA_ERROR_BAD_STATE
    iovec = pack_iovec(Function.HASH_CLONE, op_handle=source_operation.handle)
    target = target_operation.handle.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little")
    return _call_for_handle(client, target_operation, iovec, (target,))[0]


def psa_mac_compute(client: PsaClient, key: int, alg: int, input_: bytes, mac_size: int) -> tuple[int, bytes]:
    return _call_for_data(client, pack_iovec(Function.MAC_COMPUTE, key, alg), mac_size, (input_,))


def psa_mac_verify(client: PsaClient, key: int, alg: int, input_: bytes, mac: bytes) -> int:
    return _call(client, pack_iovec(Function.MAC_VERIFY, key, alg), (input_, mac))


def psa_mac_sign_setup(client: PsaClient, operation: psa_mac_operation_t, key: int, alg: int) -> int:
    iovec = pack_iovec(Function.MAC_SIGN_SETUP, key, alg, operation.handle)
    return _call_for_handle(client, operation, iovec)[0]


def psa_mac_verify_setup(client: PsaClient, operation: psa_mac_operation_t, key: int, alg: int) -> int:
    iovec = pack_iovec(Function.MAC_VERIFY_SETUP, key, alg, operation.handle)
    return _call_for_handle(client, operation, iovec)[0]


def psa_mac_update(client: PsaClient, operation: psa_mac_operation_t, input_: bytes) -> int:
    return _call(client, pack_iovec(Function.MAC_UPDATE, op_handle=operation.handle), (input_,))


def psa_mac_sign_finish(
    client: PsaClient, operation: psa_mac_operation_t, mac_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.MAC_SIGN_FINISH, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec, size=mac_size)


def psa_mac_verify_finish(client: PsaClient, operation: psa_mac_operation_t, mac: bytes) -> int:
    iovec = pack_iovec(Function.MAC_VERIFY_FINISH, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec, (mac,))[0]


def psa_mac_abort(client: PsaClient, operation: psa_mac_operation_t) -> int:
    iovec = pack_iovec(Function.MAC_ABORT, op_handle=operation.handle)
    return _call_for_handle(client, operation, iovec)[0]


def psa_sign_message(
    client: PsaClient, key: int, alg: int, input_: bytes, signature_size: int
) -> tuple[int, bytes]:
    return _call_for_data(client, pack_iovec(Function.SIGN_MESSAGE, key, alg), signature_size, (input_,))


def psa_verify_message(client: PsaClient, key: int, alg: int, input_: bytes, signature: bytes) -> int:
    return _call(client, pack_iovec(Function.VERIFY_MESSAGE, key, alg), (input_, signature))


def psa_sign_hash(
    client: PsaClient, key: int, alg: int, hash_: bytes, signature_size: int
) -> tuple[int, bytes]:
    return _call_for_data(client, pack_iovec(Function.SIGN_HASH, key, alg), signature_size, (hash_,))


def psa_verify_hash(client: PsaClient, key: int, alg: int, hash_: bytes, signature: bytes) -> int:
    return _call(client, pack_iovec(Function.VERIFY_HASH, key, alg), (hash_, signature))
