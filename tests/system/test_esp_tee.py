"""ESP-TEE on whole devices: isolation levels, boot chains, flash that changes, builds that cannot be."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from support.esp_tee import BOARD, booted, build_for, esp_digest, flashed, issue, verifies, xy_of

import tfm_sim
from tfm_sim import (
    Backend,
    BootRefused,
    Build,
    Device,
    DevicePanic,
    EspTeeConfig,
    SpmConfig,
    TokenForm,
    with_esp_tee,
)
from tfm_sim.firmware_build import bl1_config_for, bl2_config_for
from tfm_sim.interface.esp_tee.errors import EspErr, EspError
from tfm_sim.interface.esp_tee.image import EspAppDesc
from tfm_sim.interface.esp_tee.service_calls import (
    ESP_TEE_ATTESTATION_HANDLE,
    ESP_TEE_SEC_STORAGE_HANDLE,
    esp_tee_service_call,
)
from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.mcuboot.trailer import write_magic
from tfm_sim.interface.trace import Event
from tfm_sim.platform.board import AreaRole, load_board
from tfm_sim.platform.provisioning import DUMMY_ESP32C6, DUMMY_ROTPKS, parse_provisioning
from tfm_sim.spm.events import CallEntered
from tfm_sim.spm.load import LoadError
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.esp_tee_firmware import DEMO

Claims = Any
HANDLES = {
    "crypto": 0x40000100,
    "its": 0x40000102,
    "measured boot": 0x40000110,
    "storage": 0x40000119,
}
NEWER = replace(
    DEMO, app=EspAppDesc(b"v0.2.0", b"v5.5-tfm-sim", 1, b"tee_attestation"), app_version=ImageVersion(0, 2, 0)
)


def claims_of(token: bytes) -> Claims:
    assert verifies(token)
    return json.loads(token)["eat"]["sw_claims"]


def told(claims: Claims, part: str) -> tuple[bool, bool]:
    """(digest_validated, sign_verified)"""
    digest = claims[part]["part_digest"]
    return digest["digest_validated"], digest["sign_verified"]


@pytest.mark.parametrize(
    ("level", "backend", "form"),
    [
        *((1, Backend.SFN, form) for form in TokenForm),
        (2, Backend.IPC, TokenForm.SLOT),
        (3, Backend.IPC, TokenForm.CHALLENGE),
    ],
)
def test_every_isolation_level_has_the_same_token_but_for_its_signature(
    level: int, backend: Backend, form: TokenForm
) -> None:
    with booted(form) as plain, booted(form, spm=SpmConfig(isolation_level=level, backend=backend)) as device:
        token = issue(device, form)
        assert verifies(token)
        assert json.loads(token)["eat"] == json.loads(issue(plain, form))["eat"]


def test_a_token_goes_through_the_spm_to_four_services() -> None:
    events: list[Event] = []
    with booted() as device:
        device.trace.listeners.append(events.append)
        device.esp_tee.generate_token(1, 2)
    calls = [event for event in events if isinstance(event, CallEntered) and event.call == "psa_call"]
    services = {(event.client, event.target) for event in calls}
    assert calls[0].client_id < 0
    attestation, storage = "TFM_SP_ESP_TEE_ATTESTATION", "TFM_SP_TEE_SEC_STORAGE"
    assert {
        (attestation, HANDLES["storage"]),
        (attestation, HANDLES["crypto"]),
        (attestation, HANDLES["measured boot"]),
        (storage, HANDLES["crypto"]),
        (storage, HANDLES["its"]),
        ("TFM_SP_CRYPTO", HANDLES["its"]),
    } <= services


@pytest.mark.parametrize("part", ["tee", "app", "bootloader"])
def test_flash_that_changes_after_boot_shows_in_the_next_token(part: str) -> None:
    """The digest is that of flash as it is; the signature is of what was measured at boot."""
    with booted(TokenForm.SLOT) as device:
        before = claims_of(issue(device, TokenForm.SLOT))
        area = {
            "tee": device.hardware.slot(0, "primary"),
            "app": device.hardware.slot(1, "primary"),
            "bootloader": device.hardware.area_with_role(AreaRole.BL2_PRIMARY),
        }[part]
        assert area is not None
        # A zero of the padding, behind the description.
        at = {"tee": 0x400 + 0x200, "app": 0x400 + 0x200, "bootloader": 1472 + 140}[part]
        area.flash.cells[area.offset + at] ^= 1
        after = claims_of(issue(device, TokenForm.SLOT))
        assert told(after, part) == (False, False)
        assert after[part]["part_digest"]["calc_digest"] != before[part]["part_digest"]["calc_digest"]
        others = {"tee", "app", "bootloader"} - {part}
        assert all(after[other] == before[other] for other in others)


def test_a_repaired_hash_is_no_signature() -> None:
    """Whoever changes flash may write a fitting hash behind it; it is not what the boot loader measured."""
    with booted(TokenForm.SLOT) as device:
        area = device.hardware.slot(1, "primary")
        image = NEWER.app_image()
        area.flash.cells[area.offset + 0x400 : area.offset + 0x400 + len(image)] = image
        claims = claims_of(issue(device, TokenForm.SLOT))
        assert told(claims, "app") == (True, False)
        assert claims["app"]["ver"] == "v0.2.0"


def test_an_upgrade_is_attested_after_the_reset_that_boots_it() -> None:
    with booted(TokenForm.SLOT) as device:
        key = xy_of(issue(device, TokenForm.SLOT))
        device.flash_image(1, NEWER.signed_app(), "secondary")
        with device.hardware.power.programmer():
            write_magic(device.hardware.slot(1, "secondary"))
        assert claims_of(issue(device, TokenForm.SLOT))["app"]["ver"] == "v0.1.0"
        device.reset()
        token = issue(device, TokenForm.SLOT)
        claims = claims_of(token)
        assert (claims["app"]["ver"], claims["app"]["secure_ver"]) == ("v0.2.0", 1)
        assert claims["app"]["part_digest"]["calc_digest"] == esp_digest(NEWER.app_image())
        assert told(claims, "app") == (True, True)
        assert xy_of(token) == key


def test_the_other_partition_is_attested_where_it_booted() -> None:
    """The boot loader runs the newer of two in place, and has the MMU show that one."""
    build = build_for(TokenForm.SLOT)
    assert build.bl2 is not None
    strategy = tfm_sim.UpgradeStrategy.DIRECT_XIP
    with Device(BOARD, build=replace(build, bl2=replace(build.bl2, strategy=strategy))) as device:
        flash_demo_firmware(device)
        device.flash_image(1, NEWER.signed_app(), "secondary")
        device.power_on()
        claims = claims_of(issue(device, TokenForm.SLOT))
        assert claims["app"]["ver"] == "v0.2.0"
        assert told(claims, "app") == (True, True)


def test_both_images_may_run_from_their_second_partitions() -> None:
    """The MMU shows them where they are linked, so neither is in the other's way."""
    newer = replace(
        NEWER, tee=EspAppDesc(b"1.1.0", b"v5.5", 0, b"esp_tee"), tee_version=ImageVersion(1, 1, 0)
    )
    build = build_for(TokenForm.SLOT)
    assert build.bl2 is not None
    strategy = tfm_sim.UpgradeStrategy.DIRECT_XIP
    with Device(BOARD, build=replace(build, bl2=replace(build.bl2, strategy=strategy))) as device:
        flash_demo_firmware(device)
        device.flash_image(0, newer.signed_tee(), "secondary")
        device.power_on()
        assert claims_of(issue(device, TokenForm.SLOT))["tee"]["ver"] == "1.1.0"
        device.flash_image(1, newer.signed_app(), "secondary")
        device.reset()
        claims = claims_of(issue(device, TokenForm.SLOT))
        assert [claims[part]["ver"] for part in ("tee", "app")] == ["1.1.0", "v0.2.0"]
        assert [told(claims, part) for part in ("tee", "app")] == [(True, True)] * 2


