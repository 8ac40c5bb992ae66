"""Every state of the kernel's objects meets every call: the listed next state, or a fault and no change."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from support.kernel_bench import NS_RAM, a_service
from support.puppets import Job, Stage, start_stage

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, psa_msg_t
from tfm_sim.interface.psa.status import PSA_ERROR_CONNECTION_BUSY, PSA_ERROR_PROGRAMMER_ERROR
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.connection import Connection, ConnectionPool
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.events import ProgrammerError
from tfm_sim.spm.ns_tasks import join, start_task
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.spm.partition_memory import Arena
from tfm_sim.spm.scheduler import Thread
from tfm_sim.spm.states import (
    CONNECTION,
    MESSAGE,
    THREAD,
    VECTOR,
    Accept,
    Active,
    Answered,
    Call,
    Calling,
    Close,
    Connect,
    Connecting,
    ConnectionEvent,
    ConnectionState,
    ConnectMessage,
    Copied,
    Created,
    Disconnected,
    Disconnecting,
    DisconnectMessage,
    Draining,
    Free,
    Idle,
    Mapped,
    MessageState,
    Queued,
    Ready,
    Refuse,
    Reject,
    Reply,
    ReplyProgrammerError,
    RequestMessage,
    Running,
    StatelessActive,
    StatelessCall,
    Terminated,
    Terminating,
    ThreadState,
    Unmapped,
    Untouched,
    VectorState,
    Waiting,
)

SID, SIGNAL, STATELESS_SIGNAL = 0x1001, 0x10, 0x20
STATELESS: Final = 0x40000100
CLIENT_NAME: Final = "NS client -1"


class Scene:
    """One service with a connection, one without, and one non-secure client, with a pool of one connection.

    ``connection`` is the pool's; ``handle`` is its client's and message's, while it has one.
    """

    def __init__(self) -> None:
        services = [
            a_service("SRV", SID, mm_iovec="enable"),
            a_service("STATELESS_SRV", 0x1002, connection_based=False, stateless_handle=1),
        ]
        partitions: dict[str, tuple[list[str], dict[str, object]]] = {
            "SERVER": (services, {}),
            "OTHER": ([], {"priority": "LOW"}),
        }
        self.stage: Stage = start_stage(partitions, SpmConfig(conn_handle_max_num=1))
        self.kernel = self.stage.bench.kernel
        pool = self.kernel.connections
        assert isinstance(pool, ConnectionPool)
        self.connection: Connection = pool._free[0]
        self.calls = 0
        self.jobs: list[Job] = []

    @property
    def handle(self) -> int:
        return self.connection.handle or 0xB1

    def client(self, code: Callable[[Any], object]) -> Job:
        """A call of the client's, in a task of its own; it may block there."""
        self.calls += 1
        return self.stage.client(-1, self.calls, code)

    def server(self, code: Callable[[Any], object]) -> object:
        """A call of the server's."""
        job = self.stage.partition("SERVER", code)
        assert job.done
        return job.result

    def get(self) -> None:
        signal = STATELESS_SIGNAL if self.connection.service.stateless else SIGNAL
        self.server(lambda psa: psa.psa_get(signal, psa_msg_t()))

    def vector_call(self, call: str) -> None:
        """A call of the server's on the first vector of the outstanding request."""
        self.server(lambda psa: VECTOR_CALLS[call](psa, self.handle))

    def reply(self, status: int) -> None:
        self.server(lambda psa: psa.psa_reply(self.handle, status))

    def connect(self) -> None:
        self.client(lambda ns: ns.psa_connect(SID, 1))

    def call(self) -> None:
        self.client(lambda ns: ns.psa_call(self.handle, 0, [b"input"], [psa_outvec(bytearray(8))]))

    def close(self) -> None:
        self.client(lambda ns: ns.psa_close(self.handle))

    def stateless_call(self) -> None:
        self.client(lambda ns: ns.psa_call(STATELESS, 0))

    def open(self) -> None:
        self.connect()
        self.get()
        self.reply(0)

    def terminate(self) -> None:
        self.open()
        self.call()
        self.get()
        self.reply(PSA_ERROR_PROGRAMMER_ERROR)


