"""Devices with anything in their flash, and what BL2 owes whoever powers one on.

One description of such a device serves two drivers, which make the choices: Hypothesis, which finds small
examples and repeats them, and a coverage-guided fuzzer, which has bytes only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Final, Protocol, TypeVar

from click.testing import CliRunner
from support.image_builder import P256, P256_OTHER, ImageParts, dependency, sec_cnt
from support.image_encryption import FOR_EC256, Encrypted

from tfm_sim.bootloader.bl2 import STRATEGIES, BootedImage
from tfm_sim.bootloader.config import Bl2Config, UpgradeStrategy
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.build import Build
from tfm_sim.device import Device
from tfm_sim.interface.errors import ExitCode, TfmSimError
from tfm_sim.interface.mcuboot.trailer import Flag, boot_img_magic
from tfm_sim.platform.board import AreaRole, Board, SlotName, load_board
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.power import PowerCut
from tfm_sim.tools.cli.image import info

T = TypeVar("T")

SLOT: Final = 0x2000
SECTOR: Final = 0x400
COUNTER: Final = 4
ALL_STRATEGIES: Final = tuple(STRATEGIES)
RAM_LOAD: Final = 0x20
ROM_FIXED: Final = 0x100
RECORD: Final = ImageParts().protected[1]
LOAD_ADDRESSES: Final = (0x30000000, 0x30004000, 0x30007F00, 0x38000400, 0xFFFFFF00, 0)
"""Where images for RAM want to be: one place for each of two images, and places where none may."""
OPTIONS: Final = (
    "downgrade_prevention",
    "downgrade_by_counter",
    "bootstrap",
    "single_boot_go",
    "fwu_boot_data",
    "version_build_number",
    "save_enctlv",
)
"""Build options that each example switches on or off; those that a loader does not have yet are left out."""


class Choices(Protocol):
    """Where an example comes from."""

    def pick(self, options: Sequence[T]) -> T: ...

    def number(self, low: int, high: int) -> int:
        """Both ends included."""

    def blob(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""


class ByteChoices:
    """Choices read from the bytes of a fuzzer; once they are used up, the first of everything."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def blob(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken.ljust(size, b"\0")

    def number(self, low: int, high: int) -> int:
        width = (high - low).bit_length() + 7 >> 3
        return low + int.from_bytes(self.blob(width), "little") % (high - low + 1)

    def pick(self, options: Sequence[T]) -> T:
        return options[self.number(0, len(options) - 1)]


