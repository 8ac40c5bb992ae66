"""A trace as a Mermaid sequence diagram, which GitHub and many editors draw."""

import re
import textwrap
from collections.abc import Callable
from typing import Final, TextIO

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
from .calls import Calls, OpenCall, begins_boot
from .json_lines import event_fields
from .names import (
    PartitionCallTexts,
    bridge_text,
    call_text,
    hexadecimal,
    key_text,
    message_type,
    reply_text,
    return_text,
    status_name,
)
from .writer import TraceWriter

SPM: Final = "SPM"
NOTE_WIDTH: Final = 60
NOT_DRAWN: Final = (SwapStatusWritten, LogLine, ThreadSwitched, ClockAdvanced)
"""They would bury the calls; the other formats have them."""
PLAIN_WORD: Final = re.compile(r"[A-Z]*|par_over", re.IGNORECASE)
"""As participant these could be keywords of Mermaid's."""


class MermaidTrace(TraceWriter):
    """``sequenceDiagram``: an arrow for each call that reaches a service and one for its reply.

    Participants stand in the order in which they appear; SPM is one only where it answers or sends itself.
    Everything is written at ``close``.
    """

    def __init__(self, sink: TextIO, now: Callable[[], int] = lambda: 0) -> None:
        super().__init__(sink, now)
        self._calls = Calls()
        self._texts = PartitionCallTexts()
        self._ids: dict[str, str] = {}
        self._lines: list[str] = []
        self._active: dict[str, int] = {}
        self._refused: set[OpenCall] = set()
        self._last: Event | None = None

    def _hear(self, event: Event) -> None:
        match event:
            case CallEntered(client):
                self._calls.enter(event)
                self._id(client)
            case MessageDelivered():
                self._delivered(event)
            case MessageReplied():
                self._replied(event)
            case CallReturned(client):
                call = self._calls.leave(event)
                if call is None or not call.delivered:
                    self._to_spm(call)
                    self._arrow(SPM, "-->>", client, return_text(event))
                if call is not None:
                    self._refused.discard(call)
            case ProgrammerError(client, rule, found, legal, status):
                self._to_spm(self._calls.current(client))
                self._note(
                    client, f"refused, {status_name(status)}", rule, f"found {found}", f"legal: {legal}"
                )
            case Panicked(report):
                self._to_spm(self._calls.current(report.culprit))
                found, legal = f"found {report.found}", f"legal: {report.legal}"
                self._note(report.culprit, "panic", report.rule, found, legal)
                self._end_all()
            case _:
                self._aside(event)
        self._last = event

    def _aside(self, event: Event) -> None:
        """What is beside the way of a call."""
        match event:
            case Stage(name, text):
                if begins_boot(event):
                    self._end_all()
                self._note(name, text)
            case BootDecision(_, rule, text):
                self._note("BL2", *text.splitlines(), f"({rule})")
            case PartitionStarted(partition, partition_id, model):
                self._note(partition, f"is up: id {partition_id}, {model}")
            case PartitionCalled(partition):
                self._arrow(partition, "->>", SPM, self._texts.called(event))
            case PartitionReturned(partition, call):
                self._arrow(SPM, "-->>", partition, self._texts.returned(event) or call)
            case SignalAsserted(partition, _, name):
                self._texts.learn(event)
                # The arrow of a message says already that its signal is set.
                if not (isinstance(self._last, MessageDelivered) and self._last.partition == partition):
                    self._arrow(SPM, "-)", partition, name)
            case InterruptTaken(line, source, partition, handling):
                self._note(partition, f"interrupt {line}: {source}, {handling}")
            case KeyMoved(_, source, target):
                self._arrow(source, "->>", target, key_text(event))
            case CcbOperation():
                self._note("CCB", bridge_text(event))
            case _ if not isinstance(event, NOT_DRAWN):
                shown = [f"{name} {value}" for name, value in event_fields(event).items()]
                self._note(type(event).__name__, *shown)

    def _delivered(self, event: MessageDelivered) -> None:
        message = self._calls.deliver(event)
        if message.call is not None:
            text, sender = call_text(message.call.entered, event.service, event.request), event.client
        else:
            text, sender = f"{message_type(event.type)} {event.service}", SPM
        self._arrow(sender, "->>+", event.partition, text)
        self._active[event.partition] = self._active.get(event.partition, 0) + 1

    def _replied(self, event: MessageReplied) -> None:
        message = self._calls.reply(event)
        arrow = "-->>"
        if self._active.get(event.partition):
            self._active[event.partition] -= 1
            arrow = "-->>-"
        receiver = SPM if message is not None and message.call is None else event.client
        self._arrow(event.partition, arrow, receiver, reply_text(event))

    def _to_spm(self, call: OpenCall | None) -> None:
        """A call that the SPM answers itself, as no message of it reached a service."""
        if call is not None and not call.delivered and call not in self._refused:
            self._refused.add(call)
            entered = call.entered
            self._arrow(entered.client, "->>", SPM, call_text(entered, hexadecimal(entered.target)))

    def _end_all(self) -> None:
        """Nothing that is open comes back; its bars end here."""
        for partition, count in self._active.items():
            self._lines += [f"deactivate {self._id(partition)}"] * count
        self._active.clear()
        self._refused.clear()
        self._calls.forget()

    def _finish(self) -> None:
        self._end_all()
        participants = [
            f"participant {id_}" + (f" as {escaped(name)}" if name != id_ else "")
            for name, id_ in self._ids.items()
        ]
        lines = "".join(f"    {line}\n" for line in (*participants, *self._lines))
        self._sink.write(f"sequenceDiagram\n{lines}")

    def _arrow(self, sender: str, arrow: str, receiver: str, text: str) -> None:
        self._lines.append(f"{self._id(sender)}{arrow}{self._id(receiver)}: {escaped(text)}")

    def _note(self, where: str, *parts: str) -> None:
        rows = [row for part in parts for row in textwrap.wrap(part, NOTE_WIDTH)]
        text = "<br/>".join(map(escaped, rows or [""]))
        self._lines.append(f"Note over {self._id(where)}: {text}")

    def _id(self, name: str) -> str:
        """A word for a participant that Mermaid takes for no other."""
        if name not in self._ids:
            word = re.sub(r"\W", "_", name, flags=re.ASCII)
            if PLAIN_WORD.fullmatch(word) and word not in ("NS", SPM):
                word += "_"
            while word in self._ids.values():
                word += "_"
            self._ids[name] = word
        return self._ids[name]


def escaped(text: str) -> str:
    """Text that Mermaid shows as it is: its own signs as character numbers, controls made visible."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in " ".join(text.splitlines()))
    shown = re.sub(r"[^A-Za-z0-9 _.,:()/=+|*!?'\[\]-]", lambda found: f"#{ord(found[0])};", shown)
    # Mermaid looks for style definitions, which have a colon that no space follows.
    return re.sub(r":(?=\S)", "#58;", shown) if shown.strip() else "#32;"
