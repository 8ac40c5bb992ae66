"""Client A never reaches B's operations, keys or assets: by no stale handle, forged id or equal uid."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.kernel_bench import in_the_name_of
from support.partition_bench import NS_RAM, PartitionBench, start_partitions
from support.ps_bench import PsBench

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient, psa_outvec
from tfm_sim.interface.psa.crypto_pake import PSA_ALG_JPAKE
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.internal_trusted_storage import (
    psa_its_get,
    psa_its_get_info,
    psa_its_remove,
    psa_its_set,
)
from tfm_sim.interface.psa.protected_storage import psa_ps_get, psa_ps_get_info, psa_ps_remove, psa_ps_set
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import (
    TFM_BUILTIN_KEY_ID_HUK,
    TFM_BUILTIN_KEY_ID_IAK,
    Function,
    pack_iovec,
)
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import TFM_SP_CRYPTO, TFM_SP_INITIAL_ATTESTATION
from tfm_sim.spm.client import NS_CLIENT_ID_BASE, NS_CLIENT_ID_LIMIT, NS_ID_LOWEST
from tfm_sim.spm.partition_memory import Arena

F = Function
S256 = v.PSA_ALG_SHA_256
ALL, RAW, PERSISTENT = v.PSA_KEY_USAGE_ALL, v.PSA_KEY_TYPE_RAW_DATA, v.PSA_KEY_LIFETIME_PERSISTENT
JPAKE, HKDF, ES256 = PSA_ALG_JPAKE(S256), v.PSA_ALG_HKDF(S256), v.PSA_ALG_ECDSA(S256)
P256_UNCONFIRMED = 0x01 << 24 | v.PSA_ECC_FAMILY_SECP_R1 << 16 | 256 | 1 << 32


def call(
    of: PsaClient, function: int, *inputs: bytes, rooms: tuple[int, ...] = (), **fields: int
) -> tuple[int, bytes]:
    """The status, and what the first output vector has."""
    out = [psa_outvec(bytearray(room), room) for room in rooms]
    status = of.psa_call(TFM_CRYPTO_HANDLE, 0, [pack_iovec(function, **fields), *inputs], out)
    assert not out or isinstance(out[0].base, bytearray)
    return status, bytes(out[0].base[: out[0].len]) if out and isinstance(out[0].base, bytearray) else b""


@dataclass(frozen=True)
class Kind:
    """Operations of one kind: their key, setup, abort, and the other functions with the vectors they take."""

    setup: Function
    abort: Function
    alg: int
    uses: tuple[tuple[Function, tuple[bytes, ...], tuple[int, ...]], ...]
    key_type: int = 0
    value: int = 0

    def start(self, client: PsaClient) -> int:
        """The handle of a new operation."""
        key = 0
        if self.key_type:
            asked = KeyAttributes(self.key_type, 128, usage=ALL, alg=self.alg)
            status, key = crypto.psa_generate_key(client, asked)
            assert status == PSA_SUCCESS
        status, handle = call(client, self.setup, rooms=(4,), key_id=key, alg=self.alg, value=self.value)
        assert status == PSA_SUCCESS
        return int.from_bytes(handle, "little")

    def statuses(self, client: PsaClient, handle: int) -> dict[str, int]:
        """What each use of a handle answers."""
        return {
            function.name: call(client, function, *inputs, rooms=rooms, op_handle=handle)[0]
            for function, inputs, rooms in self.uses
        }

    def works(self, client: PsaClient, handle: int) -> bool:
        """Whether a handle is one, by its first use."""
        function, inputs, rooms = self.uses[0]
        return call(client, function, *inputs, rooms=rooms, op_handle=handle)[0] != PSA_ERROR_BAD_STATE

    def end(self, client: PsaClient, handle: int) -> tuple[int, int]:
        """The status of an abort, and the handle that it leaves."""
        status, left = call(client, self.abort, rooms=(4,), op_handle=handle)
        return status, int.from_bytes(left, "little")


ATTRIBUTES = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, 128, usage=ALL).encode()
DATA, HANDLE = (b"data",), bytes(4)
KINDS = {
    "hash": Kind(
        F.HASH_SETUP,
        F.HASH_ABORT,
        S256,
        (
            *((F.HASH_UPDATE, DATA, ()), (F.HASH_CLONE, (HANDLE,), (4,)), (F.HASH_FINISH, (), (4, 32))),
            *((F.HASH_VERIFY, DATA, (4,)), (F.HASH_SUSPEND, (), (4, 200))),
        ),
    ),
    "MAC": Kind(
        F.MAC_SIGN_SETUP,
        F.MAC_ABORT,
        v.PSA_ALG_CMAC,
        ((F.MAC_UPDATE, DATA, ()), (F.MAC_SIGN_FINISH, (), (4, 16)), (F.MAC_VERIFY_FINISH, DATA, (4,))),
        v.PSA_KEY_TYPE_AES,
    ),
    "cipher": Kind(
        F.CIPHER_ENCRYPT_SETUP,
        F.CIPHER_ABORT,
        v.PSA_ALG_CTR,
        (
            *((F.CIPHER_GENERATE_IV, (), (16,)), (F.CIPHER_SET_IV, (bytes(16),), ())),
            *((F.CIPHER_UPDATE, DATA, (32,)), (F.CIPHER_FINISH, (), (4, 16))),
        ),
        v.PSA_KEY_TYPE_AES,
    ),
    "AEAD": Kind(
        F.AEAD_ENCRYPT_SETUP,
        F.AEAD_ABORT,
        v.PSA_ALG_GCM,
        (
            *(
                (F.AEAD_SET_LENGTHS, (), ()),
                (F.AEAD_GENERATE_NONCE, (), (12,)),
                (F.AEAD_SET_NONCE, (bytes(12),), ()),
            ),
            *((F.AEAD_UPDATE_AD, DATA, ()), (F.AEAD_UPDATE, DATA, (32,)), (F.AEAD_FINISH, (), (4, 16))),
            (F.AEAD_VERIFY, DATA, (4, 16)),
        ),
        v.PSA_KEY_TYPE_AES,
    ),
    "derivation": Kind(
        F.KEY_DERIVATION_SETUP,
        F.KEY_DERIVATION_ABORT,
        HKDF,
        (
            *((F.KEY_DERIVATION_GET_CAPACITY, (), (4,)), (F.KEY_DERIVATION_SET_CAPACITY, (), ())),
            *((F.KEY_DERIVATION_INPUT_BYTES, DATA, ()), (F.KEY_DERIVATION_INPUT_KEY, (), ())),
            *((F.KEY_DERIVATION_INPUT_INTEGER, (), ()), (F.KEY_DERIVATION_KEY_AGREEMENT, DATA, ())),
            *((F.KEY_DERIVATION_OUTPUT_BYTES, (), (8,)), (F.KEY_DERIVATION_OUTPUT_KEY, (ATTRIBUTES,), (4,))),
            *(
                (F.KEY_DERIVATION_OUTPUT_KEY_CUSTOM, (ATTRIBUTES,), (4,)),
                (F.KEY_DERIVATION_VERIFY_BYTES, DATA, ()),
            ),
            (F.KEY_DERIVATION_VERIFY_KEY, (), ()),
        ),
    ),
    "PAKE": Kind(
        F.PAKE_SETUP,
        F.PAKE_ABORT,
        JPAKE,
        (
            *((F.PAKE_SET_ROLE, (), ()), (F.PAKE_SET_USER, DATA, ()), (F.PAKE_SET_PEER, DATA, ())),
            *((F.PAKE_SET_CONTEXT, DATA, ()), (F.PAKE_OUTPUT, (), (65,)), (F.PAKE_INPUT, DATA, ())),
            (F.PAKE_GET_SHARED_KEY, (ATTRIBUTES,), (4, 4)),
        ),
        v.PSA_KEY_TYPE_PASSWORD,
        P256_UNCONFIRMED,
    ),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def attestation(device: PartitionBench) -> PsaClient:
    return device.as_partition(TFM_SP_INITIAL_ATTESTATION)


def test_the_table_has_every_function_that_takes_a_handle() -> None:
    """A function of a group with operations is a use, a setup, an abort, or needs no operation."""
    named = {function for kind in KINDS.values() for function, _, _ in kind.uses}
    groups = {kind.setup >> 8 & 0xF for kind in KINDS.values()}
    for function in Function:
        if function >> 8 & 0xF in groups and function not in named:
            last = function.name.rsplit("_", 1)[1]
            assert last in (
                "SETUP",
                "ABORT",
                "RESUME",
                "COMPUTE",
                "COMPARE",
                "AGREEMENT",
                "HASH",
            ) or function in (
                *(F.MAC_VERIFY, F.CIPHER_ENCRYPT, F.CIPHER_DECRYPT, F.CAN_DO_CIPHER, F.AEAD_ENCRYPT),
                *(F.AEAD_DECRYPT, F.KEY_AGREEMENT),
            )


@EVERY_KIND
def test_no_use_of_anothers_operation(kind: Kind) -> None:
    device = start_partitions()
    for owner, stranger in (
        (device.ns, device.ns2),
        (device.ns2, attestation(device)),
        (attestation(device), device.ns),
    ):
        handle = kind.start(owner)
        assert set(kind.statuses(stranger, handle).values()) == {PSA_ERROR_BAD_STATE}
        # TF-M: the abort of what is not one's own succeeds, does nothing, and leaves the caller's handle.
        assert kind.end(stranger, handle) == (PSA_SUCCESS, handle)
        assert kind.works(owner, handle)
        assert kind.end(owner, handle) == (PSA_SUCCESS, 0)


@EVERY_KIND
def test_a_handle_that_went_to_another_client(kind: Kind) -> None:
    """The first owner aborts and keeps the handle; the slot, and so the number, is soon another client's."""
    device = start_partitions()
    handle = kind.start(device.ns)
    assert kind.end(device.ns, handle) == (PSA_SUCCESS, 0)
    assert kind.start(device.ns2) == handle
    assert set(kind.statuses(device.ns, handle).values()) == {PSA_ERROR_BAD_STATE}
    assert kind.end(device.ns, handle) == (PSA_SUCCESS, handle)
    assert kind.works(device.ns2, handle)


