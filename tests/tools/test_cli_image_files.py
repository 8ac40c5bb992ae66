"""`tfm-sim image`: standard input and output, files that must not be overwritten, options without meaning."""

from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from support.command_line import CommandLine

from tfm_sim.tools.cli.main import main
from tfm_sim.tools.demo_firmware import SECURE_IMAGE

DEMO = SECURE_IMAGE.parent.parent
ELF = DEMO / "firmware" / "secure.elf"
KEY = DEMO / "keys" / "root-EC-P256.pem"


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    Path("fw.elf").write_bytes(ELF.read_bytes())
    Path("key.pem").write_bytes(KEY.read_bytes())
    return CommandLine(monkeypatch, capsys)


def test_info_of_standard_input(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(SECURE_IMAGE.read_bytes())))
    assert tfm_sim("image", "info", "-") == 0
    assert tfm_sim.out.startswith("standard input: MCUboot image, version 1.0.0+0, 1541 bytes\n")
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"no image")))
    assert tfm_sim("image", "info", "-") == 1
    assert tfm_sim.err.startswith("tfm-sim: standard input: ")


def test_from_elf_through_standard_input_and_output(
    tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tfm_sim("image", "from-elf", "fw.elf", "-o", "flat.bin") == 0
    raw = BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", TextIOWrapper(BytesIO(ELF.read_bytes())))
        patch.setattr("sys.stdout", TextIOWrapper(raw))
        patch.setattr("sys.argv", ["tfm-sim", "image", "from-elf", "-", "-o", "-"])
        main()
        assert raw.getvalue() == Path("flat.bin").read_bytes()
    assert "standard output: flat binary of 200 bytes" in capsys.readouterr().err
    assert not Path("-").exists()


@pytest.mark.parametrize(
    ("output", "says"), [("key.pem", "--key"), ("./key.pem", "--key"), ("fw.elf", "FW.elf")]
)
def test_from_elf_overwrites_none_of_its_inputs(tfm_sim: CommandLine, output: str, says: str) -> None:
    assert tfm_sim("image", "from-elf", "fw.elf", "-o", output, "--sign", "-k", "key.pem") == 2
    assert f"-o {output} would overwrite {says}; legal: another file" in tfm_sim.err
    assert Path("fw.elf").read_bytes() == ELF.read_bytes()
    assert Path("key.pem").read_bytes() == KEY.read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ["--key", "key.pem"],
        ["--version", "1.0.0"],
        ["--header-size", "0x400"],
        ["--slot-size", "0x80000"],
        ["--security-counter", "1"],
        ["--boot-record", "SPE"],
        ["--dependencies", "(1,1.0.0)"],
        ["--align", "1"],
        ["--public-key-format", "hash"],
        ["--pad"],
        ["--confirm"],
    ],
)
def test_an_option_for_signing_means_nothing_without_sign(tfm_sim: CommandLine, options: list[str]) -> None:
    assert tfm_sim("image", "from-elf", "fw.elf", "-o", "out.bin", *options) == 2
    assert f"{options[0]}: only with --sign" in tfm_sim.err
    assert not Path("out.bin").exists()


ENCRYPTED = """\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF

AAAA
-----END EC PRIVATE KEY-----
"""


@pytest.mark.parametrize("pem", [ENCRYPTED, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"])
def test_an_encrypted_key_is_called_so(tfm_sim: CommandLine, pem: str) -> None:
    Path("locked.pem").write_text(pem)
    assert tfm_sim("image", "from-elf", "fw.elf", "-o", "out.bin", "--sign", "-k", "locked.pem") == 4
    assert tfm_sim.err == "tfm-sim: locked.pem: an encrypted PEM key; legal: a key without password\n"
