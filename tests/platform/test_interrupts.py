"""The interrupt controller: levels, pending, the order of lines, and handlers that come to no end."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform.interrupts import (
    CHAIN_LIMIT,
    UNQUIETED_LIMIT,
    InterruptController,
    InterruptError,
    InterruptStorm,
)


def controller(
    act: Callable[[InterruptController, int], None] = lambda c, line: c.set_level(line, False),
) -> tuple[InterruptController, list[int]]:
    """A controller whose handler notes the line and then acts; by itself it quiets the device."""
    interrupts, taken = InterruptController(), []

    def handler(line: int) -> None:
        taken.append(line)
        act(interrupts, line)

    interrupts.handler = handler
    return interrupts, taken


def test_a_line_that_rises_is_taken_at_once_when_enabled() -> None:
    interrupts, taken = controller()
    interrupts.enable(3)
    interrupts.set_level(3, True)
    assert (taken, interrupts.is_pending(3), interrupts.level(3)) == ([3], False, False)


def test_a_disabled_line_stays_pending_and_is_taken_when_enabled() -> None:
    interrupts, taken = controller()
    interrupts.set_level(3, True)
    assert (taken, interrupts.is_pending(3), interrupts.is_enabled(3)) == ([], True, False)
    interrupts.enable(3)
    assert taken == [3]


def test_pending_is_latched_when_the_level_falls() -> None:
    interrupts, taken = controller()
    interrupts.set_level(3, True)
    interrupts.set_level(3, False)
    assert interrupts.is_pending(3)
    interrupts.enable(3)
    assert taken == [3]


def test_a_level_is_no_new_interrupt_while_it_stays() -> None:
    interrupts, _ = controller()
    interrupts.set_level(3, True)
    interrupts.set_level(3, False)
    interrupts.clear_pending(3)
    assert not interrupts.is_pending(3)
    interrupts.set_level(3, True)
    interrupts.set_level(3, True)
    assert interrupts.is_pending(3)


def test_clear_pending_does_nothing_while_the_level_is_high() -> None:
    interrupts, _ = controller()
    interrupts.set_level(3, True)
    interrupts.clear_pending(3)
    assert interrupts.is_pending(3)


@pytest.mark.parametrize("quiet", [True, False])
def test_slih_disables_the_line_and_eoi_looks_at_it_again(quiet: bool) -> None:
    """FF-M 1.1 SLIH: masked in the handler; psa_eoi clears and enables."""
    interrupts, taken = controller(lambda c, line: c.disable(line))
    interrupts.enable(37)
    interrupts.set_level(37, True)
    assert taken == [37]
    assert interrupts.is_pending(37), "the device still asks"
    if quiet:
        interrupts.set_level(37, False)
    interrupts.clear_pending(37)
    interrupts.enable(37)
    assert taken == ([37] if quiet else [37, 37])


def test_a_line_that_falls_and_rises_in_its_handler_is_taken_again_but_not_nested() -> None:
    depth, deepest = 0, 0

    def act(c: InterruptController, line: int) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        c.set_level(line, False)
        if len(taken) < 3:
            c.set_level(line, True)
        depth -= 1

    interrupts, taken = controller(act)
    interrupts.enable(3)
    interrupts.set_level(3, True)
    assert (taken, deepest) == ([3, 3, 3], 1)


def test_the_lowest_line_is_first_and_lines_have_one_priority() -> None:
    def act(c: InterruptController, line: int) -> None:
        c.set_level(line, False)
        if line == 5:
            c.set_level(2, True)
            c.set_level(9, True)
            assert taken == [5], "no handler runs inside another"

    interrupts, taken = controller(act)
    handler = interrupts.handler
    for line in (2, 5, 7, 9):
        interrupts.enable(line)
    interrupts.pend(5)
    assert taken == [5, 2, 9]
    interrupts.handler = None
    for line in (9, 7, 2):
        interrupts.set_level(line, True)
    del taken[:]
    interrupts.handler = handler
    assert taken == [2, 7, 9], "setting the handler takes what waits"


def test_a_handler_that_does_not_quiet_its_device_is_a_storm() -> None:
    interrupts, taken = controller(lambda c, line: None)
    interrupts.enable(3)
    with pytest.raises(
        InterruptStorm, match=r"interrupt 3: taken 1000 times in a row .* legal: a handler"
    ) as e:
        interrupts.set_level(3, True)
    assert (len(taken), e.value.line) == (UNQUIETED_LIMIT, 3)


def test_a_level_that_fell_long_ago_does_not_excuse_a_storm() -> None:
    interrupts, taken = controller(lambda c, line: None)
    interrupts.set_level(3, True)
    interrupts.set_level(3, False)
    interrupts.enable(3)
    with pytest.raises(InterruptStorm, match="taken 1000 times in a row"):
        interrupts.set_level(3, True)
    assert len(taken) == UNQUIETED_LIMIT + 1


def test_a_storm_is_noticed_among_other_lines_too() -> None:
    interrupts, _ = controller(lambda c, line: c.set_level(4, True) if line == 3 else c.set_level(4, False))
    interrupts.enable(4)
    interrupts.enable(3)
    with pytest.raises(InterruptStorm, match="interrupt 3"):
        interrupts.set_level(3, True)


def test_interrupts_that_follow_each_other_for_ever_are_a_storm() -> None:
    interrupts, taken = controller(lambda c, line: c.pend(line))
    interrupts.enable(3)
    with pytest.raises(InterruptStorm, match="100000 interrupts in a row"):
        interrupts.pend(3)
    assert len(taken) == CHAIN_LIMIT


def test_a_long_job_in_many_interrupts_is_no_storm() -> None:
    def act(c: InterruptController, line: int) -> None:
        c.set_level(line, False)
        c.set_level(line, len(taken) < 10 * UNQUIETED_LIMIT)

    interrupts, taken = controller(act)
    interrupts.enable(3)
    interrupts.set_level(3, True)
    assert len(taken) == 10 * UNQUIETED_LIMIT


def test_what_a_handler_raises_comes_out_and_the_next_interrupt_is_taken() -> None:
    def act(c: InterruptController, line: int) -> None:
        c.set_level(line, False)
        if len(taken) == 1:
            raise ZeroDivisionError

    interrupts, taken = controller(act)
    interrupts.enable(3)
    with pytest.raises(ZeroDivisionError):
        interrupts.set_level(3, True)
    interrupts.set_level(3, True)
    assert taken == [3, 3]


def test_a_reset_turns_everything_off_also_inside_a_handler() -> None:
    interrupts, taken = controller(lambda c, line: c.reset())
    interrupts.enable(3)
    interrupts.enable(4)
    interrupts.set_level(4, True)
    assert taken == [4]
    assert interrupts.handler is None
    assert not (interrupts.level(4) or interrupts.is_pending(4) or interrupts.is_enabled(3))
    interrupts.enable(3)
    interrupts.set_level(3, True)
    assert interrupts.is_pending(3), "nobody handles it yet"


@pytest.mark.parametrize("line", [-1, 480])
@pytest.mark.parametrize("act", ["enable", "pend", "high"])
def test_a_number_that_is_no_line(line: int, act: str) -> None:
    interrupts = InterruptController()
    with pytest.raises(InterruptError, match=f"interrupt {line}: not a line; legal: 0 to 479"):
        interrupts.set_level(line, True) if act == "high" else getattr(interrupts, act)(line)


@given(st.lists(st.tuples(st.sampled_from(["up", "down", "on", "off", "clear", "pend"]), st.integers(0, 3))))
def test_no_line_waits_that_could_be_taken_and_none_is_taken_that_may_not(ops: list[tuple[str, int]]) -> None:
    interrupts = InterruptController()
    taken: list[int] = []

    def handler(line: int) -> None:
        assert interrupts.is_enabled(line)
        taken.append(line)
        interrupts.set_level(line, False)

    interrupts.handler = handler
    for op, line in ops:
        before = len(taken)
        match op:
            case "up" | "down":
                interrupts.set_level(line, op == "up")
            case "on":
                interrupts.enable(line)
            case "off":
                interrupts.disable(line)
            case "clear":
                interrupts.clear_pending(line)
            case _:
                interrupts.pend(line)
        assert taken[before:] in ([], [line])
        assert not any(interrupts.is_pending(n) and interrupts.is_enabled(n) for n in range(4))


def test_after_is_called_once_nothing_runs_any_more() -> None:
    """There, a line can be taken that rises meanwhile; after the handlers, and once for all of a chain."""
    seen: list[str] = []
    interrupts, taken = controller(lambda c, line: seen.append(f"line {line}"))

    def after() -> None:
        seen.append("after")
        if len(taken) == 2:
            interrupts.pend(9)

    interrupts.after = after
    interrupts.pend(3)
    interrupts.pend(4)
    interrupts.enable(9)
    assert seen == []
    interrupts.handler, handler = None, interrupts.handler
    interrupts.enable(3)
    interrupts.enable(4)
    interrupts.handler = handler
    assert seen == ["line 3", "line 4", "after", "line 9", "after"]


def test_after_is_not_called_when_nothing_was_taken_nor_after_a_reset() -> None:
    seen: list[str] = []
    interrupts, _ = controller()
    interrupts.after = lambda: seen.append("after")
    interrupts.enable(3)
    interrupts.set_level(4, True)
    assert seen == []
    interrupts.pend(3)
    assert seen == ["after"]
    interrupts.reset()
    assert interrupts.after is None
