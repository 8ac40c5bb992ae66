"""What psa_cipher_* refuse, and with which status (PSA Crypto 1.2 section 10.4)."""

import pytest
from support.cipher_client import BOTH, CipherCalls, symmetric_key
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_PADDING,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import DEFAULT, EVERYTHING

AES = v.PSA_KEY_TYPE_AES
CHACHA20 = v.PSA_KEY_TYPE_CHACHA20
CTR, ECB, XTS = v.PSA_ALG_CTR, v.PSA_ALG_ECB_NO_PADDING, v.PSA_ALG_XTS
CBC, PKCS7 = v.PSA_ALG_CBC_NO_PADDING, v.PSA_ALG_CBC_PKCS7
CCM_STAR, STREAM = v.PSA_ALG_CCM_STAR_NO_TAG, v.PSA_ALG_STREAM_CIPHER
IV = bytes(range(16))


@pytest.fixture(scope="module")
def client() -> PsaClient:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING, key_slots=1024)).ns


@pytest.fixture(scope="module")
def default_build() -> PsaClient:
    return start_partitions().ns


def make_key(client: PsaClient, alg: int, key_type: int = AES, length: int = 16, usage: int = BOTH) -> int:
    return symmetric_key(client, key_type, alg, bytes(range(length)), usage)


def active(client: PsaClient, alg: int, *, encrypt: bool = True, iv: bytes = b"") -> CipherCalls:
    """An operation that is set up, with its IV if one is given."""
    length = {STREAM: 32, XTS: 32}.get(alg, 16)
    key = make_key(client, alg, CHACHA20 if alg == STREAM else AES, length)
    op = CipherCalls(client)
    assert op.setup(key, alg, encrypt=encrypt) == PSA_SUCCESS
    if iv:
        assert op.set_iv(iv) == PSA_SUCCESS
    return op


def is_lost(op: CipherCalls) -> bool:
    """PSA Crypto 1.2 section 3.3.2: in the error state every call is a BAD_STATE, until the abort."""
    handle = op.handle
    calls = [op.update(b""), op.finish(), op.generate_iv(), (op.set_iv(IV), b"")]
    lost = handle != 0 and calls == [(PSA_ERROR_BAD_STATE, b"")] * 4 and op.handle == handle
    return lost and (op.abort(), op.handle) == (PSA_SUCCESS, 0)


@pytest.mark.parametrize(
    "key_type, policy, alg, length, status",
    [
        (AES, CTR, CTR, 16, PSA_SUCCESS),
        (v.PSA_KEY_TYPE_DES, CBC, CBC, 8, PSA_SUCCESS),
        (v.PSA_KEY_TYPE_ARC4, STREAM, STREAM, 5, PSA_SUCCESS),
        (v.PSA_KEY_TYPE_RAW_DATA, CTR, CTR, 16, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_HMAC, CTR, CTR, 16, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_ARC4, CTR, CTR, 16, PSA_ERROR_NOT_SUPPORTED),
        (AES, STREAM, STREAM, 16, PSA_ERROR_NOT_SUPPORTED),
        (CHACHA20, CTR, CTR, 32, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_DES, CCM_STAR, CCM_STAR, 24, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_DES, XTS, XTS, 16, PSA_ERROR_NOT_SUPPORTED),
        (AES, 0x04C0FF00, 0x04C0FF00, 16, PSA_ERROR_NOT_SUPPORTED),
        # A key for XTS is two keys, and no key for anything else.
        (AES, XTS, XTS, 16, PSA_ERROR_NOT_SUPPORTED),
        (AES, XTS, XTS, 32, PSA_SUCCESS),
        (AES, XTS, XTS, 48, PSA_SUCCESS),
        (AES, XTS, XTS, 64, PSA_SUCCESS),
        (AES, CTR, CTR, 64, PSA_ERROR_NOT_SUPPORTED),
        # Not a cipher.
        (AES, v.PSA_ALG_CMAC, v.PSA_ALG_CMAC, 16, PSA_ERROR_INVALID_ARGUMENT),
        (AES, v.PSA_ALG_GCM, v.PSA_ALG_GCM, 16, PSA_ERROR_INVALID_ARGUMENT),
        (AES, CTR, v.PSA_ALG_NONE, 16, PSA_ERROR_INVALID_ARGUMENT),
        (AES, CTR, v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW, 16, PSA_ERROR_INVALID_ARGUMENT),
        # Policy: another algorithm, none, and a wildcard in the place of an algorithm.
        (AES, CTR, CBC, 16, PSA_ERROR_NOT_PERMITTED),
        (AES, v.PSA_ALG_NONE, CBC, 16, PSA_ERROR_NOT_PERMITTED),
        (AES, v.PSA_ALG_CCM_STAR_ANY_TAG, v.PSA_ALG_CCM_STAR_ANY_TAG, 16, PSA_ERROR_INVALID_ARGUMENT),
        (AES, v.PSA_ALG_CCM_STAR_ANY_TAG, CCM_STAR, 16, PSA_SUCCESS),
    ],
)
def test_setup(client: PsaClient, key_type: int, policy: int, alg: int, length: int, status: int) -> None:
    key = make_key(client, policy, key_type, length)
    for encrypt in (True, False):
        op = CipherCalls(client)
        assert op.setup(key, alg, encrypt=encrypt) == status
        assert (op.handle != 0) is (status == PSA_SUCCESS)
        assert op.abort() == PSA_SUCCESS
    if status != PSA_SUCCESS:
        assert crypto.psa_cipher_encrypt(client, key, alg, bytes(32), 200) == (status, b"")
        assert crypto.psa_cipher_decrypt(client, key, alg, bytes(64), 200) == (status, b"")
    crypto.psa_destroy_key(client, key)


