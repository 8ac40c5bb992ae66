"""DIRECT_XIP: which slot runs, what is dropped, what is erased; with the revert option, who gets a trial."""

import pytest
from support.image_builder import dependency
from support.slot_bench import (
    BAD,
    BLANK,
    NON_BOOTABLE,
    ROM_FIXED,
    SET,
    SLOT,
    UNSET,
    MakePorts,
    boot,
    booted,
    erased,
    flipped,
    image,
    in_slot,
    slot_bytes,
)

from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.bootloader.events import SlotChosen, SlotDropped, SlotsExamined, TrialExamined
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.interface.mcuboot.trailer import Flag, Magic, mark_confirmed, read_swap_state

XIP, REVERT = UpgradeStrategy.DIRECT_XIP, UpgradeStrategy.DIRECT_XIP_REVERT
# Offsets of the slots of image 0 in the test device's flash.
AT_PRIMARY, AT_SECONDARY = 0, SLOT


@pytest.mark.parametrize(
    ("primary", "secondary", "runs", "erased_slots"),
    [
        (image(1), image(2), "secondary 2", ""),
        (image(2), image(1), "primary 2", ""),
        (image(1), image(1), "primary 1", ""),
        (image(1), b"", "primary 1", ""),
        (b"", image(1), "secondary 1", ""),
        (b"", b"", "refused", ""),
        # no trailer is asked for, and none is written
        (in_slot(image(1)), in_slot(image(2), image_ok=BAD), "secondary 2", ""),
        # the candidate fails: it is erased, and the other slot runs, whichever it is
        (image(1), flipped(image(2)), "primary 1", SECONDARY),
        (flipped(image(2)), image(1), "secondary 1", PRIMARY),
        (flipped(image(2)), flipped(image(1)), "refused", "primary secondary"),
        (image(1), image(2, counter=3), "primary 1", SECONDARY),
        # not looked at, for the other one runs
        (image(2), flipped(image(1)), "primary 2", ""),
        # no image by its header: left alone
        (image(1), flipped(image(2), 0), "primary 1", ""),
        (image(1), image(2, flags=0x4), "primary 1", ""),
        # NON_BOOTABLE: chosen, then dropped and left alone
        (image(1), image(2, flags=NON_BOOTABLE), "primary 1", ""),
        (image(1, flags=NON_BOOTABLE), b"", "refused", ""),
        # ROM_FIXED: for another slot, so skipped and left alone
        (image(1), image(2, flags=ROM_FIXED, load_addr=AT_PRIMARY), "primary 1", ""),
        (image(1), image(2, flags=ROM_FIXED, load_addr=AT_SECONDARY), "secondary 2", ""),
        (image(1, flags=ROM_FIXED, load_addr=AT_SECONDARY), b"", "refused", ""),
        # without the flag the address means nothing
        (image(1), image(2, load_addr=AT_PRIMARY), "secondary 2", ""),
    ],
)
def test_the_highest_version_that_passes_runs(
    primary: bytes, secondary: bytes, runs: str, erased_slots: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): primary, (0, SECONDARY): secondary})
    before = {PRIMARY: primary, SECONDARY: secondary}
    assert booted(ports, strategy=XIP) == runs
    for name, data in before.items():
        expected = BLANK if name in erased_slots.split() else data.ljust(SLOT, b"\xff")
        assert slot_bytes(ports, name) == expected, name


@pytest.mark.parametrize(
    ("counts", "build", "runs"),
    [(False, 9, "primary 1"), (True, 9, "secondary 1"), (True, 0, "primary 1")],
)
def test_the_build_number_counts_where_the_option_is_on(
    counts: bool, build: int, runs: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): image(1, build=build)})
    assert booted(ports, strategy=XIP, version_build_number=counts) == runs


def test_the_counter_rises_with_the_slot_that_runs(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): image(1, counter=5), (0, SECONDARY): image(2, counter=9)})
    boot(ports, strategy=XIP)
    assert ports.security_counter(0) == 9


def test_the_boot_record_is_that_of_the_slot_that_runs(make_ports: MakePorts) -> None:
    records = []
    for secondary in (b"", image(2)):
        ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): secondary})
        boot(ports, strategy=XIP)
        records.append(ports.memory.read(ports.shared_data[0], 100))
    assert records[0] != records[1]
    assert all(record[4:6] == b"\x3f\x10" for record in records)


