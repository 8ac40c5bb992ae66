"""Which call a message belongs to, and which message a call: what the events leave to the reader."""

from dataclasses import dataclass, field

from ...device import Stage
from ...spm.events import CallEntered, CallReturned, MessageDelivered, MessageReplied


def begins_boot(stage: Stage) -> bool:
    """True where the device starts anew, so that of what was open before nothing comes back."""
    return stage.name != "NS"


@dataclass(eq=False, slots=True)
class OpenCall:
    """A client's call that has not come back. ``depth`` counts calls and messages around it."""

    entered: CallEntered
    depth: int
    delivered: bool = False


@dataclass(eq=False, slots=True)
class OpenMessage:
    """A message without its reply. ``call`` is None for one that the SPM sends on its own account."""

    delivered: MessageDelivered
    depth: int
    call: OpenCall | None


@dataclass(slots=True)
class Calls:
    """The calls and messages that are open at this point of a trace."""

    calls: dict[str, list[OpenCall]] = field(default_factory=dict)
    messages: dict[int, OpenMessage] = field(default_factory=dict)

    def enter(self, event: CallEntered) -> OpenCall:
        call = OpenCall(event, self.depth_in(event.client))
        self.calls.setdefault(event.client, []).append(call)
        return call

    def deliver(self, event: MessageDelivered) -> OpenMessage:
        """A call has one message; a further one is the PSA_IPC_DISCONNECT after a PROGRAMMER_ERROR."""
        call = self.current(event.client)
        if call is not None and call.delivered:
            call = None
        if call is not None:
            call.delivered = True
        message = OpenMessage(event, call.depth + 1 if call else 0, call)
        self.messages[event.handle] = message
        return message

    def reply(self, event: MessageReplied) -> OpenMessage | None:
        """The message that is answered; None where it came before the trace began."""
        return self.messages.pop(event.handle, None)

    def leave(self, event: CallReturned) -> OpenCall | None:
        """The call that comes back; None where it began before the trace did."""
        mine = self.calls.get(event.client)
        return mine.pop() if mine else None

    def current(self, client: str) -> OpenCall | None:
        """The client's innermost open call."""
        mine = self.calls.get(client)
        return mine[-1] if mine else None

    def depth_in(self, client: str) -> int:
        """How deep the code of a client stands: below the message that it handles."""
        served = (m.depth + 1 for m in self.messages.values() if m.delivered.partition == client)
        return max(served, default=0)

    def forget(self) -> None:
        """The device went down; nothing comes back any more."""
        self.calls.clear()
        self.messages.clear()
