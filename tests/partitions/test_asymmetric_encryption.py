"""Asymmetric encryption: published vectors, misuse, padding (PSA Crypto 1.2, 10.8)."""

import re
from functools import partial
from hashlib import sha1

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asymmetric_keys import (
    EC_POINT,
    EC_SCALAR,
    RSA_PAIR,
    RSA_PUBLIC,
    ecc_pair,
    ecc_public,
    pair_numbers,
    rsa_pair,
    rsa_public,
)
from support.asymmetric_vectors import Record, commented_examples, pair_der, read
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_PADDING,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto import rsa_padding
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair
from tfm_sim.partitions.crypto.wants import EVERYTHING

OK, SMALL, ARGUMENT = PSA_SUCCESS, PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_INVALID_ARGUMENT
PADDING, SUPPORTED = PSA_ERROR_INVALID_PADDING, PSA_ERROR_NOT_SUPPORTED
PERMITTED, HANDLE = PSA_ERROR_NOT_PERMITTED, PSA_ERROR_INVALID_HANDLE
PKCS1 = v.PSA_ALG_RSA_PKCS1V15_CRYPT
OAEP_1, OAEP_256 = v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_1), v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_256)
BOTH = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
KEYS = {
    "rsa": (RSA_PAIR, rsa_pair()),
    "rsa 512": (RSA_PAIR, rsa_pair(512)),
    "rsa public": (RSA_PUBLIC, rsa_public()),
    "ec": (ecc_pair(), EC_SCALAR),
    "ec public": (ecc_public(), EC_POINT),
    "aes": (v.PSA_KEY_TYPE_AES, bytes(16)),
}
N = pair_numbers()[1]


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


def with_key(device: PartitionBench, kind: int, data: bytes, alg: int, usage: int = BOTH) -> int:
    status, key = crypto.psa_import_key(device.ns, KeyAttributes(kind, usage=usage, alg=alg), data)
    assert status == PSA_SUCCESS
    return key


def decrypt(device: PartitionBench, data: bytes, alg: int, message: bytes, label: bytes = b"") -> bytes:
    key = with_key(device, RSA_PAIR, data, alg)
    status, plaintext = crypto.psa_asymmetric_decrypt(device.ns, key, alg, message, label, 512)
    crypto.psa_destroy_key(device.ns, key)
    assert status == OK
    return plaintext


def first(data: bytes, size: int) -> bytes:
    return data[:size]


def sha_1(data: bytes) -> bytes:
    return sha1(data).digest()


def whole_bytes(name: str) -> list[list[Record]]:
    """The keys of a file whose modulus fills its bytes: others are not in the model, as in Mbed TLS."""
    groups = list(commented_examples(name))
    return [group for group in groups if int(group[0]["Modulus"], 16).bit_length() % 8 == 0]


@pytest.mark.parametrize("group", whole_bytes("pkcs-1v2-1d2-vec/oaep-vect.txt"))
def test_pkcs1_vectors_of_oaep(device: PartitionBench, group: list[Record]) -> None:
    """SHA-1; with the seed given, the encryption is that of the vectors too."""
    data = pair_der(group[0])
    public = RsaKeyPair.decode(data).public
    for example in group[1:]:
        message, seed = bytes.fromhex(example["Message"]), bytes.fromhex(example["Seed"])
        encryption = bytes.fromhex(example["Encryption"])
        assert decrypt(device, data, OAEP_1, encryption) == message
        encoded = rsa_padding.encode_oaep(sha_1, message, b"", public.size, partial(first, seed))
        assert public.apply(int.from_bytes(encoded, "big")) == int.from_bytes(encryption, "big")


