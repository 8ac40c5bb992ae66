"""The SPM's side of launching: one launcher a device, and the processes of one kernel."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ...interface.wire import plain
from ...interface.wire.frames import HEADER_SIZE, Op, WireError
from ...interface.wire.payloads import Home, Load, encode
from ..load import LoadError, PartitionBuild
from ..manifest import PartitionManifest, PartitionType
from . import launcher
from .channel import Channel, ChannelClosed, ChannelTimeout
from .relay import RemoteProgram, symbols_of

if TYPE_CHECKING:
    from ..client import Partition
    from ..kernel import Kernel

_LAUNCHER_SECONDS = 10.0
_ENVIRONMENT = ("PYTHON", "LD_", "DYLD_", "LANG", "LC_")


class Launcher:
    """The clean process from which a device's partitions get theirs; it starts when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0
        self._bytecode: TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Start it, if it does not run; it gets ready while the caller goes on. Raises LoadError."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        environment = {k: v for k, v in os.environ.items() if k.startswith(_ENVIRONMENT)}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", launcher.BOOTSTRAP],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=environment,
                    cwd="/",
                )
        except OSError as error:
            ours.close()
            raise LoadError(f"a process for partitions: {error}; legal: a Python that starts") from error
        ours.settimeout(_LAUNCHER_SECONDS)
        self._control = ours
        self._owner = os.getpid()
        path = [str(Path(entry).absolute()) for entry in sys.path]
        # Where this interpreter writes no bytecode, each process would compile its program anew.
        if sys.dont_write_bytecode and self._bytecode is None:
            self._bytecode = TemporaryDirectory(prefix="tfm-sim-", ignore_cleanup_errors=True)
        bytecode = self._bytecode.name if self._bytecode is not None else None
        start = {"path": path, "bytecode": bytecode, "launcher": launcher.__name__, "parent": os.getpid()}
        text = json.dumps(start).encode()
        ours.sendall(len(text).to_bytes(4, "little") + text)

    def fork(self, sockets: Sequence[socket.socket]) -> None:
        """Ask for a process that holds these sockets. Raises LoadError where there can be none."""
        self.start()
        assert self._control is not None
        try:
            request = launcher.REQUEST.pack(launcher.FORK, 0)
            socket.send_fds(self._control, [request], [sock.fileno() for sock in sockets])
        except OSError as error:
            self.close()
            raise _no_process(error) from error

    def forked(self) -> int:
        """The process id that the oldest ``fork`` came to. Raises LoadError where there was none."""
        try:
            return self._answer()[0]
        except OSError as error:
            self.close()
            raise _no_process(error) from error

    def end(self, pids: Iterable[int], *, patient: bool = False) -> list[int]:
        """Kill and reap; the exit statuses. ``patient`` leaves a process time to end by itself."""
        wanted = list(pids)
        if self._control is None:
            return [-signal.SIGKILL for _ in wanted]
        try:
            for pid in wanted:
                what = launcher.WHY if patient else launcher.KILL
                self._control.sendall(launcher.REQUEST.pack(what, pid))
            return [self._answer()[1] for _ in wanted]
        except OSError:
            # Without its launcher no process of a partition lives on.
            self.close()
            return [-signal.SIGKILL for _ in wanted]

    def __del__(self) -> None:
        # A device that nobody switched off takes its processes along; a copy of it in a fork does not.
        if self._owner == os.getpid():
            self.close()

    def close(self) -> None:
        """End the launcher and with it whatever it has launched."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._bytecode is not None:
            self._bytecode.cleanup()
        self._process = self._control = self._bytecode = None

    def _answer(self) -> tuple[int, int]:
        assert self._control is not None
        data = b""
        while len(data) < launcher.ANSWER.size:
            more = self._control.recv(launcher.ANSWER.size - len(data))
            if not more:
                raise ConnectionError("the launcher has ended")
            data += more
        pid, status = launcher.ANSWER.unpack(data)
        return pid, status


def _no_process(error: OSError) -> LoadError:
    return LoadError(f"a process for partitions: {error}; legal: a launcher that answers")


class Processes:
    """The processes of one kernel's partitions, from their launch to the reset."""

    def __init__(self, launcher: Launcher, seconds: float) -> None:
        """``seconds`` is how long a process may leave the SPM without a word."""
        self._launcher = launcher
        self._seconds = seconds
        self._channels: dict[str, Channel] = {}
        self._pids: dict[str, int] = {}
        self._ends: dict[int, str] = {}
        self.sandbox: tuple[str, ...] = ()
        """What the operating system took from every one of the processes (docs/isolation.md)."""

    def launch(
        self, partitions: Sequence["Partition"], builds: Mapping[str, PartitionBuild], isolation_level: int
    ) -> None:
        """Make the processes that the isolation level asks for and have them load their programs.

        Raises LoadError for a program that another process cannot find or load.
        """
        groups = groups_of(partitions, isolation_level)
        if not groups:
            return
        loads = {p.name: _load(p, builds[p.name]) for group in groups for p in group}
        for group in groups:
            theirs = []
            try:
                for partition in group:
                    ours, other = socket.socketpair()
                    theirs.append(other)
                    self._channels[partition.name] = Channel(ours, self._seconds)
                self._launcher.fork(theirs)
            finally:
                for sock in theirs:
                    sock.close()
        named = [p for group in groups for p in group]
        for partition in named:
            self._channels[partition.name].send(encode(Op.LOAD, tail=plain.dump(loads[partition.name])))
        for group in groups:
            pid = self._launcher.forked()
            self._pids.update((p.name, pid) for p in group)
        achieved = [self._loaded(partition) for partition in named]
        self.sandbox = tuple(part for part in achieved[0] if all(part in other for other in achieved))

    def program_of(
        self, spm: "Kernel", partition: "Partition", build: PartitionBuild, door: Any
    ) -> object | None:
        """The program of a partition that has a process; None for one that runs in the SPM's own."""
        channel = self._channels.get(partition.name)
        if channel is None:
            return None
        pid = self._pids[partition.name]
        program = RemoteProgram(spm, partition, door, channel, lambda: self._why(pid), self._seconds)
        program.make(build.program.__name__)
        return program

    def end(self) -> None:
        """Kill all, however they stand."""
        alive = {pid for pid in self._pids.values() if pid not in self._ends}
        self._launcher.end(sorted(alive))
        for channel in self._channels.values():
            channel.close()
        self._channels, self._pids = {}, {}

    def _loaded(self, partition: "Partition") -> list[str]:
        where = f"{partition.manifest.where}: {partition.name}"
        try:
            op, _, frame = self._channels[partition.name].receive()
            payload = frame[HEADER_SIZE:]
            if op == Op.FAULT:
                raise LoadError(f"{where}: {payload.decode(errors='replace')}")
            parts: list[str] = plain.load(payload)
            return parts
        except ChannelTimeout:
            raise LoadError(f"{where}: its program is not loaded after {self._seconds:g} seconds") from None
        except ChannelClosed:
            how = self._why(self._pids[partition.name])
            raise LoadError(f"{where}: its process {how} while it loaded its program") from None
        except (WireError, ValueError) as error:
            raise LoadError(f"{where}: while it loaded its program: {error}") from None

    def _why(self, pid: int) -> str:
        if pid not in self._ends:
            (status,) = self._launcher.end([pid], patient=True)
            self._ends[pid] = _end_in_words(status)
        return self._ends[pid]


