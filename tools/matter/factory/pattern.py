"""Factory data of a demo device, as a pattern. NOT SECURE: passcode and salt are known to all."""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ....interface.matter.factory_data import FactoryData, FactoryDataTag, number_value

VENDOR_ID: Final = 0xFFF1
PRODUCT_ID: Final = 0x8004
PASSCODE: Final = 20202021
DISCRIMINATOR: Final = 0xF00
ITERATIONS: Final = 1000
SALT: Final = b"SPAKE2P Key Salt"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF: Final = 40


def spake2p_verifier(passcode: int, salt: bytes, iterations: int) -> bytes:
    """What a device keeps of its passcode: w0, 32 bytes big-endian, and the point L, 65 bytes.

    Matter 1.4 3.10: w0 and w1 are 40 bytes each of PBKDF2 over the passcode, 4 bytes little-endian, modulo
    the order of P-256; L is w1 times the generator.
    """
    derived = hashlib.pbkdf2_hmac("sha256", passcode.to_bytes(4, "little"), salt, iterations, 2 * _HALF)
    w0, w1 = (int.from_bytes(half, "big") % _ORDER for half in (derived[:_HALF], derived[_HALF:]))
    point = ec.derive_private_key(w1, ec.SECP256R1()).public_key()
    return w0.to_bytes(32, "big") + point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def demo_factory_data(
    serial_number: str = "SN-0001",
    *,
    passcode: int = PASSCODE,
    discriminator: int = DISCRIMINATOR,
    vendor_id: int = VENDOR_ID,
    product_id: int = PRODUCT_ID,
) -> FactoryData:
    """All that a device needs ahead of provisioning but its certification declaration, which a vendor signs.

    Raises FactoryDataError for numbers that do not fit.
    """
    tag = FactoryDataTag
    numbers = {
        tag.SETUP_DISCRIMINATOR: discriminator,
        tag.SPAKE2_ITERATION_COUNT: ITERATIONS,
        tag.SPAKE2_SETUP_PASSCODE: passcode,
        tag.VENDOR_ID: vendor_id,
        tag.PRODUCT_ID: product_id,
        tag.HARDWARE_VERSION: 1,
    }
    values = {name: number_value(name, number) for name, number in numbers.items()}
    return FactoryData(
        {
            **values,
            tag.SPAKE2_SALT: SALT,
            tag.SPAKE2_VERIFIER: spake2p_verifier(passcode, SALT, ITERATIONS),
            tag.VENDOR_NAME: b"tfm-sim (NOT SECURE)",
            tag.PRODUCT_NAME: b"Demo lamp",
            tag.SERIAL_NUMBER: serial_number.encode(),
            tag.MANUFACTURING_DATE: b"2025-01-01",
            tag.HARDWARE_VERSION_STRING: b"1.0",
        }
    )
