"""YAML for people: values that know their file and line, checked as they are taken out.

A file becomes a tree of YamlValue. Each getter says what is legal; what is not raises the caller's own error
class with ``FILE:LINE: what; found ...; legal: ...``. Only plain data is read: no tags, no anchors or
aliases, no duplicate keys, one document, and no nesting deeper than a description needs.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from ..interface.errors import TfmSimError

MAX_DEPTH: Final = 32
MAX_BYTES: Final = 1 << 20
MAX_SHOWN: Final = 60
"""Characters of a key or a value in a message."""
MAX_LISTED: Final = 40
"""Keys in a message."""

Scalar = str | int | float | bool | None
T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)")
_FLOAT: Final = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_WORDS: Final[Mapping[str, Scalar]] = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


class YamlSource:
    """Where values come from and how their errors are raised."""

    __slots__ = ("error_class", "name")

    def __init__(self, name: str, error_class: type[TfmSimError]) -> None:
        self.name = name
        self.error_class = error_class

    def error(self, line: int, what: str, found: object = None, legal: str = "") -> TfmSimError:
        """``FILE:LINE: what; found ...; legal: ...`` as the source's error class, to be raised."""
        text = f"{self.name}:{line}: {what}"
        if found is not None:
            text += f"; found {found}"
        if legal:
            text += f"; legal: {legal}"
        return self.error_class(text)


class YamlValue:
    """One value of a YAML file: a mapping, a sequence or a scalar, with its place.

    ``value`` is a dict of key to YamlValue, a list of YamlValue, or the scalar. ``text`` is a scalar as it
    stands in the file, which matters for hex strings that look like numbers. ``line`` counts from 1.

    Where it stands is kept as a ``parent`` and the ``step`` from there, a key or ``[N]``: a path for each
    value would be a long key once for every value under it, gigabytes for a file of a few kilobytes.
    """

    __slots__ = ("line", "parent", "source", "step", "text", "value")

    def __init__(
        self,
        source: YamlSource,
        line: int,
        parent: "YamlValue | None" = None,
        step: str = "",
        value: "dict[str, YamlValue] | list[YamlValue] | Scalar" = None,
        text: str = "",
    ) -> None:
        self.source = source
        self.line = line
        self.parent = parent
        self.step = step
        self.value = value
        self.text = text

    @property
    def path(self) -> str:
        """The keys and numbers that lead here from the root, as messages show them."""
        steps: list[str] = []
        value = self
        while value.parent is not None:
            steps.append(value.step if value.step.startswith("[") else f".{_cut(value.step)}")
            value = value.parent
        return "".join(reversed(steps)).removeprefix(".")

    def error(self, what: str, found: object = None, legal: str = "") -> TfmSimError:
        """An error about this value, to be raised."""
        prefix = f"{self.path}: " if self.path else ""
        return self.source.error(self.line, prefix + what, found, legal)

    def wrong_type(self, wanted: str) -> TfmSimError:
        """The error for a value that is not of the ``wanted`` type."""
        return self.error("wrong type", self.describe(), wanted)

    def describe(self) -> str:
        """The value as an error message shows it, cut where it is long."""
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a sequence"
            case None:
                return "nothing"
            case str():
                shown = repr(self.value)
            case _:
                shown = self.text
        return _cut(shown)

    def mapping(
        self, required: Iterable[str] = (), optional: Iterable[str] | None = None
    ) -> "dict[str, YamlValue]":
        """The entries of a mapping.

        With ``optional`` given, a key that is in neither list is an error at the key's own line; a missing
        ``required`` key is an error in any case.
        """
        if not isinstance(self.value, dict):
            raise self.wrong_type("a mapping")
        required = tuple(required)
        if optional is not None:
            known = (*required, *optional)
            for key, entry in self.value.items():
                if key not in known:
                    raise self.source.error(
                        entry.line,
                        f"{self.path}: unknown key".lstrip(": "),
                        _cut(repr(key)),
                        ", ".join(known),
                    )
        for key in required:
            if key not in self.value:
                raise self.error(f"missing key {key!r}", _listed(self.value) or "no keys")
        return self.value

    def get(self, key: str) -> "YamlValue | None":
        """The entry under ``key`` of a mapping, None where there is none."""
        return self.mapping().get(key)

    def sequence(self, least: int = 0, most: int | None = None) -> "list[YamlValue]":
        """The items of a sequence of ``least`` to ``most`` items."""
        if not isinstance(self.value, list):
            raise self.wrong_type("a sequence")
        count = len(self.value)
        if count < least or (most is not None and count > most):
            legal = f"at least {least}" if most is None else f"{least} to {most}"
            raise self.error("wrong number of items", count, legal)
        return self.value

    def string(self, legal: str = "text", pattern: str | None = None) -> str:
        """A text that is not empty, wholly matching the regular expression ``pattern``."""
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong_type(legal)
        if pattern is not None and not re.fullmatch(pattern, self.value):
            raise self.error("not legal", self.describe(), legal)
        return self.value

    def scalar_text(self, legal: str = "text") -> str:
        """Any scalar, as it stands in the file: for texts that may look like a number."""
        if isinstance(self.value, (dict, list)) or self.value is None:
            raise self.wrong_type(legal)
        return self.text

    def integer(self, least: int = 0, most: int = 0xFFFFFFFF, legal: str = "", quoted: bool = False) -> int:
        """An integer in ``least..most``; ``quoted`` accepts one in quotes too, as TF-M writes its SIDs."""
        legal = legal or f"an integer in {_number(least)}..{_number(most)}"
        value = _scalar(self.text) if quoted and isinstance(self.value, str) else self.value
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong_type(legal)
        if not least <= value <= most:
            raise self.error("out of range", self.describe(), legal)
        return value

    def boolean(self) -> bool:
        """A truth value."""
        if not isinstance(self.value, bool):
            raise self.wrong_type("true or false")
        return self.value

    def choice(self, choices: Mapping[str, T]) -> T:
        """One of the named choices."""
        text = self.scalar_text(", ".join(choices))
        if text not in choices:
            raise self.error("not legal", self.describe(), ", ".join(choices))
        return choices[text]

    def enum(self, members: type[E]) -> E:
        """A member of ``members``, written by its name."""
        return self.choice(members.__members__)

    def hex_bytes(self, length: int | None = None) -> bytes:
        """Bytes written as hex digits, two a byte, with or without spaces between bytes."""
        legal = "hex digits" if length is None else f"{length} bytes as {2 * length} hex digits"
        text = self.scalar_text(legal)
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise self.error("not hex", self.describe(), legal) from None
        if length is not None and len(data) != length:
            raise self.error("wrong length", f"{len(data)} bytes", legal)
        return data


