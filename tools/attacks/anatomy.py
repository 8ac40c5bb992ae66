"""A token cut into raw pieces and put together again: what a mutation leaves alone stays byte for byte."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ..tokens.cbor_writer import join_array, join_map, wrap_tag, write_bytes, write_int
from ..verifier import cbor

SIGN1_TAG, MAC0_TAG = 18, 17
CMW_COLLECTION, LEGACY_COLLECTION = 907, 399
PLATFORM_ENTRY, REALM_ENTRY, EAT_CWT = 44234, 44241, 263
SUBMODULES = 266
Pair = tuple[bytes, bytes]


class NoToken(Exception):
    """The bytes are no tagged COSE_Sign1, COSE_Mac0 or collection of two: nothing to bend on purpose."""


@dataclass(frozen=True, slots=True)
class RawMap:
    """A CBOR map as encoded keys and values, in their order; integer keys are found by their value."""

    pairs: tuple[Pair, ...]

    @classmethod
    @lru_cache(maxsize=256)
    def of(cls, data: bytes) -> "RawMap":
        """The map that fills ``data``. Raises NoToken."""
        try:
            item = cbor.read_exactly(data)
        except cbor.CborError as error:
            raise NoToken(str(error)) from None
        if not isinstance(item, cbor.Map):
            raise NoToken(f"found {item.noun}; legal: a map")
        slices = ((data[k.start : k.end], data[v.start : v.end]) for k, v in item.pairs)
        return cls(tuple(slices))

    def get(self, key: int) -> bytes | None:
        """The encoded value of this key."""
        return next((value for raw, value in self.pairs if _number(raw) == key), None)

    def key(self, key: int) -> bytes:
        """The key as it stands in the map, or as it would be written."""
        return next((raw for raw, _ in self.pairs if _number(raw) == key), write_int(key))

    def put(self, key: int, value: bytes) -> "RawMap":
        """With this encoded value, in the key's place or behind all."""
        if self.get(key) is None:
            return RawMap((*self.pairs, (write_int(key), value)))
        return RawMap(tuple((raw, value if _number(raw) == key else old) for raw, old in self.pairs))

    def without(self, key: int) -> "RawMap":
        """Without this key."""
        return RawMap(tuple(pair for pair in self.pairs if _number(pair[0]) != key))

    def also(self, *pairs: Pair) -> "RawMap":
        """With these encoded pairs behind, which may repeat a key."""
        return RawMap((*self.pairs, *pairs))

    def encode(self, pairs: Iterable[Pair] | None = None) -> bytes:
        """The map with the shortest head."""
        return join_map(tuple(self.pairs if pairs is None else pairs))


@dataclass(frozen=True, slots=True)
class Message:
    """One tagged COSE_Sign1 or COSE_Mac0 in its parts; ``unprotected`` is the encoded map."""

    tag: int
    protected: bytes
    unprotected: bytes
    payload: bytes
    signature: bytes

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, data: bytes) -> "Message":
        """Cut it up. Raises NoToken."""
        try:
            item = cbor.read_exactly(data)
        except cbor.CborError as error:
            raise NoToken(str(error)) from None
        match item:
            case cbor.Tag(
                number=17 | 18 as tag,
                content=cbor.Array(
                    items=(cbor.Bytes() as protected, cbor.Map() as headers, cbor.Bytes() as payload, last)
                ),
            ) if isinstance(last, cbor.Bytes):
                RawMap.of(payload.value)
                raw = data[headers.start : headers.end]
                return cls(tag, protected.value, raw, payload.value, last.value)
            case _:
                raise NoToken(f"found {item.noun}; legal: tag 18 or 17 around four parts")

    @property
    def parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four parts, encoded."""
        return (
            write_bytes(self.protected),
            self.unprotected,
            write_bytes(self.payload),
            write_bytes(self.signature),
        )

    def encode(self) -> bytes:
        """Shortest heads, as TF-M writes them."""
        return wrap_tag(self.tag, join_array(self.parts))

    def with_part(self, index: int, encoded: bytes) -> bytes:
        """Encoded with another item in place of part 0 to 3."""
        parts = list(self.parts)
        parts[index] = encoded
        return wrap_tag(self.tag, join_array(parts))

    @property
    def claims(self) -> RawMap:
        """The payload's map."""
        return RawMap.of(self.payload)

    @property
    def headers(self) -> RawMap:
        """The unprotected header."""
        return RawMap.of(self.unprotected)

    def with_headers(self, headers: RawMap) -> "Message":
        """With another unprotected header."""
        return replace(self, unprotected=headers.encode())


