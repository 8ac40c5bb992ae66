"""Those who call the SPM: the non-secure side and the partitions."""

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Final

from ..interface.psa.service import PSA_DOORBELL
from .connection import Connection
from .manifest import PartitionManifest, PartitionModel
from .scheduler import Thread

if TYPE_CHECKING:
    from .service import Service

NS_CLIENT_ID_BASE: Final = -0x3C00FFFF
NS_CLIENT_ID_LIMIT: Final = -0x3C000000


class Client(ABC):
    """A caller of the client API. ``client_id`` is what services see: negative, or the partition id.

    ``thread`` is where the client's code runs at the moment; ``reply`` is set when a call that had to wait
    has its answer; ``written`` are the bytes that the last reply left in each output vector.
    """

    __slots__ = ("client_id", "is_secure", "name", "reply", "thread", "written")

    def __init__(self, name: str, client_id: int, *, is_secure: bool, thread: Thread) -> None:
        self.name = name
        self.client_id = client_id
        self.is_secure = is_secure
        self.thread = thread
        self.reply: int | None = None
        self.written: list[int] | None = None

    @abstractmethod
    def may_use(self, service: "Service") -> bool:
        """FF-M 1.1, service access: the manifest's flag for the non-secure side, else dependencies."""

    @abstractmethod
    def may_touch(self, owner: str) -> bool:
        """True when secure memory of ``owner`` ("" is the SPM) is open to this client."""


class NonSecureClient(Client):
    """A client in the NSPE."""

    __slots__ = ()

    def __init__(self, ns_id: int, thread: Thread) -> None:
        # TF-M tz_ns_agent: effective id = limit + 1 + ns id, for ids from -1 down.
        client_id = NS_CLIENT_ID_LIMIT + 1 + ns_id
        if not NS_CLIENT_ID_BASE <= client_id <= NS_CLIENT_ID_LIMIT:
            raise ValueError(
                f"non-secure id {ns_id}: legal are -1 down to {NS_CLIENT_ID_BASE - NS_CLIENT_ID_LIMIT - 1}"
            )
        super().__init__(f"NS client {ns_id}", client_id, is_secure=False, thread=thread)

    def may_use(self, service: "Service") -> bool:
        return service.manifest.non_secure_clients

    def may_touch(self, owner: str) -> bool:
        return False


class Partition(Client):
    """A Secure Partition at run time: its signals, its queue, its program.

    ``open_owners`` are the partitions whose memory its isolation domain opens to it; None is everybody's.
    ``serving`` is true while an SFN runs; messages for it that arrive meanwhile wait in ``queue``.
    """

    __slots__ = (
        "assigned",
        "dependencies",
        "initialised",
        "load_order",
        "manifest",
        "open_owners",
        "priority",
        "program",
        "queue",
        "service_by_signal",
        "services",
        "serving",
        "signals",
        "wait_mask",
    )

    def __init__(self, manifest: PartitionManifest, client_id: int, load_order: int, thread: Thread) -> None:
        super().__init__(manifest.name, client_id, is_secure=True, thread=thread)
        self.manifest = manifest
        self.load_order = load_order
        self.services: list[Service] = []
        self.service_by_signal: dict[int, Service] = {}
        self.dependencies: frozenset[Service] = frozenset()
        self.priority = thread.priority
        self.assigned = PSA_DOORBELL
        self.signals = 0
        self.wait_mask = 0
        self.queue: deque[Connection] = deque()
        self.program: object = None
        self.initialised = False
        self.serving = False
        self.open_owners: frozenset[str] | None = frozenset({self.name})

    @property
    def is_sfn(self) -> bool:
        return self.manifest.model is PartitionModel.SFN

    def may_use(self, service: "Service") -> bool:
        return service in self.dependencies

    def may_touch(self, owner: str) -> bool:
        return self.open_owners is None or owner in self.open_owners
