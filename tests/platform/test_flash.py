"""NOR flash: blocks are erased whole, program units move bits one way, every operation has a number."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tfm_sim.platform.flash import Flash, FlashArea, FlashError
from tfm_sim.platform.power import Operation, OperationKind


def small_flash(erased_value: int = 0xFF) -> Flash:
    return Flash("f", size=64, erase_block=16, write_size=4, erased_value=erased_value)


@pytest.mark.parametrize(
    "offset, data, refused",
    [
        (0, b"\x12\x34\x56\x78", None),
        (60, b"\0\0\0\0", None),
        (0, b"", None),
        (2, b"\0\0\0\0", "legal: offset and length in multiples of 4"),
        (0, b"\0\0\0", "legal: offset and length in multiples of 4"),
        (64, b"\0\0\0\0", "legal: inside 0..0x40"),
        (60, b"\0" * 8, "legal: inside 0..0x40"),
        (-4, b"\0\0\0\0", "legal: inside 0..0x40"),
    ],
)
def test_write_takes_whole_program_units_inside_the_device(
    offset: int, data: bytes, refused: str | None
) -> None:
    flash = small_flash()
    if refused is None:
        flash.write(offset, data)
        assert flash.read(offset, len(data)) == data
    else:
        with pytest.raises(FlashError, match=refused):
            flash.write(offset, data)
        assert flash.read(0, 64) == b"\xff" * 64
        assert flash.power.operations == 0


@pytest.mark.parametrize(
    "erased_value, first, second, works",
    [
        (0xFF, 0xFF, 0x0F, True),
        (0xFF, 0x0F, 0x0F, True),
        (0xFF, 0x0F, 0x0E, True),
        (0xFF, 0x0F, 0x1F, False),
        (0xFF, 0x00, 0xFF, False),
        (0x00, 0x00, 0xF0, True),
        (0x00, 0xF0, 0xF1, True),
        (0x00, 0xF0, 0x70, False),
    ],
)
def test_programming_only_moves_bits_away_from_erased(
    erased_value: int, first: int, second: int, works: bool
) -> None:
    flash = small_flash(erased_value)
    flash.write(4, bytes([first]) * 4)
    if works:
        flash.write(4, bytes([second]) * 4)
        assert flash.read(4, 4) == bytes([second]) * 4
    else:
        with pytest.raises(FlashError, match=f"at 0x4 of {second:#04x} over {first:#04x}"):
            flash.write(4, bytes([second]) * 4)
        assert flash.read(4, 4) == bytes([first]) * 4


@pytest.mark.parametrize(
    "offset, length, refused",
    [
        (16, 16, None),
        (0, 64, None),
        (8, 16, "multiples of 16"),
        (0, 8, "multiples of 16"),
        (48, 32, "inside 0..0x40"),
    ],
)
def test_erase_takes_whole_blocks(offset: int, length: int, refused: str | None) -> None:
    flash = small_flash()
    flash.write(0, b"\0" * 64)
    if refused is None:
        flash.erase(offset, length)
        assert flash.read(0, 64) == b"\0" * offset + b"\xff" * length + b"\0" * (64 - offset - length)
    else:
        with pytest.raises(FlashError, match=refused):
            flash.erase(offset, length)
        assert flash.read(0, 64) == b"\0" * 64


def test_every_operation_is_announced_with_its_number_before_it_happens() -> None:
    flash = small_flash()
    seen: list[tuple[Operation, bytes]] = []
    flash.power.on_operation = lambda operation: seen.append((operation, flash.read(0, 4)))
    flash.write(0, b"\x11\x22\x33\x44")
    flash.read(0, 64)
    flash.erase(0, 16)
    assert seen == [
        (Operation(1, "f", OperationKind.WRITE, 0, 4, b"\x11\x22\x33\x44"), b"\xff" * 4),
        (Operation(2, "f", OperationKind.ERASE, 0, 16), b"\x11\x22\x33\x44"),
    ]
    assert flash.power.operations == 2


@pytest.mark.parametrize(
    "size, erase_block, write_size, erased_value, contents",
    [
        (65, 16, 4, 0xFF, None),
        (64, 16, 3, 0xFF, None),
        (64, 0, 4, 0xFF, None),
        (0, 16, 4, 0xFF, None),
        (64, 16, 4, 0xAA, None),
        (64, 16, 4, 0xFF, b"\0" * 63),
    ],
)
def test_an_impossible_device_is_refused(
    size: int, erase_block: int, write_size: int, erased_value: int, contents: bytes | None
) -> None:
    with pytest.raises(FlashError, match="legal"):
        Flash("f", size, erase_block, write_size, erased_value, contents)


def test_area_is_a_window_relative_to_its_start() -> None:
    flash = small_flash()
    area = FlashArea(1, "slot", flash, offset=16, size=32, address=0x1000_0010)
    area.write(4, b"abcd")
    assert flash.read(20, 4) == b"abcd"
    assert area.read(4, 4) == b"abcd"
    area.erase(0, 16)
    assert flash.read(0, 64) == b"\xff" * 64
    assert (area.erase_block, area.write_size, area.erased_value) == (16, 4, 0xFF)


@pytest.mark.parametrize("offset, length", [(32, 4), (28, 8), (-4, 4), (0, 36)])
def test_area_keeps_to_its_bounds(offset: int, length: int) -> None:
    flash = small_flash()
    area = FlashArea(1, "slot", flash, offset=16, size=32)
    with pytest.raises(FlashError, match=r"flash area slot: read .* inside 0\.\.0x20"):
        area.read(offset, length)
    with pytest.raises(FlashError, match=r"flash area slot: write"):
        area.write(offset, b"\0" * length)
    with pytest.raises(FlashError, match=r"flash area slot: erase"):
        area.erase(offset, length)
    assert flash.power.operations == 0


class FlashMachine(RuleBasedStateMachine):
    """Whatever is done to a flash, its cells are those of a list of bytes under the same rules."""

    def __init__(self) -> None:
        super().__init__()
        self.flash = small_flash()
        self.model = [0xFF] * 64
        self.done = 0

    @rule(offset=st.integers(-4, 68), data=st.binary(max_size=24))
    def write(self, offset: int, data: bytes) -> None:
        span = range(offset, offset + len(data))
        legal = (
            offset >= 0
            and offset + len(data) <= 64
            and not offset % 4
            and not len(data) % 4
            and all(self.model[at] & new == new for at, new in zip(span, data, strict=True))
        )
        if legal:
            self.flash.write(offset, data)
            self.model[offset : offset + len(data)] = data
            self.done += 1
        else:
            with pytest.raises(FlashError):
                self.flash.write(offset, data)

    @rule(offset=st.sampled_from([0, 8, 16, 48, 64]), length=st.sampled_from([0, 8, 16, 32, 64]))
    def erase(self, offset: int, length: int) -> None:
        if offset % 16 or length % 16 or offset + length > 64:
            with pytest.raises(FlashError):
                self.flash.erase(offset, length)
        else:
            self.flash.erase(offset, length)
            self.model[offset : offset + length] = [0xFF] * length
            self.done += 1

    @invariant()
    def same_cells(self) -> None:
        assert list(self.flash.read(0, 64)) == self.model
        assert self.flash.power.operations == self.done


TestFlashMachine = FlashMachine.TestCase
TestFlashMachine.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_flash_of_the_factory_is_written_by_a_programmer_alone() -> None:
    flash = Flash("rom", 0x400, 0x200, 1, factory_only=True)
    with pytest.raises(FlashError, match="flash rom: write at 0x10 by software; legal: by the factory"):
        flash.write(0x10, b"x")
    with pytest.raises(FlashError, match="flash rom: erase at 0x0 by software"):
        flash.erase(0, 0x200)
    with flash.power.programmer():
        flash.write(0x10, b"x")
    assert flash.read(0x10, 1) == b"x"
