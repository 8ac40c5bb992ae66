"""CBOR items as YAML nodes that are encoded to the same bytes again.

An item that YAML's own types would not bring back byte for byte (a head longer than it must be, a tag, a
half float, a key that repeats) becomes ``!cbor`` and its hex.
"""

import math
from collections.abc import Sequence
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..verifier import cbor
from . import cbor_writer as writer
from .names import Words
from .yaml_nodes import BINARY_TAG, CBOR_TAG, STRING_TAG, TEXT_TAG

_SIMPLE: Final = {20: False, 21: True, 22: None}
Pairs = list[tuple[Node, Node]]


def node_of(data: bytes, item: cbor.Item) -> Node:
    """An item without names; as !cbor where YAML's own types would not be encoded to the same bytes."""
    raw = data[item.start : item.end]
    match item:
        case cbor.Array() if is_ordinary_array(data, item):
            return sequence_node([node_of(data, element) for element in item.items])
        case cbor.Map() if is_ordinary_map(data, item):
            seen: set[bytes] = set()
            return map_node(
                [(key_node(data, key, None, seen), node_of(data, value)) for key, value in item.pairs]
            )
        case cbor.Int(value=number) if writer.write_int(number) == raw:
            return scalar_node(number)
        case cbor.Bytes(value=octets) if writer.write_bytes(octets) == raw:
            return binary_node(octets)
        case cbor.Text(value=str(text)) if writer.write_text(text) == raw:
            return scalar_node(text)
        case cbor.Simple(number=number) if number in _SIMPLE:
            return scalar_node(_SIMPLE[number])
        case cbor.Float(value=value) if not math.isnan(value) and writer.write_double(value) == raw:
            return scalar_node(value)
        case _:
            return encoded_node(data, item)


def key_node(data: bytes, key: cbor.Item, words: Words | None, seen: set[bytes] | None = None) -> Node:
    """A map's key: by name, as a number, as bytes, as text; !cbor for another or one that was there."""
    raw = data[key.start : key.end]
    again = seen is not None and raw in seen
    if seen is not None:
        seen.add(raw)
    node = node_of(data, key)
    if again or not isinstance(node, ScalarNode):
        return encoded_node(data, key)
    if isinstance(key, cbor.Int) and words is not None and node.tag != CBOR_TAG:
        name = words.name_of(key.value)
        return node if name is None else name_node(name)
    if node.tag == STRING_TAG:
        return ScalarNode(TEXT_TAG, node.value, style='"') if words is not None else node
    return node


def write_item(item: cbor.Item) -> bytes:
    """An item with shortest heads; what was not so in the token is so here."""
    match item:
        case cbor.Int(value=number):
            return writer.write_int(number)
        case cbor.Bytes(value=octets):
            return writer.write_bytes(octets)
        case cbor.Text(raw=raw):
            return writer.write_text(raw)
        case cbor.Array(items=items):
            return writer.join_array([write_item(element) for element in items])
        case cbor.Map(pairs=pairs):
            return writer.join_map([(write_item(key), write_item(value)) for key, value in pairs])
        case cbor.Tag(number=number, content=content):
            return writer.wrap_tag(number, write_item(content))
        case cbor.Simple(number=number):
            return writer.write_simple(number)
        case cbor.Float(value=value):
            return writer.write_double(value)


def is_ordinary_map(data: bytes, item: cbor.Map) -> bool:
    """The head of the map is the shortest, so that a YAML mapping brings it back."""
    first = item.pairs[0][0].start if item.pairs else item.end
    return data[item.start : first] == writer.head(5, len(item.pairs))


def is_ordinary_array(data: bytes, item: cbor.Array) -> bool:
    """The head of the array is the shortest."""
    first = item.items[0].start if item.items else item.end
    return data[item.start : first] == writer.head(4, len(item.items))


def map_node(entries: Pairs) -> Node:
    """A mapping, an entry a line."""
    return MappingNode("tag:yaml.org,2002:map", entries, flow_style=False)


def sequence_node(nodes: list[Node]) -> Node:
    """A sequence, an element a line."""
    return SequenceNode("tag:yaml.org,2002:seq", nodes, flow_style=False)


def numbers_node(values: Sequence[int]) -> Node:
    """A sequence of numbers on one line."""
    return SequenceNode("tag:yaml.org,2002:seq", [scalar_node(value) for value in values], flow_style=True)


def name_node(text: str) -> ScalarNode:
    """A text scalar."""
    return ScalarNode(STRING_TAG, text)


def binary_node(value: bytes) -> ScalarNode:
    """A !!binary scalar."""
    return scalar_node(value)


def encoded_node(data: bytes, item: cbor.Item) -> ScalarNode:
    """The very bytes of an item, as !cbor."""
    return ScalarNode(CBOR_TAG, data[item.start : item.end].hex(), style='"')


def scalar_node(value: object) -> ScalarNode:
    """A plain scalar in the way PyYAML writes it."""
    node = yaml.SafeDumper(_Nowhere()).represent_data(value)
    assert isinstance(node, ScalarNode)
    if node.tag == BINARY_TAG:  # on one line: base64 breaks anywhere, and a claim is short
        node.value = node.value.replace("\n", "")
        node.style = None
    return node


class _Nowhere:
    """A dumper wants a stream, also where only its nodes are wanted."""

    def write(self, _: object) -> None: ...
