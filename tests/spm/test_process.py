"""A partition in a process of its own behaves as one in the SPM's; its end is a panic and nothing else."""

import importlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from support.kernel_bench import NS_RAM, SECURE_RAM, Bench, a_manifest, a_service
from support.partition_bench import make_hal
from support.process_bench import start_processes
from support.process_programs import (
    ACTIONS,
    ASYNC_MSG_REPLY,
    Agent,
    Clerk,
    LeanIpc,
    LeanSfn,
    Missing,
    Returning,
    Secret,
    Stillborn,
)

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.platform.hal import HAL_FUNCTIONS, PlatformHal, granted
from tfm_sim.platform.power import SystemReset
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.load import LoadError
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.process.host import Launcher

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets and fork")
FIRST, SECOND, STATELESS = 0x2001, 0x2002, 0x40000100
OWN_MEMORY = SECURE_RAM + 0x4000


def clerk(name: str, sid: int, model: str = "IPC", **attributes: object) -> str:
    service = a_service("SERVICE" if sid == FIRST else "OTHER", sid, connection_based=sid == SECOND)
    return a_manifest(name, [service], model=model, **attributes)


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


def hal_of_device(kernel: Kernel) -> PlatformHal:
    names = HAL_FUNCTIONS - {"tfm_hal_random"}
    return granted(make_hal(provisioned_otp(DUMMY), 0), names, "FIRST", partial(kernel.hal_denied, "FIRST"))


@contextmanager
def two_clerks(
    launcher: Launcher | None, level: int = 3, model: str = "IPC", seconds: float = 10.0
) -> Iterator[Bench]:
    with start_processes(
        (clerk("FIRST", FIRST, model, dependencies=["OTHER"]), Clerk, Secret(b"of the first", (1, 2))),
        (clerk("SECOND", SECOND), Clerk),
        level=level,
        seconds=seconds,
        hal=hal_of_device,
        launcher=launcher,
    ) as bench:
        yield bench


def do(bench: Bench, action: str, *ins: bytes, room: tuple[int, ...] = ()) -> tuple[int, list[bytes]]:
    """The status, and what was written to each output vector."""
    outs = [psa_outvec(bytearray(size)) for size in room]
    status = bench.ns.psa_call(STATELESS, ACTIONS.index(action), ins, outs)
    return status, [bytes(out.base[: out.len]) for out in outs]  # type: ignore[index]


def everything(bench: Bench) -> list[object]:
    """One of each kind of call, at every edge that a partition's process judges by itself."""
    large = bytes(range(256)) * 20
    results: list[object] = [
        do(bench, "copy", b"in", b"", b"third", room=(2,)),
        do(bench, "copy", b"x" * 4096, room=(4096,)),
        do(bench, "copy", large, room=(len(large),)),
        do(bench, "copy", large, b"after", room=(5000, 3)),
        do(bench, "copy", room=(4,)),
        do(bench, "pieces", b"0123456789", room=(64, 16)),
        do(bench, "pieces", large, room=(64, 16)),
        do(bench, "client", b"late", room=(200,)),
        do(bench, "at_addresses", b"through memory", OWN_MEMORY.to_bytes(4, "little"), room=(64,)),
        do(bench, "hal", room=(300,)),
        do(bench, "secret", room=(64,)),
    ]
    handle = bench.ns.psa_connect(SECOND, 1)
    results += [bench.ns.psa_call(handle, ACTIONS.index("count")) for _ in range(3)]
    other = bench.ns.psa_connect(SECOND, 1)
    results += [bench.ns.psa_call(h, ACTIONS.index("count")) for h in (other, handle)]
    bench.ns.psa_close(handle)
    results.append(bench.ns.psa_call(other, ACTIONS.index("count")))
    # One and the same memory as input and output.
    bench.memory.write(NS_RAM, b"0123456789abcdef")
    aliased = [psa_outvec(NS_RAM, 8), psa_outvec(bytearray(16))]
    results.append(bench.ns.psa_call(other, ACTIONS.index("copy"), [psa_invec(NS_RAM + 4, 8), b"x"], aliased))
    results.append((bench.memory.read(NS_RAM, 16), [o.len for o in aliased]))
    return results


