"""Enrolled devices and reference values as a relying party writes them down: YAML.

```yaml
devices:
  - {name: lamp 7, public_key: 02a45c..., device_id: e8cddb...}
reference:
  secure_boot: true
  device_status: [165]
  software:
    tee: {digests: [f732e7...], versions: [v0.3.0], min_secure_version: 0}
```
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...platform.yaml_source import YamlValue, parse_yaml
from .claims import PARTS
from .reference import Enrolled, Reference, ReferenceUnusable, Register, SoftwareReference, enrolled_key

DIGEST_SIZE: Final = 32
_SOFTWARE: Final = ("digests", "versions", "idf_versions", "min_secure_version")
_POLICY: Final = (
    "software",
    "secure_boot",
    "client_id",
    "psa_cert_refs",
    "device_status",
    "chip_ids",
    "min_device_version",
)


@dataclass(frozen=True, slots=True)
class Book:
    """What one file says: whose keys are known, and what the devices should run."""

    register: Register
    reference: Reference


def parse_book(raw: bytes, name: str = "reference") -> Book:
    """The book in ``raw``; ``name`` stands for the file in messages.

    Raises ReferenceUnusable with FILE:LINE, what was found and what is legal, and nothing else.
    """
    document = parse_yaml(raw, name, ReferenceUnusable)
    entries = document.mapping((), ("devices", "reference"))
    if not entries:
        raise document.error("no book", "no keys", "devices, reference")
    devices = entries["devices"].sequence() if "devices" in entries else ()
    reference = _reference(entries["reference"]) if "reference" in entries else Reference()
    return Book(Register(tuple(_device(item) for item in devices)), reference)


def write_devices(devices: Iterable[Enrolled]) -> str:
    """The YAML of enrolled devices, as `parse_book` reads it."""
    lines = ["devices:"]
    for device in devices:
        point = device.key.point()
        lines.append(f"  - name: {device.name}")
        lines.append(f'    public_key: "{2 + point[-1] % 2:02x}{point[1:33].hex()}"')
        if device.device_id is not None:
            lines.append(f'    device_id: "{device.device_id.hex()}"')
    return "\n".join(lines) + "\n"


def write_reference(reference: Reference) -> str:
    """The YAML of reference values, as `parse_book` reads it: what is not compared is left out."""
    lines = ["reference:"]
    if reference.secure_boot:
        lines.append("  secure_boot: true")
    if reference.client_id is not None:
        lines.append(f"  client_id: {reference.client_id:#010x}")
    for key in ("psa_cert_refs", "device_status", "chip_ids"):
        if values := getattr(reference, key):
            lines.append(f"  {key}: [{', '.join(_plain(value) for value in values)}]")
    if reference.min_device_version is not None:
        lines.append(f"  min_device_version: {reference.min_device_version}")
    if reference.software:
        lines.append("  software:")
    for name, image in reference.software.items():
        lines.append(f"    {name}:")
        lines += [f"      {key}: {text}" for key, text in _software_texts(image)]
    return "\n".join(lines) + "\n"


def _software_texts(image: SoftwareReference) -> Iterable[tuple[str, str]]:
    lists = {
        "digests": [digest.hex() for digest in image.digests],
        "versions": image.versions,
        "idf_versions": image.idf_versions,
    }
    for key, values in lists.items():
        if values:
            yield key, f"[{', '.join(_plain(value) for value in values)}]"
    if image.min_secure_version is not None:
        yield "min_secure_version", str(image.min_secure_version)


def _plain(value: object) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


def _device(value: YamlValue) -> Enrolled:
    entries = value.mapping(("name", "public_key"), ("device_id",))
    key = entries["public_key"]
    try:
        found = enrolled_key(key.scalar_text().strip())
    except ReferenceUnusable as error:
        what, _, legal = str(error).removeprefix("key: ").partition("; legal: ")
        raise key.error("not a key", what.removeprefix("found "), legal) from None
    device_id = entries["device_id"].hex_bytes(DIGEST_SIZE) if "device_id" in entries else None
    return Enrolled(found, entries["name"].scalar_text(), device_id)


def _reference(value: YamlValue) -> Reference:
    entries = value.mapping((), _POLICY)
    software = entries["software"].mapping((), tuple(PARTS)) if "software" in entries else {}
    return Reference(
        software={name: _software(image) for name, image in software.items()},
        secure_boot=entries["secure_boot"].boolean() if "secure_boot" in entries else False,
        client_id=_number(entries, "client_id"),
        psa_cert_refs=_texts(entries, "psa_cert_refs"),
        device_status=_numbers(entries, "device_status", 255),
        chip_ids=_numbers(entries, "chip_ids"),
        min_device_version=_number(entries, "min_device_version"),
    )


def _software(value: YamlValue) -> SoftwareReference:
    entries = value.mapping((), _SOFTWARE)
    digests = entries["digests"].sequence(1) if "digests" in entries else ()
    return SoftwareReference(
        tuple(item.hex_bytes(DIGEST_SIZE) for item in digests),
        _texts(entries, "versions"),
        _texts(entries, "idf_versions"),
        _number(entries, "min_secure_version"),
    )


def _texts(entries: dict[str, YamlValue], key: str) -> tuple[str, ...]:
    return tuple(item.scalar_text() for item in entries[key].sequence(1)) if key in entries else ()


def _numbers(entries: dict[str, YamlValue], key: str, most: int = 0xFFFFFFFF) -> tuple[int, ...]:
    return tuple(item.integer(0, most) for item in entries[key].sequence(1)) if key in entries else ()


def _number(entries: dict[str, YamlValue], key: str) -> int | None:
    return entries[key].integer() if key in entries else None
