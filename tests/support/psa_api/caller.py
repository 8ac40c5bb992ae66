"""A client that packs every request by hand, so that the demands do not rest on our own client library.

Numbers and vectors are those of TF-M's interface: ``struct tfm_crypto_pack_iovec`` first, then the buffers.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from tfm_sim.interface.psa.client import PsaClient, psa_outvec

CRYPTO: Final = 0x40000100
PS: Final = 0x40000101
ITS: Final = 0x40000102
IPC_CALL: Final = 0
SET, GET, GET_INFO, REMOVE, GET_SUPPORT = 1001, 1002, 1003, 1004, 1005

_REQUEST: Final = struct.Struct("<IIIII16sIHH4xQ")
_ATTRIBUTES: Final = struct.Struct("<HHIIIII")


@dataclass(slots=True, eq=False)
class Operation:
    """A multi-part operation of the caller: its handle, and the function that aborts it (0: another's)."""

    abort: int
    handle: int = 0


@dataclass(slots=True)
class Answer:
    """Status and what was written to each output vector."""

    status: int
    outs: list[bytes]

    @property
    def data(self) -> bytes:
        return self.outs[-1]

    @property
    def number(self) -> int:
        return int.from_bytes(self.outs[-1], "little")


@dataclass
class Caller:
    """One non-secure client. `clean_up` leaves the device as it was, but for objects that are write-once."""

    client: PsaClient
    keys: list[int] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    uids: set[tuple[int, int]] = field(default_factory=set)

    def call(
        self,
        function: int,
        *ins: bytes,
        outs: tuple[int, ...] = (),
        op: Operation | None = None,
        key: int = 0,
        alg: int = 0,
        nonce: bytes = b"",
        lengths: tuple[int, int] = (0, 0),
        step: int = 0,
        value: int = 0,
    ) -> Answer:
        """One request. With ``op``, a first room of 4 bytes in ``outs`` is that of the handle."""
        handle = 0 if op is None else op.handle
        request = _REQUEST.pack(key, alg, handle, *lengths, nonce, len(nonce), function, step, value)
        answer = self.service(CRYPTO, IPC_CALL, request, *ins, outs=outs)
        if op is not None and outs[:1] == (4,) and len(answer.outs[0]) == 4:
            op.handle = int.from_bytes(answer.outs[0], "little")
            if op.handle and op.abort and op not in self.operations:
                self.operations.append(op)
        return answer

    def service(self, handle: int, kind: int, *ins: bytes, outs: tuple[int, ...] = ()) -> Answer:
        """psa_call as it is."""
        buffers = [bytearray(size) for size in outs]
        vectors = [psa_outvec(buffer, len(buffer)) for buffer in buffers]
        status = self.client.psa_call(handle, kind, list(ins), vectors)
        written = zip(buffers, vectors, strict=True)
        return Answer(int(status), [bytes(buffer[: vector.len]) for buffer, vector in written])

    def make(self, function: int, attributes: bytes, *data: bytes, key: int = 0) -> Answer:
        """A call that makes a key, which `clean_up` destroys."""
        answer = self.call(function, attributes, *data, key=key, outs=(4,))
        if answer.status == 0:
            self.keys.append(answer.number)
        return answer

    def imported(self, kind: int, data: bytes, usage: int = 0, alg: int = 0, alg2: int = 0) -> int:
        """The id of a new key."""
        answer = self.make(0x0203, attributes(kind, usage=usage, alg=alg, alg2=alg2), data)
        assert answer.status == 0, answer.status
        return answer.number

    def begin(self, setup: int, abort: int, key: int = 0, alg: int = 0) -> Operation:
        """A new operation, set up."""
        op = Operation(abort)
        answer = self.call(setup, outs=(4,), op=op, key=key, alg=alg)
        assert answer.status == 0, answer.status
        return op

    def store(self, service: int, uid: int, data: bytes, flags: int = 0) -> int:
        """Set an object that `clean_up` removes."""
        self.uids.add((service, uid))
        return self.service(service, SET, u64(uid), data, u32(flags)).status

    def clean_up(self) -> None:
        """Abort, destroy and remove what the demand left."""
        for op in self.operations:
            self.call(op.abort, outs=(4,), op=op)
        for key in self.keys:
            self.call(0x0204, key=key)
        for service, uid in self.uids:
            self.service(service, REMOVE, u64(uid))


def attributes(
    kind: int, bits: int = 0, usage: int = 0, alg: int = 0, alg2: int = 0, lifetime: int = 0, key_id: int = 0
) -> bytes:
    """psa_key_attributes_t of the client's view: 24 bytes."""
    return _ATTRIBUTES.pack(kind, bits, lifetime, usage, alg, alg2, key_id)


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")
