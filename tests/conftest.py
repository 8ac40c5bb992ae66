"""Options of the whole test suite."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from hypothesis import settings

from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.scheduler import WrongThread

pytest.register_assert_rewrite("support")

# The same examples in every run, so that what fails once fails for everybody; tests/fuzz looks for new ones.
settings.register_profile("same every time", derandomize=True, database=None, deadline=None)
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


_started: "list[ref[Kernel]]" = []
_start = Kernel.start


def _start_and_note(kernel: Kernel, *args: Any, **kwargs: Any) -> Any:
    _started.append(ref(kernel))
    return _start(kernel, *args, **kwargs)


setattr(Kernel, "start", _start_and_note)  # noqa: B010  a method is meant


@pytest.fixture(autouse=True, scope="module")
def _power_off() -> Iterator[None]:
    """What the tests of a file have powered on is off when they are over.

    The garbage collector never finds a suspended greenlet: thousands of devices that nobody switches off
    would fill the machine.
    """
    del _started[:]
    yield
    for started in _started:
        kernel = started()
        if kernel is not None and not kernel.stopping:
            with suppress(WrongThread):
                kernel.stop()
