"""The mailbox agent as the other core sees it: requests written by hand, replies read from their slots."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dual_core import (
    AGENT,
    BOARD,
    CONNECTED_SID,
    FAIL,
    HOLD,
    MHU,
    NS_RAM,
    QUEUE,
    RELEASE,
    SECURE_ONLY_SID,
    SECURE_RAM,
    STATELESS,
    WHO,
    ask,
    boot_dual_core,
    on_demand,
    put,
    replies,
    ring,
)
from support.kernel_bench import a_manifest, a_service

from tfm_sim import Build, Device, DevicePanic, boot, psa_outvec
from tfm_sim.firmware_build import agent_partitions
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.interface.tfm.mailbox import MailboxCall, MailboxMessage
from tfm_sim.interface.trace import Event
from tfm_sim.platform.board import load_board, packaged_boards
from tfm_sim.platform.interrupts import InterruptController
from tfm_sim.platform.mhu import MhuRegister
from tfm_sim.spm.events import InterruptTaken, PartitionCalled, PartitionReturned, SignalAsserted
from tfm_sim.spm.load import PartitionBuild, load_order
from tfm_sim.spm.manifest import PartitionModel, PartitionType
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi

VERSION = MailboxMessage(MailboxCall.PSA_VERSION, -1, sid=0x80)
PROCESS_NEW_MSG = 0x4000011D
LIMIT = -0x04000000
WORD = NS_RAM + 0x100
ARRAY = NS_RAM + 0x200


def connect(ns_id: int = -1, sid: int = CONNECTED_SID, version: int = 1) -> MailboxMessage:
    return MailboxMessage(MailboxCall.PSA_CONNECT, ns_id, sid=sid, version=version)


def call(
    handle: int,
    type_: int,
    ns_id: int = -1,
    in_vec: tuple[int, int] = (0, 0),
    out_vec: tuple[int, int] = (0, 0),
) -> MailboxMessage:
    return MailboxMessage(MailboxCall.PSA_CALL, ns_id, 0, 0, handle, type_, *in_vec, *out_vec)


def close(handle: int, ns_id: int = -1) -> MailboxMessage:
    return MailboxMessage(MailboxCall.PSA_CLOSE, ns_id, handle=handle)


def test_the_manifest_says_what_tf_ms_says() -> None:
    [build] = agent_partitions(load_board(BOARD))
    manifest = build.manifest
    assert (manifest.name, build.pid, manifest.entry) == (AGENT, 262, "ns_agent_mailbox_entry")
    assert (manifest.type, manifest.model, manifest.ns_agent) == (
        PartitionType.PSA_ROT,
        PartitionModel.IPC,
        True,
    )
    assert manifest.client_ids is not None
    assert (manifest.client_ids.base, manifest.client_ids.limit) == (-0x0400FFFF, LIMIT)
    assert load_order([manifest]) == {AGENT: 0x7F01}
    [service], [irq] = manifest.services, manifest.irqs
    assert (service.name, service.sid, service.non_secure_clients) == (
        "NS_AGENT_MBOX_PROCESS_NEW_MSG",
        0xF901,
        True,
    )
    assert (service.connection_based, service.stateless_handle) == (False, 30)
    assert (irq.source, irq.signal, irq.handling.value) == ("MAILBOX_IRQ", "MAILBOX_INTERRUPT_SIGNAL", "SLIH")


@pytest.mark.parametrize("board", packaged_boards())
def test_only_builds_for_two_cores_have_the_agent(board: str) -> None:
    with Device(board) as device:
        names = [build.manifest.name for build in device._partitions]
    assert (AGENT in names) is (board in (BOARD, "stm32wb5mm_dk"))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_what_needs_no_service_is_answered_at_once(level: int) -> None:
    with boot_dual_core(isolation_level=level) as device:
        unknown = MailboxMessage(MailboxCall.PSA_VERSION, -1, sid=0x12345)
        framework = MailboxMessage(MailboxCall.PSA_FRAMEWORK_VERSION, -1)
        assert ask(device, framework, VERSION, unknown) == [0x0101, 1, 0]


def test_psa_version_follows_the_rule_for_non_secure_clients() -> None:
    with boot_dual_core() as device:
        secure_only = MailboxMessage(MailboxCall.PSA_VERSION, -1, sid=SECURE_ONLY_SID)
        open_to_all = MailboxMessage(MailboxCall.PSA_VERSION, -1, sid=CONNECTED_SID)
        assert ask(device, secure_only, open_to_all) == [0, 1]


def test_connect_call_and_close() -> None:
    with boot_dual_core() as device:
        [handle] = ask(device, connect(-2))
        assert handle is not None
        assert handle > 0
        device.ns.cpu.store(ARRAY, struct.pack("<II", WORD, 8))
        assert ask(device, call(handle, WHO, -2, out_vec=(ARRAY, 1))) == [0]
        assert device.ns.cpu.load(WORD, 8) == struct.pack("<iI", LIMIT - 1, 0)
        assert device.ns.cpu.load(ARRAY, 8) == struct.pack("<II", WORD, 4), "the length that was written"
        assert ask(device, close(handle, -2)) == [0]
        assert ask(device, close(0, -2)) == [0], "of the null handle it has no effect"
        assert on_demand(device).seen == [(type_, LIMIT - 1) for type_ in (-1, WHO, -2)]


# TF-M mailbox: limit + 1 + ns id, inside the agent's range; else INVALID_ARGUMENT to that request.
@pytest.mark.parametrize(
    "ns_id, client_id",
    [
        (-1, -0x04000000),
        (-2, -0x04000001),
        (-0x10000, -0x0400FFFF),
        (-0x10001, None),
        (-(2**31), None),
        (0, None),
        (1, None),
        (2**31 - 1, None),
    ],
)
def test_client_ids(ns_id: int, client_id: int | None) -> None:
    with boot_dual_core() as device:
        found = ask(device, call(STATELESS, WHO, ns_id))
        assert found == [0 if client_id else -135]
        assert on_demand(device).seen == ([(WHO, client_id)] if client_id else [])
        if client_id is None:
            assert ask(device, connect(ns_id), close(1, ns_id)) == [-135, -135]
        assert ask(device, call(STATELESS, WHO)) == [0], "the others go on"


REFUSED = [
    ("an unknown SID", connect(sid=0x12345), -130),
    ("a stateless service", connect(sid=0xFA02), -129),
    ("a service for partitions only", connect(sid=SECURE_ONLY_SID), -130),
    ("a version that the policy refuses", connect(version=2), -130),
    ("the null handle", call(0, WHO), -129),
    ("a handle that is none", call(0x1234DEAD, WHO), -129),
    ("an empty stateless slot", call(0x4000011B, WHO), -129),
    ("a negative type", call(STATELESS, -1), -129),
    ("too many vectors", call(STATELESS, WHO, in_vec=(ARRAY, 3), out_vec=(ARRAY, 2)), -129),
    ("an absurd number of vectors", call(STATELESS, WHO, in_vec=(ARRAY, 0xFFFFFFFF)), -129),
    ("a null array", call(STATELESS, WHO, in_vec=(0, 1)), -129),
    ("an array in secure memory", call(STATELESS, WHO, in_vec=(SECURE_RAM, 1)), -129),
    ("an array across the end of memory", call(STATELESS, WHO, out_vec=(0xFFFFFFF8, 2)), -129),
    ("a vector over secure memory", call(STATELESS, WHO, out_vec=(ARRAY, 1)), -129),
    ("a service's PROGRAMMER_ERROR", call(STATELESS, FAIL), -129),
    ("closing a handle that is none", close(0x1234DEAD), -129),
    ("closing a stateless handle", close(STATELESS), -129),
]


@pytest.mark.parametrize(
    "request_, status", [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_bad_request_gets_its_status_and_hurts_nobody(request_: MailboxMessage, status: int) -> None:
    with boot_dual_core() as device:
        device.ns.cpu.store(ARRAY, struct.pack("<II", SECURE_RAM, 4))
        assert ask(device, request_, VERSION) == [status, 1]
        [handle] = ask(device, connect())
        assert handle is not None
        assert handle > 0


def test_the_secure_core_copies_a_request_before_it_judges_it() -> None:
    """What changes in the slot afterwards has no effect: the service got what was there."""
    with boot_dual_core() as device:
        put(device, call(STATELESS, HOLD))
        ring(device)
        put(device, call(STATELESS, WHO, -7))
        device.ns.cpu.store(QUEUE, bytes(4))
        assert on_demand(device).seen == [(HOLD, LIMIT)]
        assert replies(device, 1) == [None]


def test_a_request_of_no_known_type_is_dropped() -> None:
    with boot_dual_core() as device:
        assert ask(device, MailboxMessage(0, -1), MailboxMessage(6, -1), VERSION) == [None, None, 1]
        assert device.ns.cpu.load(QUEUE, 4) == bytes(4), "and is not pending any more"


def test_an_interrupt_without_a_request_is_nothing() -> None:
    with boot_dual_core() as device:
        ring(device)
        ring(device)
        assert ask(device, VERSION) == [1]


def test_the_interrupt_is_quiet_and_enabled_when_the_agent_waits_again() -> None:
    with boot_dual_core() as device:
        ask(device, VERSION)
        lines: InterruptController = device.hardware.interrupts
        assert device.ns.cpu.load(MHU + MhuRegister.CPU0INTR_STAT, 4) == bytes(4)
        assert (lines.level(6), lines.is_pending(6), lines.is_enabled(6)) == (False, False, True)


def test_nothing_is_taken_before_the_interrupt() -> None:
    with boot_dual_core() as device:
        put(device, VERSION)
        assert replies(device, 1) == [None]
        ring(device)
        assert replies(device, 1) == [1]


def test_a_call_that_a_service_does_not_answer_holds_up_nobody() -> None:
    with boot_dual_core() as device:
        assert ask(device, call(STATELESS, HOLD), call(STATELESS, WHO), connect())[:2] == [None, 0]
        assert ask(device, VERSION) == [1]


def test_completed_calls_queue_and_the_signal_stays_until_all_are_fetched() -> None:
    events: list[Event] = []
    with boot_dual_core(events.append) as device:
        put(device, *(call(STATELESS, HOLD, ns_id) for ns_id in (-1, -2, -3)), call(STATELESS, RELEASE, -4))
        del events[:]
        ring(device)
        assert replies(device, 4) == [0, 1, 2, 0]
    raised = [e for e in events if isinstance(e, SignalAsserted) and e.partition == AGENT]
    assert [e.name for e in raised] == ["MAILBOX_INTERRUPT_SIGNAL", *["ASYNC_MSG_REPLY"] * 4]
    waits = [
        e.result
        for e in events
        if isinstance(e, PartitionReturned) and (e.partition, e.call) == (AGENT, "psa_wait")
    ]
    assert waits == [0x80000000, 4, 4, 4, 4], "one reply a turn: the signal falls with the last"
    gets = [
        e for e in events if isinstance(e, PartitionCalled) and (e.partition, e.call) == (AGENT, "psa_get")
    ]
    assert len(gets) == 4
    taken = [e for e in events if isinstance(e, InterruptTaken)]
    assert [(e.line, e.source, e.handling) for e in taken] == [(6, "MAILBOX_IRQ", "SLIH")]


def test_process_new_msg_looks_into_the_mailbox_and_counts() -> None:
    with boot_dual_core() as device:
        device.ns.cpu.store(ARRAY, struct.pack("<II", WORD, 4))
        put(device, call(PROCESS_NEW_MSG, 0, out_vec=(ARRAY, 1)))
        ring(device)
        assert replies(device, 1) == [0]
        assert device.ns.cpu.load(WORD, 4) == struct.pack("<I", 0), "it has taken its own request before"


class Poker:
    """Asks the agent to look, on its own account, after it has marked slot 1 as pending."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def poker_init(self) -> int:
        return 0

    def poke_sfn(self, msg: psa_msg_t) -> int:
        self.psa.cpu.store(QUEUE, b"\x02\0\0\0")
        count = psa_outvec(bytearray(4))
        assert self.psa.psa_call(PROCESS_NEW_MSG, 0, [], [count]) == 0
        assert isinstance(count.base, bytearray)
        return count.base[0]


