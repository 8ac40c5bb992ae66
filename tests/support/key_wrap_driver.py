"""Opaque drivers: one wraps keys by AES-KW under a key of the device (RFC 5649), one stores them itself."""

import hmac
from collections.abc import Collection
from typing import ClassVar, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CORRUPTION_DETECTED,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
)
from tfm_sim.partitions.crypto.drivers import DriverKey, MacState, OpaqueDriver
from tfm_sim.partitions.crypto.refusal import Refusal
from tfm_sim.platform.hal import PlatformHal

MAGIC: Final = b"WRAPPED\0"
PAIR: Final = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
LENGTHS: Final[dict[int, Collection[int]]] = {
    PAIR: (32,),
    v.PSA_KEY_TYPE_AES: (16, 32),
    v.PSA_KEY_TYPE_HMAC: range(1, 65),
    v.PSA_KEY_TYPE_DERIVE: range(16, 65),
}


class KeyWrapDriver(OpaqueDriver):
    """P-256 pairs, AES, HMAC and DERIVE keys: what it hands out is MAGIC and the wrapped (type, bits, key).

    It imports keys in the clear, and what another device of the same secret has wrapped.
    """

    def __init__(self, hal: PlatformHal) -> None:
        super().__init__(hal)
        self._kek = HKDF(hashes.SHA256(), 32, salt=None, info=b"wrap").derive(hal.tfm_plat_get_huk())

    def _wrap(self, key_type: int, data: bytes) -> bytes:
        inside = key_type.to_bytes(2, "little") + data
        return MAGIC + aes_key_wrap_with_padding(self._kek, inside)

    def _unwrap(self, attributes: KeyAttributes, blob: bytes) -> bytes:
        try:
            inside = aes_key_unwrap_with_padding(self._kek, blob.removeprefix(MAGIC))
        except (InvalidUnwrap, ValueError) as error:
            raise Refusal(PSA_ERROR_CORRUPTION_DETECTED) from error
        if not blob.startswith(MAGIC) or int.from_bytes(inside[:2], "little") != attributes.type:
            raise Refusal(PSA_ERROR_CORRUPTION_DETECTED)
        return inside[2:]

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        if data.startswith(MAGIC):
            return 8 * len(self._unwrap(attributes, data)), data
        if attributes.type not in LENGTHS:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        if len(data) not in LENGTHS[attributes.type]:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return 8 * len(data), self._wrap(attributes.type, data)

    def generate_key(self, attributes: KeyAttributes) -> bytes:
        return self.import_key(attributes, self.hal.tfm_hal_random(attributes.bits // 8))[1]

    def copy_key(self, key: DriverKey, attributes: KeyAttributes) -> bytes:
        return self._wrap(attributes.type, self._clear(key))

    def _clear(self, key: DriverKey) -> bytes:
        return self._unwrap(key.attributes, key.data)

    def _pair(self, key: DriverKey) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(self._clear(key), "big"), ec.SECP256R1())

    def export_public_key(self, key: DriverKey) -> bytes:
        public = self._pair(key).public_key()
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign_hash(self, key: DriverKey, alg: int, digest: bytes) -> bytes:
        scheme = ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)
        r, s = decode_dss_signature(self._pair(key).sign(digest, scheme))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def mac_setup(self, key: DriverKey, alg: int) -> MacState:
        return hmac.new(self._clear(key), digestmod="sha256")

    def cipher_encrypt(self, key: DriverKey, alg: int, iv: bytes, data: bytes) -> bytes:
        return Cipher(algorithms.AES(self._clear(key)), modes.CTR(iv)).encryptor().update(data)

    cipher_decrypt = cipher_encrypt

    def aead_encrypt(self, key: DriverKey, alg: int, nonce: bytes, ad: bytes, data: bytes) -> bytes:
        return AESGCM(self._clear(key)).encrypt(nonce, data, ad)

    def key_agreement(self, key: DriverKey, alg: int, peer: bytes) -> bytes:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
        return self._pair(key).exchange(ec.ECDH(), public)

    def key_derivation_input_key(self, key: DriverKey, alg: int, step: int) -> bytes:
        return self._clear(key)


class ExportingDriver(KeyWrapDriver):
    """The same, but it gives its keys away where their policy allows it."""

    def export_key(self, key: DriverKey) -> bytes:
        return self._clear(key)


class ElementDriver(OpaqueDriver):
    """A secure element with storage of its own: the service keeps no more than a number.

    Its storage is this class's, so that tests can look into it and it survives a reset.
    """

    keys: ClassVar[dict[int, bytes]] = {}

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        number = max(self.keys, default=0) + 1
        self.keys[number] = data
        return 8 * len(data), number.to_bytes(4, "little")

    def destroy_key(self, key: DriverKey) -> None:
        self.keys.pop(int.from_bytes(key.data, "little"), None)
