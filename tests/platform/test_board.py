"""Boards: the packaged ones as TF-M has them, and every mistake in a description named with file and line."""

# ruff: noqa: E501 - a table of one line a case

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.platform.board import BOARDS_DIRECTORY, AreaRole, Board, BoardError, load_board, packaged_boards
from tfm_sim.platform.board_yaml import parse_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.memory import Security

AN521 = (BOARDS_DIRECTORY / "an521.yaml").read_text()

SMALL = """\
name: small
description: the least that is a board
flash:
  - {name: f, size: 0x4000, erase_block: 0x400, write_size: 4, secure_base: 0x10000000}
ram:
  - {name: r, size: 0x2000}
flash_areas:
  - {id: 1, name: p0, flash: f, offset: 0, size: 0x2000, image: 0, slot: primary}
  - {id: 2, name: s0, flash: f, offset: 0x2000, size: 0x2000, image: 0, slot: secondary}
max_image_sectors: 8
regions:
  - {name: code, base: 0x10000000, size: 0x2000, security: secure, access: rx, device: f, offset: 0}
  - {name: data, base: 0x30000000, size: 0x1c00, security: secure, access: rw, device: r, offset: 0}
  - {name: shared, base: 0x30001c00, size: 0x400, security: secure, access: rw, device: r, offset: 0x1c00}
shared_data: {base: 0x30001c00, size: 0x400}
peripherals:
  - {name: TIMER, size: 0x1000, security: secure, secure_base: 0x50000000, irqs: {T_IRQn: 3}}
  - {name: UART, size: 0x1000, security: non_secure, non_secure_base: 0x40001000, mmio_name: STD, irqs: {U_IRQn: 4}}
irq_sources: {T: T_IRQn}
hal_grants:
  TFM_SP_CRYPTO: [tfm_plat_get_huk, tfm_hal_random]
"""


def parse(text: str) -> None:
    parse_board(text.encode(), "b.yaml")


