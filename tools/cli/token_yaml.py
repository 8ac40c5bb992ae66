"""`tfm-sim token compile` and `tfm-sim token decompile`: a token from YAML, and YAML from a token."""

import re
import stat
from pathlib import Path

import click

from ...interface.errors import TfmSimError
from ..tokens.compiler import Choices, Method, compile_token, is_unsigned
from ..tokens.cose_writer import SigningKey, load_private_key, load_signing_key
from ..tokens.decompiler import decompile
from ..tokens.names import BY_LABEL, TokenType
from ..tokens.source import ALGORITHMS_LEGAL, algorithm_number, read_source
from ..tokens.yaml_nodes import MAX_SOURCE, Source
from ..verifier import Verdict, verify
from .output import FILE_NAME, STDIN, FileUnreadable, display, hex_bytes, print_lines, read_file, write_file
from .token import NOTE_STYLES, decode_token, read_token

TYPES = click.Choice(list(BY_LABEL))


def _algorithm(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    number = algorithm_number(int(value) if re.fullmatch(r"-?[0-9]{1,19}", value) else value)
    if number is None:
        raise click.BadParameter(f"found {value!r}; legal: {ALGORITHMS_LEGAL}, or another number")
    return number


@click.command("compile")
@click.argument("file", type=FILE_NAME, metavar="YAML")
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", required=True, help="Where the token goes.")
@click.option("-t", "--token-type", type=TYPES, help="What the names mean; by default the names tell.")
@click.option(
    "-k",
    "--key",
    "key",
    type=FILE_NAME,
    metavar="FILE",
    help="PEM private key, or a secret (raw, hex); with -m sign also a private scalar as OTP holds it.",
)
@click.option("--platform-key", type=FILE_NAME, metavar="FILE", help="The key of a CCA platform token.")
@click.option("--realm-key", type=FILE_NAME, metavar="FILE", help="The key of a CCA realm token.")
@click.option(
    "-m", "--method", type=click.Choice([method.value for method in Method]), help="By default by the key."
)
@click.option("--alg", callback=_algorithm, metavar="ALG", help="The algorithm, by default the key's.")
@click.option("--kid", callback=hex_bytes, metavar="HEX", help="A key id for the unprotected header.")
def compile_command(
    file: str,
    output: str,
    token_type: str | None,
    key: str | None,
    platform_key: str | None,
    realm_key: str | None,
    method: str | None,
    alg: int | None,
    kid: bytes | None,
) -> None:
    """Make a token of the claims in YAML, in the file's order, and sign it.

    The file is iat-verifier's, see docs/tokens.md. Anything that YAML can say is compiled, legal or not: what
    the verifier would refuse is said on standard error. Without a key the signature is empty.
    """
    if key is not None and platform_key is not None:
        raise click.UsageError("--key and --platform-key; legal: one of them")
    source = read_source(
        Source(lambda name: _included(file, name)),
        read_file(file, MAX_SOURCE),
        display(file),
        BY_LABEL[token_type] if token_type else None,
    )
    signs = method == Method.SIGN.value
    signing, realm = _load(key or platform_key, signs=signs), _load(realm_key, signs=signs)
    choices = Choices(signing, realm, Method(method) if method else None, alg, kid)
    if getattr(source, "type", None) is TokenType.CCA_REALM and realm is None:
        choices = Choices(signing, signing, choices.method, alg, kid)
    token = compile_token(source, choices)
    write_file(output, token)
    lines = [] if output == STDIN else [f"token of {len(token)} bytes written to {output}"]
    if is_unsigned(source, choices):
        lines.append("note: no key: the signature is empty")
    elif choices.method is not Method.RAW and choices.key is not None:
        lines += _refusals(verify(token, choices.key))
    print_lines(lines, NOTE_STYLES, to_stderr=True)


@click.command("decompile")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "-o", "--output", type=FILE_NAME, metavar="YAML", help="Where the YAML goes; else it is printed."
)
@click.option("--with-signature", is_flag=True, help="Keep it: then the YAML compiles to the whole token.")
@click.option("--iat-verifier", "plain", is_flag=True, help="Only what its compile_token takes.")
def decompile_command(file: str, output: str | None, with_signature: bool, plain: bool) -> None:
    """Write the claims of the token in FILE as YAML that compiles to the same payload.

    The names are iat-verifier's. What they cannot say (a key id, tags, claims without a name, the boot seed
    of RFC 9783) has keys of ours; with --iat-verifier it is left out, and standard error says what.
    """
    if with_signature and plain:
        raise click.UsageError("--with-signature and --iat-verifier; legal: one of them")
    token = read_token(file)
    made = decompile(token, decode_token(file, token), with_signature=with_signature, for_iat_verifier=plain)
    write_file(output or STDIN, made.text.encode("utf-8"))
    print_lines((f"note: left out: {what}" for what in made.left_out), NOTE_STYLES, to_stderr=True)


def _included(file: str, name: str) -> bytes:
    """A file beside the one that names it."""
    folder = Path() if file == STDIN else Path(file).parent
    try:
        whole = stat.S_ISREG((folder / name).stat().st_mode)
    except (OSError, ValueError):
        whole = True  # which reading it says better
    if not whole:  # the description chooses the name: a pipe or a terminal would be waited for
        raise FileUnreadable(f"{name}: not a file; legal: a regular file")
    return read_file(folder / name, MAX_SOURCE)


def _load(file: str | None, *, signs: bool) -> SigningKey | None:
    if file is None:
        return None
    try:
        return load_private_key(read_file(file)) if signs else load_signing_key(read_file(file))
    except FileUnreadable:
        raise
    except TfmSimError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None


def _refusals(verdict: Verdict) -> list[str]:
    return [f"note: the verifier refuses it: {reason}" for reason in verdict.reasons]
