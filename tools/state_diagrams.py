"""Draws state tables as Mermaid diagrams in Markdown: ``python -m tfm_sim.tools.state_diagrams FILE``.

A table is ``dict[state][event] -> next state``, as the SPM keeps its own. States and events are classes or
enum members; their docstrings (for a member, the string literal below it) describe them. An event may be a
string too, the name of a call, which says enough.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from ..partitions.firmware_update.states import KINDS, table_of
from ..spm.states import CONNECTION, MESSAGE, THREAD, VECTOR
from .challenge_response.sessions import SESSION
from .generated_page import write_page

HEAD: Final = """\
# State tables

Drawn by `make docs` from the tables that the SPM itself runs on (`spm/states.py`), those of the firmware
update service (`partitions/firmware_update/states.py`), and that of a verifier's sessions
(`tools/challenge_response/sessions.py`).
"""
RESERVED: Final = re.compile(
    "accdescr|acctitle|as|choice|class|classdef|default|direction|end|fork|hide|join|note|scale|state|style",
    re.IGNORECASE,
)
"""Words that Mermaid would not take for a state."""
WIDTH: Final = 110
Name = type | Enum | str
Table = Mapping[Any, Mapping[Any, Any]]
"""Of Names; a mapping of any kind of them will do."""


@dataclass(frozen=True, slots=True)
class StateTable:
    """One diagram. The first state of the table is where things begin."""

    title: str
    introduction: str
    table: Table


FWU_KINDS: Final = tuple(kind for kind in KINDS if kind.needs_reboot and kind.volatile_staging)
FWU_HERE: Final = "What the service runs on with MCUboot, by the loader's upgrade strategy."
FWU_NOT_HERE: Final = "Of the specification's state model; no boot loader of the model has such components."
FAULT: Final = "What is not listed is the partition's PROGRAMMER ERROR: a panic."
TABLES: Final = (
    StateTable(
        "Connections",
        "One connection of the SPM's pool. What is not listed cannot happen: the calls check before.",
        CONNECTION,
    ),
    StateTable(
        "Messages",
        "The one message that can be outstanding on a connection, and the calls that a partition may make "
        f"with its handle. {FAULT}",
        MESSAGE,
    ),
    StateTable("Vectors", f"One vector of a message, for services with MM-IOVEC. {FAULT}", VECTOR),
    StateTable(
        "Threads",
        "A partition's thread, or that of a non-secure task. An event that is not listed changes nothing.",
        THREAD,
    ),
    *(
        StateTable(
            f"Firmware components: {kind.name}",
            f"{FWU_HERE if kind in FWU_KINDS else FWU_NOT_HERE} A call that is not listed in a state is "
            "BAD_STATE and changes nothing.",
            table_of(kind),
        )
        for kind in KINDS
    ),
    StateTable(
        "Sessions of challenge and response",
        "One session of `tfm-sim verify --serve` ([how](challenge-response.md)). What is not listed is "
        "refused and changes nothing.",
        SESSION,
    ),
)


def render(tables: Sequence[StateTable]) -> str:
    """The whole Markdown file."""
    return HEAD + "".join(f"{line}\n" for table in tables for line in _section(table))


def _section(table: StateTable) -> Iterator[str]:
    states, events = states_of(table.table), events_of(table.table)
    yield ""
    yield f"## {table.title}"
    yield ""
    yield from textwrap.wrap(table.introduction, WIDTH)
    yield ""
    yield "```mermaid"
    yield from diagram(table.table)
    yield "```"
    yield from _descriptions("state", states)
    if any(map(description, events)):
        yield from _descriptions("event", events)


def diagram(table: Table) -> Iterator[str]:
    """``stateDiagram-v2``; events that lead the same way share an arrow."""
    yield "stateDiagram-v2"
    states = states_of(table)
    for state in states:
        if _id(state) != label(state):
            yield f'    state "{label(state)}" as {_id(state)}'
    yield f"    [*] --> {_id(states[0])}"
    for state, ways in table.items():
        arrows: dict[Name, list[str]] = {}
        for event, target in ways.items():
            arrows.setdefault(target, []).append(label(event))
        for target, events in arrows.items():
            yield f"    {_id(state)} --> {_id(target)}: {', '.join(events)}"


def states_of(table: Table) -> list[Name]:
    """Every state, those that are only led to behind the others."""
    targets = (target for ways in table.values() for target in ways.values())
    return list(dict.fromkeys((*table, *targets)))


def events_of(table: Table) -> list[Name]:
    """Every event, in the order in which the table has them."""
    return list(dict.fromkeys(event for ways in table.values() for event in ways))


def label(thing: Name) -> str:
    """The name of a state or an event."""
    match thing:
        case str():
            return thing
        case Enum():
            return thing.name
    return thing.__name__


def description(thing: Name) -> str:
    """The first paragraph of the docstring on one line; empty where there is none of its own."""
    if isinstance(thing, str):
        return ""
    text = _member_text(thing) if isinstance(thing, Enum) else thing.__dict__.get("__doc__")
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def _member_text(member: Enum) -> str:
    """Enum members have no docstring at run time; the source has one below the assignment."""
    body = ast.parse(textwrap.dedent(inspect.getsource(type(member)))).body[0]
    assert isinstance(body, ast.ClassDef)
    for item, below in zip(body.body, body.body[1:], strict=False):
        match item, below:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if name == member.name:
                return text
    return ""


def _descriptions(kind: str, things: Sequence[Name]) -> Iterator[str]:
    yield ""
    yield f"| {kind} | |"
    yield "|---|---|"
    for thing in things:
        text = description(thing).replace("|", "\\|")
        yield f"| {label(thing)} | {text} |"


def _id(state: Name) -> str:
    name = label(state)
    return f"{name}_" if RESERVED.fullmatch(name) else name


def main(arguments: Sequence[str]) -> int:
    """Write the file that the one argument names."""
    return write_page("state_diagrams", arguments, lambda: render(TABLES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
