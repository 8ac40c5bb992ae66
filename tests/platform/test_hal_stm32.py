"""The HAL's functions on wrapped keys answer bytes or PlatError, whatever they are handed."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stm32_device import make_hardware

from tfm_sim.platform.hal import HAL_FUNCTIONS, PlatformHal
from tfm_sim.platform.pka import SECP256R1
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr

FUNCTIONS = sorted(name for name in HAL_FUNCTIONS if name.startswith("HAL_C"))
HARDWARE = make_hardware()
BLOB = HARDWARE.hal.HAL_CCB_ECDSA_GenerateWrapPrivateKey(SECP256R1.pack())
ANY_BYTES = st.one_of(
    st.binary(max_size=80), st.sampled_from([SECP256R1.pack(), BLOB, bytes(32), b"\1" * 32])
)
VALUES = {
    bytes: ANY_BYTES,
    int: st.integers(-1, 64),
    str: st.sampled_from(["ecb", "cbc", "gcm", "ccm", "", "x"]),
}


def hints(name: str) -> list[type]:
    parameters = list(inspect.signature(getattr(PlatformHal, name)).parameters.values())[1:]
    return [parameter.annotation for parameter in parameters]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_values(name: str) -> None:
    @settings(max_examples=40)
    @given(st.tuples(*(VALUES[hint] for hint in hints(name))))
    def check(arguments: tuple[object, ...]) -> None:
        try:
            assert isinstance(getattr(HARDWARE.hal, name)(*arguments), bytes)
        except PlatError as error:
            assert error.reason in (TfmPlatErr.SYSTEM_ERR, TfmPlatErr.INVALID_INPUT)

    check()


def test_there_are_the_functions_that_the_board_grants() -> None:
    grants = HARDWARE.board.hal_grants["TFM_SP_CRYPTO"]
    assert sorted(name for name in grants if name.startswith("HAL_C")) == FUNCTIONS
