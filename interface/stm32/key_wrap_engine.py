"""The STM32 Key Wrap Engine as its clients see it: where its keys live, and the blobs that RSSe-KW exports.

Numbers are those of ST's driver (kwe_psa_driver_key_Management.h, kwe_types.h) and of its example of initial
attestation on NUCLEO-U385RG-Q. What ST does not publish of the blob is said at `RsseBlob`.
"""

from enum import IntEnum
from typing import Final

from construct import Bytes, Const, GreedyBytes, Int32ul, Struct

PSA_CRYPTO_KWE_DRIVER_LOCATION: Final = 0x800001
"""The location of wrapped keys. TF-M's builtin key loader has it too: a build with both moves that one."""

PSA_KWE_DRIVER_IV_BASE_SIZE: Final = 16
PSA_KWE_DRIVER_TAG_BASE_SIZE: Final = 16
PSA_KWE_DRIVER_KEY_CONTEXT_BASE_SIZE: Final = PSA_KWE_DRIVER_IV_BASE_SIZE + PSA_KWE_DRIVER_TAG_BASE_SIZE
"""Bytes of IV and tag in front of a wrapped key in the driver's own form."""

PSA_KWE_RSSE_BLOB_IV_OFFSET: Final = 0x08
PSA_KWE_RSSE_BLOB_KEY_OFFSET: Final = 0x50
PSA_KWE_KEY_ID_RSSE_MIN: Final = 0x3F000000
PSA_KWE_KEY_ID_RSSE_MAX: Final = 0x3FFFFFFF
PSA_KWE_ECC_KEY_ID_DUA_USER_FU: Final = 0x3FFFFFFE
PSA_KWE_ECC_KEY_ID_DUA_USER_LU: Final = 0x3FFFFFFF
PSA_KWE_ECC_KEY_DUA_USER_BITS: Final = 256


def PSA_KWE_KEY_ID_IS_RSSE(key_id: int) -> bool:
    """Whether what is imported under this id is a blob that RSSe-KW wrapped."""
    return PSA_KWE_KEY_ID_RSSE_MIN <= key_id <= PSA_KWE_KEY_ID_RSSE_MAX


class KweStatus(IntEnum):
    """``KWE_StatusTypeDef``. Some of the driver's functions hand it to PSA's caller as it is."""

    SUCCESS = 0
    ERROR = 1
    WRONG_KEY_TYPE = 2
    STORAGE_ERROR = 3
    ERROR_NOT_SUPPORTED = 4


class RsseKeyType(IntEnum):
    """Which key RSSe-KW exports (STM32CubeProgrammer ``-rssekw ... KeyType=``); our numbers."""

    ECCCHIPFU = 1
    """The device's key for free use, DUA_USER_FU."""
    ECCCHIPLU = 2
    """The device's key for licensed use, DUA_USER_LU."""


_CHECKSUM_OFFSET: Final = PSA_KWE_RSSE_BLOB_KEY_OFFSET - 4
_FILLER: Final = b"\xfe"
_POLYNOMIAL: Final = 0x04C11DB7

RsseBlob: Final = Struct(
    "type" / Const(bytes.fromhex("060001fe")),
    "key_size" / Int32ul,
    "iv" / Bytes(PSA_KWE_DRIVER_IV_BASE_SIZE),
    "tag" / Bytes(PSA_KWE_DRIVER_TAG_BASE_SIZE),
    "parameters" / Const(bytes.fromhex("02fefefe01070000")),
    "filler" / Const(28 * _FILLER),
    "checksum" / Int32ul,
    "key" / GreedyBytes,
)
"""What RSSe-KW writes for an ECC key, to be imported whole; little endian.

IV, tag and wrapped key lie where ST's driver takes them from, at 0x08, 0x18 and 0x50. Of the rest ST tells
nothing, but its example of initial attestation has a blob: the size of the key in bytes and the checksum over
the other words are read off it. Type and parameters are as they are there, for either key and either side.
The driver passes over all of it.
"""


def pack_rsse_blob(wrapped: bytes) -> bytes:
    """A blob of RSSe-KW around IV, tag and wrapped key, 80 bytes and the key."""
    context, key = (
        wrapped[:PSA_KWE_DRIVER_KEY_CONTEXT_BASE_SIZE],
        wrapped[PSA_KWE_DRIVER_KEY_CONTEXT_BASE_SIZE:],
    )
    iv, tag = context[:PSA_KWE_DRIVER_IV_BASE_SIZE], context[PSA_KWE_DRIVER_IV_BASE_SIZE:]
    parts = {"key_size": len(key), "iv": iv, "tag": tag, "key": key}
    blank: bytes = RsseBlob.build({**parts, "checksum": 0})
    checksum = rsse_checksum(blank[:_CHECKSUM_OFFSET] + key)
    blob: bytes = RsseBlob.build({**parts, "checksum": checksum})
    return blob


def rsse_checksum(words: bytes) -> int:
    """The checksum of all words but its own: what the CRC unit of an STM32 makes of them after a reset.

    CRC-32 of each word from its most significant bit on, nothing reflected, the first value all ones.
    """
    crc = 0xFFFFFFFF
    for at in range(0, len(words), 4):
        crc ^= int.from_bytes(words[at : at + 4], "little")
        for _ in range(32):
            crc = (crc << 1 ^ _POLYNOMIAL if crc >> 31 else crc << 1) & 0xFFFFFFFF
    return crc
