"""Build options of the SPM, and TF-M's deviations from the specification, each behind its own switch."""

from dataclasses import dataclass, field, fields
from enum import Enum

from ..interface.tfm.boot_status import BootStatusEra
from .load import LoadError


class Backend(Enum):
    """TF-M's two ways to run partitions: a thread each, or all as functions of one thread."""

    IPC = "IPC"
    SFN = "SFN"


@dataclass(frozen=True, slots=True)
class TfmQuirks:
    """Where TF-M today does otherwise than FF-M asks; all off by default, TFM_TODAY has all on."""

    empty_input_overlaps: bool = False
    """psa_call: an empty input vector strictly inside another one counts as overlap."""
    programmer_error_keeps_connection: bool = False
    """psa_reply with PROGRAMMER_ERROR leaves the connection idle; PSA_IPC_DISCONNECT comes with psa_close."""
    get_of_other_signal_does_not_exist: bool = False
    """psa_get of an asserted interrupt or doorbell answers DOES_NOT_EXIST."""
    irq_disable_answers_one: bool = False
    """psa_irq_disable answers 1 whatever the line's state was."""
    remap_after_unmap: bool = False
    """psa_map_invec and psa_map_outvec take a vector that was mapped and unmapped before."""
    one_psa_rot_domain: bool = False
    """Isolation level 3: the PSA RoT partitions share one domain and may touch everything."""
    mm_iovec_only_at_level_1: bool = False
    """MM-IOVEC is not there above isolation level 1."""
    sfn_constant_message_handle: bool = False
    """SFN backend without a connection-based service: every message handle is 0x1000, with no pool limit."""


TFM_TODAY = TfmQuirks(**{quirk.name: True for quirk in fields(TfmQuirks)})


@dataclass(frozen=True, slots=True)
class SpmConfig:
    """Build options of the SPM.

    ``in_one_process`` leaves all partitions in the SPM's process at every level, so that only the memory map
    keeps them apart. ``conn_handle_max_num`` is CONFIG_TFM_CONN_HANDLE_MAX_NUM,
    ``schedule_when_ns_interrupted`` CONFIG_TFM_SCHEDULE_WHEN_NS_INTERRUPTED. With
    ``ns_programmer_error_panics`` a non-secure client's PROGRAMMER ERROR resets the device, which FF-M leaves
    to the implementation. ``ns_manage_nsid`` is TFM_NS_MANAGE_NSID: an RTOS gives its tasks their client ids.
    ``boot_status`` is how this SPM reads what BL2 left, ``boot_data_available`` BOOT_DATA_AVAILABLE: whether
    it looks for that at all, None for where there is a BL2. ``process_watchdog_seconds`` is how long, in host
    time, a partition's process may leave the SPM without a word.

    Raises LoadError for values that no build has.
    """

    isolation_level: int = 1
    conn_handle_max_num: int = 8
    backend: Backend = Backend.IPC
    ns_programmer_error_panics: bool = False
    schedule_when_ns_interrupted: bool = False
    ns_manage_nsid: bool = False
    process_watchdog_seconds: float = 10.0
    in_one_process: bool = False
    boot_status: BootStatusEra = BootStatusEra.TODAY
    boot_data_available: bool | None = None
    quirks: TfmQuirks = field(default_factory=TfmQuirks)

    @property
    def process_level(self) -> int:
        """The isolation level by which processes are made."""
        return 1 if self.in_one_process else self.isolation_level

    def __post_init__(self) -> None:
        if self.isolation_level not in (1, 2, 3):
            raise LoadError(f"isolation level {self.isolation_level!r}; legal: 1, 2, 3")
        if self.conn_handle_max_num < 1:
            raise LoadError(f"{self.conn_handle_max_num} connections; legal: at least 1")
        if not self.process_watchdog_seconds > 0:
            raise LoadError(f"a watchdog of {self.process_watchdog_seconds} seconds; legal: more than 0")
        # TF-M SFN backend: it is for isolation level 1.
        if self.backend is Backend.SFN and self.isolation_level != 1:
            raise LoadError(f"isolation level {self.isolation_level} on the SFN backend; legal: 1")
