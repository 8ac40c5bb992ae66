"""Software components of a token: boot records, the claims of 2019, measurement slots."""

from collections.abc import Sequence
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.partition_bench import PartitionBench, start_partitions
from support.token_parts import CHALLENGE, load_recording, take_apart

from tfm_sim.interface.psa.crypto_values import (
    PSA_ALG_SHA3_256,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
)
from tfm_sim.interface.psa.initial_attestation import InitialAttestation, psa_initial_attest_get_token
from tfm_sim.interface.psa.status import PSA_ERROR_GENERIC_ERROR, PsaError
from tfm_sim.interface.tfm.boot_status import (
    BootStatusEntry,
    BootStatusEra,
    GeneralClaim,
    decode_area,
    encode_area,
)
from tfm_sim.interface.tfm.measured_boot import MeasuredBoot
from tfm_sim.partitions.initial_attestation.boot_data import boot_data_of, get_uint
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.partitions.initial_attestation.errors import AttestErr, AttestFailure
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.panic import DevicePanic

SW_COMPONENTS, NO_SW_COMPONENTS, LIFECYCLE, BOOT_SEED, HW_VERSION = -75006, -75007, -75002, -75004, -75005
EARLY, NO_EPOCH, RECORDS = BootStatusEra.TFM_2019_02, BootStatusEra.TFM_2019_09, BootStatusEra.TFM_2019_10
TODAY = BootStatusEra.TODAY
Claims = Sequence[tuple[int, bytes]]


def device_of(era: BootStatusEra, entries: Claims, **config: Any) -> PartitionBench:
    """``entries`` are (minor number, data) of attestation's major."""
    area = encode_area([BootStatusEntry(0x1000 | minor, data) for minor, data in entries], era)
    return start_partitions(
        AttestationConfig(boot_status=era, **config), boot_status=area, spm=SpmConfig(boot_status=era)
    )


def claims_of(device: PartitionBench) -> dict[int, Any]:
    status, token = psa_initial_attest_get_token(device.ns, CHALLENGE, 0x250)
    assert status == 0
    return take_apart(token).claims


def minor(module: int, claim: int) -> int:
    return module << 6 | claim


