"""What BL2 decides, as typed trace events: one for each decision, with the rule that made it.

``rule`` names the MCUboot or TF-M function that holds the rule; ``text`` says the decision in a sentence.
"""

from dataclasses import dataclass

from ..interface.mcuboot.image import ImageHeader, ImageVersion
from ..interface.mcuboot.swap import StatusSource
from ..interface.mcuboot.tlv import Dependency, Tlv
from ..interface.mcuboot.trailer import SwapState, SwapType
from ..interface.trace import Event
from .vectors import VectorTable


@dataclass(frozen=True, slots=True)
class BootDecision(Event):
    """Base of all: a place where `tfm-sim boot --step` stops. ``image`` is None where it is about none."""

    image: int | None
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class BootStarted(BootDecision):
    """BL2 runs; the order in which it will look at the images."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeadersRead(BootDecision):
    """The headers of both slots, as they are; None where the slot cannot hold one."""

    primary: ImageHeader | None
    secondary: ImageHeader | None


@dataclass(frozen=True, slots=True)
class SwapTypeDecided(BootDecision):
    """What the trailers ask for."""

    primary: SwapState
    secondary: SwapState
    swap_type: SwapType


@dataclass(frozen=True, slots=True)
class SlotsExamined(BootDecision):
    """Which slots of an image hold something with a plausible header, where either may run."""

    available: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotChosen(BootDecision):
    """The slot that is tried next."""

    slot: str
    version: ImageVersion


@dataclass(frozen=True, slots=True)
class SlotDropped(BootDecision):
    """A slot is out of this boot; ``erased`` says whether its image is gone for good."""

    slot: str
    erased: bool


@dataclass(frozen=True, slots=True)
class TrialExamined(BootDecision):
    """What a slot's trailer says about its image's trial; ``selected`` is false where the slot is erased."""

    slot: str
    state: SwapState
    selected: bool


@dataclass(frozen=True, slots=True)
class ImageLoaded(BootDecision):
    """An image was copied to RAM: address and size in bytes."""

    slot: str
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class ImageUnloaded(BootDecision):
    """An image in RAM was overwritten with zeros."""

    slot: str
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class TlvExamined(BootDecision):
    """One step of the validation walk."""

    slot: str
    tlv: Tlv


@dataclass(frozen=True, slots=True)
class ImageAccepted(BootDecision):
    """An image passed every check."""

    slot: str
    version: ImageVersion


@dataclass(frozen=True, slots=True)
class ImageRefused(BootDecision):
    """An image failed a check; ``text`` is the whole refusal."""

    slot: str


@dataclass(frozen=True, slots=True)
class SlotErased(BootDecision):
    """A slot's image was made unusable."""

    slot: str


@dataclass(frozen=True, slots=True)
class DependencyExamined(BootDecision):
    """One DEPENDENCY TLV compared with the version that the other image would have."""

    slot: str
    dependency: Dependency
    found: ImageVersion | None
    satisfied: bool


@dataclass(frozen=True, slots=True)
class ImageCopied(BootDecision):
    """The secondary slot was copied over the primary one."""

    size: int


@dataclass(frozen=True, slots=True)
class SwapStatusFound(BootDecision):
    """Where a trailer tells of a swap, and how far that had got.

    ``index`` and ``state`` are 1 where it had not begun; ``swap_type`` is as in the trailer.
    """

    source: StatusSource
    index: int
    state: int
    swap_type: int


@dataclass(frozen=True, slots=True)
class SwapBegun(BootDecision):
    """Sectors of both slots change places from here: ``size`` bytes; ``resumed`` after a cut."""

    size: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class SwapPhase(BootDecision):
    """A swap by moving has two: all of the primary image up by a sector, then the exchange."""

    phase: str


@dataclass(frozen=True, slots=True)
class SwapStatusWritten(Event):
    """An entry of the swap status: step ``state`` of sector ``index`` (or group of sectors) is done."""

    image: int
    area: str
    offset: int
    index: int
    state: int


@dataclass(frozen=True, slots=True)
class SwapDone(BootDecision):
    """The slots have changed places and the primary trailer says so."""

    swap_type: int


@dataclass(frozen=True, slots=True)
class TrailerErased(BootDecision):
    """The trailer of a slot was erased, so that nothing is asked for by it any more."""

    slot: str


@dataclass(frozen=True, slots=True)
class CounterChecked(BootDecision):
    """The NV counter of an image was raised, kept, or could not be raised."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class SharedDataAdded(BootDecision):
    """An entry went to the shared data area, or did not (``code`` is not 0)."""

    tlv_type: int
    data: bytes
    code: int


@dataclass(frozen=True, slots=True)
class JumpPrepared(BootDecision):
    """The vector table that BL2 jumps through, and what is implausible about it."""

    vectors: VectorTable
