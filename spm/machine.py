"""What of the hardware the SPM gets to know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..platform.bus import Bus
from ..platform.clock import VirtualClock
from ..platform.hal import PlatformHal
from ..platform.interrupts import InterruptController
from ..platform.memory import Memory


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware that the SPM runs on.

    ``irq_line`` finds the line of a manifest's interrupt source. ``irq_sources`` and ``mmio_regions``
    (address and size in bytes) are what the platform has names for; None is a platform of which
    nothing is known.
    """

    memory: Memory
    hal: PlatformHal
    bus: Bus
    clock: VirtualClock
    interrupts: InterruptController
    irq_line: Callable[[int | str], int | None]
    irq_sources: Mapping[str, int] | None = None
    mmio_regions: Mapping[str, tuple[int, int]] | None = None
