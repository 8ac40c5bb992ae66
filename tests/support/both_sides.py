"""One kernel and its reference model, and calls that are made on both and compared."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import note
from support.kernel_bench import NS_CODE, NS_RAM, SECURE_CODE, SECURE_RAM, a_service
from support.puppets import CUE, SECURE_SLOTS, SLOT_SIZE, Job, Stage, start_stage
from support.reference_model import (
    Call,
    CallerFacts,
    Link,
    Model,
    Panic,
    RegionFacts,
    ServiceFacts,
    Vec,
    aliased,
    written,
)

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.platform.memory import Memory
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.panic import DevicePanic

SERVICES: Final = (
    ServiceFacts("STRICT_SRV", 0x1001, "SERVER", 1 << 4, version=2),
    ServiceFacts("RELAXED_SRV", 0x1002, "SERVER", 1 << 5, version=2, strict=False),
    ServiceFacts("SECURE_SRV", 0x1003, "SERVER", 1 << 6, for_ns=False),
    ServiceFacts("STATELESS_SRV", 0x1004, "SERVER", 1 << 7, stateless_index=3),
    ServiceFacts("HIDDEN_SRV", 0x1005, "SERVER", 1 << 8, for_ns=False, stateless_index=17),
    ServiceFacts("MAPPED_SRV", 0x1006, "SERVER", 1 << 9, mm_iovec=True),
    ServiceFacts("OTHER_SRV", 0x1007, "OTHER", 1 << 4, strict=False),
    ServiceFacts("MAPPED_STATELESS", 0x1008, "OTHER", 1 << 5, stateless_index=0, mm_iovec=True),
)
CLIENT: Final = CallerFacts(
    "CLIENT", 258, frozenset(s.name for s in SERVICES) - {"HIDDEN_SRV", "OTHER_SRV"}, CUE
)
SERVER: Final = CallerFacts("SERVER", 256, interrupts=CUE)
OTHER: Final = CallerFacts("OTHER", 257, interrupts=CUE)
NS: Final = (CallerFacts("NS client -1", -0x3C000000), CallerFacts("NS client -2", -0x3C000001))
PARTITIONS: Final = (SERVER, OTHER, CLIENT)
REGIONS: Final = (
    RegionFacts(NS_CODE, 0x1000, secure=False),
    RegionFacts(SECURE_CODE, 0x1000, secure=True, writable=False),
    RegionFacts(NS_RAM, 0x10000, secure=False),
    RegionFacts(SECURE_RAM, 0x20000, secure=True),
)
Code = Callable[[Any], object]
Outputs = Callable[[], list[tuple[int, bytes]]]
UNMAPPED: Final = 0x60000000
NO_SERVICE: Final = 1 << 30 | 1 << 8 | 9
SCRATCH: Final = SECURE_RAM + 0x18000
MESSAGE_LAYOUT: Final = struct.Struct("<iiiI4I4I")
SLOTS: Final = 6
"""Calls of non-secure clients in progress at once, at most; the slot after them is the secure client's."""


def is_legal(facts: ServiceFacts, client: CallerFacts) -> bool:
    return facts.name in client.may_use if client.secure else facts.for_ns


def stateless_handle(facts: ServiceFacts) -> int:
    assert facts.stateless_index is not None
    return 1 << 30 | facts.version << 8 | facts.stateless_index


def manifest_entry(facts: ServiceFacts) -> str:
    attributes: dict[str, object] = {
        "connection_based": facts.stateless_index is None,
        "version": facts.version,
        "version_policy": "STRICT" if facts.strict else "RELAXED",
        "non_secure_clients": facts.for_ns,
        "mm_iovec": "enable" if facts.mm_iovec else "disable",
    }
    if facts.stateless_index is not None:
        attributes["stateless_handle"] = facts.stateless_index + 1
    return a_service(facts.name, facts.sid, **attributes)


def say(actor: CallerFacts, call: str, *arguments: object) -> None:
    """Tell the reader of a failing run which call comes now."""
    note(f"{actor.name}: {call} {' '.join(hex(a) if isinstance(a, int) else str(a) for a in arguments)}")


