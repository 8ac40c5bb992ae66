"""What comes out of a key derivation as a key, or is compared with one (PSA Crypto 1.2 section 10.6.3)."""

import io

import pytest
from support.derivation_bench import Derivation, import_key, started
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_DATA,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.derived_keys import derive_material
from tfm_sim.partitions.crypto.wants import DEFAULT, EVERYTHING

SECRET = v.PSA_KEY_DERIVATION_INPUT_SECRET
INFO = v.PSA_KEY_DERIVATION_INPUT_INFO
SALT = v.PSA_KEY_DERIVATION_INPUT_SALT
SEED = v.PSA_KEY_DERIVATION_INPUT_SEED
LABEL = v.PSA_KEY_DERIVATION_INPUT_LABEL
COST = v.PSA_KEY_DERIVATION_INPUT_COST
PASSWORD = v.PSA_KEY_DERIVATION_INPUT_PASSWORD
OTHER_SECRET = v.PSA_KEY_DERIVATION_INPUT_OTHER_SECRET
DERIVE, VERIFY = v.PSA_KEY_USAGE_DERIVE, v.PSA_KEY_USAGE_VERIFY_DERIVATION
EXPORT = v.PSA_KEY_USAGE_EXPORT
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
PBKDF2 = v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256)

SECP_R1, SECP_K1 = v.PSA_ECC_FAMILY_SECP_R1, v.PSA_ECC_FAMILY_SECP_K1
BRAINPOOL, MONTGOMERY = v.PSA_ECC_FAMILY_BRAINPOOL_P_R1, v.PSA_ECC_FAMILY_MONTGOMERY
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""FIPS 186-4, D.1.2.3."""


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING))


def keyed(client: PsaClient, info: bytes = b"info", usage: int = DERIVE) -> Derivation:
    """HKDF with a secret that is a key."""
    secret = import_key(client, v.PSA_KEY_TYPE_DERIVE, b"secret", usage=usage, alg=HKDF)
    derivation = started(client, HKDF)
    assert derivation.give_key(SECRET, secret) == PSA_SUCCESS
    assert derivation.give(INFO, info) == PSA_SUCCESS
    crypto.psa_destroy_key(client, secret)
    return derivation


def derived(client: PsaClient, key_type: int, bits: int) -> tuple[int, bytes, int]:
    """Status, the key as exported, and how much of the stream it took."""
    derivation = keyed(client)
    attributes = KeyAttributes(key_type, bits, usage=EXPORT)
    status, key = derivation.key(attributes)
    data = crypto.psa_export_key(client, key, 2048)[1] if status == PSA_SUCCESS else b""
    taken = 255 * 32 - derivation.capacity()[1]
    derivation.abort()
    crypto.psa_destroy_key(client, key)
    return status, data, taken


def stream(client: PsaClient, size: int) -> bytes:
    derivation = keyed(client)
    data = derivation.read(size)[1]
    derivation.abort()
    return data


@pytest.mark.parametrize(
    "key_type, bits",
    [
        *((v.PSA_KEY_TYPE_AES, bits) for bits in (128, 192, 256)),
        (v.PSA_KEY_TYPE_CAMELLIA, 256),
        (v.PSA_KEY_TYPE_CHACHA20, 256),
        (v.PSA_KEY_TYPE_ARC4, 128),
        (v.PSA_KEY_TYPE_DERIVE, 8),
        (v.PSA_KEY_TYPE_HMAC, 1024),
        (v.PSA_KEY_TYPE_RAW_DATA, 8192),
        (v.PSA_KEY_TYPE_PASSWORD, 64),
        (v.PSA_KEY_TYPE_PEPPER, 64),
    ],
)
def test_keys_that_are_just_bytes(device: PartitionBench, key_type: int, bits: int) -> None:
    assert derived(device.ns, key_type, bits) == (PSA_SUCCESS, stream(device.ns, bits // 8), bits // 8)


@pytest.mark.parametrize(
    "family, bits",
    [
        *((SECP_R1, bits) for bits in (192, 224, 256, 384, 521)),
        (SECP_K1, 256),
        *((BRAINPOOL, bits) for bits in (256, 384, 512)),
    ],
)
def test_weierstrass_keys(device: PartitionBench, family: int, bits: int) -> None:
    """The first candidate with spare bits cleared, plus one, or a later one."""
    status, data, taken = derived(device.ns, PAIR(family), bits)
    width = (bits + 7) // 8
    assert (status, len(data), taken % width) == (PSA_SUCCESS, width, 0)
    last = stream(device.ns, taken)[-width:]
    assert int.from_bytes(data, "big") == (int.from_bytes(last, "big") & (1 << bits) - 1) + 1


def test_candidates_out_of_range_are_left_out() -> None:
    """FIPS 186-5, A.2.2: k up to N - 2 makes the key k + 1; larger ones are drawn again."""
    attributes = KeyAttributes(PAIR(SECP_R1), 256)
    for largest, used in ((ORDER_P256 - 2, True), (ORDER_P256 - 1, False), (2**256 - 1, False)):
        stream_of_two = io.BytesIO(largest.to_bytes(32, "big") + (6).to_bytes(32, "big"))
        material = derive_material(attributes, stream_of_two.read)
        assert int.from_bytes(material.data, "big") == (ORDER_P256 - 1 if used else 7)


@pytest.mark.parametrize("bits", [255, 448])
def test_montgomery_keys_have_their_bits_set(device: PartitionBench, bits: int) -> None:
    """RFC 7748, 5."""
    size = (bits + 7) // 8
    expected = bytearray(stream(device.ns, size))
    expected[0] &= 0xF8 if bits == 255 else 0xFC
    expected[-1] = expected[-1] & 0x7F | 0x40 if bits == 255 else expected[-1] | 0x80
    assert derived(device.ns, PAIR(MONTGOMERY), bits) == (PSA_SUCCESS, bytes(expected), size)


@pytest.mark.parametrize("bits, size", [(255, 32), (448, 57)])
def test_edwards_keys(device: PartitionBench, bits: int, size: int) -> None:
    kind = PAIR(v.PSA_ECC_FAMILY_TWISTED_EDWARDS)
    assert derived(device.ns, kind, bits) == (PSA_SUCCESS, stream(device.ns, size), size)


def test_dh_keys(device: PartitionBench) -> None:
    status, data, taken = derived(device.ns, v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919), 2048)
    assert (status, taken) == (PSA_SUCCESS, 256)
    assert int.from_bytes(data, "big") == int.from_bytes(stream(device.ns, 256), "big") + 1


@pytest.mark.parametrize("bits", [64, 128, 192])
def test_des_keys_have_odd_parity(device: PartitionBench, bits: int) -> None:
    status, data, taken = derived(device.ns, v.PSA_KEY_TYPE_DES, bits)
    drawn = stream(device.ns, bits // 8)
    assert (status, taken) == (PSA_SUCCESS, bits // 8)
    assert [byte >> 1 for byte in data] == [byte >> 1 for byte in drawn]
    assert all(byte.bit_count() % 2 for byte in data)


def test_weak_des_keys_are_left_out() -> None:
    """NIST SP 800-67, 3.3.2, once the parity is set: of three keys the second is drawn twice."""
    good = [bytes.fromhex("0123456789abcdef"), bytes.fromhex("fedcba9876543210"), b"\x08" * 8]
    drawn = io.BytesIO(good[0] + bytes(8) + good[1] + good[2])
    material = derive_material(KeyAttributes(v.PSA_KEY_TYPE_DES, 192), drawn.read)
    assert len(material.data) == 24
    assert [byte & 0xFE for byte in material.data] == [byte & 0xFE for byte in b"".join(good)]


def test_spake2p_keys(device: PartitionBench) -> None:
    """PSA Crypto 1.2 PAKE extension: w0 and w1 from 40 bytes each, reduced by the order of P-256."""
    status, data, taken = derived(device.ns, v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(SECP_R1), 256)
    drawn = stream(device.ns, 80)
    scalars = [int.from_bytes(drawn[start : start + 40], "big") % ORDER_P256 for start in (0, 40)]
    assert (status, taken) == (PSA_SUCCESS, 80)
    assert data == b"".join(scalar.to_bytes(32, "big") for scalar in scalars)


REFUSED = [
    (KeyAttributes(v.PSA_KEY_TYPE_AES, 0), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_AES, 100), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_AES, 136), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_DERIVE, 9), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_DES, 72), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(0, 128), PSA_ERROR_NOT_SUPPORTED),
    (KeyAttributes(v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(SECP_R1), 256), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, 2048), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 2048), PSA_ERROR_NOT_SUPPORTED),
    (KeyAttributes(PAIR(SECP_R1), 255), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(PAIR(MONTGOMERY), 256), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(PAIR(SECP_K1), 192), PSA_ERROR_NOT_SUPPORTED),
    (KeyAttributes(PAIR(0x66), 256), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_DH_KEY_PAIR(3), 2000), PSA_ERROR_NOT_SUPPORTED),
    (KeyAttributes(v.PSA_KEY_TYPE_DERIVE, 256, usage=0x80000000), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_DERIVE, 256, lifetime=0x00000002 << 8), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_PASSWORD_HASH, 256, alg=PBKDF2), PSA_ERROR_INVALID_ARGUMENT),
    (KeyAttributes(v.PSA_KEY_TYPE_PASSWORD_HASH, 256), PSA_ERROR_INVALID_ARGUMENT),
]


@pytest.mark.parametrize("attributes, status", REFUSED)
def test_keys_that_cannot_be(device: PartitionBench, attributes: KeyAttributes, status: int) -> None:
    """Each leaves the operation in the error state."""
    derivation = keyed(device.ns)
    assert derivation.key(attributes) == (status, 0)
    assert derivation.read(1) == (PSA_ERROR_BAD_STATE, b"")
    assert derivation.abort() == PSA_SUCCESS


def test_key_larger_than_the_capacity(device: PartitionBench) -> None:
    """PSA Crypto 1.2 psa_key_derivation_output_key: no key, a capacity of 0, no error state."""
    for key_type, bits in ((v.PSA_KEY_TYPE_AES, 256), (PAIR(SECP_R1), 256), (v.PSA_KEY_TYPE_DES, 192)):
        derivation = keyed(device.ns)
        derivation.set_capacity(23)
        assert derivation.key(KeyAttributes(key_type, bits)) == (PSA_ERROR_INSUFFICIENT_DATA, 0)
        assert derivation.capacity() == (PSA_SUCCESS, 0)
        assert derivation.read(1) == (PSA_ERROR_INSUFFICIENT_DATA, b"")
        derivation.abort()


@pytest.mark.parametrize(
    "want, key_type, bits",
    [
        # Off in TF-M's medium profile.
        ("PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_DERIVE", PAIR(SECP_R1), 256),
        ("PSA_WANT_ECC_SECP_R1_256", PAIR(SECP_R1), 256),
        ("PSA_WANT_KEY_TYPE_DH_KEY_PAIR_DERIVE", v.PSA_KEY_TYPE_DH_KEY_PAIR(3), 2048),
        ("PSA_WANT_DH_RFC7919_2048", v.PSA_KEY_TYPE_DH_KEY_PAIR(3), 2048),
        ("PSA_WANT_KEY_TYPE_AES", v.PSA_KEY_TYPE_AES, 128),
    ],
)
def test_build_that_does_not_derive_such_a_key(want: str, key_type: int, bits: int) -> None:
    device = start_partitions(crypto=CryptoConfig(wants=DEFAULT - {want}))
    assert keyed(device.ns).key(KeyAttributes(key_type, bits)) == (PSA_ERROR_NOT_SUPPORTED, 0)


@pytest.mark.parametrize("usage", [DERIVE, VERIFY])
@pytest.mark.parametrize("secret_is_key", [True, False])
def test_output_of_a_key_needs_a_secret_that_is_a_key(
    device: PartitionBench, usage: int, secret_is_key: bool
) -> None:
    """And bytes need keys with DERIVE alone, but a comparison is content with VERIFY_DERIVATION."""

    def fresh() -> Derivation:
        if secret_is_key:
            return keyed(device.ns, usage=usage)
        return started(device.ns, HKDF, [(SECRET, b"secret"), (INFO, b"info")])

    may_read = usage == DERIVE or not secret_is_key
    may_make = usage == DERIVE and secret_is_key
    derivation = fresh()
    assert derivation.read(1)[0] == (PSA_SUCCESS if may_read else PSA_ERROR_NOT_PERMITTED)
    derivation.abort()
    derivation = fresh()
    found = derivation.key(KeyAttributes(v.PSA_KEY_TYPE_AES, 128))[0]
    assert found == (PSA_SUCCESS if may_make else PSA_ERROR_NOT_PERMITTED)
    derivation.abort()
    derivation = fresh()
    assert derivation.verify(stream(device.ns, 20)) == PSA_SUCCESS
    derivation.abort()


def test_one_key_for_comparison_alone_closes_the_output(device: PartitionBench) -> None:
    """PSA Crypto 1.2 psa_key_derivation_input_key: every other input needs DERIVE, too."""

    def fresh() -> Derivation:
        secret = import_key(device.ns, v.PSA_KEY_TYPE_DERIVE, b"secret", usage=DERIVE, alg=HKDF)
        info = import_key(device.ns, v.PSA_KEY_TYPE_RAW_DATA, b"info", usage=VERIFY, alg=HKDF)
        derivation = started(device.ns, HKDF)
        for step, key in ((SECRET, secret), (INFO, info)):
            assert derivation.give_key(step, key) == PSA_SUCCESS
            crypto.psa_destroy_key(device.ns, key)
        return derivation

    aes = KeyAttributes(v.PSA_KEY_TYPE_AES, 128)
    making, reading, comparing = fresh(), fresh(), fresh()
    assert making.key(aes) == (PSA_ERROR_NOT_PERMITTED, 0)
    assert reading.read(1) == (PSA_ERROR_NOT_PERMITTED, b"")
    assert comparing.verify(stream(device.ns, 20)) == PSA_SUCCESS
    for derivation in (making, reading, comparing):
        derivation.abort()


def test_other_secret_alone_makes_no_key(device: PartitionBench) -> None:
    alg = v.PSA_ALG_TLS12_PSK_TO_MS(v.PSA_ALG_SHA_256)
    other = import_key(device.ns, v.PSA_KEY_TYPE_DERIVE, b"other", usage=DERIVE, alg=alg)
    derivation = started(device.ns, alg, [(SEED, b"seed")])
    assert derivation.give_key(OTHER_SECRET, other) == PSA_SUCCESS
    for step, value in ((SECRET, b"psk"), (LABEL, b"label")):
        assert derivation.give(step, value) == PSA_SUCCESS
    assert derivation.key(KeyAttributes(v.PSA_KEY_TYPE_AES, 128)) == (PSA_ERROR_NOT_PERMITTED, 0)
    derivation.abort()


@pytest.mark.parametrize("expected, status", [(0, PSA_SUCCESS), (1, PSA_ERROR_INVALID_SIGNATURE)])
def test_verify_bytes_consumes_the_stream(device: PartitionBench, expected: int, status: int) -> None:
    """PSA Crypto 1.2 psa_key_derivation_verify_bytes; a mismatch is the error state."""
    whole = stream(device.ns, 60)
    derivation = keyed(device.ns)
    wrong = bytes([whole[0] ^ expected]) + whole[1:20]
    assert derivation.verify(wrong) == status
    if status == PSA_SUCCESS:
        assert derivation.capacity() == (PSA_SUCCESS, 255 * 32 - 20)
        assert derivation.verify(whole[20:40]) == PSA_SUCCESS
        assert derivation.read(20) == (PSA_SUCCESS, whole[40:])
    else:
        assert derivation.read(1) == (PSA_ERROR_BAD_STATE, b"")
    derivation.abort()


def test_verify_more_than_the_capacity(device: PartitionBench) -> None:
    derivation = keyed(device.ns)
    derivation.set_capacity(16)
    assert derivation.verify(bytes(32)) == PSA_ERROR_INSUFFICIENT_DATA
    assert derivation.capacity() == (PSA_SUCCESS, 0)
    derivation.abort()
    assert started(device.ns, HKDF).verify(bytes(32)) == PSA_ERROR_BAD_STATE


def stretched(client: PsaClient, usage: int = VERIFY) -> Derivation:
    derivation = started(client, PBKDF2, [(COST, 3), (SALT, b"salt")])
    password = import_key(client, v.PSA_KEY_TYPE_PASSWORD, b"password", usage=usage, alg=PBKDF2)
    assert derivation.give_key(PASSWORD, password) == PSA_SUCCESS
    crypto.psa_destroy_key(client, password)
    return derivation


HASH = v.PSA_KEY_TYPE_PASSWORD_HASH
VERIFY_KEY = [
    (HASH, VERIFY, PBKDF2, False, PSA_SUCCESS),
    (HASH, VERIFY, PBKDF2, True, PSA_ERROR_INVALID_SIGNATURE),
    (HASH, EXPORT, PBKDF2, False, PSA_ERROR_NOT_PERMITTED),
    (HASH, DERIVE, PBKDF2, False, PSA_ERROR_NOT_PERMITTED),
    (HASH, VERIFY, HKDF, False, PSA_ERROR_NOT_PERMITTED),
    (HASH, VERIFY, 0, False, PSA_ERROR_NOT_PERMITTED),
    (v.PSA_KEY_TYPE_PASSWORD, VERIFY, PBKDF2, False, PSA_ERROR_INVALID_ARGUMENT),
    (v.PSA_KEY_TYPE_RAW_DATA, VERIFY, PBKDF2, False, PSA_ERROR_INVALID_ARGUMENT),
]


@pytest.mark.parametrize("key_type, usage, alg, changed, status", VERIFY_KEY)
def test_verify_key(
    device: PartitionBench, key_type: int, usage: int, alg: int, changed: bool, status: int
) -> None:
    """The expected key's type and policy are checked before the stream is touched."""
    maker = stretched(device.ns, DERIVE)
    attributes = KeyAttributes(HASH, 256, usage=EXPORT, alg=PBKDF2)
    made, hashed = maker.key(attributes)
    assert made == PSA_SUCCESS
    maker.abort()
    data = bytearray(crypto.psa_export_key(device.ns, hashed, 32)[1])
    data[-1] ^= changed
    expected = import_key(device.ns, key_type, bytes(data), usage=usage, alg=alg)
    derivation = stretched(device.ns)
    assert derivation.verify_key(expected) == status
    assert derivation.abort() == PSA_SUCCESS
    unfinished = started(device.ns, PBKDF2, [(COST, 3), (SALT, b"salt")])
    of_the_key = status not in (PSA_SUCCESS, PSA_ERROR_INVALID_SIGNATURE)
    assert unfinished.verify_key(expected) == (status if of_the_key else PSA_ERROR_BAD_STATE)
    unfinished.abort()
    for key in (hashed, expected):
        crypto.psa_destroy_key(device.ns, key)


