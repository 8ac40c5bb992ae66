"""CoRIMs of the PSA profile: bytes as the drafts want them, any encoding read, each rule of the profile."""

import contextlib
from typing import Any

import cbor2
import pytest
from cbor2 import CBORTag
from hypothesis import given, settings
from hypothesis import strategies as st
from support.corim_values import (
    CLASS,
    COMPONENT,
    DIGEST,
    GONE,
    IMPLEMENTATION_ID,
    INSTANCE_ID,
    PEM,
    PSA,
    PSA_TRIPLES,
    SIGNER_ID,
    changed,
    corim,
)

from tfm_sim.tools.endorsements import (
    Certification,
    ClassNames,
    CorimProfile,
    Digest,
    EndorsementError,
    Endorsements,
    Entity,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
    Validity,
    load_corim,
    load_endorsements,
    write_corim,
)
from tfm_sim.tools.endorsements.cbor_node import read_general
from tfm_sim.tools.verifier.keys import MacKey, load_key
from tfm_sim.tools.verifier.trust import TrustAnchor

QUICK = settings(max_examples=200, deadline=None)
PROT = ReferenceValue(IMPLEMENTATION_ID, (Digest("sha-256", DIGEST),), SIGNER_ID, "PRoT", "2.1.0")
ANCHOR = TrustAnchor(IMPLEMENTATION_ID, INSTANCE_ID, load_key(PEM))
MINIMAL = Endorsements((PROT,), (ANCHOR,))


def test_the_minimal_corim_is_530_bytes_that_cbor2_makes_too() -> None:
    written = write_corim(MINIMAL, corim_id="demo.example/corim-1", tag_id="demo.example/spm-refs")
    assert len(written) == 530
    assert written == corim()
    assert load_endorsements(written) == MINIMAL


def test_an_id_that_nobody_gave_follows_from_the_content() -> None:
    one, again = write_corim(MINIMAL), write_corim(MINIMAL)
    other = write_corim(Endorsements((PROT,)))
    assert one == again
    assert load_corim(one).id != load_corim(other).id


@pytest.mark.parametrize("profile", list(CorimProfile))
def test_what_is_written_is_read_again(profile: CorimProfile) -> None:
    names = ClassNames("ACME", "RoadRunner", 0, 1)
    if profile.is_realm:
        rems = (None, Digest("sha-384", bytes(48)), None, None)
        value = Endorsements(realms=(RealmReference(Digest("sha-512", bytes(64)), rems, bytes(64)),))
    elif profile in (CorimProfile.CCA_PLATFORM, CorimProfile.CCA_SSD_1):
        mask = None if profile.is_old else b"\xff\x00"
        config = PlatformConfig(IMPLEMENTATION_ID, b"\x01\x02", mask)
        value = Endorsements((PROT,), (ANCHOR,), platform_configs=(config,))
    else:
        component = ReferenceValue(IMPLEMENTATION_ID, (), SIGNER_ID, "PRoT", "2.1.0")
        certificate = Certification(IMPLEMENTATION_ID, "1234567890123-12345", (component,))
        value = Endorsements((PROT,), (ANCHOR,), (certificate,), anchor_names=(names,))
    validity, maker = Validity(2_000_000_000, 1_000), Entity("ACME", "https://acme.example")
    found = load_corim(write_corim(value, profile, corim_id=bytes(16), validity=validity, entities=[maker]))
    assert found.endorsements == value
    assert (found.profile, found.id) == (profile, bytes(16))
    assert (found.validity, found.entities, found.signature) == (validity, (maker,), None)


def test_a_certificate_without_conditions_is_an_endorsed_value() -> None:
    value = Endorsements(certifications=(Certification(IMPLEMENTATION_ID, "1234567890123-12345"),))
    written = write_corim(value)
    assert load_endorsements(written) == value
    triples = read_general(written, "corim").tagged(501, what="a CoRIM")
    assert b"1234567890123 - 12345" in written  # psa-cert-num has spaces around the dash
    assert triples.map({3: "profile"})[3].tagged(32, what="a URI").text() == PSA


def test_components_of_one_device_stand_in_one_triple_by_name_and_class() -> None:
    other = ReferenceValue(IMPLEMENTATION_ID, PROT.digests, SIGNER_ID, "ARoT", names=ClassNames("ACME"))
    found = load_endorsements(write_corim(Endorsements((PROT, other, PROT))))
    assert found.reference_values == (PROT, PROT, other)


