"""What `corim show` tells: names for keys and tags, known or not, understood by a profile or not."""

import contextlib
import json

import cbor2
from cbor2 import CBORTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.corim_values import IMPLEMENTATION_ID, INSTANCE_ID, PEM, PSA, PSA_TRIPLES, changed, corim

from tfm_sim.tools.endorsements import EndorsementError, Entity, Validity, sign_corim
from tfm_sim.tools.endorsements.corim_show import corim_lines, show_corim

QUICK = settings(max_examples=200, deadline=None)


def test_each_key_has_its_name() -> None:
    shown = show_corim(corim(key_4={0: CBORTag(1, 0), 1: CBORTag(1, 2_000_000_000)}))["unsigned-corim"]
    (comid,) = shown["tags"]
    class_id = {"class": {"class-id": {"bytes": IMPLEMENTATION_ID.hex()}}}
    assert comid["comid"]["tag-identity"] == {"tag-id": "demo.example/spm-refs"}
    (reference,) = comid["comid"]["triples"]["reference-triples"]
    assert reference["environment"] == class_id
    assert reference["measurements"][0]["mkey"] == "psa.software-component"
    assert reference["measurements"][0]["mval"]["version"] == {"version": "2.1.0"}
    assert comid["comid"]["triples"]["attest-key-triples"] == [
        {
            "environment": {**class_id, "instance": {"ueid": INSTANCE_ID.hex()}},
            "keys": [{"pkix-base64-key": PEM}],
        }
    ]
    assert shown["profile"] == PSA
    assert shown["rim-validity"] == {
        "not-before": "1970-01-01T00:00:00+00:00",
        "not-after": "2033-05-18T03:33:20+00:00",
    }


def test_a_signed_one_tells_its_headers() -> None:
    data = sign_corim(
        corim(),
        ec.derive_private_key(7, ec.SECP256R1()),
        Entity("ACME"),
        validity=Validity(5),
        cwt_claims=True,
    )
    shown = show_corim(data)["signed-corim"]
    assert shown["protected"] == {
        "alg": "ES256",
        "content-type": "application/rim+cbor",
        "corim-meta": {
            "signer": {"signer-name": "ACME"},
            "signature-validity": {"not-after": "1970-01-01T00:00:05+00:00"},
        },
        "CWT-Claims": {"iss": "ACME", "exp": 5},
    }
    assert shown["payload"] == show_corim(corim())


def test_what_has_no_name_is_told_by_its_number() -> None:
    data = cbor2.dumps(
        CBORTag(501, {0: CBORTag(37, bytes(16)), -1: [True, None, 1.5], "x": CBORTag(9999, b"\1")})
    )
    assert show_corim(data) == {
        "unsigned-corim": {
            "id": {"uuid": "00000000-0000-0000-0000-000000000000"},
            "-1": [True, None, 1.5],
            "x": {"tag 9999": "01"},
        }
    }


def test_lines_are_short_where_a_word_will_do() -> None:
    triples = changed(PSA_TRIPLES, 0, 0, 1, 0, 2, [])
    lines = list(corim_lines(show_corim(corim(triples))))
    assert "          class-id: bytes " + IMPLEMENTATION_ID.hex() in [line[8:] for line in lines]
    assert any(line.endswith("authorized-by: none") for line in lines)
    assert any(line.strip().startswith("digests: sha-256 6a98") for line in lines)
    assert any(line.strip() == "-----BEGIN PUBLIC KEY-----" for line in lines)


@QUICK
@given(st.binary(max_size=100), st.sampled_from([b"", b"\xd9\x01\xf5", b"\xd2\x84", b"\xd9\x01\xfa"]))
def test_any_bytes_end_in_its_own_error(data: bytes, before: bytes) -> None:
    with contextlib.suppress(EndorsementError):
        shown = show_corim(before + data)
        assert json.dumps(shown, allow_nan=False)
        assert list(corim_lines(shown))
