"""YAML as nodes that know their place: what a token's description is read from.

Values keep YAML's own types, as iat-verifier takes them: ``!!binary`` for bytes, quoted text, plain numbers.
Two tags are ours: ``!cbor HEX`` is an item that is encoded already, ``!text`` marks a map key that is text
where names are expected. ``!inc FILE`` puts another file's content in its place, as in iat-verifier.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ...interface.errors import TfmSimError

CBOR_TAG: Final = "!cbor"
TEXT_TAG: Final = "!text"
INCLUDE_TAG: Final = "!inc"
BINARY_TAG: Final = "tag:yaml.org,2002:binary"
STRING_TAG: Final = "tag:yaml.org,2002:str"
MAX_SOURCE: Final = 1 << 18
"""Bytes of one YAML file."""
MAX_NUMBER: Final = 400
"""Characters of one number; 2**64 in binary has 66, a double in full may have more."""
MAX_SHOWN: Final = 60
"""Characters of a scalar in a message."""
_MAX_INCLUDES: Final = 8
_SCALARS: Final = {
    f"tag:yaml.org,2002:{name}": name for name in ("null", "bool", "int", "float", "binary", "str")
}
_MAP_TAG: Final = "tag:yaml.org,2002:map"
_SEQUENCE_TAG: Final = "tag:yaml.org,2002:seq"
_ORDINARY: Final = frozenset({*_SCALARS, _MAP_TAG, _SEQUENCE_TAG})
_BROKEN: Final = (ValueError, TypeError, AttributeError, LookupError, OverflowError)
"""What PyYAML's constructors raise, beside its own errors, for scalars that are not of their tag."""

Scalar = int | float | bool | str | bytes | None
Include = Callable[[str], bytes]


class TokenYamlError(TfmSimError):
    """The YAML describes no token. The message says file and line, claim, what was found, what is legal."""


class Source:
    """Reads files into nodes and scalars out of nodes.

    ``include`` gives the bytes of a file that ``!inc`` names; without it the tag is refused.
    """

    def __init__(self, include: Include | None = None) -> None:
        self._include = include
        self._included = 0
        self._values = yaml.SafeLoader("")

    def read(self, data: bytes, name: str) -> Node:
        """The root node of one document. Raises TokenYamlError."""
        if len(data) > MAX_SOURCE:
            raise TokenYamlError(f"{name}: {len(data)} bytes of YAML; legal: at most {MAX_SOURCE}")
        try:
            loader = yaml.SafeLoader(data.decode("utf-8"))
            loader.name = name
            root = loader.get_single_node()
        except UnicodeDecodeError as error:
            raise TokenYamlError(f"{name}: byte {error.start} is no UTF-8; legal: YAML in UTF-8") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise TokenYamlError(f"{name}:{line}: no YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise TokenYamlError(f"{name}: no YAML: {' '.join(str(error).split())}") from None
        except RecursionError:
            raise TokenYamlError(f"{name}: YAML nested too deeply to be a token") from None
        except _BROKEN as error:
            raise TokenYamlError(f"{name}: no YAML: {error}") from None
        if root is None:
            raise TokenYamlError(f"{name}: an empty file; legal: a mapping of claims")
        return root

    def resolve(self, node: Node, path: str) -> Node:
        """The node itself, or for ``!inc`` the root of the file that it names."""
        if node.tag != INCLUDE_TAG:
            return node
        if not isinstance(node, ScalarNode) or self._include is None:
            raise error_at(node, path, "!inc is of no use here", legal="!inc FILE in a file")
        self._included += 1
        if self._included > _MAX_INCLUDES:
            raise error_at(node, path, "too many files included", legal=f"at most {_MAX_INCLUDES}")
        try:
            return self.resolve(self.read(self._include(node.value), node.value), path)
        except TokenYamlError:
            raise
        except TfmSimError as error:
            raise error_at(node, path, f"!inc {node.value}: {error}") from None

    def scalar(self, node: Node, path: str) -> Scalar:
        """A scalar's value. Raises TokenYamlError for a mapping, a sequence, a date or another tag."""
        if not isinstance(node, ScalarNode):
            raise error_at(node, path, f"found {noun(node)}", legal="a single value")
        if node.tag == TEXT_TAG:
            return str(node.value)
        if node.tag not in _SCALARS:
            kind = node.tag.rpartition(":")[2]
            raise error_at(
                node,
                path,
                f"found {_cut(node.value)} of YAML type {kind[:MAX_SHOWN]}",
                legal="a number, true, false, null, text (in quotes if it looks like another) or !!binary",
            )
        name = _SCALARS[node.tag]
        if name in ("int", "float") and len(node.value) > MAX_NUMBER:  # in base 60 that is quadratic
            raise error_at(
                node, path, f"{name} of {len(node.value)} characters", legal=f"at most {MAX_NUMBER}"
            )
        try:
            if node.tag == BINARY_TAG:  # PyYAML skips over what is no base64
                return b64decode("".join(node.value.split()), validate=True)
            value: Scalar = self._values.construct_object(node, deep=True)
        except (yaml.YAMLError, *_BROKEN):
            found = f"found {_cut(node.value)}, which is no {name}"
            raise error_at(node, path, found, legal=f"!!{name}") from None
        return value

    def encoded(self, node: Node, path: str) -> bytes:
        """The bytes of a ``!cbor`` scalar."""
        try:
            return bytes.fromhex(node.value) if isinstance(node, ScalarNode) else _refuse()
        except (ValueError, TypeError):
            raise error_at(
                node, path, "!cbor without hex digits", legal="!cbor and the item in hex"
            ) from None


def pairs(node: Node, path: str) -> Iterator[tuple[Node, Node]]:
    """The entries of a mapping. Raises TokenYamlError for another node."""
    if not isinstance(node, MappingNode) or node.tag != _MAP_TAG:
        raise error_at(node, path, f"found {noun(node)}", legal="a mapping")
    yield from node.value


def elements(node: Node, path: str) -> list[Node]:
    """The elements of a sequence. Raises TokenYamlError for another node."""
    if not isinstance(node, SequenceNode) or node.tag != _SEQUENCE_TAG:
        raise error_at(node, path, f"found {noun(node)}", legal="a sequence")
    return list(node.value)


def noun(node: Node) -> str:
    """A node in a message."""
    match node:
        case MappingNode():
            kind = "a mapping"
        case SequenceNode():
            kind = "a sequence"
        case ScalarNode(value=value):
            kind = f"the value {str(value)[:40]!r}"
        case _:
            kind = "nothing"
    return kind if node.tag in _ORDINARY else f"{kind} with the tag {node.tag[:MAX_SHOWN]}"


def error_at(node: Node, path: str, what: str, legal: str = "") -> TokenYamlError:
    """``FILE:LINE: PATH: what; legal: ...``, to be raised."""
    mark = node.start_mark
    where = f"{mark.name}:{mark.line + 1}: " if mark else ""
    text = where + (f"{path}: " if path else "") + what
    return TokenYamlError(f"{text}; legal: {legal}" if legal else text)


def _cut(text: str) -> str:
    """A scalar in a message."""
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "...")


def _refuse() -> bytes:
    raise TypeError
