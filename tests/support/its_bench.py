"""A bench for the flash file system of internal trusted storage: a flash of any geometry that can be cut."""

from collections.abc import Callable
from dataclasses import dataclass

from tfm_sim.partitions.internal_trusted_storage.config import ItsQuirks
from tfm_sim.partitions.internal_trusted_storage.file_system import FileInfo, FileSystem
from tfm_sim.partitions.internal_trusted_storage.flash_blocks import FlashBlocks
from tfm_sim.partitions.internal_trusted_storage.layout import FLAG_CREATE, FLAG_TRUNCATE, FsConfig, align
from tfm_sim.partitions.internal_trusted_storage.metadata_blocks import MetadataBlocks
from tfm_sim.partitions.internal_trusted_storage.refusal import Refusal
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.nv_counters import NvCounters
from tfm_sim.platform.power import Cut, CutMode, Operation, PowerCut
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.platform.random_source import RandomSource

_OTP = provisioned_otp(DUMMY)
_NO_QUIRKS = ItsQuirks()
NEW = FLAG_CREATE | FLAG_TRUNCATE


@dataclass(frozen=True, slots=True)
class Geometry:
    """A flash area and the file system in it; sizes in bytes."""

    sector: int = 512
    sectors_per_block: int = 1
    blocks: int = 4
    unit: int = 1
    erased: int = 0xFF
    alignment: int = 0
    """0 is the program unit."""
    max_file_size: int = 128
    max_files: int = 5
    encrypted: bool = False

    @property
    def size(self) -> int:
        return self.sector * self.sectors_per_block * self.blocks

    @property
    def config(self) -> FsConfig:
        return FsConfig(
            self.sector * self.sectors_per_block,
            self.blocks,
            self.unit,
            align(self.max_file_size, self.unit),
            self.max_files,
            self.erased,
            self.alignment or self.unit,
            self.encrypted,
        )


def file_id(number: int) -> bytes:
    """An id of 12 bytes that is never zero."""
    return b"\1\0\0\0" + (number + 1).to_bytes(8, "little")


class FsBench:
    """One flash area; `fs` is its file system, made anew by `mount`."""

    def __init__(
        self,
        geometry: Geometry | None = None,
        contents: bytes | None = None,
        quirks: ItsQuirks = _NO_QUIRKS,
        *,
        validate: bool = True,
    ) -> None:
        self.geometry = geometry = geometry or Geometry()
        self.flash = Flash("its", geometry.size, geometry.sector, geometry.unit, geometry.erased, contents)
        self._quirks, self._validate = quirks, validate
        area = FlashArea(7, "its", self.flash, 0, geometry.size)
        hal = PlatformHal(_OTP, NvCounters(_OTP), RandomSource(b"", 0), its_area=area)
        self._blocks = FlashBlocks(hal, hal.tfm_hal_its_fs_info(), geometry.sectors_per_block)
        self.operations: list[Operation] = []
        self.flash.power.on_operation = self.operations.append
        self.make()

    def make(self) -> None:
        """What a reset does: nothing of the file system's RAM stays."""
        config, quirks = self.geometry.config, self._quirks
        self.fs = FileSystem(MetadataBlocks(self._blocks, config, quirks, validate=self._validate))

    def boot(self) -> None:
        """TF-M tfm_its_init with ITS_CREATE_FLASH_LAYOUT."""
        self.make()
        try:
            self.fs.prepare()
        except Refusal:
            self.fs.wipe_all()
            self.fs.prepare()

    def set(self, number: int, data: bytes, flags: int = 0) -> None:
        nonce, tag = (bytes(12), bytes(16)) if self.geometry.encrypted else (b"", b"")
        self.fs.write(file_id(number), FileInfo(0, len(data), flags | NEW, nonce, tag), data)

    def remove(self, number: int) -> None:
        self.fs.delete(file_id(number))

    def get(self, number: int) -> tuple[bytes, int] | None:
        """Data and flags of a file; None where it does not exist."""
        try:
            info = self.fs.info(file_id(number))
        except Refusal:
            return None
        return self.fs.read(file_id(number), 0, info.size_current), info.flags

    def all(self) -> dict[int, tuple[bytes, int]]:
        found = {number: self.get(number) for number in range(self.geometry.max_files + 1)}
        return {number: value for number, value in found.items() if value is not None}

    def copy(self) -> "FsBench":
        """Another device with the same flash, switched off."""
        return FsBench(self.geometry, bytes(self.flash.cells), self._quirks)

    def count(self, act: Callable[["FsBench"], None]) -> int:
        """How many writes and erases an act takes from here."""
        other = self.copy()
        other.boot()
        before = other.flash.power.operations
        act(other)
        return other.flash.power.operations - before

    def cut(self, act: Callable[["FsBench"], None], number: int, mode: CutMode) -> bool:
        """Do ``act``, with power cut at its operation ``number``; False where it has fewer."""
        power = self.flash.power
        power.cut_at(Cut(power.operations + number, mode))
        try:
            act(self)
        except PowerCut:
            power.restore()
            return True
        power.cut_at(None)
        return False


GEOMETRIES = {
    "two blocks": Geometry(sector=1024, blocks=2),
    "four blocks": Geometry(),
    "five blocks of two sectors": Geometry(sector=256, sectors_per_block=2, blocks=5),
    "erased is 0x00": Geometry(erased=0x00),
    "units of 4": Geometry(unit=4),
    "units of 8": Geometry(unit=8),
    "units of 16": Geometry(unit=16),
    "units of 8, erased is 0x00, two blocks": Geometry(sector=1024, blocks=2, unit=8, erased=0x00),
    "units of 16, two blocks": Geometry(sector=1024, blocks=2, unit=16),
    "encrypted": Geometry(encrypted=True),
    "encrypted, units of 8": Geometry(encrypted=True, unit=8),
    "aligned to a larger unit": Geometry(unit=1, alignment=8),
}