def reversed_maps(value: Any) -> Any:
    match value:
        case CBORTag(tag=506, value=bytes(inner)):
            return CBORTag(506, cbor2.dumps(reversed_maps(cbor2.loads(inner))))
        case CBORTag():
            return CBORTag(value.tag, reversed_maps(value.value))
        case list() | tuple():
            return [reversed_maps(item) for item in value]
        case str() | bytes() | int():
            return value
    return {key: reversed_maps(value[key]) for key in reversed(list(value))}


def test_keys_may_come_in_any_order() -> None:
    backwards = cbor2.dumps(reversed_maps(cbor2.loads(corim())))
    assert backwards != corim()
    assert load_endorsements(backwards) == MINIMAL


def indefinite(value: Any) -> bytes:
    """The same with indefinite lengths wherever CBOR has them."""
    match value:
        case CBORTag(tag=506, value=bytes(inner)):
            return cbor2.dumps(CBORTag(506, 0))[:-1] + indefinite(indefinite(cbor2.loads(inner)))
        case CBORTag():
            return cbor2.dumps(CBORTag(value.tag, 0))[:-1] + indefinite(value.value)
        case bytes():
            return (
                b"\x5f" + b"".join(cbor2.dumps(value[n : n + 20]) for n in range(0, len(value), 20)) + b"\xff"
            )
        case str():
            return (
                b"\x7f" + b"".join(cbor2.dumps(value[n : n + 20]) for n in range(0, len(value), 20)) + b"\xff"
            )
        case list() | tuple():
            return b"\x9f" + b"".join(map(indefinite, value)) + b"\xff"
        case int():
            return cbor2.dumps(value)
    return b"\xbf" + b"".join(indefinite(key) + indefinite(value[key]) for key in value) + b"\xff"


def test_lengths_may_be_indefinite() -> None:
    assert load_endorsements(indefinite(cbor2.loads(corim()))) == MINIMAL


def with_comid(entries: dict[int, Any]) -> bytes:
    return corim(key_1=[CBORTag(506, cbor2.dumps({**entries, 4: PSA_TRIPLES}))])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xd9\x01\xf5\xbf\x00\xff", "a map whose last key has no value"),
        (b"\xd9\x01\xf5\x5f\x61\x61\xff", "a chunk that is no string of the same kind"),
        (b"\xd9\x01\xf5\x5f\x5f\x41\x61\xff\xff", "a chunk that is no string of the same kind"),
        (b"\xd9\x01\xf5\x9f\x00", "1 bytes wanted, 0 left: truncated"),
        (b"\xd9\x01\xf5\xbf\x00\x00\x00\x01\xff", "a map has the key the integer 0 twice"),
        (b"\xd9\x01\xf5" + b"\x9f" * 20, "nested deeper than 16 levels"),
        (b"\xd9\x01\xf5\x9f\xfc\xff", "0xfc has no meaning here"),
        (corim() + b"\x00", "1 bytes behind the CBOR item; legal: the item alone"),
        (b"\xa2\x00\x00\x00\x01", "a map has the key the integer 0 twice; legal: once"),
        (
            cbor2.dumps({0: "x"}),
            r"found a map; legal: an unsigned CoRIM \(tag 501\) or a signed one \(tag 18\)",
        ),
        (cbor2.dumps(CBORTag(501, [])), "found an array of 0 items; legal: a map"),
        (corim(key_0=GONE), r"no id \(key 0\); legal: with it"),
        (corim(key_0=""), "id: found an empty text; legal: an identifier"),
        (corim(key_0=b"short"), "id: found a byte string of 5 bytes; legal: a byte string of 16 bytes"),
        (corim(key_1=GONE), r"no tags \(key 1\)"),
        (corim(key_1=[]), "tags: found an array of 0; legal: at least 1 item"),
        (corim(key_1=[CBORTag(507, b"")]), "VALID"),
        (
            corim(key_1=[CBORTag(999, b"")]),
            r"tags\[0\]: found tag 999 .*legal: a CoMID, CoSWID, CoTS or CoTL",
        ),
        (corim(key_1=[CBORTag(506, b"\xa0")]), r"tags\[0\]: no tag-identity \(key 1\)"),
        (with_comid({0: b"en", 1: {0: "x"}}), "language: found a byte string of 2 bytes; legal: a text"),
        (with_comid({1: {0: "x", 1: "2"}}), "tag-version: found '2'; legal: a version from 0"),
        (with_comid({1: {0: "x", 1: -1}}), "tag-version: found the integer -1; legal: a version from 0"),
        (corim(profile=None), r"no profile \(key 3\); legal: tag:arm.com,2025:psa#1.0.0, "),
        (corim(profile="http://example.com"), "profile: found 'http://example.com'; legal: tag:arm.com"),
        (
            corim(profile=CBORTag(111, b"\x2a")),
            r"profile: found tag 111 .*; legal: a profile's URI \(tag 32\)",
        ),
        (corim(triples={}), "triples: found no triples; legal: one or more of reference-triples"),
        (corim(key_4={0: CBORTag(1, 5)}), r"rim-validity: no not-after \(key 1\)"),
        (corim(key_4={1: 5}), r"not-after: found the integer 5; legal: a time \(tag 1\)"),
        (corim(key_4={1: CBORTag(1, "x")}), "not-after: found 'x'; legal: a number"),
        (corim(key_4={0: CBORTag(1, 6), 1: CBORTag(1, 5)}), "not after 5; legal: not before its begin 6"),
        (corim(key_5=[]), "entities: found an array of 0; legal: at least 1"),
        (corim(key_5=[{0: "", 2: [1]}]), r"entities\[0\].*: found an empty text; legal: a name"),
        (corim(key_5=[{0: "ACME"}]), r"entities\[0\]: no role \(key 2\)"),
        (
            corim(key_5=[{0: "A", 2: [2]}, {0: "B", 2: [2]}]),
            "two entities that sign; legal: one manifest-signer",
        ),
    ],
)
def test_what_no_corim_may_be(data: bytes, message: str) -> None:
    if message == "VALID":
        assert load_endorsements(data) == Endorsements()
        return
    with pytest.raises(EndorsementError, match=message) as caught:
        load_corim(data, "file")
    assert str(caught.value).startswith("file")


