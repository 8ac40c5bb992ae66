"""What a build of the crypto library offers, by the names of Mbed TLS's build options (PSA_WANT_*)."""

from functools import lru_cache
from typing import Final

from ...interface.psa import crypto_values as v

_HASHES: Final = {
    v.PSA_ALG_MD5: "MD5",
    v.PSA_ALG_RIPEMD160: "RIPEMD160",
    v.PSA_ALG_SHA_1: "SHA_1",
    v.PSA_ALG_SHA_224: "SHA_224",
    v.PSA_ALG_SHA_256: "SHA_256",
    v.PSA_ALG_SHA_384: "SHA_384",
    v.PSA_ALG_SHA_512: "SHA_512",
    v.PSA_ALG_SHA_512_224: "SHA_512_224",
    v.PSA_ALG_SHA_512_256: "SHA_512_256",
    v.PSA_ALG_SHA3_224: "SHA3_224",
    v.PSA_ALG_SHA3_256: "SHA3_256",
    v.PSA_ALG_SHA3_384: "SHA3_384",
    v.PSA_ALG_SHA3_512: "SHA3_512",
    v.PSA_ALG_SHAKE256_512: "SHAKE256_512",
}
_EXACT: Final = {
    v.PSA_ALG_CBC_MAC: "CBC_MAC",
    v.PSA_ALG_CMAC: "CMAC",
    v.PSA_ALG_STREAM_CIPHER: "STREAM_CIPHER",
    v.PSA_ALG_CTR: "CTR",
    v.PSA_ALG_CFB: "CFB",
    v.PSA_ALG_OFB: "OFB",
    v.PSA_ALG_XTS: "XTS",
    v.PSA_ALG_ECB_NO_PADDING: "ECB_NO_PADDING",
    v.PSA_ALG_CBC_NO_PADDING: "CBC_NO_PADDING",
    v.PSA_ALG_CBC_PKCS7: "CBC_PKCS7",
    v.PSA_ALG_CCM_STAR_NO_TAG: "CCM_STAR_NO_TAG",
    v.PSA_ALG_CCM: "CCM",
    v.PSA_ALG_GCM: "GCM",
    v.PSA_ALG_CHACHA20_POLY1305: "CHACHA20_POLY1305",
    v.PSA_ALG_XCHACHA20_POLY1305: "XCHACHA20_POLY1305",
    v.PSA_ALG_PURE_EDDSA: "PURE_EDDSA",
    v.PSA_ALG_ED25519PH: "ED25519PH",
    v.PSA_ALG_ED448PH: "ED448PH",
    v.PSA_ALG_RSA_PKCS1V15_CRYPT: "RSA_PKCS1V15_CRYPT",
    v.PSA_ALG_TLS12_ECJPAKE_TO_PMS: "TLS12_ECJPAKE_TO_PMS",
    v.PSA_ALG_SP800_108_COUNTER_CMAC: "SP800_108_COUNTER_CMAC",
    v.PSA_ALG_PBKDF2_AES_CMAC_PRF_128: "PBKDF2_AES_CMAC_PRF_128",
    v.PSA_ALG_FFDH: "FFDH",
    v.PSA_ALG_ECDH: "ECDH",
    v.PSA_ALG_SPAKE2P_MATTER: "SPAKE2P_MATTER",
}
_WITH_HASH: Final = {
    v.PSA_ALG_HMAC_BASE: "HMAC",
    v.PSA_ALG_RSA_PKCS1V15_SIGN_BASE: "RSA_PKCS1V15_SIGN",
    v.PSA_ALG_RSA_PSS_BASE: "RSA_PSS",
    v.PSA_ALG_RSA_PSS_ANY_SALT_BASE: "RSA_PSS",
    v.PSA_ALG_ECDSA_BASE: "ECDSA",
    v.PSA_ALG_DETERMINISTIC_ECDSA_BASE: "DETERMINISTIC_ECDSA",
    v.PSA_ALG_RSA_OAEP_BASE: "RSA_OAEP",
    v.PSA_ALG_HKDF_BASE: "HKDF",
    v.PSA_ALG_HKDF_EXTRACT_BASE: "HKDF_EXTRACT",
    v.PSA_ALG_HKDF_EXPAND_BASE: "HKDF_EXPAND",
    v.PSA_ALG_SP800_108_COUNTER_HMAC_BASE: "SP800_108_COUNTER_HMAC",
    v.PSA_ALG_TLS12_PRF_BASE: "TLS12_PRF",
    v.PSA_ALG_TLS12_PSK_TO_MS_BASE: "TLS12_PSK_TO_MS",
    v.PSA_ALG_PBKDF2_HMAC_BASE: "PBKDF2_HMAC",
    v.PSA_ALG_JPAKE_BASE: "JPAKE",
    v.PSA_ALG_SPAKE2P_HMAC_BASE: "SPAKE2P_HMAC",
    v.PSA_ALG_SPAKE2P_CMAC_BASE: "SPAKE2P_CMAC",
}
_KEY_TYPES: Final = {
    v.PSA_KEY_TYPE_RAW_DATA: "RAW_DATA",
    v.PSA_KEY_TYPE_HMAC: "HMAC",
    v.PSA_KEY_TYPE_DERIVE: "DERIVE",
    v.PSA_KEY_TYPE_PASSWORD: "PASSWORD",
    v.PSA_KEY_TYPE_PASSWORD_HASH: "PASSWORD_HASH",
    v.PSA_KEY_TYPE_PEPPER: "PEPPER",
    v.PSA_KEY_TYPE_AES: "AES",
    v.PSA_KEY_TYPE_CAMELLIA: "CAMELLIA",
    v.PSA_KEY_TYPE_DES: "DES",
    v.PSA_KEY_TYPE_ARC4: "ARC4",
    v.PSA_KEY_TYPE_CHACHA20: "CHACHA20",
    v.PSA_KEY_TYPE_XCHACHA20: "XCHACHA20",
    v.PSA_KEY_TYPE_RSA_PUBLIC_KEY: "RSA_PUBLIC_KEY",
    v.PSA_KEY_TYPE_RSA_KEY_PAIR: "RSA_KEY_PAIR",
    v.PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE: "ECC_PUBLIC_KEY",
    v.PSA_KEY_TYPE_ECC_KEY_PAIR_BASE: "ECC_KEY_PAIR",
    v.PSA_KEY_TYPE_DH_PUBLIC_KEY_BASE: "DH_PUBLIC_KEY",
    v.PSA_KEY_TYPE_DH_KEY_PAIR_BASE: "DH_KEY_PAIR",
    v.PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY_BASE: "SPAKE2P_PUBLIC_KEY",
    v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR_BASE: "SPAKE2P_KEY_PAIR",
}
_FAMILIES: Final = {
    v.PSA_ECC_FAMILY_SECP_R1: "SECP_R1",
    v.PSA_ECC_FAMILY_SECP_K1: "SECP_K1",
    v.PSA_ECC_FAMILY_BRAINPOOL_P_R1: "BRAINPOOL_P_R1",
    v.PSA_ECC_FAMILY_MONTGOMERY: "MONTGOMERY",
    v.PSA_ECC_FAMILY_TWISTED_EDWARDS: "TWISTED_EDWARDS",
}
_CURVES: Final = {
    "SECP_R1": (192, 224, 256, 384, 521),
    "SECP_K1": (256,),
    "BRAINPOOL_P_R1": (256, 384, 512),
    "MONTGOMERY": (255, 448),
    "TWISTED_EDWARDS": (255, 448),
}
_DH_BITS: Final = (2048, 3072, 4096, 6144, 8192)

