"""ST's factory and an OEM's line around a modelled STM32: who signs certificates, who exports blobs.

The chip draws its keys itself; the test chain in `certificates` stands for ST's authorities. NOT SECURE.
"""

from dataclasses import dataclass
from typing import Final

from ...device import Device
from ...firmware_build import Build, bl2_config_for, its_config_for, ps_config_for, with_key_wrap_engine
from ...interface.stm32.dua_certificate import (
    CertId,
    CertStatus,
    UTIL_CERT_GetCertificate,
    subject_common_name,
)
from ...partitions.initial_attestation.config import AttestationConfig, TokenVariant
from ...platform.board import Board
from ...platform.hardware import Hardware
from ...platform.stm32_factory import DuaRequest, FactoryError, manufacture
from ...spm.config import SpmConfig
from .certificates import EPOCH, DuaPki
from .chain import verify_chain

DEFAULT_BOARD: Final = "nucleo_u385rg_q"


@dataclass(frozen=True, slots=True)
class Authorities:
    """The issuer that the factory asks: each request goes to the authority of its key."""

    pki: DuaPki

    def __call__(self, request: DuaRequest) -> bytes:
        """The certificate, DER."""
        subject = subject_common_name(request.certificate, request.serial)
        return self.pki.issue_dua(request.serial, subject, request.public_key)


def stm32_build_for(
    board: Board,
    key: CertId,
    variant: TokenVariant = TokenVariant.PSA_IOT_PROFILE_1,
    isolation_level: int = 1,
) -> Build:
    """TF-M with the Key Wrap Engine, whose attestation signs with this wrapped key of the chip."""
    plain = Build(
        bl2=bl2_config_for(board),
        spm=SpmConfig(isolation_level=isolation_level),
        its=its_config_for(board),
        ps=ps_config_for(board),
        attestation=AttestationConfig(variant=variant),
    )
    return with_key_wrap_engine(plain, key)


def make_chip(hardware: Hardware, pki: DuaPki) -> None:
    """Keys, certificates, and both blobs where firmware looks for them. Raises FactoryError, RssError."""
    manufacture(hardware, Authorities(pki))


def read_certificate(device: Device, key: CertId) -> bytes:
    """What the application reads from system flash by its own loads, DER. Raises FactoryError."""
    status, certificate = UTIL_CERT_GetCertificate(device.ns.cpu, key)
    if status != CertStatus.OK:
        raise FactoryError(f"{key.name}: UTIL_CERT_GetCertificate answers {CertStatus(status).name}")
    return certificate


def check_certified(certificate: bytes, pki: DuaPki) -> None:
    """Refuse to hand out a chain that is not the certificate's. Raises FactoryError."""
    verdict = verify_chain(certificate, pki.intermediates, [pki.root.der], at=EPOCH)
    if not verdict.ok:
        raise FactoryError(
            f"the chip's certificate is of other authorities ({verdict.reasons[0]}); legal: the seed of "
            "those that certified it when it was made"
        )
