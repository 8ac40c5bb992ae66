"""The software components of a token, foretold from images: what each boot stage would measure of them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...bootloader.bl1_2 import Bl1_2
from ...bootloader.bl1_config import Bl1Config
from ...bootloader.bl1_stage import Bl1Ports
from ...bootloader.config import Bl2Config, HashAlgorithm
from ...bootloader.separate_claims import separate_claims, sw_module
from ...bootloader.shared_data import collect_image_measurement
from ...bootloader.shared_data_config import RseRotpks
from ...interface.mcuboot.image import ImageError
from ...interface.mcuboot.tlv import TlvType
from ...interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384
from ...interface.tfm.boot_measurement import SIGNER_ID_MIN_SIZE, MeasurementMetadata, MeasurementSlot
from ...interface.tfm.boot_status import (
    BootStatusEntry,
    BootStatusEra,
    Claim,
    TlvMajor,
    decode_area,
    encode_area,
    tlv_type,
)
from ...interface.trace import Trace
from ...partitions.measured_boot.boot_data import MalformedBootData, shared_measurements
from ...partitions.measured_boot.config import MeasuredBootConfig
from ...platform.otp import OtpField
from ..verifier import cbor
from .digests import OF_SIZE
from .model import Digest, EndorsementError, ReferenceValue
from .running_images import RunningImage

_TYPE, _VALUE, _VERSION, _SIGNER = 1, 2, 4, 5
_SLOT_TYPES: Final = (Claim.SW_MEASURE_VALUE, Claim.SW_MEASURE_VALUE_NON_EXTENDABLE)


@dataclass(frozen=True, slots=True)
class Component:
    """One entry of the token's list: its texts, its value and signer in bytes; None where it has none."""

    value: bytes
    type: str | None = None
    version: str | None = None
    signer_id: bytes | None = None

    def reference(self, implementation_id: bytes) -> ReferenceValue:
        """As a verifier is told. Raises EndorsementError for a value of no hash's size."""
        if len(self.value) not in OF_SIZE:
            raise EndorsementError(
                f"component {self.type}: a measurement of {len(self.value)} bytes; legal: 32, 48 or 64"
            )
        digest = Digest(OF_SIZE[len(self.value)], self.value)
        return ReferenceValue(implementation_id, (digest,), self.signer_id, self.type, self.version)


def boot_record_components(images: Sequence[RunningImage], config: Bl2Config) -> Iterator[Component]:
    """From boot records, or in the eras before them from separate claims, by software module.

    Raises EndorsementError for an image without the TLVs that BL2 needs.
    """
    if not config.mcuboot_measured_boot:
        return
    found = {}
    today = config.boot_status is BootStatusEra.TODAY
    for running in images:
        module = running.image if today else sw_module(config, running.image)
        make = _separate if config.boot_status.separate_claims else _record
        try:
            found[module] = make(running, config)
        except ImageError as error:
            raise EndorsementError(f"image {running.image}: {error}") from None
    for module in sorted(found):
        yield found[module]


def _record(running: RunningImage, config: Bl2Config) -> Component:
    """The last bytes of the record are the image hash (MCUboot boot_save_boot_status)."""
    record: bytes | None = None
    size, where = config.image_hash.size, f"image {running.image}: boot record"
    for type_, value in running.tlvs():
        if type_ == TlvType.BOOT_RECORD:
            record = value
        elif type_ == config.image_hash.tlv and record is not None and len(record) >= size:
            return _claims(record[: len(record) - size] + value, where)
    raise EndorsementError(
        f"{where}: none before the image hash; legal: one that ends with {size} bytes for it"
    )


def _claims(record: bytes, where: str) -> Component:
    try:
        item = cbor.read_exactly(record)
    except cbor.CborError as error:
        raise EndorsementError(f"{where}: {error.finding}; legal: a CBOR map") from None
    if not isinstance(item, cbor.Map):
        raise EndorsementError(f"{where}: found {item.noun}; legal: a map of claims")
    match [item.get(label) for label in (_VALUE, _TYPE, _VERSION, _SIGNER)]:
        case [
            cbor.Bytes(value=value),
            (cbor.Text() | None) as sw_type,
            (cbor.Text() | None) as version,
            (cbor.Bytes() | None) as signer,
        ]:
            return Component(
                value,
                None if sw_type is None else sw_type.value,
                None if version is None else version.value,
                None if signer is None else signer.value,
            )
    raise EndorsementError(f"{where}: found claims of other types; legal: value and signer in bytes, texts")


