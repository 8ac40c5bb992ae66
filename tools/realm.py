"""A realm-like entity of the non-secure side: it has a token of its own, signed with a delegated key.

It stands where a realm management monitor stands: it asks the delegated attestation service for a key, hashes
the key's public half as its token carries it, asks for the platform token bound to that hash, signs its own
claims, and puts both tokens into one.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..interface.errors import TfmSimError
from ..interface.psa.crypto_values import (
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ECC_FAMILY_SECP_R1,
)
from ..interface.tfm.cose_key import encode_cose_key
from ..interface.tfm.delegated_attestation import DelegatedAttestation
from .tokens.cose_writer import write_cose

CHALLENGE_SIZE: Final = 64
"""Bytes of a realm's challenge."""
PLATFORM_TOKEN, REALM_TOKEN = 44234, 44241
EAT_CWT: Final = 263
"""CoAP content format of application/eat+cwt."""
SUBMODS: Final = 266
NESTED_NAME: Final = "platform"
"""What the platform token is called among the submodules of the token that nests it."""

# Claims of a realm token.
_NONCE, _UEID, _PROFILE = 10, 256, 265
_PERSONALIZATION, _HASH_ALGORITHM, _PUBLIC_KEY = 44235, 44236, 44237
_INITIAL, _EXTENSIBLE, _KEY_HASH, _MEC_POLICY = 44238, 44239, 44240, 44243

CURVES: Final[dict[int, ec.EllipticCurve]] = {
    256: ec.SECP256R1(),
    384: ec.SECP384R1(),
    521: ec.SECP521R1(),
}


class RealmError(TfmSimError):
    """What a realm was given is not what its token can carry."""


class RealmProfile(Enum):
    """The realm tokens that there have been; the value is the profile claim, "" where there is none."""

    LEGACY = ""
    CCA_2023 = "tag:arm.com,2023:realm#1.0.0"
    CCA_2024 = "tag:arm.com,2024:realm#2.0.0"


class BindingHash(Enum):
    """What binds a key to the platform token; the value is the name in claim 44240."""

    SHA_256 = "sha-256"
    SHA_384 = "sha-384"
    SHA_512 = "sha-512"

    @property
    def algorithm(self) -> int:
        """The PSA algorithm."""
        return _ALGORITHM[self]

    def of(self, data: bytes) -> bytes:
        """The digest: 32, 48 or 64 bytes."""
        return hashlib.new(self.value.replace("-", ""), data).digest()


_ALGORITHM: Final = {
    BindingHash.SHA_256: PSA_ALG_SHA_256,
    BindingHash.SHA_384: PSA_ALG_SHA_384,
    BindingHash.SHA_512: PSA_ALG_SHA_512,
}


class Composition(Enum):
    """How the two tokens become one."""

    NESTED = "nested"
    """RFC 9711, 4.2.18.1.1: the platform token is a submodule of the other, as a byte string."""
    CCA = "907"
    """Tag 907 around {44234: [263, platform token], 44241: [263, realm token]}."""
    LEGACY = "399"
    """Tag 399 around {44234: platform token, 44241: realm token}."""


@dataclass(frozen=True, slots=True)
class RealmState:
    """What a realm's token says of the realm, beside its challenge and key.

    ``personalization_value`` has 64 bytes; measurements are of ``hash_algorithm``'s size, four of them
    extensible; ``instance_id`` has 33 bytes, the first 1; ``mec_policy`` is 0 for shared, 1 for private.
    """

    personalization_value: bytes = b"tfm-sim demo realm".ljust(64, b"\0")
    hash_algorithm: str = "sha-256"
    initial_measurement: bytes = hashlib.sha256(b"the realm's first pages").digest()
    extensible_measurements: tuple[bytes, ...] = (bytes(32),) * 4
    instance_id: bytes = b"\x01" + hashlib.sha256(b"tfm-sim demo realm").digest()
    mec_policy: int = 1


_DEMO_STATE: Final = RealmState()


