"""A bench for the partitions: the standard build on the kernel, with boot status and OTP as given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from support.kernel_bench import in_the_name_of, make_machine

from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.trace import Trace
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.delegated_attestation.config import DelegatedAttestationConfig
from tfm_sim.partitions.firmware_update.config import FwuBuild
from tfm_sim.partitions.initial_attestation.config import AttestationConfig
from tfm_sim.partitions.internal_trusted_storage.config import ItsBuild
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.partitions.platform.config import PlatformConfig
from tfm_sim.partitions.programs import MANIFEST_LIST, configurations, platform_functions, programs
from tfm_sim.partitions.protected_storage.config import PsConfig
from tfm_sim.platform.board import load_board
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.hal import PlatformHal, granted
from tfm_sim.platform.ioctl import IoctlHandler, no_requests
from tfm_sim.platform.memory import Access, Memory, Region, Security
from tfm_sim.platform.nv_counters import NvCounters
from tfm_sim.platform.otp import Otp
from tfm_sim.platform.provisioning import DUMMY, Provisioning, provisioned_otp
from tfm_sim.platform.random_source import RandomSource
from tfm_sim.spm.boot_data import BootData
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.door import PartitionDoor
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_list import load_manifest_list
from tfm_sim.spm.partition_memory import Arena

SHARED_DATA = 0x38000000
SHARED_DATA_SIZE = 0x400
NS_RAM = 0x28100000
ARENA_SIZE = 0x4000
SPM = SpmConfig()
PLATFORM = PlatformConfig()
ITS = ItsBuild()
GRANTS = load_board("an521").hal_grants


@dataclass
class PartitionBench:
    """A started kernel; ``ns`` and ``ns2`` are two non-secure clients."""

    kernel: Kernel
    hal: PlatformHal
    ns: PsaClient
    ns2: PsaClient

    def as_partition(self, partition_id: int) -> PsaClient:
        """The client API of a partition, to call others in its name."""
        partition = in_the_name_of(self.kernel, partition_id)
        arena = SHARED_DATA + 0x10000 + 0x10 * ARENA_SIZE
        return PartitionDoor(self.kernel, partition, self.hal, arena, ARENA_SIZE)


def start_partitions(
    attestation: AttestationConfig | None = None,
    crypto: CryptoConfig | None = None,
    boot_status: bytes = b"",
    provisioning: Provisioning = DUMMY,
    hal: PlatformHal | None = None,
    seed: int = 0,
    measured_boot: MeasuredBootConfig | None = None,
    firmware_update: FwuBuild | None = None,
    spm: SpmConfig = SPM,
    its: ItsBuild | None = ITS,
    platform: PlatformConfig = PLATFORM,
    ps: PsConfig | None = None,
    delegated: DelegatedAttestationConfig | None = None,
    extra: Sequence[PartitionBuild] = (),
) -> PartitionBench:
    """``boot_status`` is the shared data area as BL2 left it; empty means that there was no BL2."""
    memory = Memory()
    rw = Access.READ | Access.WRITE
    memory.add(Region("ns_ram", NS_RAM, 0x20000, Security.NON_SECURE, rw), bytearray(0x20000))
    memory.add(Region("secure_ram", SHARED_DATA, 0x80000, Security.SECURE, rw), bytearray(0x80000))
    memory.write(SHARED_DATA, boot_status)
    if hal is None:
        hal = make_hal(provisioned_otp(provisioning), seed)
    device_hal = hal
    area = (SHARED_DATA, SHARED_DATA_SIZE) if boot_status else None
    boot_data = BootData(memory, area, spm.boot_status)
    kernel = Kernel(make_machine(memory, device_hal), boot_data, Trace(), spm)
    builds = standard_builds(
        attestation or AttestationConfig(),
        crypto or CryptoConfig(),
        measured_boot=measured_boot,
        firmware_update=firmware_update,
        its=its,
        ps=ps,
        platform=platform,
        delegated=delegated,
    )
    builds += extra
    kernel.load(builds)
    arenas = {
        build.manifest.name: Arena(SHARED_DATA + 0x10000 + index * ARENA_SIZE, ARENA_SIZE)
        for index, build in enumerate(builds)
    }
    own = {build.manifest.name: build.hal for build in builds}
    kernel.start(
        lambda name: granted(device_hal, (*GRANTS.get(name, ()), *own[name]), name), arenas.__getitem__
    )
    first, second = (Arena(NS_RAM + i * 0x10000, 0x10000) for i in range(2))
    return PartitionBench(kernel, device_hal, kernel.ns_client(first), kernel.ns_client(second, -2))


def standard_builds(
    attestation: AttestationConfig,
    crypto: CryptoConfig,
    *,
    measured_boot: MeasuredBootConfig | None = None,
    firmware_update: FwuBuild | None = None,
    its: ItsBuild | None = ITS,
    ps: PsConfig | None = None,
    platform: PlatformConfig = PLATFORM,
    delegated: DelegatedAttestationConfig | None = None,
) -> list[PartitionBuild]:
    by_name = programs(attestation, crypto, measured_boot, firmware_update, its, ps, platform, delegated)
    configs = configurations(
        measured_boot=measured_boot is not None,
        delegated_attestation=delegated is not None,
        firmware_update=firmware_update is not None,
        its=its is not None,
        protected_storage=ps is not None,
    )
    listed = [(item.load(), item.pid) for item in load_manifest_list(MANIFEST_LIST, configs=configs)]
    hal = platform_functions(attestation)
    return [
        PartitionBuild(manifest, pid, *by_name[manifest.name], hal=hal.get(manifest.name, ()))
        for manifest, pid in listed
    ]


def make_hal(
    otp: Otp,
    seed: int = 0,
    slots: Mapping[tuple[int, int], FlashArea] | None = None,
    its_area: FlashArea | None = None,
    ps_area: FlashArea | None = None,
    ioctl: IoctlHandler = no_requests,
) -> PlatformHal:
    """``slots`` by image index and slot number, 0 primary and 1 secondary; areas left out are AN521's."""
    its_area = its_area or FlashArea(7, "its", Flash("its", 0x4000, 0x1000, 1), 0, 0x4000)
    ps_area = ps_area or FlashArea(6, "ps", Flash("ps", 0x5000, 0x1000, 1), 0, 0x5000)
    rng = RandomSource(b"entropy", seed)
    return PlatformHal(otp, NvCounters(otp), rng, its_area, ps_area, slots=slots, ioctl=ioctl)
