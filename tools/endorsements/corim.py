"""What a CoRIM is beside its endorsements (draft-ietf-rats-corim): profile, identity, validity, signer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from .model import EndorsementError, Endorsements

CONTENT_TYPE: Final = "application/rim+cbor"
UNSIGNED_TAG: Final = 501
SIGNED_TAG: Final = 18
COMID_TAG: Final = 506


class CorimProfile(Enum):
    """The profiles that are read and written, by the URI in the CoRIM.

    The tags of 2025 are those of the current drafts and of Veraison; the URLs are their predecessors.
    """

    PSA = "tag:arm.com,2025:psa#1.0.0"
    PSA_IOT_1 = "http://arm.com/psa/iot/1"
    CCA_PLATFORM = "tag:arm.com,2025:cca_platform#1.0.0"
    CCA_SSD_1 = "http://arm.com/cca/ssd/1"
    CCA_REALM = "tag:arm.com,2025:cca_realm#1.0.0"
    CCA_REALM_1 = "http://arm.com/cca/realm/1"

    @property
    def is_realm(self) -> bool:
        """The profile is about realms, not about the device that they run on."""
        return self in (CorimProfile.CCA_REALM, CorimProfile.CCA_REALM_1)

    @property
    def is_old(self) -> bool:
        """The profile uses the tags 600 to 602, which nobody registered in the end."""
        return self.value.startswith("http:")

    def media_type(self, *, signed: bool) -> str:
        """What Veraison's provisioning wants to be told about a body of this profile."""
        if self.is_old:
            return f'application/corim-{"" if signed else "un"}signed+cbor; profile="{self.value}"'
        return f'application/rim+{"cose" if signed else "cbor"}; profile="{self.value}"'


class CorimRole(IntEnum):
    """What an entity has to do with a CoRIM (corim-role-type-choice)."""

    MANIFEST_CREATOR = 1
    MANIFEST_SIGNER = 2


@dataclass(frozen=True, slots=True)
class Entity:
    """An organization, and its roles by their numbers."""

    name: str
    uri: str | None = None
    roles: tuple[int, ...] = (CorimRole.MANIFEST_CREATOR,)


@dataclass(frozen=True, slots=True)
class Validity:
    """Both ends in seconds since 1970, both included. Raises EndorsementError where they are reversed."""

    not_after: float
    not_before: float | None = None

    def __post_init__(self) -> None:
        if self.not_before is not None and self.not_after < self.not_before:
            raise EndorsementError(
                f"validity: not after {self.not_after:.0f}; legal: not before its begin {self.not_before:.0f}"
            )

    def check(self, now: float, what: str) -> None:
        """Raises EndorsementError if ``now`` is outside; ``what`` names whose validity it is."""
        if self.not_before is not None and now < self.not_before:
            raise EndorsementError(
                f"{what}: valid from {self.not_before:.0f}; legal: used then, not at {now:.0f}"
            )
        if now > self.not_after:
            raise EndorsementError(
                f"{what}: valid until {self.not_after:.0f}; legal: used before, not at {now:.0f}"
            )


@dataclass(frozen=True, slots=True)
class Signature:
    """Who says that he signed a CoRIM, and how: nothing here is true before ``verified`` is.

    ``name`` and ``uri`` are the corim-meta's signer (header 8) or the issuer of the CWT claims (header 15).
    ``certificates`` is the x5chain in DER, the signer's first.
    """

    algorithm: int
    name: str
    uri: str | None = None
    validity: Validity | None = None
    kid: bytes | None = None
    certificates: tuple[bytes, ...] = ()
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Corim:
    """A CoRIM, read and checked by its profile. ``id`` is a text, or the 16 bytes of a UUID."""

    id: str | bytes
    profile: CorimProfile
    endorsements: Endorsements
    tag_ids: tuple[str | bytes, ...] = ()
    validity: Validity | None = None
    entities: tuple[Entity, ...] = ()
    signature: Signature | None = None


# Names of integer keys, for messages and for showing a file.
CORIM_KEYS: Final[Mapping[int, str]] = {
    0: "id",
    1: "tags",
    2: "dependent-rims",
    3: "profile",
    4: "rim-validity",
    5: "entities",
}
COMID_KEYS: Final[Mapping[int, str]] = {
    0: "language",
    1: "tag-identity",
    2: "entities",
    3: "linked-tags",
    4: "triples",
}
TAG_IDENTITY_KEYS: Final[Mapping[int, str]] = {0: "tag-id", 1: "tag-version"}
ENTITY_KEYS: Final[Mapping[int, str]] = {0: "entity-name", 1: "reg-id", 2: "role"}
VALIDITY_KEYS: Final[Mapping[int, str]] = {0: "not-before", 1: "not-after"}
TRIPLES_KEYS: Final[Mapping[int, str]] = {
    0: "reference-triples",
    1: "endorsed-triples",
    2: "identity-triples",
    3: "attest-key-triples",
    4: "dependency-triples",
    5: "membership-triples",
    6: "coswid-triples",
    8: "conditional-endorsement-series-triples",
    10: "conditional-endorsement-triples",
}
REFERENCE, ENDORSED, ATTEST_KEY, CONDITIONAL = 0, 1, 3, 10
ENVIRONMENT_KEYS: Final[Mapping[int, str]] = {0: "class", 1: "instance", 2: "group"}
CLASS_KEYS: Final[Mapping[int, str]] = {0: "class-id", 1: "vendor", 2: "model", 3: "layer", 4: "index"}
MEASUREMENT_KEYS: Final[Mapping[int, str]] = {0: "mkey", 1: "mval", 2: "authorized-by"}
MVAL_KEYS: Final[Mapping[int, str]] = {
    0: "version",
    1: "svn",
    2: "digests",
    3: "flags",
    4: "raw-value",
    5: "raw-value-mask",
    6: "mac-addr",
    7: "ip-addr",
    8: "serial-number",
    9: "ueid",
    10: "uuid",
    11: "name",
    13: "cryptokeys",
    14: "integrity-registers",
    15: "int-range",
    100: "psa-cert-num",
}
VERSION_KEYS: Final[Mapping[int, str]] = {0: "version", 1: "version-scheme"}
META_KEYS: Final[Mapping[int, str]] = {0: "signer", 1: "signature-validity"}
SIGNER_KEYS: Final[Mapping[int, str]] = {0: "signer-name", 1: "signer-uri"}
