"""`tfm-sim trace`: formats, what is left out, where it goes, and that a panic leaves a whole trace."""

import json
import re
from pathlib import Path

import pytest
from support.command_line import CommandLine

from tfm_sim.platform.board import BOARDS_DIRECTORY
from tfm_sim.tools.demo_firmware import SECURE_IMAGE

ITS = "TFM_INTERNAL_TRUSTED_STORAGE_SERVICE"
ROOT = Path(__file__).parents[2]
TRACING = (ROOT / "docs" / "tracing.md").read_text(encoding="utf-8")
TRANSCRIPTS = re.findall(r"```\n\$ tfm-sim (trace.*)\n([^`]*)```", TRACING)


def test_by_default_a_token_line_by_line_with_the_boot(tfm_sim: CommandLine) -> None:
    assert tfm_sim("trace") == 0
    lines = tfm_sim.out.splitlines()
    assert lines[0] == "        0 us  == BL2: checks the images and writes the boot status"
    assert lines[-1].endswith("NS client -1 is back from psa_call: PSA_SUCCESS")
    assert "0x1c63" in tfm_sim.out


@pytest.mark.parametrize("format_", ["text", "json", "perfetto", "mermaid"])
def test_two_runs_with_one_seed_are_the_same(tfm_sim: CommandLine, format_: str) -> None:
    assert tfm_sim("trace", "--format", format_, "--seed", 5) == 0
    first = tfm_sim.out
    assert tfm_sim("trace", "--format", format_, "--seed", 5) == 0
    assert tfm_sim.out == first


@pytest.mark.parametrize(
    ("arguments", "boot"),
    [
        (["--format", "mermaid"], False),
        (["--format", "mermaid", "--boot"], True),
        (["--format", "mermaid", "--what", "boot"], True),
        (["--format", "text"], True),
        (["--format", "text", "--no-boot"], False),
        (["--format", "json", "--no-boot"], False),
        (["--format", "perfetto"], True),
    ],
)
def test_the_boot_is_left_out_where_it_would_bury_the_calls(
    tfm_sim: CommandLine, arguments: list[str], boot: bool
) -> None:
    assert tfm_sim("trace", *arguments) == 0
    assert ("boot_swap_type_multi" in tfm_sim.out) is boot


@pytest.mark.parametrize(
    ("arguments", "services"),
    [
        (["--what", "token", "--no-boot"], {"TFM_ATTESTATION_SERVICE", "TFM_CRYPTO"}),
        (["--what", "hash", "--no-boot"], {"TFM_CRYPTO"}),
        (["--what", "encrypt", "--no-boot"], {"TFM_CRYPTO"}),
        (["--what", "its", "--no-boot"], {ITS}),
        (
            ["--what", "ps", "--no-boot"],
            {"TFM_PROTECTED_STORAGE_SERVICE", "TFM_CRYPTO", "TFM_PLATFORM_SERVICE", ITS},
        ),
        # Starting, crypto reads its seed and protected storage looks for its objects.
        (["--what", "boot"], {"TFM_CRYPTO", "TFM_PLATFORM_SERVICE", ITS}),
    ],
)
def test_who_is_called(tfm_sim: CommandLine, arguments: list[str], services: set[str]) -> None:
    assert tfm_sim("trace", *arguments, "--format", "json") == 0
    events = [json.loads(line) for line in tfm_sim.out.splitlines()]
    assert {e["service"] for e in events if e["event"] == "MessageDelivered"} == services


def test_functions_keys_and_algorithms_by_name(tfm_sim: CommandLine) -> None:
    assert tfm_sim("trace", "--what", "encrypt", "--no-boot") == 0
    assert ": psa_aead_encrypt(key 0x40000001, PSA_ALG_GCM)\n" in tfm_sim.out
    assert tfm_sim("trace", "--what", "ps", "--no-boot", "--format", "perfetto") == 0
    assert "TFM_PLATFORM_SERVICE: tfm_platform_nv_counter_increment(counter 0)" in tfm_sim.out


def test_to_a_file(tfm_sim: CommandLine) -> None:
    assert tfm_sim("trace", "--format", "perfetto", "-o", "t.json") == 0
    assert tfm_sim.out == ""
    assert json.loads(Path("t.json").read_text())["traceEvents"]
    assert tfm_sim("trace", "--output", "no/such/dir/t") == 4
    assert "no/such/dir/t: No such file" in tfm_sim.err