def _separate(running: RunningImage, config: Bl2Config) -> Component:
    """TF-M of early 2019: BL2 makes up type and version; the signer's key stands in a TLV."""
    claims = separate_claims(config, sw_module(config, running.image), running.header, running.source)
    found: dict[Claim, bytes] = {}
    for claim, data in claims:
        found.setdefault(claim, data)
    if Claim.SW_MEASURE_VALUE not in found:
        raise EndorsementError(f"image {running.image}: no SHA256 TLV; legal: one to measure")
    return Component(
        found[Claim.SW_MEASURE_VALUE],
        found[Claim.SW_TYPE].decode(),
        found[Claim.SW_VERSION].decode(),
        found.get(Claim.SW_SIGNER_ID),
    )


def slot_components(entries: Sequence[BootStatusEntry], config: MeasuredBootConfig) -> Iterator[Component]:
    """From the measurement slots, once the partition has filled them from what boot stages handed on.

    Raises EndorsementError for entries that would keep the partition from starting.
    """
    if not config.store_measurements:
        return
    slots: dict[int, Component] = {}
    reversed_ = config.version_digits_reversed
    try:
        for index, found in shared_measurements(encode_area(entries), digits_reversed=reversed_):
            # measured_boot_extend_measurement: an empty slot holds zeros, which are hashed with the value.
            digest = hashlib.new(
                config.hash.value, bytes(config.hash.size) + found.measurement_value
            ).digest()
            if index in slots:
                raise MalformedBootData
            texts = (found.sw_type.decode("utf-8", "replace"), found.version.decode())
            slots[index] = Component(digest, *texts, found.signer_id)
    except MalformedBootData:
        raise EndorsementError(
            "measured boot: the partition would refuse what the boot stages measured; legal: pairs of "
            "metadata and value, each slot once"
        ) from None
    for index in sorted(slots):
        yield slots[index]


def measurement(slot: int, metadata: MeasurementMetadata, value: bytes, lock: bool) -> list[BootStatusEntry]:
    """The pair of entries that a boot stage writes for a slot (TF-M boot_store_measurement)."""
    claim = _SLOT_TYPES[lock]
    return [
        BootStatusEntry(tlv_type(TlvMajor.MBS, slot, Claim.SW_MEASURE_METADATA), metadata.encode()),
        BootStatusEntry(tlv_type(TlvMajor.MBS, slot, claim), value),
    ]


def image_measurements(images: Sequence[RunningImage], config: Bl2Config) -> Iterator[BootStatusEntry]:
    """What BL2 hands on of its images. Raises EndorsementError."""
    for running in images:
        slot = MeasurementSlot.RT_0 + running.image
        try:
            metadata, value = collect_image_measurement(config, slot, running.header, running.tlvs())
        except ImageError as error:
            raise EndorsementError(f"image {running.image}: {error}") from None
        yield from measurement(slot, metadata, value, lock=False)


def rotpk_measurements(rotpks: RseRotpks) -> Iterator[BootStatusEntry]:
    """What an RSE's BL2 hands on of its keys (TF-M add_rotpk_hash_to_shared_area)."""
    for letter, first, hashes in (
        ("C", MeasurementSlot.CM_ROTPK_0, rotpks.cm),
        ("D", MeasurementSlot.DM_ROTPK_0, rotpks.dm),
    ):
        for index, rotpk in enumerate(hashes):
            algorithm = PSA_ALG_SHA_384 if len(rotpk) == HashAlgorithm.SHA384.size else PSA_ALG_SHA_256
            name = f"{letter}M_{rotpks.reprovisioning}_{index}".encode()
            metadata = MeasurementMetadata(algorithm, b"", SIGNER_ID_MIN_SIZE, name)
            yield from measurement(first + index, metadata, rotpk, lock=True)


def bl1_measurements(ports: Bl1Ports, config: Bl1Config) -> list[BootStatusEntry]:
    """What BL1 hands on: its second half in OTP, and the BL2 that this half would check and run.

    ``ports`` must have memory of their own, for BL1_2 decrypts there. Raises BootRefused without a good BL2.
    """
    code = ports.otp.read(OtpField.BL1_2_IMAGE)
    digest = hashlib.sha256(code).digest()
    Bl1_2(ports, config, Trace(), digest).run()
    if not config.measured_boot:
        return []
    metadata = MeasurementMetadata(PSA_ALG_SHA_256, b"", len(digest), b"BL1_2")
    base, size = ports.shared_data
    return measurement(MeasurementSlot.BL1_2, metadata, digest, lock=True) + decode_area(
        ports.memory.read(base, size)
    )
