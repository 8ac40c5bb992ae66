"""Authentic tokens with wrong claims: the device's own key signed them, and only the claims tell."""

from collections.abc import Callable
from typing import Final

from ..tokens.cbor_writer import join_array, wrap_tag, write_bytes, write_int, write_text
from ..verifier import Kind
from .labels import Family
from .mutation import ACCEPTED, Deserved, KeyNeed, OnMessage, Rule, Trait, refused, tolerated
from .subject import Part, Target
from .traits import NOT_REALM, has, knows, of

TYPE, LENGTH, VALUE, MISSING = (
    refused(kind) for kind in (Kind.CLAIM_TYPE, Kind.CLAIM_LENGTH, Kind.CLAIM_VALUE, Kind.CLAIM_MISSING)
)
UTF8 = refused(Kind.INVALID_UTF8)
NAN: Final = b"\xf9\x7e\x00"
BIG: Final = wrap_tag(2, write_bytes(b"\x01" + bytes(99)))
PSA_2 = of(Family.PSA_2, Family.RFC_9783)
PSA_1 = of(Family.PSA_1)

NONCE = Rule("one byte string of 32, 48 or 64 bytes", "RFC 9783 4.1.1")
REALM_NONCE = Rule("one byte string of 64 bytes", "RMM A7.2.3.1.2")
INSTANCE = Rule("33 bytes, the first 0x01", "RFC 9783 4.2.1")
IMPLEMENTATION = Rule("exactly 32 bytes", "RFC 9783 4.2.2")
CERTIFICATE = Rule("13 digits, a dash, 5 digits", "RFC 9783 4.2.3")
OLD_CERTIFICATE = Rule("13 digits, alone or with a dash and 5 digits", "PSA_IOT_PROFILE_1")
LIFECYCLE = Rule("an unsigned integer in one of seven ranges of 256 values", "RFC 9783 4.3.1")
SEED = Rule("a byte string of 8 to 32 bytes", "RFC 9783 4.3.2")
OLD_SEED = Rule("a byte string of 32 bytes", "PSA_IOT_PROFILE_1")
CLIENT = Rule("a signed integer of 32 bits, never 0", "RFC 9783 4.1.3")
SERVICE = Rule("a text string", "RFC 9783 4.5.1")
APPRAISED = Rule("a legal value: whether it is a wanted one is for the policy to say", "RFC 9783 4, 7")


def claim_value(
    name: str,
    what: str,
    claim: str,
    value: bytes | Callable[[Target], bytes],
    deserves: Deserved,
    rule: Rule,
    *traits: Trait,
    parts: tuple[Part, ...] = tuple(Part),
) -> OnMessage:
    """The claim (which the profile must know) with this encoded value, signed anew."""

    def change(target: Target) -> bytes:
        return target.with_claim(claim, value(target) if callable(value) else value)

    differs = Trait("another value", lambda t: t.claim(claim) != (value(t) if callable(value) else value))
    return OnMessage(
        f"{name}-resigned",
        f"{what}, signed by the device",
        deserves,
        rule,
        change,
        (knows(claim), *traits, differs),
        KeyNeed.SIGNER,
        parts=parts,
    )


def _nonce(name: str, what: str, value: bytes | Callable[[Target], bytes], deserves: Deserved) -> OnMessage:
    return claim_value(name, what, "nonce", value, deserves, NONCE)


