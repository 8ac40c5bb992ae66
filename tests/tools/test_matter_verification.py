"""The commissioner's judgement: every rule of the CHIP SDK's verifier, in its order, with its results."""

from contextlib import suppress
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.matter import tlv as writer
from tfm_sim.tools.matter.commissioner.commission import Commissioning
from tfm_sim.tools.matter.commissioner.csr import verify_csr
from tfm_sim.tools.matter.commissioner.declaration import DeclarationError, read_declaration
from tfm_sim.tools.matter.commissioner.elements import (
    ElementsError,
    VendorReserved,
    read_attestation_elements,
    read_nocsr_elements,
)
from tfm_sim.tools.matter.commissioner.evidence import EvidenceError, judge, to_json
from tfm_sim.tools.matter.commissioner.results import AttestationVerificationResult as Result
from tfm_sim.tools.matter.commissioner.tlv import TlvFormatError, read_structure
from tfm_sim.tools.matter.commissioner.trust import TrustStore
from tfm_sim.tools.matter.commissioner.verification import verify_attestation
from tfm_sim.tools.matter.commissioner.x509 import CertificateError
from tfm_sim.tools.matter.forgeries.attestation import Forgery, attestation_forgeries
from tfm_sim.tools.matter.forgeries.certificates import key_id
from tfm_sim.tools.matter.forgeries.csr import CsrForgery, csr_forgeries
from tfm_sim.tools.matter.forgeries.declarations import changed
from tfm_sim.tools.matter.forgeries.lab import PRODUCT, VENDOR, CsrLab, Lab, key, request, subject
from tfm_sim.tools.matter.pki.certification_declaration import DeclarationSigner
from tfm_sim.tools.matter.pki.names import Product

ATTESTATION = attestation_forgeries()
CSR = csr_forgeries()
ORDER = [
    "arguments are there",
    "elements of at most 900 bytes",
    "PAI present",
    "PAI format",
    "DAC format",
    "vendor id of DAC and PAI",
    "product id of DAC and PAI",
    "attestation signature",
    "PAA trusted",
    "PAA format",
    "vendor id of PAI and PAA",
    "PAA of no product",
    "DAC valid now",
    "chain PAA, PAI, DAC",
    "attestation elements",
    "attestation nonce",
    "declaration's signature",
    "declaration's format",
    "declaration and Basic Information",
    "declaration, DAC and PAI",
    "declaration's authorities",
    "revocation",
]
"""CHIP SDK VerifyAttestationInformation, top to bottom."""


CSR_ORDER = [
    "arguments are there",
    "NOCSR elements of at most 900 bytes",
    "NOCSR elements",
    "CSR nonce",
    "DAC key's signature",
    "PKCS#10 of P-256 and SHA-256",
    "CSR's own signature",
]
"""CHIP SDK VerifyNodeOperationalCSRInformation, then VerifyCertificateSigningRequest."""


def test_the_genuine_one_passes_every_rule_in_order() -> None:
    lab = Lab()
    verdict = verify_attestation(lab.info(), lab.trust(), lab.policy)
    assert verdict.ok, verdict.reason
    assert list(verdict.passed) == ORDER


@pytest.mark.parametrize("forgery", ATTESTATION, ids=lambda forgery: forgery.name)
def test_each_forgery_is_refused_by_its_rule(forgery: Forgery) -> None:
    verdict = forgery.judge()
    assert (verdict.result, verdict.rule) == (forgery.result, forgery.rule), verdict.reason
    assert verdict.reason
    assert list(verdict.passed) == ORDER[: ORDER.index(forgery.rule)]


