"""`tfm-sim verify`: judge a token with a key."""

import json
import sys
from collections.abc import Iterator

import click

from ...interface.errors import ExitCode, TfmSimError
from ..endorsements import Endorsements, load_endorsements
from ..verifier import ClaimResult, Key, TrustStore, Verdict, load_key
from ..verifier import verify as verify_token
from ..verifier.profiles import COMPONENT_CLAIMS, SECURITY_EPOCH
from .output import FILE_NAME, FileUnreadable, display, hex_bytes, one_standard_input, print_lines, read_file
from .over_http import HttpOptions, http_options
from .token import STYLES, read_token
from .verify_over_http import (
    VerifierOptions,
    check_trusted,
    check_ways,
    draw_and_ask,
    serve_verifier,
    verifier_options,
)


@click.command()
@click.argument("file", type=FILE_NAME, metavar="[FILE]", required=False)
@click.option(
    "--key",
    "key_file",
    type=FILE_NAME,
    metavar="PUB",
    help="PEM or point, or a symmetric key (raw, hex).",
)
@click.option(
    "--trust",
    "trust_file",
    type=FILE_NAME,
    metavar="FILE",
    help="Endorsements (YAML or CoRIM) with the trust anchors of the devices.",
)
@click.option("--challenge", callback=hex_bytes, metavar="HEX", help="The nonce that the token must carry.")
@click.option("--strict", is_flag=True, help="Refuse also what a receiver should tolerate.")
@click.option("--text-mec", is_flag=True, help="Take a realm's MEC policy as text, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option(
    "--nonce-size",
    type=click.Choice(["32", "48", "64"]),
    default="32",
    show_default=True,
    help="Bytes of the nonce that --device gets.",
)
@verifier_options
@http_options("--device", "Draw a nonce, ask the device at URL for a token over it, and judge that.")
def verify(
    http: HttpOptions,
    verifier: VerifierOptions,
    file: str | None,
    key_file: str | None,
    trust_file: str | None,
    challenge: bytes | None,
    strict: bool,
    text_mec: bool,
    as_json: bool,
    nonce_size: str,
) -> None:
    """Judge the token in FILE: exit 0 if it is accepted, 1 if it is refused.

    FILE holds the token's bytes or their hex; - reads standard input. --key is the initial attestation
    key's public half (a private key will do), or the shared key of a COSE_Mac0 token. With --trust the
    token's implementation and instance id choose the key.

    With --device there is no FILE: the token is asked for, over a nonce drawn for it. With --serve a
    verifier that speaks Veraison's challenge-response API hands out the nonces, appraises what devices
    send, and signs the results.
    """
    check_ways(http, file, challenge, strict=strict or text_mec, as_json=as_json)
    if http.serve:
        check_trusted(key_file, trust_file, verifier)
        serve_verifier(verifier, http, None if key_file is None else read_key(key_file), trust_file)
        return
    one_standard_input(FILE=file, key=key_file, trust=trust_file, endorsements=verifier.endorsements)
    anchors = (*([trust_file] if trust_file is not None else ()), *verifier.endorsements)
    _check_one_of(key_file, anchors)
    if file is not None:
        data = read_token(file)
    trust = read_key(key_file) if key_file is not None else read_trust_store(*anchors)
    if file is None:
        challenge, data = draw_and_ask(http, verifier, int(nonce_size))
    verdict = verify_token(data, trust, challenge=challenge, strict=strict, allow_text_mec=text_mec)
    if as_json:
        click.echo(json.dumps(verdict.as_json(), indent=2))
    else:
        print_lines(verdict_lines(verdict, len(data)), STYLES)
    if not verdict.ok:
        sys.exit(int(ExitCode.NO))


def read_key(file: str) -> Key:
    """The key in a file. Raises FileUnreadable, which names the file."""
    data = read_file(file)
    try:
        return load_key(data)
    except TfmSimError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None


def _check_one_of(key_file: str | None, anchors: tuple[str, ...]) -> None:
    """A key, or endorsements that have one."""
    if key_file is not None and anchors:
        raise click.UsageError("--key and --trust or --endorsements; legal: one of them")
    if key_file is None and not anchors:
        raise click.UsageError(
            "neither --key nor --trust; legal: one of them (`tfm-sim attest --key-out` writes the key of a "
            "device, `tfm-sim endorse` its endorsements)"
        )


def read_trust_store(*files: str) -> TrustStore:
    """The trust anchors in files of endorsements. Raises FileUnreadable, which names the files."""
    try:
        loaded = (load_endorsements(read_file(file), display(file)) for file in files)
        store = TrustStore(sum(loaded, Endorsements()).trust_anchors)
    except FileUnreadable:
        raise
    except TfmSimError as error:
        raise FileUnreadable(str(error)) from None
    if not len(store):
        raise FileUnreadable(f"{', '.join(map(display, files))}: no trust anchors; legal: at least one")
    return store


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
    if verdict.anchor is not None:
        yield "  anchor       found by implementation id and instance id"
    if verdict.name not in ("realm", "delegated"):
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
    names = {claim.key: claim.name for claim in (*COMPONENT_CLAIMS, SECURITY_EPOCH)}
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