@pytest.mark.parametrize("level", [2, 3])
def test_results_and_trace_are_those_of_level_1(launcher: Launcher, level: int) -> None:
    with two_clerks(launcher, level=1) as reference:
        wanted = everything(reference), reference.events
    with two_clerks(launcher, level) as bench:
        assert everything(bench) == wanted[0]
        assert bench.events == wanted[1]


@pytest.mark.parametrize("level", [2, 3])
def test_an_sfn_partition_is_the_same_as_at_level_1(launcher: Launcher, level: int) -> None:
    actions = [("copy", b"in", (4,)), ("pieces", b"0123456789", (64, 16)), ("client", b"late", (200,))]
    seen = []
    for at in (1, level):
        with two_clerks(launcher, at, model="SFN") as bench:
            results = [do(bench, action, data, room=room) for action, data, room in actions]
            seen.append((results, bench.events))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_call_that_c_could_not_express_is_the_callers_own_exception(launcher: Launcher, level: int) -> None:
    with two_clerks(launcher, level) as bench:
        assert do(bench, "catch", room=(4,))[0] == 4


def test_signals_and_deferred_replies(launcher: Launcher) -> None:
    with two_clerks(launcher) as bench:
        assert do(bench, "notify")[0] == 8
        assert do(bench, "defer")[0] == 1
        assert do(bench, "copy")[0] == 2


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_mailbox_agent_may_have_a_process(launcher: Launcher, level: int) -> None:
    """TF-M NS agent: calls for another core's clients, whose data come back with ASYNC_MSG_REPLY."""
    ids = {"ns_agent": "true", "client_id_base": '"-0x0400ffff"', "client_id_limit": '"-0x04000000"'}
    services = [a_service("AGENT_SERVICE", FIRST, connection_based=False)]
    agent = a_manifest("FIRST", services, priority="LOW", type="APPLICATION-ROT", **ids)
    with start_processes(
        (agent, Agent), (clerk("SECOND", SECOND), Clerk), level=level, launcher=launcher
    ) as bench:
        bench.kernel.partitions_by_id[256].assigned |= ASYNC_MSG_REPLY
        bench.memory.write(NS_RAM, (NS_RAM + 8).to_bytes(4, "little") + (4).to_bytes(4, "little"))
        out = psa_outvec(bytearray(400))
        assert bench.ns.psa_call(STATELESS, 0, [NS_RAM.to_bytes(4, "little")], [out]) == 0
        assert isinstance(out.base, bytearray)
        assert out.base[: out.len].decode() == (
            "[0, 0, 0, 0, 0, -135, True, True, (7, 0), (-130, 4294967295), (1, -1), (0, None)]"
        )


def test_what_a_partition_prints_comes_out_of_the_device(
    launcher: Launcher, capsys: pytest.CaptureFixture[str]
) -> None:
    with two_clerks(launcher) as bench:
        do(bench, "say")
        assert capsys.readouterr() == (f"said {bench.ns._client.client_id}\n", "and\nwarned\n")


# (action, rule, found): as at level 1, word for word where there is a level 1.
MISUSES = [
    "fail",
    "leave",
    "overflow",
    "reply_twice",
    "bad_status",
    "bad_index",
    "bad_buffer",
    "bad_signal",
    "bad_clear",
    "bad_close",
    "bad_owner",
    "bad_rhandle",
    "bad_client",
    "give_up",
]


@pytest.mark.parametrize("action", MISUSES)
def test_a_misuse_panics_as_at_level_1_at_that_call(launcher: Launcher, action: str) -> None:
    reports = []
    for level in (1, 3):
        with two_clerks(launcher, level) as bench:
            with pytest.raises(DevicePanic) as panic:
                do(bench, action, b"input", room=(4,))
            with pytest.raises(DevicePanic):
                bench.ns.psa_framework_version()
            reports.append(panic.value.report)
    assert reports[0] == reports[1]
    assert reports[1].culprit == "FIRST"


def test_the_report_of_an_exception_names_the_partitions_own_line(launcher: Launcher) -> None:
    with two_clerks(launcher) as bench, pytest.raises(DevicePanic) as panic:
        do(bench, "fail")
    assert re.fullmatch(
        r"ValueError: no such luck in fail, line \d+ of process_programs.py", panic.value.report.found
    )


@dataclass(frozen=True)
class End:
    action: str
    rule: str
    found: str


