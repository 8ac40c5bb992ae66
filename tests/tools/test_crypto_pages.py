"""docs/crypto.md and docs/profiles.md are what `make docs` would write now, and their examples run."""

import doctest
from collections.abc import Callable
from pathlib import Path

import pytest

from tfm_sim.interface.tfm.crypto import EXTENSION_GROUP_MIN, Function
from tfm_sim.tools import crypto_page, profile_page

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "name, render", [("crypto.md", crypto_page.render), ("profiles.md", profile_page.render)]
)
def test_the_page_is_up_to_date(name: str, render: Callable[[], str]) -> None:
    assert (DOCS / name).read_text() == render(), "run `make docs`"


@pytest.mark.parametrize("main", [crypto_page.main, profile_page.main])
def test_the_page_can_be_written(main: Callable[[list[str]], int], tmp_path: Path) -> None:
    assert main([str(tmp_path / "page.md")]) == 0
    assert main([]) != 0


def test_every_function_of_our_own_and_every_gap_has_its_row() -> None:
    ours = {function for function in Function if function >> 8 >= EXTENSION_GROUP_MIN}
    assert set(crypto_page.VECTORS) == ours
    assert set(crypto_page.REASONS) == crypto_page.lacking()


def test_the_examples_run() -> None:
    """What the page shows is what the calls give."""
    text = (DOCS / "crypto.md").read_text()
    example = doctest.DocTestParser().get_doctest(text, {}, "crypto.md", None, 0)
    assert len(example.examples) > 12
    assert doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(example).failed == 0
