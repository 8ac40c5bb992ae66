"""How protected storage lies in its files (TF-M ps_object_defs.h, ps_object_table.c; little endian).

A build's structures are those that a C compiler makes of TF-M's on Arm: numbers of eight bytes are aligned to
eight bytes, and what lies between is zero. Every file is an ITS object of the PS partition:

    1, 2      the object table, and the one that is being written
    3 and up  an object each, in the order of the table's entries
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from construct import (
    Array,
    Bytes,
    Computed,
    Const,
    ConstError,
    Construct,
    GreedyBytes,
    Int8ul,
    Int32sl,
    Int32ul,
    Int64ul,
    Padding,
    Struct,
)

PS_OBJECT_SYSTEM_VERSION: Final = 1
PS_TAG_LEN_BYTES: Final = 16
PS_IV_LEN_BYTES: Final = 12
PS_NUM_OBJ_TABLES: Final = 2
FIRST_TABLE_FID: Final = 1
FIRST_OBJECT_FID: Final = FIRST_TABLE_FID + PS_NUM_OBJ_TABLES
TABLE_CLIENT_ID: Final = 256
"""PS_OBJ_TABLE_CLIENT_ID, TFM_SP_PS: whose key the table's is."""
TABLE_UID: Final = 0x4EE143E1DF40BD00
"""PS_OBJ_TABLE_UID."""
_INVALID_UID: Final = 0
_AES_BLOCK: Final = 16

_Layout: TypeAlias = "Construct[Any, Any]"

ObjectInfo: Final = Struct("current_size" / Int32ul, "max_size" / Int32ul, "create_flags" / Int32ul)
"""``ps_object_info_t``."""

EncryptedPart: Final = Struct("info" / ObjectInfo, Padding(4), "data" / GreedyBytes)
"""What is encrypted of an object: its info as well as its data."""
ENCRYPTED_INFO_SIZE: Final = 16
ENCRYPTED_HEADER_SIZE: Final = 56
"""``struct ps_obj_header_t`` in memory, in a build without key generations."""

PlainObjectFile: Final = Struct(
    "version" / Int32ul, "fid" / Int32ul, "info" / ObjectInfo, "data" / GreedyBytes
)
"""An object's file in a build without PS_ENCRYPTION."""
PLAIN_HEADER_SIZE: Final = 20

_GENERATION: Final = Struct("generation" / Int32ul, Const(bytes(4)))
_NO_GENERATION: Final = Struct("generation" / Computed(0))


def object_file(key_generations: bool) -> _Layout:
    """An object's file. Its tag is not in it, but in the table's entry."""
    return Struct(
        "iv" / Bytes(PS_IV_LEN_BYTES),
        "key" / (_GENERATION if key_generations else _NO_GENERATION),
        "ciphertext" / GreedyBytes,
    )


def object_overhead(encryption: bool, key_generations: bool) -> int:
    """Bytes of an object's file beside its data."""
    if not encryption:
        return PLAIN_HEADER_SIZE
    return PS_IV_LEN_BYTES + (8 if key_generations else 0) + ENCRYPTED_INFO_SIZE


