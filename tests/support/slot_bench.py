"""Images for loaders that run from either slot, and boots of a device that has them."""

from collections.abc import Callable, Sequence
from typing import Any

from support.image_builder import P256, ImageParts, Tlvs, sec_cnt

from tfm_sim.bootloader.bl2 import Bl2, BootOutcome
from tfm_sim.bootloader.events import BootDecision
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import Ports
from tfm_sim.bootloader.validate import Refusal
from tfm_sim.interface.mcuboot.trailer import boot_img_magic
from tfm_sim.interface.trace import Event, Trace

MakePorts = Callable[..., Ports]
SLOT = 0x2000
BLANK = b"\xff" * SLOT
SET, UNSET, BAD = 0x01, 0xFF, 0x02
RAM_LOAD, ROM_FIXED, NON_BOOTABLE = 0x20, 0x100, 0x10


def image(
    major: int,
    *,
    counter: int | None = 5,
    flags: int = 0,
    load_addr: int = 0,
    extra: Tlvs = (),
    build: int = 0,
    payload: bytes | None = None,
) -> bytes:
    """Of version ``major``.0.0; the sizes of two images differ only by their signatures and payloads."""
    protected = [*([] if counter is None else [sec_cnt(counter)]), ImageParts().protected[1], *extra]
    more: dict[str, Any] = {} if payload is None else {"payload": payload}
    return P256.image(
        version=(major, 0, 0, build),
        flags=flags,
        protected=protected,
        header={"load_addr": load_addr},
        **more,
    )


def in_slot(
    data: bytes, *, image_ok: int = UNSET, copy_done: int = UNSET, magic: bytes | None = None
) -> bytes:
    """The whole slot, with a trailer; ``magic`` b"" leaves it erased."""
    cells = bytearray(data.ljust(SLOT, b"\xff"))
    cells[-32], cells[-24] = copy_done, image_ok
    good = boot_img_magic() if magic is None else magic.ljust(16, b"\xff")
    cells[-16:] = good
    return bytes(cells)


def flipped(data: bytes, at: int = 0x50) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def boot(ports: Ports, **options: Any) -> tuple[BootOutcome | None, Sequence[Refusal], list[BootDecision]]:
    """The outcome, None where BL2 refused; what was refused; what was decided."""
    events: list[BootDecision] = []

    def listen(event: Event) -> None:
        if isinstance(event, BootDecision):
            events.append(event)

    trace = Trace()
    trace.listeners.append(listen)
    try:
        outcome = Bl2(ports, P256.config(**options), trace).run()
    except BootRefused as refused:
        return None, refused.refusals, events
    return outcome, outcome.refusals, events


def booted(ports: Ports, **options: Any) -> str:
    """Slot and major version of each image by its index, such as "secondary 2"; "refused" for none."""
    outcome, _, _ = boot(ports, **options)
    if outcome is None:
        return "refused"
    images = sorted(outcome.images, key=lambda booted: booted.image)
    return ", ".join(f"{b.slot} {b.version.major}" for b in images)


def slot_bytes(ports: Ports, name: str, index: int = 0) -> bytes:
    return ports.slot(index, name).area.read(0, SLOT)


def erased(ports: Ports, name: str, index: int = 0) -> bool:
    return slot_bytes(ports, name, index) == BLANK