def test_every_rule_has_a_forgery() -> None:
    assert {forgery.rule for forgery in ATTESTATION} == set(ORDER)
    assert len({forgery.name for forgery in ATTESTATION}) == len(ATTESTATION)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("no-pai", "dac-garbage"),
        ("pai-version-1", "dac-version-1"),
        ("dac-lax-key-usage", "dac-of-another-vendor"),
        ("dac-of-another-vendor", "relayed"),
        ("dac-of-another-product", "relayed"),
        ("relayed", "unknown-paa"),
        ("signature-too-long", "unknown-paa"),
        ("unknown-paa", "dac-expired"),
        ("paa-of-another-vendor", "dac-expired"),
        ("dac-expired", "paa-signed-by-another"),
        ("dac-signed-by-another", "replayed"),
        ("replayed", "declaration-of-unknown-signer"),
        ("elements-out-of-order", "declaration-of-unknown-signer"),
        ("declaration-of-unknown-signer", "declaration-version-2"),
        ("declaration-altered", "device-says-another-product"),
        ("declaration-version-2", "device-says-another-vendor"),
        ("device-says-another-vendor", "device-says-another-product"),
        ("device-says-another-product", "origin-of-another-vendor"),
        ("origin-of-another-vendor", "paa-not-authorized"),
        ("paa-not-authorized", "dac-revoked"),
    ],
)
def test_of_two_faults_the_earlier_rule_decides(first: str, second: str) -> None:
    """CHIP SDK VerifyAttestationInformation leaves at the first rule that is broken."""
    by_name = {forgery.name: forgery for forgery in ATTESTATION}
    lab = Lab()
    for name in (second, first):
        by_name[name].change(lab)
    verdict = verify_attestation(lab.info(), lab.trust(), lab.policy)
    assert by_name[first].is_refused_by(verdict), (verdict.rule, verdict.reason)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("kSuccess", 0),
        ("kPaaNotFound", 101),
        ("kPaaFormatInvalid", 105),
        ("kPaiFormatInvalid", 203),
        ("kPaiVendorIdMismatch", 205),
        ("kPaiMissing", 207),
        ("kPaiAndDacRevoked", 208),
        ("kDacExpired", 300),
        ("kDacSignatureInvalid", 301),
        ("kDacFormatInvalid", 303),
        ("kDacVendorIdMismatch", 305),
        ("kDacProductIdMismatch", 306),
        ("kAttestationSignatureInvalid", 500),
        ("kAttestationElementsMalformed", 501),
        ("kAttestationNonceMismatch", 502),
        ("kAttestationSignatureInvalidFormat", 503),
        ("kCertificationDeclarationNoKeyId", 600),
        ("kCertificationDeclarationNoCertificateFound", 601),
        ("kCertificationDeclarationInvalidSignature", 602),
        ("kCertificationDeclarationInvalidFormat", 603),
        ("kCertificationDeclarationInvalidVendorId", 604),
        ("kCertificationDeclarationInvalidProductId", 605),
        ("kCertificationDeclarationInvalidPAA", 606),
        ("kInvalidArgument", 701),
        ("kNotImplemented", 703),
    ],
)
def test_results_are_the_sdks(name: str, number: int) -> None:
    assert Result(number).sdk_name == name


def test_a_result_that_has_no_name_is_kept() -> None:
    assert int(Result(999)) == 999


def _with_dac_origin(lab: Lab) -> None:
    """Another vendor's device with this vendor's DAC."""
    lab.product = replace(
        lab.product, vendor_id=0xFFF2, product_ids=(1,), dac_origin=Product(VENDOR, PRODUCT)
    )
    lab.vendor_id, lab.product_id = 0xFFF2, 1


def _pai_of_no_product(lab: Lab) -> None:
    lab.pai.subject = lab.dac.issuer = subject("Forger's PAI", VENDOR)


def _ids_in_common_names(lab: Lab) -> None:
    pai, dac = "ACME Mvid:FFF1 Mpid:8004", "Lamp Mpid:8004 Mvid:FFF1"
    lab.pai.subject = lab.dac.issuer = subject(pai)
    lab.dac.subject = subject(dac)


def _authorized(lab: Lab) -> None:
    (key_id,) = lab.trust().paas
    lab.product = replace(lab.product, authorized_paas=(bytes(20), key_id))


def _vendors_own_elements(lab: Lab) -> None:
    lab.members = [
        *lab.element_members(),
        writer.octets(writer.context(4), b"firmware"),
        writer.octets(writer.profile(VENDOR, 1, 2), b"own"),
    ]


def _test_key(lab: Lab) -> None:
    lab.declaration_signer = DeclarationSigner.test()
    lab.policy = replace(lab.policy, test_cd_keys=True)


def _unknown_tag(lab: Lab) -> None:
    lab.members = [*lab.element_members(), writer.octets(writer.context(9), b"future")]
    lab.policy = replace(lab.policy, ignore_unknown_tags=True)


@pytest.mark.parametrize(
    "change",
    [
        _with_dac_origin,
        _pai_of_no_product,
        _ids_in_common_names,
        _authorized,
        _vendors_own_elements,
        _test_key,
        _unknown_tag,
    ],
)
def test_what_is_allowed_besides(change: object) -> None:
    assert callable(change)
    lab = Lab()
    change(lab)
    verdict = verify_attestation(lab.info(), lab.trust(), lab.policy)
    assert verdict.ok, (verdict.rule, verdict.reason)


