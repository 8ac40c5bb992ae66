"""TF-M's secure services: SIDs, versions and stateless handles (what its tool writes to sid.h)."""

from typing import Final

STATELESS_HANDLE_INDICATOR: Final = 1 << 30


def stateless_handle(index: int, version: int) -> int:
    """The client handle of a stateless service.

    ``index`` is the manifest's ``stateless_handle`` number, 1 to 32; bit 30 marks the kind,
    bits 15-8 hold the version, bits 4-0 the index counted from 0.
    """
    return STATELESS_HANDLE_INDICATOR | version << 8 | (index - 1)


TFM_ATTESTATION_SERVICE_SID: Final = 0x00000020
TFM_PLATFORM_SERVICE_SID: Final = 0x00000040
TFM_PROTECTED_STORAGE_SERVICE_SID: Final = 0x00000060
TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID: Final = 0x00000070
TFM_CRYPTO_SID: Final = 0x00000080
TFM_FIRMWARE_UPDATE_SERVICE_SID: Final = 0x000000A0
TFM_MEASURED_BOOT_SID: Final = 0x000000C0
TFM_DELEGATED_ATTESTATION_SID: Final = 0x000000E0

TFM_CRYPTO_HANDLE: Final = stateless_handle(1, 1)
TFM_PROTECTED_STORAGE_SERVICE_HANDLE: Final = stateless_handle(2, 1)
TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE: Final = stateless_handle(3, 1)
TFM_ATTESTATION_SERVICE_HANDLE: Final = stateless_handle(4, 1)
TFM_FIRMWARE_UPDATE_SERVICE_HANDLE: Final = stateless_handle(5, 1)
TFM_PLATFORM_SERVICE_HANDLE: Final = stateless_handle(6, 1)
TFM_MEASURED_BOOT_HANDLE: Final = stateless_handle(17, 1)
TFM_DELEGATED_ATTESTATION_HANDLE: Final = stateless_handle(18, 1)
