"""The model of genFactoryData.py: its options and their rules, the plan, the programmer, what a file may hold."""

# ruff: noqa: E501 - tables of one line a case

from dataclasses import replace

import pytest
from support.matter_factory_files import FULL, PROVISIONING

import tfm_sim
from tfm_sim.interface.errors import ExitCode
from tfm_sim.interface.matter.factory_data import FactoryData, FactoryDataError, FactoryDataTag
from tfm_sim.interface.matter.factory_data_json import factory_data_from_json
from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.tools.matter.factory.factory_file import matter_notices, read_factory_file
from tfm_sim.tools.matter.factory.listing import listing, listing_data
from tfm_sim.tools.matter.factory.options import (
    FactoryOptions,
    FactoryOptionsError,
    Mode,
    Platform,
    plan_of,
)
from tfm_sim.tools.matter.factory.plan import StepKind, Target
from tfm_sim.tools.matter.factory.programmer import ProgrammerError, erase_all, program
from tfm_sim.tools.matter.factory.steps import carry_out

import json  # isort: skip

# The examples of ST's provisioning guide; of level 1 with the address that it means.
SCRIPT, APP, FW, TRAILER = "STM32_provisioning.py", "app.bin", "STM_Provisioning.bin", "MagicTrailerValue.bin"
LEVEL_0 = FactoryOptions(
    1,
    0x81EC000,
    json="p.json",
    security=0,
    flash_provisioning_fw=FW,
    flash_app_fw=APP,
    app_fw_addr=0x08000000,
    provisioning_script=SCRIPT,
)
LEVEL_1 = FactoryOptions(
    1,
    0x81EC000,
    json="p.json",
    security=1,
    platform=Platform.WBA,
    flash_app_fw=APP,
    app_fw_addr=0x70006000,
    provisioning_script=SCRIPT,
    flash_magic_trailer=TRAILER,
    flash_magic_trailer_addr=0x701CBFF0,
)
LEVEL_2 = replace(LEVEL_1, security=2, app_fw_addr=0x70040000, flash_magic_trailer_addr=0x701BFFF0)
LEVEL_1_U5 = replace(
    LEVEL_1, platform=Platform.U5, app_fw_addr=0x08100000, flash_magic_trailer_addr=0x081E5FF0
)
WB55 = FactoryOptions(
    1,
    0x901C0000,
    json="p.json",
    flash_co_fw="co.bin",
    co_fw_addr=0x08094000,
    flash_provisioning_fw=FW,
    flash_app_fw=APP,
    app_fw_addr=0x08000000,
    provisioning_script=SCRIPT,
    mode=Mode.TEST,
)
RECONFIGURE = FactoryOptions(0, 0x901C0000, json="f.json")

K = StepKind
PLANS = [
    (RECONFIGURE, Target.RECONFIGURE, None, [K.FACTORY_DATA]),
    (
        LEVEL_0,
        Target.LEVEL_0,
        "stm32wba65i_dk1_open",
        [K.PROVISIONING_FIRMWARE, K.FACTORY_DATA, K.PROVISIONING, K.APPLICATION_FIRMWARE],
    ),
    (
        LEVEL_1,
        Target.LEVEL_1_WBA,
        "stm32wba65i_dk1_oemirot",
        [
            K.REGRESSION,
            K.PROVISIONING_SCRIPTS,
            K.FACTORY_DATA,
            K.PROVISIONING,
            K.APPLICATION_FIRMWARE,
            K.MAGIC_TRAILER,
        ],
    ),
    (
        LEVEL_2,
        Target.LEVEL_2,
        "stm32wba65i_dk1",
        [
            K.REGRESSION,
            K.PROVISIONING_SCRIPTS,
            K.FACTORY_DATA,
            K.PROVISIONING,
            K.APPLICATION_FIRMWARE,
            K.MAGIC_TRAILER,
        ],
    ),
    (
        LEVEL_1_U5,
        Target.LEVEL_1_U5,
        "nucleo_u575zi_q",
        [
            K.REGRESSION,
            K.PROVISIONING_SCRIPTS,
            K.FACTORY_DATA,
            K.PROVISIONING,
            K.APPLICATION_FIRMWARE,
            K.MAGIC_TRAILER,
        ],
    ),
    (
        WB55,
        Target.STM32WB55,
        "stm32wb5mm_dk",
        [
            K.COPROCESSOR_FIRMWARE,
            K.PROVISIONING_FIRMWARE,
            K.FACTORY_DATA,
            K.PROVISIONING,
            K.APPLICATION_FIRMWARE,
        ],
    ),
]


