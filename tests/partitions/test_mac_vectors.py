"""MACs against RFC 2202, 2286, 4231, NIST SP 800-38B and FIPS 113: at once, in pieces, cut short."""

from collections.abc import Iterator

import pytest
from support.cipher_client import symmetric_key
from support.nist_vectors import cut, records
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_sizes import PSA_MAC_LENGTH
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_mac_operation_t
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
from tfm_sim.partitions.crypto.wants import DEFAULT, EVERYTHING

BOTH = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
HS256 = v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256)
HMAC_FILES = [
    (v.PSA_ALG_MD5, "rfc-2202-md5"),
    (v.PSA_ALG_SHA_1, "rfc-2202-sha1"),
    (v.PSA_ALG_RIPEMD160, "rfc-2286-ripemd160"),
    (v.PSA_ALG_SHA_224, "rfc-4231-sha224"),
    (v.PSA_ALG_SHA_256, "rfc-4231-sha256"),
    (v.PSA_ALG_SHA_384, "rfc-4231-sha384"),
    (v.PSA_ALG_SHA_512, "rfc-4231-sha512"),
]
# NIST's HMAC examples for SHA-3, sample 1: key 00 to 1f on, "Sample message for keylen<blocklen".
SHA3_SAMPLES = [
    (v.PSA_ALG_SHA3_224, 28, "332cfd59347fdb8e576e77260be4aba2d6dc53117b3bfb52c6d18c04"),
    (v.PSA_ALG_SHA3_256, 32, "4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205"),
]
CMAC_FILES = [
    (v.PSA_KEY_TYPE_AES, "nist-800-38b-aes128"),
    (v.PSA_KEY_TYPE_AES, "nist-800-38b-aes192"),
    (v.PSA_KEY_TYPE_AES, "nist-800-38b-aes256"),
    (v.PSA_KEY_TYPE_DES, "nist-800-38b-3des"),
]


@pytest.fixture(scope="module")
def client() -> PsaClient:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING)).ns


def _check(client: PsaClient, key_type: int, key: bytes, alg: int, message: bytes, mac: bytes) -> None:
    """Every function of the group agrees, and so do the MACs cut to 4 bytes and to all but one."""
    policy = v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(alg, 4)
    key_id = symmetric_key(client, key_type, policy, key, BOTH)
    for length in (0, 4, len(mac) - 1):
        asked = v.PSA_ALG_TRUNCATED_MAC(alg, length)
        wanted = mac[: length or len(mac)]
        assert PSA_MAC_LENGTH(key_type, 8 * len(key), asked) == len(wanted)
        answer = crypto.psa_mac_compute(client, key_id, asked, message, len(wanted))
        assert answer == (PSA_SUCCESS, wanted)
        assert crypto.psa_mac_verify(client, key_id, asked, message, wanted) == PSA_SUCCESS
        signing, verifying = psa_mac_operation_t(), psa_mac_operation_t()
        assert crypto.psa_mac_sign_setup(client, signing, key_id, asked) == PSA_SUCCESS
        assert crypto.psa_mac_verify_setup(client, verifying, key_id, asked) == PSA_SUCCESS
        for piece in cut(message, length + len(message)):
            assert crypto.psa_mac_update(client, signing, piece) == PSA_SUCCESS
            assert crypto.psa_mac_update(client, verifying, piece) == PSA_SUCCESS
        assert crypto.psa_mac_sign_finish(client, signing, len(wanted)) == (PSA_SUCCESS, wanted)
        assert crypto.psa_mac_verify_finish(client, verifying, wanted) == PSA_SUCCESS
        wrong = bytes((wanted[0] ^ 1,)) + wanted[1:]
        for other in (wrong, wanted[:-1], wanted + b"\0", b""):
            status = crypto.psa_mac_verify(client, key_id, asked, message, other)
            assert status == PSA_ERROR_INVALID_SIGNATURE
    crypto.psa_destroy_key(client, key_id)


