"""Power cut at every write and erase of every upgrade: the device ends with the old or the new image whole.

One line a case. For each, the boot that upgrades is cut before, after and in the middle of every operation;
the device then boots in peace until nothing changes any more. It must always boot, an image that is whole,
with a security counter no higher than that image's. Then the same for the boot behind a cut, cut again.

Run with ``-s`` to see the counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support import power_sweep
from support.image_builder import P256
from support.image_encryption import FOR_KW, FOR_X25519, Recipient
from support.power_sweep import (
    NEW_COUNTER,
    OLD_COUNTER,
    SECTOR,
    SECTORS,
    Images,
    Sweep,
    SweepDevice,
    make_images,
    signatures_checked_once,
)

from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.platform.power import Cut, Operation, OperationKind, PowerCut

U = UpgradeStrategy
TWICE = 250
"""Second cuts of a case; above that many pairs, they are taken evenly."""


@dataclass(frozen=True)
class Upgrade:
    """``sizes`` are bytes of the two payloads, ``scratch`` sectors; ``ends`` is the image at the end."""

    strategy: UpgradeStrategy
    kind: str
    ends: str
    recipient: Recipient | None = None
    sizes: tuple[int, int] = (56, 480)
    scratch: int = 2
    new_counter: int = NEW_COUNTER
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [self.strategy.value, self.kind, *(f"{k}={v}" for k, v in self.options.items())]
        if self.recipient is not None:
            words.append(self.recipient.encryption.value)
        if self.sizes != (56, 480):
            words.append(f"payloads {self.sizes[0]} {self.sizes[1]}, scratch {self.scratch}")
        return " ".join(words)

    def device(self) -> tuple[SweepDevice, Images]:
        """Just before the boot that upgrades."""
        options = {"max_img_sectors": SECTORS, "bootstrap": self.kind == "bootstrap"} | self.options
        if self.recipient is not None:
            options |= self.recipient.options()
        config = P256.config(strategy=self.strategy, **options)
        images = make_images(self.strategy, self.recipient, self.sizes, self.new_counter)
        device = SweepDevice(config, self.scratch)
        old = b"" if self.kind == "bootstrap" else images.old
        device.flash_slots({PRIMARY: old, SECONDARY: images.new_candidate})
        with device.power.programmer():
            if self.strategy in (U.DIRECT_XIP_REVERT, U.RAM_LOAD_REVERT):
                mark_pending(device.area(PRIMARY), permanent=True, max_align=config.boot_max_align)
            if self.kind != "bootstrap":
                mark_pending(
                    device.area(SECONDARY), self.kind == "permanent", max_align=config.boot_max_align
                )
        if self.kind == "revert":
            device.boot()
        return device, images


OVERWRITES = [
    Upgrade(U.OVERWRITE_ONLY, "test", "new"),
    Upgrade(U.OVERWRITE_ONLY, "permanent", "new"),
    Upgrade(U.OVERWRITE_ONLY, "bootstrap", "new"),
    Upgrade(U.OVERWRITE_ONLY, "test", "new", FOR_KW),
    Upgrade(U.OVERWRITE_ONLY, "test", "new", options={"overwrite_fast": True}),
    Upgrade(U.OVERWRITE_ONLY, "permanent", "new", options={"overwrite_keep_backup": True}),
]
SWAPS = [
    Upgrade(strategy, kind, ends, recipient, options=options)
    for strategy in (U.SWAP_USING_SCRATCH, U.SWAP_USING_MOVE, U.SWAP_USING_OFFSET)
    for recipient, options in ((None, {}), (FOR_KW, {}), (FOR_X25519, {"save_enctlv": True}))
    for kind, ends in (("test", "old"), ("permanent", "new"), ("revert", "old"), ("bootstrap", "new"))
    if not options or kind == "revert"
]
SHAPES = [
    Upgrade(U.SWAP_USING_SCRATCH, "test", "old", sizes=(700, 1100), scratch=1),
    Upgrade(U.SWAP_USING_SCRATCH, "revert", "old", sizes=(700, 1100), scratch=8),
    Upgrade(U.SWAP_USING_SCRATCH, "permanent", "new", sizes=(100, 100), options={"max_img_sectors": 48}),
    Upgrade(
        U.SWAP_USING_SCRATCH, "revert", "old", sizes=(1100, 1200), scratch=1, options={"max_img_sectors": 32}
    ),
    Upgrade(U.SWAP_USING_MOVE, "revert", "old", sizes=(1100, 200)),
    Upgrade(U.SWAP_USING_MOVE, "test", "old", sizes=(200, 800), options={"max_img_sectors": 32}),
    Upgrade(U.SWAP_USING_OFFSET, "permanent", "new", sizes=(200, 1200)),
    Upgrade(U.SWAP_USING_OFFSET, "revert", "old", options={"boot_max_align": 32}),
]
IN_PLACE = [
    Upgrade(U.DIRECT_XIP, "test", "new"),
    Upgrade(U.DIRECT_XIP_REVERT, "test", "old"),
    Upgrade(U.DIRECT_XIP_REVERT, "permanent", "new"),
    Upgrade(U.RAM_LOAD, "test", "new"),
    Upgrade(U.RAM_LOAD_REVERT, "test", "old", new_counter=OLD_COUNTER),
    Upgrade(U.RAM_LOAD_REVERT, "permanent", "new"),
]
UPGRADES = [*OVERWRITES, *SWAPS, *SHAPES, *IN_PLACE]


@pytest.fixture(autouse=True, scope="module")
def known_signatures() -> Iterator[None]:
    with signatures_checked_once():
        yield


@pytest.mark.parametrize("upgrade", UPGRADES, ids=str)
def test_one_cut(upgrade: Upgrade) -> None:
    """A permanent upgrade goes through whatever happens, a test is reverted, or was never begun."""
    sweep = Sweep(str(upgrade), *upgrade.device())
    counts = sweep.run()
    print(counts)
    assert sweep.violations == []
    assert counts.cuts == 3 * counts.operations > 0
    ends = {end.split("-")[-1] for end in counts.outcomes}
    assert ends == {upgrade.ends}


@pytest.mark.parametrize("upgrade", [case for case in UPGRADES if case.recipient is None], ids=str)
def test_two_cuts(upgrade: Upgrade) -> None:
    sweep = Sweep(f"twice, {upgrade}", *upgrade.device())
    counts = sweep.run_twice(TWICE)
    print(counts)
    assert sweep.violations == []


LAST_SCRATCH_SECTOR = [
    Upgrade(U.SWAP_USING_SCRATCH, "test", "old", sizes=(700, 1560), scratch=1),
    Upgrade(U.SWAP_USING_SCRATCH, "permanent", "new", sizes=(1500, 1500)),
    Upgrade(U.SWAP_USING_SCRATCH, "revert", "old", sizes=(1500, 700), scratch=1),
]


@pytest.mark.parametrize("upgrade", LAST_SCRATCH_SECTOR, ids=str)
def test_a_scratch_sector_of_image_and_trailer(upgrade: Upgrade) -> None:
    """The default spoils the scratch magic first, so every cut of that is survived, one or two."""
    sweep = Sweep(str(upgrade), *upgrade.device())
    counts = sweep.run()
    print(counts)
    assert sweep.violations == []
    assert {end.split("-")[-1] for end in counts.outcomes} == {upgrade.ends}
    twice = Sweep(f"twice, {upgrade}", *upgrade.device())
    print(twice.run_twice(TWICE))
    assert twice.violations == []


@pytest.mark.parametrize("upgrade", LAST_SCRATCH_SECTOR, ids=str)
def test_the_one_cut_that_mcuboot_does_not_survive(upgrade: Upgrade) -> None:
    """A scratch sector that holds image data and the trailer, half erased from its lower end.

    The piece in which the slots' trailers begin is copied back, and the scratch area is erased, its last
    sector first. Where that sector holds image data beside the scratch trailer, and loses the data and not
    yet the magic, the next boot takes the trailer for that of a swap under way and copies the piece again.
    MCUboot's own code, given the same bytes, does the same. Every other cut is survived.
    """
    as_mcuboot = replace(upgrade, options={**upgrade.options, "scratch_magic_kept": True})
    device, images = as_mcuboot.device()
    sweep = Sweep(str(as_mcuboot), device, images)
    counts = sweep.run()
    print(counts)
    (violation,) = sweep.violations
    cut = Cut.parse(":".join(violation.split(":")[:2]))
    device.restore(sweep.start)
    seen: list[Operation] = []
    device.power.on_operation = seen.append
    with pytest.raises(PowerCut, match="in the middle of"):
        device.boot(cut)
    assert device.ports.scratch is not None
    end = device.ports.scratch.offset + device.ports.scratch.size
    assert (seen[-1].kind, seen[-1].offset) == (OperationKind.ERASE, end - SECTOR)
    assert device.flash.read(end - 16, 16) != b"\xff" * 16, "the magic is still there"


def test_a_trial_from_ram_cannot_be_reverted_once_its_counter_is_higher() -> None:
    """No matter of power: MCUboot's RAM_LOAD+REVERT raises the counter in the trial boot already.

    (boot_update_hw_rollback_protection asks for image_ok only where DIRECT_XIP+REVERT is built.) So the old
    image is refused when the trial is over. The counter is never ahead of what booted, though.
    """
    device, images = Upgrade(U.RAM_LOAD_REVERT, "test", "none").device()
    outcome = device.boot()
    assert images.named(device.area(outcome.images[0].slot).read(0, SECTOR * SECTORS)) == "new"
    assert device.counter() == NEW_COUNTER
    with pytest.raises(BootRefused, match="security counter: found 5"):
        device.boot()


@pytest.mark.parametrize("as_mcuboot", [True, False])
def test_a_revert_by_offset_cut_twice_in_its_first_sector(
    as_mcuboot: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MCUboot's own code loses both images here (seen in its C code); the default deviates and does not.

    It takes sectors that hold the old image whole.
    """
    monkeypatch.setattr(power_sweep, "SECTOR", 0x400)
    monkeypatch.setattr(power_sweep, "SLOT", SECTORS * 0x400)
    options = {"offset_revert_marked_again": as_mcuboot}
    upgrade = Upgrade(U.SWAP_USING_OFFSET, "revert", "old", sizes=(64, 900), options=options)
    sweep = Sweep(f"twice, {upgrade}", *upgrade.device())
    print(sweep.run_twice(1_000_000))
    cuts = [violation.split(": !")[0] for violation in sweep.violations]
    ends = ("6:after", "7:before", "7:torn")
    assert cuts == ([f"18:before, then {second}" for second in ends] if as_mcuboot else [])


def test_the_sweep_finds_a_loader_that_forgets_its_status() -> None:
    """The sweep can fail: without the status writes of a swap, a cut in the middle of it is the end."""
    sweep = Sweep("forgetful", *Upgrade(U.SWAP_USING_MOVE, "permanent", "new").device())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfm_sim.bootloader.swap_flow.SwapFlow.write_status", lambda *_: None)
        sweep.run()
    assert sweep.violations
