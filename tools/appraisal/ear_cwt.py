"""EAR in CBOR: an appraisal as CWT claims in a COSE_Sign1, by the names of draft-ietf-rats-ear -03.

The labels 1000 to 1004 are the ones that the draft suggests to IANA. Tiers are integers here, byte strings
are bytes, and a member without claim is left out of the vector. The same claims are always the same bytes.
"""

from collections.abc import Mapping
from typing import Any

import cbor2

from ..tokens.cose_writer import write_cose
from .ar4si import AppraisalError
from .ear import (
    DEFAULT_VERIFIER,
    NAMES,
    NONCE_SIZES,
    EarForm,
    SigningKey,
    VerifierId,
    check_times,
    load_signing_key,
)
from .result import Appraisal, SubmodAppraisal

EXP, IAT, NONCE, PROFILE, SUBMODS = 4, 6, 10, 265, 266
STATUS, VECTOR, RAW_EVIDENCE, POLICY_IDS, VERIFIER = 1000, 1001, 1002, 1003, 1004
DEVELOPER, BUILD = 0, 1
ANNOTATED_EVIDENCE, POLICY_CLAIMS = -70000, -70001

Claims = dict[int, Any]


def ear_cwt_claims(
    appraisal: Appraisal,
    *,
    iat: int,
    verifier: VerifierId = DEFAULT_VERIFIER,
    exp: int | None = None,
    raw_evidence: bytes | None = None,
) -> Claims:
    """The claims set in CBOR form; times are whole seconds since 1970.

    Raises AppraisalError for a challenge that is no EAT nonce (8 to 64 bytes) or an impossible time.
    """
    check_times(iat, exp)
    claims: Claims = {
        IAT: iat,
        PROFILE: NAMES[EarForm.DRAFT_03].profile,
        SUBMODS: {part.name: _submod(part) for part in appraisal.submods},
        STATUS: int(appraisal.status),
        VERIFIER: {DEVELOPER: verifier.developer, BUILD: verifier.build},
    }
    if exp is not None:
        claims[EXP] = exp
    if appraisal.nonce is not None:
        if len(appraisal.nonce) not in NONCE_SIZES:
            raise AppraisalError(f"a nonce of {len(appraisal.nonce)} bytes; legal: 8 to 64")
        claims[NONCE] = appraisal.nonce
    if raw_evidence is not None:
        claims[RAW_EVIDENCE] = raw_evidence
    return claims


def _submod(part: SubmodAppraisal) -> Claims:
    values = {int(member): value for member, value in part.vector.values().items()}
    claims: Claims = {
        STATUS: int(part.status),
        # The CDDL wants one member at least, and zero says the same as none.
        VECTOR: values or {int(member): claim.value for member, claim in part.vector},
    }
    if part.policy_ids:
        claims[POLICY_IDS] = list(part.policy_ids)
    if part.evidence:
        claims[ANNOTATED_EVIDENCE] = dict(part.evidence)
    if part.policy_claims:
        claims[POLICY_CLAIMS] = dict(part.policy_claims)
    if part.profile is not None and ":" in part.profile:  # a URI; the legacy profile's name is none
        claims[PROFILE] = part.profile
    if part.nonce is not None and len(part.nonce) in NONCE_SIZES:
        claims[NONCE] = part.nonce
    return claims


def sign_ear_cwt(claims: Mapping[int, Any], key: SigningKey) -> bytes:
    """A tagged COSE_Sign1 over the claims, ES256, ES384 or ES512 by the curve. Raises AppraisalError."""
    return write_cose(cbor2.dumps(dict(claims), canonical=True), load_signing_key(key))
