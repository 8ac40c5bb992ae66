"""Group KEY_MANAGEMENT (TF-M crypto_key_management, PSA Crypto 1.2 section 9)."""

from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
    PSA_KEY_USAGE_EXPORT,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .key_formats import Random, generate, load
from .keys import KeyStore
from .refusal import Refusal
from .request import Handler, Request

SERVICE_ATTRIBUTES_SIZE: Final = PSA_KEY_ATTRIBUTES_SIZE + 4
"""The service's own view of the attributes has the owner behind the client's."""


class KeyFunctions:
    """Import, generation, attributes, export and destruction of keys."""

    def __init__(self, keys: KeyStore, random: Random) -> None:
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
        bits, material = load(attributes, data)
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
        material = generate(attributes.type, attributes.bits, self._random)
        request.put_handle(self._keys.add(request.client_id, attributes, material))
        return PSA_SUCCESS

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
