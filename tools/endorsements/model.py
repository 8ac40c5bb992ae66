"""What verifiers are provisioned with, whatever form it came in."""

import re
from dataclasses import dataclass
from typing import Final

from ...interface.errors import TfmSimError
from ..verifier.trust import TrustAnchor

__all__ = [
    "ANY_CLASS",
    "CERTIFICATE",
    "HASH_SIZES",
    "Certification",
    "ClassNames",
    "Digest",
    "EndorsementError",
    "Endorsements",
    "PlatformConfig",
    "RealmReference",
    "ReferenceValue",
    "TrustAnchor",
]

IMPLEMENTATION_ID_SIZE: Final = 32
INSTANCE_ID_SIZE: Final = 33
HASH_SIZES: Final = (32, 48, 64)
"""RFC 9783 4.4.1, psa-hash-type: SHA-256, SHA-384 and SHA-512, in bytes."""
REM_COUNT: Final = 4
CERTIFICATE: Final = re.compile(r"[0-9]{13}-[0-9]{5}")
"""RFC 9783 4.2.3: EAN-13 of the product, dash, five digits of its version."""


class EndorsementError(TfmSimError):
    """A file of endorsements is not what it should be, or a device cannot be endorsed."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash of ``algorithm``, an IANA named-information name such as "sha-256"."""

    algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True)
class ClassNames:
    """What else names a class of devices beside its id. Verifiers that look up exactly compare it too."""

    vendor: str | None = None
    model: str | None = None
    layer: int | None = None
    index: int | None = None


ANY_CLASS: Final = ClassNames()


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """One component that a device of this implementation may run.

    ``implementation_id`` is 32 bytes, ``signer_id`` 32, 48 or 64. ``type`` and ``version`` None fit any. A
    CoRIM may come without digest or with several: what a verifier makes of that is its own affair.
    """

    implementation_id: bytes
    digests: tuple[Digest, ...]
    signer_id: bytes | None = None
    type: str | None = None
    version: str | None = None
    names: ClassNames = ANY_CLASS


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """The CCA platform's configuration (claim 2401) that an implementation should have.

    Only the bits set in ``mask`` count; None is all of them.
    """

    implementation_id: bytes
    value: bytes
    mask: bytes | None = None
    names: ClassNames = ANY_CLASS


@dataclass(frozen=True, slots=True)
class RealmReference:
    """A realm: its initial measurement, four extensible ones (None fits any), its personalization value."""

    rim: Digest
    rems: tuple[Digest | None, ...] = (None,) * REM_COUNT
    rpv: bytes | None = None


@dataclass(frozen=True, slots=True)
class Certification:
    """A certificate for an implementation that runs all of ``components``.

    ``number`` is spelled as claim 2398 has it, 13 digits, dash, 5 digits; a CoRIM puts spaces around the
    dash.
    """

    implementation_id: bytes
    number: str
    components: tuple[ReferenceValue, ...] = ()
    names: ClassNames = ANY_CLASS


@dataclass(frozen=True, slots=True)
class Endorsements:
    """All of a file, or of several added together.

    ``anchor_names`` says how the class of each trust anchor is named, in their order; an anchor beyond its
    end has no such names.
    """

    reference_values: tuple[ReferenceValue, ...] = ()
    trust_anchors: tuple[TrustAnchor, ...] = ()
    certifications: tuple[Certification, ...] = ()
    platform_configs: tuple[PlatformConfig, ...] = ()
    realms: tuple[RealmReference, ...] = ()
    anchor_names: tuple[ClassNames, ...] = ()

    def __add__(self, other: "Endorsements") -> "Endorsements":
        names = tuple(self.names_of(n) for n in range(len(self.trust_anchors))) + other.anchor_names
        return Endorsements(
            self.reference_values + other.reference_values,
            self.trust_anchors + other.trust_anchors,
            self.certifications + other.certifications,
            self.platform_configs + other.platform_configs,
            self.realms + other.realms,
            names if any(name != ANY_CLASS for name in names) else (),
        )

    def names_of(self, anchor: int) -> ClassNames:
        """How the class of a trust anchor, by its place, is named."""
        return self.anchor_names[anchor] if anchor < len(self.anchor_names) else ANY_CLASS
