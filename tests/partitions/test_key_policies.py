"""Key policies and what two of them have in common (PSA Crypto 1.2, 9.5.1 and psa_copy_key)."""

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.policy import check_policy
from tfm_sim.partitions.crypto.refusal import Refusal

AES, HMAC, RAW = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC, v.PSA_KEY_TYPE_RAW_DATA
RSA = v.PSA_KEY_TYPE_RSA_KEY_PAIR
ECC = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
ANY = v.PSA_ALG_ANY_HASH
S256, S384 = v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_384
NONE = v.PSA_ALG_NONE
GCM, CCM = v.PSA_ALG_GCM, v.PSA_ALG_CCM
NO_TAG, ANY_TAG = v.PSA_ALG_CCM_STAR_NO_TAG, v.PSA_ALG_CCM_STAR_ANY_TAG
HS256, CMAC = v.PSA_ALG_HMAC(S256), v.PSA_ALG_CMAC
HKDF = v.PSA_ALG_HKDF(S256)
ECDH_HKDF = v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, HKDF)
FFDH_HKDF = v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_FFDH, HKDF)
tag = v.PSA_ALG_AEAD_WITH_SHORTENED_TAG
tag_from = v.PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG
mac = v.PSA_ALG_TRUNCATED_MAC
mac_from = v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC

OK, NOT, BAD = PSA_SUCCESS, PSA_ERROR_NOT_PERMITTED, PSA_ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize(
    "key_type, policy, alg, status",
    [
        # An exact value, and none.
        (AES, GCM, GCM, OK),
        (AES, GCM, CCM, NOT),
        (AES, NONE, GCM, NOT),
        (AES, NONE, NONE, BAD),
        (AES, GCM, NONE, BAD),
        # PSA_ALG_ANY_HASH.
        (ECC, v.PSA_ALG_ECDSA(ANY), v.PSA_ALG_ECDSA(S384), OK),
        (ECC, v.PSA_ALG_ECDSA(ANY), v.PSA_ALG_ECDSA(ANY), BAD),
        (ECC, v.PSA_ALG_ECDSA(ANY), v.PSA_ALG_ECDSA_ANY, NOT),
        (ECC, v.PSA_ALG_ECDSA(ANY), v.PSA_ALG_DETERMINISTIC_ECDSA(S256), NOT),
        (ECC, v.PSA_ALG_DETERMINISTIC_ECDSA(ANY), v.PSA_ALG_DETERMINISTIC_ECDSA(S256), OK),
        (ECC, v.PSA_ALG_ECDSA_ANY, v.PSA_ALG_ECDSA(S256), NOT),
        (RSA, v.PSA_ALG_RSA_PKCS1V15_SIGN(ANY), v.PSA_ALG_RSA_PKCS1V15_SIGN(S256), OK),
        (RSA, v.PSA_ALG_RSA_PKCS1V15_SIGN(ANY), v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW, OK),
        (RSA, v.PSA_ALG_RSA_PKCS1V15_SIGN(ANY), v.PSA_ALG_RSA_PSS(S256), NOT),
        (RSA, v.PSA_ALG_RSA_PKCS1V15_SIGN(S256), v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW, NOT),
        (RSA, v.PSA_ALG_RSA_PSS(ANY), v.PSA_ALG_RSA_PSS(S256), OK),
        (RSA, v.PSA_ALG_RSA_PSS(ANY), v.PSA_ALG_RSA_PSS_ANY_SALT(S256), NOT),
        # Tags of a least length.
        (AES, tag_from(GCM, 8), tag(GCM, 8), OK),
        (AES, tag_from(GCM, 8), GCM, OK),
        (AES, tag_from(GCM, 8), tag(GCM, 4), NOT),
        (AES, tag_from(GCM, 8), tag(CCM, 8), NOT),
        (AES, tag_from(GCM, 8), tag_from(GCM, 8), BAD),
        (AES, tag(GCM, 8), GCM, NOT),
        (AES, GCM, tag(GCM, 16), OK),
        (AES, GCM, tag(GCM, 12), NOT),
        # MACs: exact, default and least lengths.
        (HMAC, HS256, mac(HS256, 32), OK),
        (HMAC, mac(HS256, 32), HS256, OK),
        (HMAC, HS256, mac(HS256, 31), NOT),
        (HMAC, mac(HS256, 16), HS256, NOT),
        (HMAC, mac_from(HS256, 16), mac(HS256, 16), OK),
        (HMAC, mac_from(HS256, 16), HS256, OK),
        (HMAC, mac_from(HS256, 16), mac(HS256, 15), NOT),
        (HMAC, mac_from(HS256, 16), mac(v.PSA_ALG_HMAC(S384), 16), NOT),
        (HMAC, mac_from(HS256, 16), mac_from(HS256, 16), BAD),
        (AES, CMAC, mac(CMAC, 16), OK),
        (AES, mac(CMAC, 16), CMAC, OK),
        (AES, mac_from(CMAC, 8), mac(CMAC, 8), OK),
        (AES, mac_from(CMAC, 8), mac(CMAC, 4), NOT),
        (AES, mac_from(HS256, 16), HS256, NOT),
        (HMAC, mac_from(CMAC, 8), CMAC, NOT),
        # CCM* with any tag.
        (AES, ANY_TAG, NO_TAG, OK),
        (AES, ANY_TAG, CCM, OK),
        (AES, ANY_TAG, tag(CCM, 4), OK),
        (AES, ANY_TAG, tag(CCM, 8), OK),
        (AES, ANY_TAG, tag(CCM, 16), OK),
        (AES, ANY_TAG, tag(CCM, 6), NOT),
        (AES, ANY_TAG, tag(CCM, 12), NOT),
        (AES, ANY_TAG, tag(CCM, 14), NOT),
        (AES, ANY_TAG, GCM, NOT),
        (AES, ANY_TAG, ANY_TAG, BAD),
        (AES, NO_TAG, CCM, NOT),
        # Key agreement alone and combined.
        (ECC, v.PSA_ALG_ECDH, v.PSA_ALG_ECDH, OK),
        (ECC, v.PSA_ALG_ECDH, ECDH_HKDF, OK),
        (ECC, ECDH_HKDF, v.PSA_ALG_ECDH, NOT),
        (ECC, v.PSA_ALG_FFDH, ECDH_HKDF, NOT),
        (ECC, ECDH_HKDF, FFDH_HKDF, NOT),
        (ECC, v.PSA_ALG_ECDH, HKDF, NOT),
    ],
)
def test_algorithm_of_a_policy(key_type: int, policy: int, alg: int, status: int) -> None:
    for attributes in (KeyAttributes(key_type, alg=policy), KeyAttributes(key_type, alg2=policy)):
        assert _status(attributes, 0, alg) == status