def start(pool: int) -> Stage:
    services = {
        name: [manifest_entry(s) for s in SERVICES if s.owner == name] for name in ("SERVER", "OTHER")
    }
    wanted = f"[{', '.join(sorted(CLIENT.may_use))}]"
    partitions: dict[str, tuple[list[str], dict[str, object]]] = {
        "SERVER": (services["SERVER"], {}),
        "OTHER": (services["OTHER"], {"priority": "LOW"}),
        "CLIENT": ([], {"dependencies": wanted, "priority": "HIGH"}),
    }
    return start_stage(partitions, SpmConfig(conn_handle_max_num=pool))


@dataclass(eq=False)
class Pending:
    """A call in progress on both sides, and where the client finds its output vectors' lengths and bytes."""

    job: Job
    call: Call
    partition: str = ""
    slot: int = -1
    outputs: Outputs = list
    sizes: Sequence[int] = ()


class BothSides:
    """A device and the model of it; ``age`` counts the calls since its power-on."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self.pool = 0
        self.traced = False
        self.salt = 0

    def restart(self) -> None:
        self.teardown()
        self.stage = start(self.pool)
        if not self.traced:  # calls go a shorter way when nobody listens
            self.stage.bench.kernel.trace.listeners.clear()
        self.model = Model(SERVICES, PARTITIONS, REGIONS, self.pool)
        self.pending: list[Pending] = []
        self.age = 0

    def teardown(self) -> None:
        if self.stage is not None:
            self.stage.close()

    def run(
        self,
        actor: CallerFacts,
        predict: Callable[[], Call],
        code: Code,
        slot: int = -1,
        outputs: Outputs = list,
        sizes: Sequence[int] = (),
    ) -> Job | None:
        """None when it came to the panic that the model asks for."""
        self.age += 1
        try:
            call = predict()
        except Panic as panic:
            with pytest.raises(DevicePanic) as raised:
                self.start_real(actor, code, slot)
            report = raised.value.report
            assert (report.culprit, report.rule.split(":")[0]) == (panic.culprit, panic.call), str(report)
            self.restart()
            return None
        job = self.start_real(actor, code, slot)
        self.pending.append(Pending(job, call, actor.name if actor.secure else "", slot, outputs, sizes))
        self.compare()
        return job

    def start_real(self, actor: CallerFacts, code: Code, slot: int) -> Job:
        assert self.stage is not None
        if actor.secure:
            return self.stage.partition(actor.name, code)
        return self.stage.client(-1 - NS.index(actor), slot, code)

    def compare(self) -> None:
        """Exactly those calls have returned that the model has ended, with the same results."""
        for one in list(self.pending):
            assert one.job.done == one.call.done, one.call
            if not one.job.done:
                continue
            self.pending.remove(one)
            assert one.job.result == one.call.result
            if one.partition:
                assert one.job.signals == self.model.signals(one.partition)
            self.compare_outputs(one)

    def compare_outputs(self, one: Pending) -> None:
        """Lengths and bytes that the client finds; a call that never reached the service left them alone."""
        if not one.sizes:
            return
        vectors = one.call.outs
        for i, (length, data) in enumerate(one.outputs()):
            if not vectors:
                assert length == one.sizes[i]
            elif not vectors[i].size:
                assert length == 0
            else:
                assert length == written(vectors[i])
                known = vectors[i].size if vectors[i].base is not None else length
                if vectors[i].base is None and vectors[i].use == "unmapped":
                    known = min(length, vectors[i].stored)
                assert not one.call.exact or data[:known] == vectors[i].data[:known]

    def free_slots(self) -> list[int]:
        taken = {one.slot for one in self.pending}
        return [slot for slot in range(SLOTS) if slot not in taken]

    def idle_partitions(self) -> list[CallerFacts]:
        busy = {one.partition for one in self.pending}
        return [p for p in PARTITIONS if p.name not in busy]

    def idle_clients(self) -> list[CallerFacts]:
        return [*(NS if self.free_slots() else ()), *(c for c in self.idle_partitions() if c is CLIENT)]

    def slot_of(self, client: CallerFacts) -> int:
        return SLOTS if client.secure else self.free_slots()[0]

    def links(self, client: CallerFacts) -> list[Link]:
        """A client's open connections."""
        return [
            link for link in self.model.links if link.client is client and link.accepted and not link.closed
        ]

    def known_handles(self) -> list[int]:
        live = [link.handle for link in self.model.links if link.handle]
        odd = [0, 0x1234DEAD, -129, 1, stateless_handle(SERVICES[3])]
        return [*live, *live, *list(self.model.dead)[-4:], *odd]

    def do_connect(self, client: CallerFacts, sid: int, version: int) -> None:
        say(client, "psa_connect", sid, version)
        self.run(
            client,
            lambda: self.model.psa_connect(client, sid, version),
            lambda psa: psa.psa_connect(sid, version),
            self.slot_of(client),
        )

    def do_version(self, client: CallerFacts, sid: int) -> None:
        say(client, "psa_version", sid)
        self.run(
            client,
            lambda: self.model.psa_version(client, sid),
            lambda psa: psa.psa_version(sid),
            self.slot_of(client),
        )

    def do_close(self, client: CallerFacts, handle: int) -> None:
        say(client, "psa_close", handle)
        self.run(
            client,
            lambda: self.model.psa_close(client, handle),
            lambda psa: psa.psa_close(handle),
            self.slot_of(client),
        )

    def do_call(
        self,
        client: CallerFacts,
        handle: int,
        type_: int,
        ins: list[int],
        outs: list[int],
        style: str,
        misplaced: tuple[int, str] | None = None,
        bad_array: tuple[int, int] | None = None,
    ) -> None:
        """psa_call with vectors of these sizes, each at 32 bytes of the caller's own memory.

        ``misplaced`` moves one of them to an odd place, ``bad_array`` one of the descriptor arrays.
        """
        say(client, "psa_call", handle, type_, ins, outs, style, misplaced or "", bad_array or "")
        slot = self.slot_of(client)
        # The secure client may have its vectors on either side.
        area = SLOT_SIZE * slot + 0x100
        area += SECURE_SLOTS if client.secure and len(self.model.dead) % 2 else NS_RAM
        sizes = [*ins, *outs]
        places = [area + 32 * i for i in range(len(sizes))]
        if misplaced is not None:
            at, why = misplaced
            sizes[at] = 0 if why == "inside" else sizes[at] or 8
            places[at] = {
                "null": 0,
                "closed": UNMAPPED if client.secure else SECURE_SLOTS,
                "edge": NS_RAM + 0x10000 - sizes[at] + 1,
                "wrap": 0xFFFFFFFC,
                "overlap": places[0] + sizes[0] - 1,
                "inside": places[0] + sizes[0] // 2,
                "next": places[0] + sizes[0],
                "read-only": SECURE_CODE,
            }[why]
        arrays: list[int | None] = [None, None]
        if style == "array":
            arrays = [area - 0x40, area - 0x80]
            if bad_array is not None:
                arrays[bad_array[0]] = bad_array[1]
        vectors = [
            self.vector(None if style == "buffers" else place, size)
            for place, size in zip(places, sizes, strict=True)
        ]
        for vector in vectors:  # one of them may lie over another
            if vector.base and vector.size and self.memory.find_range(vector.base, vector.size):
                vector.data[:] = self.memory.read(vector.base, vector.size)
        in_vectors, out_vectors = vectors[: len(ins)], vectors[len(ins) :]
        code, outputs = self.real_call(handle, type_, in_vectors, out_vectors, style, arrays)

        def predict() -> Call:
            return self.model.psa_call(client, handle, type_, in_vectors, out_vectors, *arrays)

        self.run(client, predict, code, slot, outputs, [v.size for v in out_vectors])

    def vector(self, base: int | None, size: int) -> Vec:
        """A vector of fresh bytes, which lie there already where the memory can be written."""
        data = self.fresh(size)
        if base and size and (region := self.memory.find_range(base, size)) and region.writable:
            self.memory.write(base, data)
        return Vec(base, size, bytearray(data))

    def fresh(self, size: int) -> bytes:
        self.salt += 1
        return bytes((self.salt * 37 + i) & 0xFF for i in range(size))

    def real_call(
        self, handle: int, type_: int, ins: list[Vec], outs: list[Vec], style: str, arrays: list[int | None]
    ) -> tuple[Code, Outputs]:
        """The call as code of the client's, and how to see its output lengths and bytes afterwards."""
        memory = self.memory
        if style == "array":
            for address, vectors in zip(arrays, (ins, outs), strict=True):
                table = b"".join(struct.pack("<II", v.base, v.size) for v in vectors)
                if address and table and (region := memory.find_range(address, len(table))):
                    region.backing[address - region.base :][: len(table)] = table
            in_array, out_array = arrays

            def lengths() -> list[int]:
                there = out_array and outs and memory.find_range(out_array, 8 * len(outs))
                table = memory.read(out_array or 0, 8 * len(outs)) if there else b""
                return [length for _, length in struct.iter_unpack("<II", table)]

            def call(psa: Any) -> object:
                return psa.psa_call(handle, type_, in_array, out_array, in_len=len(ins), out_len=len(outs))

            return call, lambda: list(zip(lengths(), map(self.bytes_of, outs), strict=False))
        if style == "buffers":
            given: list[Any] = [bytes(v.data) for v in ins]
            taken = [psa_outvec(bytearray(v.data), v.size) for v in outs]
        else:
            given = [psa_invec(v.base or 0, v.size) for v in ins]
            taken = [psa_outvec(v.base or 0, v.size) for v in outs]

        def results() -> list[tuple[int, bytes]]:
            return [
                (t.len, self.bytes_of(v) if isinstance(t.base, int) else bytes(t.base))
                for t, v in zip(taken, outs, strict=True)
            ]

        return lambda psa: psa.psa_call(handle, type_, given, taken), results

    def bytes_of(self, vector: Vec) -> bytes:
        reachable = vector.base and vector.size and self.memory.find_range(vector.base, vector.size)
        return self.memory.read(vector.base or 0, vector.size) if reachable else b""

    @property
    def memory(self) -> Memory:
        assert self.stage is not None
        return self.stage.bench.memory

    def partition_call(
        self,
        partition: CallerFacts,
        predict: Callable[[], object],
        code: Code,
    ) -> None:
        def predicted() -> Call:
            value = predict()
            return Call().end(0 if value is None else value)

        self.run(partition, predicted, code)

    def delivered(self) -> list[tuple[CallerFacts, Link]]:
        return [
            (p, link)
            for p in self.idle_partitions()
            for link in self.model.links
            if link.service.owner == p.name and link.message is not None and link.message.delivered
        ]

    def do_get(self, partition: CallerFacts, signal: int, address: int | None) -> None:
        say(partition, "psa_get", signal, "a psa_msg_t" if address is None else address)
        memory = self.memory
        found: list[Link] = []
        fields: list[tuple[Any, ...]] = []

        def code(psa: Any) -> object:
            msg = psa_msg_t()
            status = psa.psa_get(signal, msg if address is None else address)
            if address is None:
                fields.append((msg.handle, msg.type, msg.client_id, msg.rhandle, msg.in_size, msg.out_size))
            else:
                type_, handle, *rest = MESSAGE_LAYOUT.unpack(memory.read(address, MESSAGE_LAYOUT.size))
                fields.append((handle, type_, *rest[:2], tuple(rest[2:6]), tuple(rest[6:])))
            return status

        def predict() -> Call:
            found.append(self.model.psa_get(partition.name, signal, address))
            return Call().end(0)

        if self.run(partition, predict, code) is not None:
            self.model.seen(found[0], fields[0][0])
            expected = list(self.model.message_fields(found[0]))
            if address is not None:
                expected[2] = expected[2] or 0
            assert list(fields[0][1:]) == expected

    def do_copy(
        self, partition: CallerFacts, handle: int, call: str, index: int, size: int, address: int | None
    ) -> None:
        say(partition, call, handle, index, "a buffer" if address is None else address, size)
        model, memory = self.model, self.memory
        link = model.link(handle)
        message = link.message if link is not None else None
        exact = message is None or not aliased(message.ins, message.outs)
        region = memory.find_range(address, size) if address and size else None
        if call == "psa_write":
            fill = self.fresh(size)
            if region is not None and address is not None:
                region.backing[address - region.base :][:size] = fill

            def write(psa: Any) -> object:
                return psa.psa_write(handle, index, fill if address is None else address, size)

            self.partition_call(
                partition,
                lambda: model.psa_write(partition.name, handle, index, fill, size, address),
                write,
            )
        elif call == "psa_skip":
            self.partition_call(
                partition,
                lambda: len(model.psa_read(partition.name, handle, index, size, None, "psa_skip")),
                lambda psa: psa.psa_skip(handle, index, size),
            )
        else:

            def read(psa: Any) -> object:
                buffer = bytearray(b"\xa5" * size)
                if region is not None and region.writable:
                    memory.write(address or 0, bytes(buffer))
                count = psa.psa_read(handle, index, buffer if address is None else address, size)
                if region is not None:
                    buffer[:] = memory.read(address or 0, size)
                assert not region or not region.writable or buffer[count:] == b"\xa5" * (size - count)
                return bytes(buffer[:count]) if exact else count

            def predict() -> object:
                passed = model.psa_read(partition.name, handle, index, size, address)
                return passed if exact else len(passed)

            self.partition_call(partition, predict, read)

    def do_map(self, partition: CallerFacts, handle: int, call: str, index: int, marks: bytes) -> None:
        """Map a vector and look at it, or for an output write ``marks`` in place."""
        say(partition, call, handle, index)
        link = self.model.link(handle)
        message = link.message if link is not None else None
        exact = message is None or not aliased(message.ins, message.outs)

        def code(psa: Any) -> object:
            view = getattr(psa, call)(handle, index)
            if call == "psa_map_outvec":
                view[: len(marks)] = marks
                return len(view)
            assert view.readonly
            return bytes(view) if exact else len(view)

        def predict() -> object:
            found = self.model.psa_map(partition.name, handle, index, call)
            if call == "psa_map_outvec":
                vector = self.model.vector(partition.name, handle, index, call)
                vector.data[: len(marks)] = marks
                vector.stored = len(marks)
                return len(found)
            return found if exact else len(found)

        self.partition_call(partition, predict, code)

    def do_unmap(self, partition: CallerFacts, handle: int, call: str, index: int, length: int) -> None:
        say(partition, call, handle, index, length)
        arguments = (handle, index, length) if call == "psa_unmap_outvec" else (handle, index)
        self.partition_call(
            partition,
            lambda: self.model.psa_unmap(partition.name, handle, index, length, call),
            lambda psa: getattr(psa, call)(*arguments),
        )

    def do_set_rhandle(self, partition: CallerFacts, handle: int, value: int) -> None:
        say(partition, "psa_set_rhandle", handle, value)
        self.partition_call(
            partition,
            lambda: self.model.psa_set_rhandle(partition.name, handle, value),
            lambda psa: psa.psa_set_rhandle(handle, value),
        )

    def do_reply(self, partition: CallerFacts, handle: int, status: int) -> None:
        say(partition, "psa_reply", handle, str(status))
        self.partition_call(
            partition,
            lambda: self.model.psa_reply(partition.name, handle, status),
            lambda psa: psa.psa_reply(handle, status),
        )

    def do_wait(self, partition: CallerFacts, mask: int, timeout: int) -> None:
        say(partition, "psa_wait", mask, timeout)
        self.run(
            partition,
            lambda: self.model.psa_wait(partition.name, mask, timeout),
            lambda psa: psa.psa_wait(mask, timeout),
        )

    def do_notify(self, partition: CallerFacts, pid: int) -> None:
        say(partition, "psa_notify", str(pid))
        self.partition_call(
            partition,
            lambda: self.model.psa_notify(partition.name, pid),
            lambda psa: psa.psa_notify(pid),
        )

    def do_clear(self, partition: CallerFacts) -> None:
        say(partition, "psa_clear")
        self.partition_call(
            partition, lambda: self.model.psa_clear(partition.name), lambda psa: psa.psa_clear()
        )
