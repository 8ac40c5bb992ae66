"""What a build of the attestation service emits: the variant of the token, and options."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
from ...interface.tfm.boot_status import BootStatusEra


class TokenVariant(Enum):
    """Which tokens a build issues: the profile (ATTEST_TOKEN_PROFILE_*) as TF-M had it at some time.

    The one value decides on claims and labels, their order, the profile string and the rule of the instance
    id.
    """

    TFM_2019 = "2019"
    """TF-M of April 2019: ``psa-tfm-profile-1.md``."""
    PSA_IOT_PROFILE_1 = "psa-iot-1"
    """PSA_IOT_PROFILE_1 as TF-M 2.2 has it, the default."""
    PSA_IOT_PROFILE_1_2022 = "psa-iot-1-2022"
    """The same claims; the instance id over the bare point, as in TF-M 2.1 and before."""
    PSA_2_0_0 = "psa-2.0.0"
    """``http://arm.com/psa/2.0.0`` of 2022: the boot seed at 2397, the instance id over the point."""
    RFC_9783 = "rfc9783"
    """``tag:psacertified.org,2023:psa#tfm``: the boot seed at 268."""
    CCA_1_0_0 = "cca-legacy"
    """The CCA platform's ``http://arm.com/CCA-SSD/1.0.0``; the instance id over the point."""
    CCA_2023 = "cca"
    """The CCA platform's ``tag:arm.com,2023:cca_platform#1.0.0``."""

    @property
    def has_legacy_labels(self) -> bool:
        """Claims from -75000 downwards, not those of EAT."""
        return self in _LEGACY

    @property
    def is_cca(self) -> bool:
        return self in (TokenVariant.CCA_1_0_0, TokenVariant.CCA_2023)

    @property
    def before_2_2(self) -> bool:
        """Issued by TF-M 2.1 or an older one."""
        return self in _BEFORE_2_2


_LEGACY: Final = frozenset(
    {TokenVariant.TFM_2019, TokenVariant.PSA_IOT_PROFILE_1, TokenVariant.PSA_IOT_PROFILE_1_2022}
)
_BEFORE_2_2: Final = frozenset(
    {
        TokenVariant.TFM_2019,
        TokenVariant.PSA_IOT_PROFILE_1_2022,
        TokenVariant.PSA_2_0_0,
        TokenVariant.CCA_1_0_0,
    }
)


@dataclass(frozen=True, slots=True)
class AttestationConfig:
    """The options of one build; the defaults are those of TF-M 2.2 without a profile.

    ``max_token_size`` in bytes is the service's own token buffer. ``tfm_2_2_signature_room_slip`` brings back
    a slip of TF-M 2.2.2: a buffer that lacks room for the signature alone is answered with
    PSA_ERROR_GENERIC_ERROR where the API specification says PSA_ERROR_BUFFER_TOO_SMALL. With
    ``measured_boot`` (TFM_PARTITION_MEASURED_BOOT) software components are what that partition's slots hold;
    else they come from the boot status, in the form of the era ``boot_status``.
    """

    variant: TokenVariant = TokenVariant.PSA_IOT_PROFILE_1
    optional_claims: bool = True
    cose_key_id: bool = False
    symmetric: bool = False
    max_token_size: int = PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
    tfm_2_2_signature_room_slip: bool = False
    measured_boot: bool = False
    boot_status: BootStatusEra = BootStatusEra.TODAY
