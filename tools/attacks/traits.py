"""What a message must be for a mutation to apply to it."""

from ..verifier import cbor
from .anatomy import SUBMODULES, NoToken, RawMap
from .labels import Family
from .mutation import Trait
from .subject import Part, Target

SIGN1 = Trait("COSE_Sign1", lambda target: not target.is_mac)
MAC0 = Trait("COSE_Mac0", lambda target: target.is_mac)
ES256 = Trait("ES256", lambda target: target.algorithm.name == "ES256")
NOT_REALM = Trait(
    "no realm token",
    lambda target: target.family not in (Family.REALM, Family.REALM_LEGACY),
    frozenset(Family) - {Family.REALM, Family.REALM_LEGACY},
)
MAC_OR_REALM = Trait(
    "COSE_Mac0 or a realm token", lambda target: target.is_mac or not NOT_REALM.holds(target)
)
HAS_KID = Trait("a kid header", lambda target: target.message.headers.get(4) is not None)
NOT_NESTING = Trait("nests no token", lambda target: target.claims.get(SUBMODULES) is None)
BARE = (Part.TOKEN,)
NOT_IN_REALM = (Part.TOKEN, Part.PLATFORM)
NO_PLATFORM = (Part.TOKEN, Part.REALM)


def knowing(name: str) -> frozenset[Family]:
    """The profiles that have a claim of this name."""
    return frozenset(family for family in Family if name in family.keys)


def of(*families: Family) -> Trait:
    """The message is of one of these profiles."""
    label = " or ".join(family.label for family in families)
    return Trait(label, lambda target: target.family in families, frozenset(families))


def has(name: str) -> Trait:
    """The claim is there."""
    return Trait(f"has {name}", lambda target: target.claim(name) is not None, knowing(name))


def knows(name: str) -> Trait:
    """The profile has such a claim, present or not."""
    return Trait(f"the profile has {name}", lambda target: name in target.family.keys, knowing(name))


def components(target: Target) -> list[RawMap]:
    """The software components. Raises NoToken if they are no array of maps."""
    raw = target.claim("components")
    item = cbor.read(raw) if raw is not None else None
    if raw is None or not isinstance(item, cbor.Array):
        raise NoToken("no array of software components")
    return [RawMap.of(raw[element.start : element.end]) for element in item.items]


WITH_COMPONENTS = knowing("components")
HAS_COMPONENTS = Trait("has components", lambda target: bool(components(target)), WITH_COMPONENTS)
TWO_COMPONENTS = Trait(
    "has two components or more", lambda target: len(set(components(target))) >= 2, WITH_COMPONENTS
)


def in_component(key: int, name: str) -> Trait:
    """The first software component has this key."""
    return Trait(
        f"the first component has {name}",
        lambda target: bool(components(target)) and components(target)[0].get(key) is not None,
        WITH_COMPONENTS,
    )
