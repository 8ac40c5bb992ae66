"""A hostile non-secure client of everything that attests, on a whole device, between honest calls.

Each device has one of `KINDS`: a token variant, a way to sign, MM-IOVEC, a level, a backend, delegated
attestation or not. What is drawn follows from the seed. Nothing that a non-secure client sends may panic the
device; no answer may hold a key, but the one of get_delegated_key; and after the storm honest calls are
answered as before it.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from struct import pack
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.delegated_attestation import R1, get_key, get_token, private_key, public_hash, seed_of_huk
from support.hostile_client import Broken

from tfm_sim import (
    AttestationConfig,
    Backend,
    Build,
    DelegatedAttestationConfig,
    Device,
    MeasuredBootConfig,
    SpmConfig,
    TokenVariant,
    bl2_config_for,
    load_board,
)
from tfm_sim.firmware_build import dummy_provisioning, with_token_variant
from tfm_sim.interface.psa.client import PsaClient, psa_invec, psa_outvec
from tfm_sim.interface.psa.initial_attestation import psa_initial_attest_get_token
from tfm_sim.interface.psa.initial_attestation_2019 import PsaAttestErr
from tfm_sim.interface.psa.initial_attestation_2019 import psa_initial_attest_get_token as get_token_2019
from tfm_sim.interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR, PSA_SUCCESS, PsaStatus
from tfm_sim.interface.tfm.attestation import (
    TFM_ATTEST_GET_TOKEN,
    TFM_ATTEST_GET_TOKEN_SIZE,
    TFM_ATTEST_GET_TOKEN_VENEER,
)
from tfm_sim.interface.tfm.delegated_attestation import (
    DELEGATED_ATTEST_GET_DELEGATED_KEY,
    DELEGATED_ATTEST_GET_PLATFORM_TOKEN,
)
from tfm_sim.interface.tfm.measured_boot import TFM_MEASURED_BOOT_EXTEND, TFM_MEASURED_BOOT_READ
from tfm_sim.interface.tfm.services import (
    TFM_ATTESTATION_SERVICE_HANDLE,
    TFM_DELEGATED_ATTESTATION_HANDLE,
    TFM_MEASURED_BOOT_HANDLE,
)
from tfm_sim.partitions.initial_attestation.config import OptionTransport, SignatureOf2019
from tfm_sim.platform.memory import Security
from tfm_sim.spm.partition_memory import Arena, non_secure_arena
from tfm_sim.tools.demo_firmware import flash_demo_firmware

SIZES: Final = (0, 1, 2, 3, 4, 5, 8, 31, 32, 32, 32, 33, 36, 47, 48, 48, 49, 63, 64, 64, 64, 65, 128, 0x800)
ROOMS: Final = (0, 1, 4, 4, 31, 32, 48, 65, 66, 67, 128, 256, 300, 350, 400, 512, *(1024, 0x800, 0x1000) * 4)
NUMBERS: Final = (0, 1, 32, 48, 64, 0x12, 256, 384, 521, 0x02000009, 0x0200000A, 0x0200000B, 2**31, 2**32 - 1)
HASHES: Final = (0x02000009, 0x0200000A, 0x0200000B, 0x02000008, 0x020000FF, 0, 0x03000009, 2**32 - 1)
GUARD: Final = 0xA5
PATTERN: Final = bytes([GUARD])
BITS: Final = (256, 384, 521)
KNOWN: Final = frozenset(status.value for status in PsaStatus)
KNOWN_2019: Final = KNOWN | {error.value for error in PsaAttestErr}


def _kinds() -> Iterator[tuple[str, Build]]:
    for variant in TokenVariant:
        yield variant.value, Build(attestation=AttestationConfig(variant, cose_key_id=True))
    for signature in SignatureOf2019:
        old = AttestationConfig(
            TokenVariant.TFM_2019, signature_of_2019=signature, include_test_code=True, optional_claims=False
        )
        yield f"2019 {signature.value} test code", Build(attestation=old)
    for level in (2, 3):
        spm = SpmConfig(isolation_level=level)
        yield f"2019 level {level}", Build(attestation=AttestationConfig(TokenVariant.TFM_2019), spm=spm)
        yield f"level {level}", Build(spm=spm)
    yield "SFN backend", Build(spm=SpmConfig(backend=Backend.SFN))
    yield "symmetric", Build(attestation=AttestationConfig(symmetric=True))
    yield "MM-IOVEC", Build(attestation=AttestationConfig(mm_iovec=True))
    test_code = {"include_test_code": True, "option_transport": OptionTransport.CHALLENGE_36}
    yield (
        "MM-IOVEC symmetric test code",
        Build(
            attestation=AttestationConfig(mm_iovec=True, symmetric=True, **test_code)  # type: ignore[arg-type]
        ),
    )
    for level, backend in ((1, Backend.IPC), (1, Backend.SFN), (2, Backend.IPC), (3, Backend.IPC)):
        spm = SpmConfig(isolation_level=level, backend=backend)
        yield f"delegated {level} {backend.value}", delegated(spm=spm)
    yield "delegated CCA", delegated(attestation=AttestationConfig(TokenVariant.CCA_2023))
    yield "delegated point", delegated(delegated_attestation=DelegatedAttestationConfig(hash_of_point=True))
    yield "delegated MM-IOVEC", delegated(attestation=AttestationConfig(mm_iovec=True))


def delegated(**options: object) -> Build:
    """A build with delegated attestation and what it needs."""
    base = Build(
        bl2=replace(bl2_config_for(load_board("an521")), store_encoded_measurements=False),
        attestation=AttestationConfig(max_token_size=0x800),
        measured_boot=MeasuredBootConfig(),
        delegated_attestation=DelegatedAttestationConfig(),
    )
    return replace(base, **options)  # type: ignore[arg-type]


KINDS: Final[dict[str, Build]] = dict(_kinds())


@dataclass(frozen=True)
class Sent:
    """One call as it was made, for a report."""

    handle: int
    type: int
    inputs: tuple[psa_invec | bytes, ...]
    outputs: tuple[tuple[int, int], ...]


class AttestationStorm:
    """A device of a kind, two non-secure clients, and what must be the same at the end."""

    def __init__(self, kind: str, seed: int) -> None:
        self.random = Random(f"{kind} {seed}")
        self.build = KINDS[kind]
        provisioning = dummy_provisioning(self.build)
        self.device = Device(build=with_token_variant(self.build), provisioning=provisioning, seed=seed)
        flash_demo_firmware(self.device)
        self.is_2019 = self.build.attestation.variant is TokenVariant.TFM_2019
        self.has_delegated = self.build.delegated_attestation is not None
        self.secrets = [provisioning.huk[:16], provisioning.iak[:16], seed_of_huk(provisioning.huk)[:16]]
        self.delegated_keys: dict[int, bytes] = {}
        self.seen: list[bytes] = []
        self.last: Sent | None = None
        self.calls = self.successes = 0
        self.device.power_on()
        self._take_clients()

    def _take_clients(self) -> None:
        memory = self.device.hardware.memory
        whole = non_secure_arena(memory)
        half = whole.size // 2
        self.clients = (
            self.device.ns,
            self.device.kernel.ns_client(Arena(whole.base + half, half), -2),
        )
        self.ram = next(r for r in memory.regions if r.name == "non_secure_data")
        self.secure = [r for r in memory.regions if r.security is Security.SECURE]

    def run(self, calls: int) -> None:
        """A storm, with honest calls and a reset or two in it."""
        self.honest()
        for number in range(calls):
            if number and number % (calls // 2 + 1) == 0:
                self.device.reset()
                self._take_clients()
            self.attack(self.pick(self.clients))
        self.honest()
        self.device.power_off()

    def pick(self, values: tuple[int, ...] | tuple[PsaClient, ...] | list[bytes]) -> object:
        return values[self.random.randrange(len(values))]

    def number(self, values: tuple[int, ...]) -> int:
        return values[self.random.randrange(len(values))]

    # What an honest client gets.

    def honest(self) -> None:
        for client in self.clients:
            if self.is_2019:
                self._honest_2019(client)
            else:
                status, token = psa_initial_attest_get_token(client, bytes(32), 0x600)
                self.must(status == PSA_SUCCESS and len(token) > 100, f"honest token: {status}")
            if self.has_delegated:
                self._honest_delegated(client)

    def _honest_2019(self, client: PsaClient) -> None:
        token = bytearray(0x600)
        error, size = get_token_2019(client, bytes(32), 32, token, len(token))
        self.must(error == 0 and 100 < size <= len(token), f"honest token of 2019: {error}")

    def _honest_delegated(self, client: PsaClient) -> None:
        for bits in BITS:
            status, scalar = get_key(client, bits)
            self.must(status == PSA_SUCCESS, f"honest key: {status}")
            self.must(self.delegated_keys.setdefault(bits, scalar) == scalar, "the same key in every boot")
        status, token = get_token(client, self._hash_of_key(521, "sha256"))
        self.must(status == PSA_SUCCESS and len(token) > 100, f"honest platform token: {status}")

    def must(self, held: bool, what: str) -> None:
        if not held:
            raise Broken(f"{what}; the last call was {self.last}")

    # What a hostile one sends.

    def attack(self, client: object) -> None:
        handles = [TFM_ATTESTATION_SERVICE_HANDLE] * 3
        if self.has_delegated:
            handles += [TFM_DELEGATED_ATTESTATION_HANDLE] * 6 + [TFM_MEASURED_BOOT_HANDLE]
        handle = handles[self.random.randrange(len(handles))]
        draw: Callable[[], tuple[int, list[psa_invec | bytes], list[int]]] = {
            TFM_ATTESTATION_SERVICE_HANDLE: self._attestation,
            TFM_DELEGATED_ATTESTATION_HANDLE: self._delegated,
            TFM_MEASURED_BOOT_HANDLE: self._measured,
        }[handle]
        type_, inputs, rooms = draw()
        if self.random.random() < 0.08:
            type_ = self.number((0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 2000, 32767, 32768, 2**31))
        if self.random.random() < 0.12:
            self._spoil(inputs, rooms)
        outputs = [self._room(size) for size in rooms]
        self._call(client, handle, type_, inputs, outputs)  # type: ignore[arg-type]

    def _attestation(self) -> tuple[int, list[psa_invec | bytes], list[int]]:
        if self.is_2019 and self.random.random() < 0.5:
            return TFM_ATTEST_GET_TOKEN_VENEER, [self._structure(), self._structure()], [8]
        if self.random.random() < 0.4:
            return TFM_ATTEST_GET_TOKEN_SIZE, [pack("<I", self.number(NUMBERS))], [4]
        return TFM_ATTEST_GET_TOKEN, [self._data(self.number(SIZES))], [self.number(ROOMS)]

    def _structure(self) -> bytes:
        """A vector of the library model: an address and a length, honest ones among others."""
        size = self.number((32, 32, 36, 48, 64, 0, 1, 8, 0x400, 0x400, 2**16, 2**31, 2**32 - 1))
        return pack("<II", self._address(size), size)

    def _address(self, size: int) -> int:
        ram, secure = self.ram, self.secure[self.random.randrange(len(self.secure))]
        near = self.random.randrange(0x1000)
        return self.number(
            (
                *(ram.base + near,) * 6,
                *(
                    ram.base + ram.size - size & 0xFFFFFFFF,
                    ram.base + ram.size - 1,
                    ram.base - 1 & 0xFFFFFFFF,
                ),
                *(secure.base, secure.base + near, secure.base - size + 1 & 0xFFFFFFFF),
                *(0, 1, 0xFFFFFFFF, 0xFFFFFFE0, 2**31),
            )
        )

    def _delegated(self) -> tuple[int, list[psa_invec | bytes], list[int]]:
        if self.random.random() < 0.5:
            curve = self.number((R1, R1, R1, R1, 0, 0x17, 0x41, 0xFF))
            bits = self.number((256, 384, 521, 521, 0, 192, 255, 512, 2**32 - 1))
            inputs: list[psa_invec | bytes] = [
                bytes([curve]),
                pack("<I", bits),
                pack("<I", self.number(HASHES)),
            ]
            return DELEGATED_ATTEST_GET_DELEGATED_KEY, inputs, [self.number(ROOMS)]
        data = self._data(self.number(SIZES))
        if self.delegated_keys and self.random.random() < 0.4:
            bits = self.number(BITS)
            name = ("sha256", "sha256", "sha384", "sha512")[self.random.randrange(4)]
            data = self._hash_of_key(bits, name)
        return DELEGATED_ATTEST_GET_PLATFORM_TOKEN, [data], [self.number(ROOMS)]

    def _hash_of_key(self, bits: int, name: str) -> bytes:
        config, scalar = self.build.delegated_attestation, self.delegated_keys[bits]
        if config is None or not config.hash_of_point:
            return public_hash(scalar, bits, name)
        point = private_key(scalar, bits).public_key()
        return hashlib.new(name, point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).digest()

    def _measured(self) -> tuple[int, list[psa_invec | bytes], list[int]]:
        # Extending is left out where it would succeed: it would change the key, as it should.
        inputs: list[psa_invec | bytes] = [self.random.randbytes(self.number((0, 1, 2, 3, 4, 8)))]
        type_ = self.number((TFM_MEASURED_BOOT_READ, TFM_MEASURED_BOOT_EXTEND))
        return type_, inputs, [self.number(ROOMS) for _ in range(self.random.randrange(4))]

    def _data(self, size: int) -> bytes:
        if self.seen and self.random.random() < 0.2:
            return self.seen[self.random.randrange(len(self.seen))][:size]
        if self.random.random() < 0.2:
            return pack("<I", self.number(NUMBERS))[:size].ljust(size, b"\0")
        return self.random.randbytes(size)

    def _spoil(self, inputs: list[psa_invec | bytes], rooms: list[int]) -> None:
        match self.random.randrange(6):
            case 0 if inputs:
                del inputs[self.random.randrange(len(inputs))]
            case 1:
                inputs.insert(self.random.randrange(len(inputs) + 1), self._data(self.number(SIZES)))
            case 2:
                rooms.append(self.number(ROOMS))
            case 3:
                rooms.clear()
            case 4:
                size = self.number(SIZES)
                inputs[:] = [psa_invec(self._address(size), size), *inputs[1:]]
            case _:
                rooms.insert(0, -self.number(ROOMS))

    def _room(self, size: int) -> psa_outvec:
        """A buffer, or for a negative size an address of anywhere."""
        if size < 0:
            return psa_outvec(self._address(-size), -size)
        return psa_outvec(bytearray(PATTERN * size), size)

    def _call(
        self,
        client: PsaClient,
        handle: int,
        type_: int,
        inputs: list[psa_invec | bytes],
        outputs: list[psa_outvec],
    ) -> None:
        rooms = tuple((one.base if isinstance(one.base, int) else 0, one.len) for one in outputs)
        self.last = Sent(handle, type_, tuple(inputs), rooms)
        status = client.psa_call(handle, type_, inputs, outputs)
        self.calls += 1
        self.successes += status == 0
        known = KNOWN_2019 if self.is_2019 else KNOWN
        self.must(status in known, f"status {status}")
        many = len(inputs) + len(outputs) > 4
        self.must(not many or status == PSA_ERROR_PROGRAMMER_ERROR, f"{status} for five vectors and more")
        keys = [] if type_ == DELEGATED_ATTEST_GET_DELEGATED_KEY else self._long_keys()
        for vector, (_, room) in zip(outputs, rooms, strict=True):
            self.must(0 <= vector.len <= room, f"{vector.len} bytes in a room of {room}")
            if not isinstance(vector.base, bytearray):
                continue
            data = bytes(vector.base)
            self.must(not any(one in data for one in (*self.secrets, *keys)), "a secret came out")
            if status == 0:
                self.must(data[vector.len :] == PATTERN * (room - vector.len), "more than was said")
                self.seen = [*self.seen[-7:], data[: vector.len]]
        self._look_behind(handle, type_, status, inputs)

    def _long_keys(self) -> list[bytes]:
        """Delegated keys by a piece of each that no hash and no signature would have by chance."""
        return [scalar[-16:] for scalar in self.delegated_keys.values()]

    def _look_behind(self, handle: int, type_: int, status: int, inputs: list[psa_invec | bytes]) -> None:
        """Of a veneer that succeeded both buffers were the client's own; no secret lies in its memory."""
        if handle == TFM_ATTESTATION_SERVICE_HANDLE and type_ == TFM_ATTEST_GET_TOKEN_VENEER and status == 0:
            for one in inputs[:2]:
                assert isinstance(one, bytes)
                base, size = int.from_bytes(one[:4], "little"), int.from_bytes(one[4:8], "little")
                inside = self.ram.base <= base and base + size <= self.ram.base + self.ram.size
                regions = self.device.hardware.memory.regions
                mine = any(
                    r.base <= base and base + size <= r.base + r.size and r.security is Security.NON_SECURE
                    for r in regions
                )
                self.must(inside or mine, "a buffer that is not the client's was taken")
        if self.calls % 50 == 0:
            lies = self.device.hardware.memory.read(self.ram.base, self.ram.size)
            self.must(not any(secret in lies for secret in self.secrets), "a secret lies in its memory")
