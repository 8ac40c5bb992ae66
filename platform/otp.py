"""One-time-programmable memory: fields whose bits only rise.

The bytes lie as TF-M 2.2.2 lays out its OTP and NV counter area on MPS2+ AN521
(``flash_otp_nv_counters_region_t``): an init word, the OTP elements without padding, the three PS counters
(u32), and a count of the writes so far. Integers are little endian. Behind that the area reads 0xff.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from .plat_err import PlatError, TfmPlatErr
from .power import CutMode, OperationKind, PowerSupply, torn_write

OTP_NV_COUNTERS_INITIALIZED: Final = 0xC0DE8112
FLASH_NV_COUNTERS: Final = 3
OTP: Final = "otp"
UINT32_MAX: Final = 0xFFFFFFFF


class OtpField(IntEnum):
    """``enum tfm_otp_element_id_t``, PLAT_OTP_ID_* in TF-M's default order."""

    HUK = 0
    GUK = 1
    IAK = 2
    IAK_LEN = 3
    IAK_TYPE = 4
    IAK_ID = 5
    BOOT_SEED = 6
    LCS = 7
    IMPLEMENTATION_ID = 8
    CERT_REF = 9
    VERIFICATION_SERVICE_URL = 10
    PROFILE_DEFINITION = 11
    BL2_ROTPK_0 = 12
    BL2_ROTPK_1 = 13
    BL2_ROTPK_2 = 14
    BL2_ROTPK_3 = 15
    NV_COUNTER_BL2_0 = 16
    NV_COUNTER_BL2_1 = 17
    NV_COUNTER_BL2_2 = 18
    NV_COUNTER_BL2_3 = 19
    NV_COUNTER_NS_0 = 20
    NV_COUNTER_NS_1 = 21
    NV_COUNTER_NS_2 = 22
    KEY_BL2_ENCRYPTION = 23
    BL1_2_IMAGE = 24
    BL1_2_IMAGE_HASH = 25
    BL2_IMAGE_HASH = 26
    BL1_ROTPK_0 = 27
    NV_COUNTER_BL1_0 = 28
    ENTROPY_SEED = 29
    SECURE_DEBUG_PK = 30
    # Boards with an OTP of their own for BL1 number these differently, each in its platform_otp_ids.h.
    BL1_2_IMAGE_LEN = 31
    BL1_ROTPK_1 = 32
    BL1_ROTPK_2 = 33
    BL1_ROTPK_3 = 34
    # The eFuses of an ESP32, which no TF-M has.
    EFUSE_MAC = 35
    EFUSE_CHIP_REVISION = 36
    EFUSE_OPTIONAL_UNIQUE_ID = 37


BL1_ROTPKS: Final = (
    OtpField.BL1_ROTPK_0,
    OtpField.BL1_ROTPK_1,
    OtpField.BL1_ROTPK_2,
    OtpField.BL1_ROTPK_3,
)
"""The key of each signer of BL2."""


class OtpError(PlatError):
    """An OTP access failed: INVALID_INPUT (a bit would fall, too long) or UNSUPPORTED (no such field)."""


