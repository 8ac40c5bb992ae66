"""Every manifest and every build that is refused: the rows of spm.md 4.3, each with file and line."""

import pytest
from support.kernel_bench import a_service

from tfm_sim.spm.build_checks import LoadError, assign_stateless_handles, check_builds, load_order
from tfm_sim.spm.load import PartitionBuild, make_partition
from tfm_sim.spm.manifest import ManifestError, PartitionManifest
from tfm_sim.spm.manifest_file import parse_manifest

GOOD = """\
psa_framework_version: 1.1
name: A
type: APPLICATION-ROT
priority: NORMAL
model: IPC
entry_point: a_main
stack_size: "0x400"
services:
- name: A_SERVICE
  sid: "0x00000100"
  connection_based: true
"""
GOOD_1_0 = GOOD.replace("1.1", "1.0").replace("model: IPC\n", "").replace("  connection_based: true\n", "")
STATELESS = GOOD.replace("connection_based: true", "connection_based: false")
IRQ = "irqs:\n- source: TIMER0_IRQ\n  name: TICK\n  handling: SLIH\n"
REGION = "mmio_regions:\n- name: UART0\n  permission: READ-WRITE\n"
AGENT = (
    GOOD
    + 'ns_agent: true\nclient_id_base: "-0x0400ffff"\nclient_id_limit: "-0x04000000"\n'
    + IRQ
    + '  client_id_base: "-0x0400ffff"\n  client_id_limit: "-0x04000000"\n'
)


def parse(text: str, name: str = "a.yaml", backend: str = "IPC") -> PartitionManifest:
    return parse_manifest(text, name, backend=backend)


def manifest_refusal(text: str, **arguments: str) -> str:
    with pytest.raises(ManifestError) as error:
        parse(text, **arguments)
    return str(error.value)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_the_manifests_that_the_cases_change_are_good() -> None:
    for text in (GOOD, GOOD_1_0, STATELESS, GOOD + IRQ, GOOD + REGION, AGENT):
        check_builds([PartitionBuild(parse(text), 256, object)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "colour: red\n", "a.yaml:12: unknown key; found 'colour'"),
        (GOOD + "place_in_dtcm: true\n", "a.yaml:12: unknown key; found 'place_in_dtcm'"),
        (GOOD + "  colour: red\n", "a.yaml:12: services[0]: unknown key; found 'colour'"),
        (GOOD + IRQ + "  priority: 3\n", "a.yaml:16: irqs[0]: unknown key; found 'priority'"),
        (
            GOOD + REGION + "  conditional: X\n",
            "a.yaml:15: mmio_regions[0]: unknown key; found 'conditional'",
        ),
    ],
)
def test_an_unknown_attribute(text: str, says: str) -> None:
    """TF-M manifest tool: attribute not in the known set."""
    assert manifest_refusal(text).startswith(says + "; legal: ")


