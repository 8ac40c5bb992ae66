"""expected.json: what is in each image file, and what a boot with it alone must answer."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.partition_bench import start_partitions
from support.recordings.case import Case, Recorded, not_yet, skipped
from support.recordings.mcuboot_bench import (
    PRIMARY,
    Bench,
    agrees,
    image_file,
    key_by_hash,
)
from support.recordings.mcuboot_words import key_file, private_key_file, recorded_build

from tfm_sim.bootloader.config import (
    SIGNATURE_PARAMETERS,
    Bl2Config,
    HashAlgorithm,
    KeyMode,
    SignatureType,
)
from tfm_sim.bootloader.encryption import boot_enc_load
from tfm_sim.bootloader.encryption_key import EncryptionType, load_encryption_key
from tfm_sim.bootloader.keys import ImageKey, load_public_key, public_key_encoding, rotpk_hash
from tfm_sim.interface.mcuboot.image import (
    COMPRESSED_FLAGS,
    ENCRYPTED_FLAGS,
    ImageError,
    ImageFlag,
    ImageHeader,
    read_header,
)
from tfm_sim.interface.mcuboot.tlv import TlvType, iter_tlvs, load_tlv, tlv_areas, tlv_name
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.interface.tfm.measured_boot import MeasuredBoot
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.platform.flash import Flash, FlashArea

SLOT_SIZE = 0x2000
OTHER_CONFIG_COUNTER = 0
SIGNATURE_TYPES = {
    TlvType.RSA2048_PSS: SignatureType.RSA_2048,
    TlvType.RSA3072_PSS: SignatureType.RSA_3072,
    TlvType.ED25519: SignatureType.ED25519,
}
ENCRYPTION_KEYS = {
    "ENC_EC256": "key_enc_p256",
    "ENC_X25519": "key_enc_x25519",
    "ENC_RSA2048": "key_enc_rsa2048",
}
PKCS8 = (Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
SIGNATURE_TLVS = {parameters.tlv for parameters in SIGNATURE_PARAMETERS.values()}
TFM_PAIR = ("good_tfm_s_rsa3072.bin", "good_tfm_ns_rsa3072.bin")
TFM_PAIR_KEYS = ("key_rsa3072_s", "key_rsa3072_ns")
PAIR_CONFIG = Bl2Config(signature_type=SignatureType.RSA_3072, key_mode=KeyMode.HW_KEY)
PAIR_AREAS = {"encoded_only": False, "encoded_plus_fwu": True}
"""What of the pair's shared data depends on the firmware update partition."""


def file_cases(recording: Recorded, folder: Path) -> Iterator[Case]:
    for name, entry in recording.items():
        if name.startswith("_"):
            yield from _pair_cases(name, entry, folder)
            continue
        yield Case(f"{name}: header and TLVs", partial(_facts, name, entry, folder))
        boot: Recorded | None = entry.get("boot_as_only_primary")
        if boot:
            yield Case(f"{name}: boot", partial(_boots_as_recorded, name, boot, folder))
        else:
            yield Case(f"{name}: boot", partial(_boots_by_its_own_key, name, entry, folder))
        flags = int(entry["header"]["ih_flags"], 16) if "header" in entry else 0
        if "decryption" in entry:
            yield Case(f"{name}: decryption", partial(_decrypts, name, entry, folder))
        if flags & (ENCRYPTED_FLAGS | COMPRESSED_FLAGS) and not flags & ImageFlag.NON_BOOTABLE:
            yield Case(f"{name}: upgrade", partial(_upgrades, name, entry, folder))
            yield Case(f"{name}: refused as a candidate", partial(_is_refused, name, entry, folder))


