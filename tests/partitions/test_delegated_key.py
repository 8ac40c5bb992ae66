"""Derivation of the delegated key: an independent computation gives the same scalar, and what changes it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.delegated_attestation import (
    CLIENT_277,
    CURVES,
    ORDERS,
    boot_state,
    get_key,
    hkdf,
    scalar_of,
    seed_of_huk,
    slots_of,
)
from support.measured_boot import SHA256, SHA384, SHA512, SIGNER, Extend, extend
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.measured_boot import VERSION_MAX_SIZE
from tfm_sim.partitions.delegated_attestation.config import DelegatedAttestationConfig
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig, MeasurementHash
from tfm_sim.platform.provisioning import DUMMY

FIRST, SECOND = Extend(0, sw_type=b"BL1_2", version=b""), Extend(1, sw_type=b"BL2", value=b"\xcc" * 32)
BITS = pytest.mark.parametrize("bits", [256, 384, 521])
DUMMY_SEED = seed_of_huk(DUMMY.huk)


def start(*measured: Extend, config: MeasuredBootConfig | None = None, **options: bool) -> PartitionBench:
    bench = start_partitions(
        measured_boot=config or MeasuredBootConfig(), delegated=DelegatedAttestationConfig(**options)
    )
    for call in measured:
        assert extend(bench, call) == PSA_SUCCESS
    return bench


def key_of(*measured: Extend, bits: int = 384, hash_alg: int = SHA256) -> bytes:
    status, scalar = get_key(start(*measured).ns, bits, hash_alg)
    assert status == PSA_SUCCESS
    return scalar


def computed(bench: PartitionBench, bits: int) -> bytes:
    return scalar_of(DUMMY_SEED, boot_state(slots_of(bench.ns)), bits)


@BITS
@pytest.mark.parametrize(
    "measured",
    [
        [FIRST],
        [FIRST, SECOND],
        [Extend(31)],
        [Extend(index, value=bytes([index]) * 32, version=b"1") for index in range(0, 32, 5)],
        [Extend(3, signer_id=b"s" * 64, sw_type=b"t" * 32, version=b"v" * VERSION_MAX_SIZE)],
        [Extend(3), Extend(3)],  # the second one blanks version and type
        [Extend(3, algo=SHA384), Extend(4, algo=SHA512)],
    ],
)
def test_an_independent_computation_gives_the_same_scalar(bits: int, measured: list[Extend]) -> None:
    bench = start(*measured)
    assert get_key(bench.ns, bits) == (PSA_SUCCESS, computed(bench, bits))


@BITS
@pytest.mark.parametrize("hash_", MeasurementHash)
def test_measurements_of_every_size(bits: int, hash_: MeasurementHash) -> None:
    bench = start(FIRST, SECOND, config=MeasuredBootConfig(hash=hash_))
    assert get_key(bench.ns, bits) == (PSA_SUCCESS, computed(bench, bits))


def test_texts_that_are_no_utf_8() -> None:
    """TF-M takes them as they are; so does the key."""
    assert key_of(Extend(sw_type=b"\xff\xfe")) != key_of(Extend(sw_type=b"\xff\xfd"))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.builds(
            Extend,
            index=st.integers(0, 31),
            signer_id=st.binary(min_size=32, max_size=64),
            version=st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=14).map(
                str.encode
            ),
            algo=st.sampled_from([SHA256, SHA384, SHA512]),
            sw_type=st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=32).map(
                str.encode
            ),
            value=st.binary(min_size=32, max_size=64),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda call: call.index,
    ),
    st.sampled_from([256, 384, 521]),
)
def test_whatever_was_measured(calls: list[Extend], bits: int) -> None:
    bench = start(*calls)
    assert get_key(bench.ns, bits) == (PSA_SUCCESS, computed(bench, bits))


CHANGES = {
    "a measurement": [FIRST, replace(SECOND, value=b"\xcc" * 31 + b"\xcd")],
    "a version": [FIRST, replace(SECOND, version=b"1.2.3+5")],
    "a signer": [FIRST, replace(SECOND, signer_id=SIGNER[:31] + b"\0")],
    "a longer signer": [FIRST, replace(SECOND, signer_id=SIGNER + bytes(16))],
    "a type": [FIRST, replace(SECOND, sw_type=b"BL3")],
    "the name of the hash": [FIRST, replace(SECOND, algo=SHA384)],
    "the order": [replace(SECOND, index=0), replace(FIRST, index=1)],
    "one more": [FIRST, SECOND, Extend(2)],
    "one less": [FIRST],
    "an extension": [FIRST, SECOND, SECOND],
}


@BITS
@pytest.mark.parametrize("what", CHANGES)
def test_anything_changed_gives_another_key(bits: int, what: str) -> None:
    assert key_of(*CHANGES[what], bits=bits) != key_of(FIRST, SECOND, bits=bits)


@BITS
def test_the_same_measurements_give_the_same_key(bits: int) -> None:
    assert key_of(FIRST, SECOND, bits=bits) == key_of(
        SECOND, FIRST, bits=bits
    )  # slots, not time, are the order


def test_slots_have_no_number_in_the_key() -> None:
    """Only their order counts: empty slots between them leave no trace."""
    assert key_of(FIRST, SECOND) == key_of(replace(FIRST, index=5), replace(SECOND, index=30))


def test_a_lock_is_no_input() -> None:
    assert key_of(replace(FIRST, lock=True), SECOND) == key_of(FIRST, SECOND)


@BITS
@pytest.mark.parametrize("hash_alg", [SHA384, SHA512, v.PSA_ALG_SHA3_512, v.PSA_ALG_SHA_224])
def test_the_hash_named_is_no_input(bits: int, hash_alg: int) -> None:
    assert key_of(FIRST, bits=bits, hash_alg=hash_alg) == key_of(FIRST, bits=bits)


def test_keys_of_all_sizes_begin_with_one_stream() -> None:
    """Neither curve nor size is in the info; P-521 takes 66 bytes and clears the top 7 bits."""
    p256, p384, p521 = (int.from_bytes(key_of(FIRST, SECOND, bits=bits), "big") - 1 for bits in CURVES)
    assert p384 >> 128 == p256
    assert p521 >> (8 * 18) == p384 & ((1 << 377) - 1)


@BITS
def test_the_scalar_is_one_more_than_what_was_drawn(bits: int) -> None:
    """PSA psa_key_derivation_output_key: k up to n - 2 is taken, and k + 1 is the key."""
    bench = start(FIRST)
    secret = hkdf(DUMMY_SEED, CLIENT_277, 32)
    stream = hkdf(secret, boot_state(slots_of(bench.ns)), (bits + 7) // 8)
    drawn = int.from_bytes(stream, "big") & ((1 << bits) - 1)
    assert drawn <= ORDERS[bits] - 2  # a second draw would take more luck than there is
    assert int.from_bytes(get_key(bench.ns, bits)[1], "big") == drawn + 1


def test_another_device_has_another_key() -> None:
    provisioned = replace(DUMMY, huk=DUMMY.huk[::-1])
    keys = []
    for values in (DUMMY, provisioned, provisioned):
        bench = start_partitions(
            provisioning=values, measured_boot=MeasuredBootConfig(), delegated=DelegatedAttestationConfig()
        )
        assert extend(bench, FIRST) == PSA_SUCCESS
        keys.append(get_key(bench.ns)[1])
    assert keys[1] == keys[2] != keys[0]


SHRINKING = [
    ([FIRST, SECOND], [FIRST]),  # BL1_2 has no version, so there is no room for that of BL2
    ([SECOND, FIRST], [FIRST]),
    ([Extend(0), Extend(1)], [Extend(0), Extend(1)]),
    ([Extend(0), Extend(1, sw_type=b"AP_BL31"), Extend(2)], [Extend(0), Extend(2)]),
    ([Extend(0), Extend(1, sw_type=b"AP"), Extend(2)], [Extend(0), Extend(1, sw_type=b"AP")]),
    ([Extend(0), Extend(1, signer_id=b"s" * 48)], [Extend(0)]),
]


@pytest.mark.parametrize(("measured", "read"), SHRINKING)
def test_buffers_that_shrink(measured: list[Extend], read: list[Extend]) -> None:
    """TF-M's slip: what the slot before needed is all the room that a slot has."""
    with_slip = get_key(start(*measured, shrinking_buffers=True).ns)
    assert with_slip == (PSA_SUCCESS, key_of(*read))
    assert (key_of(*measured) == with_slip[1]) is (len(measured) == len(read))
