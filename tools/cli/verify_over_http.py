"""`tfm-sim verify --serve` and `--device`: a verifier with sessions, a relying party that asks a device."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource
from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.errors import ExitCode, TfmSimError
from ..appraisal import DEFAULT_POLICY, EarForm, Mode, load_policy
from ..challenge_response.client import check_url, converse
from ..challenge_response.conversations import ask_device
from ..challenge_response.judges import EarJudge, public_jwk
from ..challenge_response.nonce_text import NonceForm, plain
from ..challenge_response.sessions import DEFAULT_CAPACITY, DEFAULT_LIFETIME, Sessions
from ..challenge_response.verification_api import VERAISON_NONCE_SIZES, Service, VerificationApi
from ..endorsements import Endorsements, load_endorsements
from ..verifier import Key, NonceRegister, TrustStore
from .appraise import read_signing_key, verifier_id
from .output import FILE_NAME, FileUnreadable, display, read_file
from .over_http import HttpOptions, serve

MAX_LIFETIME: Final = 1e8
"""Seconds; three years."""
Command = TypeVar("Command", bound=Callable[..., Any])


def _number(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    """What no range excludes."""
    if math.isnan(value):
        raise click.BadParameter(f"found nan; legal: a number of seconds up to {MAX_LIFETIME:g}")
    return value


class TooLate(TfmSimError):
    """The device answered when its nonce had expired."""

    exit_code = ExitCode.NO


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
        help="As --trust; may be given again. With --serve the reference values in it count, too.",
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
        type=click.FloatRange(min=0, max=MAX_LIFETIME, min_open=True),
        callback=_number,
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
        read_signing_key(options.sign_key)
        if options.sign_key is not None
        else ec.generate_private_key(ec.SECP256R1())
    )
    mode = Mode(options.mode)
    judge = EarJudge(key, endorsements, trusted, policy, mode, EarForm(options.ear_form), verifier_id())
    service = Service(public_jwk(key), verifier_id().build, nonce_form=NonceForm(options.nonce_form))
    if mode is Mode.VERAISON:
        service = replace(service, nonce_sizes=VERAISON_NONCE_SIZES, nonce_sizes_text="8 to 64 bytes")
    sessions = Sessions(plain(secrets.token_bytes), lifetime=options.lifetime, capacity=options.max_sessions)
    fixed = options.now
    clock = time.time if fixed is None else lambda: float(fixed)
    serve(VerificationApi(sessions, judge, service), http, what="verifier", clock=clock)


def draw_and_ask(http: HttpOptions, options: VerifierOptions, nonce_size: int) -> tuple[bytes, bytes]:
    """A nonce drawn for the device at the URL, and the token that it answers in time.

    Raises DeviceRefused, DeviceDown, CannotAsk; TooLate for a token that comes behind the nonce's lifetime.
    """
    assert http.url is not None
    url = check_url(http.url, remote=http.remote)
    register = NonceRegister(options.lifetime, secrets.token_bytes)
    nonce = register.issue(nonce_size, time.monotonic())
    token = converse(ask_device(url, nonce), http.transport())
    late = register.consume(nonce, time.monotonic())
    if late is not None:
        raise TooLate(f"{url}: the device answered too late: {late}; legal: within {options.lifetime:g} s")
    return nonce, token


def check_ways(
    http: HttpOptions, file: str | None, challenge: bytes | None, *, strict: bool, as_json: bool
) -> None:
    """A token comes from a file, from a device, or from those who ask a server: one of them."""
    given = {"FILE": file is not None, "--device": http.url is not None, "--serve": http.serve}
    ways = [name for name, there in given.items() if there]
    if not ways:
        raise click.MissingParameter(
            "Legal: one, or --device URL, or --serve.", param_hint="'FILE'", param_type="argument"
        )
    if len(ways) > 1:
        raise click.UsageError(f"{' and '.join(ways)}; legal: one of them")
    if challenge is not None and file is None:
        raise click.UsageError(f"--challenge with {ways[0]}; legal: without it, which draws its own")
    for name, there in (("--strict and --text-mec", strict), ("--json", as_json)):
        if there and http.serve:
            raise click.UsageError(f"{name} with --serve; legal: without it")
    if not http.serve:
        _refuse_given("--serve", "policy", "mode", "ear_form", "sign_key", "max_sessions", "now")
    if file is not None:
        _refuse_given("--serve or --device", "lifetime")


def check_trusted(key_file: str | None, trust_file: str | None, options: VerifierOptions) -> None:
    """A server needs to know at least one device's key."""
    if key_file is not None and trust_file is not None:
        raise click.UsageError("--key and --trust; legal: one of them")
    if key_file is None and trust_file is None and not options.endorsements:
        raise click.UsageError("--serve without --key, --trust or --endorsements; legal: one of them or more")
    if options.mode == Mode.VERAISON.value and options.policy is not None:
        raise click.UsageError("--policy with --mode veraison; legal: none, as Veraison has no such rules")


def _refuse_given(where: str, *names: str) -> None:
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} without {where}; legal: with it")
