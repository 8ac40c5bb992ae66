"""What is decided when firmware is built: loaders, SPM, partitions, and what each asks of the others."""

from dataclasses import dataclass, field, replace
from typing import Final

from .bootloader.bl1_config import Bl1Config
from .bootloader.config import Bl2Config, KeyMode, UpgradeStrategy
from .bootloader.rse_keys import RseState
from .firmware_esp_tee import ESP_TEE_NUM_ASSETS, esp_tee_build
from .interface.stm32.dua_certificate import CertId
from .interface.tfm.boot_status import BootStatusEra
from .partitions.cks.config import CksConfig
from .partitions.crypto.config import CryptoConfig
from .partitions.crypto.kwe_build import with_engine
from .partitions.delegated_attestation.config import DelegatedAttestationConfig
from .partitions.esp_tee_attestation.config import EspTeeConfig
from .partitions.firmware_update.config import FwuBuild, FwuConfig
from .partitions.initial_attestation.config import AttestationConfig, TokenVariant
from .partitions.internal_trusted_storage.config import ItsBuild, ItsConfig, PsFiles
from .partitions.internal_trusted_storage.layout import FsConfig
from .partitions.internal_trusted_storage.stores import its_fs_config, ps_fs_config
from .partitions.measured_boot.config import MeasuredBootConfig
from .partitions.ns_agent_mailbox.config import MailboxConfig
from .partitions.platform.config import PlatformConfig
from .partitions.programs import (
    MAILBOX_MANIFEST_LIST,
    MANIFEST_LIST,
    configurations,
    mailbox_programs,
    platform_functions,
    programs,
)
from .partitions.protected_storage.config import PsConfig
from .platform.board import AreaRole, Board
from .platform.hal import FlashAreaInfo
from .platform.iak_type import IakType
from .platform.provisioning import DUMMY, DUMMY_2019, DUMMY_ESP32C6, DUMMY_ROTPKS, Provisioning
from .platform.provisioning_bundle import BundleLayout
from .spm.config import SpmConfig
from .spm.load import LoadError, PartitionBuild
from .spm.manifest_list import load_manifest_list

MEASURED_TOKEN_SIZE: Final = 0x800
"""PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE of the RSE, in bytes: room for the components of measured boot."""


@dataclass(frozen=True, slots=True)
class Build:
    """What is decided when firmware is built: loaders, SPM, attestation profile, further partitions.

    ``bl2`` None is TF-M with BL2=OFF: the images run unchecked, and there is no boot status. ``bl1`` None is
    BL1=OFF, TF-M's default on most boards: BL2 runs unchecked.
    ``measured_boot`` is TFM_PARTITION_MEASURED_BOOT, None leaves that partition out.
    ``delegated_attestation`` is TFM_PARTITION_DELEGATED_ATTESTATION, None leaves that partition out; it needs
    ``measured_boot``, and where ``bl1`` is an RSE's, its keys' seed is what that left behind.
    ``firmware_update`` is TFM_PARTITION_FIRMWARE_UPDATE, None (as in TF-M's default) a build without the
    partition; with it the boot loader publishes the running versions.
    ``its`` is TFM_PARTITION_INTERNAL_TRUSTED_STORAGE, None leaves that partition out, and protected storage
    with it, which keeps its objects there. ``ps`` is TFM_PARTITION_PROTECTED_STORAGE, ``platform``
    TFM_PARTITION_PLATFORM. ``cks`` is Customer Key Storage of an STM32WB, None leaves that partition out; it
    keeps its keys in internal trusted storage.
    ``esp_tee`` are the two partitions of ESP-TEE, None leaves them out; they need ``measured_boot``, ``bl1``
    and a chip with an ESP32's eFuses.
    """

    bl2: Bl2Config | None = field(default_factory=Bl2Config)
    spm: SpmConfig = field(default_factory=SpmConfig)
    attestation: AttestationConfig = field(default_factory=AttestationConfig)
    crypto: CryptoConfig = field(default_factory=CryptoConfig)
    measured_boot: MeasuredBootConfig | None = None
    partitions: tuple[PartitionBuild, ...] = ()
    firmware_update: FwuConfig | None = None
    bl1: Bl1Config | None = None
    its: ItsConfig | None = field(default_factory=ItsConfig)
    ps: PsConfig | None = field(default_factory=PsConfig)
    platform: PlatformConfig | None = field(default_factory=PlatformConfig)
    delegated_attestation: DelegatedAttestationConfig | None = None
    cks: CksConfig | None = None
    esp_tee: EspTeeConfig | None = None


def bl1_config_for(board: Board) -> Bl1Config | None:
    """TF-M's default BL1 for a board that has a place for one, None for another."""
    return Bl1Config() if board.bl1 is not None else None


def bl2_config_for(board: Board) -> Bl2Config:
    """The boot loader of a board as its flash layout asks for it: so many images, of so many sectors."""
    return Bl2Config(image_number=board.image_count, max_img_sectors=board.max_image_sectors)


