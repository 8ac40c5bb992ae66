"""The initial attestation key in 2019: the platform gives it to the service, and that to the crypto service.

TF-M attestation_key.c, t_cose_psa_crypto.c and attestation_crypto_stub.c of April and May 2019.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ...interface.psa.crypto import psa_destroy_key, psa_import_key, psa_sign_hash
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_TYPE_RAW_DATA,
    PSA_KEY_USAGE_SIGN_HASH,
    PSA_KEY_USAGE_VERIFY_HASH,
)
from ...interface.tfm.cose_key import encode_cose_key
from ...platform.initial_attest_key import EccKey
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi
from .config import SignatureOf2019
from .crypto_hash import hash_in_steps
from .errors import AttestErr, AttestFailure, demand
from .iak import CoseAlgorithm, Iak

_ES256_ID: Final = -7
_ECDSA: Final = PSA_ALG_ECDSA(PSA_ALG_SHA_256)
_HASH_LENGTH: Final = 32
_SIGNATURE_LENGTH: Final = 64


class Iak2019(Iak):
    """P-256 alone, and a key id always."""

    def __init__(self, psa: PartitionApi, signature: SignatureOf2019) -> None:
        super().__init__(psa)
        self._hal = psa.hal
        self._signature = signature

    def algorithm(self) -> CoseAlgorithm:
        """ES256, whatever the key; ``length`` is what its signature takes in this build."""
        early = self._signature is SignatureOf2019.AS_CODED
        return CoseAlgorithm(_ES256_ID, _ECDSA, _HASH_LENGTH if early else _SIGNATURE_LENGTH)

    def instance_id(self) -> bytes:
        """The platform's UEID. Raises AttestFailure CLAIM_UNAVAILABLE."""
        try:
            return self._hal.tfm_plat_get_instance_id()
        except PlatError as error:
            raise AttestFailure(AttestErr.CLAIM_UNAVAILABLE) from error

    def key_id(self) -> bytes:
        """SHA-256 of the public key as a COSE_Key; the coordinates are the platform's."""
        key = self._platform_key()
        point = b"\x04" + key.pubx_key + key.puby_key
        return hash_in_steps(self._client, encode_cose_key(point), AttestErr.GENERAL)

    def sign(self, algorithm: CoseAlgorithm, to_be_signed: bytes) -> bytes:
        """The key is in the crypto service from just before to just after.

        TF-M t_cose_crypto_pub_key_sign, attest_register_initial_attestation_key: unlike there the key is
        destroyed also where the signature fails, else no further token could be signed.
        """
        digest = hash_in_steps(self._client, to_be_signed, AttestErr.GENERAL)
        with self._registered() as key_id:
            if self._signature is not SignatureOf2019.ES256:
                return (digest + digest)[: algorithm.length]
            status, signature = psa_sign_hash(self._client, key_id, _ECDSA, digest, algorithm.length)
            demand(status)
            return signature

    @contextmanager
    def _registered(self) -> Iterator[int]:
        """The private key in the crypto service; beside the stub the public key too, for nobody's use."""
        key = self._platform_key()
        keys = [self._import(*_private_key(key, self._signature))]
        try:
            if self._signature is not SignatureOf2019.ES256:
                attributes = KeyAttributes(type=PSA_KEY_TYPE_RAW_DATA, usage=PSA_KEY_USAGE_VERIFY_HASH)
                keys.append(self._import(attributes, key.pubx_key + key.puby_key))
            yield keys[0]
        finally:
            destroyed = [psa_destroy_key(self._client, key_id) for key_id in keys]
        for status in destroyed:
            demand(status)

    def _import(self, attributes: KeyAttributes, data: bytes) -> int:
        status, key_id = psa_import_key(self._client, attributes, data)
        demand(status)
        return key_id

    def _platform_key(self) -> EccKey:
        try:
            return self._hal.tfm_plat_get_initial_attest_key()
        except PlatError as error:
            raise AttestFailure(AttestErr.GENERAL) from error


def _private_key(key: EccKey, signature: SignatureOf2019) -> tuple[KeyAttributes, bytes]:
    """Raw data until the crypto service knew what an elliptic curve is."""
    if signature is SignatureOf2019.ES256:
        kind, alg = PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), _ECDSA
    else:
        kind, alg = PSA_KEY_TYPE_RAW_DATA, 0
    return KeyAttributes(type=kind, alg=alg, usage=PSA_KEY_USAGE_SIGN_HASH), key.priv_key
