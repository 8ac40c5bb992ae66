"""Tokens from YAML and back: the same payload whatever it holds, and one error for YAML that is no token."""

from contextlib import suppress

import cbor2
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from support.token_parts import load_recording, take_apart

from tfm_sim.tools.tokens import cbor_writer as writer
from tfm_sim.tools.tokens.compiler import Choices, CompileError, Method, compile_token
from tfm_sim.tools.tokens.cose_writer import SigningKey, write_cose
from tfm_sim.tools.tokens.decompiler import decompile
from tfm_sim.tools.tokens.names import BY_LABEL, TokenType, type_of_profile
from tfm_sim.tools.tokens.source import read_source
from tfm_sim.tools.tokens.yaml_nodes import Source, TokenYamlError
from tfm_sim.tools.verifier import TokenUnreadable, decode, verify
from tfm_sim.tools.verifier.profiles import ALL_PROFILES, Profile

VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
LAUGHS = "0: &a0 [1, 2, 3, 4, 5, 6, 7, 8]\n" + "".join(
    f"{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
P256 = ec.derive_private_key(0x1234, ec.SECP256R1())
P384 = ec.derive_private_key(0x1234, ec.SECP384R1())


def compiled(text: str, choices: Choices | None = None, token_type: TokenType | None = None) -> bytes:
    return compile_token(read_source(Source(), text.encode(), "t.yaml", token_type), choices or Choices(P256))


def claims(text: str, token_type: TokenType | None = None) -> object:
    return cbor2.loads(compiled(text, Choices(method=Method.RAW), token_type))


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_a_recorded_token_compiles_to_itself(name: str) -> None:
    token = TOKENS[name]
    made = decompile(token, decode(token), with_signature=True)
    assert made.left_out == ()
    assert compiled(made.text, Choices()) == token


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_a_recorded_token_compiles_to_its_claims_under_another_key(name: str) -> None:
    token = TOKENS[name]
    again = compiled(decompile(token, decode(token)).text, Choices(P256, P384))
    theirs, ours = decode(token), decode(again)
    assert [part.envelope.payload for part in ours.parts] == [part.envelope.payload for part in theirs.parts]


def test_a_token_with_another_nested_in_it_comes_back_whole() -> None:
    claims = {10: bytes(64), 44237: b"\4", 44235: b"\5", 266: {"platform": TOKENS["derived-cca_plat"]}}
    token = write_cose(cbor2.dumps(claims), P384)
    text = decompile(token, decode(token), with_signature=True).text
    assert compiled(text, Choices()) == token
    assert yaml.safe_load(text)[266] == {"platform": TOKENS["derived-cca_plat"]}


def test_a_token_that_is_signed_anew_verifies() -> None:
    token = TOKENS["derived-p1"]
    text = decompile(token, decode(token), with_signature=True).text
    assert verify(compiled(text, Choices(P384)), P384).ok
    assert verify(compiled(text, Choices(bytes(32))), bytes(32)).ok


# What iat-verifier writes and reads: the names of its claims and lifecycles, its structure.
@pytest.mark.parametrize(
    "text, wanted",
    [
        ("challenge: !!binary AAEC", {-75008: b"\0\1\2"}),
        ("client_id: -1\nprofile_id: PSA_IOT_PROFILE_1", {-75001: -1, -75000: "PSA_IOT_PROFILE_1"}),
        (
            "profile_id: http://example.com\nboot_seed: !!binary AA==",
            {-75000: "http://example.com", -75004: b"\0"},
        ),
        ("profile_id: 42", {-75000: 42}),
        ("profile_id: http://arm.com/psa/2.0.0\nchallenge: x", {265: "http://arm.com/psa/2.0.0", 10: "x"}),
        (
            "profile_id: tag:psacertified.org,2023:psa#tfm\nboot_seed: x\neat_boot_seed: y",
            {265: "tag:psacertified.org,2023:psa#tfm", 2397: "x", 268: "y"},
        ),
        ("security_lifecycle: sl_secured", {-75002: 0x3000}),
        ("security_lifecycle: sl_secured_0x3001", {-75002: 0x3001}),
        ("security_lifecycle: sl_secured_3001", {-75002: 0x3001}),
        ("security_lifecycle: '0x3001'", {-75002: 0x3001}),
        ("security_lifecycle: 0x3101", {-75002: 0x3101}),
        ("security_lifecycle: sl_non_psa_rot_debug", {-75002: 0x4000}),
        ("cca_platform_lifecycle: secured_0x3003", {2395: 0x3003}),
        ("cca_platform_lifecycle: recoverable_cca_platform_rot_debug", {2395: 0x5000}),
        ("cca_realm_mec_policy: 1\ncca_realm_hash_algm_id: sha-256", {44243: 1, 44236: "sha-256"}),
        (
            "sw_components:\n- {sw_component_type: BL, sw_component_version: '1', 3: 1}\n- 7",
            {-75006: [{1: "BL", 4: "1", 3: 1}, 7]},
        ),
        ("cca_platform_sw_components: [{cca_sw_component_hash_id: sha-256}]", {2399: [{6: "sha-256"}]}),
        # ours: numbers, text and encoded items where no name is
        ("2999: {a: [1, true, null, 1.5]}", {2999: {"a": [1, True, None, 1.5]}}),
        ("!text challenge: 1\n!!binary AA==: 2", {"challenge": 1, b"\0": 2}),
        ('!cbor "1864": !cbor "1818"', {100: 24}),
    ],
)
def test_yaml_says_claims(text: str, wanted: object) -> None:
    assert claims(text) == wanted


def test_a_token_type_decides_what_names_mean() -> None:
    text = "challenge: !!binary AA==\nprofile_id: something"
    assert claims(text) == {-75008: b"\0", -75000: "something"}
    assert claims(text, TokenType.PSA_2_0_0) == {10: b"\0", 265: "something"}
    assert claims(text + "\ntfm_sim: {type: PSA-2.0.0-token}") == {10: b"\0", 265: "something"}


def test_claims_stand_in_the_order_of_the_file() -> None:
    first, second = "client_id: 1", "challenge: !!binary AA=="
    payload = compiled(f"{second}\n{first}", Choices(method=Method.RAW))
    assert payload == writer.join_map(
        [(writer.write_int(-75008), b"\x41\0"), (writer.write_int(-75001), b"\1")]
    )
    assert payload != compiled(f"{first}\n{second}", Choices(method=Method.RAW))


@pytest.mark.parametrize("tag, records", [(907, True), (399, False)])
def test_a_collection_has_the_wrapping_of_its_tag(tag: int, records: bool) -> None:
    text = f"cca_platform_token: {{1: 2}}\ncca_realm_delegated_token: {{3: 4}}\ntfm_sim: {{tags: [{tag}]}}"
    made = cbor2.loads(compiled(text, Choices(P384, P256)))
    assert made.tag == tag
    for label, key in ((44234, P384), (44241, P256)):
        entry = made.value[label]
        assert entry[0] == 263 if records else isinstance(entry, bytes)
        assert take_apart(entry[1] if records else entry).protected == (
            b"\xa1\x01\x26" if key is P256 else b"\xa1\x01\x38\x22"
        )


@pytest.mark.parametrize(
    "options, choices, wanted",
    [
        ("kid: !!binary a2V5", Choices(P256), {"unprotected": {4: b"key"}}),
        ("kid: !!binary a2V5", Choices(P256, kid=b"other"), {"unprotected": {4: b"other"}}),
        ("alg: ES384", Choices(P256), {"protected": b"\xa1\x01\x38\x22"}),
        ("alg: HMAC 384", Choices(), {"tag": 17, "protected": b"\xa1\x01\x06", "signature": b""}),
        ("alg: -99", Choices(P256, alg=-7), {"protected": b"\xa1\x01\x26"}),
        ("protected: !!binary ''", Choices(), {"protected": b"", "signature": b""}),
        ("tags: [17]", Choices(P256), {"tag": 17}),
        ("signature: !!binary AAA=", Choices(), {"signature": b"\0\0"}),
        ("unprotected: !!binary oQUG", Choices(P256), {"unprotected": {5: 6}}),
    ],
)
def test_the_block_of_ours_shapes_the_envelope(
    options: str, choices: Choices, wanted: dict[str, object]
) -> None:
    parts = take_apart(compiled(f"client_id: 1\ntfm_sim:\n  {options}", choices))
    assert {name: getattr(parts, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "t.yaml: an empty file; legal: a mapping of claims"),
        ("- 1", "t.yaml:1: found a sequence; legal: a mapping"),
        ("{}", "a mapping without claims"),
        ("a: b: c", "t.yaml:1: no YAML"),
        ("\tx", "no YAML"),
        ("chalenge: x", "t.yaml:1: chalenge: no claim of this name; legal: profile_id, client_id"),
        ("client_id: 1\nclient_id: 2", "t.yaml:2: client_id: this key occurs twice"),
        ("client_id: 1\n-75001: 2", "t.yaml:2: -75001: this key occurs twice"),
        ("client_id: 2001-01-01", "client_id: found '2001-01-01' of YAML type timestamp; legal: a number"),
        ("client_id: !!set {}", "client_id: found a mapping with the tag"),
        ("client_id: !foo 1", "of YAML type !foo"),
        ("client_id: !!int x", "found 'x', which is no int"),
        ("challenge: !!binary '*'", "which is no binary"),
        ("client_id: 0x1ffffffffffffffff", "an integer too large for CBOR; legal: -2**64 to 2**64 - 1"),
        ("security_lifecycle: secured", "found 'secured'; legal: sl_unknown, sl_assembly_and_test"),
        ("security_lifecycle: sl_secured_0x4000", "security_lifecycle: found 'sl_secured_0x4000'"),
        ("sw_components:\n- x: 1", "t.yaml:2: sw_components[0].x: no claim of this name; legal: sw_com"),
        ("[1]: 2", "a key is a sequence; legal: a name, a number, or !cbor"),
        ("2999: !cbor xyz", "!cbor without hex digits"),
        ("2999: !inc x.yaml", "!inc is of no use here"),
        ("tfm_sim: {kidd: 1}\nclient_id: 1", "tfm_sim.kidd: no such option here; legal: type, alg, kid"),
        ("tfm_sim: {kid: abc}\nclient_id: 1", "tfm_sim.kid: found the value 'abc'; legal: !!binary"),
        ("tfm_sim: {alg: RS256}\nclient_id: 1", "tfm_sim.alg: found the value 'RS256'; legal: ES256 (-7)"),
        ("tfm_sim: {type: x}\nclient_id: 1", "legal: PSA-IoT-Profile1-token, PSA-2.0.0-token, CCA-pl"),
        ("tfm_sim: {tags: [x]}\nclient_id: 1", "tfm_sim.tags: found the value 'x'"),
        ("tfm_sim: {payload: !!binary AA==}\nclient_id: 1", "a claim beside a payload"),
        ("cca_platform_token: 1", "cca_platform_token: found the value '1'; legal: a mapping"),
        ("cca_platform_token: {1: 1}\ntfm_sim: {kid: !!binary AA==}", "tfm_sim.kid: not for a collection"),
        ("cca_platform_token: {1: 1, tfm_sim: {type: CCA-plat-token}}", "not for a part"),
        ("cca_platform_token: {1: 1}\nchallenge: 1", "challenge: no claim of this name; legal: cca_pl"),
        ("&a challenge: *b", "no YAML"),
        ("2999: &a [*a]", "2999"),
        ("2999: " + "[" * 20 + "]" * 20, "nested too deeply; legal: at most 16 levels"),
        ("2999: " + "[" * 5000, "nested too deeply"),
        (LAUGHS, "grows too large"),
        ('client_id: "\\ud800"', "lone surrogate"),
    ],
)  # fmt: skip
def test_yaml_that_is_no_token_ends_in_one_error(text: str, said: str) -> None:
    with pytest.raises(TokenYamlError) as refused:
        compiled(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text, choices, said",
    [
        ("client_id: 1", Choices(bytes(32), method=Method.SIGN), "legal: a private key, or method mac"),
        ("client_id: 1", Choices(P256, method=Method.MAC), "secp256r1; legal: a secret, or method sign"),
        ("cca_platform_token: {1: 1}", Choices(method=Method.MAC), "method mac for a CCA collection"),
        ("cca_platform_token: {1: 1}", Choices(kid=b"x"), "--kid for a CCA collection"),
    ],
)
def test_keys_and_options_that_do_not_go_together_are_refused(text: str, choices: Choices, said: str) -> None:
    with pytest.raises(CompileError, match=said):
        compiled(text, choices)


