"""Group HASH (TF-M crypto_hash, PSA Crypto 1.2 section 10.2)."""

import hmac
from typing import Final

from ...interface.psa.crypto_values import PSA_ALG_NONE
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function
from .compression import CONSTRUCTIONS, ChainedHash
from .config import CryptoConfig
from .hash_suspension import recompute, resumed, suspend_state
from .hashing import Hashes, HashState
from .operation_group import OperationGroup
from .operations import OperationTable
from .refusal import Refusal
from .request import Handler, Request

SUSPENDABLE_INPUT: Final = 0x40000
"""Bytes after which psa_hash_suspend has not enough memory: up to here the input is kept, and hashed anew."""


class HashOperation:
    """A multi-part hash of ``alg``; ``state`` is None while inactive and in the error state.

    ``fed`` is the input so far, of ``length`` bytes, where it is kept for a later psa_hash_suspend; None
    where nobody may ask, and where it became too much to keep.
    """

    __slots__ = ("alg", "fed", "length", "state")

    def __init__(self) -> None:
        self.alg = PSA_ALG_NONE
        self.state: HashState | None = None
        self.fed: list[bytes] | None = None
        self.length = 0

    def abort(self) -> None:
        self.state = self.fed = None

    def start(self, alg: int, state: HashState, *, keep_input: bool) -> None:
        self.alg, self.state = alg, state
        # A state that is our own can be looked into and needs no input for that.
        self.fed = [] if keep_input and not isinstance(state, ChainedHash) else None

    def update(self, data: bytes) -> None:
        if self.state is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        # PSA Crypto 1.2 psa_hash_update: no more than the algorithm hashes; a resumed state can be near that.
        if isinstance(self.state, ChainedHash) and not self.state.takes(len(data)):
            self.abort()
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self.state.update(data)
        self.length += len(data)
        if self.length > SUSPENDABLE_INPUT:
            self.fed = None
        elif self.fed is not None:
            self.fed.append(data)

    def continue_as(self, twin: "HashOperation") -> None:
        """psa_hash_clone; BAD_STATE where there is nothing to clone."""
        if self.state is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        twin.alg, twin.state = self.alg, self.state.copy()
        twin.fed = None if self.fed is None else list(self.fed)
        twin.length = self.length

    def finish(self) -> bytes:
        """The digest; whatever happens, the operation is inactive afterwards (Mbed TLS psa_hash_finish)."""
        if self.state is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        digest = self.state.digest()
        self.abort()
        return digest

    def suspend(self) -> bytes:
        """The hash suspend state; whatever happens, the operation is inactive afterwards."""
        state, fed = self.state, self.fed
        self.abort()
        if state is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        if isinstance(state, ChainedHash):
            return suspend_state(self.alg, state)
        if self.alg in CONSTRUCTIONS and fed is None:
            raise Refusal(PSA_ERROR_INSUFFICIENT_MEMORY)
        return suspend_state(self.alg, recompute(self.alg, fed or []))


def _same_or_refuse(computed: bytes, reference: bytes) -> None:
    if not hmac.compare_digest(computed, reference):
        raise Refusal(PSA_ERROR_INVALID_SIGNATURE)


class HashFunctions(OperationGroup[HashOperation]):
    """Single-part and multi-part hashing. Operations belong to the client, hashes to nobody.

    Operations keep what psa_hash_suspend gives away, where the build has that.
    """

    def __init__(self, hashes: Hashes, operations: OperationTable, config: CryptoConfig) -> None:
        super().__init__(operations, HashOperation)
        self._hashes = hashes
        self._suspends = config.extensions

    @property
    def functions(self) -> dict[int, Handler]:
        return {
            Function.HASH_COMPUTE: self._compute,
            Function.HASH_COMPARE: self._compare,
            Function.HASH_SETUP: self._setup,
            Function.HASH_UPDATE: self._update,
            Function.HASH_CLONE: self._clone,
            Function.HASH_FINISH: self._finish,
            Function.HASH_VERIFY: self._finish,
            Function.HASH_ABORT: self._abort,
            Function.CAN_DO_HASH: self._can_do,
            Function.HASH_SUSPEND: self._suspend,
            Function.HASH_RESUME: self._resume,
        }

    def _can_do(self, request: Request) -> int:
        # TF-M tfm_crypto_can_do_hash: an int, 1 for a hash that the build has.
        if request.room(0) < TFM_CRYPTO_HANDLE_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        answer = int(self._hashes.offers(request.iovec.alg))
        request.put(0, answer.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little"))
        return PSA_SUCCESS

    def _compute(self, request: Request) -> int:
        request.put(0, b"")
        digest = self._hashes.digest(request.iovec.alg, request.input(1))
        request.put_whole(0, digest)
        return PSA_SUCCESS

    def _compare(self, request: Request) -> int:
        _same_or_refuse(self._hashes.digest(request.iovec.alg, request.input(1)), request.input(2))
        return PSA_SUCCESS

    def _setup(self, request: Request) -> int:
        operation = HashOperation()

        def start() -> None:
            alg = request.iovec.alg
            keep = self._suspends and alg in CONSTRUCTIONS
            operation.start(alg, self._hashes.new(alg), keep_input=keep)

        return self._begin(request, operation, start)

    def _resume(self, request: Request) -> int:
        """PSA Crypto 1.2 psa_hash_resume: a setup that takes the algorithm from the suspend state."""
        operation = HashOperation()

        def start() -> None:
            alg, state = resumed(request.input(1))
            self._hashes.check(alg)
            operation.start(alg, state, keep_input=False)

        return self._begin(request, operation, start)

    def _update(self, request: Request) -> int:
        self._lookup(request).update(request.input(1))
        return PSA_SUCCESS

    def _finish(self, request: Request) -> int:
        self._echo_handle(request)
        wants_digest = request.iovec.function_id == Function.HASH_FINISH
        operation = self._lookup(request)
        if wants_digest:
            request.put(1, b"")
        digest = operation.finish()
        if not wants_digest:
            _same_or_refuse(digest, request.input(1))
        else:
            request.put_whole(1, digest)
        return self._end(request)

    def _suspend(self, request: Request) -> int:
        """PSA Crypto 1.2 psa_hash_suspend: success ends the operation, an error leaves it to its abort."""
        self._echo_handle(request)
        request.put(1, b"")
        state = self._lookup(request).suspend()
        request.put_whole(1, state)
        return self._end(request)

    def _clone(self, request: Request) -> int:
        source = self._lookup(request)
        request.require_handle_room()
        if len(request.input(1)) < TFM_CRYPTO_HANDLE_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        wanted = int.from_bytes(request.input(1)[:TFM_CRYPTO_HANDLE_SIZE], "little")
        request.put_handle(wanted)
        target = HashOperation()
        return self._allocate(request, wanted, target, lambda: source.continue_as(target))
