"""PROPERTY: whatever flash and shared memory hold, BL2 of every strategy boots a signed image or says no.

Slots, trailers, swap status and the scratch area are all of an attacker's or of an interrupted loader's
making, and power may go away meanwhile. tests/fuzz has the same devices for a fuzzer that may take its time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bl1_fuzz import load_bl2_and_check, provision_and_check
from support.boot_fuzz import (
    ALL_STRATEGIES,
    SLOT,
    FuzzedDevice,
    board,
    draw_device,
    images,
    look_at_file,
    make_device,
    power_on_and_check,
)
from support.boot_status_fuzz import read_everywhere
from support.image_builder import P256

from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.interface.mcuboot.trailer import (
    Flag,
    Magic,
    SwapType,
    TrailerFormat,
    TrailerLayout,
    boot_img_magic,
    read_swap_state,
)
from tfm_sim.interface.tfm.boot_status import BootStatusEra
from tfm_sim.platform.flash import Flash, FlashArea

T = TypeVar("T")


class DrawnChoices:
    """Choices that Hypothesis makes, and can shrink."""

    def __init__(self, data: st.DataObject) -> None:
        self._draw = data.draw

    def pick(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))

    def number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def blob(self, size: int) -> bytes:
        return self._draw(st.binary(min_size=size, max_size=size))


@pytest.mark.parametrize("strategy", ALL_STRATEGIES, ids=lambda strategy: strategy.value)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_device_with_anything_in_its_flash(strategy: UpgradeStrategy, data: st.DataObject) -> None:
    ends = power_on_and_check(draw_device(DrawnChoices(data), strategy))
    assert set(ends) <= {"booted", "refused", "cut"}
    assert ends[-1] != "cut", "power stayed"


odd_records = st.sampled_from(
    [
        {1: b"\0"},
        {1: [b"\0"]},
        {(1, 2): 3},
        {2: {3: b"\0"}},
        {1: float("nan")},
        {1: datetime(2020, 1, 1, tzinfo=UTC)},
        {1: cbor2.undefined},
        {1: cbor2.CBORTag(4000, 1)},
        [],
        "",
    ]
).map(cbor2.dumps)
hostile_records = st.sampled_from(
    [
        b"\x81" * 900,
        b"\xa1\x01\xd8\x1c\x81\xd8\x1d\x00",  # an array that holds itself
        b"\xa1\x01\xd8\x23\x61(",  # a regular expression
        b"\xa1\x01\xc1\x1b" + b"\xff" * 8,  # a date far away
        b"\x5b\x7f" + b"\xff" * 7,
    ]
)


@pytest.mark.parametrize("strategy", [s for s in ALL_STRATEGIES if s.value.startswith("SWAP")])
@pytest.mark.parametrize("size", [SLOT + 1, 0xFFFFFFFF])
def test_a_swap_larger_than_the_slots_is_refused_at_once(strategy: UpgradeStrategy, size: int) -> None:
    """As a torn or edited trailer may have it, with swap status that says to go on."""
    layout = TrailerFormat(max_sectors=8, swap_offset=strategy is UpgradeStrategy.SWAP_USING_OFFSET)
    good = images()[7].stored.ljust(SLOT, b"\xff")
    cells = bytearray(good)
    cells[-16:] = boot_img_magic()
    cells[TrailerLayout.of(SLOT).swap_info] = SwapType.TEST
    at = layout.swap_size_at(SLOT)
    cells[at : at + 4] = size.to_bytes(4, "little")
    for entry, state in enumerate((1, 2)):
        cells[layout.status_at(SLOT, 4) + 4 * entry] = state
    config = P256.config(strategy=strategy, image_number=board().image_count, max_img_sectors=8)
    areas = {"secure_primary": bytes(cells), "secure_secondary": good, "non_secure_primary": good}
    device = make_device(FuzzedDevice(config, areas, ()))
    with pytest.raises(BootRefused, match=f"a swap of {size:#x} bytes; the slots have 0x2000"):
        device.run_bl2()


entries = st.builds(
    lambda type_, data, lie: type_.to_bytes(2, "little") + (len(data) + lie).to_bytes(2, "little") + data,
    st.sampled_from([0x103F, 0x107F, 0x1008, 0x2000, 0x2040, 0x300A, 0x308B, 0x0000, 0xF03F])
    | st.integers(0, 0xFFFF),
    st.binary(max_size=40) | odd_records | hostile_records,
    st.sampled_from([0, 0, 0, 0, 1, 4, 0x7000]),
)
areas = st.builds(
    lambda magic, body, lie, rest: magic + (4 + len(body) + lie).to_bytes(2, "little") + body + rest,
    st.sampled_from([b"\x16\x20", b"\x16\x20", b"\x16\x20", b"\0\0", b"\x07\x69"]),
    st.lists(entries, max_size=5).map(b"".join),
    st.sampled_from([0, 0, 0, 0, 1, -1, -4, 0x4000]),
    st.binary(max_size=8),
)


@given(area=st.binary(max_size=64) | areas, era=st.sampled_from(BootStatusEra))
@settings(max_examples=400, deadline=None)
def test_everybody_who_reads_the_boot_status_takes_any_bytes(area: bytes, era: BootStatusEra) -> None:
    read_everywhere(area, era)


@given(
    cells=st.binary(min_size=0x100, max_size=0x100),
    erased=st.sampled_from([0x00, 0xFF]),
    align=st.sampled_from([8, 16, 32]),
)
def test_a_trailer_of_any_bytes_has_a_state(cells: bytes, erased: int, align: int) -> None:
    flash = Flash("flash0", 0x100, 0x100, 4, erased, cells)
    state = read_swap_state(FlashArea(0, "slot", flash, 0, 0x100), align)
    assert state.magic in (Magic.GOOD, Magic.BAD, Magic.UNSET)
    assert {state.copy_done, state.image_ok} <= {Flag.SET, Flag.BAD, Flag.UNSET}
    assert SwapType.NONE <= state.swap_type <= SwapType.REVERT or state.swap_type == 0
    assert 0 <= state.image_num <= 15


@given(
    content=st.integers(0, len(images()) - 1),
    changes=st.lists(st.tuples(st.integers(0, 0x200), st.binary(max_size=8))),
)
@settings(max_examples=60, deadline=None)
def test_any_file_can_be_looked_at(content: int, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(images()[content].stored)
    for offset, patch in changes:
        data[offset : offset + len(patch)] = patch
    look_at_file(bytes(data))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_bl1_with_images_and_bundles_that_somebody_edited(data: st.DataObject) -> None:
    choices = DrawnChoices(data)
    assert load_bl2_and_check(choices) in {"BL2 loaded", "BL2 refused"}
    assert provision_and_check(choices) in {"ASSEMBLY_AND_TEST", "PSA_ROT_PROVISIONING", "SECURED"}