def test_process_new_msg_takes_requests_of_which_no_interrupt_told() -> None:
    """And the agent serves a partition that it waits for itself, in another client's name."""
    poke = a_service("POKE", 0xFA04, connection_based=False, stateless_handle=31)
    dependencies = "[NS_AGENT_MBOX_PROCESS_NEW_MSG]"
    text = a_manifest("POKER", [poke], "SFN", entry_init="poker_init", dependencies=dependencies)
    poker = PartitionBuild(parse_manifest(text, "poker.yaml"), 3001, Poker)
    with boot(BOARD, build=Build(partitions=(poker,))) as device:
        put(device, call(0x4000011E, 0), VERSION)
        device.ns.cpu.store(QUEUE, b"\x01\0\0\0")
        ring(device)
        assert replies(device, 2) == [1, 1]


@pytest.mark.parametrize("type_, room, status", [(1, 4, -134), (0, 0, -129), (0, 8, -129)])
def test_process_new_msg_refuses_what_tf_m_refuses(type_: int, room: int, status: int) -> None:
    with boot_dual_core() as device:
        device.ns.cpu.store(ARRAY, struct.pack("<II", WORD, room))
        assert ask(device, call(PROCESS_NEW_MSG, type_, out_vec=(ARRAY, 1))) == [status]


