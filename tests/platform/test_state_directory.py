"""A state directory: raw images that survive, one owner at a time, and never a mixed state unnoticed."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.otp import OtpField
from tfm_sim.platform.provisioning import DUMMY, Provisioning
from tfm_sim.platform.state import StateError, stored_board

BOARD = load_board("mcuboot_8k")


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """The directory of a device that has run: an image in slot 0, BL2_0 at 7, PS_0 at 1."""
    path = tmp_path / "device"
    with Hardware(BOARD, state=path) as hardware:
        hardware.slot(0, "primary").write(0, b"images01")
        hardware.nv_counters.set(NvCounter.BL2_0, 7)
        hardware.nv_counters.increment(NvCounter.PS_0)
        hardware.memory.write(0x38000000, b"gone")
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != "lock"}


def test_flash_otp_and_counters_survive_and_ram_does_not(used: Path) -> None:
    with Hardware(BOARD, state=used) as hardware:
        assert hardware.slot(0, "primary").read(0, 8) == b"images01"
        assert hardware.nv_counters.read(NvCounter.BL2_0) == 7
        assert hardware.nv_counters.read(NvCounter.PS_0) == 1
        assert hardware.memory.read(0x38000000, 4) == b"\0\0\0\0"


def test_the_images_are_raw(used: Path) -> None:
    with Hardware(BOARD, state=used) as hardware:
        assert (used / "flash0.bin").read_bytes() == bytes(hardware.flash["flash0"].cells)
        assert (used / "otp.bin").read_bytes() == bytes(hardware.otp)
    assert (used / "flash0.bin").stat().st_size == 0x20000
    assert (used / "otp.bin").read_bytes()[4:20] == bytes(range(16))
    assert set(contents(used)) == {"flash0.bin", "otp.bin", "state.json"}
    assert json.loads((used / "state.json").read_text())["board"] == "mcuboot_8k"


def test_an_image_edited_by_hand_is_what_the_device_then_has(used: Path) -> None:
    image = bytearray((used / "flash0.bin").read_bytes())
    image[0x2000] = 0x58
    (used / "flash0.bin").write_bytes(image)
    with Hardware(BOARD, state=used) as hardware:
        assert hardware.slot(0, "primary").read(0, 8) == b"Xmages01"


def test_a_reset_saves_and_forgets_ram(tmp_path: Path) -> None:
    hardware = Hardware(BOARD, state=tmp_path / "d")
    hardware.nv_counters.set(NvCounter.BL2_1, 2)
    hardware.memory.write(0x38000400, b"ram")
    hardware.reset()
    assert hardware.memory.read(0x38000400, 3) == b"\0\0\0"
    assert hardware.nv_counters.read(NvCounter.BL2_1) == 2
    assert (tmp_path / "d" / "otp.bin").read_bytes() == bytes(hardware.otp)
    assert hardware.resets == 1
    hardware.close()
    hardware.close()


def test_two_devices_in_memory_share_nothing() -> None:
    one, other = Hardware(BOARD), Hardware(BOARD)
    one.slot(0, "primary").write(0, b"\0" * 4)
    one.nv_counters.set(NvCounter.BL2_0, 9)
    one.memory.write(0x38000000, b"one")
    assert other.slot(0, "primary").read(0, 4) == b"\xff" * 4
    assert other.nv_counters.read(NvCounter.BL2_0) == 0
    assert other.memory.read(0x38000000, 3) == b"\0\0\0"


def test_an_occupied_directory_is_refused_until_it_is_let_go(used: Path) -> None:
    holder = Hardware(BOARD, state=used)
    before = contents(used)
    with pytest.raises(StateError, match=f"in use by process {os.getpid()}; legal: one device at a time"):
        Hardware(BOARD, state=used)
    assert contents(used) == before
    holder.close()
    Hardware(BOARD, state=used).close()


def test_a_directory_occupied_by_another_process_is_refused(used: Path) -> None:
    script = (
        "import sys; from tfm_sim.platform.board import load_board; "
        "from tfm_sim.platform.hardware import Hardware; "
        "h = Hardware(load_board('mcuboot_8k'), state=sys.argv[1]); print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(used)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        with pytest.raises(StateError, match=f"in use by process {process.pid}"):
            Hardware(BOARD, state=used)
        process.kill()
    with Hardware(BOARD, state=used) as hardware:  # a killed holder leaves nothing locked
        assert hardware.nv_counters.read(NvCounter.BL2_0) == 7


def cut_off(name: str, size: int) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes((path / name).read_bytes()[:size])


def edit_meta(**changes: object) -> Callable[[Path], object]:
    return lambda path: (path / "state.json").write_text(
        json.dumps(json.loads((path / "state.json").read_text()) | changes)
    )


@pytest.mark.parametrize(
    "damage, message",
    [
        (cut_off("flash0.bin", 100), "half-written: flash0.bin: 100 bytes; legal: 131072 bytes"),
        (cut_off("flash0.bin", 0), "half-written: flash0.bin: 0 bytes"),
        (cut_off("otp.bin", 4095), "half-written: otp.bin: 4095 bytes; legal: 4096 bytes"),
        (lambda path: (path / "otp.bin").unlink(), "half-written: otp.bin: no such file; legal: 4096 bytes"),
        (lambda path: (path / "flash0.bin").unlink(), "half-written: flash0.bin: no such file"),
        (
            lambda path: (path / "state.json").unlink(),
            "half-written: no state.json; legal: a state directory",
        ),
        (cut_off("state.json", 20), "half-written: state.json is not JSON"),
        (lambda path: (path / "state.json").write_text("[]"), "state.json is no description of a state"),
        (lambda path: (path / "state.json").write_text("[" * 100_000), "state.json is not JSON"),
        (lambda path: (path / "state.json").write_bytes(b"\xff"), "state.json is not JSON"),
        (edit_meta(board="an521"), "holds a device of board 'an521'; legal: 'mcuboot_8k'"),
        (edit_meta(format=2), "state.json: format 2; legal: 1"),
        (edit_meta(files={}), "images {} do not fit board mcuboot_8k"),
        (
            lambda path: (path / "otp.bin").write_bytes(bytes(4096)),
            "otp.bin: OTP image begins with 0x00000000",
        ),
        (lambda path: (path / "commit.json").write_text("{"), "half-written: commit.json is not JSON"),
        (lambda path: (path / "commit.json").write_text("{}"), "half-written: commit.json names no images"),
    ],
)
def test_a_damaged_directory_is_refused_and_left_alone(
    used: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(used)
    before = contents(used)
    with pytest.raises(StateError) as caught:
        Hardware(BOARD, state=used)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"state directory {used}: ")
    assert contents(used) == before


def test_another_board_is_refused(used: Path) -> None:
    before = contents(used)
    with pytest.raises(StateError, match="holds a device of board 'mcuboot_8k'; legal: 'an521'"):
        Hardware(load_board("an521"), state=used)
    assert contents(used) == before


def test_a_directory_tells_its_board(used: Path, tmp_path: Path) -> None:
    assert stored_board(used) == "mcuboot_8k"
    assert stored_board(tmp_path / "none") is None
    (used / "state.json").write_bytes(b"[" * 100_000)
    assert stored_board(used) is None
    (used / "state.json").write_text('{"board": 7}')
    assert stored_board(used) is None


def test_a_directory_of_other_things_is_refused_and_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(
        StateError, match=r"no state.json, but other files; legal: a state directory, an empty"
    ):
        Hardware(BOARD, state=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    for path in (tmp_path / "f", tmp_path / "f" / "below", tmp_path / "a\0b"):
        with pytest.raises(StateError, match=re.escape(f"state directory {path}: ")):
            Hardware(BOARD, state=path)


@pytest.mark.parametrize("full_at", [1, 2, 3, 4, 5])
def test_a_full_disk_is_one_clear_error_and_a_later_save_works(
    used: Path, monkeypatch: pytest.MonkeyPatch, full_at: int
) -> None:
    hardware = Hardware(BOARD, state=used)
    hardware.slot(1, "primary").write(0, b"\0" * 4)
    hardware.nv_counters.set(NvCounter.BL2_0, 8)
    calls = 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == full_at:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(StateError, match="cannot be saved: No space left on device"):
            hardware.save()
    hardware.close()
    with Hardware(BOARD, state=used) as again:
        assert again.nv_counters.read(NvCounter.BL2_0) == 8
        assert again.slot(1, "primary").read(0, 4) == b"\0" * 4
    assert set(contents(used)) == {"flash0.bin", "otp.bin", "state.json"}


def test_a_state_that_was_never_saved_is_new(tmp_path: Path) -> None:
    hardware = Hardware(BOARD, state=tmp_path / "a" / "b")
    assert hardware.state is not None
    hardware.state.close()
    with Hardware(BOARD, state=tmp_path / "a" / "b") as again:
        assert again.nv_counters.read(NvCounter.BL2_0) == 0


class Killed(BaseException):
    """The process is gone at this very call."""


def interrupted_save(path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> bool:
    """A save of new images that dies at its ``at``-th system call that changes the directory."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Killed

    real_rename, real_unlink, real_fsync = Path.rename, Path.unlink, os.fsync

    def rename(self: Path, target: Path) -> Path:
        step()
        return real_rename(self, target)

    def unlink(self: Path, missing_ok: bool = False) -> None:
        step()
        real_unlink(self, missing_ok)

    def fsync(descriptor: int) -> None:
        step()
        real_fsync(descriptor)

    hardware = Hardware(BOARD, state=path)
    hardware.slot(0, "primary").erase(0, 0x400)
    hardware.slot(0, "primary").write(0, b"images02")
    hardware.nv_counters.set(NvCounter.BL2_0, 8)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(os, "fsync", fsync)
        try:
            hardware.save()
        except Killed:
            return True
        finally:
            assert hardware.state is not None
            hardware.state.close()
    return False