def test_xts_wants_two_different_keys(client: PsaClient) -> None:
    """IEEE 1619: with one key twice, the tweak of a sector is of no use."""
    key = symmetric_key(client, AES, XTS, bytes(range(16)) * 2)
    assert CipherCalls(client).setup(key, XTS) == PSA_ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize(
    "usage, encrypt", [(v.PSA_KEY_USAGE_ENCRYPT, False), (v.PSA_KEY_USAGE_DECRYPT, True)]
)
def test_usage_that_the_key_lacks(client: PsaClient, usage: int, encrypt: bool) -> None:
    key = make_key(client, CTR, usage=usage)
    assert CipherCalls(client).setup(key, CTR, encrypt=encrypt) == PSA_ERROR_NOT_PERMITTED
    whole = crypto.psa_cipher_encrypt if encrypt else crypto.psa_cipher_decrypt
    assert whole(client, key, CTR, bytes(32), 64) == (PSA_ERROR_NOT_PERMITTED, b"")


@pytest.mark.parametrize("key", [0, 16, 0x7FFFFFFF, 0xFFFFFFFF])
def test_unknown_key(client: PsaClient, key: int) -> None:
    assert CipherCalls(client).setup(key, CTR) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_cipher_decrypt(client, key, CTR, bytes(32), 32)[0] == PSA_ERROR_INVALID_HANDLE


@pytest.mark.parametrize(
    "alg, length", [(CTR, 16), (CBC, 16), (PKCS7, 16), (XTS, 16), (CCM_STAR, 13), (STREAM, 12)]
)
def test_generated_iv(client: PsaClient, alg: int, length: int) -> None:
    op = active(client, alg)
    status, iv = op.generate_iv(length)
    assert (status, len(iv)) == (PSA_SUCCESS, length)
    assert op.generate_iv(length) == (PSA_ERROR_BAD_STATE, b"")
    assert is_lost(op)
    op = active(client, alg)
    assert op.generate_iv(length - 1) == (PSA_ERROR_BUFFER_TOO_SMALL, b"")
    assert is_lost(op)


@pytest.mark.parametrize(
    "alg, length, status",
    [
        *[(alg, 16, PSA_SUCCESS) for alg in (CTR, CBC, PKCS7, XTS, v.PSA_ALG_CFB, v.PSA_ALG_OFB)],
        *[
            (alg, length, PSA_ERROR_INVALID_ARGUMENT)
            for alg in (CTR, CBC, PKCS7, XTS, v.PSA_ALG_CFB, v.PSA_ALG_OFB)
            for length in (0, 8, 15, 17, 64)
        ],
        *[(CCM_STAR, length, PSA_SUCCESS) for length in range(7, 14)],
        *[(CCM_STAR, length, PSA_ERROR_INVALID_ARGUMENT) for length in (0, 6, 14, 16)],
        *[(STREAM, length, PSA_SUCCESS) for length in (8, 12, 16)],
        *[(STREAM, length, PSA_ERROR_INVALID_ARGUMENT) for length in (0, 4, 11, 13, 24)],
        (ECB, 16, PSA_ERROR_BAD_STATE),
        (ECB, 0, PSA_ERROR_BAD_STATE),
    ],
)
def test_given_iv(client: PsaClient, alg: int, length: int, status: int) -> None:
    for encrypt in (True, False):
        op = active(client, alg, encrypt=encrypt)
        assert op.set_iv(bytes(length)) == status
        # Arm's suite: the second time it is a BAD_STATE, whatever became of the first.
        assert op.set_iv(bytes(length)) == PSA_ERROR_BAD_STATE
        assert is_lost(op)


