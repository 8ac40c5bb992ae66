"""How a crypto request travels to TF-M's crypto service: the first input vector and its function ids.

A call has at most four vectors, inputs and outputs together, and the first input is always the pack iovec.
The functions that PSA Crypto has and TF-M's service lacks have ids of our own, in groups 0xF0 and above, far
from TF-M's 1 to 9; the low nibble is the group of TF-M that they stand nearest to. Rules for their vectors:

- Integers travel in the pack iovec: ``key_id``, ``alg``, ``op_handle`` and ``step`` as their names say,
  anything else in ``value``. So the fixed part of a request never costs a vector.
- Buffers follow as in[1], in[2] in the order of the C arguments, attributes (24 bytes) among them; an empty
  one at the end may be left out.
- A call that begins or ends an operation gets the handle as out[0], its result behind it; one that goes on
  with an operation, and one without an operation, has its result as out[0].

===================================  =====================================================================
GENERATE_KEY_CUSTOM                  value = flags; in: attributes, custom data; out: key id
HASH_SUSPEND                         op_handle; out: handle, hash state
HASH_RESUME                          op_handle; in: hash state; out: handle
KEY_AGREEMENT                        key_id, alg; in: peer key, attributes; out: key id
KEY_DERIVATION_VERIFY_BYTES          op_handle; in: expected output
KEY_DERIVATION_VERIFY_KEY            op_handle, key_id = the expected key
KEY_DERIVATION_OUTPUT_KEY_CUSTOM     op_handle, value = flags; in: attributes, custom data; out: key id
PAKE_SETUP                           op_handle, key_id = password, alg,
                                     value = primitive | key confirmation << 32; out: handle
PAKE_SET_ROLE                        op_handle, value = role
PAKE_SET_USER, _SET_PEER, _SET_CONTEXT  op_handle; in: the identity or context
PAKE_OUTPUT                          op_handle, step; out: data
PAKE_INPUT                           op_handle, step; in: data
PAKE_GET_SHARED_KEY                  op_handle; in: attributes; out: handle, key id
PAKE_ABORT                           op_handle; out: handle
===================================  =====================================================================
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from construct import Bytes, Int16ul, Int32ul, Int64ul, Padding, Struct

from ..ranges import all_in_range

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
"""Persistent, in the location of TF-M's builtin key loader (0x800001), where no build moves that."""
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

    # Ours: functions of PSA Crypto that TF-M's service lacks.
    KEY_MANAGEMENT_EXTENSION = 0xF2
    HASH_EXTENSION = 0xF3
    KEY_DERIVATION_EXTENSION = 0xF9
    PAKE = 0xFA


EXTENSION_GROUP_MIN: Final = 0xF0
"""Groups from here on are ours, not TF-M's."""


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

    CIPHER_ENCRYPT = 0x0500
    CIPHER_DECRYPT = 0x0501
    CIPHER_ENCRYPT_SETUP = 0x0502
    CIPHER_DECRYPT_SETUP = 0x0503
    CIPHER_GENERATE_IV = 0x0504
    CIPHER_SET_IV = 0x0505
    CIPHER_UPDATE = 0x0506
    CIPHER_FINISH = 0x0507
    CIPHER_ABORT = 0x0508
    CAN_DO_CIPHER = 0x0509

    AEAD_ENCRYPT = 0x0600
    AEAD_DECRYPT = 0x0601
    AEAD_ENCRYPT_SETUP = 0x0602
    AEAD_DECRYPT_SETUP = 0x0603
    AEAD_GENERATE_NONCE = 0x0604
    AEAD_SET_NONCE = 0x0605
    AEAD_SET_LENGTHS = 0x0606
    AEAD_UPDATE_AD = 0x0607
    AEAD_UPDATE = 0x0608
    AEAD_FINISH = 0x0609
    AEAD_VERIFY = 0x060A
    AEAD_ABORT = 0x060B

    SIGN_MESSAGE = 0x0700
    VERIFY_MESSAGE = 0x0701
    SIGN_HASH = 0x0702
    VERIFY_HASH = 0x0703

    ASYMMETRIC_ENCRYPT = 0x0800
    ASYMMETRIC_DECRYPT = 0x0801

    RAW_KEY_AGREEMENT = 0x0900
    KEY_DERIVATION_SETUP = 0x0901
    KEY_DERIVATION_GET_CAPACITY = 0x0902
    KEY_DERIVATION_SET_CAPACITY = 0x0903
    KEY_DERIVATION_INPUT_BYTES = 0x0904
    KEY_DERIVATION_INPUT_KEY = 0x0905
    KEY_DERIVATION_INPUT_INTEGER = 0x0906
    KEY_DERIVATION_KEY_AGREEMENT = 0x0907
    KEY_DERIVATION_OUTPUT_BYTES = 0x0908
    KEY_DERIVATION_OUTPUT_KEY = 0x0909
    KEY_DERIVATION_ABORT = 0x090A

    # Ours from here on: TF-M's service has no such functions.
    GENERATE_KEY_CUSTOM = 0xF200

    HASH_SUSPEND = 0xF300
    HASH_RESUME = 0xF301

    KEY_AGREEMENT = 0xF900
    KEY_DERIVATION_VERIFY_BYTES = 0xF901
    KEY_DERIVATION_VERIFY_KEY = 0xF902
    KEY_DERIVATION_OUTPUT_KEY_CUSTOM = 0xF903

    PAKE_SETUP = 0xFA00
    PAKE_SET_ROLE = 0xFA01
    PAKE_SET_USER = 0xFA02
    PAKE_SET_PEER = 0xFA03
    PAKE_SET_CONTEXT = 0xFA04
    PAKE_OUTPUT = 0xFA05
    PAKE_INPUT = 0xFA06
    PAKE_GET_SHARED_KEY = 0xFA07
    PAKE_ABORT = 0xFA08


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
        """The 56 bytes. Raises ValueError or TypeError for a number that its field has no room for."""
        try:
            return _FAST.pack(*self)
        except struct.error:
            _refuse_numbers(self)
            raise

    @classmethod
    def decode(cls, data: bytes | bytearray) -> "PackIovec":
        """From exactly 56 bytes; struct.error for any other length."""
        return cls._make(_FAST.unpack(data))


def pack_iovec(
    function_id: int, key_id: int = 0, alg: int = 0, op_handle: int = 0, step: int = 0, value: int = 0
) -> bytes:
    """The first vector of a call that needs no more than these fields. Raises as PackIovec.encode."""
    try:
        return _FAST.pack(key_id, alg, op_handle, 0, 0, b"", 0, function_id, step, value)
    except struct.error:
        _refuse_numbers(PackIovec(key_id, alg, op_handle, function_id=function_id, step=step, value=value))
        raise


_FIELD_BITS: Final = {"function_id": 16, "step": 16, "value": 64}
"""All other numbers have 32."""


def _refuse_numbers(request: PackIovec) -> None:
    """Raises for the first number that its field has no room for."""
    fields = request._asdict()
    del fields["nonce"]
    all_in_range("crypto request", ((name, n, _FIELD_BITS.get(name, 32)) for name, n in fields.items()))
