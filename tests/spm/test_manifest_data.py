"""Whole builds from manifests of TF-M's and psa-arch-tests' shape: ids, handles, signals, load order.

Every YAML and JSON file below tests/data/manifests is read; the tables are spm.md 4.5, 7.1 and 3.
"""

from pathlib import Path

import pytest

from tfm_sim.spm.build_checks import assign_stateless_handles, check_builds, load_order
from tfm_sim.spm.load import PartitionBuild, make_partition
from tfm_sim.spm.manifest import PartitionManifest, PartitionModel, PartitionType, Priority, VersionPolicy
from tfm_sim.spm.manifest_file import load_manifest
from tfm_sim.spm.manifest_list import load_manifest_list

DATA = Path(__file__).parent.parent / "data" / "manifests"
FILES = [f for f in sorted(DATA.rglob("*.*")) if f.name != "manifest_list.yaml"]
LISTS = (DATA / "tfm" / "manifest_list.yaml", DATA / "ff" / "manifest_list.yaml")
VARIABLES = {"FF_MANIFESTS": str(DATA / "ff")}
APP, PSA = PartitionType.APPLICATION_ROT, PartitionType.PSA_ROT
IPC, SFN = PartitionModel.IPC, PartitionModel.SFN
ITS, PLATFORM = "TFM_INTERNAL_TRUSTED_STORAGE_SERVICE", "TFM_PLATFORM_SERVICE"
MEASURED_BOOT, ATTESTATION = "TFM_MEASURED_BOOT", "TFM_ATTESTATION_SERVICE"

ITEMS = load_manifest_list(*LISTS, variables=VARIABLES)
BUILDS = {m.name: PartitionBuild(m, item.pid, object) for item in ITEMS for m in [item.load()]}
ORDER = load_order([build.manifest for build in BUILDS.values()])


def manifest(name: str) -> PartitionManifest:
    return BUILDS[name].manifest


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_a_manifest_file_loads(file: Path) -> None:
    assert load_manifest(file).name in BUILDS


def test_the_partitions_fit_together() -> None:
    assert len(BUILDS) == len(FILES) == 13
    check_builds(list(BUILDS.values()))


# Partition: type, model, entry, id, service, SID, stateless handle, MM-IOVEC, dependencies, load order.
TFM_ROWS = [
    ("PS", APP, SFN, "tfm_ps_entry", 256, "TFM_PROTECTED_STORAGE_SERVICE", 0x60, 0x40000101, False,
     ("TFM_CRYPTO", ITS, PLATFORM), 0x1F05),
    ("ITS", PSA, SFN, "tfm_its_entry", 257, ITS, 0x70, 0x40000102, True, (), 0x1F01),
    ("CRYPTO", PSA, SFN, "tfm_crypto_init", 259, "TFM_CRYPTO", 0x80, 0x40000100, True, (ITS,), 0x1F02),
    ("PLATFORM", PSA, SFN, "platform_sp_init", 260, PLATFORM, 0x40, 0x40000105, False, (), 0x1F01),
    ("INITIAL_ATTESTATION", PSA, SFN, "attest_partition_init", 261, ATTESTATION, 0x20, 0x40000103, True,
     ("TFM_CRYPTO",), 0x1F03),
    ("FWU", PSA, SFN, "tfm_fwu_entry", 271, "TFM_FIRMWARE_UPDATE_SERVICE", 0xA0, 0x40000104, True,
     ("TFM_CRYPTO", PLATFORM), 0x1F04),
    ("MEASURED_BOOT", PSA, SFN, "tfm_measured_boot_init", 275, MEASURED_BOOT, 0xC0, 0x40000110, False,
     ("TFM_CRYPTO",), 0x1F03),
    ("DELEGATED_ATTESTATION", APP, SFN, "", 277, "TFM_DELEGATED_ATTESTATION", 0xE0, 0x40000111, False,
     (ATTESTATION, MEASURED_BOOT, "TFM_CRYPTO"), 0x1F09),
    ("NS_MAILBOX_AGENT", PSA, IPC, "ns_agent_mailbox_entry", 262, "NS_AGENT_MBOX_PROCESS_NEW_MSG", 0xF901,
     0x4000011D, False, (), 0x7F01),
    ("DPE", APP, SFN, "tfm_dpe_init", 278, "TFM_DPE_SERVICE", 0x120, 0x40000112, False, ("TFM_CRYPTO",),
     0x1F03),
]  # fmt: skip


