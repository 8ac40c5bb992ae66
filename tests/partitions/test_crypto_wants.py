"""Build options of the crypto library: what PSA_WANT_* names stand for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_custom_key_parameters_t,
    psa_hash_operation_t,
    psa_key_derivation_operation_t,
    psa_mac_operation_t,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import AES_ONLY_128, DEFAULT, EVERYTHING, LEGACY, Offer

P256 = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
DH = v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919)


@pytest.mark.parametrize(
    "want, alg",
    [
        ("SHA_256", v.PSA_ALG_SHA_256),
        ("SHA3_512", v.PSA_ALG_SHA3_512),
        ("HMAC", v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256)),
        ("HMAC", v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256), 16)),
        ("HMAC", v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256), 16)),
        ("CMAC", v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_CMAC, 8)),
        ("CTR", v.PSA_ALG_CTR),
        ("CCM_STAR_NO_TAG", v.PSA_ALG_CCM_STAR_NO_TAG),
        ("CCM_STAR_NO_TAG", v.PSA_ALG_CCM_STAR_ANY_TAG),
        ("GCM", v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_GCM, 12)),
        ("CCM", v.PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(v.PSA_ALG_CCM, 4)),
        ("RSA_PKCS1V15_SIGN", v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW),
        ("RSA_PSS", v.PSA_ALG_RSA_PSS_ANY_SALT(v.PSA_ALG_SHA_256)),
        ("ECDSA", v.PSA_ALG_ECDSA_ANY),
        ("DETERMINISTIC_ECDSA", v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_ANY_HASH)),
        ("HKDF_EXPAND", v.PSA_ALG_HKDF_EXPAND(v.PSA_ALG_SHA_384)),
        ("PBKDF2_HMAC", v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256)),
        ("ECDH", v.PSA_ALG_ECDH),
        ("JPAKE", v.PSA_ALG_JPAKE(v.PSA_ALG_SHA_256)),
    ],
)
def test_an_algorithm_is_in_by_its_own_option_alone(want: str, alg: int) -> None:
    name = f"PSA_WANT_ALG_{want}"
    assert Offer(frozenset({name})).alg(alg)
    assert not Offer(EVERYTHING - {name}).alg(alg)


@pytest.mark.parametrize("alg", [0, 0x02000001, 0x020000FE, 0x03C0FF00, 0x0600AA09, 0x7F000000, 0x87654321])
def test_an_unknown_algorithm_is_never_in(alg: int) -> None:
    assert not Offer(EVERYTHING).alg(alg)


def test_a_combined_agreement_needs_both_parts() -> None:
    alg = v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256))
    both = frozenset({"PSA_WANT_ALG_ECDH", "PSA_WANT_ALG_PBKDF2_HMAC"})
    assert Offer(both).alg(alg)
    assert not any(Offer(both - {want}).alg(alg) for want in both)


def test_key_pairs_are_in_by_use() -> None:
    offer = Offer(EVERYTHING - {"PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_DERIVE"})
    assert offer.key_type(P256)
    assert offer.key_pair(P256, "GENERATE")
    assert not offer.key_pair(P256, "DERIVE")
    # TF-PSA-Crypto: there is no deriving of RSA and DH keys.
    assert not offer.key_pair(v.PSA_KEY_TYPE_RSA_KEY_PAIR, "DERIVE")
    assert offer.key_pair(DH, "DERIVE")
    assert offer.key_pair(v.PSA_KEY_TYPE_AES, "DERIVE")
    assert not Offer(EVERYTHING - {"PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_BASIC"}).key_type(P256)
    assert not Offer(EVERYTHING).key_type(v.PSA_KEY_TYPE_ARIA)


@pytest.mark.parametrize(
    "family, bits, known",
    [
        (v.PSA_ECC_FAMILY_SECP_R1, 256, True),
        (v.PSA_ECC_FAMILY_SECP_R1, 255, False),
        (v.PSA_ECC_FAMILY_MONTGOMERY, 448, True),
        (v.PSA_ECC_FAMILY_SECT_R1, 283, False),
        (v.PSA_DH_FAMILY_RFC7919, 2048, True),
        (v.PSA_DH_FAMILY_RFC7919, 1024, False),
    ],
)
def test_curves_and_groups(family: int, bits: int, known: bool) -> None:
    assert Offer(EVERYTHING).curve(family, bits) is known
    assert not Offer(frozenset()).curve(family, bits)


def test_the_default_is_everything_but_legacy() -> None:
    assert CryptoConfig().wants == DEFAULT == EVERYTHING - LEGACY
    offer = CryptoConfig().offer()
    assert offer.alg(v.PSA_ALG_SHA_1)
    assert not offer.alg(v.PSA_ALG_MD5)
    assert not offer.key_type(v.PSA_KEY_TYPE_DES)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="PSA_WANT_ALG_ROT13"):
        CryptoConfig(wants=frozenset({"PSA_WANT_ALG_ROT13"}))


@pytest.mark.parametrize(
    "module, call",
    [
        ("key_module", lambda ns: crypto.psa_destroy_key(ns, 0)),
        ("hash_module", lambda ns: crypto.psa_hash_setup(ns, psa_hash_operation_t(), v.PSA_ALG_SHA_256)),
        ("hash_module", lambda ns: crypto.psa_hash_update(ns, psa_hash_operation_t(), b"")),
        ("mac_module", lambda ns: crypto.psa_mac_update(ns, psa_mac_operation_t(), b"")),
        ("asym_sign_module", lambda ns: crypto.psa_sign_hash(ns, 1, 0x06000609, bytes(32), 64)[0]),
    ],
)
def test_a_module_left_out_answers_not_supported(module: str, call: Callable[[PsaClient], int]) -> None:
    """TF-M CRYPTO_*_MODULE_ENABLED: as an unknown group."""
    assert call(start_partitions(crypto=CryptoConfig()).ns) != PSA_ERROR_NOT_SUPPORTED
    left_out: dict[str, Any] = {module: False}
    without = replace(CryptoConfig(), **left_out)
    assert call(start_partitions(crypto=without).ns) == PSA_ERROR_NOT_SUPPORTED


def test_a_build_for_aes_128_makes_longer_keys_and_uses_none() -> None:
    """TF-PSA-Crypto mbedtls_aes_setkey_enc with MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH."""
    ns = start_partitions(crypto=CryptoConfig(wants=DEFAULT | {AES_ONLY_128})).ns
    usage = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_DERIVE

    def key(bits: int, alg: int) -> int:
        attributes = KeyAttributes(v.PSA_KEY_TYPE_AES, bits, usage=usage, alg=alg)
        status, key = crypto.psa_generate_key(ns, attributes)
        assert status == PSA_SUCCESS
        return key

    def derive(bits: int) -> int:
        operation = psa_key_derivation_operation_t()
        crypto.psa_key_derivation_setup(ns, operation, v.PSA_ALG_SP800_108_COUNTER_CMAC)
        secret = key(bits, v.PSA_ALG_SP800_108_COUNTER_CMAC)
        step = v.PSA_KEY_DERIVATION_INPUT_SECRET
        status = crypto.psa_key_derivation_input_key(ns, operation, step, secret)
        crypto.psa_key_derivation_abort(ns, operation)
        return status

    for bits, status in ((128, PSA_SUCCESS), (192, PSA_ERROR_NOT_SUPPORTED), (256, PSA_ERROR_NOT_SUPPORTED)):
        gcm, ctr, cmac = (key(bits, alg) for alg in (v.PSA_ALG_GCM, v.PSA_ALG_CTR, v.PSA_ALG_CMAC))
        assert crypto.psa_aead_encrypt(ns, gcm, v.PSA_ALG_GCM, bytes(12), None, b"", 16)[0] == status
        assert crypto.psa_cipher_encrypt(ns, ctr, v.PSA_ALG_CTR, b"", 16)[0] == status
        assert crypto.psa_mac_compute(ns, cmac, v.PSA_ALG_CMAC, b"", 16)[0] == status
        assert derive(bits) == status


@pytest.mark.parametrize("want", ["ECDSA", "DETERMINISTIC_ECDSA"])
def test_either_ecdsa_in_the_build_verifies_both(want: str) -> None:
    """Mbed TLS psa_verify_hash_builtin; to sign with one that one has to be in the build."""
    both = {"PSA_WANT_ALG_ECDSA", "PSA_WANT_ALG_DETERMINISTIC_ECDSA"}
    ns = start_partitions(crypto=CryptoConfig(wants=DEFAULT - both | {f"PSA_WANT_ALG_{want}"})).ns
    for name, alg in (
        ("ECDSA", v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)),
        ("DETERMINISTIC_ECDSA", v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_SHA_256)),
    ):
        usage = v.PSA_KEY_USAGE_SIGN_HASH | v.PSA_KEY_USAGE_VERIFY_HASH
        _, key = crypto.psa_generate_key(ns, KeyAttributes(P256, 256, usage=usage, alg=alg))
        status = PSA_SUCCESS if name == want else PSA_ERROR_NOT_SUPPORTED
        assert crypto.psa_sign_hash(ns, key, alg, bytes(32), 64)[0] == status
        assert crypto.psa_verify_hash(ns, key, alg, bytes(32), bytes(64)) == PSA_ERROR_INVALID_SIGNATURE
        assert crypto.psa_verify_message(ns, key, alg, b"", bytes(64)) == PSA_ERROR_INVALID_SIGNATURE


def test_without_extensions_the_functions_of_our_own_are_unknown() -> None:
    """TF-M's service has none of them, so it answers as for any unknown group."""
    ns = start_partitions(crypto=CryptoConfig(extensions=False, pake_module=False)).ns
    operation = psa_key_derivation_operation_t()
    crypto.psa_key_derivation_setup(ns, operation, v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256))
    custom = psa_custom_key_parameters_t()
    answers = {
        "generate_key_custom": crypto.psa_generate_key_custom(ns, KeyAttributes(), custom)[0],
        "hash_resume": crypto.psa_hash_resume(ns, psa_hash_operation_t(), b""),
        "key_agreement": crypto.psa_key_agreement(ns, 1, b"", v.PSA_ALG_ECDH, KeyAttributes())[0],
        "verify_bytes": crypto.psa_key_derivation_verify_bytes(ns, operation, b""),
        "verify_key": crypto.psa_key_derivation_verify_key(ns, operation, 1),
        "output_key_custom": (
            crypto.psa_key_derivation_output_key_custom(ns, KeyAttributes(), operation, custom)[0]
        ),
        "pake_setup": crypto.psa_pake_setup(ns, psa_pake_operation_t(), 1, psa_pake_cipher_suite_t()),
    }
    assert answers == dict.fromkeys(answers, PSA_ERROR_NOT_SUPPORTED)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"key_slots": 0}, ValueError, "CryptoConfig: key_slots 0; legal: 1 and up"),
        (
            {"concurrent_operations": -1},
            ValueError,
            "CryptoConfig: concurrent_operations -1; legal: 1 and up",
        ),
        ({"iovec_buffer_size": -1}, ValueError, "CryptoConfig: iovec_buffer_size -1; legal: 0 and up"),
        ({"wants": "PSA_WANT_ALG_GCM"}, TypeError, "crypto: wants 'PSA_WANT_ALG_GCM'; legal: a set"),
    ],
)
def test_a_configuration_that_cannot_be(change: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        CryptoConfig(**change)
