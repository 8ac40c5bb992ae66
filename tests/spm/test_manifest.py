"""Manifests and what a build of them must satisfy (spm.md 4; FF-M 1.1, TF-M's manifest tool)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_bench import Echo, a_manifest, a_service

from tfm_sim.interface.tfm.services import stateless_handle
from tfm_sim.spm.load import (
    LoadError,
    PartitionBuild,
    assign_stateless_handles,
    check_builds,
    load_order,
    make_partition,
)
from tfm_sim.spm.manifest import PartitionManifest, PartitionModel, Priority, VersionPolicy
from tfm_sim.spm.manifest_file import ManifestError, parse_manifest

GOOD = """\
psa_framework_version: 1.1
name: TFM_SP_TEST
type: APPLICATION-ROT
priority: NORMAL
model: IPC
entry_point: test_main
stack_size: "0x400"
services:
- name: TEST_SERVICE
  sid: "0x0000F080"
  connection_based: true
"""
GOOD_1_0 = GOOD.replace("1.1", "1.0").replace("model: IPC\n", "").replace("  connection_based: true\n", "")


def parse(text: str) -> PartitionManifest:
    return parse_manifest(text, "test.yaml")


def test_defaults_of_version_1_1() -> None:
    manifest = parse(GOOD)
    service = manifest.services[0]
    assert (manifest.model, manifest.entry, manifest.stack_size) == (PartitionModel.IPC, "test_main", 0x400)
    assert (service.sid, service.version, service.version_policy) == (0xF080, 1, VersionPolicy.STRICT)
    assert (service.non_secure_clients, service.mm_iovec, service.stateless_handle) == (False, False, None)


def test_version_1_0_implies_ipc_and_connections() -> None:
    manifest = parse(GOOD_1_0)
    assert manifest.model is PartitionModel.IPC
    assert manifest.services[0].connection_based


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1.1", "2.0", "test.yaml:1: psa_framework_version: not legal; found 2.0; legal: 1.0, 1.1"),
        ("name: TFM_SP_TEST", "name: 1bad", "test.yaml:2: name"),
        ("APPLICATION-ROT", "APP", "test.yaml:3: type: not legal; found 'APP'"),
        ("NORMAL", "URGENT", "test.yaml:4: priority"),
        ("NORMAL", "HIGHEST", "test.yaml:4: priority"),
        ("model: IPC", "model: RPC", "test.yaml:5: model"),
        ("model: IPC\n", "", "missing key 'model'"),
        ("model: IPC", "model: SFN", "test.yaml:6: entry_point: entry_point in a partition of model SFN"),
        ("entry_point: test_main\n", "", "missing key 'entry_point'"),
        ('"0x400"', '"-4"', "test.yaml:7: stack_size"),
        ('"0x400"', "0", "test.yaml:7: stack_size"),
        ('"0x400"', "MY_STACK", "test.yaml:7: stack_size"),
        ('"0x400"', "1024\nheap_size: 0", "test.yaml:8: heap_size"),
        ('stack_size: "0x400"\n', "", "missing key 'stack_size'"),
        ("sid:", "sidd:", "test.yaml:10"),
        ('"0x0000F080"', '"0x1_0000_0000"', "test.yaml:10"),
        ('"0x0000F080"', "xyz", "test.yaml:10"),
        ("  connection_based: true\n", "", "missing key 'connection_based'"),
        ("connection_based: true", "connection_based: maybe", "test.yaml:11"),
        ("connection_based: true", "connection_based: true\n  stateless_handle: 3", "test.yaml:12"),
        ("connection_based: true", "connection_based: false\n  stateless_handle: 33", "test.yaml:12"),
        ("connection_based: true", "connection_based: false\n  stateless_handle: any", "test.yaml:12"),
        ("connection_based: true", "connection_based: true\n  version: 0", "test.yaml:12"),
        ("connection_based: true", "connection_based: false\n  version: 256", "test.yaml:12"),
        ("connection_based: true", "connection_based: true\n  version_policy: LOOSE", "test.yaml:12"),
        ("connection_based: true", "connection_based: true\n  colour: red", "test.yaml:12"),
        ("services:", "unknown_key: 1\nservices:", "test.yaml:8: unknown key; found 'unknown_key'"),
        ("services:", "stack_size: 3\nservices:", "duplicate key"),
    ],
)
def test_a_manifest_is_refused_with_file_and_line(old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(ManifestError) as error:
        parse(GOOD.replace(old, new, 1))
    assert says in str(error.value)


def test_a_partition_without_service_or_interrupt_is_refused() -> None:
    with pytest.raises(ManifestError, match="neither a service nor an interrupt"):
        parse(GOOD[: GOOD.index("services")])


def test_a_stateless_service_in_version_1_0_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"test.yaml:10.*stateless service in version 1.0"):
        parse(GOOD_1_0 + "  connection_based: false\n")


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_the_own_error(raw: bytes) -> None:
    with contextlib.suppress(ManifestError):
        parse_manifest(raw, "noise.yaml")


@given(st.data())
def test_a_damaged_manifest_raises_nothing_but_the_own_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    noise = data.draw(st.text(max_size=6))
    with contextlib.suppress(ManifestError):
        parse(GOOD[:at] + noise + GOOD[at + len(noise) :])


def a_build(name: str, pid: int, services: list[str], **attributes: object) -> PartitionBuild:
    text = a_manifest(name, services, **attributes)  # type: ignore[arg-type]
    return PartitionBuild(parse_manifest(text, f"{name.lower()}.yaml"), pid, Echo)


A = a_build("A", 256, [a_service("A_SERVICE", 0x100)])


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (
            a_build("B", 256, [a_service("B_SERVICE", 0x200)]),
            "b.yaml:2: partition id 256 is taken by a.yaml:2",
        ),
        (a_build("A", 257, [a_service("B_SERVICE", 0x200)]), "partition name A is taken"),
        (a_build("B", 257, [a_service("A_SERVICE", 0x200)]), "service name A_SERVICE is taken"),
        (a_build("B", 257, [a_service("B_SERVICE", 0x100)]), "SID 0x00000100 is taken"),
        (a_build("B", 0, [a_service("B_SERVICE", 0x200)]), "partition id 0; legal: a positive number"),
        (
            a_build("B", 257, [a_service("B_SERVICE", 0x200)], dependencies="[NOBODY]"),
            "depends on NOBODY, which no partition of this build offers",
        ),
        (
            a_build("B", 257, [a_service(f"B{i}", 0x200 + i) for i in range(29)]),
            "29 services and 0 interrupts; legal: 28 signals",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_build_is_refused(other: PartitionBuild, says: str) -> None:
    with pytest.raises(LoadError) as error:
        check_builds([A, other])
    assert says in str(error.value)


def test_one_sid_in_two_spellings_is_one_sid() -> None:
    """TF-M's own tool compares the raw text; "0x80" and "0x00000080" slip through there (spm.md 4.3)."""
    short = a_manifest("B", [a_service("B_SERVICE", 0x100).replace("0x00000100", '"0x100"')])
    with pytest.raises(LoadError, match="SID 0x00000100 is taken"):
        check_builds([A, PartitionBuild(parse_manifest(short, "b.yaml"), 257, Echo)])