@pytest.mark.parametrize("hash_", ["224", "256", "384", "512"])
def test_vectors_of_oaep_with_sha_2(device: PartitionBench, hash_: str) -> None:
    alg = v.PSA_ALG_RSA_OAEP(getattr(v, f"PSA_ALG_SHA_{hash_}"))
    for group in whole_bytes(f"oaep-custom/oaep-sha{hash_}-sha{hash_}.txt")[:2]:
        for example in group[1:3]:
            plaintext = decrypt(device, pair_der(group[0]), alg, bytes.fromhex(example["Encryption"]))
            assert plaintext.hex() == example["Message"]


def labelled() -> list[tuple[str, str, str, str]]:
    pattern = r"KEY = (\w+).*?OAEPDigest = SHA(\d+)\nOAEPLabel = (\w+)\nInput = (\w+)"
    return re.findall(pattern, read("RSA/oaep-label.txt"), re.DOTALL)


@pytest.mark.parametrize("key, hash_, label, message", labelled())
def test_label_of_oaep(device: PartitionBench, key: str, hash_: str, label: str, message: str) -> None:
    """BoringSSL's, the label is PSA's salt."""
    private = load_der_private_key(bytes.fromhex(key), None)
    data = private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    alg = v.PSA_ALG_RSA_OAEP(getattr(v, f"PSA_ALG_SHA_{hash_}"))
    assert decrypt(device, data, alg, bytes.fromhex(message), bytes.fromhex(label)) == b"Hello World"
    key_id = with_key(device, RSA_PAIR, data, alg)
    status, _ = crypto.psa_asymmetric_decrypt(device.ns, key_id, alg, bytes.fromhex(message), b"x", 512)
    assert status == PADDING
    crypto.psa_destroy_key(device.ns, key_id)


@pytest.mark.parametrize("group", whole_bytes("pkcs1v15crypt-vectors.txt"))
def test_pkcs1_vectors_of_pkcs1v15_encryption(device: PartitionBench, group: list[Record]) -> None:
    """With the padding given, the encryption is that of the vectors too."""
    data = pair_der(group[0])
    public = RsaKeyPair.decode(data).public
    for example in group[1:4]:
        message, seed = bytes.fromhex(example["Message"]), bytes.fromhex(example["Seed"])
        encryption = bytes.fromhex(example["Encryption"])
        assert decrypt(device, data, PKCS1, encryption) == message
        encoded = rsa_padding.encode_pkcs1v15(message, public.size, partial(first, seed))
        assert public.apply(int.from_bytes(encoded, "big")) == int.from_bytes(encryption, "big")


@pytest.mark.parametrize(
    "key, alg, salt, to_encrypt, to_decrypt",
    [
        ("rsa", PKCS1, b"", OK, PADDING),
        ("rsa", PKCS1, b"salt", ARGUMENT, ARGUMENT),
        ("rsa", OAEP_256, b"", OK, PADDING),
        ("rsa", OAEP_256, b"label", OK, PADDING),
        ("rsa", v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_512), b"", ARGUMENT, ARGUMENT),
        ("rsa", v.PSA_ALG_RSA_OAEP(v.PSA_ALG_MD5), b"", SUPPORTED, SUPPORTED),
        ("rsa", v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_SHA_256), b"", ARGUMENT, ARGUMENT),
        ("rsa", v.PSA_ALG_CTR, b"", ARGUMENT, ARGUMENT),
        ("rsa", 0, b"", ARGUMENT, ARGUMENT),
        ("rsa public", PKCS1, b"", OK, ARGUMENT),
        ("rsa public", OAEP_256, b"label", OK, ARGUMENT),
        ("ec", PKCS1, b"", SUPPORTED, SUPPORTED),
        ("ec public", PKCS1, b"", SUPPORTED, ARGUMENT),
        ("ec public", OAEP_256, b"", SUPPORTED, ARGUMENT),
        ("aes", PKCS1, b"", ARGUMENT, ARGUMENT),
        ("aes", PKCS1, b"salt", ARGUMENT, ARGUMENT),
    ],
)
def test_by_key_and_algorithm(
    device: PartitionBench, key: str, alg: int, salt: bytes, to_encrypt: int, to_decrypt: int
) -> None:
    """A message of 2 bytes, and one of the modulus's length that nobody encrypted."""
    key_id, client = with_key(device, *KEYS[key], alg), device.ns
    assert crypto.psa_asymmetric_encrypt(client, key_id, alg, b"hi", salt, 96)[0] == to_encrypt
    assert crypto.psa_asymmetric_decrypt(client, key_id, alg, bytes(95) + b"\2", salt, 96)[0] == to_decrypt
    crypto.psa_destroy_key(client, key_id)


