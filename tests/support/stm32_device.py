"""An STM32U385 with wrapped authentication keys, made in a factory of the tests' own."""

from collections.abc import Sequence
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tfm_sim import Build, Device, bl2_config_for, load_board, with_key_wrap_engine
from tfm_sim.interface.stm32.dua_certificate import CertId
from tfm_sim.interface.trace import Listener
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.platform.stm32_factory import DuaRequest, manufacture
from tfm_sim.spm.config import SpmConfig
from tfm_sim.tools.demo_firmware import flash_demo_firmware

BOARD = "nucleo_u385rg_q"
SECRETS = "chip_secrets"


@cache
def authority() -> ec.EllipticCurvePrivateKey:
    """The key of the tests' issuer (NOT SECURE)."""
    return ec.derive_private_key(0x5EC2E7, ec.SECP256R1())


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    head = (
        bytes((size,))
        if size < 0x80
        else bytes((0x81, size))
        if size < 0x100
        else b"\x82" + size.to_bytes(2, "big")
    )
    return bytes((tag,)) + head + content


def signed(tbs: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate of a TBSCertificate."""
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return der(0x30, tbs, algorithm, der(0x03, b"\0", signature))


def issue(request: DuaRequest) -> bytes:
    return signed(request.tbs, authority())


def make_hardware(seed: int = 0) -> Hardware:
    """A chip that has just left the silicon's maker, without a device around it."""
    return Hardware(load_board(BOARD), DUMMY, seed)


def make_device(
    seed: int = 0,
    dua_key: CertId | None = CertId.DUA_USER_LU,
    spm: SpmConfig | None = None,
    listeners: Sequence[Listener] = (),
) -> Device:
    """From the factory, with the demo firmware in its slots, off."""
    build = Build(bl2=bl2_config_for(load_board(BOARD)), spm=spm or SpmConfig())
    device = Device(BOARD, build=with_key_wrap_engine(build, dua_key), seed=seed, listeners=listeners)
    manufacture(device.hardware, issue)
    flash_demo_firmware(device)
    return device


def private_keys(hardware: Hardware) -> dict[CertId, bytes]:
    """What nobody should ever see, read from the cells of the chip."""
    cells = hardware.flash[SECRETS].cells
    return {CertId.DUA_USER_FU: bytes(cells[0x20:0x40]), CertId.DUA_USER_LU: bytes(cells[0x40:0x60])}
