"""Nonces and sessions against models of a few lines each, whatever is asked in whatever order, and when.

Time moves by steps that meet expiries exactly, and backwards too.
"""

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tfm_sim.tools.challenge_response.sessions import SessionRefused, Sessions, State, Why
from tfm_sim.tools.verifier import Kind, NonceRegister

LIFETIME = 4.0
CAPACITY = 3
MEMORY, REMEMBERED = 10.0, 5
STEPS = st.sampled_from([0.0, 0.0, 0.5, 1.0, LIFETIME, LIFETIME - 0.5, 2 * LIFETIME, MEMORY, -1.0, -100.0])
PLACE = st.integers(0, 7)


def source() -> Callable[[int], bytes]:
    """Random enough: every value is new, until a byte is asked for."""
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


class Nonces(RuleBasedStateMachine):
    """The register knows each nonce for twice its lifetime, CAPACITY of them, and takes one once."""

    def __init__(self) -> None:
        super().__init__()
        self.register = NonceRegister(LIFETIME, source(), capacity=CAPACITY)
        self.now, self.latest = 100.0, float("-inf")
        self.given: list[bytes] = []
        self.expiries: dict[bytes, float] = {}
        self.used: set[bytes] = set()

    def moment(self) -> float:
        """The time of a call: the model forgets what the register must."""
        self.latest = max(self.latest, self.now)
        self.expiries = {n: e for n, e in self.expiries.items() if e + LIFETIME >= self.latest}
        return self.now

    @rule(step=STEPS)
    def wait(self, step: float) -> None:
        self.now += step

    @rule(size=st.sampled_from([32, 48, 64]))
    def issue(self, size: int) -> None:
        nonce = self.register.issue(size, self.moment())
        assert len(nonce) == size
        assert nonce not in self.given
        self.given.append(nonce)
        self.expiries[nonce] = self.latest + LIFETIME
        if len(self.expiries) > CAPACITY:
            del self.expiries[next(iter(self.expiries))]

    @precondition(lambda self: self.given)
    @rule(place=PLACE)
    def consume(self, place: int) -> None:
        nonce = self.given[-1 - place % len(self.given)]
        finding = self.register.consume(nonce, self.moment())
        wanted: Kind | None = None
        if nonce not in self.expiries:
            wanted = Kind.NONCE_UNKNOWN
        elif nonce in self.used:
            wanted = Kind.NONCE_REPLAYED
        elif self.latest > self.expiries[nonce]:
            wanted = Kind.NONCE_EXPIRED
        assert (finding.kind if finding else None) is wanted
        self.used.add(nonce)

    @rule(nonce=st.binary(max_size=64))
    def consume_anything(self, nonce: bytes) -> None:
        if nonce not in self.given:
            finding = self.register.consume(nonce, self.moment())
            assert finding is not None
            assert finding.kind is Kind.NONCE_UNKNOWN

    @invariant()
    def is_bounded(self) -> None:
        assert len(self.register) <= CAPACITY


