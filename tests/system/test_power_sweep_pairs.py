"""Power cuts while two images are upgraded, and in slots of a real board's size.

The guarantee is each image's: whichever cut, the secure and the non-secure image each end as the old or the
new one, whole, with a counter no higher than its own. That both change together is not promised by MCUboot,
nor here: each image has its own swap. Every case is run in TF-M's order, the last image first in a boot_go of
its own, and in plain MCUboot's single boot_go over all.

Run with ``-s`` to see the counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from support import power_sweep
from support.image_builder import P256
from support.power_sweep import Images, Sweep, SweepDevice, make_images, signatures_checked_once

from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.platform.board import load_board

U = UpgradeStrategy
SIZES = ((56, 480), (300, 90))
"""Payloads in bytes, old and new, of the secure image and of the non-secure one."""


@pytest.fixture(autouse=True, scope="module")
def known_signatures() -> Iterator[None]:
    with signatures_checked_once():
        yield


@dataclass(frozen=True)
class Pair:
    """``kinds`` are of the upgrade of each image index, None for none; ``ends`` is what runs at the end."""

    strategy: UpgradeStrategy
    kinds: tuple[str | None, str | None]
    ends: str
    single_boot_go: bool = False
    options: Mapping[str, bool] = field(default_factory=dict)

    def __str__(self) -> str:
        order = "single boot_go" if self.single_boot_go else "1 then 0"
        return f"{self.strategy.value} {self.kinds[0] or 'none'} and {self.kinds[1] or 'none'}, {order}"

    def device(
        self, sectors: int, sizes: Sequence[tuple[int, int]] = SIZES
    ) -> tuple[SweepDevice, list[Images]]:
        """Just before the boot that upgrades, or reverts."""
        config = P256.config(
            strategy=self.strategy,
            max_img_sectors=sectors,
            image_number=2,
            single_boot_go=self.single_boot_go,
            **self.options,
        )
        device = SweepDevice(config)
        images = [make_images(self.strategy, None, size) for size in sizes]
        for index, kind in enumerate(self.kinds):
            contents = {PRIMARY: images[index].old}
            if kind is not None:
                contents[SECONDARY] = images[index].new_candidate
            device.flash_slots(contents, index)
            if kind is not None:
                with device.power.programmer():
                    mark_pending(device.area(SECONDARY, index), kind == "permanent", image_index=index)
        if "revert" in self.kinds:
            device.boot()
        return device, images


SWAPS = (U.SWAP_USING_SCRATCH, U.SWAP_USING_MOVE, U.SWAP_USING_OFFSET)
PAIRS = [
    Pair(strategy, kinds, ends, single)
    for single in (False, True)
    for strategies, kinds, ends in (
        ((U.OVERWRITE_ONLY, *SWAPS), ("permanent", "permanent"), "new+new"),
        ((U.OVERWRITE_ONLY, *SWAPS), (None, "permanent"), "old+new"),
        (SWAPS, ("test", "test"), "old+old"),
        (SWAPS, ("revert", "revert"), "old+old"),
        (SWAPS, ("permanent", "test"), "new+old"),
        ((U.DIRECT_XIP,), ("test", "test"), "new+new"),
    )
    for strategy in strategies
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_one_cut(pair: Pair) -> None:
    device, images = pair.device(power_sweep.SECTORS)
    sweep = Sweep(str(pair), device, *images)
    counts = sweep.run()
    print(counts)
    assert sweep.violations == []
    assert counts.cuts == 3 * counts.operations > 0
    assert {end.split("-")[-1] for end in counts.outcomes} == {pair.ends}


TWICE = [pair for pair in PAIRS if pair.kinds in {("test", "test"), ("revert", "revert")}]


@pytest.mark.parametrize("pair", [pair for pair in TWICE if not pair.single_boot_go], ids=str)
def test_two_cuts(pair: Pair) -> None:
    """A sample. An image under revert may stay the new one then, whole (docs/boot.md)."""
    device, images = pair.device(power_sweep.SECTORS)
    sweep = Sweep(f"twice, {pair}", device, *images)
    print(sweep.run_twice(100))
    assert sweep.violations == []


def test_mcuboot_loses_the_image_whose_data_another_swap_erases_from_the_scratch() -> None:
    """In TF-M's order: the test of image 1 is over and is reverted before image 0's cut swap goes on.

    Seen in MCUboot's own C code, too: a failed assertion at 21 cuts of 168, and no image 0 from then on.
    """
    options = {"scratch_taken_in_mid_swap": True}
    device, images = Pair(U.SWAP_USING_SCRATCH, ("test", "test"), "old+old", options=options).device(
        power_sweep.SECTORS
    )
    sweep = Sweep("as MCUboot", device, *images)
    print(sweep.run())
    assert sweep.violations
    assert all("BL2 refused image 0" in violation for violation in sweep.violations)


def test_the_sweep_sees_either_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can fail: without status writes one image of the two is lost."""
    device, images = Pair(U.SWAP_USING_MOVE, (None, "permanent"), "old+new").device(power_sweep.SECTORS)
    sweep = Sweep("forgetful", device, *images)
    monkeypatch.setattr("tfm_sim.bootloader.swap_flow.SwapFlow.write_status", lambda *_: None)
    sweep.run()
    assert any("image 1" in violation or "BL2 refused image 1" in violation for violation in sweep.violations)


LARGE = [
    *(Pair(strategy, ("permanent", "permanent"), "new+new") for strategy in (U.OVERWRITE_ONLY, *SWAPS)),
    *(Pair(strategy, ("revert", "revert"), "old+old") for strategy in SWAPS),
]


@pytest.mark.parametrize("pair", LARGE, ids=str)
def test_larger_images_sampled(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sectors of AN521's size in slots of 64 KiB, images of about 50 and 30 KiB; 40 cuts, evenly taken."""
    sector = load_board("an521").flash[0].erase_block
    sectors = 0x10000 // sector
    monkeypatch.setattr(power_sweep, "SECTOR", sector)
    monkeypatch.setattr(power_sweep, "SLOT", sectors * sector)
    device, images = pair.device(sectors, ((30_000, 51_000), (29_000, 12_000)))
    sweep = Sweep(f"64 KiB, {pair}", device, *images)
    counts = sweep.run(40)
    print(counts)
    assert sweep.violations == []
    assert counts.cuts < 3 * counts.operations
    assert {end.split("-")[-1] for end in counts.outcomes} == {pair.ends}
