"""What a hostile client draws from: functions and their vectors, algorithms, key attributes, lengths."""

from typing import Final

from support.asymmetric_keys import RSA_PAIR

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_pake import PSA_ALG_JPAKE, PSA_ALG_SPAKE2P_CMAC, PSA_ALG_SPAKE2P_HMAC
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.tfm.crypto import Function as F

PSA_CALLS: Final = tuple(F)
VECTORS: Final[dict[int, tuple[str, str]]] = {
    F.GENERATE_RANDOM: ("", "d"),
    F.GET_KEY_ATTRIBUTES: ("", "d"),
    F.IMPORT_KEY: ("ad", "h"),
    F.DESTROY_KEY: ("", ""),
    F.PURGE_KEY: ("", ""),
    F.COPY_KEY: ("a", "h"),
    F.GENERATE_KEY: ("a", "h"),
    F.GENERATE_KEY_CUSTOM: ("ad", "h"),
    F.EXPORT_KEY: ("", "d"),
    F.EXPORT_PUBLIC_KEY: ("", "d"),
    F.HASH_COMPARE: ("dd", ""),
    F.HASH_SETUP: ("", "h"),
    F.HASH_UPDATE: ("d", ""),
    F.HASH_CLONE: ("h", "h"),
    F.HASH_FINISH: ("", "hd"),
    F.HASH_VERIFY: ("d", "h"),
    F.HASH_ABORT: ("", "h"),
    F.CAN_DO_HASH: ("", "h"),
    F.HASH_SUSPEND: ("", "hd"),
    F.HASH_RESUME: ("d", "h"),
    F.MAC_VERIFY: ("dd", ""),
    F.MAC_SIGN_SETUP: ("", "h"),
    F.MAC_VERIFY_SETUP: ("", "h"),
    F.MAC_UPDATE: ("d", ""),
    F.MAC_SIGN_FINISH: ("", "hd"),
    F.MAC_VERIFY_FINISH: ("d", "h"),
    F.MAC_ABORT: ("", "h"),
    F.CIPHER_ENCRYPT_SETUP: ("", "h"),
    F.CIPHER_DECRYPT_SETUP: ("", "h"),
    F.CIPHER_GENERATE_IV: ("", "d"),
    F.CIPHER_SET_IV: ("d", ""),
    F.CIPHER_FINISH: ("", "hd"),
    F.CIPHER_ABORT: ("", "h"),
    F.CAN_DO_CIPHER: ("d", "h"),
    F.AEAD_ENCRYPT: ("dd", "d"),
    F.AEAD_DECRYPT: ("dd", "d"),
    F.AEAD_ENCRYPT_SETUP: ("", "h"),
    F.AEAD_DECRYPT_SETUP: ("", "h"),
    F.AEAD_GENERATE_NONCE: ("", "d"),
    F.AEAD_SET_NONCE: ("d", ""),
    F.AEAD_SET_LENGTHS: ("", ""),
    F.AEAD_UPDATE_AD: ("d", ""),
    F.AEAD_FINISH: ("", "hdd"),
    F.AEAD_VERIFY: ("d", "hd"),
    F.AEAD_ABORT: ("", "h"),
    F.VERIFY_MESSAGE: ("dd", ""),
    F.VERIFY_HASH: ("dd", ""),
    F.ASYMMETRIC_ENCRYPT: ("dd", "d"),
    F.ASYMMETRIC_DECRYPT: ("dd", "d"),
    F.KEY_DERIVATION_SETUP: ("", "h"),
    F.KEY_DERIVATION_GET_CAPACITY: ("", "h"),
    F.KEY_DERIVATION_SET_CAPACITY: ("", ""),
    F.KEY_DERIVATION_INPUT_BYTES: ("d", ""),
    F.KEY_DERIVATION_INPUT_KEY: ("", ""),
    F.KEY_DERIVATION_INPUT_INTEGER: ("", ""),
    F.KEY_DERIVATION_KEY_AGREEMENT: ("d", ""),
    F.KEY_DERIVATION_OUTPUT_BYTES: ("", "d"),
    F.KEY_DERIVATION_OUTPUT_KEY: ("a", "h"),
    F.KEY_DERIVATION_OUTPUT_KEY_CUSTOM: ("ad", "h"),
    F.KEY_DERIVATION_VERIFY_BYTES: ("d", ""),
    F.KEY_DERIVATION_VERIFY_KEY: ("", ""),
    F.KEY_DERIVATION_ABORT: ("", "h"),
    F.KEY_AGREEMENT: ("da", "h"),
    F.PAKE_SETUP: ("", "h"),
    F.PAKE_SET_ROLE: ("", ""),
    F.PAKE_SET_USER: ("d", ""),
    F.PAKE_SET_PEER: ("d", ""),
    F.PAKE_SET_CONTEXT: ("d", ""),
    F.PAKE_OUTPUT: ("", "d"),
    F.PAKE_INPUT: ("d", ""),
    F.PAKE_GET_SHARED_KEY: ("a", "hh"),
    F.PAKE_ABORT: ("", "h"),
}
"""Inputs behind the first, and outputs: d data, a attributes, h a handle. All others have a d of each."""

