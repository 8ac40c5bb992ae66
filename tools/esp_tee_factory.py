"""Where a relying party knows an ESP-TEE device from: its build, and its first boot in a factory.

The digests of good firmware follow from its images, without any device. The key that signs is made by the TEE
on first use and never leaves it; a factory asks for one token over a cable that it trusts, and notes the key
and the device's id from it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from ..device import Device
from ..firmware_build import Build, its_config_for, ps_config_for, with_esp_tee
from ..interface.esp_tee.attestation import CLIENT_ID, DEFAULT_PSA_CERT_REF
from ..interface.esp_tee.image import HASH_SIZE
from ..partitions.esp_tee_attestation.config import EspTeeConfig, TokenForm
from ..platform.board import Board, BoardError
from ..spm.config import SpmConfig
from .esp_tee import Enrolled, Form, Reference, SoftwareReference, enrolled_key
from .esp_tee_firmware import EspTeeFirmware

DEFAULT_BOARD: Final = "esp32c6_tee"
FORMS: Final = {
    TokenForm.DOCUMENT: Form.SLOT,
    TokenForm.SLOT: Form.SLOT,
    TokenForm.NAMED_KEY: Form.STRING_ID,
    TokenForm.PSA: Form.PSA,
    TokenForm.CHALLENGE: Form.PSA_UEID,
}
"""What the verifier calls the forms that a build can have."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a relying party asks with. ``challenge`` has 32, 48 or 64 bytes; forms with a nonce take its first
    four as a number, big endian.
    """

    challenge: bytes
    client_id: int = CLIENT_ID
    psa_cert_ref: str = DEFAULT_PSA_CERT_REF

    @property
    def nonce(self) -> int:
        """The 32 bits of the older forms."""
        return int.from_bytes(self.challenge[:4], "big")

    def expected(self, form: TokenForm) -> dict[str, Any]:
        """The arguments of `verify` that say what the token must answer."""
        return {"challenge": self.challenge} if form.with_challenge else {"nonce": self.nonce}


FACTORY: Final = Request(hashlib.sha256(b"the factory's own challenge").digest())
"""What a factory asks with, over its own cable."""


def esp_tee_build_for(
    board: Board, form: TokenForm, *, isolation_level: int = 1, unprotected_keys: bool = False
) -> Build:
    """A build with ESP-TEE that writes tokens of this form.

    ``unprotected_keys`` is ESP-IDF until July 2026: the REE may have the TEE's key sign what it likes.
    Raises BoardError.
    """
    if board.bl1 is None:
        raise BoardError(
            f"ESP-TEE on board {board.name}, which has no ROM loader (bl1); "
            f"legal: {DEFAULT_BOARD}, or a board made after it"
        )
    spm = SpmConfig(isolation_level=isolation_level)
    plain = Build(spm=spm, its=its_config_for(board), ps=ps_config_for(board))
    return with_esp_tee(plain, EspTeeConfig(form=form, unprotected_keys=unprotected_keys))


def ask(device: Device, form: TokenForm, request: Request) -> bytes:
    """The REE passes a request on by the call of the form's time. Raises EspError or PsaError."""
    if form.with_challenge:
        return device.esp_tee.get_token(request.challenge)
    return device.esp_tee.generate_token(request.nonce, request.client_id, request.psa_cert_ref)


def enrol(token: bytes, name: str) -> Enrolled:
    """Key and device id as a token says them: only for one that came straight from the device."""
    values = json.loads(token)
    key = enrolled_key(values["public_key"]["compressed"])
    return Enrolled(key, name, bytes.fromhex(values["eat"]["device_id"]))


def reference_of(firmware: EspTeeFirmware, form: TokenForm) -> Reference:
    """What a device with this firmware says, foretold from its images; Secure Boot must be on."""
    boot_loader = firmware.boot_loader_image()
    images = {"tee": firmware.tee_image(), "app": firmware.app_image(), "bootloader": boot_loader}
    descriptions = {"tee": firmware.tee, "app": firmware.app}
    software = {name: SoftwareReference((_digest(image),)) for name, image in images.items()}
    for name, told in descriptions.items():
        texts = (told.version.decode(),), (told.idf_ver.decode(),)
        software[name] = SoftwareReference(software[name].digests, *texts, told.secure_version)
    return Reference(
        software=software,
        secure_boot=True,
        client_id=CLIENT_ID,
        device_status=(255 if form is TokenForm.DOCUMENT else 165,),
        chip_ids=(13,) if form is TokenForm.CHALLENGE else (),
    )


def _digest(image: bytes) -> bytes:
    """Of everything before the hash that the build appends."""
    return hashlib.sha256(image[:-HASH_SIZE]).digest()
