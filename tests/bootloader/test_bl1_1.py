"""BL1_1: the ROM checks BL1_2 in OTP, measures it, and provisions a virgin device."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bl1_bench import MEMORY, OTP, RAM, Bl1Bench

from tfm_sim.bootloader.bl1_config import Bl1Config
from tfm_sim.bootloader.bl1_events import ProvisioningDone, RecoveryTried
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.interface.tfm.boot_measurement import MeasurementMetadata
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.platform.otp import OtpField, OtpLayout
from tfm_sim.platform.provisioning import DUMMY, VIRGIN, provisioned_otp
from tfm_sim.platform.provisioning_bundle import BundleLayout, make_bundles
from tfm_sim.platform.provisioning_stages import BundleSource

BL1_2 = DUMMY.bl1_2_image.ljust(0x100, b"\0")
BUNDLES = make_bundles(DUMMY, BundleLayout(OTP))
SOURCE = BundleSource(BUNDLES.assembly_and_test, BUNDLES.psa_rot, BundleLayout(OTP))


def test_bl1_2_runs_from_ram() -> None:
    bench = Bl1Bench.make()
    assert bench.run_rom() == hashlib.sha256(BL1_2).digest()
    assert bench.ports.memory.read(MEMORY.bl1_2_code, 0x100) == BL1_2
    assert bench.rules == [
        "bl1_read_bl1_2_image",
        "bl1_1_validate_image_at_addr",
        "boot_store_measurement",
        "boot_store_measurement",
        "boot_platform_start_next_image",
    ]
    assert bench.log[0] == "[INF] Starting TF-M BL1_1"


def test_the_whole_shared_area_is_cleared() -> None:
    bench = Bl1Bench.make(config=Bl1Config(measured_boot=False))
    bench.run_rom()
    assert bench.ports.memory.read(RAM, 0x400) == bytes(0x400)
    assert bench.ports.memory.read(RAM + 0x400, 4) == b"\xaa" * 4


def test_slot_0_is_bl1_2_unsigned_without_version_and_locked() -> None:
    bench = Bl1Bench.make()
    digest = bench.run_rom()
    metadata, value = decode_area(bench.shared())
    assert (metadata.tlv_type, value.tlv_type) == (0x300A, 0x300B)
    assert value.data == digest
    assert MeasurementMetadata.decode(metadata.data) == MeasurementMetadata(
        0x02000009, bytes(64), 32, b"BL1_2"
    )


@pytest.mark.parametrize("otp_field", [OtpField.BL1_2_IMAGE, OtpField.BL1_2_IMAGE_HASH])
def test_one_bit_more_in_otp_stops_the_boot(otp_field: OtpField) -> None:
    bench = Bl1Bench.make()
    value = int.from_bytes(bench.ports.otp.read(otp_field), "little")
    one_more = value | (value + 1)  # the lowest bit that is not burnt
    bench.ports.otp.write(otp_field, one_more.to_bytes(bench.ports.otp.size_of(otp_field), "little"))
    with pytest.raises(BootRefused) as caught:
        bench.run_rom()
    assert str(caught.value).startswith("BL1_1 refused BL1_2 in OTP\n  SHA-256 over BL1_2: found ")
    assert "OTP's BL1_2_IMAGE_HASH is" in str(caught.value)
    assert bench.log[-2:] == ["[ERR] BL1_2 image failed to validate", "[ERR] Fatal boot error"]


def test_the_hash_covers_what_lies_behind_a_shorter_image() -> None:
    # Only BL1_2_IMAGE_LEN bytes are copied; the hash is over BL1_2_CODE_SIZE bytes of RAM.
    bench = Bl1Bench.make(values=replace(DUMMY, bl1_2_image=b""))
    code = b"\x01" * 16
    whole = code + b"\xaa" * 0xF0  # what the test's RAM holds
    bench.ports.otp.write(OtpField.BL1_2_IMAGE, code)
    bench.ports.otp.write(OtpField.BL1_2_IMAGE_LEN, b"\x10\0\0\0")
    bench.ports.otp.write(OtpField.BL1_2_IMAGE_HASH, hashlib.sha256(whole).digest())
    assert bench.run_rom() == hashlib.sha256(whole).digest()


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x101])
def test_a_length_past_the_field_reads_the_field(length: int) -> None:
    bench = Bl1Bench.make(values=replace(DUMMY, bl1_2_image=b""))
    bench.ports.otp.write(OtpField.BL1_2_IMAGE, BL1_2)
    bench.ports.otp.write(OtpField.BL1_2_IMAGE_HASH, hashlib.sha256(BL1_2).digest())
    bench.ports.otp.write(OtpField.BL1_2_IMAGE_LEN, length.to_bytes(4, "little"))
    assert bench.run_rom() == hashlib.sha256(BL1_2).digest()


def test_an_otp_without_bl1_2_stops_the_boot() -> None:
    bench = Bl1Bench.make(otp=OtpLayout(bl1=True))
    with pytest.raises(BootRefused, match="no BL1_2_IMAGE in OTP"):
        bench.run_rom()


def test_the_recovery_hook_may_repair_it() -> None:
    calls: list[int] = []

    def recover(image: int) -> bool:
        calls.append(image)
        bench.ports.otp.write(OtpField.BL1_2_IMAGE, BL1_2)
        bench.ports.otp.write(OtpField.BL1_2_IMAGE_LEN, b"\0\x01\0\0")
        return True

    bench = Bl1Bench.make(values=replace(DUMMY, bl1_2_image=b""), config=Bl1Config(recovery=recover))
    bench.ports.otp.write(OtpField.BL1_2_IMAGE_HASH, hashlib.sha256(BL1_2).digest())
    assert bench.run_rom() == hashlib.sha256(BL1_2).digest()
    assert calls == [0]
    assert [e.recovered for e in bench.events if isinstance(e, RecoveryTried)] == [True]


def test_a_hook_that_repairs_nothing_does_not_hang_the_host() -> None:
    bench = Bl1Bench.make(values=replace(DUMMY, bl1_2_image=b""), config=Bl1Config(recovery=lambda _: True))
    with pytest.raises(BootRefused):
        bench.run_rom()


@pytest.mark.parametrize(
    "guk, warned", [(bytes(range(32)), True), (bytes(range(1, 33)), False), (b"", False)]
)
def test_the_warning_goes_by_the_guk(guk: bytes, warned: bool) -> None:
    bench = Bl1Bench.make(values=replace(DUMMY, guk=guk))
    bench.run_rom()
    assert any("NOT SECURE" in line for line in bench.log) is warned


def test_a_virgin_device_gets_its_bl1_fields_and_keeps_its_lifecycle() -> None:
    bench = Bl1Bench.make(values=VIRGIN, bundles=SOURCE)
    bench.run_rom()
    otp, wanted = bench.ports.otp, provisioned_otp(DUMMY, OTP)
    for otp_field in (
        OtpField.GUK,
        OtpField.KEY_BL2_ENCRYPTION,
        OtpField.BL1_2_IMAGE,
        OtpField.BL1_2_IMAGE_LEN,
        OtpField.BL1_2_IMAGE_HASH,
        OtpField.BL1_ROTPK_0,
    ):
        assert otp.read(otp_field) == wanted.read(otp_field)
    assert (otp.read(OtpField.LCS), otp.read(OtpField.HUK)) == (bytes(4), bytes(32))
    (done,) = [event for event in bench.events if isinstance(event, ProvisioningDone)]
    assert (done.stage, done.before, done.after) == ("BL1_1", 0, 0)


@pytest.mark.parametrize("bundle", [b"", b"\xff" * 4096, b"\0" * 4096, BUNDLES.psa_rot * 10])
def test_a_virgin_device_without_its_bundle_stops(bundle: bytes) -> None:
    bench = Bl1Bench.make(values=VIRGIN, bundles=replace(SOURCE, assembly_and_test=bundle))
    with pytest.raises(BootRefused) as caught:
        bench.run_rom()
    text = str(caught.value)
    assert "BL1_1 refused the bundle in the provisioning area" in text
    assert "provisioning data (INVALID_INPUT): found " in text
    assert bench.log[-1] == "[ERR] BL1_1 provisioning failed"


def test_a_secured_device_looks_at_no_bundle() -> None:
    bench = Bl1Bench.make(bundles=replace(SOURCE, assembly_and_test=b""))
    bench.run_rom()
    assert "tfm_plat_provisioning_perform" not in bench.rules


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=0x100), st.binary(max_size=4), st.binary(max_size=32), st.booleans())
def test_no_bytes_in_otp_raise_anything_but_a_refusal(
    image: bytes, length: bytes, digest: bytes, right: bool
) -> None:
    bench = Bl1Bench.make(values=replace(DUMMY, bl1_2_image=b""))
    copied = int.from_bytes(length, "little")
    code = (image.ljust(0x100, b"\0")[:copied]).ljust(0x100, b"\xaa")
    for otp_field, value in (
        (OtpField.BL1_2_IMAGE, image),
        (OtpField.BL1_2_IMAGE_LEN, length),
        (OtpField.BL1_2_IMAGE_HASH, hashlib.sha256(code).digest() if right else digest),
    ):
        bench.ports.otp.write(otp_field, value)
    try:
        assert bench.run_rom() == hashlib.sha256(code).digest()
        assert right
    except BootRefused:
        assert not right
