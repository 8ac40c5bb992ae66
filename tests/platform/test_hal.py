"""The platform HAL: values from OTP with TF-M's trimming, and grants that limit a partition to its own."""

from collections.abc import Callable
from dataclasses import is_dataclass, replace
from typing import NoReturn, get_type_hints

import pytest

from tfm_sim.interface.psa.lifecycle import PsaLifecycle
from tfm_sim.interface.tfm.platform import TfmPlatformErr
from tfm_sim.platform.board import load_board, packaged_boards
from tfm_sim.platform.hal import HAL_FUNCTIONS, FlashAreaInfo, HalDenied, PlatformHal, granted
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.lifecycle import OtpLcs, psa_lifecycle
from tfm_sim.platform.nv_counters import NvCounter, NvCounterError
from tfm_sim.platform.otp import Otp, OtpField
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.power import SystemReset
from tfm_sim.platform.provisioning import DUMMY, Provisioning

BOARD = load_board("mcuboot_8k")


def hal(values: Provisioning = DUMMY) -> PlatformHal:
    return Hardware(BOARD, values).hal


@pytest.mark.parametrize(
    "code, state",
    [
        (0x0, PsaLifecycle.ASSEMBLY_AND_TEST),
        (0x1, PsaLifecycle.PSA_ROT_PROVISIONING),
        (0x3, PsaLifecycle.SECURED),
        (0x7, PsaLifecycle.DECOMMISSIONED),
        (0xF, PsaLifecycle.UNKNOWN),
        (0x2, PsaLifecycle.UNKNOWN),
        (0x103, PsaLifecycle.UNKNOWN),
        (0x03000000, PsaLifecycle.UNKNOWN),
        (0xFFFFFFFF, PsaLifecycle.UNKNOWN),
    ],
)
def test_security_lifecycle_from_all_32_bits_of_the_otp_code(code: int, state: PsaLifecycle) -> None:
    assert psa_lifecycle(code) is state
    hardware = Hardware(BOARD, replace(DUMMY, lifecycle=OtpLcs.ASSEMBLY_AND_TEST))
    hardware.otp.write(OtpField.LCS, code.to_bytes(4, "little"))
    assert hardware.hal.tfm_attest_hal_get_security_lifecycle() == state
    assert hardware.hal.psa_rot_lifecycle_state() == state


@pytest.mark.parametrize(
    "read, wanted",
    [
        (lambda h: h.tfm_attest_hal_get_verification_service(), b"www.trustedfirmware.org"),
        (lambda h: h.tfm_attest_hal_get_verification_service(3), b"www"),
        (lambda h: h.tfm_attest_hal_get_verification_service(64), b"www.trustedfirmware.org"),
        (lambda h: h.tfm_plat_get_cert_ref(), b"0604565272829-10010"),
        (lambda h: h.tfm_plat_get_cert_ref(19), b"0604565272829-10010"),
        (lambda h: h.tfm_plat_get_cert_ref(18), b"0604565272829-1001"),
        (lambda h: h.tfm_attest_hal_get_profile_definition(), b""),
        (lambda h: h.tfm_plat_get_boot_seed(32), bytes(range(0xA0, 0xC0))),
        (lambda h: h.tfm_plat_get_boot_seed(8), bytes(range(0xA0, 0xA8))),
        (
            lambda h: h.tfm_plat_get_implementation_id(),
            bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8),
        ),
        (
            lambda h: h.tfm_plat_get_implementation_id(33),
            bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8),
        ),
        (lambda h: h.tfm_attest_hal_get_platform_config(), bytes.fromhex("efbeadde")),
        (lambda h: h.tfm_attest_hal_get_platform_hash_algo(), b"not-hash-extended"),
        (lambda h: h.tfm_plat_get_huk(), bytes(range(16)) * 2),
        (lambda h: h.tfm_plat_get_symmetric_iak_id(), b""),
    ],
)
def test_dummy_values_and_trimming(read: Callable[[PlatformHal], bytes], wanted: bytes) -> None:
    assert read(hal()) == wanted


