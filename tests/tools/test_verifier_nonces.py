"""Nonces: issued, taken back once, expired, replayed, forgotten."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.tools.verifier import Kind, NonceRegister, NonceUnavailable

LIFETIME = 60


def counting() -> Callable[[int], bytes]:
    numbers: Iterator[int] = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


def register(**options: int) -> NonceRegister:
    return NonceRegister(LIFETIME, counting(), **options)


def kind(nonces: NonceRegister, nonce: bytes, now: float) -> Kind | None:
    finding = nonces.consume(nonce, now)
    return None if finding is None else finding.kind


@pytest.mark.parametrize("size", [32, 48, 64])
def test_nonce_answers_once(size: int) -> None:
    nonces = register()
    nonce = nonces.issue(size, 0)
    assert len(nonce) == size
    assert [kind(nonces, nonce, 1), kind(nonces, nonce, 1)] == [None, Kind.NONCE_REPLAYED]


@pytest.mark.parametrize(
    "now, expected",
    [
        (LIFETIME, None),
        (LIFETIME + 0.5, Kind.NONCE_EXPIRED),
        (2 * LIFETIME, Kind.NONCE_EXPIRED),
        (2 * LIFETIME + 1, Kind.NONCE_UNKNOWN),
    ],
)
def test_nonce_expires_and_is_forgotten(now: float, expected: Kind | None) -> None:
    nonces = register()
    nonce = nonces.issue(32, 0)
    assert kind(nonces, nonce, now) is expected


def test_late_answer_uses_the_nonce_up_and_a_clock_that_goes_back_revives_nothing() -> None:
    nonces = register()
    first, second = nonces.issue(32, 0), nonces.issue(32, 0)
    assert kind(nonces, first, LIFETIME + 1) is Kind.NONCE_EXPIRED
    assert kind(nonces, first, 0) is Kind.NONCE_REPLAYED
    assert kind(nonces, second, 0) is Kind.NONCE_EXPIRED


def test_nonce_of_somebody_else_is_unknown() -> None:
    assert kind(register(), bytes(32), 0) is Kind.NONCE_UNKNOWN


@pytest.mark.parametrize("size", [0, 8, 31, 33, 65])
def test_size_that_no_token_carries(size: int) -> None:
    with pytest.raises(NonceUnavailable, match="legal"):
        register().issue(size, 0)


@pytest.mark.parametrize("source", [bytes, lambda size: b"\x01"], ids=["always the same", "too short"])
def test_random_source_that_fails(source: Callable[[int], bytes]) -> None:
    nonces = NonceRegister(LIFETIME, source)
    with pytest.raises(NonceUnavailable, match="random source"):
        [nonces.issue(32, 0) for _ in range(2)]


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    nonces = register(capacity=3)
    issued = [nonces.issue(32, 0) for _ in range(5)]
    assert len(nonces) == 3
    assert [kind(nonces, nonce, 0) for nonce in issued] == [Kind.NONCE_UNKNOWN] * 2 + [None] * 3


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.booleans()), max_size=40))
def test_no_nonce_is_ever_accepted_twice_or_late(steps: list[tuple[int, int, bool]]) -> None:
    """Against the plainest model: a list of what was issued when."""
    nonces = register(capacity=8)
    issued: list[tuple[bytes, int]] = []
    accepted: set[bytes] = set()
    now = 0
    for wait, index, issue in steps:
        now += wait
        if issue or not issued:
            issued.append((nonces.issue(32, now), now))
            continue
        nonce, at = issued[index % len(issued)]
        if nonces.consume(nonce, now) is None:
            assert nonce not in accepted
            assert now - at <= LIFETIME
            accepted.add(nonce)
        assert len(nonces) <= 8
