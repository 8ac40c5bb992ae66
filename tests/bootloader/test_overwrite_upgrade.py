"""Upgrades by OVERWRITE_ONLY: what is copied, erased and counted, and in which order."""

from collections.abc import Callable
from typing import Any

import pytest
from support.image_builder import P256, ImageParts, Tlvs, dependency, sec_cnt

from tfm_sim.bootloader.bl2 import Bl2, BootOutcome
from tfm_sim.bootloader.events import BootDecision, CounterChecked, ImageCopied, SlotErased
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.interface.mcuboot.image import ImageVersion, read_header
from tfm_sim.interface.mcuboot.trailer import boot_img_magic, mark_confirmed
from tfm_sim.interface.trace import Event, Trace

MakePorts = Callable[..., Ports]

SLOT = 0x2000
BLANK = b"\xff" * SLOT


def image(major: int, minor: int = 0, *, counter: int | None = 5, extra: Tlvs = (), build: int = 0) -> bytes:
    record = ImageParts().protected[1]
    protected = [*([] if counter is None else [sec_cnt(counter)]), record, *extra]
    return P256.image(version=(major, minor, 0, build), protected=protected)


def padded(data: bytes, image_ok: int = 0xFF) -> bytes:
    """As imgtool --pad leaves it (image_ok 1: --confirm)."""
    trailer = bytes([image_ok]).ljust(8, b"\xff") + boot_img_magic()
    return data.ljust(SLOT - len(trailer), b"\xff") + trailer


def boot(ports: Ports, **options: Any) -> tuple[BootOutcome, list[BootDecision]]:
    events: list[BootDecision] = []

    def listen(event: Event) -> None:
        if isinstance(event, BootDecision):
            events.append(event)

    trace = Trace()
    trace.listeners.append(listen)
    return Bl2(ports, P256.config(**options), trace).run(), events


def slot_bytes(ports: Ports, name: str, image: int = 0) -> bytes:
    return ports.slot(image, name).area.read(0, SLOT)


def version(ports: Ports, image: int = 0, name: str = PRIMARY) -> str:
    header = read_header(ports.slot(image, name).area)
    return "blank" if header.magic == 0xFFFFFFFF else str(header.version)


@pytest.mark.parametrize("image_ok", [0xFF, 0x01])
def test_a_marked_candidate_is_copied_whole_and_the_counter_rises_at_once(
    image_ok: int, make_ports: MakePorts
) -> None:
    candidate = padded(image(2, counter=9), image_ok)
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): candidate})
    outcome, events = boot(ports)
    assert outcome.images[0].version == ImageVersion(2)
    assert slot_bytes(ports, PRIMARY) == candidate, "trailer too"
    spoiled = b"\xff" * 0x400 + candidate[0x400 : SLOT - 0x400] + b"\xff" * 0x400
    assert slot_bytes(ports, SECONDARY) == spoiled, "first and last sector"
    assert ports.security_counter(0) == 9
    steps = [event for event in events if isinstance(event, ImageCopied | CounterChecked | SlotErased)]
    assert [type(event) for event in steps[:3]] == [ImageCopied, CounterChecked, SlotErased]
    again, _ = boot(ports)
    assert again.images[0].version == ImageVersion(2)
    assert slot_bytes(ports, PRIMARY) == candidate


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (image(2), "no magic: nobody asked for it"),
        (padded(image(2), image_ok=0x00), "image_ok is neither unset nor set"),
        (image(2).ljust(SLOT - 16, b"\xff") + bytes(16), "bad magic"),
        (b"", "blank"),
    ],
)
def test_a_candidate_that_is_not_marked_stays_where_it_is(
    candidate: bytes, why: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): candidate})
    outcome, _ = boot(ports)
    assert outcome.images[0].version == ImageVersion(1), why
    assert slot_bytes(ports, SECONDARY) == candidate.ljust(SLOT, b"\xff")


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("candidate", "check"),
    [
        (flipped(padded(image(2)), 0x50), "image hash"),
        (flipped(padded(image(2)), 0x00), "image magic"),
        (padded(image(2, counter=3)), "security counter"),
        (padded(image(2, counter=None)), "security counter"),
        (padded(P256.image(flags=0x4)), "flags"),
        (padded(b"\x22" * 64), "image magic"),
    ],
)
def test_an_invalid_candidate_is_erased_and_the_primary_boots(
    candidate: bytes, check: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): candidate})
    outcome, _ = boot(ports)
    assert outcome.images[0].version == ImageVersion(1)
    (refusal,) = outcome.refusals
    assert (refusal.slot, refusal.check) == (SECONDARY, check)
    assert slot_bytes(ports, SECONDARY) == BLANK
    assert ports.security_counter(0) == 5


