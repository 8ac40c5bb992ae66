"""A shared data area in words: every entry by name, as lines and as data, in the encoding of any era."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from ..bootloader.config import Bl2Config
from ..bootloader.inspect import BOOT_RECORD_LABELS
from ..interface.mcuboot.boot_info import (
    BlInfo,
    McubootMode,
    McubootRecoveryMode,
    McubootSignatureType,
    blinfo_name,
)
from ..interface.mcuboot.image import IMAGE_VERSION_SIZE, ImageVersion
from ..interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512
from ..interface.tfm.boot_measurement import MeasurementMetadata, MeasurementSlot
from ..interface.tfm.boot_status import (
    BootStatusEntry,
    BootStatusEra,
    BootStatusError,
    Claim,
    GeneralClaim,
    SwModule,
    TlvMajor,
    decode_area,
)
from .verifier import cbor

TODAY: Final = BootStatusEra.TODAY
_ALGORITHM: Final = {PSA_ALG_SHA_256: "SHA-256", PSA_ALG_SHA_384: "SHA-384", PSA_ALG_SHA_512: "SHA-512"}
_BLINFO_CODES: Final[dict[int, type[McubootMode | McubootSignatureType | McubootRecoveryMode]]] = {
    BlInfo.MODE: McubootMode,
    BlInfo.SIGNATURE_TYPE: McubootSignatureType,
    BlInfo.RECOVERY: McubootRecoveryMode,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read an area, which does not say so itself; ``plain_mcuboot`` takes major 2 for BLINFO."""

    era: BootStatusEra = TODAY
    plain_mcuboot: bool = False

    @classmethod
    def of(cls, bl2: Bl2Config | None) -> Self:
        """As the boot loader writes it."""
        return cls() if bl2 is None else cls(bl2.boot_status, bl2.boot_info is not None)


_IMAGE_OF_MODULE: Final[dict[int, int]] = {SwModule.SPE: 0, SwModule.NSPE: 1, SwModule.S_NS: 0}
AS_TODAY: Final = Reading()


def boot_status(area: bytes, reading: Reading = AS_TODAY) -> list[dict[str, Any]]:
    """The entries of a shared data area, their contents decoded; [] where it holds none that can be read."""
    try:
        return [_row(entry, reading) for entry in decode_area(area, reading.era)]
    except BootStatusError:
        return []


def boot_status_lines(area: bytes, reading: Reading = AS_TODAY) -> Iterator[str]:
    """The same as lines; an area that cannot be read says why."""
    if not any(area):
        yield "shared data: empty"
        return
    try:
        entries = decode_area(area, reading.era)
    except BootStatusError as error:
        yield f"shared data: not readable as {reading.era.value}: {error}"
        return
    if not entries:
        yield "shared data: a header without entries"
    for entry in entries:
        row = _row(entry, reading)
        yield f"shared data {row['type']} ({_where(entry, row)}), {row['length']} bytes: {row['name']}"
        yield from _content_lines(row)


def measured_as(area: bytes, reading: Reading = AS_TODAY) -> dict[int, tuple[str, str]]:
    """Software type and signer id of each image, in whichever form the boot status has them; "-" for none."""
    images: dict[int, dict[str, str]] = {}
    for row in boot_status(area, reading):
        found = images.setdefault(_image_of(row, reading.era), {})
        for told in (row.get("boot_record"), row.get("metadata")):
            found |= {key: str(value) for key, value in (told or {}).items()}
        if row["major"] == "IAS" and row["name"] in ("SW_TYPE", "SW_SIGNER_ID"):
            found[row["name"].lower().replace("sw_signer", "signer")] = row["value"]
    return {n: (found.get("sw_type", "-"), found.get("signer_id", "-")) for n, found in images.items()}


def _image_of(row: dict[str, Any], era: BootStatusEra) -> int:
    """The MCUboot image that an entry is about; -1 where it is about none."""
    module = int(row["module"])
    if row["major"] == "MBS":
        return module - MeasurementSlot.RT_0 if module >= MeasurementSlot.RT_0 else -1
    if row["major"] != "IAS":
        return -1
    return module if era is TODAY else _IMAGE_OF_MODULE.get(module, -1)


def _where(entry: BootStatusEntry, row: dict[str, Any]) -> str:
    major = str(row["major"])
    if major == TlvMajor.MBS.name:
        name = f" {MeasurementSlot(entry.module).name}" if entry.module in set(MeasurementSlot) else ""
        return f"{major}, slot {entry.module}{name}"
    if major in (TlvMajor.IAS.name, TlvMajor.FWU.name):
        return f"{major}, module {row.get('module_name', entry.module)}"
    return major


def _content_lines(row: dict[str, Any]) -> Iterator[str]:
    for key in ("boot_record", "metadata"):
        for name, value in (row.get(key) or {}).items():
            yield f"    {name}: {value}"
    if "value" in row:
        yield f"    {row['value']}"


def _row(entry: BootStatusEntry, reading: Reading) -> dict[str, Any]:
    era, major = reading.era, _major_name(entry.major, reading.plain_mcuboot)
    row: dict[str, Any] = {
        "type": f"{entry.tlv_type:#06x}",
        "major": major,
        "module": entry.module,
        "claim": entry.claim,
        "name": _claim_name(entry, era, major),
        "length": len(entry.data),
        "data": entry.data.hex(),
    }
    if entry.major == TlvMajor.IAS and era is not TODAY and entry.module in set(SwModule):
        row["module_name"] = SwModule(entry.module).name
    return row | _content(entry, row)


