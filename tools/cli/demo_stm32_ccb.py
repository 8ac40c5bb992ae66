"""`tfm-sim demo stm32-ccb`: initial attestation by a wrapped DUA key, in the five steps of ST's document."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import click

from ...interface.errors import ExitCode
from ...interface.stm32.dua_certificate import CERT_CHIP_PACK2_ADDR
from ...interface.stm32.key_wrap_engine import PSA_CRYPTO_KWE_DRIVER_LOCATION, PSA_KWE_RSSE_BLOB_KEY_OFFSET
from ...interface.trace import Event
from ...platform.ccb_events import CPU_BUS, CcbOperation, KeyMoved
from ...spm.events import MessageDelivered
from ..stm32_demo import NOW, Demonstration, Trial, demonstrate
from .output import FILE_NAME, hex_bytes, print_lines
from .stm32_files import KEYS, chain_pem, check_challenge, check_directory, chip_options, write_attestation
from .stm32_verify import STYLES

_STEPS: Final = {
    "psa_import_key": "1 import: the wrapped key into PSA storage",
    "psa_hash_compute": "2 hash: over the token",
    "psa_sign_hash": "3 sign: unwrap and sign in one operation of the bridge",
}


@click.command("stm32-ccb")
@chip_options
@click.option(
    "--challenge",
    callback=hex_bytes,
    metavar="HEX",
    help="The relying party's, 32, 48 or 64 bytes; by default 00 01 .. 1f.",
)
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    metavar="DIR",
    help="Write token, certificate, chain and root there, for `stm32 verify` and openssl.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Makes the random source repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stm32_ccb(
    board: str, dua_key: str, challenge: bytes | None, output: str | None, seed: int, as_json: bool
) -> None:
    """Initial attestation by a wrapped DUA key, from ST's factory to the verdict.

    A chip gets its keys and certificates; a key is exported wrapped, imported, and used through the coupling
    and chaining bridge; the verifier walks from the root to the token. Then bad blobs, and forgeries. Exit 1
    if anything is judged otherwise than it deserves, or a key in clear crossed the CPU's bus.
    """
    check_directory(output)
    asked = bytes(range(32)) if challenge is None else check_challenge(challenge)
    shown = demonstrate(board, challenge=asked, key=KEYS[dua_key], seed=seed)
    if output is not None:
        write_attestation(output, shown.answer.presented, shown.pki)
    if as_json:
        click.echo(json.dumps(as_data(shown), indent=2))
    else:
        print_lines(lines(shown), STYLES)
        if output is not None:
            click.echo(f"token.cbor, dua.der, chain.pem and root.pem written to {output}")
    if not shown.ok:
        sys.exit(int(ExitCode.NO))


def lines(shown: Demonstration) -> Iterator[str]:
    """The story for a reader."""
    yield f"== Device: {shown.board}, attestation by {shown.key.name}"
    if shown.notice:
        yield f"warning: {shown.notice}"
    yield "== Factory: the chip draws its keys, the authority certifies them, RSSe-KW exports them wrapped"
    yield from _events(shown.factory[-4:])
    wrapped = shown.blob[PSA_KWE_RSSE_BLOB_KEY_OFFSET:][:8].hex()
    yield f"blob        {len(shown.blob)} bytes, the key in it wrapped by this chip's DHUK: {wrapped}..."
    yield "== Boot"
    yield from shown.boot
    yield from _steps(shown)
    yield "== 4 token: claims and signature, COSE_Sign1"
    yield f"token       {len(shown.answer.presented.token)} bytes, challenge {shown.challenge[:8].hex()}..."
    size = len(shown.answer.presented.certificate)
    yield f"== 5 certificate: the application reads it from system flash at {CERT_CHIP_PACK2_ADDR:#010x}"
    yield f"certificate {size} bytes: {_subject(shown)}"
    yield "== Keys: every way that one took"
    yield from _moves(shown)
    yield f"== Verified: on {NOW:%Y-%m-%d}, from the root down"
    yield from _links(shown.answer)
    yield f"{_head(shown.answer)}  {shown.answer.text}"
    yield from _why(shown.answer)
    yield "== Blobs: the same chip with a blob that is not as RSSe-KW wrote it"
    for trial in shown.blobs:
        yield f"{trial.status or 'SIGNED, AND SHOULD NOT BE'}  {trial.name}: {trial.text}"
    yield "== Forged: what can be presented without the chip's key"
    for forged in shown.forged:
        yield f"{_head(forged)}  {forged.name}: {forged.text}"
        yield from _why(forged)


def _steps(shown: Demonstration) -> Iterator[str]:
    """Requests to the crypto service under their step, with what the bridge did for each."""
    for event in shown.steps:
        if isinstance(event, MessageDelivered) and event.service == "TFM_CRYPTO":
            name = event.request.partition("(")[0]
            if name in _STEPS and not (name == "psa_hash_compute" and _later_hash(shown, event)):
                yield f"== {_STEPS[name]}"
            where = f" at {PSA_CRYPTO_KWE_DRIVER_LOCATION:#010x}" if name == "psa_import_key" else ""
            yield f"{event.request}{where}"
        elif isinstance(event, KeyMoved | CcbOperation):
            yield from _events((event,))


def _later_hash(shown: Demonstration, event: MessageDelivered) -> bool:
    """One of the hashes behind the first."""
    hashes = [
        other
        for other in shown.steps
        if isinstance(other, MessageDelivered) and other.request.startswith("psa_hash_compute")
    ]
    return event is not hashes[0]


def _events(events: tuple[Event, ...]) -> Iterator[str]:
    for event in events:
        match event:
            case KeyMoved():
                how = "in clear" if event.clear else "wrapped"
                yield f"  {event.key}: {event.source} -> {event.target} over {event.bus}, {how}"
            case CcbOperation():
                steps = " ".join(map(str, event.steps))
                end = "" if event.ok else ", stopped: the tag is another"
                yield f"  CCB {event.operation} ({event.code:#04x}), OPSTEP {steps}{end}"


def _moves(shown: Demonstration) -> Iterator[str]:
    moves = shown.moves
    clear = [move for move in moves if move.clear]
    buses = ", ".join(sorted({move.bus for move in clear}))
    yield f"{len(moves) - len(clear)} wrapped, {len(clear)} in clear, all of those over {buses}"
    yield f"{len(shown.seen_by_cpu)} in clear over {CPU_BUS}, the CPU's bus"


def _subject(shown: Demonstration) -> str:
    links = shown.answer.verdict.chain.links
    return links[-1].certificate.subject.rfc4514_string() if links else "unreadable"


def _links(trial: Trial) -> Iterator[str]:
    for link in trial.verdict.chain.links:
        mark = "refused" if link.reasons else "ok"
        yield f"{mark:<7}  {link.place:<15}  {link.certificate.subject.rfc4514_string()}"
    token = trial.verdict.token
    if token is not None:
        mark, count = "ok" if token.ok else "refused", len(token.claims)
        yield f"{mark:<7}  {'token':<15}  signature {token.signature}, {count} claims"


def _head(trial: Trial) -> str:
    unwanted = "" if trial.as_wanted else ", AND SHOULD NOT BE SO"
    return f"{'ACCEPTED' if trial.verdict.ok else 'REFUSED'}{unwanted}"


def _why(trial: Trial) -> Iterator[str]:
    reasons = trial.verdict.reasons
    if reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        yield f"         {_short(reasons[0])}{more}"


def _short(text: str) -> str:
    return " ".join(word if len(word) < 60 else f"{word[:16]}..." for word in text.split(" "))


def as_data(shown: Demonstration) -> dict[str, Any]:
    """The same as data; a verdict is what `tfm-sim stm32 verify --json` prints."""
    return {
        "ok": shown.ok,
        "board": shown.board,
        "key": shown.key.name,
        "warning": shown.notice,
        "challenge": shown.challenge.hex(),
        "blob": shown.blob.hex(),
        "root": shown.pki.root.der.hex(),
        "chain": chain_pem(shown.pki),
        "moves": [
            {
                "key": move.key,
                "source": move.source,
                "target": move.target,
                "bus": move.bus,
                "clear": move.clear,
            }
            for move in shown.moves
        ],
        "answer": _trial(shown.answer),
        "blobs": [{"name": trial.name, "text": trial.text, "status": trial.status} for trial in shown.blobs],
        "forged": [_trial(trial) for trial in shown.forged],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "text": trial.text,
        "wanted": "accepted" if trial.wanted is None else trial.wanted.value,
        "token": trial.presented.token.hex(),
        "certificate": trial.presented.certificate.hex(),
        "verdict": trial.verdict.as_json(),
    }