def module_claims(module: int, *claims: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    return [(minor(module, claim), data) for claim, data in claims]


TYPE, VERSION, EPOCH = (3, b"SPE"), (0, b"1.2.3"), (2, bytes.fromhex("01000000"))
VALUE, DESCRIPTION, SIGNER = (8, b"v" * 32), (9, b"SHA256"), (1, b"s" * 32)


@pytest.mark.parametrize(
    ("era", "claims", "component"),
    [
        # what BL2 writes, in that order
        (
            EARLY,
            [TYPE, VERSION, EPOCH, VALUE, DESCRIPTION, SIGNER],
            {1: "SPE", 4: "1.2.3", 3: 1, 2: b"v" * 32, 6: "SHA256", 5: b"s" * 32},
        ),
        (NO_EPOCH, [TYPE, VERSION, VALUE, DESCRIPTION], {1: "SPE", 4: "1.2.3", 2: b"v" * 32, 6: "SHA256"}),
        # the first measurement claim draws the others to it
        (EARLY, [VALUE, SIGNER, DESCRIPTION, TYPE], {2: b"v" * 32, 6: "SHA256", 5: b"s" * 32, 1: "SPE"}),
        # claims without an encoding are left out; among measurement claims one ends them
        (NO_EPOCH, [TYPE, EPOCH], {1: "SPE"}),
        (EARLY, [TYPE, (2, b"\1\2\3")], {1: "SPE"}),
        (EARLY, [TYPE, (5, b"?")], {1: "SPE"}),
        (EARLY, [VALUE, (0x0A, b"?"), DESCRIPTION, TYPE], {2: b"v" * 32, 1: "SPE"}),
        (EARLY, [(0x0A, b"?"), VALUE, TYPE], {1: "SPE"}),
        (EARLY, [(2, b"\xff")], {3: 0xFF}),
        (EARLY, [(2, b"\x01\x02")], {3: 0x201}),
        (EARLY, [(3, b"")], {1: ""}),
        (EARLY, [(5, b"?")], {}),
    ],
)
def test_a_component_of_separate_claims(
    era: BootStatusEra, claims: Claims, component: dict[int, Any]
) -> None:
    found = claims_of(device_of(era, module_claims(4, *claims)))[SW_COMPONENTS]
    assert [list(c.items()) for c in found] == [list(component.items())]  # the order counts


@pytest.mark.parametrize(
    ("modules", "types"),
    [
        ([5, 4], ["SPE 4", "SPE 5"]),  # by module, not by place
        ([6], ["SPE 6"]),
        ([1, 2, 3, 4, 5, 6], [f"SPE {n}" for n in range(1, 7)]),
        ([7, 6], ["SPE 6"]),  # SW_MAX and up are nobody's
        ([0], None),  # module GENERAL is about the device
        ([63], None),
        ([], None),
    ],
)
def test_components_by_module(modules: list[int], types: list[str] | None) -> None:
    entries = [(minor(module, 3), f"SPE {module}".encode()) for module in modules]
    claims = claims_of(device_of(EARLY, entries))
    if types is None:
        assert claims[NO_SW_COMPONENTS] == 1
        assert SW_COMPONENTS not in claims
    else:
        assert [component[1] for component in claims[SW_COMPONENTS]] == types


@pytest.mark.parametrize("era", [EARLY, NO_EPOCH, RECORDS])
@pytest.mark.parametrize(
    ("claim", "data", "label", "value"),
    [
        (0, b"seed of the boot loader", BOOT_SEED, b"seed of the boot loader"),
        (1, b"0123456789012-54321", HW_VERSION, "0123456789012-54321"),
        (2, b"\x00\x20", LIFECYCLE, 0x2000),
        (2, b"\x05", LIFECYCLE, 5),
        (2, bytes.fromhex("00600000"), LIFECYCLE, 0x6000),
    ],
)
def test_the_boot_loader_speaks_for_the_platform(
    era: BootStatusEra, claim: int, data: bytes, label: int, value: object
) -> None:
    device = device_of(era, [(claim, data), (minor(4, 3), b"\x61A")])  # text in either form
    assert claims_of(device)[label] == value


@pytest.mark.parametrize(("claim", "data", "label"), [(0, b"seed", BOOT_SEED), (1, b"hw", HW_VERSION)])
def test_today_the_boot_loader_has_no_say(claim: int, data: bytes, label: int) -> None:
    plain = claims_of(device_of(TODAY, []))
    assert claims_of(device_of(TODAY, [(claim, data)])) == plain
    assert plain[label] not in (data, data.decode())


def test_the_first_general_claim_counts() -> None:
    assert claims_of(device_of(EARLY, [(2, b"\x00\x10"), (2, b"\x00\x20")]))[LIFECYCLE] == 0x1000


@pytest.mark.parametrize("data", [b"", b"\0\0\0", bytes(8), b"\x01\x60", bytes.fromhex("00000100")])
def test_a_lifecycle_that_is_none(data: bytes) -> None:
    device = device_of(EARLY, [(2, data)])
    assert psa_initial_attest_get_token(device.ns, CHALLENGE, 0x250)[0] == PSA_ERROR_GENERIC_ERROR


@pytest.mark.parametrize(("data", "number"), [(b"\1", 1), (b"\1\2", 0x201), (bytes(4), 0), (b"", None)])
def test_numbers_have_1_2_or_4_bytes(data: bytes, number: int | None) -> None:
    assert get_uint(data) == number


RECORD = cbor2.dumps({1: "SPE", 2: b"m" * 32})


@pytest.mark.parametrize(
    ("era", "entries", "count"),
    [
        (RECORDS, [(minor(4, 0x3F), RECORD), (minor(5, 0x3F), RECORD)], 2),
        (RECORDS, [(minor(0, 0x3F), RECORD)], 0),  # module 0 was the device's
        (RECORDS, [(minor(4, 0x3F), RECORD), (minor(4, 0x3E), b"?")], 1),
        (TODAY, [(minor(0, 0x3F), RECORD), (minor(1, 0x3F), RECORD)], 2),
        (TODAY, [(minor(0, 0x03), b"SPE"), (minor(0, 0x3F), RECORD)], 0),  # only the first entry counts
        (TODAY, [(minor(7, 0x3F), RECORD)], 0),
    ],
)
def test_boot_records_by_era(era: BootStatusEra, entries: Claims, count: int) -> None:
    assert len(claims_of(device_of(era, entries)).get(SW_COMPONENTS, [])) == count


def test_512_bytes_of_boot_status_in_2019() -> None:
    assert claims_of(device_of(EARLY, [(minor(4, 0x3E), bytes(512 - 8))]))[SW_COMPONENTS] == [{}]
    with pytest.raises(DevicePanic, match="entry_init"):
        device_of(EARLY, [(minor(4, 0x3E), bytes(512 - 7))])


@pytest.mark.parametrize(("bl2", "reader"), [(TODAY, EARLY), (EARLY, TODAY), (RECORDS, TODAY)])
def test_eras_that_do_not_fit_give_no_token_that_pretends(bl2: BootStatusEra, reader: BootStatusEra) -> None:
    """Lengths are off by four: no component comes through as it was meant."""
    entries = [BootStatusEntry(0x1000 | m, d) for m, d in module_claims(4, TYPE, VERSION, VALUE)]
    try:
        device = start_partitions(
            AttestationConfig(boot_status=reader),
            boot_status=encode_area(entries, bl2),
            spm=SpmConfig(boot_status=reader),
        )
    except DevicePanic:
        return
    status, token = psa_initial_attest_get_token(device.ns, CHALLENGE, 0x250)
    whole = {1: "SPE", 4: "1.2.3", 2: b"v" * 32}
    if status == 0:
        assert whole not in take_apart(token).claims.get(SW_COMPONENTS, [])


class Fetched:
    """An SPM that gives these bytes."""

    def __init__(self, area: bytes) -> None:
        self.area = area

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        return 0, self.area


@given(
    st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"\x16\x20" + b),
    st.sampled_from(BootStatusEra),
)
def test_whatever_the_spm_gives_only_the_own_failure_comes_out(area: bytes, era: BootStatusEra) -> None:
    data = boot_data_of(Fetched(area), AttestationConfig(boot_status=era))  # type: ignore[arg-type]
    data.general_claim(GeneralClaim.BOOT_SEED)
    try:
        data.software_components()
    except AttestFailure as failure:
        assert failure.error is AttestErr.CLAIM_UNAVAILABLE


