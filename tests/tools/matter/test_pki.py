"""The PKI: what OpenSSL says of its certificates, what its server refuses, and a PKI kept in a folder."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.matter_certificates import CN, KEYS, PID, VID, draft
from support.matter_certificates import name as subject_name

from tfm_sim.tools.matter.commissioner.certificates import (
    CertificateKind,
    check_chain,
    check_format,
    check_identifiers,
)
from tfm_sim.tools.matter.commissioner.distinguished_name import Identifiers, read_identifiers
from tfm_sim.tools.matter.commissioner.x509 import read_certificate
from tfm_sim.tools.matter.pki.authority import (
    DEFAULT_NOT_BEFORE,
    Validity,
    derive_key,
    make_dac,
    make_paa,
    make_pai,
    serial_number,
)
from tfm_sim.tools.matter.pki.certification_declaration import DeclarationSigner
from tfm_sim.tools.matter.pki.folder import read_folder, write_folder
from tfm_sim.tools.matter.pki.names import TEST_PRODUCT, NameStyle, PkiError, Product
from tfm_sim.tools.matter.pki.server import CsrRefused, DeviceCertificates, PkiServer, Plan

DEVICE = derive_key(0, "a device")
Signer = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def csr_of(key: Signer, algorithm: hashes.SHA384 | None = None) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "CSA")])
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else algorithm or hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashed)
    return request.public_bytes(Encoding.DER)


CSR = csr_of(DEVICE)
PLANS = [
    Plan(),
    Plan(NameStyle.COMMON_NAME),
    Plan(paa_of_vendor=True),
    Plan(pai_of_vendor=True),
    Plan(NameStyle.COMMON_NAME, paa_of_vendor=True, pai_of_vendor=True),
]


@pytest.mark.parametrize("plan", PLANS)
def test_openssl_verifies_the_chain(plan: Plan, tmp_path: Path) -> None:
    server = PkiServer.development(plan=plan)
    made = server.certify(CSR)
    for name, der in (("paa", server.paa_der), ("pai", made.pai), ("dac", made.dac)):
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)
    command = "openssl verify -x509_strict -check_ss_sig -CAfile paa.pem -untrusted pai.pem dac.pem"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "dac.pem: OK\n", done.stderr


@pytest.mark.parametrize("plan", PLANS)
def test_the_commissioner_finds_nothing(plan: Plan) -> None:
    server = PkiServer.development(plan=plan)
    made = server.certify(CSR)
    paa, pai, dac = map(read_certificate, (server.paa_der, made.pai, made.dac))
    for kind, certificate in zip(CertificateKind, (dac, pai, paa), strict=True):
        assert list(check_format(certificate, kind)) == []
        assert list(check_identifiers(certificate, kind)) == []
    assert list(check_chain(paa, pai, dac)) == []
    assert read_identifiers(paa.subject) == Identifiers(0xFFF1 if plan.paa_of_vendor else None)
    assert read_identifiers(pai.subject) == Identifiers(0xFFF1, None if plan.pai_of_vendor else 0x8004)
    assert read_identifiers(dac.subject) == Identifiers(0xFFF1, 0x8004)
    assert dac.not_after == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_the_same_seed_makes_the_same_certificates() -> None:
    made = [PkiServer.development(seed=seed).certify(CSR) for seed in (5, 5, 6)]
    assert made[0] == made[1]
    assert made[0].dac != made[2].dac


def test_a_development_pki_says_that_it_is_not_secure() -> None:
    assert PkiServer.development().warning.startswith("NOT SECURE")


def test_devices_in_parallel_get_what_they_get_one_by_one() -> None:
    requests = [csr_of(derive_key(i, "a device")) for i in range(8)]
    one_by_one = PkiServer.development()
    wanted = [one_by_one.certify(request) for request in requests]
    server = PkiServer.development()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(server.certify, requests))
    assert made == wanted
    assert set(server.issued) == set(made)
    assert len({read_certificate(m.dac).serial_number for m in made}) == 8


def test_products_have_their_own_pai() -> None:
    other = Product(0xFFF2, 0x8005)
    server = PkiServer.development([TEST_PRODUCT, other])
    made = server.certify(CSR, other)
    assert read_identifiers(read_certificate(made.pai).subject) == Identifiers(0xFFF2, 0x8005)
    assert made.pai != server.certify(csr_of(derive_key(1, "a device"))).pai


def test_a_pai_of_a_vendor_serves_all_its_products() -> None:
    server = PkiServer.development([TEST_PRODUCT], plan=Plan(pai_of_vendor=True))
    made = server.certify(CSR, Product(0xFFF1, 0x1234))
    assert read_identifiers(read_certificate(made.dac).subject) == Identifiers(0xFFF1, 0x1234)


def forged(csr: bytes) -> bytes:
    """The same request with another signature."""
    return csr[:-1] + bytes([csr[-1] ^ 1])


@pytest.mark.parametrize(
    ("csr", "product", "why"),
    [
        (b"", TEST_PRODUCT, "CSR of 0 bytes: not PKCS#10 in DER; legal: a certification request"),
        (
            CSR[:-1],
            TEST_PRODUCT,
            f"CSR of {len(CSR) - 1} bytes: not PKCS#10 in DER; legal: a",
        ),
        (
            CSR + b"\0",
            TEST_PRODUCT,
            f"CSR of {len(CSR) + 1} bytes: not PKCS#10 in DER; legal: a",
        ),
        (
            CSR.replace(b"\x02\x01\x00", b"\x02\x01\x05", 1),
            TEST_PRODUCT,
            f"CSR of {len(CSR)} bytes: not PKCS#10 in DER",
        ),
        (
            forged(CSR),
            TEST_PRODUCT,
            "CSR whose signature is not by the key that it names; legal: signed by th",
        ),
        (
            csr_of(DEVICE, hashes.SHA384()),
            TEST_PRODUCT,
            "CSR not signed with SHA-256; legal: ecdsa-with-SHA256",
        ),
        (
            csr_of(ec.derive_private_key(5, ec.SECP384R1())),
            TEST_PRODUCT,
            "CSR for a key that is not of P-256; legal: prime256v1",
        ),
        (
            csr_of(ec.derive_private_key(5, ec.SECP256K1())),
            TEST_PRODUCT,
            "CSR for a key that is not of P-256; legal: prime256v1",
        ),
        (
            csr_of(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))),
            TEST_PRODUCT,
            "CSR for a key that is not of P-256; legal: prime256v1",
        ),
        (
            CSR,
            Product(0xFFF1, 0x8005),
            "CSR for VID 0xFFF1, PID 0x8005; legal: VID 0xFFF1, PID 0x8004",
        ),
        (CSR, Product(0xFFF2, 0x8004), "CSR for VID 0xFFF2, PID 0x8004; legal: VID 0xFFF1, PID 0x8004"),
    ],
)
def test_requests_that_are_refused(csr: bytes, product: Product, why: str) -> None:
    server = PkiServer.development()
    with pytest.raises(CsrRefused) as refused:
        server.certify(csr, product)
    assert str(refused.value).startswith(why)
    assert server.issued == ()


def test_a_key_gets_one_certificate() -> None:
    server = PkiServer.development()
    server.certify(CSR)
    with pytest.raises(CsrRefused, match="for a key that has a DAC already"):
        server.certify(csr_of(DEVICE))


@settings(max_examples=60)
@given(st.integers(0, len(CSR) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_request_with_some_bytes_exchanged(at: int, new: bytes, dropped: int) -> None:
    csr = CSR[:at] + new + CSR[at + dropped :]
    server = PkiServer.development()
    try:
        made = server.certify(csr)
    except CsrRefused:
        return
    assert isinstance(made, DeviceCertificates)
    assert csr == CSR


PAA = make_paa(derive_key(0, "PAA"), "PAA", vendor_id=0xFFF1)
PAI = make_pai(PAA, derive_key(0, "PAI"), "PAI", vendor_id=0xFFF1, product_id=0x8004)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Product(0, 1), "vendor id 0x0; legal: 0x0001..0xFFFF"),
        (lambda: Product(1, 0x10000), "product id 0x10000; legal: 0x0001..0xFFFF"),
        (lambda: make_paa(DEVICE, ""), "common name ''; legal: 1 to 64 characters"),
        (lambda: make_paa(DEVICE, "x" * 65), "common name 'xxx"),
        (
            lambda: make_paa(DEVICE, "x" * 60, vendor_id=0xFFF1, style=NameStyle.COMMON_NAME),
            "common name 'xxx",
        ),
        (
            lambda: make_pai(PAA, DEVICE, "PAI", vendor_id=0xFFF2),
            "PAI for vendor 0xFFF2; legal: 0xFFF1, the PAA is that vendor's",
        ),
        (
            lambda: make_dac(PAI, DEVICE.public_key(), "DAC", Product(0xFFF1, 0x8005)),
            "DAC for VID 0xFFF1, PID 0x8005; legal: VID 0xFFF1, PID 0x8004, as the PAI's subject says",
        ),
        (
            lambda: make_dac(PAI, DEVICE.public_key(), "DAC", Product(0xFFF2, 0x8004)),
            "DAC for VID 0xFFF2, PID 0x8004; legal: VID 0xFFF1, PID 0x8004, as the PAI's subject says",
        ),
        (
            lambda: make_paa(
                DEVICE, "P", validity=Validity(DEFAULT_NOT_BEFORE, datetime(2023, 1, 1, tzinfo=UTC))
            ),
            "valid until 2023-01-01 00:00:00+00:00; legal: not before 2024-01-01 00:00:00+00:00",
        ),
        (lambda: PkiServer.development([]), "PKI for no product; legal: at least one"),
        (
            lambda: PkiServer.development(
                [Product(0xFFF1, 1), Product(0xFFF2, 1)], plan=Plan(paa_of_vendor=True)
            ),
            "PAA of one vendor for products of 0xFFF1, 0xFFF2; legal: one vendor's products",
        ),
    ],
)
def test_what_no_authority_makes(make: object, why: str) -> None:
    assert callable(make)
    with pytest.raises(PkiError) as refused:
        make()
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize("seed", range(20))
def test_serial_numbers_are_positive_and_of_eight_bytes(seed: int) -> None:
    assert 1 << 62 <= serial_number(derive_key(seed, "a device").public_key()) < 1 << 63


@pytest.mark.parametrize("plan", PLANS)
def test_a_pki_in_a_folder(plan: Plan, tmp_path: Path) -> None:
    server = PkiServer.development(plan=plan)
    signer = DeclarationSigner.from_seed(0)
    files = write_folder(tmp_path / "pki", server, signer)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files if file.suffix == ".key")
    again, same_signer = read_folder(tmp_path / "pki")
    assert again.certify(CSR) == server.certify(CSR)
    assert same_signer.key_id == signer.key_id
    with pytest.raises(PkiError, match="is there already; legal: a new folder"):
        write_folder(tmp_path / "pki", server, signer)


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("paa.der", b"0", "paa.der: "),
        ("paa.der", None, "paa.der: No such file or directory; legal: a readable file"),
        ("paa.key", b"-----", "paa.key: "),
        ("pai-FFF1-8004.der", None, ": no pai-*.der; legal: a folder that `tfm-sim matter pki new` wrote"),
        ("pai-FFF1-8004.key", None, "pai-FFF1-8004.key: No such file or directory; legal: a readable file"),
        ("pai-x.der", b"", "pai-x.der: its name; legal: pai-VVVV-PPPP.der or pai-VVVV.der"),
    ],
)
def test_folders_that_are_refused(file: str, content: bytes | None, why: str, tmp_path: Path) -> None:
    write_folder(tmp_path, PkiServer.development(), DeclarationSigner.from_seed(0))
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(PkiError) as refused:
        read_folder(tmp_path)
    assert why in str(refused.value)


def test_a_certificate_of_another_key_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, PkiServer.development(), DeclarationSigner.from_seed(0))
    (tmp_path / "paa.der").write_bytes((tmp_path / "pai-FFF1-8004.der").read_bytes())
    with pytest.raises(PkiError, match=r"paa.der: of another key than paa.key"):
        read_folder(tmp_path)


def test_a_folder_whose_certificates_the_library_warns_of(tmp_path: Path) -> None:
    """A PAI with serial number 0 and a name that is too long certifies, and the library says nothing."""
    write_folder(tmp_path, PkiServer.development(), DeclarationSigner.from_seed(0))
    odd = draft("PAI").with_(
        subject=subject_name((CN, "P" * 80), (VID, "FFF1"), (PID, "8004")), serial=b"\x02\x01\x00"
    )
    (tmp_path / "pai-FFF1-8004.der").write_bytes(odd.der())
    key = KEYS["PAI"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "pai-FFF1-8004.key").write_bytes(key)
    server, _ = read_folder(tmp_path)
    assert server.certify(CSR).pai == odd.der()
