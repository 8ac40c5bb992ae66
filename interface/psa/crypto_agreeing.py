"""PSA Crypto for Python callers: key derivations and password-authenticated exchanges as objects."""

from . import crypto
from .client import BytesLike, PsaClient
from .crypto_multipart import MultiPart, check, verdict
from .crypto_sizes import PSA_PAKE_OUTPUT_MAX_SIZE
from .crypto_types import (
    KeyAttributes,
    psa_key_derivation_operation_t,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)


class KeyDerivation(MultiPart[psa_key_derivation_operation_t]):
    """A key derivation: inputs by step, then as much output as its capacity has. It ends by being closed."""

    _abort = "psa_key_derivation_abort"

    def __init__(self, client: PsaClient, alg: int) -> None:
        super().__init__(client, psa_key_derivation_operation_t())
        check(crypto.psa_key_derivation_setup(client, self._operation, alg), "psa_key_derivation_setup")

    @property
    def capacity(self) -> int:
        """Bytes that can still be had."""
        status, capacity = crypto.psa_key_derivation_get_capacity(self._client, self._operation)
        check(status, "psa_key_derivation_get_capacity")
        return capacity

    def set_capacity(self, capacity: int) -> None:
        """Lower the capacity, in bytes."""
        status = crypto.psa_key_derivation_set_capacity(self._client, self._operation, capacity)
        check(status, "psa_key_derivation_set_capacity")

    def input_bytes(self, step: int, data: BytesLike) -> None:
        """An input given in the clear; with a secret so given, no key can be derived."""
        status = crypto.psa_key_derivation_input_bytes(self._client, self._operation, step, data)
        check(status, "psa_key_derivation_input_bytes")

    def input_integer(self, step: int, value: int) -> None:
        """PBKDF2's cost."""
        status = crypto.psa_key_derivation_input_integer(self._client, self._operation, step, value)
        check(status, "psa_key_derivation_input_integer")

    def input_key(self, step: int, key: int) -> None:
        status = crypto.psa_key_derivation_input_key(self._client, self._operation, step, key)
        check(status, "psa_key_derivation_input_key")

    def key_agreement(self, step: int, private_key: int, peer_key: BytesLike) -> None:
        """An input that is agreed upon with the peer, for an algorithm of PSA_ALG_KEY_AGREEMENT."""
        status = crypto.psa_key_derivation_key_agreement(
            self._client, self._operation, step, private_key, peer_key
        )
        check(status, "psa_key_derivation_key_agreement")

    def output_bytes(self, length: int) -> bytes:
        """The next ``length`` bytes of the output stream."""
        status, output = crypto.psa_key_derivation_output_bytes(self._client, self._operation, length)
        check(status, "psa_key_derivation_output_bytes")
        return output

    def output_key(self, attributes: KeyAttributes) -> int:
        """The id of a key made from the output stream; ``attributes`` name its type and bits."""
        status, key = crypto.psa_key_derivation_output_key(self._client, attributes, self._operation)
        check(status, "psa_key_derivation_output_key")
        return key

    def verify_bytes(self, expected: BytesLike) -> bool:
        """Whether the output stream goes on with ``expected``; the derivation has to be closed if not."""
        status = crypto.psa_key_derivation_verify_bytes(self._client, self._operation, expected)
        return verdict(status, "psa_key_derivation_verify_bytes")

    def verify_key(self, expected: int) -> bool:
        """Whether the output stream goes on with a key of type PASSWORD_HASH."""
        status = crypto.psa_key_derivation_verify_key(self._client, self._operation, expected)
        return verdict(status, "psa_key_derivation_verify_key")


class Pake(MultiPart[psa_pake_operation_t]):
    """A password-authenticated key exchange: who is who, then steps out and in as the algorithm has them."""

    _abort = "psa_pake_abort"

    def __init__(
        self, client: PsaClient, password_key: int, cipher_suite: psa_pake_cipher_suite_t, *, role: int = 0
    ) -> None:
        """``role`` is a PSA_PAKE_ROLE_*, PSA_PAKE_ROLE_NONE for J-PAKE."""
        super().__init__(client, psa_pake_operation_t())
        status = crypto.psa_pake_setup(client, self._operation, password_key, cipher_suite)
        check(status, "psa_pake_setup")
        if role:
            check(crypto.psa_pake_set_role(client, self._operation, role), "psa_pake_set_role")

    def set_user(self, user_id: BytesLike) -> None:
        check(crypto.psa_pake_set_user(self._client, self._operation, user_id), "psa_pake_set_user")

    def set_peer(self, peer_id: BytesLike) -> None:
        check(crypto.psa_pake_set_peer(self._client, self._operation, peer_id), "psa_pake_set_peer")

    def set_context(self, context: BytesLike) -> None:
        check(crypto.psa_pake_set_context(self._client, self._operation, context), "psa_pake_set_context")

    def output(self, step: int) -> bytes:
        """What to send to the peer in a PSA_PAKE_STEP_*."""
        status, data = crypto.psa_pake_output(self._client, self._operation, step, PSA_PAKE_OUTPUT_MAX_SIZE)
        check(status, "psa_pake_output")
        return data

    def input(self, step: int, data: BytesLike) -> bool:
        """Take what the peer sent; False when its proof or confirmation does not fit."""
        status = crypto.psa_pake_input(self._client, self._operation, step, data)
        return verdict(status, "psa_pake_input")

    def get_shared_key(self, attributes: KeyAttributes) -> int:
        """The id of the key that both sides now share; ``attributes`` leave the bits 0."""
        status, key = crypto.psa_pake_get_shared_key(self._client, self._operation, attributes)
        check(status, "psa_pake_get_shared_key")
        return key
