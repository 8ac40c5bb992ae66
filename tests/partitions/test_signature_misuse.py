"""Asymmetric signatures: what they refuse, and when (PSA Crypto 1.2, 10.7)."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import load_der_private_key
from support.asymmetric_keys import (
    EC_POINT,
    EC_SCALAR,
    RSA_PAIR,
    RSA_PUBLIC,
    ecc_pair,
    ecc_public,
    rsa_pair,
    rsa_public,
)
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_api import CryptoApi
from tfm_sim.interface.psa.crypto_sizes import PSA_SIGN_OUTPUT_SIZE
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import EVERYTHING

OK, SMALL, ARGUMENT = PSA_SUCCESS, PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_INVALID_ARGUMENT
HANDLE, WRONG = PSA_ERROR_INVALID_HANDLE, PSA_ERROR_INVALID_SIGNATURE
PERMITTED, SUPPORTED = PSA_ERROR_NOT_PERMITTED, PSA_ERROR_NOT_SUPPORTED

SHA_256, SHA_512 = v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_512
ES256, DET256, ES_ANY = v.PSA_ALG_ECDSA(SHA_256), v.PSA_ALG_DETERMINISTIC_ECDSA(SHA_256), v.PSA_ALG_ECDSA_ANY
RS256, RS512, RAW = (
    v.PSA_ALG_RSA_PKCS1V15_SIGN(SHA_256),
    v.PSA_ALG_RSA_PKCS1V15_SIGN(SHA_512),
    v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW,
)
PS256, PS512, PS256_ANY = (
    v.PSA_ALG_RSA_PSS(SHA_256),
    v.PSA_ALG_RSA_PSS(SHA_512),
    v.PSA_ALG_RSA_PSS_ANY_SALT(SHA_256),
)
PURE, ED25519PH, ED448PH = v.PSA_ALG_PURE_EDDSA, v.PSA_ALG_ED25519PH, v.PSA_ALG_ED448PH
ES_RIPEMD = v.PSA_ALG_ECDSA(v.PSA_ALG_RIPEMD160)
ES_ANY_HASH = v.PSA_ALG_ECDSA(v.PSA_ALG_ANY_HASH)
EDWARDS, MONTGOMERY = v.PSA_ECC_FAMILY_TWISTED_EDWARDS, v.PSA_ECC_FAMILY_MONTGOMERY
ALL = (
    v.PSA_KEY_USAGE_SIGN_HASH
    | v.PSA_KEY_USAGE_SIGN_MESSAGE
    | v.PSA_KEY_USAGE_VERIFY_HASH
    | v.PSA_KEY_USAGE_VERIFY_MESSAGE
)
DIGEST = bytes(range(32))

KEYS = {
    "ec": (ecc_pair(), EC_SCALAR),
    "ec public": (ecc_public(), EC_POINT),
    "rsa": (RSA_PAIR, rsa_pair()),
    "rsa 512": (RSA_PAIR, rsa_pair(512)),
    "rsa public": (RSA_PUBLIC, rsa_public()),
    "ed25519": (ecc_pair(EDWARDS), bytes(32)),
    "ed448": (ecc_pair(EDWARDS), bytes(57)),
    "x25519": (ecc_pair(MONTGOMERY), bytes(32)),
    "dh": (v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919), bytes(255) + b"\2"),
    "aes": (v.PSA_KEY_TYPE_AES, bytes(16)),
    "hmac": (v.PSA_KEY_TYPE_HMAC, bytes(16)),
}


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


def with_key(device: PartitionBench, name: str, alg: int, usage: int = ALL) -> int:
    kind, data = KEYS[name]
    status, key = crypto.psa_import_key(device.ns, KeyAttributes(kind, usage=usage, alg=alg), data)
    assert status == PSA_SUCCESS
    return key


@pytest.mark.parametrize(
    "key, alg, of_hash, of_message",
    [
        ("ec", ES256, OK, OK),
        ("ec", DET256, OK, OK),
        ("ec", ES_ANY, OK, ARGUMENT),
        ("ec", RS256, ARGUMENT, ARGUMENT),
        ("ec", PS256, ARGUMENT, ARGUMENT),
        ("ec", PURE, ARGUMENT, ARGUMENT),
        ("ec", ES_ANY_HASH, ARGUMENT, ARGUMENT),
        ("ec", ES_RIPEMD, SUPPORTED, SUPPORTED),
        ("ec", v.PSA_ALG_ECDSA(0x020000FE), SUPPORTED, SUPPORTED),
        ("ec", v.PSA_ALG_ECDH, ARGUMENT, ARGUMENT),
        ("ec", v.PSA_ALG_HMAC(SHA_256), ARGUMENT, ARGUMENT),
        ("ec", SHA_256, ARGUMENT, ARGUMENT),
        ("ec", 0x06FE0000, ARGUMENT, ARGUMENT),
        ("ec", 0, ARGUMENT, ARGUMENT),
        ("ec", v.PSA_ALG_DETERMINISTIC_ECDSA(0), ARGUMENT, ARGUMENT),
        ("rsa", v.PSA_ALG_RSA_PSS(0), ARGUMENT, ARGUMENT),
        ("rsa", v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_SHAKE256_512), ARGUMENT, SUPPORTED),
        ("ec public", ES256, ARGUMENT, ARGUMENT),
        ("rsa", RS256, OK, OK),
        ("rsa", RAW, OK, ARGUMENT),
        ("rsa", PS256, OK, OK),
        ("rsa", PS256_ANY, OK, OK),
        ("rsa", ES256, ARGUMENT, ARGUMENT),
        ("rsa", PURE, ARGUMENT, ARGUMENT),
        ("rsa", v.PSA_ALG_RSA_PKCS1V15_CRYPT, ARGUMENT, ARGUMENT),
        ("rsa", RS512, ARGUMENT, OK),
        ("rsa 512", PS256, OK, OK),
        ("rsa 512", PS512, ARGUMENT, ARGUMENT),
        ("rsa 512", RS512, ARGUMENT, ARGUMENT),
        ("rsa public", RS256, ARGUMENT, ARGUMENT),
        ("ed25519", PURE, ARGUMENT, OK),
        ("ed25519", ED25519PH, ARGUMENT, OK),
        ("ed25519", ED448PH, ARGUMENT, ARGUMENT),
        ("ed25519", ES256, ARGUMENT, ARGUMENT),
        ("ed448", PURE, ARGUMENT, OK),
        ("ed448", ED448PH, ARGUMENT, OK),
        ("ed448", ED25519PH, ARGUMENT, ARGUMENT),
        ("x25519", ES256, ARGUMENT, ARGUMENT),
        ("x25519", PURE, ARGUMENT, ARGUMENT),
        ("dh", ES256, SUPPORTED, SUPPORTED),
        ("aes", ES256, ARGUMENT, ARGUMENT),
        ("hmac", ES256, ARGUMENT, ARGUMENT),
    ],
)
def test_sign_by_key_and_algorithm(
    device: PartitionBench, key: str, alg: int, of_hash: int, of_message: int
) -> None:
    """The input has 32 bytes, the policy allows the algorithm, and room is there."""
    key_id = with_key(device, key, alg)
    assert crypto.psa_sign_hash(device.ns, key_id, alg, DIGEST, 200)[0] == of_hash
    assert crypto.psa_sign_message(device.ns, key_id, alg, DIGEST, 200)[0] == of_message
    crypto.psa_destroy_key(device.ns, key_id)


@pytest.mark.parametrize(
    "key, alg, of_hash, of_message",
    [
        ("ec", ES256, WRONG, WRONG),
        ("ec public", ES256, WRONG, WRONG),
        ("ec public", DET256, WRONG, WRONG),
        ("ec public", ES_ANY, WRONG, ARGUMENT),
        ("ec public", RS256, ARGUMENT, ARGUMENT),
        ("ec public", PURE, ARGUMENT, ARGUMENT),
        ("ec public", ES_ANY_HASH, ARGUMENT, ARGUMENT),
        ("ec public", ES_RIPEMD, SUPPORTED, SUPPORTED),
        ("ec public", v.PSA_ALG_HMAC(SHA_256), ARGUMENT, ARGUMENT),
        ("rsa public", RS256, WRONG, WRONG),
        ("rsa public", RAW, WRONG, ARGUMENT),
        ("rsa public", PS256, WRONG, WRONG),
        ("rsa public", PS256_ANY, WRONG, WRONG),
        ("rsa public", RS512, ARGUMENT, WRONG),
        ("rsa public", ES256, ARGUMENT, ARGUMENT),
        ("rsa 512", PS512, ARGUMENT, WRONG),
        ("ed25519", PURE, ARGUMENT, WRONG),
        ("ed25519", ED25519PH, ARGUMENT, WRONG),
        ("ed448", ED25519PH, ARGUMENT, ARGUMENT),
        ("x25519", ES256, ARGUMENT, ARGUMENT),
        ("dh", ES256, SUPPORTED, SUPPORTED),
        ("aes", ES256, SUPPORTED, ARGUMENT),
        ("hmac", ES256, SUPPORTED, ARGUMENT),
    ],
)
@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(96), b"\xff" * 96, bytes(114)])
def test_verify_by_key_and_algorithm(
    device: PartitionBench, key: str, alg: int, of_hash: int, of_message: int, signature: bytes
) -> None:
    """A signature of whatever length that is none."""
    key_id = with_key(device, key, alg)
    assert crypto.psa_verify_hash(device.ns, key_id, alg, DIGEST, signature) == of_hash
    assert crypto.psa_verify_message(device.ns, key_id, alg, DIGEST, signature) == of_message
    crypto.psa_destroy_key(device.ns, key_id)


@pytest.mark.parametrize(
    "usage, sign_hash, sign_message, verify_hash, verify_message",
    [
        (0, PERMITTED, PERMITTED, PERMITTED, PERMITTED),
        (v.PSA_KEY_USAGE_SIGN_HASH, OK, OK, PERMITTED, PERMITTED),
        (v.PSA_KEY_USAGE_SIGN_MESSAGE, PERMITTED, OK, PERMITTED, PERMITTED),
        (v.PSA_KEY_USAGE_VERIFY_HASH, PERMITTED, PERMITTED, WRONG, WRONG),
        (v.PSA_KEY_USAGE_VERIFY_MESSAGE, PERMITTED, PERMITTED, PERMITTED, WRONG),
        (v.PSA_KEY_USAGE_EXPORT, PERMITTED, PERMITTED, PERMITTED, PERMITTED),
    ],
)
@pytest.mark.parametrize("key, alg", [("ec", ES256), ("rsa", RS256), ("rsa", PS256)])
def test_usage(
    device: PartitionBench,
    key: str,
    alg: int,
    usage: int,
    sign_hash: int,
    sign_message: int,
    verify_hash: int,
    verify_message: int,
) -> None:
    key_id, client = with_key(device, key, alg, usage), device.ns
    assert crypto.psa_sign_hash(client, key_id, alg, DIGEST, 100)[0] == sign_hash
    assert crypto.psa_sign_message(client, key_id, alg, DIGEST, 100)[0] == sign_message
    assert crypto.psa_verify_hash(client, key_id, alg, DIGEST, b"") == verify_hash
    assert crypto.psa_verify_message(client, key_id, alg, DIGEST, b"") == verify_message
    crypto.psa_destroy_key(client, key_id)


@pytest.mark.parametrize(
    "policy, alg, status",
    [
        (RS256, RS512, PERMITTED),
        (RS256, PS256, PERMITTED),
        (PS256, PS256_ANY, PERMITTED),
        (PS256_ANY, PS256, PERMITTED),
        (v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_ANY_HASH), RAW, OK),
        (v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_ANY_HASH), RS256, OK),
        (v.PSA_ALG_RSA_PSS(v.PSA_ALG_ANY_HASH), PS256, OK),
        (v.PSA_ALG_RSA_PSS(v.PSA_ALG_ANY_HASH), PS256_ANY, PERMITTED),
        (v.PSA_ALG_RSA_PKCS1V15_CRYPT, RS256, PERMITTED),
    ],
)
def test_policy(device: PartitionBench, policy: int, alg: int, status: int) -> None:
    key = with_key(device, "rsa", policy)
    assert crypto.psa_sign_hash(device.ns, key, alg, DIGEST, 96)[0] == status
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize(
    "key, bits, alg",
    [
        ("ec", 256, ES256),
        ("ec", 256, DET256),
        ("rsa", 768, RS256),
        ("rsa", 768, PS256),
        ("ed25519", 255, PURE),
        ("ed25519", 255, ED25519PH),
        ("ed448", 448, PURE),
    ],
)
def test_room_for_the_signature(device: PartitionBench, key: str, bits: int, alg: int) -> None:
    """PSA_SIGN_OUTPUT_SIZE is enough and not too much; an empty buffer is refused before an unknown key."""
    key_id, size = with_key(device, key, alg), PSA_SIGN_OUTPUT_SIZE(KEYS[key][0], bits, alg)
    status, signature = crypto.psa_sign_message(device.ns, key_id, alg, b"message", size)
    assert (status, len(signature)) == (OK, size)
    assert crypto.psa_verify_message(device.ns, key_id, alg, b"message", signature) == OK
    assert crypto.psa_verify_message(device.ns, key_id, alg, b"massage", signature) == WRONG
    assert crypto.psa_verify_message(device.ns, key_id, alg, b"message", signature + b"\0") == WRONG
    # The same numbers with a zero in front are no signature in PSA's format.
    for padded in (
        b"\0" + signature,
        signature[: len(signature) // 2] + b"\0" + signature[len(signature) // 2 :],
    ):
        assert crypto.psa_verify_message(device.ns, key_id, alg, b"message", padded) == WRONG
    for room in (0, 1, size - 1):
        assert crypto.psa_sign_message(device.ns, key_id, alg, b"message", room) == (SMALL, b"")
    crypto.psa_destroy_key(device.ns, key_id)
    assert crypto.psa_sign_message(device.ns, key_id, alg, b"message", 0)[0] == SMALL
    assert crypto.psa_sign_message(device.ns, key_id, alg, b"message", size)[0] == HANDLE
    assert crypto.psa_verify_message(device.ns, key_id, alg, b"message", signature) == HANDLE


@pytest.mark.parametrize(
    "key, alg, length, status",
    [
        ("ec", ES256, 31, ARGUMENT),
        ("ec", ES256, 33, ARGUMENT),
        ("ec", ES256, 0, ARGUMENT),
        ("ec", ES_ANY, 0, OK),
        ("ec", ES_ANY, 100, OK),
        ("rsa", RS256, 31, ARGUMENT),
        ("rsa", PS256, 33, ARGUMENT),
        ("rsa", RAW, 0, OK),
        ("rsa", RAW, 85, OK),
        ("rsa", RAW, 86, ARGUMENT),
        ("ed25519", ED25519PH, 63, ARGUMENT),
        ("ed25519", ED25519PH, 64, OK),
        ("ed448", ED448PH, 64, OK),
    ],
)
def test_length_of_the_hash(device: PartitionBench, key: str, alg: int, length: int, status: int) -> None:
    """A wrong length comes before a small buffer; what signs verifies, and not what is longer or changed."""
    key_id, client, digest = with_key(device, key, alg), device.ns, b"\xa5" * length
    found, signature = crypto.psa_sign_hash(client, key_id, alg, digest, 200)
    assert found == status
    if status == OK:
        assert crypto.psa_verify_hash(client, key_id, alg, digest, signature) == OK
        if digest:
            changed = b"\xa4" + digest[1:]
            assert crypto.psa_verify_hash(client, key_id, alg, changed, signature) == WRONG
    else:
        assert crypto.psa_verify_hash(client, key_id, alg, digest, bytes(96)) == ARGUMENT
    crypto.psa_destroy_key(client, key_id)


def test_hash_that_is_too_long_for_the_key(device: PartitionBench) -> None:
    """Mbed TLS: INVALID_ARGUMENT for PKCS#1 v1.5, INVALID_SIGNATURE for PSS; the signature's length first."""
    for alg, status in ((RS512, ARGUMENT), (PS512, WRONG)):
        key = with_key(device, "rsa 512", alg)
        assert crypto.psa_verify_hash(device.ns, key, alg, bytes(64), bytes(63)) == WRONG
        assert crypto.psa_verify_hash(device.ns, key, alg, bytes(64), bytes(64)) == status
        crypto.psa_destroy_key(device.ns, key)


