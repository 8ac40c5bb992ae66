"""Whatever lies in storage under a key's name: the service answers every call with a status."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_aead_operation_t,
    psa_cipher_operation_t,
    psa_key_derivation_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_set
from tfm_sim.interface.psa.status import PSA_SUCCESS, PsaStatus
from tfm_sim.partitions.crypto.config import TFM_SP_CRYPTO
from tfm_sim.partitions.crypto.persistent_keys import uid_of_key
from tfm_sim.partitions.crypto.stored_key import encode
from tfm_sim.spm.client import NS_CLIENT_ID_LIMIT

S256 = v.PSA_ALG_SHA_256
KEY_TYPES = st.sampled_from(
    [
        v.PSA_KEY_TYPE_AES,
        v.PSA_KEY_TYPE_DES,
        v.PSA_KEY_TYPE_CHACHA20,
        v.PSA_KEY_TYPE_HMAC,
        v.PSA_KEY_TYPE_DERIVE,
        v.PSA_KEY_TYPE_PASSWORD_HASH,
        v.PSA_KEY_TYPE_RSA_KEY_PAIR,
        v.PSA_KEY_TYPE_RSA_PUBLIC_KEY,
        *(v.PSA_KEY_TYPE_ECC_KEY_PAIR(family) for family in (0x12, 0x17, 0x30, 0x41, 0x42, 0x99)),
        *(v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(family) for family in (0x12, 0x41, 0x42)),
        v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919),
        v.PSA_KEY_TYPE_DH_PUBLIC_KEY(v.PSA_DH_FAMILY_RFC7919),
        v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1),
    ]
)
ALGS = [
    v.PSA_ALG_GCM,
    v.PSA_ALG_CTR,
    v.PSA_ALG_CBC_PKCS7,
    v.PSA_ALG_CHACHA20_POLY1305,
    v.PSA_ALG_HMAC(S256),
    v.PSA_ALG_CMAC,
    v.PSA_ALG_ECDSA(S256),
    v.PSA_ALG_PURE_EDDSA,
    v.PSA_ALG_RSA_PSS(S256),
    v.PSA_ALG_RSA_OAEP(S256),
    v.PSA_ALG_ECDH,
    v.PSA_ALG_FFDH,
    v.PSA_ALG_HKDF(S256),
]
SIZES = st.sampled_from([0, 8, 64, 128, 192, 255, 256, 384, 448, 512, 521, 1024, 2048]) | st.integers(
    0, 65535
)
DATA = st.binary(min_size=1, max_size=140) | st.sampled_from([16, 24, 32, 57, 64, 65, 66, 133, 256]).flatmap(
    lambda size: st.binary(min_size=size, max_size=size)
)
STORED = st.builds(
    lambda key_type, bits, lifetime, alg, data: encode(
        KeyAttributes(key_type, bits, lifetime, v.PSA_KEY_USAGE_ALL, alg, alg), data
    ),
    KEY_TYPES | st.integers(0, 65535),
    SIZES,
    st.sampled_from([1, 1, 1, 2, 0xFF, 0x101, 0x80000101]),
    st.sampled_from(ALGS),
    DATA,
)
DEVICE: list[PartitionBench] = []


def device() -> PartitionBench:
    if not DEVICE:
        DEVICE.append(start_partitions())
    return DEVICE[0]


def use(bench: PartitionBench, key: int, alg: int) -> list[int]:
    ns, kdf = bench.ns, psa_key_derivation_operation_t()
    mac, cipher, aead = psa_mac_operation_t(), psa_cipher_operation_t(), psa_aead_operation_t()
    secret = v.PSA_KEY_DERIVATION_INPUT_SECRET
    found = [
        crypto.psa_get_key_attributes(ns, key)[0],
        crypto.psa_export_key(ns, key, 512)[0],
        crypto.psa_export_public_key(ns, key, 512)[0],
        crypto.psa_sign_message(ns, key, alg, b"message", 512)[0],
        crypto.psa_verify_message(ns, key, alg, b"message", bytes(64)),
        crypto.psa_sign_hash(ns, key, alg, bytes(32), 512)[0],
        crypto.psa_mac_compute(ns, key, alg, b"message", 64)[0],
        crypto.psa_mac_sign_setup(ns, mac, key, alg),
        crypto.psa_cipher_encrypt(ns, key, alg, bytes(16), 64)[0],
        crypto.psa_cipher_encrypt_setup(ns, cipher, key, alg),
        crypto.psa_aead_encrypt(ns, key, alg, bytes(12), b"", b"text", 64)[0],
        crypto.psa_aead_encrypt_setup(ns, aead, key, alg),
        crypto.psa_asymmetric_encrypt(ns, key, alg, b"text", b"", 512)[0],
        crypto.psa_asymmetric_decrypt(ns, key, alg, bytes(256), b"", 512)[0],
        crypto.psa_raw_key_agreement(ns, alg, key, b"\4" + bytes(64), 512)[0],
        crypto.psa_key_derivation_setup(ns, kdf, v.PSA_ALG_HKDF(S256)),
        crypto.psa_key_derivation_input_key(ns, kdf, secret, key),
    ]
    crypto.psa_mac_abort(ns, mac)
    crypto.psa_cipher_abort(ns, cipher)
    crypto.psa_aead_abort(ns, aead)
    crypto.psa_key_derivation_abort(ns, kdf)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STORED | st.binary(max_size=100), st.sampled_from(ALGS))
@example(encode(KeyAttributes(v.PSA_KEY_TYPE_AES, 128, 1, 0xFF07, v.PSA_ALG_GCM), bytes(15)), v.PSA_ALG_GCM)
def test_stored_bytes_are_answered_with_a_status(stored: bytes, alg: int) -> None:
    bench = device()
    owner = bench.as_partition(TFM_SP_CRYPTO)
    assert psa_its_set(owner, uid_of_key(NS_CLIENT_ID_LIMIT, 7), stored, 0) == PSA_SUCCESS
    assert crypto.psa_purge_key(bench.ns, 7) == PSA_SUCCESS
    assert all(status in set(PsaStatus) for status in use(bench, 7, alg))
