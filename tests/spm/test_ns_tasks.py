"""Non-secure tasks: several clients in the SPM at the same time (spm.md 5 and 6.1)."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import NS_RAM, Bench, Echo, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.ns_tasks import NsTask, join, start_task
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_memory import Arena

HANDLE, SID = 0x40000100, 0x1001
HOLD, RELEASE_OLDEST, RELEASE_NEWEST, RELEASE_ALL, BREAK = 1, 2, 3, 4, 5


class Holder(Echo):
    """Answers a request of type HOLD, with its client's id, only when another one releases it."""

    held: list[psa_msg_t]

    def main(self) -> None:
        self.held = []
        while True:
            signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            for signal in (0x10, 0x20):
                if signals & signal:
                    self.serve(signal)

    def serve(self, signal: int) -> None:
        msg = psa_msg_t()
        self.psa.psa_get(signal, msg)
        self.seen.append(msg)
        if msg.type == HOLD:
            self.held.append(msg)
            return
        if msg.type == BREAK:
            self.psa.psa_panic()
        if msg.type in (RELEASE_OLDEST, RELEASE_NEWEST):
            self.release(self.held.pop(0 if msg.type == RELEASE_OLDEST else -1))
        while msg.type == RELEASE_ALL and self.held:
            self.release(self.held.pop())
        self.psa.psa_reply(msg.handle, 0)

    def release(self, msg: psa_msg_t) -> None:
        if msg.out_size[0]:
            self.psa.psa_write(msg.handle, 0, msg.client_id.to_bytes(4, "little", signed=True))
        self.psa.psa_reply(msg.handle, msg.client_id)


HOLDER = a_manifest(
    "HOLDER", [a_service("H", 0x1002, connection_based=False, stateless_handle=1), a_service("C", SID)]
)
Code = Callable[[ClientDoor], object]


class Tasks:
    """A bench with tasks; each has 256 bytes of memory."""

    def __init__(self) -> None:
        self.bench: Bench = start_bench((HOLDER, Holder))
        self.count = 0

    @property
    def kernel(self) -> Kernel:
        return self.bench.kernel

    def start(self, code: Code, ns_id: int = -1, priority: int = 0, name: str = "") -> NsTask:
        self.count += 1
        arena = Arena(NS_RAM + 0x100 * self.count, 0x100)
        return start_task(self.kernel, code, name or f"T{self.count}", arena, ns_id, priority)

    def join(self, *tasks: NsTask) -> None:
        join(self.kernel, tasks)


def hold(ns: ClientDoor) -> int:
    return ns.psa_call(HANDLE, HOLD)


def release(how: int) -> Code:
    return lambda ns: ns.psa_call(HANDLE, how)


def test_tasks_with_ids_of_their_own_are_blocked_in_psa_call_at_the_same_time() -> None:
    tasks = Tasks()
    holding = [tasks.start(hold, -1 - i) for i in range(3)]
    last = tasks.start(release(RELEASE_ALL), -4)
    tasks.join(*holding, last)
    ids = [-0x3C000000 - i for i in range(4)]
    assert [msg.client_id for msg in tasks.bench.programs["HOLDER"].seen] == ids
    assert [task.result for task in holding] == ids[:3]
    assert last.result == 0


@pytest.mark.parametrize(
    ("how", "order"),
    [(RELEASE_OLDEST, ["A", "B", "C"]), (RELEASE_NEWEST, ["C", "B", "A"])],
)
def test_replies_are_deferred_and_in_any_order(how: int, order: list[str]) -> None:
    tasks, log = Tasks(), []

    def holding(name: str) -> Code:
        def code(ns: ClientDoor) -> None:
            out = psa_outvec(bytearray(4))
            status = ns.psa_call(HANDLE, HOLD, [name.encode()], [out])
            assert isinstance(out.base, bytearray)
            assert int.from_bytes(out.base, "little", signed=True) == status
            log.append(name)

        return code

    waiting = [tasks.start(holding(name), -1 - i) for i, name in enumerate("ABC")]
    for i in range(3):
        tasks.join(tasks.start(release(how)))
        tasks.join(*(task for task in waiting if task.done))
        tasks.join(tasks.start(lambda ns: None))
        assert log == order[: i + 1]
    tasks.join(*waiting)


def test_the_task_of_a_larger_priority_goes_first_and_of_equal_ones_the_one_started_earlier() -> None:
    tasks, log = Tasks(), []

    def noting(name: str) -> Code:
        return lambda ns: log.append(name)

    started = [
        tasks.start(noting(name), priority=priority)
        for name, priority in (("a0", 0), ("b-1", -1), ("c0", 0), ("d-1", -1))
    ]
    assert log == [], "none is more urgent than its starter"
    started.append(tasks.start(noting("e1"), priority=1))
    assert log == ["e1"], "a more urgent one begins at once"
    tasks.join(*started)
    assert log == ["e1", "a0", "c0", "b-1", "d-1"]


