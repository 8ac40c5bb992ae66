"""A socket between the SPM and a partition's process, as frames."""

import socket
from struct import pack
from time import monotonic
from typing import Final

from ...interface.wire.frames import Frame, parse

_USUAL_SIZE: Final = 1 << 13
"""Bytes that hold the frames of a usual call."""
_LARGE_SIZE: Final = 1 << 16


class ChannelClosed(Exception):
    """The other side hung up."""


class ChannelTimeout(Exception):
    """The other side neither took nor sent anything for as long as the channel waits."""


class Channel:
    """Frames over a connected stream socket, blocking."""

    __slots__ = ("_receive", "_seconds", "_send", "_socket")

    def __init__(self, sock: socket.socket, seconds: float = 0.0) -> None:
        """``seconds`` is how long to wait for the other side; 0 is for ever."""
        self._socket = sock
        self._seconds = seconds
        self._send = sock.sendall
        self._receive = sock.recv
        if seconds:
            # The kernel's own time-out costs no system call, where Python's costs one a receive.
            limit = pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def send(self, frame: bytes | bytearray) -> None:
        """Send a frame. Raises ChannelClosed, ChannelTimeout."""
        try:
            self._send(frame)
        except BlockingIOError:
            raise ChannelTimeout from None
        except OSError as error:
            raise ChannelClosed from error

    def receive(self) -> Frame:
        """The other side's next frame. Raises ChannelClosed, ChannelTimeout, and WireError."""
        try:
            data = self._receive(_USUAL_SIZE)
            frame = parse(data)
            return self._rest(bytearray(data)) if frame is None else frame
        except BlockingIOError:
            raise ChannelTimeout from None
        except OSError as error:
            raise ChannelClosed from error

    def _rest(self, data: bytearray) -> Frame:
        frame, until = None, monotonic() + self._seconds
        while frame is None:
            # A frame that comes byte by byte would be late by as many time-outs.
            if self._seconds and monotonic() > until:
                raise ChannelTimeout
            size = len(data)
            data += self._receive(_LARGE_SIZE)
            if len(data) == size:
                raise ChannelClosed
            frame = parse(data)
        return frame

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
