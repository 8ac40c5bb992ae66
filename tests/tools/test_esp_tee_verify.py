"""ESP-TEE tokens: what is accepted, and each rule with the token that breaks it alone."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.esp_token import CHALLENGE, KEY, MAC, NONCE, changed, members, sign, text

from tfm_sim.tools.esp_tee import (
    Enrolled,
    EspVerdict,
    Form,
    Reference,
    ReferenceUnusable,
    Register,
    SoftwareReference,
    enrolled_key,
    verify,
)
from tfm_sim.tools.esp_tee.forgeries import FORGERIES, Forgery, Material
from tfm_sim.tools.verifier.keys import from_public

REGISTER = Register((Enrolled(from_public(KEY.public_key()), "lamp 7", hashlib.sha256(MAC).digest()),))
OTHER = ec.derive_private_key(0x7654321, ec.SECP256R1())
TOKEN = sign(members())
P384 = (
    ec.derive_private_key(7, ec.SECP384R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


def judge(token: bytes, register: Register = REGISTER, **more: Any) -> EspVerdict:
    return verify(token, register, challenge=CHALLENGE, **more)


@pytest.mark.parametrize(
    ("form", "fresh"),
    [
        ("slot", {"nonce": NONCE}),
        ("string-id", {"nonce": NONCE}),
        ("psa", {"challenge": CHALLENGE}),
        ("psa-ueid", {"challenge": CHALLENGE}),
    ],
)
def test_every_form_is_accepted(form: str, fresh: dict[str, Any]) -> None:
    verdict = verify(sign(members(form)), REGISTER, **fresh)
    assert (verdict.ok, verdict.reasons, verdict.warnings) == (True, (), ())
    assert verdict.form is Form(form)
    assert verdict.device is REGISTER.devices[0]


@pytest.mark.parametrize("size", [32, 48, 64])
def test_challenges_of_three_sizes(size: int) -> None:
    challenge = bytes(size)
    token = sign(changed("eat.auth_challenge", challenge.hex()))
    assert verify(token, REGISTER, challenge=challenge).ok


def test_the_nul_that_the_device_counts_is_no_part_of_the_text() -> None:
    assert judge(TOKEN + b"\0").ok
    assert judge(TOKEN + b"\n").ok
    assert judge(TOKEN + b"\0\0").kinds() == {"malformed-json"}


def test_the_signature_is_over_the_text_as_transmitted() -> None:
    """A space inside of a signed member refuses; one between the members is nobody's."""
    assert judge(TOKEN.replace(b',"eat":', b' ,\n "eat" : ')).ok
    assert judge(TOKEN.replace(b',"client_id"', b', "client_id"')).kinds() == {"signature-invalid"}
    values, odd = members(), text(members()["eat"]).replace(b'"device_ver":1', b'"device_ver" : 1')
    covered = text(values["header"]) + odd + text(values["public_key"])
    r, s = decode_dss_signature(KEY.sign(covered, ec.ECDSA(hashes.SHA256())))
    token = sign(values).replace(text(values["eat"]), odd)
    signature = text({"r": f"{r:064x}", "s": f"{s:064x}"})
    assert judge(token[: token.index(b',"sign":')] + b',"sign":' + signature + b"}").ok


def test_the_key_of_the_token_proves_nothing() -> None:
    verdict = judge(TOKEN, Register())
    assert verdict.signature == "valid"
    assert verdict.kinds() == {"no-trust-anchor"}


