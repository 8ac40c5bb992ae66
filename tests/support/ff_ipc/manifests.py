"""The manifests of the three partitions, for every variant of the demands."""

from typing import Any

import yaml
from support.ff_ipc.facts import CLIENT, DRIVER, HEAP_SIZES, SERVER, SERVICES, STACK_SIZES, Service, Setup

from tfm_sim.spm.manifest import PartitionManifest
from tfm_sim.spm.manifest_file import parse_manifest

TYPES = {CLIENT: "APPLICATION-ROT", SERVER: "APPLICATION-ROT", DRIVER: "PSA-ROT"}
ENTRY_POINTS = {CLIENT: "client_main", SERVER: "server_main", DRIVER: "driver_main"}
DEPENDENCIES = {
    CLIENT: [
        "DRIVER_UART",
        "DRIVER_NVMEM",
        "DRIVER_TEST",
        "SERVER_TEST_DISPATCHER",
        "SERVER_UNSPECIFIED_VERSION",
        "SERVER_STRICT_VERSION",
        "SERVER_RELAX_VERSION",
        "SERVER_SECURE_CONNECT_ONLY",
        "SERVER_CONNECTION_DROP",
    ],
    SERVER: ["DRIVER_UART", "DRIVER_NVMEM"],
    DRIVER: [],
}
MMIO_REGIONS = {
    CLIENT: [],
    SERVER: ["FF_TEST_SERVER_PARTITION_MMIO"],
    DRIVER: [
        "FF_TEST_UART_REGION",
        "FF_TEST_WATCHDOG_REGION",
        "FF_TEST_NVMEM_REGION",
        "FF_TEST_DRIVER_PARTITION_MMIO",
    ],
}


def manifest_of(partition: str, setup: Setup) -> PartitionManifest:
    """The manifest of one of the three partitions."""
    is_1_0 = setup.framework == "1.0"
    entry: dict[str, Any] = {
        "psa_framework_version": float(setup.framework),
        "name": partition,
        "type": TYPES[partition],
        "priority": "NORMAL",
        "entry_point": ENTRY_POINTS[partition],
        "stack_size": hex(STACK_SIZES[partition]),
        "dependencies": DEPENDENCIES[partition],
        "services": [_service(service, setup) for service in SERVICES[partition]],
        "mmio_regions": [{"name": name, "permission": "READ-WRITE"} for name in MMIO_REGIONS[partition]],
    }
    if not is_1_0:
        entry["model"] = "IPC"
    if HEAP_SIZES[partition]:
        entry["heap_size"] = hex(HEAP_SIZES[partition])
    if partition == DRIVER:
        signal = {"signal": "DRIVER_UART_INTR_SIG"}
        name = {"name": "DRIVER_UART_INTR", "handling": "SLIH"}
        entry["irqs"] = [{"source": "FF_TEST_UART_IRQ"} | (signal if is_1_0 else name)]
    return parse_manifest(yaml.safe_dump(entry, sort_keys=False), f"{partition.lower()}.yaml")


def _service(service: Service, setup: Setup) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": service.name,
        "sid": f"0x{service.sid:08X}",
        "non_secure_clients": service.for_ns,
    }
    if service.policy:
        entry |= {"version": service.version, "version_policy": service.policy}
    if setup.framework != "1.0":
        entry["connection_based"] = not setup.stateless
    if setup.stateless:
        entry["stateless_handle"] = service.number
    return entry
