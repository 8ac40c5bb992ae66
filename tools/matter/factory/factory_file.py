"""The file that a factory run starts from: JSON or TLV, and what must and must not be in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ....interface.matter.factory_data import CREDENTIALS, FactoryData, FactoryDataError, FactoryDataTag
from ....interface.matter.factory_data_json import factory_data_from_json

VERIFIER_SIZE: Final = 97
TRIVIAL_PASSCODES: Final = frozenset((*(11111111 * n for n in range(1, 9)), 12345678, 87654321))


@dataclass(frozen=True, slots=True)
class FactoryFile:
    """The data, and what is to be said about it that is no reason to refuse it."""

    data: FactoryData
    notices: tuple[str, ...]


def read_factory_file(raw: bytes, name: str, *, is_json: bool, provisioning: bool) -> FactoryFile:
    """The factory data in a file of either form; ``name`` stands for it in messages.

    With ``provisioning`` the device is to get its credentials later, so the file must not have them. Raises
    FactoryDataError.
    """
    skipped: list[str] = []
    if is_json:
        data = factory_data_from_json(raw, name, skipped)
    else:
        ids: list[int] = []
        try:
            data = FactoryData.decode(raw, ids)
        except FactoryDataError as error:
            raise FactoryDataError(f"{name}: {error}") from error
        skipped = [f"id {found}" for found in ids]
    if not data.values:
        raise FactoryDataError(f"{name}: found no factory data; legal: at least one value")
    notices = [f"{found!r:.60} is unknown and left out" for found in skipped]
    notices += credential_notices(data, name, provisioning=provisioning)
    return FactoryFile(data, (*notices, *matter_notices(data)))


def credential_notices(data: FactoryData, name: str, *, provisioning: bool) -> list[str]:
    """STM32 genFactoryData: DAC, PAI and keys are in a file for reconfiguring, and in none for provisioning.

    Raises FactoryDataError for credentials where the device is to make its own.
    """
    there = [tag.name for tag in CREDENTIALS if tag in data.values]
    if provisioning and there:
        raise FactoryDataError(
            f"{name}: found {', '.join(there)}; legal with --provisioning 1: none of them, for the device "
            "gets its own"
        )
    missing = [tag.name for tag in CREDENTIALS if tag not in data.values]
    if not provisioning and missing:
        return [f"without {', '.join(missing)}: the device cannot attest itself with this data alone"]
    return []


def matter_notices(data: FactoryData) -> Iterator[str]:
    """Values that Matter does not allow. The tool writes them all the same, as ST's does."""
    discriminator = data.number(FactoryDataTag.SETUP_DISCRIMINATOR)
    iterations = data.number(FactoryDataTag.SPAKE2_ITERATION_COUNT)
    salt, verifier = data.get(FactoryDataTag.SPAKE2_SALT), data.get(FactoryDataTag.SPAKE2_VERIFIER)
    passcode, vendor = (
        data.number(FactoryDataTag.SPAKE2_SETUP_PASSCODE),
        data.number(FactoryDataTag.VENDOR_ID),
    )
    # Matter 1.4 5.1.1.5: a discriminator has 12 bits.
    if discriminator is not None and discriminator > 0xFFF:
        yield _against(FactoryDataTag.SETUP_DISCRIMINATOR, hex(discriminator), "0 to 0xfff")
    # Matter 1.4 3.9: iterations and salt of PBKDF.
    if iterations is not None and not 1000 <= iterations <= 100_000:
        yield _against(FactoryDataTag.SPAKE2_ITERATION_COUNT, str(iterations), "1000 to 100000")
    if salt is not None and not 16 <= len(salt) <= 32:
        yield _against(FactoryDataTag.SPAKE2_SALT, f"{len(salt)} bytes", "16 to 32")
    # Matter 1.4 3.10: the verifier is w0, 32 bytes, and the point L, 65.
    if verifier is not None and len(verifier) != VERIFIER_SIZE:
        yield _against(FactoryDataTag.SPAKE2_VERIFIER, f"{len(verifier)} bytes", str(VERIFIER_SIZE))
    # Matter 1.4 5.1.7.1: passcodes that nobody may use.
    if passcode is not None and (not 1 <= passcode <= 99_999_998 or passcode in TRIVIAL_PASSCODES):
        yield _against(
            FactoryDataTag.SPAKE2_SETUP_PASSCODE, f"{passcode:08d}", "1 to 99999998 without the trivial ones"
        )
    # Matter 1.4 2.5.2: 0xFFF1 to 0xFFF4 are vendors of tests, 0 and those above are nobody.
    if vendor is not None and (vendor == 0 or vendor > 0xFFF4):
        yield _against(FactoryDataTag.VENDOR_ID, hex(vendor), "1 to 0xfff4")
    # Matter 1.4 6.1.3: a certificate has 600 bytes at most.
    for tag in (FactoryDataTag.DEVICE_ATTESTATION_CERTIFICATE, FactoryDataTag.PAI_CERTIFICATE):
        if (value := data.get(tag)) is not None and len(value) > 600:
            yield _against(tag, f"{len(value)} bytes", "up to 600")


def _against(tag: FactoryDataTag, found: str, legal: str) -> str:
    return f"{tag.name} (id {int(tag)}) is against Matter: found {found}; legal: {legal}"
