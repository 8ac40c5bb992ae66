"""PROPERTY: no single flipped bit of a signed image gets past BL2, but where the format ignores the byte."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.image_builder import P256, ImageParts

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType
from tfm_sim.bootloader.inspect import inspect_image
from tfm_sim.bootloader.keys import key_hash, load_public_key, public_key_encoding
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, Ports
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.trace import Trace
from tfm_sim.platform.provisioning import DUMMY_ROTPKS
from tfm_sim.tools.demo_firmware import SECURE_IMAGE

MakePorts = Callable[..., Ports]


def boots(ports: Ports, config: Bl2Config) -> bool:
    try:
        Bl2(ports, config, Trace()).run()
    except BootRefused:
        return False
    return True


def flips_that_boot(ports: Ports, config: Bl2Config, bits: Iterator[int] | range) -> set[int]:
    """Numbers (8 x offset in the primary slot + bit) of those bits that may be flipped."""
    assert boots(ports, config), "the image is good as it stands"
    area = ports.slot(0, PRIMARY).area
    cells = area.flash.cells
    found = set()
    for bit in bits:
        at, mask = area.offset + bit // 8, 1 << bit % 8
        cells[at] ^= mask
        if boots(ports, config):
            found.add(bit)
        cells[at] ^= mask
    return found


def bits_of(start: int, end: int) -> set[int]:
    return set(range(8 * start, 8 * end))


# In the images that imgtool makes there is no such byte. The digest covers header (padding too), payload and
# protected TLVs; the unprotected area holds the hash (compared whole), KEYHASH or PUBKEY (compared whole),
# and a DER signature that fills its TLV; types and lengths of these are needed to find them. DER is read
# strictly here: TF-M's glue to PSA Crypto skips the tags and leading zeros of the two integers unseen.
IGNORED_IN_IMGTOOL_IMAGES: set[int] = set()


def test_every_bit_of_a_small_image(
    make_ports: MakePorts, mcuboot_data: Path, oracle_config: Bl2Config
) -> None:
    image = (mcuboot_data / "good_p256.bin").read_bytes()
    assert len(image) == 1386
    ports = make_ports({(0, PRIMARY): image})
    assert flips_that_boot(ports, oracle_config, range(8 * len(image))) == IGNORED_IN_IMGTOOL_IMAGES


@pytest.mark.parametrize(
    ("file", "key", "signature_type"),
    [
        ("good_p384.bin", "key_p384_pub.pem", SignatureType.EC_P384),
        ("good_ed25519.bin", "key_ed25519_pub.pem", SignatureType.ED25519),
        ("good_rsa2048.bin", "key_rsa2048_pub.pem", SignatureType.RSA_2048),
    ],
)
def test_every_bit_of_the_header_and_the_tlvs(
    file: str, key: str, signature_type: SignatureType, make_ports: MakePorts, mcuboot_data: Path
) -> None:
    image = (mcuboot_data / file).read_bytes()
    encoding = public_key_encoding(load_public_key(mcuboot_data / key))
    config = Bl2Config(
        signature_type=signature_type, key_mode=KeyMode.KEYHASH, keys=(encoding,), image_number=1
    )
    areas = inspect_image(image).areas
    assert areas is not None
    bits = bits_of(0, 32) | bits_of(areas.start, areas.end)
    assert areas.end == len(image)
    assert flips_that_boot(make_ports({(0, PRIMARY): image}), config, iter(bits)) == IGNORED_IN_IMGTOOL_IMAGES


def test_every_bit_of_the_tlvs_of_the_demo_image_with_its_whole_key(make_ports: MakePorts) -> None:
    image = SECURE_IMAGE.read_bytes()
    areas = inspect_image(image).areas
    assert areas is not None and areas.end == len(image)
    ports = make_ports({(0, PRIMARY): image}, rotpks={0: DUMMY_ROTPKS["EC-P256"][0]}, counter=1)
    bits = bits_of(0, 32) | bits_of(areas.start, areas.end) | set(range(8 * 32, 8 * areas.start, 41))
    assert flips_that_boot(ports, Bl2Config(image_number=1), iter(bits)) == IGNORED_IN_IMGTOOL_IMAGES


def test_the_bytes_that_the_format_ignores(make_ports: MakePorts) -> None:
    """Each of them is in the unprotected area, and what it says is nothing that this loader asks for."""
    parts = ImageParts()
    digest, keyhash, (type_, signature) = P256.tlvs(parts)
    entries = [
        digest,
        (TlvType.SHA384.value, b"\x33" * 48),
        (0x00A0, b"vendor's own"),
        keyhash,
        (type_, signature + bytes(3)),
    ]
    image = parts.with_tlvs(entries)
    tlvs = [report.tlv for report in inspect_image(image).tlvs if not report.tlv.protected]
    _, other_hash, vendor, _, padded = tlvs
    ignored = {
        # MCUboot bootutil_img_validate: the digest algorithm is one a build; a TLV of another is no check.
        "payload of a hash TLV of another algorithm": bits_of(other_hash.offset, vendor.offset - 4),
        "payload of a TLV of unknown type": bits_of(vendor.offset, vendor.offset + vendor.length),
        # No single flip makes SHA256, KEYHASH, ECDSA_SIG or SEC_CNT of 0x00a0.
        "type of an unknown TLV": bits_of(vendor.offset - 4, vendor.offset - 2),
        # Bytes of old imgtool --pad-sig.
        "bytes behind the DER signature": bits_of(
            padded.offset + len(signature), padded.offset + padded.length
        ),
        # SHA384 is 0x11: bit 0 makes it SHA256 and bit 4 KEYHASH, which both have 32 bytes and not 48.
        "type of a hash TLV of another algorithm": bits_of(other_hash.offset - 4, other_hash.offset - 2)
        - {8 * (other_hash.offset - 4) + bit for bit in (0, 4)},
    }
    found = flips_that_boot(make_ports({(0, PRIMARY): image}), P256.config(), range(8 * len(image)))
    named = set[int]().union(*ignored.values())
    assert found - named == set(), "a flip that no rule of the format excuses"
    assert named - found == set(), "a byte that the format ignores, and BL2 does not"


def test_flash_behind_the_image_is_no_part_of_it(
    make_ports: MakePorts, mcuboot_data: Path, oracle_config: Bl2Config
) -> None:
    image = (mcuboot_data / "good_p256.bin").read_bytes()
    ports = make_ports({(0, PRIMARY): image})
    size = ports.slot(0, PRIMARY).area.size
    bits = (
        bits_of(len(image), len(image) + 16)
        | set(range(8 * len(image), 8 * size, 97))
        | bits_of(size - 64, size)
    )
    assert flips_that_boot(ports, oracle_config, iter(bits)) == bits


def test_a_key_hash_in_otp_is_compared_whole(make_ports: MakePorts) -> None:
    parts = ImageParts()
    image = parts.with_tlvs([P256.hash_tlv(parts), P256.pubkey_tlv(), P256.signature_tlv(parts)])
    rotpk = key_hash(P256.encoding)
    config = Bl2Config(image_number=1)
    assert boots(make_ports({(0, PRIMARY): image}, rotpks={0: rotpk}), config)
    for bit in range(256):
        wrong = bytearray(rotpk)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not boots(make_ports({(0, PRIMARY): image}, rotpks={0: bytes(wrong)}), config)
