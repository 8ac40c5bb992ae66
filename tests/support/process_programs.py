"""Programs for tests of partitions in processes of their own: each a class at the top of a module."""

import ctypes
import fcntl
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import (
    PSA_BLOCK,
    PSA_DOORBELL,
    PSA_IPC_CONNECT,
    PSA_POLL,
    PSA_WAIT_ANY,
    psa_msg_t,
)
from tfm_sim.interface.wire.frames import Op
from tfm_sim.interface.wire.payloads import encode
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.spm.partition_api import PartitionApi, read_all


class Entry:
    """Makes the entry point that a manifest calls NAME_main out of ``main``."""

    main: Callable[[], None]

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.endswith("_main"):
            return self.main
        raise AttributeError(name)


class LeanIpc(Entry):
    """Waits, gets, replies; nothing else."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def main(self) -> None:
        psa, msg = self.psa, psa_msg_t()
        while True:
            psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            psa.psa_get(0x10, msg)
            psa.psa_reply(msg.handle, 0)


class CopyIpc(LeanIpc):
    """Reads input vector 0 and writes it to output vector 0."""

    def main(self) -> None:
        psa, msg = self.psa, psa_msg_t()
        while True:
            psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            psa.psa_get(0x10, msg)
            if msg.type >= 0:
                buffer = bytearray(msg.in_size[0])
                psa.psa_read(msg.handle, 0, buffer, len(buffer))
                psa.psa_write(msg.handle, 0, buffer)
            psa.psa_reply(msg.handle, 0)


AGENT_CLIENT = -0x04000001
ASYNC_MSG_REPLY = 0x4


class Agent(LeanIpc):
    """A mailbox agent: one errand of each kind for a client of another core; it writes what came of them."""

    def main(self) -> None:
        psa, msg = self.psa, psa_msg_t()
        while True:
            psa.psa_wait(0x10, PSA_BLOCK)
            psa.psa_get(0x10, msg)
            vectors = (int.from_bytes(read_all(psa, msg, 0), "little"), 1), (0, 0)
            psa.psa_write(msg.handle, 0, repr(self.errands(*vectors)).encode())
            psa.psa_reply(msg.handle, 0)

    def errands(self, ins: tuple[int, int], outs: tuple[int, int]) -> list[object]:
        psa: Any = self.psa
        data = {"of": "a client"}
        begun = [psa.agent_psa_connect(0x2002, 1, AGENT_CLIENT, data)]
        handle, back = self.answer()
        results: list[object] = [handle > 0, back is data]
        begun.append(psa.agent_psa_call(handle, ACTIONS.index("copy"), ins, outs, AGENT_CLIENT, 0))
        begun.append(psa.agent_psa_connect(0x9999, 1, AGENT_CLIENT, 0xFFFFFFFF))
        results += [self.answer(), self.answer()]
        begun.append(psa.agent_psa_call(handle, ACTIONS.index("count"), (0, 0), outs, AGENT_CLIENT, -1))
        begun.append(psa.agent_psa_close(handle, AGENT_CLIENT, None))
        results += [self.answer(), self.answer()]
        begun.append(psa.agent_psa_connect(0x2002, 1, 1, data))
        return [*map(int, begun), *results]

    def answer(self) -> tuple[int, object]:
        self.psa.psa_wait(ASYNC_MSG_REPLY, PSA_BLOCK)
        msg = psa_msg_t(handle=5)
        assert self.psa.psa_get(ASYNC_MSG_REPLY, msg) == 0
        assert msg == psa_msg_t(msg.type, 5, 0, msg.rhandle)
        return int(msg.type), msg.rhandle


class LeanSfn:
    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def service_sfn(self, msg: psa_msg_t) -> int:
        return 0


@dataclass(frozen=True)
class Secret(Entry):
    """A configuration that nobody else may find."""

    text: bytes
    more: tuple[int, ...] = ()


class Clerk(Entry):
    """An IPC partition that does what a message's type says; ``config`` is its secret."""

    def __init__(self, psa: PartitionApi, config: Secret | None = None) -> None:
        self.psa = psa
        self.config = config
        self.notes: list[psa_msg_t] = []
        self.actions: dict[int, Callable[[psa_msg_t], Any]] = {
            number: getattr(self, name) for number, name in enumerate(ACTIONS)
        }

    def main(self) -> None:
        while True:
            signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            if signals & PSA_DOORBELL:
                self.psa.psa_clear()
            for bit in range(4, 32):
                if signals & 1 << bit:
                    msg = psa_msg_t()
                    assert self.psa.psa_get(1 << bit, msg) == 0
                    status = self.act(msg)
                    self.psa.psa_reply(msg.handle, status)

    def service_sfn(self, msg: psa_msg_t) -> Any:
        return self.act(msg)

    def act(self, msg: psa_msg_t) -> Any:
        return self.connection(msg) if msg.type < 0 else self.actions[msg.type](msg)

    def inputs(self, msg: psa_msg_t) -> list[bytes]:
        return [read_all(self.psa, msg, i) for i in range(4)]

    def connection(self, msg: psa_msg_t) -> int:
        """Keeps a list with each connection and counts in it."""
        if msg.type == PSA_IPC_CONNECT:
            self.psa.psa_set_rhandle(msg.handle, [0])
        return 0

    def copy(self, msg: psa_msg_t) -> int:
        for i, data in enumerate(self.inputs(msg)):
            if msg.out_size[i]:
                self.psa.psa_write(msg.handle, i, data[: msg.out_size[i]])
        return 7

    def count(self, msg: psa_msg_t) -> int:
        msg.rhandle[0] += 1
        return msg.rhandle[0]  # type: ignore[no-any-return]

    def pieces(self, msg: psa_msg_t) -> int:
        """Reads and skips in steps; the steps' results are the answer."""
        buffer = bytearray(64)
        steps = [
            self.psa.psa_read(msg.handle, 0, buffer, 3),
            self.psa.psa_skip(msg.handle, 0, 2),
            self.psa.psa_read(msg.handle, 0, memoryview(buffer)[3:], 0),
            self.psa.psa_read(msg.handle, 0, memoryview(buffer)[3:], 60),
            self.psa.psa_skip(msg.handle, 0, 9),
            self.psa.psa_read(msg.handle, 0, buffer, 9),
            self.psa.psa_read(msg.handle, 3, buffer, 9),
        ]
        self.psa.psa_write(msg.handle, 0, buffer, 3)
        self.psa.psa_write(msg.handle, 0, b"")
        self.psa.psa_write(msg.handle, 0, buffer[3 : 3 + steps[3]])
        self.psa.psa_write(msg.handle, 1, bytes(steps))
        return 0

    def client(self, msg: psa_msg_t) -> int:
        """Connects to the other clerk, asks it to copy, closes; reads its own input only then."""
        answer = bytearray(8)
        handle = self.psa.psa_connect(0x2002, 1)
        out = psa_outvec(answer)
        status = self.psa.psa_call(
            handle, ACTIONS.index("copy"), [b"errand", bytearray(b"two")], [out, psa_outvec(0, 0)]
        )
        counted = self.psa.psa_call(handle, ACTIONS.index("count"))
        self.psa.psa_close(handle)
        late = read_all(self.psa, msg, 0)
        versions = self.psa.psa_version(0x2002), self.psa.psa_version(0x9999)
        text = f"{handle > 0} {status} {counted} {answer[: out.len]!r} {late!r} {versions}"
        self.psa.psa_write(msg.handle, 0, text.encode())
        return self.psa.psa_framework_version()

    def at_addresses(self, msg: psa_msg_t) -> int:
        """The input goes through the partition's own simulated memory."""
        own = int.from_bytes(self.inputs(msg)[1], "little")
        size = self.psa.psa_read(msg.handle, 0, own, 64)
        self.psa.psa_write(msg.handle, 0, own, size)
        return size

    def notify(self, msg: psa_msg_t) -> int:
        self.psa.psa_notify(self.psa.partition_id)
        return self.psa.psa_wait(PSA_DOORBELL, PSA_POLL)

    def defer(self, msg: psa_msg_t) -> int:
        """Gets a second message before it answers the first."""
        self.psa.psa_reply(msg.handle, 1)
        self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
        self.psa.psa_get(0x10, msg)
        return 2

    def say(self, msg: psa_msg_t) -> int:
        print("said", msg.client_id)
        print("and\nwarned", file=sys.stderr)
        return 0

    def catch(self, msg: psa_msg_t) -> int:
        """A caller's slips that the door refuses with an exception, as C's compiler would."""
        caught = 0
        slips: list[Callable[[], object]] = [
            lambda: self.psa.psa_call(1, 0, [psa_invec(5)]),
            lambda: self.psa.psa_call(1, 0, (), [psa_outvec(b"x")]),  # type: ignore[arg-type]
            lambda: self.psa.psa_call(1, 0, [psa_invec(b"x", 2)]),
            lambda: self.psa.psa_write(msg.handle, 0, 0x20000000),
        ]
        for slip in slips:
            try:
                slip()
            except (TypeError, ValueError):
                caught += 1
        return caught

    def hal(self, msg: psa_msg_t) -> int:
        huk = self.psa.hal.tfm_plat_get_huk()
        key = self.psa.hal.tfm_plat_get_iak()
        try:
            self.psa.hal.tfm_plat_ns_counter_idx_to_nv_counter(9)
        except PlatError as error:
            assert error.reason is TfmPlatErr.INVALID_INPUT
            self.psa.psa_write(msg.handle, 0, repr((huk, key.bits, type(key).__name__, str(error))).encode())
        return self.psa.hal.tfm_plat_read_nv_counter(NvCounter.BL2_0)

    def reset(self, msg: psa_msg_t) -> int:
        self.psa.hal.tfm_hal_system_reset()

    def secret(self, msg: psa_msg_t) -> int:
        assert self.config is not None
        self.psa.psa_write(msg.handle, 0, self.config.text)
        return len(self.config.more)

    def search(self, msg: psa_msg_t) -> int:
        """How many objects of this process hold the bytes that begin with the input and go on."""
        wanted = read_all(self.psa, msg, 0)
        found = {
            bytes(held)
            for thing in gc.get_objects()
            for held in gc.get_referents(thing)
            if isinstance(held, bytes) and held.startswith(wanted) and len(held) > len(wanted)
        }
        return len(found)

    def read_memory(self, msg: psa_msg_t) -> int:
        return len(Path(f"/proc/{self.argument(msg)}/mem").read_bytes())

    def read_file(self, msg: psa_msg_t) -> int:
        return len(Path(read_all(self.psa, msg, 0).decode()).read_bytes())

    def list_files(self, msg: psa_msg_t) -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    def open_files(self, msg: psa_msg_t) -> int:
        """The numbers of the files that are open."""
        numbers = []
        for fd in range(256):
            try:
                fcntl.fcntl(fd, fcntl.F_GETFD)
            except OSError:
                continue
            numbers.append(fd)
        self.psa.psa_write(msg.handle, 0, bytes(numbers))
        return len(numbers)

    def peek(self, msg: psa_msg_t) -> int:
        """process_vm_readv of one byte of another process."""
        here = ctypes.create_string_buffer(8)
        local = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8)
        remote = (ctypes.c_size_t * 2)(0x400000, 8)
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.process_vm_readv(self.argument(msg), local, 1, remote, 1, 0)  # type: ignore[no-any-return]

    def trace(self, msg: psa_msg_t) -> int:
        return ctypes.CDLL(None, use_errno=True).ptrace(16, self.argument(msg), 0, 0)  # type: ignore[no-any-return]

    def kill(self, msg: psa_msg_t) -> int:
        os.kill(self.argument(msg), signal.SIGKILL)
        return 0

    def fork(self, msg: psa_msg_t) -> int:
        return os.fork()

    def thread(self, msg: psa_msg_t) -> int:
        threading.Thread(target=print).start()
        return 0

    def run(self, msg: psa_msg_t) -> int:
        os.execv("/bin/true", ["true"])
        return 0

    def connect_socket(self, msg: psa_msg_t) -> int:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(read_all(self.psa, msg, 0).decode())
        return 0

    def become_visible(self, msg: psa_msg_t) -> int:
        return ctypes.CDLL(None, use_errno=True).prctl(4, 1, 0, 0, 0)  # type: ignore[no-any-return]

    def who(self, msg: psa_msg_t) -> int:
        self.psa.psa_write(msg.handle, 0, repr((os.getuid(), os.getgid(), os.getpid())).encode())
        return 0

    def argument(self, msg: psa_msg_t) -> int:
        return int.from_bytes(read_all(self.psa, msg, 0), "little")

    # Ways to go down; nothing comes back from these.

    def fail(self, msg: psa_msg_t) -> int:
        raise ValueError("no such luck")

    def leave(self, msg: psa_msg_t) -> int:
        sys.exit("gone")

    def exit(self, msg: psa_msg_t) -> int:
        os._exit(3)

    def crash(self, msg: psa_msg_t) -> int:
        return len(ctypes.string_at(0))

    def hang(self, msg: psa_msg_t) -> int:
        while True:
            pass

    def overflow(self, msg: psa_msg_t) -> int:
        self.psa.psa_write(msg.handle, 0, bytes(msg.out_size[0]))
        self.psa.psa_write(msg.handle, 0, b"!")
        return self.exit(msg)

    def reply_twice(self, msg: psa_msg_t) -> int:
        self.psa.psa_reply(msg.handle, 0)
        self.psa.psa_reply(msg.handle, 0)
        return self.exit(msg)

    def bad_status(self, msg: psa_msg_t) -> Any:
        return "no status"

    def bad_index(self, msg: psa_msg_t) -> int:
        self.psa.psa_read(msg.handle, 4, bytearray(4), 4)
        return self.exit(msg)

    def bad_buffer(self, msg: psa_msg_t) -> int:
        self.psa.psa_read(msg.handle, 0, bytearray(1), 4)
        return self.exit(msg)

    def bad_signal(self, msg: psa_msg_t) -> int:
        self.psa.psa_get(0x10, msg)
        return self.exit(msg)

    def bad_clear(self, msg: psa_msg_t) -> int:
        self.psa.psa_notify(self.psa.partition_id)
        self.psa.psa_wait(PSA_DOORBELL, PSA_POLL)
        self.psa.psa_clear()
        self.psa.psa_clear()
        return self.exit(msg)

    def bad_close(self, msg: psa_msg_t) -> int:
        self.psa.psa_close(0)
        self.psa.psa_close(0x7777)
        return self.exit(msg)

    def bad_owner(self, msg: psa_msg_t) -> int:
        """This service is stateless: there is no connection to keep anything with."""
        self.psa.psa_set_rhandle(msg.handle, self)
        return self.exit(msg)

    def bad_rhandle(self, msg: psa_msg_t) -> int:
        self.psa.psa_set_rhandle(0x7777, self)
        return self.exit(msg)

    def bad_client(self, msg: psa_msg_t) -> int:
        self.psa.psa_call(0x7777, 0)
        return self.exit(msg)

    def give_up(self, msg: psa_msg_t) -> int:
        self.psa.psa_panic()

    def ungranted(self, msg: psa_msg_t) -> int:
        try:
            self.psa.hal.tfm_hal_random(4)
        except Exception:
            return 0
        return self.exit(msg)

    def misspeak(self, msg: psa_msg_t) -> int:
        self.psa._channel.send(b"\xff" * 64)  # type: ignore[attr-defined]
        return 0

    def overstep(self, msg: psa_msg_t) -> int:
        self.psa._ask(Op.RUN, 0, 0)  # type: ignore[attr-defined]
        return 0

    def interrupt(self, msg: psa_msg_t) -> int:
        self.psa._channel.send(encode(Op.PSA_VERSION, 1) * 2)  # type: ignore[attr-defined]
        return 0


ACTIONS = [
    name
    for name, value in vars(Clerk).items()
    if callable(value)
    and name not in ("__init__", "main", "service_sfn", "act", "inputs", "connection", "argument")
]
"""What a message's type stands for."""


class Missing:
    """Lacks the symbols that any manifest names."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa


class Stillborn(LeanIpc):
    def __init__(self, psa: PartitionApi) -> None:
        super().__init__(psa)
        raise ValueError("not today")


class Returning(LeanIpc):
    def main(self) -> None:
        pass


class Lazy(LeanSfn):
    """Imports only when it runs, which is too late."""

    def service_sfn(self, msg: psa_msg_t) -> int:
        import colorsys  # noqa: F401, PLC0415

        return 0
