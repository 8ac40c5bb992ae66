"""The interrupt controller: an NVIC as far as FF-M needs one.

The rule, which is Armv8-M's for level-sensitive interrupts:

* A line whose level rises is pending. Pending is latched: a level that falls again does not take it back.
* A line that is pending and enabled is taken: the handler is called with its number, at once, inside the call
  that made it so. Taking it ends its pending state.
* A line whose level is still high when the handler returns is pending again.
* All lines have one priority, as TF-M leaves them: while a handler runs none is taken; when it returns, the
  lowest pending and enabled line is next.
* ``clear_pending`` does nothing while the level is high, and enabling a pending line takes it.

So a FLIH handler, which quiets its device, is called once: the level has fallen when it returns. For SLIH the
SPM disables the line in the handler: the line may stay pending, and is taken again after psa_eoi (clear, then
enable) only if the device still asks.
"""

from collections.abc import Callable
from typing import Final

from ..interface.errors import TfmSimError

LINES: Final = 480
"""An NVIC has lines 0 to 479."""
UNQUIETED_LIMIT: Final = 1000
"""Times that one line is taken in a row although its level never falls."""
CHAIN_LIMIT: Final = 100_000
"""Times that lines are taken in a row, one handler right after another, whatever their levels do."""


class InterruptStorm(TfmSimError):
    """Handlers that come to no end: real hardware would run nothing else any more. ``line`` is the one."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class InterruptError(TfmSimError):
    """A number that is no interrupt line."""


class InterruptController:
    """The lines of one device.

    ``handler`` is called with a line's number when it is taken; while it is None, lines stay pending.
    ``after`` is called when the last handler has returned and no further line waits to be taken: what was
    interrupted may be left for something else there, and lines are taken again meanwhile. What either of
    them raises comes out of the call that made the line pending or enabled it.
    """

    __slots__ = ("_enabled", "_handler", "_high", "_pending", "_quieted", "_running", "after")

    def __init__(self) -> None:
        self.after: Callable[[], None] | None = None
        self._handler: Callable[[int], None] | None = None
        self._high: set[int] = set()
        self._pending: set[int] = set()
        self._enabled: set[int] = set()
        self._quieted: set[int] = set()
        self._running = False

    @property
    def handler(self) -> Callable[[int], None] | None:
        """Who handles interrupts. Setting it takes what is pending and enabled."""
        return self._handler

    @handler.setter
    def handler(self, handler: Callable[[int], None] | None) -> None:
        self._handler = handler
        self._take()

    def set_level(self, line: int, high: bool) -> None:
        """Drive a line, as its device does. A rise makes it pending. Raises InterruptError for no line."""
        self._check(line)
        if not high:
            self._high.discard(line)
            self._quieted.add(line)
        elif line not in self._high:
            self._high.add(line)
            self.pend(line)

    def level(self, line: int) -> bool:
        """Whether the device drives the line high."""
        return line in self._high

    def pend(self, line: int) -> None:
        """Make a line pending, as software does through the NVIC. Raises InterruptError for no line."""
        self._check(line)
        self._pending.add(line)
        self._take()

    def clear_pending(self, line: int) -> None:
        """End a line's pending state; while its level is high it stays pending."""
        if line not in self._high:
            self._pending.discard(line)

    def is_pending(self, line: int) -> bool:
        """Whether the line waits to be taken."""
        return line in self._pending

    def enable(self, line: int) -> None:
        """Let a line be taken; a pending one is, at once. Raises InterruptError for no line."""
        self._check(line)
        self._enabled.add(line)
        self._take()

    def disable(self, line: int) -> None:
        """Do not let a line be taken; it still becomes and stays pending."""
        self._enabled.discard(line)

    def is_enabled(self, line: int) -> bool:
        """Whether the line may be taken."""
        return line in self._enabled

    def reset(self) -> None:
        """A reset: every line low, disabled and not pending, and no handler."""
        self._handler = self.after = None
        self._high.clear()
        self._pending.clear()
        self._enabled.clear()

    def _take(self) -> None:
        nothing = not self._enabled or self._enabled.isdisjoint(self._pending)
        if nothing or self._running or self._handler is None:
            return
        self._running = True
        try:
            self._chain()
        finally:
            self._running = False
        if self.after is not None:
            self.after()

    def _chain(self) -> None:
        """Take lines until none is both pending and enabled, the lowest first."""
        unquieted: dict[int, int] = {}
        taken = 0
        while self._handler is not None and (ready := self._pending & self._enabled):
            line = min(ready)
            self._pending.discard(line)
            self._quieted.discard(line)
            self._handler(line)
            taken += 1
            if line in self._high:
                self._pending.add(line)
            unquieted[line] = 0 if line in self._quieted else unquieted.get(line, 0) + 1
            # A level that stays high is harmless once the line is disabled, which ends the chain.
            if line in self._high and line in self._enabled and unquieted[line] >= UNQUIETED_LIMIT:
                raise InterruptStorm(
                    line,
                    f"interrupt {line}: taken {unquieted[line]} times in a row while its level stays high; "
                    "legal: a handler that quiets its device or disables the line",
                )
            if taken >= CHAIN_LIMIT:
                raise InterruptStorm(
                    line,
                    f"interrupt {line}: {taken} interrupts in a row, each right after the other; "
                    "legal: handlers that leave time for the rest of the program",
                )

    @staticmethod
    def _check(line: int) -> None:
        if not 0 <= line < LINES:
            raise InterruptError(f"interrupt {line}: not a line; legal: 0 to {LINES - 1}")