def test_short_iv_of_ctr_where_it_is_allowed() -> None:
    """PSA Crypto 1.2 PSA_ALG_CTR: a short IV is a nonce, filled up with zeros at its end."""
    ns = start_partitions(crypto=CryptoConfig(ctr_short_iv=True)).ns
    key = make_key(ns, CTR)
    short = CipherCalls(ns).whole(key, CTR, IV[:12], [bytes(40)], encrypt=True)
    assert short == CipherCalls(ns).whole(key, CTR, IV[:12] + bytes(4), [bytes(40)], encrypt=True)
    for length in (0, 17):
        op = CipherCalls(ns)
        assert op.setup(key, CTR) == PSA_SUCCESS
        assert op.set_iv(bytes(length)) == PSA_ERROR_INVALID_ARGUMENT


def test_iv_is_generated_for_encryption_only(client: PsaClient) -> None:
    op = active(client, CTR, encrypt=False)
    assert op.generate_iv() == (PSA_ERROR_BAD_STATE, b"")
    assert is_lost(op)


def test_ecb_has_no_iv(client: PsaClient) -> None:
    op = active(client, ECB)
    assert op.generate_iv() == (PSA_ERROR_BAD_STATE, b"")
    assert is_lost(op)
    key = make_key(client, ECB)
    assert len(crypto.psa_cipher_encrypt(client, key, ECB, bytes(16), 16)[1]) == 16


@pytest.mark.parametrize("alg", [CTR, CBC, XTS, STREAM])
def test_data_before_the_iv(client: PsaClient, alg: int) -> None:
    op = active(client, alg)
    assert op.update(b"abc") == (PSA_ERROR_BAD_STATE, b"")
    assert is_lost(op)
    op = active(client, alg)
    assert op.finish() == (PSA_ERROR_BAD_STATE, b"")
    assert is_lost(op)


def test_calls_without_an_operation(client: PsaClient) -> None:
    op = CipherCalls(client)
    assert op.update(b"") == op.finish() == op.generate_iv() == (PSA_ERROR_BAD_STATE, b"")
    assert op.set_iv(IV) == PSA_ERROR_BAD_STATE
    assert (op.abort(), op.abort(), op.handle) == (PSA_SUCCESS, PSA_SUCCESS, 0)


def test_setup_twice(client: PsaClient) -> None:
    op = active(client, CTR, iv=IV)
    key, handle = make_key(client, CTR), op.handle
    assert (op.setup(key, CTR), op.handle) == (PSA_ERROR_BAD_STATE, handle)
    assert op.update(b"abc")[0] == PSA_SUCCESS