def test_binary_values_are_not_trimmed_at_a_nul() -> None:
    values = replace(DUMMY, boot_seed=bytes(31) + b"\1", implementation_id=b"\1" + bytes(31), cert_ref=b"")
    device = hal(values)
    assert device.tfm_plat_get_boot_seed() == bytes(31) + b"\1"
    assert device.tfm_plat_get_implementation_id() == b"\1" + bytes(31)
    assert device.tfm_plat_get_cert_ref() == b""


def test_a_text_of_the_whole_field_has_no_nul() -> None:
    assert hal(replace(DUMMY, cert_ref=b"c" * 32)).tfm_plat_get_cert_ref() == b"c" * 32


def test_platform_config_wants_four_bytes() -> None:
    with pytest.raises(PlatError) as caught:
        hal().tfm_attest_hal_get_platform_config(3)
    assert caught.value.reason is TfmPlatErr.SYSTEM_ERR


@pytest.mark.parametrize(
    "iak_type, psa_type, algorithm",
    [(IakType.SECP_R1, 0x7112, 0x06000609), (IakType.HMAC, 0x1100, 0x03800009)],
)
def test_iak(iak_type: IakType, psa_type: int, algorithm: int) -> None:
    key = hal(replace(DUMMY, iak_type=iak_type, iak_id=b"kid@x")).tfm_plat_get_iak()
    assert (key.type, key.bits, key.algorithm, key.data) == (psa_type, 256, algorithm, DUMMY.iak)
    assert DUMMY.iak.hex() not in repr(key)


def test_iak_that_was_never_burnt_is_empty_and_a_wrong_length_is_an_error() -> None:
    hardware = Hardware(BOARD, Provisioning(lifecycle=OtpLcs.ASSEMBLY_AND_TEST))
    assert hardware.hal.tfm_plat_get_iak().data == b""
    hardware.otp.write(OtpField.IAK_LEN, b"\x21")
    with pytest.raises(PlatError, match="length 33 in OTP; legal: up to 32"):
        hardware.hal.tfm_plat_get_iak()


def test_counters_through_the_hal() -> None:
    device = hal()
    device.tfm_plat_set_nv_counter(NvCounter.BL2_0, 5)
    device.tfm_plat_increment_nv_counter(NvCounter.BL2_0)
    assert device.tfm_plat_read_nv_counter(NvCounter.BL2_0) == 6
    with pytest.raises(NvCounterError):
        device.tfm_plat_set_nv_counter(NvCounter.BL2_0, 5)
    assert device.tfm_plat_ns_counter_idx_to_nv_counter(2) == NvCounter.NS_2
    with pytest.raises(PlatError) as caught:
        device.tfm_plat_ns_counter_idx_to_nv_counter(3)
    assert caught.value.reason is TfmPlatErr.INVALID_INPUT


def test_storage_areas() -> None:
    assert hal().tfm_hal_its_fs_info() == FlashAreaInfo(7, "its", 0x4000, 0x400, 4, 0xFF)
    assert hal().tfm_hal_ps_fs_info() == FlashAreaInfo(6, "ps", 0x5000, 0x400, 4, 0xFF)
    hardware = Hardware(BOARD)
    bare = PlatformHal(hardware.otp, hardware.nv_counters, hardware.rng)
    for ask in (bare.tfm_hal_its_fs_info, bare.tfm_hal_ps_fs_info, lambda: bare.tfm_hal_flash_read(7, 0, 1)):
        with pytest.raises(PlatError):
            ask()
    with pytest.raises(PlatError, match="no flash area for ITS") as caught:
        bare.tfm_hal_its_fs_info()
    assert caught.value.reason is TfmPlatErr.UNSUPPORTED


