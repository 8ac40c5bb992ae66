"""Password-authenticated key exchange (PSA Crypto 1.2 PAKE Extension), through psa_call."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_pake as p
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_hash_operation_t,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import Function, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.weierstrass import nist_group

SHA_256 = v.PSA_ALG_SHA_256
JPAKE = p.PSA_ALG_JPAKE(SHA_256)
P256 = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 256)
SHARE, PUBLIC, PROOF = p.PSA_PAKE_STEP_KEY_SHARE, p.PSA_PAKE_STEP_ZK_PUBLIC, p.PSA_PAKE_STEP_ZK_PROOF
CONFIRM = p.PSA_PAKE_STEP_CONFIRM
CLIENT, SERVER = p.PSA_PAKE_ROLE_CLIENT, p.PSA_PAKE_ROLE_SERVER
ROUND = (SHARE, PUBLIC, PROOF)
P256_ORDER = nist_group(256).order
DERIVE = v.PSA_KEY_USAGE_DERIVE
BASE_POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
SECRET = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=DERIVE | v.PSA_KEY_USAGE_EXPORT)


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions()


@dataclass
class Side:
    """One participant, a client with its key and operation."""

    client: PsaClient
    key: int
    suite: psa_pake_cipher_suite_t
    op: psa_pake_operation_t = field(default_factory=psa_pake_operation_t)

    def setup(self) -> int:
        return crypto.psa_pake_setup(self.client, self.op, self.key, self.suite)

    def names(self, user: bytes, peer: bytes) -> None:
        assert crypto.psa_pake_set_user(self.client, self.op, user) == PSA_SUCCESS
        assert crypto.psa_pake_set_peer(self.client, self.op, peer) == PSA_SUCCESS

    def output(self, step: int, room: int = 133) -> bytes:
        status, data = crypto.psa_pake_output(self.client, self.op, step, room)
        assert status == PSA_SUCCESS
        return data

    def try_output(self, step: int, room: int = 133) -> int:
        return crypto.psa_pake_output(self.client, self.op, step, room)[0]

    def input(self, step: int, data: bytes) -> int:
        return crypto.psa_pake_input(self.client, self.op, step, data)

    def secret(self, attributes: KeyAttributes = SECRET) -> tuple[int, bytes]:
        status, key = crypto.psa_pake_get_shared_key(self.client, self.op, attributes)
        return status, crypto.psa_export_key(self.client, key, 133)[1] if status == PSA_SUCCESS else b""


def password(device: PartitionBench, data: bytes = b"correct horse", alg: int = JPAKE) -> int:
    attributes = KeyAttributes(v.PSA_KEY_TYPE_PASSWORD, usage=DERIVE, alg=alg)
    return crypto.psa_import_key(device.ns, attributes, data)[1]


def jpake_side(device: PartitionBench, data: bytes = b"correct horse", bits: int = 256) -> Side:
    primitive = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, bits)
    suite = psa_pake_cipher_suite_t(JPAKE, primitive, p.PSA_PAKE_UNCONFIRMED_KEY)
    return Side(device.ns, password(device, data), suite)


def jpake_pair(
    device: PartitionBench, bits: int = 256, second: bytes = b"correct horse"
) -> tuple[Side, Side]:
    one, two = jpake_side(device, bits=bits), jpake_side(device, second, bits)
    assert (one.setup(), two.setup()) == (PSA_SUCCESS, PSA_SUCCESS)
    one.names(b"alice", b"bob")
    two.names(b"bob", b"alice")
    return one, two


def move(sender: Side, receiver: Side, rounds: int) -> None:
    for _ in range(rounds):
        for step in ROUND:
            assert receiver.input(step, sender.output(step)) == PSA_SUCCESS


@pytest.mark.parametrize("bits", [256, 384, 521])
def test_jpake_agrees_on_the_point_of_the_curve(device: PartitionBench, bits: int) -> None:
    one, two = jpake_pair(device, bits)
    move(one, two, 2)
    move(two, one, 2)
    move(two, one, 1)
    move(one, two, 1)
    status, secret = one.secret()
    assert (status, two.secret()) == (PSA_SUCCESS, (PSA_SUCCESS, secret))
    assert len(secret) == 1 + 2 * ((bits + 7) // 8)
    assert (one.op.handle, two.op.handle) == (0, 0)


def test_jpake_other_password_gives_another_secret(device: PartitionBench) -> None:
    one, two = jpake_pair(device, second=b"battery staple")
    move(one, two, 2)
    move(two, one, 2)
    # Who does not know the password cannot be told apart in round one; its share is another in round two.
    move(one, two, 1)
    move(two, one, 1)
    assert one.secret()[1] != two.secret()[1]


def test_jpake_inputs_may_come_first(device: PartitionBench) -> None:
    one, two = jpake_pair(device)
    sent = [one.output(step) for step in ROUND * 2]
    assert [two.input(step, data) for step, data in zip(ROUND * 2, sent, strict=True)] == [PSA_SUCCESS] * 6
    move(two, one, 3)
    move(one, two, 1)
    assert one.secret() == two.secret()


@pytest.mark.parametrize("round_, step", [(0, PROOF), (1, PROOF), (2, PROOF), (0, PUBLIC), (1, SHARE)])
def test_jpake_altered_input_is_refused(device: PartitionBench, round_: int, step: int) -> None:
    one, two = jpake_pair(device)
    move(two, one, 2)
    status: int = PSA_SUCCESS
    for number in range(3):
        for kind in ROUND:
            data = one.output(kind)
            if (number, kind) == (round_, step):
                data = data[:-1] + bytes([data[-1] ^ 1])
            status = two.input(kind, data)
            if status != PSA_SUCCESS:
                break
        if status != PSA_SUCCESS:
            break
    # A point with another y is off the curve; a proof with another bit is no proof.
    assert status == (PSA_ERROR_INVALID_SIGNATURE if step == PROOF else PSA_ERROR_INVALID_ARGUMENT)
    assert two.try_output(SHARE) == PSA_ERROR_BAD_STATE
    assert crypto.psa_pake_abort(two.client, two.op) == PSA_SUCCESS
    assert two.op.handle == 0


def test_jpake_peer_with_another_name_is_refused(device: PartitionBench) -> None:
    one, two = jpake_side(device), jpake_side(device)
    assert (one.setup(), two.setup()) == (PSA_SUCCESS, PSA_SUCCESS)
    one.names(b"alice", b"bob")
    two.names(b"bob", b"mallory")
    assert two.input(SHARE, one.output(SHARE)) == PSA_SUCCESS
    assert two.input(PUBLIC, one.output(PUBLIC)) == PSA_SUCCESS
    assert two.input(PROOF, one.output(PROOF)) == PSA_ERROR_INVALID_SIGNATURE


def short_proof(identity: bytes) -> tuple[bytes, bytes, bytes]:
    """A key share, V and a proof r that begins with a zero: one in 256 does (RFC 8235, 3.3)."""
    group = nist_group(256)
    x, v_ = 7, 11
    share, public = x * group.generator, v_ * group.generator
    while True:
        parts = (group.generator.encode(), public.encode(), share.encode(), identity)
        digest = sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
        proof = group.scalar((v_ - x * int.from_bytes(digest, "big")) % group.order)
        if proof[0] == 0:
            return share.encode(), public.encode(), proof
        v_, public = v_ + 1, public + group.generator


@pytest.mark.parametrize("cut", [0, 1])
def test_jpake_proof_may_lack_its_leading_zeros(device: PartitionBench, cut: int) -> None:
    """PSA_PAKE_STEP_ZK_PROOF: leading zeros are permitted up to the length of the order, not wanted."""
    two = jpake_side(device)
    assert two.setup() == PSA_SUCCESS
    two.names(b"bob", b"alice")
    share, public, proof = short_proof(b"alice")
    for step, data in ((SHARE, share), (PUBLIC, public), (PROOF, proof[cut:])):
        assert two.input(step, data) == PSA_SUCCESS


@pytest.mark.parametrize(
    "proof, status",
    [
        (b"", PSA_ERROR_INVALID_ARGUMENT),
        (bytes(33), PSA_ERROR_INVALID_ARGUMENT),
        (b"\1", PSA_ERROR_INVALID_SIGNATURE),
        (P256_ORDER.to_bytes(32, "big"), PSA_ERROR_INVALID_ARGUMENT),
        ((P256_ORDER - 1).to_bytes(32, "big"), PSA_ERROR_INVALID_SIGNATURE),
    ],
)
def test_jpake_proof_is_a_number_below_the_order(device: PartitionBench, proof: bytes, status: int) -> None:
    one, two = jpake_pair(device)
    for step in (SHARE, PUBLIC):
        assert two.input(step, one.output(step)) == PSA_SUCCESS
    assert two.input(PROOF, proof) == status


@pytest.mark.parametrize("inputs", range(6))
def test_jpake_round_two_waits_for_all_of_round_one(device: PartitionBench, inputs: int) -> None:
    one, two = jpake_pair(device)
    for step in ROUND * 2:
        one.output(step)
    for step in (ROUND * 2)[:inputs]:
        assert one.input(step, two.output(step)) == PSA_SUCCESS
    assert one.try_output(SHARE) == PSA_ERROR_BAD_STATE


Calls = Callable[[Side], list[int]]


def _set(side: Side, name: str, data: bytes) -> int:
    call: Callable[[PsaClient, psa_pake_operation_t, bytes], int] = getattr(crypto, f"psa_pake_set_{name}")
    return call(side.client, side.op, data)


@pytest.mark.parametrize(
    "calls, statuses",
    [
        # psa_pake_set_*: each once, and before every input and output
        (lambda s: [_set(s, "user", b"a"), _set(s, "user", b"a")], [PSA_SUCCESS, PSA_ERROR_BAD_STATE]),
        (lambda s: [_set(s, "peer", b"b"), _set(s, "peer", b"b")], [PSA_SUCCESS, PSA_ERROR_BAD_STATE]),
        (
            lambda s: [s.names(b"a", b"b") or s.try_output(SHARE), _set(s, "peer", b"b")],
            [0, PSA_ERROR_BAD_STATE],
        ),
        (
            lambda s: [s.names(b"a", b"b") or s.try_output(SHARE), _role(s, p.PSA_PAKE_ROLE_NONE)],
            [0, PSA_ERROR_BAD_STATE],
        ),
        (lambda s: [_set(s, "user", b"")], [PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [_set(s, "peer", b"")], [PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [_set(s, "user", b"x" * 16)], [PSA_SUCCESS]),
        (lambda s: [_set(s, "user", b"x" * 17)], [PSA_ERROR_NOT_SUPPORTED]),
        # RFC 8236: the participants' names differ
        (lambda s: [_set(s, "user", b"a"), _set(s, "peer", b"a")], [PSA_SUCCESS, PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [_set(s, "context", b"c")], [PSA_ERROR_BAD_STATE]),
        # J-PAKE requires both identities, and assigns no roles
        (lambda s: [s.try_output(SHARE)], [PSA_ERROR_BAD_STATE]),
        (lambda s: [_set(s, "user", b"a"), s.try_output(SHARE)], [PSA_SUCCESS, PSA_ERROR_BAD_STATE]),
        (
            lambda s: [_role(s, p.PSA_PAKE_ROLE_NONE), _role(s, p.PSA_PAKE_ROLE_NONE)],
            [0, PSA_ERROR_BAD_STATE],
        ),
        (lambda s: [_role(s, CLIENT)], [PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [_role(s, 0x77)], [PSA_ERROR_INVALID_ARGUMENT]),
        # steps in their order, all of a round in one direction
        (lambda s: [s.names(b"a", b"b") or s.try_output(PUBLIC)], [PSA_ERROR_BAD_STATE]),
        (lambda s: [s.names(b"a", b"b") or s.try_output(CONFIRM)], [PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [s.names(b"a", b"b") or s.try_output(0)], [PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [s.names(b"a", b"b") or s.input(PROOF, bytes(32))], [PSA_ERROR_BAD_STATE]),
        (lambda s: [s.names(b"a", b"b") or s.input(SHARE, bytes(65))], [PSA_ERROR_INVALID_ARGUMENT]),
        (lambda s: [s.names(b"a", b"b") or s.input(SHARE, b"")], [PSA_ERROR_INVALID_ARGUMENT]),
        (
            lambda s: [s.names(b"a", b"b") or s.try_output(SHARE), s.input(SHARE, BASE_POINT)],
            [PSA_SUCCESS, PSA_ERROR_BAD_STATE],
        ),
        (lambda s: [s.names(b"a", b"b") or s.try_output(SHARE, 64)], [PSA_ERROR_BUFFER_TOO_SMALL]),
        (lambda s: [s.names(b"a", b"b") or s.secret()[0]], [PSA_ERROR_BAD_STATE]),
    ],
)
def test_psa_pake_jpake_misuse(device: PartitionBench, calls: Calls, statuses: list[int]) -> None:
    side = jpake_side(device)
    assert side.setup() == PSA_SUCCESS
    assert calls(side) == statuses
    if statuses[-1] != PSA_SUCCESS:
        # Any error is the error state, which only psa_pake_abort leaves.
        assert _set(side, "user", b"again") == PSA_ERROR_BAD_STATE
        assert side.setup() == PSA_ERROR_BAD_STATE
        assert crypto.psa_pake_abort(side.client, side.op) == PSA_SUCCESS
        assert side.setup() == PSA_SUCCESS


def _role(side: Side, role: int) -> int:
    return crypto.psa_pake_set_role(side.client, side.op, role)


DH = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_DH, v.PSA_DH_FAMILY_RFC7919, 2048)
K1 = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_K1, 256)
SHA_1_JPAKE, SHA3_JPAKE = p.PSA_ALG_JPAKE(0x020000FE), p.PSA_ALG_JPAKE(v.PSA_ALG_SHA3_256)
UNCONFIRMED, CONFIRMED = p.PSA_PAKE_UNCONFIRMED_KEY, p.PSA_PAKE_CONFIRMED_KEY


@pytest.mark.parametrize(
    "key_type, usage, alg, suite, status",
    [
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, JPAKE, (JPAKE, P256, UNCONFIRMED), PSA_SUCCESS),
        (v.PSA_KEY_TYPE_PASSWORD_HASH, DERIVE, JPAKE, (JPAKE, P256, UNCONFIRMED), PSA_SUCCESS),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, SHA3_JPAKE, (SHA3_JPAKE, P256, UNCONFIRMED), PSA_SUCCESS),
        (
            v.PSA_KEY_TYPE_PASSWORD,
            DERIVE,
            JPAKE,
            (v.PSA_ALG_CMAC, P256, CONFIRMED),
            PSA_ERROR_INVALID_ARGUMENT,
        ),
        (v.PSA_KEY_TYPE_PASSWORD, 0x100, JPAKE, (JPAKE, P256, CONFIRMED), PSA_ERROR_NOT_PERMITTED),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, SHA3_JPAKE, (JPAKE, P256, UNCONFIRMED), PSA_ERROR_NOT_PERMITTED),
        (
            v.PSA_KEY_TYPE_PASSWORD,
            DERIVE,
            SHA_1_JPAKE,
            (SHA_1_JPAKE, P256, UNCONFIRMED),
            PSA_ERROR_NOT_SUPPORTED,
        ),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, JPAKE, (JPAKE, P256, CONFIRMED), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, JPAKE, (JPAKE, P256, 2), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, JPAKE, (JPAKE, DH, UNCONFIRMED), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, JPAKE, (JPAKE, K1, UNCONFIRMED), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_PASSWORD, DERIVE, JPAKE, (JPAKE, 0, UNCONFIRMED), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_DERIVE, DERIVE, JPAKE, (JPAKE, P256, UNCONFIRMED), PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_psa_pake_setup(
    device: PartitionBench, key_type: int, usage: int, alg: int, suite: tuple[int, int, int], status: int
) -> None:
    key = crypto.psa_import_key(device.ns, KeyAttributes(key_type, usage=usage, alg=alg), b"password")[1]
    side = Side(device.ns, key, psa_pake_cipher_suite_t(*suite))
    assert side.setup() == status
    assert (side.op.handle != 0) == (status == PSA_SUCCESS)


@pytest.mark.parametrize(
    "config, status",
    [
        (CryptoConfig(extensions=False), PSA_SUCCESS),
        (CryptoConfig(pake_module=False), PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_the_pake_module_is_a_switch_of_its_own(config: CryptoConfig, status: int) -> None:
    assert jpake_side(start_partitions(crypto=config)).setup() == status


def test_psa_pake_setup_key_that_is_none(device: PartitionBench) -> None:
    side = Side(device.ns, 0x1234, psa_pake_cipher_suite_t(JPAKE, P256, UNCONFIRMED))
    assert side.setup() == PSA_ERROR_INVALID_HANDLE


def test_psa_pake_setup_password_that_reduces_to_zero(device: PartitionBench) -> None:
    """PSA Crypto, J-PAKE operation: setup fails where the password is 0 modulo the order."""
    order = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    assert jpake_side(device, order).setup() == PSA_ERROR_INVALID_ARGUMENT
    assert jpake_side(device, bytes(32)).setup() == PSA_ERROR_INVALID_ARGUMENT
    assert jpake_side(device, order[:-1] + b"\x52").setup() == PSA_SUCCESS


@pytest.mark.parametrize(
    "attributes, status",
    [
        (SECRET, PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_HMAC), PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_DERIVE, bits=520), PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_DERIVE, bits=256), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_AES), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_PASSWORD), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=1 << 31), PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_psa_pake_get_shared_key(device: PartitionBench, attributes: KeyAttributes, status: int) -> None:
    one, two = jpake_pair(device)
    move(one, two, 2)
    move(two, one, 3)
    move(one, two, 1)
    assert one.secret(attributes)[0] == status
    assert (one.op.handle == 0) == (status == PSA_SUCCESS)
    if status != PSA_SUCCESS:
        assert one.secret()[0] == PSA_ERROR_BAD_STATE


def test_another_clients_exchange_is_a_bad_state(device: PartitionBench) -> None:
    one, _ = jpake_pair(device)
    stranger = Side(device.ns2, one.key, one.suite, psa_pake_operation_t(one.op.handle))
    assert stranger.try_output(SHARE) == PSA_ERROR_BAD_STATE
    assert crypto.psa_pake_abort(stranger.client, stranger.op) == PSA_SUCCESS
    assert one.try_output(SHARE) == PSA_SUCCESS


def test_handle_of_another_kind_is_a_bad_state(device: PartitionBench) -> None:
    hash_ = psa_hash_operation_t()
    assert crypto.psa_hash_setup(device.ns, hash_, SHA_256) == PSA_SUCCESS
    side = Side(device.ns, 0, psa_pake_cipher_suite_t(), psa_pake_operation_t(hash_.handle))
    assert side.input(SHARE, BASE_POINT) == PSA_ERROR_BAD_STATE


@pytest.mark.parametrize("config", [CryptoConfig(pake_module=False)])
def test_build_without_pake_has_no_such_group(config: CryptoConfig) -> None:
    device = start_partitions(crypto=config)
    iovec = pack_iovec(Function.PAKE_SETUP, alg=JPAKE)
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [iovec]) == PSA_ERROR_NOT_SUPPORTED


@pytest.mark.parametrize("harmless, then", [(False, PSA_ERROR_BAD_STATE), (True, PSA_SUCCESS)])
def test_step_that_the_algorithm_does_not_have(harmless: bool, then: int) -> None:
    """PSA Crypto psa_pake_output: an error is the error state; Arm's suite goes on."""
    device = start_partitions(crypto=CryptoConfig(pake_foreign_step_is_harmless=harmless))
    one, _ = jpake_pair(device)
    assert one.try_output(CONFIRM) == PSA_ERROR_INVALID_ARGUMENT
    assert one.try_output(SHARE) == then
    assert one.input(CONFIRM, b"") == (PSA_ERROR_INVALID_ARGUMENT if harmless else PSA_ERROR_BAD_STATE)
