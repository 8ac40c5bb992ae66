"""`tfm-sim token show`: look at a token without judging it."""

import json
import re
from collections.abc import Iterable, Iterator

import click

from ...interface.errors import TfmSimError
from ..tokens.byte_map import Field, byte_map
from ..verifier import DecodedToken, Finding, decode
from ..verifier.verdict import Json
from .lazy import LazyGroup
from .output import FILE_NAME, FileUnreadable, display, print_lines, read_file

STYLES = (
    (r"^\s*(ACCEPTED|ok)\b", "bold green"),
    (r"^\s*(REFUSED|because|refused)\b", "bold red"),
    (r"^\s*(warning|problem):", "yellow"),
    (r"^\s*note:", "cyan"),
    (r"/ [^/]* /", "dim"),
)

HEX_STYLES = ((r"^[0-9a-f]{4,}", "cyan"), (r"(?<=  )([0-9a-f]{2} ?)+", "dim"))
ROW = 16
NOTE_STYLES = ((r"^note:", "yellow"),)


@click.group(
    cls=LazyGroup,
    homes={
        "catalogue": ("mutate:catalogue_command", "Write good and bad tokens for other verifiers."),
        "compile": ("token_yaml:compile_command", "Make a token of claims in YAML and sign it."),
        "decompile": ("token_yaml:decompile_command", "Write a token's claims as YAML."),
        "diff": ("token_compare:diff_command", "Compare two tokens: exit 0 equal, 1 different."),
        "mutate": ("mutate:mutate_command", "Attack a token by a named mutation."),
        "size": ("token_compare:size_command", "Say where a token's bytes go."),
    },
)
def token() -> None:
    """Work on attestation tokens."""


@token.command(short_help="Show what a token is made of, without judging it.")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--hex", "as_hex", is_flag=True, help="Say of every byte what it is.")
@click.option("--json", "as_json", is_flag=True, help="Print the parts (with --hex the fields) as JSON.")
def show(file: str, as_hex: bool, as_json: bool) -> None:
    """Show what the token in FILE is made of, without a key and without judging it.

    FILE holds the token's bytes or their hex; - reads standard input.
    """
    data = read_token(file)
    decoded = decode_token(file, data)
    if as_hex:
        fields = byte_map(data, decoded)
        if as_json:
            click.echo(json.dumps([_field_json(field) for field in fields], indent=2))
        else:
            print_lines(_hex_lines(fields), HEX_STYLES)
    elif as_json:
        click.echo(json.dumps(decoded.as_json(), indent=2))
    else:
        print_lines(_show_lines(decoded), STYLES)


def read_token(file: str) -> bytes:
    """The token's bytes from a file (or - for standard input) that holds them raw or as hex text.

    Every token begins with a byte that is no ASCII character, so text cannot be mistaken for one.
    Raises FileUnreadable.
    """
    data = read_file(file)
    compact = b"".join(data.split()).removeprefix(b"0x")
    if not compact or not re.fullmatch(rb"[0-9A-Fa-f]+", compact):
        return data
    if len(compact) % 2:
        raise FileUnreadable(f"{display(file)}: hex text of {len(compact)} digits; legal: an even number")
    return bytes.fromhex(compact.decode("ascii"))


def decode_token(file: str, data: bytes) -> DecodedToken:
    """What the token in ``file`` is made of. Raises FileUnreadable."""
    try:
        return decode(data)
    except TfmSimError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None


def _show_lines(decoded: DecodedToken) -> Iterator[str]:
    for part in decoded.parts:
        envelope = part.envelope
        kind = envelope.kind.label if envelope.kind else "no COSE_Sign1 or COSE_Mac0"
        algorithm = part.algorithm.name if part.algorithm else "no known algorithm"
        profile = part.profile.name if part.profile else "unknown profile"
        yield f"{part.name}: {kind}, {algorithm}, {profile}"
        yield (
            f"  {envelope.size} bytes: protected {len(envelope.protected_raw)}, "
            f"payload {len(envelope.payload)}, signature {len(envelope.signature)}"
        )
        if envelope.kid is not None:
            yield f"  kid {envelope.kid.hex()}"
    yield from _problem_lines(decoded.problems)
    yield ""
    yield from decoded.diagnostic().split("\n")


def _hex_lines(fields: Iterable[Field]) -> Iterator[str]:
    """A field a line; what is longer than a line goes on below it."""
    for field in fields:
        for row in range(0, len(field.data), ROW):
            text = f"{'  ' * field.depth}{field.text}" if row == 0 else ""
            line = f"{field.offset + row:04x}  {field.data[row : row + ROW].hex(' '):<{3 * ROW - 1}}  {text}"
            yield line.rstrip()


def _field_json(field: Field) -> dict[str, Json]:
    return {"offset": field.offset, "hex": field.data.hex(), "depth": field.depth, "text": field.text}


def _problem_lines(problems: Iterable[Finding]) -> Iterator[str]:
    yield from (f"  problem: {finding}" for finding in problems)
