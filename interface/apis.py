"""All APIs of the services for one client, as a Python program likes them."""

from .psa.client import PsaClient
from .psa.crypto_api import CryptoApi
from .psa.firmware_update import FirmwareUpdate
from .psa.initial_attestation import InitialAttestation
from .psa.initial_attestation_2019 import InitialAttestation2019
from .psa.internal_trusted_storage import InternalTrustedStorage
from .psa.platform import PlatformApi
from .psa.protected_storage import ProtectedStorage
from .tfm.delegated_attestation import DelegatedAttestation
from .tfm.measured_boot import MeasuredBoot


class PsaApis:
    """The PSA APIs as a Python program likes them: bytes in and out, PsaError for a status."""

    def __init__(self, client: PsaClient) -> None:
        self.initial_attestation = InitialAttestation(client)
        self.initial_attestation_2019 = InitialAttestation2019(client)
        self.crypto = CryptoApi(client)
        self.platform = PlatformApi(client)
        self.firmware_update = FirmwareUpdate(client)
        self.internal_trusted_storage = InternalTrustedStorage(client)
        self.protected_storage = ProtectedStorage(client)


class TfmApis:
    """The same for services that are TF-M's own and no PSA API."""

    def __init__(self, client: PsaClient) -> None:
        self.measured_boot = MeasuredBoot(client)
        self.delegated_attestation = DelegatedAttestation(client)
