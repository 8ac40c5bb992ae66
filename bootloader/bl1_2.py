"""BL1_2: checks an image of BL2 in flash, the other one where the first is refused, and runs it from RAM.

TF-M bl1/bl1_2/main.c, in its order: decrypt, signatures, measurement, security counter.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Final

from ..interface.mcuboot.image import ImageError, ImageVersion
from ..interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384
from ..interface.tfm.boot_measurement import MeasurementMetadata, MeasurementSlot
from ..interface.trace import Trace
from ..platform.flash import FlashArea
from ..platform.nv_counters import NvCounter
from ..platform.otp import OtpField
from .bl1_config import Bl1Config
from .bl1_events import (
    Bl2CounterCompared,
    Bl2Decrypted,
    Bl2ImageChosen,
    CodeCopied,
    RseKeyDerived,
    RseKeysInvalidated,
)
from .bl1_image import DECRYPT_MAGIC, Bl2Image
from .bl1_kdf import crypt_bl2
from .bl1_signatures import ROTPK_BUFFER_SIZE, check_signatures
from .bl1_stage import IMAGES, Bl1Ports, Stage, stage_refusal
from .boot_measurement import BootMeasurements
from .config import HashAlgorithm
from .events import JumpPrepared
from .rse_keys import DERIVATIONS, RseKeys
from .vectors import VectorTable, read_code_vectors

COUNTER_BOUND: Final = 1024
"""An attacker writes the security counter, and it feeds the KDF: as many values as an H10 key has leaves."""
MEASUREMENT_TYPES: Final = {HashAlgorithm.SHA256: PSA_ALG_SHA_256, HashAlgorithm.SHA384: PSA_ALG_SHA_384}


@dataclass(frozen=True, slots=True)
class Bl1_2Outcome:
    """The BL2 that will run: image id, version, measurement, vectors; and RSE's boot keys if it has any."""

    image: int
    version: ImageVersion
    security_counter: int
    measurement: bytes
    vectors: VectorTable
    keys: RseKeys | None = field(default=None, repr=False)