def test_a_good_image_in_the_other_partition_hides_nothing() -> None:
    """The REE may write what was measured at boot beside the application that it changes."""
    with booted(TokenForm.SLOT) as device:
        device.flash_image(1, DEMO.signed_app(), "secondary")
        running = device.hardware.slot(1, "primary")
        running.flash.cells[running.offset + 0x600] ^= 1
        assert told(claims_of(issue(device, TokenForm.SLOT)), "app") == (False, False)
        # Not even where no image is left to be read.
        running.flash.cells[running.offset] ^= 1
        with pytest.raises(EspError, match="ESP_ERR_NOT_FOUND"):
            issue(device, TokenForm.SLOT)


def test_a_change_where_it_booted_is_not_told_of_the_other_partition() -> None:
    build = build_for(TokenForm.SLOT)
    assert build.bl2 is not None
    strategy = tfm_sim.UpgradeStrategy.DIRECT_XIP
    with Device(BOARD, build=replace(build, bl2=replace(build.bl2, strategy=strategy))) as device:
        flash_demo_firmware(device)
        device.flash_image(1, NEWER.signed_app(), "secondary")
        device.power_on()
        running = device.hardware.slot(1, "secondary")
        running.flash.cells[running.offset + 0x600] ^= 1
        claims = claims_of(issue(device, TokenForm.SLOT))
        assert claims["app"]["ver"] == "v0.2.0"
        assert told(claims, "app") == (False, False)


