"""Whose signatures an image may carry: keys found by a key TLV, and what a platform demands of several.

MCUboot's bootutil_find_key in its three modes. With key slots (MCUBOOT_IMAGE_MULTI_SIG_SUPPORT) an image has
up to one key a slot, built-in keys are named by a KEYID TLV, and TF-M's boot_plat_check_key_policy decides.
"""

from collections.abc import Collection
from dataclasses import dataclass

from ..interface.mcuboot.image import ImageError
from ..interface.mcuboot.tlv import TlvType
from .config import Bl2Config, KeyMode, KeySlot
from .keys import ImageKey, decode_builtin_key, decode_public_key, key_hash
from .ports import Ports

WHOLE_POINT = 97


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that the loader trusts for an image.

    ``key`` is None where its bytes are no key of the loader's one type; ``key_id`` is what a policy knows it
    by, None where it is in none of the image's slots.
    """

    name: str
    key: ImageKey | None
    key_id: int | None = None


@dataclass(frozen=True, slots=True)
class UnknownSigner:
    """What an image names in place of a trusted key."""

    text: str
    found: str
    wanted: str


def find_key(image: int, config: Bl2Config, ports: Ports, value: bytes) -> Signer | UnknownSigner:
    """The key that a key TLV's bytes stand for (MCUboot bootutil_find_key). Raises ImageError."""
    match config.key_mode:
        case KeyMode.HW_KEY:
            return _find_hw_key(image, config, ports, value)
        case KeyMode.KEYHASH:
            return _find_by_hash(image, config, value)
        case KeyMode.BUILTIN_KEY:
            return _find_by_id(image, config, ports, value)


def builtin_signer(image: int, config: Bl2Config, ports: Ports) -> Signer | None:
    """The key of an image that names none: the key id is the image index (MCUBOOT_BUILTIN_KEY).

    None where the loader has keys compiled in, but fewer than that; and with key slots, where KEYID tells.
    """
    if config.key_mode is not KeyMode.BUILTIN_KEY or config.key_slots:
        return None
    if config.keys and image >= len(config.keys):
        return None
    return Signer(f"built-in key {image}", _builtin_key(image, config, ports))


def _builtin_key(index: int, config: Bl2Config, ports: Ports) -> ImageKey | None:
    if config.keys:
        in_range = index < len(config.keys)
        return decode_public_key(config.keys[index], config.signature_type) if in_range else None
    return decode_builtin_key(ports.rotpk(index, WHOLE_POINT), config.signature_type)


def _find_by_hash(image: int, config: Bl2Config, value: bytes) -> Signer | UnknownSigner:
    # Only as many bytes as the TLV has are compared, so none match the first key.
    for index, encoding in enumerate(config.keys):
        if key_hash(encoding, config.image_hash)[: len(value)] == value:
            slots = config.slots_of(image)
            key_id = next((slot.key_id for slot in slots if slot.rotpk == index), None)
            return Signer(
                f"key {index} of the loader", decode_public_key(encoding, config.signature_type), key_id
            )
    known = ", ".join(key_hash(encoding, config.image_hash).hex() for encoding in config.keys)
    return UnknownSigner(
        f"KEYHASH: no key of the loader has hash {value.hex()}",
        f"the image names key {value.hex()}",
        f"the loader's keys are {known}",
    )


def _find_hw_key(image: int, config: Bl2Config, ports: Ports, value: bytes) -> Signer | UnknownSigner:
    # MCUBOOT_HW_KEY: the whole key is hashed and compared with the image's ROTPK, one a key slot.
    found = key_hash(value, config.image_hash)
    slots = config.slots_of(image) or (KeySlot(0, image),)
    rotpks = [ports.rotpk(slot.rotpk, config.image_hash.size) for slot in slots]
    for slot, rotpk in zip(slots, rotpks, strict=True):
        if found == rotpk:
            key = decode_public_key(value, config.signature_type)
            return Signer(f"the key of BL2_ROTPK_{slot.rotpk}", key, slot.key_id)
    names = " and ".join(f"BL2_ROTPK_{slot.rotpk}" for slot in slots)
    known = "; ".join(
        f"BL2_ROTPK_{slot.rotpk} is {rotpk.hex()}" for slot, rotpk in zip(slots, rotpks, strict=True)
    )
    return UnknownSigner(
        f"PUBKEY: hash {found.hex()} differs from {names}",
        f"the image's key hashes to {found.hex()}",
        known,
    )


def _find_by_id(image: int, config: Bl2Config, ports: Ports, value: bytes) -> Signer | UnknownSigner:
    # MCUboot bootutil_find_key asserts the length; TF-M boot_verify_key_id_for_image looks at the slots.
    if len(value) != 4:
        raise ImageError("bootutil_find_key", "key TLV", f"{len(value)} bytes of KEYID", "wanted 4")
    key_id = int.from_bytes(value, "little")
    slots = config.slots_of(image)
    for slot in slots:
        if slot.key_id == key_id:
            return Signer(f"built-in key {key_id:#x}", _builtin_key(slot.rotpk, config, ports), key_id)
    known = ", ".join(f"{slot.key_id:#x}" for slot in slots) or "none"
    return UnknownSigner(
        f"KEYID: {key_id:#x} is no key of image {image}",
        f"the image names key {key_id:#x}",
        f"its keys are {known}",
    )


def check_key_policy(image: int, config: Bl2Config, verified: Collection[int]) -> None:
    """TF-M boot_plat_check_key_policy: each key that must sign has signed, by the ids of the good signatures.

    Without policies every key must; where all keys only might, an image that nobody signed passes, as there.
    Raises ImageError.
    """
    for index, slot in enumerate(config.slots_of(image)):
        if config.must_sign(image, index) and slot.key_id not in verified:
            signed = ", ".join(f"{key_id:#x}" for key_id in verified) or "none"
            raise ImageError(
                "boot_plat_check_key_policy",
                "signature policy",
                f"good signatures by {signed}",
                f"key {slot.key_id:#x} in slot {index} must sign image {image}",
            )


KEY_TLVS = frozenset({TlvType.KEYHASH, TlvType.PUBKEY, TlvType.KEYID})
