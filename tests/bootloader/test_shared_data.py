"""What BL2 leaves in the shared data area in each kind of build."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_builder import ED25519, P256, P384, RSA_3072, ImageParts, Signer

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.boot_measurement import BootMeasurements
from tfm_sim.bootloader.boot_status_writer import BootStatusWriter
from tfm_sim.bootloader.config import Bl2Config, Bl2ConfigError, KeyMode
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, Ports
from tfm_sim.bootloader.shared_data import collect_image_measurement
from tfm_sim.bootloader.shared_data_config import BootInfo, RseRotpks
from tfm_sim.interface.mcuboot.boot_info import BlInfo, McubootRecoveryMode, blinfo_name
from tfm_sim.interface.mcuboot.image import ImageError, ImageHeader, ImageVersion
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384
from tfm_sim.interface.tfm.boot_measurement import MeasurementMetadata, MeasurementSlot
from tfm_sim.interface.tfm.boot_status import (
    BootStatusEra,
    GeneralClaim,
    decode_area,
)
from tfm_sim.interface.trace import Trace

MakePorts = Callable[..., Ports]
MEASURED = {"store_encoded_measurements": False}


def boot(make_ports: MakePorts, config: Bl2Config, *images: bytes, **options: Any) -> bytes:
    """The shared data area after a boot of these images."""
    config = replace(config, image_number=len(images))
    contents = {(index, PRIMARY): image for index, image in enumerate(images)}
    ports = make_ports(contents, images=len(images), **options)
    Bl2(ports, config, Trace()).run()
    return ports.memory.read(*ports.shared_data)


def told(area: bytes, era: BootStatusEra = BootStatusEra.TODAY) -> list[tuple[str, bytes]]:
    return [(f"{entry.tlv_type:04x}", entry.data) for entry in decode_area(area, era)]


# ---- measurements as pairs


@pytest.mark.parametrize(
    ("signer", "algorithm", "name"),
    [
        (P256, PSA_ALG_SHA_256, "sha256"),
        (RSA_3072, PSA_ALG_SHA_256, "sha256"),
        (ED25519, PSA_ALG_SHA_256, "sha256"),
        (P384, PSA_ALG_SHA_384, "sha384"),
    ],
)
def test_pairs_for_the_measured_boot_partition(
    signer: Signer, algorithm: int, name: str, make_ports: MakePorts
) -> None:
    parts = ImageParts()
    area = boot(make_ports, signer.config(**MEASURED), signer.image(parts))
    (_, metadata), (_, value) = told(area)
    assert [type_ for type_, _ in told(area)] == ["308a", "3088"]
    assert value == hashlib.new(name, parts.hashed()).digest()
    decoded = MeasurementMetadata.decode(metadata)
    signer_id = hashlib.new(name, signer.encoding).digest()
    assert decoded == MeasurementMetadata(
        algorithm, signer_id.ljust(64, b"\0"), len(signer_id), b"RT_0", ImageVersion(1, 2, 3, 4)
    )


def test_pairs_need_no_boot_record(make_ports: MakePorts) -> None:
    parts = ImageParts(protected=((TlvType.SEC_CNT, (5).to_bytes(4, "little")),))
    assert len(told(boot(make_ports, P256.config(**MEASURED), P256.image(parts)))) == 2
    with pytest.raises(BootRefused, match="no BOOT_RECORD"):
        boot(make_ports, P256.config(), P256.image(parts))


def test_images_are_told_of_in_the_order_of_their_boot(make_ports: MakePorts) -> None:
    config = P256.config(fwu_boot_data=True, **MEASURED)
    area = boot(make_ports, config, P256.image(), P256.image())
    assert [type_ for type_, _ in told(area)] == ["2040", "30ca", "30c8", "2000", "308a", "3088"]


@pytest.mark.parametrize(("image", "sw_type"), [(0, b"RT_0"), (1, b"RT_1"), (2, b"RT_2"), (3, b"")], ids=str)
def test_software_type_of_each_image(image: int, sw_type: bytes, make_ports: MakePorts) -> None:
    """The fourth image's text lies behind TF-M's table, whose check lets it through."""
    area = boot(make_ports, P256.config(**MEASURED), *[P256.image()] * 4, shared_size=0x800)
    metadata = dict(told(area))[f"{0x308A + (image << 6):04x}"]
    assert MeasurementMetadata.decode(metadata).sw_type == sw_type


@pytest.mark.parametrize(
    ("key_mode", "tlvs", "signer_id"),
    [
        (KeyMode.KEYHASH, [(TlvType.KEYHASH, b"k" * 32)], b"k" * 32),
        (KeyMode.KEYHASH, [(TlvType.KEYHASH, b"k" * 31)], b""),
        (KeyMode.KEYHASH, [(TlvType.PUBKEY, b"k" * 91)], b""),
        (KeyMode.BUILTIN_KEY, [(TlvType.KEYHASH, b"k" * 32)], b"k" * 32),
        (KeyMode.HW_KEY, [(TlvType.PUBKEY, b"k" * 96)], hashlib.sha256(b"k" * 96).digest()),
        (KeyMode.HW_KEY, [(TlvType.PUBKEY, b"k" * 97)], b""),
        (KeyMode.HW_KEY, [(TlvType.KEYHASH, b"k" * 32)], b""),
        (KeyMode.HW_KEY, [(TlvType.PUBKEY, b"a"), (TlvType.PUBKEY, b"b")], hashlib.sha256(b"b").digest()),
        (KeyMode.KEYHASH, [], b""),
    ],
)
def test_signer_id_by_key_mode(key_mode: KeyMode, tlvs: list[tuple[int, bytes]], signer_id: bytes) -> None:
    """One that does not fit is passed over: zeros, 32 bytes of them."""
    config = P256.config(key_mode=key_mode, keys=(b"key",), **MEASURED)
    hashed = (TlvType.SHA256, bytes(range(32)))
    metadata, value = collect_image_measurement(config, 2, ImageHeader(), [hashed, *tlvs])
    assert (metadata.signer_id, metadata.signer_id_size, value) == (signer_id, 32, bytes(range(32)))


def test_sha512_images_cannot_be_measured() -> None:
    config = P256.config(sha512=True, **MEASURED)
    with pytest.raises(ImageError, match="64 bytes"):
        collect_image_measurement(config, 2, ImageHeader(), [(TlvType.SHA512, bytes(64))])


@pytest.mark.parametrize(("fwu", "slots"), [(False, [0, 1, 2]), (True, [2])])
def test_both_writers_in_one_build_lose_what_bl1_measured(
    fwu: bool, slots: list[int], make_ports: MakePorts
) -> None:
    """MCUboot's writer zeroes the area at its first entry, the HAL's does not."""
    ports = make_ports({(0, PRIMARY): P256.image()})
    bl1 = BootMeasurements(ports.memory, *ports.shared_data, Trace(), "BL1")
    metadata = MeasurementMetadata(PSA_ALG_SHA_256, b"", 32, b"BL2")
    ports.memory.write(ports.shared_data[0], bytes(4))
    for slot in (MeasurementSlot.BL1_2, MeasurementSlot.BL2):
        assert bl1.boot_store_measurement(slot, bytes(32), metadata, lock=True) == 0
    Bl2(ports, P256.config(fwu_boot_data=fwu, **MEASURED), Trace()).run()
    entries = decode_area(ports.memory.read(*ports.shared_data))
    assert sorted({entry.module for entry in entries if entry.major == 3}) == slots


@pytest.mark.parametrize(
    ("size", "names"),
    [(4 + 96, "136 bytes with entry 0x3088"), (4 + 95, "100 bytes with entry 0x308a"), (140 + 100, "")],
)
def test_a_full_area_stops_the_boot(size: int, names: str, make_ports: MakePorts) -> None:
    config = P256.config(**MEASURED)
    if not names:
        boot(make_ports, config, P256.image(), shared_size=size)
        return
    with pytest.raises(BootRefused, match=names):
        boot(make_ports, config, P256.image(), shared_size=size)


# ---- ROTPKs of the RSE


def test_rotpks_are_measurements_of_their_own(make_ports: MakePorts) -> None:
    rotpks = RseRotpks(cm=(b"c" * 32, b"d" * 48), dm=(b"e" * 32,), reprovisioning=1)
    config = P256.config(rse_rotpks=rotpks, **MEASURED)
    entries = told(boot(make_ports, config, P256.image(), shared_size=0x6C0))
    assert [type_ for type_, _ in entries] == [
        *("318a", "318b", "31ca", "31cb", "328a", "328b"),
        *("308a", "3088"),
    ]
    found = [MeasurementMetadata.decode(data) for _, data in entries[::2]][:3]
    assert [(m.measurement_type, m.sw_type, m.signer_id_size) for m in found] == [
        (PSA_ALG_SHA_256, b"CM_1_0", 32),
        (PSA_ALG_SHA_384, b"CM_1_1", 32),
        (PSA_ALG_SHA_256, b"DM_1_0", 32),
    ]
    assert [data for _, data in entries[1:6:2]] == [b"c" * 32, b"d" * 48, b"e" * 32]


def test_rotpks_without_room_stop_the_boot(make_ports: MakePorts) -> None:
    config = P256.config(rse_rotpks=RseRotpks(cm=(bytes(32),) * 4), **MEASURED)
    with pytest.raises(BootRefused, match="boot_platform_post_init\n  ROTPK measurements: found"):
        boot(make_ports, config, P256.image(), shared_size=0x200)


# ---- plain MCUboot


@pytest.mark.parametrize(
    ("options", "info", "expected"),
    [
        (
            {},
            BootInfo(),
            ["2000:02", "2001:02", "2002:00", "2003:00", "2010:05000000", "2005:d81f0000"],
        ),
        (
            {"rollback": False},
            BootInfo(ImageVersion(2, 4, 0, 1), McubootRecoveryMode.SERIAL_RECOVERY),
            ["2000:02", "2001:02", "2002:01", "2003:00", "2004:0204000001000000", "2005:d81f0000"],
        ),
    ],
)
def test_boot_info_of_plain_mcuboot(
    options: dict[str, Any], info: BootInfo, expected: list[str], make_ports: MakePorts
) -> None:
    config = P256.config(boot_info=info, measured_boot=False, **options)
    area = boot(make_ports, config, P256.image())
    assert [f"{type_}:{data.hex()}" for type_, data in told(area)] == expected


@pytest.mark.parametrize(("signer", "number"), [(RSA_3072, 1), (P256, 2), (ED25519, 3), (P384, 0)])
def test_signature_type_of_boot_info(signer: Signer, number: int, make_ports: MakePorts) -> None:
    """P-384 has no number of its own."""
    area = boot(make_ports, signer.config(boot_info=BootInfo(), measured_boot=False), signer.image())
    assert dict(told(area))["2001"] == bytes([number])


def test_boot_info_comes_once_and_beside_boot_records(make_ports: MakePorts) -> None:
    area = boot(make_ports, P256.config(boot_info=BootInfo()), P256.image(), P256.image())
    assert [type_ for type_, _ in told(area)] == [
        *("107f", "2000", "2001", "2002", "2003", "2010", "2011", "2005"),
        "103f",
    ]


@pytest.mark.parametrize(
    ("minor", "name"),
    [
        (BlInfo.MODE, "MODE"),
        (BlInfo.RUNNING_SLOT, "RUNNING_SLOT"),
        (0x05, "MAX_APPLICATION_SIZE_IMAGE_0"),
        (0x09, "MAX_APPLICATION_SIZE_IMAGE_4"),
        (0x0A, "0x00a"),
        (0x10, "SECURITY_COUNTER_IMAGE_0"),
        (0x14, "SECURITY_COUNTER_IMAGE_4"),
        (0x15, "0x015"),
        (0xFFF, "0xfff"),
    ],
)
def test_names_of_boot_info(minor: int, name: str) -> None:
    assert blinfo_name(minor) == name


# ---- 2019

PARTS = ImageParts()
DIGEST = PARTS.digest()
SIGNER_ID = hashlib.sha256(P256.encoding).digest()


def separate(module: int, sw_type: bytes, epoch: bool) -> list[tuple[str, bytes]]:
    """The claims of one module as TF-M of 2019 wrote them."""
    claims = [(3, sw_type), (0, b"1.2.3"), (2, bytes(4)), (8, DIGEST), (9, b"SHA256"), (1, SIGNER_ID)]
    return [(f"{0x1000 | module << 6 | claim:04x}", data) for claim, data in claims if epoch or claim != 2]


@pytest.mark.parametrize(("era", "epoch"), [("2019-02", True), ("2019-09", False)])
@pytest.mark.parametrize(("images", "modules"), [(1, [(6, b"NSPE_SPE")]), (2, [(5, b"NSPE"), (4, b"SPE")])])
def test_separate_claims(
    era: str, epoch: bool, images: int, modules: list[tuple[int, bytes]], make_ports: MakePorts
) -> None:
    config = P256.config(boot_status=BootStatusEra(era))
    area = boot(make_ports, config, *[P256.image(PARTS)] * images)
    expected = [claim for module, name in modules for claim in separate(module, name, epoch)]
    assert told(area, BootStatusEra(era)) == expected


def test_bytes_of_an_area_of_2019(make_ports: MakePorts) -> None:
    """The length of an entry counts its own header, here 4 + 8 for the type's text."""
    area = boot(make_ports, P256.config(boot_status=BootStatusEra.TFM_2019_02), P256.image(PARTS))
    assert area[:33].hex() == "16207300" + "83110c00" + b"NSPE_SPE".hex() + "80110900" + b"1.2.3".hex() + (
        "82110800" + "00000000"
    )
    assert area[33:].rstrip(b"\0").hex() == (
        "88112400" + DIGEST.hex() + "89110a00" + b"SHA256".hex() + "81112400" + SIGNER_ID.hex()
    )


