"""The claim tables of every profile, as data: RFC 9783 section 4, its drafts, and the CCA token.

A profile decides which keys mean what: the boot seed is claim 268 in RFC 9783 and was 2397 in the
drafts, and neither is accepted under the other's profile string.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from .findings import Kind
from .shapes import AnyMap, ByteString, Claim, Integer, IntegerOrText, ListOf, SubMap, TextString

HASH_SIZES = (32, 48, 64)
M, O = True, False  # noqa: E741  mandatory, optional, as the documents' tables say it

# PSA lifecycle: the high byte is the state, the low byte is the implementation's own (RFC 9783 4.3.1).
LIFECYCLE_STATES: Final = {
    0x00: "unknown",
    0x10: "assembly and test",
    0x20: "PSA RoT provisioning",
    0x30: "secured",
    0x40: "non-PSA-RoT debug",
    0x50: "recoverable PSA RoT debug",
    0x60: "decommissioned",
}
TRUSTED_LIFECYCLE_STATES: Final = (0x30, 0x40)

NONCE = ByteString(HASH_SIZES)
INSTANCE_ID = ByteString((33,), prefix=b"\x01")
IMPLEMENTATION_ID = ByteString((32,))
LIFECYCLE = Integer(tuple((state << 8, state << 8 | 0xFF) for state in LIFECYCLE_STATES), hexadecimal=True)
CLIENT_ID = Integer(((-0x80000000, -1), (1, 0x7FFFFFFF)))
PROFILE_NAME = TextString(wanted="a text string that names the profile", type_kind=Kind.PROFILE_NOT_TEXT)
CERT_REF = TextString(r"[0-9]{13}-[0-9]{5}", "13 digits, a dash, 5 digits")
CERT_REF_OR_EAN13 = TextString(r"[0-9]{13}(-[0-9]{5})?", "13 digits, or 13 digits, a dash, 5 digits")
HARDWARE_VERSION = TextString(r"[0-9]{13}(-?[0-9]{5})?", "13 or 18 digits, or 13 digits, a dash, 5 digits")
TEXT = TextString()

COMPONENT_CLAIMS: Final = (
    Claim(1, "measurement-type", O, TEXT),
    Claim(2, "measurement-value", M, ByteString(HASH_SIZES)),
    Claim(4, "version", O, TEXT),
    Claim(5, "signer-id", M, ByteString(HASH_SIZES)),
    Claim(6, "measurement-description", O, TEXT),
)
COMPONENTS = ListOf(SubMap(COMPONENT_CLAIMS))
# Key 3 was the security epoch in 2019 and is reserved since.
SECURITY_EPOCH = Claim(3, "security-epoch", O, Integer(((0, 0xFFFFFFFF),)))
LEGACY_COMPONENTS = ListOf(SubMap((*COMPONENT_CLAIMS, SECURITY_EPOCH)))
# The boot loader of 2019 wrote a signer id only if it had one, so that it is optional there.
COMPONENTS_2019 = ListOf(
    SubMap(
        (
            *(claim for claim in COMPONENT_CLAIMS if claim.key != 5),
            SECURITY_EPOCH,
            Claim(5, "signer-id", O, ByteString(HASH_SIZES)),
        )
    )
)


class Family(Enum):
    """Which part a token of the profile plays."""

    PSA = "PSA token"
    PLATFORM = "CCA platform token"
    REALM = "CCA realm token"
    DELEGATED = "token of a delegated key"


@dataclass(frozen=True, slots=True)
class Profile:
    """A claim table, with the strings that select it and the rules between its claims."""

    name: str
    profile_key: int
    strings: tuple[str, ...]
    claims: tuple[Claim, ...]
    exactly_one: tuple[tuple[int, int], ...] = ()
    family: Family = Family.PSA
    table: dict[int, Claim] = field(init=False, repr=False, compare=False)
    """The rows by key."""
    names: dict[str, Claim] = field(init=False, repr=False, compare=False)
    """The rows by name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", {claim.key: claim for claim in self.claims})
        object.__setattr__(self, "names", {claim.name: claim for claim in self.claims})

    def claim(self, name: str) -> Claim | None:
        """The row of this name, if the profile has one."""
        return self.names.get(name)

    def with_claim(self, claim: Claim) -> "Profile":
        """The same profile with one more row."""
        return replace(self, claims=(*self.claims, claim))