def load_yaml(path: Path, error_class: type[TfmSimError]) -> YamlValue:
    """The one document of a YAML file. Raises ``error_class`` for whatever is wrong with it."""
    return parse_yaml(read_file(path, error_class), str(path), error_class)


def read_file(path: Path, error_class: type[TfmSimError]) -> bytes:
    """A file's bytes. Raises ``error_class`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more shows that the file is too long
    except OSError as error:
        raise error_class(f"{path}: cannot be read: {error.strerror or error}; legal: a YAML file") from error
    except ValueError as error:  # a path with a NUL in it
        raise error_class(f"{str(path)!r}: cannot be read: {error}") from error


def parse_yaml(raw: bytes, name: str, error_class: type[TfmSimError]) -> YamlValue:
    """The one document in ``raw``; ``name`` stands for the file in messages.

    Raises ``error_class`` for whatever is wrong with it, and nothing else whatever the bytes are.
    """
    source = YamlSource(name, error_class)
    if len(raw) > MAX_BYTES:
        raise source.error(1, "too long", f"more than {MAX_BYTES} bytes", f"up to {MAX_BYTES}")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise source.error(line, "not UTF-8", f"byte {raw[error.start]:#04x}") from None
    loader = _LOADER(raw)
    try:
        return _document(loader, source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
        raise source.error(mark.line + 1 if mark else 1, f"not YAML: {problem}") from None
    finally:
        loader.dispose()


def _document(loader: Any, source: YamlSource) -> YamlValue:
    loader.get_event()
    if isinstance(loader.peek_event(), StreamEndEvent):
        raise source.error(1, "empty file")
    loader.get_event()
    root = _value(loader, loader.get_event(), YamlValue(source, 1), 0)
    loader.get_event()
    after = loader.get_event()
    if not isinstance(after, StreamEndEvent):
        raise source.error(after.start_mark.line + 1, "a second document", None, "one document in a file")
    return root


def _value(loader: Any, event: Any, into: YamlValue, depth: int) -> YamlValue:
    """The value that begins with ``event``; reading events instead of nodes bounds the recursion."""
    source = into.source
    into.line = line = event.start_mark.line + 1
    if isinstance(event, AliasEvent) or event.anchor:
        raise source.error(line, "an anchor or alias", _cut(repr(event.anchor)), "plain values")
    if event.tag:
        raise source.error(line, "a tag", _cut(repr(event.tag)), "plain values")
    if depth > MAX_DEPTH:
        raise source.error(line, "nested too deeply", None, f"up to {MAX_DEPTH} levels")
    if isinstance(event, ScalarEvent):
        into.value = _scalar(event.value) if event.implicit[0] else event.value
        into.text = event.value
    elif isinstance(event, SequenceStartEvent):
        items: list[YamlValue] = []
        into.value = items
        while not isinstance(child := loader.get_event(), SequenceEndEvent):
            items.append(_value(loader, child, YamlValue(source, 0, into, f"[{len(items)}]"), depth + 1))
    else:
        into.value = _entries(loader, into, depth)
    return into


def _entries(loader: Any, into: YamlValue, depth: int) -> dict[str, YamlValue]:
    source = into.source
    entries: dict[str, YamlValue] = {}
    while not isinstance(event := loader.get_event(), MappingEndEvent):
        line = event.start_mark.line + 1
        if not isinstance(event, ScalarEvent):
            kind = "a mapping" if isinstance(event, MappingStartEvent) else "a sequence"
            raise source.error(line, "a key that is not text", kind, "text")
        if event.anchor or event.tag:
            raise source.error(line, "an anchor or tag", f"at key {_cut(repr(event.value))}", "plain keys")
        key: str = event.value
        if key in entries:
            found = f"first at line {entries[key].line}"
            raise source.error(line, f"duplicate key {_cut(repr(key))}", found)
        value = _value(loader, loader.get_event(), YamlValue(source, 0, into, key), depth + 1)
        if isinstance(value.value, (dict, list)):
            value.line = line  # a nested value is introduced by its key
        entries[key] = value
    return entries


def _scalar(text: str) -> Scalar:
    """What a plain scalar means. ``010`` stays text: YAML's versions disagree about it."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= 40:
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _cut(text: str) -> str:
    """A text from the file as a message shows it."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(_cut(key) for key in islice(keys, MAX_LISTED))


def _number(value: int) -> str:
    return hex(value) if value > 9 else str(value)