@EVERY_KIND
@pytest.mark.parametrize("other", KINDS)
def test_a_handle_that_went_to_another_kind(kind: Kind, other: str) -> None:
    """The same client, but an operation of another kind under the number that it still holds."""
    device = start_partitions()
    handle = kind.start(device.ns)
    kind.end(device.ns, handle)
    assert KINDS[other].start(device.ns) == handle
    if KINDS[other] is not kind:
        assert set(kind.statuses(device.ns, handle).values()) == {PSA_ERROR_BAD_STATE}
        assert kind.end(device.ns, handle) == (PSA_SUCCESS, handle)
    assert KINDS[other].works(device.ns, handle)


@EVERY_KIND
def test_handles_of_before_a_reset_are_dead(kind: Kind) -> None:
    device = start_partitions()
    handles = [kind.start(client) for client in (device.ns, device.ns2)]
    device = start_partitions(hal=device.hal)
    for client in (device.ns, device.ns2):
        for handle in handles:
            assert set(kind.statuses(client, handle).values()) == {PSA_ERROR_BAD_STATE}
            assert kind.end(client, handle) == (PSA_SUCCESS, handle)
    # The first slot is the second client's now, and nothing of the first client's operation is in it.
    assert kind.start(device.ns2) == handles[0]
    assert set(kind.statuses(device.ns, handles[0]).values()) == {PSA_ERROR_BAD_STATE}


