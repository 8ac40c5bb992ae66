"""What kind of initial attestation key a device has."""

from enum import IntEnum

from ..interface.psa.crypto_values import (
    PSA_ALG_HMAC,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ECC_FAMILY_SECP_R1,
)


class IakType(IntEnum):
    """What the IAK_TYPE field holds: a psa_ecc_family_t, or for a symmetric key a psa_algorithm_t."""

    SECP_R1 = PSA_ECC_FAMILY_SECP_R1
    HMAC = PSA_ALG_HMAC(PSA_ALG_SHA_256)
    HMAC_384 = PSA_ALG_HMAC(PSA_ALG_SHA_384)
    HMAC_512 = PSA_ALG_HMAC(PSA_ALG_SHA_512)

    @property
    def is_symmetric(self) -> bool:
        return self is not IakType.SECP_R1
