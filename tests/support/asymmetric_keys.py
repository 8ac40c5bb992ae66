"""Keys for the tests of key formats, signatures and public-key encryption, in PSA's formats."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tfm_sim.interface.psa import crypto_values as v

RSA_PAIR, RSA_PUBLIC = v.PSA_KEY_TYPE_RSA_KEY_PAIR, v.PSA_KEY_TYPE_RSA_PUBLIC_KEY


def ecc_pair(family: int = v.PSA_ECC_FAMILY_SECP_R1) -> int:
    return v.PSA_KEY_TYPE_ECC_KEY_PAIR(family)


def ecc_public(family: int = v.PSA_ECC_FAMILY_SECP_R1) -> int:
    return v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(family)


EC_SCALAR = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
EC_POINT = bytes.fromhex(
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
"""A pair on P-256, from RFC 6979 A.2.5."""

_PRIMES = {
    512: (
        0xEA9E2DE890D90E5A53777FEC1BA0895D61C12C05003E181AA962740FE4BA40D5,
        0xEDF6A1997DE3A31C4EB78FC5FBF98BB8F1F70EFB51B3FB3605092DFD6A5DAA45,
    ),
    768: (
        0xF3FBAD28303930423DCE7B87C8187F5A7BD30DE53C2FAA50577B9B4ACBEC3EE8A38ABF5E43632C4AF69E9A758A783FF1,
        0xFE21F44E0ADD1EBFDCF604C4BF06AFCBC5E5E146E591CD0489098655B34B5C8589889EAE390D28D3861327D3F96D6B91,
    ),
}


def rsa_numbers(p: int, q: int, e: int = 65537) -> RSAPrivateNumbers:
    """Every part of a key pair; p and q need not be primes."""
    d = pow(e, -1, (p - 1) * (q - 1))
    return RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), RSAPublicNumbers(e, p * q))


@cache
def rsa_pair(bits: int = 768) -> bytes:
    """RSAPrivateKey of 512 or 768 bits, as the `cryptography` package writes it."""
    private = rsa_numbers(*_PRIMES[bits]).private_key()
    return private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@cache
def rsa_public(bits: int = 768) -> bytes:
    """RSAPublicKey of the same key."""
    public = rsa_numbers(*_PRIMES[bits]).public_numbers.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.PKCS1)


@cache
def subject_public_key_info(bits: int = 768) -> bytes:
    """The same key in the format of X.509."""
    public = rsa_numbers(*_PRIMES[bits]).public_numbers.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@cache
def private_key_info(bits: int = 768) -> bytes:
    """The pair in the format of PKCS#8."""
    private = rsa_numbers(*_PRIMES[bits]).private_key()
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def der(*numbers: int) -> bytes:
    """A DER SEQUENCE of INTEGERs, of any length and sign."""
    content = b""
    for number in numbers:
        digits = number.to_bytes((number.bit_length() + 8) // 8, "big", signed=True)
        content += b"\x02" + _length(len(digits)) + digits
    return b"\x30" + _length(len(content)) + content


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(digits),)) + digits


def pair_numbers(bits: int = 768) -> list[int]:
    """The nine numbers of RSAPrivateKey."""
    key = rsa_numbers(*_PRIMES[bits])
    public = key.public_numbers
    return [0, public.n, public.e, key.d, key.p, key.q, key.dmp1, key.dmq1, key.iqmp]
