"""Which of two errors is answered: memory, sizes, key, claims, room; callers of both worlds; MM-IOVEC."""

from dataclasses import replace
from typing import Any

import pytest
from support.attestation_bench import failing_hal
from support.partition_bench import NS_RAM, SHARED_DATA, PartitionBench, start_partitions
from support.token_parts import CHALLENGE, NSPE, SPE, boot_status, take_apart

from tfm_sim.interface.psa.client import PsaClient, psa_invec, psa_outvec
from tfm_sim.interface.psa.initial_attestation import (
    InitialAttestation,
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.tfm.attestation import TFM_ATTEST_GET_TOKEN, TFM_ATTEST_GET_TOKEN_SIZE
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.spm.panic import DevicePanic

AREA = boot_status(SPE, NSPE)
RFC = AttestationConfig(TokenVariant.RFC_9783)
PLAIN, IN_PLACE = RFC, replace(RFC, mm_iovec=True)
NO_KEY = replace(DUMMY, iak_type=IakType.HMAC)
"""A key that a build for COSE_Sign1 cannot sign with."""
PROGRAMMER, INVALID, GENERIC, SMALL = -129, -135, -132, -138
AT, NULL = psa_invec(NS_RAM, 32), psa_invec(0, 32)
OUT, NO_OUT = (NS_RAM + 0x1000, 0x250), (0, 0x250)


def start(config: AttestationConfig, **options: Any) -> PartitionBench:
    return start_partitions(config, boot_status=options.pop("area", AREA), **options)


def call(client: PsaClient, challenge: Any, token: tuple[int, int]) -> int:
    return client.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN, [challenge], [psa_outvec(*token)]
    )


@pytest.mark.parametrize("config", [PLAIN, IN_PLACE], ids=["copied", "MM-IOVEC"])
@pytest.mark.parametrize(
    ("challenge", "token", "status"),
    [
        # 1. memory of both vectors, whatever else is wrong
        (NULL, OUT, PROGRAMMER),
        (psa_invec(0, 31), OUT, PROGRAMMER),
        (AT, NO_OUT, PROGRAMMER),
        (psa_invec(NS_RAM, 31), NO_OUT, PROGRAMMER),
        (psa_invec(SHARED_DATA, 32), OUT, PROGRAMMER),
        (AT, (SHARED_DATA, 0x250), PROGRAMMER),
        (AT, (0x10, 1), PROGRAMMER),
        # nothing at no address is fine with the SPM
        (psa_invec(0, 0), OUT, INVALID),
        (AT, (0, 0), INVALID),
        # 2., 4. sizes
        (psa_invec(NS_RAM, 65), OUT, INVALID),
        (psa_invec(NS_RAM, 33), OUT, INVALID),
        (psa_invec(NS_RAM, 33), (0, 0), INVALID),
        (AT, (NS_RAM, 0), INVALID),
    ],
)
def test_memory_and_sizes_come_before_the_key(
    config: AttestationConfig, challenge: psa_invec, token: tuple[int, int], status: int
) -> None:
    """Here the key is no good either, there are no components, and the buffer has no room."""
    device = start(config, provisioning=NO_KEY, area=b"")
    assert call(device.ns, challenge, token) == status


@pytest.mark.parametrize("config", [PLAIN, IN_PLACE], ids=["copied", "MM-IOVEC"])
@pytest.mark.parametrize(
    ("options", "capacity", "status"),
    [
        # 5. the key before the claims, the claims before the room
        ({"provisioning": NO_KEY, "area": b""}, 1, GENERIC),
        ({"provisioning": NO_KEY}, 1, GENERIC),
        ({"area": b""}, 1, GENERIC),
        ({"hal": failing_hal("tfm_plat_get_cert_ref")}, 1, GENERIC),
        ({}, 1, SMALL),
        ({}, 514, SMALL),
        ({}, 515, 0),
    ],
)
def test_key_claims_and_room(
    config: AttestationConfig, options: dict[str, Any], capacity: int, status: int
) -> None:
    device = start(config, **options)
    assert call(device.ns, AT, (NS_RAM + 0x1000, capacity)) == status
    found, token = psa_initial_attest_get_token(device.ns, CHALLENGE[:32], capacity)
    assert (found, len(token)) == (status, 0 if status else 515)


@pytest.mark.parametrize("config", [PLAIN, IN_PLACE], ids=["copied", "MM-IOVEC"])
@pytest.mark.parametrize(("challenge", "token"), [(NULL, OUT), (AT, NO_OUT), (AT, (0x10, 1))])
def test_bad_memory_of_a_partition_is_a_panic(
    config: AttestationConfig, challenge: psa_invec, token: tuple[int, int]
) -> None:
    device = start(config)
    with pytest.raises(DevicePanic):
        call(a_partition(device), challenge, token)