@pytest.mark.parametrize("area", ["its", "ps"])
def test_flash_of_the_storage_areas(area: str) -> None:
    hardware = Hardware(BOARD)
    device, id_ = hardware.hal, hardware.areas[area].id
    device.tfm_hal_flash_program(id_, 0x404, b"data")
    assert device.tfm_hal_flash_read(id_, 0x402, 8) == b"\xff\xffdata\xff\xff"
    assert hardware.areas[area].read(0x404, 4) == b"data"
    device.tfm_hal_flash_erase(id_, 0x400, 0x400)
    assert device.tfm_hal_flash_read(id_, 0x404, 4) == b"\xff" * 4
    assert hardware.flash["flash0"].power.operations == 2


@pytest.mark.parametrize(
    "act, message",
    [
        (lambda h: h.tfm_hal_flash_read(1, 0, 4), r"flash area 1; legal: 7 \(its\), 6 \(ps\)"),
        (lambda h: h.tfm_hal_flash_program(0, 0, bytes(4)), "flash area 0; legal: 7"),
        (lambda h: h.tfm_hal_flash_erase(-1, 0, 0x400), "flash area -1; legal: 7"),
        (lambda h: h.tfm_hal_flash_read(7, 0x3FFE, 4), "flash area its: read of 4 bytes at 0x3ffe"),
        (lambda h: h.tfm_hal_flash_read(7, -4, 4), "flash area its: read of 4 bytes at -0x4"),
        (lambda h: h.tfm_hal_flash_read(7, 0, -1), "flash area its: read of -1 bytes"),
        (
            lambda h: h.tfm_hal_flash_program(7, 0x4000, bytes(4)),
            "flash area its: write of 4 bytes at 0x4000",
        ),
        (lambda h: h.tfm_hal_flash_program(7, 2, bytes(4)), "legal: offset and length in multiples of 4"),
        (lambda h: h.tfm_hal_flash_erase(6, 0, 0x200), "legal: offset and length in multiples of 1024"),
        (lambda h: h.tfm_hal_flash_erase(6, 0x5000, 0x400), "flash area ps: erase of 1024 bytes at 0x5000"),
    ],
)
def test_flash_that_cannot_be_reached(act: Callable[[PlatformHal], None], message: str) -> None:
    with pytest.raises(PlatError, match=message) as caught:
        act(hal())
    assert caught.value.reason is TfmPlatErr.INVALID_INPUT


def test_a_programmed_cell_does_not_return_to_its_erased_state() -> None:
    device = hal()
    device.tfm_hal_flash_program(7, 0, bytes(4))
    with pytest.raises(PlatError, match="legal: only bits that are still erased change"):
        device.tfm_hal_flash_program(7, 0, b"\xff" * 4)


PLAIN = (int, bool, bytes, str, type(None))


@pytest.mark.parametrize("name", sorted(HAL_FUNCTIONS))
def test_only_plain_values_pass_through_the_hal(name: str) -> None:
    """A partition may run in another process."""
    for hint in get_type_hints(getattr(PlatformHal, name)).values():
        if is_dataclass(hint):
            assert getattr(hint, "__dataclass_params__").frozen  # noqa: B009 - not in the type's stubs
            assert all(part in PLAIN for part in get_type_hints(hint).values())
        else:
            assert hint in PLAIN or hint is NoReturn


@pytest.mark.parametrize("name", ["tfm_attest_hal_get_security_lifecycle", "psa_rot_lifecycle_state"])
def test_codes_leave_the_hal_as_integers(name: str) -> None:
    assert type(getattr(hal(), name)()) is int
    assert type(hal().tfm_plat_ns_counter_idx_to_nv_counter(0)) is int


@pytest.mark.parametrize("board", ["an521", "an521_single_image", "mcuboot_8k"])
def test_its_alone_is_granted_the_storage_flash(board: str) -> None:
    grants = load_board(board).hal_grants
    flash = {"tfm_hal_flash_read", "tfm_hal_flash_program", "tfm_hal_flash_erase"}
    assert {partition for partition, names in grants.items() if flash & set(names)} == {"TFM_SP_ITS"}
    assert flash <= set(grants["TFM_SP_ITS"])