def with_boot_status(build: Build, era: BootStatusEra) -> Build:
    """The build with the boot status of an era: BL2 writes it, SPM and attestation read it."""
    return replace(
        build,
        bl2=None if build.bl2 is None else replace(build.bl2, boot_status=era),
        spm=replace(build.spm, boot_status=era),
        attestation=replace(build.attestation, boot_status=era),
    )


def with_token_variant(build: Build) -> Build:
    """The build with the boot status that goes with its tokens, unless it says another itself.

    TokenVariant.TFM_2019 is the one value that asks for another than today's: BL2 writes it, the SPM passes
    it on, attestation reads it. A BL2 of another era keeps it, and the others follow.
    """
    if build.attestation.boot_status is not None:
        return build
    era = build.attestation.boot_status_era
    if era is BootStatusEra.TODAY:
        return build
    if build.bl2 is not None and build.bl2.boot_status is not BootStatusEra.TODAY:
        era = build.bl2.boot_status
    return with_boot_status(build, era)


def dummy_provisioning(build: Build) -> Provisioning:
    """TF-M's dummy values (NOT SECURE) as its build burns them: ROTPKs by signature type and key mode.

    With SYMMETRIC_INITIAL_ATTESTATION the type of the IAK is HMAC; its bytes are the same. A build of 2019
    has the key of that time.
    """
    dummy = DUMMY_2019 if build.attestation.variant is TokenVariant.TFM_2019 else DUMMY
    if build.esp_tee is not None:
        dummy = DUMMY_ESP32C6
    if build.attestation.symmetric:
        dummy = replace(dummy, iak_type=IakType.HMAC)
    if build.bl2 is None:
        return dummy
    name = build.bl2.signature_type.value
    if build.bl2.key_mode is KeyMode.BUILTIN_KEY:
        name += " builtin"
    return replace(dummy, rotpks=DUMMY_ROTPKS.get(name, ()))


def bundle_layout(build: Build, board: Board) -> BundleLayout:
    """The structures of the provisioning bundles that this build burns on a board."""
    return BundleLayout(board.otp.layout, max(2, board.image_count), build.attestation.cose_key_id)


SWAPS_OF_FWU: Final = (UpgradeStrategy.SWAP_USING_SCRATCH, UpgradeStrategy.SWAP_USING_MOVE)
"""FWU_SUPPORT_TRIAL_STATE is on with these."""


def with_delegated_attestation(build: Build | None = None) -> Build:
    """The build with delegated attestation and what that stands on; by default TF-M's otherwise.

    Measured boot, a BL2 that measures for it, the keys of an RSE where there is a BL1, room for tokens with
    so many components, and the hash of the variant's time. What the build says itself is kept.
    """
    build = build or Build()
    bl1, bl2, attestation = build.bl1, build.bl2, build.attestation
    return replace(
        build,
        bl1=bl1 if bl1 is None or bl1.rse is not None else replace(bl1, rse=RseState()),
        bl2=None if bl2 is None else replace(bl2, store_encoded_measurements=False),
        attestation=replace(attestation, max_token_size=max(attestation.max_token_size, MEASURED_TOKEN_SIZE)),
        measured_boot=build.measured_boot or MeasuredBootConfig(),
        delegated_attestation=build.delegated_attestation
        or DelegatedAttestationConfig(hash_of_point=attestation.variant.before_2_2),
    )


def with_esp_tee(build: Build | None = None, config: EspTeeConfig | None = None) -> Build:
    """The build with ESP-TEE's attestation and secure storage, and what they stand on.

    Measured boot from the ROM loader on, a boot loader that lies in flash in plain, and room for the keys.
    What the build says itself is kept; by default there is no protected storage, for its flash has no place.
    """
    build = build or Build(ps=None)
    bl1, bl2, its = build.bl1 or Bl1Config(), build.bl2 or Bl2Config(), build.its or ItsConfig()
    return replace(
        build,
        bl1=replace(bl1, image_encryption=False),
        bl2=replace(bl2, store_encoded_measurements=False),
        its=replace(its, num_assets=max(its.num_assets, ESP_TEE_NUM_ASSETS)),
        attestation=replace(
            build.attestation, max_token_size=max(build.attestation.max_token_size, MEASURED_TOKEN_SIZE)
        ),
        measured_boot=build.measured_boot or MeasuredBootConfig(),
        esp_tee=config or build.esp_tee or EspTeeConfig(),
    )


def with_key_wrap_engine(build: Build | None = None, dua_key: CertId | None = CertId.DUA_USER_LU) -> Build:
    """The build with ST's Key Wrap Engine, whose attestation signs with a wrapped key of the chip.

    The builtin key loader makes room for it. ``dua_key`` None leaves attestation to the builtin key. By
    default the build is TF-M's otherwise; the engine wants a board with a CCB, nucleo_u385rg_q.
    """
    build = build or Build()
    attestation = replace(build.attestation, wrapped_dua_key=dua_key)
    return replace(build, crypto=with_engine(build.crypto), attestation=attestation)