ENDS = [
    End(
        "exit",
        "code that runs without a fault",
        "its process exited with status 3 while in first_main, after psa_wait",
    ),
    End(
        "crash",
        "code that runs without a fault",
        "its process died by SIGSEGV while in first_main, after psa_wait",
    ),
    End("hang", "watchdog: a process that goes on", "it hangs while in first_main, after psa_wait"),
    End(
        "misspeak",
        "frames as docs/wire.md has them",
        "frame header: length 4294967295, op 0xffff, 65535 notes",
    ),
    End("overstep", "frames as docs/wire.md has them", "op 0x42, which is not a partition's to send"),
    End("interrupt", "frames as docs/wire.md has them", "bytes behind a frame; legal: to wait"),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.action)
@pytest.mark.parametrize("level", [2, 3])
def test_the_end_of_a_process_is_a_panic_that_says_how(launcher: Launcher, end: End, level: int) -> None:
    with two_clerks(launcher, level, seconds=0.5) as bench:
        with pytest.raises(DevicePanic) as panic:
            do(bench, end.action)
        report = panic.value.report
        assert (report.culprit, report.rule) == ("FIRST", end.rule)
        assert report.found.startswith(end.found)
        pids = set(bench.kernel.processes._pids.values())
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("level", [1, 3])
def test_a_hal_function_that_is_not_granted_panics_in_the_spm(launcher: Launcher, level: int) -> None:
    with two_clerks(launcher, level) as bench, pytest.raises(DevicePanic) as panic:
        do(bench, "ungranted")
    assert panic.value.report.rule == "a platform function that the board grants"
    assert panic.value.report.found == "tfm_hal_random"


def test_a_system_reset_leaves_as_one(launcher: Launcher) -> None:
    with two_clerks(launcher) as bench, pytest.raises(SystemReset):
        do(bench, "reset")


