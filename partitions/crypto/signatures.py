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
    PSA_ALG_IS_RSA_PSS_ANY_SALT,
    PSA_ALG_PURE_EDDSA,
    PSA_ALG_RSA_PKCS1V15_SIGN_RAW,
    PSA_ALG_SIGN_GET_HASH,
    PSA_ECC_FAMILY_IS_WEIERSTRASS,
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_RSA,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from . import curves, ecdsa, eddsa, rsa_padding
from .hashing import CRYPTOGRAPHY_HASH, Hashes
from .material import Material
from .refusal import Refusal
from .rsa_key import RsaPublicKey


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
        self._random = random
        self._deterministic = deterministic

    def sign(self, material: Material, attributes: KeyAttributes, alg: int, data: bytes) -> bytes:
        """The signature in PSA's format, as long as PSA_SIGN_OUTPUT_SIZE says."""
        key_type, bits = attributes.type, attributes.bits
        if PSA_KEY_TYPE_IS_RSA(key_type):
            pair = material.rsa_pair()
            encoded = self._encode(alg, data, pair.public.size)
            return pair.apply(int.from_bytes(encoded, "big")).to_bytes(pair.public.size, "big")
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
            return self._verify_rsa(material.rsa_public(key_type), alg, data, signature)
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

    def _encode(self, alg: int, digest: bytes, size: int) -> bytes:
        try:
            if not PSA_ALG_IS_RSA_PSS(alg):
                return rsa_padding.encode_pkcs1v15_signature(_digest_info(alg, digest), size)
            salt = self._random(rsa_padding.pss_salt_length(len(digest), size))
            return rsa_padding.encode_pss(self._hash(alg), digest, salt, size)
        except rsa_padding.TooLongError as error:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error

    def _verify_rsa(self, key: RsaPublicKey, alg: int, digest: bytes, signature: bytes) -> bool:
        number = int.from_bytes(signature, "big")
        if len(signature) != key.size or number >= key.n:
            return False
        encoded = key.apply(number).to_bytes(key.size, "big")
        if not PSA_ALG_IS_RSA_PSS(alg):
            return encoded == self._encode(alg, digest, key.size)
        try:
            salt_length = rsa_padding.pss_salt_length(len(digest), key.size)
        except rsa_padding.TooLongError:
            return False
        any_salt = PSA_ALG_IS_RSA_PSS_ANY_SALT(alg)
        return rsa_padding.is_pss(self._hash(alg), digest, encoded, None if any_salt else salt_length)

    def _hash(self, alg: int) -> Callable[[bytes], bytes]:
        return partial(self._hashes.digest, PSA_ALG_SIGN_GET_HASH(alg))


def _digest_info(alg: int, digest: bytes) -> bytes:
    """What PKCS#1 v1.5 signs: a hash with its identifier, or the bytes as they are."""
    if alg == PSA_ALG_RSA_PKCS1V15_SIGN_RAW:
        return digest
    try:
        return rsa_padding.digest_info(PSA_ALG_SIGN_GET_HASH(alg), digest)
    except KeyError as error:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED) from error
