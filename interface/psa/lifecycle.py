"""PSA RoT lifecycle (FF-M 1.1, psa/lifecycle.h)."""

from enum import IntEnum
from typing import Final

PSA_LIFECYCLE_PSA_STATE_MASK: Final = 0xFF00
PSA_LIFECYCLE_IMP_STATE_MASK: Final = 0x00FF


class PsaLifecycle(IntEnum):
    """The architected states, bits 15-8; bits 7-0 are implementation defined."""

    UNKNOWN = 0x0000
    ASSEMBLY_AND_TEST = 0x1000
    PSA_ROT_PROVISIONING = 0x2000
    SECURED = 0x3000
    NON_PSA_ROT_DEBUG = 0x4000
    RECOVERABLE_PSA_ROT_DEBUG = 0x5000
    DECOMMISSIONED = 0x6000
