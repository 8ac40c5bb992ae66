"""PSA Crypto API 1.2 PAKE Extension: sizes of what the parties send each other, in bytes."""

from typing import Final

from .crypto_algorithms import PSA_ALG_SPAKE2P_MATTER
from .crypto_digest_sizes import PSA_HASH_LENGTH
from .crypto_key_sizes import PSA_BITS_TO_BYTES, PSA_VENDOR_ECC_MAX_CURVE_BITS
from .crypto_key_types import PSA_ECC_FAMILY_IS_WEIERSTRASS
from .crypto_pake import (
    PSA_ALG_IS_JPAKE,
    PSA_ALG_IS_SPAKE2P,
    PSA_ALG_IS_SPAKE2P_CMAC,
    PSA_PAKE_PRIMITIVE_GET_BITS,
    PSA_PAKE_PRIMITIVE_GET_FAMILY,
    PSA_PAKE_PRIMITIVE_GET_TYPE,
    PSA_PAKE_PRIMITIVE_TYPE_ECC,
    PSA_PAKE_STEP_CONFIRM,
    PSA_PAKE_STEP_KEY_SHARE,
    PSA_PAKE_STEP_ZK_PROOF,
    PSA_PAKE_STEP_ZK_PUBLIC,
)

_CMAC_LENGTH: Final = 16


def PSA_PAKE_OUTPUT_SIZE(alg: int, primitive: int, output_step: int) -> int:
    """Room for one step of J-PAKE or SPAKE2+ on a Weierstrass curve; 0 for what is not known here."""
    family = PSA_PAKE_PRIMITIVE_GET_FAMILY(primitive)
    if PSA_PAKE_PRIMITIVE_GET_TYPE(primitive) != PSA_PAKE_PRIMITIVE_TYPE_ECC:
        return 0
    if not PSA_ECC_FAMILY_IS_WEIERSTRASS(family):
        return 0
    scalar = PSA_BITS_TO_BYTES(PSA_PAKE_PRIMITIVE_GET_BITS(primitive))
    point = 2 * scalar + 1
    if PSA_ALG_IS_JPAKE(alg):
        steps = {
            PSA_PAKE_STEP_KEY_SHARE: point,
            PSA_PAKE_STEP_ZK_PUBLIC: point,
            PSA_PAKE_STEP_ZK_PROOF: scalar,
        }
        return steps.get(output_step, 0)
    if PSA_ALG_IS_SPAKE2P(alg):
        steps = {PSA_PAKE_STEP_KEY_SHARE: point, PSA_PAKE_STEP_CONFIRM: _confirmation(alg)}
        return steps.get(output_step, 0)
    return 0


def _confirmation(alg: int) -> int:
    if alg != PSA_ALG_SPAKE2P_MATTER and PSA_ALG_IS_SPAKE2P_CMAC(alg):
        return _CMAC_LENGTH
    return PSA_HASH_LENGTH(alg)


def PSA_PAKE_INPUT_SIZE(alg: int, primitive: int, input_step: int) -> int:
    """What the other side sends in one step; the same as PSA_PAKE_OUTPUT_SIZE."""
    return PSA_PAKE_OUTPUT_SIZE(alg, primitive, input_step)


PSA_PAKE_OUTPUT_MAX_SIZE: Final = 1 + 2 * ((PSA_VENDOR_ECC_MAX_CURVE_BITS + 7) // 8)
PSA_PAKE_INPUT_MAX_SIZE: Final = PSA_PAKE_OUTPUT_MAX_SIZE