def with_firmware_update(build: Build) -> Build:
    """The build with what its firmware update partition asks of the boot loader.

    Raises LoadError for a boot loader that TF-M's partition cannot work with.
    """
    if build.firmware_update is None:
        return build
    legal = (UpgradeStrategy.OVERWRITE_ONLY, *SWAPS_OF_FWU)
    # TF-M check_config.cmake: no DIRECT_XIP, no RAM_LOAD, and not without MCUBOOT_DATA_SHARING.
    if build.bl2 is None or build.bl2.strategy not in legal:
        found = "no boot loader" if build.bl2 is None else build.bl2.strategy.value
        names = ", ".join(strategy.value for strategy in legal)
        raise LoadError(f"the firmware update partition with {found}; legal: bl2 with strategy {names}")
    return replace(build, bl2=replace(build.bl2, fwu_boot_data=True))


def fwu_build(build: Build) -> FwuBuild | None:
    """The firmware update partition for the boot loader that it works with; None for a build without."""
    if build.firmware_update is None or build.bl2 is None:
        return None
    bl2 = build.bl2
    trial = bl2.strategy in SWAPS_OF_FWU
    return FwuBuild(build.firmware_update, bl2.image_number, trial, bl2.boot_max_align)


def its_config_for(board: Board) -> ItsConfig | None:
    """TF-M's default internal trusted storage for a board that has a flash area for it, None for another."""
    return ItsConfig() if board.area_with_role(AreaRole.ITS) is not None else None


def its_build(build: Build) -> ItsBuild | None:
    """The storage partition with its file systems; None for a build without."""
    if build.its is None:
        return None
    ps = build.ps
    if ps is None:
        return ItsBuild(build.its)
    return ItsBuild(build.its, PsFiles(ps.max_object_size, ps.max_num_objects, ps.create_flash_layout))


def ps_config_for(board: Board) -> PsConfig | None:
    """TF-M's default protected storage for a board that has a flash area for it, None for another."""
    return PsConfig() if board.area_with_role(AreaRole.PS) is not None else None


def standard_partitions(build: Build, board: Board | None = None) -> list[PartitionBuild]:
    """The partitions of the list that the build has, each manifest with its program.

    Those of ESP-TEE need to know the ``board``. Raises ManifestError.
    """
    esp_tee = None
    if build.esp_tee is not None and build.bl1 is not None and board is not None:
        esp_tee = esp_tee_build(build.esp_tee, build.bl1, build.bl2, board)
    fwu = fwu_build(build)
    its = its_build(build)
    ps = build.ps if its is not None else None
    made = programs(
        build.attestation,
        replace(build.crypto, dak_seed_in_kmu=build.crypto.dak_seed_in_kmu or has_rse_keys(build)),
        build.measured_boot,
        fwu,
        its,
        ps,
        build.platform,
        build.delegated_attestation,
        build.cks,
        esp_tee,
    )
    configs = configurations(
        measured_boot=build.measured_boot is not None,
        delegated_attestation=build.delegated_attestation is not None,
        firmware_update=fwu is not None,
        its=its is not None,
        platform=build.platform is not None,
        protected_storage=ps is not None,
        cks=build.cks is not None,
        esp_tee=esp_tee is not None,
    )
    builds = []
    for item in load_manifest_list(MANIFEST_LIST, configs=configs):
        manifest = item.load()
        hal = platform_functions(build.attestation).get(manifest.name, ())
        builds.append(PartitionBuild(manifest, item.pid, *made[manifest.name], hal=hal))
    return builds


def has_rse_keys(build: Build) -> bool:
    """BL1 is an Arm RSE's, which leaves keys behind."""
    return build.bl1 is not None and build.bl1.rse is not None


def agent_partitions(board: Board) -> list[PartitionBuild]:
    """The mailbox agent for a board whose non-secure side has a core of its own; none for another.

    Raises ManifestError.
    """
    if board.dual_core is None:
        return []
    builds = []
    for item in load_manifest_list(MAILBOX_MANIFEST_LIST):
        manifest = item.load()
        ids = manifest.client_ids
        assert ids is not None  # every NS agent has a range
        queue, mhu = board.dual_core.mailbox.base, board.dual_core.mhu.base
        made = mailbox_programs(MailboxConfig(queue, mhu, ids.base, ids.limit))
        builds.append(PartitionBuild(manifest, item.pid, *made[manifest.name]))
    return builds


def storage_configs(build: Build, board: Board) -> dict[str, FsConfig]:
    """The file systems of a build on a board, by the role of their flash areas."""
    made = its_build(build)
    its, ps = area_info(board, AreaRole.ITS), area_info(board, AreaRole.PS)
    if made is None or its is None:
        return {}
    found = {AreaRole.ITS.value: its_fs_config(made, its, ps if made.ps else None)}
    if made.ps is not None and ps is not None:
        found[AreaRole.PS.value] = ps_fs_config(made, its, ps)
    return found


def area_info(board: Board, role: AreaRole) -> FlashAreaInfo | None:
    """The flash area with a role as the HAL tells of it; None where the board has none."""
    area = board.area_with_role(role)
    if area is None:
        return None
    flash = next(device for device in board.flash if device.name == area.flash)
    return FlashAreaInfo(
        area.id, area.name, area.size, flash.erase_block, flash.write_size, flash.erased_value
    )
