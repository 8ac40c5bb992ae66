"""RAM_LOAD: images are copied to RAM, judged there and run from there."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from support.image_builder import P256, ImageParts, dependency
from support.image_encryption import FOR_EC256, FOR_X25519, Encrypted
from support.slot_bench import (
    BLANK,
    NON_BOOTABLE,
    RAM_LOAD,
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

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2ConfigError, UpgradeStrategy
from tfm_sim.bootloader.events import ImageLoaded, ImageUnloaded
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.bootloader.ram_load import Extent, do_regions_overlap
from tfm_sim.interface.mcuboot.trailer import Flag, read_swap_state
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.interface.trace import Event, Trace

LOAD, REVERT = UpgradeStrategy.RAM_LOAD, UpgradeStrategy.RAM_LOAD_REVERT
RAM, RAM_SIZE = 0x30000000, 0x4000
UNTOUCHED, ZEROED = b"\xaa", b"\x00"


def loaded(major: int, at: int = RAM, **options: Any) -> bytes:
    return image(major, flags=options.pop("flags", RAM_LOAD), load_addr=at & 0xFFFFFFFF, **options)


def ram(ports: Ports, at: int = RAM, size: int = RAM_SIZE) -> bytes:
    return bytes(ports.ram(at, size))


def test_the_image_with_the_higher_version_is_copied_and_runs_from_there(make_ports: MakePorts) -> None:
    old, new = loaded(1), loaded(2)
    ports = make_ports({(0, PRIMARY): old, (0, SECONDARY): new})
    outcome, refusals, events = boot(ports, strategy=LOAD)
    assert outcome is not None
    assert not refusals
    (first,) = outcome.images
    assert (first.slot, first.address, first.runs_in_place) == (SECONDARY, RAM, False)
    assert outcome.vectors.address == RAM + 0x40
    assert ram(ports) == new.ljust(RAM_SIZE, UNTOUCHED), "up to the end of the TLVs"
    assert slot_bytes(ports, SECONDARY) == new.ljust(SLOT, b"\xff"), "the flash keeps it"
    (copy,) = [event for event in events if isinstance(event, ImageLoaded)]
    assert (copy.address, copy.size, copy.rule) == (RAM, len(new), "boot_copy_image_to_sram")


END = RAM + RAM_SIZE


@pytest.mark.parametrize(
    ("candidate", "why", "in_ram"),
    [
        (loaded(2, flags=0), "flags: found no RAM_LOAD", UNTOUCHED),
        (loaded(2, RAM - 4), "load address", UNTOUCHED),
        (loaded(2, END), "load address", UNTOUCHED),
        (loaded(2, END - len(loaded(2)) + 4), "load address", UNTOUCHED),
        (loaded(2, 0), "load address", UNTOUCHED),
        (loaded(2, 0xFFFFFFF0), "load address", UNTOUCHED),
        (flipped(loaded(2)), "image hash", ZEROED),
        (loaded(2, counter=3), "security counter", ZEROED),
    ],
)
def test_what_cannot_be_loaded_or_is_invalid_is_erased_from_flash(
    candidate: bytes, why: str, in_ram: bytes, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, SECONDARY): candidate})
    outcome, refusals, events = boot(ports, strategy=LOAD)
    assert outcome is None
    assert str(refusals[0]).splitlines()[1].strip().startswith(why)
    assert erased(ports, SECONDARY)
    size = min(len(candidate), RAM_SIZE)
    assert ram(ports, size=size) == in_ram * size
    assert ram(ports)[size:] == UNTOUCHED * (RAM_SIZE - size)
    assert bool([event for event in events if isinstance(event, ImageUnloaded)]) == (in_ram == ZEROED)


def test_the_other_slot_is_tried(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): loaded(1), (0, SECONDARY): flipped(loaded(2))})
    assert booted(ports, strategy=LOAD) == "primary 1"
    assert erased(ports, SECONDARY)


def test_the_last_byte_of_the_range_can_be_used(make_ports: MakePorts) -> None:
    # ECDSA signatures vary in length, and with them the image: deterministic ones do not from run to run.
    size = len(loaded(1, END - 0x200))
    for delta in (0, -1, 1, -2, 2):
        candidate = loaded(1, END - size - delta)
        if RAM + RAM_SIZE - size - delta + len(candidate) == END:
            break
    ports = make_ports({(0, PRIMARY): candidate})
    assert booted(ports, strategy=LOAD) == "primary 1"
    assert ram(ports).endswith(candidate)


def test_an_image_that_is_not_to_be_booted_leaves_ram_and_stays_in_flash(make_ports: MakePorts) -> None:
    candidate = loaded(2, flags=RAM_LOAD | NON_BOOTABLE)
    ports = make_ports({(0, PRIMARY): candidate})
    assert booted(ports, strategy=LOAD) == "refused"
    assert slot_bytes(ports, PRIMARY) == candidate.ljust(SLOT, b"\xff")
    assert ram(ports, size=len(candidate)) == ZEROED * len(candidate)


def test_an_image_longer_than_its_slot_is_not_copied(make_ports: MakePorts) -> None:
    """The unprotected TLV area says how long it is, and is believed only as far as the slot goes."""
    whole = bytearray(loaded(1))
    unprotected = whole.rindex(b"\x07\x69")
    whole[unprotected + 2 : unprotected + 4] = (0x3000).to_bytes(2, "little")
    ports = make_ports({(0, PRIMARY): bytes(whole)})
    _, refusals, _ = boot(ports, strategy=LOAD)
    assert refusals[0].rule == "boot_copy_image_to_sram"
    assert erased(ports, PRIMARY)
    assert ram(ports) == UNTOUCHED * RAM_SIZE


def test_what_runs_is_what_was_hashed(make_ports: MakePorts) -> None:
    """A flash that gives other bytes once it was copied gains nothing: RAM is judged, and RAM runs."""
    good = loaded(1)
    ports = make_ports({(0, PRIMARY): good})
    area = ports.slot(0, PRIMARY).area

    def swap_flash(event: Event) -> None:
        if isinstance(event, ImageLoaded):
            area.flash.cells[area.offset + 0x40 : area.offset + 0x60] = b"evil" * 8

    trace = Trace()
    trace.listeners.append(swap_flash)
    outcome = Bl2(ports, P256.config(strategy=LOAD), trace).run()
    assert outcome.images[0].address == RAM
    assert ram(ports, size=len(good)) == good


def test_the_boot_status_reads_the_flash(make_ports: MakePorts) -> None:
    """MCUboot boot_save_boot_status: the values of the TLVs are those in flash, whatever was judged."""
    good = loaded(1)
    ports = make_ports({(0, PRIMARY): good})
    area = ports.slot(0, PRIMARY).area
    at = good.index(ImageParts(version=(1, 0, 0, 0)).protected[1][1])

    def change_record(event: Event) -> None:
        if isinstance(event, ImageLoaded):
            area.flash.cells[area.offset + at + 5] ^= 0xFF

    trace = Trace()
    trace.listeners.append(change_record)
    Bl2(ports, P256.config(strategy=LOAD), trace).run()
    (record,) = decode_area(ports.memory.read(*ports.shared_data))
    assert record.data[5] == good[at + 5] ^ 0xFF


# MCUboot do_regions_overlap: (A is the image to be loaded, B one that is there).
@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [
        ((0, 10), (20, 5), False),
        ((20, 5), (0, 10), False),
        ((0, 10), (9, 5), True),
        ((0, 10), (2, 5), True),
        ((2, 5), (0, 10), True),
        ((9, 5), (0, 10), True),
        ((0, 10), (0, 10), True),
        # B begins at A's end: counted as an overlap. A begins at B's end: not.
        ((0, 10), (10, 5), True),
        ((10, 5), (0, 10), False),
        ((0, 10), (11, 5), False),
        # an image that was not looked at yet is at 0 and has no size
        ((0, 10), (0, 0), True),
        ((1, 10), (0, 0), False),
    ],
)
def test_overlap_as_it_really_is(a: tuple[int, int], b: tuple[int, int], overlap: bool) -> None:
    assert do_regions_overlap(Extent(*a), Extent(*b)) is overlap


def test_overlap_is_symmetric_but_for_touching_regions() -> None:
    extents = [Extent(base, size) for base in range(6) for size in range(1, 4)]
    for a, b in itertools.product(extents, extents):
        touching = b.address == a.end or a.address == b.end
        share = a.address < b.end and b.address < a.end
        assert do_regions_overlap(a, b) is (share or b.address == a.end)
        assert touching or do_regions_overlap(a, b) is do_regions_overlap(b, a)


S_SIZE = len(loaded(1, RAM))
PAIRS = {"image_number": 2, "strategy": LOAD}


@pytest.mark.parametrize(
    ("s_at", "ns_at", "together", "apart"),
    [
        (RAM, RAM + 0x1000, "primary 1, primary 1", "primary 1, primary 1"),
        (RAM + 0x1000, RAM, "primary 1, primary 1", "primary 1, primary 1"),
        # one boot_go loads S first, TF-M loads NS first; the one that comes second is refused and erased
        (RAM, RAM + 4, "refused", "refused"),
        (RAM + 4, RAM, "refused", "refused"),
        # S directly below NS: NS comes second in one boot_go, and A begins at B's end: fine; in TF-M's order
        # S comes second, and B begins at A's end
        (RAM, RAM + S_SIZE, "primary 1, primary 1", "refused"),
    ],
)
def test_two_images_in_ram(s_at: int, ns_at: int, together: str, apart: str, make_ports: MakePorts) -> None:
    for single, expected in ((True, together), (False, apart)):
        ports = make_ports({(0, PRIMARY): loaded(1, s_at), (1, PRIMARY): loaded(1, ns_at)}, images=2)
        assert booted(ports, single_boot_go=single, **PAIRS) == expected, single
        second = 1 if single else 0
        assert erased(ports, PRIMARY, second) is (expected == "refused")
        assert not erased(ports, PRIMARY, 1 - second)


def test_an_unmet_dependency_takes_the_image_out_of_ram_and_leaves_the_flash(make_ports: MakePorts) -> None:
    needs = loaded(2, extra=[dependency(1, 9, 0, 0, 0)])
    slots = {(0, PRIMARY): loaded(1), (0, SECONDARY): needs, (1, PRIMARY): loaded(1, RAM + 0x1000)}
    ports = make_ports(slots, images=2)
    outcome, _, events = boot(ports, **PAIRS)
    assert outcome is not None
    assert [b.slot for b in outcome.images] == [PRIMARY, PRIMARY]
    assert slot_bytes(ports, SECONDARY) == needs.ljust(SLOT, b"\xff")
    old = loaded(1)
    assert ram(ports, size=len(needs)) == old.ljust(len(needs), ZEROED)
    assert [(e.address, e.size) for e in events if isinstance(e, ImageUnloaded)] == [(RAM, len(needs))]


def test_the_dependency_is_read_in_ram(make_ports: MakePorts) -> None:
    """LOAD_IMAGE_DATA reads RAM: what the flash says by then does not count."""
    ports = make_ports({(0, PRIMARY): loaded(1), (1, PRIMARY): loaded(1, RAM + 0x1000)}, images=2)
    area = ports.slot(0, PRIMARY).area

    def spoil_flash(event: Event) -> None:
        if isinstance(event, ImageLoaded) and event.image == 0:
            area.flash.cells[area.offset + 0x80 : area.offset + 0x84] = bytes(4)

    trace = Trace()
    trace.listeners.append(spoil_flash)
    config = P256.config(**PAIRS, measured_boot=False)
    assert len(Bl2(ports, config, trace).run().images) == 2


@pytest.mark.parametrize(
    ("copy_done", "image_ok", "runs"),
    [(UNSET, UNSET, True), (SET, SET, True), (SET, UNSET, False)],
)
def test_with_revert_a_slot_has_one_boot_to_confirm_itself_in(
    copy_done: int, image_ok: int, runs: bool, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): in_slot(loaded(1, counter=9), copy_done=copy_done, image_ok=image_ok)})
    assert booted(ports, strategy=REVERT) == ("primary 1" if runs else "refused")
    assert erased(ports, PRIMARY) is not runs
    if runs:
        assert read_swap_state(ports.slot(0, PRIMARY).area).copy_done is Flag.SET
        assert ports.security_counter(0) == 9, "MCUboot holds the counter in DIRECT_XIP only"


def test_a_board_without_such_ram_is_one_clear_error(make_ports: MakePorts) -> None:
    ports = replace(make_ports({(0, PRIMARY): loaded(1)}), executable_ram={})
    with pytest.raises(Bl2ConfigError, match="strategy RAM_LOAD on a board without executable RAM"):
        Bl2(ports, P256.config(strategy=LOAD), Trace())


def test_an_image_that_the_board_has_no_ram_for_is_erased(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): loaded(1), (1, PRIMARY): loaded(1)}, images=2)
    ports = replace(ports, executable_ram={0: (RAM, RAM_SIZE)})
    _, refusals, _ = boot(ports, **PAIRS)
    assert "no RAM for this image" in str(refusals[0])
    assert erased(ports, PRIMARY, 1)


def encrypted(for_whom: Any = FOR_EC256) -> Encrypted:
    parts = ImageParts(
        payload=bytes(range(100)), version=(2, 0, 0, 0), header={"load_addr": RAM, "flags": RAM_LOAD | 0x04}
    )
    return Encrypted(P256, for_whom, parts=parts)


@pytest.mark.parametrize("name", [PRIMARY, SECONDARY])
@pytest.mark.parametrize("recipient", [FOR_EC256, FOR_X25519], ids=["EC256", "X25519"])
def test_an_encrypted_image_is_plain_in_ram_from_either_slot(
    recipient: Any, name: str, make_ports: MakePorts
) -> None:
    parts = encrypted(recipient)
    ports = make_ports({(0, name): parts.image()})
    assert booted(ports, strategy=LOAD, **recipient.options()) == f"{name} 2"
    assert ram(ports, size=len(parts.plain())) == parts.plain()
    assert slot_bytes(ports, name) == parts.image().ljust(SLOT, b"\xff")


@pytest.mark.parametrize(
    ("stored", "rule"),
    [
        (encrypted().plain(), "bootutil_img_validate"),
        (encrypted(FOR_X25519).image(), "boot_decrypt_and_copy_image_to_sram"),
        (flipped(encrypted().image(), -1), "boot_decrypt_key"),
    ],
    ids=["a plain payload behind the flag", "another loader's key", "a key that does not unwrap"],
)
def test_an_encrypted_image_that_does_not_decrypt_is_erased(
    stored: bytes, rule: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): stored})
    _, refusals, _ = boot(ports, strategy=LOAD, **FOR_EC256.options())
    assert refusals[0].rule == rule
    assert slot_bytes(ports, PRIMARY) == BLANK


def test_without_the_strategy_the_flag_moves_the_jump_only(make_ports: MakePorts) -> None:
    """TF-M do_boot looks at the header's flag in every mode."""
    ports = make_ports({(0, PRIMARY): loaded(1)})
    outcome, _, _ = boot(ports, strategy=UpgradeStrategy.OVERWRITE_ONLY)
    assert outcome is not None
    assert outcome.vectors.address == RAM + 0x40
    assert ram(ports) == UNTOUCHED * RAM_SIZE


def test_bl2_raises_only_its_own_error(make_ports: MakePorts) -> None:
    """A header that promises anything at all, in a slot of noise."""
    noise = bytes(range(256)) * 32
    header = loaded(1)[:32]
    for hdr_size in (0, 32, 0x40, 0x1FE0, 0xFFFF):
        for img_size in (0, 1, 0x1000, 0x1FBF, 0xFFFFFFC0):
            changed = bytearray(header + noise[32:])
            changed[8:10] = hdr_size.to_bytes(2, "little")
            changed[12:16] = img_size.to_bytes(4, "little")
            ports = make_ports({(0, PRIMARY): bytes(changed)})
            with pytest.raises(BootRefused):
                Bl2(ports, P256.config(strategy=LOAD), Trace()).run()