@pytest.mark.parametrize(("images", "types"), [(1, ["11bf"]), (2, ["117f", "113f"])])
def test_boot_records_of_october_2019(images: int, types: list[str], make_ports: MakePorts) -> None:
    era = BootStatusEra.TFM_2019_10
    entries = told(boot(make_ports, P256.config(boot_status=era), *[P256.image(PARTS)] * images), era)
    assert [type_ for type_, _ in entries] == types
    assert all(data.endswith(DIGEST) for _, data in entries)


@pytest.mark.parametrize("era", ["2019-02", "2019-10"])
def test_a_third_image_is_a_second_nspe_and_stops_the_boot(era: str, make_ports: MakePorts) -> None:
    with pytest.raises(BootRefused, match="a second entry"):
        boot(make_ports, P256.config(boot_status=BootStatusEra(era)), *[P256.image(PARTS)] * 3)


def test_claims_of_the_device_itself_lead(make_ports: MakePorts) -> None:
    era = BootStatusEra.TFM_2019_02
    claims = ((GeneralClaim.BOOT_SEED, b"s" * 32), (GeneralClaim.SECURITY_LIFECYCLE, b"\x00\x30"))
    area = boot(make_ports, P256.config(boot_status=era, general_claims=claims), P256.image(PARTS))
    assert told(area, era)[:2] == [("1000", b"s" * 32), ("1002", b"\x00\x30")]


