"""The attestation key of an STM32 with a CCB: a device authentication key (DUA) that stays wrapped.

Steps and calls are those of ST's example Initial_Attestation_KWE: the blob is imported at the location of the
Key Wrap Engine under the id that ST keeps for it, the token is hashed by psa_hash_compute, and the hash is
signed by psa_sign_hash. Unlike there, the key stays in storage: who finds it there need not import it again.
"""

from collections.abc import Callable
from typing import Final

from ...interface.psa.client import PsaClient
from ...interface.psa.crypto import psa_hash_compute, psa_import_key, psa_sign_hash
from ...interface.psa.crypto_sizes import PSA_HASH_LENGTH
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION,
    PSA_KEY_PERSISTENCE_DEFAULT,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_USAGE_SIGN_HASH,
)
from ...interface.psa.status import PSA_ERROR_ALREADY_EXISTS
from ...interface.stm32.dua_certificate import CertId
from ...interface.stm32.key_wrap_engine import (
    PSA_CRYPTO_KWE_DRIVER_LOCATION,
    PSA_KWE_ECC_KEY_DUA_USER_BITS,
    PSA_KWE_ECC_KEY_ID_DUA_USER_FU,
    PSA_KWE_ECC_KEY_ID_DUA_USER_LU,
)
from ...platform.plat_err import PlatError
from .config import AttestationConfig, TokenVariant
from .errors import AttestErr, AttestFailure, demand
from .iak import AsymmetricIak, CoseAlgorithm

KEY_ID: Final = {
    CertId.DUA_USER_FU: PSA_KWE_ECC_KEY_ID_DUA_USER_FU,
    CertId.DUA_USER_LU: PSA_KWE_ECC_KEY_ID_DUA_USER_LU,
}
LIFETIME: Final = PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(
    PSA_KEY_PERSISTENCE_DEFAULT, PSA_CRYPTO_KWE_DRIVER_LOCATION
)


def wrapped_key_problem(config: AttestationConfig, *, engine: bool, its: bool) -> str | None:
    """What a build with a wrapped attestation key lacks; None where it is whole, or has no such key."""
    if config.wrapped_dua_key is None:
        return None
    if not engine or not its:
        return "a wrapped attestation key without its or the engine; legal: with_key_wrap_engine, its"
    if config.symmetric or config.variant is TokenVariant.TFM_2019:
        return "a wrapped attestation key, symmetric or of 2019; legal: ECDSA of another variant"
    return None


class WrappedDua(AsymmetricIak):
    """ES256 by a wrapped key. ``fetch_blob`` is the platform's function for what RSSe-KW exported."""

    def __init__(
        self,
        client: PsaClient,
        variant: TokenVariant,
        fetch_blob: Callable[[int], bytes],
        certificate: CertId,
    ) -> None:
        super().__init__(client, variant)
        self._key = KEY_ID[certificate]
        self._fetch_blob = fetch_blob
        self._certificate = certificate

    def _find_algorithm(self) -> CoseAlgorithm:
        self._import_blob()
        return super()._find_algorithm()

    def _import_blob(self) -> None:
        try:
            blob = self._fetch_blob(self._certificate)
        except PlatError as error:
            raise AttestFailure(AttestErr.GENERAL) from error
        asked = KeyAttributes(
            type=PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
            bits=PSA_KWE_ECC_KEY_DUA_USER_BITS,
            lifetime=LIFETIME,
            usage=PSA_KEY_USAGE_SIGN_HASH,
            alg=PSA_ALG_ECDSA(PSA_ALG_SHA_256),
            id=self._key,
        )
        status, _ = psa_import_key(self._client, asked, blob)
        if status != PSA_ERROR_ALREADY_EXISTS:
            demand(status)

    def sign(self, algorithm: CoseAlgorithm, to_be_signed: bytes) -> bytes:
        room = PSA_HASH_LENGTH(PSA_ALG_SHA_256)
        status, digest = psa_hash_compute(self._client, PSA_ALG_SHA_256, to_be_signed, room)
        demand(status)
        status, signature = psa_sign_hash(
            self._client, self._key, algorithm.psa_alg, digest, algorithm.length
        )
        demand(status)
        return signature
