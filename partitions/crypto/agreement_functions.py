"""Key agreement (PSA Crypto 1.2 section 10.9): the secret as bytes, as a key, or for a key derivation."""

from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_sizes import PSA_RAW_KEY_AGREEMENT_OUTPUT_SIZE
from ...interface.psa.crypto_types import PSA_KEY_ATTRIBUTES_SIZE, KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ECDH,
    PSA_ALG_FFDH,
    PSA_ALG_IS_KEY_AGREEMENT,
    PSA_ALG_IS_STANDALONE_KEY_AGREEMENT,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_IS_DH_KEY_PAIR,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR,
    PSA_KEY_TYPE_RAW_DATA,
    PSA_KEY_USAGE_DERIVE,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import Function
from . import agreement, key_formats
from .keys import Key, KeyStore
from .policy import check_policy
from .refusal import Refusal
from .request import Handler, Request
from .wants import Offer

_SECRET_TYPES: Final = frozenset(
    {PSA_KEY_TYPE_DERIVE, PSA_KEY_TYPE_RAW_DATA, PSA_KEY_TYPE_HMAC, PSA_KEY_TYPE_PASSWORD}
)
"""What kind of key a shared secret can be."""


_AGREEMENTS: Final = {
    PSA_ALG_ECDH: (PSA_KEY_TYPE_IS_ECC_KEY_PAIR, agreement.ecdh),
    PSA_ALG_FFDH: (PSA_KEY_TYPE_IS_DH_KEY_PAIR, agreement.ffdh),
}
"""Whose keys each algorithm takes, and how it goes."""


class AgreementFunctions:
    """Agreements without a key derivation."""

    def __init__(self, keys: KeyStore, offer: Offer) -> None:
        self._keys = keys
        self._offer = offer

    @property
    def functions(self) -> dict[int, Handler]:
        return {Function.RAW_KEY_AGREEMENT: self._raw, Function.KEY_AGREEMENT: self._to_key}

    def _raw(self, request: Request) -> int:
        """Checks in the order of Mbed TLS psa_raw_key_agreement: the room counts before the peer's key."""
        request.put(0, b"")
        alg = request.iovec.alg
        key = self._find_key(request, alg)
        if request.room(0) < PSA_RAW_KEY_AGREEMENT_OUTPUT_SIZE(key.attributes.type, key.attributes.bits):
            return PSA_ERROR_BUFFER_TOO_SMALL
        request.put(0, self.secret(key, alg, request.input(1)))
        return PSA_SUCCESS

    def _to_key(self, request: Request) -> int:
        """psa_key_agreement: an agreement, then an import of its secret."""
        if len(request.input(2)) != PSA_KEY_ATTRIBUTES_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        request.require_handle_room()
        attributes = KeyAttributes.decode(request.input(2))
        alg = request.iovec.alg
        if not PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(alg):
            return PSA_ERROR_NOT_SUPPORTED
        if attributes.type not in _SECRET_TYPES:
            return PSA_ERROR_INVALID_ARGUMENT
        secret = self.secret(self._find_key(request, alg), alg, request.input(1))
        self._keys.check_new(attributes)
        bits, material = key_formats.load(attributes, secret)
        # PSA Crypto 1.2 psa_key_agreement: a size in the attributes must be that of the secret.
        if attributes.bits not in (0, bits):
            return PSA_ERROR_INVALID_ARGUMENT
        request.put_handle(self._keys.add(request.client_id, replace(attributes, bits=bits), material))
        return PSA_SUCCESS

    def _find_key(self, request: Request, alg: int) -> Key:
        if not PSA_ALG_IS_KEY_AGREEMENT(alg):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        key = self._keys.get(request.client_id, request.iovec.key_id)
        check_policy(key.attributes, PSA_KEY_USAGE_DERIVE, alg)
        return key

    def secret(self, key: Key, alg: int, peer: bytes) -> bytes:
        """The shared secret by a standalone agreement.

        Mbed TLS psa_key_agreement_raw_internal: NOT_SUPPORTED for any other algorithm, INVALID_ARGUMENT for
        a key that is no pair of its kind and for a peer's key that is not one of the same group.
        """
        kind, bits = key.attributes.type, key.attributes.bits
        if not PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(alg) or not self._offer.alg(alg):
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        is_pair, agree = _AGREEMENTS[alg]
        if not is_pair(kind):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if key.driver is not None:
            return key.driver.key_agreement(key.driver_key, alg, peer)
        peer_type = PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(kind)
        _, public = key_formats.load(KeyAttributes(type=peer_type, bits=bits), peer)
        return agree(key.attributes, key.material, public)