PSA_IOT_PROFILE_1: Final = Profile(
    "PSA_IOT_PROFILE_1",
    -75000,
    ("PSA_IOT_PROFILE_1",),
    (
        Claim(-75008, "nonce", M, NONCE),
        Claim(-75009, "instance-id", M, INSTANCE_ID),
        Claim(-75000, "profile", O, PROFILE_NAME),
        Claim(-75004, "boot-seed", M, ByteString((32,))),
        Claim(-75001, "client-id", M, CLIENT_ID),
        Claim(-75002, "security-lifecycle", M, LIFECYCLE),
        Claim(-75003, "implementation-id", M, IMPLEMENTATION_ID),
        Claim(-75005, "certification-reference", O, CERT_REF_OR_EAN13),
        Claim(-75006, "software-components", O, LEGACY_COMPONENTS),
        Claim(-75007, "no-software-measurements", O, Integer(((1, 1),))),
        Claim(-75010, "verification-service", O, TextString(r"(?s).+", "a text string, not empty")),
    ),
    exactly_one=((-75006, -75007),),
)

# TF-M from February 2019 on named a document; its hardware version has 18 digits, without a dash.
TFM_2019: Final = Profile(
    "psa-tfm-profile-1.md",
    -75000,
    ("psa-tfm-profile-1.md",),
    (
        Claim(-75008, "nonce", M, NONCE),
        Claim(-75009, "instance-id", M, INSTANCE_ID),
        Claim(-75000, "profile", M, PROFILE_NAME),
        Claim(-75004, "boot-seed", M, ByteString((32,))),
        Claim(-75001, "client-id", M, CLIENT_ID),
        Claim(-75002, "security-lifecycle", M, LIFECYCLE),
        Claim(-75003, "implementation-id", M, IMPLEMENTATION_ID),
        Claim(-75005, "hardware-version", O, HARDWARE_VERSION),
        Claim(-75006, "software-components", O, COMPONENTS_2019),
        Claim(-75007, "no-software-measurements", O, Integer(((1, 1),))),
        Claim(-75010, "verification-service", O, TextString(r"(?s).+", "a text string, not empty")),
    ),
    exactly_one=((-75006, -75007),),
)


def _psa_2(name: str, boot_seed_key: int) -> Profile:
    return Profile(
        name,
        265,
        (name,),
        (
            Claim(10, "nonce", M, NONCE),
            Claim(256, "instance-id", M, INSTANCE_ID),
            Claim(265, "profile", M, PROFILE_NAME),
            Claim(boot_seed_key, "boot-seed", O, ByteString(range(8, 33))),
            Claim(2394, "client-id", M, CLIENT_ID),
            Claim(2395, "security-lifecycle", M, LIFECYCLE),
            Claim(2396, "implementation-id", M, IMPLEMENTATION_ID),
            Claim(2398, "certification-reference", O, CERT_REF),
            Claim(2399, "software-components", M, COMPONENTS),
            Claim(2400, "verification-service", O, TEXT),
        ),
    )


PSA_2_0_0: Final = _psa_2("http://arm.com/psa/2.0.0", boot_seed_key=2397)
RFC_9783: Final = _psa_2("tag:psacertified.org,2023:psa#tfm", boot_seed_key=268)
# RFC 9783 5.1: other profiles derived from the baseline are named with another fragment.
RFC_9783_BASE: Final = "tag:psacertified.org,2023:psa#"


def _cca_platform(name: str) -> Profile:
    return Profile(
        name,
        265,
        (name,),
        (
            Claim(10, "nonce", M, NONCE),
            Claim(256, "instance-id", M, INSTANCE_ID),
            Claim(265, "profile", M, PROFILE_NAME),
            Claim(2395, "security-lifecycle", M, LIFECYCLE),
            Claim(2396, "implementation-id", M, IMPLEMENTATION_ID),
            Claim(2399, "software-components", M, COMPONENTS),
            Claim(2400, "verification-service", O, TEXT),
            Claim(2401, "platform-config", M, ByteString()),
            Claim(2402, "platform-hash-algorithm", M, TEXT),
        ),
        family=Family.PLATFORM,
    )


