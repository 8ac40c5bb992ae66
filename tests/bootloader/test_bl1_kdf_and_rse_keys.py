"""BL1's key derivation, and which boot key of an RSE comes from what."""

import hashlib
from dataclasses import replace

import pytest
from support.bl1_bench import OTP, Bl1Bench, bl2

from tfm_sim.bootloader.bl1_config import Bl1Config
from tfm_sim.bootloader.bl1_kdf import crypt_bl2, derive_key
from tfm_sim.bootloader.rse_keys import (
    DERIVATIONS,
    BootState,
    KeyInvalidated,
    RseKeys,
    RseState,
    TpMode,
    boot_state,
)
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.provisioning import DUMMY

HASH = bytes(range(32))
STATE = RseState(TpMode.PCI, reprovisioning_bits=5)
IAK, DAK, CDI = DERIVATIONS


# The known answer that RSE's ROM checks its accelerator with (TF-M rse_boot_self_tests.c).
def test_the_derivation_is_that_of_the_hardware() -> None:
    key = derive_key(b"CryptoCellAESCMACInputKeyMatrial", b"CryptoCellAESlbl", b"CryptoCellAESCtx")
    assert key.hex() == "3ea29c21ed06743a813c7e237660c08f42c6935f64d7f03ede41f419b01238e3"


@pytest.mark.parametrize("length", [1, 15, 16, 17, 32, 48])
def test_the_length_is_part_of_what_is_derived(length: int) -> None:
    key = derive_key(HASH, b"label\0", b"context", length)
    assert len(key) == length
    assert derive_key(HASH, b"label\0", b"context", length + 1)[:length] != key


def test_label_and_context_are_told_apart() -> None:
    assert derive_key(HASH, b"a\0", b"bc") != derive_key(HASH, b"a\0b", b"c")


def test_each_security_counter_has_a_key_of_its_own() -> None:
    streams = {crypt_bl2(HASH, counter, bytes(16), bytes(16)) for counter in (0, 1, 2, 256, 1023)}
    assert len(streams) == 5


@pytest.mark.parametrize(
    "include, hashed",
    [
        (BootState.TP_MODE, "55aa2222"),
        (BootState.LCS, "03000000"),
        (BootState.REPROVISIONING_BITS, "05000000"),
        (BootState.BL1_2_HASH, HASH.hex()),
        (BootState.LCS | BootState.TP_MODE, "55aa222203000000"),
        (BootState.BL1_2_HASH | BootState.REPROVISIONING_BITS, "05000000" + HASH.hex()),
    ],
)
def test_the_boot_state_is_a_hash_in_a_fixed_order(include: BootState, hashed: str) -> None:
    wanted = hashlib.sha256(bytes.fromhex(hashed)).digest()
    assert boot_state(STATE, OtpLcs.SECURED, HASH, include) == wanted


def test_no_boot_state_is_no_context() -> None:
    assert boot_state(STATE, OtpLcs.SECURED, HASH, BootState.NONE) == b""


def test_debug_state_comes_last_where_a_build_has_it() -> None:
    state = replace(STATE, dcu_state=b"\xdd" * 16)
    include = BootState.BL1_2_HASH | BootState.DCU_STATE
    assert boot_state(state, 3, HASH, include) == hashlib.sha256(HASH + b"\xdd" * 16).digest()


@pytest.mark.parametrize(
    "derivation, source, label, context",
    [
        (IAK, DUMMY.huk, b"BL1_IAK_SEED_DERIVATION\0", "05000000"),
        (DAK, DUMMY.guk, b"BL1_DAK_SEED_DERIVATION\0", "55aa2222" "03000000" "05000000" + HASH.hex()),
        (CDI, DUMMY.huk, b"BL1_ROT_CDI_DERIVATION\0", "55aa2222" "03000000" "05000000" + HASH.hex()),
    ],
)  # fmt: skip
def test_a_boot_key_is_its_source_label_and_state(derivation, source, label, context) -> None:  # type: ignore[no-untyped-def]
    keys = RseKeys(DUMMY.huk, DUMMY.guk)
    derived = keys.derive(derivation, STATE, OtpLcs.SECURED, HASH)
    assert derived == derive_key(source, label, hashlib.sha256(bytes.fromhex(context)).digest())


CHANGES = [
    ({"tp_mode": TpMode.TCI}, 3, HASH),
    ({}, 1, HASH),
    ({"reprovisioning_bits": 6}, 3, HASH),
    ({}, 3, HASH[::-1]),
    ({"dcu_state": b"\1" * 16}, 3, HASH),
]


@pytest.mark.parametrize("change, lcs, digest", CHANGES)
def test_the_iak_seed_outlives_everything_but_new_provisioning(change, lcs, digest) -> None:  # type: ignore[no-untyped-def]
    state = replace(STATE, **change)
    seeds = [
        RseKeys(DUMMY.huk, DUMMY.guk).derive(derivation, s, code, h)
        for derivation in DERIVATIONS
        for s, code, h in ((STATE, 3, HASH), (state, lcs, digest))
    ]
    assert (seeds[0] == seeds[1]) is ("reprovisioning_bits" not in change)
    assert seeds[2] != seeds[3]
    assert seeds[4] != seeds[5]


def test_after_bl1_nobody_derives() -> None:
    keys = RseKeys(DUMMY.huk, DUMMY.guk)
    keys.invalidate_hardware_keys()
    with pytest.raises(KeyInvalidated, match="HUK: invalidated by BL1_2"):
        keys.derive(IAK, STATE, 3, HASH)
    assert (keys.huk, keys.guk) == (b"", b"")


def test_bl1_2_of_an_rse_derives_and_then_takes_the_hardware_keys_away() -> None:
    bench = Bl1Bench.make(bl2(), config=Bl1Config(rse=STATE), otp=OTP)
    keys = bench.run_bl1_2().keys
    assert keys is not None
    assert keys.invalid
    assert sorted(keys.derived) == ["DAK_SEED", "IAK_SEED", "ROT_CDI"]
    own_hash = hashlib.sha256(b"BL1_2").digest()
    assert keys.derived["DAK_SEED"] == RseKeys(DUMMY.huk, DUMMY.guk).derive(DAK, STATE, 3, own_hash)
    assert bench.rules[:3] == ["setup_key_from_derivation"] * 3
    assert "kmu_invalidate_hardware_keys" in bench.rules
    told = " ".join(str(event) for event in bench.events)
    assert all(key.hex() not in told for key in keys.derived.values())


def test_another_build_derives_nothing() -> None:
    assert Bl1Bench.make(bl2()).run_bl1_2().keys is None
