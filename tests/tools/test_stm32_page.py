"""docs/stm32-attestation.md has every kind once, in the order of the enumeration."""

import re
from pathlib import Path

from tfm_sim.tools.stm32 import Kind

PAGE = (Path(__file__).parent.parent.parent / "docs" / "stm32-attestation.md").read_text()


def test_every_kind_has_a_meaning() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \|$", PAGE.partition("\n## The verifier\n")[2], re.MULTILINE)
    assert rows == [kind.value for kind in Kind]
