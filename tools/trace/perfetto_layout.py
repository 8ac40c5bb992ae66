"""Slices, instants and arrows laid on tracks: what Chrome's trace event format asks of them.

Begin and end of a track must nest like brackets. Two messages that a partition answers in the order in which
they came do not, so a slice that would cross another goes to a further track of the same name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PROCESS: Final = 1
# What comes first of several things at one time stamp: an arrow binds to the slice that is open around it.
INSTANT, ARROW_IN_END, END, BEGIN, ARROW_IN_BEGIN = range(5)


@dataclass(eq=False, slots=True)
class Slice:
    """Something that lasts, in microseconds; ``result`` joins the arguments at its end."""

    track: str
    name: str
    category: str
    start: int
    arguments: dict[str, Any]
    end: int = -1
    result: dict[str, Any] = field(default_factory=dict)
    tid: int = 0


@dataclass(frozen=True, slots=True)
class Instant:
    """Something that takes no time; ``scope`` is t for its track, g for the whole picture."""

    track: str
    name: str
    ts: int
    scope: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Flow:
    """An arrow from one slice, at a time when it is open, to another."""

    name: str
    source: Slice
    source_ts: int
    target: Slice
    target_ts: int


def chrome_events(
    process: str, slices: Sequence[Slice], instants: Sequence[Instant], flows: Sequence[Flow]
) -> Iterator[dict[str, Any]]:
    """The events in the order of their time stamps, the names of process and tracks before them."""
    tracks = _lay_out(slices, instants)
    yield _metadata("process_name", 0, {"name": process})
    for tid, name in tracks.items():
        yield _metadata("thread_name", tid, {"name": name})
        yield _metadata("thread_sort_index", tid, {"sort_index": tid})
    timed = [
        *_slice_events(slices),
        *_instant_events(instants, {name: tid for tid, name in tracks.items()}),
        *_flow_events(flows),
    ]
    timed.sort(key=lambda item: item[0])
    for _, event in timed:
        yield event


def _lay_out(slices: Sequence[Slice], instants: Sequence[Instant]) -> dict[int, str]:
    """Give each slice the number of a track on which it crosses none; returns the tracks' names by number."""
    seen = [(s.start, s.track) for s in slices] + [(i.ts, i.track) for i in instants]
    by_track: dict[str, list[Slice]] = {track: [] for _, track in sorted(seen, key=lambda pair: pair[0])}
    for item in slices:
        by_track[item.track].append(item)
    tracks: dict[int, str] = {}
    for name, mine in by_track.items():
        first = len(tracks) + 1
        lanes: list[list[Slice]] = [[]]
        for item in sorted(mine, key=lambda s: s.start):
            item.tid = first + _lane_for(item, lanes)
        for i in range(len(lanes)):
            tracks[first + i] = name if i == 0 else f"{name} ({i + 1})"
    return tracks


def _lane_for(item: Slice, lanes: list[list[Slice]]) -> int:
    """The first lane where the slice lies inside all that is open, or beside it."""
    for number, lane in enumerate(lanes):
        while lane and lane[-1].end <= item.start:
            lane.pop()
        if not lane or lane[-1].end >= item.end:
            lane.append(item)
            return number
    lanes.append([item])
    return len(lanes) - 1


Timed = tuple[tuple[int, int, int], dict[str, Any]]


def _slice_events(slices: Sequence[Slice]) -> Iterator[Timed]:
    for item in slices:
        begin = {"ph": "B", "name": item.name, "cat": item.category, "args": item.arguments}
        yield _timed(item.start, BEGIN, item.tid, begin)
        # Of those that end together, the one that began last ends first.
        yield _timed(item.end, END, item.tid, {"ph": "E", "args": item.result}, -item.start)


def _instant_events(instants: Sequence[Instant], tids: dict[str, int]) -> Iterator[Timed]:
    for item in instants:
        event = {"ph": "i", "name": item.name, "cat": "event", "s": item.scope, "args": item.arguments}
        yield _timed(item.ts, INSTANT, tids[item.track], event)


def _flow_events(flows: Sequence[Flow]) -> Iterator[Timed]:
    for number, flow in enumerate(flows):
        about = {"name": flow.name, "cat": "flow", "id": number}
        begins = flow.source_ts == flow.source.start
        yield _timed(
            flow.source_ts, ARROW_IN_BEGIN if begins else ARROW_IN_END, flow.source.tid, {"ph": "s", **about}
        )
        begins = flow.target_ts == flow.target.start
        yield _timed(
            flow.target_ts,
            ARROW_IN_BEGIN if begins else ARROW_IN_END,
            flow.target.tid,
            {"ph": "f", "bp": "e", **about},
        )


def _timed(ts: int, rank: int, tid: int, event: dict[str, Any], order: int = 0) -> Timed:
    return (ts, rank, order), {"pid": PROCESS, "tid": tid, "ts": ts, **event}


def _metadata(name: str, tid: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"pid": PROCESS, "tid": tid, "ts": 0, "ph": "M", "name": name, "args": arguments}
