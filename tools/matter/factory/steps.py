"""Carries out the steps of a factory run that a programmer does alone, on a board that is switched off."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ....platform.hardware import Hardware
from .plan import Step, StepKind
from .programmer import erase_all, program


@dataclass(frozen=True, slots=True)
class Done:
    """A step and what came of it; ``result`` is None for one that is not a programmer's."""

    step: Step
    result: str | None


def carry_out(
    steps: Iterable[Step], hardware: Hardware, image: bytes, read: Callable[[str], bytes]
) -> Iterator[Done]:
    """Do each step as it is asked for. ``image`` is the factory data, ``read`` gives a file's bytes.

    The provisioning script of the secure levels and the conversation with the device are not done here: they
    take a device with power. Raises ProgrammerError, and what ``read`` raises.
    """
    for step in steps:
        yield Done(step, _carry_out(step, hardware, image, read))


def _carry_out(step: Step, hardware: Hardware, image: bytes, read: Callable[[str], bytes]) -> str | None:
    match step.kind:
        case StepKind.REGRESSION:
            erase_all(hardware)
            return "all flash erased"
        case StepKind.PROVISIONING | StepKind.PROVISIONING_SCRIPTS:
            return None
    data = image if step.kind is StepKind.FACTORY_DATA or step.file is None else read(step.file)
    assert step.address is not None  # the options' check
    done = program(hardware, step.address, data, step.kind.value)
    return (
        f"{done.size} bytes at {step.address:#010x}, {done.erased:#x} bytes of {done.flash} erased for them"
    )
