"""Protected storage on the kernel, with crypto and platform partitions as they are and a stand-in for ITS.

The stand-in keeps its promise by force: an object is there or not, before or after, and each change is one
numbered operation of the power supply that the counters have too.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache

from support.kernel_bench import in_the_name_of, make_machine, parsed
from support.partition_bench import GRANTS, NS_RAM, SHARED_DATA

from tfm_sim.interface.psa.protected_storage import ProtectedStorage
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_SUCCESS,
)
from tfm_sim.interface.psa.storage_common import PsaStorageFlag, psa_storage_info_t
from tfm_sim.interface.tfm.storage import TFM_ITS_GET, TFM_ITS_GET_INFO, TFM_ITS_REMOVE, TFM_ITS_SET
from tfm_sim.interface.trace import Trace
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.partition import CryptoPartition
from tfm_sim.partitions.internal_trusted_storage.config import ItsBuild, ItsConfig, PsFiles
from tfm_sim.partitions.internal_trusted_storage.partition import ItsPartition
from tfm_sim.partitions.platform.config import PlatformConfig
from tfm_sim.partitions.platform.partition import PlatformPartition
from tfm_sim.partitions.programs import MANIFEST_LIST, configurations
from tfm_sim.partitions.protected_storage.config import PsConfig
from tfm_sim.partitions.protected_storage.partition import PsPartition
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.hal import PlatformHal, granted
from tfm_sim.platform.memory import Access, Memory, Region, Security
from tfm_sim.platform.nv_counters import NvCounters
from tfm_sim.platform.power import CutMode, OperationKind, PowerSupply
from tfm_sim.platform.provisioning import DUMMY, Provisioning, provisioned_otp
from tfm_sim.platform.random_source import RandomSource
from tfm_sim.spm.boot_data import BootData
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.door import ClientDoor, PartitionDoor
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest import PartitionManifest
from tfm_sim.spm.manifest_list import load_manifest_list
from tfm_sim.spm.partition_api import PartitionApi, read_all
from tfm_sim.spm.partition_memory import Arena

PS_PID = 256
ARENA = 0x4000
_ITS_MANIFEST = """
psa_framework_version: 1.1
name: TFM_SP_ITS
type: PSA-ROT
priority: NORMAL
model: SFN
stack_size: 1024
services:
  - {name: TFM_INTERNAL_TRUSTED_STORAGE_SERVICE, sid: "0x00000070", non_secure_clients: true,
     connection_based: false, stateless_handle: 3, version: 1, version_policy: STRICT}
"""


@dataclass
class Files:
    """What the stand-in keeps, by (client, uid), and what PS asked of it; lasts as flash does."""

    power: PowerSupply
    objects: dict[tuple[int, int], bytes] = field(default_factory=dict)
    calls: list[tuple[str, int, int]] = field(default_factory=list)
    fail: dict[str, int] = field(default_factory=dict)
    """Statuses that a call answers from now on: "set", "get", "remove"."""

    @property
    def ps(self) -> dict[int, bytes]:
        """The files of protected storage, by file id."""
        return {uid: data for (client, uid), data in self.objects.items() if client == PS_PID}

    def change(self, key: tuple[int, int], data: bytes | None) -> None:
        """None removes. What the crypto service keeps beside is no matter of these tests, and never cut."""
        with self.power.programmer() if key[0] != PS_PID else nullcontext():
            self._change(key, data)

    def _change(self, key: tuple[int, int], data: bytes | None) -> None:
        kind = OperationKind.WRITE if data is not None else OperationKind.ERASE
        cut = self.power.start("its", kind, key[1], len(data or b""), data or b"")
        if cut is not CutMode.TORN:
            if data is None:
                del self.objects[key]
            else:
                self.objects[key] = data
        if cut is not None:
            self.power.fail("its", kind, key[1], len(data or b""))


@dataclass(frozen=True)
class State:
    """Counters and OTP, the stand-in's files, both flash areas."""

    otp: bytes
    objects: dict[tuple[int, int], bytes]
    its: bytes
    ps: bytes


class StandInIts:
    """The program of the stand-in."""

    def __init__(self, psa: PartitionApi, files: Files) -> None:
        self._psa = psa
        self._files = files

    def tfm_internal_trusted_storage_service_sfn(self, msg: psa_msg_t) -> int:
        name = {TFM_ITS_SET: "set", TFM_ITS_GET: "get", TFM_ITS_GET_INFO: "info", TFM_ITS_REMOVE: "remove"}
        call = name[msg.type]
        uid = int.from_bytes(read_all(self._psa, msg, 0), "little")
        if msg.client_id == PS_PID:
            self._files.calls.append((call, uid, msg.in_size[1] if call == "set" else 0))
        if msg.client_id == PS_PID and (status := self._files.fail.get(call, PSA_SUCCESS)) != PSA_SUCCESS:
            return status
        key = msg.client_id, uid
        if call == "set":
            self._files.change(key, read_all(self._psa, msg, 1))
            return PSA_SUCCESS
        if key not in self._files.objects:
            return PSA_ERROR_DOES_NOT_EXIST
        data = self._files.objects[key]
        if call == "get":
            self._psa.psa_write(msg.handle, 0, data[: msg.out_size[0]])
        elif call == "info":
            info = psa_storage_info_t(len(data), len(data), PsaStorageFlag.NONE)
            self._psa.psa_write(msg.handle, 0, info.encode())
        else:
            self._files.change(key, None)
        return PSA_SUCCESS


