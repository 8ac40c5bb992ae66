"""PSA Crypto API, client side: random numbers and keys."""

from ..tfm.crypto import Function, pack_iovec
from .client import BytesLike, PsaClient
from .crypto_calls import call, call_for_data, call_for_key
from .crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes, psa_custom_key_parameters_t
from .status import PSA_SUCCESS


def psa_crypto_init(client: PsaClient) -> int:
    """Nothing to do: the service starts with the device."""
    del client
    return PSA_SUCCESS


def psa_generate_random(client: PsaClient, output_size: int) -> tuple[int, bytes]:
    # TF-M tfm_crypto_api psa_generate_random: nothing asked, nothing called.
    if output_size == 0:
        return PSA_SUCCESS, b""
    return call_for_data(client, pack_iovec(Function.GENERATE_RANDOM), output_size)


def psa_get_key_attributes(client: PsaClient, key: int) -> tuple[int, KeyAttributes]:
    """(status, attributes); all zero unless the status is PSA_SUCCESS."""
    iovec = pack_iovec(Function.GET_KEY_ATTRIBUTES, key)
    status, data = call_for_data(client, iovec, PSA_KEY_ATTRIBUTES_SIZE)
    if status != PSA_SUCCESS:
        return status, KeyAttributes()
    return status, KeyAttributes.decode(data)


def psa_open_key(client: PsaClient, id_: int) -> tuple[int, int]:
    """(status, handle): a handle is the key's id. TF-M has given it up, ST's has it (crypto_compat.h)."""
    return call_for_key(client, pack_iovec(Function.OPEN_KEY, id_))


def psa_close_key(client: PsaClient, handle: int) -> int:
    """As psa_purge_key for a persistent key; destroys a volatile one (psa/crypto_compat.h)."""
    return call(client, pack_iovec(Function.CLOSE_KEY, handle))


def psa_import_key(client: PsaClient, attributes: KeyAttributes, data: BytesLike) -> tuple[int, int]:
    """(status, key id)."""
    return call_for_key(client, pack_iovec(Function.IMPORT_KEY), attributes.encode(), data)


def psa_generate_key(client: PsaClient, attributes: KeyAttributes) -> tuple[int, int]:
    """(status, key id)."""
    return call_for_key(client, pack_iovec(Function.GENERATE_KEY), attributes.encode())


def psa_generate_key_custom(
    client: PsaClient,
    attributes: KeyAttributes,
    custom: psa_custom_key_parameters_t,
    custom_data: BytesLike = b"",
) -> tuple[int, int]:
    """(status, key id). Not in TF-M's service; for RSA ``custom_data`` is the exponent, big endian."""
    iovec = pack_iovec(Function.GENERATE_KEY_CUSTOM, value=custom.flags)
    return call_for_key(client, iovec, attributes.encode(), custom_data)


def psa_copy_key(client: PsaClient, source_key: int, attributes: KeyAttributes) -> tuple[int, int]:
    """(status, key id)."""
    return call_for_key(client, pack_iovec(Function.COPY_KEY, source_key), attributes.encode())


def psa_destroy_key(client: PsaClient, key: int) -> int:
    return call(client, pack_iovec(Function.DESTROY_KEY, key))


def psa_purge_key(client: PsaClient, key: int) -> int:
    return call(client, pack_iovec(Function.PURGE_KEY, key))


def psa_export_key(client: PsaClient, key: int, data_size: int) -> tuple[int, bytes]:
    return call_for_data(client, pack_iovec(Function.EXPORT_KEY, key), data_size)


def psa_export_public_key(client: PsaClient, key: int, data_size: int) -> tuple[int, bytes]:
    return call_for_data(client, pack_iovec(Function.EXPORT_PUBLIC_KEY, key), data_size)
