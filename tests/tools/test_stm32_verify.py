"""Token and DUA certificate together: what is accepted, and each rule with what breaks it alone."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA224, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dua_chain import CHALLENGE, DUA, NOW, OTHER, PKI, dua_certificate, material, presented, serial
from support.matter_certificates import draft, tlv
from support.matter_certificates import name as matter_name
from support.stm32_device import der

from tfm_sim.tools.stm32 import DuaVerdict, verify, verify_chain
from tfm_sim.tools.stm32.certificates import Authority, Draft, DuaPki, build, name
from tfm_sim.tools.stm32.forgeries import FORGERIES, Forgery, Presented
from tfm_sim.tools.verifier import load_key

ROOTS = (PKI.root.der,)
GOOD = presented()
LEAF = Draft(name("stm32u3xx-usfu-00000000000000000001"), serial=1)
INTERMEDIATE = Draft(PKI.intermediate.certificate.subject, True, 0, "key_cert_sign", key_ids=True)
ALIEN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def judge(what: Presented = GOOD, **more: object) -> DuaVerdict:
    given = {"at": NOW, "challenge": CHALLENGE, **more}
    return verify(what.token, what.certificate, what.intermediates, ROOTS, **given)  # type: ignore[arg-type]


def chain(leaf: Draft = LEAF, above: Draft = INTERMEDIATE, root: Authority = PKI.root) -> frozenset[str]:
    """The kinds of reasons against a chain in which every signature is right."""
    key = PKI.intermediate.key
    authority = Authority(root.issue(above, key.public_key()), key)
    certificate = authority.issue(leaf, DUA.public_key()).public_bytes(Encoding.DER)
    verdict = verify_chain(certificate, (authority.der,), (root.der,), at=NOW)
    return frozenset(reason.kind.value for reason in verdict.reasons)


def test_the_good_one() -> None:
    verdict = judge()
    assert (verdict.ok, verdict.reasons) == (True, ())
    assert [link.place for link in verdict.chain.links] == ["root", "intermediate", "DUA certificate"]
    assert verdict.token is not None
    assert verdict.token.signature == "valid"


def test_an_intermediate_that_is_trusted_itself_ends_the_way() -> None:
    verdict = verify_chain(GOOD.certificate, (), (PKI.intermediate.der,), at=NOW)
    assert verdict.ok
    assert [link.place for link in verdict.links] == ["root", "DUA certificate"]


def test_order_and_company_of_the_intermediates_do_not_matter() -> None:
    false = DuaPki.make("somebody")
    many = (false.intermediate.der, PKI.root.der, PKI.intermediate.der)
    assert judge(replace(GOOD, intermediates=many)).ok


def openssl_takes(tmp_path: Path, root: bytes, intermediate: bytes, leaf: bytes, *options: str) -> bool:
    for file, raw in (("root", root), ("intermediate", intermediate), ("dua", leaf)):
        certificate = x509.load_der_x509_certificate(raw)
        (tmp_path / f"{file}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-attime", str(int(NOW.timestamp())), "-CAfile", "root.pem", *options]
    command += ["-untrusted", "intermediate.pem", "dua.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout == "dua.pem: OK\n"), done.stderr
    return done.returncode == 0


def test_openssl_takes_the_chain(tmp_path: Path) -> None:
    """Strict but for the DUA certificate: ST's template leaves the authority key identifier out."""
    above = PKI.root.der, PKI.intermediate.der
    assert openssl_takes(tmp_path, *above, GOOD.certificate)
    assert openssl_takes(tmp_path, *above, PKI.intermediate.der, "-x509_strict")
    assert not openssl_takes(tmp_path, *above, dua_certificate(DUA, 1, DuaPki.make("somebody")))


ES224, ES256, ES384 = (bytes.fromhex(f"300a06082a8648ce3d0403{n:02x}") for n in (1, 2, 3))
TBS = x509.load_der_x509_certificate(GOOD.certificate).tbs_certificate_bytes


def issued(tbs: bytes, algorithm: bytes, hash_: HashAlgorithm) -> bytes:
    """By the real authority's key, whatever it is that it signs."""
    return der(0x30, tbs, algorithm, der(0x03, b"\0", PKI.intermediate.key.sign(tbs, ec.ECDSA(hash_))))


def kinds_of(certificate: bytes, at: datetime = NOW) -> list[str]:
    verdict = verify_chain(certificate, (PKI.intermediate.der,), ROOTS, at=at)
    return [reason.kind.value for reason in verdict.reasons]


def test_the_algorithm_beside_the_signature_is_the_signed_one(tmp_path: Path) -> None:
    """RFC 5280 4.1.1.2, by a careless authority: the signature is right for the algorithm beside it."""
    for tbs, kinds in ((TBS, []), (TBS.replace(ES256, ES384), ["certificate-signature"])):
        certificate = issued(tbs, ES256, SHA256())
        assert kinds_of(certificate) == kinds
        assert openssl_takes(tmp_path, PKI.root.der, PKI.intermediate.der, certificate) == (not kinds)


