"""PSA Crypto 1.2 numbers: what the macros of the specification yield."""

import pytest

from tfm_sim.interface.psa import crypto_sizes as sizes
from tfm_sim.interface.psa import crypto_values as v

P256_PAIR = 0x7112
P256_PUBLIC = 0x4112


@pytest.mark.parametrize(
    "found, wanted",
    [
        (v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1), P256_PAIR),
        (v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1), P256_PUBLIC),
        (v.PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(P256_PAIR), P256_PUBLIC),
        (v.PSA_KEY_TYPE_ECC_GET_FAMILY(P256_PAIR), 0x12),
        (v.PSA_KEY_TYPE_ECC_GET_FAMILY(v.PSA_KEY_TYPE_HMAC), 0),
        (v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256), 0x03800009),
        (v.PSA_ALG_TRUNCATED_MAC(0x03800009, 16), 0x03900009),
        (v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(0x03800009, 16), 0x03908009),
        (v.PSA_ALG_FULL_LENGTH_MAC(0x03908009), 0x03800009),
        (v.PSA_MAC_TRUNCATED_LENGTH(0x03900009), 16),
        (v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256), 0x06000609),
        (v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_SHA_384), 0x0600070A),
        (v.PSA_ALG_SIGN_GET_HASH(0x06000609), v.PSA_ALG_SHA_256),
        (v.PSA_ALG_SIGN_GET_HASH(v.PSA_ALG_ECDSA_ANY), 0),
        (v.PSA_ALG_SIGN_GET_HASH(v.PSA_ALG_PURE_EDDSA), 0),
        (v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256), 0x08000109),
        (v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(1, 0x800001), 0x80000101),
        (v.PSA_KEY_LIFETIME_GET_LOCATION(0x80000101), 0x800001),
        (v.PSA_KEY_LIFETIME_GET_PERSISTENCE(0x80000101), 1),
        (sizes.PSA_HASH_LENGTH(v.PSA_ALG_SHA_224), 28),
        (sizes.PSA_HASH_LENGTH(v.PSA_ALG_SHA_256), 32),
        (sizes.PSA_HASH_LENGTH(v.PSA_ALG_SHA_384), 48),
        (sizes.PSA_HASH_LENGTH(v.PSA_ALG_SHA_512), 64),
        (sizes.PSA_HASH_LENGTH(0x020000FE), 0),
        (sizes.PSA_SIGN_OUTPUT_SIZE(P256_PAIR, 256, 0x06000609), 64),
        (sizes.PSA_SIGN_OUTPUT_SIZE(P256_PAIR, 521, 0x0600060B), 132),
        (sizes.PSA_SIGN_OUTPUT_SIZE(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 2048, 0x06000209), 256),
        (sizes.PSA_SIGN_OUTPUT_SIZE(v.PSA_KEY_TYPE_HMAC, 256, 0x06000609), 0),
        (sizes.PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(P256_PAIR, 256), 65),
        (sizes.PSA_EXPORT_KEY_OUTPUT_SIZE(P256_PAIR, 521), 66),
        (sizes.PSA_EXPORT_KEY_OUTPUT_SIZE(P256_PUBLIC, 384), 97),
        (sizes.PSA_EXPORT_KEY_OUTPUT_SIZE(v.PSA_KEY_TYPE_AES, 128), 16),
        (sizes.PSA_MAC_LENGTH(v.PSA_KEY_TYPE_HMAC, 256, 0x03800009), 32),
        (sizes.PSA_MAC_LENGTH(v.PSA_KEY_TYPE_HMAC, 256, 0x03900009), 16),
        (sizes.PSA_BYTES_TO_BITS(66), 528),
    ],
)
def test_macro(found: int, wanted: int) -> None:
    assert found == wanted


@pytest.mark.parametrize(
    "alg, wildcard",
    [
        (v.PSA_ALG_ECDSA(v.PSA_ALG_ANY_HASH), True),
        (v.PSA_ALG_ANY_HASH, True),
        (v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(0x03800009, 8), True),
        (0x05508100, True),  # AEAD CCM of at least 16 bytes
        (v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256), False),
        (v.PSA_ALG_ECDSA_ANY, False),
        (0x03900009, False),
        (v.PSA_ALG_SHA_256, False),
        (v.PSA_ALG_NONE, False),
    ],
)
def test_wildcard(alg: int, wildcard: bool) -> None:
    assert v.PSA_ALG_IS_WILDCARD(alg) is wildcard


@pytest.mark.parametrize(
    "key_type, public, pair",
    [
        (P256_PAIR, False, True),
        (P256_PUBLIC, True, False),
        (v.PSA_KEY_TYPE_HMAC, False, False),
        (0x2400, False, False),
    ],
)
def test_key_type_category(key_type: int, public: bool, pair: bool) -> None:
    assert v.PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type) is public
    assert v.PSA_KEY_TYPE_IS_KEY_PAIR(key_type) is pair
    assert v.PSA_KEY_TYPE_IS_ASYMMETRIC(key_type) is (public or pair)
    assert v.PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type) is pair


@pytest.mark.parametrize(
    "alg, hmac, ecdsa",
    [
        (0x03800009, True, False),
        (0x03908009, True, False),
        (v.PSA_ALG_CMAC, False, False),
        (0x06000609, False, True),
        (0x06000709, False, True),
        (0x06000209, False, False),
    ],
)
def test_algorithm_family(alg: int, hmac: bool, ecdsa: bool) -> None:
    assert v.PSA_ALG_IS_HMAC(alg) is hmac
    assert v.PSA_ALG_IS_ECDSA(alg) is ecdsa
