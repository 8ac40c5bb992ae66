"""What each recorded call of the non-secure IPC bench does, by the words it was recorded under.

Every action returns the text after the equals sign, or the whole line for a line without one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from support.ipc_test_services import (
    BASIC_SID,
    CLIENT_PROGRAMMER_ERROR_SID,
    CONNECTION_REFUSED_SID,
    REQUEST_SRV,
    SECURE_CLIENT_2_SID,
    STATELESS_ROT_SID,
    WORD_IN,
)
from support.recordings.firmware import Firmware
from support.recordings.storage_calls import FULL, STORAGE_CALLS, fill

from tfm_sim.interface.psa.client import PSA_IPC_CALL, InVec, psa_invec, psa_outvec
from tfm_sim.interface.psa.crypto import psa_generate_random
from tfm_sim.interface.tfm import services as tfm_services
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE, TFM_CRYPTO_SID
from tfm_sim.platform.memory import RegionKind, Security
from tfm_sim.spm.door import ClientDoor

UNKNOWN_SID = 0xDEAD0000
PS_TEST_PREPARE_SID = 0xF0C0
TEST_SIDS = {
    "IPC_SERVICE_TEST_BASIC_SID": BASIC_SID,
    "TFM_SECURE_CLIENT_2_SID": SECURE_CLIENT_2_SID,
}
SERVICES_TO_COME = {
    "TFM_FIRMWARE_UPDATE_SERVICE_SID": "firmware update",
}


@dataclass(frozen=True, slots=True)
class Skip:
    reason: str


@dataclass
class State:
    """What the client carries from call to call."""

    firmware: Firmware
    handle: int = 0
    progerr: int = 0
    out: bytearray = field(default_factory=bytearray)
    out_len: int = 0
    pool: list[int] = field(default_factory=list)

    @property
    def ns(self) -> ClientDoor:
        return self.firmware.ns

    def address(self, security: Security, kind: RegionKind) -> int:
        """The first address of some memory of a kind."""
        regions = self.firmware.hardware.memory.regions
        return next(r.base for r in regions if r.security is security and r.kind is kind)

    @property
    def stateless(self) -> int:
        return self.firmware.kernel.services_by_sid[STATELESS_ROT_SID].handle

    def open_handle(self, what: str) -> int:
        handle = self.ns.psa_connect(BASIC_SID, 1)
        if what.startswith("POOL"):
            self.pool.append(handle)
        else:
            self.handle = handle
        return handle

    def basic(
        self, ins: Sequence[InVec] = (), outs: Sequence[psa_outvec] = (), type_: int = REQUEST_SRV
    ) -> int:
        return self.ns.psa_call(self.handle, type_, ins, outs)

    def into(self, ins: Sequence[InVec], room: int) -> int:
        """A call with one output vector, whose bytes and length are kept."""
        self.out = bytearray(room)
        vector = psa_outvec(self.out)
        status = self.basic(ins, [vector])
        self.out_len = vector.len
        return status

    @property
    def out_word(self) -> int:
        return int.from_bytes(self.out[:4], "little")


Outcome = int | str | Skip
Action = Callable[[State], Outcome]


def _close(s: State) -> int:
    s.ns.psa_close(s.handle)
    return 0


def _overlapping(s: State) -> int:
    base = s.address(Security.NON_SECURE, RegionKind.RAM)
    s.firmware.hardware.memory.write(base, WORD_IN * 2)
    return s.basic([psa_invec(base, 4), psa_invec(base + 2, 4)])


def _out_len_8(s: State) -> str:
    return f"{s.into([WORD_IN], 8)} outlen={s.out_len}"


def _service_fails(s: State) -> str:
    status = s.into([bytes(4)], 4)
    return f"{status} outlen={s.out_len} out={s.out_word:#x}"


def _call_closed(s: State) -> int:
    # From the second recorded handle to the first of the pool the loop counter moves by four: the PROGERR
    # connection, two stateless calls and the pool's first, so the closed handle was that second one.
    s.ns.psa_close(s.handle)
    return s.ns.psa_call(s.handle, REQUEST_SRV)


def _progerr_first(s: State) -> int:
    s.progerr = s.ns.psa_connect(CLIENT_PROGRAMMER_ERROR_SID, 1)
    return s.ns.psa_call(s.progerr, PSA_IPC_CALL)


def _progerr_second(s: State) -> int:
    status = s.ns.psa_call(s.progerr, PSA_IPC_CALL)
    s.ns.psa_close(s.progerr)
    return status


def _closing(handle_of: Callable[[State], int], line: str) -> Action:
    def close(s: State) -> str:
        s.ns.psa_close(handle_of(s))
        return line

    return close


def _random(s: State) -> int:
    return psa_generate_random(s.ns, 8)[0]


def _random_after_freeing(s: State) -> int:
    while s.pool:
        s.ns.psa_close(s.pool.pop())
    return _random(s)


CALLS: dict[str, Action] = {
    "RC psa_framework_version()": lambda s: s.ns.psa_framework_version(),
    "RC psa_connect(unknown sid 0xDEAD0000,1)": lambda s: s.ns.psa_connect(UNKNOWN_SID, 1),
    "RC psa_connect(stateless TFM_CRYPTO_SID,1)": lambda s: s.ns.psa_connect(TFM_CRYPTO_SID, 1),
    "RC psa_connect(TFM_SECURE_CLIENT_2,1)": lambda s: s.ns.psa_connect(SECURE_CLIENT_2_SID, 1),
    "RC psa_connect(BASIC,v0)": lambda s: s.ns.psa_connect(BASIC_SID, 0),
    "RC psa_connect(BASIC,v2 STRICT)": lambda s: s.ns.psa_connect(BASIC_SID, 2),
    "RC psa_connect(CONNECTION_REFUSED,1)": lambda s: s.ns.psa_connect(CONNECTION_REFUSED_SID, 1),
    "RC psa_connect(TFM_PS_TEST_PREPARE secure-only?,1)": lambda s: s.ns.psa_connect(PS_TEST_PREPARE_SID, 1),
    "RC psa_connect(stateless)": lambda s: s.ns.psa_connect(STATELESS_ROT_SID, 1),
    "RC psa_call(BASIC,0x1000,NULL)": lambda s: s.basic(),
    "RC psa_call(BASIC,0x1000,in ok,out)": lambda s: s.into([WORD_IN], 4),
    "RC psa_call(BASIC,unknown type 0x7)": lambda s: s.basic(type_=7),
    "RC psa_call(BASIC,PSA_IPC_CALL 0)": lambda s: s.basic(type_=PSA_IPC_CALL),
    "RC psa_call(BASIC,type 32767)": lambda s: s.basic(type_=32767),
    "RC psa_call(BASIC,type -1)": lambda s: s.basic(type_=-1),
    "RC psa_call(BASIC after type -1)": lambda s: s.basic(),
    "RC psa_close": _close,
    "RC psa_call(BASIC,in_len 5 of 0)": lambda s: s.ns.psa_call(s.handle, REQUEST_SRV, 0, (), in_len=5),
    "RC psa_call(BASIC,in_len 3 out_len 2)": lambda s: s.basic(
        [WORD_IN] * 3, [psa_outvec(bytearray(4)), psa_outvec(bytearray(4))]
    ),
    "RC psa_call(after bad count)": lambda s: s.basic(),
    "RC psa_call(BASIC,NULL invec len 1)": lambda s: s.ns.psa_call(s.handle, REQUEST_SRV, 0, (), in_len=1),
    "RC psa_call(BASIC,overlapping invecs)": _overlapping,
    "RC psa_call(BASIC,invec in secure flash)": lambda s: s.basic(
        [psa_invec(s.address(Security.SECURE, RegionKind.FLASH), 4)]
    ),
    "RC psa_call(BASIC,invec base NULL len 4)": lambda s: s.basic([psa_invec(0, 4)]),
    "RC psa_call(BASIC,invec base NULL len 0)": lambda s: s.basic([psa_invec(0, 0)]),
    "RC psa_call(BASIC,outvec in secure RAM)": lambda s: s.basic(
        [], [psa_outvec(s.address(Security.SECURE, RegionKind.RAM), 4)]
    ),
    "RC psa_call(BASIC,outvec in NS flash)": lambda s: s.basic(
        [], [psa_outvec(s.address(Security.NON_SECURE, RegionKind.FLASH), 4)]
    ),
    "RC psa_call(BASIC,outvec base NULL len 4)": lambda s: s.basic([], [psa_outvec(0, 4)]),
    "RC outvec len 8 service writes 4": _out_len_8,
    "RC service returns -1": _service_fails,
    "RC psa_call(NULL handle)": lambda s: s.ns.psa_call(0, REQUEST_SRV),
    "RC psa_call(handle 0x12345678)": lambda s: s.ns.psa_call(0x12345678, REQUEST_SRV),
    "RC psa_call(handle -1)": lambda s: s.ns.psa_call(-1, REQUEST_SRV),
    "RC psa_call(static handle bad index 0x4000011F)": lambda s: s.ns.psa_call(0x4000011F, REQUEST_SRV),
    "RC psa_call(static handle bad version 0x40000500)": lambda s: s.ns.psa_call(0x40000500, REQUEST_SRV),
    "RC psa_call(closed handle)": _call_closed,
    "RC psa_close(closed handle) returned": _closing(
        lambda s: s.handle, "RC psa_close(closed handle) returned"
    ),
    "RC psa_close(0) returned": _closing(lambda s: 0, "RC psa_close(0) returned"),
    "RC psa_close(stateless handle) returned": _closing(
        lambda s: TFM_CRYPTO_HANDLE, "RC psa_close(stateless handle) returned"
    ),
    "RC PROGERR call 1": _progerr_first,
    "RC PROGERR call 2": _progerr_second,
    "RC STATELESS call 0x1000": lambda s: s.ns.psa_call(s.stateless, REQUEST_SRV),
    "RC STATELESS call unknown type 9": lambda s: s.ns.psa_call(s.stateless, 9),
    "RC POOL exhausted: stateless call": lambda s: s.ns.psa_call(s.stateless, REQUEST_SRV),
    "RC POOL exhausted: psa_generate_random": _random,
    "RC POOL freed: psa_generate_random": _random_after_freeing,
}


def _version(s: State, match: re.Match[str]) -> Outcome:
    name = match[1]
    if name in SERVICES_TO_COME and getattr(tfm_services, name) not in s.firmware.kernel.services_by_sid:
        return Skip(f"no {SERVICES_TO_COME[name]} service yet")
    if name.startswith("0"):
        return s.ns.psa_version(int(name, 0))
    sid = TEST_SIDS.get(name, getattr(tfm_services, name, None))
    return Skip(f"unknown service {name}") if sid is None else s.ns.psa_version(sid)


def _pool_exhausted(s: State, match: re.Match[str]) -> Outcome:
    status = s.ns.psa_connect(BASIC_SID, 1)
    return f"POOL exhausted after {len(s.pool)} connections rc={status}"


def _out_note(s: State, match: re.Match[str]) -> Outcome:
    return f"OUT = {s.out_word:#x} len={s.out_len}"


def _storage(s: State, match: re.Match[str]) -> Outcome:
    call = STORAGE_CALLS.get(match[1])
    return Skip(f"unknown call {match[1]!r}") if call is None else call(s.ns)


PATTERNS: list[tuple[re.Pattern[str], Callable[[State, re.Match[str]], Outcome]]] = [
    (re.compile(r"RC psa_version\((\w+)\)"), _version),
    (re.compile(r"POOL exhausted after \d+ connections rc=-?\d+"), _pool_exhausted),
    (re.compile(r"OUT = 0x[0-9a-f]+ len=\d+"), _out_note),
    (re.compile(r"RC ((?:its|ps)_.*)"), _storage),
    (FULL, lambda s, match: fill(s.ns, match)),
]
