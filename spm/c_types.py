"""C's integer widths: a Python number becomes what a register would hold, before any rule looks at it."""

from typing import Final

UINT32_MASK: Final = 0xFFFFFFFF
INT32_MIN: Final = -0x80000000
INT32_MAX: Final = 0x7FFFFFFF


def plain_int(value: object) -> int | None:
    """The number that ``value`` is, whatever its own class says about it; None for what is no number."""
    return int.__int__(value) if issubclass(type(value), int) else None  # type: ignore[arg-type]


def int32(value: int) -> int:
    """An ``int32_t``: psa_handle_t, psa_status_t, a request type."""
    if INT32_MIN <= value <= INT32_MAX:
        return value
    return (value - INT32_MIN & UINT32_MASK) + INT32_MIN


def uint32(value: int) -> int:
    """A ``uint32_t`` or 32-bit ``size_t``: a SID, a version, a signal mask, a number of bytes."""
    return value & UINT32_MASK
