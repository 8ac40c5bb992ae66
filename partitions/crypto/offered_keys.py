"""The key types that one build of the service has (Mbed TLS PSA_WANT_KEY_TYPE_*, PSA_WANT_ECC_*)."""

from typing import Final

from ...interface.psa.crypto_values import (
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_DH_GET_FAMILY,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PASSWORD_HASH,
    PSA_KEY_TYPE_RAW_DATA,
    PSA_KEY_TYPE_SPAKE2P_GET_FAMILY,
)
from .wants import Offer

_ALWAYS: Final = frozenset(
    {
        PSA_KEY_TYPE_RAW_DATA,
        PSA_KEY_TYPE_HMAC,
        PSA_KEY_TYPE_DERIVE,
        PSA_KEY_TYPE_PASSWORD,
        PSA_KEY_TYPE_PASSWORD_HASH,
    }
)
"""Mbed TLS psa_validate_unstructured_key_bit_size: no build option takes these types away."""


class OfferedKeys:
    """What ``wants`` means for making keys."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer

    def may(self, key_type: int, use: str) -> bool:
        """Whether keys of a type can be made by "IMPORT", "GENERATE" or "DERIVE"; others need no option."""
        return key_type in _ALWAYS or (self._offer.key_type(key_type) and self._offer.key_pair(key_type, use))

    def has(self, key_type: int, bits: int) -> bool:
        """Whether there can be a key of this type and, where it is on a curve or in a group, size."""
        if key_type in _ALWAYS:
            return True
        family = (
            PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
            or PSA_KEY_TYPE_DH_GET_FAMILY(key_type)
            or PSA_KEY_TYPE_SPAKE2P_GET_FAMILY(key_type)
        )
        return self._offer.key_type(key_type) and (not family or self._offer.curve(family, bits))