@pytest.mark.parametrize(("key", "value"), [("ns_agent", "false"), ("weak_dependencies", "[]")])
def test_an_extension_of_tf_m_that_the_list_does_not_register(key: str, value: str) -> None:
    """TF-M manifest tool: attribute not in non_ffm_attributes."""
    with pytest.raises(ManifestError) as error:
        parse_manifest(f"{GOOD}{key}: {value}\n", "a.yaml", registered=())
    assert str(error.value) == (
        f"a.yaml:12: {key}: an extension of TF-M without registration; "
        "legal: in the list's non_ffm_attributes"
    )


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("2.0", "newer than this SPM's framework; found 2.0; legal: 1.0, 1.1"),
        ("1.2", "newer than this SPM's framework; found 1.2; legal: 1.0, 1.1"),
        ("0.9", "not legal; found 0.9; legal: 1.0, 1.1"),
        ('"1.1"', "not legal; found '1.1'; legal: 1.0, 1.1"),
        ("true", "not legal; found true; legal: 1.0, 1.1"),
    ],
)
def test_a_bad_or_newer_framework_version(version: str, says: str) -> None:
    """TF-M manifest tool: bad framework version; TF-M boot: newer than the SPM."""
    message = manifest_refusal(changed(GOOD, "1.1", version))
    assert message == f"a.yaml:1: psa_framework_version: {says}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("APPLICATION-ROT", "APP", "a.yaml:3: type: not legal; found 'APP'; legal: APPLICATION-ROT, PSA-ROT"),
        ("NORMAL", "URGENT", "a.yaml:4: priority: not legal; found 'URGENT'; legal: HIGH, NORMAL, LOW"),
        ("NORMAL", "HIGHEST", "a.yaml:4: priority: not legal; found 'HIGHEST'; legal: HIGH, NORMAL, LOW"),
        ("NORMAL", "LOWEST", "a.yaml:4: priority: not legal; found 'LOWEST'; legal: HIGH, NORMAL, LOW"),
        ("model: IPC", "model: RPC", "a.yaml:5: model: not legal; found 'RPC'; legal: IPC, SFN, dual"),
        ("name: A", "name: 1bad", "a.yaml:2: name: not legal; found '1bad'; legal: a C identifier"),
        ("name: A", "name: TFM-SP", "a.yaml:2: name: not legal; found 'TFM-SP'; legal: a C identifier"),
    ],
)
def test_a_bad_name_type_priority_or_model(old: str, new: str, says: str) -> None:
    """TF-M manifest tool: bad type / priority / model; FF-M: the name is a C macro's."""
    assert manifest_refusal(changed(GOOD, old, new)) == says


@pytest.mark.parametrize("key", ["psa_framework_version", "name", "type", "priority", "stack_size"])
def test_a_required_attribute_is_missing(key: str) -> None:
    text = "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(key))
    assert manifest_refusal(text).startswith(f"a.yaml:1: missing key '{key}'")


def test_the_model_is_missing_in_version_1_1() -> None:
    says = manifest_refusal(changed(GOOD, "model: IPC\n", ""))
    assert says == "a.yaml:1: missing key 'model'; legal: IPC, SFN or dual in a manifest of version 1.1"


@pytest.mark.parametrize("model", ["SFN", "dual"])
def test_another_model_than_ipc_in_version_1_0(model: str) -> None:
    says = manifest_refusal(changed(GOOD_1_0, "name: A\n", f"name: A\nmodel: {model}\n"))
    assert says == f"a.yaml:3: model: not legal; found '{model}'; legal: IPC"


@pytest.mark.parametrize("model", ["IPC", "dual"])
def test_ipc_without_entry_point(model: str) -> None:
    text = changed(changed(GOOD, "model: IPC", f"model: {model}"), "entry_point: a_main\n", "")
    says = manifest_refusal(text)
    assert says == "a.yaml:2: missing key 'entry_point'; legal: a C identifier for an IPC partition"


@pytest.mark.parametrize(("model", "key"), [("SFN", "entry_point"), ("IPC", "entry_init")])
def test_the_entry_of_the_other_model(model: str, key: str) -> None:
    text = changed(GOOD, "model: IPC", f"model: {model}").replace("entry_point", key)
    assert f"a.yaml:6: {key}: {key} in a partition of model {model}" in manifest_refusal(text)


def test_a_service_without_connection_based_in_version_1_1() -> None:
    says = manifest_refusal(changed(GOOD, "  connection_based: true\n", ""))
    assert says.startswith("a.yaml:9: services[0]: missing key 'connection_based'")


def test_a_stateless_service_in_version_1_0() -> None:
    says = manifest_refusal(GOOD_1_0 + "  connection_based: false\n")
    assert says.startswith("a.yaml:10: services[0].connection_based: a stateless service in version 1.0")


@pytest.mark.parametrize("value", ["0", "33", "-1", "any", "1.5", '"3"'])
def test_a_stateless_handle_out_of_1_to_32_or_another_string(value: str) -> None:
    says = manifest_refusal(STATELESS + f"  stateless_handle: {value}\n")
    assert says.startswith("a.yaml:12: services[0].stateless_handle: ")
    assert says.endswith('legal: an integer in 1..32, or "auto"')


