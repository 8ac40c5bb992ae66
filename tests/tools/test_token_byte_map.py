"""`token show --hex`: every byte of a token has its place, and the right one."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from support.token_parts import load_recording

from tfm_sim.tools.tokens import cbor_writer as writer
from tfm_sim.tools.tokens.byte_map import Field, byte_map
from tfm_sim.tools.tokens.cose_writer import write_cose
from tfm_sim.tools.verifier import TokenUnreadable, decode

VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
P256 = ec.derive_private_key(0x1234, ec.SECP256R1())
VALUES = st.recursive(
    st.integers(-70000, 70000) | st.binary(max_size=30) | st.text(max_size=9) | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 9), inner, max_size=3),
    max_leaves=5,
)


def fields_of(token: bytes) -> list[Field]:
    """The map, after a look whether it is one: whole, without gaps, nothing twice."""
    fields = byte_map(token, decode(token))
    offset = 0
    for field in fields:
        assert field.offset == offset
        assert field.data
        offset += len(field.data)
    assert b"".join(field.data for field in fields) == token
    return fields


def texts(token: bytes) -> list[tuple[str, str]]:
    return [(field.data.hex(), field.text) for field in fields_of(token)]


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_every_byte_of_a_recorded_token_is_accounted_for(name: str) -> None:
    fields_of(TOKENS[name])


def test_bytes_have_the_names_of_rfc_9052_and_rfc_9783() -> None:
    said = texts(TOKENS["derived-p2_268"])
    assert said[:10] == [
        ("d2", "tag 18, COSE_Sign1"),
        ("84", "array of 4"),
        ("43", "protected header: byte string of 3"),
        ("a1", "map of 1"),
        ("01", "alg: 1"),
        ("26", "-7, ES256"),
        ("a0", "unprotected header: map of 0"),
        ("5901b7", "payload: byte string of 439"),
        ("aa", "claims: map of 10"),
        ("0a", "nonce: 10"),
    ]
    assert ("19010c", "boot-seed: 268") in said
    assert ("193000", "12288, 0x3000, secured") in said
    assert ("a5", "component 1: map of 5") in said
    assert ("63535045", '"SPE"') in said
    assert ("02", "measurement-value: 2") in said
    assert [text for _, text in said[-3:]] == ["signature: byte string of 64", "r", "s"]


def test_mac0_kid_and_what_is_behind_have_their_places() -> None:
    said = texts(write_cose(b"\xa1\x19\x03\xe7\x01\xff", bytes(48), kid=b"key") + b"\0\0")
    assert ("d1", "tag 17, COSE_Mac0") in said
    assert ("06", "6, HMAC 384/384") in said
    assert ("04", "kid: 4") in said
    assert ("436b6579", "3 bytes") in said
    assert ("1903e7", "unknown claim: 999") in said
    assert ("ff", "1 bytes: behind the map") in said
    assert [text for _, text in said[-3:]] == [
        "tag: byte string of 48",
        "the MAC",
        "2 bytes: behind the token",
    ]


@pytest.mark.parametrize("name", ["iatv-cca-2024", "ccatoken-testGoodLegacyCCAToken"])
def test_both_tokens_of_a_collection_are_opened(name: str) -> None:
    said = [text for _, text in texts(TOKENS[name])]
    assert "platform token: 44234" in said
    assert "realm token: 44241" in said
    assert said.count("array of 4") == 2 + (1 if "extensible-measurements: 44239" in said else 0)
    assert ("content format: 263, application/eat+cwt" in said) == (name == "iatv-cca-2024")


@given(
    st.dictionaries(st.integers(2393, 2402) | st.text(max_size=3), VALUES, max_size=5), st.binary(max_size=3)
)
def test_the_map_is_whole_for_any_claims(claims: dict[object, object], behind: bytes) -> None:
    claims = {**claims, 265: "http://arm.com/psa/2.0.0"}
    fields_of(write_cose(cbor2.dumps(claims), P256) + behind)


@given(st.binary(max_size=40), st.binary(max_size=10), VALUES)
def test_the_map_is_whole_for_any_headers_and_payload(
    payload: bytes, protected: bytes, entry: object
) -> None:
    unprotected = cbor2.dumps({4: entry, "x": [entry]})
    fields_of(write_cose(payload, P256, protected=protected, unprotected=unprotected, tags=(61, 18)))


@given(VALUES, VALUES, st.sampled_from([399, 907]))
def test_the_map_is_whole_for_any_collection(first: object, second: object, tag: int) -> None:
    token = write_cose(b"\xa1\x0a\x01", P256)
    entries = {44234: [263, token], 44241: token, 44258: first, 1: second}
    whole = writer.wrap_tag(tag, cbor2.dumps(entries))
    fields_of(whole)
    fields_of(writer.wrap_tag(tag, cbor2.dumps({44234: first, 44241: [second, token, 4]})))


@given(st.sampled_from(sorted(TOKENS)), st.data())
def test_the_map_is_whole_for_a_damaged_token(name: str, data: st.DataObject) -> None:
    token = bytearray(TOKENS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        token[data.draw(st.integers(0, len(token) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(token))
    except TokenUnreadable:
        return
    fields_of(bytes(token))


def test_a_second_entry_of_one_key_that_holds_no_cbor_is_mapped_too() -> None:
    collection = cbor2.loads(TOKENS["ccatoken-testGoodCCAToken"])
    first = cbor2.dumps(collection.value[44234])
    for second in (b"\x41\xfd", b"\x82\x19\x01\x07\x41\xfd", b"\x40"):
        token = b"\xd9\x03\x8b\xa2" + b"".join(cbor2.dumps(44234) + entry for entry in (first, second))
        fields = byte_map(token, decode(token))
        assert b"".join(field.data for field in fields) == token