class _HasManifest(Protocol):
    @property
    def manifest(self) -> PartitionManifest: ...


_Member = TypeVar("_Member", bound=_HasManifest)


def groups_of(partitions: Sequence[_Member], isolation_level: int) -> list[list[_Member]]:
    """Who shares a process: FF-M 1.1, isolation levels; whoever is in no group stays with the SPM."""
    if isolation_level == 1:
        return []
    if isolation_level == 3:
        return [[partition] for partition in partitions]
    application = [p for p in partitions if p.manifest.type is PartitionType.APPLICATION_ROT]
    return [application] if application else []


def _end_in_words(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"died by {signal.Signals(-status).name}"
    except ValueError:
        return f"died by signal {-status}"


def _load(partition: "Partition", build: PartitionBuild) -> Load:
    """What another process needs to make a partition's program."""
    where = f"{partition.manifest.where}: {partition.name}"
    config, config_class = build.config, None
    if config is not None:
        kind = type(config)
        config_class = _home_of(kind, where)
        try:
            if plain.from_plain(kind, plain.load(plain.dump(config))) != config:
                raise WireError(f"{kind.__name__} is not the same after a journey to another process")
        except WireError as error:
            raise LoadError(f"{where}: configuration: {error}") from None
    program = _home_of(build.program, where)
    return Load(program, config_class, config, tuple(symbols_of(partition)), partition.client_id)


def _home_of(program: Callable[..., object], where: str) -> Home:
    """Module, file and qualified name of a class. Raises LoadError for one that these cannot name."""
    name = getattr(program, "__qualname__", "")
    module = getattr(program, "__module__", None) or ""
    if not name or "<" in name or not isinstance(program, type):
        raise LoadError(
            f"{where}: {module}.{name or repr(program)} cannot be found by another process; legal: a class "
            "at the top of a module, and PartitionBuild.config for what it takes beside its API"
        )
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None) or ""
    if module == "__main__":
        spec = getattr(loaded, "__spec__", None)
        module = spec.name if spec is not None else f"main_of_{Path(file).stem}"
    return module, str(Path(file).absolute()) if file else "", name
