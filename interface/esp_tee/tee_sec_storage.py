"""The secure storage's functions for the TEE itself: what its attestation calls. The REE cannot.

Names and digests travel by vectors here, for both sides are the TEE's. Slots have names too: `slot_name`.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from ..psa.client import PsaClient, psa_outvec
from .errors import EspErr
from .sec_storage import PUBKEY_SIZE, SIGN_SIZE
from .service_calls import TEE_SEC_STORAGE_HANDLE

TypeAndFlags: Final = Struct("<II")


class TeeRequest(IntEnum):
    """in[0] is the key's name, without NUL."""

    GEN_KEY = 1
    """in[1] `TypeAndFlags`."""
    ECDSA_GET_PUBKEY = 2
    """in[1] `TypeAndFlags`; out[0] X and Y."""
    ECDSA_SIGN = 3
    """in[1] `TypeAndFlags`, in[2] digest; out[0] r and s."""


def slot_name(slot_id: int) -> str:
    """The name of a slot's key."""
    return f"slot{slot_id}"


def tee_gen_key(client: PsaClient, name: str, key_type: int, flags: int) -> int:
    """esp_tee_sec_storage_gen_key as the TEE calls it."""
    request = [name.encode(), TypeAndFlags.pack(key_type, flags)]
    return client.psa_call(TEE_SEC_STORAGE_HANDLE, TeeRequest.GEN_KEY, request)


def tee_ecdsa_get_pubkey(client: PsaClient, name: str, key_type: int) -> tuple[int, bytes]:
    """(error, X and Y)."""
    out = psa_outvec(bytearray(PUBKEY_SIZE))
    request = [name.encode(), TypeAndFlags.pack(key_type, 0)]
    return _answer(client, TeeRequest.ECDSA_GET_PUBKEY, request, out)


def tee_ecdsa_sign(client: PsaClient, name: str, key_type: int, digest: bytes) -> tuple[int, bytes]:
    """(error, r and s)."""
    out = psa_outvec(bytearray(SIGN_SIZE))
    request = [name.encode(), TypeAndFlags.pack(key_type, 0), digest]
    return _answer(client, TeeRequest.ECDSA_SIGN, request, out)


def _answer(
    client: PsaClient, request: TeeRequest, in_vec: list[bytes], out: psa_outvec
) -> tuple[int, bytes]:
    status = client.psa_call(TEE_SEC_STORAGE_HANDLE, request, in_vec, [out])
    if status != EspErr.ESP_OK or isinstance(out.base, int):
        return status, b""
    return status, bytes(out.base[: out.len])
