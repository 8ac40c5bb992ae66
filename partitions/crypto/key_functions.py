"""Group KEY_MANAGEMENT (TF-M crypto_key_management, PSA Crypto 1.2 section 9)."""

from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_KEY_ID_NULL,
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
    PSA_KEY_TYPE_RSA_KEY_PAIR,
    PSA_KEY_USAGE_COPY,
    PSA_KEY_USAGE_EXPORT,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from .config import CryptoConfig
from .key_formats import RSA_EXPONENT, Random, generate, load
from .keys import Key, KeyStore, sized
from .operations import OperationTable
from .policy import restrict_policy
from .refusal import Refusal
from .request import Handler, Request

INT_MAX: Final = 0x7FFFFFFF
SERVICE_ATTRIBUTES_SIZE: Final = PSA_KEY_ATTRIBUTES_SIZE + 4
"""The service's own view of the attributes has the owner behind the client's."""


class KeyFunctions:
    """Making, copying, reading out and destroying keys."""

    def __init__(
        self, keys: KeyStore, operations: OperationTable, random: Random, config: CryptoConfig
    ) -> None:
        self._keys = keys
        self._operations = operations
        self._operations_outlive_keys = config.operations_outlive_keys
        self._open_close_key = config.open_close_key
        self._random = random

    @property
    def functions(self) -> dict[int, Handler]:
        handles: dict[int, Handler] = {Function.OPEN_KEY: self._open, Function.CLOSE_KEY: self._close}
        return {
            **(handles if self._open_close_key else {}),
            Function.GET_KEY_ATTRIBUTES: self._get_attributes,
            Function.IMPORT_KEY: self._import,
            Function.GENERATE_KEY: self._generate,
            Function.GENERATE_KEY_CUSTOM: self._generate_custom,
            Function.COPY_KEY: self._copy,
            Function.DESTROY_KEY: self._destroy,
            Function.EXPORT_KEY: self._export,
            Function.EXPORT_PUBLIC_KEY: self._export_public,
            Function.PURGE_KEY: self._purge,
        }

    def _open(self, request: Request) -> int:
        """Mbed TLS psa_open_key: DOES_NOT_EXIST where there is none; the handle is the key's id."""
        request.require_handle_room()
        try:
            self._keys.get(request.client_id, request.iovec.key_id)
        except Refusal as refusal:
            if refusal.status == PSA_ERROR_INVALID_HANDLE:
                return PSA_ERROR_DOES_NOT_EXIST
            raise
        request.put_handle(request.iovec.key_id)
        return PSA_SUCCESS

    def _close(self, request: Request) -> int:
        """Mbed TLS psa_close_key: id 0 is no error, a key in no slot INVALID_HANDLE; volatile ones go."""
        if request.iovec.key_id == PSA_KEY_ID_NULL:
            return PSA_SUCCESS
        self._keys.close(request.client_id, request.iovec.key_id)
        return PSA_SUCCESS

    def _destroy(self, request: Request) -> int:
        self._keys.destroy(request.client_id, request.iovec.key_id)
        if not self._operations_outlive_keys:
            self._operations.abort_users_of(request.client_id, request.iovec.key_id)
        return PSA_SUCCESS

    def _purge(self, request: Request) -> int:
        self._keys.purge(request.client_id, request.iovec.key_id)
        return PSA_SUCCESS

    def _get_attributes(self, request: Request) -> int:
        """TF-M writes as much of its own view as the vector holds, zeros after a failed lookup."""
        room = request.room(0)
        if not 0 < room <= SERVICE_ATTRIBUTES_SIZE:
            # The lookup comes first in TF-M, but its failure does not count.
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
        """Mbed TLS psa_import_key: data, attributes, slot, location, the data for its type, size, storage."""
        attributes = self._attributes(request)
        data = request.input(2)
        if not data:
            return PSA_ERROR_INVALID_ARGUMENT
        self._keys.check_new(attributes)
        driver = self._keys.driver(attributes)
        if driver is None:
            self._keys.check_use(attributes.type, "IMPORT")
            bits, material = load(attributes, data)
            key_id = self._keys.add(request.client_id, sized(attributes, bits), material)
        else:
            key_id = self._keys.import_opaque(request.client_id, attributes, driver, data)
        request.put_handle(key_id)
        return PSA_SUCCESS

    def _generate(self, request: Request) -> int:
        return self._make(request, self._attributes(request), 0, b"")

    def _generate_custom(self, request: Request) -> int:
        """PSA Crypto psa_generate_key_custom: the public exponent of an RSA key; nothing else is custom."""
        return self._make(request, self._attributes(request), request.iovec.value, request.input(2))

    def _make(self, request: Request, attributes: KeyAttributes, flags: int, exponent: bytes) -> int:
        """Mbed TLS psa_generate_key_custom: size and type, parameters, attributes, location, storage."""
        if attributes.bits == 0 or PSA_KEY_TYPE_IS_PUBLIC_KEY(attributes.type):
            return PSA_ERROR_INVALID_ARGUMENT
        if flags or (exponent and attributes.type != PSA_KEY_TYPE_RSA_KEY_PAIR):
            return PSA_ERROR_INVALID_ARGUMENT
        self._keys.check_new(attributes)
        driver = self._keys.driver(attributes)
        if driver is None:
            self._keys.check_use(attributes.type, "GENERATE")
            number = _rsa_exponent(exponent) if exponent else RSA_EXPONENT
            material = generate(attributes.type, attributes.bits, self._random, number)
            key_id = self._keys.add(request.client_id, attributes, material)
        elif exponent:
            # A driver's generate_key (PSA Crypto Driver Interface 1.0) takes no custom parameters.
            return PSA_ERROR_NOT_SUPPORTED
        else:
            data = driver.generate_key(attributes)
            key_id = self._keys.add_opaque(request.client_id, attributes, driver, data)
        request.put_handle(key_id)
        return PSA_SUCCESS

    def _copy(self, request: Request) -> int:
        """Mbed TLS psa_copy_key: source and its usage, type and size, policies, attributes, location."""
        asked = self._attributes(request)
        owner, source_id = request.client_id, request.iovec.key_id
        source = self._keys.get(owner, source_id)
        of_source = source.attributes
        # PSA Crypto 1.2 psa_copy_key: PSA_KEY_USAGE_COPY; type and size 0 or those of the source.
        if not of_source.usage & PSA_KEY_USAGE_COPY:
            return PSA_ERROR_NOT_PERMITTED
        if asked.type not in (0, of_source.type) or asked.bits not in (0, of_source.bits):
            return PSA_ERROR_INVALID_ARGUMENT
        attributes = restrict_policy(replace(asked, type=of_source.type, bits=of_source.bits), of_source)
        self._keys.check_new(attributes, in_use=(owner, source_id))
        request.put_handle(self._keys.copy(owner, source, attributes))
        return PSA_SUCCESS

    def _export(self, request: Request) -> int:
        request.put(0, b"")
        if request.room(0) == 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        key = self._keys.get(request.client_id, request.iovec.key_id)
        public = PSA_KEY_TYPE_IS_PUBLIC_KEY(key.attributes.type)
        # PSA Crypto psa_export_key: a public key needs no usage.
        if not public and not key.attributes.usage & PSA_KEY_USAGE_EXPORT:
            return PSA_ERROR_NOT_PERMITTED
        data = key.material.data if key.driver is None else key.driver.export_key(key.driver_key)
        request.put_whole(0, data)
        return PSA_SUCCESS

    def _export_public(self, request: Request) -> int:
        """No usage is needed for this (PSA Crypto 1.2, psa_export_public_key)."""
        request.put(0, b"")
        if request.room(0) == 0:
            return PSA_ERROR_BUFFER_TOO_SMALL
        key = self._keys.get(request.client_id, request.iovec.key_id)
        if not PSA_KEY_TYPE_IS_ASYMMETRIC(key.attributes.type):
            return PSA_ERROR_INVALID_ARGUMENT
        request.put_whole(0, public_key(key))
        return PSA_SUCCESS


def public_key(key: Key) -> bytes:
    """The public key in PSA's format, be it the service's or a driver's."""
    if key.driver is not None:
        return key.driver.export_public_key(key.driver_key)
    return key.material.public_bytes(key.attributes.type, key.attributes.bits)


def _rsa_exponent(data: bytes) -> int:
    """Mbed TLS psa_rsa_read_exponent: big endian; NOT_SUPPORTED beyond a C int."""
    exponent = int.from_bytes(data, "big")
    if exponent > INT_MAX:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return exponent
