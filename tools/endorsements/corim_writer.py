"""Writes endorsements as an unsigned CoRIM with one CoMID, in core deterministic encoding."""

import hashlib
from collections.abc import Sequence

from .corim import COMID_TAG, UNSIGNED_TAG, CorimProfile, Entity, Validity
from .corim_reader import RULES
from .encoding import Tagged, Value, encode
from .model import EndorsementError, Endorsements
from .signed_corim import validity_map
from .triples import URI_TAG


def write_corim(
    endorsements: Endorsements,
    profile: CorimProfile = CorimProfile.PSA,
    *,
    corim_id: str | bytes | None = None,
    tag_id: str | bytes | None = None,
    validity: Validity | None = None,
    entities: Sequence[Entity] = (),
) -> bytes:
    """The CoRIM of these endorsements. An id is a text or the 16 bytes of a UUID.

    An id that is not given follows from the content, so that the same endorsements give the same bytes and
    others another id. Raises EndorsementError for what the profile cannot carry, and for nothing to carry.
    """
    triples = RULES[profile].write(endorsements)
    if not triples or not all(triples.values()):
        raise EndorsementError("no endorsements; legal in a CoRIM: one or more")
    digest = hashlib.sha256(encode(triples)).hexdigest()[:32]
    comid: dict[int, Value] = {1: {0: tag_id or f"tfm-sim/comid/{digest}"}, 4: triples}
    corim: dict[int, Value] = {
        0: corim_id or f"tfm-sim/corim/{digest}",
        1: [Tagged(COMID_TAG, encode(comid))],
        # Veraison, before 2025, wrote and read its profiles without the tag of a URI.
        3: profile.value if profile.is_old else Tagged(URI_TAG, profile.value),
    }
    if validity is not None:
        corim[4] = validity_map(validity)
    if entities:
        corim[5] = [_entity(entity) for entity in entities]
    return encode(Tagged(UNSIGNED_TAG, corim))


def _entity(entity: Entity) -> Value:
    made: dict[int, Value] = {0: entity.name, 2: list(entity.roles)}
    if entity.uri is not None:
        made[1] = Tagged(URI_TAG, entity.uri)
    return made