def test_downgrade_prevention_changes_nothing(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): flipped(image(2)), (0, SECONDARY): image(1)})
    assert booted(ports, strategy=XIP, downgrade_prevention=True) == "secondary 1"


# MCUboot boot_select_or_erase, for the one image of a device.
@pytest.mark.parametrize(
    ("copy_done", "image_ok", "magic", "runs"),
    [
        (UNSET, UNSET, None, True),
        (UNSET, SET, None, True),
        (UNSET, BAD, None, True),
        (SET, SET, None, True),
        (SET, UNSET, None, False),
        (SET, BAD, None, False),
        (BAD, UNSET, None, True),
        (UNSET, SET, b"", False),
        (SET, SET, bytes(16), False),
    ],
)
def test_a_slot_has_one_boot_to_confirm_itself_in(
    copy_done: int, image_ok: int, magic: bytes | None, runs: bool, make_ports: MakePorts
) -> None:
    slot = in_slot(image(1), copy_done=copy_done, image_ok=image_ok, magic=magic)
    ports = make_ports({(0, PRIMARY): slot})
    assert booted(ports, strategy=REVERT) == ("primary 1" if runs else "refused")
    if not runs:
        assert erased(ports, PRIMARY)
    elif copy_done == BAD:
        assert slot_bytes(ports, PRIMARY) == slot, "0x02 cannot become 0x01 in flash; the boot goes on"
    else:
        assert read_swap_state(ports.slot(0, PRIMARY).area).copy_done is Flag.SET


def test_an_update_that_is_not_confirmed_is_gone_after_one_boot(make_ports: MakePorts) -> None:
    old, new = in_slot(image(1, counter=5), image_ok=SET), in_slot(image(2, counter=9))
    ports = make_ports({(0, PRIMARY): old, (0, SECONDARY): new})
    assert booted(ports, strategy=REVERT) == "secondary 2"
    assert ports.security_counter(0) == 4, "the old image must still boot"
    assert booted(ports, strategy=REVERT) == "primary 1"
    assert erased(ports, SECONDARY)
    assert ports.security_counter(0) == 5


def test_an_update_that_is_confirmed_counts_from_the_boot_after(make_ports: MakePorts) -> None:
    old, new = in_slot(image(1, counter=5), image_ok=SET), in_slot(image(2, counter=9))
    ports = make_ports({(0, PRIMARY): old, (0, SECONDARY): new})
    assert booted(ports, strategy=REVERT) == "secondary 2"
    mark_confirmed(ports.slot(0, SECONDARY).area)
    assert ports.security_counter(0) == 4
    assert booted(ports, strategy=REVERT) == "secondary 2"
    assert ports.security_counter(0) == 9
    assert booted(ports, strategy=REVERT) == "secondary 2"


def test_an_address_that_does_not_fit_saves_an_image_from_its_trial(make_ports: MakePorts) -> None:
    """MCUboot looks at ROM_FIXED first: the slot is skipped with its trailer as it is."""
    new = in_slot(image(2, flags=ROM_FIXED, load_addr=0x1234), copy_done=SET)
    ports = make_ports({(0, PRIMARY): in_slot(image(1)), (0, SECONDARY): new})
    assert booted(ports, strategy=REVERT) == "primary 1"
    assert slot_bytes(ports, SECONDARY) == new


def on(index: int, major: int) -> tuple[int, bytes]:
    return dependency(index, major, 0, 0, 0)


Slots = tuple[bytes, bytes, bytes, bytes]


