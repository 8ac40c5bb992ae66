"""`token diff`: what differs is named, what differs by nature is no difference."""

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from support.token_parts import load_recording, take_apart

from tfm_sim.tools.tokens import cbor_writer as writer
from tfm_sim.tools.tokens.cose_writer import to_be_authenticated, write_cose
from tfm_sim.tools.tokens.diff import TokenDiff, compare
from tfm_sim.tools.verifier import TokenUnreadable, decode, verify
from tfm_sim.tools.verifier.envelope import CoseKind

VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
PAYLOAD = take_apart(TOKENS["derived-p1"]).payload
CLAIMS = cbor2.loads(PAYLOAD)
P256 = ec.derive_private_key(0x1234, ec.SECP256R1())
SPE, NSPE = CLAIMS[-75006]
COMPONENT = "software-components (-75006) [0]"
LONG_ALG = b"\xa1\x01\x38\x06"


def diff(first: bytes, second: bytes) -> TokenDiff:
    return compare(first, second, decode(first), decode(second))


def signed(changes: dict[int, object] | None = None, without: int | None = None) -> bytes:
    claims = {**CLAIMS, **(changes or {})}
    claims.pop(without, None)
    return write_cose(cbor2.dumps(claims), P256)


def random_signature(payload: bytes) -> bytes:
    """One more signature by the same key, as a device with a true random generator makes it."""
    data = to_be_authenticated(CoseKind.SIGN1, b"\xa1\x01\x26", payload)
    pair = decode_dss_signature(P256.sign(data, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in pair)


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_a_token_equals_itself(name: str) -> None:
    assert diff(TOKENS[name], TOKENS[name]) == TokenDiff((), ())


def test_two_signatures_over_the_same_bytes_are_no_difference() -> None:
    token = write_cose(PAYLOAD, P256)
    again = write_cose(PAYLOAD, P256, signature=random_signature(PAYLOAD))
    assert token != again
    assert verify(again, P256).ok
    found = diff(token, again)
    assert found.equal
    assert found.notes == ("signatures over the same bytes differ, as any two of ECDSA do",)


def test_two_macs_over_the_same_bytes_are_a_difference() -> None:
    (difference,) = diff(write_cose(PAYLOAD, bytes(32)), write_cose(PAYLOAD, b"\1" * 32)).differences
    assert difference.where == "MAC over the same bytes"


@pytest.mark.parametrize(
    "second, where, sides",
    [
        (signed({-75001: 7}), "client-id (-75001)", ("-1006632960", "7")),
        (signed(without=-75005), "certification-reference (-75005)", ('"0604565272829-10010"', None)),
        (
            signed({-75002: 0x3101}),
            "security-lifecycle (-75002)",
            ("0x3000, secured", "0x3101, no legal state"),
        ),
        (signed({999: b"\1"}), "999", (None, "h'01'")),
        (signed({-75006: [{**SPE, 4: "9"}, NSPE]}), f"{COMPONENT} version (4)", ('"2.1.0"', '"9"')),
        (signed({-75006: [{**SPE, 7: 1}, NSPE]}), f"{COMPONENT} 7", (None, "1")),
        (write_cose(PAYLOAD, P256, kid=b"\1"), "unprotected kid (4)", (None, "h'01'")),
        (write_cose(PAYLOAD, P256, tags=()), "tags", ("tag 18", "none")),
        (write_cose(PAYLOAD, P256, signature=b"\1"), "signature", ("64 bytes", "1 bytes")),
        (write_cose(PAYLOAD, P256, alg=-8, signature=bytes(64)), "protected alg (1)", ("-7", "-8")),
        (write_cose(PAYLOAD, P256, protected=b"\xff"), "protected header", ("a10126", "ff")),
        (write_cose(PAYLOAD, P256, protected=LONG_ALG), "protected alg (1), its encoding", ("26", "3806")),
        (write_cose(b"\xff", P256), "payload", (PAYLOAD.hex(), "ff")),
    ],
)
def test_what_differs_is_named_with_both_values(
    second: bytes, where: str, sides: tuple[str | None, str | None]
) -> None:
    (difference,) = diff(write_cose(PAYLOAD, P256), second).differences
    assert (difference.where, (difference.first, difference.second)) == (where, sides)


def test_a_missing_component_is_shown_whole() -> None:
    (difference,) = diff(signed(), signed({-75006: [SPE]})).differences
    assert (difference.where, difference.second) == ("software-components (-75006) [1]", None)
    assert "NSPE" in str(difference.first)


def test_order_of_claims_is_a_difference_of_its_own() -> None:
    second = write_cose(cbor2.dumps(dict(reversed(CLAIMS.items()))), P256)
    (difference,) = diff(signed(), second).differences
    assert difference.where == "order"
    assert str(difference.first).startswith("nonce, boot-seed")


def test_an_encoding_that_is_longer_than_need_be_is_a_difference() -> None:
    claims = [(writer.write_int(-75001), writer.write_int(1, width)) for width in (None, 8)]
    first, second = (write_cose(writer.join_map([pair]), P256) for pair in claims)
    (difference,) = diff(first, second).differences
    assert difference.where == "client-id (-75001), its encoding"
    longer = write_cose(b"\xb8\x01" + b"".join(claims[0]), P256)
    (difference,) = diff(first, longer).differences
    assert difference.where == "payload's encoding"


def test_profiles_are_compared_by_the_names_of_claims() -> None:
    (difference,) = diff(TOKENS["derived-p1"], TOKENS["derived-p2_268"]).differences
    assert difference.where == "profile (-75000) / profile (265)"


def test_parts_of_collections_are_compared() -> None:
    found = diff(TOKENS["iatv-cca-2024"], TOKENS["ccatoken-testGoodLegacyCCAToken"])
    places = [difference.where for difference in found.differences]
    assert places[0] == "collection"
    assert "platform nonce (10)" in places
    assert "realm mec-policy (44243)" in places
    other = diff(TOKENS["iatv-cca-2024"], TOKENS["derived-p1"])
    assert [difference.where for difference in other.differences] == [
        "platform token",
        "realm token",
        "token",
    ]


def test_bytes_that_no_header_and_no_claim_shows_are_a_difference_too() -> None:
    token = write_cose(PAYLOAD, P256)
    resigned = write_cose(PAYLOAD, P256, signature=random_signature(PAYLOAD))
    longer = resigned[:1] + b"\x98\x04" + resigned[2:]
    for other in (token + b"\0", resigned + b"\0", longer):
        (difference,) = diff(token, other).differences
        assert difference.where == "bytes around headers, claims and signatures"
    collection = TOKENS["iatv-cca-2024"]
    body = cbor2.loads(collection).value
    more = writer.wrap_tag(907, cbor2.dumps({**body, 44258: 1}))
    assert not diff(writer.wrap_tag(907, cbor2.dumps(body)), more).equal


@given(st.sampled_from(sorted(TOKENS)), st.data())
def test_any_changed_byte_shows_or_is_in_the_signature(name: str, data: st.DataObject) -> None:
    token = bytearray(TOKENS[name])
    place = data.draw(st.integers(0, len(token) - 1))
    token[place] ^= data.draw(st.integers(1, 255))
    try:
        found = diff(TOKENS[name], bytes(token))
    except TokenUnreadable:
        return
    assert found.differences or found.notes
