"""The words that a token's YAML uses: iat-verifier's claim names and token types, each with its claim key.

They are that tool's own, so that its files compile here and ours compile there. What it has no word for has
its claim key as a number, but for ``eat_boot_seed``: its ``boot_seed`` is 2397 also beside the profile
string of RFC 9783, which has the seed at 268.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ..verifier.profiles import (
    CCA_PLATFORM,
    CCA_PLATFORM_LEGACY,
    LIFECYCLE_STATES,
    PSA_2_0_0,
    RFC_9783,
    RFC_9783_BASE,
    Family,
    Profile,
)

PLATFORM_ENTRY: Final = "cca_platform_token"
REALM_ENTRY: Final = "cca_realm_delegated_token"
OPTIONS: Final = "tfm_sim"
"""The key of what iat-verifier cannot say, see docs/tokens.md."""

_PSA_STATES: Final = {
    state: "sl_" + name.lower().replace(" ", "_").replace("-", "_")
    for state, name in LIFECYCLE_STATES.items()
}
_CCA_STATES: Final = {
    state: name.removeprefix("sl_").replace("psa_rot", "cca_platform_rot")
    for state, name in _PSA_STATES.items()
}


@dataclass(frozen=True, slots=True)
class Words:
    """The names of one kind of claims set. ``states`` are the words for the high byte of the lifecycle."""

    keys: Mapping[str, int]
    lifecycle: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    components: str = ""
    component_words: "Words | None" = None

    def name_of(self, key: object) -> str | None:
        """The name of an integer claim key, None for what has no name."""
        if isinstance(key, bool) or not isinstance(key, int):
            return None
        return next((name for name, number in self.keys.items() if number == key), None)

    def lifecycle_text(self, value: int) -> str | None:
        """A lifecycle value as iat-verifier writes it, ``sl_secured`` or ``sl_secured_0x3001``."""
        state = self.states.get(value >> 8)
        if state is None or value < 0:
            return None
        return state if value & 0xFF == 0 else f"{state}_0x{value:04x}"

    def lifecycle_value(self, text: str) -> int | None:
        """The reverse; also the form without 0x that iat-verifier's own decompiler writes."""
        for state, name in self.states.items():
            match = re.fullmatch(re.escape(name) + r"(?:_(?:0x)?([0-9a-f]{1,4}))?", text)
            if match:
                value = int(match[1], 16) if match[1] else state << 8
                return value if value >> 8 == state else None
        return int(text, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,4}", text) else None


_PSA_COMPONENT: Final = Words(
    {
        "sw_component_type": 1,
        "measurement_value": 2,
        "sw_component_version": 4,
        "signer_id": 5,
        "measurement_description": 6,
    }
)
_CCA_COMPONENT: Final = Words(
    {
        "sw_component_type": 1,
        "measurement_value": 2,
        "sw_component_version": 4,
        "signer_id": 5,
        "cca_sw_component_hash_id": 6,
    }
)
_PROFILE_1: Final = Words(
    {
        "profile_id": -75000,
        "client_id": -75001,
        "security_lifecycle": -75002,
        "implementation_id": -75003,
        "boot_seed": -75004,
        "hardware_version": -75005,
        "sw_components": -75006,
        "no_measurements": -75007,
        "challenge": -75008,
        "instance_id": -75009,
        "verification_service": -75010,
    },
    "security_lifecycle",
    _PSA_STATES,
    "sw_components",
    _PSA_COMPONENT,
)
_PSA_2: Final = Words(
    {
        "challenge": 10,
        "instance_id": 256,
        "profile_id": 265,
        "eat_boot_seed": 268,
        "client_id": 2394,
        "security_lifecycle": 2395,
        "implementation_id": 2396,
        "boot_seed": 2397,
        "hardware_version": 2398,
        "sw_components": 2399,
        "verification_service": 2400,
    },
    "security_lifecycle",
    _PSA_STATES,
    "sw_components",
    _PSA_COMPONENT,
)
_PLATFORM: Final = Words(
    {
        "cca_platform_challenge": 10,
        "cca_platform_instance_id": 256,
        "cca_attestation_profile": 265,
        "cca_platform_lifecycle": 2395,
        "cca_platform_implementation_id": 2396,
        "cca_platform_sw_components": 2399,
        "cca_platform_verification_service": 2400,
        "cca_platform_config": 2401,
        "cca_platform_hash_algo_id": 2402,
    },
    "cca_platform_lifecycle",
    _CCA_STATES,
    "cca_platform_sw_components",
    _CCA_COMPONENT,
)
_REALM: Final = Words(
    {
        "cca_realm_challenge": 10,
        "cca_realm_instance_id": 256,
        "cca_realm_profile": 265,
        "cca_realm_personalization_value": 44235,
        "cca_realm_hash_algm_id": 44236,
        "cca_realm_pub_key": 44237,
        "cca_realm_initial_measurement": 44238,
        "cca_realm_extensible_measurements": 44239,
        "cca_realm_pub_key_hash_algo_id": 44240,
        "cca_realm_mec_policy": 44243,
    }
)


class TokenType(Enum):
    """iat-verifier's names for kinds of tokens; the realm token alone is a kind of ours."""

    PSA_IOT_PROFILE_1 = ("PSA-IoT-Profile1-token", _PROFILE_1)
    PSA_2_0_0 = ("PSA-2.0.0-token", _PSA_2)
    CCA_PLATFORM = ("CCA-plat-token", _PLATFORM)
    CCA_REALM = ("CCA-realm-token", _REALM)
    CCA = ("CCA-token", Words({}))

    def __init__(self, label: str, words: Words) -> None:
        self.label = label
        self.words = words


BY_LABEL: Final = {kind.label: kind for kind in TokenType}


def type_of_names(names: list[str], profile: object) -> TokenType:
    """The kind of token that a YAML file with these names and this ``profile_id`` describes."""
    if PLATFORM_ENTRY in names or REALM_ENTRY in names:
        return TokenType.CCA
    if any(name in _REALM.keys for name in names):
        return TokenType.CCA_REALM
    if any(name in _PLATFORM.keys for name in names):
        return TokenType.CCA_PLATFORM
    if isinstance(profile, str) and (profile in PSA_2_0_0.strings or profile.startswith(RFC_9783_BASE)):
        return TokenType.PSA_2_0_0
    return TokenType.PSA_IOT_PROFILE_1


def type_of_profile(profile: Profile | None) -> TokenType:
    """The kind whose names fit the claims of a profile; without one, profile 1's numbers are its own."""
    if profile in (PSA_2_0_0, RFC_9783):
        return TokenType.PSA_2_0_0
    if profile in (CCA_PLATFORM, CCA_PLATFORM_LEGACY):
        return TokenType.CCA_PLATFORM
    if profile is not None and profile.family is Family.REALM:
        return TokenType.CCA_REALM
    return TokenType.PSA_IOT_PROFILE_1
