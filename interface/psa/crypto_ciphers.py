"""PSA Crypto API, client side: ciphers and authenticated encryption."""

from ..tfm.crypto import TFM_CRYPTO_MAX_NONCE_LENGTH, Function, PackIovec, pack_iovec
from .client import BytesLike, PsaClient
from .crypto_calls import (
    call,
    call_for_data,
    call_for_handle,
    call_for_last_data,
    call_with_handle,
    present,
)
from .crypto_types import psa_aead_operation_t, psa_cipher_operation_t
from .status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS

_INT_SIZE = 4
_KEY_TYPE_SIZE = 2
_SIZE_MAX = 0xFFFFFFFF
"""Sizes on the device and in a request have 32 bits."""


def psa_can_do_cipher(client: PsaClient, key_type: int, cipher_alg: int) -> bool:
    """Whether the service has this cipher for keys of this type; False also when it does not answer."""
    iovec = pack_iovec(Function.CAN_DO_CIPHER, alg=cipher_alg)
    key = key_type.to_bytes(_KEY_TYPE_SIZE, "little")
    status, answer = call_for_data(client, iovec, _INT_SIZE, key)
    return status == PSA_SUCCESS and any(answer)


def psa_cipher_encrypt(
    client: PsaClient, key: int, alg: int, input_: BytesLike, output_size: int
) -> tuple[int, bytes]:
    """(status, a random IV where the algorithm has one, and the ciphertext behind it)."""
    return call_for_data(client, pack_iovec(Function.CIPHER_ENCRYPT, key, alg), output_size, input_)


def psa_cipher_decrypt(
    client: PsaClient, key: int, alg: int, input_: BytesLike, output_size: int
) -> tuple[int, bytes]:
    """(status, plaintext); ``input_`` begins with the IV where the algorithm has one."""
    return call_for_data(client, pack_iovec(Function.CIPHER_DECRYPT, key, alg), output_size, input_)


def psa_cipher_encrypt_setup(client: PsaClient, operation: psa_cipher_operation_t, key: int, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.CIPHER_ENCRYPT_SETUP, key, alg, operation.handle)
    )


def psa_cipher_decrypt_setup(client: PsaClient, operation: psa_cipher_operation_t, key: int, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.CIPHER_DECRYPT_SETUP, key, alg, operation.handle)
    )


def psa_cipher_generate_iv(
    client: PsaClient, operation: psa_cipher_operation_t, iv_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.CIPHER_GENERATE_IV, op_handle=operation.handle)
    return call_for_data(client, iovec, iv_size)


def psa_cipher_set_iv(client: PsaClient, operation: psa_cipher_operation_t, iv: BytesLike) -> int:
    return call(client, pack_iovec(Function.CIPHER_SET_IV, op_handle=operation.handle), iv)


def psa_cipher_update(
    client: PsaClient, operation: psa_cipher_operation_t, input_: BytesLike, output_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.CIPHER_UPDATE, op_handle=operation.handle)
    return call_for_data(client, iovec, output_size, input_)


def psa_cipher_finish(
    client: PsaClient, operation: psa_cipher_operation_t, output_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.CIPHER_FINISH, op_handle=operation.handle)
    return call_for_last_data(client, operation, iovec, output_size)


def psa_cipher_abort(client: PsaClient, operation: psa_cipher_operation_t) -> int:
    return call_for_handle(client, operation, pack_iovec(Function.CIPHER_ABORT, op_handle=operation.handle))


def _aead_whole(
    client: PsaClient,
    iovec: PackIovec,
    nonce: BytesLike,
    inputs: tuple[BytesLike, ...],
    size: int,
) -> tuple[int, bytes]:
    # TF-M tfm_crypto_api psa_aead_encrypt: the nonce travels in the pack iovec, so a longer one cannot.
    if len(nonce) > TFM_CRYPTO_MAX_NONCE_LENGTH:
        return PSA_ERROR_INVALID_ARGUMENT, b""
    packed = iovec._replace(nonce=bytes(nonce), nonce_length=len(nonce)).encode()
    return call_for_data(client, packed, size, *inputs)


