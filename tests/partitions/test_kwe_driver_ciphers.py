"""The Key Wrap Engine's driver with keys of AES and RSA, as attestation fact sheet 8.1 has its table."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.stm32_device import make_device, make_hardware
from support.wrapped_keys import (
    AES,
    CBC,
    CCM,
    DECRYPT,
    DIGEST,
    ECB,
    ENCRYPT,
    ERROR,
    GCM,
    KEY16,
    OAEP,
    PKCS1,
    PSS,
    RSA,
    SIGN,
    asked,
    rsa_der,
    rsa_library_key,
    volatile,
)

from tfm_sim import Device
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_aead_operation_t, psa_cipher_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_HARDWARE_FAILURE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_PADDING,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.drivers import DriverKey
from tfm_sim.partitions.crypto.kwe_driver import KweDriver, KweDriverCbc
from tfm_sim.platform.plat_err import PlatError


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    made = make_device()
    with made.power_on():
        yield made


def test_ecb_and_cbc(device: Device) -> None:
    for alg, size in ((ECB, 16), (CBC, 16)):
        for data in (KEY16, DIGEST):
            key = volatile(device, AES, 8 * len(data), ENCRYPT | DECRYPT, alg, data)
            plain = _plain_key(device, AES, 8 * len(data), ENCRYPT | DECRYPT, alg, data)
            status, sealed = crypto.psa_cipher_encrypt(device.ns, key, alg, bytes(4 * size), 96)
            assert status == PSA_SUCCESS
            for other in (key, plain):
                opened = crypto.psa_cipher_decrypt(device.ns, other, alg, sealed, 96)
                assert opened == (PSA_SUCCESS, bytes(4 * size))
            for setup in (crypto.psa_cipher_encrypt_setup, crypto.psa_cipher_decrypt_setup):
                assert setup(device.ns, psa_cipher_operation_t(), key, alg) == PSA_ERROR_INVALID_ARGUMENT
            crypto.psa_destroy_key(device.ns, key)
            crypto.psa_destroy_key(device.ns, plain)


def _plain_key(device: Device, type_: int, bits: int, usage: int, alg: int, data: bytes) -> int:
    """The same key with the service itself."""
    status, key = crypto.psa_import_key(device.ns, KeyAttributes(type_, bits, 0, usage, alg), data)
    assert status == PSA_SUCCESS
    return key


@pytest.mark.parametrize(
    ("alg", "nonce", "library"),
    [(GCM, bytes(12), AESGCM(KEY16)), (CCM, bytes(13), AESCCM(KEY16)), (CCM, bytes(7), AESCCM(KEY16))],
)
def test_aead(device: Device, alg: int, nonce: bytes, library: AESGCM | AESCCM) -> None:
    key = volatile(device, AES, 128, ENCRYPT | DECRYPT, alg, KEY16)
    sealed = library.encrypt(nonce, DIGEST, b"header")
    assert crypto.psa_aead_encrypt(device.ns, key, alg, nonce, b"header", DIGEST, 48) == (PSA_SUCCESS, sealed)
    opened = crypto.psa_aead_decrypt(device.ns, key, alg, nonce, b"header", sealed, 32)
    assert opened == (PSA_SUCCESS, DIGEST)
    altered = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    assert crypto.psa_aead_decrypt(device.ns, key, alg, nonce, b"header", altered, 32) == (ERROR, b"")
    for setup in (crypto.psa_aead_encrypt_setup, crypto.psa_aead_decrypt_setup):
        assert setup(device.ns, psa_aead_operation_t(), key, alg) == PSA_ERROR_INVALID_ARGUMENT
    crypto.psa_destroy_key(device.ns, key)


def test_gcm_takes_nonces_of_12_bytes(device: Device) -> None:
    key = volatile(device, AES, 128, ENCRYPT, GCM, KEY16)
    assert crypto.psa_aead_encrypt(device.ns, key, GCM, bytes(16), b"", DIGEST, 48) == (ERROR, b"")
    crypto.psa_destroy_key(device.ns, key)


def rsa_key(device: Device, alg: int, usage: int) -> int:
    return volatile(device, RSA, 1024, usage, alg, rsa_der())


def test_rsa_signs(device: Device) -> None:
    public = rsa_library_key().public_key()
    for alg, scheme in (
        (PKCS1, padding.PKCS1v15()),
        (PSS, padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)),
    ):
        key = rsa_key(device, alg, SIGN)
        status, signature = crypto.psa_sign_hash(device.ns, key, alg, DIGEST, 128)
        assert status == PSA_SUCCESS
        public.verify(signature, DIGEST, scheme, Prehashed(SHA256()))
        assert crypto.psa_export_public_key(device.ns, key, 256)[0] == PSA_ERROR_NOT_SUPPORTED
        crypto.psa_destroy_key(device.ns, key)


def test_rsa_keys_are_whole_blocks_of_aes(device: Device) -> None:
    data = rsa.generate_private_key(65537, 1032).private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    status, _ = crypto.psa_import_key(device.ns, asked(RSA, 1032, SIGN, PKCS1, 0), data)
    assert status == PSA_ERROR_NOT_SUPPORTED


def test_rsa_decrypts_oaep(device: Device) -> None:
    public = rsa_library_key().public_key()
    key = rsa_key(device, OAEP, DECRYPT | ENCRYPT)
    sealed = public.encrypt(b"secret", padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
    assert crypto.psa_asymmetric_decrypt(device.ns, key, OAEP, sealed, b"", 128) == (PSA_SUCCESS, b"secret")
    for data, label, status in (
        (sealed, b"label", PSA_ERROR_INVALID_PADDING),
        (bytes(128), b"", PSA_ERROR_INVALID_PADDING),
        (b"\xff" * 128, b"", PSA_ERROR_HARDWARE_FAILURE),  # not below the modulus
        (sealed + b"more", b"", PSA_SUCCESS),  # the engine takes what the modulus has bytes
        (sealed[:-1], b"", PSA_ERROR_INVALID_ARGUMENT),  # ST's driver reads on behind it
    ):
        assert crypto.psa_asymmetric_decrypt(device.ns, key, OAEP, data, label, 128)[0] == status
    # The engine does not encrypt, and does not tell the public key either.
    assert (
        crypto.psa_asymmetric_encrypt(device.ns, key, OAEP, b"x", b"", 128)[0] == PSA_ERROR_INVALID_ARGUMENT
    )
    crypto.psa_destroy_key(device.ns, key)
    pkcs = rsa_key(device, v.PSA_ALG_RSA_PKCS1V15_CRYPT, DECRYPT)
    alg = v.PSA_ALG_RSA_PKCS1V15_CRYPT
    assert crypto.psa_asymmetric_decrypt(device.ns, pkcs, alg, bytes(128), b"", 128)[0] == -0x4080
    crypto.psa_destroy_key(device.ns, pkcs)


def test_aes_keys_wrapped_in_cbc_have_an_iv() -> None:
    """KWE_USE_CBC_TO_WRAP_SYMMETRIC_KEY."""
    hal = make_hardware().hal
    attributes = asked(AES, 128, ENCRYPT, ECB, 0)
    cbc, ecb = KweDriverCbc(hal), KweDriver(hal)
    assert [len(driver.import_key(attributes, KEY16)[1]) for driver in (cbc, ecb)] == [32, 16]
    assert ecb.import_key(attributes, KEY16) == ecb.import_key(attributes, KEY16)
    assert cbc.import_key(attributes, KEY16) != cbc.import_key(attributes, KEY16)
    sealed = {
        driver.cipher_encrypt(DriverKey(attributes, driver.import_key(attributes, KEY16)[1]), ECB, b"", KEY16)
        for driver in (cbc, ecb)
    }
    assert len(sealed) == 1


@pytest.mark.parametrize(
    ("mode", "wrap_iv", "iv", "data", "header", "tag"),
    [
        ("ecb", b"", b"", bytes(15), b"", 0),
        ("cbc", b"", b"x", bytes(16), b"", 0),
        ("cbc", b"x", bytes(16), bytes(16), b"", 0),
        ("gcm", b"", b"", bytes(16), b"", 16),
        ("ccm", b"", bytes(12), bytes(16), b"", 3),
        ("ccm", b"", bytes(6), bytes(16), b"", 16),
    ],
)
def test_what_the_engine_cannot_take_is_an_error_of_the_hal(
    mode: str, wrap_iv: bytes, iv: bytes, data: bytes, header: bytes, tag: int
) -> None:
    hal = make_hardware().hal
    for use in (hal.HAL_CRYP_Encrypt, hal.HAL_CRYP_Decrypt):
        with pytest.raises(PlatError, match="an IV, a length or a tag that the engine does not take"):
            use(KEY16, wrap_iv, mode, iv, data, header, tag)
        with pytest.raises(PlatError, match="AES mode 'ctr'; legal: ecb, cbc, gcm, ccm"):
            use(KEY16, wrap_iv, "ctr", iv, data, header, tag)


def test_a_wrapped_aes_key_has_no_tag_to_find_an_alteration() -> None:
    hal = make_hardware().hal
    driver, attributes = KweDriver(hal), asked(AES, 128, ENCRYPT, ECB, 0)
    _, wrapped = driver.import_key(attributes, KEY16)
    altered = bytes((wrapped[0] ^ 1,)) + wrapped[1:]
    first, second = (
        driver.cipher_encrypt(DriverKey(attributes, data), ECB, b"", KEY16) for data in (wrapped, altered)
    )
    assert first != second