def raw(key: int, lifetime: int = PERSISTENT) -> KeyAttributes:
    return KeyAttributes(RAW, lifetime=lifetime, usage=v.PSA_KEY_USAGE_EXPORT, id=key)


NS_IDS = (-1, -2, -3, NS_ID_LOWEST + 1, NS_ID_LOWEST)


def test_every_ns_id_has_keys_and_assets_of_its_own() -> None:
    """The ids at both ends of the agent's range; one key id, one uid."""
    device = start_partitions()
    clients = [device.kernel.ns_client(Arena(NS_RAM, 0x10000), ns_id) for ns_id in NS_IDS]
    for number, client in enumerate(clients):
        assert crypto.psa_import_key(client, raw(1), bytes([number] * 4)) == (PSA_SUCCESS, 1)
    for number, client in enumerate(clients):
        assert crypto.psa_export_key(client, 1, 4) == (PSA_SUCCESS, bytes([number] * 4))
    assert crypto.psa_destroy_key(clients[0], 1) == PSA_SUCCESS
    assert crypto.psa_export_key(clients[0], 1, 4)[0] == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_export_key(clients[1], 1, 4)[0] == PSA_SUCCESS
    assert psa_its_set(clients[-1], 1, b"lowest", 0) == PSA_SUCCESS
    assert {psa_its_get_info(client, 1)[0] for client in clients[:-1]} == {PSA_ERROR_DOES_NOT_EXIST}


