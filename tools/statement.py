"""What a verifier of another token format than COSE says: a machine-readable kind, where, one sentence."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; ``where`` names the claim, certificate or part ("" for the whole)."""

    kind: StrEnum
    text: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text

    def as_json(self) -> dict[str, str]:
        """The statement as data."""
        return {"kind": self.kind.value, "where": self.where, "text": self.text}
