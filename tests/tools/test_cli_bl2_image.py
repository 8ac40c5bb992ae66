"""`tfm-sim image bl2` and `bl2-key`, and `boot` on a board with BL1."""

# ruff: noqa: E501 - tables of one line a case

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import CommandLine

from tfm_sim.platform.board import load_board
from tfm_sim.tools.bl2_image import demo_bl2_image, load_bl2_key
from tfm_sim.tools.lms_key import DUMMY_KEY, LmsKeyError, LmsPrivateKey, dummy_key, new_key

TFM_PUBLIC_KEY = (
    "0000000600000004b6b444cb92584ee081b678f39a0dd74e"
    "0cfd7e450176dd0cb654c9bbbf632b14b2ee008963e043afebe8ac6c1d605ebc"
)


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    Path("code.bin").write_bytes(bytes.fromhex("0080023841000238") + b"mine")
    Path("dummy.prv").write_bytes(DUMMY_KEY.read_bytes())
    Path("dummy.leaves").write_bytes(DUMMY_KEY.with_suffix(".leaves").read_bytes())
    return CommandLine(monkeypatch, capsys)


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# The root of the tree decides: it is TF-M's own public key (bl1_dummy_rotpk.pub).
def test_the_leaves_that_come_with_the_package_are_those_of_tfms_dummy_key() -> None:
    assert dummy_key().public_key.encode().hex() == TFM_PUBLIC_KEY


def test_the_demo_bl2_is_always_the_same() -> None:
    board = load_board("an521_bl1")
    assert demo_bl2_image(board) == demo_bl2_image(board)


def test_an_image_made_here_boots_here(tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "bl2", "code.bin", "-o", "bl2.img", "--version", "2.3.4+5") == 0
    assert tfm_sim.err.count("NOT SECURE") == 2
    assert f"BL1_ROTPK_0: {TFM_PUBLIC_KEY}" in tfm_sim.err
    assert len(Path("bl2.img").read_bytes()) == 0x85D0
    assert tfm_sim("boot", "--board", "an521_bl1", "--bl2-image", "bl2.img", "--json") == 0
    report = json.loads(tfm_sim.out)
    assert report["booted"]
    rules = [decision["rule"] for decision in report["decisions"]]
    assert "validate_image_signature" in rules
    assert rules.index("bl1_1_validate_image_at_addr") < rules.index("validate_image_signature")


@pytest.mark.parametrize(
    "options, message",
    [
        ((), ""),
        (("--security-counter", "1024"), "security counter: found 1024; decryption takes less than 1024"),
        (("--encryption-key", "00" * 32), "decryption magic: found 0x"),
        (("--no-encryption",), "decryption magic: found 0x|security counter: found"),
    ],
)
def test_boot_answers_with_its_exit_code(
    tfm_sim: CommandLine, options: tuple[str, ...], message: str
) -> None:
    assert tfm_sim("image", "bl2", "code.bin", "-o", "bl2.img", *options) == 0
    code = tfm_sim("boot", "--board", "an521_bl1", "--bl2-image", "bl2.img")
    assert code == (1 if message else 0)
    if message:
        assert "BL1_2 refused the BL2 image in the primary slot at 0x10000000" in tfm_sim.err
        assert any(part in tfm_sim.err for part in message.split("|"))


