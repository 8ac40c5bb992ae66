"""oracle*.json: boots of MCUboot's own code, one device with one image or two."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from support.recordings.case import Case, Recorded, not_yet
from support.recordings.mcuboot_bench import PRIMARY, SECONDARY, Bench, agrees, image_file, result_of
from support.recordings.mcuboot_words import recorded_build

from tfm_sim.interface.mcuboot.image import read_header
from tfm_sim.interface.mcuboot.trailer import TrailerError, mark_confirmed, mark_pending
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.platform.board import SlotName

ROLES = {"S": 0, "NS": 1}
SLOT_NAMES: tuple[SlotName, SlotName] = ("primary", "secondary")
TELLING = {"name", "config", "note", "source", "why"}
SCENARIO = TELLING | {"strategy", "nv_counter_before", "boots", *SLOT_NAMES}
PAIR_SCENARIO = TELLING | {"strategy", "nv_counter_before", "slots", "flow", "boots"}
PAIR_BOOT = {"boot", "result", "after", "shared_entries", "nv_counter_after"}
ACTION = re.compile(r"action_after_boot(\d+)")


def oracle_cases(recording: Any, folder: Path) -> Iterator[Case]:
    """A list of scenarios, or an object with the list and the configuration of all."""
    scenarios: list[Recorded] = recording["scenarios"] if isinstance(recording, dict) else recording
    words = str(recording.get("config", "")) if isinstance(recording, dict) else ""
    for scenario in scenarios:
        if "slots" in scenario:
            name = f"{scenario['name']}, {scenario['flow']}"
            yield Case(name, partial(_two_images, scenario, words, folder))
        else:
            strategy = scenario.get("strategy", words.partition(",")[0])
            name = f"{strategy}: {scenario['name']}: {scenario['primary']} {scenario['secondary']}"
            yield Case(name, partial(_one_image, scenario, words, folder))


# --- What the running image does between boots ---

Act = Callable[[Bench, SlotName], None]


def _confirm(bench: Bench, booted: SlotName) -> None:
    mark_confirmed(bench.area(0, booted), max_align=bench.config.boot_max_align)


def _pending(permanent: bool) -> Act:
    def act(bench: Bench, booted: SlotName) -> None:
        mark_pending(bench.area(0, SECONDARY), permanent, max_align=bench.config.boot_max_align)

    return act


def _erase(slot: SlotName) -> Act:
    def act(bench: Bench, booted: SlotName) -> None:
        area = bench.area(0, slot)
        area.erase(0, area.size)

    return act


def _nothing(bench: Bench, booted: SlotName) -> None:
    """But a reset, which each boot begins with."""


ACTIONS: Mapping[str, Act] = {
    "confirm": _confirm,
    "boot set confirmed": _confirm,
    "set confirmed": _confirm,
    "pending": _pending(permanent=False),
    "pending test": _pending(permanent=False),
    "test": _pending(permanent=False),
    "set pending": _pending(permanent=False),
    "boot set pending": _pending(permanent=False),
    "boot set pending 0": _pending(permanent=False),
    "permanent": _pending(permanent=True),
    "pending permanent": _pending(permanent=True),
    "boot set pending 1": _pending(permanent=True),
    "erase": _erase("secondary"),
    "erase secondary": _erase("secondary"),
    "erase primary": _erase("primary"),
    "reset": _nothing,
    "reboot": _nothing,
    "none": _nothing,
}


def _actions(scenario: Recorded) -> dict[int, Act]:
    """By the number of the boot after which it is."""
    actions: dict[int, Act] = {}
    for key, word in scenario.items():
        match = ACTION.fullmatch(key)
        if match and word is not None:
            known = ACTIONS.get(" ".join(re.findall(r"[a-z0-9]+", str(word).lower())))
            actions[int(match[1])] = known or not_yet(f"unknown action {word!r} after a boot")
    return actions


def _only_known(scenario: Recorded, known: set[str]) -> None:
    unknown = [key for key in scenario if key not in known and not ACTION.fullmatch(key)]
    if unknown:
        not_yet(f"unknown part of a scenario: {', '.join(unknown)}")


# --- One image ---


def _one_image(scenario: Recorded, words: str, folder: Path) -> None:
    _only_known(scenario, SCENARIO)
    build = recorded_build(folder, scenario.get("config") or _words(scenario, words))
    actions = _actions(scenario)
    contents = {(0, slot): image_file(folder, scenario[slot]) for slot in SLOT_NAMES}
    confirms = any(act is _confirm for act in actions.values())
    # MCUboot's own function confirms the primary slot; an image that runs in place confirms its own.
    for last, own in ((False, True), (True, False)) if confirms else ((True, True),):
        bench = Bench(build.config, contents, scenario.get("nv_counter_before", build.counter))
        try:
            _boots(bench, scenario, actions, own)
        except AssertionError:
            if last:
                raise
        else:
            return


def _boots(bench: Bench, scenario: Recorded, actions: Mapping[int, Act], own: bool) -> None:
    for number, recorded in enumerate(scenario["boots"]):
        found = bench.boot()
        agrees(found, recorded)
        act = actions.get(recorded.get("boot", number))
        if act is not None:
            with suppress(TrailerError):  # MCUboot's function returns an error, and the recorder went on
                act(bench, found.get("slot", PRIMARY) if own else PRIMARY)


def _words(scenario: Recorded, words: str) -> str:
    """The scenario's strategy, and what the file says of all, whose first word is a strategy too."""
    first, _, rest = words.partition(",")
    return ",".join(filter(None, (scenario.get("strategy") or first or "OVERWRITE_ONLY", rest)))


