"""PSA Firmware Update API 1.0, client side (psa/update.h).

The functions pack their requests as TF-M's client library does: integers in, a ``psa_status_t`` back.
`FirmwareUpdate` is the layer for Python callers.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from ..tfm.firmware_update import (
    COMPONENT_INFO_SIZE,
    COMPONENT_SIZE,
    ERROR_SIZE,
    OFFSET_SIZE,
    TFM_FWU_ACCEPT,
    TFM_FWU_CANCEL,
    TFM_FWU_CLEAN,
    TFM_FWU_FINISH,
    TFM_FWU_INSTALL,
    TFM_FWU_MAX_DIGEST_SIZE,
    TFM_FWU_QUERY,
    TFM_FWU_REJECT,
    TFM_FWU_REQUEST_REBOOT,
    TFM_FWU_START,
    TFM_FWU_WRITE,
    ComponentInfoLayout,
)
from ..tfm.services import TFM_FIRMWARE_UPDATE_SERVICE_HANDLE
from .client import InVec, PsaClient, psa_outvec
from .status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS, PsaError

PSA_FWU_API_VERSION_MAJOR: Final = 1
PSA_FWU_API_VERSION_MINOR: Final = 0

PSA_SUCCESS_REBOOT: Final = 1
"""Done so far; a reboot of the system completes it."""
PSA_SUCCESS_RESTART: Final = 2
"""Done so far; a restart of the components completes it."""

PSA_FWU_MAX_WRITE_SIZE: Final = 1024
"""Bytes that one psa_fwu_write can carry (TF-M TFM_CONFIG_FWU_MAX_WRITE_SIZE)."""
PSA_FWU_LOG2_WRITE_ALIGN: Final = 3
"""Offsets in multiples of ``1 << 3`` bytes suit every board whose flash is programmed by 1, 2, 4 or 8 bytes;
the service itself asks for no more than its flash's own program unit."""

_ROT_SIZE_MAX: Final = 0xFFFFFFFF


class PsaFwuState(IntEnum):
    """``psa_fwu_component_info_t.state``."""

    READY = 0
    """Another update can start."""
    WRITING = 1
    """A new image is being written to the staging area."""
    CANDIDATE = 2
    """The new image is complete and waits to be installed."""
    STAGED = 3
    """The new image waits for the reboot that installs it."""
    FAILED = 4
    """The update was cancelled or went wrong; the staging area must be cleaned."""
    TRIAL = 5
    """The new image runs and is to be accepted or rejected."""
    REJECTED = 6
    """The new image was rejected and still runs, until the reboot that brings the old one back."""
    UPDATED = 7
    """The new image is the active one; the staging area must be cleaned."""


class PsaFwuFlag(IntFlag):
    """``psa_fwu_component_info_t.flags``."""

    VOLATILE_STAGING = 0x1
    """An image in the staging area does not survive a reset, unless it is STAGED."""
    ENCRYPTION = 0x2
    """The component expects encrypted images."""


@dataclass(frozen=True, slots=True, order=True)
class psa_fwu_image_version_t:
    """``major.minor.patch+build`` (u8, u8, u16, u32)."""

    major: int = 0
    minor: int = 0
    patch: int = 0
    build: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}+{self.build}"


@dataclass(frozen=True, slots=True)
class psa_fwu_impl_info_t:
    """What TF-M adds: the SHA-256 of what was written, for a CANDIDATE; zeros for others."""

    candidate_digest: bytes = bytes(TFM_FWU_MAX_DIGEST_SIZE)


@dataclass(frozen=True, slots=True)
class psa_fwu_component_info_t:
    """What psa_fwu_query tells of a component.

    ``error`` is meaningful in FAILED and REJECTED; ``version`` is that of the active image; ``max_size`` the
    staging area in bytes; ``location`` the flash area id of the active image's slot.
    """

    state: PsaFwuState
    error: int
    version: psa_fwu_image_version_t
    max_size: int
    flags: PsaFwuFlag
    location: int
    impl: psa_fwu_impl_info_t = psa_fwu_impl_info_t()

    def encode(self) -> bytes:
        """The 60 bytes of the C structure."""
        version = self.version
        encoded: bytes = ComponentInfoLayout.build(
            {
                "state": self.state,
                "error": self.error,
                "version": {
                    "major": version.major,
                    "minor": version.minor,
                    "patch": version.patch,
                    "build": version.build,
                },
                "max_size": self.max_size,
                "flags": int(self.flags),
                "location": self.location,
                "candidate_digest": self.impl.candidate_digest,
            }
        )
        return encoded

    @classmethod
    def decode(cls, data: bytes) -> "psa_fwu_component_info_t":
        """From 60 bytes. Raises ValueError for another length, or a state that the API does not have."""
        if len(data) != COMPONENT_INFO_SIZE:
            raise ValueError(f"psa_fwu_component_info_t: {len(data)} bytes; legal: {COMPONENT_INFO_SIZE}")
        fields = ComponentInfoLayout.parse(data)
        version = fields.version
        return cls(
            PsaFwuState(int(fields.state)),
            int(fields.error),
            psa_fwu_image_version_t(
                int(version.major), int(version.minor), int(version.patch), int(version.build)
            ),
            int(fields.max_size),
            PsaFwuFlag(int(fields.flags)),
            int(fields.location),
            psa_fwu_impl_info_t(bytes(fields.candidate_digest)),
        )


def _call(client: PsaClient, type_: int, *inputs: InVec) -> int:
    return client.psa_call(TFM_FIRMWARE_UPDATE_SERVICE_HANDLE, type_, list(inputs))


