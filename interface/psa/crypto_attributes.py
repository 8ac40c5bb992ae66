"""PSA Crypto API 1.2: what ``psa_set_key_*`` does to key attributes (psa/crypto_struct.h).

Attributes are values here: each function gives back new ones, and what psa_get_key_* reads is a field.
"""

from dataclasses import replace
from typing import Final

from .crypto_key_sizes import PSA_MAX_KEY_BITS
from .crypto_policy import (
    PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION,
    PSA_KEY_LIFETIME_GET_LOCATION,
    PSA_KEY_LIFETIME_IS_VOLATILE,
    PSA_KEY_PERSISTENCE_DEFAULT,
)
from .crypto_types import KeyAttributes, extend_usage

PSA_KEY_BITS_TOO_LARGE: Final = 0xFFFF
"""Kept for a size that does not fit, so that making the key fails (TF-PSA-Crypto)."""


def psa_set_key_id(attributes: KeyAttributes, key: int) -> KeyAttributes:
    """A key with an id is persistent: a volatile lifetime becomes the default one, the location stays."""
    lifetime = attributes.lifetime
    if PSA_KEY_LIFETIME_IS_VOLATILE(lifetime):
        location = PSA_KEY_LIFETIME_GET_LOCATION(lifetime)
        lifetime = PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(PSA_KEY_PERSISTENCE_DEFAULT, location)
    return replace(attributes, id=key, lifetime=lifetime)


def psa_set_key_lifetime(attributes: KeyAttributes, lifetime: int) -> KeyAttributes:
    """A volatile key has no id of its own choice: it is forgotten."""
    key = 0 if PSA_KEY_LIFETIME_IS_VOLATILE(lifetime) else attributes.id
    return replace(attributes, lifetime=lifetime, id=key)


def psa_set_key_type(attributes: KeyAttributes, key_type: int) -> KeyAttributes:
    return replace(attributes, type=key_type)


def psa_set_key_bits(attributes: KeyAttributes, bits: int) -> KeyAttributes:
    return replace(attributes, bits=PSA_KEY_BITS_TOO_LARGE if bits > PSA_MAX_KEY_BITS else bits)


def psa_set_key_usage_flags(attributes: KeyAttributes, usage: int) -> KeyAttributes:
    """With the permissions that others imply: *_HASH brings *_MESSAGE."""
    return replace(attributes, usage=extend_usage(usage))


def psa_set_key_algorithm(attributes: KeyAttributes, alg: int) -> KeyAttributes:
    return replace(attributes, alg=alg)


def psa_set_key_enrollment_algorithm(attributes: KeyAttributes, alg2: int) -> KeyAttributes:
    """One more algorithm that the policy permits; an extension of TF-PSA-Crypto."""
    return replace(attributes, alg2=alg2)


def psa_reset_key_attributes(attributes: KeyAttributes) -> KeyAttributes:
    """Attributes as PSA_KEY_ATTRIBUTES_INIT has them."""
    del attributes
    return KeyAttributes()