def nothing(scene: Scene) -> None:
    """A connection as power-on leaves it."""


Way = tuple[Callable[[Scene], None], ...]
WAYS: Final[dict[type[ConnectionState], Way]] = {
    Free: (nothing,),
    Connecting: (Scene.connect, Scene.get),
    Idle: (Scene.open,),
    Active: (Scene.open, Scene.call, Scene.get),
    StatelessActive: (Scene.stateless_call, Scene.get),
    Disconnecting: (Scene.open, Scene.close, Scene.get),
    Terminating: (Scene.terminate, Scene.get),
    Terminated: (Scene.terminate, Scene.get, lambda scene: scene.reply(0)),
    Draining: (Scene.terminate, Scene.get, Scene.close),
}
"""Into each state of a connection, with its outstanding message delivered."""


def scene_in(way: Way) -> Scene:
    scene = Scene()
    for step in way:
        step(scene)
    return scene


# Connections.


def client_call(code: Callable[[Any, int], object]) -> Callable[[Scene], object]:
    def make(scene: Scene) -> object:
        job = scene.client(lambda ns: code(ns, scene.handle))
        return job.result if job.done else "blocked"

    return make


def replying(status: int) -> Callable[[Scene], object]:
    return lambda scene: scene.reply(status)


Events = dict[type[ConnectionState], tuple[type[ConnectionEvent], ...]]


@dataclass(frozen=True)
class ConnectionCall:
    """A call, the event it is by the connection's state, and what a refusal without a fault answers."""

    make: Callable[[Scene], object]
    events: Events
    refusal: int = PSA_ERROR_PROGRAMMER_ERROR


_ENDS: Final[Events] = dict.fromkeys((Disconnecting, Terminating, Draining), (Disconnected,))
_BAD: Final = [b"1"] * 5
CONNECTION_CALLS: Final[dict[str, ConnectionCall]] = {
    "psa_connect": ConnectionCall(
        client_call(lambda ns, handle: ns.psa_connect(SID, 1)), {Free: (Connect,)}, PSA_ERROR_CONNECTION_BUSY
    ),
    "psa_call": ConnectionCall(client_call(lambda ns, handle: ns.psa_call(handle, 0)), {Idle: (Call,)}),
    "psa_call, stateless": ConnectionCall(
        client_call(lambda ns, handle: ns.psa_call(STATELESS, 0)),
        {Free: (StatelessCall,)},
        PSA_ERROR_CONNECTION_BUSY,
    ),
    "psa_call, stateless, a null vector": ConnectionCall(
        client_call(lambda ns, handle: ns.psa_call(STATELESS, 0, 0, 0, in_len=1, out_len=0)),
        {Free: (StatelessCall, Reject)},
        PSA_ERROR_CONNECTION_BUSY,
    ),
    "psa_close": ConnectionCall(
        client_call(lambda ns, handle: ns.psa_close(handle)),
        dict.fromkeys((Idle, Terminating, Terminated), (Close,)),
    ),
    "psa_reply 0": ConnectionCall(
        replying(0), {Connecting: (Accept,), Active: (Reply,), StatelessActive: (Reply,), **_ENDS}
    ),
    "psa_reply -130": ConnectionCall(
        replying(-130), {Connecting: (Refuse,), Active: (Reply,), StatelessActive: (Reply,), **_ENDS}
    ),
    "psa_reply -131": ConnectionCall(
        replying(-131), {Connecting: (Refuse,), Active: (Reply,), StatelessActive: (Reply,), **_ENDS}
    ),
    "psa_reply 5": ConnectionCall(replying(5), {Active: (Reply,), StatelessActive: (Reply,), **_ENDS}),
    "psa_reply -129": ConnectionCall(
        replying(PSA_ERROR_PROGRAMMER_ERROR),
        {Active: (ReplyProgrammerError,), StatelessActive: (ReplyProgrammerError,), **_ENDS},
    ),
}


