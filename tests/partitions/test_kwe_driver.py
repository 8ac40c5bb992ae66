"""The Key Wrap Engine's driver: what it supports, whose blobs it takes, and with which codes it refuses.

Codes are those of ST's kwe_psa_driver_interface.c; attestation fact sheet 8.1 has the table of what is supported.
"""

# ruff: noqa: E501 - a table of one line a case

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asymmetric_keys import EC_POINT, EC_SCALAR, ecc_public
from support.stm32_device import make_device, make_hardware
from support.wrapped_keys import (
    AES,
    CBC,
    CCM,
    DECRYPT,
    DERIVE,
    DIGEST,
    ECB,
    ECDH,
    ENCRYPT,
    ERROR,
    ES256,
    EXPORT,
    GCM,
    K1,
    KEY16,
    MONTGOMERY,
    OAEP,
    PAIR,
    PERSISTENT,
    PKCS1,
    PSS,
    RSA,
    RSSE_ID,
    S256,
    SIGN,
    USER_ID,
    asked,
    rsa_der,
    volatile,
)

from tfm_sim import Build, Device, DriverSpec, bl2_config_for, load_board, with_key_wrap_engine
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CORRUPTION_DETECTED,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_HARDWARE_FAILURE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.stm32.dua_certificate import CertId
from tfm_sim.interface.stm32.key_wrap_engine import (
    PSA_CRYPTO_KWE_DRIVER_LOCATION,
    PSA_KWE_KEY_ID_IS_RSSE,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverError, DriverKey
from tfm_sim.partitions.crypto.kwe_curves import prepared_digest
from tfm_sim.partitions.crypto.kwe_driver import KweDriver
from tfm_sim.partitions.crypto.refusal import Refusal
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.pka import SECP256R1
from tfm_sim.platform.stm32_factory import export_wrapped_key
from tfm_sim.spm.load import LoadError


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    made = make_device()
    with made.power_on():
        yield made


@pytest.fixture(scope="module")
def blob(device: Device) -> bytes:
    return export_wrapped_key(device.hardware, CertId.DUA_USER_LU)


@pytest.fixture
def imported(device: Device, blob: bytes) -> Iterator[int]:
    assert crypto.psa_import_key(device.ns, asked(), blob) == (PSA_SUCCESS, RSSE_ID)
    yield RSSE_ID
    crypto.psa_destroy_key(device.ns, RSSE_ID)


def check(point: bytes, signature: bytes, digest: bytes = DIGEST) -> None:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))


# ST's header: ids from 0x3f000000 to 0x3fffffff are of blobs that RSSe-KW wrapped.
@pytest.mark.parametrize(
    ("key_id", "is_rsse"),
    [(0x3EFFFFFF, False), (0x3F000000, True), (0x3FFFFFFF, True), (0x40000000, False), (1, False)],
)
def test_ids_of_blobs(key_id: int, is_rsse: bool) -> None:
    assert PSA_KWE_KEY_ID_IS_RSSE(key_id) is is_rsse


def test_the_wrapped_dua_key_signs_and_tells_its_public_key(device: Device, imported: int) -> None:
    status, point = crypto.psa_export_public_key(device.ns, imported, 65)
    assert status == PSA_SUCCESS
    status, signature = crypto.psa_sign_hash(device.ns, imported, ES256, DIGEST, 64)
    assert status == PSA_SUCCESS
    check(point, signature)
    status, signature = crypto.psa_sign_message(device.ns, imported, ES256, b"message", 64)
    assert status == PSA_SUCCESS
    _, digest = crypto.psa_hash_compute(device.ns, S256, b"message", 32)
    check(point, signature, digest)
    assert crypto.psa_get_key_attributes(device.ns, imported)[1].lifetime == PERSISTENT


