"""`tfm-sim demo esp-tee`: attestation of an ESP-TEE device in the six steps of its flow."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from ...interface.errors import ExitCode
from ...partitions.esp_tee_attestation.config import TokenForm
from ..esp_tee.reference_yaml import write_devices, write_reference
from ..esp_tee_demo import Attempt, Call, Demonstration, Trial, demonstrate
from ..esp_tee_factory import Request
from .esp_tee_options import esp_tee_options
from .esp_tee_verify import STYLES
from .output import FILE_NAME, print_lines, write_file


@click.command("esp-tee")
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", help="Write the token.")
@click.option(
    "--reference-out",
    "book_out",
    type=FILE_NAME,
    metavar="YAML",
    help="Write what the relying party knows, for `esp-tee verify --reference`.",
)
@esp_tee_options
def esp_tee(
    board: str,
    form: TokenForm,
    request: Request | None,
    seed: int,
    as_json: bool,
    output: str | None,
    book_out: str | None,
) -> None:
    """ESP-TEE attestation from end to end.

    A factory enrols a device. A relying party challenges it; the REE passes the challenge on, the TEE signs
    what it finds in flash, the attestation service judges. Then devices in trouble, and forgeries. Exit 1 if
    any token is judged otherwise than it deserves.
    """
    if "-" in (output, book_out):
        raise click.UsageError(
            "-o or --reference-out - ; legal: a file, for the story goes to standard output"
        )
    if request is not None and not _is_plain(request.psa_cert_ref):
        raise click.UsageError(
            f"--cert-ref {request.psa_cert_ref!a}: the token would be no JSON, or another; "
            "legal here: printable ASCII without quotation marks and backslashes"
        )
    shown = demonstrate(board, form=form, request=request, seed=seed)
    if output is not None:
        write_file(output, shown.answer.token)
    if book_out is not None:
        book = write_devices([shown.enrolled]) + write_reference(shown.reference)
        write_file(book_out, book.encode())
    if as_json:
        click.echo(json.dumps(as_data(shown), indent=2))
    else:
        print_lines(lines(shown), STYLES)
        told = (("token", output), ("what the relying party knows", book_out))
        print_lines(f"{what} written to {file}" for what, file in told if file is not None)
    if not shown.ok:
        sys.exit(int(ExitCode.NO))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set('"\\')


def lines(shown: Demonstration) -> Iterator[str]:
    """The story for a reader."""
    yield f"== Device: {shown.board}, tokens of form {shown.form.value}"
    if shown.notice:
        yield f"warning: {shown.notice}"
    yield from shown.boot
    again = "the same" if shown.same_after_reset else "ANOTHER"
    key = shown.enrolled
    yield f"== Factory: enrols {key.name} by a token over its own cable"
    yield f"device id   {key.device_id.hex() if key.device_id else 'unknown'}"
    yield f"public key  {_compressed(shown)}, {again} after a reset"
    yield f"== 1  Relying party -> REE: {_asked(shown)}"
    yield f"== 2  REE -> TEE: {_requests(shown.calls, 'NS')}"
    yield "== 3  TEE: hashes the images, collects the claims, signs"
    yield from (_call_line(call) for call in shown.calls if not call.client.startswith("NS"))
    size = len(shown.answer.token)
    yield f"== 4  TEE -> REE -> relying party -> attestation service: a token of {size} bytes"
    yield from _claims(shown.answer)
    yield "== 5  Attestation service: the key among the enrolled, signature, claims, reference values"
    yield f"{_head(shown.answer)}  {shown.answer.text}"
    yield from _why(shown.answer)
    yield f"== 6  Relying party -> device: {'trusted' if shown.answer.verdict.ok else 'NOT trusted'}"
    yield "== REE: has the secure storage sign a token with the digest of the application that it should run"
    yield from (_attempt_line(attempt) for attempt in shown.attempts)
    yield "== In trouble: true tokens of devices that must not be trusted"
    yield from _trials(shown.troubled)
    yield "== Forged: what can be made without the device's key"
    yield from _trials(shown.forged)


def _asked(shown: Demonstration) -> str:
    request = shown.request
    if shown.form.with_challenge:
        return f"challenge {request.challenge[:8].hex()}... of {len(request.challenge)} bytes"
    return f"nonce {request.nonce:#010x}, client id {request.client_id:#010x}"


def _requests(calls: tuple[Call, ...], client: str) -> str:
    return ", ".join(call.request for call in calls if call.client.startswith(client))


def _call_line(call: Call) -> str:
    who = call.client.removeprefix("TFM_SP_")
    return f"{call.count:>3}x {who} -> {call.service}: {call.request}"


def _claims(trial: Trial) -> Iterator[str]:
    claim = trial.verdict.claim
    for part in ("tee", "app", "bootloader"):
        at = f"eat.sw_claims.{part}"
        digest = str(claim(f"{at}.part_digest.calc_digest"))
        version = claim(f"{at}.ver") or "-"
        validated = "validated" if claim(f"{at}.part_digest.digest_validated") else "NOT validated"
        signed = "signature verified" if claim(f"{at}.part_digest.sign_verified") else "NO signature"
        yield f"{part:<10}  {version:<8}  sha-256 {digest[:16]}..., {validated}, {signed}"


def _attempt_line(attempt: Attempt) -> str:
    unwanted = "" if attempt.as_wanted else ", AND SHOULD NOT BE SO"
    if attempt.error is not None:
        return f"ESP-IDF {attempt.text}: {attempt.error}{unwanted}"
    verdict = "ACCEPTED" if attempt.verdict is not None and attempt.verdict.ok else "REFUSED"
    return f"ESP-IDF {attempt.text}: signed, and {verdict}{unwanted}: nothing in a token tells it"


def _compressed(shown: Demonstration) -> str:
    return str(shown.answer.verdict.claim("public_key.compressed"))


def _trials(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        yield f"{_head(trial)}  {trial.name}: {trial.text}"
        yield from _why(trial)


def _head(trial: Trial) -> str:
    unwanted = "" if trial.as_wanted else ", AND SHOULD NOT BE SO"
    return f"{'ACCEPTED' if trial.verdict.ok else 'REFUSED'}{unwanted}"


def _why(trial: Trial) -> Iterator[str]:
    """The reason that was to be expected first, and how many there are beside."""
    reasons = sorted(trial.verdict.reasons, key=lambda reason: reason.kind is not trial.wanted)
    if reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        yield f"         {_short(str(reasons[0]))}{more}"


def _short(text: str) -> str:
    """Long words shortened."""
    return " ".join(
        word if len(word.rstrip(";,'")) < 60 else f"{word[:16]}...{word[-1] if word[-1] in ';,' else ''}"
        for word in text.split(" ")
    )


def as_data(shown: Demonstration) -> dict[str, Any]:
    """The same as data; a verdict is what `tfm-sim esp-tee verify --json` prints."""
    key = shown.enrolled
    return {
        "ok": shown.ok,
        "board": shown.board,
        "form": shown.form.value,
        "warning": shown.notice,
        "boot": list(shown.boot),
        "enrolled": {
            "name": key.name,
            "device_id": key.device_id.hex() if key.device_id else None,
            "public_key": _compressed(shown),
            "same_after_reset": shown.same_after_reset,
        },
        "calls": [
            {"client": call.client, "service": call.service, "request": call.request, "count": call.count}
            for call in shown.calls
        ],
        "answer": _trial(shown.answer),
        "attempts": [
            {
                "build": attempt.text,
                "error": attempt.error,
                "verdict": attempt.verdict.as_json() if attempt.verdict else None,
            }
            for attempt in shown.attempts
        ],
        "troubled": [_trial(trial) for trial in shown.troubled],
        "forged": [_trial(trial) for trial in shown.forged],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "text": trial.text,
        "wanted": "accepted" if trial.wanted is None else trial.wanted.value,
        "token": trial.token.hex(),
        "verdict": trial.verdict.as_json(),
    }
