"""Challenge-response sessions: one table of states, no sockets, the clock and the random source given.

Veraison's description of the API (api/challenge-response): a session is created ``waiting`` with a nonce,
takes evidence once, is ``processing`` until there is a result, then ``complete``, or ``failed`` if the
verifier could not work; after its expiry it may be gone.
"""

import uuid
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import Final

from ...interface.errors import TfmSimError
from .nonce_text import Random

DEFAULT_LIFETIME: Final = 150.0
"""Seconds; Veraison's ConfigSessionTTL."""
DEFAULT_CAPACITY: Final = 1024
MEMORY_SECONDS: Final = 24 * 3600.0
MEMORY_CAPACITY: Final = 65536


class State(Enum):
    """Where a session is; the first four are the API's own words."""

    WAITING = "waiting"
    """It has a nonce and no evidence yet."""
    PROCESSING = "processing"
    """Evidence is being appraised."""
    COMPLETE = "complete"
    """There is a result, whatever it says."""
    FAILED = "failed"
    """The verifier could not work on the evidence."""
    EXPIRED = "expired"
    """Its time is over. It is remembered for a while, to say so."""
    DELETED = "deleted"
    """Its client deleted it. It is remembered for a while, to say so."""


class Event(Enum):
    """What happens to a session."""

    EVIDENCE = "evidence"
    """A client submits evidence, which this session may take."""
    RESULT = "result"
    """The appraisal has come to a result."""
    ERROR = "error"
    """The appraisal broke off."""
    EXPIRY = "expiry"
    """Its expiry is reached."""
    DELETION = "deletion"
    """A client deletes it."""


SESSION: Final[dict[State, dict[Event, State]]] = {
    State.WAITING: {
        Event.EVIDENCE: State.PROCESSING,
        Event.EXPIRY: State.EXPIRED,
        Event.DELETION: State.DELETED,
    },
    State.PROCESSING: {Event.RESULT: State.COMPLETE, Event.ERROR: State.FAILED},
    State.COMPLETE: {Event.EXPIRY: State.EXPIRED, Event.DELETION: State.DELETED},
    State.FAILED: {Event.EXPIRY: State.EXPIRED, Event.DELETION: State.DELETED},
}
"""What is not listed is refused and changes nothing."""
_OVER: Final = (State.EXPIRED, State.DELETED)


class Why(Enum):
    """Why a session was not to be had."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    DELETED = "deleted"
    NOT_WAITING = "not waiting"
    BUSY = "busy"
    NONCE_USED = "nonce used"
    EVIDENCE_USED = "evidence used"
    FULL = "full"


class SessionRefused(TfmSimError):
    """A request that a session, or all of them, cannot fulfil; nothing has changed."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why = why


@dataclass(frozen=True, slots=True)
class Session:
    """One session; ``expiry`` in seconds since 1970."""

    id: str
    nonce: bytes
    expiry: float
    state: State = State.WAITING
    media_type: str | None = None
    evidence: bytes | None = None
    result: str | None = None


class Memory:
    """What was seen in a stretch of time, by its SHA-256; of more than ``capacity`` things the oldest go."""

    def __init__(self, seconds: float = MEMORY_SECONDS, capacity: int = MEMORY_CAPACITY) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._until: dict[bytes, float] = {}
        self._forgot: float | None = None

    def has(self, thing: bytes, now: float) -> bool:
        """Whether it was added in that stretch of time."""
        self._forget(now)
        return sha256(thing).digest() in self._until

    def is_whole(self, now: float) -> bool:
        """Whether nothing of that stretch of time had to make room."""
        return self._forgot is None or now >= self._forgot

    def add(self, thing: bytes, now: float) -> None:
        """Remember it from now on."""
        self._forget(now)
        digest = sha256(thing).digest()
        self._until.pop(digest, None)
        self._until[digest] = now + self._seconds
        if len(self._until) > self._capacity:
            self._forgot = self._until.pop(next(iter(self._until)))

    def _forget(self, now: float) -> None:
        # All stay equally long and the clock never goes back, so the order is that of time.
        while self._until and self._until[oldest := next(iter(self._until))] <= now:
            del self._until[oldest]


