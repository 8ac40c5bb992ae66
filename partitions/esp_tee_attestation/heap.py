"""The TEE's heap, as far as a token is made on it: so many bytes at once, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...interface.esp_tee.errors import EspErr
from .failure import AttFailure


class Heap:
    """``free`` bytes; None is without end."""

    def __init__(self, free: int | None) -> None:
        self._free = free

    def alloc(self, size: int) -> None:
        """calloc. Raises AttFailure NO_MEM."""
        if self._free is None:
            return
        if size > self._free:
            raise AttFailure(EspErr.ESP_ERR_NO_MEM)
        self._free -= size

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """calloc, and free at the end. Raises AttFailure NO_MEM."""
        self.alloc(size)
        yield
        if self._free is not None:
            self._free += size
