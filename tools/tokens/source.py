"""A token described in YAML, read into the bytes of its payload and what is chosen for its envelope."""

from dataclasses import dataclass, field
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..verifier.cose import ALGORITHMS
from . import cbor_writer as cbor
from .names import BY_LABEL, OPTIONS, PLATFORM_ENTRY, REALM_ENTRY, TokenType, Words, type_of_names
from .yaml_nodes import (
    BINARY_TAG,
    CBOR_TAG,
    STRING_TAG,
    Source,
    TokenYamlError,
    elements,
    error_at,
    noun,
    pairs,
)

MAX_PAYLOAD: Final = 1 << 20
"""Bytes that a description may grow to: YAML's aliases can say very much in few."""
MAX_DEPTH: Final = 16
PLATFORM_KEY, REALM_KEY = 44234, 44241
_OPTION_NAMES: Final = ("type", "alg", "kid", "tags", "protected", "unprotected", "payload", "signature")
_ENTRIES: Final = {
    PLATFORM_ENTRY: (PLATFORM_KEY, TokenType.CCA_PLATFORM),
    REALM_ENTRY: (REALM_KEY, TokenType.CCA_REALM),
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a description says of the envelope; None is what the key and TF-M would have it.

    ``tags`` are outermost first. ``protected`` are the bytes inside the byte string, ``unprotected`` an
    encoded map.
    """

    alg: int | None = None
    kid: bytes | None = None
    tags: tuple[int, ...] | None = None
    protected: bytes | None = None
    unprotected: bytes | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class TokenSource:
    """One COSE message to be made: the encoded claims and the envelope."""

    type: TokenType
    payload: bytes
    envelope: Envelope = field(default_factory=Envelope)


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """A CCA collection to be made: encoded keys with a token each, or with an item as it is."""

    entries: tuple[tuple[bytes, TokenSource | bytes], ...]
    tags: tuple[int, ...] = (907,)


def read_source(
    source: Source, data: bytes, name: str, token_type: TokenType | None = None
) -> TokenSource | CollectionSource:
    """The token that a YAML file describes, as ``token_type``, by default by the file's own names.

    Claims stand in the token in the order of the file. Raises TokenYamlError.
    """
    root = source.resolve(source.read(data, name), "")
    return _Reader(source).document(root, token_type)


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._room = MAX_PAYLOAD

    def document(self, root: Node, wanted: TokenType | None) -> TokenSource | CollectionSource:
        entries = list(pairs(root, ""))
        if not entries:
            raise error_at(root, "", "a mapping without claims", legal="at least one claim")
        names = [key.value for key, _ in entries if _is_name(key)]
        said = self._options(entries, "")
        kind = wanted or self._type(said) or type_of_names(names, self._profile(entries))
        if kind is TokenType.CCA:
            return self._collection(entries, said)
        return self._token(root, kind, "")

    def _collection(self, entries: list[tuple[Node, Node]], said: dict[str, Node]) -> CollectionSource:
        made: list[tuple[bytes, TokenSource | bytes]] = []
        seen: set[bytes] = set()
        for key, value in entries:
            if _is_name(key) and key.value == OPTIONS:
                continue
            if _is_name(key) and key.value in _ENTRIES:
                number, kind = _ENTRIES[key.value]
                label = cbor.write_int(number)
                self._once(key, label, seen, key.value)
                made.append((label, self._token(self._source.resolve(value, key.value), kind, key.value)))
            else:
                label, path = self._key(key, None, tuple(_ENTRIES), "")
                self._once(key, label, seen, path)
                made.append((label, self._value(value, path, MAX_DEPTH)))
        for option, node in said.items():
            if option not in ("type", "tags"):
                raise error_at(node, f"{OPTIONS}.{option}", "not for a collection", legal="type, tags")
        tags = self._tags(said["tags"]) if "tags" in said else (907,)
        return CollectionSource(tuple(made), tags)

    def _token(self, node: Node, kind: TokenType, path: str) -> TokenSource:
        if node.tag == CBOR_TAG:
            return TokenSource(kind, self._source.encoded(node, path))
        entries = list(pairs(node, path))
        said = self._options(entries, path)
        if path and "type" in said:
            raise error_at(
                said["type"], f"{path}.{OPTIONS}.type", "not for a part", legal="in the file's own"
            )
        claims = [(key, value) for key, value in entries if not (_is_name(key) and key.value == OPTIONS)]
        if "payload" in said:
            if claims:
                raise error_at(claims[0][0], path, "a claim beside a payload", legal=f"{OPTIONS} alone")
            payload = self._binary(said["payload"], "payload")
        else:
            payload = self._map(claims, path, kind.words, MAX_DEPTH)
        return TokenSource(kind, payload, self._envelope(said))

    def _map(self, entries: list[tuple[Node, Node]], path: str, words: Words | None, depth: int) -> bytes:
        seen: set[bytes] = set()
        made = []
        for key, value in entries:
            label, inner = self._key(key, words, (), path)
            self._once(key, label, seen, inner)
            made.append((label, self._claim(key, value, inner, words, depth - 1)))
        return self._spend(cbor.join_map(made))

    def _claim(self, key: Node, value: Node, path: str, words: Words | None, depth: int) -> bytes:
        value = self._source.resolve(value, path)
        name = key.value if words is not None and _is_name(key) else ""
        if words is not None and name == words.lifecycle and name and value.tag == STRING_TAG:
            number = words.lifecycle_value(value.value)
            if number is None:
                states = ", ".join(words.states.values())
                legal = f"{states}, each also with its value as in {words.states[0x30]}_0x3001, or a number"
                raise error_at(value, path, f"found {value.value!r}", legal=legal)
            return cbor.write_int(number)
        if words is not None and name == words.components and name and isinstance(value, SequenceNode):
            parts = [
                self._component(element, f"{path}[{index}]", words.component_words, depth - 1)
                for index, element in enumerate(elements(value, path))
            ]
            return self._spend(cbor.join_array(parts))
        return self._value(value, path, depth)

    def _component(self, node: Node, path: str, words: Words | None, depth: int) -> bytes:
        node = self._source.resolve(node, path)
        if isinstance(node, MappingNode):
            return self._map(list(pairs(node, path)), path, words, depth)
        return self._value(node, path, depth)

    def _value(self, node: Node, path: str, depth: int) -> bytes:
        node = self._source.resolve(node, path)
        if depth <= 0:
            raise error_at(node, path, "nested too deeply", legal=f"at most {MAX_DEPTH} levels")
        if node.tag == CBOR_TAG:
            return self._spend(self._source.encoded(node, path))
        if isinstance(node, SequenceNode):
            parts = [
                self._value(element, f"{path}[{index}]", depth - 1)
                for index, element in enumerate(elements(node, path))
            ]
            return self._spend(cbor.join_array(parts))
        if isinstance(node, MappingNode):
            return self._map(list(pairs(node, path)), path, None, depth)
        return self._scalar(node, path)

    def _scalar(self, node: Node, path: str) -> bytes:
        value = self._source.scalar(node, path)
        match value:
            case None:
                return self._spend(cbor.write_simple(22))
            case bool():
                return self._spend(cbor.write_simple(21 if value else 20))
            case int():
                if not -(1 << 64) <= value < 1 << 64:
                    raise error_at(node, path, "an integer too large for CBOR", legal="-2**64 to 2**64 - 1")
                return self._spend(cbor.write_int(value))
            case float():
                return self._spend(cbor.write_double(value))
            case bytes():
                return self._spend(cbor.write_bytes(value))
            case str():
                return self._spend(_text(node, path, value))

    def _key(self, key: Node, words: Words | None, also: tuple[str, ...], path: str) -> tuple[bytes, str]:
        """A map key's encoding and the path of its value; without ``words`` and ``also`` text is text."""
        prefix = f"{path}." if path else ""
        if not isinstance(key, ScalarNode):
            raise error_at(key, path, f"a key is {noun(key)}", legal="a name, a number, or !cbor")
        inner = prefix + str(key.value)[:60]
        if key.tag == CBOR_TAG:
            return self._source.encoded(key, inner), inner
        if not _is_name(key):
            return self._scalar(key, inner), inner
        if words is None and not also:
            return _text(key, inner, key.value), inner
        known = words.keys if words is not None else {}
        if key.value not in known:
            legal = ", ".join((*known, *also)) or "a number"
            raise error_at(key, inner, "no claim of this name", legal=f"{legal}, a number, or !text")
        return cbor.write_int(known[key.value]), inner

    def _once(self, key: Node, label: bytes, seen: set[bytes], path: str) -> None:
        if label in seen and key.tag != CBOR_TAG:
            raise error_at(key, path, "this key occurs twice", legal="once, or as !cbor and its encoding")
        seen.add(label)

    def _profile(self, entries: list[tuple[Node, Node]]) -> object:
        return next(
            (value.value for key, value in entries if _is_name(key) and key.value == "profile_id"), None
        )

    def _options(self, entries: list[tuple[Node, Node]], path: str) -> dict[str, Node]:
        said: dict[str, Node] = {}
        for key, value in entries:
            if not (_is_name(key) and key.value == OPTIONS):
                continue
            if said:
                raise error_at(key, path, f"{OPTIONS} occurs twice", legal="once")
            for name, option in pairs(value, OPTIONS):
                if not _is_name(name) or name.value not in _OPTION_NAMES or name.value in said:
                    what = f"{OPTIONS}.{name.value if isinstance(name, ScalarNode) else ''}"
                    raise error_at(
                        name, what, "no such option here", legal=", ".join(_OPTION_NAMES) + ", once"
                    )
                said[name.value] = option
        return said

    def _type(self, said: dict[str, Node]) -> TokenType | None:
        if "type" not in said:
            return None
        node = said["type"]
        if not isinstance(node, ScalarNode) or node.value not in BY_LABEL:
            raise error_at(node, f"{OPTIONS}.type", f"found {noun(node)}", legal=", ".join(BY_LABEL))
        return BY_LABEL[node.value]

    def _envelope(self, said: dict[str, Node]) -> Envelope:
        binary = {
            name: self._binary(said[name], name)
            for name in ("kid", "protected", "unprotected", "signature")
            if name in said
        }
        return Envelope(
            alg=self._alg(said["alg"]) if "alg" in said else None,
            tags=self._tags(said["tags"]) if "tags" in said else None,
            kid=binary.get("kid"),
            protected=binary.get("protected"),
            unprotected=binary.get("unprotected"),
            signature=binary.get("signature"),
        )

    def _alg(self, node: Node) -> int:
        value = self._source.scalar(node, f"{OPTIONS}.alg")
        found = algorithm_number(value)
        if found is None:
            raise error_at(node, f"{OPTIONS}.alg", f"found {noun(node)}", legal=ALGORITHMS_LEGAL)
        return found

    def _tags(self, node: Node) -> tuple[int, ...]:
        path = f"{OPTIONS}.tags"
        found = []
        for element in elements(node, path):
            value = self._source.scalar(element, path)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
                raise error_at(element, path, f"found {noun(element)}", legal="tag numbers, outermost first")
            found.append(value)
        if len(found) > MAX_DEPTH:
            raise error_at(node, path, f"{len(found)} tags", legal=f"at most {MAX_DEPTH}")
        return tuple(found)

    def _binary(self, node: Node, name: str) -> bytes:
        if node.tag != BINARY_TAG:
            raise error_at(node, f"{OPTIONS}.{name}", f"found {noun(node)}", legal="!!binary and base64")
        value = self._source.scalar(node, f"{OPTIONS}.{name}")
        return self._spend(value if isinstance(value, bytes) else b"")

    def _spend(self, made: bytes) -> bytes:
        """Count what has been written, inner items again with each map around them; at least one."""
        self._room -= max(len(made), 1)
        if self._room < 0:
            raise TokenYamlError(f"the description grows too large; legal: {MAX_PAYLOAD} bytes")
        return made


ALGORITHMS_LEGAL: Final = ", ".join(f"{row.name} ({row.id})" for row in ALGORITHMS.values())


def algorithm_number(value: object) -> int | None:
    """A COSE algorithm by its name ("ES256", "HMAC 256/256", "HMAC 256") or any number; None for neither."""
    if isinstance(value, int) and not isinstance(value, bool) and -(1 << 64) <= value < 1 << 64:
        return value
    if isinstance(value, str):
        return next(
            (row.id for row in ALGORITHMS.values() if value in (row.name, row.name.partition("/")[0])), None
        )
    return None


def _is_name(key: Node) -> bool:
    """A plain or quoted text key without a tag of its own; !text says that it is no name."""
    return isinstance(key, ScalarNode) and key.tag == STRING_TAG


def _text(node: Node, path: str, value: str) -> bytes:
    try:
        return cbor.write_text(value)
    except UnicodeEncodeError:
        raise error_at(node, path, "text with a lone surrogate", legal="text that UTF-8 can encode") from None
