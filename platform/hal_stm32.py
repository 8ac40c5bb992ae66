"""What the HAL of an STM32 with a CCB adds to TF-M's: operations on wrapped keys, and the blobs of this chip.

Names are those of ST's HAL (stm32u3xx_hal_ccb.h, stm32u3xx_hal_cryp.h); a function that answers HAL_ERROR
there raises PlatError SYSTEM_ERR, as every one does on a board without the hardware. Who calls is secure: it
is the secure side's DHUK that wraps. Blobs are IV, tag and wrapped key, a curve is what
`CurveParameters.pack` makes of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..interface.stm32.dua_certificate import CertId
from ..interface.stm32.key_wrap_engine import PSA_KWE_ECC_KEY_DUA_USER_BITS, PSA_KWE_RSSE_BLOB_KEY_OFFSET
from .ccb import Ccb, CcbError
from .chip_secrets import ChipSecrets
from .flash import FlashArea
from .pka import CurveParameters, RsaParameters
from .plat_err import PlatError, TfmPlatErr
from .saes import AesCall, AesMode, SaesError

WRAPPED_KEY_SLOT: Final = 0x100
"""Bytes for each blob in the area of wrapped keys: DUA_USER_FU's first, then DUA_USER_LU's."""
DUA_BLOB_SIZE: Final = PSA_KWE_RSSE_BLOB_KEY_OFFSET + PSA_KWE_ECC_KEY_DUA_USER_BITS // 8


@dataclass(frozen=True, slots=True)
class Stm32Parts:
    """The chip, and the flash area in which firmware finds its blobs."""

    chip: ChipSecrets
    wrapped_keys: FlashArea | None


class Stm32Hal:
    """Functions of the HAL that are about wrapped keys."""

    _stm32: Stm32Parts | None

    def stm32_wrapped_dua_key(self, certificate: int) -> bytes:
        """The blob of a key by its CERT_Id_t, as RSSe-KW exported it, 112 bytes.

        ST's example links it into the image; here it lies in the flash area of the chip's own data. Raises
        PlatError INVALID_INPUT for another id, UNSUPPORTED where there is none.
        """
        parts = self._parts()
        if certificate not in list(CertId):
            raise PlatError(TfmPlatErr.INVALID_INPUT, f"certificate {certificate}; legal: 1, 2")
        if parts.wrapped_keys is None:
            raise PlatError(TfmPlatErr.UNSUPPORTED, "the board has no flash area for wrapped keys")
        area = parts.wrapped_keys
        blob = area.read((certificate - 1) * WRAPPED_KEY_SLOT, DUA_BLOB_SIZE)
        if blob == bytes([area.erased_value]) * len(blob):
            raise PlatError(
                TfmPlatErr.UNSUPPORTED, f"{CertId(certificate).name}: RSSe-KW has exported no blob"
            )
        return blob

    def HAL_CCB_ECDSA_WrapPrivateKey(self, curve: bytes, private: bytes) -> bytes:
        """A blob for signatures of a private key in the clear."""
        return self._ccb(lambda ccb: ccb.wrap_ecdsa(CurveParameters.unpack(curve), private, secure=True))

    def HAL_CCB_ECDSA_GenerateWrapPrivateKey(self, curve: bytes) -> bytes:
        """A blob for signatures of a new private key."""
        return self._ccb(lambda ccb: ccb.generate_ecdsa(CurveParameters.unpack(curve), secure=True))

    def HAL_CCB_ECDSA_Sign(self, curve: bytes, blob: bytes, digest: bytes) -> bytes:
        """r || s over a digest of the modulus' size."""
        return self._ccb(lambda ccb: ccb.sign(CurveParameters.unpack(curve), blob, digest, secure=True))

    def HAL_CCB_ECDSA_ComputePublicKey(self, curve: bytes, blob: bytes) -> bytes:
        """X || Y of a blob for signatures."""
        return self._ccb(lambda ccb: ccb.public_key(CurveParameters.unpack(curve), blob, secure=True))

    def HAL_CCB_ECC_WrapPrivateKey(self, curve: bytes, private: bytes) -> bytes:
        """A blob for scalar multiplication of a private key in the clear."""
        return self._ccb(lambda ccb: ccb.wrap_scalar(CurveParameters.unpack(curve), private, secure=True))

    def HAL_CCB_ECC_GenerateWrapPrivateKey(self, curve: bytes) -> bytes:
        """A blob for scalar multiplication of a new private key."""
        return self._ccb(lambda ccb: ccb.generate_scalar(CurveParameters.unpack(curve), secure=True))

    def HAL_CCB_ECC_ComputeScalarMul(self, curve: bytes, blob: bytes, point: bytes) -> bytes:
        """X of the private key times a point X || Y. ST's gives Y as well, which its driver throws away."""
        return self._ccb(lambda ccb: ccb.multiply(CurveParameters.unpack(curve), blob, point, secure=True))

    def HAL_CCB_RSA_WrapPrivateKey(self, modulus: bytes, exponent: bytes, phi: bytes) -> bytes:
        """A blob of a private exponent and phi."""
        return self._ccb(lambda ccb: ccb.wrap_rsa(RsaParameters(modulus), exponent, phi, secure=True))

    def HAL_CCB_RSA_ComputeModularExp(self, modulus: bytes, blob: bytes, operand: bytes) -> bytes:
        """The operand to the power of the private exponent."""
        return self._ccb(lambda ccb: ccb.exponentiate(RsaParameters(modulus), blob, operand, secure=True))

    def HAL_CRYPEx_WrapKey(self, key: bytes, iv: bytes) -> bytes:
        """An AES key of 16 or 32 bytes wrapped by the SAES: in ECB without ``iv``, in CBC with one."""
        return self._saes(lambda chip: chip.saes.wrap_key(key, iv, secure=True))

    def HAL_CRYP_Encrypt(
        self,
        wrapped: bytes,
        wrap_iv: bytes,
        algorithm: str,
        iv: bytes,
        data: bytes,
        header: bytes = b"",
        tag_length: int = 0,
    ) -> bytes:
        """Unwrap into the SAES's key registers and encrypt there: ciphertext, and the tag of an AEAD.

        ``algorithm`` is one of `AesMode`; ``header`` and ``tag_length`` are an AEAD's.
        """
        call = AesCall(wrapped, wrap_iv, _mode(algorithm), iv, data, header, tag_length)
        return self._saes(lambda chip: chip.saes.encrypt(call, secure=True))

    def HAL_CRYP_Decrypt(
        self,
        wrapped: bytes,
        wrap_iv: bytes,
        algorithm: str,
        iv: bytes,
        data: bytes,
        header: bytes = b"",
        tag_length: int = 0,
    ) -> bytes:
        """The same, the other way; behind the ciphertext of an AEAD stands its tag."""
        call = AesCall(wrapped, wrap_iv, _mode(algorithm), iv, data, header, tag_length)
        return self._saes(lambda chip: chip.saes.decrypt(call, secure=True))

    def _ccb(self, act: Callable[[Ccb], bytes]) -> bytes:
        try:
            return act(self._parts().chip.ccb)
        except CcbError as error:
            raise PlatError(TfmPlatErr.SYSTEM_ERR, str(error)) from error

    def _saes(self, act: Callable[[ChipSecrets], bytes]) -> bytes:
        try:
            return act(self._parts().chip)
        except SaesError as error:
            raise PlatError(TfmPlatErr.SYSTEM_ERR, str(error)) from error

    def _parts(self) -> Stm32Parts:
        if self._stm32 is None:
            raise PlatError(TfmPlatErr.UNSUPPORTED, "the board has no CCB; legal: an STM32 with one")
        return self._stm32


def _mode(algorithm: str) -> AesMode:
    try:
        return AesMode(algorithm)
    except ValueError as error:
        legal = ", ".join(mode.value for mode in AesMode)
        raise PlatError(TfmPlatErr.INVALID_INPUT, f"AES mode {algorithm!r:.20}; legal: {legal}") from error
