"""The certificate of a device's authentication key as STM32U3 keeps it: three parts and a template."""

import datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.stm32 import dua_certificate
from tfm_sim.interface.stm32.dua_certificate import (
    CERT_CHIP_PACK2_ADDR,
    CertId,
    CertStatus,
    UTIL_CERT_GetCertificate,
    UTIL_CERT_GetCertificateSize,
    certificate_of,
    pack_with,
    tbs_certificate,
)

SERIAL = bytes.fromhex("01160102030405060708")
POINT = (
    ec.derive_private_key(5, ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
BLANK = b"\xff" * 512


class PackCpu:
    """A CPU whose loads see nothing but a pack of certificates."""

    def __init__(self, pack: bytes) -> None:
        self.pack = pack

    def load(self, address: int, length: int) -> bytes:
        assert (address, length) == (CERT_CHIP_PACK2_ADDR, 512)
        return self.pack

    def store(self, address: int, data: bytes) -> None:
        raise AssertionError("a certificate is only read")

    def execute(self, address: int) -> None:
        raise AssertionError("a certificate is only read")


def pack(certificate: CertId = CertId.DUA_USER_LU, signature: bytes = b"\x07" * 64) -> bytes:
    return pack_with(BLANK, certificate, SERIAL, POINT[1:], signature)


# ST's stm32_cert.c, CERT_TEMP_OFFSET_*_DUA_USER: where the variable parts stand in the certificate.
@pytest.mark.parametrize(
    "offset, part",
    [
        (0, "308201b3"[:4]),
        (4, "3082015a"),
        (15, SERIAL.hex()),
        (101, b"01".hex()),
        (122, b"22".hex()),
        (139, b"52".hex()),
        (225, SERIAL.hex().encode().hex()),
        (271, "04" + POINT[1:].hex()),
        (336, "a310300e300c0603551d130101ff04023000"),
        (354, "300a06082a8648ce3d040302"),
    ],
)
def test_parts_stand_where_st_has_them(offset: int, part: str) -> None:
    found = certificate_of(CertId.DUA_USER_LU, pack())
    assert found[offset : offset + len(part) // 2].hex() == part


def test_the_template_is_that_of_st_but_for_the_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    """cert_stm32u385xx.h, CertDuaUserFU: its 268 bytes from the TBSCertificate to the public key."""
    monkeypatch.setattr(dua_certificate, "ORGANIZATION", "STMicroelectronics nv")
    serial = bytes.fromhex("011635a163b475dcad0b")
    found = tbs_certificate(CertId.DUA_USER_FU, serial, POINT[1:])[:268]
    assert sha256(found).hexdigest() == "51c6d59b12d2c40f95a93cafb16c1778c2112983042972ffe003c89f2d56c707"


# stm32u385xx.h: CERT_ST_DUA_USER_*_OFFSET from CERT_CHIP_PACK2_ADDR.
@pytest.mark.parametrize(
    "certificate, offset, part",
    [
        (CertId.DUA_USER_FU, 12, POINT[1:]),
        (CertId.DUA_USER_FU, 76, b"\x07" * 64),
        (CertId.DUA_USER_FU, 140, SERIAL),
        (CertId.DUA_USER_LU, 162, POINT[1:]),
        (CertId.DUA_USER_LU, 226, b"\x07" * 64),
        (CertId.DUA_USER_LU, 290, SERIAL),
    ],
)
def test_system_flash_holds_the_parts(certificate: CertId, offset: int, part: bytes) -> None:
    assert pack(certificate)[offset : offset + len(part)] == part


@pytest.mark.parametrize(("certificate", "use"), [(CertId.DUA_USER_FU, "usfu"), (CertId.DUA_USER_LU, "uslu")])
def test_it_is_an_x509_certificate(certificate: CertId, use: str) -> None:
    status, der = UTIL_CERT_GetCertificate(PackCpu(pack(certificate)), certificate)
    found = x509.load_der_x509_certificate(der)
    assert status == CertStatus.OK
    assert found.serial_number == int.from_bytes(SERIAL, "big")
    assert found.issuer.rfc4514_string() == "CN=ST CA 01 for STM32 User,O=tfm-sim (NOT SECURE!),C=NL"
    assert found.subject.rfc4514_string() == (
        f"CN=stm32u3xx-{use}-{SERIAL.hex()},O=tfm-sim (NOT SECURE!),C=NL"
    )
    assert found.not_valid_before_utc == datetime.datetime(2022, 1, 1, tzinfo=datetime.UTC)
    assert found.not_valid_after_utc == datetime.datetime(2052, 1, 1, tzinfo=datetime.UTC)
    constraints = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca


@given(st.binary(min_size=64, max_size=64))
def test_any_signature_is_encoded_as_der_has_it(signature: bytes) -> None:
    """Leading zeros go, a high bit gets one; the size that is asked for is the size that comes."""
    cpu = PackCpu(pack(signature=signature))
    _, der = UTIL_CERT_GetCertificate(cpu, CertId.DUA_USER_LU)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    assert der.endswith(encode_dss_signature(r, s))
    assert UTIL_CERT_GetCertificateSize(cpu, CertId.DUA_USER_LU) == (CertStatus.OK, len(der))
    assert int.from_bytes(der[2:4], "big") == len(der) - 4


@given(st.binary(min_size=512, max_size=512))
def test_nobody_looks_whether_there_is_a_certificate(pack_bytes: bytes) -> None:
    for certificate in CertId:
        status, der = UTIL_CERT_GetCertificate(PackCpu(pack_bytes), certificate)
        assert status == CertStatus.OK
        assert der[:2] == b"\x30\x82"


@pytest.mark.parametrize("certificate", [0, 3, -1])
def test_an_id_that_is_none(certificate: int) -> None:
    assert UTIL_CERT_GetCertificate(PackCpu(pack()), certificate) == (CertStatus.ERROR, b"")
    assert UTIL_CERT_GetCertificateSize(PackCpu(pack()), certificate) == (CertStatus.ERROR, 0)


def test_a_part_of_another_size() -> None:
    with pytest.raises(ValueError, match="DUA_USER_FU: a part of 65 bytes; legal: 64"):
        pack_with(BLANK, CertId.DUA_USER_FU, SERIAL, POINT, bytes(64))