def test_an_algorithm_of_yesterday() -> None:
    assert kinds_of(issued(TBS.replace(ES256, ES224), ES224, SHA224())) == ["certificate-algorithm"]


def test_a_certificate_of_the_first_version() -> None:
    """RFC 5280 4.1.2.1: without version and extensions it is of version 1."""
    fields = TBS[TBS.index(bytes.fromhex("a003020102")) + 5 : TBS.rindex(bytes.fromhex("a310300e"))]
    assert kinds_of(issued(der(0x30, fields), ES256, SHA256())) == ["certificate-version"]


def test_the_first_and_the_last_second_are_within_validity() -> None:
    """RFC 5280 4.1.2.5: inclusive."""
    leaf = x509.load_der_x509_certificate(GOOD.certificate)
    first, last, second = leaf.not_valid_before_utc, leaf.not_valid_after_utc, timedelta(seconds=1)
    found = [kinds_of(GOOD.certificate, at) for at in (first - second, first, last, last + second)]
    assert [("not-yet-valid" in kinds, "expired" in kinds) for kinds in found] == [
        (True, False),
        (False, False),
        (False, False),
        (False, True),
    ]


def test_one_seed_makes_one_chain() -> None:
    assert DuaPki.make().intermediate.der == PKI.intermediate.der
    assert DuaPki.make(1).intermediate.der != PKI.intermediate.der


NEXT_YEAR, LAST_YEAR = datetime(2027, 1, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("leaf", "above", "kinds"),
    [
        (LEAF, INTERMEDIATE, set()),
        (replace(LEAF, usage="digital_signature", key_ids=True), INTERMEDIATE, set()),
        (LEAF, replace(INTERMEDIATE, usage=None), set()),
        # RFC 5280 4.1.2.5
        (replace(LEAF, not_before=NEXT_YEAR), INTERMEDIATE, {"not-yet-valid"}),
        (replace(LEAF, not_after=LAST_YEAR), INTERMEDIATE, {"expired"}),
        (LEAF, replace(INTERMEDIATE, not_before=NEXT_YEAR), {"not-yet-valid"}),
        (LEAF, replace(INTERMEDIATE, not_after=LAST_YEAR), {"expired"}),
        # 4.2
        (replace(LEAF, critical=ALIEN), INTERMEDIATE, {"certificate-extension"}),
        (LEAF, replace(INTERMEDIATE, critical=ALIEN), {"certificate-extension"}),
        # 4.2.1.3, 4.2.1.9
        (replace(LEAF, usage="key_agreement"), INTERMEDIATE, {"key-usage"}),
        (LEAF, replace(INTERMEDIATE, usage="digital_signature"), {"key-usage"}),
        (LEAF, replace(INTERMEDIATE, ca=False, path_length=None), {"not-a-ca"}),
        (replace(LEAF, ca=True), INTERMEDIATE, {"is-a-ca"}),
        # ST's template
        (replace(LEAF, serial=2), INTERMEDIATE, {"certificate-name"}),
        (
            replace(LEAF, subject=name("stm32u3xx-usxu-00000000000000000001")),
            INTERMEDIATE,
            {"certificate-name"},
        ),
    ],
)
def test_chains_that_break_one_rule(leaf: Draft, above: Draft, kinds: set[str], tmp_path: Path) -> None:
    """OpenSSL says the same, less what it does not know to be a device's certificate."""
    assert chain(leaf, above) == kinds
    if leaf.usage != "key_agreement" and not kinds & {"is-a-ca", "certificate-name"}:
        key = PKI.intermediate.key
        authority = Authority(PKI.root.issue(above, key.public_key()), key)
        certificate = authority.issue(leaf, DUA.public_key()).public_bytes(Encoding.DER)
        assert openssl_takes(tmp_path, PKI.root.der, authority.der, certificate) is not bool(kinds)


def test_a_path_that_is_longer_than_its_root_allows() -> None:
    draft = Draft(PKI.root.certificate.subject, True, 0, "key_cert_sign", key_ids=True)
    key = PKI.root.key
    assert chain(root=Authority(build(draft, key.public_key(), draft.subject, key), key)) == {"path-length"}


def test_an_issuer_of_the_right_name_and_another_key() -> None:
    """The identifier of the key tells it apart before the signature does; both are said."""
    false = DuaPki.make("somebody")
    verdict = verify_chain(GOOD.certificate, (false.intermediate.der,), (false.root.der,), at=NOW)
    assert {reason.kind.value for reason in verdict.reasons} == {"certificate-signature"}
    draft, key = replace(LEAF, key_ids=True), DUA.public_key()
    leaf = PKI.intermediate.issue(draft, key).public_bytes(Encoding.DER)
    verdict = verify_chain(leaf, (false.intermediate.der,), (false.root.der,), at=NOW)
    assert {reason.kind.value for reason in verdict.reasons} == {"certificate-signature", "key-identifier"}


