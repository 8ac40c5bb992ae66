"""`tfm-sim demo stm32-ccb` and `stm32 attest` on a booted device, and their edges."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import CommandLine

from tfm_sim.interface.stm32.dua_certificate import CertId
from tfm_sim.platform.ccb_events import CPU_BUS, KeyMoved
from tfm_sim.tools.stm32_demo import demonstrate

CHALLENGE = "5a" * 64
FILES = ["--certificate", "d/dua.der", "--chain", "d/chain.pem", "--root", "d/root.pem"]


def openssl_verify() -> str:
    command = "openssl x509 -inform DER -in d/dua.der -out d/dua.pem && "
    command += "openssl verify -CAfile d/root.pem -untrusted d/chain.pem d/dua.pem"
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout


def test_the_story(tfm_sim: CommandLine) -> None:
    assert tfm_sim("demo", "stm32-ccb", "--challenge", CHALLENGE, "-o", "d") == 0
    for step in ("1 import", "2 hash", "3 sign", "4 token", "5 certificate"):
        assert tfm_sim.out.count(f"\n== {step}: ") == 1
    assert "psa_import_key at 0x00800001" in tfm_sim.out
    assert "0 in clear over AHB, the CPU's bus" in tfm_sim.out
    assert tfm_sim.out.count("ACCEPTED") == 1
    assert tfm_sim.out.count("REFUSED") == 14
    assert tfm_sim.out.count("PSA_ERROR_GENERIC_ERROR  ") == 4
    assert "SHOULD NOT" not in tfm_sim.out
    verify = ["stm32", "verify", "d/token.cbor", *FILES, "--at", "2026-01-01", "--challenge"]
    assert tfm_sim(*verify, CHALLENGE) == 0, tfm_sim.out
    assert tfm_sim(*verify, "00" * 64) == 1
    assert openssl_verify() == "d/dua.pem: OK\n"


def test_a_key_in_clear_on_the_cpus_bus_is_told() -> None:
    shown = demonstrate(key=CertId.DUA_USER_FU)
    assert shown.ok
    assert {move.bus for move in shown.moves if move.clear} == {"CCB", "RSS"}
    shown.steps = (*shown.steps, KeyMoved("private key", "SAES", "CPU", CPU_BUS, clear=True))
    assert not shown.ok
    shown.steps = ()
    shown.blobs[0] = replace(shown.blobs[0], status=None)
    assert not shown.ok


def test_attest_keeps_the_chip(tfm_sim: CommandLine) -> None:
    certificates = []
    for challenge, seed in (("11" * 32, 1), ("22" * 32, 2)):
        command = ["stm32", "attest", "--challenge", challenge, "--dua-key", "fu", "--state", "s", "-o", "d"]
        assert tfm_sim(*command, "--seed", seed, "--json") == 0, tfm_sim.err
        certificates.append(json.loads(tfm_sim.out)["certificate"])
        verify = ["stm32", "verify", "d/token.cbor", *FILES, "--challenge", challenge]
        assert tfm_sim(*verify) == 0, tfm_sim.out
    assert certificates[0] == certificates[1]
    assert (
        tfm_sim("stm32", "attest", "--challenge", "11" * 32, "--state", "s", "--pki-seed", "1", "--json") == 4
    )
    assert "legal: the seed of those that certified it" in tfm_sim.err
    assert openssl_verify() == "d/dua.pem: OK\n"


def test_every_partition_in_a_process_of_its_own(tfm_sim: CommandLine) -> None:
    command = ["--isolation", "3", "--profile", "rfc9783", "-o", "d"]
    assert tfm_sim("stm32", "attest", "--challenge", CHALLENGE, *command) == 0, tfm_sim.err
    assert tfm_sim("stm32", "verify", "d/token.cbor", *FILES, "--challenge", CHALLENGE) == 0, tfm_sim.out
    assert "tag:psacertified.org,2023:psa#tfm" in tfm_sim.out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["stm32", "attest", "-o", "d"], 2, "Missing option '--challenge'"),
        (["stm32", "attest", "--challenge", "00" * 31, "-o", "d"], 2, "legal: one of 32, 48, 64"),
        (["stm32", "attest", "--challenge", "00" * 32], 2, "neither -o nor --json"),
        (["stm32", "attest", "--challenge", "00" * 32, "-o", "-"], 2, "-o -; legal: a directory"),
        (["demo", "stm32-ccb", "-o", "-"], 2, "-o -; legal: a directory"),
        (["stm32", "attest", "--challenge", "00" * 32, "--json", "--board", "an521"], 4, "an521"),
        (["stm32", "attest", "--challenge", "00" * 32, "-o", "file/x"], 4, "file/x"),
        (["demo", "stm32-ccb", "--challenge", "xy"], 2, "legal: pairs of hex digits"),
        (["demo", "stm32-ccb", "--dua-key", "xx"], 2, "'xx' is not one of 'fu', 'lu'"),
        (["demo", "stm32-ccb", "--board", "an521"], 4, "an521"),
    ],
)
def test_what_cannot_be_asked(tfm_sim: CommandLine, arguments: list[str], code: int, text: str) -> None:
    Path("file").write_text("")
    assert tfm_sim(*arguments) == code, tfm_sim.out + tfm_sim.err
    assert text in tfm_sim.err
