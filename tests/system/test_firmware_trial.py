"""New images on trial: swapped in by BL2, accepted, rejected, or rolled back by the next reset."""

from dataclasses import replace

import pytest
from support.device_updates import (
    NEW,
    OLD,
    boot,
    build,
    image,
    reboot,
    running,
    seen,
    service,
    update,
)
from support.image_builder import dependency

from tfm_sim import TFM_FWU_TODAY, Device, FwuConfig, PsaError, PsaStatus
from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.interface.mcuboot.trailer import Flag, read_swap_state
from tfm_sim.interface.psa.firmware_update import PSA_SUCCESS_REBOOT, PsaFwuState
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.power import PowerCut

READY, WRITING, CANDIDATE, STAGED, FAILED, TRIAL, REJECTED, UPDATED = PsaFwuState
SCRATCH, MOVE = UpgradeStrategy.SWAP_USING_SCRATCH, UpgradeStrategy.SWAP_USING_MOVE
STRATEGIES = pytest.mark.parametrize("strategy", [SCRATCH, MOVE], ids=lambda s: s.value)


def on_trial(device: Device, *components: int, counter: int = 1) -> None:
    update(device, *((component, image(NEW, counter=counter)) for component in components or (0,)))
    reboot(device)
    for component in components or (0,):
        assert seen(device, component) == (TRIAL, NEW)


@pytest.mark.parametrize("level", [1, 2, 3])
@STRATEGIES
def test_a_trial_that_is_accepted(strategy: UpgradeStrategy, level: int) -> None:
    with boot(build(strategy, level)) as device:
        assert seen(device) == (READY, OLD)
        on_trial(device, counter=2)
        counters = device.hardware.nv_counters
        assert (running(device), running(device, slot="secondary")) == (NEW, OLD)
        assert counters.read(NvCounter.BL2_0) == 1, "it rises when there is no way back"
        with pytest.raises(PsaError) as error:
            service(device).start(0)
        assert error.value.status is PsaStatus.PSA_ERROR_BAD_STATE
        assert service(device).accept() == 0
        assert seen(device) == (UPDATED, NEW)
        assert read_swap_state(device.hardware.slot(0, "primary")).image_ok is Flag.SET
        service(device).clean(0)
        assert seen(device) == (READY, NEW)
        reboot(device)
        assert seen(device) == (READY, NEW)
        assert counters.read(NvCounter.BL2_0) == 2


@STRATEGIES
def test_a_trial_that_is_rejected(strategy: UpgradeStrategy) -> None:
    with boot(build(strategy)) as device:
        on_trial(device)
        assert service(device).reject(-7) == PSA_SUCCESS_REBOOT
        assert (seen(device), service(device).query(0).error) == ((REJECTED, NEW), -7)
        for call in (service(device).accept, service(device).install):
            with pytest.raises(PsaError, match="BAD_STATE"):
                call()
        reboot(device)
        assert (seen(device), running(device)) == ((READY, OLD), OLD)


@STRATEGIES
def test_a_trial_that_nobody_accepts_is_rolled_back(strategy: UpgradeStrategy) -> None:
    with boot(build(strategy)) as device:
        for _ in range(2):
            on_trial(device)
            device.reset()
            assert (seen(device), running(device)) == ((READY, OLD), OLD)
            device.reset()
            assert (seen(device), running(device)) == ((READY, OLD), OLD)


@STRATEGIES
def test_one_update_after_the_other(strategy: UpgradeStrategy) -> None:
    newer = (2, 0, 0, 0)
    with boot(build(strategy)) as device:
        on_trial(device)
        service(device).accept()
        service(device).clean(0)
        update(device, (0, image(newer)))
        reboot(device)
        assert seen(device) == (TRIAL, newer)
        device.reset()
        assert seen(device) == (READY, NEW)


@STRATEGIES
@pytest.mark.parametrize("accepted", [False, True])
def test_both_images_on_trial(strategy: UpgradeStrategy, accepted: bool) -> None:
    with boot(build(strategy)) as device:
        on_trial(device, 0, 1)
        if accepted:
            service(device).accept()
        else:
            assert service(device).reject() == PSA_SUCCESS_REBOOT
        reboot(device)
        left = NEW if accepted else OLD
        assert (seen(device, 0), seen(device, 1)) == ((READY, left), (READY, left))


@STRATEGIES
def test_images_that_need_each_other_with_one_boot_go(strategy: UpgradeStrategy) -> None:
    made = build(strategy)
    assert made.bl2 is not None
    with boot(replace(made, bl2=replace(made.bl2, single_boot_go=True))) as device:
        update(device, (0, image(NEW, dependency(1, *NEW))), (1, image(NEW, dependency(0, *NEW))))
        reboot(device)
        assert (seen(device, 0), seen(device, 1)) == ((TRIAL, NEW), (TRIAL, NEW))