@pytest.mark.parametrize("options, target, board, kinds", PLANS)
def test_the_examples_of_the_guide(
    options: FactoryOptions, target: Target, board: str | None, kinds: list[StepKind]
) -> None:
    plan = plan_of(options)
    assert (plan.target, target.board, [step.kind for step in plan.steps]) == (target, board, kinds)
    at = kinds.index(K.PROVISIONING) if K.PROVISIONING in kinds else len(kinds)
    assert [step.kind for step in plan.before_provisioning] == kinds[:at]
    assert [step.kind for step in plan.after_provisioning] == kinds[at + 1 :]
    # What the guide's commands say fits the boards.
    if board is not None:
        plan.check(load_board(board))


def test_the_provisioning_firmware_of_the_secure_levels_may_be_one_s_own() -> None:
    plan = plan_of(replace(LEVEL_2, flash_provisioning_fw=FW))
    assert [(s.kind, s.file) for s in plan.steps][:2] == [(K.REGRESSION, None), (K.PROVISIONING_SCRIPTS, FW)]


def test_firmware_may_be_programmed_when_reconfiguring() -> None:
    plan = plan_of(replace(RECONFIGURE, flash_app_fw=APP, app_fw_addr=0x08000000, provisioning_script=SCRIPT))
    assert [step.kind for step in plan.steps] == [K.FACTORY_DATA, K.APPLICATION_FIRMWARE]
    assert plan.before_provisioning == plan.steps


