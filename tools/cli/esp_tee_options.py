"""What the commands of an ESP-TEE device share: the form of its tokens, and what it is asked with."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

from ...interface.esp_tee.attestation import CHALLENGE_SIZES, CLIENT_ID, DEFAULT_PSA_CERT_REF
from ...partitions.esp_tee_attestation.config import TokenForm
from ..esp_tee_factory import DEFAULT_BOARD, Request
from .esp_tee_verify import NONCE
from .output import FILE_NAME, hex_bytes

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS: Final = (
    click.option(
        "--board",
        type=FILE_NAME,
        metavar="BOARD",
        default=DEFAULT_BOARD,
        show_default=True,
        help="On which board.",
    ),
    click.option(
        "--form",
        type=click.Choice([form.value for form in TokenForm]),
        help="Whose tokens: as the document has its sample, ESP-IDF of 2024 (slots), v5.5 (named keys), or "
        "since 2026 (psa_initial_attest_get_token). By default document, and with --challenge challenge.",
    ),
    click.option(
        "--challenge", callback=hex_bytes, metavar="HEX", help="The relying party's: 32, 48 or 64 bytes."
    ),
    click.option("--nonce", type=NONCE, metavar="N", help="The relying party's 32 bits, in the older forms."),
    click.option(
        "--client-id",
        type=NONCE,
        metavar="N",
        help="The relying party, in the older forms; by default 0x0facade0.",
    ),
    click.option(
        "--cert-ref",
        metavar="TEXT",
        help=f"The PSA certificate, in the older forms; by default {DEFAULT_PSA_CERT_REF}.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Makes the random source repeat."),
    click.option("--json", "as_json", is_flag=True, help="Print everything as JSON."),
)


def esp_tee_options(command: Command) -> Command:
    """Give a command these options; it gets ``board``, ``form``, ``request``, ``seed`` and ``as_json``.

    ``request`` is None where neither a challenge nor a nonce was given.
    """

    @wraps(command)
    def with_options(
        form: str | None,
        challenge: bytes | None,
        nonce: int | None,
        client_id: int | None,
        cert_ref: str | None,
        **rest: Any,
    ) -> Any:
        chosen = TokenForm(form) if form is not None else _form_asked_for(challenge)
        _check(chosen, challenge, nonce, client_id, cert_ref)
        fresh = nonce.to_bytes(4, "big") if nonce is not None else challenge
        request = None if fresh is None else Request(fresh, *_old(client_id, cert_ref))
        return command(form=chosen, request=request, **rest)

    wrapped: Any = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: Command = wrapped
    return result


def _form_asked_for(challenge: bytes | None) -> TokenForm:
    """That of the document, which a challenge does not fit."""
    return TokenForm.DOCUMENT if challenge is None else TokenForm.CHALLENGE


def _old(client_id: int | None, cert_ref: str | None) -> tuple[int, str]:
    return (
        CLIENT_ID if client_id is None else client_id,
        DEFAULT_PSA_CERT_REF if cert_ref is None else cert_ref,
    )


def _check(
    form: TokenForm, challenge: bytes | None, nonce: int | None, client_id: int | None, cert_ref: str | None
) -> None:
    """Options of one era with a form of another."""
    if form.with_challenge:
        for name, value in (("--nonce", nonce), ("--client-id", client_id), ("--cert-ref", cert_ref)):
            if value is not None:
                raise click.UsageError(f"{name} with --form {form.value}; legal: with an older form")
        if challenge is not None and len(challenge) not in CHALLENGE_SIZES:
            sizes = ", ".join(map(str, CHALLENGE_SIZES))
            raise click.UsageError(f"--challenge of {len(challenge)} bytes; legal: one of {sizes}")
    elif challenge is not None:
        raise click.UsageError(f"--challenge with --form {form.value}; legal: --nonce, for it has 32 bits")
    if cert_ref is not None and len(cert_ref.encode()) > 31:
        raise click.UsageError(f"--cert-ref of {len(cert_ref.encode())} bytes; legal: at most 31")
    if client_id is not None and nonce is None:
        raise click.UsageError("--client-id without --nonce; legal: both")
    if cert_ref is not None and nonce is None:
        raise click.UsageError("--cert-ref without --nonce; legal: both")
