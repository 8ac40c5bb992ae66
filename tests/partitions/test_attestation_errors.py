"""What is wrong and which status answers for it (attestation.md 2.2, 2.5, 3.3)."""

from dataclasses import replace

import pytest
from support.partition_bench import make_hal, start_partitions
from support.token_parts import CHALLENGE, NSPE, SPE, boot_status

from tfm_sim.interface.psa.initial_attestation import (
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_SUCCESS,
)
from tfm_sim.partitions.initial_attestation.boot_data import boot_data_of
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.partitions.initial_attestation.errors import STATUS_OF, AttestErr
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY, Provisioning, provisioned_otp
from tfm_sim.spm.panic import DevicePanic

AREA = boot_status(SPE, NSPE)
P1, RFC, CCA = TokenVariant.PSA_IOT_PROFILE_1, TokenVariant.RFC_9783, TokenVariant.CCA_2023
HMAC_KEY = replace(DUMMY, iak_type=IakType.HMAC)


def statuses(
    config: AttestationConfig,
    challenge_size: int = 32,
    capacity: int = 0x250,
    area: bytes = AREA,
    provisioning: Provisioning = DUMMY,
) -> tuple[int, int]:
    """The answers to get_token and to get_token_size."""
    device = start_partitions(config, boot_status=area, provisioning=provisioning)
    token = psa_initial_attest_get_token(device.ns, bytes(challenge_size), capacity)
    size = psa_initial_attest_get_token_size(device.ns, challenge_size)
    return token[0], size[0]


@pytest.mark.parametrize("challenge_size", [0, 1, 16, 31, 33, 47, 49, 63, 65, 100])
def test_challenge_has_32_48_or_64_bytes(challenge_size: int) -> None:
    wanted = (PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_INVALID_ARGUMENT)
    assert statuses(AttestationConfig(), challenge_size) == wanted


@pytest.mark.parametrize(
    "capacity, slip, status",
    [
        (0, False, PSA_ERROR_INVALID_ARGUMENT),
        (1, False, PSA_ERROR_BUFFER_TOO_SMALL),
        (519, False, PSA_ERROR_BUFFER_TOO_SMALL),
        (520, False, PSA_SUCCESS),
        (0, True, PSA_ERROR_INVALID_ARGUMENT),
        (452, True, PSA_ERROR_BUFFER_TOO_SMALL),
        (453, True, PSA_ERROR_GENERIC_ERROR),
        (516, True, PSA_ERROR_GENERIC_ERROR),
        (517, True, PSA_ERROR_BUFFER_TOO_SMALL),
        (520, True, PSA_SUCCESS),
    ],
)
def test_token_buffer(capacity: int, slip: bool, status: int) -> None:
    config = AttestationConfig(tfm_2_2_signature_room_slip=slip)
    assert statuses(config, capacity=capacity)[0] == status


def test_own_buffer_is_the_limit_though_the_size_query_knows_more() -> None:
    config = AttestationConfig(max_token_size=519)
    assert statuses(config, capacity=0x250) == (PSA_ERROR_BUFFER_TOO_SMALL, PSA_SUCCESS)


