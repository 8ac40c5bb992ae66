"""Encrypted images: finding and unwrapping an image's key, and AES-CTR over its payload.

Only the payload is encrypted. The counter starts at 0 with the payload's first block, so any range can be
taken by itself. MCUboot encrypted.c and encrypted_psa.c.
"""

import hmac
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from ..interface.mcuboot.image import ENCRYPTED_FLAGS, ImageError, ImageHeader, ImageSource
from ..interface.mcuboot.tlv import iter_tlvs, load_tlv, tlv_areas
from .config import Bl2Config
from .encryption_key import EncryptionKey, EncryptionType, decode_encryption_key

BLOCK_SIZE: Final = 16
ECIES_INFO: Final = b"MCUBoot_ECIES_v1"
_POINT_SIZE: Final = {EncryptionType.EC256: 65, EncryptionType.X25519: 32}


@dataclass(frozen=True, slots=True)
class EncKey:
    """The AES key of an image, and the TLV payload that it came wrapped in.

    A swap keeps one of them in the trailer: the key (boot_status.enckey), or with MCUBOOT_SWAP_SAVE_ENCTLV
    the TLV (boot_status.enctlv).
    """

    key: bytes = field(repr=False)
    tlv: bytes = field(default=b"", repr=False)

    def crypt(self, data: bytes, offset: int) -> bytes:
        """Encrypt or decrypt bytes that stand ``offset`` bytes behind the start of the payload.

        MCUboot boot_enc_encrypt and boot_enc_decrypt: the counter is the block's number.
        """
        if not data:
            return b""
        block, skip = divmod(offset, BLOCK_SIZE)
        cipher = Cipher(algorithms.AES(self.key), modes.CTR(block.to_bytes(BLOCK_SIZE, "big"))).encryptor()
        if skip:
            cipher.update(bytes(skip))
        return cipher.update(data)

    def crypt_image(self, header: ImageHeader, data: bytes, offset: int) -> bytes:
        """The same for bytes from ``offset`` of the image: what is not payload stays as it is."""
        begin = min(max(header.hdr_size - offset, 0), len(data))
        end = min(max(header.tlv_offset - offset, begin), len(data))
        if begin == end:
            return data
        payload = self.crypt(data[begin:end], offset + begin - header.hdr_size)
        return b"".join((data[:begin], payload, data[end:])) if (begin, end) != (0, len(data)) else payload


def is_encrypted(header: ImageHeader) -> bool:
    """MCUboot IS_ENCRYPTED: any of the two flags; which one does not matter."""
    return bool(header.flags & ENCRYPTED_FLAGS)


def boot_enc_load(area: ImageSource, header: ImageHeader, config: Bl2Config) -> EncKey | None:
    """The image key in the first TLV of the loader's kind; None where the image has no such TLV.

    MCUboot boot_enc_load: "not found" is no error there, the image fails for want of a key later. Raises
    ImageError where the TLVs are broken, the TLV has another length, or the key does not unwrap.
    """
    wanted = config.enc_tlv
    if wanted is None:
        raise ImageError(
            "boot_enc_load", "encryption", "an encrypted image", "this loader is built without encryption"
        )
    areas = tlv_areas(header, area)
    tlv = next((tlv for tlv in iter_tlvs(header, area, areas) if tlv.type == wanted), None)
    if tlv is None:
        return None
    if tlv.length != config.enc_tlv_size:
        raise ImageError(
            "boot_enc_load",
            "image key",
            f"{tlv.length} bytes of {tlv.name}",
            f"this loader takes exactly {config.enc_tlv_size}",
        )
    data = load_tlv(area, tlv)
    return EncKey(boot_decrypt_key(data, config), data)


def boot_decrypt_key(tlv: bytes, config: Bl2Config) -> bytes:
    """Unwrap an image key from the payload of its TLV (MCUboot boot_decrypt_key).

    Raises ImageError where it does not unwrap with the loader's key.
    """
    assert config.encryption is not None and config.enc_tlv is not None
    key = decode_encryption_key(config.encryption, config.encryption_key)
    try:
        return _unwrap(key, tlv, config)
    except (ValueError, InvalidUnwrap, UnsupportedAlgorithm):
        raise ImageError(
            "boot_decrypt_key",
            "image key",
            f"an {config.enc_tlv.name} that does not unwrap",
            "it must be wrapped for this loader's key",
        ) from None


def _unwrap(key: EncryptionKey, data: bytes, config: Bl2Config) -> bytes:
    # Raises ValueError, InvalidUnwrap.
    size = config.enc_key_size
    match key:
        case bytes():
            return aes_key_unwrap(key, data)
        case rsa.RSAPrivateKey():
            oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
            found = key.decrypt(data, oaep)
            if len(found) > size:
                raise ValueError("longer than the loader's keys")
            # MCUboot bootutil_rsa_oaep_decrypt: a shorter one leaves the rest of the buffer as it was.
            return found.ljust(size, b"\xff")
        case ec.EllipticCurvePrivateKey():
            split = _POINT_SIZE[EncryptionType.EC256]
            peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data[:split])
            return _ecies(key.exchange(ec.ECDH(), peer), data[split:], config)
        case x25519.X25519PrivateKey():
            split = _POINT_SIZE[EncryptionType.X25519]
            shared = key.exchange(x25519.X25519PublicKey.from_public_bytes(data[:split]))
            return _ecies(shared, data[split:], config)


def _ecies(shared: bytes, data: bytes, config: Bl2Config) -> bytes:
    """From MAC | wrapped key. HKDF makes the AES-CTR key and the HMAC key behind it, in one output."""
    algorithm, name = (hashes.SHA512(), "sha512") if config.hmac_sha512 else (hashes.SHA256(), "sha256")
    size, mac_size = config.enc_key_size, algorithm.digest_size
    derived = HKDF(algorithm, size + mac_size, None, ECIES_INFO).derive(shared)
    mac, wrapped = data[:mac_size], data[mac_size:]
    if not hmac.compare_digest(hmac.digest(derived[size:], wrapped, name), mac):
        raise ValueError("the MAC differs")
    return EncKey(derived[:size]).crypt(wrapped, 0)
