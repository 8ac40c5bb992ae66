"""BL2's writer of the boot status: the TLVs that land in the shared data area, byte by byte.

All state is in the area itself, but for one bit: whether this boot has written to it yet.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, Protocol

from ..interface.mcuboot.image import ImageError, ImageHeader, ImageSource, ImageVersion
from ..interface.mcuboot.tlv import Tlv, TlvType, iter_tlvs, load_tlv, tlv_areas
from ..interface.tfm.boot_status import (
    SHARED_DATA_ENTRY_HEADER_SIZE,
    SHARED_DATA_HEADER_SIZE,
    U16_MAX,
    BootStatusEntry,
    BootStatusEra,
    Claim,
    SharedDataEntryHeader,
    SharedDataHeader,
    SwModule,
    TlvMajor,
    encode_area,
    tlv_type,
)
from ..interface.trace import Trace
from .config import Bl2Config
from .events import SharedDataAdded
from .separate_claims import separate_claims, sw_module

BOOT_STATUS_ERROR: Final = 1
"""What TF-M's boot_save_boot_status of 2019 answers to every error."""


class SharedMemoryError(IntEnum):
    """MCUboot SHARED_MEMORY_*; any but OK fails the boot."""

    OK = 0
    OVERFLOW = 1
    OVERWRITE = 2
    GEN_ERROR = 3
    WRITE_ERROR = 4
    READ_ERROR = 5


