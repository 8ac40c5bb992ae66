"""Requests that a board has of its own, behind the platform service (TF-M tfm_platform_hal_ioctl)."""

from collections.abc import Callable
from dataclasses import dataclass

from ..interface.tfm.platform import TfmPlatformErr


@dataclass(frozen=True, slots=True)
class IoctlRequest:
    """A request as the service hands it on.

    ``number`` is a signed 32-bit number; ``input`` is empty without an input vector; ``output_size`` is the
    room in bytes of the output vector, 0 without one.
    """

    number: int
    input: bytes = b""
    output_size: int = 0


@dataclass(frozen=True, slots=True)
class IoctlReply:
    """``error`` is a TfmPlatformErr; ``output`` goes into the output vector, whatever the error."""

    error: int
    output: bytes = b""


IoctlHandler = Callable[[IoctlRequest], IoctlReply]
"""A board's own code, which runs with the hardware; what it raises is a fault of the platform partition."""


def no_requests(request: IoctlRequest) -> IoctlReply:
    """A board without: the service's output buffer goes back as it is, zeros."""
    return IoctlReply(TfmPlatformErr.TFM_PLATFORM_ERR_NOT_SUPPORTED, bytes(request.output_size))
