"""All mutations by name."""

from difflib import get_close_matches

from ...interface.errors import ExitCode, TfmSimError
from . import (
    bits,
    claim_values,
    components,
    composed,
    encodings,
    envelopes,
    frames,
    freshness,
    headers,
    lengths,
    more_claim_values,
    nests,
    profile_claims,
    signatures,
)
from .mutation import Mutation, OnMessage

ON_MESSAGES: tuple[OnMessage, ...] = (
    *bits.MUTATIONS,
    *headers.MUTATIONS,
    *envelopes.MUTATIONS,
    *signatures.MUTATIONS,
    *encodings.MUTATIONS,
    *lengths.MUTATIONS,
    *freshness.MUTATIONS,
    *profile_claims.MUTATIONS,
    *components.MUTATIONS,
    *claim_values.MUTATIONS,
    *more_claim_values.MUTATIONS,
)
"""Those of one message, in the order of the page."""
MUTATIONS: dict[str, Mutation] = {
    mutation.name: mutation
    for mutation in (
        *(template.on(part) for template in ON_MESSAGES for part in template.possible_parts),
        *composed.MUTATIONS,
        *frames.MUTATIONS,
        *nests.MUTATIONS,
    )
}
"""Every mutation by its name: of a token alone, of each part of a collection, and of the collection."""


class UnknownMutation(TfmSimError):
    """No mutation has this name."""

    exit_code = ExitCode.USAGE


def find_mutation(name: str) -> Mutation:
    """The mutation of this name. Raises UnknownMutation."""
    found = MUTATIONS.get(name)
    if found is None:
        near = get_close_matches(name, MUTATIONS, 5, 0.4)
        legal = f"legal, among others: {', '.join(near)}" if near else "`tfm-sim token mutate --list` has all"
        raise UnknownMutation(f"no mutation {name!r}; {legal}")
    return found