def test_of_equal_tasks_the_earlier_one_goes_first_also_when_others_have_ended() -> None:
    tasks, log = Tasks(), []
    early = [tasks.start(lambda ns: None) for _ in range(2)]
    third = tasks.start(lambda ns: log.append("third"))
    tasks.join(*early)
    fourth = tasks.start(lambda ns: log.append("fourth"))
    tasks.join(third, fourth)
    assert log == ["third", "fourth"]


def test_a_reply_to_a_more_urgent_task_preempts_the_one_that_runs() -> None:
    tasks, log = Tasks(), []

    def urgent(ns: ClientDoor) -> None:
        hold(ns)
        log.append("urgent")

    def releasing(ns: ClientDoor) -> None:
        ns.psa_call(HANDLE, RELEASE_ALL)
        log.append("releasing")

    tasks.start(urgent, priority=2)
    tasks.join(tasks.start(releasing, priority=1))
    assert log == ["urgent", "releasing"]


def test_the_thread_of_power_on_is_a_client_beside_its_tasks() -> None:
    tasks = Tasks()
    held = tasks.start(hold, -2, priority=1)
    assert not held.done
    assert tasks.bench.ns.psa_call(HANDLE, RELEASE_ALL) == 0
    assert held.done
    assert held.result == -0x3C000001


def test_a_task_runs_while_the_thread_of_power_on_is_blocked() -> None:
    tasks = Tasks()
    tasks.start(release(RELEASE_ALL))
    assert tasks.bench.ns.psa_call(HANDLE, HOLD) == -0x3C000000


@pytest.mark.parametrize("priority", [0, 1])
def test_an_exception_in_a_task_comes_out_of_join_and_the_device_goes_on(priority: int) -> None:
    tasks = Tasks()

    def fails(ns: ClientDoor) -> None:
        ns.psa_framework_version()
        raise KeyError("mine")

    failing = tasks.start(fails, priority=priority)
    held = tasks.start(hold, -2, priority=2)
    with pytest.raises(KeyError, match="mine"):
        tasks.join(held, failing)
    with pytest.raises(KeyError, match="mine"):
        tasks.join(failing)
    assert failing.done
    assert not held.done
    assert tasks.bench.ns.psa_call(HANDLE, RELEASE_ALL) == 0
    tasks.join(held)
    assert held.result == -0x3C000001


def test_an_exception_in_a_task_leaves_a_call_of_the_starter_alone() -> None:
    tasks = Tasks()

    def fails(ns: ClientDoor) -> None:
        raise KeyError("mine")

    failing = tasks.start(fails)
    releasing = tasks.start(release(RELEASE_ALL))
    assert tasks.bench.ns.psa_call(HANDLE, HOLD) == -0x3C000000
    assert isinstance(failing.error, KeyError)
    tasks.join(releasing)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_task_ends_the_device(error: type[BaseException]) -> None:
    tasks = Tasks()

    def interrupted(ns: ClientDoor) -> None:
        raise error

    with pytest.raises(error):
        tasks.join(tasks.start(interrupted))
    with pytest.raises(SystemReset, match="task T1 was interrupted"):
        tasks.bench.ns.psa_framework_version()


def test_a_panic_while_tasks_are_blocked_reaches_the_one_who_joins() -> None:
    tasks = Tasks()
    blocked = [tasks.start(hold, -1 - i) for i in range(3)]
    breaking = tasks.start(release(BREAK))
    with pytest.raises(DevicePanic) as panic:
        tasks.join(*blocked, breaking)
    assert (panic.value.report.culprit, panic.value.report.rule) == ("HOLDER", "psa_panic")
    assert not any(task.done for task in blocked)
    for attempt in (
        lambda: tasks.join(*blocked),
        tasks.join,
        lambda: tasks.start(hold),
        tasks.bench.ns.psa_framework_version,
    ):
        with pytest.raises(DevicePanic) as again:
            attempt()
        assert again.value.report == panic.value.report


def test_a_task_that_swallows_the_panic_cannot_go_on() -> None:
    tasks, log = Tasks(), []

    def stubborn(ns: ClientDoor) -> None:
        try:
            ns.psa_call(HANDLE, BREAK)
        except DevicePanic:
            log.append("caught")

    def urgent(ns: ClientDoor) -> None:
        hold(ns)

    waiting = tasks.start(urgent, priority=1)
    with pytest.raises(DevicePanic):
        tasks.join(tasks.start(stubborn), waiting)


