"""`tfm-sim image info` and `image from-elf`: what a user sees, and the exit code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine

from tfm_sim.bootloader.config import Bl2Config
from tfm_sim.bootloader.inspect import inspect_image
from tfm_sim.device import Device
from tfm_sim.interface.mcuboot.image import IMAGE_MAGIC
from tfm_sim.interface.mcuboot.trailer import Magic
from tfm_sim.tools.demo_firmware import NON_SECURE_IMAGE, SECURE_IMAGE

DEMO = SECURE_IMAGE.parent.parent
MCUBOOT = Path(__file__).parent.parent / "data" / "recordings" / "mcuboot"
EXPECTED: dict[str, Any] = json.loads((MCUBOOT / "expected.json").read_text())
WHOLE = [name for name, entry in EXPECTED.items() if "tlvs" in entry and name != "bad_magic_v1.bin"]


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize("name", WHOLE)
def test_info_json_agrees_with_the_recording(name: str, tfm_sim: CommandLine) -> None:
    recorded = EXPECTED[name]
    tfm_sim("image", "info", MCUBOOT / name, "--json")
    shown = json.loads(tfm_sim.out)
    header = recorded["header"]
    assert shown["header"]["version"] == header["version"]
    for field in ("ih_hdr_size", "ih_protect_tlv_size", "ih_img_size"):
        assert shown["header"][field] == header[field]
    assert shown["header"]["ih_flags"] == int(header["ih_flags"], 16)
    if shown["problem"] is None:
        wanted = [(t["off"] + 4, int(t["type"], 16), t["prot"], t["value"]) for t in recorded["tlvs"]]
        assert [(t["offset"], t["type"], t["protected"], t["value"]) for t in shown["tlvs"]] == wanted
        for tlv, entry in zip(shown["tlvs"], recorded["tlvs"], strict=True):
            if "uint" in entry:
                assert tlv["meaning"] == entry["uint"]
            if "dep" in entry:
                assert tlv["meaning"] == {"image": entry["dep"]["image"], "min_version": entry["dep"]["min"]}
            if "cbor" in entry:
                assert list(tlv["meaning"].values()) == list(entry["cbor"].values())
        checks = recorded["self_check"]
        if "hash_ok" in checks and "decryption" not in recorded:
            assert [digest["matches"] for digest in shown["digests"]] == [checks["hash_ok"]]


def test_info_says_it_in_words(tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "info", SECURE_IMAGE) == 0
    for said in (
        "MCUboot image, version 1.0.0+0, 1541 bytes",
        "header size       0x400",
        "flags             none",
        "protected   0x0050 SEC_CNT         4 bytes",
        "sw_type: SPE",
        "unprotected 0x0002 PUBKEY         91 bytes",
        "digest SHA256 matches",
    ):
        assert said in tfm_sim.out
    assert "trailer" not in tfm_sim.out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "good_p256_pad_confirm.bin",
            "trailer: magic good (cells of 8 bytes), swap_type 1, copy_done unset, ",
        ),
        ("good_p256_pad_confirm_align32.bin", "trailer: magic good (cells of 32 bytes)"),
        ("bad_payload_flip.bin", "digest SHA256 does not match: header, payload and protected TLVs hash to"),
        ("bad_payload_flip.bin", "version 1.2.3+4"),
        ("good_p256_ramload.bin", "load address      0x30000000"),
        ("good_p256_romfixed.bin", "flags             ROM_FIXED"),
        ("enc_rsa_oaep128.bin", "digest SHA256 not checked: the digest covers the plain payload"),
        ("good_p256_custom_dep.bin", "min_version: "),
        ("good_p384.bin", "digest SHA384 matches"),
        ("good_ed25519_pure.bin", "digest SHA512 matches"),
    ],
)
def test_info_shows(name: str, said: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "info", MCUBOOT / name) == 0
    assert said in tfm_sim.out


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", 1, "found 0 bytes; an MCUboot image has a header of 32 bytes that starts with 0x96f3b83d"),
        (SECURE_IMAGE.read_bytes()[:31], 1, "found 31 bytes"),
        (b"\x7fELF" + bytes(60), 1, "not an image: found 0x464c457f"),
        (b"\xff" * 64, 1, "not an image: found 0xffffffff"),
        ((MCUBOOT / "bad_magic_v1.bin").read_bytes(), 1, "an image of the first MCUboot format"),
    ],
)
def test_info_of_what_is_no_image(content: bytes, code: int, said: str, tfm_sim: CommandLine) -> None:
    Path("x.bin").write_bytes(content)
    assert tfm_sim("image", "info", "x.bin") == code
    assert tfm_sim.err.startswith("tfm-sim: x.bin: not an image: ")
    assert said in tfm_sim.err
    assert tfm_sim.out == ""


@pytest.mark.parametrize(
    "name",
    ["bad_tlv_magic.bin", "bad_tlv_len_overrun.bin", "bad_protsize_mismatch.bin", "bad_file_truncated.bin"],
)
def test_info_of_an_image_with_broken_tlvs_shows_what_it_can(name: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "info", MCUBOOT / name) == 1
    assert "version 1.2.3+4" in tfm_sim.out
    assert "\nproblem: " in tfm_sim.out


def test_info_of_a_file_that_is_not_there(tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "info", "missing.bin") == 4
    assert tfm_sim.err == "tfm-sim: missing.bin: No such file or directory; legal: a readable file\n"


def test_from_elf_makes_the_flat_binary(tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "from-elf", DEMO / "firmware" / "secure.elf", "-o", "fw.bin") == 0
    image = SECURE_IMAGE.read_bytes()
    assert Path("fw.bin").read_bytes() == image[0x400 : 0x400 + inspect_image(image).header.img_size]
    assert tfm_sim.out == "fw.bin: flat binary of 200 bytes; 200 bytes to run at 0x10080400\n"
    assert tfm_sim.err == ""


def _sign(tfm_sim: CommandLine, role: str, output: str, *options: object) -> int:
    key = {"secure": "root-EC-P256.pem", "non_secure": "root-EC-P256_1.pem"}[role]
    elf = DEMO / "firmware" / f"{role}.elf"
    return tfm_sim("image", "from-elf", elf, "-o", output, "--sign", "-k", DEMO / "keys" / key, *options)


def test_signed_pair_boots(tfm_sim: CommandLine) -> None:
    options = ("--version", "3.2.1+9", "--security-counter", "7", "--dependencies", "(0,0.0.0)")
    assert _sign(tfm_sim, "secure", "s.bin", *options, "--boot-record", "SPE") == 0
    assert _sign(tfm_sim, "non_secure", "ns.bin", *options, "--boot-record", "NSPE") == 0
    with Device() as device:
        device.flash_image(0, Path("s.bin").read_bytes())
        device.flash_image(1, Path("ns.bin").read_bytes())
        outcome = device.run_bl2()
    assert [str(image.version) for image in outcome.images] == ["3.2.1+9", "3.2.1+9"]
    assert outcome.vectors.warnings == ()
    assert Bl2Config().key_mode.value == "HW_KEY"


def test_signed_and_padded(tfm_sim: CommandLine) -> None:
    assert _sign(tfm_sim, "secure", "s.bin", "--pad", "--slot-size", "0x2000", "--", "--non-bootable") == 0
    data = Path("s.bin").read_bytes()
    report = inspect_image(data)
    assert len(data) == 0x2000
    assert report.trailer is not None and report.trailer.magic is Magic.GOOD
    assert report.header.magic == IMAGE_MAGIC
    assert report.header.flags == 0x10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.elf"], 4, "missing.elf: No such file"),
        ([SECURE_IMAGE], 4, "not an ELF file: it begins with 3db8f396"),
        (["{elf}", "--key", "{key}"], 2, "--key: only with --sign"),
        (["{elf}", "--pad"], 2, "only with --sign"),
        (["{elf}", "--sign"], 2, "--sign needs --key PEM"),
        (["{elf}", "--sign", "--key", "{key}", "--header-size", "0x10000"], 2, "legal: 0x20 to 0xffff"),
        (["{elf}", "--sign", "--key", "{key}", "--header-size", "q"], 2, "found 'q'; legal: a number"),
        (["{elf}", "--sign", "--key", "missing.pem"], 4, "missing.pem: cannot read the key"),
        (["{elf}", "--sign", "--key", "{elf}"], 4, "not a PEM key"),
        (["{elf}", "--sign", "--key", MCUBOOT / "key_enc_x25519.pem"], 4, "legal: RSA, EC or Ed25519"),
        (["{elf}", "--sign", "--key", MCUBOOT / "key_p256_pub.pem"], 4, "imgtool sign failed: "),
        (["{elf}", "--sign", "--key", "{key}", "--version", "x"], 4, "Invalid version number"),
        (["{elf}", "--sign", "--key", "{key}", "--slot-size", "0x40"], 4, "imgtool sign failed: "),
    ],
)
def test_from_elf_refuses(arguments: list[object], code: int, said: str, tfm_sim: CommandLine) -> None:
    places = {"{elf}": DEMO / "firmware" / "secure.elf", "{key}": DEMO / "keys" / "root-EC-P256.pem"}
    filled = [places.get(str(argument), argument) for argument in arguments]
    assert tfm_sim("image", "from-elf", *filled, "-o", "out.bin") == code
    assert said in tfm_sim.err
    assert not Path("out.bin").exists()


def test_output_that_cannot_be_written(tfm_sim: CommandLine) -> None:
    elf = DEMO / "firmware" / "secure.elf"
    assert tfm_sim("image", "from-elf", elf, "-o", "nowhere/out.bin") == 4
    assert tfm_sim.err.startswith("tfm-sim: nowhere/out.bin: No such file or directory")


def test_a_payload_linked_for_no_header_is_remarked_on(tfm_sim: CommandLine) -> None:
    assert _sign(tfm_sim, "secure", "s.bin", "--header-size", "0x600") == 0
    assert "warning: linked to run at 0x10080400: behind a header of 0x600 bytes" in tfm_sim.err


def test_the_demo_images_are_what_the_demo_says() -> None:
    for path, sw_type in ((SECURE_IMAGE, "SPE"), (NON_SECURE_IMAGE, "NSPE")):
        report = inspect_image(path.read_bytes())
        meanings = {tlv.tlv.name: tlv.meaning for tlv in report.tlvs}
        record = meanings["BOOT_RECORD"]
        assert isinstance(record, dict) and record["sw_type"] == sw_type
        assert meanings["SEC_CNT"] == 1
        assert [digest.matches for digest in report.digests] == [True]


@pytest.mark.parametrize("form", ["hash", "full"])
def test_imgtool_verifies_what_it_signed(form: str, tfm_sim: CommandLine) -> None:
    assert _sign(tfm_sim, "secure", "s.bin", "--version", "1.2.3", "--public-key-format", form) == 0
    assert tfm_sim.out.startswith("s.bin: signed image of ")
    command = [sys.executable, "-m", "imgtool.main", "verify", "-k", str(DEMO / "keys" / "root-EC-P256.pem")]
    good = subprocess.run([*command, "s.bin"], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    assert "Image was correctly validated" in good.stdout
    other = [*command[:-1], str(DEMO / "keys" / "root-EC-P256_1.pem"), "s.bin"]
    assert subprocess.run(other, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--security-counter", "x"], 4, "x is not a valid integer"),
        (["--security-counter", "-1"], 4, "legal: a security counter of 0 to 4294967295"),
        (["--security-counter", "4294967296"], 4, "legal: a security counter of 0 to 4294967295"),
        (["--version", "256.0.0"], 4, "a version of at most 255.255.65535+4294967295"),
        (["--dependencies", "0"], 4, "Image dependency format is invalid: 0"),
        (["--boot-record", "thirteen bytes"], 4, "too long (14 characters) for sw_type"),
        (["--slot-size", "-1"], 2, "--slot-size -0x1; legal: 0x20 to 0xffffffff"),
        (["--slot-size", "0x100000000"], 2, "--slot-size 0x100000000; legal: 0x20 to 0xffffffff"),
        (["--align", "64"], 2, "'64' is not one of"),
        (["--public-key-format", "raw"], 2, "'raw' is not one of"),
        (["--", "--nonsense"], 4, "No such option '--nonsense'"),
        (["--", "--custom-tlv", "0x10", "text"], 4, "Custom TLV 0x10 conflicts with predefined TLV"),
        (["--", "-E", "missing.pem"], 4, "No such file or directory: 'missing.pem'"),
    ],
)
def test_what_imgtool_refuses_is_one_message(
    options: list[str], code: int, said: str, tfm_sim: CommandLine
) -> None:
    Path("s.bin").write_bytes(b"an older one")
    assert _sign(tfm_sim, "secure", "s.bin", *options) == code
    assert said in tfm_sim.err
    assert code == 2 or tfm_sim.err.startswith("tfm-sim: imgtool sign failed: ")
    assert code == 2 or tfm_sim.err.count("\n") == 1
    assert Path("s.bin").read_bytes() == b"an older one"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["info"], 2, "Missing argument 'FILE'"),
        (["info", "--nonsense", "x"], 2, "No such option"),
        (["info", "."], 4, ".: Is a directory; legal: a readable file"),
        (["info", "no\0name"], 4, "null byte"),
        (["from-elf", "fw.elf"], 2, "Missing option '-o'"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_usage_and_files(arguments: list[str], code: int, said: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", *arguments) == code
    assert said in tfm_sim.err


def test_json_of_a_broken_image_says_the_problem_and_exits_1(tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "info", MCUBOOT / "bad_tlv_len_overrun.bin", "--json") == 1
    assert "the TLV section ends at" in json.loads(tfm_sim.out)["problem"]


def test_json_of_a_trailer(tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "info", MCUBOOT / "good_p256_pad_confirm_align32.bin", "--json") == 0
    trailer = json.loads(tfm_sim.out)["trailer"]
    assert (trailer["align"], trailer["magic"], trailer["image_ok"]) == (32, "good", "set")
