"""What a factory of development devices starts from. NOT SECURE: everything in here can be made again.

The values are those of the CHIP SDK's test data: vendor 0xFFF1, product 0x8004, passcode 20202021,
discriminator 0xF00, and for every further device a passcode and a discriminator of its own.
"""

import hashlib
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ....interface.matter.factory_data import FactoryData, FactoryDataTag, number_value
from ..firmware.provisioning import DevelopmentCredentials
from ..pki.authority import derive_key
from ..pki.certification_declaration import Declaration, DeclarationSigner
from ..pki.names import TEST_PRODUCT, Product
from ..pki.server import PkiServer
from .factory_file import TRIVIAL_PASSCODES

TEST_PASSCODE: Final = 20202021
TEST_DISCRIMINATOR: Final = 0xF00
ITERATIONS: Final = 1000
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_WS_SIZE: Final = 40
_PASSCODES: Final = 99_999_998


NOT_SECURE: Final = "NOT SECURE: factory data for tests, with passcodes that anyone can repeat"


def development_data(
    number: int = 1,
    *,
    seed: int = 0,
    product: Product = TEST_PRODUCT,
    signer: DeclarationSigner | None = None,
) -> FactoryData:
    """The factory data of device ``number``, from 1 on, as far as it is known before provisioning.

    ``signer`` None signs the certification declaration with the Matter specification's test key.

    Matter 1.4 5.1.7: a passcode is one device's. That of device 1 is the SDK's for tests.
    """
    passcode = TEST_PASSCODE if number == 1 else _passcode(seed, number)
    discriminator = TEST_DISCRIMINATOR if number == 1 else int.from_bytes(_random(seed, number, "d")[:2]) >> 4
    salt = b"SPAKE2P Key Salt" if number == 1 else _random(seed, number, "salt")[:16]
    T = FactoryDataTag
    numbers = {
        T.VENDOR_ID: product.vendor_id,
        T.PRODUCT_ID: product.product_id,
        T.HARDWARE_VERSION: 1,
        T.SETUP_DISCRIMINATOR: discriminator,
        T.SPAKE2_ITERATION_COUNT: ITERATIONS,
        T.SPAKE2_SETUP_PASSCODE: passcode,
    }
    return FactoryData(
        {
            T.CERTIFICATION_DECLARATION: (signer or DeclarationSigner.test()).sign(Declaration.of(product)),
            T.SPAKE2_SALT: salt,
            T.SPAKE2_VERIFIER: setup_verifier(passcode, salt, ITERATIONS),
            T.VENDOR_NAME: b"tfm-sim",
            T.PRODUCT_NAME: b"Light",
            T.SERIAL_NUMBER: f"TFM-SIM-{number:04}".encode(),
            T.HARDWARE_VERSION_STRING: b"1.0",
            **{tag: number_value(tag, value) for tag, value in numbers.items()},
        }
    )


def setup_verifier(passcode: int, salt: bytes, iterations: int) -> bytes:
    """Matter 1.4 3.10: w0, 32 bytes, and the point L, 65, of a passcode, as a device keeps them."""
    secret = passcode.to_bytes(4, "little")
    ws = hashlib.pbkdf2_hmac("sha256", secret, salt, iterations, 2 * _WS_SIZE)
    w0, w1 = (int.from_bytes(half) % _ORDER for half in (ws[:_WS_SIZE], ws[_WS_SIZE:]))
    point = ec.derive_private_key(w1, ec.SECP256R1()).public_key()
    return w0.to_bytes(32) + point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def development_credentials(
    pki: PkiServer, product: Product = TEST_PRODUCT, seed: int = 0
) -> DevelopmentCredentials:
    """What the demonstration firmware has built in: one key for all devices, and its certificates.

    ``pki`` signs them, once. Raises CsrRefused for a product that it has no PAI for, and the second time.
    """
    key = derive_key(seed, "development DAC")
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, SHA256())
    certificates = pki.certify(request.public_bytes(Encoding.DER), product)
    return DevelopmentCredentials(
        certificates.dac,
        certificates.pai,
        key.private_numbers().private_value.to_bytes(32),
        key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    )


def _passcode(seed: int, number: int) -> int:
    """One that Matter allows (Matter 1.4 5.1.7.1)."""
    for attempt in range(100):
        passcode = int.from_bytes(_random(seed, number, f"passcode {attempt}")[:8]) % _PASSCODES + 1
        if passcode not in TRIVIAL_PASSCODES:
            return passcode
    raise AssertionError("a hundred passcodes in a row are among ten")


def _random(seed: int, number: int, what: str) -> bytes:
    return hashlib.sha256(f"tfm-sim Matter {seed} {number} {what}".encode()).digest()
