"""Which system calls a sandboxed process may make, by seccomp: a list of those that compute.

What is not on it fails with EPERM: sockets, starting programs and processes, signals to others,
looking into other processes, mounting, namespaces, keys, io_uring, bpf, and whatever comes later.
Source: https://docs.kernel.org/userspace-api/seccomp_filter.html.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_OTHER_NUMBERING: Final = 0x40000000
"""x32: the same calls by other numbers."""
_THREAD: Final = 0x00010000
_NAMESPACES: Final = 0x7E020080
"""CLONE_NEW…, of which none is needed for a thread."""


def _numbers(table: str) -> dict[str, int]:
    words = iter(table.split())
    return {name: int(number) for name, number in zip(words, words, strict=True)}


_X86: Final = _numbers(
    """
    read 0 write 1 open 2 close 3 stat 4 fstat 5 lstat 6 poll 7 lseek 8 mmap 9 mprotect 10
    munmap 11 brk 12 rt_sigaction 13 rt_sigprocmask 14 rt_sigreturn 15 ioctl 16 pread64 17
    pwrite64 18 readv 19 writev 20 access 21 select 23 sched_yield 24 mremap 25 msync 26 mincore
    27 madvise 28 dup 32 dup2 33 nanosleep 35 getitimer 36 alarm 37 setitimer 38 getpid 39 clone
    56 exit 60 uname 63 fcntl 72 flock 73 fsync 74 fdatasync 75 ftruncate 77 getcwd 79 readlink
    89 umask 95 gettimeofday 96 getrlimit 97 getrusage 98 sysinfo 99 times 100 getuid 102 getgid
    104 geteuid 107 getegid 108 getppid 110 sigaltstack 131 statfs 137 fstatfs 138 prctl 157
    arch_prctl 158 gettid 186 time 201 futex 202 sched_setaffinity 203 sched_getaffinity 204
    getdents64 217 set_tid_address 218 restart_syscall 219 clock_gettime 228 clock_getres 229
    clock_nanosleep 230 exit_group 231 tgkill 234 openat 257 newfstatat 262 readlinkat 267
    faccessat 269 pselect6 270 ppoll 271 set_robust_list 273 get_robust_list 274 dup3 292
    prlimit64 302 getcpu 309 getrandom 318 membarrier 324 statx 332 rseq 334 clone3 435
    faccessat2 439
    """
)
_ARM: Final = _numbers(
    """
    getcwd 17 dup 23 dup3 24 fcntl 25 ioctl 29 flock 32 statfs 43 fstatfs 44 ftruncate 46
    faccessat 48 openat 56 close 57 getdents64 61 lseek 62 read 63 write 64 readv 65 writev 66
    pread64 67 pwrite64 68 pselect6 72 ppoll 73 readlinkat 78 newfstatat 79 fstat 80 fsync 82
    fdatasync 83 exit 93 exit_group 94 set_tid_address 96 futex 98 set_robust_list 99
    get_robust_list 100 nanosleep 101 getitimer 102 setitimer 103 clock_gettime 113 clock_getres
    114 clock_nanosleep 115 sched_setaffinity 122 sched_getaffinity 123 sched_yield 124
    restart_syscall 128 tgkill 131 sigaltstack 132 rt_sigaction 134 rt_sigprocmask 135
    rt_sigreturn 139 times 153 uname 160 getrlimit 163 getrusage 165 umask 166 prctl 167 getcpu
    168 gettimeofday 169 getpid 172 getppid 173 getuid 174 geteuid 175 getgid 176 getegid 177
    gettid 178 sysinfo 179 brk 214 munmap 215 mremap 216 clone 220 mmap 222 mprotect 226 msync
    227 mincore 232 madvise 233 prlimit64 261 getrandom 278 membarrier 283 statx 291 rseq 293
    clone3 435 faccessat2 439
    """
)


class _Machine(NamedTuple):
    token: int
    seccomp: int
    """The number of the call that installs a filter."""
    calls: Mapping[str, int]


_MACHINES: Final = {
    "x86_64": _Machine(0xC000003E, 317, _X86),
    "aarch64": _Machine(0xC00000B7, 277, _ARM),
}

_ONLY: Final[Mapping[str, tuple[int, frozenset[int]]]] = {
    "fcntl": (1, frozenset({0, 1, 2, 3, 4, 1030})),  # no owners of signals, no leases
    "ioctl": (1, frozenset({0x5401, 0x5413, 0x541B, 0x5450, 0x5451})),
    "prctl": (0, frozenset({15, 16, 0x53564D41})),  # names of threads and of memory
    "prlimit64": (0, frozenset({0})),  # its own limits
}
"""Calls of which one argument must be one of these."""


def filters_calls(libc: ctypes.CDLL) -> bool:
    """Whether this kernel filters system calls, on a machine whose numbers are known."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    # Without a program it fails with EFAULT where it would work.
    result = libc.syscall(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, None)
    return int(result) < 0 and ctypes.get_errno() == errno.EFAULT


def restrict_calls(libc: ctypes.CDLL) -> None:
    """Let all threads of this process compute, and nothing else, for good. Raises OSError."""
    machine = _MACHINES[platform.machine()]
    program = _program(machine, os.getpid())
    code = ctypes.create_string_buffer(program)
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    if libc.syscall(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, described) != 0:
        raise OSError(ctypes.get_errno(), "no filter of system calls could be installed")


def _program(machine: _Machine, pid: int) -> bytes:
    steps = [_step(_LOAD, _MACHINE_AT), _step(_EQUAL, machine.token, 1), _step(_RETURN, _KILL)]
    steps += [_step(_LOAD, _NUMBER_AT), _step(_AT_LEAST, _OTHER_NUMBERING, 0, 1)]
    steps += [_step(_RETURN, _KILL)]
    only = {**_ONLY, "tgkill": (0, frozenset({pid}))}
    for name, number in machine.calls.items():
        body = _body(name, only)
        steps += [_step(_EQUAL, number, 0, len(body)), *body]
    steps.append(_step(_RETURN, _ERRNO | errno.EPERM))
    return b"".join(steps)


def _body(name: str, only: Mapping[str, tuple[int, frozenset[int]]]) -> list[bytes]:
    """What is done about one call; each body ends with a return."""
    refused = _step(_RETURN, _ERRNO | errno.EPERM)
    if name == "clone3":
        return [_step(_RETURN, _ERRNO | errno.ENOSYS)]  # its flags can't be seen: use clone
    if name == "clone":
        return [
            _argument(0),
            _step(_AND, _THREAD | _NAMESPACES),
            _step(_EQUAL, _THREAD, 1),
            refused,
            _step(_RETURN, _ALLOW),
        ]
    if name not in only:
        return [_step(_RETURN, _ALLOW)]
    place, values = only[name]
    left = len(values)
    checks = [_step(_EQUAL, value, left - at, 0) for at, value in enumerate(sorted(values))]
    return [_argument(place), *checks, refused, _step(_RETURN, _ALLOW)]


def _argument(place: int) -> bytes:
    """Its lower half: the kernel takes no more of those that are looked at."""
    return _step(_LOAD, _ARGUMENTS_AT + 8 * place)


def _step(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, when_true, when_false, value)