@pytest.mark.parametrize(
    "candidate", [padded(b""), padded(P256.image(flags=0x10))], ids=["erased", "NON_BOOTABLE"]
)
def test_a_marked_slot_without_an_image_is_left_alone(candidate: bytes, make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): candidate})
    outcome, _ = boot(ports)
    assert outcome.images[0].version == ImageVersion(1)
    assert slot_bytes(ports, SECONDARY) == candidate


def test_a_blank_primary_slot_is_filled(make_ports: MakePorts) -> None:
    ports = make_ports({(0, SECONDARY): padded(image(2))})
    assert boot(ports)[0].images[0].version == ImageVersion(2)


def test_nothing_anywhere_is_a_refusal(make_ports: MakePorts) -> None:
    ports = make_ports({})
    with pytest.raises(BootRefused, match="image magic: found erased flash"):
        boot(ports)


def test_both_refusals_are_told_when_neither_slot_boots(make_ports: MakePorts) -> None:
    bad = flipped(image(1), 0x50)
    ports = make_ports({(0, PRIMARY): bad, (0, SECONDARY): padded(bad)})
    with pytest.raises(BootRefused) as caught:
        boot(ports)
    assert [refusal.slot for refusal in caught.value.refusals] == [SECONDARY, PRIMARY]


@pytest.mark.parametrize(
    ("primary", "counter"),
    [
        (image(1, counter=7), 7),
        (padded(image(1, counter=7)), 4),
        (padded(image(1, counter=7), 0x01), 7),
        (padded(image(1, counter=7), 0x02), 4),
        (image(1, counter=7).ljust(SLOT - 16, b"\xff") + bytes(16), 7),
    ],
    ids=["no trailer", "magic good, unconfirmed", "confirmed", "image_ok bad", "magic bad"],
)
def test_counter_rises_unless_the_magic_is_good_and_image_ok_not_set(
    primary: bytes, counter: int, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): primary})
    boot(ports)
    assert ports.security_counter(0) == counter


def test_a_factory_image_counts_once_it_is_confirmed(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): padded(image(1, counter=7))})
    boot(ports)
    assert ports.security_counter(0) == 4
    mark_confirmed(ports.slot(0, PRIMARY).area)
    boot(ports)
    assert ports.security_counter(0) == 7


def test_without_rollback_protection_no_counter_moves(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): padded(image(2, counter=9))})
    boot(ports, rollback=False)
    assert ports.security_counter(0) == 4


@pytest.mark.parametrize("counter", [513, 0xFFFFFFFF])
def test_a_counter_too_large_for_otp_stops_after_the_copy(counter: int, make_ports: MakePorts) -> None:
    """The default OTP counters are unary and hold at most 512."""
    candidate = padded(image(2, counter=counter))
    ports = make_ports({(0, PRIMARY): image(1), (0, SECONDARY): candidate})
    with pytest.raises(BootRefused, match="security counter update"):
        boot(ports)
    assert slot_bytes(ports, PRIMARY) == candidate
    assert slot_bytes(ports, SECONDARY) == candidate, "not spoiled: BL2 halted before"
    assert ports.security_counter(0) == 4


