"""A mutation: a name, what it does to which tokens, and the verdict that it deserves, by which rule."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ...interface.errors import TfmSimError
from ..verifier import Kind, Verdict
from .anatomy import NoToken
from .labels import Family
from .subject import Part, Subject, Target


class NotApplicable(TfmSimError):
    """The mutation is not for this token, or a key that it needs is missing."""


class Answer(StrEnum):
    """What a verifier should say."""

    REFUSED = "refused"
    WARNED = "accepted with a warning"
    ACCEPTED = "accepted"


class KeyNeed(StrEnum):
    """Which key a mutation signs with."""

    NONE = "none"
    OWN = "the attacker's own"
    PUBLIC = "the verification key"
    SIGNER = "the signer's"


@dataclass(frozen=True, slots=True)
class Deserved:
    """The answer, and the kinds of finding that must be among its reasons (or warnings).

    ``any_of``: one of them is enough, where it depends on the byte that was hit. Refused without kinds is
    refused for whatever reason. Accepted is accepted with no warning that the token did not earn before.
    ``strict`` is what a verifier in strict mode should say, where that is something else.
    """

    answer: Answer
    kinds: frozenset[Kind] = frozenset()
    any_of: bool = False
    strict: "Deserved | None" = None

    def met_by(self, verdict: Verdict, before: Verdict) -> bool:
        """Whether the verdict is this one; ``before`` is that of the token without the mutation."""
        warnings = frozenset(warning.kind for warning in verdict.warnings)
        old = frozenset(warning.kind for warning in before.warnings)
        match self.answer:
            case Answer.REFUSED:
                return not verdict.ok and self._has(verdict.kinds())
            case Answer.WARNED:
                return verdict.ok and self._has(warnings)
            case Answer.ACCEPTED:
                return verdict.ok and warnings <= old

    def _has(self, found: frozenset[Kind]) -> bool:
        if self.any_of:
            return bool(self.kinds & found)
        return self.kinds <= found

    def __str__(self) -> str:
        names = (" or " if self.any_of else ", ").join(sorted(self.kinds))
        return f"{self.answer}: {names}" if names else str(self.answer)


def refused(*kinds: Kind) -> Deserved:
    """Refused for all of these reasons, perhaps more."""
    return Deserved(Answer.REFUSED, frozenset(kinds))


def refused_for_one(*kinds: Kind) -> Deserved:
    """Refused for at least one of these reasons."""
    return Deserved(Answer.REFUSED, frozenset(kinds), any_of=True)


def warned(*kinds: Kind) -> Deserved:
    """Accepted, with these warnings."""
    return Deserved(Answer.WARNED, frozenset(kinds))


def tolerated(kind: Kind, *, strictly: Kind | None = None) -> Deserved:
    """Accepted with a warning, and in strict mode refused: for the same, or for what ``strictly`` says."""
    return Deserved(Answer.WARNED, frozenset({kind}), strict=refused(strictly or kind))


def ignored(kind: Kind) -> Deserved:
    """Accepted without a word, and in strict mode refused for this."""
    return Deserved(Answer.ACCEPTED, strict=refused(kind))


ACCEPTED = Deserved(Answer.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a verdict is deserved: one sentence, and the place of the rule."""

    why: str
    section: str


@dataclass(frozen=True, slots=True)
class Forgery:
    """What a mutation made: the bytes, and the challenge that a verifier would judge them against."""

    token: bytes
    challenge: bytes


@dataclass(frozen=True, slots=True)
class Trait:
    """A property that a message must have for a mutation to apply; only these families can have it."""

    label: str
    holds: Callable[[Target], bool]
    families: frozenset[Family] = frozenset(Family)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One named mutation of a whole token. ``base`` is the name without the part of a collection."""

    name: str
    base: str
    what: str
    applies: str
    need: KeyNeed
    deserves: Deserved
    rule: Rule
    new_challenge: bool
    suits: Callable[[Subject], bool]
    change: Callable[[Subject], bytes]

    def applies_to(self, subject: Subject) -> bool:
        """Whether this token with these means can be mutated so; ``forge`` then does not fail."""
        try:
            return self.suits(subject)
        except NoToken:
            return False

    def forge(self, subject: Subject) -> Forgery:
        """The mutated token. Raises NotApplicable."""
        if not self.applies_to(subject):
            need = "" if self.need is KeyNeed.NONE else f"; key: {self.need}"
            raise NotApplicable(f"{self.name} does not apply to this token; legal: {self.applies}{need}")
        challenge = subject.new_challenge if self.new_challenge else subject.challenge
        return Forgery(self.change(subject), challenge)

    def deserved(self, *, strict: bool) -> Deserved:
        """The verdict of a verifier in lenient or strict mode."""
        return self.deserves.strict or self.deserves if strict else self.deserves


FAMILIES: Final = {
    Part.TOKEN: frozenset(Family),
    Part.PLATFORM: frozenset({Family.PLATFORM}),
    Part.REALM: frozenset({Family.REALM, Family.REALM_LEGACY}),
}


@dataclass(frozen=True, slots=True)
class OnMessage:
    """A mutation of one COSE message, which may stand alone or be a part of a collection."""

    name: str
    what: str
    deserves: Deserved
    rule: Rule
    change: Callable[[Target], bytes]
    traits: tuple[Trait, ...] = ()
    need: KeyNeed = KeyNeed.NONE
    new_challenge: bool = False
    parts: tuple[Part, ...] = tuple(Part)

    @property
    def possible_parts(self) -> tuple[Part, ...]:
        """The parts that can have every trait."""
        families = frozenset(Family).intersection(*(trait.families for trait in self.traits))
        return tuple(part for part in self.parts if families & FAMILIES[part])

    def on(self, part: Part) -> Mutation:
        """The mutation of a token alone, or ``platform-NAME`` and ``realm-NAME`` in a collection."""
        name = self.name if part is Part.TOKEN else f"{part}-{self.name}"

        def suits(subject: Subject) -> bool:
            target = subject.target(part, name)
            if not subject.can_put(part):
                return False
            if self.need is KeyNeed.SIGNER and not _has_signer(target):
                return False
            if self.need is KeyNeed.PUBLIC and subject.means.verification_key is None:
                return False
            return all(trait.holds(target) for trait in self.traits)

        def change(subject: Subject) -> bytes:
            return subject.put(part, self.change(subject.target(part, name)))

        where = "a token alone" if part is Part.TOKEN else f"the {part} token of a collection or nest"
        return Mutation(
            name=name,
            base=self.name,
            what=self.what,
            applies="; ".join((where, *(trait.label for trait in self.traits))),
            need=self.need,
            deserves=self.deserves,
            rule=self.rule,
            new_challenge=self.new_challenge,
            suits=suits,
            change=change,
        )


def _has_signer(target: Target) -> bool:
    """The attacker has a key of the kind that the message is signed with."""
    key, curve = target.signer, target.algorithm.curve
    if key is None:
        return False
    if isinstance(key, bytes):
        return curve is None and len(key) == target.algorithm.size
    return curve is not None and key.curve.name == curve.curve.name
