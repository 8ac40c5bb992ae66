"""Requests to the firmware update partition as no client library packs them, and random ones."""

from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.firmware_update import SLOT_SIZE, FwuBench
from support.image_builder import ImageParts, sec_cnt

from tfm_sim.interface.mcuboot.trailer import Magic, read_swap_state, write_copy_done, write_magic
from tfm_sim.interface.psa import firmware_update as fwu
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.firmware_update import PsaFwuState
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.services import TFM_FIRMWARE_UPDATE_SERVICE_HANDLE
from tfm_sim.partitions.firmware_update.config import TFM_FWU_TODAY, FwuBuild, FwuConfig, FwuQuirks
from tfm_sim.partitions.firmware_update.states import ComponentKind, FwuEvent, table_of

IMAGE = ImageParts(protected=(sec_cnt(1),)).with_tlvs(())
START, WRITE, FINISH, CANCEL, INSTALL, CLEAN, REJECT, REBOOT, ACCEPT, QUERY = range(1001, 1011)
PE, ARGUMENT, ABSENT = PSA_ERROR_PROGRAMMER_ERROR, PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_DOES_NOT_EXIST
ID, OFFSET = b"\0", bytes(4)


class Call(NamedTuple):
    """A request to a component that is WRITING, the specification's answer and TF-M's."""

    type: int
    inputs: list[bytes]
    rooms: list[int]
    ours: int
    theirs: int


BAD_STATE, NOT_SUPPORTED = PSA_ERROR_BAD_STATE, PSA_ERROR_NOT_SUPPORTED
CALLS = [
    Call(START, [], [], PE, PE),
    Call(START, [b"", b"manifest"], [], PE, PE),
    Call(START, [ID * 2], [], PE, PE),
    Call(START, [ID], [], BAD_STATE, BAD_STATE),
    Call(START, [ID, b"manifest"], [], BAD_STATE, NOT_SUPPORTED),
    Call(START, [b"\2", b"manifest"], [], ABSENT, NOT_SUPPORTED),
    Call(START, [b"\1", b"manifest"], [], ARGUMENT, NOT_SUPPORTED),
    Call(START, [b"\2"], [], ABSENT, ABSENT),
    Call(WRITE, [], [], PE, PE),
    Call(WRITE, [ID], [], PE, PE),
    Call(WRITE, [ID, OFFSET[:3], b"x"], [], PE, PE),
    Call(WRITE, [ID, OFFSET * 2, b"x"], [], PE, PE),
    Call(WRITE, [ID * 4, OFFSET, b"x"], [], PE, PE),
    Call(WRITE, [ID, OFFSET, bytes(1025)], [], ARGUMENT, ARGUMENT),
    Call(WRITE, [ID, OFFSET[:3], bytes(1025)], [], PE, ARGUMENT),
    Call(WRITE, [b"\2", OFFSET, bytes(1025)], [], ABSENT, ARGUMENT),
    Call(WRITE, [b"\1", OFFSET, bytes(1025)], [], BAD_STATE, ARGUMENT),
    Call(WRITE, [b"\1", OFFSET, b""], [], BAD_STATE, BAD_STATE),
    Call(WRITE, [b"\2", OFFSET, b""], [], ABSENT, ABSENT),
    Call(WRITE, [ID, OFFSET, b""], [], ARGUMENT, PSA_SUCCESS),
    Call(WRITE, [ID, OFFSET, b"x"], [4], PSA_SUCCESS, PSA_SUCCESS),
    Call(FINISH, [], [], PE, PE),
    Call(FINISH, [ID, b"more"], [], PSA_SUCCESS, PSA_SUCCESS),
    Call(FINISH, [b"\xff"], [], ABSENT, ABSENT),
    Call(CANCEL, [ID * 2], [], PE, PE),
    Call(CANCEL, [b"\2"], [], ABSENT, ABSENT),
    Call(CLEAN, [], [], PE, PE),
    Call(CLEAN, [ID], [], BAD_STATE, BAD_STATE),
    Call(CLEAN, [b"\1"], [], BAD_STATE, BAD_STATE),
    Call(INSTALL, [ID], [4], BAD_STATE, BAD_STATE),
    Call(REJECT, [], [], PE, PE),
    Call(REJECT, [OFFSET[:3]], [], PE, PE),
    Call(REJECT, [OFFSET], [], BAD_STATE, BAD_STATE),
    Call(ACCEPT, [ID], [], NOT_SUPPORTED, NOT_SUPPORTED),
    Call(QUERY, [], [60], PE, PE),
    Call(QUERY, [ID], [], PE, PE),
    Call(QUERY, [ID], [59], PE, PE),
    Call(QUERY, [ID], [61], PE, PE),
    Call(QUERY, [ID], [60], PSA_SUCCESS, PSA_SUCCESS),
    Call(QUERY, [b"\2"], [60], ABSENT, ABSENT),
    Call(QUERY, [b"\2"], [59], PE, PE),
    Call(0, [ID], [60], NOT_SUPPORTED, NOT_SUPPORTED),
    Call(1000, [ID], [60], NOT_SUPPORTED, NOT_SUPPORTED),
    Call(1011, [ID], [60], NOT_SUPPORTED, NOT_SUPPORTED),
]


