"""Who may touch which memory: the SPM's checks and the CPU's own (spm.md 6.3; FF-M 1.1, isolation rules)."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import Bench, Echo, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.platform.interrupts import UNQUIETED_LIMIT
from tfm_sim.platform.memory import Access, Memory, MemoryFault, Region, RegionKind, Security
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.client import Client
from tfm_sim.spm.config import SpmConfig, TfmQuirks
from tfm_sim.spm.memory_check import memory_check
from tfm_sim.spm.panic import DevicePanic

R, RW, RX, RWX = Access.READ, Access(3), Access(5), Access(7)
SIZE = 0x100
OPEN, CLOSED = Security.NON_SECURE, Security.SECURE
PARTIES = ("NS", "APP", "OTHER", "PSA")
LEVELS = {
    "level 1": SpmConfig(isolation_level=1),
    "level 2": SpmConfig(isolation_level=2),
    "level 3": SpmConfig(isolation_level=3),
    "level 3, one PSA RoT domain": SpmConfig(isolation_level=3, quirks=TfmQuirks(one_psa_rot_domain=True)),
}

# Region, security, rights, owner, kind; then what NS, APP, OTHER (both APPLICATION-ROT) and PSA (PSA-ROT)
# may do at level 1, 2, 3, and 3 with one_psa_rot_domain: r(ead), w(rite), x(execute).
TABLE: list[tuple[str, Security, Access, str, RegionKind, list[str]]] = [
    ("NS RAM", OPEN, RW, "", RegionKind.RAM, ["rw rw rw rw"] * 4),
    ("NS code", OPEN, RWX, "", RegionKind.FLASH, ["rwx rw rw rw"] * 4),
    ("NS MMIO", OPEN, RW, "", RegionKind.PERIPHERAL, ["rw rw rw rw"] * 4),
    ("data of APP", CLOSED, RW, "APP", RegionKind.RAM, ["- rw rw rw", "- rw rw rw", "- rw - -", "- rw - rw"]),
    (
        "data of OTHER",
        CLOSED,
        RW,
        "OTHER",
        RegionKind.RAM,
        ["- rw rw rw", "- rw rw rw", "- - rw -", "- - rw rw"],
    ),
    ("data of PSA", CLOSED, RW, "PSA", RegionKind.RAM, ["- rw rw rw", "- - - rw", "- - - rw", "- - - rw"]),
    ("the SPM's data", CLOSED, RW, "", RegionKind.RAM, ["- rw rw rw", "- - - rw", "- - - -", "- - - rw"]),
    ("secure code", CLOSED, RX, "", RegionKind.FLASH, ["- rx rx rx"] * 4),
    ("OTP", CLOSED, R, "", RegionKind.OTP, ["- r r r", "- - - r", "- - - -", "- - - r"]),
    (
        "MMIO of APP",
        CLOSED,
        RW,
        "APP",
        RegionKind.PERIPHERAL,
        ["- rw rw rw", "- rw rw rw", "- rw - -", "- rw - rw"],
    ),
    (
        "MMIO of PSA",
        CLOSED,
        RW,
        "PSA",
        RegionKind.PERIPHERAL,
        ["- rw rw rw", "- - - rw", "- - - rw", "- - - rw"],
    ),
    (
        "read-only MMIO of APP",
        CLOSED,
        R,
        "APP",
        RegionKind.PERIPHERAL,
        ["- r r r", "- r r r", "- r - -", "- r - r"],
    ),
    (
        "read-only MMIO of PSA",
        CLOSED,
        R,
        "PSA",
        RegionKind.PERIPHERAL,
        ["- r r r", "- - - r", "- - - r", "- - - r"],
    ),
    (
        "unclaimed MMIO",
        CLOSED,
        RW,
        "",
        RegionKind.PERIPHERAL,
        ["- rw rw rw", "- - - rw", "- - - -", "- - - rw"],
    ),
    (
        "writable code",
        CLOSED,
        RWX,
        "APP",
        RegionKind.RAM,
        ["- rw rw rw", "- rw rw rw", "- rw - -", "- rw - rw"],
    ),
]
BASE = {row[0]: 0x60000000 + i * 0x1000 for i, row in enumerate(TABLE)}
RIGHTS = {
    (level, row[0], party): rights
    for row in TABLE
    for level, column in zip(LEVELS, row[5], strict=True)
    for party, rights in zip(PARTIES, column.split(), strict=True)
}
CASES = [(level, row[0]) for row in TABLE for level in LEVELS]
each_region_and_level = pytest.mark.parametrize(
    ("level", "region"), CASES, ids=[f"{r}, {s}" for s, r in CASES]
)


class Doer(Echo):
    """Does on a request of type 1 what the test hands it."""

    todo: Callable[[Any, psa_msg_t], int]

    def tick_flih(self) -> int:
        return 0

    def answer(self, msg: psa_msg_t) -> int:
        return self.todo(self.psa, msg) if msg.type == 1 else 0


def build_map(memory: Memory) -> None:
    for name, security, access, owner, kind, *_ in TABLE:
        region = Region(name, BASE[name], SIZE, security, access, owner, kind)
        memory.add(region, bytearray(SIZE))


def a_bench(level: str = "level 1", prepare: Callable[[Memory], None] = build_map) -> Bench:
    tick = "[{source: 5, name: TICK, handling: FLIH}]"

    def manifest(name: str, number: int, **attributes: object) -> tuple[str, type[Doer]]:
        service = a_service(f"{name}_S", 0x1000 + number, connection_based=False, stateless_handle=number)
        return a_manifest(name, [service], "IPC", **attributes), Doer

    return start_bench(
        manifest("APP", 1, dependencies="[PSA_S]", irqs=tick),
        manifest("OTHER", 2, dependencies="[PSA_S]"),
        manifest("PSA", 3, type="PSA-ROT"),
        config=LEVELS[level],
        prepare=prepare,
    )


def as_party(bench: Bench, party: str, todo: Callable[[Any], Any]) -> Any:
    """The test's code, run as a partition's or as the non-secure side's."""
    if party == "NS":
        return todo(bench.ns)
    results: list[Any] = []

    def act(psa: Any, msg: psa_msg_t) -> int:
        results.append(todo(psa))
        return 0

    bench.programs[party].todo = act
    assert bench.ns.psa_call(0x40000100 + PARTIES.index(party) - 1, 1) == 0
    return results[0]


