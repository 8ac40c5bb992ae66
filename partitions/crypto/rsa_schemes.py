"""What RSA keys sign, verify, encrypt and decrypt (RFC 8017 sections 7 and 8), by PSA's algorithms.

The `cryptography` package does it where it can. It cannot take salts and padding from a seeded source, it
lacks some hashes (`rsa_padding` makes up for both), and its PKCS#1 v1.5 decryption gives random bytes for bad
padding, where PSA Crypto has a status.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ...interface.psa.crypto_values import (
    PSA_ALG_IS_RSA_PSS,
    PSA_ALG_IS_RSA_PSS_ANY_SALT,
    PSA_ALG_RSA_OAEP_GET_HASH,
    PSA_ALG_RSA_PKCS1V15_CRYPT,
    PSA_ALG_RSA_PKCS1V15_SIGN_RAW,
    PSA_ALG_SHA_1,
    PSA_ALG_SHA_224,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ALG_SIGN_GET_HASH,
)
from ...interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_PADDING,
    PSA_ERROR_NOT_SUPPORTED,
)
from . import rsa_padding
from .hashing import CRYPTOGRAPHY_HASH, Hashes
from .refusal import Refusal
from .rsa_key import RsaKeyPair, RsaPublicKey

_OAEP_HASHES: Final = frozenset(
    {PSA_ALG_SHA_1, PSA_ALG_SHA_224, PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512}
)
"""What the package decrypts OAEP with."""


def _library_public(key: RsaPublicKey) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(key.e, key.n).public_key()


def _library_pair(pair: RsaKeyPair) -> rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(pair.public.e, pair.public.n)
    numbers = rsa.RSAPrivateNumbers(pair.p, pair.q, pair.d, pair.dp, pair.dq, pair.qp, public)
    # RsaKeyPair.decode has looked into it, and the package's own look takes longer than the signature.
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


class RsaSchemes:
    """The schemes over the hashes of one build and a source of random bytes.

    INVALID_ARGUMENT for what is too long for the key. Algorithms are asked for before they get here.
    """

    def __init__(self, hashes: Hashes, random: Callable[[int], bytes]) -> None:
        self._hashes = hashes
        self._random = random

    def sign(self, pair: RsaKeyPair, alg: int, digest: bytes) -> bytes:
        """The signature of a hash, as long as the modulus."""
        size, hash_alg = pair.public.size, PSA_ALG_SIGN_GET_HASH(alg)
        if PSA_ALG_IS_RSA_PSS(alg):
            salt = self._random(_salt_length(digest, size))
            return _apply(pair, rsa_padding.encode_pss(self._hash(hash_alg), digest, salt, size))
        encoded = _encode_pkcs1v15(alg, digest, size)
        if hash_alg not in CRYPTOGRAPHY_HASH:
            return _apply(pair, encoded)
        return _library_pair(pair).sign(digest, padding.PKCS1v15(), Prehashed(CRYPTOGRAPHY_HASH[hash_alg]))

    def verify(self, key: RsaPublicKey, alg: int, digest: bytes, signature: bytes) -> bool:
        """Whether a signature of any length is that of a hash."""
        hash_alg = PSA_ALG_SIGN_GET_HASH(alg)
        if len(signature) != key.size:
            return False
        if not PSA_ALG_IS_RSA_PSS(alg):
            encoded = _encode_pkcs1v15(alg, digest, key.size)
            if hash_alg in CRYPTOGRAPHY_HASH:
                return _library_verifies(key, hash_alg, digest, signature, padding.PKCS1v15())
            return _opened(key, signature) == encoded
        try:
            salt_length = rsa_padding.pss_salt_length(len(digest), key.size)
        except rsa_padding.TooLongError:
            return False
        any_salt = PSA_ALG_IS_RSA_PSS_ANY_SALT(alg)
        if hash_alg in CRYPTOGRAPHY_HASH:
            mgf = padding.MGF1(CRYPTOGRAPHY_HASH[hash_alg])
            scheme = padding.PSS(mgf, padding.PSS.AUTO if any_salt else salt_length)
            return _library_verifies(key, hash_alg, digest, signature, scheme)
        opened = _opened(key, signature)
        salt = None if any_salt else salt_length
        return opened is not None and rsa_padding.is_pss(self._hash(hash_alg), digest, opened, salt)

    def encrypt(self, key: RsaPublicKey, alg: int, message: bytes, label: bytes) -> bytes:
        """A message for the owner of the pair, as long as the modulus."""
        try:
            if alg == PSA_ALG_RSA_PKCS1V15_CRYPT:
                encoded = rsa_padding.encode_pkcs1v15(message, key.size, self._random)
            else:
                hash_ = self._hash(PSA_ALG_RSA_OAEP_GET_HASH(alg))
                encoded = rsa_padding.encode_oaep(hash_, message, label, key.size, self._random)
        except rsa_padding.TooLongError as error:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
        return key.apply(int.from_bytes(encoded, "big")).to_bytes(key.size, "big")

    def decrypt(self, pair: RsaKeyPair, alg: int, data: bytes, label: bytes) -> bytes:
        """The message in ``data``, which is as long as the modulus; INVALID_PADDING where there is none."""
        if int.from_bytes(data, "big") >= pair.public.n:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        try:
            if alg == PSA_ALG_RSA_PKCS1V15_CRYPT:
                return rsa_padding.decode_pkcs1v15(_apply(pair, data))
            return self._decrypt_oaep(pair, PSA_ALG_RSA_OAEP_GET_HASH(alg), data, label)
        except rsa_padding.TooLongError as error:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
        except rsa_padding.BadPaddingError as error:
            raise Refusal(PSA_ERROR_INVALID_PADDING) from error

    def _decrypt_oaep(self, pair: RsaKeyPair, hash_alg: int, data: bytes, label: bytes) -> bytes:
        hash_ = self._hash(hash_alg)
        rsa_padding.check_oaep_room(len(hash_(b"")), 0, len(data))
        if hash_alg not in _OAEP_HASHES:
            return rsa_padding.decode_oaep(hash_, _apply(pair, data), label)
        algorithm = CRYPTOGRAPHY_HASH[hash_alg]
        scheme = padding.OAEP(padding.MGF1(algorithm), algorithm, label)
        try:
            return _library_pair(pair).decrypt(data, scheme)
        except ValueError as error:
            raise Refusal(PSA_ERROR_INVALID_PADDING) from error

    def _hash(self, hash_alg: int) -> rsa_padding.Digest:
        return partial(self._hashes.digest, hash_alg)


def _apply(pair: RsaKeyPair, encoded: bytes) -> bytes:
    """The private operation on bytes as long as the modulus."""
    return pair.apply(int.from_bytes(encoded, "big")).to_bytes(len(encoded), "big")


def _opened(key: RsaPublicKey, signature: bytes) -> bytes | None:
    """What was signed, padding and all; None for a number that is no signature."""
    number = int.from_bytes(signature, "big")
    return None if number >= key.n else key.apply(number).to_bytes(key.size, "big")


def _library_verifies(
    key: RsaPublicKey, hash_alg: int, digest: bytes, signature: bytes, scheme: padding.AsymmetricPadding
) -> bool:
    try:
        _library_public(key).verify(signature, digest, scheme, Prehashed(CRYPTOGRAPHY_HASH[hash_alg]))
    except InvalidSignature:
        return False
    return True


def _salt_length(digest: bytes, size: int) -> int:
    try:
        return rsa_padding.pss_salt_length(len(digest), size)
    except rsa_padding.TooLongError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error


def _encode_pkcs1v15(alg: int, digest: bytes, size: int) -> bytes:
    """A hash with its identifier, or for PSA_ALG_RSA_PKCS1V15_SIGN_RAW any bytes, padded.

    NOT_SUPPORTED for a hash without an identifier.
    """
    try:
        raw = alg == PSA_ALG_RSA_PKCS1V15_SIGN_RAW
        info = digest if raw else rsa_padding.digest_info(PSA_ALG_SIGN_GET_HASH(alg), digest)
        return rsa_padding.encode_pkcs1v15_signature(info, size)
    except KeyError as error:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED) from error
    except rsa_padding.TooLongError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