@pytest.mark.parametrize("call", CONNECTION_CALLS)
@pytest.mark.parametrize("state", CONNECTION, ids=lambda s: s.__name__)
def test_a_connection_goes_where_its_table_says_or_stays(state: type[ConnectionState], call: str) -> None:
    scene = scene_in(WAYS[state])
    assert scene.connection.state is state
    case = CONNECTION_CALLS[call]
    expected = state
    for event in case.events.get(state, ()):
        expected = CONNECTION[expected][event]
    if state in case.events:
        case.make(scene)
        assert scene.connection.state is expected
    elif call.startswith("psa_reply"):
        with pytest.raises(DevicePanic) as raised:
            case.make(scene)
        assert raised.value.report.culprit == "SERVER"
        assert scene.connection.state is state
    else:
        before = faults_of(scene)
        result = case.make(scene)
        assert scene.connection.state is state
        is_fault = case.refusal == PSA_ERROR_PROGRAMMER_ERROR
        assert faults_of(scene)[len(before) :] == ([CLIENT_NAME] if is_fault else [])
        assert result == (None if call == "psa_close" else case.refusal)


def faults_of(scene: Scene) -> list[str]:
    """Whose fault the non-secure side was told of."""
    return [event.client for event in scene.stage.bench.events if isinstance(event, ProgrammerError)]


def test_every_line_of_the_connection_table_was_walked() -> None:
    walked = set()
    for case in CONNECTION_CALLS.values():
        for state, events in case.events.items():
            at = state
            for event in events:
                walked.add((at, event))
                at = CONNECTION[at][event]
    assert walked == {(state, event) for state, events in CONNECTION.items() for event in events}


# Messages and vectors.

VECTOR_CALLS: Final[dict[str, Callable[[Any, int], object]]] = {
    "psa_read": lambda psa, handle: psa.psa_read(handle, 0, bytearray(1), 1),
    "psa_skip": lambda psa, handle: psa.psa_skip(handle, 0, 1),
    "psa_write": lambda psa, handle: psa.psa_write(handle, 0, b"1"),
    "psa_map_invec": lambda psa, handle: psa.psa_map_invec(handle, 0),
    "psa_unmap_invec": lambda psa, handle: psa.psa_unmap_invec(handle, 0),
    "psa_map_outvec": lambda psa, handle: psa.psa_map_outvec(handle, 0),
    "psa_unmap_outvec": lambda psa, handle: psa.psa_unmap_outvec(handle, 0, 1),
}
MESSAGE_CALLS: Final[dict[str, Callable[[Any, int], object]]] = {
    **VECTOR_CALLS,
    "psa_get": lambda psa, handle: psa.psa_get(SIGNAL, psa_msg_t()),
    "psa_set_rhandle": lambda psa, handle: psa.psa_set_rhandle(handle, 1),
    "psa_reply": lambda psa, handle: psa.psa_reply(handle, 0),
}
MESSAGE_WAYS: Final[dict[str, tuple[type[MessageState], Way]]] = {
    "PSA_IPC_CONNECT queued": (Queued, (Scene.connect,)),
    "a request queued": (Queued, (Scene.open, Scene.call)),
    "PSA_IPC_DISCONNECT queued": (Queued, (Scene.open, Scene.close)),
    "PSA_IPC_CONNECT": (ConnectMessage, WAYS[Connecting]),
    "a request": (RequestMessage, WAYS[Active]),
    "PSA_IPC_DISCONNECT": (DisconnectMessage, WAYS[Disconnecting]),
    "answered": (Answered, (Scene.open, Scene.call, Scene.get, replying(0))),  # type: ignore[dict-item]
    "never sent": (Answered, (nothing,)),
}


def event_of(way: str, call: str) -> str:
    """The table's name for a call; of psa_get it says what is fetched."""
    return f"psa_get of {way.removesuffix(' queued')}" if call == "psa_get" else call


