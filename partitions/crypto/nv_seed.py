"""The entropy seed that outlives a reset (TF-M crypto_nv_seed.c, Mbed TLS mbedtls_entropy_update_nv_seed)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.client import PSA_VERSION_NONE, PsaClient
from ...interface.psa.internal_trusted_storage import psa_its_get, psa_its_set
from ...interface.psa.status import PSA_ERROR_GENERIC_ERROR, PSA_ERROR_INSUFFICIENT_ENTROPY, PSA_SUCCESS
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_NONE
from ...interface.tfm.services import TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID
from .drbg import HmacDrbg
from .refusal import Refusal

NV_SEED_FILE_ID: Final = 9
NV_SEED_SIZE: Final = 64

Random = Callable[[int], bytes]


def seeded_random(psa: PsaClient, source: Random, *, nv_seed: bool) -> Random:
    """The service's random source for this boot.

    With ``nv_seed`` (CRYPTO_NV_SEED) it is a generator over the seed in internal trusted storage and over
    ``source``; the seed is replaced before anything is drawn, so that no boot repeats another's bytes, and
    two devices of one seed and one history draw the same. The first boot's seed is ``source``'s, for TF-M
    takes it from the ENTROPY_SEED in OTP. A build without storage draws from ``source`` alone.

    Raises Refusal where the seed cannot be kept: GENERIC_ERROR at the first boot (TF-M
    tfm_crypto_engine_init), INSUFFICIENT_ENTROPY later (Mbed TLS psa_crypto_init).
    """
    if not nv_seed or psa.psa_version(TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID) == PSA_VERSION_NONE:
        return source
    status, seed = psa_its_get(psa, NV_SEED_FILE_ID, 0, NV_SEED_SIZE)
    if status != PSA_SUCCESS or len(seed) != NV_SEED_SIZE:
        seed = source(NV_SEED_SIZE)
        _keep(psa, seed, PSA_ERROR_GENERIC_ERROR)
    generator = HmacDrbg(seed + source(NV_SEED_SIZE))
    _keep(psa, generator.generate(NV_SEED_SIZE), PSA_ERROR_INSUFFICIENT_ENTROPY)
    return generator.generate


def _keep(psa: PsaClient, seed: bytes, failure: int) -> None:
    if psa_its_set(psa, NV_SEED_FILE_ID, seed, PSA_STORAGE_FLAG_NONE) != PSA_SUCCESS:
        raise Refusal(failure)
