"""A verifier's result as its reader takes it: an EAR whose signature holds, or nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import jwt

from ...interface.errors import ExitCode, TfmSimError
from .client import CannotAsk, Transport, converse
from .conversations import Attested, discover

ALGORITHMS: Final = ("ES256", "ES384", "ES512")
TIERS: Final = ("none", "affirming", "warning", "contraindicated")
"""AR4SI, the better first; "none" says nothing, which is no yes either."""


class ResultRefused(TfmSimError):
    """A result that is no EAR, or whose signature is not the verifier's."""

    exit_code = ExitCode.NO


@dataclass(frozen=True, slots=True)
class Result:
    """``status`` is the worst of all submodules; ``ok`` if that is "affirming"."""

    status: str
    submodules: dict[str, str]
    claims: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the verifier affirms."""
        return self.status == "affirming"

    def lines(self) -> Iterator[str]:
        """The result for a reader."""
        yield self.status
        yield from (f"  {name}: {status}" for name, status in self.submodules.items())
        yield from json.dumps(self.claims, indent=2).split("\n")


def read_result(
    attested: Attested, base: str, transport: Transport, key: dict[str, Any] | None = None
) -> Result:
    """Check the EAR's signature and read it. Raises ResultRefused, CannotAsk.

    ``key`` is a JWK; None asks the verifier itself for it, which shows no more than that it is of one piece.
    """
    jwk = key if key is not None else converse(discover(base), transport).get("ear-verification-key")
    if not isinstance(jwk, dict):
        raise CannotAsk(f"ear-verification-key: found {jwk!r:.100}; legal: a JWK")
    try:
        claims = jwt.decode(
            attested.result,
            jwt.PyJWK(jwk, "ES256"),
            algorithms=list(ALGORITHMS),
            options={"verify_iat": False, "verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ResultRefused(
            f"attestation result: {error}; legal: an EAR signed by the verifier's key"
        ) from None
    return _read(claims)


def _read(claims: dict[str, Any]) -> Result:
    submodules = claims.get("submods")
    if not isinstance(submodules, dict) or not submodules:
        raise ResultRefused("attestation result: no submods; legal: an EAR, with one a piece of evidence")
    statuses = {}
    for name, submodule in submodules.items():
        status = None
        if isinstance(submodule, dict):
            # The library's name and that of draft-ietf-rats-ear-03.
            status = submodule.get("ear.status", submodule.get("ear_status"))
        if status not in TIERS:
            raise ResultRefused(
                f"attestation result: {name}: status {status!r:.40}; legal: {', '.join(TIERS)}"
            )
        statuses[str(name)] = str(status)
    # An appraisal that says nothing is worse than one that affirms: nobody may take it for a yes.
    worst = max(statuses.values(), key=("affirming", "none", "warning", "contraindicated").index)
    return Result(worst, statuses, claims)
