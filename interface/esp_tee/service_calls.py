"""Secure service calls: how the REE asks the TEE (esp_tee_service_call, sec_srv_tbl_default.yml).

On the chip a service call is an ``ecall`` with the service's number and its arguments in registers; pointers
go as they are, and the TEE finds out whether there is memory of the REE behind them. Here it is a psa_call
whose type is that number and whose one input vector has the arguments as u32, little endian. What the service
returns in a0 is the status of the call.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from ..psa.client import PsaClient
from ..tfm.services import stateless_handle

ESP_TEE_ATTESTATION_SID: Final = 0xE5C60001
ESP_TEE_SEC_STORAGE_SID: Final = 0xE5C60002
TEE_SEC_STORAGE_SID: Final = 0xE5C60003
"""The numbers of a vendor, as FF-M leaves them to one: ESP-IDF has no RoT Services."""

ESP_TEE_ATTESTATION_HANDLE: Final = stateless_handle(24, 1)
ESP_TEE_SEC_STORAGE_HANDLE: Final = stateless_handle(25, 1)
TEE_SEC_STORAGE_HANDLE: Final = stateless_handle(26, 1)
"""Of the storage's functions for the TEE itself; the REE has no way to them."""

U32_MAX: Final = 0xFFFFFFFF


class SecureService(IntEnum):
    """SS_* of an ESP32-C6: the number of each service in the table of its time."""

    SEC_STORAGE_INIT = 36
    SEC_STORAGE_GEN_KEY_IN_SLOT = 37
    SEC_STORAGE_GET_SIGNATURE = 38
    SEC_STORAGE_GET_PUBKEY = 39
    SEC_STORAGE_IS_SLOT_EMPTY = 42
    SEC_STORAGE_CLEAR_SLOT = 43
    ATT_GENERATE_TOKEN = 101
    """Of the time of slots, and kept here; in ESP-IDF v5.5 it is 170, another call's since December 2025."""
    PSA_INITIAL_ATTEST_GET_TOKEN = 170
    PSA_INITIAL_ATTEST_GET_TOKEN_SIZE = 171
    SEC_STORAGE_CLEAR_KEY = 175
    SEC_STORAGE_GEN_KEY = 176
    SEC_STORAGE_ECDSA_SIGN = 177
    SEC_STORAGE_ECDSA_GET_PUBKEY = 178
    SEC_STORAGE_AEAD_ENCRYPT = 179
    SEC_STORAGE_AEAD_DECRYPT = 180


def esp_tee_service_call(client: PsaClient, handle: int, service: int, *arguments: int) -> int:
    """What the service returns; ``arguments`` are numbers and addresses, of which 32 bits go."""
    packed = Struct(f"<{len(arguments)}I").pack(*(argument & U32_MAX for argument in arguments))
    return client.psa_call(handle, service, [packed])


def unpack_arguments(packed: bytes) -> tuple[int, ...] | None:
    """The arguments of a service call; None for what is no row of u32."""
    if len(packed) % 4:
        return None
    return Struct(f"<{len(packed) // 4}I").unpack(packed)