@dataclass(frozen=True)
class OtpLayout:
    """Which fields a build has and where they lie.

    ``rotpk_size``: 32 (SHA-256 of the key), 48 (SHA-384), 68 (whole P-256 point) or 100 (whole P-384 point).
    ``iak_size`` is 32 as in TF-M's template; a key of P-384, P-521 or a longer HMAC key needs more.
    BL1 adds its ROTPK and counter; ``ns_counters`` is PLATFORM_NS_NV_COUNTERS, 0 to 3.

    ``bl1_2_code_size`` is BL1_2_CODE_SIZE: the OTP holds BL1_2, its hash and length, BL2's encryption key,
    the GUK and ``bl1_signers`` ROTPKs of ``bl1_rotpk_size`` bytes each (56: a whole LMS key), as that of a
    board with PLATFORM_DEFAULT_BL1 does (TF-M otp_cc312.c). 0: TF-M's emulated OTP, with no room for them.

    ``esp_efuse``: the factory values of an ESP32 as well: MAC, chip revision and OPTIONAL_UNIQUE_ID.
    """

    rotpk_size: int = 68
    iak_size: int = 32
    bl1: bool = False
    ns_counters: int = 0
    bl1_2_code_size: int = 0
    bl1_rotpk_size: int = 56
    bl1_signers: int = 1
    esp_efuse: bool = False

    @cached_property
    def fields(self) -> dict[OtpField, tuple[int, int]]:
        """Offset and size in bytes of each field, from the start of the area."""
        place: dict[OtpField, tuple[int, int]] = {}
        offset = 4
        for field, size in self._sizes():
            place[field] = (offset, size)
            offset += size
        return place

    @cached_property
    def flash_nv_counters_offset(self) -> int:
        offset, size = self.fields[OtpField.SECURE_DEBUG_PK]
        return offset + size

    @cached_property
    def swap_count_offset(self) -> int:
        return self.flash_nv_counters_offset + 4 * FLASH_NV_COUNTERS

    @cached_property
    def size(self) -> int:
        """Bytes from the init word to the end of the write count."""
        return self.swap_count_offset + 4

    def _sizes(self) -> list[tuple[OtpField, int]]:
        rotpk = self.rotpk_size
        sizes = [
            (OtpField.HUK, 32),
            (OtpField.IAK, self.iak_size),
            (OtpField.IAK_LEN, 4),
            (OtpField.IAK_TYPE, 4),
            (OtpField.IAK_ID, 32),
            (OtpField.BOOT_SEED, 32),
            (OtpField.LCS, 4),
            (OtpField.IMPLEMENTATION_ID, 32),
            (OtpField.CERT_REF, 32),
            (OtpField.VERIFICATION_SERVICE_URL, 32),
            (OtpField.PROFILE_DEFINITION, 32),
            (OtpField.BL2_ROTPK_0, rotpk),
            (OtpField.BL2_ROTPK_1, rotpk),
            (OtpField.NV_COUNTER_BL2_0, 64),
            (OtpField.NV_COUNTER_BL2_1, 64),
            (OtpField.NV_COUNTER_BL2_2, 64),
            (OtpField.NV_COUNTER_BL2_3, 64),
            (OtpField.BL2_ROTPK_2, rotpk),
            (OtpField.BL2_ROTPK_3, rotpk),
        ]
        if self.bl1:
            sizes += self._bl1_sizes()
        sizes += [(OtpField(OtpField.NV_COUNTER_NS_0 + i), 64) for i in range(self.ns_counters)]
        if self.esp_efuse:
            sizes += [
                (OtpField.EFUSE_MAC, 6),
                (OtpField.EFUSE_CHIP_REVISION, 2),
                (OtpField.EFUSE_OPTIONAL_UNIQUE_ID, 16),
            ]
        return [*sizes, (OtpField.ENTROPY_SEED, 64), (OtpField.SECURE_DEBUG_PK, 32)]

    def _bl1_sizes(self) -> list[tuple[OtpField, int]]:
        if not self.bl1_2_code_size:
            return [(OtpField.BL1_ROTPK_0, 32), (OtpField.NV_COUNTER_BL1_0, 16)]
        return [
            *((field, self.bl1_rotpk_size) for field in BL1_ROTPKS[: self.bl1_signers]),
            (OtpField.NV_COUNTER_BL1_0, 16),
            (OtpField.KEY_BL2_ENCRYPTION, 32),
            (OtpField.BL1_2_IMAGE_HASH, 32),
            (OtpField.BL1_2_IMAGE, self.bl1_2_code_size),
            (OtpField.BL1_2_IMAGE_LEN, 4),
            (OtpField.GUK, 32),
        ]


AN521_LAYOUT: Final = OtpLayout()


