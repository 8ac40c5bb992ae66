"""Published vectors of signatures through psa_call: NIST CAVP, PKCS#1, RFC 6979, RFC 8032."""

import hashlib
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from support.asymmetric_vectors import (
    HASHES,
    NIST_CURVES,
    Record,
    commented_examples,
    ecdsa_records,
    ed25519_records,
    few_of_each,
    pair_der,
    public_der,
    read,
    records,
)
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_api import CryptoApi
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from tfm_sim.partitions.crypto import rsa_padding
from tfm_sim.partitions.crypto.rsa_key import RsaKeyPair

SIGNS = v.PSA_KEY_USAGE_SIGN_HASH
VERIFIES = v.PSA_KEY_USAGE_VERIFY_HASH
EDWARDS = v.PSA_ECC_FAMILY_TWISTED_EDWARDS


@pytest.fixture(scope="module")
def api() -> CryptoApi:
    return CryptoApi(start_partitions().ns)


def verifies(api: CryptoApi, kind: int, key: bytes, alg: int, message: bytes, signature: bytes) -> bool:
    """The verdict on a message, which that on its hash must not contradict."""
    key_id = api.import_key(KeyAttributes(kind, usage=VERIFIES, alg=alg), key)
    verdict = api.verify_message(key_id, alg, message, signature)
    if v.PSA_ALG_IS_SIGN_HASH(alg):
        digest = api.hash_compute(v.PSA_ALG_SIGN_GET_HASH(alg), message)
        assert api.verify_hash(key_id, alg, digest, signature) == verdict
    api.destroy_key(key_id)
    return verdict


