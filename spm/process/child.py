"""The life of a partition's process, from the fork to its sandbox and its program."""

import importlib
import importlib.util
import io
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from ...interface.wire import plain
from ...interface.wire.frames import HEADER_SIZE, Op, WireError
from ...interface.wire.payloads import Load, encode
from .channel import Channel, ChannelClosed
from .faults import describe
from .runtime import ProcessApi
from .sandbox import die_with_parent, drop_privileges, limit_system_calls


def run(sockets: Sequence[socket.socket], launcher: int) -> NoReturn:
    """Load the program of each partition, give up what none of them needs, and serve the SPM.

    Several partitions in one process have a thread each; the SPM lets one of them run at a time. ``launcher``
    is the parent process, with which this one ends.
    """
    os._exit(_run([Channel(sock) for sock in sockets], launcher))


def _run(channels: Sequence[Channel], launcher: int) -> int:
    try:
        apis: dict[int, ProcessApi] = {}
        sys.stdout, sys.stderr = _Console(1, apis), _Console(2, apis)
        loaded = [(channel, _load(channel, apis)) for channel in channels]
        achieved = drop_privileges()
        die_with_parent(launcher)  # a change of user takes this wish back, so it comes last
        ready = threading.Event()
        for channel, api in loaded[1:]:
            threading.Thread(target=_serve_in_thread, args=(channel, api, apis, ready), daemon=True).start()
        achieved += limit_system_calls()
        for channel, api in loaded:
            if api is not None:
                channel.send(encode(Op.LOADED, tail=plain.dump(achieved)))
        ready.set()
        _serve(*loaded[0], apis)
    except ChannelClosed:
        pass  # the SPM is gone or has no more use for this process
    except WireError:
        return 1
    return 0


def _serve_in_thread(
    channel: Channel, api: ProcessApi | None, apis: dict[int, ProcessApi], ready: threading.Event
) -> None:
    status = 0
    try:
        ready.wait()
        _serve(channel, api, apis)
    except ChannelClosed:
        pass
    except WireError:
        status = 1
    finally:
        os._exit(status)


def _serve(channel: Channel, api: ProcessApi | None, apis: dict[int, ProcessApi]) -> None:
    if api is None:
        channel.receive()  # there is no program; the SPM knows and hangs up
        return
    apis[threading.get_ident()] = api
    api.serve()


def _load(channel: Channel, apis: dict[int, ProcessApi]) -> ProcessApi | None:
    """Take the LOAD frame and import what it names; None where that fails, of which the SPM is told."""
    op, _, frame = channel.receive()
    if op != Op.LOAD:
        raise WireError(f"op {op:#x}; legal: LOAD")
    what: Load = plain.from_plain(Load, plain.load(frame[HEADER_SIZE:]))
    api = ProcessApi(channel, what.partition_id)
    apis[threading.get_ident()] = api
    try:
        program = find(*what.program)
        home = what.config_class
        arguments = () if home is None else (plain.from_plain(find(*home), what.config),)
    except BaseException as error:
        channel.send(encode(Op.FAULT, tail=describe(error).encode(errors="replace")))
        return None

    def make() -> int:
        """Make the program; returns 0, or the place of the first symbol that it lacks, from 1."""
        made = program(api, *arguments)
        for place, symbol in enumerate(what.symbols, 1):
            function = getattr(made, symbol, None)
            if not callable(function):
                return place
            api.symbols.append(function)
        return 0

    made: Callable[..., object] = make
    api.symbols.append(made)
    return api


def find(module: str, file: str, qualname: str) -> Any:
    """A class by the name of its module, or that module's file where the name finds another or none."""
    found: Any = _module(module, file)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _module(name: str, file: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and (not file or spec.origin == file):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module {name!r}, and {file!r} is no file of Python code")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class _Console(io.TextIOBase):
    """Standard output or error of a partition's process: whole lines travel to the SPM."""

    def __init__(self, stream: int, apis: dict[int, ProcessApi]) -> None:
        self._stream = stream
        self._apis = apis
        self._line = ""

    def write(self, text: str) -> int:
        self._line += text
        lines, newline, self._line = self._line.rpartition("\n")
        api = self._apis.get(threading.get_ident())
        if newline and api is not None:
            api.print(self._stream, lines + newline)
        return len(text)
