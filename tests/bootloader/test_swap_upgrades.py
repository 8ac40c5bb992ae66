"""Upgrades by SWAP_USING_SCRATCH, SWAP_USING_MOVE and SWAP_USING_OFFSET: what runs, what the trailers say."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.image_builder import P256, ImageParts, sec_cnt
from support.image_encryption import FOR_X25519, KEY_128
from support.power_sweep import (
    NEW_COUNTER,
    OLD_COUNTER,
    SECTOR,
    SECTORS,
    SLOT,
    Images,
    SweepDevice,
    make_images,
)

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2ConfigError, UpgradeStrategy
from tfm_sim.bootloader.events import (
    BootDecision,
    SwapBegun,
    SwapDone,
    SwapStatusFound,
    SwapStatusWritten,
    TrailerErased,
)
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY
from tfm_sim.bootloader.swap_geometry import trailer_format
from tfm_sim.interface.mcuboot.image import read_header
from tfm_sim.interface.mcuboot.swap import StatusSource
from tfm_sim.interface.mcuboot.trailer import (
    Flag,
    Magic,
    SwapState,
    SwapType,
    mark_confirmed,
    mark_pending,
    read_swap_state,
    write_image,
)
from tfm_sim.interface.trace import Event, LogLine, Trace
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.power import Cut, PowerCut

U = UpgradeStrategy
SWAPS = (U.SWAP_USING_SCRATCH, U.SWAP_USING_MOVE, U.SWAP_USING_OFFSET)
every_swap = pytest.mark.parametrize("strategy", SWAPS, ids=lambda strategy: strategy.value)
UNSET, SET = Flag.UNSET, Flag.SET


def device_for(strategy: UpgradeStrategy, scratch: int = 2, **options: Any) -> SweepDevice:
    return SweepDevice(P256.config(strategy=strategy, **({"max_img_sectors": SECTORS} | options)), scratch)


def flashed(
    strategy: UpgradeStrategy, images: Images | None = None, pending: bool | None = False, **options: Any
) -> tuple[SweepDevice, Images]:
    """Old image in the primary slot, the new one beside it; ``pending`` None leaves it unmarked."""
    device, images = device_for(strategy, **options), images or make_images(strategy)
    device.flash_slots({PRIMARY: images.old, SECONDARY: images.new_candidate})
    if pending is not None:
        mark(device, pending)
    return device, images


def mark(device: SweepDevice, permanent: bool) -> None:
    with device.power.programmer():
        mark_pending(device.area(SECONDARY), permanent, max_align=device.config.boot_max_align)


def confirm(device: SweepDevice) -> None:
    with device.power.programmer():
        mark_confirmed(device.area(PRIMARY))


def boot(device: SweepDevice, cut: str | None = None) -> tuple[str, list[Event]]:
    """The major version that runs ("-" for none), and all events."""
    events: list[Event] = []
    trace = Trace()
    trace.listeners.append(events.append)
    device.power.restore()
    device.power.cut_at(None if cut is None else Cut.parse(cut))
    try:
        outcome = Bl2(device.ports, device.config, trace).run()
    except BootRefused:
        return "-", events
    finally:
        device.power.cut_at(None)
    return str(outcome.images[0].version.major), events


def ran(device: SweepDevice) -> str:
    return boot(device)[0]


def trailer(device: SweepDevice, name: str) -> SwapState:
    return read_swap_state(device.area(name))


def holds(device: SweepDevice, name: str, image: bytes, start: int = 0) -> bool:
    return device.area(name).read(start, len(image)) == image


@every_swap
def test_a_test_upgrade_runs_once_and_is_reverted(strategy: UpgradeStrategy) -> None:
    device, images = flashed(strategy)
    assert ran(device) == "2"
    assert trailer(device, PRIMARY) == SwapState(Magic.GOOD, SwapType.TEST, 0, SET, UNSET)
    assert trailer(device, SECONDARY).magic is Magic.UNSET
    assert holds(device, SECONDARY, images.old), "at the start of the slot, in offset mode too"
    assert device.counter() == OLD_COUNTER, "it is on probation"
    assert ran(device) == "1"
    assert trailer(device, PRIMARY) == SwapState(Magic.GOOD, SwapType.REVERT, 0, SET, SET)
    start = SECTOR if strategy is U.SWAP_USING_OFFSET else 0
    assert holds(device, SECONDARY, images.new, start)
    assert ran(device) == "1"


@every_swap
def test_a_confirmed_upgrade_stays_and_its_counter_counts_from_the_next_boot(
    strategy: UpgradeStrategy,
) -> None:
    device, _ = flashed(strategy)
    assert ran(device) == "2"
    confirm(device)
    assert device.counter() == OLD_COUNTER
    assert [ran(device), ran(device)] == ["2", "2"]
    assert device.counter() == NEW_COUNTER


@every_swap
def test_a_permanent_upgrade_stays_and_counts_at_once(strategy: UpgradeStrategy) -> None:
    device, _ = flashed(strategy, pending=True)
    assert ran(device) == "2"
    assert trailer(device, PRIMARY) == SwapState(Magic.GOOD, SwapType.PERM, 0, SET, SET)
    assert device.counter() == NEW_COUNTER
    assert ran(device) == "2"


@every_swap
def test_a_counter_too_large_for_otp_is_the_end_of_a_permanent_upgrade(strategy: UpgradeStrategy) -> None:
    """copy_done is set nevertheless (MCUboot boot_perform_update), so it does not get better either."""
    device, _ = flashed(strategy, make_images(strategy, new_counter=513), pending=True)
    assert ran(device) == "-"
    assert trailer(device, PRIMARY).copy_done is SET
    assert ran(device) == "-"


@every_swap
def test_an_unmarked_candidate_stays_where_it_is(strategy: UpgradeStrategy) -> None:
    device, _ = flashed(strategy, pending=None)
    before = device.state()
    assert ran(device) == "1"
    assert device.state()[0] == before[0]


@every_swap
def test_an_invalid_candidate_is_erased_and_the_old_image_runs(strategy: UpgradeStrategy) -> None:
    images = make_images(strategy)
    broken = bytearray(images.new_candidate)
    broken[0x50] ^= 1
    device, _ = flashed(strategy, replace(images, new_candidate=bytes(broken)))
    assert ran(device) == "1"
    assert device.area(SECONDARY).read(0, SLOT) == b"\xff" * SLOT


@every_swap
def test_a_marked_slot_without_an_image_loses_its_trailer(strategy: UpgradeStrategy) -> None:
    device, _ = flashed(strategy)
    device.flash_slots({SECONDARY: b""})
    mark(device, False)
    version, events = boot(device)
    assert version == "1"
    assert trailer(device, SECONDARY).magic is Magic.UNSET
    assert [event.slot for event in events if isinstance(event, TrailerErased)] == [SECONDARY]


@pytest.mark.parametrize(("strategy", "cleared"), [(U.SWAP_USING_MOVE, True), (U.SWAP_USING_SCRATCH, False)])
def test_a_revert_to_an_image_that_is_gone_sticks_unless_it_is_cleared(
    strategy: UpgradeStrategy, cleared: bool
) -> None:
    """Only SWAP_USING_MOVE erases the primary trailer then; elsewhere each boot finds the revert again."""
    device, _ = flashed(strategy)
    assert ran(device) == "2"
    device.flash_slots({SECONDARY: b""})
    assert ran(device) == "2"
    state = trailer(device, PRIMARY)
    assert (state.magic is Magic.UNSET) == cleared
    assert (device.counter() == NEW_COUNTER) == cleared, "without a magic nothing holds the counter"


@every_swap
@pytest.mark.parametrize(
    ("by_counter", "old", "new", "after"),
    [
        (False, (2, 5), (1, 6), "2"),
        (False, (2, 5), (2, 5), "2"),
        (False, (1, 6), (2, 6), "2"),
        (True, (2, 6), (1, 6), "1"),
        (True, (1, 6), (2, 5), "1"),
        (True, (1, 5), (2, 6), "2"),
    ],
)
def test_downgrade_prevention(
    strategy: UpgradeStrategy,
    by_counter: bool,
    old: tuple[int, int],
    new: tuple[int, int],
    after: str,
) -> None:
    """By version, or by the security counters of the two images."""
    first, second = (
        P256.image(ImageParts(version=(v, 0, 0, 0), protected=[sec_cnt(c), ImageParts().protected[1]]))
        for v, c in (old, new)
    )
    images = Images(first, second, second, {})
    device, _ = flashed(strategy, images, downgrade_prevention=True, downgrade_by_counter=by_counter)
    assert ran(device) == after
    erased = device.area(SECONDARY).read(0, SLOT) == b"\xff" * SLOT
    assert erased == (after != str(new[0]))


@every_swap
@pytest.mark.parametrize("bootstrap", [True, False])
def test_an_empty_primary_slot(strategy: UpgradeStrategy, bootstrap: bool) -> None:
    device, _ = flashed(strategy, pending=None, bootstrap=bootstrap)
    device.flash_slots({PRIMARY: b""})
    assert ran(device) == ("2" if bootstrap else "-")
    if bootstrap:
        assert trailer(device, PRIMARY).image_ok is SET
        assert device.counter() == NEW_COUNTER


@pytest.mark.parametrize(
    ("strategy", "after"), [(U.SWAP_USING_SCRATCH, "2"), (U.SWAP_USING_MOVE, "-"), (U.SWAP_USING_OFFSET, "-")]
)
def test_a_marked_candidate_for_an_empty_primary_slot(strategy: UpgradeStrategy, after: str) -> None:
    """With a scratch area nobody asks for a magic in the primary header; the others do."""
    device, _ = flashed(strategy)
    device.flash_slots({PRIMARY: b""})
    assert ran(device) == after


def test_a_candidate_in_the_first_sector_is_at_the_wrong_address_in_offset_mode() -> None:
    device, images = flashed(U.SWAP_USING_OFFSET, pending=None)
    with device.power.programmer():
        device.area(SECONDARY).erase(0, SLOT)
        device.area(SECONDARY).write(0, images.new + b"\xff" * (-len(images.new) % 4))
        mark_pending(device.area(SECONDARY), False)
    version, events = boot(device)
    assert version == "1"
    assert device.area(SECONDARY).read(0, SLOT) == b"\xff" * SLOT
    assert any("wrong upload address" in event.text for event in events if isinstance(event, LogLine))


@pytest.mark.parametrize("strategy", [U.SWAP_USING_MOVE, U.SWAP_USING_OFFSET])
def test_a_swap_that_was_begun_and_whose_candidate_is_bad_fails_for_good(strategy: UpgradeStrategy) -> None:
    """BOOT_SWAP_TYPE_FAIL: no step was done, the candidate is invalid; image_ok against a revert."""
    device, images = flashed(strategy)
    with device.power.programmer():
        mark_pending(device.area(PRIMARY), False)  # magic and swap info, as at the begin of a swap
        device.area(SECONDARY).erase(0, SLOT)
        device.area(SECONDARY).write(SECTOR if strategy is U.SWAP_USING_OFFSET else 0, images.new[:0x40])
    assert ran(device) == "1"
    assert trailer(device, PRIMARY).image_ok is SET


@every_swap
def test_an_interrupted_swap_goes_on_and_says_so(strategy: UpgradeStrategy) -> None:
    device, _ = flashed(strategy)
    with pytest.raises(PowerCut):
        boot(device, "26:after")
    version, events = boot(device)
    assert version == "2"
    (found,) = (event for event in events if isinstance(event, SwapStatusFound))
    assert found.source in (StatusSource.PRIMARY_SLOT, StatusSource.SCRATCH)
    assert (found.index, found.state) != (1, 1)
    assert found.swap_type == SwapType.TEST
    (begun,) = (event for event in events if isinstance(event, SwapBegun))
    assert begun.resumed
    entries = [event for event in events if isinstance(event, SwapStatusWritten)]
    assert entries[0].index == found.index and entries[0].state == found.state
    assert [event.swap_type for event in events if isinstance(event, SwapDone)] == [SwapType.TEST]
    assert all(event.rule and event.text for event in events if isinstance(event, BootDecision))


@every_swap
def test_encrypted_images_are_plain_in_the_primary_slot_only(strategy: UpgradeStrategy) -> None:
    images = make_images(strategy, FOR_X25519)
    assert images.new != images.new_candidate
    device, _ = flashed(strategy, images, **FOR_X25519.options())
    assert ran(device) == "2"
    assert holds(device, PRIMARY, images.new)
    assert not holds(device, SECONDARY, images.old), "encrypted on its way out"
    assert ran(device) == "1"
    assert holds(device, PRIMARY, images.old)
    start = SECTOR if strategy is U.SWAP_USING_OFFSET else 0
    assert holds(device, SECONDARY, images.new_candidate, start), "as it came"


def image_of(size: int) -> bytes:
    """An image of exactly so many bytes: its signature is 70 to 72 bytes long, by chance."""
    payload = size - len(P256.image()) + len(ImageParts().payload)
    tried = (P256.image(payload=bytes([n]) * payload, version=(2, 0, 0, 0)) for n in range(256))
    return next(image for image in tried if len(image) == size)


@pytest.mark.parametrize(
    ("strategy", "options", "limit"),
    [
        (U.SWAP_USING_SCRATCH, {}, SLOT - 96 - 48),
        (U.SWAP_USING_SCRATCH, {"boot_max_align": 32}, SLOT - 96 - 160),
        (U.SWAP_USING_MOVE, {}, 6 * SECTOR),
        (U.SWAP_USING_MOVE, {"max_img_sectors": 32}, 5 * SECTOR),
        (U.SWAP_USING_OFFSET, {}, 6 * SECTOR),
        (U.SWAP_USING_OFFSET, {"max_img_sectors": 32}, 5 * SECTOR),
        (U.OVERWRITE_ONLY, {}, SLOT - 40),
    ],
)
def test_how_large_an_image_may_be(strategy: UpgradeStrategy, options: dict[str, Any], limit: int) -> None:
    """Overwriting needs the swap info and what is above; swaps whole sectors, but for a scratch area."""
    for extra, version in ((0, "2"), (1, "1")):
        new = image_of(limit + extra)
        images = replace(make_images(strategy), new=new, new_candidate=new)
        device, _ = flashed(strategy, images, **options)
        assert ran(device) == version, f"{extra} bytes too many"


@pytest.mark.parametrize(
    ("strategy", "most"), [(U.SWAP_USING_MOVE, 6 * SECTOR), (U.SWAP_USING_OFFSET, 7 * SECTOR)]
)
def test_an_old_image_that_leaves_a_swap_no_room(strategy: UpgradeStrategy, most: int) -> None:
    """It was flashed, so nothing held it to the size of a candidate; no byte of it is touched then."""
    for extra in (0, 1):
        old = image_of(most + extra)
        device, _ = flashed(strategy, replace(make_images(strategy), old=old))
        _, events = boot(device)
        logged = [event.text for event in events if isinstance(event, LogLine)]
        assert ("[WRN] Not enough free space to run swap upgrade" in logged) == bool(extra)
        assert holds(device, PRIMARY, old) == bool(extra)


@pytest.mark.parametrize("options", [{}, {"boot_max_align": 32}])
def test_a_key_cell_is_written_whole(options: dict[str, int]) -> None:
    """MCUboot boot_write_enc_keys: 0xff in the cell of a plain image, and as filling."""
    strategy, recipient = U.SWAP_USING_MOVE, FOR_X25519.options(**options)
    images = make_images(strategy, FOR_X25519)
    device, _ = flashed(strategy, replace(images, old=P256.image(version=(1, 0, 0, 0))), **recipient)
    with pytest.raises(PowerCut):
        boot(device, "20:after")
    area, format_ = device.area(PRIMARY), trailer_format(device.config)
    first, second = (area.read(format_.key_at(area.size, slot), format_.key_cell) for slot in (0, 1))
    assert first == b"\xff" * format_.key_cell
    assert second[:16] == KEY_128
    assert second[16:] == b"\xff" * (format_.key_cell - 16)


def test_the_primary_trailer_of_a_permanent_swap_is_confirmed_before_its_magic_is_good() -> None:
    """MCUboot swap_scratch.c: the trailer comes from the scratch area, image_ok too, the magic last."""
    new = image_of(SLOT - 96 - 48)
    images = replace(make_images(U.SWAP_USING_SCRATCH), new=new, new_candidate=new)
    device, _ = flashed(U.SWAP_USING_SCRATCH, images, True)
    marks = []
    device.power.on_operation = lambda _: marks.append(trailer(device, PRIMARY))
    assert ran(device) == "2"
    good = [state for state in marks if state.magic is Magic.GOOD and state.swap_type == SwapType.PERM]
    assert len(good) > 10
    assert {state.image_ok for state in good} == {SET}


def test_a_scratch_area_smaller_than_a_sector_and_none_at_all() -> None:
    device, _ = flashed(U.SWAP_USING_SCRATCH)
    device.ports = replace(device.ports, scratch=None)
    with pytest.raises(Bl2ConfigError, match="SWAP_USING_SCRATCH on a board without a scratch area"):
        boot(device)


@pytest.mark.parametrize(
    ("strategy", "options", "says"),
    [
        (U.SWAP_USING_MOVE, {"max_img_sectors": 200}, "a trailer of 0x990 bytes for 200 sectors"),
        (U.SWAP_USING_SCRATCH, {"max_img_sectors": 200}, "a trailer of 0x990 bytes for 200 sectors"),
        (U.SWAP_USING_OFFSET, {"max_img_sectors": 300}, "a trailer of 0x998 bytes for 300 sectors"),
    ],
)
def test_a_trailer_larger_than_its_slot_is_one_clear_error(
    strategy: UpgradeStrategy, options: dict[str, Any], says: str
) -> None:
    device, _ = flashed(strategy, **options)
    with pytest.raises(Bl2ConfigError, match=says):
        boot(device)


def shrink(device: SweepDevice, name: str, sectors: int) -> None:
    slots = dict(device.ports.slots)
    slots[0, name] = replace(slots[0, name], size=sectors * SECTOR)
    device.ports = replace(device.ports, slots=slots)


@pytest.mark.parametrize(
    ("strategy", "primary", "secondary", "after"),
    [
        (U.SWAP_USING_MOVE, 8, 7, "2"),
        (U.SWAP_USING_MOVE, 7, 8, "1"),
        (U.SWAP_USING_MOVE, 8, 6, "1"),
        (U.SWAP_USING_OFFSET, 7, 8, "2"),
        (U.SWAP_USING_OFFSET, 8, 7, "1"),
        (U.SWAP_USING_SCRATCH, 7, 8, "1"),
        (U.OVERWRITE_ONLY, 7, 8, "1"),
    ],
)
def test_slots_of_different_sizes(
    strategy: UpgradeStrategy, primary: int, secondary: int, after: str
) -> None:
    """A move may have one sector more in the primary slot, an offset one more in the secondary one."""
    device, _ = flashed(strategy, pending=None)
    shrink(device, PRIMARY, primary)
    shrink(device, SECONDARY, secondary)
    with device.power.programmer():
        mark_pending(device.ports.slots[0, SECONDARY], True)
    assert ran(device) == after


@every_swap
def test_a_scratch_status_of_another_kind_of_swap_is_a_halt_and_no_crash(strategy: UpgradeStrategy) -> None:
    """Swap types above REVERT are none: MCUboot panics."""
    device, _ = flashed(strategy, pending=None)
    with device.power.programmer():
        mark_pending(device.area(PRIMARY), False)
        area = device.area(PRIMARY)
        area.write(SLOT - 40, b"\x00\xff\xff\xff")
    version, events = boot(device)
    assert version == "-"
    assert any(event.text == "[ERR] panic!" for event in events if isinstance(event, LogLine))


@settings(max_examples=150, deadline=None)
@given(
    strategy=st.sampled_from(SWAPS),
    primary=st.binary(max_size=160),
    secondary=st.binary(max_size=160),
    scratch=st.binary(max_size=160),
    magic=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    encrypted=st.booleans(),
)
def test_no_bytes_as_trailers_raise_anything_else(
    strategy: UpgradeStrategy,
    primary: bytes,
    secondary: bytes,
    scratch: bytes,
    magic: tuple[bool, bool, bool],
    encrypted: bool,
) -> None:
    recipient = FOR_X25519 if encrypted else None
    options = FOR_X25519.options() if encrypted else {}
    device, _ = flashed(strategy, make_images(strategy, recipient), pending=None, **options)
    assert device.ports.scratch is not None
    areas = (device.area(PRIMARY), device.area(SECONDARY), device.ports.scratch)
    good = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
    for area, data, marked in zip(areas, (primary, secondary, scratch), magic, strict=True):
        end = area.offset + area.size
        tail = data + good if marked else data
        device.flash.cells[end - len(tail) : end] = tail
    for _ in range(3):
        assert ran(device) in ("1", "2", "-")


def test_one_scratch_area_serves_all_images_and_names_whose_status_it_keeps() -> None:
    strategy = U.SWAP_USING_SCRATCH
    images = make_images(strategy, sizes=(1500, 1500))
    device, _ = flashed(strategy, images)
    other = Flash("flash1", 2 * SLOT, SECTOR, 4)
    slots = {(1, name): area for (_, name), area in device.ports.slots.items()}
    for n, name in enumerate((PRIMARY, SECONDARY)):
        slots[0, name] = FlashArea(8 + n, f"{name} 0", other, n * SLOT, SLOT, 0x20000000 + n * SLOT)
    write_image(slots[0, PRIMARY], images.old)
    device.ports = replace(device.ports, slots=slots)
    device.config = replace(device.config, image_number=2, single_boot_go=True)
    with device.power.programmer():
        device.ports.set_security_counter(1, OLD_COUNTER)
    with pytest.raises(PowerCut):
        boot(device, "12:after")
    assert device.ports.scratch is not None
    state = read_swap_state(device.ports.scratch)
    assert (state.magic, state.image_num) == (Magic.GOOD, 1)
    _, events = boot(device)
    sources = [e.text for e in events if isinstance(e, LogLine) and "Boot source" in e.text]
    assert sources == ["[INF] Boot source: none", "[INF] Boot source: scratch"]
    assert read_header(slots[1, PRIMARY]).version.major == 2


@pytest.mark.parametrize("single", [True, False])
@every_swap
def test_power_goes_away_between_the_upgrades_of_two_images(strategy: UpgradeStrategy, single: bool) -> None:
    """The first is not taken for an upgrade that nobody confirmed (boot_review_image_swap_types).

    With one boot_go for each image, the last first, TF-M cannot know: it reverts what it upgraded before.
    """
    images = make_images(strategy)
    device, _ = flashed(strategy, images)
    other = Flash("flash1", 2 * SLOT, SECTOR, 4)
    slots = dict(device.ports.slots)
    for n, name in enumerate((PRIMARY, SECONDARY)):
        slots[1, name] = FlashArea(8 + n, f"{name} 1", other, n * SLOT, SLOT, 0x20000000 + n * SLOT)
    start = SECTOR if strategy is U.SWAP_USING_OFFSET else 0
    write_image(slots[1, PRIMARY], images.old)
    write_image(slots[1, SECONDARY], images.new_candidate, start)
    mark_pending(slots[1, SECONDARY], False)
    device.config = replace(device.config, image_number=2, single_boot_go=single)
    with device.power.programmer():
        device.ports.set_security_counter(1, OLD_COUNTER)
    first, second = (0, 1) if single else (1, 0)
    device.ports = replace(device.ports, slots=slots)
    # Only the first of the two is swapped by now, and waits to be confirmed.
    swap_one = replace(device.ports, slots={(0, n): slots[first, n] for n in (PRIMARY, SECONDARY)})
    Bl2(swap_one, replace(device.config, image_number=1), Trace()).run()
    boot(device)
    versions = [read_header(slots[image, PRIMARY]).version.major for image in (first, second)]
    assert versions == ([2, 2] if single else [1, 2])
