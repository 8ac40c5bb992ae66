"""TFM_NS_MANAGE_NSID: an RTOS tells the SPM which of its tasks calls (TF-M nsid manager, NSCE calls)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

CONTEXTS_MAX: Final = 1
"""TF-M grants one context today."""
THREADS_MAX: Final = 0xFF
"""Threads that share one context."""
TOKEN_INVALID: Final = 0xFFFFFFFF
_BYTE: Final = 0xFF


class NsidError(IntEnum):
    """What tfm_nsce_load_ctx, _save_ctx and _release_ctx answer."""

    SUCCESS = 0
    INVALID_TOKEN = 1
    INVALID_NSID = 2
    WRONG_MODE = 3


@dataclass(slots=True)
class _Context:
    """A context slot: the group that holds it, how many of its threads do, and the one loaded last."""

    group: int = 0
    threads: int = 0
    thread: int = 0


class NsClientContexts:
    """The contexts of the non-secure side; ``handler_mode`` says that the RTOS calls from its handler mode.

    A token is ``tid | gid << 8 | context << 16``; its top byte is 0. ``ns_id`` is that of the loaded context,
    None while none is loaded.
    """

    def __init__(self) -> None:
        self.handler_mode = True
        self.ns_id: int | None = None
        self._slots = [_Context() for _ in range(CONTEXTS_MAX)]
        self._active: _Context | None = None

    def tfm_nsce_init(self, ctx_requested: int) -> int:
        """How many contexts are granted, of which a request of 0 asks for all; 0 in thread mode."""
        if not self.handler_mode:
            return 0
        return min(ctx_requested, CONTEXTS_MAX) if ctx_requested else CONTEXTS_MAX

    def tfm_nsce_acquire_ctx(self, group_id: int, thread_id: int) -> int:
        """A token for a thread of a group; all threads of one group share a context. Else TOKEN_INVALID.

        In thread mode too: TF-M's code answers 3 there, its header knows this value only.
        """
        if not self.handler_mode:
            return TOKEN_INVALID
        group, thread = group_id & _BYTE, thread_id & _BYTE
        index = next((i for i, c in enumerate(self._slots) if c.threads and c.group == group), None)
        if index is None:
            index = next((i for i, c in enumerate(self._slots) if not c.threads), None)
        if index is None or self._slots[index].threads >= THREADS_MAX:
            return TOKEN_INVALID
        self._slots[index].group = group
        self._slots[index].threads += 1
        return thread | group << 8 | index << 16

    def tfm_nsce_load_ctx(self, token: int, nsid: int) -> NsidError:
        """The thread behind ``token`` runs from here on, with the client id of ``nsid``."""
        if not self.handler_mode:
            return NsidError.WRONG_MODE
        if nsid >= 0:
            return NsidError.INVALID_NSID
        context = self._context(token)
        if context is None or not context.threads:
            return NsidError.INVALID_TOKEN
        context.thread = token & _BYTE
        self._active, self.ns_id = context, nsid
        return NsidError.SUCCESS

    def tfm_nsce_save_ctx(self, token: int) -> NsidError:
        """The thread behind ``token`` stops running."""
        if not self.handler_mode:
            return NsidError.WRONG_MODE
        context = self._context(token)
        if context is None or context is not self._active or context.thread != token & _BYTE:
            return NsidError.INVALID_TOKEN
        self._active = self.ns_id = None
        return NsidError.SUCCESS

    def tfm_nsce_release_ctx(self, token: int) -> NsidError:
        """One thread of the group less; the context is free for another group after the last."""
        if not self.handler_mode:
            return NsidError.WRONG_MODE
        context = self._context(token)
        if context is None:
            return NsidError.INVALID_TOKEN
        loaded = context is self._active
        if loaded and context.thread == token & _BYTE:
            self._active = self.ns_id = None
            loaded = False
        # The thread that is loaded keeps its context, whatever the others of its group give back.
        context.threads = max(context.threads - 1, int(loaded))
        return NsidError.SUCCESS

    def _context(self, token: int) -> _Context | None:
        """The slot of a token whose group holds it, or held it last."""
        index = token >> 16
        known = 0 <= index < CONTEXTS_MAX and self._slots[index].group == token >> 8 & _BYTE
        return self._slots[index] if known else None
