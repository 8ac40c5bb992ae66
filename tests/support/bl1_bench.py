"""A device for BL1 with 256 bytes of BL1_2 and of BL2's code, and images of BL2 to break.

LMS images are signed by TF-M's dummy key, whose tree is at hand; P-256 ones by a throwaway key.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

from tfm_sim.bootloader.bl1_1 import Bl1_1
from tfm_sim.bootloader.bl1_2 import Bl1_2, Bl1_2Outcome
from tfm_sim.bootloader.bl1_config import Bl1Config
from tfm_sim.bootloader.bl1_stage import Bl1Ports
from tfm_sim.bootloader.events import BootDecision
from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.trace import Event, LogLine, Trace
from tfm_sim.platform.board import Bl1Memory
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.memory import Access, Memory, Region, RegionKind, Security
from tfm_sim.platform.nv_counters import NvCounter, NvCounters
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.provisioning import DUMMY, Provisioning, provisioned_otp
from tfm_sim.platform.provisioning_stages import BundleSource
from tfm_sim.tools.bl2_image import Bl2Key, Randomness, make_bl2_image
from tfm_sim.tools.lms_key import LmsPrivateKey, dummy_key

RAM = 0x38000000
MEMORY = Bl1Memory(bl1_2_code=RAM + 0x1000, bl2_code=RAM + 0x4000, bl2_code_size=0x100)
SLOT = 0x2000
CODE = bytes.fromhex("0080003841400038") + b"code of BL2"
FIXED = Randomness(bytes(range(12)) + bytes(4), bytes(range(32)))
OTP = OtpLayout(rotpk_size=32, bl1=True, bl1_2_code_size=0x100)
EC_KEY = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
EC_384_KEY = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP384R1())


@cache
def lms_key() -> LmsPrivateKey:
    """TF-M's dummy key; its tree is put together once."""
    key = dummy_key()
    assert key.nodes
    return key


def bl2(
    config: Bl1Config | None = None,
    *,
    code: bytes = CODE,
    counter: int = 1,
    version: ImageVersion = ImageVersion(1, 9, 0, 0),  # noqa: B008
    keys: Sequence[Bl2Key | None] | None = None,
    encryption_key: bytes = DUMMY.bl2_encryption_key,
) -> bytes:
    """An image of BL2 for a build of BL1, signed by TF-M's dummy key unless ``keys`` say otherwise."""
    layout = (config or Bl1Config()).image_layout(MEMORY.bl2_code_size)
    return make_bl2_image(
        code,
        layout,
        [lms_key()] if keys is None else keys,
        encryption_key,
        version=version,
        security_counter=counter,
        randomness=FIXED,
    )


@dataclass
class Bl1Bench:
    """Ports of one device, and what its boot told."""

    ports: Bl1Ports
    config: Bl1Config
    events: list[Event] = field(default_factory=list)

    @classmethod
    def make(
        cls,
        primary: bytes = b"",
        secondary: bytes = b"",
        *,
        config: Bl1Config | None = None,
        values: Provisioning = DUMMY,
        otp: OtpLayout = OTP,
        counter: int = 0,
        bundles: BundleSource | None = None,
    ) -> "Bl1Bench":
        flash = Flash("flash0", 2 * SLOT, 0x400, 4)
        areas = [
            FlashArea(i, name, flash, i * SLOT, SLOT, 0x10000000 + i * SLOT)
            for i, name in enumerate(("bl2_primary", "bl2_secondary"))
        ]
        for area, image in zip(areas, (primary, secondary), strict=True):
            area.write(0, image + b"\xff" * (-len(image) % 4))
        memory = Memory()
        rights = Access.READ | Access.WRITE
        ram = Region("S_RAM", RAM, 0x8000, Security.SECURE, rights, kind=RegionKind.RAM)
        memory.add(ram, bytearray(b"\xaa" * 0x8000))
        device_otp = provisioned_otp(values, otp)
        counters = NvCounters(device_otp)
        counters.set(NvCounter.BL1_0, counter)
        ports = Bl1Ports(device_otp, counters, memory, (RAM, 0x400), MEMORY, (areas[0], areas[1]), bundles)
        return cls(ports, config or Bl1Config())

    @property
    def trace(self) -> Trace:
        trace = Trace()
        trace.listeners.append(self.events.append)
        return trace

    def run_rom(self) -> bytes:
        """BL1_1; the hash of BL1_2."""
        return Bl1_1(self.ports, self.config, self.trace).run().bl1_2_hash

    def run_bl1_2(self) -> Bl1_2Outcome:
        """BL1_2 alone, on a cleared shared area."""
        self.ports.memory.write(RAM, bytes(0x400))
        return Bl1_2(self.ports, self.config, self.trace, hashlib.sha256(b"BL1_2").digest()).run()

    @property
    def rules(self) -> list[str]:
        """The rules behind the decisions so far."""
        return [event.rule for event in self.events if isinstance(event, BootDecision)]

    @property
    def log(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, LogLine)]

    def shared(self) -> bytes:
        """The used part of the shared data area."""
        area = self.ports.memory.read(RAM, 0x400)
        return area[: int.from_bytes(area[2:4], "little")]


def with_bytes(image: bytes, changes: Mapping[int, bytes]) -> bytes:
    """A copy of an image with other bytes at these offsets."""
    raw = bytearray(image)
    for offset, data in changes.items():
        raw[offset : offset + len(data)] = data
    return bytes(raw)
