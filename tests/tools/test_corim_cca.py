"""CoRIMs of CCA platforms and realms, and the profiles before 2025 with their tags of their own."""

from typing import Any

import pytest
from cbor2 import CBORTag
from support.corim_values import (
    CCA_COMPONENT,
    CCA_CONFIG,
    CCA_PLATFORM,
    CCA_REALM,
    CCA_TRIPLES,
    DIGEST,
    GONE,
    IMPLEMENTATION_ID,
    INSTANCE_ID,
    PEM,
    REALM_TRIPLES,
    RIM,
    SIGNER_ID,
    changed,
    corim,
)

from tfm_sim.tools.endorsements import (
    Certification,
    ClassNames,
    Digest,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
    load_endorsements,
)
from tfm_sim.tools.verifier.keys import load_key
from tfm_sim.tools.verifier.trust import TrustAnchor

SHA_256 = (Digest("sha-256", DIGEST),)
COMPONENT = ReferenceValue(IMPLEMENTATION_ID, SHA_256, SIGNER_ID, "PRoT", "2.1.0")
ANCHOR = TrustAnchor(IMPLEMENTATION_ID, INSTANCE_ID, load_key(PEM))
CONFIG = PlatformConfig(IMPLEMENTATION_ID, b"\xef\xbe", b"\xff\x00")


def test_a_platform_with_its_configuration() -> None:
    found = load_endorsements(corim(CCA_TRIPLES, CCA_PLATFORM))
    assert found == Endorsements((COMPONENT,), (ANCHOR,), platform_configs=(CONFIG,))


def test_value_and_mask_in_one() -> None:
    masked = CBORTag(563, [b"\xef\xbe", b"\xff\x00"])
    triples = changed(CCA_TRIPLES, 0, 0, 1, 1, 1, {4: masked})
    assert load_endorsements(corim(triples, CCA_PLATFORM)).platform_configs == (CONFIG,)


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ([CCA_CONFIG], "found no component; legal: one cca.software-component or more"),
        ([CCA_COMPONENT, CCA_CONFIG, CCA_CONFIG], "found 2 configurations; legal: one or none"),
        (
            [changed(CCA_COMPONENT, 0, "psa.software-component")],
            "legal: 'cca.software-component' or 'cca.plat",
        ),
        ([changed(CCA_COMPONENT, 1, 2, GONE)], "no digests; legal: one or more"),
        (
            [changed(CCA_COMPONENT, 1, 2, [["sha3-224", bytes(28)]])],
            "sha3-224 of 28 bytes; legal: 32, 48 or 64",
        ),
        ([changed(CCA_COMPONENT, 1, 13, GONE)], "no cryptokeys; legal: the signer id"),
        ([changed(CCA_COMPONENT, 1, 0, {0: "1", 1: 1})], "version-scheme: found"),
        ([CCA_COMPONENT, changed(CCA_CONFIG, 1, 4, GONE)], "no raw-value; legal: the configuration"),
        ([CCA_COMPONENT, changed(CCA_CONFIG, 1, 5, GONE)], "no raw-value-mask; legal: with raw-value"),
        ([CCA_COMPONENT, changed(CCA_CONFIG, 1, 5, b"\xff")], "found a mask of 1 bytes; legal: 2"),
        ([CCA_COMPONENT, changed(CCA_CONFIG, 1, 4, b"\xef\xbe")], r"legal: the configuration \(tag 560\)"),
    ],
)
def test_the_rules_of_the_platform_profile(claims: Any, message: str) -> None:
    """CCA endorsements 3.1."""
    with pytest.raises(EndorsementError, match=message):
        load_endorsements(corim(changed(CCA_TRIPLES, 0, 0, 1, claims), CCA_PLATFORM))