# Each case edits SMALL and tells the line to blame and what the message says.
MISTAKES = [
    ("name: small\n", "", 1, "missing key 'name'; found description, flash"),
    ("name: small", "name: 7", 1, "name: wrong type; found 7; legal: a name of letters"),
    ("name: small", "name: a b", 1, "name: not legal; found 'a b'; legal: a name of letters"),
    ("name: small", "nmae: small", 1, "unknown key; found 'nmae'; legal: name, description"),
    ("irq_sources:", "name: again\nirq_sources:", 19, "duplicate key 'name'; found first at line 1"),
    ("ram:\n  - {name: r, size: 0x2000}", "ram: 5", 5, "ram: wrong type; found 5; legal: a sequence"),
    ("size: 0x4000, erase_block: 0x400", "size: 0x4100, erase_block: 0x400", 4, "not whole erase blocks; found 0x4100"),
    ("write_size: 4", "write_size: 3", 4, "not whole program units; found 0x400; legal: multiples of 3"),
    ("write_size: 4", "write_size: 4, erased_value: 0xaa", 4, "erased_value: not legal; found 0xaa; legal: 0xff"),
    ("write_size: 4", "write_size: 4, cpu_writable: maybe", 4, "found 'maybe'; legal: true or false"),
    ("write_size: 4", "write_size: four", 4, "write_size: wrong type; found 'four'; legal: an integer in 1.."),
    ("write_size: 4", "write_size: -4", 4, "write_size: out of range; found -4"),
    ("{name: r, size", "{name: f, size", 6, "duplicate device name; found 'f'; legal: line 4 has it already"),
    ("{name: r, size", "{name: otp, size", 6, "found 'otp'; legal: any other name"),
    ("{name: f, size", "{name: otp, size", 4, "found 'otp'; legal: any other name"),
    ("id: 2", "id: 1", 9, "duplicate flash area id; found 1; legal: line 8 has it already"),
    ("name: s0", "name: p0", 9, "duplicate flash area name; found 'p0'; legal: line 8"),
    ("offset: 0x2000, size: 0x2000, image", "offset: 0x2000, size: 0x2400, image", 9, "s0 outside its device; found 0x2000..0x4400; legal: inside f, 0..0x4000"),
    ("offset: 0x2000, size: 0x2000, image", "offset: 0x1c00, size: 0x2000, image", 9, "flash area in f s0 overlaps p0 (line 8); found 0x1c00..0x3c00 and 0x0..0x2000"),
    ("offset: 0x2000, size: 0x2000, image", "offset: 0x2100, size: 0x1c00, image", 9, "offset: not aligned to an erase block; found 0x2100; legal: multiples of 0x400"),
    ("offset: 0x2000, size: 0x2000, image", "offset: 0x2000, size: 0x1f00, image", 9, "size: not aligned to an erase block; found 0x1f00"),
    ("name: s0, flash: f", "name: s0, flash: g", 9, "flash: not legal; found 'g'; legal: f"),
    ("image: 0, slot: secondary", "image: 0", 9, "flash area s0: half a slot; legal: both image and slot, or neither"),
    ("image: 0, slot: secondary", "image: 0, slot: third", 9, "slot: not legal; found 'third'; legal: primary, secondary"),
    ("image: 0, slot: secondary", "image: 0, slot: primary", 9, "image 0 has two primary slots; found p0 and s0"),
    ("image: 0, slot: secondary", "image: 2, slot: primary", 7, "image 1 has no primary slot"),
    ("image: 0, slot: secondary", "role: ps", 8, "image 0 has no secondary slot; found only p0; legal: a primary and a secondary slot"),
    ("size: 0x2000, image: 0, slot: secondary", "size: 0x1000, image: 0, slot: secondary", 9, "the two slots of image 0 differ in size; found p0 0x2000, s0 0x1000; legal: one size"),
    ("image: 0, slot: secondary", "image: 4, slot: primary", 9, "image: out of range; found 4; legal: an integer in 0..3"),
    ("image: 0, slot: primary}", "role: scratch}", 7, "image 0 has no primary slot"),
    ("slot: secondary}", "slot: secondary, role: ps}", 9, "a slot with a role; found ps"),
    ("image: 0, slot: secondary", "role: attic", 9, "role: not legal; found 'attic'; legal: scratch, ps, its, otp"),
    ("max_image_sectors: 8", "max_image_sectors: 0", 10, "max_image_sectors: out of range; found 0"),
    ("name: data", "name: code", 13, "duplicate region or peripheral name; found 'code'; legal: line 12"),
    ("name: data", "name: UART", 18, "duplicate region or peripheral name; found 'UART'; legal: line 13"),
    ("base: 0x30000000, size: 0x1c00, security", "base: 0x10001000, size: 0x1c00, security", 13, "region data overlaps code (line 12); found 0x10001000..0x10002c00"),
    ("base: 0x30000000, size: 0x1c00, security", "base: 0x4ffff000, size: 0x1c00, security", 17, "region TIMER overlaps data (line 13)"),
    ("base: 0x30000000, size: 0x1c00, security", "base: 0x30000000, size: 0x2001, security", 13, "region data outside its device; found 0x0..0x2001; legal: inside r, 0..0x2000"),
    ("base: 0x30000000, size: 0x1c00, security", "base: 0xfffff000, size: 0x2000, security", 13, "region data past the address space; found 0x100001000"),
    ("access: rw, device: r, offset: 0", "access: rw, device: q, offset: 0", 13, "device: not legal; found 'q'; legal: otp, f, r"),
    ("access: rx, device: f", "access: rwx, device: f", 12, "region code in f: the CPU cannot store into it; found rwx"),
    ("access: rx, device: f", "access: w, device: f", 12, "access: not legal; found 'w'; legal: r, rw, rx, rwx"),
    ("base: 0x10000000, size: 0x2000", "base: 0x10000400, size: 0x2000", 12, "region code not where f is seen; found 0x10000400; legal: 0x10000000"),
    ("security: secure, access: rx", "security: both, access: rx", 12, "security: not legal; found 'both'; legal: secure, non_secure"),
    ("device: r, offset: 0}", "device: f, offset: 0x1000}", 13, "region data not where f is seen; found 0x30000000; legal: 0x10001000"),
    ("{base: 0x30001c00, size: 0x400}", "{base: 0x30001e00, size: 0x400}", 15, "shared data area outside the secure RAM; found 0x30001e00..0x30002200"),
    ("{base: 0x30001c00, size: 0x400}", "{base: 0x10000000, size: 0x400}", 15, "shared data area outside the secure RAM"),
    ("{base: 0x30001c00, size: 0x400}", "{base: 0x30001c00, size: 0x200}", 15, "shared data area is not a region of its own; found 0x30001c00..0x30001e00 in shared 0x30001c00..0x30001fff; legal: a region of the same base and size"),
    ("{base: 0x30001c00, size: 0x400}", "{base: 0x30000000, size: 0x400}", 15, "shared data area is not a region of its own"),
    ("{base: 0x30001c00, size: 0x400}", "{base: 0x30000000, size: 0x1c00}", 15, "no secure RAM beside the shared data area; found at most 0x400 bytes; legal: a secure, writable RAM region of more than 0x1c00"),
    ("{base: 0x30001c00, size: 0x400}", "{base: 0x30001c00}", 15, "shared_data: missing key 'size'"),
    ("security: secure, secure_base", "security: non_secure, secure_base", 17, "missing key 'non_secure_base'"),
    ("secure_base: 0x50000000", "secure_base: 0xfffff800", 17, "peripheral TIMER past the address space"),
    ("{U_IRQn: 4}", "{U_IRQn: 3}", 18, "irqs: interrupt given twice; found U_IRQn: 3"),
    ("{U_IRQn: 4}", "{T_IRQn: 4}", 18, "irqs: interrupt given twice; found T_IRQn: 4"),
    ("{T: T_IRQn}", "{T: X_IRQn}", 19, "irq_sources.T: not legal; found 'X_IRQn'; legal: T_IRQn, U_IRQn"),
    ("{T: T_IRQn}", "{T_IRQn: U_IRQn}", 19, "alias of an interrupt's own name"),
    ("{T_IRQn: 3}}", "{T_IRQn: 3}, model: cmsdk_timer}", 17, "no clock to count; legal: a clock of its own, or the board's system_clock"),
    ("{T_IRQn: 3}}", "{T_IRQn: 3}, model: cmsdk_timer, clock: 0}", 17, "clock: out of range; found 0; legal: an integer in 1..0x3b9aca00"),
    ("{T_IRQn: 3}}", "{T_IRQn: 3}, model: cmsdk_dualtimer}", 17, "model: not legal; found 'cmsdk_dualtimer'; legal: cmsdk_timer, cmsdk_uart, cmsdk_watchdog"),
    ("{T_IRQn: 3}}", "{T_IRQn: 3, A: 5}, model: cmsdk_timer, clock: 5}", 17, "irqs: wrong number of interrupts for a cmsdk_timer; found 2; legal: 0 or 1"),
    ("{U_IRQn: 4}}", "{U_IRQn: 4, A: 5}, model: cmsdk_uart}", 18, "irqs: wrong number of interrupts for a cmsdk_uart; found 2; legal: 0 or 1 or 3"),
    ("{U_IRQn: 4}}", "{U_IRQn: 4, A: 5, B: 6}, model: cmsdk_watchdog}", 18, "irqs: wrong number of interrupts for a cmsdk_watchdog; found 3; legal: 0 or 1 or 2"),
    ("{U_IRQn: 4}}", "{U_IRQn: 4}, model: cmsdk_uart, clock: 5}", 18, "clock: clock of a peripheral that does not count; legal: no clock"),
    ("{U_IRQn: 4}}", "{U_IRQn: 4}, clock: 5}", 18, "clock: clock of a peripheral that does not count; legal: no clock"),
    ("{U_IRQn: 4}", "{U_IRQn: 480}", 18, "irqs.U_IRQn: out of range; found 480; legal: an integer in 0..0x1df"),
    ("peripherals:", "system_clock: fast\nperipherals:", 16, "system_clock: wrong type; found 'fast'; legal: an integer in 1.."),
    ("irq_sources:", "mmio_regions: {STD: {base: 0x30000000, size: 4}}\nirq_sources:", 19, "mmio_regions.STD: name of a peripheral; found 'STD'"),
    ("irq_sources:", "mmio_regions: {M: {base: 0x30001bf0, size: 0x20}}\nirq_sources:", 19, "M: not in secure memory; found 0x30001bf0..0x30001c10; legal: a range inside one secure region"),
    ("irq_sources:", "mmio_regions: {M: {base: 0x30000000, size: 8}, N: {base: 0x30000004, size: 8}}\nirq_sources:", 19, "MMIO region N overlaps M (line 19); found 0x30000004..0x3000000c"),
    ("irq_sources:", "mmio_regions: {M: {base: 0x30000000}}\nirq_sources:", 19, "mmio_regions.M: missing key 'size'"),
    ("[tfm_plat_get_huk, tfm", "[tfm_plat_get_key, tfm", 21, "TFM_SP_CRYPTO[0]: not legal; found 'tfm_plat_get_key'; legal: HAL_CCB"),
    ("[tfm_plat_get_huk, tfm", "[tfm_hal_random, tfm", 21, "duplicate HAL grant; found 'tfm_hal_random'"),
    ("shared_data:", "otp: {rotpk_size: 33}\nshared_data:", 15, "otp.rotpk_size: not legal; found 33; legal: 32, 48, 68, 100"),
    ("shared_data:", "otp: {size: 911}\nshared_data:", 15, "otp.size: out of range; found 911; legal: an integer in 0x390.."),
    ("shared_data:", "otp: {ns_counters: 4}\nshared_data:", 15, "otp.ns_counters: out of range; found 4; legal: an integer in 0..3"),
]  # fmt: skip


