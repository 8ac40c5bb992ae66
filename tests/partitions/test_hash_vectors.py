"""Hashes against NIST CAVP, RFC 1321 and the RIPEMD-160 page: at once, in pieces, cloned and suspended."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.nist_vectors import cut, records
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_sizes as sizes
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import psa_hash_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.compression import CONSTRUCTIONS, ChainedHash
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.hash_functions import SUSPENDABLE_INPUT
from tfm_sim.partitions.crypto.hash_suspension import resumed
from tfm_sim.partitions.crypto.hashing import Hashes
from tfm_sim.partitions.crypto.refusal import Refusal
from tfm_sim.partitions.crypto.wants import EVERYTHING, Offer

FILES = [
    (v.PSA_ALG_MD5, "MD5/rfc-1321.txt"),
    (v.PSA_ALG_RIPEMD160, "ripemd160/ripevectors.txt"),
    (v.PSA_ALG_SHA_1, "SHA1/SHA1ShortMsg.rsp"),
    (v.PSA_ALG_SHA_224, "SHA2/SHA224ShortMsg.rsp"),
    (v.PSA_ALG_SHA_256, "SHA2/SHA256ShortMsg.rsp"),
    (v.PSA_ALG_SHA_384, "SHA2/SHA384ShortMsg.rsp"),
    (v.PSA_ALG_SHA_512, "SHA2/SHA512ShortMsg.rsp"),
    (v.PSA_ALG_SHA_512_224, "SHA2/SHA512_224ShortMsg.rsp"),
    (v.PSA_ALG_SHA_512_256, "SHA2/SHA512_256ShortMsg.rsp"),
    (v.PSA_ALG_SHA3_224, "SHA3/SHA3_224ShortMsg.rsp"),
    (v.PSA_ALG_SHA3_256, "SHA3/SHA3_256ShortMsg.rsp"),
    (v.PSA_ALG_SHA3_384, "SHA3/SHA3_384ShortMsg.rsp"),
    (v.PSA_ALG_SHA3_512, "SHA3/SHA3_512ShortMsg.rsp"),
]
LONG = [
    (v.PSA_ALG_SHA_1, "SHA1/SHA1LongMsg.rsp"),
    (v.PSA_ALG_SHA_256, "SHA2/SHA256LongMsg.rsp"),
    (v.PSA_ALG_SHA_512, "SHA2/SHA512LongMsg.rsp"),
    (v.PSA_ALG_SHA3_256, "SHA3/SHA3_256LongMsg.rsp"),
]
SUSPENDED = sorted(CONSTRUCTIONS)


@pytest.fixture(scope="module")
def client() -> PsaClient:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING)).ns


def _vectors(name: str, step: int) -> Iterator[tuple[bytes, bytes]]:
    """Every ``step``-th message of a file and its digest."""
    for index, record in enumerate(records(f"hashes/{name}", "Len")):
        if index % step == 0:
            message = bytes.fromhex(record["Msg"]) if int(record["Len"]) else b""
            yield message, bytes.fromhex(record["MD"])


def _hash_in_pieces(client: PsaClient, alg: int, pieces: list[bytes]) -> psa_hash_operation_t:
    operation = psa_hash_operation_t()
    assert crypto.psa_hash_setup(client, operation, alg) == PSA_SUCCESS
    for piece in pieces:
        assert crypto.psa_hash_update(client, operation, piece) == PSA_SUCCESS
    return operation


@pytest.mark.parametrize("alg, name", FILES)
def test_published_digests(client: PsaClient, alg: int, name: str) -> None:
    for index, (message, digest) in enumerate(_vectors(name, 5)):
        assert len(digest) == sizes.PSA_HASH_LENGTH(alg)
        assert crypto.psa_hash_compute(client, alg, message, len(digest)) == (PSA_SUCCESS, digest)
        assert crypto.psa_hash_compare(client, alg, message, digest) == PSA_SUCCESS
        operation = _hash_in_pieces(client, alg, cut(message, index))
        assert crypto.psa_hash_finish(client, operation, len(digest)) == (PSA_SUCCESS, digest)


@pytest.mark.parametrize("alg, name", LONG)
def test_published_digests_of_long_messages(client: PsaClient, alg: int, name: str) -> None:
    for message, digest in _vectors(name, 16):
        pieces = [message[i : i + 4096] for i in range(0, len(message), 4096)]
        operation = _hash_in_pieces(client, alg, pieces)
        assert crypto.psa_hash_verify(client, operation, digest) == PSA_SUCCESS


def test_shake256_512(client: PsaClient) -> None:
    """FIPS 202: the outputs of 512 bits in NIST's file of any output length."""
    checked = 0
    for record in records("hashes/SHAKE/SHAKE256VariableOut.rsp", "COUNT"):
        if int(record["Outputlen"]) >= 512:
            message, wanted = bytes.fromhex(record["Msg"]), bytes.fromhex(record["Output"])[:64]
            answer = crypto.psa_hash_compute(client, v.PSA_ALG_SHAKE256_512, message, 64)
            assert answer == (PSA_SUCCESS, wanted)
            checked += 1
            if checked == 20:
                break
    assert checked == 20


