"""Key derivations for tests: every call through psa_call, statuses and bytes as they come back."""

from collections.abc import Sequence

from tfm_sim.interface.psa.client import PSA_IPC_CALL, PsaClient, psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.crypto import Function, PackIovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE


class Derivation:
    """One operation of a client; ``handle`` follows what the service writes back."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client
        self.handle = 0

    def setup(self, alg: int) -> int:
        return self._handle_call(Function.KEY_DERIVATION_SETUP, alg=alg)

    def abort(self) -> int:
        return self._handle_call(Function.KEY_DERIVATION_ABORT)

    def capacity(self) -> tuple[int, int]:
        status, data = self._data_call(Function.KEY_DERIVATION_GET_CAPACITY, 4)
        return status, int.from_bytes(data, "little")

    def set_capacity(self, capacity: int) -> int:
        return self._call(Function.KEY_DERIVATION_SET_CAPACITY, value=capacity)

    def give(self, step: int, data: bytes) -> int:
        return self._call(Function.KEY_DERIVATION_INPUT_BYTES, (data,), step=step)

    def give_key(self, step: int, key: int) -> int:
        return self._call(Function.KEY_DERIVATION_INPUT_KEY, key_id=key, step=step)

    def give_number(self, step: int, value: int) -> int:
        return self._call(Function.KEY_DERIVATION_INPUT_INTEGER, step=step, value=value)

    def agree(self, step: int, key: int, peer: bytes) -> int:
        return self._call(Function.KEY_DERIVATION_KEY_AGREEMENT, (peer,), key_id=key, step=step)

    def read(self, size: int) -> tuple[int, bytes]:
        return self._data_call(Function.KEY_DERIVATION_OUTPUT_BYTES, size)

    def key(self, attributes: KeyAttributes) -> tuple[int, int]:
        status, data = self._data_call(Function.KEY_DERIVATION_OUTPUT_KEY, 4, (attributes.encode(),))
        return status, int.from_bytes(data, "little")

    def verify(self, expected: bytes) -> int:
        return self._call(Function.KEY_DERIVATION_VERIFY_BYTES, (expected,))

    def verify_key(self, key: int) -> int:
        return self._call(Function.KEY_DERIVATION_VERIFY_KEY, key_id=key)

    def _iovec(self, function: Function, key_id: int, alg: int, step: int, value: int) -> bytes:
        fields = PackIovec(key_id=key_id, alg=alg, op_handle=self.handle, step=step, value=value)
        return fields._replace(function_id=function).encode()

    def _call(
        self,
        function: Function,
        inputs: Sequence[bytes] = (),
        *,
        key_id: int = 0,
        step: int = 0,
        value: int = 0,
    ) -> int:
        iovec = self._iovec(function, key_id, 0, step, value)
        return self._client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs))

    def _data_call(self, function: Function, size: int, inputs: Sequence[bytes] = ()) -> tuple[int, bytes]:
        out = psa_outvec(bytearray(size))
        iovec = self._iovec(function, 0, 0, 0, 0)
        status = self._client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec, *inputs), (out,))
        return status, bytes(memoryview(out.base)[: out.len]) if status == PSA_SUCCESS else b""

    def _handle_call(self, function: Function, alg: int = 0) -> int:
        handle = bytearray(self.handle.to_bytes(4, "little"))
        iovec = self._iovec(function, 0, alg, 0, 0)
        status = self._client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec,), (psa_outvec(handle),))
        self.handle = int.from_bytes(handle, "little")
        return status
