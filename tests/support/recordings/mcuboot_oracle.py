"""oracle*.json: boots of MCUboot's own code, one device with one image or two."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from support.recordings.case import Case, Recorded, not_yet
from support.recordings.mcuboot_bench import PRIMARY, SECONDARY, Bench, agrees, image_file, recorded_config

from tfm_sim.interface.mcuboot.image import read_header
from tfm_sim.interface.mcuboot.trailer import mark_confirmed
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.platform.board import SlotName

ROLES = {"S": 0, "NS": 1}
SLOT_NAMES: tuple[SlotName, SlotName] = ("primary", "secondary")
DEFAULT_COUNTER = 4


def oracle_cases(recording: Any, folder: Path) -> Iterator[Case]:
    """A list of scenarios, or an object with the list and the configuration of all."""
    scenarios: list[Recorded] = recording["scenarios"] if isinstance(recording, dict) else recording
    strategy = str(recording.get("config", "")).split(",")[0] if isinstance(recording, dict) else ""
    for scenario in scenarios:
        if "slots" in scenario:
            name = f"{scenario['name']}, {scenario['flow']}"
            yield Case(name, partial(_two_images, scenario, strategy, folder))
        else:
            name = (
                f"{scenario['strategy']}: {scenario['name']}: {scenario['primary']} {scenario['secondary']}"
            )
            yield Case(name, partial(_one_image, scenario, folder))


def _confirm(bench: Bench, booted: Recorded) -> None:
    mark_confirmed(bench.area(0, booted.get("slot", PRIMARY)))


ACTIONS: dict[str, Callable[[Bench, Recorded], None]] = {"confirm": _confirm}
"""What the running image does between the first boot and the second."""


def _one_image(scenario: Recorded, folder: Path) -> None:
    config = recorded_config(folder, scenario["strategy"])
    action = scenario.get("action_after_boot0")
    if action is not None and action not in ACTIONS:
        not_yet(f"unknown action {action!r} after the first boot")
    contents = {(0, slot): image_file(folder, scenario[slot]) for slot in SLOT_NAMES}
    bench = Bench(config, contents, scenario["nv_counter_before"])
    for recorded in scenario["boots"]:
        found = bench.boot()
        agrees(found, recorded)
        if recorded["boot"] == 0 and action is not None:
            ACTIONS[action](bench, found)


def _two_images(scenario: Recorded, strategy: str, folder: Path) -> None:
    config = replace(
        recorded_config(folder, scenario.get("strategy") or strategy or "OVERWRITE_ONLY", images=2),
        single_boot_go=scenario["flow"].startswith("single"),
    )
    contents = {
        (image, slot): image_file(folder, scenario["slots"].get(f"{role} {slot}", "-"))
        for role, image in ROLES.items()
        for slot in SLOT_NAMES
    }
    bench = Bench(config, contents, scenario.get("nv_counter_before", DEFAULT_COUNTER))
    assert bench.boot()["result"] == scenario["result"]
    for role, recorded in scenario["after"].items():
        found = {
            PRIMARY: _version(bench, ROLES[role]),
            SECONDARY: "blank"
            if bench.slot_state(ROLES[role], SECONDARY)["header"] == "blank"
            else "present",
        }
        assert {key: found[key] for key in recorded} == recorded
    if "shared_entries" in scenario:
        entries = decode_area(bench.shared_data()) if scenario["shared_entries"] else []
        found_entries = [[f"{e.tlv_type:04x}", str(len(e.data))] for e in entries]
        assert found_entries == scenario["shared_entries"]


def _version(bench: Bench, image: int) -> str:
    area = bench.area(image, PRIMARY)
    if bench.slot_state(image, PRIMARY)["header"] == "blank":
        return "blank"
    return ".".join(map(str, read_header(area).version.comparable))
