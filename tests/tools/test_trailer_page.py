"""docs/trailers.md is what `make docs` would write now."""

from pathlib import Path

from tfm_sim.tools.trailer_page import BUILDS, main, render

TRAILERS_FILE = Path(__file__).parents[2] / "docs" / "trailers.md"


def test_the_page_is_up_to_date() -> None:
    assert TRAILERS_FILE.read_text() == render(), "run `make docs`"


def test_the_page_tells_of_every_build_and_field(tmp_path: Path) -> None:
    assert main([str(tmp_path / "page.md")]) == 0
    page = (tmp_path / "page.md").read_text()
    assert all(f"## {name}" in page for name, _, _ in BUILDS)
    assert "| image_ok | -24 | 8 |" in page
    assert "| swap status | -1584 | 1536 |" in page, "3 entries of 4 bytes for 128 sectors"
