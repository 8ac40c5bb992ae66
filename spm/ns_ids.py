"""TFM_NS_MANAGE_NSID: an RTOS tells the SPM which of its tasks calls (TF-M nsid manager, NSCE calls)."""

from enum import IntEnum
from typing import Final

CONTEXTS_MAX: Final = 1
"""TF-M grants one context today."""
TOKEN_INVALID: Final = 0xFFFFFFFF
_BYTE: Final = 0xFF


class NsidError(IntEnum):
    """What tfm_nsce_load_ctx, _save_ctx and _release_ctx answer."""

    SUCCESS = 0
    INVALID_TOKEN = 1
    INVALID_NSID = 2
    WRONG_MODE = 3


class NsClientContexts:
    """The contexts of the non-secure side; ``handler_mode`` says that the RTOS calls from its handler mode.

    A token is ``tid | gid << 8 | context << 16``; its top byte is 0. ``ns_id`` is that of the loaded context,
    None while none is loaded.
    """

    def __init__(self) -> None:
        self.handler_mode = True
        self.ns_id: int | None = None
        self._granted = 0
        self._owners: dict[int, tuple[int, int]] = {}
        self._active: int | None = None

    def tfm_nsce_init(self, ctx_requested: int) -> int:
        """How many contexts are granted; 0 in thread mode."""
        self._granted = min(ctx_requested, CONTEXTS_MAX) if self.handler_mode else 0
        return self._granted

    def tfm_nsce_acquire_ctx(self, group_id: int, thread_id: int) -> int:
        """A token for a thread of a group; of one group all threads share the context. Else TOKEN_INVALID."""
        if not self.handler_mode:
            return TOKEN_INVALID
        for context, (group, _) in self._owners.items():
            if group == group_id & _BYTE:
                return self._token(context, group_id, thread_id)
        for context in range(self._granted):
            if context not in self._owners:
                self._owners[context] = (group_id & _BYTE, thread_id & _BYTE)
                return self._token(context, group_id, thread_id)
        return TOKEN_INVALID

    def tfm_nsce_load_ctx(self, token: int, nsid: int) -> NsidError:
        """The thread behind ``token`` runs from here on, with the client id of ``nsid``."""
        error = self._check(token)
        if error is not NsidError.SUCCESS:
            return error
        if nsid >= 0:
            return NsidError.INVALID_NSID
        self._active, self.ns_id = token, nsid
        return NsidError.SUCCESS

    def tfm_nsce_save_ctx(self, token: int) -> NsidError:
        """The thread behind ``token`` stops running."""
        error = self._check(token)
        if error is NsidError.SUCCESS and token != self._active:
            return NsidError.INVALID_TOKEN
        if error is NsidError.SUCCESS:
            self._active = self.ns_id = None
        return error

    def tfm_nsce_release_ctx(self, token: int) -> NsidError:
        """The context is free for another group."""
        error = self._check(token)
        if error is NsidError.SUCCESS:
            del self._owners[token >> 16]
            if token == self._active:
                self._active = self.ns_id = None
        return error

    def _check(self, token: int) -> NsidError:
        if not self.handler_mode:
            return NsidError.WRONG_MODE
        owner = self._owners.get(token >> 16)
        if owner is None or owner[0] != token >> 8 & _BYTE:
            return NsidError.INVALID_TOKEN
        return NsidError.SUCCESS

    @staticmethod
    def _token(context: int, group_id: int, thread_id: int) -> int:
        return thread_id & _BYTE | (group_id & _BYTE) << 8 | context << 16
