"""Where a token's bytes go, and what other choices would cost, against the buffer of the service."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
from ..verifier import DecodedPart, DecodedToken, cbor
from ..verifier.cose import ALGORITHMS
from ..verifier.envelope import HEADER_KID, CoseKind
from ..verifier.profiles import PLATFORM_PROFILES, PSA_PROFILES, TFM_2019, Profile
from ..verifier.shapes import ListOf, SubMap
from . import cbor_writer as writer

# TF-M ATTEST_INCLUDE_OPTIONAL_CLAIMS: what a build without it leaves out.
OPTIONAL_CLAIMS = ("verification-service", "certification-reference")
_OPTIONAL_OF_COMPONENTS = (1, 4, 6)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the token with one purpose; ``parts`` divide them further, and are all of them if any."""

    name: str
    size: int
    parts: tuple["Piece", ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """The same token under another choice; ``size`` is that of the whole message in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class PartSize:
    """One message: its bytes by purpose, and its alternatives."""

    name: str
    size: int
    pieces: tuple[Piece, ...]
    alternatives: tuple[Alternative, ...]

    @property
    def room(self) -> int:
        """What PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE leaves; negative if the token exceeds it."""
        return PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE - self.size


@dataclass(frozen=True, slots=True)
class TokenSize:
    """The whole token; ``around`` are the bytes of a collection around its two tokens, and behind a token.

    A token that is ``nested`` in the first part counts there.
    """

    size: int
    around: int
    parts: tuple[PartSize, ...]
    nested: bool = False


def measure(token: bytes, decoded: DecodedToken) -> TokenSize:
    """The bytes of ``token``, which ``decoded`` is, by purpose."""
    parts = tuple(_part(part) for part in decoded.parts)
    nested = decoded.nested is not None
    inside = sum(part.size for part in (parts[:1] if nested else parts))
    return TokenSize(len(token), len(token) - inside, parts, nested)


def _part(part: DecodedPart) -> PartSize:
    envelope = part.envelope
    sealed = len(writer.write_bytes(envelope.signature))
    protected = len(writer.write_bytes(envelope.protected_raw))
    unprotected = envelope.unprotected.end - envelope.unprotected.start
    payload = len(writer.write_bytes(envelope.payload))
    around = envelope.size - sealed - protected - unprotected - payload
    last = "tag" if envelope.kind is CoseKind.MAC0 else "signature"
    pieces = (
        Piece("COSE tag and array", around),
        Piece("protected header", protected),
        Piece("unprotected header", unprotected),
        Piece("payload", payload, tuple(_payload(part, payload))),
        Piece(last, sealed),
    )
    return PartSize(part.name, envelope.size, pieces, tuple(_alternatives(part)))


def _payload(part: DecodedPart, size: int) -> Iterator[Piece]:
    claims = part.envelope.claims
    if claims is None or not claims.pairs:
        return
    inside = [_claim(part.profile, key, value) for key, value in claims.pairs]
    yield Piece("heads of payload and map", size - sum(piece.size for piece in inside))
    yield from inside


def _claim(profile: Profile | None, key: cbor.Item, value: cbor.Item) -> Piece:
    claim = None
    if profile is not None and isinstance(key, cbor.Int):
        claim = next((row for row in profile.claims if row.key == key.value), None)
    name = claim.label if claim else f"claim {cbor.plain(key)!r}"
    size = value.end - key.start
    match (claim.shape if claim else None), value:
        case ListOf(element=SubMap(claims=rows)), cbor.Array(items=items) if items:
            names = {row.key: row.name for row in rows}
            inside = tuple(_component(index, item, names) for index, item in enumerate(items))
            rest = size - sum(piece.size for piece in inside)
            return Piece(name, size, (Piece("key and array head", rest), *inside))
        case _:
            return Piece(name, size)


def _component(index: int, item: cbor.Item, names: dict[int, str]) -> Piece:
    size = item.end - item.start
    label = f"component {index}"
    if not isinstance(item, cbor.Map) or not item.pairs:
        return Piece(label, size)
    kind = item.get(1)
    if isinstance(kind, cbor.Text) and kind.value:
        label += f", {kind.value}"
    inside = []
    for key, value in item.pairs:
        name = names.get(key.value, "") if isinstance(key, cbor.Int) else ""
        inside.append(Piece(name or f"key {cbor.plain(key)!r}", value.end - key.start))
    return Piece(label, size, (Piece("map head", size - sum(piece.size for piece in inside)), *inside))


Raw = list[tuple[bytes, bytes]]


def _alternatives(part: DecodedPart) -> Iterator[Alternative]:
    """What TF-M could have built instead, from the very bytes of the claims."""
    envelope, profile = part.envelope, part.profile
    if profile is None or envelope.claims is None or envelope.kind is None:
        return
    claims = envelope.claims
    pairs = _raw_pairs(envelope.payload, claims)
    fixed = envelope.size - len(writer.write_bytes(envelope.payload))
    kid = envelope.unprotected.get(HEADER_KID)
    if isinstance(kid, cbor.Bytes):
        # 04 and the byte string go; the head of a map of so few stays one byte.
        saved = 1 + kid.end - kid.start
        yield Alternative("without kid (ATTEST_INCLUDE_COSE_KEY_ID 0)", envelope.size - saved)
    keys = [row.key for row in profile.claims if row.name in OPTIONAL_CLAIMS]
    fewer = [
        pair
        for pair, (key, _) in zip(pairs, claims.pairs, strict=True)
        if not (isinstance(key, cbor.Int) and key.value in keys)
    ]
    if len(fewer) < len(pairs):
        name = "without optional claims (ATTEST_INCLUDE_OPTIONAL_CLAIMS 0)"
        yield Alternative(name, fixed + _payload_size(fewer))
    bare = [
        (key, _bare(envelope.payload, item)) for (key, _), (_, item) in zip(pairs, claims.pairs, strict=True)
    ]
    if bare != pairs:
        name = "components with measurement value and signer alone"
        yield Alternative(name, fixed + _payload_size(bare))
    family = next((row for row in (PSA_PROFILES, PLATFORM_PROFILES) if profile in row), ())
    for other in family:
        translated = None if other in (profile, TFM_2019) else _translated(claims, pairs, profile, other)
        if translated is not None:
            yield Alternative(f"as {other.name}", fixed + _payload_size(translated))
    for row in ALGORITHMS.values():
        if row.id == 5 or (envelope.kind is CoseKind.MAC0 and row.id == -7):
            size = _sealed_size(part, row.size)
            if row.kind is not envelope.kind:
                yield Alternative(f"as {row.kind.label}, {row.name}", size)


def _sealed_size(part: DecodedPart, size: int) -> int:
    """The message with a signature or tag of ``size`` bytes and a protected header of three."""
    envelope = part.envelope
    own = len(writer.write_bytes(envelope.signature)) + len(writer.write_bytes(envelope.protected_raw))
    return envelope.size - own + len(writer.write_bytes(bytes(size))) + 4


def _raw_pairs(payload: bytes, claims: cbor.Map) -> Raw:
    return [(payload[key.start : key.end], payload[value.start : value.end]) for key, value in claims.pairs]


def _payload_size(pairs: Raw) -> int:
    return len(writer.write_bytes(writer.join_map(pairs)))


def _bare(payload: bytes, value: cbor.Item) -> bytes:
    """Software components without what RFC 9783 4.4.1 leaves optional; any other value as it is."""
    raw = payload[value.start : value.end]
    if not isinstance(value, cbor.Array) or not value.items:
        return raw
    parts = []
    for item in value.items:
        if not isinstance(item, cbor.Map):
            return raw
        kept = [
            (payload[key.start : key.end], payload[inner.start : inner.end])
            for key, inner in item.pairs
            if not (isinstance(key, cbor.Int) and key.value in _OPTIONAL_OF_COMPONENTS)
        ]
        parts.append(writer.join_map(kept))
    return writer.join_array(parts)


def _translated(claims: cbor.Map, pairs: Raw, profile: Profile, other: Profile) -> Raw | None:
    """The claims under the keys and the string of another profile; None if it has no such claim."""
    names = {row.key: row.name for row in profile.claims}
    made: Raw = []
    for (key, _), (raw_key, raw_value) in zip(claims.pairs, pairs, strict=True):
        name = names.get(key.value) if isinstance(key, cbor.Int) else None
        if name is None:
            made.append((raw_key, raw_value))
            continue
        row = other.claim(name)
        if row is None:
            return None
        value = writer.write_text(other.strings[0]) if name == "profile" else raw_value
        made.append((writer.write_int(row.key), value))
    return made
