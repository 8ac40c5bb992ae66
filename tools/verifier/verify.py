"""Verify a token with a key, or with the store of all keys that are trusted."""

from .collection import Collection, dissect
from .composite import verify_collection, verify_nested
from .cose import SignatureState
from .envelope import TokenMalformed
from .findings import Finding
from .keys import KeySource, load_key
from .nested import open_nested
from .options import Options
from .profiles import ALL_PROFILES
from .single import Trust, choose_key, choose_profile, judge_token
from .trust import TrustStore
from .verdict import Verdict


def verify(
    token: bytes,
    key: KeySource | TrustStore,
    *,
    challenge: bytes | None = None,
    strict: bool = False,
    allow_short_circuit: bool = False,
    allow_text_mec: bool = False,
) -> Verdict:
    """Judge a PSA or CCA token with the public (or, for Mac0, secret) initial attestation key.

    Any bytes end in a verdict. With a TrustStore in place of the key, the token's implementation and
    instance id choose the key. ``challenge`` is compared with the nonce, in a composition with that of the
    realm's or delegated token; a realm's is 64 bytes, and a shorter challenge is padded with zeros.
    ``strict`` refuses what RFC 9783 wants a receiver to tolerate: docs/verifier.md has the list.
    ``allow_short_circuit`` takes signatures of TF-M's test mode, with a warning; ``allow_text_mec`` a MEC
    policy as text in a realm token of 2024. Raises KeyUnusable if ``key`` is no verification key.
    """
    trust: Trust = key if isinstance(key, TrustStore) else load_key(key)
    options = Options(challenge, strict, allow_short_circuit, allow_text_mec)
    try:
        dissected = dissect(token)
    except TokenMalformed as error:
        return _refused((error.finding,), trust)
    if isinstance(dissected, Collection):
        return verify_collection(dissected, trust, options)
    nested = open_nested(dissected)
    if nested is not None:
        return verify_nested(nested, trust, options)
    selection = choose_profile(dissected, ALL_PROFILES, options)
    chosen = choose_key(dissected, selection.profile, trust)
    return judge_token("token", dissected, chosen, selection, options).verdict


def _refused(reasons: tuple[Finding, ...], trust: Trust) -> Verdict:
    return Verdict(
        ok=False,
        name="token",
        envelope="",
        profile=None,
        algorithm=None,
        signature=SignatureState.NOT_CHECKED,
        instance_id_rule=None,
        reasons=reasons,
        warnings=(),
        notes=(),
        claims=(),
        key=None if isinstance(trust, TrustStore) else trust,
    )
