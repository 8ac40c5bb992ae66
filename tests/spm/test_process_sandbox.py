"""What a partition's process can reach, by real attempts: its own memory and its socket, and nothing else."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kernel_bench import Bench, a_manifest, a_service
from support.process_bench import start_processes
from support.process_programs import ACTIONS, Clerk, Lazy, Secret

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.process.host import Launcher

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
SIDS = {"ROOT": 0x2001, "ONE": 0x2002, "TWO": 0x2003}
MARK = b"the secret that starts with this: "


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(params=[3])
def bench(request: pytest.FixtureRequest, launcher: Launcher) -> Iterator[Bench]:
    """A PSA-RoT partition and two of the application RoT, with a secret each."""
    partitions = [
        (
            a_manifest(
                name,
                [a_service(f"SERVICE_{name}", sid, connection_based=False)],
                type="PSA-ROT" if name == "ROOT" else "APPLICATION-ROT",
            ),
            Clerk,
            Secret(MARK + name.encode()),
        )
        for name, sid in SIDS.items()
    ]
    with start_processes(*partitions, level=request.param, launcher=launcher) as started:
        yield started


levels = pytest.mark.parametrize("bench", [1, 2, 3], indirect=True)
separate = pytest.mark.parametrize("bench", [2, 3], indirect=True)


def ask(
    bench: Bench, name: str, action: str, argument: int | bytes = b"", room: int = 400
) -> tuple[int, bytes]:
    handle = 0x40000100 + list(SIDS).index(name)
    data = argument.to_bytes(4, "little") if isinstance(argument, int) else argument
    out = psa_outvec(bytearray(room))
    status = bench.ns.psa_call(handle, ACTIONS.index(action), [data], [out])
    assert isinstance(out.base, bytearray)
    return status, bytes(out.base[: out.len])


def found_of_panic(bench: Bench, action: str, argument: int | bytes = b"", name: str = "ONE") -> str:
    with pytest.raises(DevicePanic) as panic:
        ask(bench, name, action, argument)
    assert panic.value.report.culprit == name
    return panic.value.report.found


@levels
def test_every_partition_knows_its_own_secret(bench: Bench) -> None:
    for name in SIDS:
        assert ask(bench, name, "secret")[1] == MARK + name.encode()


# How many secrets the process of each partition holds, and with it everybody who runs there.
VISIBLE = [
    pytest.param(1, {"ROOT": 3, "ONE": 3, "TWO": 3}, id="level 1: everybody sees all"),
    pytest.param(2, {"ROOT": 3, "ONE": 2, "TWO": 2}, id="level 2: the application RoT sees itself"),
    pytest.param(3, {"ROOT": 1, "ONE": 1, "TWO": 1}, id="level 3: everybody sees their own"),
]


@pytest.mark.parametrize(("bench", "visible"), VISIBLE, indirect=["bench"])
def test_whose_secrets_lie_in_a_partitions_process(bench: Bench, visible: dict[str, int]) -> None:
    """At level 2 the PSA RoT is the SPM's own process, where the device was built and all was known once."""
    for name, count in visible.items():
        assert ask(bench, name, "search", MARK)[0] == count, name


def others(bench: Bench) -> list[int]:
    """Everybody else's process: the device's, the launcher's, the other partitions'."""
    pids = bench.kernel.processes._pids
    launcher = bench.kernel.processes._launcher._process
    assert launcher is not None
    return [os.getpid(), launcher.pid, *sorted({pid for pid in pids.values() if pid != pids["ONE"]})]


@separate
def test_memory_of_other_processes_through_proc(bench: Bench) -> None:
    assert re.search(
        r"PermissionError: \[Errno 13\]", found_of_panic(bench, "read_memory", others(bench)[-1])
    )


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("action", ["peek", "trace"])
def test_memory_of_other_processes_through_system_calls(bench: Bench, action: str, which: int) -> None:
    assert "died by SIGSYS" in found_of_panic(bench, action, others(bench)[which])


@pytest.mark.parametrize("action", ["run", "peek"])
def test_a_forbidden_system_call_kills(bench: Bench, action: str) -> None:
    assert "died by SIGSYS while in one_main, after psa_" in found_of_panic(bench, action, os.getpid())


@separate
@pytest.mark.parametrize("which", [0, 1, -1])
def test_no_signal_reaches_another_process(bench: Bench, which: int) -> None:
    pid = others(bench)[which]
    assert "PermissionError: [Errno 1] Operation not permitted in kill, line" in found_of_panic(
        bench, "kill", pid
    )
    os.kill(pid, 0)


@separate
def test_no_file_opens_once_the_program_is_loaded(bench: Bench, tmp_path: Path) -> None:
    state = tmp_path / "otp.bin"
    state.write_bytes(b"keys")
    state.chmod(0o666)
    assert "PermissionError: [Errno 13] Permission denied" in found_of_panic(
        bench, "read_file", str(state).encode()
    )


@separate
@pytest.mark.parametrize("action", ["fork", "list_files"])
def test_neither_processes_nor_directories(bench: Bench, action: str) -> None:
    assert re.search(r"PermissionError: \[Errno (1|13)\]", found_of_panic(bench, action))


def test_no_thread_starts(bench: Bench) -> None:
    assert "RuntimeError: can't start new thread" in found_of_panic(bench, "thread")


def test_no_socket_opens(bench: Bench, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        found = found_of_panic(bench, "connect_socket", str(tmp_path / "s").encode())
    assert "PermissionError: [Errno 1] Operation not permitted" in found


@pytest.mark.parametrize(("bench", "sockets"), [(3, 1), (2, 2)], indirect=["bench"])
def test_no_file_of_the_devices_process_leaks(bench: Bench, sockets: int) -> None:
    """Open are the null device as 0 to 2 and one socket a partition."""
    assert ask(bench, "ONE", "open_files")[0] == 3 + sockets


def test_a_process_cannot_make_itself_visible_again(bench: Bench) -> None:
    assert ask(bench, "ONE", "become_visible")[0] == -1


@pytest.mark.skipif(os.geteuid() != 0, reason="only a superuser has users to give")
def test_each_process_has_a_user_of_its_own_and_no_capability(bench: Bench) -> None:
    seen = set()
    for name, pid in bench.kernel.processes._pids.items():
        text = ask(bench, name, "who")[1].decode()
        assert text == repr((2_000_000_000 + pid, 2_000_000_000 + pid, pid))
        status = Path(f"/proc/{pid}/status").read_text()
        assert set(re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\s*(\w+)", status)) == {"0" * 16}
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status
        seen.add(text)
    assert len(seen) == 3


def test_the_spm_knows_what_the_system_took(bench: Bench) -> None:
    taken = {"capabilities", "dumpable", "no-new-privileges", "system calls"}
    assert taken <= set(bench.kernel.processes.sandbox)


def test_an_import_comes_too_late_once_the_program_is_loaded(launcher: Launcher) -> None:
    service = a_service("SERVICE", 0x1001, connection_based=False)
    manifest = a_manifest("LAZY", [service], model="SFN")
    with (
        start_processes((manifest, Lazy), launcher=launcher) as bench,
        pytest.raises(DevicePanic, match="ModuleNotFoundError: No module named 'colorsys'"),
    ):
        bench.ns.psa_call(0x40000100, 0)
