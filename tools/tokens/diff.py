"""Two tokens side by side: what differs, header by header and claim by claim, and what only may.

Two signatures over the same bytes differ by nature, since ECDSA draws a fresh secret for each; two MACs over
the same bytes do not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..verifier import DecodedPart, DecodedToken, cbor
from ..verifier.envelope import CoseKind
from ..verifier.notation import diagnose
from ..verifier.profiles import lifecycle_state
from ..verifier.shapes import Claim, ListOf, SubMap
from .byte_map import HEADERS

Table = Mapping[int, Claim]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same; None stands for what one token does not have at all."""

    where: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class TokenDiff:
    """``differences`` make tokens unequal, ``notes`` do not."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Nothing differs but what does so by nature."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class _Side:
    """How one token's maps are read: the bytes that its items count from, and what its keys are called.

    Entries that have a name are matched by it, so that profiles with other keys can be compared.
    """

    data: bytes | None
    table: Table = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    def name(self, key: cbor.Item) -> str:
        """The name of a key, "" if it has none."""
        if not isinstance(key, cbor.Int):
            return ""
        claim = self.table.get(key.value)
        return claim.name if claim else self.names.get(key.value, "")

    def label(self, key: cbor.Item) -> str:
        """Name and key, as messages give them."""
        name = self.name(key)
        return f"{name} ({_show(key)})" if name else _show(key)

    def entries(self, item: cbor.Map) -> "Entries":
        """The pairs by name or else by key, and by how often that occurred before."""
        found: Entries = {}
        for key, value in item.pairs:
            text = self.name(key) or _show(key)
            occurrence = 0
            while (text, occurrence) in found:
                occurrence += 1
            found[text, occurrence] = (key, value)
        return found

    def inside(self, key: cbor.Item) -> "_Side":
        """How the value under a key is read."""
        claim = self.table.get(key.value) if isinstance(key, cbor.Int) else None
        match claim.shape if claim else None:
            case ListOf(element=SubMap(claims=rows)):
                return _Side(self.data, {row.key: row for row in rows})
            case _:
                return _Side(self.data)

    def raw(self, item: cbor.Item) -> bytes:
        """The bytes of an item, none where they do not count."""
        return b"" if self.data is None else self.data[item.start : item.end]


Entries = dict[tuple[str, int], tuple[cbor.Item, cbor.Item]]


def compare(first: bytes, second: bytes, one: DecodedToken, other: DecodedToken) -> TokenDiff:
    """The tokens ``first`` and ``second``, which ``one`` and ``other`` are."""
    differences: list[Difference] = []
    notes: list[str] = []
    ours, theirs = ({part.name: part for part in decoded.parts} for decoded in (one, other))
    for name in dict.fromkeys((*ours, *theirs)):
        mine, yours = ours.get(name), theirs.get(name)
        prefix = "" if name == "token" else f"{name} "
        if mine is None or yours is None:
            differences.append(Difference(f"{prefix}token", _kind(mine), _kind(yours)))
        else:
            differences += _part(mine, yours, prefix)
            differences += _sealed(mine, yours, prefix, notes)
    tags = [_tags(decoded) for decoded in (one, other)]
    if len(ours) > 1 and len(theirs) > 1 and tags[0] != tags[1]:
        differences.insert(0, Difference("collection", *tags))
    if not differences and _unsigned(first, one) != _unsigned(second, other):
        sizes = [f"{len(token)} bytes" for token in (first, second)]
        differences.append(Difference("bytes around headers, claims and signatures", *sizes))
    return TokenDiff(tuple(differences), tuple(notes))


def _unsigned(token: bytes, decoded: DecodedToken) -> bytes:
    """The token's bytes with zeros for its signatures, to see what no header and no claim shows."""
    for part in decoded.parts:
        signature = part.envelope.signature
        token = token.replace(signature, bytes(len(signature))) if signature else token
    return token


def _part(first: DecodedPart, second: DecodedPart, prefix: str) -> Iterator[Difference]:
    one, other = first.envelope, second.envelope
    if one.tags != other.tags:
        yield Difference(f"{prefix}tags", _numbers(one.tags), _numbers(other.tags))
    if one.protected is None or other.protected is None:
        if one.protected_raw != other.protected_raw:
            yield Difference(f"{prefix}protected header", one.protected_raw.hex(), other.protected_raw.hex())
    else:
        mine, yours = (_Side(envelope.protected_raw, names=HEADERS) for envelope in (one, other))
        found = list(_maps(f"{prefix}protected", one.protected, other.protected, mine, yours))
        if not found and one.protected_raw != other.protected_raw:
            found = [
                Difference(f"{prefix}protected header", one.protected_raw.hex(), other.protected_raw.hex())
            ]
        yield from found
    headers = _Side(None, names=HEADERS)
    yield from _maps(f"{prefix}unprotected", one.unprotected, other.unprotected, headers, headers)
    if one.claims is None or other.claims is None:
        if one.payload != other.payload:
            yield Difference(f"{prefix}payload", one.payload.hex(), other.payload.hex())
        return
    tables = [
        {claim.key: claim for claim in part.profile.claims} if part.profile else {}
        for part in (first, second)
    ]
    mine, yours = (
        _Side(envelope.payload, table) for envelope, table in zip((one, other), tables, strict=True)
    )
    found = list(_maps(prefix.strip(), one.claims, other.claims, mine, yours))
    if not found and one.payload != other.payload:
        found = [
            Difference(
                f"{prefix}payload's encoding", f"{len(one.payload)} bytes", f"{len(other.payload)} bytes"
            )
        ]
    yield from found


