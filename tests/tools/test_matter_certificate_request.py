"""The device's PKCS#10 writer, read by `cryptography`."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.tools.matter.firmware.certificate_request import (
    COMMON_NAME,
    MATTER_PRODUCT_ID,
    MATTER_VENDOR_ID,
    ORGANIZATION,
    certificate_request,
    der_signature,
)

KEY = ec.derive_private_key(5, ec.SECP256R1())
POINT = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def sign(message: bytes) -> bytes:
    r, s = decode_dss_signature(KEY.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    "subject, text",
    [
        ([], ""),
        ([(ORGANIZATION, "CSA")], "O=CSA"),
        ([(COMMON_NAME, "Gerät 7"), (ORGANIZATION, "CSA")], "O=CSA,CN=Gerät 7"),
        (
            [(MATTER_VENDOR_ID, "FFF1"), (MATTER_PRODUCT_ID, "8004")],
            "1.3.6.1.4.1.37244.2.2=8004,1.3.6.1.4.1.37244.2.1=FFF1",
        ),
        ([(COMMON_NAME, "x" * 64), (ORGANIZATION, "y" * 64)], "O=" + "y" * 64 + ",CN=" + "x" * 64),
    ],
)
def test_request(subject: list[tuple[tuple[int, ...], str]], text: str) -> None:
    request = x509.load_der_x509_csr(certificate_request(subject, POINT, sign))
    assert request.subject.rfc4514_string() == text
    assert request.is_signature_valid
    assert isinstance(request.signature_hash_algorithm, SHA256)
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) == POINT
    # Matter 1.4 6.1.4: an extension request, which may be empty.
    assert list(request.extensions) == []
    assert len(request.attributes) == 1


def test_a_signature_by_another_key_shows() -> None:
    request = certificate_request([], POINT, lambda message: sign(message + b"!"))
    assert not x509.load_der_x509_csr(request).is_signature_valid


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_signature_as_der(r: int, s: int) -> None:
    assert der_signature(r.to_bytes(32, "big") + s.to_bytes(32, "big")) == encode_dss_signature(r, s)
