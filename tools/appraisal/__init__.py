"""Appraisal of verified evidence: reference values, policy, and the attestation result (AR4SI, EAR)."""

from .appraise import appraise
from .ar4si import AppraisalError, Member, Tier, TrustClaim, TrustVector, tier_of
from .ear import EarForm, VerifierId, sign_ear
from .ear_check import Ear, EarInvalid, check_ear
from .policy import DEFAULT_POLICY, Match, Policy, PolicyError, Rule
from .policy_yaml import load_policy
from .result import Appraisal, Mode, SubmodAppraisal

__all__ = [
    "DEFAULT_POLICY",
    "Appraisal",
    "AppraisalError",
    "Ear",
    "EarForm",
    "EarInvalid",
    "Match",
    "Member",
    "Mode",
    "Policy",
    "PolicyError",
    "Rule",
    "SubmodAppraisal",
    "Tier",
    "TrustClaim",
    "TrustVector",
    "VerifierId",
    "appraise",
    "check_ear",
    "load_policy",
    "sign_ear",
    "tier_of",
]
