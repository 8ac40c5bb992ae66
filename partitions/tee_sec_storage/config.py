"""Build options of the TEE's secure storage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TeeSecStorageConfig:
    """``attestation_key`` is the name of the key that signs tokens, which no caller of the REE may name.

    ``slots``: keys lie in slots, as until April 2025. ``unprotected``: until July 2026 the REE could use and
    clear that key as any other, and so have it sign what it liked.
    ``any_digest``: until December 2025 Mbed TLS signed a digest of any size, the first 32 bytes of it.
    ``errors_of_the_code``: the REE that clears the attestation's key by name gets INVALID_ARG.
    """

    attestation_key: str = "tee_att_key0"
    slots: bool = False
    unprotected: bool = False
    any_digest: bool = False
    errors_of_the_code: bool = False
