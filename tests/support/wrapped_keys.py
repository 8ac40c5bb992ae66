"""Keys of the Key Wrap Engine in tests: attributes, algorithms, one of RSA."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tfm_sim import Device
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_SUCCESS,
)
from tfm_sim.interface.stm32.key_wrap_engine import (
    PSA_CRYPTO_KWE_DRIVER_LOCATION,
    KweStatus,
)

VOLATILE = PSA_CRYPTO_KWE_DRIVER_LOCATION << 8
PERSISTENT = VOLATILE | v.PSA_KEY_PERSISTENCE_DEFAULT
RSSE_ID, USER_ID = 0x3FFFFFFF, 0x1FFF0001
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
K1 = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_K1)
MONTGOMERY = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_MONTGOMERY)
AES, RSA = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_RSA_KEY_PAIR
S256 = v.PSA_ALG_SHA_256
ES256, ECDH = v.PSA_ALG_ECDSA(S256), v.PSA_ALG_ECDH
ECB, CBC, GCM, CCM = v.PSA_ALG_ECB_NO_PADDING, v.PSA_ALG_CBC_NO_PADDING, v.PSA_ALG_GCM, v.PSA_ALG_CCM
PKCS1, PSS, OAEP = (
    v.PSA_ALG_RSA_PKCS1V15_SIGN(S256),
    v.PSA_ALG_RSA_PSS(S256),
    v.PSA_ALG_RSA_OAEP(S256),
)
SIGN, EXPORT, COPY = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY
VERIFY = v.PSA_KEY_USAGE_VERIFY_HASH | v.PSA_KEY_USAGE_VERIFY_MESSAGE
ENCRYPT, DECRYPT = v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DECRYPT
DERIVE = v.PSA_KEY_USAGE_DERIVE
DIGEST = bytes(range(32))
KEY16 = bytes(range(16))
ERROR = KweStatus.ERROR


def asked(
    type_: int = PAIR,
    bits: int = 256,
    usage: int = SIGN | EXPORT | COPY | VERIFY,
    alg: int = ES256,
    key_id: int = RSSE_ID,
) -> KeyAttributes:
    lifetime = PERSISTENT if key_id else VOLATILE
    return KeyAttributes(type_, bits, lifetime, usage, alg, id=key_id)


def volatile(device: Device, type_: int, bits: int, usage: int, alg: int, data: bytes) -> int:
    status, key = crypto.psa_import_key(device.ns, asked(type_, bits, usage, alg, 0), data)
    assert status == PSA_SUCCESS
    return key


@cache
def rsa_library_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def rsa_der() -> bytes:
    return rsa_library_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
