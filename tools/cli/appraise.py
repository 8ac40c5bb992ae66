"""`tfm-sim appraise`: judge a token by endorsements and a policy, and sign the result."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import click
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from ...interface.errors import ExitCode, TfmSimError
from ..appraisal.appraise import appraise as appraise_token
from ..appraisal.ar4si import Member, Tier, TrustVector, meaning
from ..appraisal.ear import EarForm, VerifierId, load_signing_key, sign_ear
from ..appraisal.policy import DEFAULT_POLICY
from ..appraisal.policy_yaml import load_policy
from ..appraisal.result import Appraisal, Mode
from ..endorsements.load import load_endorsements
from ..endorsements.model import Endorsements
from .output import (
    FILE_NAME,
    STDIN,
    FileUnreadable,
    display,
    display_output,
    hex_bytes,
    print_lines,
    read_file,
    write_file,
)
from .token import read_token

STYLES = (
    (r"(?i)\baffirming\b", "bold green"),
    (r"(?i)\bwarning\b", "yellow"),
    (r"(?i)\bcontraindicated\b", "bold red"),
    (r"NOT SECURE", "bold red"),
)
WIDTH = max(len(member.label) for member in Member)
T = TypeVar("T")


@click.command()
@click.argument("file", type=FILE_NAME, metavar="TOKEN")
@click.option(
    "--endorsements",
    "endorsement_files",
    type=FILE_NAME,
    metavar="FILE",
    multiple=True,
    required=True,
    help="Trust anchors and reference values, YAML or CoRIM (`tfm-sim endorse` writes them); may be given "
    "again.",
)
@click.option("--policy", "policy_file", type=FILE_NAME, metavar="FILE", help="What to demand, as YAML.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.DEFAULT.value,
    show_default=True,
    help="veraison: exactly as Veraison's services appraise, quirks included.",
)
@click.option("--challenge", callback=hex_bytes, metavar="HEX", help="The nonce that the token must carry.")
@click.option("--media-type", metavar="TYPE", help="With --mode veraison: what the token was sent as.")
@click.option(
    "--ear-form",
    type=click.Choice([form.value for form in EarForm]),
    default=EarForm.LIBRARY.value,
    show_default=True,
    help="Names of the attestation result's claims: Veraison's library, or a draft.",
)
@click.option("--sign-key", "key_file", type=FILE_NAME, metavar="PEM", help="The verifier's private key.")
@click.option(
    "-o", "--output", type=FILE_NAME, metavar="FILE", help="With --sign-key: where the signed result goes."
)
@click.option(
    "--iat", type=click.IntRange(0, (1 << 63) - 1), metavar="N", help="Seconds since 1970, else now."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the appraisal, and the result's claims, as JSON."
)
def appraise(
    file: str,
    endorsement_files: tuple[str, ...],
    policy_file: str | None,
    mode: str,
    challenge: bytes | None,
    media_type: str | None,
    ear_form: str,
    key_file: str | None,
    output: str | None,
    iat: int | None,
    as_json: bool,
) -> None:
    """Appraise TOKEN: exit 0 if the result is affirming, 1 if it is anything else, a warning included.

    TOKEN holds the token's bytes or their hex; - reads standard input. The result says for each member of
    AR4SI's trustworthiness vector its value, tier and reasons. With --sign-key and -o it is also written as
    an EAR, a JWT, whatever the answer is: a relying party must learn of a bad one too.
    """
    if (key_file is None) != (output is None):
        raise click.UsageError("--sign-key and -o go together; legal: both or neither")
    if output == STDIN and as_json:
        raise click.UsageError("-o - with --json; legal: one of them on standard output")
    _check_mode(mode, challenge, policy_file, media_type)
    endorsements = sum((_load(name, load_endorsements) for name in endorsement_files), Endorsements())
    policy = _load(policy_file, load_policy) if policy_file is not None else DEFAULT_POLICY
    signing_key = read_signing_key(key_file) if key_file is not None else None
    result = appraise_token(
        read_token(file),
        endorsements,
        policy,
        mode=Mode(mode),
        challenge=challenge,
        media_type=media_type,
    )
    claims = result.as_ear(
        EarForm(ear_form), iat=int(time.time()) if iat is None else iat, verifier=verifier_id()
    )
    if signing_key is not None and output is not None:
        write_file(output, (sign_ear(claims, signing_key) + "\n").encode("ascii"))
    if as_json:
        click.echo(json.dumps({**result.as_json(), "ear": claims}, indent=2))
    else:
        lines = [*appraisal_lines(result)]
        if output is not None:
            lines.append(f"attestation result ({ear_form}) written to {display_output(output)}")
        print_lines(lines, STYLES, to_stderr=output == STDIN)
    if not result.affirming:
        sys.exit(int(ExitCode.NO))


def verifier_id() -> VerifierId:
    """This program as the verifier of a result."""
    try:
        return VerifierId("tfm-sim", f"tfm-sim {version('tfm-sim')}")
    except PackageNotFoundError:
        return VerifierId("tfm-sim", "tfm-sim")


def read_signing_key(file: str) -> EllipticCurvePrivateKey:
    """The private key in a file that results are signed with. Raises FileUnreadable, which names the file."""
    data = read_file(file)
    try:
        return load_signing_key(data)
    except TfmSimError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None


def _check_mode(mode: str, challenge: bytes | None, policy: str | None, media_type: str | None) -> None:
    """What --mode veraison wants and does not know."""
    if mode != Mode.VERAISON.value:
        if media_type is not None:
            raise click.UsageError("--media-type without --mode veraison; legal: with it")
        return
    if challenge is None:
        raise click.UsageError("--mode veraison without --challenge; legal: with the nonce of the session")
    if policy is not None:
        raise click.UsageError("--policy with --mode veraison; legal: none, as Veraison has no such rules")


def _load(file: str, load: Callable[[bytes, str], T]) -> T:
    return load(read_file(file), display(file))


def appraisal_lines(result: Appraisal) -> Iterator[str]:
    """The answer, then each submod's vector with value, tier, meaning and reasons."""
    yield f"{result.status.label.upper()}: {', '.join(part.name for part in result.submods)}"
    for part in result.submods:
        yield ""
        yield f"{part.name}: {part.status.label}"
        if (problem := part.policy_claims.get("problem")) is not None:
            yield f"  problem: {problem}"
        yield from vector_lines(part.vector, with_reasons=part.policy_claims.get("problem") is None)
        yield from (f"  policy {name}" for name in part.policy_ids)


def vector_lines(vector: TrustVector, *, with_reasons: bool = True) -> Iterator[str]:
    """One line a member, indented ones for its reasons."""
    for member, claim in vector:
        tier = claim.tier.label if claim.tier is not Tier.NONE else "-"
        yield f"  {member.label:<{WIDTH}}  {claim.value:>4}  {tier:<15}  {meaning(member, claim.value)}"
        if with_reasons:
            yield from (f"  {'':<{WIDTH}}        {reason}" for reason in claim.why)