@pytest.mark.parametrize("before, after, line, message", MISTAKES, ids=[case[3][:50] for case in MISTAKES])
def test_a_mistake_is_named_with_its_line(before: str, after: str, line: int, message: str) -> None:
    assert before in SMALL
    with pytest.raises(BoardError) as caught:
        parse(SMALL.replace(before, after, 1))
    text = str(caught.value)
    assert text.startswith(f"b.yaml:{line}: ")
    assert message in text


DUAL = SMALL.replace(
    "peripherals:",
    "dual_core: {mhu: MHU, mailbox: mbox}\n"
    "peripherals:\n"
    "  - {name: MHU, size: 0x1000, security: non_secure, non_secure_base: 0x40003000, irqs: {M_IRQn: 6}, model: sse200_mhu}",
).replace(
    "size: 0x1c00, security: secure, access: rw, device: r, offset: 0}",
    "size: 0x1000, security: secure, access: rw, device: r, offset: 0}\n"
    "  - {name: mbox, base: 0x20000000, size: 0x120, security: non_secure, access: rw, device: r, offset: 0x1000}",
)
SPARE = "  - {name: spare, base: 0x20000400, size: 0x200, security: non_secure, access: r, device: r, offset: 0x1400}\n"
DUAL_MISTAKES = [
    ("{mhu: MHU, mailbox: mbox}", "{mhu: MHU}", 17, "dual_core: missing key 'mailbox'; found mhu"),
    ("{mhu: MHU, mailbox: mbox}", "{mhu: MHU, mailbox: mbox, cpus: 2}", 17, "dual_core: unknown key; found 'cpus'"),
    ("{mhu: MHU,", "{mhu: MHU1,", 17, "dual_core.mhu: not legal; found 'MHU1'; legal: MHU, TIMER, UART"),
    ("{mhu: MHU,", "{mhu: UART,", 17, "no way to interrupt the other core; found UART; legal: a non-secure peripheral of model sse200_mhu with"),
    ("irqs: {M_IRQn: 6}, ", "", 17, "no way to interrupt the other core; found MHU"),
    ("security: non_secure, non_secure_base: 0x40003000", "security: secure, secure_base: 0x50003000", 17, "no way to interrupt the other core; found MHU"),
    ("irqs: {M_IRQn: 6}", "irqs: {M_IRQn: 6, N_IRQn: 7}", 19, "wrong number of interrupts for a sse200_mhu; found 2; legal: 0 or 1"),
    ("irqs: {M_IRQn: 6}", "irqs: {M_IRQn: 6}, clock: 1000", 19, "clock of a peripheral that does not count"),
    ("mailbox: mbox", "mailbox: mail", 17, "dual_core.mailbox: not legal; found 'mail'; legal: "),
    ("mailbox: mbox", "mailbox: data", 17, "not in both cores' reach; found data"),
    ("mailbox: mbox", "mailbox: spare", 18, "not in both cores' reach; found spare"),
    ("size: 0x120", "size: 0x11f", 17, "no place for the mailbox queue; found mbox"),
    ("mbox, base: 0x20000000", "mbox, base: 0x20000010", 17, "at least 288 bytes, from a multiple of 32 on"),
]  # fmt: skip


