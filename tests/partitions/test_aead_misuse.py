"""Each misuse of the AEAD functions and its status (PSA Crypto 1.2, 10.5)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from support.aead_client import BOTH, AeadCalls, aead_key
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
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
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import DEFAULT

AES, CHACHA = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_CHACHA20
GCM, CCM, CHAPOLY = v.PSA_ALG_GCM, v.PSA_ALG_CCM, v.PSA_ALG_CHACHA20_POLY1305
XCHAPOLY = v.PSA_ALG_XCHACHA20_POLY1305
UNKNOWN_AEAD = 0x05100700
NONCE = bytes(range(12))
MATERIAL = {AES: bytes(16), CHACHA: bytes(32), v.PSA_KEY_TYPE_HMAC: bytes(16)}
ENCRYPT, DECRYPT = v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DECRYPT


def tag(alg: int, length: int) -> int:
    return v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(alg, length)


def at_least(alg: int, length: int) -> int:
    return v.PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(alg, length)


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


SHORT_TAGS = [tag(CHAPOLY, length) for length in (0, 8, 15, 17)]


@dataclass(frozen=True)
class Case:
    """A call with a key of ``policy`` (``alg`` itself where None): what is asked for and what comes back."""

    alg: int
    status: int
    policy: int | None = None
    key_type: int = AES
    usage: int = BOTH
    nonce: int = 12
    key: int | None = None


SINGLE_PART = [
    Case(GCM, PSA_SUCCESS),
    # No AEAD algorithm, or one for policies alone; before the key is looked at.
    Case(v.PSA_ALG_CTR, PSA_ERROR_INVALID_ARGUMENT),
    Case(v.PSA_ALG_CFB, PSA_ERROR_INVALID_ARGUMENT, key=0),
    Case(0, PSA_ERROR_INVALID_ARGUMENT),
    Case(at_least(GCM, 8), PSA_ERROR_INVALID_ARGUMENT),
    # Key, usage, policy; before the nonce is looked at.
    Case(GCM, PSA_ERROR_INVALID_HANDLE, key=0),
    Case(GCM, PSA_ERROR_INVALID_HANDLE, key=99),
    Case(GCM, PSA_ERROR_NOT_PERMITTED, usage=v.PSA_KEY_USAGE_EXPORT, nonce=0),
    Case(GCM, PSA_ERROR_NOT_PERMITTED, policy=CCM, nonce=0),
    Case(GCM, PSA_ERROR_NOT_PERMITTED, policy=0),
    Case(tag(GCM, 12), PSA_ERROR_NOT_PERMITTED, policy=GCM),
    Case(GCM, PSA_ERROR_NOT_PERMITTED, policy=tag(GCM, 12)),
    Case(tag(CCM, 6), PSA_ERROR_NOT_PERMITTED, policy=at_least(CCM, 8)),
    Case(tag(CCM, 8), PSA_SUCCESS, policy=at_least(CCM, 8)),
    Case(CCM, PSA_SUCCESS, policy=at_least(CCM, 4)),
    # An algorithm that the service lacks.
    Case(UNKNOWN_AEAD, PSA_ERROR_NOT_SUPPORTED),
    Case(UNKNOWN_AEAD, PSA_ERROR_NOT_SUPPORTED, nonce=0),
    # The nonce's length; before the key's type.
    Case(GCM, PSA_ERROR_INVALID_ARGUMENT, nonce=0),
    Case(GCM, PSA_SUCCESS, nonce=1),
    Case(GCM, PSA_SUCCESS, nonce=16),
    Case(GCM, PSA_ERROR_INVALID_ARGUMENT, nonce=17),
    Case(CCM, PSA_ERROR_INVALID_ARGUMENT, nonce=0),
    Case(CCM, PSA_ERROR_INVALID_ARGUMENT, nonce=6),
    Case(CCM, PSA_SUCCESS, nonce=7),
    Case(CCM, PSA_SUCCESS, nonce=13),
    Case(CCM, PSA_ERROR_INVALID_ARGUMENT, nonce=14),
    Case(CHAPOLY, PSA_ERROR_INVALID_ARGUMENT, key_type=CHACHA, nonce=0),
    Case(CHAPOLY, PSA_ERROR_NOT_SUPPORTED, key_type=CHACHA, nonce=8),
    Case(CHAPOLY, PSA_ERROR_INVALID_ARGUMENT, key_type=CHACHA, nonce=11),
    Case(CHAPOLY, PSA_ERROR_INVALID_ARGUMENT, nonce=13),
    Case(XCHAPOLY, PSA_ERROR_INVALID_ARGUMENT, nonce=12),
    # The key's type.
    Case(CHAPOLY, PSA_ERROR_NOT_SUPPORTED),
    Case(GCM, PSA_ERROR_NOT_SUPPORTED, key_type=CHACHA),
    Case(CCM, PSA_ERROR_NOT_SUPPORTED, key_type=v.PSA_KEY_TYPE_HMAC),
    # The tag's length.
    *(Case(tag(GCM, length), PSA_SUCCESS) for length in (4, 8, 12, 13, 14, 15)),
    *(Case(tag(GCM, length), PSA_ERROR_INVALID_ARGUMENT) for length in (0, 1, 3, 5, 7, 9, 11, 17, 63)),
    *(Case(tag(CCM, length), PSA_SUCCESS) for length in (4, 6, 8, 10, 12, 14)),
    *(Case(tag(CCM, length), PSA_ERROR_INVALID_ARGUMENT) for length in (0, 2, 5, 15, 18, 62)),
    *(Case(alg, PSA_ERROR_NOT_SUPPORTED, key_type=CHACHA) for alg in SHORT_TAGS),
]


def _key(device: PartitionBench, case: Case) -> int:
    if case.key is not None:
        return case.key
    policy = case.alg if case.policy is None else case.policy
    return aead_key(device.ns, case.key_type, policy, MATERIAL[case.key_type], case.usage)


@pytest.mark.parametrize("case", SINGLE_PART, ids=str)
def test_single_part(device: PartitionBench, case: Case) -> None:
    key = _key(device, case)
    call = (device.ns, key, case.alg, bytes(case.nonce), b"ad")
    status, sealed = crypto.psa_aead_encrypt(*call, b"plaintext", 100)
    assert (status, bool(sealed)) == (case.status, case.status == PSA_SUCCESS)
    expected = (case.status, b"plaintext" if case.status == PSA_SUCCESS else b"")
    assert crypto.psa_aead_decrypt(*call, sealed or bytes(100), 100) == expected
    crypto.psa_destroy_key(device.ns, key)


# The multi-part setup's order is another: the tag's length comes before the key's type, the nonce later.
SETUP = [
    *(case for case in SINGLE_PART if case.nonce == 12 and case.alg not in (XCHAPOLY, *SHORT_TAGS)),
    Case(CHAPOLY, PSA_SUCCESS, key_type=CHACHA),
    Case(XCHAPOLY, PSA_ERROR_NOT_SUPPORTED, key_type=CHACHA),
    *(Case(alg, PSA_ERROR_INVALID_ARGUMENT, key_type=CHACHA) for alg in SHORT_TAGS),
    *(Case(alg, PSA_ERROR_INVALID_ARGUMENT) for alg in SHORT_TAGS),
]


@pytest.mark.parametrize("is_encrypt", [True, False])
@pytest.mark.parametrize("case", SETUP, ids=str)
def test_setup(device: PartitionBench, case: Case, is_encrypt: bool) -> None:
    key, op, status = _key(device, case), AeadCalls(device.ns), case.status
    assert op.setup(key, case.alg, is_encrypt=is_encrypt) == status
    assert op.handle == (1 if status == PSA_SUCCESS else 0)
    op.abort()
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize(("usage", "is_encrypt"), [(DECRYPT, True), (ENCRYPT, False)])
def test_usage_of_the_other_direction(device: PartitionBench, usage: int, is_encrypt: bool) -> None:
    key = aead_key(device.ns, AES, GCM, usage=usage)
    call = crypto.psa_aead_encrypt if is_encrypt else crypto.psa_aead_decrypt
    assert call(device.ns, key, GCM, NONCE, b"", bytes(16), 100) == (PSA_ERROR_NOT_PERMITTED, b"")
    assert AeadCalls(device.ns).setup(key, GCM, is_encrypt=is_encrypt) == PSA_ERROR_NOT_PERMITTED
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize("alg", [GCM, tag(GCM, 4), CCM, tag(CCM, 8)], ids=hex)
def test_room(device: PartitionBench, alg: int) -> None:
    key, length = aead_key(device.ns, AES, alg), v.PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
    call = (device.ns, key, alg, NONCE, b"")
    small = (PSA_ERROR_BUFFER_TOO_SMALL, b"")
    assert crypto.psa_aead_encrypt(*call, b"data", 4 + length - 1) == small
    assert crypto.psa_aead_encrypt(*call, b"", 0) == small
    status, sealed = crypto.psa_aead_encrypt(*call, b"data", 4 + length)
    assert (status, len(sealed)) == (PSA_SUCCESS, 4 + length)
    assert crypto.psa_aead_decrypt(*call, sealed, 3) == small
    assert crypto.psa_aead_decrypt(*call, sealed, 4) == (PSA_SUCCESS, b"data")
    # Mbed TLS: what has no room for a tag is no ciphertext.
    assert crypto.psa_aead_decrypt(*call, sealed[: length - 1], 4) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert crypto.psa_aead_decrypt(*call, sealed[:-1], 4) == (PSA_ERROR_INVALID_SIGNATURE, b"")
    _, only_tag = crypto.psa_aead_encrypt(*call, b"", length)
    assert crypto.psa_aead_decrypt(*call, only_tag, 0) == (PSA_SUCCESS, b"")
    crypto.psa_destroy_key(device.ns, key)


BUILDS = [
    (CryptoConfig(aead_module=False), PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_NOT_SUPPORTED),
    (CryptoConfig(wants=DEFAULT - {"PSA_WANT_ALG_GCM"}), PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_NOT_SUPPORTED),
    (CryptoConfig(single_part_functions=False), PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS),
    (CryptoConfig(), PSA_SUCCESS, PSA_SUCCESS),
]


@pytest.mark.parametrize(("config", "single_part", "setup"), BUILDS)
def test_builds(config: CryptoConfig, single_part: int, setup: int) -> None:
    client = start_partitions(crypto=config).ns
    key = aead_key(client, AES, GCM)
    sealed = AESGCM(MATERIAL[AES]).encrypt(NONCE, b"", b"")
    assert crypto.psa_aead_encrypt(client, key, GCM, NONCE, b"", b"", 16)[0] == single_part
    assert crypto.psa_aead_decrypt(client, key, GCM, NONCE, b"", sealed, 16)[0] == single_part
    assert AeadCalls(client).setup(key, GCM) == setup


Step = Callable[[AeadCalls], int]


def lengths(ad: int, plaintext: int) -> Step:
    return lambda op: op.set_lengths(ad, plaintext)


def nonce(length: int = 12) -> Step:
    return lambda op: op.set_nonce(bytes(length))


def generate(room: int = 32) -> Step:
    return lambda op: op.generate_nonce(room)[0]


def ad(length: int = 1) -> Step:
    return lambda op: op.update_ad(bytes(length))


def body(length: int = 1, room: int | None = None) -> Step:
    return lambda op: op.update(bytes(length), length if room is None else room)[0]


def finish(room: int = 16) -> Step:
    return lambda op: op.finish(room)[0]


def verify(length: int = 16) -> Step:
    return lambda op: op.verify(bytes(length))[0]


ANY, OTHERS = (GCM, CCM, CHAPOLY), (GCM, CHAPOLY)
# (algorithms, the operation encrypts, calls that succeed, one that does not, its status)
MULTI_PART: list[tuple[tuple[int, ...], bool, list[Step], Step, int]] = [
    # psa_aead_set_lengths: once, before nonce and data.
    (ANY, True, [lengths(1, 1)], lengths(1, 1), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 1), nonce()], lengths(1, 1), PSA_ERROR_BAD_STATE),
    (OTHERS, True, [nonce()], lengths(1, 1), PSA_ERROR_BAD_STATE),
    (OTHERS, True, [generate()], lengths(1, 1), PSA_ERROR_BAD_STATE),
    (OTHERS, True, [nonce(), ad()], lengths(1, 1), PSA_ERROR_BAD_STATE),
    (OTHERS, False, [nonce(), body()], lengths(1, 1), PSA_ERROR_BAD_STATE),
    ((CCM,), True, [], lengths(0xFF00, 1), PSA_ERROR_INVALID_ARGUMENT),
    ((CCM,), False, [], lengths(0xFFFFFFFF, 1), PSA_ERROR_INVALID_ARGUMENT),
    # psa_aead_set_nonce, psa_aead_generate_nonce: once, of a legal length; CCM's lengths come first.
    (ANY, True, [lengths(1, 1), nonce()], nonce(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 1), generate()], nonce(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 1), nonce()], generate(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 1), generate()], generate(), PSA_ERROR_BAD_STATE),
    ((CCM,), True, [], nonce(), PSA_ERROR_BAD_STATE),
    ((CCM,), False, [], nonce(), PSA_ERROR_BAD_STATE),
    ((CCM,), True, [], generate(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 1)], nonce(0), PSA_ERROR_INVALID_ARGUMENT),
    ((CCM,), True, [lengths(1, 1)], nonce(6), PSA_ERROR_INVALID_ARGUMENT),
    ((CCM,), True, [lengths(1, 1)], nonce(14), PSA_ERROR_INVALID_ARGUMENT),
    ((CCM,), True, [lengths(1, 0x10000)], nonce(13), PSA_ERROR_INVALID_ARGUMENT),
    ((CCM,), False, [lengths(1, 0x1000000)], nonce(12), PSA_ERROR_INVALID_ARGUMENT),
    ((CHAPOLY,), True, [], nonce(8), PSA_ERROR_INVALID_ARGUMENT),
    ((CHAPOLY,), True, [], nonce(13), PSA_ERROR_INVALID_ARGUMENT),
    ((GCM,), True, [], nonce(129), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, False, [lengths(1, 1)], generate(), PSA_ERROR_BAD_STATE),
    (OTHERS, True, [], generate(11), PSA_ERROR_BUFFER_TOO_SMALL),
    ((CCM,), True, [lengths(1, 1)], generate(12), PSA_ERROR_BUFFER_TOO_SMALL),
    # psa_aead_update_ad: after the nonce, before the body, no more than announced.
    (ANY, True, [], ad(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 1)], ad(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(0, 1), nonce(), body()], ad(0), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(0, 1), nonce(), body(0)], ad(0), PSA_ERROR_BAD_STATE),
    (OTHERS, False, [nonce(), ad(), body()], ad(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(3, 1), nonce(), ad(2)], ad(2), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, False, [lengths(0, 1), nonce()], ad(1), PSA_ERROR_INVALID_ARGUMENT),
    # psa_aead_update: after nonce and all additional data, no more than announced, and with room.
    (ANY, True, [], body(), PSA_ERROR_BAD_STATE),
    (ANY, False, [lengths(0, 1)], body(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(2, 1), nonce(), ad(1)], body(), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, True, [lengths(2, 1), nonce(), ad(1)], body(0), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, False, [lengths(0, 3), nonce(), body(2)], body(2), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, True, [lengths(0, 9), nonce()], body(9, 8), PSA_ERROR_BUFFER_TOO_SMALL),
    (ANY, False, [lengths(0, 9), nonce()], body(9, 0), PSA_ERROR_BUFFER_TOO_SMALL),
    # psa_aead_finish, psa_aead_verify: nonce, then all that was announced, then the direction, then room.
    (ANY, True, [], finish(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(0, 0)], finish(), PSA_ERROR_BAD_STATE),
    (ANY, False, [lengths(0, 0)], verify(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(1, 0), nonce()], finish(), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, True, [lengths(0, 2), nonce(), body(1)], finish(), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, False, [lengths(0, 2), nonce(), body(1)], verify(), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, False, [lengths(0, 2), nonce(), body(1)], finish(), PSA_ERROR_INVALID_ARGUMENT),
    (ANY, False, [lengths(0, 1), nonce(), body(1)], finish(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(0, 1), nonce(), body(1)], verify(), PSA_ERROR_BAD_STATE),
    (ANY, True, [lengths(0, 1), nonce(), body(1)], finish(15), PSA_ERROR_BUFFER_TOO_SMALL),
    (ANY, False, [lengths(0, 1), nonce(), body(1)], verify(16), PSA_ERROR_INVALID_SIGNATURE),
    (ANY, False, [lengths(0, 0), nonce()], verify(0), PSA_ERROR_INVALID_SIGNATURE),
    (ANY, False, [lengths(0, 0), nonce()], verify(15), PSA_ERROR_INVALID_SIGNATURE),
    (ANY, False, [lengths(0, 0), nonce()], verify(17), PSA_ERROR_INVALID_SIGNATURE),
]


@pytest.mark.parametrize("length", [0, 1])
@pytest.mark.parametrize("alg", OTHERS)
def test_lengths_after_additional_data(alg: int, length: int) -> None:
    """Mbed TLS psa_aead_set_lengths: after the nonce, but not after any data, be it empty."""
    device = start_partitions(crypto=CryptoConfig(aead_lengths_after_nonce=True))
    key_type = CHACHA if alg == CHAPOLY else AES
    key = aead_key(device.ns, key_type, alg, MATERIAL[key_type])
    for begun, status in (([], PSA_SUCCESS), ([ad(length)], PSA_ERROR_BAD_STATE)):
        op = AeadCalls(device.ns)
        assert op.setup(key, alg) == PSA_SUCCESS
        assert [step(op) for step in (nonce(), *begun)] == [PSA_SUCCESS] * (1 + len(begun))
        assert lengths(1, 1)(op) == status
        assert op.abort() == PSA_SUCCESS


ROWS = [(alg, *row) for algs, *row in MULTI_PART for alg in algs]


@pytest.mark.parametrize(("alg", "is_encrypt", "steps", "misuse", "status"), ROWS)
def test_multi_part(
    device: PartitionBench, alg: int, is_encrypt: bool, steps: list[Step], misuse: Step, status: int
) -> None:
    """After the misuse nothing but abort helps (PSA Crypto 1.2, 3.3.2)."""
    key_type = CHACHA if alg == CHAPOLY else AES
    key, op = aead_key(device.ns, key_type, alg, MATERIAL[key_type]), AeadCalls(device.ns)
    assert op.setup(key, alg, is_encrypt=is_encrypt) == PSA_SUCCESS
    assert [step(op) for step in steps] == [PSA_SUCCESS] * len(steps)
    assert (misuse(op), op.handle) == (status, 1)
    everything = [lengths(0, 0), nonce(), generate(), ad(), body(), finish(), verify()]
    assert {step(op) for step in everything} == {PSA_ERROR_BAD_STATE}
    assert (op.setup(key, alg), op.handle) == (PSA_ERROR_BAD_STATE, 1)
    assert (op.abort(), op.handle) == (PSA_SUCCESS, 0)
    assert op.abort() == PSA_SUCCESS
    crypto.psa_destroy_key(device.ns, key)