@STRATEGIES
def test_a_needed_image_must_be_accepted_first_in_tf_ms_order(strategy: UpgradeStrategy) -> None:
    """BL2 looks for it in its secondary slot, where by then its old version lies; the upgrade waits."""
    with boot(build(strategy)) as device:
        update(device, (0, image(NEW, dependency(1, *NEW))), (1, image(NEW)))
        reboot(device)
        assert (seen(device, 0), seen(device, 1)) == ((READY, OLD), (TRIAL, NEW))
        service(device).accept()
        reboot(device)
        assert (seen(device, 0), seen(device, 1)) == ((TRIAL, NEW), (READY, NEW))


@STRATEGIES
def test_beside_a_trial_the_other_image_waits(strategy: UpgradeStrategy) -> None:
    with boot(build(strategy)) as device:
        on_trial(device, 0)
        service(device).stage(1, image(NEW))
        with pytest.raises(PsaError, match="psa_fwu_install: PSA_ERROR_BAD_STATE"):
            service(device).install()
        service(device).accept()
        assert service(device).install() == PSA_SUCCESS_REBOOT
        reboot(device)
        assert (seen(device, 0), seen(device, 1)) == ((READY, NEW), (TRIAL, NEW))


@STRATEGIES
@pytest.mark.parametrize("bad", ["bit", "counter"])
def test_a_candidate_that_bl2_refuses_is_never_on_trial(strategy: UpgradeStrategy, bad: str) -> None:
    data = bytearray(image(NEW, counter=0 if bad == "counter" else 1))
    data[0x100] ^= bad == "bit"
    with boot(build(strategy)) as device:
        update(device, (0, bytes(data)))
        reboot(device)
        assert device.boot_outcome is not None
        assert device.boot_outcome.refusals
        assert (seen(device), running(device)) == ((READY, OLD), OLD)


@STRATEGIES
def test_a_rejected_staged_image_is_not_swapped_in(strategy: UpgradeStrategy) -> None:
    with boot(build(strategy)) as device:
        update(device, (0, image(NEW)))
        assert service(device).reject(-1) == 0
        assert seen(device) == (FAILED, OLD)
        reboot(device)
        assert seen(device) == (READY, OLD)


def test_tf_m_takes_a_factory_image_without_confirmation_for_one_on_trial() -> None:
    with boot(build(MOVE, config=FwuConfig(quirks=TFM_FWU_TODAY))) as device:
        assert seen(device) == (TRIAL, OLD)
        with pytest.raises(PsaError, match="psa_fwu_start: PSA_ERROR_BAD_STATE"):
            service(device).start(0)
        assert service(device).accept() == 0
        assert seen(device) == (UPDATED, OLD)
        reboot(device)
        assert seen(device) == (TRIAL, OLD), "nothing was written: there is no magic to confirm"


@pytest.mark.parametrize("mode", ["before", "after", "torn"])
@STRATEGIES
def test_power_goes_away_while_a_trial_is_accepted(strategy: UpgradeStrategy, mode: str) -> None:
    with boot(build(strategy)) as device:
        on_trial(device)
        device.cut_power(f"{device.hardware.power.operations + 1}:{mode}")
        with pytest.raises(PowerCut):
            service(device).accept()
        device.power_on()
        left = OLD if mode == "before" else NEW
        assert (seen(device), running(device)) == ((READY, left), left)


@pytest.mark.parametrize("mode", ["before", "after", "torn"])
@STRATEGIES
def test_power_goes_away_while_bl2_swaps(strategy: UpgradeStrategy, mode: str) -> None:
    """The swap goes on, and the new image is on trial; one that was done is a trial that ended."""
    made = replace(build(strategy), its=None)  # whose flash operations would come behind those of the swap
    with boot(made) as counted:
        update(counted, (0, image(NEW)))
        counted.reset()
        count = counted.hardware.power.operations
    assert count > 20
    for number in (*range(1, count, 5), count):
        with boot(made) as device:
            update(device, (0, image(NEW)))
            device.power_off()
            device.cut_power(f"{number}:{mode}")
            with pytest.raises(PowerCut):
                device.power_on()
            done = read_swap_state(device.hardware.slot(0, "primary")).copy_done is Flag.SET
            assert done == (number == count and mode != "before")
            device.power_on()
            if not done:
                assert (seen(device), running(device)) == ((TRIAL, NEW), NEW)
                device.reset()
            assert (seen(device), running(device)) == ((READY, OLD), OLD)
