"""Isolation levels 1 to 3: the same device, its partitions in one process, in two, or in one each."""

import os
import subprocess
import sys
import time

import pytest
from support.command_line import CommandLine
from support.ipc_test_services import BASIC_SID, REQUEST_SRV, WORD_IN, WORD_OUT, ipc_test_partitions
from support.kernel_bench import a_manifest, a_service

import tfm_sim
from tfm_sim import Build, Device, DevicePanic, SpmConfig, psa_outvec
from tfm_sim.interface.psa.platform import PlatformApi
from tfm_sim.interface.trace import Event
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

CHALLENGE = bytes(range(32))
LEVELS = pytest.mark.parametrize("level", [1, 2, 3])


def build(level: int, *, services: bool = True) -> Build:
    """The standard build, and beside it an IPC partition of the PSA RoT and one of the application RoT."""
    further = ipc_test_partitions() if services else ()
    return Build(spm=SpmConfig(isolation_level=level), partitions=further)


def boot(level: int, **options: object) -> Device:
    return tfm_sim.boot(build=build(level), **options)  # type: ignore[arg-type]


def processes(device: Device) -> dict[str, int]:
    return device.kernel.processes._pids


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@LEVELS
def test_the_standard_partitions_boot_and_issue_a_token(level: int) -> None:
    with boot(level) as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        assert verify(token, load_key(iak_verification_key(device.hardware)), challenge=CHALLENGE).ok
        assert device.psa.crypto.hash_compute(0x02000009, b"abc").hex().startswith("ba7816bf8f01cfea")
        assert len(device.psa.crypto.generate_random(24)) == 24


def run_of(level: int) -> tuple[list[bytes], list[Event]]:
    events: list[Event] = []
    with boot(level, listeners=[events.append]) as device:
        results = [device.psa.initial_attestation.get_token(bytes([n]) * 32) for n in range(2)]
        results.append(device.psa.crypto.generate_random(8))
        out = bytearray(4)
        handle = device.ns.psa_connect(BASIC_SID, 1)
        device.ns.psa_call(handle, REQUEST_SRV, [WORD_IN], [psa_outvec(out)])
        device.ns.psa_close(handle)
        assert out == WORD_OUT
        return [*results, bytes(out)], events


@pytest.mark.parametrize("level", [2, 3])
def test_one_seed_is_one_run_at_every_level(level: int) -> None:
    """Results, and the trace to its last event: who ran, what was called, what came back."""
    results, events = run_of(level)
    reference, wanted = run_of(1)
    assert results == reference
    assert events == wanted


@LEVELS
def test_a_reset_makes_all_processes_anew_and_leaves_none_behind(level: int) -> None:
    seen = []
    with boot(level) as device:
        for _ in range(3):
            pids = set(processes(device).values())
            assert all(is_alive(pid) for pid in pids)
            seen.append(pids)
            device.reset()
            assert not any(is_alive(pid) for pid in pids)
            assert len(device.psa.crypto.generate_random(4)) == 4
        seen.append(set(processes(device).values()))
    assert not any(is_alive(pid) for pids in seen for pid in pids)
    assert [len(pids) for pids in seen] == [{1: 0, 2: 1, 3: 7}[level]] * 4


@pytest.mark.parametrize("level", [2, 3])
def test_a_partition_that_is_killed_is_a_panic_and_a_reset_brings_it_back(level: int) -> None:
    with boot(level) as device:
        os.kill(processes(device)["TFM_SP_SECURE_CLIENT_2"], 9)
        partition = device.kernel.partitions_by_id[3002]
        with pytest.raises(DevicePanic, match="TFM_SP_SECURE_CLIENT_2 broke a rule"):
            getattr(partition.program, partition.manifest.entry)()
        device.reset()
        assert len(device.psa.initial_attestation.get_token(CHALLENGE)) > 200


def test_a_system_reset_that_a_partition_asks_for() -> None:
    with boot(3) as device:
        pids = set(processes(device).values())
        with pytest.raises(tfm_sim.TfmSimError, match="reset"):
            PlatformApi(device.ns).system_reset()
        device.reset()
        assert not any(is_alive(pid) for pid in pids)
        assert len(device.psa.crypto.generate_random(4)) == 4


def test_two_devices_have_processes_of_their_own() -> None:
    with boot(3) as one, boot(3, seed=1) as two:
        assert not set(processes(one).values()) & set(processes(two).values())
        one.power_off()
        assert len(two.psa.crypto.generate_random(4)) == 4


def all_gone(pids: set[int]) -> bool:
    """Whether they are gone, or go within the time that a system may need to end them."""
    until = time.monotonic() + 5
    while any(is_alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.01)
    return not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("end", ["raise ValueError", "os.kill(os.getpid(), 9)"])
def test_no_process_outlives_a_program_that_never_switched_its_device_off(end: str) -> None:
    script = (
        "import os, tfm_sim\n"
        "device = tfm_sim.boot(build=tfm_sim.Build(spm=tfm_sim.SpmConfig(isolation_level=3)))\n"
        "processes = device.kernel.processes\n"
        "print(*processes._pids.values(), processes._launcher._process.pid, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script + end], stdout=subprocess.PIPE, text=True, check=False
    )
    pids = {int(pid) for pid in done.stdout.split()}
    assert len(pids) == 6
    assert all_gone(pids)


class Failing:
    """Fails while it starts, after others have."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def failing_main(self) -> None:
        raise ValueError("not today")


@pytest.mark.parametrize("level", [2, 3])
def test_a_panic_while_the_partitions_start_leaves_no_process(level: int) -> None:
    failing = PartitionBuild(
        parse_manifest(a_manifest("FAILING", [a_service("F", 0x7001)], entry_point="failing_main"), "f.yaml"),
        4000,
        Failing,
    )
    spm = SpmConfig(isolation_level=level)
    with Device(build=Build(spm=spm, partitions=(*ipc_test_partitions(), failing))) as device:
        flash_demo_firmware(device)
        with pytest.raises(DevicePanic, match="ValueError: not today in failing_main, line"):
            device.power_on()
        pids = set(processes(device).values())
        assert pids
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("level", [2, 3])
def test_the_command_line_takes_the_level(
    level: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = CommandLine(monkeypatch, capsys)
    assert command("run", "--isolation", level) == 0
    with_processes = command.out
    assert command("run") == 0
    assert with_processes == command.out
    assert command("run", "--isolation", 4) == 2
