"""The words in which recordings of MCUboot tell their build: a strategy, and options with plus or comma.

``SWAP_USING_MOVE+DOWNGRADE_PREVENTION``, ``OVERWRITE_ONLY, EC256 keyhash, NV counter 4 (max 512)``. Case,
blanks and MCUboot's prefix make no difference. A word that is not known here skips its case by name: the
outcome of another build would say nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.recordings.case import not_yet

from tfm_sim.bootloader.config import Bl2Config, Bl2ConfigError, KeyMode, SignatureType, UpgradeStrategy
from tfm_sim.bootloader.encryption_key import load_encryption_key
from tfm_sim.bootloader.keys import load_public_key, public_key_encoding

TRUSTED_KEY = "key_p256"
OWN_IMAGES = Path(__file__).parents[2] / "data" / "recordings" / "mcuboot"
DEFAULT_COUNTER = 4
MAX_COUNTER = 512
MAX_IMAGE_SECTORS = 8

_U = UpgradeStrategy
STRATEGY_NAMES: Final[Mapping[str, tuple[UpgradeStrategy, Mapping[str, Any]]]] = {
    **{strategy.value.replace("+", "_"): (strategy, {}) for strategy in _U},
    "UPGRADE_ONLY": (_U.OVERWRITE_ONLY, {}),
    "OVERWRITE": (_U.OVERWRITE_ONLY, {}),
    "OVERWRITE_ONLY_FAST": (_U.OVERWRITE_ONLY, {"overwrite_fast": True}),
    "OVERWRITE_ONLY_KEEP_BACKUP": (_U.OVERWRITE_ONLY, {"overwrite_keep_backup": True}),
    "SWAP_SCRATCH": (_U.SWAP_USING_SCRATCH, {}),
    "SWAP_MOVE": (_U.SWAP_USING_MOVE, {}),
    "SWAP_OFFSET": (_U.SWAP_USING_OFFSET, {}),
    "DIRECT_XIP_WITH_REVERT": (_U.DIRECT_XIP_REVERT, {}),
    "RAM_LOAD_WITH_REVERT": (_U.RAM_LOAD_REVERT, {}),
}
OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "DOWNGRADE_PREVENTION": {"downgrade_prevention": True},
    "DOWNGRADE_PREVENTION_SECURITY_COUNTER": {"downgrade_prevention": True, "downgrade_by_counter": True},
    "BOOTSTRAP": {"bootstrap": True},
    "FAST": {"overwrite_fast": True},
    "OVERWRITE_ONLY_FAST": {"overwrite_fast": True},
    "KEEP_BACKUP": {"overwrite_keep_backup": True},
    "OVERWRITE_ONLY_KEEP_BACKUP": {"overwrite_keep_backup": True},
    "VERSION_CMP_USE_BUILD_NUMBER": {"version_build_number": True},
    "HW_ROLLBACK_PROT_COUNTER_LIMITED": {"counter_limited": True},
    "USE_TLV_ALLOW_LIST": {"tlv_allow_list": True},
    "DECOMPRESS_IMAGES": {"decompression": True},
    "SAVE_ENCTLV": {"save_enctlv": True},
    "SWAP_SAVE_ENCTLV": {"save_enctlv": True},
    "AES_256": {"aes_256": True},
    "HMAC_SHA512": {"hmac_sha512": True},
    "FWU": {"fwu_boot_data": True},
    "TFM_PARTITION_FIRMWARE_UPDATE": {"fwu_boot_data": True},
    "MEASURED_BOOT_OFF": {"measured_boot": False},
    "NO_MEASURED_BOOT": {"measured_boot": False},
    "HW_ROLLBACK_OFF": {"rollback": False},
    "NO_HW_ROLLBACK": {"rollback": False},
    "SINGLE_BOOT_GO": {"single_boot_go": True},
    # What every loader of the recordings has.
    "VALIDATE_PRIMARY_SLOT": {},
    "HW_ROLLBACK_PROT": {},
    "HW_ROLLBACK_ON": {},
    "MEASURED_BOOT": {},
    "MEASURED_BOOT_ON": {},
    "MEASURED_BOOT_(ENCODED)_ON": {},
    "ENCODED_MEASURED_BOOT": {},
    "DATA_SHARING": {},
    "8_KIB_SLOT": {},
    "8_KIB_SLOTS": {},
}
ENCRYPTION_KEYS: Final = {
    "ENC": "key_enc_p256",
    "ENC_IMAGES": "key_enc_p256",
    "ENC_EC256": "key_enc_p256",
    "ENCRYPT_EC256": "key_enc_p256",
    "ENC_X25519": "key_enc_x25519",
    "ENCRYPT_X25519": "key_enc_x25519",
    "ENC_RSA": "key_enc_rsa2048",
    "ENC_RSA2048": "key_enc_rsa2048",
    "ENCRYPT_RSA": "key_enc_rsa2048",
}
SIGNATURES: Final = {
    "EC256": SignatureType.EC_P256,
    "EC384": SignatureType.EC_P384,
    "RSA2048": SignatureType.RSA_2048,
    "RSA3072": SignatureType.RSA_3072,
    "ED25519": SignatureType.ED25519,
}


@dataclass(frozen=True, slots=True)
class RecordedBuild:
    """A loader of the recordings; ``counter`` is what they say of the NV counters before the first boot."""

    config: Bl2Config
    counter: int


def key_file(folder: Path, name: str) -> Path:
    """The PEM of a key of the recordings, named with or without ``.pem``; the public half is enough."""
    stem = name.removesuffix(".pem")
    for place in (folder, OWN_IMAGES):
        for file in (place / f"{stem}_pub.pem", place / f"{stem}.pem"):
            if file.is_file():
                return file
    return not_yet(f"the key {name} is not at hand")


def private_key_file(folder: Path, name: str) -> Path:
    """The PEM of a private key of the recordings."""
    for place in (folder, OWN_IMAGES):
        if (file := place / f"{name}.pem").is_file():
            return file
    return not_yet(f"the private key {name} is not at hand")


def recorded_build(folder: Path, text: str, images: int = 1, **options: Any) -> RecordedBuild:
    """The loader of these words: if they do not say else, with a P-256 key, counters and measured boot."""
    words = [word.strip() for word in text.partition(";")[0].split(",")]
    strategy, options = _strategy(words[0], folder, options)
    signature, key, counter = SignatureType.EC_P256, TRUSTED_KEY, DEFAULT_COUNTER
    for word in filter(None, words[1:]):
        if match := re.fullmatch(r"NV counters? (\d+)(?: \(max (\d+)\))?", word):
            counter = int(match[1])
            if match[2] and int(match[2]) != MAX_COUNTER:
                not_yet(f"NV counters up to {match[2]}")
        elif match := re.fullmatch(r"(\d+) images?", word):
            images = int(match[1])
        elif match := re.fullmatch(r"(\w+) keyhash(?: (\w+) for (?:both|all))?", word):
            signature = SIGNATURES.get(match[1].upper()) or not_yet(f"a loader for {match[1]}")
            key = match[2] or key
        elif match := re.fullmatch(r"(\w+) trusted", word):
            key = match[1]
        else:
            options |= _option(word, folder, text)
    encoded = public_key_encoding(load_public_key(key_file(folder, key)))
    try:
        config = Bl2Config(
            strategy=strategy,
            signature_type=signature,
            key_mode=KeyMode.KEYHASH,
            keys=(encoded,),
            image_number=images,
            max_img_sectors=MAX_IMAGE_SECTORS,
            **options,
        )
    except Bl2ConfigError as error:
        not_yet(f"build {text!r}: {error}")
    return RecordedBuild(config, counter)


def _strategy(text: str, folder: Path, options: dict[str, Any]) -> tuple[UpgradeStrategy, dict[str, Any]]:
    """A strategy with options behind plus signs; REVERT is a part of a strategy's name."""
    words = text.split("+")
    for count in range(len(words), 0, -1):
        known = STRATEGY_NAMES.get(_normal("_".join(words[:count])))
        if known is not None:
            options = {**options, **known[1]}
            for word in words[count:]:
                options |= _option(word, folder, text)
            return known[0], options
    return not_yet(f"upgrade strategy {text!r}")


def _option(word: str, folder: Path, text: str) -> dict[str, Any]:
    name = _normal(word)
    if name in ENCRYPTION_KEYS:
        encryption, key = load_encryption_key(private_key_file(folder, ENCRYPTION_KEYS[name]))
        return {"encryption": encryption, "encryption_key": key}
    if name not in OPTIONS:
        not_yet(f"build option {word.strip()!r} of {text!r}")
    return dict(OPTIONS[name])


def _normal(word: str) -> str:
    return "_".join(word.upper().replace("-", "_").split()).removeprefix("MCUBOOT_")
