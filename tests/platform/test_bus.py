"""What a CPU access reaches: memory, or a peripheral's registers; anything else is a MemoryFault."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform.board import load_board
from tfm_sim.platform.clock import VirtualClock
from tfm_sim.platform.cmsdk_timer import CmsdkTimer
from tfm_sim.platform.cmsdk_uart import CmsdkUart
from tfm_sim.platform.cmsdk_watchdog import CmsdkWatchdog
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.memory import Access, MemoryFault
from tfm_sim.platform.peripheral import PeripheralModel
from tfm_sim.platform.power import SystemReset

BOARD = load_board("an521")
UART0, TIMER0, DUALTIMER = 0x40200000, 0x40000000, 0x40002000
MODELS: list[Callable[[], PeripheralModel]] = [
    lambda: CmsdkTimer(VirtualClock(), 1_000_000),
    CmsdkUart,
    lambda: CmsdkWatchdog(VirtualClock(), 1_000_000),
]


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


@pytest.mark.parametrize("make", MODELS)
@given(st.lists(st.tuples(st.integers(-4, 0x2000), st.integers(-1, 9), st.integers(-1, 1 << 33))))
def test_registers_raise_only_memory_fault_and_answer_in_range(
    make: Callable[[], PeripheralModel], accesses: list[tuple[int, int, int]]
) -> None:
    model = make()
    for offset, size, value in accesses:
        legal = size in (1, 2, 4) and offset >= 0 and offset % size == 0
        for access in (lambda: model.read(offset, size), lambda: model.write(offset, value, size)):  # noqa: B023
            if not legal:
                with pytest.raises(MemoryFault):
                    access()
            else:
                answer = access()
                assert answer is None or 0 <= answer < 1 << 8 * size
    model.reset()


@given(
    st.sampled_from([0, UART0, TIMER0, DUALTIMER, 0x50081000, 0x10309000, 0x38000000]),
    st.integers(-8, 0x1010),
    st.binary(max_size=9),
)
def test_any_access_is_a_value_or_a_memory_fault(base: int, offset: int, data: bytes) -> None:
    bus = HARDWARE.bus
    for access in (lambda: bus.load(base + offset, len(data)), lambda: bus.store(base + offset, data)):
        try:
            answer = access()
        except MemoryFault as fault:
            assert (fault.address, fault.length) == (base + offset, len(data))
        else:
            assert answer is None or len(answer) == len(data)


HARDWARE = Hardware(BOARD)


def test_memory_is_what_memory_is() -> None:
    hardware = Hardware(BOARD)
    hardware.bus.store(0x38000401, b"any length, any alignment")
    assert hardware.bus.load(0x38000401, 25) == b"any length, any alignment"
    assert hardware.memory.read(0x38000401, 3) == b"any"
    hardware.bus.store(DUALTIMER + 1, b"plain RAM")
    assert hardware.bus.load(DUALTIMER + 1, 9) == b"plain RAM"


@pytest.mark.parametrize(
    "address, length, message",
    [
        (0x60000000, 4, "nothing is mapped there"),
        (0x50200000, 4, "nothing is mapped there"),
        (UART0, 3, "access of 3 bytes at 0x40200000 to a peripheral; legal: 1, 2 or 4 bytes, aligned"),
        (UART0, 8, "legal: 1, 2 or 4 bytes"),
        (UART0, 0, "legal: 1, 2 or 4 bytes"),
        (UART0 + 2, 4, "aligned"),
        (UART0 + 0xFFE, 4, "aligned"),
        (0x380FFFFE, 4, "leaves region"),
    ],
)
def test_faults(address: int, length: int, message: str) -> None:
    bus = Hardware(BOARD).bus
    with pytest.raises(MemoryFault, match=message):
        bus.load(address, length)
    with pytest.raises(MemoryFault, match=message):
        bus.store(address, bytes(length))


def test_flash_follows_cpu_writable_and_otp_is_read_only() -> None:
    hardware = Hardware(BOARD)
    hardware.bus.store(0x00100000, b"code")
    assert hardware.slot(1, "primary").read(0, 4) == b"code"
    with pytest.raises(MemoryFault, match="otp is not writable"):
        hardware.bus.store(0x10309000, b"x")
    small = Hardware(load_board("mcuboot_8k"))
    with pytest.raises(MemoryFault, match="non_secure_code is not writable"):
        small.bus.store(0x4000, b"code")


@pytest.mark.parametrize("access, loads, stores", [("READ", True, False), ("WRITE", False, True)])
def test_a_peripheral_claimed_read_only_takes_no_store(access: str, loads: bool, stores: bool) -> None:
    hardware = Hardware(BOARD)
    hardware.claim("UART1", "P", Access[access])
    for allowed, act in (
        (loads, lambda: hardware.bus.load(0x50201004, 4)),
        (stores, lambda: hardware.bus.store(0x50201008, word(1))),
    ):
        if allowed:
            act()
        else:
            with pytest.raises(MemoryFault, match="UART1 is not"):
                act()


def test_a_store_of_a_byte_to_the_uart_is_a_character() -> None:
    hardware = Hardware(BOARD)
    heard: list[bytes] = []
    uart = hardware.peripherals["UART0"]
    assert isinstance(uart, CmsdkUart)
    uart.on_output = heard.append
    hardware.bus.store(UART0 + 8, word(1))
    hardware.bus.store(UART0, b"!")
    assert heard == [b"!"]
    assert hardware.bus.load(UART0 + 8, 1) == b"\x01"
    assert hardware.bus.load(UART0 + 9, 1) == b"\0"
    assert hardware.bus.load(UART0 + 0xFE4, 2) == b"\xb8\0"


@pytest.mark.parametrize(
    "ctrl, act, taken",
    [
        (0b0101, lambda h: h.bus.store(UART0, b"x"), [33, 42]),
        (0b1010, lambda h: h.peripherals["UART0"].feed(b"x"), [32, 42]),
        (0b1111, lambda h: h.peripherals["UART0"].feed(b"x"), [32, 42]),
        (0b100010, lambda h: h.peripherals["UART0"].feed(b"xy", wait=False), [42]),
    ],
)
def test_the_uarts_lines_are_wired_as_the_board_says(
    ctrl: int, act: Callable[[Hardware], None], taken: list[int]
) -> None:
    hardware = Hardware(BOARD)
    lines: list[int] = []

    def handler(line: int) -> None:
        lines.append(line)
        hardware.interrupts.disable(line)

    hardware.interrupts.handler = handler
    for line in (32, 33, 42):
        hardware.interrupts.enable(line)
    hardware.bus.store(UART0 + 8, word(ctrl))
    act(hardware)
    assert lines == taken


def test_a_timer_interrupts_in_virtual_time_at_the_boards_clock() -> None:
    """20 MHz: 2000 ticks are 100 microseconds; a FLIH handler that clears it is called once a period."""
    hardware = Hardware(BOARD)
    taken: list[tuple[int, int]] = []

    def handler(line: int) -> None:
        taken.append((line, hardware.clock.now))
        hardware.bus.store(TIMER0 + 0xC, word(1))

    hardware.interrupts.handler = handler
    hardware.interrupts.enable(3)
    hardware.bus.store(TIMER0 + 8, word(1999))
    hardware.bus.store(TIMER0, word(0b1001))
    hardware.clock.advance(350)
    assert taken == [(3, 100), (3, 200), (3, 300)]
    assert not hardware.interrupts.is_pending(3)


def test_the_slow_timer_counts_at_its_own_clock() -> None:
    hardware = Hardware(BOARD)
    hardware.bus.store(0x5002F008, word(32000))
    hardware.bus.store(0x5002F000, word(0b1001))
    assert hardware.clock.next_event() == 1_000_000


def test_the_secure_watchdog_resets_the_device() -> None:
    hardware = Hardware(BOARD)
    told: list[int] = []
    hardware.on_reset = lambda why: told.append(hardware.clock.now)
    hardware.bus.store(0x50081000, word(3_000_000))
    hardware.bus.store(0x50081008, word(3))
    hardware.clock.advance(299_000)
    assert told == []
    with pytest.raises(SystemReset, match="watchdog WATCHDOG_S: second timeout"):
        hardware.clock.advance(10_000)
    assert told == [300_001]


def test_the_non_secure_watchdog_asks_by_an_interrupt() -> None:
    hardware = Hardware(BOARD)
    hardware.bus.store(0x40081000, word(20))
    hardware.bus.store(0x40081008, word(3))
    hardware.clock.advance(1)
    assert (hardware.interrupts.is_pending(1), hardware.interrupts.is_pending(0)) == (True, False)
    hardware.clock.advance(10)
    assert hardware.interrupts.is_pending(0)


@pytest.mark.parametrize("start", ["reset", "clear"])
def test_a_reset_stops_time_interrupts_and_peripherals(start: str) -> None:
    hardware = Hardware(BOARD)
    hardware.interrupts.handler = lambda line: None
    hardware.bus.store(TIMER0 + 8, word(100))
    hardware.bus.store(TIMER0, word(0b1001))
    hardware.clock.advance(7)
    hardware.bus.store(TIMER0, word(0b1001))
    getattr(hardware, start)()
    assert (hardware.clock.now, hardware.clock.next_event()) == (0, None)
    assert hardware.interrupts.handler is None
    assert hardware.bus.load(TIMER0 + 8, 4) == bytes(4)
    assert not hardware.interrupts.is_pending(3)
    hardware.bus.store(TIMER0 + 8, word(100))
    hardware.bus.store(TIMER0, word(0b1001))
    assert hardware.clock.next_event() == 5


def test_two_devices_share_no_peripheral() -> None:
    one, two = Hardware(BOARD), Hardware(BOARD)
    one.bus.store(TIMER0 + 8, word(7))
    assert two.bus.load(TIMER0 + 8, 4) == bytes(4)
