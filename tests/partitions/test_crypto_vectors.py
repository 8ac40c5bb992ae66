"""Published vectors through psa_call: FIPS 180-4 examples, RFC 4231, RFC 6979, RFC 5869-style sub-keys."""

import hashlib
import hmac

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_api import CryptoApi
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.partitions.crypto.builtin_keys import BuiltinKeys
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.platform.provisioning import DUMMY

ABC = b"abc"
TWO_BLOCKS = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


@pytest.fixture(scope="module")
def api(device: PartitionBench) -> CryptoApi:
    return CryptoApi(device.ns)


@pytest.mark.parametrize(
    "alg, message, digest",
    [
        (v.PSA_ALG_SHA_224, ABC, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (
            v.PSA_ALG_SHA_256,
            ABC,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            v.PSA_ALG_SHA_256,
            TWO_BLOCKS,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            v.PSA_ALG_SHA_256,
            b"",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            v.PSA_ALG_SHA_384,
            ABC,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            v.PSA_ALG_SHA_512,
            ABC,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ],
)
def test_fips_180_4(api: CryptoApi, alg: int, message: bytes, digest: str) -> None:
    assert api.hash_compute(alg, message).hex() == digest
    operation = api.hash_operation(alg)
    for byte in message:
        operation.update(bytes((byte,)))
    assert operation.finish().hex() == digest
    assert api.hash_compare(alg, message, bytes.fromhex(digest))
    assert not api.hash_compare(alg, message + b"x", bytes.fromhex(digest))
    assert not api.hash_compare(alg, message, bytes.fromhex(digest)[:-1])


RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
]


@pytest.mark.parametrize("key, message, sha256, sha512", RFC_4231)
def test_rfc_4231(api: CryptoApi, key: bytes, message: bytes, sha256: str, sha512: str) -> None:
    for hash_alg, mac in ((v.PSA_ALG_SHA_256, sha256), (v.PSA_ALG_SHA_512, sha512)):
        alg = v.PSA_ALG_HMAC(hash_alg)
        usage = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
        key_id = api.import_key(KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=usage, alg=alg), key)
        assert api.mac_compute(key_id, alg, message).hex() == mac
        assert api.mac_verify(key_id, alg, message, bytes.fromhex(mac))
        assert not api.mac_verify(key_id, alg, message, bytes.fromhex(mac)[:-1])
        api.destroy_key(key_id)


# RFC 6979, A.2.5 and A.2.6: message "sample" under SHA-256 with P-256, SHA-384 with P-384.
RFC_6979 = [
    (
        256,
        v.PSA_ALG_SHA_256,
        "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        384,
        v.PSA_ALG_SHA_384,
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
        "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
        "def8f0ea9055866064a254515480bc13"
        "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"
        "288b231c3ae0d4fe7344fd2533264720",
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
        "81a648152e44acf96e36dd1e80fabe46"
        "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
        "a329c145786e679e7b82c71a38628ac8",
    ),
]


@pytest.mark.parametrize("bits, hash_alg, private, public, signature", RFC_6979)
def test_rfc_6979(
    api: CryptoApi, bits: int, hash_alg: int, private: str, public: str, signature: str
) -> None:
    alg = v.PSA_ALG_DETERMINISTIC_ECDSA(hash_alg)
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
    usage = v.PSA_KEY_USAGE_SIGN_HASH | v.PSA_KEY_USAGE_VERIFY_HASH
    key = api.import_key(KeyAttributes(kind, usage=usage, alg=alg), bytes.fromhex(private))
    assert api.get_key_attributes(key).bits == bits
    assert api.export_public_key(key).hex() == "04" + public
    digest = api.hash_compute(hash_alg, b"sample")
    assert api.sign_hash(key, alg, digest).hex() == signature
    assert api.sign_message(key, alg, b"sample").hex() == signature
    assert api.verify_message(key, alg, b"sample", bytes.fromhex(signature))
    assert not api.verify_message(key, alg, b"simple", bytes.fromhex(signature))
    assert not api.verify_hash(key, alg, digest, bytes.fromhex(signature)[:-1])


@pytest.mark.parametrize("length", [1, 20, 31, 32, 33, 47, 64])
@pytest.mark.parametrize("bits", [256, 384, 521])
def test_ecdsa_over_any_digest_length(api: CryptoApi, bits: int, length: int) -> None:
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
    usage = v.PSA_KEY_USAGE_SIGN_HASH | v.PSA_KEY_USAGE_VERIFY_HASH
    key = api.generate_key(KeyAttributes(kind, bits, usage=usage, alg=v.PSA_ALG_ECDSA_ANY))
    digest = b"\xa5" * length
    signature = api.sign_hash(key, v.PSA_ALG_ECDSA_ANY, digest)
    assert api.verify_hash(key, v.PSA_ALG_ECDSA_ANY, digest, signature)
    altered = bytes((digest[0] ^ 1,)) + digest[1:]
    assert not api.verify_hash(key, v.PSA_ALG_ECDSA_ANY, altered, signature)
    api.destroy_key(key)


def test_iak_of_the_template(api: CryptoApi) -> None:
    """TF-M builtin key policy: the public key is everybody's to export."""
    assert api.export_public_key(0x7FFF815D).hex().startswith("0479eba90e8bf450a6751576ad4599b0")


@pytest.mark.parametrize("client", [-0x3C000000, 261, 256])
def test_huk_subkey(device: PartitionBench, client: int) -> None:
    """HKDF-SHA-256 without salt, the client id as info, RFC 5869 written out."""
    view = BuiltinKeys(device.hal, CryptoConfig()).view(client, 0x7FFF815C)
    assert view is not None
    material = view[1]
    extracted = hmac.digest(bytes(32), DUMMY.huk, hashlib.sha256)
    info = client.to_bytes(4, "little", signed=True)
    assert material.data == hmac.digest(extracted, info + b"\x01", hashlib.sha256)


def test_huk_itself_is_for_the_crypto_partition(device: PartitionBench) -> None:
    view = BuiltinKeys(device.hal, CryptoConfig()).view(259, 0x7FFF815C)
    assert view is not None
    assert view[1].data == DUMMY.huk


def test_random_repeats_by_seed_and_only_by_seed() -> None:
    first, again, other = (CryptoApi(start_partitions(seed=n).ns) for n in (1, 1, 2))
    drawn = first.generate_random(32)
    assert drawn == again.generate_random(32)
    assert drawn != other.generate_random(32)
    assert drawn != first.generate_random(32)


def test_deterministic_build_repeats_signatures() -> None:
    api = CryptoApi(start_partitions(crypto=CryptoConfig(deterministic_ecdsa=True)).ns)
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
    alg = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)
    key = api.generate_key(KeyAttributes(kind, 256, usage=v.PSA_KEY_USAGE_SIGN_HASH, alg=alg))
    assert api.sign_hash(key, alg, bytes(32)) == api.sign_hash(key, alg, bytes(32))


def test_random_of_no_bytes_needs_no_call(device: PartitionBench) -> None:
    assert crypto.psa_generate_random(device.ns, 0) == (0, b"")
