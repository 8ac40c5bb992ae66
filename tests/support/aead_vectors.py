"""Published AEAD vectors, from the package cryptography-vectors (NIST CAVP, BoringSSL, OpenSSL)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from support.nist_vectors import read

from tfm_sim.interface.psa import crypto_values as v


@dataclass(frozen=True)
class AeadVector:
    """``plaintext`` is None where decryption must fail."""

    key_type: int
    alg: int
    key: bytes
    nonce: bytes
    ad: bytes
    plaintext: bytes | None
    ciphertext: bytes
    tag: bytes


_FIELD = re.compile(r"\[?([A-Za-z]+) ?= ?(\"?[^\]\"]*)")


def _records(text: str, first_field: str) -> Iterator[dict[str, str]]:
    """The records of a file; fields of headers in front of them stay until the next header says otherwise."""
    headers: dict[str, str] = {}
    record: dict[str, str] | None = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            continue
        if line == "FAIL":
            assert record is not None
            record["FAIL"] = ""
        parts = line.split(", ") if line.startswith("[") else [line]
        fields = [match.groups() for part in parts if (match := _FIELD.match(part))]
        for name, value in fields:
            if name == first_field or (record is not None and line.startswith("[")):
                if record is not None:
                    yield record
                record = dict(headers) if name == first_field else None
            target = headers if record is None or name == "Key" else record
            target[name] = value
            if name == "Key" and record is not None:
                record[name] = value
    if record is not None:
        yield record


def gcm_vectors(name: str, per_group: int) -> Iterator[AeadVector]:
    """So many of every combination of lengths: the nonces have 1, 12 and 128 bytes, the tags 4 to 16."""
    taken: dict[tuple[str, ...], int] = {}
    for record in _records(read(f"ciphers/AES/GCM/{name}"), "Count"):
        group = tuple(record[length] for length in ("IVlen", "PTlen", "AADlen", "Taglen"))
        group = (*group, "FAIL" if "FAIL" in record else "")
        taken[group] = taken.get(group, 0) + 1
        if taken[group] > per_group:
            continue
        tag = bytes.fromhex(record["Tag"])
        yield AeadVector(
            v.PSA_KEY_TYPE_AES,
            v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_GCM, len(tag)),
            bytes.fromhex(record["Key"]),
            bytes.fromhex(record["IV"]),
            bytes.fromhex(record["AAD"]),
            None if "FAIL" in record else bytes.fromhex(record["PT"]),
            bytes.fromhex(record["CT"]),
            tag,
        )


def ccm_vectors(name: str, step: int) -> Iterator[AeadVector]:
    """Every ``step``-th record; a length of 0 is written as one byte of zero in these files."""
    for index, record in enumerate(_records(read(f"ciphers/AES/CCM/{name}"), "Count")):
        if index % step:
            continue
        tag_length = int(record["Tlen"])
        sealed = bytes.fromhex(record["CT"])
        has_failed = record.get("Result", "Pass") == "Fail"
        plaintext = None if has_failed else bytes.fromhex(record["Payload"])[: int(record["Plen"])]
        yield AeadVector(
            v.PSA_KEY_TYPE_AES,
            v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_CCM, tag_length),
            bytes.fromhex(record["Key"]),
            bytes.fromhex(record["Nonce"]),
            bytes.fromhex(record["Adata"])[: int(record["Alen"])],
            plaintext,
            sealed[:-tag_length],
            sealed[-tag_length:],
        )


def _bytes(value: str) -> bytes:
    return value[1:].encode() if value.startswith('"') else bytes.fromhex(value)


def chacha_vectors() -> Iterator[AeadVector]:
    """BoringSSL's, the first of which is that of RFC 7539 and RFC 8439; their full tags alone."""
    for record in _records(read("ciphers/ChaCha20Poly1305/boringssl.txt"), "COUNT"):
        if len(record["TAG"]) != 32 or "TAG_LEN" in record:
            continue
        yield AeadVector(
            v.PSA_KEY_TYPE_CHACHA20,
            v.PSA_ALG_CHACHA20_POLY1305,
            bytes.fromhex(record["KEY"]),
            _bytes(record["NONCE"]),
            _bytes(record["AD"]),
            _bytes(record["IN"]),
            _bytes(record["CT"]),
            bytes.fromhex(record["TAG"]),
        )
