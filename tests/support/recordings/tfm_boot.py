"""The boot status and the OTP of a recorded TF-M."""

from collections.abc import Iterator
from functools import partial

from support.recordings.case import Case, Recorded, not_yet
from support.recordings.firmware import BOARD, boot_data_of
from support.recordings.tfm_build import TfmBuild

from tfm_sim.bootloader.boot_measurement import BootMeasurements
from tfm_sim.bootloader.boot_status_writer import BootStatusWriter
from tfm_sim.bootloader.shared_data import collect_image_measurement
from tfm_sim.interface.mcuboot.image import ImageHeader
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.boot_measurement import MeasurementSlot
from tfm_sim.interface.tfm.boot_status import TlvMajor, decode_area
from tfm_sim.interface.trace import Trace
from tfm_sim.partitions.initial_attestation.boot_data import MAX_BOOT_STATUS
from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.memory import Memory
from tfm_sim.platform.provisioning import provisioned_otp

ATTESTATION = 261
"""TFM_SP_INITIAL_ATTESTATION."""
OTP_ALIASES = {"bl2_nv_counter": "nv_counter_bl2"}


def boot_cases(build: TfmBuild, variant: Recorded) -> Iterator[Case]:
    """What BL2 published, and what the attestation partition fetched of it."""
    area: Recorded | None = variant.get("boot_status_tlv")
    if area:
        yield Case("boot status as BL2 published it", partial(_published, build, variant, area))
        yield Case("boot status decoded", partial(_decoded, area))
    fetched: str | None = variant.get("attest_partition_boot_data_copy_hex")
    if fetched and area:
        yield Case("boot status as attestation fetched it", partial(_fetched, area["hex"], fetched))


def image_indexes(build: TfmBuild, variant: Recorded) -> list[tuple[int, Recorded]]:
    """The images by MCUboot index in the order in which BL2 boots them: the last first."""
    images = {name: image for name, image in variant["images"].items() if "header_hex" in _dict(image)}
    recorded = ", ".join(images)
    if build.image_number == 1 < len(images):
        # A loader of one image boots both programs as one file, tfm_s_ns_signed.bin.
        images = {name: image for name, image in images.items() if "s_ns" in f"{name} {image.get('file')}"}
    if len(images) != build.image_number:
        not_yet(f"which of the images {recorded} a loader of {build.image_number} boots")
    numbered = enumerate(sorted(images, key=lambda name: name.startswith("non_secure")))
    return [(index, images[name]) for index, name in numbered][::-1]


def _dict(value: object) -> Recorded:
    return value if isinstance(value, dict) else {}


def _published(build: TfmBuild, variant: Recorded, area: Recorded) -> None:
    hardware = Hardware(load_board(BOARD), build.provisioning)
    shared = hardware.board.shared_data
    writer = BootStatusWriter(hardware.memory, shared.base, shared.size, build.bl2, Trace())
    measurements = BootMeasurements(hardware.memory, shared.base, shared.size, Trace())
    for index, image in image_indexes(build, variant):
        header = ImageHeader.decode(bytes.fromhex(image["header_hex"]))
        tlvs = [(int(tlv["type"], 16), bytes.fromhex(tlv["data_hex"])) for tlv in image["tlvs"]]
        if build.bl2.mcuboot_measured_boot:
            assert writer.publish(index, header, tlvs, fwu=build.has_fwu) == 0, writer.problem
        elif build.has_fwu:
            assert writer.boot_save_shared_data(index, header.version) == 0, writer.problem
        if build.bl2.measured_boot_api:
            slot = MeasurementSlot.RT_0 + index
            metadata, value = collect_image_measurement(build.bl2, slot, header, tlvs)
            assert measurements.boot_store_measurement(slot, value, metadata, lock=False) == 0
    recorded = bytes.fromhex(area["hex"])
    assert _area(hardware.memory, shared.base, len(recorded)) == recorded
    rest = shared.size - len(recorded)
    assert _area(hardware.memory, shared.base + len(recorded), rest) == bytes(rest)


def _area(memory: Memory, base: int, size: int) -> bytes:
    return memory.read(base, size) if size else b""


def _decoded(area: Recorded) -> None:
    found = [
        (f"{e.tlv_type:#06x}", len(e.data), e.data.hex()) for e in decode_area(bytes.fromhex(area["hex"]))
    ]
    assert found == [(e["tlv_type"], e["tlv_len"], e["data_hex"]) for e in area["entries"]]
    assert [(e["tlv_major"], e["sw_module"], e["claim"]) for e in area["entries"]] == [
        (e.major, e.module, e.claim) for e in decode_area(bytes.fromhex(area["hex"]))
    ]


def _fetched(area: str, fetched: str) -> None:
    """The recording is the beginning of the partition's buffer, which is zero behind what it got."""
    boot_data = boot_data_of(Hardware(load_board(BOARD)), bytes.fromhex(area))
    status, data = boot_data.get(ATTESTATION, TlvMajor.IAS, MAX_BOOT_STATUS)
    assert status == PSA_SUCCESS
    recorded = bytes.fromhex(fetched)
    assert data.ljust(MAX_BOOT_STATUS, b"\0")[: len(recorded)] == recorded


def otp_cases(build: TfmBuild, variant: Recorded) -> Iterator[Case]:
    """Each field of the OTP area, as the model's provisioning burns it."""
    for field in _dict(variant.get("otp_flash_area")).get("fields", ()):
        yield Case(f"OTP {field['name']}", partial(_otp_field, build, field))


def _otp_field(build: TfmBuild, field: Recorded) -> None:
    if field["name"].startswith("flash_nv_counters"):
        not_yet("PS counters and the count of writes of a device that had run for a while")
    layout = build.otp_layout
    otp = provisioned_otp(build.provisioning, layout)
    assert bytes(otp)[field["offset"] : field["offset"] + field["len"]].hex() == field["hex"]
    if field["name"] == "init_value":
        return
    name = field["name"]
    for recorded, ours in OTP_ALIASES.items():
        name = name.replace(recorded, ours)
    places = {f.name.lower(): place for f, place in layout.fields.items()}
    assert places[name] == (field["offset"], field["len"])
