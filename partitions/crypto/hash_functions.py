"""Group HASH (TF-M crypto_hash, PSA Crypto 1.2 section 10.2)."""

import hmac

from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, Function
from .hashing import Hashes, HashState
from .operations import OperationTable
from .refusal import Refusal
from .request import Handler, Request


class HashOperation:
    """A multi-part hash; ``state`` is the hashlib object, None while inactive."""

    __slots__ = ("state",)

    def __init__(self, state: HashState | None = None) -> None:
        self.state = state

    def abort(self) -> None:
        self.state = None

    def finish(self) -> bytes:
        """The digest; whatever happens, the operation is inactive afterwards (Mbed TLS psa_hash_finish)."""
        if self.state is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        digest = self.state.digest()
        self.state = None
        return digest


def _same_or_refuse(computed: bytes, reference: bytes) -> None:
    if not hmac.compare_digest(computed, reference):
        raise Refusal(PSA_ERROR_INVALID_SIGNATURE)


class HashFunctions:
    """Single-part and multi-part hashing. Operations belong to the client, hashes to nobody."""

    def __init__(self, hashes: Hashes, operations: OperationTable, *, single_part: bool) -> None:
        self._hashes = hashes
        self._operations = operations
        self._single_part = single_part

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
        }

    def unknown(self, request: Request) -> int:
        # TF-M tfm_crypto_hash_interface: the handle is looked up before an unknown id is noticed.
        self._lookup(request)
        return PSA_ERROR_NOT_SUPPORTED

    def _lookup(self, request: Request) -> HashOperation:
        return self._operations.lookup(request.client_id, request.iovec.op_handle, HashOperation)

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
        request.require_handle_room()
        request.put_handle(request.iovec.op_handle)
        operation = HashOperation()
        handle = self._operations.allocate(request.client_id, request.iovec.op_handle, operation)
        try:
            operation.state = self._hashes.new(request.iovec.alg)
        except Refusal:
            self._operations.release(handle)
            request.put_handle(0)
            raise
        request.put_handle(handle)
        return PSA_SUCCESS

    def _update(self, request: Request) -> int:
        operation = self._lookup(request)
        if operation.state is None:
            return PSA_ERROR_BAD_STATE
        operation.state.update(request.input(1))
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
        if source.state is None:
            self._operations.release(handle)
            request.put_handle(0)
            return PSA_ERROR_BAD_STATE
        target.state = source.state.copy()
        request.put_handle(handle)
        return PSA_SUCCESS
