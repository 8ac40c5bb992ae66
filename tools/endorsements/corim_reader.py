"""Reads a CoRIM: the map and its CoMIDs, and what its profile makes of their triples."""

from typing import Final

from ..verifier.cbor import Array, Bytes, Text
from .arm_2021 import CCA_SSD_1, PSA_IOT_1, ArmProfile2021
from .arm_2025 import CCA_PLATFORM, PSA, ArmProfile2025
from .cbor_node import Node, read_general
from .corim import (
    COMID_KEYS,
    COMID_TAG,
    CORIM_KEYS,
    ENTITY_KEYS,
    SIGNED_TAG,
    TAG_IDENTITY_KEYS,
    TRIPLES_KEYS,
    UNSIGNED_TAG,
    VALIDITY_KEYS,
    Corim,
    CorimProfile,
    CorimRole,
    Entity,
    Signature,
    Validity,
)
from .model import EndorsementError, Endorsements
from .realms import RealmProfile2021, RealmProfile2025
from .triples import URI_TAG

ProfileRules = ArmProfile2025 | ArmProfile2021 | RealmProfile2025 | RealmProfile2021
RULES: Final[dict[CorimProfile, ProfileRules]] = {
    CorimProfile.PSA: PSA,
    CorimProfile.PSA_IOT_1: PSA_IOT_1,
    CorimProfile.CCA_PLATFORM: CCA_PLATFORM,
    CorimProfile.CCA_SSD_1: CCA_SSD_1,
    CorimProfile.CCA_REALM: RealmProfile2025(),
    CorimProfile.CCA_REALM_1: RealmProfile2021(),
}
OTHER_TAGS: Final = {505: "CoSWID", 507: "CoTS", 508: "CoTL"}


def read_unsigned(root: Node, signature: Signature | None = None) -> Corim:
    """The CoRIM of an item in tag 501, with what is known of its ``signature``.

    Tags beside CoMIDs are passed over. Raises EndorsementError for what the draft or the profile forbids.
    """
    if root.tag != UNSIGNED_TAG:
        raise root.wrong(f"an unsigned CoRIM (tag {UNSIGNED_TAG}) or a signed one (tag {SIGNED_TAG})")
    entries = root.tagged(UNSIGNED_TAG, what="a CoRIM").map(CORIM_KEYS, (0, 1))
    profile = _profile(entries.get(3), root.path)
    endorsements = Endorsements()
    ids: list[str | bytes] = []
    for tag in entries[1].array(1):
        comid = _comid(tag)
        if comid is None:
            continue
        identity, triples = comid
        ids.append(identity)
        endorsements += RULES[profile].read(triples)
    return Corim(
        id=_identifier(entries[0]),
        profile=profile,
        endorsements=endorsements,
        tag_ids=tuple(ids),
        validity=read_validity(entries[4]) if 4 in entries else None,
        entities=_entities(entries.get(5), CorimRole.MANIFEST_SIGNER),
        signature=signature,
    )


def _profile(node: Node | None, name: str) -> CorimProfile:
    """A URI in tag 32; the older profiles also bare, or alone in an array, as earlier drafts had it."""
    legal = ", ".join(profile.value for profile in CorimProfile)
    if node is None:
        raise EndorsementError(f"{name}: no profile (key 3); legal: {legal}")
    if isinstance(node.item, Array):
        node = node.array(1, 1)[0]
    text = node.text() if isinstance(node.item, Text) else node.tagged(URI_TAG, what="a profile's URI").text()
    for profile in CorimProfile:
        if profile.value == text:
            return profile
    raise node.error(repr(text), legal)  # the draft, 4.1.4: one who does not know the profile rejects all


def _identifier(node: Node) -> str | bytes:
    """A text, or a UUID."""
    if isinstance(node.item, Bytes):
        return node.octets(16)
    text = node.text("a text or a UUID of 16 bytes")
    if not text:
        raise node.error("an empty text", "an identifier")
    return text


def read_validity(node: Node) -> Validity:
    """A validity-map. Raises EndorsementError."""
    entries = node.map(VALIDITY_KEYS, (1,))
    begin = entries[0].time() if 0 in entries else None
    try:
        return Validity(entries[1].time(), begin)
    except EndorsementError as error:
        raise EndorsementError(f"{node.path}: {error}") from None


def _entities(node: Node | None, single: int | None = None) -> tuple[Entity, ...]:
    found = tuple(_entity(entry) for entry in node.array(1)) if node is not None else ()
    if node is not None and sum(single in entity.roles for entity in found) > 1:
        raise node.error("two entities that sign", "one manifest-signer at most")
    return found


def _entity(node: Node) -> Entity:
    entries = node.map(ENTITY_KEYS, (0, 2))
    uri = read_uri(entries[1]) if 1 in entries else None
    if not entries[0].text():
        raise entries[0].error("an empty text", "a name")
    return Entity(entries[0].text(), uri, tuple(role.integer() for role in entries[2].array(1)))


def read_uri(node: Node) -> str:
    """A URI in tag 32. Raises EndorsementError."""
    return node.tagged(URI_TAG, what="a URI").text()


def _comid(node: Node) -> tuple[str | bytes, dict[int, Node]] | None:
    """(tag id, triples) of a CoMID, None for a tag of another kind."""
    if node.tag in OTHER_TAGS:
        return None
    content = node.tagged(COMID_TAG, *OTHER_TAGS, what="a CoMID, CoSWID, CoTS or CoTL")
    entries = read_general(content.octets(), node.path).map(COMID_KEYS, (1, 4))
    identity = entries[1].map(TAG_IDENTITY_KEYS, (0,))
    if 0 in entries:
        entries[0].text()
    if 1 in identity:
        identity[1].integer(0, "a version from 0")
    _entities(entries.get(2))
    triples = entries[4].map(TRIPLES_KEYS)
    if not triples:
        raise entries[4].error("no triples", f"one or more of {', '.join(TRIPLES_KEYS.values())}")
    return _identifier(identity[0]), triples
