"""Evidence as the JSON that Veraison's libraries make of it, for ``ear.veraison.annotated-evidence``.

Names are those of psatoken and ccatoken; byte strings are base64 with padding, as Go writes them. Claims
without a name there are left out, as they are in Veraison.
"""

import base64
from collections.abc import Mapping
from typing import Final

from ..verifier import cbor
from ..verifier.profiles import PSA_IOT_PROFILE_1, Family
from ..verifier.verdict import Json
from .evidence import (
    MEASUREMENT_DESCRIPTION,
    MEASUREMENT_TYPE,
    MEASUREMENT_VALUE,
    SIGNER_ID,
    VERSION,
    Evidence,
)

_PSA: Final = {
    "profile": "eat-profile",
    "client-id": "psa-client-id",
    "security-lifecycle": "psa-security-lifecycle",
    "implementation-id": "psa-implementation-id",
    "boot-seed": "psa-boot-seed",
    "certification-reference": "psa-certification-reference",
    "software-components": "psa-software-components",
    "nonce": "psa-nonce",
    "instance-id": "psa-instance-id",
    "verification-service": "psa-verification-service-indicator",
}
_PSA_1: Final = {
    **_PSA,
    "profile": "psa-profile",
    "certification-reference": "psa-hwver",
    "hardware-version": "psa-hwver",  # what it was in 2019
    "no-software-measurements": "psa-no-software-measurements",
}
_PLATFORM: Final = {
    "profile": "cca-platform-profile",
    "nonce": "cca-platform-challenge",
    "implementation-id": "cca-platform-implementation-id",
    "instance-id": "cca-platform-instance-id",
    "platform-config": "cca-platform-config",
    "security-lifecycle": "cca-platform-lifecycle",
    "software-components": "cca-platform-sw-components",
    "verification-service": "cca-platform-service-indicator",
    "platform-hash-algorithm": "cca-platform-hash-algo-id",
}
_REALM: Final = {
    "profile": "cca-realm-profile",
    "nonce": "cca-realm-challenge",
    "personalization-value": "cca-realm-personalization-value",
    "initial-measurement": "cca-realm-initial-measurement",
    "extensible-measurements": "cca-realm-extensible-measurements",
    "hash-algorithm": "cca-realm-hash-algo-id",
    "public-key": "cca-realm-public-key",
    "public-key-hash-algorithm": "cca-realm-public-key-hash-algo-id",
}
_COMPONENT: Final = {
    MEASUREMENT_TYPE: "measurement-type",
    MEASUREMENT_VALUE: "measurement-value",
    VERSION: "version",
    SIGNER_ID: "signer-id",
    MEASUREMENT_DESCRIPTION: "measurement-description",
}


def annotate(evidence: Evidence) -> dict[str, Json]:
    """The claims by Veraison's names; an empty map without a known profile."""
    found: dict[str, Json] = {}
    for name, shown in _names(evidence).items():
        item = evidence.item(name)
        if name == "software-components" and isinstance(item, cbor.Array):
            found[shown] = [_component(element) for element in item.items]
        elif item is not None:
            found[shown] = _json(item)
    return found


def _names(evidence: Evidence) -> Mapping[str, str]:
    if evidence.profile is not None and evidence.profile.profile_key == PSA_IOT_PROFILE_1.profile_key:
        return _PSA_1
    by_family = {Family.PSA: _PSA, Family.PLATFORM: _PLATFORM, Family.REALM: _REALM}
    return by_family.get(evidence.family, {}) if evidence.family else {}


def _component(item: cbor.Item) -> Json:
    if not isinstance(item, cbor.Map):
        return _json(item)
    named = ((name, item.get(key)) for key, name in _COMPONENT.items())
    return {name: _json(value) for name, value in named if value is not None}


def _json(item: cbor.Item) -> Json:
    match item:
        case cbor.Bytes(value=value):
            return base64.b64encode(value).decode("ascii")
        case cbor.Int(value=value):
            return value
        case cbor.Text(value=str(value)):
            return value
        case cbor.Array(items=items):
            return [_json(element) for element in items]
        case _:
            return None
