"""Key policies: usage first, then algorithm; and what two of them have in common (PSA Crypto 1.2, 9.5)."""

from dataclasses import replace
from typing import Final

from ...interface.psa.crypto_sizes import PSA_MAC_LENGTH
from ...interface.psa.crypto_types import KeyAttributes, extend_usage
from ...interface.psa.crypto_values import (
    PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG,
    PSA_ALG_AEAD_GET_TAG_LENGTH,
    PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG,
    PSA_ALG_AEAD_WITH_SHORTENED_TAG,
    PSA_ALG_ANY_HASH,
    PSA_ALG_AT_LEAST_THIS_LENGTH_MAC,
    PSA_ALG_CCM,
    PSA_ALG_CCM_STAR_ANY_TAG,
    PSA_ALG_CCM_STAR_NO_TAG,
    PSA_ALG_FULL_LENGTH_MAC,
    PSA_ALG_HASH_MASK,
    PSA_ALG_IS_AEAD,
    PSA_ALG_IS_BLOCK_CIPHER_MAC,
    PSA_ALG_IS_HASH_AND_SIGN,
    PSA_ALG_IS_HMAC,
    PSA_ALG_IS_KEY_AGREEMENT,
    PSA_ALG_IS_MAC,
    PSA_ALG_IS_STANDALONE_KEY_AGREEMENT,
    PSA_ALG_IS_WILDCARD,
    PSA_ALG_KEY_AGREEMENT_GET_BASE,
    PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG,
    PSA_ALG_NONE,
    PSA_ALG_RSA_PKCS1V15_SIGN_RAW,
    PSA_ALG_SIGN_GET_HASH,
    PSA_ALG_TRUNCATED_MAC,
    PSA_BLOCK_CIPHER_BLOCK_LENGTH,
    PSA_KEY_TYPE_HMAC,
    PSA_MAC_TRUNCATED_LENGTH,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_PERMITTED
from .refusal import Refusal

_CCM_STAR: Final = frozenset(
    {
        PSA_ALG_CCM_STAR_NO_TAG,
        PSA_ALG_CCM,
        *(PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_CCM, length) for length in (4, 8, 16)),
    }
)
"""PSA Crypto 1.2 PSA_ALG_CCM_STAR_ANY_TAG: what that wildcard permits."""


def check_policy(attributes: KeyAttributes, usage: int, alg: int) -> None:
    """Refuse a use that the key's policy does not allow.

    A missing usage bit is NOT_PERMITTED, a requested wildcard or algorithm 0 INVALID_ARGUMENT, an algorithm
    that neither ``alg`` nor ``alg2`` covers NOT_PERMITTED (Mbed TLS psa_get_and_lock_key_slot_with_policy).
    """
    # PSA Crypto 1.2 key policies: the usage counts before the algorithm.
    if attributes.usage & usage != usage:
        raise Refusal(PSA_ERROR_NOT_PERMITTED)
    if alg == PSA_ALG_NONE or PSA_ALG_IS_WILDCARD(alg):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if not any(_permits(attributes.type, policy, alg) for policy in (attributes.alg, attributes.alg2)):
        raise Refusal(PSA_ERROR_NOT_PERMITTED)


def restrict_policy(attributes: KeyAttributes, source: KeyAttributes) -> KeyAttributes:
    """The attributes of a copy: usage and algorithms that they and the source's both allow.

    Mbed TLS psa_restrict_key_policy: ``alg`` and ``alg2`` apart; INVALID_ARGUMENT where both sides name an
    algorithm and have none in common, while PSA_ALG_NONE on one side gives PSA_ALG_NONE.
    """
    alg = _in_common(source.type, attributes.alg, source.alg)
    alg2 = _in_common(source.type, attributes.alg2, source.alg2)
    # PSA Crypto 1.2 psa_copy_key: both policies apply, and they must have an algorithm in common.
    for common, ours, theirs in ((alg, attributes.alg, source.alg), (alg2, attributes.alg2, source.alg2)):
        if common == PSA_ALG_NONE and PSA_ALG_NONE not in (ours, theirs):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    # PSA Crypto 1.2 psa_set_key_usage_flags: what is asked for includes what it implies.
    usage = extend_usage(attributes.usage) & source.usage
    return replace(attributes, usage=usage, alg=alg, alg2=alg2)


