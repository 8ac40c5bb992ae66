"""What a verifier with sessions makes of evidence: the seam to `tools.verifier` and `tools.appraisal`."""

import json
from dataclasses import dataclass

from ..verifier import Key, verify


@dataclass(frozen=True, slots=True)
class VerdictJudge:
    """The verifier's verdict as JSON text, unsigned: for looking at, not for relying parties."""

    trust: Key
    strict: bool = False

    def __call__(self, evidence: bytes, nonce: bytes, now: float) -> str:
        """The verdict on ``evidence``, whose challenge must be ``nonce``."""
        return json.dumps(verify(evidence, self.trust, challenge=nonce, strict=self.strict).as_json())
