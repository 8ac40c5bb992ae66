"""Published vectors of key derivation through psa_call."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from support import derivation_vectors
from support.derivation_bench import Derivation, Input, import_key, started
from support.derivation_vectors import HASHES, HkdfVector, KbkdfVector, Pbkdf2Vector
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.partitions.crypto import kdf, pbkdf2

SALT = v.PSA_KEY_DERIVATION_INPUT_SALT
SECRET = v.PSA_KEY_DERIVATION_INPUT_SECRET
INFO = v.PSA_KEY_DERIVATION_INPUT_INFO
SEED = v.PSA_KEY_DERIVATION_INPUT_SEED
LABEL = v.PSA_KEY_DERIVATION_INPUT_LABEL
CONTEXT = v.PSA_KEY_DERIVATION_INPUT_CONTEXT
COST = v.PSA_KEY_DERIVATION_INPUT_COST
PASSWORD = v.PSA_KEY_DERIVATION_INPUT_PASSWORD
OTHER_SECRET = v.PSA_KEY_DERIVATION_INPUT_OTHER_SECRET


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


def read_and_close(derivation: Derivation, expected: bytes) -> None:
    assert derivation.read(len(expected)) == (PSA_SUCCESS, expected)
    assert derivation.abort() == PSA_SUCCESS


@pytest.mark.parametrize("vector", list(derivation_vectors.hkdf()))
def test_hkdf_of_rfc_5869(device: PartitionBench, vector: HkdfVector) -> None:
    salt = [] if vector.salt is None else [(SALT, vector.salt)]
    inputs = [*salt, (SECRET, vector.secret), (INFO, vector.info)]
    read_and_close(started(device.ns, v.PSA_ALG_HKDF(vector.hash_alg), inputs), vector.output)


@pytest.mark.parametrize("vector", [vector for vector in derivation_vectors.hkdf() if vector.prk])
def test_hkdf_in_its_two_steps(device: PartitionBench, vector: HkdfVector) -> None:
    inputs = [(SALT, vector.salt or b""), (SECRET, vector.secret)]
    extract = started(device.ns, v.PSA_ALG_HKDF_EXTRACT(vector.hash_alg), inputs)
    assert extract.capacity() == (PSA_SUCCESS, len(vector.prk))
    read_and_close(extract, vector.prk)
    inputs = [(SECRET, vector.prk), (INFO, vector.info)]
    read_and_close(started(device.ns, v.PSA_ALG_HKDF_EXPAND(vector.hash_alg), inputs), vector.output)


TLS_12_PRF = [
    # Vectors of the IETF's TLS working group, its mailing list of July 2009.
    (
        v.PSA_ALG_SHA_256,
        "9bbe436ba940f017b17652849a71db35",
        "a0ba9f936cda311827a6f796ffd5198c",
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66",
    ),
    (
        v.PSA_ALG_SHA_384,
        "b80b733d6ceefcdc71566ea48e5567df",
        "cd665cf6a8447dd6ff8b27555edb7465",
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd"
        "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd"
        "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425"
        "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6"
        "91c8f3a26854308d5eaa3be85e0990703d73e56f",
    ),
]


@pytest.mark.parametrize("hash_alg, secret, seed, output", TLS_12_PRF)
def test_tls12_prf(device: PartitionBench, hash_alg: int, secret: str, seed: str, output: str) -> None:
    inputs = [(SEED, bytes.fromhex(seed)), (SECRET, bytes.fromhex(secret)), (LABEL, b"test label")]
    read_and_close(started(device.ns, v.PSA_ALG_TLS12_PRF(hash_alg), inputs), bytes.fromhex(output))


def p_hash(name: str, secret: bytes, seed: bytes, size: int) -> bytes:
    """RFC 5246, 5, once more."""
    a, output = seed, b""
    while len(output) < size:
        a = hmac.digest(secret, a, name)
        output += hmac.digest(secret, a + seed, name)
    return output[:size]


@pytest.mark.parametrize(
    "psk, other, premaster",
    [
        (b"\1\2\3", None, "0003000000 0003010203"),
        (b"\1\2\3", b"\x0a\x0b", "00020a0b 0003010203"),
        (b"\1\2\3", b"", "0000 0003010203"),
        (b"", None, "0000 0000"),
        (bytes(range(128)), None, "0080" + "00" * 128 + "0080" + bytes(range(128)).hex()),
    ],
)
@pytest.mark.parametrize("hash_alg, name", [(v.PSA_ALG_SHA_256, "sha256"), (v.PSA_ALG_SHA_384, "sha384")])
def test_tls12_psk_to_ms(
    device: PartitionBench, hash_alg: int, name: str, psk: bytes, other: bytes | None, premaster: str
) -> None:
    """RFC 4279, 2 for the premaster secret; the PRF above does the rest."""
    others = [] if other is None else [(OTHER_SECRET, other)]
    inputs = [(SEED, b"seed"), *others, (SECRET, psk), (LABEL, b"master secret")]
    expected = p_hash(name, bytes.fromhex(premaster), b"master secretseed", 48)
    read_and_close(started(device.ns, v.PSA_ALG_TLS12_PSK_TO_MS(hash_alg), inputs), expected)


@pytest.mark.parametrize("vector", list(derivation_vectors.pbkdf2(max_cost=4096)))
def test_pbkdf2_of_rfc_6070(device: PartitionBench, vector: Pbkdf2Vector) -> None:
    inputs: list[Input] = [(COST, vector.cost), (SALT, vector.salt), (PASSWORD, vector.password)]
    read_and_close(started(device.ns, v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_1), inputs), vector.output)


PBKDF2_SHA_256 = [
    # RFC 7914, 11
    (
        b"passwd",
        b"salt",
        1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    ),
    (
        b"Password",
        b"NaCl",
        80000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
    ),
]


@pytest.mark.parametrize("password, salt, cost, output", PBKDF2_SHA_256)
def test_pbkdf2_with_sha_256(
    device: PartitionBench, password: bytes, salt: bytes, cost: int, output: str
) -> None:
    inputs: list[Input] = [(COST, cost), (SALT, salt[:2]), (SALT, salt[2:]), (PASSWORD, password)]
    derivation = started(device.ns, v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256), inputs)
    read_and_close(derivation, bytes.fromhex(output))


@pytest.mark.parametrize(
    "key, output",
    [
        ("000102030405060708090a0b0c0d0e0fedcb", "84a348a4a45d235babfffc0d2b4da09a"),
        ("000102030405060708090a0b0c0d0e0f", "980ae87b5f4c9c5214f5b6a8455e4c2d"),
        ("00010203040506070809", "290d9e112edb09ee141fcf64c0b72f3d"),
    ],
)
def test_aes_cmac_prf_128_of_rfc_4615(key: str, output: str) -> None:
    prf = kdf.cmac_prf(v.PSA_KEY_TYPE_AES, pbkdf2.aes_cmac_prf_128_key(bytes.fromhex(key)))
    assert prf(bytes(range(20))) == bytes.fromhex(output)


@pytest.mark.parametrize("password", [b"", b"short", b"just sixteen. ok", b"longer than sixteen bytes"])
def test_pbkdf2_with_aes_cmac(device: PartitionBench, password: bytes) -> None:
    """RFC 8018, 5.2 over the PRF that the test above checks."""
    prf = kdf.cmac_prf(v.PSA_KEY_TYPE_AES, pbkdf2.aes_cmac_prf_128_key(password))
    expected = b""
    for number in (1, 2, 3):
        u = prf(b"salt" + number.to_bytes(4, "big"))
        total = int.from_bytes(u, "big")
        for _ in range(6):
            u = prf(u)
            total ^= int.from_bytes(u, "big")
        expected += total.to_bytes(16, "big")
    inputs: list[Input] = [(COST, 7), (SALT, b"salt"), (PASSWORD, password)]
    read_and_close(started(device.ns, v.PSA_ALG_PBKDF2_AES_CMAC_PRF_128, inputs), expected)


FITTING = [vector for vector in derivation_vectors.kbkdf() if vector.prf.startswith("HMAC") and vector.parts]


def test_some_of_nists_vectors_can_be_said_in_psas_terms() -> None:
    assert len({vector.prf for vector in FITTING}) >= 2


@pytest.mark.parametrize("vector", FITTING)
def test_sp800_108_counter_hmac(device: PartitionBench, vector: KbkdfVector) -> None:
    assert vector.parts
    label, context, capacity = vector.parts
    alg = v.PSA_ALG_SP800_108_COUNTER_HMAC(HASHES[vector.prf.removeprefix("HMAC_")])
    derivation = started(device.ns, alg, [(SECRET, vector.key), (LABEL, label), (CONTEXT, context)])
    assert derivation.set_capacity(capacity) == PSA_SUCCESS
    read_and_close(derivation, vector.output)


def test_counter_mode_over_cmac_of_nist() -> None:
    """All that has this shape, below the service: K0 keeps the vectors from being said in PSA's terms."""
    vectors = [vector for vector in derivation_vectors.kbkdf() if vector.prf.startswith("CMAC_AES")]
    assert len(vectors) == 120
    for vector in vectors:
        prf = kdf.cmac_prf(v.PSA_KEY_TYPE_AES, vector.key)
        stream = kdf.BlockStream(kdf.sp800_108_counter(prf, vector.fixed_input))
        assert stream.read(len(vector.output)) == vector.output


