"""A trace as text: one line an event, indented by who calls whom."""

from collections.abc import Callable
from typing import TextIO

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
from .calls import Calls, begins_boot
from .json_lines import event_fields
from .names import (
    PartitionCallTexts,
    bridge_text,
    call_text,
    hexadecimal,
    key_text,
    message_text,
    reply_text,
    return_text,
    status_name,
)
from .writer import TraceWriter

INDENT = "  "


class TextTrace(TraceWriter):
    """One readable line an event: virtual time, indentation by call nesting, names in place of numbers."""

    def __init__(self, sink: TextIO, now: Callable[[], int] = lambda: 0) -> None:
        super().__init__(sink, now)
        self._calls = Calls()
        self._texts = PartitionCallTexts()

    def _hear(self, event: Event) -> None:
        depth, text = self._flow(event) or (0, _state(event))
        line = f"{self._now():>9} us  {INDENT * depth}{text}"
        self._sink.write(one_line(line) + "\n")

    def _flow(self, event: Event) -> tuple[int, str] | None:
        """Depth and text of an event on the way of a call; None for any other."""
        calls = self._calls
        match event:
            case CallEntered(client):
                depth = calls.enter(event).depth
                return depth, f"{client} calls {call_text(event, hexadecimal(event.target))}"
            case MessageDelivered(client, service, partition, handle):
                depth = calls.deliver(event).depth
                text = f"{service} in {partition} gets message {hexadecimal(handle)} of {client}"
                return depth, f"{text}: {message_text(event)}"
            case MessageReplied(_, service, partition, handle):
                message = calls.reply(event)
                text = f"{service} in {partition} answers message {hexadecimal(handle)}"
                return message.depth if message else 0, f"{text}: {reply_text(event)}"
            case CallReturned(client, call):
                returning = calls.leave(event)
                text = f"{client} is back from {call}: {return_text(event)}"
                return returning.depth if returning else 0, text
            case PartitionCalled(partition):
                return calls.depth_in(partition), f"{partition} calls {self._texts.called(event)}"
            case PartitionReturned(partition, call):
                result = self._texts.returned(event)
                text = f"{partition} is back from {call}" + (f": {result}" if result else "")
                return calls.depth_in(partition), text
            case SignalAsserted(partition, signal, name):
                self._texts.learn(event)
                text = f"{partition} has signal {name or 'without a name'} ({hexadecimal(signal)})"
                return calls.depth_in(partition), text
            case Panicked(report):
                calls.forget()
                return 0, f"PANIC: {report}"
            case Stage(name, text):
                if begins_boot(event):
                    calls.forget()
                return 0, f"== {name}: {text}"
        return None


def _state(event: Event) -> str:
    """The text of an event that stands for itself."""
    match event:
        case LogLine(source, text):
            return f"{source} | {text}"
        case BootDecision(_, rule, text):
            return f"BL2 > {text}  [{rule}]"
        case SwapStatusWritten(image, area, offset, index, state):
            return f"BL2 > image {image}: swap status at {area} + {offset:#x}: sector {index}, step {state}"
        case PartitionStarted(partition, partition_id, model, load_order):
            return f"{partition} is up: id {partition_id}, {model}, load order {load_order:#06x}"
        case ProgrammerError(client, rule, found, legal, status):
            return f"{client} is refused, {status_name(status)}: {rule}; found {found}; legal: {legal}"
        case ThreadSwitched(thread):
            return f"-- {thread} runs"
        case InterruptTaken(line, source, partition, handling):
            return f"interrupt {line} ({source}) goes to {partition}, {handling}"
        case ClockAdvanced(now):
            return f"-- the clock goes on to {now} us"
        case KeyMoved(_, source, target):
            return f"{key_text(event)}: {source} to {target}"
        case CcbOperation():
            return f"CCB > {bridge_text(event)}"
    shown = ", ".join(f"{name} {value}" for name, value in event_fields(event).items())
    return f"{type(event).__name__}: {shown}"


def one_line(text: str) -> str:
    """Lines joined, and nothing in it that a terminal would take for a control."""
    joined = " ".join(part.strip() if i else part for i, part in enumerate(text.splitlines()))
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in joined)
