"""Generated keys: what they are, that a seed decides upon them, and the way of every type out and back in."""

from collections.abc import Callable, Iterator
from math import gcd, isqrt

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asymmetric_keys import EC_POINT, EC_SCALAR, ecc_pair, ecc_public, rsa_pair
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_sizes import (
    PSA_EXPORT_KEY_OUTPUT_SIZE,
    PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE,
)
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_ENTROPY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto import des_keys, dh_groups, key_formats, rsa_primes
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.refusal import Refusal
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair
from tfm_sim.partitions.crypto.wants import EVERYTHING
from tfm_sim.platform.random_source import RandomSource

R1, MONTGOMERY = v.PSA_ECC_FAMILY_SECP_R1, v.PSA_ECC_FAMILY_MONTGOMERY
EDWARDS, BRAINPOOL = v.PSA_ECC_FAMILY_TWISTED_EDWARDS, v.PSA_ECC_FAMILY_BRAINPOOL_P_R1
DH_PAIR = v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919)
ROOM = 3000


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING))


PAIRS = [
    (v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1024),
    *((ecc_pair(R1), bits) for bits in (192, 224, 256, 384, 521)),
    (ecc_pair(v.PSA_ECC_FAMILY_SECP_K1), 256),
    *((ecc_pair(BRAINPOOL), bits) for bits in (256, 384, 512)),
    *((ecc_pair(MONTGOMERY), bits) for bits in (255, 448)),
    *((ecc_pair(EDWARDS), bits) for bits in (255, 448)),
    (DH_PAIR, 2048),
    (DH_PAIR, 3072),
]


@pytest.mark.parametrize("kind, bits", PAIRS)
def test_pairs_come_out_and_back_in(device: PartitionBench, kind: int, bits: int) -> None:
    client, attributes = device.ns, KeyAttributes(kind, bits, usage=v.PSA_KEY_USAGE_EXPORT)
    status, key = crypto.psa_generate_key(client, attributes)
    assert status == PSA_SUCCESS
    _, private = crypto.psa_export_key(client, key, ROOM)
    _, public = crypto.psa_export_public_key(client, key, ROOM)
    assert 0 < len(private) <= PSA_EXPORT_KEY_OUTPUT_SIZE(kind, bits)
    assert 0 < len(public) <= PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(kind, bits)
    public_kind = v.PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(kind)
    for as_kind, data in ((kind, private), (public_kind, public)):
        status, again = crypto.psa_import_key(client, KeyAttributes(as_kind, usage=1), data)
        assert status == PSA_SUCCESS
        assert crypto.psa_get_key_attributes(client, again)[1].bits == bits
        assert crypto.psa_export_key(client, again, ROOM) == (PSA_SUCCESS, data)
        assert crypto.psa_export_public_key(client, again, ROOM) == (PSA_SUCCESS, public)
        crypto.psa_destroy_key(client, again)
    crypto.psa_destroy_key(client, key)


