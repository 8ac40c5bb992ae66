"""Who may touch which memory at which isolation level (FF-M 1.1, isolation levels and rules I1 to I3).

One table for both ways: what the SPM judges for a caller, as psa_call does for a vector, and the caller's own
loads and stores. Over the first way a partition that may not is a PROGRAMMER ERROR, over the second a CPU
fault; either takes the device down.
"""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import (
    NS_RAM,
    SECURE_CODE,
    SECURE_RAM,
    Bench,
    Echo,
    a_manifest,
    a_service,
    start_bench,
)

from tfm_sim import DevicePanic, SpmConfig
from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.platform.memory import Access, Memory, Region, Security
from tfm_sim.spm.config import TFM_TODAY, TfmQuirks
from tfm_sim.spm.cpu import CpuPort

ECHO_HANDLE = 0x40000100
OWNERS = ("APP_1", "APP_2", "PSA_1", "PSA_2")
PLACES = {name: SECURE_RAM + 0x10000 + 0x1000 * i for i, name in enumerate(OWNERS)}
PLACES |= {"SPM": SECURE_RAM + 0x1F000, "NS": NS_RAM, "CODE": SECURE_CODE}
ALL, RW = {*PLACES} - {"CODE"}, Access.READ | Access.WRITE


def own_regions(memory: Memory) -> None:
    for name in OWNERS:
        memory.carve(Region(f"{name}_data", PLACES[name], 0x1000, Security.SECURE, RW, name))


def a_partition(name: str, number: int) -> str:
    service = a_service(f"{name}_ACT", 0x1000 + number, connection_based=False, stateless_handle=2 + number)
    kind = "PSA-ROT" if name.startswith("PSA") else "APPLICATION-ROT"
    return a_manifest(name, [service], type=kind, dependencies="[ECHO]")


def a_bench(level: int, quirks: TfmQuirks) -> Bench:
    echo = a_service("ECHO", 0x2001, connection_based=False, stateless_handle=1)
    return start_bench(
        (a_manifest("SERVER", [echo], type="PSA-ROT"), Echo),
        *((a_partition(name, i), Echo) for i, name in enumerate(OWNERS)),
        config=SpmConfig(isolation_level=level, quirks=quirks),
        prepare=own_regions,
    )


def attempts(place: str) -> dict[str, Callable[[Any], int]]:
    """What a caller does with four bytes of a place; 0 where it succeeds."""
    at = PLACES[place]
    return {
        "input vector": lambda psa: psa.psa_call(ECHO_HANDLE, 0, [psa_invec(at, 4)]),
        "output vector": lambda psa: psa.psa_call(ECHO_HANDLE, 0, [], [psa_outvec(at, 4)]),
        "load": lambda psa: len(psa.cpu.load(at, 4)) - 4,
        "store": lambda psa: psa.cpu.store(at, bytes(4)) or 0,
    }


def outcome(level: int, quirks: TfmQuirks, caller: str, place: str, action: str) -> bool:
    """Whether the caller may. A new device each time, for a fault takes it down."""
    bench = a_bench(level, quirks)
    act = attempts(place)[action]
    try:
        if caller == "NS":
            return act(bench.ns) == 0
        program = bench.programs[caller]
        program.answers[1] = lambda msg: act(program.psa)
        assert bench.ns.psa_call(ECHO_HANDLE + 1 + OWNERS.index(caller), 1) == 0
    except DevicePanic as panic:
        assert panic.report.culprit.startswith(caller)
        return False
    return True


S, TODAY = TfmQuirks(), TFM_TODAY
APPS = {"APP_1", "APP_2"}
WRITABLE: list[tuple[str, int, TfmQuirks, str, set[str]]] = [
    ("the NSPE, level 1", 1, S, "NS", {"NS"}),
    ("the NSPE, level 3", 3, S, "NS", {"NS"}),
    ("level 1, one domain for all partitions", 1, S, "APP_1", ALL),
    ("level 1, PSA RoT", 1, S, "PSA_1", ALL),
    ("level 2, application RoT, which share a domain", 2, S, "APP_1", APPS | {"NS"}),
    ("level 2, PSA RoT", 2, S, "PSA_1", ALL),
    ("level 3, application RoT, each for itself", 3, S, "APP_1", {"APP_1", "NS"}),
    ("level 3, PSA RoT, each for itself", 3, S, "PSA_1", {"PSA_1", "NS"}),
    ("level 3 of TF-M, one PSA RoT domain with the SPM", 3, TODAY, "PSA_1", ALL),
    ("level 3 of TF-M, application RoT", 3, TODAY, "APP_1", {"APP_1", "NS"}),
]


@pytest.mark.parametrize("action", ["input vector", "output vector", "load", "store"])
@pytest.mark.parametrize(
    ("level", "quirks", "caller", "places"), [pytest.param(*row[1:], id=row[0]) for row in WRITABLE]
)
def test_a_caller_reaches_the_private_data_of_its_domain_and_no_other(
    level: int, quirks: TfmQuirks, caller: str, places: set[str], action: str
) -> None:
    assert {p for p in sorted(ALL) if outcome(level, quirks, caller, p, action)} == places


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize(("caller", "reads"), [("NS", False), ("APP_1", True), ("PSA_1", True)])
def test_code_is_read_by_every_partition_and_written_by_nobody(caller: str, reads: bool, level: int) -> None:
    may = {action: outcome(level, S, caller, "CODE", action) for action in attempts("CODE")}
    assert may == {"input vector": reads, "output vector": False, "load": reads, "store": False}


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("place", ["APP_1", "SPM", "NS"])
def test_private_data_is_not_executable(place: str, level: int) -> None:
    bench = a_bench(level, S)
    with pytest.raises(DevicePanic, match="CPU execute"):
        CpuPort(bench.kernel, bench.kernel.partitions_by_id[257]).execute(PLACES[place])


def test_a_fault_of_the_non_secure_sides_own_takes_the_device_down_too() -> None:
    bench = a_bench(1, S)
    with pytest.raises(DevicePanic) as panic:
        bench.ns.cpu.load(SECURE_RAM, 4)
    report = panic.value.report
    assert (report.culprit, report.rule) == ("NS client -1", "CPU load: memory of the caller's domain")
    assert report.found == f"4 bytes at {SECURE_RAM:#010x}"
