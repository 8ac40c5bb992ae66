"""Boot the runtime firmware on a boot status that is already there, for images are not at hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from support.kernel_bench import in_the_name_of

from tfm_sim.firmware_build import Build, standard_partitions
from tfm_sim.interface.trace import Trace
from tfm_sim.partitions.initial_attestation.config import AttestationConfig
from tfm_sim.partitions.internal_trusted_storage.config import TFM_ITS_TODAY, ItsConfig
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.partitions.protected_storage.config import TFM_PS_TODAY, PsConfig
from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.provisioning import Provisioning
from tfm_sim.spm.boot_data import BootData
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.door import ClientDoor, PartitionDoor
from tfm_sim.spm.firmware import load_firmware
from tfm_sim.spm.firmware import start_firmware as run_firmware
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.partition_memory import non_secure_arena

BOARD = "an521"
NS_ID_LIMIT = -0x3C000000
"""Client id of the non-secure id -1; the others follow downwards."""


@dataclass(frozen=True)
class Firmware:
    """Firmware that has reached the non-secure side; ``ns`` is its one client."""

    hardware: Hardware
    kernel: Kernel
    ns: ClientDoor

    def client(self, client_id: int) -> ClientDoor:
        """The caller whom services see under this id: a partition, or a non-secure client."""
        arena = non_secure_arena(self.hardware.memory)
        if client_id < 0:
            return self.kernel.ns_client(arena, client_id - NS_ID_LIMIT - 1)
        partition = in_the_name_of(self.kernel, client_id)
        return PartitionDoor(self.kernel, partition, self.hardware.hal, arena.base, arena.size)


def boot_data_of(hardware: Hardware, boot_status: bytes | None) -> BootData:
    """Put the bytes where BL2 would, and let the SPM validate them; None is a build without BL2."""
    shared = hardware.board.shared_data
    if boot_status is None:
        return BootData(hardware.memory, None)
    hardware.memory.write(shared.base, boot_status.ljust(shared.size, b"\0"))
    return BootData(hardware.memory, (shared.base, shared.size))


def start_firmware(
    attestation: AttestationConfig,
    boot_status: bytes | None,
    provisioning: Provisioning,
    spm: SpmConfig | None = None,
    extra: tuple[PartitionBuild, ...] = (),
    platform: Mapping[str, Callable[[], bytes]] | None = None,
    measured_boot: MeasuredBootConfig | None = None,
) -> Firmware:
    """From the boot status to the non-secure side, as Device does it.

    ``platform`` replaces HAL functions whose values the board does not keep in OTP.
    """
    hardware = Hardware(load_board(BOARD), provisioning)
    for name, function in (platform or {}).items():
        setattr(hardware.hal, name, function)
    boot_data = boot_data_of(hardware, boot_status)
    build = Build(
        attestation=attestation,
        measured_boot=measured_boot,
        its=ItsConfig(quirks=TFM_ITS_TODAY),
        ps=PsConfig(quirks=TFM_PS_TODAY),
    )
    builds = [*standard_partitions(build), *extra]
    kernel = load_firmware(hardware, boot_data, Trace(), spm or SpmConfig(), builds)
    run_firmware(hardware, kernel)
    return Firmware(hardware, kernel, kernel.ns_client(non_secure_arena(hardware.memory)))
