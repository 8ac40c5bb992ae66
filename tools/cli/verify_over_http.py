"""`tfm-sim verify --serve` and `--device`: a verifier with sessions, and a relying party that asks a device."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import click
from cryptography.hazmat.primitives.asymmetric import ec

from ..appraisal import DEFAULT_POLICY, EarForm, Mode, load_policy
from ..appraisal.ear import load_signing_key
from ..challenge_response.client import check_url, converse
from ..challenge_response.conversations import ask_device
from ..challenge_response.judges import EarJudge, public_jwk
from ..challenge_response.nonce_text import NonceForm, plain
from ..challenge_response.sessions import DEFAULT_CAPACITY, DEFAULT_LIFETIME, Sessions
from ..challenge_response.verification_api import VERAISON_NONCE_SIZES, Service, VerificationApi
from ..endorsements import Endorsements, load_endorsements
from ..verifier import Key, NonceRegister, TrustStore, Verdict
from ..verifier import verify as verify_token
from .appraise import verifier_id
from .output import FILE_NAME, FileUnreadable, display, read_file
from .over_http import HttpOptions, serve

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class VerifierOptions:
    """How a verifier with sessions judges and signs; files as their names."""

    endorsements: tuple[str, ...]
    policy: str | None
    mode: str
    ear_form: str
    sign_key: str | None
    lifetime: float
    max_sessions: int
    nonce_form: str
    now: int | None


_OPTIONS = (
    click.option(
        "--endorsements",
        type=FILE_NAME,
        metavar="FILE",
        multiple=True,
        help="With --serve: trust anchors and reference values, YAML or CoRIM; may be given again.",
    ),
    click.option("--policy", type=FILE_NAME, metavar="FILE", help="With --serve: what to demand, as YAML."),
    click.option(
        "--mode",
        type=click.Choice([mode.value for mode in Mode]),
        default=Mode.DEFAULT.value,
        show_default=True,
        help="With --serve: veraison appraises as Veraison's services do, and takes nonces of 8 to 64 bytes.",
    ),
    click.option(
        "--ear-form",
        type=click.Choice([form.value for form in EarForm]),
        default=EarForm.LIBRARY.value,
        show_default=True,
        help="With --serve: names of the result's claims, Veraison's library's or a draft's.",
    ),
    click.option(
        "--sign-key",
        type=FILE_NAME,
        metavar="PEM",
        help="With --serve: the private key that signs results; by default a new one.",
    ),
    click.option(
        "--lifetime",
        type=click.FloatRange(min=0, min_open=True),
        default=DEFAULT_LIFETIME,
        show_default=True,
        metavar="SECONDS",
        help="How long a nonce of --serve or --device may be answered.",
    ),
    click.option(
        "--max-sessions",
        type=click.IntRange(min=1),
        default=DEFAULT_CAPACITY,
        show_default=True,
        metavar="N",
        help="How many sessions of --serve may be open.",
    ),
    click.option(
        "--nonce-form",
        type=click.Choice([form.value for form in NonceForm]),
        default=NonceForm.BASE64.value,
        show_default=True,
        help="How sessions show the nonce: as evcli reads it, or as Veraison's service writes it today.",
    ),
    click.option(
        "--now",
        type=click.IntRange(0, 253402300799 - 10**9),
        metavar="N",
        help="With --serve: have the clock stand at N seconds since 1970.",
    ),
)


def verifier_options(command: Command) -> Command:
    """Give a click command the options of a verifier with sessions, as ``verifier``."""

    @wraps(command)
    def with_options(**given: Any) -> Any:
        mine = {name: given.pop(name) for name in VerifierOptions.__slots__}
        return command(verifier=VerifierOptions(**mine), **given)

    wrapped: Any = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: Command = wrapped
    return result


def serve_verifier(
    options: VerifierOptions, http: HttpOptions, trusted: Key | None, trust_file: str | None
) -> None:
    """Hand out nonces and judge what comes back, until the end. Raises FileUnreadable, CannotListen."""
    files = (*([trust_file] if trust_file is not None else ()), *options.endorsements)
    endorsements = sum((load_endorsements(read_file(file), display(file)) for file in files), Endorsements())
    TrustStore(endorsements.trust_anchors)  # two keys for one device are found out here, not in a session
    if trusted is None and not endorsements.trust_anchors:
        raise FileUnreadable(f"{', '.join(map(display, files))}: no trust anchors; legal: at least one")
    policy = DEFAULT_POLICY
    if options.policy is not None:
        policy = load_policy(read_file(options.policy), display(options.policy))
    key = (
        load_signing_key(read_file(options.sign_key))
        if options.sign_key is not None
        else ec.generate_private_key(ec.SECP256R1())
    )
    mode = Mode(options.mode)
    judge = EarJudge(
        key, endorsements, trusted, policy, mode, EarForm(options.ear_form), verifier_id()
    )
    service = Service(public_jwk(key), verifier_id().build, nonce_form=NonceForm(options.nonce_form))
    if mode is Mode.VERAISON:
        service = replace(service, nonce_sizes=VERAISON_NONCE_SIZES, nonce_sizes_text="8 to 64 bytes")
    sessions = Sessions(
        plain(secrets.token_bytes), lifetime=options.lifetime, capacity=options.max_sessions
    )
    fixed = options.now
    clock = time.time if fixed is None else lambda: float(fixed)
    serve(VerificationApi(sessions, judge, service), http, what="verifier", clock=clock)


def verify_device(
    http: HttpOptions,
    trust: Key | TrustStore,
    *,
    nonce_size: int,
    lifetime: float,
    strict: bool,
    allow_text_mec: bool,
) -> tuple[Verdict, bytes]:
    """Draw a nonce, ask the device at the URL for a token over it, and judge that.

    Raises DeviceRefused, DeviceDown, CannotAsk.
    """
    assert http.url is not None
    url = check_url(http.url, remote=http.remote)
    register = NonceRegister(lifetime, secrets.token_bytes)  # type: ignore[arg-type]
    nonce = register.issue(nonce_size, time.monotonic())
    token = converse(ask_device(url, nonce), http.transport())
    verdict = verify_token(token, trust, challenge=nonce, strict=strict, allow_text_mec=allow_text_mec)
    late = register.consume(nonce, time.monotonic())
    if late is not None:
        verdict = replace(verdict, ok=False, reasons=(*verdict.reasons, late))
    return verdict, token
