"""Files of protected storage against the C structures, and the boot rules as a table."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.partitions.protected_storage.boot_rules import (
    TableState,
    Vouching,
    active_table,
    next_swap_count,
    vouching_counters,
)
from tfm_sim.partitions.protected_storage.config import PsConfig
from tfm_sim.partitions.protected_storage.crypto_interface import KeyLabel
from tfm_sim.partitions.protected_storage.layout import TableContents, TableEntry, blocks_of

ENCRYPTED = PsConfig()
LIMITED = PsConfig(aes_key_usage_limit=300)
PLAIN = PsConfig(encryption=False, rollback_protection=False)
BAD, VALID, NVC1, NVC3 = (
    TableState.INVALID,
    TableState.VALID,
    TableState.NVC_1_VALID,
    TableState.NVC_3_VALID,
)


@pytest.mark.parametrize(
    "config, table, entry, overhead, memory",
    [
        # By gcc: sizeof ps_obj_table_t and ps_obj_table_entry_t, stored before the data, sizeof ps_object_t.
        (ENCRYPTED, 400, 32, 28, 2120),
        (LIMITED, 496, 40, 36, 2128),
        (PLAIN, 272, 24, 20, 2068),
    ],
    ids=["encrypted", "limited keys", "plain"],
)
def test_sizes_are_the_compilers(
    config: PsConfig, table: int, entry: int, overhead: int, memory: int
) -> None:
    layout = config.table_layout()
    assert layout.size == table
    assert (
        PsConfig(
            num_assets=11,
            encryption=config.encryption,
            rollback_protection=config.rollback_protection,
            aes_key_usage_limit=config.aes_key_usage_limit,
        )
        .table_layout()
        .size
        == table + entry
    )
    assert config.max_file_size == 2048 + overhead
    assert config.max_object_size == memory
    assert config.max_num_objects == 13


def test_an_entry_lies_where_the_compiler_puts_it() -> None:
    entry = TableEntry(0x1122334455667788, -2, bytes(range(16)), 0x01020304)
    contents = TableContents((None, entry, *[None] * 9), generation=9)
    layout = LIMITED.table_layout()
    body = layout.body(contents)
    file = layout.sealed(contents, body, b"I" * 12, b"T" * 16)
    assert (file[:16], file[16:24], file[24:28]) == (
        b"T" * 16,
        (0x4EE143E1DF40BD00).to_bytes(8, "little"),
        (256).to_bytes(4, "little"),
    )
    assert (file[28:40], file[40:48], file[48:56]) == (
        b"I" * 12,
        b"\x09" + bytes(7),
        b"\x01" + bytes(7),
    )
    second = 56 + 40
    assert file[second : second + 16] == bytes(range(16))
    assert file[second + 16 : second + 24] == b"\x04\x03\x02\x01" + bytes(4)
    assert file[second + 24 : second + 32] == bytes.fromhex("8877665544332211")
    assert file[second + 32 : second + 40] == b"\xfe\xff\xff\xff" + bytes(4)


ENTRIES = st.none() | st.builds(
    TableEntry,
    st.integers(1, 2**64 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
)


@given(
    entries=st.tuples(*[ENTRIES] * 11),
    generation=st.integers(0, 2**32 - 1),
    iv=st.binary(min_size=12, max_size=12),
    tag=st.binary(min_size=16, max_size=16),
)
def test_what_is_packed_is_parsed(
    entries: tuple[TableEntry | None, ...], generation: int, iv: bytes, tag: bytes
) -> None:
    layout = LIMITED.table_layout()
    contents = TableContents(entries, generation)
    body = layout.body(contents)
    stored = layout.parse(layout.sealed(contents, body, iv, tag))
    assert stored is not None
    assert (stored.contents, stored.authenticated, stored.iv, stored.tag) == (contents, body, iv, tag)


@given(st.sampled_from([ENCRYPTED, LIMITED, PLAIN]), st.binary(max_size=600), st.booleans())
def test_a_table_of_any_bytes_is_one_or_none(config: PsConfig, data: bytes, fit: bool) -> None:
    layout = config.table_layout()
    file = data.ljust(layout.size, b"\0")[: layout.size] if fit else data
    stored = layout.parse(file)
    assert stored is None or len(stored.contents.entries) == 11


@pytest.mark.parametrize("size, blocks", [(0, 2), (1, 3), (16, 3), (17, 4), (2048, 130)])
def test_blocks_of_an_object(size: int, blocks: int) -> None:
    """TF-M ps_encrypted_object_blocks: info and its padding, the data, one to finish."""
    assert blocks_of(size) == blocks


def test_key_labels() -> None:
    """TF-M fill_key_label: client id, uid, generation."""
    assert KeyLabel(-2, 0x0102).encode() == bytes.fromhex("feffffff 0201000000000000")
    assert KeyLabel(256, 1, 3).encode() == bytes.fromhex("00010000 0100000000000000 03000000")


@pytest.mark.parametrize(
    "counters, accepted",
    [
        ((5, 5, 5), [(5, NVC1), (5, NVC3)]),
        ((6, 5, 5), [(6, NVC1), (5, NVC3)]),
        ((9, 5, 5), [(9, NVC1), (5, NVC3)]),
        # A table of 6 had been written: 5 vouches for nothing any more.
        ((6, 6, 5), [(6, NVC1)]),
        ((7, 6, 5), [(7, NVC1)]),
        # TF-M PS_INVALID_NVC_VALUE: before the first table.
        ((0, 0, 0), [(0, NVC1)]),
        ((1, 0, 0), [(1, NVC1)]),
        ((1, 1, 0), [(1, NVC1)]),
    ],
)
def test_counters_that_vouch(counters: tuple[int, int, int], accepted: list[tuple[int, TableState]]) -> None:
    """TF-M ps_object_table_nvc_authenticate, ps_object_table_authenticate."""
    assert list(vouching_counters(*counters)) == [Vouching(*each) for each in accepted]


@pytest.mark.parametrize(
    "first, second, active",
    [
        (BAD, BAD, None),
        (NVC1, BAD, 0),
        (NVC3, BAD, 0),
        (BAD, NVC1, 1),
        (BAD, NVC3, 1),
        (NVC1, NVC3, 0),
        (NVC3, NVC1, 1),
        # Copies of one table: either will do.
        (NVC3, NVC3, 0),
        (NVC1, NVC1, 1),
        (VALID, BAD, 0),
        (BAD, VALID, 1),
    ],
)
def test_which_table_counts(first: TableState, second: TableState, active: int | None) -> None:
    """TF-M ps_set_active_object_table: NVC1's before NVC3's."""
    assert active_table((first, second)) == active


@pytest.mark.parametrize(
    "first, second, active",
    [(1, 2, 1), (2, 1, 0), (5, 5, 0), (254, 0, 1), (0, 254, 0), (0, 1, 1), (1, 0, 0), (0, 0, 1)],
)
def test_the_newer_swap_count(first: int, second: int, active: int) -> None:
    assert active_table((VALID, VALID), (first, second)) == active


def test_a_swap_count_is_never_that_of_erased_flash() -> None:
    counts = [0]
    for _ in range(600):
        counts.append(next_swap_count(counts[-1]))
    assert set(counts) == set(range(255))
    assert all(active_table((VALID, VALID), pair) == 1 for pair in pairwise(counts))
