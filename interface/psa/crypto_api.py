"""PSA Crypto for Python callers: bytes and key ids back, PsaError raised, buffers sized by themselves."""

from ..ranges import in_range
from . import crypto
from .client import BytesLike, PsaClient
from .crypto_agreeing import KeyDerivation, Pake
from .crypto_multipart import Aead, Cipher, Hash, Mac, check, verdict
from .crypto_sizes import (
    PSA_AEAD_DECRYPT_OUTPUT_MAX_SIZE,
    PSA_AEAD_ENCRYPT_OUTPUT_MAX_SIZE,
    PSA_ASYMMETRIC_ENCRYPT_OUTPUT_SIZE,
    PSA_CIPHER_DECRYPT_OUTPUT_MAX_SIZE,
    PSA_CIPHER_ENCRYPT_OUTPUT_MAX_SIZE,
    PSA_EXPORT_KEY_OUTPUT_SIZE,
    PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE,
    PSA_HASH_LENGTH,
    PSA_MAC_MAX_SIZE,
    PSA_RAW_KEY_AGREEMENT_OUTPUT_SIZE,
    PSA_SIGN_OUTPUT_SIZE,
)
from .crypto_types import KeyAttributes, psa_custom_key_parameters_t, psa_pake_cipher_suite_t

__all__ = ["Aead", "Cipher", "CryptoApi", "Hash", "KeyDerivation", "Mac", "Pake"]


