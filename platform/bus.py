"""What a CPU's load or store reaches, once somebody else has judged the caller's rights."""

from collections.abc import Mapping

from .memory import Memory, MemoryFault, Region, RegionKind
from .peripheral import PeripheralModel, check_access


class Bus:
    """The CPU's side of one device: memory, and the registers of peripherals that have a model.

    ``models`` go by the peripheral's name on the board. The rights that a region has for everybody hold here
    (not readable, not writable: flash that the CPU cannot store into, OTP, a region claimed read-only); who
    may touch it is the SPM's to judge before.
    """

    __slots__ = ("_memory", "_models")

    def __init__(self, memory: Memory, models: Mapping[str, PeripheralModel]) -> None:
        self._memory = memory
        self._models = models

    def load(self, address: int, length: int) -> bytes:
        """``length`` bytes from ``address``, little endian where they are a register.

        Raises MemoryFault where no single region holds them or it cannot be read, and for an access to a
        register that is not of 1, 2 or 4 bytes, aligned.
        """
        region = self._memory.find(address)
        if region is None or region.kind is not RegionKind.PERIPHERAL or not region.readable:
            return self._memory.read(address, length)
        model = self._model(region, address, length)
        if model is None:
            return self._memory.read(address, length)
        return model.read(address - region.base + region.offset, length).to_bytes(length, "little")

    def store(self, address: int, data: bytes) -> None:
        """Store ``data`` at ``address``. Raises MemoryFault as ``load`` does, and where it is read-only."""
        region = self._memory.find(address)
        if region is None or region.kind is not RegionKind.PERIPHERAL or not region.writable:
            self._memory.write(address, data)
            return
        length = len(data)
        model = self._model(region, address, length)
        if model is None:
            self._memory.write(address, data)
        else:
            model.write(address - region.base + region.offset, int.from_bytes(data, "little"), length)

    def _model(self, region: Region, address: int, length: int) -> PeripheralModel | None:
        """The model behind a region, where it has one and a bus carries such an access to it."""
        model = self._models.get(region.device)
        if model is not None:
            check_access(address, length)
            if address + length > region.end:
                raise MemoryFault(
                    address, length, f"access of {length} bytes at {address:#010x} leaves region {region}"
                )
        return model
