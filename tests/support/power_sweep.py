"""A small device whose boots are cut at every write and erase, in every way, and then left to boot in peace.

Power takes all memory but flash and OTP, so a state is their bytes: what a cut leaves is a state, and what
boots make of it is found out once for each.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.image_builder import P256, ImageParts, sec_cnt
from support.image_encryption import Encrypted, Recipient

from tfm_sim.bootloader import image_validate, signature
from tfm_sim.bootloader.bl2 import Bl2, BootedImage, BootOutcome
from tfm_sim.bootloader.config import Bl2Config, UpgradeStrategy
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import SECONDARY, SLOTS, Ports
from tfm_sim.interface.errors import TfmSimError
from tfm_sim.interface.trace import Trace
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.memory import Access, Memory, Region, RegionKind, Security
from tfm_sim.platform.nv_counters import NvCounter, NvCounters
from tfm_sim.platform.otp import Otp
from tfm_sim.platform.power import Cut, CutMode, PowerCut, PowerSupply

SECTOR, WRITE_SIZE, SECTORS = 0x100, 4, 8
SLOT = SECTORS * SECTOR
RAM, RAM_SIZE = 0x38000000, 0x2000
OLD_COUNTER, NEW_COUNTER = 5, 6
OFFSET = UpgradeStrategy.SWAP_USING_OFFSET
IN_PLACE = (UpgradeStrategy.DIRECT_XIP, UpgradeStrategy.DIRECT_XIP_REVERT)
TO_RAM = (UpgradeStrategy.RAM_LOAD, UpgradeStrategy.RAM_LOAD_REVERT)
MAX_BOOTS = 8
State = tuple[bytes, bytes, tuple[int, ...]]
"""Flash, OTP, and the security counters in it: a counter that is set anew to its value writes OTP too."""


@contextlib.contextmanager
def signatures_checked_once() -> Iterator[None]:
    """A signature is checked once for each message: thousands of boots look at the same few images.

    A check costs more than all the rest of such a boot. The answers stay the loader's own; there is one key.
    """
    verdicts: dict[tuple[bytes, bytes], bool] = {}

    def verify_once(key: Any, algorithm: Any, message: bytes, signed: bytes) -> bool:
        asked = bytes(message), bytes(signed)
        if asked not in verdicts:
            verdicts[asked] = signature.verify(key, algorithm, message, signed)
        return verdicts[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_validate, "verify", verify_once)
        yield


class SweepError(AssertionError):
    """The device came to an end that it must not come to; the text says by which cuts."""


@dataclass(frozen=True)
class Images:
    """Both images as they stand in a primary slot, the new one as a candidate, their counters."""

    old: bytes
    new: bytes
    new_candidate: bytes
    counters: Mapping[str, int]

    def named(self, data: bytes) -> str | None:
        """Which of them ``data`` begins with, None where it is neither."""
        for name, image in (("old", self.old), ("new", self.new)):
            if data.startswith(image):
                return name
        return None


def make_images(
    strategy: UpgradeStrategy,
    recipient: Recipient | None = None,
    sizes: tuple[int, int] = (56, 480),
    new_counter: int = NEW_COUNTER,
) -> Images:
    """With payloads of these bytes (two sectors and three), encrypted where there is a loader's key."""
    record = ImageParts().protected[1]
    built: list[tuple[bytes, bytes]] = []
    for version, counter, size in ((1, OLD_COUNTER, sizes[0]), (2, new_counter, sizes[1])):
        header = {"load_addr": RAM + 0x800 * version} if strategy in TO_RAM else {}
        parts = ImageParts(
            payload=ImageParts().payload[:8] + bytes((7 * version * n) & 0xFF for n in range(size - 8)),
            version=(version, 0, 0, 0),
            flags=0x20 if strategy in TO_RAM else 0,
            protected=[sec_cnt(counter), record],
            header=header,
        )
        if recipient is None:
            built.append((P256.image(parts),) * 2)
        else:
            encrypted = Encrypted(P256, recipient, parts=parts)
            built.append((encrypted.plain(), encrypted.image()))
    (old, _), (new, new_candidate) = built
    return Images(old, new, new_candidate, {"old": OLD_COUNTER, "new": new_counter})