RULES = [
    # RFC 8259 and the four members
    ("header.magic", "44fef7cd", {"header"}),
    ("header.magic", 0x44FEF7CC, {"claim-type"}),
    ("header.encr_alg", "aes", {"header"}),
    ("header.sign_alg", "ecdsa_secp192r1_sha256", {"header"}),
    ("header.key_id", 0, {"claim-conflict"}),
    ("header.key_id", "", {"header"}),
    ("header.key_id", ..., {"claim-missing"}),
    # Freshness
    ("eat.auth_challenge", bytes(32).hex(), {"nonce-mismatch"}),
    ("eat.auth_challenge", bytes(16).hex(), {"claim-value", "nonce-mismatch"}),
    ("eat.auth_challenge", CHALLENGE.hex().upper(), {"claim-value"}),
    ("eat.nonce", 1, {"claim-conflict"}),
    # The device
    ("eat.client_id", 1 << 31, {"claim-value"}),
    ("eat.client_id", "0x0facade0", {"claim-type"}),
    ("eat.client_id", True, {"claim-type"}),
    ("eat.chip_id", ..., {"claim-missing"}),
    ("eat.ueid", ..., {"claim-missing"}),
    ("eat.ueid.mac", "f412fa0a0b0d", {"device-id"}),
    ("eat.ueid.mac", "f412fa0a0b", {"claim-value", "device-id"}),
    ("eat.ueid.optional_id", "", {"claim-value"}),
    ("eat.device_ver", 1.0, {"claim-type"}),
    ("eat.device_id", bytes(32).hex(), {"device-id", "key-of-another"}),
    ("eat.instance_id", bytes(32).hex(), {"instance-id"}),
    ("eat.psa_cert_ref", "0" * 32, {"claim-value"}),
    ("eat.device_status", 256, {"claim-value"}),
    # The software
    ("eat.sw_claims.tee", ..., {"claim-missing"}),
    ("eat.sw_claims.app.type", 1, {"claim-value"}),
    ("eat.sw_claims.app.ver", "v" * 32, {"claim-value"}),
    ("eat.sw_claims.app.part_digest.type", 1, {"claim-value"}),
    ("eat.sw_claims.app.part_digest.calc_digest", "00" * 31, {"claim-value"}),
    ("eat.sw_claims.app.part_digest.digest_validated", False, {"digest-not-validated"}),
    ("eat.sw_claims.app.part_digest.digest_validated", 1, {"claim-type"}),
    ("eat.sw_claims.app.part_digest.secure_padding", ..., {"claim-missing"}),
    ("eat.sw_claims.bootloader.part_digest.secure_padding", True, {"claim-conflict"}),
    ("eat.sw_claims.tee.part_chip_rev.min", 2, {"chip-revision"}),
    ("eat.sw_claims.tee.part_chip_rev.max", -1, {"claim-value"}),
    ("eat.device_ver", -1, {"claim-value", "chip-revision"}),
    ("eat.device_status", -1, {"claim-value"}),
    ("eat.chip_id", -1, {"claim-value"}),
    ("eat.ueid.optional_id", "00" * 32, {"claim-value"}),
    # The key: no point, and a prefix that is none of a compressed one
    ("public_key.compressed", "02" + "ff" * 32, {"key-invalid", "no-trust-anchor", "signature-invalid"}),
    ("public_key.compressed", "04" + "11" * 32, {"claim-value", "no-trust-anchor", "signature-invalid"}),
    ("eat.sw_claims.tee.part_chip_rev.min", 1 << 16, {"claim-value", "chip-revision"}),
]


@pytest.mark.parametrize(("path", "value", "kinds"), RULES)
def test_a_signed_token_that_breaks_one_rule(path: str, value: Any, kinds: set[str]) -> None:
    assert judge(sign(changed(path, value))).kinds() == kinds


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("eat.sw_claims.app.part_digest.sign_verified", False, "secure-boot"),
        ("eat.sw_claims.tee.part_digest.secure_padding", False, "secure-boot"),
        ("eat.sw_claims.app.part_chip_rev.max", 0, None),
        # The chip's own revision is within the bounds.
        ("eat.sw_claims.app.part_chip_rev.max", 1, None),
        ("eat.sw_claims.app.part_chip_rev.min", 1, None),
        ("eat.sw_claims.app.part_chip_rev.max", 65535, None),
        ("eat.psa_cert_ref", "0716053550477", "claim-value"),
        ("eat.owner", "nobody", "claim-unknown"),
        ("eat.sw_claims.other", {"type": 3}, "claim-unknown"),
    ],
)
def test_what_warns_and_does_not_refuse(path: str, value: Any, kind: str | None) -> None:
    verdict = judge(sign(changed(path, value)))
    assert verdict.ok, verdict.reasons
    assert [warning.kind for warning in verdict.warnings] == ([kind] if kind else [])


@pytest.mark.parametrize("form", ["slot", "string-id", "psa", "psa-ueid"])
def test_every_claim_of_a_form_must_be_there(form: str) -> None:
    fresh: dict[str, Any] = {"nonce": NONCE} if form in ("slot", "string-id") else {"challenge": CHALLENGE}
    for path in leaves(members(form)):
        verdict = verify(sign(changed(path, ..., form)), REGISTER, **fresh)
        assert not verdict.ok, path
        # A token without its freshness or its key's name looks like one of another form.
        if path not in ("eat.nonce", "eat.auth_challenge"):
            assert "claim-missing" in verdict.kinds(), path


