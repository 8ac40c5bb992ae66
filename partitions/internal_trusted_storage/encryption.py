"""Encryption of whole files through the HAL (TF-M its_crypto_interface.c)."""

from ...interface.psa.status import PSA_ERROR_GENERIC_ERROR, PSA_ERROR_INVALID_ARGUMENT
from ...platform.hal import PlatformHal
from ...platform.plat_err import PlatError, TfmPlatErr
from .file_system import FileInfo
from .layout import TAG_SIZE, USER_FLAGS_MASK
from .refusal import Refusal


def _additional_data(file_id: bytes, flags: int, size: int) -> bytes:
    """What is authentic beside the data: TF-M tfm_its_fill_enc_add, id, user's flags and size of the file."""
    return file_id + (flags & USER_FLAGS_MASK).to_bytes(4, "little") + size.to_bytes(4, "little")


def encrypt_file(hal: PlatformHal, file_id: bytes, flags: int, data: bytes) -> tuple[bytes, bytes, bytes]:
    """(nonce, tag, ciphertext), the ciphertext as long as ``data``. Raises Refusal."""
    try:
        nonce = hal.tfm_hal_its_aead_generate_nonce()
        aad = _additional_data(file_id, flags, len(data))
        sealed = hal.tfm_hal_its_aead_encrypt(file_id, nonce, aad, data)
    except PlatError as error:
        raise _refusal(error) from error
    return nonce, sealed[-TAG_SIZE:], sealed[:-TAG_SIZE]


def decrypt_file(hal: PlatformHal, file_id: bytes, info: FileInfo, ciphertext: bytes) -> bytes:
    """The whole file. Raises Refusal, with GENERIC_ERROR for one that is not authentic."""
    aad = _additional_data(file_id, info.flags, info.size_current)
    try:
        return hal.tfm_hal_its_aead_decrypt(file_id, info.nonce, aad, ciphertext + info.tag)
    except PlatError as error:
        raise _refusal(error) from error


def _refusal(error: PlatError) -> Refusal:
    # TF-M tfm_hal_to_psa_error: whatever is not an invalid input is a generic error.
    invalid = error.reason is TfmPlatErr.INVALID_INPUT
    return Refusal(PSA_ERROR_INVALID_ARGUMENT if invalid else PSA_ERROR_GENERIC_ERROR)