# Options, the change that spoils them, the error.
MISTAKES = [
    (RECONFIGURE, {"provisioning": 2}, "--provisioning: found 2; legal: 0 or 1"),
    (RECONFIGURE, {"binary": "x.bin"}, "both --json and --binary; legal: exactly one"),
    (RECONFIGURE, {"json": None}, "neither --json nor --binary"),
    (RECONFIGURE, {"mode": Mode.TEST}, "--provisioning 0 with --mode; legal: without"),
    (RECONFIGURE, {"security": 1, "platform": Platform.WBA}, "--provisioning 0 with --security, --platform"),
    (RECONFIGURE, {"flash_magic_trailer": TRAILER, "flash_magic_trailer_addr": 0}, "with --flashMagicTrailer, --flashMagicTrailerAddr"),
    (RECONFIGURE, {"flash_app_fw": APP}, "--flashAppFW or --flashProvisioningFW without --AppFwAddr"),
    (RECONFIGURE, {"app_fw_addr": 0}, "--AppFwAddr without --flashAppFW"),
    (RECONFIGURE, {"flash_co_fw": "co.bin"}, "--flashCoFW without --CoFwAddr"),
    (RECONFIGURE, {"co_fw_addr": 0}, "--CoFwAddr without --flashCoFW"),
    (RECONFIGURE, {"flash_addr": 1 << 32}, "--flashAddr: found 0x100000000; legal: an address of 32 bits"),
    (LEVEL_0, {"flash_provisioning_fw": None}, "--security 0 without --flashProvisioningFW; legal: with them"),
    (LEVEL_0, {"provisioning_script": None, "app_fw_addr": None}, "without --provisioning_script, --AppFwAddr"),
    (LEVEL_0, {"mode": Mode.PRODUCTION}, "--security 0 with --mode; legal: without"),
    (LEVEL_0, {"flash_co_fw": "co.bin", "co_fw_addr": 0}, "with --flashCoFW, --CoFwAddr"),
    (LEVEL_0, {"flash_magic_trailer": TRAILER}, "with --flashMagicTrailer"),
    (LEVEL_0, {"platform": Platform.U5}, "--security 0 --platform u5; legal for u5: --security 1"),
    (LEVEL_1, {"platform": None}, "--security 1 without --platform; legal: --platform wba or u5"),
    (LEVEL_1, {"flash_magic_trailer": None}, "--platform wba without --flashMagicTrailer; legal: with them"),
    (LEVEL_1, {"flash_magic_trailer_addr": None}, "without --flashMagicTrailerAddr"),
    # The zero too many of the guide's own example.
    (LEVEL_1, {"app_fw_addr": 0x700060000}, "--AppFwAddr: found 0x700060000; legal: an address of 32 bits"),
    (LEVEL_1_U5, {"security": 2}, "--security 2 --platform u5, without TF-M"),
    (LEVEL_2, {"flash_app_fw": None}, "--security 2 --platform wba without --flashAppFW"),
    (LEVEL_2, {"security": 3}, "--security: found 3; legal: 0, 1 or 2"),
    *((level, {"mode": Mode.TEST}, "with --mode; legal: without") for level in (LEVEL_1, LEVEL_1_U5, LEVEL_2)),
    *((level, {"flash_co_fw": "co.bin", "co_fw_addr": 0}, "with --flashCoFW, --CoFwAddr; legal: without")
      for level in (LEVEL_1, LEVEL_1_U5, LEVEL_2)),
    *((level, {name: None}, "without --") for level in (LEVEL_1, LEVEL_1_U5, LEVEL_2)
      for name in ("provisioning_script", "flash_app_fw", "app_fw_addr", "flash_magic_trailer",
                   "flash_magic_trailer_addr")),
    *((level, {name: None}, "without --") for level in (LEVEL_0, WB55)
      for name in ("provisioning_script", "flash_app_fw", "app_fw_addr", "flash_provisioning_fw")),
    *((RECONFIGURE, {name: value}, f"with --{option}; legal: without") for name, value, option in (
        ("mode", Mode.TEST, "mode"), ("security", 0, "security"), ("platform", Platform.WBA, "platform"),
        ("flash_magic_trailer", TRAILER, "flashMagicTrailer"),
        ("flash_magic_trailer_addr", 0, "flashMagicTrailerAddr"))),
    (WB55, {"flash_magic_trailer": TRAILER}, "with --flashMagicTrailer; legal: without"),
    (LEVEL_0, {"flash_addr": 1 << 32}, "--flashAddr: found 0x100000000; legal: an address of 32 bits"),
    (LEVEL_0, {"flash_addr": -1}, "--flashAddr: found -0x1"),
    (WB55, {"mode": None}, "without --security (STM32WB55) without --mode"),
    (WB55, {"flash_co_fw": None, "co_fw_addr": None}, "without --flashCoFW, --CoFwAddr"),
    (WB55, {"platform": Platform.WBA}, "(STM32WB55) with --platform"),
    (WB55, {"json": None}, "neither --json nor --binary"),
]  # fmt: skip


@pytest.mark.parametrize("options, change, message", MISTAKES)
def test_options_that_contradict_each_other(
    options: FactoryOptions, change: dict[str, object], message: str
) -> None:
    with pytest.raises(FactoryOptionsError) as caught:
        plan_of(replace(options, **change))  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("options, board, message", [
    (LEVEL_0, "stm32wb5mm_dk", "factory data: found 0x081ec000; legal on board stm32wb5mm_dk: 0x901c0000"),
    (replace(LEVEL_0, app_fw_addr=0x08002000), None, "provisioning firmware: found 0x08002000; legal on board stm32wba65i_dk1_open: 0x08000000"),
    # The prose of the guide about level 1 has the trailer of level 2.
    (replace(LEVEL_1, flash_magic_trailer_addr=0x701BFFF0), None, "magic trailer: found 0x701bfff0; legal on board stm32wba65i_dk1_oemirot: 0x701cbff0"),
    (replace(LEVEL_2, app_fw_addr=0x70006000), None, "application firmware: found 0x70006000; legal on board stm32wba65i_dk1: 0x70040000"),
    (replace(WB55, co_fw_addr=0x08090000), None, "coprocessor firmware: found 0x08090000; legal on board stm32wb5mm_dk: 0x08094000"),
])  # fmt: skip
def test_addresses_at_which_the_board_does_not_look(
    options: FactoryOptions, board: str | None, message: str
) -> None:
    plan = plan_of(options)
    with pytest.raises(ProgrammerError) as caught:
        plan.check(load_board(board or plan.target.board or ""))
    assert message in str(caught.value)