@pytest.mark.parametrize(
    "alg, encrypt, before, data, room, status",
    [
        (CTR, True, b"", bytes(17), 17, PSA_SUCCESS),
        (CTR, True, b"", bytes(17), 16, PSA_ERROR_BUFFER_TOO_SMALL),
        (CBC, True, b"", bytes(16), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (CBC, True, b"", bytes(15), 0, PSA_SUCCESS),
        (CBC, True, bytes(15), bytes(1), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (CBC, True, bytes(15), bytes(1), 16, PSA_SUCCESS),
        (CBC, False, b"", bytes(31), 16, PSA_SUCCESS),
        (PKCS7, True, b"", bytes(17), 16, PSA_SUCCESS),
        # Mbed TLS wants room for the block that waits, too.
        (PKCS7, False, b"", bytes(16), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (PKCS7, False, b"", bytes(16), 16, PSA_SUCCESS),
        (ECB, True, b"", bytes(33), 31, PSA_ERROR_BUFFER_TOO_SMALL),
        (ECB, True, b"", bytes(33), 32, PSA_SUCCESS),
        (XTS, True, b"", bytes(31), 0, PSA_SUCCESS),
        (XTS, True, b"", bytes(32), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (XTS, True, b"", bytes(32), 16, PSA_SUCCESS),
    ],
)
def test_room_of_update(
    client: PsaClient, alg: int, encrypt: bool, before: bytes, data: bytes, room: int, status: int
) -> None:
    op = active(client, alg, encrypt=encrypt, iv=b"" if alg == ECB else IV)
    assert op.update(before)[0] == PSA_SUCCESS
    found, output = op.update(data, room)
    assert found == status
    assert len(output) <= room
    assert op.abort() == PSA_SUCCESS if status == PSA_SUCCESS else is_lost(op)


@pytest.mark.parametrize(
    "alg, encrypt, data, room, status",
    [
        (CBC, True, bytes(5), 16, PSA_ERROR_INVALID_ARGUMENT),
        (CBC, False, bytes(17), 16, PSA_ERROR_INVALID_ARGUMENT),
        (CBC, True, b"", 0, PSA_SUCCESS),
        (CBC, False, b"", 0, PSA_SUCCESS),
        (ECB, True, bytes(31), 16, PSA_ERROR_INVALID_ARGUMENT),
        (ECB, False, b"", 0, PSA_SUCCESS),
        (PKCS7, True, b"", 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (PKCS7, True, b"", 16, PSA_SUCCESS),
        (PKCS7, True, bytes(16), 4, PSA_ERROR_BUFFER_TOO_SMALL),
        (PKCS7, False, b"", 16, PSA_ERROR_INVALID_ARGUMENT),
        (PKCS7, False, bytes(15), 16, PSA_ERROR_INVALID_ARGUMENT),
        (PKCS7, False, bytes(16), 16, PSA_ERROR_INVALID_PADDING),
        (PKCS7, False, bytes(16), 0, PSA_ERROR_INVALID_PADDING),
        (XTS, True, b"", 31, PSA_ERROR_INVALID_ARGUMENT),
        (XTS, True, bytes(15), 31, PSA_ERROR_INVALID_ARGUMENT),
        (XTS, True, bytes(20), 19, PSA_ERROR_BUFFER_TOO_SMALL),
        (XTS, True, bytes(20), 20, PSA_SUCCESS),
        (CTR, True, bytes(5), 0, PSA_SUCCESS),
    ],
)
def test_finish(client: PsaClient, alg: int, encrypt: bool, data: bytes, room: int, status: int) -> None:
    op = active(client, alg, encrypt=encrypt, iv=b"" if alg == ECB else IV)
    assert op.update(data)[0] == PSA_SUCCESS
    assert op.finish(room)[0] == status
    assert op.handle == 0 if status == PSA_SUCCESS else is_lost(op)


@pytest.mark.parametrize("last", [0, 17, 255])
@pytest.mark.parametrize("key_type, block", [(AES, 16), (v.PSA_KEY_TYPE_DES, 8)])
def test_damaged_padding(client: PsaClient, key_type: int, block: int, last: int) -> None:
    """RFC 2315, 10.3: a count out of range, and a byte of the padding that says another count."""
    cbc, key = make_key(client, CBC, key_type, block), make_key(client, PKCS7, key_type, block)
    count = last if last != 17 else block + 1
    for plain in (bytes(block - 1) + bytes((count,)), bytes(block - 3) + b"\3\2\3"):
        _, message = crypto.psa_cipher_encrypt(client, cbc, CBC, plain, 3 * block)
        answer = crypto.psa_cipher_decrypt(client, key, PKCS7, message, block)
        assert answer == (PSA_ERROR_INVALID_PADDING, b"")


@pytest.mark.parametrize(
    "alg, data, room, status",
    [
        (CBC, bytes(16), 31, PSA_ERROR_BUFFER_TOO_SMALL),
        (CBC, bytes(16), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (CBC, bytes(16), 32, PSA_SUCCESS),
        (CBC, bytes(5), 200, PSA_ERROR_INVALID_ARGUMENT),
        (PKCS7, bytes(16), 47, PSA_ERROR_BUFFER_TOO_SMALL),
        (PKCS7, bytes(16), 48, PSA_SUCCESS),
        (PKCS7, b"", 32, PSA_SUCCESS),
        (CTR, b"", 16, PSA_SUCCESS),
        (CTR, bytes(3), 18, PSA_ERROR_BUFFER_TOO_SMALL),
        (CCM_STAR, bytes(3), 16, PSA_SUCCESS),
        (ECB, bytes(16), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (ECB, bytes(17), 64, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_encrypt_at_once(client: PsaClient, alg: int, data: bytes, room: int, status: int) -> None:
    key = make_key(client, alg)
    found, output = crypto.psa_cipher_encrypt(client, key, alg, data, room)
    assert found == status
    if status == PSA_SUCCESS:
        assert crypto.psa_cipher_decrypt(client, key, alg, output, len(output)) == (PSA_SUCCESS, data)
    crypto.psa_destroy_key(client, key)


@pytest.mark.parametrize(
    "alg, data, room, status",
    [
        (CBC, IV[:15], 64, PSA_ERROR_INVALID_ARGUMENT),
        (CBC, b"", 64, PSA_ERROR_INVALID_ARGUMENT),
        (CBC, IV, 0, PSA_SUCCESS),
        (CBC, IV + bytes(16), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (CBC, IV + bytes(5), 16, PSA_ERROR_INVALID_ARGUMENT),
        (PKCS7, IV, 16, PSA_ERROR_INVALID_ARGUMENT),
        (PKCS7, IV + bytes(16), 16, PSA_ERROR_INVALID_PADDING),
        (PKCS7, IV + bytes(16), 15, PSA_ERROR_BUFFER_TOO_SMALL),
        (CTR, IV + bytes(7), 7, PSA_SUCCESS),
        (CTR, IV + bytes(7), 6, PSA_ERROR_BUFFER_TOO_SMALL),
    ],
)
def test_decrypt_at_once(client: PsaClient, alg: int, data: bytes, room: int, status: int) -> None:
    key = make_key(client, alg)
    assert crypto.psa_cipher_decrypt(client, key, alg, data, room)[0] == status
    crypto.psa_destroy_key(client, key)


def test_ccm_star_ends_with_its_length_field(client: PsaClient) -> None:
    """PSA_ALG_CCM: 13 bytes of nonce leave 2 for the length, so a message has at most 65535 bytes."""
    op = active(client, CCM_STAR, iv=bytes(13))
    for _ in range(31):
        assert op.update(bytes(2048))[0] == PSA_SUCCESS
    assert op.update(bytes(2047))[0] == PSA_SUCCESS
    assert op.update(bytes(1)) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert is_lost(op)


def test_chacha20_ends_with_its_counter(client: PsaClient) -> None:
    """RFC 8439, 2.4: the counter has 32 bits and does not reach into the nonce."""
    op = active(client, STREAM, iv=b"\xff" * 4 + bytes(12))
    assert op.update(bytes(64))[0] == PSA_SUCCESS
    assert op.update(bytes(1)) == (PSA_ERROR_INVALID_ARGUMENT, b"")


def test_a_seed_repeats_the_ivs() -> None:
    def draw(seed: int) -> list[bytes]:
        ns = start_partitions(seed=seed).ns
        key = make_key(ns, CBC)
        op = CipherCalls(ns)
        op.setup(key, CBC)
        return [crypto.psa_cipher_encrypt(ns, key, CBC, bytes(16), 32)[1], op.generate_iv()[1]]

    assert draw(1) == draw(1) != draw(2)


def test_builds_that_leave_things_out() -> None:
    wants = DEFAULT - {"PSA_WANT_ALG_CTR", "PSA_WANT_KEY_TYPE_CAMELLIA"}
    ns = start_partitions(crypto=CryptoConfig(wants=wants)).ns
    assert CipherCalls(ns).setup(make_key(ns, CTR), CTR) == PSA_ERROR_NOT_SUPPORTED
    assert CipherCalls(ns).setup(make_key(ns, CBC), CBC) == PSA_SUCCESS
    ns = start_partitions(crypto=CryptoConfig(single_part_functions=False)).ns
    key = make_key(ns, CTR)
    assert crypto.psa_cipher_encrypt(ns, key, CTR, b"", 64)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_cipher_decrypt(ns, key, CTR, bytes(16), 64)[0] == PSA_ERROR_NOT_SUPPORTED
    assert CipherCalls(ns).setup(key, CTR) == PSA_SUCCESS
    ns = start_partitions(crypto=CryptoConfig(cipher_module=False)).ns
    assert CipherCalls(ns).setup(make_key(ns, CTR), CTR) == PSA_ERROR_NOT_SUPPORTED
    assert not crypto.psa_can_do_cipher(ns, AES, CTR)


@pytest.mark.parametrize(
    "key_type, alg, can",
    [
        (AES, CTR, True),
        (AES, v.PSA_ALG_GCM, True),
        (AES, v.PSA_ALG_CMAC, True),
        (v.PSA_KEY_TYPE_CAMELLIA, CBC, True),
        (CHACHA20, STREAM, True),
        (v.PSA_KEY_TYPE_DES, CBC, False),
        (v.PSA_KEY_TYPE_HMAC, CTR, False),
        (v.PSA_KEY_TYPE_ARIA, CBC, False),
        (AES, v.PSA_ALG_SHA_256, False),
        (AES, 0x04C0FF00, False),
    ],
)
def test_can_do_cipher(default_build: PsaClient, key_type: int, alg: int, can: bool) -> None:
    """TF-M tfm_crypto_can_do_cipher: both are in the build."""
    assert crypto.psa_can_do_cipher(default_build, key_type, alg) is can