def test_nobody_imports_a_key_in_anothers_name() -> None:
    """The service's own view of attributes ends with the owner; a client that sends it is refused."""
    device = start_partitions()
    owner = (NS_CLIENT_ID_LIMIT - 1).to_bytes(4, "little", signed=True)
    forged = raw(1).encode() + owner
    assert call(device.ns, F.IMPORT_KEY, forged, b"evil", rooms=(4,))[0] == PSA_ERROR_PROGRAMMER_ERROR
    assert call(device.ns, F.GENERATE_KEY, forged, rooms=(4,))[0] == PSA_ERROR_PROGRAMMER_ERROR
    assert crypto.psa_get_key_attributes(device.ns2, 1)[0] == PSA_ERROR_INVALID_HANDLE


def test_volatile_ids_can_be_guessed_and_that_is_all() -> None:
    device = start_partitions()
    _, key = crypto.psa_import_key(device.ns, raw(0, lifetime=0), b"secret")
    assert crypto.psa_import_key(device.ns, raw(7), b"stored")[0] == PSA_SUCCESS
    for guess in (key, 7, *range(0x40000000, 0x40000022)):
        for stranger in (device.ns2, attestation(device)):
            assert crypto.psa_get_key_attributes(stranger, guess)[0] == PSA_ERROR_INVALID_HANDLE
            assert crypto.psa_purge_key(stranger, guess) == PSA_ERROR_INVALID_HANDLE
            assert crypto.psa_destroy_key(stranger, guess) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_export_key(device.ns, key, 6) == (PSA_SUCCESS, b"secret")
    assert crypto.psa_export_key(device.ns, 7, 6) == (PSA_SUCCESS, b"stored")


BUILTIN: dict[str, tuple[int, Callable[[PsaClient], int]]] = {
    "sign with the IAK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_sign_hash(of, TFM_BUILTIN_KEY_ID_IAK, ES256, bytes(32), 64)[0],
    ),
    "verify with the IAK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_verify_hash(of, TFM_BUILTIN_KEY_ID_IAK, ES256, bytes(32), bytes(64)),
    ),
    "export the IAK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_export_key(of, TFM_BUILTIN_KEY_ID_IAK, 64)[0],
    ),
    "copy the IAK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_copy_key(of, TFM_BUILTIN_KEY_ID_IAK, KeyAttributes(usage=ALL))[0],
    ),
    "agree with the IAK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_raw_key_agreement(of, v.PSA_ALG_ECDH, TFM_BUILTIN_KEY_ID_IAK, bytes(65), 32)[0],
    ),
    "destroy the IAK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_destroy_key(of, TFM_BUILTIN_KEY_ID_IAK),
    ),
    "export the HUK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_export_key(of, TFM_BUILTIN_KEY_ID_HUK, 64)[0],
    ),
    "copy the HUK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_copy_key(of, TFM_BUILTIN_KEY_ID_HUK, KeyAttributes(usage=ALL))[0],
    ),
    "destroy the HUK": (
        PSA_ERROR_NOT_PERMITTED,
        lambda of: crypto.psa_destroy_key(of, TFM_BUILTIN_KEY_ID_HUK),
    ),
    "put a key in the IAK's place": (
        PSA_ERROR_INVALID_ARGUMENT,
        lambda of: crypto.psa_import_key(of, raw(TFM_BUILTIN_KEY_ID_IAK), b"evil")[0],
    ),
    "make a builtin key": (
        PSA_ERROR_INVALID_ARGUMENT,
        lambda of: crypto.psa_import_key(of, raw(TFM_BUILTIN_KEY_ID_HUK, lifetime=0x80000101), b"evil")[0],
    ),
}


@pytest.mark.parametrize("what", BUILTIN)
def test_builtin_keys_are_not_a_clients(what: str) -> None:
    device = start_partitions()
    expected, act = BUILTIN[what]
    assert [act(client) for client in (device.ns, device.ns2)] == [expected] * 2


