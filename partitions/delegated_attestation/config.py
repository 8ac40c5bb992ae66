"""Build options of the delegated attestation partition."""

from dataclasses import dataclass
from typing import Final

from ...interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE

BOOT_RECORDS_MAX_SIZE: Final = 0x400
"""TFM_ATTEST_BOOT_RECORDS_MAX_SIZE of Arm's RSE, the one platform of TF-M that has the partition."""


@dataclass(frozen=True, slots=True)
class DelegatedAttestationConfig:
    """The options of one build.

    ``boot_records_max_size`` in bytes is the room for the encoded measurements that a key is derived from.
    ``max_token_size`` is PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE: a build has one, so a device takes that of its
    initial attestation. ``shrinking_buffers`` brings back a slip of TF-M: the room for signer id, version,
    type and value of a slot is what the slot before it needed, and a slot that needs more is left out
    without a word. ``hash_of_point``: until TF-M 2.1 `get_token` wanted the hash of the public key as SEC 1
    has it, which is what realm tokens without a profile carry; since 2.2 it is that of the COSE_Key.
    """

    boot_records_max_size: int = BOOT_RECORDS_MAX_SIZE
    max_token_size: int = PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
    shrinking_buffers: bool = False
    hash_of_point: bool = False

    def __post_init__(self) -> None:
        if self.boot_records_max_size < 1:
            found = self.boot_records_max_size
            raise ValueError(f"DelegatedAttestationConfig: boot_records_max_size {found}; legal: 1 and up")