@pytest.mark.parametrize("key_type", [v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_CAMELLIA])
@pytest.mark.parametrize("label", [None, b"label"])
@pytest.mark.parametrize("context", [None, b"con\0text"])
def test_sp800_108_counter_cmac(
    device: PartitionBench, key_type: int, label: bytes | None, context: bytes | None
) -> None:
    """PSA_ALG_SP800_108_COUNTER_CMAC: K0 by hand, the rest is what the `cryptography` package has."""
    alg = v.PSA_ALG_SP800_108_COUNTER_CMAC
    secret = bytes(range(32))
    key = import_key(device.ns, key_type, secret, usage=v.PSA_KEY_USAGE_DERIVE, alg=alg)
    derivation = started(device.ns, alg)
    assert derivation.give_key(SECRET, key) == PSA_SUCCESS
    for step, value in ((LABEL, label), (CONTEXT, context)):
        assert value is None or derivation.give(step, value) == PSA_SUCCESS
    assert derivation.set_capacity(100) == PSA_SUCCESS
    cipher = AES if key_type == v.PSA_KEY_TYPE_AES else Camellia
    fixed = (label or b"") + b"\0" + (context or b"") + bytes.fromhex("00000320")
    k0 = CMAC(cipher(secret))
    k0.update(fixed)
    kbkdf = KBKDFCMAC(
        cipher,
        Mode.CounterMode,
        length=100,
        rlen=4,
        llen=None,
        location=CounterLocation.BeforeFixed,
        label=None,
        context=None,
        fixed=fixed + k0.finalize(),
    )
    read_and_close(derivation, kbkdf.derive(secret))


def test_tls12_ecjpake_to_pms(device: PartitionBench) -> None:
    """TLS with EC J-PAKE, 8.7: SHA-256 of the 32 bytes of x, and of nothing else."""
    x = b"abc".ljust(32, b"\0")
    derivation = started(device.ns, v.PSA_ALG_TLS12_ECJPAKE_TO_PMS, [(SECRET, b"\4" + x + bytes(range(32)))])
    read_and_close(derivation, hashlib.sha256(x).digest())
