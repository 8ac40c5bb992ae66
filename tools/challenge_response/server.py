"""An HTTP/1.1 server for one Api on a loopback address.

A thread for each connection does nothing but read requests and write responses. The Api is called by the
thread that called `LoopbackServer.serve`, one request after another: a device runs on one OS thread, and
sessions need no locks. A client that is slow keeps nobody waiting but itself.
"""

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final

from ...interface.errors import TfmSimError
from .connection import Connection, Limits
from .loopback import Address
from .messages import Refused, Request, Response, problem
from .routes import Api

SIGNAL_SECONDS: Final = 0.5
"""So long a signal may go unheard."""
_ENDING: Final = "the server ends"
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class CannotListen(TfmSimError):
    """The address is taken, or not to be had."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A request on its way to the Api; the answer comes with whether the connection ends with it."""

    request: Request
    reply: "queue.SimpleQueue[tuple[Response, bool]]"


class _Listener(ThreadingMixIn, HTTPServer):
    """Accepts connections, at most as many as ``limits`` has, and knows those that are open."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, address: Address, limits: Limits, connect: Callable[..., Connection]) -> None:
        self.address_family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
        self._free = threading.BoundedSemaphore(limits.connections)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((address.host, address.port), connect)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of the host's full name, which may ask the network."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for the connection, or a short no."""
        if not self._free.acquire(blocking=False):
            request.settimeout(1)
            with suppress(OSError):
                request.sendall(_BUSY)
            super().shutdown_request(request)
            return
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """At the end of the connection's thread."""
        with self._lock:
            known = request in self._open
            self._open.discard(request)
        super().shutdown_request(request)
        if known:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is the client's affair."""

    def hurry(self) -> None:
        """Connections read no further; what is being written goes out."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)


class LoopbackServer:
    """Serves ``api`` until `stop`, or until ``requests`` are answered.

    ``clock`` gives the seconds since 1970 that the Api gets; ``log`` gets a line a request. Raises
    CannotListen.
    """

    def __init__(
        self,
        api: Api,
        address: Address,
        *,
        clock: Callable[[], float],
        log: Callable[[str], None],
        requests: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._api = api
        self._clock = clock
        self._left = requests
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ending = False
        self._lock = threading.Lock()
        limits = limits or Limits()

        def connect(*arguments: Any) -> Connection:
            return Connection(self._ask, limits, log, *arguments)

        try:
            self._listener = _Listener(address, limits, connect)
        except OSError as error:
            raise CannotListen(f"--listen: {address}: {error.strerror or error}") from None
        self.address = Address(address.host, self._listener.server_address[1])
        self.url = f"http://{self.address}"

    def serve(self) -> None:
        """Answer requests in this thread until the end, then let open connections finish."""
        accepting = threading.Thread(target=self._listener.serve_forever, args=(0.1,), name="accept")
        accepting.start()
        try:
            while self._left != 0:
                # Not for ever: a signal that comes just before the wait, or that the system gives to another
                # thread, does not end it, and Python runs handlers in this thread alone.
                with suppress(queue.Empty):
                    job = self._jobs.get(timeout=SIGNAL_SECONDS)
                    if job is None:
                        break
                    if self._left is not None:
                        self._left -= 1
                    job.reply.put((self._answer(job.request), self._left == 0))
        finally:
            self._end(accepting)

    def stop(self) -> None:
        """Have `serve` end; a signal handler and other threads may call it."""
        self._jobs.put(None)

    def _answer(self, request: Request) -> Response:
        try:
            return self._api.handle(request, self._clock())
        except Exception as error:  # whatever it is, the client gets no traceback of it
            return problem(Refused(500, f"internal error: {type(error).__name__}"))

    def _ask(self, request: Request) -> tuple[Response, bool]:
        """From a connection's thread: the answer, and whether it is the connection's last."""
        job = _Job(request, queue.SimpleQueue())
        with self._lock:
            if self._ending:
                return problem(Refused(503, _ENDING)), True
            self._jobs.put(job)
        return job.reply.get()

    def _end(self, accepting: threading.Thread) -> None:
        with self._lock:
            self._ending = True
        while not self._jobs.empty():
            if (job := self._jobs.get()) is not None:
                job.reply.put((problem(Refused(503, _ENDING)), True))
        self._listener.shutdown()
        accepting.join()
        self._listener.hurry()
        self._listener.server_close()