def psa_aead_encrypt(
    client: PsaClient,
    key: int,
    alg: int,
    nonce: BytesLike,
    additional_data: BytesLike | None,
    plaintext: BytesLike,
    ciphertext_size: int,
) -> tuple[int, bytes]:
    """(status, ciphertext with the tag behind it). ``additional_data`` None is C's NULL."""
    iovec = PackIovec(key, alg, function_id=Function.AEAD_ENCRYPT)
    inputs = (plaintext, *present(additional_data))
    return _aead_whole(client, iovec, nonce, inputs, ciphertext_size)


def psa_aead_decrypt(
    client: PsaClient,
    key: int,
    alg: int,
    nonce: BytesLike,
    additional_data: BytesLike | None,
    ciphertext: BytesLike,
    plaintext_size: int,
) -> tuple[int, bytes]:
    """(status, plaintext); ``ciphertext`` has the tag at its end."""
    iovec = PackIovec(key, alg, function_id=Function.AEAD_DECRYPT)
    inputs = (ciphertext, *present(additional_data))
    return _aead_whole(client, iovec, nonce, inputs, plaintext_size)


def psa_aead_encrypt_setup(client: PsaClient, operation: psa_aead_operation_t, key: int, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.AEAD_ENCRYPT_SETUP, key, alg, operation.handle)
    )


def psa_aead_decrypt_setup(client: PsaClient, operation: psa_aead_operation_t, key: int, alg: int) -> int:
    return call_for_handle(
        client, operation, pack_iovec(Function.AEAD_DECRYPT_SETUP, key, alg, operation.handle)
    )


def psa_aead_generate_nonce(
    client: PsaClient, operation: psa_aead_operation_t, nonce_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.AEAD_GENERATE_NONCE, op_handle=operation.handle)
    return call_for_data(client, iovec, nonce_size)


def psa_aead_set_nonce(client: PsaClient, operation: psa_aead_operation_t, nonce: BytesLike) -> int:
    return call(client, pack_iovec(Function.AEAD_SET_NONCE, op_handle=operation.handle), nonce)


def psa_aead_set_lengths(
    client: PsaClient, operation: psa_aead_operation_t, ad_length: int, plaintext_length: int
) -> int:
    """Announce both lengths in bytes; more than 32 bits cannot be said, so it is INVALID_ARGUMENT here."""
    if max(ad_length, plaintext_length) > _SIZE_MAX:
        return PSA_ERROR_INVALID_ARGUMENT
    iovec = PackIovec(
        op_handle=operation.handle,
        ad_length=ad_length,
        plaintext_length=plaintext_length,
        function_id=Function.AEAD_SET_LENGTHS,
    )
    return call(client, iovec.encode())


def psa_aead_update_ad(client: PsaClient, operation: psa_aead_operation_t, input_: BytesLike | None) -> int:
    iovec = pack_iovec(Function.AEAD_UPDATE_AD, op_handle=operation.handle)
    return call(client, iovec, *present(input_))


def psa_aead_update(
    client: PsaClient, operation: psa_aead_operation_t, input_: BytesLike | None, output_size: int
) -> tuple[int, bytes]:
    iovec = pack_iovec(Function.AEAD_UPDATE, op_handle=operation.handle)
    return call_for_data(client, iovec, output_size, *present(input_))


def psa_aead_finish(
    client: PsaClient, operation: psa_aead_operation_t, ciphertext_size: int, tag_size: int
) -> tuple[int, bytes, bytes]:
    """(status, the last of the ciphertext, tag). The tag's vector comes first."""
    iovec = pack_iovec(Function.AEAD_FINISH, op_handle=operation.handle)
    if ciphertext_size == 0:
        status, tag = call_for_last_data(client, operation, iovec, tag_size)
        return status, b"", tag
    status, (tag, last) = call_with_handle(client, operation, iovec, sizes=(tag_size, ciphertext_size))
    return status, last, tag


def psa_aead_verify(
    client: PsaClient, operation: psa_aead_operation_t, plaintext_size: int, tag: BytesLike
) -> tuple[int, bytes]:
    """(status, the last of the plaintext)."""
    iovec = pack_iovec(Function.AEAD_VERIFY, op_handle=operation.handle)
    if plaintext_size == 0:
        return call_for_handle(client, operation, iovec, tag), b""
    return call_for_last_data(client, operation, iovec, plaintext_size, tag)


def psa_aead_abort(client: PsaClient, operation: psa_aead_operation_t) -> int:
    return call_for_handle(client, operation, pack_iovec(Function.AEAD_ABORT, op_handle=operation.handle))