def leaves(values: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        found += leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return found


@pytest.mark.parametrize(("key_id", "ok"), [(0, True), (65535, True), (65536, False), (-1, False)])
def test_a_slot_is_a_number_of_16_bits(key_id: int, ok: bool) -> None:
    verdict = verify(sign(changed("header.key_id", key_id, "slot")), REGISTER, nonce=NONCE)
    assert verdict.kinds() == (set() if ok else {"header"})


@pytest.mark.parametrize("name", ["header", "eat", "public_key", "sign"])
@pytest.mark.parametrize("value", [..., None, [], "text"])
def test_each_of_the_four_members_is_an_object(name: str, value: Any) -> None:
    values = json.loads(TOKEN)
    if value is ...:
        del values[name]
    else:
        values[name] = value
    reasons = judge(text(values)).reasons
    assert [reason.where for reason in reasons if reason.kind.value == "token-shape"] == [name]


@pytest.mark.parametrize(
    ("form", "fresh", "notes"),
    [
        ("psa-ueid", {"challenge": CHALLENGE}, []),
        ("psa-ueid", {}, ["may be a replay"]),
        ("slot", {"nonce": NONCE}, ["a nonce of 32 bits", "the REE chose client_id"]),
        ("slot", {}, ["may be a replay", "the REE chose client_id"]),
    ],
)
def test_notes(form: str, fresh: dict[str, Any], notes: list[str]) -> None:
    software = {"app": SoftwareReference(idf_versions=("v5.5",))}
    verdict = verify(sign(members(form)), REGISTER, reference=Reference(software), **fresh)
    assert verdict.ok
    assert len(verdict.notes) == len(notes)
    for note, wanted in zip(verdict.notes, notes, strict=True):
        assert wanted in str(note)


def test_a_claim_that_a_reference_wants_and_the_form_has_not_refuses() -> None:
    verdict = judge(sign(members("psa")), reference=Reference(chip_ids=(13,)))
    assert [str(reason) for reason in verdict.reasons] == ["eat.chip_id: found nothing; the reference is 13"]


def test_a_client_id_is_compared_as_32_bits() -> None:
    token = sign(changed("eat.client_id", -1))
    assert judge(token, reference=Reference(client_id=0xFFFFFFFF)).ok
    assert judge(token, reference=Reference(client_id=0x7FFFFFFF)).kinds() == {"reference"}


def test_a_chip_above_the_upper_bound_warns() -> None:
    values = changed("eat.device_ver", 100)
    verdict = judge(sign(values))
    assert verdict.ok
    assert {warning.kind.value for warning in verdict.warnings} == {"chip-revision"}
    assert len(verdict.warnings) == 3


SOFTWARE = "eat.sw_claims.app"


@pytest.mark.parametrize(
    ("reference", "where"),
    [
        (Reference({"app": SoftwareReference(digests=(bytes(32),))}), f"{SOFTWARE}.part_digest.calc_digest"),
        (Reference({"app": SoftwareReference(versions=("v2.0.0",))}), f"{SOFTWARE}.ver"),
        (Reference({"app": SoftwareReference(idf_versions=("v6.0",))}), f"{SOFTWARE}.idf_ver"),
        (Reference({"app": SoftwareReference(min_secure_version=4)}), f"{SOFTWARE}.secure_ver"),
        (Reference(client_id=7), "eat.client_id"),
        (Reference(psa_cert_refs=("0716053550477-10101",)), "eat.psa_cert_ref"),
        (Reference(device_status=(0,)), "eat.device_status"),
        (Reference(chip_ids=(16,)), "eat.chip_id"),
        (Reference(min_device_version=2), "eat.device_ver"),
    ],
)
def test_reference_values_refuse(reference: Reference, where: str) -> None:
    verdict = judge(TOKEN, reference=reference)
    assert [(reason.kind.value, reason.where) for reason in verdict.reasons] == [("reference", where)]


def test_reference_values_that_fit() -> None:
    software = {
        name: SoftwareReference((bytes(32), hashlib.sha256(name.encode()).digest()), (), ("v5.5",), 3)
        for name in ("tee", "app", "bootloader")
    }
    wanted = Reference(software, True, 0x0FACADE0, ("0716053550477-10100",), (165, 255), (13,), 1)
    verdict = judge(TOKEN, reference=wanted)
    assert (verdict.ok, verdict.reasons, verdict.notes) == (True, (), ())


@pytest.mark.parametrize("flag", ["sign_verified", "secure_padding"])
def test_secure_boot_can_be_demanded(flag: str) -> None:
    token = sign(changed(f"{SOFTWARE}.part_digest.{flag}", False))
    assert judge(token, reference=Reference(secure_boot=True)).kinds() == {"secure-boot"}


def test_a_nonce_is_compared_as_32_bits() -> None:
    token = sign(members("slot"))
    assert verify(token, REGISTER, nonce=NONCE).ok
    verdict = verify(token, REGISTER, nonce=NONCE ^ 1)
    assert str(verdict.reasons[0]) == (
        "eat.nonce: found -1582119980; legal: -1582119979, the nonce 0xa1b2c3d5"
    )
    assert verify(token, REGISTER, challenge=CHALLENGE).kinds() == {"nonce-mismatch"}


def test_a_key_that_is_enrolled_for_another_device() -> None:
    register = Register((Enrolled(REGISTER.devices[0].key, "lamp 8", bytes(32)),))
    assert judge(TOKEN, register).kinds() == {"key-of-another"}


def test_another_key_of_an_enrolled_device_is_told_as_such() -> None:
    verdict = judge(sign(members(key=OTHER), OTHER))
    assert verdict.kinds() == {"no-trust-anchor"}
    assert "lamp 7 has another" in str(verdict.reasons[0])


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_forgeries(forgery: Forgery) -> None:
    material = Material(TOKEN, sign(changed("eat.auth_challenge", bytes(32).hex())), OTHER)
    verdict = judge(forgery.make(material))
    assert not verdict.ok
    assert forgery.kind.value in verdict.kinds()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "malformed-json"),
        (b"[]", "malformed-json"),
        (b"{}", "token-shape"),
        (b'{"header":NaN}', "malformed-json"),
        (b'{"header":{"a":1,"a":1}}', "duplicate-member"),
        (b'{"header":' + b"[" * 5000, "malformed-json"),
        (b'{"header":' + b"9" * 5000 + b"}", "malformed-json"),
        (b'{"\\ud800":1}', "malformed-json"),
        (b"\xff", "malformed-json"),
        (b" " * (1 << 17), "malformed-json"),
    ],
)
def test_text_that_is_no_token(data: bytes, kind: str) -> None:
    assert kind in judge(data).kinds()


