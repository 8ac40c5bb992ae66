"""Manifests and what a build of them must satisfy (spm.md 4; FF-M 1.1, TF-M's manifest tool)."""

import contextlib
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_bench import Echo, a_manifest, a_service
from support.yaml_strategies import yaml_values

from tfm_sim.interface.tfm.services import stateless_handle
from tfm_sim.spm.build_checks import assign_stateless_handles, check_builds, load_order
from tfm_sim.spm.load import PartitionBuild, make_partition
from tfm_sim.spm.manifest import (
    IrqHandling,
    IrqManifest,
    ManifestError,
    MmioRegionManifest,
    PartitionManifest,
    PartitionModel,
    Priority,
    VersionPolicy,
)
from tfm_sim.spm.manifest_file import parse_manifest

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
GOOD_ALL = (
    GOOD
    + """\
  stateless_handle: auto
irqs:
- {source: 5, name: TICK, handling: SLIH, client_id_base: "-2", client_id_limit: "-1"}
mmio_regions:
- {base: "0x40000000", size: 0x100, permission: READ-ONLY}
dependencies: [OTHER]
weak_dependencies: [OTHER]
ns_agent: true
client_id_base: "-2"
client_id_limit: "-1"
heap_size: 16
description: everything
"""
)
GOOD_ALL = GOOD_ALL.replace("connection_based: true", "connection_based: false")
GOOD_1_0 = GOOD.replace("1.1", "1.0").replace("model: IPC\n", "").replace("  connection_based: true\n", "")


def parse(text: str) -> PartitionManifest:
    return parse_manifest(text, "test.yaml")


def test_a_manifest_with_every_attribute_but_those_of_sfn() -> None:
    manifest = parse(GOOD_ALL)
    assert (manifest.description, manifest.heap_size, manifest.ns_agent) == ("everything", 16, True)
    assert (manifest.dependencies, manifest.weak_dependencies) == (("OTHER",), ("OTHER",))


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
    ("backend", "model", "entry"),
    [("IPC", PartitionModel.IPC, "test_main"), ("SFN", PartitionModel.SFN, "test_init")],
)
def test_a_dual_manifest_follows_the_backend(backend: str, model: PartitionModel, entry: str) -> None:
    text = GOOD.replace("model: IPC", "model: dual\nentry_init: test_init")
    manifest = parse_manifest(text, "test.yaml", backend=backend)
    assert (manifest.dual, manifest.model, manifest.entry) == (True, model, entry)
    for other in PartitionModel:
        assert manifest.for_backend(other.value).model is other


def test_a_dual_manifest_may_have_one_entry_where_the_backend_does_not_need_the_other() -> None:
    text = GOOD.replace("model: IPC", "model: dual")
    assert parse_manifest(text, "test.yaml", backend="IPC").entry == "test_main"
    assert parse_manifest(text, "test.yaml", backend="SFN").entry == ""


def test_entry_init_of_an_sfn_partition_is_optional() -> None:
    sfn = GOOD.replace("model: IPC", "model: SFN")
    assert parse(sfn.replace("entry_point: test_main\n", "")).entry == ""
    assert parse(sfn.replace("entry_point", "entry_init")).entry == "test_main"


@pytest.mark.parametrize(
    ("size", "value"), [("1024", 1024), ('"1024"', 1024), ('"0x0400"', 0x400), ("CRYPTO_STACK_SIZE", 0x1B00)]
)
def test_sizes_are_numbers_hex_strings_or_build_symbols(size: str, value: int) -> None:
    manifest = parse(GOOD.replace('"0x400"', f"{size}\nheap_size: {size}"))
    assert (manifest.stack_size, manifest.heap_size) == (value, value)


def test_an_interrupt_of_version_1_1_has_a_name_and_a_kind() -> None:
    manifest = parse(GOOD + "irqs:\n- {source: TIMER0_IRQ, name: TICK, handling: FLIH, description: ticks}\n")
    assert manifest.irqs == (
        IrqManifest("TIMER0_IRQ", "TICK", "TICK_SIGNAL", IrqHandling.FLIH, "ticks", None, 13),
    )
    assert (manifest.irqs[0].flih, manifest.irqs_enabled_at_boot) == ("tick_flih", False)


def test_an_interrupt_of_version_1_0_has_a_signal_and_is_slih() -> None:
    manifest = parse(GOOD_1_0 + "irqs:\n- {source: 5, signal: TICK_SIG}\n")
    assert manifest.irqs == (IrqManifest(5, "TICK_SIG", "TICK_SIG", IrqHandling.SLIH, "", None, 11),)
    assert (manifest.irqs[0].flih, manifest.irqs_enabled_at_boot) == ("", True)