YIELDS_KEY: Final = frozenset(
    {
        *(F.IMPORT_KEY, F.COPY_KEY, F.GENERATE_KEY, F.GENERATE_KEY_CUSTOM, F.KEY_AGREEMENT),
        *(F.KEY_DERIVATION_OUTPUT_KEY, F.KEY_DERIVATION_OUTPUT_KEY_CUSTOM, F.PAKE_GET_SHARED_KEY),
    }
)
STARTS_OPERATION: Final = frozenset(
    {
        *(F.HASH_SETUP, F.HASH_CLONE, F.HASH_RESUME, F.MAC_SIGN_SETUP, F.MAC_VERIFY_SETUP),
        *(F.CIPHER_ENCRYPT_SETUP, F.CIPHER_DECRYPT_SETUP, F.AEAD_ENCRYPT_SETUP, F.AEAD_DECRYPT_SETUP),
        *(F.KEY_DERIVATION_SETUP, F.PAKE_SETUP),
    }
)
ENDS_OPERATION: Final = STARTS_OPERATION | {
    *(F.HASH_FINISH, F.HASH_VERIFY, F.HASH_ABORT, F.HASH_SUSPEND, F.MAC_SIGN_FINISH, F.MAC_VERIFY_FINISH),
    *(F.MAC_ABORT, F.CIPHER_FINISH, F.CIPHER_ABORT, F.AEAD_FINISH, F.AEAD_VERIFY, F.AEAD_ABORT),
    *(F.KEY_DERIVATION_ABORT, F.PAKE_ABORT, F.PAKE_GET_SHARED_KEY),
}
"""Functions that hand the operation's handle back, whatever became of the call."""

ALGS_OF_GROUP: Final[dict[int, tuple[int, ...]]] = {
    4: (0x03,),
    5: (0x04,),
    6: (0x05,),
    7: (0x06,),
    8: (0x07,),
    9: (0x08, 0x09),
    10: (0x0A,),
}
"""The categories of algorithms (bits 30-24) that belong to a group of functions."""

STEPS: Final = (0x101, 0x101, 0x102, 0x103, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 1, 2, 3, 4, 1, 0)
_SMALL: Final = (
    0,
    1,
    7,
    8,
    12,
    13,
    15,
    16,
    17,
    20,
    24,
    28,
    32,
    32,
    33,
    48,
    56,
    57,
    64,
    65,
    66,
    97,
    114,
    128,
    133,
)
LENGTHS: Final = (*_SMALL, *_SMALL, 256, 512, 513, 1023, 2048, 2049, 4096, 5060, 5120, 5121)
STORAGE_TYPES: Final = (1001, 1001, 1001, 1002, 1002, 1003, 1004, 1005, 1006, 1007, 0, 1008)

