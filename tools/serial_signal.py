"""What a receiver makes of a serial signal that was sent at another speed or in another frame.

The sender's characters become a waveform of high and low bits; the receiver waits for a falling edge and
looks at the middle of each bit, in its own time. Both ends alike, and the bytes come out as they went in.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..platform.stm32_usart import SerialFrame

MARK: Final = 1
"""The level of an idle line and of a stop bit."""
TOLERANCE: Final = 0.02
"""Ends whose speeds differ by less understand each other: after ten bits they are a fifth of a bit apart."""


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """One end's speed in bits per second, and its frame. Speed 0 is a line that is hung up."""

    baud_rate: float
    frame: SerialFrame = field(default_factory=SerialFrame)

    def __str__(self) -> str:
        return f"{self.baud_rate:.0f} {self.frame}"


class Received(NamedTuple):
    """A character as it arrives; ``framing_error`` when its stop bit is low, ``parity_error`` likewise."""

    byte: int
    framing_error: bool = False
    parity_error: bool = False


def receive(data: bytes, sender: SerialSettings, receiver: SerialSettings) -> list[Received]:
    """``data``, sent without a gap by ``sender``, as ``receiver`` samples it."""
    if not sender.baud_rate or not receiver.baud_rate:
        return []
    if sender.frame == receiver.frame and abs(sender.baud_rate / receiver.baud_rate - 1) < TOLERANCE:
        mask = (1 << min(sender.frame.data_bits, 8)) - 1
        return [Received(byte & mask) for byte in data]
    return _sample(_waveform(data, sender.frame), sender, receiver)


def _waveform(data: bytes, frame: SerialFrame) -> list[int]:
    """The level in each half of a bit: stop bits come in halves."""
    levels = []
    for byte in data:
        bits = [byte >> n & 1 for n in range(frame.data_bits)]
        parity = [] if frame.parity == "N" else [_parity(bits, frame)]
        for bit in (0, *bits, *parity):
            levels += [bit, bit]
        levels += [MARK] * int(2 * frame.stop_bits)
    return levels


def _sample(levels: list[int], sender: SerialSettings, receiver: SerialSettings) -> list[Received]:
    frame = receiver.frame
    period = 2 * sender.baud_rate / receiver.baud_rate  # of a receiver's bit, in halves of the sender's

    def level(time: float) -> int:
        at = int(time)
        return levels[at] if at < len(levels) else MARK

    received = []
    edges = [n for n, low in enumerate(levels) if not low and (n == 0 or levels[n - 1])]
    free = 0.0
    for edge in edges:
        if edge < free or level(edge + period / 2):  # in the middle of a character, or a glitch
            continue
        times = [edge + period * (1.5 + n) for n in range(frame.data_bits + 2)]
        bits = [level(time) for time in times]
        byte = sum(bit << n for n, bit in enumerate(bits[: min(frame.data_bits, 8)]))
        stop = frame.data_bits if frame.parity == "N" else frame.data_bits + 1
        data, parity = bits[: frame.data_bits], bits[frame.data_bits]
        wrong_parity = frame.parity != "N" and parity != _parity(data, frame)
        received.append(Received(byte, not bits[stop], wrong_parity))
        free = times[stop]
    return received


def _parity(bits: list[int], frame: SerialFrame) -> int:
    return sum(bits) & 1 ^ (frame.parity == "O")
