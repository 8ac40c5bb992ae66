"""The manifests say what TF-M's say (spm.md 4.5)."""

import pytest
from support.partition_bench import make_hal, standard_builds, start_partitions

from tfm_sim.interface.tfm import services
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.firmware_update.config import FwuBuild
from tfm_sim.partitions.initial_attestation.config import AttestationConfig
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.partitions.programs import programs
from tfm_sim.partitions.protected_storage.config import PsConfig
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.spm.load import load_order
from tfm_sim.spm.manifest import PartitionModel, PartitionType

MEASURED_BOOT = MeasuredBootConfig()
BUILDS = {
    b.manifest.name: b
    for b in standard_builds(
        AttestationConfig(), CryptoConfig(), measured_boot=MEASURED_BOOT, firmware_update=FwuBuild()
    )
}

PLAIN = {b.manifest.name: b for b in standard_builds(AttestationConfig(), CryptoConfig())}
"""Without the measured boot partition, which attestation waits for where there is one."""


@pytest.mark.parametrize(
    "name, pid, entry, service, sid, index, version, mm_iovec, order",
    [
        ("TFM_SP_CRYPTO", 259, "tfm_crypto_init", "TFM_CRYPTO", services.TFM_CRYPTO_SID, 1, 1, True, 0x1F02),
        (
            "TFM_SP_ITS",
            257,
            "tfm_its_entry",
            "TFM_INTERNAL_TRUSTED_STORAGE_SERVICE",
            services.TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID,
            3,
            1,
            True,
            0x1F01,
        ),
        (
            "TFM_SP_PLATFORM",
            260,
            "platform_sp_init",
            "TFM_PLATFORM_SERVICE",
            services.TFM_PLATFORM_SERVICE_SID,
            6,
            1,
            False,
            0x1F01,
        ),
        (
            "TFM_SP_INITIAL_ATTESTATION",
            261,
            "attest_partition_init",
            "TFM_ATTESTATION_SERVICE",
            services.TFM_ATTESTATION_SERVICE_SID,
            4,
            1,
            True,
            0x1F03,
        ),
        (
            "TFM_SP_MEASURED_BOOT",
            275,
            "tfm_measured_boot_init",
            "TFM_MEASURED_BOOT",
            services.TFM_MEASURED_BOOT_SID,
            17,
            1,
            False,
            0x1F03,
        ),
        (
            "TFM_SP_FWU",
            271,
            "tfm_fwu_entry",
            "TFM_FIRMWARE_UPDATE_SERVICE",
            services.TFM_FIRMWARE_UPDATE_SERVICE_SID,
            5,
            1,
            True,
            0x1F04,
        ),
    ],
)
def test_manifest(
    name: str,
    pid: int,
    entry: str,
    service: str,
    sid: int,
    index: int,
    version: int,
    mm_iovec: bool,
    order: int,
) -> None:
    build = BUILDS[name]
    manifest = build.manifest
    only = manifest.services[0]
    assert (build.pid, manifest.entry, len(manifest.services)) == (pid, entry, 1)
    assert (manifest.type, manifest.model) == (PartitionType.PSA_ROT, PartitionModel.SFN)
    assert (only.name, only.sid, only.stateless_handle, only.version) == (service, sid, index, version)
    assert (only.non_secure_clients, only.connection_based, only.mm_iovec) == (True, False, mm_iovec)
    loaded = PLAIN if name in PLAIN else BUILDS
    assert load_order([b.manifest for b in loaded.values()])[name] == order


def test_dependencies() -> None:
    assert BUILDS["TFM_SP_INITIAL_ATTESTATION"].manifest.dependencies == ("TFM_CRYPTO",)
    assert BUILDS["TFM_SP_INITIAL_ATTESTATION"].manifest.weak_dependencies == ("TFM_MEASURED_BOOT",)
    assert BUILDS["TFM_SP_MEASURED_BOOT"].manifest.dependencies == ("TFM_CRYPTO",)
    assert BUILDS["TFM_SP_FWU"].manifest.dependencies == ("TFM_CRYPTO", "TFM_PLATFORM_SERVICE")
    crypto = BUILDS["TFM_SP_CRYPTO"].manifest
    assert crypto.dependencies == ()
    assert crypto.weak_dependencies == ("TFM_INTERNAL_TRUSTED_STORAGE_SERVICE",)


def test_every_listed_partition_has_a_program_with_its_symbols() -> None:
    bench = start_partitions(
        hal=make_hal(provisioned_otp(DUMMY)), measured_boot=MEASURED_BOOT, firmware_update=FwuBuild()
    )
    assert set(programs(measured_boot=MEASURED_BOOT, firmware_update=FwuBuild())) == set(BUILDS)
    assert {partition.manifest.name for partition in bench.kernel.partitions} == set(BUILDS)
    for partition in bench.kernel.partitions:
        service = partition.services[0].name.lower()
        for symbol in (partition.manifest.entry, f"{service}_sfn"):
            assert callable(getattr(partition.program, symbol))


def test_attestation_comes_after_measured_boot() -> None:
    order = load_order([b.manifest for b in BUILDS.values()])
    assert order["TFM_SP_MEASURED_BOOT"] < order["TFM_SP_INITIAL_ATTESTATION"]


def test_measured_boot_and_firmware_update_are_off_unless_asked_for() -> None:
    assert set(PLAIN) == set(programs()) == set(BUILDS) - {"TFM_SP_MEASURED_BOOT", "TFM_SP_FWU"}


def test_a_build_without_internal_trusted_storage() -> None:
    """The weak dependency of crypto leaves it out."""
    builds = standard_builds(AttestationConfig(), CryptoConfig(), its=None)
    assert {b.manifest.name for b in builds} == set(PLAIN) - {"TFM_SP_ITS"} == set(programs(its=None))
    assert load_order([b.manifest for b in builds])["TFM_SP_CRYPTO"] == 0x1F01


def test_protected_storage() -> None:
    """An application RoT partition, behind the three that it calls."""
    builds = standard_builds(AttestationConfig(), CryptoConfig(), ps=PsConfig())
    build = next(b for b in builds if b.manifest.name == "TFM_SP_PS")
    only = build.manifest.services[0]
    assert (build.pid, build.manifest.entry) == (256, "tfm_ps_entry")
    assert (build.manifest.type, build.manifest.model) == (PartitionType.APPLICATION_ROT, PartitionModel.SFN)
    assert (only.name, only.sid) == (
        "TFM_PROTECTED_STORAGE_SERVICE",
        services.TFM_PROTECTED_STORAGE_SERVICE_SID,
    )
    assert (only.stateless_handle, only.version, only.mm_iovec) == (2, 1, False)
    assert build.manifest.dependencies == (
        "TFM_CRYPTO",
        "TFM_INTERNAL_TRUSTED_STORAGE_SERVICE",
        "TFM_PLATFORM_SERVICE",
    )
    assert build.manifest.weak_dependencies == ()
    order = load_order([b.manifest for b in builds])
    assert order["TFM_SP_PS"] > max(
        order[name] for name in ("TFM_SP_CRYPTO", "TFM_SP_ITS", "TFM_SP_PLATFORM")
    )
