"""Every key with every algorithm through every function that takes both: each request gets a status."""

from collections.abc import Iterator

import pytest
from support.asymmetric_keys import EC_POINT, EC_SCALAR, rsa_pair, rsa_public
from support.hostile_values import ALL, ODD_ALGS
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient, psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_key_derivation_operation_t
from tfm_sim.interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS, PsaStatus
from tfm_sim.interface.tfm.crypto import Function as F
from tfm_sim.interface.tfm.crypto import PackIovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair
from tfm_sim.partitions.crypto.wants import EVERYTHING

KNOWN = {status.value for status in PsaStatus}
DER_OF_TINY_RSA = RsaKeyPair.from_primes(0xFFFFFFFFFFFFFFC5, 0xFFFFFFFFFFFFFFA1, 65537).encode()
SPAKE2P = bytes(31) + b"\5" + bytes(31) + b"\7"
SYMMETRIC = {
    v.PSA_KEY_TYPE_RAW_DATA: (1, 64),
    v.PSA_KEY_TYPE_HMAC: (1, 200),
    v.PSA_KEY_TYPE_DERIVE: (1, 65),
    v.PSA_KEY_TYPE_PASSWORD: (1, 64),
    v.PSA_KEY_TYPE_PASSWORD_HASH: (1, 32),
    v.PSA_KEY_TYPE_PEPPER: (1, 32),
    v.PSA_KEY_TYPE_AES: (16, 24, 32, 48, 64),
    v.PSA_KEY_TYPE_CAMELLIA: (16, 24, 32, 48, 64),
    v.PSA_KEY_TYPE_DES: (8, 16, 24),
    v.PSA_KEY_TYPE_ARC4: (1, 5, 32),
    v.PSA_KEY_TYPE_CHACHA20: (32,),
    v.PSA_KEY_TYPE_XCHACHA20: (32,),
    v.PSA_KEY_TYPE_ARIA: (16, 32, 64),
    v.PSA_KEY_TYPE_SM4: (16, 32),
}
R1 = v.PSA_ECC_FAMILY_SECP_R1
CURVES = (
    *((R1, bits) for bits in (192, 224, 256, 384, 521)),
    *((v.PSA_ECC_FAMILY_SECP_K1, bits) for bits in (192, 225, 256)),
    *((v.PSA_ECC_FAMILY_BRAINPOOL_P_R1, bits) for bits in (160, 256, 384, 512)),
    *(
        (family, bits)
        for family in (v.PSA_ECC_FAMILY_MONTGOMERY, v.PSA_ECC_FAMILY_TWISTED_EDWARDS)
        for bits in (255, 448)
    ),
)
ALGS = sorted(
    {
        *ODD_ALGS,
        *(alg & ~0xFF | low for alg in ODD_ALGS if alg & 0xFF == 0xFF for low in (0, 5, 9, 0x0B, 0x10)),
    }
)
ONE_CALL = (
    *(
        (F.MAC_COMPUTE, 1),
        (F.MAC_VERIFY, 2),
        (F.CIPHER_ENCRYPT, 1),
        (F.CIPHER_DECRYPT, 1),
        (F.AEAD_ENCRYPT, 2),
    ),
    *((F.AEAD_DECRYPT, 2), (F.SIGN_MESSAGE, 1), (F.SIGN_HASH, 1), (F.VERIFY_MESSAGE, 2), (F.VERIFY_HASH, 2)),
    *((F.ASYMMETRIC_ENCRYPT, 2), (F.ASYMMETRIC_DECRYPT, 2), (F.RAW_KEY_AGREEMENT, 1)),
)
SETUPS = (
    *((F.MAC_SIGN_SETUP, F.MAC_ABORT), (F.CIPHER_ENCRYPT_SETUP, F.CIPHER_ABORT)),
    *((F.CIPHER_DECRYPT_SETUP, F.CIPHER_ABORT), (F.AEAD_ENCRYPT_SETUP, F.AEAD_ABORT)),
    *((F.KEY_DERIVATION_SETUP, F.KEY_DERIVATION_ABORT), (F.PAKE_SETUP, F.PAKE_ABORT)),
)
STEPS = (
    *(
        (F.MAC_UPDATE, 1),
        (F.CIPHER_GENERATE_IV, 0),
        (F.CIPHER_SET_IV, 1),
        (F.CIPHER_UPDATE, 1),
        (F.AEAD_SET_NONCE, 1),
    ),
    *((F.AEAD_UPDATE_AD, 1), (F.AEAD_UPDATE, 1), (F.KEY_DERIVATION_INPUT_KEY, 0)),
    *((F.KEY_DERIVATION_KEY_AGREEMENT, 1), (F.KEY_DERIVATION_OUTPUT_BYTES, 0)),
)
DATA = (b"", b"\xff" * 32, bytes(100))
PRIMITIVE = 0x01 << 24 | R1 << 16 | 256