class SweepDevice:
    """One image or two in slots of a few sectors, a scratch area, counters in OTP, one power supply."""

    def __init__(self, config: Bl2Config, scratch_sectors: int = 2) -> None:
        self.config = config
        self.power = PowerSupply()
        count = config.image_number
        self.flash = Flash("flash0", (2 * count + 1) * SLOT, SECTOR, WRITE_SIZE, power=self.power)
        self.otp = Otp()
        self.otp.power = self.power
        places = [(image, name) for image in range(count) for name in SLOTS]
        self.slots = {
            (image, name): FlashArea(
                n, f"{name}{image or ''}", self.flash, n * SLOT, SLOT, 0x10000000 + n * SLOT
            )
            for n, (image, name) in enumerate(places)
        }
        scratch = FlashArea(9, "scratch", self.flash, 2 * count * SLOT, scratch_sectors * SECTOR)
        memory = Memory()
        rights = Access.READ | Access.WRITE
        memory.add(
            Region("RAM", RAM, RAM_SIZE, Security.SECURE, rights, kind=RegionKind.RAM), bytearray(RAM_SIZE)
        )
        code = Region(
            "CODE", 0x10000000, self.flash.size, Security.SECURE, Access.READ, kind=RegionKind.FLASH
        )
        memory.add(code, self.flash.cells)
        counters = NvCounters(self.otp)
        self.ports = Ports(
            self.slots,
            self.otp,
            counters,
            memory,
            (RAM, 0x400),
            {0: (RAM + 0x400, RAM_SIZE - 0x400)},
            scratch,
        )
        with self.power.programmer():
            for image in range(count):
                counters.set(NvCounter(NvCounter.BL2_0 + image), OLD_COUNTER)

    def area(self, name: str, image: int = 0) -> FlashArea:
        return self.slots[image, name]

    def counter(self, image: int = 0) -> int:
        return self.ports.security_counter(image)

    def flash_slots(self, contents: Mapping[str, bytes], image: int = 0) -> None:
        """From outside: each slot erased, then written; in offset mode a candidate one sector further."""
        with self.power.programmer():
            for name, data in contents.items():
                start = SECTOR if self.config.strategy is OFFSET and name == SECONDARY else 0
                self.area(name, image).erase(0, SLOT)
                self.area(name, image).write(start, data + b"\xff" * (-len(data) % WRITE_SIZE))

    def state(self) -> State:
        counters = tuple(self.counter(image) for image in range(self.config.image_number))
        return bytes(self.flash.cells), bytes(self.otp), counters

    def restore(self, state: State) -> None:
        self.flash.cells[:] = state[0]
        self.otp.cells[:] = state[1]

    def boot(self, cut: Cut | None = None) -> BootOutcome:
        """Power on. Raises PowerCut, BootRefused."""
        self.power.restore()
        self.power.cut_at(cut)
        try:
            return Bl2(self.ports, self.config, Trace()).run()
        finally:
            self.power.cut_at(None)


@dataclass
class Counts:
    """What a sweep saw; ``outcomes`` counts how the device ended, by what it went through."""

    name: str
    operations: int = 0
    cuts: int = 0
    boots: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        ends = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        return (
            f"{self.name}: {self.operations} operations, {self.cuts} cuts, {self.boots} boots; ends: {ends}"
        )


Deviation = Callable[[str, str], bool]


class Sweep:
    """All cuts of one boot from one state; ``images`` are those of each image index."""

    def __init__(self, name: str, device: SweepDevice, *images: Images) -> None:
        self.device = device
        self.images = images
        self.counts = Counts(name)
        self.start = device.state()
        self.violations: list[str] = []
        self._ends: dict[tuple[bytes, tuple[int, ...]], str] = {}

    def run(self, most: int | None = None) -> Counts:
        """Cut once at every operation in all three ways, or ``most`` times, evenly taken."""
        self.counts.operations = self._operations(self.start)
        stride = 1 if most is None else max(1, -(-3 * self.counts.operations // most))
        for cut, state in self._cut_states(self.start, stride):
            self._judge(str(cut), state)
        return self.counts

    def run_twice(self, most: int) -> Counts:
        """Cut, and cut the boot after it again: every pair, or ``most`` of them evenly taken."""
        self.counts.operations = self._operations(self.start)
        firsts = [
            (state, cut)
            for state, cut in {
                state[::2]: (state, cut) for cut, state in self._cut_states(self.start, 1)
            }.values()
        ]
        pairs = sum(3 * self._operations(state) for state, _ in firsts)
        stride = max(1, -(-pairs // most))
        for state, first in firsts:
            for second, after in self._cut_states(state, stride):
                self._judge(f"{first}, then {second}", after)
        return self.counts

    def _operations(self, state: State) -> int:
        self.device.restore(state)
        with contextlib.suppress(BootRefused):
            self.device.boot()
        return self.device.power.operations

    def _cut_states(self, state: State, stride: int) -> Iterator[tuple[Cut, State]]:
        cuts = [Cut(n, mode) for n in range(1, self._operations(state) + 1) for mode in CutMode]
        for cut in cuts[::stride]:
            self.device.restore(state)
            try:
                self.device.boot(cut)
            except PowerCut:
                self.counts.cuts += 1
                yield cut, self.device.state()
            else:
                raise SweepError(f"{self.counts.name}: no power was lost at {cut}")

    def _judge(self, how: str, state: State) -> None:
        what = state[0], state[2]
        end = self._ends.get(what)
        if end is None:
            end = self._ends[what] = self._settle(state)
        self.counts.outcomes[end] += 1
        if end.startswith("!"):
            self.violations.append(f"{how}: {end}")

    def _settle(self, state: State) -> str:
        """Boot until nothing changes any more; the images that ran in that order, or what is wrong."""
        device, ran = self.device, list[str]()
        device.restore(state)
        for _ in range(MAX_BOOTS):
            before = device.state()
            self.counts.boots += 1
            try:
                outcome = device.boot()
            except TfmSimError as error:
                return f"! after {'-'.join(ran) or 'nothing'}: {error}"
            names = [self._which(booted) for booted in sorted(outcome.images, key=lambda b: b.image)]
            if wrong := [name for name in names if name.startswith("!")]:
                return f"{wrong[0]} after {'-'.join(ran) or 'nothing'}"
            if not ran or ran[-1] != "+".join(names):
                ran.append("+".join(names))
            if device.state()[::2] == before[::2]:
                return "-".join(ran)
        return f"! not stable after {MAX_BOOTS} boots: {'-'.join(ran)}"

    def _which(self, booted: BootedImage) -> str:
        """Which image runs, or what is wrong with it."""
        images, device = self.images[booted.image], self.device
        image = images.named(device.area(booted.slot, booted.image).read(0, SLOT))
        if image is None:
            return f"! image {booted.image}: neither image is whole in the {booted.slot} slot"
        if device.counter(booted.image) > images.counters[image]:
            return f"! image {booted.image}: the counter is at {device.counter(booted.image)}, {image} runs"
        return image