@pytest.mark.parametrize("name", ["tfm_hal_system_reset", "tfm_platform_hal_system_reset"])
def test_system_reset_tells_the_device_and_never_returns(name: str) -> None:
    hardware = Hardware(BOARD)
    told: list[str] = []
    hardware.on_reset = told.append
    with pytest.raises(SystemReset):
        getattr(hardware.hal, name)()
    assert told == ["system reset requested"]


def test_board_without_requests_of_its_own() -> None:
    reply = hal().tfm_platform_hal_ioctl(1, b"input", 3)
    assert (reply.error, reply.output) == (TfmPlatformErr.TFM_PLATFORM_ERR_NOT_SUPPORTED, bytes(3))


def test_nv_counter_has_four_bytes() -> None:
    """TF-M tfm_plat_read_nv_counter."""
    with pytest.raises(PlatError) as caught:
        hal().tfm_plat_read_nv_counter(NvCounter.PS_0, 2)
    assert caught.value.reason is TfmPlatErr.SYSTEM_ERR


def test_random_repeats_by_seed_and_differs_by_seed_and_device() -> None:
    def stream(seed: int, values: Provisioning = DUMMY) -> list[bytes]:
        device = Hardware(BOARD, values, seed=seed).hal
        return [device.tfm_hal_random(size) for size in (16, 16, 1, 0, 1000)]

    assert stream(1) == stream(1)
    assert [len(part) for part in stream(1)] == [16, 16, 1, 0, 1000]
    assert stream(1)[0] != stream(1)[1]
    assert stream(1)[0] != stream(2)[0]
    assert stream(1)[0] != stream(1, replace(DUMMY, entropy_seed=bytes(range(64))))[0]


@pytest.mark.parametrize("name", sorted(HAL_FUNCTIONS))
def test_a_partition_reaches_only_what_it_is_granted(name: str) -> None:
    limited = granted(hal(), {"tfm_plat_get_huk"}, "TFM_SP_TEST")
    if name == "tfm_plat_get_huk":
        assert limited.tfm_plat_get_huk() == bytes(range(16)) * 2
    else:
        with pytest.raises(HalDenied, match=f"{name}: not granted to TFM_SP_TEST; granted: tfm_plat_get_huk"):
            getattr(limited, name)(0)


def test_grants_do_not_widen_and_do_not_touch_the_whole_hal() -> None:
    whole = hal()
    none = granted(whole, ())
    with pytest.raises(HalDenied):
        none.tfm_plat_get_huk()
    with pytest.raises(HalDenied):
        granted(none, {"tfm_plat_get_huk"}).tfm_plat_get_huk()
    assert whole.tfm_plat_get_huk()
    assert isinstance(none, PlatformHal)


def test_a_grant_of_no_hal_function_is_refused() -> None:
    with pytest.raises(HalDenied, match="no HAL function 'tfm_plat_open_door'; legal: HAL_CCB_ECC"):
        granted(hal(), {"tfm_plat_open_door"})


@pytest.mark.parametrize("board", ["an521", "an521_single_image", "mcuboot_8k"])
def test_attestation_is_granted_what_its_claims_need_and_no_key(board: str) -> None:
    grants = load_board(board).hal_grants["TFM_SP_INITIAL_ATTESTATION"]
    device = granted(hal(), grants)
    assert device.tfm_attest_hal_get_security_lifecycle() == PsaLifecycle.SECURED
    for secret in (device.tfm_plat_get_iak, device.tfm_plat_get_huk):
        with pytest.raises(HalDenied):
            secret()


def test_a_blank_device_has_no_identity() -> None:
    hardware = Hardware(BOARD, Provisioning(lifecycle=OtpLcs.ASSEMBLY_AND_TEST))
    assert bytes(hardware.otp) == bytes(Otp(BOARD.otp.layout, BOARD.otp.size))
    assert hardware.hal.tfm_plat_get_implementation_id() == bytes(32)


