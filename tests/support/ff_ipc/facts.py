"""Names and numbers of the three partitions that put the SPM to the FF-M demands (docs/ff-ipc-demands.md)."""

from dataclasses import dataclass
from typing import Final

from tfm_sim.interface.tfm.services import stateless_handle

CLIENT: Final = "CLIENT_PARTITION"
SERVER: Final = "SERVER_PARTITION"
DRIVER: Final = "DRIVER_PARTITION"
PIDS: Final = {CLIENT: 5000, SERVER: 5001, DRIVER: 5002}
STACK_SIZES: Final = {CLIENT: 0x400, SERVER: 0x1000, DRIVER: 0x1000}
HEAP_SIZES: Final = {CLIENT: 0, SERVER: 0x100, DRIVER: 0x100}

UART_INIT, UART_PRINT = 1, 2
UART_LINE_MAX: Final = 256

INVALID_SID: Final = 0x0000FA20
INVALID_HANDLE: Final = 0x1234DEAD
INVALID_PIDS: Final = (-10, 200)
UNASSIGNED_SIGNAL: Final = 0x80000000
"""Of the server, which owns no interrupt."""

DRIVER_UART_INTR_SIG: Final = 0x80000000
# CMSDK APB UART 2.
UART: Final = 0x50202000
UART_DATA: Final = UART
UART_CTRL: Final = UART + 0x8
UART_INTCLEAR: Final = UART + 0xC
UART_BAUDDIV: Final = UART + 0x10

SECURE_CODE: Final = 0x10080400
SECURE_CONSTANTS: Final = 0x10090000
"""Code and constants are one read-only region on the board, as in TF-M's image."""
NVMEM: Final = 0x102FFC00
NVMEM_SIZE: Final = 0x400
SERVER_MMIO: Final = 0x3801FC00
DRIVER_MMIO: Final = 0x3801FE00
NS_MMIO: Final = 0x00300F00
NS_SCRATCH: Final = 0x28100000
"""Non-secure RAM that nobody else uses."""
NOWHERE: Final = 0x11111111
"""An address where nothing is mapped."""
STATIC_DATA_OFFSET: Final = 0x1000
"""Where in its static data a partition keeps a word of its own, clear of the buffers of its calls."""


@dataclass(frozen=True, slots=True)
class Service:
    """An RoT Service of the three; ``number`` is its stateless_handle in the stateless variant."""

    name: str
    sid: int
    signal: int
    number: int
    version: int = 1
    policy: str = "RELAXED"
    for_ns: bool = True

    @property
    def stateless_handle(self) -> int:
        return stateless_handle(self.number, self.version)


CLIENT_DISPATCHER: Final = Service("CLIENT_TEST_DISPATCHER", 0xFA01, 0x10, 17)
SERVER_DISPATCHER: Final = Service("SERVER_TEST_DISPATCHER", 0xFB01, 0x10, 18)
SECURE_ONLY: Final = Service("SERVER_SECURE_CONNECT_ONLY", 0xFB02, 0x20, 19, 2, "RELAXED", False)
STRICT: Final = Service("SERVER_STRICT_VERSION", 0xFB03, 0x40, 20, 2, "STRICT")
PLAIN: Final = Service("SERVER_UNSPECIFIED_VERSION", 0xFB04, 0x80, 21, 1, "")
"""Its manifest names neither version nor policy, which makes it version 1, STRICT."""
RELAXED: Final = Service("SERVER_RELAX_VERSION", 0xFB05, 0x100, 22, 2)
NOT_DECLARED: Final = Service("SERVER_UNEXTERN", 0xFB06, 0x200, 23, 2)
"""The client's manifest does not depend on it."""
DROPPING: Final = Service("SERVER_CONNECTION_DROP", 0xFB07, 0x400, 24, 2)
DRIVER_UART: Final = Service("DRIVER_UART", 0xFC01, 0x10, 25)
DRIVER_WATCHDOG: Final = Service("DRIVER_WATCHDOG", 0xFC02, 0x20, 26)
DRIVER_NVMEM: Final = Service("DRIVER_NVMEM", 0xFC03, 0x40, 27)
DRIVER_TEST: Final = Service("DRIVER_TEST", 0xFC04, 0x80, 28)

SERVICES: Final = {
    CLIENT: (CLIENT_DISPATCHER,),
    SERVER: (SERVER_DISPATCHER, SECURE_ONLY, STRICT, PLAIN, RELAXED, NOT_DECLARED, DROPPING),
    DRIVER: (DRIVER_UART, DRIVER_WATCHDOG, DRIVER_NVMEM, DRIVER_TEST),
}
DISPATCHERS: Final = {CLIENT: CLIENT_DISPATCHER, SERVER: SERVER_DISPATCHER, DRIVER: DRIVER_TEST}


@dataclass(frozen=True, slots=True)
class Setup:
    """What varies: the isolation level, the manifests' framework, whether services are stateless, whether
    TF-M's deviations from the specification are switched on, and whether the non-secure side has a core of
    its own.
    """

    level: int = 1
    framework: str = "1.0"
    stateless: bool = False
    tfm_today: bool = False
    dual_core: bool = False

    def __str__(self) -> str:
        variant = "stateless" if self.stateless else "tfm" if self.tfm_today else self.framework
        return f"level{self.level}-{'mailbox' if self.dual_core else variant}"
