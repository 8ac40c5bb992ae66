"""What is attacked, and with what means: a token of any form, the keys at hand, and a seed."""

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.errors import TfmSimError
from ..tokens.cbor_writer import write_text
from ..tokens.cose_writer import SigningKey, authenticate, protected_header, to_be_authenticated
from ..verifier import cbor
from ..verifier.cose import ALGORITHMS, Algorithm
from ..verifier.envelope import CoseKind
from ..verifier.keys import EcKey, Key, MacKey, from_public
from .anatomy import MAC0_TAG, Message, Nest, NoToken, Pieces, RawMap
from .labels import LEGACY_REALM_KEYS, PROFILE_2019, PROFILE_TAGS, Family

KINDS = {kind.tag: kind for kind in CoseKind}


class NotAToken(TfmSimError):
    """The bytes offered are no well-formed token that could be bent on purpose."""


class NoKey(TfmSimError):
    """A verdict is asked for and there is no key to verify with."""


class Part(StrEnum):
    """Which message an attack bends: one that stands alone, or one of the two in a collection."""

    TOKEN = "token"
    PLATFORM = "platform"
    REALM = "realm"


@dataclass(frozen=True, slots=True)
class Means:
    """What the attacker has.

    ``signer`` is the private key (or secret) that signed the token, or a collection's platform token, for the
    authentic tokens with wrong claims; ``realm`` that of the realm token; ``public`` the verification key.
    ``at`` is the bit or the length of those mutations that have one, by default chosen by the ``seed``.
    """

    seed: int = 0
    signer: SigningKey | None = field(default=None, repr=False)
    realm: SigningKey | None = field(default=None, repr=False)
    public: Key | None = None
    at: int | None = None

    @property
    def verification_key(self) -> Key | None:
        """The public half of the signer's key, or the one given."""
        match self.signer:
            case None:
                return self.public
            case bytes() as secret:
                return MacKey(secret)
            case private:
                return from_public(private.public_key())

    @property
    def trusted_key(self) -> Key:
        """The verification key. Raises NoKey without one."""
        key = self.verification_key
        if key is None:
            raise NoKey("no key: neither the signer's nor the one that verifies; legal: one of them")
        return key

    def material(self, label: str, size: int) -> bytes:
        """Bytes that depend on the seed and the label alone."""
        return hashlib.shake_256(f"tfm-sim attacker {self.seed} {label}".encode()).digest(size)

    def own_key(self, algorithm: Algorithm, label: str = "key") -> SigningKey:
        """A key of the attacker's own that fits an algorithm."""
        if algorithm.curve is None:
            return self.material(label, algorithm.size)
        # The top byte cleared: below the order of every curve here (P-521's has 66 bytes).
        size = algorithm.curve.size
        secret = int.from_bytes(self.material(label, size - 1), "big") + 1
        return ec.derive_private_key(secret, algorithm.curve.curve)


@dataclass(frozen=True)
class Target:
    """One message under attack, with everything that a mutation of it may use."""

    message: Message
    part: Part
    means: Means
    dice: Random = field(compare=False)

    @cached_property
    def claims(self) -> RawMap:
        """The payload's map."""
        return self.message.claims

    @cached_property
    def algorithm(self) -> Algorithm:
        """The one that the protected header names. Raises NoToken."""
        raw = RawMap.of(self.message.protected).get(1)
        item = cbor.read(raw) if raw is not None else None
        if not isinstance(item, cbor.Int) or item.value not in ALGORITHMS:
            raise NoToken("the protected header names no algorithm of RFC 9783")
        return ALGORITHMS[item.value]

    @property
    def kind(self) -> CoseKind:
        """By the tag."""
        return KINDS[self.message.tag]

    @property
    def is_mac(self) -> bool:
        """A COSE_Mac0."""
        return self.message.tag == MAC0_TAG

    @cached_property
    def family(self) -> Family:
        """The claims' profile. Raises NoToken for a claims set of none."""
        return family_of(self.claims)

    @property
    def signer(self) -> SigningKey | None:
        """The key that signed this message, if the attacker has it."""
        return self.means.realm if self.part is Part.REALM else self.means.signer

    @cached_property
    def own_key(self) -> SigningKey:
        """The attacker's own key for the message's algorithm."""
        return self.means.own_key(self.algorithm)

    def label(self, name: str) -> int:
        """The key of a claim; KeyError if the profile has none of this name."""
        return self.family.keys[name]

    def claim(self, name: str) -> bytes | None:
        """The encoded value of a claim, None if it is absent or not of this profile."""
        key = self.family.keys.get(name)
        return None if key is None else self.claims.get(key)

    def octets(self, name: str) -> bytes:
        """The value of a byte string claim. Raises NoToken if it is none."""
        raw = self.claim(name)
        item = cbor.read(raw) if raw is not None else None
        if not isinstance(item, cbor.Bytes):
            raise NoToken(f"claim {name} is no byte string")
        return item.value

    def signed(
        self,
        payload: bytes | None = None,
        protected: bytes | None = None,
        *,
        key: SigningKey | None = None,
        alg: int | None = None,
        data: bytes | None = None,
    ) -> Message:
        """The message with another payload or header, signed anew: by the signer unless a key is given.

        ``alg`` chooses the hash (by default the message's), ``data`` the bytes that are signed.
        """
        body = self.message.payload if payload is None else payload
        header = self.message.protected if protected is None else protected
        who = self.signer if key is None else key
        if who is None:
            raise NoToken("no key to sign with")
        signed = to_be_authenticated(self.kind, header, body) if data is None else data
        signature = authenticate(who, self.algorithm.id if alg is None else alg, signed)
        return replace(self.message, protected=header, payload=body, signature=signature)

    def with_claim(self, name: str, value: bytes) -> bytes:
        """Signed anew with another encoded value of a claim."""
        return self.signed(self.claims.put(self.label(name), value).encode()).encode()

    def unsigned_claim(self, name: str, value: bytes) -> bytes:
        """Another encoded value of a claim under the old signature."""
        payload = self.claims.put(self.label(name), value).encode()
        return replace(self.message, payload=payload).encode()

    def header_with(self, alg: int) -> bytes:
        """The protected header {1: alg}."""
        return protected_header(alg)