def test_included_files_stand_where_they_are_named_and_know_their_lines() -> None:
    files = {"part.yaml": b"1: 2\n", "bad.yaml": b"\n\nnonsense: 1\n", "loop.yaml": b"!inc loop.yaml"}

    def read(text: bytes) -> bytes:
        return compile_token(read_source(Source(files.__getitem__), text, "t.yaml"), Choices(P384, P384))

    assert b"\xa1\x01\x02" in read(b"cca_platform_token: !inc part.yaml")
    with pytest.raises(
        TokenYamlError, match=r"bad.yaml:3: cca_platform_token.nonsense: no claim of this name"
    ):
        read(b"cca_platform_token: !inc bad.yaml")
    with pytest.raises(TokenYamlError, match="too many files included"):
        read(b"cca_platform_token: !inc loop.yaml")


@pytest.mark.parametrize(
    "name, left_out",
    [
        ("derived-p1", ()),
        ("derived-p2_268", ("claim 268, which iat-verifier has no words for",)),
        ("iatv-p2-empty-protected", ("special headers, tags or the signature of the token (protected)",)),
        ("ccatoken-testGoodLegacyCCAToken", ("the tag of the collection (tags)",)),
    ],
)
def test_what_iat_verifier_cannot_say_is_left_out_and_told(name: str, left_out: tuple[str, ...]) -> None:
    made = decompile(TOKENS[name], decode(TOKENS[name]), for_iat_verifier=True)
    assert made.left_out == left_out
    loaded = yaml.safe_load(made.text)  # no tag of ours: anybody's YAML reader takes it
    assert not {"tfm_sim", "eat_boot_seed"} & set(loaded)


