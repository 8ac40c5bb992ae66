"""The flash driver of the non-secure side: its flash by address, nothing of the secure side, power cuts."""

from collections.abc import Callable

import pytest

import tfm_sim
from tfm_sim.device import Device, DeviceOff
from tfm_sim.platform.board import AreaRole, load_board
from tfm_sim.platform.flash import Flash, FlashError
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.memory import Access, Memory, Region, RegionKind, Security
from tfm_sim.platform.ns_flash import NonSecureFlash, NonSecureFlashError
from tfm_sim.platform.power import CutMode, PowerCut

BOARD = load_board("stm32wba65i_dk1")
FACTORY_DATA = 0x081EC000
SPI = 0x70000000


@pytest.fixture
def flash() -> NonSecureFlash:
    return Hardware(BOARD).ns_flash


def test_what_is_programmed_is_read_there_and_lies_in_the_device() -> None:
    hardware = Hardware(BOARD)
    hardware.ns_flash.program(FACTORY_DATA + 16, b"0123456789abcdef")
    assert hardware.ns_flash.read(FACTORY_DATA, 40) == b"\xff" * 16 + b"0123456789abcdef" + b"\xff" * 8
    assert hardware.flash["flash0"].read(0x1EC010, 16) == b"0123456789abcdef"
    hardware.ns_flash.program(SPI + 1, b"any byte")
    assert hardware.flash["spi_flash"].read(0, 10) == b"\xffany byte\xff"
    hardware.ns_flash.erase(FACTORY_DATA, 0x4000)
    assert hardware.ns_flash.read(FACTORY_DATA, 0x4000) == b"\xff" * 0x4000


def test_units_are_the_device_s(flash: NonSecureFlash) -> None:
    assert (flash.erase_block(FACTORY_DATA), flash.write_size(FACTORY_DATA)) == (0x2000, 16)
    assert (flash.erase_block(SPI), flash.write_size(SPI), flash.erased_value(SPI)) == (0x1000, 1, 0xFF)


def test_a_range_may_run_over_neighbouring_regions(flash: NonSecureFlash) -> None:
    flash.program(FACTORY_DATA - 16, bytes(32))
    assert flash.read(FACTORY_DATA - 17, 34) == b"\xff" + bytes(32) + b"\xff"


@pytest.mark.parametrize(
    "device, offset, legal",
    [("one", 0x1000, True), ("one", 0x2000, False), ("one", 0, False), ("other", 0x1000, False)],
)
def test_neighbours_on_the_bus_must_be_neighbours_in_the_device(
    device: str, offset: int, legal: bool
) -> None:
    def region(name: str, base: int, device: str, offset: int) -> Region:
        secure, kind = Security.NON_SECURE, RegionKind.FLASH
        return Region(name, base, 0x1000, secure, Access.READ, kind=kind, device=device, offset=offset)

    memory = Memory()
    for one in (region("low", 0x8000, "one", 0), region("high", 0x9000, device, offset)):
        memory.add(one, bytearray(0x1000))
    flash = NonSecureFlash(memory, {n: Flash(n, 0x4000, 0x1000, 1) for n in ("one", "other")})
    if legal:
        assert flash.read(0x8FFC, 8) == b"\xff" * 8
        return
    with pytest.raises(NonSecureFlashError, match="high at 0x00009000 is not the continuation"):
        flash.read(0x8FFC, 8)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda f: f.read(0x0C01C000, 4), "found secure secure_storage 0x0c01c000"),
        (
            lambda f: f.program(0x0C020000, bytes(16)),
            "flash program of 16 bytes at 0x0c020000 .* found secure",
        ),
        (lambda f: f.erase(0x0C006000, 0x2000), "flash erase .* found secure bl2_code"),
        (lambda f: f.read(0x08024000, 4), "found nothing at 0x08024000; legal: 0x08064000..0x081e3fff, "),
        (lambda f: f.read(0x081FFFF0, 32), "found nothing at 0x08200000"),
        (lambda f: f.read(0x0C018000, 4), "found secure otp"),
        (lambda f: f.program(0x20000000, bytes(16)), "found non_secure non_secure_data"),
        (lambda f: f.read(0x40013800, 4), "found non_secure USART1"),
        (lambda f: f.read(FACTORY_DATA, -1), "read of -1 bytes"),
        (lambda f: f.read(-4, 8), "found nothing at"),
        (lambda f: f.read(0x0C000000, 0), "found secure"),
    ],
)
def test_what_is_not_its_own(
    flash: NonSecureFlash, use: Callable[[NonSecureFlash], None], message: str
) -> None:
    with pytest.raises(NonSecureFlashError, match=message):
        use(flash)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda f: f.program(FACTORY_DATA, bytes(8)), "write of 8 bytes at 0x1ec000; .* multiples of 16"),
        (lambda f: f.program(FACTORY_DATA + 8, bytes(16)), "at 0x1ec008; .* multiples of 16"),
        (lambda f: f.erase(FACTORY_DATA, 0x1000), "erase of 4096 bytes .* multiples of 8192"),
        (lambda f: (f.program(SPI, b"\0"), f.program(SPI, b"\1")), "only bits that are still erased"),
    ],
)
def test_what_the_device_cannot_do(
    flash: NonSecureFlash, use: Callable[[NonSecureFlash], None], message: str
) -> None:
    with pytest.raises(FlashError, match=message):
        use(flash)


