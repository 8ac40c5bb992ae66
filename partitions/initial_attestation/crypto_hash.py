"""A hash by the crypto service, step by step."""

from ...interface.psa.client import PsaClient
from ...interface.psa.crypto import psa_hash_finish, psa_hash_setup, psa_hash_update
from ...interface.psa.crypto_sizes import PSA_HASH_LENGTH
from ...interface.psa.crypto_types import psa_hash_operation_t
from ...interface.psa.crypto_values import PSA_ALG_SHA_256
from .errors import AttestErr, demand


def hash_in_steps(
    client: PsaClient, data: bytes, error: AttestErr, algorithm: int = PSA_ALG_SHA_256
) -> bytes:
    """The digest of ``data``; TF-M's small profile has no hash of one call.

    Raises AttestFailure with ``error`` where the crypto service refuses.
    """
    operation = psa_hash_operation_t()
    demand(psa_hash_setup(client, operation, algorithm), error)
    demand(psa_hash_update(client, operation, data), error)
    status, digest = psa_hash_finish(client, operation, PSA_HASH_LENGTH(algorithm))
    demand(status, error)
    return digest