SCALARS = st.one_of(
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.binary(max_size=40),
    st.text(max_size=20),
    st.booleans(),
    st.none(),
)
ENCODED = st.one_of(
    SCALARS.map(cbor2.dumps),
    st.floats(width=16).map(lambda value: b"\xf9" + cbor2.dumps(value, canonical=True)[-2:]),
    st.floats().map(writer.write_double),
    st.builds(writer.write_int, st.integers(0, 255), st.just(8)),
    st.builds(writer.wrap_tag, st.integers(0, 1000), SCALARS.map(cbor2.dumps)),
    st.integers(32, 255).map(writer.write_simple),
    st.just(b"\x61\xff"),
    st.just(b"\x98\x01\x01"),
)
ITEMS = st.recursive(
    ENCODED,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(writer.join_array),
        st.lists(st.tuples(ENCODED, inner), max_size=3).map(writer.join_map),
    ),
    max_leaves=6,
)


def plausible(profile: Profile, name: str, draw: st.DrawFn) -> bytes:
    """A value as the claim has it, or near it."""
    if name == "security-lifecycle":
        return draw(st.one_of(st.integers(0, 0xFFFF), st.sampled_from(["sl_secured", "x"])).map(cbor2.dumps))
    if name == "software-components":
        part = st.lists(st.tuples(st.integers(0, 7).map(cbor2.dumps), ENCODED), max_size=5).map(
            writer.join_map
        )
        return draw(st.lists(part, max_size=3).map(writer.join_array))
    if name == "profile":
        return draw(st.sampled_from([*profile.strings, "http://example.com"]).map(cbor2.dumps))
    return draw(ITEMS)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    profile = draw(st.sampled_from(ALL_PROFILES))
    chosen = draw(st.lists(st.sampled_from(profile.claims), max_size=12))
    pairs = [(writer.write_int(claim.key), plausible(profile, claim.name, draw)) for claim in chosen]
    pairs += draw(st.lists(st.tuples(ITEMS, ITEMS), max_size=2))
    ordered = draw(st.permutations(pairs))
    return writer.join_map(ordered)


