"""PSA Crypto API 1.2: key attributes and operation objects (psa/crypto_struct.h, TF-M's client view)."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from construct import Int16ul, Int32ul, Struct

from ..ranges import all_in_range
from .crypto_names import algorithm_text, key_type_text, lifetime_text, usage_text
from .crypto_values import (
    PSA_KEY_USAGE_SIGN_HASH,
    PSA_KEY_USAGE_SIGN_MESSAGE,
    PSA_KEY_USAGE_VERIFY_HASH,
    PSA_KEY_USAGE_VERIFY_MESSAGE,
)

PsaKeyAttributes: Final = Struct(
    "type" / Int16ul,
    "bits" / Int16ul,
    "lifetime" / Int32ul,
    "usage" / Int32ul,
    "alg" / Int32ul,
    "alg2" / Int32ul,
    "id" / Int32ul,
)
"""``psa_key_attributes_t`` as a client of TF-M lays it out: 24 bytes, little endian."""

_FAST: Final = struct.Struct("<HHIIIII")
_BITS: Final = (16, 16, 32, 32, 32, 32, 32)
PSA_KEY_ATTRIBUTES_SIZE: Final = _FAST.size


def extend_usage(usage: int) -> int:
    """Usage flags as a key keeps them: a *_HASH permission brings the *_MESSAGE one (PSA Crypto 1.2)."""
    if usage & PSA_KEY_USAGE_SIGN_HASH:
        usage |= PSA_KEY_USAGE_SIGN_MESSAGE
    if usage & PSA_KEY_USAGE_VERIFY_HASH:
        usage |= PSA_KEY_USAGE_VERIFY_MESSAGE
    return usage


@dataclass(frozen=True, slots=True)
class KeyAttributes:
    """What ``psa_set_key_*`` collects and ``psa_get_key_attributes`` reports. ``bits`` is the key size.

    ``usage`` is kept as given; the implied permissions are added where a key is made. An ``id`` can only be
    chosen for a persistent ``lifetime``; C's psa_set_key_id makes it so, here it has to be said. ``str`` has
    names in the place of numbers.
    """

    type: int = 0
    bits: int = 0
    lifetime: int = 0
    usage: int = 0
    alg: int = 0
    alg2: int = 0
    id: int = 0

    def __str__(self) -> str:
        parts = [
            key_type_text(self.type),
            f"{self.bits} bits",
            f"id {self.id:#x}",
            lifetime_text(self.lifetime),
        ]
        parts += [usage_text(self.usage), algorithm_text(self.alg)]
        return ", ".join([*parts, algorithm_text(self.alg2)] if self.alg2 else parts)

    def encode(self) -> bytes:
        """The 24 bytes of the client's layout. Raises ValueError or TypeError for a number without room."""
        numbers = (self.type, self.bits, self.lifetime, self.usage, self.alg, self.alg2, self.id)
        try:
            return _FAST.pack(*numbers)
        except struct.error:
            all_in_range("key attributes", zip(self.__slots__, numbers, _BITS, strict=True))
            raise

    @classmethod
    def decode(cls, data: bytes | bytearray) -> Self:
        """From exactly 24 bytes; raises ValueError for any other length."""
        if len(data) != PSA_KEY_ATTRIBUTES_SIZE:
            raise ValueError(f"key attributes: {len(data)} bytes, wanted {PSA_KEY_ATTRIBUTES_SIZE}")
        return cls(*_FAST.unpack(data))


@dataclass(slots=True)
class psa_hash_operation_t:
    """A multi-part hash operation on the client's side: a handle, 0 while there is none."""

    handle: int = 0


@dataclass(slots=True)
class psa_mac_operation_t:
    """A multi-part MAC operation on the client's side: a handle, 0 while there is none."""

    handle: int = 0


@dataclass(slots=True)
class psa_cipher_operation_t:
    """A multi-part cipher operation on the client's side: a handle, 0 while there is none."""

    handle: int = 0


@dataclass(slots=True)
class psa_aead_operation_t:
    """A multi-part AEAD operation on the client's side: a handle, 0 while there is none."""

    handle: int = 0


@dataclass(slots=True)
class psa_key_derivation_operation_t:
    """A key derivation on the client's side: a handle, 0 while there is none."""

    handle: int = 0


@dataclass(slots=True)
class psa_pake_operation_t:
    """A password-authenticated key exchange on the client's side: a handle, 0 while there is none."""

    handle: int = 0


Operation = (
    psa_hash_operation_t
    | psa_mac_operation_t
    | psa_cipher_operation_t
    | psa_aead_operation_t
    | psa_key_derivation_operation_t
    | psa_pake_operation_t
)
"""Any multi-part operation."""


@dataclass(frozen=True, slots=True)
class psa_pake_cipher_suite_t:
    """What ``psa_pake_cs_set_*`` collects. The key is to be confirmed unless it is said otherwise.

    ``primitive`` is a PSA_PAKE_PRIMITIVE, ``key_confirmation`` PSA_PAKE_CONFIRMED_KEY or _UNCONFIRMED_KEY.
    """

    algorithm: int = 0
    primitive: int = 0
    key_confirmation: int = 0


@dataclass(frozen=True, slots=True)
class psa_custom_key_parameters_t:
    """How psa_generate_key_custom and its kin make a key; the defaults make it the ordinary way."""

    flags: int = 0
