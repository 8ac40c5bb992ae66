"""Whole devices that measure: power, boot status, slots, token, verdict; and the boot status of 2019."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfm_sim
from tfm_sim import (
    AttestationConfig,
    BootRefused,
    BootStatusEra,
    Build,
    Device,
    DevicePanic,
    FwuConfig,
    MeasuredBootConfig,
    MeasurementHash,
    PsaError,
    PsaStatus,
    SpmConfig,
    TokenVariant,
    bl2_config_for,
    load_board,
    with_boot_status,
)
from tfm_sim.device import Stage
from tfm_sim.firmware_build import bl1_config_for
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384
from tfm_sim.interface.tfm.boot_status import GeneralClaim, decode_area
from tfm_sim.interface.trace import Event
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import DEFAULT
from tfm_sim.spm.load import LoadError
from tfm_sim.tools.demo_firmware import NON_SECURE_IMAGE, SECURE_IMAGE, flash_demo_firmware
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import Verdict, load_key, verify

CHALLENGE = bytes(range(32))
SW_COMPONENTS = -75006
SIGNER = b"\x5a" * 32
BL2 = bl2_config_for(load_board("an521"))
SILENT = replace(BL2, measured_boot=False)
NO_BOOT_DATA = SpmConfig(boot_data_available=False)
LEVELS = pytest.mark.parametrize("level", [1, 2, 3])
EARLY = [BootStatusEra.TFM_2019_02, BootStatusEra.TFM_2019_09]


def measuring(level: int = 1, *, bl2: dict[str, Any] | None = None, **config: Any) -> Build:
    """The measured boot partition, and a BL2 that measures for it."""
    return Build(
        bl2=replace(BL2, store_encoded_measurements=False, **(bl2 or {})),
        spm=SpmConfig(isolation_level=level),
        attestation=AttestationConfig(max_token_size=0x1000),
        measured_boot=MeasuredBootConfig(**config),
    )


def hash_tlv(image: bytes) -> bytes:
    """The SHA256 TLV of a demo image, the first 32 bytes behind its type and length."""
    at = image.rindex(bytes.fromhex("10002000")) + 4
    return image[at : at + 32]


S_HASH, NS_HASH = (hash_tlv(image.read_bytes()) for image in (SECURE_IMAGE, NON_SECURE_IMAGE))


def extended(*values: bytes, name: str = "sha256") -> bytes:
    value = bytes(hashlib.new(name).digest_size)
    for new in values:
        value = hashlib.new(name, value + new).digest()
    return value


def token_of(device: Device) -> tuple[dict[int, Any], Verdict]:
    """The claims of a token, and what the verifier says to it."""
    token = device.psa.initial_attestation.get_token(CHALLENGE, 0x1000)
    verdict = verify(token, load_key(iak_verification_key(device.hardware)), challenge=CHALLENGE)
    claims: dict[int, Any] = cbor2.loads(cbor2.loads(token).value[2])
    return claims, verdict


def components(device: Device) -> list[dict[int, Any]]:
    claims, verdict = token_of(device)
    assert verdict.ok, verdict.reasons
    found: list[dict[int, Any]] = claims[SW_COMPONENTS]
    return found


@LEVELS
def test_from_power_to_a_token_that_follows_what_ns_measures(level: int) -> None:
    with tfm_sim.boot(build=measuring(level)) as device:
        slots = device.tfm.measured_boot
        for index, value, sw_type in ((2, S_HASH, b"RT_0"), (3, NS_HASH, b"RT_1")):
            found = slots.read_measurement(index)
            assert (found.measurement_value, found.sw_type) == (extended(value), sw_type)
            assert (found.version, found.measurement_algo) == (b"1.0.0+0", PSA_ALG_SHA_256)
            assert found.is_locked is False
        first = components(device)
        assert [(c[1], c[2], c[4], c[6]) for c in first] == [
            ("RT_0", extended(S_HASH), "1.0.0+0", "sha-256"),
            ("RT_1", extended(NS_HASH), "1.0.0+0", "sha-256"),
        ]
        assert list(first[0]) == [5, 4, 1, 6, 2]
        slots.extend_measurement(8, b"\xbb" * 32, signer_id=SIGNER, version="7.1", sw_type="APP", lock=True)
        assert components(device) == [
            *first,
            {5: SIGNER, 4: "7.1", 1: "APP", 6: "sha-256", 2: extended(b"\xbb" * 32)},
        ]
        with pytest.raises(PsaError) as refused:
            slots.extend_measurement(8, b"\xbb" * 32, signer_id=SIGNER)
        assert refused.value.status is PsaStatus.PSA_ERROR_BAD_STATE
        assert len(components(device)) == 3


def test_another_image_is_another_measurement() -> None:
    with Device(build=measuring()) as device:
        flash_demo_firmware(device)
        upgrade = (SECURE_IMAGE.parent / "secure_1.1.0.bin").read_bytes()
        device.flash_image(0, upgrade)
        device.power_on()
        found = device.tfm.measured_boot.read_measurement(2)
        assert (found.version, found.measurement_value) == (b"1.1.0+0", extended(hash_tlv(upgrade)))
        assert found.measurement_value != extended(S_HASH)


def test_the_signer_of_an_image_may_extend_its_slot_and_nobody_else() -> None:
    with tfm_sim.boot(build=measuring()) as device:
        slots = device.tfm.measured_boot
        signer = slots.read_measurement(2).signer_id
        with pytest.raises(PsaError, match="NOT_PERMITTED"):
            slots.extend_measurement(2, b"\xbb" * 32, signer_id=SIGNER)
        with pytest.raises(PsaError, match="NOT_PERMITTED"):
            slots.extend_measurement(2, b"\xbb" * 32, signer_id=signer, measurement_algo=PSA_ALG_SHA_384)
        slots.extend_measurement(2, b"\xbb" * 32, signer_id=signer)
        first, _ = components(device)
        assert (first[1], first[4], first[2]) == ("", "", extended(S_HASH, b"\xbb" * 32))


def test_a_reset_forgets_extends_and_locks() -> None:
    with tfm_sim.boot(build=measuring()) as device:
        before = components(device)
        device.tfm.measured_boot.extend_measurement(8, bytes(32), signer_id=SIGNER, lock=True)
        device.reset()
        assert components(device) == before
        device.tfm.measured_boot.extend_measurement(8, bytes(32), signer_id=SIGNER)


@pytest.mark.parametrize("hash_", MeasurementHash)
def test_slots_by_another_hash(hash_: MeasurementHash) -> None:
    with tfm_sim.boot(build=measuring(hash=hash_)) as device:
        first, _ = components(device)
        assert first[2] == extended(S_HASH, name=hash_.value)
        assert first[6] == "sha-256"  # how BL2 measured


@pytest.mark.parametrize("variant", [v for v in TokenVariant if v is not TokenVariant.TFM_2019])
def test_slots_in_every_profile(variant: TokenVariant) -> None:
    build = measuring()
    with tfm_sim.boot(build=replace(build, attestation=AttestationConfig(variant))) as device:
        claims, verdict = token_of(device)
        assert verdict.ok, verdict.reasons
        label = SW_COMPONENTS if variant.has_legacy_labels else 2399
        assert [c[1] for c in claims[label]] == ["RT_0", "RT_1"]


def with_bl1(**options: Any) -> Build:
    board = load_board("an521_bl1")
    bl2 = replace(bl2_config_for(board), store_encoded_measurements=False)
    return replace(measuring(), bl1=bl1_config_for(board), bl2=bl2, **options)


def test_what_bl1_measured_is_in_slots_of_its_own() -> None:
    """BL1 writes before BL2, whose writer leaves that alone."""
    with tfm_sim.boot("an521_bl1", build=with_bl1()) as device:
        slots = device.tfm.measured_boot
        assert [slots.read_measurement(n).is_locked for n in range(4)] == [True, True, False, False]
        assert [c[1] for c in components(device)] == ["BL1_2", "BL2", "RT_0", "RT_1"]
        assert slots.read_measurement(0).signer_id == bytes(32)
        assert len(slots.read_measurement(1).signer_id) == 48  # the size of BL1_2's buffer
        with pytest.raises(PsaError, match="BAD_STATE"):
            slots.extend_measurement(1, bytes(32), signer_id=slots.read_measurement(1).signer_id)


def test_what_bl1_measured_is_lost_where_mcuboot_writes_first() -> None:
    """The firmware update partition's entries come through MCUboot's writer, which zeroes the area."""
    with tfm_sim.boot("an521_bl1", build=with_bl1(firmware_update=FwuConfig())) as device:
        assert [c[1] for c in components(device)] == ["RT_0", "RT_1"]


def test_firmware_update_entries_go_beside_the_pairs() -> None:
    with Device(build=measuring(bl2={"fwu_boot_data": True})) as device:
        flash_demo_firmware(device)
        device.run_bl2()
        assert [f"{e.tlv_type:04x}" for e in decode_area(device.shared_data())] == [
            *("2040", "30ca", "30c8"),
            *("2000", "308a", "3088"),
        ]


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (Build(measured_boot=MeasuredBootConfig()), 0),  # BL2 wrote boot records, which nobody reads
        (Build(bl2=replace(BL2, store_encoded_measurements=False)), 0),  # pairs, and no partition for them
        (Build(bl2=None, measured_boot=MeasuredBootConfig()), 0),
        (Build(bl2=SILENT, spm=NO_BOOT_DATA, measured_boot=MeasuredBootConfig()), 0),
        (Build(bl2=SILENT, spm=NO_BOOT_DATA), 0),
        (Build(spm=NO_BOOT_DATA), 0),
        (Build(), 2),
        (measuring(store_measurements=False), 0),
    ],
)
def test_builds_whose_halves_do_not_meet(build: Build, count: int) -> None:
    with tfm_sim.boot(build=build) as device:
        claims, verdict = token_of(device)
        assert verdict.ok, verdict.reasons
        assert len(claims.get(SW_COMPONENTS, [])) == count
        assert (-75007 in claims) is (count == 0)


@pytest.mark.parametrize(
    "build", [Build(bl2=SILENT), Build(bl2=None, spm=SpmConfig(boot_data_available=True))]
)
def test_a_runtime_that_waits_for_a_boot_status_does_not_start_without(build: Build) -> None:
    """TF-M: a BL2 that shares nothing wants BOOT_DATA_AVAILABLE off."""
    with pytest.raises(DevicePanic, match="TFM_SP_INITIAL_ATTESTATION broke a rule: entry_init"):
        tfm_sim.boot(build=build)


@pytest.mark.parametrize(
    ("crypto", "lacking"),
    [
        (CryptoConfig(single_part_functions=False), "single_part_functions"),
        (CryptoConfig(wants=DEFAULT - {"PSA_WANT_ALG_SHA_256"}), "the hash SHA256"),
    ],
)
def test_without_its_hash_there_is_no_build(crypto: CryptoConfig, lacking: str) -> None:
    build = Build(crypto=crypto, measured_boot=MeasuredBootConfig(), ps=None)
    with pytest.raises(LoadError, match=f"measured boot hashes .* lacks {lacking}; legal: "):
        tfm_sim.Device(build=build)


def test_without_the_partition_its_service_is_not_there() -> None:
    with tfm_sim.boot() as device:
        with pytest.raises(PsaError, match="read_measurement: PSA_ERROR_PROGRAMMER_ERROR"):
            device.tfm.measured_boot.read_measurement(0)
        with pytest.raises(LoadError, match="TFM_MEASURED_BOOT"):
            device.service("TFM_MEASURED_BOOT")


def test_the_service_as_its_manifest_has_it() -> None:
    with tfm_sim.boot(build=measuring()) as device:
        service = device.service("TFM_MEASURED_BOOT")
        assert (service.sid, service.version, service.handle) == (0xC0, 1, 0x40000110)


@pytest.mark.parametrize("board", ["an521", "an521_single_image", "an521_dual_core"])
def test_boards(board: str) -> None:
    loaded = load_board(board)
    build = Build(
        bl2=replace(bl2_config_for(loaded), store_encoded_measurements=False),
        measured_boot=MeasuredBootConfig(),
    )
    with tfm_sim.boot(board, build=build) as device:
        assert len(components(device)) == loaded.image_count


# ---- 2019


@LEVELS
@pytest.mark.parametrize("era", EARLY)
def test_a_device_of_2019_from_power_to_a_verified_token(era: BootStatusEra, level: int) -> None:
    build = with_boot_status(Build(spm=SpmConfig(isolation_level=level)), era)
    with tfm_sim.boot(build=build) as device:
        secure, non_secure = components(device)
    epoch = {3: 0} if era is BootStatusEra.TFM_2019_02 else {}
    signer = hashlib.sha256(pubkey_tlv(SECURE_IMAGE.read_bytes())).digest()
    assert secure == {1: "SPE", 4: "1.0.0", **epoch, 2: S_HASH, 6: "SHA256", 5: signer}
    assert (non_secure[1], non_secure[2]) == ("NSPE", NS_HASH)


def pubkey_tlv(image: bytes) -> bytes:
    at = image.rindex(bytes.fromhex("02005b00")) + 4
    return image[at : at + 0x5B]


def test_one_image_of_2019_is_s_and_ns() -> None:
    build = with_boot_status(Build(bl2=bl2_config_for(load_board("an521_single_image"))), EARLY[0])
    with tfm_sim.boot("an521_single_image", build=build) as device:
        (component,) = components(device)
        assert component[1] == "NSPE_SPE"


def test_boot_records_of_october_2019() -> None:
    with tfm_sim.boot(build=with_boot_status(Build(), BootStatusEra.TFM_2019_10)) as device:
        old = components(device)
    with tfm_sim.boot() as device:
        assert components(device) == old


@pytest.mark.parametrize("era", [*EARLY, BootStatusEra.TFM_2019_10])
def test_without_a_boot_loader_the_area_is_empty_and_the_token_says_so(era: BootStatusEra) -> None:
    with tfm_sim.boot(build=with_boot_status(Build(bl2=None), era)) as device:
        claims, verdict = token_of(device)
        assert verdict.ok, verdict.reasons
        assert claims[-75007] == 1


def test_bl2_of_2019_speaks_for_the_platform() -> None:
    build = with_boot_status(Build(), EARLY[0])
    assert build.bl2 is not None
    told = (
        (GeneralClaim.BOOT_SEED, b"\x42" * 32),
        (GeneralClaim.HW_VERSION, b"1234567890123-12345"),
        (GeneralClaim.SECURITY_LIFECYCLE, (0x2000).to_bytes(4, "little")),
    )
    with tfm_sim.boot(build=replace(build, bl2=replace(build.bl2, general_claims=told))) as device:
        claims, verdict = token_of(device)
    assert verdict.ok, verdict.reasons
    assert (claims[-75004], claims[-75005], claims[-75002]) == (b"\x42" * 32, "1234567890123-12345", 0x2000)
    assert len(claims[SW_COMPONENTS]) == 2


def test_a_bl2_of_another_era_than_the_runtime_gives_no_good_component() -> None:
    build = with_boot_status(Build(), EARLY[0])
    with (
        pytest.raises((DevicePanic, AssertionError, PsaError)),
        tfm_sim.boot(build=replace(build, bl2=BL2)) as device,
    ):
        assert components(device)[0][1] == "SPE"


# ---- whatever happens to the area between BL2 and the SPM


def boot_with_area(build: Build, spoil: Callable[[bytes], bytes]) -> tuple[str, Verdict | None]:
    """How a boot ends when the area is changed after BL2: the outcome's name, and the token's verdict."""

    def spoiler(event: Event) -> None:
        if isinstance(event, Stage) and event.name == "SPM":
            shared = device.hardware.board.shared_data
            device.hardware.memory.write(shared.base, spoil(device.shared_data()))

    with Device(build=build, listeners=[spoiler]) as device:
        flash_demo_firmware(device)
        try:
            device.power_on()
        except DevicePanic:
            return "panic", None
        except BootRefused:
            return "refused", None
        try:
            token = device.psa.initial_attestation.get_token(CHALLENGE, 0x1000)
        except PsaError as error:
            return error.status.name, None
        key = load_key(iak_verification_key(device.hardware))
        return "token", verify(token, key, challenge=CHALLENGE)


@pytest.mark.parametrize("build", [Build(), measuring(), with_boot_status(Build(), EARLY[0])])
@pytest.mark.parametrize(
    ("spoil", "outcome"),
    [
        (lambda area: area, "token"),
        (lambda area: bytes(len(area)), "panic"),
        (lambda area: b"\x17" + area[1:], "panic"),
        (lambda area: area[:2] + b"\x04\0" + area[4:], "token"),  # a shorter total: empty, no components
        (lambda area: area[:4] + area[4:6] + b"\xff\xff" + area[8:], "panic"),
    ],
)
def test_an_area_spoiled_on_its_way(build: Build, spoil: Callable[[bytes], bytes], outcome: str) -> None:
    assert boot_with_area(build, spoil)[0] == outcome


ERAS = [EARLY[0], BootStatusEra.TFM_2019_10]
BUILDS = st.sampled_from([Build(), measuring(), *(with_boot_status(Build(), era) for era in ERAS)])
FLIPS = st.lists(st.tuples(st.integers(0, 0x180), st.integers(0, 255)), min_size=1, max_size=4)
OUTCOMES = {"token", "panic", "PSA_ERROR_GENERIC_ERROR", "PSA_ERROR_BUFFER_TOO_SMALL"}


@settings(max_examples=40, deadline=None)
@given(BUILDS, FLIPS | st.binary(max_size=0x80))
def test_no_bytes_in_the_area_raise_anything_but_the_devices_own(
    build: Build, change: list[tuple[int, int]] | bytes
) -> None:
    def spoil(area: bytes) -> bytes:
        if isinstance(change, bytes):
            return (b"\x16\x20" + change).ljust(len(area), b"\0")
        spoiled = bytearray(area)
        for at, value in change:
            spoiled[at] = value
        return bytes(spoiled)

    outcome, _ = boot_with_area(build, spoil)
    assert outcome in OUTCOMES