CCA_PLATFORM_LEGACY: Final = _cca_platform("http://arm.com/CCA-SSD/1.0.0")
CCA_PLATFORM: Final = _cca_platform("tag:arm.com,2023:cca_platform#1.0.0")

REALM_HASH = TextString(r"sha-(224|256|384|512)", "sha-224, sha-256, sha-384 or sha-512")
_REALM: Final = (
    Claim(10, "nonce", M, ByteString((64,))),
    Claim(44235, "personalization-value", M, ByteString((64,))),
    Claim(44236, "hash-algorithm", M, TEXT),
    Claim(44238, "initial-measurement", M, ByteString(HASH_SIZES)),
    Claim(44239, "extensible-measurements", M, ListOf(ByteString(HASH_SIZES), 4, 4)),
    Claim(44240, "public-key-hash-algorithm", M, REALM_HASH),
)
_FLAG = Integer(((0, 0), (1, 1)))

CCA_REALM_LEGACY: Final = Profile(
    "CCA realm (no profile claim)",
    265,
    (),
    (*_REALM, Claim(44237, "public-key", M, ByteString((65, 97, 133), prefix=b"\x04"))),
    family=Family.REALM,
)
CCA_REALM_2023: Final = Profile(
    "tag:arm.com,2023:realm#1.0.0",
    265,
    ("tag:arm.com,2023:realm#1.0.0",),
    (
        *_REALM,
        Claim(265, "profile", M, PROFILE_NAME),
        Claim(44237, "public-key", M, ByteString()),
    ),
    family=Family.REALM,
)
CCA_REALM_2024: Final = Profile(
    "tag:arm.com,2024:realm#2.0.0",
    265,
    ("tag:arm.com,2024:realm#2.0.0",),
    (
        *_REALM,
        Claim(265, "profile", M, PROFILE_NAME),
        Claim(256, "instance-id", M, INSTANCE_ID),
        Claim(44237, "public-key", M, ByteString()),
        Claim(44243, "mec-policy", M, _FLAG),
        Claim(44244, "lfa-policy", O, _FLAG),
        Claim(44257, "devices-token-hash", O, ByteString(HASH_SIZES)),
    ),
    family=Family.REALM,
)
# One version of ccatoken writes the MEC policy as text.
CCA_REALM_2024_TEXT_MEC: Final = replace(
    CCA_REALM_2024,
    claims=tuple(
        replace(claim, shape=IntegerOrText(_FLAG, ("private", "shared"))) if claim.key == 44243 else claim
        for claim in CCA_REALM_2024.claims
    ),
)

# RFC 9711 4.2.18: submodules by name; a byte string among them is a nested token.
SUBMODULES: Final = Claim(266, "submods", M, AnyMap())
# What an entity with a key from delegated attestation signs with it, around the token that vouches for the
# key; the key is a COSE_Key or point in CCA's claim, or a confirmation (RFC 8747 3.1).
DELEGATED: Final = Profile(
    "a delegated key's token around its platform token",
    265,
    (),
    (
        Claim(8, "confirmation", O, AnyMap()),
        Claim(10, "nonce", M, ByteString(range(8, 65))),
        Claim(256, "instance-id", O, ByteString(range(7, 34))),
        Claim(265, "profile", O, PROFILE_NAME),
        SUBMODULES,
        Claim(44237, "public-key", O, ByteString()),
        Claim(44240, "public-key-hash-algorithm", O, REALM_HASH),
    ),
    exactly_one=((8, 44237),),
    family=Family.DELEGATED,
)

PSA_PROFILES: Final = (TFM_2019, PSA_IOT_PROFILE_1, PSA_2_0_0, RFC_9783)
PLATFORM_PROFILES: Final = (CCA_PLATFORM, CCA_PLATFORM_LEGACY)
REALM_PROFILES: Final = (CCA_REALM_2024, CCA_REALM_2023, CCA_REALM_LEGACY)
ALL_PROFILES: Final = (*PSA_PROFILES, *PLATFORM_PROFILES, *REALM_PROFILES)


def lifecycle_state(value: int) -> str | None:
    """The name of the state that a lifecycle value is in, None between the ranges."""
    return LIFECYCLE_STATES.get(value >> 8)
