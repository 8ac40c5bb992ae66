"""TF-M's delegated attestation service: its requests, and the client side (tfm_delegated_attestation.h)."""

from typing import Final

from ..psa.client import InVec, PsaClient, psa_outvec
from ..psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS, PsaError
from .services import TFM_DELEGATED_ATTESTATION_HANDLE

DELEGATED_ATTEST_GET_DELEGATED_KEY: Final = 1001
"""in[0] curve family, in[1] key bits, in[2] hash algorithm; out[0] the private scalar."""
DELEGATED_ATTEST_GET_PLATFORM_TOKEN: Final = 1002
"""in[0] hash of the public key; out[0] the platform token."""

ECC_CURVE_SIZE: Final = 1
"""``psa_ecc_family_t`` in bytes."""
KEY_BITS_SIZE: Final = 4
HASH_ALGO_SIZE: Final = 4
"""``psa_algorithm_t`` in bytes."""

DELEGATED_ATTEST_KEY_MAX_SIZE: Final = 66
"""The scalar of P-521, in bytes."""
_TOKEN_ROOM: Final = 0x800
"""What the RSE has for PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE: this service can only be asked for the token."""


def tfm_delegated_attest_get_delegated_key(
    client: PsaClient,
    ecc_curve: int,
    key_bits: int,
    key_buf: int | psa_outvec,
    hash_algo: int,
    *,
    key_size_is_null: bool = False,
) -> tuple[int, bytes]:
    """(status, private scalar, big endian) of a delegated attestation key of this curve and size.

    ``key_buf`` is the size of the buffer in bytes, or the vector itself. ``hash_algo`` is what the caller
    will hash the public key with; it is no input of the key. The numbers travel in 1, 4 and 4 bytes, little
    endian, as in C. ``key_size_is_null`` stands for a NULL ``key_size``, which the client library refuses.
    """
    if key_size_is_null:
        return PSA_ERROR_INVALID_ARGUMENT, b""
    in_vec = [
        _unsigned(ecc_curve, ECC_CURVE_SIZE),
        _unsigned(key_bits, KEY_BITS_SIZE),
        _unsigned(hash_algo, HASH_ALGO_SIZE),
    ]
    return _call(client, DELEGATED_ATTEST_GET_DELEGATED_KEY, in_vec, key_buf)


def tfm_delegated_attest_get_token(
    client: PsaClient,
    dak_pub_hash: InVec,
    token_buf: int | psa_outvec,
    *,
    token_size_is_null: bool = False,
) -> tuple[int, bytes]:
    """(status, platform token) whose challenge is the hash of the delegated key's public half.

    That half is hashed as a COSE_Key, by the algorithm named when the key was asked for. ``token_buf`` is the
    size of the buffer in bytes, or the vector itself; ``token_size_is_null`` stands for a NULL pointer.
    """
    if token_size_is_null:
        return PSA_ERROR_INVALID_ARGUMENT, b""
    return _call(client, DELEGATED_ATTEST_GET_PLATFORM_TOKEN, [dak_pub_hash], token_buf)


def _unsigned(value: int, size: int) -> bytes:
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def _call(
    client: PsaClient, type_: int, in_vec: list[bytes] | list[InVec], room: int | psa_outvec
) -> tuple[int, bytes]:
    out_vec = psa_outvec(bytearray(room)) if isinstance(room, int) else room
    status = client.psa_call(TFM_DELEGATED_ATTESTATION_HANDLE, type_, in_vec, [out_vec])
    if status != PSA_SUCCESS or isinstance(out_vec.base, int):
        return status, b""
    return status, bytes(out_vec.base[: out_vec.len])


class DelegatedAttestation:
    """Delegated attestation for Python callers: values back, PsaError raised."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def get_delegated_key(self, curve: int, bits: int, hash_alg: int) -> bytes:
        """The private scalar, big endian, ceil(bits / 8) bytes; from now on it is everybody's key.

        ``curve`` is PSA_ECC_FAMILY_SECP_R1, ``bits`` 256, 384 or 521; ``hash_alg`` is the PSA algorithm that
        `get_token` will get the public key's hash of.
        """
        status, key = tfm_delegated_attest_get_delegated_key(
            self._client, curve, bits, DELEGATED_ATTEST_KEY_MAX_SIZE, hash_alg
        )
        if status != PSA_SUCCESS:
            raise PsaError(status, "tfm_delegated_attest_get_delegated_key")
        return key

    def get_token(self, hash: bytes, capacity: int | None = None) -> bytes:
        """The platform token bound to the key of the latest `get_delegated_key`.

        ``hash`` is that of the public key's COSE_Key; ``capacity`` the size of the token buffer in bytes.
        """
        room = _TOKEN_ROOM if capacity is None else capacity
        status, token = tfm_delegated_attest_get_token(self._client, hash, room)
        if status != PSA_SUCCESS:
            raise PsaError(status, "tfm_delegated_attest_get_token")
        return token
