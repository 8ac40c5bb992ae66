"""The 90 demands, one line each: who asks, from which isolation level on, who does what, and what must come.

The numbers and the demands are facts about Arm's test list for the FF-M IPC API; words and programs are ours.
"""

from dataclasses import dataclass
from typing import Final

from support.ff_ipc import client_side as c
from support.ff_ipc import driver_side as d
from support.ff_ipc import server_side as s
from support.ff_ipc.facts import CLIENT, DRIVER, SERVER
from support.ff_ipc.party import NS, Body

from tfm_sim.interface.psa.status import PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_PROGRAMMER_ERROR

CPU_RULES: Final = {
    what: f"CPU {what}: memory of the caller's domain" for what in ("load", "store", "execute")
}
"""The rule that a CPU fault is reported with."""


@dataclass(frozen=True, slots=True)
class Met:
    """Everybody's part runs to its end, and the device stays up; a client that breaks a rule has ``status``."""

    status: int = 0


@dataclass(frozen=True, slots=True)
class Reset:
    """The device panics: for whose fault, and how the broken rule's text begins, for each check."""

    culprit: str
    rules: tuple[str, ...]


Outcome = Met | Reset


@dataclass(frozen=True, slots=True)
class Demand:
    """One demand. ``ns`` and ``secure`` are what must come when the non-secure side or the client partition
    asks; None where that one does not. ``partner`` is what the client partition does beside a non-secure one.
    """

    number: int
    text: str
    client: Body | None = None
    server: Body | None = None
    driver: Body | None = None
    partner: Body | None = None
    ns: Outcome | None = None
    secure: Outcome | None = None
    level: int = 1
    not_applicable: str = ""

    @property
    def callers(self) -> str:
        """B both, N the non-secure side only, S the client partition only."""
        if self.not_applicable:
            return "S"
        return "B" if self.ns and self.secure else "N" if self.ns else "S"

    def outcome(self, caller: str) -> Outcome | None:
        return self.ns if caller == NS else self.secure


MET: Final = Met()
STATUSES: Final = {"psa_connect": PSA_ERROR_CONNECTION_REFUSED, "psa_call": PSA_ERROR_PROGRAMMER_ERROR}
"""What the non-secure side gets for breaking a rule of a call."""


def both(number: int, text: str, client: Body, server: Body | None = None, rule: str = "") -> Demand:
    """The non-secure side gets a status; the partition too, or it breaks ``rule``."""
    secure = Reset(CLIENT, (rule,)) if rule else MET
    return Demand(
        number, text, client, server, ns=Met(STATUSES.get(rule.split(":", maxsplit=1)[0], 0)), secure=secure
    )


def misuse(number: int, text: str, server: Body, rule: str) -> Demand:
    """The server breaks ``rule`` while it serves a request of the non-secure side."""
    return Demand(number, text, c.ask_plainly, server, ns=Reset(SERVER, (rule,)))


def of_driver(number: int, text: str, driver: Body, rule: str = "") -> Demand:
    """The driver does it alone."""
    outcome = Reset(DRIVER, (rule,)) if rule else MET
    return Demand(number, text, c.nothing, driver=driver, ns=outcome)


def of_client(number: int, text: str, client: Body, rule: str = "", server: Body | None = None) -> Demand:
    """The client partition only."""
    return Demand(number, text, client, server, secure=Reset(CLIENT, (rule,)) if rule else MET)


def no_access(number: int, caller: str, owner: str, what: str) -> Demand:
    """What belongs to ``owner`` can be neither loaded nor stored by ``caller``."""
    rules = (CPU_RULES["load"], CPU_RULES["store"]) * (2 if number in {79, 83} else 1)
    return Demand(
        number,
        f"{owner.split('_', maxsplit=1)[0].lower()}'s {'global data' if what == 'global' else what} is out of reach for loads and stores",
        c.touch(owner, what),
        s.keep_secret(what) if owner == SERVER else None,
        d.keep_secret(what) if owner == DRIVER else None,
        ns=Reset(NS, rules) if caller == NS else None,
        secure=Reset(CLIENT, rules) if caller == CLIENT else None,
        level=1 if caller == NS else 2 if owner == DRIVER else 3,
    )


NO_HEAP: Final = "a partition is a Python program: what it allocates is on the interpreter's heap"
NO_LIBRARY: Final = "a partition is a Python program: it has bytes and slices, and no C library"
HANDLE: Final = ": a message handle of the partition's own"
PLACES: Final = ("global", "stack", "heap", "MMIO")

