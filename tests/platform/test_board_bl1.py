"""Boards with BL1: the packaged one, and every mistake in what BL1 needs of a board."""

# ruff: noqa: E501 - a table of one line a case

import pytest

from tfm_sim.platform.board import BOARDS_DIRECTORY, AreaRole, Bl1Memory, BoardError, load_board
from tfm_sim.platform.board_yaml import parse_board
from tfm_sim.platform.otp import OtpField

TEXT = (BOARDS_DIRECTORY / "an521_bl1.yaml").read_text()
BL1 = "bl1: {bl1_2_code: 0x38008000, bl2_code: 0x38020000, bl2_code_size: 0x8000}"
PROVISIONING = "offset: 0x040000, size: 0x8000, role: provisioning"


def test_the_packaged_board() -> None:
    board = load_board("an521_bl1")
    assert board.bl1 == Bl1Memory(0x38008000, 0x38020000, 0x8000)
    assert board.otp.layout.fields[OtpField.BL1_2_IMAGE][1] == 0x170C
    assert board.otp.layout.fields[OtpField.BL1_ROTPK_0][1] == 56
    assert board.otp.layout.size <= board.otp.size
    for role in (AreaRole.BL2_PRIMARY, AreaRole.BL2_SECONDARY, AreaRole.PROVISIONING):
        assert board.area_with_role(role) is not None
    assert load_board("an521").bl1 is None


@pytest.mark.parametrize(
    "before, after, message",
    [
        ("  bl1: true", "  bl1: false", "no OTP for BL1_2; found bl1 False, bl1_2_code_size 5900; legal: otp: {bl1: true"),
        ("  bl1_2_code_size: 0x170c\n", "", "no OTP for BL1_2; found bl1 True, bl1_2_code_size 0"),
        (", role: bl2_secondary", "", "no flash area for BL2; found none with role bl2_secondary; legal: one for each"),
        (PROVISIONING, PROVISIONING.replace("provisioning", "bl2_primary"), "duplicate flash area role"),
        ("bl1_2_code: 0x38008000", "bl1_2_code: 0x38000000", "bl1_2_code outside the secure RAM; found 0x38000000..0x3800170c"),
        ("bl1_2_code: 0x38008000", "bl1_2_code: 0x28100000", "bl1_2_code outside the secure RAM"),
        ("bl2_code: 0x38020000", "bl2_code: 0x38001000", "bl2_code outside the secure RAM; found 0x38000300..0x38009000"),
        ("bl2_code: 0x38020000", "bl2_code: 0x3800a000", "BL1's bl2_code overlaps bl1_2_code"),
        (", bl2_code_size: 0x8000", "", "bl1: missing key 'bl2_code_size'"),
        ("bl2_code_size: 0x8000", "bl2_code_size: 7", "bl2_code_size: out of range; found 7; legal: an integer in 8.."),
        ("bl1_rotpk_size: 56", "bl1_rotpk_size: 57", "otp.bl1_rotpk_size: not legal; found 57; legal: 32, 48, 56, 65, 97"),
        ("bl1_signers: 1", "iak_size: 67", "otp.iak_size: out of range; found 67; legal: an integer in 0x20..0x42"),
        ("bl1_signers: 1", "bl1_signers: 5", "otp.bl1_signers: out of range; found 5; legal: an integer in 1..4"),
        ("bl1_2_code_size: 0x170c", "bl1_2_code_size: 0x10001", "otp.bl1_2_code_size: out of range"),
        ("bl1_2_code_size: 0x170c", "bl1_2_code_size: 0x2000", "otp.size: out of range; found 0x2000"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(BoardError) as caught:
        parse_board(TEXT.replace(before, after, 1).encode(), "b.yaml")
    assert message in str(caught.value)
