"""How CCA collections are bent: two tokens, one bond between them, and a frame that nobody signs."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from ..tokens.cbor_writer import (
    join_array,
    join_map,
    wrap_tag,
    write_bytes,
    write_int,
    write_text,
)
from ..verifier import cbor
from .anatomy import CMW_COLLECTION, EAT_CWT, LEGACY_COLLECTION, NoToken, Pair, Pieces
from .bits import flip
from .labels import PROFILE_TAGS, Family
from .subject import Part, Subject, Target

RAK, RAK_HASH = "rak", "rak-hash"
HASHES = {"sha-224": "sha224", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}


def pieces_of(subject: Subject) -> Pieces:
    """The collection. Raises NoToken for a token alone."""
    if not isinstance(subject.whole, Pieces):
        raise NoToken("no collection")
    return subject.whole


def targets(subject: Subject, name: str = "cca") -> tuple[Target, Target]:
    """Platform and realm."""
    return subject.target(Part.PLATFORM, name), subject.target(Part.REALM, name)


def has_realm_key(subject: Subject) -> bool:
    """The private key of the realm's token is at hand."""
    return isinstance(subject.means.realm, ec.EllipticCurvePrivateKey)


def has_device_key(subject: Subject) -> bool:
    """The private key of the platform's token is at hand."""
    return isinstance(subject.means.signer, ec.EllipticCurvePrivateKey)


def has_two_keys(subject: Subject) -> bool:
    """Platform and realm do not sign with one and the same key."""
    signer, realm = subject.means.signer, subject.means.realm
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or not isinstance(
        realm, ec.EllipticCurvePrivateKey
    ):
        return False
    return signer.private_numbers() != realm.private_numbers()


def in_form(tag: int) -> Callable[[Subject], bool]:
    """The collection has this tag."""
    return lambda subject: pieces_of(subject).tag == tag


def framed(subject: Subject, *more: Pair) -> bytes:
    """The collection with further entries."""
    pieces = pieces_of(subject)
    return pieces.encode((*pieces.pairs, *more))


def records(subject: Subject, record: Callable[[bytes], bytes]) -> bytes:
    """The platform's entry in another form."""
    pieces = pieces_of(subject)
    platform, realm = pieces.pairs
    return pieces.encode(((platform[0], record(pieces.platform)), realm))


def record(*items: bytes) -> Callable[[Subject], bytes]:
    """[263, token, more items]."""
    return lambda subject: records(
        subject, lambda token: join_array((write_int(EAT_CWT), write_bytes(token), *items))
    )


def without(index: int) -> Callable[[Subject], bytes]:
    """The collection without one of its two entries."""

    def change(subject: Subject) -> bytes:
        pieces = pieces_of(subject)
        return pieces.encode(pair for i, pair in enumerate(pieces.pairs) if i != index)

    return change


def other_form(subject: Subject) -> bytes:
    """The same two tokens in the other of the two forms, truly."""
    pieces = pieces_of(subject)
    tag = LEGACY_COLLECTION if pieces.tag == CMW_COLLECTION else CMW_COLLECTION
    return replace(pieces, tag=tag).encode()


def wrong_form(subject: Subject) -> bytes:
    """The other form's tag on this form's entries."""
    pieces = pieces_of(subject)
    tag = LEGACY_COLLECTION if pieces.tag == CMW_COLLECTION else CMW_COLLECTION
    return wrap_tag(tag, join_map(pieces.pairs))


def swapped(subject: Subject) -> bytes:
    """Each token under the other's label."""
    pieces = pieces_of(subject)
    return replace(pieces, platform=pieces.realm, realm=pieces.platform).encode()


def reordered(subject: Subject) -> bytes:
    """The realm's entry first."""
    pieces = pieces_of(subject)
    return pieces.encode(pieces.pairs[::-1])


def frame_bit(subject: Subject) -> bytes:
    """One bit of the tag, the map's head, or the platform's label and record."""
    data = pieces_of(subject).encode()
    head = data.index(pieces_of(subject).platform)
    at = subject.means.at
    return flip(
        data,
        subject.target(Part.PLATFORM, "cca-bit").dice.randrange(8 * head) if at is None else at % (8 * head),
    )


def realm_key_claim(key: ec.EllipticCurvePrivateKey, family: Family) -> bytes:
    """The public key as the realm's claim has it: a COSE_Key, or without profile the bare point."""
    numbers, size = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
    x, y = numbers.x.to_bytes(size, "big"), numbers.y.to_bytes(size, "big")
    if family is Family.REALM_LEGACY:
        return b"\x04" + x + y
    curve = {32: 1, 48: 2, 66: 3}[size]
    pairs = ((1, write_int(2)), (-1, write_int(curve)), (-2, write_bytes(x)), (-3, write_bytes(y)))
    return join_map([(write_int(label), value) for label, value in pairs])


def rak_swapped(subject: Subject) -> bytes:
    """Another realm: the attacker's key in the claims, and the claims signed by it. Nothing binds it."""
    _, realm = targets(subject)
    key = realm.own_key
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoToken("a realm token is a COSE_Sign1")
    claim = write_bytes(realm_key_claim(key, realm.family))
    forged = realm.signed(realm.claims.put(realm.label(RAK), claim).encode(), key=key)
    return subject.put(Part.REALM, forged.encode())


