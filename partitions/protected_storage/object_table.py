"""The table of all objects, and how a new one takes the place of the old (TF-M ps_object_table.c).

A table in memory is never changed: a new one is made, written beside the old, and only then is it the one
that counts, here as in flash.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from ...interface.psa.client import PsaClient
from ...interface.psa.internal_trusted_storage import psa_its_get, psa_its_remove, psa_its_set
from ...interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_SUCCESS,
)
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_NONE
from .boot_rules import TableState, Vouching, active_table, next_swap_count, vouching_counters
from .config import PsConfig
from .crypto_interface import KeyLabel, PsCrypto
from .layout import (
    FIRST_OBJECT_FID,
    FIRST_TABLE_FID,
    PS_OBJECT_SYSTEM_VERSION,
    TABLE_CLIENT_ID,
    TABLE_UID,
    StoredTable,
    TableContents,
    TableEntry,
)
from .nv_counters import PsNvc, PsNvCounters
from .refusal import NoValidTable, PsRefused

_SECOND_TABLE = FIRST_TABLE_FID + 1


class ObjectTable:
    """The object table of one device. Every call raises PsRefused."""

    def __init__(self, client: PsaClient, crypto: PsCrypto, counters: PsNvCounters, config: PsConfig) -> None:
        self._client = client
        self._crypto = crypto
        self._counters = counters
        self._config = config
        self._layout = config.table_layout()
        self._contents = TableContents((None,) * self._layout.entries)
        self._active, self._scratch = _SECOND_TABLE, FIRST_TABLE_FID

    @property
    def generation(self) -> int:
        """Of the table's key and of a new object's."""
        return self._contents.generation

    def find(self, uid: int, client_id: int) -> tuple[int, TableEntry] | None:
        """File id and entry of a client's object; None where it has no such object."""
        for index, entry in enumerate(self._contents.entries):
            if entry is not None and entry.uid == uid and entry.client_id == client_id:
                return FIRST_OBJECT_FID + index, entry
        return None

    def free_fid(self, needed: int) -> int:
        """A file id for an object; ``needed`` must be free, so that the last one stays for updates.

        A file of that id is what a power cut left behind, and goes. TF-M ps_object_table_get_free_fid: the
        last of the first ``needed``. INSUFFICIENT_STORAGE where there are fewer.
        """
        free = [index for index, entry in enumerate(self._contents.entries) if entry is None]
        if len(free) < needed:
            raise PsRefused(PSA_ERROR_INSUFFICIENT_STORAGE, "the object table is full")
        fid = FIRST_OBJECT_FID + free[needed - 1]
        self._remove(fid)
        return fid

    def put(self, fid: int, entry: TableEntry) -> None:
        """Save a table with the entry for file ``fid``, and without another of the same object."""
        entries = list(self._contents.entries)
        if (old := self.find(entry.uid, entry.client_id)) is not None:
            entries[old[0] - FIRST_OBJECT_FID] = None
        entries[fid - FIRST_OBJECT_FID] = entry
        self._save(replace(self._contents, entries=tuple(entries)))

    def delete(self, fid: int, generation: int) -> None:
        """Save a table without the entry for file ``fid``; later objects have keys of that generation."""
        entries = list(self._contents.entries)
        entries[fid - FIRST_OBJECT_FID] = None
        contents = replace(self._contents, entries=tuple(entries))
        if self._config.quirks.generation_saved_late:
            self._save(contents)
            self._contents = replace(self._contents, generation=generation)
        else:
            self._save(replace(contents, generation=generation))

    def remove_old(self) -> None:
        """Remove the file of the table before the last `put` or `delete`."""
        status = psa_its_remove(self._client, self._scratch)
        if status != PSA_SUCCESS:
            raise PsRefused(status, "ITS does not remove the old table")

    def create(self) -> None:
        """Save an empty table as the first; what other files there are, nobody looks at.

        TF-M ps_object_table_create.
        """
        self._active, self._scratch = _SECOND_TABLE, FIRST_TABLE_FID
        if self._config.encryption and not self._config.quirks.iv_continues_from_table:
            self._crypto.start_iv_anywhere()
        self._save(TableContents((None,) * self._layout.entries))

    def load(self) -> None:
        """Find the table that counts, remove the other, and bring the counters together.

        TF-M ps_object_table_init. NoValidTable where there is none.
        """
        first, second = self._read(FIRST_TABLE_FID), self._read(_SECOND_TABLE)
        states = self._states(first, second)
        counts = tuple(0 if table is None else table.contents.swap_count for table in (first, second))
        index = active_table(states, (counts[0], counts[1]))
        if index is None:
            raise NoValidTable(PSA_ERROR_GENERIC_ERROR, "no valid object table")
        table = (first, second)[index]
        assert table is not None
        self._contents = table.contents
        self._active = FIRST_TABLE_FID + index
        self._scratch = _SECOND_TABLE - index
        self._remove(self._scratch)
        if self._config.encryption:
            self._continue_iv(table.iv)
            self._settle_counters(states[index])

    def _continue_iv(self, iv: bytes) -> None:
        if self._config.quirks.iv_continues_from_table:
            self._crypto.set_iv(iv)
        else:
            self._crypto.start_iv_anywhere()

    def _settle_counters(self, state: TableState) -> None:
        """Leave one table that counts, whatever is cut from here on."""
        if self._config.quirks.counters_left_apart:
            return
        if state is TableState.NVC_1_VALID:
            self._counters.align(self._counters.read(PsNvc.NVC_1))
            return
        # The newer table that was cut may still be somewhere. A counter at its end leaves objects readable.
        with suppress(PsRefused):
            self._save(self._contents)
            self.remove_old()

    def _read(self, fid: int) -> StoredTable | None:
        status, file = psa_its_get(self._client, fid, 0, self._layout.size)
        return self._layout.parse(file) if status == PSA_SUCCESS else None

    def _states(self, first: StoredTable | None, second: StoredTable | None) -> tuple[TableState, TableState]:
        if not self._config.encryption:
            return _plain_state(first), _plain_state(second)
        vouching = vouching_counters(*(self._counters.read(counter) for counter in PsNvc))
        return self._state(first, vouching), self._state(second, vouching)

    def _state(self, table: StoredTable | None, vouching: Sequence[Vouching]) -> TableState:
        if table is None:
            return TableState.INVALID
        for counter in vouching:
            if self._is_tagged_with(table, counter.value):
                # TF-M ps_object_table_validate_version: looked at behind the tag.
                known = table.contents.version == PS_OBJECT_SYSTEM_VERSION
                return counter.state if known else TableState.INVALID
        return TableState.INVALID

    def _is_tagged_with(self, table: StoredTable, counter: int) -> bool:
        label = self._label(table.contents)
        aad = table.authenticated + counter.to_bytes(4, "little")
        try:
            self._crypto.decrypt(label, table.iv, aad, b"", table.tag)
        except PsRefused as refused:
            # A crypto service that does not answer says nothing of the table, and is no reason to wipe it.
            if refused.status != PSA_ERROR_INVALID_SIGNATURE:
                raise
            return False
        return True

    def _save(self, contents: TableContents) -> None:
        """TF-M ps_object_table_save_table. Once ITS has the file, ``contents`` counts."""
        if not self._config.encryption:
            contents = replace(contents, swap_count=next_swap_count(contents.swap_count))
            self._write(contents, self._layout.body(contents))
            return
        self._counters.increment(PsNvc.NVC_1)
        nvc_1 = self._counters.read(PsNvc.NVC_1)
        body = self._layout.body(contents)
        iv = self._crypto.next_iv()
        _, tag = self._crypto.encrypt(self._label(contents), iv, body + nvc_1.to_bytes(4, "little"), b"")
        self._write(contents, self._layout.sealed(contents, body, iv, tag))
        self._counters.align(nvc_1)

    def _write(self, contents: TableContents, file: bytes) -> None:
        status = psa_its_set(self._client, self._scratch, file, PSA_STORAGE_FLAG_NONE)
        if status != PSA_SUCCESS:
            raise PsRefused(status, "ITS does not take the object table")
        self._contents = contents
        self._active, self._scratch = self._scratch, self._active

    def _label(self, contents: TableContents) -> KeyLabel:
        generation = contents.generation if self._config.key_generations else None
        return KeyLabel(TABLE_CLIENT_ID, TABLE_UID, generation)

    def _remove(self, fid: int) -> None:
        status = psa_its_remove(self._client, fid)
        if status not in (PSA_SUCCESS, PSA_ERROR_DOES_NOT_EXIST):
            raise PsRefused(status, "ITS does not remove a file")


def _plain_state(table: StoredTable | None) -> TableState:
    known = table is not None and table.contents.version == PS_OBJECT_SYSTEM_VERSION
    return TableState.VALID if known else TableState.INVALID
