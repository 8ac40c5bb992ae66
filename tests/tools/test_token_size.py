"""`token size`: the pieces are the whole, and the alternatives are what TF-M builds have."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from support.token_parts import load_recording, take_apart

from tfm_sim.tools.tokens.cose_writer import write_cose
from tfm_sim.tools.tokens.sizes import Piece, TokenSize, measure
from tfm_sim.tools.verifier import decode

VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
P256 = ec.derive_private_key(0x1234, ec.SECP256R1())
PAYLOAD = take_apart(TOKENS["derived-p1"]).payload


def size_of(token: bytes) -> TokenSize:
    size = measure(token, decode(token))
    assert size.size == len(token)
    assert size.around + sum(part.size for part in size.parts[: 1 if size.nested else None]) == len(token)
    for part in size.parts:
        assert sum(piece.size for piece in part.pieces) == part.size
        for piece in part.pieces:
            check(piece)
    return size


def check(piece: Piece) -> None:
    assert piece.size >= 0
    if piece.parts:
        assert sum(inner.size for inner in piece.parts) == piece.size
        for inner in piece.parts:
            check(inner)


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_the_pieces_of_a_recorded_token_are_the_whole(name: str) -> None:
    size_of(TOKENS[name])


# The exact sizes of TF-M's builds with its dummy data: a challenge of 32 bytes, two components, P-256.
@pytest.mark.parametrize(
    "name, size, alternatives",
    [
        ("derived-p1", 520, {"without optional": 466, "as tag:psa": 515, "as COSE_Mac0, HMAC 256": 488}),
        ("derived-p2_268", 515, {"without optional": 465, "as PSA_IOT_PROFILE_1": 520}),
        ("derived-p1_mac", 488, {"as COSE_Sign1, ES256": 520}),
        ("derived-cca_plat", 468, {"without optional": 441}),
    ],
)
def test_alternatives_have_the_sizes_of_tfm_builds(
    name: str, size: int, alternatives: dict[str, int]
) -> None:
    (part,) = size_of(TOKENS[name]).parts
    assert part.size == size
    assert part.room == 0x250 - size
    found = {other.name: other.size for other in part.alternatives}
    for start, wanted in alternatives.items():
        (other,) = (text for text in found if text.startswith(start))
        assert found[other] == wanted


def test_a_nested_token_counts_in_the_one_around_it() -> None:
    claims = {10: bytes(32), 44237: b"\4" * 65, 44240: "sha-256", 266: {"p": TOKENS["derived-cca_plat"]}}
    token = write_cose(cbor2.dumps(claims), P256)
    size = size_of(token)
    assert size.nested
    assert [part.name for part in size.parts] == ["delegated", "platform"]
    assert (size.parts[0].size, size.parts[1].size, size.around) == (len(token), 468, 0)


def test_no_other_profile_has_a_token_without_software_measurements() -> None:
    (part,) = size_of(TOKENS["derived-p1_nosw"]).parts
    assert part.size == 367
    assert not any(other.name.startswith("as tag:psa") for other in part.alternatives)


@pytest.mark.parametrize("kid", [b"\1" * 32, b"kid", b""])
def test_what_a_key_id_costs(kid: bytes) -> None:
    (part,) = size_of(write_cose(PAYLOAD, P256, kid=kid)).parts
    found = {other.name: other.size for other in part.alternatives}
    assert found["without kid (ATTEST_INCLUDE_COSE_KEY_ID 0)"] == len(write_cose(PAYLOAD, P256))


@pytest.mark.parametrize("key", [P256, ec.derive_private_key(7, ec.SECP521R1()), bytes(32), bytes(64)])
def test_a_token_of_the_other_kind_has_the_size_foretold(key: ec.EllipticCurvePrivateKey | bytes) -> None:
    (part,) = size_of(write_cose(PAYLOAD, key)).parts
    other = bytes(32) if isinstance(key, ec.EllipticCurvePrivateKey) else P256
    assert part.alternatives[-1].size == len(write_cose(PAYLOAD, other))


@given(st.binary(max_size=60), st.binary(max_size=5), st.binary(max_size=300))
def test_the_pieces_are_the_whole_for_any_payload(payload: bytes, behind: bytes, signature: bytes) -> None:
    size_of(write_cose(payload, P256, signature=signature) + behind)
