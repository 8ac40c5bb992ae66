"""Chrome's trace event format, which ui.perfetto.dev and chrome://tracing load.

The process is the device; a track is a client, a partition, BL2, the SPM or the CPU. Virtual time seldom
moves, so a time stamp is the virtual clock or one more than the last, whichever is later: the order shows.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TextIO

from ...bootloader.events import BootDecision, SwapStatusWritten
from ...device import Stage
from ...interface.trace import Event, LogLine
from ...platform.ccb_events import CcbOperation, KeyMoved
from ...spm.events import (
    CallEntered,
    CallReturned,
    ClockAdvanced,
    InterruptTaken,
    MessageDelivered,
    MessageReplied,
    Panicked,
    PartitionCalled,
    PartitionReturned,
    PartitionStarted,
    ProgrammerError,
    SignalAsserted,
    ThreadSwitched,
)
from .calls import Calls, OpenCall, OpenMessage, begins_boot
from .json_lines import event_fields
from .names import PartitionCallTexts, bridge_text, key_text, message_text, reply_text, return_text
from .perfetto_layout import Flow, Instant, Slice, chrome_events
from .writer import TraceWriter

CPU: Final = "CPU"
SPM: Final = "SPM"
BL2: Final = "BL2"
CCB: Final = "CCB"
OTHER: Final = "events"


class PerfettoTrace(TraceWriter):
    """Slices for calls, messages and threads, arrows between them, instants for the rest.

    Everything is written at ``close``, so that slices which cross can be laid on tracks of their own.
    ``device`` names the process.
    """

    def __init__(
        self, sink: TextIO, now: Callable[[], int] = lambda: 0, *, device: str = "tfm-sim device"
    ) -> None:
        super().__init__(sink, now)
        self._device = device
        self._ts = -1
        self._calls = Calls()
        self._texts = PartitionCallTexts()
        self._slices: list[Slice] = []
        self._instants: list[Instant] = []
        self._flows: list[Flow] = []
        self._open_calls: dict[OpenCall, Slice] = {}
        self._open_messages: dict[OpenMessage, Slice] = {}
        self._open_api: dict[str, list[Slice]] = {}
        self._replies: dict[OpenCall, tuple[Slice, int]] = {}
        self._single: dict[str, Slice] = {}

    def _hear(self, event: Event) -> None:
        self._ts = max(self._now(), self._ts + 1)
        match event:
            case CallEntered():
                self._call_entered(event)
            case MessageDelivered():
                self._delivered(event)
            case MessageReplied():
                self._replied(event)
            case CallReturned():
                self._call_returned(event)
            case PartitionCalled(partition, call):
                track = f"{partition} waits" if call == "psa_wait" else partition
                api = self._begin(track, self._texts.called(event), "api", event)
                self._open_api.setdefault(partition, []).append(api)
            case PartitionReturned(partition):
                if self._open_api.get(partition):
                    self._end(self._open_api[partition].pop(), {"result": self._texts.returned(event)})
            case ThreadSwitched(thread):
                self._end_single(CPU)
                self._single[CPU] = self._begin(CPU, thread, "thread", event)
            case Stage():
                self._stage(event)
            case Panicked():
                self._instant(event, "g")
                self._end_all("a panic")
            case _:
                if isinstance(event, SignalAsserted):
                    self._texts.learn(event)
                self._instant(event)

    def _finish(self) -> None:
        self._ts += 1
        self._end_all("the end of the trace")
        events = chrome_events(self._device, self._slices, self._instants, self._flows)
        lines = map(json.dumps, events)
        self._sink.write('{"displayTimeUnit": "ms", "traceEvents": [\n' + ",\n".join(lines) + "\n]}\n")

    def _stage(self, event: Stage) -> None:
        self._end_single("stage")
        if begins_boot(event):
            self._end_all("a reset")
        self._single["stage"] = self._begin(event.name, event.text, "stage", event)

    def _call_entered(self, event: CallEntered) -> None:
        call = self._calls.enter(event)
        self._open_calls[call] = self._begin(event.client, event.call, "call", event)

    def _delivered(self, event: MessageDelivered) -> None:
        message = self._calls.deliver(event)
        name = f"{event.service}: {message_text(event)}"
        handling = self._begin(event.partition, name, "message", event)
        self._open_messages[message] = handling
        caller = self._open_calls.get(message.call) if message.call else None
        if caller is not None:
            caller.name = f"{caller.name} {event.service}"
            self._flows.append(Flow("call", caller, caller.start, handling, self._ts))

    def _replied(self, event: MessageReplied) -> None:
        message = self._calls.reply(event)
        handling = self._open_messages.pop(message, None) if message else None
        if message is None or handling is None:
            self._instant(event)
            return
        # The reply has its effect inside psa_reply; what that call still waits for is the scheduler.
        for api in self._open_api.pop(event.partition, []):
            self._end(api)
        self._end(handling, {"reply": reply_text(event)})
        if message.call is not None:
            self._replies[message.call] = (handling, self._ts)

    def _call_returned(self, event: CallReturned) -> None:
        call = self._calls.leave(event)
        caller = self._open_calls.pop(call, None) if call else None
        if call is None or caller is None:
            self._instant(event)
            return
        self._end(caller, {"result": return_text(event)})
        if call in self._replies:
            handling, replied = self._replies.pop(call)
            self._flows.append(Flow("reply", handling, replied, caller, self._ts))

    def _begin(self, track: str, name: str, category: str, event: Event) -> Slice:
        made = Slice(track, name, category, self._ts, event_fields(event))
        self._slices.append(made)
        return made

    def _end(self, open_slice: Slice, arguments: dict[str, Any] | None = None) -> None:
        open_slice.end = self._ts
        open_slice.result = arguments or {}

    def _end_single(self, which: str) -> None:
        if which in self._single:
            self._end(self._single.pop(which))

    def _end_all(self, why: str) -> None:
        """Nothing that is open comes back any more."""
        for open_slice in self._all_open():
            self._end(open_slice, {"ended by": why})
        self._calls.forget()
        for book in (self._open_calls, self._open_messages, self._open_api, self._replies, self._single):
            book.clear()

    def _all_open(self) -> Iterator[Slice]:
        yield from self._open_calls.values()
        yield from self._open_messages.values()
        for calls in self._open_api.values():
            yield from calls
        yield from self._single.values()

    def _instant(self, event: Event, scope: str = "t") -> None:
        track, name = _instant_text(event)
        self._instants.append(Instant(track, name, self._ts, scope, event_fields(event)))


def _instant_text(event: Event) -> tuple[str, str]:
    """The track and the name of an event that takes no time."""
    match event:
        case LogLine(source, text):
            return source, text
        case BootDecision(_, _, text):
            return BL2, text
        case SwapStatusWritten(_, _, _, index, state):
            return BL2, f"swap status: sector {index}, step {state}"
        case PartitionStarted(partition):
            return partition, "started"
        case ProgrammerError(client, rule):
            return client, f"refused: {rule}"
        case SignalAsserted(partition, _, name):
            return partition, f"signal {name}"
        case InterruptTaken(_, source, partition, handling):
            return partition, f"interrupt {source}, {handling}"
        case Panicked(report):
            return report.culprit, f"panic: {report.rule}"
        case MessageReplied(_, service, partition):
            return partition, f"{service}: {reply_text(event)}"
        case CallReturned(client, call):
            return client, f"{call}: {return_text(event)}"
    return _hardware_text(event)


def _hardware_text(event: Event) -> tuple[str, str]:
    """The same for what no software does."""
    match event:
        case ClockAdvanced(now):
            return CPU, f"clock at {now} us"
        case KeyMoved(_, source, target):
            return CCB, f"{key_text(event)}: {source} to {target}"
        case CcbOperation():
            return CCB, bridge_text(event)
    return OTHER, type(event).__name__