@pytest.mark.parametrize(
    "before, after, line, message", DUAL_MISTAKES, ids=[c[3][:50] for c in DUAL_MISTAKES]
)
def test_a_mistake_about_the_other_core_is_named(before: str, after: str, line: int, message: str) -> None:
    text = DUAL.replace("shared_data: {", SPARE + "shared_data: {") if "spare" in after else DUAL
    assert before in text
    assert parse_board(DUAL.encode(), "b.yaml").dual_core is not None
    with pytest.raises(BoardError) as caught:
        parse(text.replace(before, after, 1))
    assert str(caught.value).startswith(f"b.yaml:{line}: ")
    assert message in str(caught.value)


def test_windows_of_two_regions_into_the_same_cells_are_refused() -> None:
    region = "  - {name: alias, base: 0x20000000, size: 0x10, security: non_secure, access: r, device: r, offset: 0x1bf0}\n"
    with pytest.raises(BoardError, match=r"b\.yaml:\d+: .*window into r alias overlaps data \(line 13\)"):
        parse(SMALL.replace("shared_data:", region + "shared_data:"))


def test_the_least_board_makes_a_device() -> None:
    board = parse_board(SMALL.encode(), "b.yaml")
    assert (board.name, board.image_count, board.max_image_sectors) == ("small", 1, 8)
    assert board.hal_grants == {"TFM_SP_CRYPTO": ("tfm_plat_get_huk", "tfm_hal_random")}
    assert board.irq_number("T") == board.irq_number("T_IRQn") == 3
    uart = board.peripheral("STD")
    assert uart is not None
    assert (uart.name, uart.base, uart.irq) == ("UART", 0x40001000, 4)
    assert board.area_with_role(AreaRole.ITS) is None
    hardware = Hardware(board)
    hardware.slot(0, "primary").write(0, b"code")
    assert hardware.memory.read(0x10000000, 4) == b"code"


