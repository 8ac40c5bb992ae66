"""`tfm-sim token show`: look at a token without judging it."""

import json
import re
from collections.abc import Iterable, Iterator

import click

from ...interface.errors import TfmSimError
from ..verifier import DecodedToken, Finding, decode
from .output import FILE_NAME, FileUnreadable, display, print_lines, read_file

STYLES = (
    (r"^\s*(ACCEPTED|ok)\b", "bold green"),
    (r"^\s*(REFUSED|because|refused)\b", "bold red"),
    (r"^\s*(warning|problem):", "yellow"),
    (r"^\s*note:", "cyan"),
    (r"/ [^/]* /", "dim"),
)

NOTE_STYLES = ((r"^note:", "yellow"),)


@click.group()
def token() -> None:
    """Work on attestation tokens."""


@token.command()
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the parts as JSON.")
def show(file: str, as_json: bool) -> None:
    """Show what the token in FILE is made of, without a key and without judging it.

    FILE holds the token's bytes or their hex; - reads standard input.
    """
    decoded = decode_token(file, read_token(file))
    if as_json:
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


def _problem_lines(problems: Iterable[Finding]) -> Iterator[str]:
    yield from (f"  problem: {finding}" for finding in problems)