def test_boot_shows_what_bl1_decides(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--step", "--board", "an521_bl1") == 0
    for line in (
        "== BL1_1: provisions a virgin device and checks BL1_2 in OTP",
        "equals OTP's BL1_2_IMAGE_HASH  [bl1_1_validate_image_at_addr]",
        "== BL1_2: decrypts and checks BL2",
        "signature 0 by BL1_ROTPK_0, LMS: good  [validate_image_signature]",
        "security counter 1, NV counter BL1_0 is at 0  [is_image_security_counter_valid]",
        "== BL2: checks the images",
    ):
        assert line in tfm_sim.out


def test_a_key_of_ones_own_counts_its_signatures(tfm_sim: CommandLine) -> None:
    before = LmsPrivateKey.decode(Path("dummy.prv").read_bytes(), "")
    for _ in range(2):
        assert tfm_sim("image", "bl2", "code.bin", "-o", "bl2.img", "--key", "dummy.prv") == 0
        assert "signed by TF-M's dummy key" not in tfm_sim.err
        assert tfm_sim("boot", "--board", "an521_bl1", "--bl2-image", "bl2.img") == 0
    assert LmsPrivateKey.decode(Path("dummy.prv").read_bytes(), "").q == before.q + 2


def test_a_used_up_key_signs_no_more(tfm_sim: CommandLine) -> None:
    raw = bytearray(DUMMY_KEY.read_bytes())
    raw[-4:] = (1024).to_bytes(4, "big")
    Path("dummy.prv").write_bytes(raw)
    assert tfm_sim("image", "bl2", "code.bin", "-o", "bl2.img", "--key", "dummy.prv") == 4
    assert "all 1024 signatures are made; legal: a new key" in tfm_sim.err
    assert not Path("bl2.img").exists()


def test_an_ec_key_signs_with_its_whole_key_in_the_image(tfm_sim: CommandLine) -> None:
    Path("ec.pem").write_bytes(pem(ec.derive_private_key(7, ec.SECP256R1())))
    assert tfm_sim("image", "bl2", "code.bin", "-o", "bl2.img", "--key", "ec.pem", "--embed-rotpk") == 0
    assert tfm_sim.err.startswith("encrypted by TF-M's dummy key")
    assert "BL1_ROTPK_0: 3059301306072a8648ce3d" in tfm_sim.err


def test_a_virgin_device_takes_its_bundles(tfm_sim: CommandLine) -> None:
    Path("virgin.yaml").write_text("lifecycle: ASSEMBLY_AND_TEST\n")
    virgin = ("--board", "an521_bl1", "--provisioning", "virgin.yaml", "--state", "device")
    assert tfm_sim("boot", *virgin) == 1
    assert "BL1_1 refused the bundle in the provisioning area" in tfm_sim.err
    assert "found magic 0xffffffff at offset 0x0; wanted 0xc0defeed" in tfm_sim.err
    assert tfm_sim("provisioning", "bundles", "a.bin", "p.bin") == 0
    assert "NOT SECURE" in tfm_sim.err
    assert tfm_sim("run", *virgin, "--bundles", "a.bin", "p.bin") == 0
    assert tfm_sim("boot", "--board", "an521_bl1", "--state", "device") == 0


def test_bundles_for_a_device_that_is_provisioned_are_told_to_be_idle(tfm_sim: CommandLine) -> None:
    assert tfm_sim("provisioning", "bundles", "a.bin", "p.bin") == 0
    assert tfm_sim("boot", "--board", "an521_bl1", "--bundles", "a.bin", "p.bin") == 0
    assert tfm_sim.err == "--bundles: nobody looks at them, for this device is provisioned already\n"


def test_bundles_of_values_of_ones_own(tfm_sim: CommandLine) -> None:
    assert tfm_sim("provisioning", "show") == 0
    Path("own.yaml").write_text(tfm_sim.out.replace("huk: 0001", "huk: beef").replace("iak: a9", "iak: a8"))
    assert tfm_sim("provisioning", "bundles", "a.bin", "p.bin", "--provisioning", "own.yaml") == 0
    assert Path("a.bin").read_bytes()[-32:-30] == b"\xbe\xef"
    assert tfm_sim.err == ""


def test_bl2_key_makes_a_key_once(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_key, "__defaults__", (5, 4))  # H5: 32 signatures, quickly made
    assert tfm_sim("image", "bl2-key", "own.prv") == 0
    key = load_bl2_key(Path("own.prv"))
    assert isinstance(key, LmsPrivateKey)
    assert tfm_sim.out.strip() == key.public_key.encode().hex()
    assert key.leaves == tuple(replace(key, leaves=()).nodes[32:])
    assert tfm_sim("image", "bl2-key", "own.prv") == 2
    assert "is there already" in tfm_sim.err


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (("code.bin", "-o", "code.bin"), 2, "-o code.bin would overwrite CODE; legal: another file"),
        (("code.bin", "-o", "./dummy.prv", "--key", "dummy.prv"), 2, "would overwrite --key"),
        (("code.bin", "-o", "x", "--key", "dummy.prv", "--key", "./dummy.prv"), 2, "--key: one file twice"),
        (("code.bin", "-o", "x", "--board", "an521"), 4, "board an521: has no BL1; legal: an521_bl1"),
        (("none.bin", "-o", "x"), 4, "none.bin: No such file or directory"),
        (("code.bin", "-o", "x", "--key", "none.prv"), 4, "none.prv: cannot read the key"),
        (
            ("code.bin", "-o", "x", "--key", "code.bin"),
            4,
            "not an LMS private key; legal: one of one level, as pyhsslms",
        ),
        (("code.bin", "-o", "x", "--encryption-key", "00"), 2, "found 1 bytes; legal: 32"),
        (("code.bin", "-o", "x", "--version", "1.2"), 2, "found '1.2'; legal: MAJOR.MINOR.REVISION[+BUILD]"),
        (("code.bin", "-o", "x", "--version", "256.0.0"), 2, "up to 255.255.65535"),
        (("code.bin", "-o", "x", "--security-counter", "-1"), 2, "-1 is not in the range"),
        (("tiny.bin", "-o", "x"), 4, "tiny.bin: 7 bytes; legal: 8 and more, a vector table first"),
        (("big.bin", "-o", "x"), 4, "32769 bytes of code; legal: at most 32768"),
        (
            ("code.bin", "-o", "x", "--key", "ed.pem"),
            4,
            "found Ed25519PrivateKey; legal: a P-256 or P-384 key",
        ),
    ],
)
def test_one_clear_error(tfm_sim: CommandLine, arguments: tuple[str, ...], code: int, message: str) -> None:
    Path("big.bin").write_bytes(bytes(0x8001))
    Path("tiny.bin").write_bytes(bytes(7))
    Path("ed.pem").write_bytes(pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))))
    assert tfm_sim("image", "bl2", *arguments) == code
    assert message in tfm_sim.err
    assert not Path("x").exists()


@pytest.mark.parametrize("change, message", [({8: b"\0\0\0\x3b"}, "not an LMS private key"), ({12: b"\0\0\0\x0a"}, "LMS type 0xa with one-time type 0x4; legal: 5 to 9")])  # fmt: skip
def test_other_key_files_are_named(change: dict[int, bytes], message: str) -> None:
    raw = bytearray(DUMMY_KEY.read_bytes())
    for at, data in change.items():
        raw[at : at + 4] = data
    with pytest.raises(LmsKeyError, match=message):
        LmsPrivateKey.decode(bytes(raw), "key")


def test_leaves_of_another_tree_are_named(tfm_sim: CommandLine) -> None:
    Path("dummy.leaves").write_bytes(b"short")
    assert tfm_sim("image", "bl2", "code.bin", "-o", "x", "--key", "dummy.prv") == 4
    assert "dummy.leaves: 5 bytes; legal: 32768, the leaves of dummy.prv" in tfm_sim.err


@given(st.binary(max_size=80))
def test_no_bytes_as_key_raise_anything_but_its_own_error(raw: bytes) -> None:
    try:
        assert LmsPrivateKey.decode(raw, "key").encode() == raw
    except LmsKeyError as error:
        assert str(error).startswith("key: ")