# S primary, S secondary, NS primary, NS secondary
@pytest.mark.parametrize(
    ("slots", "together", "apart"),
    [
        ((image(1), image(2), image(1), image(2)), "secondary 2, secondary 2", "secondary 2, secondary 2"),
        # an update of S that needs a newer NS than there is: S falls back, nothing is erased
        (
            (image(1), image(2, extra=[on(1, 2)]), image(1), b""),
            "primary 1, primary 1",
            "primary 1, primary 1",
        ),
        (
            (image(1), image(2, extra=[on(1, 2)]), image(1), image(2)),
            "secondary 2, secondary 2",
            "secondary 2, secondary 2",
        ),
        # TF-M looks at NS alone, while S counts as its primary slot, not read yet: 0.0.0
        (
            (image(1), image(2), image(1), image(2, extra=[on(0, 1)])),
            "secondary 2, secondary 2",
            "secondary 2, primary 1",
        ),
        (
            (image(1), b"", image(1), image(2, extra=[on(0, 0)])),
            "primary 1, secondary 2",
            "primary 1, secondary 2",
        ),
        # S does not know at first that NS will fall back, and follows it
        (
            (image(1), image(2, extra=[on(1, 2)]), image(1), image(2, extra=[on(0, 3)])),
            "primary 1, primary 1",
            "primary 1, primary 1",
        ),
        ((image(1, extra=[on(1, 2)]), b"", image(1), b""), "refused", "refused"),
        ((image(1, extra=[on(2, 0)]), b"", image(1), b""), "refused", "refused"),
        ((image(1, extra=[(0x40, bytes(11))]), b"", image(1), b""), "refused", "refused"),
    ],
)
def test_dependencies(slots: Slots, together: str, apart: str, make_ports: MakePorts) -> None:
    keys = [(0, PRIMARY), (0, SECONDARY), (1, PRIMARY), (1, SECONDARY)]
    for single, expected in ((True, together), (False, apart)):
        ports = make_ports(dict(zip(keys, slots, strict=True)), images=2)
        assert booted(ports, strategy=XIP, image_number=2, single_boot_go=single) == expected, single
        for key, data in zip(keys, slots, strict=True):
            assert slot_bytes(ports, key[1], key[0]) == data.ljust(SLOT, b"\xff"), "unmet erases nothing"


def test_a_slot_dropped_for_a_dependency_has_had_its_trial(make_ports: MakePorts) -> None:
    """copy_done is set when a slot is chosen, before its dependencies are known; the next boot erases it."""
    slots = {
        (0, PRIMARY): in_slot(image(1), image_ok=SET),
        (0, SECONDARY): in_slot(image(2, extra=[on(1, 9)])),
        (1, PRIMARY): in_slot(image(1), image_ok=SET),
    }
    ports = make_ports(slots, images=2)
    options = {"strategy": REVERT, "image_number": 2}
    assert booted(ports, **options) == "primary 1, primary 1"
    assert read_swap_state(ports.slot(0, SECONDARY).area).copy_done is Flag.SET
    assert booted(ports, **options) == "primary 1, primary 1"
    assert erased(ports, SECONDARY)


def test_each_decision_is_told_with_its_rule(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): in_slot(image(1)), (0, SECONDARY): in_slot(image(2), copy_done=SET)})
    outcome, refusals, events = boot(ports, strategy=REVERT)
    assert outcome is not None
    assert [(r.slot, r.check) for r in refusals] == [(SECONDARY, "trial")]
    kinds = (SlotsExamined, SlotChosen, TrialExamined, SlotDropped)
    told = [(event.rule, event.text) for event in events if isinstance(event, kinds)]
    chosen = "find_slot_with_highest_version"
    assert told == [
        ("boot_get_slot_usage", "image 0: candidates: primary, secondary"),
        (chosen, "image 0: the secondary slot, version 2.0.0+0: the highest version"),
        (
            "boot_select_or_erase",
            "image 0, secondary slot: magic good, copy_done set, image_ok unset: erased",
        ),
        (
            "boot_load_and_validate_images",
            "image 0: the secondary slot is out of this boot; its image is erased",
        ),
        (chosen, "image 0: the primary slot, version 1.0.0+0: the only candidate"),
        (
            "boot_select_or_erase",
            "image 0, primary slot: magic good, copy_done unset, image_ok unset: copy_done is set now, "
            "this boot is its trial",
        ),
    ]
    trial = next(event for event in events if isinstance(event, TrialExamined))
    assert (trial.state.magic, trial.selected) == (Magic.GOOD, False)


def test_a_refusal_says_what_is_wrong_with_every_slot(make_ports: MakePorts) -> None:
    ports: Ports = make_ports({(0, PRIMARY): image(1, flags=ROM_FIXED, load_addr=0x40)})
    _, refusals, _ = boot(ports, strategy=XIP)
    assert [(r.slot, r.check, r.found) for r in refusals] == [
        (PRIMARY, "ROM_FIXED address", "0x40"),
        (SECONDARY, "image magic", "erased flash"),
    ]