@dataclass(frozen=True, slots=True)
class Pieces:
    """A collection: its tag and the encoded bytes of the platform's and the realm's token."""

    tag: int
    platform: bytes
    realm: bytes

    @classmethod
    def of(cls, data: bytes) -> "Pieces":
        """Cut it up. Raises NoToken."""
        try:
            item = cbor.read_exactly(data)
        except cbor.CborError as error:
            raise NoToken(str(error)) from None
        match item:
            case cbor.Tag(number=907 | 399 as tag, content=cbor.Map() as entries):
                tokens = [_entry(entries.get(key)) for key in (PLATFORM_ENTRY, REALM_ENTRY)]
            case _:
                raise NoToken(f"found {item.noun}; legal: tag 907 or 399 around a map")
        for token in tokens:
            Message.of(token)
        return cls(tag, *tokens)

    def entry(self, token: bytes) -> bytes:
        """A token as the collection's form has it."""
        if self.tag == LEGACY_COLLECTION:
            return write_bytes(token)
        return join_array((write_int(EAT_CWT), write_bytes(token)))

    @property
    def pairs(self) -> tuple[Pair, Pair]:
        """The two encoded entries."""
        return (
            (write_int(PLATFORM_ENTRY), self.entry(self.platform)),
            (write_int(REALM_ENTRY), self.entry(self.realm)),
        )

    def encode(self, pairs: Iterable[Pair] | None = None) -> bytes:
        """The collection, or one with these entries under its tag."""
        return wrap_tag(self.tag, join_map(tuple(self.pairs if pairs is None else pairs)))


@dataclass(frozen=True, slots=True)
class Nest:
    """A token that nests its platform token among its submodules (RFC 9711 4.2.18), under ``name``."""

    outer: bytes
    platform: bytes
    name: bytes  # the encoded key among the submodules

    @classmethod
    def of(cls, data: bytes) -> "Nest":
        """Cut it up. Raises NoToken unless there is exactly one nested token."""
        submodules = Message.of(data).claims.get(SUBMODULES)
        if submodules is None:
            raise NoToken("no submodules")
        found = [
            (key, item.value)
            for key, value in RawMap.of(submodules).pairs
            if isinstance(item := cbor.read(value), cbor.Bytes)
        ]
        if len(found) != 1:
            raise NoToken(f"{len(found)} nested tokens; legal: one")
        name, token = found[0]
        Message.of(token)
        return cls(data, token, name)

    def payload(self, token: bytes) -> bytes:
        """The outer claims around another token."""
        claims = Message.of(self.outer).claims
        submodules = RawMap.of(claims.get(SUBMODULES) or b"\xa0")
        pairs = ((key, write_bytes(token) if key == self.name else value) for key, value in submodules.pairs)
        return claims.put(SUBMODULES, join_map(tuple(pairs))).encode()


def _entry(entry: cbor.Item | None) -> bytes:
    match entry:
        case cbor.Bytes(value=value) | cbor.Array(items=(cbor.Int(value=263), cbor.Bytes(value=value), *_)):
            return value
        case _:
            raise NoToken("a collection without two tokens")


def _number(raw: bytes) -> int | None:
    item = cbor.read(raw)
    return item.value if isinstance(item, cbor.Int) else None
