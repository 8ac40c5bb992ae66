"""`tfm-sim stm32 verify`: judge a token together with the DUA certificate and its chain."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click
from cryptography import x509

from ...interface.errors import ExitCode
from ..stm32 import DuaVerdict
from ..stm32 import verify as verify_both
from ..stm32.chain import Link
from .certificate_files import read_certificates, read_one_certificate
from .moments import UTC_TIME
from .output import FILE_NAME, FileUnreadable, Styles, display, hex_bytes, one_standard_input, print_lines
from .token import STYLES as TOKEN_STYLES
from .token import read_token
from .verify import read_key, verdict_lines

STYLES: Final[Styles] = (
    *TOKEN_STYLES,
    (r"^== \w+.*", "bold"),
    (r"\bACCEPTED\b", "bold green"),
    (r"\bREFUSED\b", "bold red"),
)


@click.command("verify")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "--certificate",
    "certificate_file",
    type=FILE_NAME,
    required=True,
    metavar="FILE",
    help="The DUA certificate, DER or PEM.",
)
@click.option(
    "--chain",
    "chain_files",
    type=FILE_NAME,
    multiple=True,
    metavar="FILE",
    help="Intermediates, DER or PEM with one or more; believed only as far as a root signs them.",
)
@click.option(
    "--root",
    "root_files",
    type=FILE_NAME,
    multiple=True,
    required=True,
    metavar="FILE",
    help="Trusted roots, DER or PEM.",
)
@click.option("--challenge", callback=hex_bytes, metavar="HEX", help="The nonce that the token must carry.")
@click.option("--key", "key_file", type=FILE_NAME, metavar="PUB", help="The device's key, if it is known.")
@click.option("--at", type=UTC_TIME, metavar="TIME", help="When everything must be valid; by default now.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(
    file: str,
    certificate_file: str,
    chain_files: tuple[str, ...],
    root_files: tuple[str, ...],
    challenge: bytes | None,
    key_file: str | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Judge the token in FILE with the DUA certificate that came beside it: exit 0 accepted, 1 refused.

    From a root that is trusted over the intermediates to the certificate, whose key must verify the token.
    FILE holds the token's bytes or their hex; - reads standard input.
    """
    one_standard_input(
        FILE=file, certificate=certificate_file, chain=chain_files, root=root_files, key=key_file
    )
    token = read_token(file)
    verdict = verify_both(
        token,
        read_one_certificate(certificate_file),
        [raw for name in chain_files for raw in read_certificates(name)],
        _trusted(root_files),
        at=datetime.now(UTC) if at is None else at,
        challenge=challenge,
        key=None if key_file is None else read_key(key_file),
    )
    if as_json:
        click.echo(json.dumps(verdict.as_json(), indent=2))
    else:
        print_lines(dua_lines(verdict, len(token)), STYLES)
    if not verdict.ok:
        sys.exit(int(ExitCode.NO))


def _trusted(files: tuple[str, ...]) -> list[bytes]:
    """The roots. Raises FileUnreadable for what is none: they are the relying party's own, no evidence."""
    roots = [(name, raw) for name in files for raw in read_certificates(name)]
    for name, raw in roots:
        try:
            x509.load_der_x509_certificate(raw)
        except ValueError:
            raise FileUnreadable(
                f"{display(name)}: found {len(raw)} bytes that are no certificate; legal: roots, DER or PEM"
            ) from None
    return [raw for _, raw in roots]


def dua_lines(verdict: DuaVerdict, size: int) -> Iterator[str]:
    """The verdict for a reader: the answer, the way from the root down, then the token."""
    yield f"{'ACCEPTED' if verdict.ok else 'REFUSED'}: token of {size} bytes, with its DUA certificate"
    yield from (f"  because {reason}" for reason in verdict.reasons)
    yield ""
    yield "chain:"
    yield from (_link_line(link) for link in verdict.chain.links)
    if verdict.token is not None:
        yield ""
        yield "token, judged by the certificate's key:"
        yield from (f"  {line}".rstrip() for line in verdict_lines(verdict.token, size))


def _link_line(link: Link) -> str:
    names = link.certificate.subject.rfc4514_string()
    return f"  {'refused' if link.reasons else 'ok':<7}  {link.place:<15}  {names}"
