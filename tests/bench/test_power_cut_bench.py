"""How many power cuts a second the sweep makes (`make bench`); only ratios within one run are asserted."""

import hashlib
import timeit

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from support.image_builder import P256
from support.power_sweep import SECTORS, SweepDevice, make_images

from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY
from tfm_sim.bootloader.signature import verify
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.platform.power import Cut, CutMode, PowerCut

STRATEGIES = [
    UpgradeStrategy.OVERWRITE_ONLY,
    UpgradeStrategy.SWAP_USING_SCRATCH,
    UpgradeStrategy.SWAP_USING_MOVE,
    UpgradeStrategy.SWAP_USING_OFFSET,
    UpgradeStrategy.DIRECT_XIP_REVERT,
]


class Cuts:
    """An upgrade that is cut in its middle, and the boot behind the cut: what the sweep does for each."""

    def __init__(self, strategy: UpgradeStrategy) -> None:
        config = P256.config(strategy=strategy, max_img_sectors=SECTORS)
        self.device = SweepDevice(config)
        images = make_images(strategy)
        self.device.flash_slots({PRIMARY: images.old, SECONDARY: images.new_candidate})
        with self.device.power.programmer():
            if strategy.erases_without_magic:
                mark_pending(self.device.area(PRIMARY), permanent=True)
            mark_pending(self.device.area(SECONDARY), permanent=False)
        self.start = self.device.state()
        self.device.boot()
        self.middle = Cut(max(1, self.device.power.operations // 2), CutMode.TORN)

    def __call__(self) -> None:
        self.device.restore(self.start)
        with pytest.raises(PowerCut):
            self.device.boot(self.middle)
        self.device.boot()


def one_signature_check() -> float:
    """Seconds, the best of many: the least that a boot which judges one image can take."""
    key, data, algorithm = P256.key.public_key(), bytes(1024), P256.config().image_hash
    signature = P256.sign(hashlib.sha256(data).digest(), algorithm)

    def check() -> bool:
        return verify(key, algorithm, hashlib.sha256(data).digest(), signature)

    assert check()
    return min(timeit.repeat(check, number=20, repeat=7)) / 20


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.value)
def test_a_cut_and_the_boot_behind_it(strategy: UpgradeStrategy, benchmark: BenchmarkFixture) -> None:
    cuts = Cuts(strategy)
    benchmark(cuts)
    measured, floor = min(timeit.repeat(cuts, number=3, repeat=7)) / 3, one_signature_check()
    print(f"\n{strategy.value}: {1 / measured:.0f} cuts a second, {2 / measured:.0f} boots a second")
    print(f"a cut is {measured / floor:.0f} x one signature check ({floor * 1e6:.0f} us)")
    # Up to four images are judged in the two boots; the rest is flash traffic.
    assert measured < 50 * floor