def _component(component: int) -> bytes:
    # C converts the argument to psa_fwu_component_t, which is 8 bits wide.
    return (component & 0xFF).to_bytes(COMPONENT_SIZE, "little")


def psa_fwu_query(client: PsaClient, component: int) -> tuple[int, psa_fwu_component_info_t | None]:
    """(status, what the service knows of a component); None unless the status is PSA_SUCCESS."""
    info = bytearray(COMPONENT_INFO_SIZE)
    status = client.psa_call(
        TFM_FIRMWARE_UPDATE_SERVICE_HANDLE, TFM_FWU_QUERY, [_component(component)], [psa_outvec(info)]
    )
    return status, psa_fwu_component_info_t.decode(bytes(info)) if status == PSA_SUCCESS else None


def psa_fwu_start(client: PsaClient, component: int, manifest: InVec = b"") -> int:
    """Begin an update of a READY component; ``manifest`` is a detached one, which MCUboot's images lack."""
    return _call(client, TFM_FWU_START, _component(component), manifest)


def psa_fwu_write(client: PsaClient, component: int, image_offset: int, block: InVec) -> int:
    """Write a block of the image at ``image_offset``, in bytes from its start."""
    # TF-M psa_fwu_write: an offset that the RoT's 32 bits cannot hold never leaves the client.
    if not 0 <= image_offset <= _ROT_SIZE_MAX:
        return PSA_ERROR_INVALID_ARGUMENT
    offset = image_offset.to_bytes(OFFSET_SIZE, "little")
    return _call(client, TFM_FWU_WRITE, _component(component), offset, block)


def psa_fwu_finish(client: PsaClient, component: int) -> int:
    """The image of a WRITING component is complete: it becomes a CANDIDATE."""
    return _call(client, TFM_FWU_FINISH, _component(component))


def psa_fwu_cancel(client: PsaClient, component: int) -> int:
    """Give up an update that is WRITING or CANDIDATE."""
    return _call(client, TFM_FWU_CANCEL, _component(component))


def psa_fwu_clean(client: PsaClient, component: int) -> int:
    """Erase the staging area of a FAILED or UPDATED component: it becomes READY."""
    return _call(client, TFM_FWU_CLEAN, _component(component))


def psa_fwu_install(client: PsaClient) -> int:
    """Install all CANDIDATE components together."""
    return _call(client, TFM_FWU_INSTALL)


def psa_fwu_request_reboot(client: PsaClient) -> int:
    """Reboot the system; comes back only when that failed."""
    return _call(client, TFM_FWU_REQUEST_REBOOT)


def psa_fwu_reject(client: PsaClient, error: int) -> int:
    """Reject all STAGED and TRIAL components; ``error`` (32 bits) is what their info will say."""
    return _call(client, TFM_FWU_REJECT, (error & 0xFFFFFFFF).to_bytes(ERROR_SIZE, "little"))


def psa_fwu_accept(client: PsaClient) -> int:
    """Accept all TRIAL components."""
    return _call(client, TFM_FWU_ACCEPT)


class FirmwareUpdate:
    """Firmware update for Python callers: values back, PsaError raised for a negative status."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def query(self, component: int) -> psa_fwu_component_info_t:
        """State, active version and staging area of a component."""
        status, info = psa_fwu_query(self._client, component)
        _check(status, "psa_fwu_query")
        assert info is not None
        return info

    def start(self, component: int, manifest: bytes = b"") -> None:
        _check(psa_fwu_start(self._client, component, manifest), "psa_fwu_start")

    def write(self, component: int, offset: int, block: bytes) -> None:
        """One block, of up to PSA_FWU_MAX_WRITE_SIZE bytes."""
        _check(psa_fwu_write(self._client, component, offset, block), "psa_fwu_write")

    def finish(self, component: int) -> None:
        _check(psa_fwu_finish(self._client, component), "psa_fwu_finish")

    def stage(self, component: int, image: bytes) -> None:
        """Start, write the whole image block by block, finish: the component becomes a CANDIDATE."""
        self.start(component)
        for offset in range(0, len(image), PSA_FWU_MAX_WRITE_SIZE):
            self.write(component, offset, image[offset : offset + PSA_FWU_MAX_WRITE_SIZE])
        self.finish(component)

    def cancel(self, component: int) -> None:
        _check(psa_fwu_cancel(self._client, component), "psa_fwu_cancel")

    def clean(self, component: int) -> None:
        _check(psa_fwu_clean(self._client, component), "psa_fwu_clean")

    def install(self) -> int:
        """Install all candidates; PSA_SUCCESS, PSA_SUCCESS_REBOOT or PSA_SUCCESS_RESTART."""
        return _check(psa_fwu_install(self._client), "psa_fwu_install")

    def request_reboot(self) -> None:
        """Reset the device: the call raises SystemReset, and the caller boots it again."""
        _check(psa_fwu_request_reboot(self._client), "psa_fwu_request_reboot")

    def reject(self, error: int = 0) -> int:
        """Reject what is STAGED or on TRIAL; PSA_SUCCESS, PSA_SUCCESS_REBOOT or PSA_SUCCESS_RESTART."""
        return _check(psa_fwu_reject(self._client, error), "psa_fwu_reject")

    def accept(self) -> int:
        """Accept what is on TRIAL; PSA_SUCCESS, PSA_SUCCESS_REBOOT or PSA_SUCCESS_RESTART."""
        return _check(psa_fwu_accept(self._client), "psa_fwu_accept")


def _check(status: int, call: str) -> int:
    if status < PSA_SUCCESS:
        raise PsaError(status, call)
    return status