def _permits(key_type: int, policy_alg: int, alg: int) -> bool:
    """Mbed TLS psa_key_algorithm_permits, and what PSA Crypto 1.2 says otherwise."""
    if policy_alg == alg:
        return True
    if PSA_ALG_IS_HASH_AND_SIGN(alg) and PSA_ALG_SIGN_GET_HASH(policy_alg) == PSA_ALG_ANY_HASH:
        return _any_hash_permits(policy_alg, alg)
    if policy_alg == PSA_ALG_CCM_STAR_ANY_TAG:
        return alg in _CCM_STAR
    if PSA_ALG_IS_AEAD(policy_alg) and PSA_ALG_IS_AEAD(alg):
        return _aead_permits(policy_alg, alg)
    if PSA_ALG_IS_MAC(policy_alg) and PSA_ALG_IS_MAC(alg):
        return _mac_permits(key_type, policy_alg, alg)
    # PSA Crypto 1.2 permitted algorithms: a standalone key agreement permits any combination with it too.
    if PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(policy_alg) and PSA_ALG_IS_KEY_AGREEMENT(alg):
        return PSA_ALG_KEY_AGREEMENT_GET_BASE(alg) == policy_alg
    return False


def _any_hash_permits(policy_alg: int, alg: int) -> bool:
    """PSA Crypto 1.2 PSA_ALG_ANY_HASH: any hash of the scheme, or none for PKCS#1 v1.5; not ECDSA_ANY."""
    if policy_alg & ~PSA_ALG_HASH_MASK != alg & ~PSA_ALG_HASH_MASK:
        return False
    return PSA_ALG_SIGN_GET_HASH(alg) != PSA_ALG_NONE or alg == PSA_ALG_RSA_PKCS1V15_SIGN_RAW


def _same_aead(one: int, other: int) -> bool:
    return PSA_ALG_AEAD_WITH_SHORTENED_TAG(one, 0) == PSA_ALG_AEAD_WITH_SHORTENED_TAG(other, 0)


def _aead_permits(policy_alg: int, alg: int) -> bool:
    if not policy_alg & PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG or not _same_aead(policy_alg, alg):
        return False
    return PSA_ALG_AEAD_GET_TAG_LENGTH(alg) >= PSA_ALG_AEAD_GET_TAG_LENGTH(policy_alg)


def mac_key_can_do(alg: int, key_type: int) -> bool:
    """Mbed TLS psa_mac_key_can_do: a MAC has a length only with a key of its type."""
    if PSA_ALG_IS_HMAC(alg):
        return key_type == PSA_KEY_TYPE_HMAC
    return PSA_ALG_IS_BLOCK_CIPHER_MAC(alg) and PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type) > 1


def _mac_permits(key_type: int, policy_alg: int, alg: int) -> bool:
    full = PSA_ALG_FULL_LENGTH_MAC(alg)
    if PSA_ALG_FULL_LENGTH_MAC(policy_alg) != full or not mac_key_can_do(policy_alg, key_type):
        return False
    wanted = PSA_MAC_LENGTH(key_type, 0, alg)
    default = PSA_MAC_LENGTH(key_type, 0, full)
    # The default length and the explicit length that it stands for are the same policy.
    allowed = PSA_MAC_TRUNCATED_LENGTH(policy_alg) or default
    if policy_alg & PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG:
        return wanted >= allowed
    return wanted == allowed


def _in_common(key_type: int, one: int, other: int) -> int:
    """Mbed TLS psa_key_policy_algorithm_intersection: the policy that both contain, PSA_ALG_NONE for none.

    Of a wildcard and one of its members it is the member, of two least lengths the larger one. Beyond Mbed
    TLS, as PSA Crypto 1.2 psa_copy_key has it: a standalone key agreement and its combination with a
    derivation, and CCM* with any tag and one of its members.
    """
    if one == other:
        return one
    if PSA_ALG_IS_AEAD(one) and PSA_ALG_IS_AEAD(other) and _same_aead(one, other):
        flag = PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG
        if one & flag and other & flag:
            longest = max(PSA_ALG_AEAD_GET_TAG_LENGTH(one), PSA_ALG_AEAD_GET_TAG_LENGTH(other))
            return PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(one, longest)
    if PSA_ALG_IS_MAC(one) and PSA_ALG_IS_MAC(other):
        return _mac_in_common(key_type, one, other)
    for wide, narrow in ((one, other), (other, one)):
        if not PSA_ALG_IS_WILDCARD(narrow) and _permits(key_type, wide, narrow):
            return narrow
    return PSA_ALG_NONE


def _mac_in_common(key_type: int, one: int, other: int) -> int:
    flag = PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG
    same = PSA_ALG_FULL_LENGTH_MAC(one) == PSA_ALG_FULL_LENGTH_MAC(other)
    if not same or not mac_key_can_do(one, key_type):
        return PSA_ALG_NONE
    lengths = PSA_MAC_LENGTH(key_type, 0, one), PSA_MAC_LENGTH(key_type, 0, other)
    if one & flag and other & flag:
        return PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(one, max(lengths))
    if one & flag:
        return other if lengths[0] <= lengths[1] else PSA_ALG_NONE
    if other & flag:
        return one if lengths[1] <= lengths[0] else PSA_ALG_NONE
    # The explicit length is the answer for a default length that is equal to it.
    return PSA_ALG_TRUNCATED_MAC(one, lengths[0]) if lengths[0] == lengths[1] else PSA_ALG_NONE
