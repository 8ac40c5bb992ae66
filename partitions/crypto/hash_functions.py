"""Group HASH (TF-M crypto_hash, PSA Crypto 1.2 section 10.2)."""

import hmac
from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_values import PSA_ALG_NONE
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function
from .compression import CONSTRUCTIONS, ChainedHash
from .hash_suspension import recompute, resumed, suspend_state
from .hashing import Hashes, HashState
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
        # PSA Crypto 1.2 psa_hash_update: more than the algorithm hashes, which a resumed state can be near to.
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


class HashFunctions:
    """Single-part and multi-part hashing. Operations belong to the client, hashes to nobody.

    ``suspends``: the build has psa_hash_suspend, so operations keep what they may have to give away.
    """

    def __init__(
        self, hashes: Hashes, operations: OperationTable, *, single_part: bool, suspends: bool
    ) -> None:
        self._hashes = hashes
        self._operations = operations
        self._single_part = single_part
        self._suspends = suspends

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

    def unknown(self, request: Request) -> int:
        # TF-M tfm_crypto_hash_interface: the handle is looked up before an unknown id is noticed.
        self._lookup(request)
        return PSA_ERROR_NOT_SUPPORTED

    def _lookup(self, request: Request) -> HashOperation:
        return self._operations.lookup(request.client_id, request.iovec.op_handle, HashOperation)

    def _can_do(self, request: Request) -> int:
        # TF-M tfm_crypto_can_do_hash: an int, 1 for a hash that the build has.
        if request.room(0) < TFM_CRYPTO_HANDLE_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        answer = int(self._hashes.offers(request.iovec.alg))
        request.put(0, answer.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little"))
        return PSA_SUCCESS

    def _compute(self, request: Request) -> int:
        if not self._single_part:
            return PSA_ERROR_NOT_SUPPORTED
        request.put(0, b"")
        digest = self._hashes.digest(request.iovec.alg, request.input(1))
        if request.room(0) < len(digest):
            return PSA_ERROR_BUFFER_TOO_SMALL
        request.put(0, digest)
        return PSA_SUCCESS

    def _compare(self, request: Request) -> int:
        if not self._single_part:
            return PSA_ERROR_NOT_SUPPORTED
        _same_or_refuse(self._hashes.digest(request.iovec.alg, request.input(1)), request.input(2))
        return PSA_SUCCESS

    def _setup(self, request: Request) -> int:
        def begin(operation: HashOperation) -> None:
            alg = request.iovec.alg
            keep = self._suspends and alg in CONSTRUCTIONS
            operation.start(alg, self._hashes.new(alg), keep_input=keep)

        return self._begin(request, begin)

    def _resume(self, request: Request) -> int:
        """PSA Crypto 1.2 psa_hash_resume: a setup that takes the algorithm from the suspend state."""

        def begin(operation: HashOperation) -> None:
            alg, state = resumed(request.input(1))
            self._hashes.check(alg)
            operation.start(alg, state, keep_input=False)

        return self._begin(request, begin)

    def _begin(self, request: Request, begin: Callable[[HashOperation], None]) -> int:
        """A setup: the slot is there before the algorithm is looked at, and goes again if that fails."""
        request.require_handle_room()
        request.put_handle(request.iovec.op_handle)
        operation = HashOperation()
        handle = self._operations.allocate(request.client_id, request.iovec.op_handle, operation)
        try:
            begin(operation)
        except Refusal:
            self._operations.release(handle)
            request.put_handle(0)
            raise
        request.put_handle(handle)
        return PSA_SUCCESS

    def _update(self, request: Request) -> int:
        self._lookup(request).update(request.input(1))
        return PSA_SUCCESS

    def _finish(self, request: Request) -> int:
        """finish and verify: the slot goes only with success; a failed one waits for its abort."""
        request.require_handle_room()
        request.put_handle(request.iovec.op_handle)
        wants_digest = request.iovec.function_id == Function.HASH_FINISH
        operation = self._lookup(request)
        if wants_digest:
            request.put(1, b"")
        digest = operation.finish()
        if not wants_digest:
            _same_or_refuse(digest, request.input(1))
        elif request.room(1) < len(digest):
            return PSA_ERROR_BUFFER_TOO_SMALL
        else:
            request.put(1, digest)
        self._operations.release(request.iovec.op_handle)
        request.put_handle(0)
        return PSA_SUCCESS

    def _suspend(self, request: Request) -> int:
        """PSA Crypto 1.2 psa_hash_suspend: success ends the operation, an error leaves it to its abort."""
        request.require_handle_room()
        request.put_handle(request.iovec.op_handle)
        request.put(1, b"")
        state = self._lookup(request).suspend()
        if request.room(1) < len(state):
            return PSA_ERROR_BUFFER_TOO_SMALL
        request.put(1, state)
        self._operations.release(request.iovec.op_handle)
        request.put_handle(0)
        return PSA_SUCCESS

    def _abort(self, request: Request) -> int:
        request.require_handle_room()
        request.put_handle(request.iovec.op_handle)
        # TF-M tfm_crypto_hash_interface: aborting what is not there succeeds.
        if self._operations.find(request.client_id, request.iovec.op_handle, HashOperation):
            self._operations.release(request.iovec.op_handle)
            request.put_handle(0)
        return PSA_SUCCESS

    def _clone(self, request: Request) -> int:
        source = self._lookup(request)
        request.require_handle_room()
        if len(request.input(1)) < TFM_CRYPTO_HANDLE_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        wanted = int.from_bytes(request.input(1)[:TFM_CRYPTO_HANDLE_SIZE], "little")
        request.put_handle(wanted)
        target = HashOperation()
        handle = self._operations.allocate(request.client_id, wanted, target)
        try:
            source.continue_as(target)
        except Refusal:
            self._operations.release(handle)
            request.put_handle(0)
            raise
        request.put_handle(handle)
        return PSA_SUCCESS
