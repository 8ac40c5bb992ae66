"""Reading from a socket up to a point in time, whichever side of HTTP one is on."""

import io
import socket
import time
from typing import Any


class UntilDeadline(io.RawIOBase):
    """A socket to read from that gives up at a point in time, however slowly bytes drip."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.deadline = 0.0
        self.received = False
        """Anything, since the start."""

    def start(self, seconds: float) -> None:
        """From now on so many seconds, for all that comes."""
        self.deadline = time.monotonic() + seconds
        self.received = False

    def readable(self) -> bool:
        """A raw stream must say so."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As recv_into. Raises TimeoutError."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left)
        size = self._connection.recv_into(buffer)
        self.received |= size > 0
        return size


class Answering:
    """A connected socket as http.client uses it, whose answer must be there ``seconds`` from now.

    http.client's own timeout is for each wait: a byte now and then, or one 100 Continue after another, would
    keep it for ever.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._timed = UntilDeadline(connection)
        self._timed.start(seconds)

    def sendall(self, data: bytes) -> None:
        """As the socket's, whose timeout is for the whole of it."""
        self._connection.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the answer is read from."""
        return io.BufferedReader(self._timed)

    def close(self) -> None:
        """Nothing: http.client says so before it has read the body."""