def test_a_stateless_handle_of_a_connection_based_service() -> None:
    says = manifest_refusal(GOOD + "  stateless_handle: 3\n")
    assert says.startswith("a.yaml:12: services[0].stateless_handle: stateless_handle of a connection-based")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"0x400"', "0", "a.yaml:7: stack_size: out of range; found 0"),
        ('"0x400"', '"0x0"', "a.yaml:7: stack_size: out of range; found '0x0'"),
        ('"0x400"', '"-4"', "a.yaml:7: stack_size: out of range; found '-4'"),
        ('"0x400"', "MY_STACK", "a.yaml:7: stack_size: wrong type; found 'MY_STACK'"),
        ('"0x400"', '"0x1_0"', "a.yaml:7: stack_size: wrong type; found '0x1_0'"),
        ('"0x400"', "1024\nheap_size: 0", "a.yaml:8: heap_size: out of range; found 0"),
    ],
)
def test_a_stack_or_heap_that_is_not_positive(old: str, new: str, says: str) -> None:
    """FF-M: stack > 0, heap > 0 if given."""
    assert manifest_refusal(changed(GOOD, old, new)).startswith(
        f"{says}; legal: a positive number of bytes, a hex"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "  version: 0\n", "a.yaml:12: services[0].version: out of range; found 0"),
        (GOOD + "  version: -1\n", "a.yaml:12: services[0].version: out of range; found -1"),
        (STATELESS + "  version: 256\n", "a.yaml:12: services[0].version: out of range; found 256"),
        (
            GOOD + "  version_policy: LOOSE\n",
            "a.yaml:12: services[0].version_policy: not legal; found 'LOOSE'",
        ),
        (GOOD + "  version_policy: strict\n", "a.yaml:12: services[0].version_policy: not legal"),
    ],
)
def test_a_version_that_is_not_positive_or_a_misspelt_policy(text: str, says: str) -> None:
    """FF-M: version > 0, version_policy spelling; a stateless version fits its handle."""
    assert manifest_refusal(text).startswith(says)


@pytest.mark.parametrize("sid", ['"0x1_0000_0000"', '"0x100000000"', "-1", "xyz", '""'])
def test_a_sid_that_is_no_32_bit_number(sid: str) -> None:
    says = manifest_refusal(changed(GOOD, '"0x00000100"', sid))
    assert says.startswith("a.yaml:10: services[0].sid: ")
    assert says.endswith("legal: a 32-bit SID, as a number or hex string")