class CryptoApi:
    """The crypto service of one client; every call raises PsaError for what the service refuses."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def generate_random(self, size: int) -> bytes:
        """``size`` random bytes."""
        status, data = crypto.psa_generate_random(self._client, size)
        check(status, "psa_generate_random")
        return data

    def hash_compute(self, alg: int, data: BytesLike) -> bytes:
        """The digest of ``data`` by a PSA_ALG_* hash."""
        status, digest = crypto.psa_hash_compute(self._client, alg, data, PSA_HASH_LENGTH(alg))
        check(status, "psa_hash_compute")
        return digest

    def hash_compare(self, alg: int, data: BytesLike, digest: BytesLike) -> bool:
        """False for another digest; PsaError for anything else."""
        return verdict(crypto.psa_hash_compare(self._client, alg, data, digest), "psa_hash_compare")

    def can_do_hash(self, alg: int) -> bool:
        """Whether the service has this hash."""
        return crypto.psa_can_do_hash(self._client, alg)

    def can_do_cipher(self, key_type: int, alg: int) -> bool:
        """Whether the service has this cipher for keys of this type."""
        in_range("key type", key_type, 16)
        return crypto.psa_can_do_cipher(self._client, key_type, alg)

    def hash_operation(self, alg: int) -> Hash:
        """A multi-part hash; close it, or finish it."""
        return Hash(self._client, alg)

    def hash_resume(self, hash_state: BytesLike) -> Hash:
        """A multi-part hash that goes on where another was suspended."""
        return Hash.resume(self._client, hash_state)

    def import_key(self, attributes: KeyAttributes, data: BytesLike) -> int:
        """The id of a new volatile key of these attributes; ``data`` is in PSA export format."""
        status, key = crypto.psa_import_key(self._client, attributes, data)
        check(status, "psa_import_key")
        return key

    def generate_key(self, attributes: KeyAttributes) -> int:
        """The id of a new random key of these attributes."""
        status, key = crypto.psa_generate_key(self._client, attributes)
        check(status, "psa_generate_key")
        return key

    def generate_key_custom(
        self, attributes: KeyAttributes, custom: psa_custom_key_parameters_t, custom_data: BytesLike = b""
    ) -> int:
        """As ``generate_key``, in an unusual way: an RSA key of another exponent, big endian."""
        status, key = crypto.psa_generate_key_custom(self._client, attributes, custom, custom_data)
        check(status, "psa_generate_key_custom")
        return key

    def copy_key(self, source_key: int, attributes: KeyAttributes) -> int:
        """The id of a copy, whose policy is what ``attributes`` and the source both allow."""
        status, key = crypto.psa_copy_key(self._client, source_key, attributes)
        check(status, "psa_copy_key")
        return key

    def purge_key(self, key: int) -> None:
        """Drop what is kept in RAM of a persistent key; it stays usable."""
        check(crypto.psa_purge_key(self._client, key), "psa_purge_key")

    def destroy_key(self, key: int) -> None:
        """Destroy a key; id 0 has no effect."""
        check(crypto.psa_destroy_key(self._client, key), "psa_destroy_key")

    def get_key_attributes(self, key: int) -> KeyAttributes:
        """Type, bits, lifetime and policy of a key, with the usage that this client has."""
        status, attributes = crypto.psa_get_key_attributes(self._client, key)
        check(status, "psa_get_key_attributes")
        return attributes

    def export_key(self, key: int) -> bytes:
        """A key in PSA export format; the policy must allow it."""
        attributes = self.get_key_attributes(key)
        size = PSA_EXPORT_KEY_OUTPUT_SIZE(attributes.type, attributes.bits)
        status, data = crypto.psa_export_key(self._client, key, size)
        check(status, "psa_export_key")
        return data

    def export_public_key(self, key: int) -> bytes:
        """The public key; for EC the uncompressed point 04, X, Y."""
        attributes = self.get_key_attributes(key)
        size = PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(attributes.type, attributes.bits)
        status, data = crypto.psa_export_public_key(self._client, key, size)
        check(status, "psa_export_public_key")
        return data

    def mac_compute(self, key: int, alg: int, data: BytesLike) -> bytes:
        """The MAC of ``data``."""
        status, mac = crypto.psa_mac_compute(self._client, key, alg, data, PSA_MAC_MAX_SIZE)
        check(status, "psa_mac_compute")
        return mac

    def mac_verify(self, key: int, alg: int, data: BytesLike, mac: BytesLike) -> bool:
        """False for another MAC; PsaError for anything else."""
        return verdict(crypto.psa_mac_verify(self._client, key, alg, data, mac), "psa_mac_verify")

    def mac_operation(self, key: int, alg: int, *, verify: bool = False) -> Mac:
        """A multi-part MAC; close it, or end it."""
        return Mac(self._client, key, alg, verify=verify)

    def cipher_encrypt(self, key: int, alg: int, plaintext: BytesLike) -> bytes:
        """A random IV where the algorithm has one, and the ciphertext behind it."""
        size = PSA_CIPHER_ENCRYPT_OUTPUT_MAX_SIZE(len(plaintext))
        status, output = crypto.psa_cipher_encrypt(self._client, key, alg, plaintext, size)
        check(status, "psa_cipher_encrypt")
        return output

    def cipher_decrypt(self, key: int, alg: int, ciphertext: BytesLike) -> bytes:
        """The plaintext of what ``cipher_encrypt`` gives, the IV in front of it."""
        size = PSA_CIPHER_DECRYPT_OUTPUT_MAX_SIZE(len(ciphertext))
        status, output = crypto.psa_cipher_decrypt(self._client, key, alg, ciphertext, size)
        check(status, "psa_cipher_decrypt")
        return output

    def cipher_operation(self, key: int, alg: int, *, decrypt: bool = False) -> Cipher:
        """A multi-part encryption or decryption; close it, or finish it."""
        return Cipher(self._client, key, alg, decrypt=decrypt)

    def aead_encrypt(
        self, key: int, alg: int, nonce: BytesLike, plaintext: BytesLike, additional_data: BytesLike = b""
    ) -> bytes:
        """The ciphertext with the tag behind it."""
        size = PSA_AEAD_ENCRYPT_OUTPUT_MAX_SIZE(len(plaintext))
        status, output = crypto.psa_aead_encrypt(
            self._client, key, alg, nonce, additional_data, plaintext, size
        )
        check(status, "psa_aead_encrypt")
        return output

    def aead_decrypt(
        self, key: int, alg: int, nonce: BytesLike, ciphertext: BytesLike, additional_data: BytesLike = b""
    ) -> bytes | None:
        """The plaintext; None when the tag does not fit."""
        size = PSA_AEAD_DECRYPT_OUTPUT_MAX_SIZE(len(ciphertext))
        status, output = crypto.psa_aead_decrypt(
            self._client, key, alg, nonce, additional_data, ciphertext, size
        )
        return output if verdict(status, "psa_aead_decrypt") else None

    def aead_operation(self, key: int, alg: int, *, decrypt: bool = False) -> Aead:
        """A multi-part authenticated encryption or decryption; close it, or end it."""
        return Aead(self._client, key, alg, decrypt=decrypt)

    def asymmetric_encrypt(
        self, key: int, alg: int, plaintext: BytesLike, salt: BytesLike | None = None
    ) -> bytes:
        """The ciphertext for the owner of the key pair; ``salt`` is the label of OAEP."""
        attributes = self.get_key_attributes(key)
        size = PSA_ASYMMETRIC_ENCRYPT_OUTPUT_SIZE(attributes.type, attributes.bits, alg)
        status, output = crypto.psa_asymmetric_encrypt(self._client, key, alg, plaintext, salt, size)
        check(status, "psa_asymmetric_encrypt")
        return output

    def asymmetric_decrypt(
        self, key: int, alg: int, ciphertext: BytesLike, salt: BytesLike | None = None
    ) -> bytes:
        """The plaintext; ``salt`` is the label of OAEP."""
        status, output = crypto.psa_asymmetric_decrypt(
            self._client, key, alg, ciphertext, salt, len(ciphertext)
        )
        check(status, "psa_asymmetric_decrypt")
        return output

    def raw_key_agreement(self, alg: int, private_key: int, peer_key: BytesLike) -> bytes:
        """The secret shared with the owner of ``peer_key``, which is in PSA export format."""
        attributes = self.get_key_attributes(private_key)
        size = PSA_RAW_KEY_AGREEMENT_OUTPUT_SIZE(attributes.type, attributes.bits)
        status, secret = crypto.psa_raw_key_agreement(self._client, alg, private_key, peer_key, size)
        check(status, "psa_raw_key_agreement")
        return secret

    def key_agreement(
        self, private_key: int, peer_key: BytesLike, alg: int, attributes: KeyAttributes
    ) -> int:
        """The id of the shared secret as a key."""
        status, key = crypto.psa_key_agreement(self._client, private_key, peer_key, alg, attributes)
        check(status, "psa_key_agreement")
        return key

    def key_derivation(self, alg: int) -> KeyDerivation:
        """A key derivation; close it."""
        return KeyDerivation(self._client, alg)

    def pake(self, password_key: int, cipher_suite: psa_pake_cipher_suite_t, *, role: int = 0) -> Pake:
        """A password-authenticated key exchange; close it, or take its key."""
        return Pake(self._client, password_key, cipher_suite, role=role)

    def sign_hash(self, key: int, alg: int, digest: BytesLike) -> bytes:
        """The signature over a digest; for ECDSA r and s, each as long as the curve's order."""
        size = self._signature_size(key, alg)
        status, signature = crypto.psa_sign_hash(self._client, key, alg, digest, size)
        check(status, "psa_sign_hash")
        return signature

    def sign_message(self, key: int, alg: int, message: BytesLike) -> bytes:
        """The signature over ``message``, hashed by the algorithm's own hash."""
        size = self._signature_size(key, alg)
        status, signature = crypto.psa_sign_message(self._client, key, alg, message, size)
        check(status, "psa_sign_message")
        return signature

    def verify_hash(self, key: int, alg: int, digest: BytesLike, signature: BytesLike) -> bool:
        """False for a signature that does not fit; PsaError for anything else."""
        return verdict(crypto.psa_verify_hash(self._client, key, alg, digest, signature), "psa_verify_hash")

    def verify_message(self, key: int, alg: int, message: BytesLike, signature: BytesLike) -> bool:
        """False for a signature that does not fit; PsaError for anything else."""
        return verdict(
            crypto.psa_verify_message(self._client, key, alg, message, signature), "psa_verify_message"
        )

    def _signature_size(self, key: int, alg: int) -> int:
        attributes = self.get_key_attributes(key)
        return PSA_SIGN_OUTPUT_SIZE(attributes.type, attributes.bits, alg)
