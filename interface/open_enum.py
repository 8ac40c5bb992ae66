"""Codes of another party's: those that have a name, and any other number beside them."""

from enum import IntEnum
from typing import Self


class OpenIntEnum(IntEnum):
    """An IntEnum that keeps a value without a name: ``Code(7).name == "7"``."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        unnamed = int.__new__(cls, value)
        unnamed._name_ = cls._unnamed(value)
        unnamed._value_ = value
        return unnamed

    @classmethod
    def _unnamed(cls, value: int) -> str:
        """What a value without a name is called."""
        return str(value)
