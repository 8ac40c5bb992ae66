"""MCUboot images built field by field, with throwaway keys, so that a test can break any single rule.

`ImageParts` is what the digest covers; `Signer` makes the unprotected TLVs that go behind it.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tfm_sim.bootloader.config import Bl2Config, HashAlgorithm, KeyMode, SignatureType
from tfm_sim.bootloader.keys import key_hash, public_key_encoding
from tfm_sim.interface.mcuboot.tlv import TlvType

Tlvs = Sequence[tuple[int, bytes]]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

KEYS = Path(__file__).parent.parent / "data" / "recordings" / "mcuboot"
HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}
PAYLOAD = struct.pack("<II", 0x38000800, 0x10000041) + bytes(range(56))
RECORD = (
    bytes.fromhex("a501635350450465312e322e330558200000")
    + bytes(30)
    + b"\x06\x66SHA256\x02\x58\x20"
    + bytes(32)
)


def tlv(type_: int, value: bytes) -> bytes:
    return struct.pack("<HH", type_, len(value)) + value


def area(magic: int, entries: Tlvs) -> bytes:
    """A TLV area: its header, whose total counts itself, and the entries."""
    body = b"".join(tlv(*entry) for entry in entries)
    return struct.pack("<HH", magic, 4 + len(body)) + body


def sec_cnt(value: int) -> tuple[int, bytes]:
    return TlvType.SEC_CNT, value.to_bytes(4, "little")


def dependency(image: int, *version: int) -> tuple[int, bytes]:
    """On an image, of at least this major, minor, revision and build."""
    return TlvType.DEPENDENCY, struct.pack("<B3xBBHI", image, *version)


@dataclass(frozen=True)
class ImageParts:
    """Header, payload and protected TLVs. ``header`` overrides header fields by name, after all else."""

    payload: bytes = PAYLOAD
    version: tuple[int, int, int, int] = (1, 2, 3, 4)
    flags: int = 0
    hdr_size: int = 0x40
    protected: Tlvs = (sec_cnt(5), (TlvType.BOOT_RECORD, RECORD))
    header: dict[str, int] = field(default_factory=dict)

    def hashed(self) -> bytes:
        """All that the digest covers."""
        protected = area(0x6908, self.protected) if self.protected else b""
        fields = {
            "magic": 0x96F3B83D,
            "load_addr": 0,
            "hdr_size": self.hdr_size,
            "protect_tlv_size": len(protected),
            "img_size": len(self.payload),
            "flags": self.flags,
        } | self.header
        header = struct.pack("<IIHHII", *fields.values()) + struct.pack("<BBHII", *self.version, 0)
        return header.ljust(self.hdr_size, b"\xff") + self.payload + protected

    def digest(self, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
        return hashlib.new(algorithm.value, self.hashed()).digest()

    def with_tlvs(self, unprotected: Tlvs) -> bytes:
        """The whole image."""
        return self.hashed() + area(0x6907, unprotected)


@dataclass(frozen=True)
class Signer:
    """A key, and the TLVs of an image that it signs for one kind of loader."""

    signature_type: SignatureType
    key: PrivateKey

    @property
    def encoding(self) -> bytes:
        return public_key_encoding(self.key.public_key())

    def config(self, **options: Any) -> Bl2Config:
        """A loader of one image that trusts this key by its hash."""
        base = Bl2Config(
            signature_type=self.signature_type,
            key_mode=KeyMode.KEYHASH,
            keys=(self.encoding,),
            image_number=1,
        )
        return replace(base, **options)

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Over a digest (Ed25519: over the message as it stands)."""
        match self.key:
            case rsa.RSAPrivateKey():
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
                return self.key.sign(message, pss, Prehashed(HASHES[algorithm]))
            case ec.EllipticCurvePrivateKey():
                return self.key.sign(
                    message, ec.ECDSA(Prehashed(HASHES[algorithm]), deterministic_signing=True)
                )
            case ed25519.Ed25519PrivateKey():
                return self.key.sign(message)

    def hash_tlv(self, parts: ImageParts) -> tuple[int, bytes]:
        algorithm = self.config().image_hash
        return algorithm.tlv, parts.digest(algorithm)

    def keyhash_tlv(self) -> tuple[int, bytes]:
        return TlvType.KEYHASH, key_hash(self.encoding, self.config().image_hash)

    def pubkey_tlv(self) -> tuple[int, bytes]:
        return TlvType.PUBKEY, self.encoding

    def signature_tlv(self, parts: ImageParts) -> tuple[int, bytes]:
        config = self.config()
        return config.signature.tlv, self.sign(parts.digest(config.image_hash), config.image_hash)

    def tlvs(self, parts: ImageParts) -> list[tuple[int, bytes]]:
        """Hash, KEYHASH and signature, as imgtool orders them."""
        return [self.hash_tlv(parts), self.keyhash_tlv(), self.signature_tlv(parts)]

    def image(self, parts: ImageParts | None = None, **changes: Any) -> bytes:
        """A signed image; ``changes`` are fields of ImageParts."""
        parts = replace(parts or ImageParts(), **changes)
        return parts.with_tlvs(self.tlvs(parts))


def _ec_signer(signature_type: SignatureType, scalar: int) -> Signer:
    curve = ec.SECP256R1() if signature_type is SignatureType.EC_P256 else ec.SECP384R1()
    return Signer(signature_type, ec.derive_private_key(scalar, curve))


def _rsa_signer(signature_type: SignatureType, file: str) -> Signer:
    key = load_pem_private_key((KEYS / file).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Signer(signature_type, key)


P256 = _ec_signer(SignatureType.EC_P256, 0x1234567890ABCDEF)
P256_OTHER = _ec_signer(SignatureType.EC_P256, 0xFEDCBA0987654321)
P384 = _ec_signer(SignatureType.EC_P384, 0x1234567890ABCDEF)
ED25519 = Signer(SignatureType.ED25519, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
RSA_2048 = _rsa_signer(SignatureType.RSA_2048, "key_rsa2048.pem")
RSA_3072 = _rsa_signer(SignatureType.RSA_3072, "key_rsa3072_s.pem")
