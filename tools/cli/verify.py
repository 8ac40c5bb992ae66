"""`tfm-sim verify`: judge a token with a key."""

import json
import sys
from collections.abc import Iterator

import click

from ...interface.errors import ExitCode, TfmSimError
from ..verifier import ClaimResult, Verdict, load_key
from ..verifier import verify as verify_token
from ..verifier.profiles import COMPONENT_CLAIMS
from .output import FILE_NAME, FileUnreadable, display, hex_bytes, print_lines, read_file
from .token import STYLES, read_token


@click.command()
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "--key",
    "key_file",
    type=FILE_NAME,
    metavar="PUB",
    required=True,
    help="PEM or point, or a symmetric key (raw, hex).",
)
@click.option("--challenge", callback=hex_bytes, metavar="HEX", help="The nonce that the token must carry.")
@click.option("--strict", is_flag=True, help="Refuse unknown claims and profile strings out of place.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(file: str, key_file: str, challenge: bytes | None, strict: bool, as_json: bool) -> None:
    """Judge the token in FILE: exit 0 if it is accepted, 1 if it is refused.

    FILE holds the token's bytes or their hex; - reads standard input. --key is the initial attestation
    key's public half (a private key will do), or the shared key of a COSE_Mac0 token.
    """
    data = read_token(file)
    try:
        key = load_key(read_file(key_file))
    except FileUnreadable:
        raise
    except TfmSimError as error:
        raise FileUnreadable(f"{display(key_file)}: {error}") from None
    verdict = verify_token(data, key, challenge=challenge, strict=strict)
    if as_json:
        click.echo(json.dumps(verdict.as_json(), indent=2))
    else:
        print_lines(verdict_lines(verdict, len(data)), STYLES)
    if not verdict.ok:
        sys.exit(int(ExitCode.NO))


def verdict_lines(verdict: Verdict, size: int) -> Iterator[str]:
    """The verdict for a reader: the answer, what refuses, what warns, then claim by claim."""
    about = [verdict.envelope or "no COSE envelope", f"{size} bytes"]
    yield f"{'ACCEPTED' if verdict.ok else 'REFUSED'}: {', '.join(about)}"
    yield from (f"  because {finding}" for finding in verdict.reasons)
    yield from (f"  warning: {finding}" for finding in verdict.warnings)
    yield from (f"  note: {finding}" for finding in verdict.notes)
    for part in verdict.parts or (verdict,):
        yield from _part_lines(part)


def _part_lines(verdict: Verdict) -> Iterator[str]:
    yield ""
    yield f"{verdict.name}: {verdict.envelope or 'no COSE envelope'}"
    yield f"  profile      {verdict.profile or 'unknown'}"
    yield f"  algorithm    {verdict.algorithm or 'unknown'}"
    yield f"  signature    {verdict.signature}" + (f" ({verdict.key.label})" if verdict.key else "")
    if verdict.name != "realm":
        yield f"  instance id  {verdict.instance_id_rule or 'by no known rule from this key'}"
    width = max((len(_label(result)) for result in verdict.claims), default=0)
    for result in verdict.claims:
        yield from _claim_lines(result, width)


def _claim_lines(result: ClaimResult, width: int) -> Iterator[str]:
    mark = "refused" if not result.ok else "ok" if result.known else "unknown"
    head = f"  {mark:<7}  {_label(result):<{width}}"
    match result.value:
        case None if result.item is None:
            yield f"{head}  missing"
        case list() as elements:
            yield f"{head}  {len(elements)} of them"
            yield from (f"{'':13}[{index}] {_element(element)}" for index, element in enumerate(elements))
        case value:
            yield f"{head}  {_value(value, result.name)}"
    yield from (f"{'':11}because {finding.text}" for finding in result.reasons)


def _label(result: ClaimResult) -> str:
    return f"{result.name} ({result.key})" if result.name else str(result.key)


def _element(value: object) -> str:
    if not isinstance(value, dict):
        return _value(value)
    names = {claim.key: claim.name for claim in COMPONENT_CLAIMS}
    return ", ".join(f"{names.get(key, key)} {_value(inner)}" for key, inner in value.items())


def _value(value: object, name: str = "") -> str:
    match value:
        case bytes():
            return value.hex()
        case str():
            return json.dumps(value)
        case int() if name == "security-lifecycle":
            return f"0x{value:04x}"
        case _:
            return str(value)