@pytest.mark.parametrize(("call", "tfm"), list(product(CALLS, [False, True])), ids=str)
def test_vectors_of_each_call(call: Call, tfm: bool) -> None:
    device = FwuBench(FwuBuild(FwuConfig(quirks=TFM_FWU_TODAY if tfm else FwuQuirks())))
    assert fwu.psa_fwu_start(device.ns, 0) == PSA_SUCCESS
    before = device.cells()
    buffers = [bytearray(b"\xaa" * room) for room in call.rooms]
    out_vec = [psa_outvec(buffer) for buffer in buffers]
    status = device.ns.psa_call(TFM_FIRMWARE_UPDATE_SERVICE_HANDLE, call.type, call.inputs, out_vec)
    assert status == (call.theirs if tfm else call.ours)
    if status < 0:
        assert device.info().state is PsaFwuState.WRITING
        assert device.cells() == before
        assert buffers == [b"\xaa" * room for room in call.rooms]


@settings(max_examples=60, deadline=None)
@given(
    calls=st.lists(
        st.tuples(
            st.integers(1000, 1011).filter(lambda type_: type_ != REBOOT),
            st.lists(
                st.one_of(st.binary(max_size=8), st.sampled_from([ID, OFFSET, IMAGE, b"\1"])), max_size=3
            ),
            st.lists(st.sampled_from([0, 4, 60, 61]), max_size=1),
        ),
        max_size=12,
    ),
    trial=st.booleans(),
)
def test_no_request_takes_the_device_down(
    calls: list[tuple[int, list[bytes], list[int]]], trial: bool
) -> None:
    device = FwuBench(FwuBuild(has_trial=trial))
    primary = [device.cells()[image, 0] for image in (0, 1)]
    for type_, inputs, rooms in calls:
        out_vec = [psa_outvec(bytearray(room)) for room in rooms]
        status = device.ns.psa_call(TFM_FIRMWARE_UPDATE_SERVICE_HANDLE, type_, inputs, out_vec)
        assert status <= fwu.PSA_SUCCESS_REBOOT
    assert device.kernel.down is None
    assert [device.cells()[image, 0] for image in (0, 1)] == primary, "no request reaches a running image"


EVENTS = {
    "start": FwuEvent.START,
    "write": FwuEvent.WRITE,
    "finish": FwuEvent.FINISH,
    "cancel": FwuEvent.CANCEL,
    "clean": FwuEvent.CLEAN,
}
COMPONENTS = (0, 1)
PE_FREE = st.sampled_from(sorted(EVENTS))


