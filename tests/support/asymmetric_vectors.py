"""Published vectors of signatures and RSA encryption, from the package cryptography-vectors.

NIST CAVP (FIPS 186-2, 186-3), RSA Security's PKCS#1 vectors, OpenSSL's of RFC 6979, RFC 8032.
"""

import re
from collections.abc import Iterator
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support import nist_vectors

from tfm_sim.interface.psa import crypto_values as v

Record = dict[str, str]

HASHES = {
    "SHA1": v.PSA_ALG_SHA_1,
    "SHA224": v.PSA_ALG_SHA_224,
    "SHA256": v.PSA_ALG_SHA_256,
    "SHA384": v.PSA_ALG_SHA_384,
    "SHA512": v.PSA_ALG_SHA_512,
}
NIST_CURVES = {
    "P-192": (v.PSA_ECC_FAMILY_SECP_R1, 192),
    "P-224": (v.PSA_ECC_FAMILY_SECP_R1, 224),
    "P-256": (v.PSA_ECC_FAMILY_SECP_R1, 256),
    "P-384": (v.PSA_ECC_FAMILY_SECP_R1, 384),
    "P-521": (v.PSA_ECC_FAMILY_SECP_R1, 521),
    "K-256": (v.PSA_ECC_FAMILY_SECP_K1, 256),
}


def read(name: str) -> str:
    """A file below asymmetric/."""
    return nist_vectors.read(f"asymmetric/{name}")


def records(text: str, last: str) -> Iterator[Record]:
    """``name = value`` lines of a NIST file; a record is whatever holds when the field ``last`` comes.

    The header in brackets that a record stands under is its field ``section``.
    """
    record: Record = {}
    for line in text.splitlines():
        if line.startswith("["):
            record["section"] = line.strip("[] ")
        elif not line.startswith("#") and "=" in line:
            name, _, value = line.partition("=")
            record[name.strip()] = value.strip()
            if name.strip() == last:
                yield dict(record)


def few_of_each(found: Iterator[Record], fields: tuple[str, ...], count: int) -> Iterator[Record]:
    """The first ``count`` records for each combination of what these fields begin with."""
    taken: dict[tuple[str, ...], int] = {}
    for record in found:
        group = tuple(record[field][:16] for field in fields)
        taken[group] = taken.get(group, 0) + 1
        if taken[group] <= count:
            yield record


def ecdsa_records(
    name: str, last: str, fields: tuple[str, ...] = ("section",), count: int = 2
) -> list[Record]:
    """Those on curves that the model has; ``curve`` and ``hash`` are the parts of the section."""
    chosen = []
    for record in few_of_each(records(read(f"ECDSA/{name}"), last), fields, count):
        curve, hash_ = record["section"].split(",")
        if curve in NIST_CURVES:
            chosen.append(record | {"curve": curve, "hash": hash_.replace("-", "")})
    return chosen


def commented_examples(name: str) -> Iterator[list[Record]]:
    """RSA Security's files, hexadecimal below ``# Name:``. A list for each key: the key, its examples."""
    group: list[Record] = []
    field = ""
    for line in read(f"RSA/{name}").splitlines():
        text = line.lstrip("# ").rstrip()
        if line.startswith("#") and re.match(r"Example\s*\d*:?( A|$)", text):
            if group:
                yield group
            group, field = [{}], ""
        elif line.startswith("#") and re.search(
            r"(Example|Signature Example|Encryption|Message) ?\d+(\.\d+)?", text
        ):
            group.append({})
            field = ""
        elif line.startswith("#"):
            field = text.rstrip(":") if text.endswith(":") else field
            if group and text.endswith(":"):
                group[-1][field] = ""
        elif group and field and re.fullmatch(r"[0-9a-fA-F ]+", line):
            group[-1][field] += line.replace(" ", "").rjust(len(line.replace(" ", "")) + 1 & ~1, "0")
    if group:
        yield group


def pair_der(key: Record) -> bytes:
    """RSAPrivateKey of a key in RSA Security's files, as the `cryptography` package writes it."""
    p, q = int(key["Prime 1"], 16), int(key["Prime 2"], 16)
    n, e = int(key["Modulus"], 16), int(key["Public exponent"], 16)
    d = int(key["Exponent"], 16)
    numbers = RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), RSAPublicNumbers(e, n))
    private = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def public_der(n: str, e: str) -> bytes:
    """RSAPublicKey of hexadecimal numbers."""
    public = RSAPublicNumbers(int(e, 16), int(n, 16)).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def ed25519_records(count: int, step: int) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """(private, public, message, signature) of every ``step``-th line of the authors' file."""
    for line in islice(read("Ed25519/sign.input").splitlines(), 0, count * step, step):
        private, public, message, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        yield private[:32], public, message, signed[:64]
