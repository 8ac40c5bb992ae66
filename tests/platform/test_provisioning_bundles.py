"""Provisioning bundles: TF-M's structures, what each boot stage burns of them, and what stops the boot."""

# ruff: noqa: E501 - tables of one line a case

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.lifecycle import STEPS, LifecycleError, OtpLcs, check_step
from tfm_sim.platform.otp import Otp, OtpField, OtpLayout
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import (
    DUMMY,
    DUMMY_ROTPKS,
    Provisioning,
    ProvisioningError,
    provisioned_otp,
)
from tfm_sim.platform.provisioning_bundle import BundleLayout, make_bundles
from tfm_sim.platform.provisioning_stages import (
    BundleError,
    BundleSource,
    Provisioned,
    is_required,
    lifecycle_in,
    provision_in_bl1_1,
    provision_in_bl2,
    provision_in_firmware,
)

PLAIN = OtpLayout()
BL1 = OtpLayout(rotpk_size=32, bl1=True, bl1_2_code_size=0x200)
AREA = 0x1000
STAGES = (provision_in_bl1_1, provision_in_bl2, provision_in_firmware)


def source(
    values: Provisioning = DUMMY, otp: OtpLayout = BL1, *, iak_id: bool = False, rotpks: int = 2
) -> BundleSource:
    layout = BundleLayout(otp, rotpks, iak_id)
    bundles = make_bundles(values, layout)
    return BundleSource(bundles.assembly_and_test, bundles.psa_rot, layout)


def run_all(otp: Otp, bundles: BundleSource) -> list[Provisioned]:
    return [stage(otp, bundles) for stage in STAGES]


def test_assembly_and_test_is_three_structures_one_behind_the_other() -> None:
    bundle = source().assembly_and_test
    magic = bytes.fromhex("edfedec0")
    bl1 = 4 + 32 + 32 + 32 + 0x200 + 4 + 56
    assert [at for at in range(len(bundle)) if bundle[at : at + 4] == magic] == [0, bl1, bl1 + 4 + 64]
    assert bundle[4:36] == DUMMY.bl2_encryption_key
    assert bundle[36:68] == DUMMY.guk
    assert bundle[100 : 100 + len(DUMMY.bl1_2_image)] == DUMMY.bl1_2_image
    assert bundle[100 + 0x200 : bl1] == (0x200).to_bytes(4, "little") + DUMMY.bl1_rotpks[0]
    assert bundle[-36:] == magic + DUMMY.huk


def test_psa_rot_is_one_packed_structure() -> None:
    bundle = source().psa_rot
    assert bundle[:44] == bytes.fromhex("edfeefbe") + DUMMY.iak + b"\x20\0\0\0" + b"\x12\0\0\0"
    assert bundle[44:108] == DUMMY.boot_seed + DUMMY.implementation_id
    assert bundle[108:140] == b"0604565272829-10010".ljust(32, b"\0")
    assert len(bundle) == 44 + 5 * 32 + 64 == len(source(iak_id=True).psa_rot) - 32


@pytest.mark.parametrize(
    "values, otp, iak_id, rotpks",
    [
        pytest.param(DUMMY, PLAIN, False, 2, id="TF-M's dummy device"),
        pytest.param(DUMMY, BL1, False, 2, id="with BL1"),
        pytest.param(replace(DUMMY, iak_type=IakType.HMAC, iak_id=b"kid"), BL1, True, 2, id="symmetric IAK"),
        pytest.param(
            replace(DUMMY, rotpks=DUMMY_ROTPKS["EC-P256 builtin"]), PLAIN, False, 2, id="whole keys"
        ),
        pytest.param(
            replace(DUMMY, rotpks=DUMMY_ROTPKS["EC-P384"] * 2), OtpLayout(rotpk_size=48), False, 4, id="4 images"
        ),
        pytest.param(
            replace(DUMMY, bl1_rotpks=(b"\1" * 32, b"\2" * 32)),
            OtpLayout(bl1=True, bl1_2_code_size=0x40, bl1_rotpk_size=32, bl1_signers=2),
            False,
            2,
            id="two signers of BL2",
        ),
        pytest.param(replace(DUMMY, cert_ref=b"c" * 32, profile_definition=b"p" * 40), PLAIN, False, 2, id="long"),
    ],
)  # fmt: skip
def test_the_bundles_burn_what_direct_provisioning_burns(
    values: Provisioning, otp: OtpLayout, iak_id: bool, rotpks: int
) -> None:
    virgin = Otp(otp, AREA)
    run_all(virgin, source(values, otp, iak_id=iak_id, rotpks=rotpks))
    assert bytes(virgin) == bytes(provisioned_otp(values, otp, AREA))


def test_a_virgin_device_runs_straight_through_both_states() -> None:
    otp = Otp(BL1, AREA)
    reports = run_all(otp, source())
    assert [(r.before, r.after) for r in reports] == [(0, 0), (0, 0), (0, 3)]
    assert reports[2].fields[:3] == (OtpField.HUK, OtpField.LCS, OtpField.IAK)
    assert reports[2].fields[-1] == OtpField.LCS
    assert not is_required(otp)


