"""The crypto API for Python callers: everything once around, and what a refusal looks like."""

import hashlib
import hmac

import pytest
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_api import Aead, CryptoApi
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_custom_key_parameters_t,
    psa_pake_cipher_suite_t,
)
from tfm_sim.interface.psa.status import PSA_ERROR_BAD_STATE, PSA_ERROR_INVALID_HANDLE, PsaError

SHA_256 = v.PSA_ALG_SHA_256
HS256 = v.PSA_ALG_HMAC(SHA_256)
HKDF = v.PSA_ALG_HKDF(SHA_256)
OAEP = v.PSA_ALG_RSA_OAEP(SHA_256)
BOTH_WAYS = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
SECRET, PASSWORD = v.PSA_KEY_DERIVATION_INPUT_SECRET, v.PSA_KEY_DERIVATION_INPUT_PASSWORD


@pytest.fixture(scope="module")
def api() -> CryptoApi:
    return CryptoApi(start_partitions().ns)


def aes(api: CryptoApi, alg: int) -> int:
    return api.generate_key(KeyAttributes(v.PSA_KEY_TYPE_AES, 128, usage=BOTH_WAYS, alg=alg))


def test_hash_copies_suspends_and_verifies(api: CryptoApi) -> None:
    with api.hash_operation(SHA_256) as hashing:
        hashing.update(b"ab")
        with hashing.copy() as twin:
            twin.update(b"x")
            assert not twin.verify(bytes(32))
        state = hashing.suspend()
    with api.hash_resume(state) as resumed:
        resumed.update(b"c")
        assert resumed.finish() == hashlib.sha256(b"abc").digest()


def test_mac_in_parts(api: CryptoApi) -> None:
    usage = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
    key = api.import_key(KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=usage, alg=HS256), b"k" * 32)
    wanted = hmac.digest(b"k" * 32, b"abc", "sha256")
    with api.mac_operation(key, HS256) as mac:
        mac.update(b"ab")
        mac.update(b"c")
        assert mac.finish() == wanted
    for tag, fits in ((wanted, True), (bytes(32), False)):
        with api.mac_operation(key, HS256, verify=True) as mac:
            mac.update(b"abc")
            assert mac.verify(tag) is fits


def test_cipher(api: CryptoApi) -> None:
    key = aes(api, v.PSA_ALG_CBC_PKCS7)
    whole = api.cipher_encrypt(key, v.PSA_ALG_CBC_PKCS7, b"attack at dawn, not at noon")
    assert len(whole) == 16 + 32
    assert api.cipher_decrypt(key, v.PSA_ALG_CBC_PKCS7, whole) == b"attack at dawn, not at noon"
    with api.cipher_operation(key, v.PSA_ALG_CBC_PKCS7) as cipher:
        iv = cipher.generate_iv()
        parts = cipher.update(b"attack at dawn, not ") + cipher.finish()
    with api.cipher_operation(key, v.PSA_ALG_CBC_PKCS7, decrypt=True) as cipher:
        cipher.set_iv(iv)
        assert cipher.update(parts) + cipher.finish() == b"attack at dawn, not "


def begin(api: CryptoApi, key: int, alg: int, nonce: bytes) -> Aead:
    operation = api.aead_operation(key, alg, decrypt=True)
    operation.set_lengths(2, 6)
    operation.set_nonce(nonce)
    operation.update_ad(b"ad")
    return operation


@pytest.mark.parametrize("alg", [v.PSA_ALG_GCM, v.PSA_ALG_CCM])
def test_aead(api: CryptoApi, alg: int) -> None:
    key = aes(api, alg)
    whole = api.aead_encrypt(key, alg, b"n" * 12, b"secret", b"ad")
    assert api.aead_decrypt(key, alg, b"n" * 12, whole, b"ad") == b"secret"
    assert api.aead_decrypt(key, alg, b"n" * 12, whole, b"another") is None
    with api.aead_operation(key, alg) as aead:
        aead.set_lengths(2, 6)
        nonce = aead.generate_nonce()
        aead.update_ad(b"ad")
        first = aead.update(b"secret")
        last, tag = aead.finish()
    with begin(api, key, alg, nonce) as aead:
        plain = aead.update(first + last)
        rest = aead.verify(tag)
        assert rest is not None
        assert plain + rest == b"secret"
    with begin(api, key, alg, nonce) as aead:
        aead.update(first + last)
        assert aead.verify(bytes(16)) is None