S256, ANY = v.PSA_ALG_SHA_256, v.PSA_ALG_ANY_HASH
KDFS: Final = (
    *(v.PSA_ALG_HKDF(S256), v.PSA_ALG_HKDF_EXTRACT(S256), v.PSA_ALG_HKDF_EXPAND(S256)),
    *(v.PSA_ALG_TLS12_PRF(S256), v.PSA_ALG_TLS12_PSK_TO_MS(S256), v.PSA_ALG_TLS12_ECJPAKE_TO_PMS),
    *(v.PSA_ALG_PBKDF2_HMAC(S256), v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_1), v.PSA_ALG_PBKDF2_AES_CMAC_PRF_128),
    *(v.PSA_ALG_SP800_108_COUNTER_HMAC(S256), v.PSA_ALG_SP800_108_COUNTER_CMAC),
    v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, v.PSA_ALG_HKDF(S256)),
    v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_FFDH, v.PSA_ALG_HKDF(S256)),
)
CIPHERS: Final = (
    *(v.PSA_ALG_ECB_NO_PADDING, v.PSA_ALG_CBC_NO_PADDING, v.PSA_ALG_CBC_PKCS7, v.PSA_ALG_CTR, v.PSA_ALG_CFB),
    *(v.PSA_ALG_OFB, v.PSA_ALG_XTS, v.PSA_ALG_CCM_STAR_NO_TAG, v.PSA_ALG_STREAM_CIPHER),
)
AEADS: Final = (
    *(v.PSA_ALG_GCM, v.PSA_ALG_CCM, v.PSA_ALG_CHACHA20_POLY1305),
    *(v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_GCM, n) for n in (1, 4, 12, 17)),
    *(v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_CCM, n) for n in (0, 3, 4, 14)),
    v.PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(v.PSA_ALG_GCM, 4),
)
MACS: Final = (
    *(v.PSA_ALG_HMAC(S256), v.PSA_ALG_HMAC(v.PSA_ALG_SHA3_512), v.PSA_ALG_CMAC, v.PSA_ALG_CBC_MAC),
    *(v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_HMAC(S256), n) for n in (1, 4, 33, 63)),
    v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(v.PSA_ALG_CMAC, 4),
)
SIGNATURES: Final = (
    *(v.PSA_ALG_ECDSA(ANY), v.PSA_ALG_ECDSA(S256), v.PSA_ALG_ECDSA_ANY, v.PSA_ALG_DETERMINISTIC_ECDSA(ANY)),
    *(
        v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_SHA_512),
        v.PSA_ALG_PURE_EDDSA,
        v.PSA_ALG_ED25519PH,
        v.PSA_ALG_ED448PH,
    ),
    *(v.PSA_ALG_RSA_PKCS1V15_SIGN(ANY), v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW, v.PSA_ALG_RSA_PSS(ANY)),
    *(v.PSA_ALG_RSA_PSS_ANY_SALT(ANY), v.PSA_ALG_RSA_PSS(v.PSA_ALG_SHA_512)),
)
ENCRYPTIONS: Final = (
    v.PSA_ALG_RSA_PKCS1V15_CRYPT,
    v.PSA_ALG_RSA_OAEP(S256),
    v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_512),
    v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_1),
)
PAKES: Final = (
    *(PSA_ALG_JPAKE(S256), PSA_ALG_JPAKE(v.PSA_ALG_SHA_512), PSA_ALG_JPAKE(ANY)),
    *(PSA_ALG_SPAKE2P_HMAC(S256), PSA_ALG_SPAKE2P_CMAC(S256), v.PSA_ALG_SPAKE2P_MATTER),
    PSA_ALG_SPAKE2P_HMAC(v.PSA_ALG_SHA_512),
)
ODD_ALGS: Final = (
    *(0, v.PSA_ALG_ECDH, v.PSA_ALG_FFDH, ANY, v.PSA_ALG_SHA_256, 0x020000FE, 2**32 - 1),
    *KDFS,
    *CIPHERS,
    *AEADS,
    *MACS,
    *SIGNATURES,
    *ENCRYPTIONS,
    *PAKES,
)

ALL: Final = v.PSA_KEY_USAGE_ALL


def _ask(key_type: int, bits: int, alg: int, alg2: int = 0) -> KeyAttributes:
    return KeyAttributes(key_type, bits, 0, ALL, alg, alg2)


