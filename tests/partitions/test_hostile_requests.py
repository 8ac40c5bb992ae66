"""A non-secure client sends anything: nothing breaks, nothing leaks, nobody else notices.

The storms are drawn from a seed; tests/fuzz/fuzz_services.py is the long form.
"""

import pytest
from support.hostile_storm import new_storm


@pytest.mark.parametrize("seed", range(24))
def test_a_storm_of_requests(seed: int) -> None:
    storm = new_storm(seed)
    storm.run(250)
    storm.stop()
