"""Token profiles as data: the profile string, the label of each claim, and the order of emission."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import cbor2

from .config import AttestationConfig, TokenVariant


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

# TF-M attest_create_token: as of April 2019.
_2019_ORDER: Final = (
    Claim.BOOT_SEED,
    Claim.VERIFICATION_SERVICE,
    Claim.PROFILE_DEFINITION,
    Claim.INSTANCE_ID,
    Claim.CERTIFICATION_REFERENCE,
    Claim.IMPLEMENTATION_ID,
    Claim.CLIENT_ID,
    Claim.SECURITY_LIFECYCLE,
    Claim.SW_COMPONENTS,
)
# TF-M ATTEST_INCLUDE_OPTIONAL_CLAIMS: as that option of September 2019 sorts them.
_2019_OPTIONAL: Final = (
    Claim.VERIFICATION_SERVICE,
    Claim.PROFILE_DEFINITION,
    Claim.CERTIFICATION_REFERENCE,
)

_DEFINITION: Final = {
    TokenVariant.TFM_2019: b"psa-tfm-profile-1.md",
    TokenVariant.PSA_IOT_PROFILE_1: b"PSA_IOT_PROFILE_1",
    TokenVariant.PSA_IOT_PROFILE_1_2022: b"PSA_IOT_PROFILE_1",
    TokenVariant.PSA_2_0_0: b"http://arm.com/psa/2.0.0",
    TokenVariant.RFC_9783: b"tag:psacertified.org,2023:psa#tfm",
    TokenVariant.CCA_1_0_0: b"http://arm.com/CCA-SSD/1.0.0",
    TokenVariant.CCA_2023: b"tag:arm.com,2023:cca_platform#1.0.0",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One variant: ``labels`` are encoded CBOR, ``order`` leaves out the leading nonce."""

    definition: bytes
    labels: dict[Claim, bytes]
    order: tuple[Claim, ...]
    allows_no_components: bool


def select_profile(config: AttestationConfig) -> Profile:
    """The profile that a configuration asks for."""
    variant = config.variant
    labels = _LEGACY_LABELS if variant.has_legacy_labels else _EAT_LABELS
    if variant is TokenVariant.PSA_2_0_0:
        labels = _DRAFT_LABELS
    return Profile(
        definition=_DEFINITION[variant],
        labels={claim: cbor2.dumps(label) for claim, label in labels.items()},
        order=_order(config),
        allows_no_components=variant.has_legacy_labels,
    )


def _order(config: AttestationConfig) -> tuple[Claim, ...]:
    variant = config.variant
    if variant is TokenVariant.TFM_2019:
        keep = config.optional_claims
        return tuple(claim for claim in _2019_ORDER if keep or claim not in _2019_OPTIONAL)
    order = _CCA_ORDER if variant.is_cca else _PSA_ORDER
    if not config.optional_claims:
        return order
    order = (*order, *(_CCA_OPTIONAL if variant.is_cca else _PSA_OPTIONAL))
    if not config.verification_service_first:
        return order
    first, second = (order.index(c) for c in (Claim.PROFILE_DEFINITION, Claim.VERIFICATION_SERVICE))
    return (*order[:first], order[second], *order[first:second], *order[second + 1 :])
