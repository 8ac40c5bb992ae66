"""A non-secure client that sends its services anything: requests that nearly make sense, and nonsense.

`Attacker.request` draws one psa_call at a time from a random.Random, which may be Hypothesis's. It keeps the
key ids, operation handles and outputs that it was given, so that later requests get further than the first
check. `Attacker.send` makes the call and holds the answer against what every answer has to keep.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

from support.hostile_values import (
    ALGS_OF_GROUP,
    ATTRIBUTE_SETS,
    ENDS_OPERATION,
    LENGTHS,
    ODD_ALGS,
    PSA_CALLS,
    STARTS_OPERATION,
    STEPS,
    STORAGE_TYPES,
    VECTORS,
    YIELDS_KEY,
)

from tfm_sim.interface.psa.client import InVec, PsaClient, psa_invec, psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PsaStatus
from tfm_sim.interface.tfm.crypto import TFM_CRYPTO_PACK_IOVEC_SIZE, Function, PackIovec
from tfm_sim.interface.tfm.services import (
    TFM_CRYPTO_HANDLE,
    TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE,
    TFM_PLATFORM_SERVICE_HANDLE,
    TFM_PROTECTED_STORAGE_SERVICE_HANDLE,
)

T = TypeVar("T")

KNOWN: Final = frozenset(status.value for status in PsaStatus) | {1, 2, 3}
"""PSA statuses, and the platform service's own."""
STORAGE: Final = (TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE, TFM_PROTECTED_STORAGE_SERVICE_HANDLE)
KEPT: Final = 24
"""So many of its newest keys, handles and outputs a client remembers."""


@dataclass(frozen=True, slots=True)
class HostileCall:
    """One psa_call as it will be made."""

    handle: int
    type: int
    inputs: tuple[InVec, ...]
    rooms: tuple[int, ...]
    function: int = -1

    @property
    def name(self) -> str:
        known = self.function in set(Function)
        return Function(self.function).name if known else f"{self.handle:#x}/{self.type}"

    @property
    def op_handle(self) -> bytes:
        """Where a request to the crypto service names its operation."""
        first = self.inputs[0] if self.inputs else b""
        return bytes(first[8:12]) if isinstance(first, bytes) else b""

    @property
    def handles(self) -> tuple[bytes, ...]:
        """The handles that it names: of its operation, and of the target that a hash is cloned into."""
        target = self.inputs[1] if len(self.inputs) > 1 else b""
        if self.function == Function.HASH_CLONE and isinstance(target, bytes):
            return self.op_handle, target[:4]
        return (self.op_handle,)


@dataclass
class Answer:
    status: int
    outputs: list[bytes]
    seconds: float


class Broken(AssertionError):
    """An answer that no request may get."""


