"""The driver's side of the demands: an interrupt of its own, and memory that is nobody else's."""

from typing import Final

from support.ff_ipc.facts import (
    DRIVER,
    DRIVER_MMIO,
    DRIVER_TEST,
    DRIVER_UART_INTR_SIG,
    UART_BAUDDIV,
    UART_CTRL,
    UART_DATA,
    UART_INTCLEAR,
)
from support.ff_ipc.party import Body, Party
from support.ff_ipc.server_side import SECRET

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL

TX_ENABLE: Final = 0x1
TX_ENABLE_AND_INTERRUPT: Final = 0x5
TX_INTERRUPT: Final = 0x1


def _poke(me: Party, register: int, value: int) -> None:
    me.psa.cpu.store(register, value.to_bytes(4, "little"))


def send(me: Party, text: bytes | bytearray) -> None:
    """What DRIVER_UART does with a line."""
    _poke(me, UART_BAUDDIV, 16)
    _poke(me, UART_CTRL, TX_ENABLE)
    for character in text:
        _poke(me, UART_DATA, character)


def _fire(me: Party) -> None:
    """Have the UART raise its transmit interrupt, and wait for it."""
    me.psa.psa_irq_enable(DRIVER_UART_INTR_SIG)
    _poke(me, UART_BAUDDIV, 16)
    _poke(me, UART_CTRL, TX_ENABLE_AND_INTERRUPT)
    for character in b"ab":
        _poke(me, UART_DATA, character)
    assert me.psa.psa_wait(DRIVER_UART_INTR_SIG, PSA_BLOCK) == DRIVER_UART_INTR_SIG


def _quiet(me: Party) -> None:
    """The device itself lets go of its line."""
    _poke(me, UART_CTRL, 0)
    _poke(me, UART_INTCLEAR, TX_INTERRUPT)


def interrupt(me: Party) -> None:
    """The signal stands until psa_eoi, whatever the device does meanwhile."""
    _fire(me)
    _quiet(me)
    assert me.psa.psa_wait(DRIVER_UART_INTR_SIG, PSA_POLL) == DRIVER_UART_INTR_SIG
    me.psa.psa_eoi(DRIVER_UART_INTR_SIG)
    assert me.psa.psa_wait(DRIVER_UART_INTR_SIG, PSA_POLL) == 0


def end_doorbell(me: Party) -> None:
    me.arm()
    me.psa.psa_eoi(PSA_DOORBELL)


def end_unasserted(me: Party) -> None:
    me.arm()
    me.psa.psa_eoi(DRIVER_UART_INTR_SIG)


def end_two_signals(me: Party) -> None:
    _fire(me)
    _quiet(me)
    me.arm()
    me.psa.psa_eoi(DRIVER_UART_INTR_SIG | DRIVER_TEST.signal)


def keep_secret(what: str) -> Body:
    """Leave something in memory of its own that nobody else may see or change."""

    def body(me: Party) -> None:
        address = DRIVER_MMIO if what == "MMIO" else me.place(DRIVER, what)
        me.psa.cpu.store(address, SECRET)
        assert me.psa.cpu.load(address, len(SECRET)) == SECRET

    return body
