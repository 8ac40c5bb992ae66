"""An object, and what a build must be able to do with its file."""

from dataclasses import dataclass, field
from typing import Protocol

from ...interface.psa.status import PSA_ERROR_DATA_CORRUPT, PSA_ERROR_DOES_NOT_EXIST
from .layout import TableEntry
from .refusal import PsRefused


@dataclass(frozen=True, slots=True)
class PsObject:
    """``ps_object_t``: an asset of one client. ``capacity`` is max_size; sizes in bytes."""

    uid: int
    client_id: int
    flags: int
    capacity: int
    data: bytes = field(default=b"", repr=False)
    generation: int = 0
    """Of its key, in a build that limits a key's use."""
    version: int = 0
    """How often it was written, in a build without encryption."""


class ObjectFiles(Protocol):
    """The files of all objects."""

    def read(self, fid: int, entry: TableEntry) -> PsObject:
        """The object in file ``fid``, which the table's entry speaks for.

        Raises PsRefused: INVALID_SIGNATURE where it is not the file that the entry was made for, DATA_CORRUPT
        where it is no such file at all, what ITS answers otherwise.
        """

    def write(self, fid: int, item: PsObject) -> bytes:
        """Store the object; what speaks for the file. Raises PsRefused."""


def unreadable(status: int, *, quirk: bool) -> PsRefused:
    """Why ITS does not give the file of an object that the table has.

    TF-M lets ITS's DOES_NOT_EXIST through (``quirk``).
    """
    if status == PSA_ERROR_DOES_NOT_EXIST and not quirk:
        return PsRefused(PSA_ERROR_DATA_CORRUPT, "the file of an object is gone")
    return PsRefused(status, "ITS does not give an object's file")
