"""The states of a firmware component, as tables: state -> event -> next state (PSA FWU 1.0, state model).

There is one table for each kind of component. docs/states.md is drawn from them, and the service runs on the
one that its build has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Final

from ...interface.psa.firmware_update import PsaFwuState

READY, WRITING, CANDIDATE, STAGED = (
    PsaFwuState.READY,
    PsaFwuState.WRITING,
    PsaFwuState.CANDIDATE,
    PsaFwuState.STAGED,
)
FAILED, TRIAL, REJECTED, UPDATED = (
    PsaFwuState.FAILED,
    PsaFwuState.TRIAL,
    PsaFwuState.REJECTED,
    PsaFwuState.UPDATED,
)


class FwuEvent(Enum):
    """What changes a component's state. A call that is no event of a state is BAD_STATE there."""

    START = "psa_fwu_start"
    """psa_fwu_start succeeded."""
    WRITE = "psa_fwu_write"
    """psa_fwu_write succeeded."""
    FINISH = "psa_fwu_finish"
    """psa_fwu_finish succeeded."""
    CANCEL = "psa_fwu_cancel"
    """psa_fwu_cancel succeeded."""
    CLEAN = "psa_fwu_clean"
    """psa_fwu_clean succeeded."""
    INSTALL = "psa_fwu_install"
    """psa_fwu_install succeeded; where an image that is needed is missing, the state stays."""
    INSTALL_FAILED = "psa_fwu_install fails"
    """psa_fwu_install found an image that it cannot install."""
    REJECT = "psa_fwu_reject"
    """psa_fwu_reject succeeded."""
    ACCEPT = "psa_fwu_accept"
    """psa_fwu_accept succeeded."""
    REBOOT = "reboot"
    """A reset; a STAGED image was installed, an image that nobody accepted was rolled back."""
    REBOOT_FAILED = "reboot, image refused"
    """A reset at which the boot loader refused a STAGED image."""


Table = Mapping[PsaFwuState, Mapping[FwuEvent, PsaFwuState]]


@dataclass(frozen=True, slots=True)
class ComponentKind:
    """What decides which states a component has.

    ``needs_reboot``: a new image runs after the next reset only. ``has_trial``: it can be rolled back until
    it is accepted. ``volatile_staging``: PSA_FWU_FLAG_VOLATILE_STAGING, what the service knows dies with a
    reset.
    """

    needs_reboot: bool = True
    has_trial: bool = True
    volatile_staging: bool = True

    @property
    def name(self) -> str:
        reboot = "reboot" if self.needs_reboot else "no reboot"
        trial = "trial" if self.has_trial else "no trial"
        staging = "volatile" if self.volatile_staging else "non-volatile"
        return f"{reboot}, {trial}, {staging} staging"


KINDS: Final = tuple(ComponentKind(*flags) for flags in product((True, False), repeat=3))


def table_of(kind: ComponentKind) -> Table:
    """The states of one kind of component; READY, where all begins, comes first."""
    installed = STAGED if kind.needs_reboot else TRIAL if kind.has_trial else UPDATED
    table: dict[PsaFwuState, dict[FwuEvent, PsaFwuState]] = {
        READY: {FwuEvent.START: WRITING},
        WRITING: {FwuEvent.WRITE: WRITING, FwuEvent.FINISH: CANDIDATE, FwuEvent.CANCEL: FAILED},
        CANDIDATE: {
            FwuEvent.INSTALL: installed,
            FwuEvent.INSTALL_FAILED: FAILED,
            FwuEvent.CANCEL: FAILED,
        },
    }
    if kind.needs_reboot:
        table[STAGED] = {FwuEvent.REJECT: FAILED}
    if kind.has_trial:
        table[TRIAL] = {
            FwuEvent.ACCEPT: UPDATED,
            FwuEvent.REJECT: REJECTED if kind.needs_reboot else FAILED,
        }
        if kind.needs_reboot:
            table[REJECTED] = {}
    table[FAILED] = {FwuEvent.CLEAN: READY}
    # Where a reset both installs and forgets, nobody is left to see that it was done.
    if kind.has_trial or not kind.needs_reboot or not kind.volatile_staging:
        table[UPDATED] = {FwuEvent.CLEAN: READY}
    reboots = _volatile_reboots(kind) if kind.volatile_staging else _non_volatile_reboots(kind)
    for state, targets in reboots.items():
        if state in table:
            table[state] |= targets
    return table


def _non_volatile_reboots(kind: ComponentKind) -> Table:
    reboot, failed = FwuEvent.REBOOT, FwuEvent.REBOOT_FAILED
    return {
        READY: {reboot: READY},
        # PSA FWU 1.0 WRITING: an implementation may discard what was written; it must keep a CANDIDATE.
        WRITING: {reboot: WRITING},
        CANDIDATE: {reboot: CANDIDATE},
        STAGED: {reboot: TRIAL if kind.has_trial else UPDATED, failed: FAILED},
        # PSA FWU 1.0 TRIAL: a component that needs no reboot stays on trial over one.
        TRIAL: {reboot: FAILED if kind.needs_reboot else TRIAL},
        REJECTED: {reboot: FAILED},
        FAILED: {reboot: FAILED},
        UPDATED: {reboot: UPDATED},
    }


def _volatile_reboots(kind: ComponentKind) -> Table:
    reboot, failed = FwuEvent.REBOOT, FwuEvent.REBOOT_FAILED
    return {
        **{state: {reboot: READY} for state in (READY, WRITING, CANDIDATE, REJECTED, FAILED, UPDATED)},
        STAGED: {reboot: TRIAL if kind.has_trial else READY, failed: READY},
        TRIAL: {reboot: READY if kind.needs_reboot else TRIAL},
    }
