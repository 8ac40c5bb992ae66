"""How a BL1 is built: TF-M's build options (bl1/config/bl1_config_default.cmake), as data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final

from ..interface.errors import TfmSimError
from .bl1_image import Bl2ImageLayout
from .config import HashAlgorithm
from .rse_keys import RseState


class Bl1ConfigError(TfmSimError):
    """A combination of options that no build of BL1 has, or one that does not fit the board."""


class Bl1KeyType(IntEnum):
    """``enum tfm_bl1_key_type_t``: how a signer signs."""

    ECDSA = 0
    LMS = 1


class Bl1KeyPolicy(IntEnum):
    """``enum tfm_bl1_key_policy_t``: whether a signer's signature is needed."""

    MIGHT_SIGN = 0
    MUST_SIGN = 1


class Bl1Curve(Enum):
    """``enum tfm_bl1_ecdsa_curve_t``; the value is the size of a coordinate in bytes."""

    P256 = 32
    P384 = 48


@dataclass(frozen=True, slots=True)
class Bl1Signer:
    """What the platform knows of one BL1 ROTPK beside its bytes (TF-M bl1_otp_get_key_*)."""

    key_type: Bl1KeyType = Bl1KeyType.LMS
    policy: Bl1KeyPolicy = Bl1KeyPolicy.MUST_SIGN
    hash: HashAlgorithm = HashAlgorithm.SHA256
    """Of the ROTPK where the image carries the whole key."""


ONE_LMS_SIGNER: Final = (Bl1Signer(),)
MAX_SIGNERS: Final = 4


@dataclass(frozen=True, slots=True)
class Bl1Config:
    """Build options of one BL1; the defaults are TF-M's. ``signers`` in the order of their ROTPKs in OTP."""

    signers: tuple[Bl1Signer, ...] = ONE_LMS_SIGNER
    rotpk_policies: bool = False
    """TFM_BL1_2_ENABLE_ROTPK_POLICIES: without it every signer must sign."""
    image_encryption: bool = True
    """TFM_BL1_2_IMAGE_ENCRYPTION: BL2's code is encrypted in flash."""
    embed_rotpk: bool = False
    """TFM_BL1_2_EMBED_ROTPK_IN_IMAGE: the image carries the key, OTP its hash."""
    ecdsa_curve: Bl1Curve = Bl1Curve.P256
    measured_boot: bool = True
    """TFM_MEASURED_BOOT_API: BL1_2 and BL2 are measured into the shared data area.

    A device's BL1 does so only where its BL2 does too (`Bl2Config.measured_boot_api`).
    """
    signer_id_of_buffer_size: bool = True
    """TF-M states the size of its buffer, 48, as that of BL2's signer id; False states that of the hash."""
    recovery: Callable[[int], bool] | None = field(default=None, compare=False)
    """boot_initiate_recovery_mode: called with an image id where nothing boots; True tries again."""
    rse: RseState | None = None
    """Arm RSE's flavour: BL1_2 derives the boot keys from HUK and GUK and then takes both away."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.signers) <= MAX_SIGNERS:
            raise Bl1ConfigError(f"BL1: {len(self.signers)} signers of BL2; legal: 1 to {MAX_SIGNERS}")
        if any(signer.hash is HashAlgorithm.SHA512 for signer in self.signers):
            raise Bl1ConfigError("BL1: a ROTPK hash by SHA-512; legal: SHA256, SHA384")

    @property
    def measurement_hash(self) -> HashAlgorithm:
        """TFM_BL1_2_MEASUREMENT_HASH_ALG: what ECDSA signs and what is measured follow the curve."""
        return HashAlgorithm.SHA384 if self.ecdsa_curve is Bl1Curve.P384 else HashAlgorithm.SHA256

    def image_layout(self, code_size: int) -> Bl2ImageLayout:
        """The layout of BL2's image for a board whose BL2 has ``code_size`` bytes of code."""
        return Bl2ImageLayout(code_size, len(self.signers), self.image_encryption, self.embed_rotpk)