@given(payloads(), st.sampled_from([P256, P384, bytes(48)]), st.sampled_from([None, b"", b"kid"]))
def test_compile_undoes_decompile_for_any_claims_in_any_order(
    payload: bytes, key: SigningKey, kid: bytes | None
) -> None:
    token = write_cose(payload, key, kid=kid)
    try:
        decoded = decode(token)
    except TokenUnreadable:  # nested deeper than the verifier reads
        return
    assert compiled(decompile(token, decoded, with_signature=True).text, Choices()) == token
    assert compiled(decompile(token, decoded).text, Choices(key, key)) == token


@given(st.binary(max_size=60), st.booleans())
def test_a_payload_that_is_no_map_of_claims_survives_too(payload: bytes, with_signature: bool) -> None:
    token = write_cose(payload, P256)
    text = decompile(token, decode(token), with_signature=with_signature).text
    assert compiled(text, Choices(P256)) == token


WORDS = """
challenge sw_components tfm_sim kid tags payload cca_platform_token sl_secured 1 AA== .inf 0b1 1:1 - { } [ ]
!!binary !cbor !text !inc !!int !!timestamp !!bool !!float !!omap !!null &a *a << ? ' " | % --- # ,
"""
PIECES = st.sampled_from([*WORDS.split(), ": ", "\n", "- ", "  ", "\\"])