@pytest.mark.parametrize(
    ("version", "irq", "says"),
    [
        ("1.0", "{source: 5, name: TICK, handling: SLIH}", "irqs[0]: unknown key; found 'name'"),
        ("1.1", "{source: 5, signal: TICK}", "irqs[0]: unknown key; found 'signal'"),
        ("1.1", "{source: 5, name: TICK}", "irqs[0]: missing key 'handling'"),
        ("1.1", "{source: 5, name: TICK, handling: FAST}", "irqs[0].handling: not legal; found 'FAST'"),
        (
            "1.1",
            "{source: TIMER-0, name: TICK, handling: SLIH}",
            "irqs[0].source: not legal; found 'TIMER-0'",
        ),
        ("1.1", "{source: -1, name: TICK, handling: SLIH}", "irqs[0].source: out of range; found -1"),
    ],
)
def test_an_interrupt_of_the_wrong_form(version: str, irq: str, says: str) -> None:
    text = GOOD if version == "1.1" else GOOD_1_0
    assert says in manifest_refusal(f"{text}irqs:\n- {irq}\n")


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ("{name: UART0}", "mmio_regions[0]: missing key 'permission'"),
        ("{name: UART0, permission: WRITE}", "mmio_regions[0].permission: not legal; found 'WRITE'"),
        ("{permission: READ-ONLY}", "mmio_regions[0]: neither named nor numbered"),
        (
            '{base: "0x1000", permission: READ-ONLY}',
            "mmio_regions[0]: neither named nor numbered; found base",
        ),
        (
            '{name: U, base: "0x1000", size: 4, permission: READ-ONLY}',
            "mmio_regions[0]: neither named nor numbered; found name, base, size",
        ),
        ('{base: "4096", size: 4, permission: READ-ONLY}', "mmio_regions[0].base: not legal; found '4096'"),
        ("{base: 0x1000, size: 4, permission: READ-ONLY}", "mmio_regions[0].base: wrong type; found 0x1000"),
        ('{base: "0x1000", size: 0, permission: READ-ONLY}', "mmio_regions[0].size: out of range; found 0"),
        (
            '{base: "0xfffff000", size: 0x1001, permission: READ-ONLY}',
            "mmio_regions[0].size: end above 4 GiB; found 0x100000001; legal: up to 0x100000000",
        ),
    ],
)
def test_an_mmio_region_of_the_wrong_form(region: str, says: str) -> None:
    assert says in manifest_refusal(f"{GOOD}mmio_regions:\n- {region}\n")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"-0x0400ffff"', '"0x0400ffff"', "a.yaml:13: client_id_base: not negative; found '0x0400ffff'"),
        ('"-0x0400ffff"', '"-0x80000001"', "a.yaml:13: client_id_base: out of range; found '-0x80000001'"),
        ('"-0x0400ffff"', '"0x100000000"', "a.yaml:13: client_id_base: out of range; found '0x100000000'"),
        ('"-0x0400ffff"', '"0"', "a.yaml:13: client_id_base: not negative; found '0'"),
        ('"-0x0400ffff"', "all", "a.yaml:13: client_id_base: wrong type; found 'all'"),
        ('client_id_base: "-0x0400ffff"\n', "", "a.yaml:1: missing key 'client_id_base'"),
        (
            'client_id_limit: "-0x04000000"\n',
            'client_id_limit: "-0x04010000"\n',
            "a.yaml:13: client_id_base: base above limit; found -0x400ffff; legal: up to -0x4010000",
        ),
        (
            '  client_id_base: "-0x0400ffff"\n',
            '  client_id_base: "-0x04010000"\n',
            "a.yaml:19: irqs[0].client_id_base: client ids outside the agent's; "
            "found -0x4010000..-0x4000000; legal: within -0x400ffff..-0x4000000",
        ),
        ('  client_id_limit: "-0x04000000"\n', "", "a.yaml:16: irqs[0]: missing key 'client_id_limit'"),
    ],
)
def test_client_ids_of_an_agent_that_are_no_range_of_negative_32_bit_numbers(
    old: str, new: str, says: str
) -> None:
    """TF-M manifest tool: ns_agent ranges."""
    at = AGENT.index(IRQ) if says.startswith(("a.yaml:16", "a.yaml:19")) else 0
    assert manifest_refusal(AGENT[:at] + changed(AGENT[at:], old, new)).startswith(says)


def renamed(text: str, name: str) -> str:
    """The good manifest, or one made from it, with a name, a service and symbols of its own."""
    text = text.replace("A_SERVICE", f"{name}_SERVICE").replace("a_main", f"{name.lower()}_main")
    return text.replace("name: A\n", f"name: {name}\n").replace("0x00000100", f"0x{ord(name[0]):08x}")


def build(name: str, pid: int, text: str = GOOD, backend: str = "IPC") -> PartitionBuild:
    return PartitionBuild(parse(renamed(text, name), f"{name.lower()}.yaml", backend), pid, object)


def build_refusal(*builds: PartitionBuild, **arguments: object) -> str:
    with pytest.raises(LoadError) as error:
        check_builds(builds, **arguments)  # type: ignore[arg-type]
    return str(error.value)


A = build("A", 256)
NO_SERVICE = GOOD[: GOOD.index("services")]


@pytest.mark.parametrize("pid", [256, 3000])
def test_neither_a_service_nor_an_interrupt(pid: int) -> None:
    """TF-M manifest tool: no service and no irq (PID absent or >= 256)."""
    says = build_refusal(build("B", pid, NO_SERVICE))
    assert says == (
        "b.yaml:2: B has neither a service nor an interrupt; legal: at least one, or a partition id below 256"
    )


def test_tf_m_s_own_partitions_may_have_neither_service_nor_interrupt() -> None:
    check_builds([build("B", 255, NO_SERVICE)])


