"""What a build of the crypto partition offers (TF-M's crypto config and profile)."""

from dataclasses import dataclass
from typing import Final

from .drivers import DriverSpec, check_locations
from .wants import DEFAULT, Offer

TFM_SP_CRYPTO: Final = 259
TFM_SP_INITIAL_ATTESTATION: Final = 261
TFM_SP_DELEGATED_ATTESTATION: Final = 277


@dataclass(frozen=True, slots=True)
class CryptoConfig:
    """Limits, modules and algorithms; the limits are those of TF-M's base configuration.

    ``wants`` are the build options of the crypto library; by default everything the model has but legacy
    algorithms. The ``*_module`` switches are TF-M's CRYPTO_*_MODULE_ENABLED: a module left out answers
    PSA_ERROR_NOT_SUPPORTED, as an unknown group does. ``pake_module`` and ``extensions`` are ours: False is
    TF-M's service as it is, without PAKE and without the functions of the other groups from 0xF0 on.
    ``concurrent_operations`` slots are shared by all clients; ``iovec_buffer_size`` is the scratch room in
    bytes for all vectors of a call but the first; ``pbkdf2_max_iterations`` keeps one call from running for
    hours, which Mbed TLS's PSA_VENDOR_PBKDF2_MAX_ITERATIONS of 2^32 - 1 would allow: a larger cost is
    PSA_ERROR_NOT_SUPPORTED, an output whose blocks need more together PSA_ERROR_INSUFFICIENT_MEMORY;
    ``deterministic_ecdsa`` takes the secret numbers of randomised ECDSA from RFC 6979, as the library signs
    with them and quickly; else they come from the seeded source, and no two signatures are alike.
    ``delegated_attestation`` (TFM_PARTITION_DELEGATED_ATTESTATION) brings the builtin seed of its keys;
    ``builtin_key_usage`` has further rows (key id, client id, usage) of the builtin keys' policy table, such
    as those of TEST_NS_ATTESTATION; ``drivers`` are the opaque drivers, one a location.
    ``aead_lengths_after_nonce`` is Mbed TLS's rule for psa_aead_set_lengths, which may then follow the nonce;
    PSA Crypto 1.2 has it before the nonce alone.
    ``nv_seed`` is CRYPTO_NV_SEED: the entropy seed is an asset of trusted storage, renewed at each boot.
    ``ctr_short_iv`` fills a short IV of CTR with zeros, as PSA Crypto 1.2 has it; Mbed TLS refuses it, and
    Arm's suite wants the refusal.
    ``pake_max_id`` is the longest identity in bytes that J-PAKE takes; Arm's suite wants 18 to be too long.
    ``pake_foreign_step_is_harmless`` lets an exchange go on after a step that its algorithm does not have, as
    Arm's suite wants; PSA Crypto 1.2 has every error end in the error state.
    """

    wants: frozenset[str] = DEFAULT
    concurrent_operations: int = 8
    key_slots: int = 32
    iovec_buffer_size: int = 5120
    single_part_functions: bool = True
    key_module: bool = True
    hash_module: bool = True
    mac_module: bool = True
    cipher_module: bool = True
    aead_module: bool = True
    asym_sign_module: bool = True
    asym_encrypt_module: bool = True
    key_derivation_module: bool = True
    pake_module: bool = True
    extensions: bool = True
    builtin_max_key_length: int = 48
    nv_seed: bool = True
    delegated_attestation: bool = False
    builtin_key_usage: tuple[tuple[int, int, int], ...] = ()
    drivers: tuple[DriverSpec, ...] = ()
    pbkdf2_max_iterations: int = 4_000_000
    deterministic_ecdsa: bool = True
    aead_lengths_after_nonce: bool = False
    ctr_short_iv: bool = False
    pake_max_id: int = 16
    pake_foreign_step_is_harmless: bool = False

    def __post_init__(self) -> None:
        self.offer()
        check_locations(self.drivers)

    def offer(self) -> Offer:
        """What ``wants`` amounts to; raises ValueError for an unknown option."""
        return Offer(self.wants)
