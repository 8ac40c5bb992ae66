"""Objects by owner and uid: their files and the table that knows them (TF-M ps_object_system.c).

A change writes a new file under a free id, then a new table, then removes the old table and the old file. So
a power cut leaves the old object or the new one, and perhaps a file that nobody knows.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from ...interface.psa.client import PsaClient
from ...interface.psa.internal_trusted_storage import psa_its_remove
from ...interface.psa.status import (
    PSA_ERROR_ALREADY_EXISTS,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_WRITE_ONCE
from .config import PsConfig
from .layout import TableEntry, blocks_of
from .object_table import ObjectTable
from .refusal import PsRefused
from .stored_object import ObjectFiles, PsObject

_LAST_GENERATION = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Opened:
    """An object that was read: where it lies, and its entry with the use of its key counted."""

    fid: int
    entry: TableEntry
    item: PsObject


class ObjectSystem:
    """The objects of one device. Every call raises PsRefused."""

    def __init__(self, client: PsaClient, table: ObjectTable, files: ObjectFiles, config: PsConfig) -> None:
        self._client = client
        self._table = table
        self._files = files
        self._max_asset_size = config.max_asset_size
        self._limit = config.aes_key_usage_limit
        self._in_place = config.quirks.key_switched_in_place

    def read(self, uid: int, client_id: int) -> PsObject:
        """ps_object_read, ps_object_get_info. DOES_NOT_EXIST for another client's too."""
        opened = self._open(uid, client_id)
        self._settle(opened)
        return opened.item

    def set(self, uid: int, client_id: int, flags: int, data: bytes) -> None:
        """ps_object_create: a new object, or a new one in the place of the old.

        NOT_PERMITTED for one that was written once and for all.
        """
        if self._table.find(uid, client_id) is None:
            self._store(PsObject(uid, client_id, flags, len(data), data, self._table.generation), None)
            return
        old = self._open(uid, client_id)
        self._demand_writable(old)
        self._store(replace(old.item, flags=flags, capacity=len(data), data=data), old)

    def create(self, uid: int, client_id: int, flags: int, capacity: int) -> None:
        """PSA Storage 1.0 psa_ps_create: an object of size 0 that can grow.

        INSUFFICIENT_STORAGE for a capacity that no object has comes before ALREADY_EXISTS, as Arm's suite
        wants.
        """
        if capacity > self._max_asset_size:
            raise PsRefused(PSA_ERROR_INSUFFICIENT_STORAGE, "more than the largest asset")
        if self._table.find(uid, client_id) is not None:
            raise PsRefused(PSA_ERROR_ALREADY_EXISTS)
        self._store(PsObject(uid, client_id, flags, capacity, b"", self._table.generation), None)

    def write(self, uid: int, client_id: int, offset: int, data: bytes) -> None:
        """PSA Storage 1.0 psa_ps_set_extended, TF-M ps_object_write: no gaps, nothing past the capacity."""
        old = self._open(uid, client_id)
        self._demand_writable(old)
        size = len(old.item.data)
        if offset > size or offset + len(data) > old.item.capacity:
            self._settle_anyway(old)
            raise PsRefused(PSA_ERROR_INVALID_ARGUMENT, "a gap, or past the capacity")
        if not data:
            self._settle(old)
            return
        merged = old.item.data[:offset] + data + old.item.data[offset + len(data) :]
        self._store(replace(old.item, data=merged), old)

    def delete(self, uid: int, client_id: int) -> None:
        """ps_object_delete. NOT_PERMITTED for an object that was written once and for all."""
        old = self._open(uid, client_id)
        self._demand_writable(old)
        generation = self._table.generation
        if self._limit:
            # TF-M ps_object_delete: should the object come again, its key is another.
            generation = max(generation, old.item.generation + 1)
        try:
            self._table.delete(old.fid, generation)
        except PsRefused:
            self._settle_anyway(old)
            raise
        self._table.remove_old()
        self._remove(old.fid)

    def _open(self, uid: int, client_id: int) -> _Opened:
        found = self._table.find(uid, client_id)
        if found is None:
            raise PsRefused(PSA_ERROR_DOES_NOT_EXIST)
        fid, entry = found
        try:
            item = self._files.read(fid, entry)
        except PsRefused as refused:
            if self._limit and refused.blocks:
                with suppress(PsRefused):
                    self._put(fid, _used(entry, refused.blocks))
            raise
        return _Opened(fid, _used(entry, blocks_of(len(item.data))) if self._limit else entry, item)

    def _demand_writable(self, opened: _Opened) -> None:
        if opened.item.flags & PSA_STORAGE_FLAG_WRITE_ONCE:
            self._settle_anyway(opened)
            raise PsRefused(PSA_ERROR_NOT_PERMITTED, "written once and for all")

    def _store(self, item: PsObject, old: _Opened | None) -> None:
        """The object's file, the table, and no more of what was before."""
        try:
            # A new object leaves an id free: without one nothing could ever be replaced.
            fid = self._table.free_fid(2 if old is None else 1)
            entry, item = self._with_key_for(item, 0 if old is None else old.entry.num_blocks)
            proof = self._files.write(fid, item)
        except PsRefused:
            if old is not None:
                self._settle_anyway(old)
            raise
        self._put(fid, replace(entry, proof=proof))
        if old is not None:
            self._remove(old.fid)

    def _put(self, fid: int, entry: TableEntry) -> None:
        """ps_update_table. Where no table came of it, the file that it was for goes again."""
        known = self._table.find(entry.uid, entry.client_id)
        try:
            self._table.put(fid, entry)
        except PsRefused:
            is_active = self._table.find(entry.uid, entry.client_id) == (fid, entry)
            if not is_active and (known is None or known[0] != fid):
                with suppress(PsRefused):
                    self._remove(fid)
            raise
        self._table.remove_old()

    def _with_key_for(self, item: PsObject, used: int) -> tuple[TableEntry, PsObject]:
        """An entry that counts the write, and the object with a new key if the present one is used up.

        TF-M ps_store_object: the key must last for the write and for one read.
        """
        if not self._limit:
            return TableEntry(item.uid, item.client_id, b""), item
        blocks = blocks_of(len(item.data))
        if 2 * blocks >= self._limit - used:
            item, used = _with_next_key(item), 0
        return TableEntry(item.uid, item.client_id, b"", used + blocks), item

    def _settle(self, opened: _Opened) -> None:
        """Save how much a key was used; one that does not last for another read is changed.

        TF-M ps_switch_keys_if_necessary, ps_update_table.
        """
        if not self._limit:
            return
        blocks = blocks_of(len(opened.item.data))
        if opened.entry.num_blocks + blocks <= self._limit:
            self._put(opened.fid, opened.entry)
            return
        fid = opened.fid if self._in_place else self._table.free_fid(1)
        proof = self._files.write(fid, _with_next_key(opened.item))
        self._put(fid, replace(opened.entry, proof=proof, num_blocks=blocks))
        if fid != opened.fid:
            self._remove(opened.fid)

    def _settle_anyway(self, opened: _Opened) -> None:
        """The same where the call fails for another reason, which is the one that is told."""
        with suppress(PsRefused):
            self._settle(opened)

    def _remove(self, fid: int) -> None:
        status = psa_its_remove(self._client, fid)
        if status != PSA_SUCCESS:
            raise PsRefused(status, "ITS does not remove an object's file")


def _used(entry: TableEntry, blocks: int) -> TableEntry:
    return replace(entry, num_blocks=entry.num_blocks + blocks)


def _with_next_key(item: PsObject) -> PsObject:
    if item.generation == _LAST_GENERATION:
        raise PsRefused(PSA_ERROR_GENERIC_ERROR, "an object's keys are used up")
    return replace(item, generation=item.generation + 1)