def client_of(bench: Bench, party: str) -> Client:
    if party == "NS":
        return bench.ns._client
    return next(p for p in bench.kernel.partitions if p.name == party)


# ---- The SPM's checks ----


@each_region_and_level
def test_memory_check_by_party_and_region(level: str, region: str) -> None:
    bench = a_bench(level)
    for party in PARTIES:
        rights = RIGHTS[level, region, party]
        for write, right in ((False, "r"), (True, "w")):
            found = memory_check(bench.memory, client_of(bench, party), BASE[region], SIZE, write=write)
            assert found == (right in rights), (party, right)


def ranges_map(memory: Memory) -> None:
    """Two regions side by side, and one that ends with the address space."""
    for name, base in (("first", 0x60000000), ("second", 0x60000100), ("last", 0xFFFFFF00)):
        memory.add(Region(name, base, SIZE, Security.NON_SECURE, RW), bytearray(SIZE))


RANGES: list[tuple[str, int, int, bool]] = [
    ("a whole region", 0x60000000, 0x100, True),
    ("its first byte", 0x60000000, 1, True),
    ("its last byte", 0x600000FF, 1, True),
    ("two regions side by side", 0x600000FF, 2, False),
    ("all of two regions", 0x60000000, 0x200, False),
    ("before a region", 0x5FFFFFFF, 2, False),
    ("past a region", 0x60000180, 0x81, False),
    ("an unmapped address", 0x70000000, 1, False),
    ("the null pointer", 0, 1, False),
    ("up to the last address", 0xFFFFFF00, 0x100, True),
    ("around the end of the addresses", 0xFFFFFFF0, 0x20, False),
    ("around the end of the addresses, to null", 0xFFFFFFF0, 0x10 + 4, False),
    ("around all addresses", 0x60000000, 0xFFFFFFFF, False),
    ("nothing, at a region", 0x60000000, 0, True),
    ("nothing, at the null pointer", 0, 0, True),
    ("nothing, unmapped", 0x70000000, 0, True),
    ("nothing, past a region", 0x60000200, 0, True),
]


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize(
    ("base", "size", "legal"), [row[1:] for row in RANGES], ids=[row[0] for row in RANGES]
)
def test_memory_check_by_range(base: int, size: int, legal: bool, party: str) -> None:
    bench = a_bench("level 3", ranges_map)
    for write in (False, True):
        assert memory_check(bench.memory, client_of(bench, party), base, size, write=write) == legal


