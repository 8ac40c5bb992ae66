"""What a factory endorses of a device: its key, its identity, the images in its flash. Nothing is booted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...bootloader.bl1_config import Bl1Config
from ...bootloader.bl1_stage import Bl1Ports
from ...bootloader.config import Bl2Config
from ...bootloader.loader import BootRefused
from ...bootloader.ports import SLOTS, Ports
from ...device import Device
from ...firmware_build import Build
from ...interface.tfm.boot_status import BootStatusEntry
from ...partitions.initial_attestation.config import TokenVariant
from ...platform.board import AreaRole
from ...platform.hardware import Hardware
from ...platform.memory import Memory, RegionKind
from ..verifier.identity import InstanceRule, instance_hashes
from ..verifier.keys import Key, MacKey, load_key
from .iak import NoEndorsement, iak_verification_key
from .measured import (
    Component,
    bl1_measurements,
    boot_record_components,
    image_measurements,
    rotpk_measurements,
    slot_components,
)
from .model import (
    ANY_CLASS,
    CERTIFICATE,
    Certification,
    ClassNames,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    ReferenceValue,
    TrustAnchor,
)
from .running_images import RunningImage, running_images

UEID_TYPE_RAND: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class DeviceEndorsements:
    """The endorsements of a device, and what is to be said about them beside."""

    endorsements: Endorsements
    notices: tuple[str, ...] = ()


def endorse_device(device: Device, names: ClassNames = ANY_CLASS) -> DeviceEndorsements:
    """Endorsements of a device that need not be powered; ``names`` says how its class is called.

    Raises EndorsementError for an image that would not boot, and NoEndorsement for a device that was not
    provisioned.
    """
    hardware, build = device.hardware, device.build
    implementation_id = hardware.hal.tfm_plat_get_implementation_id()
    if not any(implementation_id):
        raise NoEndorsement("no implementation id in OTP; legal: a device that was provisioned")
    key = device_key(hardware)
    references = tuple(
        replace(component.reference(implementation_id), names=names)
        for component in device_components(device)
    )
    notices = list(_notices(hardware, key, references))
    configs: tuple[PlatformConfig, ...] = ()
    if build.attestation.variant.is_cca:
        config = hardware.hal.tfm_attest_hal_get_platform_config()
        configs = (PlatformConfig(implementation_id, config, None, names),)
    anchor = TrustAnchor(implementation_id, instance_id(key, build.attestation.variant), key)
    endorsements = Endorsements(
        reference_values=references,
        trust_anchors=(anchor,),
        certifications=_certifications(build, hardware, references, names),
        platform_configs=configs,
        anchor_names=() if names == ANY_CLASS else (names,),
    )
    return DeviceEndorsements(endorsements, tuple(notices))


def device_key(hardware: Hardware) -> Key:
    """The key that verifies this device's tokens; of a symmetric IAK the secret. Raises NoEndorsement."""
    return load_key(iak_verification_key(hardware))


def instance_id(key: Key, variant: TokenVariant) -> bytes:
    """The instance id that tokens of this variant carry: 33 bytes (TF-M attest_get_instance_id by era)."""
    if isinstance(key, MacKey):
        rule = InstanceRule.SYMMETRIC
    elif variant is TokenVariant.TFM_2019:
        rule = InstanceRule.COORDINATES
    else:
        rule = InstanceRule.POINT if variant.before_2_2 else InstanceRule.COSE_KEY
    return UEID_TYPE_RAND + instance_hashes(key)[rule]


def device_components(device: Device) -> list[Component]:
    """The software components that the next token of a device will have, in its order.

    Raises EndorsementError for an image that would not boot.
    """
    hardware, build = device.hardware, device.build
    bl2, told = build.bl2, build.spm.boot_data_available
    if bl2 is None or told is False:
        return []  # the services find no boot status
    if bl2.boot_status is not build.attestation.boot_status_era:
        raise EndorsementError(
            f"BL2 writes the boot status of {bl2.boot_status.value}, attestation reads that of "
            f"{build.attestation.boot_status_era.value}; legal: one era for both"
        )
    images = running_images(loader_ports(hardware), bl2)
    early = _bl1_entries(hardware, build.bl1, bl2)
    if build.measured_boot is None:
        return list(boot_record_components(images, bl2))
    return list(slot_components(_measured_entries(bl2, images, early), build.measured_boot))