def test_a_region_is_named_or_numbered() -> None:
    manifest = parse(
        GOOD
        + "mmio_regions:\n- {name: UART0, permission: READ-WRITE}\n"
        + '- {base: "0x40000000", size: 0x100, permission: READ-ONLY}\n'
    )
    assert manifest.mmio_regions == (
        MmioRegionManifest("UART0", None, None, True, 13),
        MmioRegionManifest("", 0x40000000, 0x100, False, 14),
    )


def test_signals_start_at_bit_4_for_services_and_at_bit_31_for_interrupts() -> None:
    irqs = "irqs:\n" + "".join(f"- {{source: {i}, name: IRQ{i}, handling: SLIH}}\n" for i in range(2))
    more = '- {name: MORE, sid: "0xF081", connection_based: true}\n'
    expected = {"TEST_SERVICE_SIGNAL": 0x10, "MORE_SIGNAL": 0x20}
    expected |= {"IRQ0_SIGNAL": 0x80000000, "IRQ1_SIGNAL": 0x40000000}
    assert parse(GOOD + more + irqs).signals == expected


def test_signals_of_an_sfn_partition_are_its_interrupts_only() -> None:
    text = GOOD.replace("model: IPC", "model: SFN").replace("entry_point: test_main\n", "")
    assert parse(text + "irqs:\n- {source: 1, name: IRQ, handling: SLIH}\n").signals == {
        "IRQ_SIGNAL": 0x80000000
    }


@pytest.mark.parametrize(
    ("base", "limit", "value"),
    [
        ('"-0x3C00FFFF"', '"-0x3C000000"', (-0x3C00FFFF, -0x3C000000)),
        ('"0xC3FF0001"', '"0xC4000000"', (-0x3C00FFFF, -0x3C000000)),
        ("-10", "-1", (-10, -1)),
        ('"-0x80000000"', '"0xFFFFFFFF"', (-0x80000000, -1)),
    ],
)
def test_client_ids_of_an_agent(base: str, limit: str, value: tuple[int, int]) -> None:
    manifest = parse(GOOD + f"ns_agent: true\nclient_id_base: {base}\nclient_id_limit: {limit}\n")
    assert manifest.client_ids is not None
    assert (manifest.client_ids.base, manifest.client_ids.limit) == value


def test_lines_of_nested_attributes() -> None:
    manifest = parse(GOOD + "dependencies:\n- FIRST\n- SECOND\n")
    assert (manifest.where, manifest.at("stack_size")) == ("test.yaml:2", "test.yaml:7")
    assert (manifest.at("SECOND"), manifest.services[0].line) == ("test.yaml:14", 9)


def test_json_is_read_as_yaml() -> None:
    assert parse(json.dumps(yaml.safe_load(GOOD))).services[0].sid == 0xF080


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_the_own_error(raw: bytes) -> None:
    with contextlib.suppress(ManifestError):
        parse_manifest(raw, "noise.yaml")


KEYS = (
    *("psa_framework_version", "name", "type", "priority", "stack_size", "model", "entry_point", "services"),
    *(
        "irqs",
        "mmio_regions",
        "dependencies",
        "ns_agent",
        "client_id_base",
        "source",
        "sid",
        "version",
        "base",
    ),
)


@given(yaml_values(KEYS) | yaml_values(KEYS, inner_only=True))
def test_arbitrary_structures_raise_nothing_but_the_own_error(text: str) -> None:
    with contextlib.suppress(ManifestError):
        parse(text)


@given(
    st.sampled_from(sorted(yaml.safe_load(GOOD_ALL))), yaml_values(KEYS) | yaml_values(KEYS, inner_only=True)
)
def test_an_arbitrary_attribute_raises_nothing_but_the_own_error(key: str, value: str) -> None:
    with contextlib.suppress(ManifestError):
        parse(json.dumps(yaml.safe_load(GOOD_ALL) | {key: json.loads(value)}))


@given(st.sampled_from(("services", "irqs", "mmio_regions")), yaml_values(KEYS, inner_only=True))
def test_an_arbitrary_object_raises_nothing_but_the_own_error(key: str, value: str) -> None:
    with contextlib.suppress(ManifestError):
        whole = yaml.safe_load(GOOD_ALL)
        parse(json.dumps(whole | {key: [whole[key][0] | json.loads(value)]}))


@given(st.data())
def test_a_damaged_manifest_raises_nothing_but_the_own_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    noise = data.draw(st.text(max_size=6))
    with contextlib.suppress(ManifestError):
        parse(GOOD[:at] + noise + GOOD[at + len(noise) :])


def a_build(name: str, pid: int, services: list[str], **attributes: object) -> PartitionBuild:
    text = a_manifest(name, services, **attributes)  # type: ignore[arg-type]
    return PartitionBuild(parse_manifest(text, f"{name.lower()}.yaml"), pid, Echo)


def test_a_missing_weak_dependency_is_legal() -> None:
    check_builds([a_build("B", 257, [a_service("B_SERVICE", 0x200)], weak_dependencies="[NOBODY]")])


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
