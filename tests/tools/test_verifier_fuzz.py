"""Any bytes end in a verdict, and nothing but the token itself is accepted."""

import json
from pathlib import Path

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forged_tokens import P256, VALUES, encode_map, token_of

from tfm_sim.tools.verifier import (
    CborError,
    KeyUnusable,
    SignatureState,
    TokenUnreadable,
    TrustAnchor,
    TrustStore,
    decode,
    load_key,
    verify,
)
from tfm_sim.tools.verifier import cbor as reader

VECTORS = json.loads(
    (Path(__file__).parent.parent / "data" / "recordings" / "attestation-vectors.json").read_text()
)
DUMMY = load_key(VECTORS["keys"]["tfm-dummy-iak"]["pub_uncompressed_hex"])
CCA = load_key(VECTORS["keys"]["ccatoken-testIAK"]["pub_uncompressed_hex"])
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
SIGN1, COLLECTION = TOKENS["derived-p2_268"], TOKENS["ccatoken-testGoodCCAToken"]

INTERESTING = st.sampled_from(
    [b"\x9f", b"\xbf", b"\xff", b"\xd8\x3d", b"\xf6", b"\xa0", b"\x1b" + b"\xff" * 8]
)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    verdict = verify(data, DUMMY, challenge=bytes(32))
    assert not verdict.ok
    assert verdict.reasons
    json.dumps(verdict.as_json())


@st.composite
def mutants(draw: st.DrawFn, token: bytes) -> bytes:
    """The token with a slice replaced by a few other bytes."""
    start = draw(st.integers(0, len(token)))
    end = draw(st.integers(start, min(start + 6, len(token))))
    return token[:start] + draw(INTERESTING | st.binary(max_size=6)) + token[end:]


@pytest.mark.parametrize("token, key", [(SIGN1, DUMMY), (COLLECTION, CCA)], ids=["Sign1", "collection"])
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_token_is_refused(token: bytes, key: object, data: st.DataObject) -> None:
    mutant = data.draw(mutants(token))
    verdict = verify(mutant, DUMMY if key is DUMMY else CCA)
    json.dumps(verdict.as_json())
    if verdict.ok:  # only a change of what COSE does not protect may pass, such as a longer head
        assert [part.envelope.payload for part in decode(mutant).parts] == [
            part.envelope.payload for part in decode(token).parts
        ]
    else:
        assert verdict.reasons


SCALARS = (
    st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=8)
    | st.booleans()
    | st.none()
)
KEYS = (
    st.sampled_from([10, 256, 265, 268, 2394, 2395, 2396, 2398, 2399, -75000, -75006, -75007, 44237])
    | SCALARS
)
VALUES_OF_CLAIMS = st.recursive(
    SCALARS | st.sampled_from(["PSA_IOT_PROFILE_1", "tag:psacertified.org,2023:psa#tfm", "sha-256"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(KEYS, VALUES_OF_CLAIMS, max_size=8),
    st.sampled_from([17, 18, 61, 399, 907]),
    st.binary(max_size=80),
)
@settings(deadline=None)
def test_well_formed_nonsense_is_refused(claims: dict[object, object], tag: int, signature: bytes) -> None:
    token = cbor2.dumps(cbor2.CBORTag(tag, [b"\xa1\x01\x26", {}, cbor2.dumps(claims), signature]))
    collection = cbor2.dumps(cbor2.CBORTag(tag, {44234: [263, token], 44241: token}))
    for candidate in (token, collection):
        verdict = verify(candidate, DUMMY, strict=True)
        assert not verdict.ok
        json.dumps(verdict.as_json())


REAL_CLAIMS = [
    cbor2.loads(cbor2.loads(TOKENS[name]).value[2])
    for name in ("derived-p2_268", "derived-p1", "derived-cca_plat", "psatoken-tfm-p2-sign1")
]
STORE = TrustStore([TrustAnchor(VALUES["implementation-id"], VALUES["instance-id"], load_key(P256))])


@st.composite
def near_tokens(draw: st.DrawFn) -> bytes:
    """The claims of a real token with a few of them changed, signed anew: only the claims can refuse it."""
    claims = dict(draw(st.sampled_from(REAL_CLAIMS)))
    if draw(st.booleans()):  # of a device that the store knows
        ids = {
            256: "instance-id",
            -75009: "instance-id",
            2396: "implementation-id",
            -75003: "implementation-id",
        }
        claims |= {key: VALUES[name] for key, name in ids.items() if key in claims}
    pairs = list(claims.items())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(pairs) - 1))
        match draw(st.sampled_from(["drop", "value", "key", "repeat", "tag", "more"])):
            case "drop" if len(pairs) > 1:
                del pairs[at]
            case "value":
                pairs[at] = (pairs[at][0], draw(VALUES_OF_CLAIMS))
            case "key":
                pairs[at] = (draw(KEYS), pairs[at][1])
            case "repeat":
                pairs.append(pairs[at])
            case "tag":
                pairs[at] = (pairs[at][0], cbor2.CBORTag(draw(st.integers(0, 70_000)), pairs[at][1]))
            case _:
                pairs.append((draw(KEYS), draw(VALUES_OF_CLAIMS)))
    return token_of(
        encode_map(pairs), unprotected=draw(st.just({}) | st.dictionaries(KEYS, SCALARS, max_size=2))
    )