class Calls(RuleBasedStateMachine):
    """Two components under random calls and resets, beside a model that walks the table."""

    def __init__(self) -> None:
        super().__init__()
        self.states = dict.fromkeys(COMPONENTS, PsaFwuState.READY)
        self.good = dict.fromkeys(COMPONENTS, False)

    @initialize(trial=st.booleans())
    def power_on(self, trial: bool) -> None:
        self.device: Any = FwuBench(FwuBuild(has_trial=trial))
        self.table = table_of(ComponentKind(has_trial=trial))
        self.trial = trial

    def expect(self, status: int, component: int, event: FwuEvent) -> bool:
        """Whether the table knows the event; the status says the same."""
        target = self.table[self.states[component]].get(event)
        if target is None:
            assert status == PSA_ERROR_BAD_STATE
            return False
        self.states[component] = target
        return True

    @rule(component=st.sampled_from(COMPONENTS), call=st.sampled_from(["finish", "cancel", "clean", "start"]))
    def single(self, component: int, call: str) -> None:
        status = getattr(fwu, f"psa_fwu_{call}")(self.device.ns, component)
        if self.expect(status, component, EVENTS[call]):
            assert status == PSA_SUCCESS
            if call in ("start", "clean"):
                self.good[component] = False
                assert self.device.cells()[component, 1] == b"\xff" * SLOT_SIZE

    @rule(component=st.sampled_from(COMPONENTS))
    def write_image(self, component: int) -> None:
        status = fwu.psa_fwu_write(self.device.ns, component, 0, IMAGE)
        if self.expect(status, component, FwuEvent.WRITE):
            assert status == PSA_SUCCESS
            self.good[component] = True

    @rule(component=st.sampled_from([2, 17, 255]), call=PE_FREE)
    def nobody(self, component: int, call: str) -> None:
        arguments = (0, b"x") if call == "write" else ()
        status = getattr(fwu, f"psa_fwu_{call}")(self.device.ns, component, *arguments)
        assert status == PSA_ERROR_DOES_NOT_EXIST

    @rule(type_=st.sampled_from([START, WRITE, FINISH, CANCEL, CLEAN, QUERY, REJECT]))
    def no_vectors(self, type_: int) -> None:
        assert self.device.ns.psa_call(TFM_FIRMWARE_UPDATE_SERVICE_HANDLE, type_) == PE

    @rule()
    def install(self) -> None:
        status = fwu.psa_fwu_install(self.device.ns)
        candidates = [c for c in COMPONENTS if self.states[c] is PsaFwuState.CANDIDATE]
        blocking = {PsaFwuState.STAGED, PsaFwuState.TRIAL, PsaFwuState.REJECTED} & set(self.states.values())
        if blocking or not candidates:
            assert status == PSA_ERROR_BAD_STATE
            return
        good = all(self.good[c] for c in candidates)
        assert status == (fwu.PSA_SUCCESS_REBOOT if good else PSA_ERROR_INVALID_ARGUMENT)
        for component in candidates:
            event = FwuEvent.INSTALL if good else FwuEvent.INSTALL_FAILED
            self.states[component] = self.table[PsaFwuState.CANDIDATE][event]

    @rule()
    def accept(self) -> None:
        status = fwu.psa_fwu_accept(self.device.ns)
        trials = [c for c in COMPONENTS if self.states[c] is PsaFwuState.TRIAL]
        if not self.trial:
            assert status == PSA_ERROR_NOT_SUPPORTED
        elif not trials:
            assert status == PSA_ERROR_BAD_STATE
        for component in trials:
            assert self.expect(status, component, FwuEvent.ACCEPT)
            assert status == PSA_SUCCESS

    @rule(error=st.integers(-(2**31), 2**31 - 1))
    def reject(self, error: int) -> None:
        status = fwu.psa_fwu_reject(self.device.ns, error)
        before = set(self.states.values())
        if not {PsaFwuState.STAGED, PsaFwuState.TRIAL} & before:
            assert status == PSA_ERROR_BAD_STATE
            return
        assert status == (fwu.PSA_SUCCESS_REBOOT if PsaFwuState.TRIAL in before else PSA_SUCCESS)
        for component in COMPONENTS:
            if self.states[component] in (PsaFwuState.STAGED, PsaFwuState.TRIAL):
                self.expect(status, component, FwuEvent.REJECT)
                assert self.device.info(component).error == error

    @precondition(lambda self: hasattr(self, "device"))
    @rule(swaps=st.booleans())
    def reset(self, swaps: bool) -> None:
        """A boot loader that swaps what is pending, or refuses it, and reverts what was not accepted."""
        for component in COMPONENTS:
            area, state = self.device.secondary(component), self.states[component]
            pending = read_swap_state(area).magic is Magic.GOOD
            assert pending == (state is PsaFwuState.STAGED)
            if pending:
                area.erase(0, SLOT_SIZE)
            primary = self.device.primary(component)
            if pending and swaps and self.trial:
                primary.erase(0, SLOT_SIZE)
                write_magic(primary)
                write_copy_done(primary)
            elif state in (PsaFwuState.TRIAL, PsaFwuState.REJECTED):
                primary.erase(0, SLOT_SIZE)
            refused = pending and not swaps
            event = FwuEvent.REBOOT_FAILED if refused else FwuEvent.REBOOT
            self.states[component] = self.table[state][event]
            self.good[component] = False
        self.device.reset()

    @invariant()
    def every_state_is_the_models(self) -> None:
        if hasattr(self, "device"):
            assert {c: self.device.info(c).state for c in COMPONENTS} == self.states
            assert self.device.kernel.down is None


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
