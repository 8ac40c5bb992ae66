"""docs/esp-tee.md has every kind once, in the order of the enumeration."""

import re
from pathlib import Path

from tfm_sim.tools.esp_tee import Kind

PAGE = (Path(__file__).parent.parent.parent / "docs" / "esp-tee.md").read_text()


def test_every_kind_has_a_meaning() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \|$", PAGE.partition("\n### Kinds\n")[2], re.MULTILINE)
    assert rows == [kind.value for kind in Kind]