PAIR_USES: Final = ("BASIC", "IMPORT", "EXPORT", "GENERATE", "DERIVE")
"""What a build may want of a type of key pairs, as PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_DERIVE."""
_UNDERIVED: Final = {"PSA_WANT_KEY_TYPE_RSA_KEY_PAIR_DERIVE"}


def _key_type_wants(name: str) -> set[str]:
    if not name.endswith("_KEY_PAIR"):
        return {f"PSA_WANT_KEY_TYPE_{name}"}
    return {f"PSA_WANT_KEY_TYPE_{name}_{use}" for use in PAIR_USES} - _UNDERIVED


EVERYTHING: Final = frozenset(
    {f"PSA_WANT_ALG_{name}" for name in (*_HASHES.values(), *_EXACT.values(), *_WITH_HASH.values())}
    | {want for name in _KEY_TYPES.values() for want in _key_type_wants(name)}
    | {f"PSA_WANT_ECC_{name}_{bits}" for name, sizes in _CURVES.items() for bits in sizes}
    | {f"PSA_WANT_DH_RFC7919_{bits}" for bits in _DH_BITS}
)
"""Every option that the model knows."""
LEGACY: Final = frozenset(
    {
        "PSA_WANT_ALG_MD5",
        "PSA_WANT_ALG_RIPEMD160",
        "PSA_WANT_KEY_TYPE_DES",
        "PSA_WANT_KEY_TYPE_ARC4",
    }
)
"""Broken algorithms, for those who must speak to old equipment."""
DEFAULT: Final = EVERYTHING - LEGACY

