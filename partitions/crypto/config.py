"""What a build of the crypto partition offers (TF-M's crypto config and profile)."""

from dataclasses import dataclass
from typing import Final

from ...interface.psa.crypto_values import (
    PSA_ALG_SHA_224,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
)

TFM_SP_CRYPTO: Final = 259
TFM_SP_INITIAL_ATTESTATION: Final = 261


@dataclass(frozen=True, slots=True)
class CryptoConfig:
    """Limits and algorithms; the defaults are TF-M's base configuration.

    ``concurrent_operations`` slots are shared by all clients; ``iovec_buffer_size`` is the scratch room in
    bytes for all vectors of a call but the first; ``deterministic_ecdsa`` takes the nonce of randomised ECDSA
    from RFC 6979, because one seed is one run and OpenSSL's own source of nonces has no seed.
    """

    hashes: frozenset[int] = frozenset({PSA_ALG_SHA_224, PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512})
    concurrent_operations: int = 8
    key_slots: int = 32
    iovec_buffer_size: int = 5120
    single_part_functions: bool = True
    mac_module: bool = True
    asym_sign_module: bool = True
    builtin_max_key_length: int = 48
    deterministic_ecdsa: bool = True