class TestLoading:
    """What a process cannot load is a LoadError, and nothing is left over."""

    def load(self, launcher: Launcher, program: Callable[..., object], config: object = None) -> str:
        manifest = clerk("FIRST", FIRST)
        with (
            pytest.raises(LoadError) as error,
            start_processes((manifest, program, config), launcher=launcher),
        ):
            pass
        assert str(error.value).startswith("partition0.yaml:2: FIRST")
        return str(error.value)

    def test_a_class_inside_a_function(self, launcher: Launcher) -> None:
        class Inside(LeanIpc):
            pass

        assert "<locals>.Inside cannot be found by another process" in self.load(launcher, Inside)

    def test_a_function_in_place_of_a_class(self, launcher: Launcher) -> None:
        assert "cannot be found by another process" in self.load(launcher, partial(LeanIpc))

    def test_a_program_without_the_manifests_symbol(self, launcher: Launcher) -> None:
        assert "needs the function first_main, which Missing does not define" in self.load(launcher, Missing)

    def test_a_constructor_that_raises(self, launcher: Launcher) -> None:
        assert "ValueError: not today in __init__, line" in self.load(launcher, Stillborn)

    def test_a_constructor_that_takes_no_configuration(self, launcher: Launcher) -> None:
        assert "TypeError" in self.load(launcher, LeanIpc, Secret(b""))

    def test_a_configuration_that_cannot_travel(self, launcher: Launcher) -> None:
        text = self.load(launcher, Clerk, Secret(b"", (print,)))  # type: ignore[arg-type]
        assert "configuration: <built-in function print>: a builtin_function_or_method cannot leave" in text

    def test_a_module_that_another_process_cannot_import(
        self, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = type("Made", (LeanIpc,), {"__module__": "made_up", "__qualname__": "Made"})
        assert "ImportError" in self.load(launcher, made)

    def test_an_entry_point_that_returns_is_a_panic(self, launcher: Launcher) -> None:
        with (
            pytest.raises(DevicePanic, match="entry_point: never returns"),
            start_processes((clerk("FIRST", FIRST), Returning), launcher=launcher),
        ):
            pass


def test_a_program_of_the_main_module_is_found_by_its_file(tmp_path: Path) -> None:
    script = tmp_path / "a script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from support.process_programs import LeanIpc\n"
        "class Mine(LeanIpc): pass\n"
        "if __name__ == '__main__':\n"
        "    from support.kernel_bench import a_manifest, a_service\n"
        "    from support.process_bench import start_processes\n"
        "    with start_processes((a_manifest('MINE', [a_service('S', 0x1001)]), Mine)) as bench:\n"
        "        print(bench.ns.psa_connect(0x1001, 1) > 0)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


def test_what_a_module_prints_while_it_loads_comes_out(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loud.py").write_text(
        "from support.process_programs import LeanIpc\nprint('loading')\nclass Loud(LeanIpc): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    loud = importlib.import_module("loud")
    capsys.readouterr()
    with start_processes((clerk("FIRST", FIRST), loud.Loud), launcher=launcher):
        assert capsys.readouterr().out == "loading\n"


@pytest.mark.parametrize("writes_none", [False, True])
def test_bytecode_that_python_does_not_write_goes_with_the_launcher(
    monkeypatch: pytest.MonkeyPatch, writes_none: bool
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", writes_none)
    launcher = Launcher()
    with start_processes((clerk("FIRST", FIRST), LeanIpc), launcher=launcher):
        pass
    folder = launcher._bytecode
    assert (folder is not None) == writes_none
    assert folder is None or list(Path(folder.name).rglob("process_programs.*.pyc"))
    launcher.close()
    assert folder is None or not Path(folder.name).exists()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pids_of(bench: Bench) -> list[int]:
    return sorted(set(bench.kernel.processes._pids.values()))


def test_who_shares_a_process(launcher: Launcher) -> None:
    """FF-M 1.1, isolation levels 1 to 3."""
    root = clerk("ROOT", FIRST, type="PSA-ROT"), LeanIpc
    application = [(a_manifest(f"APP{i}", [a_service(f"A{i}", 0x3000 + i)]), LeanIpc) for i in range(2)]
    shared = {}
    for level in (1, 2, 3):
        with start_processes(root, *application, level=level, launcher=launcher) as bench:
            pids = bench.kernel.processes._pids
            shared[level] = [pids.get("ROOT"), pids.get("APP0"), pids.get("APP1")]
    assert shared[1] == [None, None, None]
    assert shared[2][0] is None
    assert shared[2][1] == shared[2][2] is not None
    assert len(set(shared[3])) == 3


def test_no_process_outlives_the_kernel_or_its_own_launcher() -> None:
    with two_clerks(None) as bench:
        pids = pids_of(bench)
        (children,) = [bench.kernel._own_launcher]
        assert children is not None
        assert children._process is not None
        pids.append(children._process.pid)
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)


def test_processes_end_with_a_launcher_that_is_killed() -> None:
    launcher = Launcher()
    try:
        with two_clerks(launcher) as bench:
            pids = pids_of(bench)
            assert launcher._process is not None
            launcher._process.kill()
            until = time.monotonic() + 5
            while any(is_alive(pid) for pid in pids) and time.monotonic() < until:
                time.sleep(0.01)
            assert not any(is_alive(pid) for pid in pids)
            with pytest.raises(DevicePanic, match="its process died by SIGKILL"):
                do(bench, "copy")
        with two_clerks(launcher) as bench:
            assert do(bench, "copy")[0] == 7
    finally:
        launcher.close()


def test_a_stuck_process_does_not_hold_up_the_end() -> None:
    launcher = Launcher()
    with pytest.raises(DevicePanic), two_clerks(launcher, seconds=0.2) as bench:
        do(bench, "hang")
    start = time.monotonic()
    launcher.close()
    assert time.monotonic() - start < 2


def test_an_sfn_partition_in_a_process_answers_in_one_round_trip(launcher: Launcher) -> None:
    service = a_service("SERVICE", FIRST, connection_based=False)
    with start_processes((a_manifest("FIRST", [service], model="SFN"), LeanSfn), launcher=launcher) as bench:
        channel = bench.kernel.partitions[0].program._channel  # type: ignore[attr-defined]
        received = []
        receive = channel.receive

        class Counted:
            send = channel.send
            close = channel.close

            def receive(self) -> object:
                received.append(frames := receive())
                return frames

        bench.kernel.partitions[0].program._channel = Counted()  # type: ignore[attr-defined]
        bench.ns.psa_call(STATELESS, 0, [b"data"])
        assert len(received) == 1