def test_a_tag_below_those_known_is_none_of_later_versions() -> None:
    """CHIP SDK DeconstructAttestationElements: the first tag is the declaration's, whatever comes behind."""
    lab = Lab()
    lab.members = [writer.octets(writer.context(0), b"?"), *lab.element_members()]
    lab.policy = replace(lab.policy, ignore_unknown_tags=True)
    verdict = verify_attestation(lab.info(), lab.trust(), lab.policy)
    assert verdict.result is Result.ATTESTATION_ELEMENTS_MALFORMED


def test_a_declaration_may_have_elements_of_later_versions() -> None:
    content = writer.structure(writer.ANONYMOUS, *changed({}), writer.unsigned(writer.context(12), 1))
    assert read_declaration(content).product_ids == (PRODUCT,)


def test_elements_give_what_was_put_in() -> None:
    lab = Lab()
    _vendors_own_elements(lab)
    elements = read_attestation_elements(lab.info().elements)
    assert elements.attestation_nonce == lab.nonce
    assert (elements.timestamp, elements.firmware_information) == (0, b"firmware")
    assert elements.vendor_reserved == (VendorReserved(VENDOR, 1, 2, b"own"),)


def test_a_good_csr_passes() -> None:
    verdict = verify_csr(CsrLab().info())
    assert verdict.ok, verdict.reason
    assert list(verdict.passed) == CSR_ORDER
    assert verdict.operational_key[0] == 4


def test_vendor_reserved_elements_of_a_csr_are_read() -> None:
    lab = CsrLab()
    values = {1: request(), 2: lab.nonce, 3: b"three", 4: b"four", 5: b"five"}
    lab.members = [writer.octets(writer.context(number), value) for number, value in values.items()]
    assert verify_csr(lab.info()).ok
    read = read_nocsr_elements(lab.info().elements)
    assert read.vendor_reserved == {3: b"three", 4: b"four", 5: b"five"}


@pytest.mark.parametrize("forgery", CSR, ids=lambda forgery: forgery.name)
def test_each_forged_csr_is_refused_by_its_rule(forgery: CsrForgery) -> None:
    verdict = forgery.judge()
    assert forgery.is_refused_by(verdict), (verdict.result, verdict.rule, verdict.reason)
    assert list(verdict.passed) == CSR_ORDER[: CSR_ORDER.index(forgery.rule)]
    assert verdict.operational_key == b""


def test_every_rule_of_a_csr_has_a_forgery() -> None:
    assert {forgery.rule for forgery in CSR} == set(CSR_ORDER)
    assert len({forgery.name for forgery in CSR}) == len(CSR)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("no-csr-nonce", "nocsr-unknown"),
        ("nocsr-too-long", "csr-relayed"),
        ("nocsr-unknown", "csr-relayed"),
        ("csr-replayed", "csr-relayed"),
        ("csr-relayed", "csr-garbage"),
        ("csr-relayed", "csr-not-own-key"),
    ],
)
def test_of_two_faults_of_a_csr_the_earlier_rule_decides(first: str, second: str) -> None:
    """CHIP SDK VerifyNodeOperationalCSRInformation leaves at the first rule that is broken."""
    by_name = {forgery.name: forgery for forgery in CSR}
    lab = CsrLab()
    for name in (second, first):
        by_name[name].change(lab)
    assert by_name[first].is_refused_by(verify_csr(lab.info()))


@pytest.mark.parametrize(("size", "ok"), [(900, True), (901, False)])
def test_how_long_elements_may_be(size: int, ok: bool) -> None:
    """Matter 1.4 11.18.5.1: RESP_MAX."""
    lab, csr_lab = Lab(), CsrLab()
    lab.members, mine = lab.element_members(), {1: request(), 2: csr_lab.nonce}
    csr_lab.members = [writer.octets(writer.context(number), value) for number, value in mine.items()]
    for members, tag in ((lab.members, 4), (csr_lab.members, 3)):
        rest = size - len(writer.structure(writer.ANONYMOUS, *members))
        members.append(writer.octets(writer.context(tag), bytes(rest - 4)))  # control, tag, length of 16 bits
    assert len(lab.info().elements) == len(csr_lab.info().elements) == size
    assert verify_attestation(lab.info(), lab.trust(), lab.policy).ok is ok
    assert verify_csr(csr_lab.info()).ok is ok