SLOTS = {(0, 0): 1, (1, 0): 2, (0, 1): 3, (1, 1): 4}


@pytest.mark.parametrize(("image", "slot"), SLOTS)
def test_slots_by_image_and_number(image: int, slot: int) -> None:
    device = hal()
    area_id = device.flash_area_id_from_multi_image_slot(image, slot)
    assert area_id == SLOTS[image, slot]
    name = BOARD.slot(image, "primary" if slot == 0 else "secondary").name
    assert device.flash_area_open(area_id) == FlashAreaInfo(area_id, name, 0x2000, 0x400, 4, 0xFF)


@pytest.mark.parametrize(
    ("offset", "data"),
    [
        (0, b"four"),
        (1, b"x"),
        (3, b"ove"),
        (5, b"a"),
        (0x1FFF, b"!"),
        (0x1FF9, b"seven77"),
        (6, b""),
        (0x2000, b""),
    ],
)
def test_a_slot_takes_bytes_at_any_offset(offset: int, data: bytes) -> None:
    hardware = Hardware(BOARD)
    hardware.areas["secure_secondary"].write(0, b"\xff\xff\xff\xff\xff\xff\x55\xff")
    wanted = bytearray(b"\xff" * 0x2000)
    wanted[6] = 0x55
    wanted[offset : offset + len(data)] = data
    hardware.hal.flash_area_write(3, offset, data)
    if data:
        assert hardware.hal.flash_area_read(3, 0, 0x2000) == wanted
    hardware.hal.flash_area_erase(3, 0, 0x2000)
    assert hardware.hal.flash_area_read(3, 0, 0x2000) == b"\xff" * 0x2000


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda h: h.flash_area_id_from_multi_image_slot(2, 0),
            r"image 2, slot 0; legal \(image, slot\): \(0, 0\)",
        ),
        (lambda h: h.flash_area_id_from_multi_image_slot(0, 2), "image 0, slot 2; legal"),
        (lambda h: h.flash_area_open(7), r"flash area 7; legal: 1 \(secure_primary\)"),
        (lambda h: h.flash_area_read(5, 0, 4), "flash area 5; legal: 1"),
        (lambda h: h.flash_area_write(0, 0, b"four"), "flash area 0; legal: 1"),
        (lambda h: h.flash_area_erase(6, 0, 0x400), "flash area 6; legal: 1"),
        (lambda h: h.flash_area_read(3, 0x1FFF, 2), "read of 2 bytes at 0x1fff"),
        (lambda h: h.flash_area_write(3, 0x1FFF, b"xx"), "of 2 bytes at 0x1fff"),
        (lambda h: h.flash_area_write(3, -1, b"xx"), "of 2 bytes at -0x1"),
        (lambda h: h.flash_area_erase(3, 0x200, 0x400), "multiples of 1024"),
        (lambda h: h.flash_area_erase(3, 0, 0x200), "multiples of 1024"),
        (lambda h: h.flash_area_erase(3, 0x1C00, 0x800), "erase of 2048 bytes at 0x1c00"),
        (lambda h: h.flash_area_erase(3, 0x400, -0x400), "erase of -1024 bytes"),
    ],
)
def test_slots_that_cannot_be_reached(act: Callable[[PlatformHal], None], message: str) -> None:
    hardware = Hardware(BOARD)
    before = bytes(hardware.flash["flash0"].cells)
    with pytest.raises(PlatError, match=message) as caught:
        act(hardware.hal)
    assert caught.value.reason is TfmPlatErr.INVALID_INPUT
    assert hardware.flash["flash0"].cells == before


@pytest.mark.parametrize("board", packaged_boards())
def test_the_image_slots_are_granted_to_firmware_update_alone(board: str) -> None:
    grants = load_board(board).hal_grants
    slots = {name for name in HAL_FUNCTIONS if name.startswith("flash_area_")}
    assert {partition for partition, names in grants.items() if slots & set(names)} == {"TFM_SP_FWU"}
    assert slots == set(grants["TFM_SP_FWU"])
