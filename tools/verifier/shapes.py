"""The shapes that a claim's value may have: type, size, pattern, range. Each judges one CBOR item."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from . import cbor
from .envelope import describe
from .findings import Finding, Kind


class Shape(Protocol):
    """What a value must look like; ``judge`` yields one finding per rule that it breaks."""

    @property
    def legal(self) -> str:
        """The rule in words, behind "legal:" in a message."""
        ...

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """Findings about ``item``; none means that it is legal."""
        ...


@dataclass(frozen=True, slots=True)
class ByteString:
    """A byte string of one of these lengths (any if None), beginning with ``prefix``."""

    lengths: Collection[int] | None = None
    prefix: bytes = b""

    @property
    def legal(self) -> str:
        """See Shape."""
        text = "a byte string"
        match self.lengths:
            case None:
                pass
            case range() as lengths:
                text += f" of {lengths.start} to {lengths.stop - 1} bytes"
            case lengths:
                text += f" of {_either(lengths)} bytes"
        return text + (f" beginning with {self.prefix.hex()}" if self.prefix else "")

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Bytes):
            yield _wrong_type(item, self.legal)
        elif self.lengths is not None and len(item.value) not in self.lengths:
            yield Finding(Kind.CLAIM_LENGTH, f"found {len(item.value)} bytes; legal: {self.legal}")
        elif not item.value.startswith(self.prefix):
            found = item.value[: len(self.prefix)].hex()
            yield Finding(Kind.CLAIM_VALUE, f"begins with {found}; legal: {self.legal}")


@dataclass(frozen=True, slots=True)
class TextString:
    """Valid UTF-8 text that matches ``pattern`` as a whole; ``wanted`` says the pattern in words."""

    pattern: str | None = None
    wanted: str = "a text string"
    type_kind: Kind = Kind.CLAIM_TYPE

    @property
    def legal(self) -> str:
        """See Shape."""
        return self.wanted

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Text):
            yield Finding(self.type_kind, f"found {describe(item)}; legal: {self.legal}")
        elif item.value is None:
            text = f"the text string {item.raw.hex()} is no UTF-8; legal: {self.legal}"
            yield Finding(Kind.INVALID_UTF8, text)
        elif self.pattern is not None and not re.fullmatch(self.pattern, item.value):
            yield Finding(Kind.CLAIM_VALUE, f"found {item.value!r}; legal: {self.legal}")


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer within one of these inclusive ranges."""

    ranges: tuple[tuple[int, int], ...]
    hexadecimal: bool = False

    @property
    def legal(self) -> str:
        """See Shape."""
        return "an integer in " + ", ".join(
            self._show(low) if low == high else f"{self._show(low)}..{self._show(high)}"
            for low, high in self.ranges
        )

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Int):
            yield _wrong_type(item, self.legal)
        elif not any(low <= item.value <= high for low, high in self.ranges):
            yield Finding(Kind.CLAIM_VALUE, f"found {self._show(item.value)}; legal: {self.legal}")

    def _show(self, value: int) -> str:
        return f"0x{value:04x}" if self.hexadecimal and value >= 0 else str(value)


@dataclass(frozen=True, slots=True)
class IntegerOrText:
    """An integer as ``integer`` has it, or one of ``words`` in its place."""

    integer: Integer
    words: tuple[str, ...]

    @property
    def legal(self) -> str:
        """See Shape."""
        return f"{self.integer.legal}, or {_either(self.words)}"

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Text):
            yield from self.integer.judge(item, strict=strict)
        elif item.value not in self.words:
            yield Finding(Kind.CLAIM_VALUE, f"found {item.value!r}; legal: {self.legal}")


@dataclass(frozen=True, slots=True)
class AnyMap:
    """A map that is judged elsewhere."""

    @property
    def legal(self) -> str:
        """See Shape."""
        return "a map"

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Map):
            yield _wrong_type(item, self.legal)


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of ``minimum`` to ``maximum`` (None: unbounded) elements of one shape."""

    element: Shape
    minimum: int = 1
    maximum: int | None = None

    @property
    def legal(self) -> str:
        """See Shape."""
        count = f"exactly {self.minimum}" if self.minimum == self.maximum else f"{self.minimum} or more"
        return f"an array of {count}, each {self.element.legal}"

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Array):
            yield _wrong_type(item, self.legal)
            return
        count = len(item.items)
        if count < self.minimum or (self.maximum is not None and count > self.maximum):
            yield Finding(Kind.CLAIM_LENGTH, f"found {count} elements; legal: {self.legal}")
        for index, element in enumerate(item.items):
            for finding in self.element.judge(element, strict=strict):
                yield finding.at(f"[{index}]")


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of a claim table: key, name, presence, shape of the value."""

    key: int
    name: str
    mandatory: bool
    shape: Shape

    @property
    def label(self) -> str:
        """Name and key, as messages give them."""
        return f"{self.name} ({self.key})"


@dataclass(frozen=True, slots=True)
class SubMap:
    """A map with a claim table of its own."""

    claims: tuple[Claim, ...]
    table: dict[int, Claim] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", {claim.key: claim for claim in self.claims})

    @property
    def legal(self) -> str:
        """See Shape."""
        return "a map of " + ", ".join(claim.label for claim in self.claims if claim.mandatory) + " and more"

    def judge(self, item: cbor.Item, *, strict: bool) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(item, cbor.Map):
            yield _wrong_type(item, self.legal)
            return
        for key, value in item.pairs:
            claim = self.table.get(key.value) if isinstance(key, cbor.Int) else None
            if claim is not None:
                for finding in claim.shape.judge(value, strict=strict):
                    yield finding.at(claim.label)
            elif not isinstance(key, (cbor.Int, cbor.Text)):
                yield Finding(Kind.CLAIM_TYPE, f"a key is {key.noun}; legal: an integer or text")
            elif strict:
                yield Finding(Kind.CLAIM_UNKNOWN, f"unknown key {cbor.plain(key)!r}")
        for claim in self.claims:
            if claim.mandatory and claim.key not in item.table:
                yield Finding(Kind.CLAIM_MISSING, f"missing; legal: {claim.shape.legal}", claim.label)


def _wrong_type(item: cbor.Item, legal: str) -> Finding:
    return Finding(Kind.CLAIM_TYPE, f"found {describe(item)}; legal: {legal}")


def _either(choices: Collection[int | str]) -> str:
    *most, last = (str(choice) for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last