def edited(choices: Choices, content: bytes, most: int = 8) -> bytes:
    """``content`` with up to ``most`` bytes replaced, and perhaps an end cut off."""
    data = bytearray(content)
    for _ in range(choices.number(0, most)):
        data[choices.number(0, len(data) - 1)] = choices.number(0, 255)
    return bytes(data[: choices.pick([len(data), len(data), len(data), len(data) // 2, 3])])


@dataclass(frozen=True)
class SignedImage:
    """An image of a trusted key. ``stored`` is what a candidate has of it, ``plain`` what runs of it."""

    stored: bytes
    plain: bytes
    whole: bytes = field(repr=False, default=b"")
    """Header, payload and protected TLVs, which the digest covers: no other bytes may ever run."""


def _parts(major: int, size: int, counter: int = COUNTER, **more: Any) -> ImageParts:
    extra = more.pop("extra", ())
    protected = [sec_cnt(counter), RECORD, *extra]
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    return ImageParts(payload=payload, version=(major, 0, 0, major % 2), protected=protected, **more)


@cache
def images() -> tuple[SignedImage, ...]:
    """Old and new, small and as large as a slot can have, for RAM, for one place in flash, encrypted."""
    for_ram = [
        _parts(2 + n % 3, 300, flags=RAM_LOAD, header={"load_addr": address})
        for n, address in enumerate(LOAD_ADDRESSES)
    ]
    plain = [
        *for_ram,
        _parts(1, 64),
        _parts(2, 900, 5),
        _parts(3, 2500, 6),
        _parts(4, 5400),
        _parts(5, 200, 600),
        _parts(2, 64, 3),
        _parts(3, 64, extra=[dependency(1, 2, 0, 0, 0)]),
        _parts(3, 64, extra=[dependency(0, 3, 0, 0, 0)]),
        _parts(3, 64, flags=ROM_FIXED, header={"load_addr": 0x10002000}),
        _parts(4, 64, flags=ROM_FIXED, header={"load_addr": 0x6000}),
    ]
    made = []
    for parts in plain:
        image = P256.image(parts)
        made.append(SignedImage(image, image, parts.hashed()))
    for parts in (_parts(3, 100), _parts(6, 3000, 6)):
        encrypted = Encrypted(P256, FOR_EC256, parts=parts)
        made.append(SignedImage(encrypted.image(), encrypted.plain(), encrypted.flagged.hashed()))
    return tuple(made)


@cache
def strangers() -> tuple[bytes, ...]:
    """Images that nobody trusted has signed."""
    parts = _parts(9, 64)
    return (P256_OTHER.image(parts), parts.hashed(), parts.with_tlvs([]))


@cache
def board() -> Board:
    return load_board("mcuboot_8k")


@dataclass(frozen=True)
class FuzzedDevice:
    """A device's flash by area, its loader, and where each power-on is cut, if it is."""

    config: Bl2Config
    areas: dict[str, bytes]
    cuts: tuple[str | None, ...]


def draw_device(choices: Choices, strategy: UpgradeStrategy) -> FuzzedDevice:
    """Any device with a loader of this strategy."""
    config = _draw_config(choices, strategy)
    areas = {}
    for area in board().flash_areas:
        if area.slot is not None:
            candidate = area.slot == "secondary"
            likely = area.image if config.strategy.value.startswith("RAM_LOAD") else None
            areas[area.name] = _draw_slot(choices, config, candidate, likely)
        elif area.role is AreaRole.SCRATCH:
            areas[area.name] = _draw_slot(choices, config, candidate=False, likely=None)
    cuts = tuple(_draw_cut(choices) for _ in range(choices.number(1, 3)))
    return FuzzedDevice(config, areas, cuts)


def _draw_config(choices: Choices, strategy: UpgradeStrategy) -> Bl2Config:
    known = {option.name for option in fields(Bl2Config)}
    options: dict[str, Any] = {name: True for name in OPTIONS if name in known and choices.number(0, 3) == 1}
    options["boot_max_align"] = choices.pick([8, 8, 8, 16, 32])
    if not strategy.value.startswith("DIRECT_XIP") and choices.number(0, 2) == 1:
        options |= FOR_EC256.options()
    base = P256.config(image_number=board().image_count, max_img_sectors=board().max_image_sectors)
    return replace(base, strategy=strategy, **options)


def _draw_cut(choices: Choices) -> str | None:
    if choices.number(0, 1) == 0:
        return None
    return f"{choices.number(1, 60)}:{choices.pick(['before', 'after', 'torn'])}"


def _draw_slot(choices: Choices, config: Bl2Config, candidate: bool, likely: int | None) -> bytes:
    """``likely`` is the number of an image that fits there, where most do not."""
    cells = bytearray(b"\xff" * SLOT)
    kind = choices.number(0, 9)
    begin = choices.pick([0, 0, SECTOR]) if candidate else 0
    if kind <= 3 and likely is not None:
        content = images()[likely].stored
    elif kind <= 6:
        content = images()[choices.number(0, len(images()) - 1)].stored
    elif kind == 7:
        content = strangers()[choices.number(0, len(strangers()) - 1)]
    else:
        content = choices.blob(choices.pick([0, 8, 32, 100]))
    cells[begin : begin + len(content)] = content[: SLOT - begin]
    if kind == 6 and content:
        for _ in range(choices.number(1, 3)):
            at = choices.number(0, len(content) - 1)
            cells[begin + at] = choices.number(0, 255)
    _draw_trailer(choices, cells, config.boot_max_align, candidate)
    return bytes(cells)


def _draw_trailer(choices: Choices, cells: bytearray, align: int, candidate: bool) -> None:
    kind = choices.number(0, 5)
    if kind == 0 and not candidate:
        return
    if kind == 1:
        cells[-16:] = boot_img_magic(align)
        cells[SLOT - 16 - align] = Flag.SET
        return
    if kind == 5:
        length = choices.pick([16, 40, 64, 200, 400])
        cells[SLOT - length :] = choices.blob(length)
    magic = [boot_img_magic(align), boot_img_magic(align), b"\xff" * 16, boot_img_magic(8), bytes(16)]
    cells[-16:] = choices.pick(magic)
    flag = [0xFF, 0x01, 0xFF, 0x01, 0x00]
    info = SLOT - 16 - 3 * align
    for at, values in (
        (info + 2 * align, flag),
        (info + align, flag),
        (info, [0xFF, 0x02, 0x03, 0x04, 0x01, 0x12, 0x13, 0x05, 0xF2]),
    ):
        cells[at] = choices.pick(values)
    if kind >= 3:
        size = choices.pick([0x400, 0x1000, SLOT, SLOT + 1, 0, 0xFFFFFFFF, 0x500])
        at = info - choices.pick([1, 1, 2]) * align  # SWAP_USING_OFFSET has a cell more
        cells[at : at + 4] = size.to_bytes(4, "little")
        # Wherever a loader looks for swap status: 8 sectors of 3 entries, below none to two keys or TLVs.
        below = info - align - choices.pick([0, 32, 64, 256, 192])
        for entry in range(choices.number(0, 24)):
            cells[below - 4 * (24 - entry)] = choices.pick([0x01, 0x02, 0x03, 0xFF, 0x00])


def make_device(fuzzed: FuzzedDevice) -> Device:
    """The device as it lies there before its first power-on."""
    device = Device(board(), build=Build(bl2=fuzzed.config))
    hardware = device.hardware
    cells = hardware.flash["flash0"].cells
    for area in board().flash_areas:
        if area.name in fuzzed.areas:
            cells[area.offset : area.offset + area.size] = fuzzed.areas[area.name]
    for counter in _counters(fuzzed):
        hardware.nv_counters.set(counter, COUNTER)
    return device


def _counters(fuzzed: FuzzedDevice) -> list[NvCounter]:
    return [NvCounter(NvCounter.BL2_0 + image) for image in range(fuzzed.config.image_number)]


def power_on_and_check(fuzzed: FuzzedDevice) -> list[str]:
    """Power the device on as often as it says, and once more. Tells how each boot ended.

    Raises AssertionError where BL2 broke a promise; whatever else comes out of it is a defect, too.
    """
    device, counters = make_device(fuzzed), _counters(fuzzed)
    hardware, flash = device.hardware, device.hardware.flash["flash0"]
    others = _others(bytes(flash.cells))
    before = [COUNTER] * len(counters)
    ends = []
    for cut in (*fuzzed.cuts, None):
        hardware.clear()
        if cut is not None:
            device.cut_power(cut)
        ends.append(_boot(device))
        device.hardware.power.cut_at(None)
        after = [hardware.nv_counters.read(counter) for counter in counters]
        assert all(new >= old for new, old in zip(after, before, strict=True)), "a counter fell"
        before = after
        assert _others(bytes(flash.cells)) == others, "BL2 wrote outside slots and scratch"
    return ends


def _others(cells: bytes) -> bytes:
    """The flash that is none of BL2's business."""
    return b"".join(
        cells[area.offset : area.offset + area.size]
        for area in board().flash_areas
        if area.slot is None and area.role is not AreaRole.SCRATCH
    )


def _boot(device: Device) -> str:
    try:
        outcome = device.run_bl2()
    except BootRefused as refused:
        assert refused.refusals and refused.exit_code is ExitCode.NO
        for refusal in refused.refusals:
            assert all((refusal.rule, refusal.check, refusal.found, refusal.wanted))
        return "refused"
    except PowerCut:
        return "cut"
    for booted in outcome.images:
        assert _is_whole(device, booted), (
            f"image {booted.image} runs from {booted.slot}, and nobody signed it"
        )
    return "booted"


def _is_whole(device: Device, booted: BootedImage) -> bool:
    bl2 = device.build.bl2
    assert bl2 is not None
    if bl2.strategy.value.startswith("RAM_LOAD"):
        size = booted.header.hdr_size + booted.header.img_size + booted.header.protect_tlv_size
        found = device.hardware.memory.read(booted.address, size)
    else:
        found = device.hardware.slot(booted.image, _slot_name(booted)).read(0, SLOT)
    return any(found.startswith(image.whole) for image in images())


def _slot_name(booted: BootedImage) -> SlotName:
    return "primary" if booted.slot == "primary" else "secondary"


def look_at_file(data: bytes) -> None:
    """`tfm-sim image info`, as text and as JSON, ends well or with one of our own errors."""
    for options in ([], ["--json"]):
        result = CliRunner().invoke(info, ["-", *options], input=data)
        assert result.output or result.exception
        if result.exception is not None and not isinstance(result.exception, SystemExit | TfmSimError):
            raise result.exception
