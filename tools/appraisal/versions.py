"""Versions of components as MCUboot writes them, and their order."""

import re
from dataclasses import dataclass
from typing import Final

_PATTERN: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,5}))?(?:[.+]([0-9]{1,10}))?")
_LIMITS: Final = (0xFF, 0xFF, 0xFFFF, 0xFFFFFFFF)
LEGAL: Final = "MAJOR.MINOR[.REVISION][+BUILD] within 255.255.65535+4294967295"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """MCUboot image_version: 8, 8, 16 and 32 bits, compared from the left; what is left out is zero."""

    major: int
    minor: int
    revision: int = 0
    build: int = 0

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """``2.1``, ``2.1.0``, ``2.1.0+7`` or imgtool's ``2.1.0.7``; None for anything else."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            return None
        parts = tuple(int(part or 0) for part in match.groups())
        if any(part > limit for part, limit in zip(parts, _LIMITS, strict=True)):
            return None
        return cls(*parts)

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.revision}"
        return f"{text}+{self.build}" if self.build else text