def test_a_boot_loader_that_is_not_signed_is_refused_by_the_rom() -> None:
    with flashed(DEMO) as device:
        area = device.hardware.area_with_role(AreaRole.BL2_PRIMARY)
        assert area is not None
        area.flash.cells[area.offset + 1500] ^= 1
        with pytest.raises(BootRefused, match="BL1_2 refused the BL2 image"):
            device.power_on()


@pytest.mark.parametrize("image", [0, 1])
def test_firmware_that_is_not_signed_is_refused_by_the_boot_loader(image: int) -> None:
    with flashed(DEMO) as device:
        area = device.hardware.slot(image, "primary")
        area.flash.cells[area.offset + 0x500] ^= 1
        with pytest.raises(BootRefused, match=f"BL2 refused image {image}"):
            device.power_on()


def test_without_secure_boot_nothing_is_said_of_signatures() -> None:
    build = build_for(TokenForm.SLOT)
    assert build.bl2 is not None
    with tfm_sim.boot(BOARD, build=replace(build, bl2=replace(build.bl2, unsigned=True))) as device:
        claims = claims_of(issue(device, TokenForm.SLOT))
    assert {told(claims, part) for part in claims} == {(True, False)}
    assert claims["app"]["part_digest"]["secure_padding"] is False


def test_the_ree_can_spoil_a_measurement_but_not_make_one() -> None:
    """Anybody may extend a slot of a firmware image; its signature is not vouched for any more then."""
    with booted(TokenForm.SLOT) as device:
        slot = device.tfm.measured_boot.read_measurement(3)
        device.tfm.measured_boot.extend_measurement(
            3, bytes(32), signer_id=slot.signer_id, sw_type=slot.sw_type.decode()
        )
        claims = claims_of(issue(device, TokenForm.SLOT))
        assert told(claims, "app") == (True, False)
        assert told(claims, "bootloader") == (True, True)


def test_two_devices_differ_in_mac_and_key() -> None:
    found = []
    for number in (1, 2):
        values = replace(DUMMY_ESP32C6, efuse_mac=bytes([2, 0, 0, 0, 0, number]), efuse_chip_revision=number)
        values = replace(values, rotpks=DUMMY_ROTPKS["EC-P256"])
        build = build_for(TokenForm.CHALLENGE)
        with tfm_sim.boot(BOARD, build=build, provisioning=values, seed=number) as device:
            found.append(json.loads(issue(device, TokenForm.CHALLENGE))["eat"])
    first, second = found
    assert [eat["ueid"]["mac"] for eat in found] == ["020000000001", "020000000002"]
    assert [eat["device_ver"] for eat in found] == [1, 2]
    assert first["device_id"] != second["device_id"]
    assert first["instance_id"] != second["instance_id"]
    assert first["sw_claims"] == second["sw_claims"]


def test_efuses_in_a_provisioning_file() -> None:
    raw = b"lifecycle: ASSEMBLY_AND_TEST\nefuse_mac: 0200000000ff\nefuse_chip_revision: 101\n"
    values = parse_provisioning(raw + b"efuse_optional_unique_id: " + b"ab" * 16, "chip.yaml")
    assert values.efuse_mac == bytes.fromhex("0200000000ff")
    assert (values.efuse_chip_revision, values.efuse_optional_unique_id) == (101, b"\xab" * 16)


