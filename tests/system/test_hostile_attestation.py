"""A hostile client of attestation on devices of every kind; tests/fuzz/fuzz_attestation.py goes on longer."""

import pytest
from support.hostile_attestation import KINDS, AttestationStorm

SLOW = {"level 2", "level 3", "2019 level 2", "2019 level 3", "delegated 2 IPC"}
"""Left to the long form: a device with processes takes seconds to start, and others have them too."""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SLOW])
def test_a_storm_of_requests_for_attestation(kind: str) -> None:
    storm = AttestationStorm(kind, seed=1)
    storm.run(80)
    assert storm.successes, "some of it gets through"
