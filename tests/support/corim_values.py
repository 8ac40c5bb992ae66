"""CoRIMs in plain Python values, encoded by cbor2 and not by the writer under test."""

from typing import Any, Final

import cbor2
from cbor2 import CBORTag

PSA: Final = "tag:arm.com,2025:psa#1.0.0"
CCA_PLATFORM: Final = "tag:arm.com,2025:cca_platform#1.0.0"
CCA_REALM: Final = "tag:arm.com,2025:cca_realm#1.0.0"
IMPLEMENTATION_ID: Final = bytes(range(0x20, 0x40))
INSTANCE_ID: Final = b"\x01" + bytes(range(0x40, 0x60))
DIGEST: Final = bytes.fromhex("6a98ee0f89e95ef9b1932907ce88dde8f436a0cfae58d98c24a94dafae890e85")
SIGNER_ID: Final = bytes.fromhex("ffdcc4ba1ba029d91fb645eab1563010ee7bcfac6f321326f4eab298601b5bce")
PEM: Final = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECIu5/yKrKRp0yG/Gd7qJe6re43DM\n"
    "YSm4LRcLo/wmQVxELamnFgZ5VtkeqgK5OtQJSQ6HzV51jqajMaHet1uoRg==\n"
    "-----END PUBLIC KEY-----"
)
GONE: Final = object()
"""In place of a value: its key, or its place in a list, is taken out."""

CLASS: Final = {0: {0: CBORTag(560, IMPLEMENTATION_ID)}}
COMPONENT: Final = {
    0: "psa.software-component",
    1: {0: {0: "2.1.0"}, 2: [["sha-256", DIGEST]], 11: "PRoT", 13: [CBORTag(560, SIGNER_ID)]},
}
PSA_TRIPLES: Final = {
    0: [[CLASS, [COMPONENT]]],
    3: [[{**CLASS, 1: CBORTag(550, INSTANCE_ID)}, [CBORTag(554, PEM)]]],
}
CCA_COMPONENT: Final = {**COMPONENT, 0: "cca.software-component"}
CCA_CONFIG: Final = {0: "cca.platform-config", 1: {4: CBORTag(560, b"\xef\xbe"), 5: b"\xff\x00"}}
CCA_TRIPLES: Final = {0: [[CLASS, [CCA_COMPONENT, CCA_CONFIG]]], 3: PSA_TRIPLES[3]}
RIM: Final = bytes(range(0x60, 0x80))
REALM_TRIPLES: Final = {
    0: [
        [
            {0: {0: CBORTag(560, RIM)}},
            [
                {0: "cca.rim", 1: {2: [["sha-256", RIM]]}},
                {0: "cca.rem1", 1: {2: [["sha-256", DIGEST]]}},
                {0: "cca.rpv", 1: {4: CBORTag(560, bytes(64))}},
            ],
        ]
    ]
}


def corim(triples: Any = PSA_TRIPLES, profile: Any = PSA, **more: Any) -> bytes:
    """An unsigned CoRIM with one CoMID; ``profile`` None leaves it out, other keys come as ``key_4=...``."""
    comid = {1: {0: "demo.example/spm-refs"}, 4: triples}
    value: dict[int, Any] = {0: "demo.example/corim-1", 1: [CBORTag(506, cbor2.dumps(comid))]}
    if profile is not None:
        value[3] = CBORTag(32, profile) if isinstance(profile, str) else profile
    value |= {int(key.removeprefix("key_")): item for key, item in more.items()}
    return cbor2.dumps(CBORTag(501, {key: item for key, item in value.items() if item is not GONE}))


def changed(value: Any, *path: Any) -> Any:
    """A copy with another value at a place: the last of ``path``; before it keys and list places."""
    key, rest = path[0], path[1:]
    made = dict(value) if isinstance(value, dict) else list(value)
    if len(rest) > 1:
        made[key] = changed(made[key], *rest)
    elif rest[0] is GONE:
        del made[key]
    else:
        made[key] = rest[0]
    return made
