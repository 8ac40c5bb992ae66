"""Interrupts of partitions: taking them, and the calls that handle them (FF-M 1.1, interrupts)."""

from typing import TYPE_CHECKING

from ..interface.psa.service import PSA_FLIH_NO_SIGNAL, PSA_FLIH_SIGNAL
from ..interface.psa.status import PSA_SUCCESS
from .c_types import plain_int
from .client import Partition
from .events import InterruptTaken
from .manifest import IrqHandling, IrqManifest
from .messages import assert_signal
from .outcome import Fault, Outcome
from .panic import words_of

if TYPE_CHECKING:
    from .kernel import Kernel


class Irq:
    """An interrupt line, the partition that owns it, and the signal that it asserts there."""

    __slots__ = ("line", "manifest", "partition", "signal")

    def __init__(self, line: int, partition: Partition, signal: int, manifest: IrqManifest) -> None:
        self.line = line
        self.partition = partition
        self.signal = signal
        self.manifest = manifest

    @property
    def is_flih(self) -> bool:
        return self.manifest.handling is IrqHandling.FLIH


def take_interrupt(spm: "Kernel", line: int) -> None:
    """An enabled line is pending: the CPU enters the SPM's handler, whatever ran until now."""
    irq = spm.irqs_by_line.get(line)
    if irq is None or spm.down is not None:
        return
    partition = irq.partition
    if spm.listeners:
        handling = irq.manifest.handling.value
        spm.trace.emit(InterruptTaken(line, str(irq.manifest.source), partition.name, handling))
    if not irq.is_flih:
        # FF-M 1.1 SLIH: the framework masks the line and asserts the signal; psa_eoi unmasks.
        spm.interrupts.disable(line)
        assert_signal(spm, partition, irq.signal)
    elif _run_flih(spm, irq) == PSA_FLIH_SIGNAL:
        assert_signal(spm, partition, irq.signal)


def _run_flih(spm: "Kernel", irq: Irq) -> object:
    """FF-M 1.1, FLIH: the handler runs at once, in the partition's domain, and may call nothing."""
    spm.handling, spm.closed = irq, True
    try:
        result = spm.run_code_of(irq.partition, getattr(irq.partition.program, irq.manifest.flih))
    finally:
        spm.handling, spm.closed = None, spm.down is not None
    number = plain_int(result)
    if number not in (PSA_FLIH_SIGNAL, PSA_FLIH_NO_SIGNAL):
        rule = f"{irq.manifest.flih}: a psa_flih_result_t"
        legal = "PSA_FLIH_NO_SIGNAL or PSA_FLIH_SIGNAL"
        spm.panic_of(Fault(irq.partition, rule, words_of(result), legal))
    return number


def psa_irq_enable(spm: "Kernel", caller: Partition, irq_signal: int) -> Outcome:
    """FF-M 1.1, psa_irq_enable: let the line interrupt."""
    irq = _own_irq(caller, irq_signal, "psa_irq_enable")
    if isinstance(irq, Fault):
        return irq
    spm.interrupts.enable(irq.line)
    return PSA_SUCCESS


def psa_irq_disable(spm: "Kernel", caller: Partition, irq_signal: int) -> Outcome:
    """FF-M 1.1, psa_irq_disable: mask the line; 1 when it was enabled before, else 0. It clears no signal."""
    irq = _own_irq(caller, irq_signal, "psa_irq_disable")
    if isinstance(irq, Fault):
        return irq
    before = int(spm.interrupts.is_enabled(irq.line))
    spm.interrupts.disable(irq.line)
    return 1 if spm.config.quirks.irq_disable_answers_one else before


def psa_eoi(spm: "Kernel", caller: Partition, irq_signal: int) -> Outcome:
    """FF-M 1.1, psa_eoi: a second-level interrupt is dealt with; its signal falls, its line is unmasked."""
    irq = _asserted_irq(caller, irq_signal, "psa_eoi", IrqHandling.SLIH)
    if isinstance(irq, Fault):
        return irq
    caller.signals &= ~irq_signal
    caller.vain_waits = 0
    spm.interrupts.clear_pending(irq.line)
    spm.interrupts.enable(irq.line)
    return PSA_SUCCESS


def psa_reset_signal(spm: "Kernel", caller: Partition, irq_signal: int) -> Outcome:
    """FF-M 1.1, psa_reset_signal: clear the signal that a first-level handler asked for."""
    irq = _asserted_irq(caller, irq_signal, "psa_reset_signal", IrqHandling.FLIH)
    if isinstance(irq, Fault):
        return irq
    caller.signals &= ~irq_signal
    caller.vain_waits = 0
    return PSA_SUCCESS


def _own_irq(caller: Partition, irq_signal: int, call: str) -> Irq | Fault:
    irq = caller.irq_by_signal.get(irq_signal)
    # FF-M 1.1 interrupts: exactly one signal, and an interrupt's of the caller.
    if irq is None:
        rule = "exactly one signal" if irq_signal.bit_count() != 1 else "the signal of an own interrupt"
        legal = ", ".join(f"{s:#010x} {i.manifest.signal}" for s, i in caller.irq_by_signal.items())
        return Fault(caller, f"{call}: {rule}", f"{irq_signal:#x}", legal or "none: it has no interrupt")
    return irq


def _asserted_irq(caller: Partition, irq_signal: int, call: str, handling: IrqHandling) -> Irq | Fault:
    irq = _own_irq(caller, irq_signal, call)
    if isinstance(irq, Fault):
        return irq
    # FF-M 1.1 interrupts: psa_eoi is for second-level handling, psa_reset_signal for first-level.
    if irq.manifest.handling is not handling:
        found = f"{irq.manifest.signal}, handled {irq.manifest.handling.value}"
        return Fault(caller, f"{call}: an interrupt handled {handling.value}", found, handling.value)
    # FF-M 1.1 interrupts: the signal must be asserted.
    if not caller.signals & irq_signal:
        found = f"signals {caller.signals:#x}"
        return Fault(caller, f"{call}: a signal that is asserted", found, "after the interrupt")
    return irq