def its_uid(client_id: int, key: int) -> int:
    """Under which uid the crypto service stores a key (Mbed TLS psa_its_identifier_of_slot)."""
    return (client_id & 0xFFFFFFFF) << 32 | key


def test_a_stored_key_is_no_asset_of_its_owners() -> None:
    """Key 1 of a client has a uid; the client's own asset of that uid is another, and so is everybody's."""
    device = start_partitions()
    uids = [its_uid(NS_CLIENT_ID_LIMIT - number, 1) for number in (0, 1)]
    assert crypto.psa_import_key(device.ns, raw(1), b"secret") == (PSA_SUCCESS, 1)
    for client in (device.ns, device.ns2):
        for uid in (*uids, 1, 0xFFFFFF52):
            assert psa_its_get_info(client, uid)[0] == PSA_ERROR_DOES_NOT_EXIST
            assert psa_its_remove(client, uid) == PSA_ERROR_DOES_NOT_EXIST
    assert psa_its_set(device.ns, uids[0], b"PSA\0KEY\0" + bytes(40), 0) == PSA_SUCCESS
    assert crypto.psa_purge_key(device.ns, 1) == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, 1, 6) == (PSA_SUCCESS, b"secret")
    # The other way round: the key goes, and the asset stays.
    assert crypto.psa_destroy_key(device.ns, 1) == PSA_SUCCESS
    assert psa_its_get(device.ns, uids[0], 0, 8) == (PSA_SUCCESS, b"PSA\0KEY\0")
    assert crypto.psa_get_key_attributes(device.ns, 1)[0] == PSA_ERROR_INVALID_HANDLE


def test_assets_of_clients_whose_ids_and_uids_meet() -> None:
    """A file's name is client id and uid side by side: no pair of them runs into another's."""
    device = start_partitions()
    clients = (device.ns, device.ns2, device.as_partition(TFM_SP_CRYPTO))
    uids = (1, its_uid(NS_CLIENT_ID_LIMIT, 1))
    for number, client in enumerate(clients):
        for uid in uids:
            assert psa_its_set(client, uid, bytes([number, uid & 0xFF, uid >> 32 & 0xFF]), 0) == PSA_SUCCESS
    device = start_partitions(hal=device.hal)
    clients = (device.ns, device.ns2, device.as_partition(TFM_SP_CRYPTO))
    for number, client in enumerate(clients):
        for uid in uids:
            wanted = bytes([number, uid & 0xFF, uid >> 32 & 0xFF])
            assert psa_its_get(client, uid, 0, 9) == (PSA_SUCCESS, wanted)


def test_protected_objects_are_each_clients_own() -> None:
    bench = PsBench(on_flash=True).boot()
    for number, client in enumerate((bench.ns, bench.ns2)):
        assert psa_ps_set(client, 1, bytes([number] * 20), 0) == PSA_SUCCESS
    # PS's object tables are its files 1 and 2, its objects those behind them.
    for client in (bench.ns, bench.ns2):
        assert {psa_its_get_info(client, uid)[0] for uid in range(1, 14)} == {PSA_ERROR_DOES_NOT_EXIST}
        assert psa_its_set(client, 1, b"no table", 0) == PSA_SUCCESS
    assert psa_ps_get_info(bench.ns, 2)[0] == PSA_ERROR_DOES_NOT_EXIST
    bench.boot()
    assert [psa_ps_get(client, 1, 0, 20)[1] for client in (bench.ns, bench.ns2)] == [
        bytes(20),
        bytes([1] * 20),
    ]
    assert psa_ps_remove(bench.ns, 1) == PSA_SUCCESS
    assert psa_ps_get(bench.ns, 1, 0, 20)[0] == PSA_ERROR_DOES_NOT_EXIST
    assert psa_ps_get(bench.ns2, 1, 0, 20) == (PSA_SUCCESS, bytes([1] * 20))


def test_client_ids_of_the_agents_range_are_what_the_uids_of_keys_hold() -> None:
    """Two ids of the range never give one uid: the whole id is in it, and no partition's id is negative."""
    uids = {its_uid(client, 1) for client in (NS_CLIENT_ID_BASE, NS_CLIENT_ID_LIMIT, 1, TFM_SP_CRYPTO)}
    assert len(uids) == 4
    device = start_partitions()
    assert in_the_name_of(device.kernel, TFM_SP_CRYPTO).client_id > 0