WORDS = st.sampled_from(
    [0, 1, 4, 5, 8, WORD, ARRAY, QUEUE, SECURE_RAM, MHU, 0x7FFFFFFF, 0xFFFFFFFC]
) | st.integers(0, 0xFFFFFFFF)
HANDLES = st.sampled_from([0, 1, -1, STATELESS, PROCESS_NEW_MSG, 0x40000100, 0x40000103, 0x1234DEAD])
ANY_REQUEST = st.builds(
    MailboxMessage,
    st.integers(0, 6),
    st.sampled_from([-1, -2, -0x10000, -0x10001, 0, 7]),
    sid=st.sampled_from([0x80, CONNECTED_SID, SECURE_ONLY_SID, 0xF901, 0x9999]),
    version=st.integers(0, 2),
    handle=HANDLES,
    type=st.sampled_from([WHO, FAIL, -1, 0x7FFFFFFF]),
    in_vec=WORDS,
    in_len=st.integers(0, 5) | WORDS,
    out_vec=WORDS,
    out_len=st.integers(0, 5) | WORDS,
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Device]:
    with boot_dual_core() as device:
        yield device


@given(requests=st.lists(ANY_REQUEST, max_size=4), memory=st.binary(max_size=64), pending=WORDS)
@settings(deadline=None, max_examples=200)
def test_whatever_lies_in_the_mailbox_the_device_stays_up(
    fuzzed: Device, requests: list[MailboxMessage], memory: bytes, pending: int
) -> None:
    device = fuzzed
    device.ns.cpu.store(ARRAY, memory.ljust(1, b"\0"))
    put(device, *requests)
    device.ns.cpu.store(QUEUE, pending.to_bytes(4, "little"))
    ring(device)
    assert ask(device, VERSION) == [1]


def test_a_non_secure_core_that_reaches_for_secure_memory_faults() -> None:
    with (
        boot_dual_core() as device,
        pytest.raises(DevicePanic, match="CPU load: memory of the caller's domain"),
    ):
        device.ns.cpu.load(SECURE_RAM, 4)
