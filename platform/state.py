"""A device's lasting state as a directory of raw images: flash, OTP, and a small description.

``<flash>.bin`` and ``otp.bin`` are the plain cells, to be opened (and changed) with any hex editor;
``state.json`` names the board and the sizes. A save first writes every new image beside the old one, then
``commit.json`` with their digests, and only then renames: whoever opens the directory after an interruption
finds the old state or the new one, whole. ``lock`` is held with flock while a device uses the directory.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..interface.errors import TfmSimError

FORMAT: Final = 1
META: Final = "state.json"
COMMIT: Final = "commit.json"
LOCK: Final = "lock"
NEW: Final = ".new"


class StateError(TfmSimError):
    """A state directory cannot be used: occupied, half-written, of another board, or not one at all."""


def stored_board(path: str | Path) -> str | None:
    """The name of the board whose device a state directory holds; None where it holds none yet.

    What is wrong with a directory, `StateDirectory` tells.
    """
    for name in (COMMIT, META):  # a save that was interrupted behind its commit has happened
        try:
            meta = json.loads((Path(path) / name).read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(meta, dict) and isinstance(meta.get("board"), str):
            return str(meta["board"])
    return None


def holds_nothing(path: str | Path) -> bool:
    """Whether a device there would be a new one; what is wrong with a directory, `StateDirectory` tells."""
    try:
        found = Path(path)
        return not found.exists() or (found.is_dir() and {entry.name for entry in found.iterdir()} <= {LOCK})
    except (OSError, ValueError):
        return False


class StateDirectory:
    """One state directory, locked from construction to ``close``.

    ``files`` maps each image's file name to its size in bytes, ``board`` is the board's name. A directory
    that does not exist or is empty becomes a new state with the first ``save``. Raises StateError, and
    changes no image, where the directory cannot be used.
    """

    def __init__(self, path: str | Path, board: str, files: Mapping[str, int]) -> None:
        self.path = Path(path)
        self.board = board
        self.files = dict(files)
        self._digests: dict[str, bytes] = {}
        self._lock = -1
        try:
            self._check_kind()
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
            try:
                self._recover()
                self._images = self._load()
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise self._os_error(error) from error
        except ValueError as error:  # a path with a NUL in it
            raise self._error(str(error)) from error

    def images(self) -> dict[str, bytes] | None:
        """The images as they were found, by file name; None for a new state."""
        return self._images

    def save(self, images: Mapping[str, bytes], seed: int = 0) -> None:
        """Make ``images`` the lasting state. Images that did not change are not written again.

        Raises StateError where the directory cannot be written; the old state is whole then.
        """
        if self._lock < 0:
            raise self._error("is closed already")
        digests = {name: sha256(data).digest() for name, data in images.items()}
        changed = {name: data for name, data in images.items() if self._digests.get(name) != digests[name]}
        if not changed:
            return
        meta = {"format": FORMAT, "board": self.board, "seed": seed, "files": self.files}
        new = {name: digests[name].hex() for name in changed}
        try:
            if (self.path / COMMIT).exists():
                self._recover()  # an earlier save failed behind its commit
            self._write_new(changed)
            self._write(COMMIT, json.dumps({**meta, "new": new}, indent=2).encode())
            self._roll_forward(new, meta)
        except OSError as error:
            raise self._os_error(error, "cannot be saved: ") from error
        self._digests = digests

    def close(self) -> None:
        """Let the directory go. Saves nothing."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _check_kind(self) -> None:
        """Refuse a directory of something else before anything is written into it."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise self._error("is a file", "a directory")
        names = {entry.name for entry in self.path.iterdir()} - {LOCK} - self._unfinished()
        if names and META not in names and COMMIT not in names:
            ours = any(name.removesuffix(NEW) in self.files for name in names)
            what = f"half-written: no {META}" if ours else f"no {META}, but other files"
            raise self._error(what, "a state directory, an empty one, or a new name")

    def _unfinished(self) -> set[str]:
        """What a save leaves behind that was interrupted before its commit, be it the first one."""
        return {name + NEW for name in (*self.files, META, COMMIT)}

    def _take_lock(self) -> int:
        lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 32).decode(errors="replace").strip()
            os.close(lock)
            who = f"process {holder}" if holder.isdigit() else "another device"
            raise self._error(f"in use by {who}", "one device at a time") from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return lock

    def _recover(self) -> None:
        """Finish a save that was interrupted after its commit; drop one that was interrupted before."""
        if (self.path / COMMIT).exists():
            commit = self._description(COMMIT)
            new = commit.get("new")
            if not isinstance(new, dict) or not all(isinstance(v, str) for v in new.values()):
                raise self._error(f"half-written: {COMMIT} names no images")
            self._check_description(commit, COMMIT)
            if unknown := set(new) - set(self.files):
                raise self._error(f"half-written: {COMMIT} names {sorted(unknown)[0]!r}")
            self._check_new(new)
            del commit["new"]
            self._roll_forward(new, commit)
            return
        for name in sorted(self._unfinished()):
            (self.path / name).unlink(missing_ok=True)

    def _check_new(self, new: Mapping[str, str]) -> None:
        for name, digest in new.items():
            fresh, final = self.path / (name + NEW), self.path / name
            found = fresh if fresh.exists() else final
            if not found.exists() or sha256(found.read_bytes()).hexdigest() != digest:
                raise self._error(f"half-written: {found.name} is not the image that {COMMIT} names")

    def _roll_forward(self, new: Mapping[str, str], meta: Mapping[str, object]) -> None:
        for name in new:
            fresh = self.path / (name + NEW)
            if fresh.exists():
                fresh.rename(self.path / name)
        self._write(META, json.dumps(meta, indent=2).encode())
        self._sync_directory()
        (self.path / COMMIT).unlink()

    def _load(self) -> dict[str, bytes] | None:
        if not (self.path / META).exists():
            return None
        self._check_description(self._description(META), META)
        images = {}
        for name, size in self.files.items():
            file = self.path / name
            found = f"{file.stat().st_size} bytes" if file.is_file() else "no such file"
            if found != f"{size} bytes":
                raise self._error(f"half-written: {name}: {found}", f"{size} bytes")
            images[name] = file.read_bytes()
        self._digests = {name: sha256(data).digest() for name, data in images.items()}
        return images

    def _description(self, name: str) -> dict[str, object]:
        try:
            found = json.loads((self.path / name).read_bytes())
        except (ValueError, RecursionError) as error:
            raise self._error(f"half-written: {name} is not JSON") from error
        if not isinstance(found, dict):
            raise self._error(f"half-written: {name} is no description of a state")
        return found

    def _check_description(self, found: Mapping[str, object], name: str) -> None:
        if found.get("format") != FORMAT:
            raise self._error(f"{name}: format {found.get('format')!r}", f"{FORMAT}")
        if found.get("board") != self.board:
            raise self._error(f"holds a device of board {found.get('board')!r}", repr(self.board))
        if found.get("files") != self.files:
            raise self._error(
                f"{name}: images {found.get('files')!r} do not fit board {self.board}", repr(self.files)
            )

    def _write_new(self, images: Mapping[str, bytes]) -> None:
        for name, data in images.items():
            with (self.path / (name + NEW)).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

    def _write(self, name: str, data: bytes) -> None:
        """A small file that appears whole or not at all."""
        self._write_new({name: data})
        (self.path / (name + NEW)).rename(self.path / name)
        self._sync_directory()

    def _sync_directory(self) -> None:
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _os_error(self, error: OSError, doing: str = "") -> StateError:
        reason = f"{doing}{error.strerror or error}"
        if isinstance(error.filename, str) and Path(error.filename) != self.path:
            reason = f"{doing}{Path(error.filename).name}: {error.strerror or error}"
        return self._error(reason, "a directory that can be read and written, with room for the images")

    def _error(self, found: str, legal: str = "") -> StateError:
        return StateError(f"state directory {self.path}: {found}" + (f"; legal: {legal}" if legal else ""))
