"""Software components from what boot stages measured (TF-M attest_boot_data; attestation_core of 2019)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

import cbor2

from ...interface.psa.lifecycle import PsaLifecycle
from ...interface.tfm.boot_status import (
    SHARED_DATA_HEADER_SIZE,
    BootStatusEntry,
    BootStatusEra,
    BootStatusError,
    Claim,
    GeneralClaim,
    SwModule,
    TlvMajor,
    decode_area,
)
from ...interface.tfm.cbor_items import encode_text, join_array, join_map, splice
from ...interface.tfm.measured_boot import (
    NUM_OF_MEASUREMENT_SLOTS,
    Measurement,
    tfm_measured_boot_read_measurement,
)
from ...interface.tfm.software_component import (
    DESCRIPTION,
    EPOCH,
    SIGNER_ID,
    TYPE,
    VALUE,
    VERSION,
    encode_measurement,
)
from ...spm.partition_api import PartitionApi
from .config import AttestationConfig
from .errors import AttestErr, AttestFailure
from .spm_interface import attest_get_boot_data

MAX_BOOT_STATUS: Final = 512
UINT32_MAX: Final = 0xFFFFFFFF


class BootData(ABC):
    """Where a build has its software components from.

    ``lifecycle_max``: a lifecycle above it that the boot loader tells is none.
    """

    lifecycle_max: int = PsaLifecycle.DECOMMISSIONED

    @abstractmethod
    def software_components(self) -> bytes:
        """A CBOR array of them; empty without any. Raises AttestFailure."""

    def general_claim(self, claim: GeneralClaim) -> bytes | None:
        """What the boot loader says in the platform's place; since 2023 it has no say."""
        return None


def boot_data_of(psa: PartitionApi, config: AttestationConfig) -> BootData:
    """What the build reads, fetched from the SPM where it is the boot status.

    Raises AttestFailure INIT_FAILED where the SPM does not give it.
    """
    if config.measured_boot:
        return MeasuredSlots(psa)
    era = config.boot_status_era
    today = era is BootStatusEra.TODAY
    # The service keeps a header and 512 bytes; 2.2 asks the SPM for 512 in all, 2.1.6 for the whole of it.
    room = MAX_BOOT_STATUS
    if config.boot_status_room is not None:
        room = config.boot_status_room
    elif today and config.variant.before_2_2:
        room += SHARED_DATA_HEADER_SIZE
    area = attest_get_boot_data(psa, TlvMajor.IAS, room)
    if era.separate_claims:
        return SeparateClaims(area, era)
    if today:
        return BootRecords(area, general_claims=config.boot_loader_claims)
    return EarlyBootRecords(area, era)


class BootStatus(BootData):
    """Entries of the attestation's own major, as they were at start; ``era`` says how they are encoded."""

    def __init__(self, area: bytes, era: BootStatusEra) -> None:
        self._area = area
        self._era = era
        self._components: bytes | None = None

    def entries(self) -> list[BootStatusEntry]:
        """Raises AttestFailure CLAIM_UNAVAILABLE for an area that cannot be read."""
        try:
            return decode_area(self._area, self._era)
        except BootStatusError as error:
            raise AttestFailure(AttestErr.CLAIM_UNAVAILABLE) from error

    def software_components(self) -> bytes:
        """They do not change within a boot."""
        if self._components is None:
            by_module: dict[int, list[BootStatusEntry]] = {}
            for entry in self.entries():
                by_module.setdefault(entry.module, []).append(entry)
            modules = [by_module[module] for module in range(SwModule.MAX) if module in by_module]
            components = list(self.components(modules))
            self._components = join_array(components) if components else b""
        return self._components

    def first_general_claim(self, claim: GeneralClaim) -> bytes | None:
        """TF-M attest_get_tlv_by_id: the first such entry; an area that cannot be read has none."""
        try:
            entries = self.entries()
        except AttestFailure:
            return None
        found = (e.data for e in entries if e.module == SwModule.GENERAL and e.claim == claim)
        return next(found, None)

    @abstractmethod
    def components(self, modules: Sequence[list[BootStatusEntry]]) -> Iterator[bytes]:
        """The encoded components, from the entries of each module, by ascending module."""