def test_asymmetric_encryption_of_an_unusual_key(api: CryptoApi) -> None:
    attributes = KeyAttributes(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1024, usage=BOTH_WAYS, alg=OAEP)
    key = api.generate_key_custom(attributes, psa_custom_key_parameters_t(), b"\x03")
    whole = api.asymmetric_encrypt(key, OAEP, b"secret", b"label")
    assert api.asymmetric_decrypt(key, OAEP, whole, b"label") == b"secret"


def test_agreement_both_ways(api: CryptoApi) -> None:
    pair = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
    attributes = KeyAttributes(pair, 256, usage=v.PSA_KEY_USAGE_DERIVE, alg=v.PSA_ALG_ECDH)
    mine, theirs = api.generate_key(attributes), api.generate_key(attributes)
    publics = api.export_public_key(mine), api.export_public_key(theirs)
    secret = api.raw_key_agreement(v.PSA_ALG_ECDH, mine, publics[1])
    assert secret == api.raw_key_agreement(v.PSA_ALG_ECDH, theirs, publics[0])
    shared = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=v.PSA_KEY_USAGE_EXPORT)
    assert api.export_key(api.key_agreement(mine, publics[1], v.PSA_ALG_ECDH, shared)) == secret
    with api.key_derivation(v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, HKDF)) as kdf:
        kdf.key_agreement(SECRET, mine, publics[1])
        kdf.input_bytes(v.PSA_KEY_DERIVATION_INPUT_INFO, b"")
        assert len(kdf.output_bytes(16)) == 16


def test_key_derivation(api: CryptoApi) -> None:
    derive = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=v.PSA_KEY_USAGE_DERIVE, alg=HKDF)
    secret = api.import_key(derive, bytes(32))
    with api.key_derivation(HKDF) as kdf:
        assert kdf.capacity == 255 * 32
        kdf.input_key(SECRET, secret)
        kdf.input_bytes(v.PSA_KEY_DERIVATION_INPUT_INFO, b"")
        kdf.set_capacity(64)
        first = kdf.output_bytes(16)
        key = kdf.output_key(KeyAttributes(v.PSA_KEY_TYPE_AES, 128, usage=v.PSA_KEY_USAGE_EXPORT))
        assert kdf.capacity == 32
    prk = hmac.digest(bytes(32), bytes(32), "sha256")
    assert first + api.export_key(key) == hmac.digest(prk, b"\x01", "sha256")


def test_password_is_verified(api: CryptoApi) -> None:
    alg = v.PSA_ALG_PBKDF2_HMAC(SHA_256)
    usage = v.PSA_KEY_USAGE_DERIVE | v.PSA_KEY_USAGE_VERIFY_DERIVATION
    password = api.import_key(KeyAttributes(v.PSA_KEY_TYPE_PASSWORD, usage=usage, alg=alg), b"open")
    expected = hashlib.pbkdf2_hmac("sha256", b"open", b"salt", 10, 32)
    stored = KeyAttributes(v.PSA_KEY_TYPE_PASSWORD_HASH, usage=v.PSA_KEY_USAGE_VERIFY_DERIVATION, alg=alg)
    for reference, fits in ((expected, True), (bytes(32), False)):
        for by_key in (False, True):
            with api.key_derivation(alg) as kdf:
                kdf.input_integer(v.PSA_KEY_DERIVATION_INPUT_COST, 10)
                kdf.input_bytes(v.PSA_KEY_DERIVATION_INPUT_SALT, b"salt")
                kdf.input_key(PASSWORD, password)
                if by_key:
                    assert kdf.verify_key(api.import_key(stored, reference)) is fits
                else:
                    assert kdf.verify_bytes(reference) is fits