@pytest.mark.parametrize(
    "usage, wanted, alg, status",
    [
        (v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_ENCRYPT, GCM, OK),
        (v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DECRYPT, GCM, NOT),
        (v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DECRYPT, tag_from(GCM, 4), NOT),
        (v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_ENCRYPT, tag_from(GCM, 4), BAD),
        (v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DECRYPT, NONE, NOT),
    ],
)
def test_usage_counts_before_the_algorithm(usage: int, wanted: int, alg: int, status: int) -> None:
    assert _status(KeyAttributes(AES, usage=usage, alg=GCM), wanted, alg) == status


def _status(attributes: KeyAttributes, usage: int, alg: int) -> int:
    try:
        check_policy(attributes, usage, alg)
    except Refusal as refusal:
        return refusal.status
    return PSA_SUCCESS


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


ECDSA_ANY_HASH, ES256 = v.PSA_ALG_ECDSA(ANY), v.PSA_ALG_ECDSA(S256)


@pytest.mark.parametrize(
    "key_type, one, other, common",
    [
        (AES, GCM, GCM, GCM),
        (AES, GCM, CCM, None),
        (AES, GCM, NONE, NONE),
        (AES, NONE, NONE, NONE),
        (ECC, ECDSA_ANY_HASH, ES256, ES256),
        (ECC, ECDSA_ANY_HASH, ECDSA_ANY_HASH, ECDSA_ANY_HASH),
        (ECC, ECDSA_ANY_HASH, v.PSA_ALG_ECDSA_ANY, None),
        (ECC, ES256, v.PSA_ALG_ECDSA(S384), None),
        (ECC, ES256, v.PSA_ALG_DETERMINISTIC_ECDSA(ANY), None),
        (AES, tag_from(GCM, 8), tag_from(GCM, 12), tag_from(GCM, 12)),
        (AES, tag_from(GCM, 8), tag(GCM, 12), tag(GCM, 12)),
        (AES, tag_from(GCM, 12), tag(GCM, 8), None),
        (AES, tag_from(GCM, 8), tag_from(CCM, 8), None),
        (AES, tag(GCM, 12), tag(GCM, 8), None),
        (AES, mac_from(CMAC, 8), mac_from(CMAC, 4), mac_from(CMAC, 8)),
        (AES, mac_from(CMAC, 8), mac(CMAC, 8), mac(CMAC, 8)),
        (AES, mac_from(CMAC, 8), CMAC, CMAC),
        (AES, mac_from(CMAC, 8), mac(CMAC, 4), None),
        (AES, CMAC, mac(CMAC, 16), mac(CMAC, 16)),
        (AES, CMAC, mac(CMAC, 8), None),
        (AES, mac_from(HS256, 8), HS256, None),
        (HMAC, mac_from(HS256, 8), HS256, HS256),
        (HMAC, HS256, mac(HS256, 32), mac(HS256, 32)),
        (HMAC, HS256, mac_from(v.PSA_ALG_HMAC(S384), 8), None),
        (AES, ANY_TAG, NO_TAG, NO_TAG),
        (AES, ANY_TAG, tag(CCM, 8), tag(CCM, 8)),
        (AES, ANY_TAG, tag(CCM, 10), None),
        (ECC, v.PSA_ALG_ECDH, ECDH_HKDF, ECDH_HKDF),
        (ECC, v.PSA_ALG_FFDH, ECDH_HKDF, None),
    ],
)
def test_algorithm_of_a_copy(
    device: PartitionBench, key_type: int, one: int, other: int, common: int | None
) -> None:
    """psa_copy_key: what both policies allow, alg and alg2 apart, whichever of them is the source's."""
    bits, data = (256, b"\1" * 32)
    for ours, theirs in ((one, other), (other, one)):
        for field in ("alg", "alg2"):
            source_policy = {field: theirs}
            copy_policy = {field: ours}
            source = KeyAttributes(key_type, bits, usage=v.PSA_KEY_USAGE_COPY, **source_policy)
            _, key = crypto.psa_import_key(device.ns, source, data)
            status, copy = crypto.psa_copy_key(device.ns, key, KeyAttributes(**copy_policy))
            assert status == (BAD if common is None else PSA_SUCCESS)
            if common is not None:
                found = crypto.psa_get_key_attributes(device.ns, copy)[1]
                assert (found.alg, found.alg2) == ((common, 0) if field == "alg" else (0, common))
                assert crypto.psa_destroy_key(device.ns, copy) == PSA_SUCCESS
            assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
