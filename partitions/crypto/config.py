"""What a build of the crypto partition offers (TF-M's crypto config and profile)."""

from dataclasses import dataclass
from typing import Final

from ...interface.psa.crypto_values import PSA_KEY_LIFETIME_GET_LOCATION
from ...interface.tfm.crypto import TFM_BUILTIN_KEY_LOADER_LIFETIME
from .drivers import DriverSpec, check_locations
from .wants import DEFAULT, Offer

TFM_SP_CRYPTO: Final = 259
TFM_SP_INITIAL_ATTESTATION: Final = 261
TFM_SP_DELEGATED_ATTESTATION: Final = 277


@dataclass(frozen=True, slots=True)
class CryptoConfig:
    """Limits, modules and algorithms; the limits are those of TF-M's base configuration.

    The ``*_module`` switches are TF-M's CRYPTO_*_MODULE_ENABLED: a module left out answers
    PSA_ERROR_NOT_SUPPORTED, as an unknown group does.
    """

    wants: frozenset[str] = DEFAULT
    """Build options of the crypto library; by default everything the model has but legacy algorithms."""

    concurrent_operations: int = 8
    """CRYPTO_CONC_OPER_NUM: multi-part operations of all clients together."""
    key_slots: int = 32
    """MBEDTLS_PSA_KEY_SLOT_COUNT: keys in RAM of all clients together."""
    iovec_buffer_size: int = 5120
    """CRYPTO_IOVEC_BUFFER_SIZE: scratch room in bytes for all vectors of a call but the first."""

    single_part_functions: bool = True
    """CRYPTO_SINGLE_PART_FUNCS_DISABLED, the other way round: hash, MAC, cipher and AEAD in one call."""
    open_close_key: bool = False
    """psa_open_key and psa_close_key, as in TF-M up to 1.3 and in ST's port of it. TF-M's service has given
    them up since (TFM_CRYPTO_ABANDONED_OPEN_KEY) and answers PSA_ERROR_NOT_SUPPORTED."""
    key_module: bool = True
    hash_module: bool = True
    mac_module: bool = True
    cipher_module: bool = True
    aead_module: bool = True
    asym_sign_module: bool = True
    asym_encrypt_module: bool = True
    key_derivation_module: bool = True
    pake_module: bool = True
    """The PAKE extension, which TF-M's service does not have."""
    extensions: bool = True
    """Functions of the other groups that TF-M's service does not have, from function id 0xF000 on."""

    builtin_max_key_length: int = 48
    """TFM_BUILTIN_MAX_KEY_LEN, in bytes: a longer builtin key is passed over."""
    builtin_key_location: int = PSA_KEY_LIFETIME_GET_LOCATION(TFM_BUILTIN_KEY_LOADER_LIFETIME)
    """TFM_BUILTIN_KEY_LOADER_KEY_LOCATION, 0x800001. ST's Key Wrap Engine has the same: a build with it moves
    the loader. Only the lifetime in a builtin key's attributes tells of it."""
    delegated_attestation: bool = False
    """TFM_PARTITION_DELEGATED_ATTESTATION: there is a builtin seed of its keys."""
    dak_seed_in_kmu: bool = False
    """Arm RSE's crypto_keys.c: that seed is what BL1 left in the KMU. Else it is derived from the HUK, for
    TF-M has no dummy seed and no other platform one of its own."""
    builtin_key_usage: tuple[tuple[int, int, int], ...] = ()
    """Further rows (key id, client id, usage) of the builtin keys' policy table: TEST_NS_ATTESTATION's."""
    drivers: tuple[DriverSpec, ...] = ()
    """The opaque drivers, one a location."""
    nv_seed: bool = True
    """CRYPTO_NV_SEED: the entropy seed is an asset of trusted storage, renewed at each boot."""

    operations_outlive_keys: bool = False
    """A multi-part operation goes on when its key is destroyed, for Mbed TLS has copied it; in PSA Crypto 1.2
    it fails."""

    pbkdf2_max_iterations: int = 4_000_000
    """Keeps a call from running for hours; PSA_VENDOR_PBKDF2_MAX_ITERATIONS of Mbed TLS is 2^32 - 1. A larger
    cost is PSA_ERROR_NOT_SUPPORTED, an output of so many blocks PSA_ERROR_INSUFFICIENT_MEMORY."""
    deterministic_ecdsa: bool = True
    """Randomised ECDSA takes its secret numbers from RFC 6979, as the library signs with them and quickly;
    else they come from the seeded source, and no two signatures are alike."""
    aead_lengths_after_nonce: bool = False
    """Mbed TLS psa_aead_set_lengths may follow the nonce; PSA Crypto 1.2 has it before the nonce alone."""
    ctr_short_iv: bool = False
    """A short IV of CTR is filled with zeros, as PSA Crypto 1.2 has it. Mbed TLS refuses it, as
    Arm's suite wants."""
    pake_max_id: int = 16
    """The longest identity in bytes that J-PAKE takes; Arm's suite wants 18 to be too long."""
    pake_foreign_step_is_harmless: bool = False
    """An exchange goes on after a step that its algorithm does not have, as Arm's suite wants; in PSA Crypto
    1.2 every error is the error state."""

    def __post_init__(self) -> None:
        for name in ("concurrent_operations", "key_slots"):
            if getattr(self, name) < 1:
                raise ValueError(f"CryptoConfig: {name} {getattr(self, name)}; legal: 1 and up")
        if self.iovec_buffer_size < 0:
            raise ValueError(f"CryptoConfig: iovec_buffer_size {self.iovec_buffer_size}; legal: 0 and up")
        self.offer()
        check_locations(self.drivers, self.builtin_key_location)

    def offer(self) -> Offer:
        """What ``wants`` amounts to; raises ValueError for an unknown option."""
        return Offer(self.wants)