def test_a_realm() -> None:
    (found,) = load_endorsements(corim(REALM_TRIPLES, CCA_REALM)).realms
    assert found == RealmReference(Digest("sha-256", RIM), (None, SHA_256[0], None, None), bytes(64))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((0, {1: CBORTag(560, RIM)}), "no class-id; legal: the realm's initial measurement"),
        ((0, 0, 0, CBORTag(37, bytes(16))), r"legal: the realm's initial measurement \(tag 560\)"),
        ((0, 0, 0, CBORTag(560, bytes(16))), "16 bytes; legal: a byte string of 32, 48 or 64 bytes"),
        ((0, 0, 0, CBORTag(560, bytes(32))), "cca.rim 6061.*; legal: 0000.*, as the class id says"),
        ((1, 0, 0, "cca.rim0"), "mkey: found 'cca.rim0'; legal: 'cca.rim' or 'cca.rem0' or"),
        ((1, 0, 0, GONE), "no mkey; legal: 'cca.rim'"),
        ((1, 0, GONE), "found no initial measurement; legal: one cca.rim"),
        ((1, 1, 0, "cca.rim"), "found cca.rim twice; legal: each register once"),
        (
            (1, 1, {0: "cca.rpv", 1: {4: CBORTag(560, bytes(64))}}),
            "found cca.rpv twice; legal: each register once",
        ),
        ((1, 1, 1, {11: "x"}), "no digests; legal: one"),
        ((1, 1, 1, 2, [["sha-256", RIM], ["sha-512", bytes(64)]]), "found an array of 2; legal: 1 item"),
        ((1, 1, 1, 2, [["sha3-224", bytes(28)]]), "sha3-224 of 28 bytes; legal: 32, 48 or 64 bytes"),
        ((1, 2, 1, {11: "x"}), "no raw-value; legal: the personalization value"),
    ],
)
def test_the_rules_of_the_realm_profile(path: tuple[Any, ...], message: str) -> None:
    """CCA endorsements 3.2."""
    with pytest.raises(EndorsementError, match=message):
        load_endorsements(corim(changed(REALM_TRIPLES, 0, 0, *path), CCA_REALM))


OLD_CLASS = {0: {0: CBORTag(600, IMPLEMENTATION_ID), 1: "ACME"}}
OLD_KEY = CBORTag(601, {1: "PRoT", 4: "2.1.0", 5: SIGNER_ID})
OLD_TRIPLES = {
    0: [[OLD_CLASS, [{0: OLD_KEY, 1: {2: [[1, DIGEST]]}}]]],
    3: [[{**OLD_CLASS, 1: CBORTag(550, INSTANCE_ID)}, [CBORTag(554, PEM)]]],
    4: [[{1: IMPLEMENTATION_ID, 2: [OLD_KEY.value]}, "1234567890123 - 12345"]],
}
OLD_CONFIG = {0: CBORTag(602, "cfg v1"), 1: {4: CBORTag(560, b"\x01")}}
NAMES = ClassNames("ACME")
OLD_COMPONENT = ReferenceValue(IMPLEMENTATION_ID, SHA_256, SIGNER_ID, "PRoT", "2.1.0", NAMES)
BARE = "".join(PEM.split("\n")[1:-1])


@pytest.mark.parametrize("profile", ["http://arm.com/psa/iot/1", "http://arm.com/cca/ssd/1"])
@pytest.mark.parametrize(
    "form", [lambda uri: CBORTag(32, uri), lambda uri: uri, lambda uri: [CBORTag(32, uri)]]
)
def test_the_older_profiles_have_tags_of_their_own(profile: str, form: Any) -> None:
    text = form(profile)
    found = load_endorsements(corim(OLD_TRIPLES, None, key_3=text))
    (certificate,) = found.certifications
    assert certificate == Certification(
        IMPLEMENTATION_ID,
        "1234567890123-12345",
        (ReferenceValue(IMPLEMENTATION_ID, (), SIGNER_ID, "PRoT", "2.1.0"),),
    )
    assert (found.reference_values, found.trust_anchors) == ((OLD_COMPONENT,), (ANCHOR,))
    assert found.names_of(0) == NAMES