@pytest.mark.parametrize("call", MESSAGE_CALLS)
@pytest.mark.parametrize("way", MESSAGE_WAYS)
def test_a_message_goes_where_its_table_says_or_stays(way: str, call: str) -> None:
    state, steps = MESSAGE_WAYS[way]
    scene = scene_in(steps)
    assert scene.connection.message is state
    expected = MESSAGE[state].get(event_of(way, call))
    if expected is not None and call.startswith("psa_unmap"):
        scene.vector_call(call.replace("unmap", "map"))
    make = MESSAGE_CALLS[call]
    if expected is not None:
        scene.server(lambda psa: make(psa, scene.handle))
        assert scene.connection.message is expected
    else:
        with pytest.raises(DevicePanic) as raised:
            scene.server(lambda psa: make(psa, scene.handle))
        assert raised.value.report.culprit == "SERVER"
        assert raised.value.report.rule.startswith(f"{call}:")
        assert scene.connection.message is state


@pytest.mark.parametrize("call", [call for call in MESSAGE_CALLS if call != "psa_get"])
@pytest.mark.parametrize("way", MESSAGE_WAYS)
def test_no_other_partition_can_touch_a_message(way: str, call: str) -> None:
    state, steps = MESSAGE_WAYS[way]
    scene = scene_in(steps)
    with pytest.raises(DevicePanic) as raised:
        scene.stage.partition("OTHER", lambda psa: MESSAGE_CALLS[call](psa, scene.handle))
    assert raised.value.report.culprit == "OTHER"
    assert scene.connection.message is state


def test_every_line_of_the_message_table_was_walked() -> None:
    walked = {
        (state, event_of(way, call)) for way, (state, _) in MESSAGE_WAYS.items() for call in MESSAGE_CALLS
    }
    assert walked >= {(state, event) for state, events in MESSAGE.items() for event in events}


VECTOR_WAYS: Final[dict[type[VectorState], dict[str, tuple[str, ...]]]] = {
    Untouched: {"in": (), "out": ()},
    Copied: {"in": ("psa_read",), "out": ("psa_write",)},
    Mapped: {"in": ("psa_map_invec",), "out": ("psa_map_outvec",)},
    Unmapped: {"in": ("psa_map_invec", "psa_unmap_invec"), "out": ("psa_map_outvec", "psa_unmap_outvec")},
}
SIDES: Final = {
    "in": ("psa_read", "psa_skip", "psa_map_invec", "psa_unmap_invec"),
    "out": ("psa_write", "psa_map_outvec", "psa_unmap_outvec"),
}


@pytest.mark.parametrize(("side", "call"), [(side, call) for side, calls in SIDES.items() for call in calls])
@pytest.mark.parametrize("state", VECTOR_WAYS, ids=lambda s: s.__name__)
def test_a_vector_goes_where_its_table_says_or_stays(state: type[VectorState], side: str, call: str) -> None:
    scene = scene_in(WAYS[Active])
    for step in VECTOR_WAYS[state][side]:
        scene.vector_call(step)

    def states() -> list[type[VectorState]]:
        return scene.connection.in_states if side == "in" else scene.connection.out_states

    others = [Untouched] * 3
    assert states() == [state, *others]
    expected = VECTOR[state].get(call)
    if expected is not None:
        scene.vector_call(call)
        assert states() == [expected, *others]
    else:
        with pytest.raises(DevicePanic) as raised:
            scene.vector_call(call)
        assert raised.value.report.culprit == "SERVER"
        assert raised.value.report.rule.startswith(f"{call}:")
        assert states() == [state, *others]


def test_every_line_of_the_vector_table_was_walked() -> None:
    calls = {call for calls in SIDES.values() for call in calls}
    assert {(state, call) for state in VECTOR_WAYS for call in calls} >= {
        (state, event) for state, events in VECTOR.items() for event in events
    }