class BootRecords(BootStatus):
    """The boot records as they were stored.

    TF-M attest_encode_sw_components_array: of each module below SW_MAX the first entry counts, and only if it
    is a boot record.
    """

    lifecycle_max = UINT32_MAX
    """TFM_SLC_MAX_VALUE"""

    def __init__(self, area: bytes, *, general_claims: bool = False) -> None:
        super().__init__(area, BootStatusEra.TODAY)
        self._general_claims = general_claims

    def general_claim(self, claim: GeneralClaim) -> bytes | None:
        """None since 2023; before, GENERAL was also the module of the first image's record."""
        return self.first_general_claim(claim) if self._general_claims else None

    def components(self, modules: Sequence[list[BootStatusEntry]]) -> Iterator[bytes]:
        for first, *_ in modules:
            if first.claim == Claim.SW_BOOT_RECORD:
                yield splice(first.data)


class StatusOf2019(BootStatus):
    """Module GENERAL is about the device and not about software."""

    def general_claim(self, claim: GeneralClaim) -> bytes | None:
        return self.first_general_claim(claim)

    def components(self, modules: Sequence[list[BootStatusEntry]]) -> Iterator[bytes]:
        for entries in modules:
            if entries[0].module != SwModule.GENERAL:
                yield self.component(entries)

    @abstractmethod
    def component(self, entries: Sequence[BootStatusEntry]) -> bytes:
        """One encoded component, from all entries of its module."""


class EarlyBootRecords(StatusOf2019):
    """Of each module the first entry, whatever its claim."""

    def component(self, entries: Sequence[BootStatusEntry]) -> bytes:
        return splice(entries[0].data)


class SeparateClaims(StatusOf2019):
    """A map a module, from an entry a claim."""

    def component(self, entries: Sequence[BootStatusEntry]) -> bytes:
        """In the order of the entries, but that the first measurement claim draws all others to it.

        TF-M attest_add_single_sw_component: claims that it cannot encode are left out, and one among the
        measurement claims ends those.
        """
        items: list[bytes] = []
        measured = False
        for at, entry in enumerate(entries):
            if not _is_measurement(entry):
                items += self._item(entry)
            elif not measured:
                measured = True
                for claim in filter(_is_measurement, entries[at:]):
                    item = self._item(claim)
                    if not item:
                        break
                    items += item
        return join_map(items)

    def _item(self, entry: BootStatusEntry) -> tuple[bytes, ...]:
        """Label and value; nothing for a claim without an encoding."""
        match entry.claim:
            case Claim.SW_MEASURE_VALUE:
                return VALUE, cbor2.dumps(entry.data)
            case Claim.SW_MEASURE_TYPE:
                return DESCRIPTION, encode_text(entry.data)
            case Claim.SW_VERSION:
                return VERSION, encode_text(entry.data)
            case Claim.SW_SIGNER_ID:
                return SIGNER_ID, cbor2.dumps(entry.data)
            case Claim.SW_TYPE:
                return TYPE, encode_text(entry.data)
            case Claim.SW_EPOCH if self._era is BootStatusEra.TFM_2019_02:
                epoch = get_uint(entry.data)
                return () if epoch is None else (EPOCH, cbor2.dumps(epoch))
        return ()


def _is_measurement(entry: BootStatusEntry) -> bool:
    # TF-M GET_IAS_MEASUREMENT_CLAIM: any of the claim's upper three bits.
    return entry.claim >> 3 != 0


def get_uint(data: bytes) -> int | None:
    """A number of 1, 2 or 4 bytes, little endian; None for other lengths (TF-M get_uint)."""
    return int.from_bytes(data, "little") if len(data) in (1, 2, 4) else None


class MeasuredSlots(BootData):
    """The slots of the measured boot partition, read anew for each token."""

    def __init__(self, psa: PartitionApi) -> None:
        self._psa = psa

    def software_components(self) -> bytes:
        """Every slot that can be read, in order; GENERAL for an algorithm without a name."""
        found = (tfm_measured_boot_read_measurement(self._psa, n)[1] for n in range(NUM_OF_MEASUREMENT_SLOTS))
        components = [_slot_component(measurement) for measurement in found if measurement is not None]
        return join_array(components) if components else b""


def _slot_component(measurement: Measurement) -> bytes:
    component = encode_measurement(measurement)
    if component is None:
        raise AttestFailure(AttestErr.GENERAL)
    return component