class Bl1_2(Stage):
    """One run of BL1_2. ``bl1_2_hash`` is what BL1_1 measured."""

    name = "BL1_2"

    def __init__(self, ports: Bl1Ports, config: Bl1Config, trace: Trace, bl1_2_hash: bytes) -> None:
        super().__init__(ports, config, trace)
        self._layout = config.image_layout(ports.layout.bl2_code_size)
        self._bl1_2_hash = bl1_2_hash
        self._signer_id = b""
        """Of the first signer that was good, over all images: TF-M keeps it in static memory."""
        self._measurement = b""

    def run(self) -> Bl1_2Outcome:
        """Up to the jump to BL2. Raises BootRefused where TF-M would end in its error state."""
        self.log("[INF] Starting TF-M BL1_2")
        keys = self._derive_rse_keys()
        image_id, image = self._choose()
        # TF-M kmu_invalidate_hardware_keys: nobody behind BL1_2 derives from them.
        if keys is not None:
            keys.invalidate_hardware_keys()
            if self.trace.listeners:
                text = "RSE: HUK and GUK are invalidated until the next reset"
                self.trace.emit(RseKeysInvalidated(None, "kmu_invalidate_hardware_keys", text))
        self.log("[INF] Jumping to BL2")
        memory = self.ports.layout
        vectors = read_code_vectors(self.ports.memory, memory.bl2_code, memory.bl2_code_size)
        if self.trace.listeners:
            text = f"BL1_2: jump to BL2 by the vector table at {vectors.address:#010x}"
            self.trace.emit(JumpPrepared(image_id, "boot_platform_start_next_image", text, vectors))
        return Bl1_2Outcome(image_id, image.version, image.security_counter, self._measurement, vectors, keys)

    def _choose(self) -> tuple[int, Bl2Image]:
        """The primary image, else the other, else both again where the recovery hook says so."""
        attempt = 0
        while True:
            # TF-M bl1_2_select_image, bl1_2_rollback_image: a platform may choose by other rules.
            for image_id, rule in enumerate(("bl1_2_select_image", "bl1_2_rollback_image")):
                self.log(f"[INF] Attempting to boot image {image_id}")
                if self.trace.listeners:
                    text = f"BL2: the {IMAGES[image_id]} image at {self._area(image_id).address:#010x}"
                    self.trace.emit(Bl2ImageChosen(image_id, rule, text))
                try:
                    return image_id, self._validate(image_id)
                except ImageError as error:
                    name, address = IMAGES[image_id], self._area(image_id).address
                    where = f"in the {name} slot at {address:#010x}"
                    refusal = stage_refusal(
                        self.name, "the BL2 image", where, error, image=image_id, slot=name, address=address
                    )
                    self.refuse(refusal, image_id)
            self.recover(attempt)
            attempt += 1

    def _validate(self, image_id: int) -> Bl2Image:
        """TF-M bl1_2_validate_image. Raises ImageError for an image that may not run."""
        image = self._copy(image_id)
        if self.config.image_encryption:
            try:
                image = self._decrypt(image_id, image)
            except ImageError:
                self.log("[ERR] BL2 image failed to decrypt")
                raise
        what = "decrypted" if self.config.image_encryption else "copied"
        self.log(f"[INF] BL2 image {what} successfully")
        try:
            self._check(image_id, image)
        except ImageError:
            self.log("[ERR] BL2 image failed to validate")
            raise
        self.log("[INF] BL2 image validated successfully")
        return image

    def _copy(self, image_id: int) -> Bl2Image:
        """The whole image to RAM, its header in front of where BL2's code belongs."""
        ports, rule = self.ports, "bl1_image_copy_to_sram"
        area, size = self._area(image_id), self._layout.size
        if size > area.size:
            raise ImageError(rule, "image size", f"{size:#x} bytes", f"the slot has {area.size:#x}")
        raw = area.read(0, size)
        address = ports.layout.bl2_code - self._layout.header_size
        ports.memory.write(address, raw)
        if self.trace.listeners:
            text = f"BL2: {size:#x} bytes of image {image_id} copied to {address:#010x}"
            self.trace.emit(CodeCopied(image_id, rule, text, address, size))
        return self._layout.decode(raw)

    def _decrypt(self, image_id: int, image: Bl2Image) -> Bl2Image:
        # TF-M copy_and_decrypt_image: the counter is bounded before it reaches the KDF; the magic tells.
        rule, counter = "copy_and_decrypt_image", image.security_counter
        if counter >= COUNTER_BOUND:
            raise ImageError(
                rule, "security counter", str(counter), f"decryption takes less than {COUNTER_BOUND}"
            )
        key = self.ports.read_otp(OtpField.KEY_BL2_ENCRYPTION)
        if key is None:
            raise ImageError(
                rule, "encryption key", "no KEY_BL2_ENCRYPTION in OTP", "a board for BL1 has one"
            )
        plain = crypt_bl2(key, counter, image.iv, image.encrypted)
        magic = int.from_bytes(plain[:4], "little")
        if magic != DECRYPT_MAGIC:
            raise ImageError(rule, "decryption magic", f"{magic:#010x}", f"wanted {DECRYPT_MAGIC:#010x}")
        self.ports.memory.write(self.ports.layout.bl2_code - 4, plain)
        if self.trace.listeners:
            text = f"BL2: decrypted with the key for security counter {counter}; the magic is right"
            self.trace.emit(Bl2Decrypted(image_id, rule, text, counter))
        return replace(image, encrypted=plain)

    def _check(self, image_id: int, image: Bl2Image) -> None:
        """TF-M bl1_2_validate_image_at_addr. Raises ImageError."""
        protected = self._layout.encode_protected(image)
        self._measurement = hashlib.new(self.config.measurement_hash.value, protected).digest()
        check_signatures(self.ports, self.config, self.trace, image_id, image, protected, self._add_signer)
        if self.config.measured_boot:
            self._measure(image)
        self._check_counter(image_id, image)

    def _add_signer(self, rotpk_hash: bytes) -> None:
        # TF-M add_signer_measurement: the first one stays, though its image be refused a moment later.
        self._signer_id = self._signer_id or rotpk_hash

    def _measure(self, image: Bl2Image) -> None:
        # TF-M submit_boot_measurement: before the counter is looked at, so that an image refused for its
        # counter has taken the slot, and the other one cannot be measured: it is refused as well.
        base, size = self.ports.shared_data
        writer = BootMeasurements(self.ports.memory, base, size, self.trace, self.name)
        algorithm = self.config.measurement_hash
        stated = ROTPK_BUFFER_SIZE if self.config.signer_id_of_buffer_size else len(self._signer_id)
        metadata = MeasurementMetadata(
            MEASUREMENT_TYPES[algorithm],
            self._signer_id,
            stated if self._signer_id else 0,
            b"BL2",
            image.version,
        )
        if writer.boot_store_measurement(MeasurementSlot.BL2, self._measurement, metadata, lock=True) != 0:
            found, wanted = writer.problem
            raise ImageError("submit_boot_measurement", "boot measurement", found, wanted)

    def _check_counter(self, image_id: int, image: Bl2Image) -> None:
        # TF-M is_image_security_counter_valid: equal is fine; no stage ever raises this counter.
        rule = "is_image_security_counter_valid"
        stored, found = self.ports.nv_counters.read(NvCounter.BL1_0), image.security_counter
        if self.trace.listeners:
            text = f"BL2: security counter {found}, NV counter BL1_0 is at {stored}"
            self.trace.emit(Bl2CounterCompared(image_id, rule, text, found, stored))
        if stored > found:
            self.log("[ERR] BL2 image security_counter failed to validate")
            raise ImageError(
                rule,
                "security counter",
                f"{found}, the device's NV counter BL1_0 is at {stored}",
                "an image needs at least that",
            )

    def _derive_rse_keys(self) -> RseKeys | None:
        state = self.config.rse
        if state is None:
            return None
        lcs = int.from_bytes(self.ports.otp.read(OtpField.LCS), "little")
        keys = RseKeys(self.ports.otp.read(OtpField.HUK), self.ports.otp.read(OtpField.GUK))
        for derivation in DERIVATIONS:
            key = keys.derive(derivation, state, lcs, self._bl1_2_hash)
            self.ports.kmu.set_key(derivation.slot, key)
            if self.trace.listeners:
                label = derivation.label.rstrip(b"\0").decode()
                what = f"{derivation.name} derived from {derivation.source.value}, label {label}"
                text = f"RSE: {what}, in KMU slot {derivation.slot:d}"
                self.trace.emit(RseKeyDerived(None, "setup_key_from_derivation", text, derivation.name))
        return keys

    def _area(self, image_id: int) -> FlashArea:
        return self.ports.bl2_images[image_id]
