"""A key derivation under way: inputs, capacity, output (PSA Crypto 1.2 section 10.6)."""

from collections.abc import Callable
from dataclasses import dataclass

from ...interface.psa.crypto_values import PSA_ALG_NONE
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_DATA,
    PSA_ERROR_INVALID_ARGUMENT,
)
from .derivation_inputs import DIRECT, DerivationInputs, InputStep
from .kdf import Stream
from .refusal import Refusal


@dataclass(frozen=True, slots=True)
class Kdf:
    """One algorithm: what it takes, how much it gives at most (bytes), how its output starts.

    ``start`` gets the inputs and the capacity at the first output; ``capacity_counts`` where that goes into
    the output itself.
    """

    steps: tuple[InputStep, ...]
    capacity: int
    start: Callable[[DerivationInputs, int], Stream]
    capacity_counts: bool = False


class DerivationOperation:
    """A multi-part key derivation.

    ``kdf`` is None before setup and in the error state, where only abort helps. ``may_output`` ends with a
    key that does not allow it; ``may_output_key`` starts with a secret that is a key or comes from a key
    agreement.
    """

    __slots__ = ("alg", "capacity", "inputs", "kdf", "may_output", "may_output_key", "stream")

    def __init__(self) -> None:
        self.alg = PSA_ALG_NONE
        self.kdf: Kdf | None = None
        self.capacity = 0
        self.inputs = DerivationInputs(())
        self.stream: Stream | None = None
        self.may_output = True
        self.may_output_key = False

    def set_up(self, alg: int, kdf: Kdf) -> None:
        """Start with an algorithm; ``alg`` may combine ``kdf`` with a key agreement."""
        self.alg = alg
        self.kdf = kdf
        self.capacity = kdf.capacity
        self.inputs = DerivationInputs(kdf.steps)

    def abort(self) -> None:
        """Drop everything; also what an error leaves behind."""
        self.kdf = None
        self.stream = None
        self.inputs = DerivationInputs(())

    def active(self) -> Kdf:
        """The algorithm; BAD_STATE in the error state."""
        if self.kdf is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        return self.kdf

    def set_capacity(self, capacity: int) -> None:
        """PSA Crypto 1.2 psa_key_derivation_set_capacity: a larger one is INVALID_ARGUMENT and no failure.

        PSA_ALG_SP800_108_COUNTER_*: the capacity is a part of the output, so BAD_STATE once that has begun.
        """
        kdf = self.active()
        if capacity > self.capacity:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if kdf.capacity_counts and self.inputs.closed:
            self.abort()
            raise Refusal(PSA_ERROR_BAD_STATE)
        self.capacity = capacity

    def input(self, step: int, data: bytes, key_type: int = DIRECT) -> None:
        """An input of bytes, or of a key of that type. BAD_STATE once output has begun."""
        self.active()
        self.inputs.give(step, data, key_type)

    def input_number(self, step: int, value: int) -> None:
        self.active()
        self.inputs.give_number(step, value)

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes of output.

        PSA Crypto 1.2 psa_key_derivation_output_bytes: more than the capacity is INSUFFICIENT_DATA and
        leaves a capacity of 0, which is no error state; inputs that are missing are BAD_STATE. Nothing
        out of an empty capacity is INSUFFICIENT_DATA too, as Mbed TLS chooses.
        """
        kdf = self.active()
        if size > self.capacity or self.capacity == 0:
            self.capacity = 0
            self.inputs.closed = True
            self.stream = None
            raise Refusal(PSA_ERROR_INSUFFICIENT_DATA)
        if self.stream is None:
            if not self.inputs.complete():
                raise Refusal(PSA_ERROR_BAD_STATE)
            self.stream = kdf.start(self.inputs, self.capacity)
            self.inputs.closed = True
        self.capacity -= size
        return self.stream.read(size)
