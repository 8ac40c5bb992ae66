"""Those who call the SPM: the non-secure side and the partitions."""

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Final

from ..interface.psa.service import PSA_DOORBELL
from ..interface.tfm.mailbox import ASYNC_MSG_REPLY
from ..platform.memory import Region
from .manifest import PartitionManifest, PartitionModel
from .scheduler import Thread

if TYPE_CHECKING:
    from .interrupts import Irq
    from .kernel import Kernel
    from .service import Service

# FF-M 1.1 client_id: a partition's id, or negative for the NSPE; TF-M client_id: TrustZone's agent has these.
NS_CLIENT_ID_BASE: Final = -0x3C00FFFF
NS_CLIENT_ID_LIMIT: Final = -0x3C000000
NS_ID_LOWEST: Final = NS_CLIENT_ID_BASE - NS_CLIENT_ID_LIMIT - 1


class Client(ABC):
    """A caller of the client API: who it is, and the thread in which its calls wait.

    ``client_id`` is what services see: negative, or the partition id. ``reply`` is set when a call that had
    to wait has its answer; ``written`` are the bytes that the last reply left in each output vector.
    ``readable`` and ``writable`` are the regions that were last found open to this client.
    """

    __slots__ = ("client_id", "is_secure", "name", "readable", "reply", "thread", "writable", "written")

    def __init__(self, name: str, client_id: int, *, is_secure: bool, thread: Thread) -> None:
        self.name = name
        self.client_id = client_id
        self.is_secure = is_secure
        self.thread = thread
        self.reply: int | None = None
        self.written: list[int] | None = None
        self.readable: Region | None = None
        self.writable: Region | None = None

    def answer(self, spm: "Kernel", value: int) -> None:
        """The service has replied: the call in progress returns ``value``."""
        self.reply = value
        spm.scheduler.wake(self.thread, "reply")

    def take_answer(self) -> int:
        """What the call that just ended its waiting returns."""
        assert self.reply is not None
        return self.reply

    @abstractmethod
    def may_use(self, service: "Service") -> bool:
        """FF-M 1.1, service access: the manifest's flag for the non-secure side, else dependencies."""

    @abstractmethod
    def may_touch(self, owner: str) -> bool:
        """True when secure memory of ``owner`` ("" is the SPM) is open to this client."""


def ns_client_id(ns_id: int, base: int = NS_CLIENT_ID_BASE, limit: int = NS_CLIENT_ID_LIMIT) -> int | None:
    """TF-M NS agent: limit + 1 + ns id, for ids from -1 down; None for one that leaves the agent's range."""
    client_id = limit + 1 + ns_id
    return client_id if base <= client_id <= limit else None


class NonSecureClient(Client):
    """A client in the NSPE: the boot thread or an RTOS task, or a request of the other core's."""

    __slots__ = ()

    def __init__(self, name: str, client_id: int, thread: Thread) -> None:
        super().__init__(name, client_id, is_secure=False, thread=thread)

    def may_use(self, service: "Service") -> bool:
        return service.manifest.non_secure_clients

    def may_touch(self, owner: str) -> bool:
        return False


class Partition(Client):
    """A Secure Partition at run time: its signals, its services and its program.

    ``open_owners`` are the partitions whose memory its isolation domain opens to it; None is everybody's.
    ``assigned`` are the signals that exist for it, ``wait_mask`` those that it waits for in psa_wait.
    """

    __slots__ = (
        "assigned",
        "dependencies",
        "initialised",
        "irq_by_signal",
        "is_sfn",
        "load_order",
        "manifest",
        "open_owners",
        "program",
        "replies",
        "service_by_signal",
        "services",
        "signals",
        "vain_waits",
        "wait_mask",
    )

    def __init__(self, manifest: PartitionManifest, client_id: int, load_order: int, thread: Thread) -> None:
        super().__init__(manifest.name, client_id, is_secure=True, thread=thread)
        self.manifest = manifest
        self.is_sfn = manifest.model is PartitionModel.SFN
        self.load_order = load_order
        self.services: list[Service] = []
        self.service_by_signal: dict[int, Service] = {}
        self.irq_by_signal: dict[int, Irq] = {}
        self.dependencies: frozenset[Service] = frozenset()
        self.assigned = 0
        self.signals = 0
        self.wait_mask = 0
        self.vain_waits = 0
        self.replies: deque[tuple[int, int]] = deque()
        self.program: object = None
        self.initialised = False
        self.open_owners: frozenset[str] | None = frozenset({self.name})

    def take_answer(self) -> int:
        mask = self.wait_mask
        if not mask:
            return super().take_answer()
        self.wait_mask = 0
        self.vain_waits = 0
        return self.signals & mask

    def signal_name(self, signal: int) -> str:
        """The symbol of a signal, as TF-M's generated headers have it."""
        if signal in self.service_by_signal:
            return f"{self.service_by_signal[signal].name}_SIGNAL"
        if signal in self.irq_by_signal:
            return self.irq_by_signal[signal].manifest.signal
        return {PSA_DOORBELL: "PSA_DOORBELL", ASYNC_MSG_REPLY: "ASYNC_MSG_REPLY"}.get(signal, f"{signal:#x}")

    def may_use(self, service: "Service") -> bool:
        # TF-M NS agent: it asks for the clients of another core, and what holds for them holds for it.
        if self.manifest.ns_agent:
            return service.manifest.non_secure_clients
        return service in self.dependencies

    def may_touch(self, owner: str) -> bool:
        return self.open_owners is None or owner in self.open_owners
