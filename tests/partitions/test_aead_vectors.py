"""AEAD against published vectors, through psa_call: in one call, and in parts cut at random."""

import random
from collections.abc import Iterator
from itertools import chain

import pytest
from support.aead_client import ROOM, AeadCalls, aead_key
from support.aead_vectors import AeadVector, ccm_vectors, chacha_vectors, gcm_vectors
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_SIGNATURE, PSA_SUCCESS

CCM_FILES = ("DVPT", "VADT", "VNT", "VPT", "VTT")


def _ccm(bits: int) -> Iterator[AeadVector]:
    return chain.from_iterable(ccm_vectors(f"{name}{bits}.rsp", 5) for name in CCM_FILES)


# NIST's GCM files hold every length of nonce (1, 12 and 128 bytes), data, additional data and tag.
SOURCES = {
    "gcm-128": lambda: gcm_vectors("gcmDecrypt128.rsp", 1),
    "gcm-192": lambda: gcm_vectors("gcmEncryptExtIV192.rsp", 1),
    "gcm-256": lambda: gcm_vectors("gcmEncryptExtIV256.rsp", 1),
    "ccm-128": lambda: _ccm(128),
    "ccm-192": lambda: _ccm(192),
    "ccm-256": lambda: _ccm(256),
    "chacha20-poly1305": chacha_vectors,
}


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


def _cut(data: bytes, source: random.Random) -> list[bytes]:
    """``data`` in up to four pieces, some of them empty now and then."""
    places = sorted(source.choices(range(len(data) + 1), k=source.randrange(4)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def _feed(op: AeadCalls, vector: AeadVector, body: bytes, source: random.Random) -> bytes:
    """Everything between setup and end; the output is as long as the input at every step."""
    needs_lengths = v.PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(vector.alg) == v.PSA_ALG_CCM
    if needs_lengths or source.randrange(2):
        assert op.set_lengths(len(vector.ad), len(body)) == PSA_SUCCESS
    assert op.set_nonce(vector.nonce) == PSA_SUCCESS
    for piece in _cut(vector.ad, source) if vector.ad or source.randrange(2) else ():
        assert op.update_ad(piece) == PSA_SUCCESS
    output = b""
    for piece in _cut(body, source) if body or source.randrange(2) else ():
        status, part = op.update(piece, len(piece))
        assert (status, len(part)) == (PSA_SUCCESS, len(piece))
        output += part
    return output


@pytest.mark.parametrize("name", SOURCES)
def test_vectors_in_one_call(device: PartitionBench, name: str) -> None:
    client, count = device.ns, 0
    for vector in SOURCES[name]():
        if len(vector.nonce) > 16:  # TF-M's request has no room for it.
            continue
        count += 1
        key = aead_key(client, vector.key_type, vector.alg, vector.key)
        sealed = vector.ciphertext + vector.tag
        opened = crypto.psa_aead_decrypt(client, key, vector.alg, vector.nonce, vector.ad, sealed, ROOM)
        if vector.plaintext is None:
            assert opened == (PSA_ERROR_INVALID_SIGNATURE, b"")
        else:
            assert opened == (PSA_SUCCESS, vector.plaintext)
            arguments = (key, vector.alg, vector.nonce, vector.ad, vector.plaintext)
            assert crypto.psa_aead_encrypt(client, *arguments, len(sealed)) == (PSA_SUCCESS, sealed)
        crypto.psa_destroy_key(client, key)
    assert count > 60


@pytest.mark.parametrize("name", SOURCES)
def test_vectors_in_parts(device: PartitionBench, name: str) -> None:
    client, source = device.ns, random.Random(name)
    for vector in SOURCES[name]():
        key = aead_key(client, vector.key_type, vector.alg, vector.key)
        op = AeadCalls(client)
        assert op.setup(key, vector.alg, is_encrypt=False) == PSA_SUCCESS
        output = _feed(op, vector, vector.ciphertext, source)
        if vector.plaintext is None:
            assert op.verify(vector.tag) == (PSA_ERROR_INVALID_SIGNATURE, b"")
            assert (op.abort(), op.handle) == (PSA_SUCCESS, 0)
        else:
            assert (op.verify(vector.tag), output) == ((PSA_SUCCESS, b""), vector.plaintext)
            assert op.handle == 0
            assert op.setup(key, vector.alg) == PSA_SUCCESS
            assert _feed(op, vector, vector.plaintext, source) == vector.ciphertext
            assert op.finish() == (PSA_SUCCESS, b"", vector.tag)
        crypto.psa_destroy_key(client, key)


def test_xchacha20_poly1305(device: PartitionBench) -> None:
    """draft-irtf-cfrg-xchacha-03, A.3.1; its nonce of 24 bytes has no room in the request of one call."""
    material = bytes(range(0x80, 0xA0))
    key = aead_key(device.ns, v.PSA_KEY_TYPE_XCHACHA20, v.PSA_ALG_XCHACHA20_POLY1305, material)
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you "
        b"only one tip for the future, sunscreen would be it."
    )
    op = AeadCalls(device.ns)
    assert op.setup(key, v.PSA_ALG_XCHACHA20_POLY1305) == PSA_SUCCESS
    assert op.set_nonce(bytes(range(0x40, 0x58))) == PSA_SUCCESS
    assert op.update_ad(bytes.fromhex("50515253c0c1c2c3c4c5c6c7")) == PSA_SUCCESS
    status, ciphertext = op.update(plaintext)
    assert (status, ciphertext[:8].hex()) == (PSA_SUCCESS, "bd6d179d3e83d43b")
    assert op.finish()[::2] == (PSA_SUCCESS, bytes.fromhex("c0875924c1c7987947deafd8780acf49"))


MCGREW_AD = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
MCGREW_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
# draft-kato-ipsec-camellia-gcm-03 (test cases 1, 2, 4, 5), RFC 5528 (packet vector 1).
CAMELLIA = [
    (v.PSA_ALG_GCM, "00" * 16, "00" * 12, "", "", "f5574acc3148dfcb9015200631024df9"),
    (
        v.PSA_ALG_GCM,
        "00" * 16,
        "00" * 12,
        "",
        "00" * 16,
        "defe3e0b5c54c94b4f2a0f5a46f6210df672b94d192266c7c8c8dbb427cc989a",
    ),
    (
        v.PSA_ALG_GCM,
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        MCGREW_AD,
        MCGREW_TEXT,
        "d0d94a13b632f337a0cc9955b94fa020c815f903aab12f1efaf2fe9d90f729a6cccbfa986ef2ff2c33de418d9a252909"
        "1cf18fe652c1cfde13f826069f458869431576ea6a095456ec6b8101",
    ),
    (
        v.PSA_ALG_GCM,
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbad",
        MCGREW_AD,
        MCGREW_TEXT,
        "28fd7434d5cd424a5353818fc21a982460d20cf632eb1e6c4fbfca17d5abcf6a52111086162fe9570e7774c7a912aca3"
        "dfa10067ddaad40688645bdde86f8f2e730c49d536f00fb5225d28b1",
    ),
    (
        v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_CCM, 8),
        "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
        "00000003020100a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
        "ba737185e719310492f38a5f1251da55fafbc949848a0dfcaece746b3db9ad",
    ),
]