# TF-M 2.2.2, platform/ext/target/arm/mps2/an521/partition/flash_layout.h
@pytest.mark.parametrize(
    "board, area, id_, offset, size",
    [
        ("an521", "bl2", 0, 0x000000, 0x80000),
        ("an521", "secure_primary", 1, 0x080000, 0x80000),
        ("an521", "non_secure_primary", 2, 0x100000, 0x80000),
        ("an521", "secure_secondary", 3, 0x180000, 0x80000),
        ("an521", "non_secure_secondary", 4, 0x200000, 0x80000),
        ("an521", "scratch", 5, 0x280000, 0x80000),
        ("an521", "ps", 6, 0x300000, 0x5000),
        ("an521", "its", 7, 0x305000, 0x4000),
        ("an521", "otp_nv_counters", 8, 0x309000, 0x2000),
        ("an521_single_image", "primary", 1, 0x080000, 0x100000),
        ("an521_single_image", "secondary", 2, 0x180000, 0x100000),
        ("an521_single_image", "scratch", 3, 0x280000, 0x100000),
        ("an521_single_image", "ps", 4, 0x380000, 0x5000),
        ("an521_single_image", "its", 5, 0x385000, 0x4000),
        ("an521_single_image", "otp_nv_counters", 6, 0x389000, 0x2000),
        ("an521_dual_core", "non_secure_primary", 2, 0x100000, 0x80000),
        ("mcuboot_8k", "secure_primary", 1, 0x2000, 0x2000),
        ("mcuboot_8k", "non_secure_secondary", 4, 0x8000, 0x2000),
    ],
)
def test_flash_areas(board: str, area: str, id_: int, offset: int, size: int) -> None:
    found = load_board(board).area(area)
    assert (found.id, found.offset, found.size) == (id_, offset, size)


@pytest.mark.parametrize(
    "board, images, sectors, erase_block, write_size",
    [("an521", 2, 128, 0x1000, 1), ("an521_single_image", 1, 256, 0x1000, 1), ("mcuboot_8k", 2, 8, 0x400, 4)],
)
def test_geometry(board: str, images: int, sectors: int, erase_block: int, write_size: int) -> None:
    found = load_board(board)
    flash = found.flash_named("flash0")
    assert (found.image_count, found.max_image_sectors) == (images, sectors)
    assert (flash.erase_block, flash.write_size, flash.erased_value) == (erase_block, write_size, 0xFF)
    assert found.shared_data.base == 0x38000000
    assert found.shared_data.size == 0x400


