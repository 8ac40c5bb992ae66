"""DEPENDENCY TLVs: what an image needs of the other images, compared with the versions they would have."""

from collections.abc import Callable

from ..interface.mcuboot.image import ImageError, ImageVersion
from ..interface.mcuboot.tlv import DEPENDENCY_SIZE, Dependency, TlvType, iter_tlvs, load_tlv, tlv_areas
from .events import DependencyExamined
from .loader import BootLoader
from .ports import Slot

VersionOf = Callable[[int], ImageVersion | None]
"""The version that an image, by its index, will have once this boot is through."""


def verify_slot_dependencies(
    loader: BootLoader, slot: Slot, version_of: VersionOf, unmet: tuple[str, str]
) -> None:
    """Examine the dependencies of the image in a slot (MCUboot boot_verify_slot_dependencies).

    ``unmet`` says what an unmet one means, for the trace and for the refusal. Raises ImageError at the first
    that is not met or cannot be read.
    """
    header, source = loader.images[slot.image].headers[slot.name], loader.source(slot)
    if header is None:
        raise ImageError("boot_verify_slot_dependencies", "header", "none", "dependencies cannot be read")
    areas = tlv_areas(header, source)
    for tlv in iter_tlvs(header, source, areas, protected_only=True):
        if tlv.type == TlvType.DEPENDENCY:
            _verify_dependency(loader, slot, load_tlv(source, tlv), version_of, unmet)


def _verify_dependency(
    loader: BootLoader, slot: Slot, data: bytes, version_of: VersionOf, unmet: tuple[str, str]
) -> None:
    rule = "boot_verify_slot_dependency"
    if len(data) != DEPENDENCY_SIZE:
        raise ImageError(rule, "dependency", f"{len(data)} bytes", f"wanted {DEPENDENCY_SIZE}")
    dependency = Dependency.decode(data)
    other = dependency.image
    if other >= len(loader.images):
        last = len(loader.images) - 1
        raise ImageError(rule, "dependency", f"image {other}", f"this loader has images 0 to {last}")
    found, order = version_of(other), loader.config.version_order
    satisfied = found is not None and order(found) >= order(dependency.min_version)
    if loader.trace.listeners:
        met = "met" if satisfied else f"not met, so {unmet[0]}"
        text = f"image {slot.image} needs image {other} >= {dependency.min_version}, found {found}: {met}"
        loader.trace.emit(DependencyExamined(slot.image, rule, text, slot.name, dependency, found, satisfied))
    if not satisfied:
        raise ImageError(
            rule,
            "dependency",
            f"image {other} at {found}",
            f"this image needs at least {dependency.min_version}; {unmet[1]}",
        )
