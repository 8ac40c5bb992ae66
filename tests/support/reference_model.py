"""What FF-M 1.1 says of connections and messages, as plainly as it can be said.

It is the oracle that the kernel is compared with, written from the specification: with the kernel it shares
no code and no more than the numbers of `interface/psa`. Each method predicts one call. It returns a Call,
which is done when the real one would have returned, or raises Panic.
"""

from dataclasses import dataclass, field
from typing import Any

from tfm_sim.interface.psa.client import PSA_MAX_IOVEC
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_IPC_CONNECT, PSA_IPC_DISCONNECT
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
)

STATELESS_BIT = 1 << 30
TYPE_MAX = 32767
HANDLE_VALUES_A_SLOT = 8


class Panic(Exception):
    """The device must go down, for ``culprit`` in ``call``."""

    def __init__(self, culprit: str, call: str) -> None:
        super().__init__(culprit, call)
        self.culprit = culprit
        self.call = call


@dataclass(frozen=True)
class ServiceFacts:
    name: str
    sid: int
    owner: str
    signal: int
    version: int = 1
    strict: bool = True
    for_ns: bool = True
    stateless_index: int | None = None
    mm_iovec: bool = False

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.name)


@dataclass(frozen=True)
class CallerFacts:
    """A client or partition; ``client_id`` tells the two apart."""

    name: str
    client_id: int
    may_use: frozenset[str] = frozenset()
    interrupts: int = 0

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.name)

    @property
    def secure(self) -> bool:
        return self.client_id > 0


@dataclass(frozen=True)
class RegionFacts:
    base: int
    size: int
    secure: bool
    writable: bool = True


@dataclass(eq=False)
class Vec:
    """A client's vector: ``data`` is what lies in it; ``base`` None is a buffer that the door places.

    ``stored`` are the bytes that a partition stored in place, through a pointer.
    """

    base: int | None
    size: int
    data: bytearray
    moved: int = 0
    use: str = "untouched"
    stored: int = 0


@dataclass(eq=False)
class Call:
    """A call in progress, and what it is to return."""

    done: bool = False
    result: object = None
    outs: list[Vec] = field(default_factory=list)
    exact: bool = True
    """False where vectors alias: the specification leaves open what is in them."""

    def end(self, result: object) -> "Call":
        self.done, self.result = True, result
        return self


@dataclass(eq=False)
class Message:
    type: int
    call: Call | None
    ins: list[Vec] = field(default_factory=list)
    outs: list[Vec] = field(default_factory=list)
    delivered: bool = False


@dataclass(eq=False)
class Link:
    """A connection, or what stands in for one during a stateless request; it takes a place of the pool."""

    client: CallerFacts
    service: ServiceFacts
    number: int
    handle: int = 0
    rhandle: object = None
    message: Message | None = None
    accepted: bool = False
    terminated: bool = False
    closed: bool = False

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        type_ = self.message.type if self.message else None
        printer.text(f"<{self.client.name} to {self.service.name}, {self.handle:#x}, message {type_}>")