REFERENCE, MEASUREMENT = (0, 0, 0), (0, 0, 1, 0)
MVAL, ANCHOR_AT = (*MEASUREMENT, 1), (3, 0)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        # Implementation id: class id present, tag 560, 32 bytes.
        ((*REFERENCE, 0, GONE), "one or more of class, instance, group"),
        ((*REFERENCE, 0, {1: "ACME"}), "no class-id; legal: the implementation id"),
        # Software is endorsed for a class of devices: read past, an instance would endorse it for all.
        ((*REFERENCE, {**CLASS, 1: CBORTag(550, b"\x01" * 33)}), "instance: found; legal .* a class alone"),
        ((*REFERENCE, {**CLASS, 2: CBORTag(560, b"group")}), "group: found; legal .* a class alone"),
        ((*REFERENCE, 0, 0, CBORTag(600, bytes(32))), r"tag 600 .*legal: the implementation id \(tag 560\)"),
        ((*REFERENCE, 0, 0, CBORTag(560, bytes(31))), "31 bytes; legal: a byte string of 32 bytes"),
        (
            (*ANCHOR_AT, 0, 0, 0, CBORTag(37, bytes(16))),
            "attest-key-triples.*tag 37 .*legal: the implementation",
        ),
        # Measurement key: present, text, exact.
        ((*MEASUREMENT, 0, GONE), "no mkey; legal: 'psa.software-component'"),
        ((*MEASUREMENT, 0, 6), "mkey: found the integer 6; legal: 'psa.software-component'"),
        ((*MEASUREMENT, 0, "psa.component"), "mkey: found 'psa.component'; legal: 'psa.software-component'"),
        # Signer id: present, one, tag 560, 32, 48 or 64 bytes.
        ((*MVAL, 13, GONE), "no cryptokeys; legal: the signer id"),
        ((*MVAL, 13, []), "cryptokeys: found an array of 0; legal: 1 item"),
        ((*MVAL, 13, [CBORTag(560, bytes(32))] * 2), "cryptokeys: found an array of 2; legal: 1 item"),
        (
            (*MVAL, 13, [CBORTag(554, PEM)]),
            r"cryptokeys\[0\]: found tag 554 .*legal: the signer id \(tag 560\)",
        ),
        ((*MVAL, 13, [CBORTag(560, bytes(33))]), "33 bytes; legal: a byte string of 32, 48 or 64 bytes"),
        # Attestation key: instance id, tag 550, 33 bytes, first 0x01; one key, tag 554.
        ((*ANCHOR_AT, 0, 1, GONE), r"no instance; legal: the instance id \(tag 550\)"),
        ((*ANCHOR_AT, 0, 1, CBORTag(560, INSTANCE_ID)), r"tag 560 .*legal: the instance id \(tag 550\)"),
        ((*ANCHOR_AT, 0, 1, CBORTag(550, bytes(32))), "32 bytes; legal: a byte string of 33 bytes"),
        ((*ANCHOR_AT, 0, 1, CBORTag(550, bytes(33))), "first byte 0x00; legal: 0x01"),
        ((*ANCHOR_AT, 1, []), "found an array of 0; legal: 1 item"),
        ((*ANCHOR_AT, 1, [CBORTag(554, PEM)] * 2), "found an array of 2; legal: 1 item"),
        ((*ANCHOR_AT, 1, [CBORTag(555, PEM)]), r"tag 555 .*legal: a public key \(tag 554\)"),
        ((*ANCHOR_AT, 1, [CBORTag(554, PEM + "\n\n")]), "nothing behind it"),
        (
            (*ANCHOR_AT, 1, [CBORTag(554, PEM.split("\n")[1])]),
            "legal: a PEM block PUBLIC KEY with its first and",
        ),
        ((*ANCHOR_AT, 1, [CBORTag(554, PEM.replace("PUBLIC", "PRIVATE"))]), "legal: a PEM block PUBLIC KEY"),
        ((*ANCHOR_AT, 1, [CBORTag(554, PEM.replace("MFk", "MFl"))]), "legal: a PEM block PUBLIC KEY"),
        # What the profile forbids, and what every CoMID must keep.
        ((*MEASUREMENT, 2, [CBORTag(554, PEM)]), "authorized-by: found; legal in this profile: without it"),
        ((*MVAL, 0, {0: ""}), "version: found an empty text; legal: a version"),
        ((*MVAL, 0, {0: "1", 1: 1}), "version-scheme: found; legal in this profile: without it"),
        ((*MEASUREMENT, 1, {}), "mval: found an empty map; legal: one measurement value or more"),
        ((*MVAL, 2, []), "digests: found an array of 0; legal: at least 1"),
        ((*MVAL, 2, [["sha-256", bytes(31)]]), r"digests\[0\]: sha-256 of 31 bytes; legal: 32 bytes"),
        ((*MVAL, 2, [[99, bytes(31)]]), r"digests\[0\]\[0\]: found the integer 99; legal: .*1 sha-256, "),
        ((*MVAL, 2, [["sha-256", DIGEST], [1, DIGEST]]), "found sha-256 twice; legal: each algorithm once"),
        ((0, 0, [CLASS]), "found an array of 1; legal: 2 items"),
        ((0, []), "reference-triples: found an array of 0; legal: at least 1"),
    ],
)
def test_the_rules_of_the_psa_profile(path: tuple[Any, ...], message: str) -> None:
    with pytest.raises(EndorsementError, match=message):
        load_endorsements(corim(changed(PSA_TRIPLES, *path)))


