"""What the token tests share: recorded data, boot status areas and a token's parts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cbor2

from tfm_sim.interface.tfm.boot_status import BootStatusEntry, encode_area, tlv_type
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
CHALLENGE = bytes(range(64))
SPE = {1: "SPE", 4: "2.1.0", 5: b"\x05" * 32, 6: "sha-256", 2: b"\x11" * 32}
NSPE = {1: "NSPE", 4: "0.0.0", 5: b"\x06" * 32, 6: "sha-256", 2: b"\x22" * 32}


def load_recording(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RECORDINGS / name).read_text())
    return content


def boot_status(*records: Mapping[int, object]) -> bytes:
    """An area with one boot record a module, the highest module first, as BL2 writes it."""
    entries = [
        BootStatusEntry(tlv_type(1, module, 0x3F), cbor2.dumps(dict(record)))
        for module, record in enumerate(records)
    ]
    return encode_area(entries[::-1])


@dataclass(frozen=True)
class TokenParts:
    """A COSE message: tag, protected header, unprotected header, payload, signature or tag."""

    tag: int
    protected: bytes
    unprotected: dict[int, bytes]
    payload: bytes
    signature: bytes

    @property
    def claims(self) -> dict[int, Any]:
        return dict(cbor2.loads(self.payload))


def take_apart(token: bytes) -> TokenParts:
    message = cbor2.loads(token)
    protected, unprotected, payload, signature = message.value
    return TokenParts(message.tag, protected, dict(unprotected), payload, signature)


def config_of(name: str, variant: dict[str, Any]) -> AttestationConfig:
    """The build options of a recorded variant of the real TF-M."""
    header = variant.get("project_config_header") or ""
    is_2_1 = "216" in name
    variant_of = {
        "PSA_2_0_0": (TokenVariant.PSA_2_0_0, TokenVariant.RFC_9783),
        "ARM_CCA": (TokenVariant.CCA_1_0_0, TokenVariant.CCA_2023),
    }
    old, new = TokenVariant.PSA_IOT_PROFILE_1_2022, TokenVariant.PSA_IOT_PROFILE_1
    for macro, pair in variant_of.items():
        if f"ATTEST_TOKEN_PROFILE_{macro} 1" in header:
            old, new = pair
    return AttestationConfig(
        variant=old if is_2_1 else new,
        optional_claims="ATTEST_INCLUDE_OPTIONAL_CLAIMS 0" not in header,
        tfm_2_2_signature_room_slip=not is_2_1,
    )