@dataclass(frozen=True)
class Subject:
    """A token and the means to attack it. Make it with :meth:`of`."""

    token: bytes
    means: Means
    whole: Message | Pieces | Nest

    @classmethod
    def of(cls, token: bytes, means: Means | None = None) -> "Subject":
        """Raises NotAToken unless this is a well-formed Sign1, Mac0, collection or nest of known profiles."""
        try:
            subject = cls(token, means or Means(), _cut(token))
            for part in subject.parts:
                target = subject.target(part, "")
                _ = target.algorithm, target.family, target.octets("nonce")
        except NoToken as error:
            raise NotAToken(f"this is no token to attack: {error}") from None
        return subject

    @property
    def parts(self) -> tuple[Part, ...]:
        """The messages in it."""
        return (Part.TOKEN,) if isinstance(self.whole, Message) else (Part.PLATFORM, Part.REALM)

    @property
    def is_mac(self) -> bool:
        """The token, or a collection's platform token, is a COSE_Mac0."""
        return self.message(self.parts[0]).tag == MAC0_TAG

    def message(self, part: Part) -> Message:
        """One message. Raises NoToken if the token has none of this kind."""
        match self.whole, part:
            case Message() as message, Part.TOKEN:
                return message
            case ((Pieces(platform=token) | Nest(platform=token)), Part.PLATFORM):
                return Message.of(token)
            case ((Pieces(realm=token) | Nest(outer=token)), Part.REALM):
                return Message.of(token)
            case _:
                raise NoToken(f"the token has no part {part}")

    def target(self, part: Part, name: str) -> Target:
        """A message for a mutation of this name, whose dice are its own."""
        return Target(self.message(part), part, self.means, Random(f"{self.means.seed} {name}"))

    def put(self, part: Part, token: bytes) -> bytes:
        """The whole with another token in place of a part; what nests a platform token is signed anew."""
        match self.whole:
            case Pieces() as pieces if part is Part.PLATFORM:
                return replace(pieces, platform=token).encode()
            case Pieces() as pieces:
                return replace(pieces, realm=token).encode()
            case Nest() as nest if part is Part.PLATFORM:
                return self.target(Part.REALM, "nest").signed(nest.payload(token)).encode()
            case _:
                return token

    def can_put(self, part: Part) -> bool:
        """A part inside a nest needs the outer signer's key."""
        return not isinstance(self.whole, Nest) or part is Part.REALM or self.means.realm is not None

    @property
    def challenge(self) -> bytes:
        """The nonce by which the token shows that it is fresh: its own, or in a collection the realm's."""
        part = Part.TOKEN if isinstance(self.whole, Message) else Part.REALM
        return self.target(part, "").octets("nonce")

    @property
    def new_challenge(self) -> bytes:
        """Another challenge of the same size."""
        return self.means.material("challenge", len(self.challenge))


def _cut(token: bytes) -> Message | Pieces | Nest:
    for cut in (Pieces.of, Nest.of):
        try:
            return cut(token)
        except NoToken:
            continue
    return Message.of(token)


def family_of(claims: RawMap) -> Family:
    """By the profile claim, or where there is none by the range of the keys. Raises NoToken."""
    raw = claims.get(265)
    item = cbor.read(raw) if raw is not None else None
    if isinstance(item, cbor.Text) and item.value is not None:
        match item.value:
            case text if text == PROFILE_TAGS["psa-2"]:
                return Family.PSA_2
            case text if text in (PROFILE_TAGS["cca"], PROFILE_TAGS["cca-legacy"]):
                return Family.PLATFORM
            case text if text.startswith("tag:psacertified.org,2023:psa#"):
                return Family.RFC_9783
            case text if ":realm#" in text:
                return Family.REALM
    if any(claims.get(key) is not None for key in range(-75010, -74999)):
        return Family.TFM_2019 if claims.get(-75000) == write_text(PROFILE_2019) else Family.PSA_1
    if any(claims.get(key) is not None for key in LEGACY_REALM_KEYS):
        return Family.REALM_LEGACY
    raise NoToken("the claims are of no known profile")


def public_octets(key: Key) -> bytes:
    """A verification key as bytes: what an attacker would feed to an HMAC."""
    return key.point() if isinstance(key, EcKey) else key.secret
