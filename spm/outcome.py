"""How a call leaves the SPM: a value, *blocked*, or a fault that names whose it is."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from ..interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR

if TYPE_CHECKING:
    from .client import Client


class Blocked(Enum):
    """The answer is not there yet; whoever carries the call waits until the client's reply is set."""

    BLOCKED = "blocked"


BLOCKED: Final = Blocked.BLOCKED


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that ``culprit`` broke.

    FF-M 1.1, PROGRAMMER ERROR: a secure culprit panics the device; a non-secure one gets ``status``.
    ``rule`` names the call and the rule, ``found`` the value that broke it, ``legal`` what would not have.
    """

    culprit: "Client"
    rule: str
    found: object
    legal: str
    status: int = PSA_ERROR_PROGRAMMER_ERROR


class Nobody(Enum):
    """In place of an answer: no client waits for it."""

    NOBODY = "nobody"


NOBODY: Final = Nobody.NOBODY

Outcome = int | Blocked | Fault
Answer = int | Nobody | Fault
"""What a reply comes to: the client's value, none, or a fault of client or replier."""