@pytest.mark.parametrize(
    ("pid", "says"),
    [
        (-1, "b.yaml:2: partition id -1; legal: a number in 1..5999"),
        (0, "b.yaml:2: partition id 0; legal: a number in 1..5999"),
        (6000, "b.yaml:2: partition id 6000; legal: a number in 1..5999"),
        (1, "b.yaml:2: partition id 1 is taken by TF-M's idle partition; legal: one that is free"),
        (2, "b.yaml:2: partition id 2 is taken by TF-M's TrustZone agent; legal: one that is free"),
        (256, "b.yaml:2: partition id 256 is taken by a.yaml:2; legal: one that is free"),
    ],
)
def test_a_partition_id_out_of_range_or_taken(pid: int, says: str) -> None:
    """TF-M manifest tool: duplicate PID; TF-M boot: PID < 0; TF-M PID table."""
    assert build_refusal(A, build("B", pid)) == says


@pytest.mark.parametrize(
    ("own", "taken", "says"),
    [
        (
            "name: B\n",
            "name: A\n",
            "b.yaml:2: partition name A is taken by a.yaml:2; legal: one that is free",
        ),
        (
            "B_SERVICE",
            "A_SERVICE",
            "b.yaml:9: service name A_SERVICE is taken by a.yaml:9; legal: one that is free",
        ),
        ("b_main", "a_main", "b.yaml:6: entry symbol a_main is taken by a.yaml:6; legal: one that is free"),
    ],
)
def test_a_name_or_entry_symbol_twice(own: str, taken: str, says: str) -> None:
    """FF-M: unique names and entry points."""
    other = parse(changed(renamed(GOOD, "B"), own, taken), "b.yaml")
    assert build_refusal(A, PartitionBuild(other, 257, object)) == says


def test_an_entry_init_twice() -> None:
    sfn = GOOD.replace("model: IPC", "model: SFN").replace("entry_point: a_main", "entry_init: shared_init")
    says = build_refusal(build("A", 256, sfn), build("B", 257, sfn))
    assert says.startswith("b.yaml:6: entry symbol shared_init is taken by a.yaml:6")


@pytest.mark.parametrize("sid", ['"0x41"', '"0x00000041"', "65", "0x41"])
def test_one_sid_in_two_spellings_is_one_sid(sid: str) -> None:
    """TF-M manifest tool: duplicate SID; its own comparison of the raw text lets another spelling through."""
    other = build("B", 257, GOOD.replace('"0x00000100"', sid))
    assert build_refusal(A, other) == "b.yaml:9: SID 0x00000041 is taken by a.yaml:9; legal: one that is free"


def test_one_stateless_handle_twice() -> None:
    """TF-M manifest tool: duplicate stateless_handle; TF-M boot: slot taken twice."""
    text = STATELESS + "  stateless_handle: 7\n"
    says = build_refusal(build("A", 256, text), build("B", 257, text))
    assert says == "b.yaml:9: stateless_handle 7 is taken by a.yaml:9; legal: one that is free"


def many_services(count: int, connection_based: bool = True) -> str:
    items = (a_service(f"A_SERVICE{i}", 0x1000 + i, connection_based=connection_based) for i in range(count))
    return NO_SERVICE + "services:\n" + "".join(f"- {item}\n" for item in items)


def test_more_than_28_services_and_interrupts() -> None:
    """TF-M manifest tool: services + irqs > 28."""
    check_builds([build("B", 257, many_services(27) + IRQ)])
    says = build_refusal(build("B", 257, many_services(28) + IRQ))
    assert says == "b.yaml:2: 28 services and 1 interrupts; legal: 28 signals in all"


def test_more_than_32_stateless_services() -> None:
    """TF-M manifest tool: > 32 stateless services."""
    first = make_partition(build("A", 256, many_services(28, False)), 0).services
    for count in (4, 5):
        services = [*first, *make_partition(build("B", 257, many_services(count, False)), 0).services]
        if count == 4:
            assert all(assign_stateless_handles(services))
            continue
        with pytest.raises(LoadError) as error:
            assign_stateless_handles(services)
        assert str(error.value) == "b.yaml:13: 33 stateless services; legal: 32 in a build"


