"""Attestation results: what each form looks like, who may read what, and that forged ones are refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.appraisal_cases import (
    CHALLENGE,
    DROP,
    OTHER,
    P1,
    REALM_CHALLENGE,
    RFC,
    SPE,
    VERIFIER,
    cca_endorsed,
    cca_token,
    endorsed,
    psa_token,
    reference,
)
from support.ear_rules import DRAFT_02, DRAFT_03, LIBRARY, VECTOR, problems

from tfm_sim.tools.appraisal import (
    Appraisal,
    AppraisalError,
    EarForm,
    EarInvalid,
    Mode,
    Tier,
    VerifierId,
    appraise,
    check_ear,
    sign_ear,
)
from tfm_sim.tools.appraisal.ear_check import read_ear, read_unverified
from tfm_sim.tools.verifier import KeyUnusable

IAT = 1_790_000_000
KEY = VERIFIER.public_key()
GOOD = appraise(psa_token(), endorsed(), challenge=CHALLENGE)
WARNING = appraise(psa_token(), endorsed(reference(SPE)), challenge=CHALLENGE)
REFUSED = appraise(psa_token(nonce=bytes(32)), endorsed(), challenge=CHALLENGE)
COLLECTION = appraise(cca_token(), cca_endorsed(), challenge=REALM_CHALLENGE)
EMPTY = appraise(psa_token(P1, profile=DROP), endorsed(), mode=Mode.VERAISON, challenge=CHALLENGE)
UNKNOWN = appraise(psa_token(), endorsed(), mode=Mode.VERAISON, challenge=CHALLENGE, media_type="x/y")
NO_NONCE = appraise(psa_token(RFC), endorsed())
LEGACY = appraise(psa_token(P1), endorsed(), challenge=CHALLENGE)  # whose profile is no URI
APPRAISALS = [GOOD, WARNING, REFUSED, COLLECTION, EMPTY, UNKNOWN, NO_NONCE, LEGACY]


def plain(claims: Any) -> Any:
    """Claims as a reader of JSON gets them, to be looked into and changed."""
    return json.loads(json.dumps(claims))


IDS = ["good", "warning", "refused", "collection", "empty", "unknown", "no nonce", "legacy"]


@pytest.mark.parametrize("appraisal", APPRAISALS, ids=IDS)
@pytest.mark.parametrize("form", EarForm)
def test_every_form_keeps_its_rules_and_reads_back(appraisal: Appraisal, form: EarForm) -> None:
    claims = appraisal.as_ear(form, iat=IAT, raw_evidence=b"\xfb\xff evidence", exp=IAT + 60)
    assert problems(plain(claims)) == []
    ear = check_ear(sign_ear(claims, VERIFIER), KEY, nonce=appraisal.nonce, now=IAT)
    assert (ear.form, ear.iat, ear.exp, ear.nonce) == (form, IAT, IAT + 60, appraisal.nonce)
    assert ear.raw_evidence == b"\xfb\xff evidence"
    assert ear.status is appraisal.status
    for part, made in zip(ear.submods, appraisal.submods, strict=True):
        assert (part.name, part.status) == (made.name, made.status)
        assert part.vector is not None
        assert part.vector.values() == made.vector.values()


def test_the_library_form() -> None:
    claims = plain(WARNING.as_ear(iat=IAT, verifier=VerifierId("demo lab", "sim 1.0")))
    part = claims["submods"]["PSA_IOT"]
    evidence, reasons = part.pop("ear.veraison.annotated-evidence"), part.pop("ear.veraison.policy-claims")
    assert evidence["psa-nonce"] == base64.b64encode(CHALLENGE).decode()
    assert list(reasons["reasons"]) == ["executables"]
    assert claims == {
        "eat_profile": "tag:github.com,2023:veraison/ear",
        "iat": IAT,
        "ear.verifier-id": {"developer": "demo lab", "build": "sim 1.0"},
        "eat_nonce": "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=",
        "submods": {
            "PSA_IOT": {
                "ear.status": "warning",
                "ear.trustworthiness-vector": {
                    "instance-identity": 2,
                    "configuration": 0,
                    "executables": 33,
                    "file-system": 0,
                    "hardware": 2,
                    "runtime-opaque": 2,
                    "storage-opaque": 2,
                    "sourced-data": 0,
                },
                "ear.appraisal-policy-id": "policy:PSA_IOT/default",
            }
        },
    }


def test_the_form_of_draft_03() -> None:
    claims = plain(WARNING.as_ear(EarForm.DRAFT_03, iat=IAT))
    part = claims["submods"]["PSA_IOT"]
    assert part.pop("ear_veraison_annotated_evidence")["psa-client-id"] == 1
    assert list(part.pop("ear_veraison_policy_claims")["reasons"]) == ["executables"]
    assert claims == {
        "eat_profile": "tag:ietf.org,2026:rats/ear#03",
        "iat": IAT,
        "ear_verifier_id": {"developer": "tfm-sim", "build": "tfm-sim"},
        "ear_status": "warning",
        "eat_nonce": "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=",
        "submods": {
            "PSA_IOT": {
                "ear_status": "warning",
                "ear_trustworthiness_vector": {
                    "instance-identity": 2,
                    "executables": 33,
                    "hardware": 2,
                    "runtime-opaque": 2,
                    "storage-opaque": 2,
                },
                "ear_appraisal_policy_ids": ["policy:PSA_IOT/default"],
                "eat_profile": "http://arm.com/psa/2.0.0",
                "eat_nonce": "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=",
            }
        },
    }


def test_the_form_of_draft_02_has_the_librarys_names() -> None:
    claims = GOOD.as_ear(EarForm.DRAFT_02, iat=IAT)
    assert claims["eat_profile"] == "tag:ietf.org,2025-07:ear"
    assert {name for name in claims if "ear" in name} == {"ear.verifier-id"}


def test_a_refusal_carries_its_problem() -> None:
    (part,) = read_ear(REFUSED.as_ear(iat=IAT)).submods
    assert "legal: the challenge 2a2a" in plain(part.extensions)["veraison.policy-claims"]["problem"]
    assert part.vector is not None
    assert set(part.vector.values().values()) == {99}


@pytest.mark.parametrize(
    "options, said",
    [
        ({"iat": 1.5}, "iat: found 1.5"),
        ({"iat": True}, "iat"),
        ({"iat": -1}, "iat"),
        ({"iat": 1, "exp": 2.0}, "exp: found 2.0"),
    ],
)
def test_times_are_whole_seconds(options: dict[str, Any], said: str) -> None:
    with pytest.raises(AppraisalError, match=said):
        GOOD.as_ear(**options)


def test_a_challenge_that_is_no_eat_nonce_cannot_be_echoed() -> None:
    with pytest.raises(AppraisalError, match="7 bytes"):
        appraise(psa_token(), endorsed(), challenge=bytes(7)).as_ear(iat=IAT)


CURVES = [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")]


@pytest.mark.parametrize("curve, algorithm", CURVES)
def test_the_curve_chooses_the_algorithm(curve: ec.EllipticCurve, algorithm: str) -> None:
    key = ec.derive_private_key(0xABCDEF, curve)
    token = sign_ear(GOOD.as_ear(iat=IAT), key)
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT"}
    assert jwt.decode(token, key.public_key(), [algorithm], options={"verify_iat": False})["iat"] == IAT
    assert check_ear(token, key.public_key()).status is Tier.AFFIRMING


def pem(key: Any) -> bytes:
    done: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return done


def test_keys_may_be_pem() -> None:
    token = sign_ear(GOOD.as_ear(iat=IAT), pem(VERIFIER).decode())
    public = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert check_ear(token.encode() + b"\n", public).status is Tier.AFFIRMING


@pytest.mark.parametrize(
    "key",
    [
        b"nothing",
        pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))),
        pem(ec.derive_private_key(5, ec.SECP256K1())),
        KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_what_cannot_sign(key: bytes) -> None:
    with pytest.raises(AppraisalError, match="signing key"):
        sign_ear(GOOD.as_ear(iat=IAT), key)


# Forgeries

CLAIMS = GOOD.as_ear(iat=IAT)
TOKEN = sign_ear(CLAIMS, VERIFIER)
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")
PUBLIC_PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def hmac_by_public_key() -> str:
    """The classic: HS256 with the public key as the secret."""
    head = b64(b'{"alg":"HS256","typ":"JWT"}')
    mac = hmac.new(PUBLIC_PEM, f"{head}.{PAYLOAD}".encode(), hashlib.sha256).digest()
    return f"{head}.{PAYLOAD}.{b64(mac)}"


NONE, ES384, PLAIN = (
    b64(json.dumps(head).encode()) for head in ({"alg": "none"}, {"alg": "ES384"}, {"alg": "ES256"})
)
REFUSAL = sign_ear(REFUSED.as_ear(iat=IAT), VERIFIER).split(".")[1]
FORGERIES: list[tuple[str, str]] = [
    ("another key", sign_ear(CLAIMS, OTHER)),
    ("alg none", f"{NONE}.{PAYLOAD}."),
    ("HS256 by the public key", hmac_by_public_key()),
    ("ES384 in the header", f"{ES384}.{PAYLOAD}.{SIGNATURE}"),
    ("no signature", f"{HEADER}.{PAYLOAD}."),
    ("signature cut", f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-4]}"),
    ("payload of another result", f"{HEADER}.{REFUSAL}.{SIGNATURE}"),
    ("header changed", f"{PLAIN}.{PAYLOAD}.{SIGNATURE}"),
    ("unknown critical header", jwt.encode(CLAIMS, VERIFIER, "ES256", headers={"crit": ["x"], "x": 1})),
    ("two parts", f"{HEADER}.{PAYLOAD}"),
    ("nothing", ""),
    ("not ASCII", "\u00e4.\u00e4.\u00e4"),
]


@pytest.mark.parametrize("token", [token for _, token in FORGERIES], ids=[name for name, _ in FORGERIES])
def test_forged_results_are_refused(token: str) -> None:
    with pytest.raises(EarInvalid):
        check_ear(token, KEY)


def test_every_changed_character_is_refused() -> None:
    """Less the last one of each part, whose low bits base64url leaves unused."""
    ends = {len(HEADER) - 1, len(HEADER) + len(PAYLOAD), len(TOKEN) - 1}
    for index, char in enumerate(TOKEN):
        if index not in ends:
            changed = TOKEN[:index] + ("A" if char != "A" else "B") + TOKEN[index + 1 :]
            with pytest.raises(EarInvalid):
                check_ear(changed, KEY)


def test_a_symmetric_key_checks_nothing() -> None:
    with pytest.raises(EarInvalid, match="symmetric"):
        check_ear(TOKEN, bytes(32))
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    with pytest.raises(KeyUnusable):
        check_ear(TOKEN, rsa_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(
    "options, said",
    [({"nonce": bytes(32)}, "eat_nonce: found 2a2a"), ({"nonce": CHALLENGE}, ""), ({"now": IAT}, "")],
)
def test_nonce(options: dict[str, Any], said: str) -> None:
    if said:
        with pytest.raises(EarInvalid, match=said):
            check_ear(TOKEN, KEY, **options)
    else:
        check_ear(TOKEN, KEY, **options)


def test_a_result_without_nonce_answers_no_nonce() -> None:
    with pytest.raises(EarInvalid, match="found none"):
        check_ear(sign_ear(NO_NONCE.as_ear(iat=IAT), VERIFIER), KEY, nonce=CHALLENGE)


@pytest.mark.parametrize("now, expired", [(IAT, False), (IAT + 59, False), (IAT + 60, True), (None, False)])
def test_expiry(now: int | None, expired: bool) -> None:
    token = sign_ear(GOOD.as_ear(EarForm.DRAFT_03, iat=IAT, exp=IAT + 60), VERIFIER)
    if expired:
        with pytest.raises(EarInvalid, match="it expired"):
            check_ear(token, KEY, now=now)
    else:
        check_ear(token, KEY, now=now)


# Structure, one broken rule a line

Change = Callable[[dict[str, Any]], object]


def part(claims: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = claims["submods"]["PSA_IOT"]
    return found


def silenced(claims: dict[str, Any], executables: int) -> None:
    """The status says nothing, the vector something."""
    part(claims).update({"ear.status": "none"})
    part(claims)[LIB_V].update(executables=executables)


LIB_V, D3_V = "ear.trustworthiness-vector", "ear_trustworthiness_vector"
BROKEN: list[tuple[EarForm, Change, str]] = [
    (EarForm.LIBRARY, lambda c: c.pop("eat_profile"), "eat_profile: found nothing"),
    (EarForm.LIBRARY, lambda c: c.update(eat_profile="tag:x"), "eat_profile: found 'tag:x'"),
    (EarForm.LIBRARY, lambda c: c.update(eat_profile=[LIBRARY]), "eat_profile"),
    (EarForm.LIBRARY, lambda c: c.update(eat_profile=DRAFT_03), "ear_verifier_id: found nothing"),
    (EarForm.DRAFT_03, lambda c: c.update(eat_profile=LIBRARY), "ear.verifier-id: found nothing"),
    (EarForm.LIBRARY, lambda c: c.pop("iat"), "iat: missing"),
    (EarForm.LIBRARY, lambda c: c.update(iat=1.0), "iat: found 1.0"),
    (EarForm.LIBRARY, lambda c: c.update(iat=True), "iat: found True"),
    (EarForm.DRAFT_03, lambda c: c.update(exp=1.5), "exp: found 1.5"),
    (EarForm.LIBRARY, lambda c: c.pop("ear.verifier-id"), "ear.verifier-id"),
    (EarForm.LIBRARY, lambda c: c["ear.verifier-id"].pop("build"), "ear.verifier-id"),
    (EarForm.LIBRARY, lambda c: c["ear.verifier-id"].update(more="x"), "ear.verifier-id"),
    (EarForm.LIBRARY, lambda c: c.pop("submods"), "submods: found nothing"),
    (EarForm.LIBRARY, lambda c: c.update(submods={}), "submods: found {}"),
    (EarForm.LIBRARY, lambda c: c.update(submods={"X": 1}), "submods[X]: found 1"),
    (EarForm.LIBRARY, lambda c: part(c).pop("ear.status"), "ear.status: found nothing"),
    (EarForm.LIBRARY, lambda c: part(c).update({"ear.status": "fine"}), "ear.status: found 'fine'"),
    (EarForm.LIBRARY, lambda c: part(c).update({"ear.status": 3}), "ear.status: found 3"),
    (EarForm.DRAFT_03, lambda c: part(c).update({"ear_status": 2}), "ear_status: found 2"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(executables=33), "no better than warning"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(executables=-33), "no better than warning"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware=97), "no better than contraindicated"),
    (EarForm.LIBRARY, lambda c: silenced(c, 33), "no better than warning"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware=128), "hardware: found 128"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware=2.0), "hardware: found 2.0"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware="shiny"), "hardware: found 'shiny'"),
    (EarForm.DRAFT_03, lambda c: part(c)[D3_V].update(hardware="genuine_hw"), "hardware: found 'genuine_hw'"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(software=2), "found 'software'"),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(software=None), "found 'software'"),
    (EarForm.DRAFT_03, lambda c: part(c)[D3_V].update(hardware=None), "hardware: found nothing"),
    (EarForm.LIBRARY, lambda c: part(c).update({LIB_V: []}), LIB_V),
    (EarForm.DRAFT_03, lambda c: part(c).update({D3_V: {}}), D3_V),
    (EarForm.LIBRARY, lambda c: part(c).update({"ear.appraisal-policy-id": ["x"]}), "legal: text"),
    (EarForm.DRAFT_03, lambda c: part(c).update({"ear_appraisal_policy_ids": "x"}), "legal: a list"),
    (EarForm.DRAFT_03, lambda c: part(c).update({"ear_appraisal_policy_ids": []}), "legal: a list"),
    (EarForm.DRAFT_03, lambda c: part(c).update({"ear_appraisal_policy_ids": [1]}), "legal: a list"),
    (EarForm.LIBRARY, lambda c: part(c).update({"ear.veraison.policy-claims": 1}), "policy-claims"),
    (EarForm.LIBRARY, lambda c: c.update(eat_nonce="short"), "eat_nonce"),
    (EarForm.LIBRARY, lambda c: c.update(eat_nonce="x" * 89), "eat_nonce"),
    (EarForm.LIBRARY, lambda c: c.update(eat_nonce=12345678), "eat_nonce"),
    (EarForm.DRAFT_03, lambda c: c.update(eat_nonce="A" * 10), "eat_nonce"),
    (EarForm.DRAFT_03, lambda c: c.update(eat_nonce="!" * 16), "eat_nonce"),
    (EarForm.DRAFT_03, lambda c: part(c).update(eat_nonce="A" * 10), "eat_nonce"),
    (EarForm.DRAFT_03, lambda c: part(c).update(eat_profile=1), "eat_profile: found 1"),
    (EarForm.DRAFT_03, lambda c: part(c).update(ear_status="warning"), "ear_status: found affirming"),
    (EarForm.LIBRARY, lambda c: c.update({"ear.raw-evidence": "AA=="}), "ear.raw-evidence"),
    (EarForm.LIBRARY, lambda c: c.update({"ear.raw-evidence": "A"}), "ear.raw-evidence"),
]


@pytest.mark.parametrize("form, change, said", BROKEN)
def test_broken_structure(form: EarForm, change: Change, said: str) -> None:
    claims = plain(GOOD.as_ear(form, iat=IAT))
    change(claims)
    with pytest.raises(EarInvalid) as caught:
        check_ear(sign_ear(claims, VERIFIER), KEY)
    assert said in str(caught.value)


LEGAL: list[tuple[EarForm, Change]] = [
    (EarForm.LIBRARY, lambda c: c.update(unknown="claim")),
    (EarForm.LIBRARY, lambda c: part(c).update({"ear_status": "contraindicated"})),  # unknown in this form
    (EarForm.LIBRARY, lambda c: part(c).update({"ear.status": "contraindicated"})),  # worse is allowed
    (EarForm.LIBRARY, lambda c: part(c).update({"ear.status": 32})),
    (EarForm.LIBRARY, lambda c: silenced(c, 2)),  # saying nothing claims no trust
    (EarForm.LIBRARY, lambda c: part(c).pop(LIB_V)),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware="genuine_hw")),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware="-32")),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update({"file-system": -1, "sourced-data": 1})),
    (EarForm.LIBRARY, lambda c: part(c)[LIB_V].update(hardware=None)),  # so python-ear leaves a member out
    (EarForm.LIBRARY, lambda c: c.pop("eat_nonce")),
    (EarForm.LIBRARY, lambda c: c.update(eat_nonce="not base64!")),
    (EarForm.LIBRARY, lambda c: c.update(eat_profile="tag:github.com,2024:confidential-containers/Trustee")),
    (EarForm.DRAFT_02, lambda c: part(c).pop("ear.appraisal-policy-id")),
    (EarForm.DRAFT_03, lambda c: c.pop("ear_status")),
    (EarForm.DRAFT_03, lambda c: c.update(ear_status="warning")),
]


@pytest.mark.parametrize("form, change", LEGAL)
def test_legal_structure(form: EarForm, change: Change) -> None:
    claims = plain(GOOD.as_ear(form, iat=IAT))
    change(claims)
    assert check_ear(sign_ear(claims, VERIFIER), KEY).form is form


def signed(payload: bytes) -> str:
    token: str = jwt.api_jws.PyJWS().encode(payload, VERIFIER, "ES256")
    return token


@pytest.mark.parametrize(
    "payload, said",
    [
        (b"", "no JSON"),
        (b"[]", "legal: an object"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (json.dumps(CLAIMS).replace('"iat"', '"iat": 1, "iat"', 1).encode(), "occurs twice"),
        (json.dumps(CLAIMS).replace(str(IAT), "NaN", 1).encode(), "NaN"),
        (json.dumps(CLAIMS).replace(str(IAT), "1" * 5000, 1).encode(), ""),
        (json.dumps(CLAIMS)[:-1].encode() + b', "x": ' + b"[" * 64 + b"]" * 64 + b"}", "deeper than 64"),
        (json.dumps(CLAIMS)[:-1].encode() + b', "x": ' + b'{"a":' * 64 + b"1" + b"}" * 64 + b"}", "deeper"),
        (json.dumps(CLAIMS)[:-1].encode() + b', "x": 1e999}', "1e999 is too large"),
    ],
)
def test_signed_nonsense(payload: bytes, said: str) -> None:
    with pytest.raises(EarInvalid) as caught:
        check_ear(signed(payload), KEY)
    assert said in str(caught.value)


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=60))
def test_any_bytes_end_in_the_checkers_own_error(data: bytes | str) -> None:
    with pytest.raises(EarInvalid):
        check_ear(data, KEY)
    with pytest.raises(EarInvalid):
        read_unverified(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(list(EarForm)), st.data())
def test_any_claim_of_any_type_ends_in_the_checkers_own_error(form: EarForm, data: st.DataObject) -> None:
    claims = plain(GOOD.as_ear(form, iat=IAT))
    target = data.draw(st.sampled_from([claims, part(claims), {}]))
    if target:
        target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JSON)
    try:
        assert read_ear(claims).submods
    except EarInvalid as error:
        assert "\n" not in str(error)


def test_unverified_reading_takes_a_forged_signature() -> None:
    assert read_unverified(f"{HEADER}.{PAYLOAD}.AAAA").status is Tier.AFFIRMING


def test_profiles_and_members_are_those_of_the_drafts() -> None:
    assert [read_ear(GOOD.as_ear(form, iat=1)).profile for form in EarForm] == [LIBRARY, DRAFT_02, DRAFT_03]
    library = plain(CLAIMS)["submods"]["PSA_IOT"][LIB_V]
    assert tuple(library) == VECTOR