# --- Two images ---


def _two_images(scenario: Recorded, words: str, folder: Path) -> None:
    _only_known(scenario, PAIR_SCENARIO | PAIR_BOOT)
    build = recorded_build(folder, scenario.get("config") or _words(scenario, words), images=2)
    slots = {f"{role} {slot}": (image, slot) for role, image in ROLES.items() for slot in SLOT_NAMES}
    if unknown := scenario["slots"].keys() - slots:
        not_yet(f"unknown slots {', '.join(sorted(unknown))}")
    contents = {place: image_file(folder, scenario["slots"].get(name, "-")) for name, place in slots.items()}
    counters = scenario.get("nv_counter_before", build.counter)
    bench = Bench(
        replace(build.config, single_boot_go=_single(scenario["flow"])),
        contents,
        *(counters if isinstance(counters, list) else [counters]),
    )
    actions = _actions(scenario)
    for number, recorded in enumerate(scenario.get("boots") or [scenario]):
        _pair_agrees(bench, recorded)
        act = actions.get(recorded.get("boot", number))
        if act is not None:
            not_yet("an action between boots of two images, which does not say on which of them")


def _single(flow: str) -> bool:
    if flow.startswith("single"):
        return True
    if not flow.startswith("per-image, 1 then 0"):
        not_yet(f"unknown flow {flow!r}")
    return False


def _pair_agrees(bench: Bench, recorded: Recorded) -> None:
    assert bench.boot()["result"] == result_of(recorded)
    unknown: list[str] = []
    for role, slots in recorded.get("after", {}).items():
        if role not in ROLES:
            unknown.append(role)
            continue
        for slot, told in slots.items():
            if slot not in SLOT_NAMES:
                unknown.append(f"{role} {slot}")
            elif isinstance(told, dict):
                found = bench.slot_state(ROLES[role], slot)
                assert {key: found.get(key) for key in told} == told
            else:
                assert told == _holds(bench, ROLES[role], slot, told), f"{role} {slot}"
    if "shared_entries" in recorded:
        entries = decode_area(bench.shared_data()) if recorded["shared_entries"] else []
        found_entries = [[f"{e.tlv_type:04x}", str(len(e.data))] for e in entries]
        assert found_entries == recorded["shared_entries"]
    _counters_agree(bench, recorded.get("nv_counter_after"))
    if unknown:
        not_yet(f"unknown slots {', '.join(unknown)}")


def _counters_agree(bench: Bench, told: object) -> None:
    if isinstance(told, dict):
        assert {role: bench.ports.security_counter(ROLES[role]) for role in told} == told
    elif isinstance(told, list):
        assert [bench.ports.security_counter(image) for image in range(len(told))] == told
    elif told is not None:
        assert bench.ports.security_counter(0) == told


def _holds(bench: Bench, image: int, slot: SlotName, told: str) -> str:
    """The version of what a slot holds; "present" where the recording says no more."""
    if bench.slot_state(image, slot)["header"] == "blank":
        return "blank"
    if told in {"present", "blank"}:
        return "present"
    version = read_header(bench.area(image, slot)).version
    return str(version) if "+" in told else ".".join(map(str, version.comparable))
