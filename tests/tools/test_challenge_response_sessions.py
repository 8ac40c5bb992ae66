"""Sessions: the table of states, nonces given once, expiry, replay, bounds. No sockets, no clock."""

from itertools import product

import pytest
from support.challenge_response import START, counting_random

from tfm_sim.tools.challenge_response.sessions import (
    SESSION,
    Event,
    Memory,
    Session,
    SessionRefused,
    Sessions,
    State,
    Why,
)

TYPE = "application/psa-attestation-token"


def sessions(**options: float) -> Sessions:
    return Sessions(counting_random(), **options)  # type: ignore[arg-type]


def in_state(store: Sessions, state: State, evidence: bytes = b"evidence") -> Session:
    """A session brought to a state by events alone."""
    session = store.create(32, START)
    if state in (State.PROCESSING, State.COMPLETE, State.FAILED):
        session = store.submit(session.id, TYPE, evidence, START)
    if state is State.COMPLETE:
        session = store.complete(session.id, "result")
    if state is State.FAILED:
        session = store.fail(session.id)
    if state is State.DELETED:
        store.delete(session.id, START)
    if state is State.EXPIRED:
        store._time(session.expiry)
    return session


def happen(store: Sessions, session: Session, event: Event) -> None:
    match event:
        case Event.EVIDENCE:
            store.submit(session.id, TYPE, b"other evidence", START)
        case Event.RESULT:
            store.complete(session.id, "another result")
        case Event.ERROR:
            store.fail(session.id)
        case Event.EXPIRY:
            store._time(session.expiry)
        case Event.DELETION:
            store.delete(session.id, START)


def state_of(store: Sessions, session: Session) -> State:
    return {**store._over, **store._open}[session.id].state


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=lambda x: x.value)
def test_the_table_says_what_happens_and_the_rest_changes_nothing(state: State, event: Event) -> None:
    store = sessions()
    session = in_state(store, state)
    assert state_of(store, session) is state
    before = dict(store._open), dict(store._over)
    target = SESSION.get(state, {}).get(event)
    if target is not None:
        happen(store, session, event)
        assert state_of(store, session) is target
        return
    try:
        happen(store, session, event)
    except (SessionRefused, KeyError):
        pass
    else:
        assert event is Event.EXPIRY, "time passes without asking"
    assert (dict(store._open), dict(store._over)) == before


def test_the_words_of_the_api() -> None:
    """Veraison api/challenge-response: evidence once, a result or a failure, and no end while processing."""
    found = [(s.value, e.value, to.value) for s, events in SESSION.items() for e, to in events.items()]
    assert sorted(found) == [
        ("complete", "deletion", "deleted"),
        ("complete", "expiry", "expired"),
        ("failed", "deletion", "deleted"),
        ("failed", "expiry", "expired"),
        ("processing", "error", "failed"),
        ("processing", "result", "complete"),
        ("waiting", "deletion", "deleted"),
        ("waiting", "evidence", "processing"),
        ("waiting", "expiry", "expired"),
    ]


def test_a_session_lives_until_its_expiry_and_not_at_it() -> None:
    store = sessions(lifetime=60)
    session = store.create(48, START)
    assert (len(session.nonce), session.expiry) == (48, START + 60)
    assert store.get(session.id, START + 59.9) == session
    with pytest.raises(SessionRefused, match="expired") as refused:
        store.get(session.id, START + 60)
    assert refused.value.why is Why.EXPIRED
    with pytest.raises(SessionRefused, match="expired"):
        store.submit(session.id, TYPE, b"late", START + 61)


def test_a_clock_that_goes_back_revives_nothing() -> None:
    store = sessions(lifetime=60)
    session = store.create(32, START)
    with pytest.raises(SessionRefused, match="expired"):
        store.get(session.id, START + 60)
    with pytest.raises(SessionRefused, match="expired"):
        store.submit(session.id, TYPE, b"evidence", START)
    assert store.create(32, START).expiry == START + 120, "counted from the latest time seen"


def test_evidence_starts_the_lifetime_anew_so_that_the_result_can_be_fetched() -> None:
    store = sessions(lifetime=60)
    session = store.create(32, START)
    assert store.submit(session.id, TYPE, b"evidence", START + 50).expiry == START + 110
    store.complete(session.id, "result")
    assert store.get(session.id, START + 109).result == "result"


