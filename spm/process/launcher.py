"""The launcher: a clean process that makes those of the partitions.

It is started anew and not forked from the device's process, whose memory holds the secrets of all; and it
imports nothing but what every partition may know. One request comes in eight bytes, with the partitions'
sockets beside them, and is answered in eight.
"""

import gc
import importlib
import os
import pkgutil
import shutil
import signal
import socket
import time
from collections.abc import Iterable
from struct import Struct
from typing import Final, NoReturn

from ... import interface
from . import child, sandbox

REQUEST: Final = Struct("<II")
"""What to do, and for which process."""
ANSWER: Final = Struct("<Ii")
"""The process, and for an end its exit status as Python's subprocess has it: negative for a signal."""
FORK: Final = 1
"""Make a process for the sockets that come along."""
KILL: Final = 2
"""End a process and reap it."""
WHY: Final = 3
"""The same for a process that has hung up, once it had time to end by itself."""
SOCKETS_MAX: Final = 253
"""Linux: as many files as one message can carry."""
_PATIENCE_SECONDS: Final = 0.5
# Libraries that partitions commonly use: each takes long to import, and none knows a secret.
_COMMON: Final = (
    "cbor2",
    "cryptography.hazmat.backends.openssl",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.utils",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hmac",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "cryptography.hazmat.primitives.serialization",
    f"{__package__.rpartition('.')[0]}.partition_api",
)


def main(control: socket.socket, parent: int, bytecode: str | None) -> None:
    """Serve the device's process until it hangs up or dies; then end every process made here.

    ``bytecode`` is a folder that goes then too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    sandbox.die_with_parent(parent, signal.SIGTERM)
    children: set[int] = set()
    try:
        _serve(control, children)
    finally:
        # Both say that the device's process is gone: its socket, and this signal.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for pid in children:
            _end(pid, patient=False)
        if bytecode:
            shutil.rmtree(bytecode, ignore_errors=True)


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit


def _serve(control: socket.socket, children: set[int]) -> None:
    shared = pkgutil.walk_packages(interface.__path__, interface.__name__ + ".")
    for name in (*_COMMON, *(module.name for module in shared)):
        importlib.import_module(name)
    # What is here stays here: a child's collector leaves it alone, so its pages stay shared.
    gc.freeze()
    while True:
        data, files, _, _ = socket.recv_fds(control, REQUEST.size, SOCKETS_MAX)
        while data and len(data) < REQUEST.size:
            data += control.recv(REQUEST.size - len(data))
        if not data:
            break
        what, pid = REQUEST.unpack(data)
        status = 0
        if what == FORK:
            launcher = os.getpid()
            pid = os.fork()
            if not pid:
                _become_partition(files, launcher)
            children.add(pid)
            for fd in files:
                os.close(fd)
        elif pid in children:
            status = _end(pid, patient=what == WHY)
            children.discard(pid)
        control.sendall(ANSWER.pack(pid, status))


def _become_partition(files: Iterable[int], launcher: int) -> NoReturn:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sandbox.close_files(list(files))
        child.run([socket.socket(fileno=fd) for fd in files], launcher)
    finally:
        os._exit(1)


def _end(pid: int, *, patient: bool) -> int:
    """Reap a process: ``patient`` gives it time to end by itself, else it is killed."""
    until = time.monotonic() + (_PATIENCE_SECONDS if patient else 0)
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


BOOTSTRAP: Final = """
import json, socket, sys
control = socket.socket(fileno=0)
size = int.from_bytes(control.recv(4, socket.MSG_WAITALL), "little")
start = json.loads(control.recv(size, socket.MSG_WAITALL))
sys.path[:] = start["path"]
if start["bytecode"]:
    sys.pycache_prefix, sys.dont_write_bytecode = start["bytecode"], False
from importlib import import_module
import_module(start["launcher"]).main(control, start["parent"], start["bytecode"])
"""
"""What the launcher's interpreter is started with; its standard input is the control socket."""
