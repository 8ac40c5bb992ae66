"""The delegated attestation partition: every misuse with its status, and the one key that all share."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.delegated_attestation import (
    R1,
    ROOM,
    SECURE_CALLER,
    get_key,
    get_token,
    private_key,
    public_hash,
    secure_caller,
)
from support.measured_boot import Extend, extend
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient, psa_invec, psa_outvec
from tfm_sim.interface.psa.crypto import psa_destroy_key, psa_get_key_attributes, psa_hash_setup
from tfm_sim.interface.psa.crypto_types import psa_hash_operation_t
from tfm_sim.interface.psa.initial_attestation import psa_initial_attest_get_token
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
    PsaError,
)
from tfm_sim.interface.tfm.delegated_attestation import (
    DelegatedAttestation,
    tfm_delegated_attest_get_delegated_key,
    tfm_delegated_attest_get_token,
)
from tfm_sim.interface.tfm.services import TFM_DELEGATED_ATTESTATION_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import DEFAULT
from tfm_sim.partitions.delegated_attestation.config import DelegatedAttestationConfig
from tfm_sim.partitions.initial_attestation.config import AttestationConfig
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.spm.panic import DevicePanic

SHA256, SHA384, SHA512 = v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_384, v.PSA_ALG_SHA_512
SHA224, SHA3_256 = v.PSA_ALG_SHA_224, v.PSA_ALG_SHA3_256
CALLERS = pytest.mark.parametrize("who", ["ns", "secure"])
CLIENT_ID = -75001


def start(
    *measured: Extend, max_token_size: int = ROOM, crypto: CryptoConfig | None = None, **options: Any
) -> PartitionBench:
    """A device without a boot loader, its slots filled by the NS side."""
    bench = start_partitions(
        attestation=AttestationConfig(max_token_size=max_token_size),
        crypto=crypto,
        measured_boot=MeasuredBootConfig(),
        delegated=DelegatedAttestationConfig(**options),
        extra=[secure_caller()],
    )
    for call in measured:
        assert extend(bench, call) == PSA_SUCCESS
    return bench


def caller(bench: PartitionBench, who: str) -> PsaClient:
    return bench.ns if who == "ns" else bench.as_partition(SECURE_CALLER)


@pytest.fixture(scope="module")
def shared() -> PartitionBench:
    return start(Extend())


@pytest.fixture
def device() -> PartitionBench:
    return start(Extend())


# ---- get_delegated_key: first failure wins, in the order curve, bits, buffer, hash, measurements


@dataclass(frozen=True)
class Ask:
    """One call of tfm_delegated_attest_get_delegated_key."""

    curve: int = R1
    bits: int = 384
    room: int = 66
    hash_alg: int = SHA256

    def by(self, client: PsaClient) -> tuple[int, bytes]:
        return tfm_delegated_attest_get_delegated_key(client, self.curve, self.bits, self.room, self.hash_alg)


NOT_A_HASH = v.PSA_ALG_HMAC(SHA256)


@CALLERS
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Ask(), PSA_SUCCESS),
        (Ask(bits=256, room=32), PSA_SUCCESS),
        (Ask(bits=384, room=48), PSA_SUCCESS),
        (Ask(bits=521, room=66), PSA_SUCCESS),
        (Ask(room=1000), PSA_SUCCESS),
        (Ask(hash_alg=SHA384), PSA_SUCCESS),
        (Ask(hash_alg=SHA512), PSA_SUCCESS),
        (Ask(hash_alg=SHA224), PSA_SUCCESS),  # no hash of it can ever be shown: 28 bytes are no challenge
        (Ask(hash_alg=SHA3_256), PSA_SUCCESS),
        (Ask(curve=v.PSA_ECC_FAMILY_SECP_K1), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(curve=v.PSA_ECC_FAMILY_BRAINPOOL_P_R1), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(curve=v.PSA_ECC_FAMILY_TWISTED_EDWARDS, bits=255), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(curve=0), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(bits=224), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(bits=512), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(bits=0), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(bits=0x10000 + 384), PSA_ERROR_INVALID_ARGUMENT),  # all 32 bits count
        (Ask(bits=256, room=31), PSA_ERROR_BUFFER_TOO_SMALL),
        (Ask(bits=384, room=47), PSA_ERROR_BUFFER_TOO_SMALL),
        (Ask(bits=521, room=65), PSA_ERROR_BUFFER_TOO_SMALL),
        (Ask(room=0), PSA_ERROR_BUFFER_TOO_SMALL),
        (Ask(hash_alg=v.PSA_ALG_MD5), PSA_ERROR_NOT_SUPPORTED),  # a hash, but this build has none
        (Ask(hash_alg=v.PSA_ALG_SHA3_512 + 1), PSA_ERROR_NOT_SUPPORTED),
        (Ask(hash_alg=NOT_A_HASH), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(hash_alg=0), PSA_ERROR_INVALID_ARGUMENT),
        # two mistakes at once: the earlier check answers
        (Ask(curve=0x17, bits=255, room=0, hash_alg=0), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(bits=224, room=0), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(room=47, hash_alg=v.PSA_ALG_MD5), PSA_ERROR_BUFFER_TOO_SMALL),
        (Ask(room=47, hash_alg=0), PSA_ERROR_BUFFER_TOO_SMALL),
    ],
)
def test_get_delegated_key(who: str, asked: Ask, status: int, shared: PartitionBench) -> None:
    answer, scalar = asked.by(caller(shared, who))
    assert answer == status
    assert len(scalar) == ((asked.bits + 7) // 8 if status == PSA_SUCCESS else 0)


@CALLERS
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Ask(), PSA_ERROR_INVALID_ARGUMENT),
        (Ask(hash_alg=v.PSA_ALG_MD5), PSA_ERROR_NOT_SUPPORTED),  # the hash is looked at before the slots
        (Ask(room=0), PSA_ERROR_BUFFER_TOO_SMALL),
    ],
)
def test_without_a_measurement_there_is_no_key(who: str, asked: Ask, status: int) -> None:
    assert asked.by(caller(start(), who)) == (status, b"")


@pytest.mark.parametrize(("size", "status"), [(123, PSA_ERROR_BUFFER_TOO_SMALL), (124, PSA_SUCCESS)])
def test_room_for_the_boot_state(size: int, status: int) -> None:
    """Two heads, 5 labels, signer 2 + 32, version 1 + 6, type 2 + 32, name 1 + 7, value 2 + 32 bytes."""
    bench = start(Extend(sw_type=b"T" * 32, version=b"v" * 6), boot_records_max_size=size)
    assert get_key(bench.ns)[0] == status


def test_the_rse_has_room_for_so_many_slots() -> None:
    calls = [Extend(index, sw_type=b"T" * 32, version=b"v" * 14) for index in range(9)]
    assert get_key(start(*calls[:7]).ns)[0] == PSA_SUCCESS
    assert get_key(start(*calls).ns)[0] == PSA_ERROR_BUFFER_TOO_SMALL


@pytest.mark.parametrize("algo", [0, SHA224, 0x02000014])
def test_a_measurement_by_a_hash_without_a_name(algo: int) -> None:
    assert get_key(start(Extend(algo=algo)).ns)[0] == PSA_ERROR_GENERIC_ERROR


def test_an_algorithm_without_a_name_comes_before_the_room() -> None:
    bench = start(Extend(3), Extend(4, algo=0), boot_records_max_size=1)
    assert get_key(bench.ns)[0] == PSA_ERROR_GENERIC_ERROR


@CALLERS
@pytest.mark.parametrize("call", ["key", "token"])
def test_a_null_size_pointer_is_refused_on_the_callers_side(
    who: str, call: str, shared: PartitionBench
) -> None:
    """Before any call: whatever else is wrong, and though there is no such service."""
    client = caller(shared, who)
    if call == "key":
        found = tfm_delegated_attest_get_delegated_key(client, 0, 0, 0, 0, key_size_is_null=True)
    else:
        found = tfm_delegated_attest_get_token(client, b"", 0, token_size_is_null=True)
    assert found == (PSA_ERROR_INVALID_ARGUMENT, b"")


NULL_BUFFERS: list[Callable[[PsaClient], tuple[int, bytes]]] = [
    lambda client: tfm_delegated_attest_get_delegated_key(client, R1, 384, psa_outvec(0, 48), SHA256),
    lambda client: tfm_delegated_attest_get_token(client, bytes(32), psa_outvec(0, ROOM)),
    lambda client: tfm_delegated_attest_get_token(client, psa_invec(0, 32), ROOM),
]


@pytest.mark.parametrize("call", NULL_BUFFERS)
def test_a_null_buffer_is_the_spms_affair(
    call: Callable[[PsaClient], tuple[int, bytes]], device: PartitionBench
) -> None:
    assert call(device.ns) == (PSA_ERROR_PROGRAMMER_ERROR, b"")
    with pytest.raises(DevicePanic):
        call(device.as_partition(SECURE_CALLER))


# ---- get_token


@pytest.mark.parametrize("length", [0, 1, 20, 28, 31, 33, 47, 49, 63, 65, 100])
@CALLERS
def test_a_hash_of_no_legal_length(who: str, length: int, shared: PartitionBench) -> None:
    assert get_token(caller(shared, who), bytes(length)) == (PSA_ERROR_INVALID_ARGUMENT, b"")


@CALLERS
@pytest.mark.parametrize("length", [32, 48, 64])
def test_without_a_key_there_is_no_token(who: str, length: int, device: PartitionBench) -> None:
    assert get_token(caller(device, who), bytes(length)) == (PSA_ERROR_INVALID_ARGUMENT, b"")


@CALLERS
@pytest.mark.parametrize("bits", [256, 384, 521])
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [(SHA256, "sha256"), (SHA384, "sha384"), (SHA512, "sha512"), (SHA3_256, "sha3_256")],
)
def test_binding(who: str, bits: int, algorithm: int, name: str, shared: PartitionBench) -> None:
    """The challenge is the hash of the COSE_Key, by the algorithm named with the key, and no other's."""
    client = caller(shared, who)
    _, scalar = get_key(client, bits, algorithm)
    right = public_hash(scalar, bits, name)
    status, token = get_token(client, right)
    assert status == PSA_SUCCESS
    assert claims_of(token)[-75008] == right
    for other in {"sha256", "sha384", "sha512", "sha3_256"} - {name}:
        assert get_token(client, public_hash(scalar, bits, other))[0] == PSA_ERROR_INVALID_ARGUMENT
    assert get_token(client, right)[0] == PSA_SUCCESS