@dataclass
class Attacker:
    """``secrets`` are bytes that this client must never see; ``listener`` hears of each
    call, its status and its seconds."""

    client: PsaClient
    random: Random
    secrets: Sequence[bytes] = ()
    listener: Callable[[HostileCall, int, float], None] | None = None
    keys: list[tuple[int, KeyAttributes]] = field(default_factory=list)
    handles: list[tuple[int, int]] = field(default_factory=list)
    """Of operations: (group, handle)."""
    outputs: list[bytes] = field(default_factory=list)
    log: list[HostileCall] = field(default_factory=list)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def pick(self, values: Sequence[T]) -> T:
        return values[self.random.randrange(len(values))]

    def act(self) -> Answer:
        call = self.request()
        return self.send(call)

    def send(self, call: HostileCall) -> Answer:
        self.log.append(call)
        out = [psa_outvec(bytearray(b"\xa5" * room), room) for room in call.rooms]
        start = time.perf_counter()
        status = self.client.psa_call(call.handle, call.type, list(call.inputs), out)
        seconds = time.perf_counter() - start
        if self.listener is not None:
            self.listener(call, status, seconds)
        outputs = []
        for vector, room in zip(out, call.rooms, strict=True):
            buffer = bytes(vector.base) if isinstance(vector.base, bytearray) else b""
            if not 0 <= vector.len <= room:
                raise Broken(f"{call.name}: {vector.len} bytes in a room of {room}")
            outputs.append(buffer[: vector.len])
        answer = Answer(status, outputs, seconds)
        self.check(call, answer)
        self.learn(call, answer)
        return answer

    def check(self, call: HostileCall, answer: Answer) -> None:
        if answer.status not in KNOWN:
            raise Broken(f"{call.name}: status {answer.status}")
        for number, data in enumerate(answer.outputs):
            for secret in self.secrets:
                if secret in data:
                    raise Broken(f"{call.name}: {secret.hex()} came out")
            # The service hands back the handle of an operation whose end failed, and nothing else.
            is_handle = call.handle == TFM_CRYPTO_HANDLE and number == 0 and data[:4] in call.handles
            rest = data[4:] if is_handle else data
            reached = answer.status not in (-129,) and call.handle in (TFM_CRYPTO_HANDLE, *STORAGE)
            if answer.status < 0 and reached and any(rest):
                raise Broken(f"{call.name}: {data.hex()[:200]} came with status {answer.status}")

    def learn(self, call: HostileCall, answer: Answer) -> None:
        if answer.status != 0:
            return
        first = answer.outputs[0] if answer.outputs else b""
        if call.function in YIELDS_KEY:
            place = 1 if call.function == Function.PAKE_GET_SHARED_KEY else 0
            which = 2 if call.function == Function.KEY_AGREEMENT else 1
            given = call.inputs[which] if which < len(call.inputs) else b""
            attributes = KeyAttributes()
            if isinstance(given, bytes) and len(given) == 24:
                attributes = KeyAttributes.decode(given)
            self.keys.append((int.from_bytes(answer.outputs[place][:4], "little"), attributes))
            del self.keys[:-KEPT]
        elif call.function in ENDS_OPERATION - STARTS_OPERATION:
            ended = call.function >> 8 & 0xF, int.from_bytes(call.op_handle, "little")
            self.handles = [one for one in self.handles if one != ended]
        elif call.function in STARTS_OPERATION:
            self.handles.append((call.function >> 8 & 0xF, int.from_bytes(first[:4], "little")))
            del self.handles[:-KEPT]
        for data in answer.outputs:
            if data:
                self.outputs.append(data)
                del self.outputs[:-KEPT]

    def request(self) -> HostileCall:
        turn = self.random.randrange(20)
        if turn < 15:
            return self.crypto_request()
        if turn < 18:
            return self.storage_request()
        return self.odd_request()

    # Crypto.

    def crypto_request(self) -> HostileCall:
        function = self.function()
        group = function >> 8 & 0xF
        key_id, attributes = self.key(group)
        iovec = PackIovec(
            key_id=key_id,
            alg=self.alg(group, attributes),
            op_handle=self.operation(function),
            ad_length=self.length(),
            plaintext_length=self.length(),
            nonce=self.random.randbytes(16),
            nonce_length=self.pick([12, 12, 12, 13, 8, 0, 16, 17, 2**32 - 1]),
            function_id=function,
            step=self.pick(STEPS) if self.chance(95) else self.random.randrange(2**16),
            value=self.value(function),
        )
        first: InVec = iovec.encode()
        if self.chance(2):
            first = self.random.randbytes(self.pick([0, 1, 55, 57, TFM_CRYPTO_PACK_IOVEC_SIZE]))
        if self.chance(1):
            first = psa_invec(0, 0)
        ins, outs = VECTORS.get(function, ("d", "d"))
        inputs: list[InVec] = [first, *(self.vector(kind, attributes) for kind in ins)]
        rooms = [4 if kind == "h" and self.chance(95) else self.room() for kind in outs]
        return self.mutated(
            TFM_CRYPTO_HANDLE, 0 if self.chance(99) else self.random.randrange(5), inputs, rooms, function
        )

    def function(self) -> int:
        if self.chance(2):
            return self.random.randrange(2**16)
        if self.handles and self.chance(45):
            # Go on with an operation rather than begin one more.
            group, _ = self.pick(self.handles)
            return self.pick([f for f in PSA_CALLS if f >> 8 & 0xF == group])
        return self.pick(PSA_CALLS)

    def key(self, group: int) -> tuple[int, KeyAttributes]:
        if not self.keys or self.chance(6):
            odd = [0, 1, 2, 0x3FFFFFFF, 0x40000000 + self.random.randrange(34), 0x7FFFFFFF, 2**32 - 1]
            return self.pick([*odd, *range(0x7FFF815B, 0x7FFF8160)]), KeyAttributes()
        fitting = [key for key in self.keys if key[1].alg >> 24 & 0x7F in ALGS_OF_GROUP.get(group, ())]
        return self.pick(fitting if fitting and self.chance(85) else self.keys)

    def alg(self, group: int, attributes: KeyAttributes) -> int:
        if group == 3:
            return self.pick([0x02000000 | self.random.randrange(0x20), self.pick(ODD_ALGS)])
        turn = self.random.randrange(20)
        if turn < 14 and attributes.alg:
            return self.widened(attributes.alg if self.chance(80) or not attributes.alg2 else attributes.alg2)
        if turn < 19:
            return self.pick(ODD_ALGS)
        return (
            self.random.randrange(2**32)
            if self.chance(50)
            else self.pick(ODD_ALGS) ^ 1 << self.random.randrange(32)
        )

    def widened(self, alg: int) -> int:
        """What a policy with a wildcard allows: any hash becomes one, a minimal length that length."""
        if alg & 0xFF == 0xFF:
            return alg & ~0xFF | self.pick([9, 9, 0x0A, 0x0B, 5, 0x10, 0])
        return alg & ~0x8000 if alg & 0x8000 else alg

    def operation(self, function: int) -> int:
        group = function >> 8 & 0xF
        if function in STARTS_OPERATION and self.chance(95):
            return 0
        mine = [handle for of, handle in self.handles if of == group]
        if mine and self.chance(92):
            return self.pick(mine)
        return self.pick([0, self.random.randrange(10), 2**32 - 1, 2**31])

    def value(self, function: int) -> int:
        if function == Function.KEY_DERIVATION_INPUT_INTEGER:
            return self.pick([0, 1, 2, 3, 1000, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 10_000_000, 10_000_001])
        if function == Function.PAKE_SETUP:
            primitive = 0x01 << 24 | 0x12 << 16 | self.pick([256, 256, 384, 521])
            return primitive | self.pick([0, 1, 1]) << 32 if self.chance(95) else self.random.randrange(2**64)
        if function == Function.PAKE_SET_ROLE:
            return self.pick([0, 1, 2, 0x11, 0x12, 0x111])
        if function == Function.KEY_DERIVATION_SET_CAPACITY:
            return self.pick([0, 1, 32, 100, 2**32 - 1, 2**32])
        return self.pick([0, 0, 0, 1, 2**32, 2**64 - 1])

    # Vectors.

    def vector(self, kind: str, attributes: KeyAttributes) -> InVec:
        if kind == "a":
            return self.attributes(attributes)
        if kind == "h":
            return self.pick([0, 0, 0, 5, 2**32 - 1]).to_bytes(4, "little")
        return self.data()

    def data(self) -> bytes:
        turn = self.random.randrange(10)
        if turn < 3 and self.outputs:
            return self.altered(self.pick(self.outputs))
        if turn < 8:
            return self.random.randbytes(self.pick(LENGTHS))
        if turn == 8:
            return bytes([self.pick([0, 1, 4, 0x30, 0xFF])]) * self.pick(LENGTHS)
        return self.random.randbytes(self.random.randrange(5200))

    def altered(self, data: bytes) -> bytes:
        if self.chance(75) or not data:
            return data
        at = self.random.randrange(len(data))
        turn = self.random.randrange(4)
        if turn == 0:
            return data[:at]
        if turn == 1:
            return data + data[:at]
        return data[:at] + bytes([data[at] ^ 1 << self.random.randrange(8)]) + data[at + 1 :]

    def attributes(self, of_key: KeyAttributes) -> bytes:
        asked = self.pick(ATTRIBUTE_SETS) if self.chance(80) else of_key
        type_, bits, lifetime, usage, alg, alg2, id_ = (
            *(asked.type, asked.bits, asked.lifetime, asked.usage, asked.alg, asked.alg2, asked.id),
        )
        if self.chance(10):
            lifetime, id_ = 1, self.pick([1, 2, 3, 4, 0x3FFFFFFF])
        for _ in range(self.pick([0, 0, 0, 0, 1, 1, 2])):
            match self.random.randrange(7):
                case 0:
                    type_ = self.random.randrange(2**16)
                case 1:
                    bits = self.pick([0, 1, 8, 64, 128, 192, 255, 256, 448, 521, 1024, 0xFFF8, 0xFFFF])
                case 2:
                    lifetime = self.pick([0, 1, 0xFF, 2, 0x100, 0x80000101, 0x800001FF, 2**32 - 1])
                case 3:
                    usage = self.pick([0, 0xFFFF, 0xFF07, 1 << self.random.randrange(32)])
                case 4:
                    alg = self.pick(ODD_ALGS)
                case 5:
                    alg2 = self.pick(ODD_ALGS)
                case _:
                    id_ = self.pick([0, 1, 2, 0x3FFFFFFF, 0x40000000, 0x7FFF815C, 2**32 - 1])
        data = KeyAttributes(type_, bits, lifetime, usage, alg, alg2, id_).encode()
        return data if self.chance(98) else data[: self.random.randrange(24)]

    def length(self) -> int:
        return self.pick([0, 0, 1, 16, 32, 100, 5000, 2**16, 2**31, 2**32 - 1])

    def room(self) -> int:
        if self.chance(50):
            return 2048
        return self.pick(
            [0, 1, 4, 12, 16, 24, 28, 32, 48, 64, 65, 66, 132, 256, 512, 1200, 2048, 4096, 5116, 5120, 5200]
        )

    def other_field(self, iovec: PackIovec) -> PackIovec:
        """The same request but for one of its fields."""
        match self.random.randrange(6):
            case 0:
                return iovec._replace(key_id=self.key(0)[0])
            case 1:
                return iovec._replace(alg=self.pick(ODD_ALGS))
            case 2:
                return iovec._replace(op_handle=self.pick([0, 1, 2, 3, 4, 5, 9, 2**32 - 1]))
            case 3:
                return iovec._replace(step=self.pick(STEPS))
            case 4:
                return iovec._replace(nonce_length=self.length(), ad_length=self.length())
            case _:
                return iovec._replace(
                    value=self.pick([0, 1, 2**32 - 1, 2**63]), plaintext_length=self.length()
                )

    def mutated(
        self,
        handle: int,
        type_: int,
        inputs: list[InVec],
        rooms: list[int],
        function: int = -1,
        percent: int = 6,
    ) -> HostileCall:
        if self.chance(percent):
            match self.random.randrange(6):
                case 0 if inputs:
                    del inputs[self.random.randrange(len(inputs))]
                case 1:
                    inputs.insert(self.random.randrange(len(inputs) + 1), self.data())
                case 2 if inputs:
                    inputs[self.random.randrange(len(inputs))] = psa_invec(0, 0)
                case 3:
                    rooms.append(self.room())
                case 4 if rooms:
                    del rooms[self.random.randrange(len(rooms))]
                case _:
                    inputs.append(psa_invec(0, 0))
        return HostileCall(handle, type_, tuple(inputs), tuple(rooms), function)

    # Storage, and all the rest.

    def storage_request(self) -> HostileCall:
        uid = self.pick([0, *(1, 2, 3) * 4, 0x3C000000 << 32 | 1, (2**32 - 0x3C000000) << 32 | 1, 2**64 - 1])
        uid_vector = uid.to_bytes(8, "little")
        small = self.pick([*(0,) * 9, 1, 2, 3, 4, 8, 100, 512, 2**31, 2**32 - 1]).to_bytes(4, "little")
        type_ = self.pick(STORAGE_TYPES)
        inputs: list[InVec] = [uid_vector]
        rooms: list[int] = []
        match type_:
            case 1001:
                inputs += [self.data()[: self.pick([8, 600, 5200])], small]
            case 1002:
                inputs.append(small)
                rooms.append(self.room())
            case 1003 | 1005:
                rooms.append(self.pick([12, 12, 4, 0, 20]))
            case 1006:
                inputs += [small, self.pick([0, 1, 2, 6]).to_bytes(4, "little")]
            case 1007:
                inputs += [small, self.data()]
        if self.chance(5):
            inputs[0] = self.random.randbytes(self.random.randrange(12))
        return self.mutated(self.pick(STORAGE), type_, inputs, rooms)

    def odd_request(self) -> HostileCall:
        # Not 1012: a reset is no storm. Attestation and others get what they get.
        types = [0, 1, 2, 1001, 1002, 1010, 1011, 1013, 5, 32767]
        handle = self.pick([TFM_PLATFORM_SERVICE_HANDLE, TFM_PLATFORM_SERVICE_HANDLE, 0x40000103, 0x40000100])
        inputs: list[InVec] = [
            self.random.randbytes(self.pick([0, 1, 4, 4, 4, 8, 32, 64]))
            for _ in range(self.random.randrange(5))
        ]
        if inputs and self.chance(60):
            inputs[0] = self.random.randrange(12).to_bytes(4, "little")
        return self.mutated(
            handle, self.pick(types), inputs, [self.room() for _ in range(self.random.randrange(3))]
        )
