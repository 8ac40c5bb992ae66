"""An RoT Service as the SPM keeps it: its manifest entry, its owner and its signal."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..interface.psa.service import psa_msg_t
from ..interface.tfm.services import stateless_handle
from .manifest import ServiceManifest, VersionPolicy

if TYPE_CHECKING:
    from .client import Partition
    from .connection import Connection

Sfn = Callable[[psa_msg_t], int]


class Service:
    """One RoT Service. ``signal`` is its bit; ``sfn`` its function in an SFN partition.

    ``mm_iovec`` says that its vectors may be mapped in this build.
    """

    __slots__ = (
        "_is_strict",
        "manifest",
        "mm_iovec",
        "name",
        "partition",
        "queue",
        "sfn",
        "sid",
        "signal",
        "stateless",
        "stateless_index",
        "version",
    )

    def __init__(self, manifest: ServiceManifest, partition: "Partition", signal: int) -> None:
        self.manifest = manifest
        self.name = manifest.name
        self.sid = manifest.sid
        self.version = manifest.version
        self._is_strict = manifest.version_policy is VersionPolicy.STRICT
        self.mm_iovec = False
        self.stateless = not manifest.connection_based
        self.stateless_index: int | None = None
        self.partition = partition
        self.signal = signal
        self.queue: deque[Connection] = deque()
        self.sfn: Sfn | None = None

    @property
    def handle(self) -> int:
        """The stateless handle of the service, 0 when it is connection-based."""
        if self.stateless_index is None:
            return 0
        return stateless_handle(self.stateless_index + 1, self.version)

    def accepts_version(self, requested: int) -> bool:
        """FF-M 1.1, version policy: STRICT wants equality, RELAXED at most the implemented version."""
        return requested == self.version if self._is_strict else requested <= self.version
