"""Two owners make, copy, purge and destroy keys over resets; a small model knows what each may see."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_ALREADY_EXISTS,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig

SLOTS, ASSETS = 3, 10
CONFIG = CryptoConfig(key_slots=SLOTS, nv_seed=False)
EXPORT, COPY = v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY
VOLATILE_MIN = v.PSA_KEY_ID_VENDOR_MIN

OWNERS = st.sampled_from((0, 1))
PERSISTENT_IDS = st.integers(1, 6)
NEW_IDS = st.just(0) | PERSISTENT_IDS
IDS = PERSISTENT_IDS | st.integers(VOLATILE_MIN, VOLATILE_MIN + SLOTS)
USAGES = st.sampled_from((0, EXPORT, COPY, EXPORT | COPY))


@dataclass(frozen=True)
class Expected:
    """A key as the model has it."""

    usage: int
    data: bytes


class Keys(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.device = start_partitions(crypto=CONFIG)
        self.keys: dict[tuple[int, int], Expected] = {}
        self.made = 0

    def client(self, owner: int) -> PsaClient:
        return (self.device.ns, self.device.ns2)[owner]

    @property
    def volatile(self) -> int:
        return sum(key >= VOLATILE_MIN for _, key in self.keys)

    def lookup(self, owner: int, key: int) -> int:
        """What looking a key up answers: a slot is needed for one that is in none, be it there or not."""
        if (owner, key) in self.keys and (key >= VOLATILE_MIN or self.volatile < SLOTS):
            return PSA_SUCCESS
        return PSA_ERROR_INSUFFICIENT_MEMORY if self.volatile == SLOTS else PSA_ERROR_INVALID_HANDLE

    def creation(self, owner: int, key: int, pinned: int = 0) -> int:
        if self.volatile + pinned == SLOTS:
            return PSA_ERROR_INSUFFICIENT_MEMORY
        if key and (owner, key) in self.keys:
            return PSA_ERROR_ALREADY_EXISTS
        if key and len(self.keys) - self.volatile == ASSETS:
            return PSA_ERROR_INSUFFICIENT_STORAGE
        return PSA_SUCCESS

    def created(self, owner: int, asked: int, found: tuple[int, int], expected: int, key: Expected) -> None:
        status, key_id = found
        assert status == expected
        if status != PSA_SUCCESS:
            assert key_id == 0
            return
        if asked:
            assert key_id == asked
        else:
            assert VOLATILE_MIN <= key_id < VOLATILE_MIN + SLOTS
            assert all((one, key_id) not in self.keys for one in (0, 1))
        self.keys[owner, key_id] = key

    @rule(owner=OWNERS, key=NEW_IDS, usage=USAGES)
    def import_key(self, owner: int, key: int, usage: int) -> None:
        self.made += 1
        data = self.made.to_bytes(4, "big")
        asked = KeyAttributes(v.PSA_KEY_TYPE_RAW_DATA, lifetime=int(key != 0), usage=usage, id=key)
        found = crypto.psa_import_key(self.client(owner), asked, data)
        self.created(owner, key, found, self.creation(owner, key), Expected(usage, data))

    @rule(owner=OWNERS, source=IDS, key=NEW_IDS, usage=USAGES)
    def copy_key(self, owner: int, source: int, key: int, usage: int) -> None:
        asked = KeyAttributes(lifetime=int(key != 0), usage=usage, id=key)
        found = crypto.psa_copy_key(self.client(owner), source, asked)
        expected, of = self.lookup(owner, source), self.keys.get((owner, source), Expected(0, b""))
        if expected == PSA_SUCCESS:
            pinned = int(source < VOLATILE_MIN)
            allowed = of.usage & COPY
            expected = self.creation(owner, key, pinned) if allowed else PSA_ERROR_NOT_PERMITTED
        self.created(owner, key, found, expected, Expected(usage & of.usage, of.data))

    @rule(owner=OWNERS, key=IDS)
    def destroy_key(self, owner: int, key: int) -> None:
        expected = self.lookup(owner, key)
        assert crypto.psa_destroy_key(self.client(owner), key) == expected
        if expected == PSA_SUCCESS:
            del self.keys[owner, key]

    @rule(owner=OWNERS, key=IDS)
    def purge_key(self, owner: int, key: int) -> None:
        there = (owner, key) in self.keys
        expected = PSA_SUCCESS if there else PSA_ERROR_INVALID_HANDLE
        assert crypto.psa_purge_key(self.client(owner), key) == expected

    @rule(owner=OWNERS, key=IDS)
    def export_key(self, owner: int, key: int) -> None:
        status, data = crypto.psa_export_key(self.client(owner), key, 4)
        expected = self.lookup(owner, key)
        if expected == PSA_SUCCESS and not self.keys[owner, key].usage & EXPORT:
            expected = PSA_ERROR_NOT_PERMITTED
        assert status == expected
        assert data == (self.keys[owner, key].data if status == PSA_SUCCESS else b"")

    @rule()
    def reset(self) -> None:
        self.device = start_partitions(hal=self.device.hal, crypto=CONFIG)
        self.keys = {name: key for name, key in self.keys.items() if name[1] < VOLATILE_MIN}

    @invariant()
    def attributes_are_as_they_were_made(self) -> None:
        for (owner, key), expected in self.keys.items():
            status, found = crypto.psa_get_key_attributes(self.client(owner), key)
            assert status == self.lookup(owner, key)
            if status == PSA_SUCCESS:
                assert (found.usage, found.bits, found.id) == (expected.usage, 32, key)


Keys.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestKeys = Keys.TestCase