def number(text: str, bits: int) -> bytes:
    return int(text, 16).to_bytes((bits + 7) // 8, "big")


@pytest.mark.parametrize(
    "record", ecdsa_records("FIPS_186-3/SigVer.rsp", "Result", ("section", "Result"), count=1)
)
def test_nist_ecdsa_verification(api: CryptoApi, record: Record) -> None:
    family, bits = NIST_CURVES[record["curve"]]
    point = b"\x04" + number(record["Qx"], bits) + number(record["Qy"], bits)
    signature = number(record["R"], bits) + number(record["S"], bits)
    alg = v.PSA_ALG_ECDSA(HASHES[record["hash"]])
    kind = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(family)
    verdict = verifies(api, kind, point, alg, bytes.fromhex(record["Msg"]), signature)
    assert verdict == record["Result"].startswith("P")


@pytest.mark.parametrize(
    "record",
    ecdsa_records("FIPS_186-3/SigGen.txt", "S", count=1) + ecdsa_records("SECP256K1/SigGen.txt", "S"),
)
def test_nist_ecdsa_key_pairs(api: CryptoApi, record: Record) -> None:
    """The signature of the vectors is good, and so is each that the pair makes with a number of its own."""
    family, bits = NIST_CURVES[record["curve"]]
    alg = v.PSA_ALG_ECDSA(HASHES[record["hash"]])
    message, kind = bytes.fromhex(record["Msg"]), v.PSA_KEY_TYPE_ECC_KEY_PAIR(family)
    attributes = KeyAttributes(kind, usage=SIGNS | VERIFIES, alg=alg)
    key = api.import_key(attributes, number(record["d"], bits))
    point = b"\x04" + number(record["Qx"], bits) + number(record["Qy"], bits)
    assert api.export_public_key(key) == point
    assert api.verify_message(key, alg, message, number(record["R"], bits) + number(record["S"], bits))
    assert api.verify_message(key, alg, message, api.sign_message(key, alg, message))
    api.destroy_key(key)


def rfc_6979() -> list[tuple[str, str, str, str]]:
    """(PEM, hash, message, DER signature) of each signature on a prime curve."""
    text = read("ECDSA/RFC6979/evppkey_ecdsa_rfc6979.txt")
    keys = dict(re.findall(r"PrivateKey=(P-\d+)_PRIV\n(-----BEGIN.*?END PRIVATE KEY-----)", text, re.DOTALL))
    pattern = r'DigestSign = (\w+)\nKey = (P-\d+)_PRIV\n.*?Input = "(\w+)"\nOutput = (\w+)'
    found = re.findall(pattern, text, re.DOTALL)
    return [(keys[curve], hash_, message, output) for hash_, curve, message, output in found]


@pytest.mark.parametrize("pem, hash_, message, output", rfc_6979())
def test_rfc_6979(api: CryptoApi, pem: str, hash_: str, message: str, output: str) -> None:
    private = load_pem_private_key(pem.encode(), None)
    assert isinstance(private, EllipticCurvePrivateKey)
    bits = private.key_size
    width = (bits + 7) // 8
    data = private.private_numbers().private_value.to_bytes(width, "big")
    alg = v.PSA_ALG_DETERMINISTIC_ECDSA(HASHES[hash_])
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
    key = api.import_key(KeyAttributes(kind, bits, usage=SIGNS, alg=alg), data)
    r, s = decode_dss_signature(bytes.fromhex(output))
    expected = r.to_bytes(width, "big") + s.to_bytes(width, "big")
    assert api.sign_message(key, alg, message.encode()) == expected
    digest = hashlib.new(hash_.lower(), message.encode()).digest()
    assert api.sign_hash(key, alg, digest) == expected
    api.destroy_key(key)


def some_rsa(name: str, last: str, fields: tuple[str, ...]) -> list[Record]:
    return list(few_of_each(records(read(f"RSA/{name}"), last), fields, 1))


@pytest.mark.parametrize("record", some_rsa("FIPS_186-2/SigGen15_186-3.rsp", "S", ("section", "SHAAlg")))
def test_nist_pkcs1v15_signatures(api: CryptoApi, record: Record) -> None:
    alg = v.PSA_ALG_RSA_PKCS1V15_SIGN(HASHES[record["SHAAlg"]])
    key, message = public_der(record["n"], record["e"]), bytes.fromhex(record["Msg"])
    signature = bytes.fromhex(record["S"])
    assert verifies(api, v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, key, alg, message, signature)
    assert not verifies(api, v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, key, alg, message + b"x", signature)


@pytest.mark.parametrize(
    "record",
    some_rsa("SigVer15EMTest.txt", "Result", ("section", "Result"))
    + some_rsa("FIPS_186-2/SigVer15_186-3.rsp", "Result", ("section", "SHAAlg", "Result")),
)
def test_nist_pkcs1v15_verification(api: CryptoApi, record: Record) -> None:
    """Exponents as small as 3, paddings and messages changed."""
    alg = v.PSA_ALG_RSA_PKCS1V15_SIGN(HASHES[record["SHAAlg"]])
    key, message = public_der(record["n"], record["e"]), bytes.fromhex(record["Msg"])
    verdict = verifies(api, v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, key, alg, message, bytes.fromhex(record["S"]))
    assert verdict == record["Result"].startswith("P")


@pytest.mark.parametrize(
    "record", some_rsa("FIPS_186-2/SigVerPSS_186-3.rsp", "Result", ("section", "SHAAlg", "Result"))
)
def test_nist_pss_verification(api: CryptoApi, record: Record) -> None:
    """The salts have 10 bytes: PSA_ALG_RSA_PSS_ANY_SALT takes them, PSA_ALG_RSA_PSS does not."""
    hash_alg = HASHES[record["SHAAlg"]]
    key, message = public_der(record["n"], record["e"]), bytes.fromhex(record["Msg"])
    signature, kind = bytes.fromhex(record["S"]), v.PSA_KEY_TYPE_RSA_PUBLIC_KEY
    any_salt = verifies(api, kind, key, v.PSA_ALG_RSA_PSS_ANY_SALT(hash_alg), message, signature)
    assert any_salt == record["Result"].startswith("P")
    assert not verifies(api, kind, key, v.PSA_ALG_RSA_PSS(hash_alg), message, signature)


@pytest.mark.parametrize("group", list(commented_examples("pkcs1v15sign-vectors.txt")))
def test_pkcs1_vectors_of_pkcs1v15_signing(api: CryptoApi, group: list[Record]) -> None:
    alg = v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_SHA_1)
    data = pair_der(group[0])
    attributes = KeyAttributes(v.PSA_KEY_TYPE_RSA_KEY_PAIR, usage=SIGNS | v.PSA_KEY_USAGE_EXPORT, alg=alg)
    if int(group[0]["Modulus"], 16).bit_length() % 8:
        assert crypto.psa_import_key(api._client, attributes, data)[0] == PSA_ERROR_NOT_SUPPORTED
        return
    key = api.import_key(attributes, data)
    assert api.export_key(key) == data
    for example in group[1:4]:
        message = bytes.fromhex(example["Message to be signed"])
        assert api.sign_message(key, alg, message).hex() == example["Signature"]
    api.destroy_key(key)


