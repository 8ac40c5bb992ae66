"""The opaque driver of the STM32 Key Wrap Engine: keys that only the hardware of one chip can unwrap.

Checks and codes are those of ST's driver (kwe_psa_driver_interface.c, kwe_core.c) for ST's Mbed TLS 3.6, its
oddities included: what `kwe_to_psa_error` translates is HARDWARE_FAILURE, but signatures, ciphers and AEADs
hand the engine's own code, 1, to the caller as it is. What is no key to be wrapped is GENERIC_ERROR
(`kwe_curves.no_key`). An entry point that ST's driver lacks is INVALID_ARGUMENT, as the generated wrappers
answer for a location that has none of it; that of key derivation is NOT_SUPPORTED.

=================  ======  ========  ================  ============================================
key                import  generate  export public     use
=================  ======  ========  ================  ============================================
ECC for ECDSA      yes     yes       yes               sign a hash, a message
ECC for ECDH       yes     yes       HARDWARE_FAILURE  key agreement
AES                yes     no        no                ECB, CBC, GCM, CCM in one call
RSA                yes     no        no                sign (PKCS#1 v1.5, PSS), decrypt (OAEP)
=================  ======  ========  ================  ============================================

Nothing is verified, encrypted to or exported here. A blob is told from a key by the id that it is imported
under (PSA_KWE_KEY_ID_IS_RSSE), and not looked into: one that was altered, or is another chip's, is found out
when it is used.
"""

from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_AEAD_GET_TAG_LENGTH,
    PSA_ALG_AEAD_WITH_SHORTENED_TAG,
    PSA_ALG_CBC_NO_PADDING,
    PSA_ALG_CCM,
    PSA_ALG_ECB_NO_PADDING,
    PSA_ALG_GCM,
    PSA_ALG_IS_ECDH,
    PSA_ALG_IS_ECDSA,
    PSA_ECC_FAMILY_MONTGOMERY,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
    PSA_KEY_TYPE_IS_RSA,
)
from ...interface.psa.status import (
    PSA_ERROR_CORRUPTION_DETECTED,
    PSA_ERROR_HARDWARE_FAILURE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
)
from ...interface.stm32.key_wrap_engine import (
    PSA_CRYPTO_KWE_DRIVER_LOCATION,
    PSA_KWE_DRIVER_KEY_CONTEXT_BASE_SIZE,
    PSA_KWE_KEY_ID_IS_RSSE,
    PSA_KWE_RSSE_BLOB_IV_OFFSET,
    PSA_KWE_RSSE_BLOB_KEY_OFFSET,
    KweStatus,
)
from ...platform.hal import PlatformHal
from ...platform.plat_err import PlatError
from ...platform.saes import AesMode
from .drivers import DriverKey, DriverSpec, MacState, OpaqueDriver
from .kwe_curves import curve_of, inferred_bits, prepared_digest
from .kwe_rsa import KweRsa
from .refusal import Refusal

ResultT = TypeVar("ResultT")
_MODES: Final = {PSA_ALG_ECB_NO_PADDING: AesMode.ECB, PSA_ALG_CBC_NO_PADDING: AesMode.CBC}
_SAES_NONCE: Final = 12


