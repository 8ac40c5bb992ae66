"""The keys that BL1 of Arm's RSE derives at boot, and the boot state that some of them are bound to.

TF-M platform/ext/target/arm/rse/common: rse_boot_state.c, bl1/rse_kmu_keys.c. The CryptoCell is left out.
Here is which key comes from what, and which slot of the KMU it goes to.
"""

import hashlib
from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag
from typing import Final

from ..interface.errors import TfmSimError
from ..platform.kmu import KmuSlot
from .bl1_kdf import derive_key


class TpMode(IntEnum):
    """``enum lcm_tp_mode_t``: a chip is virgin, then one for tests or one for production for ever."""

    VIRGIN = 0x000033CC
    TCI = 0x111155AA
    PCI = 0x2222AA55


class BootState(IntFlag):
    """``enum boot_state_include_field``: what goes into the hash, in this order."""

    NONE = 0
    TP_MODE = 0x1
    LCS = 0x2
    REPROVISIONING_BITS = 0x4
    BL1_2_HASH = 0x8
    DCU_STATE = 0x10


class HardwareKey(Enum):
    """Keys that software never sees: it derives from them."""

    HUK = "HUK"
    GUK = "GUK"


@dataclass(frozen=True, slots=True)
class RseState:
    """What an RSE chip's boot state is made of, beside the lifecycle in OTP and BL1_2's hash.

    ``dcu_state`` of 16 bytes counts only where the build has secure debug (PLATFORM_PSA_ADAC_SECURE_DEBUG).
    """

    tp_mode: TpMode = TpMode.TCI
    reprovisioning_bits: int = 0
    dcu_state: bytes | None = None


def boot_state(state: RseState, lcs: int, bl1_2_hash: bytes, include: BootState) -> bytes:
    """The 32-byte context of a derivation, or none (TF-M rse_get_boot_state)."""
    if include is BootState.NONE:
        return b""
    parts = {
        BootState.TP_MODE: int(state.tp_mode).to_bytes(4, "little"),
        BootState.LCS: int(lcs).to_bytes(4, "little"),
        BootState.REPROVISIONING_BITS: state.reprovisioning_bits.to_bytes(4, "little"),
        BootState.BL1_2_HASH: bl1_2_hash[:32],
        BootState.DCU_STATE: state.dcu_state or b"",
    }
    return hashlib.sha256(b"".join(part for which, part in parts.items() if which & include)).digest()


ALL_STATE: Final = BootState.TP_MODE | BootState.LCS | BootState.REPROVISIONING_BITS | BootState.BL1_2_HASH


@dataclass(frozen=True, slots=True)
class Derivation:
    """One boot key: from which key, by which label (its NUL counts), bound to which of the boot state.

    ``slot`` is where it is kept.
    """

    name: str
    source: HardwareKey
    label: bytes
    include: BootState
    slot: KmuSlot


DERIVATIONS: Final = (
    # Stable over updates: only new provisioning gives a device a new identity.
    Derivation(
        "IAK_SEED",
        HardwareKey.HUK,
        b"BL1_IAK_SEED_DERIVATION\0",
        BootState.REPROVISIONING_BITS,
        KmuSlot.IAK_SEED,
    ),
    Derivation("DAK_SEED", HardwareKey.GUK, b"BL1_DAK_SEED_DERIVATION\0", ALL_STATE, KmuSlot.DAK_SEED),
    Derivation("ROT_CDI", HardwareKey.HUK, b"BL1_ROT_CDI_DERIVATION\0", ALL_STATE, KmuSlot.ROT_CDI),
)


class KeyInvalidated(TfmSimError):
    """A hardware key was asked for after BL1 took it away until the next reset."""


@dataclass(slots=True)
class RseKeys:
    """The hardware keys of one boot, and what was derived from them."""

    huk: bytes = field(repr=False)
    guk: bytes = field(repr=False)
    invalid: bool = False
    derived: dict[str, bytes] = field(default_factory=dict, repr=False)

    def derive(self, derivation: Derivation, state: RseState, lcs: int, bl1_2_hash: bytes) -> bytes:
        """Derive one key and keep it (TF-M setup_key_from_derivation). Raises KeyInvalidated."""
        if self.invalid:
            raise KeyInvalidated(f"{derivation.source.value}: invalidated by BL1_2; legal: before BL2 runs")
        include = derivation.include
        if state.dcu_state is not None and include & BootState.BL1_2_HASH:
            include |= BootState.DCU_STATE
        key = self.huk if derivation.source is HardwareKey.HUK else self.guk
        context = boot_state(state, lcs, bl1_2_hash, include)
        self.derived[derivation.name] = derive_key(key, derivation.label, context)
        return self.derived[derivation.name]

    def invalidate_hardware_keys(self) -> None:
        """TF-M kmu_invalidate_hardware_keys: nobody after BL1_2 derives from HUK or GUK."""
        self.invalid = True
        self.huk = self.guk = b""
