"""What a build of the attestation service emits: profile, era and options."""

from dataclasses import dataclass
from enum import Enum

from ...interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
from ...interface.tfm.boot_status import BootStatusEra


class TokenProfile(Enum):
    """TF-M's build options ATTEST_TOKEN_PROFILE_*; a build emits one of them."""

    PSA_IOT_PROFILE_1 = "PSA_IOT_1"
    PSA_2_0_0 = "PSA_2_0_0"
    ARM_CCA = "ARM_CCA"


class Release(Enum):
    """The TF-M release line whose rules apply where they differ.

    2.2 hashes the COSE_Key for the instance id and follows RFC 9783; 2.1 hashes the uncompressed point, keeps
    the boot seed at 2397 under ``http://arm.com/psa/2.0.0`` and has the older CCA profile string.
    """

    TFM_2_1 = "2.1"
    TFM_2_2 = "2.2"


@dataclass(frozen=True, slots=True)
class AttestationConfig:
    """The options of one build; the defaults are those of TF-M 2.2 without a profile.

    ``max_token_size`` in bytes is the service's own token buffer. ``tfm_2_2_signature_room_slip`` brings back
    a slip of TF-M 2.2.2: a buffer that lacks room for the signature alone is answered with
    PSA_ERROR_GENERIC_ERROR where the API specification says PSA_ERROR_BUFFER_TOO_SMALL. With
    ``measured_boot`` (TFM_PARTITION_MEASURED_BOOT) software components are what that partition's slots hold;
    else they come from the boot status, in the form of the era ``boot_status``.
    """

    profile: TokenProfile = TokenProfile.PSA_IOT_PROFILE_1
    release: Release = Release.TFM_2_2
    optional_claims: bool = True
    cose_key_id: bool = False
    symmetric: bool = False
    max_token_size: int = PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
    tfm_2_2_signature_room_slip: bool = False
    measured_boot: bool = False
    boot_status: BootStatusEra = BootStatusEra.TODAY
