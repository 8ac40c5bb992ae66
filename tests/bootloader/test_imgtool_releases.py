"""Images signed by released versions of imgtool, recorded (tests/data/imgtool/make.sh), boot here."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.upgrade_bench import MakePorts, boot, upgrade

from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType
from tfm_sim.bootloader.encryption_key import load_encryption_key
from tfm_sim.bootloader.inspect import inspect_image
from tfm_sim.bootloader.keys import load_public_key, public_key_encoding, rotpk_hash
from tfm_sim.bootloader.ports import PRIMARY
from tfm_sim.interface.mcuboot.image import ImageVersion

DATA = Path(__file__).parent.parent / "data" / "imgtool"
KEYS = DATA.parent / "recordings" / "mcuboot"
VERSIONS = ("1.7.2", "1.8.0", "1.9.0", "1.10.0", "2.0.0", "2.1.0", "2.2.0", "2.5.0")
PLAIN = {
    "p256": ("key_p256", SignatureType.EC_P256),
    "rsa2048": ("key_rsa2048", SignatureType.RSA_2048),
    "ed25519": ("key_ed25519", SignatureType.ED25519),
}
ENCRYPTED = {
    "enc_p256": ("key_p256", SignatureType.EC_P256),
    "enc_rsa2048": ("key_rsa2048", SignatureType.RSA_2048),
}
PAYLOAD = (DATA / "payload.bin").read_bytes()


def loader(key: str, signature_type: SignatureType, *, whole: bool, record: bool) -> Bl2Config:
    encoding = public_key_encoding(load_public_key(KEYS / f"{key}_pub.pem"))
    return Bl2Config(
        signature_type=signature_type,
        key_mode=KeyMode.HW_KEY if whole else KeyMode.KEYHASH,
        keys=() if whole else (encoding,),
        image_number=1,
        measured_boot=record,
    )


def test_every_version_is_there() -> None:
    images = {f"{version}_{kind}.bin" for version in VERSIONS for kind in (*PLAIN, *ENCRYPTED)}
    assert {file.name for file in DATA.glob("*_*.bin")} == images


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", PLAIN)
def test_plain_images_boot(version: str, kind: str, make_ports: MakePorts) -> None:
    key, signature_type = PLAIN[kind]
    config = loader(key, signature_type, whole=kind == "rsa2048", record=kind != "ed25519")
    image = (DATA / f"{version}_{kind}.bin").read_bytes()
    ports = make_ports({(0, PRIMARY): image}, rotpks={0: rotpk_hash(KEYS / f"{key}_pub.pem")})
    done = boot(ports, config)
    assert (done.booted, done.refusals) == (True, [])
    assert ports.security_counter(0) == 5
    assert inspect_image(image).header.version == ImageVersion(1, 2, 3, 4)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ENCRYPTED)
def test_encrypted_images_upgrade(version: str, kind: str, make_ports: MakePorts) -> None:
    key, signature_type = ENCRYPTED[kind]
    encryption, wrapped_for = load_encryption_key(KEYS / f"key_{kind}.pem")
    config = loader(key, signature_type, whole=False, record=kind == "enc_p256")
    image = (DATA / f"{version}_{kind}.bin").read_bytes()
    done = upgrade(make_ports, image, replace(config, encryption=encryption, encryption_key=wrapped_for))
    assert (done.booted, done.refusals) == (True, [])
    assert done.primary[0x80:].startswith(PAYLOAD)
    assert upgrade(make_ports, image, config).refusals[0].startswith("flags: ENCRYPTED_AES128")
