"""What a build of the attestation service emits: the variant of the token, and options."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
from ...interface.stm32.dua_certificate import CertId
from ...interface.tfm.boot_status import BootStatusEra


class TokenVariant(Enum):
    """Which tokens a build issues: the profile (ATTEST_TOKEN_PROFILE_*) as TF-M had it at some time.

    The one value decides on claims and labels, their order, the profile string and the rule of the instance
    id.
    """

    TFM_2019 = "2019"
    """TF-M of April 2019: ``psa-tfm-profile-1.md``, and that service's API, errors and boot status."""
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


class SignatureOf2019(Enum):
    """How the service of 2019 signs, or does not; H is the hash of what is to be signed."""

    DOC = "doc"
    """H twice, 64 bytes, as the integration guide has it: the crypto service could not sign."""
    AS_CODED = "as-coded"
    """H once, 32 bytes: the stub wrote H twice and told the length of one."""
    ES256 = "es256"
    """ECDSA by the crypto service, since 24 May 2019."""


class OptionTransport(Enum):
    """Where test code finds its option word, 4 bytes, little endian."""

    CHALLENGE_36 = "36"
    """Behind a challenge of 32 bytes; until 17 April 2019."""
    CHALLENGE_64 = "64"
    """The first bytes of a challenge of 64 whose others are zero; until 7 March 2025."""


@dataclass(frozen=True, slots=True)
class AttestationConfig:
    """The options of one build; the defaults are those of TF-M 2.2 without a profile.

    ``optional_claims``, ``cose_key_id`` and ``include_test_code`` are ATTEST_INCLUDE_OPTIONAL_CLAIMS,
    ATTEST_INCLUDE_COSE_KEY_ID and ATTEST_INCLUDE_TEST_CODE; ``symmetric`` is SYMMETRIC_INITIAL_ATTESTATION.
    ``max_token_size`` in bytes is the service's own token buffer; with ``mm_iovec``
    (PSA_FRAMEWORK_HAS_MM_IOVEC) it has none and writes into the caller's. With ``measured_boot``
    (TFM_PARTITION_MEASURED_BOOT) software components are what that partition's slots hold; else they come
    from the boot status, in the form of the era ``boot_status``: None is the one that goes with the variant.

    ``boot_status_room`` in bytes is what the service asks the SPM for, a header and the entries; None is the
    512 of TF-M 2.2 and of 2.1.0 and before, or the 516 of 2.1.6, by the variant. TF-M 2.3 asks for 516.
    ``boot_loader_claims``: until TF-M 1.8 entries of module GENERAL stood above what the platform says of
    boot seed, certification reference and lifecycle; they do in 2019 anyway.

    With ``include_test_code`` an option word may ask for a token without claims or without a signature. It
    is no part of a product; ``option_transport`` None is the one of the variant's time.

    ``verification_service_first`` is the order of TF-M 1.6: that claim before the profile, not behind it.

    Slips of TF-M, for comparison with the real one: ``tfm_2_2_signature_room_slip``: 2.2.2 answers a buffer
    that lacks room for the signature alone with PSA_ERROR_GENERIC_ERROR where the API specification says
    PSA_ERROR_BUFFER_TOO_SMALL. ``p_521_key_refused``: TF-M looks for a key of 512 bits, so one of P-521,
    which has 521, is none that it can sign with.

    ``wrapped_dua_key`` is ST's way on an STM32 with a CCB: the key is not the builtin one, but this device
    authentication key of the chip, imported as the blob that RSSe-KW exported, at the Key Wrap Engine's
    location.

    Of the service of 2019 alone: ``signature_of_2019``, and ``sig_structure_of_april_2019``: until 10 May
    2019 what was hashed was no Sig_structure of COSE.
    """

    variant: TokenVariant = TokenVariant.PSA_IOT_PROFILE_1
    optional_claims: bool = True
    cose_key_id: bool = False
    symmetric: bool = False
    max_token_size: int = PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
    tfm_2_2_signature_room_slip: bool = False
    measured_boot: bool = False
    boot_status: BootStatusEra | None = None
    boot_status_room: int | None = None
    boot_loader_claims: bool = False
    mm_iovec: bool = False
    p_521_key_refused: bool = False
    verification_service_first: bool = False
    include_test_code: bool = False
    option_transport: OptionTransport | None = None
    wrapped_dua_key: CertId | None = None
    signature_of_2019: SignatureOf2019 = SignatureOf2019.DOC
    sig_structure_of_april_2019: bool = False

    @property
    def boot_status_era(self) -> BootStatusEra:
        """The form of the boot status that this service reads."""
        if self.boot_status is not None:
            return self.boot_status
        return BootStatusEra.TFM_2019_02 if self.variant is TokenVariant.TFM_2019 else BootStatusEra.TODAY

    @property
    def transport(self) -> OptionTransport | None:
        """How an option word comes; None for a build without test code."""
        if not self.include_test_code:
            return None
        if self.option_transport is not None:
            return self.option_transport
        early = self.variant is TokenVariant.TFM_2019
        return OptionTransport.CHALLENGE_36 if early else OptionTransport.CHALLENGE_64

    @property
    def hal_functions(self) -> tuple[str, ...]:
        """The platform functions that only this build is granted: in 2019 the service held the key itself."""
        if self.variant is not TokenVariant.TFM_2019:
            return ()
        return "tfm_plat_get_initial_attest_key", "tfm_plat_get_instance_id", "tfm_plat_get_hw_version"
