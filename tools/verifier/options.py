"""How to judge: what the caller chose, handed down to every rule."""

from dataclasses import dataclass

from .findings import Finding


@dataclass(frozen=True, slots=True)
class Options:
    """See :func:`.verify.verify`."""

    challenge: bytes | None = None
    strict: bool = False
    allow_short_circuit: bool = False
    allow_text_mec: bool = False

    def soft(self, *findings: Finding) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """(reasons, warnings) of findings that a receiver must tolerate and a strict one refuses."""
        return (findings, ()) if self.strict else ((), findings)