@pytest.mark.parametrize("way_back", ["psa_unmap_outvec", "psa_reply"])
def test_a_pointer_that_is_still_in_use_can_be_given_back(way_back: str) -> None:
    """In C a stale pointer harms nobody before it is used."""
    scene = scene_in(WAYS[Active])
    in_use: list[object] = []

    def code(psa: PartitionApi) -> None:
        in_use.append(struct.iter_unpack("<I", psa.psa_map_outvec(scene.handle, 0)))
        MESSAGE_CALLS[way_back](psa, scene.handle)

    scene.server(code)
    assert scene.connection.mapped == {}


# Threads.


def with_thread_in(state: type[ThreadState], look: Callable[[Scene, Thread], None]) -> None:
    """Look at a thread in a state: a task, the server's, or the one that powered the device on."""
    scene = Scene()
    kernel, server = scene.kernel, thread_of(scene, "SERVER")
    if state is Created:
        task = start_task(kernel, lambda ns: None, "task", Arena(NS_RAM, 0x100))
        look(scene, task.thread)
    elif state is Ready:
        scene.server(lambda psa: look(scene, kernel.ns_thread))
    elif state is Running:
        look(scene, kernel.ns_thread)
    elif state is Waiting:
        look(scene, server)
    elif state is Calling:
        scene.connect()
        look(scene, scene.stage.tasks[0].thread)
    else:
        scene.client(lambda ns: None)
        look(scene, scene.stage.tasks[0].thread)


def thread_of(scene: Scene, name: str) -> Thread:
    return next(p.thread for p in scene.kernel.partitions if p.name == name)


@pytest.mark.parametrize("event", ["signal", "reply"])
@pytest.mark.parametrize("state", THREAD, ids=lambda s: s.__name__)
def test_a_thread_is_woken_by_what_it_waits_for_and_by_nothing_else(
    state: type[ThreadState], event: str
) -> None:
    def look(scene: Scene, thread: Thread) -> None:
        assert thread.state is state
        scheduler = scene.kernel.scheduler
        ready = scheduler.ready
        scheduler.wake(thread, event)
        assert thread.state is THREAD[state].get(event, state)
        assert scheduler.ready == (ready | thread.bit if event in THREAD[state] else ready)

    with_thread_in(state, look)


def test_the_calls_of_a_thread_walk_every_line_of_its_table() -> None:
    """A task calls, is answered and ends; a partition waits, is rung and preempts one that is less urgent."""
    scene = Scene()
    kernel = scene.kernel
    walked: set[tuple[type[ThreadState], str]] = set()

    def went(thread: Thread, before: type[ThreadState], event: str) -> None:
        assert thread.state is THREAD[before][event]
        walked.add((before, event))

    def calls(ns: ClientDoor) -> None:
        went(task.thread, Created, "dispatch")
        ns.psa_connect(SID, 1)
        went(task.thread, Ready, "dispatch")

    def answers(psa: PartitionApi) -> None:
        psa.psa_wait(SIGNAL, PSA_BLOCK)
        went(task.thread, Running, "call")
        msg = psa_msg_t()
        psa.psa_get(SIGNAL, msg)
        psa.psa_reply(msg.handle, 0)
        went(task.thread, Calling, "reply")

    def rings_and_is_rung(psa: PartitionApi) -> None:
        went(other, Running, "psa_wait")
        psa.psa_notify(257)
        went(other, Waiting, "signal")
        psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
        went(other, Running, "preempt")

    def is_rung_and_rings(psa: PartitionApi) -> None:
        psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
        went(other, Ready, "dispatch")
        psa.psa_notify(256)

    task = start_task(kernel, calls, "task", Arena(NS_RAM, 0x100))
    scene.stage.partition("SERVER", answers)
    join(kernel, [task])
    went(task.thread, Running, "return")
    other = thread_of(scene, "OTHER")
    low = scene.stage.partition("OTHER", is_rung_and_rings)
    high = scene.stage.partition("SERVER", rings_and_is_rung)
    assert low.done
    assert high.done
    assert walked == {(state, event) for state, events in THREAD.items() for event in events}
