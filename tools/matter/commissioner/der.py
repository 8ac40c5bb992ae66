"""DER (X.690) as a commissioner reads certificates and CMS messages: one way to write each value, no other.

Own code on purpose: what issues certificates here writes them with another library.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING = 0x0C, 0x13
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

_NAMES: Final = {
    BOOLEAN: "BOOLEAN",
    INTEGER: "INTEGER",
    BIT_STRING: "BIT STRING",
    OCTET_STRING: "OCTET STRING",
    NULL: "NULL",
    OID: "OBJECT IDENTIFIER",
    UTF8_STRING: "UTF8String",
    PRINTABLE_STRING: "PrintableString",
    UTC_TIME: "UTCTime",
    GENERALIZED_TIME: "GeneralizedTime",
    SEQUENCE: "SEQUENCE",
    SET: "SET",
}


MAX_SIZE: Final = 1 << 16
"""Bytes that are read at all: certificates and messages of Matter have 600 and 900 at most."""
_SHOWN: Final = 20
"""Bytes of the longest serial number: RFC 5280 4.1.2.2."""
_ARC_BITS: Final = 128
"""X.667: the longest number of an object identifier that anybody gives out is a UUID's."""


class DerError(ValueError):
    """Bytes that are not the DER that they should be: says where, what was found, and what is legal."""


def context(number: int, *, constructed: bool = False) -> int:
    """The identifier octet of context-specific tag ``number``, 0 to 30."""
    return 0xA0 | number if constructed else 0x80 | number


def tag_name(tag: int) -> str:
    """An identifier octet for a reader: SEQUENCE, [0], or its number."""
    if tag & 0xC0 == 0x80:
        return f"[{tag & 0x1F}]"
    return _NAMES.get(tag, f"tag 0x{tag:02x}")