def test_a_claim_of_the_device_that_comes_twice_stops_the_boot(make_ports: MakePorts) -> None:
    claims = ((GeneralClaim.BOOT_SEED, b"s"), (GeneralClaim.BOOT_SEED, b"t"))
    config = P256.config(boot_status=BootStatusEra.TFM_2019_02, general_claims=claims)
    with pytest.raises(BootRefused, match="a second entry 0x1000"):
        boot(make_ports, config, P256.image(PARTS))


@pytest.mark.parametrize(
    ("tlvs", "names"),
    [
        ([(TlvType.SHA256, bytes(31))], "SHA256 31 bytes"),
        ([(TlvType.KEYHASH, bytes(33))], "KEYHASH 33 bytes"),
    ],
)
def test_a_hash_of_another_size_fails_the_boot_status_of_2019(
    tlvs: list[tuple[int, bytes]], names: str, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): PARTS.with_tlvs(tlvs)})
    config = P256.config(boot_status=BootStatusEra.TFM_2019_02)
    writer = BootStatusWriter(ports.memory, *ports.shared_data, config, Trace())
    area = ports.slot(0, PRIMARY).area
    header = ImageHeader.decode(area.read(0, 32))
    assert writer.boot_save_boot_status(0, header, area) == 1
    assert writer.problem[0] == names
    assert len(decode_area(ports.memory.read(*ports.shared_data), config.boot_status)) == 3  # these stay


