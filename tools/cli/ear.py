"""`tfm-sim ear`: what a relying party does with an attestation result."""

import json
import sys
import time
from collections.abc import Iterator

import click

from ...interface.errors import ExitCode
from ..appraisal.ear_check import Ear, EarInvalid, check_ear, read_unverified
from .appraise import STYLES, vector_lines
from .output import FILE_NAME, FileUnreadable, display, hex_bytes, print_lines, read_file
from .verify import read_key


@click.group()
def ear() -> None:
    """Read attestation results (EAR)."""


@ear.command()
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--key", "key_file", type=FILE_NAME, metavar="PUB", help="The verifier's public key, to check.")
@click.option("--json", "as_json", is_flag=True, help="Print the claims as they stand in the result.")
def show(file: str, key_file: str | None, as_json: bool) -> None:
    """Show the attestation result in FILE, a JWT. Without --key nobody has checked who made it."""
    data = read_file(file)
    try:
        found = read_unverified(data) if key_file is None else check_ear(data, read_key(key_file))
    except EarInvalid as error:
        if key_file is None:  # nothing was asked but what it says, and that cannot be told
            raise FileUnreadable(f"{display(file)}: {error}") from None
        raise EarInvalid(f"{display(file)}: {error}") from None
    if as_json:
        click.echo(json.dumps(dict(found.claims), indent=2))
        return
    print_lines(_lines(found, "signature not checked" if key_file is None else "signature good"), STYLES)


@ear.command(short_help="Check a result: exit 0 genuine and affirming, else 1.")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--key", "key_file", type=FILE_NAME, metavar="PUB", required=True, help="The verifier's key.")
@click.option(
    "--challenge",
    "--nonce",
    "nonce",
    callback=hex_bytes,
    metavar="HEX",
    help="The nonce that the result must echo.",
)
@click.option("--now", type=int, metavar="N", help="Seconds since 1970 for exp, else the clock.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def check(file: str, key_file: str, nonce: bytes | None, now: int | None, as_json: bool) -> None:
    """Check the attestation result in FILE: exit 0 if it is genuine and affirming, 1 otherwise.

    The signature must be by --key, with the algorithm of its curve; the profile claim chooses the names; a
    status may be no better than its vector.
    """
    data, key = read_file(file), read_key(key_file)
    try:
        found = check_ear(data, key, nonce=nonce, now=int(time.time()) if now is None else now)
    except EarInvalid as error:
        if not as_json:
            raise EarInvalid(f"{display(file)}: {error}") from None
        click.echo(json.dumps({"genuine": False, "affirming": False, "error": str(error)}, indent=2))
        sys.exit(int(ExitCode.NO))
    affirming = found.status.label == "affirming"
    if as_json:
        answer = {"genuine": True, "affirming": affirming, "status": found.status.label}
        click.echo(json.dumps({**answer, "claims": dict(found.claims)}, indent=2))
    else:
        print_lines(_lines(found, "signature good"), STYLES)
    if not affirming:
        sys.exit(int(ExitCode.NO))


def _lines(found: Ear, signature: str) -> Iterator[str]:
    yield f"{found.status.label.upper()}: {', '.join(part.name for part in found.submods)}"
    yield f"  profile   {found.profile} ({found.form.value})"
    yield f"  {signature}"
    yield f"  verifier  {found.verifier.developer}, {found.verifier.build}"
    yield f"  issued    {found.iat}" + (f", expires {found.exp}" if found.exp is not None else "")
    yield f"  nonce     {found.nonce.hex() if found.nonce is not None else 'none'}"
    for part in found.submods:
        yield ""
        yield f"{part.name}: {part.status.label}"
        problem = part.extensions.get("veraison.policy-claims")
        if isinstance(problem, dict) and isinstance(problem.get("problem"), str):
            yield f"  problem: {problem['problem']}"
        if part.vector is not None:
            yield from vector_lines(part.vector)
        yield from (f"  policy {name}" for name in part.policy_ids)
