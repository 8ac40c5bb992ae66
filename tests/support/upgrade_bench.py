"""One boot of a device with a candidate in its secondary slot."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2Config
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.interface.trace import Trace

MakePorts = Callable[..., Ports]


@dataclass(frozen=True)
class Booted:
    """``refusals`` as "check: found; wanted", of candidates and of what stopped the boot."""

    booted: bool
    refusals: list[str]
    primary: bytes
    secondary: bytes
    ports: Ports

    @property
    def candidate_erased(self) -> bool:
        return self.secondary == b"\xff" * len(self.secondary)


def upgrade(
    make_ports: MakePorts, candidate: bytes, config: Bl2Config, primary: bytes = b"", counter: int = 4
) -> Booted:
    """The candidate is marked for a test run; the primary slot is blank unless told otherwise."""
    ports = make_ports({(0, PRIMARY): primary, (0, SECONDARY): candidate}, counter=counter)
    mark_pending(ports.slot(0, SECONDARY).area, permanent=False, max_align=config.boot_max_align)
    return boot(ports, config)


def boot(ports: Ports, config: Bl2Config) -> Booted:
    try:
        refusals, booted = Bl2(ports, config, Trace()).run().refusals, True
    except BootRefused as refused:
        refusals, booted = refused.refusals, False
    slots = [ports.slot(0, name).area for name in (PRIMARY, SECONDARY)]
    first, second = (area.read(0, area.size) for area in slots)
    told = [f"{r.check}: {r.found}; {r.wanted}" for r in refusals]
    return Booted(booted, told, first, second, ports)


def damaged(image: bytes) -> st.SearchStrategy[bytes]:
    """The image with one to four bytes of it replaced, cut off anywhere."""
    spots = st.lists(st.tuples(st.integers(0, len(image) - 1), st.integers(0, 255)), min_size=1, max_size=4)
    return st.builds(_replaced, st.just(image), spots, st.integers(0, len(image)))


def _replaced(image: bytes, spots: list[tuple[int, int]], end: int) -> bytes:
    changed = bytearray(image)
    for position, value in spots:
        changed[position] = value
    return bytes(changed[:end])