@pytest.mark.parametrize("format_", ["text", "json", "perfetto", "mermaid"])
def test_a_panic_leaves_a_whole_trace_and_exit_3(tfm_sim: CommandLine, format_: str) -> None:
    board = (BOARDS_DIRECTORY / "an521.yaml").read_text()
    Path("stingy.yaml").write_text(board.replace("    - tfm_plat_get_implementation_id\n", ""))
    assert tfm_sim("trace", "--format", format_, "--board", "stingy.yaml") == 3
    assert "tfm-sim: the device panicked: TFM_SP_INITIAL_ATTESTATION" in tfm_sim.err
    assert "tfm_plat_get_implementation_id" in tfm_sim.out
    match format_:
        case "json":
            assert json.loads(tfm_sim.out.splitlines()[-1])["event"] == "Panicked"
        case "perfetto":
            events = json.loads(tfm_sim.out)["traceEvents"]
            assert sum(e["ph"] == "B" for e in events) == sum(e["ph"] == "E" for e in events)
        case "mermaid":
            assert tfm_sim.out.splitlines()[-1].strip() == "deactivate TFM_SP_INITIAL_ATTESTATION"


def test_a_refused_image_is_traced_to_the_refusal(tfm_sim: CommandLine) -> None:
    bad = bytearray(SECURE_IMAGE.read_bytes())
    bad[0x480] ^= 1
    Path("bad.bin").write_bytes(bad)
    assert tfm_sim("trace", "--secure-image", "bad.bin", "--format", "json") == 1
    assert "BL2 refused image 0 (secure)" in tfm_sim.err
    assert "ImageRefused" in [json.loads(line)["event"] for line in tfm_sim.out.splitlines()]


@pytest.mark.parametrize(
    ("profile", "what", "says"),
    [
        ("medium", "encrypt", "psa_aead_encrypt: PSA_ERROR_NOT_SUPPORTED (-134)"),
        ("small", "ps", "psa_ps_set: PSA_ERROR_PROGRAMMER_ERROR (-129)"),
    ],
)
def test_what_the_build_does_not_have_is_a_no_and_traced(
    tfm_sim: CommandLine, profile: str, what: str, says: str
) -> None:
    assert tfm_sim("trace", "--tfm-profile", profile, "--what", what, "--no-boot") == 1
    assert tfm_sim.err.splitlines()[-1] == f"tfm-sim: {says}"
    assert tfm_sim.out.splitlines()[-1].endswith(f"back from psa_call: {says.split()[1]}")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--format", "xml"], 2, "'xml' is not one of"),
        (["--what", "dance"], 2, "'dance' is not one of"),
        (["--output", ""], 2, "found an empty value"),
        (["--board", "nope"], 4, "board 'nope': not known"),
    ],
)
def test_bad_input_is_one_clear_error(
    tfm_sim: CommandLine, arguments: list[str], code: int, says: str
) -> None:
    assert tfm_sim("trace", *arguments) == code
    assert says in tfm_sim.err
    assert tfm_sim.out == ""


@pytest.mark.parametrize(("command", "output"), TRANSCRIPTS, ids=[command for command, _ in TRANSCRIPTS])
def test_the_transcripts_of_the_documentation_are_what_it_prints(
    tfm_sim: CommandLine, command: str, output: str
) -> None:
    assert tfm_sim(*command.split()) == 0
    assert tfm_sim.out == output, f"docs/tracing.md shows another output of `tfm-sim {command}`"


@pytest.mark.parametrize("file", ["README.md", "docs/tracing.md"])
def test_the_diagrams_of_the_documentation_are_what_it_draws(tfm_sim: CommandLine, file: str) -> None:
    assert tfm_sim("trace", "--format", "mermaid") == 0
    blocks = re.findall(r"```mermaid\n(.*?)```", (ROOT / file).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks == [tfm_sim.out], f"put the output of `tfm-sim trace --format mermaid` into {file}"


def test_the_documentation_has_a_transcript_of_each_other_format() -> None:
    assert len(TRANSCRIPTS) == 3


@pytest.mark.parametrize("file", ["README.md", "docs/storage.md"])
def test_what_the_documentation_greps_is_what_is_found(tfm_sim: CommandLine, file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.findall(r"```\n\$ tfm-sim (trace .*?) \| grep -oE '(.*)'\n(.*?)```", text, re.DOTALL)
    assert found
    for command, pattern, shown in found:
        assert tfm_sim(*command.split()) == 0
        lines = [match[0] for match in re.finditer(pattern, tfm_sim.out)]
        whole, dots, _ = shown.partition("...\n")
        assert (
            "".join(f"{line}\n" for line in lines).startswith(whole)
            if dots
            else lines == shown.split("\n")[:-1]
        )
