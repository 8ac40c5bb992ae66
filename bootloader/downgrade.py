"""MCUBOOT_DOWNGRADE_PREVENTION: whether a candidate is older than the image that it would replace."""

from typing import Final

from ..interface.mcuboot.image import ImageError, ImageHeader, ImageSource
from .config import Bl2Config
from .security_counter import image_security_counter

CHECK: Final = "downgrade prevention"


def version_too_low(old: ImageHeader, new: ImageHeader, config: Bl2Config, rule: str) -> ImageError | None:
    """What is wrong with a candidate of a lower version; equal ones may pass. ``rule`` is who asks."""
    if config.version_order(new.version) >= config.version_order(old.version):
        return None
    note = "" if config.version_build_number else " (the build number does not count)"
    found = f"version {new.version}, the primary slot holds {old.version}"
    return ImageError(rule, CHECK, found, f"an upgrade needs at least that{note}")


def counter_too_low(
    old: tuple[ImageSource, ImageHeader | None], new: tuple[ImageSource, ImageHeader | None], rule: str
) -> ImageError | None:
    """The same by the security counters that both images carry (check_downgrade_prevention).

    A primary image without one lets every candidate pass; a candidate without one is too old for the others.
    """
    stored, offered = _counter(*old), _counter(*new)
    if stored is None or (offered is not None and offered >= stored):
        return None
    found = "no security counter" if offered is None else f"security counter {offered}"
    found += f", that of the primary image is {stored}"
    return ImageError(rule, CHECK, found, "an upgrade needs at least that")


def _counter(source: ImageSource, header: ImageHeader | None) -> int | None:
    try:
        return image_security_counter(source, header, CHECK)
    except ImageError:
        return None