@pytest.mark.parametrize("kind", ["dependencies", "weak_dependencies"])
@pytest.mark.parametrize(
    ("edges", "says"),
    [
        ({"A": "A"}, "a.yaml:12: circular dependency A -> A"),
        ({"A": "B", "B": "A"}, "b.yaml:12: circular dependency A -> B -> A"),
        ({"A": "B", "B": "C", "C": "B"}, "c.yaml:12: circular dependency B -> C -> B"),
        ({"A": "C", "B": "C", "C": "B"}, "b.yaml:12: circular dependency C -> B -> C"),
    ],
)
def test_a_circular_dependency(edges: dict[str, str], says: str, kind: str) -> None:
    """TF-M manifest tool: over dependencies and weak ones, self-dependency included."""
    manifests = []
    for name in "ABC":
        needs = f"{kind}: [{edges[name]}_SERVICE]\n" if name in edges else ""
        manifests.append(parse(renamed(GOOD, name) + needs, f"{name.lower()}.yaml"))
    with pytest.raises(LoadError) as error:
        load_order(manifests)
    assert str(error.value) == f"{says}; legal: dependencies without a cycle"


def test_an_ipc_partition_on_the_sfn_backend() -> None:
    """TF-M manifest tool: SFN backend with any non-agent IPC partition of PID >= 256."""
    dual = GOOD.replace("model: IPC", "model: dual")
    check_builds([build("A", 255), build("B", 256, dual, "SFN"), build("C", 257, AGENT)], backend="SFN")
    says = build_refusal(build("B", 256), backend="SFN")
    assert says == "b.yaml:2: B is of model IPC on the SFN backend; legal: SFN or dual, or the IPC backend"


def test_the_sfn_backend_above_isolation_level_1() -> None:
    """TF-M manifest tool: SFN backend with isolation level > 1."""
    sfn = build("A", 256, GOOD.replace("IPC", "SFN").replace("entry_point: a_main\n", ""))
    check_builds([sfn], backend="SFN")
    for level in (2, 3):
        assert f"isolation level {level}; legal: 1" in build_refusal(
            sfn, backend="SFN", isolation_level=level
        )


def test_agents_whose_client_ids_overlap() -> None:
    """TF-M manifest tool and boot: overlap between agents, TF-M's own included."""
    no_irq = AGENT[: AGENT.index("irqs")]
    other = no_irq.replace("-0x0400ffff", "-0x05000000").replace(
        'limit: "-0x04000000"', 'limit: "-0x0400ffff"'
    )
    says = build_refusal(build("A", 256, no_irq), build("B", 257, other))
    assert says.startswith(
        "b.yaml:13: client ids -0x5000000..-0x400ffff of B and client ids -0x400ffff..-0x4000000 of A "
        "(a.yaml:13) overlap"
    )
    trust_zone = no_irq.replace("-0x0400ffff", "-0x3C000000")
    assert "of A and TF-M's TrustZone agent (built in) overlap" in build_refusal(build("A", 256, trust_zone))
    apart = other.replace('limit: "-0x0400ffff"', 'limit: "-0x04010000"')
    check_builds([build("A", 256, no_irq), build("B", 257, apart)])


def test_a_dependency_on_a_service_that_is_not_in_the_build() -> None:
    """C compile: undefined <svc>_SID; a weak dependency is dropped instead."""
    says = build_refusal(build("B", 257, GOOD + "dependencies:\n- B_SERVICE\n- NOBODY\n"))
    assert says == (
        "b.yaml:14: B depends on NOBODY, which no partition of this build offers; "
        "legal: B_SERVICE, or a weak dependency"
    )
    check_builds([build("B", 257, GOOD + "weak_dependencies: [NOBODY]\n")])


@pytest.mark.parametrize("name", ["A_SERVICE", "TICK"])
def test_two_signals_of_one_partition_with_one_symbol(name: str) -> None:
    """C compile: a signal's macro defined twice."""
    irqs = f"{IRQ}- source: TIMER1_IRQ\n  name: {name}\n  handling: SLIH\n"
    says = build_refusal(PartitionBuild(parse(GOOD + irqs), 256, object))
    first = {"A_SERVICE": 9, "TICK": 13}[name]
    assert says == (
        f"a.yaml:16: A's signal {name}_SIGNAL is taken by a.yaml:{first}; legal: one that is free"
    )


