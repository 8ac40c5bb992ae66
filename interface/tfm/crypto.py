"""How a crypto request travels to TF-M's crypto service: the first input vector and its function ids."""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from construct import Bytes, Int16ul, Int32ul, Int64ul, Padding, Struct

TfmCryptoPackIovec: Final = Struct(
    "key_id" / Int32ul,
    "alg" / Int32ul,
    "op_handle" / Int32ul,
    "ad_length" / Int32ul,
    "plaintext_length" / Int32ul,
    "nonce" / Bytes(16),
    "nonce_length" / Int32ul,
    "function_id" / Int16ul,
    "step" / Int16ul,
    Padding(4),
    "value" / Int64ul,
)
"""``struct tfm_crypto_pack_iovec``: 56 bytes, little endian; ``value`` doubles as a 32-bit capacity."""

_FAST: Final = struct.Struct("<IIIII16sIHH4xQ")
TFM_CRYPTO_PACK_IOVEC_SIZE: Final = _FAST.size
TFM_CRYPTO_MAX_NONCE_LENGTH: Final = 16
TFM_CRYPTO_HANDLE_SIZE: Final = 4
"""An operation handle or a key id in a vector of its own: u32, little endian."""

TFM_BUILTIN_KEY_LOADER_LIFETIME: Final = 0x80000101
"""Persistent, in the location of TF-M's builtin key loader (0x800001)."""
TFM_BUILTIN_KEY_ID_MIN: Final = 0x7FFF815B
TFM_BUILTIN_KEY_ID_HUK: Final = 0x7FFF815C
TFM_BUILTIN_KEY_ID_IAK: Final = 0x7FFF815D
TFM_BUILTIN_KEY_ID_DAK_SEED: Final = 0x7FFF815E
TFM_BUILTIN_KEY_ID_MAX: Final = 0x7FFF817B


class Group(IntEnum):
    """Bits 15-8 of a function id."""

    RANDOM = 1
    KEY_MANAGEMENT = 2
    HASH = 3
    MAC = 4
    CIPHER = 5
    AEAD = 6
    ASYM_SIGN = 7
    ASYM_ENCRYPT = 8
    KEY_DERIVATION = 9


class Function(IntEnum):
    """Function ids: group in bits 15-8, index within the group in bits 7-0."""

    GENERATE_RANDOM = 0x0100

    GET_KEY_ATTRIBUTES = 0x0200
    OPEN_KEY = 0x0201
    CLOSE_KEY = 0x0202
    IMPORT_KEY = 0x0203
    DESTROY_KEY = 0x0204
    EXPORT_KEY = 0x0205
    EXPORT_PUBLIC_KEY = 0x0206
    PURGE_KEY = 0x0207
    COPY_KEY = 0x0208
    GENERATE_KEY = 0x0209

    HASH_COMPUTE = 0x0300
    HASH_COMPARE = 0x0301
    HASH_SETUP = 0x0302
    HASH_UPDATE = 0x0303
    HASH_CLONE = 0x0304
    HASH_FINISH = 0x0305
    HASH_VERIFY = 0x0306
    HASH_ABORT = 0x0307
    CAN_DO_HASH = 0x0308

    MAC_COMPUTE = 0x0400
    MAC_VERIFY = 0x0401
    MAC_SIGN_SETUP = 0x0402
    MAC_VERIFY_SETUP = 0x0403
    MAC_UPDATE = 0x0404
    MAC_SIGN_FINISH = 0x0405
    MAC_VERIFY_FINISH = 0x0406
    MAC_ABORT = 0x0407

    SIGN_MESSAGE = 0x0700
    VERIFY_MESSAGE = 0x0701
    SIGN_HASH = 0x0702
    VERIFY_HASH = 0x0703


class PackIovec(NamedTuple):
    """The fields of one request; a named tuple because every crypto call makes one."""

    key_id: int = 0
    alg: int = 0
    op_handle: int = 0
    ad_length: int = 0
    plaintext_length: int = 0
    nonce: bytes = bytes(16)
    nonce_length: int = 0
    function_id: int = 0
    step: int = 0
    value: int = 0

    @property
    def group(self) -> int:
        return self.function_id >> 8

    def encode(self) -> bytes:
        return _FAST.pack(*self)

    @classmethod
    def decode(cls, data: bytes | bytearray) -> "PackIovec":
        """From exactly 56 bytes; struct.error for any other length."""
        return cls._make(_FAST.unpack(data))


def pack_iovec(function_id: int, key_id: int = 0, alg: int = 0, op_handle: int = 0) -> bytes:
    """The first vector of a call that needs no more than these fields."""
    return _FAST.pack(key_id, alg, op_handle, 0, 0, b"", 0, function_id, 0, 0)