NONCES = (
    _nonce(
        "nonce-31-bytes", "the nonce cut to 31 bytes", lambda t: write_bytes(t.octets("nonce")[:31]), LENGTH
    ),
    _nonce("nonce-65-bytes", "a nonce of 65 bytes", write_bytes(bytes(65)), LENGTH),
    _nonce("nonce-empty", "an empty nonce", write_bytes(b""), LENGTH),
    _nonce(
        "nonce-as-array", "the nonce in an array", lambda t: join_array([t.claim("nonce") or b"\x40"]), TYPE
    ),
    _nonce("nonce-as-text", "the nonce in hex as text", lambda t: write_text(t.octets("nonce").hex()), TYPE),
    claim_value(
        "realm-challenge-32-bytes",
        "the realm's challenge cut to 32 bytes",
        "nonce",
        lambda target: write_bytes(target.octets("nonce")[:32]),
        LENGTH,
        REALM_NONCE,
        of(Family.REALM, Family.REALM_LEGACY),
    ),
)
IDENTITIES = (
    claim_value(
        "instance-id-of-another-device",
        "the instance id of another device",
        "instance-id",
        lambda target: write_bytes(b"\x01" + target.means.material("instance", 32)),
        tolerated(Kind.INSTANCE_ID),
        Rule("it names the key; a trust anchor is looked up by it", "RFC 9783 4.2.1, PSA attestation API"),
        NOT_REALM,
    ),
    claim_value(
        "instance-id-32-bytes",
        "an instance id of 32 bytes",
        "instance-id",
        write_bytes(b"\x01" + bytes(31)),
        LENGTH,
        INSTANCE,
        has("instance-id"),
    ),
    claim_value(
        "instance-id-34-bytes",
        "an instance id of 34 bytes",
        "instance-id",
        write_bytes(b"\x01" + bytes(33)),
        LENGTH,
        INSTANCE,
        has("instance-id"),
    ),
    claim_value(
        "instance-id-first-byte",
        "an instance id that begins with 0x02",
        "instance-id",
        lambda t: write_bytes(b"\x02" + t.octets("instance-id")[1:]),
        VALUE,
        INSTANCE,
        has("instance-id"),
    ),
    claim_value(
        "instance-id-as-text",
        "the instance id in hex as text",
        "instance-id",
        lambda t: write_text(t.octets("instance-id").hex()),
        TYPE,
        INSTANCE,
        has("instance-id"),
    ),
    claim_value(
        "implementation-id-4-bytes",
        "an implementation id of 4 bytes",
        "implementation-id",
        write_bytes(bytes.fromhex("bbbadcac")),
        LENGTH,
        IMPLEMENTATION,
    ),
    claim_value(
        "implementation-id-33-bytes",
        "an implementation id of 33 bytes",
        "implementation-id",
        write_bytes(bytes(33)),
        LENGTH,
        IMPLEMENTATION,
    ),
    claim_value(
        "implementation-id-as-text",
        "an implementation id that is text",
        "implementation-id",
        write_text("acme-roadrunner"),
        TYPE,
        IMPLEMENTATION,
    ),
    claim_value(
        "implementation-id-of-another",
        "the implementation id of another product",
        "implementation-id",
        lambda t: write_bytes(t.means.material("implementation", 32)),
        ACCEPTED,
        APPRAISED,
    ),
    claim_value(
        "boot-seed-7-bytes", "a boot seed of 7 bytes", "boot-seed", write_bytes(bytes(7)), LENGTH, SEED, PSA_2
    ),
    claim_value(
        "boot-seed-8-bytes",
        "a boot seed of 8 bytes",
        "boot-seed",
        write_bytes(bytes(8)),
        ACCEPTED,
        SEED,
        PSA_2,
    ),
    claim_value(
        "boot-seed-33-bytes", "a boot seed of 33 bytes", "boot-seed", write_bytes(bytes(33)), LENGTH, SEED
    ),
    claim_value(
        "boot-seed-short",
        "a boot seed of 8 bytes under profile 1",
        "boot-seed",
        write_bytes(bytes(8)),
        LENGTH,
        OLD_SEED,
        PSA_1,
    ),
    claim_value(
        "boot-seed-as-integer", "a boot seed that is an integer", "boot-seed", write_int(0), TYPE, SEED
    ),
)
CERTIFICATES = (
    claim_value(
        "cert-ref-13-digits",
        "a certification reference of 13 digits",
        "cert-ref",
        write_text("0604565272829"),
        VALUE,
        CERTIFICATE,
        PSA_2,
    ),
    claim_value(
        "cert-ref-13-digits-legacy",
        "a certification reference of 13 digits, under profile 1",
        "cert-ref",
        write_text("0604565272829"),
        ACCEPTED,
        OLD_CERTIFICATE,
        PSA_1,
    ),
    claim_value(
        "cert-ref-no-dash",
        "18 digits without a dash",
        "cert-ref",
        write_text("060456527282910010"),
        VALUE,
        CERTIFICATE,
        PSA_2,
    ),
    claim_value(
        "cert-ref-spaces",
        "a dash between spaces, as endorsements have it",
        "cert-ref",
        write_text("0604565272829 - 10010"),
        VALUE,
        CERTIFICATE,
    ),
    claim_value(
        "cert-ref-dash-misplaced",
        "the dash at another place",
        "cert-ref",
        write_text("06045652728291-0010"),
        VALUE,
        CERTIFICATE,
    ),
    claim_value(
        "cert-ref-newline",
        "a newline behind",
        "cert-ref",
        write_text("0604565272829-10010\n"),
        VALUE,
        CERTIFICATE,
    ),
    claim_value(
        "cert-ref-other-digits",
        "an Arabic digit nine",
        "cert-ref",
        write_text("060456527282\u0669-10010"),
        VALUE,
        CERTIFICATE,
    ),
    claim_value(
        "cert-ref-empty", "an empty certification reference", "cert-ref", write_text(""), VALUE, CERTIFICATE
    ),
    claim_value(
        "cert-ref-as-bytes",
        "the certification reference as bytes",
        "cert-ref",
        write_bytes(b"0604565272829-10010"),
        TYPE,
        CERTIFICATE,
    ),
)


