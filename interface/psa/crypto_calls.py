"""How the client functions of PSA Crypto call: one request, its vectors, and what comes back."""

from collections.abc import Sequence

from ..ranges import output_buffer
from ..tfm.crypto import TFM_CRYPTO_HANDLE_SIZE
from ..tfm.services import TFM_CRYPTO_HANDLE
from .client import PSA_IPC_CALL, BytesLike, PsaClient, psa_outvec
from .crypto_types import Operation
from .status import PSA_SUCCESS


def present(data: BytesLike | None) -> tuple[BytesLike, ...]:
    """The vectors of an optional buffer: none for NULL, which is not the same as an empty buffer."""
    return () if data is None else (data,)


def call(client: PsaClient, iovec: bytes, *inputs: BytesLike) -> int:
    """A call without output vectors."""
    return client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs))


def call_for_data(client: PsaClient, iovec: bytes, size: int, *inputs: BytesLike) -> tuple[int, bytes]:
    """A call whose only output vector is a buffer of ``size`` bytes."""
    buffer = output_buffer(size)
    out = psa_outvec(buffer)
    status = client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs), (out,))
    return status, bytes(buffer[: out.len]) if status == PSA_SUCCESS else b""


def call_for_key(client: PsaClient, iovec: bytes, *inputs: BytesLike) -> tuple[int, int]:
    """A call that makes a key; its id is 0 unless the status is PSA_SUCCESS."""
    status, key = call_for_data(client, iovec, TFM_CRYPTO_HANDLE_SIZE, *inputs)
    return status, int.from_bytes(key, "little")


def call_with_handle(
    client: PsaClient, operation: Operation, iovec: bytes, *inputs: BytesLike, sizes: Sequence[int] = ()
) -> tuple[int, list[bytes]]:
    """A call whose first output vector is the handle; each of ``sizes`` asks for a buffer behind it.

    Returns the status and what each buffer got, nothing unless the status is PSA_SUCCESS.
    """
    handle = bytearray(operation.handle.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little"))
    buffers = [output_buffer(size) for size in sizes]
    out_vec = [psa_outvec(buffer) for buffer in (handle, *buffers)]
    status = client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs), out_vec)
    operation.handle = int.from_bytes(handle, "little")
    if status != PSA_SUCCESS:
        return status, [b""] * len(buffers)
    return status, [bytes(buffer[: out.len]) for buffer, out in zip(buffers, out_vec[1:], strict=True)]


def call_for_handle(client: PsaClient, operation: Operation, iovec: bytes, *inputs: BytesLike) -> int:
    """A call whose only output vector is the handle."""
    return call_with_handle(client, operation, iovec, *inputs)[0]


def call_for_last_data(
    client: PsaClient, operation: Operation, iovec: bytes, size: int, *inputs: BytesLike
) -> tuple[int, bytes]:
    """A call that ends an operation: the handle, and a buffer of ``size`` bytes behind it."""
    status, (data,) = call_with_handle(client, operation, iovec, *inputs, sizes=(size,))
    return status, data
