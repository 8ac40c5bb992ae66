"""Multi-part operations and the vectors of a request (TF-M crypto_init, crypto_alloc)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient, psa_outvec
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_hash_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_IAK, Function, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig

SHA_256 = v.PSA_ALG_SHA_256
HS256 = v.PSA_ALG_HMAC(SHA_256)
BOTH = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions()


@dataclass
class Kind:
    """Hash and MAC by the same names, to put the same rules to both."""

    client: PsaClient
    is_mac: bool
    key: int = 0

    def new(self) -> psa_hash_operation_t | psa_mac_operation_t:
        return psa_mac_operation_t() if self.is_mac else psa_hash_operation_t()

    def setup(self, op: psa_hash_operation_t | psa_mac_operation_t) -> int:
        if isinstance(op, psa_mac_operation_t):
            return crypto.psa_mac_sign_setup(self.client, op, self.key, HS256)
        return crypto.psa_hash_setup(self.client, op, SHA_256)

    def update(self, op: psa_hash_operation_t | psa_mac_operation_t, data: bytes = b"abc") -> int:
        if isinstance(op, psa_mac_operation_t):
            return crypto.psa_mac_update(self.client, op, data)
        return crypto.psa_hash_update(self.client, op, data)

    def finish(self, op: psa_hash_operation_t | psa_mac_operation_t, room: int = 32) -> int:
        if isinstance(op, psa_mac_operation_t):
            return crypto.psa_mac_sign_finish(self.client, op, room)[0]
        return crypto.psa_hash_finish(self.client, op, room)[0]

    def abort(self, op: psa_hash_operation_t | psa_mac_operation_t) -> int:
        if isinstance(op, psa_mac_operation_t):
            return crypto.psa_mac_abort(self.client, op)
        return crypto.psa_hash_abort(self.client, op)


@pytest.fixture(params=["hash", "mac"])
def kind(request: pytest.FixtureRequest, device: PartitionBench) -> Kind:
    _, key = crypto.psa_import_key(
        device.ns, KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=BOTH, alg=HS256), b"key"
    )
    return Kind(device.ns, request.param == "mac", key)


def test_handle_follows_the_operation(kind: Kind) -> None:
    op = kind.new()
    assert (kind.setup(op), op.handle) == (PSA_SUCCESS, 1)
    assert (kind.update(op), op.handle) == (PSA_SUCCESS, 1)
    assert (kind.finish(op), op.handle) == (PSA_SUCCESS, 0)


def test_inactive_operation_is_a_bad_state(kind: Kind) -> None:
    op = kind.new()
    assert kind.update(op) == PSA_ERROR_BAD_STATE
    assert kind.finish(op) == PSA_ERROR_BAD_STATE
    assert kind.abort(op) == PSA_SUCCESS


def test_setup_twice_is_a_bad_state_and_keeps_the_handle(kind: Kind) -> None:
    op = kind.new()
    kind.setup(op)
    assert (kind.setup(op), op.handle) == (PSA_ERROR_BAD_STATE, 1)
    assert kind.finish(op) == PSA_SUCCESS


def test_failed_finish_waits_for_its_abort(kind: Kind) -> None:
    op = kind.new()
    kind.setup(op)
    assert (kind.finish(op, room=31), op.handle) == (PSA_ERROR_BUFFER_TOO_SMALL, 1)
    assert kind.update(op) == PSA_ERROR_BAD_STATE
    assert kind.finish(op) == PSA_ERROR_BAD_STATE
    assert kind.setup(op) == PSA_ERROR_BAD_STATE
    assert (kind.abort(op), op.handle) == (PSA_SUCCESS, 0)
    assert kind.setup(op) == PSA_SUCCESS


def test_full_table_is_not_permitted_for_any_client(kind: Kind, device: PartitionBench) -> None:
    ops = [kind.new() for _ in range(8)]
    assert [kind.setup(op) for op in ops] == [PSA_SUCCESS] * 8
    assert [op.handle for op in ops] == list(range(1, 9))
    late = psa_hash_operation_t()
    assert crypto.psa_hash_setup(device.ns2, late, SHA_256) == PSA_ERROR_NOT_PERMITTED
    assert late.handle == 0
    kind.abort(ops[3])
    assert crypto.psa_hash_setup(device.ns2, late, SHA_256) == PSA_SUCCESS
    assert late.handle == 4


def test_another_clients_operation_is_a_bad_state(kind: Kind, device: PartitionBench) -> None:
    op = kind.new()
    kind.setup(op)
    stranger = Kind(device.ns2, kind.is_mac)
    forged = kind.new()
    forged.handle = op.handle
    assert stranger.update(forged) == PSA_ERROR_BAD_STATE
    assert stranger.finish(forged) == PSA_ERROR_BAD_STATE
    assert (stranger.abort(forged), forged.handle) == (PSA_SUCCESS, 1)
    assert kind.finish(op) == PSA_SUCCESS


def test_handle_of_another_kind_is_a_bad_state(kind: Kind, device: PartitionBench) -> None:
    op = kind.new()
    kind.setup(op)
    other = Kind(device.ns, not kind.is_mac)
    forged = other.new()
    forged.handle = op.handle
    assert other.update(forged) == PSA_ERROR_BAD_STATE


@pytest.mark.parametrize("handle", [9, 2**32 - 1])
def test_handle_past_the_table_is_a_bad_state(kind: Kind, handle: int) -> None:
    op = kind.new()
    op.handle = handle
    assert kind.update(op) == PSA_ERROR_BAD_STATE
    assert (kind.finish(op), op.handle) == (PSA_ERROR_BAD_STATE, handle)


@pytest.mark.parametrize(
    "alg, status",
    [
        (0x020000FE, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_ANY_HASH, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_MD5, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_RIPEMD160, PSA_ERROR_NOT_SUPPORTED),
        (HS256, PSA_ERROR_INVALID_ARGUMENT),
        (0, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_hash_algorithm(device: PartitionBench, alg: int, status: int) -> None:
    op = psa_hash_operation_t()
    assert (crypto.psa_hash_setup(device.ns, op, alg), op.handle) == (status, 0)
    assert crypto.psa_hash_compute(device.ns, alg, b"", 64) == (status, b"")
    assert crypto.psa_hash_compare(device.ns, alg, b"", b"") == status
    # The failed setup gave its slot back.
    assert crypto.psa_hash_setup(device.ns, op, SHA_256) == PSA_SUCCESS
    assert op.handle == 1


def test_sha_1_where_the_build_offers_it() -> None:
    device = start_partitions(crypto=CryptoConfig(wants=frozenset({"PSA_WANT_ALG_SHA_1"})))
    digest = "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert crypto.psa_hash_compute(device.ns, v.PSA_ALG_SHA_1, b"abc", 20) == (0, bytes.fromhex(digest))
    assert crypto.psa_hash_compute(device.ns, SHA_256, b"abc", 32)[0] == PSA_ERROR_NOT_SUPPORTED


def test_hash_clone(device: PartitionBench) -> None:
    source, target, used = psa_hash_operation_t(), psa_hash_operation_t(), psa_hash_operation_t(5)
    assert crypto.psa_hash_clone(device.ns, source, target) == PSA_ERROR_BAD_STATE
    crypto.psa_hash_setup(device.ns, source, SHA_256)
    crypto.psa_hash_update(device.ns, source, b"ab")
    assert crypto.psa_hash_clone(device.ns, source, used) == PSA_ERROR_BAD_STATE
    assert (crypto.psa_hash_clone(device.ns, source, target), target.handle) == (PSA_SUCCESS, 2)
    crypto.psa_hash_update(device.ns, target, b"c")
    whole = crypto.psa_hash_compute(device.ns, SHA_256, b"abc", 32)
    assert crypto.psa_hash_finish(device.ns, target, 32) == whole
    assert crypto.psa_hash_verify(device.ns, source, whole[1]) == PSA_ERROR_INVALID_SIGNATURE
    # A failed verification leaves the source in its slot, but with nothing to clone.
    assert crypto.psa_hash_clone(device.ns, source, target) == PSA_ERROR_BAD_STATE
    assert target.handle == 0


@pytest.mark.parametrize("wrong", [b"", b"\0" * 31, b"\0" * 32, b"\0" * 33])
def test_verification_of_a_wrong_value(device: PartitionBench, wrong: bytes) -> None:
    op = psa_hash_operation_t()
    crypto.psa_hash_setup(device.ns, op, SHA_256)
    assert crypto.psa_hash_verify(device.ns, op, wrong) == PSA_ERROR_INVALID_SIGNATURE
    _, key = crypto.psa_import_key(
        device.ns, KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=BOTH, alg=HS256), b"key"
    )
    mac_op = psa_mac_operation_t()
    crypto.psa_mac_verify_setup(device.ns, mac_op, key, HS256)
    assert crypto.psa_mac_verify_finish(device.ns, mac_op, wrong) == PSA_ERROR_INVALID_SIGNATURE
    assert crypto.psa_mac_verify(device.ns, key, HS256, b"", wrong) == PSA_ERROR_INVALID_SIGNATURE


def test_mac_finish_of_the_other_direction_is_a_bad_state(device: PartitionBench) -> None:
    _, key = crypto.psa_import_key(
        device.ns, KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=BOTH, alg=HS256), b"key"
    )
    signing, verifying = psa_mac_operation_t(), psa_mac_operation_t()
    crypto.psa_mac_sign_setup(device.ns, signing, key, HS256)
    crypto.psa_mac_verify_setup(device.ns, verifying, key, HS256)
    assert crypto.psa_mac_verify_finish(device.ns, signing, bytes(32)) == PSA_ERROR_BAD_STATE
    assert crypto.psa_mac_sign_finish(device.ns, verifying, 32)[0] == PSA_ERROR_BAD_STATE


def test_mac_multipart_equals_single_part(device: PartitionBench) -> None:
    _, key = crypto.psa_import_key(
        device.ns, KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=BOTH, alg=HS256), b"key"
    )
    mac = crypto.psa_mac_compute(device.ns, key, HS256, b"abc", 32)
    op = psa_mac_operation_t()
    crypto.psa_mac_sign_setup(device.ns, op, key, HS256)
    for part in (b"a", b"", b"bc"):
        assert crypto.psa_mac_update(device.ns, op, part) == PSA_SUCCESS
    assert crypto.psa_mac_sign_finish(device.ns, op, 32) == mac
    crypto.psa_mac_verify_setup(device.ns, op, key, HS256)
    crypto.psa_mac_update(device.ns, op, b"abc")
    assert crypto.psa_mac_verify_finish(device.ns, op, mac[1]) == PSA_SUCCESS
    assert op.handle == 0


@pytest.mark.parametrize(
    "setup, status",
    [
        (lambda client, op: crypto.psa_mac_sign_setup(client, op, 99, HS256), PSA_ERROR_INVALID_HANDLE),
        (
            lambda client, op: crypto.psa_mac_verify_setup(client, op, TFM_BUILTIN_KEY_ID_IAK, HS256),
            PSA_ERROR_NOT_PERMITTED,
        ),
    ],
)
def test_failed_mac_setup_frees_its_slot(
    device: PartitionBench, setup: Callable[[PsaClient, psa_mac_operation_t], int], status: int
) -> None:
    op = psa_mac_operation_t()
    assert [setup(device.ns, op) for _ in range(9)] == [status] * 9
    assert op.handle == 0


REQUEST = pack_iovec(Function.HASH_COMPUTE, alg=SHA_256)


@pytest.mark.parametrize(
    "type_, inputs, out_sizes, status",
    [
        (0, [REQUEST, b"abc"], [32], PSA_SUCCESS),
        (1, [REQUEST, b"abc"], [32], PSA_ERROR_NOT_SUPPORTED),
        (0, [], [32], PSA_ERROR_GENERIC_ERROR),
        (0, [b"", b"abc"], [32], PSA_ERROR_GENERIC_ERROR),
        (0, [REQUEST[:55]], [32], PSA_ERROR_GENERIC_ERROR),
        (0, [REQUEST], [32], PSA_SUCCESS),
        (0, [REQUEST, b""], [32], PSA_SUCCESS),
        (0, [REQUEST, bytes(5120 - 32)], [32], PSA_SUCCESS),
        (0, [REQUEST, bytes(5121 - 32)], [32], PSA_ERROR_INSUFFICIENT_MEMORY),
        (0, [REQUEST, b"abc"], [5120], PSA_ERROR_INSUFFICIENT_MEMORY),
        (0, [pack_iovec(0x0000)], [], PSA_ERROR_NOT_SUPPORTED),
        (0, [pack_iovec(0x0A00)], [], PSA_ERROR_NOT_SUPPORTED),
        (0, [pack_iovec(0x05FF)], [], PSA_ERROR_BAD_STATE),
        (0, [pack_iovec(0x02FF)], [], PSA_ERROR_NOT_SUPPORTED),
        (0, [pack_iovec(0x0704)], [], PSA_ERROR_NOT_SUPPORTED),
        # TF-M looks up the operation before it notices that the function is unknown.
        (0, [pack_iovec(0x03FF)], [], PSA_ERROR_BAD_STATE),
        (0, [pack_iovec(0x04FF)], [], PSA_ERROR_BAD_STATE),
        (0, [pack_iovec(0x06FF)], [], PSA_ERROR_BAD_STATE),
        (0, [pack_iovec(0x09FF)], [], PSA_ERROR_BAD_STATE),
        (0, [pack_iovec(Function.HASH_SETUP, alg=SHA_256)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.HASH_SETUP, alg=SHA_256)], [], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.HASH_FINISH)], [], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.HASH_ABORT)], [], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.MAC_ABORT)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.HASH_SUSPEND)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.HASH_RESUME), b"state"], [], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.CIPHER_ENCRYPT_SETUP)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.CIPHER_FINISH)], [], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.CIPHER_ABORT)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.CAN_DO_HASH, alg=SHA_256)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.CAN_DO_CIPHER), b"\0\x24"], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.CAN_DO_CIPHER), b"\0"], [4], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.IMPORT_KEY), bytes(23), b"key"], [4], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.IMPORT_KEY), bytes(24), b"key"], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.GENERATE_KEY), bytes(25)], [4], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.GET_KEY_ATTRIBUTES, 0x7FFF815D)], [29], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.GET_KEY_ATTRIBUTES, 0x7FFF815D)], [], PSA_ERROR_PROGRAMMER_ERROR),
        (0, [pack_iovec(Function.OPEN_KEY, 1)], [4], PSA_ERROR_NOT_SUPPORTED),
        (0, [pack_iovec(Function.CLOSE_KEY, 1)], [], PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_request_vectors(
    device: PartitionBench, type_: int, inputs: list[bytes], out_sizes: list[int], status: int
) -> None:
    out_vec = [psa_outvec(bytearray(size)) for size in out_sizes]
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, type_, inputs, out_vec) == status


def test_zero_length_vector_in_the_middle_keeps_its_place(device: PartitionBench) -> None:
    digest = crypto.psa_hash_compute(device.ns, SHA_256, b"", 32)[1]
    assert crypto.psa_hash_compare(device.ns, SHA_256, b"", digest) == PSA_SUCCESS


@pytest.mark.parametrize("size", [4, 24, 28])
def test_attributes_fill_as_much_as_the_vector_holds(device: PartitionBench, size: int) -> None:
    """TF-M's own view ends with the owner, the caller's id."""
    out = psa_outvec(bytearray(size))
    request = pack_iovec(Function.GET_KEY_ATTRIBUTES, TFM_BUILTIN_KEY_ID_IAK)
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request], [out]) == PSA_SUCCESS
    whole = crypto.psa_get_key_attributes(device.ns, TFM_BUILTIN_KEY_ID_IAK)[1].encode()
    owner = (-0x3C000000).to_bytes(4, "little", signed=True)
    assert bytes(memoryview(out.base)) == (whole + owner)[:size]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config, call, status",
    [
        (CryptoConfig(single_part_functions=False), "hash", PSA_ERROR_NOT_SUPPORTED),
        (CryptoConfig(single_part_functions=False), "mac", PSA_ERROR_NOT_SUPPORTED),
        (CryptoConfig(mac_module=False), "mac", PSA_ERROR_NOT_SUPPORTED),
        (CryptoConfig(asym_sign_module=False), "sign", PSA_ERROR_NOT_SUPPORTED),
        (CryptoConfig(builtin_max_key_length=32), "hash", PSA_SUCCESS),
    ],
)
def test_build_without_a_module(config: CryptoConfig, call: str, status: int) -> None:
    device = start_partitions(crypto=config)
    found = {
        "hash": crypto.psa_hash_compute(device.ns, SHA_256, b"", 32),
        "mac": crypto.psa_mac_compute(device.ns, 1, HS256, b"", 32),
        "sign": crypto.psa_sign_hash(device.ns, 1, 0x06000609, bytes(32), 64),
    }[call]
    assert found[0] == status
