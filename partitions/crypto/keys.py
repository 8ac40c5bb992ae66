"""Keys and the slots they live in (Mbed TLS psa_crypto_slot_management, keys owned by client id)."""

from dataclasses import dataclass, replace
from typing import Final

from ...interface.psa.crypto_types import KeyAttributes, extend_usage
from ...interface.psa.crypto_values import (
    PSA_KEY_ID_NULL,
    PSA_KEY_ID_USER_MAX,
    PSA_KEY_ID_USER_MIN,
    PSA_KEY_ID_VENDOR_MIN,
    PSA_KEY_LIFETIME_GET_LOCATION,
    PSA_KEY_LIFETIME_GET_PERSISTENCE,
    PSA_KEY_LOCATION_LOCAL_STORAGE,
    PSA_KEY_PERSISTENCE_READ_ONLY,
    PSA_KEY_PERSISTENCE_VOLATILE,
    PSA_KEY_USAGE_ALL,
)
from ...interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
)
from ...interface.tfm.crypto import TFM_BUILTIN_KEY_ID_MAX, TFM_BUILTIN_KEY_ID_MIN
from .builtin_keys import BuiltinKeys
from .material import Material
from .refusal import Refusal

PSA_MAX_KEY_BITS: Final = 0xFFF8


@dataclass(frozen=True, slots=True)
class Key:
    """A key as one client sees it: attributes with that client's usage, and the material."""

    attributes: KeyAttributes
    material: Material


class KeyStore:
    """Every key of the service. A key is known by (owner, id): nobody reaches a key of another client."""

    def __init__(self, slots: int, builtin: BuiltinKeys) -> None:
        self._slots: list[tuple[int, Key] | None] = [None] * slots
        self._builtin = builtin
        self._builtin_views: dict[tuple[int, int], Key] = {}

    def get(self, owner: int, key_id: int) -> Key:
        """The key that ``owner`` calls ``key_id``; INVALID_HANDLE where there is none."""
        if TFM_BUILTIN_KEY_ID_MIN <= key_id <= TFM_BUILTIN_KEY_ID_MAX:
            return self._get_builtin(owner, key_id)
        index = key_id - PSA_KEY_ID_VENDOR_MIN
        slot = self._slots[index] if 0 <= index < len(self._slots) else None
        if slot is None or slot[0] != owner:
            raise Refusal(PSA_ERROR_INVALID_HANDLE)
        return slot[1]

    def _get_builtin(self, owner: int, key_id: int) -> Key:
        view = self._builtin_views.get((owner, key_id))
        if view is None:
            view = Key(*self._builtin.view(owner, key_id))
            self._builtin_views[owner, key_id] = view
        return view

    def check_new(self, attributes: KeyAttributes) -> None:
        """Refuse attributes that no new key can have, or when no slot is free.

        Mbed TLS psa_validate_key_attributes, in its order: location, persistence, id, usage, size.
        """
        lifetime = attributes.lifetime
        persistence = PSA_KEY_LIFETIME_GET_PERSISTENCE(lifetime)
        if PSA_KEY_LIFETIME_GET_LOCATION(lifetime) != PSA_KEY_LOCATION_LOCAL_STORAGE:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if persistence == PSA_KEY_PERSISTENCE_READ_ONLY:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if persistence == PSA_KEY_PERSISTENCE_VOLATILE:
            if attributes.id != PSA_KEY_ID_NULL:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        elif PSA_KEY_ID_USER_MIN <= attributes.id <= PSA_KEY_ID_USER_MAX:
            # A build without internal trusted storage has nowhere to keep a persistent key.
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        else:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if attributes.usage & ~PSA_KEY_USAGE_ALL:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if attributes.bits > PSA_MAX_KEY_BITS:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if None not in self._slots:
            raise Refusal(PSA_ERROR_INSUFFICIENT_MEMORY)

    def add(self, owner: int, attributes: KeyAttributes, material: Material) -> int:
        """Keep a new volatile key, whose attributes ``check_new`` has passed; returns its id."""
        index = self._slots.index(None)
        key_id = PSA_KEY_ID_VENDOR_MIN + index
        kept = replace(attributes, id=key_id, usage=extend_usage(attributes.usage))
        self._slots[index] = (owner, Key(kept, material))
        return key_id

    def destroy(self, owner: int, key_id: int) -> None:
        """Destroy a key. PSA Crypto psa_destroy_key: id 0 is no error; a builtin key is NOT_PERMITTED."""
        if key_id == PSA_KEY_ID_NULL:
            return
        if TFM_BUILTIN_KEY_ID_MIN <= key_id <= TFM_BUILTIN_KEY_ID_MAX:
            self._get_builtin(owner, key_id)
            raise Refusal(PSA_ERROR_NOT_PERMITTED)
        self.get(owner, key_id)
        self._slots[key_id - PSA_KEY_ID_VENDOR_MIN] = None
