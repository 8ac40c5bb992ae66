"""The crypto library's build options sorted for a reader: PSA_WANT_ALG_SHA_256 is the hash SHA_256."""

from collections.abc import Collection, Mapping
from typing import Final

from ..interface.psa import crypto_values as v

_KINDS: Final = {
    v.PSA_ALG_CATEGORY_HASH: "hashes",
    v.PSA_ALG_CATEGORY_MAC: "MACs",
    v.PSA_ALG_CATEGORY_CIPHER: "ciphers",
    v.PSA_ALG_CATEGORY_AEAD: "AEAD",
    v.PSA_ALG_CATEGORY_SIGN: "signatures",
    v.PSA_ALG_CATEGORY_ASYMMETRIC_ENCRYPTION: "asymmetric encryption",
    v.PSA_ALG_CATEGORY_KEY_DERIVATION: "key derivation",
    v.PSA_ALG_CATEGORY_KEY_AGREEMENT: "key agreement",
    v.PSA_ALG_CATEGORY_PAKE: "PAKE",
}
_ALGORITHM, _KEY_TYPE, _CURVE, _GROUP = "PSA_WANT_ALG_", "PSA_WANT_KEY_TYPE_", "PSA_WANT_ECC_", "PSA_WANT_DH_"
_KEY_TYPES, _CURVES, _GROUPS = "key types", "curves", "DH groups"


def _kind(want: str) -> tuple[str, str] | None:
    """The kind of an option, and its name there; None for one that says nothing to a reader."""
    for prefix, kind in ((_CURVE, _CURVES), (_GROUP, _GROUPS)):
        if want.startswith(prefix):
            return kind, want.removeprefix(prefix)
    if want.startswith(_KEY_TYPE):
        name = want.removeprefix(_KEY_TYPE)
        # The uses of a pair but for the one that profiles differ in.
        if name.endswith(("_IMPORT", "_EXPORT", "_GENERATE")):
            return None
        return _KEY_TYPES, name.removesuffix("_BASIC")
    name = want.removeprefix(_ALGORITHM)
    number = getattr(v, f"PSA_ALG_{name}_BASE", None) or getattr(v, f"PSA_ALG_{name}", None)
    if name == want or number is None:
        return None
    return _KINDS[number & v.PSA_ALG_CATEGORY_MASK], name


def by_kind(wants: Collection[str]) -> Mapping[str, list[str]]:
    """The names of each kind, sorted; every kind is there, if only with nothing in it."""
    found: dict[str, list[str]] = {kind: [] for kind in (*_KINDS.values(), _KEY_TYPES, _CURVES, _GROUPS)}
    for want in sorted(wants):
        if placed := _kind(want):
            found[placed[0]].append(placed[1])
    return found