def test_the_key_is_never_readable(device: Device, imported: int) -> None:
    """Not with EXPORT and COPY in its policy either: ST's driver has no entry for them."""
    assert crypto.psa_export_key(device.ns, imported, 256) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    for location in (0, PSA_CRYPTO_KWE_DRIVER_LOCATION):
        copy = KeyAttributes(lifetime=location << 8, usage=SIGN | EXPORT, alg=ES256)
        assert crypto.psa_copy_key(device.ns, imported, copy)[0] == PSA_ERROR_INVALID_ARGUMENT


def test_without_export_in_its_policy_nobody_asks_the_driver(device: Device, blob: bytes) -> None:
    assert crypto.psa_import_key(device.ns, asked(usage=SIGN, key_id=0x3F000000), blob)[0] == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, 0x3F000000, 256)[0] == PSA_ERROR_NOT_PERMITTED
    crypto.psa_destroy_key(device.ns, 0x3F000000)


def test_the_engine_does_not_verify(device: Device, imported: int) -> None:
    _, signature = crypto.psa_sign_hash(device.ns, imported, ES256, DIGEST, 64)
    assert crypto.psa_verify_hash(device.ns, imported, ES256, DIGEST, signature) == PSA_ERROR_INVALID_ARGUMENT
    assert crypto.psa_verify_message(device.ns, imported, ES256, b"", signature) == PSA_ERROR_INVALID_ARGUMENT


# Regions of the blob of 112 bytes: what the driver passes over does no harm, what it takes is found out at use.
@pytest.mark.parametrize(
    ("region", "at", "sign", "public"),
    [
        ("header", 0x00, PSA_SUCCESS, PSA_SUCCESS),
        ("header", 0x07, PSA_SUCCESS, PSA_SUCCESS),
        ("IV", 0x08, ERROR, PSA_ERROR_HARDWARE_FAILURE),
        ("IV", 0x17, ERROR, PSA_ERROR_HARDWARE_FAILURE),
        ("tag", 0x18, ERROR, PSA_ERROR_HARDWARE_FAILURE),
        ("tag", 0x27, ERROR, PSA_ERROR_HARDWARE_FAILURE),
        ("gap", 0x28, PSA_SUCCESS, PSA_SUCCESS),
        ("gap", 0x4F, PSA_SUCCESS, PSA_SUCCESS),
        ("ciphertext", 0x50, ERROR, PSA_ERROR_HARDWARE_FAILURE),
        ("ciphertext", 0x6F, ERROR, PSA_ERROR_HARDWARE_FAILURE),
    ],
)
def test_a_tampered_blob(device: Device, blob: bytes, region: str, at: int, sign: int, public: int) -> None:
    del region
    tampered = bytearray(blob)
    tampered[at] ^= 1
    assert crypto.psa_import_key(device.ns, asked(), bytes(tampered)) == (PSA_SUCCESS, RSSE_ID)
    try:
        status, signature = crypto.psa_sign_hash(device.ns, RSSE_ID, ES256, DIGEST, 64)
        assert (status, len(signature)) == (sign, 64 if sign == PSA_SUCCESS else 0)
        assert crypto.psa_export_public_key(device.ns, RSSE_ID, 65)[0] == public
    finally:
        crypto.psa_destroy_key(device.ns, RSSE_ID)


def test_a_blob_for_no_curve_is_found_out_at_use(device: Device, blob: bytes) -> None:
    assert crypto.psa_import_key(device.ns, asked(bits=255), blob) == (PSA_SUCCESS, RSSE_ID)
    assert crypto.psa_sign_hash(device.ns, RSSE_ID, ES256, DIGEST, 64)[0] == PSA_ERROR_INVALID_ARGUMENT
    assert crypto.psa_export_public_key(device.ns, RSSE_ID, 65)[0] == PSA_ERROR_INVALID_ARGUMENT
    assert crypto.psa_destroy_key(device.ns, RSSE_ID) == PSA_SUCCESS


