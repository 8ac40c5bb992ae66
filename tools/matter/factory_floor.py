"""A factory in one process: a device that comes off it has factory data, certificates and a DAC key.

The PC at the other end of the serial line is a few lines here; the real provisioning script, over a
pseudo-terminal, is `factory/provisioning_script.py`. Firmware and device are the same.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ...device import Device
from ...interface.errors import TfmSimError
from ...interface.matter import provisioning_link as link
from ...interface.matter.factory_data import FactoryData, FactoryDataTag
from ...interface.trace import Listener
from ..demo_firmware import boot
from .device_machine import DeviceMachine, MatterPlatform, serial_port
from .factory.development import TEST_PASSCODE, development_data
from .firmware.matter_app import MatterApp
from .firmware.provisioning import ProvisioningFirmware
from .pki.certification_declaration import Declaration, DeclarationSigner
from .pki.names import TEST_PRODUCT, Product
from .pki.server import PkiServer

PASSCODE: Final = TEST_PASSCODE
"""What device 1 has. NOT SECURE: it is that of the CHIP SDK's examples."""


class FactoryError(TfmSimError):
    """A device that cannot be made: what failed, and with which result."""


def factory_data(signer: DeclarationSigner, product: Product = TEST_PRODUCT) -> FactoryData:
    """What a factory writes before a device is provisioned, its certification declaration by ``signer``."""
    declaration = signer.sign(Declaration.of(product))
    return development_data(product=product).with_values(
        {FactoryDataTag.CERTIFICATION_DECLARATION: declaration}
    )


class FactoryFloor:
    """One device on its way: booted, and with the programming PC plugged in.

    ``lines`` is what the device said over its serial port. Use it in a ``with`` statement.
    """

    def __init__(
        self,
        platform: MatterPlatform,
        pki: PkiServer,
        *,
        product: Product = TEST_PRODUCT,
        seed: int = 0,
        isolation_level: int = 1,
        state: str | Path | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.platform = platform
        self.pki = pki
        self.product = product
        self.lines: list[bytes] = []
        build = platform.build(isolation_level=isolation_level)
        self.device: Device = boot(platform.board, build=build, seed=seed, state=state, listeners=listeners)
        self.machine = DeviceMachine(self.device)
        self._reader = link.LineReader()

    def __enter__(self) -> "FactoryFloor":
        return self

    def __exit__(self, *_: object) -> None:
        self.device.power_off()

    def write(self, data: FactoryData) -> None:
        """Factory data to their address, as a programmer does it over JTAG."""
        flash, place = self.device.ns_flash, self.platform.support
        image = data.encode()
        image += b"\xff" * (-len(image) % flash.write_size(place.factory_data))
        with self.device.hardware.power.programmer():
            flash.erase(place.factory_data, place.factory_data_size)
            flash.program(place.factory_data, image)

    def read(self) -> FactoryData:
        """The factory data as they are in flash."""
        place = self.platform.support
        return FactoryData.decode(self.device.ns_flash.read(place.factory_data, place.factory_data_size))

    def provision(self) -> link.ProvisioningStatus:
        """The provisioning firmware from `Init` to `finish:NNN`. Raises FactoryError for all but 000."""
        usart = serial_port(self.device)
        usart.on_output = self._hear
        try:
            store = self.platform.key_store(self.machine)
            firmware = ProvisioningFirmware(self.machine, self.platform.support, store)
            usart.feed(link.INIT)
            status = firmware.run(init_limit=link.TIME_LIMIT)
        finally:
            usart.on_output = None
        if status is not link.ProvisioningStatus.DONE:
            raise FactoryError(f"provisioning ended with {int(status):03d}, {status.message}; legal: 000")
        return status

    def application(self) -> MatterApp:
        """The operational firmware, after a reset as a new program needs it."""
        self.device.reset()
        return MatterApp(self.machine, self.platform.support, self.platform.key_store(self.machine))

    def _hear(self, data: bytes) -> None:
        for line in self._reader.feed(data):
            self.lines.append(line)
            if link.is_message(line):
                _, csr = link.read_message(line)
                certificates = self.pki.certify(csr, self.product)
                answer = link.message_line(link.LinkMessage.PAI, certificates.pai)
                answer += link.message_line(link.LinkMessage.DAC, certificates.dac)
                serial_port(self.device).feed(answer)