def test_a_deadlock_between_tasks_is_reported() -> None:
    tasks = Tasks()
    waiting = [tasks.start(hold, -1), tasks.start(hold, -2)]
    with pytest.raises(DevicePanic) as panic:
        tasks.join(*waiting)
    report = panic.value.report
    assert (report.culprit, report.rule) == ("HOLDER", "somebody can run")
    assert report.found == "NS client -1, NS client -2 blocked; in psa_wait: HOLDER; joining tasks: NS"


def test_tasks_that_join_each_other_are_reported() -> None:
    tasks = Tasks()
    other: list[NsTask] = []
    first = tasks.start(lambda ns: tasks.join(*other), name="FIRST")
    other.append(tasks.start(lambda ns: tasks.join(first), name="SECOND"))
    with pytest.raises(DevicePanic) as panic:
        tasks.join(first)
    assert panic.value.report.found.endswith("joining tasks: NS, FIRST, SECOND")


def test_a_task_joins_another() -> None:
    tasks, log = Tasks(), []
    inner = tasks.start(lambda ns: log.append("inner"), priority=-1)

    def outer(ns: ClientDoor) -> None:
        tasks.join(inner)
        log.append("outer")

    tasks.join(tasks.start(outer))
    assert log == ["inner", "outer"]


def test_a_task_starts_another() -> None:
    tasks = Tasks()

    def outer(ns: ClientDoor) -> object:
        inner = tasks.start(hold, -3)
        tasks.join(tasks.start(release(RELEASE_ALL), priority=-1), inner)
        return inner.result

    task = tasks.start(outer)
    tasks.join(task)
    assert task.result == -0x3C000002


def test_join_of_tasks_that_have_ended_returns_at_once() -> None:
    tasks = Tasks()
    task = tasks.start(lambda ns: 7)
    for _ in range(3):
        tasks.join(task)
    tasks.join()
    tasks.join(task, task)
    assert (task.done, task.result, task.error) == (True, 7, None)


def test_a_connection_belongs_to_the_id_and_not_to_the_task() -> None:
    tasks = Tasks()
    opening = tasks.start(lambda ns: ns.psa_connect(SID, 1), -5)
    tasks.join(opening)
    handle: Any = opening.result
    twin, stranger = (tasks.start(lambda ns: ns.psa_call(handle, 9), ns_id) for ns_id in (-5, -6))
    tasks.join(twin, stranger)
    assert (twin.result, stranger.result) == (0, -129)


@pytest.mark.parametrize("ns_id", [0, 1, -0x10001, -(2**31)])
def test_an_id_out_of_range_is_refused_before_anything_starts(ns_id: int) -> None:
    tasks = Tasks()
    with pytest.raises(ValueError, match=f"non-secure id {ns_id}: legal are -1 down to -65536"):
        tasks.start(hold, ns_id)
    assert len(tasks.kernel.scheduler.threads) == 2


def test_two_runs_are_alike() -> None:
    def run() -> list[object]:
        tasks = Tasks()
        started = [tasks.start(hold, -1 - i, priority=i % 2) for i in range(4)]
        tasks.join(tasks.start(release(RELEASE_NEWEST)), tasks.start(release(RELEASE_ALL)), *started)
        return [*tasks.bench.events]

    assert run() == run()


class Luggage:
    """Something that a task's frame holds."""


@pytest.mark.parametrize("ending", ["stop", "end, stop", "panic, stop", "fail, stop", "end, end"])
def test_nothing_of_a_task_is_left(ending: str) -> None:
    """A suspended greenlet would keep its frames for ever: the garbage collector cannot look into them."""
    tasks = Tasks()
    luggage: list[weakref.ref[Any]] = []

    def code(ns: ClientDoor) -> None:
        mine = Luggage()
        luggage.append(weakref.ref(mine))
        hold(ns)
        if ending == "fail, stop":
            raise KeyError(mine)

    waiting = [tasks.start(code, -2 - i, priority=1) for i in range(2)]
    greenlets = [weakref.ref(task.thread.greenlet) for task in waiting]
    assert len(luggage) == 2
    if ending == "panic, stop":
        with pytest.raises(DevicePanic):
            tasks.join(tasks.start(release(BREAK)))
    elif ending != "stop":
        tasks.join(tasks.start(release(RELEASE_ALL)))
        assert all(task.done for task in waiting)
    kernel = weakref.ref(tasks.kernel)
    if ending != "end, end":
        tasks.kernel.stop()
        del waiting, tasks
        gc.collect()
        assert [ref() for ref in greenlets] == [None, None]
        assert kernel() is None
    gc.collect()
    assert [ref() for ref in luggage] == [None, None]


def test_a_task_of_before_a_reset_will_never_end() -> None:
    tasks, after = Tasks(), Tasks()
    old = tasks.start(hold)
    tasks.kernel.stop()
    with pytest.raises(SystemReset, match="reset or switched off"):
        after.join(old)
    with pytest.raises(SystemReset, match="reset or switched off"):
        tasks.join(old)
