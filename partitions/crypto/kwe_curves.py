"""Curves of the Key Wrap Engine: their parameters as ST's Mbed TLS hands them over, scalars and digests."""

from typing import Final

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_SECP_K1,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
)
from ...interface.psa.status import (
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
)
from ...platform.pka import SECP256K1, SECP256R1, SECP384R1, CurveParameters
from .curves import SIZES, infer_bits
from .refusal import Refusal

_CURVES: Final[dict[tuple[int, int], CurveParameters]] = {
    (PSA_ECC_FAMILY_SECP_R1, 256): SECP256R1,
    (PSA_ECC_FAMILY_SECP_R1, 384): SECP384R1,
    (PSA_ECC_FAMILY_SECP_K1, 256): SECP256K1,
}
"""Curves whose private keys are whole blocks of AES, as the engine writes them; ST's driver takes others as
well, and overruns its buffer with them (HAL CCB_get_cipherkey_size). The model leaves out Brainpool's."""


def curve_of(key_type: int, bits: int) -> CurveParameters:
    """The parameters. INVALID_ARGUMENT for no curve, NOT_SUPPORTED for one that the engine does not take.

    STM32 KWE mbedtls_kwe_opaque_generate_key: INVALID_ARGUMENT where mbedtls_ecc_group_from_psa finds none.
    """
    family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
    curve = _CURVES.get((family, bits))
    if curve is None:
        known = bits in SIZES.get(family, ())
        raise Refusal(PSA_ERROR_NOT_SUPPORTED if known else PSA_ERROR_INVALID_ARGUMENT)
    return curve


def inferred_bits(attributes: KeyAttributes, data: bytes) -> int:
    """The size of a private key in the clear. GENERIC_ERROR for a length or a number that is none.

    Mbed TLS mbedtls_psa_ecp_load_representation, as `no_key` has it.
    """
    family = PSA_KEY_TYPE_ECC_GET_FAMILY(attributes.type)
    try:
        bits = infer_bits(family, attributes.bits, len(data), is_pair=True)
    except Refusal as refusal:
        raise no_key() from refusal
    if not 0 < int.from_bytes(data, "big") < int.from_bytes(curve_of(attributes.type, bits).order, "big"):
        raise no_key()
    return bits


def no_key() -> Refusal:
    """STM32 KWE mbedtls_kwe_opaque_import_key: GENERIC_ERROR for what is no key in the clear.

    A code of PSA's own goes through mbedtls_to_psa_error there, to which it is an unknown one of Mbed TLS's.
    """
    return Refusal(PSA_ERROR_GENERIC_ERROR)


def prepared_digest(digest: bytes, curve: CurveParameters) -> bytes:
    """STM32 KWE ecc_hal_prepare_digest: as long as the order, and below it."""
    size, order = len(curve.order), int.from_bytes(curve.order, "big")
    number = int.from_bytes(digest[:size], "big")
    return (number - order if number >= order else number).to_bytes(size, "big")