def test_a_board_without_such_an_area_takes_factory_data_anywhere() -> None:
    plan_of(RECONFIGURE).check(load_board("an521"))


# --- The programmer ---


def test_a_file_lies_at_its_address_and_its_blocks_are_erased() -> None:
    hardware = Hardware(load_board("stm32wba65i_dk1"))
    flash = hardware.flash["flash0"]
    program(hardware, 0x081EC000, b"\0" * 0x4000)
    done = program(hardware, 0x081EDFF0, b"0123456789abcdefX")
    assert (done.flash, done.offset, done.size, done.erased) == ("flash0", 0x1EDFF0, 17, 0x4000)
    assert flash.read(0x1EC000, 0x1FF0) == b"\xff" * 0x1FF0
    assert flash.read(0x1EDFF0, 32) == b"0123456789abcdefX" + b"\xff" * 15
    assert hardware.power.operations == 0
    # At either alias, and in the external flash to the byte.
    assert program(hardware, 0x0C024000, b"secure image").offset == 0x24000
    assert program(hardware, 0x70000003, b"any").offset == 3
    assert program(hardware, 0x081FFFF0, bytes(16)).offset == 0x1FFFF0
    erase_all(hardware)
    assert flash.read(0x1EDFF0, 32) == b"\xff" * 32


def test_what_the_maker_of_the_chip_wrote_is_no_programmers() -> None:
    """System flash with its certificates, and the keys of a chip with a CCB, outlive a regression."""
    hardware = Hardware(load_board("nucleo_u385rg_q"))
    kept = {name: hardware.flash[name] for name in ("system_flash", "chip_secrets")}
    with hardware.power.programmer():
        kept["system_flash"].write(0, b"certificates")
    before = {name: bytes(flash.cells) for name, flash in kept.items()}
    erase_all(hardware)
    assert {name: bytes(flash.cells) for name, flash in kept.items()} == before
    with pytest.raises(ProgrammerError, match="found address 0xbf80000"):
        program(hardware, 0x0BF80000, b"x")


@pytest.mark.parametrize("address, data, message", [
    (0x20000000, b"x", "f.bin: found address 0x20000000; legal on stm32wba65i_dk1: 0x08000000..0x081fffff (flash0), 0x0c000000"),
    (0x081EC008, b"x", "f.bin: found address 0x081ec008; legal: multiples of 16 in flash0"),
    (0x081FFFF0, bytes(17), "f.bin of 17 bytes at 0x081ffff0; legal: up to 16 bytes there"),
    (0x081EC000, b"", "f.bin: found no bytes"),
    (-1, b"x", "f.bin: found address -0x1"),
])  # fmt: skip
def test_what_the_programmer_refuses(address: int, data: bytes, message: str) -> None:
    with pytest.raises(ProgrammerError) as caught:
        program(Hardware(load_board("stm32wba65i_dk1")), address, data, "f.bin")
    assert message in str(caught.value)


@pytest.mark.parametrize("options", [RECONFIGURE, LEVEL_0, LEVEL_1, LEVEL_2, LEVEL_1_U5, WB55])
def test_steps_are_carried_out_up_to_the_conversation(options: FactoryOptions) -> None:
    plan = plan_of(options)
    hardware = Hardware(load_board(plan.target.board or "stm32wb5mm_dk"))
    image = FactoryData({FactoryDataTag.VENDOR_NAME: b"A"}).encode()
    done = list(carry_out(plan.before_provisioning, hardware, image, lambda name: name.encode()))
    assert [d.step for d in done] == list(plan.before_provisioning)
    assert [d.step.kind for d in done if d.result is None] == (
        [K.PROVISIONING_SCRIPTS] if plan.target.is_secure else []
    )
    assert hardware.ns_flash.read(options.flash_addr, len(image) + 1) == image + b"\xff"
    if options.flash_co_fw is not None and options.co_fw_addr is not None:
        assert hardware.slot(0, "primary").read(0, 6) == b"co.bin"
    if options is LEVEL_0:
        assert hardware.ns_flash.read(0x08000000, 20) == b"STM_Provisioning.bin"