class Verifier(RuleBasedStateMachine):
    """Sessions by their table, their expiries, and what was used within the memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions = Sessions(
            source(), lifetime=LIFETIME, capacity=CAPACITY, memory=MEMORY, memory_capacity=REMEMBERED
        )
        self.now, self.latest = 100.0, float("-inf")
        self.ids: list[str] = []
        self.open: dict[str, tuple[State, float]] = {}
        self.over: dict[str, State] = {}
        self.nonces: dict[bytes, float] = {}
        self.evidence: dict[bytes, float] = {}
        self.forgot = 0.0

    def moment(self) -> float:
        self.latest = max(self.latest, self.now)
        for id_, (state, expiry) in list(self.open.items()):
            if expiry <= self.latest and state is not State.PROCESSING:
                self.end(id_, State.EXPIRED)
        self.nonces = {n: t for n, t in self.nonces.items() if t > self.latest}
        self.evidence = {n: t for n, t in self.evidence.items() if t > self.latest}
        return self.now

    def end(self, id_: str, state: State) -> None:
        del self.open[id_]
        self.over[id_] = state
        if len(self.over) > CAPACITY:
            del self.over[next(iter(self.over))]

    def refused(self, id_: str) -> Why | None:
        """Why this session cannot be had at all."""
        if id_ in self.open:
            return None
        return {State.EXPIRED: Why.EXPIRED, State.DELETED: Why.DELETED, None: Why.UNKNOWN}[self.over.get(id_)]

    def expect(self, why: Why | None, call: Callable[[], object]) -> None:
        if why is None:
            call()
            return
        with pytest.raises(SessionRefused) as caught:
            call()
        assert caught.value.why is why

    @rule(step=STEPS)
    def wait(self, step: float) -> None:
        self.now += step

    @rule(brought=st.none() | st.sampled_from([bytes([n]) * 32 for n in range(1, 8)]))
    def create(self, brought: bytes | None) -> None:
        now = self.moment()
        why = None
        if len(self.open) >= CAPACITY:
            why = Why.FULL
        elif brought is not None and brought in self.nonces:
            why = Why.NONCE_USED
        elif brought is not None and self.latest < self.forgot:
            why = Why.FULL

        def call() -> None:
            session = self.sessions.create(brought if brought is not None else 32, now)
            assert session.nonce == brought or (brought is None and session.nonce not in self.nonces)
            assert session.id not in self.ids
            assert session.expiry == self.latest + LIFETIME
            self.ids.append(session.id)
            self.open[session.id] = State.WAITING, session.expiry
            self.nonces[session.nonce] = self.latest + MEMORY
            if len(self.nonces) > REMEMBERED:
                self.forgot = self.nonces.pop(next(iter(self.nonces)))

        self.expect(why, call)

    @precondition(lambda self: self.ids)
    @rule(place=PLACE, evidence=st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f", b"g"]))
    def submit(self, place: int, evidence: bytes) -> None:
        id_, now = self.ids[-1 - place % len(self.ids)], self.moment()
        why = self.refused(id_)
        if why is None and self.open[id_][0] is not State.WAITING:
            why = Why.NOT_WAITING
        elif why is None and evidence in self.evidence:
            why = Why.EVIDENCE_USED

        def call() -> None:
            session = self.sessions.submit(id_, "a/b", evidence, now)
            assert (session.state, session.evidence) == (State.PROCESSING, evidence)
            self.open[id_] = State.PROCESSING, self.latest + LIFETIME
            self.evidence[evidence] = self.latest + MEMORY
            if len(self.evidence) > REMEMBERED:
                del self.evidence[next(iter(self.evidence))]

        self.expect(why, call)

    @precondition(lambda self: any(state is State.PROCESSING for state, _ in self.open.values()))
    @rule(works=st.booleans())
    def judge(self, works: bool) -> None:
        id_ = next(id_ for id_, (state, _) in self.open.items() if state is State.PROCESSING)
        session = self.sessions.complete(id_, "r") if works else self.sessions.fail(id_)
        assert session.result == ("r" if works else None)
        self.open[id_] = State.COMPLETE if works else State.FAILED, self.open[id_][1]

    @precondition(lambda self: self.ids)
    @rule(place=PLACE)
    def delete(self, place: int) -> None:
        id_, now = self.ids[-1 - place % len(self.ids)], self.moment()
        why = self.refused(id_)
        if why is None and self.open[id_][0] is State.PROCESSING:
            why = Why.BUSY
        self.expect(why, lambda: self.sessions.delete(id_, now))
        if why is None:
            self.end(id_, State.DELETED)

    @precondition(lambda self: self.ids)
    @rule(place=PLACE)
    def look(self, place: int) -> None:
        id_, now = self.ids[-1 - place % len(self.ids)], self.moment()

        def call() -> None:
            session = self.sessions.get(id_, now)
            assert (session.state, session.expiry) == self.open[id_]
            assert (session.result is not None) == (session.state is State.COMPLETE)

        self.expect(self.refused(id_), call)

    @invariant()
    def is_bounded(self) -> None:
        assert len(self.sessions) <= CAPACITY


TestNonces = Nonces.TestCase
TestNonces.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestVerifier = Verifier.TestCase
TestVerifier.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
