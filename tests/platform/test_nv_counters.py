"""NV counters: monotonic, unary in OTP with TF-M's limits, u32 in flash for protected storage."""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tfm_sim.platform.nv_counters import NvCounter, NvCounterError, NvCounters, permissions_check
from tfm_sim.platform.otp import Otp, OtpField, OtpLayout
from tfm_sim.platform.plat_err import TfmPlatErr

ALL = OtpLayout(bl1=True, ns_counters=3)
MAX, INVALID, UNSUPPORTED = TfmPlatErr.MAX_VALUE, TfmPlatErr.INVALID_INPUT, TfmPlatErr.UNSUPPORTED


@pytest.mark.parametrize(
    "counter, before, value, answer",
    [
        (NvCounter.BL2_0, 0, 0, None),
        (NvCounter.BL2_0, 0, 1, None),
        (NvCounter.BL2_0, 4, 4, None),
        (NvCounter.BL2_0, 4, 13, None),
        (NvCounter.BL2_0, 4, 3, INVALID),
        (NvCounter.BL2_0, 4, 0, INVALID),
        (NvCounter.BL2_0, 4, -1, INVALID),
        (NvCounter.BL2_0, 0, 512, None),
        (NvCounter.BL2_0, 0, 513, MAX),
        (NvCounter.BL2_0, 0, 0x01020003, MAX),  # imgtool's `-s auto` for version 1.2.3
        (NvCounter.BL2_3, 511, 512, None),
        (NvCounter.NS_2, 0, 512, None),
        (NvCounter.NS_2, 0, 513, MAX),
        (NvCounter.BL1_0, 0, 128, None),
        (NvCounter.BL1_0, 0, 129, MAX),
        (NvCounter.PS_0, 0, 513, None),
        (NvCounter.PS_1, 7, 6, INVALID),
        (NvCounter.PS_2, 0, 0xFFFFFFFF, None),
        (NvCounter.PS_2, 0xFFFFFFFF, 0xFFFFFFFF, MAX),
        (NvCounter.PS_2, 0, 0x100000000, MAX),
        (11, 0, 1, UNSUPPORTED),
        (-1, 0, 1, UNSUPPORTED),
    ],
)
def test_set(counter: int, before: int, value: int, answer: TfmPlatErr | None) -> None:
    counters = NvCounters(Otp(ALL))
    if before:
        counters.set(counter, before)
    if answer is None:
        counters.set(counter, value)
        assert counters.read(counter) == value
        return
    with pytest.raises(NvCounterError) as caught:
        counters.set(counter, value)
    assert caught.value.reason is answer
    if answer is not UNSUPPORTED:
        assert counters.read(counter) == before


@pytest.mark.parametrize(
    "counter, before, answer",
    [
        (NvCounter.BL2_1, 0, None),
        (NvCounter.BL2_1, 511, None),
        (NvCounter.BL2_1, 512, MAX),
        (NvCounter.BL1_0, 127, None),
        (NvCounter.BL1_0, 128, MAX),
        (NvCounter.PS_0, 0xFFFFFFFE, None),
        (NvCounter.PS_0, 0xFFFFFFFF, MAX),
    ],
)
def test_increment(counter: NvCounter, before: int, answer: TfmPlatErr | None) -> None:
    counters = NvCounters(Otp(ALL))
    counters.set(counter, before)
    if answer is None:
        counters.increment(counter)
        assert counters.read(counter) == before + 1
    else:
        with pytest.raises(NvCounterError) as caught:
            counters.increment(counter)
        assert caught.value.reason is answer
        assert counters.read(counter) == before


@pytest.mark.parametrize(
    "value, first_bytes", [(1, "0100"), (7, "7f00"), (8, "ff00"), (9, "ff01"), (16, "ffff")]
)
def test_otp_counters_are_unary_from_the_lowest_bit(value: int, first_bytes: str) -> None:
    otp = Otp()
    NvCounters(otp).set(NvCounter.BL2_0, value)
    assert otp.read(OtpField.NV_COUNTER_BL2_0, 2).hex() == first_bytes


def test_a_counter_is_the_number_of_bits_wherever_they_are() -> None:
    otp = Otp()
    otp.write(OtpField.NV_COUNTER_BL2_0, b"\x01\x80\x10")
    counters = NvCounters(otp)
    assert counters.read(NvCounter.BL2_0) == 3
    with pytest.raises(NvCounterError) as caught:
        counters.set(NvCounter.BL2_0, 4)  # four low bits do not cover the stray ones
    assert caught.value.reason is INVALID


def test_counters_do_not_touch_each_other() -> None:
    counters = NvCounters(Otp(ALL))
    for counter in NvCounter:
        counters.set(counter, counter + 1)
    assert [counters.read(counter) for counter in NvCounter] == list(range(1, 12))


@pytest.mark.parametrize(
    "counter, there",
    [(NvCounter.PS_2, True), (NvCounter.BL2_3, True), (NvCounter.BL1_0, False), (NvCounter.NS_0, False)],
)
def test_an521_has_neither_bl1_nor_ns_counters(counter: NvCounter, there: bool) -> None:
    counters = NvCounters(Otp())
    if there:
        assert counters.read(counter) == 0
    else:
        with pytest.raises(NvCounterError) as caught:
            counters.read(counter)
        assert caught.value.reason is UNSUPPORTED


@pytest.mark.parametrize(
    "client, counter, allowed",
    [
        (256, NvCounter.PS_0, True),
        (256, NvCounter.PS_2, True),
        (257, NvCounter.PS_0, False),
        (-1, NvCounter.PS_0, False),
        (-1, NvCounter.NS_0, True),
        (-0x3C000000, NvCounter.NS_2, True),
        (256, NvCounter.NS_0, False),
        (-1, NvCounter.BL2_0, False),
        (256, NvCounter.BL2_0, False),
        (-1, NvCounter.BL1_0, False),
        (-1, 11, False),
    ],
)
def test_permissions_check(client: int, counter: int, allowed: bool) -> None:
    assert permissions_check(client, counter) is allowed


class CounterMachine(RuleBasedStateMachine):
    """A counter never falls and never passes its limit, whatever is asked."""

    LIMITS: ClassVar = {NvCounter.BL2_0: 512, NvCounter.BL1_0: 128, NvCounter.PS_0: 0xFFFFFFFF}

    def __init__(self) -> None:
        super().__init__()
        self.counters = NvCounters(Otp(ALL))
        self.model = dict.fromkeys(self.LIMITS, 0)

    @rule(
        counter=st.sampled_from(list(LIMITS)),
        value=st.one_of(st.integers(-1, 600), st.integers(0xFFFFFFF0, 0x100000001)),
    )
    def set(self, counter: NvCounter, value: int) -> None:
        old = self.model[counter]
        if old <= value <= self.LIMITS[counter] and old != 0xFFFFFFFF:
            self.counters.set(counter, value)
            self.model[counter] = value
        else:
            with pytest.raises(NvCounterError):
                self.counters.set(counter, value)

    @rule(counter=st.sampled_from(list(LIMITS)))
    def increment(self, counter: NvCounter) -> None:
        if self.model[counter] < self.LIMITS[counter]:
            self.counters.increment(counter)
            self.model[counter] += 1
        else:
            with pytest.raises(NvCounterError):
                self.counters.increment(counter)

    @invariant()
    def same_values(self) -> None:
        assert {counter: self.counters.read(counter) for counter in self.LIMITS} == self.model


TestCounterMachine = CounterMachine.TestCase
TestCounterMachine.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
