"""What BL1 decides, as typed trace events; ``image`` is the id of an image of BL2, None for anything else."""

from dataclasses import dataclass

from ..platform.otp import OtpField
from .events import BootDecision


@dataclass(frozen=True, slots=True)
class ProvisioningDone(BootDecision):
    """A boot stage burnt its part of the bundles; OTP codes of the lifecycle before and after."""

    stage: str
    before: int
    after: int
    fields: tuple[OtpField, ...]


@dataclass(frozen=True, slots=True)
class CodeCopied(BootDecision):
    """The next stage's code lies in RAM at ``address``; ``size`` bytes of it were copied."""

    address: int
    size: int


@dataclass(frozen=True, slots=True)
class CodeHashed(BootDecision):
    """BL1_2's digest, and the one in OTP."""

    found: bytes
    wanted: bytes


@dataclass(frozen=True, slots=True)
class Bl2ImageChosen(BootDecision):
    """The platform's choice of an image, or the other one after a refusal."""


@dataclass(frozen=True, slots=True)
class Bl2Decrypted(BootDecision):
    """BL2's code was decrypted by a key for this security counter."""

    security_counter: int


@dataclass(frozen=True, slots=True)
class Bl2SignatureExamined(BootDecision):
    """One signer's signature: good, or why not; ``needed`` is the policy."""

    signer: int
    good: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class Bl2CounterCompared(BootDecision):
    """The image's security counter beside NV counter BL1_0, which nobody raises here."""

    found: int
    stored: int


@dataclass(frozen=True, slots=True)
class Bl2Refused(BootDecision):
    """BL1 refused BL1_2 (``image`` None) or an image of BL2; ``text`` is the whole refusal."""


@dataclass(frozen=True, slots=True)
class RecoveryTried(BootDecision):
    """The platform's recovery hook ran."""

    recovered: bool


@dataclass(frozen=True, slots=True)
class RseKeyDerived(BootDecision):
    """RSE: a boot key was derived; its value is told to nobody."""

    key: str


@dataclass(frozen=True, slots=True)
class RseKeysInvalidated(BootDecision):
    """RSE: HUK and GUK are gone until the next reset."""
