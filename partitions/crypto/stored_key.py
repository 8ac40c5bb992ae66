"""A persistent key as it lies in storage (Mbed TLS psa_persistent_key_storage_format, version 0)."""

from typing import Final

from construct import Const, ConstructError, Int16ul, Int32ul, Struct

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_KEY_LIFETIME_GET_PERSISTENCE,
    PSA_KEY_PERSISTENCE_VOLATILE,
)
from ...interface.psa.status import PSA_ERROR_DATA_INVALID, PSA_ERROR_STORAGE_FAILURE
from .refusal import Refusal

PSA_KEY_STORAGE_MAGIC_HEADER: Final = b"PSA\0KEY\0"
PSA_CRYPTO_MAX_STORAGE_SIZE: Final = 0xFFF8 // 8
"""Bytes of key data that can be stored: as many as the largest key has."""

StoredKeyHeader: Final = Struct(
    "magic" / Const(PSA_KEY_STORAGE_MAGIC_HEADER),
    "version" / Const(0, Int32ul),
    "lifetime" / Int32ul,
    "type" / Int16ul,
    "bits" / Int16ul,
    "usage" / Int32ul,
    "alg" / Int32ul,
    "alg2" / Int32ul,
    "data_len" / Int32ul,
)
"""36 bytes, little endian; the key data follows. Owner and id are not in it, they are the object's uid."""

STORED_KEY_HEADER_SIZE: Final[int] = StoredKeyHeader.sizeof()


def encode(attributes: KeyAttributes, data: bytes) -> bytes:
    """Header and key data: PSA's export format, or what a driver made of the key."""
    header: bytes = StoredKeyHeader.build(
        {
            "lifetime": attributes.lifetime,
            "type": attributes.type,
            "bits": attributes.bits,
            "usage": attributes.usage,
            "alg": attributes.alg,
            "alg2": attributes.alg2,
            "data_len": len(data),
        }
    )
    return header + data


def decode(stored: bytes, key_id: int) -> tuple[KeyAttributes, bytes]:
    """Attributes and key data of what was read from storage, whatever that is.

    Mbed TLS psa_parse_key_data_from_storage: DATA_INVALID for another magic or version and for a length that
    is not there; bytes behind the key data do not count. psa_load_persistent_key: STORAGE_FAILURE for a key
    without data. Of ours: DATA_INVALID for a stored key that says it is volatile.
    """
    try:
        header = StoredKeyHeader.parse(stored)
    except ConstructError as error:
        raise Refusal(PSA_ERROR_DATA_INVALID) from error
    length = int(header.data_len)
    if length > min(len(stored) - STORED_KEY_HEADER_SIZE, PSA_CRYPTO_MAX_STORAGE_SIZE):
        raise Refusal(PSA_ERROR_DATA_INVALID)
    if length == 0:
        raise Refusal(PSA_ERROR_STORAGE_FAILURE)
    if PSA_KEY_LIFETIME_GET_PERSISTENCE(header.lifetime) == PSA_KEY_PERSISTENCE_VOLATILE:
        raise Refusal(PSA_ERROR_DATA_INVALID)
    attributes = KeyAttributes(
        type=int(header.type),
        bits=int(header.bits),
        lifetime=int(header.lifetime),
        usage=int(header.usage),
        alg=int(header.alg),
        alg2=int(header.alg2),
        id=key_id,
    )
    return attributes, bytes(stored[STORED_KEY_HEADER_SIZE : STORED_KEY_HEADER_SIZE + length])
