"""What the operating system takes from a partition's process once its program is loaded (docs/isolation.md).

All of it is Linux's; elsewhere a partition's process is an ordinary one with no open files but its sockets.
"""

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Collection, Iterable
from struct import pack
from typing import Final

_UID_BASE: Final = 2_000_000_000
"""User and group of a partition's process are this plus its process id, so that no two share one."""
_CAPABILITY_VERSION_3: Final = 0x20080522
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_FILTER_FLAG_TSYNC: Final = 1

# name: (x86_64, aarch64), None where the machine has no such call (Linux asm/unistd.h).
_ALLOWED: Final[dict[str, tuple[int | None, int | None]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "exit": (60, 93),
    "uname": (63, 160),
    "fcntl": (72, 25),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "arch_prctl": (158, None),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
_OWN_PROCESS_ONLY: Final[dict[str, tuple[int | None, int | None]]] = {
    "kill": (62, 129),
    "tgkill": (234, 131),
}
_NO_ACCESS: Final[dict[str, tuple[int | None, int | None]]] = {
    "open": (2, None),
    "stat": (4, None),
    "lstat": (6, None),
    "access": (21, None),
    "creat": (85, None),
    "readlink": (89, None),
    "openat": (257, 56),
    "newfstatat": (262, 79),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "open_by_handle_at": (304, 265),
    "statx": (332, 291),
    "openat2": (437, 437),
    "faccessat2": (439, 439),
}
_DEADLY: Final[dict[str, tuple[int | None, int | None]]] = {
    "execve": (59, 221),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "execveat": (322, 281),
}
_CLONE3: Final = 435
_X32_BIT: Final = 0x40000000
# Machine: its AUDIT_ARCH number, and its column above.
_MACHINES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000
_EPERM: Final = 1
_EACCES: Final = 13
_ENOSYS: Final = 38


def close_files(keep: Collection[int]) -> None:
    """Close every open file but those in ``keep``, and let 0 to 2 be the null device."""
    limit = os.sysconf("SC_OPEN_MAX")
    at = 3
    for fd in sorted(keep):
        os.closerange(at, fd)
        at = fd + 1
    os.closerange(at, max(min(limit, 1 << 20), at))
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Ask Linux for a signal to this process when its parent dies, and go at once if it is dead already."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(0)


def drop_privileges() -> list[str]:
    """Nobody may look into this process, and it may do nothing as a superuser. Returns what was achieved."""
    if sys.platform != "linux":
        return []
    done = []
    if os.geteuid() == 0:
        own = _UID_BASE + os.getpid()
        try:
            os.setgroups([])
            os.setresgid(own, own, own)
            os.setresuid(own, own, own)
            done.append("user")
        except OSError:
            pass  # a container that maps no such user; capabilities and system calls still go
    header = ctypes.create_string_buffer(pack("<Ii", _CAPABILITY_VERSION_3, 0))
    nothing = ctypes.create_string_buffer(24)
    if _libc().capset(header, nothing) == 0:
        done.append("capabilities")
    if _prctl(_PR_SET_DUMPABLE, 0) == 0:
        done.append("dumpable")
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1) == 0:
        done.append("no-new-privileges")
    return done


def limit_system_calls() -> list[str]:
    """From here on, for all threads: memory, time, and the files that are open. Returns what was achieved."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return []
    program = _filter(*machine, os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    descriptor = pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    seccomp = 317 if machine[1] == 0 else 277
    done: int = _libc().syscall(
        ctypes.c_long(seccomp),
        ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER),
        ctypes.c_ulong(_SECCOMP_FILTER_FLAG_TSYNC),
        ctypes.c_char_p(descriptor),
    )
    return ["system calls"] if done == 0 else []


def _filter(arch: int, column: int, pid: int) -> bytes:
    """A classic BPF program over struct seccomp_data: int nr, u32 arch, u64 ip, u64 args[6]."""
    code = [_load(4), _skip(arch, 1, 0), _answer(_KILL), _load(0)]
    if column == 0:
        code += (_insn(0x35, 0, 1, _X32_BIT), _answer(_KILL))
    for number in _column(_ALLOWED, column):
        code += (_skip(number, 0, 1), _answer(_ALLOW))
    for number in _column(_NO_ACCESS, column):
        code += (_skip(number, 0, 1), _answer(_ERRNO | _EACCES))
    for number in _column(_DEADLY, column):
        code += (_skip(number, 0, 1), _answer(_KILL))
    code += (_skip(_CLONE3, 0, 1), _answer(_ERRNO | _ENOSYS))
    for number in _column(_OWN_PROCESS_ONLY, column):
        # The first argument's low half is the process; nothing follows that needs the number again.
        code += (_skip(number, 0, 4), _load(16), _skip(pid, 0, 1), _answer(_ALLOW))
        code.append(_answer(_ERRNO | _EPERM))
    code.append(_answer(_ERRNO | _EPERM))
    return b"".join(code)


def _column(table: dict[str, tuple[int | None, int | None]], column: int) -> Iterable[int]:
    return (number for row in table.values() if (number := row[column]) is not None)


def _insn(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return pack("<HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _insn(0x20, 0, 0, offset)


def _skip(value: int, if_equal: int, if_not: int) -> bytes:
    """Skip so many instructions by whether the loaded word is ``value``."""
    return _insn(0x15, if_equal, if_not, value)


def _answer(value: int) -> bytes:
    return _insn(0x06, 0, 0, value)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> int:
    zero = ctypes.c_ulong(0)
    result: int = _libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)
    return result