# ---- builds that nobody can have


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"boot_info": BootInfo(), "fwu_boot_data": True}, "boot_info beside"),
        ({"boot_info": BootInfo(), **MEASURED}, "boot_info beside"),
        ({"general_claims": ((GeneralClaim.BOOT_SEED, b"x"),)}, "general_claims in the boot status of today"),
        ({"boot_status": BootStatusEra.TFM_2019_02, **MEASURED}, "for others than attestation"),
        ({"boot_status": BootStatusEra.TFM_2019_10, "fwu_boot_data": True}, "for others than attestation"),
        ({"boot_status": BootStatusEra.TFM_2019_02, "sha512": True}, "SHA512 in the boot status of 2019-02"),
        ({"rse_rotpks": RseRotpks()}, "rse_rotpks among encoded"),
    ],
)
def test_builds_that_nobody_can_have(options: dict[str, Any], names: str) -> None:
    with pytest.raises(Bl2ConfigError, match=names):
        P256.config(**options)


@pytest.mark.parametrize(
    ("rotpks", "names"),
    [
        (RseRotpks(cm=(bytes(32),) * 5), "5 CM and 0 DM ROTPKs; legal: 4 each"),
        (RseRotpks(dm=(bytes(32),) * 5), "0 CM and 5 DM ROTPKs; legal: 4 each"),
        (RseRotpks(dm=(bytes(33),)), "a ROTPK hash of 33 bytes; legal: 32, 48"),
        (RseRotpks(reprovisioning=10), "reprovisioning 10; legal: 0 to 9"),
    ],
)
def test_rotpks_that_the_rse_cannot_have(rotpks: RseRotpks, names: str) -> None:
    with pytest.raises(Bl2ConfigError, match=names):
        P256.config(rse_rotpks=rotpks, **MEASURED)


@given(st.binary(max_size=0x100), st.integers(0, 40), st.binary(max_size=200))
def test_whatever_bl1_left_the_hal_writer_answers(before: bytes, slot: int, value: bytes) -> None:
    class Area:
        cells = bytearray(before.ljust(0x400, b"\0"))

        def read(self, address: int, length: int) -> bytes:
            return bytes(self.cells[address : address + length])

        def write(self, address: int, data: bytes) -> None:
            assert address + len(data) <= 0x200
            self.cells[address : address + len(data)] = data

    writer = BootMeasurements(Area(), 0, 0x200, Trace())
    metadata = MeasurementMetadata(PSA_ALG_SHA_256, b"", 32, b"")
    assert writer.boot_store_measurement(slot, value, metadata, lock=False) in (0, -1)
