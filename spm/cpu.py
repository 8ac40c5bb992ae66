"""A caller's own loads and stores, judged as SAU and MPU would (FF-M 1.1, isolation rules)."""

from typing import TYPE_CHECKING, NoReturn

from ..platform.memory import Access
from .client import Client
from .memory_check import accessible_region
from .outcome import Fault

if TYPE_CHECKING:
    from .kernel import Kernel


class CpuPort:
    """Direct memory access of one caller. What its domain may not do is a CPU fault: the device resets."""

    __slots__ = ("_client", "_spm")

    def __init__(self, spm: "Kernel", client: Client) -> None:
        self._spm = spm
        self._client = client

    def load(self, address: int, length: int) -> bytes:
        """``length`` bytes at ``address``; of a peripheral 1, 2 or 4 aligned ones."""
        spm = self._enter("load")
        if accessible_region(spm.memory, self._client, address, length, write=False) is None:
            self._fault("load", address, length, "a range that the caller may read")
        data = spm.machine.bus.load(address, length)
        spm.leave(self._client, 0)
        return data

    def store(self, address: int, data: bytes) -> None:
        """Write ``data`` at ``address``; to a peripheral 1, 2 or 4 aligned bytes."""
        spm = self._enter("store")
        if accessible_region(spm.memory, self._client, address, len(data), write=True) is None:
            self._fault("store", address, len(data), "a range that the caller may write")
        spm.machine.bus.store(address, data)
        spm.leave(self._client, 0)

    def execute(self, address: int) -> None:
        """Fetch an instruction at ``address``: legal in code, never in what the caller may write."""
        spm = self._enter("execute")
        region = accessible_region(spm.memory, self._client, address, 2, write=False)
        # FF-M 1.1 isolation I1: private data is not executable.
        if region is None or Access.EXECUTE not in region.access:
            self._fault("execute", address, 2, "code")

    def _enter(self, what: str) -> "Kernel":
        if self._spm.down is not None:
            raise self._spm.gone()
        return self._spm

    def _fault(self, what: str, address: int, length: int, legal: str) -> NoReturn:
        found = f"{length} bytes at {address:#010x}"
        self._spm.panic_of(Fault(self._client, f"CPU {what}: memory of the caller's domain", found, legal))
