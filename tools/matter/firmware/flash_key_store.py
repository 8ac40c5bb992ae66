"""The DAC private key in the factory data: ST's default without TF-M, and the STM32WB55's test mode.

NOT SECURE: every program of the non-secure side, and whoever reads the flash, has the key.
"""

from typing import Final

from ....interface.psa.client import PsaClient
from .dac_key_pair import sign_once
from .dac_key_store import DAC_PRIVATE_KEY_SIZE, DacKeyError, Entries
from .factory_flash import FactoryFlash, FactoryItem

DATA_NOT_FOUND: Final = 1
PARAM_ERROR: Final = 3


class FlashKeyStore:
    """The key is factory data item 5; the program loads it for each signature."""

    def __init__(self, ns: PsaClient, factory: FactoryFlash) -> None:
        self._ns = ns
        self._factory = factory

    def store(self, private_key: bytes) -> Entries:
        """STM32 Set_Certificates: the key goes to flash together with the certificates, behind them."""
        if len(private_key) != DAC_PRIVATE_KEY_SIZE:
            raise DacKeyError("factory data", PARAM_ERROR, f"{len(private_key)} bytes; legal: 32")
        return ((FactoryItem.PRIVATE, private_key),)

    def sign(self, message: bytes, public_key: bytes) -> bytes:
        del public_key
        private_key = self._factory.read(FactoryItem.PRIVATE)
        if private_key is None:
            raise DacKeyError("factory data", DATA_NOT_FOUND, "no item 5, the DAC private key")
        return sign_once(self._ns, private_key, message)

    def erase(self) -> None:
        """Nothing: entries of factory data are not taken out, the factory writes them anew."""
