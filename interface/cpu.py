"""A program's own loads and stores, whichever core runs it."""

from typing import Protocol


class Cpu(Protocol):
    """Direct memory access, as a program's instructions do it; a violation resets the device."""

    def load(self, address: int, length: int) -> bytes:
        """``length`` bytes at ``address``; of a peripheral 1, 2 or 4 aligned ones."""

    def store(self, address: int, data: bytes) -> None:
        """Write ``data`` at ``address``; to a peripheral 1, 2 or 4 aligned bytes."""

    def execute(self, address: int) -> None:
        """Fetch an instruction: legal in code."""
