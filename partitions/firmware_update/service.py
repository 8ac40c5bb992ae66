"""The calls of the PSA Firmware Update API on the components of one device (TF-M tfm_fwu_req_mngr.c).

Whether a call is legal and where it leads is the table's to say (`states`); how images get anywhere is the
boot loader library's (`bootloader`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...interface.psa.firmware_update import (
    PSA_SUCCESS_REBOOT,
    PSA_SUCCESS_RESTART,
    PsaFwuFlag,
    PsaFwuState,
    psa_fwu_component_info_t,
    psa_fwu_impl_info_t,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DEPENDENCY_NEEDED,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from .bootloader import BootloaderLib, FwuRefused
from .config import FwuConfig
from .states import CANDIDATE, FAILED, READY, REJECTED, STAGED, TRIAL, FwuEvent, table_of

_ERROR_STATES: Final = frozenset({FAILED, REJECTED})
_INSTALLING: Final = frozenset({STAGED, TRIAL, REJECTED})


@dataclass(slots=True)
class Context:
    """An update that is under way; ``error`` is a psa_status_t."""

    state: PsaFwuState
    error: int = PSA_SUCCESS


class FwuService:
    """All components of one device. What it knows of them is gone with the next reset, as TF-M's is."""

    def __init__(self, lib: BootloaderLib, config: FwuConfig) -> None:
        self._lib = lib
        self._config = config
        self._table = table_of(lib.kind)
        self._contexts: dict[int, Context] = {}

    def state(self, component: int) -> PsaFwuState:
        """Without an update under way, READY or TRIAL, as the boot loader left it."""
        context = self._contexts.get(component)
        if context is not None:
            return context.state
        # TF-M fwu_bootloader_get_image_info: the version of the running image must be known, asked or not.
        self._lib.active_image(component)
        return TRIAL if self._lib.is_on_trial(component) else READY

    def query(self, component: int) -> psa_fwu_component_info_t:
        """PSA FWU 1.0 psa_fwu_query: an error is told in FAILED and REJECTED only."""
        self._check_component(component)
        state = self.state(component)
        image = self._lib.active_image(component)
        flags = PsaFwuFlag.VOLATILE_STAGING if self._lib.kind.volatile_staging else PsaFwuFlag(0)
        impl = psa_fwu_impl_info_t()
        # TF-M tfm_fwu_query: a digest for a CANDIDATE, and for no other state.
        if state is CANDIDATE:
            impl = psa_fwu_impl_info_t(self._lib.candidate_digest(component))
        error = self._contexts[component].error if state in _ERROR_STATES else PSA_SUCCESS
        return psa_fwu_component_info_t(
            state, error, image.version, image.max_size, flags, image.location, impl
        )

    def start(self, component: int, manifest_size: int) -> int:
        """PSA FWU 1.0 psa_fwu_start: MCUboot's images carry their manifest, so a detached one is none."""
        self._demand(component, FwuEvent.START)
        if manifest_size:
            raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT, "a detached manifest")
        self._lib.staging_area_init(component)
        self._fire(component, FwuEvent.START)
        return PSA_SUCCESS

    def write(self, component: int, offset: int, block: bytes) -> int:
        """PSA FWU 1.0 psa_fwu_write: an error leaves the component WRITING."""
        self._demand(component, FwuEvent.WRITE)
        if len(block) > self._config.max_write_size:
            raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT, "a block of more than the maximum")
        if not block:
            if self._config.quirks.empty_block_is_success:
                return PSA_SUCCESS
            raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT, "an empty block")
        self._lib.load_image(component, offset, block)
        self._fire(component, FwuEvent.WRITE)
        return PSA_SUCCESS

    def finish(self, component: int) -> int:
        """PSA FWU 1.0 psa_fwu_finish: checks may wait for the installation, and do (TF-M tfm_fwu_finish)."""
        self._demand(component, FwuEvent.FINISH)
        self._fire(component, FwuEvent.FINISH)
        return PSA_SUCCESS

    def cancel(self, component: int) -> int:
        """PSA FWU 1.0 psa_fwu_cancel: FAILED, with no error."""
        self._demand(component, FwuEvent.CANCEL)
        self._fire(component, FwuEvent.CANCEL)
        return PSA_SUCCESS

    def clean(self, component: int) -> int:
        """PSA FWU 1.0 psa_fwu_clean: a staging area that does not erase leaves the state as it was."""
        self._demand(component, FwuEvent.CLEAN)
        self._lib.clean_component(component)
        self._fire(component, FwuEvent.CLEAN)
        return PSA_SUCCESS

    def install(self) -> int:
        """PSA FWU 1.0 psa_fwu_install: all candidates or none.

        What is missing (DEPENDENCY_NEEDED) leaves all CANDIDATE; any other error makes all FAILED with it.
        """
        states = self._states()
        candidates = [component for component, state in states.items() if state is CANDIDATE]
        installing = [component for component, state in states.items() if state in _INSTALLING]
        if self._config.quirks.trial_with_context_is_overlooked:
            installing = [c for c in installing if c not in self._contexts or states[c] is not TRIAL]
        if installing or not candidates:
            raise FwuRefused(PSA_ERROR_BAD_STATE)
        try:
            status = self._lib.install_images(candidates)
        except FwuRefused as refused:
            if refused.status != PSA_ERROR_DEPENDENCY_NEEDED:
                for component in candidates:
                    self._fire(component, FwuEvent.INSTALL_FAILED, refused.status)
            raise
        for component in candidates:
            self._fire(component, FwuEvent.INSTALL)
        return status

    def accept(self) -> int:
        """PSA FWU 1.0 psa_fwu_accept: where it fails, all stay on TRIAL and the next reset rolls back."""
        if not self._lib.kind.has_trial:
            raise FwuRefused(PSA_ERROR_NOT_SUPPORTED)
        trials = [component for component, state in self._states().items() if state is TRIAL]
        if not trials:
            raise FwuRefused(PSA_ERROR_BAD_STATE)
        for component in trials:
            self._contexts.setdefault(component, Context(TRIAL))
        self._lib.mark_images_accepted(trials)
        for component in trials:
            self._fire(component, FwuEvent.ACCEPT)
        return PSA_SUCCESS

    def reject(self, error: int) -> int:
        """PSA FWU 1.0 psa_fwu_reject: whatever is STAGED or on TRIAL, with the client's own error code."""
        if not (self._lib.kind.has_trial or self._lib.kind.needs_reboot):
            raise FwuRefused(PSA_ERROR_NOT_SUPPORTED)
        states = self._states()
        if not {STAGED, TRIAL} & set(states.values()):
            raise FwuRefused(PSA_ERROR_BAD_STATE)
        answers: list[int] = []
        for component, state in states.items():
            if state is STAGED:
                self._lib.reject_staged_image(component)
                self._fire(component, FwuEvent.REJECT, error)
                answers.append(PSA_SUCCESS)
            elif state is TRIAL:
                self._contexts.setdefault(component, Context(TRIAL))
                answers.append(self._lib.reject_trial_image(component))
                self._fire(component, FwuEvent.REJECT, error)
            elif component not in self._contexts:
                answers.append(PSA_SUCCESS)
        # TF-M tfm_fwu_reject: the variable that is returned holds what was asked of the last component.
        if self._config.quirks.reject_answers_the_last_status:
            return answers[-1]
        return _worst(answers)

    def _states(self) -> dict[int, PsaFwuState]:
        return {component: self.state(component) for component in range(self._lib.components)}

    def _check_component(self, component: int) -> None:
        if component >= self._lib.components:
            raise FwuRefused(PSA_ERROR_DOES_NOT_EXIST)

    def _demand(self, component: int, event: FwuEvent) -> None:
        """PSA FWU 1.0 error codes: DOES_NOT_EXIST and BAD_STATE promise that nothing has changed."""
        self._check_component(component)
        if event not in self._table[self.state(component)]:
            raise FwuRefused(PSA_ERROR_BAD_STATE)

    def _fire(self, component: int, event: FwuEvent, error: int = PSA_SUCCESS) -> None:
        state = self._table[self.state(component)][event]
        if state is READY:
            self._contexts.pop(component, None)
        else:
            self._contexts[component] = Context(state, error)


def _worst(answers: Iterable[int]) -> int:
    found = set(answers)
    return next(
        (answer for answer in (PSA_SUCCESS_REBOOT, PSA_SUCCESS_RESTART) if answer in found), PSA_SUCCESS
    )
