"""Algorithms, steps and key attributes as C would write them, for traces and whatever people read."""

from functools import lru_cache
from typing import Final

from . import crypto_values
from .crypto_algorithms import (
    MACRO_CACHE_SIZE,
    PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG,
    PSA_ALG_IS_AEAD,
    PSA_ALG_IS_KEY_AGREEMENT,
    PSA_ALG_IS_MAC,
    PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG,
)
from .crypto_derivation import PSA_ALG_KEY_AGREEMENT_GET_BASE, PSA_ALG_KEY_AGREEMENT_GET_KDF
from .crypto_symmetric import (
    PSA_ALG_AEAD_GET_TAG_LENGTH,
    PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG,
    PSA_ALG_FULL_LENGTH_MAC,
    PSA_MAC_TRUNCATED_LENGTH,
)

_NO_ALGORITHM: Final = ("_BASE", "_MASK", "_FLAG", "_OFFSET")
_HASH_WITHIN: Final = 0xFF
_NAMELESS: Final = "algorithm"


def _names(prefix: str) -> dict[int, str]:
    """The constants with a prefix by value; of two with one value the first."""
    found: dict[int, str] = {}
    for name, value in vars(crypto_values).items():
        if name.startswith(prefix) and isinstance(value, int) and not name.endswith(_NO_ALGORITHM):
            found.setdefault(value, name)
    return found


_ALGORITHMS: Final = {
    value: name for value, name in _names("PSA_ALG_").items() if not name.startswith("PSA_ALG_CATEGORY_")
}
_PARAMETERISED: Final = {
    value: name.removesuffix("_BASE")
    for name, value in vars(crypto_values).items()
    if name.endswith("_BASE") and isinstance(value, int) and name.removesuffix("_BASE") in vars(crypto_values)
}
_STEPS: Final = _names("PSA_KEY_DERIVATION_INPUT_")
_PAKE_STEPS: Final = _names("PSA_PAKE_STEP_")


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def algorithm_text(alg: int) -> str:
    """``PSA_ALG_HMAC(PSA_ALG_SHA_256)``; hexadecimal for a number that is no algorithm of PSA Crypto 1.2."""
    if name := _ALGORITHMS.get(alg):
        return name
    within = _ALGORITHMS.get(crypto_values.PSA_ALG_GET_HASH(alg))
    outer = _PARAMETERISED.get(alg & ~_HASH_WITHIN)
    if outer and within:
        return f"{outer}({within})"
    return _combined(alg) or f"{_NAMELESS} {alg:#010x}"


def _combined(alg: int) -> str | None:
    """An agreement with a derivation behind it, a MAC or tag of another length."""
    if PSA_ALG_IS_KEY_AGREEMENT(alg):
        parts = PSA_ALG_KEY_AGREEMENT_GET_BASE(alg), PSA_ALG_KEY_AGREEMENT_GET_KDF(alg)
        return _of("PSA_ALG_KEY_AGREEMENT", alg, parts[0], algorithm_text(parts[1]))
    if PSA_ALG_IS_MAC(alg):
        least = alg & PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG
        macro = "PSA_ALG_AT_LEAST_THIS_LENGTH_MAC" if least else "PSA_ALG_TRUNCATED_MAC"
        return _of(macro, alg, PSA_ALG_FULL_LENGTH_MAC(alg), str(PSA_MAC_TRUNCATED_LENGTH(alg)))
    if PSA_ALG_IS_AEAD(alg):
        least = alg & PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG
        macro = f"PSA_ALG_AEAD_WITH_{'AT_LEAST_THIS_LENGTH' if least else 'SHORTENED'}_TAG"
        whole = PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg)
        return _of(macro, alg, whole, str(PSA_ALG_AEAD_GET_TAG_LENGTH(alg)))
    return None


def _of(macro: str, alg: int, base: int, parameter: str) -> str | None:
    """None where one of the parts is no algorithm."""
    if base in (alg, crypto_values.PSA_ALG_NONE):
        return None
    name = algorithm_text(base)
    return None if _NAMELESS in name + parameter else f"{macro}({name}, {parameter})"


def derivation_step_text(step: int) -> str:
    """``PSA_KEY_DERIVATION_INPUT_SALT``; the number of a step that there is not."""
    return _STEPS.get(step, f"step {step:#x}")


def pake_step_text(step: int) -> str:
    """``PSA_PAKE_STEP_KEY_SHARE``; the number of a step that there is not."""
    return _PAKE_STEPS.get(step, f"step {step:#x}")


_KEY_TYPES: Final = {
    value: name
    for value, name in _names("PSA_KEY_TYPE_").items()
    if not name.startswith("PSA_KEY_TYPE_CATEGORY_")
}
_FAMILY_BASES: Final = {
    value: name.removesuffix("_BASE")
    for name, value in vars(crypto_values).items()
    if name.startswith("PSA_KEY_TYPE_") and name.endswith("_BASE")
}
_ECC_FAMILIES: Final = _names("PSA_ECC_FAMILY_")
_DH_FAMILIES: Final = _names("PSA_DH_FAMILY_")
_USAGES: Final = {
    value: name for value, name in _names("PSA_KEY_USAGE_").items() if name != "PSA_KEY_USAGE_ALL"
}
_LIFETIMES: Final = _names("PSA_KEY_LIFETIME_")
_FAMILY_WITHIN: Final = 0xFF


def key_type_text(key_type: int) -> str:
    """``PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1)``; the number of a type that there is not."""
    if name := _KEY_TYPES.get(key_type):
        return name
    base = _FAMILY_BASES.get(key_type & ~_FAMILY_WITHIN, "")
    families = _DH_FAMILIES if "_DH_" in base else _ECC_FAMILIES
    family = families.get(key_type & _FAMILY_WITHIN)
    return f"{base}({family})" if base and family else f"key type {key_type:#06x}"


def usage_text(usage: int) -> str:
    """``PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT``; 0 for none, a number for what has no name."""
    found = [name for bit, name in _USAGES.items() if usage & bit]
    rest = usage & ~sum(_USAGES)
    return " | ".join([*found, f"{rest:#x}"] if rest or not found else found)


def lifetime_text(lifetime: int) -> str:
    """``PSA_KEY_LIFETIME_PERSISTENT``; persistence and location where they are other ones."""
    if name := _LIFETIMES.get(lifetime):
        return name
    persistence = crypto_values.PSA_KEY_LIFETIME_GET_PERSISTENCE(lifetime)
    location = crypto_values.PSA_KEY_LIFETIME_GET_LOCATION(lifetime)
    return f"persistence {persistence:#x} in location {location:#x}"