@dataclass(frozen=True, slots=True)
class AttestationKey:
    """The delegated key in the realm's hands."""

    private: ec.EllipticCurvePrivateKey
    bits: int

    @classmethod
    def of(cls, scalar: bytes, bits: int) -> "AttestationKey":
        """From what the service gives: the private scalar, big endian."""
        return cls(ec.derive_private_key(int.from_bytes(scalar, "big"), CURVES[bits]), bits)

    @property
    def point(self) -> bytes:
        """The public half as SEC 1 has it, uncompressed: 65, 97 or 133 bytes."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def cose_key(self) -> bytes:
        """The same as a COSE_Key (RFC 9053, 7.1.1): 75, 107 or 143 bytes."""
        return encode_cose_key(self.point)

    def claim(self, profile: RealmProfile) -> bytes:
        """What the public key claim carries, byte for byte what is hashed: without a profile the point."""
        return self.point if profile is RealmProfile.LEGACY else self.cose_key


@dataclass(frozen=True, slots=True)
class Realm:
    """A realm with its key; ``request`` makes one."""

    key: AttestationKey
    binding: BindingHash = BindingHash.SHA_256
    profile: RealmProfile = RealmProfile.CCA_2024
    state: RealmState = _DEMO_STATE

    @classmethod
    def request(
        cls,
        service: DelegatedAttestation,
        bits: int = 384,
        binding: BindingHash = BindingHash.SHA_256,
        profile: RealmProfile = RealmProfile.CCA_2024,
        state: RealmState = _DEMO_STATE,
    ) -> "Realm":
        """Get a delegated key of this size from the device. Raises PsaError."""
        scalar = service.get_delegated_key(PSA_ECC_FAMILY_SECP_R1, bits, binding.algorithm)
        return cls(AttestationKey.of(scalar, bits), binding, profile, state)

    @property
    def key_hash(self) -> bytes:
        """The challenge of the platform token that vouches for the key: the hash of the claim as carried."""
        return self.binding.of(self.key.claim(self.profile))

    def request_platform_token(self, service: DelegatedAttestation) -> bytes:
        """The token bound to this realm's key. Raises PsaError where the device has another by now."""
        return service.get_token(self.key_hash)

    def claims(self, challenge: bytes) -> dict[int, Any]:
        """The claims by number. Raises RealmError for a challenge of another size than 64 bytes."""
        if len(challenge) != CHALLENGE_SIZE:
            raise RealmError(f"realm challenge: {len(challenge)} bytes; legal: {CHALLENGE_SIZE}")
        state = self.state
        claims: dict[int, Any] = {_NONCE: challenge}
        if self.profile is not RealmProfile.LEGACY:
            claims[_PROFILE] = self.profile.value
        if self.profile is RealmProfile.CCA_2024:
            claims[_UEID] = state.instance_id
        claims |= {
            _PERSONALIZATION: state.personalization_value,
            _INITIAL: state.initial_measurement,
            _EXTENSIBLE: list(state.extensible_measurements),
            _HASH_ALGORITHM: state.hash_algorithm,
            _PUBLIC_KEY: self.key.claim(self.profile),
            _KEY_HASH: self.binding.value,
        }
        if self.profile is RealmProfile.CCA_2024:
            claims[_MEC_POLICY] = state.mec_policy
        return claims

    def compose(
        self,
        platform_token: bytes,
        challenge: bytes,
        form: Composition,
        *,
        signing_key: AttestationKey | None = None,
    ) -> bytes:
        """Both tokens in one. ``signing_key`` signs in the place of the realm's own, as a forger would."""
        claims = self.claims(challenge)
        if form is Composition.NESTED:
            claims[SUBMODS] = {NESTED_NAME: platform_token}
        token = write_cose(cbor2.dumps(claims), (signing_key or self.key).private)
        if form is Composition.NESTED:
            return token
        return wrap(platform_token, token, form)


def wrap(platform_token: bytes, realm_token: bytes, form: Composition) -> bytes:
    """A collection of two tokens, by tag. Raises RealmError for a form that is none."""
    tokens = {PLATFORM_TOKEN: platform_token, REALM_TOKEN: realm_token}
    if form is Composition.CCA:
        return cbor2.dumps(cbor2.CBORTag(907, {key: [EAT_CWT, token] for key, token in tokens.items()}))
    if form is Composition.LEGACY:
        return cbor2.dumps(cbor2.CBORTag(399, tokens))
    raise RealmError(f"{form.value}: no collection; legal: 907, 399")