def test_a_save_cut_at_any_step_leaves_the_old_state_or_the_new_one(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = contents(used)
    seen = set()
    for at in range(1, 100):
        for file in used.iterdir():
            file.unlink()
        for name, data in original.items():
            (used / name).write_bytes(data)
        cut = interrupted_save(used, monkeypatch, at)
        with Hardware(BOARD, state=used) as hardware:
            state = (
                hardware.slot(0, "primary").read(0, 8),
                hardware.nv_counters.read(NvCounter.BL2_0),
            )
        seen.add(state)
        assert state in {(b"images01", 7), (b"images02", 8)}
        assert set(contents(used)) == {"flash0.bin", "otp.bin", "state.json"}
        if not cut:
            break
    assert at > 8, "the save was never cut"
    assert seen == {(b"images01", 7), (b"images02", 8)}


def test_a_commit_whose_images_are_not_there_is_half_written(used: Path) -> None:
    meta = json.loads((used / "state.json").read_text())
    (used / "commit.json").write_text(json.dumps(meta | {"new": {"flash0.bin": "00" * 32}}))
    before = contents(used)
    with pytest.raises(
        StateError, match=r"half-written: flash0\.bin is not the image that commit\.json names"
    ):
        Hardware(BOARD, state=used)
    assert contents(used) == before


@pytest.mark.parametrize(
    "values, message",
    [
        (None, None),
        (DUMMY, None),
        (replace(DUMMY, lifecycle=0), None),
        (replace(DUMMY, huk=b"\1" * 32), "provisioned with another HUK; legal: the same values, or none"),
        (replace(DUMMY, iak=b"\1" * 32), "provisioned with another IAK"),
    ],
)
def test_a_device_that_exists_is_not_provisioned_again(
    used: Path, values: Provisioning | None, message: str | None
) -> None:
    before = contents(used)
    if message is None:
        with Hardware(BOARD, values, state=used) as hardware:
            assert hardware.otp.read(OtpField.LCS) == b"\3\0\0\0"
    else:
        with pytest.raises(StateError, match=message):
            Hardware(BOARD, values, state=used)
        Hardware(BOARD, state=used).close()
    assert contents(used) == before


def test_an_unchanged_state_is_not_written_again(used: Path) -> None:
    before = (used / "flash0.bin").stat().st_mtime_ns
    with Hardware(BOARD, state=used):
        pass
    assert (used / "flash0.bin").stat().st_mtime_ns == before


def test_a_first_save_cut_at_any_step_leaves_a_new_state_or_the_saved_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for at in range(1, 100):
        path = tmp_path / str(at)
        cut = interrupted_save(path, monkeypatch, at)
        with Hardware(BOARD, state=path) as hardware:
            seen.add(
                (hardware.slot(0, "primary").read(0, 8), hardware.nv_counters.read(NvCounter.BL2_0)),
            )
        assert set(contents(path)) == {"flash0.bin", "otp.bin", "state.json"}
        if not cut:
            break
    assert at > 8, "the save was never cut"
    assert seen == {(b"\xff" * 8, 0), (b"images02", 8)}


@pytest.mark.parametrize("left", ["flash0.bin.new", "otp.bin.new", "commit.json.new", "state.json.new"])
def test_leftovers_of_a_first_save_are_no_state(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_bytes(b"half")
    (tmp_path / "lock").touch()
    with Hardware(BOARD, state=tmp_path) as hardware:
        assert hardware.nv_counters.read(NvCounter.BL2_0) == 0
        assert set(contents(tmp_path)) == set()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (
            lambda path: (path / "otp.bin.new").mkdir(),
            "cannot be saved: otp.bin.new: Is a directory; legal: a",
        ),
        (lambda path: (path / "commit.json").mkdir(), "cannot be saved: commit.json"),
    ],
)
def test_an_error_of_the_file_system_names_the_file(
    used: Path, spoil: Callable[[Path], object], message: str
) -> None:
    hardware = Hardware(BOARD, state=used)
    hardware.nv_counters.set(NvCounter.BL2_0, 8)
    spoil(used)
    assert hardware.state is not None
    with pytest.raises(StateError, match=re.escape(message)):
        hardware.save()
    hardware.state.close()


def test_a_lock_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StateError, match="lock: Is a directory; legal: a directory that can be read and wri"):
        Hardware(BOARD, state=tmp_path)
