"""Images that the real imgtool signs here and now, with keys of every type, boot under their loaders."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType
from tfm_sim.bootloader.inspect import inspect_image
from tfm_sim.bootloader.keys import load_public_key, public_key_encoding, rotpk_hash
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, Ports
from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.interface.trace import Trace

MakePorts = Callable[..., Ports]

TYPES = {
    "rsa-2048": SignatureType.RSA_2048,
    "rsa-3072": SignatureType.RSA_3072,
    "ecdsa-p256": SignatureType.EC_P256,
    "ecdsa-p384": SignatureType.EC_P384,
    "ed25519": SignatureType.ED25519,
}
PAYLOAD = bytes(range(256)) * 3


def imgtool(*arguments: object) -> None:
    command = [sys.executable, "-m", "imgtool.main", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Signed:
    """A key of imgtool's making, and the images that it signed, by public key format."""

    key: Path
    images: dict[str, bytes]


@pytest.fixture(scope="module", params=TYPES)
def signed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SignatureType, Signed]:
    directory = tmp_path_factory.mktemp(request.param)
    key, payload = directory / "key.pem", directory / "payload.bin"
    payload.write_bytes(PAYLOAD)
    imgtool("keygen", "-t", request.param, "-k", key)
    images = {}
    for form in ("hash", "full"):
        output = directory / f"{form}.bin"
        imgtool(
            "sign", "-k", key, "--public-key-format", form, "--version", "7.8.9+10", "--header-size", 0x80,
            "--pad-header", "--slot-size", 0x2000, "--align", 4, "--security-counter", 6,
            "--boot-record", "SPE",
            payload, output,
        )  # fmt: skip
        images[form] = output.read_bytes()
    return TYPES[request.param], Signed(key, images)


def loader(signature_type: SignatureType, key: Path, form: str) -> Bl2Config:
    if form == "full":
        return Bl2Config(signature_type=signature_type, key_mode=KeyMode.HW_KEY, image_number=1)
    encoding = public_key_encoding(load_public_key(key))
    return Bl2Config(
        signature_type=signature_type, key_mode=KeyMode.KEYHASH, keys=(encoding,), image_number=1
    )


@pytest.mark.parametrize("form", ["hash", "full"])
def test_boots_under_the_loader_built_for_it(
    form: str, signed: tuple[SignatureType, Signed], make_ports: MakePorts
) -> None:
    signature_type, made = signed
    config = loader(signature_type, made.key, form)
    rotpks = {0: rotpk_hash(made.key, config.image_hash)}
    ports = make_ports({(0, PRIMARY): made.images[form]}, rotpks=rotpks)
    outcome = Bl2(ports, config, Trace()).run()
    assert outcome.images[0].version == ImageVersion(7, 8, 9, 10)
    assert ports.security_counter(0) == 6
    report = inspect_image(made.images[form])
    (digest,) = report.digests
    assert digest.matches and digest.algorithm is config.image_hash
    (entry,) = decode_area(ports.memory.read(*ports.shared_data))
    assert entry.data.endswith(digest.found), "the measurement that imgtool left as zeros"
    key_tlv = TlvType.PUBKEY if form == "full" else TlvType.KEYHASH
    assert [tlv.tlv.type for tlv in report.tlvs] == [
        TlvType.SEC_CNT, TlvType.BOOT_RECORD, config.image_hash.tlv, key_tlv, config.signature.tlv
    ]  # fmt: skip
    signer = rotpk_hash(made.key, config.image_hash)
    assert signer in entry.data, "the signer id is the key's hash"


@pytest.mark.parametrize("form", ["hash", "full"])
def test_is_refused_where_its_key_is_unknown_or_a_byte_differs(
    form: str, signed: tuple[SignatureType, Signed], make_ports: MakePorts
) -> None:
    signature_type, made = signed
    config = loader(signature_type, made.key, form)
    rotpk = rotpk_hash(made.key, config.image_hash)
    image = bytearray(made.images[form])
    with pytest.raises(BootRefused, match="signature: found"):
        wrong_form = made.images["full" if form == "hash" else "hash"]
        Bl2(make_ports({(0, PRIMARY): wrong_form}, rotpks={0: rotpk}), config, Trace()).run()
    image[0x100] ^= 0x10
    with pytest.raises(BootRefused, match="image hash: found"):
        Bl2(make_ports({(0, PRIMARY): bytes(image)}, rotpks={0: rotpk}), config, Trace()).run()
    image[0x100] ^= 0x10
    image[-1] ^= 0x01
    with pytest.raises(BootRefused, match="does not verify"):
        Bl2(make_ports({(0, PRIMARY): bytes(image)}, rotpks={0: rotpk}), config, Trace()).run()