@pytest.mark.parametrize("group", list(commented_examples("pkcs-1v2-1d2-vec/pss-vect.txt"))[::8])
def test_pkcs1_vectors_of_pss(api: CryptoApi, group: list[Record]) -> None:
    """SHA-1 and salts as long; the salt given, the encoding is that of the vectors too."""
    alg = v.PSA_ALG_RSA_PSS(v.PSA_ALG_SHA_1)
    data = pair_der(group[0])
    pair = RsaKeyPair.decode(data)
    for example in group[1:]:
        message, salt = bytes.fromhex(example["Message to be signed"]), bytes.fromhex(example["Salt"])
        signature = bytes.fromhex(example["Signature"])
        assert verifies(api, v.PSA_KEY_TYPE_RSA_KEY_PAIR, data, alg, message, signature)
        digest = hashlib.sha1(message).digest()
        encoded = rsa_padding.encode_pss(lambda d: hashlib.sha1(d).digest(), digest, salt, pair.public.size)
        made = pair.apply(int.from_bytes(encoded, "big")).to_bytes(pair.public.size, "big")
        assert made == signature


@pytest.mark.parametrize("private, public, message, signature", list(ed25519_records(20, 51)))
def test_ed25519(api: CryptoApi, private: bytes, public: bytes, message: bytes, signature: bytes) -> None:
    check_eddsa(api, private, public, message, signature)


@pytest.mark.parametrize(
    "record",
    [r for r in records(read("Ed448/rfc8032.txt"), "SIGNATURE") if r["COUNT"] not in ("2",)],
    ids=lambda record: record["COUNT"],
)
def test_ed448(api: CryptoApi, record: Record) -> None:
    """Record 2 has a context, which PSA Crypto 1.2 does not."""
    fields = (record[name] for name in ("SECRET", "PUBLIC", "MESSAGE", "SIGNATURE"))
    check_eddsa(api, *(bytes.fromhex(field) for field in fields))


def check_eddsa(api: CryptoApi, private: bytes, public: bytes, message: bytes, signature: bytes) -> None:
    alg = v.PSA_ALG_PURE_EDDSA
    usage = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(EDWARDS)
    key = api.import_key(KeyAttributes(kind, usage=usage, alg=alg), private)
    assert api.export_public_key(key) == public
    assert api.sign_message(key, alg, message) == signature
    assert api.verify_message(key, alg, message, signature)
    api.destroy_key(key)
    kind = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(EDWARDS)
    assert verifies(api, kind, public, alg, message, signature)
    assert not verifies(api, kind, public, alg, message + b"x", signature)
    assert not verifies(api, kind, public, alg, message, signature[:-1])


# RFC 8032, 7.3 and 7.5 with an empty context: the message is "abc".
PREHASHED = [
    (
        v.PSA_ALG_ED25519PH,
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    ),
    (
        v.PSA_ALG_ED448PH,
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"
        "ef7822e0d5104127dc05d6dbefde69e3ab2cec7c867c6e2c49",
        "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743"
        "c09428a131d6b1b57303d90d8132c276d5ed3d5d01c0f53880",
        "822f6901f7480f3d5f562c592994d9693602875614483256505600bbc281ae38"
        "1f54d6bce2ea911574932f52a4e6cadd78769375ec3ffd1b801a0d9b3f4030cd"
        "433964b6457ea39476511214f97469b57dd32dbc560a9a94d00bff07620464a3"
        "ad203df7dc7ce360c3cd3696d9d9fab90f00",
    ),
]


@pytest.mark.parametrize("alg, private, public, signature", PREHASHED)
def test_hash_eddsa(api: CryptoApi, alg: int, private: str, public: str, signature: str) -> None:
    attributes = KeyAttributes(v.PSA_KEY_TYPE_ECC_KEY_PAIR(EDWARDS), usage=SIGNS, alg=alg)
    key = api.import_key(attributes, bytes.fromhex(private))
    assert api.export_public_key(key).hex() == public
    assert api.sign_message(key, alg, b"abc").hex() == signature
    digest = api.hash_compute(v.PSA_ALG_SIGN_GET_HASH(alg), b"abc")
    assert api.sign_hash(key, alg, digest).hex() == signature
    api.destroy_key(key)
    kind, point = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(EDWARDS), bytes.fromhex(public)
    assert verifies(api, kind, point, alg, b"abc", bytes.fromhex(signature))
    for wrong in (b"\1" + bytes.fromhex(signature)[1:], bytes.fromhex(signature)[:-1], b"\xff" * 114):
        assert not verifies(api, kind, point, alg, b"abc", wrong)