@pytest.mark.parametrize(
    "config, capacity, status",
    [
        (AttestationConfig(P1), 0x250, PSA_SUCCESS),
        (AttestationConfig(RFC), 0x250, PSA_ERROR_GENERIC_ERROR),
        (AttestationConfig(CCA), 0x250, PSA_ERROR_GENERIC_ERROR),
        (AttestationConfig(RFC), 1, PSA_ERROR_GENERIC_ERROR),
        (AttestationConfig(RFC), 0, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_no_software_components(config: AttestationConfig, capacity: int, status: int) -> None:
    assert statuses(config, capacity=capacity, area=b"")[0] == status


@pytest.mark.parametrize(
    "config, provisioning",
    [
        (AttestationConfig(), HMAC_KEY),
        (AttestationConfig(symmetric=True), DUMMY),
        (AttestationConfig(), replace(DUMMY, iak_type=IakType.SECP_R1, iak=b"\1" * 31)),
        (AttestationConfig(), replace(DUMMY, iak=b"")),
        (AttestationConfig(symmetric=True), replace(HMAC_KEY, iak=b"\1" * 24)),
    ],
    ids=["HMAC key, Sign1", "ECC key, Mac0", "ECC of 248 bits", "no key", "HMAC key of 192 bits"],
)
def test_key_that_the_build_cannot_sign_with(config: AttestationConfig, provisioning: Provisioning) -> None:
    both = (PSA_ERROR_GENERIC_ERROR, PSA_ERROR_GENERIC_ERROR)
    assert statuses(config, provisioning=provisioning) == both
    assert statuses(config, provisioning=provisioning, capacity=1) == both


def failing(function: str) -> PlatformHal:
    def fail(*_: object) -> bytes:
        raise PlatError(TfmPlatErr.SYSTEM_ERR, f"{function}: broken on purpose")

    hal = make_hal(provisioned_otp(DUMMY))
    setattr(hal, function, fail)
    return hal


@pytest.mark.parametrize(
    "function, variant",
    [
        ("tfm_plat_get_boot_seed", P1),
        ("tfm_plat_get_implementation_id", P1),
        ("tfm_attest_hal_get_profile_definition", P1),
        ("tfm_attest_hal_get_verification_service", P1),
        ("tfm_plat_get_cert_ref", P1),
        ("tfm_attest_hal_get_platform_config", CCA),
        ("tfm_attest_hal_get_platform_hash_algo", CCA),
    ],
)
def test_platform_that_does_not_give_a_claim(function: str, variant: TokenVariant) -> None:
    """attestation.md 2.4, 2.5: -132 from both calls; claims come before any look at the buffer."""
    device = start_partitions(AttestationConfig(variant), boot_status=AREA, hal=failing(function))
    for capacity in (1, 0x250):
        status, _ = psa_initial_attest_get_token(device.ns, bytes(32), capacity)
        assert status == PSA_ERROR_GENERIC_ERROR
    status, size = psa_initial_attest_get_token_size(device.ns, 32, 43690)
    assert (status, size) == (PSA_ERROR_GENERIC_ERROR, 0)


@pytest.mark.parametrize("name", [b"", b"sha\x00256", b"x" * 33])
def test_platform_hash_name_must_be_a_short_text(name: bytes) -> None:
    hal = make_hal(provisioned_otp(DUMMY))
    hal.tfm_attest_hal_get_platform_hash_algo = lambda: name  # type: ignore[method-assign]
    device = start_partitions(AttestationConfig(CCA), boot_status=AREA, hal=hal)
    assert psa_initial_attest_get_token(device.ns, bytes(32), 0x250)[0] == PSA_ERROR_GENERIC_ERROR


def test_symmetric_key_id_that_cannot_be_read() -> None:
    config = AttestationConfig(symmetric=True, cose_key_id=True)
    hal = make_hal(provisioned_otp(HMAC_KEY))

    def fail(size: int = 32) -> bytes:
        raise PlatError(TfmPlatErr.SYSTEM_ERR, "broken on purpose")

    hal.tfm_plat_get_symmetric_iak_id = fail  # type: ignore[method-assign]
    device = start_partitions(config, boot_status=AREA, hal=hal)
    assert psa_initial_attest_get_token(device.ns, bytes(32), 0x250)[0] == PSA_ERROR_GENERIC_ERROR


@pytest.mark.parametrize(
    "variant, record_size, fits",
    [
        (TokenVariant.PSA_IOT_PROFILE_1, 504, True),
        (TokenVariant.PSA_IOT_PROFILE_1, 505, False),
        (TokenVariant.PSA_IOT_PROFILE_1_2022, 508, True),
        (TokenVariant.PSA_IOT_PROFILE_1_2022, 509, False),
    ],
)
def test_boot_status_budget(variant: TokenVariant, record_size: int, fits: bool) -> None:
    """512 bytes in all for 2.2, 4 + 512 for 2.1; the entry's own header counts. Failing init is fatal."""
    area = boot_status({1: "x" * (record_size - 5)})
    config = AttestationConfig(variant, max_token_size=0x800)
    if not fits:
        with pytest.raises(DevicePanic, match="entry_init"):
            start_partitions(config, boot_status=area)
        return
    device = start_partitions(config, boot_status=area)
    assert psa_initial_attest_get_token(device.ns, bytes(32), 0x800)[0] == PSA_SUCCESS


def test_malformed_boot_status_makes_components_unavailable() -> None:
    class BrokenArea:
        def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
            return 0, b"\x16\x21\x04\x00"

    boot_data = boot_data_of(BrokenArea(), AttestationConfig())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="3"):
        boot_data.software_components()


def test_every_internal_error_has_a_status() -> None:
    assert [STATUS_OF[AttestErr(n)] for n in range(6)] == [0, -144, -138, -132, -135, -132]


def test_failure_leaves_no_token_bytes() -> None:
    device = start_partitions(AttestationConfig(), boot_status=AREA)
    assert psa_initial_attest_get_token(device.ns, CHALLENGE[:32], 519) == (PSA_ERROR_BUFFER_TOO_SMALL, b"")