@given(
    st.one_of(
        st.binary(max_size=80), st.lists(PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode())
    )
)
def test_any_bytes_are_a_token_or_one_error(data: bytes) -> None:
    with suppress(TokenYamlError, CompileError):
        compile_token(read_source(Source(), data, "t.yaml"), Choices(P256, P256))


def test_platform_profiles_and_types_have_words() -> None:
    """Every claim of every profile has a name, but for those that iat-verifier has none for."""
    nameless = {(44244, "lfa-policy"), (44257, "devices-token-hash")}
    for profile in ALL_PROFILES:
        kind = type_of_profile(profile)
        missing = {(c.key, c.name) for c in profile.claims if kind.words.name_of(c.key) is None}
        assert missing <= nameless
    assert set(BY_LABEL) >= {"PSA-IoT-Profile1-token", "PSA-2.0.0-token", "CCA-token", "CCA-plat-token"}


@pytest.mark.parametrize(
    "extra",
    [
        {"a": 1, 5: 2, b"b": 3, "cca_platform_token": 4},
        {"cca_realm_delegated_token": b"", 44235: "a"},
        {1.5: None, True: "tfm_sim"},
    ],
    ids=["kinds of keys", "a name that is none", "simple keys"],
)
@pytest.mark.parametrize("with_realm", [True, False])
def test_other_entries_of_a_collection_come_back(extra: dict[object, object], with_realm: bool) -> None:
    collection = cbor2.loads(TOKENS["ccatoken-testGoodCCAToken"])
    parts = collection.value if with_realm else {44234: collection.value[44234]}
    token = cbor2.dumps(cbor2.CBORTag(collection.tag, {**extra, **parts}))
    text = decompile(token, decode(token), with_signature=True).text
    assert compiled(text, Choices()) == token


def test_an_entry_that_occurs_twice_in_a_collection_comes_back() -> None:
    part = cbor2.dumps([263, cbor2.loads(TOKENS["ccatoken-testGoodCCAToken"]).value[44234][1]])
    for entries in ([b"\x05", part], [part, b"\x05"], [part, part]):
        token = b"\xd9\x03\x8b\xa2" + b"".join(cbor2.dumps(44234) + entry for entry in entries)
        text = decompile(token, decode(token), with_signature=True).text
        assert compiled(text, Choices()) == token


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1" + ":1" * 100_000, "int of 200001 characters; legal: at most 400"),
        ("9" * 100_000, "int of 100000 characters; legal: at most 400"),
        ("1" + ":1" * 100_000 + ".5", "float of 200003 characters; legal: at most 400"),
        ("!!binary " + "A" * 100_001, "which is no binary"),
        ("!" + "x" * 100_000 + " [1]", "a sequence with the tag !xxx"),
        ("!" + "x" * 100_000 + " 1", "of YAML type !xxx"),
    ],
)
def test_a_long_scalar_costs_and_says_little(value: str, said: str) -> None:
    with pytest.raises(TokenYamlError) as caught:
        compiled(f"challenge: {value}\n")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


def test_aliases_to_nothing_count_too() -> None:
    text = "[&a [" + '!cbor "",' * 300 + "0], &b [" + "*a," * 300 + "*a], [" + "*b," * 300 + "*b]]"
    with pytest.raises(TokenYamlError, match="grows too large"):
        compiled(f"challenge: {text}\n")