def test_salts_of_pss(device: PartitionBench) -> None:
    """As long as the hash, or the longest that fits a small key: the library finds them so."""
    for name, hash_, library, length in (("rsa", SHA_256, SHA256(), 32), ("rsa", SHA_512, SHA512(), 30)):
        alg = v.PSA_ALG_RSA_PSS(hash_)
        key = with_key(device, name, alg)
        _, signature = crypto.psa_sign_message(device.ns, key, alg, b"message", 96)
        private = load_der_private_key(KEYS[name][1], None)
        assert isinstance(private, RSAPrivateKey)
        pss = padding.PSS(padding.MGF1(library), length)
        private.public_key().verify(signature, b"message", pss, library)
        other = private.sign(b"message", padding.PSS(padding.MGF1(library), length - 8), library)
        assert crypto.psa_verify_message(device.ns, key, alg, b"message", other) == WRONG
        crypto.psa_destroy_key(device.ns, key)
        any_salt = v.PSA_ALG_RSA_PSS_ANY_SALT(hash_)
        key = with_key(device, name, any_salt)
        assert crypto.psa_verify_message(device.ns, key, any_salt, b"message", other) == OK
        crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize("alg", [PS256, PS256_ANY, ES256, ES_ANY])
def test_randomised_signatures_differ_and_repeat_by_seed(alg: int) -> None:
    name, config = "rsa" if v.PSA_ALG_IS_RSA_PSS(alg) else "ec", CryptoConfig(deterministic_ecdsa=False)

    def signatures(seed: int) -> list[bytes]:
        device = start_partitions(crypto=config, seed=seed)
        key = with_key(device, name, alg)
        return [CryptoApi(device.ns).sign_hash(key, alg, DIGEST) for _ in range(2)]

    first, again, other = signatures(1), signatures(1), signatures(2)
    assert first == again
    assert len({*first, *other}) == 4


