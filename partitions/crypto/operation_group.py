"""What all groups of multi-part operations do with handles and with errors (TF-M crypto_alloc, crypto_*)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic

from ...interface.psa.crypto_values import PSA_KEY_ID_NULL
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS
from .operations import Operation, OperationT, OperationTable
from .refusal import Refusal
from .request import Request


@contextmanager
def lost_by_an_error(operation: Operation, *, but_for: int = PSA_SUCCESS) -> Iterator[None]:
    """PSA Crypto 1.2 section 3.3.2: after an error of any call only abort helps; not after ``but_for``."""
    try:
        yield
    except Refusal as refusal:
        if refusal.status != but_for:
            operation.abort()
        raise


class OperationGroup(Generic[OperationT]):
    """A group of functions with operations of one type in the table that all groups share.

    Output vector 0 of setup, finish and abort carries the client's handle: back as it came, until the
    function has got so far that it is another, or 0 for an operation that is no more.
    """

    def __init__(self, operations: OperationTable, operation_type: type[OperationT]) -> None:
        self._operations = operations
        self._operation_type = operation_type

    def unknown(self, request: Request) -> int:
        """Answers an id of the group that has no function."""
        # TF-M tfm_crypto_hash_interface: in each group the handle comes before an unknown id is noticed.
        self._lookup(request)
        return PSA_ERROR_NOT_SUPPORTED

    def _lookup(self, request: Request) -> OperationT:
        return self._operations.lookup(request.client_id, request.iovec.op_handle, self._operation_type)

    def _echo_handle(self, request: Request) -> None:
        request.require_handle_room()
        request.put_handle(request.iovec.op_handle)

    def _begin(
        self,
        request: Request,
        operation: OperationT,
        set_up: Callable[[], None],
        key_id: int = PSA_KEY_ID_NULL,
    ) -> int:
        """A setup; ``set_up`` gets the operation going, or raises Refusal.

        ``key_id`` is the key that it uses to its end.
        """
        self._echo_handle(request)
        return self._allocate(request, request.iovec.op_handle, operation, set_up, key_id)

    def _allocate(
        self,
        request: Request,
        handle: int,
        operation: OperationT,
        set_up: Callable[[], None],
        key_id: int = PSA_KEY_ID_NULL,
    ) -> int:
        # TF-M tfm_crypto_operation_alloc: the slot is there before the request is looked at.
        handle = self._operations.allocate(request.client_id, handle, operation, key_id)
        try:
            set_up()
        except Refusal:
            self._operations.release(handle)
            request.put_handle(0)
            raise
        request.put_handle(handle)
        return PSA_SUCCESS

    def _end(self, request: Request) -> int:
        """The slot goes only with success; a failed operation waits for its abort."""
        self._operations.release(request.iovec.op_handle)
        request.put_handle(0)
        return PSA_SUCCESS

    def _abort(self, request: Request) -> int:
        self._echo_handle(request)
        # TF-M tfm_crypto_hash_interface: in each group aborting what is not there succeeds.
        if self._operations.find(request.client_id, request.iovec.op_handle, self._operation_type):
            self._end(request)
        return PSA_SUCCESS
