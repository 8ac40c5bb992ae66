"""docs/psa-api-demands.md from the demands; `python tests/support/psa_api/page.py` writes it anew."""

import sys
from itertools import groupby
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[2]
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from support.psa_api import asymmetric, ciphers, digests, extensions, keys, storage  # noqa: E402
from support.psa_api.demand import DEMANDS, Demand  # noqa: E402

from tfm_sim.interface.psa.status import PsaStatus  # noqa: E402

PAGE: Final = TESTS.parent / "docs" / "psa-api-demands.md"
HEAD: Final = """\
# Demands on crypto and storage

What PSA Crypto 1.2 and PSA Storage 1.0 ask of a service, and what Arm's suites for them look at, as {count}
cases of our own. Each is put to a whole device as the bytes of TF-M's interface, packed by hand; where
several statuses are named, the specification leaves the choice. They run at isolation levels 1 and 3 and on
the SFN backend; what leaves traces for ever (†) gets a device of its own.

One of them: `pytest tests/system/test_psa_api_demands.py -k import-aes-128`; its id is the area and the name.
SPAKE2+ is in `tests/partitions/test_crypto_spake2p.py`, clients of different ids in `test_key_owners.py`.
"""


def page_text() -> str:
    """The whole page."""
    parts = [HEAD.format(count=len(DEMANDS))]
    ordered = sorted(DEMANDS, key=lambda d: (_MODULES.index(d.act.__module__), _AREAS.index(d.area)))
    for area, demands in groupby(ordered, key=lambda d: d.area):
        lines = [f"| {d.name}{' †' if d.fresh else ''} | {d.text} | {_statuses(d)} |" for d in demands]
        parts.append(
            f"\n## {area}\n\n| name | what is done | answer |\n|---|---|---|\n" + "\n".join(lines) + "\n"
        )
    return "".join(parts)


def _statuses(demand: Demand) -> str:
    names = (PsaStatus(status).name.removeprefix("PSA_").removeprefix("ERROR_") for status in demand.statuses)
    return " or ".join(names)


_MODULES: Final = tuple(
    module.__name__ for module in (keys, digests, ciphers, asymmetric, extensions, storage)
)
_AREAS: Final = tuple(dict.fromkeys(d.area for d in DEMANDS))

if __name__ == "__main__":
    PAGE.write_text(page_text())
