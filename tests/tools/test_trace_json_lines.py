"""The trace as JSON lines: every event with all its fields, to be read back by a program."""

import json
from dataclasses import dataclass, fields
from enum import Enum, IntEnum, IntFlag
from pathlib import Path
from typing import Any

import pytest
from support.traced import SCENARIOS, a_panic, a_token, event_classes, sample, traced

from tfm_sim.interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from tfm_sim.interface.trace import Event, Listener
from tfm_sim.spm.events import CallReturned
from tfm_sim.tools.trace import JsonLinesTrace
from tfm_sim.tools.trace.json_lines import HEADER, as_json


def objects(scenario: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in traced(JsonLinesTrace, scenario).splitlines()]


def one(event: Event) -> dict[str, Any]:
    def scenario(listen: Listener) -> None:
        listen(event)

    return objects(scenario)[0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_object_an_event_numbered_from_0(name: str) -> None:
    events: list[Event] = []
    SCENARIOS[name](events.append)
    found = objects(SCENARIOS[name])
    assert [o["n"] for o in found] == list(range(len(events)))
    assert [o["event"] for o in found] == [type(e).__name__ for e in events]
    assert [o["t"] for o in found] == [i // 3 * 10 for i in range(len(events))]


@pytest.mark.parametrize("name", SCENARIOS)
def test_two_runs_are_the_same_to_the_byte(name: str) -> None:
    assert traced(JsonLinesTrace, SCENARIOS[name]) == traced(JsonLinesTrace, SCENARIOS[name])


@pytest.mark.parametrize("cls", event_classes(), ids=lambda cls: cls.__name__)
def test_every_field_of_every_kind_of_event(cls: type[Event]) -> None:
    found = one(sample(cls))
    names = [field.name for field in fields(cls)]
    assert not set(names) & set(HEADER), "else the field would need another name"
    assert list(found) == [*HEADER, *names]


def test_the_fields_of_a_token() -> None:
    found = objects(a_token)
    delivered = [o for o in found if o["event"] == "MessageDelivered"]
    asked = next(o for o in delivered if o["service"] == "TFM_ATTESTATION_SERVICE")
    assert asked["type"] == 1001
    assert asked["request"] == "psa_initial_attest_get_token"
    decided = next(o for o in found if o["event"] == "SwapTypeDecided")
    assert decided["swap_type"] == "NONE"
    assert decided["primary"]["magic"] == "UNSET", "nested, and by name"
    shared = next(o for o in found if o["event"] == "SharedDataAdded")
    assert bytes.fromhex(shared["data"]).startswith(b"\xa5\x01")
    assert found[-1]["status"] == 0
    assert found[-1]["status_name"] == "PSA_SUCCESS"


def test_a_panic_with_its_report() -> None:
    (panic,) = [o for o in objects(a_panic) if o["event"] == "Panicked"]
    assert panic["report"]["culprit"] == "CLUMSY"
    assert panic["report"]["found"] == "0x1234567"


@pytest.mark.parametrize("status", [-134, PSA_ERROR_NOT_SUPPORTED])
def test_a_status_is_a_number_and_a_name_whatever_it_was_made_from(status: int) -> None:
    found = one(CallReturned("X", "psa_call", status))
    assert (found["status"], found["status_name"]) == (-134, "PSA_ERROR_NOT_SUPPORTED")


def test_a_status_without_a_name_has_none() -> None:
    assert "status_name" not in one(CallReturned("X", "psa_connect", 0xA2))


class Colour(Enum):
    RED = "r"


class Bits(IntFlag):
    A = 1
    B = 2


class Number(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, "RED"),
        (Bits.A | Bits.B, "A|B"),
        (Bits(0), 0),
        (Number.ONE, "ONE"),
        (bytearray(b"\xff"), "ff"),
        (memoryview(b"\x00"), "00"),
        ({Colour.RED: (1, b"\x02")}, {"RED": [1, "02"]}),
        (frozenset({3, 1}), [1, 3]),
        (int, "int"),
        (Path("a/b"), "a/b"),
        (None, None),
        (True, True),
        ("\u2028", "\u2028"),
    ],
)
def test_values(value: object, expected: object) -> None:
    assert as_json(value) == expected
    json.dumps(as_json(value))


def test_a_field_of_a_users_own_event_never_hides_the_head() -> None:
    @dataclass(frozen=True)
    class Mine(Event):
        n: int
        event: str

    assert one(Mine(5, "x")) == {"t": 0, "n": 0, "event": "Mine", "n_": 5, "event_": "x"}
