"""Authentic tokens without a claim, and wrong claims of CCA tokens."""

from ..tokens.cbor_writer import join_array, write_bytes, write_int, write_text
from .claim_values import LENGTH, MISSING, PSA_1, PSA_2, TYPE, VALUE, claim_value
from .labels import Family
from .mutation import ACCEPTED, Deserved, KeyNeed, OnMessage, Rule, Trait
from .subject import Target
from .traits import has, of

PLATFORMS = (
    claim_value(
        "platform-config-as-integer",
        "a platform configuration that is an integer",
        "platform-config",
        write_int(1),
        TYPE,
        Rule("a byte string", "RMM A7.2.4"),
    ),
    claim_value(
        "platform-hash-as-integer",
        "the platform's hash algorithm as an integer",
        "platform-hash",
        write_int(1),
        TYPE,
        Rule("the IANA name as text", "RMM A7.2.4"),
    ),
)
RIM = Rule("32, 48 or 64 bytes", "RMM A7.2.3.1")
REALMS = (
    claim_value(
        "personalization-63-bytes",
        "a personalization value of 63 bytes",
        "personalization",
        write_bytes(bytes(63)),
        LENGTH,
        Rule("64 bytes", "RMM A7.2.3.1"),
    ),
    claim_value(
        "initial-measurement-20-bytes",
        "a realm initial measurement of 20 bytes",
        "initial-measurement",
        write_bytes(bytes(20)),
        LENGTH,
        RIM,
    ),
    claim_value(
        "extensible-measurements-3",
        "three realm extensible measurements",
        "extensible-measurements",
        join_array([write_bytes(bytes(32))] * 3),
        LENGTH,
        Rule("exactly four", "RMM A7.2.3.1"),
    ),
    claim_value(
        "extensible-measurements-5",
        "five realm extensible measurements",
        "extensible-measurements",
        join_array([write_bytes(bytes(32))] * 5),
        LENGTH,
        Rule("exactly four", "RMM A7.2.3.1"),
    ),
    claim_value(
        "extensible-measurement-31-bytes",
        "a realm extensible measurement of 31 bytes",
        "extensible-measurements",
        join_array([write_bytes(bytes(31))] * 4),
        LENGTH,
        RIM,
    ),
    claim_value(
        "realm-hash-as-bytes",
        "the realm's hash algorithm as bytes",
        "hash-algorithm",
        write_bytes(b"sha-256"),
        TYPE,
        Rule("the IANA name as text", "RMM A7.2.3.1"),
    ),
    claim_value(
        "mec-policy-2",
        "memory encryption policy 2",
        "mec-policy",
        write_int(2),
        VALUE,
        Rule("0 (shared) or 1 (private)", "RMM A7.2.3.1"),
        has("mec-policy"),
    ),
    claim_value(
        "mec-policy-as-text",
        "the memory encryption policy as text",
        "mec-policy",
        write_text("private"),
        TYPE,
        Rule("0 (shared) or 1 (private)", "RMM A7.2.3.1"),
        has("mec-policy"),
    ),
)


def _missing(claim: str, deserves: Deserved, rule: Rule, *traits: Trait) -> OnMessage:
    def change(target: Target) -> bytes:
        return target.signed(target.claims.without(target.label(claim)).encode()).encode()

    return OnMessage(
        f"{claim}-removed-resigned",
        f"takes the claim {claim} away, signed by the device",
        deserves,
        rule,
        change,
        (has(claim), *traits),
        KeyNeed.SIGNER,
    )


MANDATORY = Rule("the claim is mandatory", "RFC 9783 4")
OPTIONAL = Rule("the claim is optional", "RFC 9783 4")
PRESENT = (
    *(
        _missing(claim, MISSING, MANDATORY)
        for claim in (
            "nonce",
            "implementation-id",
            "client-id",
            "lifecycle",
            "components",
            "platform-config",
            "platform-hash",
        )
    ),
    _missing(
        "instance-id", MISSING, MANDATORY, of(Family.PSA_1, Family.PSA_2, Family.RFC_9783, Family.PLATFORM)
    ),
    *(
        _missing(claim, MISSING, Rule("the claim is mandatory", "RMM A7.2.3.1"))
        for claim in (
            "personalization",
            "hash-algorithm",
            "initial-measurement",
            "extensible-measurements",
            "rak-hash",
        )
    ),
    _missing("cert-ref", ACCEPTED, OPTIONAL),
    _missing("vsi", ACCEPTED, OPTIONAL),
    OnMessage(
        "boot-seed-removed-resigned",
        "takes the boot seed away, signed by the device",
        ACCEPTED,
        OPTIONAL,
        lambda target: target.signed(target.claims.without(target.label("boot-seed")).encode()).encode(),
        (has("boot-seed"), PSA_2),
        KeyNeed.SIGNER,
    ),
    OnMessage(
        "boot-seed-removed-legacy-resigned",
        "takes the boot seed away under profile 1, signed by the device",
        MISSING,
        Rule("the claim is mandatory", "PSA_IOT_PROFILE_1"),
        lambda target: target.signed(target.claims.without(target.label("boot-seed")).encode()).encode(),
        (has("boot-seed"), PSA_1),
        KeyNeed.SIGNER,
    ),
)
MUTATIONS = (*PLATFORMS, *REALMS, *PRESENT)