# ---- measurement slots


@pytest.fixture
def measured() -> PartitionBench:
    return start_partitions(AttestationConfig(max_token_size=0x2000), measured_boot=MeasuredBootConfig())


def token_claims(device: PartitionBench) -> dict[int, Any]:
    return take_apart(InitialAttestation(device.ns).get_token(CHALLENGE, 0x2000)).claims


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [(PSA_ALG_SHA_256, "sha-256"), (PSA_ALG_SHA_384, "sha-384"), (PSA_ALG_SHA_512, "sha-512")],
)
def test_a_component_is_what_its_slot_holds(algorithm: int, name: str, measured: PartitionBench) -> None:
    slots = MeasuredBoot(measured.ns)
    slots.extend_measurement(
        9, b"v" * 32, signer_id=b"s" * 48, version="1.0", sw_type="APP", measurement_algo=algorithm
    )
    held = slots.read_measurement(9)
    (component,) = token_claims(measured)[SW_COMPONENTS]
    assert list(component.items()) == [
        *((5, b"s" * 48), (4, "1.0"), (1, "APP"), (6, name)),
        (2, held.measurement_value),
    ]


def test_components_by_slot_and_texts_gone_after_a_second_extend(measured: PartitionBench) -> None:
    slots = MeasuredBoot(measured.ns)
    for index in (31, 0, 5, 5):
        slots.extend_measurement(index, b"v" * 32, signer_id=b"s" * 32, version="1", sw_type=f"S{index}")
    found = token_claims(measured)[SW_COMPONENTS]
    assert [(component[1], component[4]) for component in found] == [("S0", "1"), ("", ""), ("S31", "1")]


def test_each_token_reads_the_slots_anew(measured: PartitionBench) -> None:
    slots = MeasuredBoot(measured.ns)
    slots.extend_measurement(2, b"v" * 32, signer_id=b"s" * 32)
    first = token_claims(measured)[SW_COMPONENTS]
    slots.extend_measurement(2, b"v" * 32, signer_id=b"s" * 32)
    assert token_claims(measured)[SW_COMPONENTS] != first


def test_all_slots_in_one_token(measured: PartitionBench) -> None:
    slots = MeasuredBoot(measured.ns)
    for index in range(32):
        slots.extend_measurement(index, b"v" * 32, signer_id=b"s" * 32)
    assert len(token_claims(measured)[SW_COMPONENTS]) == 32


@pytest.mark.parametrize("algorithm", [0, PSA_ALG_SHA3_256, 0xFFFFFFFF])
def test_an_algorithm_without_a_name_fails_the_whole_token(algorithm: int, measured: PartitionBench) -> None:
    slots = MeasuredBoot(measured.ns)
    slots.extend_measurement(2, b"v" * 32, signer_id=b"s" * 32)
    slots.extend_measurement(3, b"v" * 32, signer_id=b"s" * 32, measurement_algo=algorithm)
    with pytest.raises(PsaError, match="GENERIC_ERROR"):
        InitialAttestation(measured.ns).get_token(CHALLENGE)


@pytest.mark.parametrize("variant", [v for v in TokenVariant if v is not TokenVariant.TFM_2019])
def test_no_slot_is_no_component(variant: TokenVariant) -> None:
    device = start_partitions(AttestationConfig(variant), measured_boot=MeasuredBootConfig())
    status, token = psa_initial_attest_get_token(device.ns, CHALLENGE, 0x250)
    if variant.has_legacy_labels:
        assert take_apart(token).claims[NO_SW_COMPONENTS] == 1
    else:
        assert status == PSA_ERROR_GENERIC_ERROR


def test_with_the_partition_boot_records_count_for_nothing() -> None:
    area = encode_area([BootStatusEntry(0x103F, RECORD), BootStatusEntry(0x107F, bytes(600))])
    device = start_partitions(boot_status=area, measured_boot=MeasuredBootConfig())
    assert len(decode_area(area)) == 2
    assert claims_of(device)[NO_SW_COMPONENTS] == 1


def test_the_token_of_the_recorded_pair() -> None:
    """expected.json: TF-M's own images in slots 2 and 3."""
    recorded = load_recording("mcuboot/expected.json")["_tfm_pair_expected_mbs"]
    area = bytes.fromhex(recorded["shared"])
    device = start_partitions(boot_status=area, measured_boot=MeasuredBootConfig())
    found = claims_of(device)[SW_COMPONENTS]
    assert [(c[1], c[4], c[6], c[2].hex()) for c in found] == [
        ("RT_0", "2.2.0+0", "sha-256", recorded["slot2_after_collect"]),
        ("RT_1", "0.0.0+0", "sha-256", recorded["slot3_after_collect"]),
    ]
