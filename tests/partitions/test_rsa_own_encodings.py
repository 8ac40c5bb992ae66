"""The encodings of RSA that are our own, against the `cryptography` package's where that has them too.

The service uses ours only for hashes that the package lacks, so the published vectors do not reach them all.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from support.asymmetric_keys import RSA_PAIR, rsa_numbers
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_api import CryptoApi
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_PADDING, PsaError
from tfm_sim.partitions.crypto import rsa_padding
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.hashing import CRYPTOGRAPHY_HASH
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair
from tfm_sim.partitions.crypto.rsa_primes import generate_primes
from tfm_sim.partitions.crypto.wants import EVERYTHING

PRIMES = generate_primes(1024, 65537, Random(1).randbytes)
PAIR = RsaKeyPair.from_primes(*PRIMES, 65537)
LIBRARY = rsa_numbers(*PRIMES).private_key()
SIZE = PAIR.public.size
HASHES: list[hashes.HashAlgorithm] = [hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384()]
USAGE = (
    v.PSA_KEY_USAGE_SIGN_HASH
    | v.PSA_KEY_USAGE_VERIFY_HASH
    | v.PSA_KEY_USAGE_ENCRYPT
    | v.PSA_KEY_USAGE_DECRYPT
)


def digest_of(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data).digest()


def private(data: bytes) -> bytes:
    return PAIR.apply(int.from_bytes(data, "big")).to_bytes(SIZE, "big")


def public(data: bytes) -> bytes:
    return PAIR.public.apply(int.from_bytes(data, "big")).to_bytes(SIZE, "big")


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda h: h.name)
@pytest.mark.parametrize("salt_length", [0, 7, 20])
def test_pss(algorithm: hashes.HashAlgorithm, salt_length: int) -> None:
    hash_ = partial(digest_of, algorithm.name)
    digest = hash_(b"message")
    scheme = padding.PSS(padding.MGF1(algorithm), salt_length)
    opened = public(LIBRARY.sign(digest, scheme, Prehashed(algorithm)))
    assert rsa_padding.is_pss(hash_, digest, opened, None)
    assert rsa_padding.is_pss(hash_, digest, opened, salt_length)
    assert not rsa_padding.is_pss(hash_, digest, opened, salt_length + 1)
    assert not rsa_padding.is_pss(hash_, hash_(b"massage"), opened, None)
    for place in (0, 1, SIZE // 2, SIZE - 2, SIZE - 1):
        wrong = bytearray(opened)
        wrong[place] ^= 0x80
        assert not rsa_padding.is_pss(hash_, digest, bytes(wrong), None)
    encoded = rsa_padding.encode_pss(hash_, digest, bytes(salt_length), SIZE)
    LIBRARY.public_key().verify(private(encoded), digest, scheme, Prehashed(algorithm))


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda h: h.name)
@pytest.mark.parametrize("message", [b"", b"\0", b"\1message"])
def test_oaep(algorithm: hashes.HashAlgorithm, message: bytes) -> None:
    hash_ = partial(digest_of, algorithm.name)
    scheme = padding.OAEP(padding.MGF1(algorithm), algorithm, b"label")
    opened = private(LIBRARY.public_key().encrypt(message, scheme))
    assert rsa_padding.decode_oaep(hash_, opened, b"label") == message
    with pytest.raises(rsa_padding.BadPaddingError):
        rsa_padding.decode_oaep(hash_, opened, b"libel")
    with pytest.raises(rsa_padding.BadPaddingError):
        rsa_padding.decode_oaep(hash_, b"\1" + opened[1:], b"label")
    encoded = rsa_padding.encode_oaep(hash_, message, b"label", SIZE, bytes)
    assert LIBRARY.decrypt(public(encoded), scheme) == message


@pytest.mark.parametrize("hash_alg, algorithm", list(CRYPTOGRAPHY_HASH.items()), ids=str)
def test_pkcs1v15_signatures(hash_alg: int, algorithm: hashes.HashAlgorithm) -> None:
    """The identifiers of the hashes too."""
    digest = bytes(range(algorithm.digest_size))
    info = rsa_padding.digest_info(hash_alg, digest)
    made = private(rsa_padding.encode_pkcs1v15_signature(info, SIZE))
    assert made == LIBRARY.sign(digest, padding.PKCS1v15(), Prehashed(algorithm))


@pytest.fixture(scope="module")
def api() -> CryptoApi:
    return CryptoApi(start_partitions(crypto=CryptoConfig(wants=EVERYTHING)).ns)


@pytest.mark.parametrize("hash_alg", [v.PSA_ALG_RIPEMD160, v.PSA_ALG_SHA3_256])
@pytest.mark.parametrize(
    "scheme",
    [v.PSA_ALG_RSA_PKCS1V15_SIGN, v.PSA_ALG_RSA_PSS, v.PSA_ALG_RSA_PSS_ANY_SALT],
    ids=["PKCS#1 v1.5", "PSS", "PSS, any salt"],
)
def test_signatures_with_any_hash(api: CryptoApi, scheme: Callable[[int], int], hash_alg: int) -> None:
    alg = scheme(hash_alg)
    key = api.import_key(KeyAttributes(RSA_PAIR, usage=USAGE, alg=alg), PAIR.encode())
    digest = api.hash_compute(hash_alg, b"message")
    signature = api.sign_hash(key, alg, digest)
    assert api.verify_hash(key, alg, digest, signature)
    assert not api.verify_hash(key, alg, bytes(len(digest)), signature)
    assert not api.verify_hash(key, alg, digest, b"\xff" * SIZE)
    for padded in (b"\0" + signature, signature + b"\0", signature[1:]):
        assert not api.verify_hash(key, alg, digest, padded)
    assert not api.verify_hash(key, alg, digest, signature[:-1] + bytes([signature[-1] ^ 1]))


@pytest.mark.parametrize("hash_alg", [v.PSA_ALG_RIPEMD160, v.PSA_ALG_SHA_256])
def test_a_signature_is_a_number_below_the_modulus(api: CryptoApi, hash_alg: int) -> None:
    """RFC 8017, 5.2.2 step 1: the same number with the modulus on top is no signature."""
    alg = v.PSA_ALG_RSA_PKCS1V15_SIGN(hash_alg)
    key = api.import_key(KeyAttributes(RSA_PAIR, usage=USAGE, alg=alg), PAIR.encode())
    signatures = (
        (digest, api.sign_hash(key, alg, digest))
        for digest in (api.hash_compute(hash_alg, bytes([number])) for number in range(256))
    )
    room = (1 << 8 * SIZE) - PAIR.public.n
    digest, signature = next(pair for pair in signatures if int.from_bytes(pair[1], "big") < room)
    assert api.verify_hash(key, alg, digest, signature)
    larger = int.from_bytes(signature, "big") + PAIR.public.n
    assert not api.verify_hash(key, alg, digest, larger.to_bytes(SIZE, "big"))


@pytest.mark.parametrize("hash_alg", [v.PSA_ALG_RIPEMD160, v.PSA_ALG_SHA3_256, v.PSA_ALG_MD5])
def test_oaep_with_any_hash(api: CryptoApi, hash_alg: int) -> None:
    alg = v.PSA_ALG_RSA_OAEP(hash_alg)
    key = api.import_key(KeyAttributes(RSA_PAIR, usage=USAGE, alg=alg), PAIR.encode())
    ciphertext = api.asymmetric_encrypt(key, alg, b"message", b"label")
    assert api.asymmetric_decrypt(key, alg, ciphertext, b"label") == b"message"
    with pytest.raises(PsaError) as refused:
        api.asymmetric_decrypt(key, alg, ciphertext, b"libel")
    assert refused.value.status == PSA_ERROR_INVALID_PADDING