# What a CPU access meets on AN521 after TF-M's boot: region, security, rights.
@pytest.mark.parametrize(
    "address, name, security, rights",
    [
        (0x10000000, "bl2_code", "secure", "r-x"),
        (0x10080000, "secure_code", "secure", "r-x"),
        (0x10100000, None, None, None),
        (0x00080000, None, None, None),
        (0x00100000, "non_secure_code", "non_secure", "rwx"),
        (0x00180000, "secondary_slots", "non_secure", "rwx"),
        (0x0027FFFF, "secondary_slots", "non_secure", "rwx"),
        (0x10300000, "secure_storage", "secure", "rw-"),
        (0x10309000, "otp", "secure", "r--"),
        (0x38000000, "shared_data", "secure", "rw-"),
        (0x380003FF, "shared_data", "secure", "rw-"),
        (0x38000400, "secure_data", "secure", "rw-"),
        (0x380FFFFF, "secure_data", "secure", "rw-"),
        (0x38100000, None, None, None),
        (0x28000000, None, None, None),
        (0x28100000, "non_secure_data", "non_secure", "rw-"),
        (0x281FFFFF, "non_secure_data", "non_secure", "rw-"),
        (0x28200000, None, None, None),
        (0x40200000, "UART0", "non_secure", "rw-"),
        (0x50200000, None, None, None),
        (0x50081000, "WATCHDOG_S", "secure", "rw-"),
    ],
)
def test_an521_memory_map(address: int, name: str | None, security: str | None, rights: str | None) -> None:
    region = Hardware(load_board("an521")).memory.find(address)
    if region is None:
        assert name is None
        return
    executable = bool(region.access & 4)
    shown = (
        ("r" if region.readable else "-") + ("w" if region.writable else "-") + ("x" if executable else "-")
    )
    assert (region.name, region.security, shown) == (name, Security(security), rights)
    assert region.non_secure is (security == "non_secure")


def test_a_store_into_the_non_secure_code_of_an521_reaches_the_flash() -> None:
    """An outvec in NS flash works on the recorded board: its flash is SRAM."""
    hardware = Hardware(load_board("an521"))
    hardware.memory.write(0x00100000, b"\xbe\xba\xfe\xca")
    assert hardware.slot(1, "primary").read(0, 4) == b"\xbe\xba\xfe\xca"
    assert hardware.flash["flash0"].power.operations == 0


def test_the_otp_is_seen_where_tfm_keeps_it() -> None:
    hardware = Hardware(load_board("an521"))
    assert hardware.memory.read(0x10309000, 0x1000) == bytes(hardware.otp)


@pytest.mark.parametrize(
    "name, base, irq",
    [
        ("TFM_PERIPHERAL_TIMER0", 0x40000000, 3),
        ("TIMER1", 0x40001000, 4),
        ("TFM_PERIPHERAL_STD_UART", 0x40200000, 42),
        ("TFM_PERIPHERAL_UART1", 0x40201000, 43),
        ("UART4", 0x40204000, 46),
        ("WATCHDOG_NS", 0x40081000, 1),
        ("S32K_TIMER", 0x5002F000, 2),
    ],
)
def test_an521_peripherals(name: str, base: int, irq: int) -> None:
    peripheral = load_board("an521").peripheral(name)
    assert peripheral is not None
    assert (peripheral.base, peripheral.irq) == (base, irq)


@pytest.mark.parametrize(
    "source, number, name",
    [
        ("TFM_TIMER0_IRQ", 3, "TIMER0_IRQn"),
        ("TIMER0_IRQn", 3, "TIMER0_IRQn"),
        ("FF_TEST_UART_IRQ", 37, "UARTTX2_IRQn"),
        ("TFM_FPU_S_TEST_IRQ", 42, "UART0_IRQn"),
        (37, 37, "UARTTX2_IRQn"),
        (0, 0, "NONSEC_WATCHDOG_RESET_IRQn"),
        (479, 479, "479"),
        ("NOPE", None, ""),
        (480, None, ""),
        (-1, None, ""),
    ],
)
def test_an521_interrupts(source: str | int, number: int | None, name: str) -> None:
    board = load_board("an521")
    assert board.irq_number(source) == number
    assert number is None or board.irq_name(number) == name