def test_blobs_that_are_not_for_this_chip_or_side(device: Device) -> None:
    foreign = make_hardware(seed=77)
    assert foreign.chip is not None
    foreign.chip.make_key(CertId.DUA_USER_LU)
    for other in (
        export_wrapped_key(foreign, CertId.DUA_USER_LU),
        export_wrapped_key(device.hardware, CertId.DUA_USER_LU, secure=False),
    ):
        assert crypto.psa_import_key(device.ns, asked(), other)[0] == PSA_SUCCESS
        assert crypto.psa_sign_hash(device.ns, RSSE_ID, ES256, DIGEST, 64) == (ERROR, b"")
        assert crypto.psa_export_public_key(device.ns, RSSE_ID, 65)[0] == PSA_ERROR_HARDWARE_FAILURE
        assert crypto.psa_destroy_key(device.ns, RSSE_ID) == PSA_SUCCESS


@pytest.mark.parametrize(
    ("attributes", "cut", "status"),
    [
        (asked(), 0x70, PSA_SUCCESS),
        (asked(), 0x6F, PSA_ERROR_INVALID_ARGUMENT),  # ST's driver reads on behind it
        (asked(), 0x20, PSA_ERROR_INVALID_ARGUMENT),
        (asked(bits=0), 0x70, PSA_ERROR_NOT_SUPPORTED),
        (asked(bits=384), 0x70, PSA_ERROR_INVALID_ARGUMENT),
        (asked(bits=256), 0x71, PSA_SUCCESS),
        # Nobody looks whether there is such a curve before the key is used.
        (asked(bits=255), 0x70, PSA_SUCCESS),
        (asked(bits=257), 0x70, PSA_ERROR_INVALID_ARGUMENT),  # 33 bytes
        (asked(MONTGOMERY, 255, alg=ECDH), 0x70, PSA_ERROR_INVALID_ARGUMENT),
        (asked(AES, 192, ENCRYPT, ECB), 0x70, PSA_SUCCESS),
        (asked(AES, 0, ENCRYPT, ECB), 0x70, PSA_ERROR_NOT_SUPPORTED),
        (asked(type_=ecc_public()), 0x70, PSA_ERROR_NOT_SUPPORTED),
        (asked(alg=v.PSA_ALG_DETERMINISTIC_ECDSA(S256)), 0x70, PSA_SUCCESS),
        (asked(alg=0), 0x70, PSA_ERROR_NOT_SUPPORTED),
        (asked(alg=GCM), 0x70, PSA_ERROR_NOT_SUPPORTED),
        (asked(type_=RSA, bits=1024, alg=PKCS1), 0x70, PSA_ERROR_NOT_SUPPORTED),
        (asked(type_=v.PSA_KEY_TYPE_RAW_DATA, alg=0), 0x70, PSA_ERROR_NOT_SUPPORTED),
        # An id that is no RSSe one: the blob is taken for a key in the clear, of 896 bits.
        (asked(key_id=USER_ID), 0x70, PSA_ERROR_GENERIC_ERROR),
        (asked(key_id=0x3EFFFFFF), 0x70, PSA_ERROR_GENERIC_ERROR),
        # No id of the users' at all.
        (asked(key_id=0x40000000), 0x70, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_import_of_blobs(
    device: Device, blob: bytes, attributes: KeyAttributes, cut: int, status: int
) -> None:
    assert crypto.psa_import_key(device.ns, attributes, blob[:cut])[0] == status
    if status == PSA_SUCCESS:
        assert crypto.psa_destroy_key(device.ns, attributes.id) == PSA_SUCCESS


@pytest.mark.parametrize(
    ("attributes", "data", "status"),
    [
        (asked(key_id=0), EC_SCALAR, PSA_SUCCESS),
        (asked(bits=0, key_id=0), EC_SCALAR, PSA_SUCCESS),
        (asked(type_=K1, key_id=0), EC_SCALAR, PSA_SUCCESS),
        (asked(bits=384, key_id=0), EC_SCALAR + bytes(16), PSA_SUCCESS),
        # mbedtls_to_psa_error of a code of PSA's own.
        (asked(key_id=0), EC_SCALAR[1:], PSA_ERROR_GENERIC_ERROR),
        (asked(bits=128, key_id=0), EC_SCALAR[:16], PSA_ERROR_GENERIC_ERROR),
        (asked(v.PSA_KEY_TYPE_ECC_KEY_PAIR(0), key_id=0), EC_SCALAR, PSA_ERROR_GENERIC_ERROR),
        (asked(key_id=0), bytes(32), PSA_ERROR_GENERIC_ERROR),
        (asked(key_id=0), SECP256R1.order, PSA_ERROR_GENERIC_ERROR),
        (asked(key_id=0), b"", PSA_ERROR_INVALID_ARGUMENT),  # the service's
        (asked(bits=521, key_id=0), bytes(65) + b"\1", PSA_ERROR_NOT_SUPPORTED),
        (asked(alg=v.PSA_ALG_HMAC(S256), key_id=0), EC_SCALAR, PSA_ERROR_NOT_SUPPORTED),
        (asked(type_=ecc_public(), key_id=0), EC_POINT, PSA_ERROR_NOT_SUPPORTED),
        (asked(type_=v.PSA_KEY_TYPE_HMAC, alg=v.PSA_ALG_HMAC(S256), key_id=0), DIGEST, PSA_ERROR_NOT_SUPPORTED),
        (asked(AES, 128, ENCRYPT, ECB, 0), KEY16, PSA_SUCCESS),
        (asked(AES, 256, ENCRYPT, CBC, 0), DIGEST, PSA_SUCCESS),
        (asked(AES, 128, ENCRYPT, GCM, 0), KEY16, PSA_SUCCESS),
        (asked(AES, 128, ENCRYPT, v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(CCM, 8), 0), KEY16, PSA_SUCCESS),
        (asked(AES, 128, ENCRYPT, v.PSA_ALG_CTR, 0), KEY16, PSA_ERROR_NOT_SUPPORTED),
        (asked(AES, 128, ENCRYPT, v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(GCM, 8), 0), KEY16, PSA_ERROR_NOT_SUPPORTED),
        (asked(AES, 192, ENCRYPT, ECB, 0), DIGEST[:24], PSA_ERROR_HARDWARE_FAILURE),
        (asked(AES, 0, ENCRYPT, ECB, 0), DIGEST[:5], PSA_ERROR_HARDWARE_FAILURE),
        (asked(RSA, 1024, SIGN, PKCS1, 0), bytes(5), PSA_ERROR_GENERIC_ERROR),
    ],
)  # fmt: skip
def test_import_of_keys_in_the_clear(
    device: Device, attributes: KeyAttributes, data: bytes, status: int
) -> None:
    found, key = crypto.psa_import_key(device.ns, attributes, data)
    assert found == status
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize(
    ("type_", "bits", "alg", "status"),
    [
        (PAIR, 256, ES256, PSA_SUCCESS),
        (PAIR, 384, ES256, PSA_SUCCESS),
        (PAIR, 256, ECDH, PSA_SUCCESS),
        (PAIR, 256, 0, PSA_ERROR_NOT_SUPPORTED),
        (PAIR, 255, ES256, PSA_ERROR_INVALID_ARGUMENT),
        (PAIR, 521, ES256, PSA_ERROR_NOT_SUPPORTED),
        (MONTGOMERY, 255, ECDH, PSA_ERROR_NOT_SUPPORTED),
        (AES, 128, ECB, PSA_ERROR_NOT_SUPPORTED),
        (RSA, 1024, PKCS1, PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_generate(device: Device, type_: int, bits: int, alg: int, status: int) -> None:
    """RSA and AES are for import only."""
    found, key = crypto.psa_generate_key(device.ns, asked(type_, bits, SIGN, alg, 0))
    assert found == status
    crypto.psa_destroy_key(device.ns, key)


def test_a_generated_key_signs(device: Device) -> None:
    _, key = crypto.psa_generate_key(device.ns, asked(usage=SIGN, key_id=0))
    _, point = crypto.psa_export_public_key(device.ns, key, 65)
    check(point, crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)[1])
    crypto.psa_destroy_key(device.ns, key)


def test_a_generated_key_agrees(device: Device) -> None:
    _, key = crypto.psa_generate_key(device.ns, asked(usage=DERIVE, alg=ECDH, key_id=0))
    status, secret = crypto.psa_raw_key_agreement(device.ns, ECDH, key, EC_POINT, 32)
    assert (status, len(secret)) == (PSA_SUCCESS, 32)
    crypto.psa_destroy_key(device.ns, key)


def altered(key: DriverKey) -> DriverKey:
    return replace(key, data=key.data[:40] + bytes((key.data[40] ^ 1,)) + key.data[41:])


@pytest.mark.parametrize(
    ("attributes", "use", "status"),
    [
        (asked(key_id=0), lambda d, k: d.sign_hash(k, ES256, DIGEST), ERROR),
        (asked(key_id=0), lambda d, k: d.export_public_key(k), PSA_ERROR_HARDWARE_FAILURE),
        (asked(alg=ECDH, key_id=0), lambda d, k: d.key_agreement(k, ECDH, EC_POINT), PSA_ERROR_HARDWARE_FAILURE),
        (asked(alg=ECDH, key_id=0), lambda d, k: d.key_agreement(k, ES256, EC_POINT), PSA_ERROR_INVALID_ARGUMENT),
        (asked(RSA, 1024, SIGN, PKCS1, 0), lambda d, k: d.sign_hash(k, PKCS1, DIGEST), ERROR),
        (asked(RSA, 1024, SIGN, PSS, 0), lambda d, k: d.sign_hash(k, PSS, DIGEST), ERROR),
        (asked(RSA, 1024, DECRYPT, OAEP, 0), lambda d, k: d.asymmetric_decrypt(k, OAEP, bytes(128), b""), PSA_ERROR_HARDWARE_FAILURE),
    ],
)  # fmt: skip
def test_codes_of_a_wrapped_key_that_was_altered(
    attributes: KeyAttributes, use: Callable[[KweDriver, DriverKey], bytes], status: int
) -> None:
    """STM32 KWE: signatures hand the engine's code on, the others translate it."""
    driver = KweDriver(blank_hal())
    bits, data = driver.import_key(attributes, rsa_der() if attributes.type == RSA else EC_SCALAR)
    with pytest.raises(Refusal) as refused:
        use(driver, altered(DriverKey(replace(attributes, bits=bits), data)))
    assert refused.value.status == status


def test_a_key_in_the_clear_is_known_afterwards_by_its_public_key_alone(device: Device) -> None:
    key = volatile(device, PAIR, 256, SIGN | EXPORT, ES256, EC_SCALAR)
    assert crypto.psa_export_public_key(device.ns, key, 65) == (PSA_SUCCESS, EC_POINT)
    assert crypto.psa_export_key(device.ns, key, 256)[0] == PSA_ERROR_INVALID_ARGUMENT
    check(EC_POINT, crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)[1])
    crypto.psa_destroy_key(device.ns, key)


def test_key_agreement_and_the_public_key_that_a_blob_for_it_does_not_tell(device: Device) -> None:
    key = volatile(device, PAIR, 256, DERIVE, ECDH, EC_SCALAR)
    peer = ec.derive_private_key(3, ec.SECP256R1())
    numbers = peer.public_key().public_numbers()
    point = b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    own = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), EC_POINT)
    found = crypto.psa_raw_key_agreement(device.ns, ECDH, key, point, 32)
    assert found == (PSA_SUCCESS, peer.exchange(ec.ECDH(), own))
    # ST's driver asks for it with the parameters of signatures, so the tag does not fit.
    assert crypto.psa_export_public_key(device.ns, key, 65)[0] == PSA_ERROR_HARDWARE_FAILURE
    bad = crypto.psa_raw_key_agreement(device.ns, ECDH, key, b"\4" + bytes(64), 32)[0]
    assert bad == PSA_ERROR_HARDWARE_FAILURE
    crypto.psa_destroy_key(device.ns, key)


@pytest.mark.parametrize(
    ("digest", "number"),
    [
        (b"\1" * 20, int.from_bytes(b"\1" * 20, "big")),
        (DIGEST + b"more", int.from_bytes(DIGEST, "big")),
        (b"\xff" * 32, 2**256 - 1 - ec.SECP256R1().group_order),
        (b"", 0),
    ],
)
def test_digests_are_made_as_long_as_the_order(digest: bytes, number: int) -> None:
    """STM32 KWE ecc_hal_prepare_digest."""
    assert prepared_digest(digest, SECP256R1) == number.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("attributes", "size", "use"),
    [
        (asked(), 63, lambda d, k: d.sign_hash(k, ES256, DIGEST)),
        (asked(), 65, lambda d, k: d.export_public_key(k)),
        (asked(), 0, lambda d, k: d.key_agreement(k, ECDH, EC_POINT)),
        (asked(AES, 128), 32, lambda d, k: d.cipher_encrypt(k, ECB, b"", KEY16)),
        (asked(AES, 256), 16, lambda d, k: d.aead_decrypt(k, GCM, bytes(12), b"", DIGEST)),
        (asked(bits=128), 16, lambda d, k: d.cipher_decrypt(k, ECB, b"", KEY16)),  # no key of AES
        (asked(RSA, 1024), 32 + 3 * 128 - 1, lambda d, k: d.sign_hash(k, PKCS1, DIGEST)),
        (asked(RSA, 1024), 32 + 3 * 128 + 1, lambda d, k: d.asymmetric_decrypt(k, OAEP, bytes(128), b"")),
    ],
)
def test_key_data_that_storage_damaged(
    attributes: KeyAttributes, size: int, use: Callable[[KweDriver, DriverKey], bytes]
) -> None:
    with pytest.raises(Refusal) as refused:
        use(KweDriver(blank_hal()), DriverKey(attributes, bytes(size)))
    assert refused.value.status == PSA_ERROR_CORRUPTION_DETECTED


@cache
def blank_hal() -> PlatformHal:
    return make_hardware().hal


@settings(max_examples=50)
@given(
    st.binary(max_size=200),
    st.sampled_from([PAIR, K1, AES, RSA, MONTGOMERY, ecc_public()]),
    st.integers(0, 600),
)
def test_any_bytes_are_a_blob_or_refused(data: bytes, type_: int, bits: int) -> None:
    """Nothing but a refusal comes out of the driver, whatever it is given, and nothing at all of what is used."""
    driver = KweDriver(blank_hal())
    for key_id in (RSSE_ID, 0):
        attributes = asked(type_, bits, SIGN, CBC if type_ == AES else ES256, key_id)
        try:
            size, blob = driver.import_key(attributes, data)
            key = DriverKey(replace(attributes, bits=size), blob)
            driver.sign_hash(key, ES256, DIGEST)
        except Refusal as refusal:
            assert refusal.status in {
                PSA_ERROR_INVALID_ARGUMENT,
                PSA_ERROR_NOT_SUPPORTED,
                PSA_ERROR_HARDWARE_FAILURE,
                PSA_ERROR_GENERIC_ERROR,
                ERROR,
            }


def test_the_engine_needs_its_hardware_and_its_location() -> None:
    with pytest.raises(LoadError, match="wrapped keys on board an521, which has no CCB"):
        Device("an521", build=with_key_wrap_engine(Build(bl2=bl2_config_for(load_board("an521")))))
    with pytest.raises(DriverError, match="location 0x800001, where TF-M's builtin key loader is"):
        CryptoConfig(drivers=(DriverSpec.of(PSA_CRYPTO_KWE_DRIVER_LOCATION, KweDriver),))
    build = with_key_wrap_engine()
    assert with_key_wrap_engine(build) == build
    assert build.crypto.builtin_key_location == 0x800002
