"""ECDSA (FIPS 186-5 section 6): raw r || s signatures as PSA Crypto 1.2 formats them (PSA_ALG_ECDSA).

The points are the `cryptography` package's. A random secret number of a message is drawn here, because the
package would take it from a source without seed.
"""

from collections.abc import Callable, Iterator
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES

Mac = Callable[[bytes, bytes], bytes]
"""HMAC of a key and data."""


def random_nonces(order: int, random: Callable[[int], bytes]) -> Iterator[int]:
    """Secret numbers from 1 to the order by rejection (FIPS 186-5 A.3.2)."""
    width = PSA_BITS_TO_BYTES(order.bit_length())
    while True:
        number = int.from_bytes(random(width), "big") >> (8 * width - order.bit_length())
        if 0 < number < order:
            yield number


def deterministic_nonces(order: int, private: bytes, digest: bytes, mac: Mac) -> Iterator[int]:
    """Secret numbers out of the private key and the digest (RFC 6979 section 3.2); ``mac`` is of the hash."""
    width = PSA_BITS_TO_BYTES(order.bit_length())
    secret = int.from_bytes(private, "big").to_bytes(width, "big")
    seed = secret + (_leftmost(digest, order) % order).to_bytes(width, "big")
    length = len(mac(b"", b""))
    key, value = bytes(length), b"\x01" * length
    for step in (b"\x00", b"\x01"):
        key = mac(key, value + step + seed)
        value = mac(key, value)
    while True:
        drawn = b""
        while len(drawn) < width:
            value = mac(key, value)
            drawn += value
        number = _leftmost(drawn[:width], order)
        if 0 < number < order:
            yield number
        key = mac(key, value + b"\x00")
        value = mac(key, value)


def sign(curve: ec.EllipticCurve, private: bytes, digest: bytes, nonces: Iterator[int]) -> bytes:
    """The signature r || s over ``digest``, each as long as the curve's order."""
    order, width = curve.group_order, PSA_BITS_TO_BYTES(curve.key_size)
    number, scalar = _leftmost(digest, order), int.from_bytes(private, "big")
    for nonce in nonces:
        point = ec.derive_private_key(nonce, curve).public_key().public_numbers()
        r = point.x % order
        s = pow(nonce, -1, order) * (number + r * scalar) % order
        if r and s:
            return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    raise ValueError("ECDSA: the secret numbers have come to an end")


@cache
def _deterministic(hash_class: type[hashes.HashAlgorithm]) -> ec.ECDSA:
    return ec.ECDSA(Prehashed(hash_class()), deterministic_signing=True)


def sign_deterministic(
    key: ec.EllipticCurvePrivateKey, hash_algorithm: hashes.HashAlgorithm, digest: bytes
) -> bytes:
    """As ``sign`` with ``deterministic_nonces`` for a hash that the package has, and several times as fast.

    ``digest`` is as long as the hash's are.
    """
    width = PSA_BITS_TO_BYTES(key.key_size)
    r, s = decode_dss_signature(key.sign(digest, _deterministic(type(hash_algorithm))))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def verify(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> bool:
    """True for a signature r || s of the right length that fits ``digest``, of any length, and the key."""
    width = PSA_BITS_TO_BYTES(key.key_size)
    if len(signature) != 2 * width:
        return False
    r, s = int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
    digest = digest or b"\0"
    # Any length is a digest's length of SHAKE256, which otherwise has no part in this.
    any_length = ec.ECDSA(Prehashed(hashes.SHAKE256(len(digest))))
    try:
        key.verify(encode_dss_signature(r, s), digest, any_length)
    except InvalidSignature:
        return False
    return True


def _leftmost(digest: bytes, order: int) -> int:
    """The leftmost bits of the digest, as many as the order has (FIPS 186-5 6.4.1, RFC 6979 bits2int)."""
    return int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - order.bit_length())
