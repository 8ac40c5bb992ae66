"""A caller's own loads and stores, judged as SAU and MPU would (FF-M 1.1, isolation rules)."""

from typing import TYPE_CHECKING, NoReturn

from ..platform.interrupts import InterruptStorm
from ..platform.memory import Access, MemoryFault
from .client import Client
from .memory_check import accessible_region
from .outcome import Fault

if TYPE_CHECKING:
    from .kernel import Kernel

THUMB_INSTRUCTION_SIZE = 2


class CpuPort:
    """Direct memory access of one caller. What its domain may not do is a CPU fault: the device resets.

    Raises DevicePanic and SystemReset when the device goes down or is down, WrongThread for a foreign thread.
    """

    __slots__ = ("_client", "_spm")

    def __init__(self, spm: "Kernel", client: Client) -> None:
        self._spm = spm
        self._client = client

    def load(self, address: int, length: int) -> bytes:
        """``length`` bytes at ``address``; of a peripheral 1, 2 or 4 aligned ones."""
        spm = self._enter()
        if not length:
            return b""
        if length < 0 or accessible_region(spm.memory, self._client, address, length, write=False) is None:
            self._fault("load", address, length, "a range that the caller may read")
        try:
            data = spm.machine.bus.load(address, length)
        except MemoryFault as error:
            self._bus_fault("load", error)
        except InterruptStorm as storm:
            raise spm.storm(storm) from storm
        self._leave()
        return data

    def store(self, address: int, data: bytes) -> None:
        """Write ``data`` at ``address``; to a peripheral 1, 2 or 4 aligned bytes."""
        spm = self._enter()
        data = memoryview(data).tobytes()  # as many bytes as there are, whatever the object says
        if not data:
            return
        if accessible_region(spm.memory, self._client, address, len(data), write=True) is None:
            self._fault("store", address, len(data), "a range that the caller may write")
        try:
            spm.machine.bus.store(address, data)
        except MemoryFault as error:
            self._bus_fault("store", error)
        except InterruptStorm as storm:
            raise spm.storm(storm) from storm
        self._leave()

    def execute(self, address: int) -> None:
        """Fetch an instruction at ``address``: legal in code of the caller's security state, no other."""
        spm, client, size = self._enter(), self._client, THUMB_INSTRUCTION_SIZE
        region = accessible_region(spm.memory, client, address, size, write=False)
        # Armv8-M security state: code of the other state is reached by its gateways only, not by a jump.
        if region is None or Access.EXECUTE not in region.access or region.non_secure is client.is_secure:
            self._fault("execute", address, size, "code of the caller's security state")
        # FF-M 1.1 isolation I1: private data is not executable.
        if client.is_secure and region.writable:
            self._fault("execute", address, size, "memory that cannot be written")

    def _enter(self) -> "Kernel":
        spm = self._spm
        spm.scheduler.check_os_thread()
        if spm.down is not None:
            raise spm.gone()
        return spm

    def _leave(self) -> None:
        """Whom an interrupt of this access woke runs, unless the NSPE or an FLIH handler made it."""
        if self._client.is_secure and self._spm.handling is None:
            self._spm.leave(self._client, 0)

    def _fault(self, what: str, address: int, length: int, legal: str) -> NoReturn:
        found = f"{length} bytes at {address:#010x}"
        self._spm.panic_of(Fault(self._client, f"CPU {what}: memory of the caller's domain", found, legal))

    def _bus_fault(self, what: str, error: MemoryFault) -> NoReturn:
        found, _, legal = str(error).partition("; legal: ")
        self._spm.panic_of(
            Fault(self._client, f"CPU {what}: an access that the bus carries", found, legal or "another one")
        )
