"""What validation of a 1 MiB image costs beside its floor: one SHA-256 over it and one signature check."""

import hashlib
import timeit
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pytest_benchmark.fixture import BenchmarkFixture
from support.image_builder import P256, ImageParts
from support.image_encryption import FOR_EC256, KEY_128, Encrypted

from tfm_sim.bootloader.config import Bl2Config
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, SLOTS, Ports, Slot
from tfm_sim.bootloader.signature import verify
from tfm_sim.bootloader.validate import ImageOk, validate_slot
from tfm_sim.interface.mcuboot.image import read_header
from tfm_sim.interface.trace import Trace
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.memory import Memory
from tfm_sim.platform.nv_counters import NvCounters
from tfm_sim.platform.otp import Otp

MIB = 1 << 20
SLOT_SIZE = 0x180000
PARTS = ImageParts(payload=bytes(range(256)) * 4096, hdr_size=0x400)


def plain_image() -> bytes:
    return P256.image(PARTS)


def encrypted_image() -> bytes:
    plain = Encrypted(P256, FOR_EC256, parts=PARTS).plain()
    cipher = Cipher(algorithms.AES(KEY_128), modes.CTR(bytes(16))).encryptor()
    return plain[:0x400] + cipher.update(plain[0x400 : 0x400 + MIB]) + plain[0x400 + MIB :]


def validation(image: bytes, slot: str, config: Bl2Config) -> Callable[[], object]:
    flash = Flash("flash", SLOT_SIZE, 0x1000, 4, contents=image.ljust(SLOT_SIZE, b"\xff"))
    area = FlashArea(0, slot, flash, 0, SLOT_SIZE)
    otp = Otp()
    ports = Ports({(0, name): area for name in SLOTS}, otp, NvCounters(otp), Memory(), (0, 0))
    header = read_header(area)

    def validate() -> ImageOk:
        verdict = validate_slot(Slot(0, slot, area), header, config, ports, Trace())
        assert isinstance(verdict, ImageOk), verdict
        return verdict

    return validate


def floor() -> Callable[[], object]:
    key, data = P256.key.public_key(), bytes(MIB)
    digest = hashlib.sha256(data).digest()
    algorithm = P256.config().image_hash
    signature = P256.sign(digest, algorithm)

    def least() -> bool:
        return verify(key, algorithm, hashlib.sha256(data).digest(), signature)

    assert least()
    return least


def best(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=1, repeat=25))


@pytest.mark.parametrize(
    ("image", "slot", "config", "factor"),
    [
        (plain_image, PRIMARY, P256.config(), 2),
        (encrypted_image, SECONDARY, P256.config(**FOR_EC256.options()), 4),
    ],
    ids=["plain", "encrypted"],
)
def test_validation_of_one_mebibyte_is_near_its_floor(
    image: Callable[[], bytes], slot: str, config: Bl2Config, factor: int, benchmark: BenchmarkFixture
) -> None:
    validate = validation(image(), slot, config)
    benchmark(validate)
    measured, least = best(validate), best(floor())
    print(f"\n{measured * 1e3:.2f} ms = {measured / least:.2f} x the floor ({least * 1e3:.2f} ms)")
    assert measured < factor * least
