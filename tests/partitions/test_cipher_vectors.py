"""Ciphers against published vectors: in pieces both ways, and decrypted at once."""

from collections.abc import Iterable

import pytest
from support.cipher_client import CipherCalls, symmetric_key
from support.cipher_vectors import (
    CIPHER_FILES,
    CipherVector,
    arc4_vectors,
    camellia_ecb_vectors,
    ccm_star_vectors,
    chacha20_vectors,
    cipher_vectors,
    xts_vectors,
)
from support.nist_vectors import cut
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_sizes as sizes
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import EVERYTHING


@pytest.fixture(scope="module")
def client() -> PsaClient:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING)).ns


def check(client: PsaClient, vectors: Iterable[CipherVector]) -> int:
    """Both directions in pieces at random places, and psa_cipher_decrypt; the number of vectors checked."""
    count = 0
    for count, vector in enumerate(vectors, 1):
        key_type, alg = vector.key_type, vector.alg
        key = symmetric_key(client, key_type, alg, vector.key)
        for encrypt in (True, False):
            texts = (vector.plaintext, vector.ciphertext)
            source, wanted = texts if encrypt else texts[::-1]
            pieces = cut(source, count)
            outputs = CipherCalls(client).whole(key, alg, vector.iv, pieces, encrypt=encrypt)
            assert b"".join(outputs) == wanted
            check_sizes(key_type, alg, pieces, outputs)
        if len(vector.iv) == sizes.PSA_CIPHER_IV_LENGTH(key_type, alg):
            message = vector.iv + vector.ciphertext
            room = sizes.PSA_CIPHER_DECRYPT_OUTPUT_SIZE(key_type, alg, len(message))
            answer = crypto.psa_cipher_decrypt(client, key, alg, message, room)
            assert answer == (PSA_SUCCESS, vector.plaintext)
        crypto.psa_destroy_key(client, key)
    return count


def check_sizes(key_type: int, alg: int, pieces: list[bytes], outputs: list[bytes]) -> None:
    """No update and no finish gives more than the macro of its buffer promises."""
    for piece, output in zip(pieces, outputs[:-1], strict=True):
        assert len(output) <= sizes.PSA_CIPHER_UPDATE_OUTPUT_SIZE(key_type, alg, len(piece))
        assert len(output) <= sizes.PSA_CIPHER_UPDATE_OUTPUT_MAX_SIZE(len(piece))
    assert len(outputs[-1]) <= sizes.PSA_CIPHER_FINISH_OUTPUT_SIZE(key_type, alg)
    assert len(outputs[-1]) <= sizes.PSA_CIPHER_FINISH_OUTPUT_MAX_SIZE


@pytest.mark.parametrize("key_type, alg, name", CIPHER_FILES)
def test_block_cipher_modes(client: PsaClient, key_type: int, alg: int, name: str) -> None:
    assert check(client, cipher_vectors(key_type, alg, name, step=9 if "Var" in name else 3)) >= 1


def test_camellia_ecb(client: PsaClient) -> None:
    assert check(client, camellia_ecb_vectors(step=50)) >= 10


def test_chacha20(client: PsaClient) -> None:
    assert check(client, chacha20_vectors()) == 3


def test_arc4(client: PsaClient) -> None:
    assert check(client, arc4_vectors()) >= 5


def test_xts(client: PsaClient) -> None:
    """NIST CAVP, whole blocks and data units that steal ciphertext."""
    assert check(client, xts_vectors(step=25)) >= 20


def test_ccm_star_without_a_tag(client: PsaClient) -> None:
    """With nonces of 7 to 13 bytes."""
    assert check(client, ccm_star_vectors(step=7)) == 10


def test_original_chacha20(client: PsaClient) -> None:
    """draft-strombergson-chacha-test-vectors-01, TC1 with 256 bits: a nonce of 8 bytes, counter 0."""
    key = symmetric_key(client, v.PSA_KEY_TYPE_CHACHA20, v.PSA_ALG_STREAM_CIPHER, bytes(32))
    stream = CipherCalls(client).whole(key, v.PSA_ALG_STREAM_CIPHER, bytes(8), [bytes(32)], encrypt=True)
    assert b"".join(stream).hex() == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"


def test_xchacha20(client: PsaClient) -> None:
    """draft-irtf-cfrg-xchacha-03, A.3.1 encrypts from block 1 on: a counter and the nonce of 24 bytes."""
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you "
        b"only one tip for the future, sunscreen would be it."
    )
    alg = v.PSA_ALG_STREAM_CIPHER
    key = symmetric_key(client, v.PSA_KEY_TYPE_XCHACHA20, alg, bytes(range(0x80, 0xA0)))
    nonce = bytes(range(0x40, 0x58))
    first = (1).to_bytes(8, "little")
    outputs = CipherCalls(client).whole(key, alg, first + nonce, cut(plaintext, 3), encrypt=True)
    ciphertext = b"".join(outputs)
    assert ciphertext[:8].hex() == "bd6d179d3e83d43b"
    # The nonce alone begins at block 0, a key stream block of 64 bytes before.
    outputs = CipherCalls(client).whole(key, alg, nonce, [bytes(64), ciphertext], encrypt=False)
    assert b"".join(outputs)[64:] == plaintext


