"""The trace for ui.perfetto.dev: slices nest on each track, arrows pair, time never goes back."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from support.traced import (
    SCENARIOS,
    a_panic,
    a_reset,
    a_token,
    event_classes,
    ipc_by_hand,
    refusals,
    sample,
    traced,
)

from tfm_sim.interface.trace import Event, Listener
from tfm_sim.tools.trace import PerfettoTrace


class Picture:
    """What a viewer makes of the events; refuses what the format does not allow."""

    def __init__(self, text: str) -> None:
        self.events: list[dict[str, Any]] = json.loads(text)["traceEvents"]
        self.tracks = {
            e["tid"]: e["args"]["name"] for e in self.events if e["ph"] == "M" and e["name"] == "thread_name"
        }
        self.slices: list[tuple[str, str, int, int, dict[str, Any]]] = []
        self.instants: list[tuple[str, str]] = []
        self.arrows: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self._draw()

    def _draw(self) -> None:
        open_slices: dict[int, list[dict[str, Any]]] = defaultdict(list)
        now = 0
        for event in self.events:
            if event["ph"] == "M":
                continue
            assert event["ts"] >= now, "time goes back"
            now = event["ts"]
            assert event["pid"] == 1
            track, stack = self.tracks[event["tid"]], open_slices[event["tid"]]
            match event["ph"]:
                case "B":
                    stack.append(event)
                case "E":
                    begun = stack.pop()
                    arguments = begun["args"] | event["args"]
                    self.slices.append((track, begun["name"], begun["ts"], now, arguments))
                case "i":
                    assert event["s"] in ("t", "g")
                    self.instants.append((track, event["name"]))
                case "s" | "f" as kind:
                    assert stack, "an arrow needs a slice that it binds to"
                    assert len(self.arrows[event["id"]]) == (0 if kind == "s" else 1)
                    assert kind == "s" or event["bp"] == "e"
                    self.arrows[event["id"]].append((track, stack[-1]["name"]))
                case other:
                    raise AssertionError(other)
        assert not any(open_slices.values()), "every begin has its end on the same track"
        assert all(len(ends) == 2 for ends in self.arrows.values()), "every arrow has two ends"
        assert all(start < end for _, _, start, end, _ in self.slices), "every slice can be seen"


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_format_is_kept(name: str) -> None:
    assert Picture(traced(PerfettoTrace, SCENARIOS[name])).slices


@pytest.mark.parametrize("name", SCENARIOS)
def test_two_runs_are_the_same_to_the_byte(name: str) -> None:
    assert traced(PerfettoTrace, SCENARIOS[name]) == traced(PerfettoTrace, SCENARIOS[name])


@pytest.mark.parametrize("cls", event_classes(), ids=lambda cls: cls.__name__)
def test_every_kind_of_event_is_seen_or_ends_something(cls: type[Event]) -> None:
    def scenario(listen: Listener) -> None:
        listen(sample(cls))

    picture = Picture(traced(PerfettoTrace, scenario))
    assert cls.__name__ == "PartitionReturned" or picture.slices or picture.instants
    assert "events" not in picture.tracks.values(), "it has a track where it belongs"


def test_a_token_has_a_track_for_everybody_and_an_arrow_each_way() -> None:
    picture = Picture(traced(PerfettoTrace, a_token))
    assert list(picture.tracks.values())[:2] == ["BL2", "SPM"], "in the order in which they appear"
    assert set(picture.tracks.values()) == {
        "BL2",
        "SPM",
        "CPU",
        "TFM_SP_CRYPTO",
        "TFM_SP_ITS",
        "TFM_SP_PS",
        "TFM_SP_PLATFORM",
        "TFM_SP_INITIAL_ATTESTATION",
        "NS",
        "NS client -1",
    }
    attestation = ("TFM_SP_INITIAL_ATTESTATION", "TFM_ATTESTATION_SERVICE: psa_initial_attest_get_token")
    client = ("NS client -1", "psa_call TFM_ATTESTATION_SERVICE")
    asked = (
        "psa_get_key_attributes(key 0x7fff815d)",
        "psa_export_public_key(key 0x7fff815d)",
        "psa_hash_compute(PSA_ALG_SHA_256)",
        "psa_sign_message(key 0x7fff815d, PSA_ALG_ECDSA(PSA_ALG_SHA_256))",
    )
    crypto = [("TFM_SP_CRYPTO", f"TFM_CRYPTO: {request}") for request in asked]
    inner = ("TFM_SP_INITIAL_ATTESTATION", "psa_call TFM_CRYPTO")
    # Protected storage makes its table while it starts, with crypto and internal trusted storage.
    own = [ends for ends in picture.arrows.values() if not {"TFM_SP_PS", "TFM_SP_ITS"} & {e[0] for e in ends}]
    assert sorted(own) == sorted(
        [
            [client, attestation],
            [attestation, client],
            *([inner, served] for served in crypto),
            *([served, inner] for served in crypto),
        ]
    )
    (whole,) = [s for s in picture.slices if s[0] == "NS client -1"]
    assert whole[4]["result"] == "PSA_SUCCESS"
    assert whole[4]["out_sizes"] == [592]


def test_time_is_the_virtual_clock_where_it_moves_and_order_elsewhere() -> None:
    def scenario(listen: Listener) -> None:
        for _ in range(6):
            listen(sample(next(c for c in event_classes() if c.__name__ == "LogLine")))

    picture = Picture(traced(PerfettoTrace, scenario))
    assert [e["ts"] for e in picture.events if e["ph"] == "i"] == [0, 1, 2, 10, 11, 12]


def test_a_panic_ends_what_is_open() -> None:
    picture = Picture(traced(PerfettoTrace, a_panic))
    ended = [
        (track, name) for track, name, _, _, about in picture.slices if about.get("ended by") == "a panic"
    ]
    assert sorted(ended) == [
        ("CLUMSY", "CLUMSY_SERVICE: type 5"),
        ("CLUMSY", "psa_call"),
        ("CPU", "CLUMSY"),
        ("NS", "the non-secure side runs"),
        ("NS client -1", "psa_call CLUMSY_SERVICE"),
    ]
    assert ("CLUMSY", "panic: psa_call: a handle of the caller's own") in picture.instants


def test_a_reset_ends_calls_and_the_non_secure_sides_start_does_not() -> None:
    picture = Picture(traced(PerfettoTrace, a_reset))
    calls = [about for track, _, _, _, about in picture.slices if track == "task 1"]
    assert [about.get("ended by") for about in calls] == ["a reset", None]
    assert calls[1]["result"] == "PSA_ERROR_NOT_SUPPORTED"


def test_messages_that_cross_stand_on_tracks_of_their_own() -> None:
    picture = Picture(traced(PerfettoTrace, ipc_by_hand))
    where = {(track, name) for track, name, *_ in picture.slices}
    assert {
        ("P", "P_S: type 3"),
        ("P (2)", "P_S: type 4"),
        ("P waits", "psa_wait(PSA_WAIT_ANY, PSA_BLOCK)"),
    } <= where
    assert ("P", "psa_get(P_S_SIGNAL)") in where
    assert len(picture.arrows) == 4


def test_the_cpu_shows_who_runs() -> None:
    picture = Picture(traced(PerfettoTrace, ipc_by_hand))
    ran = [(name, start, end) for track, name, start, end, _ in picture.slices if track == "CPU"]
    assert [name for name, _, _ in ran] == ["task 1", "task 2", "P", "task 2", "task 1"]
    assert all(before[2] == after[1] for before, after in pairwise(ran)), "one at a time"


def test_refusals_by_the_spm_are_instants_of_the_caller() -> None:
    picture = Picture(traced(PerfettoTrace, refusals))
    assert ("NS client -1", "refused: psa_connect: an RoT Service with this SID") in picture.instants


def test_an_event_of_a_users_own_has_a_track() -> None:
    class Mine(Event):
        pass

    def scenario(listen: Listener) -> None:
        listen(Mine())

    assert Picture(traced(PerfettoTrace, scenario)).instants == [("events", "Mine")]


def test_a_trace_of_nothing_loads() -> None:
    assert Picture(traced(PerfettoTrace, lambda listen: None)).slices == []
