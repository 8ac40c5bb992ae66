"""Options of the whole test suite."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("support")

RECORDINGS = Path(__file__).parent / "data" / "recordings"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--recordings",
        metavar="DIR",
        default=str(RECORDINGS),
        help="run tests/system/test_recordings.py on the recordings anywhere below DIR "
        "(expected.json, oracle*.json, tfm-*.json, attestation-vectors.json)",
    )