class Sessions:
    """All sessions of one verifier; none of its methods reads a clock.

    ``lifetime`` is in seconds. At most ``capacity`` sessions are open; those that are over are remembered
    up to the same number. A nonce is given once: one that a client brings must be none that was seen within
    ``memory``, and neither must evidence. Time never goes back, whatever the caller's clock does.
    """

    def __init__(
        self,
        random: Random,
        *,
        lifetime: float = DEFAULT_LIFETIME,
        capacity: int = DEFAULT_CAPACITY,
        memory: float = MEMORY_SECONDS,
        memory_capacity: int = MEMORY_CAPACITY,
    ) -> None:
        self._random = random
        self._lifetime = lifetime
        self._capacity = capacity
        self._open: dict[str, Session] = {}
        self._over: dict[str, Session] = {}
        self._nonces = Memory(memory, memory_capacity)
        self._evidence = Memory(memory, memory_capacity)
        self._latest = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def create(self, nonce: int | bytes, now: float) -> Session:
        """A new session with a nonce of so many bytes, or with the client's own.

        Raises SessionRefused: FULL, NONCE_USED.
        """
        now = self._time(now)
        if len(self._open) >= self._capacity:
            text = f"{self._capacity} sessions are open; legal: a new one when one of them ends"
            raise SessionRefused(Why.FULL, text)
        value = self._fresh(nonce, now) if isinstance(nonce, int) else self._brought(nonce, now)
        session = Session(self._new_id(), value, now + self._lifetime)
        self._nonces.add(value, now)
        self._open[session.id] = session
        return session

    def get(self, id_: str, now: float) -> Session:
        """The session as it is. Raises SessionRefused: UNKNOWN, EXPIRED, DELETED."""
        self._time(now)
        if id_ in self._open:
            return self._open[id_]
        over = self._over.get(id_)
        if over is None:
            raise SessionRefused(Why.UNKNOWN, f"no session {id_[:64]!r}")
        if over.state is State.DELETED:
            raise SessionRefused(Why.DELETED, f"session {id_} was deleted")
        raise SessionRefused(Why.EXPIRED, f"session {id_} has expired; its nonce is of no more use")

    def submit(self, id_: str, media_type: str, evidence: bytes, now: float) -> Session:
        """Take evidence, once. The expiry is counted anew from here, so that the result can be fetched.

        Raises SessionRefused: NOT_WAITING for a session that has had its evidence, EVIDENCE_USED for
        evidence that another session has had; and as `get` does.
        """
        now = self._time(now)
        session = self.get(id_, now)
        if Event.EVIDENCE not in SESSION[session.state]:
            text = (
                f"session {id_} is {session.state.value}; legal: evidence once, to a session that is waiting"
            )
            raise SessionRefused(Why.NOT_WAITING, text)
        if self._evidence.has(evidence, now):
            text = (
                "this evidence was submitted before, to another session; legal: evidence made for this nonce"
            )
            raise SessionRefused(Why.EVIDENCE_USED, text)
        self._evidence.add(evidence, now)
        return self._move(
            replace(session, media_type=media_type, evidence=evidence, expiry=now + self._lifetime),
            Event.EVIDENCE,
        )

    def complete(self, id_: str, result: str) -> Session:
        """The result of a session that is processing; KeyError for another."""
        return self._move(replace(self._open[id_], result=result), Event.RESULT)

    def fail(self, id_: str) -> Session:
        """A session that is processing has failed; KeyError for another."""
        return self._move(self._open[id_], Event.ERROR)

    def delete(self, id_: str, now: float) -> None:
        """End a session. Raises SessionRefused: BUSY while it is processing; and as `get` does."""
        session = self.get(id_, now)
        if Event.DELETION not in SESSION[session.state]:
            raise SessionRefused(Why.BUSY, f"session {id_} is {session.state.value}; legal: a little later")
        self._move(session, Event.DELETION)

    def _move(self, session: Session, event: Event) -> Session:
        state = SESSION[session.state][event]
        if state in _OVER:
            # What is over keeps its name and no evidence, so that memory stays bounded.
            del self._open[session.id]
            self._over[session.id] = Session(session.id, session.nonce, session.expiry, state)
            if len(self._over) > self._capacity:
                del self._over[next(iter(self._over))]
            return self._over[session.id]
        self._open[session.id] = replace(session, state=state)
        return self._open[session.id]

    def _time(self, now: float) -> float:
        """The clock, which never goes back; sessions that are due expire."""
        self._latest = now = max(now, self._latest)
        due = [s for s in self._open.values() if s.expiry <= now and Event.EXPIRY in SESSION[s.state]]
        for session in due:
            self._move(session, Event.EXPIRY)
        return now

    def _fresh(self, size: int, now: float) -> bytes:
        while self._nonces.has(nonce := self._random(size), now):
            pass
        return nonce

    def _brought(self, nonce: bytes, now: float) -> bytes:
        if self._nonces.has(nonce, now):
            raise SessionRefused(Why.NONCE_USED, "this nonce was used before; legal: one that is new")
        if not self._nonces.is_whole(now):
            text = (
                "too many nonces to remember, so none can be told to be new; legal: nonceSize, or a day later"
            )
            raise SessionRefused(Why.FULL, text)
        return nonce

    def _new_id(self) -> str:
        while (id_ := str(uuid.UUID(bytes=self._random(16), version=4))) in self._open | self._over:
            pass
        return id_