class Otp:
    """The OTP and NV counter area of one device; ``bytes(otp)`` is the raw area.

    ``area_size`` is the size of the sector that holds it (AN521: 4096); what the layout does not use reads
    0xff and cannot be written. ``power`` numbers its writes; a write raises PowerCut where power goes away.
    """

    __slots__ = ("_cells", "layout", "power")

    def __init__(self, layout: OtpLayout = AN521_LAYOUT, area_size: int = 0x1000) -> None:
        self.layout = layout
        self.power = PowerSupply()
        if area_size < layout.size:
            raise OtpError(
                TfmPlatErr.SYSTEM_ERR,
                f"OTP area of {area_size} bytes; legal: at least {layout.size}, what its fields take",
            )
        self._cells = bytearray(layout.size) + b"\xff" * (area_size - layout.size)
        self._cells[:4] = OTP_NV_COUNTERS_INITIALIZED.to_bytes(4, "little")
        # TF-M create_or_restore_layout: the init word and the write count are two writes of their own.
        self._set_u32(layout.swap_count_offset, 2)

    @classmethod
    def from_bytes(cls, raw: bytes, layout: OtpLayout = AN521_LAYOUT) -> "Otp":
        """An OTP with the bytes of a dump, of at least the layout's size.

        Raises OtpError where the dump is too short or does not start with TF-M's init word.
        """
        if len(raw) < layout.size:
            raise OtpError(
                TfmPlatErr.SYSTEM_ERR, f"OTP image of {len(raw)} bytes; legal: at least {layout.size}"
            )
        init = int.from_bytes(raw[:4], "little")
        if init != OTP_NV_COUNTERS_INITIALIZED:
            raise OtpError(
                TfmPlatErr.SYSTEM_ERR,
                f"OTP image begins with {init:#010x}; legal: the init word {OTP_NV_COUNTERS_INITIALIZED:#x}",
            )
        otp = cls(layout, len(raw))
        otp._cells[:] = raw
        return otp

    def __bytes__(self) -> bytes:
        return bytes(self._cells)

    @property
    def cells(self) -> bytearray:
        """The live bytes, for a memory map."""
        return self._cells

    def size_of(self, field: OtpField) -> int:
        """Bytes of a field. Raises OtpError UNSUPPORTED where this build has no such field."""
        return self._place(field)[1]

    def read(self, field: OtpField, length: int | None = None) -> bytes:
        """The first ``min(length, field size)`` bytes of a field; without a length all of it.

        Raises OtpError UNSUPPORTED where this build has no such field.
        """
        offset, size = self._place(field)
        if length is not None:
            size = min(size, length)
        return bytes(self._cells[offset : offset + size])

    def write(self, field: OtpField, data: bytes) -> None:
        """Burn ``data`` into the first bytes of a field; the rest of it stays.

        TF-M tfm_plat_otp_write: raises OtpError INVALID_INPUT, and changes nothing, where the data is longer
        than the field or a bit would fall from 1 to 0; UNSUPPORTED where there is no such field.
        """
        offset, size = self._place(field)
        if len(data) > size:
            raise OtpError(
                TfmPlatErr.INVALID_INPUT, f"OTP {field.name}: {len(data)} bytes; legal: at most {size}"
            )
        old = int.from_bytes(self._cells[offset : offset + len(data)], "little")
        new = int.from_bytes(data, "little")
        if old & ~new:
            raise OtpError(
                TfmPlatErr.INVALID_INPUT,
                f"OTP {field.name}: the write would clear bits that are burnt; legal: bits only rise",
            )
        cut = self.power.start(OTP, OperationKind.WRITE, offset, len(data), data)
        if cut is CutMode.TORN:
            old_data = bytes(self._cells[offset : offset + len(data)])
            self._cells[offset : offset + len(data)] = torn_write(old_data, data)
        else:
            self._cells[offset : offset + len(data)] = data
            self._count_write()
        if cut is not None:
            self.power.fail(OTP, OperationKind.WRITE, offset, len(data))

    def read_flash_counter(self, index: int) -> int:
        """The PS counter ``index`` (0 to 2), a plain u32 beside the OTP elements."""
        return self._get_u32(self.layout.flash_nv_counters_offset + 4 * index)

    def write_flash_counter(self, index: int, value: int) -> None:
        """Store a PS counter. It is flash and not OTP: its rules are in nv_counters.py.

        Cut half way it keeps its old value: TF-M writes a copy of the area first and swaps the two.
        """
        offset = self.layout.flash_nv_counters_offset + 4 * index
        cut = self.power.start(OTP, OperationKind.WRITE, offset, 4, value.to_bytes(4, "little"))
        if cut is not CutMode.TORN:
            self._set_u32(offset, value)
            self._count_write()
        if cut is not None:
            self.power.fail(OTP, OperationKind.WRITE, offset, 4)

    @property
    def swap_count(self) -> int:
        """How often the area was written, as TF-M counts it to tell the newer copy from the older."""
        return self._get_u32(self.layout.swap_count_offset)

    def _count_write(self) -> None:
        # TF-M write_otp_nv_counters_flash: the count never takes the value of erased flash.
        count = self.swap_count + 1
        self._set_u32(self.layout.swap_count_offset, 1 if count >= UINT32_MAX else count)

    def _place(self, field: OtpField) -> tuple[int, int]:
        place = self.layout.fields.get(field)
        if place is None:
            raise OtpError(TfmPlatErr.UNSUPPORTED, f"OTP {field.name}: this board's OTP has no such field")
        return place

    def _get_u32(self, offset: int) -> int:
        return int.from_bytes(self._cells[offset : offset + 4], "little")

    def _set_u32(self, offset: int, value: int) -> None:
        self._cells[offset : offset + 4] = value.to_bytes(4, "little")
