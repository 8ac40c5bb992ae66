"""docs/states.md: drawn from the tables that run, and what `make docs` would write now."""

import re
from enum import Enum, auto
from pathlib import Path

import pytest

from tfm_sim.spm.states import CONNECTION
from tfm_sim.tools.state_diagrams import (
    TABLES,
    StateTable,
    description,
    diagram,
    events_of,
    main,
    render,
    states_of,
)

STATES_FILE = Path(__file__).parents[2] / "docs" / "states.md"


class Door(Enum):
    OPEN = auto()
    """Anybody may
    go | through."""
    SHUT = auto()
    END = auto()
    """Off its hinges."""


class Hand(Enum):
    PUSH = "push"
    """From outside."""
    PULL = "pull"
    """From inside.

    Not for long."""
    KICK = "kick"


DOOR = {
    Door.SHUT: {Hand.PUSH: Door.OPEN, Hand.PULL: Door.OPEN, Hand.KICK: Door.END},
    Door.OPEN: {Hand.PUSH: Door.SHUT},
}


def test_the_committed_file_is_what_the_generator_writes() -> None:
    assert STATES_FILE.read_text(encoding="utf-8") == render(TABLES), "run `make docs`"


def test_every_transition_of_the_connections_is_an_arrow() -> None:
    lines = list(diagram(CONNECTION))
    drawn = {
        (state, event, target)
        for state, target, events in re.findall(r"(\w+) --> (\w+): (.+)", "\n".join(lines))
        for event in events.split(", ")
    }
    assert drawn == {
        (state.__name__, event.__name__, target.__name__)
        for state, ways in CONNECTION.items()
        for event, target in ways.items()
    }
    assert lines[1] == "    [*] --> Free"


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.title)
def test_every_state_and_event_is_described(table: StateTable) -> None:
    for thing in (*states_of(table.table), *events_of(table.table)):
        assert description(thing) or isinstance(thing, str), thing


def test_enums_share_arrows_and_bring_the_text_below_each_member() -> None:
    assert (
        render([StateTable("Doors", "A door.", DOOR)]).split("\n\n", 2)[2]
        == """\
## Doors

A door.

```mermaid
stateDiagram-v2
    state "END" as END_
    [*] --> SHUT
    SHUT --> OPEN: PUSH, PULL
    SHUT --> END_: KICK
    OPEN --> SHUT: PUSH
```

| state | |
|---|---|
| SHUT |  |
| OPEN | Anybody may go \\| through. |
| END | Off its hinges. |

| event | |
|---|---|
| PUSH | From outside. |
| PULL | From inside. |
| KICK |  |
"""
    )


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "states.md")]) == 0
    assert (tmp_path / "states.md").read_text(encoding="utf-8") == STATES_FILE.read_text(encoding="utf-8")
    assert main([]) == 2
    assert main([str(tmp_path)]) == 4
    assert "Is a directory" in capsys.readouterr().err