@pytest.mark.parametrize(
    ("path", "digests"),
    [
        ((*MVAL, 2, GONE), ()),
        ((*MVAL, 2, [[1, DIGEST]]), PROT.digests),
        ((*MVAL, 2, [["sha-256", DIGEST], ["md5", b"x"]]), (*PROT.digests, Digest("md5", b"x"))),
    ],
    ids=["none", "by number", "two"],
)
def test_digests_are_the_appraisals_affair(path: tuple[Any, ...], digests: tuple[Digest, ...]) -> None:
    (found,) = load_endorsements(corim(changed(PSA_TRIPLES, *path))).reference_values
    assert found.digests == digests


@pytest.mark.parametrize("pem", [PEM, PEM + "\n", PEM.replace("\n", "\r\n")])
def test_a_pem_block_may_end_its_line(pem: str) -> None:
    assert load_endorsements(corim(changed(PSA_TRIPLES, *ANCHOR_AT, 1, [CBORTag(554, pem)]))) == MINIMAL


def certified(number: Any, component: Any = COMPONENT) -> dict[int, Any]:
    return {10: [[[[CLASS, [component]]], [[CLASS, [{0: "psa.certification", 1: {100: number}}]]]]]}


def test_a_certificate_for_who_meets_the_conditions() -> None:
    """The example of draft-ietf-rats-corim: conditional endorsement, key 10."""
    (found,) = load_endorsements(corim(certified("1234567890123 - 12345"))).certifications
    assert found == Certification(IMPLEMENTATION_ID, "1234567890123-12345", (PROT,))


