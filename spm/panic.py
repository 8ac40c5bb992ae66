"""A panic is the whole device's: report, then reset; only flash, OTP and counters remain."""

from dataclasses import dataclass

from ..interface.errors import ExitCode, TfmSimError


@dataclass(frozen=True, slots=True)
class PanicReport:
    """Why the device went down: who broke which rule with which value, and what would have been legal."""

    culprit: str
    rule: str
    found: str
    legal: str

    def __str__(self) -> str:
        return f"{self.culprit} broke a rule: {self.rule}\n  found {self.found}; legal: {self.legal}"


class DevicePanic(TfmSimError):
    """The device panicked; raised to whoever stood in a call at that moment, and by every call after it."""

    exit_code = ExitCode.PANIC

    def __init__(self, report: PanicReport) -> None:
        super().__init__(f"the device panicked: {report}")
        self.report = report
