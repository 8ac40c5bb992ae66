"""Factory data of a device that nobody makes: JSON with and without credentials. NOT SECURE."""

import json
from pathlib import Path
from typing import Any, Final

PROVISIONING: Final[dict[str, Any]] = {
    "VENDOR_NAME": "Nobody",
    "VENDOR_ID": "0xFFF1",
    "PRODUCT_NAME": "Lamp",
    "PRODUCT_ID": "0x8004",
    "SERIAL_NUMBER": "SN-1",
    "HARDWARE_VERSION": "1",
    "HARDWARE_VERSION_STRING": "one",
    "SPAKE2_ITERATION_COUNT": "1000",
    "SPAKE2_SETUP_PASSCODE": "20202021",
    "SETUP_DISCRIMINATOR": "0xF00",
    "SPAKE2_SALT": [f"0x{n:02x}" for n in range(16)],
    "SPAKE2_VERIFIER": [f"0x{n:02x}" for n in range(97)],
    "CERTIFICATION_DECLARATION": ["0x30", "0x00"],
}
FULL: Final[dict[str, Any]] = {
    **PROVISIONING,
    "DEVICE_ATTESTATION_CERTIFICATE": ["0x30", "0x03"],
    "PAI_CERTIFICATE": ["0x30", "0x04"],
    "DEVICE_ATTESTATION_PRIV_KEY": ["0x05"] * 32,
    "DEVICE_ATTESTATION_PUB_KEY": ["0x04"] * 65,
}


def write_files(directory: Path) -> None:
    """Both as JSON, and files for everything else that an option of the tool names."""
    (directory / "full.json").write_text(json.dumps(FULL))
    (directory / "provisioning.json").write_text(json.dumps(PROVISIONING))
    for name in ("app.bin", "provisioning_fw.bin", "coprocessor.bin"):
        (directory / name).write_bytes(name.encode() * 8)
    (directory / "magic.bin").write_bytes(bytes.fromhex("77c295f360d2ef7f3552500f2cb67980"))
    (directory / "script.py").write_text("")
