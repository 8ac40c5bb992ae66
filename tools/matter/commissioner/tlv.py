"""Matter TLV as the commissioner reads it: by its own code, so that no mistake of the writer hides here.

Appendix A of the Matter specification. One pass over the octets, containers on a stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_DEPTH: Final = 10  # as many containers within containers as the CHIP SDK's own messages ever have
_TAG_LENGTH: Final = {0: 0, 1: 1, 2: 2, 3: 4, 4: 2, 5: 4, 6: 6, 7: 8}


class TlvFormatError(ValueError):
    """Octets that are no TLV, or not the TLV that was expected."""


@dataclass(frozen=True, slots=True)
class Tag:
    """``vendor`` and ``profile`` are None for an anonymous or context tag, ``number`` for the former."""

    number: int | None = None
    vendor: int | None = None
    profile: int | None = None
    is_context: bool = False

    def __str__(self) -> str:
        if self.number is None:
            return "anonymous"
        if self.is_context:
            return f"context tag {self.number}"
        return f"tag {self.number} of vendor 0x{self.vendor or 0:04x}, profile 0x{self.profile or 0:04x}"


@dataclass(slots=True)
class Node:
    """An element: ``kind`` is one of int, uint, bool, float, string, bytes, null, structure, array, list."""

    tag: Tag
    kind: str
    offset: int
    value: int | bool | bytes | None = None
    members: list["Node"] = field(default_factory=list)

    def uint(self, bits: int) -> int:
        """An unsigned integer that fits ``bits``."""
        if self.kind != "uint" or not isinstance(self.value, int):
            raise TlvFormatError(f"{self.tag} is {self.kind}; legal: uint")
        if self.value >= 1 << bits:
            raise TlvFormatError(f"{self.tag} is {self.value}; legal: {bits} bits")
        return self.value

    def octets(self) -> bytes:
        """A byte string."""
        if self.kind != "bytes" or not isinstance(self.value, bytes):
            raise TlvFormatError(f"{self.tag} is {self.kind}; legal: bytes")
        return self.value

    def utf8(self) -> str:
        """A UTF-8 string."""
        if self.kind != "string" or not isinstance(self.value, bytes):
            raise TlvFormatError(f"{self.tag} is {self.kind}; legal: string")
        try:
            return self.value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise TlvFormatError(f"{self.tag} is no UTF-8: {error.reason}") from None


def read_structure(data: bytes) -> list[Node]:
    """The members of the one anonymous structure that ``data`` is. Raises TlvFormatError."""
    if not data:
        raise TlvFormatError("no octets; legal: a structure")
    root = Node(Tag(), "list", 0)
    stack = [root]
    at = 0
    while at < len(data):
        if len(stack) == 1 and root.members:
            raise TlvFormatError(f"{len(data) - at} octets behind the structure; legal: none")
        at = _element(data, at, stack)
    if len(stack) > 1:
        raise TlvFormatError(f"{len(stack) - 1} containers are not ended")
    (node,) = root.members
    if node.kind != "structure" or node.tag != Tag():
        raise TlvFormatError(f"a {node.kind}, {node.tag}; legal: an anonymous structure")
    return node.members


def _element(data: bytes, start: int, stack: list[Node]) -> int:
    """Read one element, or the end of a container; the offset behind it."""
    control = data[start]
    tag, at = _tag(data, start)
    kind = control & 0x1F
    if kind == 0x18:
        if len(stack) == 1 or tag != Tag():
            raise TlvFormatError(f"an end of container at offset {start} that ends none")
        stack.pop()
        return at
    if stack[-1].kind == "structure" and tag == Tag():
        raise TlvFormatError(f"an anonymous element at offset {start} in a structure; legal: tagged ones")
    if stack[-1].kind == "array" and tag != Tag():
        raise TlvFormatError(f"{tag} at offset {start} in an array; legal: anonymous elements")
    if kind in (0x15, 0x16, 0x17):
        node = Node(tag, ("structure", "array", "list")[kind - 0x15], start)
        stack[-1].members.append(node)
        if len(stack) > MAX_DEPTH:
            raise TlvFormatError(f"more than {MAX_DEPTH} containers deep at offset {start}")
        stack.append(node)
        return at
    node, at = _scalar(data, at, kind, tag, start)
    stack[-1].members.append(node)
    return at


def _tag(data: bytes, start: int) -> tuple[Tag, int]:
    form = data[start] >> 5
    raw = _octets(data, start + 1, _TAG_LENGTH[form])
    words = [int.from_bytes(raw[i : i + 2], "little") for i in range(0, min(len(raw), 4), 2)]
    behind = start + 1 + len(raw)
    match form:
        case 0:
            return Tag(), behind
        case 1:
            return Tag(raw[0], is_context=True), behind
        case 6 | 7:
            return Tag(int.from_bytes(raw[4:], "little"), words[0], words[1]), behind
    # Common and implicit profiles: no vendor of their own.
    return Tag(int.from_bytes(raw, "little"), 0, 0), behind


def _scalar(data: bytes, at: int, kind: int, tag: Tag, start: int) -> tuple[Node, int]:
    if kind <= 0x07:
        raw = _octets(data, at, 1 << (kind & 3))
        number = int.from_bytes(raw, "little", signed=kind < 0x04)
        return Node(tag, "int" if kind < 0x04 else "uint", start, number), at + len(raw)
    if kind in (0x08, 0x09):
        return Node(tag, "bool", start, kind == 0x09), at
    if kind in (0x0A, 0x0B):
        raw = _octets(data, at, 4 if kind == 0x0A else 8)
        return Node(tag, "float", start, raw), at + len(raw)
    if kind <= 0x13:
        width = 1 << (kind & 3)
        length = int.from_bytes(_octets(data, at, width), "little")
        raw = _octets(data, at + width, length)
        return Node(tag, "string" if kind < 0x10 else "bytes", start, raw), at + width + length
    if kind == 0x14:
        return Node(tag, "null", start), at
    raise TlvFormatError(f"element type 0x{kind:02x} at offset {start}; legal: 0x00 to 0x18")


def _octets(data: bytes, at: int, length: int) -> bytes:
    found = data[at : at + length]
    if len(found) < length:
        raise TlvFormatError(f"{length} octets wanted at offset {at}, {len(found)} there")
    return found


def context_tags(members: Sequence[Node]) -> tuple[dict[int, Node], list[Node]]:
    """The context-tagged members by number, which must ascend, and the members behind them, tagged else.

    TlvFormatError for a context tag out of order, twice, or behind another tag.
    """
    found: dict[int, Node] = {}
    others: list[Node] = []
    last = -1
    for member in members:
        if not member.tag.is_context or member.tag.number is None:
            others.append(member)
            continue
        if others:
            raise TlvFormatError(f"{member.tag} behind {others[-1].tag}; legal: context tags first")
        if member.tag.number <= last:
            raise TlvFormatError(f"{member.tag} behind context tag {last}; legal: ascending, each once")
        last = member.tag.number
        found[last] = member
    return found, others