def _maps(where: str, first: cbor.Map, second: cbor.Map, mine: _Side, yours: _Side) -> Iterator[Difference]:
    """Entry by entry, repeated keys by their occurrence; then the order of what both have."""
    here, there = mine.entries(first), yours.entries(second)
    for identity in dict.fromkeys((*here, *there)):
        one, other = here.get(identity), there.get(identity)
        if one is None or other is None:
            present, side = (one, mine) if one is not None else (other, yours)
            label = side.label(present[0]) if present else ""
            name = side.name(present[0]) if present else ""
            shown = [None if entry is None else _show(entry[1], name) for entry in (one, other)]
            yield Difference(_join(where, label), *shown)
            continue
        labels = list(dict.fromkeys((mine.label(one[0]), yours.label(other[0]))))
        inner = mine.inside(one[0]), yours.inside(other[0])
        yield from _values(_join(where, " / ".join(labels)), one[1], other[1], *inner, mine.name(one[0]))
    order = [[key for key in side if key in here and key in there] for side in (here, there)]
    if order[0] != order[1]:
        shown = [", ".join(name for name, _ in keys) for keys in order]
        yield Difference(_join(where, "order"), *shown)


def _values(
    where: str, first: cbor.Item, second: cbor.Item, mine: _Side, yours: _Side, name: str = ""
) -> Iterator[Difference]:
    if isinstance(first, cbor.Array) and isinstance(second, cbor.Array):
        for index in range(max(len(first.items), len(second.items))):
            label = f"{where} [{index}]"
            pair = [side.items[index] if index < len(side.items) else None for side in (first, second)]
            one, other = pair
            if one is None or other is None:
                yield Difference(label, *(None if item is None else _show(item) for item in pair))
            else:
                yield from _values(label, one, other, mine, yours)
    elif isinstance(first, cbor.Map) and isinstance(second, cbor.Map):
        yield from _maps(where, first, second, mine, yours)
    elif diagnose(first) != diagnose(second):
        yield Difference(where, _show(first, name), _show(second, name))
    else:
        raw = [side.raw(item).hex() for side, item in ((mine, first), (yours, second))]
        if raw[0] != raw[1]:
            yield Difference(f"{where}, its encoding", *raw)


def _sealed(first: DecodedPart, second: DecodedPart, prefix: str, notes: list[str]) -> Iterator[Difference]:
    """The signature, which says most where the signed bytes are the same."""
    one, other = first.envelope, second.envelope
    if one.signature == other.signature:
        return
    what = "MAC" if one.kind is CoseKind.MAC0 else "signature"
    same = (
        one.payload == other.payload and one.protected_raw == other.protected_raw and one.kind is other.kind
    )
    if len(one.signature) != len(other.signature):
        sizes = [f"{len(envelope.signature)} bytes" for envelope in (one, other)]
        yield Difference(f"{prefix}{what}", *sizes)
    elif not same:
        notes.append(f"{prefix}{what}s differ, as what they are over does")
    elif one.kind is CoseKind.MAC0:
        yield Difference(f"{prefix}MAC over the same bytes", one.signature.hex(), other.signature.hex())
    else:
        notes.append(f"{prefix}signatures over the same bytes differ, as any two of ECDSA do")


def _show(item: cbor.Item, name: str = "") -> str:
    """On one line; a lifecycle as the state that it is."""
    if name == "security-lifecycle" and isinstance(item, cbor.Int):
        return f"0x{item.value:04x}, {lifecycle_state(item.value) or 'no legal state'}"
    return " ".join(line.strip() for line in diagnose(item).split("\n"))


def _join(where: str, what: str) -> str:
    return f"{where} {what}" if where else what


def _kind(part: DecodedPart | None) -> str | None:
    if part is None:
        return None
    return part.envelope.kind.label if part.envelope.kind else "neither COSE_Sign1 nor COSE_Mac0"


def _tags(decoded: DecodedToken) -> str:
    return _numbers(decoded.dissected.tags)


def _numbers(tags: Sequence[int]) -> str:
    return ", ".join(f"tag {number}" for number in tags) or "none"
