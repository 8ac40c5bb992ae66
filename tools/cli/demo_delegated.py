"""`tfm-sim demo delegated`: delegated attestation from power to verdict."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import click

from ...interface.errors import ExitCode
from ..delegated_demo import DEFAULT_BOARD, Demonstration, Trial, demonstrate
from ..realm import CHALLENGE_SIZE, BindingHash, Composition
from .output import FILE_NAME, STDIN, Styles, hex_bytes, print_lines, write_file

STYLES: Final[Styles] = (
    (r"^== \w+.*", "bold"),
    (r"\bACCEPTED\b", "bold green"),
    (r"\bREFUSED\b", "bold red"),
    (r"NOT SECURE", "bold red"),
)
_FORMS: Final = {
    Composition.NESTED: "the platform token is a submodule of the realm's (RFC 9711)",
    Composition.CCA: "a CCA collection; the realm's profile is of 2024",
    Composition.LEGACY: "the older collection; TF-M 2.1, the realm has no profile and a bare point",
}


@click.command("delegated")
@click.option(
    "--board",
    type=FILE_NAME,
    metavar="BOARD",
    default=DEFAULT_BOARD,
    show_default=True,
    help="On which board.",
)
@click.option(
    "--bits", type=click.Choice(["256", "384", "521"]), default="384", show_default=True, help="Key size."
)
@click.option(
    "--hash",
    "hash_name",
    type=click.Choice([binding.value for binding in BindingHash]),
    default=BindingHash.SHA_256.value,
    show_default=True,
    help="What binds the key to the platform token.",
)
@click.option(
    "--challenge",
    callback=hex_bytes,
    metavar="HEX",
    help="The relying party's, 64 bytes; by default 00 01 .. 3f.",
)
@click.option(
    "--form",
    type=click.Choice([form.value for form in Composition]),
    default=Composition.CCA.value,
    show_default=True,
    help="Which of the composed tokens -o writes.",
)
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", help="Write a composed token.")
@click.option("--key-out", type=FILE_NAME, metavar="FILE", help="Write the key that verifies it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Makes the random source repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def delegated(
    board: str,
    bits: str,
    hash_name: str,
    challenge: bytes | None,
    form: str,
    output: str | None,
    key_out: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Delegated attestation from end to end.

    A device boots; a realm-like entity gets a delegated key and the platform token bound to it, signs a token
    of its own, and composes both in three forms. The verifier judges each, and six forgeries of each. Exit 1
    if any is judged otherwise than it deserves.
    """
    challenge = bytes(range(CHALLENGE_SIZE)) if challenge is None else challenge
    if len(challenge) != CHALLENGE_SIZE:
        raise click.UsageError(
            f"--challenge of {len(challenge)} bytes; legal: {CHALLENGE_SIZE}, as realms have it"
        )
    on_stdout = STDIN in (output, key_out)
    if on_stdout and (as_json or output == key_out):
        raise click.UsageError("-o -, --key-out - and --json; legal: one of them on standard output")
    shown = demonstrate(board, challenge=challenge, bits=int(bits), binding=BindingHash(hash_name), seed=seed)
    if output is not None:
        write_file(output, shown.token(Composition(form)))
    if key_out is not None:
        write_file(key_out, shown.verification_key)
    if as_json:
        click.echo(json.dumps(as_data(shown), indent=2))
    else:
        print_lines(lines(shown), STYLES, to_stderr=on_stdout)
        told = ((f"token, form {form}", output), ("verification key", key_out))
        print_lines(
            (f"{what} written to {file}" for what, file in told if file not in (None, STDIN)),
            to_stderr=on_stdout,
        )
    if not shown.ok:
        sys.exit(int(ExitCode.NO))


def lines(shown: Demonstration) -> Iterator[str]:
    """The story for a reader."""
    realm = shown.realm
    yield f"== Device: {shown.board}, CCA platform tokens, measured boot, delegated attestation"
    if shown.notice:
        yield f"warning: {shown.notice}"
    yield from shown.boot or ("the seed of delegated keys comes from the HUK: no BL1 of an RSE here",)
    yield f"== Realm: asks for a key of {realm.key.bits} bits, then for the platform token bound to it"
    again = "the same" if shown.same_after_reset else "ANOTHER"
    yield f"key             P-{realm.key.bits}, {again} after a reset"
    yield f"public key      COSE_Key of {len(realm.key.cose_key)} bytes"
    yield f"its {realm.binding.value:<11} {realm.key_hash.hex()}"
    yield f"platform token  {len(shown.platform_token)} bytes, that hash is its challenge"
    yield f"== Composed: the realm signs for the challenge {shown.challenge[:8].hex()}..."
    for trial in shown.good:
        yield f"{_head(trial)}  {len(trial.token)} bytes: {_FORMS[trial.form]}"
        yield from _reasons(trial)
    yield "== Forged: the same with one thing wrong"
    for name in dict.fromkeys(trial.name for trial in shown.forged):
        trials = [trial for trial in shown.forged if trial.name == name]
        yield f"{name}: {trials[0].text}"
        for trial in trials:
            first, *more = trial.verdict.reasons or ("no reason",)
            yield f"  {_head(trial)}  {_short(str(first))}" + (f" (and {len(more)} more)" if more else "")


def _head(trial: Trial) -> str:
    unwanted = "" if trial.as_wanted else ", AND SHOULD NOT BE"
    return f"{trial.form.value:<6}  {'ACCEPTED' if trial.verdict.ok else 'REFUSED'}{unwanted}"


def _reasons(trial: Trial) -> Iterator[str]:
    yield from (f"  because {reason}" for reason in trial.verdict.reasons)


def _short(text: str) -> str:
    """Long hex shortened, word by word."""
    return " ".join(
        word if len(word) < 40 else f"{word[:16]}...{word[-1] if word[-1] in ';,' else ''}"
        for word in text.split(" ")
    )


def as_data(shown: Demonstration) -> dict[str, Any]:
    """The same as data; a verdict is what `tfm-sim verify --json` prints."""
    realm = shown.realm
    return {
        "ok": shown.ok,
        "board": shown.board,
        "warning": shown.notice,
        "boot": list(shown.boot),
        "challenge": shown.challenge.hex(),
        "key": {
            "bits": realm.key.bits,
            "cose_key": realm.key.cose_key.hex(),
            "hash_algorithm": realm.binding.value,
            "hash": realm.key_hash.hex(),
            "same_after_reset": shown.same_after_reset,
        },
        "platform_token": shown.platform_token.hex(),
        "verification_key": shown.verification_key.decode(),
        "composed": [_trial(trial) for trial in shown.good],
        "forged": [_trial(trial) for trial in shown.forged],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "form": trial.form.value,
        "name": trial.name,
        "text": trial.text,
        "wanted": "accepted" if trial.wanted else "refused",
        "token": trial.token.hex(),
        "verdict": trial.verdict.as_json(),
    }
