"""Options of what BL2 shares with the runtime firmware beside boot records."""

from dataclasses import dataclass
from typing import Final

from ..interface.mcuboot.boot_info import McubootRecoveryMode
from ..interface.mcuboot.image import ImageVersion

MAX_ROTPKS: Final = 4
"""Measurement slots that the RSE has for either manufacturer's keys."""


@dataclass(frozen=True, slots=True)
class BootInfo:
    """MCUBOOT_DATA_SHARING_BOOTINFO: what a port of MCUboot says of itself beside what its options say.

    ``version`` is the loader's own, None for a port that states none.
    """

    version: ImageVersion | None = None
    recovery: McubootRecoveryMode = McubootRecoveryMode.NONE


@dataclass(frozen=True, slots=True)
class RseRotpks:
    """Key hashes that the RSE's BL2 measures, of the chip's (CM) and the device's (DM) manufacturer.

    Each has 32 or 48 bytes. ``reprovisioning`` is NV counter CM_ROTPK_REPROVISIONING, one digit.
    """

    cm: tuple[bytes, ...] = ()
    dm: tuple[bytes, ...] = ()
    reprovisioning: int = 0

    @property
    def problem(self) -> str:
        """What no RSE has, and what would be legal; empty for keys that one can have."""
        if len(self.cm) > MAX_ROTPKS or len(self.dm) > MAX_ROTPKS:
            return f"{len(self.cm)} CM and {len(self.dm)} DM ROTPKs; legal: {MAX_ROTPKS} each"
        wrong = [len(rotpk) for rotpk in (*self.cm, *self.dm) if len(rotpk) not in (32, 48)]
        if wrong:
            return f"a ROTPK hash of {wrong[0]} bytes; legal: 32, 48"
        if not 0 <= self.reprovisioning <= 9:
            return f"ROTPK reprovisioning {self.reprovisioning}; legal: 0 to 9"
        return ""