PLAIN = Build(bl1=bl1_config_for(BOARD), bl2=bl2_config_for(BOARD), ps=None)
WHOLE = with_esp_tee(PLAIN)


@pytest.mark.parametrize(
    "board, build, message",
    [
        ("an521", with_esp_tee(Build(bl2=bl2_config_for(load_board("an521")))), "on board an521"),
        ("an521_bl1", with_esp_tee(Build()), "ESP-TEE on board an521_bl1"),
        ("esp32c6_tee", replace(WHOLE, measured_boot=None), "ESP-TEE without measured_boot"),
        ("esp32c6_tee", replace(WHOLE, its=None), "ESP-TEE without its"),
        ("esp32c6_tee", replace(WHOLE, bl1=None), "bl1.image_encryption=False"),
        ("esp32c6_tee", replace(WHOLE, bl1=PLAIN.bl1), "bl1.image_encryption=False"),
        ("esp32c6_tee", replace(WHOLE, bl2=PLAIN.bl2), "bl2.store_encoded_measurements=False"),
    ],
)
def test_builds_that_cannot_be(board: str, build: Build, message: str) -> None:
    with pytest.raises((LoadError, Exception), match=message):
        Device(board, build=build)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"key_slot": 15}, "key_slot 15; legal: 0 to 14"),
        ({"key_slot": -1}, "key_slot -1"),
        ({"key_id": ""}, "legal: 1 to 15 bytes"),
        ({"key_id": "sixteen_letters_"}, "legal: 1 to 15 bytes"),
        ({"key_id": "a\0b"}, "legal: 1 to 15 bytes"),
        ({"psa_cert_ref": "7" * 32}, "legal: up to 31 bytes"),
        ({"psa_cert_ref": "7\0"}, "legal: up to 31 bytes"),
    ],
)
def test_options_that_no_build_has(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EspTeeConfig(**options)


def test_the_other_services_of_tfm_work_beside_it() -> None:
    with booted(TokenForm.CHALLENGE) as device:
        assert len(device.psa.initial_attestation.get_token(bytes(32))) > 200
        device.psa.internal_trusted_storage.set(1, b"mine")
        assert verifies(issue(device, TokenForm.CHALLENGE))
        assert device.psa.internal_trusted_storage.get(1) == b"mine"


def test_the_secure_storage_may_be_encrypted() -> None:
    """The name of the key is in flash in plain, or is not."""
    plain = build_for(TokenForm.CHALLENGE)
    assert plain.its is not None
    for encryption in (False, True):
        with tfm_sim.boot(
            BOARD, build=replace(plain, its=replace(plain.its, encryption=encryption))
        ) as device:
            assert verifies(issue(device, TokenForm.CHALLENGE))
            area = device.hardware.areas["secure_storage"]
            assert (b"tee_att_key0" in area.read(0, area.size)) is not encryption


WORDS = (0, 12, 20, 32, 33, 64, 1792, 2048, 0x40834000, 0x4087FFFF, 0x40810000, 0x42040000, 0x50000000)
ARGUMENTS = {
    service: count
    for count, services in {
        0: (36,),
        1: (42, 43, 175, 176),
        2: (37, 39, 171, 178),
        4: (38, 177),
        5: (170,),
        6: (101, 179, 180),
    }.items()
    for service in services
}


LEGAL_ANSWERS = {0, 1, *EspErr, -132, -135, -138}


@pytest.mark.parametrize("form", [TokenForm.DOCUMENT, TokenForm.PSA, TokenForm.CHALLENGE])
def test_arbitrary_service_calls_are_answered_or_take_the_device_down(form: TokenForm) -> None:
    """No other exception comes out, and a device that was not taken down still attests."""
    random = Random(form.value)
    device, answered = booted(form), 0
    for _ in range(120):
        service = random.choice(list(ARGUMENTS))
        words = [random.choice((*WORDS, random.getrandbits(32))) for _ in range(ARGUMENTS[service])]
        handle = ESP_TEE_ATTESTATION_HANDLE if service in (101, 170, 171) else ESP_TEE_SEC_STORAGE_HANDLE
        try:
            assert esp_tee_service_call(device.ns, handle, service, *words) in LEGAL_ANSWERS
            answered += 1
        except DevicePanic:
            device.power_off()
            device = booted(form)
    assert answered > 60
    assert verifies(issue(device, form))
    device.power_off()
