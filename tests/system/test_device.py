"""Whole devices: power to token, side by side, reset, state that survives."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tfm_sim
from tfm_sim import (
    AttestationConfig,
    Bl2Config,
    Build,
    Device,
    DevicePanic,
    PsaError,
    PsaStatus,
    TokenVariant,
    psa_invec,
    psa_outvec,
)
from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.device import DeviceOff
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.partitions.initial_attestation.config import SignatureOf2019
from tfm_sim.platform.board import BOARDS_DIRECTORY, load_board, packaged_boards
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.spm.load import LoadError
from tfm_sim.spm.scheduler import WrongThread
from tfm_sim.tools.demo_firmware import NON_SECURE_IMAGE, SECURE_IMAGE
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

CHALLENGE = bytes(range(32))


def test_ten_lines_from_power_to_verified_token() -> None:
    with tfm_sim.boot() as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        verdict = verify(token, load_key(iak_verification_key(device.hardware)), challenge=CHALLENGE)
    assert verdict.ok, verdict.reasons
    assert verdict.profile == "PSA_IOT_PROFILE_1"


@pytest.mark.parametrize("variant", TokenVariant)
@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("size", [32, 48, 64])
def test_every_profile_verifies_and_its_size_was_announced(
    variant: TokenVariant, optional: bool, size: int
) -> None:
    signing = SignatureOf2019.ES256
    config = AttestationConfig(variant=variant, optional_claims=optional, signature_of_2019=signing)
    build = Build(attestation=config)
    with tfm_sim.boot(build=build) as device:
        service = device.psa.initial_attestation
        token = service.get_token(bytes(size))
        assert len(token) == service.get_token_size(size)
        assert verify(token, load_key(iak_verification_key(device.hardware)), challenge=bytes(size)).ok


@pytest.mark.parametrize("size", [0, 31, 33, 65])
def test_a_challenge_of_another_length_is_an_invalid_argument(size: int) -> None:
    with tfm_sim.boot() as device, pytest.raises(PsaError) as error:
        device.psa.initial_attestation.get_token(bytes(size))
    assert error.value.status is PsaStatus.PSA_ERROR_INVALID_ARGUMENT


def test_the_exact_c_layer() -> None:
    with tfm_sim.boot() as device:
        out = psa_outvec(bytearray(600))
        status = device.ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, 1001, [psa_invec(CHALLENGE)], [out])
        assert status == 0
        assert out.len == 518
        assert device.ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, 1001, [psa_invec(0, 32)], [out]) == -129


def test_two_devices_share_nothing() -> None:
    with tfm_sim.boot() as first, tfm_sim.boot(seed=1) as second:
        assert first.psa.crypto.generate_random(16) != second.psa.crypto.generate_random(16)
        first.hardware.memory.write(0x28100000, b"mine")
        assert second.hardware.memory.read(0x28100000, 4) == bytes(4)
        first.power_off()
        assert second.ns.psa_framework_version() == 0x0101


def test_one_seed_is_one_run() -> None:
    with tfm_sim.boot(seed=7) as first, tfm_sim.boot(seed=7) as second:
        assert first.psa.crypto.generate_random(32) == second.psa.crypto.generate_random(32)
        tokens = [d.psa.initial_attestation.get_token(CHALLENGE) for d in (first, second)]
        assert tokens[0] == tokens[1], "signatures too"


def test_a_reset_forgets_ram_and_keeps_flash_and_counters() -> None:
    with tfm_sim.boot() as device:
        device.hardware.memory.write(0x28100000, b"gone")
        device.reset()
        assert device.hardware.memory.read(0x28100000, 4) == bytes(4)
        assert device.hardware.nv_counters.read(NvCounter.BL2_0) == 1
        assert len(device.psa.initial_attestation.get_token(CHALLENGE)) == 518


def test_handles_of_before_a_reset_are_dead() -> None:
    with tfm_sim.boot() as device:
        old = device.ns
        device.reset()
        with pytest.raises(Exception, match="reset"):
            old.psa_framework_version()


@pytest.mark.parametrize("call", [Device.power_off, Device.reset, Device.power_on])
def test_a_call_from_another_thread_is_refused_and_the_device_unharmed(
    call: Callable[[Device], object], tmp_path: Path
) -> None:
    with tfm_sim.boot(state=tmp_path / "state") as device:
        with ThreadPoolExecutor(1) as pool, pytest.raises(WrongThread):
            pool.submit(call, device).result()
        assert len(device.psa.initial_attestation.get_token(CHALLENGE)) > 32
        device.reset()
        assert len(device.psa.initial_attestation.get_token(CHALLENGE)) > 32


def test_the_boot_status_is_scrubbed_before_the_non_secure_side_runs() -> None:
    with tfm_sim.boot() as device:
        assert device.shared_data() == bytes(0x400)


def test_one_flipped_bit_is_refused_with_the_reason(tmp_path: Path) -> None:
    image = bytearray(SECURE_IMAGE.read_bytes())
    image[0x480] ^= 1
    with Device() as device:
        device.flash_image(0, bytes(image))
        device.flash_image(1, NON_SECURE_IMAGE.read_bytes())
        with pytest.raises(tfm_sim.BootRefused, match="image hash: found"):
            device.power_on()
        with pytest.raises(DeviceOff):
            _ = device.ns


def test_an_upgrade_staged_in_the_secondary_slot_is_measured_after_the_copy() -> None:
    upgrade = SECURE_IMAGE.with_name("secure_1.1.0.bin").read_bytes()
    with tfm_sim.boot() as device:
        before = device.psa.initial_attestation.get_token(CHALLENGE)
        device.flash_image(0, upgrade, "secondary")
        mark_pending(device.hardware.slot(0, "secondary"), permanent=False)
        device.reset()
        after = device.psa.initial_attestation.get_token(CHALLENGE)
        assert b"1.1.0" in after
        assert b"1.1.0" not in before


def test_an_upgrade_is_staged_where_the_loader_of_the_build_looks_for_it() -> None:
    """MCUboot SWAP_USING_OFFSET: a candidate begins in the second sector of the secondary slot."""
    bl2 = Bl2Config(strategy=UpgradeStrategy.SWAP_USING_OFFSET)
    with tfm_sim.boot(build=Build(bl2=bl2)) as device:
        device.flash_image(0, SECURE_IMAGE.with_name("secure_1.1.0.bin").read_bytes(), "secondary")
        slot = device.hardware.slot(0, "secondary")
        assert (slot.read(0, 4), slot.read(0x1000, 4)) == (b"\xff" * 4, b"\x3d\xb8\xf3\x96")
        mark_pending(slot, permanent=False)
        device.reset()
        assert b"1.1.0" in device.psa.initial_attestation.get_token(CHALLENGE)


def test_state_survives_between_devices(tmp_path: Path) -> None:
    with tfm_sim.boot(state=tmp_path / "state") as device:
        first = device.hardware.nv_counters.read(NvCounter.BL2_0)
    with Device(state=tmp_path / "state") as again:
        assert again.hardware.nv_counters.read(NvCounter.BL2_0) == first == 1
        again.power_on()
        assert len(again.psa.initial_attestation.get_token(CHALLENGE)) == 518


def test_without_bl2_there_are_no_measurements() -> None:
    with tfm_sim.boot(build=Build(bl2=None)) as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
    assert len(token) == 335, "profile 1 says so with -75007 (the real TF-M's size)"
    rfc = Build(bl2=None, attestation=AttestationConfig(variant=TokenVariant.RFC_9783))
    with tfm_sim.boot(build=rfc) as device, pytest.raises(PsaError, match="GENERIC_ERROR"):
        device.psa.initial_attestation.get_token(CHALLENGE)


def test_a_platform_reset_request_takes_the_device_down() -> None:
    with tfm_sim.boot() as device:
        with pytest.raises(Exception, match="reset"):
            device.psa.platform.system_reset()
        device.reset()
        assert device.ns.psa_framework_version() == 0x0101


def test_device_panic_is_public() -> None:
    assert issubclass(DevicePanic, tfm_sim.TfmSimError)


@pytest.mark.parametrize("board", packaged_boards())
def test_the_default_build_follows_the_board(board: str) -> None:
    with tfm_sim.boot(board) as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        verdict = verify(token, load_key(iak_verification_key(device.hardware)), challenge=CHALLENGE)
    assert verdict.ok, verdict.reasons


@pytest.mark.parametrize(("board", "images"), [("an521", 1), ("an521", 3), ("an521_single_image", 2)])
def test_a_loader_for_another_number_of_images_is_one_clear_error(board: str, images: int) -> None:
    legal = load_board(board).image_count
    with pytest.raises(
        tfm_sim.TfmSimError, match=f"image_number {images} on board {board}, .* {legal}; legal: {legal}, as"
    ):
        Device(board, build=Build(bl2=Bl2Config(image_number=images)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: Device(5),  # type: ignore[arg-type]
            "board: found 5; legal: str, Path, Board",
        ),
        (
            lambda: Device(build="small"),  # type: ignore[arg-type]
            "build: found 'small'; legal: Build, None",
        ),
        (
            lambda: Device(seed="x"),  # type: ignore[arg-type]
            "seed: found 'x'; legal: int",
        ),
        (
            lambda: Device(state=5),  # type: ignore[arg-type]
            "state: found 5; legal: str, Path, None",
        ),
        (
            lambda: Device().flash_image(0, "abc"),  # type: ignore[arg-type]
            "data: found 'abc'; legal: bytes, bytearray, memoryview",
        ),
        (
            lambda: Device().flash_image("0", b"abc"),  # type: ignore[arg-type]
            "image: found '0'; legal: int",
        ),
    ],
)
def test_an_argument_of_another_type_is_named_at_the_door(make: Callable[[], object], says: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(says)}$"):
        make()


def test_secure_ram_too_small_for_the_partitions(tmp_path: Path) -> None:
    text = (BOARDS_DIRECTORY / "mcuboot_8k.yaml").read_text()
    assert "size: 0x1fc00" in text
    (tmp_path / "small.yaml").write_text(text.replace("size: 0x1fc00", "size: 0x800"))
    says = r"bytes of RAM, 0 are left in secure_data .*; legal: "
    with Device(tmp_path / "small.yaml", build=Build(bl2=None)) as device:
        device.flash_image(0, SECURE_IMAGE.read_bytes())
        with pytest.raises(tfm_sim.TfmSimError, match=says):
            device.power_on()


def test_a_service_is_found_by_its_name() -> None:
    with tfm_sim.boot() as device:
        crypto, attestation = device.service("TFM_CRYPTO"), device.service("TFM_ATTESTATION_SERVICE")
        assert (crypto.sid, crypto.version) == (0x80, 1)
        assert attestation.handle == TFM_ATTESTATION_SERVICE_HANDLE
        with pytest.raises(LoadError, match="service: found 'CRYPTO'; legal: TFM_ATTESTATION_SERVICE, "):
            device.service("CRYPTO")
    with pytest.raises(DeviceOff):
        device.service("TFM_CRYPTO")
