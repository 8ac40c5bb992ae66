"""STM_Provisioning: the firmware that a device runs in the factory, between boot and `finish:NNN`.

X-CUBE-MATTER's flow, with a middleware of our own for what ST leaves to third parties: the device makes its
DAC key pair, asks for a certificate over the serial line, puts the private key into a key store, and writes
certificates and public key to its factory data. The demonstration firmware has certificates and keys built in
instead, and asks nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ....interface.matter.provisioning_link import (
    INIT,
    START_PROVISIONING,
    TIME_LIMIT,
    LineReader,
    LinkError,
    LinkMessage,
    ProvisioningMode,
    ProvisioningStatus,
    TooLong,
    finish_line,
    is_message,
    message_line,
    read_message,
    read_mode,
)
from .boards import BoardSupport
from .certificate_request import (
    COMMON_NAME,
    MATTER_PRODUCT_ID,
    MATTER_VENDOR_ID,
    certificate_request,
)
from .dac_key_pair import DacKeyPair, verify
from .dac_key_store import DacKeyError, DacKeyStore
from .factory_flash import FactoryDataRefused, FactoryFlash, FactoryItem, FactoryUpdate
from .machine import NsMachine
from .serial_port import SerialPort

POLL: Final = 10_000
"""Microseconds between two looks at the serial port, whose line keeps for so long what has been sent."""
KEY_STORE_FAILED: Final = 5
"""A result of ours: the key store refused, or signs with another key. The PC has no message for it."""
_SECOND: Final = 1_000_000
_CHECK_MESSAGE: Final = b"STM_Provisioning"


@dataclass(frozen=True, slots=True)
class DevelopmentCredentials:
    """What the demonstration firmware has built in. NOT SECURE: every device gets the same key."""

    dac: bytes
    pai: bytes
    private_key: bytes
    public_key: bytes


class Failed(Exception):
    """Provisioning ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ProvisioningFirmware:
    """The program of one device. ``development`` makes it the demonstration firmware.

    ``stores`` are the key stores that the PC may choose from by its mode; without that ``store`` is taken.
    ``run`` is one provisioning, from `Init` to the result that was sent; call it again for another try.
    """

    def __init__(
        self,
        machine: NsMachine,
        board: BoardSupport,
        store: DacKeyStore,
        development: DevelopmentCredentials | None = None,
        stores: Mapping[ProvisioningMode, DacKeyStore] | None = None,
    ) -> None:
        self._machine = machine
        self._default = self._store = store
        self._stores = stores or {}
        self._development = development
        self._factory = FactoryFlash(machine.flash, board)
        self._port = SerialPort(machine.ns.cpu, board.usart, board.usart_clock)
        self._lines = LineReader()
        self._received: list[bytes] = []

    def run(self, init_limit: float | None = None) -> ProvisioningStatus:
        """Wait for `Init`, provision, send `finish:NNN`; the status that was sent.

        ``init_limit`` is in seconds of virtual time; without one the device waits for the PC for ever. Raises
        PowerCut, DevicePanic and SystemReset, as anything that runs on a device does.
        """
        status = int(ProvisioningStatus.DONE)
        try:
            self._synchronise(init_limit)
            if not self._is_provisioned():
                self._provision()
        except (Failed, FactoryDataRefused) as failed:
            status = int(failed.status)
        except DacKeyError:
            status = KEY_STORE_FAILED
        self._port.write(finish_line(status))
        return ProvisioningStatus(status)

    def _synchronise(self, limit: float | None) -> None:
        """STM32 link: `Start_provisioning` answers the first `Init`; what else arrives is noise."""
        deadline = None if limit is None else self._machine.now + int(limit * _SECOND)
        mode = None
        while (line := (self._next_line(deadline) or b"").strip()) != INIT.strip():
            mode = read_mode(line) or mode
        self._port.write(START_PROVISIONING)
        self._store = self._default
        if mode is not None and self._stores:
            if mode not in self._stores:
                raise Failed(ProvisioningStatus.PARAM_ERROR)
            self._store = self._stores[mode]

    def _is_provisioned(self) -> bool:
        """Whether an earlier run got all the way and only its report was lost."""
        dac, pai, public_key = map(self._factory.read, (FactoryItem.DAC, FactoryItem.PAI, FactoryItem.PUBLIC))
        if self._development is not None or not (dac and pai and public_key):
            return False
        try:
            signature = self._store.sign(_CHECK_MESSAGE, public_key)
        except DacKeyError:
            return False
        return verify(self._machine.ns, public_key, _CHECK_MESSAGE, signature)

    def _provision(self) -> None:
        # STM32 FACTORYDATA_Write: a device that has credentials gets no others; nobody is asked for some.
        update = self._factory.update()
        if self._development is not None:
            built_in = self._development
            self._keep(update, built_in.dac, built_in.pai, built_in.private_key, built_in.public_key)
            return
        names = self._names()
        pair = DacKeyPair(self._machine.ns)
        try:
            csr = certificate_request(names, pair.public_key, pair.sign)
            self._port.write(message_line(LinkMessage.CSR, csr))
            certificates = self._certificates(pair.public_key)
            dac, pai = certificates[LinkMessage.DAC], certificates[LinkMessage.PAI]
            self._keep(update, dac, pai, pair.export(), pair.public_key)
        finally:
            pair.destroy()

    def _names(self) -> list[tuple[tuple[int, ...], str]]:
        """The request's subject: serial number, vendor and product, from the factory data."""
        vendor_id, product_id = map(self._factory.read, (FactoryItem.VENDOR_ID, FactoryItem.PRODUCT_ID))
        if vendor_id is None or product_id is None:
            raise Failed(ProvisioningStatus.DATA_NOT_FOUND)
        # RFC 5280 ub-common-name: 64.
        serial = (self._factory.read(FactoryItem.SERIAL_NUMBER) or b"")[:64].decode(errors="ignore")
        names = [(COMMON_NAME, serial)] if serial else []
        numbers = ((MATTER_VENDOR_ID, vendor_id), (MATTER_PRODUCT_ID, product_id))
        return [*names, *((oid, f"{int.from_bytes(value, 'little'):04X}") for oid, value in numbers)]

    def _certificates(self, public_key: bytes) -> dict[LinkMessage, bytes]:
        """Both certificates, as soon as both have come."""
        found: dict[LinkMessage, bytes] = {}
        deadline = self._machine.now + int(TIME_LIMIT * _SECOND)
        while not {LinkMessage.DAC, LinkMessage.PAI} <= found.keys():
            line = self._next_line(deadline)
            if line is None:
                raise Failed(ProvisioningStatus.BUFFER_TOO_SMALL)
            if not is_message(line):
                continue
            try:
                name, der = read_message(line)
            except TooLong:
                raise Failed(ProvisioningStatus.BUFFER_TOO_SMALL) from None
            except LinkError:
                raise Failed(ProvisioningStatus.PARAM_ERROR) from None
            if name is LinkMessage.CSR or not der:
                raise Failed(ProvisioningStatus.PARAM_ERROR)
            found[name] = der
        # A certificate of another device's key would brick this one.
        if public_key not in found[LinkMessage.DAC]:
            raise Failed(ProvisioningStatus.PARAM_ERROR)
        return found

    def _keep(
        self, update: FactoryUpdate, dac: bytes, pai: bytes, private_key: bytes, public_key: bytes
    ) -> None:
        """The private key to its store, certificates and public key to flash; then see that they match.

        STM32 Set_Certificates: DAC, PAI, public key, private key; the flash is written when the store has
        the key. So a device whose power goes away in front of that can be asked again.
        """
        for item, found in ((FactoryItem.DAC, dac), (FactoryItem.PAI, pai), (FactoryItem.PUBLIC, public_key)):
            update.append(item, found)
        self._store.erase()
        for tag, value in self._store.store(private_key):
            update.append(tag, value)
        update.write()
        signature = self._store.sign(_CHECK_MESSAGE, public_key)
        if not verify(self._machine.ns, public_key, _CHECK_MESSAGE, signature):
            raise Failed(KEY_STORE_FAILED)

    def _next_line(self, deadline: int | None) -> bytes | None:
        """The next line from the PC, None for one that is too long. Fails at ``deadline`` (microseconds)."""
        while not self._received:
            dropped = self._lines.dropped
            self._received += self._lines.feed(self._port.read())
            if self._lines.dropped != dropped:
                return None
            if self._received:
                break
            if deadline is not None and self._machine.now >= deadline:
                raise Failed(ProvisioningStatus.NOT_INIT)
            self._machine.wait(POLL)
        return self._received.pop(0)
