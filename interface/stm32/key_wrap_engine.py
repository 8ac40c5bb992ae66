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


RSSE_USAGE_ECDSA_SIGN: Final = 1
"""``KeyUsage=ECDSA_USAGE_SIGN``; our number."""

RsseBlob: Final = Struct(
    "key_type" / Int32ul,
    "usage" / Int32ul,
    "iv" / Bytes(PSA_KWE_DRIVER_IV_BASE_SIZE),
    "tag" / Bytes(PSA_KWE_DRIVER_TAG_BASE_SIZE),
    Const(bytes(PSA_KWE_RSSE_BLOB_KEY_OFFSET - PSA_KWE_RSSE_BLOB_IV_OFFSET - 32)),
    "key" / GreedyBytes,
)
"""What RSSe-KW writes for an ECC key, to be imported whole; little endian.

IV, tag and wrapped key lie where ST's driver takes them from, at 0x08, 0x18 and 0x50. ST does not publish
what the first 8 bytes and those from 0x28 to 0x4f are, and its driver passes over them: here they are type
and usage of the key, and zeros.
"""
