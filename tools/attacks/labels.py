"""The claims' keys by name, in each family of profiles. RFC 9783 4, RMM A7.2.

A table of the attacks' own: a key that the verifier has wrong is found out, not copied.
"""

from enum import Enum

PROFILE_2019 = "psa-tfm-profile-1.md"
PROFILE_TAGS = {
    "psa-2": "http://arm.com/psa/2.0.0",
    "rfc9783": "tag:psacertified.org,2023:psa#tfm",
    "cca-legacy": "http://arm.com/CCA-SSD/1.0.0",
    "cca": "tag:arm.com,2023:cca_platform#1.0.0",
}
LEGACY_REALM_KEYS = range(44235, 44241)
_LEGACY = {
    "profile": -75000,
    "client-id": -75001,
    "lifecycle": -75002,
    "implementation-id": -75003,
    "boot-seed": -75004,
    "cert-ref": -75005,
    "components": -75006,
    "no-measurements": -75007,
    "nonce": -75008,
    "instance-id": -75009,
    "vsi": -75010,
}
_EAT = {"nonce": 10, "instance-id": 256, "profile": 265}
_PSA_2 = _EAT | {
    "client-id": 2394,
    "lifecycle": 2395,
    "implementation-id": 2396,
    "cert-ref": 2398,
    "components": 2399,
    "vsi": 2400,
}
_PLATFORM = _EAT | {
    "lifecycle": 2395,
    "implementation-id": 2396,
    "components": 2399,
    "vsi": 2400,
    "platform-config": 2401,
    "platform-hash": 2402,
}
_REALM = _EAT | {
    "personalization": 44235,
    "hash-algorithm": 44236,
    "rak": 44237,
    "initial-measurement": 44238,
    "extensible-measurements": 44239,
    "rak-hash": 44240,
    "mec-policy": 44243,
}


class Family(Enum):
    """What a claims set is: its profile, or the kind of it that an attack cares for."""

    PSA_1 = ("PSA_IOT_PROFILE_1", _LEGACY)
    TFM_2019 = ("TF-M 2019", dict(_LEGACY))
    PSA_2 = ("PSA 2.0.0", _PSA_2 | {"boot-seed": 2397})
    RFC_9783 = ("RFC 9783", _PSA_2 | {"boot-seed": 268})
    PLATFORM = ("CCA platform", _PLATFORM)
    REALM = ("CCA realm", _REALM)
    REALM_LEGACY = ("CCA realm without profile", _REALM)

    def __init__(self, label: str, keys: dict[str, int]) -> None:
        self.label = label
        self.keys = keys
