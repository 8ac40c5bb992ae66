"""Which inputs a key derivation takes: their order, their key types, what each of them may hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...interface.psa.crypto_values import PSA_KEY_TYPE_NONE
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
)
from .refusal import Refusal

DIRECT: Final = PSA_KEY_TYPE_NONE
"""The key type of an input that is no key."""
MAX_INPUT: Final = 0x10000
"""Bytes that an input may grow to where it can be given in parts."""


def _anything(data: bytes) -> None:
    del data


def _any_number(value: int) -> None:
    del value


@dataclass(frozen=True, slots=True)
class InputStep:
    """One input of an algorithm, a PSA_KEY_DERIVATION_INPUT_* in ``step``.

    ``key_types`` are the keys that can be given for it, ``direct`` says whether bytes can. ``in_order`` is
    false for the one input that may come whenever the caller likes. ``check`` and ``check_number`` raise
    Refusal for a value that the algorithm cannot take; a step with ``number`` takes nothing but a number.
    """

    step: int
    key_types: frozenset[int]
    required: bool = True
    repeats: bool = False
    in_order: bool = True
    direct: bool = True
    number: bool = False
    check: Callable[[bytes], None] = _anything
    check_number: Callable[[int], None] = _any_number


class DerivationInputs:
    """What a derivation has been given so far, up to MAX_INPUT a step.

    ``closed`` once output has begun: nothing more may come.
    """

    def __init__(self, steps: tuple[InputStep, ...]) -> None:
        self._steps = steps
        self._given: set[int] = set()
        self.closed = False
        self.data: dict[int, bytes] = {}
        self.numbers: dict[int, int] = {}
        self.key_types: dict[int, int] = {}

    def give(self, step: int, data: bytes, key_type: int = DIRECT) -> None:
        """Take an input; what comes again for a step that repeats is appended.

        PSA Crypto 1.2 psa_key_derivation_input_bytes, psa_key_derivation_input_key: a step that the
        algorithm has not, or not for such a key, is INVALID_ARGUMENT, one at the wrong time BAD_STATE.
        """
        rule = self._rule(step)
        fits = rule.direct if key_type == DIRECT else key_type in rule.key_types
        if rule.number or not fits:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._check_turn(rule)
        rule.check(data)
        whole = self.data.get(step, b"") + data
        if len(whole) > MAX_INPUT:
            raise Refusal(PSA_ERROR_INSUFFICIENT_MEMORY)
        self._given.add(step)
        self.data[step] = whole
        self.key_types[step] = key_type

    def give_number(self, step: int, value: int) -> None:
        """PSA Crypto 1.2 psa_key_derivation_input_integer: the same for a step that takes a number."""
        rule = self._rule(step)
        if not rule.number:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._check_turn(rule)
        rule.check_number(value)
        self._given.add(step)
        self.numbers[step] = value

    def complete(self) -> bool:
        """True once output can start."""
        return all(rule.step in self._given for rule in self._steps if rule.required)

    def _rule(self, step: int) -> InputStep:
        for rule in self._steps:
            if rule.step == step:
                return rule
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)

    def _check_turn(self, rule: InputStep) -> None:
        if self.closed or (rule.step in self._given and not rule.repeats):
            raise Refusal(PSA_ERROR_BAD_STATE)
        if not rule.in_order:
            return
        place = self._steps.index(rule)
        missing = any(before.required and before.step not in self._given for before in self._steps[:place])
        later = any(after.in_order and after.step in self._given for after in self._steps[place + 1 :])
        if missing or later:
            raise Refusal(PSA_ERROR_BAD_STATE)