@pytest.mark.parametrize("alg, name", [file for file in FILES if file[0] in CONSTRUCTIONS])
def test_suspended_and_resumed_in_another_operation(client: PsaClient, alg: int, name: str) -> None:
    """PSA Crypto 1.2 psa_hash_suspend, psa_hash_resume, twice over: the resumed one can be suspended too."""
    for index, (message, digest) in enumerate(_vectors(name, 9)):
        pieces = cut(message, index + 1000)
        operation = _hash_in_pieces(client, alg, pieces[:1])
        for piece in pieces[1:]:
            room = sizes.PSA_HASH_SUSPEND_OUTPUT_SIZE(alg)
            status, state = crypto.psa_hash_suspend(client, operation, room)
            assert (status, operation.handle) == (PSA_SUCCESS, 0)
            operation = psa_hash_operation_t()
            assert crypto.psa_hash_resume(client, operation, state) == PSA_SUCCESS
            assert crypto.psa_hash_update(client, operation, piece) == PSA_SUCCESS
        assert crypto.psa_hash_finish(client, operation, len(digest)) == (PSA_SUCCESS, digest)


def test_suspend_state_of_one_block(client: PsaClient) -> None:
    """FIPS 180-4 example of SHA-256: "abc" fills no block, so the state is the initial hash value."""
    operation = _hash_in_pieces(client, v.PSA_ALG_SHA_256, [b"a", b"bc"])
    initial = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
    state = bytes.fromhex("02000009" + "0000000000000003" + initial + "616263")
    assert crypto.psa_hash_suspend(client, operation, 200) == (PSA_SUCCESS, state)


@pytest.mark.parametrize("alg", SUSPENDED)
@pytest.mark.parametrize("length", [0, 55, 56, 63, 64, 111, 112, 119, 127, 128, 129, 300])
def test_own_compression_functions(alg: int, length: int) -> None:
    """The states that are suspended come from our own code: it must agree with the library."""
    message = bytes(range(256))[:length] * 2
    own = ChainedHash.start(CONSTRUCTIONS[alg], message)
    assert own.digest() == Hashes(Offer(EVERYTHING)).digest(alg, message)


def test_a_machine_without_ripemd_160() -> None:
    lacking = Hashes(Offer(EVERYTHING), frozenset(hashlib.algorithms_guaranteed) - {"ripemd160"})
    for record in records("hashes/ripemd160/ripevectors.txt", "Len"):
        message = bytes.fromhex(record["Msg"]) if int(record["Len"]) else b""
        assert lacking.digest(v.PSA_ALG_RIPEMD160, message).hex() == record["MD"]
    for record in records("HMAC/rfc-2286-ripemd160.txt", "Len"):
        mac = lacking.hmac(v.PSA_ALG_RIPEMD160, bytes.fromhex(record["Key"]))
        mac.update(bytes.fromhex(record["Msg"]))
        assert mac.digest().hex() == record["MD"]