def test_the_counter_of_xchacha20_has_64_bits(client: PsaClient) -> None:
    """PSA_KEY_TYPE_XCHACHA20: it goes on over 2^32 blocks, and no further than 2^64."""
    alg, nonce = v.PSA_ALG_STREAM_CIPHER, bytes(range(24))
    key = symmetric_key(client, v.PSA_KEY_TYPE_XCHACHA20, alg, bytes(range(32)))

    def stream(counter: int, *pieces: int) -> bytes:
        iv = counter.to_bytes(8, "little") + nonce
        return b"".join(CipherCalls(client).whole(key, alg, iv, map(bytes, pieces), encrypt=True))

    last, first = stream(2**32 - 1, 64), stream(2**32, 64)
    assert last != first
    for pieces in ((128,), (63, 65), (64, 64), (1, 127)):
        assert stream(2**32 - 1, *pieces) == last + first
    assert len(stream(2**64 - 1, 64)) == 64
    calls = CipherCalls(client)
    assert calls.setup(key, alg) == calls.set_iv(b"\xff" * 8 + nonce) == PSA_SUCCESS
    assert calls.update(bytes(65))[0] == PSA_ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize("key_type, key_length", [(v.PSA_KEY_TYPE_CAMELLIA, 32), (v.PSA_KEY_TYPE_DES, 24)])
def test_ctr_of_other_block_ciphers(client: PsaClient, key_type: int, key_length: int) -> None:
    """NIST SP 800-38A, 6.5 by ECB: the counter is the whole block, and goes from its end to its beginning."""
    material = bytes(range(key_length))
    block = v.PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type)
    ecb = symmetric_key(client, key_type, v.PSA_ALG_ECB_NO_PADDING, material)
    counters = [(-1 + i) % (1 << 8 * block) for i in range(4)]
    blocks = [counter.to_bytes(block, "big") for counter in counters]
    stream = b"".join(CipherCalls(client).whole(ecb, v.PSA_ALG_ECB_NO_PADDING, b"", blocks, encrypt=True))
    key = symmetric_key(client, key_type, v.PSA_ALG_CTR, material)
    zeros = bytes(4 * block - 3)
    for seed in range(8):
        parts = CipherCalls(client).whole(key, v.PSA_ALG_CTR, blocks[0], cut(zeros, seed), encrypt=True)
        assert b"".join(parts) == stream[: len(zeros)]


@pytest.mark.parametrize("key_type, length", [(v.PSA_KEY_TYPE_AES, 16), (v.PSA_KEY_TYPE_DES, 8)])
def test_pkcs7_padding_is_cbc_of_the_padded_message(client: PsaClient, key_type: int, length: int) -> None:
    """RFC 2315, 10.3 over CBC, whose vectors are above."""
    material, iv = bytes(range(length)), b"i" * length
    cbc = symmetric_key(client, key_type, v.PSA_ALG_CBC_NO_PADDING, material)
    key = symmetric_key(client, key_type, v.PSA_ALG_CBC_PKCS7, material)
    for size in range(2 * length + 2):
        plaintext = bytes(range(size))
        count = length - size % length
        padded = plaintext + bytes((count,)) * count
        wanted = CipherCalls(client).whole(cbc, v.PSA_ALG_CBC_NO_PADDING, iv, [padded], encrypt=True)
        pieces = cut(plaintext, size)
        outputs = CipherCalls(client).whole(key, v.PSA_ALG_CBC_PKCS7, iv, pieces, encrypt=True)
        assert b"".join(outputs) == b"".join(wanted)
        check_sizes(key_type, v.PSA_ALG_CBC_PKCS7, pieces, outputs)
        pieces = cut(b"".join(wanted), size)
        outputs = CipherCalls(client).whole(key, v.PSA_ALG_CBC_PKCS7, iv, pieces, encrypt=False)
        assert b"".join(outputs) == plaintext
        check_sizes(key_type, v.PSA_ALG_CBC_PKCS7, pieces, outputs)


@pytest.mark.parametrize("key_type", [v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_CAMELLIA])
def test_xts_steals_whatever_the_size(client: PsaClient, key_type: int) -> None:
    """Every length of the last part decrypts to what it was, also with two keys of 24 bytes."""
    for size in range(16, 50):
        key = symmetric_key(client, key_type, v.PSA_ALG_XTS, bytes(range(48)))
        data = bytes(range(100, 100 + size))
        parts = CipherCalls(client).whole(key, v.PSA_ALG_XTS, b"i" * 16, cut(data, size), encrypt=True)
        ciphertext = b"".join(parts)
        assert (len(ciphertext), ciphertext != data) == (size, True)
        parts = CipherCalls(client).whole(key, v.PSA_ALG_XTS, b"i" * 16, cut(ciphertext, 7), encrypt=False)
        assert b"".join(parts) == data
        crypto.psa_destroy_key(client, key)
