"""One address space: regions with owner, security state and access rights, real bytes behind them."""

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from enum import Enum, IntFlag
from typing import Final

from ..interface.errors import TfmSimError


class Access(IntFlag):
    """What the hardware lets a CPU access do with a region."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4


class Security(Enum):
    """The security attribute of an address, as SAU, IDAU and MPC set it together."""

    SECURE = "secure"
    NON_SECURE = "non_secure"


class RegionKind(Enum):
    """What lies behind a region; RAM and peripherals forget at a reset."""

    RAM = "ram"
    FLASH = "flash"
    OTP = "otp"
    PERIPHERAL = "peripheral"


class MemoryFault(TfmSimError):
    """An access that no region allows: nothing mapped, out of the region, or against its rights."""

    def __init__(self, address: int, length: int, text: str) -> None:
        super().__init__(text)
        self.address = address
        self.length = length


_NO_BYTES: Final = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Region:
    """A range of addresses with one owner and one set of rights.

    ``owner`` is a partition's name, or empty for nobody in particular. ``device`` and ``offset`` say which
    bytes lie behind it (a RAM, flash, OTP or peripheral of the board).

    A region that is mapped in a Memory has those bytes at hand: ``view`` is a memoryview of them, writable
    where the region's rights allow it; ``backing`` is the hardware's own side of the same bytes. Before that
    both are empty. ``end``, ``readable``, ``writable`` and ``non_secure`` restate the other fields for speed.
    """

    name: str
    base: int
    size: int
    security: Security
    access: Access
    owner: str = ""
    kind: RegionKind = RegionKind.RAM
    device: str = ""
    offset: int = 0
    view: memoryview = field(default=_NO_BYTES, repr=False, compare=False)
    backing: memoryview = field(default=_NO_BYTES, repr=False, compare=False)
    end: int = field(init=False, repr=False, compare=False)
    readable: bool = field(init=False, repr=False, compare=False)
    writable: bool = field(init=False, repr=False, compare=False)
    non_secure: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", self.base + self.size)
        object.__setattr__(self, "readable", Access.READ in self.access)
        object.__setattr__(self, "writable", Access.WRITE in self.access)
        object.__setattr__(self, "non_secure", self.security is Security.NON_SECURE)

    def __str__(self) -> str:
        return f"{self.name} {self.base:#010x}..{self.end - 1:#010x}"


class Memory:
    """The memory map of one device. Addresses and lengths are bytes."""

    __slots__ = ("_bases", "_regions", "regions")

    def __init__(self) -> None:
        self._bases: list[int] = []
        self._regions: list[Region] = []
        self.regions: tuple[Region, ...] = ()

    def add(self, region: Region, backing: bytearray | memoryview) -> Region:
        """Map ``region`` onto the bytes of ``backing``, which has exactly the region's size.

        Returns the region with its ``view``. Raises MemoryFault where the sizes differ or the region
        overlaps one that is mapped already.
        """
        if region.size < 1 or len(backing) != region.size:
            raise MemoryFault(
                region.base,
                region.size,
                f"region {region}: {len(backing)} bytes of backing for {region.size}",
            )
        at = bisect_right(self._bases, region.base)
        for other in self._regions[max(at - 1, 0) : at + 1]:
            if other.base < region.end and region.base < other.end:
                raise MemoryFault(region.base, region.size, f"region {region} overlaps region {other}")
        whole = memoryview(backing)
        view = whole if region.writable else whole.toreadonly()
        mapped = replace(region, view=view, backing=whole)
        self._bases.insert(at, region.base)
        self._regions.insert(at, mapped)
        self.regions = tuple(self._regions)
        return mapped

    def remove(self, region: Region) -> None:
        """Unmap a region. Raises MemoryFault where it is not mapped."""
        if region not in self._regions:
            raise MemoryFault(region.base, region.size, f"region {region} is not mapped")
        at = self._regions.index(region)
        del self._regions[at], self._bases[at]
        self.regions = tuple(self._regions)

    def remap(self, region: Region, other: Region) -> Region:
        """Map the bytes behind ``region`` as ``other`` instead, which has the same size; returns that.

        Raises MemoryFault, and changes nothing, where ``region`` is not mapped or ``other`` does not fit.
        """
        before = self.regions
        self.remove(region)
        try:
            return self.add(other, region.backing)
        except MemoryFault:
            self.restore(before)
            raise

    def carve(self, region: Region) -> Region:
        """Cut ``region`` out of the one region that holds all of it; the bytes behind it stay the same.

        What is left before and behind keeps the old region's name and rights. Returns the new region.
        Raises MemoryFault, and changes nothing, where no single region holds the range.
        """
        whole = self.find_range(region.base, region.size)
        if whole is None or region.size < 1:
            raise MemoryFault(region.base, region.size, f"region {region}: not inside one mapped region")
        self.remove(whole)
        for base, end in ((whole.base, region.base), (region.end, whole.end)):
            if base < end:
                self._map_part(replace(whole, base=base, size=end - base), whole)
        return self._map_part(replace(region, kind=whole.kind, device=whole.device), whole)

    def restore(self, regions: tuple[Region, ...]) -> None:
        """Go back to an earlier value of ``regions``: carved and moved regions are gone, the bytes stay."""
        self._regions = list(regions)
        self._bases = [region.base for region in regions]
        self.regions = regions

    def _map_part(self, part: Region, whole: Region) -> Region:
        start = part.base - whole.base
        return self.add(replace(part, offset=whole.offset + start), whole.backing[start : start + part.size])

    def find(self, address: int) -> Region | None:
        """The region that holds ``address``, or None. In the hot path of every psa_call."""
        at = bisect_right(self._bases, address) - 1
        if at < 0:
            return None
        region = self._regions[at]
        return region if address < region.end else None

    def find_range(self, address: int, length: int) -> Region | None:
        """The region that holds all of ``[address, address + length)``, or None where no single one does."""
        at = bisect_right(self._bases, address) - 1
        if at < 0 or length < 0:
            return None
        region = self._regions[at]
        return region if address < region.end and address + length <= region.end else None

    def read(self, address: int, length: int) -> bytes:
        """Bytes as the SPM or BL2 reads them. Raises MemoryFault unless one readable region holds them."""
        region = self._range("read", address, length)
        if not region.readable:
            raise MemoryFault(
                address, length, f"read of {length} bytes at {address:#010x}: {region.name} is not readable"
            )
        start = address - region.base
        return bytes(region.view[start : start + length])

    def write(self, address: int, data: bytes) -> None:
        """Store bytes as the SPM or BL2 does. Raises MemoryFault unless one writable region holds them."""
        region = self._range("write", address, len(data))
        if not region.writable:
            raise MemoryFault(
                address,
                len(data),
                f"write of {len(data)} bytes at {address:#010x}: {region.name} is not writable",
            )
        start = address - region.base
        region.view[start : start + len(data)] = data

    def clear_ram(self) -> None:
        """A reset: RAM and peripherals forget. The model's memory reads zero then, so that runs repeat."""
        for region in self._regions:
            if region.kind in (RegionKind.RAM, RegionKind.PERIPHERAL):
                region.backing[:] = bytes(region.size)

    def _range(self, what: str, address: int, length: int) -> Region:
        region = self.find(address)
        if region is None:
            raise MemoryFault(
                address, length, f"{what} of {length} bytes at {address:#010x}: nothing is mapped there"
            )
        if address + length > region.end:
            raise MemoryFault(
                address,
                length,
                f"{what} of {length} bytes at {address:#010x} leaves region {region}",
            )
        return region
