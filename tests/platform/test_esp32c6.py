"""The board of an ESP32-C6 with ESP-TEE: flash as ESP-IDF's partition table has it, memory, eFuses."""

from dataclasses import replace

import pytest

from tfm_sim.platform.board import load_board
from tfm_sim.platform.hal import PlatformHal, granted
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.otp import OtpError, OtpField
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY, DUMMY_ESP32C6, VIRGIN, ProvisioningError, provisioned_otp
from tfm_sim.platform.slot_windows import exchange_slots

BOARD = load_board("esp32c6_tee")
KIB = 1024


# partitions_two_ota_tee.csv: sizes in KiB; an application begins at 64 KiB, all others at 4 KiB.
@pytest.mark.parametrize(
    "name, offset, size",
    [
        ("bootloader", 0x0, 32),
        ("partition_table", 0x8000, 4),
        ("tee_0", 0x10000, 256),
        ("tee_1", 0x50000, 256),
        ("tee_otadata", 0x90000, 8),
        ("secure_storage", 0x92000, 56),
        ("ota_0", 0xA0000, 1536),
        ("ota_1", 0x220000, 1536),
        ("otadata", 0x3A0000, 8),
        ("nvs", 0x3A2000, 24),
        ("phy_init", 0x3A8000, 4),
    ],
)
def test_partitions(name: str, offset: int, size: int) -> None:
    area = BOARD.area(name)
    assert (area.offset, area.size) == (offset, size * KIB)


@pytest.mark.parametrize(
    "address, name, security",
    [
        (0x40800000, "shared_data", "secure"),
        (0x40800400, "tee_ram", "secure"),
        (0x4082FFFF, "tee_ram", "secure"),
        (0x40830000, "ree_ram", "non_secure"),
        (0x4087FFFF, "ree_ram", "non_secure"),
        (0x40880000, None, None),
        (0x42000000, "tee_flash", "secure"),
        (0x4203FFFF, "tee_flash", "secure"),
        (0x42040000, "ree_flash", "non_secure"),
        (0x50000000, "rtc_ram", "non_secure"),
        (0x50003FFF, "rtc_ram", "non_secure"),
        (0x50004000, None, None),
        (0x600B1000, "efuse", "secure"),
    ],
)
def test_memory_map(address: int, name: str | None, security: str | None) -> None:
    region = Hardware(BOARD).memory.find(address)
    assert (region and region.name, region and region.security.value) == (name, security)


def test_the_efuses_are_the_chip_makers() -> None:
    hal = Hardware(BOARD, provisioning=DUMMY_ESP32C6).hal
    assert hal.esp_efuse_mac_get_default() == bytes.fromhex("02e5c6000001")
    assert hal.esp_efuse_optional_unique_id() == bytes.fromhex("e5c6e5c6") * 4
    assert hal.efuse_hal_chip_revision() == 1
    assert hal.esp_rom_chip_id() == 13


def test_a_chip_from_the_wafer_has_its_mac() -> None:
    virgin = replace(VIRGIN, efuse_mac=bytes(range(6)), efuse_chip_revision=0x102)
    otp = provisioned_otp(virgin, BOARD.otp.layout, BOARD.otp.size)
    assert otp.read(OtpField.EFUSE_MAC) == bytes(range(6))
    assert otp.read(OtpField.EFUSE_CHIP_REVISION) == b"\x02\x01"


def test_other_chips_have_no_such_efuses() -> None:
    hal = Hardware(load_board("an521"), provisioning=DUMMY_ESP32C6).hal
    for read in (
        hal.esp_efuse_mac_get_default,
        hal.esp_efuse_optional_unique_id,
        hal.efuse_hal_chip_revision,
    ):
        with pytest.raises(OtpError, match="no such field"):
            read()
    assert hal.esp_rom_chip_id() == 0


def test_a_mac_that_is_too_long() -> None:
    with pytest.raises(ProvisioningError, match="EFUSE_MAC: 7 bytes; legal: at most 6"):
        provisioned_otp(replace(DUMMY, efuse_mac=bytes(7)), BOARD.otp.layout, BOARD.otp.size)


def test_flash_is_read_by_its_offset() -> None:
    hardware = Hardware(BOARD)
    hardware.flash["flash0"].write(0xA0000, b"here")
    assert hardware.hal.esp_tee_flash_read(0xA0000, 4) == b"here"
    for offset, length in ((0x400000, 1), (0x3FFFFF, 2), (-1, 1), (0, -1)):
        with pytest.raises(PlatError):
            hardware.hal.esp_tee_flash_read(offset, length)


def test_the_partition_that_runs_is_the_one_that_the_mmu_shows() -> None:
    hardware = Hardware(BOARD)
    asks = (
        hardware.hal.bootloader_utility_tee_get_boot_partition,
        hardware.hal.esp_tee_flash_get_running_ree_partition,
    )
    assert [ask() for ask in asks] == [0x10000, 0xA0000]
    exchange_slots(hardware.memory, hardware.slot(1, "primary"), hardware.slot(1, "secondary"), paged=True)
    assert [ask() for ask in asks] == [0x10000, 0x220000]
    # RAM has the same offsets in a device of its own.
    exchange_slots(hardware.memory, hardware.slot(0, "primary"), hardware.slot(0, "secondary"), paged=True)
    assert [ask() for ask in asks] == [0x50000, 0x220000]
    for address, offset in ((0x42000000, 0x50000), (0x42040000, 0x220000)):
        region = hardware.memory.find(address)
        assert region is not None
        assert (region.base, region.offset) == (address, offset)
    for region in hardware.memory.regions:
        hardware.memory.remove(region)
    bare = PlatformHal(hardware.otp, hardware.nv_counters, hardware.rng)
    unmapped = (*asks, bare.esp_tee_flash_get_running_ree_partition, lambda: bare.esp_tee_flash_read(0, 1))
    for ask in unmapped:
        with pytest.raises(PlatError) as caught:
            ask()
        assert caught.value.reason is TfmPlatErr.UNSUPPORTED


def test_the_attestation_may_identify_the_chip_and_read_flash_and_no_more() -> None:
    grants = BOARD.hal_grants
    assert grants["TFM_SP_TEE_SEC_STORAGE"] == ()
    names = set(grants["TFM_SP_ESP_TEE_ATTESTATION"])
    assert names == {
        "esp_efuse_mac_get_default",
        "esp_efuse_optional_unique_id",
        "efuse_hal_chip_revision",
        "esp_rom_chip_id",
        "esp_tee_flash_read",
        "bootloader_utility_tee_get_boot_partition",
        "esp_tee_flash_get_running_ree_partition",
    }
    others = {name for partition, given in grants.items() for name in given if "ESP_TEE" not in partition}
    assert not names & others
    assert granted(Hardware(BOARD).hal, names).esp_rom_chip_id() == 13
