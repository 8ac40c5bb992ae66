"""Random calls of several clients into several services, legal and illegal, against a reference model.

TFM_SIM_STATE_MACHINE_EXAMPLES asks for more runs than the few of a usual test, and for new ones each time.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from support.both_sides import (
    CLIENT,
    NO_SERVICE,
    NS,
    PARTITIONS,
    SCRATCH,
    SERVICES,
    UNMAPPED,
    BothSides,
    is_legal,
    stateless_handle,
)
from support.kernel_bench import NS_RAM, SECURE_CODE, SECURE_RAM
from support.puppets import CUE
from support.reference_model import CallerFacts, Link, Vec

from tfm_sim.interface.psa.client import PSA_MAX_IOVEC
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, PSA_WAIT_ANY
from tfm_sim.interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR

RUNS: Final = int(os.environ.get("TFM_SIM_STATE_MACHINE_EXAMPLES", "0"))
STATUSES: Final = (0, 1, 7, -1, -2, -130, -131, -135, 2**31 - 1, -(2**31), -129, -129)
BAD_PLACES: Final = ("null", "closed", "edge", "wrap", "read-only")
NEAR_PLACES: Final = ("overlap", "inside", "next")
"""Of the second vector about the first. The last two are legal, and so is overlap with an output vector."""
FLAWS: Final = ("handle", "handle", "type", "counts", "array", "array", *BAD_PLACES, *NEAR_PLACES)
BAD_ARRAYS: Final = (0, UNMAPPED, SECURE_CODE, SECURE_CODE, NS_RAM + 0x10000 - 4)
COPIES: Final = ("psa_read", "psa_skip", "psa_write")
INPUT_CALLS: Final = ("psa_read", "psa_skip", "psa_map_invec", "psa_unmap_invec")
OUTPUT_CALLS: Final = ("psa_write", "psa_map_outvec", "psa_unmap_outvec")
MESSAGE_CALLS: Final = (*INPUT_CALLS, *OUTPUT_CALLS, "psa_set_rhandle", "psa_reply")
STATELESS: Final = SERVICES[3]

Enabled = Callable[["Machine"], object]
Draw = Callable[[Random], Any]


def one_of(choices: Sequence[object]) -> Draw:
    return lambda dice: dice.choice(choices)


def number(least: int, most: int) -> Draw:
    return lambda dice: dice.randint(least, most)


def some_bytes(dice: Random) -> bytes:
    return dice.randbytes(dice.randint(0, 8))


def vector_sizes(dice: Random) -> list[int]:
    return [dice.choice((0, *[dice.randint(1, 24)] * 3)) for _ in range(dice.choice((0, 1, 1, 2)))]


any_sid: Final = one_of((*(s.sid for s in SERVICES), 0x1FFF))
any_ns: Final = one_of(NS)
any_flaw: Final = one_of(FLAWS)
any_address: Final = one_of((None, None, SCRATCH, 0, SECURE_CODE, SECURE_RAM + 0x20000 - 7))


class Action(NamedTuple):
    """One kind of step: how often it is taken, when it can be, and what is drawn for it."""

    name: str
    weight: int
    enabled: Enabled
    arguments: dict[str, Draw]


ACTIONS: Final[list[Action]] = []
ATTEMPTS: Final = 20
"""At finding an action that can be done; sometimes everybody waits for somebody."""


def action(weight: int, enabled: Enabled, **arguments: Draw) -> Callable[[Any], Any]:
    """A step of the machine. It is one rule with dice of its own, not many of Hypothesis', which come equally
    often and some not at all: few calls would come to an end.
    """

    def note(method: Any) -> Any:
        ACTIONS.append(Action(method.__name__, weight, enabled, arguments))
        return method

    return note


class Machine(RuleBasedStateMachine, BothSides):
    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        BothSides.__init__(self)
        self.seen: Counter[bytes] = Counter()

    @initialize(
        pool=st.sampled_from((2, 4, 6, 8)),
        patience=st.sampled_from((0, 10, 30, 70)),
        traced=st.sampled_from((False, False, True)),
    )
    def power_on(self, pool: int, patience: int, traced: bool) -> None:
        """``patience`` is how many steps a device lives before a partition may break a rule."""
        self.pool, self.patience, self.traced = pool, patience, traced
        self.restart()

    @rule(seed=st.binary(min_size=8, max_size=8))
    def step(self, seed: bytes) -> None:
        self.seen[seed] += 1  # Hypothesis likes to repeat itself
        dice = Random(seed + bytes([self.seen[seed] & 0xFF]))
        for _ in range(ATTEMPTS):
            chosen = dice.choices(ACTIONS, WEIGHTS)[0]
            if chosen.enabled(self):
                getattr(self, chosen.name)(
                    dice, **{name: draw(dice) for name, draw in chosen.arguments.items()}
                )
                return

    # What can be done.

    def rebels(self) -> list[CallerFacts]:
        """Partitions that may break a rule now."""
        return self.idle_partitions() if self.age >= self.patience else []

    def idle_links(self, client: CallerFacts) -> list[int]:
        links = self.links(client)
        return [link.handle for link in links if link.message is None and not link.terminated]

    def closable(self) -> list[Link]:
        links = [link for client in self.idle_clients() for link in self.links(client)]
        return [link for link in links if link.message is None or link.terminated]

    def unready(self) -> list[Link]:
        links = [link for client in NS if self.free_slots() for link in self.links(client)]
        return [link for link in links if link.message is not None or link.terminated]

    def callable(self) -> list[tuple[CallerFacts, int]]:
        return [
            (client, handle)
            for client in self.idle_clients()
            for handle in (
                *self.idle_links(client) * 5,
                *(
                    stateless_handle(s)
                    for s in SERVICES
                    if s.stateless_index is not None and is_legal(s, client)
                    for _ in range(3 if s.mm_iovec else 1)
                ),
            )
        ]

    def waiting(self) -> list[tuple[CallerFacts, int]]:
        return [
            (partition, service.signal)
            for partition in self.idle_partitions()
            for service in SERVICES
            if service.owner == partition.name and self.model.queues[service.name]
        ]

    def requests(self) -> list[tuple[CallerFacts, Link, list[Vec], list[Vec]]]:
        return [
            (partition, link, link.message.ins, link.message.outs)
            for partition, link in self.delivered()
            if link.message is not None and link.message.type >= 0
        ]

    def copyable(self) -> list[tuple[CallerFacts, Link, str, int, int]]:
        """Vectors that may be copied, with what is left of them; absent ones less often than others."""
        choices = []
        for partition, link, ins, outs in self.requests():
            for call, vectors in zip(COPIES, (ins, ins, outs), strict=True):
                for i, vector in enumerate(vectors):
                    if vector.use in ("untouched", "copied"):
                        choices += [(partition, link, call, i, vector.size - vector.moved)] * 4
                choices += [(partition, link, call, i, 0) for i in range(len(vectors), 4)]
        return choices

    def mappable(self) -> list[tuple[CallerFacts, Link, str, int, Vec]]:
        return [
            (partition, link, side, i, vector)
            for partition, link, ins, outs in self.requests()
            if link.service.mm_iovec
            for side, vectors in (("invec", ins), ("outvec", outs))
            for i, vector in enumerate(vectors)
            if vector.use == "mapped" or (vector.use == "untouched" and vector.size)
        ]

    def vectors(self) -> list[tuple[CallerFacts, Link, tuple[str, ...], int, int]]:
        """For partitions that may break a rule: vectors of all requests, calls for them, and what is left."""
        return [
            (partition, link, calls, i, vector.size - vector.moved)
            for partition in self.rebels()
            for owner, link, ins, outs in self.requests()
            for calls, vectors in ((INPUT_CALLS, ins), (OUTPUT_CALLS, outs))
            for i, vector in enumerate(vectors)
            if vector.size
            for _ in range(2 if owner is not partition else 8 if vector.use == "mapped" else 4)
        ]

    def rung(self) -> list[CallerFacts]:
        return [p for p in self.idle_partitions() if p.name in self.model.doorbells]

    # The clients.

    @action(2, BothSides.idle_clients)
    def connect(self, dice: Random) -> None:
        client = dice.choice(self.idle_clients())
        usable = [s for s in SERVICES if s.stateless_index is None and is_legal(s, client)]
        service = dice.choice(usable)
        version = service.version if service.strict else dice.randint(0, service.version)
        self.do_connect(client, service.sid, version)

    @action(4, BothSides.idle_clients)
    def open(self, dice: Random) -> None:
        """A connection from psa_connect to the service's acceptance in one step, if nobody is in its way."""
        before = set(self.model.links)
        self.connect(dice)
        for link in set(self.model.links) - before:
            self.serve(link, 0, dice.choice((0, dice.getrandbits(32))))

    @action(3, lambda self: any(self.idle_links(client) for client in NS) and self.free_slots())
    def terminate(self, dice: Random) -> None:
        """A non-secure request that the service finds wrong, and perhaps the end of its connection."""
        choices = [link for c in NS for link in self.links(c) if link.message is None and not link.terminated]
        link = dice.choice(choices)
        self.do_call(link.client, link.handle, 0, vector_sizes(dice), vector_sizes(dice), "list")
        self.serve(link, PSA_ERROR_PROGRAMMER_ERROR)
        if link.terminated and dice.random() < 0.5:
            self.serve(link, 0)

    def serve(self, link: Link, status: int, rhandle: int = 0) -> None:
        """Fetch and answer the outstanding message, unless others stand before it."""
        partition = next(p for p in PARTITIONS if p.name == link.service.owner)
        message = link.message
        while message is not None and link.message is message and partition in self.idle_partitions():
            if not message.delivered:
                self.do_get(partition, link.service.signal, None)
                continue
            if rhandle:
                self.do_set_rhandle(partition, link.handle, rhandle)
            self.do_reply(partition, link.handle, status)

    @action(1, BothSides.free_slots, client=any_ns, sid=any_sid, version=number(0, 3))
    def connect_anyhow(self, dice: Random, client: CallerFacts, sid: int, version: int) -> None:
        self.do_connect(client, sid, version)

    @action(1, rebels, sid=any_sid, version=number(0, 3))
    def a_partition_connects_anyhow(self, dice: Random, sid: int, version: int) -> None:
        self.do_connect(dice.choice(self.rebels()), sid, version)

    @action(1, BothSides.idle_clients, sid=any_sid)
    def ask_version(self, dice: Random, sid: int) -> None:
        self.do_version(dice.choice(self.idle_clients()), sid)

    @action(4, closable)
    def close(self, dice: Random) -> None:
        link = dice.choice(self.closable())
        self.do_close(link.client, link.handle)

    @action(1, BothSides.free_slots, client=any_ns)
    def close_anyhow(self, dice: Random, client: CallerFacts) -> None:
        self.do_close(client, dice.choice(self.known_handles()))

    @action(1, rebels)
    def a_partition_closes_anyhow(self, dice: Random) -> None:
        handle = dice.choice(self.known_handles())
        self.do_close(dice.choice(self.rebels()), handle)

    @action(8, callable, ins=vector_sizes, outs=vector_sizes, style=one_of(("buffers", "list", "array")))
    def call(self, dice: Random, ins: list[int], outs: list[int], style: str) -> None:
        client, handle = dice.choice(self.callable())
        self.do_call(client, handle, dice.choice((0, 1, 32767)), ins, outs, style)
        for link in self.model.links:  # as a rule the service looks at it soon
            ahead = self.model.queues[link.service.name][:1] == [link]
            partition = next(p for p in PARTITIONS if p.name == link.service.owner)
            if ahead and partition in self.idle_partitions() and dice.random() < 0.5:
                self.do_get(partition, link.service.signal, None)

    @action(3, BothSides.free_slots, client=any_ns, flaw=any_flaw, ins=vector_sizes, outs=vector_sizes)
    def call_wrongly(
        self, dice: Random, client: CallerFacts, flaw: str, ins: list[int], outs: list[int]
    ) -> None:
        handles = [*self.idle_links(client), stateless_handle(STATELESS)]
        type_, misplaced, bad_array = 0, None, None
        style = "array" if flaw == "array" else dice.choice(("list", "array"))
        if flaw == "handle":
            odd = [stateless_handle(s) for s in SERVICES if s.stateless_index is not None]
            own = [link.handle for link in self.links(client) for _ in range(6 if link.terminated else 2)]
            handles = [*self.known_handles(), *own, *odd, stateless_handle(STATELESS) + 0x100, NO_SERVICE]
        elif flaw == "type":
            type_ = dice.choice((-1, -2, 32768, -(2**31)))
        elif flaw == "counts":
            ins, outs = dice.choice((([1] * 3, [2, 2]), ([1] * 5, []), ([0], [0] * 4)))
        elif flaw == "array":
            ins, outs = [4], [4]
            bad_array = (dice.randint(0, 1), dice.choice(BAD_ARRAYS))
        elif flaw in NEAR_PLACES:
            ins, outs = dice.choice((([8, 8], []), ([8, 8], [4]), ([8], [8]), ([], [8, 8])))
            misplaced = (1, flaw)
        elif ins or outs:
            misplaced = (dice.randint(0, len(ins) + len(outs) - 1), flaw)
        handle = dice.choice(handles)
        self.do_call(client, handle, type_, ins, outs, style, misplaced, bad_array)

    @action(3, lambda self: self.unready())
    def use_unready(self, dice: Random) -> None:
        """A connection with a message outstanding, or a terminated one, takes no calls."""
        link = dice.choice(self.unready())
        if dice.random() < 0.7 or link.terminated:
            self.do_call(link.client, link.handle, 0, vector_sizes(dice), vector_sizes(dice), "list")
        else:
            self.do_close(link.client, link.handle)

    @action(
        2,
        lambda self: CLIENT in self.rebels(),
        flaw=any_flaw,
        ins=vector_sizes,
        outs=vector_sizes,
    )
    def a_partition_calls_wrongly(self, dice: Random, flaw: str, ins: list[int], outs: list[int]) -> None:
        self.call_wrongly(dice, CLIENT, flaw, ins, outs)

    # The services.

    @action(14, waiting, in_memory=one_of((False, True)))
    def get(self, dice: Random, in_memory: bool) -> None:
        partition, signal = dice.choice(self.waiting())
        self.do_get(partition, signal, SCRATCH if in_memory else None)

    @action(
        1,
        rebels,
        signal=one_of((0, 1, 4, 8, 0x10, 0x20, 0x30, 0x40, 0x80, 0x100, 0x200, 0x400, CUE)),
        address=any_address,
    )
    def get_anyhow(self, dice: Random, signal: int, address: int | None) -> None:
        partition = dice.choice(self.rebels())
        asserted = [signal for p, signal in self.waiting() if p is partition]
        self.do_get(partition, dice.choice([signal, *asserted * 2]), address)

    @action(14, copyable, size=number(0, 30), in_memory=one_of((False, True)))
    def copy(self, dice: Random, size: int, in_memory: bool) -> None:
        partition, link, call, index, left = dice.choice(self.copyable())
        size = min(size, left) if call == "psa_write" else size
        self.do_copy(partition, link.handle, call, index, size, SCRATCH if in_memory else None)

    @action(10, mappable, part=number(0, 24), marks=some_bytes)
    def map_and_unmap(self, dice: Random, part: int, marks: bytes) -> None:
        partition, link, side, index, vector = dice.choice(self.mappable())
        if vector.use == "untouched":
            self.do_map(partition, link.handle, f"psa_map_{side}", index, marks[: vector.size])
        else:
            self.do_unmap(partition, link.handle, f"psa_unmap_{side}", index, min(part, vector.size))

    @action(2, BothSides.delivered, value=number(1, 2**32 - 1))
    def set_rhandle(self, dice: Random, value: int) -> None:
        partition, link = dice.choice(self.delivered())
        if link.service.stateless_index is None:
            self.do_set_rhandle(partition, link.handle, value)

    @action(10, BothSides.delivered, status=one_of(STATUSES))
    def reply(self, dice: Random, status: int) -> None:
        partition, link = dice.choice(self.delivered())
        assert link.message is not None
        if link.message.type == -1:
            status = dice.choice((0, 0, 0, 0, 0, 0, -130, -131))
        elif link.client.secure and status == -129 and not self.rebels():
            status = 0
        self.do_reply(partition, link.handle, status)

    @action(
        4,
        rebels,
        call=one_of(MESSAGE_CALLS),
        index=one_of((0, 0, 0, 1, 1, 2, 3, 4, 5, -1)),
        size=one_of((0, 1, 1, 8, 25)),
        address=any_address,
    )
    def a_message_call_anyhow(
        self, dice: Random, call: str, index: int, size: int, address: int | None
    ) -> None:
        partition = dice.choice(self.rebels())
        mine = [link.handle for p, link in self.delivered() if p is partition]
        foreign = [link.handle for p, link in self.delivered() if p is not partition]
        foreign += [link.handle for link in self.model.links if link.message and not link.message.delivered]
        handle = dice.choice([*mine * 2, *foreign * 4, *self.known_handles()])
        if call == "psa_reply":
            self.do_reply(partition, handle, dice.choice(STATUSES))
        else:
            self.make_message_call(partition, handle, call, index, size, address)

    def make_message_call(
        self, partition: CallerFacts, handle: int, call: str, index: int, size: int, address: int | None
    ) -> None:
        if call in COPIES:
            self.do_copy(partition, handle, call, index, size, address)
        elif call.startswith("psa_map"):
            self.do_map(partition, handle, call, index, b"")
        elif call.startswith("psa_unmap"):
            self.do_unmap(partition, handle, call, index, size)
        else:
            self.do_set_rhandle(partition, handle, size)

    @action(
        4,
        lambda self: any(p.name == link.service.owner for p in self.rebels() for link in self.model.links),
        status=one_of((*STATUSES, -114)),
    )
    def answer_anyhow(self, dice: Random, status: int) -> None:
        choices = [
            (p, link) for p in self.rebels() for link in self.model.links if link.service.owner == p.name
        ]
        connects = [(p, link) for p, link in choices if link.message and link.message.type == -1]
        queued = [(p, link) for p, link in choices if link.message and not link.message.delivered]
        partition, link = dice.choice(dice.choice([c for c in (connects, queued, choices) if c]))
        if dice.random() < 0.7:
            self.do_reply(partition, link.handle, status)
        else:
            self.do_set_rhandle(partition, link.handle, 1)

    @action(12, lambda self: self.vectors(), size=number(-1, 1), address=any_address)
    def a_vector_call_anyhow(self, dice: Random, size: int, address: int | None) -> None:
        """Copies and mappings in any order, of about as many bytes as there are left, or of none."""
        partition, link, calls, index, left = dice.choice(self.vectors())
        size = dice.choice((0, left + 1, max(left + size, 0)))
        index = dice.choice((*[index] * 9, PSA_MAX_IOVEC))
        self.make_message_call(partition, link.handle, dice.choice(calls), index, size, address)

    @action(
        2,
        BothSides.idle_partitions,
        mask=one_of((PSA_WAIT_ANY, 0x10, 0x30, 0x60, 0x388, 8, 0xFFF7)),
        timeout=one_of((PSA_POLL, PSA_BLOCK, PSA_BLOCK | 5, 0x7FFFFFFF)),
    )
    def wait(self, dice: Random, mask: int, timeout: int) -> None:
        partitions = self.idle_partitions()
        partition = dice.choice(partitions)
        if not mask & self.model.assigned(partition.name):
            mask |= PSA_DOORBELL
        if timeout & PSA_BLOCK and not self.model.signals(partition.name) & mask:
            # The interrupt is the test's own; and somebody must be left who can ring the doorbell.
            mask = (mask | PSA_DOORBELL) & ~CUE
            timeout = timeout if len(partitions) > 1 else PSA_POLL
        self.do_wait(partition, mask, timeout)

    @action(
        1,
        rebels,
        mask=one_of((0, 1, 4, 0x800, 0x40000007)),
        timeout=one_of((PSA_POLL, PSA_BLOCK)),
    )
    def wait_for_nothing(self, dice: Random, mask: int, timeout: int) -> None:
        self.do_wait(dice.choice(self.rebels()), mask, timeout)

    @action(2, BothSides.idle_partitions, pid=one_of((256, 257, 258)))
    def notify(self, dice: Random, pid: int) -> None:
        self.do_notify(dice.choice(self.idle_partitions()), pid)

    @action(2, rung)
    def clear(self, dice: Random) -> None:
        self.do_clear(dice.choice(self.rung()))

    @action(1, rebels, pid=one_of((None, None, 0, -10, 200, -0x3C000000)))
    def notify_or_clear_anyhow(self, dice: Random, pid: int | None) -> None:
        partition = dice.choice(self.rebels())
        if pid is None:
            self.do_clear(partition)
        else:
            self.do_notify(partition, pid)


WEIGHTS: Final = [action.weight for action in ACTIONS]
TestKernelAgainstReferenceModel = Machine.TestCase
TestKernelAgainstReferenceModel.settings = settings(
    max_examples=RUNS or 200,
    stateful_step_count=100,
    derandomize=not RUNS,
    deadline=None,
    database=None,
    # A failing run is long; shrinking it takes minutes.
    phases=[Phase.generate, *([Phase.shrink] if RUNS else [])],
    suppress_health_check=list(HealthCheck),
)
