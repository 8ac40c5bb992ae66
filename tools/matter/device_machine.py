"""A device as its non-secure programs have it, and the builds and key stores of ST's Matter platforms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from ...device import Device
from ...firmware_build import Build, bl1_config_for, bl2_config_for, its_config_for, ps_config_for
from ...interface.errors import TfmSimError
from ...interface.matter.provisioning_link import ProvisioningMode
from ...partitions.cks.config import CksConfig
from ...partitions.crypto.config import CryptoConfig
from ...partitions.internal_trusted_storage.config import ItsConfig
from ...platform.board import Board, load_board
from ...platform.stm32_usart import Stm32Usart
from ...spm.config import SpmConfig
from .firmware.boards import NUCLEO_U575ZI_Q, STM32WB5MM_DK, STM32WBA65I_DK1, BoardSupport
from .firmware.cks_key_store import CksKeyStore
from .firmware.dac_key_store import DacKeyStore
from .firmware.factory_flash import FactoryFlash
from .firmware.flash_key_store import FlashKeyStore
from .firmware.its_key_store import ItsKeyStore
from .firmware.machine import NsDoor, NsFlash, NsMachine

SERIAL_PORT: Final = "USART1"
"""The peripheral behind the on-board ST-LINK's serial port, on all three boards."""
CKS_ASSETS: Final = 50
"""What internal trusted storage of STM32WB5MM-DK has room for, CKS's keys among them."""


class PlatformError(TfmSimError):
    """A platform, security level and mode that do not go together."""


class DacKeyPlace(Enum):
    """Where a platform keeps the DAC private key."""

    FLASH = "flash"
    ITS = "its"
    CKS = "cks"

    @property
    def text(self) -> str:
        """What ST calls it."""
        return "flash" if self is DacKeyPlace.FLASH else self.name


@dataclass(frozen=True, slots=True)
class MatterPlatform:
    """One of ST's Matter platforms at one security level: the model's board, and what programs know of it."""

    board: str
    support: BoardSupport
    key_place: DacKeyPlace

    def build(self, board: Board | None = None, *, isolation_level: int = 1) -> Build:
        """The firmware of its secure side. ``board`` is this platform's, if it is loaded already."""
        board = board or load_board(self.board)
        build = Build(
            bl2=bl2_config_for(board),
            bl1=bl1_config_for(board),
            its=its_config_for(board),
            ps=ps_config_for(board),
            crypto=CryptoConfig(open_close_key=True),  # ST's TF-M has psa_open_key
            spm=SpmConfig(isolation_level=isolation_level),
        )
        # The key lies in flash all the same: encrypted, so that reading the flash does not give it away.
        if self.key_place is DacKeyPlace.ITS:
            return replace(build, its=ItsConfig(encryption=True))
        if self.key_place is DacKeyPlace.CKS:
            return replace(
                build, its=ItsConfig(encryption=True, num_assets=CKS_ASSETS), cks=CksConfig(CKS_ASSETS - 10)
            )
        return build

    def key_stores(self, machine: NsMachine) -> dict[ProvisioningMode, DacKeyStore]:
        """What the provisioning firmware of an STM32WB55 chooses from by the PC's mode; {} elsewhere."""
        if self.support is not STM32WB5MM_DK:
            return {}
        stores = {ProvisioningMode.TEST: replace(self, key_place=DacKeyPlace.FLASH).key_store(machine)}
        if self.key_place is DacKeyPlace.CKS:
            stores[ProvisioningMode.PRODUCTION] = self.key_store(machine)
        return stores

    def key_store(self, machine: NsMachine) -> DacKeyStore:
        """The store as this platform's programs have it linked in."""
        if self.key_place is DacKeyPlace.ITS:
            return ItsKeyStore(machine.ns)
        if self.key_place is DacKeyPlace.CKS:
            return CksKeyStore(machine.ns)
        return FlashKeyStore(machine.ns, FactoryFlash(machine.flash, self.support))


def matter_platform(platform: str, security: int = 0, mode: str = "production") -> MatterPlatform:
    """``platform`` is wba, u5 or wb55, ``security`` genFactoryData's level, ``mode`` the WB55's test or
    production. Raises PlatformError for what ST does not have.

    X-CUBE-MATTER: level 0 has no boot loader, 1 OEMiROT, 2 OEMiROT and TF-M, which only STM32WBA6 has. The
    key is in ITS at level 2, in CKS on an STM32WB55 in production mode, else in flash.
    """
    boards: dict[tuple[str, int], tuple[str, BoardSupport]] = {
        ("wba", 0): ("stm32wba65i_dk1_open", STM32WBA65I_DK1),
        ("wba", 1): ("stm32wba65i_dk1_oemirot", STM32WBA65I_DK1),
        ("wba", 2): ("stm32wba65i_dk1", STM32WBA65I_DK1),
        ("u5", 1): ("nucleo_u575zi_q", NUCLEO_U575ZI_Q),
        ("wb55", 0): ("stm32wb5mm_dk", STM32WB5MM_DK),
    }
    if (platform, security) not in boards:
        legal = ", ".join(f"{name} at level {level}" for name, level in boards)
        raise PlatformError(f"platform {platform} at security level {security}; legal: {legal}")
    if mode not in ("test", "production"):
        raise PlatformError(f"mode {mode}; legal: test, production")
    board, support = boards[platform, security]
    if security == 2:
        return MatterPlatform(board, support, DacKeyPlace.ITS)
    if platform == "wb55" and mode == "production":
        return MatterPlatform(board, support, DacKeyPlace.CKS)
    return MatterPlatform(board, support, DacKeyPlace.FLASH)


class DeviceMachine:
    """The NsMachine of a running device. It outlives resets: look ``ns`` up anew after one.

    ``on_wait`` is called after each wait with its microseconds: whoever is at the other end of the serial
    line has its turn then.
    """

    def __init__(self, device: Device, on_wait: Callable[[int], None] | None = None) -> None:
        self.device = device
        self.on_wait = on_wait

    @property
    def ns(self) -> NsDoor:
        return self.device.ns

    @property
    def flash(self) -> NsFlash:
        return self.device.ns_flash

    @property
    def now(self) -> int:
        return self.device.hardware.clock.now

    def wait(self, microseconds: int) -> None:
        self.device.idle(microseconds)
        if self.on_wait is not None:
            self.on_wait(microseconds)


def serial_port(device: Device) -> Stm32Usart:
    """The USART whose other end is the programming PC. Raises PlatformError for a board without one."""
    usart = device.hardware.peripherals.get(SERIAL_PORT)
    if not isinstance(usart, Stm32Usart):
        raise PlatformError(
            f"board {device.hardware.board.name} without {SERIAL_PORT}; legal: one of ST's Matter boards"
        )
    return usart
