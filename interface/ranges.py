"""Numbers that a request has no room for: an error that names them, in the place of struct's."""

from collections.abc import Iterable


def in_range(what: str, value: object, bits: int) -> None:
    """Raises TypeError for what is no integer, ValueError for one that ``bits`` unsigned bits do not hold."""
    limit = (1 << bits) - 1
    if not isinstance(value, int):
        raise TypeError(f"{what}: found {value!r:.60}; legal: an integer from 0 to {limit:#x}")
    if not 0 <= value <= limit:
        raise ValueError(f"{what}: found {value}; legal: 0 to {limit:#x}")


def all_in_range(what: str, fields: Iterable[tuple[str, object, int]]) -> None:
    """The same for the fields of a structure: name, value, bits. The first that does not fit is named."""
    for name, value, bits in fields:
        in_range(f"{what}, {name}", value, bits)


def output_buffer(size: int) -> bytearray:
    """Room for ``size`` bytes of output. Raises as `in_range` where that is no size."""
    if not isinstance(size, int) or size < 0:
        in_range("size of an output in bytes", size, 32)
    return bytearray(size)