# --- Files ---


@pytest.mark.parametrize("options", [LEVEL_1, LEVEL_2, LEVEL_1_U5, LEVEL_0, WB55])
def test_the_regression_script_leaves_nothing_of_an_earlier_life(options: FactoryOptions) -> None:
    """ST's guide: it erases the memory; without OEMiROT and SBSFU there is none, and OTP keeps what was burnt."""
    plan = plan_of(options)
    hardware = Hardware(load_board(plan.target.board or ""))
    for flash in hardware.flash.values():
        flash.write(0, bytes(16))
        flash.write(flash.size - 16, bytes(16))
    hardware.otp.cells[0x100:0x104] = b"burn"
    first = next(carry_out(plan.before_provisioning, hardware, b"-", lambda name: b"firmware"))
    erased = all(flash.cells.count(0xFF) == flash.size for flash in hardware.flash.values())
    assert (first.result == "all flash erased") is plan.target.is_secure
    assert plan.target.is_secure is erased
    assert hardware.otp.cells[0x100:0x104] == b"burn"


def test_a_file_of_either_form_gives_the_same_image() -> None:
    raw = json.dumps(FULL).encode()
    found = read_factory_file(raw, "f.json", is_json=True, provisioning=False)
    image = found.data.encode()
    assert read_factory_file(image, "f.bin", is_json=False, provisioning=False) == found
    assert found.notices == ()


@pytest.mark.parametrize(
    "tag",
    [
        "DEVICE_ATTESTATION_CERTIFICATE",
        "PAI_CERTIFICATE",
        "DEVICE_ATTESTATION_PRIV_KEY",
        "DEVICE_ATTESTATION_PUB_KEY",
    ],
)
def test_a_file_for_provisioning_has_no_credentials(tag: str) -> None:
    raw = json.dumps({**PROVISIONING, tag: FULL[tag]}).encode()
    with pytest.raises(
        FactoryDataError, match=f"f.json: found {tag}; legal with --provisioning 1: none of them"
    ):
        read_factory_file(raw, "f.json", is_json=True, provisioning=True)
    assert (
        read_factory_file(
            json.dumps(PROVISIONING).encode(), "f.json", is_json=True, provisioning=True
        ).notices
        == ()
    )


def test_a_file_for_reconfiguring_should_have_them_all() -> None:
    raw = json.dumps({name: value for name, value in FULL.items() if name != "PAI_CERTIFICATE"}).encode()
    [notice] = read_factory_file(raw, "f.json", is_json=True, provisioning=False).notices
    assert notice == "without PAI_CERTIFICATE: the device cannot attest itself with this data alone"


def test_unknown_parameters_and_ids_are_told() -> None:
    raw = json.dumps({**FULL, "COLOUR": "red"}).encode()
    assert read_factory_file(raw, "f", is_json=True, provisioning=False).notices == (
        "'COLOUR' is unknown and left out",
    )
    raw = bytes.fromhex("63000000010000000a") + factory_data_from_json(json.dumps(FULL)).encode()
    assert read_factory_file(raw, "f", is_json=False, provisioning=False).notices == (
        "'id 99' is unknown and left out",
    )


@pytest.mark.parametrize("raw, is_json, message", [
    (b"{}", True, "f: found no factory data"),
    (b"\xac\xac\xac\xac", False, "f: found no factory data"),
    (b"\x01\0\0", False, "f: factory data at byte 0: found 3 bytes"),
    (b"nonsense", True, "f:1:1: not JSON"),
])  # fmt: skip
def test_files_that_hold_no_factory_data(raw: bytes, is_json: bool, message: str) -> None:
    with pytest.raises(FactoryDataError, match=message):
        read_factory_file(raw, "f", is_json=is_json, provisioning=False)


