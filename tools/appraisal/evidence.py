"""Claims by their names, whatever profile they came in: what an appraisal reads of a token."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..verifier import cbor
from ..verifier.decode import DecodedPart
from ..verifier.profiles import Family, Profile

MEASUREMENT_TYPE, MEASUREMENT_VALUE, VERSION, SIGNER_ID, MEASUREMENT_DESCRIPTION = 1, 2, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Component:
    """One software component of evidence; what it lacks, or has in a wrong type, is None."""

    type: str | None
    value: bytes | None
    version: str | None
    signer_id: bytes | None
    description: str | None

    def __str__(self) -> str:
        name = f"{self.type or 'a component without type'} {self.version or ''}".strip()
        return f"{name} ({self.value.hex()[:16] if self.value else 'no measurement'}...)"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One token's claims, with the profile that names them."""

    profile: Profile | None
    claims: cbor.Map | None

    @classmethod
    def of(cls, part: DecodedPart) -> "Evidence":
        """The evidence of a token taken apart."""
        return cls(part.profile, part.envelope.claims)

    @property
    def family(self) -> Family | None:
        """The part that the token plays; None without a known profile."""
        return self.profile.family if self.profile else None

    @property
    def is_vouched_for(self) -> bool:
        """Signed by a key for which another token vouches: a realm's, or any delegated one."""
        return self.family in (Family.REALM, Family.DELEGATED)

    def item(self, name: str) -> cbor.Item | None:
        """The claim of this name as it came, None if absent."""
        claim = self.profile.claim(name) if self.profile else None
        return self.claims.get(claim.key) if claim and self.claims else None

    def octets(self, name: str) -> bytes | None:
        """A byte string claim."""
        item = self.item(name)
        return item.value if isinstance(item, cbor.Bytes) else None

    def integer(self, name: str) -> int | None:
        """An integer claim."""
        item = self.item(name)
        return item.value if isinstance(item, cbor.Int) else None

    def text(self, name: str) -> str | None:
        """A text claim."""
        item = self.item(name)
        return item.value if isinstance(item, cbor.Text) else None

    def measurements(self) -> tuple[bytes, ...]:
        """A realm's extensible measurements."""
        item = self.item("extensible-measurements")
        elements = item.items if isinstance(item, cbor.Array) else ()
        return tuple(element.value for element in elements if isinstance(element, cbor.Bytes))

    def components(self) -> tuple[Component, ...]:
        """The software components, in their order."""
        item = self.item("software-components")
        return tuple(_components(item)) if isinstance(item, cbor.Array) else ()


def _components(array: cbor.Array) -> Iterator[Component]:
    for element in array.items:
        entry = element if isinstance(element, cbor.Map) else cbor.EMPTY_MAP
        yield Component(
            _text(entry, MEASUREMENT_TYPE),
            _octets(entry, MEASUREMENT_VALUE),
            _text(entry, VERSION),
            _octets(entry, SIGNER_ID),
            _text(entry, MEASUREMENT_DESCRIPTION),
        )


def _text(entry: cbor.Map, key: int) -> str | None:
    item = entry.get(key)
    return item.value if isinstance(item, cbor.Text) else None


def _octets(entry: cbor.Map, key: int) -> bytes | None:
    item = entry.get(key)
    return item.value if isinstance(item, cbor.Bytes) else None