class SharedMemory(Protocol):
    """The memory behind the area, by absolute address."""

    def read(self, address: int, length: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


def holds_type(area: bytes, total: int, type_: int, era: BootStatusEra = BootStatusEra.TODAY) -> bool:
    """Whether one of the entries in the first ``total`` bytes of an area has this type."""
    own = 0 if era.counts_entry_header else SHARED_DATA_ENTRY_HEADER_SIZE
    offset = SHARED_DATA_HEADER_SIZE
    while offset < total:
        header = area[offset : offset + SHARED_DATA_ENTRY_HEADER_SIZE].ljust(
            SHARED_DATA_ENTRY_HEADER_SIZE, b"\0"
        )
        entry = SharedDataEntryHeader.parse(header)
        if int(entry.tlv_type) == type_:
            return True
        offset += max(own + int(entry.tlv_len), 1)
    return False


class BootStatusWriter:
    """The writer of one boot; ``base`` and ``size`` (bytes) are those of the shared data area."""

    def __init__(self, memory: SharedMemory, base: int, size: int, config: Bl2Config, trace: Trace) -> None:
        self._memory = memory
        self._base = base
        self._size = size
        self._config = config
        self._trace = trace
        self._init_done = False
        self.problem = ("", "")
        """Of the last call that failed: what was found, and what was wanted."""

    def boot_add_data_to_shared_area(self, major: int, module: int, claim: int, data: bytes | None) -> int:
        """Append one entry (MCUboot boot_add_data_to_shared_area); returns a SharedMemoryError.

        The first call of a boot zeroes the whole area. A type that is there already, a total past 16 bits
        and a total past the area are refused; an area filled to the last byte is fine.
        """
        if data is None:
            self.problem = ("no data", "an entry needs some")
            return SharedMemoryError.GEN_ERROR
        if not self._init_done:
            failed = self._begin()
            if failed:
                return failed
        type_ = tlv_type(major, module, claim)
        total = self._total()
        code = self._check(type_, total, len(data))
        if code == SharedMemoryError.OK:
            entry = BootStatusEntry(type_, data).encode(self._config.boot_status)
            self._memory.write(self._base + total, entry)
            header = SharedDataHeader.build({"tlv_tot_len": total + len(entry)})
            self._memory.write(self._base, header)
        if self._trace.listeners:
            done = "added" if code == SharedMemoryError.OK else f"refused: {code.name}"
            text = (
                f"shared data: entry {type_:#06x} of {len(data)} bytes at {self._base + total:#010x} {done}"
            )
            about_image = self._config.boot_status is BootStatusEra.TODAY and self._config.boot_info is None
            image = module if about_image else None
            rule = "boot_add_data_to_shared_area"
            self._trace.emit(SharedDataAdded(image, rule, text, type_, data, int(code)))
        return code

    def boot_save_boot_status(self, image: int, header: ImageHeader, area: ImageSource) -> int:
        """Publish the boot record of an image in flash (MCUboot boot_save_boot_status); 0 or an error code.

        The walk ends at the first image hash TLV: a boot record behind it is not found. The eras of separate
        claims publish those instead (`separate_claims`).
        """
        if self._config.boot_status.separate_claims:
            return self._save_separate_claims(image, header, area)
        record: bytes | None = None
        image_hash: bytes | None = None
        try:
            for tlv in iter_tlvs(header, area, tlv_areas(header, area)):
                if tlv.type == TlvType.BOOT_RECORD:
                    record = self._load(area, tlv, self._config.max_boot_record_size)
                elif tlv.type == self._config.image_hash.tlv:
                    image_hash = self._load(area, tlv, self._config.image_hash.size)
                    break
        except ImageError as error:
            self.problem = (f"{error.check} {error.found}", error.wanted)
            return -1
        return self.save_boot_record(image, record, image_hash)

    def save_boot_record(self, image: int, record: bytes | None, image_hash: bytes | None) -> int:
        """Publish a boot record whose last bytes are overwritten by the image hash, whatever they mean.

        0 or an error code: -1 without a record or hash, or with a record shorter than the hash.
        """
        size = self._config.image_hash.size
        if record is None or image_hash is None:
            name = "BOOT_RECORD" if record is None else self._config.image_hash.name
            self.problem = (f"no {name} TLV", "measured boot needs one in every image")
            return -1
        if len(record) < size:
            self.problem = (f"a BOOT_RECORD of {len(record)} bytes", f"the image hash alone has {size}")
            return -1
        # MCUboot boot_save_boot_status: the measurement is found by its place, not by parsing the CBOR.
        patched = record[: len(record) - size] + image_hash
        module = image if self._config.boot_status is BootStatusEra.TODAY else sw_module(self._config, image)
        return self.boot_add_data_to_shared_area(TlvMajor.IAS, module, Claim.SW_BOOT_RECORD, patched)

    def _save_separate_claims(self, image: int, header: ImageHeader, area: ImageSource) -> int:
        """TF-M boot_save_boot_status of 2019; what went in before an error stays."""
        module = sw_module(self._config, image)
        try:
            for claim, data in separate_claims(self._config, module, header, area):
                if self.boot_add_data_to_shared_area(TlvMajor.IAS, module, claim, data):
                    return BOOT_STATUS_ERROR
        except ImageError as error:
            self.problem = (f"{error.check} {error.found}", error.wanted)
            return BOOT_STATUS_ERROR
        return SharedMemoryError.OK

    def _begin(self) -> int:
        """The first entry of a boot finds an area of zeros with an empty header in it; 0 or an error code.

        What a BL2 of 2019 tells of the device itself comes right behind.
        """
        self._memory.write(self._base, encode_area([]).ljust(self._size, b"\0"))
        self._init_done = True
        for claim, data in self._config.general_claims:
            code = self.boot_add_data_to_shared_area(TlvMajor.IAS, SwModule.GENERAL, claim, data)
            if code:
                return code
        return SharedMemoryError.OK

    def boot_save_shared_data(self, image: int, version: ImageVersion) -> int:
        """Publish an image's version for the firmware update partition (TF-M boot_save_shared_data)."""
        return self.boot_add_data_to_shared_area(TlvMajor.FWU, image, Claim.SW_VERSION, version.encode())

    def publish(
        self, image: int, header: ImageHeader, tlvs: Iterable[tuple[int, bytes]], *, fwu: bool
    ) -> int:
        """All entries of one image from its header and bare TLVs (type, value) in file order.

        For images whose payload is not at hand: what BL2 publishes depends on nothing else. 0 or the first
        error.
        """
        record: bytes | None = None
        for type_, value in tlvs:
            if type_ == TlvType.BOOT_RECORD:
                record = value
            elif type_ == self._config.image_hash.tlv:
                code = self.save_boot_record(image, record, value)
                if code == SharedMemoryError.OK and fwu:
                    code = self.boot_save_shared_data(image, header.version)
                return code
        return -1

    def _load(self, area: ImageSource, tlv: Tlv, limit: int) -> bytes:
        if tlv.length > limit:
            raise ImageError(
                "boot_save_boot_status", tlv.name, f"{tlv.length} bytes", f"the loader takes at most {limit}"
            )
        return load_tlv(area, tlv)

    def _total(self) -> int:
        header = SharedDataHeader.parse(self._memory.read(self._base, SHARED_DATA_HEADER_SIZE))
        return int(header.tlv_tot_len)

    def _check(self, type_: int, total: int, size: int) -> SharedMemoryError:
        if holds_type(self._memory.read(self._base, self._size), total, type_, self._config.boot_status):
            self.problem = (f"a second entry {type_:#06x}", "each type may stand there once a boot")
            return SharedMemoryError.OVERWRITE
        new_total = total + SHARED_DATA_ENTRY_HEADER_SIZE + size
        if new_total <= min(U16_MAX, self._size):
            return SharedMemoryError.OK
        self.problem = (f"{new_total} bytes with entry {type_:#06x}", f"the shared area has {self._size}")
        return SharedMemoryError.GEN_ERROR if new_total > U16_MAX else SharedMemoryError.OVERFLOW