@each_region_and_level
def test_psa_call_judges_vectors_and_their_descriptors_by_the_clients_rights(level: str, region: str) -> None:
    """-129 for the non-secure side, a panic for a partition; the service's rights do not matter."""
    base = BASE[region]
    descriptors = BASE["NS RAM"]
    calls: list[tuple[str, Callable[[Any], int]]] = [
        ("r", lambda psa: psa.psa_call(0x40000102, 2, [psa_invec(base, SIZE)])),
        ("rw", lambda psa: psa.psa_call(0x40000102, 2, (), [psa_outvec(base, SIZE)])),
        ("r", lambda psa: psa.psa_call(0x40000102, 2, descriptors, in_len=1)),
    ]
    for party in ("NS", "APP"):
        rights = RIGHTS[level, region, party]
        for needed, call in calls:
            bench = a_bench(level)
            if bench.memory.find_range(base, SIZE) and needed == "r":
                bench.memory.write(descriptors, base.to_bytes(4, "little") + SIZE.to_bytes(4, "little"))
            if set(needed) <= set(rights):
                assert as_party(bench, party, call) == 0
            elif party == "NS":
                assert call(bench.ns) == -129
            else:
                with pytest.raises(DevicePanic) as panic:
                    as_party(bench, party, call)
                assert panic.value.report.culprit == party
                assert "in memory that the caller may access" in panic.value.report.rule


def serving(bench: Bench, party: str, call: Callable[[Any, psa_msg_t], Any]) -> int:
    """The partition makes the call while it serves a request with 4 bytes each way."""

    def act(psa: Any, msg: psa_msg_t) -> int:
        call(psa, msg)
        return 0

    bench.programs[party].todo = act
    handle = 0x40000100 + PARTIES.index(party) - 1
    return bench.ns.psa_call(handle, 1, [b"abcd"], [psa_outvec(bytearray(4))])


@each_region_and_level
def test_psa_get_read_and_write_judge_buffers_by_the_services_rights(level: str, region: str) -> None:
    base = BASE[region]
    calls: list[tuple[str, str, Callable[[Any, psa_msg_t], Any]]] = [
        ("psa_read", "rw", lambda psa, msg: psa.psa_read(msg.handle, 0, base, 4)),
        ("psa_write", "r", lambda psa, msg: psa.psa_write(msg.handle, 0, base, 4)),
        ("psa_get", "rw", lambda psa, msg: psa.psa_get(0x10, base)),
    ]
    for party in ("APP", "PSA"):
        for name, needed, call in calls:
            bench = a_bench(level)
            allowed = set(needed) <= set(RIGHTS[level, region, party])
            if allowed and name != "psa_get":
                assert serving(bench, party, call) == 0
                continue
            with pytest.raises(DevicePanic) as panic:
                serving(bench, party, call)
            # With a good buffer psa_get fails later: there is no second message.
            rule = "a signal that is asserted" if allowed else "a buffer in the partition's own memory"
            assert (panic.value.report.culprit, panic.value.report.rule) == (party, f"{name}: {rule}")


# ---- The CPU's own accesses ----


@each_region_and_level
def test_cpu_accesses_by_party_and_region(level: str, region: str) -> None:
    base = BASE[region]
    accesses: list[tuple[str, str, Callable[[Any], Any]]] = [
        ("load", "r", lambda psa: psa.cpu.load(base, 4)),
        ("store", "w", lambda psa: psa.cpu.store(base + 4, b"abcd")),
        ("execute", "x", lambda psa: psa.cpu.execute(base)),
    ]
    for party in PARTIES:
        rights = RIGHTS[level, region, party]
        bench = a_bench(level)
        for name, right, access in accesses:
            if right in rights:
                result = as_party(bench, party, access)
                assert result == (bytes(4) if name == "load" else None)
                continue
            with pytest.raises(DevicePanic) as panic:
                as_party(bench, party, access)
            report = panic.value.report
            culprit = "NS client -1" if party == "NS" else party
            assert (report.culprit, report.rule.partition(":")[0]) == (culprit, f"CPU {name}")
            assert f"{base + 4 * (name == 'store'):#010x}" in report.found
            with pytest.raises(DevicePanic):
                bench.ns.psa_framework_version()
            bench = a_bench(level)


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize(
    ("base", "size", "legal"), [row[1:] for row in RANGES], ids=[row[0] for row in RANGES]
)
def test_cpu_accesses_by_range(base: int, size: int, legal: bool, party: str) -> None:
    size = min(size, 0x10000)
    accesses: list[Callable[[Any], Any]] = [
        lambda psa: psa.cpu.load(base, size),
        lambda psa: psa.cpu.store(base, bytes(size)),
    ]
    for access in accesses:
        bench = a_bench("level 3", ranges_map)
        if legal:
            assert as_party(bench, party, access) in (bytes(size), None)
        else:
            with pytest.raises(DevicePanic, match=r"CPU (load|store): memory of the caller's domain"):
                as_party(bench, party, access)