def test_a_counter_of_512_fits(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): image(1, counter=512)})
    boot(ports)
    assert ports.security_counter(0) == 512


@pytest.mark.parametrize(
    ("prevention", "primary", "candidate", "after"),
    [
        (True, (2, 0), (1, 9), "2.0.0+0"),
        (True, (2, 0), (2, 0), "2.0.0+0"),
        (True, (2, 0), (2, 1), "2.1.0+0"),
        (False, (2, 0), (1, 9), "1.9.0+0"),
    ],
)
def test_downgrade_prevention(
    prevention: bool, primary: tuple[int, int], candidate: tuple[int, int], after: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): image(*primary), (0, SECONDARY): padded(image(*candidate))})
    outcome, _ = boot(ports, downgrade_prevention=prevention)
    assert version(ports) == after
    refused = candidate < primary and prevention
    assert [r.check for r in outcome.refusals] == ["downgrade prevention"] * refused
    assert not refused or slot_bytes(ports, SECONDARY) == BLANK


def test_the_build_number_does_not_count_as_a_downgrade(make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): image(2, build=9), (0, SECONDARY): padded(image(2, build=1))})
    boot(ports, downgrade_prevention=True)
    assert version(ports) == "2.0.0+1"


def on(image: int, major: int, build: int = 0) -> tuple[int, bytes]:
    return dependency(image, major, 0, 0, build)


HALF = (0x40, bytes(11))


@pytest.mark.parametrize(
    ("single", "s", "ns", "s2", "ns2", "after"),
    [
        # plain MCUboot: one boot_go sees both images
        (True, [], [], [on(1, 1)], None, (2, 1)),
        (True, [], [], [on(1, 1, build=9)], None, (2, 1)),
        (True, [], [], [on(1, 2)], None, (1, 1)),
        (True, [], [], [on(2, 0)], None, (1, 1)),
        (True, [], [], [HALF], None, (1, 1)),
        (True, [], [], [on(1, 2)], [on(0, 2)], (2, 2)),
        (True, [], [], [], [on(0, 3)], (1, 1)),
        # a dependency of an image that stays counts too, while another is upgraded
        (True, [on(1, 2)], [], None, [], (1, 2)),
        (True, [on(1, 3)], [], None, [], (1, 1)),
        (True, [on(1, 3)], [], None, None, (1, 1)),
        # TF-M: NS first, with S's headers not read yet
        (False, [], [], None, [on(0, 0)], (1, 2)),
        (False, [], [], None, [on(0, 1)], (1, 1)),
        (False, [], [], [on(1, 1)], None, (2, 1)),
        (False, [], [], [on(1, 2)], None, (1, 1)),
        # S after an NS upgrade: the header of NS's erased candidate satisfies anything
        (False, [], [], [on(1, 3)], [], (2, 2)),
    ],
)
def test_dependencies(
    single: bool,
    s: Tlvs,
    ns: Tlvs,
    s2: Tlvs | None,
    ns2: Tlvs | None,
    after: tuple[int, int],
    make_ports: MakePorts,
) -> None:
    """Primary slots hold version 1, candidates version 2; each with these dependencies."""
    contents = {(0, PRIMARY): image(1, extra=s), (1, PRIMARY): image(1, extra=ns)}
    candidates = {number: extra for number, extra in enumerate((s2, ns2)) if extra is not None}
    for number, extra in candidates.items():
        contents[number, SECONDARY] = padded(image(2, extra=extra))
    ports = make_ports(contents, images=2)
    outcome, _ = boot(ports, image_number=2, single_boot_go=single)
    assert (version(ports, 0), version(ports, 1)) == tuple(f"{major}.0.0+0" for major in after)
    held_back = [number for number in candidates if after[number] == 1]
    assert [refusal.check for refusal in outcome.refusals] == ["dependency"] * bool(held_back)
    for number in held_back:
        assert slot_bytes(ports, SECONDARY, number) == contents[number, SECONDARY], "it waits in its slot"