@pytest.mark.parametrize(
    "left_out, key, alg",
    [
        ("PSA_WANT_ALG_RSA_PSS", "rsa", PS256),
        ("PSA_WANT_ALG_RSA_PKCS1V15_SIGN", "rsa", RAW),
        ("PSA_WANT_ALG_PURE_EDDSA", "ed25519", PURE),
        ("PSA_WANT_ALG_SHA_256", "ec", ES256),
    ],
)
def test_what_the_build_leaves_out_is_not_supported(left_out: str, key: str, alg: int) -> None:
    device = start_partitions(crypto=CryptoConfig(wants=EVERYTHING - {left_out}))
    key_id = with_key(device, key, alg)
    if alg != RAW:
        assert crypto.psa_sign_message(device.ns, key_id, alg, DIGEST, 96)[0] == SUPPORTED
    if alg != PURE:
        assert crypto.psa_sign_hash(device.ns, key_id, alg, DIGEST, 96)[0] == SUPPORTED
        assert crypto.psa_verify_hash(device.ns, key_id, alg, DIGEST, bytes(96)) == SUPPORTED


def test_module_left_out_is_not_supported() -> None:
    device = start_partitions(crypto=CryptoConfig(asym_sign_module=False))
    assert crypto.psa_sign_hash(device.ns, 0, ES256, DIGEST, 64)[0] == SUPPORTED
    assert crypto.psa_verify_message(device.ns, 0, ES256, b"", b"") == SUPPORTED


def test_every_hash_of_the_library_signs() -> None:
    """MD5 to SHA-3, with PKCS#1 v1.5, PSS and both kinds of ECDSA, checked by verifying."""
    device = start_partitions(crypto=replace(CryptoConfig(), wants=EVERYTHING))
    hashes = [v.PSA_ALG_CATEGORY_HASH | code for code in (3, 4, 5, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19)]
    for hash_alg in hashes:
        for name, alg in (
            ("rsa", v.PSA_ALG_RSA_PKCS1V15_SIGN(hash_alg)),
            ("rsa", v.PSA_ALG_RSA_PSS(hash_alg)),
            ("ec", v.PSA_ALG_ECDSA(hash_alg)),
            ("ec", v.PSA_ALG_DETERMINISTIC_ECDSA(hash_alg)),
        ):
            key = with_key(device, name, alg)
            status, signature = crypto.psa_sign_message(device.ns, key, alg, b"message", 96)
            assert (alg, status) == (alg, OK)
            assert crypto.psa_verify_message(device.ns, key, alg, b"message", signature) == OK
            crypto.psa_destroy_key(device.ns, key)
