"""The boot status that BL2 writes: against the real TF-M's memory, and rule by rule."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfm_sim.bootloader.boot_status_writer import BootStatusWriter, SharedMemoryError
from tfm_sim.bootloader.config import Bl2Config, HashAlgorithm
from tfm_sim.bootloader.keys import decode_builtin_key
from tfm_sim.bootloader.ports import Ports
from tfm_sim.bootloader.signature import verify
from tfm_sim.interface.mcuboot.image import ImageHeader
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.tfm.boot_status import Claim, TlvMajor, decode_area
from tfm_sim.interface.trace import Trace

DATA = Path(__file__).parent.parent / "data" / "recordings" / "tfm-2.2.2.json"
VARIANTS: dict[str, Any] = json.loads(DATA.read_text())["variants"]
WITH_BL2 = [name for name, variant in VARIANTS.items() if "boot_status_tlv" in variant]
WITH_OTP = [name for name, variant in VARIANTS.items() if "otp_flash_area" in variant]
IMAGES = {"secure": 0, "non_secure": 1}


def _writer(ports: Ports) -> BootStatusWriter:
    return BootStatusWriter(ports.memory, *ports.shared_data, Bl2Config(), Trace())


@pytest.fixture
def ports(make_ports: Callable[..., Ports]) -> Ports:
    return make_ports({})


def _tlvs(image: dict[str, Any]) -> list[tuple[int, bytes]]:
    return [(int(tlv["type"], 16), bytes.fromhex(tlv["data_hex"])) for tlv in image["tlvs"]]


@pytest.mark.parametrize("name", WITH_BL2)
def test_area_of_real_tfm(name: str, ports: Ports) -> None:
    variant = VARIANTS[name]
    writer = _writer(ports)
    fwu = variant["build_options"].get("TFM_PARTITION_FIRMWARE_UPDATE") == "ON"
    for role in ("non_secure", "secure"):
        image = variant["images"].get(role)
        if image is not None:
            header = ImageHeader.decode(bytes.fromhex(image["header_hex"]))
            assert writer.publish(IMAGES[role], header, _tlvs(image), fwu=fwu) == SharedMemoryError.OK
    recorded = bytes.fromhex(variant["boot_status_tlv"]["hex"])
    base, size = ports.shared_data
    assert ports.memory.read(base, size) == recorded.ljust(size, b"\0")


@pytest.mark.parametrize("role", IMAGES)
@pytest.mark.parametrize("name", WITH_OTP)
def test_images_of_real_tfm_verify_by_the_builtin_keys_in_otp(name: str, role: str) -> None:
    variant = VARIANTS[name]
    image = dict(_tlvs(variant["images"][role]))
    fields = {field["name"]: field["hex"] for field in variant["otp_flash_area"]["fields"]}
    rotpk = bytes.fromhex(fields[f"bl2_rotpk_{IMAGES[role]}"])
    key = decode_builtin_key(rotpk, Bl2Config().signature_type)
    assert key is not None
    assert verify(key, HashAlgorithm.SHA256, image[TlvType.SHA256], image[TlvType.ECDSA_SIG])


def test_first_entry_of_a_boot_zeroes_the_area(ports: Ports) -> None:
    base, size = ports.shared_data
    assert ports.memory.read(base, size) != bytes(size)
    assert _writer(ports).boot_add_data_to_shared_area(TlvMajor.IAS, 0, Claim.SW_BOOT_RECORD, b"ab") == 0
    assert ports.memory.read(base, size) == bytes.fromhex("16200a003f1002006162").ljust(size, b"\0")


def test_each_boot_begins_anew(ports: Ports) -> None:
    for _ in range(2):
        writer = _writer(ports)
        assert writer.boot_add_data_to_shared_area(TlvMajor.IAS, 1, Claim.SW_BOOT_RECORD, b"ab") == 0
    assert len(decode_area(ports.memory.read(*ports.shared_data))) == 1


@pytest.mark.parametrize(
    "length, code",
    [
        (0, SharedMemoryError.OK),
        (0x400 - 8, SharedMemoryError.OK),
        (0x400 - 7, SharedMemoryError.OVERFLOW),
        (0xFFF7, SharedMemoryError.OVERFLOW),
        (0xFFF8, SharedMemoryError.GEN_ERROR),
        (None, SharedMemoryError.GEN_ERROR),
    ],
)
def test_room_in_the_area(length: int | None, code: SharedMemoryError, ports: Ports) -> None:
    data = None if length is None else bytes(length)
    assert _writer(ports).boot_add_data_to_shared_area(TlvMajor.IAS, 0, Claim.SW_BOOT_RECORD, data) == code


def test_second_entry_of_a_type_is_refused_and_changes_nothing(ports: Ports) -> None:
    writer = _writer(ports)
    assert writer.boot_add_data_to_shared_area(TlvMajor.IAS, 0, Claim.SW_BOOT_RECORD, b"ab") == 0
    before = ports.memory.read(*ports.shared_data)
    code = writer.boot_add_data_to_shared_area(TlvMajor.IAS, 0, Claim.SW_BOOT_RECORD, b"cd")
    assert code == SharedMemoryError.OVERWRITE
    assert ports.memory.read(*ports.shared_data) == before


@pytest.mark.parametrize(
    "record, image_hash, code",
    [
        (bytes(33), b"\x11" * 32, 0),
        (bytes(32), b"\x11" * 32, 0),
        (bytes(31), b"\x11" * 32, -1),
        (None, b"\x11" * 32, -1),
        (bytes(91), None, -1),
    ],
)
def test_boot_record_is_patched_by_position(
    record: bytes | None, image_hash: bytes | None, code: int, ports: Ports
) -> None:
    assert _writer(ports).save_boot_record(0, record, image_hash) == code
    if code == 0 and record is not None and image_hash is not None:
        (entry,) = decode_area(ports.memory.read(*ports.shared_data))
        assert entry.data == record[:-32] + image_hash


def test_boot_record_behind_the_hash_is_not_found(ports: Ports) -> None:
    tlvs = [(TlvType.SHA256.value, bytes(32)), (TlvType.BOOT_RECORD.value, bytes(91))]
    assert _writer(ports).publish(0, ImageHeader(), tlvs, fwu=False) == -1
