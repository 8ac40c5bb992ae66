"""FF-M 1.1, MMIO regions: a claimed device is secure, its claimer's, and nobody else's, until power-on."""

import pytest

from tfm_sim.platform.board import BoardError, load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.memory import Access, MemoryFault, RegionKind, Security

BOARD = load_board("an521")
R, RW = Access.READ, Access.READ | Access.WRITE


@pytest.mark.parametrize(
    "name, base, size",
    [
        ("TFM_PERIPHERAL_TIMER0", 0x50000000, 0x1000),
        ("UART1", 0x50201000, 0x1000),
        ("TFM_PERIPHERAL_UART1", 0x50201000, 0x1000),
        ("FF_TEST_UART_REGION", 0x50202000, 0x1000),
        ("FF_TEST_WATCHDOG_REGION", 0x50081000, 0x1000),
        ("FF_TEST_NVMEM_REGION", 0x102FFC00, 0x400),
        ("FF_TEST_SERVER_PARTITION_MMIO", 0x3801FC00, 0x100),
        ("FF_TEST_DRIVER_PARTITION_MMIO", 0x3801FE00, 0x100),
    ],
)
@pytest.mark.parametrize("access", [R, RW])
def test_a_named_region_becomes_secure_and_owned(name: str, base: int, size: int, access: Access) -> None:
    hardware = Hardware(BOARD)
    region = hardware.claim(name, "OWNER", access)
    assert (region.base, region.size, region.owner, region.access) == (base, size, "OWNER", access)
    assert region.security is Security.SECURE
    assert hardware.memory.find(base) is region


def test_a_claimed_peripheral_leaves_its_non_secure_address_and_keeps_its_registers() -> None:
    hardware = Hardware(BOARD)
    hardware.bus.store(0x40000008, b"\x07\0\0\0")
    hardware.claim("TIMER0", "OWNER")
    assert hardware.memory.find(0x40000000) is None
    assert hardware.bus.load(0x50000008, 4) == b"\x07\0\0\0"
    with pytest.raises(MemoryFault, match="nothing is mapped there"):
        hardware.bus.load(0x40000008, 4)


def test_the_next_power_on_undoes_claims() -> None:
    hardware = Hardware(BOARD)
    before = hardware.memory.regions
    for _ in range(2):
        hardware.claim("TIMER0", "A")
        hardware.claim("DUALTIMER", "A")
        hardware.claim_range(0x50201000, 0x100, "B", R)
        hardware.claim_range(0x38040000, 0x100, "C")
        hardware.bus.store(0x50002000, b"page")
        hardware.memory.restore(before)
        assert hardware.memory.regions == before
        assert hardware.bus.load(0x40002000, 4) == b"page"
        hardware.clear()
        assert hardware.bus.load(0x40002000, 4) == bytes(4)


@pytest.mark.parametrize(
    "base, size, kind",
    [
        (0x50201000, 0x1000, RegionKind.PERIPHERAL),
        (0x50201000, 0x20, RegionKind.PERIPHERAL),
        (0x50201FE0, 0x20, RegionKind.PERIPHERAL),
        (0x50081000, 0x1000, RegionKind.PERIPHERAL),
        (0x50081000, 0x10, RegionKind.PERIPHERAL),
        (0x3801FC00, 0x100, RegionKind.RAM),
        (0x10280000, 0x80000, RegionKind.FLASH),
    ],
)
def test_a_numbered_region(base: int, size: int, kind: RegionKind) -> None:
    hardware = Hardware(BOARD)
    region = hardware.claim_range(base, size, "OWNER")
    assert (region.base, region.size, region.owner, region.kind) == (base, size, "OWNER", kind)
    assert not region.non_secure
    assert hardware.memory.find_range(base, size) is region


def test_registers_behind_a_part_of_a_peripheral_are_at_their_own_offsets() -> None:
    hardware = Hardware(BOARD)
    hardware.claim_range(0x50201FE0, 0x20, "OWNER", R)
    assert hardware.bus.load(0x50201FE0, 4) == b"\x21\0\0\0"
    whole = hardware.memory.find(0x50201000)
    assert whole is not None
    assert (whole.owner, whole.non_secure) == ("", False), "the rest of a peripheral is secure with its part"
    other = hardware.claim_range(0x50201000, 0x20, "OTHER")
    assert other.owner == "OTHER"


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "TIMER9",
            "board an521: no MMIO region 'TIMER9'; legal: TFM_PERIPHERAL_TIMER0, FF_TEST_WATCHDOG_REG",
        ),
        (
            "WATCHDOG_NS",
            "board an521: WATCHDOG_NS for B: it has no secure address; legal: peripherals that can",
        ),
        ("UART1", "board an521: UART1 for B: UART1 0x50201000..0x50201fff is claimed by A already"),
        ("FF_TEST_SERVER_PARTITION_MMIO", "0x3801fc00..0x3801fcff for B: A_mmio .* is claimed by A already"),
        ("UART3", "UART3 for B: A_mmio 0x50203000..0x502030ff is claimed by A already"),
    ],
)
def test_names_that_cannot_be_claimed(name: str, message: str) -> None:
    hardware = Hardware(BOARD)
    hardware.claim("UART1", "A")
    hardware.claim("FF_TEST_SERVER_PARTITION_MMIO", "A")
    hardware.claim_range(0x50203000, 0x100, "A")
    before = hardware.memory.regions
    with pytest.raises(BoardError, match=message):
        hardware.claim(name, "B")
    assert hardware.memory.regions == before


@pytest.mark.parametrize(
    "base, size, message",
    [
        (0x60000000, 4, "MMIO region 0x60000000..0x60000003 for B: legal: a range inside one secure region"),
        (0x28100000, 4, "legal: a range inside one secure region"),
        (0x40202000, 0x1000, "legal: a range inside one secure region"),
        (0x380FFFF0, 0x20, "legal: a range inside one secure region"),
        (0x38001000, 0, "legal: a range inside one secure region"),
        (0x38001000, -4, "legal: a range inside one secure region"),
        (0x10080000, 0x100, "secure_code is read-only; legal: READ-ONLY"),
        (0x10309000, 0x100, "otp is read-only; legal: READ-ONLY"),
        (0x38010010, 0x10, r"A_mmio 0x38010000\.\.0x380100ff is claimed by A already"),
        (0x380100F0, 0x20, "legal: a range inside one secure region"),
        (0x50201000, 0x1000, "UART1 for B: UART1 .* is claimed by A already"),
        (0x50201000, 0x10, "UART1 .* is claimed by A already"),
        (0x50203FF0, 0x20, "legal: a range inside one secure region"),
    ],
)
def test_numbers_that_cannot_be_claimed(base: int, size: int, message: str) -> None:
    hardware = Hardware(BOARD)
    hardware.claim("UART1", "A")
    hardware.claim_range(0x38010000, 0x100, "A")
    before = hardware.memory.regions
    with pytest.raises(BoardError, match=message):
        hardware.claim_range(base, size, "B")
    assert hardware.memory.regions == before


def test_read_only_claims_of_read_only_memory_are_legal() -> None:
    region = Hardware(BOARD).claim_range(0x10309000, 0x100, "OWNER", R)
    assert (region.kind, region.access) == (RegionKind.OTP, R)


def test_remap_changes_nothing_where_the_new_place_is_taken() -> None:
    memory = Hardware(BOARD).memory
    before = memory.regions
    timer, uart = memory.find(0x40000000), memory.find(0x40200000)
    assert timer is not None
    assert uart is not None
    with pytest.raises(MemoryFault, match="overlaps"):
        memory.remap(timer, uart)
    assert memory.regions == before