@given(near_tokens(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_signed_near_tokens_end_in_a_verdict(token: bytes, by_store: bool) -> None:
    trust = STORE if by_store else P256
    lenient, strict = verify(token, trust), verify(token, trust, strict=True)
    assert lenient.ok == (not lenient.reasons)
    assert lenient.ok or not strict.ok, "what strict accepts is accepted"
    assert all(result.ok for result in lenient.claims) or not lenient.ok
    for verdict in (lenient, strict):
        json.dumps(verdict.as_json())
        assert verdict.signature is not SignatureState.INVALID
    assert decode(token).diagnostic()


@given(
    st.dictionaries(st.text(max_size=4) | SCALARS, VALUES_OF_CLAIMS | mutants(SIGN1), max_size=3),
    VALUES_OF_CLAIMS,
)
@settings(deadline=None)
def test_nonsense_that_nests_is_refused(submodules: dict[object, object], key: object) -> None:
    for label in (8, 44237):
        claims: dict[object, object] = {10: bytes(32), label: key, 266: submodules}
        for token in (token_of(cbor2.dumps(claims)), token_of(cbor2.dumps(claims | {265: "tag:x"}))):
            verdict = verify(token, P256)
            assert not verdict.ok
            json.dumps(verdict.as_json())
            assert decode(token).diagnostic()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_token_of_the_vectors_cut_and_joined(data: st.DataObject) -> None:
    """The head of one real token and the tail of another, under every kind of trust."""
    first, second = (TOKENS[data.draw(st.sampled_from(sorted(TOKENS)))] for _ in range(2))
    token = first[: data.draw(st.integers(0, len(first)))] + second[data.draw(st.integers(0, len(second))) :]
    for trust in (DUMMY, CCA, STORE):
        verdict = verify(token, trust, challenge=bytes(32))
        assert not verdict.ok
        json.dumps(verdict.as_json())


@given(st.binary(max_size=100) | mutants(SIGN1))
def test_decode_raises_only_its_own_error(data: bytes) -> None:
    try:
        decoded = decode(data)
    except TokenUnreadable:
        return
    assert decoded.diagnostic()
    json.dumps(decoded.as_json())


@given(st.binary(max_size=100))
def test_cbor_reader_raises_only_its_own_error(data: bytes) -> None:
    try:
        item = reader.read(data)
    except CborError:
        return
    assert item.start == 0
    assert item.end <= len(data)


@given(st.binary(max_size=150) | st.text(max_size=50) | st.just(b"-----BEGIN PUBLIC KEY-----\nAAAA\n"))
def test_load_key_raises_only_its_own_error(data: bytes | str) -> None:
    try:
        load_key(data)
    except KeyUnusable as error:
        assert "legal:" in str(error)
