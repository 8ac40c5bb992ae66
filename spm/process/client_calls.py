"""The FF-M client API in a partition's process."""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from ...interface.psa.client import PSA_NULL_HANDLE, InVec, psa_outvec
from ...interface.wire.frames import Op
from ...interface.wire.payloads import decode_written, encode_vectors
from .arguments import UINT32, array_at, in_vector, int32, out_vector, vector_count
from .channel import Channel
from .session import Session

_I32: Final = Struct("<i")


class ClientCalls(Session):
    """What interface/psa/client.py describes, over the socket."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._handles = {PSA_NULL_HANDLE}

    def psa_framework_version(self) -> int:
        return self._ask_int(Op.PSA_FRAMEWORK_VERSION) & UINT32

    def psa_version(self, sid: int) -> int:
        return self._ask_int(Op.PSA_VERSION, sid & UINT32) & UINT32

    def psa_connect(self, sid: int, version: int) -> int:
        handle = self._ask_int(Op.PSA_CONNECT, sid & UINT32, version & UINT32)
        if handle > 0:
            self._handles.add(handle)
        return handle

    def psa_close(self, handle: int) -> None:
        if handle not in self._handles:
            self._obey(Op.PSA_CLOSE, int32(handle))
            return
        self._age += 1
        self._note(Op.PSA_CLOSE, handle)
        if handle:
            self._handles.remove(handle)

    def psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: Sequence[InVec] | int = (),
        out_vec: Sequence[psa_outvec] | int = (),
        *,
        in_len: int | None = None,
        out_len: int | None = None,
    ) -> int:
        in_count, out_count = vector_count("in", in_vec, in_len), vector_count("out", out_vec, out_len)
        in_kind, in_array, ins = (
            array_at(in_vec) if isinstance(in_vec, int) else (0, 0, [in_vector(v) for v in in_vec])
        )
        out_kind, out_array, outs = (
            array_at(out_vec) if isinstance(out_vec, int) else (0, 0, [out_vector(v) for v in out_vec])
        )
        answer = self._ask(
            Op.PSA_CALL,
            int32(handle),
            int32(type_),
            in_kind,
            in_count,
            in_array,
            out_kind,
            out_count,
            out_array,
            tail=encode_vectors(ins, outs),
        )
        if not isinstance(out_vec, int):
            for item, (length, data) in zip(out_vec, decode_written(answer[4:], len(outs)), strict=True):
                if length >= 0:
                    item.len = length
                    if data and not isinstance(item.base, int):
                        item.base[: len(data)] = data
        return _I32.unpack_from(answer)[0]  # type: ignore[no-any-return]
