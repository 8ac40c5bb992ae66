"""Fixtures of the bootloader tests: recorded images and a device small enough for them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType
from tfm_sim.bootloader.keys import load_public_key, public_key_encoding
from tfm_sim.bootloader.ports import SLOTS, Ports
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.memory import Access, Memory, Region, RegionKind, Security
from tfm_sim.platform.nv_counters import NvCounter, NvCounters
from tfm_sim.platform.otp import Otp, OtpField

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
SLOT_SIZE = 0x2000
RAM_BASE = 0x38000000
EXECUTABLE_RAM = 0x30000000
EXECUTABLE_RAM_SIZE = 0x4000
CODE = Access.READ | Access.EXECUTE


@pytest.fixture(scope="session")
def recordings() -> Path:
    return RECORDINGS


@pytest.fixture(scope="session")
def mcuboot_data() -> Path:
    return RECORDINGS / "mcuboot"


@pytest.fixture(scope="session")
def oracle_config(mcuboot_data: Path) -> Bl2Config:
    """The build that the recordings of MCUboot's own code were made with."""
    key = public_key_encoding(load_public_key(mcuboot_data / "key_p256_pub.pem"))
    return Bl2Config(
        signature_type=SignatureType.EC_P256, key_mode=KeyMode.KEYHASH, keys=(key,), image_number=1
    )


def _make_ports(
    contents: Mapping[tuple[int, str], bytes],
    *,
    images: int = 1,
    counter: int = 4,
    rotpks: Mapping[int, bytes] | None = None,
    shared_size: int = 0x400,
) -> Ports:
    flash = Flash("FLASH0", 2 * images * SLOT_SIZE, 0x400, 4)
    slots = {}
    for index, key in enumerate((image, name) for image in range(images) for name in SLOTS):
        offset = index * SLOT_SIZE
        slots[key] = FlashArea(index, f"{key[1]} {key[0]}", flash, offset, SLOT_SIZE, 0x10000000 + offset)
        data = contents.get(key, b"")
        slots[key].write(0, data + b"\xff" * (-len(data) % 4))
    otp = Otp()
    for image, rotpk in (rotpks or {}).items():
        otp.write(OtpField(OtpField.BL2_ROTPK_0 + image), rotpk)
    counters = NvCounters(otp)
    for image in range(images):
        counters.set(NvCounter(NvCounter.BL2_0 + image), counter)
    memory = Memory()
    rights = Access.READ | Access.WRITE
    ram = Region("S_RAM", RAM_BASE, 0x1000, Security.SECURE, rights, kind=RegionKind.RAM)
    memory.add(ram, bytearray(b"\xaa" * 0x1000))
    code = Region("CODE", 0x10000000, flash.size, Security.SECURE, Access.READ, kind=RegionKind.FLASH)
    memory.add(code, flash.cells)
    executable = Region(
        "EXECUTABLE", EXECUTABLE_RAM, EXECUTABLE_RAM_SIZE, Security.SECURE, CODE, kind=RegionKind.RAM
    )
    memory.add(executable, bytearray(b"\xaa" * EXECUTABLE_RAM_SIZE))
    loads = dict.fromkeys(range(images), (EXECUTABLE_RAM, EXECUTABLE_RAM_SIZE))
    return Ports(slots, otp, counters, memory, (RAM_BASE, shared_size), loads)


@pytest.fixture(scope="session")
def make_ports() -> Callable[..., Ports]:
    """A device with 8 KiB slots of 1 KiB sectors, write block 4, as the recordings of MCUboot used."""
    return _make_ports
