"""The lifecycle state in OTP, and what the PSA calls it.

OTP codes are chosen so that each step of a device's life only raises bits.
"""

from enum import IntEnum
from typing import Final

from ..interface.errors import TfmSimError
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


class LifecycleError(TfmSimError):
    """The device cannot go from its lifecycle state to the one asked for."""


STEPS: Final[dict[int, tuple[OtpLcs, ...]]] = {
    OtpLcs.ASSEMBLY_AND_TEST: (OtpLcs.PSA_ROT_PROVISIONING,),
    OtpLcs.PSA_ROT_PROVISIONING: (OtpLcs.SECURED,),
    OtpLcs.SECURED: (OtpLcs.DECOMMISSIONED,),
    OtpLcs.DECOMMISSIONED: (),
    OtpLcs.UNKNOWN: (),
}
"""Where each state leads. OTP bits would let a device skip a state; no stage of TF-M does."""


def check_step(present: int, wanted: int) -> None:
    """Whether a device may go from one OTP code to another. Raises LifecycleError."""
    legal = STEPS.get(present, ())
    if wanted in legal:
        return
    name = OtpLcs(wanted).name if wanted in set(OtpLcs) else hex(wanted)
    here = OtpLcs(present).name if present in set(OtpLcs) else hex(present)
    why = "" if present & ~wanted == 0 else " (OTP bits only rise)"
    names = ", ".join(state.name for state in legal) or "none, it is the last"
    raise LifecycleError(f"lifecycle: {here} to {name}{why}; legal from here: {names}")


def provisioning_required(otp_code: int) -> bool:
    """TF-M tfm_plat_provisioning_is_required: the two states before SECURED."""
    return otp_code in (OtpLcs.ASSEMBLY_AND_TEST, OtpLcs.PSA_ROT_PROVISIONING)
