"""The signing side of encrypted images: wrap a key in each of MCUboot's ways, encrypt a payload.

Written from the facts about the format, beside the product's decryption and not with it.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from support.image_builder import KEYS, ImageParts, Signer, Tlvs

from tfm_sim.bootloader.encryption_key import EncryptionType
from tfm_sim.interface.mcuboot.tlv import TlvType

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | bytes
KEY_128 = bytes(range(0xA0, 0xB0))
KEY_256 = bytes(range(0xA0, 0xC0))


def _hkdf(secret: bytes, length: int, name: str) -> bytes:
    """RFC 5869, by hand, so that the product's is not compared with itself."""
    size = hashlib.new(name).digest_size
    extracted = hmac.digest(bytes(size), secret, name)
    output, block = b"", b""
    for count in range(1, -(-length // size) + 1):
        block = hmac.digest(extracted, block + b"MCUBoot_ECIES_v1" + bytes([count]), name)
        output += block
    return output[:length]


def aes_ctr(key: bytes, data: bytes) -> bytes:
    """AES in counter mode from a counter of zero, the block cipher alone being the library's."""
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    stream = b"".join(cipher.update(struct.pack(">QQ", 0, n)) for n in range(-(-len(data) // 16)))
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


@dataclass(frozen=True)
class Recipient:
    """A loader's key, and the wrapping of image keys for it."""

    encryption: EncryptionType
    key: Private
    hmac_sha512: bool = False

    @property
    def encoding(self) -> bytes:
        """What the loader is built with."""
        if isinstance(self.key, bytes):
            return self.key
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def options(self, **more: Any) -> dict[str, Any]:
        """Of a Bl2Config."""
        return {
            "encryption": self.encryption,
            "encryption_key": self.encoding,
            "hmac_sha512": self.hmac_sha512,
            "aes_256": self.encryption is EncryptionType.KW and len(self.encoding) == 32,
        } | more

    def tlv(self, key: bytes) -> tuple[int, bytes]:
        name = "sha512" if self.hmac_sha512 else "sha256"
        match self.key:
            case bytes():
                return TlvType.ENC_KW, aes_key_wrap(self.key, key)
            case rsa.RSAPrivateKey():
                oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
                return TlvType.ENC_RSA2048, self.key.public_key().encrypt(key, oaep)
            case ec.EllipticCurvePrivateKey():
                once = ec.derive_private_key(0xE9, ec.SECP256R1())
                point = once.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
                shared = once.exchange(ec.ECDH(), self.key.public_key())
                return TlvType.ENC_EC256, point + _sealed(shared, key, name)
            case x25519.X25519PrivateKey():
                ephemeral = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32)))
                point = ephemeral.public_key().public_bytes_raw()
                shared = ephemeral.exchange(self.key.public_key())
                type_ = TlvType.ENC_X25519_SHA512 if self.hmac_sha512 else TlvType.ENC_X25519
                return type_, point + _sealed(shared, key, name)


def _sealed(shared: bytes, key: bytes, name: str) -> bytes:
    derived = _hkdf(shared, len(key) + hashlib.new(name).digest_size, name)
    wrapped = aes_ctr(derived[: len(key)], key)
    return hmac.digest(derived[len(key) :], wrapped, name) + wrapped


@dataclass(frozen=True)
class Encrypted:
    """A signed image whose payload is encrypted; hash and signature are over the plain one."""

    signer: Signer
    recipient: Recipient
    key: bytes = KEY_128
    parts: ImageParts = field(default_factory=ImageParts)
    flag: int = 0x04

    @property
    def flagged(self) -> ImageParts:
        return replace(self.parts, flags=self.parts.flags | self.flag)

    def tlvs(self) -> list[tuple[int, bytes]]:
        return [*self.signer.tlvs(self.flagged), self.recipient.tlv(self.key)]

    def plain(self, tlvs: Tlvs | None = None) -> bytes:
        """As it stands in the primary slot: flag and TLVs are kept."""
        return self.flagged.with_tlvs(self.tlvs() if tlvs is None else tlvs)

    def image(self, tlvs: Tlvs | None = None) -> bytes:
        """As it stands in the secondary slot."""
        plain, begin = self.plain(tlvs), self.parts.hdr_size
        end = begin + len(self.parts.payload)
        return plain[:begin] + aes_ctr(self.key, plain[begin:end]) + plain[end:]


def _private(file: str) -> Any:
    return load_pem_private_key((KEYS / file).read_bytes(), None)


FOR_RSA = Recipient(EncryptionType.RSA, _private("key_enc_rsa2048.pem"))
FOR_EC256 = Recipient(EncryptionType.EC256, _private("key_enc_p256.pem"))
FOR_X25519 = Recipient(EncryptionType.X25519, _private("key_enc_x25519.pem"))
FOR_X25519_SHA512 = Recipient(EncryptionType.X25519, _private("key_enc_x25519.pem"), hmac_sha512=True)
FOR_KW = Recipient(EncryptionType.KW, bytes(range(16)))
FOR_KW_256 = Recipient(EncryptionType.KW, bytes(range(32)))
