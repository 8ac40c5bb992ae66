"""Exceptions on their way between a partition's process and the SPM."""

import sys
from pathlib import Path
from types import TracebackType
from typing import get_type_hints

from ...interface.errors import TfmSimError
from ...interface.wire import plain


def dump_exception(error: Exception) -> bytes:
    """What a call raised, as the classes that the process may know it by."""
    classes = [[c.__module__, c.__qualname__] for c in type(error).__mro__ if issubclass(c, Exception)]
    reason = getattr(error, "reason", None)
    return plain.dump([classes, reason if isinstance(reason, int) else None, str(error)])


def load_exception(payload: bytes) -> Exception:
    """What the SPM's side raised, as the most special class of it that this process knows."""
    classes, reason, text = plain.load(payload)
    for module, name in classes:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            error = kind.__new__(kind)
            error.args = (text,)
            if reason is not None:
                hint = get_type_hints(kind.__init__).get("reason", int)
                error.reason = plain.from_plain(hint, reason)  # type: ignore[attr-defined]
            return error
    return TfmSimError(text)


def describe(error: BaseException) -> str:
    """An exception as a panic's report has it, with the line of the partition's own code if there is one."""
    frame: TracebackType | None = error.__traceback__
    name, line, file = "", 0, ""
    while frame is not None:
        code = frame.tb_frame.f_code
        if not file or Path(code.co_filename).parent != Path(__file__).parent:
            name, line, file = code.co_name, frame.tb_lineno, code.co_filename
        frame = frame.tb_next
    return f"{type(error).__name__}: {error} in {name}, line {line} of {Path(file).name}"
