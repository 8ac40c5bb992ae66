"""Handle layouts as TF-M encodes them.

A connection handle is ``((byte offset of the connection object in its pool) << 3) + 1 + loop`` with a loop
counter modulo 8 that every allocation bumps, so that a slot used again yields another value. A stateless
handle has bit 30 set, the version in bits 15-8 and the service's index in bits 4-0.
"""

from typing import Final

from ..interface.tfm.services import STATELESS_HANDLE_INDICATOR

# On AN521, TF-M 2.2.2: the pool's control block, and a connection object with its chunk header.
POOL_HEADER_SIZE: Final = 20
CONNECTION_CHUNK_SIZE: Final = 148

FIXED_STATIC_HANDLE: Final = 0x1000
"""TF-M: every message handle where no service is connection-based, on the SFN backend."""

STATELESS_INDEX_MASK: Final = 0x1F
STATELESS_VERSION_SHIFT: Final = 8
STATELESS_VERSION_MASK: Final = 0xFF
STATELESS_SERVICES_MAX: Final = 32


def connection_handle(slot: int, loop: int) -> int:
    """TF-M connection handle: one value for the client's connection in ``slot`` and the service's message."""
    return (POOL_HEADER_SIZE + CONNECTION_CHUNK_SIZE * slot << 3) + 1 + loop


def is_stateless(handle: int) -> bool:
    """TF-M stateless handle: bit 30 is set, and the value is not negative."""
    return handle > 0 and bool(handle & STATELESS_HANDLE_INDICATOR)


def stateless_index(handle: int) -> int:
    """Index 0 to 31 into the table of stateless services."""
    return handle & STATELESS_INDEX_MASK


def stateless_version(handle: int) -> int:
    """The service version that the client was built against, 0 to 255."""
    return handle >> STATELESS_VERSION_SHIFT & STATELESS_VERSION_MASK
