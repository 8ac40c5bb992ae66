"""Keys and where they live: owners, slots, storage and drivers (Mbed TLS psa_crypto_slot_management)."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from ...interface.psa.crypto_types import KeyAttributes, extend_usage
from ...interface.psa.crypto_values import (
    PSA_KEY_ID_NULL,
    PSA_KEY_ID_USER_MAX,
    PSA_KEY_ID_USER_MIN,
    PSA_KEY_LIFETIME_GET_LOCATION,
    PSA_KEY_LIFETIME_GET_PERSISTENCE,
    PSA_KEY_LOCATION_LOCAL_STORAGE,
    PSA_KEY_PERSISTENCE_READ_ONLY,
    PSA_KEY_PERSISTENCE_VOLATILE,
    PSA_KEY_USAGE_ALL,
    PSA_KEY_USAGE_EXPORT,
)
from ...interface.psa.status import (
    PSA_ERROR_DATA_INVALID,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
)
from .builtin_keys import BuiltinKeys, is_builtin
from .config import CryptoConfig
from .drivers import DriverKey, OpaqueDriver
from .key_formats import load
from .key_slots import KeySlots
from .material import Material
from .offered_keys import OfferedKeys
from .persistent_keys import PersistentKeys
from .refusal import Refusal

PSA_MAX_KEY_BITS: Final = 0xFFF8
_NO_SUCH_KEY: Final = (PSA_ERROR_INVALID_HANDLE, PSA_ERROR_INSUFFICIENT_MEMORY)
"""`KeyStore.get` found no key, or no slot for it: neither says that storage is damaged."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as one client sees it: attributes with that client's usage, and the material.

    Of a key in a driver's location there is only the driver and what it calls the key: whoever uses a key
    asks for ``driver`` first, and hands it ``driver_key``.
    """

    attributes: KeyAttributes
    clear: Material | None
    driver: OpaqueDriver | None = None
    data: bytes = field(default=b"", repr=False)

    @property
    def material(self) -> Material:
        """The key itself. NOT_SUPPORTED where the service does not have it.

        Mbed TLS psa_get_and_lock_transparent_key_slot_with_policy, and the default of every driver entry.
        """
        if self.clear is None:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return self.clear

    @property
    def driver_key(self) -> DriverKey:
        return DriverKey(self.attributes, self.data)

    @property
    def stored_data(self) -> bytes:
        """What storage keeps of it: PSA's export format, or the driver's data."""
        return self.data if self.clear is None else self.clear.data


class KeyStore:
    """Every key of the service. A key is known by (owner, id): nobody reaches a key of another client."""

    def __init__(
        self,
        config: CryptoConfig,
        builtin: BuiltinKeys,
        persistent: PersistentKeys,
        drivers: Mapping[int, OpaqueDriver],
    ) -> None:
        self._slots = KeySlots[Key](config.key_slots)
        self._offered = OfferedKeys(config.offer())
        self._builtin = builtin
        self._persistent = persistent
        self._drivers = drivers

    def get(self, owner: int, key_id: int) -> Key:
        """The key that ``owner`` calls ``key_id``; INVALID_HANDLE where there is none.

        Mbed TLS psa_get_and_lock_key_slot: a persistent or builtin key that is in no slot is loaded into one;
        INSUFFICIENT_MEMORY where volatile keys hold them all. A stored key that cannot be read answers with
        DATA_INVALID, DATA_CORRUPT or STORAGE_FAILURE.
        """
        key = self._slots.find(owner, key_id)
        if key is None:
            if not self._slots.is_key_id(key_id):
                raise Refusal(PSA_ERROR_INVALID_HANDLE)
            index = self._slots.reserve()
            try:
                key = self._load(owner, key_id)
            except Refusal as refusal:
                if refusal.status == PSA_ERROR_DOES_NOT_EXIST:
                    raise Refusal(PSA_ERROR_INVALID_HANDLE) from refusal
                raise
            self._slots.cache(index, owner, key_id, key)
        return key

    def _load(self, owner: int, key_id: int) -> Key:
        if is_builtin(key_id):
            view = self._builtin.view(owner, key_id)
            if view is not None:
                return Key(*view)
        attributes, data = self._persistent.load(owner, key_id)
        attributes = replace(attributes, usage=extend_usage(attributes.usage))
        location = PSA_KEY_LIFETIME_GET_LOCATION(attributes.lifetime)
        if location != PSA_KEY_LOCATION_LOCAL_STORAGE:
            return Key(attributes, None, self._drivers.get(location), data)
        # A type that this build leaves out can be asked for its attributes and be destroyed.
        offered = self._offered.has(attributes.type, attributes.bits)
        return Key(attributes, _stored_material(attributes, data) if offered else None, data=data)

    def driver(self, attributes: KeyAttributes) -> OpaqueDriver | None:
        """Who keeps keys of these attributes, None for the service itself.

        Mbed TLS driver wrappers: INVALID_ARGUMENT for a location that is nobody's.
        """
        location = PSA_KEY_LIFETIME_GET_LOCATION(attributes.lifetime)
        if location == PSA_KEY_LOCATION_LOCAL_STORAGE:
            return None
        driver = self._drivers.get(location)
        if driver is None:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return driver

    def check_new(self, attributes: KeyAttributes, in_use: tuple[int, int] | None = None) -> None:
        """Refuse attributes that no new key can have, or when no slot can be had.

        ``in_use`` is owner and id of the key that the new one is made of, which keeps its slot.
        Mbed TLS psa_validate_key_attributes, psa_start_key_creation, in their order: persistence, id, usage,
        size, slot, location. A build without storage answers NOT_SUPPORTED only to what another could have.
        """
        persistence = PSA_KEY_LIFETIME_GET_PERSISTENCE(attributes.lifetime)
        if persistence == PSA_KEY_PERSISTENCE_VOLATILE:
            if attributes.id != PSA_KEY_ID_NULL:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        elif persistence == PSA_KEY_PERSISTENCE_READ_ONLY or not _is_user_id(attributes.id):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        elif not self._persistent.available:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        # PSA Crypto 1.2 PSA_KEY_USAGE_CACHE: legal and kept; Mbed TLS psa_validate_key_policy refuses it.
        if attributes.usage & ~PSA_KEY_USAGE_ALL:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if attributes.bits > PSA_MAX_KEY_BITS:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        self._slots.reserve(in_use)
        self.driver(attributes)

    def check_use(self, key_type: int, use: str) -> None:
        """NOT_SUPPORTED for a type that the build leaves out, or key pairs not for "IMPORT", "GENERATE"."""
        if not self._offered.may(key_type, use):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def add(self, owner: int, attributes: KeyAttributes, material: Material) -> int:
        """Keep a new key, whose attributes ``check_new`` has passed; returns its id.

        A persistent one is stored before. A driver's location gets it imported by that driver. NOT_SUPPORTED
        for a type, curve or group that the build leaves out.
        """
        driver = self.driver(attributes)
        if driver is None:
            if not self._offered.has(attributes.type, attributes.bits):
                raise Refusal(PSA_ERROR_NOT_SUPPORTED)
            return self._keep(owner, Key(attributes, material))
        return self.import_opaque(owner, attributes, driver, material.data)

    def import_opaque(self, owner: int, attributes: KeyAttributes, driver: OpaqueDriver, data: bytes) -> int:
        """The same for a key that its driver is to import, in PSA's format or in one of its own."""
        bits, blob = driver.import_key(attributes, data)
        try:
            attributes = sized(attributes, bits)
        except Refusal:
            driver.destroy_key(DriverKey(attributes, blob))
            raise
        return self.add_opaque(owner, attributes, driver, blob)

    def add_opaque(self, owner: int, attributes: KeyAttributes, driver: OpaqueDriver, data: bytes) -> int:
        """The same for a key that its driver has just made; the driver forgets it if it cannot be kept."""
        key = Key(attributes, None, driver, data)
        try:
            return self._keep(owner, key)
        except Refusal:
            driver.destroy_key(key.driver_key)
            raise

    def _keep(self, owner: int, key: Key) -> int:
        """Mbed TLS psa_finish_key_creation: storage first, then the key can be found."""
        attributes = replace(key.attributes, usage=extend_usage(key.attributes.usage))
        index = self._slots.reserve()
        if PSA_KEY_LIFETIME_GET_PERSISTENCE(attributes.lifetime) == PSA_KEY_PERSISTENCE_VOLATILE:
            key_id = self._slots.volatile_id(index)
            self._slots.hold(index, owner, replace(key, attributes=replace(attributes, id=key_id)))
            return key_id
        self._persistent.save(owner, attributes, key.stored_data)
        self._slots.cache(index, owner, attributes.id, replace(key, attributes=attributes))
        return attributes.id

    def copy(self, owner: int, source: Key, attributes: KeyAttributes) -> int:
        """Keep a copy of a key under attributes that ``check_new`` has passed; returns its id.

        Within a driver's location, and into one, it is the driver that can or cannot.
        """
        driver = self.driver(attributes)
        if source.driver is not None and driver is source.driver:
            data = driver.copy_key(source.driver_key, attributes)
            return self.add_opaque(owner, attributes, driver, data)
        if source.driver is None:
            return self.add(owner, attributes, source.material)
        # PSA Crypto 1.2 psa_copy_key: out of a driver's location only with PSA_KEY_USAGE_EXPORT.
        if not source.attributes.usage & PSA_KEY_USAGE_EXPORT:
            raise Refusal(PSA_ERROR_NOT_PERMITTED)
        _, material = load(attributes, source.driver.export_key(source.driver_key))
        return self.add(owner, attributes, material)

    def destroy(self, owner: int, key_id: int) -> None:
        """Destroy a key. PSA Crypto psa_destroy_key: id 0 is no error; a read-only one is NOT_PERMITTED.

        The driver goes before storage: after a cut in between, the key can be destroyed once more.
        """
        if key_id == PSA_KEY_ID_NULL:
            return
        key = self._to_destroy(owner, key_id)
        if self._slots.find(owner, key_id) is not None:
            self._slots.drop(owner, key_id)
        persistence = PSA_KEY_LIFETIME_GET_PERSISTENCE(key.attributes.lifetime)
        # PSA Crypto psa_destroy_key: TF-M answers SUCCESS for a builtin key and has it all the same.
        if is_builtin(key_id) or persistence == PSA_KEY_PERSISTENCE_READ_ONLY:
            raise Refusal(PSA_ERROR_NOT_PERMITTED)
        if key.driver is not None:
            key.driver.destroy_key(key.driver_key)
        if persistence != PSA_KEY_PERSISTENCE_VOLATILE:
            self._persistent.remove(owner, key_id)

    def _to_destroy(self, owner: int, key_id: int) -> Key:
        """A key on its way out: of a stored one nothing but its header has to make sense.

        Mbed TLS leaves a key with a damaged header where it is.
        """
        try:
            return self.get(owner, key_id)
        except Refusal as refusal:
            if is_builtin(key_id) or refusal.status in _NO_SUCH_KEY:
                raise
        try:
            attributes, data = self._persistent.load(owner, key_id)
        except Refusal:
            # PSA Crypto 1.2 psa_destroy_key: what cannot be read is erased as well as can be all the same.
            with suppress(Refusal):
                self._persistent.remove(owner, key_id)
            raise
        return Key(attributes, None, data=data)

    def close(self, owner: int, key_id: int) -> None:
        """Drop a key from its slot; a volatile one is gone then. INVALID_HANDLE for one in no slot."""
        if self._slots.find(owner, key_id) is None:
            raise Refusal(PSA_ERROR_INVALID_HANDLE)
        self._slots.drop(owner, key_id)

    def purge(self, owner: int, key_id: int) -> None:
        """Drop the copy in RAM of a persistent or builtin key; nothing else changes. INVALID_HANDLE."""
        # PSA Crypto 1.2 psa_purge_key: SUCCESS for every key that there is. Mbed TLS answers DOES_NOT_EXIST
        # for a stored one that is in no slot.
        if self._slots.find(owner, key_id) is not None:
            if not self._slots.is_volatile(key_id):
                self._slots.drop(owner, key_id)
            return
        builtin = is_builtin(key_id) and self._builtin.view(owner, key_id) is not None
        stored = self._slots.is_key_id(key_id) and self._persistent.exists(owner, key_id)
        if not builtin and not stored:
            raise Refusal(PSA_ERROR_INVALID_HANDLE)


def sized(attributes: KeyAttributes, bits: int) -> KeyAttributes:
    """PSA Crypto psa_import_key: a size in the attributes must be the size of the data."""
    if attributes.bits not in (0, bits):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if bits > PSA_MAX_KEY_BITS:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return replace(attributes, bits=bits)


def _is_user_id(key_id: int) -> bool:
    return PSA_KEY_ID_USER_MIN <= key_id <= PSA_KEY_ID_USER_MAX


def _stored_material(attributes: KeyAttributes, data: bytes) -> Material | None:
    """The material of a stored key, None for one that this version of the service cannot have.

    Mbed TLS takes stored key data as it is; here what no key of its type can be is DATA_INVALID.
    """
    try:
        bits, material = load(attributes, data)
    except Refusal as refusal:
        if refusal.status == PSA_ERROR_NOT_SUPPORTED:
            return None
        raise Refusal(PSA_ERROR_DATA_INVALID) from refusal
    if bits != attributes.bits:
        raise Refusal(PSA_ERROR_DATA_INVALID)
    return material
