"""The signature schemes over keys in the clear: which key goes with which, and what they sign."""

from collections.abc import Callable
from functools import partial

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ED448PH,
    PSA_ALG_ED25519PH,
    PSA_ALG_IS_DETERMINISTIC_ECDSA,
    PSA_ALG_IS_ECDSA,
    PSA_ALG_IS_RSA_PKCS1V15_SIGN,
    PSA_ALG_IS_RSA_PSS,
    PSA_ALG_PURE_EDDSA,
    PSA_ALG_SIGN_GET_HASH,
    PSA_ECC_FAMILY_IS_WEIERSTRASS,
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_RSA,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from . import curves, ecdsa, eddsa
from .hashing import CRYPTOGRAPHY_HASH, Hashes
from .material import Material
from .refusal import Refusal
from .rsa_schemes import RsaSchemes


def check_key(key_type: int, bits: int, alg: int) -> None:
    """Mbed TLS psa_sign_hash_builtin: INVALID_ARGUMENT for a scheme of another kind of key.

    NOT_SUPPORTED for a kind of key that signs by no scheme.
    """
    if PSA_KEY_TYPE_IS_RSA(key_type):
        fits = PSA_ALG_IS_RSA_PKCS1V15_SIGN(alg) or PSA_ALG_IS_RSA_PSS(alg)
    elif PSA_KEY_TYPE_IS_ECC(key_type):
        fits = _fits_curve(PSA_KEY_TYPE_ECC_GET_FAMILY(key_type), bits, alg)
    else:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if not fits:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _fits_curve(family: int, bits: int, alg: int) -> bool:
    if family == PSA_ECC_FAMILY_TWISTED_EDWARDS:
        return alg in (PSA_ALG_PURE_EDDSA, PSA_ALG_ED25519PH if bits == 255 else PSA_ALG_ED448PH)
    return PSA_ECC_FAMILY_IS_WEIERSTRASS(family) and PSA_ALG_IS_ECDSA(alg)


class Signatures:
    """Signing and verifying with key and algorithm as ``check_key`` has passed them.

    What is signed is the message for PSA_ALG_PURE_EDDSA, else a hash of the right length; INVALID_ARGUMENT
    for one that is too long for an RSA key. ``deterministic`` takes the secret number of randomised ECDSA
    from RFC 6979.
    """

    def __init__(self, hashes: Hashes, random: Callable[[int], bytes], *, deterministic: bool) -> None:
        self._hashes = hashes
        self._rsa = RsaSchemes(hashes, random)
        self._random = random
        self._deterministic = deterministic

    def sign(self, material: Material, attributes: KeyAttributes, alg: int, data: bytes) -> bytes:
        """The signature in PSA's format, as long as PSA_SIGN_OUTPUT_SIZE says."""
        key_type, bits = attributes.type, attributes.bits
        if PSA_KEY_TYPE_IS_RSA(key_type):
            return self._rsa.sign(material.rsa_pair(), alg, data)
        if PSA_ALG_IS_ECDSA(alg):
            return self._sign_ecdsa(material, key_type, bits, alg, data)
        sign = eddsa.sign if alg == PSA_ALG_PURE_EDDSA else eddsa.sign_hash
        return sign(bits, material.data, data)

    def verify(
        self, material: Material, attributes: KeyAttributes, alg: int, data: bytes, signature: bytes
    ) -> bool:
        """Whether a signature of any length fits; the key is a public one or a pair."""
        key_type, bits = attributes.type, attributes.bits
        if PSA_KEY_TYPE_IS_RSA(key_type):
            return self._rsa.verify(material.rsa_public(key_type), alg, data, signature)
        if PSA_ALG_IS_ECDSA(alg):
            return ecdsa.verify(material.public(key_type, bits), data, signature)
        verify = eddsa.verify if alg == PSA_ALG_PURE_EDDSA else eddsa.verify_hash
        return verify(bits, material.public_bytes(key_type, bits), data, signature)

    def _sign_ecdsa(self, material: Material, key_type: int, bits: int, alg: int, digest: bytes) -> bytes:
        curve = curves.find_curve(PSA_KEY_TYPE_ECC_GET_FAMILY(key_type), bits)
        hash_alg = PSA_ALG_SIGN_GET_HASH(alg)
        if not (PSA_ALG_IS_DETERMINISTIC_ECDSA(alg) or (self._deterministic and hash_alg)):
            nonces = ecdsa.random_nonces(curve.group_order, self._random)
        elif hash_alg in CRYPTOGRAPHY_HASH:
            key = material.private(key_type, bits)
            return ecdsa.sign_deterministic(key, CRYPTOGRAPHY_HASH[hash_alg], digest)
        else:
            mac = partial(self._mac, hash_alg)
            nonces = ecdsa.deterministic_nonces(curve.group_order, material.data, digest, mac)
        return ecdsa.sign(curve, material.data, digest, nonces)

    def _mac(self, hash_alg: int, key: bytes, data: bytes) -> bytes:
        mac = self._hashes.hmac(hash_alg, key)
        mac.update(data)
        return mac.digest()