def _file_as_area(data: bytes) -> FlashArea:
    """The file in a slot of its own; what is behind it reads as erased."""
    size = max(SLOT_SIZE, -(-len(data) // 0x400) * 0x400)
    flash = Flash("file", size, 0x400, 1, contents=data.ljust(size, b"\xff"))
    return FlashArea(0, "file", flash, 0, size)


def _facts(name: str, entry: Recorded, folder: Path) -> None:
    data = image_file(folder, name)
    assert len(data) == entry["size"]
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    area = _file_as_area(data)
    header = read_header(area)
    assert _header_facts(header) == entry["header"]
    if "tlvs" not in entry:
        with pytest.raises(ImageError):
            list(iter_tlvs(header, area, tlv_areas(header, area)))
        return
    found, broken = _tlv_facts(header, area, len(data))
    fields = ("off", "type", "name", "len", "prot", "value")
    recorded = [tuple(tlv[key] for key in fields) for tlv in entry["tlvs"] if "value" in tlv]
    if broken is None:
        assert found == recorded
        areas = tlv_areas(header, area)
        unprotected = entry["unprot"]
        assert areas.protected_end == unprotected["off"]
        assert areas.end == unprotected["off"] + unprotected["tot"] == entry["end"]
        if "prot" in entry:
            assert (areas.start, areas.protected_end - areas.start) == (
                entry["prot"]["off"],
                entry["prot"]["tot"],
            )
    else:
        # The recorder read on where the loader stops: what the loader saw before agrees.
        assert found == recorded[: len(found)]
        assert "boot_as_only_primary" not in entry or entry["boot_as_only_primary"]["result"] == "FAIL", (
            broken
        )


def _header_facts(header: ImageHeader) -> Recorded:
    return {
        "ih_magic": f"{header.magic:#x}",
        "ih_load_addr": f"{header.load_addr:#x}",
        "ih_hdr_size": header.hdr_size,
        "ih_protect_tlv_size": header.protect_tlv_size,
        "ih_img_size": header.img_size,
        "ih_flags": f"{int(header.flags):#x}",
        "version": str(header.version),
        "pad1": header.pad,
    }


def _tlv_facts(
    header: ImageHeader, area: FlashArea, size: int
) -> tuple[list[tuple[object, ...]], ImageError | None]:
    """Every TLV that the loader's walk reaches, and what stopped it before the end.

    The recorder cut a value at the end of the file, after ``size`` bytes; a type without a name is "?".
    """
    facts: list[tuple[object, ...]] = []
    try:
        for tlv in iter_tlvs(header, area, tlv_areas(header, area)):
            value = load_tlv(area, tlv)[: max(0, size - tlv.offset)].hex()
            name = tlv_name(tlv.type)
            name = "?" if name.startswith("0x") else name
            facts.append((tlv.offset - 4, f"{tlv.type:#x}", name, tlv.length, tlv.protected, value))
    except ImageError as error:
        return facts, error
    return facts, None


def _boots_as_recorded(name: str, recorded: Recorded, folder: Path) -> None:
    build = recorded_build(folder, recorded["config"])
    agrees(Bench(build.config, {(0, "primary"): image_file(folder, name)}, build.counter).boot(), recorded)


def _boots_by_its_own_key(name: str, entry: Recorded, folder: Path) -> None:
    """A loader built for this file: its kind of signature, its key, its digest."""
    area = _file_as_area(image_file(folder, name))
    header = read_header(area)
    config, rotpks = _config_for(header, area, entry, folder)
    bench = Bench(config, {(0, "primary"): image_file(folder, name)}, OTHER_CONFIG_COUNTER, rotpks=rotpks)
    found = bench.boot()
    if header.flags & (ENCRYPTED_FLAGS | COMPRESSED_FLAGS):
        assert found["result"] == "FAIL", "a loader that knows neither takes neither"
        return
    assert found["result"] == "OK"
    assert found["version"] == entry["header"]["version"]
    assert found["slot"] == PRIMARY


def _decryption(entry: Recorded, folder: Path) -> dict[str, Any]:
    """The build options of a loader that can read this file."""
    flags = int(entry["header"]["ih_flags"], 16)
    options: dict[str, Any] = {"decompression": bool(flags & COMPRESSED_FLAGS)}
    recorded: Recorded | None = entry.get("decryption")
    if recorded is None:
        return options
    name = next((file for kind, file in ENCRYPTION_KEYS.items() if recorded["enc"].startswith(kind)), None)
    if name is None:
        not_yet(f"a loader's key for {recorded['enc']}")
    encryption, key = load_encryption_key(private_key_file(folder, name))
    return options | {
        "encryption": encryption,
        "encryption_key": key,
        "aes_256": recorded["keylen"] == 32,
        "hmac_sha512": recorded["enc"].endswith("SHA512"),
    }


def _decrypts(name: str, entry: Recorded, folder: Path) -> None:
    """The image key that was recorded, and a digest over plain bytes that agrees with it."""
    area = _file_as_area(image_file(folder, name))
    header = read_header(area)
    config, _ = _config_for(header, area, entry, folder)
    config = replace(config, **_decryption(entry, folder))
    key = boot_enc_load(area, header, config)
    assert key is not None
    recorded = entry["decryption"]
    assert (key.key.hex(), len(key.key)) == (recorded["aes_key"], recorded["keylen"])
    assert (len(key.tlv), tlv_name(config.enc_tlv or 0)) == (recorded["tlvlen"], recorded["enc"])
    plain = key.crypt_image(header, area.read(0, header.hashed_size), 0)
    hashes = [load_tlv(area, t) for t in iter_tlvs(header, area, tlv_areas(header, area)) if t.type == 0x10]
    assert [hashlib.sha256(plain).digest()] == hashes
    assert entry["after_decryption"]["hash_ok"]


def _candidate(name: str, entry: Recorded, folder: Path, **options: Any) -> Bench:
    """A device with nothing but this file, marked as a candidate, in its secondary slot."""
    image = image_file(folder, name)
    area = _file_as_area(image)
    config, rotpks = _config_for(read_header(area), area, entry, folder)
    bench = Bench(replace(config, **options), {(0, "secondary"): image}, OTHER_CONFIG_COUNTER, rotpks=rotpks)
    mark_pending(bench.area(0, "secondary"), permanent=False)
    return bench


def _upgrades(name: str, entry: Recorded, folder: Path) -> None:
    """By a loader with the means, to a plain image in the primary slot, which boots again by itself."""
    bench = _candidate(name, entry, folder, **_decryption(entry, folder))
    for _ in range(2):
        found = bench.boot()
        assert (found["result"], found["version"]) == ("OK", entry["header"]["version"])
        assert found["secondary"]["header"] == "blank"
    primary = bench.area(0, "primary")
    header = read_header(primary)
    assert not header.flags & COMPRESSED_FLAGS
    tlvs = {t.type: load_tlv(primary, t) for t in iter_tlvs(header, primary, tlv_areas(header, primary))}
    plain = primary.read(0, header.hashed_size)
    assert hashlib.sha256(plain).digest() == tlvs[TlvType.SHA256]
    inner = [tlv["value"] for tlv in entry["tlvs"] if tlv["name"] == "DECOMP_SHA"]
    assert inner == [tlvs[TlvType.SHA256].hex()] * len(inner)


def _is_refused(name: str, entry: Recorded, folder: Path) -> None:
    """By a loader without the means, and by one with another key: the candidate is erased, nothing boots."""
    means = _decryption(entry, folder)
    loaders: list[dict[str, Any]] = [{}]
    if means.get("encryption") is EncryptionType.EC256:
        other = ec.derive_private_key(1, ec.SECP256R1())
        loaders.append(means | {"encryption_key": other.private_bytes(*PKCS8)})
    for options in loaders:
        found = _candidate(name, entry, folder, **options).boot()
        assert found["result"] == "FAIL"
        assert (found["primary"]["header"], found["secondary"]["header"]) == ("blank", "blank")


def _config_for(
    header: ImageHeader, area: FlashArea, entry: Recorded, folder: Path
) -> tuple[Bl2Config, tuple[bytes, ...]]:
    tlvs = {tlv.type: load_tlv(area, tlv) for tlv in iter_tlvs(header, area, tlv_areas(header, area))}
    signers = entry["self_check"].get("signer", [])
    key: ImageKey | None
    if signers:
        key = load_public_key(key_file(folder, signers[0]))
    else:
        key = key_by_hash(folder, tlvs.get(TlvType.KEYHASH, b""))
    unsigned = key is None and not tlvs.keys() & SIGNATURE_TLVS
    if key is None and not unsigned:
        not_yet("a key that is not at hand")
    keys = () if key is None else (public_key_encoding(key),)
    has_key = TlvType.PUBKEY in tlvs
    kind = next((kind for tlv, kind in SIGNATURE_TYPES.items() if tlv in tlvs), None)
    if kind is None:
        kind = SignatureType.EC_P384 if HashAlgorithm.SHA384.tlv in tlvs else SignatureType.EC_P256
    config = Bl2Config(
        signature_type=kind,
        key_mode=KeyMode.HW_KEY if has_key else KeyMode.KEYHASH,
        keys=() if has_key else keys,
        unsigned=unsigned,
        image_number=1,
        rollback=TlvType.SEC_CNT in tlvs,
        measured_boot=TlvType.BOOT_RECORD in tlvs and TlvType.SIG_PURE not in tlvs,
        sha512=TlvType.SHA512 in tlvs,
        pure=TlvType.SIG_PURE in tlvs,
    )
    return config, (
        rotpk_hash(key_file(folder, signers[0]), config.image_hash),
    ) if has_key and signers else ()


def _pair_cases(name: str, entry: Recorded, folder: Path) -> Iterator[Case]:
    if isinstance(entry, dict) and "shared" in entry:
        yield Case(f"{name} shared", partial(_measured_pair, entry["shared"], folder))
        yield Case(f"{name} slots", partial(_slots_of_pair, entry))
        return
    if not isinstance(entry, dict) or not PAIR_AREAS.keys() & entry.keys():
        yield skipped(name, f"unknown {name}")
        return
    for key, fwu in PAIR_AREAS.items():
        if key in entry:
            yield Case(f"{name} {key}", partial(_pair, entry[key], fwu, folder))


def _pair(recorded: str, fwu: bool, folder: Path) -> None:
    """The shared data after a boot of the secure and the non-secure image, byte for byte."""
    _boots_pair(replace(PAIR_CONFIG, fwu_boot_data=fwu), recorded, folder)


def _measured_pair(recorded: str, folder: Path) -> None:
    """The same with pairs of metadata and value for the measured boot partition."""
    _boots_pair(replace(PAIR_CONFIG, store_encoded_measurements=False), recorded, folder)


def _slots_of_pair(entry: Recorded) -> None:
    """What the measured boot partition has in its slots after it took that area."""
    device = start_partitions(boot_status=bytes.fromhex(entry["shared"]), measured_boot=MeasuredBootConfig())
    read = MeasuredBoot(device.ns).read_measurement
    for slot, version in entry["versions"].items():
        found = read(int(slot.removeprefix("slot")))
        assert found.measurement_value.hex() == entry[f"{slot}_after_collect"]
        assert found.version.decode() == version


def _boots_pair(config: Bl2Config, recorded: str, folder: Path) -> None:
    rotpks = tuple(rotpk_hash(key_file(folder, key)) for key in TFM_PAIR_KEYS)
    images = [image_file(folder, name) for name in TFM_PAIR]
    bench = Bench(config, {(0, "primary"): images[0], (1, "primary"): images[1]}, 0, rotpks=rotpks)
    assert bench.boot()["result"] == "OK"
    assert bench.shared_data().hex() == recorded
