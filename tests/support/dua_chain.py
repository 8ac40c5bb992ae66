"""A device's token and DUA certificate made by hand, for tests of the verifier."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from support.appraisal_cases import CHALLENGE, RFC, psa_token

from tfm_sim.interface.stm32.dua_certificate import CertId, subject_common_name
from tfm_sim.tools.stm32.certificates import Authority, DuaPki
from tfm_sim.tools.stm32.forgeries import Material, Presented
from tfm_sim.tools.verifier.keys import from_public

PKI = DuaPki.make()
DUA, OTHER, FORGER = (ec.derive_private_key(0x0D0A0000 + n, ec.SECP256R1()) for n in (1, 2, 3))
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def serial(number: int) -> bytes:
    """Authority 1, of the year 2025."""
    return b"\x01\x19" + number.to_bytes(8, "big")


def dua_certificate(key: ec.EllipticCurvePrivateKey, number: int, pki: DuaPki = PKI) -> bytes:
    """As it comes out of system flash, DER."""
    subject = subject_common_name(CertId.DUA_USER_FU, serial(number))
    return pki.issue_dua(serial(number), subject, from_public(key.public_key()).point())


def presented() -> Presented:
    return Presented(psa_token(RFC, DUA), dua_certificate(DUA, 1), PKI.intermediates)


def material() -> Material:
    neighbour = Authority(x509.load_der_x509_certificate(dua_certificate(FORGER, 3)), FORGER)
    return Material(
        good=presented(),
        replay=psa_token(RFC, DUA, nonce=b"\x2b" * 32),
        other_certificate=dua_certificate(OTHER, 2),
        other_token=psa_token(RFC, OTHER),
        false=DuaPki.make("forger"),
        neighbour=neighbour,
    )


__all__ = ["CHALLENGE", "DUA", "NOW", "OTHER", "PKI", "dua_certificate", "material", "presented", "serial"]