@pytest.mark.parametrize("config", [PLAIN, IN_PLACE], ids=["copied", "MM-IOVEC"])
@pytest.mark.parametrize(
    ("challenge", "capacity", "status"),
    [(33, 0x250, INVALID), (32, 0, INVALID), (32, 514, SMALL), (32, 515 - 4, 0)],
)
def test_other_errors_of_a_partition_are_statuses(
    config: AttestationConfig, challenge: int, capacity: int, status: int
) -> None:
    device = start(config)
    client = a_partition(device)
    size = psa_initial_attest_get_token_size(client, 32)[1]
    assert size == 513, "its id takes 3 bytes where the non-secure one takes 5"
    capacity = {514: size - 1, 511: size}.get(capacity, capacity)
    found, token = psa_initial_attest_get_token(client, bytes(challenge), capacity)
    assert (found, len(token)) == (status, 0 if status else size)
    if not status:
        assert take_apart(token).claims[2394] == 259


def a_partition(device: PartitionBench) -> PsaClient:
    crypto = device.kernel.partitions_by_id[259]
    crypto.dependencies |= {device.kernel.services_by_sid[0x20]}
    return device.as_partition(259)


def test_in_place_the_services_own_buffer_is_no_limit() -> None:
    small = replace(RFC, max_token_size=100)
    assert psa_initial_attest_get_token(start(small).ns, bytes(32), 0x250)[0] == SMALL
    in_place = start(replace(small, mm_iovec=True))
    assert psa_initial_attest_get_token(in_place.ns, bytes(32), 0x250)[0] == 0
    assert InitialAttestation(in_place.ns).get_token_size(32) == 515


def test_in_place_and_copied_tokens_are_the_same() -> None:
    copied, in_place = (InitialAttestation(start(c).ns).get_token(CHALLENGE) for c in (PLAIN, IN_PLACE))
    assert copied == in_place


HEAD = bytes.fromhex("d243a10126a0") + b"\x0a\x58\x20" + CHALLENGE[:32]
SEED = bytes.fromhex("19010c5820") + bytes(range(0xA0, 0xC0))
"""Tag, headers and nonce, and the first claim: no head of an array or map is there before its end."""


@pytest.mark.parametrize(
    ("options", "capacity", "left"),
    [
        ({}, 6, HEAD[:6]),
        ({}, len(HEAD), HEAD),
        ({}, len(HEAD + SEED) - 1, HEAD + SEED[:5]),  # label and length fit, the value does not
        ({}, len(HEAD + SEED), HEAD + SEED),
        ({"hal": failing_hal("tfm_plat_get_boot_seed")}, 0x250, HEAD),
        ({"provisioning": NO_KEY}, 0x250, b""),
    ],
)
def test_in_place_a_failed_call_leaves_what_there_was(
    options: dict[str, Any], capacity: int, left: bytes
) -> None:
    device = start(IN_PLACE, **options)
    cpu = device.ns.cpu  # type: ignore[attr-defined]
    cpu.store(NS_RAM, CHALLENGE)
    cpu.store(NS_RAM + 0x1000, b"\xee" * 0x250)
    out = psa_outvec(NS_RAM + 0x1000, capacity)
    assert device.ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN, [AT], [out]) < 0
    assert cpu.load(NS_RAM + 0x1000, 0x250) == left.ljust(0x250, b"\xee")
    assert out.len == 0


def test_in_place_all_but_the_signature_may_be_left() -> None:
    device = start(IN_PLACE)
    cpu = device.ns.cpu  # type: ignore[attr-defined]
    cpu.store(NS_RAM, CHALLENGE)
    assert call(device.ns, AT, (NS_RAM + 0x1000, 514)) == SMALL
    payload = take_apart(InitialAttestation(device.ns).get_token(CHALLENGE[:32])).payload
    left = bytes.fromhex("d243a10126a059") + len(payload).to_bytes(2, "big") + payload
    assert cpu.load(NS_RAM + 0x1000, len(left)) == left


def test_copied_a_failed_call_leaves_nothing() -> None:
    device = start(PLAIN)
    cpu = device.ns.cpu  # type: ignore[attr-defined]
    cpu.store(NS_RAM + 0x1000, b"\xee" * 0x250)
    assert call(device.ns, AT, (NS_RAM + 0x1000, 514)) == SMALL
    assert cpu.load(NS_RAM + 0x1000, 0x250) == b"\xee" * 0x250


@pytest.mark.parametrize(("size", "status", "after"), [(32, 0, 515), (33, INVALID, 0), (0, INVALID, 0)])
def test_size_after_a_size_call(size: int, status: int, after: int) -> None:
    """The variable is zero after a refusal (TF-M 2.2), whatever it was."""
    assert psa_initial_attest_get_token_size(start(RFC).ns, size, 43690) == (status, after)


@pytest.mark.parametrize(("challenge", "room"), [(4, 3), (4, 8), (3, 4), (8, 4), (4, 0)])
def test_size_call_with_vectors_of_another_size(challenge: int, room: int) -> None:
    """TF-M tfm_attest_req_mngr: both are a size_t, no more and no less."""
    sent, out = (32).to_bytes(challenge, "little"), psa_outvec(bytearray(room))
    device = start(RFC)
    assert (
        device.ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN_SIZE, [sent], [out])
        == INVALID
    )


def test_size_call_with_a_key_that_cannot_sign() -> None:
    device = start(RFC, provisioning=NO_KEY)
    assert psa_initial_attest_get_token_size(device.ns, 32, 43690) == (GENERIC, 0)
