"""Key agreement: published vectors and what each misuse is answered with, through psa_call."""

from collections.abc import Callable

import pytest
from support import derivation_vectors
from support.derivation_bench import Derivation, import_key, started
from support.derivation_vectors import AgreementVector
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import DEFAULT

ECDH, FFDH = v.PSA_ALG_ECDH, v.PSA_ALG_FFDH
DERIVE = v.PSA_KEY_USAGE_DERIVE
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
ECDH_HKDF = v.PSA_ALG_KEY_AGREEMENT(ECDH, HKDF)
SECRET = v.PSA_KEY_DERIVATION_INPUT_SECRET
INFO = v.PSA_KEY_DERIVATION_INPUT_INFO
P256 = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
MONTGOMERY = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_MONTGOMERY)
RFC7919 = v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919)


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


VECTORS = [
    *derivation_vectors.ecdh_nist(per_result=2),
    *derivation_vectors.ecdh_brainpool(),
    *derivation_vectors.montgomery(),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_ecdh(device: PartitionBench, vector: AgreementVector) -> None:
    """A peer off the curve, by NIST's vectors, is INVALID_ARGUMENT."""
    key = import_key(device.ns, vector.key_type, vector.private, usage=DERIVE, alg=ECDH, bits=vector.bits)
    result = crypto.psa_raw_key_agreement(device.ns, ECDH, key, vector.peer, (vector.bits + 7) // 8)
    if vector.secret is None:
        assert result == (PSA_ERROR_INVALID_ARGUMENT, b"")
    else:
        assert result == (PSA_SUCCESS, vector.secret)
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS


def pair(client: PsaClient, key_type: int, bits: int, alg: int = ECDH, usage: int = DERIVE) -> int:
    status, key = crypto.psa_generate_key(client, KeyAttributes(key_type, bits, usage=usage, alg=alg))
    assert status == PSA_SUCCESS
    return key


def public(client: PsaClient, key: int) -> bytes:
    status, data = crypto.psa_export_public_key(client, key, 2048)
    assert status == PSA_SUCCESS
    return data


@pytest.mark.parametrize(
    "key_type, bits, alg",
    [
        *((P256, bits, ECDH) for bits in (224, 256, 384, 521)),
        (v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_K1), 256, ECDH),
        *((v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_BRAINPOOL_P_R1), b, ECDH) for b in (256, 384, 512)),
        (MONTGOMERY, 255, ECDH),
        (MONTGOMERY, 448, ECDH),
        *((RFC7919, bits, FFDH) for bits in (2048, 3072, 4096)),
    ],
)
def test_both_sides_agree(device: PartitionBench, key_type: int, bits: int, alg: int) -> None:
    ours, theirs = pair(device.ns, key_type, bits, alg), pair(device.ns2, key_type, bits, alg)
    size = (bits + 7) // 8
    first = crypto.psa_raw_key_agreement(device.ns, alg, ours, public(device.ns2, theirs), size)
    second = crypto.psa_raw_key_agreement(device.ns2, alg, theirs, public(device.ns, ours), size)
    assert first == second
    assert (first[0], len(first[1])) == (PSA_SUCCESS, size)
    crypto.psa_destroy_key(device.ns, ours)
    crypto.psa_destroy_key(device.ns2, theirs)


def test_ffdh_pads_the_secret_on_the_left(device: PartitionBench) -> None:
    """RFC 7919, A.1: the group's generator is 2, so 2 ^ 3 is known without its prime."""
    three = (3).to_bytes(256, "big")
    key = import_key(device.ns, RFC7919, three, usage=DERIVE, alg=FFDH)
    two = (2).to_bytes(256, "big")
    assert crypto.psa_raw_key_agreement(device.ns, FFDH, key, two, 256) == (
        PSA_SUCCESS,
        (8).to_bytes(256, "big"),
    )
    # (p - 2) ^ 3 = -8 = p - 8, and p ends in 64 bits of ones.
    p_minus_2 = FFDHE2048[:-1] + b"\xfd"
    assert crypto.psa_raw_key_agreement(device.ns, FFDH, key, p_minus_2, 256) == (
        PSA_SUCCESS,
        FFDHE2048[:-1] + b"\xf7",
    )


# RFC 7919, A.1
FFDHE2048 = bytes.fromhex(
    "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695"
    "A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A"
    "D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935"
    "984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A"
    "BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4"
    "AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61"
    "9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005"
    "C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF"
)
LOW_ORDER_X25519 = ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f"]
LOW_ORDER_X448 = ["00" * 56, "01" + "00" * 55, "fe" + "ff" * 27 + "fe" + "ff" * 27]


