"""`tfm-sim matter commission` and `tfm-sim demo matter` at their edges."""

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine

from tfm_sim.tools.matter.pki.certification_declaration import DeclarationSigner
from tfm_sim.tools.matter.pki.server import PkiServer

AT = ("--at", "2025-06-01")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The test PKI's authority, another one's, and the test CD signer as files."""
    contents = {
        "paa": PkiServer.development(seed=3).paa_der,
        "other": PkiServer.development(seed=4).paa_der,
        "signer": DeclarationSigner.test().certificate,
        "garbage": b"no certificate",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in contents}


def test_a_new_device_is_accepted_and_its_evidence_judged_again(
    tfm_sim: CommandLine, files: dict[str, str], tmp_path: Path
) -> None:
    evidence = str(tmp_path / "evidence.json")
    assert tfm_sim("matter", "commission", "--seed", "3", *AT, "-o", evidence) == 0, tfm_sim.out
    assert "attestation ACCEPTED kSuccess (0): all 22 rules hold" in tfm_sim.out
    assert "CSR         ACCEPTED CHIP_NO_ERROR: all 7 rules hold" in tfm_sim.out
    judge = ("matter", "commission", *AT, "--evidence", evidence)
    assert tfm_sim(*judge, "--seed", "3") == 0, tfm_sim.out
    assert tfm_sim(*judge, "--paa", files["other"]) == 1
    assert "REFUSED kPaaNotFound (101): rule 9, PAA trusted" in tfm_sim.out
    assert tfm_sim(*judge, "--paa", files["paa"]) == 1
    assert "kCertificationDeclarationNoCertificateFound (601)" in tfm_sim.out
    assert tfm_sim(*judge, "--paa", files["paa"], "--test-cd", "--json") == 0
    assert json.loads(tfm_sim.out)["attestation"]["name"] == "kSuccess"


def test_another_passcode(tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "commission", "--seed", "1", *AT, "--passcode", "20202022", "--json") == 1
    report = json.loads(tfm_sim.out)
    assert not report["ok"]
    assert "another passcode" in report["failed"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--passcode", "12345678"], 2, "passcode 12345678; legal"),
        (["--passcode", "0"], 2, "passcode 0; legal"),
        (["--platform", "u5", "--security", "2"], 2, "platform u5 at security level 2; legal"),
        (["--platform", "u5", "--mode", "test"], 2, "--mode with --platform u5; legal: with wb55"),
        (["--evidence", "x", "--platform", "wba"], 2, "--platform and --evidence; legal"),
        (["--evidence", "x", "-o", "y"], 2, "-o and --evidence; legal"),
        (["-o", "-", "--json"], 2, "-o - and --json; legal"),
        (["--evidence", "missing"], 4, "missing: No such file"),
        (["--paa", "missing"], 4, "missing: No such file"),
        (["--at", "soon"], 2, "found 'soon'; legal"),
        (["--at", "9999-12-31T23:59:59-12:00"], 2, "in the years 1 to 9999 of UTC"),
        (["--evidence", "-", "--paa", "-"], 2, "- for --evidence and --paa; legal: one file"),
    ],
)
def test_what_cannot_be_asked(tfm_sim: CommandLine, arguments: list[str], code: int, text: str) -> None:
    assert tfm_sim("matter", "commission", *arguments) == code
    assert text in tfm_sim.err


def test_a_file_that_is_no_certificate(tfm_sim: CommandLine, files: dict[str, str]) -> None:
    assert tfm_sim("matter", "commission", "--cd-signer", files["garbage"]) == 4
    assert "legal: a certificate, DER or PEM" in tfm_sim.err
    assert tfm_sim("matter", "commission", "--evidence", files["garbage"]) == 4
    assert f"{files['garbage']}: evidence: " in tfm_sim.err


def test_a_state_directory_tells_the_platform(tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "provision", "--platform", "wba", "--security", 0, "--state", "d") == 0
    assert tfm_sim("matter", "commission", "--state", "d") == 0, tfm_sim.err
    assert tfm_sim("matter", "commission", "--state", "d", "--platform", "u5") == 4
    assert "holds a device of board 'stm32wba65i_dk1_open'; legal: 'nucleo_u575zi_q'" in tfm_sim.err


@pytest.mark.parametrize(
    ("arguments", "copy_is_accepted"),
    [
        (["--platform", "u5"], True),
        (["--platform", "wb55"], False),
    ],
)
def test_a_copy_of_the_flash_is_a_clone_only_where_the_key_was_in_flash(
    tfm_sim: CommandLine, arguments: list[str], copy_is_accepted: bool
) -> None:
    assert tfm_sim("demo", "matter", *arguments, "--json") == 0
    report = json.loads(tfm_sim.out)
    results = {trial["name"]: trial["outcome"] for trial in report["imitations"]}
    assert results["copied-flash"]["ok"] is copy_is_accepted
    key_in_flash = "DEVICE_ATTESTATION_PRIV_KEY" in report["factory_data"]
    assert key_in_flash is copy_is_accepted
    refused = [outcome for name, outcome in results.items() if name != "copied-flash"]
    assert refused
    assert not any(outcome["ok"] for outcome in refused)
    assert all(forgery["as_wanted"] for forgery in report["forgeries"])


@pytest.mark.parametrize("options", ["--security 0", "--platform u5", "--platform wb55 --mode test"])
def test_demo_isolation_is_tf_ms(tfm_sim: CommandLine, options: str) -> None:
    assert tfm_sim("demo", "matter", *options.split(), "--isolation", 2) == 2
    assert "--isolation 2 with the DAC private key in flash" in tfm_sim.err
