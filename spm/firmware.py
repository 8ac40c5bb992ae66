"""The SPM on a device's hardware: partitions linked and granted what they ask for, then started."""

from collections.abc import Sequence
from functools import partial

from ..interface.trace import Trace
from ..platform.hal import PlatformHal, granted
from ..platform.hardware import Hardware
from ..platform.memory import Access
from .boot_data import BootData
from .config import SpmConfig
from .kernel import Kernel
from .load import PartitionBuild
from .machine import Machine
from .partition_memory import give_partitions_memory
from .process.host import Launcher


def load_firmware(
    hardware: Hardware,
    boot_data: BootData,
    trace: Trace,
    spm: SpmConfig,
    builds: Sequence[PartitionBuild],
    launcher: Launcher | None = None,
) -> Kernel:
    """The SPM with its partitions linked and their interrupts and MMIO claimed; nothing runs yet.

    ``launcher`` starts the processes of isolation levels 2 and 3; None is one of the kernel's own.
    Raises LoadError and BoardError for partitions that do not fit together or on the board.
    """
    board = hardware.board
    machine = Machine(
        hardware.memory,
        hardware.hal,
        hardware.bus,
        hardware.clock,
        hardware.interrupts,
        board.irq_number,
        board.irq_sources,
        board.named_mmio,
    )
    kernel = Kernel(machine, boot_data, trace, spm, launcher)
    kernel.load(builds)
    for partition in kernel.partitions:
        for region in partition.manifest.mmio_regions:
            access = Access.READ | Access.WRITE if region.writable else Access.READ
            if region.base is None or region.size is None:
                hardware.claim(region.name, partition.name, access)
            else:
                hardware.claim_range(region.base, region.size, partition.name, access)
    return kernel


def start_firmware(hardware: Hardware, kernel: Kernel) -> None:
    """Run the partitions to where they wait; the boot status is gone afterwards."""
    arenas = give_partitions_memory(hardware.memory, [p.manifest for p in kernel.partitions])

    def hal_of(partition: str) -> PlatformHal:
        names = (*hardware.board.hal_grants.get(partition, ()), *kernel.hal_functions_of(partition))
        return granted(hardware.hal, names, partition, partial(kernel.hal_denied, partition))

    hardware.on_reset = kernel.reset_requested
    hardware.power.on_cut = kernel.power_lost
    kernel.start(hal_of, arenas.__getitem__)
    kernel.boot_data.scrub()