# Clocks: TF-M's SYSTEM_CLOCK for AN521 (XTAL / 2), and the SSE-200's S32KCLK.
@pytest.mark.parametrize("board", ["an521", "an521_single_image", "an521_dual_core"])
@pytest.mark.parametrize(
    "name, model, clock",
    [
        ("TIMER0", "cmsdk_timer", 20_000_000),
        ("TIMER1", "cmsdk_timer", 20_000_000),
        ("S32K_TIMER", "cmsdk_timer", 32_000),
        ("S32K_WATCHDOG", "cmsdk_watchdog", 32_000),
        ("WATCHDOG_S", "cmsdk_watchdog", 20_000_000),
        ("WATCHDOG_NS", "cmsdk_watchdog", 20_000_000),
        *((f"UART{n}", "cmsdk_uart", 0) for n in range(5)),
        ("MHU0", "sse200_mhu", 0),
        ("MHU1", "sse200_mhu", 0),
        ("DUALTIMER", None, 0),
        ("GPIO0", None, 0),
    ],
)
def test_an521_models(board: str, name: str, model: str | None, clock: int) -> None:
    hardware = Hardware(load_board(board))
    peripheral = hardware.board.peripheral(name)
    assert peripheral is not None
    assert (peripheral.model and peripheral.model.value, peripheral.clock) == (model, clock)
    assert (name in hardware.peripherals) == (model is not None)


def test_an521_dual_core_is_an521_but_for_the_mailbox() -> None:
    one, two = load_board("an521"), load_board("an521_dual_core")
    assert one.dual_core is None
    assert two.dual_core is not None
    assert (two.dual_core.mhu.base, two.dual_core.mhu.irq) == (0x40003000, two.irq_number("MAILBOX_IRQ"))
    assert two.dual_core.mailbox.base == 0x281FF000
    assert (one.flash, one.ram, one.flash_areas) == (two.flash, two.ram, two.flash_areas)
    assert (one.peripherals, one.otp, one.shared_data) == (two.peripherals, two.otp, two.shared_data)
    assert two.hal_grants == {**one.hal_grants, "TFM_NS_MAILBOX_AGENT": ()}
    changed = {"non_secure_data", "mailbox"}
    assert {r for r in two.regions if r.name not in changed} == {
        r for r in one.regions if r.name not in changed
    }


SECURE_BASES: dict[str, int | None] = {
    "esp32c6": None,
    "stm32wba65i": 0x0C000000,
    "nucleo": 0x0C000000,
    "stm32wb5mm": 0x08000000,
}
"""Where the secure side sees flash0, by the first word of the board's name; AN521's address for all others."""


@pytest.mark.parametrize("name", packaged_boards())
def test_every_packaged_board_makes_a_device(name: str) -> None:
    board = load_board(name)
    assert board.name == name
    slot = board.slot(0, "primary")
    secure_base = board.flash_named(slot.flash).secure_base
    assert secure_base == SECURE_BASES.get(name.split("_", maxsplit=1)[0], 0x10000000)
    address = Hardware(board).slot(0, "primary").address
    if secure_base is not None:
        assert address == secure_base + slot.offset
        return
    # Flash that is seen page by page: the slot's bytes are those at its address.
    hardware = Hardware(board)
    hardware.slot(0, "primary").write(0, b"here")
    assert address == 0x42000000
    assert hardware.memory.read(address, 4) == b"here"


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "an505",
            "board 'an505': not known; legal: an521, an521_bl1, an521_dual_core, an521_ram_load, ",
        ),
        ("absent.yaml", "absent.yaml: cannot be read: No such file or directory"),
        ("./absent", "absent: cannot be read: No such file"),
        ("/", "/: cannot be read: Is a directory"),
        ("", "board '': not known"),
        ("a\0.yaml", "cannot be read"),
    ],
)
def test_a_board_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(BoardError) as caught:
        load_board(name)
    assert message in str(caught.value)