def blocks_of(size: int) -> int:
    """Blocks that a key encrypts for an object of ``size`` bytes: its part of the file, and one to finish.

    TF-M ps_encrypted_object_blocks, ps_crypto_to_blocks.
    """
    return 1 + -(-(ENCRYPTED_INFO_SIZE + size) // _AES_BLOCK)


@dataclass(frozen=True, slots=True)
class TableEntry:
    """``ps_obj_table_entry_t``. ``proof`` is the object's tag, without encryption its version."""

    uid: int
    client_id: int
    proof: bytes
    num_blocks: int = 0
    """Blocks that the object's present key has encrypted and decrypted."""


@dataclass(frozen=True, slots=True)
class TableContents:
    """``ps_obj_table_t`` without what authenticates it; an entry that is free is None."""

    entries: tuple[TableEntry | None, ...]
    generation: int = 0
    """Key generation of the table and of new objects."""
    swap_count: int = 0
    version: int = PS_OBJECT_SYSTEM_VERSION


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table's file, taken apart; ``authenticated`` are the bytes that its tag covers beside the counter."""

    contents: TableContents
    authenticated: bytes
    iv: bytes = bytes(PS_IV_LEN_BYTES)
    tag: bytes = bytes(PS_TAG_LEN_BYTES)


class TableLayout:
    """The object table of one build. ``size`` is its file's in bytes."""

    def __init__(self, num_assets: int, encryption: bool, key_generations: bool) -> None:
        """``key_generations``: the build has a PS_AES_KEY_USAGE_LIMIT."""
        self.entries: Final = num_assets + 1
        self._encryption = encryption
        self._head = _table_head(encryption, key_generations)
        self._body = _table_body(self.entries, encryption, key_generations)
        self._head_size: int = self._head.sizeof()
        self.size: int = self._head_size + self._body.sizeof()

    def body(self, contents: TableContents) -> bytes:
        """What a table's tag covers beside the counter; all of its file in a build without encryption."""
        proof_size = PS_TAG_LEN_BYTES if self._encryption else 4
        free = TableEntry(_INVALID_UID, 0, bytes(proof_size))
        entries = [entry or free for entry in contents.entries]
        built: bytes = self._body.build(
            {
                "version": contents.version,
                "swap_count": contents.swap_count,
                "entries": [
                    {
                        "proof": entry.proof,
                        "use": {"num_blocks": entry.num_blocks},
                        "uid": entry.uid,
                        "client_id": entry.client_id,
                    }
                    for entry in entries
                ],
            }
        )
        return built

    def sealed(self, contents: TableContents, body: bytes, iv: bytes, tag: bytes) -> bytes:
        """A table's file in a build with encryption."""
        head: bytes = self._head.build(
            {
                "tag": tag,
                "iv": iv,
                "key": {"generation": contents.generation},
            }
        )
        return head + body

    def parse(self, file: bytes) -> StoredTable | None:
        """A table's file; None where it has another size, or another's mark in front."""
        if len(file) != self.size:
            return None
        try:
            head = self._head.parse(file[: self._head_size])
        except ConstError:
            return None
        body = self._body.parse(file[self._head_size :])
        contents = TableContents(
            tuple(_entry_of(entry) for entry in body.entries),
            int(head.key.generation) if self._encryption else 0,
            int(body.swap_count),
            int(body.version),
        )
        if not self._encryption:
            return StoredTable(contents, file)
        return StoredTable(contents, file[self._head_size :], bytes(head.iv), bytes(head.tag))


def _table_head(encryption: bool, key_generations: bool) -> _Layout:
    """``union ps_crypto_t``. No tag covers it: what is no part of nonce or key is in every table the same."""
    if not encryption:
        return Struct()
    return Struct(
        "tag" / Bytes(PS_TAG_LEN_BYTES),
        "uid" / Const(TABLE_UID, Int64ul),
        "client_id" / Const(TABLE_CLIENT_ID, Int32sl),
        "iv" / Bytes(PS_IV_LEN_BYTES),
        "key" / (_GENERATION if key_generations else _NO_GENERATION),
    )


def _table_body(entries: int, encryption: bool, key_generations: bool) -> _Layout:
    """The rest of ``ps_obj_table_t``. Only a build without rollback protection has a swap count."""
    if encryption:
        counted: _Layout = Struct("num_blocks" / Int32ul, Padding(4))
        uncounted: _Layout = Struct("num_blocks" / Computed(0))
        proof = (
            "proof" / Bytes(PS_TAG_LEN_BYTES),
            "use" / (counted if key_generations else uncounted),
        )
        head = ("version" / Int8ul, "swap_count" / Computed(0), Padding(7))
    else:
        proof = ("proof" / Bytes(4), "use" / Struct("num_blocks" / Computed(0), Padding(4)))
        head = ("version" / Int8ul, "swap_count" / Int8ul, Padding(6))
    entry = Struct(*proof, "uid" / Int64ul, "client_id" / Int32sl, Padding(4))
    return Struct(*head, "entries" / Array(entries, entry))


def _entry_of(parsed: Any) -> TableEntry | None:
    # TF-M TFM_PS_INVALID_UID: no object has uid 0.
    if parsed.uid == _INVALID_UID:
        return None
    return TableEntry(int(parsed.uid), int(parsed.client_id), bytes(parsed.proof), int(parsed.use.num_blocks))
