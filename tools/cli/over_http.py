"""What `attest` and `verify` share over HTTP: the options, a server that ends cleanly, a transport."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from ..challenge_response.client import Transport, http_transport
from ..challenge_response.loopback import Address, NotLoopback, parse_listen
from ..challenge_response.routes import Api
from ..challenge_response.server import LoopbackServer
from .clean_text import clean

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """``url`` is the other side's, None where there is none; ``requests`` None serves until a signal."""

    serve: bool
    listen: Address
    requests: int | None
    url: str | None
    remote: bool

    def transport(self) -> Transport:
        """Requests to the other side."""
        return http_transport(time.sleep, remote=self.remote)


def http_options(peer: str, peer_help: str) -> Callable[[Command], Command]:
    """Give a click command --serve, --listen, --requests, --once, --remote and ``peer``, as ``http``."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_options(**given: Any) -> Any:
            serve, once, requests = given.pop("serve"), given.pop("once"), given.pop("requests")
            listen, url, remote = given.pop("listen"), given.pop("url"), given.pop("remote")
            _check(peer, serve, once, requests, listen, url, remote)
            if once:
                requests = 1
            address = parse_listen(listen) if listen is not None else Address("127.0.0.1", 0)
            return command(http=HttpOptions(serve, address, requests, url, remote), **given)

        wrapped: Any = with_options
        for option in reversed(_options(peer, peer_help)):
            wrapped = option(wrapped)
        result: Command = wrapped
        return result

    return decorate


def _options(peer: str, peer_help: str) -> tuple[Callable[[Any], Any], ...]:
    return (
        click.option(
            "--serve", is_flag=True, help="Serve over HTTP on this machine; SIGINT or SIGTERM ends it."
        ),
        click.option(
            "--listen",
            callback=_loopback,
            metavar="HOST:PORT",
            help="Where --serve listens: a loopback address; port 0, the default, has one chosen and told.",
        ),
        click.option(
            "--requests",
            type=click.IntRange(min=1),
            metavar="N",
            help="End --serve when it has answered N requests.",
        ),
        click.option("--once", is_flag=True, help="The same as --requests 1."),
        click.option(peer, "url", metavar="URL", help=peer_help),
        click.option("--remote", is_flag=True, help="Let URL lead to another machine."),
    )


def _loopback(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refused among the other options' mistakes, before anything starts."""
    if value is not None:
        try:
            parse_listen(value)
        except NotLoopback as error:
            raise click.UsageError(str(error)) from None
    return value


def _check(
    peer: str,
    serve: bool,
    once: bool,
    requests: int | None,
    listen: str | None,
    url: str | None,
    remote: bool,
) -> None:
    if serve and url is not None:
        raise click.UsageError(f"--serve and {peer}; legal: one of them")
    if once and requests is not None:
        raise click.UsageError("--once and --requests; legal: one of them")
    for name, given in (("--listen", listen), ("--requests", requests), ("--once", once or None)):
        if given is not None and not serve:
            raise click.UsageError(f"{name} without --serve; legal: with it")
    if remote and url is None:
        raise click.UsageError(f"--remote without {peer}; legal: with it")


def serve(api: Api, http: HttpOptions, *, what: str, clock: Callable[[], float] = time.time) -> None:
    """Serve until a signal or the last of ``http.requests``. Raises CannotListen."""
    server = LoopbackServer(api, http.listen, clock=clock, log=_log, requests=http.requests)
    click.echo(f"{what} on {server.url}")
    with _signals(server.stop):
        server.serve()


def _log(line: str) -> None:
    click.echo(clean(line), err=True)


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the server, not the process; as before when it has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
