"""`tfm-sim token diff` and `tfm-sim token size`: two tokens side by side, and where the bytes go."""

import json
import sys
from collections.abc import Iterator

import click

from ...interface.errors import ExitCode
from ...interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE
from ..tokens.diff import TokenDiff, compare
from ..tokens.sizes import PartSize, Piece, TokenSize, measure
from ..verifier.verdict import Json
from .output import FILE_NAME, STDIN, print_lines
from .token import decode_token, read_token

_STYLES = (
    (r"^equal\b.*", "bold green"),
    (r"^different\b.*", "bold red"),
    (r"^\s+- .*", "red"),
    (r"^\s+\+ .*", "green"),
    (r"^note:", "cyan"),
)
_SIZE_STYLES = ((r"exceeds .*", "bold red"), (r"^\s*[0-9]+ ", "bold"))


@click.command("diff")
@click.argument("first", type=FILE_NAME, metavar="A")
@click.argument("second", type=FILE_NAME, metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff_command(first: str, second: str, as_json: bool) -> None:
    """Compare the tokens in A and B header by header and claim by claim: exit 0 if equal, 1 if different.

    Two ECDSA signatures over the same bytes are no difference, two MACs are. Claims are matched by their
    names, so tokens of two profiles can be compared.
    """
    if first == second == STDIN:
        raise click.UsageError("- twice; legal: one token on standard input")
    tokens = [read_token(file) for file in (first, second)]
    decoded = [decode_token(file, token) for file, token in zip((first, second), tokens, strict=True)]
    found = compare(tokens[0], tokens[1], decoded[0], decoded[1])
    if as_json:
        click.echo(json.dumps(_diff_json(found), indent=2))
    else:
        print_lines(_diff_lines(found), _STYLES)
    if not found.equal:
        sys.exit(int(ExitCode.NO))


@click.command("size")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the sizes as JSON.")
def size_command(file: str, as_json: bool) -> None:
    """Say where the bytes of the token in FILE go, and what other build options would cost.

    The limit is PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE, the service's buffer on most platforms.
    """
    token = read_token(file)
    size = measure(token, decode_token(file, token))
    if as_json:
        click.echo(json.dumps(_size_json(size), indent=2))
    else:
        print_lines(_size_lines(size), _SIZE_STYLES)


def _diff_lines(found: TokenDiff) -> Iterator[str]:
    count = len(found.differences)
    yield "equal" if found.equal else f"different: {count} difference{'' if count == 1 else 's'}"
    for difference in found.differences:
        yield f"  {difference.where}"
        yield f"    - {_absent(difference.first)}"
        yield f"    + {_absent(difference.second)}"
    yield from (f"note: {note}" for note in found.notes)


def _absent(text: str | None) -> str:
    return "absent" if text is None else text


def _diff_json(found: TokenDiff) -> dict[str, Json]:
    return {
        "equal": found.equal,
        "differences": [
            {"where": each.where, "first": each.first, "second": each.second} for each in found.differences
        ],
        "notes": list(found.notes),
    }


def _size_lines(size: TokenSize) -> Iterator[str]:
    if size.nested:
        yield f"{size.size} bytes: a token with another nested in it"
    elif len(size.parts) != 1:
        yield f"{size.size} bytes: {size.around} of the collection, and its tokens"
    elif size.around:
        yield f"{size.size} bytes, {size.around} of them behind the token"
    for part in size.parts:
        yield from _part_lines(part)


def _part_lines(part: PartSize) -> Iterator[str]:
    limit = f"PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE ({PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE})"
    verdict = f"{part.room} below {limit}" if part.room >= 0 else f"exceeds {limit} by {-part.room}"
    # A realm token is none of the service's, so that its buffer does not bound it.
    yield f"{part.name}: {part.size} bytes" + ("" if part.name == "realm" else f", {verdict}")
    for piece in part.pieces:
        yield from _piece_lines(piece, 1)
    if part.alternatives:
        yield "  instead:"
    for other in part.alternatives:
        yield f"  {other.size:6} bytes ({other.size - part.size:+}) {other.name}"


def _piece_lines(piece: Piece, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}{piece.size:4}  {piece.name}"
    for inner in piece.parts:
        yield from _piece_lines(inner, depth + 1)


def _size_json(size: TokenSize) -> dict[str, Json]:
    return {
        "size": size.size,
        "around": size.around,
        "nested": size.nested,
        "limit": PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE,
        "parts": [
            {
                "name": part.name,
                "size": part.size,
                "pieces": [_piece_json(piece) for piece in part.pieces],
                "alternatives": [{"name": other.name, "size": other.size} for other in part.alternatives],
            }
            for part in size.parts
        ],
    }


def _piece_json(piece: Piece) -> dict[str, Json]:
    return {
        "name": piece.name,
        "size": piece.size,
        "parts": [_piece_json(inner) for inner in piece.parts],
    }