def test_a_store_is_there_for_the_next_load_and_for_the_spm() -> None:
    bench = a_bench("level 3")
    as_party(bench, "APP", lambda psa: psa.cpu.store(BASE["data of APP"] + 3, b"hello"))
    assert as_party(bench, "APP", lambda psa: psa.cpu.load(BASE["data of APP"] + 2, 7)) == b"\0hello\0"
    assert bench.memory.read(BASE["data of APP"] + 3, 5) == b"hello"


class Liar(bytes):
    """Bytes that say they are fewer than they are."""

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("party", ["NS", "APP"])
def test_a_store_is_as_long_as_its_bytes_are(party: str) -> None:
    bench = a_bench()
    with pytest.raises(DevicePanic, match="256 bytes at 0x60000001"):
        as_party(bench, party, lambda psa: psa.cpu.store(BASE["NS RAM"] + 1, Liar(bytes(SIZE))))


@pytest.mark.parametrize("length", [-1, -4, -(2**40)])
def test_a_load_of_less_than_nothing_is_a_fault(length: int) -> None:
    bench = a_bench()
    with pytest.raises(DevicePanic, match=f"found {length} bytes at 0x60000010"):
        bench.ns.cpu.load(BASE["NS RAM"] + 0x10, length)


class Register:
    """A peripheral that takes 32-bit accesses only, and interrupts without end."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def read(self, offset: int, size: int) -> int:
        if size != 4:
            raise MemoryFault(offset, size, f"access of {size} bytes at {offset:#x}; legal: 4 bytes")
        return 7

    def write(self, offset: int, value: int, size: int) -> None:
        if value == 1:
            self.bench.interrupts.set_level(5, True)
        if value == 2:
            raise SystemReset("watchdog")

    def reset(self) -> None:
        pass


def with_a_register(level: str = "level 1") -> tuple[Bench, int]:
    base = 0x61000000

    def prepare(memory: Memory) -> None:
        kind = RegionKind.PERIPHERAL
        for at, owner, security in ((base, "APP", CLOSED), (base + 0x1000, "", OPEN)):
            region = Region("REG", at, SIZE, security, RW, owner, kind, device="REG")
            memory.add(region, bytearray(SIZE))

    bench = a_bench(level, prepare)
    models: Any = bench.kernel.machine.bus._models
    models["REG"] = Register(bench)
    return bench, base


@pytest.mark.parametrize("party", ["NS", "APP"])
@pytest.mark.parametrize(
    ("what", "access", "found", "legal"),
    [
        ("load", lambda cpu, at: cpu.load(at + 2, 4), "4 bytes", "1, 2 or 4 bytes, aligned"),
        ("load", lambda cpu, at: cpu.load(at, 3), "3 bytes", "1, 2 or 4 bytes, aligned"),
        ("load", lambda cpu, at: cpu.load(at, 2), "2 bytes", "4 bytes"),
        ("store", lambda cpu, at: cpu.store(at + 1, b"ab"), "2 bytes", "1, 2 or 4 bytes, aligned"),
        ("store", lambda cpu, at: cpu.store(at, bytes(8)), "8 bytes", "1, 2 or 4 bytes, aligned"),
    ],
)
def test_an_access_that_the_bus_does_not_carry_is_a_fault(
    party: str, what: str, access: Callable[[Any, int], Any], found: str, legal: str
) -> None:
    bench, base = with_a_register("level 3")
    at = base + 0x1000 if party == "NS" else base
    assert as_party(bench, party, lambda psa: psa.cpu.load(at, 4)) == (7).to_bytes(4, "little")
    with pytest.raises(DevicePanic) as panic:
        as_party(bench, party, lambda psa: access(psa.cpu, at))
    report = panic.value.report
    assert report.culprit == ("NS client -1" if party == "NS" else party)
    assert report.rule == f"CPU {what}: an access that the bus carries"
    assert found in report.found
    assert report.legal == legal


@pytest.mark.parametrize("party", ["NS", "APP"])
def test_an_access_that_sets_off_endless_interrupts_takes_the_device_down(party: str) -> None:
    bench, base = with_a_register()
    bench.interrupts.enable(5)
    at = base + 0x1000 if party == "NS" else base
    with pytest.raises(DevicePanic) as panic:
        as_party(bench, party, lambda psa: psa.cpu.store(at, b"\1\0\0\0"))
    assert panic.value.report.rule == "interrupts come to an end"
    assert f"taken {UNQUIETED_LIMIT} times" in panic.value.report.found


def test_a_reset_by_a_register_is_a_reset() -> None:
    bench, base = with_a_register()
    with pytest.raises(SystemReset, match="watchdog"):
        as_party(bench, "APP", lambda psa: psa.cpu.store(base, b"\2\0\0\0"))
    with pytest.raises(SystemReset, match="watchdog"):
        bench.ns.psa_framework_version()
