"""Endorsements as YAML: what is written is read again, and each error names its place and what is legal."""

import contextlib
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

import tfm_sim
from tfm_sim.tools.endorsements import (
    Certification,
    ClassNames,
    Digest,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
    endorsements_yaml,
    load_endorsements,
)
from tfm_sim.tools.verifier.keys import MacKey, load_key
from tfm_sim.tools.verifier.trust import TrustAnchor

QUICK = settings(max_examples=200, deadline=None)
IMPLEMENTATION_ID = bytes(range(32))
INSTANCE_ID = b"\x01" + bytes(range(32))
SHA_256 = Digest("sha-256", bytes(range(32)))
SHA_384 = Digest("sha-384", bytes(48))
KEY = load_key(ec.derive_private_key(7, ec.SECP384R1()))
SPE = ReferenceValue(IMPLEMENTATION_ID, (SHA_256,), bytes(48), "SPE", "2.1.0")
ANCHOR = TrustAnchor(IMPLEMENTATION_ID, INSTANCE_ID, KEY)
ALL = Endorsements(
    reference_values=(SPE, ReferenceValue(IMPLEMENTATION_ID, (SHA_256, SHA_384), type="", version="1.0")),
    trust_anchors=(ANCHOR, TrustAnchor(IMPLEMENTATION_ID, b"\x01" + bytes(32), MacKey(bytes(64)))),
    certifications=(Certification(IMPLEMENTATION_ID, "0604565272829-10010", (SPE,)),),
    platform_configs=(PlatformConfig(IMPLEMENTATION_ID, b"\x01\x02", b"\xff\x00"),),
    realms=(RealmReference(SHA_256, (None, SHA_384, None, None), bytes(64)),),
    anchor_names=(ClassNames("ACME", "RoadRunner", 0, 1), ClassNames()),
)
HEX_32, HEX_33 = IMPLEMENTATION_ID.hex(), INSTANCE_ID.hex()


def test_what_is_written_is_read_again() -> None:
    assert load_endorsements(endorsements_yaml(ALL).encode()) == ALL


@pytest.mark.parametrize(
    "text", ["1e3", "0x10", "yes", "ünder", "a: b", "two\nlines", "\x07", " padded ", "~"]
)
def test_texts_that_yaml_could_take_for_something_else(text: str) -> None:
    value = Endorsements((ReferenceValue(IMPLEMENTATION_ID, (SHA_256,), type=text, version=text),))
    assert load_endorsements(endorsements_yaml(value).encode()) == value


def test_a_symmetric_key_comes_with_a_warning() -> None:
    assert endorsements_yaml(ALL).startswith("# NOT SECURE to hand out")
    assert "NOT SECURE" not in endorsements_yaml(Endorsements(trust_anchors=(ANCHOR,)))


def test_the_document_shows_what_can_be_read() -> None:
    text = (Path(tfm_sim.__file__).parent / "docs" / "endorsements.md").read_text(encoding="utf-8")
    found = load_endorsements(text.split("```yaml\n")[1].split("```")[0].encode())
    assert all(
        (
            found.reference_values,
            found.trust_anchors,
            found.certifications,
            found.platform_configs,
            found.realms,
        )
    )


def test_endorsements_add_up() -> None:
    named = Endorsements(trust_anchors=(ANCHOR,), anchor_names=(ClassNames("ACME"),))
    both = Endorsements(trust_anchors=(ANCHOR,)) + named + Endorsements((SPE,))
    assert [both.names_of(n).vendor for n in range(2)] == [None, "ACME"]
    assert both.reference_values == (SPE,)


REFERENCE = f"reference_values: [{{implementation_id: {HEX_32}, digests: "
ANCHORS = f"trust_anchors: [{{implementation_id: {HEX_32}, instance_id: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("{}", "no endorsements; found no keys; legal: reference_values, trust_anchors"),
        ("measurements: []", "unknown key; found 'measurements'; legal: reference_values"),
        ("reference_values: {}", "wrong type; found a mapping; legal: a sequence"),
        (f"reference_values: [{{implementation_id: {HEX_32}}}]", "missing key 'digests'"),
        (
            "reference_values: [{implementation_id: 00, digests: []}]",
            "found 1 bytes; legal: 32 bytes as 64 hex",
        ),
        (f"{REFERENCE}[]}}]", "wrong number of items; found 0; legal: at least 1"),
        (f"{REFERENCE}[sha-256]}}]", r"not a digest; found 'sha-256'; legal: \[ALGORITHM, HEX\]"),
        (f"{REFERENCE}[[sha256, 00]]}}]", "found 'sha256'; legal: sha-256, "),
        (
            f"{REFERENCE}[[sha-256, 00]]}}]",
            r"digests\[0\]\[1\]: wrong length; found sha-256 of 1 bytes; legal: 32",
        ),
        (f"{REFERENCE}[[sha-256, xy]]}}]", "not hex; found 'xy'"),
        (f"{REFERENCE}[[sha-256, {HEX_32}]], signer_id: 00}}]", "found 1 bytes; legal: 32, 48 or 64"),
        (f"{REFERENCE}[[sha-256, {HEX_32}]], signer: 00}}]", "unknown key; found 'signer'"),
        (
            f"{ANCHORS}02{HEX_32}, secret: {HEX_32}}}]",
            "not an instance id; found first byte 0x02; legal: 0x01",
        ),
        (f"{ANCHORS}{HEX_33}}}]", "found neither key nor secret; legal: one of key"),
        (f"{ANCHORS}{HEX_33}, secret: {HEX_33}}}]", "found 33 bytes; legal: 32, 48 or 64"),
        (f"{ANCHORS}{HEX_33}, key: {HEX_32}}}]", "not a public key; found .*; legal: a PEM block PUBLIC KEY"),
        (
            f"certifications: [{{implementation_id: {HEX_32}, number: 0604565272829 - 10010}}]",
            "not legal; found '0604565272829 - 10010'; legal: 13 digits, dash, 5 digits",
        ),
        (
            f"platform_configs: [{{implementation_id: {HEX_32}, value: 00, mask: 0000}}]",
            "2 bytes; legal: 1 bytes",
        ),
        (f"realms: [{{rim: [sha-256, {HEX_32}], rems: [~, ~, ~, ~, ~]}}]", "found 5; legal: 0 to 4"),
    ],
)
def test_each_error_names_what_where_and_legal(text: str, message: str) -> None:
    with pytest.raises(EndorsementError, match=message) as caught:
        load_endorsements(text.encode(), "device.yaml")
    assert re.match(r"device\.yaml:1: ", str(caught.value))


def test_yaml_says_only_what_it_can_read() -> None:
    with pytest.raises(EndorsementError, match="without digest"):
        endorsements_yaml(Endorsements((ReferenceValue(IMPLEMENTATION_ID, ()),)))
    with pytest.raises(EndorsementError, match="algorithm 'md5'; legal in YAML: sha-256"):
        endorsements_yaml(Endorsements((ReferenceValue(IMPLEMENTATION_ID, (Digest("md5", b"0"),)),)))


@QUICK
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_end_in_its_own_error(data: bytes) -> None:
    with contextlib.suppress(EndorsementError):
        load_endorsements(data)