def test_a_serial_number_is_revoked_by_its_issuer_alone() -> None:
    """RFC 5280 5.1.2.6: a serial number means something only with who gave it."""
    lab = Lab()
    paa, pai = key_id(key("PAA")), key_id(key("PAI"))
    swapped = frozenset({(paa, lab.dac.serial_number), (pai, lab.pai.serial_number)})
    assert verify_attestation(lab.info(), lab.trust(), replace(lab.policy, revoked=swapped)).ok


def test_of_two_authorities_with_one_key_the_first_is_trusted() -> None:
    """CHIP SDK ArrayAttestationTrustStore: the PAA is looked up by key id, and the first one found."""
    lab, other = Lab(), Lab()
    other.paa.subject = other.paa.issuer = subject("Forger's PAA, renamed")
    official = DeclarationSigner(key("CD signer")).certificate
    for first, second, ok in ((lab, other, True), (other, lab, False)):
        trust = TrustStore.of([first.paa.build(), second.paa.build()], [official])
        verdict = verify_attestation(lab.info(), trust, lab.policy)
        assert verdict.ok is ok, verdict.reason


def test_signers_of_declarations_have_keys_of_p256() -> None:
    lab = Lab()
    lab.paa.key = lab.paa.signer = ec.derive_private_key(1, ec.SECP384R1())
    with pytest.raises(CertificateError, match="not of P-256"):
        TrustStore.of([], [lab.paa.build()])


@given(st.binary(max_size=120), st.binary(max_size=66))
def test_any_response_gets_a_verdict(elements: bytes, signature: bytes) -> None:
    lab = Lab()
    good = lab.info()
    for info in (
        replace(good, elements=elements, signature=signature),
        replace(good, pai=elements),
        replace(good, dac=elements),
    ):
        assert not verify_attestation(info, lab.trust(), lab.policy).ok
    assert not verify_csr(replace(CsrLab().info(), elements=elements, signature=signature)).ok


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read, error in (
        (read_structure, TlvFormatError),
        (read_attestation_elements, ElementsError),
        (read_nocsr_elements, ElementsError),
        (read_declaration, DeclarationError),
    ):
        for candidate in (data, b"\x15" + data + b"\x18"):
            with suppress(error):
                read(candidate)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("15 0405 18", "an anonymous element at offset 1 in a structure; legal: tagged ones"),
        ("15 3601 240105 18 18", "context tag 1 at offset 3 in an array; legal: anonymous elements"),
        ("15 3801", "an end of container at offset 1 that ends none"),
        ("18", "an end of container at offset 0 that ends none"),
        ("15", "1 containers are not ended"),
        ("16 18", "a array, anonymous; legal: an anonymous structure"),
        ("3501 18", "a structure, context tag 1; legal: an anonymous structure"),
        ("15 18 18", "1 octets behind the structure; legal: none"),
        ("15 3901 18", "element type 0x19 at offset 1; legal: 0x00 to 0x18"),
    ],
)
def test_what_is_no_structure(text: str, why: str) -> None:
    """Matter 1.4 A.2: tags in structures, none in arrays, every container ended once."""
    with pytest.raises(TlvFormatError) as refused:
        read_structure(bytes.fromhex(text))
    assert str(refused.value) == why


def test_evidence_is_judged_again_from_json() -> None:
    lab, csr_lab = Lab(), CsrLab()
    outcome = Commissioning("", None, lab.info(), None, csr_lab.info(), None)
    attestation, csr = judge(to_json(outcome).encode(), lab.trust(), lab.policy)
    assert attestation.ok
    assert csr is not None and csr.ok
    lab.known_paas = False
    attestation, csr = judge(to_json(outcome).encode(), lab.trust(), lab.policy)
    assert (attestation.result, csr) == (Result.PAA_NOT_FOUND, None)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "JSON"),
        ("[]", "found list; legal: an object"),
        ("{}", "attestation: found NoneType"),
        (
            '{"attestation": {"elements": "zz"}}',
            "attestation.elements: found 'zz'; legal: pairs of hex digits",
        ),
    ],
)
def test_files_that_are_no_evidence(text: str, wrong: str) -> None:
    with pytest.raises(EvidenceError, match=wrong):
        judge(text.encode(), Lab().trust(), Lab().policy)


def test_without_an_attestation_there_is_no_evidence() -> None:
    with pytest.raises(EvidenceError, match="no attestation was received: PASE"):
        to_json(Commissioning("PASE"))