@pytest.mark.parametrize("name, value, notice", [
    ("SETUP_DISCRIMINATOR", "0xFFF", None),
    ("SETUP_DISCRIMINATOR", "0x1000", "SETUP_DISCRIMINATOR (id 11) is against Matter: found 0x1000; legal: 0 to 0xfff"),
    ("SPAKE2_ITERATION_COUNT", "1000", None),
    ("SPAKE2_ITERATION_COUNT", "100000", None),
    ("SPAKE2_ITERATION_COUNT", "999", "found 999; legal: 1000 to 100000"),
    ("SPAKE2_ITERATION_COUNT", "100001", "found 100001"),
    ("SPAKE2_SALT", ["00"] * 32, None),
    ("SPAKE2_SALT", ["00"] * 15, "found 15 bytes; legal: 16 to 32"),
    ("SPAKE2_SALT", ["00"] * 33, "found 33 bytes"),
    ("SPAKE2_VERIFIER", ["00"] * 97, None),
    ("SPAKE2_VERIFIER", ["00"] * 96, "found 96 bytes; legal: 97"),
    ("SPAKE2_SETUP_PASSCODE", "1", None),
    ("SPAKE2_SETUP_PASSCODE", "99999998", None),
    ("SPAKE2_SETUP_PASSCODE", "0", "found 00000000; legal: 1 to 99999998 without the trivial ones"),
    ("SPAKE2_SETUP_PASSCODE", "99999999", "found 99999999"),
    ("SPAKE2_SETUP_PASSCODE", "11111111", "found 11111111"),
    ("SPAKE2_SETUP_PASSCODE", "12345678", "found 12345678"),
    ("SPAKE2_SETUP_PASSCODE", "87654321", "found 87654321"),
    ("VENDOR_ID", "0xFFF4", None),
    ("VENDOR_ID", "0xFFF5", "found 0xfff5; legal: 1 to 0xfff4"),
    ("VENDOR_ID", "0", "found 0x0"),
    ("PAI_CERTIFICATE", ["00"] * 600, None),
    ("PAI_CERTIFICATE", ["00"] * 601, "found 601 bytes; legal: up to 600"),
    ("DEVICE_ATTESTATION_CERTIFICATE", ["00"] * 601, "found 601 bytes"),
])  # fmt: skip
def test_values_against_matter_are_told_and_written(name: str, value: object, notice: str | None) -> None:
    found = list(matter_notices(factory_data_from_json(json.dumps({name: value}))))
    assert len(found) == (notice is not None)
    assert notice is None or notice in found[0]


def test_the_listing_shows_every_value_but_the_private_key() -> None:
    data = factory_data_from_json(json.dumps(FULL))
    text = "\n".join(listing(data.encode()))
    assert "0x0000    1  CERTIFICATION_DECLARATION       2 bytes, 3000\n" in text
    assert "DEVICE_ATTESTATION_PRIV_KEY     32 bytes, not shown\n" in text
    assert "SETUP_DISCRIMINATOR             0xf00 (3840)\n" in text
    assert "VENDOR_NAME                     'Nobody'\n" in text
    assert text.endswith(f"{len(data.encode()) - 4:#06x}       end marker")
    assert "05" * 12 not in text
    rows = {row["name"]: row["value"] for row in listing_data(data)}
    assert rows["VENDOR_ID"] == 0xFFF1
    assert rows["SERIAL_NUMBER"] == "SN-1"
    assert rows["CERTIFICATION_DECLARATION"] == "3000"
    assert rows["DEVICE_ATTESTATION_PRIV_KEY"] is None


@pytest.mark.parametrize("name", [board for _, _, board, _ in PLANS if board is not None])
def test_a_running_device_finds_its_factory_data(name: str) -> None:
    data = factory_data_from_json(json.dumps(FULL))
    with tfm_sim.boot(name) as device:
        area = next(a for a in device.hardware.board.flash_areas if a.name == "factory_data")
        address = device.hardware.board.non_secure_address_of(area)
        program(device.hardware, address, data.encode())
        device.reset()
        assert FactoryData.decode(device.ns_flash.read(address, area.size)) == data
