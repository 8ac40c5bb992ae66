"""The DAC private key in Customer Key Storage: STM32WB55 in production mode."""

from ....interface.psa.client import PsaClient
from ....interface.stm32.cks import OtError, otCksDacInitialize, otCksDacSignature
from .dac_key_store import DacKeyError, Entries


class CksKeyStore:
    """The key behind the Cortex-M0+, which signs with it."""

    def __init__(self, ns: PsaClient) -> None:
        self._ns = ns

    def store(self, private_key: bytes) -> Entries:
        _demand("otCksDacInitialize", otCksDacInitialize(self._ns, private_key))
        return ()

    def sign(self, message: bytes, public_key: bytes) -> bytes:
        error, signature = otCksDacSignature(self._ns, message, public_key)
        _demand("otCksDacSignature", error)
        return signature

    def erase(self) -> None:
        """Nothing: a key in CKS cannot be removed (AN5185 5.1), and the next one takes its place."""


def _demand(call: str, error: OtError) -> None:
    if error != OtError.OT_ERROR_NONE:
        raise DacKeyError(call, error, f"{error.name} ({error.value})")
