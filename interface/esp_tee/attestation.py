"""ESP-TEE attestation, client side: esp_tee_attestation.h of 2024 and 2025, psa/initial_attestation.h since.

Pointers are addresses in the simulated memory, as in C; 0 is NULL. `api` has the calls for Python programs.
"""

from typing import Final

from ..psa.client import PsaClient
from .service_calls import ESP_TEE_ATTESTATION_HANDLE, SecureService, esp_tee_service_call

ESP_ATT_TK_MAGIC_STR: Final = "44fef7cc"
ESP_ATT_TK_SIGN_ALG: Final = "ecdsa_secp256r1_sha256"
ESP_ATT_HDR_JSON_MAX_SZ: Final = 128
ESP_ATT_EAT_JSON_MAX_SZ: Final = 1344
ESP_ATT_EAT_JSON_MAX_SZ_WITH_CHALLENGE: Final = 1600
"""Since the token has chip id and UEIDs."""
ESP_ATT_PUBKEY_JSON_MAX_SZ: Final = 128
ESP_ATT_SIGN_JSON_MAX_SZ: Final = 192
ESP_ATT_TK_MIN_SIZE: Final = (
    ESP_ATT_HDR_JSON_MAX_SZ + ESP_ATT_EAT_JSON_MAX_SZ + ESP_ATT_PUBKEY_JSON_MAX_SZ + ESP_ATT_SIGN_JSON_MAX_SZ
)
"""1792 bytes: a smaller buffer is refused, however short the token would be."""
ESP_ATT_TK_MIN_SIZE_WITH_CHALLENGE: Final = (
    ESP_ATT_TK_MIN_SIZE + ESP_ATT_EAT_JSON_MAX_SZ_WITH_CHALLENGE - ESP_ATT_EAT_JSON_MAX_SZ
)
"""2048 bytes."""
PSA_CERT_REF_CHECKED: Final = 20
"""Bytes of the certification reference that the service looks at: 13 digits, a dash, 5 digits, NUL."""
PSA_CERT_REF_SIZE: Final = 32
"""Bytes that it takes."""
CHALLENGE_SIZES: Final = (32, 48, 64)
CLIENT_ID: Final = 0x0FACADE0
"""Of every token with a challenge: the call has no client id any more."""
DEFAULT_PSA_CERT_REF: Final = "0716053550477-10100"
"""Of ESP-IDF's example."""


def esp_tee_att_generate_token(
    client: PsaClient,
    nonce: int,
    client_id: int,
    psa_cert_ref: int,
    token_buf: int,
    token_buf_size: int,
    token_len: int,
) -> int:
    """An ``esp_err_t``; the token comes to lie at ``token_buf``, its length with the NUL at ``token_len``.

    ``nonce`` and ``client_id`` are u32, ``psa_cert_ref`` points at a text that ends with NUL, ``token_len``
    at a u32. INVALID_ARG for a pointer that is none into the REE's memory and for no room, INVALID_SIZE for
    room of less than 1792 bytes.
    """
    return esp_tee_service_call(
        client,
        ESP_TEE_ATTESTATION_HANDLE,
        SecureService.ATT_GENERATE_TOKEN,
        nonce,
        client_id,
        psa_cert_ref,
        token_buf,
        token_buf_size,
        token_len,
    )


def psa_initial_attest_get_token(
    client: PsaClient,
    auth_challenge: int,
    challenge_size: int,
    token_buf: int,
    token_buf_size: int,
    token_size: int,
) -> int:
    """The same as a ``psa_status_t``, for a challenge of 32, 48 or 64 bytes; ``token_size`` is a size_t."""
    return esp_tee_service_call(
        client,
        ESP_TEE_ATTESTATION_HANDLE,
        SecureService.PSA_INITIAL_ATTEST_GET_TOKEN,
        auth_challenge,
        challenge_size,
        token_buf,
        token_buf_size,
        token_size,
    )


def psa_initial_attest_get_token_size(client: PsaClient, challenge_size: int, token_size: int) -> int:
    """Writes 2048 to the size_t at ``token_size``, or 2^32 - 1 for a challenge of another size."""
    return esp_tee_service_call(
        client,
        ESP_TEE_ATTESTATION_HANDLE,
        SecureService.PSA_INITIAL_ATTEST_GET_TOKEN_SIZE,
        challenge_size,
        token_size,
    )