@pytest.mark.parametrize(
    "usage, policy, alg, to_encrypt, to_decrypt",
    [
        (v.PSA_KEY_USAGE_ENCRYPT, PKCS1, PKCS1, OK, PERMITTED),
        (v.PSA_KEY_USAGE_DECRYPT, PKCS1, PKCS1, PERMITTED, PADDING),
        (BOTH, PKCS1, OAEP_256, PERMITTED, PERMITTED),
        (BOTH, OAEP_1, OAEP_256, PERMITTED, PERMITTED),
        (BOTH, 0, PKCS1, PERMITTED, PERMITTED),
    ],
)
def test_policy(
    device: PartitionBench, usage: int, policy: int, alg: int, to_encrypt: int, to_decrypt: int
) -> None:
    key_id, client = with_key(device, *KEYS["rsa"], policy, usage), device.ns
    assert crypto.psa_asymmetric_encrypt(client, key_id, alg, b"hi", b"", 96)[0] == to_encrypt
    assert crypto.psa_asymmetric_decrypt(client, key_id, alg, bytes(95) + b"\2", b"", 96)[0] == to_decrypt
    crypto.psa_destroy_key(client, key_id)


@pytest.mark.parametrize(
    "key, alg, longest",
    [("rsa", PKCS1, 85), ("rsa", OAEP_1, 54), ("rsa", OAEP_256, 30), ("rsa 512", PKCS1, 53)],
)
def test_lengths(device: PartitionBench, key: str, alg: int, longest: int) -> None:
    """The message as long as the padding allows, the output exactly as long as modulus and message."""
    size, client = len(KEYS[key][1]) and (64 if key == "rsa 512" else 96), device.ns
    key_id = with_key(device, *KEYS[key], alg)
    for length in (0, 1, longest):
        message = b"\0" * length
        status, encrypted = crypto.psa_asymmetric_encrypt(client, key_id, alg, message, None, size)
        assert (status, len(encrypted)) == (OK, size)
        found = crypto.psa_asymmetric_decrypt(client, key_id, alg, encrypted, None, length)
        assert found == (OK, message)
        if length:
            small = crypto.psa_asymmetric_decrypt(client, key_id, alg, encrypted, None, length - 1)
            assert small == (SMALL, b"")
        for wrong in (b"", encrypted[:-1], encrypted + b"\0"):
            assert crypto.psa_asymmetric_decrypt(client, key_id, alg, wrong, None, size)[0] == ARGUMENT
    too_long = crypto.psa_asymmetric_encrypt(client, key_id, alg, bytes(longest + 1), None, size)
    assert too_long == (ARGUMENT, b"")
    for room in (0, size - 1):
        assert crypto.psa_asymmetric_encrypt(client, key_id, alg, b"hi", None, room) == (SMALL, b"")
    crypto.psa_destroy_key(client, key_id)
    assert crypto.psa_asymmetric_encrypt(client, key_id, alg, b"hi", None, size)[0] == HANDLE
    assert crypto.psa_asymmetric_decrypt(client, key_id, alg, b"hi", None, size)[0] == HANDLE