@pytest.mark.parametrize(("alg", "material", "nonce", "ad", "plaintext", "sealed"), CAMELLIA)
def test_camellia(
    device: PartitionBench, alg: int, material: str, nonce: str, ad: str, plaintext: str, sealed: str
) -> None:
    length = v.PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
    whole, key_type = bytes.fromhex(sealed), v.PSA_KEY_TYPE_CAMELLIA
    vector = AeadVector(
        key_type,
        alg,
        bytes.fromhex(material),
        bytes.fromhex(nonce),
        bytes.fromhex(ad),
        bytes.fromhex(plaintext),
        whole[:-length],
        whole[-length:],
    )
    key, source = aead_key(device.ns, key_type, alg, vector.key), random.Random(sealed)
    arguments = (device.ns, key, alg, vector.nonce, vector.ad)
    assert crypto.psa_aead_encrypt(*arguments, bytes.fromhex(plaintext), ROOM) == (PSA_SUCCESS, whole)
    opened = crypto.psa_aead_decrypt(*arguments, whole, ROOM)
    assert opened == (PSA_SUCCESS, bytes.fromhex(plaintext))
    op = AeadCalls(device.ns)
    assert op.setup(key, alg, is_encrypt=False) == PSA_SUCCESS
    assert _feed(op, vector, vector.ciphertext, source).hex() == plaintext
    assert op.verify(vector.tag)[0] == PSA_SUCCESS
    crypto.psa_destroy_key(device.ns, key)