JPAKE = v.PSA_ALG_JPAKE(SHA_256)
P256 = v.PSA_PAKE_PRIMITIVE(v.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 256)
ROUND = (v.PSA_PAKE_STEP_KEY_SHARE, v.PSA_PAKE_STEP_ZK_PUBLIC, v.PSA_PAKE_STEP_ZK_PROOF)


def test_pake(api: CryptoApi) -> None:
    password = api.import_key(
        KeyAttributes(v.PSA_KEY_TYPE_PASSWORD, usage=v.PSA_KEY_USAGE_DERIVE, alg=JPAKE), b"swordfish"
    )
    suite = psa_pake_cipher_suite_t(JPAKE, P256, v.PSA_PAKE_UNCONFIRMED_KEY)
    with api.pake(password, suite) as client, api.pake(password, suite) as server:
        client.set_user(b"client")
        client.set_peer(b"server")
        server.set_user(b"server")
        server.set_peer(b"client")
        for steps in (ROUND + ROUND, ROUND):
            for here, there in ((client, server), (server, client)):
                sent = [(step, here.output(step)) for step in steps]
                assert all(there.input(step, data) for step, data in sent)
        attributes = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=v.PSA_KEY_USAGE_DERIVE, alg=HKDF)
        keys = client.get_shared_key(attributes), server.get_shared_key(attributes)
    outputs = []
    for key in keys:
        with api.key_derivation(HKDF) as kdf:
            kdf.input_key(SECRET, key)
            kdf.input_bytes(v.PSA_KEY_DERIVATION_INPUT_INFO, b"test")
            outputs.append(kdf.output_bytes(32))
    assert outputs[0] == outputs[1]


def test_copying_and_purging(api: CryptoApi) -> None:
    usage = v.PSA_KEY_USAGE_COPY | v.PSA_KEY_USAGE_EXPORT
    key = api.import_key(KeyAttributes(v.PSA_KEY_TYPE_RAW_DATA, usage=usage), b"data")
    copy = api.copy_key(key, KeyAttributes(usage=v.PSA_KEY_USAGE_EXPORT))
    api.purge_key(copy)
    assert api.export_key(copy) == b"data"
    assert api.get_key_attributes(copy).usage == v.PSA_KEY_USAGE_EXPORT


def test_a_refusal_names_its_call(api: CryptoApi) -> None:
    with pytest.raises(PsaError, match="psa_cipher_encrypt_setup") as refusal:
        api.cipher_operation(0x1234, v.PSA_ALG_CTR)
    assert refusal.value.status == PSA_ERROR_INVALID_HANDLE
    with api.hash_operation(SHA_256) as hashing:
        hashing.finish()
        with pytest.raises(PsaError, match="psa_hash_update") as refusal:
            hashing.update(b"")
    assert refusal.value.status == PSA_ERROR_BAD_STATE


def test_what_setting_attributes_does() -> None:
    """PSA Crypto 1.2 psa_set_key_id, _lifetime, _usage_flags; TF-PSA-Crypto psa_set_key_bits."""
    there = crypto.psa_set_key_lifetime(KeyAttributes(), 0x80000100)
    persistent = crypto.psa_set_key_id(there, 7)
    assert (persistent.id, persistent.lifetime) == (7, 0x80000101)
    assert crypto.psa_set_key_lifetime(persistent, 0x800001FF).id == 7
    assert crypto.psa_set_key_lifetime(persistent, v.PSA_KEY_LIFETIME_VOLATILE).id == 0
    assert crypto.psa_set_key_usage_flags(KeyAttributes(), 0x3000).usage == 0x3C00
    assert crypto.psa_set_key_bits(KeyAttributes(), 0xFFF8).bits == 0xFFF8
    assert crypto.psa_set_key_bits(KeyAttributes(), 0xFFF9).bits == 0xFFFF
    assert crypto.psa_reset_key_attributes(persistent) == KeyAttributes()