@dataclass(frozen=True, slots=True)
class Value:
    """One encoded value: its identifier octet, its content, all its bytes, and where it begins."""

    tag: int
    content: bytes
    raw: bytes
    offset: int

    def reader(self) -> "Reader":
        """What reads the values inside a constructed one."""
        return Reader(self.content, self.offset + len(self.raw) - len(self.content))

    def boolean(self) -> bool:
        # X.690 11.1: true is 0xff, nothing else.
        if self.content not in (b"\x00", b"\xff"):
            raise DerError(f"BOOLEAN {self.content.hex()} at offset {self.offset}; legal: 00 or ff")
        return self.content == b"\xff"

    def integer(self) -> int:
        # X.690 8.3.2: the first nine bits are not all alike.
        body = self.content
        if not body or (len(body) > 1 and body[0] in (0, 0xFF) and body[0] >> 7 == body[1] >> 7):
            raise DerError(f"INTEGER {body.hex()} at offset {self.offset}; legal: the shortest form")
        return int.from_bytes(body, "big", signed=True)

    def bits(self) -> tuple[bytes, int]:
        """A BIT STRING's bytes, and how many bits of the last one are not used."""
        if not self.content or self.content[0] > 7 or (len(self.content) == 1 and self.content[0]):
            raise DerError(
                f"BIT STRING {self.content[:1].hex()} at offset {self.offset}; legal: 0 to 7 unused bits"
            )
        unused, body = self.content[0], self.content[1:]
        # X.690 11.2.1: unused bits are zero.
        if body and body[-1] & ((1 << unused) - 1):
            raise DerError(
                f"BIT STRING at offset {self.offset} ends with {body[-1]:#04x}; legal: unused bits of 0"
            )
        return body, unused

    def named_bits(self) -> frozenset[int]:
        """The numbers of the bits that are set, 0 being the first."""
        body, unused = self.bits()
        # X.690 11.2.2: of a list of named bits, trailing zeros are not written.
        if body and not body[-1] >> unused & 1:
            raise DerError(
                f"BIT STRING at offset {self.offset} ends with a 0 bit; legal: trailing zeros left out"
            )
        return frozenset(i for i in range(8 * len(body)) if body[i // 8] >> (7 - i % 8) & 1)

    def oid(self) -> str:
        """Dotted."""
        arcs: list[int] = []
        arc, begun = 0, False
        for octet in self.content:
            # X.690 8.19.2: a number has no leading 0x80.
            if not begun and octet == 0x80:
                break
            arc, begun = arc << 7 | octet & 0x7F, bool(octet & 0x80)
            if arc >> _ARC_BITS:
                raise DerError(
                    f"OBJECT IDENTIFIER at offset {self.offset} with a number of more than {_ARC_BITS} bits"
                )
            if not begun:
                arcs.append(arc)
                arc = 0
        else:
            if arcs and not begun:
                first = min(arcs[0] // 40, 2)
                return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))
        raise DerError(
            f"OBJECT IDENTIFIER {self.content.hex()} at offset {self.offset}; legal: the shortest form"
        )

    def text(self) -> str:
        """A UTF8String."""
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            raise DerError(f"UTF8String {self.content.hex()} at offset {self.offset}; legal: UTF-8") from None

    def time(self) -> datetime:
        """RFC 5280 4.1.2.5: UTCTime for 1950 to 2049 or GeneralizedTime, to the second, in UTC."""
        digits = {UTC_TIME: 12, GENERALIZED_TIME: 14}.get(self.tag)
        text = self.content.decode("latin-1")
        if digits is None or len(text) != digits + 1 or text[-1] != "Z" or not _decimal(text[:-1]):
            raise DerError(
                f"{tag_name(self.tag)} {text!r} at offset {self.offset}; "
                "legal: YYMMDDhhmmssZ or YYYYMMDDhhmmssZ"
            )
        if digits == 12:
            text = ("20" if text < "50" else "19") + text
        try:
            month, day, hour, minute, second = (int(text[i : i + 2]) for i in range(4, 14, 2))
            return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            raise DerError(f"time {text} at offset {self.offset}: {error}") from None


def number_text(number: int) -> str:
    """An INTEGER for a message; one of hundreds of digits by its size."""
    bits = number.bit_length()
    return str(number) if bits <= 8 * _SHOWN else f"a number of {bits} bits"


def _decimal(text: str) -> bool:
    return text.isascii() and text.isdigit()


class Reader:
    """Takes values one after another."""

    __slots__ = ("_at", "_base", "_data")

    def __init__(self, data: bytes, base: int = 0) -> None:
        self._data = data
        self._base = base
        self._at = 0

    @property
    def more(self) -> bool:
        """Is anything left?"""
        return self._at < len(self._data)

    def any(self, what: str) -> Value:
        """The next value, whatever its tag; ``what`` stands for it in messages. Raises DerError."""
        start, where = self._at, self._base + self._at
        if len(self._data) - start < 2:
            raise DerError(f"no {what} at offset {where}: the data ends there")
        tag = self._data[start]
        if tag & 0x1F == 0x1F:
            raise DerError(f"{what} at offset {where} has a tag above 30; legal: none here has")
        length, body = self._length(start + 1, what)
        if length > len(self._data) - body:
            raise DerError(
                f"{what} at offset {where} is {length} bytes long; legal: at most {len(self._data) - body}"
            )
        self._at = body + length
        return Value(tag, self._data[body : self._at], self._data[start : self._at], where)

    def take(self, tag: int, what: str) -> Value:
        """The next value, which has ``tag``. Raises DerError."""
        value = self.any(what)
        if value.tag != tag:
            raise DerError(
                f"{what} at offset {value.offset} is {tag_name(value.tag)}; legal: {tag_name(tag)}"
            )
        return value

    def optional(self, tag: int, what: str) -> Value | None:
        """The next value if it has ``tag``. Raises DerError."""
        return self.take(tag, what) if self.more and self._data[self._at] == tag else None

    def end(self, what: str) -> None:
        """Raises DerError unless all is read; ``what`` is what ends here."""
        if self.more:
            left = len(self._data) - self._at
            raise DerError(f"{left} bytes behind {what} at offset {self._base + self._at}; legal: none")

    def _length(self, at: int, what: str) -> tuple[int, int]:
        """A length and where the content begins. X.690 10.1: definite, in the fewest octets."""
        first = self._data[at]
        if first < 0x80:
            return first, at + 1
        count = first & 0x7F
        octets = self._data[at + 1 : at + 1 + count]
        length = int.from_bytes(octets, "big")
        if not count or len(octets) < count or octets[0] == 0 or length < 0x80:
            found = self._data[at : at + 1 + count].hex()
            raise DerError(
                f"length {found} of {what} at offset {self._base + at}; legal: definite, shortest form"
            )
        return length, at + 1 + count


def read_sequence(data: bytes, what: str) -> Reader:
    """The inside of the one SEQUENCE that ``data`` is. Raises DerError."""
    if len(data) > MAX_SIZE:
        raise DerError(f"{what} of {len(data)} bytes; legal: at most {MAX_SIZE}")
    outer = Reader(data)
    sequence = outer.take(SEQUENCE, what)
    outer.end(what)
    return sequence.reader()
