"""Options of the whole test suite."""

from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("support")

# The same examples in every run, so that what fails once fails for everybody; tests/fuzz looks for new ones.
settings.register_profile("same every time", derandomize=True, database=None)
settings.load_profile("same every time")

RECORDINGS = Path(__file__).parent / "data" / "recordings"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--recordings",
        metavar="DIR",
        default=str(RECORDINGS),
        help="run tests/system/test_recordings.py on the recordings anywhere below DIR "
        "(expected.json, oracle*.json, tfm-*.json, attestation-vectors.json)",
    )
    parser.addoption(
        "--iat-verifier",
        metavar="DIR",
        help="run tests/tools/test_iat_verifier.py with TF-M's iat-verifier in DIR, installed in DIR/.venv",
    )
