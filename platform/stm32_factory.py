"""ST's factory, and the tool that exports a wrapped key: what is done to a chip before firmware runs on it.

The chip draws its authentication keys itself and gives out public keys; the issuer signs what is to be their
certificates; serial number, public key and signature go to system flash. Then RSSe-KW exports the wrapped
key, which firmware keeps among its own data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ..interface.errors import TfmSimError
from ..interface.stm32.dua_certificate import (
    COORDINATE_SIZE,
    SERIAL_SIZE,
    CertId,
    certificate_of,
    pack_with,
    tbs_certificate,
)
from ..interface.stm32.key_wrap_engine import RsseKeyType
from .board import AreaRole
from .chip_secrets import ChipSecrets
from .flash import FlashArea
from .hal_stm32 import DUA_BLOB_SIZE, WRAPPED_KEY_SLOT
from .hardware import Hardware

AUTHORITY: Final = {CertId.DUA_USER_FU: 1, CertId.DUA_USER_LU: 2}
"""The number of the authority for each key: the first byte of the serial number."""
YEAR: Final = 25
_KEY_TYPE: Final = {
    CertId.DUA_USER_FU: RsseKeyType.ECCCHIPFU,
    CertId.DUA_USER_LU: RsseKeyType.ECCCHIPLU,
}


class FactoryError(TfmSimError):
    """A chip that the factory cannot work on, or a certificate that its system flash cannot keep."""


@dataclass(frozen=True, slots=True)
class DuaRequest:
    """What the factory hands to the issuer.

    ``public_key`` is 04, X, Y of P-256, ``serial`` 10 bytes. The certificate's ``tbs``, the DER that is
    signed by ECDSA with SHA-256, follows from them, because the chip keeps no other parts: names and validity
    are those of `interface.stm32.dua_certificate`.
    """

    certificate: CertId
    serial: bytes
    public_key: bytes
    tbs: bytes


Issuer = Callable[[DuaRequest], bytes]
"""Answers with the certificate, DER."""


def make_dua_keys(hardware: Hardware, issue: Issuer, *, year: int = YEAR) -> None:
    """ST's factory: both authentication keys and their certificates, valid for 30 years from 20``year`` on.

    Raises FactoryError for a board without such keys, and for a certificate whose ``tbs`` is another than the
    one asked for; RssError for a chip that has its keys already.
    """
    chip, flash = _chip(hardware), _area(hardware, AreaRole.CHIP_CERTIFICATES)
    pack = flash.read(0, flash.size)
    for certificate in CertId:
        public_key = chip.make_key(certificate)
        serial = bytes((AUTHORITY[certificate], year)) + hardware.rng.bytes(SERIAL_SIZE - 2)
        tbs = tbs_certificate(certificate, serial, public_key[1:])
        der = bytes(issue(DuaRequest(certificate, serial, public_key, tbs)))
        signature = _signature_of(certificate, der, tbs)
        pack = pack_with(pack, certificate, serial, public_key[1:], signature)
        if certificate_of(certificate, pack) != der:
            raise FactoryError(f"{certificate.name}: a certificate with more than DER's one way to say it")
    with hardware.power.programmer():
        flash.erase(0, flash.size)
        flash.write(0, pack)


def export_wrapped_key(hardware: Hardware, certificate: CertId, *, secure: bool = True) -> bytes:
    """``STM32_Programmer_CLI -rssekw ... WrappingKeySelect=DHUK KeyUsage=ECDSA_USAGE_SIGN``: 112 bytes.

    ``secure`` False is SecAttr=NON_SECURE, as in ST's example without TrustZone; TF-M's crypto service is
    secure. Raises FactoryError and RssError.
    """
    return _chip(hardware).export_wrapped(_KEY_TYPE[certificate], secure=secure)


def install_wrapped_key(hardware: Hardware, certificate: CertId, blob: bytes) -> None:
    """Leave a blob where firmware looks for it. Raises FactoryError for one that is not of 112 bytes."""
    area = _area(hardware, AreaRole.WRAPPED_KEYS)
    if len(blob) != DUA_BLOB_SIZE:
        raise FactoryError(f"{certificate.name}: a blob of {len(blob)} bytes; legal: {DUA_BLOB_SIZE}")
    block = bytearray(area.read(0, area.erase_block))
    at = (certificate - 1) * WRAPPED_KEY_SLOT
    block[at : at + len(blob)] = blob
    with hardware.power.programmer():
        area.erase(0, area.erase_block)
        area.write(0, bytes(block))


def manufacture(hardware: Hardware, issue: Issuer, *, year: int = YEAR) -> None:
    """Keys, certificates, and both blobs where firmware looks for them. Raises as its steps do."""
    make_dua_keys(hardware, issue, year=year)
    for certificate in CertId:
        install_wrapped_key(hardware, certificate, export_wrapped_key(hardware, certificate))


def _signature_of(certificate: CertId, der: bytes, tbs: bytes) -> bytes:
    try:
        parsed = x509.load_der_x509_certificate(der)
        same, (r, s) = parsed.tbs_certificate_bytes == tbs, decode_dss_signature(parsed.signature)
    except (ValueError, TypeError) as error:
        raise FactoryError(f"{certificate.name}: the issuer's answer is no certificate: {error}") from error
    if not same:
        raise FactoryError(
            f"{certificate.name}: the issuer signed something else than it was asked for; legal: "
            "DuaRequest.tbs as it is"
        )
    if max(r, s).bit_length() > 8 * COORDINATE_SIZE:
        raise FactoryError(f"{certificate.name}: a signature by a larger key; legal: one of P-256")
    return r.to_bytes(COORDINATE_SIZE, "big") + s.to_bytes(COORDINATE_SIZE, "big")


def _chip(hardware: Hardware) -> ChipSecrets:
    if hardware.chip is None:
        raise FactoryError(f"board {hardware.board.name}: no authentication keys; legal: an STM32 with a CCB")
    return hardware.chip


def _area(hardware: Hardware, role: AreaRole) -> FlashArea:
    area = hardware.area_with_role(role)
    if area is None:
        raise FactoryError(f"board {hardware.board.name}: no flash area with role {role.value}")
    return area