@pytest.mark.parametrize(
    ("number", "component", "message"),
    [
        ("1234567890123-12345", COMPONENT, "legal: 13 digits, space, hyphen, space, 5 digits"),
        ("123456789012 - 12345", COMPONENT, "legal: 13 digits, space"),
        (b"1", COMPONENT, "psa-cert-num: found a byte string of 1 bytes; legal: a text"),
        ("1234567890123 - 12345", changed(COMPONENT, 0, "other"), "mkey: found 'other'"),
    ],
)
def test_a_certificate_that_is_none(number: Any, component: Any, message: str) -> None:
    with pytest.raises(EndorsementError, match=message):
        load_endorsements(corim(certified(number, component)))


@pytest.mark.parametrize(
    ("value", "profile", "message"),
    [
        (Endorsements(), CorimProfile.PSA, "no endorsements; legal in a CoRIM: one or more"),
        (Endorsements(), CorimProfile.CCA_REALM, "no endorsements"),
        (
            Endorsements(trust_anchors=(TrustAnchor(IMPLEMENTATION_ID, INSTANCE_ID, MacKey(bytes(32))),)),
            CorimProfile.PSA,
            "a symmetric key; legal in a CoRIM: a public key. YAML can carry it",
        ),
        (
            Endorsements((ReferenceValue(IMPLEMENTATION_ID, PROT.digests, None, "PRoT"),)),
            CorimProfile.PSA,
            "component PRoT: no signer id; legal in a CoRIM: with it",
        ),
        (
            Endorsements((PROT,), platform_configs=(PlatformConfig(IMPLEMENTATION_ID, b"1"),)),
            CorimProfile.PSA,
            "a platform configuration in a PSA CoRIM",
        ),
        (MINIMAL, CorimProfile.CCA_REALM, "endorsements of a device in a CoRIM of realms"),
        (
            Endorsements(realms=(RealmReference(Digest("sha-256", bytes(32))),)),
            CorimProfile.PSA,
            "realms in a CoRIM of devices; legal: in one of their own",
        ),
    ],
)
def test_what_a_profile_cannot_carry(value: Endorsements, profile: CorimProfile, message: str) -> None:
    with pytest.raises(EndorsementError, match=message):
        write_corim(value, profile)


def test_validity_may_be_one_moment_and_no_less() -> None:
    """draft-ietf-rats-corim 7.3: both ends are included."""
    assert Validity(100, 100).not_after == 100
    with pytest.raises(EndorsementError, match="not after 99; legal: not before its begin 100"):
        Validity(99, 100)


def test_validity_is_asked_of_whoever_gives_a_time() -> None:
    data = write_corim(MINIMAL, validity=Validity(200, 100))
    for moment in (None, 100, 150, 200):
        assert load_endorsements(data, now=moment) == MINIMAL
    with pytest.raises(EndorsementError, match="valid from 100; legal: used then, not at 99"):
        load_endorsements(data, now=99)
    with pytest.raises(EndorsementError, match="valid until 200; legal: used before, not at 201"):
        load_endorsements(data, now=201)


@QUICK
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_end_in_its_own_error(data: bytes, tagged: bool) -> None:
    with contextlib.suppress(EndorsementError):
        load_corim(b"\xd9\x01\xf5" + data if tagged else data)


@QUICK
@given(st.integers(0, 529), st.integers(0, 255))
def test_any_changed_byte_ends_in_its_own_error(place: int, value: int) -> None:
    data = bytearray(corim())
    data[place] = value
    with contextlib.suppress(EndorsementError):
        load_corim(bytes(data))
