"""What the commands of an STM32 share: names of keys, and the files of an attestation."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ...interface.stm32.dua_certificate import CertId
from ..stm32.certificates import DuaPki
from ..stm32.factory import DEFAULT_BOARD
from ..stm32.forgeries import Presented
from .output import FILE_NAME, STDIN, FileUnreadable, write_file

KEYS: Final = {"fu": CertId.DUA_USER_FU, "lu": CertId.DUA_USER_LU}
"""The chip's keys by the last letters of their names: free use, licensed use."""
CHALLENGE_SIZES: Final = (32, 48, 64)
Command = TypeVar("Command", bound=Callable[..., Any])


def chip_options(command: Command) -> Command:
    """Give a command ``board`` and ``dua_key``: which chip, and which of its keys."""
    of_board = click.option(
        "--board",
        type=FILE_NAME,
        metavar="BOARD",
        default=DEFAULT_BOARD,
        show_default=True,
        help="On which board.",
    )
    of_key = click.option(
        "--dua-key",
        type=click.Choice(list(KEYS)),
        default="lu",
        show_default=True,
        help="The chip's key for free or for licensed use.",
    )
    return of_board(of_key(command))


def check_challenge(challenge: bytes) -> bytes:
    """A challenge of a size that the attestation service takes."""
    if len(challenge) not in CHALLENGE_SIZES:
        sizes = ", ".join(map(str, CHALLENGE_SIZES))
        raise click.UsageError(f"--challenge of {len(challenge)} bytes; legal: one of {sizes}")
    return challenge


def chain_pem(pki: DuaPki) -> str:
    """The intermediates, as a file of PEM has them."""
    return "".join(ssl.DER_cert_to_PEM_cert(der) for der in pki.intermediates)


def check_directory(directory: str | None) -> None:
    """Four files do not go to standard output."""
    if directory == STDIN:
        raise click.UsageError("-o -; legal: a directory, for there are four files")


def write_attestation(directory: str, presented: Presented, pki: DuaPki) -> None:
    """token.cbor, dua.der, chain.pem and root.pem. Raises FileUnreadable."""
    place = Path(directory)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileUnreadable(f"{directory}: {reason}; legal: a directory that can be written") from None
    write_file(place / "token.cbor", presented.token)
    write_file(place / "dua.der", presented.certificate)
    write_file(place / "chain.pem", chain_pem(pki).encode())
    write_file(place / "root.pem", ssl.DER_cert_to_PEM_cert(pki.root.der).encode())
