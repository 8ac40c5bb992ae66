"""Build options of the firmware update service, and TF-M's deviations from the specification."""

from dataclasses import dataclass, field, fields

from ...interface.psa.firmware_update import PSA_FWU_MAX_WRITE_SIZE


@dataclass(frozen=True, slots=True)
class FwuQuirks:
    """Where TF-M today does otherwise than PSA FWU 1.0 asks; all off by default, TFM_FWU_TODAY has all on."""

    manifest_not_supported: bool = False
    """psa_fwu_start with a manifest answers NOT_SUPPORTED before it looks at component and state."""
    block_size_checked_first: bool = False
    """psa_fwu_write of too large a block is INVALID_ARGUMENT before vectors, component and state count."""
    empty_block_is_success: bool = False
    """psa_fwu_write of no bytes succeeds, whatever the offset."""
    any_write_alignment: bool = False
    """psa_fwu_write takes any offset; the flash driver pads to whole program units by reading first."""
    write_outside_is_storage_failure: bool = False
    """psa_fwu_write past the staging area is STORAGE_FAILURE, not INVALID_ARGUMENT."""
    write_reaches_the_trailer: bool = False
    """An image with a trailer of its own (imgtool --pad) is written with it, so that the next reset installs
    it although nobody called psa_fwu_install."""
    start_erase_failure_is_generic: bool = False
    """psa_fwu_start answers GENERIC_ERROR, not STORAGE_FAILURE, where the slot does not erase."""
    one_image_is_not_examined: bool = False
    """psa_fwu_install on a device of one image looks at nothing."""
    bad_image_is_data_corrupt: bool = False
    """psa_fwu_install answers DATA_CORRUPT for a bad header or a dependency on an image past the number of
    images, STORAGE_FAILURE for bad TLVs or a dependency on just that number, not INVALID_ARGUMENT."""
    trial_with_context_is_overlooked: bool = False
    """psa_fwu_install goes ahead beside a component on trial whose psa_fwu_accept failed before."""
    reject_answers_the_last_status: bool = False
    """psa_fwu_reject answers what it saw last: SUCCESS where a component behind the rejected one is READY,
    although the rejection needs a reboot."""
    unconfirmed_is_on_trial: bool = False
    """Whatever image lacks image_ok counts as TRIAL, a factory image too, although no reset would revert it:
    without ``imgtool sign --confirm`` it can never be updated."""
    digest_counts_every_byte_written: bool = False
    """The digest of a CANDIDATE covers as many bytes as were written in all, rewritten ones twice."""


TFM_FWU_TODAY = FwuQuirks(**{quirk.name: True for quirk in fields(FwuQuirks)})


@dataclass(frozen=True, slots=True)
class FwuConfig:
    """Build options of the service. TF-M builds it with TFM_PARTITION_FIRMWARE_UPDATE, off by default.

    ``max_write_size`` is TFM_CONFIG_FWU_MAX_WRITE_SIZE in bytes.
    """

    max_write_size: int = PSA_FWU_MAX_WRITE_SIZE
    quirks: FwuQuirks = field(default_factory=FwuQuirks)


@dataclass(frozen=True, slots=True)
class FwuBuild:
    """A build of the service for one device.

    ``components`` is FWU_COMPONENT_NUMBER, MCUboot's number of images; ``has_trial`` FWU_SUPPORT_TRIAL_STATE;
    ``boot_max_align`` the boot loader's MCUBOOT_BOOT_MAX_ALIGN in bytes.
    """

    config: FwuConfig = field(default_factory=FwuConfig)
    components: int = 2
    has_trial: bool = False
    boot_max_align: int = 8
