"""A socket between the SPM and a partition's process, as frames."""

import socket
from struct import pack
from typing import Final

from ...interface.wire.frames import Decoder, Frame

# A larger buffer is memory that the system maps anew; 32 KiB stays warm.
_BUFFER_SIZE: Final = 1 << 15


class ChannelClosed(Exception):
    """The other side hung up."""


class ChannelTimeout(Exception):
    """The other side neither took nor sent anything for as long as the channel waits."""


class Channel:
    """Frames over a connected stream socket, blocking; one buffer for all that comes in."""

    __slots__ = ("_buffer", "_decoder", "_socket", "_view")

    def __init__(self, sock: socket.socket, seconds: float = 0.0) -> None:
        """``seconds`` is how long to wait for the other side; 0 is for ever."""
        self._socket = sock
        self._decoder = Decoder()
        self._buffer = bytearray(_BUFFER_SIZE)
        self._view = memoryview(self._buffer)
        if seconds:
            # The kernel's own time-out costs no system call, where Python's costs one a receive.
            limit = pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def send(self, data: bytes | bytearray) -> None:
        """Send all of ``data``. Raises ChannelClosed, ChannelTimeout."""
        try:
            self._socket.sendall(data)
        except BlockingIOError:
            raise ChannelTimeout from None
        except OSError as error:
            raise ChannelClosed from error

    def receive(self) -> list[Frame]:
        """At least one frame. Raises ChannelClosed, ChannelTimeout, and WireError."""
        while True:
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                raise ChannelTimeout from None
            except OSError as error:
                raise ChannelClosed from error
            if not size:
                raise ChannelClosed
            frames = self._decoder.feed(self._view[:size])
            if frames:
                return frames

    @property
    def is_between_frames(self) -> bool:
        """Nothing of a further frame has come in yet."""
        return not self._decoder.kept

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
