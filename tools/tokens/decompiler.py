"""From a token to the YAML that compiles to it again, in iat-verifier's words.

Compiled anew the YAML gives the very bytes of the payload, whatever the order of claims. What its words
cannot say stands in the ``tfm_sim`` block, and an item that is not encoded the ordinary way as ``!cbor``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..verifier import DecodedPart, DecodedToken, cbor
from ..verifier.collection import CONTENT_EAT_CWT, LEGACY_COLLECTION, PLATFORM_TOKEN, REALM_TOKEN, Collection
from ..verifier.cose import ALGORITHMS
from ..verifier.envelope import HEADER_ALG, HEADER_KID, CoseKind, Envelope
from . import cbor_writer as writer
from .cose_writer import protected_header
from .item_nodes import (
    Pairs,
    binary_node,
    encoded_node,
    is_ordinary_array,
    is_ordinary_map,
    key_node,
    map_node,
    name_node,
    node_of,
    numbers_node,
    scalar_node,
    sequence_node,
    write_item,
)
from .names import OPTIONS, PLATFORM_ENTRY, REALM_ENTRY, TokenType, Words, type_of_names, type_of_profile
from .yaml_nodes import CBOR_TAG, STRING_TAG, TEXT_TAG


@dataclass(frozen=True, slots=True)
class Decompiled:
    """``text`` is the YAML; ``left_out`` says, in words, what of the token is not in it."""

    text: str
    left_out: tuple[str, ...] = ()


def decompile(
    token: bytes, decoded: DecodedToken, *, with_signature: bool = False, for_iat_verifier: bool = False
) -> Decompiled:
    """Describe ``token``, which ``decoded`` is, in YAML.

    ``with_signature`` keeps protected header and signature too, so that the description compiles to the whole
    token without a key. ``for_iat_verifier`` leaves out what that tool's compile_token does not take.
    """
    maker = _Maker(with_signature, for_iat_verifier)
    dissected = decoded.dissected
    if isinstance(dissected, Collection):
        root = maker.collection(token, dissected, decoded.parts)
    else:
        root = maker.token(decoded.parts[0], nested=False)
    text = yaml.serialize(root, Dumper=yaml.SafeDumper, width=110)
    return Decompiled(text, tuple(maker.left_out))


class _Maker:
    def __init__(self, with_signature: bool, for_iat_verifier: bool) -> None:
        self._with_signature = with_signature
        self._plain = for_iat_verifier
        self.left_out: list[str] = []

    def collection(self, token: bytes, collection: Collection, parts: Sequence[DecodedPart]) -> Node:
        """A CCA collection: its two tokens by name, every other entry by its key."""
        item = cbor.read(token)
        while isinstance(item, cbor.Tag):
            item = item.content
        by_key = {}
        for part in parts:
            by_key[PLATFORM_TOKEN if part.name == "platform" else REALM_TOKEN] = part
        entries: Pairs = []
        seen: set[bytes] = set()
        for key, value in item.pairs if isinstance(item, cbor.Map) else ():
            label = key_node(token, key, None, seen)
            if label.tag == STRING_TAG:  # where names are expected, text must say that it is none
                label = ScalarNode(TEXT_TAG, label.value, style='"')
            number = key.value if isinstance(key, cbor.Int) else None
            part_here = by_key.get(number) if number is not None else None
            whole = part_here is not None and _is_whole(token, value, part_here.envelope, collection.tag)
            if part_here is not None and whole and label.tag != CBOR_TAG:
                del by_key[number or 0]
                name = PLATFORM_ENTRY if number == PLATFORM_TOKEN else REALM_ENTRY
                entries.append((name_node(name), self.token(part_here, nested=True)))
            elif self._plain:
                self.left_out.append(f"the entry {cbor.plain(key)!r} of the collection")
            else:
                entries.append((label, node_of(token, value)))
        options: Pairs = []
        if not {PLATFORM_ENTRY, REALM_ENTRY} & {key.value for key, _ in entries if key.tag == STRING_TAG}:
            options.append((name_node("type"), name_node(TokenType.CCA.label)))
        if collection.tags != (907,):
            options.append((name_node("tags"), numbers_node(collection.tags)))
        return self._mapping(entries, options, "the tag of the collection")

    def token(self, part: DecodedPart, *, nested: bool) -> Node:
        """One message: its claims in their order, then what is special about its envelope."""
        kind = type_of_profile(part.profile)
        if nested:
            kind = TokenType.CCA_PLATFORM if part.name == "platform" else TokenType.CCA_REALM
        envelope = part.envelope
        options = self._envelope_options(envelope)
        claims = envelope.claims
        data = envelope.payload
        if claims is None or not is_ordinary_map(data, claims) or claims.end != len(data) or claims.start:
            options.append((name_node("payload"), binary_node(data)))
            if not nested:
                options.insert(0, (name_node("type"), name_node(kind.label)))
            return self._mapping([], options, "a payload that is no map in the ordinary encoding")
        entries = self._claims(data, claims, kind.words)
        if not nested:
            names = [key.value for key, _ in entries if key.tag == STRING_TAG]
            profile = next((value.value for key, value in entries if key.value == "profile_id"), None)
            if type_of_names(names, profile) is not kind or not entries:
                options.insert(0, (name_node("type"), name_node(kind.label)))
        return self._mapping(entries, options, "special headers, tags or the signature of the token")

    def _claims(self, data: bytes, claims: cbor.Map, words: Words) -> Pairs:
        entries: Pairs = []
        seen: set[bytes] = set()
        for key, value in claims.pairs:
            label = key_node(data, key, words, seen)
            name = label.value if label.tag == STRING_TAG else ""
            entry = (label, self._claim(data, name, value, words))
            if self._plain and not _takes(entry, words):
                self.left_out.append(f"claim {cbor.plain(key)!r}, which iat-verifier has no words for")
            else:
                entries.append(entry)
        return entries

    def _claim(self, data: bytes, name: str, value: cbor.Item, words: Words) -> Node:
        """A value as its name has it; under a key without a name it is as it is."""
        if name and name == words.lifecycle:
            if isinstance(value, cbor.Text):  # as text it would be taken for one of the words
                return encoded_node(data, value)
            if isinstance(value, cbor.Int):
                text = words.lifecycle_text(value.value)
                ordinary = writer.write_int(value.value) == data[value.start : value.end]
                return name_node(text) if text is not None and ordinary else node_of(data, value)
        if name and name == words.components and isinstance(value, cbor.Array):
            if not is_ordinary_array(data, value):
                return encoded_node(data, value)
            parts = [self._component(data, element, words.component_words) for element in value.items]
            return sequence_node(parts)
        return node_of(data, value)

    def _component(self, data: bytes, element: cbor.Item, words: Words | None) -> Node:
        if not isinstance(element, cbor.Map) or not is_ordinary_map(data, element):
            return node_of(data, element)
        seen: set[bytes] = set()
        entries: Pairs = []
        for key, value in element.pairs:
            entry = (key_node(data, key, words, seen), node_of(data, value))
            if self._plain and not (entry[0].tag == STRING_TAG and _is_plain(entry[1])):
                self.left_out.append(f"{cbor.plain(key)!r} of a software component, which has no name there")
            else:
                entries.append(entry)
        return map_node(entries)

    def _envelope_options(self, envelope: Envelope) -> Pairs:
        options: Pairs = []
        alg = envelope.protected.get(HEADER_ALG) if envelope.protected else None
        number = alg.value if isinstance(alg, cbor.Int) else None
        ordinary = number is not None and protected_header(number) == envelope.protected_raw
        if self._with_signature and ordinary and number is not None:
            row = ALGORITHMS.get(number)
            options.append((name_node("alg"), name_node(row.name) if row else scalar_node(number)))
        if not ordinary:
            options.append((name_node("protected"), binary_node(envelope.protected_raw)))
        match envelope.unprotected.pairs:
            case ():
                ordinary_unprotected = True
            case ((cbor.Int(value=label), cbor.Bytes(value=kid)),) if label == HEADER_KID:
                ordinary_unprotected = True
                options.append((name_node("kid"), binary_node(kid)))
            case _:
                ordinary_unprotected = False
        if not ordinary_unprotected:
            options.append((name_node("unprotected"), binary_node(write_item(envelope.unprotected))))
        row = ALGORITHMS.get(number) if number is not None else None
        kind = row.kind if row is not None and ordinary else CoseKind.SIGN1
        if envelope.tags != (kind.tag,):
            options.append((name_node("tags"), numbers_node(envelope.tags)))
        if self._with_signature:
            options.append((name_node("signature"), binary_node(envelope.signature)))
        return options

    def _mapping(self, entries: Pairs, options: Pairs, what: str) -> Node:
        if options and self._plain:
            names = ", ".join(key.value for key, _ in options)
            self.left_out.append(f"{what} ({names})")
        elif options:
            entries = [*entries, (name_node(OPTIONS), map_node(options))]
        return map_node(entries)


def _takes(entry: tuple[Node, Node], words: Words) -> bool:
    """iat-verifier's compile_token has this name and takes this value."""
    key, value = entry
    if key.tag != STRING_TAG or key.value == "eat_boot_seed":
        return False
    if key.value == words.lifecycle:
        return value.tag == STRING_TAG
    if key.value == words.components and not all(isinstance(part, MappingNode) for part in _parts(value)):
        return False
    return _is_plain(value)


def _parts(node: Node) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else [node]


def _is_plain(node: Node) -> bool:
    """Without tags of ours, all the way down."""
    match node:
        case MappingNode(value=pairs):
            return all(_is_plain(key) and _is_plain(value) for key, value in pairs)
        case SequenceNode(value=items):
            return all(_is_plain(element) for element in items)
        case _:
            return node.tag not in (CBOR_TAG, TEXT_TAG)


def _is_whole(token: bytes, value: cbor.Item, envelope: Envelope, tag: int) -> bool:
    """The entry is nothing but this message in the wrapping that the collection's tag has."""
    match value:
        case cbor.Bytes() as wrapped if tag == LEGACY_COLLECTION:
            pass
        case cbor.Array(items=(cbor.Int(value=kind), cbor.Bytes() as wrapped)) if kind == CONTENT_EAT_CWT:
            pass
        case _:
            return False
    return len(wrapped.value) == envelope.size
