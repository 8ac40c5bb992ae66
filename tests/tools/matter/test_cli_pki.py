"""`tfm-sim matter pki` as a shell sees it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from support.command_line import CommandLine

from tfm_sim.tools.cli.matter_pki import pki
from tfm_sim.tools.matter.pki.authority import derive_key


@pytest.fixture
def csr(tmp_path: Path) -> Path:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    file = tmp_path / "device.csr"
    file.write_bytes(request.sign(derive_key(9, "a device"), hashes.SHA256()).public_bytes(Encoding.DER))
    return file


def test_a_pki_made_a_device_certified_and_all_of_it_judged(
    tfm_sim: CommandLine, tmp_path: Path, csr: Path
) -> None:
    folder, dac, pai = tmp_path / "pki", tmp_path / "dac.der", tmp_path / "pai.der"
    assert tfm_sim("matter", "pki", "new", folder) == 0
    assert "NOT SECURE: declarations are signed by the test key" in tfm_sim.err
    assert "made from a seed" not in tfm_sim.err
    assert tfm_sim.out.count("wrote ") == 7
    assert tfm_sim("matter", "pki", "certify", folder, csr, "-o", dac, "--pai", pai) == 0
    assert (tfm_sim.out, tfm_sim.err) == ("", "")
    given = ["--paa", folder / "paa.der", "--pai", pai, "--dac", dac]
    declaration = ["--cd", folder / "cd-FFF1-8004.der", "--cd-signer", folder / "cd-signer.der"]
    assert tfm_sim("matter", "pki", "check", *given, *declaration) == 0
    assert [line.split(":")[0] for line in tfm_sim.out.splitlines()] == [
        "PAA          keeps the rules",
        "PAI          keeps the rules",
        "DAC          keeps the rules",
        "chain        keeps the rules",
        "declaration  keeps the rules",
    ]
    assert tfm_sim("matter", "pki", "check", *given, *declaration, "--json") == 0
    shown = json.loads(tfm_sim.out)
    assert shown["ok"] is True
    assert shown["parts"][2]["product_id"] == 0x8004
    assert shown["parts"][4]["signature"] == "verifies"


def test_what_openssl_writes_is_taken_too(made: Path, tfm_sim: CommandLine) -> None:
    """PEM, as `openssl` has it unless it is asked for DER."""
    request = x509.load_der_x509_csr((made / "csr").read_bytes())
    Path("csr.pem").write_bytes(request.public_bytes(Encoding.PEM))
    assert tfm_sim("matter", "pki", "certify", made / "a", "csr.pem", "-o", "dac.der") == 0, tfm_sim.err
    assert Path("dac.der").read_bytes() == (made / "dac.der").read_bytes()
    dac = x509.load_der_x509_certificate(Path("dac.der").read_bytes())
    Path("dac.pem").write_bytes(dac.public_bytes(Encoding.PEM))
    assert tfm_sim("matter", "pki", "check", "--dac", "dac.pem") == 0, tfm_sim.out


def test_files_that_contradict_each_other(made: Path, tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "pki", "certify", made / "a", made / "csr", "-o", "-", "--pai", "-") == 2
    assert "-o and --pai both name -; legal: two files" in tfm_sim.err
    assert tfm_sim("matter", "pki", "check", "--dac", "-", "--pai", "-") == 2
    assert "- for --pai and --dac; legal: one file from standard input" in tfm_sim.err
    assert tfm_sim("matter", "pki", "certify", made / "a", made / "dac.der", "-o", "d") == 4
    assert "dac.der: CSR of " in tfm_sim.err


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two PKIs and a device's certificate of the first."""
    folder = tmp_path_factory.mktemp("made")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = request.sign(derive_key(9, "a device"), hashes.SHA256()).public_bytes(Encoding.DER)
    (folder / "csr").write_bytes(signed)
    for arguments in (
        ["new", str(folder / "a"), "--seed", "1", "--cd-signer", "own", "--paa-of-vendor"],
        ["new", str(folder / "b"), "--seed", "2", "--vendor-id", "0xFFF2", "--product-id", "5"],
        ["certify", str(folder / "a"), str(folder / "csr"), "-o", str(folder / "dac.der")],
    ):
        assert CliRunner().invoke(pki, arguments).exit_code == 0
    return folder


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("--dac dac.der --pai b/pai-FFF2-0005.der", "DAC vendor id: 0xFFF1; legal: 0xFFF2, as the PAI's is"),
        ("--paa a/paa.der --pai b/pai-FFF2-0005.der", "PAI vendor id: 0xFFF2; legal: 0xFFF1, as the PAA's"),
        (
            "--dac a/pai-FFF1-8004.der",
            "DAC basic constraints: CA true, path length 0; legal: CA false, no pa",
        ),
        ("--dac dac.der --at 2023-12-31", "DAC validity: 2024-01-01 00:00:00 to 9999-12-31 23:59:59; legal:"),
        ("--dac csr", "DAC: no algorithm at offset 10: the data ends there"),
        ("--cd csr", "declaration: content type at offset"),
        (
            "--dac dac.der --cd b/cd-FFF2-0005.der",
            "DAC vendor id: 0xFFF1; legal: 0xFFF2, as the declaration sa",
        ),
        (
            "--dac dac.der --cd b/cd-FFF2-0005.der",
            "DAC product id: 0x8004; legal: 0x0005, as the declaration",
        ),
        (
            "--cd b/cd-FFF2-0005.der --cd-signer a/cd-signer.der",
            "declaration's key id: 62fa823359acfaa9963e1cf",
        ),
        ("--cd a/cd-FFF1-8004.der --cd-signer csr", "declaration's signer: "),
    ],
)
def test_what_breaks_rules(
    options: str, found: str, tfm_sim: CommandLine, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    assert tfm_sim("matter", "pki", "check", *options.split()) == 1
    assert any(line.strip().startswith(found) for line in tfm_sim.out.splitlines()), tfm_sim.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("check", 2, "nothing to check; legal: --paa, --pai, --dac, --cd, one or more of them"),
        ("check --cd-signer a/cd-signer.der --dac dac.der", 2, "--cd-signer without --cd; legal: both, or"),
        ("check --dac nowhere", 4, "nowhere: No such file or directory; legal: a readable file"),
        ("new a", 4, "is there already; legal: a new folder"),
        ("new c --vendor-id 0", 2, "found '0'; legal: 0x0001 to 0xFFFF"),
        ("new c --product-id x", 2, "found 'x'; legal: 0x0001 to 0xFFFF"),
        ("certify a dac.der -o x", 4, "not PKCS#10 in DER; legal: a certification request"),
        (
            "certify a csr -o x --product-id 5",
            4,
            "CSR for VID 0xFFF1, PID 0x0005; legal: VID 0xFFF1, PID 0x8",
        ),
        ("certify nowhere csr -o x", 4, "nowhere"),
    ],
)
def test_what_cannot_be_done(
    options: str, code: int, said: str, tfm_sim: CommandLine, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    assert tfm_sim("matter", "pki", *options.split()) == code
    assert said in tfm_sim.err


def test_a_seed_is_not_secure(tfm_sim: CommandLine, tmp_path: Path) -> None:
    assert tfm_sim("matter", "pki", "new", tmp_path / "pki", "--seed", 1, "--cd-signer", "own") == 0
    assert tfm_sim.err == (
        "warning: NOT SECURE: the PKI's private keys are test keys, made from a seed that anyone can repeat\n"
    )
