"""A partition in another process, as the kernel sees it: an in-process partition whose program is a relay.

The relay offers the manifest's symbols. Each sends RUN to the process and then serves its requests by calling
the partition's own door, in the partition's own thread, until RETURN. So every rule, check and panic is the
kernel's own, and the order in which partitions run is the same at each isolation level.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ...interface.psa.service import psa_msg_t
from ...interface.wire.frames import HEADER_SIZE, Frame, Op, WireError
from ...interface.wire.payloads import Kind, decode, encode
from ...platform.power import SystemReset
from ..load import LoadError, sfn_symbol
from ..manifest import IrqHandling
from ..outcome import Fault
from ..panic import DevicePanic
from .calls import Calls, NotAnInteger
from .channel import Channel, ChannelClosed, ChannelTimeout
from .deliveries import delivery
from .faults import dump_exception

if TYPE_CHECKING:
    from ..client import Partition
    from ..kernel import Kernel

_WAIT, _RUN, _RETURN, _FAULT = map(int, (Op.PSA_WAIT, Op.RUN, Op.RETURN, Op.FAULT))
_MAKE: Final = 0
"""The symbol that makes the program; the manifest's own count from 1."""


def symbols_of(partition: "Partition") -> list[str]:
    """The functions that the SPM calls in a partition's program, from its manifest."""
    manifest = partition.manifest
    symbols = [manifest.entry] if manifest.entry else []
    if partition.is_sfn:
        symbols += [sfn_symbol(service) for service in partition.services]
    for irq in manifest.irqs:
        if irq.handling is IrqHandling.FLIH:
            name: str = getattr(irq, "name", irq.signal.removesuffix("_SIGNAL"))
            symbols.append(f"{name.lower()}_flih")
    return symbols


class RemoteProgram:
    """The program of one partition in another process; its methods carry the manifest's symbols.

    ``why`` tells how the process ended, once it has hung up; it also ends one that has not.
    """

    def __init__(
        self,
        spm: "Kernel",
        partition: "Partition",
        door: Any,
        channel: Channel,
        why: Callable[[], str],
        seconds: float,
    ) -> None:
        self._spm = spm
        self._partition = partition
        self._channel = channel
        self._why = why
        self._seconds = seconds
        self._symbols = symbols_of(partition)
        self._running = _MAKE
        self._last = 0
        self._calls = Calls(spm, partition, door)
        for place, symbol in enumerate(self._symbols, 1):
            setattr(self, symbol, partial(self._run, place))

    def make(self, name: str) -> None:
        """Have the process make the program, an object of class ``name``. Raises LoadError."""
        missing = self._run(_MAKE)
        where = f"{self._partition.manifest.where}: {self._partition.name}"
        if missing != 0:
            symbol = self._symbols[missing - 1] if isinstance(missing, int) else "?"
            raise LoadError(f"{where} needs the function {symbol}, which {name} does not define")

    # Running code over there.

    def _run(self, place: int, msg: psa_msg_t | None = None) -> object:
        running, self._running = self._running, place
        if msg is None:
            frame = encode(Op.RUN, place, 0)
        else:
            frame = delivery(_RUN, place, 1, self._spm.handles[msg.handle])
        while True:
            op, notes, said = self._talk(frame)
            try:
                at = self._calls.execute(said, notes) if notes else HEADER_SIZE
                if op == _RETURN:
                    self._running = running
                    return self._result(said, at)
                if op == _WAIT:
                    self._last = op
                    frame = self._calls.wait(said, at)
                elif op == _FAULT:
                    self._fault(said[at:], place)
                else:
                    frame = self._answer(op, said, at)
            except WireError as error:
                self._broken(str(error))

    def _result(self, said: bytes, at: int) -> object:
        kind, value, text = decode(_RETURN, said, at)
        return value if kind == Kind.INLINE else NotAnInteger(text.decode(errors="replace"))

    def _fault(self, payload: bytes, place: int) -> NoReturn:
        found = payload.decode(errors="replace")
        if place == _MAKE:
            raise LoadError(f"{self._partition.manifest.where}: {self._partition.name}: {found}")
        self._panic("code that runs without a fault", found, "no exception")

    def _talk(self, frame: bytes) -> Frame:
        """Send the process a frame, and take the one that it sends then."""
        channel = self._channel
        try:
            channel.send(frame)
            return channel.receive()
        except ChannelTimeout:
            self._hangs()
        except ChannelClosed:
            self._died()
        except WireError as error:
            self._broken(str(error))

    def _answer(self, op: int, said: bytes, at: int) -> bytes:
        """The frame that answers a call: its results, or what it raised."""
        self._last = op
        try:
            return encode(Op.ANSWER, tail=self._calls.answer(op, said, at))
        except (WireError, DevicePanic, SystemReset):
            raise
        except Exception as error:
            if self._spm.down is not None:
                raise
            return encode(Op.RAISE, tail=dump_exception(error))

    # Ends.

    def _here(self) -> str:
        where = self._symbols[self._running - 1] if self._running else "the program's constructor"
        after = Op(self._last).name.lower() if self._last else "its start"
        return f"while in {where}, after {after}"

    def _died(self) -> NoReturn:
        self._panic(
            "code that runs without a fault", f"its process {self._why()} {self._here()}", "no such end"
        )

    def _hangs(self) -> NoReturn:
        seconds = f"{self._seconds:g} seconds of host time"
        self._panic(
            "watchdog: a process that goes on", f"it hangs {self._here()}", f"a call within {seconds}"
        )

    def _broken(self, found: str) -> NoReturn:
        self._panic("frames as docs/wire.md has them", f"{found}, {self._here()}", "no others")

    def _panic(self, rule: str, found: str, legal: str) -> NoReturn:
        if self._spm.down is not None:
            raise self._spm.gone()
        self._spm.panic_of(Fault(self._partition, rule, found, legal))
