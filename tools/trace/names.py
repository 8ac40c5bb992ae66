"""Numbers of a trace as a reader wants them: statuses, signals, handles, message types."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY
from ...interface.psa.status import PsaStatus
from ...platform.ccb_events import CcbOperation, KeyMoved
from ...spm.events import (
    CallEntered,
    CallReturned,
    MessageDelivered,
    MessageReplied,
    PartitionCalled,
    PartitionReturned,
    SignalAsserted,
)
from ..console import MESSAGE_TYPES

UINT32: Final = 0xFFFFFFFF


def status_name(status: int) -> str:
    """``PSA_ERROR_NOT_SUPPORTED``; the number of a status without a name."""
    return PsaStatus(status).name


def hexadecimal(value: int) -> str:
    """A handle, SID or signal as C shows it: 32 bits, unsigned."""
    return f"{value & UINT32:#x}"


def message_type(type_: int) -> str:
    return MESSAGE_TYPES.get(type_, f"type {type_}")


def key_text(event: KeyMoved) -> str:
    """Which key goes over which bus, and how."""
    return f"{event.bus} > {event.key}, {'in the clear' if event.clear else 'wrapped'}"


def bridge_text(event: CcbOperation) -> str:
    """An operation of the CCB with the steps that it went through."""
    path = " ".join(f"{step:02x}" for step in event.steps)
    return (
        f"{event.operation} ({event.code:#04x}), steps {path}{'' if event.ok else ': the tag does not fit'}"
    )


def message_text(event: MessageDelivered) -> str:
    """The function that is asked for, by name where the service is TF-M's; else the message's type."""
    return event.request or message_type(event.type)


def call_text(event: CallEntered, target: str, request: str = "") -> str:
    """``psa_call(0x40000100, type 0, in 56, out 24)``; ``target`` is what stands for the SID or handle.

    ``request`` stands in the place of the type where it is known.
    """
    parts = [target]
    if event.call == "psa_call":
        parts.append(request or f"type {event.type}")
        parts += [
            f"{way} {'+'.join(map(str, sizes))}"
            for way, sizes in (("in", event.in_sizes), ("out", event.out_sizes))
            if sizes
        ]
    return f"{event.call}({', '.join(parts)})"


def return_text(event: CallReturned) -> str:
    """The status of psa_call, the handle of psa_connect; psa_close has nothing to say."""
    if event.call == "psa_close":
        return "done"
    if event.call == "psa_connect" and event.status > 0:
        return f"handle {hexadecimal(event.status)}"
    return status_name(event.status)


def reply_text(event: MessageReplied) -> str:
    """The status, and the bytes in each output vector."""
    if not event.written:
        return status_name(event.status)
    return f"{status_name(event.status)}, {'+'.join(map(str, event.written))} bytes"


class PartitionCallTexts:
    """Calls of the partition API as text. The names of signals are learnt from the trace itself."""

    def __init__(self) -> None:
        self._signals: dict[tuple[str, int], str] = {}

    def learn(self, event: SignalAsserted) -> None:
        self._signals[event.partition, event.signal] = event.name

    def called(self, event: PartitionCalled) -> str:
        """``psa_wait(PSA_WAIT_ANY, PSA_BLOCK)``."""
        kinds = _ARGUMENTS.get(event.call, "")
        shown = [
            self._value(kinds[i : i + 1], value, event.partition) for i, value in enumerate(event.arguments)
        ]
        return f"{event.call}({', '.join(shown)})"

    def returned(self, event: PartitionReturned) -> str:
        """The result, as what it is; empty for a call that returns nothing."""
        kind = _RESULTS.get(event.call, "")
        return "" if kind == "-" else self._value(kind, event.result, event.partition)

    def _value(self, kind: str, value: int | str, partition: str) -> str:
        if not isinstance(value, int):
            return value
        if kind == "g":
            return self._signal_names(value & UINT32, partition)
        show = _KINDS.get(kind)
        return show(value) if show else str(int(value))

    def _signal_names(self, signals: int, partition: str) -> str:
        if signals == PSA_WAIT_ANY:
            return "PSA_WAIT_ANY"
        names = []
        for bit in range(32):
            if signals & 1 << bit:
                name = self._signals.get((partition, 1 << bit))
                if name:
                    names.append(name)
                    signals &= ~(1 << bit)
        if signals or not names:
            names.append(hexadecimal(signals))
        return "|".join(names)


def _timeout(value: int) -> str:
    return "PSA_BLOCK" if value & PSA_BLOCK else "PSA_POLL"


# One letter an argument: g signals, t timeout, h handle or other hexadecimal number, s status; else decimal.
_KINDS: Final[dict[str, Callable[[int], str]]] = {"t": _timeout, "h": hexadecimal, "s": status_name}
_ARGUMENTS: Final = {
    "psa_wait": "gt",
    "psa_get": "gh",
    "psa_set_rhandle": "hh",
    "psa_read": "hdhd",
    "psa_skip": "hdd",
    "psa_write": "hdhd",
    "psa_reply": "hs",
    "psa_map_invec": "hd",
    "psa_unmap_invec": "hd",
    "psa_map_outvec": "hd",
    "psa_unmap_outvec": "hdd",
    "psa_irq_enable": "g",
    "psa_irq_disable": "g",
    "psa_eoi": "g",
    "psa_reset_signal": "g",
    "psa_version": "h",
    "psa_connect": "hd",
    "psa_call": "hd",
    "psa_close": "h",
}
# The same for what comes back; - is nothing.
_RESULTS: Final = {
    "psa_wait": "g",
    "psa_get": "s",
    "psa_call": "s",
    "psa_framework_version": "h",
    "psa_rot_lifecycle_state": "h",
    "psa_map_invec": "h",
    "psa_map_outvec": "h",
    **dict.fromkeys(
        (
            "psa_set_rhandle",
            "psa_write",
            "psa_reply",
            "psa_notify",
            "psa_clear",
            "psa_close",
            "psa_panic",
            "psa_unmap_invec",
            "psa_unmap_outvec",
            "psa_irq_enable",
            "psa_eoi",
            "psa_reset_signal",
        ),
        "-",
    ),
}
