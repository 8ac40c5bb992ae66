"""A device in the factory: its board with factory data, the provisioning firmware, and a PC that answers."""

from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tfm_sim import Build, Device
from tfm_sim.interface.matter import provisioning_link as link
from tfm_sim.interface.matter.factory_data import FactoryData, FactoryDataTag, number_value
from tfm_sim.tools.demo_firmware import boot
from tfm_sim.tools.matter.device_machine import DeviceMachine, MatterPlatform, serial_port
from tfm_sim.tools.matter.firmware.dac_key_store import DacKeyStore, Entries
from tfm_sim.tools.matter.firmware.provisioning import DevelopmentCredentials, ProvisioningFirmware
from tfm_sim.tools.matter.pki.server import DeviceCertificates, PkiServer

Tag = FactoryDataTag
BEFORE_PROVISIONING: Final = FactoryData(
    {
        Tag.VENDOR_ID: number_value(Tag.VENDOR_ID, 0xFFF1),
        Tag.PRODUCT_ID: number_value(Tag.PRODUCT_ID, 0x8004),
        Tag.SERIAL_NUMBER: b"STM32-0001",
        Tag.SETUP_DISCRIMINATOR: number_value(Tag.SETUP_DISCRIMINATOR, 0xF00),
    }
)
"""What genFactoryData writes before a device is provisioned."""

Answer = Callable[[bytes], bytes]
"""What the PC sends when it has got a CSR."""


class WatchedStore:
    """A key store that notes the private keys that it is given: for tests that look for them elsewhere."""

    def __init__(self, store: DacKeyStore) -> None:
        self._store = store
        self.private_keys: list[bytes] = []

    def store(self, private_key: bytes) -> Entries:
        self.private_keys.append(private_key)
        return self._store.store(private_key)

    def sign(self, message: bytes, public_key: bytes) -> bytes:
        return self._store.sign(message, public_key)

    def erase(self) -> None:
        self._store.erase()


class Factory:
    """A device of a platform with its factory data written, and the PC at its serial port.

    ``lines`` is what the device has sent; ``csrs`` the requests among it.
    """

    def __init__(
        self,
        platform: MatterPlatform,
        *,
        data: FactoryData | bytes = BEFORE_PROVISIONING,
        isolation_level: int = 1,
        seed: int = 1,
        answer: Answer | None = None,
        build: Build | None = None,
    ) -> None:
        self.platform = platform
        build = build or platform.build(isolation_level=isolation_level)
        self.device: Device = boot(platform.board, build=build, seed=seed)
        self.machine = DeviceMachine(self.device)
        self.pki = PkiServer.development()
        self.answer = answer or self.both_certificates
        self.lines: list[bytes] = []
        self.csrs: list[bytes] = []
        self._reader = link.LineReader()
        self.write_factory_data(data)
        self.join()

    def join(self) -> None:
        """Plug the PC in."""
        self.usart = serial_port(self.device)
        self.usart.on_output = self._hear
        self.store = WatchedStore(self.platform.key_store(self.machine))

    def write_factory_data(self, data: FactoryData | bytes) -> None:
        """As a programmer does, over JTAG."""
        flash, place = self.device.ns_flash, self.platform.support
        image = data if isinstance(data, bytes) else data.encode()
        image += b"\xff" * (-len(image) % flash.write_size(place.factory_data))
        with self.device.hardware.power.programmer():
            flash.erase(place.factory_data, place.factory_data_size)
            flash.program(place.factory_data, image)

    def factory_data(self) -> FactoryData:
        place = self.platform.support
        return FactoryData.decode(self.device.ns_flash.read(place.factory_data, place.factory_data_size))

    def provision(
        self, typed: bytes = link.INIT, development: DevelopmentCredentials | None = None
    ) -> link.ProvisioningStatus:
        """One run of the firmware, `Init` typed beforehand."""
        firmware = ProvisioningFirmware(self.machine, self.platform.support, self.store, development)
        self.usart.feed(typed)
        return firmware.run(init_limit=link.TIME_LIMIT)

    def both_certificates(self, csr: bytes) -> bytes:
        certificates = self.certify(csr)
        return pai_line(certificates.pai) + dac_line(certificates.dac)

    def certify(self, csr: bytes) -> DeviceCertificates:
        return self.pki.certify(csr)

    def flash_image(self) -> bytes:
        """Every byte of every flash device."""
        return b"".join(bytes(flash.cells) for flash in self.device.hardware.flash.values())

    def _hear(self, data: bytes) -> None:
        for line in self._reader.feed(data):
            self.lines.append(line)
            if link.is_message(line):
                _, csr = link.read_message(line)
                self.csrs.append(csr)
                self.usart.feed(self.answer(csr))


def pai_line(der: bytes) -> bytes:
    return link.message_line(link.LinkMessage.PAI, der)


def dac_line(der: bytes) -> bytes:
    return link.message_line(link.LinkMessage.DAC, der)


def verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether r and s are a signature of the key (by `cryptography`). Raises InvalidSignature."""
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    return True


def point_in(certificate: bytes) -> bytes:
    """The public key of a DER certificate, 65 bytes."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