@CALLERS
@pytest.mark.parametrize(
    ("spoil", "room", "status"),
    [
        (lambda right: right, ROOM, PSA_SUCCESS),
        (lambda right: bytes([right[0] ^ 0x80]) + right[1:], ROOM, PSA_ERROR_INVALID_ARGUMENT),
        (lambda right: right[:-1] + bytes([right[-1] ^ 1]), ROOM, PSA_ERROR_INVALID_ARGUMENT),
        (lambda right: right[:-1], ROOM, PSA_ERROR_INVALID_ARGUMENT),
        (lambda right: right + bytes(16), ROOM, PSA_ERROR_INVALID_ARGUMENT),
        (lambda right: right, 1, PSA_ERROR_BUFFER_TOO_SMALL),
        (lambda right: right, 0, PSA_ERROR_INVALID_ARGUMENT),  # the initial attestation service's answer
        (lambda right: bytes(32), 1, PSA_ERROR_INVALID_ARGUMENT),  # the hash comes before the token's room
        (lambda right: bytes(32), 0, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_get_token(
    who: str, spoil: Callable[[bytes], bytes], room: int, status: int, shared: PartitionBench
) -> None:
    client = caller(shared, who)
    _, scalar = get_key(client)
    assert get_token(client, spoil(public_hash(scalar)), room)[0] == status


def test_the_token_fits_exactly_or_not(shared: PartitionBench) -> None:
    _, scalar = get_key(shared.ns)
    size = len(get_token(shared.ns, public_hash(scalar))[1])
    assert get_token(shared.ns, public_hash(scalar), size)[0] == PSA_SUCCESS
    assert get_token(shared.ns, public_hash(scalar), size - 1)[0] == PSA_ERROR_BUFFER_TOO_SMALL


def test_the_services_own_buffer_is_the_builds_token_size() -> None:
    """PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE is one number for both services."""
    bench = start(Extend(), max_token_size=0x100)
    _, scalar = get_key(bench.ns)
    assert get_token(bench.ns, public_hash(scalar), 0x800)[0] == PSA_ERROR_BUFFER_TOO_SMALL


def test_the_platform_token_passes_through_a_buffer_of_this_service() -> None:
    """TF-M get_platform_attestation_token: the caller's room counts up to the size of that buffer."""
    bench = start_partitions(
        attestation=AttestationConfig(max_token_size=0x100, mm_iovec=True),
        measured_boot=MeasuredBootConfig(),
        delegated=DelegatedAttestationConfig(),
    )
    assert extend(bench, Extend()) == PSA_SUCCESS
    _, scalar = get_key(bench.ns)
    assert psa_initial_attest_get_token(bench.ns, bytes(32), ROOM)[0] == PSA_SUCCESS  # has no buffer
    assert get_token(bench.ns, public_hash(scalar), ROOM)[0] == PSA_ERROR_BUFFER_TOO_SMALL


def test_the_client_in_the_claim_is_the_partition(shared: PartitionBench) -> None:
    for client in (shared.ns, shared.ns2, shared.as_partition(SECURE_CALLER)):
        _, scalar = get_key(client)
        assert claims_of(get_token(client, public_hash(scalar))[1])[CLIENT_ID] == 277


def claims_of(token: bytes) -> Any:
    return cbor2.loads(cbor2.loads(token).value[2])


@pytest.mark.parametrize("bits", [256, 384, 521])
def test_until_2_1_it_was_the_hash_of_the_point(bits: int) -> None:
    bench = start(Extend(), hash_of_point=True)
    _, scalar = get_key(bench.ns, bits)
    point = private_key(scalar, bits).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert get_token(bench.ns, hashlib.sha256(point).digest())[0] == PSA_SUCCESS
    assert get_token(bench.ns, public_hash(scalar, bits))[0] == PSA_ERROR_INVALID_ARGUMENT


# ---- one key for all


def test_any_client_gets_a_token_for_the_key_of_another(device: PartitionBench) -> None:
    _, scalar = get_key(device.ns)
    for client in (device.ns2, device.as_partition(SECURE_CALLER)):
        assert get_token(client, public_hash(scalar))[0] == PSA_SUCCESS


@pytest.mark.parametrize(
    ("bits", "hash_alg", "first", "second"),
    [
        (384, SHA512, PSA_ERROR_INVALID_ARGUMENT, "sha512"),  # the same key, another hash of it
        (256, SHA256, PSA_ERROR_INVALID_ARGUMENT, "sha256"),  # another key
        (384, SHA256, PSA_SUCCESS, "sha256"),  # both the same
    ],
)
def test_a_second_key_replaces_the_first_for_everyone(
    bits: int, hash_alg: int, first: int, second: str, device: PartitionBench
) -> None:
    _, old = get_key(device.ns)
    _, new = get_key(device.ns2, bits, hash_alg)
    assert get_token(device.ns, public_hash(old))[0] == first
    assert get_token(device.ns, public_hash(new, bits, second))[0] == PSA_SUCCESS


@pytest.mark.parametrize("asked", [Ask(curve=0x17), Ask(bits=1), Ask(room=0), Ask(hash_alg=0)])
def test_a_refused_call_leaves_the_key_as_it_is(asked: Ask, device: PartitionBench) -> None:
    _, scalar = get_key(device.ns)
    assert asked.by(device.ns2)[0] != PSA_SUCCESS
    assert get_token(device.ns, public_hash(scalar))[0] == PSA_SUCCESS


def test_an_extended_slot_leaves_the_key_until_the_next_one(device: PartitionBench) -> None:
    _, old = get_key(device.ns)
    assert extend(device, Extend()) == PSA_SUCCESS
    assert get_token(device.ns, public_hash(old))[0] == PSA_SUCCESS
    assert get_key(device.ns)[1] != old
    assert get_token(device.ns, public_hash(old))[0] == PSA_ERROR_INVALID_ARGUMENT


def test_many_keys_use_up_no_slot_of_the_crypto_service(device: PartitionBench) -> None:
    """TF-M derive_delegated_attestation_key: the previous key is destroyed first."""
    for _ in range(40):
        assert get_key(device.ns)[0] == PSA_SUCCESS


def test_a_key_that_is_gone() -> None:
    """It is volatile and the partition's own. Without it no hash is right; the next call makes it again."""
    bench = start(Extend())
    _, scalar = get_key(bench.ns)
    mine = bench.as_partition(277)
    assert PSA_SUCCESS in [psa_destroy_key(mine, 0x40000000 + slot) for slot in range(32)]
    assert get_token(bench.ns, public_hash(scalar))[0] == PSA_ERROR_GENERIC_ERROR
    assert get_key(bench.ns) == (PSA_SUCCESS, scalar)


def test_the_key_can_be_exported_and_nothing_else() -> None:
    """TF-M derive_delegated_attestation_key: PSA_KEY_USAGE_EXPORT, volatile, no algorithm."""
    bench = start(Extend())
    get_key(bench.ns)
    mine = bench.as_partition(277)
    answers = [psa_get_key_attributes(mine, 0x40000000 + slot) for slot in range(32)]
    (found,) = [attributes for status, attributes in answers if status == PSA_SUCCESS]
    assert (found.usage, found.alg, found.lifetime) == (v.PSA_KEY_USAGE_EXPORT, v.PSA_ALG_NONE, 0)
    assert (found.type, found.bits) == (v.PSA_KEY_TYPE_ECC_KEY_PAIR(R1), 384)


def test_a_derivation_that_fails_has_destroyed_the_old_key() -> None:
    """A curve that the crypto service lacks: what there was before is gone, and its hash right no more."""
    bench = start(Extend(), crypto=CryptoConfig(wants=DEFAULT - {"PSA_WANT_ECC_SECP_R1_384"}))
    _, scalar = get_key(bench.ns, 256)
    assert get_key(bench.ns, 384) == (PSA_ERROR_GENERIC_ERROR, b"")
    assert get_token(bench.ns, public_hash(scalar, 256))[0] == PSA_ERROR_GENERIC_ERROR
    assert get_key(bench.ns, 256) == (PSA_SUCCESS, scalar)
    assert get_token(bench.ns, public_hash(scalar, 256))[0] == PSA_SUCCESS


def test_operations_of_others_may_leave_none_for_the_hash(device: PartitionBench) -> None:
    """CRYPTO_CONC_OPER_NUM: psa_hash_setup's own status comes back, and the key stays."""
    _, scalar = get_key(device.ns)
    held = [psa_hash_operation_t() for _ in range(8)]
    assert [psa_hash_setup(device.ns, operation, SHA256) for operation in held] == [PSA_SUCCESS] * 8
    assert get_key(device.ns)[0] == PSA_ERROR_NOT_PERMITTED
    assert get_token(device.ns, public_hash(scalar))[0] == PSA_SUCCESS


def test_a_build_without_the_seed_derives_nothing() -> None:
    bench = start(Extend(), crypto=CryptoConfig(builtin_max_key_length=31))
    assert get_key(bench.ns)[0] == PSA_ERROR_GENERIC_ERROR
    assert get_token(bench.ns, bytes(32))[0] == PSA_ERROR_INVALID_ARGUMENT


# ---- requests as they travel

KEY = [b"\x12", b"\x80\x01\0\0", SHA256.to_bytes(4, "little")]


@pytest.mark.parametrize(
    ("type_", "inputs", "outputs", "status"),
    [
        (1001, KEY, [48], PSA_SUCCESS),
        (1001, KEY, [], PSA_ERROR_BUFFER_TOO_SMALL),
        (1001, [b"", *KEY[1:]], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [b"\x12\0", *KEY[1:]], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [KEY[0], b"\x80\x01", KEY[2]], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [KEY[0], KEY[1] + b"\0\0\0\0", KEY[2]], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [*KEY[:2], b"\x09"], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [*KEY[:2], KEY[2] + b"\0"], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, KEY[:2], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [b"\x12\0", *KEY[1:]], [], PSA_ERROR_INVALID_ARGUMENT),  # lengths come first
        (1002, [], [48], PSA_ERROR_INVALID_ARGUMENT),
        (1002, [bytes(32)], [], PSA_ERROR_INVALID_ARGUMENT),
        (1000, KEY, [48], PSA_ERROR_NOT_SUPPORTED),
        (1003, KEY, [48], PSA_ERROR_NOT_SUPPORTED),
        (0, [], [], PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_vectors(
    type_: int, inputs: list[bytes], outputs: list[int], status: int, device: PartitionBench
) -> None:
    out_vec = [psa_outvec(bytearray(size)) for size in outputs]
    assert device.ns.psa_call(TFM_DELEGATED_ATTESTATION_HANDLE, type_, inputs, out_vec) == status


def test_the_handle() -> None:
    assert TFM_DELEGATED_ATTESTATION_HANDLE == 0x40000111


@pytest.mark.parametrize("bits", [256, 384, 521])
def test_written_is_the_scalar_and_no_more(bits: int, shared: PartitionBench) -> None:
    buffer = bytearray(b"\xee" * 100)
    out_vec = psa_outvec(buffer)
    status, scalar = tfm_delegated_attest_get_delegated_key(shared.ns, R1, bits, out_vec, SHA256)
    assert (status, out_vec.len) == (PSA_SUCCESS, (bits + 7) // 8)
    assert bytes(buffer) == scalar + b"\xee" * (100 - len(scalar))


def test_pythonic_layer(device: PartitionBench) -> None:
    api = DelegatedAttestation(device.ns)
    scalar = api.get_delegated_key(R1, 384, SHA384)
    assert claims_of(api.get_token(public_hash(scalar, 384, "sha384")))[CLIENT_ID] == 277
    with pytest.raises(PsaError, match="tfm_delegated_attest_get_delegated_key: PSA_ERROR_INVALID_ARGUMENT"):
        api.get_delegated_key(R1, 224, SHA384)
    with pytest.raises(PsaError, match="tfm_delegated_attest_get_token: PSA_ERROR_BUFFER_TOO_SMALL"):
        api.get_token(public_hash(scalar, 384, "sha384"), capacity=1)


def test_a_build_has_room_for_something() -> None:
    with pytest.raises(ValueError, match="boot_records_max_size 0; legal: 1 and up"):
        DelegatedAttestationConfig(boot_records_max_size=0)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([1001, 1002]),
    st.lists(st.binary(max_size=5) | st.binary(min_size=32, max_size=64), max_size=3),
    st.sampled_from([0, 1, 32, 66, 0x800]),
)
def test_any_request_ends_in_a_status(
    shared: PartitionBench, type_: int, inputs: list[bytes], room: int
) -> None:
    status = shared.ns.psa_call(
        TFM_DELEGATED_ATTESTATION_HANDLE, type_, inputs, [psa_outvec(bytearray(room))]
    )
    assert status in (
        PSA_SUCCESS,
        PSA_ERROR_INVALID_ARGUMENT,
        PSA_ERROR_BUFFER_TOO_SMALL,
        PSA_ERROR_NOT_SUPPORTED,
    )
