"""Updates over the air on whole devices: the service stages, BL2 installs, the service tells."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
from support.device_updates import NEW, OLD, boot, build, image, reboot, running, seen, service, update
from support.image_builder import P256, P256_OTHER, dependency

from tfm_sim import (
    TFM_FWU_TODAY,
    Build,
    Device,
    FwuConfig,
    PsaError,
    PsaStatus,
)
from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.interface.psa.firmware_update import (
    PSA_SUCCESS_REBOOT,
    PsaFwuState,
    psa_fwu_query,
)
from tfm_sim.interface.tfm.services import TFM_FIRMWARE_UPDATE_SERVICE_SID
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.power import PowerCut
from tfm_sim.spm.load import LoadError

READY, WRITING, CANDIDATE, STAGED, FAILED, TRIAL, REJECTED, UPDATED = PsaFwuState


@pytest.fixture
def device() -> Iterator[Device]:
    with boot(build()) as device:
        yield device


@pytest.mark.parametrize("level", [1, 2, 3])
def test_an_update_that_is_overwritten_for_good(level: int) -> None:
    new = image(NEW, counter=2)
    with boot(build(level=level)) as device:
        assert seen(device) == (READY, OLD)
        service(device).stage(0, new)
        info = service(device).query(0)
        assert (info.state, info.impl.candidate_digest) == (CANDIDATE, hashlib.sha256(new).digest())
        assert service(device).install() == PSA_SUCCESS_REBOOT
        assert seen(device) == (STAGED, OLD)
        reboot(device)
        # No trial, and volatile staging: what was installed is not told any more.
        assert seen(device) == (READY, NEW)
        assert running(device) == NEW
        assert device.hardware.nv_counters.read(NvCounter.BL2_0) == 2
        with pytest.raises(PsaError) as error:
            service(device).accept()
        assert error.value.status is PsaStatus.PSA_ERROR_NOT_SUPPORTED


def test_both_images_are_updated_together(device: Device) -> None:
    needy = image(NEW, dependency(1, *NEW))
    update(device, (0, needy), (1, image(NEW)))
    assert (seen(device, 0), seen(device, 1)) == ((STAGED, OLD), (STAGED, OLD))
    reboot(device)
    assert (seen(device, 0), seen(device, 1)) == ((READY, NEW), (READY, NEW))


def test_a_dependency_that_is_missing_comes_later(device: Device) -> None:
    service(device).stage(0, image(NEW, dependency(1, *NEW)))
    with pytest.raises(PsaError, match="psa_fwu_install: PSA_ERROR_DEPENDENCY_NEEDED"):
        service(device).install()
    assert seen(device) == (CANDIDATE, OLD)
    service(device).stage(1, image(NEW))
    assert service(device).install() == PSA_SUCCESS_REBOOT
    reboot(device)
    assert (seen(device, 0), seen(device, 1)) == ((READY, NEW), (READY, NEW))


@pytest.mark.parametrize("give_up", ["cancel", "reject"])
def test_an_update_that_is_given_up_is_not_installed(device: Device, give_up: str) -> None:
    service(device).stage(0, image(NEW))
    if give_up == "reject":
        service(device).install()
        assert service(device).reject(-1) == 0
    else:
        service(device).cancel(0)
    assert seen(device) == (FAILED, OLD)
    service(device).clean(0)
    assert seen(device) == (READY, OLD)
    reboot(device)
    assert seen(device) == (READY, OLD)


@pytest.mark.parametrize("state", [WRITING, CANDIDATE, FAILED])
def test_what_was_not_installed_is_forgotten_with_a_reset(device: Device, state: PsaFwuState) -> None:
    """PSA_FWU_FLAG_VOLATILE_STAGING."""
    service(device).start(0)
    service(device).write(0, 0, image(NEW)[:1024])
    if state is CANDIDATE:
        service(device).finish(0)
    if state is FAILED:
        service(device).cancel(0)
    assert seen(device) == (state, OLD)
    device.reset()
    assert seen(device) == (READY, OLD)
    update(device, (0, image(NEW)))
    reboot(device)
    assert seen(device) == (READY, NEW)


def flipped(data: bytes) -> bytes:
    return data[:0x100] + bytes([data[0x100] ^ 1]) + data[0x101:]


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (flipped(image(NEW)), "image hash"),
        (P256_OTHER.image(version=NEW), "signature"),
        (image(NEW, counter=0), "security counter"),
    ],
)
def test_bl2_refuses_what_the_service_could_not_see(device: Device, bad: bytes, rule: str) -> None:
    """The service looks at header and dependencies; hash, signature and counter are for BL2."""
    update(device, (0, bad))
    reboot(device)
    assert device.boot_outcome is not None
    assert [refusal.check for refusal in device.boot_outcome.refusals] == [rule]
    assert (seen(device), running(device)) == ((READY, OLD), OLD)
    erased = bytes([0xFF]) * 0x2000
    assert device.hardware.slot(0, "secondary").read(0, 0x2000) == erased
    update(device, (0, image(NEW)))
    reboot(device)
    assert seen(device) == (READY, NEW)


def test_a_downgrade_is_stopped_by_the_counter(device: Device) -> None:
    update(device, (0, image(NEW, counter=5)))
    reboot(device)
    update(device, (0, image(OLD, counter=4)))
    reboot(device)
    assert seen(device) == (READY, NEW)
    assert device.hardware.nv_counters.read(NvCounter.BL2_0) == 5


def test_a_padded_image_asks_for_nothing_by_itself() -> None:
    """imgtool --pad brings a trailer along; only psa_fwu_install asks BL2 for an update."""
    with boot(build()) as other:
        update(other, (0, image(NEW)))
        padded = other.hardware.slot(0, "secondary").read(0, 0x2000)
    with boot(build()) as device:
        with pytest.raises(PsaError, match="psa_fwu_write: PSA_ERROR_INVALID_ARGUMENT"):
            service(device).stage(0, padded)
        device.reset()
        assert seen(device) == (READY, OLD)
    with boot(build(config=FwuConfig(quirks=TFM_FWU_TODAY))) as device:
        service(device).stage(0, padded)
        service(device).cancel(0)
        device.reset()
        assert seen(device) == (READY, NEW), "TF-M installs what was cancelled"


def operations(device: Device, act: Callable[[], object]) -> int:
    before = device.hardware.power.operations
    act()
    return device.hardware.power.operations - before


@pytest.mark.parametrize("mode", ["before", "after", "torn"])
@pytest.mark.parametrize("level", [1, 3])
def test_power_goes_away_at_each_write_of_an_update(mode: str, level: int) -> None:
    """The device comes back with the old images, or with both new ones, and takes the update then."""
    new = image(NEW)

    def whole(device: Device) -> None:
        update(device, (0, new), (1, new))

    with boot(build()) as counted:
        counted.reset()  # the first boot makes the layout of internal trusted storage
        first, count = counted.hardware.power.operations, operations(counted, lambda: whole(counted))
    step = 1 if level == 1 else 9
    with boot(build(level=level)) as device:
        for number in range(first + 1, first + count + 1, step):
            device.reset()
            for component in (0, 1):
                device.flash_image(component, image(OLD))
            device.reset()
            assert device.hardware.power.operations == first
            device.cut_power(f"{number}:{mode}")
            with pytest.raises(PowerCut):
                whole(device)
            device.power_on()
            for component in (0, 1):
                state, version = seen(device, component)
                assert (state, running(device, component)) == (READY, version)
            # The trailers are written one after the other: the first image may be asked for alone.
            assert seen(device, 1)[1] == OLD or (seen(device, 1)[1] == seen(device, 0)[1] == NEW)


def test_the_second_core_updates_too() -> None:
    made = build()
    with Device("an521_dual_core", build=made) as device:
        for component in (0, 1):
            device.flash_image(component, image(OLD))
        device.power_on()
        update(device, (1, image(NEW)))
        reboot(device)
        assert seen(device, 1) == (READY, NEW)


def test_a_build_without_the_partition_has_no_such_service() -> None:
    with Device("mcuboot_8k", build=Build(bl2=P256.config(image_number=2))) as device:
        for component in (0, 1):
            device.flash_image(component, image(OLD))
        device.power_on()
        assert psa_fwu_query(device.ns, 0) == (PsaStatus.PSA_ERROR_PROGRAMMER_ERROR, None)
        assert device.ns.psa_version(TFM_FIRMWARE_UPDATE_SERVICE_SID) == 0


@pytest.mark.parametrize(
    ("bl2", "found"),
    [
        (None, "no boot loader"),
        (P256.config(image_number=2, strategy=UpgradeStrategy.DIRECT_XIP), "DIRECT_XIP"),
        (P256.config(image_number=2, strategy=UpgradeStrategy.RAM_LOAD), "RAM_LOAD"),
        (P256.config(image_number=2, strategy=UpgradeStrategy.SWAP_USING_OFFSET), "SWAP_USING_OFFSET"),
    ],
)
def test_a_boot_loader_that_the_partition_does_not_work_with(bl2: object, found: str) -> None:
    says = f"the firmware update partition with {found}; legal: bl2 with strategy OVERWRITE_ONLY, SWAP_USING_"
    with pytest.raises(LoadError, match=says):
        Device("mcuboot_8k", build=Build(bl2=bl2, firmware_update=FwuConfig()))  # type: ignore[arg-type]
