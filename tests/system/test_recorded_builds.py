"""What a recorded TF-M was built with, however its options are written (recordings/tfm_build.py)."""

from typing import Any

import pytest
from support.recordings.tfm_build import TfmBuild, is_on, number

from tfm_sim.interface.psa.initial_attestation import ClientLibrary
from tfm_sim.partitions.initial_attestation.config import TokenVariant
from tfm_sim.spm.config import Backend

VERSIONS = {"trusted-firmware-m": "TF-Mv2.2.2", "variants named *216*": {"trusted-firmware-m": "TF-Mv2.1.6"}}


def build(header: str = "", name: str = "v", description: str = "", **options: Any) -> TfmBuild:
    recorded = {"build_options": options, "project_config_header": header, "description": description}
    return TfmBuild.of(name, recorded, VERSIONS)


P1, P1_2022 = TokenVariant.PSA_IOT_PROFILE_1, TokenVariant.PSA_IOT_PROFILE_1_2022


@pytest.mark.parametrize(
    ("macro", "now", "before"),
    [
        ("", P1, P1_2022),
        ("PSA_IOT_1", P1, P1_2022),
        ("PSA_2_0_0", TokenVariant.RFC_9783, TokenVariant.PSA_2_0_0),
        ("ARM_CCA", TokenVariant.CCA_2023, TokenVariant.CCA_1_0_0),
    ],
)
def test_variants_by_profile_and_release(macro: str, now: TokenVariant, before: TokenVariant) -> None:
    header = f"#define ATTEST_TOKEN_PROFILE_{macro} 1\n" if macro else ""
    option = {f"ATTEST_TOKEN_PROFILE_{macro}": "ON"} if macro else {}
    for made in (build(header), build(**option), build(header, description="TF-Mv2.3.1: something")):
        assert (made.attestation.variant, made.library) == (now, ClientLibrary.TFM_2_2)
    for made in (
        build(header, "tok216"),
        build("", "tok216", **option),
        build(header, description="TF-Mv2.0.0"),
    ):
        assert (made.attestation.variant, made.library) == (before, ClientLibrary.TFM_2_1)


@pytest.mark.parametrize(
    ("made", "attribute", "value"),
    [
        (build(), "optional_claims", True),
        (build("#define ATTEST_INCLUDE_OPTIONAL_CLAIMS (0)"), "optional_claims", False),
        (build("# define ATTEST_INCLUDE_OPTIONAL_CLAIMS\t1"), "optional_claims", True),
        (build(ATTEST_INCLUDE_OPTIONAL_CLAIMS="OFF"), "optional_claims", False),
        (build(ATTEST_INCLUDE_COSE_KEY_ID="1"), "cose_key_id", True),
        (build("#define ATTEST_INCLUDE_COSE_KEY_ID (1)"), "cose_key_id", True),
        (build(ATTEST_INCLUDE_TEST_CODE=True), "include_test_code", True),
        (build(SYMMETRIC_INITIAL_ATTESTATION="ON"), "symmetric", True),
        (build(PSA_FRAMEWORK_HAS_MM_IOVEC="ON"), "mm_iovec", True),
        (build(PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE="0x800"), "max_token_size", 0x800),
        (build(PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE=1024), "max_token_size", 1024),
        (build("#define PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE (0x400u)"), "max_token_size", 0x400),
        (build(), "tfm_2_2_signature_room_slip", True),
        (build(name="x216"), "tfm_2_2_signature_room_slip", False),
        (build(TFM_PROFILE="profile_small"), "symmetric", True),
        (build(TFM_PROFILE="profile_small"), "optional_claims", False),
        (build(TFM_PROFILE="profile_small"), "mm_iovec", True),
        (build(TFM_PROFILE="profile_small", SYMMETRIC_INITIAL_ATTESTATION="OFF"), "symmetric", False),
        (build(TFM_PROFILE="profile_medium"), "optional_claims", False),
        (build(TFM_PROFILE="profile_large"), "optional_claims", True),
        (build(TFM_PROFILE="some other"), "optional_claims", True),
    ],
)
def test_options(made: TfmBuild, attribute: str, value: object) -> None:
    assert getattr(made.attestation, attribute) == value


@pytest.mark.parametrize(
    ("options", "level", "backend", "images"),
    [
        ({}, 1, Backend.IPC, 2),
        ({"TFM_ISOLATION_LEVEL": 3}, 3, Backend.IPC, 2),
        ({"TFM_PROFILE": "profile_small"}, 1, Backend.SFN, 1),
        ({"TFM_PROFILE": "profile_medium"}, 2, Backend.IPC, 2),
        ({"TFM_PROFILE": "profile_medium_arotless"}, 1, Backend.SFN, 2),
        ({"TFM_PROFILE": "profile_large"}, 3, Backend.IPC, 2),
        ({"TFM_PROFILE": "profile_large", "TFM_ISOLATION_LEVEL": "2"}, 2, Backend.IPC, 2),
    ],
)
def test_spm_and_images(options: dict[str, Any], level: int, backend: Backend, images: int) -> None:
    made = build(**options)
    assert (made.spm.isolation_level, made.spm.backend, made.image_number) == (level, backend, images)


@pytest.mark.parametrize("text", ["ON", "on", "1", "TRUE", "(1)", "1u", "y", " Yes "])
def test_ways_to_say_yes(text: str) -> None:
    assert is_on(text)


@pytest.mark.parametrize("text", ["OFF", "0", "(0)", "", None, "2", "N"])
def test_ways_not_to(text: str | None) -> None:
    assert not is_on(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0x250", 0x250), ("592", 592), ("(8)", 8), ("0x40UL", 0x40), (None, 7), ("", 7)]
)
def test_numbers(text: str | None, value: int) -> None:
    assert number(text, 7) == value
