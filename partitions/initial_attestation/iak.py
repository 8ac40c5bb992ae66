"""The initial attestation key, reached through the crypto service alone (TF-M attest_*_key, t_cose).

Asymmetric and symmetric builds differ in how they sign, in the instance id and in the key id.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...interface.psa.client import PsaClient
from ...interface.psa.crypto import (
    psa_export_key,
    psa_export_public_key,
    psa_get_key_attributes,
    psa_hash_compute,
    psa_mac_sign_finish,
    psa_mac_sign_setup,
    psa_mac_update,
    psa_sign_message,
)
from ...interface.psa.crypto_sizes import (
    PSA_HASH_LENGTH,
    PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE,
    PSA_MAC_MAX_SIZE,
)
from ...interface.psa.crypto_types import KeyAttributes, psa_mac_operation_t
from ...interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_HMAC,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_HMAC,
)
from ...interface.tfm.cose_key import encode_cose_key
from ...interface.tfm.crypto import TFM_BUILTIN_KEY_ID_IAK
from .config import TokenVariant
from .crypto_hash import hash_in_steps
from .errors import AttestErr, AttestFailure, demand

UEID_TYPE_RAND: Final = b"\x01"
"""First byte of the instance id."""


@dataclass(frozen=True, slots=True)
class CoseAlgorithm:
    """A COSE algorithm of attestation: its number, the PSA one, and the signature or tag length in bytes."""

    cose_id: int
    psa_alg: int
    length: int


# TF-M attest_get_t_cose_algorithm: chosen by the key's bits.
_ECDSA: Final = {
    256: CoseAlgorithm(-7, PSA_ALG_ECDSA(PSA_ALG_SHA_256), 64),
    384: CoseAlgorithm(-35, PSA_ALG_ECDSA(PSA_ALG_SHA_384), 96),
    521: CoseAlgorithm(-36, PSA_ALG_ECDSA(PSA_ALG_SHA_512), 132),
}
ES256: Final = _ECDSA[256]
_HMAC: Final = {
    256: CoseAlgorithm(5, PSA_ALG_HMAC(PSA_ALG_SHA_256), 32),
    384: CoseAlgorithm(6, PSA_ALG_HMAC(PSA_ALG_SHA_384), 48),
    512: CoseAlgorithm(7, PSA_ALG_HMAC(PSA_ALG_SHA_512), 64),
}
HMAC256: Final = _HMAC[256]


class Iak(ABC):
    """What a token needs of the key."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    @abstractmethod
    def algorithm(self) -> CoseAlgorithm:
        """How it signs. Raises AttestFailure GENERAL for a key that cannot sign a token."""

    @abstractmethod
    def instance_id(self) -> bytes:
        """The claim: 33 bytes. Raises AttestFailure CLAIM_UNAVAILABLE."""

    @abstractmethod
    def key_id(self) -> bytes:
        """The COSE key id; empty where there is none."""

    @abstractmethod
    def sign(self, algorithm: CoseAlgorithm, to_be_signed: bytes) -> bytes:
        """Signature or tag over the COSE structure."""


class BuiltinIak(Iak):
    """The crypto service's builtin key; all but the signature is asked for once, as the key is fixed."""

    _key = TFM_BUILTIN_KEY_ID_IAK

    def __init__(self, client: PsaClient) -> None:
        super().__init__(client)
        self._instance_id = b""
        self._algorithm: CoseAlgorithm | None = None

    def algorithm(self) -> CoseAlgorithm:
        """By the attributes of the key. Raises AttestFailure GENERAL for a key that cannot sign a token."""
        if self._algorithm is None:
            self._algorithm = self._find_algorithm()
        return self._algorithm

    def _find_algorithm(self) -> CoseAlgorithm:
        status, attributes = psa_get_key_attributes(self._client, self._key)
        demand(status)
        algorithm = self._algorithm_of(attributes)
        if algorithm is None:
            raise AttestFailure(AttestErr.GENERAL)
        return algorithm

    def instance_id(self) -> bytes:
        """The claim: 33 bytes. Raises AttestFailure CLAIM_UNAVAILABLE."""
        if not self._instance_id:
            self._instance_id = UEID_TYPE_RAND + self._key_hash()
        return self._instance_id

    @abstractmethod
    def _algorithm_of(self, attributes: KeyAttributes) -> CoseAlgorithm | None:
        """None for a key that this kind of build cannot sign with."""

    @abstractmethod
    def _key_hash(self) -> bytes: ...