def test_verify_key_that_is_not_there(device: PartitionBench) -> None:
    for client, key in ((device.ns, 0), (device.ns, 77), (device.ns2, TFM_BUILTIN_KEY_ID_HUK + 5)):
        derivation = stretched(client)
        assert derivation.verify_key(key) == PSA_ERROR_INVALID_HANDLE
        derivation.abort()


def test_custom_parameters(device: PartitionBench) -> None:
    """No key that can be derived has any (Mbed TLS psa_key_derivation_output_key_custom)."""
    aes = KeyAttributes(v.PSA_KEY_TYPE_AES, 128, usage=EXPORT)
    for flags, data, status in (
        (0, b"", PSA_SUCCESS),
        (1, b"", PSA_ERROR_INVALID_ARGUMENT),
        (0, b"\1", PSA_ERROR_INVALID_ARGUMENT),
    ):
        derivation = keyed(device.ns)
        assert derivation.custom_key(aes, flags, data)[0] == status
        derivation.abort()


def test_each_client_derives_from_a_huk_of_its_own(device: PartitionBench) -> None:
    keys = []
    for client in (device.ns, device.ns2):
        derivation = started(client, HKDF)
        assert derivation.give_key(SECRET, TFM_BUILTIN_KEY_ID_HUK) == PSA_SUCCESS
        assert derivation.give(INFO, b"info") == PSA_SUCCESS
        status, key = derivation.key(KeyAttributes(v.PSA_KEY_TYPE_AES, 128, usage=EXPORT))
        assert status == PSA_SUCCESS
        keys.append(crypto.psa_export_key(client, key, 16))
        derivation.abort()
    assert keys[0] != keys[1]


def test_tfms_service_compares_nothing() -> None:
    device = start_partitions(crypto=CryptoConfig(extensions=False))
    derivation = keyed(device.ns)
    assert derivation.verify(bytes(1)) == PSA_ERROR_NOT_SUPPORTED
    assert derivation.verify_key(1) == PSA_ERROR_NOT_SUPPORTED
    assert derivation.custom_key(KeyAttributes(), 0, b"")[0] == PSA_ERROR_NOT_SUPPORTED
    assert derivation.read(1)[0] == PSA_SUCCESS
