"""What the service asks of a boot loader's library (TF-M tfm_bootloader_fwu_abstraction.h)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...interface.psa.firmware_update import psa_fwu_image_version_t
from .states import ComponentKind


class FwuRefused(Exception):
    """A request is answered with ``status``, a negative psa_status_t; it never leaves the partition."""

    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(status, why)
        self.status = status


@dataclass(frozen=True, slots=True)
class ActiveImage:
    """The running image of a component; ``max_size`` in bytes, ``location`` its flash area's id."""

    version: psa_fwu_image_version_t
    max_size: int
    location: int


class BootloaderLib(Protocol):
    """Staging areas and the way from there to running images. Everything raises FwuRefused."""

    @property
    def components(self) -> int:
        """How many there are; their ids count from 0."""

    @property
    def kind(self) -> ComponentKind: ...

    def staging_area_init(self, component: int) -> None:
        """Make the staging area empty."""

    def load_image(self, component: int, offset: int, block: bytes) -> None:
        """Write a block into it."""

    def install_images(self, candidates: Sequence[int]) -> int:
        """All of them, or none: PSA_SUCCESS, PSA_SUCCESS_REBOOT or PSA_SUCCESS_RESTART."""

    def mark_images_accepted(self, trials: Sequence[int]) -> None:
        """They are not rolled back any more."""

    def reject_staged_image(self, component: int) -> None:
        """It is not installed at the next reset."""

    def reject_trial_image(self, component: int) -> int:
        """Back to the old image: PSA_SUCCESS, PSA_SUCCESS_REBOOT or PSA_SUCCESS_RESTART."""

    def clean_component(self, component: int) -> None:
        """Make the staging area empty."""

    def is_on_trial(self, component: int) -> bool:
        """Whether the running image is yet to be accepted."""

    def active_image(self, component: int) -> ActiveImage: ...

    def candidate_digest(self, component: int) -> bytes:
        """SHA-256 of what was written."""