def test_bounds_of_size_and_depth() -> None:
    behind = b" " * ((1 << 16) - len(TOKEN))
    assert judge(TOKEN + behind).ok
    assert "65537 bytes; legal: at most 65536" in str(judge(TOKEN + behind + b" ").reasons[0])
    for depth, deep in ((15, False), (16, True)):
        data = b'{"eat":' + b"[" * depth + b"]" * depth + b"}"
        assert ("nested too deep" in str(judge(data).reasons[0])) is deep


def test_every_single_bit_is_covered() -> None:
    """A change anywhere refuses, less that of a byte that is no part of a token's meaning: there is none."""
    for at in range(0, len(TOKEN), 7):
        for bit in (0, 5):
            mutated = TOKEN[:at] + bytes([TOKEN[at] ^ 1 << bit]) + TOKEN[at + 1 :]
            assert not judge(mutated).ok, (at, bit)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]",:0123eatheadersign\\u \x00', max_size=60).map(str.encode)
)
def test_arbitrary_bytes(data: bytes) -> None:
    verdict = judge(data)
    assert not verdict.ok
    json.dumps(verdict.as_json())


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = sorted(
    {"header", "eat", "public_key", "eat.ueid", "eat.sw_claims", "eat.sw_claims.tee", "eat.client_id"}
    | {path for path, _, _ in RULES}
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PATHS), JSON_VALUES)
def test_any_value_in_any_place(path: str, value: Any) -> None:
    values = changed(path, value)
    token = json.dumps({**values, "sign": {"r": "01" * 32, "s": "01" * 32}}).encode()
    verdict = judge(token)
    assert not verdict.ok
    json.dumps(verdict.as_json())


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("00" * 32, "found a symmetric key of 32 bytes"),
        ("02" + "ff" * 32, "found 33 bytes"),
        (b"-----BEGIN X-----", "found"),
        (P384, "found"),
    ],
)
def test_keys_that_cannot_be_enrolled(source: bytes | str, text: str) -> None:
    with pytest.raises(ReferenceUnusable, match=text):
        enrolled_key(source)


def test_keys_in_three_notations() -> None:
    key = REGISTER.devices[0].key
    compressed = members()["public_key"]["compressed"]
    assert (
        enrolled_key(compressed) == enrolled_key(key.point().hex()) == enrolled_key(bytes.fromhex(compressed))
    )


def test_a_number_that_no_double_holds() -> None:
    verdict = judge(text(changed("eat.client_id", 1.5)).replace(b"1.5", b"1e999"))
    assert "malformed-json" in verdict.kinds()
    json.dumps(verdict.as_json(), allow_nan=False)


def test_long_names_make_no_long_report() -> None:
    inner = b",".join(b'"%x":1' % number for number in range(3500))
    verdict = judge(b'{"' + b"a" * 30000 + b'":{' + inner + b"}}")
    assert len(verdict.warnings) == 3500
    assert len(json.dumps(verdict.as_json())) < 1 << 20


def test_a_name_with_a_dot_is_no_path() -> None:
    verdict = judge(sign(changed("eat.nonce", 5)).replace(b'"sign":', b'"eat.nonce":5,"sign":'))
    assert [w.where for w in verdict.warnings if "nothing signs" in w.text] == ["eat\\.nonce"]
