"""Group KEY_MANAGEMENT (TF-M crypto_key_management, PSA Crypto 1.2 section 9)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES, PSA_BYTES_TO_BITS
from ...interface.psa.crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
    PSA_KEY_TYPE_NONE,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PASSWORD_HASH,
    PSA_KEY_TYPE_PEPPER,
    PSA_KEY_TYPE_RAW_DATA,
    PSA_KEY_USAGE_EXPORT,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .keys import KeyStore
from .material import Material, ecc_bits, find_curve
from .refusal import Refusal
from .request import Handler, Request

SERVICE_ATTRIBUTES_SIZE: Final = PSA_KEY_ATTRIBUTES_SIZE + 4
"""The service's own view of the attributes has the owner behind the client's."""
_UNSTRUCTURED: Final = frozenset(
    {
        PSA_KEY_TYPE_RAW_DATA,
        PSA_KEY_TYPE_HMAC,
        PSA_KEY_TYPE_DERIVE,
        PSA_KEY_TYPE_PASSWORD,
        PSA_KEY_TYPE_PASSWORD_HASH,
        PSA_KEY_TYPE_PEPPER,
    }
)
_AES_BITS: Final = (128, 192, 256)


class KeyFunctions:
    """Import, generation, attributes, export and destruction of keys."""

    def __init__(self, keys: KeyStore, random: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._random = random

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.GET_KEY_ATTRIBUTES: self._get_attributes,
            Function.IMPORT_KEY: self._import,
            Function.GENERATE_KEY: self._generate,
            Function.DESTROY_KEY: self._destroy,
            Function.EXPORT_KEY: self._export,
            Function.EXPORT_PUBLIC_KEY: self._export_public,
            Function.PURGE_KEY: self._purge,
        }

    def _destroy(self, request: Request) -> int:
        self._keys.destroy(request.client_id, request.iovec.key_id)
        return PSA_SUCCESS

    def _purge(self, request: Request) -> int:
        """PSA Crypto psa_purge_key: nothing to drop for a volatile or builtin key."""
        self._keys.get(request.client_id, request.iovec.key_id)
        return PSA_SUCCESS

    def _get_attributes(self, request: Request) -> int:
        """TF-M writes as much of its own view as the vector holds, zeros after a failed lookup."""
        room = request.room(0)
        if not 0 < room <= SERVICE_ATTRIBUTES_SIZE:
            self._keys.get(request.client_id, request.iovec.key_id)
            return PSA_ERROR_PROGRAMMER_ERROR
        attributes = self._keys.get(request.client_id, request.iovec.key_id).attributes
        owner = request.client_id.to_bytes(4, "little", signed=True)
        request.put(0, (attributes.encode() + owner)[:room])
        return PSA_SUCCESS

    def _attributes(self, request: Request) -> KeyAttributes:
        """Input vector 1; any other length, or no room for the key id, is a PROGRAMMER ERROR."""
        if len(request.input(1)) != PSA_KEY_ATTRIBUTES_SIZE:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        request.require_handle_room()
        return KeyAttributes.decode(request.input(1))

    def _import(self, request: Request) -> int:
        attributes = self._attributes(request)
        data = request.input(2)
        if not data:
            return PSA_ERROR_INVALID_ARGUMENT
        self._keys.check_new(attributes)
        bits, material = _load(attributes, data)
        # PSA Crypto psa_import_key: a size in the attributes must be the size of the data.
        if attributes.bits not in (0, bits):
            return PSA_ERROR_INVALID_ARGUMENT
        key_id = self._keys.add(request.client_id, replace(attributes, bits=bits), material)
        request.put_handle(key_id)
        return PSA_SUCCESS

    def _generate(self, request: Request) -> int:
        attributes = self._attributes(request)
        if attributes.bits == 0 or PSA_KEY_TYPE_IS_PUBLIC_KEY(attributes.type):
            return PSA_ERROR_INVALID_ARGUMENT
        self._keys.check_new(attributes)
        material = self._generate_material(attributes.type, attributes.bits)
        request.put_handle(self._keys.add(request.client_id, attributes, material))
        return PSA_SUCCESS

    def _generate_material(self, key_type: int, bits: int) -> Material:
        if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
            return self._generate_ecc(key_type, bits)
        _check_symmetric(key_type, bits)
        return Material(self._random(PSA_BITS_TO_BYTES(bits)))

    def _generate_ecc(self, key_type: int, bits: int) -> Material:
        """FIPS 186-5, A.2.2: draw until the number is a private key of the curve."""
        find_curve(key_type, bits)
        width = PSA_BITS_TO_BYTES(bits)
        while True:
            drawn = int.from_bytes(self._random(width), "big") >> (8 * width - bits)
            material = Material(drawn.to_bytes(width, "big"))
            try:
                material.private(key_type, bits)
            except Refusal:
                continue
            return material

    def _export(self, request: Request) -> int:
        request.put(0, b"")
        if request.room(0) == 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        key = self._keys.get(request.client_id, request.iovec.key_id)
        public = PSA_KEY_TYPE_IS_PUBLIC_KEY(key.attributes.type)
        if not public and not key.attributes.usage & PSA_KEY_USAGE_EXPORT:
            return PSA_ERROR_NOT_PERMITTED
        return _give(request, key.material.data)

    def _export_public(self, request: Request) -> int:
        """No usage is needed for this (PSA Crypto 1.2, psa_export_public_key)."""
        request.put(0, b"")
        if request.room(0) == 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        key = self._keys.get(request.client_id, request.iovec.key_id)
        kind, bits = key.attributes.type, key.attributes.bits
        if not PSA_KEY_TYPE_IS_ASYMMETRIC(kind):
            return PSA_ERROR_INVALID_ARGUMENT
        return _give(request, key.material.public_bytes(kind, bits))


def _give(request: Request, data: bytes) -> int:
    if request.room(0) < len(data):
        return PSA_ERROR_BUFFER_TOO_SMALL
    request.put(0, data)
    return PSA_SUCCESS


def _check_symmetric(key_type: int, bits: int) -> None:
    """Mbed TLS psa_validate_unstructured_key_bit_size; a type that is not offered is NOT_SUPPORTED."""
    if key_type == PSA_KEY_TYPE_NONE:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if key_type == PSA_KEY_TYPE_AES:
        legal = bits in _AES_BITS
    elif key_type in _UNSTRUCTURED:
        legal = bits % 8 == 0
    else:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if not legal:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _load(attributes: KeyAttributes, data: bytes) -> tuple[int, Material]:
    """Size in bits and material of imported data, checked for its type."""
    key_type = attributes.type
    material = Material(data)
    if PSA_KEY_TYPE_IS_ECC(key_type):
        bits = ecc_bits(key_type, attributes.bits, len(data))
        material.public(key_type, bits)
        return bits, material
    bits = PSA_BYTES_TO_BITS(len(data))
    _check_symmetric(key_type, bits)
    return bits, material