def _measured_entries(
    bl2: Bl2Config, images: Sequence[RunningImage], early: list[BootStatusEntry]
) -> list[BootStatusEntry]:
    if bl2.rse_rotpks is not None:
        early = [*early, *rotpk_measurements(bl2.rse_rotpks)]
    if bl2.mcuboot_measured_boot or bl2.fwu_boot_data or bl2.boot_info is not None:
        # MCUboot boot_add_data_to_shared_area: the first entry of its own zeroes the area.
        early = []
    return [*early, *(image_measurements(images, bl2) if bl2.measured_boot_api else ())]


def _bl1_entries(hardware: Hardware, bl1: Bl1Config | None, bl2: Bl2Config) -> list[BootStatusEntry]:
    if bl1 is None:
        return []
    # TF-M TFM_MEASURED_BOOT_API: one option for all boot stages.
    measures = bl1.measured_boot and bl2.measured_boot_api
    try:
        return bl1_measurements(bl1_ports(hardware), replace(bl1, measured_boot=measures))
    except BootRefused as refused:
        raise EndorsementError(f"{refused}; legal: a BL2 that BL1 would run") from None


def loader_ports(hardware: Hardware) -> Ports:
    """What BL2 looks at of a device, with memory of its own."""
    areas = {
        (image, name): hardware.slot(image, name)
        for image in range(hardware.board.image_count)
        for name in SLOTS
    }
    shared = hardware.board.shared_data
    return Ports(
        areas,
        hardware.otp,
        hardware.nv_counters,
        _scratch_memory(hardware),
        (shared.base, shared.size),
        hardware.board.executable_ram,
        hardware.area_with_role(AreaRole.SCRATCH),
    )


def bl1_ports(hardware: Hardware) -> Bl1Ports:
    """What BL1 looks at of a device, with memory of its own; nobody provisions from there."""
    layout, shared = hardware.board.bl1, hardware.board.shared_data
    areas = [hardware.area_with_role(role) for role in (AreaRole.BL2_PRIMARY, AreaRole.BL2_SECONDARY)]
    if layout is None or areas[0] is None or areas[1] is None:
        raise EndorsementError(f"board {hardware.board.name}: no place for BL1; legal: a build without it")
    return Bl1Ports(
        hardware.otp,
        hardware.nv_counters,
        _scratch_memory(hardware),
        (shared.base, shared.size),
        layout,
        (areas[0], areas[1]),
    )


def _scratch_memory(hardware: Hardware) -> Memory:
    """RAM like the device's, empty, that nobody else sees."""
    board = hardware.board
    backing = {ram.name: memoryview(bytearray(ram.size)) for ram in board.ram}
    memory = Memory()
    for region in board.regions:
        if region.kind is RegionKind.RAM:
            memory.add(region, backing[region.device][region.offset : region.offset + region.size])
    return memory


def _certifications(
    build: Build, hardware: Hardware, references: tuple[ReferenceValue, ...], names: ClassNames
) -> tuple[Certification, ...]:
    """The certificate in OTP, for a device that runs these components; CCA platforms name none."""
    number = hardware.hal.tfm_plat_get_cert_ref().decode("utf-8", "replace")
    if build.attestation.variant.is_cca or not CERTIFICATE.fullmatch(number):
        return ()
    implementation_id = hardware.hal.tfm_plat_get_implementation_id()
    return (Certification(implementation_id, number, references, names),)


def _notices(hardware: Hardware, key: Key, references: tuple[ReferenceValue, ...]) -> list[str]:
    notices = []
    if hardware.dummy_notice:
        notices.append(f"warning: {hardware.dummy_notice}")
    if isinstance(key, MacKey):
        notices.append("warning: a symmetric IAK: who has it can forge tokens, NOT SECURE to hand out")
    if not references:
        notices.append("the token has no software components: no boot stage measures in this build")
    return notices
