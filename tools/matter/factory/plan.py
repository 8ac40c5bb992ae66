"""The steps of a factory run, what each does to a board, and whether its addresses are the board's."""

from dataclasses import dataclass
from enum import Enum

from ....interface.mcuboot.trailer import BOOT_MAGIC_SIZE
from ....platform.board import AreaRole, Board
from .programmer import ProgrammerError


class Target(Enum):
    """The kinds of run that ST's tool knows; the value names one as messages do."""

    RECONFIGURE = "--provisioning 0"
    STM32WB55 = "--provisioning 1 without --security (STM32WB55)"
    LEVEL_0 = "--provisioning 1 --security 0"
    LEVEL_1_WBA = "--provisioning 1 --security 1 --platform wba"
    LEVEL_1_U5 = "--provisioning 1 --security 1 --platform u5"
    LEVEL_2 = "--provisioning 1 --security 2 --platform wba"

    @property
    def is_secure(self) -> bool:
        """A boot loader installs the application: regression and provisioning scripts, magic trailer."""
        return self in (Target.LEVEL_1_WBA, Target.LEVEL_1_U5, Target.LEVEL_2)

    @property
    def board(self) -> str | None:
        """The packaged board that such a run is for; None for a device that exists already."""
        return _BOARDS.get(self)


_BOARDS = {
    Target.STM32WB55: "stm32wb5mm_dk",
    Target.LEVEL_0: "stm32wba65i_dk1_open",
    Target.LEVEL_1_WBA: "stm32wba65i_dk1_oemirot",
    Target.LEVEL_1_U5: "nucleo_u575zi_q",
    Target.LEVEL_2: "stm32wba65i_dk1",
}


class StepKind(Enum):
    """What a step does."""

    REGRESSION = "regression script: erase the memory, clean security settings"
    PROVISIONING_SCRIPTS = "provisioning script: boot loader and provisioning firmware"
    COPROCESSOR_FIRMWARE = "coprocessor firmware"
    PROVISIONING_FIRMWARE = "provisioning firmware"
    FACTORY_DATA = "factory data"
    PROVISIONING = "provisioning over the serial line"
    APPLICATION_FIRMWARE = "application firmware"
    MAGIC_TRAILER = "magic trailer"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the file that it takes and the address where that goes, None where there is none."""

    kind: StepKind
    file: str | None = None
    address: int | None = None

    def __str__(self) -> str:
        text = self.kind.value
        if self.file is not None:
            text += f": {self.file}"
        return text if self.address is None else f"{text} at {self.address:#010x}"


@dataclass(frozen=True, slots=True)
class FactoryPlan:
    """What a run is for, and its steps in their order."""

    target: Target
    steps: tuple[Step, ...]

    @property
    def before_provisioning(self) -> tuple[Step, ...]:
        """The steps ahead of the conversation with the device; all of them where there is none."""
        kinds = [step.kind for step in self.steps]
        at = kinds.index(StepKind.PROVISIONING) if StepKind.PROVISIONING in kinds else len(kinds)
        return self.steps[:at]

    @property
    def after_provisioning(self) -> tuple[Step, ...]:
        """The steps behind it."""
        return self.steps[len(self.before_provisioning) + 1 :]

    def check(self, board: Board) -> None:
        """Whether the addresses are those where this board looks. Raises ProgrammerError where one is not."""
        for step in self.steps:
            legal = self._legal(step, board)
            if legal is not None and step.address != legal:
                raise ProgrammerError(
                    f"{step.kind.value}: found {step.address or 0:#010x}; legal on board {board.name}: "
                    f"{legal:#010x}"
                )

    def _legal(self, step: Step, board: Board) -> int | None:
        """The only address at which a step's file is of use on a board; None where any will do."""
        last = board.image_count - 1
        candidate = board.slot(last, "secondary" if self.target.is_secure else "primary")
        match step.kind:
            case StepKind.FACTORY_DATA:
                area = board.area_with_role(AreaRole.FACTORY_DATA)
                return None if area is None else board.non_secure_address_of(area)
            case StepKind.COPROCESSOR_FIRMWARE if board.dual_core is not None:
                return board.address_of(board.slot(0, "primary"))
            case StepKind.PROVISIONING_FIRMWARE | StepKind.APPLICATION_FIRMWARE:
                return None if self.target is Target.RECONFIGURE else board.non_secure_address_of(candidate)
            case StepKind.MAGIC_TRAILER:
                return board.non_secure_address_of(candidate) + candidate.size - BOOT_MAGIC_SIZE
        return None
