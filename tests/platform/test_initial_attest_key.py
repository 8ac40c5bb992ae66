"""The initial attestation key and identities as the platform of 2019 gave them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.partition_bench import make_hal

from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.initial_attest_key import ecc_key, instance_id
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY, DUMMY_2019, Provisioning, provisioned_otp


def hal(values: Provisioning = DUMMY_2019, size: int = 32) -> PlatformHal:
    return make_hal(provisioned_otp(values, OtpLayout(iak_size=size)))


def test_the_key_of_2019() -> None:
    key = hal().tfm_plat_get_initial_attest_key()
    assert key.curve == 1
    assert key.priv_key == DUMMY_2019.iak
    assert key.pubx_key.hex() == "dcf0d0f4bcd5e26a54ee36cad660d283d12abc5f7307de58689e77cd60452e75"
    assert key.puby_key.hex() == "8cbadb5fe9f89a7107e5a2e8ea44ec1b09b7da2a1a82a0252a4c1c26ee1ed7cf"
    assert "priv" not in repr(key)


def test_the_instance_id_is_over_x_and_y() -> None:
    assert hal().tfm_plat_get_instance_id().hex() == (
        "01f40c8fbf12db782afdf475966a068236e032ab80d1b7f1bc9fe7d87a88cb26d0"
    )
    with pytest.raises(PlatError, match="buffer of 32 bytes; legal: 33 and up"):
        hal().tfm_plat_get_instance_id(32)


def test_the_hardware_version_has_room_for_18_characters() -> None:
    assert hal().tfm_plat_get_hw_version() == b"060456527282910010"
    with pytest.raises(PlatError, match="hardware version of 19 bytes; legal: up to 18"):
        hal(DUMMY).tfm_plat_get_hw_version()
    assert hal(DUMMY).tfm_plat_get_hw_version(19) == b"0604565272829-10010"


@pytest.mark.parametrize(
    "values",
    [
        replace(DUMMY, iak=b""),
        replace(DUMMY, iak=bytes(32)),
        replace(DUMMY, iak=b"\xff" * 32),
        replace(DUMMY, iak=b"\1" * 31),
        replace(DUMMY, iak=b"\1" * 48),
        replace(DUMMY, iak_type=IakType.HMAC),
    ],
)
def test_a_key_that_is_none_of_p_256(values: Provisioning) -> None:
    device = hal(values, 66)
    for function in (device.tfm_plat_get_initial_attest_key, device.tfm_plat_get_instance_id):
        with pytest.raises(PlatError) as refused:
            function()
        assert refused.value.reason is TfmPlatErr.SYSTEM_ERR


@given(st.binary(max_size=70))
def test_any_bytes_are_a_key_or_a_platform_error(scalar: bytes) -> None:
    try:
        key = ecc_key(scalar)
    except PlatError as error:
        assert "legal: a P-256 private key of 32 bytes" in str(error)
    else:
        assert len(instance_id(key)) == 33


@pytest.mark.parametrize(
    ("length", "kind", "bits", "type_"),
    [
        (32, IakType.SECP_R1, 256, 0x7112),
        (48, IakType.SECP_R1, 384, 0x7112),
        (66, IakType.SECP_R1, 521, 0x7112),
        (32, IakType.HMAC, 256, 0x1100),
        (48, IakType.HMAC_384, 384, 0x1100),
        (64, IakType.HMAC_512, 512, 0x1100),
    ],
)
def test_keys_of_every_length(length: int, kind: IakType, bits: int, type_: int) -> None:
    iak = hal(replace(DUMMY, iak=b"\1" * length, iak_type=kind), 66).tfm_plat_get_iak()
    assert (iak.bits, iak.type, len(iak.data)) == (bits, type_, length)
    assert kind is IakType.SECP_R1 or iak.algorithm == kind


@pytest.mark.parametrize(("iak", "dummy"), [(DUMMY.iak, True), (DUMMY_2019.iak, True), (b"\1" * 32, False)])
def test_published_keys_are_known(iak: bytes, dummy: bool) -> None:
    assert replace(DUMMY, iak=iak).is_dummy is dummy