def test_clones_go_their_own_way(client: PsaClient) -> None:
    for alg, _ in FILES:
        source, target = _hash_in_pieces(client, alg, [b"common "]), psa_hash_operation_t()
        assert crypto.psa_hash_clone(client, source, target) == PSA_SUCCESS
        crypto.psa_hash_update(client, source, b"one")
        crypto.psa_hash_update(client, target, b"other")
        whole = [crypto.psa_hash_compute(client, alg, b"common " + end, 64) for end in (b"one", b"other")]
        assert [crypto.psa_hash_finish(client, op, 64) for op in (source, target)] == whole


@given(st.sampled_from([*SUSPENDED, v.PSA_ALG_SHA3_256, v.PSA_ALG_CTR]), st.binary(max_size=220))
def test_any_bytes_are_a_state_or_are_refused(alg: int, rest: bytes) -> None:
    for data in (rest, alg.to_bytes(4, "big") + rest):
        try:
            found, state = resumed(data)
        except Refusal:
            continue
        assert found in CONSTRUCTIONS
        assert len(state.tail) == state.length % state.construction.block


def test_can_do_hash(device: PartitionBench) -> None:
    """TF-M tfm_crypto_can_do_hash: the default build has SHA-2, and none of the legacy hashes."""
    assert crypto.psa_can_do_hash(device.ns, v.PSA_ALG_SHA_256)
    for alg in (v.PSA_ALG_MD5, v.PSA_ALG_RIPEMD160, v.PSA_ALG_SM3, v.PSA_ALG_CTR, 0):
        assert not crypto.psa_can_do_hash(device.ns, alg)


@pytest.fixture(name="device", scope="module")
def default_device() -> PartitionBench:
    return start_partitions()


@pytest.mark.parametrize("alg, counter", [(v.PSA_ALG_SHA_256, 8), (v.PSA_ALG_SHA_512, 16)])
def test_no_message_is_longer_than_the_algorithm_hashes(client: PsaClient, alg: int, counter: int) -> None:
    """PSA Crypto 1.2 psa_hash_update: INVALID_ARGUMENT; only a state from elsewhere comes so far."""
    block, words = sizes.PSA_HASH_BLOCK_LENGTH(alg), sizes.PSA_HASH_LENGTH(alg)
    longest = (1 << 8 * counter - 3) - block
    state = alg.to_bytes(4, "big") + longest.to_bytes(counter, "big") + bytes(words)
    operation = psa_hash_operation_t()
    assert crypto.psa_hash_resume(client, operation, state) == PSA_SUCCESS
    assert crypto.psa_hash_update(client, operation, bytes(block - 1)) == PSA_SUCCESS
    assert crypto.psa_hash_update(client, operation, b"1") == PSA_ERROR_INVALID_ARGUMENT
    assert crypto.psa_hash_finish(client, operation, words) == (PSA_ERROR_BAD_STATE, b"")
    assert crypto.psa_hash_abort(client, operation) == PSA_SUCCESS
    assert crypto.psa_hash_resume(client, operation, state) == PSA_SUCCESS
    assert crypto.psa_hash_update(client, operation, bytes(block - 1)) == PSA_SUCCESS
    status, digest = crypto.psa_hash_finish(client, operation, words)
    assert (status, len(digest)) == (PSA_SUCCESS, words)


def test_a_long_hash_goes_on_but_is_not_suspended(client: PsaClient) -> None:
    """Its input is not kept for ever, and one call does not hash it all anew."""
    operation, data = psa_hash_operation_t(), bytes(5000)
    assert crypto.psa_hash_setup(client, operation, v.PSA_ALG_SHA_256) == PSA_SUCCESS
    count = SUSPENDABLE_INPUT // len(data) + 1
    for _ in range(count):
        assert crypto.psa_hash_update(client, operation, data) == PSA_SUCCESS
    twin = psa_hash_operation_t()
    assert crypto.psa_hash_clone(client, operation, twin) == PSA_SUCCESS
    assert crypto.psa_hash_suspend(client, operation, 200) == (PSA_ERROR_INSUFFICIENT_MEMORY, b"")
    assert crypto.psa_hash_abort(client, operation) == PSA_SUCCESS
    whole = hashlib.sha256(data * count).digest()
    assert crypto.psa_hash_finish(client, twin, 32) == (PSA_SUCCESS, whole)
