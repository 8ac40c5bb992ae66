"""What AEAD protects: tampering, other clients, and nonces; and the primitives' own corners."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from support.aead_client import AeadCalls, aead_key
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_types import psa_hash_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
    PsaStatus,
)
from tfm_sim.interface.tfm.crypto import Function, Group, PackIovec, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.chacha20_poly1305 import hchacha20
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.gcm import Counter32

AES = v.PSA_KEY_TYPE_AES
GCM, CCM, CHAPOLY = v.PSA_ALG_GCM, v.PSA_ALG_CCM, v.PSA_ALG_CHACHA20_POLY1305
SHORT = [v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(GCM, 4), v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(CCM, 4)]
NONCE, AD, PLAINTEXT = bytes(range(12)), b"additional", b"a plaintext of more than one block"
KEY_TYPE = {CHAPOLY: v.PSA_KEY_TYPE_CHACHA20}


FUZZED = start_partitions()
for _alg in (GCM, CCM, CHAPOLY):
    aead_key(FUZZED.ns, KEY_TYPE.get(_alg, AES), _alg, bytes(32))


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


def _new_key(device: PartitionBench, alg: int) -> int:
    key_type = KEY_TYPE.get(alg, AES)
    return aead_key(device.ns, key_type, alg, bytes(16 if key_type == AES else 32))


def _tampered(*parts: bytes) -> list[list[bytes]]:
    """The parts with one bit of one byte turned over: once for every byte."""
    results = []
    for index, part in enumerate(parts):
        for place in range(len(part)):
            changed = bytearray(part)
            changed[place] ^= 1 << place % 8
            results.append([*parts[:index], bytes(changed), *parts[index + 1 :]])
    return results


@pytest.mark.parametrize("nonce", [NONCE, b"\1"], ids=len)
@pytest.mark.parametrize("alg", [GCM, CCM, CHAPOLY, *SHORT], ids=hex)
def test_any_tampering_is_noticed(device: PartitionBench, alg: int, nonce: bytes) -> None:
    if nonce != NONCE and v.PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg) != GCM:
        nonce = NONCE
    key = _new_key(device, alg)
    _, sealed = crypto.psa_aead_encrypt(device.ns, key, alg, nonce, AD, PLAINTEXT, 100)
    tampered = _tampered(nonce, AD, sealed)
    assert len(tampered) == len(nonce + AD + sealed)
    for changed_nonce, changed_ad, changed in tampered:
        # The request itself, to see what the service writes: not a byte of plaintext.
        iovec = PackIovec(
            key,
            alg,
            nonce=changed_nonce.ljust(16, b"\0"),
            nonce_length=len(nonce),
            function_id=Function.AEAD_DECRYPT,
        )
        out = psa_outvec(bytearray(b"\xa5" * 100))
        inputs = (iovec.encode(), changed, changed_ad)
        assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, inputs, [out]) == PSA_ERROR_INVALID_SIGNATURE
        assert (out.len, bytes(out.base)) == (0, b"\xa5" * 100)
    whole = crypto.psa_aead_decrypt(device.ns, key, alg, nonce, AD, sealed, 100)
    assert whole == (PSA_SUCCESS, PLAINTEXT)
    for changed in (sealed + b"\0", sealed[:-1], b"\0" + sealed, sealed[1:]):
        opened = crypto.psa_aead_decrypt(device.ns, key, alg, nonce, AD, changed, 100)
        assert opened == (PSA_ERROR_INVALID_SIGNATURE, b"")
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize("alg", [GCM, CCM, CHAPOLY, *SHORT], ids=hex)
def test_tampering_in_parts(device: PartitionBench, alg: int) -> None:
    """psa_aead_update releases plaintext before it is verified, as Mbed TLS does."""
    key, length = _new_key(device, alg), v.PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
    _, sealed = crypto.psa_aead_encrypt(device.ns, key, alg, NONCE, AD, PLAINTEXT, 100)
    parts = (NONCE, AD, sealed[:-length], sealed[-length:])
    for nonce, ad, ciphertext, tag in [list(parts), *_tampered(*parts)]:
        op = AeadCalls(device.ns)
        op.setup(key, alg, is_encrypt=False)
        assert op.set_lengths(len(ad), len(ciphertext)) == PSA_SUCCESS
        assert (op.set_nonce(nonce), op.update_ad(ad)) == (PSA_SUCCESS, PSA_SUCCESS)
        status, released = op.update(ciphertext)
        assert (status, len(released)) == (PSA_SUCCESS, len(PLAINTEXT))
        is_whole = (nonce, ad, ciphertext, tag) == parts
        assert op.verify(tag)[0] == (PSA_SUCCESS if is_whole else PSA_ERROR_INVALID_SIGNATURE)
        assert (op.abort(), op.handle) == (PSA_SUCCESS, 0)
    crypto.psa_destroy_key(device.ns, key)


FUNCTIONS = [function for function in Function if function >> 8 == Group.AEAD]
NUMBERS = st.integers(0, 2**32 - 1)
REQUESTS = st.builds(
    PackIovec,
    key_id=st.integers(0x40000000, 0x40000003),
    alg=st.sampled_from([GCM, CCM, CHAPOLY, *SHORT]) | NUMBERS,
    op_handle=st.integers(0, 9),
    ad_length=st.integers(0, 40) | NUMBERS,
    plaintext_length=st.integers(0, 40) | NUMBERS,
    nonce=st.binary(min_size=16, max_size=16),
    nonce_length=st.integers(0, 16) | NUMBERS,
    function_id=st.sampled_from(FUNCTIONS),
    step=st.just(0),
    value=st.just(0),
)
VECTORS = st.lists(st.binary(max_size=40), max_size=2), st.lists(st.integers(0, 40), max_size=2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(REQUESTS, *VECTORS), max_size=8))
def test_any_request_gets_a_status(requests: list[tuple[PackIovec, list[bytes], list[int]]]) -> None:
    """Operations stay where the requests leave them, for the next ones to find."""
    for iovec, inputs, rooms in requests:
        out_vec = [psa_outvec(bytearray(room)) for room in rooms]
        status = FUZZED.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [iovec.encode(), *inputs], out_vec)
        assert status in {known.value for known in PsaStatus}


def test_another_clients_key(device: PartitionBench) -> None:
    key = _new_key(device, GCM)
    for call in (crypto.psa_aead_encrypt, crypto.psa_aead_decrypt):
        refused = call(device.ns2, key, GCM, NONCE, AD, bytes(32), 100)
        assert refused == (PSA_ERROR_INVALID_HANDLE, b"")
    assert AeadCalls(device.ns2).setup(key, GCM) == PSA_ERROR_INVALID_HANDLE
    crypto.psa_destroy_key(device.ns, key)


def test_operation_table(device: PartitionBench) -> None:
    """TF-M: eight slots for all; a failed setup gives its slot back, and a handle is of one kind."""
    key, ops = _new_key(device, GCM), [AeadCalls(device.ns) for _ in range(8)]
    assert AeadCalls(device.ns).setup(key, CCM) == PSA_ERROR_NOT_PERMITTED
    assert [op.setup(key, GCM) for op in ops] == [PSA_SUCCESS] * 8
    late = AeadCalls(device.ns)
    assert (late.setup(key, GCM), late.handle) == (PSA_ERROR_NOT_PERMITTED, 0)
    forged = psa_hash_operation_t(ops[0].handle)
    assert crypto.psa_hash_update(device.ns, forged, b"") == PSA_ERROR_BAD_STATE
    assert ops[0].set_nonce(NONCE) == PSA_SUCCESS
    assert [op.abort() for op in ops] == [PSA_SUCCESS] * 8
    crypto.psa_destroy_key(device.ns, key)


WITH_HANDLE = (Function.AEAD_ENCRYPT_SETUP, Function.AEAD_FINISH, Function.AEAD_VERIFY, Function.AEAD_ABORT)


@pytest.mark.parametrize("function", WITH_HANDLE)
def test_calls_that_need_room_for_a_handle(device: PartitionBench, function: Function) -> None:
    for out_vec in ([], [psa_outvec(bytearray(3))]):
        status = device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [pack_iovec(function)], out_vec)
        assert status == PSA_ERROR_PROGRAMMER_ERROR


def test_nonce_longer_than_the_request_holds(device: PartitionBench) -> None:
    iovec = PackIovec(alg=GCM, nonce_length=17, function_id=Function.AEAD_ENCRYPT)
    out = psa_outvec(bytearray(16))
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [iovec.encode()], [out]) == PSA_ERROR_INVALID_ARGUMENT


# PSA Crypto 1.2 PSA_ALG_CCM: the longest nonce beside which the plaintext's length can be written.
NONCE_LENGTHS = [(0, 13), (0xFFFF, 13), (0x10000, 12), (0xFFFFFF, 12), (0x1000000, 11), (0xFFFFFFFF, 11)]


@pytest.mark.parametrize(("plaintext_length", "length"), NONCE_LENGTHS)
def test_generated_nonce_of_ccm(device: PartitionBench, plaintext_length: int, length: int) -> None:
    key, op = _new_key(device, CCM), AeadCalls(device.ns)
    op.setup(key, CCM)
    op.set_lengths(0, plaintext_length)
    status, nonce = op.generate_nonce(length)
    assert (status, len(nonce)) == (PSA_SUCCESS, length)
    op.abort()
    crypto.psa_destroy_key(device.ns, key)


def test_generated_nonces_repeat_by_seed_and_only_by_seed() -> None:
    def nonces(seed: int) -> list[bytes]:
        device = start_partitions(seed=seed)
        key, drawn = _new_key(device, GCM), []
        for _ in range(3):
            op = AeadCalls(device.ns)
            op.setup(key, GCM)
            drawn.append(op.generate_nonce()[1])
            _, body = op.update(PLAINTEXT)
            assert body + op.finish()[2] == AESGCM(bytes(16)).encrypt(drawn[-1], PLAINTEXT, b"")
        return drawn

    first = nonces(1)
    assert first == nonces(1)
    assert len({*first, *nonces(2)}) == 6


def test_lengths_after_the_nonce_where_the_build_allows_them() -> None:
    """Mbed TLS psa_aead_set_lengths: any time before the data; CCM's data still need them."""
    device = start_partitions(crypto=CryptoConfig(aead_lengths_after_nonce=True))
    key, op = _new_key(device, CCM), AeadCalls(device.ns)
    assert (op.setup(key, CCM), op.set_nonce(NONCE), op.set_lengths(10, 34)) == (0, 0, 0)
    assert op.update_ad(AD) == PSA_SUCCESS
    status, body = op.update(PLAINTEXT)
    assert status == PSA_SUCCESS
    sealed = crypto.psa_aead_encrypt(device.ns, key, CCM, NONCE, AD, PLAINTEXT, 100)[1]
    assert body + op.finish()[2] == sealed
    assert (op.setup(key, CCM), op.set_nonce(bytes(13))) == (0, 0)
    assert op.set_lengths(0, 0x10000) == PSA_ERROR_INVALID_ARGUMENT
    op.abort()
    misuses: list[Callable[[], int]] = [
        lambda: op.update_ad(b"x"),
        lambda: op.update(b"x")[0],
        lambda: op.finish()[0],
    ]
    for misuse in misuses:
        assert (op.setup(key, CCM), op.set_nonce(NONCE)) == (0, 0)
        assert (misuse(), op.abort()) == (PSA_ERROR_BAD_STATE, PSA_SUCCESS)
    assert (op.setup(key, CCM, is_encrypt=False), op.set_nonce(NONCE)) == (0, 0)
    assert (op.verify(b"")[0], op.abort()) == (PSA_ERROR_BAD_STATE, PSA_SUCCESS)


@pytest.mark.parametrize("count", [0, 2**32 - 3, 2**32 - 1])
@pytest.mark.parametrize("sizes", [(80,), (5, 40, 35), (16, 16, 48)])
def test_counter_of_gcm_wraps_within_32_bits(count: int, sizes: tuple[int, ...]) -> None:
    """SP 800-38D 6.2, inc32: the upper 96 bits stay as they are; block by block for comparison."""
    block, head = algorithms.AES(bytes(16)), bytes(range(12))
    counters = b"".join(head + ((count + i) % 2**32).to_bytes(4, "big") for i in range(5))
    stream = Cipher(block, modes.ECB()).encryptor().update(counters)
    counter = Counter32(block, head + count.to_bytes(4, "big"))
    assert b"".join(counter.update(bytes(size)) for size in sizes) == stream


def test_hchacha20() -> None:
    """draft-irtf-cfrg-xchacha-03, 2.2.1."""
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    subkey = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert hchacha20(bytes(range(32)), nonce).hex() == subkey
