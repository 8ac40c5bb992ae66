"""The requests that both storage APIs pack alike (TF-M tfm_its_api.c, tfm_ps_api.c)."""

from typing import Final

from ..ranges import in_range, output_buffer
from ..tfm.storage import STORAGE_FLAGS_SIZE, STORAGE_INFO_SIZE, STORAGE_SIZE_SIZE, STORAGE_UID_SIZE
from .client import InVec, PsaClient, psa_outvec
from .status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS
from .storage_common import psa_storage_info_t

ROT_SIZE_MAX: Final = 0xFFFFFFFF
"""The largest offset or size that a 32-bit RoT knows."""


def pack_uid(uid: int) -> bytes:
    """``psa_storage_uid_t``: C converts the argument to 64 bits."""
    return (uid & 0xFFFFFFFFFFFFFFFF).to_bytes(STORAGE_UID_SIZE, "little")


def legal_uid(uid: int) -> int:
    """A uid as it is; raises ValueError or TypeError for one that C would cut to 64 bits."""
    in_range("uid", uid, 64)
    return uid


def legal_flags(flags: int) -> int:
    """Create flags as they are; raises ValueError or TypeError for what is more than 32 bits."""
    in_range("create flags", flags, 32)
    return flags


def pack_flags(flags: int) -> bytes:
    """``psa_storage_create_flags_t``, 32 bits."""
    return (int(flags) & 0xFFFFFFFF).to_bytes(STORAGE_FLAGS_SIZE, "little")


def pack_size(size: int) -> bytes | None:
    """``rot_size_t``; None for what its 32 bits cannot hold, which never leaves the client."""
    return size.to_bytes(STORAGE_SIZE_SIZE, "little") if 0 <= size <= ROT_SIZE_MAX else None


def storage_set(client: PsaClient, handle: int, type_: int, uid: int, data: InVec, flags: int) -> int:
    return client.psa_call(handle, type_, [pack_uid(uid), data, pack_flags(flags)])


def storage_get(
    client: PsaClient, handle: int, type_: int, uid: int, offset: int, size: int
) -> tuple[int, bytes]:
    # TF-M psa_its_get, psa_ps_get: an offset that the RoT's 32 bits cannot hold never leaves the client.
    packed = pack_size(offset)
    if packed is None:
        return PSA_ERROR_INVALID_ARGUMENT, b""
    data = output_buffer(size)
    out_vec = psa_outvec(data)
    status = client.psa_call(handle, type_, [pack_uid(uid), packed], [out_vec])
    return status, bytes(data[: out_vec.len]) if status == PSA_SUCCESS else b""


def storage_get_info(client: PsaClient, handle: int, type_: int, uid: int) -> tuple[int, psa_storage_info_t]:
    info = bytearray(STORAGE_INFO_SIZE)
    status = client.psa_call(handle, type_, [pack_uid(uid)], [psa_outvec(info)])
    return status, psa_storage_info_t.decode(bytes(info)) if status == PSA_SUCCESS else psa_storage_info_t()


def storage_remove(client: PsaClient, handle: int, type_: int, uid: int) -> int:
    return client.psa_call(handle, type_, [pack_uid(uid)])
