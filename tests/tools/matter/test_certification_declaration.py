"""Certification declarations: written here, read by OpenSSL and the commissioner (Matter 1.4 6.3)."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from support.matter_certificates import ECDSA_SHA256, ECDSA_SHA384, OID, SEQUENCE, SET, tlv

from tfm_sim.tools.matter.commissioner.cms import CmsError, read_key_id, read_signed_message
from tfm_sim.tools.matter.commissioner.declaration import read_declaration
from tfm_sim.tools.matter.pki.certification_declaration import (
    CertificationType,
    Declaration,
    DeclarationSigner,
)
from tfm_sim.tools.matter.pki.names import TEST_PRODUCT, PkiError, Product

SIGNER = DeclarationSigner.test()
DECLARATION = Declaration.of(TEST_PRODUCT)
SIGNED = SIGNER.sign(DECLARATION)


def test_the_test_key_is_that_of_the_specification() -> None:
    assert SIGNER.key_id.hex() == "62fa823359acfaa9963e1cfa140addf504f37160"


def test_a_declaration_octet_by_octet() -> None:
    assert DECLARATION.encode().hex() == (
        "15 240001 2501f1ff 3602 050480 18 25030101 2c04 13 43534130303030305357433030303030 2d3030 "
        "240500 240600 240701 240800 18"
    ).replace(" ", "")


@pytest.mark.parametrize(
    "declaration",
    [
        DECLARATION,
        Declaration(0x1234, range(1, 101), 0xFFFFFFFF, "ZIG20142ZB330003-24", 255, 65535, 65535),
        Declaration(certification_type=CertificationType.OFFICIAL, dac_origin=Product(0xFFF2, 0x8005)),
        Declaration(authorized_paas=[bytes([i] * 20) for i in range(10)]),
    ],
)
def test_the_commissioner_reads_what_the_issuer_wrote(declaration: Declaration) -> None:
    sent = SIGNER.sign(declaration)
    message = read_signed_message(sent)
    assert read_key_id(sent) == message.key_id == SIGNER.key_id
    assert message.signed_by(SIGNER.public_key)
    assert not message.signed_by(DeclarationSigner.from_seed(0).public_key)
    found = read_declaration(message.content)
    origin = declaration.dac_origin
    assert found.vendor_id == declaration.vendor_id
    assert found.product_ids == tuple(declaration.product_ids)
    assert found.device_type_id == declaration.device_type_id
    assert found.certificate_id == declaration.certificate_id
    assert found.security_level == declaration.security_level
    assert found.security_information == declaration.security_information
    assert found.version_number == declaration.version_number
    assert found.certification_type == declaration.certification_type
    assert found.dac_origin == (None if origin is None else (origin.vendor_id, origin.product_id))
    assert found.authorized_paas == (tuple(declaration.authorized_paas) or None)


def test_openssl_verifies_it(tmp_path: Path) -> None:
    certificate = x509.load_der_x509_certificate(SIGNER.certificate).public_bytes(Encoding.PEM)
    (tmp_path / "signer.pem").write_bytes(certificate)
    (tmp_path / "cd.der").write_bytes(SIGNED)
    command = "openssl cms -verify -binary -inform DER -in cd.der -certfile signer.pem -CAfile signer.pem"
    options = ["-purpose", "any", "-out", "content"]
    done = subprocess.run([*command.split(), *options], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "content").read_bytes() == DECLARATION.encode()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"vendor_id": 0}, "vendor id 0x0; legal: 0x0001..0xFFFF"),
        ({"product_ids": ()}, "declaration for 0 products; legal: 1 to 100"),
        ({"product_ids": range(1, 102)}, "declaration for 101 products; legal: 1 to 100"),
        ({"product_ids": (0x10000,)}, "product id 0x10000; legal: 0x0001..0xFFFF"),
        ({"certificate_id": "CSA"}, "certificate id 'CSA'; legal: 19 ASCII characters"),
        ({"device_type_id": 1 << 32}, "device type id 4294967296; legal: 32 bits"),
        ({"security_level": 256}, "security level 256; legal: 8 bits"),
        ({"version_number": -1}, "version number -1; legal: 16 bits"),
        ({"authorized_paas": [b""] * 11}, "11 authorized PAAs; legal: up to 10"),
        ({"authorized_paas": [bytes(19)]}, "authorized PAA of 19 bytes; legal: a key id of 20"),
    ],
)
def test_what_no_declaration_can_say(fields: dict[str, object], why: str) -> None:
    with pytest.raises(PkiError) as refused:
        Declaration(**fields)  # type: ignore[arg-type]
    assert str(refused.value) == why


def oid(octets: str) -> bytes:
    return tlv(OID, bytes.fromhex(octets))


SIGNED_DATA, DATA, SHA256, SHA512 = (
    oid(octets)
    for octets in ("2a864886f70d010702", "2a864886f70d010701", "608648016503040201", "608648016503040203")
)
THREE, ONE = b"\x02\x01\x03", b"\x02\x01\x01"
KEY_ID = tlv(0x80, SIGNER.key_id)
SIGNATURE = tlv(4, read_signed_message(SIGNED).signature)


def signer(
    *,
    version: bytes = THREE,
    key: bytes = KEY_ID,
    digest: bytes = tlv(SEQUENCE, SHA256),
    algorithm: bytes = tlv(SEQUENCE, ECDSA_SHA256),
    signature: bytes = SIGNATURE,
) -> bytes:
    return tlv(SEQUENCE, version, key, digest, algorithm, signature)


def message(
    *,
    kind: bytes = SIGNED_DATA,
    version: bytes = THREE,
    digests: bytes = tlv(SET, tlv(SEQUENCE, SHA256)),
    content: bytes = tlv(SEQUENCE, DATA, tlv(0xA0, tlv(4, DECLARATION.encode()))),
    certificates: bytes = b"",
    signers: bytes = tlv(SET, signer()),
) -> bytes:
    return tlv(SEQUENCE, kind, tlv(0xA0, tlv(SEQUENCE, version, digests, content, certificates, signers)))


SIGNED_CONTENT = tlv(
    SEQUENCE,
    THREE,
    tlv(SET, tlv(SEQUENCE, SHA256)),
    tlv(SEQUENCE, DATA, tlv(0xA0, tlv(4, DECLARATION.encode()))),
    tlv(SET, signer()),
)


def test_this_file_writes_what_the_issuer_does() -> None:
    assert message() == SIGNED


@pytest.mark.parametrize(
    ("der", "why", "has_key_id"),
    [
        (b"", "no CMS message at offset 0: the data ends there", False),
        (SIGNED[:-1], "CMS message at offset 0 is", False),
        (SIGNED + b"\0", "1 bytes behind CMS message at offset 235; legal: none", False),
        (
            message(kind=DATA),
            "content type 1.2.840.113549.1.7.1 at offset 3; legal: 1.2.840.113549.1.7.2, sig",
            True,
        ),
        (tlv(SEQUENCE, SIGNED[3:], THREE), "3 bytes behind CMS message at offset", False),
        (
            tlv(SEQUENCE, SIGNED_DATA, tlv(0xA0, SIGNED_CONTENT, THREE)),
            "3 bytes behind content at offset",
            False,
        ),
        (message(version=ONE), "version 1 of signed data; legal: 3", True),
        (
            message(digests=tlv(SET, tlv(SEQUENCE, SHA512))),
            "digest algorithm 2.16.840.1.101.3.4.2.3 at offset",
            True,
        ),
        (message(digests=tlv(SET)), "no digest algorithm at offset", True),
        (
            message(digests=tlv(SET, tlv(SEQUENCE, SHA256, b"\5\0"))),
            "2 bytes behind digest algorithm at off",
            True,
        ),
        (message(content=tlv(SEQUENCE, DATA)), "no encapsulated content at offset", True),
        (
            message(content=tlv(SEQUENCE, SIGNED_DATA, b"")),
            "encapsulated content type 1.2.840.113549.1.7.2 at",
            True,
        ),
        (message(certificates=tlv(0xA0)), "signer infos at offset", False),
        (message(signers=tlv(SET)), "no signer info at offset", False),
        (
            message(signers=tlv(SET, tlv(SEQUENCE, signer()[2:], tlv(0xA1)))),
            "2 bytes behind signer info at offset",
            False,
        ),
        (message(signers=tlv(SET, signer()) + THREE), "3 bytes behind signed data at offset", False),
        (message(signers=tlv(SET, signer(), signer())), "1", False),
        (message(signers=tlv(SET, signer(version=ONE))), "version 1 of signer info; legal: 3", False),
        (
            message(signers=tlv(SET, signer(key=tlv(0x80, bytes(19))))),
            "subject key id of 19 bytes; legal: 20",
            False,
        ),
        (message(signers=tlv(SET, signer(key=tlv(SEQUENCE)))), "subject key id at offset", False),
        (message(signers=tlv(SET, signer(digest=tlv(SEQUENCE, SHA512)))), "digest algorithm 2.16.840", False),
        (
            message(signers=tlv(SET, signer(digest=tlv(0xA0) + tlv(SEQUENCE, SHA256)))),
            "digest algorithm at",
            False,
        ),
        (
            message(signers=tlv(SET, signer(algorithm=tlv(SEQUENCE, ECDSA_SHA384)))),
            "signature algorithm 300a06082a8648ce3d040303; legal: ecdsa-with-SHA256, no parameters",
            False,
        ),
        (
            message(signers=tlv(SET, signer(signature=tlv(4, bytes(64))))),
            "signature at offset 0 is tag 0x00",
            False,
        ),
        (
            message(signers=tlv(SET, signer(signature=tlv(4, tlv(SEQUENCE, ONE, b"\2\1\xff"))))),
            "s of the signature is -0x1; legal: 256 bits",
            False,
        ),
    ],
)
def test_messages_that_are_refused(der: bytes, why: str, has_key_id: bool) -> None:
    with pytest.raises(CmsError) as refused:
        read_signed_message(der)
    assert str(refused.value).startswith(why)
    if has_key_id:  # which signer it names is asked before the rest of the message
        assert read_key_id(der) == SIGNER.key_id
    else:
        with pytest.raises(CmsError):
            read_key_id(der)


@settings(max_examples=200)
@given(st.integers(0, len(SIGNED) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_message_with_some_bytes_exchanged(at: int, new: bytes, dropped: int) -> None:
    der = SIGNED[:at] + new + SIGNED[at + dropped :]
    try:
        found = read_signed_message(der)
    except CmsError:
        return
    if found.signed_by(SIGNER.public_key):  # all but the key id is signed, or has one form only
        assert found.content == DECLARATION.encode()
        assert der.replace(found.key_id, SIGNER.key_id) == SIGNED


@given(st.binary(max_size=300))
def test_arbitrary_bytes(der: bytes) -> None:
    for read in (read_signed_message, read_key_id):
        with pytest.raises(CmsError):
            read(der)


def test_a_version_of_thousands_of_digits() -> None:
    version = b"\x02\x82\x0b\xb8" + b"\x7f" * 3000
    message = SIGNED[: SIGNED.index(b"\x02\x01\x03")] + version
    data = b"\x30\x82" + len(version).to_bytes(2, "big") + version
    content = b"\xa0\x82" + len(data).to_bytes(2, "big") + data
    oid = message[message.index(b"\x06\x09") :][:11]
    der = b"\x30\x82" + (len(oid) + len(content)).to_bytes(2, "big") + oid + content
    with pytest.raises(CmsError, match="a number of 23999 bits of signed data; legal: 3"):
        read_signed_message(der)
