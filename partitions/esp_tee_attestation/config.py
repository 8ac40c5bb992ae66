"""Build options of the TEE's attestation, and where its images lie in flash."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ...interface.esp_tee.attestation import (
    ESP_ATT_EAT_JSON_MAX_SZ,
    ESP_ATT_EAT_JSON_MAX_SZ_WITH_CHALLENGE,
    ESP_ATT_TK_MIN_SIZE,
    ESP_ATT_TK_MIN_SIZE_WITH_CHALLENGE,
    PSA_CERT_REF_SIZE,
)
from ...interface.esp_tee.sec_storage import MAX_SEC_STG_SLOT_ID, NVS_KEY_NAME_MAX_SIZE
from ...interface.esp_tee.tee_sec_storage import slot_name

TFM_SP_ESP_TEE_ATTESTATION: Final = "TFM_SP_ESP_TEE_ATTESTATION"
CONFIG_SECURE_TEE_ATT_PSA_CERT_REF: Final = "0632793520245-10010"
"""Of an ESP32-C6."""


class TokenForm(Enum):
    """How tokens were written over time; a token shows which it is."""

    DOCUMENT = "document"
    """As ESP-IDF's page has its sample: the key lies in a slot, of the boot loader there is but a digest."""
    SLOT = "slot"
    """ESP-IDF's code of December 2024: the boot loader's version and secure version as well."""
    NAMED_KEY = "named-key"
    """ESP-IDF 5.5: the key has a name."""
    PSA = "psa"
    """ESP-IDF's code of December 2025: asked for by psa_initial_attest_get_token, over a challenge."""
    CHALLENGE = "challenge"
    """Since May 2026: with chip id and UEIDs as well."""

    @property
    def slots(self) -> bool:
        """Whether keys lie in slots."""
        return self in (TokenForm.DOCUMENT, TokenForm.SLOT)

    @property
    def with_challenge(self) -> bool:
        """Whether a token is over a challenge of 32 bytes and more, and not over a nonce of 32 bits."""
        return self in (TokenForm.PSA, TokenForm.CHALLENGE)

    @property
    def min_size(self) -> int:
        """ESP_ATT_TK_MIN_SIZE: the room in bytes that every token has to have."""
        return ESP_ATT_TK_MIN_SIZE_WITH_CHALLENGE if self is TokenForm.CHALLENGE else ESP_ATT_TK_MIN_SIZE

    @property
    def eat_size(self) -> int:
        """ESP_ATT_EAT_JSON_MAX_SZ: bytes that the claims are written to before they are in the token."""
        is_last = self is TokenForm.CHALLENGE
        return ESP_ATT_EAT_JSON_MAX_SZ_WITH_CHALLENGE if is_last else ESP_ATT_EAT_JSON_MAX_SZ


@dataclass(frozen=True, slots=True)
class EspTeeConfig:
    """The options of one build, for both partitions.

    ``key_slot`` is CONFIG_SECURE_TEE_ATT_KEY_SLOT_ID, ``key_id`` CONFIG_SECURE_TEE_ATT_KEY_STR_ID,
    ``psa_cert_ref`` CONFIG_SECURE_TEE_ATT_PSA_CERT_REF, which tokens with a challenge carry.
    ``unprotected_keys``: until July 2026 the REE could use and clear the key that signs tokens as any other.
    ``free_heap`` in bytes is what the TEE's heap has left for a token; None is enough.
    ``errors_of_the_code``: a token buffer of no bytes is INVALID_SIZE, as in ESP-IDF's code, and not
    INVALID_ARG, as on its page; the REE that clears the key that signs tokens by its name gets INVALID_ARG,
    as in the code since July 2026, and not INVALID_STATE, as for a key that is written once.

    Raises ValueError for a slot, a name or a reference that no build has.
    """

    form: TokenForm = TokenForm.DOCUMENT
    key_slot: int = 0
    key_id: str = "tee_att_key0"
    psa_cert_ref: str = CONFIG_SECURE_TEE_ATT_PSA_CERT_REF
    unprotected_keys: bool = False
    free_heap: int | None = None
    errors_of_the_code: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.key_slot <= MAX_SEC_STG_SLOT_ID:
            raise ValueError(f"EspTeeConfig: key_slot {self.key_slot}; legal: 0 to {MAX_SEC_STG_SLOT_ID}")
        if not 1 <= len(self.key_id.encode()) < NVS_KEY_NAME_MAX_SIZE or "\0" in self.key_id:
            legal = NVS_KEY_NAME_MAX_SIZE - 1
            raise ValueError(f"EspTeeConfig: key_id {self.key_id!r:.40}; legal: 1 to {legal} bytes")
        if len(self.psa_cert_ref.encode()) >= PSA_CERT_REF_SIZE or "\0" in self.psa_cert_ref:
            legal = PSA_CERT_REF_SIZE - 1
            found = f"{self.psa_cert_ref!r:.40}"
            raise ValueError(f"EspTeeConfig: psa_cert_ref {found}; legal: up to {legal} bytes")

    @property
    def key_name(self) -> str:
        """What the secure storage calls the key that signs."""
        return slot_name(self.key_slot) if self.form.slots else self.key_id


@dataclass(frozen=True, slots=True)
class BootLoaderPart:
    """Where the boot loader is in flash, in bytes: its image, and in it what the ROM loader measures.

    The rest is ESP-IDF's image of the boot loader, from ``image_offset`` on.
    """

    offset: int
    size: int
    measured_offset: int
    measured_size: int
    image_offset: int


@dataclass(frozen=True, slots=True)
class EspTeeAttestationConfig:
    """What the attestation partition is built with; sizes are those of the images' partitions, in bytes.

    ``secure_boot`` is CONFIG_SECURE_BOOT_V2_ENABLED: boot loaders check signatures.
    """

    esp_tee: EspTeeConfig = field(default_factory=EspTeeConfig)
    boot_loader: BootLoaderPart | None = None
    tee_size: int = 0
    app_size: int = 0
    secure_boot: bool = True