@pytest.mark.parametrize(
    "key_type, bits, alg, peer",
    [
        *((MONTGOMERY, 255, ECDH, bytes.fromhex(peer)) for peer in LOW_ORDER_X25519),
        *((MONTGOMERY, 448, ECDH, bytes.fromhex(peer)) for peer in LOW_ORDER_X448),
        (MONTGOMERY, 255, ECDH, bytes(31)),
        (MONTGOMERY, 255, ECDH, b"\x09" + bytes(55)),
        (P256, 256, ECDH, b""),
        (P256, 256, ECDH, b"\x04" + bytes(64)),
        (P256, 256, ECDH, b"\x02" + bytes(32)),
        (P256, 256, ECDH, b"\x04" + bytes(96)),
        (P256, 256, ECDH, bytes(1)),
        (RFC7919, 2048, FFDH, bytes(256)),
        (RFC7919, 2048, FFDH, (1).to_bytes(256, "big")),
        (RFC7919, 2048, FFDH, FFDHE2048[:-1] + b"\xfe"),
        (RFC7919, 2048, FFDH, FFDHE2048),
        (RFC7919, 2048, FFDH, (4).to_bytes(255, "big")),
        (RFC7919, 2048, FFDH, (4).to_bytes(384, "big")),
        (RFC7919, 2048, FFDH, b""),
    ],
)
def test_no_public_key_of_the_group(
    device: PartitionBench, key_type: int, bits: int, alg: int, peer: bytes
) -> None:
    """PSA Crypto 1.2 psa_raw_key_agreement: INVALID_ARGUMENT; so for the other two calls."""
    key = pair(device.ns, key_type, bits, alg)
    assert crypto.psa_raw_key_agreement(device.ns, alg, key, peer, 256)[0] == PSA_ERROR_INVALID_ARGUMENT
    attributes = KeyAttributes(v.PSA_KEY_TYPE_DERIVE)
    assert crypto.psa_key_agreement(device.ns, key, peer, alg, attributes)[0] == PSA_ERROR_INVALID_ARGUMENT
    derivation = started(device.ns, v.PSA_ALG_KEY_AGREEMENT(alg, HKDF))
    assert derivation.agree(SECRET, key, peer) == PSA_ERROR_INVALID_ARGUMENT
    derivation.abort()
    crypto.psa_destroy_key(device.ns, key)


PEER = bytes.fromhex(
    "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"
)
"""RFC 5903, 8.1: the responder's key."""
OWN = bytes.fromhex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433")
SHARED = bytes.fromhex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de")
Make = Callable[[PsaClient], int]


def own(alg: int = ECDH, usage: int = DERIVE) -> Make:
    return lambda client: import_key(client, P256, OWN, usage=usage, alg=alg)


def public_key(client: PsaClient) -> int:
    kind = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1)
    return import_key(client, kind, PEER, usage=DERIVE, alg=ECDH)


def aes_key(client: PsaClient) -> int:
    return import_key(client, v.PSA_KEY_TYPE_AES, bytes(16), usage=DERIVE, alg=ECDH)


RAW = [
    (ECDH, own(), 32, PSA_SUCCESS),
    (ECDH, own(), 33, PSA_SUCCESS),
    (ECDH, own(), 31, PSA_ERROR_BUFFER_TOO_SMALL),
    (ECDH, own(), 0, PSA_ERROR_BUFFER_TOO_SMALL),
    (ECDH, own(usage=v.PSA_KEY_USAGE_EXPORT), 32, PSA_ERROR_NOT_PERMITTED),
    (ECDH, own(usage=v.PSA_KEY_USAGE_VERIFY_DERIVATION), 32, PSA_ERROR_NOT_PERMITTED),
    (ECDH, own(alg=ECDH_HKDF), 32, PSA_ERROR_NOT_PERMITTED),
    (ECDH, own(alg=FFDH), 32, PSA_ERROR_NOT_PERMITTED),
    (ECDH, own(alg=0), 32, PSA_ERROR_NOT_PERMITTED),
    (ECDH, public_key, 32, PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, aes_key, 32, PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, lambda _: 0, 32, PSA_ERROR_INVALID_HANDLE),
    (ECDH, lambda _: 0x40001234, 32, PSA_ERROR_INVALID_HANDLE),
    # A combination that the key permits is an agreement, but not one that this call does.
    (ECDH_HKDF, own(), 32, PSA_ERROR_NOT_SUPPORTED),
    (FFDH, own(alg=FFDH), 32, PSA_ERROR_INVALID_ARGUMENT),
    (HKDF, own(alg=HKDF), 32, PSA_ERROR_INVALID_ARGUMENT),
    (v.PSA_ALG_ECDSA_ANY, own(alg=v.PSA_ALG_ECDSA_ANY), 32, PSA_ERROR_INVALID_ARGUMENT),
    (0, own(), 32, PSA_ERROR_INVALID_ARGUMENT),
    (0x09030000, own(alg=0x09030000), 32, PSA_ERROR_NOT_SUPPORTED),
]


