"""BL1 with anything as image of BL2, and each boot stage with anything as provisioning bundle."""

from dataclasses import replace
from functools import cache

from support.bl1_bench import OTP, Bl1Bench, bl2
from support.boot_fuzz import Choices, edited

from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.interface.errors import ExitCode
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.otp import Otp
from tfm_sim.platform.plat_err import PlatError
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.platform.provisioning_bundle import BundleLayout, make_bundles
from tfm_sim.platform.provisioning_stages import (
    BundleSource,
    lifecycle_in,
    provision_in_bl1_1,
    provision_in_bl2,
    provision_in_firmware,
)

STAGES = (provision_in_bl1_1, provision_in_bl2, provision_in_firmware)


@cache
def bl2_images() -> tuple[bytes, ...]:
    return (bl2(), bl2(counter=7), bl2(code=bytes(64)))


@cache
def good_bundles() -> BundleSource:
    layout = BundleLayout(OTP, 2, False)
    made = make_bundles(DUMMY, layout)
    return BundleSource(made.assembly_and_test, made.psa_rot, layout)


def load_bl2_and_check(choices: Choices) -> str:
    """BL1_2 with two slots of anything; raises AssertionError where it loads what nobody signed."""
    slots = [
        choices.blob(choices.pick([0, 16, 100]))
        if choices.number(0, 4) == 4
        else edited(choices, bl2_images()[choices.number(0, len(bl2_images()) - 1)])
        for _ in range(2)
    ]
    bench = Bl1Bench.make(*slots)
    try:
        bench.run_bl1_2()
    except BootRefused as refused:
        assert refused.refusals and refused.exit_code is ExitCode.NO
        return "BL2 refused"
    assert any(slot.startswith(image) for slot in slots for image in bl2_images())
    return "BL2 loaded"


def provision_and_check(choices: Choices) -> str:
    """All stages on a virgin device, as far as they come with these bundles."""
    good = good_bundles()
    source = replace(
        good,
        assembly_and_test=edited(choices, good.assembly_and_test, 4),
        psa_rot=edited(choices, good.psa_rot, 4),
    )
    otp = Otp(OTP)
    try:
        for stage in STAGES:
            stage(otp, source)
    except PlatError as error:
        assert str(error)
    assert lifecycle_in(otp) in set(OtpLcs)
    return OtpLcs(lifecycle_in(otp)).name
