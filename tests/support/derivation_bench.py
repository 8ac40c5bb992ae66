"""Key derivations for tests: the calls of one operation, statuses and bytes as they come back."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_custom_key_parameters_t,
    psa_key_derivation_operation_t,
)
from tfm_sim.interface.psa.status import PSA_SUCCESS

Input = tuple[int, bytes | int]
"""A PSA_KEY_DERIVATION_INPUT_* step and the bytes or the number for it."""


@dataclass
class Derivation:
    """One operation of a client."""

    client: PsaClient
    operation: psa_key_derivation_operation_t = field(default_factory=psa_key_derivation_operation_t)

    def setup(self, alg: int) -> int:
        return crypto.psa_key_derivation_setup(self.client, self.operation, alg)

    def abort(self) -> int:
        return crypto.psa_key_derivation_abort(self.client, self.operation)

    def capacity(self) -> tuple[int, int]:
        return crypto.psa_key_derivation_get_capacity(self.client, self.operation)

    def set_capacity(self, capacity: int) -> int:
        return crypto.psa_key_derivation_set_capacity(self.client, self.operation, capacity)

    def give(self, step: int, value: bytes | int) -> int:
        """An input of bytes, or of a number."""
        if isinstance(value, int):
            return crypto.psa_key_derivation_input_integer(self.client, self.operation, step, value)
        return crypto.psa_key_derivation_input_bytes(self.client, self.operation, step, value)

    def give_key(self, step: int, key: int) -> int:
        return crypto.psa_key_derivation_input_key(self.client, self.operation, step, key)

    def agree(self, step: int, key: int, peer: bytes) -> int:
        return crypto.psa_key_derivation_key_agreement(self.client, self.operation, step, key, peer)

    def read(self, size: int) -> tuple[int, bytes]:
        return crypto.psa_key_derivation_output_bytes(self.client, self.operation, size)

    def key(self, attributes: KeyAttributes) -> tuple[int, int]:
        return crypto.psa_key_derivation_output_key(self.client, attributes, self.operation)

    def custom_key(self, attributes: KeyAttributes, flags: int, data: bytes) -> tuple[int, int]:
        parameters = psa_custom_key_parameters_t(flags)
        return crypto.psa_key_derivation_output_key_custom(
            self.client, attributes, self.operation, parameters, data
        )

    def verify(self, expected: bytes) -> int:
        return crypto.psa_key_derivation_verify_bytes(self.client, self.operation, expected)

    def verify_key(self, key: int) -> int:
        return crypto.psa_key_derivation_verify_key(self.client, self.operation, key)


def started(client: PsaClient, alg: int, inputs: Iterable[Input] = ()) -> Derivation:
    """A derivation that has all these inputs."""
    derivation = Derivation(client)
    assert derivation.setup(alg) == PSA_SUCCESS
    for step, value in inputs:
        assert derivation.give(step, value) == PSA_SUCCESS
    return derivation


def import_key(
    client: PsaClient, key_type: int, data: bytes, *, usage: int = 0, alg: int = 0, bits: int = 0
) -> int:
    """The id of a new volatile key."""
    status, key = crypto.psa_import_key(client, KeyAttributes(key_type, bits, usage=usage, alg=alg), data)
    assert status == PSA_SUCCESS, status
    return key