def _hmac_vectors(name: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    for record in records(f"HMAC/{name}.txt", "Len"):
        key, message, mac = (bytes.fromhex(record[field]) for field in ("Key", "Msg", "MD"))
        yield key, message, mac


@pytest.mark.parametrize("hash_alg, name", HMAC_FILES)
def test_hmac(client: PsaClient, hash_alg: int, name: str) -> None:
    for key, message, mac in _hmac_vectors(name):
        _check(client, v.PSA_KEY_TYPE_HMAC, key, v.PSA_ALG_HMAC(hash_alg), message, mac)


@pytest.mark.parametrize("hash_alg, key_length, mac", SHA3_SAMPLES)
def test_hmac_sha3(client: PsaClient, hash_alg: int, key_length: int, mac: str) -> None:
    message = b"Sample message for keylen<blocklen"
    alg = v.PSA_ALG_HMAC(hash_alg)
    _check(client, v.PSA_KEY_TYPE_HMAC, bytes(range(key_length)), alg, message, bytes.fromhex(mac))


@pytest.mark.parametrize("key_type, name", CMAC_FILES)
def test_cmac(client: PsaClient, key_type: int, name: str) -> None:
    for record in records(f"CMAC/{name}.txt", "COUNT"):
        fields = ("KEY1", "KEY2", "KEY3") if key_type == v.PSA_KEY_TYPE_DES else ("KEY",)
        key = bytes.fromhex("".join(record[field] for field in fields))
        message, mac = bytes.fromhex(record["MESSAGE"]), bytes.fromhex(record["OUTPUT"])
        _check(client, key_type, key, v.PSA_ALG_CMAC, message, mac)


def test_cbc_mac(client: PsaClient) -> None:
    """FIPS 113, appendix 2: the last block is filled with zeros."""
    key, mac = bytes.fromhex("0123456789abcdef"), bytes.fromhex("f1d30f6849312ca4")
    message = b"7654321 Now is the time for "
    _check(client, v.PSA_KEY_TYPE_DES, key, v.PSA_ALG_CBC_MAC, message, mac)


@pytest.mark.parametrize("key_type", [v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_CAMELLIA])
@pytest.mark.parametrize("size", [0, 1, 16, 32, 40, 80])
def test_cbc_mac_by_ecb(client: PsaClient, key_type: int, size: int) -> None:
    """ISO/IEC 9797-1, algorithm 1 with padding 1, written out over ECB, whose vectors are elsewhere."""
    material, message = bytes(range(16)), bytes(range(size))
    ecb = symmetric_key(client, key_type, v.PSA_ALG_ECB_NO_PADDING, material)
    padded = message + bytes(-size % 16 if size else 16)
    state = bytes(16)
    for start in range(0, len(padded), 16):
        mixed = bytes(a ^ b for a, b in zip(state, padded[start : start + 16], strict=True))
        _, state = crypto.psa_cipher_encrypt(client, ecb, v.PSA_ALG_ECB_NO_PADDING, mixed, 16)
    _check(client, key_type, material, v.PSA_ALG_CBC_MAC, message, state)
    crypto.psa_destroy_key(client, ecb)


def _truncated(alg: int, length: int) -> int:
    return v.PSA_ALG_TRUNCATED_MAC(alg, length)


@pytest.mark.parametrize(
    "key_type, policy, alg, status",
    [
        # An HMAC key is no key for CMAC, a cipher key none for HMAC.
        (v.PSA_KEY_TYPE_HMAC, v.PSA_ALG_CMAC, v.PSA_ALG_CMAC, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_AES, HS256, HS256, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_RAW_DATA, HS256, HS256, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_CHACHA20, v.PSA_ALG_CMAC, v.PSA_ALG_CMAC, PSA_ERROR_INVALID_ARGUMENT),
        # Not a MAC at all.
        (v.PSA_KEY_TYPE_AES, v.PSA_ALG_CTR, v.PSA_ALG_CTR, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_HMAC, v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_256, PSA_ERROR_INVALID_ARGUMENT),
        # Longer than the whole, shorter than 4 bytes.
        (v.PSA_KEY_TYPE_HMAC, _truncated(HS256, 33), _truncated(HS256, 33), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_HMAC, _truncated(HS256, 3), _truncated(HS256, 3), PSA_ERROR_NOT_SUPPORTED),
        (
            v.PSA_KEY_TYPE_AES,
            _truncated(v.PSA_ALG_CMAC, 17),
            _truncated(v.PSA_ALG_CMAC, 17),
            PSA_ERROR_INVALID_ARGUMENT,
        ),
        (
            v.PSA_KEY_TYPE_AES,
            _truncated(v.PSA_ALG_CMAC, 1),
            _truncated(v.PSA_ALG_CMAC, 1),
            PSA_ERROR_NOT_SUPPORTED,
        ),
        # Unknown ones: a hash that there is not, a block cipher MAC that there is not.
        (v.PSA_KEY_TYPE_HMAC, 0x0380007F, 0x0380007F, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_AES, 0x03C00F00, 0x03C00F00, PSA_ERROR_NOT_SUPPORTED),
        # A policy for another MAC, or for longer ones.
        (v.PSA_KEY_TYPE_HMAC, HS256, v.PSA_ALG_HMAC(v.PSA_ALG_SHA_512), PSA_ERROR_NOT_PERMITTED),
        (v.PSA_KEY_TYPE_HMAC, HS256, _truncated(HS256, 16), PSA_ERROR_NOT_PERMITTED),
        (
            v.PSA_KEY_TYPE_HMAC,
            v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(HS256, 16),
            _truncated(HS256, 15),
            PSA_ERROR_NOT_PERMITTED,
        ),
    ],
)
def test_mac_setup(client: PsaClient, key_type: int, policy: int, alg: int, status: int) -> None:
    """MAC setup: the same answer of every function that takes key and algorithm."""
    length = 32 if key_type == v.PSA_KEY_TYPE_CHACHA20 else 16
    key = symmetric_key(client, key_type, policy, bytes(length), BOTH)
    operation = psa_mac_operation_t()
    assert crypto.psa_mac_compute(client, key, alg, b"abc", 64) == (status, b"")
    assert crypto.psa_mac_verify(client, key, alg, b"abc", bytes(16)) == status
    assert (crypto.psa_mac_sign_setup(client, operation, key, alg), operation.handle) == (status, 0)
    assert (crypto.psa_mac_verify_setup(client, operation, key, alg), operation.handle) == (status, 0)
    crypto.psa_destroy_key(client, key)


def test_a_usage_that_the_key_lacks_is_not_permitted(client: PsaClient) -> None:
    operation = psa_mac_operation_t()
    signs = symmetric_key(client, v.PSA_KEY_TYPE_AES, v.PSA_ALG_CMAC, bytes(16), v.PSA_KEY_USAGE_SIGN_MESSAGE)
    assert crypto.psa_mac_verify_setup(client, operation, signs, v.PSA_ALG_CMAC) == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_mac_verify(client, signs, v.PSA_ALG_CMAC, b"", b"") == PSA_ERROR_NOT_PERMITTED
    verifies = symmetric_key(
        client, v.PSA_KEY_TYPE_AES, v.PSA_ALG_CMAC, bytes(16), v.PSA_KEY_USAGE_VERIFY_MESSAGE
    )
    assert crypto.psa_mac_sign_setup(client, operation, verifies, v.PSA_ALG_CMAC) == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_mac_compute(client, verifies, v.PSA_ALG_CMAC, b"", 16)[0] == PSA_ERROR_NOT_PERMITTED


@pytest.mark.parametrize("key", [0, 1, 0x3FFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_unknown_key_is_an_invalid_handle(client: PsaClient, key: int) -> None:
    operation = psa_mac_operation_t()
    assert crypto.psa_mac_compute(client, key, HS256, b"", 64)[0] == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_mac_sign_setup(client, operation, key, HS256) == PSA_ERROR_INVALID_HANDLE


def test_a_small_buffer(client: PsaClient) -> None:
    key = symmetric_key(client, v.PSA_KEY_TYPE_AES, v.PSA_ALG_CMAC, bytes(16), BOTH)
    answer = crypto.psa_mac_compute(client, key, v.PSA_ALG_CMAC, b"abc", 15)
    assert answer == (PSA_ERROR_BUFFER_TOO_SMALL, b"")


def test_a_build_without_the_algorithm() -> None:
    """What the build leaves out is NOT_SUPPORTED, be it the MAC or the hash within."""
    wants = DEFAULT - {"PSA_WANT_ALG_CMAC", "PSA_WANT_ALG_SHA_512"}
    ns = start_partitions(crypto=CryptoConfig(wants=wants)).ns
    cmac = symmetric_key(ns, v.PSA_KEY_TYPE_AES, v.PSA_ALG_CMAC, bytes(16), BOTH)
    assert crypto.psa_mac_compute(ns, cmac, v.PSA_ALG_CMAC, b"", 16)[0] == PSA_ERROR_NOT_SUPPORTED
    alg = v.PSA_ALG_HMAC(v.PSA_ALG_SHA_512)
    attributes = KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=BOTH, alg=alg)
    _, key = crypto.psa_import_key(ns, attributes, b"key")
    assert crypto.psa_mac_compute(ns, key, alg, b"", 64)[0] == PSA_ERROR_NOT_SUPPORTED