def _lifecycle(name: str, what: str, value: bytes, deserves: Deserved, rule: Rule = LIFECYCLE) -> OnMessage:
    return claim_value(f"lifecycle-{name}", what, "lifecycle", value, deserves, rule)


LIFECYCLES = (
    _lifecycle("debug", "says recoverable PSA RoT debug (0x5000)", write_int(0x5000), ACCEPTED, APPRAISED),
    _lifecycle("decommissioned", "says decommissioned (0x6000)", write_int(0x6000), ACCEPTED, APPRAISED),
    _lifecycle("unknown", "says unknown (0x0000)", write_int(0), ACCEPTED, APPRAISED),
    _lifecycle(
        "low-byte", "secured, with a low byte of the implementation's own", write_int(0x30FF), ACCEPTED
    ),
    _lifecycle("between-ranges", "0x3100, which is no state", write_int(0x3100), VALUE),
    _lifecycle("above-ranges", "0x7000, which is no state", write_int(0x7000), VALUE),
    _lifecycle("huge", "2^64 - 1", write_int(2**64 - 1), VALUE),
    _lifecycle("negative", "-1", write_int(-1), VALUE),
    _lifecycle("as-float", "12288.0", b"\xfa\x46\x40\x00\x00", TYPE),
    _lifecycle("as-text", '"secured"', write_text("secured"), TYPE),
    _lifecycle("as-nan", "not a number", NAN, TYPE),
    _lifecycle("as-bignum", "a bignum (tag 2) of 100 bytes", BIG, TYPE),
    _lifecycle("as-bool", "true", b"\xf5", TYPE),
)


def _client(name: str, what: str, value: bytes, deserves: Deserved) -> OnMessage:
    return claim_value(f"client-id-{name}", what, "client-id", value, deserves, CLIENT)


CLIENTS = (
    _client("zero", "client id 0", write_int(0), VALUE),
    _client("too-large", "client id 2^31", write_int(2**31), VALUE),
    _client("too-small", "client id -2^31 - 1", write_int(-(2**31) - 1), VALUE),
    _client("unsigned", "a non-secure id taken for unsigned (0xc4000000)", write_int(0xC4000000), VALUE),
    _client("huge", "client id 2^64 - 1", write_int(2**64 - 1), VALUE),
    _client("lowest", "client id -2^64", write_int(-(2**64)), VALUE),
    _client("as-bool", "client id true", b"\xf5", TYPE),
    _client("as-bignum", "client id as a bignum (tag 2) of 100 bytes", BIG, TYPE),
    _client("as-nan", "client id not a number", NAN, TYPE),
    _client("as-float", "client id 1.0", b"\xf9\x3c\x00", TYPE),
    claim_value(
        "client-id-secure",
        "the client id of a secure partition",
        "client-id",
        write_int(0x1234),
        ACCEPTED,
        APPRAISED,
    ),
)
SERVICES = (
    claim_value(
        "vsi-empty", "an empty verification service", "vsi", write_text(""), ACCEPTED, SERVICE, PSA_2
    ),
    claim_value(
        "vsi-empty-legacy",
        "an empty verification service under profile 1",
        "vsi",
        write_text(""),
        VALUE,
        Rule("text, not empty", "PSA_IOT_PROFILE_1"),
        PSA_1,
    ),
    claim_value(
        "vsi-as-bytes",
        "the verification service as bytes",
        "vsi",
        write_bytes(b"www.example.org"),
        TYPE,
        SERVICE,
    ),
    claim_value(
        "vsi-utf8", "a verification service that is no UTF-8", "vsi", write_text(b"\xff\xfe"), UTF8, SERVICE
    ),
    claim_value(
        "vsi-of-the-attacker",
        "another verification service",
        "vsi",
        write_text("verify.attacker.example"),
        ACCEPTED,
        Rule("a hint, which a verifier does not follow", "RFC 9783 4.5.1"),
    ),
)
MUTATIONS = (*NONCES, *IDENTITIES, *CERTIFICATES, *LIFECYCLES, *CLIENTS, *SERVICES)
