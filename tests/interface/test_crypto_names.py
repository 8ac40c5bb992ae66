"""Names of algorithms: what is printed is what C would write for that number."""

from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_names import (
    algorithm_text,
    derivation_step_text,
    key_type_text,
    pake_step_text,
)
from tfm_sim.interface.psa.crypto_types import KeyAttributes

NAMED = [value for name, value in vars(v).items() if name.startswith("PSA_ALG_") and isinstance(value, int)]


@pytest.mark.parametrize(
    ("alg", "text"),
    [
        (v.PSA_ALG_NONE, "PSA_ALG_NONE"),
        (v.PSA_ALG_SHA_256, "PSA_ALG_SHA_256"),
        (v.PSA_ALG_GCM, "PSA_ALG_GCM"),
        (v.PSA_ALG_HMAC(v.PSA_ALG_SHA_384), "PSA_ALG_HMAC(PSA_ALG_SHA_384)"),
        (v.PSA_ALG_ECDSA_ANY, "PSA_ALG_ECDSA_ANY"),
        (v.PSA_ALG_ECDSA(v.PSA_ALG_ANY_HASH), "PSA_ALG_ECDSA(PSA_ALG_ANY_HASH)"),
        (v.PSA_ALG_ED25519PH, "PSA_ALG_ED25519PH"),
        (v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_CMAC, 8), "PSA_ALG_TRUNCATED_MAC(PSA_ALG_CMAC, 8)"),
        (
            v.PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(v.PSA_ALG_CCM, 8),
            "PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(PSA_ALG_CCM, 8)",
        ),
        (
            v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)),
            "PSA_ALG_KEY_AGREEMENT(PSA_ALG_ECDH, PSA_ALG_HKDF(PSA_ALG_SHA_256))",
        ),
        (0x05500300, "algorithm 0x05500300"),
        (0xFFFFFFFF, "algorithm 0xffffffff"),
    ],
)
def test_an_algorithm_reads_as_in_c(alg: int, text: str) -> None:
    assert algorithm_text(alg) == text


@given(st.integers(0, 0xFFFFFFFF) | st.builds(xor, st.sampled_from(NAMED), st.integers(0, 0xFFFFFF)))
def test_what_is_printed_is_that_number_or_says_the_number(alg: int) -> None:
    text = algorithm_text(alg)
    assert text == f"algorithm {alg:#010x}" or eval(text, dict(vars(v))) == alg


def test_steps_have_names() -> None:
    assert derivation_step_text(v.PSA_KEY_DERIVATION_INPUT_SALT) == "PSA_KEY_DERIVATION_INPUT_SALT"
    assert derivation_step_text(0x999) == "step 0x999"
    assert pake_step_text(v.PSA_PAKE_STEP_ZK_PROOF) == "PSA_PAKE_STEP_ZK_PROOF"
    assert pake_step_text(0) == "step 0x0"


KEY_PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        (
            KeyAttributes(
                v.PSA_KEY_TYPE_AES,
                128,
                v.PSA_KEY_LIFETIME_PERSISTENT,
                v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT,
                v.PSA_ALG_GCM,
                id=7,
            ),
            "PSA_KEY_TYPE_AES, 128 bits, id 0x7, PSA_KEY_LIFETIME_PERSISTENT, "
            "PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT, PSA_ALG_GCM",
        ),
        (
            KeyAttributes(KEY_PAIR, 256, 0x80000101, 0, v.PSA_ALG_ECDH, v.PSA_ALG_ECDSA_ANY, 0x7FFF815D),
            "PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), 256 bits, id 0x7fff815d, "
            "persistence 0x1 in location 0x800001, 0x0, PSA_ALG_ECDH, PSA_ALG_ECDSA_ANY",
        ),
        (
            KeyAttributes(0x7299, usage=0x10001),
            "key type 0x7299, 0 bits, id 0x0, PSA_KEY_LIFETIME_VOLATILE, "
            "PSA_KEY_USAGE_EXPORT | 0x10000, PSA_ALG_NONE",
        ),
        (
            KeyAttributes(v.PSA_KEY_TYPE_DH_PUBLIC_KEY(v.PSA_DH_FAMILY_RFC7919), lifetime=0xFF),
            "PSA_KEY_TYPE_DH_PUBLIC_KEY(PSA_DH_FAMILY_RFC7919), 0 bits, id 0x0, "
            "persistence 0xff in location 0x0, 0x0, PSA_ALG_NONE",
        ),
    ],
)
def test_attributes_read_as_in_c(attributes: KeyAttributes, text: str) -> None:
    assert str(attributes) == text


@given(st.integers(0, 0xFFFF))
def test_a_key_type_is_printed_as_itself_or_says_its_number(key_type: int) -> None:
    text = key_type_text(key_type)
    assert text == f"key type {key_type:#06x}" or eval(text, dict(vars(v))) == key_type
