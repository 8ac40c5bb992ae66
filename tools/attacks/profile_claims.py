"""The profile and what belongs to one profile alone."""

from collections.abc import Callable

from ..tokens.cbor_writer import join_array, write_bytes, write_int, write_text
from ..verifier import Kind
from .labels import Family
from .mutation import ACCEPTED, Deserved, KeyNeed, OnMessage, Rule, Trait, refused, tolerated
from .payloads import COVERED, FORGED, put, signed
from .subject import Target
from .traits import (
    NOT_NESTING,
    NOT_REALM,
    has,
    knows,
    of,
)

PSA_1, PSA_2, RFC_9783 = of(Family.PSA_1), of(Family.PSA_2), of(Family.RFC_9783)
NEWER = of(Family.PSA_2, Family.RFC_9783)
NAMED = of(Family.PSA_2, Family.RFC_9783, Family.PLATFORM, Family.REALM)
FOREIGN = tolerated(Kind.CLAIM_FOREIGN, strictly=Kind.CLAIM_UNKNOWN)
PROFILE = Rule("the profile claim chooses the claims' meaning; none but a known one", "RFC 9783 4.1.2, 5")


def _profile(name: str, what: str, value: bytes, deserves: Deserved, *traits: Trait) -> OnMessage:
    differs = Trait("another profile", lambda target: target.claim("profile") != value)
    change = put("profile", value)
    return signed(f"profile-{name}", what, deserves, PROFILE, change, *traits, differs)


def _seed_moved(target: Target) -> bytes:
    """268 and 2397 exchanged, the value kept."""
    old = target.label("boot-seed")
    value = target.claims.get(old) or b""
    return target.claims.without(old).put(2397 if old == 268 else 268, value).encode()


def _beside(key: int, value: bytes) -> Callable[[Target], bytes]:
    return lambda target: target.claims.put(key, value).encode()


UNKNOWN_PROFILE = refused(Kind.PROFILE_UNKNOWN)
PROFILES = (
    _profile(
        "unknown",
        "a profile that nobody knows",
        write_text("tag:attacker.example,2026:psa#1"),
        UNKNOWN_PROFILE,
        NAMED,
        NOT_NESTING,
    ),
    _profile(
        "unknown-legacy",
        "another profile string with the keys of profile 1",
        write_text("http://attacker.example"),
        tolerated(Kind.PROFILE_STRING),
        PSA_1,
    ),
    _profile("empty", "an empty profile", write_text(""), UNKNOWN_PROFILE, NAMED, NOT_NESTING),
    _profile(
        "legacy-string",
        "'PSA_IOT_PROFILE_1' with the keys of a newer profile",
        write_text("PSA_IOT_PROFILE_1"),
        UNKNOWN_PROFILE,
        NAMED,
    ),
    _profile(
        "media-type",
        "the profile parameter of the legacy media type",
        write_text("tag:psacertified.org,2019:psa#legacy"),
        UNKNOWN_PROFILE,
        NAMED,
        NOT_NESTING,
    ),
    _profile(
        "derived",
        "another profile derived from the baseline",
        write_text("tag:psacertified.org,2023:psa#mine"),
        tolerated(Kind.PROFILE_STRING, strictly=Kind.PROFILE_UNKNOWN),
        RFC_9783,
    ),
    _profile(
        "as-bytes",
        "the profile as bytes",
        write_bytes(b"PSA_IOT_PROFILE_1"),
        refused(Kind.PROFILE_NOT_TEXT),
        knows("profile"),
    ),
    _profile(
        "as-array",
        "the profile in an array",
        join_array([write_text("PSA_IOT_PROFILE_1")]),
        refused(Kind.PROFILE_NOT_TEXT),
    ),
    _profile("as-integer", "the profile as an integer", write_int(1), refused(Kind.PROFILE_NOT_TEXT)),
    _profile("utf8", "a profile that is no UTF-8", write_text(b"PSA\xff"), refused(Kind.INVALID_UTF8)),
    _profile(
        "psa-2.0.0",
        "RFC 9783's claims under the string of 2022",
        write_text("http://arm.com/psa/2.0.0"),
        FOREIGN,
        RFC_9783,
        has("boot-seed"),
    ),
    _profile(
        "rfc9783",
        "the claims of 2022 under RFC 9783's string",
        write_text("tag:psacertified.org,2023:psa#tfm"),
        FOREIGN,
        PSA_2,
        has("boot-seed"),
    ),
    OnMessage(
        "profile-of-a-platform-resigned",
        "a PSA token that calls itself a CCA platform token, signed by the device",
        refused(Kind.CLAIM_MISSING),
        PROFILE,
        lambda target: target.with_claim("profile", write_text("tag:arm.com,2023:cca_platform#1.0.0")),
        (NEWER,),
        KeyNeed.SIGNER,
    ),
    OnMessage(
        "profile-changed",
        "another known profile under the old signature",
        FORGED,
        COVERED,
        lambda target: target.unsigned_claim("profile", write_text("http://arm.com/CCA-SSD/1.0.0")),
        (
            NOT_NESTING,
            NOT_REALM,
            has("profile"),
            Trait(
                "another profile", lambda t: t.claim("profile") != write_text("http://arm.com/CCA-SSD/1.0.0")
            ),
        ),
    ),
    signed(
        "profile-removed",
        "takes the profile away",
        refused(Kind.PROFILE_MISSING),
        PROFILE,
        lambda t: t.claims.without(265).encode(),
        of(Family.PSA_2, Family.RFC_9783, Family.PLATFORM),
    ),
    signed(
        "profile-removed-legacy",
        "takes the profile away under profile 1",
        ACCEPTED,
        Rule("the claim is optional: the range of the keys tells", "PSA_IOT_PROFILE_1"),
        lambda t: t.claims.without(-75000).encode(),
        PSA_1,
        has("profile"),
    ),
)
SEEDS = (
    signed(
        "boot-seed-key",
        "the boot seed under the key of the other era (268 and 2397 exchanged)",
        FOREIGN,
        Rule(
            "268 by RFC 9783, 2397 by its drafts: the profile decides, and the other is no boot seed",
            "RFC 9783 4.3.2",
        ),
        _seed_moved,
        NEWER,
        has("boot-seed"),
    ),
    signed(
        "legacy-key-beside",
        "a lifecycle under profile 1's key beside the newer one",
        FOREIGN,
        Rule("a key of another profile means nothing in this one", "RFC 9783 4, 5.1"),
        _beside(-75002, write_int(0x3000)),
        NEWER,
    ),
    signed(
        "newer-key-beside",
        "a lifecycle under the newer key beside profile 1's",
        FOREIGN,
        Rule("a key of another profile means nothing in this one", "RFC 9783 4, 5.1"),
        _beside(2395, write_int(0x3000)),
        PSA_1,
    ),
    signed(
        "no-measurements-newer",
        "the retired claim that there are no measurements",
        FOREIGN,
        Rule("retired: it means nothing in this profile", "RFC 9783 4.4"),
        _beside(-75007, write_int(1)),
        NEWER,
    ),
)
MUTATIONS = (*PROFILES, *SEEDS)
