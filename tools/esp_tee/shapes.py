"""What a claim's value must look like: one small class a shape, each with a sentence for a refusal."""

import re
from dataclasses import dataclass
from typing import Any, Final, Protocol

INT32: Final = (-(1 << 31), (1 << 31) - 1)


class Shape(Protocol):
    """A shape says what is legal, and whether a value is."""

    @property
    def legal(self) -> str: ...

    def of_type(self, value: Any) -> bool: ...

    def fits(self, value: Any) -> bool: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most ``most`` characters that matches ``pattern`` as a whole."""

    legal: str
    most: int = 31
    pattern: str = r"[^\x00-\x1f]*"

    def of_type(self, value: Any) -> bool:
        return isinstance(value, str)

    def fits(self, value: str) -> bool:
        return len(value) <= self.most and re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True, slots=True)
class Hex:
    """Bytes as pairs of lower-case hex digits, as esp_att_utils_hexbuf_to_hexstr writes them."""

    sizes: tuple[int, ...]
    prefix: str = ""

    @property
    def legal(self) -> str:
        """The sizes, for a message."""
        sizes = " or ".join(map(str, self.sizes))
        return f"{sizes} bytes in lower-case hex" + (f", first {self.prefix}" if self.prefix else "")

    def of_type(self, value: Any) -> bool:
        return isinstance(value, str)

    def fits(self, value: str) -> bool:
        digits = re.fullmatch(r"([0-9a-f]{2})*", value) is not None
        first = re.match(self.prefix or "", value) is not None
        return digits and first and len(value) // 2 in self.sizes


@dataclass(frozen=True, slots=True)
class Int:
    """An integer in a range; json_generator prints every number as a signed one of 32 bits."""

    least: int = INT32[0]
    most: int = INT32[1]

    @property
    def legal(self) -> str:
        """The range, for a message."""
        return str(self.least) if self.least == self.most else f"an integer in {self.least}..{self.most}"

    def of_type(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def fits(self, value: int) -> bool:
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    legal: str = "true or false"

    def of_type(self, value: Any) -> bool:
        return isinstance(value, bool)

    def fits(self, _value: bool) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Either:
    """One of two shapes, for a claim that two eras write in two ways."""

    first: Shape
    second: Shape

    @property
    def legal(self) -> str:
        """Both, for a message."""
        return f"{self.first.legal}, or {self.second.legal}"

    def of_type(self, value: Any) -> bool:
        return self.first.of_type(value) or self.second.of_type(value)

    def fits(self, value: Any) -> bool:
        return any(shape.of_type(value) and shape.fits(value) for shape in (self.first, self.second))