@pytest.mark.parametrize(
    "encoded, status",
    [
        (b"\0\2" + b"\1" * 8 + b"\0" + b"m" * 85, OK),
        (b"\0\2" + b"\1" * 93 + b"\0", OK),
        (b"\0\1" + b"\1" * 8 + b"\0" + b"m" * 85, PADDING),
        (b"\1\2" + b"\1" * 8 + b"\0" + b"m" * 85, PADDING),
        (b"\0\2" + b"\1" * 7 + b"\0" + b"m" * 86, PADDING),
        (b"\0\2" + b"\1" * 94, PADDING),
        (bytes(96), PADDING),
        (N.to_bytes(96, "big"), ARGUMENT),
    ],
)
def test_bad_padding_is_told(device: PartitionBench, encoded: bytes, status: int) -> None:
    """Mbed TLS: INVALID_PADDING, where OpenSSL would make up a message (implicit rejection)."""
    public, number = RsaKeyPair.decode(rsa_pair()).public, int.from_bytes(encoded, "big")
    cipher = (public.apply(number) if number < N else number).to_bytes(96, "big")
    key = with_key(device, *KEYS["rsa"], PKCS1)
    assert crypto.psa_asymmetric_decrypt(device.ns, key, PKCS1, cipher, None, 96)[0] == status
    crypto.psa_destroy_key(device.ns, key)


def test_the_library_decrypts_what_we_encrypt_and_we_what_it_does(device: PartitionBench) -> None:
    private = load_der_private_key(rsa_pair(), None)
    assert isinstance(private, RSAPrivateKey)
    oaep = OAEP(MGF1(SHA256()), SHA256(), b"label")
    key = with_key(device, *KEYS["rsa"], OAEP_256)
    _, ours = crypto.psa_asymmetric_encrypt(device.ns, key, OAEP_256, b"message", b"label", 96)
    assert private.decrypt(ours, oaep) == b"message"
    theirs = private.public_key().encrypt(b"message", oaep)
    found = crypto.psa_asymmetric_decrypt(device.ns, key, OAEP_256, theirs, b"label", 96)
    assert found == (OK, b"message")
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize("alg", [PKCS1, OAEP_256])
def test_ciphertexts_differ_and_repeat_by_seed(alg: int) -> None:
    def encrypted(seed: int) -> list[bytes]:
        device = start_partitions(seed=seed)
        key = with_key(device, *KEYS["rsa public"], alg)
        return [crypto.psa_asymmetric_encrypt(device.ns, key, alg, b"hi", None, 96)[1] for _ in range(2)]

    first, again, other = encrypted(1), encrypted(1), encrypted(2)
    assert first == again
    assert len({*first, *other}) == 4


@pytest.mark.parametrize("alg, name", [(PKCS1, "RSA_PKCS1V15_CRYPT"), (OAEP_256, "RSA_OAEP")])
def test_what_the_build_leaves_out_is_not_supported(alg: int, name: str) -> None:
    device = start_partitions(crypto=CryptoConfig(wants=EVERYTHING - {f"PSA_WANT_ALG_{name}"}))
    key = with_key(device, *KEYS["rsa"], alg)
    assert crypto.psa_asymmetric_encrypt(device.ns, key, alg, b"hi", None, 96)[0] == SUPPORTED
    assert crypto.psa_asymmetric_decrypt(device.ns, key, alg, bytes(96), None, 96)[0] == SUPPORTED


def test_module_left_out_is_not_supported() -> None:
    device = start_partitions(crypto=CryptoConfig(asym_encrypt_module=False))
    assert crypto.psa_asymmetric_encrypt(device.ns, 0, PKCS1, b"hi", None, 96)[0] == SUPPORTED


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=100), st.binary(max_size=10))
def test_decoders_take_any_bytes(encoded: bytes, label: bytes) -> None:
    """Bytes that are no padding are refused with the one error that they have."""
    for decode in (
        rsa_padding.decode_pkcs1v15,
        lambda data: rsa_padding.decode_oaep(sha_1, data, label),
    ):
        try:
            decode(encoded)
        except (rsa_padding.BadPaddingError, rsa_padding.TooLongError):
            continue
    rsa_padding.is_pss(sha_1, bytes(20), encoded, None)
