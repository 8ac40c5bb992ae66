"""The CDDL of draft-ietf-rats-ear -03 and the checks of veraison/ear, as a checker of our own for tests.

It knows nothing of tools/appraisal: claims go in as plain JSON data, and the first broken rule comes out.
"""

import base64
import re
from typing import Any

LIBRARY, DRAFT_02, DRAFT_03 = (
    "tag:github.com,2023:veraison/ear",
    "tag:ietf.org,2025-07:ear",
    "tag:ietf.org,2026:rats/ear#03",
)
TIERS = ("none", "affirming", "warning", "contraindicated")
VECTOR = (
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
)


def bad_values(low: int, high: int) -> set[int]:
    return set(range(low, 128)) | set(range(-128, -high))


WARNS, FAILS = bad_values(32, 32), bad_values(96, 96)


def tier(value: int) -> int:
    """0 none, 1 affirming, 2 warning, 3 contraindicated, by the ranges as AR4SI writes them."""
    if value in FAILS:
        return 3
    if value in WARNS:
        return 2
    return 0 if value in (-1, 0, 1) else 1


def problems(claims: Any) -> list[str]:
    """What is wrong with a claims set; empty if it is a good EAR of its profile."""
    found: list[str] = []
    profile = claims["eat_profile"]
    new = profile == DRAFT_03
    sep = "_" if new else "."
    if profile not in (LIBRARY, DRAFT_02, DRAFT_03):
        found.append("profile")
    if type(claims.get("iat")) is not int:
        found.append("iat")
    if "exp" in claims and type(claims["exp"]) is not int:
        found.append("exp")
    verifier = claims.get("ear_verifier_id" if new else "ear.verifier-id")
    if not isinstance(verifier, dict) or set(verifier) != {"developer", "build"}:
        found.append("verifier-id")
    if "eat_nonce" in claims and not nonce_is_good(claims["eat_nonce"]):
        found.append("eat_nonce")
    if not isinstance(claims.get("submods"), dict) or not claims["submods"]:
        found.append("submods")
        return found
    for name, part in claims["submods"].items():
        found += [f"{name}: {problem}" for problem in submod_problems(part, sep, new)]
    if "ear_status" in claims and new:
        worst = max(TIERS.index(part["ear_status"]) for part in claims["submods"].values())
        if TIERS.index(claims["ear_status"]) < worst:
            found.append("overall status")
    raw = claims.get(f"ear{sep}raw{'_' if new else '-'}evidence")
    if raw is not None and not re.fullmatch(r"[A-Za-z0-9_-]*", raw):
        found.append("raw evidence")
    allowed = {"eat_profile", "iat", "exp", "eat_nonce", "submods"}
    found += [
        f"unexpected {name}" for name in claims if name not in allowed and not name.startswith(f"ear{sep}")
    ]
    return found


def submod_problems(part: Any, sep: str, new: bool) -> list[str]:
    found = []
    status = part.get(f"ear{sep}status")
    if status not in TIERS:
        return ["status"]
    vector = part.get("ear_trustworthiness_vector" if new else "ear.trustworthiness-vector")
    if vector is None or not vector or not set(vector) <= set(VECTOR):
        found.append("vector")
    elif any(type(value) is not int or not -128 <= value <= 127 for value in vector.values()):
        found.append("vector values")
    elif TIERS.index(status) < max(tier(value) for value in vector.values()):
        found.append("status better than the vector")
    policy = part.get("ear_appraisal_policy_ids" if new else "ear.appraisal-policy-id", ["x"] if new else "x")
    listed = isinstance(policy, list) and policy and all(isinstance(item, str) for item in policy)
    if not (listed if new else isinstance(policy, str)):
        found.append("policy")
    if "eat_nonce" in part and not (new and nonce_is_good(part["eat_nonce"])):
        found.append("submod nonce")
    if "eat_profile" in part and not (new and re.match(r"[a-z]+:", part["eat_profile"])):
        found.append("submod profile")
    for name, content in part.items():
        if "veraison" in name and (not isinstance(content, dict) or not content):
            found.append(name)
    allowed = {"eat_nonce", "eat_profile"}
    found += [
        f"unexpected {name}" for name in part if name not in allowed and not name.startswith(f"ear{sep}")
    ]
    return found


def nonce_is_good(text: Any) -> bool:
    """Base64url with padding of 8 to 64 bytes: a text of 12 to 88."""
    if not isinstance(text, str) or not 12 <= len(text) <= 88 or not re.fullmatch(r"[A-Za-z0-9_=-]+", text):
        return False
    return 8 <= len(base64.urlsafe_b64decode(text)) <= 64