def test_nonces_and_ids_are_given_once_even_if_the_source_repeats() -> None:
    draws = iter([b"\1" * 32, b"\2" * 16, b"\1" * 32, b"\3" * 32, b"\2" * 16, b"\4" * 16])
    store = Sessions(lambda _size: next(draws))
    first, second = store.create(32, START), store.create(32, START)
    assert (first.nonce, second.nonce) == (b"\1" * 32, b"\3" * 32)
    assert first.id != second.id


def test_an_id_is_not_given_again_after_its_session() -> None:
    draws = iter([b"\1" * 32, b"\2" * 16, b"\3" * 32, b"\2" * 16, b"\4" * 16])
    store = Sessions(lambda _size: next(draws))
    first = store.create(32, START)
    store.delete(first.id, START)
    assert store.create(32, START).id != first.id


def test_what_is_seen_again_is_remembered_anew() -> None:
    memory = Memory(seconds=10, capacity=2)
    memory.add(b"a", 0)
    memory.add(b"b", 5)
    memory.add(b"a", 8)
    assert memory.is_whole(8)
    assert (memory.has(b"a", 14.9), memory.has(b"b", 14.9)) == (True, True)
    assert (memory.has(b"a", 15), memory.has(b"b", 15)) == (True, False)
    assert not memory.has(b"a", 18)


@pytest.mark.parametrize("state", [State.WAITING, State.COMPLETE, State.FAILED, State.DELETED, State.EXPIRED])
def test_a_nonce_that_was_used_is_refused_whatever_became_of_its_session(state: State) -> None:
    store = sessions()
    used = in_state(store, state).nonce
    with pytest.raises(SessionRefused, match="used before") as refused:
        store.create(used, START)
    assert refused.value.why is Why.NONCE_USED


def test_the_clients_own_nonce_is_taken_once() -> None:
    store = sessions()
    assert store.create(b"n" * 32, START).nonce == b"n" * 32
    with pytest.raises(SessionRefused, match="used before"):
        store.create(b"n" * 32, START + 3600)


def test_evidence_is_taken_by_one_session_only() -> None:
    store = sessions()
    in_state(store, State.COMPLETE, b"evidence")
    other = store.create(32, START)
    with pytest.raises(SessionRefused, match="submitted before") as refused:
        store.submit(other.id, TYPE, b"evidence", START)
    assert refused.value.why is Why.EVIDENCE_USED
    assert store.get(other.id, START).state is State.WAITING, "somebody's replay does not spend it"


def test_sessions_are_bounded_and_room_comes_with_time() -> None:
    store = sessions(capacity=3, lifetime=60)
    open_ones = [store.create(32, START) for _ in range(3)]
    with pytest.raises(SessionRefused, match="3 sessions are open") as refused:
        store.create(32, START)
    assert refused.value.why is Why.FULL
    store.delete(open_ones[0].id, START)
    store.create(32, START)
    for minutes in range(1, 10):
        store.create(32, START + 60 * minutes)
        assert len(store) <= 3
        assert len(store._over) <= 3


def test_a_full_memory_takes_no_brought_nonces_and_still_draws() -> None:
    store = sessions(memory_capacity=2, memory=100)
    for nonce in (b"a" * 32, b"b" * 32, b"c" * 32):
        store.create(nonce, START)
    with pytest.raises(SessionRefused, match="too many nonces to remember"):
        store.create(b"d" * 32, START)
    with pytest.raises(SessionRefused, match="used before"):
        store.create(b"c" * 32, START)
    assert store.create(32, START).state is State.WAITING
    assert store.create(b"d" * 32, START + 100).nonce == b"d" * 32


def test_what_is_over_keeps_no_evidence() -> None:
    store = sessions()
    session = in_state(store, State.COMPLETE, b"e" * 60000)
    store.delete(session.id, START)
    assert store._over[session.id].evidence is None


def test_unknown_sessions() -> None:
    with pytest.raises(SessionRefused, match="no session") as refused:
        sessions().get("3f2504e0-4f89-41d3-9a0c-0305e82c3301", START)
    assert refused.value.why is Why.UNKNOWN