AES_ONLY_128: Final = "MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH"
"""The one option that takes something away: AES keys of 192 and 256 bits can be made, but not used."""


class Offer:
    """What is in and what is out of one build."""

    def __init__(self, wants: frozenset[str]) -> None:
        """Raises ValueError for a name that is not an option of the model, TypeError for what is no set."""
        if not isinstance(wants, frozenset | set):
            raise TypeError(f"crypto: wants {wants!r:.60}; legal: a set of build options")
        known = EVERYTHING | {AES_ONLY_128}
        if unknown := sorted(wants - known):
            raise ValueError(f"crypto: no build option {unknown[0]!r}; legal: {', '.join(sorted(known))}")
        self._wants = wants

    def alg(self, alg: int) -> bool:
        """Whether the algorithm is in, whatever its tag or MAC length and the hash within.

        A combined key agreement needs both its parts. A policy's wildcard is in when its members are.
        """
        if v.PSA_ALG_IS_KEY_AGREEMENT(alg) and not v.PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(alg):
            return self.alg(v.PSA_ALG_KEY_AGREEMENT_GET_BASE(alg)) and self.alg(
                v.PSA_ALG_KEY_AGREEMENT_GET_KDF(alg)
            )
        name = _algorithm_name(alg)
        return name is not None and f"PSA_WANT_ALG_{name}" in self._wants

    def key_type(self, key_type: int) -> bool:
        """Whether keys of this type are in, of whatever curve or group; a key pair by its BASIC option."""
        name = _key_type_name(key_type)
        if name is None:
            return False
        suffix = "_BASIC" if name.endswith("_KEY_PAIR") else ""
        return f"PSA_WANT_KEY_TYPE_{name}{suffix}" in self._wants

    def key_bits(self, key_type: int, bits: int) -> bool:
        """Whether a symmetric key of this size can be used.

        TF-PSA-Crypto mbedtls_aes_setkey_enc: in a build for AES-128 alone a longer key is NOT_SUPPORTED.
        """
        return key_type != v.PSA_KEY_TYPE_AES or bits == 128 or AES_ONLY_128 not in self._wants

    def key_pair(self, key_type: int, use: str) -> bool:
        """Whether key pairs of this type may be put to a use: IMPORT, EXPORT, GENERATE or DERIVE.

        True for every type that is in and not a key pair.
        """
        name = _key_type_name(key_type)
        if name is None or not name.endswith("_KEY_PAIR"):
            return self.key_type(key_type)
        return f"PSA_WANT_KEY_TYPE_{name}_{use}" in self._wants

    def curve(self, family: int, bits: int) -> bool:
        """Whether an elliptic curve, or the group of PSA_DH_FAMILY_RFC7919 of this size, is in."""
        if family == v.PSA_DH_FAMILY_RFC7919:
            return f"PSA_WANT_DH_RFC7919_{bits}" in self._wants
        return f"PSA_WANT_ECC_{_FAMILIES.get(family)}_{bits}" in self._wants


@lru_cache(maxsize=v.MACRO_CACHE_SIZE)
def _algorithm_name(alg: int) -> str | None:
    if v.PSA_ALG_IS_HASH(alg):
        return _HASHES.get(alg)
    if v.PSA_ALG_IS_MAC(alg):
        alg = v.PSA_ALG_FULL_LENGTH_MAC(alg)
    elif v.PSA_ALG_IS_AEAD(alg):
        alg = v.PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg)
    elif alg == v.PSA_ALG_CCM_STAR_ANY_TAG:
        alg = v.PSA_ALG_CCM_STAR_NO_TAG
    return _EXACT.get(alg) or _WITH_HASH.get(alg & ~v.PSA_ALG_HASH_MASK)


@lru_cache(maxsize=v.MACRO_CACHE_SIZE)
def _key_type_name(key_type: int) -> str | None:
    family = (v.PSA_KEY_TYPE_IS_ECC, v.PSA_KEY_TYPE_IS_DH, v.PSA_KEY_TYPE_IS_SPAKE2P)
    if any(belongs(key_type) for belongs in family):
        key_type &= ~v.PSA_KEY_TYPE_ECC_CURVE_MASK
    return _KEY_TYPES.get(key_type)