def stateless_handles() -> dict[str, int]:
    services = [s for build in BUILDS.values() for s in make_partition(build, 0).services]
    assign_stateless_handles(services)
    return {service.name: service.handle for service in services}


HANDLES = stateless_handles()


@pytest.mark.parametrize(
    "name, type_, model, entry, pid, service, sid, handle, mm_iovec, needs, order",
    TFM_ROWS,
    ids=[str(row[0]) for row in TFM_ROWS],
)
def test_partition_of_tf_m(
    name: str,
    type_: PartitionType,
    model: PartitionModel,
    entry: str,
    pid: int,
    service: str,
    sid: int,
    handle: int,
    mm_iovec: bool,
    needs: tuple[str, ...],
    order: int,
) -> None:
    name = ("TFM_" if "AGENT" in name else "TFM_SP_") + name
    value = manifest(name)
    (only,) = value.services
    assert (value.type, value.model, value.entry, BUILDS[name].pid) == (type_, model, entry, pid)
    assert (only.name, only.sid, only.mm_iovec, value.dependencies) == (service, sid, mm_iovec, needs)
    assert (only.connection_based, only.non_secure_clients, only.version) == (False, True, 1)
    assert HANDLES[service] == handle
    assert ORDER[name] == order


def test_the_mailbox_agent_s_interrupt_and_client_ids() -> None:
    agent = manifest("TFM_NS_MAILBOX_AGENT")
    (irq,) = agent.irqs
    assert agent.ns_agent and agent.priority is Priority.LOW
    assert agent.client_ids is not None and irq.client_ids is not None
    for ids in (agent.client_ids, irq.client_ids):
        assert (ids.base, ids.limit) == (-0x0400FFFF, -0x04000000)
    assert (irq.source, irq.name, irq.signal) == (
        "MAILBOX_IRQ",
        "MAILBOX_INTERRUPT",
        "MAILBOX_INTERRUPT_SIGNAL",
    )


@pytest.mark.parametrize(
    ("name", "pid", "order", "stack", "heap"),
    [
        ("CLIENT_PARTITION", 5000, 0x1F04, 0x400, 0),
        ("SERVER_PARTITION", 5001, 0x1F02, 0x1000, 0x100),
        ("DRIVER_PARTITION", 5002, 0x1F01, 0x1000, 0x100),
    ],
)
def test_partition_of_psa_arch_tests(name: str, pid: int, order: int, stack: int, heap: int) -> None:
    value = manifest(name)
    assert (BUILDS[name].pid, ORDER[name]) == (pid, order)
    assert (value.stack_size, value.heap_size) == (stack, heap)
    assert (value.model, value.irqs_enabled_at_boot) == (IPC, True)
    assert all(service.connection_based for service in value.services)


@pytest.mark.parametrize(
    ("name", "signals"),
    [
        ("CLIENT_PARTITION", {"CLIENT_TEST_DISPATCHER_SIGNAL": 0x10}),
        (
            "SERVER_PARTITION",
            {
                "SERVER_TEST_DISPATCHER_SIGNAL": 0x10,
                "SERVER_SECURE_CONNECT_ONLY_SIGNAL": 0x20,
                "SERVER_STRICT_VERSION_SIGNAL": 0x40,
                "SERVER_UNSPECIFIED_VERSION_SIGNAL": 0x80,
                "SERVER_RELAX_VERSION_SIGNAL": 0x100,
                "SERVER_UNEXTERN_SIGNAL": 0x200,
                "SERVER_CONNECTION_DROP_SIGNAL": 0x400,
            },
        ),
        (
            "DRIVER_PARTITION",
            {
                "DRIVER_UART_SIGNAL": 0x10,
                "DRIVER_WATCHDOG_SIGNAL": 0x20,
                "DRIVER_NVMEM_SIGNAL": 0x40,
                "DRIVER_TEST_SIGNAL": 0x80,
                "DRIVER_UART_INTR_SIG": 0x80000000,
            },
        ),
        (
            "TFM_NS_MAILBOX_AGENT",
            {"NS_AGENT_MBOX_PROCESS_NEW_MSG_SIGNAL": 0x10, "MAILBOX_INTERRUPT_SIGNAL": 0x80000000},
        ),
    ],
)
def test_signals_of_a_partition(name: str, signals: dict[str, int]) -> None:
    assert manifest(name).signals == signals


def test_a_version_left_out_is_1_and_strict() -> None:
    service = manifest("SERVER_PARTITION").services[3]
    assert (service.name, service.version) == ("SERVER_UNSPECIFIED_VERSION", 1)
    assert service.version_policy is VersionPolicy.STRICT