def _major_name(major: int, plain_mcuboot: bool) -> str:
    if plain_mcuboot and major == TlvMajor.BLINFO:
        return "BLINFO"
    return TlvMajor(major).name if major in set(TlvMajor) else str(major)


def _claim_name(entry: BootStatusEntry, era: BootStatusEra, major: str) -> str:
    if major == "BLINFO":
        return blinfo_name(entry.tlv_type & 0xFFF)
    if major not in (TlvMajor.IAS.name, TlvMajor.FWU.name, TlvMajor.MBS.name):
        return f"{entry.tlv_type & 0xFFF:#05x}"
    general = major == TlvMajor.IAS.name and era is not TODAY and entry.module == SwModule.GENERAL
    names: type[Claim | GeneralClaim] = GeneralClaim if general else Claim
    return names(entry.claim).name if entry.claim in set(names) else f"claim {entry.claim:#04x}"


def _content(entry: BootStatusEntry, row: dict[str, Any]) -> dict[str, Any]:
    """What the data say, where the name tells how to read them; bytes otherwise speak for themselves."""
    reader = _READERS.get((row["major"], row["name"]))
    if reader is not None:
        return reader(entry.data)
    if row["major"] == "BLINFO":
        return _blinfo_content(entry)
    return {}


def _blinfo_content(entry: BootStatusEntry) -> dict[str, Any]:
    minor = entry.tlv_type & 0xFFF
    number = int.from_bytes(entry.data, "little")
    if minor in _BLINFO_CODES:
        codes = _BLINFO_CODES[minor]
        known = len(entry.data) == 1 and number in set(codes)
        return {"value": codes(number).name} if known else {}
    return _version(entry.data) if minor == BlInfo.BOOTLOADER_VERSION else {"value": str(number)}


def _boot_record(data: bytes) -> dict[str, Any]:
    """None for a record that is no CBOR map."""
    try:
        item = cbor.read_exactly(data)
    except cbor.CborError:
        return {"boot_record": None}
    if not isinstance(item, cbor.Map):
        return {"boot_record": None}
    record = {}
    for key, value in item.pairs:
        label = cbor.plain(key)
        name = BOOT_RECORD_LABELS.get(label, str(label)) if isinstance(label, int) else str(label)
        record[name] = _shown(cbor.plain(value))
    return {"boot_record": record}


def _shown(value: cbor.Plain) -> Any:
    """As JSON can say it: bytes in hex, keys as text."""
    match value:
        case bytes():
            return value.hex()
        case list():
            return [_shown(item) for item in value]
        case dict():
            return {str(key): _shown(item) for key, item in value.items()}
    return value


def _metadata(data: bytes) -> dict[str, Any]:
    try:
        metadata = MeasurementMetadata.decode(data)
    except BootStatusError:
        return {"metadata": None}
    algorithm = metadata.measurement_type
    return {
        "metadata": {
            "sw_type": _as_text(metadata.sw_type),
            "version": str(metadata.version),
            "measurement_type": _ALGORITHM.get(algorithm, f"{algorithm:#010x}"),
            "signer_id": metadata.signer_id[: metadata.signer_id_size].hex(),
        }
    }


def _version(data: bytes) -> dict[str, Any]:
    return {"value": str(ImageVersion.decode(data))} if len(data) == IMAGE_VERSION_SIZE else {}


def _text(data: bytes) -> dict[str, Any]:
    return {"value": _as_text(data)}


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _number(data: bytes) -> dict[str, Any]:
    return {"value": str(int.from_bytes(data, "little"))}


def _lifecycle(data: bytes) -> dict[str, Any]:
    return {"value": f"{int.from_bytes(data, 'little'):#06x}"}


def _bytes(data: bytes) -> dict[str, Any]:
    return {"value": data.hex()}


_READERS: Final[dict[tuple[str, str], Callable[[bytes], dict[str, Any]]]] = {
    ("IAS", Claim.SW_BOOT_RECORD.name): _boot_record,
    ("IAS", Claim.SW_VERSION.name): _text,
    ("IAS", Claim.SW_TYPE.name): _text,
    ("IAS", Claim.SW_MEASURE_TYPE.name): _text,
    ("IAS", Claim.SW_EPOCH.name): _number,
    ("IAS", Claim.SW_SIGNER_ID.name): _bytes,
    ("IAS", Claim.SW_MEASURE_VALUE.name): _bytes,
    ("IAS", GeneralClaim.BOOT_SEED.name): _bytes,
    ("IAS", GeneralClaim.HW_VERSION.name): _text,
    ("IAS", GeneralClaim.SECURITY_LIFECYCLE.name): _lifecycle,
    ("FWU", Claim.SW_VERSION.name): _version,
    ("MBS", Claim.SW_MEASURE_METADATA.name): _metadata,
    ("MBS", Claim.SW_MEASURE_VALUE.name): _bytes,
    ("MBS", Claim.SW_MEASURE_VALUE_NON_EXTENDABLE.name): _bytes,
}