class PsBench:
    """A device that boots as often as one likes; ITS files, counters and power outlive a boot."""

    def __init__(
        self,
        config: PsConfig | None = None,
        provisioning: Provisioning = DUMMY,
        seed: int = 0,
        *,
        on_flash: bool = False,
    ) -> None:
        """``on_flash`` has the real ITS on flash areas of AN521's size instead of the stand-in."""
        self.config = config or PsConfig()
        self.on_flash = on_flash
        self.crypto = CryptoConfig()
        self.power = PowerSupply()
        self.otp = provisioned_otp(provisioning)
        self.otp.power = self.power
        self.counters = NvCounters(self.otp)
        self.files = Files(self.power)
        self.its_flash = Flash("its", 0x4000, 0x1000, 1, power=self.power)
        self.ps_flash = Flash("ps", 0x5000, 0x1000, 1, power=self.power)
        self._rng = RandomSource(b"entropy", seed)
        self.kernel: Kernel
        self.ns: ClientDoor
        self.ns2: ClientDoor

    def state(self) -> "State":
        """All that outlives a loss of power."""
        return State(
            bytes(self.otp.cells),
            dict(self.files.objects),
            bytes(self.its_flash.cells),
            bytes(self.ps_flash.cells),
        )

    def restore(self, state: "State") -> None:
        """Be that device, without power."""
        self.power.cut_at(None)
        self.otp.cells[:] = state.otp
        self.files.objects = dict(state.objects)
        self.its_flash.cells[:] = state.its
        self.ps_flash.cells[:] = state.ps

    @property
    def psa(self) -> ProtectedStorage:
        """The API of the first non-secure client."""
        return ProtectedStorage(self.ns)

    def as_ps(self) -> PartitionDoor:
        """The client API of protected storage, to call others in its name."""
        return self.as_partition(PS_PID)

    def as_partition(self, partition_id: int) -> PartitionDoor:
        """The same of another partition."""
        partition = in_the_name_of(self.kernel, partition_id)
        return PartitionDoor(self.kernel, partition, self.kernel.machine.hal, SHARED_DATA + 8 * ARENA, ARENA)

    def boot(self) -> "PsBench":
        """Raises PowerCut, DevicePanic."""
        self.power.restore()
        memory = Memory()
        rw = Access.READ | Access.WRITE
        memory.add(Region("ns_ram", NS_RAM, 0x20000, Security.NON_SECURE, rw), bytearray(0x20000))
        memory.add(Region("secure_ram", SHARED_DATA, 0x40000, Security.SECURE, rw), bytearray(0x40000))
        areas = FlashArea(7, "its", self.its_flash, 0, 0x4000), FlashArea(6, "ps", self.ps_flash, 0, 0x5000)
        hal = PlatformHal(self.otp, self.counters, self._rng, *areas)
        self.kernel = Kernel(make_machine(memory, hal), BootData(memory, None), Trace(), SpmConfig())
        self.power.on_cut = self.kernel.power_lost
        builds = self._builds()
        self.kernel.load(builds)
        arenas = {
            build.manifest.name: Arena(SHARED_DATA + index * ARENA, ARENA)
            for index, build in enumerate(builds)
        }
        self.kernel.start(lambda name: granted(hal, GRANTS.get(name, ()), name), arenas.__getitem__)
        first, second = (Arena(NS_RAM + i * 0x10000, 0x10000) for i in range(2))
        self.ns, self.ns2 = self.kernel.ns_client(first), self.kernel.ns_client(second, -2)
        return self

    def _builds(self) -> Sequence[PartitionBuild]:
        programs: dict[str, tuple[type, object]] = {
            "TFM_SP_CRYPTO": (CryptoPartition, self.crypto),
            "TFM_SP_PLATFORM": (PlatformPartition, PlatformConfig()),
            "TFM_SP_PS": (PsPartition, self.config),
        }
        builds = [
            PartitionBuild(manifest, pid, *programs[manifest.name])
            for manifest, pid in _manifests()
            if manifest.name in programs
        ]
        if self.on_flash:
            files = PsFiles(self.config.max_object_size, self.config.max_num_objects)
            manifest, pid = next(each for each in _manifests() if each[0].name == "TFM_SP_ITS")
            return [*builds, PartitionBuild(manifest, pid, ItsPartition, ItsBuild(ItsConfig(), files))]
        return [*builds, PartitionBuild(parsed(_ITS_MANIFEST, "its.yaml"), 257, StandInIts, self.files)]


@cache
def _manifests() -> list[tuple[PartitionManifest, int]]:
    configs = configurations(protected_storage=True)
    return [(item.load(), item.pid) for item in load_manifest_list(MANIFEST_LIST, configs=configs)]