@pytest.mark.parametrize("alg, make, room, status", RAW)
def test_raw_key_agreement(device: PartitionBench, alg: int, make: Make, room: int, status: int) -> None:
    key = make(device.ns)
    secret = SHARED if status == PSA_SUCCESS else b""
    assert crypto.psa_raw_key_agreement(device.ns, alg, key, PEER, room) == (status, secret)
    # The key of one client is no key of another.
    foreign = crypto.psa_raw_key_agreement(device.ns2, ECDH, key, PEER, 32)[0]
    assert foreign == PSA_ERROR_INVALID_HANDLE
    crypto.psa_destroy_key(device.ns, key)


def key_attributes(key_type: int = v.PSA_KEY_TYPE_DERIVE, bits: int = 0, usage: int = 0) -> KeyAttributes:
    return KeyAttributes(key_type, bits, usage=usage | v.PSA_KEY_USAGE_EXPORT, alg=HKDF)


TO_KEY = [
    (ECDH, own(), key_attributes(), PSA_SUCCESS),
    (ECDH, own(), key_attributes(bits=256), PSA_SUCCESS),
    (ECDH, own(), key_attributes(v.PSA_KEY_TYPE_RAW_DATA), PSA_SUCCESS),
    (ECDH, own(), key_attributes(v.PSA_KEY_TYPE_HMAC), PSA_SUCCESS),
    (ECDH, own(), key_attributes(v.PSA_KEY_TYPE_PASSWORD), PSA_SUCCESS),
    (ECDH, own(), key_attributes(bits=255), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, own(), key_attributes(bits=128), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, own(), key_attributes(v.PSA_KEY_TYPE_AES), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, own(), key_attributes(v.PSA_KEY_TYPE_PASSWORD_HASH), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, own(), key_attributes(0), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, own(), key_attributes(usage=0x80000000), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, own(usage=v.PSA_KEY_USAGE_ENCRYPT), key_attributes(), PSA_ERROR_NOT_PERMITTED),
    (ECDH, public_key, key_attributes(), PSA_ERROR_INVALID_ARGUMENT),
    (ECDH, lambda _: 0, key_attributes(), PSA_ERROR_INVALID_HANDLE),
    (ECDH_HKDF, own(), key_attributes(), PSA_ERROR_NOT_SUPPORTED),
    (v.PSA_ALG_ECDSA_ANY, own(), key_attributes(), PSA_ERROR_NOT_SUPPORTED),
]


@pytest.mark.parametrize("alg, make, attributes, status", TO_KEY)
def test_key_agreement(
    device: PartitionBench, alg: int, make: Make, attributes: KeyAttributes, status: int
) -> None:
    key = make(device.ns)
    found, agreed = crypto.psa_key_agreement(device.ns, key, PEER, alg, attributes)
    assert (found, agreed != 0) == (status, status == PSA_SUCCESS)
    if status == PSA_SUCCESS:
        assert crypto.psa_export_key(device.ns, agreed, 32) == (PSA_SUCCESS, SHARED)
        assert crypto.psa_get_key_attributes(device.ns, agreed)[1].bits == 256
    for made in (key, agreed):
        crypto.psa_destroy_key(device.ns, made)


