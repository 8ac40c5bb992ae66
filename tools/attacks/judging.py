"""Every mutation of a token before the verifier: the verdict that it deserves beside the one it got."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ...interface.errors import TfmSimError
from ..verifier import Key, Verdict, verify
from .mutation import Forgery, Mutation
from .registry import MUTATIONS
from .subject import Subject


class RefusedBefore(TfmSimError):
    """The token is refused as it is, so a refusal of its mutations would say nothing."""


@dataclass(frozen=True, slots=True)
class CheckedCase:
    """One mutation, what it made, and what the verifier said."""

    mutation: Mutation
    forgery: Forgery
    verdict: Verdict
    as_deserved: bool


def forge_all(subject: Subject) -> Iterator[tuple[Mutation, Forgery]]:
    """Every mutation that applies, with what it makes of the token."""
    for mutation in MUTATIONS.values():
        if mutation.applies_to(subject):
            yield mutation, mutation.forge(subject)


class Verifier(Protocol):
    """What judges: our own ``verify``, or another that answers in the same form."""

    def __call__(self, token: bytes, key: Key, *, challenge: bytes | None, strict: bool) -> Verdict:
        """The verdict on a token."""
        ...


def judge_unbent(subject: Subject, key: Key, *, strict: bool = False, verifier: Verifier = verify) -> Verdict:
    """The verdict on the token itself. Raises RefusedBefore unless it is accepted."""
    before = verifier(subject.token, key, challenge=subject.challenge, strict=strict)
    if not before.ok:
        reasons = "; ".join(map(str, before.reasons))
        raise RefusedBefore(f"the token is refused before any mutation: {reasons}; legal: an accepted token")
    return before


def check(
    subject: Subject, key: Key, *, strict: bool = False, verifier: Verifier = verify
) -> Iterator[CheckedCase]:
    """Judge every mutation that applies to the token. Raises RefusedBefore."""
    before = judge_unbent(subject, key, strict=strict, verifier=verifier)
    for mutation, forgery in forge_all(subject):
        verdict = verifier(forgery.token, key, challenge=forgery.challenge, strict=strict)
        met = mutation.deserved(strict=strict).met_by(verdict, before)
        yield CheckedCase(mutation, forgery, verdict, met)