def test_a_users_board_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL)
    assert load_board(path) == load_board(str(path)) == parse_board(SMALL.encode(), str(path))
    path.write_text(SMALL.replace("id: 2", "id: 1"))
    with pytest.raises(BoardError) as caught:
        load_board(path)
    assert str(caught.value).startswith(f"{path}:9: ")


@pytest.mark.parametrize(
    "ask",
    [lambda b: b.area("attic"), lambda b: b.slot(2, "primary"), lambda b: b.flash_named("flash9")],
)
def test_asking_a_board_for_what_it_lacks(ask: Callable[[Board], object]) -> None:
    with pytest.raises(BoardError, match="board an521: "):
        ask(load_board("an521"))


def accepts_or_raises_board_error(raw: bytes) -> None:
    try:
        board = parse_board(raw, "b.yaml")
    except BoardError as error:
        assert str(error).startswith("b.yaml:")
    else:
        assert board.image_count >= 1


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_board_error(raw: bytes) -> None:
    accepts_or_raises_board_error(raw)


TOKENS = st.sampled_from(
    [
        "0",
        "-1",
        "0x400",
        "0xffffffff",
        "1e9",
        "~",
        "[]",
        "{}",
        "yes",
        "f",
        "otp",
        "''",
        "[1, 2]",
        "{a: b}",
        "99999999999",
    ]
)


@settings(deadline=None)
@given(st.data())
def test_any_edit_of_a_board_raises_only_board_error(data: st.DataObject) -> None:
    """Values are replaced by others of all types, lines are dropped and doubled, bytes are flipped."""
    lines = SMALL.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    match data.draw(st.sampled_from(["value", "drop", "double", "byte"])):
        case "drop":
            del lines[at]
        case "double":
            lines.insert(at, lines[at])
        case "byte":
            raw = bytearray(SMALL.encode())
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            accepts_or_raises_board_error(bytes(raw))
            return
        case _:
            parts = lines[at].split(": ")
            part = data.draw(st.integers(0, len(parts) - 1))
            head, comma, rest = parts[part].partition(",")
            parts[part] = data.draw(TOKENS) + comma + rest if head else parts[part]
            lines[at] = ": ".join(parts)
    accepts_or_raises_board_error("\n".join(lines).encode())


def test_a_file_with_a_plain_name_is_a_board_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text(SMALL)
    (tmp_path / "an521").write_text(SMALL)
    assert load_board("mine").name == "small"
    assert load_board("an521").name == "an521", "a packaged board's name comes first"
    with pytest.raises(BoardError, match="board 'other': not known; legal: an521, "):
        load_board("other")


def test_no_more_than_a_description_needs_is_read() -> None:
    with pytest.raises(BoardError, match="/dev/zero:1: too long; found more than 1048576 bytes"):
        load_board("/dev/zero")


def test_executable_ram_by_image() -> None:
    assert load_board("an521").executable_ram == {}
    assert load_board("an521_ram_load").executable_ram == {
        0: (0x38200000, 0x80000),
        1: (0x28300000, 0x80000),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[{image: 0, base: 0x30000000, size: 0x8001}]",
            "executable RAM not executable; found 0x30000000..0x3",
        ),
        ("[{image: 0, base: 0x38000400, size: 0x100}]", "inside one region of RAM whose access has x"),
        ("[{image: 0, base: 0x10002000, size: 0x100}]", "inside one region of RAM whose access has x"),
        ("[{image: 4, base: 0x30000000, size: 0x100}]", "found 4; legal: an integer in 0..3"),
        ("[{image: 0, base: 0x30000000, size: 0}]", "found 0; legal: an integer in 1"),
        (
            "[{image: 0, base: 0x30000000, size: 1}, {image: 0, base: 0x30000000, size: 1}]",
            "executable RAM given twice; found 0; legal: one range an image",
        ),
        ("7", "executable_ram"),
    ],
)
def test_executable_ram_that_is_none(text: str, message: str) -> None:
    raw = (BOARDS_DIRECTORY / "mcuboot_8k.yaml").read_text()
    start = raw.index("executable_ram:")
    end = raw.index("\n\n", start)
    with pytest.raises(BoardError) as caught:
        parse_board(f"{raw[:start]}executable_ram: {text}{raw[end:]}".encode(), "my.yaml")
    assert message in str(caught.value)
