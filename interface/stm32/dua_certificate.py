"""The certificate of a device's authentication key (DUA), as firmware reads it out of system flash.

STM32U3 keeps no certificate there but its three variable parts: serial number, public key and signature, 10,
64 and 64 bytes. ST's utility (STM32Cube Utilities/Certificates, stm32_cert.c) puts them into a template that
is the same for all devices; so does this one, with offsets of its own arithmetic that come out as ST's do.
The names in the template are ours, of the same lengths, and say that nothing here is ST's.
"""

from enum import IntEnum
from typing import Final

from ..cpu import Cpu

CERT_CHIP_PACK2_ADDR: Final = 0x0BF9FC00
CERT_CHIP_PACK2_SIZE: Final = 0x200
SERIAL_SIZE: Final = 10
COORDINATE_SIZE: Final = 32
PUBLIC_KEY_SIZE: Final = 2 * COORDINATE_SIZE
SIGNATURE_SIZE: Final = 2 * COORDINATE_SIZE
VALIDITY_YEARS: Final = 30
ORGANIZATION: Final = "tfm-sim (NOT SECURE!)"
COUNTRY: Final = "NL"


class CertId(IntEnum):
    """``CERT_Id_t`` of STM32U3: the key for free use, and the one for licensed use."""

    DUA_USER_FU = 1
    DUA_USER_LU = 2


class CertStatus(IntEnum):
    """``CERT_Status_t``."""

    OK = 1
    ERROR = 2
    HW_ERROR = 3


class PackOffsets:
    """Where one certificate's parts lie in the pack, in bytes from CERT_CHIP_PACK2_ADDR (stm32u385xx.h)."""

    __slots__ = ("public_key", "serial", "signature")

    def __init__(self, public_key: int, signature: int, serial: int) -> None:
        self.public_key, self.signature, self.serial = public_key, signature, serial


PACK_OFFSETS: Final = {
    CertId.DUA_USER_FU: PackOffsets(12, 76, 140),
    CertId.DUA_USER_LU: PackOffsets(162, 226, 290),
}
_USE: Final = {CertId.DUA_USER_FU: "usfu", CertId.DUA_USER_LU: "uslu"}
_ECDSA_WITH_SHA_256: Final = bytes.fromhex("300a06082a8648ce3d040302")
_P_256: Final = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
_NO_CA: Final = bytes.fromhex("a310300e300c0603551d130101ff04023000")
_VERSION_3: Final = bytes.fromhex("a003020102")


def issuer_common_name(serial: bytes) -> str:
    """The first byte of a serial number is the number of the authority that issued it."""
    return f"ST CA {serial[0]:02x} for STM32 User"


def subject_common_name(certificate: CertId, serial: bytes) -> str:
    """The device's name: the use of the key and the serial number."""
    return f"stm32u3xx-{_USE[certificate]}-{serial.hex()}"


def validity_years(serial: bytes) -> tuple[int, int]:
    """First and last year, 2000 and up, by the second byte of the serial number; both from 1 January on."""
    return 2000 + serial[1], 2000 + serial[1] + VALIDITY_YEARS


def tbs_certificate(certificate: CertId, serial: bytes, public_key: bytes) -> bytes:
    """The part of the certificate that is signed, DER; ``public_key`` is X and Y, 64 bytes.

    STM32 UTIL_CERT_GetCertificate: authority, validity and subject follow from the serial number.
    """
    first, last = validity_years(serial)
    return _tlv(
        0x30,
        _VERSION_3,
        _tlv(0x02, serial),
        _ECDSA_WITH_SHA_256,
        _name(issuer_common_name(serial)),
        # RFC 5280 4.1.2.5: UTCTime until 2049, then GeneralizedTime.
        _tlv(
            0x30,
            _tlv(0x17, f"{first % 100:02}0101000000Z".encode()),
            _tlv(0x18, f"{last}0101000000Z".encode()),
        ),
        _name(subject_common_name(certificate, serial)),
        _tlv(0x30, _P_256, _tlv(0x03, b"\0\x04", public_key)),
        _NO_CA,
    )


def UTIL_CERT_GetCertificateSize(cpu: Cpu, certificate: int) -> tuple[int, int]:
    """Status and size in bytes of a certificate, read by the program's own loads.

    STM32 UTIL_CERT_GetCertificateSize: ERROR for an id that is none; nobody looks whether there is a
    certificate.
    """
    status, der = UTIL_CERT_GetCertificate(cpu, certificate)
    return status, len(der)


def UTIL_CERT_GetCertificate(cpu: Cpu, certificate: int) -> tuple[int, bytes]:
    """Status and the certificate, DER. STM32 UTIL_CERT_GetCertificate: as the size."""
    if certificate not in PACK_OFFSETS:
        return CertStatus.ERROR, b""
    return CertStatus.OK, certificate_of(
        CertId(certificate), cpu.load(CERT_CHIP_PACK2_ADDR, CERT_CHIP_PACK2_SIZE)
    )


def certificate_of(certificate: CertId, pack: bytes) -> bytes:
    """The certificate that a pack of 512 bytes holds the parts of, DER."""
    at = PACK_OFFSETS[certificate]
    serial = pack[at.serial : at.serial + SERIAL_SIZE]
    public_key = pack[at.public_key : at.public_key + PUBLIC_KEY_SIZE]
    signature = pack[at.signature : at.signature + SIGNATURE_SIZE]
    encoded = _tlv(0x30, _integer(signature[:COORDINATE_SIZE]), _integer(signature[COORDINATE_SIZE:]))
    tbs = tbs_certificate(certificate, serial, public_key)
    return _tlv(0x30, tbs, _ECDSA_WITH_SHA_256, _tlv(0x03, b"\0", encoded))


def pack_with(pack: bytes, certificate: CertId, serial: bytes, public_key: bytes, signature: bytes) -> bytes:
    """The pack with one certificate's parts in it. Raises ValueError for a part of another size."""
    at = PACK_OFFSETS[certificate]
    changed = bytearray(pack)
    for offset, size, part in (
        (at.serial, SERIAL_SIZE, serial),
        (at.public_key, PUBLIC_KEY_SIZE, public_key),
        (at.signature, SIGNATURE_SIZE, signature),
    ):
        if len(part) != size:
            raise ValueError(f"{certificate.name}: a part of {len(part)} bytes; legal: {size}")
        changed[offset : offset + size] = part
    return bytes(changed)


def _name(common_name: str) -> bytes:
    return _tlv(
        0x30,
        _attribute(0x06, 0x13, COUNTRY),
        _attribute(0x0A, 0x0C, ORGANIZATION),
        _attribute(0x03, 0x0C, common_name),
    )


def _attribute(kind: int, tag: int, text: str) -> bytes:
    return _tlv(0x31, _tlv(0x30, _tlv(0x06, bytes((0x55, 0x04, kind))), _tlv(tag, text.encode())))


def _integer(raw: bytes) -> bytes:
    digits = raw.lstrip(b"\0") or b"\0"
    return _tlv(0x02, b"\0" if digits[0] & 0x80 else b"", digits)


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
