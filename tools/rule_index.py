"""Lists the rules that the code enforces, by name: ``python -m tfm_sim.tools.rule_index FILE``.

A rule is tagged where it is enforced, by a comment or a docstring that begins with its document and a name:

* ``# FF-M 1.1 psa_call: at most PSA_MAX_IOVEC vectors.`` (in a docstring ``FF-M 1.1, psa_call: ...``);
  several names are separated by commas, and after a semicolon another rule may follow with its own tag;
* ``# MCUboot boot_slots_compatible, for sectors of one size.``: the code does what that function does, or
  what that option asks; so for ESP-TEE and ESP-IDF;
* ``# Matter 1.4 6.2.2.3: ...``: the name is the number of a section.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .generated_page import write_page

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = (
    "spm",
    "bootloader",
    "interface/mcuboot",
    "interface/esp_tee",
    "interface/matter",
    "interface/stm32",
    "partitions",
    "tools/esp_tee",
    "tools/matter",
    "tools/stm32",
)
DOCUMENTS: Final = (
    "FF-M 1.1",
    "FF-M 1.0",
    "TF-M",
    "MCUboot",
    "PSA Crypto",
    "PSA FWU",
    "Armv8-M",
    "ESP-TEE",
    "ESP-IDF",
    "STM32",
    "Matter 1.4",
    "CHIP SDK",
)
HEAD: Final = """\
# Rules by name

The rules that the code enforces, by the document that they are from and the call or subject that they are
about, each with its file. Listed by `make docs` from the tags in the code: search the file for the name.
"""
_OF_CODE: Final = "MCUboot|ESP-TEE|ESP-IDF"
_OF_SECTIONS: Final = r"Matter 1\.4"
_DOCUMENT: Final = (
    rf"(?:FF-M 1\.[01]|TF-M|{_OF_CODE}|PSA (?:Crypto|FWU)(?: [\d.]+)?|Armv8-M|STM32|{_OF_SECTIONS}|CHIP SDK)"
)
_NAME: Final = r"[A-Za-z_][\w-]*(?: [\w-]+){0,3}"
_NAMES: Final = rf"{_NAME}(?:, {_NAME})*"
_SECTION_NUMBER: Final = r"(?:[A-Z]\.)?\d+(?:\.\d+)*"
_SECTION_NUMBERS: Final = rf"{_SECTION_NUMBER}(?:, {_SECTION_NUMBER})*"
_TAG: Final = re.compile(rf"((?!MCUboot|{_OF_SECTIONS}){_DOCUMENT}),? ({_NAMES}): (.+)", re.DOTALL)
# A function or an option of a code base; a full stop after it says that it is all there is to say.
_CODE: Final = re.compile(rf"({_OF_CODE}) ([A-Za-z_]\w*_\w+)(?:\.|[,:]? (.*))", re.DOTALL)
_SECTION: Final = re.compile(rf"({_OF_SECTIONS}) ({_SECTION_NUMBERS}): (.+)", re.DOTALL)
_NEXT: Final = re.compile(rf"; (?={_DOCUMENT} (?:{_NAMES}|{_SECTION_NUMBERS}): )")


@dataclass(frozen=True, slots=True)
class Rule:
    """A tag: ``file`` is relative to the repository, ``text`` may be empty where the name says all."""

    document: str
    name: str
    text: str
    file: str


def rules(root: Path = ROOT) -> list[Rule]:
    """Every tagged rule below ``root``, in the order of files and lines."""
    found = []
    for room in ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            place = file.relative_to(root).as_posix()
            for text in texts(file.read_text(encoding="utf-8")):
                found += parse(text, place)
    return found


def texts(source: str) -> list[str]:
    """Comments, consecutive lines as one, and first paragraphs of docstrings, in the order of lines."""
    found = [(line, text) for line, text in _comments(source) if text]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                found.append((node.lineno, " ".join(docstring.strip().split("\n\n")[0].split())))
    return [text for _, text in sorted(found)]


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """A line that begins with a document begins a comment of its own."""
    start, last, words = 0, -1, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or token.line.strip() != token.string:
            continue
        line, text = token.start[0], token.string.lstrip("#").strip()
        if line == last + 1 and not re.match(_DOCUMENT, text):
            words = f"{words} {text}"
        else:
            yield start, words
            start, words = line, text
        last = line
    yield start, words


def parse(text: str, file: str = "") -> list[Rule]:
    """The rules that a comment or docstring tags; none for any other text."""
    found = []
    for part in _NEXT.split(text):
        match = _TAG.fullmatch(part) or _SECTION.fullmatch(part) or _CODE.match(part)
        if match is not None:
            document, names, rule = match.groups(default="")
            found += [Rule(document, name, rule, file) for name in names.split(", ")]
    return found


def render(found: Sequence[Rule]) -> str:
    """The whole Markdown file."""
    lines = [HEAD]
    for document in DOCUMENTS:
        of_document = [rule for rule in found if rule.document.startswith(document)]
        if of_document:
            lines.append(f"## {document}\n")
        for name in sorted({rule.name for rule in of_document}, key=lambda name: (name.lower(), name)):
            lines.append(f"### {name}\n")
            files: dict[str, list[str]] = {}
            for rule in of_document:
                if rule.name == name:
                    places = files.setdefault(_shown(rule.text), [])
                    if rule.file not in places:
                        places.append(rule.file)
            for text, places in files.items():
                links = ", ".join(f"[{place}](../{place})" for place in places)
                lines.append(f"- {text}: {links}" if text else f"- {links}")
            lines.append("")
    return "\n".join(lines)


def _shown(text: str) -> str:
    """As Markdown: code in single backquotes, nothing else taken for markup, no full stop at the end."""
    text = text.replace("``", "`").removesuffix(".")
    return "".join(
        part if i % 2 else re.sub(r"([*<|])", r"\\\1", part)
        for i, part in enumerate(re.split(r"(`[^`]*`)", text))
    )


def main(arguments: Sequence[str]) -> int:
    """Write the file that the one argument names."""
    return write_page("rule_index", arguments, lambda: render(rules()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
