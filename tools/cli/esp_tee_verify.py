"""`tfm-sim esp-tee verify`: judge an ESP-TEE token by enrolled keys and reference values."""

import json
import sys
from collections.abc import Iterator
from typing import Final

import click

from ...interface.errors import ExitCode
from ..esp_tee import EspVerdict, Reference, ReferenceUnusable, Register
from ..esp_tee import verify as verify_token
from ..esp_tee.claims import ClaimResult
from ..esp_tee.json_members import MAX_SIZE
from ..esp_tee.reference import Enrolled, enrolled_key
from ..esp_tee.reference_yaml import Book, parse_book
from ..verifier import EcKey
from .output import (
    FILE_NAME,
    FileUnreadable,
    Styles,
    display,
    hex_bytes,
    one_standard_input,
    print_lines,
    read_file,
)

STYLES: Final[Styles] = (
    (r"^== \w+.*", "bold"),
    (r"\bACCEPTED\b", "bold green"),
    (r"\bREFUSED\b", "bold red"),
    (r"^  refused", "red"),
    (r"NOT SECURE", "bold red"),
)
NO_KEYS: Final = (
    "neither --key nor a --reference with devices; legal: at least one, for a token's own key proves nothing"
)


class Nonce(click.ParamType[int]):
    """A nonce of 32 bits: decimal, hex with 0x, or as the token prints it, negative."""

    name = "nonce"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            number = int(str(value), 0)
        except ValueError:
            number = 1 << 32
        if not -(1 << 31) <= number < 1 << 32:
            self.fail(
                f"found {value!r}; legal: a number of 32 bits, as 0xa1b2c3d4 or -1582119980", param, ctx
            )
        return number & 0xFFFFFFFF


NONCE: Final = Nonce()


@click.command("verify")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "--key",
    "key_files",
    type=FILE_NAME,
    multiple=True,
    metavar="PUB",
    help="An enrolled key: PEM, or its point in hex, compressed or not.",
)
@click.option(
    "--reference",
    "book_files",
    type=FILE_NAME,
    multiple=True,
    metavar="YAML",
    help="Enrolled devices and reference values.",
)
@click.option("--challenge", callback=hex_bytes, metavar="HEX", help="The auth_challenge that it must carry.")
@click.option("--nonce", type=NONCE, metavar="N", help="The nonce that it must carry, in the older forms.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(
    file: str,
    key_files: tuple[str, ...],
    book_files: tuple[str, ...],
    challenge: bytes | None,
    nonce: int | None,
    as_json: bool,
) -> None:
    """Judge the token in FILE: exit 0 if it is accepted, 1 if it is refused; - reads standard input.

    The token carries its key. It counts only if that key is one of --key or of the devices in a --reference.
    """
    if challenge is not None and nonce is not None:
        raise click.UsageError("--challenge and --nonce; legal: one of them, a token has either")
    one_standard_input(FILE=file, key=key_files, reference=book_files)
    token = read_file(file, MAX_SIZE)
    register, reference = _known(key_files, book_files)
    verdict = verify_token(token, register, challenge=challenge, nonce=nonce, reference=reference)
    if as_json:
        click.echo(json.dumps(verdict.as_json(), indent=2))
    else:
        print_lines(verdict_lines(verdict), STYLES)
    if not verdict.ok:
        sys.exit(int(ExitCode.NO))


def verdict_lines(verdict: EspVerdict) -> Iterator[str]:
    """The verdict for a reader: the answer, what refuses, what warns, then claim by claim."""
    form = f"form {verdict.form.value}" if verdict.form else "no token"
    yield f"{'ACCEPTED' if verdict.ok else 'REFUSED'}: ESP-TEE token, {form}, {verdict.size} bytes"
    yield from (f"  because {reason}" for reason in verdict.reasons)
    yield from (f"  warning: {warning}" for warning in verdict.warnings)
    yield from (f"  note: {note}" for note in verdict.notes)
    if not verdict.claims:
        return
    yield ""
    yield f"  signature  {verdict.signature}"
    yield f"  key        {_whose(verdict)}"
    width = max(len(result.path) for result in verdict.claims)
    yield from (_claim_line(result, width) for result in verdict.claims)


def _whose(verdict: EspVerdict) -> str:
    return f"of {verdict.device.name}" if verdict.device else "the token's own, not enrolled"


def _claim_line(result: ClaimResult, width: int) -> str:
    value = json.dumps(result.value) if result.present else "missing"
    shown = value if len(value) <= 80 else f"{value[:66]}..."
    return f"  {'ok' if result.ok else 'refused':<7}  {result.path:<{width}}  {shown}"


def _known(key_files: tuple[str, ...], book_files: tuple[str, ...]) -> tuple[Register, Reference]:
    """All enrolled keys, and the reference values of the one file that has some."""
    books = [_book(file) for file in book_files]
    devices = tuple(device for book in books for device in book.register.devices)
    keys = tuple(Enrolled(_key(file), display(file)) for file in key_files)
    if not devices and not keys:
        raise click.UsageError(NO_KEYS)
    given = [book.reference for book in books if book.reference != Reference()]
    if len(given) > 1:
        raise click.UsageError("reference values in more than one --reference; legal: in one")
    return Register((*devices, *keys)), given[0] if given else Reference()


def _book(file: str) -> Book:
    try:
        return parse_book(read_file(file), display(file))
    except ReferenceUnusable as error:
        raise FileUnreadable(str(error)) from None


def _key(file: str) -> EcKey:
    try:
        return enrolled_key(read_file(file))
    except ReferenceUnusable as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None
