"""Token profiles as data: the profile string, the label of each claim, and the order of emission."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import cbor2

from .config import AttestationConfig, Release, TokenProfile


class Claim(Enum):
    """The claims of all profiles; the label depends on the profile."""

    NONCE = auto()
    BOOT_SEED = auto()
    INSTANCE_ID = auto()
    IMPLEMENTATION_ID = auto()
    CLIENT_ID = auto()
    SECURITY_LIFECYCLE = auto()
    SW_COMPONENTS = auto()
    NO_SW_COMPONENTS = auto()
    PROFILE_DEFINITION = auto()
    PLATFORM_HASH_ALGO_ID = auto()
    PLATFORM_CONFIG = auto()
    VERIFICATION_SERVICE = auto()
    CERTIFICATION_REFERENCE = auto()


_LEGACY_BASE: Final = -75000
_PSA_BASE: Final = 2393

_LEGACY_LABELS: Final = {
    Claim.PROFILE_DEFINITION: _LEGACY_BASE - 0,
    Claim.CLIENT_ID: _LEGACY_BASE - 1,
    Claim.SECURITY_LIFECYCLE: _LEGACY_BASE - 2,
    Claim.IMPLEMENTATION_ID: _LEGACY_BASE - 3,
    Claim.BOOT_SEED: _LEGACY_BASE - 4,
    Claim.CERTIFICATION_REFERENCE: _LEGACY_BASE - 5,
    Claim.SW_COMPONENTS: _LEGACY_BASE - 6,
    Claim.NO_SW_COMPONENTS: _LEGACY_BASE - 7,
    Claim.NONCE: _LEGACY_BASE - 8,
    Claim.INSTANCE_ID: _LEGACY_BASE - 9,
    Claim.VERIFICATION_SERVICE: _LEGACY_BASE - 10,
}
_EAT_LABELS: Final = {
    Claim.NONCE: 10,
    Claim.INSTANCE_ID: 256,
    Claim.PROFILE_DEFINITION: 265,
    Claim.BOOT_SEED: 268,
    Claim.CLIENT_ID: _PSA_BASE + 1,
    Claim.SECURITY_LIFECYCLE: _PSA_BASE + 2,
    Claim.IMPLEMENTATION_ID: _PSA_BASE + 3,
    Claim.CERTIFICATION_REFERENCE: _PSA_BASE + 5,
    Claim.SW_COMPONENTS: _PSA_BASE + 6,
    Claim.VERIFICATION_SERVICE: _PSA_BASE + 7,
    Claim.PLATFORM_CONFIG: _PSA_BASE + 8,
    Claim.PLATFORM_HASH_ALGO_ID: _PSA_BASE + 9,
}
_DRAFT_LABELS: Final = _EAT_LABELS | {Claim.BOOT_SEED: _PSA_BASE + 4}

# TF-M attest_core claim_query_funcs: the order of emission, the optional claims last.
_PSA_ORDER: Final = (
    Claim.BOOT_SEED,
    Claim.INSTANCE_ID,
    Claim.IMPLEMENTATION_ID,
    Claim.CLIENT_ID,
    Claim.SECURITY_LIFECYCLE,
    Claim.SW_COMPONENTS,
    Claim.PROFILE_DEFINITION,
)
_PSA_OPTIONAL: Final = (Claim.VERIFICATION_SERVICE, Claim.CERTIFICATION_REFERENCE)
_CCA_ORDER: Final = (
    Claim.INSTANCE_ID,
    Claim.IMPLEMENTATION_ID,
    Claim.SECURITY_LIFECYCLE,
    Claim.SW_COMPONENTS,
    Claim.PROFILE_DEFINITION,
    Claim.PLATFORM_HASH_ALGO_ID,
    Claim.PLATFORM_CONFIG,
)
_CCA_OPTIONAL: Final = (Claim.VERIFICATION_SERVICE,)

_DEFINITION: Final = {
    (TokenProfile.PSA_IOT_PROFILE_1, Release.TFM_2_1): b"PSA_IOT_PROFILE_1",
    (TokenProfile.PSA_IOT_PROFILE_1, Release.TFM_2_2): b"PSA_IOT_PROFILE_1",
    (TokenProfile.PSA_2_0_0, Release.TFM_2_1): b"http://arm.com/psa/2.0.0",
    (TokenProfile.PSA_2_0_0, Release.TFM_2_2): b"tag:psacertified.org,2023:psa#tfm",
    (TokenProfile.ARM_CCA, Release.TFM_2_1): b"http://arm.com/CCA-SSD/1.0.0",
    (TokenProfile.ARM_CCA, Release.TFM_2_2): b"tag:arm.com,2023:cca_platform#1.0.0",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile of one release: ``labels`` are encoded CBOR, ``order`` leaves out the leading nonce."""

    definition: bytes
    labels: dict[Claim, bytes]
    order: tuple[Claim, ...]
    allows_no_components: bool


def select_profile(config: AttestationConfig) -> Profile:
    """The profile that a configuration asks for."""
    legacy = config.profile is TokenProfile.PSA_IOT_PROFILE_1
    labels = _LEGACY_LABELS if legacy else _EAT_LABELS
    if not legacy and config.release is Release.TFM_2_1:
        labels = _DRAFT_LABELS
    is_cca = config.profile is TokenProfile.ARM_CCA
    order: tuple[Claim, ...] = _CCA_ORDER if is_cca else _PSA_ORDER
    if config.optional_claims:
        order = order + (_CCA_OPTIONAL if is_cca else _PSA_OPTIONAL)
    return Profile(
        definition=_DEFINITION[config.profile, config.release],
        labels={claim: cbor2.dumps(label) for claim, label in labels.items()},
        order=order,
        allows_no_components=legacy,
    )