class KweDriver(OpaqueDriver):
    """It keeps IV, tag and wrapped key of ECC, the modulus too of RSA, of AES the wrapped key alone."""

    wraps_aes_in_cbc = False
    """KWE_USE_CBC_TO_WRAP_SYMMETRIC_KEY: an IV in front of a wrapped AES key.

    ECB is the default by ST's words and in its example of initial attestation; its AES examples have CBC.
    """

    def __init__(self, hal: PlatformHal) -> None:
        super().__init__(hal)
        self._rsa = KweRsa(hal)

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        """STM32 KWE mbedtls_kwe_opaque_import_key: a blob of RSSe-KW by its id, else a key in the clear."""
        kind = attributes.type
        if PSA_KEY_TYPE_IS_PUBLIC_KEY(kind):
            # ST's driver would wrap the first bytes of the point as if they were a private key.
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if PSA_KEY_TYPE_IS_ECC(kind):
            return self._import_ecc(attributes, data)
        if PSA_KEY_TYPE_IS_RSA(kind):
            if PSA_KWE_KEY_ID_IS_RSSE(attributes.id):
                # ST's RSA blobs carry no modulus, and its driver leaves that part of the key uninitialised.
                raise Refusal(PSA_ERROR_NOT_SUPPORTED)
            return self._hardware(lambda: self._rsa.import_key(attributes, data))
        if kind == PSA_KEY_TYPE_AES:
            return self._import_aes(attributes, data)
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def _import_ecc(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        is_ecdsa = _is_ecdsa(attributes.alg)
        if PSA_KWE_KEY_ID_IS_RSSE(attributes.id):
            size = _size_of_blob(attributes)
            is_montgomery = PSA_KEY_TYPE_ECC_GET_FAMILY(attributes.type) == PSA_ECC_FAMILY_MONTGOMERY
            context = _part(data, PSA_KWE_RSSE_BLOB_IV_OFFSET, PSA_KWE_DRIVER_KEY_CONTEXT_BASE_SIZE)
            # On Montgomery curves one bit more than was asked for, so the service refuses it.
            bits = attributes.bits + is_montgomery
            return bits, context + _part(data, PSA_KWE_RSSE_BLOB_KEY_OFFSET, size)
        bits = inferred_bits(attributes, data)
        curve = curve_of(attributes.type, bits).pack()
        wrap = self.hal.HAL_CCB_ECDSA_WrapPrivateKey if is_ecdsa else self.hal.HAL_CCB_ECC_WrapPrivateKey
        return bits, self._hardware(lambda: wrap(curve, data))

    def _import_aes(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        if attributes.alg not in (*_MODES, PSA_ALG_GCM) and not _is_ccm(attributes.alg):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if PSA_KWE_KEY_ID_IS_RSSE(attributes.id):
            size = _size_of_blob(attributes)
            iv = _part(data, PSA_KWE_RSSE_BLOB_IV_OFFSET, 16) if self.wraps_aes_in_cbc else b""
            return attributes.bits, iv + _part(data, PSA_KWE_RSSE_BLOB_KEY_OFFSET, size)
        iv = self.hal.tfm_hal_random(16) if self.wraps_aes_in_cbc else b""
        return 8 * len(data), iv + self._hardware(lambda: self.hal.HAL_CRYPEx_WrapKey(data, iv))

    def generate_key(self, attributes: KeyAttributes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_generate_key: ECC alone, and the private key never leaves the chip."""
        if not PSA_KEY_TYPE_IS_ECC(attributes.type):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        is_ecdsa = _is_ecdsa(attributes.alg)
        curve = curve_of(attributes.type, attributes.bits).pack()
        hal = self.hal
        make = (
            hal.HAL_CCB_ECDSA_GenerateWrapPrivateKey if is_ecdsa else hal.HAL_CCB_ECC_GenerateWrapPrivateKey
        )
        return self._hardware(lambda: make(curve))

    def export_public_key(self, key: DriverKey) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_export_public_key: ECC, and of a blob for signatures only."""
        kind, bits = key.attributes.type, key.attributes.bits
        if not PSA_KEY_TYPE_IS_ECC(kind):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        curve, blob = curve_of(kind, bits).pack(), _checked(key)
        return b"\x04" + self._hardware(lambda: self.hal.HAL_CCB_ECDSA_ComputePublicKey(curve, blob))

    def sign_hash(self, key: DriverKey, alg: int, digest: bytes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_signature_sign_hash: unwrap and sign in one step of the hardware."""
        if PSA_KEY_TYPE_IS_ECC(key.attributes.type):
            curve, blob = curve_of(key.attributes.type, key.attributes.bits), _checked(key)
            prepared = prepared_digest(digest, curve)
            return self._engine(lambda: self.hal.HAL_CCB_ECDSA_Sign(curve.pack(), blob, prepared))
        if PSA_KEY_TYPE_IS_RSA(key.attributes.type):
            return self._engine(lambda: self._rsa.sign(key, alg, digest))
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)

    def key_agreement(self, key: DriverKey, alg: int, peer: bytes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_key_agreement: X of the shared point."""
        if not PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key.attributes.type) or not PSA_ALG_IS_ECDH(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        curve, blob = curve_of(key.attributes.type, key.attributes.bits), _checked(key)
        return self._hardware(lambda: self.hal.HAL_CCB_ECC_ComputeScalarMul(curve.pack(), blob, peer[1:]))

    def asymmetric_decrypt(self, key: DriverKey, alg: int, data: bytes, salt: bytes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_asymmetric_decrypt: OAEP, whatever the algorithm."""
        if not PSA_KEY_TYPE_IS_RSA(key.attributes.type):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return self._hardware(lambda: self._rsa.decrypt(key, alg, data, salt))

    def cipher_encrypt(self, key: DriverKey, alg: int, iv: bytes, data: bytes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_cipher_encrypt: ECB and CBC without padding."""
        mode, wrap_iv, wrapped = self._aes(key, _MODES.get(alg))
        return self._engine(lambda: self.hal.HAL_CRYP_Encrypt(wrapped, wrap_iv, mode, iv, data))

    def cipher_decrypt(self, key: DriverKey, alg: int, iv: bytes, data: bytes) -> bytes:
        mode, wrap_iv, wrapped = self._aes(key, _MODES.get(alg))
        return self._engine(lambda: self.hal.HAL_CRYP_Decrypt(wrapped, wrap_iv, mode, iv, data))

    def aead_encrypt(self, key: DriverKey, alg: int, nonce: bytes, ad: bytes, data: bytes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_aead_encrypt: GCM with its whole tag, CCM with any.

        ST's engine takes the IV of GCM only together with additional data; here it counts without as well.
        """
        mode, wrap_iv, wrapped = self._aead(key, alg, nonce)
        tag = PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
        return self._engine(lambda: self.hal.HAL_CRYP_Encrypt(wrapped, wrap_iv, mode, nonce, data, ad, tag))

    def aead_decrypt(self, key: DriverKey, alg: int, nonce: bytes, ad: bytes, data: bytes) -> bytes:
        """STM32 KWE mbedtls_kwe_opaque_aead_decrypt: a tag that does not fit is KWE_ERROR, 1."""
        mode, wrap_iv, wrapped = self._aead(key, alg, nonce)
        tag = PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
        return self._engine(lambda: self.hal.HAL_CRYP_Decrypt(wrapped, wrap_iv, mode, nonce, data, ad, tag))

    # What ST's driver lacks.

    def copy_key(self, key: DriverKey, attributes: KeyAttributes) -> bytes:
        self._has_no_entry()

    def export_key(self, key: DriverKey) -> bytes:
        self._has_no_entry()

    def verify_hash(self, key: DriverKey, alg: int, digest: bytes, signature: bytes) -> bool:
        self._has_no_entry()

    def verify_message(self, key: DriverKey, alg: int, message: bytes, signature: bytes) -> bool:
        self._has_no_entry()

    def asymmetric_encrypt(self, key: DriverKey, alg: int, data: bytes, salt: bytes) -> bytes:
        self._has_no_entry()

    def mac_setup(self, key: DriverKey, alg: int) -> MacState:
        self._has_no_entry()

    def setup_in_parts(self, key: DriverKey, alg: int) -> NoReturn:
        self._has_no_entry()

    def _has_no_entry(self) -> NoReturn:
        # Mbed TLS psa_crypto_driver_wrappers: a location without the entry point.
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)

    def _aead(self, key: DriverKey, alg: int, nonce: bytes) -> tuple[str, bytes, bytes]:
        mode = AesMode.GCM if alg == PSA_ALG_GCM else AesMode.CCM if _is_ccm(alg) else None
        found = self._aes(key, mode)
        # STM32 KWE KWE_AesAeadEncrypt: GCM counts in the last word of its IV, CCM takes 7 to 13 bytes.
        legal = (_SAES_NONCE,) if mode is AesMode.GCM else range(7, 14)
        if len(nonce) not in legal:
            raise Refusal(KweStatus.ERROR)
        return found

    def _aes(self, key: DriverKey, mode: AesMode | None) -> tuple[str, bytes, bytes]:
        """The SAES's mode, and IV and wrapped key of the blob."""
        if mode is None:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        at = 16 if self.wraps_aes_in_cbc else 0
        if key.attributes.type != PSA_KEY_TYPE_AES or len(key.data) != at + key.attributes.bits // 8:
            raise Refusal(PSA_ERROR_CORRUPTION_DETECTED)
        return mode.value, key.data[:at], key.data[at:]

    @staticmethod
    def _hardware(ask: Callable[[], ResultT]) -> ResultT:
        """STM32 KWE kwe_to_psa_error: whatever the engine says, PSA_ERROR_HARDWARE_FAILURE."""
        try:
            return ask()
        except PlatError as error:
            raise Refusal(PSA_ERROR_HARDWARE_FAILURE) from error

    @staticmethod
    def _engine(ask: Callable[[], bytes]) -> bytes:
        """The engine's own code, which ST's driver hands out untranslated."""
        try:
            return ask()
        except PlatError as error:
            raise Refusal(KweStatus.ERROR) from error


class KweDriverCbc(KweDriver):
    """The same, built with KWE_USE_CBC_TO_WRAP_SYMMETRIC_KEY."""

    wraps_aes_in_cbc = True


KWE_DRIVER: Final = DriverSpec.of(PSA_CRYPTO_KWE_DRIVER_LOCATION, KweDriver)


def _is_ecdsa(alg: int) -> bool:
    """What an ECC key is wrapped for, by the algorithm of its policy; NOT_SUPPORTED for any other."""
    if not PSA_ALG_IS_ECDSA(alg) and not PSA_ALG_IS_ECDH(alg):
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return PSA_ALG_IS_ECDSA(alg)


def _is_ccm(alg: int) -> bool:
    return PSA_ALG_AEAD_WITH_SHORTENED_TAG(alg, 0) == PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_CCM, 0)


def _size_of_blob(attributes: KeyAttributes) -> int:
    """STM32 KWE mbedtls_kwe_opaque_get_key_buffer_size_from_key_data: the attributes say it, not the data.

    Nobody asks here whether there is a curve of this size.
    """
    if not attributes.bits:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return PSA_BITS_TO_BYTES(attributes.bits)


def _part(data: bytes, offset: int, size: int) -> bytes:
    """Bytes of a blob. ST's driver reads on behind one that is too short; here that is INVALID_ARGUMENT."""
    part = data[offset : offset + size]
    if len(part) != size:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return part


def _checked(key: DriverKey) -> bytes:
    """An ECC key's data as storage gave it back; CORRUPTION_DETECTED for another size."""
    size = PSA_KWE_DRIVER_KEY_CONTEXT_BASE_SIZE + PSA_BITS_TO_BYTES(key.attributes.bits)
    if len(key.data) != size or not PSA_KEY_TYPE_ECC_GET_FAMILY(key.attributes.type):
        raise Refusal(PSA_ERROR_CORRUPTION_DETECTED)
    return key.data