def test_agreed_key_derives_as_the_agreement_within_a_derivation(device: PartitionBench) -> None:
    key = own()(device.ns)
    within = started(device.ns, ECDH_HKDF)
    assert within.agree(SECRET, key, PEER) == PSA_SUCCESS
    assert within.give(INFO, b"info") == PSA_SUCCESS
    attributes = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=DERIVE, alg=HKDF)
    _, agreed = crypto.psa_key_agreement(device.ns, key, PEER, ECDH, attributes)
    apart = started(device.ns, HKDF)
    assert apart.give_key(SECRET, agreed) == PSA_SUCCESS
    assert apart.give(INFO, b"info") == PSA_SUCCESS
    assert within.read(40) == apart.read(40)
    assert within.key(KeyAttributes(v.PSA_KEY_TYPE_AES, 128))[0] == PSA_SUCCESS
    within.abort()
    apart.abort()


OTHER_SECRET = v.PSA_KEY_DERIVATION_INPUT_OTHER_SECRET
PASSWORD = v.PSA_KEY_DERIVATION_INPUT_PASSWORD
PSK_TO_MS = v.PSA_ALG_KEY_AGREEMENT(ECDH, v.PSA_ALG_TLS12_PSK_TO_MS(v.PSA_ALG_SHA_256))
IN_DERIVATION = [
    (ECDH_HKDF, own(), SECRET, PSA_SUCCESS),
    (ECDH_HKDF, own(alg=ECDH_HKDF), SECRET, PSA_SUCCESS),
    (ECDH_HKDF, own(alg=PSK_TO_MS), SECRET, PSA_ERROR_NOT_PERMITTED),
    (ECDH_HKDF, own(usage=0), SECRET, PSA_ERROR_NOT_PERMITTED),
    (ECDH_HKDF, own(usage=v.PSA_KEY_USAGE_VERIFY_DERIVATION), SECRET, PSA_ERROR_NOT_PERMITTED),
    (ECDH_HKDF, own(), INFO, PSA_ERROR_INVALID_ARGUMENT),
    (ECDH_HKDF, own(), v.PSA_KEY_DERIVATION_INPUT_LABEL, PSA_ERROR_INVALID_ARGUMENT),
    (ECDH_HKDF, own(), 0, PSA_ERROR_INVALID_ARGUMENT),
    (ECDH_HKDF, public_key, SECRET, PSA_ERROR_INVALID_ARGUMENT),
    (ECDH_HKDF, lambda _: 0, SECRET, PSA_ERROR_INVALID_HANDLE),
    (HKDF, own(), SECRET, PSA_ERROR_INVALID_ARGUMENT),
    # The seed comes first.
    (PSK_TO_MS, own(), OTHER_SECRET, PSA_ERROR_BAD_STATE),
]


@pytest.mark.parametrize("alg, make, step, status", IN_DERIVATION)
def test_agreement_within_a_derivation(
    device: PartitionBench, alg: int, make: Make, step: int, status: int
) -> None:
    """An error is the error state (PSA Crypto 1.2), where even the right call is a BAD_STATE."""
    key, good = make(device.ns), own()(device.ns)
    derivation = started(device.ns, alg)
    assert derivation.agree(step, key, PEER) == status
    if status != PSA_SUCCESS:
        assert derivation.agree(SECRET, good, PEER) == PSA_ERROR_BAD_STATE
        assert derivation.capacity()[0] == PSA_ERROR_BAD_STATE
        # Mbed TLS looks for the key first.
        assert derivation.agree(SECRET, 0, PEER) == PSA_ERROR_INVALID_HANDLE
        assert derivation.give_key(SECRET, 0) == PSA_ERROR_INVALID_HANDLE
    assert derivation.abort() == PSA_SUCCESS
    for made in (key, good):
        crypto.psa_destroy_key(device.ns, made)


def test_agreement_needs_an_operation(device: PartitionBench) -> None:
    assert Derivation(device.ns).agree(SECRET, 1, PEER) == PSA_ERROR_BAD_STATE


def test_build_without_the_algorithm() -> None:
    device = start_partitions(crypto=CryptoConfig(wants=DEFAULT - {"PSA_WANT_ALG_ECDH"}))
    key = own()(device.ns)
    assert crypto.psa_raw_key_agreement(device.ns, ECDH, key, PEER, 32)[0] == PSA_ERROR_NOT_SUPPORTED
    assert Derivation(device.ns).setup(ECDH_HKDF) == PSA_ERROR_NOT_SUPPORTED


def test_tfms_service_has_no_agreement_to_a_key() -> None:
    device = start_partitions(crypto=CryptoConfig(extensions=False))
    key = own()(device.ns)
    assert crypto.psa_key_agreement(device.ns, key, PEER, ECDH, key_attributes())[0] == (
        PSA_ERROR_NOT_SUPPORTED
    )
