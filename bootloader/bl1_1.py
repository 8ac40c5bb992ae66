"""BL1_1: the ROM. It provisions a virgin device, and runs BL1_2 from OTP if its hash is the one in OTP.

TF-M bl1/bl1_1/main.c, in its order.
"""

import hashlib
from dataclasses import dataclass

from ..interface.mcuboot.image import ImageError
from ..interface.psa.crypto_values import PSA_ALG_SHA_256
from ..interface.tfm.boot_measurement import MeasurementMetadata, MeasurementSlot
from ..platform.otp import OtpField
from ..platform.provisioning_stages import provision_in_bl1_1
from .bl1_events import CodeCopied, CodeHashed
from .bl1_stage import Stage, provision, stage_refusal, warn_of_dummy_guk
from .boot_measurement import BootMeasurements
from .events import JumpPrepared
from .loader import BootRefused
from .vectors import VectorTable, read_code_vectors

RULE = "bl1_1_validate_image_at_addr"


@dataclass(frozen=True, slots=True)
class Bl1_1Outcome:
    """BL1_2 as it will run: its SHA-256, and the vectors at its start."""

    bl1_2_hash: bytes
    vectors: VectorTable


class Bl1_1(Stage):
    """One run of the ROM."""

    name = "BL1_1"

    def run(self) -> Bl1_1Outcome:
        """Up to the jump to BL1_2. Raises BootRefused where TF-M would end in its error state."""
        ports = self.ports
        base, size = ports.shared_data
        # TF-M boot_platform_init: what an earlier boot left in the shared data area is gone.
        ports.memory.write(base, bytes(size))
        self.log("[INF] Starting TF-M BL1_1")
        provision(self.name, ports.otp, ports.bundles, provision_in_bl1_1, self.trace)
        warn_of_dummy_guk(self)
        digest = self._load()
        if self.config.measured_boot:
            self._measure(digest)
        self.log("[INF] Jumping to BL1_2")
        vectors = read_code_vectors(ports.memory, ports.layout.bl1_2_code, self._code_size)
        if self.trace.listeners:
            text = f"BL1_1: jump to BL1_2 by the vector table at {vectors.address:#010x}"
            self.trace.emit(JumpPrepared(None, "boot_platform_start_next_image", text, vectors))
        return Bl1_1Outcome(digest, vectors)

    @property
    def _code_size(self) -> int:
        """BL1_2_CODE_SIZE in bytes."""
        return self.ports.otp.layout.bl1_2_code_size

    def _load(self) -> bytes:
        """Copy and check, again for as long as the recovery hook repairs something; the good digest."""
        attempt = 0
        while True:
            self._copy()
            found, wanted = self._digests()
            if found == wanted:
                return found
            self.log("[ERR] BL1_2 image failed to validate")
            error = ImageError(
                RULE, "SHA-256 over BL1_2", found.hex(), f"OTP's BL1_2_IMAGE_HASH is {wanted.hex()}"
            )
            self.refuse(stage_refusal(self.name, "BL1_2", "in OTP", error), None)
            self.recover(attempt)
            attempt += 1

    def _copy(self) -> None:
        # TF-M bl1_read_bl1_2_image: as many bytes as OTP says, at most those of its field.
        ports, rule = self.ports, "bl1_read_bl1_2_image"
        length = ports.read_otp(OtpField.BL1_2_IMAGE_LEN)
        image = None if length is None else ports.read_otp(OtpField.BL1_2_IMAGE, _u32(length))
        if image is None:
            error = ImageError(rule, "BL1_2", "no BL1_2_IMAGE in OTP", "a board for BL1 has an OTP for it")
            self.refuse(stage_refusal(self.name, "BL1_2", "in OTP", error), None)
            raise BootRefused(self.refusals)
        address = ports.layout.bl1_2_code
        ports.memory.write(address, image)
        if self.trace.listeners:
            text = f"BL1_2: {len(image)} bytes copied from OTP to {address:#010x}"
            self.trace.emit(CodeCopied(None, rule, text, address, len(image)))

    def _digests(self) -> tuple[bytes, bytes]:
        """Over the whole of BL1_2_CODE_SIZE in RAM, however short the image is; and OTP's."""
        ports = self.ports
        # TF-M bl1_1_validate_image_at_addr: over BL1_2_CODE_SIZE bytes of RAM.
        code = ports.memory.read(ports.layout.bl1_2_code, self._code_size)
        found = hashlib.sha256(code).digest()
        wanted = ports.read_otp(OtpField.BL1_2_IMAGE_HASH) or b""
        if self.trace.listeners:
            same = "equals" if found == wanted else "differs from"
            text = f"BL1_2: SHA-256 over {self._code_size} bytes {same} OTP's BL1_2_IMAGE_HASH"
            self.trace.emit(CodeHashed(None, RULE, text, found, wanted))
        return found, wanted

    def _measure(self, digest: bytes) -> None:
        # TF-M collect_boot_measurement: nobody signs BL1_2, it has no version, and a failure is a warning.
        base, size = self.ports.shared_data
        writer = BootMeasurements(self.ports.memory, base, size, self.trace, self.name)
        metadata = MeasurementMetadata(PSA_ALG_SHA_256, b"", len(digest), b"BL1_2")
        if writer.boot_store_measurement(MeasurementSlot.BL1_2, digest, metadata, lock=True) != 0:
            self.log("[WRN] Failed to store boot measurement of BL1_2")


def _u32(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