AES, HMAC, DERIVE = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC, v.PSA_KEY_TYPE_DERIVE
ECC, ECC_PUBLIC = v.PSA_KEY_TYPE_ECC_KEY_PAIR, v.PSA_KEY_TYPE_ECC_PUBLIC_KEY
R1, K1, BRAINPOOL = v.PSA_ECC_FAMILY_SECP_R1, v.PSA_ECC_FAMILY_SECP_K1, v.PSA_ECC_FAMILY_BRAINPOOL_P_R1
MONTGOMERY, EDWARDS = v.PSA_ECC_FAMILY_MONTGOMERY, v.PSA_ECC_FAMILY_TWISTED_EDWARDS
ATTRIBUTE_SETS: Final = (
    *(_ask(AES, bits, alg, v.PSA_ALG_CMAC) for bits in (128, 192, 256) for alg in CIPHERS[:8]),
    *(_ask(AES, bits, alg, v.PSA_ALG_SP800_108_COUNTER_CMAC) for bits in (128, 256, 512) for alg in AEADS),
    *(_ask(AES, bits, v.PSA_ALG_XTS, v.PSA_ALG_GCM) for bits in (256, 384, 512)),
    _ask(v.PSA_KEY_TYPE_XCHACHA20, 256, v.PSA_ALG_STREAM_CIPHER, v.PSA_ALG_XCHACHA20_POLY1305),
    _ask(v.PSA_KEY_TYPE_CHACHA20, 256, v.PSA_ALG_CHACHA20_POLY1305, v.PSA_ALG_STREAM_CIPHER),
    *(_ask(v.PSA_KEY_TYPE_CAMELLIA, 128, alg, v.PSA_ALG_CBC_PKCS7) for alg in (*AEADS[:2], v.PSA_ALG_CMAC)),
    *(_ask(HMAC, bits, alg) for bits in (8, 256, 2048) for alg in MACS),
    *(_ask(DERIVE, bits, alg) for bits in (8, 256, 1024) for alg in KDFS),
    *(_ask(v.PSA_KEY_TYPE_PASSWORD, 64, alg, v.PSA_ALG_PBKDF2_HMAC(S256)) for alg in PAKES),
    *(_ask(v.PSA_KEY_TYPE_PASSWORD_HASH, 256, alg) for alg in KDFS[6:9]),
    _ask(v.PSA_KEY_TYPE_PEPPER, 128, v.PSA_ALG_PBKDF2_HMAC(S256)),
    _ask(v.PSA_KEY_TYPE_RAW_DATA, 128, v.PSA_ALG_HKDF(S256)),
    *(
        _ask(ECC(R1), bits, alg, v.PSA_ALG_ECDH)
        for bits in (192, 224, 256, 384, 521)
        for alg in SIGNATURES[:5]
    ),
    *(_ask(ECC(family), bits, SIGNATURES[0], KDFS[11]) for family in (K1, BRAINPOOL) for bits in (256, 384)),
    *(_ask(ECC(MONTGOMERY), bits, v.PSA_ALG_ECDH, KDFS[11]) for bits in (255, 448)),
    *(_ask(ECC(EDWARDS), bits, alg, v.PSA_ALG_PURE_EDDSA) for bits in (255, 448) for alg in SIGNATURES[5:8]),
    *(_ask(ECC_PUBLIC(R1), bits, SIGNATURES[0]) for bits in (0, 256)),
    *(_ask(ECC_PUBLIC(EDWARDS), bits, SIGNATURES[5]) for bits in (255, 448)),
    *(_ask(v.PSA_KEY_TYPE_DH_KEY_PAIR(3), bits, v.PSA_ALG_FFDH) for bits in (2048, 3072)),
    *(
        _ask(RSA_PAIR, bits, alg, enc)
        for bits in (1024, 1032)
        for alg in SIGNATURES[8:]
        for enc in ENCRYPTIONS[:2]
    ),
    *(_ask(v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(R1), bits, alg) for bits in (256, 384) for alg in PAKES[3:]),
    *(_ask(v.PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY(R1), 256, alg) for alg in PAKES[3:5]),
    _ask(v.PSA_KEY_TYPE_DES, 192, v.PSA_ALG_CBC_NO_PADDING, v.PSA_ALG_CMAC),
    _ask(v.PSA_KEY_TYPE_ARC4, 128, v.PSA_ALG_STREAM_CIPHER),
)