def keys() -> Iterator[tuple[int, int, bytes]]:
    """Type, bits, and data where no number of random bytes is one."""
    for kind, sizes in SYMMETRIC.items():
        for size in sizes:
            yield kind, 0, bytes(range(1, size + 1))
    for family, bits in CURVES:
        yield v.PSA_KEY_TYPE_ECC_KEY_PAIR(family), bits, b""
    yield v.PSA_KEY_TYPE_ECC_KEY_PAIR(R1), 256, EC_SCALAR
    yield v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(R1), 256, EC_POINT
    for data in (rsa_pair(512), rsa_pair(768), DER_OF_TINY_RSA):
        yield v.PSA_KEY_TYPE_RSA_KEY_PAIR, 0, data
    yield v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, 0, rsa_public(768)
    yield v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919), 2048, b""
    yield v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(R1), 256, SPAKE2P
    yield 0x8001, 128, b""


def ask(
    client: PsaClient, function: int, *inputs: bytes, room: int = 2048, **fields: int
) -> tuple[int, bytes]:
    out = psa_outvec(bytearray(room), room)
    first = PackIovec(function_id=function, nonce_length=12)._replace(**fields).encode()  # type: ignore[arg-type]
    status = client.psa_call(TFM_CRYPTO_HANDLE, 0, [first, *inputs], [out])
    assert status in KNOWN, (F(function).name, fields)
    assert isinstance(out.base, bytearray)
    return status, bytes(out.base[: out.len])


def use(client: PsaClient, key: int, alg: int) -> None:
    """All of it: calls for whole messages, and operations as far as they come."""
    for data in DATA:
        for function, inputs in ONE_CALL:
            ask(client, function, *(data,) * inputs, key_id=key, alg=alg)
    for setup, abort in SETUPS:
        for data in DATA[1:]:
            confirmation = 1 << 32 if alg & 0x7F00FF00 == 0x0A000100 else 0
            status, handle = ask(client, setup, room=4, key_id=key, alg=alg, value=PRIMITIVE | confirmation)
            if status != PSA_SUCCESS:
                break
            number = int.from_bytes(handle, "little")
            group = setup >> 8
            for function, inputs in STEPS:
                if function >> 8 == group:
                    ask(client, function, *(data[:16],) * inputs, op_handle=number, key_id=key, step=0x101)
            assert ask(client, abort, room=4, op_handle=number)[0] == PSA_SUCCESS


@pytest.mark.parametrize("wants", ["default", "everything"])
def test_every_key_with_every_algorithm(wants: str) -> None:
    config = CryptoConfig(ctr_short_iv=True, wants=EVERYTHING) if wants == "everything" else CryptoConfig()
    client = start_partitions(crypto=config).ns
    made = 0
    for kind, bits, data in keys():
        # The arithmetic of the others takes its time.
        algs = ALGS[:: (2 if kind in SYMMETRIC else 9)] if wants == "everything" else ALGS[::9]
        for alg in algs:
            attributes = KeyAttributes(kind, bits, usage=ALL, alg=alg)
            if data:
                status, key = crypto.psa_import_key(client, attributes, data)
            else:
                status, key = crypto.psa_generate_key(client, attributes)
            if status != PSA_SUCCESS:
                break
            made += 1
            use(client, key, alg)
            assert crypto.psa_destroy_key(client, key) == PSA_SUCCESS
    assert made > (800 if wants == "everything" else 200)


@pytest.mark.parametrize("key_type", [v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_CAMELLIA])
@pytest.mark.parametrize("size", [48, 64])
def test_the_two_keys_of_xts_are_none_of_another_algorithm(key_type: int, size: int) -> None:
    """Mbed TLS mbedtls_cipher_values_from_psa: NOT_SUPPORTED, in one call, in parts and in a derivation."""
    client = start_partitions().ns
    of_two = bytes(range(size))
    for alg, functions in {
        v.PSA_ALG_GCM: (F.AEAD_ENCRYPT, F.AEAD_ENCRYPT_SETUP),
        v.PSA_ALG_CCM: (F.AEAD_ENCRYPT, F.AEAD_ENCRYPT_SETUP),
        v.PSA_ALG_CMAC: (F.MAC_COMPUTE, F.MAC_SIGN_SETUP),
        v.PSA_ALG_CBC_PKCS7: (F.CIPHER_ENCRYPT, F.CIPHER_ENCRYPT_SETUP),
    }.items():
        status, key = crypto.psa_import_key(client, KeyAttributes(key_type, usage=ALL, alg=alg), of_two)
        assert status == PSA_SUCCESS
        for function in functions:
            assert ask(client, function, b"data", key_id=key, alg=alg)[0] == PSA_ERROR_NOT_SUPPORTED
    kdf = v.PSA_ALG_SP800_108_COUNTER_CMAC
    _, key = crypto.psa_import_key(client, KeyAttributes(key_type, usage=ALL, alg=kdf), of_two)
    operation = psa_key_derivation_operation_t()
    assert crypto.psa_key_derivation_setup(client, operation, kdf) == PSA_SUCCESS
    secret = v.PSA_KEY_DERIVATION_INPUT_SECRET
    found = crypto.psa_key_derivation_input_key(client, operation, secret, key)
    assert found == PSA_ERROR_NOT_SUPPORTED
