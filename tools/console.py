"""The device's story as lines: its own console, and beside it what this model knows about each decision."""

from collections.abc import Callable, Iterator

from ..bootloader.events import BootDecision
from ..device import Stage
from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT
from ..interface.psa.status import PsaStatus
from ..interface.trace import Event, LogLine
from ..spm.events import MessageDelivered, MessageReplied, Panicked, PartitionStarted, ProgrammerError

MESSAGE_TYPES = {PSA_IPC_CONNECT: "connect", PSA_IPC_DISCONNECT: "disconnect"}
STYLES = (
    (r"^== .*", "bold cyan"),
    (r"NOT SECURE", "bold red"),
    (r"^  \| .*\[ERR\].*", "red"),
    (r"^  \| .*\[WRN\].*", "yellow"),
    (r"^  \| .*", "dim"),
    (r"\b(ACCEPTED|valid)\b", "green"),
    (r"\b(REFUSED|refused)\b", "red"),
)


def story(event: Event, *, decisions: bool) -> Iterator[str]:
    """The lines that an event is worth; ``decisions`` adds each step of BL2 and each PSA message."""
    match event:
        case Stage(name, text):
            yield f"== {name}: {text}"
        case LogLine(source, text):
            yield f"  | {source:<4} {text}"
        case BootDecision():
            if decisions:
                first, *rest = event.text.splitlines()
                yield f"  > {first}  [{event.rule}]"
                yield from (f"    {line}" for line in rest)
        case PartitionStarted(partition, partition_id, model, load_order):
            yield f"  > {partition} (id {partition_id}, {model}, load order {load_order:#06x}) is up"
        case MessageDelivered(client, service, _, _, type_, request) if decisions:
            yield f"  > {client} -> {service}, {request or MESSAGE_TYPES.get(type_, f'type {type_}')}"
        case MessageReplied(client, service, _, _, type_, status) if (
            decisions and type_ != PSA_IPC_DISCONNECT
        ):
            yield f"  > {client} <- {service}: {PsaStatus(status).name}"
        case ProgrammerError(client, rule, found, legal, status):
            yield f"  > {client} refused with {status}: {rule}; found {found}; legal: {legal}"
        case Panicked(report):
            yield f"  > panic: {report}"


def story_listener(tell: Callable[[str], None], *, decisions: bool) -> Callable[[Event], None]:
    """A trace listener that tells each line of the story as it happens."""

    def listen(event: Event) -> None:
        for line in story(event, decisions=decisions):
            tell(line)

    return listen
