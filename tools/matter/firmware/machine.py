"""What a non-secure program of a Matter device stands on: PSA, its core's loads and stores, flash, time.

The programs in this folder are C in Python's clothes: they see the rest of the world through this and
nothing else.
"""

from typing import Protocol

from ....interface.cpu import Cpu
from ....interface.psa.client import PsaClient


class NsDoor(PsaClient, Protocol):
    """The FF-M client API of the non-secure side, and its loads and stores (``device.ns``)."""

    @property
    def cpu(self) -> Cpu: ...


class NsFlash(Protocol):
    """The flash driver of non-secure programs (``device.ns_flash``). Addresses are the bus's own."""

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``."""

    def erase(self, address: int, size: int) -> None:
        """Whole erase blocks."""

    def program(self, address: int, data: bytes) -> None:
        """Whole program units into erased flash."""

    def write_size(self, address: int) -> int:
        """Bytes of a program unit there."""


class NsMachine(Protocol):
    """One device, as its non-secure program has it."""

    @property
    def ns(self) -> NsDoor: ...

    @property
    def flash(self) -> NsFlash: ...

    @property
    def now(self) -> int:
        """Microseconds of virtual time since the last reset: the program's tick counter."""

    def wait(self, microseconds: int) -> None:
        """The program sleeps so long: time passes, interrupts are served, the serial line runs.

        A program that polls must wait between two looks: without it virtual time stands still.
        """