@pytest.mark.parametrize(
    "kind, bits, status",
    [
        (v.PSA_KEY_TYPE_RSA_KEY_PAIR, 512, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1016, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1025, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_RSA_KEY_PAIR, 4104, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, 1024, PSA_ERROR_INVALID_ARGUMENT),
        (ecc_pair(R1), 528, PSA_ERROR_NOT_SUPPORTED),
        (ecc_pair(BRAINPOOL), 320, PSA_ERROR_NOT_SUPPORTED),
        (ecc_pair(MONTGOMERY), 256, PSA_ERROR_NOT_SUPPORTED),
        (ecc_pair(EDWARDS), 456, PSA_ERROR_NOT_SUPPORTED),
        (ecc_public(R1), 256, PSA_ERROR_INVALID_ARGUMENT),
        (ecc_pair(0x99), 256, PSA_ERROR_NOT_SUPPORTED),
        (DH_PAIR, 1024, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_DH_KEY_PAIR(0x10), 2048, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(R1), 256, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_ARIA, 128, PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_KEY_TYPE_NONE, 128, PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_what_cannot_be_generated(device: PartitionBench, kind: int, bits: int, status: int) -> None:
    assert crypto.psa_generate_key(device.ns, KeyAttributes(kind, bits))[0] == status


@pytest.mark.parametrize("kind, bits", [*PAIRS, (v.PSA_KEY_TYPE_DES, 192), (v.PSA_KEY_TYPE_AES, 256)])
def test_a_seed_decides_upon_the_key(kind: int, bits: int) -> None:
    made = [key_formats.generate(kind, bits, RandomSource(b"e", seed).bytes).data for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("bits", [1024, 1032, 2048])
@pytest.mark.parametrize("exponent", [3, 65537])
def test_rsa_pairs_are_as_fips_186_5_wants_them(bits: int, exponent: int) -> None:
    random = RandomSource(b"e", bits + exponent).bytes
    made = key_formats.generate(v.PSA_KEY_TYPE_RSA_KEY_PAIR, bits, random, exponent).data
    # The library checks each part, and that p and q are primes.
    private = load_der_private_key(made, None)
    assert isinstance(private, RSAPrivateKey)
    numbers = private.private_numbers()
    public, half = numbers.public_numbers, bits // 2
    assert (public.n.bit_length(), public.e) == (bits, exponent)
    assert min(numbers.p, numbers.q) > isqrt(2 ** (bits - 1))
    assert abs(numbers.p - numbers.q) > 2 ** (half - 100)
    assert numbers.d > 2**half
    assert numbers.p > numbers.q
    assert gcd(exponent, (numbers.p - 1) * (numbers.q - 1)) == 1


@pytest.mark.parametrize("exponent", [0, 1, 2, 65536, -3])
def test_rsa_exponents_that_cannot_be(exponent: int) -> None:
    with pytest.raises(Refusal) as refusal:
        key_formats.generate(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1024, RandomSource(b"", 0).bytes, exponent)
    assert refusal.value.status == PSA_ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize("broken", [bytes, lambda size: b"\xff" * size], ids=["zeros", "ones"])
def test_a_broken_source_gives_no_rsa_key(broken: Callable[[int], bytes]) -> None:
    with pytest.raises(Refusal) as refusal:
        key_formats.generate(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1024, broken)
    assert refusal.value.status == PSA_ERROR_INSUFFICIENT_ENTROPY


def test_primality() -> None:
    """Numbers above the sieves, and composites that many a test of small bases takes for primes."""
    random = RandomSource(b"", 0).bytes
    large = {2**127 - 1: True, 2**521 - 1: True, 2**67 - 1: False, 3215031751: False, 341550071728321: False}
    sieve = {n: all(n % d for d in range(2, isqrt(n) + 1)) for n in range(70001, 70301, 2)}
    for number, is_prime in {**sieve, **large, 49141 * 98281: False}.items():
        assert rsa_primes._is_probable_prime(number, random) == is_prime


def test_groups_of_rfc_7919() -> None:
    """Each prime is a safe one: appendix A."""
    known = {
        2048: "c1b2effa886b423861285c97ffffffffffffffff",
        3072: "3fd59d7c25e41d2b66c62e37ffffffffffffffff",
        4096: "f44182e1c68a007e5e655f6affffffffffffffff",
        6144: "7938dad4a40e329cd0e40e65ffffffffffffffff",
        8192: "838ff88cd68c8bb7c5c6424cffffffffffffffff",
    }
    for bits, end in known.items():
        prime = dh_groups.prime(bits)
        digits = f"{prime:x}"
        assert digits.startswith("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1")
        assert digits.endswith(end)
        assert prime.bit_length() == bits
    for bits in (2048, 3072):
        prime = dh_groups.prime(bits)
        assert pow(3, prime - 1, prime) == 1
        assert pow(2, (prime - 1) // 2, prime) == 1
        assert pow(3, (prime - 3) // 2, (prime - 1) // 2) == 1


def test_diffie_hellman_public_key_is_padded_on_the_left(device: PartitionBench) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(DH_PAIR), bytes(255) + b"\7")
    assert crypto.psa_export_public_key(device.ns, key, 256) == (PSA_SUCCESS, bytes(255) + b"\x80")
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize(
    "bits, data, exported",
    [
        (255, b"\xff" * 32, b"\xf8" + b"\xff" * 30 + b"\x7f"),
        (255, bytes(32), bytes(31) + b"\x40"),
        (448, b"\xff" * 56, b"\xfc" + b"\xff" * 55),
        (448, bytes(56), bytes(55) + b"\x80"),
    ],
)
def test_montgomery_private_keys_are_masked(
    device: PartitionBench, bits: int, data: bytes, exported: bytes
) -> None:
    """RFC 7748, 5, as Mbed TLS mbedtls_ecp_read_key does; the public key is the same."""
    attributes = KeyAttributes(ecc_pair(MONTGOMERY), usage=v.PSA_KEY_USAGE_EXPORT)
    _, key = crypto.psa_import_key(device.ns, attributes, data)
    assert crypto.psa_export_key(device.ns, key, 56) == (PSA_SUCCESS, exported)
    library = (X25519PrivateKey if bits == 255 else X448PrivateKey).from_private_bytes(data)
    public = library.public_key().public_bytes_raw()
    assert crypto.psa_export_public_key(device.ns, key, 56) == (PSA_SUCCESS, public)
    crypto.psa_destroy_key(device.ns, key)


def test_the_unused_bit_of_a_curve25519_point_is_cleared(device: PartitionBench) -> None:
    _, key = crypto.psa_import_key(
        device.ns, KeyAttributes(ecc_public(MONTGOMERY)), b"\x09" + bytes(30) + b"\x80"
    )
    assert crypto.psa_export_key(device.ns, key, 32) == (PSA_SUCCESS, b"\x09" + bytes(31))
    crypto.psa_destroy_key(device.ns, key)


def test_des_keys_have_odd_parity_and_are_not_weak() -> None:
    weak = (bytes(8), b"\x1e" * 4 + b"\x0f" * 4)
    given_bytes: Iterator[bytes] = iter([*weak, bytes(range(8)), bytes(range(8, 16))])
    made = key_formats.generate(v.PSA_KEY_TYPE_DES, 128, lambda size: next(given_bytes)).data
    assert made.hex() == "010102020404070708080b0b0d0d0e0e"
    assert len(des_keys.WEAK) == 16
    assert all(des_keys.set_parity(key) == key for key in des_keys.WEAK)


def test_des_keys_are_imported_with_any_parity(device: PartitionBench) -> None:
    """PSA Crypto 1.2, 9.6.4 wants it right; Arm's own suite imports others, and Mbed TLS never looked."""
    attributes = KeyAttributes(v.PSA_KEY_TYPE_DES, 64, usage=v.PSA_KEY_USAGE_EXPORT)
    _, key = crypto.psa_import_key(device.ns, attributes, bytes(range(8)))
    assert crypto.psa_export_key(device.ns, key, 8) == (PSA_SUCCESS, bytes(range(8)))
    crypto.psa_destroy_key(device.ns, key)


TYPES = st.sampled_from(
    [kind for kind, _ in PAIRS]
    + [v.PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(kind) for kind, _ in PAIRS]
    + [v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(R1), v.PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY(R1)]
    + [v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_DES, v.PSA_KEY_TYPE_HMAC, v.PSA_KEY_TYPE_ARC4, 0]
)
LENGTHS = st.sampled_from([24, 28, 32, 48, 49, 56, 57, 64, 65, 66, 97, 133, 256, 384])
BYTES = st.one_of(
    st.binary(max_size=140),
    LENGTHS.flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.tuples(st.integers(0, 250), st.binary(max_size=3)).map(
        lambda change: rsa_pair()[: change[0]] + change[1] + rsa_pair()[change[0] + len(change[1]) :]
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(TYPES, st.integers(0, 0xFFFF)), st.sampled_from([0, 255, 256, 448, 521, 768, 2048]), BYTES)
def test_any_bytes_are_a_key_or_refused(kind: int, bits: int, data: bytes) -> None:
    """What is taken can be taken again, in the form it is exported in."""
    try:
        found, material = key_formats.load(KeyAttributes(kind, bits), data)
    except Refusal as refusal:
        assert refusal.status in (PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED)
        return
    again, same = key_formats.load(KeyAttributes(kind, found), material.data)
    assert (again, same.data) == (found, material.data)
    if v.PSA_KEY_TYPE_IS_ASYMMETRIC(kind):
        public = material.public_bytes(kind, found)
        public_kind = v.PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(kind)
        assert key_formats.load(KeyAttributes(public_kind, found), public)[1].data == public


def test_scalar_and_point_of_rfc_6979() -> None:
    material = key_formats.load(KeyAttributes(ecc_pair(R1)), EC_SCALAR)[1]
    assert material.public_bytes(ecc_pair(R1), 256) == EC_POINT


@given(st.binary(max_size=60))
def test_der_reader_takes_any_bytes(data: bytes) -> None:
    for damaged in (data, b"\x30" + data, b"\x30\x1a" + data, b"\x30\x82" + data):
        with pytest.raises(ValueError, match=r"DER|RSA"):
            RsaKeyPair.decode(damaged)
