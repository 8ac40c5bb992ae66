"""Keys that the platform brings (TF-M tfm_builtin_key_loader and the platform's crypto_keys template)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...interface.psa.crypto_sizes import PSA_BYTES_TO_BITS
from ...interface.psa.crypto_types import KeyAttributes, extend_usage
from ...interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_HKDF,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION,
    PSA_KEY_LIFETIME_GET_PERSISTENCE,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_USAGE_DERIVE,
    PSA_KEY_USAGE_EXPORT,
    PSA_KEY_USAGE_SIGN_HASH,
)
from ...interface.tfm.crypto import (
    TFM_BUILTIN_KEY_ID_DAK_SEED,
    TFM_BUILTIN_KEY_ID_HUK,
    TFM_BUILTIN_KEY_ID_IAK,
    TFM_BUILTIN_KEY_ID_MAX,
    TFM_BUILTIN_KEY_ID_MIN,
    TFM_BUILTIN_KEY_LOADER_LIFETIME,
)
from ...platform.hal import PlatformHal
from ...platform.plat_err import PlatError
from .config import (
    TFM_SP_CRYPTO,
    TFM_SP_DELEGATED_ATTESTATION,
    TFM_SP_INITIAL_ATTESTATION,
    CryptoConfig,
)
from .material import Material

_HASH_FOR_BITS: Final = {384: PSA_ALG_SHA_384, 521: PSA_ALG_SHA_512}
_DAK_SEED_LENGTH: Final = 32


def is_builtin(key_id: int) -> bool:
    """An id of the range that TF-M has for builtin keys."""
    return TFM_BUILTIN_KEY_ID_MIN <= key_id <= TFM_BUILTIN_KEY_ID_MAX


@dataclass(frozen=True, slots=True)
class BuiltinKey:
    """A loaded key. ``usage_by_client`` names who may do what; everybody else gets ``usage``."""

    attributes: KeyAttributes
    material: Material
    usage: int = 0
    usage_by_client: Mapping[int, int] = field(default_factory=dict)


class BuiltinKeys:
    """The platform's keys, loaded once when the service starts.

    Any client can name them; what it may do is decided by a policy per key and client.
    """

    def __init__(self, hal: PlatformHal, config: CryptoConfig) -> None:
        loaders = {TFM_BUILTIN_KEY_ID_HUK: _load_huk, TFM_BUILTIN_KEY_ID_IAK: _load_iak}
        if config.delegated_attestation:
            in_kmu = config.dak_seed_in_kmu
            loaders[TFM_BUILTIN_KEY_ID_DAK_SEED] = _load_dak_seed if in_kmu else _derive_dak_seed
        self._keys: dict[int, BuiltinKey] = {}
        for key_id, loader in loaders.items():
            try:
                key = loader(hal)
            except PlatError:
                # TF-M tfm_builtin_key_loader_init: a key that the platform cannot give is passed over.
                continue
            if len(key.material.data) <= config.builtin_max_key_length:
                self._keys[key_id] = _with_rows(_placed(key, config), key_id, config.builtin_key_usage)

    def view(self, client: int, key_id: int) -> tuple[KeyAttributes, Material] | None:
        """A key as ``client`` gets it; None for an id without a key."""
        key = self._keys.get(key_id)
        if key is None:
            return None
        usage = extend_usage(key.usage_by_client.get(client, key.usage))
        material = key.material
        # TF-M tfm_builtin_key_loader_get_builtin_key: of a key for derivation each client but the crypto
        # partition gets a sub-key of its own.
        if usage & PSA_KEY_USAGE_DERIVE and client != TFM_SP_CRYPTO:
            material = Material(_subkey(material.data, client))
        return replace(key.attributes, usage=usage, id=key_id), material


def _placed(key: BuiltinKey, config: CryptoConfig) -> BuiltinKey:
    """The key with the lifetime of the loader where this build has it."""
    persistence = PSA_KEY_LIFETIME_GET_PERSISTENCE(key.attributes.lifetime)
    lifetime = PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(persistence, config.builtin_key_location)
    return replace(key, attributes=replace(key.attributes, lifetime=lifetime))


def _with_rows(key: BuiltinKey, key_id: int, rows: tuple[tuple[int, int, int], ...]) -> BuiltinKey:
    """The key with the build's own rows (key id, client id, usage) of the policy table."""
    own = {client: usage for row_id, client, usage in rows if row_id == key_id}
    return replace(key, usage_by_client={**key.usage_by_client, **own})


def _subkey(secret: bytes, client: int) -> bytes:
    """HKDF-SHA-256 without salt, the client id (i32, little endian) as info, as long as the key itself."""
    info = client.to_bytes(4, "little", signed=True)
    return HKDF(hashes.SHA256(), len(secret), salt=None, info=info).derive(secret)


def _derivation_key(data: bytes) -> tuple[KeyAttributes, Material]:
    attributes = KeyAttributes(
        type=PSA_KEY_TYPE_DERIVE,
        bits=PSA_BYTES_TO_BITS(len(data)),
        lifetime=TFM_BUILTIN_KEY_LOADER_LIFETIME,
        alg=PSA_ALG_HKDF(PSA_ALG_SHA_256),
    )
    return attributes, Material(data)


def _load_huk(hal: PlatformHal) -> BuiltinKey:
    return BuiltinKey(*_derivation_key(hal.tfm_plat_get_huk()), usage=PSA_KEY_USAGE_DERIVE)


def _dak_seed(seed: bytes) -> BuiltinKey:
    """The seed of delegated attestation keys; only that partition may derive from it."""
    return BuiltinKey(
        *_derivation_key(seed), usage_by_client={TFM_SP_DELEGATED_ATTESTATION: PSA_KEY_USAGE_DERIVE}
    )


def _load_dak_seed(hal: PlatformHal) -> BuiltinKey:
    """On TF-M's RSE, which alone has it, BL1 derives the seed and leaves it in a slot of the KMU."""
    return _dak_seed(hal.tfm_plat_get_dak_seed())


def _derive_dak_seed(hal: PlatformHal) -> BuiltinKey:
    """A board without such a BL1 has its seed from the HUK; nothing of the boot goes into it."""
    huk = hal.tfm_plat_get_huk()
    return _dak_seed(HKDF(hashes.SHA256(), _DAK_SEED_LENGTH, salt=None, info=b"DAK_SEED").derive(huk))


def _load_iak(hal: PlatformHal) -> BuiltinKey:
    """The initial attestation key; only the attestation partition may sign with it.

    A symmetric one can also be exported, because its instance id is a hash of the key. TF-M's template names
    ECDSA with SHA-256 whatever the curve, which a larger key cannot sign with; here the hash goes with the
    key's size.
    """
    iak = hal.tfm_plat_get_iak()
    usage, alg = PSA_KEY_USAGE_SIGN_HASH, iak.algorithm
    if iak.type == PSA_KEY_TYPE_HMAC:
        usage |= PSA_KEY_USAGE_EXPORT
    elif iak.bits in _HASH_FOR_BITS:
        alg = PSA_ALG_ECDSA(_HASH_FOR_BITS[iak.bits])
    attributes = KeyAttributes(
        type=iak.type, bits=iak.bits, lifetime=TFM_BUILTIN_KEY_LOADER_LIFETIME, alg=alg
    )
    return BuiltinKey(attributes, Material(iak.data), usage_by_client={TFM_SP_INITIAL_ATTESTATION: usage})
