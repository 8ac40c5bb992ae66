"""docs/attacks.md is what `make docs` would write now."""

from pathlib import Path

import pytest

from tfm_sim.tools.attacks import MUTATIONS
from tfm_sim.tools.attacks.registry import ON_MESSAGES
from tfm_sim.tools.attacks_page import TITLES, main, render

ATTACKS_FILE = Path(__file__).parents[2] / "docs" / "attacks.md"


@pytest.fixture(scope="module")
def page() -> str:
    return render()


def test_the_page_is_up_to_date(page: str) -> None:
    assert ATTACKS_FILE.read_text() == page, "run `make docs`"


def test_the_page_tells_of_every_mutation(page: str) -> None:
    assert [m.name for m in MUTATIONS.values() if f"| `{m.base}` |" not in page] == []
    assert sum(len(templates) for _, templates in TITLES) == len(ON_MESSAGES)


def test_the_page_is_written_where_it_is_asked_for(page: str, tmp_path: Path) -> None:
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() == page
