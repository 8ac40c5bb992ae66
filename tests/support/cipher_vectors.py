"""Published cipher vectors, from the package cryptography-vectors (NIST CAVP, RFCs, OpenSSL, NTT)."""

from collections.abc import Iterator
from dataclasses import dataclass

from support.nist_vectors import read, records

from tfm_sim.interface.psa import crypto_values as v


@dataclass(frozen=True)
class CipherVector:
    key_type: int
    alg: int
    key: bytes
    iv: bytes
    plaintext: bytes
    ciphertext: bytes


_AES = [
    (v.PSA_ALG_ECB_NO_PADDING, "AES/ECB/ECBMMT{}.rsp"),
    (v.PSA_ALG_ECB_NO_PADDING, "AES/ECB/ECBVarKey{}.rsp"),
    (v.PSA_ALG_CBC_NO_PADDING, "AES/CBC/CBCMMT{}.rsp"),
    (v.PSA_ALG_CBC_NO_PADDING, "AES/CBC/CBCVarTxt{}.rsp"),
    (v.PSA_ALG_CFB, "AES/CFB/CFB128MMT{}.rsp"),
    (v.PSA_ALG_OFB, "AES/OFB/OFBMMT{}.rsp"),
    (v.PSA_ALG_CTR, "AES/CTR/aes-{}-ctr.txt"),
]
_DES = [
    (v.PSA_ALG_ECB_NO_PADDING, "3DES/ECB/TECBMMT{}.rsp"),
    (v.PSA_ALG_CBC_NO_PADDING, "3DES/CBC/TCBCMMT{}.rsp"),
    (v.PSA_ALG_CFB, "3DES/CFB/TCFB64MMT{}.rsp"),
    (v.PSA_ALG_OFB, "3DES/OFB/TOFBMMT{}.rsp"),
]
_CAMELLIA = [
    (v.PSA_ALG_CBC_NO_PADDING, "Camellia/camellia-cbc.txt"),
    (v.PSA_ALG_CFB, "Camellia/camellia-cfb.txt"),
    (v.PSA_ALG_OFB, "Camellia/camellia-ofb.txt"),
]

CIPHER_FILES = (
    [(v.PSA_KEY_TYPE_AES, alg, name.format(bits)) for alg, name in _AES for bits in (128, 192, 256)]
    + [(v.PSA_KEY_TYPE_DES, alg, name.format(keys)) for alg, name in _DES for keys in (1, 2, 3)]
    + [(v.PSA_KEY_TYPE_CAMELLIA, alg, name) for alg, name in _CAMELLIA]
)
"""(key type, algorithm, file) of NIST's form with an IV."""


def _des_key(record: dict[str, str]) -> bytes:
    """The shortest of PSA's three formats that says the same as three keys."""
    if "KEYs" in record:
        return bytes.fromhex(record["KEYs"])
    one, two, three = (bytes.fromhex(record[f"KEY{n}"]) for n in (1, 2, 3))
    if one == two == three:
        return one
    return one + two if one == three else one + two + three


def cipher_vectors(key_type: int, alg: int, name: str, step: int) -> Iterator[CipherVector]:
    """Every ``step``-th vector of a file, the first one among them."""
    for index, record in enumerate(records(f"ciphers/{name}", "COUNT")):
        if index % step == 0:
            key = _des_key(record) if key_type == v.PSA_KEY_TYPE_DES else bytes.fromhex(record["KEY"])
            texts = (bytes.fromhex(record[field]) for field in ("PLAINTEXT", "CIPHERTEXT"))
            yield CipherVector(key_type, alg, key, bytes.fromhex(record.get("IV", "")), *texts)


def chacha20_vectors() -> Iterator[CipherVector]:
    """RFC 7539, A.2: with counter 0 the IV is the nonce, else counter and nonce."""
    for record in records("ciphers/ChaCha20/rfc7539.txt", "COUNT"):
        counter, nonce = int(record["INITIAL_BLOCK_COUNTER"]), bytes.fromhex(record["NONCE"])
        iv = counter.to_bytes(4, "little") + nonce if counter else nonce
        key, *texts = (bytes.fromhex(record[field]) for field in ("KEY", "PLAINTEXT", "CIPHERTEXT"))
        yield CipherVector(v.PSA_KEY_TYPE_CHACHA20, v.PSA_ALG_STREAM_CIPHER, key, iv, *texts)


def arc4_vectors() -> Iterator[CipherVector]:
    """RFC 6229: a piece of the key stream at an offset, so zeros up to there go in front."""
    for name in ("arc4", "rfc-6229-40", "rfc-6229-56", "rfc-6229-128", "rfc-6229-256"):
        for record in records(f"ciphers/ARC4/{name}.txt", "COUNT"):
            if int(record["OFFSET"]) == 0:
                key, *texts = (bytes.fromhex(record[field]) for field in ("KEY", "PLAINTEXT", "CIPHERTEXT"))
                yield CipherVector(v.PSA_KEY_TYPE_ARC4, v.PSA_ALG_STREAM_CIPHER, key, b"", *texts)


def xts_vectors(step: int) -> Iterator[CipherVector]:
    """NIST CAVP; data units that end within a byte are left out."""
    for bits in (128, 256):
        name = f"ciphers/AES/XTS/tweak-128hexstr/XTSGenAES{bits}.rsp"
        whole = [record for record in records(name, "COUNT") if int(record["DataUnitLen"]) % 8 == 0]
        for record in whole[::step]:
            key, iv, *texts = (bytes.fromhex(record[field]) for field in ("Key", "i", "PT", "CT"))
            yield CipherVector(v.PSA_KEY_TYPE_AES, v.PSA_ALG_XTS, key, iv, *texts)


def ccm_star_vectors(step: int) -> Iterator[CipherVector]:
    """NIST CAVP for CCM: without its tag the ciphertext is that of CCM* without a tag."""
    for index, record in enumerate(records("ciphers/AES/CCM/VNT128.rsp", "Count", shared="Key")):
        if index % step == 0:
            key, nonce, payload, sealed = (
                bytes.fromhex(record[field]) for field in ("Key", "Nonce", "Payload", "CT")
            )
            ciphertext = sealed[: len(payload)]
            yield CipherVector(v.PSA_KEY_TYPE_AES, v.PSA_ALG_CCM_STAR_NO_TAG, key, nonce, payload, ciphertext)


def camellia_ecb_vectors(step: int) -> Iterator[CipherVector]:
    """NTT's own: a key, then plaintexts and ciphertexts, each with a letter in front."""
    for bits in (128, 192, 256):
        text = read(f"ciphers/Camellia/camellia-{bits}-ecb.txt")
        lines = [line for line in text.splitlines() if " No." in line]
        fields: dict[str, bytes] = {}
        for index, line in enumerate(lines):
            fields[line[0]] = bytes.fromhex(line.split(":")[1])
            if line[0] == "C" and index % step == 0:
                yield CipherVector(
                    v.PSA_KEY_TYPE_CAMELLIA,
                    v.PSA_ALG_ECB_NO_PADDING,
                    fields["K"],
                    b"",
                    fields["P"],
                    fields["C"],
                )
