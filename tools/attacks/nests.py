"""A platform token nested in the token that a delegated key signs. RFC 9711 4.2.18."""

from collections.abc import Callable

from ..tokens.cbor_writer import join_map, write_bytes, write_text
from ..verifier import Kind
from .anatomy import SUBMODULES, Nest, NoToken, RawMap
from .composing import has_realm_key
from .mutation import Deserved, KeyNeed, Mutation, Rule, refused, refused_for_one, tolerated
from .subject import Part, Subject

ONE = Rule("one nested token vouches for the outer token's key, the platform's", "RFC 9711 4.2.18")


def _nest(subject: Subject) -> Nest:
    if not isinstance(subject.whole, Nest):
        raise NoToken("no nest")
    return subject.whole


def _resigned(
    name: str, what: str, deserves: Deserved, rule: Rule, payload: Callable[[Subject], bytes]
) -> Mutation:
    """Another payload of the outer token, signed by its own key."""
    return Mutation(
        name=f"nest-{name}-resigned",
        base=f"nest-{name}-resigned",
        what=f"{what}, signed by the outer token's key",
        applies="a nest",
        need=KeyNeed.SIGNER,
        deserves=deserves,
        rule=rule,
        new_challenge=False,
        suits=lambda subject: isinstance(subject.whole, Nest) and has_realm_key(subject),
        change=lambda subject: subject.target(Part.REALM, "nest").signed(payload(subject)).encode(),
    )


def _outer(subject: Subject) -> RawMap:
    return subject.target(Part.REALM, "nest").claims


def _submodules(subject: Subject, *more: tuple[bytes, bytes]) -> bytes:
    nest = _nest(subject)
    pairs = ((nest.name, write_bytes(nest.platform)), *more)
    return _outer(subject).put(SUBMODULES, join_map(pairs)).encode()


MUTATIONS = (
    _resigned(
        "platform-removed",
        "no submodules",
        refused_for_one(Kind.SIGNATURE_INVALID, Kind.ALG_MISMATCH),
        Rule("without the platform's token nothing vouches for the outer token's key", "RFC 9711 4.2.18"),
        lambda subject: _outer(subject).without(SUBMODULES).encode(),
    ),
    _resigned(
        "second-token",
        "the platform's token twice, under two names",
        refused(Kind.COLLECTION_SHAPE),
        ONE,
        lambda subject: _submodules(subject, (write_text("other"), write_bytes(_nest(subject).platform))),
    ),
    _resigned(
        "name-twice",
        "the platform's submodule twice",
        refused(Kind.DUPLICATE_KEY),
        Rule("no map repeats a key", "RFC 8949 5.6"),
        lambda subject: _submodules(subject, (_nest(subject).name, write_bytes(_nest(subject).platform))),
    ),
    _resigned(
        "profile-unknown",
        "a profile of the outer token that nobody knows",
        tolerated(Kind.CLAIM_FOREIGN, strictly=Kind.CLAIM_UNKNOWN),
        Rule(
            "what nests a platform's token may be of any profile: its claims are its own", "RFC 9711 4.2.18"
        ),
        lambda subject: _outer(subject).put(265, write_text("tag:attacker.example,2026:realm#1")).encode(),
    ),
)
