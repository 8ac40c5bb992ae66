"""Key policies: usage first, then algorithm (PSA Crypto 1.2; Mbed TLS psa_key_policy_permits)."""

from ...interface.psa.crypto_sizes import PSA_MAC_LENGTH
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_ANY_HASH,
    PSA_ALG_ECDSA_ANY,
    PSA_ALG_FULL_LENGTH_MAC,
    PSA_ALG_HASH_MASK,
    PSA_ALG_IS_HASH_AND_SIGN,
    PSA_ALG_IS_MAC,
    PSA_ALG_IS_WILDCARD,
    PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG,
    PSA_ALG_SIGN_GET_HASH,
    PSA_MAC_TRUNCATED_LENGTH,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_PERMITTED
from .refusal import Refusal


def check_policy(attributes: KeyAttributes, usage: int, alg: int) -> None:
    """Refuse a use that the key's policy does not allow.

    A missing usage bit is NOT_PERMITTED, a requested wildcard or algorithm 0 INVALID_ARGUMENT, an algorithm
    that neither ``alg`` nor ``alg2`` covers NOT_PERMITTED.
    """
    if attributes.usage & usage != usage:
        raise Refusal(PSA_ERROR_NOT_PERMITTED)
    if alg == 0 or PSA_ALG_IS_WILDCARD(alg):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if not any(_permits(attributes.type, policy, alg) for policy in (attributes.alg, attributes.alg2)):
        raise Refusal(PSA_ERROR_NOT_PERMITTED)


def _permits(key_type: int, policy_alg: int, alg: int) -> bool:
    if policy_alg == alg:
        return True
    if PSA_ALG_IS_HASH_AND_SIGN(alg) and PSA_ALG_SIGN_GET_HASH(policy_alg) == PSA_ALG_ANY_HASH:
        # PSA Crypto 1.2, PSA_ALG_ANY_HASH: any hash of the scheme, but not ECDSA over any digest.
        same_scheme = policy_alg & ~PSA_ALG_HASH_MASK == alg & ~PSA_ALG_HASH_MASK
        return same_scheme and alg != PSA_ALG_ECDSA_ANY
    if PSA_ALG_IS_MAC(policy_alg) and PSA_ALG_IS_MAC(alg):
        return _mac_permits(key_type, policy_alg, alg)
    return False


def _mac_permits(key_type: int, policy_alg: int, alg: int) -> bool:
    full = PSA_ALG_FULL_LENGTH_MAC(alg)
    if PSA_ALG_FULL_LENGTH_MAC(policy_alg) != full:
        return False
    wanted = PSA_MAC_LENGTH(key_type, 0, alg)
    default = PSA_MAC_LENGTH(key_type, 0, full)
    allowed = PSA_MAC_TRUNCATED_LENGTH(policy_alg)
    if policy_alg & PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG:
        return wanted >= allowed
    return wanted == (allowed or default)
