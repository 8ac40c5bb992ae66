"""What is endorsed from images is what the booted device's token says; nothing boots while endorsing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from support.device_updates import image
from support.image_builder import P256, RECORD, ImageParts, sec_cnt
from support.image_compression import PAYLOAD, Compressed
from support.image_encryption import FOR_EC256, Encrypted

from tfm_sim import (
    AttestationConfig,
    BootStatusEra,
    Build,
    Device,
    FwuConfig,
    MeasuredBootConfig,
    MeasurementHash,
    SpmConfig,
    TokenVariant,
    bl2_config_for,
    load_board,
    with_boot_status,
)
from tfm_sim.bootloader.config import SignatureType, UpgradeStrategy
from tfm_sim.bootloader.shared_data_config import RseRotpks
from tfm_sim.firmware_build import bl1_config_for, dummy_provisioning
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.interface.trace import Event
from tfm_sim.partitions.delegated_attestation.config import DelegatedAttestationConfig
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.provisioning import DUMMY, VIRGIN
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.endorsements import EndorsementError, Endorsements, load_endorsements, write_corim
from tfm_sim.tools.endorsements.corim import CorimProfile
from tfm_sim.tools.endorsements.from_device import endorse_device
from tfm_sim.tools.endorsements.iak import NoEndorsement
from tfm_sim.tools.verifier import load_key, verify
from tfm_sim.tools.verifier.trust import TrustStore

U = UpgradeStrategy
CHALLENGE = bytes(range(32))
BL2 = bl2_config_for(load_board("an521"))


def measuring(board: str = "an521", *, bl2: dict[str, Any] | None = None, **config: Any) -> Build:
    loaded = load_board(board)
    return Build(
        bl2=replace(bl2_config_for(loaded), store_encoded_measurements=False, **(bl2 or {})),
        bl1=bl1_config_for(loaded),
        attestation=AttestationConfig(max_token_size=0x1000),
        measured_boot=MeasuredBootConfig(**config),
    )


def endorsed_and_told(device: Device) -> tuple[Endorsements, dict[int, Any]]:
    """What is endorsed of a device that was never powered, and the claims of its token behind that."""
    events: list[Event] = []
    device.trace.listeners.append(events.append)
    counters = [device.hardware.nv_counters.read(n) for n in range(3)]
    flash = [bytes(each.cells) for each in device.hardware.flash.values()]
    made = endorse_device(device).endorsements
    assert not events
    assert device.boot_outcome is None
    assert [device.hardware.nv_counters.read(n) for n in range(3)] == counters
    assert [bytes(each.cells) for each in device.hardware.flash.values()] == flash
    device.trace.listeners.clear()
    with device.power_on():
        token = device.psa.initial_attestation.get_token(CHALLENGE, 0x1000)
        store = TrustStore(made.trust_anchors)
        if device.build.attestation.variant is not TokenVariant.TFM_2019:
            assert verify(token, store, challenge=CHALLENGE).ok
    claims: dict[int, Any] = cbor2.loads(cbor2.loads(token).value[2])
    return made, claims


def check(device: Device, count: int) -> Endorsements:
    """The token says nothing else; ``count`` components are expected."""
    made, claims = endorsed_and_told(device)
    components: Sequence[dict[int, Any]] = claims.get(-75006, claims.get(2399, ()))
    told = [(each.get(1), each.get(4), each.get(5), each[2]) for each in components]
    assert told == [
        (value.type, value.version, value.signer_id, value.digests[0].value)
        for value in made.reference_values
    ]
    assert len(told) == count
    (anchor,) = made.trust_anchors
    assert anchor.implementation_id == claims.get(-75003, claims.get(2396))
    assert anchor.instance_id == claims.get(-75009, claims.get(256))
    assert {value.implementation_id for value in made.reference_values} <= {anchor.implementation_id}
    return made


def demo(board: str = "an521", build: Build | None = None, **more: Any) -> Device:
    device = Device(board, build=build, **more)
    flash_demo_firmware(device)
    return device


@pytest.mark.parametrize(
    ("board", "count"),
    [
        ("an521", 2),
        ("an521_single_image", 1),
        ("an521_dual_core", 2),
        ("an521_ram_load", 2),
        ("an521_bl1", 2),
        ("mcuboot_8k", 2),
    ],
)
def test_each_board(board: str, count: int) -> None:
    check(demo(board), count)


@pytest.mark.parametrize("variant", list(TokenVariant))
def test_each_variant_of_the_token(variant: TokenVariant) -> None:
    """The instance id follows the era's rule; a CCA platform's configuration is claim 2401."""
    made = check(demo(build=Build(attestation=AttestationConfig(variant=variant))), 2)
    assert [config.value for config in made.platform_configs] == (
        [b"\xef\xbe\xad\xde"] if variant.is_cca else []
    )
    profile = CorimProfile.CCA_PLATFORM if variant.is_cca else CorimProfile.PSA
    read = load_endorsements(write_corim(made, profile))
    assert (read.reference_values, read.trust_anchors) == (made.reference_values, made.trust_anchors)


@pytest.mark.parametrize("era", list(BootStatusEra))
def test_each_era_of_the_boot_status(era: BootStatusEra) -> None:
    check(demo(build=with_boot_status(Build(), era)), 2)


@pytest.mark.parametrize("hash_", list(MeasurementHash))
def test_measured_boot(hash_: MeasurementHash) -> None:
    """Slots hold the hash of zeros and the measurement."""
    made = check(demo(build=measuring(hash=hash_)), 2)
    assert {value.digests[0].algorithm for value in made.reference_values} == {
        {32: "sha-256", 48: "sha-384", 64: "sha-512"}[hash_.size]
    }


def test_measured_boot_with_the_slips_of_tf_m() -> None:
    device = Device("an521", build=measuring(version_digits_reversed=True, bl2=_keys()))
    for number in (0, 1):
        device.flash_image(number, image((1, 0, 120, 0)))
    made = check(device, 2)
    assert made.reference_values[0].version == "1.0.021+0"


def _keys() -> dict[str, Any]:
    mine = P256.config()
    return {"signature_type": mine.signature_type, "key_mode": mine.key_mode, "keys": mine.keys}


def test_the_keys_of_an_rse_are_measured_too() -> None:
    rotpks = RseRotpks((bytes([1]) * 32, bytes([2]) * 48), (bytes([3]) * 32,), 4)
    made = check(demo(build=measuring(bl2={"rse_rotpks": rotpks})), 5)
    assert [value.type for value in made.reference_values] == ["RT_0", "RT_1", "CM_4_0", "CM_4_1", "DM_4_0"]


def test_a_build_with_delegated_attestation() -> None:
    check(demo(build=replace(measuring(), delegated_attestation=DelegatedAttestationConfig())), 2)


def test_measured_boot_from_bl1_on() -> None:
    made = check(demo("an521_bl1", measuring("an521_bl1")), 4)
    assert [value.type for value in made.reference_values] == ["BL1_2", "BL2", "RT_0", "RT_1"]


@pytest.mark.parametrize(
    ("build", "count"),
    [
        # MCUboot's own first entry zeroes what BL1 measured.
        (replace(measuring("an521_bl1"), firmware_update=FwuConfig()), 2),
        (replace(measuring("an521_bl1"), bl2=BL2), 0),
        (Build(bl2=replace(BL2, measured_boot=False), spm=SpmConfig(boot_data_available=False)), 0),
        (Build(bl2=None), 0),
        (measuring(store_measurements=False), 0),
    ],
    ids=["fwu", "records that nobody reads", "silent", "no BL2", "not stored"],
)
def test_builds_that_measure_less(build: Build, count: int) -> None:
    check(demo("an521" if build.bl1 is None else "an521_bl1", build), count)


@pytest.mark.parametrize("iak_type", [IakType.SECP_R1, IakType.HMAC])
def test_another_factory(iak_type: IakType) -> None:
    mine = replace(DUMMY, iak=bytes(range(1, 33)), implementation_id=bytes(32 * [7]), iak_type=iak_type)
    build = Build(attestation=AttestationConfig(symmetric=iak_type is IakType.HMAC))
    device = demo(build=build, provisioning=replace(mine, rotpks=dummy_provisioning(build).rotpks))
    check(device, 2)


@pytest.mark.parametrize(
    "strategy", [U.OVERWRITE_ONLY, U.SWAP_USING_SCRATCH, U.SWAP_USING_MOVE, U.SWAP_USING_OFFSET]
)
@pytest.mark.parametrize("marked", [False, True])
def test_an_upgrade_that_is_staged_counts_as_done(strategy: UpgradeStrategy, marked: bool) -> None:
    device = Device("mcuboot_8k", build=Build(bl2=P256.config(image_number=2, strategy=strategy), its=None))
    for number in (0, 1):
        device.flash_image(number, image((1, 0, 0, 0)))
        device.flash_image(number, image((2, 0, 0, 0)), "secondary")
        if marked:
            mark_pending(device.hardware.slot(number, "secondary"), permanent=True, image_index=number)
    made = check(device, 2)
    assert made.reference_values[0].digests[0].value == _digest(image((2 if marked else 1, 0, 0, 0)))


def _digest(data: bytes) -> bytes:
    at = data.rindex(bytes.fromhex("10002000")) + 4
    return data[at : at + 32]


@pytest.mark.parametrize("newer", ["primary", "secondary"])
def test_where_either_slot_may_run_the_newer_does(newer: Any) -> None:
    device = Device(
        "mcuboot_8k", build=Build(bl2=P256.config(image_number=2, strategy=U.DIRECT_XIP), its=None)
    )
    for number in (0, 1):
        for slot in ("primary", "secondary"):
            device.flash_image(number, image((2 if slot == newer else 1, 0, 0, 0)), slot)
    made = check(device, 2)
    assert made.reference_values[0].digests[0].value == _digest(image((2, 0, 0, 0)))


def test_an_encrypted_upgrade_is_measured_plain() -> None:
    parts = ImageParts(version=(2, 0, 0, 0), protected=(sec_cnt(1), (TlvType.BOOT_RECORD, RECORD)))
    config = P256.config(image_number=2, strategy=U.OVERWRITE_ONLY, **FOR_EC256.options())
    _check_upgrade(config, Encrypted(P256, FOR_EC256, parts=parts).image())


def test_a_compressed_upgrade_is_measured_plain() -> None:
    plain = ImageParts(
        payload=PAYLOAD[:3000], version=(2, 0, 0, 0), protected=(sec_cnt(1), (TlvType.BOOT_RECORD, RECORD))
    )
    config = P256.config(image_number=2, strategy=U.OVERWRITE_ONLY, decompression=True)
    made = _check_upgrade(config, Compressed(P256, plain).image())
    assert made.reference_values[0].digests[0].value == plain.digest()


def _check_upgrade(config: Any, candidate: bytes) -> Endorsements:
    device = Device("mcuboot_8k", build=Build(bl2=config, its=None))
    for number in (0, 1):
        device.flash_image(number, image((1, 0, 0, 0)))
    device.flash_image(0, candidate, "secondary")
    mark_pending(device.hardware.slot(0, "secondary"), permanent=True, image_index=0)
    return check(device, 2)


def test_what_would_not_boot_is_not_endorsed() -> None:
    device = demo()
    device.flash_image(0, b"\0" * 64)
    with pytest.raises(
        EndorsementError, match=r"(?s)image 0, primary slot: .*magic.*legal: an image that BL2"
    ):
        endorse_device(device)
    blank = Device("an521")
    with pytest.raises(
        EndorsementError, match="image 0, primary slot: blank; legal: an image that BL2 would run"
    ):
        endorse_device(blank)
    foreign = demo(build=Build(bl2=replace(BL2, signature_type=SignatureType.EC_P384)))
    with pytest.raises(EndorsementError, match="image 0, primary slot: "):
        endorse_device(foreign)


def test_a_bl2_that_bl1_refuses() -> None:
    device = demo("an521_bl1", measuring("an521_bl1"))
    device.flash_bl2(b"no BL2")
    with pytest.raises(EndorsementError, match=r"(?s)BL1_2 refused .*legal: a BL2 that BL1 would run"):
        endorse_device(device)


def test_a_virgin_device_has_nothing_to_endorse() -> None:
    with pytest.raises(
        NoEndorsement, match="no implementation id in OTP; legal: a device that was provisioned"
    ):
        endorse_device(demo(provisioning=VIRGIN))


def test_what_is_said_beside() -> None:
    assert endorse_device(demo()).notices == (f"warning: {demo().hardware.dummy_notice}",)
    symmetric = endorse_device(demo(build=Build(attestation=AttestationConfig(symmetric=True))))
    assert any("symmetric IAK" in notice for notice in symmetric.notices)
    assert "no boot stage measures" in endorse_device(demo(build=Build(bl2=None))).notices[-1]


def test_the_certificate_comes_with_the_components() -> None:
    made = endorse_device(demo()).endorsements
    (certificate,) = made.certifications
    assert certificate.number == "0604565272829-10010"
    assert certificate.components == made.reference_values
    assert load_endorsements(write_corim(made)) == made


def test_keys_verify_what_they_endorse() -> None:
    device = demo()
    made = endorse_device(device).endorsements
    with device.power_on():
        token = device.psa.initial_attestation.get_token(CHALLENGE)
    assert verify(token, load_key(made.trust_anchors[0].key), challenge=CHALLENGE).ok
