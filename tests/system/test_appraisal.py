"""From power to an attestation result: a device is endorsed by its factory, attests, and is appraised."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.appraisal_cases import VERIFIER

from tfm_sim import AttestationConfig, Build, Device, bl2_config_for, load_board
from tfm_sim.partitions.initial_attestation.config import TokenVariant
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.provisioning import DUMMY, DUMMY_ROTPKS, Provisioning
from tfm_sim.tools.appraisal import (
    DEFAULT_POLICY,
    Appraisal,
    EarForm,
    Match,
    Member,
    Mode,
    Policy,
    Tier,
    appraise,
    check_ear,
    load_policy,
    sign_ear,
)
from tfm_sim.tools.demo_firmware import SECURE_IMAGE, flash_demo_firmware
from tfm_sim.tools.endorsements.from_device import endorse_device
from tfm_sim.tools.endorsements.model import Endorsements

CHALLENGE = bytes(range(32))
II, EXE, RT, ST = (
    Member.INSTANCE_IDENTITY,
    Member.EXECUTABLES,
    Member.RUNTIME_OPAQUE,
    Member.STORAGE_OPAQUE,
)
# A factory's own key and names, on a device that takes the demo images.
OWN = replace(
    DUMMY,
    iak=bytes(range(1, 33)),
    implementation_id=b"\x17" * 32,
    rotpks=DUMMY_ROTPKS["EC-P256"],
)
UPGRADE = SECURE_IMAGE.with_name("secure_1.1.0.bin").read_bytes()


def made(provisioning: Provisioning = OWN, variant: TokenVariant | None = None) -> Device:
    """A device with the demo firmware in its slots, not yet powered."""
    board = load_board("an521")
    config = AttestationConfig() if variant is None else AttestationConfig(variant=variant)
    build = Build(bl2=bl2_config_for(board), attestation=config)
    device = Device(board, build=build, provisioning=provisioning)
    flash_demo_firmware(device)
    return device


@pytest.fixture
def device() -> Iterator[Device]:
    with made() as device:
        yield device


def endorsed(device: Device) -> Endorsements:
    return endorse_device(device).endorsements


def attested(device: Device, endorsements: Endorsements, **options: Any) -> Appraisal:
    token = device.psa.initial_attestation.get_token(CHALLENGE)
    return appraise(token, endorsements, challenge=CHALLENGE, **options)


@pytest.mark.parametrize(
    "variant",
    [
        TokenVariant.PSA_IOT_PROFILE_1,
        TokenVariant.PSA_IOT_PROFILE_1_2022,
        TokenVariant.PSA_2_0_0,
        TokenVariant.RFC_9783,
        TokenVariant.CCA_2023,
        TokenVariant.CCA_1_0_0,
    ],
)
def test_an_endorsed_device_is_affirming(variant: TokenVariant) -> None:
    with made(variant=variant) as device:
        endorsements = endorsed(device)
        appraisal = attested(device.power_on(), endorsements)
    assert appraisal.status is Tier.AFFIRMING, appraisal.as_json()
    (part,) = appraisal.submods
    assert part.name == ("CCA_SSD_PLATFORM" if variant.is_cca else "PSA_IOT")


@pytest.mark.parametrize("form", EarForm)
def test_the_result_goes_to_a_relying_party(device: Device, form: EarForm) -> None:
    appraisal = attested(device.power_on(), endorsed(device))
    ear = check_ear(
        sign_ear(appraisal.as_ear(form, iat=1_790_000_000), VERIFIER),
        VERIFIER.public_key(),
        nonce=CHALLENGE,
    )
    assert ear.status is Tier.AFFIRMING


def test_veraison_appraises_the_same_device(device: Device) -> None:
    appraisal = attested(device.power_on(), endorsed(device), mode=Mode.VERAISON)
    assert appraisal.status is Tier.AFFIRMING
    with made(variant=TokenVariant.RFC_9783) as newer:
        refused = attested(newer.power_on(), endorsed(newer), mode=Mode.VERAISON)
    assert refused.submods[0].policy_claims["problem"] == "could not establish identity from evidence"


def test_an_update_warns_until_it_is_endorsed(device: Device) -> None:
    endorsements = endorsed(device)
    assert attested(device.power_on(), endorsements).affirming
    device.power_off()
    device.flash_image(0, UPGRADE)
    device.power_on()
    appraisal = attested(device, endorsements)
    assert (appraisal.status, appraisal.value(EXE)) == (Tier.WARNING, 33)
    (reason,) = appraisal.submods[0].vector[EXE].why
    assert reason.startswith("SPE 1.1.0")
    assert reason.endswith("its measurement is not endorsed; endorsed of SPE: 1.0.0")
    both = endorsements + endorsed(device)
    # The same anchor twice is one device to the default mode, and to Veraison an error.
    assert attested(device, both).affirming
    assert attested(device, both, mode=Mode.VERAISON).submods[0].vector.values() == dict.fromkeys(Member, -1)
    least = load_policy(b"minimum_versions: {SPE: 1.1.0, NSPE: 1.0.0}")
    assert attested(device, both, policy=least).affirming
    device.power_off()
    device.flash_image(0, SECURE_IMAGE.read_bytes())
    old = attested(device.power_on(), both, policy=least)
    assert (old.status, old.value(EXE)) == (Tier.WARNING, 32)


def test_a_device_of_the_same_make_is_not_recognised(device: Device) -> None:
    endorsements = endorsed(device)
    with made(replace(OWN, iak=bytes(range(2, 34)))) as stranger:
        appraisal = attested(stranger.power_on(), endorsements)
    assert (appraisal.status, appraisal.value(II)) == (Tier.CONTRAINDICATED, 97)


def test_a_decommissioned_device_is_contraindicated() -> None:
    with made(replace(OWN, lifecycle=OtpLcs.DECOMMISSIONED)) as device:
        appraisal = attested(device.power_on(), endorsed(device))
        allowed = attested(device, endorsed(device), policy=Policy(lifecycles=frozenset({0x60})))
    assert appraisal.status is Tier.CONTRAINDICATED
    assert [appraisal.value(member) for member in (II, RT, ST, EXE)] == [96, 96, 96, 2]
    assert allowed.affirming


def test_dummy_keys_are_contraindicated_unless_allowed() -> None:
    with made(replace(DUMMY, rotpks=DUMMY_ROTPKS["EC-P256"])) as device:
        endorsements = endorsed(device)
        device.power_on()
        refused = attested(device, endorsements)
        allowed = attested(device, endorsements, policy=replace(DEFAULT_POLICY, well_known_keys=True))
    assert (refused.status, refused.value(II)) == (Tier.CONTRAINDICATED, 96)
    assert allowed.affirming


def test_the_certificate_of_the_endorsements_is_that_of_the_token(device: Device) -> None:
    endorsements = endorsed(device)
    device.power_on()
    policy = load_policy(b"{certification: endorsed, match: exact}")
    assert policy.match is Match.EXACT
    assert attested(device, endorsements, policy=policy).affirming
    without = replace(endorsements, certifications=())
    assert attested(device, without, policy=policy).value(Member.HARDWARE) == 32


def test_a_replayed_token_is_refused(device: Device) -> None:
    endorsements = endorsed(device)
    token = device.power_on().psa.initial_attestation.get_token(CHALLENGE)
    appraisal = appraise(token, endorsements, challenge=bytes(32))
    assert (appraisal.status, appraisal.value(II)) == (Tier.CONTRAINDICATED, 99)