def platform_nonce(nonce: Callable[[Target], bytes]) -> Callable[[Subject], bytes]:
    """The platform's token with another nonce, made from the realm's claims; signed by the device."""

    def change(subject: Subject) -> bytes:
        platform, realm = targets(subject)
        return subject.put(Part.PLATFORM, platform.with_claim("nonce", write_bytes(nonce(realm))))

    return change


def of_another_session(realm: Target) -> bytes:
    """The hash of another realm's key, of the same size."""
    key = realm.own_key
    claim = realm_key_claim(key, realm.family) if isinstance(key, ec.EllipticCurvePrivateKey) else b""
    return hashlib.new(HASHES[named_hash(realm)], claim).digest()


def named_hash(realm: Target) -> str:
    """The hash that claim 44240 names. Raises NoToken."""
    item = cbor.read(realm.claim(RAK_HASH) or b"\xf6")
    if not isinstance(item, cbor.Text) or item.value not in HASHES:
        raise NoToken("no hash of the realm's key")
    return item.value


def other_hash(realm: Target) -> str:
    """Another one that a realm may name."""
    return "sha-512" if named_hash(realm) != "sha-512" else "sha-384"


def by_another_hash(realm: Target) -> bytes:
    """Over the right bytes, but not by the hash that the realm names."""
    return hashlib.new(HASHES[other_hash(realm)], realm.octets(RAK)).digest()


def bound_to_point(realm: Target) -> bytes:
    """The hash of the point in place of the claim's bytes."""
    return hashlib.new(HASHES[named_hash(realm)], point_of(realm)).digest()


def point_of(realm: Target) -> bytes:
    """04 || X || Y of the realm's COSE_Key. Raises NoToken."""
    item = cbor.read_exactly(realm.octets(RAK))
    x, y = (item.get(label) for label in (-2, -3)) if isinstance(item, cbor.Map) else (None, None)
    if not isinstance(x, cbor.Bytes) or not isinstance(y, cbor.Bytes):
        raise NoToken("no COSE_Key")
    return b"\x04" + x.value + y.value


def realm_claim(name: str, value: Callable[[Target], bytes]) -> Callable[[Subject], bytes]:
    """The realm's token with another encoded claim, signed by the realm."""
    return lambda subject: subject.put(
        Part.REALM, targets(subject)[1].with_claim(name, value(targets(subject)[1]))
    )


def realm_by(key_of: Callable[[Subject], object]) -> Callable[[Subject], bytes]:
    """The realm's claims signed by another key, with that key's own algorithm."""

    def change(subject: Subject) -> bytes:
        return subject.put(Part.REALM, by(subject.target(Part.REALM, "cca"), key_of(subject)))

    return change


def platform_by_realm(subject: Subject) -> bytes:
    """The platform's claims signed by the realm's key."""
    return subject.put(Part.PLATFORM, by(subject.target(Part.PLATFORM, "cca"), subject.means.realm))


def by(target: Target, key: object) -> bytes:
    """The message signed by this key, with the key's own algorithm."""
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoToken("no private key")
    alg = {256: -7, 384: -35, 521: -36}[key.curve.key_size]
    return target.signed(protected=target.header_with(alg), key=key, alg=alg).encode()


def off_curve(realm: Target) -> bytes:
    """The last bit of Y changed: for one X there are Y and -Y, which differ in more than that."""
    octets = realm.octets(RAK)
    return write_bytes(octets[:-1] + bytes((octets[-1] ^ 1,)))


def legacy_platform(subject: Subject) -> bytes:
    """The platform's token under the legacy profile."""
    target = subject.target(Part.PLATFORM, "cca")
    return subject.put(Part.PLATFORM, target.with_claim("profile", write_text(PROFILE_TAGS["cca-legacy"])))


def pairs_a_newer_realm(subject: Subject) -> bool:
    """Both tokens are of newer profiles, and the platform's key is at hand."""
    platform, realm = targets(subject)
    newer = platform.claim("profile") == write_text(PROFILE_TAGS["cca"])
    return has_device_key(subject) and newer and realm.family is Family.REALM


def modern(subject: Subject) -> bool:
    """The realm's token names a profile."""
    return targets(subject)[1].family is Family.REALM


def nested(subject: Subject) -> bytes:
    """The whole collection in the place of its platform token."""
    pieces = pieces_of(subject)
    return replace(pieces, platform=pieces.encode()).encode()


def format_60(subject: Subject) -> bytes:
    """The platform's record with another content format."""
    return records(subject, lambda token: join_array((write_int(60), write_bytes(token))))


def format_text(subject: Subject) -> bytes:
    """The platform's record with a media type that is not its own."""
    media_type = write_text("application/octet-stream")
    return records(subject, lambda token: join_array((media_type, write_bytes(token))))


def format_wide(subject: Subject) -> bytes:
    """The platform's record with its content format in a longer head."""
    return records(subject, lambda token: join_array((write_int(EAT_CWT, 8), write_bytes(token))))
