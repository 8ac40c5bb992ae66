"""RSA with the Key Wrap Engine: the padding is software, the private operation the bridge's.

A wrapped key is IV, tag, exponent and phi, and behind them the modulus in the clear.
"""

from typing import Final

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_IS_RSA_OAEP,
    PSA_ALG_IS_RSA_PKCS1V15_SIGN,
    PSA_ALG_IS_RSA_PSS,
    PSA_ALG_RSA_OAEP_GET_HASH,
    PSA_ALG_SIGN_GET_HASH,
)
from ...interface.psa.status import (
    PSA_ERROR_CORRUPTION_DETECTED,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_PADDING,
    PSA_ERROR_NOT_SUPPORTED,
)
from ...platform.ccb import CONTEXT_SIZE
from ...platform.hal import PlatformHal
from . import rsa_padding
from .drivers import DriverKey
from .hashing import Hashes
from .key_formats import load
from .kwe_curves import no_key
from .refusal import Refusal
from .wants import DEFAULT, Offer

MBEDTLS_ERR_RSA_BAD_INPUT_DATA: Final = -0x4080
"""ST's driver hands this one out as it is."""
_AES_BLOCK_BITS: Final = 128


class KweRsa:
    """Wraps and uses RSA keys. HAL errors go through to the driver, which says what they mean."""

    def __init__(self, hal: PlatformHal) -> None:
        self._hal = hal
        self._hashes = Hashes(Offer(DEFAULT))

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        """Bits and blob of a key pair in PSA's format; GENERIC_ERROR for what is none."""
        try:
            bits, material = load(attributes, data)
        except Refusal as refusal:
            raise no_key() from refusal
        pair = material.rsa_pair()
        size = pair.public.size
        if bits % _AES_BLOCK_BITS:
            # ST's driver would overrun its buffer, as with curves (`kwe_curves`).
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        modulus = pair.public.n.to_bytes(size, "big")
        phi = ((pair.p - 1) * (pair.q - 1)).to_bytes(size, "big")
        exponent = pair.d.to_bytes(size, "big")
        return bits, self._hal.HAL_CCB_RSA_WrapPrivateKey(modulus, exponent, phi) + modulus

    def sign(self, key: DriverKey, alg: int, digest: bytes) -> bytes:
        """PKCS#1 v1.5 and PSS. INVALID_ARGUMENT for another algorithm, or a hash too long for the key."""
        size, hash_alg = key.attributes.bits // 8, PSA_ALG_SIGN_GET_HASH(alg)
        try:
            if PSA_ALG_IS_RSA_PKCS1V15_SIGN(alg):
                info = rsa_padding.digest_info(hash_alg, digest) if hash_alg else digest
                encoded = rsa_padding.encode_pkcs1v15_signature(info, size)
            elif PSA_ALG_IS_RSA_PSS(alg):
                salt = self._hal.tfm_hal_random(rsa_padding.pss_salt_length(len(digest), size))
                encoded = rsa_padding.encode_pss(self._hash(hash_alg), digest, salt, size)
            else:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        except rsa_padding.TooLongError as error:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
        return self._apply(key, encoded)

    def decrypt(self, key: DriverKey, alg: int, data: bytes, label: bytes) -> bytes:
        """OAEP. Its ciphertext is the caller's: what opens to no message is INVALID_PADDING."""
        size = key.attributes.bits // 8
        # STM32 KWE KWE_RsaModularExp: of the ciphertext as many bytes as the modulus has, however long it is.
        # Behind a shorter one ST's engine reads on.
        if len(data) < size:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        opened = self._apply(key, data[:size])
        if not PSA_ALG_IS_RSA_OAEP(alg):
            raise Refusal(MBEDTLS_ERR_RSA_BAD_INPUT_DATA)
        try:
            return rsa_padding.decode_oaep(self._hash(PSA_ALG_RSA_OAEP_GET_HASH(alg)), opened, label)
        except rsa_padding.TooLongError as error:
            raise Refusal(MBEDTLS_ERR_RSA_BAD_INPUT_DATA) from error
        except rsa_padding.BadPaddingError as error:
            raise Refusal(PSA_ERROR_INVALID_PADDING) from error

    def _apply(self, key: DriverKey, operand: bytes) -> bytes:
        size = key.attributes.bits // 8
        if len(key.data) != CONTEXT_SIZE + 3 * size:
            raise Refusal(PSA_ERROR_CORRUPTION_DETECTED)
        blob, modulus = key.data[:-size], key.data[-size:]
        return self._hal.HAL_CCB_RSA_ComputeModularExp(modulus, blob, operand)

    def _hash(self, alg: int) -> rsa_padding.Digest:
        return lambda data: self._hashes.digest(alg, data)
