"""A policy from YAML: one clear error for whatever is wrong with it (docs/appraisal.md has an example)."""

import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ...platform.yaml_source import YamlValue, parse_yaml
from ..verifier.profiles import ALL_PROFILES
from .ar4si import Tier
from .policy import (
    DEFAULT_POLICY,
    DEFAULT_TIERS,
    LIFECYCLE_NAMES,
    NON_SECURE,
    SECURE,
    IdRange,
    Match,
    Policy,
    PolicyError,
    Rule,
)
from .versions import LEGAL as LEGAL_VERSIONS
from .versions import Version

_CERTIFICATE: Final = r"[0-9]{13}(-[0-9]{5})?"
_CERTIFICATE_LEGAL: Final = "13 digits, or 13 digits, a dash, 5 digits"
_SIGNER_SIZES: Final = (32, 48, 64)
_INSTANCE_ID_SIZE: Final = 33
_RANGE: Final = re.compile(r"(-?[0-9]{1,10})\.\.(-?[0-9]{1,10})")
_RANGE_LEGAL: Final = "non-secure, secure, an id, or FIRST..LAST, without 0, in -2147483648..2147483647"
_TIERS: Final = {"warning": Tier.WARNING, "contraindicated": Tier.CONTRAINDICATED}
PROFILE_NAMES: Final = tuple(dict.fromkeys(profile.name for profile in ALL_PROFILES))
CLAIM_NAMES: Final = tuple(dict.fromkeys(claim.name for profile in ALL_PROFILES for claim in profile.claims))


def load_policy(raw: bytes, name: str = "policy") -> Policy:
    """The policy in ``raw``; rules left out are those of the default policy. ``name`` stands for the file.

    Raises PolicyError with ``NAME:LINE: what; found ...; legal: ...``, and nothing else.
    """
    document = parse_yaml(raw, name, PolicyError)
    readers: dict[str, Callable[[YamlValue], object]] = {
        "name": lambda value: value.string("a name", r"[^\x00-\x1f]{1,100}"),
        "lifecycles": lambda value: frozenset(item.choice(LIFECYCLE_NAMES) for item in value.sequence(1)),
        "match": lambda value: value.choice({match.value: match for match in Match}),
        "profiles": lambda value: frozenset(item.choice(_same(PROFILE_NAMES)) for item in value.sequence(1)),
        "signers": lambda value: frozenset(_signer(item) for item in value.sequence(1)),
        "minimum_versions": _versions,
        "required_claims": lambda value: tuple(item.choice(_same(CLAIM_NAMES)) for item in value.sequence(1)),
        "required_components": lambda value: tuple(item.scalar_text() for item in value.sequence(1)),
        "client_ids": lambda value: tuple(_id_range(item) for item in value.sequence(1)),
        "instance_ids": lambda value: frozenset(
            item.hex_bytes(_INSTANCE_ID_SIZE) for item in value.sequence(1)
        ),
        "certification": _certification,
        "well_known_keys": lambda value: value.choice({"refused": False, "allowed": True}),
        "challenge": lambda value: value.choice({"optional": False, "required": True}),
        "tiers": _tiers,
    }
    entries = document.mapping((), readers)
    if not entries:
        raise document.error("no rules", "no keys", ", ".join(readers))
    read = {_FIELDS.get(key, key): readers[key](value) for key, value in entries.items()}
    if "name" not in entries:
        read["name"] = "unnamed"
    return replace(DEFAULT_POLICY, **read)  # type: ignore[arg-type]


_FIELDS: Final = {"challenge": "challenge_required"}


def _same(names: tuple[str, ...]) -> dict[str, str]:
    return {name: name for name in names}


def _signer(value: YamlValue) -> bytes:
    signer = value.hex_bytes()
    if len(signer) not in _SIGNER_SIZES:
        raise value.error("wrong length", f"{len(signer)} bytes", "32, 48 or 64 bytes")
    return signer


def _versions(value: YamlValue) -> object:
    found = {}
    for kind, entry in value.mapping().items():
        version = Version.parse(entry.scalar_text(LEGAL_VERSIONS))
        if version is None:
            raise entry.error("not a version", entry.describe(), LEGAL_VERSIONS)
        found[kind] = version
    return MappingProxyType(found)


def _id_range(value: YamlValue) -> IdRange:
    text = value.scalar_text(_RANGE_LEGAL)
    if text in ("non-secure", "secure"):
        return NON_SECURE if text == "non-secure" else SECURE
    match = _RANGE.fullmatch(text) or _RANGE.fullmatch(f"{text}..{text}")
    found = IdRange(int(match[1]), int(match[2])) if match else IdRange(1, 0)
    if found.first > found.last or not any(found.first in half and found.last in half for half in _HALVES):
        raise value.error("no client ids", value.describe(), _RANGE_LEGAL)
    return found


_HALVES: Final = (NON_SECURE, SECURE)


def _certification(value: YamlValue) -> frozenset[str]:
    if value.value == "endorsed":
        return frozenset()
    if not isinstance(value.value, list):
        raise value.error("not legal", value.describe(), f"endorsed, or a list of {_CERTIFICATE_LEGAL}")
    return frozenset(_certificate(item) for item in value.sequence(1))


def _certificate(value: YamlValue) -> str:
    text = value.scalar_text(_CERTIFICATE_LEGAL)  # 13 digits are a number to YAML
    if not re.fullmatch(_CERTIFICATE, text):
        raise value.error("not a certification reference", value.describe(), _CERTIFICATE_LEGAL)
    return text


def _tiers(value: YamlValue) -> object:
    entries = value.mapping((), [rule.value for rule in Rule])
    return MappingProxyType(
        {**DEFAULT_TIERS, **{Rule(key): entry.choice(_TIERS) for key, entry in entries.items()}}
    )