@pytest.mark.parametrize("key", [CBORTag(554, BARE), {0: BARE}, {0: PEM}], ids=["bare", "map", "map of PEM"])
def test_the_first_drafts_had_keys_without_their_lines(key: Any) -> None:
    triples = changed(OLD_TRIPLES, 3, 0, 1, [key])
    assert load_endorsements(corim(triples, "http://arm.com/psa/iot/1")).trust_anchors == (ANCHOR,)


def test_the_older_platform_names_its_configuration() -> None:
    triples = changed(OLD_TRIPLES, 0, 0, 1, [OLD_CONFIG])
    found = load_endorsements(corim(triples, "http://arm.com/cca/ssd/1"))
    assert found.platform_configs == (PlatformConfig(IMPLEMENTATION_ID, b"\x01", None, NAMES),)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((0, 0, 0, 0, 0, CBORTag(560, IMPLEMENTATION_ID)), r"legal: the implementation id \(tag 600\)"),
        ((0, 0, 1, 0, 0, GONE), r"no mkey; legal: a component \(tag 601\)"),
        ((0, 0, 1, 0, 0, "psa.software-component"), r"legal: a component \(tag 601\)"),
        ((0, 0, 1, [OLD_CONFIG]), r"tag 602 .*legal: a component \(tag 601\)"),
        ((0, 0, 1, 0, 0, CBORTag(601, {5: bytes(31)})), "31 bytes; legal: a byte string of 32, 48 or 64"),
        ((0, 0, 1, 0, 1, {11: "x"}), "no digests; legal: one or more"),
        ((3, 0, 1, [CBORTag(554, "!")]), "legal: a PEM block PUBLIC KEY"),
        ((3, 0, 1, [CBORTag(554, PEM)] * 2), "found an array of 2; legal: 1 item"),
        ((4, 0, 0, {2: []}), r"no immutable-rot \(key 1\)"),
        ((4, 0, 1, "1"), "legal: 13 digits, space, hyphen, space, 5 digits"),
    ],
)
def test_the_rules_of_the_older_psa_profile(path: tuple[Any, ...], message: str) -> None:
    """draft-fdb-rats-psa-endorsements-03."""
    with pytest.raises(EndorsementError, match=message):
        load_endorsements(corim(changed(OLD_TRIPLES, *path), "http://arm.com/psa/iot/1"))


REGISTERS = {"rim": [[1, RIM]], "rem0": [[1, DIGEST]]}
OLD_REALM = {0: [[{1: CBORTag(560, RIM)}, [{1: {4: CBORTag(560, bytes(64)), 14: REGISTERS}}]]]}


def test_the_older_realm_has_integrity_registers() -> None:
    (found,) = load_endorsements(corim(OLD_REALM, "http://arm.com/cca/realm/1")).realms
    assert found == RealmReference(Digest("sha-256", RIM), (SHA_256[0], None, None, None), bytes(64))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((0, {2: CBORTag(560, RIM)}), "no instance; legal: the realm's initial measurement"),
        ((0, 1, CBORTag(560, bytes(32))), "found rim 6061.*; legal: 0000.*, as the instance"),
        ((1, 0, 1, 14, GONE), "no integrity-registers; legal: with rim"),
        ((1, 0, 1, 14, {"rem0": [[1, DIGEST]]}), "integrity-registers: found no rim; legal: with it"),
        ((1, 0, 1, 14, "rim", [[1, RIM], [7, bytes(48)]]), "rim: found 2 digests; legal: one"),
        ((1, 0, 1, 14, {0: [[1, RIM]]}), "a key: found the integer 0; legal: a text"),
    ],
)
def test_the_rules_of_the_older_realm_profile(path: tuple[Any, ...], message: str) -> None:
    with pytest.raises(EndorsementError, match=message):
        load_endorsements(corim(changed(OLD_REALM, 0, 0, *path), "http://arm.com/cca/realm/1"))
