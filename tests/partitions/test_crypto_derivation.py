"""Key derivation: which inputs in which order, and how much output (PSA Crypto 1.2 section 10.6)."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.derivation_bench import Derivation, Input, import_key, started
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_types import psa_hash_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_DATA,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK, Function, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import DEFAULT

SALT = v.PSA_KEY_DERIVATION_INPUT_SALT
SECRET = v.PSA_KEY_DERIVATION_INPUT_SECRET
INFO = v.PSA_KEY_DERIVATION_INPUT_INFO
SEED = v.PSA_KEY_DERIVATION_INPUT_SEED
LABEL = v.PSA_KEY_DERIVATION_INPUT_LABEL
CONTEXT = v.PSA_KEY_DERIVATION_INPUT_CONTEXT
COST = v.PSA_KEY_DERIVATION_INPUT_COST
PASSWORD = v.PSA_KEY_DERIVATION_INPUT_PASSWORD
OTHER_SECRET = v.PSA_KEY_DERIVATION_INPUT_OTHER_SECRET

SHA_256 = v.PSA_ALG_SHA_256
HKDF = v.PSA_ALG_HKDF(SHA_256)
EXTRACT = v.PSA_ALG_HKDF_EXTRACT(SHA_256)
EXPAND = v.PSA_ALG_HKDF_EXPAND(SHA_256)
PRF = v.PSA_ALG_TLS12_PRF(SHA_256)
PSK_TO_MS = v.PSA_ALG_TLS12_PSK_TO_MS(SHA_256)
ECJPAKE = v.PSA_ALG_TLS12_ECJPAKE_TO_PMS
PBKDF2 = v.PSA_ALG_PBKDF2_HMAC(SHA_256)
PBKDF2_CMAC = v.PSA_ALG_PBKDF2_AES_CMAC_PRF_128
KBKDF = v.PSA_ALG_SP800_108_COUNTER_HMAC(SHA_256)
KBKDF_CMAC = v.PSA_ALG_SP800_108_COUNTER_CMAC
ECDH_HKDF = v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, HKDF)

POINT = b"\4" + bytes(range(64))
INPUTS: dict[int, list[Input]] = {
    HKDF: [(SALT, b"salt"), (SECRET, b"secret"), (INFO, b"info")],
    EXTRACT: [(SALT, b"salt"), (SECRET, b"secret")],
    EXPAND: [(SECRET, bytes(32)), (INFO, b"info")],
    PRF: [(SEED, b"seed"), (SECRET, b"secret"), (LABEL, b"label")],
    PSK_TO_MS: [(SEED, b"seed"), (OTHER_SECRET, b"other"), (SECRET, b"secret"), (LABEL, b"label")],
    ECJPAKE: [(SECRET, POINT)],
    PBKDF2: [(COST, 2), (SALT, b"salt"), (PASSWORD, b"password")],
    PBKDF2_CMAC: [(COST, 2), (SALT, b"salt"), (PASSWORD, b"password")],
    KBKDF: [(SECRET, b"secret"), (LABEL, b"label"), (CONTEXT, b"context")],
    ECDH_HKDF: [(SALT, b"salt"), (SECRET, b"secret"), (INFO, b"info")],
}
"""What each algorithm takes, in its order. KBKDF_CMAC is missing: its secret can only be a key."""


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


@pytest.mark.parametrize(
    "alg, capacity",
    [
        (HKDF, 255 * 32),
        (v.PSA_ALG_HKDF(v.PSA_ALG_SHA_512), 255 * 64),
        (v.PSA_ALG_HKDF(v.PSA_ALG_SHA3_384), 255 * 48),
        (EXTRACT, 32),
        (EXPAND, 255 * 32),
        (PRF, 0xFFFFFFFF),
        (v.PSA_ALG_TLS12_PRF(v.PSA_ALG_SHA_384), 0xFFFFFFFF),
        (PSK_TO_MS, 48),
        (ECJPAKE, 32),
        (PBKDF2, 0xFFFFFFFF),
        (PBKDF2_CMAC, 0xFFFFFFFF),
        (KBKDF, 0x1FFFFFFF),
        (KBKDF_CMAC, 0x1FFFFFFF),
        (ECDH_HKDF, 255 * 32),
        (v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_FFDH, PBKDF2), 0xFFFFFFFF),
    ],
)
def test_capacity_after_setup(device: PartitionBench, alg: int, capacity: int) -> None:
    """PSA Crypto 1.2, 10.6.1, where a 32-bit size_t can say it."""
    derivation = started(device.ns, alg)
    assert derivation.capacity() == (PSA_SUCCESS, capacity)
    assert derivation.abort() == PSA_SUCCESS


@pytest.mark.parametrize(
    "alg, status",
    [
        (v.PSA_ALG_ECDH, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_FFDH, PSA_ERROR_INVALID_ARGUMENT),
        (0, PSA_ERROR_INVALID_ARGUMENT),
        (SHA_256, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_HMAC(SHA_256), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_HKDF(0), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_HKDF(v.PSA_ALG_MD5), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_HKDF(v.PSA_ALG_ANY_HASH), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_TLS12_PRF(v.PSA_ALG_SHA_512), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_TLS12_PSK_TO_MS(v.PSA_ALG_SHA_1), PSA_ERROR_NOT_SUPPORTED),
        (0x0800FF09, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_ECDH | 0x0000FF09, PSA_ERROR_NOT_SUPPORTED),
        (0x09030000 | HKDF, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, ECJPAKE), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, KBKDF_CMAC), PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_setup_refuses(device: PartitionBench, alg: int, status: int) -> None:
    """PSA Crypto 1.2 psa_key_derivation_setup; the failed setup gives its slot back."""
    derivation = Derivation(device.ns)
    assert [derivation.setup(alg) for _ in range(9)] == [status] * 9
    assert derivation.operation.handle == 0
    assert derivation.setup(HKDF) == PSA_SUCCESS
    assert derivation.setup(HKDF) == PSA_ERROR_BAD_STATE
    assert derivation.abort() == PSA_SUCCESS


@pytest.mark.parametrize("want", ["HKDF", "SHA_256"])
def test_setup_of_what_the_build_leaves_out(want: str) -> None:
    device = start_partitions(crypto=CryptoConfig(wants=DEFAULT - {f"PSA_WANT_ALG_{want}"}))
    assert Derivation(device.ns).setup(HKDF) == PSA_ERROR_NOT_SUPPORTED
    device = start_partitions(crypto=CryptoConfig(key_derivation_module=False))
    assert Derivation(device.ns).setup(HKDF) == PSA_ERROR_NOT_SUPPORTED


def test_inactive_operation_is_a_bad_state(device: PartitionBench) -> None:
    derivation = Derivation(device.ns)
    for call in EVERY_CALL:
        assert call(derivation) == PSA_ERROR_BAD_STATE
    assert derivation.abort() == PSA_SUCCESS


EVERY_CALL: list[Callable[[Derivation], int]] = [
    lambda derivation: derivation.capacity()[0],
    lambda derivation: derivation.set_capacity(1),
    lambda derivation: derivation.give(SALT, b"salt"),
    lambda derivation: derivation.give(COST, 1),
    lambda derivation: derivation.give_key(SECRET, TFM_BUILTIN_KEY_ID_HUK),
    lambda derivation: derivation.agree(SECRET, TFM_BUILTIN_KEY_ID_HUK, b""),
    lambda derivation: derivation.read(1)[0],
    lambda derivation: derivation.verify(b"1"),
    lambda derivation: derivation.verify_key(TFM_BUILTIN_KEY_ID_HUK),
]


def test_another_clients_operation_is_a_bad_state(device: PartitionBench) -> None:
    derivation = started(device.ns, HKDF)
    stranger = Derivation(device.ns2, derivation.operation)
    for call in EVERY_CALL:
        assert call(stranger) == PSA_ERROR_BAD_STATE
    hashing = psa_hash_operation_t(derivation.operation.handle)
    assert crypto.psa_hash_update(device.ns, hashing, b"") == PSA_ERROR_BAD_STATE
    assert derivation.capacity()[0] == PSA_SUCCESS
    derivation.abort()


@pytest.mark.parametrize("alg", INPUTS)
def test_every_input_comes_once(device: PartitionBench, alg: int) -> None:
    """But the salt of PBKDF2, which may come in parts."""
    for index, (step, value) in enumerate(INPUTS[alg]):
        derivation = started(device.ns, alg, INPUTS[alg][: index + 1])
        repeats = alg in (PBKDF2, PBKDF2_CMAC) and step == SALT
        assert derivation.give(step, value) == (PSA_SUCCESS if repeats else PSA_ERROR_BAD_STATE)
        derivation.abort()


@pytest.mark.parametrize(
    "alg, given",
    [
        (HKDF, [(SALT, b"")]),
        (HKDF, [(INFO, b"")]),
        (HKDF, [(SECRET, b"")]),
        (EXTRACT, []),
        (EXTRACT, [(SALT, b"")]),
        (EXPAND, []),
        (EXPAND, [(SECRET, bytes(32))]),
        (PRF, [(SEED, b""), (SECRET, b"")]),
        (PSK_TO_MS, [(SEED, b""), (SECRET, b"")]),
        (ECJPAKE, []),
        (PBKDF2, [(COST, 1), (SALT, b"")]),
        (KBKDF, []),
        (KBKDF_CMAC, []),
    ],
)
def test_output_before_the_inputs_are_there(device: PartitionBench, alg: int, given: list[Input]) -> None:
    """PSA Crypto 1.2 psa_key_derivation_output_bytes: BAD_STATE, and then the error state."""
    derivation = started(device.ns, alg, given)
    assert derivation.read(1) == (PSA_ERROR_BAD_STATE, b"")
    for call in EVERY_CALL:
        assert call(derivation) == PSA_ERROR_BAD_STATE
    assert derivation.setup(alg) == PSA_ERROR_BAD_STATE
    assert derivation.abort() == PSA_SUCCESS
    assert derivation.setup(alg) == PSA_SUCCESS
    assert derivation.abort() == PSA_SUCCESS


WRONG_INPUTS: list[tuple[int, list[Input], Input, int]] = [
    # Out of order.
    (HKDF, [(SECRET, b"")], (SALT, b""), PSA_ERROR_BAD_STATE),
    (EXTRACT, [], (SECRET, b""), PSA_ERROR_BAD_STATE),
    (EXPAND, [], (INFO, b""), PSA_ERROR_BAD_STATE),
    (PRF, [], (SECRET, b""), PSA_ERROR_BAD_STATE),
    (PRF, [(SEED, b"")], (LABEL, b""), PSA_ERROR_BAD_STATE),
    (PSK_TO_MS, [], (OTHER_SECRET, b""), PSA_ERROR_BAD_STATE),
    (PSK_TO_MS, [(SEED, b""), (SECRET, b"")], (OTHER_SECRET, b""), PSA_ERROR_BAD_STATE),
    (PBKDF2, [], (SALT, b""), PSA_ERROR_BAD_STATE),
    (PBKDF2, [(COST, 1)], (PASSWORD, b""), PSA_ERROR_BAD_STATE),
    (PBKDF2, [(COST, 1), (SALT, b"")], (COST, 1), PSA_ERROR_BAD_STATE),
    (PBKDF2, [(COST, 1), (SALT, b""), (PASSWORD, b"")], (SALT, b""), PSA_ERROR_BAD_STATE),
    (KBKDF, [], (LABEL, b""), PSA_ERROR_BAD_STATE),
    (KBKDF, [], (CONTEXT, b""), PSA_ERROR_BAD_STATE),
    (KBKDF, [(SECRET, b""), (CONTEXT, b"")], (LABEL, b""), PSA_ERROR_BAD_STATE),
    # No step of the algorithm, or not for such an input.
    (HKDF, [], (LABEL, b""), PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, [], (SEED, b""), PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, [], (PASSWORD, b""), PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, [], (0, b""), PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, [], (0xFFFF, b""), PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, [], (SALT, 1), PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, [], (COST, 1), PSA_ERROR_INVALID_ARGUMENT),
    (EXTRACT, [], (INFO, b""), PSA_ERROR_INVALID_ARGUMENT),
    (EXPAND, [], (SALT, b""), PSA_ERROR_INVALID_ARGUMENT),
    (PRF, [], (OTHER_SECRET, b""), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [], (COST, b"\1"), PSA_ERROR_INVALID_ARGUMENT),
    # Mbed TLS psa_key_derivation_input_internal: the kind of input counts before the turn.
    (PBKDF2, [(COST, 1)], (COST, b"\1"), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [(COST, 1)], (PASSWORD, 1), PSA_ERROR_INVALID_ARGUMENT),
    (KBKDF, [], (LABEL, 1), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [], (SALT, 1), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [], (PASSWORD, 1), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [], (SECRET, b""), PSA_ERROR_INVALID_ARGUMENT),
    (KBKDF, [], (INFO, b""), PSA_ERROR_INVALID_ARGUMENT),
    (KBKDF_CMAC, [], (SECRET, bytes(16)), PSA_ERROR_INVALID_ARGUMENT),
    # A value that the step cannot take.
    (EXPAND, [], (SECRET, bytes(31)), PSA_ERROR_INVALID_ARGUMENT),
    (EXPAND, [], (SECRET, bytes(33)), PSA_ERROR_INVALID_ARGUMENT),
    (PSK_TO_MS, [(SEED, b"")], (SECRET, bytes(129)), PSA_ERROR_INVALID_ARGUMENT),
    (ECJPAKE, [], (SECRET, POINT[:64]), PSA_ERROR_INVALID_ARGUMENT),
    (ECJPAKE, [], (SECRET, POINT + b"\0"), PSA_ERROR_INVALID_ARGUMENT),
    (ECJPAKE, [], (SECRET, b"\2" + POINT[1:]), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [], (COST, 0), PSA_ERROR_INVALID_ARGUMENT),
    (PBKDF2, [], (COST, 4_000_001), PSA_ERROR_NOT_SUPPORTED),
    (PBKDF2, [], (COST, 2**64 - 1), PSA_ERROR_NOT_SUPPORTED),
    (KBKDF, [(SECRET, b"")], (LABEL, b"la\0bel"), PSA_ERROR_INVALID_ARGUMENT),
]


@pytest.mark.parametrize("alg, given, wrong, status", WRONG_INPUTS)
def test_wrong_input(device: PartitionBench, alg: int, given: list[Input], wrong: Input, status: int) -> None:
    """Any error of an input is the error state, where only abort helps."""
    derivation = started(device.ns, alg, given)
    assert derivation.give(*wrong) == status
    for call in EVERY_CALL:
        assert call(derivation) == PSA_ERROR_BAD_STATE
    assert derivation.abort() == PSA_SUCCESS


def test_info_may_come_first(device: PartitionBench) -> None:
    orders = ([INFO, SALT, SECRET], [SALT, INFO, SECRET], [SALT, SECRET, INFO])
    values = {SALT: b"salt", SECRET: b"secret", INFO: b"info"}
    outputs = []
    for order in orders:
        derivation = started(device.ns, HKDF, [(step, values[step]) for step in order])
        outputs.append(derivation.read(50))
        derivation.abort()
    assert outputs == [outputs[0]] * 3


KEY_TYPES = [
    v.PSA_KEY_TYPE_RAW_DATA,
    v.PSA_KEY_TYPE_HMAC,
    v.PSA_KEY_TYPE_DERIVE,
    v.PSA_KEY_TYPE_PASSWORD,
    v.PSA_KEY_TYPE_PASSWORD_HASH,
    v.PSA_KEY_TYPE_PEPPER,
    v.PSA_KEY_TYPE_AES,
]
_SECRETS = {v.PSA_KEY_TYPE_DERIVE}
_PUBLIC = {v.PSA_KEY_TYPE_RAW_DATA}


@pytest.mark.parametrize(
    "alg, step, fitting",
    [
        (HKDF, SALT, _PUBLIC),
        (HKDF, SECRET, _SECRETS),
        (HKDF, INFO, _PUBLIC),
        (PRF, SEED, _PUBLIC),
        (PSK_TO_MS, OTHER_SECRET, _SECRETS),
        (PBKDF2, SALT, {v.PSA_KEY_TYPE_RAW_DATA, v.PSA_KEY_TYPE_PEPPER}),
        (PBKDF2, PASSWORD, {v.PSA_KEY_TYPE_DERIVE, v.PSA_KEY_TYPE_PASSWORD}),
        (PBKDF2, COST, set[int]()),
        (KBKDF, SECRET, {v.PSA_KEY_TYPE_DERIVE, v.PSA_KEY_TYPE_HMAC}),
        (KBKDF, LABEL, _PUBLIC),
        (KBKDF_CMAC, SECRET, {v.PSA_KEY_TYPE_AES}),
        (HKDF, 0, set[int]()),
    ],
)
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_which_keys_fit_which_step(
    device: PartitionBench, alg: int, step: int, fitting: set[int], key_type: int
) -> None:
    """PSA Crypto 1.2, "compatible key types" of each algorithm."""
    steps = [item[0] for item in INPUTS.get(alg, [])]
    before = INPUTS[alg][: steps.index(step)] if step in steps else []
    derivation = started(device.ns, alg, before)
    key = import_key(device.ns, key_type, b"sixteen bytes ok", usage=v.PSA_KEY_USAGE_DERIVE, alg=alg)
    expected = PSA_SUCCESS if key_type in fitting else PSA_ERROR_INVALID_ARGUMENT
    assert derivation.give_key(step, key) == expected
    derivation.abort()
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize(
    "usage, alg, status",
    [
        (v.PSA_KEY_USAGE_DERIVE, HKDF, PSA_SUCCESS),
        (v.PSA_KEY_USAGE_VERIFY_DERIVATION, HKDF, PSA_SUCCESS),
        (v.PSA_KEY_USAGE_EXPORT, HKDF, PSA_ERROR_NOT_PERMITTED),
        (v.PSA_KEY_USAGE_DERIVE, EXPAND, PSA_ERROR_NOT_PERMITTED),
        (v.PSA_KEY_USAGE_DERIVE, v.PSA_ALG_HKDF(v.PSA_ALG_SHA_384), PSA_ERROR_NOT_PERMITTED),
        (v.PSA_KEY_USAGE_DERIVE, ECDH_HKDF, PSA_ERROR_NOT_PERMITTED),
        (v.PSA_KEY_USAGE_DERIVE, 0, PSA_ERROR_NOT_PERMITTED),
    ],
)
def test_policy_of_an_input_key(device: PartitionBench, usage: int, alg: int, status: int) -> None:
    key = import_key(device.ns, v.PSA_KEY_TYPE_DERIVE, b"secret", usage=usage, alg=alg)
    derivation = started(device.ns, HKDF)
    assert derivation.give_key(SECRET, key) == status
    derivation.abort()
    foreign = started(device.ns2, HKDF)
    assert foreign.give_key(SECRET, key) == PSA_ERROR_INVALID_HANDLE
    foreign.abort()
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize("alg", INPUTS)
def test_capacity_goes_down_and_stays_down(device: PartitionBench, alg: int) -> None:
    derivation = started(device.ns, alg)
    assert derivation.set_capacity(32) == PSA_SUCCESS
    assert derivation.set_capacity(33) == PSA_ERROR_INVALID_ARGUMENT
    for step, value in INPUTS[alg]:
        assert derivation.give(step, value) == PSA_SUCCESS
    assert derivation.capacity() == (PSA_SUCCESS, 32)
    assert derivation.read(32)[0] == PSA_SUCCESS
    assert derivation.capacity() == (PSA_SUCCESS, 0)
    assert derivation.read(1) == (PSA_ERROR_INSUFFICIENT_DATA, b"")
    assert derivation.read(0) == (PSA_ERROR_INSUFFICIENT_DATA, b"")
    assert derivation.capacity() == (PSA_SUCCESS, 0)
    assert derivation.abort() == PSA_SUCCESS


def test_reading_too_much_empties_the_operation(device: PartitionBench) -> None:
    """PSA Crypto 1.2 psa_key_derivation_output_bytes: INSUFFICIENT_DATA is no error state."""
    derivation = started(device.ns, HKDF, INPUTS[HKDF])
    assert derivation.set_capacity(40) == PSA_SUCCESS
    assert derivation.read(30)[0] == PSA_SUCCESS
    assert derivation.read(11) == (PSA_ERROR_INSUFFICIENT_DATA, b"")
    assert derivation.capacity() == (PSA_SUCCESS, 0)
    assert derivation.read(1) == (PSA_ERROR_INSUFFICIENT_DATA, b"")
    assert derivation.set_capacity(0) == PSA_SUCCESS
    assert derivation.set_capacity(1) == PSA_ERROR_INVALID_ARGUMENT
    assert derivation.abort() == PSA_SUCCESS


def test_no_input_after_the_first_output(device: PartitionBench) -> None:
    for size, answer in ((0, PSA_SUCCESS), (1, PSA_SUCCESS), (9000, PSA_ERROR_INSUFFICIENT_DATA)):
        derivation = started(device.ns, PBKDF2, INPUTS[PBKDF2])
        derivation.set_capacity(4000)
        assert derivation.read(min(size, 4001))[0] == answer
        assert derivation.give(SALT, b"") == PSA_ERROR_BAD_STATE
        derivation.abort()


@pytest.mark.parametrize("alg", [KBKDF, HKDF])
def test_capacity_of_sp800_108_stands_from_the_first_output_on(device: PartitionBench, alg: int) -> None:
    """PSA_ALG_SP800_108_COUNTER_HMAC: it is in the output. Other algorithms let it be lowered."""
    derivation = started(device.ns, alg, INPUTS[alg])
    assert derivation.set_capacity(100) == PSA_SUCCESS
    assert derivation.read(10)[0] == PSA_SUCCESS
    assert derivation.set_capacity(91) == PSA_ERROR_INVALID_ARGUMENT
    assert derivation.capacity() == (PSA_SUCCESS, 90)
    expected = PSA_ERROR_BAD_STATE if alg == KBKDF else PSA_SUCCESS
    assert derivation.set_capacity(90) == expected
    derivation.abort()


def test_capacity_of_sp800_108_changes_the_output(device: PartitionBench) -> None:
    outputs = set()
    for capacity in (16, 17, None):
        derivation = started(device.ns, KBKDF, INPUTS[KBKDF])
        assert capacity is None or derivation.set_capacity(capacity) == PSA_SUCCESS
        outputs.add(derivation.read(16))
        derivation.abort()
    assert len(outputs) == 3


def test_ecjpake_to_pms_is_read_in_one_piece(device: PartitionBench) -> None:
    derivation = started(device.ns, ECJPAKE, INPUTS[ECJPAKE])
    assert derivation.read(31) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert derivation.read(32) == (PSA_ERROR_BAD_STATE, b"")
    derivation.abort()


@pytest.mark.parametrize(
    "function, inputs, out_sizes, status",
    [
        (Function.KEY_DERIVATION_SETUP, [], [], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_SETUP, [], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_ABORT, [], [], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_GET_CAPACITY, [], [], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_GET_CAPACITY, [], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_GET_CAPACITY, [], [8], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_OUTPUT_KEY, [bytes(24)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_OUTPUT_KEY, [bytes(23)], [4], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_DERIVATION_OUTPUT_KEY, [], [4], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_AGREEMENT, [b"", bytes(23)], [4], PSA_ERROR_PROGRAMMER_ERROR),
        (Function.KEY_AGREEMENT, [b"", bytes(24)], [3], PSA_ERROR_PROGRAMMER_ERROR),
    ],
)
def test_vectors_of_a_request(
    device: PartitionBench, function: int, inputs: list[bytes], out_sizes: list[int], status: int
) -> None:
    """TF-M tfm_crypto_key_derivation_interface; none of these touches the operation."""
    derivation = started(device.ns, HKDF, INPUTS[HKDF])
    handle = 0 if function == Function.KEY_DERIVATION_SETUP else derivation.operation.handle
    out_vec = [psa_outvec(bytearray(size)) for size in out_sizes]
    request = pack_iovec(function, op_handle=handle)
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request, *inputs], out_vec) == status
    assert derivation.read(1)[0] == PSA_SUCCESS
    derivation.abort()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(alg=st.sampled_from([alg for alg in INPUTS if alg != ECJPAKE]), cuts=st.lists(st.integers(0, 48)))
def test_reading_in_pieces_is_reading_at_once(device: PartitionBench, alg: int, cuts: list[int]) -> None:
    ends = [*sorted(cut for cut in cuts if alg != EXTRACT or cut <= 32), 32 if alg == EXTRACT else 48]
    whole, pieces = started(device.ns, alg, INPUTS[alg]), started(device.ns, alg, INPUTS[alg])
    parts, position = [], 0
    for end in ends:
        status, part = pieces.read(end - position)
        # Nothing out of an empty operation is an error by choice.
        assert status == PSA_SUCCESS or (end == position and pieces.capacity() == (PSA_SUCCESS, 0))
        parts.append(part)
        position = end
    assert (PSA_SUCCESS, b"".join(parts)) == whole.read(ends[-1])
    whole.abort()
    pieces.abort()
