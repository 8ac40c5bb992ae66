"""PSA status codes."""

import pytest

from tfm_sim.interface.psa.status import PsaError, PsaStatus


@pytest.mark.parametrize("value", [0, -129, -138, -248])
def test_named_values_keep_their_number(value: int) -> None:
    assert PsaStatus(value) == value
    assert PsaStatus(value).name.startswith("PSA_")


@pytest.mark.parametrize("value", [7, -1, -(2**31), 2**31 - 1])
def test_unknown_values_are_kept(value: int) -> None:
    status = PsaStatus(value)
    assert status == value
    assert status.name == str(value)


def test_psa_error_names_call_and_status() -> None:
    error = PsaError(-135, "psa_initial_attest_get_token")
    assert str(error) == "psa_initial_attest_get_token: PSA_ERROR_INVALID_ARGUMENT (-135)"
    assert error.status is PsaStatus.PSA_ERROR_INVALID_ARGUMENT
