"""Boot data as releases of TF-M differ in it: how much is asked for, and what a boot loader may say."""

from typing import Any

import pytest
from support.partition_bench import PartitionBench, start_partitions
from support.token_parts import CHALLENGE, SPE, take_apart

from tfm_sim.interface.psa.initial_attestation import InitialAttestation, psa_initial_attest_get_token
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, encode_area
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.spm.panic import DevicePanic

OLD = TokenVariant.PSA_IOT_PROFILE_1_2022
SEED, CERT_REF, LIFECYCLE = 0x1000, 0x1001, 0x1002
GENERIC = -132


def start(entries: list[tuple[int, bytes]], variant: TokenVariant = OLD, **options: Any) -> PartitionBench:
    area = encode_area([BootStatusEntry(kind, data) for kind, data in entries])
    config = AttestationConfig(variant, max_token_size=0x400, **options)
    return start_partitions(config, boot_status=area)


def claims(device: PartitionBench) -> dict[int, Any]:
    return take_apart(InitialAttestation(device.ns).get_token(CHALLENGE)).claims


@pytest.mark.parametrize(
    ("variant", "room", "most"),
    [
        (TokenVariant.PSA_IOT_PROFILE_1, None, 504),  # TF-M 2.2: MAX_BOOT_STATUS
        (TokenVariant.PSA_IOT_PROFILE_1, 516, 508),  # TF-M 2.3: sizeof(boot_data)
        (OLD, None, 508),  # TF-M 2.1.6
        (OLD, 512, 504),  # TF-M 2.1.0 and before
    ],
)
def test_room_for_boot_data(variant: TokenVariant, room: int | None, most: int) -> None:
    record = b"\xa1\x01\x59" + (most - 5).to_bytes(2, "big") + bytes(most - 5)
    device = start([(0x103F, record)], variant, boot_status_room=room)
    assert claims(device)[-75006] == [{1: bytes(most - 5)}]
    with pytest.raises(DevicePanic, match="-144"):
        start([(0x103F, record + b"\0")], variant, boot_status_room=room)


@pytest.mark.parametrize(
    ("kind", "data", "label", "told", "platforms"),
    [
        (SEED, b"b" * 8, -75004, b"b" * 8, bytes(range(0xA0, 0xC0))),
        (CERT_REF, b"1234567890123", -75005, "1234567890123", "0604565272829-10010"),
        (LIFECYCLE, b"\x45\0\0\x80", -75002, 0x80000045, 0x3000),
        (LIFECYCLE, b"\x05", -75002, 5, 0x3000),
    ],
)
def test_the_boot_loader_went_before_the_platform_until_2023(
    kind: int, data: bytes, label: int, told: object, platforms: object
) -> None:
    entries = [(0x1008, b"other"), (kind, data), (kind, b"second"), (0x107F, b"\xa1\x01\x63SPE")]
    assert claims(start(entries, boot_loader_claims=True))[label] == told
    assert claims(start(entries))[label] == platforms


def test_general_is_also_the_module_of_the_first_image() -> None:
    entries = [(0x103F, b"\xa1\x01\x63SPE"), (SEED, b"b" * 8)]
    found = claims(start(entries, boot_loader_claims=True))
    assert (found[-75004], found[-75006]) == (b"b" * 8, [{1: SPE[1]}])


@pytest.mark.parametrize("length", [0, 3, 5, 8])
def test_a_lifecycle_that_is_no_number(length: int) -> None:
    entries = [(LIFECYCLE, bytes(length))]
    device = start(entries, boot_loader_claims=True)
    assert psa_initial_attest_get_token(device.ns, bytes(32), 0x250)[0] == GENERIC
    assert claims(start(entries))[-75002] == 0x3000
