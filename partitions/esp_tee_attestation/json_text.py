"""Compact JSON as ESP-IDF's json_generator writes it: members in the order given, texts as they are.

It escapes nothing: a text with a quotation mark is the writer's own affair.
"""

from typing import Self


class JsonObject:
    """One object, member by member."""

    def __init__(self) -> None:
        self._members: list[bytes] = []

    def string(self, name: str, value: bytes | str) -> Self:
        text = value.encode() if isinstance(value, str) else value
        return self._add(name, b'"' + text + b'"')

    def hex(self, name: str, value: bytes) -> Self:
        """Lower-case digits, two a byte."""
        return self.string(name, value.hex())

    def integer(self, name: str, value: int) -> Self:
        """As a 32-bit int of C prints: 2^31 and more come out negative."""
        value &= 0xFFFFFFFF
        return self._add(name, str(value - (1 << 32) if value >> 31 else value).encode())

    def boolean(self, name: str, value: bool) -> Self:
        return self._add(name, b"true" if value else b"false")

    def member(self, name: str, value: "JsonObject | bytes") -> Self:
        """An object, or the text of one."""
        return self._add(name, value if isinstance(value, bytes) else value.text())

    def text(self) -> bytes:
        """The whole object, without NUL."""
        return b"{" + b",".join(self._members) + b"}"

    def _add(self, name: str, text: bytes) -> Self:
        self._members.append(b'"' + name.encode() + b'":' + text)
        return self