# One line a demand, however long it is.
# ruff: noqa: E501
# fmt: off
DEMANDS: Final = (
    both(1, "framework version; versions of services, 0 for absent and forbidden ones", c.versions),
    both(2, "refusals, versions, statuses, types, client id, running out of connections, waiting", c.connections, s.connections),
    both(3, "empty vectors, partial reads and writes, lengths, rhandle, overlapping vectors", c.vectors, s.vectors),
    both(4, "connect to a SID that nobody has", c.connect_unknown, None, "psa_connect: an RoT Service with this SID"),
    both(5, "connect to a STRICT service, version too high", c.connect_strict_above, None, "psa_connect: a version"),
    both(6, "connect to a STRICT service, version too low", c.connect_strict_below, None, "psa_connect: a version"),
    both(7, "connect to a RELAXED service, version too high", c.connect_relaxed_above, None, "psa_connect: a version"),
    Demand(8, "connect to a service that is not for the non-secure side", c.connect_secure_only, s.secure_only, ns=Reset(SERVER, ("psa_reply" + HANDLE,)), secure=MET),
    of_client(9, "connect to a service that is no dependency", c.connect_undeclared, "psa_connect: a service that the caller may use"),
    both(10, "default version policy: version too high", c.connect_plain_above, None, "psa_connect: a version"),
    both(11, "default version policy: version 0", c.connect_plain_zero, None, "psa_connect: a version"),
    both(12, "close a handle that is none", c.close_invalid, None, "psa_close: a handle of the caller's own"),
    misuse(13, "psa_get of two signals", s.get_two_signals, "psa_get: exactly one signal"),
    misuse(14, "psa_get again of the only message", s.get_twice, "psa_get: a signal that is asserted"),
    misuse(15, "psa_get of PSA_DOORBELL", s.get_doorbell, "psa_get: the signal of an RoT Service"),
    misuse(16, "psa_get of a silent service beside one that has a message", s.get_another, "psa_get: a signal that is asserted"),
    misuse(17, "connect to a service of its own", s.connect_to_itself, "psa_connect: a service that the caller may use"),
    misuse(18, "psa_set_rhandle of an invalid handle", s.rhandle_of_invalid, "psa_set_rhandle" + HANDLE),
    misuse(19, "psa_set_rhandle of the null handle", s.rhandle_of_null, "psa_set_rhandle" + HANDLE),
    misuse(20, "answer a connection with a status that is none of the three", s.reply_junk_to_connect, "psa_reply: a legal answer to PSA_IPC_CONNECT"),
    of_driver(21, "an interrupt's signal: asserted, kept while the device falls silent, ended by psa_eoi", d.interrupt),
    misuse(22, "psa_reply to an invalid handle", s.reply_to_invalid, "psa_reply" + HANDLE),
    misuse(23, "psa_reply to the null handle", s.reply_to_null, "psa_reply" + HANDLE),
    both(24, "call on an invalid handle", c.call_invalid, None, "psa_call: a handle of the caller's own"),
    both(25, "call on the null handle", c.call_null, None, "psa_call: a handle of the caller's own"),
    both(26, "call with four inputs and an output", c.call_with_five_vectors, s.undisturbed, "psa_call: at most PSA_MAX_IOVEC"),
    both(27, "the service answers PROGRAMMER_ERROR: the connection is dead", c.answered_programmer_error, s.programmer_error, "psa_call: a request that"),
    misuse(28, "psa_read with PSA_IPC_CONNECT in hand", s.read_on_connect, "psa_read: a request message"),
    misuse(29, "psa_read with PSA_IPC_DISCONNECT in hand", s.read_on_disconnect, "psa_read: a request message"),
    misuse(30, "psa_read of the null handle", s.read_null, "psa_read" + HANDLE),
    misuse(31, "psa_read of an invalid handle", s.read_invalid, "psa_read" + HANDLE),
    misuse(32, "psa_read of vector 4", s.read_index_4, "psa_read: a vector index"),
    misuse(33, "psa_read of vector 5", s.read_index_5, "psa_read: a vector index"),
    misuse(34, "psa_skip with PSA_IPC_CONNECT in hand", s.skip_on_connect, "psa_skip: a request message"),
    misuse(35, "psa_skip with PSA_IPC_DISCONNECT in hand", s.skip_on_disconnect, "psa_skip: a request message"),
    misuse(36, "psa_skip of the null handle", s.skip_null, "psa_skip" + HANDLE),
    misuse(37, "psa_skip of an invalid handle", s.skip_invalid, "psa_skip" + HANDLE),
    misuse(38, "psa_skip of vector 4", s.skip_index_4, "psa_skip: a vector index"),
    misuse(39, "psa_skip of vector 5", s.skip_index_5, "psa_skip: a vector index"),
    misuse(40, "psa_write with PSA_IPC_CONNECT in hand", s.write_on_connect, "psa_write: a request message"),
    misuse(41, "psa_write with PSA_IPC_DISCONNECT in hand", s.write_on_disconnect, "psa_write: a request message"),
    misuse(42, "psa_write to the null handle", s.write_null, "psa_write" + HANDLE),
    misuse(43, "psa_write to an invalid handle", s.write_invalid, "psa_write" + HANDLE),
    misuse(44, "psa_write to vector 4", s.write_index_4, "psa_write: a vector index"),
    misuse(45, "psa_write to vector 5", s.write_index_5, "psa_write: a vector index"),
    misuse(46, "psa_write of one byte more than fits", s.write_too_much, "psa_write: no more than is left"),
    misuse(47, "psa_get into memory that is not the service's (level 1: null)", s.get_into_forbidden, "psa_get: a buffer"),
    both(48, "input descriptors out of reach (partition at level 1: null)", c.call_in_vec_array, s.undisturbed, "psa_call: the in_vec array"),
    both(49, "output descriptors out of reach (partition at level 1: null)", c.call_out_vec_array, s.undisturbed, "psa_call: the out_vec array"),
    both(50, "an input out of reach (partition at level 1: null)", c.call_in_vec, s.undisturbed, "psa_call: in_vec[0]"),
    both(51, "an output out of reach (partition at level 1: null)", c.call_out_vec, s.undisturbed, "psa_call: out_vec[0]"),
    both(52, "an input that reaches into another's region", c.call_in_vec_across, s.undisturbed, "psa_call: in_vec[0]"),
    both(53, "an output that reaches into another's region", c.call_out_vec_across, s.undisturbed, "psa_call: out_vec[0]"),
    of_client(54, "an output in code memory", c.call_out_vec_code, "psa_call: out_vec[0]", s.undisturbed),
    misuse(55, "psa_read into memory that is not the service's (level 1: null)", s.read_into_forbidden, "psa_read: a buffer"),
    misuse(56, "psa_read into code memory", s.read_into_code, "psa_read: a buffer"),
    misuse(57, "psa_write from memory that is not the service's (level 1: null)", s.write_from_forbidden, "psa_write: a buffer"),
    of_client(58, "a service rings its client: the doorbell stands until psa_clear", c.wait_for_doorbell, "", s.ring_the_client),
    misuse(59, "psa_notify of partition -10", s.notify_negative, "psa_notify: an existing partition"),
    misuse(60, "psa_notify of a partition that is not there", s.notify_unknown, "psa_notify: an existing partition"),
    misuse(61, "psa_clear of a silent doorbell", s.clear_silent_doorbell, "psa_clear: PSA_DOORBELL asserted"),
    misuse(62, "psa_wait for a signal that the partition does not have", s.wait_for_unassigned, "psa_wait: a signal that is assigned"),
    Demand(63, "waits for some signals ignore the others; a service refuses a partition", c.masked_waits, s.masked_waits, partner=c.refused_after_doorbell, ns=MET),
    of_driver(64, "psa_eoi of PSA_DOORBELL", d.end_doorbell, "psa_eoi: the signal of an own interrupt"),
    of_driver(65, "psa_eoi of an interrupt that is not asserted", d.end_unasserted, "psa_eoi: a signal that is asserted"),
    of_driver(66, "psa_eoi of an interrupt and a service at once", d.end_two_signals, "psa_eoi: exactly one signal"),
    Demand(67, "without a heap, memory runs out at once", not_applicable=NO_HEAP),
    of_client(68, "data cannot be executed", c.execute_data, CPU_RULES["execute"]),
    of_client(69, "code cannot be written", c.store_to_code, CPU_RULES["store"]),
    of_client(70, "constants cannot be written", c.store_to_constants, CPU_RULES["store"]),
    Demand(71, "memcpy and its kin work in a partition", not_applicable=NO_LIBRARY),
    *(no_access(72 + i, NS, SERVER, what) for i, what in enumerate(PLACES)),
    *(no_access(76 + i, NS, DRIVER, what) for i, what in enumerate(PLACES)),
    *(no_access(80 + i, CLIENT, DRIVER, what) for i, what in enumerate(PLACES)),
    *(no_access(84 + i, CLIENT, SERVER, what) for i, what in enumerate(PLACES)),
    of_client(88, "the lifecycle state is one of the seven", c.lifecycle),
    misuse(89, "psa_panic", s.give_up, "psa_panic"),
    both(90, "call of type -1", c.call_with_negative_type, s.undisturbed, "psa_call: type and counts in range"),
)
# fmt: on

BY_NUMBER: Final = {demand.number: demand for demand in DEMANDS}
NOT_STATELESS: Final = frozenset({2, *range(4, 13), *range(17, 21), 27, 28, 29, 34, 35, 40, 41})
"""Demands on connections, which the list for stateless services leaves out."""


def checks_of(demand: Demand, caller: str) -> int:
    """How many checks a demand consists of for a caller; each but the last ends in a reset."""
    outcome = demand.outcome(caller)
    return len(outcome.rules) if isinstance(outcome, Reset) else 1