@pytest.mark.parametrize("stage", STAGES)
def test_a_secured_device_is_left_alone(stage: type) -> None:
    otp = provisioned_otp(DUMMY, BL1, AREA)
    before = bytes(otp)
    report = stage(otp, BundleSource(b"", b"", BundleLayout(BL1)))
    assert (report.fields, bytes(otp)) == ((), before)


def test_fields_that_the_otp_lacks_are_no_error() -> None:
    otp = Otp(PLAIN, AREA)
    assert provision_in_bl1_1(otp, source()).fields == ()
    assert lifecycle_in(otp) == OtpLcs.ASSEMBLY_AND_TEST


def broken(bundles: BundleSource, part: str, at: int) -> BundleSource:
    raw = bytearray(getattr(bundles, part))
    raw[at] ^= 1
    if part == "psa_rot":
        return replace(bundles, psa_rot=bytes(raw))
    return replace(bundles, assembly_and_test=bytes(raw))


GOOD = source()


@pytest.mark.parametrize(
    "stage, part, at, message",
    [
        (provision_in_bl1_1, "assembly_and_test", 0, "No valid ASSEMBLY_AND_TEST provisioning data found: found magic 0xc0defeec at offset 0x0; wanted 0xc0defeed"),
        (provision_in_bl2, "assembly_and_test", GOOD.layout.bl2_offset, "found magic 0xc0defeec at offset 0x"),
        (provision_in_firmware, "assembly_and_test", GOOD.layout.tfm_offset, "found magic 0xc0defeec at offset 0x"),
        (provision_in_firmware, "psa_rot", 0, "No valid PSA_ROT provisioning data found: found magic 0xbeeffeec at offset 0x0; wanted 0xbeeffeed"),
    ],
)  # fmt: skip
def test_a_wrong_magic_is_invalid_input(stage: type, part: str, at: int, message: str) -> None:
    with pytest.raises(BundleError) as caught:
        stage(Otp(BL1, AREA), broken(GOOD, part, at))
    assert message in str(caught.value)
    assert caught.value.reason is TfmPlatErr.INVALID_INPUT


def test_what_was_burnt_before_a_wrong_bundle_stays() -> None:
    otp = Otp(BL1, AREA)
    with pytest.raises(BundleError):
        provision_in_firmware(otp, broken(GOOD, "psa_rot", 0))
    assert lifecycle_in(otp) == OtpLcs.PSA_ROT_PROVISIONING
    assert provision_in_firmware(otp, GOOD).after == OtpLcs.SECURED


def test_bits_only_rise() -> None:
    otp = Otp(BL1, AREA)
    otp.write(OtpField.HUK, b"\xff" * 32)
    with pytest.raises(PlatError, match="bits only rise") as caught:
        provision_in_firmware(otp, GOOD)
    assert caught.value.reason is TfmPlatErr.INVALID_INPUT


@pytest.mark.parametrize(
    "change, message",
    [
        ({"huk": b"\1" * 33}, "huk of 33 bytes; legal: at most 32"),
        ({"rotpks": (b"\1" * 48,)}, "bl2_rotpk_0 of 48 bytes; legal: at most 32"),
        ({"bl1_2_image": b"\1" * 0x201}, "BL1_2 of 513 bytes; legal: at most 512"),
        ({"bl1_rotpks": (b"\1" * 56,) * 2}, "2 BL1 ROTPKs; legal: 1"),
    ],
)
def test_values_that_do_not_fit_are_named(change: dict[str, bytes], message: str) -> None:
    with pytest.raises(ProvisioningError, match=message):
        source(replace(DUMMY, **change))  # type: ignore[arg-type]


@given(st.binary(max_size=1000), st.binary(max_size=400), st.booleans())
def test_no_bytes_as_bundles_raise_anything_but_a_platform_error(
    first: bytes, second: bytes, magics: bool
) -> None:
    if magics:
        first, second = GOOD.assembly_and_test[:4] + first, GOOD.psa_rot[:4] + second
    otp = Otp(BL1, AREA)
    for stage in STAGES:
        try:
            stage(otp, BundleSource(first, second, GOOD.layout))
        except PlatError:
            break
    assert lifecycle_in(otp) in set(OtpLcs)


@pytest.mark.parametrize("present", OtpLcs)
@pytest.mark.parametrize("wanted", [*OtpLcs, 0x10])
def test_the_lifecycle_goes_one_step_at_a_time(present: OtpLcs, wanted: int) -> None:
    if wanted in STEPS[present]:
        check_step(present, wanted)
        assert present & ~wanted == 0  # no step lets a bit fall
    else:
        with pytest.raises(LifecycleError, match="legal from here"):
            check_step(present, wanted)
