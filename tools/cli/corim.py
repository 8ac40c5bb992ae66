"""`tfm-sim corim`: look into a CoRIM, and turn endorsements from one form into the other."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from ...interface.errors import ExitCode
from ..endorsements import load_endorsements
from ..endorsements.corim import Corim, CorimProfile
from ..endorsements.corim_show import corim_lines, show_corim
from ..endorsements.load import is_corim, load_corim
from ..endorsements.model import EndorsementError, Endorsements
from ..endorsements.signed_corim import algorithm_name
from ..endorsements.yaml_form import endorsements_yaml
from ..verifier.identity import well_known
from ..verifier.keys import Key
from .corim_options import CorimOptions, corim_options
from .moments import Moment
from .output import FILE_NAME, FileUnreadable, display, print_lines, read_file, write_file
from .verify import read_key

STYLES = ((r"^VALID", "bold green"), (r"^REFUSED", "bold red"), (r"NOT SECURE|^warning", "bold red"))
_KEYS = click.option(
    "--key",
    "key_files",
    type=FILE_NAME,
    metavar="PUB",
    multiple=True,
    help="Only a CoRIM that this key has signed will do; of several keys any.",
)
_AT = click.option(
    "--at", "moment", type=Moment(), metavar="TIME", help="It must be valid then (ISO 8601, or seconds)."
)


@click.group("corim")
def corim_group() -> None:
    """Work on CoRIM files, the endorsements that verifiers are provisioned with."""


@corim_group.command("show", short_help="Show a CoRIM and check it: exit 0 valid, 1 refused.")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@_KEYS
@_AT
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def show(file: str, key_files: tuple[str, ...], moment: int | None, as_json: bool) -> None:
    """Show what stands in the CoRIM in FILE: exit 0 if its profile finds no fault, 1 if it does.

    - reads standard input. Without --key the signature of a signed CoRIM is not looked at.
    """
    data = read_file(file)
    shown = show_corim(data, display(file))
    problem, read = "", None
    try:
        read = load_corim(data, display(file), keys=_load_keys(key_files), now=moment)
    except EndorsementError as error:
        problem = str(error)
    if as_json:
        report: dict[str, Any] = {"valid": not problem, "problem": problem or None, "size": len(data)}
        click.echo(json.dumps(report | {"corim": shown}, indent=2))
    else:
        verdict = [f"REFUSED: {problem}"] if read is None else list(_verdict_lines(read, len(data)))
        print_lines([*verdict, "", *corim_lines(shown)], STYLES)
    if problem:
        sys.exit(int(ExitCode.NO))


@corim_group.command("from-yaml", short_help="Write endorsements in YAML as a CoRIM.")
@click.argument("file", type=FILE_NAME, metavar="YAML")
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", required=True, help="Where the CoRIM goes.")
@corim_options
def from_yaml(file: str, output: str, corim: CorimOptions) -> None:
    """Write the endorsements in YAML as a CoRIM; - is standard input or output."""
    data = read_file(file)
    if is_corim(data):
        raise FileUnreadable(f"{display(file)}: CBOR; legal: YAML")
    endorsements = load_endorsements(data, display(file))
    corim.check(written=True)
    profile = corim.profile(_fitting(endorsements))
    encoded = corim.write(endorsements, profile)
    write_file(output, encoded)
    media_type = profile.media_type(signed=corim.sign_key is not None)
    print_lines(
        [f"CoRIM of {len(encoded)} bytes, media type for Veraison:", f"  {media_type}"], to_stderr=True
    )


@corim_group.command("to-yaml", short_help="Write the endorsements in a CoRIM as YAML.")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "-o", "--output", type=FILE_NAME, metavar="YAML", default="-", help="By default standard output."
)
@_KEYS
@_AT
def to_yaml(file: str, output: str, key_files: tuple[str, ...], moment: int | None) -> None:
    """Write the endorsements in a CoRIM as YAML. Without --key a signature is not looked at."""
    data = read_file(file)
    found = load_corim(data, display(file), keys=_load_keys(key_files), now=moment)
    write_file(output, endorsements_yaml(found.endorsements).encode())


def _fitting(endorsements: Endorsements) -> CorimProfile:
    """The profile of 2025 for what is there."""
    if endorsements.realms:
        return CorimProfile.CCA_REALM
    return CorimProfile.CCA_PLATFORM if endorsements.platform_configs else CorimProfile.PSA


def _load_keys(files: tuple[str, ...]) -> list[Key]:
    return [read_key(file) for file in files]


def _verdict_lines(read: Corim, size: int) -> Iterator[str]:
    yield f"VALID: {_summary(read, size)}"
    for anchor in read.endorsements.trust_anchors:
        if (name := well_known(anchor.key)) is not None:
            instance = anchor.instance_id.hex()
            yield f"warning: instance {instance} has {name}, which everybody knows, NOT SECURE"


def _summary(read: Corim, size: int) -> str:
    found = read.endorsements
    counts = (
        (len(found.reference_values), "reference values"),
        (len(found.trust_anchors), "trust anchors"),
        (len(found.certifications), "certificates"),
        (len(found.platform_configs), "platform configurations"),
        (len(found.realms), "realms"),
    )
    parts = [f"{count} {what if count > 1 else what[:-1]}" for count, what in counts if count]
    text = f"{size} bytes, {read.profile.value}: {', '.join(parts) or 'nothing that the profile knows'}"
    signature = read.signature
    if signature is None:
        return f"{text}; not signed"
    checked = "verified" if signature.verified else "not checked (--key)"
    return f"{text}; signed by {signature.name}, {algorithm_name(signature.algorithm)}, {checked}"
