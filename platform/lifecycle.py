"""The lifecycle state in OTP, and what the PSA calls it.

OTP codes are chosen so that each step of a device's life only raises bits.
"""

from enum import IntEnum
from typing import Final

from ..interface.psa.lifecycle import PsaLifecycle


class OtpLcs(IntEnum):
    """``enum plat_otp_lcs_t``: the 32-bit little-endian code in the LCS field."""

    ASSEMBLY_AND_TEST = 0x0
    PSA_ROT_PROVISIONING = 0x1
    SECURED = 0x3
    DECOMMISSIONED = 0x7
    UNKNOWN = 0xF


_PSA_STATE: Final[dict[int, PsaLifecycle]] = {
    OtpLcs.ASSEMBLY_AND_TEST: PsaLifecycle.ASSEMBLY_AND_TEST,
    OtpLcs.PSA_ROT_PROVISIONING: PsaLifecycle.PSA_ROT_PROVISIONING,
    OtpLcs.SECURED: PsaLifecycle.SECURED,
    OtpLcs.DECOMMISSIONED: PsaLifecycle.DECOMMISSIONED,
    OtpLcs.UNKNOWN: PsaLifecycle.UNKNOWN,
}


def psa_lifecycle(otp_code: int) -> PsaLifecycle:
    """The PSA state for an OTP code; any code that is not one of TF-M's gives UNKNOWN.

    The two debug states have no OTP code: they are left again, and OTP bits cannot fall.
    """
    return _PSA_STATE.get(otp_code, PsaLifecycle.UNKNOWN)
