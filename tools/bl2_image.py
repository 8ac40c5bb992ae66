"""Makes images of BL2 as BL1_2 checks them: padded, signed, encrypted (TF-M's create_bl2_img.py)."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from ..bootloader.bl1_config import Bl1Config
from ..bootloader.bl1_image import Bl2Image, Bl2ImageError, Bl2ImageLayout, ImageSignature
from ..bootloader.bl1_kdf import crypt_bl2
from ..interface.mcuboot.image import ImageVersion
from ..platform.board import Board
from ..platform.provisioning import DUMMY
from .lms_key import LmsKeyError, LmsPrivateKey, dummy_key, load_key

Bl2Key = LmsPrivateKey | ec.EllipticCurvePrivateKey
DEFAULT_VERSION: Final = ImageVersion(1, 9, 0, 0)
DEFAULT_SECURITY_COUNTER: Final = 1
"""TFM_BL1_IMAGE_VERSION_BL2 and TFM_BL1_IMAGE_SECURITY_COUNTER_BL2."""
LEGAL: Final = "a P-256 or P-384 key as PEM, or an LMS key file"
DEMO_CODE: Final = b"tfm-sim: BL2 stands here; its code is not run."


@dataclass(frozen=True, slots=True)
class Randomness:
    """What signing and encrypting take from a random source: the counter block, and LMS's randomizer."""

    iv: bytes
    randomizer: bytes

    @classmethod
    def fresh(cls) -> "Randomness":
        # TF-M encrypt_data.py: 12 random bytes, then a block counter of 4 that begins at 0.
        return cls(secrets.token_bytes(12) + bytes(4), secrets.token_bytes(32))


def make_bl2_image(
    code: bytes,
    layout: Bl2ImageLayout,
    keys: Sequence[Bl2Key | None],
    encryption_key: bytes,
    *,
    version: ImageVersion = DEFAULT_VERSION,
    security_counter: int = DEFAULT_SECURITY_COUNTER,
    randomness: Randomness | None = None,
) -> bytes:
    """The bytes for a slot of BL2, signed by each of ``keys`` in the order of their ROTPKs; None is nobody.

    Raises Bl2ImageError for what the layout does not hold, LmsKeyError for a key that is used up.
    """
    drawn = randomness or Randomness.fresh()
    if not 0 <= security_counter < 1 << 32:
        raise Bl2ImageError(f"BL2 image: security counter {security_counter}; legal: 0 to {(1 << 32) - 1}")
    plain = Bl2Image(drawn.iv, (), version, security_counter, layout.plain(code))
    protected = layout.encode_protected(plain)
    signatures = tuple(
        ImageSignature() if key is None else _sign(key, protected, layout, drawn.randomizer) for key in keys
    )
    body = plain.encrypted
    if layout.encryption:
        body = crypt_bl2(encryption_key, security_counter, drawn.iv, body)
    return layout.encode(Bl2Image(drawn.iv, signatures, version, security_counter, body))


def _sign(key: Bl2Key, protected: bytes, layout: Bl2ImageLayout, randomizer: bytes) -> ImageSignature:
    rotpk = public_key_of(key) if layout.embed_rotpk else b""
    if isinstance(key, LmsPrivateKey):
        signature = key.sign(protected, randomizer)
        return ImageSignature(signature, len(signature), rotpk, len(rotpk))
    size = (key.key_size + 7) // 8
    algorithm = hashes.SHA384() if size == 48 else hashes.SHA256()
    digest = hashlib.new(algorithm.name, protected).digest()
    der = key.sign(digest, ec.ECDSA(Prehashed(algorithm), deterministic_signing=True))
    raw = b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(der))
    return ImageSignature(raw, len(raw), rotpk, len(rotpk))


def public_key_of(key: Bl2Key) -> bytes:
    """What OTP holds of a signer, or an image carries: the LMS public key, or the SubjectPublicKeyInfo."""
    if isinstance(key, LmsPrivateKey):
        return key.public_key.encode()
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_bl2_key(path: Path) -> Bl2Key:
    """A signing key: an LMS key file of one level, or a PEM file with a P-256 or P-384 key.

    Raises LmsKeyError for anything else.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(1 << 16)
    except (OSError, ValueError) as error:
        raise LmsKeyError(
            f"{path}: cannot read the key: {getattr(error, 'strerror', error)}; legal: {LEGAL}"
        ) from None
    if not raw.lstrip().startswith(b"-----"):
        return load_key(path, raw)
    try:
        key = load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LmsKeyError(f"{path}: not a PEM private key without password; legal: {LEGAL}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in ("secp256r1", "secp384r1"):
        raise LmsKeyError(f"{path}: found {type(key).__name__}; legal: {LEGAL}")
    return key


def demo_bl2_image(board: Board) -> bytes:
    """A BL2 for a board with BL1, signed and encrypted by TF-M's dummy keys (NOT SECURE), always the same."""
    memory = board.bl1
    if memory is None:
        raise Bl2ImageError(f"BL2 image: board {board.name} has no BL1")
    vectors = (memory.bl2_code + memory.bl2_code_size).to_bytes(4, "little")
    vectors += (memory.bl2_code + 0x41).to_bytes(4, "little")
    layout = Bl1Config().image_layout(memory.bl2_code_size)
    fixed = Randomness(hashlib.sha256(DEMO_CODE).digest()[:12] + bytes(4), hashlib.sha256(b"C").digest())
    return make_bl2_image(
        vectors + DEMO_CODE, layout, [dummy_key()], DUMMY.bl2_encryption_key, randomness=fixed
    )
