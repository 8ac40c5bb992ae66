"""An opaque driver that keeps RSA and Ed25519 pairs as they are, and does all itself that it is asked for."""

from hashlib import sha256
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.partitions.crypto.drivers import DriverKey, OpaqueDriver


class AsymmetricDriver(OpaqueDriver):
    """``asked`` are the entry points it was asked for, with the algorithm."""

    asked: ClassVar[list[tuple[str, int]]] = []

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        return (255 if len(data) == 32 else self._rsa(data).key_size), data

    def export_public_key(self, key: DriverKey) -> bytes:
        if v.PSA_KEY_TYPE_IS_RSA(key.attributes.type):
            return self._rsa(key.data).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        return Ed25519PrivateKey.from_private_bytes(key.data).public_key().public_bytes_raw()

    def sign_hash(self, key: DriverKey, alg: int, digest: bytes) -> bytes:
        self.asked.append(("sign_hash", alg))
        return self._rsa(key.data).sign(digest, PKCS1v15(), Prehashed(SHA256()))

    def sign_message(self, key: DriverKey, alg: int, message: bytes) -> bytes:
        self.asked.append(("sign_message", alg))
        if alg == v.PSA_ALG_PURE_EDDSA:
            return Ed25519PrivateKey.from_private_bytes(key.data).sign(message)
        return self.sign_hash(key, alg, sha256(message).digest())

    def asymmetric_decrypt(self, key: DriverKey, alg: int, data: bytes, salt: bytes) -> bytes:
        self.asked.append(("asymmetric_decrypt", alg))
        return self._rsa(key.data).decrypt(data, OAEP(MGF1(SHA256()), SHA256(), salt))

    def _rsa(self, data: bytes) -> RSAPrivateKey:
        private = load_der_private_key(data, None)
        assert isinstance(private, RSAPrivateKey)
        return private


class VerifyingDriver(AsymmetricDriver):
    """It verifies too: whatever begins with a zero is a signature. And it encrypts, by adding a zero."""

    def verify_hash(self, key: DriverKey, alg: int, digest: bytes, signature: bytes) -> bool:
        self.asked.append(("verify_hash", alg))
        return signature[:1] == b"\0"

    def asymmetric_encrypt(self, key: DriverKey, alg: int, data: bytes, salt: bytes) -> bytes:
        self.asked.append(("asymmetric_encrypt", alg))
        return data + b"\0"
