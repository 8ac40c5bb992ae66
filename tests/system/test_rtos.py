"""An RTOS on the non-secure side of a whole device: tasks, their ids, and what becomes of them."""

import gc
import weakref
from typing import Any

import pytest
from support.device_programs import ARM, COUNT, HOLD, KEEPER_HANDLE, KEEPER_SID, RELEASE, keeper, word

import tfm_sim
from tfm_sim import Build, Device, DevicePanic, SpmConfig
from tfm_sim.device import DeviceOff
from tfm_sim.interface.trace import Event
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.ns_ids import NsidError

LEVELS = pytest.mark.parametrize("level", [1, 3])
FIRST_ID = -0x3C000000


def boot(level: int = 1, *, managed: bool = False, **options: Any) -> Device:
    spm = SpmConfig(isolation_level=level, ns_manage_nsid=managed)
    return tfm_sim.boot(build=Build(spm=spm, partitions=(keeper(),)), **options)


def ask(ns: ClientDoor, request: int, number: int = 0) -> int:
    return ns.psa_call(KEEPER_HANDLE, request, [word(number)])


def holding(ns: ClientDoor) -> int:
    return ask(ns, HOLD)


@LEVELS
def test_tasks_with_ids_of_their_own_are_blocked_at_the_same_time(level: int) -> None:
    with boot(level) as device:
        tasks = [device.start_task(holding, f"T{i}", ns_id=-2 - i) for i in range(5)]
        release = device.start_task(lambda ns: ask(ns, RELEASE), "release", priority=-1)
        device.join(*tasks, release)
        assert [task.result for task in tasks] == [FIRST_ID - 1 - i for i in range(5)]
        assert ask(device.ns, COUNT) == 7


@LEVELS
def test_two_runs_are_alike(level: int) -> None:
    def run() -> list[Event]:
        events: list[Event] = []
        with boot(level, listeners=[events.append]) as device:
            tasks = [device.start_task(holding, f"T{i}", ns_id=-2 - i, priority=i % 2) for i in range(4)]
            device.join(*tasks, device.start_task(lambda ns: ask(ns, RELEASE), "release", priority=-1))
        return events

    assert run() == run()


def test_a_watchdog_ends_tasks_that_nobody_answers() -> None:
    with boot() as device:
        ask(device.ns, ARM, 500)
        tasks = [device.start_task(holding, f"T{i}") for i in range(2)]
        with pytest.raises(SystemReset, match="WATCHDOG_S"):
            device.join(*tasks)
        assert device.hardware.clock.now == 1001


def test_tasks_sleep_side_by_side_with_the_clock() -> None:
    """The thread of power-on idles for a task that is blocked."""
    with boot() as device:
        blocked = device.start_task(holding, "blocked", priority=1)
        device.idle(1000)
        assert not blocked.done
        assert ask(device.ns, RELEASE) == 0
        assert blocked.done


@LEVELS
def test_tasks_start_anew_after_a_reset_and_those_of_before_are_gone(level: int) -> None:
    with boot(level) as device:
        old = device.start_task(holding, "old", priority=1)
        kernel, left = weakref.ref(device.kernel), weakref.ref(old.thread.greenlet)
        memory = device._task_memory.size
        device.reset()
        assert device._task_memory.size == memory + 0x4000
        with pytest.raises(SystemReset, match="reset or switched off"):
            device.join(old)
        del old
        gc.collect()
        assert (kernel(), left()) == (None, None)
        new = device.start_task(holding, "new", ns_id=-9)
        device.join(new, device.start_task(lambda ns: ask(ns, RELEASE), "release"))
        assert new.result == FIRST_ID - 8
        assert ask(device.ns, COUNT) == 3, "a new partition"


def test_a_reset_ends_a_task_whatever_it_does_about_it() -> None:
    log: list[str] = []

    def clinging(ns: ClientDoor) -> None:
        try:
            ask(ns, HOLD)
        finally:
            log.append("leaves")
            with pytest.raises(SystemReset):
                ask(ns, COUNT)

    with boot() as device:
        device.start_task(clinging, "clinging", priority=1)
        device.reset()
        assert log == ["leaves"]
        assert ask(device.ns, COUNT) == 1


def test_a_device_that_is_off_has_no_tasks() -> None:
    with boot() as device:
        task = device.start_task(lambda ns: 1, "T")
    for attempt in (
        lambda: device.start_task(holding, "late"),
        lambda: device.join(task),
        lambda: device.nsce,
    ):
        with pytest.raises(DeviceOff, match="the device is off"):
            attempt()


def test_tasks_take_memory_until_there_is_no_more() -> None:
    with boot() as device:
        size = device._task_memory.size
        device.start_task(lambda ns: None, "large", memory=size - 16)
        with pytest.raises(DeviceOff, match=r"task late: 17 bytes of non-secure RAM; legal: up to 16"):
            device.start_task(lambda ns: None, "late", memory=17)


# ---- TFM_NS_MANAGE_NSID ----


def test_the_rtos_says_who_calls() -> None:
    with boot(managed=True) as device:
        nsce = device.nsce
        assert nsce.tfm_nsce_init(1) == 1
        token = nsce.tfm_nsce_acquire_ctx(0, 1)
        for ns_id in (-1, -7):
            assert nsce.tfm_nsce_load_ctx(token, ns_id) is NsidError.SUCCESS
            releasing = device.start_task(lambda ns: ask(ns, RELEASE), "release")
            assert ask(device.ns, HOLD) == FIRST_ID + 1 + ns_id
            device.join(releasing)
        assert nsce.tfm_nsce_save_ctx(token) is NsidError.SUCCESS
        with pytest.raises(DevicePanic, match="psa_connect: a non-secure client id"):
            device.ns.psa_connect(KEEPER_SID, 1)
        device.reset()
        assert device.nsce is not nsce, "a reset forgets the contexts"


def test_a_build_without_it_says_so() -> None:
    with boot() as device, pytest.raises(DeviceOff, match=r"legal: SpmConfig\(ns_manage_nsid=True\)"):
        _ = device.nsce
