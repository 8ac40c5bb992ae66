"""Listeners that write a device's trace down: text, JSON lines, Perfetto, Mermaid (docs/tracing.md).

with tfm_sim.boot() as device, open("token.txt", "w") as sink:
    with recording(device.trace, TextTrace(sink, device.trace.now)):
        device.psa.initial_attestation.get_token(bytes(32))
"""

from .json_lines import JsonLinesTrace
from .mermaid import MermaidTrace
from .perfetto import PerfettoTrace
from .selection import recording, selected
from .text import TextTrace
from .writer import TraceWriter

__all__ = [
    "JsonLinesTrace",
    "MermaidTrace",
    "PerfettoTrace",
    "TextTrace",
    "TraceWriter",
    "recording",
    "selected",
]
