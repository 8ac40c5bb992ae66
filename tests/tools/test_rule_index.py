"""docs/rules.md: every tagged rule by its name, and what `make docs` would write now."""

import re
from pathlib import Path

import pytest

from tfm_sim.interface.errors import ExitCode
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.tools.rule_index import ROOMS, ROOT, Rule, main, parse, render, rules, texts

FOUND = rules()
RULES_FILE = ROOT / "docs" / "rules.md"
SOURCES = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
CALLS = sorted(name for name in dir(PartitionApi) if name.startswith("psa_"))


def test_the_committed_page_is_what_the_generator_writes() -> None:
    assert RULES_FILE.read_text(encoding="utf-8") == render(FOUND), "run `make docs`"


@pytest.mark.parametrize("call", CALLS)
def test_every_ffm_call_has_a_rule(call: str) -> None:
    assert any(rule.name == call and rule.document == "FF-M 1.1" for rule in FOUND)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_comment_that_begins_with_a_document_is_a_tag(file: Path) -> None:
    """Else a rule would be missing on the page without a word."""
    begins = re.compile(r"(FF-M|TF-M|MCUboot|PSA Crypto|Armv8-M)(?! ?')\b")
    comments = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    starts = {c.lstrip("# ") for c in comments if c.startswith("#") and begins.match(c.lstrip("# "))}
    found = [text for text in texts(file.read_text(encoding="utf-8")) if begins.match(text)]
    for start in starts:
        (whole,) = {text for text in found if text.startswith(start)}
        assert parse(whole), f"not a tag: {whole}"


@pytest.mark.parametrize("rule", sorted({rule.file for rule in FOUND}))
def test_links_lead_somewhere(rule: str) -> None:
    assert (RULES_FILE.parent / ".." / rule).is_file()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FF-M 1.1 psa_call: a rule.", [("FF-M 1.1", "psa_call", "a rule.")]),
        ("FF-M 1.1, psa_call: a rule.", [("FF-M 1.1", "psa_call", "a rule.")]),
        ("FF-M 1.1 a, b: x: y", [("FF-M 1.1", "a", "x: y"), ("FF-M 1.1", "b", "x: y")]),
        ("TF-M manifest tool: x; y.", [("TF-M", "manifest tool", "x; y.")]),
        ("FF-M 1.0 irq: x; FF-M 1.1 irq: y.", [("FF-M 1.0", "irq", "x"), ("FF-M 1.1", "irq", "y.")]),
        ("MCUboot boot_x.", [("MCUboot", "boot_x", "")]),
        ("MCUboot boot_x. Raises Error.", [("MCUboot", "boot_x", "")]),
        ("MCUboot boot_x, for y.", [("MCUboot", "boot_x", "for y.")]),
        ("MCUboot boot_x with OPTION.", [("MCUboot", "boot_x", "with OPTION.")]),
        ("PSA Crypto 1.2, PSA_ALG_X: y", [("PSA Crypto 1.2", "PSA_ALG_X", "y")]),
        ("ESP-TEE esp_att_x. Raises Error.", [("ESP-TEE", "esp_att_x", "")]),
        ("ESP-IDF bootloader_x: y.", [("ESP-IDF", "bootloader_x", "y.")]),
        ("STM32 Get_Tag: x; STM32 genData: y.", [("STM32", "Get_Tag", "x"), ("STM32", "genData", "y.")]),
        ("Matter 1.4 6.2.2.3: x.", [("Matter 1.4", "6.2.2.3", "x.")]),
        ("Matter 1.4 6.2, A.7: x", [("Matter 1.4", "6.2", "x"), ("Matter 1.4", "A.7", "x")]),
        ("STM32WB's CKS: y", []),
        ("Matter 1.4 A.7.1: x; y.", [("Matter 1.4", "A.7.1", "x; y.")]),
        ("Matter 1.4 2.5: x; Matter 1.4 3.9: y", [("Matter 1.4", "2.5", "x"), ("Matter 1.4", "3.9", "y")]),
        ("CHIP SDK DACVerifier Verify: x", [("CHIP SDK", "DACVerifier Verify", "x")]),
        ("ESP-TEE _ss_a, _ss_b: x", [("ESP-TEE", "_ss_a", "x"), ("ESP-TEE", "_ss_b", "x")]),
        ("Matter devices: x", []),
        ("MCUboot images: their header.", []),
        ("TF-M does otherwise here than one reads: nobody knows why.", []),
        ("TF-M's own: x", []),
        ("As FF-M 1.1 psa_call: x", []),
    ],
)
def test_what_is_a_tag(text: str, found: list[tuple[str, str, str]]) -> None:
    assert [(rule.document, rule.name, rule.text) for rule in parse(text)] == found


def test_comments_are_read_whole_and_docstrings_to_their_first_blank_line() -> None:
    source = '''\
def f():  # FF-M 1.1 x: not alone on its line
    """FF-M 1.1, y: one
    paragraph.

    Another.
    """
    # FF-M 1.1 a: begins here
    # and ends here.
    # TF-M b: the next.
'''
    assert texts(source) == [
        "FF-M 1.1, y: one paragraph.",
        "FF-M 1.1 a: begins here and ends here.",
        "TF-M b: the next.",
    ]


def test_one_rule_in_two_files_is_one_line() -> None:
    found = [Rule("TF-M", "x", "as ``y`` | z.", "spm/b.py"), Rule("TF-M", "x", "as ``y`` | z.", "spm/a.py")]
    line = "- as `y` \\| z: [spm/b.py](../spm/b.py), [spm/a.py](../spm/a.py)"
    assert [shown for shown in render(found).splitlines() if shown.startswith("-")] == [line]


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    assert main([str(tmp_path / "rules.md")]) == ExitCode.YES
    assert (tmp_path / "rules.md").read_text(encoding="utf-8") == render(FOUND)


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_the_command_takes_one_file(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == ExitCode.USAGE
    assert "rule_index: one FILE" in capsys.readouterr().err
