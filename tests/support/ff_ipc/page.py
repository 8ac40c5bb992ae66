"""docs/ff-ipc-demands.md from the table of demands; `python tests/support/ff_ipc/page.py` writes it anew."""

import sys
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[2]
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from support.ff_ipc.demands import DEMANDS, NOT_STATELESS, Demand, Reset  # noqa: E402
from support.ff_ipc.facts import CLIENT  # noqa: E402
from support.ff_ipc.party import NS  # noqa: E402

PAGE: Final = TESTS.parent / "docs" / "ff-ipc-demands.md"
HEAD: Final = """\
# The 90 demands on an FF-M SPM

Arm's test list for the FF-M IPC API makes 90 demands on an SPM. The suite is not part of this repository; its
demands are facts, and here they are put by three partitions and clients of our own, in Python: a client and a
server in the application root of trust, a driver in the PSA root of trust (`tests/support/ff_ipc/`). The
client's side of a demand is one function, run by the non-secure side and by the client partition.

Every cell below is a test: `pytest tests/system/test_ff_ipc_demands.py -k 024`. Its id is
`test_demand[NUMBER-CALLER-VARIANT]`. The caller is `NS` or `CLIENT_PARTITION`. The variant is `level1-1.0`,
`level2-1.0` or `level3-1.0` with manifests of framework 1.0; `level1-1.1` with the same in 1.1; `level1-tfm`
with TF-M's deviations from the specification switched on; `level1-mailbox`, where the non-secure side has a
core of its own and all its calls go over the mailbox; or `level1-stateless`, where every service is
stateless, and the demands marked with * are left out, which are about connections.

A cell tells for N, the non-secure side, and S, the client partition:

- **met**: everybody's part runs to its end.
- **-129**, **-130**: the same; the client breaks a rule and gets this status, and the service sees nothing.
- **reset: PARTITION, call**: the device panics at the point where it is due, and its report names this
  culprit and a broken rule of this call. It boots again.
- **-**: the demand asks for a higher isolation level.
- **n/a**: the model cannot be asked; the reason is below the table.

"""
COLUMNS: Final = ("#", "demand", "callers", "level", "at level 1", "at level 2", "at level 3", "test")


def page_text() -> str:
    """The whole page."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, DEMANDS)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = "\n".join(f"- {d.number:03}: {d.not_applicable}." for d in DEMANDS if d.not_applicable)
    return f"{HEAD}{table}\n\nNot applicable:\n\n{notes}\n{TAIL}"


TAIL: Final = """
How some are put:

- 002: connections run out at the pool's size (8 by default, shared by all clients) with CONNECTION_BUSY.
- 008: the non-secure connection is refused, so that the server, still waiting, meets its dispatcher instead
  and answers a message that it does not have.
- 027: either moment for the one PSA_IPC_DISCONNECT is met; a test of its own pins the specification's,
  directly after the reply, and that of TF-M, with psa_close.
- 047 to 057: "out of reach" is the driver's MMIO, and null where level 1 opens that to every partition.
- 072 to 087: two checks each, a load and a store. A partition has one region for stack, heap and static data,
  and the three are tried at their places in it. 079 and 083 also try an address where nothing is mapped.
"""


def _row(demand: Demand) -> tuple[str, ...]:
    star = "\\*" if demand.number in NOT_STATELESS else ""
    cells = [_cell(demand, level) for level in (1, 2, 3)]
    level = "" if demand.not_applicable else str(demand.level)
    test = "" if demand.not_applicable else f"`test_demand[{demand.number:03}-...]`"
    return (f"{demand.number:03}{star}", demand.text, demand.callers, level, *cells, test)


def _cell(demand: Demand, level: int) -> str:
    if demand.not_applicable:
        return "n/a"
    if level < demand.level:
        return "-"
    parts = []
    for letter, caller in (("N", NS), ("S", CLIENT)):
        outcome = demand.outcome(caller)
        if isinstance(outcome, Reset):
            calls = sorted({rule.split(":")[0] for rule in outcome.rules})
            parts.append(f"{letter} reset: {outcome.culprit}, {' / '.join(calls)}")
        elif outcome:
            parts.append(f"{letter} {outcome.status or 'met'}")
    return "; ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
