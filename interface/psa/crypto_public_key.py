"""PSA Crypto API, client side: signatures and asymmetric encryption."""

from ..tfm.crypto import Function, pack_iovec
from .client import BytesLike, PsaClient
from .crypto_calls import call, call_for_data, present


def psa_sign_message(
    client: PsaClient, key: int, alg: int, input_: BytesLike, signature_size: int
) -> tuple[int, bytes]:
    return call_for_data(client, pack_iovec(Function.SIGN_MESSAGE, key, alg), signature_size, input_)


def psa_verify_message(client: PsaClient, key: int, alg: int, input_: BytesLike, signature: BytesLike) -> int:
    return call(client, pack_iovec(Function.VERIFY_MESSAGE, key, alg), input_, signature)


def psa_sign_hash(
    client: PsaClient, key: int, alg: int, hash_: BytesLike, signature_size: int
) -> tuple[int, bytes]:
    return call_for_data(client, pack_iovec(Function.SIGN_HASH, key, alg), signature_size, hash_)


def psa_verify_hash(client: PsaClient, key: int, alg: int, hash_: BytesLike, signature: BytesLike) -> int:
    return call(client, pack_iovec(Function.VERIFY_HASH, key, alg), hash_, signature)


def psa_asymmetric_encrypt(
    client: PsaClient, key: int, alg: int, input_: BytesLike, salt: BytesLike | None, output_size: int
) -> tuple[int, bytes]:
    """(status, ciphertext). ``salt`` is the label of OAEP; None is C's NULL."""
    iovec = pack_iovec(Function.ASYMMETRIC_ENCRYPT, key, alg)
    return call_for_data(client, iovec, output_size, input_, *present(salt))


def psa_asymmetric_decrypt(
    client: PsaClient, key: int, alg: int, input_: BytesLike, salt: BytesLike | None, output_size: int
) -> tuple[int, bytes]:
    """(status, plaintext). ``salt`` is the label of OAEP; None is C's NULL."""
    iovec = pack_iovec(Function.ASYMMETRIC_DECRYPT, key, alg)
    return call_for_data(client, iovec, output_size, input_, *present(salt))
