"""Whole devices by the one value that says whose tokens they issue: boot status, keys, identities, levels."""

from dataclasses import replace
from typing import Any

import cbor2
import pytest

import tfm_sim
from tfm_sim import (
    AttestationConfig,
    Bl2Config,
    BootStatusEra,
    Build,
    CryptoConfig,
    Device,
    MeasuredBootConfig,
    SpmConfig,
    TokenVariant,
    load_board,
    with_boot_status,
)
from tfm_sim.firmware_build import dummy_provisioning, with_token_variant
from tfm_sim.interface.psa.initial_attestation_2019 import AttestError, PsaAttestErr
from tfm_sim.interface.psa.initial_attestation_2019 import (
    psa_initial_attest_get_token as get_token_2019,
)
from tfm_sim.partitions.initial_attestation.config import SignatureOf2019
from tfm_sim.platform.iak_type import IakType
from tfm_sim.spm.load import LoadError
from tfm_sim.tools.demo_firmware import NON_SECURE_IMAGE, SECURE_IMAGE

OF_2019 = Build(attestation=AttestationConfig(TokenVariant.TFM_2019))


def claims_of(token: bytes) -> dict[Any, Any]:
    return dict(cbor2.loads(cbor2.loads(token).value[2]))


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("signature", SignatureOf2019)
def test_one_value_makes_a_device_of_2019(signature: SignatureOf2019, level: int) -> None:
    config = AttestationConfig(TokenVariant.TFM_2019, signature_of_2019=signature)
    build = Build(attestation=config, spm=SpmConfig(isolation_level=level))
    with tfm_sim.boot(build=build) as device:
        assert device.build.bl2 is not None
        era = BootStatusEra.TFM_2019_02
        assert device.build.bl2.boot_status is device.build.spm.boot_status is era
        service = device.psa.initial_attestation_2019
        token = service.get_token(bytes(32))
        assert len(token) == service.get_token_size(32)
        claims = claims_of(token)
        assert [(c[1], c[3], c[4]) for c in claims[-75006]] == [("SPE", 0, "1.0.0"), ("NSPE", 0, "1.0.0")]
        assert claims[-75005] == "060456527282910010"
        assert claims[-75009].hex().startswith("01f40c8fbf12db")


@pytest.mark.parametrize("level", [1, 2, 3])
def test_addresses_are_judged_at_each_level(level: int) -> None:
    build = replace(OF_2019, spm=SpmConfig(isolation_level=level))
    with tfm_sim.boot(build=build) as device:
        ram = next(r.base for r in device.hardware.memory.regions if r.name == "non_secure_data")
        device.ns.cpu.store(ram, bytes(32))
        error, size = get_token_2019(device.ns, ram, 32, ram + 0x100, 0x400)
        assert error is PsaAttestErr.SUCCESS
        token = device.ns.cpu.load(ram + 0x100, size)
        assert claims_of(token)[-75008] == bytes(32)
        assert get_token_2019(device.ns, ram, 32, 0x38000000, 0x400) == (PsaAttestErr.INVALID_INPUT, 0x400)
        assert get_token_2019(device.ns, 0, 32, ram, 0x400) == (PsaAttestErr.INVALID_INPUT, 0x400)


@pytest.mark.parametrize("era", BootStatusEra)
def test_the_boot_status_may_be_of_another_era(era: BootStatusEra) -> None:
    with tfm_sim.boot(build=with_boot_status(OF_2019, era)) as device:
        assert device.build.spm.boot_status is era
        token = device.psa.initial_attestation_2019.get_token(bytes(32))
        # Module 0 was the device's own, so of today's images that attestation sees only the others.
        assert [c[1] for c in claims_of(token)[-75006]] == ["SPE", "NSPE"]


def test_a_boot_loader_of_another_era_takes_the_others_along() -> None:
    build = with_token_variant(replace(OF_2019, bl2=Bl2Config(boot_status=BootStatusEra.TFM_2019_10)))
    assert build.spm.boot_status is build.attestation.boot_status is BootStatusEra.TFM_2019_10


@pytest.mark.parametrize("variant", [v for v in TokenVariant if v is not TokenVariant.TFM_2019])
def test_every_other_variant_leaves_the_boot_status_alone(variant: TokenVariant) -> None:
    build = Build(attestation=AttestationConfig(variant))
    assert with_token_variant(build) is build


def test_2019_without_a_boot_loader() -> None:
    with tfm_sim.boot(build=replace(OF_2019, bl2=None)) as device:
        claims = claims_of(device.psa.initial_attestation_2019.get_token(bytes(32)))
    assert claims[-75007] == 1


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            Build(attestation=AttestationConfig(TokenVariant.TFM_2019, symmetric=True)),
            "a symmetric attestation key in 2019; legal: symmetric=False, or another variant",
        ),
        (
            replace(OF_2019, measured_boot=MeasuredBootConfig()),
            "the measured boot partition in 2019; legal: measured_boot=None, or another variant",
        ),
        (
            Build(attestation=AttestationConfig("rfc9783")),  # type: ignore[arg-type]
            "AttestationConfig.variant: found 'rfc9783'; legal: TokenVariant.TFM_2019, .*RFC_9783",
        ),
        (
            Build(attestation=AttestationConfig(max_token_size=0)),
            "AttestationConfig.max_token_size: found 0; legal: 1 to 4294967295",
        ),
    ],
)
def test_what_no_service_of_its_time_could_be(build: Build, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        Device(build=build)


def test_today_nobody_but_the_crypto_service_has_the_key() -> None:
    with tfm_sim.boot() as device:
        builds = {b.manifest.name: b.hal for b in device._partitions}
    assert not any(builds.values())


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_tokens_in_place_at_each_level(level: int, in_place: bool) -> None:
    build = Build(
        attestation=AttestationConfig(TokenVariant.RFC_9783, mm_iovec=in_place),
        spm=SpmConfig(isolation_level=level),
    )
    with tfm_sim.boot(build=build) as device:
        assert len(device.psa.initial_attestation.get_token(bytes(32))) == 513


KEYS = {IakType.SECP_R1: b"\0" + b"\7" * 65, IakType.HMAC_512: b"\7" * 64}


@pytest.mark.parametrize("kind", KEYS)
def test_a_board_with_room_for_a_longer_key(kind: IakType) -> None:
    board = load_board("an521")
    board = replace(board, otp=replace(board.otp, layout=replace(board.otp.layout, iak_size=66)))
    build = Build(
        attestation=AttestationConfig(symmetric=kind.is_symmetric, max_token_size=0x800),
        crypto=CryptoConfig(builtin_max_key_length=96),
    )
    values = replace(dummy_provisioning(build), iak=KEYS[kind], iak_type=kind)
    with Device(board, build=build, provisioning=values) as device:
        device.flash_image(0, SECURE_IMAGE.read_bytes())
        device.flash_image(1, NON_SECURE_IMAGE.read_bytes())
        device.power_on()
        signature = cbor2.loads(device.psa.initial_attestation.get_token(bytes(32))).value[3]
    assert len(signature) == {IakType.SECP_R1: 132, IakType.HMAC_512: 64}[kind]


def test_errors_of_2019_come_out_of_todays_api() -> None:
    with tfm_sim.boot(build=OF_2019) as device, pytest.raises(AttestError) as refused:
        device.psa.initial_attestation.get_token(bytes(33))
    assert refused.value.error is PsaAttestErr.INVALID_INPUT