@pytest.mark.parametrize("other", ["P-384", "Ed25519"])
def test_a_key_that_is_not_on_p256(other: str) -> None:
    public = (
        ec.derive_private_key(7, ec.SECP384R1()).public_key()
        if other == "P-384"
        else ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    )
    leaf = PKI.intermediate.issue(LEAF, public).public_bytes(Encoding.DER)  # type: ignore[arg-type]
    verdict = judge(replace(GOOD, certificate=leaf))
    assert verdict.kinds() == {"certificate-key", "token-not-checked"}
    assert verdict.token is None


def test_the_key_that_a_relying_party_knows_must_be_the_certificates() -> None:
    assert judge(key=load_key(DUA)).ok
    assert judge(key=load_key(OTHER)).kinds() == {"another-key"}
    assert judge(key=load_key("00" * 32)).kinds() == {"another-key"}


def test_too_many_certificates_are_not_looked_at() -> None:
    many = (PKI.intermediate.der,) * 6
    assert judge(replace(GOOD, intermediates=many)).kinds() == {"chain-length"}


def test_certificates_that_name_each_other_as_issuer_end() -> None:
    one, two = name("one"), name("two")
    a = build(Draft(one, True), OTHER.public_key(), two, OTHER).public_bytes(Encoding.DER)
    b = build(Draft(two, True), OTHER.public_key(), one, OTHER).public_bytes(Encoding.DER)
    leaf = build(LEAF, DUA.public_key(), one, OTHER).public_bytes(Encoding.DER)
    assert "no-issuer" in {r.kind.value for r in verify_chain(leaf, (a, b), ROOTS, at=NOW).reasons}


MATERIAL = material()


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_forgeries(forgery: Forgery) -> None:
    verdict = judge(forgery.make(MATERIAL))
    assert not verdict.ok
    assert forgery.kind.value in verdict.kinds()
    json.dumps(verdict.as_json())


def test_every_bit_of_the_certificate_refuses() -> None:
    for at in range(0, len(GOOD.certificate), 5):
        raw = bytearray(GOOD.certificate)
        raw[at] ^= 1
        assert not verify_chain(bytes(raw), GOOD.intermediates, ROOTS, at=NOW).ok, at


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_arbitrary_bytes(data: st.DataObject) -> None:
    raw = bytearray(dua_certificate(DUA, 1)) if data.draw(st.booleans()) else bytearray()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    verdict = verify_chain(bytes(raw), (bytes(raw), GOOD.intermediates[0]), ROOTS, at=NOW)
    assert not verdict.ok or bytes(raw) == GOOD.certificate


def test_serial_numbers_are_in_the_name() -> None:
    leaf = x509.load_der_x509_certificate(GOOD.certificate)
    assert leaf.serial_number == int.from_bytes(serial(1), "big")
    assert f"-usfu-{serial(1).hex()}" in leaf.subject.rfc4514_string()


@pytest.mark.parametrize(
    ("oid", "value"),
    [("551d11", "3002a300"), ("551d23", "3007a102a300820101"), ("551d1f", "30083006a004a002a300")],
    ids=["subjectAltName", "authorityKeyIdentifier", "cRLDistributionPoints"],
)
def test_a_kind_of_name_that_the_library_does_not_know(oid: str, value: str) -> None:
    """An x400Address: it comes as an exception that is no ValueError."""
    certificate = draft("DAC").with_extension(oid, bytes.fromhex(value)).der()
    verdict = verify_chain(certificate, GOOD.intermediates, ROOTS, at=NOW)
    assert [reason.kind.value for reason in verdict.reasons] == ["malformed-certificate"]


def test_a_name_of_bits() -> None:
    """A BIT STRING as a common name: the library raises TypeError, late."""
    subject = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x03, b"\0x"))))
    certificate = draft("DAC").with_(subject=subject).der()
    verdict = verify_chain(certificate, GOOD.intermediates, ROOTS, at=NOW)
    assert [reason.kind.value for reason in verdict.reasons] == ["malformed-certificate"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"subject": matter_name(("550403", "x" * 150), ("550406", ""))}, "certificate-name"),
        ({"serial": b"\x02\x01\xff"}, "malformed-certificate"),
        ({"serial": b"\x02\x01\x00"}, "malformed-certificate"),
    ],
)
def test_what_the_library_warns_of_is_judged_in_silence(change: dict[str, bytes], kind: str) -> None:
    certificate = draft("DAC").with_(**change).der()
    verdict = verify_chain(certificate, GOOD.intermediates, ROOTS, at=NOW)
    assert kind in {reason.kind.value for reason in verdict.reasons}
