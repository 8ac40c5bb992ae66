"""Key material: a key's bytes as PSA formats them, and what is made of them once."""

from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_MONTGOMERY,
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_DH,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_KEY_PAIR,
    PSA_KEY_TYPE_IS_RSA,
    PSA_KEY_TYPE_IS_SPAKE2P,
)
from . import curves, dh_groups, eddsa, montgomery, spake2p_keys
from .rsa_key import RsaKeyPair, RsaPublicKey


class Material:
    """A key's bytes, checked already for their type; type and size are in the key's attributes."""

    __slots__ = ("_pair", "_private", "_public", "_public_bytes", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._private: ec.EllipticCurvePrivateKey | None = None
        self._public: ec.EllipticCurvePublicKey | None = None
        self._pair: RsaKeyPair | None = None
        self._public_bytes = b""

    def private(self, key_type: int, bits: int) -> ec.EllipticCurvePrivateKey:
        """The private key of a pair on a Weierstrass curve; NOT_SUPPORTED on another curve."""
        if self._private is None:
            curve = curves.find_curve(PSA_KEY_TYPE_ECC_GET_FAMILY(key_type), bits)
            self._private = curves.private_key(curve, self.data)
        return self._private

    def public(self, key_type: int, bits: int) -> ec.EllipticCurvePublicKey:
        """The public key on a Weierstrass curve, of a pair too; NOT_SUPPORTED on another curve."""
        if self._public is None:
            if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
                self._public = self.private(key_type, bits).public_key()
            else:
                curve = curves.find_curve(PSA_KEY_TYPE_ECC_GET_FAMILY(key_type), bits)
                self._public = curves.decode_point(curve, self.data)
        return self._public

    def rsa_pair(self) -> RsaKeyPair:
        """An RSA key pair; ValueError for bytes that are none."""
        if self._pair is None:
            self._pair = RsaKeyPair.decode(self.data)
        return self._pair

    def rsa_public(self, key_type: int) -> RsaPublicKey:
        """The public part of an RSA key of either type; ValueError for bytes that are none."""
        if PSA_KEY_TYPE_IS_KEY_PAIR(key_type):
            return self.rsa_pair().public
        return RsaPublicKey.decode(self.data)

    def public_bytes(self, key_type: int, bits: int) -> bytes:
        """The public key as psa_export_public_key gives it; the key is asymmetric."""
        if not PSA_KEY_TYPE_IS_KEY_PAIR(key_type):
            return self.data
        if not self._public_bytes:
            self._public_bytes = self._make_public(key_type, bits)
        return self._public_bytes

    def _make_public(self, key_type: int, bits: int) -> bytes:
        if PSA_KEY_TYPE_IS_RSA(key_type):
            return self.rsa_pair().public.encode()
        if PSA_KEY_TYPE_IS_DH(key_type):
            return dh_groups.public_of(bits, self.data)
        if PSA_KEY_TYPE_IS_SPAKE2P(key_type):
            return spake2p_keys.public_bytes(key_type, bits, self.data)
        family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
        if family == PSA_ECC_FAMILY_MONTGOMERY:
            return montgomery.public_of(bits, self.data)
        if family == PSA_ECC_FAMILY_TWISTED_EDWARDS:
            return eddsa.public_of(bits, self.data)
        return curves.encode_point(self.public(key_type, bits))