class AsymmetricIak(BuiltinIak):
    """ECDSA: COSE_Sign1."""

    def __init__(self, client: PsaClient, variant: TokenVariant, *, p_521_refused: bool = False) -> None:
        super().__init__(client)
        self._variant = variant
        self._p_521_refused = p_521_refused
        self._cose_key_hash = b""

    def _algorithm_of(self, attributes: KeyAttributes) -> CoseAlgorithm | None:
        if PSA_KEY_TYPE_ECC_GET_FAMILY(attributes.type) != PSA_ECC_FAMILY_SECP_R1:
            return None
        # TF-M attest_get_t_cose_algorithm: it looks for 512 bits, which no curve has.
        return None if self._p_521_refused and attributes.bits == 521 else _ECDSA.get(attributes.bits)

    def _public_key(self) -> bytes:
        """The uncompressed point: 04, X, Y."""
        room = PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(521)
        status, point = psa_export_public_key(self._client, self._key, room)
        demand(status, AttestErr.CLAIM_UNAVAILABLE)
        return point

    def _hash(self, data: bytes) -> bytes:
        room = PSA_HASH_LENGTH(PSA_ALG_SHA_256)
        status, digest = psa_hash_compute(self._client, PSA_ALG_SHA_256, data, room)
        demand(status, AttestErr.CLAIM_UNAVAILABLE)
        return digest

    def _key_hash(self) -> bytes:
        # TF-M attest_get_instance_id: 2.1 hashes the point as exported, 2.2 the key's COSE_Key.
        if self._variant.before_2_2:
            return self._hash(self._public_key())
        return self.key_id()

    def key_id(self) -> bytes:
        """SHA-256 of the public key as a COSE_Key."""
        if not self._cose_key_hash:
            self._cose_key_hash = self._hash(encode_cose_key(self._public_key()))
        return self._cose_key_hash

    def sign(self, algorithm: CoseAlgorithm, to_be_signed: bytes) -> bytes:
        # SIGN_HASH in the key's policy implies SIGN_MESSAGE: one call hashes and signs.
        status, signature = psa_sign_message(
            self._client, self._key, algorithm.psa_alg, to_be_signed, algorithm.length
        )
        demand(status)
        return signature


class SymmetricIak(BuiltinIak):
    """HMAC: COSE_Mac0. ``fetch_key_id`` is the platform's function for the key's name."""

    def __init__(self, client: PsaClient, fetch_key_id: Callable[[], bytes]) -> None:
        super().__init__(client)
        self._fetch_key_id = fetch_key_id
        self._key_id = b""

    def _algorithm_of(self, attributes: KeyAttributes) -> CoseAlgorithm | None:
        return _HMAC.get(attributes.bits) if attributes.type == PSA_KEY_TYPE_HMAC else None

    def _key_hash(self) -> bytes:
        """SHA-256 twice over the key, so that the key's plain hash stays secret."""
        status, key = psa_export_key(self._client, TFM_BUILTIN_KEY_ID_IAK, PSA_MAC_MAX_SIZE)
        demand(status, AttestErr.CLAIM_UNAVAILABLE)
        return self._hash(self._hash(key))

    def _hash(self, data: bytes) -> bytes:
        return hash_in_steps(self._client, data, AttestErr.CLAIM_UNAVAILABLE)

    def key_id(self) -> bytes:
        """The name that was provisioned with the key."""
        if not self._key_id:
            self._key_id = self._fetch_key_id()
        return self._key_id

    def sign(self, algorithm: CoseAlgorithm, to_be_signed: bytes) -> bytes:
        operation = psa_mac_operation_t()
        demand(psa_mac_sign_setup(self._client, operation, TFM_BUILTIN_KEY_ID_IAK, algorithm.psa_alg))
        demand(psa_mac_update(self._client, operation, to_be_signed))
        status, tag = psa_mac_sign_finish(self._client, operation, algorithm.length)
        demand(status)
        return tag