class Model:
    """The SPM of FF-M 1.1, by isolation level 1's memory rules."""

    def __init__(
        self,
        services: tuple[ServiceFacts, ...],
        partitions: tuple[CallerFacts, ...],
        regions: tuple[RegionFacts, ...],
        pool: int,
    ) -> None:
        self.services = services
        self.partitions = {p.name: p for p in partitions}
        self.regions = regions
        self.pool = pool
        self.links: list[Link] = []
        self.queues: dict[str, list[Link]] = {s.name: [] for s in services}
        self.doorbells: set[str] = set()
        self.waits: dict[str, tuple[int, Call]] = {}
        self.allocated = 0
        self.dead: dict[int, int] = {}

    # Client API.

    def psa_version(self, client: CallerFacts, sid: int) -> Call:
        service = next((s for s in self.services if s.sid == sid), None)
        return Call().end(service.version if service and self.allowed(client, service) else 0)

    def psa_connect(self, client: CallerFacts, sid: int, version: int) -> Call:
        service = next((s for s in self.services if s.sid == sid), None)
        if service is None:
            return self.refuse(client, "psa_connect", PSA_ERROR_CONNECTION_REFUSED)
        if service.stateless_index is not None:
            return self.refuse(client, "psa_connect", PSA_ERROR_PROGRAMMER_ERROR)
        if not self.allowed(client, service) or not version_fits(service, version):
            return self.refuse(client, "psa_connect", PSA_ERROR_CONNECTION_REFUSED)
        if len(self.links) == self.pool:
            return Call().end(PSA_ERROR_CONNECTION_BUSY)
        return self.send(self.allocate(client, service), Message(PSA_IPC_CONNECT, Call()))

    def psa_call(
        self,
        client: CallerFacts,
        handle: int,
        type_: int,
        ins: list[Vec],
        outs: list[Vec],
        in_array: int | None = None,
        out_array: int | None = None,
    ) -> Call:
        wrong = PSA_ERROR_PROGRAMMER_ERROR
        if not 0 <= type_ <= TYPE_MAX or len(ins) > PSA_MAX_IOVEC or len(outs) > PSA_MAX_IOVEC:
            return self.refuse(client, "psa_call", wrong)
        link = self.link_of(client, handle)
        if handle > 0 and handle & STATELESS_BIT:
            index = handle & 0x1F
            service = next((s for s in self.services if s.stateless_index == index), None)
            if service is None:
                return self.refuse(client, "psa_call", wrong)
            if not self.allowed(client, service):
                return self.refuse(client, "psa_call", PSA_ERROR_CONNECTION_REFUSED)
            if not version_fits(service, handle >> 8 & 0xFF):
                return self.refuse(client, "psa_call", wrong)
            if len(self.links) == self.pool:
                return Call().end(PSA_ERROR_CONNECTION_BUSY)
            link = self.allocate(client, service)
        elif link is None or not link.accepted or link.message is not None or link.terminated:
            return self.refuse(client, "psa_call", wrong)
        if not self.vectors_are_legal(client, ins, outs, in_array, out_array):
            if link.service.stateless_index is not None:
                self.free(link)
            return self.refuse(client, "psa_call", wrong)
        call = Call(outs=outs, exact=not aliased(ins, outs))
        return self.send(link, Message(type_, call, ins, outs))

    def psa_close(self, client: CallerFacts, handle: int) -> Call:
        if handle == 0:
            return Call().end(None)
        link = self.link_of(client, handle)
        if link is None or not link.accepted or (link.message is not None and not link.terminated):
            self.refuse(client, "psa_close", PSA_ERROR_PROGRAMMER_ERROR)
            return Call().end(None)
        if link.terminated:
            link.closed = True
            if link.message is None:
                self.free(link)
            return Call().end(None)
        return self.send(link, Message(PSA_IPC_DISCONNECT, Call()))

    def refuse(self, client: CallerFacts, call: str, status: int) -> Call:
        if client.secure:
            raise Panic(client.name, call)
        return Call().end(status)

    def allowed(self, client: CallerFacts, service: ServiceFacts) -> bool:
        return service.name in client.may_use if client.secure else service.for_ns

    def link_of(self, client: CallerFacts, handle: int) -> Link | None:
        link = self.link(handle)
        mine = link is not None and link.client == client and link.service.stateless_index is None
        return link if mine and link is not None and not link.closed else None

    def link(self, handle: int) -> Link | None:
        return next((one for one in self.links if one.handle == handle != 0), None)

    def allocate(self, client: CallerFacts, service: ServiceFacts) -> Link:
        self.allocated += 1
        link = Link(client, service, self.allocated)
        self.links.append(link)
        return link

    def free(self, link: Link) -> None:
        self.links.remove(link)
        if link.handle:
            self.dead[link.handle] = link.number

    def send(self, link: Link, message: Message) -> Call:
        link.message = message
        self.queues[link.service.name].append(link)
        self.wake(link.service.owner)
        return message.call or Call()

    def vectors_are_legal(
        self,
        client: CallerFacts,
        ins: list[Vec],
        outs: list[Vec],
        in_array: int | None,
        out_array: int | None,
    ) -> bool:
        if len(ins) + len(outs) > PSA_MAX_IOVEC:
            return False
        if in_array is not None and not self.may(client, in_array, 8 * len(ins), write=False):
            return False
        if out_array is not None and not self.may(client, out_array, 8 * len(outs), write=True):
            return False
        if any(overlap(a, b) for i, a in enumerate(ins) for b in ins[:i]):
            return False
        return all(v.base is None or self.may(client, v.base, v.size, write=False) for v in ins) and all(
            v.base is None or self.may(client, v.base, v.size, write=True) for v in outs
        )

    def may(self, party: CallerFacts, base: int, size: int, *, write: bool) -> bool:
        """The whole range lies in one region that is open to the party; an empty range always is."""
        return size == 0 or any(
            region.base <= base
            and base + size <= region.base + region.size
            and (region.writable or not write)
            and (party.secure or not region.secure)
            for region in self.regions
        )

    # Partition API.

    def signals(self, partition: str) -> int:
        """What is asserted, a puppet's own interrupt apart."""
        asserted = PSA_DOORBELL if partition in self.doorbells else 0
        return asserted | sum(s.signal for s in self.services if s.owner == partition and self.queues[s.name])

    def assigned(self, partition: str) -> int:
        own = sum(s.signal for s in self.services if s.owner == partition)
        return own | PSA_DOORBELL | self.partitions[partition].interrupts

    def psa_wait(self, partition: str, mask: int, timeout: int) -> Call:
        if not mask & self.assigned(partition):
            raise Panic(partition, "psa_wait")
        call = Call()
        if self.signals(partition) & mask or not timeout & PSA_BLOCK:
            return call.end(self.signals(partition) & mask)
        self.waits[partition] = (mask, call)
        return call

    def wake(self, partition: str) -> None:
        if partition in self.waits and self.signals(partition) & self.waits[partition][0]:
            mask, call = self.waits.pop(partition)
            call.end(self.signals(partition) & mask)

    def psa_get(self, partition: str, signal: int, address: int | None) -> Link:
        """The link whose message is fetched; `seen` takes what the partition saw."""
        service = next((s for s in self.services if s.owner == partition and s.signal == signal), None)
        buffer_fits = address is None or self.may(self.partitions[partition], address, 48, write=True)
        if not buffer_fits or service is None or not self.queues[service.name]:
            raise Panic(partition, "psa_get")
        link = self.queues[service.name].pop(0)
        assert link.message is not None
        link.message.delivered = True
        return link

    def seen(self, link: Link, handle: int) -> None:
        """A message's handle is its connection's, and none that is in use or was given out lately."""
        assert handle > 0
        assert not handle & STATELESS_BIT
        assert link.handle in (0, handle)
        assert self.link(handle) in (None, link)
        if not link.handle:
            assert self.dead.pop(handle, -HANDLE_VALUES_A_SLOT) <= link.number - HANDLE_VALUES_A_SLOT
        link.handle = handle

    def message_fields(self, link: Link) -> tuple[object, ...]:
        """psa_msg_t without its handle."""
        message = link.message
        assert message is not None
        sizes = [tuple(([v.size for v in vectors] + [0] * 4)[:4]) for vectors in (message.ins, message.outs)]
        return (message.type, link.client.client_id, link.rhandle, *sizes)

    def message(self, partition: str, handle: int, call: str) -> tuple[Link, Message]:
        link = self.link(handle)
        if link is None or link.message is None or not link.message.delivered:
            raise Panic(partition, call)
        if link.service.owner != partition:
            raise Panic(partition, call)
        return link, link.message

    def vector(self, partition: str, handle: int, index: int, call: str) -> Vec:
        _, message = self.message(partition, handle, call)
        if message.type < 0 or not 0 <= index < PSA_MAX_IOVEC:
            raise Panic(partition, call)
        vectors = message.outs if call in ("psa_write", "psa_map_outvec", "psa_unmap_outvec") else message.ins
        return vectors[index] if index < len(vectors) else Vec(None, 0, bytearray())

    def psa_set_rhandle(self, partition: str, handle: int, rhandle: object) -> None:
        link, _ = self.message(partition, handle, "psa_set_rhandle")
        if link.service.stateless_index is not None:
            raise Panic(partition, "psa_set_rhandle")
        link.rhandle = rhandle

    def psa_read(
        self, partition: str, handle: int, index: int, size: int, address: int | None, call: str = "psa_read"
    ) -> bytes:
        """psa_read, and psa_skip as a psa_read into nowhere: the bytes that are passed."""
        vector = self.vector(partition, handle, index, call)
        if vector.use not in ("untouched", "copied"):
            raise Panic(partition, call)
        left = vector.size - vector.moved
        if (
            left
            and address is not None
            and not self.may(self.partitions[partition], address, size, write=True)
        ):
            raise Panic(partition, call)
        vector.use = "copied"
        passed = bytes(vector.data[vector.moved : vector.moved + min(size, left)])
        vector.moved += len(passed)
        return passed

    def psa_write(
        self, partition: str, handle: int, index: int, data: bytes, size: int, address: int | None
    ) -> None:
        vector = self.vector(partition, handle, index, "psa_write")
        if vector.use not in ("untouched", "copied") or size > vector.size - vector.moved:
            raise Panic(partition, "psa_write")
        if address is not None and not self.may(self.partitions[partition], address, size, write=False):
            raise Panic(partition, "psa_write")
        vector.use = "copied"
        vector.data[vector.moved : vector.moved + size] = data
        vector.moved += size

    def psa_map(self, partition: str, handle: int, index: int, call: str) -> bytes:
        """psa_map_invec or psa_map_outvec: what lies there."""
        vector = self.mappable(partition, handle, index, call)
        may = vector.base is None or self.may(
            self.partitions[partition], vector.base, vector.size, write=call == "psa_map_outvec"
        )
        if not vector.size or vector.use != "untouched" or not may:
            raise Panic(partition, call)
        vector.use = "mapped"
        return bytes(vector.data)

    def psa_unmap(self, partition: str, handle: int, index: int, length: int, call: str) -> None:
        vector = self.mappable(partition, handle, index, call)
        if vector.use != "mapped" or (call == "psa_unmap_outvec" and length > vector.size):
            raise Panic(partition, call)
        vector.use = "unmapped"
        vector.moved = length

    def mappable(self, partition: str, handle: int, index: int, call: str) -> Vec:
        vector = self.vector(partition, handle, index, call)
        link, _ = self.message(partition, handle, call)
        if not link.service.mm_iovec:
            raise Panic(partition, call)
        return vector

    def psa_reply(self, partition: str, handle: int, status: int) -> None:
        link, message = self.message(partition, handle, "psa_reply")
        call = message.call
        link.message = None
        if message.type == PSA_IPC_CONNECT:
            assert call is not None
            if status not in (0, PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY):
                raise Panic(partition, "psa_reply")
            link.accepted = status == 0
            if not link.accepted:
                self.free(link)
            call.end(status or handle)
        elif message.type == PSA_IPC_DISCONNECT:
            if call is not None:  # of psa_close; of a terminated connection nobody waits
                self.free(link)
                call.end(None)
            elif link.closed:
                self.free(link)
        else:
            self.answer_request(link, message, status)

    def answer_request(self, link: Link, message: Message, status: int) -> None:
        assert message.call is not None
        if status == PSA_ERROR_PROGRAMMER_ERROR and link.client.secure:
            raise Panic(link.client.name, "psa_call")
        message.call.end(status)
        if link.service.stateless_index is not None:
            self.free(link)
        elif status == PSA_ERROR_PROGRAMMER_ERROR:
            link.terminated = True
            self.send(link, Message(PSA_IPC_DISCONNECT, None))

    def psa_notify(self, partition: str, partition_id: int) -> None:
        target = next((p.name for p in self.partitions.values() if p.client_id == partition_id), None)
        if target is None:
            raise Panic(partition, "psa_notify")
        self.doorbells.add(target)
        self.wake(target)

    def psa_clear(self, partition: str) -> None:
        if partition not in self.doorbells:
            raise Panic(partition, "psa_clear")
        self.doorbells.remove(partition)


def version_fits(service: ServiceFacts, version: int) -> bool:
    return version == service.version if service.strict else version <= service.version


def written(vector: Vec) -> int:
    """What the client's ``len`` says after the reply: mapped and never unmapped counts as nothing."""
    return 0 if vector.use == "mapped" else vector.moved


def overlap(a: Vec, b: Vec) -> bool:
    if a.base is None or b.base is None or not a.size or not b.size:
        return False
    return a.base < b.base + b.size and b.base < a.base + a.size


def aliased(ins: list[Vec], outs: list[Vec]) -> bool:
    every = [*ins, *outs]
    return any(overlap(a, b) for i, a in enumerate(every) for b in every[:i])