@pytest.mark.parametrize(
    "mode, left", [(CutMode.BEFORE, b""), (CutMode.TORN, b"01234567"), (CutMode.AFTER, b"0123456789abcdef")]
)
def test_its_writes_are_numbered_and_cut(mode: CutMode, left: bytes) -> None:
    with tfm_sim.boot(BOARD) as device:
        number = device.hardware.power.operations + 2
        device.cut_power(f"{number}:{mode.value}")
        device.ns_flash.erase(FACTORY_DATA, 0x2000)
        with pytest.raises(PowerCut, match=f"operation {number}: write of 16 bytes at 0x1ec000"):
            device.ns_flash.program(FACTORY_DATA, b"0123456789abcdef")
        device.power_on()
        assert device.ns_flash.read(FACTORY_DATA, 16) == left.ljust(16, b"\xff")


def test_it_is_there_while_the_device_is_on() -> None:
    with Device(BOARD) as device, pytest.raises(DeviceOff, match="power_on"):
        _ = device.ns_flash


def test_on_a_board_that_emulates_flash_in_ram_the_secondary_slots_are_the_non_secure_side_s() -> None:
    flash = Hardware(load_board("an521")).ns_flash
    assert list(flash.ranges()) == [(0x00100000, 0x80000), (0x00180000, 0x100000)]
    with pytest.raises(NonSecureFlashError, match="found secure secure_code"):
        flash.erase(0x10080000, 0x1000)


# The addresses of the commands in ST's provisioning guide, and where they come to lie on each board.
@pytest.mark.parametrize(
    "board, factory_data, candidate, trailer",
    [
        ("stm32wba65i_dk1_open", 0x081EC000, 0x08000000, None),
        ("stm32wba65i_dk1_oemirot", 0x081EC000, 0x70006000, 0x701CBFF0),
        ("stm32wba65i_dk1", 0x081EC000, 0x70040000, 0x701BFFF0),
        ("nucleo_u575zi_q", 0x081EC000, 0x08100000, 0x081E5FF0),
        ("stm32wb5mm_dk", 0x901C0000, 0x08000000, None),
    ],
)
def test_the_addresses_of_the_provisioning_guide(
    board: str, factory_data: int, candidate: int, trailer: int | None
) -> None:
    loaded = load_board(board)
    area = loaded.area_with_role(AreaRole.FACTORY_DATA)
    assert area is not None
    assert loaded.non_secure_address_of(area) == factory_data
    slot = loaded.slot(loaded.image_count - 1, "primary" if trailer is None else "secondary")
    assert loaded.non_secure_address_of(slot) == candidate
    if trailer is not None:
        assert loaded.non_secure_address_of(slot) + slot.size - 16 == trailer
    assert Hardware(loaded).ns_flash.read(factory_data, 2) == b"\xff\xff"


def test_the_coprocessor_firmware_of_the_guide_lies_in_the_secure_flash() -> None:
    loaded = load_board("stm32wb5mm_dk")
    slot = loaded.slot(0, "primary")
    assert loaded.address_of(slot) == 0x08094000
    with pytest.raises(NonSecureFlashError, match="found secure secure_code"):
        Hardware(loaded).ns_flash.read(0x08094000, 4)