def test_a_missing_weak_dependency_is_legal() -> None:
    check_builds([a_build("B", 257, [a_service("B_SERVICE", 0x200)], weak_dependencies="[NOBODY]")])


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({"A": "A"}, "A -> A"),
        ({"A": "B", "B": "A"}, "A -> B -> A"),
        ({"A": "B", "B": "C", "C": "B"}, "B -> C -> B"),
    ],
)
def test_a_dependency_cycle_is_refused(edges: dict[str, str], cycle: str) -> None:
    builds = [
        a_build(
            n, 256 + i, [a_service(f"{n}_SERVICE", 0x100 + i)], dependencies=f"[{edges.get(n, '')}_SERVICE]"
        )
        if n in edges
        else a_build(n, 256 + i, [a_service(f"{n}_SERVICE", 0x100 + i)])
        for i, n in enumerate("ABC")
    ]
    with pytest.raises(LoadError, match=f"circular dependency {cycle}"):
        load_order([b.manifest for b in builds])


def tfm_manifests() -> list[PartitionManifest]:
    """Names, services and dependencies of TF-M's own partitions (spm.md 4.5)."""
    rows = [
        ("TFM_SP_PS", "PS", ["TFM_CRYPTO", "ITS", "PLATFORM"]),
        ("TFM_SP_ITS", "ITS", []),
        ("TFM_SP_CRYPTO", "TFM_CRYPTO", ["ITS"]),
        ("TFM_SP_PLATFORM", "PLATFORM", []),
        ("TFM_SP_INITIAL_ATTESTATION", "ATTESTATION", ["TFM_CRYPTO"]),
        ("TFM_SP_FWU", "FWU", ["TFM_CRYPTO", "PLATFORM"]),
        ("TFM_SP_MEASURED_BOOT", "MEASURED_BOOT", ["TFM_CRYPTO"]),
        ("TFM_SP_DELEGATED_ATTESTATION", "DELEGATED", ["ATTESTATION", "MEASURED_BOOT", "TFM_CRYPTO"]),
    ]
    return [
        parse(a_manifest(name, [a_service(service, 0x100 + i)], dependencies=f"[{', '.join(needs)}]"))
        for i, (name, service, needs) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("TFM_SP_PS", 0x1F05),
        ("TFM_SP_ITS", 0x1F01),
        ("TFM_SP_CRYPTO", 0x1F02),
        ("TFM_SP_PLATFORM", 0x1F01),
        ("TFM_SP_INITIAL_ATTESTATION", 0x1F03),
        ("TFM_SP_FWU", 0x1F04),
        ("TFM_SP_MEASURED_BOOT", 0x1F03),
        ("TFM_SP_DELEGATED_ATTESTATION", 0x1F09),
    ],
)
def test_load_order_of_tfm_s_partitions(name: str, order: int) -> None:
    assert load_order(tfm_manifests())[name] == order


@pytest.mark.parametrize(("priority", "value"), [(Priority.HIGH, 0x0F01), (Priority.LOW, 0x7F01)])
def test_priority_leads_the_load_order(priority: Priority, value: int) -> None:
    build = a_build("A", 256, [a_service("A_SERVICE", 0x100)], priority=priority.name)
    assert load_order([build.manifest])["A"] == value


def test_stateless_handles_given_come_first_and_auto_fills_the_gaps() -> None:
    numbers = ["auto", 1, "auto", 3, "auto"]
    services = [
        a_service(f"S{i}", 0x100 + i, connection_based=False, stateless_handle=n)
        for i, n in enumerate(numbers)
    ]
    partition = make_partition(a_build("A", 256, services), 0)
    table = assign_stateless_handles(partition.services)
    assert [s.handle for s in partition.services] == [stateless_handle(n, 1) for n in (2, 1, 4, 3, 5)]
    assert [s.name for s in table[:5] if s] == ["S1", "S0", "S3", "S2", "S4"]


@pytest.mark.parametrize(
    ("index", "version", "handle"), [(1, 1, 0x40000100), (4, 1, 0x40000103), (32, 5, 0x4000051F)]
)
def test_stateless_handle_layout(index: int, version: int, handle: int) -> None:
    assert stateless_handle(index, version) == handle
