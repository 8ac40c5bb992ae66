"""Every recording below the directory of ``--recordings``, one test a case.

The files are ``expected.json``, ``oracle*.json``, ``tfm-*.json`` and ``attestation-vectors.json``, in the
forms of tests/data/recordings; its README says what they hold. A case whose subject the product does not have
yet is skipped with what is missing.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.recordings.attestation_vectors import vector_cases
from support.recordings.case import Case, distinct, load
from support.recordings.mcuboot_files import file_cases
from support.recordings.mcuboot_oracle import oracle_cases
from support.recordings.tfm import tfm_cases

FORMS: tuple[tuple[str, Callable[[Any, Path], Iterable[Case]]], ...] = (
    ("expected.json", file_cases),
    ("oracle*.json", oracle_cases),
    ("tfm-*.json", lambda recording, folder: tfm_cases(recording)),
    ("attestation-vectors.json", lambda recording, folder: vector_cases(recording)),
)
"""File name and what makes its cases, of the content and the folder of the file."""


def recorded_cases(directory: Path) -> Iterator[Case]:
    for pattern, cases_of in FORMS:
        for path in sorted(directory.rglob(pattern)):
            for case in cases_of(load(path), path.parent):
                yield case.under(str(path.relative_to(directory)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    directory = Path(metafunc.config.getoption("--recordings"))
    cases = list(distinct(recorded_cases(directory)))
    if not cases:
        names = ", ".join(pattern for pattern, _ in FORMS)
        raise pytest.UsageError(
            f"--recordings {directory}: found no recording; legal: a directory with {names}"
        )
    metafunc.parametrize("case", cases, ids=lambda case: case.name)


def test_recording(case: Case) -> None:
    case.check()