SOURCES = {"TIMER0_IRQ": 3, "TIMER0_IRQn": 3, "UART0_IRQ": 42}


@pytest.mark.parametrize(
    ("first", "second", "sources", "taken"),
    [
        ("TIMER0_IRQ", "TIMER0_IRQ", None, "TIMER0_IRQ"),
        ("5", "5", None, "5"),
        ("TIMER0_IRQ", "TIMER0_IRQn", SOURCES, "3"),
        ("TIMER0_IRQ", "3", SOURCES, "3"),
    ],
)
def test_one_interrupt_of_two_partitions(
    first: str, second: str, sources: dict[str, int] | None, taken: str
) -> None:
    """FF-M: an IRQ has one owner."""
    one, two = ((GOOD + IRQ).replace("TIMER0_IRQ", source) for source in (first, second))
    says = build_refusal(build("A", 256, one), build("B", 257, two), irq_sources=sources)
    assert says == f"b.yaml:13: interrupt {taken} is taken by a.yaml:13; legal: one that is free"


@pytest.mark.parametrize("source", ["MAILBOX_IRQ", "4"])
def test_an_interrupt_that_the_platform_does_not_know(source: str) -> None:
    """TF-M boot: IRQ init failure."""
    partition = build("A", 256, (GOOD + IRQ).replace("TIMER0_IRQ", source))
    says = build_refusal(partition, irq_sources=SOURCES)
    assert says.startswith(f"a.yaml:13: the platform has no interrupt {source}; legal: TIMER0_IRQ (3), ")
    check_builds([partition])


@pytest.mark.parametrize("source", ["TIMER0_IRQ", "UART0_IRQ", "42"])
def test_an_interrupt_that_the_platform_knows_is_legal(source: str) -> None:
    check_builds([build("A", 256, (GOOD + IRQ).replace("TIMER0_IRQ", source))], irq_sources=SOURCES)


REGIONS = {"UART0": (0x40200000, 0x1000), "UART1": (0x40201000, 0x1000)}
NUMBERED = 'mmio_regions:\n- {{base: "{:#x}", size: {:#x}, permission: READ-ONLY}}\n'


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (REGION, REGION, "b.yaml:13: MMIO region UART0 is taken by a.yaml:13"),
        (
            NUMBERED.format(0x1000, 0x100),
            NUMBERED.format(0x10FF, 0x100),
            "b.yaml:13: MMIO region 0x10ff and MMIO region 0x1000 (a.yaml:13) overlap",
        ),
        (
            NUMBERED.format(0x40200FFC, 4),
            REGION,
            "b.yaml:13: MMIO region UART0 and MMIO region 0x40200ffc (a.yaml:13) overlap",
        ),
        (
            REGION,
            NUMBERED.format(0x40000000, 0x200001),
            "b.yaml:13: MMIO region 0x40000000 and MMIO region UART0 (a.yaml:13) overlap",
        ),
    ],
)
def test_one_mmio_region_of_two_partitions(first: str, second: str, says: str) -> None:
    """FF-M: MMIO regions are exclusive and do not overlap."""
    builds = build("A", 256, GOOD + first), build("B", 257, GOOD + second)
    assert build_refusal(*builds, mmio_regions=REGIONS).startswith(says)


def test_mmio_regions_side_by_side_are_legal() -> None:
    numbered = NUMBERED.format(0x401FF000, 0x1000)
    names = [REGION, REGION.replace("UART0", "UART1"), numbered]
    builds = [
        build(name, 256 + i, GOOD + text) for i, (name, text) in enumerate(zip("ABC", names, strict=True))
    ]
    check_builds(builds, mmio_regions=REGIONS)


def test_a_named_mmio_region_that_the_platform_does_not_list() -> None:
    """TF-M boot: named MMIO not on platform list."""
    partition = build("A", 256, GOOD + REGION.replace("UART0", "TIMER9"))
    says = build_refusal(partition, mmio_regions=REGIONS)
    assert says == "a.yaml:13: the platform has no MMIO region TIMER9; legal: UART0, UART1"
    check_builds([partition])
